"""How recent releases went, compared with targets: the figures, the page, and the output of `status -- --history`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from delivering import Clock, at, by_a_tag, ran
from failing_forge import SLUG, FailingForge
from fakes import Yard, make_yard, noxfile, run_release
from nox_ship import looking
from nox_ship.history_page import page
from nox_ship.release.delivered import Delivered, OnForge
from nox_ship.release.history import Counted, Going, Past, Spent, Typical
from nox_ship.release.marks import History, figures, history_schema
from nox_ship.world.onlooker import Onlooker
from reports import ATTACKS, Page, run, short
from test_delivered import FILES

WEEK = 7 * 24 * 3600.0


def release(version: str = "1.0", *, tries: int = 1, **facts: Any) -> Delivered:
    """Return a release that meets all targets, unless ``facts`` say otherwise."""
    usual = Delivered(version, f"v{version}", at(0), tries, tries, True, tries == 1, 480.0, 400.0, 100.0, "")
    return replace(usual, **facts)


def on_forge(*releases: Delivered) -> OnForge:
    """Return the forge's data about releases."""
    return OnForge(SLUG, "release.yml", releases, (), ())


def history(forge: OnForge | None = None, runs: tuple[Past, ...] = (), **facts: Any) -> History:
    """Return a history of releases."""
    going = Going.of(runs)
    usual = History(figures(forge, going), forge, "" if forge else "the remote is not on GitHub", going, ())
    return replace(usual, **facts)


def found(forge: OnForge | None, *runs: Past) -> dict[str, tuple[float | None, int, float | None, bool | None]]:
    """Return the value, number of releases, target and verdict of each figure."""
    told = figures(forge, Going.of(runs))
    return {f"{one.where} {one.name}": (one.value, one.of, one.mark, one.met) for one in told}


def test_each_figure_stands_beside_its_mark() -> None:
    """A share meets its target if it is at least as high, a median if it is at most as high."""
    good = on_forge(release("1.1"), release("1.0"))
    others = (run("1.1", "failed", bump=9.0), run("1.2", rehearsal=True, bump=9.0))
    assert found(good, run("1.0", bump=3.0), *others) == {
        "forge passed at the first try": (1.0, 2, 0.99, True),
        "forge run": (480.0, 2, 900.0, True),
        "forge from CI to index": (100.0, 2, 300.0, True),
        "forge from tag to index": (400.0, 2, None, None),
        "machine passed at the first try": (0.5, 2, 0.99, False),
        "machine run": (3.0, 1, 900.0, True),
    }
    slow = release("1.2", tries=2, seconds=None, ci_to_index=WEEK, tag_to_index=None)
    bad = found(on_forge(slow, release("1.1", seconds=900.1, ci_to_index=300.1)))
    assert bad == {
        "forge passed at the first try": (0.5, 2, 0.99, False),
        "forge run": (900.1, 1, 900.0, False),
        "forge from CI to index": ((WEEK + 300.1) / 2, 2, 300.0, False),
        "forge from tag to index": (400.0, 1, None, None),
    }


def test_a_mark_is_met_where_it_is_reached_exactly() -> None:
    """Values equal to the targets meet them: 99 of 100 releases, 15 minutes, 5 minutes."""
    many = [release(str(number), seconds=900.0, ci_to_index=300.0) for number in range(99)]
    told = figures(on_forge(*many, release("x", tries=2, seconds=900.0, ci_to_index=300.0)), Going.of([]))
    assert [one.met for one in told] == [True, True, True, None]


def test_what_nothing_tells_is_no_figure() -> None:
    """Rehearsals do not count as releases; a time that no release has is null."""
    assert found(None, run("1.0", rehearsal=True)) == {}
    assert found(on_forge()) == {}
    assert found(on_forge(release(seconds=None)))["forge run"] == (None, 0, 900.0, None)


@pytest.mark.parametrize(
    ("facts", "name", "expected"),
    [
        ({}, "passed at the first try", "1 of 1 (100%); the target is at least 99%: met"),
        ({"tries": 2}, "passed at the first try", "0 of 1 (0%); the target is at least 99%: missed"),
        ({}, "run", "8 min 0 s, the median of 1; the target is at most 15 min 0 s: met, by 1 of 1"),
        (
            {"ci_to_index": 301.0},
            "from CI to index",
            "5 min 1 s, the median of 1; the target is at most 5 min 0 s: missed, by 0 of 1",
        ),
        ({}, "from tag to index", "6 min 40 s, the median of 1"),
        ({"seconds": None}, "run", "unknown"),
    ],
)
def test_a_figure_is_told_in_words(facts: dict[str, Any], name: str, expected: str) -> None:
    """A figure is described with its target and whether the target is met."""
    told = {one.name: one.told for one in figures(on_forge(release(**facts)), Going.of([]))}
    assert told[name] == expected


# The page


def test_a_page_shows_how_it_has_been_going() -> None:
    """The page shows the figures first, then the releases, then the runs on this machine, newest first."""
    runs = (run("1.0", "failed", bump=1, s1=4), run("1.0", bump=3, s1=6), run("1.1", rehearsal=True, bump=2))
    forge = replace(on_forge(release("1.1"), release("1.0", tries=3)), jobs=(Typical("Gate lint", 61.0, 99.0, 2),))
    forge = replace(forge, failures=(Counted("Publish to PyPI", 2),))
    said = Page(page(history(forge, runs), "sample")).said("body")
    assert said.startswith("sample how recent releases went releases on acme/sample 2 releases here 1 runs here 3")
    told = ["Targets", "passed at the first try, on GitHub", "1 of 2 (50%)", "at most 15 min 0 s: met"]
    told += ["passed at the first try, on this machine", "0 of 1 (0%)", "Releases on acme/sample: run", "8 min 0 s"]
    told += ["3 attempts in 3 runs", "the line is at 15 min 0 s", "from CI to index", "from tag to index"]
    told += ["Slowest jobs of release.yml", "Gate lint", "1 min 1 s", "Jobs of release.yml that failed", "2 runs"]
    told += ["bump", "2.0 s", "3 runs, at most 3.0 s", "s1", "5.0 s", "1 runs NS431 gate-failed"]
    assert [words for words in told if words not in said] == []
    assert said.index("1.1 passed") < said.index("1.0 passed") < said.index("1.0 failed")


def test_a_page_draws_a_line_at_the_mark() -> None:
    """A chart has a line at the target, at the right edge if all bars are shorter; without values, it is left out."""
    text = page(history(on_forge(release(seconds=450.0, ci_to_index=None, tag_to_index=1800.0))), "sample")
    assert "--w:50.000%" in text
    assert 'class="limit" style="--x:100.000%"' in text
    assert "from CI to index" not in Page(text).said("h2")
    assert re.findall(r'<tr class="(\w+)" role="row"><th[^>]*><span[^>]*><span[^>]*>(.)', text) == [("good", "✓")] * 2
    text = page(history(on_forge(release(seconds=1800.0, ci_to_index=None, tag_to_index=None))), "sample")
    assert 'class="limit" style="--x:50.000%"' in text
    assert re.findall(r'<tr class="(\w+)" role="row"><th[^>]*><span[^>]*><span[^>]*>(.)', text) == [("odd", "!")]


def test_a_page_says_what_could_not_be_asked() -> None:
    """The page says why the forge was not asked, and what did not answer."""
    silent = ({"id": "NS780", "name": "x", "level": "error", "what": "GitHub did not answer.", "remedy": ""},)
    said = Page(page(history(not_told=silent), "sample")).said("header")
    assert "GitHub was not asked: the remote is not on GitHub." in said
    assert "GitHub did not answer." in said


@pytest.mark.parametrize("text", ATTACKS, ids=short)
def test_a_page_of_runs_shows_text_as_text(text: str) -> None:
    """Names of versions, sessions and jobs, and text from GitHub, cannot add elements to the page."""
    kinds = []
    for one in (text, "x"):
        past = Past(one, one, one, False, one, 1.0, (one,), (Spent(one, 1.0), Spent(one, 1.0, one)))
        delivered = Delivered(one, one, one, 1, 1, True, True, 1.0, 1.0, 1.0, one)
        forge = OnForge(one, one, (delivered,), (Typical(one, 1.0, 1.0, 1),), (Counted(one, 1),))
        silent = ({"id": one, "name": one, "level": one, "what": one, "remedy": one},)
        told = history(forge, (past,), not_told=silent, not_asked=one)
        kinds.append({tag for tag, _ in Page(page(told, one)).elements})
    assert kinds[0] == kinds[1]


# The JSON


def test_the_json_keeps_to_its_schema() -> None:
    """The JSON always has all keys of its schema, and the schema requires each of them."""
    check = fastjsonschema.compile(history_schema(), use_default=False)
    full = replace(on_forge(release()), jobs=(Typical("x", 1.0, 1.0, 1),), failures=(Counted("x", 1),))
    for told in (
        history(full, (run("1.0", "failed", bump=1, s1=2),)),
        history(on_forge(release(seconds=None))),
        history(),
    ):
        whole = json.loads(json.dumps({"schema": 1, **asdict(told)}, allow_nan=False))
        check(whole)
        assert set(whole) == set(history_schema()["properties"])
        for key in whole:
            with pytest.raises(fastjsonschema.JsonSchemaException):
                check({name: value for name, value in whole.items() if name != key})


# The session


@pytest.fixture
def forge() -> Iterator[FailingForge]:
    """Run a forge on which a release has been published."""
    with FailingForge() as running:
        ran(running, "v1.0", 0, *by_a_tag(0))
        yield running


@pytest.fixture
def yard(tmp_path: Path, forge: FailingForge) -> Yard:
    """Make a project whose remote is that forge."""
    made = make_yard(tmp_path, FILES)
    made.world.forge = forge.client()
    indexes: dict[str, Any] = {"pypi": Clock(arrived={"1.0": (6.8,)}), "testpypi": Clock("TestPyPI", {"1.0": (5.8,)})}
    made.world.indexes = indexes
    return made


@pytest.fixture
def shown(
    yard: Yard,
    home: object,  # noqa: ARG001 - puts the cache next to the project
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Return a function that shows the history and returns the output."""
    monkeypatch.setattr(looking, "RealWorld", lambda *_, **__: yard.world)
    monkeypatch.setattr(looking, "Onlooker", lambda world: world)

    def show(*args: str) -> str:
        capsys.readouterr()
        looking.status(yard.root, ["--history", *args], noxfile(yard.root, "tests"))
        return capsys.readouterr().out

    return show


def kept(yard: Yard) -> Path:
    """Return the path of the page."""
    (path,) = (yard.root.parent / "cache").glob("*/history.html")
    return path


@pytest.mark.slow
def test_status_tells_what_the_forge_does(shown: Any, yard: Yard) -> None:
    """`status -- --history` shows GitHub's data in a table, on a page and as JSON, even without local records."""
    said = shown()
    assert f"{SLUG}, release.yml: 1 release in its last runs" in said
    assert "passed at the first try 1 of 1 (100%); the target is at least 99%: met" in said
    assert "from CI to index 1 min 48 s, the median of 1; the target is at most 5 min 0 s: met, by 1 of 1" in said
    assert "there is no record of releases or rehearsals of this checkout" in said
    assert "Gate tests-3.12" in said
    assert "1 of 1 (100%)" in Page(kept(yard).read_text("utf-8")).said("body")
    told = json.loads(shown("--json"))
    fastjsonschema.compile(history_schema(), use_default=False)(told)
    assert [one["version"] for one in told["forge"]["releases"]] == ["1.0"]


@pytest.mark.slow
@pytest.mark.usefixtures("programs", "sessions", "rehearsed")
def test_status_tells_what_this_machine_remembers(shown: Any, yard: Yard) -> None:
    """`status -- --history` shows runs of this machine, including rehearsals, and says why the forge was not asked."""
    yard.world.forge = None
    said = shown()
    assert "not asked: the remote is not on GitHub" in said
    assert "no record of releases" in said
    assert not list((yard.root.parent / "cache").glob("*/history.html"))
    run_release(yard.root, ["minor", "--dry-run"], noxfile(yard.root, "tests"), yard.root)
    said = shown()
    assert "1 run, of which 1 were rehearsals" in said
    assert "preflight" in said
    assert "sample" in Page(kept(yard).read_text("utf-8")).said("h1")
    told = json.loads(shown("--json"))
    assert [one["verdict"] for one in told["machine"]["runs"]] == ["passed"]
    assert (told["forge"], told["not_asked"]) == (None, "the remote is not on GitHub")


def test_status_says_once_what_did_not_answer_several_times(shown: Any, yard: Yard, forge: FailingForge) -> None:
    """If several requests fail for the same reason, the failure is shown once."""
    ran(forge, "v1.1", 10, *by_a_tag(10))
    yard.world.forge = Onlooker(yard.world).forge
    forge.faults.dead_after = 1
    told = json.loads(shown("--json"))
    assert [one["id"] for one in told["not_told"]] == ["NS780"]
    assert (told["forge"]["releases"], told["figures"]) == ([], [])


def test_status_says_what_did_not_answer(shown: Any, yard: Yard, forge: FailingForge) -> None:
    """If GitHub cannot be reached, the history reports NS780 and shows no figures, but does not fail."""
    yard.world.forge = Onlooker(yard.world).forge
    forge.faults.dead_after = 0
    assert "unknown          NS780 forge-unreachable: GitHub did not answer" in shown()
    told = json.loads(shown("--json"))
    assert [one["id"] for one in told["not_told"]] == ["NS780"]
    assert (told["forge"], told["not_asked"], told["figures"]) == (None, "", [])
