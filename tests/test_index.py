from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.version import Version

from fakes import Call, Programs
from loopback import Loopback, Reply, Request
from nox_ship.errors import ShipError
from nox_ship.process import COMMAND_SLOW, TimedOutError
from nox_ship.world import attest, web
from nox_ship.world.credentials import Credentials, Login
from nox_ship.world.index import Index, UploadUnclearError
from nox_ship.world.listing import Served

LOGIN = Login("__token__", "s3cret-token")
FILE = "sample-1.2.3.tar.gz"
DIGEST = hashlib.sha256(b"sdist").hexdigest()


def make_index(*, signs: bool = False, variables: Mapping[str, str] | None = None) -> Index:
    """Return an index whose uploads a fake program answers."""
    credentials = Credentials("a test", lambda: LOGIN, signs=signs)
    url = "https://index.invalid"
    return Index(
        "mine", f"{url}/legacy/", f"{url}/simple/", find=lambda: credentials, seconds=7, variables=variables or {}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file to upload."""
    path = tmp_path / FILE
    path.write_bytes(b"sdist")
    return path


def send(file: Path, *, signs: bool = False, variables: Mapping[str, str] | None = None) -> None:
    """Upload the file."""
    with make_index(signs=signs, variables=variables).uploading() as upload:
        upload(file, DIGEST)


def answer(status: int, said: str) -> str:
    """Return the answer of the upload script."""
    return json.dumps({"status": status, "reason": said, "text": ""})


def test_both_apis_are_asked_at_once() -> None:
    """Both APIs of an index are asked at the same time."""
    both = threading.Barrier(2, timeout=10)

    def answer(_: Request) -> Reply:
        both.wait()
        return Reply(status=404)

    with Loopback(answer) as server:
        index = Index("mine", "", f"{server.url}/simple/", f"{server.url}/pypi/")
        assert not index.listing("sample", "1.2.3").known


def test_twine_is_told_everything(file: Path, programs: Programs) -> None:
    """twine gets a copy of the file in a folder of its own, and more time for a larger file."""
    seen: list[list[str]] = []

    def reply(call: Call) -> tuple[int, str]:
        copy = Path(call.options["question"]["file"])
        assert copy != file
        assert copy.read_bytes() == b"sdist"
        seen.append([path.name for path in copy.parent.iterdir()])
        return 0, answer(200, "OK")

    programs.play("world/upload.py", reply=reply)
    send(file)
    (call,) = programs.calls
    assert seen == [[FILE]]
    assert call.options["question"]["url"] == "https://index.invalid/legacy/"
    assert call.options["question"]["attestation"] is None
    assert call.options["seconds"] == 7 + 5 / 2**17


def test_twine_is_told_credentials_and_whom_to_trust(file: Path, programs: Programs) -> None:
    """twine gets the credentials and certificates, but none of its variables that name another index."""
    certificates = {"TWINE_CERT": "/cert", "TWINE_CLIENT_CERT": "/client"}
    send(file, variables={**certificates, "TWINE_REPOSITORY_URL": "https://other.invalid"})
    (call,) = programs.calls
    question = call.options["question"]
    assert (question["user"], question["password"]) == ("__token__", "s3cret-token")
    assert (question["certificates"], question["client_certificate"]) == ("/cert", "/client")
    assert "other.invalid" not in str(question)
    assert "s3cret" not in call.text


def test_a_file_that_changed_after_it_was_checked_is_not_uploaded(file: Path, programs: Programs) -> None:
    """A file that changed after it was checked is not uploaded (NS603)."""
    file.write_bytes(b"other")
    with pytest.raises(ShipError, match="NS603"):
        send(file)
    assert programs.calls == []


@pytest.mark.parametrize(("status", "expected"), [(400, "NS702"), (401, "NS721"), (403, "NS733"), (404, "NS738")])
def test_a_refusal_is_told_without_the_token(file: Path, programs: Programs, status: int, expected: str) -> None:
    """A token that the index's refusal repeats is hidden in the message."""
    programs.answer("world/upload.py", stdout=answer(status, "you sent s3cret-token"))
    with pytest.raises(ShipError, match=expected) as caught:
        send(file)
    assert not isinstance(caught.value, UploadUnclearError)
    assert "s3cret-token" not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    "said", [answer(500, "it broke"), '{"failure": "ConnectionError", "text": "s3cret-token"}', ""], ids=str
)
def test_an_answer_that_says_nothing_is_unclear(file: Path, programs: Programs, said: str) -> None:
    """After a server error, or without an answer, NS735 says that the file may have been uploaded."""
    programs.answer("world/upload.py", stdout=said)
    with pytest.raises(UploadUnclearError, match="NS735") as caught:
        send(file)
    assert "s3cret-token" not in str(caught.value)


def test_an_upload_that_takes_too_long_is_unclear(file: Path, programs: Programs) -> None:
    """An upload that exceeds its time limit stops with NS735."""

    def slow(_: Call) -> tuple[int, str]:
        raise TimedOutError(COMMAND_SLOW("Slow."))

    programs.play("world/upload.py", reply=slow)
    with pytest.raises(UploadUnclearError, match=r"NS735.*within 7 seconds"):
        send(file)


def test_what_a_trusted_publisher_uploads_is_signed(file: Path, programs: Programs) -> None:
    """With trusted publishing, an attestation is uploaded too, and signing gets only the job's identity."""
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x.invalid", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token"}

    def sign(call: Call) -> tuple[int, str]:
        Path(f"{call.line[-1]}.publish.attestation").write_text("{}", "utf-8")
        return 0, ""

    programs.play("pypi_attestations", reply=sign)
    send(file, signs=True, variables=job)
    (signing,) = programs.started("pypi_attestations")
    assert signing.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] == "request-token"
    assert not signing.options.get("secrets")
    assert signing.options["seconds"] > 0
    question = programs.calls[-1].options["question"]
    assert question["attestation"] == f"{question['file']}.publish.attestation"


@pytest.mark.parametrize("code", [0, 1])
def test_a_file_that_cannot_be_signed_is_not_uploaded(file: Path, programs: Programs, code: int) -> None:
    """Without an attestation, NS751 stops the upload, and the identity is hidden in the output."""
    job = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token"}
    programs.answer("pypi_attestations", code=code, stdout="no: request-token")
    with pytest.raises(ShipError, match="NS751") as caught:
        send(file, signs=True, variables=job)
    assert caught.value.findings[0].detail == "no: ***"
    assert len(programs.calls) == 1


def test_signing_that_takes_too_long_is_told(file: Path, programs: Programs) -> None:
    """Signing that takes too long, or fails but leaves a file, stops with NS751."""

    def slow(_: Call) -> tuple[int, str]:
        raise TimedOutError(COMMAND_SLOW("Slow."))

    programs.play("pypi_attestations", reply=slow)
    with pytest.raises(ShipError, match="NS751"):
        attest.sign(file, {})

    def half(call: Call) -> tuple[int, str]:
        Path(f"{call.line[-1]}.publish.attestation").write_text("{", "utf-8")
        return 1, ""

    programs.play("pypi_attestations", reply=half)
    with pytest.raises(ShipError, match="NS751"):
        attest.sign(file, {})


def test_credentials_are_looked_for_when_they_are_needed() -> None:
    """Credentials are looked up once, when they are first needed."""
    index = make_index()
    assert index.authenticated == ""
    assert index.credentials is index.credentials
    assert index.authenticated == "a test"


Answers = dict[str, Reply]


@pytest.fixture
def answers() -> Answers:
    """Return what the index answers, by path."""
    return {}


@pytest.fixture
def server(answers: Answers) -> Iterator[Loopback]:
    """Serve an index."""

    def answer(request: Request) -> Reply:
        return answers.get(request.path, Reply("not found", 404))

    with Loopback(answer) as made:
        yield made


def listing(server: Loopback, *, json_api: bool = True) -> Index:
    """Return an index that uses this server."""
    return Index("mine", f"{server.url}/", f"{server.url}/simple/", f"{server.url}/json/" if json_api else None)


def page(*names: str, **hashes: str) -> Reply:
    """Return a page of the simple API with these files."""
    files = [{"filename": name, "url": f"/files/{name}", "hashes": hashes} for name in names]
    value = {"meta": {"api-version": "1.1"}, "name": "sample", "files": files, "versions": []}
    return Reply(json.dumps(value), headers={"Content-Type": "application/vnd.pypi.simple.v1+json"})


def urls(*names: str, **digests: str) -> Reply:
    """Return an answer of the JSON API with these files."""
    return Reply(json.dumps({"urls": [{"filename": n, "url": f"https://x/{n}", "digests": digests} for n in names]}))


def test_files_of_one_version_are_found(server: Loopback, answers: Answers) -> None:
    """Files of a version are found in any spelling of it; a file without a hash is listed without one."""
    answers["/simple/sample/"] = page(FILE, "sample-1.2.3.0-py3-none-any.whl", "sample-1.2.4.tar.gz")
    found = listing(server).files("sample", "1.2.3")
    assert set(found) == {FILE, "sample-1.2.3.0-py3-none-any.whl"}
    assert {served.sha256 for served in found.values()} == {None}
    assert {served.seen_in for served in found.values()} == {"simple API"}


def test_the_simple_api_has_the_last_word(server: Loopback, answers: Answers) -> None:
    """The simple API takes precedence, and files that only the JSON API lists are marked as such."""
    answers["/simple/sample/"] = page(FILE, sha256="a" * 64)
    answers["/json/sample/1.2.3/json"] = urls(FILE, "sample-1.2.3-py3-none-any.whl", sha256="b" * 64)
    found = listing(server).files("sample", "1.2.3")
    assert (found[FILE].sha256, found[FILE].seen_in) == ("a" * 64, "simple API")
    assert found["sample-1.2.3-py3-none-any.whl"].seen_in == "JSON API"
    assert set(listing(server, json_api=False).files("sample", "1.2.3")) == {FILE}


@pytest.mark.parametrize("reply", [Reply("no", 500), Reply('{"urls": [{}]}'), Reply("{}"), Reply("[]"), Reply("{")])
def test_a_json_api_that_does_not_answer_is_no_failure(server: Loopback, answers: Answers, reply: Reply) -> None:
    """If the JSON API fails, the files come from the simple API alone."""
    answers["/simple/sample/"] = page(FILE)
    answers["/json/sample/1.2.3/json"] = reply
    assert set(listing(server).files("sample", "1.2.3")) == {FILE}


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_a_simple_api_that_does_not_answer_is_a_failure(server: Loopback, answers: Answers, status: int) -> None:
    """If the simple API fails, NS701 says so, as a failure does not mean that the index has no files."""
    answers["/simple/sample/"] = Reply("no", status)
    with pytest.raises(ShipError, match="NS701"):
        listing(server).files("sample", "1.2.3")
    with pytest.raises(ShipError, match="NS701"):
        listing(server).listing("sample", "0")


def test_releases_are_what_installers_may_take(server: Loopback, answers: Answers) -> None:
    """Releases have neither yanked files nor files without a version, on JSON and on HTML pages."""
    names = (FILE, "sample-1.2.3-py3-none-any.whl", "sample-1.0.tar.gz", "sample-1.1.tar.gz", "sample.pdf")
    listed = json.loads(page(*names, sha256="a" * 64).body)
    for file, yanked in zip(listed["files"], (False, None, "", True, False), strict=True):
        file.update(yanked=yanked, size=5 if file["filename"] == FILE else "many")
    answers["/simple/sample/"] = replace(page(), body=json.dumps(listed))
    found = listing(server).listing("sample", "1").releases
    assert {str(version): [file.filename for file in files] for version, files in found.items()} == {
        "1.2.3": [FILE, "sample-1.2.3-py3-none-any.whl"]
    }
    assert [(file.size, file.sha256) for file in found[Version("1.2.3")]] == [(5, "a" * 64), (None, "a" * 64)]
    links = [f"<a data-yanked href='/{FILE}'>{FILE}</a>", "<a data-x=1 href=/y data-Yanked='no'>sample-2.tar.gz</a>"]
    links += ["<a href='/x#sha256=aa' class='data-yanked'>sample-3.tar.gz</a>"]
    answers["/simple/sample/"] = Reply("".join(links), headers={"Content-Type": "text/html"})
    assert list(map(str, listing(server).listing("sample", "1").releases)) == ["3"]
    answers.clear()
    assert listing(server).listing("sample", "1").releases == {}


def test_pages_are_asked_for_anew(server: Loopback, answers: Answers) -> None:
    """Requests for pages and files ask caches for a fresh answer."""
    answers["/simple/sample/"] = page(FILE)
    answers["/files/x"] = Reply(b"x")
    index = listing(server)
    index.files("sample", "1.2.3")
    index.download_sha256(Served("x", f"{server.url}/files/x", None), 1)
    assert len(server.asked) == 3
    assert {request.headers.get("cache-control") for request in server.asked} == {"no-cache"}


def test_a_download_is_hashed(server: Loopback, answers: Answers) -> None:
    """A download is hashed, whatever hash the index lists, and a failed download raises NS701."""
    answers["/files/x"] = Reply(b"x")
    index = listing(server)
    told = Served("x", f"{server.url}/files/x", "0" * 64)
    assert index.download_sha256(told, 1) == hashlib.sha256(b"x").hexdigest()
    answers["/files/x"] = Reply(b"x", 500)
    with pytest.raises(ShipError, match="NS701"):
        index.download_sha256(told, 1)


def test_an_index_says_which_projects_it_knows(server: Loopback, answers: Answers) -> None:
    """An index tells whether it knows a project, and describes it if it has a JSON API."""
    index = listing(server)
    assert not index.listing("sample", "0").known
    assert index.described("sample") is None
    answers["/simple/sample/"] = page()
    answers["/json/sample/json"] = Reply('{"info": {"name": "sample"}}')
    assert index.listing("sample", "0").known
    assert index.described("sample") == {"name": "sample"}
    assert listing(server, json_api=False).described("sample") is None


@pytest.mark.parametrize("packing", ["br", "zstd", "gzip, br"])
def test_an_answer_that_is_packed_in_another_way_is_not_read(server: Loopback, answers: Answers, packing: str) -> None:
    """An answer with a content encoding that was not requested is refused with NS701."""
    good = page(FILE)
    answers["/simple/sample/"] = Reply(good.body, headers={**good.headers, "Content-Encoding": packing})
    with pytest.raises(ShipError, match=r"NS701.*encoded"):
        listing(server).files("sample", "1.2.3")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/vnd.pypi.simple.v1+json", "[]"),
        ("application/vnd.pypi.simple.v1+json", '{"files": 5}'),
        ("text/plain", "<a href='/files/x'>sample-1.2.3.tar.gz</a>"),
        ("application/octet-stream", "x"),
    ],
)
def test_a_page_of_another_kind_is_not_read(server: Loopback, answers: Answers, kind: str, body: str) -> None:
    """A page of an unknown content type, or a malformed one, is refused with NS701 and does not count as empty."""
    answers["/simple/sample/"] = Reply(body, headers={"Content-Type": kind})
    with pytest.raises(ShipError, match=r"NS701.*its page (is|does not follow)"):
        listing(server).files("sample", "1.2.3")


@pytest.mark.parametrize("body", ["", "{", "[" * 100_000, "1" * 5000])
def test_an_answer_that_is_no_json_is_told(server: Loopback, answers: Answers, body: str) -> None:
    """An answer that is not valid JSON raises an error that says so."""
    answers["/x"] = Reply(body)
    with pytest.raises(web.WebError, match="not valid JSON"):
        web.get(f"{server.url}/x").json()


def test_provenance_is_fetched_where_the_index_says(server: Loopback, answers: Answers) -> None:
    """Provenance comes from the URL that the index gives, or on PyPI from its integrity API."""
    place = f"/integrity/sample/1.2.3/{FILE}/provenance"
    answers[place] = Reply("there")
    answers["/elsewhere"] = Reply("here")
    index = listing(server)
    served = Served(FILE, "x", None)
    assert index.provenance("Sample", "1.2.3", served) is None
    assert index.provenance("Sample", "1.2.3", replace(served, provenance=f"{server.url}/elsewhere")) == b"here"
    public = replace(index, public=True)
    assert public.provenance("Sample", "1.2.3", served) == b"there"
    answers[place] = Reply("", 404)
    assert public.provenance("Sample", "1.2.3", served) is None
    answers[place] = Reply("", 500)
    with pytest.raises(ShipError, match=r"NS701.*provenance: status 500"):
        public.provenance("Sample", "1.2.3", served)
