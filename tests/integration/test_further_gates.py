"""Gates that a setting turns on, and `release -- auto`, with real uv and griffe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench import GOOD, PYTHON, Bench, make_bench

BEFORE = GOOD["src/sample/__init__.py"] + "\n\ndef greet(name):\n    return name\n"
AFTER = GOOD["src/sample/__init__.py"] + "\n\ndef welcome(name):\n    return name\n"
TEST = """\
import importlib.metadata

import sample


def test_main():
    sample.main()


def test_the_bound():
    assert importlib.metadata.version("iniconfig") != "2.0.0"
"""


@pytest.fixture
def changed(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a project that lost a public function since its last release, and allows a dependency that is too old."""
    text = GOOD["pyproject.toml"].replace('license = "MIT"', 'license = "MIT"\ndependencies = ["iniconfig>=2.0"]')
    settings = '\nlowest = "warning"\napi = "error"\n[dependency-groups]\ntest = ["pytest"]\n'
    files = {**GOOD, "pyproject.toml": text + settings, "src/sample/__init__.py": BEFORE, "tests/test_sample.py": TEST}
    bench = make_bench(tmp_path_factory.mktemp("bench"), files)
    bench.git("tag", "--annotate", "--message", "v1.2.3", "v1.2.3")
    bench.git("push", "--quiet", "origin", "v1.2.3")
    bench.write({"src/sample/__init__.py": AFTER})
    bench.commit()
    return bench


def test_what_changed_decides_and_is_told(changed: Bench) -> None:
    """A breaking change makes `release -- auto` propose a major version; too low a dependency bound is a warning."""
    outcome = changed.rehearse("auto")
    assert outcome.code == 0, outcome.output
    report = changed.report()
    assert report["version"] == "2.0.0"
    proposed = next(finding["what"] for finding in report["findings"] if finding["id"] == "NS439")
    assert "1 breaking change of the public API (sample.greet was removed)" in proposed
    assert outcome.output.index("NS439") < outcome.output.index("clean clone")
    statuses = {row["name"]: row["status"] for row in report["rows"]}
    assert (statuses["api"], statuses["lowest"]) == ("passed", "passed")
    (warning,) = report["warnings"]
    assert warning.startswith("NS434 lowest-failed: The tests fail with iniconfig 2.0.0.")


def test_a_break_that_the_version_does_not_tell_stops_a_release(changed: Bench) -> None:
    """A breaking change that the version does not announce is an error (NS436); without a version it is a warning."""
    first = changed.nox("-s", "api")
    assert first.code == 0, first.output
    assert first.has("NS436", "compared with v1.2.3: 1 breaking change, 1 addition: sample.welcome")
    changed.git("tag", "v1.3.0")
    second = changed.nox("-s", "api")
    assert second.code == 1
    assert second.has("NS436", "sample.greet was removed (src/sample/__init__.py, line 9 of v1.2.3)")


FLAT = {
    **{name: text for name, text in GOOD.items() if not name.startswith(("src", "tests"))},
    "pyproject.toml": GOOD["pyproject.toml"].replace(
        'gates = ["tests"]', 'tests.installed = true\n[tool.pytest.ini_options]\npythonpath = ["."]\n'
    )
    + '[tool.uv.build-backend]\nmodule-root = ""\n',
    "sample/__init__.py": GOOD["src/sample/__init__.py"],
    "sample/words.txt": "hello\n",
    "conftest.py": "",
    "requirements-dev.txt": "-e .\npytest\n",
    "tests/__init__.py": "",
    "tests/test_sample.py": """\
from importlib.resources import files

import sample


def test_main():
    sample.main()


def test_what_is_installed_is_tried():
    assert "site-packages" in sample.__file__
    assert files("sample").joinpath("words.txt").read_text() == "hello\\n"
""",
}


def test_the_installed_wheel_is_tried(tmp_path: Path) -> None:
    """The tests run against the installed wheel, even if the checkout is on the path; coverage is of the sources."""
    bench = make_bench(tmp_path, FLAT)
    outcome = bench.nox("-s", f"tests-{PYTHON}")
    assert outcome.code == 0, outcome.output
    outcome = bench.nox("-s", "coverage", "--", "--show-missing")
    assert outcome.code == 0, outcome.output
    assert re.search(r"^sample/__init__\.py +2 +0 +100%", outcome.output, re.MULTILINE), outcome.output
    bench.edit("pyproject.toml", 'module-root = ""\n', 'module-root = ""\nwheel-exclude = ["*.txt"]\n')
    outcome = bench.nox("-s", f"tests-{PYTHON}")
    assert outcome.code
    assert outcome.has("words.txt", "1 failed, 1 passed")
