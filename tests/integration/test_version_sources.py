"""Releases of projects that store their version in different places, with different build backends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench import GOOD, PYTHON, QUICK, Bench, make_bench

HEAD = f"""\
[project]
name = "sample"
description = "A sample"
readme = "README.md"
requires-python = ">=3.11"
classifiers = ["Programming Language :: Python :: {PYTHON}"]
"""
SHIP = "\n[tool.nox-ship]\ngates = []\n"

POETRY = {
    "pyproject.toml": f"""\
[build-system]
requires = ["poetry-core>=2"]
build-backend = "poetry.core.masonry.api"

[tool.poetry]
name = "sample"
version = "1.2.3"
description = "A sample"
authors = ["Tester <tester@example.org>"]
readme = "README.md"
packages = [{{ include = "sample", from = "src" }}]
classifiers = ["Programming Language :: Python :: {PYTHON}"]

[tool.poetry.dependencies]
python = "^3.11"

[tool.poetry.group.dev.dependencies]
pytest = "^8.0 || ^9.0"
{SHIP}"""
}
HATCH_PATH = {
    "pyproject.toml": f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

{HEAD}dynamic = ["version"]

[tool.hatch.version]
path = "src/sample/__about__.py"
{SHIP}""",
    "src/sample/__about__.py": '__version__ = "1.2.3"\n',
}
SETUPTOOLS_ATTRIBUTE = {
    "pyproject.toml": f"""\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

{HEAD}dynamic = ["version"]

[tool.setuptools.dynamic]
version = {{ attr = "sample.__version__" }}
{SHIP}""",
    "src/sample/__init__.py": "__version__ = '1.2.3'\n\n\ndef main():\n    print('hello')\n",
}
FLIT = {
    "pyproject.toml": f"""\
[build-system]
requires = ["flit_core>=3.9"]
build-backend = "flit_core.buildapi"

{HEAD.replace('description = "A sample"' + chr(10), "")}dynamic = ["version", "description"]
{SHIP}""",
    "src/sample/__init__.py": '"""A sample."""\n\n__version__ = "1.2.3"\n\n\ndef main():\n    print("hello")\n',
}
SETUP_CFG = {
    "pyproject.toml": f'[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n{SHIP}',
    "setup.cfg": """\
[metadata]
name = sample
version = 1.2.3
description = A sample
long_description = file: README.md
long_description_content_type = text/markdown

[options]
package_dir =
    = src
packages = find:

[options.packages.find]
where = src
""",
}


def tree_built(stage: Bench) -> str | None:
    """Return the tree that the manifest of the files in a stage names."""
    tree: str | None = json.loads((stage.root / ".nox-ship" / "manifest.json").read_text("utf-8"))["tree"]
    return tree


@pytest.mark.parametrize(
    "files",
    [
        POETRY,
        pytest.param(HATCH_PATH, marks=pytest.mark.exhaustive),
        pytest.param(SETUPTOOLS_ATTRIBUTE, marks=pytest.mark.exhaustive),
        pytest.param(FLIT, marks=pytest.mark.exhaustive),
        pytest.param(SETUP_CFG, marks=pytest.mark.exhaustive),
    ],
)
def test_version_is_changed_where_it_is_kept(tmp_path: Path, files: dict[str, str]) -> None:
    """The version is found where the project stores it, changed only there, and used for the built files."""
    bench = make_bench(tmp_path, {**GOOD, **files})
    outcome = bench.rehearse("minor")
    assert outcome.code == 0, outcome.output
    report = bench.report()
    assert report["version"] == "1.3.0"
    assert report["uploads"][0].startswith("sample-1.3.0-")
    stage = Bench(bench.stage(), bench.remote, bench.cache)
    changed = stage.git("diff", "--numstat", "HEAD~", "HEAD").splitlines()
    assert len(changed) == 1
    assert changed[0].startswith("1\t1\t")
    assert tree_built(stage) == stage.git("rev-parse", "HEAD^{tree}")


def test_project_in_a_folder_of_the_repository(tmp_path: Path) -> None:
    """A project in a folder of its repository is released from that folder, with its own changelog."""
    files = {**QUICK, "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- A thing.\n"}
    bench = make_bench(tmp_path, {f"packages/one/{name}": text for name, text in files.items()})
    inner = Bench(bench.root / "packages" / "one", bench.remote, bench.cache)
    outcome = inner.rehearse()
    assert outcome.code == 0, outcome.output
    assert bench.report()["version"] == "1.2.4"
    released = bench.stage() / "packages" / "one"
    assert 'version = "1.2.4"\n' in (released / "pyproject.toml").read_text("utf-8")
    assert "## [Unreleased]\n\n## [1.2.4] - 20" in (released / "CHANGELOG.md").read_text("utf-8")


HATCH_VCS = f"""\
[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"

{HEAD}dynamic = ["version"]

[tool.hatch.version]
source = "vcs"
{SHIP}"""
SETUPTOOLS_SCM = f"""\
[build-system]
requires = ["setuptools>=77", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"

{HEAD}dynamic = ["version"]

[tool.setuptools_scm]
{SHIP}"""


@pytest.mark.parametrize("pyproject", [HATCH_VCS, pytest.param(SETUPTOOLS_SCM, marks=pytest.mark.exhaustive)])
def test_a_changelog_is_cut_where_tags_tell_the_version(tmp_path: Path, pyproject: str) -> None:
    """If the version comes from tags, cutting the changelog makes a commit, and the tag is on that commit."""
    changes = "0.10 (unreleased)\n=================\n\n- A thing.\n\n0.9.0 (2026-01-02)\n==================\n"
    bench = make_bench(tmp_path, {**GOOD, "pyproject.toml": pyproject, "CHANGES.rst": changes})
    bench.git("tag", "v0.9.0")
    bench.write({"more.txt": ""})
    bench.commit()
    outcome = bench.rehearse("minor")
    assert outcome.code == 0, outcome.output
    report = bench.report()
    assert report["uploads"] == ["sample-0.10.0-py3-none-any.whl → PyPI", "sample-0.10.0.tar.gz → PyPI"]
    stage = Bench(bench.stage(), bench.remote, bench.cache)
    assert stage.git("rev-parse", "HEAD~", "v0.10.0^{commit}").split() == [
        bench.git("rev-parse", "HEAD"),
        report["commit"],
    ]
    assert (stage.root / "CHANGES.rst").read_text("utf-8").startswith("0.10.0 (20")
    assert tree_built(stage) is None  # another commit with this tree would not give the same files


def test_own_settings_of_bump_my_version_are_kept(tmp_path: Path) -> None:
    """A project's own settings for bump-my-version decide the parts, files, message and tag."""
    own = """
[tool.bumpversion]
current_version = "1.0.0"
message = "Go from {current_version} to {new_version}"
tag_name = "release-{new_version}"

[[tool.bumpversion.files]]
filename = "src/sample/number.txt"
"""
    files = {**GOOD, "src/sample/number.txt": "This is 1.2.3.\n"}
    bench = make_bench(tmp_path, {**files, "pyproject.toml": QUICK["pyproject.toml"] + own})
    outcome = bench.rehearse("minor")
    assert outcome.code == 0, outcome.output
    assert outcome.has("NS307")
    stage = Bench(bench.stage(), bench.remote, bench.cache)
    assert stage.git("log", "-1", "--format=%s") == "Go from 1.2.3 to 1.3.0"
    assert stage.git("tag", "--points-at", "HEAD") == "release-1.3.0"
    assert (stage.root / "src/sample/number.txt").read_text("utf-8") == "This is 1.3.0.\n"
    unknown = bench.rehearse("release")
    assert unknown.code == 1
    assert unknown.has("NS302", "major, minor, patch")
