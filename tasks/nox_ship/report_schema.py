"""A JSON Schema of a report, made from its dataclasses."""

from __future__ import annotations

from typing import Any

from nox_ship.dataclass_schema import published
from nox_ship.report import SCHEMA, Report


def report_schema() -> dict[str, Any]:
    """Return the schema of the JSON report; reports of later versions of nox-ship may have more fields."""
    what = "The result of a release, a rehearsal, or publishing alone."
    return published(Report, "report", SCHEMA, "Report of nox-ship", what)
