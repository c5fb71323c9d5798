"""What is installed before a command runs, read from the commands that install it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from nox_ship.project import Project, strings

EVERY = "*"
"""Stands for every extra, or every group, of a project."""

_OF_PROJECT = re.compile(
    r"(?:-e)?(?:file://)?(?:\.|\./|\$PWD|`pwd`)(?:#egg=[\w.-]+)?(?:\[(?P<extras>[^\]]*)\])?(?:[#&].*)?"
)
_WITH_VALUE = {
    *("-r", "--requirement", "-c", "--constraint", "-e", "--editable", "-i", "--index-url", "--extra-index-url", "-f"),
    *("--find-links", "-t", "--target", "--prefix", "-p", "--python", "--group", "--extra", "--only-group", "--with"),
    *("--with-editable", "--with-requirements", "--package", "--directory", "--project", "--env-file", "--from"),
    *("--index", "--default-index", "--resolution", "--no-group", "--no-extra", "--color", "--config-setting", "-C"),
    *("--no-binary", "--only-binary", "--exclude-newer", "--refresh-package", "--reinstall-package", "-P", "--module"),
    *(
        "--without",
        "--only",
        "-E",
        "--extras",
        "-G",
        "--spec",
        "--link-mode",
        "--upgrade-package",
        "--upgrade-strategy",
    ),
}


@dataclass(frozen=True)
class Needs:
    """What has to be installed for a task."""

    requirements: tuple[str, ...] = ()
    """Requirements (PEP 508)."""
    files: tuple[str, ...] = ()
    """Requirements files, relative to the project's folder."""
    extras: tuple[str, ...] = ()
    """Extras of the project."""
    groups: tuple[str, ...] = ()
    """Its dependency groups."""
    project: bool = False
    """Whether the project itself is installed, with its dependencies."""
    locked: bool = False
    """Whether the versions are those of the project's lock."""

    def __or__(self, other: Needs) -> Needs:
        """Return what both need, in order."""
        mine, theirs = self.listed, other.listed
        joined = {name: tuple(dict.fromkeys((*mine[name], *theirs[name]))) for name in mine}
        return Needs(**joined, project=self.project or other.project, locked=self.locked or other.locked)

    @property
    def listed(self) -> dict[str, tuple[str, ...]]:
        """The lists, by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("project", "locked")}


def options(words: Sequence[str], flags: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """Yield the options of a command with their values, and what is none under the name ``""``.

    Args:
        words: The command, without its program.
        flags: Options that take no value here, although others of the name do.
    """
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            yield "", word
        elif equals:
            yield name, value
        elif name in _WITH_VALUE - flags:
            yield name, next(left, "")
        elif re.fullmatch(r"-[rceGE][^-].*", word):
            yield word[:2], word[2:]
        else:
            yield word, ""


def arguments(words: Sequence[str], values: Collection[str] = _WITH_VALUE) -> list[str]:
    """Return a command's words from the first on that is no option and no value of one.

    Args:
        words: The command, without its program.
        values: Options that take a value.
    """
    left = list(words)
    while left and left[0].startswith("-"):
        if left[0] == "--":
            return left[1:]
        left = left[2 if left[0] in values else 1 :]
    return left


def pip_install(words: Sequence[str]) -> Needs:
    """Return what ``pip install WORDS`` (or ``uv pip install``) installs."""
    needs = Needs()
    for name, value in options(words):
        if name in ("-r", "--requirement"):
            needs |= Needs(files=(value,))
        elif name == "--group":
            needs |= Needs(groups=(value.rpartition(":")[2],))
        elif name == "--extra":
            needs |= Needs(extras=(value,), project=True)
        elif name == "--all-extras":
            needs |= Needs(extras=(EVERY,), project=True)
        elif name in ("", "-e", "--editable") and (match := _OF_PROJECT.fullmatch(value)):
            needs |= Needs(extras=_names(match["extras"]), project=True)
        elif name == "" and re.match(r"(?!pip\b(?!-))[A-Za-z0-9][\w.-]*\s*(?:$|[\[<>=!~;@ ])", value):
            needs |= Needs(requirements=(value,))
        elif name == "" and value.endswith(".whl"):
            needs |= Needs(project=True)
    return needs


def uv_sync(project: Project, words: Sequence[str]) -> Needs:
    """Return what ``uv sync WORDS``, or the options before the command of ``uv run``, install.

    The default groups are installed unless an option says otherwise
    (https://docs.astral.sh/uv/concepts/projects/dependencies/#default-groups).
    """
    told = list(options(words))
    names = {name for name, _ in told}
    default = project.tool("uv").get("default-groups", ["dev"])
    groups = [EVERY] if default == "all" or "--all-groups" in names else strings(default)
    if names & {"--no-dev", "--no-default-groups", "--only-group", "--only-dev"}:
        groups = []
    only = bool(names & {"--only-group", "--only-dev", "--no-project", "--no-install-project"})
    needs = Needs(groups=tuple(groups), project=not only, locked=True)
    for name, value in told:
        if name in ("--group", "--only-group"):
            needs |= Needs(groups=(value,))
        elif name in ("--dev", "--only-dev"):
            needs |= Needs(groups=("dev",))
        elif name == "--extra":
            needs |= Needs(extras=(value,))
        elif name == "--all-extras":
            needs |= Needs(extras=(EVERY,))
        elif name == "--with":
            needs |= Needs(requirements=tuple(value.split(",")))
        elif name == "--with-requirements":
            needs |= Needs(files=(value,))
    return needs


def poetry_install(project: Project, words: Sequence[str]) -> Needs:
    """Return what ``poetry install WORDS`` installs: every group that is not optional, and those that are named."""
    needs = Needs(project=True, locked=True)
    groups = project.poetry.get("group")
    table: Mapping[str, Any] = groups if isinstance(groups, Mapping) else {}
    usual = {name for name, group in table.items() if not (isinstance(group, Mapping) and group.get("optional"))}
    usual |= {"dev"} if "dev-dependencies" in project.poetry else set()
    declared = project.pyproject.get("dependency-groups")
    usual |= set(declared) if isinstance(declared, Mapping) else set()
    for name, value in options(words):
        if name == "--only":
            usual = set(_names(value)) - {"main"}
        elif name in ("--only-root", "--no-dev", "--only-main"):
            usual = set()
        elif name == "--with":
            usual |= set(_names(value))
        elif name == "--without":
            usual -= set(_names(value))
        elif name == "--all-groups":
            usual = {EVERY}
        elif name in ("-E", "--extras"):
            needs |= Needs(extras=_names(value))
        elif name == "--all-extras":
            needs |= Needs(extras=(EVERY,))
    return needs | Needs(groups=tuple(sorted(usual)))


def pdm_install(words: Sequence[str]) -> Needs:
    """Return what ``pdm install WORDS`` installs: every group for development, and those that are named."""
    needs = Needs(project=True, locked=True)
    groups: tuple[str, ...] = (EVERY,)
    for name, value in options(words):
        if name in ("--prod", "--production", "--no-default"):
            groups = ()
        elif name in ("-G", "--group", "--with") and value == ":all":
            needs |= Needs(extras=(EVERY,))
        elif name in ("-G", "--group", "--with"):
            groups = tuple(item for item in groups if item != EVERY)
            needs |= Needs(groups=_names(value))
    return needs | Needs(groups=groups)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"[\w.-]+", text or ""))
