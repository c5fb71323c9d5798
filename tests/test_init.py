from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from initializing import LOCK, PYPROJECT, WRITTEN, files
from nox_ship import command
from nox_ship.setup import init
from nox_ship.setup.noxfile import NEW
from nox_ship.setup.survey import Survey
from support import git, make_repository, write_files


@pytest.mark.slow
def test_what_is_missing_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init` writes the missing files and prints the next steps; a second run changes nothing."""
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


@pytest.mark.slow
def test_everything_that_is_to_be_committed_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The `git add` line has all files of `init` that are not committed yet, also those of earlier runs."""
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n'})
    assert command.main(["init", "--ci", "none"]) == 0
    assert "git add pyproject.toml noxfile.py && git commit" in capsys.readouterr().out
    for _ in range(2):
        assert command.main(["init"]) == 0
        line = next(line for line in capsys.readouterr().out.splitlines() if "git add" in line)
        assert set(line.split("&&")[0].split()[2:]) == {*WRITTEN, "pyproject.toml"}
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "x")
    assert command.main(["init"]) == 0
    assert "git add" not in capsys.readouterr().out


@pytest.mark.slow
def test_files_that_state_the_version_get_bump_settings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bump settings are added for files that state the version; existing ones stay, and missing files are named."""
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n'})
    assert command.main(["init"]) == 0
    text = (project / "pyproject.toml").read_text("utf-8")
    assert text.startswith(PYPROJECT)
    assert tomllib.loads(text)["tool"]["bumpversion"]["files"][0]["filename"] == "docs/conf.py"
    assert "1.2.3, in pyproject.toml, docs/conf.py" in capsys.readouterr().out
    write_files(project, {"CITATION.cff": "version: 1.2.3\n"})
    assert command.main(["init"]) == 0
    assert (project / "pyproject.toml").read_text("utf-8") == text
    assert "omit files that state the version: CITATION.cff" in capsys.readouterr().out


@pytest.mark.parametrize("written", ["tool = 5\n", "tool = { x = 1 }\n", "[tool]\nbumpversion = 'x'\n"])
def test_settings_are_added_to_tables_alone(project: Path, written: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If `tool` in pyproject.toml is not written as plain tables, `init` stops with NS112 and changes nothing."""
    text = f"{written}{PYPROJECT}" if written.startswith("tool") else f"{PYPROJECT}{written}"
    write_files(project, {"docs/conf.py": 'release = "1.2.3"\n', "pyproject.toml": text})
    assert command.main(["init"]) == 1
    assert "NS112" in "".join(capsys.readouterr())
    assert (project / "pyproject.toml").read_text("utf-8") == text


@pytest.mark.slow
def test_line_breaks_are_kept(project: Path) -> None:
    """In a checkout with CRLF line breaks, files are up to date, and rewritten files have only CRLF."""
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


@pytest.mark.slow
def test_a_file_keeps_its_mode_and_most_of_its_line_breaks(project: Path) -> None:
    """A changed noxfile keeps its mode, and the kind of line breaks that most of its lines have."""
    path = project / "noxfile.py"
    path.write_bytes(b"#!/usr/bin/env python\nimport nox\r\n\n\ndef f():\n    pass\n")
    path.chmod(0o755)
    assert command.main(["init"]) == 0
    assert path.stat().st_mode & 0o777 == 0o755
    assert b"\r\n" not in path.read_bytes()


def test_without_actions_only_the_noxfile_is_written(project: Path) -> None:
    """`--ci none` writes only the noxfile, and needs no remote."""
    git(project, "remote", "remove", "origin")
    before = files(project)
    assert command.main(["init", "--ci", "none"]) == 0
    assert set(files(project)) - set(before) == {"noxfile.py"}
    assert command.main(["init", "--check", "--ci", "none"]) == 0


@pytest.mark.slow
def test_without_a_forge_the_rest_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On an unknown host, `init` writes no workflow, says why, and shows the sessions for another CI."""
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


@pytest.mark.slow
def test_the_repository_can_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--repository` names the repository if the remote is a fork or missing."""
    git(project, "remote", "set-url", "origin", "git@github.com:me/fork.git")
    assert command.main(["init", "--repository", "acme/sample"]) == 0
    assert "Owner              acme\n" in capsys.readouterr().out
    git(project, "remote", "remove", "origin")
    assert command.main(["init", "--check"]) == 0
    assert command.main(["init", "--repository", "acme/sample"]) == 0
    assert "NS814" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_project_of_the_old_style_gets_a_pyproject(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A project with only setup.py gets a pyproject.toml, and `init` names its imports that nothing installs."""
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


@pytest.mark.slow
def test_hints_come_before_what_is_to_be_typed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output has hints first, then the commands to type, then what to do before the first release."""
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
        (file_for_a_folder, [], ["NS813", ".github is not a folder"]),
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
    """Invalid arguments and projects cause an error with an ID, and no file is written."""
    prepare(project)
    before = files(project)
    assert command.main(["init", *args]) == 1
    project.chmod(0o755)
    told = capsys.readouterr().out
    for words in expected:
        assert words in told
    assert files(project) == before


def path() -> str:
    """Return a search path that starts with the folder of our commands."""
    import sys

    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.mark.slow
def test_the_command_is_installed(project: Path) -> None:
    """The command `nox-ship` is installed."""
    done = subprocess.run(["nox-ship", "--help"], cwd=project, env={**os.environ, "PATH": path()}, check=False)
    assert done.returncode == 0


def test_a_file_is_put_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    """A new file replaces the old one as a whole, so that a hard link to the old file keeps its content."""
    make_repository(
        tmp_path, {"pyproject.toml": '[project]\nname = "sample"\nversion = "1"\n', "noxfile.py": "import nox\n"}
    )
    (tmp_path.parent / "kept.py").hardlink_to(tmp_path / "noxfile.py")
    made = init.plan(Survey.of(tmp_path, "3.12"), ci="none")
    init.write(made, force=True)
    assert "nox_ship" in (tmp_path / "noxfile.py").read_text("utf-8")
    assert (tmp_path.parent / "kept.py").read_text("utf-8") == "import nox\n"
