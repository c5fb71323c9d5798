from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.version import Version

from fakes import Call, Programs, Yard, make_index, make_yard, write_dist
from nox_ship.package.manifest import File, Manifest
from nox_ship.release import comparison, predecessor
from nox_ship.release.comparison import Compared, Comparison
from nox_ship.release.predecessor import before, chosen
from support import commit_files, each, git, make_sdist, make_wheel

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'


@pytest.fixture
def yard(tmp_path: Path, programs: Programs) -> Yard:
    """Return a project whose last release is v1.2.2, and whose fake build backend builds that release."""

    def reply(call: Call) -> tuple[int, str]:
        sources, out = Path(call.line[-1]), Path(call.line[call.line.index("--outdir") + 1])
        assert (sources / "gone.py").read_text("utf-8") == "x = 1\n"  # the content at the tag
        make_wheel(out, {"sample/__init__.py": "", "sample/gone.py": "x = 1\n"}, version="1.2.2")
        make_sdist(out, {"gone.py": "x = 1\n"}, version="1.2.2")
        return 0, ""

    programs.play("-m build", reply=reply)
    yard = make_yard(tmp_path, {"pyproject.toml": PYPROJECT, "gone.py": "x = 1\n"})
    yard.tag("v1.2.2")
    git(yard.root, "rm", "--quiet", "gone.py")
    commit_files(yard.root, {})
    return yard


def compared(yard: Yard, earlier: Mapping[str, bytes] | None = None, *, anew: bool = False) -> Compared:
    """Compare 1.2.3 with an earlier release on the index, or else with a build of the last tag."""
    if not (yard.root / "dist").is_dir():
        write_dist(yard.project, yard.repository.head, "1.2.3")
    manifest = Manifest.read(yard.root / ".nox-ship" / "manifest.json")
    shelf = yard.root.parent / "shelf"
    return Comparison(manifest, yard.project, make_index(earlier=dict(earlier or {})), "PyPI", shelf, anew=anew).result(
        yard.root / ".nox"
    )


@pytest.mark.slow
def test_where_the_index_has_none_the_last_tag_is_built(yard: Yard, programs: Programs) -> None:
    """If the index has no earlier release, the last tag is built once in a clean clone, which is removed afterwards."""
    first = compared(yard)
    assert (first.since, first.file) == ("1.2.2 (built from v1.2.2)", "sample-1.2.2-py3-none-any.whl")
    assert first.lines[-1] == "files: 1 gone (sample/gone.py)"
    assert [finding.id for finding in first.findings] == ["NS562"]
    assert compared(yard) == first
    (build,) = programs.started("build")
    assert not Path(build.line[-1]).exists()
    assert build.env["SOURCE_DATE_EPOCH"] == git(yard.root, "log", "-1", "--format=%ct", "v1.2.2")
    assert git(yard.root, "status", "--porcelain", "--untracked-files=no") == ""
    assert sorted(path.name for path in (yard.root.parent / "shelf").iterdir()) == ["file.whl", "found.json"]
    assert compared(yard, anew=True) == first
    assert len(programs.started("build")) == 2


def test_what_the_index_serves_is_preferred(yard: Yard, programs: Programs) -> None:
    """A release on the index is preferred to building the tag, because users have those files."""
    wheel = make_wheel(yard.root.parent / "old", {"sample/__init__.py": ""}, version="1.2.1")
    assert compared(yard, {wheel.name: wheel.read_bytes()}).since == "1.2.1 on PyPI"
    assert programs.started("build") == []


def test_a_tag_that_does_not_build_is_a_notice(yard: Yard, programs: Programs) -> None:
    """If the last tag cannot be built, the notice NS560 says why, and the same release does not try again."""
    programs.answer("-m build", code=1, stdout="no such backend")
    for _ in range(2):
        (finding,) = compared(yard).findings
        assert (finding.id, finding.level) == ("NS560", "notice")
        assert "PyPI has no earlier release, and v1.2.2 could not be built: The build backend failed" in finding.what
    assert len(programs.started("build")) == 1


def test_a_project_that_moved_since_its_last_release_is_not_compared(yard: Yard, programs: Programs) -> None:
    """If the last tag does not have the project's folder, nothing is built or compared."""
    moved = yard.root / "python"
    commit_files(yard.root, {"python/pyproject.toml": PYPROJECT})
    project = type(yard.project).read(moved)
    write_dist(project, yard.repository.head, "1.2.3")
    manifest = Manifest.read(moved / ".nox-ship" / "manifest.json")
    found = Comparison(manifest, project, make_index(), "PyPI", yard.root.parent / "shelf").result(moved)
    assert "has no folder python" in found.why
    assert programs.started("build") == []


def test_files_that_cannot_be_compared_are_named(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the size limit is not compared."""
    monkeypatch.setattr(predecessor, "MOST", 5)
    assert "1.2.2 (built from v1.2.2) has no file" in compared(yard).why


@pytest.mark.slow
def test_a_build_of_the_last_release_is_waited_for_longer_than_an_index(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Building the last release has a longer time limit than a request to the index."""
    over = threading.Event()
    build = programs._replies[0][1]

    def slow(call: Call) -> tuple[int, str]:
        over.wait(30)
        return build(call)

    programs.play("-m build", reply=slow)
    monkeypatch.setattr(comparison, "SECONDS", 0.2)
    threading.Timer(0.3, over.set).start()
    assert compared(yard).difference
    over.clear()
    monkeypatch.setattr(comparison, "BUILD_SECONDS", 0.01)
    assert "building the last release took over" in compared(yard, anew=True).why
    over.set()
    while (yard.root.parent / "shelf" / "build").exists():
        time.sleep(0.01)


@each(
    ("versions", "expected"),
    [
        (["1.0", "1.1", "1.2", "2.0"], "1.1"),
        (["1.0", "1.1rc1", "1.2.dev1"], "1.0"),
        (["1.2rc1", "1.2rc2", "1.3rc1", "1.2.dev9"], "1.2rc2"),
        (["1.1.post1", "1.1"], "1.1.post1"),
        (["1!0.1", "1.2"], None),
        ([], None),
    ],
)
def test_the_last_release_is_the_last_final_one_before(versions: list[str], expected: str | None) -> None:
    """The last release is the newest final version before this one, or else the newest pre-release."""
    found = before(Version("1.2"), map(Version, versions))
    assert found == (Version(expected) if expected else None)


@each(
    ("new", "old", "expected"),
    [
        (
            ["a-2-py3-none-any.whl", "a-2.tar.gz"],
            ["a-1.tar.gz", "a-1-py3-none-any.whl"],
            ("a-1-py3-none-any.whl", True),
        ),
        (["a-2-py3-none-any.whl", "a-2.tar.gz"], ["a-1-py2.py3-none-any.whl"], ("a-1-py2.py3-none-any.whl", True)),
        (["a-2-py3-none-any.whl", "a-2.tar.gz"], ["a-1.tar.gz", "a-1.zip", "a-1.exe", "x"], ("a-1.tar.gz", True)),
        (
            ["a-2-cp311-cp311-linux_x86_64.whl"],
            [
                f"a-1-cp311-cp311-{name}.whl"
                for name in ("win_amd64", "manylinux_2_17_x86_64", "manylinux_2_17_aarch64")
            ],
            ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", False),
        ),
        (["a-2-cp311-cp311-linux_x86_64.whl"], ["a-1-cp311-cp311-win32.whl"], ("a-1-cp311-cp311-win32.whl", False)),
        (["a-2-py3-none-any.whl"], ["a-1.tar.gz", "b-1-py3-none-any.whl"], None),
        (["a-2.tar.gz"], ["a-1-py3-none-any.whl"], None),
        (["a-2.tar.gz"], ["b-1.tar.gz"], None),
        (["a-2.tar.gz"], [], None),
    ],
)
def test_what_is_most_alike_is_compared(new: list[str], old: list[str], expected: tuple[str, bool] | None) -> None:
    """The most similar file is compared: a wheel for the same or a similar platform, another wheel, an sdist."""
    files = [File(name, "wheel" if name.endswith(".whl") else "sdist", 1, "0" * 64) for name in new]
    found = chosen(files, old)
    assert (found and found[1:]) == expected
