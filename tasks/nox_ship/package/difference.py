"""What changed between the files of two releases; unusual changes are warnings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar

from packaging.utils import canonicalize_name

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.inventory import Inventory
from nox_ship.package.mentions import Installed, named

FILE_GREW = Kind(
    "NS561",
    "file-grew",
    "Check that nothing got in by mistake, such as test data, build output or a virtual environment.",
    level="warning",
)
CONTENT_GONE = Kind(
    "NS562",
    "content-gone",
    "If it was removed on purpose, no action is needed; otherwise check what the build backend excludes.",
    level="warning",
)
NEW_TOP_LEVEL = Kind(
    "NS563",
    "new-top-level",
    "If it should be installed at top level, no action is needed; otherwise exclude it from the build.",
    level="warning",
)
UNUSED_REQUIREMENT = Kind(
    "NS564",
    "unused-requirement",
    "Remove it from the dependencies, unless it is needed in a way that the code does not show.",
    level="warning",
)

_TIMES = 2
_LEAST_GROWN, _LEAST_GROWN_WHOLE = 64 << 10, 128 << 10
"""Bytes by which a file, or a whole wheel or sdist, must have grown; small ones double all the time."""
_LEAST_EMPTIED = 1 << 10
_KILO = 1000
_FIELDS = (
    "Metadata-Version",
    "Name",
    "Summary",
    "Author",
    "Author-email",
    "Maintainer",
    "Maintainer-email",
    "License",
    "License-Expression",
    "License-File",
    "Keywords",
    "Classifier",
    "Home-page",
    "Download-URL",
    "Project-URL",
    "Provides-Extra",
    "Requires-External",
    "Description-Content-Type",
)
_PYTHON = re.compile(r"(?<!\S)Programming Language :: Python :: (\d+\.\d+)(?=;|$)")
_SCRIPTS = ("console_scripts", "gui_scripts")
_TESTS = {"test", "tests", "testing", "conftest"}
_SOURCES = {".py", ".so", ".pyi", ".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".pyx", ".pxd", ".pxi", ".f", ".rs"}
"""The suffixes of modules, and of the sources of compiled ones."""

T = TypeVar("T", int, str)


@dataclass(frozen=True)
class Change(Generic[T]):
    """Something that was added, removed or changed.

    Attributes:
        what: The name of the file, requirement, entry point or field.
        before: The old value; None if it is new.
        after: The new value; None if it is gone.
    """

    what: str
    before: T | None
    after: T | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.after}"
        return f"- {self.before}" if self.after is None else f"{self.before} → {self.after}"

    @property
    def named(self) -> str:
        """The change, with the name of what changed."""
        if self.before is None:
            return f"+ {self.what} = {self.after}"
        return f"- {self.what}" if self.after is None else f"{self.what} = {self.before} → {self.after}"


@dataclass(frozen=True)
class Pair:
    """Two wheels, or two sdists, of one project.

    Attributes:
        old: From the last release.
        new: From the coming one.
        alike: Whether both are for the same Pythons and platforms; if not, sizes of compiled files and of the whole
            are not compared.
        installed: Where to look up which modules a requirement provides.
    """

    old: Inventory
    new: Inventory
    alike: bool = True
    installed: Installed = field(default_factory=Installed)


@dataclass(frozen=True)
class Difference:
    """What changed from one wheel or sdist to another.

    Attributes:
        size: The sizes of the two, in bytes.
        files: Files that were added, removed or changed in size, in bytes.
        requirements: Requirements, by the name of the required distribution and the extra.
        entry_points: Entry points, by group and name.
        requires_python: The range of Pythons; None if it is the same.
        metadata: Other metadata fields; for one with several values, those removed and those added.
        unusual: Findings for changes that are rarely intended.
    """

    size: tuple[int, int]
    files: tuple[Change[int], ...]
    requirements: tuple[Change[str], ...]
    entry_points: tuple[Change[str], ...]
    requires_python: Change[str] | None
    metadata: tuple[Change[str], ...]
    unusual: tuple[Finding, ...]

    @classmethod
    def of(cls, pair: Pair) -> Difference:
        """Compare two wheels or sdists.

        Raises:
            ShipError: One is not a readable archive (NS503).
        """
        old, new = pair.old, pair.new
        python = _changed(_range(old), _range(new))
        return cls(
            size=(old.size, new.size),
            files=_changed(old.sizes, new.sizes),
            requirements=_changed(_requirements(old), _requirements(new)),
            entry_points=_changed(_entry_points(old), _entry_points(new)),
            requires_python=python[0] if python else None,
            metadata=tuple(_fields(old, new)),
            unusual=tuple(finding for rule in RULES for finding in rule(pair)),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return {**found, "unusual": [finding.as_dict() for finding in self.unusual]}

    def lines(self) -> list[str]:
        """Return it in a few lines, one per subject, without what is unusual."""
        before, after = map(_bytes, self.size)
        python = self.requires_python
        told = {
            "size": f"{before} → {after}" if before != after else "",
            "files": _told_files(self.files),
            "requirements": _told_requirements(self.requirements),
            "entry points": shorten((change.named for change in self.entry_points), _MOST_NAMED),
            "Requires-Python": str(python) if python else "",
            "Pythons": _told_pythons(self.metadata),
            "metadata": shorten((change.what for change in self.metadata), len(_FIELDS)),
        }
        return [f"{name}: {text}" for name, text in told.items() if text]


_MOST_NAMED = 6


def _changed(before: Mapping[str, T], after: Mapping[str, T]) -> tuple[Change[T], ...]:
    names = sorted({*before, *after})
    return tuple(
        Change(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _range(side: Inventory) -> dict[str, str]:
    values = side.values("Requires-Python")
    return {"Requires-Python": ", ".join(values)} if values else {}


def _requirements(side: Inventory) -> dict[str, str]:
    return {
        f"{name} [{extra}]" if extra else name: ", ".join(texts) for (name, extra), texts in side.requirements.items()
    }


def _entry_points(side: Inventory) -> dict[str, str]:
    return {" ".join(key): value for key, value in side.entry_points.items()}


def _fields(old: Inventory, new: Inventory) -> Iterator[Change[str]]:
    for name in _FIELDS:
        before, after = old.values(name), new.values(name)
        if set(before) != set(after):
            gone = "; ".join(sorted(set(before) - set(after)))
            came = "; ".join(sorted(set(after) - set(before)))
            yield Change(name, gone or None, came or None)


def _told_files(files: Collection[Change[int]]) -> str:
    added = [change.what for change in files if change.before is None]
    removed = [change.what for change in files if change.after is None]
    resized = len(files) - len(added) - len(removed)
    told = [f"{len(names)} {verb} ({shorten(names)})" for names, verb in ((added, "added"), (removed, "gone")) if names]
    return ", ".join([*told, *([f"{resized} changed in size"] if resized else [])])


def _told_requirements(changes: Collection[Change[str]]) -> str:
    always = [str(change) for change in changes if " [" not in change.what]
    extras = sorted({change.what.partition(" [")[2].rstrip("]") for change in changes if " [" in change.what})
    of_extras = [f"{len(changes) - len(always)} in extras ({shorten(extras)})"] if extras else []
    return ", ".join([*([shorten(always, _MOST_NAMED)] if always else []), *of_extras])


def _told_pythons(metadata: Collection[Change[str]]) -> str:
    """Return the Pythons that the classifiers no longer name, and the new ones."""
    classifiers = next((change for change in metadata if change.what == "Classifier"), None)
    if classifiers is None:
        return ""
    gone, came = (_PYTHON.findall(text or "") for text in (classifiers.before, classifiers.after))
    return ", ".join([*(f"- {python}" for python in gone), *(f"+ {python}" for python in came)])


def _bytes(size: int) -> str:
    """Return a number of bytes as people write it."""
    number, unit = float(size), "B"
    for bigger in ("kB", "MB", "GB"):
        if number < _KILO:
            break
        number, unit = number / _KILO, bigger
    return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"


def grew(name: str, before: int, after: int) -> Iterator[Finding]:
    """Yield a warning if a whole wheel or sdist is at least twice the size of the last release's.

    Args:
        name: Its file name.
        before: The size of the last release's, in bytes.
        after: Its own size, in bytes.
    """
    if after >= _TIMES * before and after - before >= _LEAST_GROWN_WHOLE:
        yield FILE_GREW(f"{name} has {_bytes(after)}; in the last release, it had {_bytes(before)}.")


def _files_grew(pair: Pair) -> Iterator[Finding]:
    if pair.alike:
        yield from grew(pair.new.path.name, pair.old.size, pair.new.size)
    large = [
        f"{change.what} ({_bytes(change.before)} → {_bytes(change.after)})"
        for change in _changed(pair.old.sizes, pair.new.sizes)
        if change.before is not None and change.after is not None
        if change.after >= _TIMES * change.before and change.after - change.before >= _LEAST_GROWN
        if pair.alike or not change.what.endswith(".so")
    ]
    if large:
        yield FILE_GREW(f"{pair.new.path.name} has files that at least doubled in size: {shorten(large)}.")


def _content_gone(pair: Pair) -> Iterator[Finding]:
    old, new, name = pair.old, pair.new, pair.new.path.name
    gone = {module for module in old.modules - new.modules if _is_public(module)}
    outermost = sorted(module for module in gone if module.rpartition(".")[0] not in gone)
    if outermost:
        yield CONTENT_GONE(f"{name} lacks modules that users could import: {shorten(outermost)}.")
    before, after = (Counter(map(_kind, filter(_is_data, side.sizes))) for side in (old, new))
    lost = before.keys() - after.keys() if old.is_wheel else set()
    number = sum(before[kind] for kind in lost)
    if lost and before.total() - after.total() >= number:  # otherwise they may have been renamed
        yield CONTENT_GONE(f"{name} no longer has any {shorten(sorted(lost))} files; the last release has {number}.")
    emptied = [file for file, size in new.sizes.items() if size == 0 and old.sizes.get(file, 0) >= _LEAST_EMPTIED]
    if emptied:
        yield CONTENT_GONE(f"{name} has files that are empty now: {shorten(emptied)}.")
    commands = [point for group, point in old.entry_points.keys() - new.entry_points.keys() if group in _SCRIPTS]
    if commands:
        yield CONTENT_GONE(f"{name} lacks commands that the last release has: {shorten(sorted(commands))}.")


def _is_public(module: str) -> bool:
    parts = module.split(".")
    return not any(part.startswith(("_", "test_")) or part in _TESTS for part in parts)


def _is_data(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        not name.startswith((".dist-info/", ".data/")) and path.suffix not in _SOURCES and _TESTS.isdisjoint(path.parts)
    )


def _kind(name: str) -> str:
    path = PurePosixPath(name)
    return path.suffix or path.name


def _new_top_level(pair: Pair) -> Iterator[Finding]:
    before, after = ({module.partition(".")[0] for module in side.modules} for side in (pair.old, pair.new))
    if before and after - before:
        yield NEW_TOP_LEVEL(
            f"{pair.new.path.name} installs {shorten(sorted(after - before))} at top level, which the last release"
            " did not."
        )


def _unused_requirements(pair: Pair) -> Iterator[Finding]:
    """Yield a warning for requirements without an extra that are new and unused, or no longer used.

    One that was already required and unused in the last release is not news.
    """
    if not pair.new.is_wheel:  # tests and docs in an sdist may import other packages
        return
    required = [name for name, extra in pair.new.requirements if not extra]
    words = {
        name: {name, name.replace("-", "_"), *modules} for name in required if (modules := pair.installed.modules(name))
    }
    unnamed = _unnamed(pair.new, words)
    before = {name for name, extra in pair.old.requirements if not extra}
    news = unnamed - (
        _unnamed(pair.old, {name: words[name] for name in unnamed & before}) if unnamed & before else set()
    )
    own = canonicalize_name(pair.new.path.name.partition("-")[0])
    if unused := sorted(name for name in news if not pair.installed.comes_along(name, own)):
        yield UNUSED_REQUIREMENT(
            f"{pair.new.path.name} has requirements that nothing in it imports: {shorten(unused)}."
        )


def _unnamed(wheel: Inventory, words: Mapping[str, Collection[str]]) -> set[str]:
    found = named(wheel, {word for several in words.values() for word in several})
    return {name for name, several in words.items() if found.isdisjoint(several)}


RULES: tuple[Callable[[Pair], Iterator[Finding]], ...] = (
    _files_grew,
    _content_gone,
    _new_top_level,
    _unused_requirements,
)
"""The rules for what is unusual."""
