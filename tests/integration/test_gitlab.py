"""Checks the file that `nox-ship init` writes for GitLab against GitLab's schema, and runs it on this machine."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from failing_index import FailingIndex
from gitlab_runner import Pipeline
from nox_ship.package.manifest import File
from nox_ship.setup import init
from nox_ship.setup.survey import Survey
from releasing import NO_KEYRING
from workbench import GOOD, PYTHON, Bench, make_bench

KINDS = {
    "everyday": "",
    "token": '[tool.nox-ship.workflows]\ncredentials = "token"\nenvironments = { pypi = "release now" }\n',
    "no TestPyPI": '[tool.nox-ship.workflows]\ntestpypi = false\nbranches = ["dev", "release/*"]\n',
    "candidates": '[tool.nox-ship]\nroutes.prerelease = "pypi"\ntag = "a/b-{version}"\n',
    "unpublished": '[tool.nox-ship]\ngates = ["mine"]\nroutes.final = "own"\nroutes.prerelease = "own"\n'
    '[tool.nox-ship.indexes.own]\nupload-url = "https://a"\nsimple-url = "https://b"\n',
}

TESTED = ["lock", "gates", "build", "coverage", "verify-install"]


def set_up(bench: Bench, folder: str = "", host: str = "gitlab.com", sha256: str = "0" * 64) -> None:
    """Write what `nox-ship init` writes for a project on GitLab."""
    bench.git("remote", "set-url", "origin", f"https://{host}/acme/sample.git")
    survey = Survey.of(bench.root / folder, PYTHON)
    made = init.plan(survey, ci="gitlab", hashes=lambda _: (sha256,))
    init.write(made, force=False)
    bench.git("remote", "set-url", "origin", str(bench.remote))


def test_the_written_file_fits_the_schema(tmp_path: Path) -> None:
    """For every kind of project, at the top of its repository or in a folder, the written file fits GitLab's schema."""
    paths = []
    for folder, (number, text) in itertools.product(("", "packages/sample/"), enumerate(KINDS.values())):
        place = tmp_path / f"{number}{folder[:1]}"
        place.mkdir()
        pyproject = GOOD["pyproject.toml"].partition("[tool.nox-ship]")[0] + text
        bench = make_bench(place, {f"{folder}pyproject.toml": pyproject, f"{folder}noxfile.py": GOOD["noxfile.py"]})
        set_up(bench, folder)
        paths.append(bench.root / ".gitlab-ci.yml")
    program = str(Path(sys.executable).parent / "check-jsonschema")
    command = [program, "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "ok -- validation done\n")
    for path in paths:
        path.write_text(path.read_text("utf-8").replace("  stage: verify\n", "  stage: [5]\n"), "utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert all(str(path) in done.stdout for path in paths)


@pytest.mark.exhaustive
@pytest.mark.parametrize("folder", ["", "packages/sample"])
def test_a_tag_is_published(tmp_path: Path, runner_variables: dict[str, str], folder: str) -> None:
    """A tag is published with tokens through TestPyPI to PyPI, exactly as built; a branch is only tested."""
    with FailingIndex(tmp_path / "pypi") as pypi, FailingIndex(tmp_path / "testpypi") as testpypi:
        pypi.trust(testpypi)
        settings = [pypi.settings("pypi"), testpypi.settings("testpypi"), "[tool.nox-ship.publish]\nwait = 20\n"]
        files = {**GOOD, "pyproject.toml": GOOD["pyproject.toml"] + "\n" + "\n".join(settings)}
        files["pyproject.toml"] = files["pyproject.toml"].replace('["tests"]', '["tests", "coverage"]')
        inside = f"{folder}/" if folder else ""
        bench = make_bench(tmp_path, {f"{inside}{name}": text for name, text in files.items()})
        (wheel,) = Path(runner_variables["PIP_FIND_LINKS"].split()[0]).glob("*.whl")
        set_up(bench, folder, "gitlab.acme.example", File.of(wheel).sha256)
        bench.commit()
        pipeline = Pipeline(bench, tmp_path / "gitlab", {**runner_variables, **pypi.environment(), **NO_KEYRING})
        assert pipeline.chosen(CI_COMMIT_BRANCH="main") == TESTED
        if folder:
            code, output = pipeline.run(CI_COMMIT_BRANCH="main")
            assert code == 0, output[-5000:]
            assert pypi.files() == testpypi.files() == {}
        bench.git("tag", "--annotate", "--message", "x", "v1.2.3")
        bench.git("push", "--quiet", "origin", "v1.2.3")
        tokens = {"PYPI_API_TOKEN": pypi.new_token(), "TEST_PYPI_API_TOKEN": testpypi.new_token()}
        code, output = pipeline.run(CI_COMMIT_TAG="v1.2.3", **tokens)
        assert code == 0, output[-5000:]
        assert pipeline.ran == [*TESTED, "testpypi", "verify-testpypi", "pypi", "verify-pypi"]
        assert sorted(pypi.files()) == ["sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"]
        assert pypi.files() == testpypi.files()
        assert not any(token in output for token in tokens.values())
