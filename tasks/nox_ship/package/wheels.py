"""Checks of a wheel beyond its core metadata: its .dist-info, its RECORD, its entry points and its tags.

The rules are those of PyPI (``warehouse/forklift/legacy.py``, ``warehouse/utils/wheel.py``) and of the binary
distribution format (packaging.python.org).
"""

from __future__ import annotations

import base64
import configparser
import csv
import math
import re
from collections.abc import Iterator
from email.parser import HeaderParser

from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from nox_ship import documents
from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.contents import Archive
from nox_ship.project import Project

INCOMPLETE = Kind(
    "NS545",
    "wheel-incomplete",
    "Build it with a current release of the build backend, and do not rename it afterwards: the folder"
    " `NAME-VERSION.dist-info` must match the file name, and contain METADATA, WHEEL and RECORD.",
)
RECORD_DIFFERS = Kind(
    "NS546",
    "record-differs",
    "Do not change a wheel after it is built, or repack it with `wheel pack`, which rewrites RECORD.",
)
TAGS_DIFFER = Kind(
    "NS547",
    "wheel-tags-differ",
    "Change a wheel's tags with `wheel tags`, not by renaming the file.",
    level="warning",
)
PLATFORM_REFUSED = Kind(
    "NS549",
    "platform-refused",
    "Build it for a platform that PyPI accepts (with cibuildwheel), repair it (auditwheel turns `linux` into"
    " `manylinux`), or publish the sdist alone.",
)
BAD_ENTRY_POINTS = Kind(
    "NS550",
    "bad-entry-points",
    "Correct `scripts`, `gui-scripts` or `entry-points` in [project]: command names may contain only letters, digits,"
    " `.`, `-` and `_`.",
)

_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_COMMAND = re.compile(r"[\w.-]+")
_MOST_TAGS = 10_000
"""Many more tags than the longest file name can contain."""
# A valid line of entry_points.txt; configparser takes minutes for long lines, and for many invalid ones.
_LINE = re.compile(r"\s*(?:$|[#;]|\[.+\]|[^=\s][^=]*=)")
_LONGEST_LINE, _MOST_WRONG, _LONGEST_ENTRIES = 1000, 1000, 1 << 20
# The platforms that PyPI accepts; its patterns, too, are not all anchored at the end.
_LINUX = "x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64"
_MAC = "ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2"
_PLATFORMS = re.compile(
    r"any\Z|win32\Z|win_(?:arm64|amd64|ia64)\Z|linux_armv[67]l\Z"
    r"|manylinux(?:1|2010)_(?:x86_64|i686)\Z"
    r"|manylinux2014_(?:x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)\Z"
    rf"|manylinux_\d+_\d+_(?:{_LINUX}|ppc64)\Z|musllinux_\d+_\d+_(?:{_LINUX})\Z"
    rf"|macosx_(?:10_\d+|(?:1[1-5]|26)_0)_(?:{_MAC})\Z"
    r"|ios_\d+_\d+_(?:arm64|x86_64)_(?:iphoneos|iphonesimulator)"
    r"|android_\d+_(?:armeabi_v7a|arm64_v8a|x86|x86_64)\Z"
    r"|pyemscripten_\d+_\d+_wasm32"
)
_MAKERS = re.compile(
    r"\b(?:cibuildwheel|auditwheel|maturin-action|delocate-wheel|delvewheel)\b|pypa/(?:many|musl)linux"
)
_OTHER_CI = (
    *(".gitlab-ci.yml", "azure-pipelines.yml", ".azure-pipelines.yml", ".circleci/config.yml", ".cirrus.yml"),
    *(".travis.yml", "appveyor.yml", ".appveyor.yml"),
)
"""Where CI services other than GitHub's have their settings."""


def tags_of(wheel: Archive) -> frozenset[Tag]:
    """Return the tags in the file name of a wheel; none if it is not a valid one."""
    return _tags(wheel.path.name)


def _tags(file: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return frozenset()


def describes_itself(wheel: Archive) -> Iterator[Finding]:
    """Check that METADATA, WHEEL and RECORD are in the folder that the file name requires."""
    held = set(wheel.members)
    names = [f"{wheel.dist_info}/{name}" for name in ("METADATA", "WHEEL", "RECORD")]
    if missing := [name for name in names if name not in held]:
        yield INCOMPLETE(f"{wheel.path.name} lacks {shorten(missing)}.")


def recorded(wheel: Archive) -> Iterator[Finding]:
    """Check that RECORD lists exactly the members of a wheel, each with the right hash."""
    text = wheel.records.get("RECORD")
    if text is None or wheel.irregular:
        return
    try:
        rows = [(row[0].replace("\\", "/"), *row[1:2]) for row in csv.reader(text.decode().splitlines())]
    except (UnicodeDecodeError, csv.Error, IndexError):
        yield RECORD_DIFFERS(f"RECORD of {wheel.path.name} cannot be read.")
        return
    exempt = {f"{wheel.dist_info}/{name}" for name in _SIGNATURES}
    listed, held = {name for name, *_ in rows}, set(wheel.members) - exempt
    if missing := sorted(held - listed):
        yield RECORD_DIFFERS(f"RECORD of {wheel.path.name} does not list {shorten(missing)}.")
    if absent := sorted(listed - held):
        yield RECORD_DIFFERS(f"RECORD of {wheel.path.name} lists {shorten(absent)}, which the wheel lacks.")
    if wrong := sorted(name for name, *told in rows if told and not _is_hash(told[0], wheel.digests.get(name))):
        yield RECORD_DIFFERS(f"RECORD of {wheel.path.name} has the wrong hash for {shorten(wrong)}.")


def _is_hash(told: str, digest: bytes | None) -> bool:
    """Whether a hash in RECORD may be that of a member; only SHA-256 is checked."""
    algorithm, _, value = told.partition("=")
    if digest is None or algorithm != "sha256":
        return True
    return value.rstrip("=") == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def tags_told(wheel: Archive) -> Iterator[Finding]:
    """Check that the tags and the build number in the file name are those in ``WHEEL``."""
    named = tags_of(wheel)
    text = wheel.records.get("WHEEL")
    if text is None or not named:
        return
    fields = HeaderParser().parsestr(text.decode("utf-8", errors="replace"))
    lines = list(map(str, fields.get_all("Tag") or []))
    if sum(math.prod(part.count(".") + 1 for part in line.split("-")) for line in lines) > _MOST_TAGS:
        yield TAGS_DIFFER(f"WHEEL of {wheel.path.name} has more than {_MOST_TAGS} tags.")
        return
    told = {tag for line in lines for tag in _expanded(line)}
    if told != named:
        yield TAGS_DIFFER(f"{wheel.path.name} has other tags in WHEEL: {shorten(sorted(map(str, told))) or 'none'}.")
    _, _, *build = wheel.path.name.rsplit("-", 3)[0].split("-")
    if build != [str(number).strip() for number in fields.get_all("Build") or []]:
        yield TAGS_DIFFER(f"{wheel.path.name} has another build number in WHEEL.")


def _expanded(line: str) -> frozenset[Tag]:
    try:
        return parse_tag(line.strip())
    except ValueError:
        return frozenset()


def platform_taken(file: str, *, elsewhere: bool = False) -> Iterator[Finding]:
    """Check that PyPI accepts wheels for the platforms of a wheel.

    Args:
        file: The file's name; an sdist is for every platform.
        elsewhere: Whether the published wheels are built elsewhere; then it is a warning.
    """
    platforms = {tag.platform for tag in _tags(file)}
    if refused := sorted(name for name in platforms if not _PLATFORMS.match(name)):
        what = f"{file} is for {shorten(refused)}, but PyPI accepts no wheels for that platform."
        yield PLATFORM_REFUSED(what, level="warning" if elsewhere else "error")


def made_elsewhere(project: Project) -> bool:
    """Whether settings or CI build the project's wheels with cibuildwheel, auditwheel or the like."""
    if project.settings.wheels.systems or project.tool("cibuildwheel"):
        return True
    root = project.root.resolve()
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    files = sorted(path for end in ("yml", "yaml") for path in (top / ".github" / "workflows").glob(f"*.{end}"))
    files += [top / name for name in _OTHER_CI]
    return any(_MAKERS.search(documents.read_text(path)) for path in files)


def entry_points_valid(wheel: Archive) -> Iterator[Finding]:
    """Check that ``entry_points.txt`` can be read and that its command names are valid."""
    text = wheel.records.get("entry_points.txt")
    if text is None:
        return
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        _check_length(text.decode())
        parser.read_string(text.decode())
        commands = [name for group in ("console_scripts", "gui_scripts") if group in parser for name in parser[group]]
    except Exception as error:  # noqa: BLE001 - configparser itself fails on some texts
        why = " ".join(str(error).split()).rstrip(".")
        yield BAD_ENTRY_POINTS(f"entry_points.txt of {wheel.path.name} cannot be read: {why[:200]}.")
        return
    if wrong := [name for name in commands if not _COMMAND.fullmatch(name)]:
        yield BAD_ENTRY_POINTS(f"{wheel.path.name} has commands with invalid names: {shorten(map(repr, wrong))}.")


def _check_length(text: str) -> None:
    lines = text.split("\n")
    if len(text) > _LONGEST_ENTRIES or any(len(line) > _LONGEST_LINE for line in lines):
        raise ValueError("it is too long")
    if sum(not _LINE.match(line) for line in lines) > _MOST_WRONG:
        raise ValueError("hardly any line is an entry point")
