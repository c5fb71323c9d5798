from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopback import Loopback, Reply, Request
from nox_ship.world import upload as script
from support import make_sdist, make_wheel

METADATA = ("License-Expression: MIT",)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Return a wheel that twine accepts."""
    return make_wheel(tmp_path, {"sample.py": ""}, METADATA)


@pytest.fixture
def reply() -> dict[str, Reply]:
    """Return the answer of the index, under the key ``it``."""
    return {"it": Reply("thanks")}


@pytest.fixture
def index(reply: dict[str, Reply]) -> Iterator[Loopback]:
    """Return an index that accepts uploads."""

    def answer(_: Request) -> Reply:
        return reply["it"]

    with Loopback(answer) as server:
        yield server


def send(index: Loopback, file: Path, **further: str) -> dict[str, Any]:
    """Upload a file."""
    return script.upload(url=f"{index.url}/legacy/", user="me", password="s3cret", file=str(file), **further)


def test_a_file_is_sent_as_twine_sends_it(index: Loopback, wheel: Path) -> None:
    """A file is sent with its metadata, hash and credentials, and the index's answer is returned."""
    assert send(index, wheel) == {"status": 200, "reason": "OK", "text": "thanks"}
    (request,) = index.asked
    assert (request.method, request.path) == ("POST", "/legacy/")
    assert request.headers["authorization"] == f"Basic {base64.b64encode(b'me:s3cret').decode()}"
    assert request.headers["user-agent"].startswith("twine/")
    for words in (b"file_upload", b"sha256_digest", b"License-Expression", b'filename="' + wheel.name.encode()):
        assert words.lower() in request.body.lower().replace(b"license_expression", b"license-expression")
    assert b"attestations" not in request.body
    assert wheel.read_bytes() in request.body


def test_an_attestation_goes_along(index: Loopback, wheel: Path, tmp_path: Path) -> None:
    """An attestation is sent as a list of one, which is the form that an index expects."""
    attestation = tmp_path / "it.attestation"
    attestation.write_text('{"version": 1}', "utf-8")
    send(index, wheel, attestation=str(attestation))
    assert b'name="attestations"\r\n\r\n[{"version": 1}]' in index.asked[0].body


@pytest.mark.parametrize("status", [400, 403, 409])
def test_a_refusal_is_returned(index: Loopback, reply: dict[str, Reply], wheel: Path, status: int) -> None:
    """A refusal is returned with the text of the index's page, and the upload is not repeated."""
    reply["it"] = Reply("<h1>no</h1>", status)
    told = send(index, wheel)
    assert (told["status"], told["text"]) == (status, "<h1>no</h1>")
    assert len(index.asked) == 1


def test_a_server_error_is_tried_some_times(index: Loopback, reply: dict[str, Reply], wheel: Path) -> None:
    """A server error makes twine try five times."""
    reply["it"] = Reply("broken", 503)
    assert send(index, wheel)["status"] == 503
    assert len(index.asked) == 5


def test_a_redirect_is_not_followed(index: Loopback, reply: dict[str, Reply], wheel: Path) -> None:
    """A redirect is not followed, and its address is returned without the password."""
    reply["it"] = Reply("", 302, {"Location": "https://me:s3cret@elsewhere.invalid/"})
    assert send(index, wheel)["location"] == "https://********@elsewhere.invalid/"
    assert len(index.asked) == 1


def test_a_file_that_is_no_archive_is_not_sent(index: Loopback, tmp_path: Path) -> None:
    """A file that is not a ZIP archive is not sent, and the answer states the reason."""
    path = tmp_path / "sample-1.2.3-py3-none-any.whl"
    path.write_bytes(b"no zip")
    assert send(index, path) == {"failure": "BadZipFile", "text": "File is not a zip file", "unsent": True}
    assert index.asked == []


def test_a_file_with_bad_metadata_is_not_sent(index: Loopback, tmp_path: Path) -> None:
    """A file with invalid metadata is not sent, and the answer has twine's message."""
    told = send(index, make_wheel(tmp_path, {"sample.py": ""}, ("Requires-Dist: !",)))
    assert (told["failure"], told["unsent"]) == ("InvalidDistribution", True)
    assert "requires-dist" in told["text"]
    assert index.asked == []


def answers(monkeypatch: pytest.MonkeyPatch, *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the script's answers to questions, each on one line."""
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{json.dumps(question)}\n" for question in questions)))
    monkeypatch.setattr(sys, "stdout", output)
    script.main()
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_one_line_is_answered_with_one(index: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of input gets one line of output, with nothing that twine prints in between."""
    files = [make_wheel(tmp_path, {"sample.py": ""}, METADATA), make_sdist(tmp_path, {"sample.py": ""})]
    asked = [{"url": f"{index.url}/", "user": "me", "password": "x", "file": str(path)} for path in files]
    assert [told["status"] for told in answers(monkeypatch, *asked)] == [200, 200]


@pytest.mark.parametrize(
    ("url", "certificates", "failure", "words"),
    [
        ("http://127.0.0.1:9/", {}, "ConnectionError", "refused"),
        ("https://127.0.0.1:9/", {"certificates": "/no/ca.pem"}, "OSError", "/no/ca.pem"),
        ("https://127.0.0.1:9/", {"client_certificate": "/no/key.pem"}, "OSError", "/no/key.pem"),
        ("127.0.0.1", {}, "UnreachableRepositoryURLDetected", "scheme"),
    ],
)
def test_what_keeps_an_upload_from_being_answered_is_told(
    monkeypatch: pytest.MonkeyPatch, wheel: Path, url: str, certificates: dict[str, str], failure: str, words: str
) -> None:
    """A failed connection is returned with its kind and message, and does not count as an unsent file."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # requests prefers them
        monkeypatch.delenv(name, raising=False)
    (told,) = answers(monkeypatch, {"url": url, "user": "", "password": "", "file": str(wheel), **certificates})
    assert told["failure"] == failure
    assert words in told["text"]
    assert "unsent" not in told
