"""A plugin for pytest that writes down which tests run which line; `mutants.py` starts it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

PACKAGE = Path(os.environ["TESTED_PACKAGE"])
_coverage = coverage.Coverage(data_file=None, source=[str(PACKAGE)], config_file=False)
_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_configure() -> None:
    """Begin before anything of the package is imported."""
    _coverage.start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count what runs until the test's end, its fixtures too, as run by it: its cases count as one."""
    _coverage.switch_context(item.nodeid.partition("[")[0])
    result = yield
    _coverage.switch_context("")
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up how long a test takes, and leave out one that fails without any fault of ours."""
    name = report.nodeid.partition("[")[0]
    _seconds[name] = _seconds.get(name, 0.0) + report.duration
    if report.failed:
        _failed.add(name)


def pytest_unconfigure() -> None:
    """Write what was seen."""
    _coverage.stop()
    data = _coverage.get_data()
    lines = {
        Path(path).relative_to(PACKAGE).as_posix(): {
            str(line): [name for name in names if name and name not in _failed]
            for line, names in data.contexts_by_lineno(path).items()
        }
        for path in data.measured_files()
    }
    told = {"lines": lines, "seconds": _seconds, "failed": sorted(_failed)}
    Path(os.environ["TESTED_LINES"]).write_text(json.dumps(told), encoding="utf-8")
