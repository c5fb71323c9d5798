"""Computing the next version: arithmetic on PEP 440 versions."""

from __future__ import annotations

import difflib

from packaging.version import Version

from nox_ship import versions
from nox_ship.errors import Kind, ShipError

UNKNOWN_PART = Kind("NS302", "unknown-part", "Write a part or a whole version.")
BAD_VERSION = Kind("NS303", "bad-version", 'Write a PEP 440 version, such as "1.4.0" or "1.4.0rc1".')
NOT_NEWER = Kind("NS304", "not-newer", "Write a higher version.")
NOTHING_ASKED = Kind("NS305", "nothing-asked", "Start with `nox -s release -- patch --dry-run`.")

_NUMBERS = ("major", "minor", "patch")
_PHASES = {"alpha": "a", "beta": "b", "rc": "rc"}
_ORDER = ("a", "b", "rc")
PARTS = (*_NUMBERS, *_PHASES, "final")
"""Accepted besides a whole version and ``auto``."""


def next_version(current: Version, wanted: str, known: tuple[str, ...] = PARTS) -> Version:
    """Return the version for the argument ``wanted``.

    * ``major``, ``minor``, ``patch``: the next version of that kind; for its pre-release, the final version.
    * ``alpha``, ``beta``, ``rc``: the next pre-release of that kind; for a final version, the first one of the next
      patch release.
    * ``minor-rc`` and the like: the first pre-release of the next minor release.
    * ``final``: the final version of a pre-release.
    * a whole version: that version.

    Args:
        current: The current version.
        wanted: What the user wrote.
        known: The parts to name in an error; a project's own settings can have others.

    Raises:
        ShipError: It is none of these (NS302, NS303), or not newer than ``current`` (NS304).
    """
    number, _, phase = wanted.partition("-")
    if wanted == "final":
        version = _final(current)
    elif wanted in _NUMBERS:
        version = _raised(current, wanted)
    elif wanted in _PHASES:
        version = _prerelease(current, _PHASES[wanted])
    elif number in _NUMBERS and phase in _PHASES:
        version = Version(f"{_release_text(_raised(_final(current), number))}{_PHASES[phase]}1")
    else:
        version = whole_version(wanted, known)
    check_newer(version, current)
    return version


def is_part(wanted: str) -> bool:
    """Whether ``wanted`` is a part of a version, as in :func:`next_version`."""
    number, _, phase = wanted.partition("-")
    return wanted in PARTS or (number in _NUMBERS and phase in _PHASES)


def check_newer(version: Version, current: Version) -> None:
    """Check that ``version`` is higher than ``current``.

    Raises:
        ShipError: It is not (NS304).
    """
    if version <= current:
        what = (
            f"{version} is the current version already."
            if version == current
            else f"{version} is older than {current}."
        )
        raise ShipError(NOT_NEWER(what))


def whole_version(text: str, known: tuple[str, ...]) -> Version:
    """Return the version in ``text``, in any spelling that PEP 440 accepts.

    Raises:
        ShipError: It is not one: a misspelt part (NS302) or a misspelt version (NS303).
    """
    version = versions.parse(text)
    if version is None and text[:1].isdigit():
        raise ShipError(BAD_VERSION(f"{text!r} is not a version."))
    if version is None:
        close = difflib.get_close_matches(text, known, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        what = f"Versions have no part {text!r}."
        raise ShipError(
            UNKNOWN_PART(what, remedy=f"{hint}Write one of {', '.join(known)}, auto, or a version such as 1.4.0.")
        )
    if version.local:
        raise ShipError(BAD_VERSION(f"{text!r} has a local version part, which no public index accepts."))
    return version


def _numbers(version: Version) -> list[int]:
    return [*version.release, 0, 0, 0][: max(3, len(version.release))]


def _release_text(version: Version) -> str:
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, _numbers(version)))


def _final(version: Version) -> Version:
    return Version(_release_text(version))


def _raised(current: Version, part: str) -> Version:
    numbers = _numbers(current)
    place = _NUMBERS.index(part)
    if not (current.is_prerelease and not any(numbers[place + 1 :])):
        numbers = [*numbers[:place], numbers[place] + 1, *([0] * (len(numbers) - place - 1))]
    epoch = f"{current.epoch}!" if current.epoch else ""
    return Version(epoch + ".".join(map(str, numbers)))


def _prerelease(current: Version, phase: str) -> Version:
    if current.pre and current.pre[0] in _ORDER:
        number = current.pre[1] + 1 if current.pre[0] == phase else 1
        return Version(f"{_release_text(current)}{phase}{number}")
    base = _final(current) if current.is_prerelease else _raised(current, "patch")
    return Version(f"{_release_text(base)}{phase}1")
