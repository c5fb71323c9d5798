from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import Call, Programs
from nox_ship import command
from nox_ship.setup import init
from nox_ship.setup.noxfile import NEW
from nox_ship.setup.survey import Survey
from support import git, load_yaml, make_repository, write_files

PYPROJECT = '[project]\nname = "sample"  # ours\nversion = "1.2.3"\n\n[tool.other]\nkey = 1\n'
GITHUB = "git@github.com:acme/sample.git"
LOCK = ".github/nox-ship.txt"
WRITTEN = {"noxfile.py", ".github/workflows/ci.yml", ".github/workflows/release.yml", ".github/dependabot.yml", LOCK}
HASH = "5" * 64


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a committed project with a remote on GitHub, as the current folder."""
    root = tmp_path / "project"
    make_repository(root, {"pyproject.toml": PYPROJECT})
    git(root, "remote", "add", "origin", GITHUB)
    monkeypatch.chdir(root)
    monkeypatch.setattr(command, "_published", lambda _: (HASH,))
    return root


def files(root: Path) -> dict[str, str]:
    """Return every file of a project but git's own."""
    listing = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_text("utf-8", errors="replace") for path in listing}


def test_what_is_missing_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what it found, writes, tells what to type and what to enter on the indexes; twice changes nothing."""
    before = files(project)
    assert command.main(["init"]) == 0
    after = files(project)
    assert set(after) - set(before) == WRITTEN
    assert {name: after[name] for name in before} == before
    assert after["noxfile.py"] == NEW
    told = capsys.readouterr().out
    for words in ("1.2.3, in pyproject.toml", "acme/sample", "nox -s release -- patch --dry-run", "nox -s doctor"):
        assert words in told
    for name, value in (("Owner", "acme"), ("Repository name", "sample"), ("Workflow name", "release.yml")):
        assert f"{name:18} {value}\n" in told
    assert "Environment name   pypi on PyPI, testpypi on TestPyPI\n" in told
    assert command.main(["init"]) == 0
    assert files(project) == after
    assert "nothing" in capsys.readouterr().out
    assert command.main(["init", "--check"]) == 0


def test_a_workflow_that_drifted_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` fails with the difference, `init` leaves it, `--force` writes it; parts of one's own are no drift."""
    command.main(["init"])
    path = project / ".github" / "workflows" / "ci.yml"
    text = path.read_text("utf-8")
    own = text.replace(
        "      # >>> own: steps before a gate\n", "      # >>> own: steps before a gate\n      - run: x\n"
    )
    path.write_text(own, "utf-8")
    assert command.main(["init", "--check"]) == 0
    path.write_text(own.replace("timeout-minutes: 60", "timeout-minutes: 61"), "utf-8")
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 1
    told = capsys.readouterr().out
    assert "-    timeout-minutes: 61" in told
    assert "NS816" in told
    drifted = files(project)
    assert command.main(["init"]) == 0
    assert files(project) == drifted
    assert "--force" in capsys.readouterr().out
    assert command.main(["init", "--force"]) == 0
    assert path.read_text("utf-8") == own


def test_check_misses_workflows_that_are_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A project that was never set up has drifted, and stays as it is."""
    before = files(project)
    assert command.main(["init", "--check"]) == 1
    assert capsys.readouterr().out.count("is missing") == 3
    assert files(project) == before


def test_a_noxfile_is_added_to(project: Path) -> None:
    """Its sessions and its comments stay."""
    (project / "noxfile.py").write_text("import nox  # it\n\n\n@nox.session\ndef mine(session):\n    pass\n", "utf-8")
    assert command.main(["init"]) == 0
    text = (project / "noxfile.py").read_text("utf-8")
    assert "import nox  # it\nimport nox_ship\n" in text
    assert text.endswith("nox_ship.register()\n")


OWN = """\
import nox

nox.options.sessions = ["lint", "test", "typeguard"]


@nox.session
def lint(session):
    pass


@nox.session(python=["3.12", "pypy3.11"])
def test(session):
    pass


@nox.session
def typeguard(session):
    pass


@nox.session
def docs(session):
    session.run("sphinx-autobuild")


@nox.session
def release(session):
    pass


if __name__ == "__main__":
    nox.main()
"""


def test_sessions_of_the_projects_own_stay(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ours come below them; what becomes of each is said, and everything names ours as they are called then."""
    pinned = PYPROJECT.replace("\n\n", '\nrequires-python = "==3.11.*"\n\n', 1)
    write_files(project, {"noxfile.py": OWN, "pyproject.toml": pinned})
    assert command.main(["init"]) == 0
    text = (project / "noxfile.py").read_text("utf-8")
    assert text.replace("import nox_ship\n", "").replace("nox_ship.register()\n\n\n", "").endswith(OWN)
    assert "    pass\n\n\nnox_ship.register()\n\n\nif __name__" in text
    told = capsys.readouterr().out
    for words in (
        "lint (yours), typecheck, test (yours), audit\n",
        "ship-release is ours, because you have a session release",
        "docs: neither `nox` without a name nor the CI runs it",
        "typeguard: to let a release run them too",
        "NS841",
        "  nox -s ship-release -- patch --dry-run ",
    ):
        assert words in told
    release = (project / ".github/workflows/release.yml").read_text("utf-8")
    assert 'run: nox -s ship-release -- "$BUMP" --dry-run' in release
    assert "            3.12\n            pypy3.11\n            3.11\n          allow-prereleases: true\n" in release
    assert "coverage" not in load_yaml(release)["jobs"]
    assert command.main(["init", "--check"]) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("'sphinx-autobuild'", "does not end by itself (sphinx-autobuild)"),
        ("'twine', 'upload'", "send something away (upload)"),
    ],
)
def test_why_a_session_is_no_gate_is_said(
    project: Path, capsys: pytest.CaptureFixture[str], words: str, why: str
) -> None:
    """In the words of its code."""
    session = f"@nox.session\ndef docs(session):\n    session.run({words})\n"
    write_files(project, {"noxfile.py": f"import nox\n\n\n{session}"})
    assert command.main(["init"]) == 0
    assert why in capsys.readouterr().out


def test_what_a_noxfile_hides_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sessions that only running it would tell (NS843), and those below our call (NS842)."""
    hidden = "import nox\nfrom mine import *\nfor name in 'ab':\n    nox.session(name=name)(print)\n"
    write_files(project, {"noxfile.py": hidden})
    assert command.main(["init"]) == 0
    assert "see line 2, 4" in capsys.readouterr().out
    below = "\n\n@nox.session\ndef tests(session):\n    pass\n\n\n@nox.session\ndef mine(session):\n    pass\n"
    write_files(project, {"noxfile.py": f"import nox\nimport nox_ship\n\nnox_ship.register()\n{below}"})
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    assert "NS842 register-not-last: noxfile.py defines tests below" in told
    assert "NS843" not in told


def test_everything_that_is_to_be_committed_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also what an earlier run wrote, and what was changed by hand since; what git has as it is, is not."""
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n'})
    assert command.main(["init", "--ci", "none"]) == 0
    assert "git add pyproject.toml noxfile.py && git commit" in capsys.readouterr().out
    assert command.main(["init"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "git add" in line)
    assert set(line.split("&&")[0].split()[2:]) == {*WRITTEN, "pyproject.toml"}
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "x")
    assert command.main(["init"]) == 0
    assert "git add" not in capsys.readouterr().out


def test_the_noxfile_is_as_the_projects_tools_want_it(
    project: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that would no longer register us, or let nox install what it needs, is not taken."""
    write_files(project, {"pyproject.toml": f"{PYPROJECT}[tool.ruff]\nline-length = 79\n"})

    def remark(call: Call) -> tuple[int, str]:
        return 0, call.options["stdin"].replace("import nox\n", "import nox  # x\n")

    programs.play("check --fix", reply=remark)
    assert command.main(["init"]) == 0
    assert "import nox  # x\n" in (project / "noxfile.py").read_text("utf-8")
    for lost in ("# ///\n", "nox_ship.register()", "import nox_ship"):
        (project / "noxfile.py").unlink()
        programs.play("check --fix", reply=lambda call, lost=lost: (0, call.options["stdin"].replace(lost, "")))  # type: ignore[misc]
        assert command.main(["init"]) == 0
        assert (project / "noxfile.py").read_text("utf-8") == NEW
    (project / "noxfile.py").unlink()
    programs.answer("check --fix", code=2, stdout="offline")
    capsys.readouterr()
    assert command.main(["init"]) == 0
    assert "ruff was not asked how noxfile.py should look, so look at it yourself: offline" in capsys.readouterr().out


def test_a_noxfile_that_needs_more_is_told_how(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it imports is named, with the block to write."""
    (project / "noxfile.py").write_text("import nox\nimport yaml\n", "utf-8")
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    assert "imports yaml." in told
    assert '# dependencies = ["nox", "nox-ship"]' in told


def test_a_noxfile_that_was_changed_by_hand_is_completed(project: Path) -> None:
    """As NS812 advises; the sessions that it leaves out have no jobs."""
    text = (
        '# /// script\n# dependencies = ["nox"]\n# ///\nimport nox\nimport nox_ship\n\n\n@nox.session\n'
        'def tests(session):\n    pass\n\n\nnox_ship.register(exclude=["coverage"])\n'
    )
    (project / "noxfile.py").write_text(text, "utf-8")
    assert command.main(["init"]) == 0
    assert '["nox", "nox-ship"]' in (project / "noxfile.py").read_text("utf-8")
    for name in ("ci", "release"):
        jobs = load_yaml((project / f".github/workflows/{name}.yml").read_text("utf-8"))["jobs"]
        assert "gates" in jobs
        assert "coverage" not in jobs
    assert command.main(["init", "--check"]) == 0


def test_compiled_projects_are_installed_on_one_system(project: Path) -> None:
    """The setting is added to pyproject.toml, whose comments and order stay."""
    (project / "setup.py").write_text("from setuptools import setup\nsetup(ext_modules=[])\n", "utf-8")
    assert command.main(["init"]) == 0
    text = (project / "pyproject.toml").read_text("utf-8")
    assert text.startswith(PYPROJECT)
    assert "[tool.nox-ship.workflows]" in text
    matrix = load_yaml((project / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["verify-install"]
    assert matrix["strategy"]["matrix"]["system"] == ["ubuntu-latest"]
    assert command.main(["init", "--check"]) == 0


def test_files_that_state_the_version_get_bump_settings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are added where there are none, told where there are; twice changes nothing."""
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n'})
    assert command.main(["init"]) == 0
    text = (project / "pyproject.toml").read_text("utf-8")
    assert text.startswith(PYPROJECT)
    assert tomllib.loads(text)["tool"]["bumpversion"]["files"][0]["filename"] == "docs/conf.py"
    assert "1.2.3, in pyproject.toml, docs/conf.py" in capsys.readouterr().out
    write_files(project, {"CITATION.cff": "version: 1.2.3\n"})
    assert command.main(["init"]) == 0
    assert (project / "pyproject.toml").read_text("utf-8") == text
    assert "leave out files that state the version: CITATION.cff" in capsys.readouterr().out


@pytest.mark.parametrize("written", ["tool = 5\n", "tool = { x = 1 }\n", "[tool]\nbumpversion = 'x'\n"])
def test_settings_are_added_to_tables_alone(project: Path, written: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where `tool`, or a part of it, is written in another way, it is NS112, and nothing is replaced."""
    text = f"{written}{PYPROJECT}" if written.startswith("tool") else f"{PYPROJECT}{written}"
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n', "pyproject.toml": text})
    assert command.main(["init"]) == 1
    assert "NS112" in "".join(capsys.readouterr())
    assert (project / "pyproject.toml").read_text("utf-8") == text


def test_line_breaks_are_kept(project: Path) -> None:
    """A checkout with CRLF has not drifted, keeps its own parts, and gets no mixture."""
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n', "noxfile.py": "import nox\n"})
    assert command.main(["init"]) == 0
    paths = [project / name for name in (*WRITTEN, "pyproject.toml")]
    (ci,) = (path for path in paths if path.name == "ci.yml")
    mark = "      # >>> own: steps before a gate\n"
    ci.write_text(ci.read_text("utf-8").replace(mark, f"{mark}      - run: x\n"), "utf-8")
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = {path: path.read_bytes() for path in paths}
    assert command.main(["init", "--check"]) == 0
    assert command.main(["init", "--force"]) == 0
    assert {path: path.read_bytes() for path in paths} == before
    ci.write_bytes(before[ci].replace(b"timeout-minutes: 60", b"timeout-minutes: 61"))
    (project / "noxfile.py").write_bytes(b"import nox\r\n")
    assert command.main(["init", "--force"]) == 0
    assert ci.read_bytes() == before[ci]
    assert b"\n" not in (project / "noxfile.py").read_bytes().replace(b"\r\n", b"")


def test_a_file_keeps_its_mode_and_most_of_its_line_breaks(project: Path) -> None:
    """An executable noxfile stays one; one line that differs does not change the others."""
    path = project / "noxfile.py"
    path.write_bytes(b"#!/usr/bin/env python\nimport nox\r\n\n\ndef f():\n    pass\n")
    path.chmod(0o755)
    assert command.main(["init"]) == 0
    assert path.stat().st_mode & 0o777 == 0o755
    assert b"\r\n" not in path.read_bytes()


def test_settings_for_dependabot_are_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where they do not know the actions, what to add is shown."""
    text = "version: 2\nupdates:\n  - package-ecosystem: pip\n    directory: /\n"
    write_files(project, {".github/dependabot.yml": text})
    assert command.main(["init"]) == 0
    assert (project / ".github/dependabot.yml").read_text("utf-8") == text
    assert "package-ecosystem: github-actions" in capsys.readouterr().out


def test_without_actions_only_the_noxfile_is_written(project: Path) -> None:
    """`--ci none` needs no remote, either."""
    git(project, "remote", "remove", "origin")
    before = files(project)
    assert command.main(["init", "--ci", "none"]) == 0
    assert set(files(project)) - set(before) == {"noxfile.py"}
    assert command.main(["init", "--check", "--ci", "none"]) == 0


def test_without_a_forge_the_rest_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says why there is no workflow, and shows the sessions that another CI calls; twice it says the same."""
    git(project, "remote", "set-url", "origin", "https://git.example/acme/sample.git")
    before = files(project)
    assert command.main(["init"]) == 0
    assert set(files(project)) - set(before) == {"noxfile.py"}
    told = capsys.readouterr().out
    for words in ("NS814", "git.example", "nox -s matrix", "--no-dependencies -s coverage", "nox -s build"):
        assert words in told
    assert command.main(["init", "--check"]) == 0
    git(project, "remote", "remove", "origin")
    assert command.main(["init"]) == 0
    assert "There is no remote" in capsys.readouterr().out


def test_the_repository_can_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the remote is a fork, or tells none."""
    git(project, "remote", "set-url", "origin", "git@github.com:me/fork.git")
    assert command.main(["init", "--repository", "acme/sample"]) == 0
    assert "Owner              acme\n" in capsys.readouterr().out
    git(project, "remote", "remove", "origin")
    assert command.main(["init", "--check"]) == 0
    assert command.main(["init", "--repository", "acme/sample"]) == 0
    assert "NS814" not in capsys.readouterr().out


GITLAB_FILES = {"noxfile.py", ".gitlab-ci.yml", ".gitlab/nox-ship.txt"}


@pytest.mark.parametrize(
    ("remote", "args"),
    [
        ("https://gitlab.com/acme/sample.git", []),
        ("git@gitlab.acme.example:acme/sample.git", []),
        (GITHUB, ["--ci", "gitlab"]),
    ],
)
def test_gitlab_gets_its_file(project: Path, remote: str, args: list[str]) -> None:
    """Only its own host gives identities that PyPI takes; parts of one's own are no drift; twice changes nothing."""
    git(project, "remote", "set-url", "origin", remote)
    before = files(project)
    assert command.main(["init", *args]) == 0
    after = files(project)
    assert set(after) - set(before) == GITLAB_FILES
    assert ("id_tokens" in after[".gitlab-ci.yml"]) == ("gitlab.com" in remote)
    assert HASH in after[".gitlab/nox-ship.txt"]
    assert command.main(["init", *args]) == 0
    assert files(project) == after
    path = project / ".gitlab-ci.yml"
    own = after[path.name].replace("# >>> own: further jobs\n", "# >>> own: further jobs\nmine: {script: [make]}\n")
    path.write_text(own, "utf-8")
    assert command.main(["init", "--check"]) == 0
    path.write_text(own.replace("1 hour", "2 hours"), "utf-8")
    assert command.main(["init", "--check"]) == 1
    assert command.main(["init", "--force"]) == 0
    assert path.read_text("utf-8") == own


def test_gitlabs_file_has_a_job_for_each_gate(project: Path) -> None:
    """But for those that the noxfile leaves out."""
    text = 'import nox_ship\nnox_ship.register(exclude=["audit", "coverage"])\n'
    settings = '[tool.nox-ship]\ngates = ["tests", "coverage", "audit", "mine"]\npythons = ["3.11", "3.12"]\n'
    write_files(project, {"noxfile.py": text, "pyproject.toml": PYPROJECT + settings})
    assert command.main(["init", "--ci", "gitlab"]) == 0
    jobs = load_yaml((project / ".gitlab-ci.yml").read_text("utf-8"))
    assert [job["SESSION"] for job in jobs["gates"]["parallel"]["matrix"]] == ["tests-3.11", "tests-3.12", "mine"]
    assert "coverage" not in jobs


def test_a_file_of_gitlab_that_was_written_by_hand_is_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--force`, the noxfile alone is written: no job would install what a lock tells."""
    write_files(project, {".gitlab-ci.yml": "test: {script: [make]}\n"})
    before = files(project)
    assert command.main(["init", "--ci", "gitlab"]) == 0
    told = capsys.readouterr().out
    assert ".gitlab-ci.yml is yours" in told
    assert "pending" not in told
    assert set(files(project).items()) - set(before.items()) == {("noxfile.py", NEW)}
    assert command.main(["init", "--check", "--ci", "gitlab"]) == 0
    assert command.main(["init", "--ci", "gitlab", "--force"]) == 0
    assert "make" not in (project / ".gitlab-ci.yml").read_text("utf-8")


def test_a_project_below_the_top_has_workflows_at_the_top(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two projects of a repository have workflows of their own; that the same tags start both is told."""
    for name in ("one", "two"):
        root = project / "packages" / name
        write_files(root, {"pyproject.toml": f'[project]\nname = "the.{name}"\nversion = "1"\n'})
        monkeypatch.chdir(root)
        assert command.main(["init"]) == 0
        told = capsys.readouterr().out
        assert f"Workflow name      the-{name}-release.yml\n" in told
        assert ("v{version} start the-one-release.yml too" in told) == (name == "two")
    folder = project / ".github" / "workflows"
    expected = ["the-one-ci.yml", "the-one-release.yml", "the-two-ci.yml", "the-two-release.yml"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    path = folder / expected[3]
    path.write_text(path.read_text("utf-8").replace("timeout-minutes: 60", "timeout-minutes: 61"), "utf-8")
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 1
    assert "../../.github/workflows/the-two-release.yml" in capsys.readouterr().out
    monkeypatch.chdir(project / "packages" / "one")
    assert command.main(["init", "--check"]) == 0


PUBLISH = """\
on: {push: {tags: ["v*"]}}
jobs:
  publish:
    environment: release
    permissions: {id-token: write}
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
"""


@pytest.mark.parametrize("name", ["publish.yml", "release.yml"])
def test_a_second_publisher_is_not_written_without_being_told(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The one that is there is named, and left; the settings that are shown put ours in its place, under its name."""
    theirs = f".github/workflows/{name}"
    write_files(project, {theirs: PUBLISH})
    before = files(project)
    assert command.main(["init"]) == 0
    assert set(files(project)) - set(before) == WRITTEN - {".github/workflows/release.yml"}
    told = capsys.readouterr().out
    assert f"{name} publishes what is tagged, from the environment release" in told
    assert "publisher on" not in told
    assert command.main(["init", "--check"]) == 0
    capsys.readouterr()
    settings = told.partition("--force`:\n\n")[2].partition("\n\n")[0]
    write_files(project, {"pyproject.toml": f"{PYPROJECT}\n{settings}\n"})
    assert command.main(["init", "--force"]) == 0
    assert set(files(project)) - set(before) == WRITTEN - {".github/workflows/release.yml"}
    job = load_yaml((project / theirs).read_text("utf-8"))["jobs"]["pypi"]
    assert job["environment"] == "release"
    told = capsys.readouterr().out
    assert f"Workflow name      {name}\n  Environment name   release\n" in told
    assert "take its trigger out" not in told
    assert command.main(["init", "--check"]) == 0


def test_a_second_publisher_that_was_asked_for_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when it is there already; one that nobody can be sure of is told too."""
    write_files(
        project,
        {
            ".github/workflows/publish.yml": PUBLISH,
            ".github/workflows/x.yml": PUBLISH.replace("uses: pypa/gh-action-pypi-publish@v1", "run: ./publish.sh"),
        },
    )
    for args in (["--force"], []):
        assert command.main(["init", *args]) == 0
        told = capsys.readouterr().out
        assert "publish.yml publishes what is tagged, as release.yml does: delete it" in told
        assert "x.yml may publish what is tagged" in told
    assert (project / ".github/workflows/release.yml").is_file()


def test_jobs_of_ones_own_are_kept(project: Path) -> None:
    """Both workflows have a place for them; they are no drift, and stay when the workflow is written again."""
    assert command.main(["init"]) == 0
    mark = "  # >>> own: further jobs\n"
    job = f"{mark}  mine:\n    runs-on: ubuntu-latest\n    steps: [{{run: make}}]\n"
    for name in ("ci", "release"):
        path = project / f".github/workflows/{name}.yml"
        text = path.read_text("utf-8")
        assert text.count(mark) == 1
        path.write_text(text.replace(mark, job).replace("timeout-minutes: 60", "timeout-minutes: 61"), "utf-8")
    assert command.main(["init", "--check"]) == 1
    assert command.main(["init", "--force"]) == 0
    assert command.main(["init", "--check"]) == 0
    for name in ("ci", "release"):
        jobs = load_yaml((project / f".github/workflows/{name}.yml").read_text("utf-8"))["jobs"]
        assert jobs["mine"]["steps"] == [{"run": "make"}]


def test_a_project_of_the_old_style_gets_a_pyproject(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is built as before; what nothing brings is told, and the rest is written as for any project."""
    (project / "pyproject.toml").unlink()
    script = 'import numpy\nfrom setuptools import setup\nsetup(name="sample", version="1.2.3")\n'
    write_files(project, {"setup.py": script, "docs/conf.py": 'release = "1.2.3"\n'})
    before = files(project)
    assert command.main(["init"]) == 0
    assert set(files(project)) - set(before) == {*WRITTEN, "pyproject.toml"}
    text = (project / "pyproject.toml").read_text("utf-8")
    assert text.startswith('[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n')
    assert tomllib.loads(text)["tool"]["bumpversion"]["files"][0]["filename"] == "docs/conf.py"
    told = capsys.readouterr().out
    assert "setup.py imports numpy:" in told
    assert "1.2.3, in setup.py, docs/conf.py" in told
    assert "git add pyproject.toml noxfile.py" in told
    assert command.main(["init", "--check"]) == 0
    assert command.main(["init"]) == 0
    assert "numpy" not in capsys.readouterr().out.partition("Next:")[0]


def test_hints_come_before_what_is_to_be_typed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then what is to be typed, then what is to be entered elsewhere before the first release."""
    write_files(project, {"noxfile.py": "import nox\nimport yaml\n"})
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    marks = [
        "written",
        "imports yaml",
        "Next:",
        "git add noxfile.py .github",
        "nox -s doctor",
        "Before the first release",
    ]
    places = [told.index(mark) for mark in marks]
    assert places == sorted(places)


def no_project(root: Path) -> None:
    (root / "pyproject.toml").unlink()


def no_name(root: Path) -> None:
    (root / "pyproject.toml").unlink()
    write_files(root, {"setup.py": "import setuptools\nsetuptools.setup(**read())\n"})


def no_repository(root: Path) -> None:
    (root / ".git").rename(root.parent / "away")


def read_only(root: Path) -> None:
    root.chmod(0o555)


def file_for_a_folder(root: Path) -> None:
    write_files(root, {".github": "not a folder"})


def broken_noxfile(root: Path) -> None:
    write_files(root, {"noxfile.py": "def broken(:\n"})


def strange_noxfile(root: Path) -> None:
    write_files(root, {"noxfile.py": "import nox  # größer\n".encode("latin-1")})


def strange_version(root: Path) -> None:
    write_files(root, {"pyproject.toml": f'{PYPROJECT}[tool.nox-ship.workflows]\nversion = "next"\n'})


def own_lock(root: Path) -> None:
    write_files(root, {LOCK: "mine==1\n"})


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "args", "expected"),
    [
        (no_project, [], ["NS111"]),
        (no_name, [], ["NS113"]),
        (no_repository, [], ["NS201"]),
        (read_only, [], ["NS813"]),
        (file_for_a_folder, [], ["NS813", ".github is no folder"]),
        (broken_noxfile, [], ["NS811", "line 1"]),
        (strange_noxfile, [], ["NS811", "UTF-8"]),
        (strange_version, [], ["NS303", "next"]),
        (own_lock, [], ["NS815", LOCK]),
        (nothing, ["--ci", "jenkins"], ["NS108", "jenkins", "github"]),
        (nothing, ["--repository", "sample"], ["NS108", "OWNER/NAME"]),
        (nothing, ["--nonsense"], ["NS108"]),
    ],
)
def test_bad_input_changes_nothing(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    prepare: Callable[[Path], None],
    args: list[str],
    expected: list[str],
) -> None:
    """Each is a clear error with its ID, and not one file is written."""
    prepare(project)
    before = files(project)
    assert command.main(["init", *args]) == 1
    project.chmod(0o755)
    told = capsys.readouterr().out
    for words in expected:
        assert words in told
    assert files(project) == before


@pytest.mark.parametrize("checker", ["mypy", "pyright", "ty"])
def test_type_checkers_are_told_to_leave_a_new_noxfile_alone(project: Path, checker: str) -> None:
    """By a comment that all of them know: their environment has neither nox nor nox-ship."""
    write_files(project, {"pyproject.toml": f"{PYPROJECT}[tool.{checker}]\nx = 1\n"})
    assert command.main(["init"]) == 0
    written = (project / "noxfile.py").read_text("utf-8")
    assert written.replace("# type: ignore\n", "", 1) == NEW
    assert written.index("# ///\n# type: ignore\n") < written.index("import nox")


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("mypy .", True),
        ("mypy src noxfile.py", True),
        ("pyright", True),
        ("mypy src", False),
        ("mypy", False),
        ("mypy --ignore-missing-imports .", False),
        ("pyright src", False),
    ],
)
def test_a_type_checker_of_the_noxfile_is_told_of_our_line(project: Path, run: str, told: bool) -> None:
    """Where it looks at a noxfile that the project has, and nowhere else."""
    workflow = f"on: push\njobs: {{a: {{steps: [{{run: {run}}}]}}}}\n"
    own = "import nox\n\n\n@nox.session\ndef mine(session): ...\n"
    write_files(project, {".github/workflows/test.yml": workflow, "noxfile.py": own, "src/sample/__init__.py": ""})
    assert command.main(["init"]) == 0
    written = (project / "noxfile.py").read_text("utf-8")
    assert ("import nox_ship  # type: ignore[import-not-found,unused-ignore]\n" in written) is told
    assert "nox_ship.register()" in written


def test_pytest_may_have_to_be_told_of_the_noxfile(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it looks for examples in every module, the project's own CI would stumble over the new file."""
    options = '[tool.pytest.ini_options]\naddopts = "--doctest-modules"\n'
    write_files(project, {"pyproject.toml": PYPROJECT + options, "tests/test_a.py": ""})
    assert command.main(["init"]) == 0
    assert "add `--ignore=noxfile.py`" in capsys.readouterr().out
    assert command.main(["init"]) == 0
    assert "add `--ignore=noxfile.py`" not in capsys.readouterr().out


CHECKS = "on: [push]\njobs: {checks: {steps: [{run: flake8 src}, {run: pytest}]}}\n"


@pytest.mark.parametrize(
    ("name", "publisher", "instead"), [("ci.yml", True, "rename yours"), ("release.yml", False, 'file = "publish.yml"')]
)
def test_a_workflow_of_ones_own_is_left(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, publisher: bool, instead: str
) -> None:
    """The rest is written, a person is told how to have ours, and `--check` agrees that nothing is amiss."""
    place = f".github/workflows/{name}"
    write_files(project, {place: CHECKS})
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    for words in (f"{name} is yours", instead, "nox-ship init --force"):
        assert words in told
    assert ("Workflow name" in told) is publisher
    assert set(files(project)) >= WRITTEN
    assert (project / place).read_text("utf-8") == CHECKS
    assert command.main(["init", "--check"]) == 0
    assert f"{place} is the project's own" in capsys.readouterr().out


def test_without_a_workflow_of_ours_nothing_is_installed_for_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No lock and no settings for Dependabot are written where both workflows are the project's own."""
    theirs = {f".github/workflows/{name}": CHECKS for name in ("ci.yml", "release.yml")}
    write_files(project, theirs)
    before = files(project)
    assert command.main(["init"]) == 0
    assert set(files(project).items()) - set(before.items()) == {("noxfile.py", NEW)}
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 0
    assert "none of nox-ship's" in capsys.readouterr().out


def test_force_replaces_a_workflow_of_ones_own(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was there is shown, and a person is told what the gates do not know any more."""
    write_files(project, {".github/workflows/ci.yml": CHECKS, ".github/workflows/release.yml": "name: Mine\n"})
    assert command.main(["init", "--force"]) == 0
    told = capsys.readouterr().out
    assert "-name: Mine" in told
    assert "ci.yml was yours, and told the gates what to run (flake8, pytest)" in told
    assert "release.yml was yours" not in told
    assert command.main(["init", "--check"]) == 0


def test_the_lock_is_raised_and_never_lowered(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init` writes it anew where it has drifted; what Dependabot raised stays, and is no drift."""
    command.main(["init"])
    path = project / LOCK
    text = path.read_text("utf-8")
    assert f"nox-ship=={importlib.metadata.version('nox-ship')} \\\n    --hash=sha256:{HASH}\n" in text
    raised = re.sub(r"^twine==[^ ]+", "twine==999.0", text, flags=re.MULTILINE)
    path.write_text(raised, "utf-8")
    assert command.main(["init", "--check"]) == 0
    path.write_text(re.sub(r"^twine==[^ ]+", "twine==0.1", text, flags=re.MULTILINE), "utf-8")
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 1
    assert "NS816" in capsys.readouterr().out
    assert command.main(["init"]) == 0
    assert path.read_text("utf-8") == text


def test_a_lock_that_was_written_by_hand_is_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--force` replaces it."""
    write_files(project, {LOCK: "mine==1\n"})
    assert command.main(["init"]) == 1
    assert "NS815" in capsys.readouterr().out
    assert (project / LOCK).read_text("utf-8") == "mine==1\n"
    assert command.main(["init", "--force"]) == 0
    assert "mine" not in (project / LOCK).read_text("utf-8")


def test_a_version_that_the_index_lacks_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lock is written without nox-ship, and what to do stands in it and on the terminal."""
    monkeypatch.setattr(command, "_published", lambda _: ())
    assert command.main(["init"]) == 0
    assert "run `nox-ship init` again when it has" in " ".join(capsys.readouterr().out.split())
    assert "is not on the index yet" in (project / LOCK).read_text("utf-8")
    monkeypatch.setattr(command, "_published", lambda _: (HASH,))
    assert command.main(["init"]) == 0
    assert HASH in (project / LOCK).read_text("utf-8")


def test_the_command_is_installed(project: Path) -> None:
    """`nox-ship init` is what a user types."""
    done = subprocess.run(["nox-ship", "--help"], cwd=project, env={**os.environ, "PATH": path()}, check=False)
    assert done.returncode == 0


def path() -> str:
    """Return a search path that starts where our programs are."""
    import sys

    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def test_a_file_is_put_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    """It is written beside it, whole: another name of the old file keeps what that held."""
    make_repository(
        tmp_path, {"pyproject.toml": '[project]\nname = "sample"\nversion = "1"\n', "noxfile.py": "import nox\n"}
    )
    (tmp_path.parent / "kept.py").hardlink_to(tmp_path / "noxfile.py")
    made = init.plan(Survey.of(tmp_path, "3.12"), ci="none", force=True)
    init.write(made, force=True)
    assert "nox_ship" in (tmp_path / "noxfile.py").read_text("utf-8")
    assert (tmp_path.parent / "kept.py").read_text("utf-8") == "import nox\n"
