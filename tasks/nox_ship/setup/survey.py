"""Looking at a project: what it is built with, tested with and released from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nox_ship.addresses import without_passwords
from nox_ship.errors import ShipError
from nox_ship.git import Repository
from nox_ship.project import Project, minor
from nox_ship.release.bumpversion import bumped_files
from nox_ship.release.source import Place, VersionSource
from nox_ship.setup.restated import restated
from nox_ship.world.forge import GitHub
from nox_ship.world.remote import remote_name

_LINTERS = {
    "ruff": ("ruff.toml", ".ruff.toml"),
    "flake8": (".flake8",),
    "pylint": (".pylintrc", "pylintrc"),
    "black": (),
    "isort": (".isort.cfg",),
    "mypy": ("mypy.ini", ".mypy.ini"),
    "pyright": ("pyrightconfig.json",),
}
_EXTENSIONS = ("maturin", "scikit_build_core", "mesonpy", "setuptools_rust")


@dataclass(frozen=True)
class Survey:
    """What is known of a project."""

    project: Project
    repository: Repository
    pythons: tuple[str, ...]
    branch: str
    tag: str
    """The form of release tags."""
    remote: str | None
    """The address of the remote, None without one."""

    @classmethod
    def of(cls, root: Path, running: str) -> Survey:
        """Look at the project in ``root``; ``running`` is the Python that we run on, such as ``3.12``.

        Raises:
            ShipError: It is no project (NS111-NS113) or in no repository (NS201, NS202).
        """
        project = Project.read(root)
        _ = project.name
        repository = Repository.at(root)
        name = remote_name(repository, project.settings.remote)
        return cls(
            project=project,
            repository=repository,
            pythons=project.pythons(running),
            branch=project.settings.branch or repository.default_branch(name) or repository.branch or "main",
            tag=project.tag_form(repository.tags()).form,
            remote=(repository.find("remote", "get-url", name) if name else None) or None,
        )

    @property
    def github(self) -> GitHub | None:
        """The repository on GitHub, None where it is not there."""
        return GitHub.of(self.remote) if self.remote else None

    @property
    def nested(self) -> bool:
        """Whether the project is in a folder of its repository, and not at the top of it."""
        return self.project.root.resolve() != self.repository.path.resolve()

    @property
    def compiled(self) -> bool:
        """Whether the project has extension modules, so that a wheel fits one platform alone."""
        setuptools = self.project.tool("setuptools")
        return (
            self.project.backend.startswith(_EXTENSIONS)
            or "ext-modules" in setuptools
            or "ext_modules" in self.project.read_text("setup.py")
        )

    @property
    def linters(self) -> tuple[str, ...]:
        """The linters and type checkers that the project has settings for."""
        root = self.project.root
        return tuple(
            name
            for name, files in _LINTERS.items()
            if self.project.tool(name) or any((root / file).is_file() for file in files) or self._in_setup_cfg(name)
        )

    def _in_setup_cfg(self, name: str) -> bool:
        return bool(self.project.ini("setup.cfg").get(name))

    @property
    def version(self) -> str:
        """Where the version is kept, in words.

        Raises:
            ShipError: It is not found (NS301), or the settings for bump-my-version cannot be read (NS306).
        """
        source = VersionSource.of(self.project)
        if source.kind == "tags":
            return "git tags"
        named = sorted(bumped_files(self.project, source.current or ""))
        files = [*(place.file for place in source.places), *named, *(place.file for place in self.restated)]
        return f"{source.current}, in {', '.join(dict.fromkeys(files))}"

    @cached_property
    def restated(self) -> tuple[Place, ...]:
        """The places that state the version too, and that a release would leave as they are."""
        try:
            return restated(self.project, VersionSource.of(self.project))
        except ShipError:  # the version's line tells it
            return ()

    @property
    def workflows(self) -> tuple[str, ...]:
        """The names of the workflow files that are there."""
        return tuple(sorted(path.name for path in (self.repository.path / ".github" / "workflows").glob("*.y*ml")))

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield what was found, as a name and a value each."""
        yield "project", self.project.name
        yield "back end", self.project.backend
        try:
            yield "version", self.version
        except ShipError as error:
            yield "version", str(error.findings[0])
        ranged = not self.project.named_pythons and str(self.project.requires_python)
        named = ", ".join(sorted(self.pythons, key=minor))
        yield "Pythons", f"{named} (released, and in {self.project.requires_python})" if ranged else named
        yield "tests", f"pytest, in {', '.join(self.project.test_paths)}" if self.project.test_paths else "none found"
        yield "linters", ", ".join(self.linters) or "no settings found"
        yield "noxfile", "there" if (self.project.root / "noxfile.py").is_file() else "none"
        yield "workflows", ", ".join(self.workflows) or "none"
        yield "release branch", self.branch
        yield "tags", self.tag
        yield "remote", self.github.slug if self.github else without_passwords(self.remote or "none")
