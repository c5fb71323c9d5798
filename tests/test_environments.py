from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nox
import pytest

from nox_ship import environments, process
from nox_ship.gates.recipes import Recipe
from nox_ship.gates.toolbox import RecipeStep
from nox_ship.package.build import manifest_path
from nox_ship.package.installable import built_wheel
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from support import make_project, make_repository, make_wheel, write_files


@pytest.mark.parametrize(("folder", "file"), [(".", "a.txt"), ("docs", "{root}/a.txt")])
def test_a_command_apart_has_what_its_step_needs_and_nothing_else(tmp_path: Path, folder: str, file: str) -> None:
    """A command apart gets only what its step needs, on the session's Python, without the project's uv settings."""
    project = make_project(tmp_path, '[project]\nname = "sample"\nversion = "1.0"\n')
    session = cast("nox.Session", SimpleNamespace(bin="/env/bin"))
    needs = {"files": ("a.txt",), "project": True, "extras": ("x", "y"), "constraints": ("six<2", "idna==3")}
    step = RecipeStep(("ruff==1.0",), folder=folder, **needs)  # type: ignore[arg-type]
    root = tmp_path.as_posix()
    command = environments._apart(session, project, step)
    (constraints,) = (tmp_path / ".nox-ship").glob("constraints-*.txt")
    assert constraints.read_text("utf-8") == "six<2\nidna==3\n"
    assert command == [
        *(process.uv(), "run", "--quiet", "--isolated", "--no-project", "--python", str(Path("/env/bin/python"))),
        *(
            "--with",
            "ruff==1.0",
            "--with-requirements",
            file.format(root=root),
            "--with-editable",
            f"{root}[x,y]",
            "--constraints",
            constraints.as_posix(),
            "--",
        ),
    ]


class Recorded:
    """A session that records its calls."""

    bin = "/env/bin"
    virtualenv = SimpleNamespace(_reused=False)

    def __init__(self) -> None:
        self.did: list[Any] = []
        self.folder = Path()

    def install(self, *words: str) -> None:
        """Record the installation."""
        self.did.append(("install", *words))

    def log(self, line: str) -> None:
        """Record the line."""
        self.did.append(line)

    def run(self, *words: str, env: dict[str, str], external: bool) -> None:
        """Record the command, its folder and its variables."""
        self.did.append((words, self.folder.name, env, external))

    @contextmanager
    def chdir(self, folder: Path) -> Iterator[None]:
        """Set the folder for the duration of a block."""
        self.folder = folder
        yield


def test_dependencies_are_lowered_where_the_tests_ran(tmp_path: Path) -> None:
    """uv installs the lowest versions in the environment of the tests, and the finding names them."""
    project = make_project(tmp_path, '[project]\nname = "sample"\nversion = "1.0"\n')
    place = "env/lib/python3.11/site-packages"
    write_files(
        tmp_path,
        {
            f"{place}/sample-1.0.dist-info/METADATA": "Name: sample\nVersion: 1.0\nRequires-Dist: click>=7\n",
            f"{place}/click-7.0.dist-info/METADATA": "Name: click\nVersion: 7.0\n",
        },
    )
    session = Recorded()
    session.bin = str(tmp_path / "env" / "bin")
    finding = environments._lower(cast("nox.Session", session), project, RecipeStep(project=True))
    ((_, *options, editable, path), *_) = session.did
    assert options == ["--resolution", "lowest-direct", "--upgrade"]
    assert (editable, path) == ("-e", project.root.as_posix())
    assert "click 7.0" in finding.what


@pytest.mark.parametrize("reused", [True, False])
def test_a_reused_environment_gets_what_a_new_one_would_have(tmp_path: Path, reused: bool) -> None:
    """uv upgrades all that a reused environment has, except the project, and removes what is not wanted any more."""
    project = make_project(tmp_path, '[project]\nname = "my.sample"\nversion = "1.0"\n')
    for name in ("my_sample-1.0", "PyYAML-6.0", "click-8.0"):
        (tmp_path / "env" / "lib" / "python3.11" / "site-packages" / f"{name}.dist-info").mkdir(parents=True)
    session = Recorded()
    session.bin, session.virtualenv = str(tmp_path / "env" / "bin"), SimpleNamespace(_reused=reused)
    environments.install(cast("nox.Session", session), project, RecipeStep(("pytest",)))
    options = ["--exact", "--upgrade-package", "click", "--upgrade-package", "pyyaml"] if reused else []
    assert session.did == [("install", *options, "pytest")]


def test_commands_run_with_what_their_steps_say(tmp_path: Path) -> None:
    """Each command runs with its step's folder and variables; the step that installs the project comes first."""
    project = make_project(tmp_path / "root", '[project]\nname = "sample"\nversion = "1.0"\n')
    inside = RecipeStep(("mypy",), project=True, commands=(("mypy", "src"),), env={"A": "b"}, why="as in\x1b[31m CI")
    apart = RecipeStep(("ruff",), commands=(("ruff", "check"), ("/bin/x",)), env={"C": "d"}, folder="docs")
    session = Recorded()
    recipe = Recipe((apart, inside), notes=("look\nhere",))
    environments.run_recipe(cast("nox.Session", session), project, recipe, {"A": "x", "M": "m"})
    start = tuple(environments._apart(cast("nox.Session", session), project, apart))
    assert session.did == [
        "look\\nhere",
        "mypy: as in CI",
        ("install", "-e", project.root.as_posix(), "mypy"),
        (("mypy", "src"), "root", {"A": "b", "M": "m"}, False),
        ((*start, "ruff", "check"), "docs", {"A": "x", "C": "d", "M": "m"}, True),
        ((*start, "/bin/x"), "docs", {"A": "x", "C": "d", "M": "m"}, True),
    ]


TRIED = {
    "pyproject.toml": '[project]\nname = "sample"\nversion = "1.0"\n',
    "sample/__init__.py": "",
    "tests/test_a.py": "",
    ".gitignore": "dist\n.nox-ship\n",
}


@pytest.mark.parametrize(("built", "changed"), [(False, False), (False, True), (True, False), (True, True)])
def test_the_installed_project_is_tried_without_its_sources(tmp_path: Path, built: bool, changed: bool) -> None:
    """Tests run in a copy without the package, on the wheel of this commit or else on one built from the sources."""
    repository = make_repository(tmp_path / "project", TRIED)
    project = Project.read(repository.path)
    if built:
        wheel = make_wheel(project.root / "dist", {"sample/__init__.py": ""}, version="1.0")
        files = (File.of(wheel),)
        Manifest("sample", "1.0", repository.head, None, dirty=False, files=files).write(manifest_path(project))
    if changed:
        write_files(project.root, {"tests/data.txt": ""})
    seen: list[str] = []

    class Looking(Recorded):
        """A session that records the files in the folder where its command runs."""

        def run(self, *_: str, **__: object) -> None:
            """Record the files."""
            seen.extend(path.relative_to(self.folder).as_posix() for path in self.folder.glob("[!.]*/**/*"))

    session = Looking()
    step = RecipeStep(("pytest",), project=True, commands=(("pytest",),), extras=("x",), installed=True)
    environments.run_recipe(cast("nox.Session", session), project, Recipe((step,)))
    assert sorted(seen) == ([*(["tests/data.txt"] if changed else []), "tests/test_a.py"])
    told, (_, option, name, what, tool) = session.did
    assert (option, name, tool) == ("--reinstall-package", "sample", "pytest")
    assert what.startswith("sample[x] @ file://")
    assert ("/project/dist/sample-1.0-py3-none-any.whl" in what) is (built and not changed)
    source = "dist/sample-1.0-py3-none-any.whl" if built and not changed else "a wheel built from the sources"
    assert told == f"installed: {source}"
    assert (project.root / "sample/__init__.py").is_file()


def test_a_requirements_file_may_name_the_project_that_is_tried(tmp_path: Path) -> None:
    """Requirements files are installed first; then the wheel replaces the editable project."""
    project = make_project(tmp_path, '[project]\nname = "sample"\nversion = "1.0"\n')
    session, wheel = Recorded(), tmp_path / "sample.whl"
    step = RecipeStep(("pytest",), project=True, files=("dev.txt",), extras=("x",), installed=True)
    environments.install(cast("nox.Session", session), project, step, source=wheel)
    assert session.did == [
        ("install", "-e", f"{project.root.as_posix()}[x]", "pytest", "-r", "dev.txt"),
        ("install", "--no-deps", "--reinstall-package", "sample", f"sample @ {wheel.as_uri()}"),
    ]


@pytest.mark.parametrize(
    "change",
    [{"commit": "0" * 40}, {"dirty": True}, {"name": "other"}, {"files": ()}],
    ids=lambda change: next(iter(change)),
)
def test_a_wheel_of_other_sources_is_not_tried(tmp_path: Path, change: dict[str, Any]) -> None:
    """The built wheel is not used if the manifest is of other or uncommitted sources, or does not list it."""
    repository = make_repository(tmp_path / "project", TRIED)
    project = Project.read(repository.path)
    files = (File.of(make_wheel(project.root / "dist", {"sample/__init__.py": ""}, version="1.0")),)
    manifest = Manifest("sample", "1.0", repository.head, None, dirty=False, files=files)
    manifest.write(manifest_path(project))
    assert built_wheel(project, repository.head, "python")
    replace(manifest, **change).write(manifest_path(project))
    assert built_wheel(project, repository.head, "python") is None
