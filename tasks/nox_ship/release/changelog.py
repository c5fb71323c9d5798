"""The changelog of a release, in the form of Keep a Changelog."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nox_ship import documents
from nox_ship.errors import Kind, ShipError
from nox_ship.files import real_place, write_whole
from nox_ship.project import Project

if TYPE_CHECKING:
    from markdown_it.token import Token

CHANGELOG_UNREADABLE = Kind("NS308", "changelog-unreadable", "Save the changelog in UTF-8, or name another file.")

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_TITLE = re.compile(r"(?P<open>\[?)(?P<name>[^\]\[()]+?)\]?(?:\((?P<url>[^)\s]*)[^)]*\))?")
_DEFINITION = re.compile(r" {0,3}\[(?P<label>[^\]]+)\]:[ \t]*<?(?P<url>[^\s>]+)")
_COMPARISON = re.compile(r"(?P<place>.*/compare/)(?P<old>.+?)(?P<dots>\.{2,3})(?P<new>[^.?#][^?#]*)(?P<rest>.*)")


def read_changelog(project: Project) -> tuple[str, str]:
    """Return name and text of the changelog, empty where none is kept; line breaks are as in the file.

    Raises:
        ShipError: The file that the setting names does not exist, or a changelog is not UTF-8 or lies outside of the
            repository (NS308); or it cannot be read at all (NS312).
    """
    name = project.settings.changelog or "CHANGELOG.md"
    path = project.root / name
    content = documents.read_bytes(path)
    if content is None:
        if project.settings.changelog:
            what = f"`tool.nox-ship.changelog` names {name}, which does not exist."
            raise ShipError(CHANGELOG_UNREADABLE(what, remedy="Correct the setting."))
        return name, ""
    if not path.resolve().is_relative_to(_top(project.root.resolve())):
        what = f"{name} leads out of the repository, to {path.resolve()}."
        raise ShipError(CHANGELOG_UNREADABLE(what, remedy="Keep the changelog in the repository."))
    try:
        return name, content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ShipError(CHANGELOG_UNREADABLE(f"{name} is not UTF-8: byte {error.start} cannot be read.")) from error


def _top(root: Path) -> Path:
    """Return the top of the repository that a project is in; the project's own folder where it is in none."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def has_unreleased(text: str) -> bool:
    """Whether a changelog has an *Unreleased* section, which a release makes its own."""
    return _Changelog.of(text).unreleased is not None


def cut_changelog(project: Project, version: str, today: date, tag: str | None = None) -> str | None:
    """Make the changelog's *Unreleased* section that of ``version``, as https://keepachangelog.com describes.

    Where versions are links, the new one becomes one as well, and that of *Unreleased* begins at the new tag.

    Args:
        project: The project.
        version: The version that is released.
        today: The date of the release.
        tag: Its tag; ``v`` and the version where none is given.

    Returns:
        The file that changed, relative to the project's folder; None where there is nothing to cut.

    Raises:
        ShipError: The file that the setting names does not exist, or a changelog cannot be read (NS308, NS312); a
            symlink leads out of the repository (NS608).
    """
    name, text = read_changelog(project)
    changelog = _Changelog.of(text)
    after = changelog.cut(version, tag or f"v{version}", today)
    if after is None:
        return None
    write_whole(real_place(project.root / name, _top(project.root)), after)
    return name


@dataclass(frozen=True)
class _Heading:
    """A heading of the second level, which begins the section of a version."""

    line: int
    title: str

    @property
    def parts(self) -> re.Match[str] | None:
        """Name, link and brackets of a title that is nothing else."""
        return _TITLE.fullmatch(self.title)

    def is_of(self, version: str) -> bool:
        return re.match(rf"\[?v?{re.escape(version)}(?![\w.+-])", self.title) is not None


@dataclass(frozen=True)
class _Changelog:
    """A changelog's lines, with what Markdown makes of them: headings in code or comments are none."""

    lines: list[str]
    headings: list[_Heading]
    definitions: dict[str, int]
    """The lines that tell where reference links lead to, by the label in small letters."""

    @classmethod
    def of(cls, text: str) -> _Changelog:
        from markdown_it import MarkdownIt

        env: dict[str, dict[str, dict[str, list[int]]]] = {}
        lines = _LINE.findall(text)
        tokens = MarkdownIt("commonmark").disable("inline").parse(text, env)
        headings = [
            _Heading(first.map[0], title.content)
            for first, title in itertools.pairwise(tokens)
            if _is_section(first) and first.map
        ]
        told = [entry["map"] for entry in env.get("references", {}).values()]
        places = {first for first, end in told if end == first + 1}
        found = {place: match for place in places if (match := _DEFINITION.match(lines[place]))}
        return cls(lines, headings, {match["label"].lower(): place for place, match in sorted(found.items())})

    @property
    def unreleased(self) -> _Heading | None:
        """The heading of what no release has yet."""
        named = ((heading, heading.parts) for heading in self.headings)
        return next((heading for heading, parts in named if parts and parts["name"].lower() == "unreleased"), None)

    def cut(self, version: str, tag: str, today: date) -> str | None:
        """Return the text with a section of its own for ``version``; None where there is nothing to cut."""
        heading = self.unreleased
        if heading is None or heading.parts is None or any(other.is_of(version) for other in self.headings):
            return None
        lines = list(self.lines)
        line = lines[heading.line]
        text = line.rstrip()
        brackets, url = bool(heading.parts["open"]), heading.parts["url"]
        title = f"[{version}]" if brackets else version
        if url and (links := _links(url, tag)):
            text, title = text.replace(url, links[0]), f"[{version}]({links[1]})"
        elif brackets and version.lower() not in self.definitions:
            self._define(lines, heading, version, tag)
        new = f"{text}{self.ending}{self.ending}## {title} - {today.isoformat()}"
        lines[heading.line] = new + line[len(line.rstrip("\r\n")) :]
        return "".join(lines)

    @property
    def ending(self) -> str:
        """How lines end."""
        return "\r\n" if any(line.endswith("\r\n") for line in self.lines) else "\n"

    def _define(self, lines: list[str], heading: _Heading, version: str, tag: str) -> None:
        """Say in ``lines`` where the link of ``version`` leads to, in the way that it is said of its neighbours."""
        place = self.definitions.get("unreleased")
        if place is not None and (links := _links(_url(lines[place]), tag)):
            now = _defined(lines[place], None, links[0])
            lines[place] = f"{self._ended(now)}{_defined(lines[place], version, links[1])}"
            return
        previous = next((other.title for other in self.headings if other.line > heading.line), "")
        label = re.match(r"\[([^\]]+)\]", previous)
        place = self.definitions.get(label[1].lower()) if label else None
        if label and place is not None:
            url = _next(_url(lines[place]), label[1].removeprefix("v"), version, tag)
            new = _defined(lines[place], version, url) if url else ""
            lines[place] = f"{self._ended(new)}{lines[place]}"

    def _ended(self, line: str) -> str:
        return line if not line or line.endswith(("\r", "\n")) else f"{line}{self.ending}"


def _is_section(token: Token) -> bool:
    return token.markup == "##" and token.level == 0


def _url(line: str) -> str:
    match = _DEFINITION.match(line)
    return match["url"] if match else ""


def _defined(line: str, label: str | None, url: str) -> str:
    """Return the line of a link's definition with another address, and another label where one is given."""
    match = _DEFINITION.match(line)
    if match is None:
        raise AssertionError  # only lines that match are kept
    start, end = match.span("label")
    return f"{line[:start]}{label or match['label']}{line[end : match.start('url')]}{url}{line[match.end('url') :]}"


def _links(url: str, tag: str) -> tuple[str, str] | None:
    """Return where *Unreleased* and the release lead to, made of where *Unreleased* led to; None if that is unclear."""
    match = _COMPARISON.fullmatch(url)
    if match is None:
        return None
    place, old, dots, new, rest = match.group("place", "old", "dots", "new", "rest")
    return f"{place}{tag}{dots}{new}{rest}", f"{place}{old}{dots}{tag}{rest}"


def _next(url: str, previous: str, version: str, tag: str) -> str | None:
    """Return where a release leads to, made of where the one before it leads to; None if that is unclear."""
    if match := _COMPARISON.fullmatch(url):
        return f"{match['place']}{match['new']}{match['dots']}{tag}{match['rest']}"
    return url.replace(previous, version) if previous in url else None
