"""Write the JSON Schema of the settings into docs/settings.schema.json: ``python tests/schema_file.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tasks"))

from nox_ship.settings_schema import tool_schema  # noqa: E402

FILE = ROOT / "docs" / "settings.schema.json"


def text() -> str:
    """Return what the file is to hold."""
    return f"{json.dumps(tool_schema(), indent=2)}\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
