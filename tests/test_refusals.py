from __future__ import annotations

import http.client

import pytest

from nox_ship.world.refusals import Answer
from support import each


def answered(status: int, reason: str, text: str = "") -> Answer:
    """Return an answer of an index."""
    return Answer.of({"status": status, "reason": reason, "text": text})


def test_the_reason_is_in_the_status_line() -> None:
    """The message in the status line is used, and the page is not quoted."""
    answer = answered(403, "It is <b>yours</b> &amp; mine.", "<h1>403 It is yours</h1>")
    assert (answer.status, answer.said) == (403, "It is yours & mine.")
    assert answer.explained("Index", "a.whl").what == "Index refused a.whl (403: It is yours & mine)."


@pytest.mark.parametrize("reason", ["Bad Request", "", None])
def test_the_page_tells_where_the_status_line_does_not(reason: str) -> None:
    """If the status line has no message, as with HTTP/2, the page is used."""
    answer = answered(400, reason, "<style>b{}</style><h1>400 File already exists</h1>")
    assert answer.said == "400 File already exists"
    assert answer.explained("Index", "a.whl").id == "NS720"


def test_what_stands_on_the_page_alone_tells_the_kind() -> None:
    """If only the page has a known message, it determines the ID."""
    assert answered(400, "Not that one", "File already exists").explained("Index", "a.whl").id == "NS720"


@each("status", [500, 502, 503, 504])
def test_a_server_error_is_unclear(status: int) -> None:
    """After a server error, it is unclear whether the file was stored."""
    assert answered(status, "broke").unclear


@each(("status", "ok"), [(199, False), (200, True), (204, True), (300, False), (304, False)])
def test_only_success_is_success(status: int, ok: bool) -> None:
    """Only statuses from 200 to 299 are a success."""
    answer = answered(status, "hm")
    assert (answer.ok, answer.unclear) == (ok, False)


def test_no_answer_is_unclear() -> None:
    """A lost connection is unclear, and its message names the kind of error."""
    answer = Answer.of({"failure": "ConnectionError", "text": "('Connection aborted.', RemoteDisconnected('x'))"})
    assert answer.unclear
    assert not answer.ok
    assert answer.said == "ConnectionError: ('Connection aborted.', RemoteDisconnected('x'))"


@each("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(status: int) -> None:
    """A redirect is NS738, which names its target, because credentials must not follow it."""
    told = {
        "status": status,
        "reason": "Moved",
        "text": "File already exists",
        "location": "https://elsewhere.example/",
    }
    finding = Answer.of(told).explained("Index", "a.whl")
    assert finding.id == "NS738"
    assert "https://elsewhere.example/" in finding.what


def test_a_file_that_twine_itself_refuses_has_bad_metadata() -> None:
    """A file that twine refuses before sending it is NS728."""
    text = "Metadata is missing required fields: Name."
    answer = Answer.of({"failure": "InvalidDistribution", "text": text, "unsent": True})
    assert not answer.unclear
    assert answer.explained("Index", "a.whl").id == "NS728"


@pytest.mark.parametrize("failure", ["BadZipFile", "ReadError", "UnicodeDecodeError"])
def test_a_file_that_twine_cannot_read_is_no_archive(failure: str) -> None:
    """A file that twine cannot read as an archive is NS503; nothing is unclear, since it was not sent."""
    answer = Answer.of({"failure": failure, "text": "hm", "unsent": True})
    assert not answer.unclear
    assert answer.explained("Index", "a.whl").id == "NS503"


def test_unknown_statuses_are_told_as_they_are() -> None:
    """An unknown status is NS702, with a shortened message."""
    finding = answered(499, "word " * 200).explained("Index", "a.whl")
    assert finding.id == "NS702"
    assert len(finding.what) < 400


def test_a_reference_to_no_character_is_passed_over() -> None:
    """An invalid character reference in a message is removed, even one with thousands of digits."""
    answer = answered(403, f"no&#{'9' * 5000}; way &#65;")
    assert answer.said == "no way A"


def test_a_status_alone_is_told_in_its_own_words() -> None:
    """If there is no page, the phrase of the status is the message."""
    assert answered(403, "Forbidden").said == "Forbidden"


@each(
    ("status", "words", "expected"),
    [
        (403, "Invalid or non-existent authentication information. See the help page for more information.", "NS721"),
        (403, "Invalid API Token: signatures do not match", "NS721"),
        (403, "Username/Password authentication is no longer supported. Migrate to API Tokens instead.", "NS721"),
        (401, "Unauthorized", "NS721"),
        (403, "Invalid API Token: token is expired", "NS722"),
        (403, "The user 'someone' isn't allowed to upload to project 'sample'. See the help page.", "NS724"),
        (403, "Invalid API Token: project-scoped token is not valid for project: 'sample'", "NS724"),
        (403, "Invalid API Token: project-scoped token used outside of a project context", "NS726"),
        (400, "Non-user identities cannot create new projects. This was probably caused by ...", "NS726"),
        (403, "Invalid API Token: OIDC scoped token is not valid for project 'sample'", "NS726"),
        (400, "This filename has already been used, use a different version.", "NS720"),
        (400, "The name 'sample' is too similar to an existing project.", "NS727"),
        (400, "The name 'sample' isn't allowed (conflict with Python Standard Library module name).", "NS727"),
        (400, "'Framework :: None' is not a valid classifier for classifiers. Invalid value.", "NS533"),
        (400, "Invalid distribution metadata: metadata is missing required fields: Version.", "NS728"),
        (400, "The description failed to render for 'text/x-rst'. See the help page.", "NS729"),
        (403, "", "NS733"),
        (403, "Access was denied to this resource.", "NS733"),
        (429, "Too many requests", "NS734"),
        (413, "Request Entity Too Large", "NS543"),
        (403, "The request is larger than the size-limit.", "NS736"),
        (403, "User 'someone' does not have a verified primary email address.", "NS737"),
        (404, "Not Found", "NS738"),
        (405, "Method Not Allowed", "NS738"),
        (418, "I'm a teapot", "NS702"),
    ],
)
def test_each_refusal_has_an_id_of_its_own(status: int, words: str, expected: str) -> None:
    """The messages of PyPI have their IDs, and the finding quotes the message."""
    phrase = http.client.responses[status]
    finding = answered(status, words or phrase).explained("Index", "a.whl")
    assert finding.id == expected
    assert " ".join(words.split()[:3]) in finding.what
