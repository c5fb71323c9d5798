"""Fuzzing the answers of indexes, of their token exchange and of a CI, through the clients that request them."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from hypothesis import strategies as st
from packaging.version import Version
from pypi_attestations import _impl
from twine.utils import DEFAULT_REPOSITORY

from failing_index import CLAIMS, identity_token
from fuzzing import DEPTH, DIGITS, WRONG, Bytes, Ground, Target, as_json, changed, damaged, put, texts
from local_signer import LocalVerifier, provenance
from nox_ship.printable import printable
from nox_ship.release import delivered
from nox_ship.release.proven import Proven, proposed_by_run, proven
from nox_ship.world import past
from nox_ship.world.checks import checks_of
from nox_ship.world.closed import closed_release
from nox_ship.world.forge import Job
from nox_ship.world.github import GitHubApi
from nox_ship.world.index import Index
from nox_ship.world.listing import Served
from nox_ship.world.provenance import Expected, verify
from nox_ship.world.runs import RunJob, Runs
from nox_ship.world.token import Token, check_token
from nox_ship.world.trusted import TrustedPublisher, claims_table, read_claims

HOST = urlsplit(DEFAULT_REPOSITORY).hostname or ""
_CAVEATS = [
    [0, 9999999999, 0],
    [1, ["sample"]],
    [2, ["id"]],
    [3, "x"],
    {"permissions": {"projects": ["a"]}},
    {"exp": 1},
]


def macaroon(caveats: Iterable[bytes]) -> bytes:
    """Return an API token in binary form; its caveats are any bytes."""
    body = b"\x02\x01" + bytes([len(HOST)]) + HOST.encode() + b"\x02\x02id\0"
    for caveat in caveats:
        size, length = len(caveat), b""
        while size >= 0x80:
            length += bytes([size & 0x7F | 0x80])
            size >>= 7
        body += b"\x02" + length + bytes([size]) + caveat + b"\0"
    return body + b"\0\x06\x20" + b"s" * 32


def _token_text(raw: bytes) -> str:
    return "pypi-" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


@st.composite
def _tokens(draw: st.DrawFn) -> str:
    caveats = [as_json(draw(changed(_CAVEATS, 2))) for _ in range(draw(st.integers(0, 2)))]
    raw = draw(damaged(st.just(macaroon(caveats)), (0, 0, 0, 1)))
    return draw(texts([_token_text(raw)], (0, 0, 0, 1)))


def _token(ground: Ground, text: str) -> None:
    for finding in check_token(text, "PYPI_API_TOKEN", HOST, "sample"):
        ground.outcomes[finding.id] += 1
        printable(str(finding)).encode()
    try:
        Token.read(text)
    except ValueError:
        ground.outcomes["no token"] += 1


def _jwt(data: bytes) -> bytes:
    return b"e30." + base64.urlsafe_b64encode(data).rstrip(b"=") + b".e30"


GITLAB = {"project_path": "acme/sample", "ci_config_ref_uri": "x//.gitlab-ci.yml@refs/tags/v1", "environment": "pypi"}
IDENTITIES = damaged(changed([CLAIMS, GITLAB]).map(as_json).map(_jwt), (0, 0, 0, 1)).map(
    lambda data: data.decode("latin-1")
)


def _claims(ground: Ground, identity: str) -> None:
    claims = read_claims(identity)
    ground.outcomes["claims" if claims else "none"] += 1
    printable(claims_table(claims)).encode()


def http(body: bytes, content_type: str = "application/json", status: str = "200 OK", *more: str) -> bytes:
    """Return a complete HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *more]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


@st.composite
def _answers(draw: st.DrawFn, bodies: Bytes, content_type: str) -> bytes:
    """Draw HTTP answers: most are well formed with status 200; others have another status or type, or are damaged."""
    kinds = (*[content_type] * 9, "text/html; charset=x", "", "application/json")
    states = (*["200 OK"] * 20, "404 Not Found", "500 Oh", "302 Found", "204 No", "99999 x", "400 Bad")
    more = (*["X: y"] * 12, "Location: /", "Location: http://[", "Content-Encoding: gzip", "Content-Length: x")
    chosen = draw(st.sampled_from(states)), draw(st.sampled_from(more))
    answer = http(draw(bodies), draw(st.sampled_from(kinds)), *chosen)
    if draw(st.integers(0, 7)) == 0:
        return draw(damaged(st.just(answer), (1, 2)))
    return answer


SIMPLE = "application/vnd.pypi.simple.v1+json"
_FILE = {"filename": "sample-1.2.3.tar.gz", "url": "../../x", "hashes": {"sha256": "0" * 64}, "requires-python": ">=3"}
_PAGE = {
    "meta": {"api-version": "1.1"},
    "name": "sample",
    "versions": ["1.2.3"],
    "project-status": {"status": "archived", "reason": "over"},
    "files": [_FILE | {"yanked": False, "size": 5, "upload-time": "2026-01-01T00:00:00Z"}, {**_FILE, "yanked": "why"}],
}
_HTML = (
    "<!DOCTYPE html><html><head><meta name='pypi:repository-version' content='1.0'>"
    "<meta name='pypi:project-status' content='archived'><meta name='pypi:project-status-reason' content='over'>"
    "<base href='/x/'></head><body>"
    "<a href='sample-1.2.3.tar.gz#sha256=00' data-requires-python='&gt;=3' data-yanked data-dist-info-metadata="
    "'sha256=00'>sample-1.2.3.tar.gz</a><a href='x'>sample-0.1.dmg</a></body></html>"
)
_PROJECTS = {"meta": {"api-version": "1.4"}, "projects": [{"name": "a", "_last-serial": 1}, {"name": "Samp1e_T0ol"}]}
LISTS = _answers(changed([_PROJECTS]).map(as_json), SIMPLE)
_DATES = ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026-01-01", "2026-01-01T00:00:00", "now", "")
_CLOCKS = (
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "x",
    "9",
    "1 2 3 4 5",
    f"1 Jan {'9' * 99}",
)
_STATUS_VALUES: tuple[object, ...] = ("quarantined", "deprecated", "frozen", "", 5, {}, ["archived"])
PAGES = _answers(changed([_PAGE]).map(as_json), SIMPLE) | _answers(damaged(st.just(_HTML.encode())), "text/html")
_URL = {"filename": "sample-1.2.3.tar.gz", "url": "https://a/x", "digests": {"sha256": "0" * 64}}
_JSON = {"info": {"name": "sample", "version": "1.2.3", "project_urls": {"a": "b"}}, "urls": [_URL, _URL]}
DESCRIPTIONS = _answers(changed([_JSON]).map(as_json), "application/json")


_ATTESTED = "sample-1.2.3.tar.gz", b"sdist"
_JOB = {
    "repository": "acme/sample",
    "job_workflow_ref": "acme/sample/.github/workflows/release.yml@refs/tags/v1.2.3",
    "ref": "refs/tags/v1.2.3",
    "sha": "c" * 40,
}


@functools.cache
def _signed() -> dict[str, Any]:
    """Return the provenance of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _ATTESTED[0]
        path.write_bytes(_ATTESTED[1])
        found: dict[str, Any] = json.loads(provenance(path, _JOB))
        return found


@st.composite
def _provenances(draw: st.DrawFn) -> bytes:
    """Draw a provenance; the certificate in it may be damaged."""
    told = json.loads(json.dumps(_signed()))
    material = told["attestation_bundles"][0]["attestations"][0]["verification_material"]
    certificate = base64.b64decode(material["certificate"])
    material["certificate"] = base64.b64encode(draw(damaged(st.just(certificate)))).decode()
    return draw(damaged(changed([told], 1).map(as_json), (0, 0, 0, 1)))


PROVENANCES = _provenances()


def _provenance(ground: Ground, text: bytes) -> None:
    """Verify a provenance with a verifier of ours instead of Sigstore's."""
    folder = ground.write({_ATTESTED[0]: _ATTESTED[1]})
    expected = Expected("acme/sample", frozenset({"release.yml"}), "v1.2.3", "c" * 40)
    with mock.patch.object(_impl, "Verifier", LocalVerifier):
        origin, findings = verify(text, folder / _ATTESTED[0], expected)
    ground.outcomes[f"{origin.workflow}, {len(findings)} warnings"] += 1


def _index(ground: Ground) -> Index:
    url = ground.server.url
    return Index("PyPI", f"{url}legacy/", f"{url}simple/", f"{url}pypi/")


def _simple(ground: Ground, answer: bytes) -> None:
    ground.server.answers = {"/json": http(as_json(_JSON)), "/": answer}
    listing = replace(_index(ground), public=True).listing("sample", "1.2.3")
    ground.outcomes[f"{len(listing.files)} files, {listing.status}"] += 1
    for served in listing.files.values():
        assert served.filename
        assert isinstance(served.sha256, str | None)
    for finding in closed_release(listing, ("sample-1.2.3.tar.gz",)):
        ground.outcomes[finding.id] += 1
        printable(str(finding)).encode()


def _names(ground: Ground, answer: bytes) -> None:
    """Check that any list of projects yields only names like ours, or is reported as unreadable."""
    ground.server.answers = {"/": answer}
    for finding in replace(_index(ground), public=True).refuses_name("sample-tool"):
        ground.outcomes[finding.id] += 1
        printable(str(finding)).encode()


def _json(ground: Ground, answer: bytes) -> None:
    ground.server.answers = {"/json": answer, "/": http(as_json(_PAGE), SIMPLE)}
    files = _index(ground).files("sample", "1.2.3")
    ground.outcomes[f"{len(files)} files"] += 1
    assert all(isinstance(served.sha256, str | None) for served in files.values())
    json.dumps(_index(ground).described("sample"))


_BLOBS = _answers(damaged(st.just(b"bytes" * 100)), "application/octet-stream")
_PATHS = st.sampled_from(("x", "x", "x", "\ud800", "é", "%", "a b\n", "[", "?#", "\0"))


def _download(ground: Ground, value: tuple[str, bytes]) -> None:
    path, answer = value
    ground.server.answers = {"": answer}
    bases = ("", "http://[", ground.server.url, "\0")
    base = ground.server.url if path == "x" else bases[len(answer) % 4]
    assert len(_index(ground).download_sha256(Served("x.whl", f"{base}{path}", None), 500)) == 64


_ERRORS = {"message": "no", "errors": [{"code": "invalid-publisher", "description": "no such"}]}
_MINTED = {"success": True, "token": "pypi-token", "expires": 1}
EXCHANGES = st.fixed_dictionaries(
    {
        "audience": st.just(http(b'{"audience": "127.0.0.1"}'))
        | _answers(changed([{"audience": "127.0.0.1"}]).map(as_json), "application/json"),
        "mint": _answers(changed([_MINTED, _ERRORS]).map(as_json), "application/json")
        | changed([_ERRORS]).map(lambda document: http(as_json(document), "application/json", "422 x")),
        "identity": st.just(_identity := identity_token("127.0.0.1", CLAIMS))
        | changed([CLAIMS]).map(as_json).map(_jwt).map(bytes.decode),
        "offered": st.just(b"") | _answers(changed([{"value": _identity}]).map(as_json), "application/json"),
    }
)


def _exchange(ground: Ground, value: Mapping[str, Any]) -> None:
    url = ground.server.url
    offered = value["offered"] or http(as_json({"value": value["identity"]}))
    ground.server.answers = {"audience": value["audience"], "mint-token": value["mint"], "127.0.0.1": offered}
    job = {"CI": "1", "GITHUB_ACTIONS": "1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}
    address = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}identity?x=1"}
    with mock.patch.dict("os.environ", {**job, **address}):
        publisher = TrustedPublisher.of("PyPI", f"{url}legacy/", os.environ)
        token = publisher.token() if publisher else None
    ground.outcomes["token" if token else "none"] += 1


_RUN = {
    "event": "workflow_dispatch",
    "path": ".github/workflows/release.yml",
    "head_branch": "main",
    "head_sha": "a" * 40,
    "head_repository": {"full_name": "acme/sample"},
    "status": "completed",
    "conclusion": "success",
}
_PUSHED = {"name": f"Push files 99, manifest {'c' * 64}", "status": "completed", "conclusion": "success"}
_TOLD: dict[str, Any] = {
    "runs/7": _RUN,
    "latest&per_page=100": {"jobs": [_PUSHED, {**_PUSHED, "name": "Gate lint"}]},
    "artifacts/99": {"expired": False, "workflow_run": {"id": 7}},
    "sbom&per_page=100": {"artifacts": [{"id": 98, "expired": False}]},
    "b" * 40: {"parents": [{"sha": "a" * 40}], "tree": {"sha": "f" * 40}},
}
_OF_COMMIT = f"{'a' * 40}&per_page=100"
_PROPOSED: dict[str, Any] = {
    **{path: told for path, told in _TOLD.items() if path != "runs/7"},
    "latest&per_page=100": {"jobs": [{**_PUSHED, "name": f"Propose 99, manifest {'c' * 64}"}]},
    _OF_COMMIT: {"workflow_runs": [{**_RUN, "id": 7}]},
    "d" * 40: {"parents": [{"sha": "a" * 40}], "tree": {"sha": "f" * 40}},
}
RUNS, PROPOSALS = (
    st.sampled_from(tuple(told)).flatmap(
        lambda path, told=told: _answers(changed([told[path]]).map(as_json), "application/json").map(  # type: ignore[misc]
            lambda answer: (path, answer)
        )
    )
    for told in (_TOLD, _PROPOSED)
)


def _asked(ground: Ground, value: tuple[str, bytes], told: Mapping[str, Any], ask: Callable[[Job], Proven]) -> None:
    """Check that whatever GitHub answers in one place, what was proven matches its answers elsewhere, or is refused."""
    path, answer = value
    url = ground.server.url.rstrip("/")
    ground.server.answers = {path: answer, **{key: http(as_json(one)) for key, one in told.items() if key != path}}
    job = Job(url, url, "acme/sample", "release.yml", "8", "refs/tags/v1.2.3", "b" * 40, "token")
    api = GitHubApi(url, "acme/sample", "token", patience=0, pauses=())
    with mock.patch.object(Job, "github", api), mock.patch("nox_ship.release.proven._PATIENCE", 0.0):
        found = ask(job)
    assert found.files.isdecimal()
    assert len(found.manifest) == 64
    tree = "f" * 40 if told is _PROPOSED else ""
    assert path.endswith("per_page=100") or found == Proven("7", "99", "c" * 64, "98", tree)
    assert not found.sbom.strip("0123456789-")


def _run_of_a_workflow(ground: Ground, value: tuple[str, bytes]) -> None:
    _asked(ground, value, _TOLD, lambda job: proven("7", "main", job))


def _run_that_proposed(ground: Ground, value: tuple[str, bytes]) -> None:
    _asked(ground, value, _PROPOSED, lambda job: proposed_by_run("d" * 40, "main", job))


_LISTED, _OF_RUN = "/runs?per_page=100", "/jobs?filter=all&per_page=100"
_PAST: dict[str, Any] = {
    _LISTED: {
        "workflow_runs": [
            {
                **_RUN,
                "id": 7,
                "head_branch": "v1.2.3",
                "run_attempt": 1,
                "created_at": "2026-01-05T12:00:00Z",
                "html_url": "https://github.com/acme/sample/actions/runs/7",
            }
        ]
    },
    _OF_RUN: {
        "jobs": [
            {
                "name": "Publish to PyPI",
                "conclusion": "success",
                "run_attempt": 1,
                "started_at": "2026-01-05T12:00:00Z",
                "completed_at": "2026-01-05T12:01:00Z",
            }
        ]
    },
}
PAST = st.sampled_from(tuple(_PAST)).flatmap(
    lambda path: _answers(changed([_PAST[path]]).map(as_json), "application/json").map(lambda answer: (path, answer))
)
_KNOWN_PAST = (
    *(
        ("jobs", http(as_json(put(_PAST[_OF_RUN], "jobs", 0, "started_at", when)), "application/json"))
        for when in _DATES
    ),
    *(
        (_LISTED, http(as_json(put(_PAST[_LISTED], "workflow_runs", 0, key, value)), "application/json"))
        for key in ("created_at", "id", "head_branch")
        for value in (*WRONG, *_DATES)
    ),
)


def _past_runs(ground: Ground, value: tuple[str, bytes]) -> None:
    """Check that the history of releases can be written as JSON, whatever GitHub answers about past runs."""
    path, answer = value
    url = ground.server.url.rstrip("/")
    ground.server.answers = {path: answer, **{key: http(as_json(told)) for key, told in _PAST.items() if key != path}}
    api = GitHubApi(url, "acme/sample", patience=0, pauses=(), timeout=5)
    versions = {"v1.2.3": Version("1.2.3")}
    runs = past.runs(api, "release.yml")
    jobs = {run.id: past.jobs(api, run) for run in runs}
    arrivals = {versions["v1.2.3"]: [dt.datetime(2026, 1, 5, 12, 0, 30, tzinfo=dt.UTC)]}
    for tag, them in delivered._grouped(runs, versions, jobs).items():
        told = delivered._delivered(tag, versions[tag], them, jobs, arrivals, {"pypi": arrivals})
        json.dumps(asdict(told), allow_nan=False).encode()
        ground.outcomes["told"] += 1


_OFFER = {"audience": http(b'{"audience": "127.0.0.1"}'), "identity": _identity, "offered": b""}
_BAD_JSON = (
    b"9" * DIGITS,
    b"[" * DEPTH,
    b"5",
    b"null",
    b'{"errors": 5}',
    b'{"errors": [{"code": {}}]}',
    b'{"token": ""}',
)
_CHECK = {
    "id": 1,
    "name": "Tests",
    "status": "completed",
    "conclusion": "success",
    "started_at": "2026-01-01T00:00:00Z",
    "completed_at": "2026-01-01T00:01:00Z",
    "check_suite": {"id": 5},
    "app": {"slug": "github-actions"},
    "details_url": "https://github.com/acme/sample/actions/runs/7/job/1",
    "output": {"title": "All fine"},
}
_STATUS = {"context": "Tests", "state": "success", "description": "fine", "target_url": "https://ci.example"}
_FAILED = RunJob("Tests", "completed", "failure", id=1)
_ASKED: Mapping[str, tuple[Any, Callable[[Runs], Any]]] = {
    "workflow": ({"state": "active"}, lambda runs: runs.workflow("release.yml")),
    "runs": (
        {"total_count": 1, "workflow_runs": [{**_RUN, "id": 7}]},
        lambda runs: runs.of("release.yml", "a" * 40),
    ),
    "pending": ([{"environment": {"name": "pypi"}}], lambda runs: runs.awaited("7")),
    "log": ("2026-01-01T00:00:00.1234567Z ##[error]No", lambda runs: runs.last_lines(_FAILED, 5)),
    "checks": ({"check_runs": [_CHECK, _CHECK], "statuses": [_STATUS]}, lambda runs: checks_of(runs.api, "a" * 40)),
}
ACTIONS = st.sampled_from(tuple(_ASKED)).flatmap(
    lambda what: _answers(changed([_ASKED[what][0]], 3).map(as_json), "application/json").map(lambda told: (what, told))
)
_KNOWN_ACTIONS = tuple((what, http(body)) for what in _ASKED for body in _BAD_JSON) + tuple(
    ("checks", http(as_json({"check_runs": [put(_CHECK, key, value)], "statuses": []})))
    for key in _CHECK
    for value in WRONG
)


def _told_by_actions(ground: Ground, value: tuple[str, bytes]) -> None:
    """Check that any answer of GitHub about runs and checks can be read and shown, or is refused."""
    what, answer = value
    ground.server.answers = {"": answer}
    api = GitHubApi(ground.server.url.rstrip("/"), "acme/sample", "token", patience=0, pauses=())
    found = _ASKED[what][1](Runs(api))
    printable(str(found)).encode()
    ground.outcomes[what] += 1


_KNOWN_EXCHANGES = (
    *(
        {**_OFFER, "mint": http(body, "application/json", status)}
        for body in _BAD_JSON
        for status in ("200 OK", "422 x")
    ),
    *({**_OFFER, "mint": b"", "audience": http(body)} for body in _BAD_JSON),
    *({**_OFFER, "mint": b"", "offered": http(body)} for body in _BAD_JSON),
    *({**_OFFER, "mint": http(b"{}"), "identity": _jwt(body).decode()} for body in _BAD_JSON),
)
_KNOWN_PAGES = (
    *(http(body, SIMPLE) for body in _BAD_JSON),
    *(http(as_json(put(_PAGE, key, value)), SIMPLE) for key in _PAGE for value in WRONG),
    *(http(as_json(put(_PAGE, "files", 0, key, value)), SIMPLE) for key in _FILE for value in WRONG[:4]),
    *(http(as_json(put(_PAGE, "files", 0, "upload-time", value)), SIMPLE) for value in _DATES),
    *(http(as_json(put(_PAGE, "project-status", "status", value)), SIMPLE) for value in _STATUS_VALUES),
    *(http(as_json(put(_PAGE, "project-status", "reason", value)), SIMPLE) for value in WRONG),
    *(http(as_json(_PAGE), SIMPLE, "200 OK", f"Date: {date}") for date in _CLOCKS),
    *(http(_HTML.replace("'archived'", f"'{value}'").encode(), "text/html") for value in _STATUS_VALUES),
    http(b"<" * DEPTH, "text/html"),
    http(b"<a>" * 2000, "text/html"),
    http(as_json(_PAGE), SIMPLE, "200 OK", "Content-Encoding: gzip"),
    http(b"", "text/html", "302 Found", "Location: http://["),
    http(b"", "text/html", "302 Found", f"Location: http://{'a' * 70}.example/"),
)
_KNOWN_LISTS = (
    *(http(body, SIMPLE) for body in _BAD_JSON),
    http(b'{"name":"' * 50_000, SIMPLE),
    http(b'{"name":"' + b"-" * 500_000, SIMPLE),
    http(b'"name": "sample' + b"." * 500_000, SIMPLE),
    http(as_json(_PROJECTS), "text/html"),
    http(as_json(_PROJECTS), SIMPLE, "200 OK", "Content-Encoding: gzip"),
)
_KNOWN_JSON = (
    *(http(body) for body in _BAD_JSON),
    *(http(as_json(put(_JSON, key, value))) for key in _JSON for value in WRONG),
    *(http(as_json(put(_JSON, "urls", 0, key, value))) for key in _URL for value in WRONG[:4]),
    http(as_json(_JSON), "application/json", "200 OK", "Content-Encoding: gzip"),
)

_KNOWN_RUNS, _KNOWN_PROPOSALS = (
    (
        *((path, http(body)) for path in known for body in _BAD_JSON),
        *((path, http(as_json(put(one, key, value)))) for path, one in known.items() for key in one for value in WRONG),
    )
    for known in (_TOLD, _PROPOSED)
)

TARGETS = {
    "token": Target(_tokens(), _token, known=tuple(_token_text(macaroon([body])) for body in _BAD_JSON)),
    "claims": Target(IDENTITIES, _claims, known=("", ".", "x.y.z", *(_jwt(body).decode() for body in _BAD_JSON))),
    "simple API": Target(PAGES, _simple, 0.5, _KNOWN_PAGES),
    "list of projects": Target(LISTS, _names, 0.3, _KNOWN_LISTS),
    "JSON API": Target(DESCRIPTIONS, _json, 0.3, _KNOWN_JSON),
    "provenance": Target(PROVENANCES, _provenance, 0.5),
    "download": Target(st.tuples(_PATHS, _BLOBS), _download, 0.3),
    "exchange": Target(EXCHANGES, _exchange, 0.3, _KNOWN_EXCHANGES),
    "run of a workflow": Target(RUNS, _run_of_a_workflow, 0.3, _KNOWN_RUNS),
    "run that proposed": Target(PROPOSALS, _run_that_proposed, 0.3, _KNOWN_PROPOSALS),
    "runs and checks": Target(ACTIONS, _told_by_actions, 0.5, _KNOWN_ACTIONS),
    "past runs": Target(PAST, _past_runs, 0.3, _KNOWN_PAST),
}
"""The fuzz targets of this module, by name."""
