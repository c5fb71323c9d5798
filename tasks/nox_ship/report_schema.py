"""A JSON Schema of a report, made from its dataclasses."""

from __future__ import annotations

from typing import Any

from nox_ship.dataclass_schema import Form
from nox_ship.report import SCHEMA, Report


def report_schema() -> dict[str, Any]:
    """Return the schema of the JSON report; one of a later version of nox-ship may hold more."""
    made = Form(complete=True).schema(Report)
    version = {"const": SCHEMA, "description": "Version of the report's form."}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:nox-ship:report:{SCHEMA}",
        "title": "Report of nox-ship",
        "description": "What a release came to, or its rehearsal, or publishing alone.",
        **made,
        "properties": {"schema": version, **made["properties"]},
        "required": ["schema", *made["required"]],
    }
