"""What is installed before a command runs, from the installation commands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from nox_ship.project import Project, strings

EVERY = "*"
"""Stands for all extras, or all groups, of a project."""

_OF_PROJECT = re.compile(
    r"""(?:file://)?(?:\.|\./|`pwd`|[^:\s]*\.(?:whl|tar\.gz)|(?=\[))    # the folder, or what was built of it
    (?:\#egg=[\w.-]+)?(?:\[(?P<extras>[^\]]*)\])?(?:[\#&].*)?""",
    re.VERBOSE,
)
_BEFORE_VERSION = re.compile(r"([A-Za-z0-9][\w.-]*(?:\[[\w\s,.-]*\])?)\s*[=<>!~]")
_REQUIREMENT = re.compile(r"(?!(?:pip|uv)(?![\w.-]))[A-Za-z0-9][\w.-]*\s*(?:$|[\[<>=!~;@ ])")
"""A requirement other than an installer, for which the environment would be another one."""
_PART = re.compile(r"(?:\[[^\[\]]*\]|[^,]|,(?=\s*[^\sA-Za-z.]))+")
"""One of the requirements of a ``--with``."""
_VALUES = """
-r --requirement -c --constraint -e --editable -i --index-url --extra-index-url -f --find-links -t --target --prefix
-p --python --group --extra --only-group --no-group --no-extra --with -w --with-editable --with-requirements
--package --directory --project --env-file --from --index --default-index --resolution --color --config-setting -C
--no-binary --only-binary --exclude-newer --refresh-package --reinstall-package --upgrade-package -P --module
--without --only -E --extras -G --spec --link-mode --upgrade-strategy --python-version --python-platform
"""
_WITH_VALUE = frozenset(_VALUES.split())
"""Options of pip, uv, pipx, Poetry and PDM that take a value."""


@dataclass(frozen=True)
class Needs:
    """What must be installed for a task."""

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
    """Whether the project's lock decides the versions."""

    def __or__(self, other: Needs) -> Needs:
        """Return the combination of both, in order."""
        return union((self, other))

    @property
    def listed(self) -> dict[str, tuple[str, ...]]:
        """The lists, by name."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in ("project", "locked")}


def union(found: Iterable[Needs]) -> Needs:
    """Return the combination of all of ``found``, in order."""
    every = list(found)
    lists = [needs.listed for needs in every]
    joined = {name: tuple(dict.fromkeys(item for one in lists for item in one[name])) for name in Needs().listed}
    project, locked = (any(getattr(needs, name) for needs in every) for name in ("project", "locked"))
    return Needs(**joined, project=project, locked=locked)


def options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a command's options with their values, and other words under the name ``""``.

    Args:
        words: The command, without its program.
    """
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if short := re.fullmatch(r"-U?([rceEGw])([^-].*)?", word):  # `-rdev.txt` and `-Ur dev.txt` are usual
            yield f"-{short[1]}", short[2] or next(left, "")
        elif not word.startswith("-"):
            yield "", word
        elif equals:
            yield name, value
        elif word in _WITH_VALUE:
            yield word, next(left, "")
        else:
            yield word, ""


def arguments(words: Sequence[str], values: Collection[str] = _WITH_VALUE) -> list[str]:
    """Return a command's words from the first one that is neither an option nor an option's value.

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
    return union(_of_pip(name, value) for name, value in options(words))


def _of_pip(option: str, value: str) -> Needs:
    """Return the meaning of an installer's option and its value, or of a word without an option."""
    if option in ("-r", "--requirement", "--with-requirements"):
        return Needs(files=(value.removeprefix("./"),))
    if option in ("--group", "--only-group"):
        return Needs(groups=(value.rpartition(":")[2],))
    if option == "--all-extras" or (option == "--extra" and value):
        return Needs(extras=(value or EVERY,), project=True)
    if option in ("-e", "--editable", "--with-editable", "") and (match := _OF_PROJECT.fullmatch(value)):
        return Needs(extras=_names(match["extras"]), project=True)
    return Needs(requirements=_requirement(value.strip()) if option == "" and _REQUIREMENT.match(value) else ())


def _requirement(text: str) -> tuple[str, ...]:
    """Return a requirement; an unknown version, as in ``django~=$DJANGO``, is removed."""
    try:
        Requirement(text)
    except (InvalidRequirement, RecursionError):
        name = _BEFORE_VERSION.match(text)
        return (name[1],) if name else ()
    return (text,)


def uv_sync(project: Project, words: Sequence[str]) -> Needs:
    """Return what ``uv sync WORDS``, or the options before the command of ``uv run``, install.

    The default groups are installed unless an option says otherwise
    (https://docs.astral.sh/uv/concepts/projects/dependencies/#default-groups).
    """
    told = list(options(words))
    names = {name for name, _ in told}
    default = project.tool("uv").get("default-groups", ["dev"])
    groups = ("*",) if default == "all" or "--all-groups" in names else tuple(strings(default))
    only = bool(names & {"--only-group", "--only-dev"})
    if only or "--no-default-groups" in names:
        groups = ()
    groups += ("dev",) if names & {"--dev", "--only-dev"} else ()
    needs = besides(words)
    without = {value if name == "--no-group" else "dev" for name, value in told if name in ("--no-group", "--no-dev")}
    return replace(
        needs,
        groups=tuple(name for name in dict.fromkeys((*groups, *needs.groups)) if name not in without),
        project=not (only or "--no-project" in names),
        locked="--no-project" not in names,
    )


def besides(words: Sequence[str]) -> Needs:
    """Return what the options of a uv command install additionally, such as ``--with``."""
    parts = (
        [("", part.strip()) for part in _PART.findall(value)] if name in ("--with", "-w") else [(name, value)]
        for name, value in options(words)
        if name
    )
    return union(_of_pip(*pair) for pairs in parts for pair in pairs)


def poetry_install(project: Project, words: Sequence[str]) -> Needs:
    """Return what ``poetry install WORDS`` installs: every non-optional group, and those named."""
    needs = Needs(project=True, locked=True)
    groups = project.poetry.get("group")
    table: Mapping[str, Any] = groups if isinstance(groups, Mapping) else {}
    optional = {name for name, group in table.items() if isinstance(group, Mapping) and group.get("optional") is True}
    declared = project.pyproject.get("dependency-groups")
    usual = {*table, *(declared if isinstance(declared, Mapping) else ())} - optional
    usual |= {"dev"} if "dev-dependencies" in project.poetry else set()
    for name, value in options(words):
        if name == "--only":
            usual = set(_names(value)) - {"main"}
        elif name in ("--only-root", "--no-dev"):
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


def pdm_install(project: Project, words: Sequence[str]) -> Needs:
    """Return what ``pdm install WORDS`` installs: every development group, and those named.

    If a development group is named, only that one counts (https://pdm-project.org/latest/usage/dependency/).
    """
    extras = project.metadata.get("optional-dependencies")
    optional = set(extras) if isinstance(extras, Mapping) else set()
    named: list[str] = []
    production = False
    for name, value in options([re.sub(r"^-dG", "-G", word) for word in words]):
        if name in ("--prod", "--production", "--no-dev"):
            production = True
        elif name in ("-G", "--group", "--with"):
            named += re.findall(r"[\w:.-]+", value)
    groups = [name for name in named if name not in optional and name != ":all"]
    if not groups and not production:
        groups = [EVERY]
    chosen = [EVERY] if ":all" in named else [name for name in named if name in optional]
    return Needs(groups=tuple(groups), extras=tuple(chosen), project=True, locked=True)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(re.findall(r"[\w.-]+", text or ""))
