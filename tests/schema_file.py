"""Write the JSON Schemas of the settings, the report and the history into docs/: ``python tests/schema_file.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tasks"))

from nox_ship.release.marks import history_schema  # noqa: E402
from nox_ship.report_schema import report_schema  # noqa: E402
from nox_ship.settings_schema import tool_schema  # noqa: E402

SCHEMAS = {
    "settings.schema.json": tool_schema,
    "report.schema.json": report_schema,
    "history.schema.json": history_schema,
}


def file(name: str) -> Path:
    """Return the path of a schema."""
    return ROOT / "docs" / name


def text(name: str) -> str:
    """Return the expected content of a schema's file."""
    return f"{json.dumps(SCHEMAS[name](), indent=2)}\n"


if __name__ == "__main__":
    for schema in SCHEMAS:
        file(schema).write_text(text(schema), "utf-8")
