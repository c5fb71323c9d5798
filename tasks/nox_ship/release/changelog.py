"""The changelog of a release: finding it, and turning its unreleased section into the release's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, versions
from nox_ship.errors import Finding, Kind, Level, ShipError
from nox_ship.files import real_place
from nox_ship.project import Project
from nox_ship.release.cutting import CutChangelog, Section, enough, sections, unreleased
from nox_ship.release.fragments import TOOLS, pending
from nox_ship.release.markdown import read_markdown
from nox_ship.release.restructured import UnplacedError, read_restructured
from nox_ship.release.sections import Document

CHANGELOG_UNREADABLE = Kind("NS308", "changelog-unreadable", "Save the changelog as UTF-8, or name another file.")
NOT_CUT = Kind(
    "NS313",
    "changelog-not-cut",
    "Add a section called `Unreleased`; a release turns it into the section of its version.",
    level="warning",
)
NOTHING_UNRELEASED = Kind(
    "NS314",
    "changelog-empty",
    "Describe the changes and commit that before you release.",
    level="warning",
)
FRAGMENTS_LEFT = Kind(
    "NS315",
    "fragments-left",
    "Let that tool write the changelog, and commit it, before you release.",
    level="warning",
)

_STEMS = ("changelog", "changes", "history", "news", "releasenotes", "whatsnew")
_ENDINGS = (".md", ".markdown", ".rst", ".txt", "")
_FOLDERS = ("", "docs", "doc")
_LONGEST = 80
"""The longest line that may mean that nothing changed, in characters."""
_NOTHING = re.compile(
    r"[-*+\s]*(?:(?:nothing|no (?:notable |user-facing )?changes?)(?: (?:has )?changed| new)?(?: here)?(?: yet)?"
    r"|none|n/a|tb[ad]|todo|\.\.\.|…|_)?[.!*_\s]*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Changelog:
    """A changelog file.

    Attributes:
        name: The file, relative to the project's folder.
        text: Its content, with the line breaks of the file.
        trouble: Why it cannot be read; empty if it can.
    """

    name: str
    text: str = ""
    trouble: str = ""

    @cached_property
    def document(self) -> Document | None:
        """Its sections; None if its format is not recognised."""
        ending = Path(self.name).suffix.lower()
        readers = {".md": "m", ".markdown": "m", ".rst": "r", ".txt": "rm", "": "rm"}.get(ending, "")
        found = [document for reader in readers if (document := self._read(reader))]
        return next((document for document in found if sections(document)), found[0] if len(found) == 1 else None)

    def _read(self, reader: str) -> Document | None:
        if reader == "m":
            return read_markdown(self.text)
        try:
            return read_restructured(self.text, enough)
        except UnplacedError:
            return None

    @cached_property
    def sections(self) -> list[Section]:
        """Its sections for versions, including the unreleased one."""
        return sections(self.document) if self.document else []

    @property
    def unreleased(self) -> Section | None:
        """The unreleased section; None if there is none, or it cannot be determined."""
        return unreleased(self.sections)

    def of(self, version: str) -> Section | None:
        """Return the section of a released version; None if it has none."""
        wanted = versions.parse(version)
        found = (section for section in self.sections if section.how == "released")
        return next((section for section in found if section.title.version == wanted), None)

    def notes(self, version: str) -> str:
        """Return the text of a version's section; empty if it has none."""
        section = self.of(version)
        return self.document.text(section.heading) if self.document and section else ""


def find_changelog(project: Project) -> Changelog | None:
    """Return the changelog: the configured file, else the first with a usual name; None if there is none.

    Of several files, those with an unreleased section come first.

    Raises:
        ShipError: The configured file does not exist or is not UTF-8, or a changelog is outside the repository
            (NS308); or the file cannot be read at all (NS312).
    """
    if name := project.settings.changelog:
        changelog = _read(project, name)
        if changelog is None:
            what = f"`tool.nox-ship.changelog` names {name}, which does not exist."
            raise ShipError(CHANGELOG_UNREADABLE(what, remedy="Correct the setting."))
        if changelog.trouble:
            raise ShipError(CHANGELOG_UNREADABLE(f"{name} {changelog.trouble}."))
        return changelog
    found = [changelog for name in _usual(project.root) if (changelog := _read(project, name))]
    readable = [changelog for changelog in found if not changelog.trouble]
    return next((changelog for changelog in readable if changelog.unreleased), next(iter([*readable, *found]), None))


def _usual(root: Path) -> Iterator[str]:
    """Yield the names of files with a usual name of a changelog."""
    for folder in _FOLDERS:
        place = root / folder
        names = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
        known = {(Path(name).stem.lower().translate(_PLAIN), Path(name).suffix.lower()): name for name in names}
        ranked = (known.get((stem, ending)) for stem in _STEMS for ending in _ENDINGS)
        yield from (f"{folder}/{name}" if folder else name for name in ranked if name)


_PLAIN = str.maketrans("", "", "-_ ")


def _read(project: Project, name: str) -> Changelog | None:
    """Return a changelog; None if there is no such file."""
    path = project.root / name
    try:
        content = documents.read_bytes(path)
    except ShipError as error:
        if project.settings.changelog:
            raise
        return Changelog(name, trouble=f"cannot be read: {error.findings[0].what.rstrip('.')}")
    if content is None:
        return None
    if not path.resolve().is_relative_to(_top(project.root.resolve())):
        what = f"{name} is outside the repository, at {path.resolve()}."
        raise ShipError(CHANGELOG_UNREADABLE(what, remedy="Keep the changelog in the repository."))
    try:
        return Changelog(name, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Changelog(name, trouble=f"is not UTF-8: byte {error.start} cannot be read")


def _top(root: Path) -> Path:
    """Return the top folder of the project's repository; the project's own folder if it is in none."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def changelog_findings(project: Project, version: str) -> Iterator[Finding]:
    """Yield each reason why the release's changelog would not be what users expect.

    A missing entry stops the release if the settings name a changelog.

    Raises:
        ShipError: It cannot be read, as for :func:`find_changelog`.
    """
    changelog = find_changelog(project)
    if changelog and changelog.of(version):
        return
    left = pending(project)
    if left and left.tool not in TOOLS:
        yield FRAGMENTS_LEFT(f"{left.count} fragments in {left.folder} stay there: only {left.tool} reads them.")
    if changelog is None:
        return
    section, document = changelog.unreleased, changelog.document
    level: Level = "error" if project.settings.changelog else "warning"
    if changelog.trouble:
        yield NOT_CUT(f"{changelog.name} {changelog.trouble}.", remedy="The release leaves it unchanged.")
    elif document is None:
        what = f"The format of {changelog.name} is not recognised; the release leaves it unchanged."
        yield NOT_CUT(what, remedy="Write it in Markdown or reStructuredText, with a heading for each version.")
    elif section is None and not left:
        what = f"{changelog.name} has no Unreleased section"
        yield NOT_CUT(f"{what}{'; it is released as it is' if level == 'warning' else ''}.", level=level)
    elif section and not left and _says_nothing(document, section) and not _had_candidate(changelog, version):
        yield NOTHING_UNRELEASED(f"{changelog.name} has nothing under {section.heading.title!r}.", level=level)


def _says_nothing(document: Document, section: Section) -> bool:
    entries = list(document.entries(section.heading))
    said = entries[1:] if section.how == "marked" else entries
    return all(len(line) <= _LONGEST and _NOTHING.fullmatch(line) for line in said)


def _had_candidate(changelog: Changelog, version: str) -> bool:
    """Whether a pre-release of a version has a section, which may already contain the changes."""
    final = Version(version)
    others = (section.title.version for section in changelog.sections if section.how == "released")
    return any(other and other.is_prerelease and other.release == final.release for other in others)


def section_text(project: Project, version: str) -> str:
    """Return the changelog's text for a version; empty if it has none or cannot be read."""
    try:
        changelog = find_changelog(project)
    except ShipError:
        return ""
    return changelog.notes(version) if changelog else ""


def cut_changelog(project: Project, version: str, today: date, tag: str | None = None) -> str | None:
    """Turn the unreleased section into that of ``version``, in the style of the earlier sections.

    If versions are links, the new one becomes a link too, and the *Unreleased* link starts at the new tag.

    Args:
        project: The project.
        version: The version being released.
        today: The date of the release.
        tag: Its tag; default: ``v`` and the version.

    Returns:
        The changed file, relative to the project's folder; None if there is nothing to change.

    Raises:
        ShipError: It cannot be read, as for :func:`find_changelog`; or a symlink leads out of the repository (NS608).
    """
    changelog = find_changelog(project)
    if changelog is None or changelog.document is None or changelog.unreleased is None or changelog.of(version):
        return None
    earlier = tuple(section for section in changelog.sections if section.how == "released")
    cut = CutChangelog(changelog.document, changelog.unreleased, earlier, version, tag or f"v{version}", today)
    after = cut.made()
    real_place(project.root / changelog.name, _top(project.root)).write_bytes(after.encode())
    return changelog.name
