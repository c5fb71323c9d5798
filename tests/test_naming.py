from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship import naming
from nox_ship.cli import release_arguments
from nox_ship.errors import Kind, ShipError
from nox_ship.printable import printable
from nox_ship.report import Report
from support import each

NAMES = {"release": "ship-release", "verify-install": "ship-verify-install", "publish": "ship-publish"}


@each(
    ("text", "said"),
    [
        ("Write `nox -s release -- patch`.", "Write `nox -s ship-release -- patch`."),
        ('nox --no-dependencies -s "verify-install-$PYTHON"', 'nox --no-dependencies -s "ship-verify-install-$PYTHON"'),
        ("nox -s verify-install-3.12", "nox -s ship-verify-install-3.12"),
        ("nox -s publish-test -- --dry-run", "nox -s publish-test -- --dry-run"),
        ("nox -s publish", "nox -s ship-publish"),
        ("nox -s released, nox -s release_it, nox -s release(x=1)",) * 2,
        ("nox -s 'release'",) * 2,
        ("a release; box -s release",) * 2,
    ],
)
def test_texts_name_sessions_as_they_are_registered(text: str, said: str) -> None:
    """In commands for nox, sessions get the names that they are registered under; other text and names stay."""
    assert naming.spoken(text, NAMES) == said
    assert naming.spoken(text, {}) == text


def test_names_hold_while_they_are_settled() -> None:
    """Renamed sessions keep their names within the `with` block; afterwards, the usual names apply again."""
    with naming.settled(NAMES):
        assert naming.registered("release") == "ship-release"
        assert naming.registered("build") == "build"
        with naming.settled({}):
            assert naming.registered("release") == "release"
        assert naming.spoken("nox -s release") == "nox -s ship-release"
    assert naming.registered("release") == "release"


def test_a_name_is_free_of_all_that_are_taken() -> None:
    """A name that is taken gets the prefix `ship-` until it is free."""
    assert naming.free_name("build", {"test"}) == "build"
    assert naming.free_name("build", {"build"}) == "ship-build"
    assert naming.free_name("build", {"build", "ship-build"}) == "ship-ship-build"


def test_a_call_of_the_projects_own_session_stays_as_it_is() -> None:
    """The command for a project's own session is not renamed, and special characters in it are quoted for the shell."""
    with naming.settled(NAMES):
        assert naming.spoken(naming.call("release")) == "nox -s 'release'"
        assert naming.spoken(naming.call("ship-release")) == "nox -s ship-release"
    assert naming.call("tests-3.12") == "nox -s tests-3.12"
    assert naming.call("tests(x='1')") == """nox -s 'tests(x='"'"'1'"'"')'"""


def test_whatever_is_shown_has_the_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Findings, help, argument errors and the JSON report show the registered names."""
    kind = Kind("NS000", "test-problem", "Do something.")
    report = Report("Release", findings=[kind("It is.", remedy="Run `nox -s release`.").as_dict()])
    path = tmp_path / "report.json"
    with naming.settled(NAMES):
        assert "nox -s ship-release" in printable("Run `nox -s release`.")
        report.write(path)
        assert "nox -s ship-release" in path.read_text("utf-8")
        with pytest.raises(SystemExit):
            release_arguments(["--help"])
        assert "usage: nox -s ship-release --" in capsys.readouterr().out
        with pytest.raises(ShipError) as caught:
            release_arguments(["--nonsense"])
        assert "nox -s ship-release --" in printable(caught.value.findings[0].remedy)
