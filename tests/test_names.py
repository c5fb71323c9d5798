"""Names that PyPI does not allow for a new project."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from loopback import Loopback, Reply, Request
from nox_ship.world import names, web
from nox_ship.world.index import Index
from support import each, in_time

JSON = {"Content-Type": "application/vnd.pypi.simple.v1+json"}


def projects(*known: str, gap: str = "") -> bytes:
    """Return a list of projects in PyPI's format."""
    value = [{"name": name, "_last-serial": 5} for name in known]
    return json.dumps({"meta": {"api-version": "1.4"}, "projects": value}).replace(":", f":{gap}").encode()


@contextmanager
def serving(answer: Callable[[Request], Reply]) -> Iterator[tuple[Index, Loopback]]:
    """Serve a list of projects, and return an index to which PyPI's rules apply."""
    with Loopback(answer) as server:
        yield Index("PyPI", f"{server.url}/", f"{server.url}/simple/", public=True), server


def told(project: str, *known: str) -> list[str]:
    """Return the IDs of the findings about a name, given the existing projects."""
    with serving(lambda _: Reply(projects(*known), headers=JSON)) as (index, _):
        return [finding.id for finding in index.refuses_name(project)]


@pytest.mark.slow
@each(
    ("ours", "theirs", "alike"),
    [
        ("sample-tool", "sampletool", True),
        ("sample-tool", "Sample_T00L", True),
        ("sample-tool", "5ample-tool", False),
        ("sample-tool", "samp1e.tooI", True),
        ("sampletool", "s-a-m-p-l-e-t-o-o-l", True),
        ("samp1e", "sample", True),
        ("o0l1i", "0oiL1", True),
        ("sample", "sample2", False),
        ("sample", "asample", False),
        ("sample", "samples", False),
        ("sample", "simple", False),
        ("sample", "", False),
        ("a.b", "a-b", False),
        ("sample", "SAMPLE", False),
    ],
)
def test_names_that_are_too_similar(ours: str, theirs: str, alike: bool) -> None:
    """Names are too similar if they differ only in case, separators, or 1/l/i and 0/o; the same name is no conflict."""
    assert told(ours, "aaa", theirs, "zzz") == (["NS727"] if alike else [])


def test_a_free_name_is_looked_for_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A free name is remembered for a day, for that name and index; a refused name is checked each time."""
    known, kept = ["other"], tmp_path / "free.json"
    with serving(lambda _: Reply(projects(*known), headers=JSON)) as (index, server):
        keeping = replace(index, free=kept)
        for asked in (1, 1):
            assert keeping.refuses_name("sample") == ()
            assert len(server.paths) == asked
        with monkeypatch.context() as later:
            later.setattr(time, "time", lambda: 1e10)
            assert keeping.refuses_name("sample") == ()
        assert keeping.refuses_name("sample") == ()  # an entry from the future is ignored
        assert len(server.paths) == 3
        known.append("5ample0")
        assert [finding.id for finding in keeping.refuses_name("5ampleo")] == ["NS727"]
        assert index.refuses_name("sample") == ()
        assert replace(keeping, simple_url=f"{server.url}/").refuses_name("sample") == ()
        assert len(server.paths) == 6
        kept.write_text("[]", "utf-8")
        assert keeping.refuses_name("sample") == ()
        assert len(server.paths) == 7


def test_what_leads_elsewhere_in_the_place_of_a_note_is_replaced(tmp_path: Path) -> None:
    """If a gate replaced the cache file with a symlink, the symlink is replaced and its target stays unchanged."""
    precious, kept = tmp_path / "precious", tmp_path / "free.json"
    precious.write_text("1", "utf-8")
    kept.symlink_to(precious)
    with serving(lambda _: Reply(projects("other"), headers=JSON)) as (index, _):
        assert replace(index, free=kept).refuses_name("sample") == ()
    assert precious.read_text("utf-8") == "1"
    assert not kept.is_symlink()


def test_what_could_not_be_found_out_is_asked_again_in_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the list cannot be read, NS775 is shown again without a new request for an hour."""
    with serving(lambda _: Reply("<html>", headers={"Content-Type": "text/html"})) as (index, server):
        keeping = replace(index, free=tmp_path / "free.json")
        first = keeping.refuses_name("sample")
        assert [finding.id for finding in first] == ["NS775"]
        assert keeping.refuses_name("sample") == first
        assert len(server.paths) == 1
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3700)
        assert keeping.refuses_name("sample") == first
        assert len(server.paths) == 2


def test_the_similar_project_is_named() -> None:
    """NS727 names the similar project in its original spelling."""
    with serving(lambda _: Reply(projects("x", "Samp1e_Tool"), headers=JSON)) as (index, server):
        (finding,) = index.refuses_name("sample-tool")
    assert (finding.id, finding.level) == ("NS727", "error")
    assert "too similar to the project Samp1e_Tool" in finding.what
    assert server.paths == ["/simple/"]
    assert server.asked[0].headers["accept"] == JSON["Content-Type"]


@each(
    ("name", "taken"),
    [
        ("asyncio", True),
        ("Os.Path", True),
        ("xml-etree", True),
        ("distutils", True),
        ("tomllib", True),
        ("thread", True),
        ("future", True),
        ("six", False),
        ("tomllib2", False),
        ("os-paths", False),
    ],
)
def test_names_of_the_standard_library(name: str, taken: bool) -> None:
    """A module name of any Python's standard library is refused without reading the list of projects."""
    with serving(lambda _: Reply(projects("a"), headers=JSON)) as (index, server):
        found = [finding.id for finding in index.refuses_name(name)]
    assert found == (["NS727"] if taken else [])
    assert bool(server.asked) is not taken


def test_other_indexes_have_other_rules() -> None:
    """PyPI's rules for names do not apply to other indexes."""
    assert Index("mine", "https://x.invalid/", "https://x.invalid/simple/").refuses_name("asyncio") == ()


@pytest.mark.parametrize("gap", ["", " ", "\n  "])
@pytest.mark.parametrize("packed", [True, False])
def test_a_long_list_is_read_in_pieces(gap: str, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list is read in blocks, compressed or not, and only up to a limit; beyond it, NS775 is shown."""
    body = projects(*(f"project-{number}" for number in range(4000)), "Samp1e", *map(str, range(9)), gap=gap)
    headers = {**JSON, **({"Content-Encoding": "gzip"} if packed else {})}
    sent = gzip.compress(body) if packed else body
    monkeypatch.setattr("nox_ship.world.web._BLOCK", 1009)
    with serving(lambda _: Reply(sent, headers=headers)) as (index, _):
        assert [finding.id for finding in index.refuses_name("sample")] == ["NS727"]
        assert index.refuses_name("other") == ()
        monkeypatch.setattr(names, "MOST", len(body) - 1)
        assert [finding.id for finding in index.refuses_name("sample")] == ["NS775"]


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_name_that_is_cut_in_two_is_found(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A similar name is found even if it is split between two blocks."""
    body = projects("a", "Samp1e", "b")

    def scan(_: str, take: Callable[[bytes], object], **__: object) -> None:
        for start in range(0, len(body), size):
            take(body[start : start + size])

    monkeypatch.setattr(web, "scan", scan)
    assert names.similar("x", "sample") == "Samp1e"
    assert names.similar("x", "other") is None


@each(
    "reply",
    [
        Reply("no", 503, JSON),
        Reply("<html>", headers={"Content-Type": "text/html"}),
        Reply(projects("samp1e"), headers={"Content-Type": "application/json"}),
        Reply(projects("samp1e")),
        Reply(projects("samp1e"), headers={**JSON, "Content-Encoding": "br"}),
        Reply(projects("samp1e")[:20], headers={**JSON, "Content-Length": "5000"}),
    ],
)
def test_a_list_that_cannot_be_read_is_told(reply: Reply) -> None:
    """If the list of projects cannot be read, NS775 is a notice, since users cannot do anything about it."""
    with serving(lambda _: reply) as (index, _):
        (finding,) = index.refuses_name("sample")
    assert (finding.id, finding.level) == ("NS775", "notice")


def test_a_list_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """If reading the list of projects takes longer than allowed, it is abandoned with NS775."""
    monkeypatch.setattr(names, "SECONDS", 0.05)
    monkeypatch.setattr(web, "_opened", lambda *_, **__: time.sleep(1))
    found = Index("PyPI", "https://x.invalid/", "https://x.invalid/simple/", public=True).refuses_name("sample")
    assert [finding.id for finding in found] == ["NS775"]
    assert "no complete answer" in found[0].what


def test_a_list_with_anything_in_it_costs_little() -> None:
    """Large lists full of text that almost matches a name are searched quickly."""
    bodies = (b'"name": "' * 200_000, b'"name": "' + b"-" * 2_000_000, b'"name":' + b" " * 2_000_000, b"s-" * 1_000_000)
    pattern = names._pattern("s" * 60)
    for body in bodies:
        with in_time(1):
            assert not list(pattern.finditer(body))


def test_what_is_no_name_is_taken_as_it_is() -> None:
    """Special characters in a name are matched literally, not as a regular expression."""
    assert names._pattern("a(b+").search(b'{"name": "a(b+"}')
    assert not names._pattern("a(b+").search(b'{"name": "a(bb"}')
