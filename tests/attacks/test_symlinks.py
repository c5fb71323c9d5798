"""nox-ship follows no symlink out of the project, and writes no file whose name can be guessed beforehand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from fakes import Yard, noxfile, run_release
from nox_ship import front, showing
from nox_ship.command import main
from nox_ship.errors import ShipError
from nox_ship.files import write_whole
from nox_ship.gates import recipes
from nox_ship.git import Repository
from nox_ship.package import build
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.project import Project
from nox_ship.release.bumpversion import check_places
from nox_ship.release.changelog import cut_changelog
from nox_ship.release.record import Record
from nox_ship.release.source import VersionSource
from nox_ship.release.stage import Workshop
from nox_ship.report import Report
from nox_ship.setup import init
from nox_ship.setup.change import Change
from nox_ship.setup.survey import Survey
from support import commit_files, git, make_project, make_repository, make_sdist, make_wheel, write_files

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
MINE = {"notes.txt": "mine", "noxfile.py": "import nox\n", "sample-1.0.tar.gz": "mine", "folder/deep.txt": "mine"}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder of the user's that nox-ship must not touch."""
    return write_files(tmp_path / "outside", MINE)


def untouched(outside: Path) -> bool:
    found = {p.relative_to(outside).as_posix(): p.read_text("utf-8") for p in outside.rglob("*") if p.is_file()}
    return found == MINE


def made(folder: Path) -> list[Path]:
    """Return a built wheel and sdist."""
    return [make_wheel(folder, {"sample/__init__.py": ""}), make_sdist(folder, {"x": ""})]


def manifest() -> Manifest:
    return Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=())


def test_a_dist_that_is_a_symlink_is_refused(tmp_path: Path, outside: Path) -> None:
    """If `dist` is a symlink, building is refused (NS607), and the files at its target are not touched."""
    project = make_project(tmp_path / "project", STATIC)
    (project.root / "dist").symlink_to(outside)
    with pytest.raises(ShipError, match=r"NS607.*dist is a symlink"):
        build.replace_files(build.dist_folder(project), made(tmp_path / "out"))
    assert untouched(outside)


@pytest.mark.parametrize("name", ["dist", ".nox-ship"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    """If a file has the name of one of our folders, it is kept and NS607 is raised."""
    project = make_project(tmp_path, STATIC, {name: "mine"})
    with pytest.raises(ShipError, match=r"NS607.*is not a folder"):
        build.dist_folder(project) if name == "dist" else project.own_folder()
    assert (tmp_path / name).read_text("utf-8") == "mine"


def test_only_distribution_files_are_deleted(tmp_path: Path, outside: Path) -> None:
    """Only older wheels and sdists are deleted from `dist`; for a symlink with such a name, the target stays."""
    project = make_project(tmp_path / "project", STATIC)
    strange = "x\n.tar.gz"
    write_files(project.root / "dist", {"sample-0.1.tar.gz": "", "notes.txt": "", "site/a.html": "", "x.whl/a": ""})
    write_files(project.root / "dist", {strange: ""})
    (project.root / "dist" / "sample-1.2.3-py3-none-any.whl").symlink_to(outside / "notes.txt")
    (project.root / "dist" / "sample-0.2.tar.gz").symlink_to(outside / "sample-1.0.tar.gz")
    build.replace_files(build.dist_folder(project), made(tmp_path / "out"))
    assert untouched(outside)
    assert sorted(path.name for path in (project.root / "dist").iterdir()) == [
        "notes.txt",
        "sample-1.2.3-py3-none-any.whl",
        "sample-1.2.3.tar.gz",
        "site",
        "x.whl",
    ]
    assert [path.name for path in built_files(project.root / "dist")] == [
        "sample-1.2.3-py3-none-any.whl",
        "sample-1.2.3.tar.gz",
    ]


def folder_itself(root: Path, outside: Path) -> None:
    (root / ".nox-ship").symlink_to(outside)


def folder_of_measurements(root: Path, outside: Path) -> None:
    write_files(root / ".nox-ship", {".gitignore": "*\n"})
    (root / ".nox-ship" / "coverage").symlink_to(outside / "folder")


def names_that_are_written(root: Path, outside: Path) -> None:
    """Make symlinks of the names of all our files, and of their temporary names."""
    write_files(root / ".nox-ship", {".gitignore": "*\n"})
    for name in ("coverage.toml", "manifest.json", "manifest.partial", "build.log", "verified-3.12.json"):
        (root / ".nox-ship" / name).symlink_to(outside / "notes.txt")


def ignore_file(root: Path, outside: Path) -> None:
    """Make the first file that is written a symlink to a file that does not exist."""
    (root / ".nox-ship").mkdir()
    (root / ".nox-ship" / ".gitignore").symlink_to(outside / "new.txt")


@pytest.mark.parametrize("plant", [folder_itself, folder_of_measurements, names_that_are_written, ignore_file])
def test_the_own_folder_leads_nowhere_else(tmp_path: Path, outside: Path, plant: Callable[[Path, Path], None]) -> None:
    """If `.nox-ship` or a file in it is a symlink that leads out, nothing is written (NS607)."""
    files = {"tests/test_a.py": "", "sample.py": ""}
    project = make_project(tmp_path / "project", STATIC, files)
    plant(project.root, outside)
    for write in (
        lambda: manifest().write(build.manifest_path(project)),
        lambda: recipes.tests(project, "3.12"),
        project.own_folder,
    ):
        with pytest.raises(ShipError, match="NS607"):
            write()
    assert untouched(outside)


def test_records_are_written_under_names_that_nobody_can_guess(tmp_path: Path, outside: Path) -> None:
    """Records are not written through a symlink that has their name or a former temporary name."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in (
        "stage.json",
        "stage.partial",
        "report.json.partial",
        "manifest.partial",
        "report.html",
        "history.json",
    ):
        (folder / name).symlink_to(outside / "notes.txt")
    Record("h", "1.0", "v1.0", "x", 0).write(folder / "stage.json")
    Report("x").write(folder / "report.json")
    showing.tell(Report("x"), Workshop(folder))
    manifest().write(folder / "manifest.json")
    assert untouched(outside)
    assert json.loads((folder / "stage.json").read_text("utf-8"))["tag"] == "v1.0"
    assert sorted(path.name for path in folder.iterdir() if not path.is_symlink()) == [
        "history.json",
        "manifest.json",
        "report.html",
        "report.json",
        "stage.json",
    ]


def test_a_file_is_written_whole_and_keeps_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is rewritten keeps its mode, and if writing fails, its old content stays and nothing else is left."""
    path = tmp_path / "a"
    path.write_text("old", "utf-8")
    path.chmod(0o640)
    write_whole(path, "new")
    assert (path.read_text("utf-8"), path.stat().st_mode & 0o777) == ("new", 0o640)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="space"):
        write_whole(path, "other")
    assert [entry.read_text("utf-8") for entry in tmp_path.iterdir()] == ["new"]


def repository_with(folder: Path, link: str, target: Path | str) -> Path:
    """Make a repository with a committed symlink."""
    root = make_repository(folder / "project", {"pyproject.toml": STATIC, "sample.py": ""}).path
    path = root / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "link")
    return root


def initialise(root: Path) -> None:
    plan = init.plan(Survey.of(root, "3.12"), ci="none")
    text = "written by init\n"
    for name in (".github/workflows/ci.yml", ".github/dependabot.yml"):
        plan.changes.append(Change(root / name, name, None, text, "x"))
    init.write(plan, force=True)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("noxfile.py", "{outside}/new.py"),
        ("noxfile.py", "../outside/noxfile.py"),
        (".github", "{outside}"),
        (".github/workflows", "../../outside/folder"),
        (".github/workflows/ci.yml", "{outside}/notes.txt"),
        (".github/dependabot.yml", "{outside}/new"),
        (".github/dependabot.yml", "dependabot.yml"),
        (".github/workflows", "../.git/hooks"),
    ],
)
def test_init_writes_nothing_elsewhere(tmp_path: Path, outside: Path, link: str, target: str) -> None:
    """A committed symlink that leads out of the repository, or into `.git`, stops `init` before its first write."""
    root = repository_with(tmp_path, link, target.format(outside=outside))
    with pytest.raises(ShipError, match=r"NS608|NS811"):
        initialise(root)
    assert untouched(outside)
    assert git(root, "status", "--porcelain") == ""
    assert not (root / ".git" / "hooks" / "ci.yml").exists()


@pytest.mark.parametrize("name", [".noxfile.py.partial", ".pyproject.toml.partial"])
def test_init_overwrites_nothing_by_its_temporary_name(tmp_path: Path, outside: Path, name: str) -> None:
    """A committed symlink with the name of a temporary file is not followed by `init`."""
    root = repository_with(tmp_path, name, outside / "notes.txt")
    initialise(root)
    assert untouched(outside)
    assert (root / name).is_symlink()
    assert (root / "noxfile.py").is_file()


def test_a_symlink_within_the_repository_is_followed(tmp_path: Path) -> None:
    """A symlink within the repository is followed, as two projects may share a noxfile."""
    root = repository_with(tmp_path, "noxfile.py", "shared/noxfile.py")
    write_files(root / "shared", {"noxfile.py": "import nox\n"})
    initialise(root)
    assert (root / "noxfile.py").is_symlink()
    assert "nox_ship.register()" in (root / "shared" / "noxfile.py").read_text("utf-8")


def test_the_first_noxfile_is_written_nowhere_else(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`nox-ship receive` refuses (NS817) to create the target of a dangling symlink."""
    monkeypatch.chdir(make_project(tmp_path / "project", STATIC).root)
    Path("noxfile.py").symlink_to(outside / "new.py")
    assert main(["receive", "files"]) == 1
    assert "NS817" in capsys.readouterr().out
    assert untouched(outside)


@pytest.mark.parametrize("option", ["--bundle", "--report"])
@pytest.mark.parametrize("name", [".nox-ship/x", "./.nox-ship/deep/x", "far/../.nox-ship/x", "{root}/.nox-ship/x"])
def test_no_argument_names_a_file_elsewhere(
    yard: Yard, outside: Path, monkeypatch: pytest.MonkeyPatch, option: str, name: str
) -> None:
    """If `--bundle` or `--report` leads out of the project through a symlink, the release does not begin (NS608)."""
    monkeypatch.setattr(front, "workshop", lambda _: pytest.fail("the release began"))
    (yard.root / ".nox-ship").symlink_to(outside)
    (yard.root / "far").mkdir()
    (yard.root.parent / "alias").symlink_to(yard.root)
    for root in (yard.root, yard.root.parent / "alias"):
        for invoked_from in (yard.root, yard.root.parent / "alias"):
            with pytest.raises(ShipError, match="NS608"):
                run_release(root, ["minor", option, name.format(root=root)], noxfile(yard.root, "tests"), invoked_from)
    assert untouched(outside)


def test_a_named_file_is_looked_at_again_before_it_is_written(tmp_path: Path, outside: Path) -> None:
    """The place of a named file is checked again before writing; a path outside the project is allowed."""
    root = make_project(tmp_path / "project", STATIC).root
    assert front._target(root, root, Path("a/x")) == root / "a" / "x"
    (root / "a").symlink_to(outside)
    with pytest.raises(ShipError, match="NS608"):
        front._target(root, root, Path("a/x"))
    for free in ("../x", str(tmp_path / "x"), "../outside/x"):
        assert front._target(root, root, Path(free)) == root / free


@pytest.mark.slow
def test_a_bundle_is_written_where_it_was_meant_to_be(
    yard: Yard, outside: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """If a hook replaces the bundle's folder by a symlink while the release is cut, NS608 is raised."""

    @contextmanager
    def opened(*_: object) -> Iterator[object]:
        yield yard.world

    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(front, "opened", opened)
    monkeypatch.setattr(front, "run_pipeline", lambda *_: (yard.root / "a").symlink_to(outside))
    with pytest.raises(ShipError, match="NS608"):
        run_release(yard.root, ["minor", "--bundle", "a/x", "--report", "a/y"], noxfile(yard.root, "tests"), yard.root)
    assert untouched(outside)


def test_a_bump_changes_nothing_elsewhere(tmp_path: Path, outside: Path) -> None:
    """A version file (NS608) or changelog (NS308) that a symlink leads out of the repository stops the bump."""
    text = "## Unreleased\n"
    (outside / "log.md").write_text(text, "utf-8")
    settings = '[tool.bumpversion]\n[[tool.bumpversion.files]]\nfilename = "far/notes.txt"\n'
    root = repository_with(tmp_path, "far", outside)
    commit_files(root, {"pyproject.toml": STATIC + settings})
    (root / "CHANGELOG.md").symlink_to(outside / "log.md")
    project = Project.read(root)
    with pytest.raises(ShipError, match=r"NS608.*notes.txt"):
        check_places(project, VersionSource.of(project), Repository(root))
    with pytest.raises(ShipError, match=r"NS308.*CHANGELOG"):
        cut_changelog(project, "1.2.4", date(2026, 1, 1))
    assert (outside / "log.md").read_text("utf-8") == text


CARGO = '[build-system]\nbuild-backend = "maturin"\n[tool.maturin]\nmanifest-path = "../Cargo.toml"\n'


@pytest.mark.parametrize(
    "settings",
    [
        '[project]\nname = "sample"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "../outside/v.py"\n',
        f'[project]\nname = "sample"\ndynamic = ["version"]\n{CARGO}',
        f'{STATIC}[[tool.bumpversion.files]]\nfilename = "../outside/v.py"\n',
    ],
)
def test_a_bump_changes_nothing_above_the_repository(tmp_path: Path, outside: Path, settings: str) -> None:
    """A version file whose own path leads out of the repository stops the bump (NS608)."""
    (outside / "v.py").write_text('__version__ = "1.2.3"\n', "utf-8")
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "sample"\nversion = "1.2.3"\n', "utf-8")
    root = make_project(tmp_path / "project", settings).root
    git(root, "init", "--quiet")
    project = Project.read(root)
    with pytest.raises(ShipError, match="NS608"):
        check_places(project, VersionSource.of(project), Repository(root))


def test_a_bump_follows_no_symlink_whose_name_is_not_utf8(tmp_path: Path, outside: Path) -> None:
    """A symlink that a glob of bump-my-version's settings finds stops the bump (NS608), whatever bytes its name has."""
    settings = '[tool.bumpversion]\n[[tool.bumpversion.files]]\nglob = "*/notes.txt"\n'
    root = repository_with(tmp_path, os.fsdecode(b"caf\xe9"), outside)
    commit_files(root, {"pyproject.toml": STATIC + settings})
    project = Project.read(root)
    with pytest.raises(ShipError, match=r"NS608.*notes\.txt") as caught:
        check_places(project, VersionSource.of(project), Repository(root))
    assert str(caught.value).encode()


def test_a_symlink_that_is_not_changed_stops_no_bump(tmp_path: Path, outside: Path) -> None:
    """A symlink that leads out of the repository does not stop a bump that does not write through it."""
    root = repository_with(tmp_path, "far", outside)
    project = Project.read(root)
    check_places(project, VersionSource.of(project), Repository(root))


def test_changes_are_carried_into_the_clone_alone(tmp_path: Path, outside: Path) -> None:
    """If a folder replaced a committed symlink, its files are copied into the clone and not to the symlink's target."""
    root = repository_with(tmp_path, "far", outside)
    clone = Repository(root).clone(tmp_path / "clone")
    (root / "far").unlink()
    write_files(root / "far", {"notes.txt": "evil", "new.txt": "evil"})
    Repository(root).carry_changes(clone)
    assert untouched(outside)
    assert (clone.path / "far" / "notes.txt").read_text("utf-8") == "evil"


def test_a_folder_named_as_a_wheel_is_none(tmp_path: Path) -> None:
    """A folder with the name of a wheel does not count as one of the built files."""
    dist = write_files(tmp_path / "dist", {"x.whl/a": ""})
    wheel, sdist = made(dist)
    files = tuple(map(File.of, built_files(dist)))
    assert [file.name for file in files] == [wheel.name, sdist.name]
    told = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=files)
    assert told.check(dist) == [wheel, sdist]
