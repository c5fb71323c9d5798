from __future__ import annotations

import http.client

import pytest

from nox_ship.world.refusals import Answer

URL = "https://index.example/legacy/"


def shown(status: int, phrase: str, reason: str, page: str = "") -> str:
    """Return what twine prints, as `--verbose --no-color` makes it."""
    page = f"INFO     {page}\n" if page else ""
    return (
        f"Uploading distributions to {URL}\nINFO     dist/a.whl (1.0 KB)\nUploading a.whl\n"
        f"INFO     Response from {URL}:\n         {status} {reason}\n{page}"
        f"ERROR    HTTPError: {status} {phrase} from {URL}\n         {reason}\n"
    )


def test_the_reason_is_in_the_status_line() -> None:
    """PyPI puts its words there; the page that repeats them is not quoted."""
    answer = Answer.of(shown(403, "Forbidden", "It is <b>yours</b> &amp; mine.", "<h1>403 It is yours</h1>"))
    assert (answer.status, answer.said) == (403, "It is yours & mine.")
    assert answer.explained("Index", "a.whl").what == "Index refused a.whl (403: It is yours & mine)."


def test_the_page_tells_where_the_status_line_does_not() -> None:
    """HTTP/2 has no reason in its status line."""
    page = "<style>b{}</style><h1>400 File already exists</h1>"
    answer = Answer.of(shown(400, "Bad Request", "Bad Request", page))
    assert answer.said == "400 File already exists"
    assert answer.explained("Index", "a.whl").id == "NS720"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_unclear(status: int) -> None:
    """Whether the file was kept is open."""
    assert Answer.of(shown(status, "Some Error", "broke")).unclear


@pytest.mark.parametrize(
    "output",
    ["", "requests.exceptions.ConnectionError: ('Connection aborted.', RemoteDisconnected('x'))", "Killed"],
)
def test_no_answer_is_unclear(output: str) -> None:
    """A cut connection is told in the words of the last line."""
    answer = Answer.of(output)
    assert answer.unclear
    assert answer.said == (output or "no output")


def test_a_redirect_is_refused() -> None:
    """Credentials follow none: NS738."""
    answer = Answer.of(f"ERROR    RedirectDetected: {URL} attempted to redirect to https://elsewhere.example/\n")
    assert answer.explained("Index", "a.whl").id == "NS738"


def test_a_file_that_twine_itself_refuses_has_bad_metadata() -> None:
    """There was no request: NS728."""
    answer = Answer.of("ERROR    InvalidDistribution: Metadata is missing required fields: Name.\n")
    assert not answer.unclear
    assert answer.explained("Index", "a.whl").id == "NS728"


@pytest.mark.parametrize("last", ["zipfile.BadZipFile: File is not a zip file", "tarfile.ReadError: not a gzip file"])
def test_a_file_that_twine_cannot_read_is_no_archive(last: str) -> None:
    """It ends with a traceback, and nothing was sent: NS503."""
    answer = Answer.of(f"Traceback (most recent call last):\n  File x\n{last}\n")
    assert not answer.unclear
    assert answer.explained("Index", "a.whl").id == "NS503"


def test_unknown_statuses_are_told_as_they_are() -> None:
    """A long answer is cut, and a status that HTTP does not know is no trouble."""
    finding = Answer.of(shown(499, "Unknown Status", "word " * 200)).explained("Index", "a.whl")
    assert finding.id == "NS702"
    assert len(finding.what) < 400


def test_a_reference_to_no_character_is_passed_over() -> None:
    """However many digits it has."""
    answer = Answer.of(shown(403, "Forbidden", f"no&#{'9' * 5000}; way &#65;"))
    assert answer.said == "no way A"


def test_a_status_alone_is_told_in_its_own_words() -> None:
    """Where no page says more."""
    assert Answer.of(shown(403, "Forbidden", "Forbidden")).said == "Forbidden"


@pytest.mark.parametrize(
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
    """Whichever words the index finds for it; they are told."""
    phrase = http.client.responses[status]
    finding = Answer.of(shown(status, phrase, words or phrase, "")).explained("Index", "a.whl")
    assert finding.id == expected
    assert " ".join(words.split()[:3]) in finding.what
