"""What the sessions of a release would each do again in their process, done ahead in the one that they are forked from.

It is imported there while the release is still being checked: it imports other modules, asks uv for its version, and
finds a Python without passing on secrets, which compiles what recognises these. nox and python-discovery remember the
answers.
"""

from __future__ import annotations

import importlib
import sys

from nox import virtualenv

from nox_ship import pythons

_OURS = (
    *("gates.api", "gates.recipes", "package.build", "package.frontend", "package.install", "package.twice"),
    *("plain_markdown", "printable", "release.development", "release.notes", "release.route", "release.source"),
)
_OTHERS = (
    "email_validator",
    "filelock",
    "platformdirs",
    "tomlkit",
    "trove_classifiers",
    "twine.package",
    "venv",
    "yaml",
)

virtualenv.find_uv()
for _name in (*(f"nox_ship.{name}" for name in _OURS), *_OTHERS):
    importlib.import_module(_name)
pythons.interpreter(f"{sys.version_info[0]}.{sys.version_info[1]}")
