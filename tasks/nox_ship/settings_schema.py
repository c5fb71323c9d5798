"""A JSON Schema of ``[tool.nox-ship]``, made from the dataclasses of `config.py`.

It has the format that SchemaStore requires (draft 7, a description for each key), and ``validate-pyproject`` finds it
through the entry point ``validate_pyproject.tool_schema``: https://validate-pyproject.readthedocs.io/en/latest/dev-guide.html.
"""

from __future__ import annotations

from typing import Any

from nox_ship import config
from nox_ship.dataclass_schema import Form

_WORDS = {"type": "array", "items": {"type": "string"}}
_COMMAND = {"anyOf": [{"type": "string", "pattern": "\\S"}, {**_WORDS, "minItems": 1}]}
_COMMANDS = {"anyOf": [{"type": "string", "pattern": "\\S"}, {"type": "array", "items": _COMMAND}]}
_FORM = Form(key=lambda name: name.replace("_", "-"), types={tuple[config.Command, ...]: _COMMANDS})


def tool_schema(tool: str = "nox-ship") -> dict[str, Any]:
    """Return the schema of ``[tool.nox-ship]``.

    Args:
        tool: The name of the table, as ``validate-pyproject`` gives it.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"https://json.schemastore.org/partial-{tool}.json",
        "title": "Settings of nox-ship",
        "description": "How nox-ship releases this project. All of it is optional.",
        **_FORM.schema(config.Settings),
    }
