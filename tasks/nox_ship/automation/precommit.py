"""The pre-commit hooks that check code, as commands that do not need pre-commit."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nox_ship import documents, process
from nox_ship.automation.checkers import CHECKERS, checker, hooked
from nox_ship.automation.github import listing, mapping
from nox_ship.automation.ours import is_ours
from nox_ship.project import Project, strings
from nox_ship.versions import parse

FILE = ".pre-commit-config.yaml"

_HOOKS = {
    "ruff": ("ruff", "check"),
    "ruff-check": ("ruff", "check"),
    "ruff-format": ("ruff", "format"),
    "black-jupyter": ("black",),
    "ty-check": ("ty", "check"),
    "pyrefly-check": ("pyrefly", "check"),
    **{name: (name,) for name, known in CHECKERS.items() if not known.verbs},
}
"""The start of the command of each hook, by its ID."""
_FROZEN = re.compile(r"(\brev:[ \t]*)['\"]?[0-9a-f]{40}['\"]?[ \t]*#[ \t]*(?:frozen:[ \t]*)?(v?\d[\w.]*)")
_STAGES = {"commit", "pre-commit", "push", "pre-push"}
_FORCED = {"ruff": ("--force-exclude",)}
_MOST_CHARACTERS = 24_000
"""The most characters of file names in one command line; Windows allows no more."""


@dataclass(frozen=True)
class Hook:
    """A hook that checks code."""

    name: str
    """Its ID."""
    command: tuple[str, ...]
    """The command, without files."""
    requirements: tuple[str, ...] | None
    """The pinned tool and its additional requirements; None if they come from the project's environment."""
    files: tuple[str, ...] | None = None
    """The files that it receives, relative to its working folder; None if it receives none."""
    manual: bool = False
    """Whether it runs only manually, in pre-commit's stage of that name."""
    folder: str = "."
    """Its working folder, relative to the project's folder: that of pre-commit's settings."""

    def commands(self) -> Iterator[tuple[str, ...]]:
        """Yield the commands that check all files."""
        if self.files is None:
            yield self.command
            return
        batch: list[str] = []
        for file in self.files:
            if batch and sum(map(len, batch)) + len(batch) + len(file) > _MOST_CHARACTERS:
                yield (*self.command, *batch)
                batch = []
            batch.append(file)
        if batch:
            yield (*self.command, *batch)


def home(project: Project) -> Path:
    """Return the folder of pre-commit's settings, where its hooks run: the project's, or one above in its repository.

    Without settings, it is the project's.
    """
    root = project.root.resolve()
    if not (root / FILE).is_file():
        for folder in (root, *root.parents):
            if (folder / FILE).is_file():
                return folder
            if (folder / ".git").exists():
                break
    return project.root


def read(project: Project) -> Mapping[str, Any]:
    """Return pre-commit's settings; empty if there are none that can be read."""
    # A frozen pin is a commit, with the version after it as a comment (`pre-commit autoupdate --freeze`).
    text = _FROZEN.sub(r"\1\2", documents.read_text(home(project) / FILE))
    try:
        settings = documents.yaml(text)
    except documents.UnreadableError:
        return {}
    return settings if isinstance(settings, Mapping) else {}


def unreadable(project: Project) -> str | None:
    """Return why pre-commit's settings cannot be read; None if they can, or there are none."""
    try:
        documents.yaml(documents.read_text(home(project) / FILE))
    except documents.UnreadableError as error:
        return f"{FILE} is not YAML ({error}), so it is ignored"
    return None


def hooks(project: Project) -> tuple[list[Hook], list[str]]:
    """Return the hooks that check code, and the IDs of all others that run on commit or push.

    Hooks that also serve other projects in the repository count if they receive files, and only for our files.
    """
    settings = read(project)
    found: list[Hook] = []
    others: list[str] = []
    above = project.root.resolve().relative_to(home(project).resolve())
    tracked = [(above / name).as_posix() for name in _tracked(project)] if settings.get("repos") else []
    for repository, hook in _entries(settings):
        stages = set(strings(hook.get("stages", settings.get("default_stages"))))
        manual = bool(stages) and not _STAGES & stages
        local = repository.get("repo") == "local"
        made = None if manual and "manual" not in stages else _local(hook) if local else _pinned(hook, repository)
        if made is None:
            others += [] if manual else [str(hook.get("id"))]
            continue
        suffixes = _suffixes(hook, made.command)
        if suffixes and str(hook.get("pass_filenames")).lower() not in ("false", "no", "off"):
            made = replace(made, files=tuple(_matching(tracked, suffixes, settings, hook)))
        elif above.parts:
            others += [] if manual else [made.name]
            continue
        found.append(replace(made, manual=manual, folder="/".join([".."] * len(above.parts)) or "."))
    return found, others


def _entries(settings: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each hook with its repository."""
    for repository in filter(None, map(mapping, listing(settings.get("repos")))):
        for hook in filter(None, map(mapping, listing(repository.get("hooks")))):
            yield repository, hook


def skipped(project: Project) -> tuple[str, ...]:
    """Return the IDs of the hooks that pre-commit.ci skips (https://pre-commit.ci/#configuration)."""
    ci = read(project).get("ci")
    return tuple(strings(ci.get("skip"))) if isinstance(ci, Mapping) else ()


def pinned(project: Project) -> dict[str, str]:
    """Return the version of each tool that a hook pins."""
    settings = read(project)
    made = (_pinned(hook, repository) for repository, hook in _entries(settings))
    pins = (hook.requirements[0].partition("==") for hook in made if hook and hook.requirements)
    return {name: version for name, _, version in pins if version}


def _pinned(hook: Mapping[str, Any], repository: Mapping[str, Any]) -> Hook | None:
    """Return the hook of a tool with its own repository, to be installed at the pinned version."""
    start = _HOOKS.get(str(hook.get("id")))
    if start is None:
        return None
    arguments = strings(hook["args"]) if "args" in hook else list(CHECKERS[start[0]].hook)
    version = _version(str(repository.get("rev", ""))) if start[0] in str(repository.get("repo")).lower() else None
    tool = f"{start[0]}=={version}" if version else start[0]
    command = hooked((*start, *_FORCED.get(start[0], ()), *arguments))
    return Hook(str(hook["id"]), command, (tool, *strings(hook.get("additional_dependencies"))))


def _version(rev: str) -> str | None:
    """Return the version in a tag; None for a commit hash, and for other names."""
    version = None if re.fullmatch(r"[0-9a-f]{7,40}", rev) else parse(re.sub(r"^\D*", "", rev))
    return str(version) if version else None


def _local(hook: Mapping[str, Any]) -> Hook | None:
    """Return a hook that the project defines itself, if it runs an existing program or a Python package."""
    language = hook.get("language")
    try:
        words = (*shlex.split(str(hook.get("entry", ""))), *strings(hook.get("args")))
    except ValueError:
        return None
    if not words or language not in ("system", "unsupported", "script", "unsupported_script", "python"):
        return None
    requirements = tuple(strings(hook.get("additional_dependencies"))) if language == "python" else None
    return Hook(str(hook.get("id")), hooked(words), requirements)


def _suffixes(hook: Mapping[str, Any], command: tuple[str, ...]) -> tuple[str, ...]:
    known = checker(command)
    types = {*strings(hook.get("types")), *strings(hook.get("types_or"))}
    return known.suffixes if known else (".py", ".pyi") if types & {"python", "pyi"} else ("",)


def _matching(tracked: Sequence[str], suffixes: tuple[str, ...], *places: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that settings and hook select (https://pre-commit.com/#filtering-files-with-types)."""
    patterns = [(_pattern(place.get("files", "")), _pattern(place.get("exclude", "^$"))) for place in places]
    for name in tracked:
        if name.endswith(suffixes) and all(files.search(name) and not no.search(name) for files, no in patterns):
            yield name


def _pattern(text: object) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # only useful to the author of the pattern
            return re.compile(str(text))
    except (re.error, OverflowError, RecursionError):
        return re.compile("")


def _tracked(project: Project) -> list[str]:
    """Return the files that git knows, relative to the project's folder, except links and files that we wrote."""
    listed = process.run(["git", "ls-files", "-z"], cwd=project.root, check=False).stdout.split("\0")
    there = (name for name in listed if name and (path := project.root / name).is_file() and not path.is_symlink())
    return [name for name in there if not is_ours(project, name)]
