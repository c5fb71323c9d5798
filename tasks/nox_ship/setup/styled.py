"""The noxfile as the project's own formatter and linter want it: they are run on the text before it is written.

In an existing noxfile, only our lines may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nox_ship import documents, json_data, process, versions
from nox_ship.automation.groups import Groups, provides
from nox_ship.errors import ShipError
from nox_ship.project import Project

_PRE_COMMIT = ".pre-commit-config.yaml"
_MIRRORS = {
    "ruff": ("ruff-pre-commit",),
    "black": ("black", "black-pre-commit-mirror"),
    "isort": ("isort", "mirrors-isort"),
}
"""The pre-commit repositories of each tool, whose versions are the tool's."""
_SECONDS = 120
_NAME = "noxfile.py"
_OUR_CODE = ("import nox_ship", "nox_ship.register()")


@dataclass(frozen=True)
class Tool:
    """A formatter or linter, with the requirement that installs the project's version of it."""

    name: str
    requirement: str

    def run(self, project: Project, text: str, *args: str) -> str:
        """Run it on a text in the project's folder, with the project's settings, and return its output.

        Raises:
            ShipError: It cannot be installed or run, or took too long (NS901, NS902, NS904).
        """
        command = [process.uv(), "tool", "run", "--quiet", "--from", self.requirement, self.name, *args]
        return process.run(
            command, cwd=project.root, keep=project.settings.pass_env, stdin=text, seconds=_SECONDS
        ).stdout


@dataclass(frozen=True)
class Styled:
    """A noxfile's text after the project's tools, and what the user should know about it."""

    text: str
    hints: tuple[str, ...] = ()


def styled(project: Project, before: str | None, planned: str) -> Styled:
    """Return a noxfile's text as the project's tools want it.

    Args:
        project: The project.
        before: The existing text, whose lines stay unchanged; None for a new file.
        planned: The text that would be written.
    """
    tools = {tool.name: tool for tool in _tools(project)}
    text = planned if before is not None else _quoted(project, planned)
    hints = []
    for name, args in _steps(project, tools):
        try:
            made = tools[name].run(project, text, *args)
        except ShipError as error:
            said = " ".join((error.findings[0].detail or error.findings[0].what).split())[:200]
            hints.append(f"{name} could not format noxfile.py, so check its style yourself: {said}")
            break
        if made.strip():  # some tools print nothing if the noxfile is excluded
            text = made if before is None else _with_ours(before, text, made)
    if "ruff" in tools and not hints:
        with suppress(ShipError):
            text = _excused(project, tools["ruff"], text, new=before is None)
    return Styled(text, tuple(hints))


def _steps(project: Project, tools: Mapping[str, Tool]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the tools to run, in order: a formatter comes last."""
    hooks = _hooks(project)
    if "isort" in tools:
        yield "isort", ("--quiet", "--settings-path", ".", "-")  # with a name, it skips a file that does not exist
    if "ruff" in tools:
        here = ("--quiet", "--force-exclude", "--stdin-filename", _NAME, "-")
        yield "ruff", ("check", "--fix", "--exit-zero", *here)
        settings = [project.read_text(name) for name in ("ruff.toml", ".ruff.toml")]
        if "format" in project.tool("ruff") or "ruff-format" in hooks or any("[format]" in text for text in settings):
            yield "ruff", ("format", *here)
            return
    if "black" in tools:
        yield "black", ("--quiet", "--stdin-filename", _NAME, "-")


def _tools(project: Project) -> Iterator[Tool]:
    """Yield the tools that the project uses, according to its settings, hooks or requirement groups."""
    try:
        groups = Groups.of(project)
    except ShipError:  # reported by whatever needs the groups
        groups = Groups({})
    hooks, ini = _hooks(project), [project.ini(name) for name in ("setup.cfg", "tox.ini", ".isort.cfg")]
    files = {"ruff": ("ruff.toml", ".ruff.toml"), "isort": (".isort.cfg",)}
    for name in _MIRRORS:
        set_up = bool(project.tool(name)) or any((project.root / file).is_file() for file in files.get(name, ()))
        listed = any(provides(requirements, name) for requirements in groups.requirements.values())
        if set_up or name in hooks or listed or any(name in sections for sections in ini):
            version = hooks.get(name, "")
            pinned = f"{name}=={version}" if versions.parse(version) else groups.requirement_for(name)
            yield Tool(name, pinned.partition(";")[0].strip())


def _hooks(project: Project) -> dict[str, str]:
    """Return pre-commit's hooks, by ID and by the tool's name, each with its repository's version."""
    found: dict[str, str] = {}
    try:
        settings = documents.yaml(project.read_text(_PRE_COMMIT))
    except documents.UnreadableError:  # pre-commit reports it
        return found
    for repo in _dicts(settings.get("repos") if isinstance(settings, dict) else None):
        address, version = str(repo.get("repo")), str(repo.get("rev", "")).removeprefix("v")
        found.update((str(hook.get("id")), version) for hook in _dicts(repo.get("hooks")))
        found.update((name, version) for name, mirrors in _MIRRORS.items() if address.rpartition("/")[2] in mirrors)
    return found


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _quoted(project: Project, text: str) -> str:
    """Return a new noxfile with the quotes that flake8-quotes wants, since it cannot fix them itself."""
    for name in (".flake8", "setup.cfg", "tox.ini"):
        if project.ini(name).get("flake8", {}).get("inline-quotes", "").strip() in ("single", "'"):
            return text.replace('"__main__"', "'__main__'")
    return text


def _with_ours(before: str, planned: str, made: str) -> str:
    """Return ``planned`` with our lines as in ``made``, including their blank lines; other lines are unchanged."""
    theirs, lines, wanted = (text.splitlines(keepends=True) for text in (before, planned, made))
    for line in (f"{code}\n" for code in _OUR_CODE):
        here, place = _Place.of(line, lines), _Place.of(line, wanted)
        # The call stays last, whatever a tool did to the lines above it: only its blank lines are copied.
        if place and here and (line.startswith("import") or (place.after, place.before) == (here.after, here.before)):
            lines = place.taken(lines, theirs)
    return "".join(lines)


@dataclass(frozen=True)
class _Place:
    """The position of a line: between two others, with blank lines in between."""

    line: str
    after: str | None
    before: str | None
    gaps: tuple[int, int]

    @classmethod
    def of(cls, line: str, lines: list[str]) -> _Place | None:
        """Return the position of a line; None if it does not occur exactly once."""
        if lines.count(line) != 1:
            return None
        at = lines.index(line)
        above, below = _beside(reversed(lines[:at])), _beside(lines[at + 1 :])
        return cls(line, above[0], below[0], (above[1], below[1]))

    def taken(self, lines: list[str], theirs: list[str]) -> list[str]:
        """Return lines that include this one, moved to the same position; unchanged if there is no such position.

        The blank lines that ``theirs`` has there are kept.
        """
        rest = list(lines)
        rest.remove(self.line)
        above, below = self.gaps
        for at in self._behind(rest):
            before, empty = _beside(rest[at:])
            if before == self.before:
                there = [_beside(theirs[place:]) for place in self._behind(theirs)]
                kept = max((gap for line, gap in there if line == before), default=0)
                distance = ["\n"] * max(below, kept - above)
                return [*rest[:at], *["\n"] * above, self.line, *distance, *rest[at + empty :]]
        if len(behind := self._behind(rest)) == 1:  # the next line must not change
            return [*rest[: behind[0]], *["\n"] * above, self.line, *rest[behind[0] :]]
        return lines

    def _behind(self, lines: list[str]) -> list[int]:
        """Return the positions directly after the line that this one must follow."""
        return [at for at in range(len(lines) + 1) if (lines[at - 1] if at else None) == self.after]


def _beside(lines: Iterable[str]) -> tuple[str | None, int]:
    """Return the first non-blank line, or None, and the number of blank ones before it."""
    empty = 0
    for line in lines:
        if line.strip():
            return line, empty
        empty += 1
    return None, empty


def _excused(project: Project, ruff: Tool, text: str, *, new: bool) -> str:
    """Return the text with a `noqa` for each rule that still complains about our lines.

    Raises:
        ShipError: ruff cannot be run.
    """
    args = ("check", "--quiet", "--exit-zero", "--force-exclude", "--output-format=json")
    said = ruff.run(project, text, *args, "--stdin-filename", _NAME, "-")
    try:
        entries = [(entry["code"], entry["location"]["row"]) for entry in json_data.parse(said)]
    except (ValueError, LookupError, TypeError):
        return text
    codes = sorted({str(code) for code, _ in entries if code})
    if new:
        return f"# ruff: noqa: {', '.join(codes)}\n{text}" if codes else text
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines, 1):
        on_it = sorted({str(code) for code, row in entries if row == at and code})
        if line.strip() in _OUR_CODE and on_it:
            lines[at - 1] = f"{line.rstrip()}  # noqa: {', '.join(on_it)}\n"
    return "".join(lines)
