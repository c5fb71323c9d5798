"""A project whose workflows run on this machine: set up as `nox-ship init` does, with two indexes and a forge."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from failing_index import FailingIndex
from nox_ship.package.manifest import File
from nox_ship.process import uv
from nox_ship.setup import init
from nox_ship.setup.build_system import read_project
from nox_ship.setup.survey import Survey
from releasing import NO_KEYRING
from runner import Forge, Runner, runner_environment
from workbench import GOOD, PYTHON, Bench, make_bench

ROOT = Path(__file__).resolve().parent.parent
WATCH = """\
import os


def test_environment():
    with open(os.environ["RUNNER_HOME"] + "/seen.txt", "a", encoding="utf-8") as seen:
        seen.write("\\n".join(os.environ) + "\\n")
"""
WATCHED = {**GOOD, "tests/test_watch.py": WATCH}
"""A project whose tests print the variables that they see."""


def set_up(bench: Bench, sha256: str = "0" * 64, folder: str = "") -> None:
    """Write what `nox-ship init` writes for a repository on GitHub; the index offers nox-ship with this ``sha256``."""
    bench.git("remote", "set-url", "origin", "https://github.com/acme/sample.git")
    survey = Survey.of(bench.root / folder, PYTHON, project=read_project(bench.root / folder))
    made = init.plan(survey, ci="github", hashes=lambda _: (sha256,))
    init.write(made, force=False)
    bench.git("remote", "set-url", "origin", str(bench.remote))


def tags(bench: Bench) -> dict[str, str]:
    """Return the commit of each tag of the remote."""
    rows = (line.split("\t") for line in bench.git("ls-remote", "--tags", "origin").splitlines())
    return {name.removeprefix("refs/tags/").removesuffix("^{}"): commit for commit, name in rows}


@dataclasses.dataclass
class Actions:
    """A project that is set up, a runner for its workflows, and both indexes."""

    runner: Runner
    bench: Bench
    pypi: FailingIndex
    testpypi: FailingIndex
    forge: Forge
    environment: dict[str, str]
    workflow: str = "release.yml"

    def run(self, event: str, payload: Mapping[str, object], job: str | None = None, **env: str) -> tuple[int, str]:
        """Run the workflow that publishes, or one job of it with the jobs that it needs."""
        identity = {
            "RUNNER_IDENTITY": f"{self.pypi.url}/identity?api=1",
            "RUNNER_REQUEST": self.pypi.request_token,
            **NO_KEYRING,
        }
        config = self.runner.home / "gitconfig"
        config.write_text(f'[url "{self.bench.remote}"]\n\tinsteadOf = https://github.com/acme/sample\n', "utf-8")
        github = {
            "GIT_CONFIG_GLOBAL": str(config),
            "GITHUB_REPOSITORY": "acme/sample",
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_WORKFLOW_REF": f"acme/sample/.github/workflows/{self.workflow}@{payload['ref']}",
        }
        trust = self.pypi.environment()
        own = {**self.environment, **trust, **identity, **github, **env}
        return self.runner.run(self.workflow, event, payload, own, job)

    def cut(self, bump: str) -> tuple[int, str]:
        """Cut a release in the workflow, up to its push; then update the checkout and the forge."""
        head = self.bench.git("rev-parse", "HEAD")
        inputs = {"bump": bump, "dry_run": "false", "target": "route", "run": ""}
        done = self.run("workflow_dispatch", {"inputs": inputs, "ref": "refs/heads/main"}, job="push")
        if done[0] == 0:
            self.bench.git("pull", "--quiet", "--ff-only", "--tags", "origin", "main")
            self.remember(done[1], head)
        return done

    def remember(self, output: str, head: str) -> None:
        """Describe a run on a commit to the forge, from the output of act."""
        sbom = (self.runner.home / "names" / "sbom").resolve().name
        self.forge.remember(output, head, self.workflow, sbom)

    def publish_cut(self, **env: str) -> tuple[int, str]:
        """Start the workflow as the job that pushed the last cut release asked the forge to."""
        asked = self.forge.started[-1]
        inputs = {"bump": "", "dry_run": "false", **asked["inputs"]}
        event = {"inputs": inputs, "ref": asked["ref"], "ref_type": "tag"}
        return self.run("workflow_dispatch", event, **env)

    def tag(self, version: str) -> dict[str, object]:
        """Push a release tag, and return the event that this causes."""
        self.bench.git("tag", "--annotate", "--message", version, f"v{version}")
        self.bench.git("push", "--quiet", "origin", f"v{version}")
        return {"ref": f"refs/tags/v{version}", "ref_type": "tag"}


@pytest.fixture(scope="session")
def runner_variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a runner on which this version of nox-ship can be installed."""
    return variables_of_a_runner(tmp_path_factory.mktemp("runner"))


def variables_of_a_runner(folder: Path) -> dict[str, str]:
    """Build this version of nox-ship, and return the environment of a runner on which it can be installed."""
    subprocess.run([uv(), "build", "--quiet", "--wheel", "--out-dir", str(folder / "wheel"), str(ROOT)], check=True)
    return runner_environment(folder / "venv", next((folder / "wheel").glob("*.whl")))


@pytest.fixture
def actions(tmp_path: Path, runner_variables: dict[str, str]) -> Iterator[Actions]:
    """Return a project that is set up."""
    with acting(tmp_path, runner_variables) as made:
        yield made


@contextmanager
def acting(
    tmp_path: Path,
    runner_variables: dict[str, str],
    folder: str = "",
    project: Mapping[str, str] = WATCHED,
    publish: str = "",
) -> Iterator[Actions]:
    """Set up a project in a folder of its repository; each index trusts a publisher with an environment of its name.

    ``publish`` adds settings for publishing.
    """
    with FailingIndex(tmp_path / "pypi") as pypi, FailingIndex(tmp_path / "testpypi") as testpypi, Forge() as forge:
        testpypi.publisher["environment"] = "testpypi"
        pypi.trust(testpypi)
        settings = [
            pypi.settings("pypi"),
            testpypi.settings("testpypi"),
            '[tool.nox-ship.workflows]\nsystems = ["ubuntu-latest"]\n',
            f"[tool.nox-ship.publish]\nattestations = false\nwait = 20\n{publish}",
        ]
        files = {**project, "pyproject.toml": project["pyproject.toml"] + "\n" + "\n".join(settings)}
        bench = make_bench(tmp_path, {str(Path(folder) / name): text for name, text in files.items()})
        (wheel,) = Path(runner_variables["PIP_FIND_LINKS"].split()[0]).glob("*.whl")
        set_up(bench, File.of(wheel).sha256, folder)
        bench.commit()
        forge.board.commits, forge.bare = lambda: tags(bench), bench.remote
        (tmp_path / "home").mkdir()
        runner, workflow = Runner.made(tmp_path / "home", bench), "sample-release.yml" if folder else "release.yml"
        yield Actions(runner, bench, pypi, testpypi, forge, runner_variables, workflow)
        assert bench.processes() == []
