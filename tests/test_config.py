from __future__ import annotations

import tomllib

import pytest

from nox_ship.config import PublishSettings, Settings
from nox_ship.errors import Finding, ShipError
from nox_ship.settings import read_settings
from support import each


def read(text: str) -> Settings:
    """Read settings from the body of ``[tool.nox-ship]``."""
    return read_settings(tomllib.loads(f"[tool.nox-ship]\n{text}"))


def findings(text: str) -> tuple[Finding, ...]:
    """Return the findings about the body of ``[tool.nox-ship]``."""
    with pytest.raises(ShipError) as caught:
        read(text)
    return caught.value.findings


@each("text", ["", "[tool]", "[tool.nox-ship]", "[tool.other]\nx = 1", "tool = 3"])
def test_everything_has_a_default(text: str) -> None:
    """A project without settings has the defaults."""
    settings = read_settings(tomllib.loads(text))
    assert settings == Settings()
    assert settings.gates == ("lint", "typecheck", "tests", "coverage", "audit")
    assert settings.routes.final == "pypi"


def test_every_setting_can_be_set() -> None:
    """Keys have dashes, lists are read as tuples, and nested tables as settings of their own."""
    settings = read("""
        gates = ["tests", "docs"]
        pythons = ["3.12"]
        branch = "trunk"
        remote = "upstream"
        tag = "{version}"
        changelog = "NEWS.md"
        pass-env = ["A_TOKEN"]
        lint = { run = "ruff check", groups = ["style"], install = ["ruff"] }
        typecheck.run = [["pyright", "src"], "mypy 'a b'"]
        tests.groups = []
        coverage = { fail-under = 90 }
        audit.ignore = ["PYSEC-1"]
        build.ignore = ["NS513"]
        verify-install.smoke = ["mytool --version"]
        routes = { final = "mine" }
        indexes.mine = { upload-url = "https://u", simple-url = "https://s" }
        rehearsal.port = 8080
        publish = { by = "workflow", wait = 60, timeout = 1.5, attestations = false, tokens = { mine = "MY_TOKEN" } }
    """)
    assert settings.gates == ("tests", "docs")
    assert settings.pythons == ("3.12",)
    assert (settings.branch, settings.remote, settings.tag) == ("trunk", "upstream", "{version}")
    assert (settings.changelog, settings.pass_env) == ("NEWS.md", ("A_TOKEN",))
    assert settings.lint.run == (("ruff", "check"),)
    assert (settings.lint.groups, settings.lint.install) == (("style",), ("ruff",))
    assert settings.typecheck.run == (("pyright", "src"), ("mypy", "a b"))
    assert settings.tests.groups == ()
    assert settings.coverage.fail_under == 90
    assert settings.audit.ignore == ("PYSEC-1",)
    assert settings.build.ignore == ("NS513",)
    assert settings.verify_install.smoke == (("mytool", "--version"),)
    assert (settings.routes.final, settings.routes.prerelease) == ("mine", "testpypi")
    assert settings.indexes["mine"].simple_url == "https://s"
    assert settings.rehearsal.port == 8080
    assert settings.publish == PublishSettings("workflow", 60, 1.5, attestations=False, tokens={"mine": "MY_TOKEN"})


@each(
    ("text", "path", "hint"),
    [
        ("gate = []", "tool.nox-ship.gate", "Did you mean `gates`?"),
        ("pass_env = []", "tool.nox-ship.pass_env", "Did you mean `pass-env`?"),
        ("verify_install = {}", "tool.nox-ship.verify_install", "Did you mean `verify-install`?"),
        ("coverage.fail_under = 1", "tool.nox-ship.coverage.fail_under", "Did you mean `fail-under`?"),
        ("lint.ignore = []", "tool.nox-ship.lint.ignore", "Known keys: groups, install, run."),
        ("'' = 1", "tool.nox-ship.", "Known keys:"),
        ("routes.pré-release = 'x'", "tool.nox-ship.routes.pré-release", "Did you mean `prerelease`?"),
    ],
)
def test_an_unknown_key_is_refused_with_a_hint(text: str, path: str, hint: str) -> None:
    """NS101 names the full path of an unknown key, and suggests the nearest key or lists all keys."""
    text = text.replace("pré-release", '"pré-release"')
    (finding,) = findings(text)
    assert finding.id == "NS101"
    assert f"`{path}`" in finding.what
    assert finding.remedy.startswith(hint)


@each(
    ("text", "words"),
    [
        ("gates = 'tests'", "must be a list of strings, not `'tests'`"),
        ("gates = [1]", "must be a list of strings"),
        ("gates = [['tests']]", "must be a list of strings"),
        ("branch = 1", "must be a string"),
        ("branch = []", "must be a string"),
        ("branch = true", "must be a string"),
        ("rehearsal.port = '8080'", "must be a whole number"),
        ("rehearsal.port = true", "must be a whole number"),
        ("rehearsal.port = 1.0", "must be a whole number"),
        ("coverage.fail-under = '90'", "must be a number"),
        ("coverage.fail-under = false", "must be a number"),
        ("lint = 'ruff'", "`tool.nox-ship.lint` must be a table"),
        ("lint = []", "`tool.nox-ship.lint` must be a table"),
        ("indexes = []", "`tool.nox-ship.indexes` must be a table"),
        ("indexes.mine = 'https://x'", "`tool.nox-ship.indexes.mine` must be a table"),
        ("lint.run = 3", "must be a command or a list of commands"),
        ("lint.run = ''", "must be a command or a list of commands"),
        ("lint.run = ['ruff', '']", "must be a command or a list of commands"),
        ("lint.run = [[]]", "must be a command or a list of commands"),
        ("lint.run = [['ruff', 1]]", "must be a command or a list of commands"),
        ('lint.run = "ruff \'check"', "must be a command or a list of commands"),
        ("lint.run = {}", "must be a command or a list of commands"),
        ("branch = 2026-01-01", "must be a string"),
        ("publish.by = 'me'", "must be one of 'auto', 'machine', 'workflow', not `'me'`"),
        ("publish.by = []", "must be one of 'auto', 'machine', 'workflow'"),
        ("publish.wait = '1 h'", "must be a number"),
        ("publish.attestations = 1", "must be true or false"),
        ("publish.tokens = 'X'", "must be a table"),
        ("publish.tokens.pypi = 1", "must be a string"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused(text: str, words: str) -> None:
    """NS102 names the setting, the expected type and the value."""
    (finding,) = findings(text)
    assert finding.id == "NS102"
    assert words in finding.what
    assert "`tool.nox-ship." in finding.what


def test_an_index_needs_both_addresses() -> None:
    """An index without one of its two addresses is refused with NS102."""
    (finding,) = findings("indexes.mine = { upload-url = 'https://u' }")
    assert (finding.id, finding.what) == ("NS102", "`tool.nox-ship.indexes.mine` lacks the key `simple-url`.")


def test_all_mistakes_are_reported_at_once() -> None:
    """Each mistake in the settings gets its own finding, also in nested tables."""
    text = "gate = []\nbranch = 1\n[tool.nox-ship.indexes.a]\nx = 1\n[tool.nox-ship.lint]\nrun = 3\nrnu = 1"
    found = [finding.id for finding in findings(text)]
    assert sorted(found) == ["NS101", "NS101", "NS101", "NS102", "NS102", "NS102", "NS102"]


def test_settings_that_are_no_table_are_refused() -> None:
    """`nox-ship = 1` in `[tool]` is refused, as it is not a table."""
    with pytest.raises(ShipError, match=r"`tool\.nox-ship` must be a table"):
        read_settings({"tool": {"nox-ship": 1}})


def test_settings_cannot_be_changed() -> None:
    """Settings are immutable once they are read."""
    with pytest.raises(AttributeError):
        read("").branch = "other"  # type: ignore[misc]


@each(
    "text",
    [
        'pythons = ["py311"]',
        'pythons = ["3.12", "3"]',
        "coverage.fail-under = 120",
        "pythons = []",
        "publish.wait = -1",
        'publish.require-checks = [""]',
        'publish.require-checks = ["Tests "]',
        "publish.wait = inf",
        "publish.timeout = nan",
        "publish.timeout = 1e300",
        "publish.timeout = 0",
        "build.largest-file = 0",
        "workflows.systems = []",
        'wheels.systems = ["ubuntu-latest/"]',
        'wheels.systems = ["/ppc64le"]',
        'wheels.systems = ["ubuntu-latest/ppc64le/x"]',
        'wheels.systems = [" "]',
        'wheels.systems = ["ubuntu-latest", "ubuntu-latest"]',
        'workflows.file = "../ci.yml"',
        'workflows.file = "release"',
        'workflows.file = ""',
        'workflows.environments = { own = "x" }',
        'workflows.environments = { pypi = "" }',
        'workflows.environments = { pypi = " x" }',
        f'workflows.environments = {{ pypi = "{"x" * 256}" }}',
        'workflows.branches = [""]',
        "rehearsal.port = 99999",
    ],
)
def test_values_that_nobody_can_mean_are_refused(text: str) -> None:
    """Values out of range or in a wrong format are refused with NS102 when the settings are read."""
    with pytest.raises(ShipError, match=f"NS102.*{text.partition(' ')[0]}"):
        read_settings(tomllib.loads(f"[tool.nox-ship]\n{text}\n"))


@each(
    "text",
    [
        'pythons = ["3.14t", "pypy3.11"]',
        'wheels.systems = ["ubuntu-latest", "ubuntu-latest/ppc64le", "a large runner", "x"]',
        "coverage.fail-under = 100",
        "publish.wait = 0",
        'publish.require-checks = ["a", "Tests (3.12, \'x\')"]',
        "rehearsal.port = 8080",
        'workflows.file = "my-publish_1.yaml"',
        f'workflows.environments = {{ pypi = "{"x" * 255}", testpypi = "a b" }}',
        'workflows.branches = ["dev", "release/*"]',
    ],
)
def test_values_at_their_bounds_are_taken(text: str) -> None:
    """Unusual values that are still within the bounds are accepted."""
    read_settings(tomllib.loads(f"[tool.nox-ship]\n{text}\n"))
