"""Fixtures that tests in several folders share."""

from __future__ import annotations

pytest_plugins = ("acting",)
