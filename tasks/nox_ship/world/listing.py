"""An index's data about one version of a project: its files, and the project's status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.version import Version


@dataclass(frozen=True)
class Served:
    """A file on an index."""

    filename: str
    url: str
    sha256: str | None
    """The SHA-256; None if the index gives none."""
    seen_in: Literal["simple API", "JSON API"] = "simple API"
    """Installers read the simple API; the JSON API shows a file earlier."""
    trial: bool = False
    """Whether it was only uploaded to a stand-in for the index."""
    is_sdist: bool = False
    uploaded: dt.datetime | None = None
    """When it was uploaded (PEP 700), in UTC; None if the index does not say."""
    size: int | None = None
    """Its size in bytes (PEP 700); None if the index does not say."""
    requires_python: str | None = None
    """The range of Pythons for installers; None if the index does not say."""
    yanked: str | None = None
    """Why it is yanked (PEP 592), which may be empty; None if it is not yanked."""
    metadata_sha256: str | None = None
    """The SHA-256 of the metadata that installers read first (PEP 658); None if the index does not say."""
    provenance: str | None = None
    """The address of its provenance (PEP 740); None if the index does not say."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What an index has of one version of a project."""

    index: str
    """The index's display name."""
    project: str
    version: str
    files: Mapping[str, Served]
    """The files of this version, by name."""
    early: Mapping[str, Served] = field(default_factory=dict)
    """The files listed by the JSON API, which may have them before they are served to installers."""
    releases: Mapping[Version, tuple[Served, ...]] = field(default_factory=dict)
    """The files of each version, without yanked ones (PEP 592)."""
    known: bool = True
    """Whether the index has the project at all."""
    status: str = "active"
    """The project's status (PEP 792)."""
    reason: str = ""
    """The reason for the status, in the index's words."""
    at: dt.datetime = field(default_factory=_now)
    """When the index answered, by its own clock, in UTC."""
    public: bool = False
    """Whether the index is PyPI or TestPyPI, whose rules are known."""
    silent: str = ""
    """Why the index did not answer; empty if it did."""

    @property
    def first_upload(self) -> dt.datetime | None:
        """When the oldest file that the index still has was uploaded; None if it does not say."""
        return min((served.uploaded for served in self.files.values() if served.uploaded), default=None)
