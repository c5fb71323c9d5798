"""The gate `api`: the release it compares with, the modules it reads, and the changes that a version permits."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from fakes import Programs
from nox_ship.errors import ShipError
from nox_ship.gates.api import (
    MOST_TOLD,
    ApiChange,
    ApiCompared,
    ApiComparison,
    LastRelease,
    NothingToCompareError,
    coming,
    judge,
    may_break,
    unpacked,
)
from nox_ship.git import Repository
from nox_ship.project import Project
from support import commit_files, each, git, make_repository

PYPROJECT = '[project]\nname = "sample"\nversion = "1.0.0"\n'
LAST = LastRelease("v1.2.0", Version("1.2.0"), "0" * 40)
GONE = ApiChange("sample.greet", "was removed", "src/sample/__init__.py", 3, gone=True)


def tagged(folder: Path, *tags: str, pyproject: str = PYPROJECT) -> Project:
    """Return a project with a commit for each tag, and one more on top."""
    make_repository(folder, {"pyproject.toml": pyproject, "src/sample/__init__.py": ""})
    for tag in tags:
        git(folder, "tag", tag)
        commit_files(folder, {}, f"after {tag}")
    return Project.read(folder)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("v1.0.0",), "v1.0.0"),
        (("v1.0.0", "v1.1.0", "v1.0.1"), "v1.1.0"),
        (("v1.0.0", "v1.1.0rc1"), "v1.0.0"),
        (("v1.0.0a1", "v1.0.0rc1"), "v1.0.0rc1"),
        (("v1.0.0", "v1.1.0.dev3", "nightly"), "v1.0.0"),
        (("1.0", "1.1"), "1.1"),
    ],
)
def test_the_last_release_is_the_newest_final_one(tmp_path: Path, tags: tuple[str, ...], expected: str) -> None:
    """The last release is the newest final version, or the newest pre-release if there is no final version."""
    assert ApiComparison.of(tagged(tmp_path, *tags)).last.tag == expected


def test_the_release_at_head_is_not_the_last_one(tmp_path: Path) -> None:
    """The release that is tagged at HEAD is the coming one, and a tag on another branch is ignored."""
    project = tagged(tmp_path, "v1.0.0")
    git(tmp_path, "tag", "v1.1.0")
    git(tmp_path, "switch", "--quiet", "--create", "other")
    commit_files(tmp_path, {}, "another")
    git(tmp_path, "tag", "v3.0.0")
    git(tmp_path, "switch", "--quiet", "main")
    comparison = ApiComparison.of(project)
    assert comparison.last.tag == "v1.0.0"
    assert coming(project, comparison.repository, comparison.last) == Version("1.1.0")


def test_what_comes_is_what_the_files_say_where_they_are_ahead(tmp_path: Path) -> None:
    """The coming version is the one in the files if it is newer than the last release, and otherwise unknown."""
    project = tagged(tmp_path, "v0.9.0")
    comparison = ApiComparison.of(project)
    assert coming(project, comparison.repository, comparison.last) == Version("1.0.0")
    git(tmp_path, "tag", "v1.0.0", "v0.9.0")
    comparison = ApiComparison.of(project)
    assert coming(project, comparison.repository, comparison.last) is None


def test_what_comes_is_not_known_where_no_file_states_a_version(tmp_path: Path) -> None:
    """If no file contains the version, the coming version is unknown."""
    comparison = ApiComparison.of(tagged(tmp_path, "v1.0.0", pyproject='[project]\nname = "sample"\n'))
    assert coming(comparison.project, comparison.repository, comparison.last) is None


def test_without_an_earlier_release_there_is_nothing_to_compare(tmp_path: Path) -> None:
    """Without an earlier release, there is nothing to compare, and the message says so."""
    with pytest.raises(NothingToCompareError, match="no earlier release"):
        ApiComparison.of(tagged(tmp_path, "nightly", "v1.0.0.dev1"))


def test_a_history_that_is_cut_off_is_told(tmp_path: Path) -> None:
    """In a shallow clone, the message says that older commits are missing, and how to fetch them."""
    tagged(tmp_path / "whole", "v1.0.0")
    commit_files(tmp_path / "whole", {}, "more")
    git(tmp_path, "clone", "--quiet", "--depth=1", (tmp_path / "whole").as_uri(), "cut")
    with pytest.raises(NothingToCompareError, match=r"lacks older commits \(`git fetch --tags --unshallow`\)"):
        ApiComparison.of(Project.read(tmp_path / "cut"))


@each(
    ("last", "new", "expected"),
    [
        ("1.2.3", "1.2.4", False),
        ("1.2.3", "1.3.0", False),
        ("1.2.3", "2.0.0", True),
        ("1.2.3", "2.0.0rc1", True),
        ("1.2.3", "1.2.3.post1", False),
        ("1.2", "1.3", False),
        ("1", "2", True),
        ("0.2.3", "0.2.4", False),
        ("0.2.3", "0.3.0", True),
        ("0.2.3", "1.0.0", True),
        ("0.0.3", "0.0.4", True),
        ("0.0.0", "0.0.1", True),
        ("1.2.3", "1!0.1", True),
    ],
)
def test_which_releases_may_break(last: str, new: str, expected: bool) -> None:
    """A release may break the API if it changes the first version number that is not 0."""
    assert may_break(Version(last), Version(new)) is expected


def test_a_change_that_the_version_does_not_tell_of_is_an_error() -> None:
    """A breaking change that the version does not permit is an error (NS436) with the object, change, file and line."""
    judged = judge(ApiCompared((GONE,), (), 1), LAST, Version("1.3.0"))
    (error,) = judged.errors
    assert str(error).startswith(
        "NS436 api-broken: sample.greet was removed (src/sample/__init__.py, line 3 of v1.2.0)."
    )
    assert (error.level, judged.warnings) == ("error", ())


def test_a_change_is_a_warning_where_the_version_promises_nothing() -> None:
    """A breaking change is a warning if the coming version is unknown, or if the versions are dates."""
    dated = LastRelease("2024.1", Version("2024.1"), "0" * 40)
    for judged in (
        judge(ApiCompared((GONE,), (), 1), LAST, None),
        judge(ApiCompared((GONE,), (), 1), dated, Version("2024.2")),
    ):
        assert [finding.level for finding in judged.warnings] == ["warning"]
        assert judged.errors == ()


def test_a_release_that_may_break_is_told_what_it_breaks() -> None:
    """If the version permits it, a breaking change is only noted; a release without one is shown its additions."""
    judged = judge(ApiCompared((GONE,), (), 1), LAST, Version("2.0.0"))
    assert (judged.warnings, judged.errors) == ((), ())
    assert judged.told[0] == "compared with v1.2.0: 1 breaking change, 0 additions"
    assert "sample.greet was removed" in judged.told[-1]
    judged = judge(ApiCompared((), ("sample.hello",), 1), LAST, Version("1.2.1"))
    assert judged.told == ("compared with v1.2.0: 0 breaking changes, 1 addition: sample.hello",)


def test_many_changes_are_cut_short() -> None:
    """Only the first breaking changes are listed, and a last line counts the others."""
    many = tuple(ApiChange(f"sample.f{number}", "was removed", "", 0, gone=True) for number in range(MOST_TOLD + 5))
    found = judge(ApiCompared(many, (), 1), LAST, Version("1.2.1")).errors
    assert len(found) == MOST_TOLD + 1
    assert found[0].what == "sample.f0 was removed since v1.2.0."
    assert found[-1].what == "5 more breaking changes: sample.f20, sample.f21, sample.f22 and 2 more."


def test_a_commit_is_unpacked_where_it_is_meant_to_be(tmp_path: Path) -> None:
    """If a tag's tree contains `..`, git refuses to unpack it, and nothing is written outside the folder."""
    repository = make_repository(tmp_path / "project", {"good.py": "1"})

    def written(kind: str, content: bytes) -> bytes:
        command = ["git", "hash-object", "-t", kind, "-w", "--literally", "--stdin"]
        done = subprocess.run(command, cwd=repository.path, input=content, stdout=subprocess.PIPE, check=True)
        return bytes.fromhex(done.stdout.decode().strip())

    file = b"100644 evil.py\0" + written("blob", b"2")
    tree = written("tree", b"40000 ..\0" + written("tree", file) + file.replace(b"evil", b"fine")).hex()
    commit = git(repository.path, "commit-tree", "-m", "x", tree)
    with pytest.raises(ShipError, match="NS901"):
        unpacked(repository, commit, Path(), tmp_path / "made" / "old")
    assert [path.name for path in tmp_path.rglob("*.py")] == ["good.py"]


class Archived(Repository):
    """A repository whose git writes an archive with unsafe names."""

    def run(self, *args: Any, **_: Any) -> str:
        """Write the archive to the path in ``--output``."""
        output = next(arg.removeprefix("--output=") for arg in args if arg.startswith("--output="))
        with tarfile.open(output, "w") as archive:
            for name in ("../out.py", "a/../../out.py", f"{self.path}/out.py", "fine.py"):
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())
        return ""


def test_an_archive_leads_nowhere_else(tmp_path: Path) -> None:
    """Members of an archive that lead out of the folder are skipped."""
    root = unpacked(Archived(tmp_path), "HEAD", Path(), tmp_path / "made" / "old")
    assert [path.relative_to(root) for path in tmp_path.rglob("*.py")] == [Path("fine.py")]


def test_a_release_is_unpacked_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files above the limit for the size of a file or for the number of files are not unpacked."""
    monkeypatch.setattr("nox_ship.gates.api._MOST_FILES", 2)
    monkeypatch.setattr("nox_ship.gates.api._MOST_BYTES", 9)
    repository = make_repository(tmp_path / "repository", {"a.py": "x" * 10, "b.py": "x" * 9, "c.py": "", "d.py": ""})
    root = unpacked(repository, repository.head, Path(), tmp_path / "old")
    assert {path.name for path in root.iterdir()} == {"b.py", "c.py"}


def test_a_release_is_unpacked_as_far_as_it_is_read(tmp_path: Path) -> None:
    """Only Python sources and build settings of the project itself are unpacked, and no symlinks."""
    files = {"a/src/x.py": "1", "a/x.pyi": "2", "a/pyproject.toml": "", "a/data.bin": "3", "b/y.py": "4"}
    repository = make_repository(tmp_path / "repository", files)
    for name in ("link.py", "setup.py"):
        (tmp_path / "repository" / "a" / name).symlink_to("/etc/passwd")
    commit = commit_files(tmp_path / "repository", {})
    root = unpacked(repository, commit, Path("a"), tmp_path / "old")
    found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())
    assert found == ["pyproject.toml", "src/x.py", "x.pyi"]
    assert (unpacked(repository, commit, Path(), tmp_path / "all") / "b" / "y.py").read_text("utf-8") == "4"


def asked(programs: Programs) -> Any:
    """Return the question that griffe's script was asked."""
    (call,) = (call for call in programs.calls if "surface.py" in call.text)
    return json.loads(call.line[-1])


ANSWER = "noise\nnox-ship:" + json.dumps({"changes": [vars(GONE)], "additions": ["sample.x"], "read": 1}) + "\n"


def test_the_packages_are_found_in_both_states(tmp_path: Path, programs: Programs) -> None:
    """The packages are found in both states, each by its own layout, even if the old settings contain unknown keys."""
    files = {
        "pyproject.toml": '[project]\nname = "google.sample"\nversion = "1"\n[tool.nox-ship]\nunheard-of = 1\n',
        "google/sample/__init__.py": "",
        "scripts/__init__.py": "",
    }
    make_repository(tmp_path, files)
    git(tmp_path, "tag", "v1.0.0")
    git(tmp_path, "rm", "--quiet", "-r", "google", "scripts")
    commit_files(
        tmp_path, {"pyproject.toml": '[project]\nname = "google.sample"\nversion = "1"\n', "src/google/sample/a.py": ""}
    )
    programs.answer("surface.py", stdout=ANSWER)
    compared = ApiComparison.of(Project.read(tmp_path)).made([sys.executable], tmp_path)
    assert compared == ApiCompared((GONE,), ("sample.x",), 1)
    (name, before, now), *others = asked(programs)["packages"]
    assert (name, others) == ("google.sample", [])
    assert before == asked(programs)["roots"][0]
    assert now == str(tmp_path / "src")


def test_what_reads_the_modules_is_apart_from_the_project(tmp_path: Path, programs: Programs) -> None:
    """The script that reads the modules runs isolated, with a time limit and the variables in `pass-env`."""
    pyproject = f'{PYPROJECT}[tool.nox-ship]\npass-env = ["SAMPLE"]\n'
    programs.answer("surface.py", stdout=ANSWER)
    ApiComparison.of(tagged(tmp_path, "v1.0.0", pyproject=pyproject)).made(["python"])
    (call,) = (call for call in programs.calls if "surface.py" in call.text)
    assert call.line[:2] == ("python", "-I")
    assert call.options["cwd"] != tmp_path
    assert (call.options["seconds"], tuple(call.options["keep"])) == (300, ("SAMPLE",))


def test_a_folder_beside_the_packages_is_not_of_the_api(tmp_path: Path, programs: Programs) -> None:
    """A package next to the project's own, outside `src`, does not belong to the API."""
    modules = {"sample/__init__.py": "", "extra/__init__.py": ""}
    make_repository(tmp_path, {"pyproject.toml": PYPROJECT, **modules})
    project = Project.read(tmp_path)
    assert {path.name for path in project.packages} == {"sample", "extra"}
    git(tmp_path, "tag", "v1.0.0")
    git(tmp_path, "rm", "--quiet", "-r", "extra")
    commit_files(tmp_path, {})
    programs.answer("surface.py", stdout=ANSWER)
    ApiComparison.of(project).made([sys.executable])
    assert [name for name, *_ in asked(programs)["packages"]] == ["sample"]


@pytest.mark.parametrize(
    "answer", ["", "nox-ship:", "nox-ship:[]", 'nox-ship:{"changes": 3}', "nox-ship:" + "[" * 99999]
)
def test_an_answer_that_is_none_is_told(tmp_path: Path, programs: Programs, answer: str) -> None:
    """If griffe's script fails or prints no valid answer, NS437 is raised."""
    comparison = ApiComparison.of(tagged(tmp_path, "v1.0.0"))
    programs.answer("surface.py", stdout=answer)
    with pytest.raises(ShipError, match="NS437"):
        comparison.made([sys.executable])
    programs.answer("surface.py", code=1, stdout="boom")
    with pytest.raises(ShipError, match="NS437") as caught:
        comparison.made([sys.executable])
    assert caught.value.findings[0].detail == "boom"


def test_a_project_of_which_nothing_can_be_read_is_told(tmp_path: Path, programs: Programs) -> None:
    """If no module can be read, such as in a fully compiled project, there is nothing to compare."""
    comparison = ApiComparison.of(tagged(tmp_path, "v1.0.0"))
    programs.answer("surface.py", stdout=ANSWER.replace('"read": 1', '"read": 0'))
    with pytest.raises(NothingToCompareError, match="no package"):
        comparison.made([sys.executable])


def test_a_repository_without_commits_is_refused(tmp_path: Path) -> None:
    """A repository without commits is refused (NS202)."""
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ShipError, match="NS202"):
        Repository.at(tmp_path)
