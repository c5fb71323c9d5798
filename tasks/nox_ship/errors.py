"""Problems that a user may meet, as data: each kind has an ID, a name and a remedy.

A kind is declared next to the code that finds it. ``docs/errors.md`` has a section for each,
which ``tests/reference_pages.py`` begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from nox_ship.addresses import uncoloured, without_passwords

Level = Literal["error", "warning", "notice"]
T = TypeVar("T")

_LONGEST = 2000
"""Characters of the longest sentence; text from others may have millions."""

KINDS: dict[str, Kind] = {}
"""Every kind declared so far, by ID; filled as modules are imported."""


@dataclass(frozen=True)
class Finding:
    """One problem: what happened, and what to do about it.

    ``detail`` holds the output of a tool and may have many lines; everything else fits one line.
    """

    id: str
    name: str
    what: str
    remedy: str
    level: Level = "error"
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.id} {self.name}: {self.what} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, str]:
        """Return the finding as a JSON object without the tool output."""
        return {key: getattr(self, key) for key in ("id", "name", "level", "what", "remedy")}


@dataclass(frozen=True)
class Kind:
    """A kind of problem; calling it makes a :class:`Finding` of this kind."""

    id: str
    name: str
    remedy: str = field(compare=False)
    level: Level = "error"

    def __post_init__(self) -> None:
        if KINDS.setdefault(self.id, self) != self:
            msg = f"{self.id} names both {KINDS[self.id].name} and {self.name}"
            raise ValueError(msg)

    def __call__(
        self, what: str, *, remedy: str | None = None, level: Level | None = None, detail: str = ""
    ) -> Finding:
        """Return a finding; ``what`` is one sentence that names what was found.

        Passwords in addresses, which other tools also quote, are removed, and long text is cut.
        """
        plain = without_passwords(" ".join(uncoloured(what).split()).encode(errors="backslashreplace").decode())
        return Finding(
            id=self.id,
            name=self.name,
            what=plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}...",
            remedy=self.remedy if remedy is None else without_passwords(uncoloured(remedy)),
            level=level or self.level,
            detail=without_passwords(uncoloured(detail)),
        )


class ShipError(Exception):
    """The only family of errors that reaches a user: one or more findings."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = findings


class ShownError(ShipError):
    """An error whose findings were already shown to the user; only the last line of output is missing."""


class Findings(list[Finding]):
    """A list of findings that checks add to, so that all are reported together."""

    def catch(self, check: Callable[[], T]) -> T | None:
        """Return the result of ``check``; keep what it raises and return None."""
        try:
            return check()
        except ShipError as error:
            self.extend(error.findings)
            return None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop a release, each once."""
        return tuple(dict.fromkeys(finding for finding in self if finding.level == "error"))

    def raise_errors(self) -> None:
        """Raise all findings of level error together, if there are any."""
        if self.errors:
            raise ShipError(*self.errors)


def shorten(items: Iterable[str], most: int = 3) -> str:
    """Join ``items`` with commas, naming at most ``most`` of them."""
    names = list(items)
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
