"""Surveying a project: how it is built, tested and released."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nox_ship import documents
from nox_ship.addresses import without_passwords
from nox_ship.automation.wheels import WheelJob, wheel_jobs
from nox_ship.errors import ShipError
from nox_ship.gates import recipes
from nox_ship.gates.toolbox import Toolbox
from nox_ship.git import Repository
from nox_ship.project import Project, minor
from nox_ship.release.bumpversion import bumped_files
from nox_ship.release.source import Place, VersionSource
from nox_ship.setup.keep import is_ours
from nox_ship.setup.restated import restated
from nox_ship.setup.wheels import compiles, systems
from nox_ship.world.forge import GITLAB_CI, GitHub, GitLab
from nox_ship.world.remote import remote_name

_USUAL_RUNNERS = ("ubuntu-latest", "macos-latest", "macos-15-intel", "windows-latest")
"""GitHub's runners for Linux, macOS on both architectures, and Windows."""


@dataclass(frozen=True)
class Survey:
    """The facts about a project."""

    project: Project
    repository: Repository
    pythons: tuple[str, ...]
    branch: str
    tag: str
    """The format of release tags."""
    remote: str | None
    """The address of the remote; None if there is none."""
    named: str | None = None
    """The repository on its forge as owner/name, if the user named it."""

    @classmethod
    def of(cls, root: Path, running: str, named: str | None = None, project: Project | None = None) -> Survey:
        """Survey a project.

        Args:
            root: Its folder.
            running: The version of the running Python, such as ``3.12``.
            named: The repository as owner/name, such as ``acme/sample``, if its remote does not show it.
            project: The project, if it was already read.

        Raises:
            ShipError: It is not a project (NS111-NS113) or not in a repository (NS201, NS202).
        """
        project = project or Project.read(root)
        _ = project.name
        repository = Repository.at(root, project.settings.pass_env)
        name = remote_name(repository, project.settings.remote)
        return cls(
            project=project,
            repository=repository,
            pythons=project.pythons(running),
            branch=project.settings.branch or repository.default_branch(name) or repository.branch or "main",
            tag=project.tag_form(repository.tags()).form,
            remote=(repository.find("remote", "get-url", name) if name else None) or None,
            named=named,
        )

    @property
    def github(self) -> GitHub | None:
        """The repository on GitHub; None if it is not there."""
        if self.named:
            owner, _, name = self.named.partition("/")
            return GitHub(owner, name) if "/" not in name and not self._gitlab_remote else None
        return GitHub.of(self.remote) if self.remote else None

    @property
    def gitlab(self) -> GitLab | None:
        """The project on GitLab; None if it is not there."""
        there = self._gitlab_remote
        if self.named and (there or self.github is None):
            namespace, _, name = self.named.rpartition("/")
            return GitLab(there.host if there else "gitlab.com", namespace, name)
        return there

    @property
    def _gitlab_remote(self) -> GitLab | None:
        return GitLab.of(self.remote) if self.remote else None

    @property
    def ci(self) -> str:
        """The CI that the project has our files for, else that of its forge: ``github``, ``gitlab`` or ``none``."""
        folder = self.repository.path / ".github" / "workflows"
        if any(is_ours(documents.read_text(path)) for path in folder.glob("*.y*ml")):
            return "github"
        if is_ours(documents.read_text(self.repository.path / GITLAB_CI)):
            return "gitlab"
        return "github" if self.github else "gitlab" if self.gitlab else "none"

    @property
    def identifies(self) -> bool:
        """Whether the project's GitLab gives its jobs identities that PyPI accepts."""
        return self.gitlab is not None and self.gitlab.is_public

    @property
    def folder(self) -> str:
        """The project's folder within its repository; empty at the top."""
        inside = self.project.root.resolve().relative_to(self.repository.path.resolve())
        return "" if inside == Path() else inside.as_posix()

    @cached_property
    def compiled(self) -> bool:
        """Whether the project has compiled code, so that a wheel fits one platform only."""
        return compiles(self.project)

    @cached_property
    def wheels(self) -> tuple[str, ...]:
        """The runners that build wheels, from the settings or else from the project's own workflow.

        A compiled project without either gets the runners that build wheels for most users.
        """
        if self.project.tool("nox-ship") or not self.compiled or self.ci != "github":
            return self.project.settings.wheels.systems
        return systems(self.wheel_jobs) or _USUAL_RUNNERS

    @cached_property
    def wheel_jobs(self) -> list[WheelJob]:
        """The project's own cibuildwheel jobs; none if its wheels are not configured from them."""
        fresh = not self.project.tool("nox-ship") and self.compiled and self.ci == "github"
        return wheel_jobs(self.repository.path) if fresh else []

    @property
    def version(self) -> str:
        """Where the version is stated, in words.

        Raises:
            ShipError: It is not found (NS301), or the settings of bump-my-version cannot be read (NS306).
        """
        source = VersionSource.of(self.project)
        if source.kind == "tags":
            return "git tags"
        named = sorted(bumped_files(self.project, source.current or ""))
        files = [*(place.file for place in source.places), *named, *(place.file for place in self.restated)]
        return f"{source.current}, in {', '.join(dict.fromkeys(files))}"

    @cached_property
    def restated(self) -> tuple[Place, ...]:
        """The places that also state the version but that a release would not update."""
        try:
            return restated(self.project, VersionSource.of(self.project))
        except ShipError:  # the line for the version reports it
            return ()

    @property
    def workflows(self) -> tuple[str, ...]:
        """The names of the existing CI files."""
        top = self.repository.path
        found = sorted(path.name for path in (top / ".github" / "workflows").glob("*.y*ml"))
        return (*found, *([GITLAB_CI] if (top / GITLAB_CI).is_file() else []))

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield what was found, as pairs of name and value."""
        yield "project", self.project.name
        yield "build backend", self.project.backend
        try:
            yield "version", self.version
        except ShipError as error:
            yield "version", str(error.findings[0])
        ranged = not self.project.named_pythons and str(self.project.requires_python)
        named = ", ".join(sorted(self.pythons, key=minor))
        yield "Pythons", f"{named} (released, and allowed by {self.project.requires_python})" if ranged else named
        try:
            yield from self._gates()
        except ShipError as error:
            yield "gates", str(error.findings[0])
        yield "noxfile", "there" if (self.project.root / "noxfile.py").is_file() else "none"
        yield "workflows", ", ".join(self.workflows) or "none"
        yield "release branch", self.branch
        yield "tags", self.tag
        forge = self.github or self.gitlab
        yield "remote", forge.slug if forge else without_passwords(self.remote or "none")

    def _gates(self) -> Iterator[tuple[str, str]]:
        """Yield what each gate runs, and the checks that no gate runs.

        Raises:
            ShipError: A dependency group cannot be resolved (NS402), or one that the settings name is missing (NS401).
        """
        box = Toolbox(self.project)
        for gate, recipe in (("lint", recipes.lint(self.project)), ("typecheck", recipes.typecheck(self.project))):
            told = [
                f"{tool} ({step.why})" for step in recipe.steps for tool in dict.fromkeys(c[0] for c in step.commands)
            ]
            yield gate, recipe.skip or ", ".join(dict.fromkeys(told))
        task, places = box.tests(), ", ".join(self.project.test_paths)
        yield (
            "tests",
            f"{task.program} (as in {task.where})" if task else f"pytest, in {places}" if places else "none found",
        )
        for note in box.notes:
            yield "notice", note
        for check in box.left_out():
            yield "not a gate", check
