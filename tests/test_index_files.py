from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import urljoin

import pytest

from nox_ship.world import web
from nox_ship.world.index import Index
from nox_ship.world.listing import Listing
from nox_ship.world.pages import parsed
from support import each

INDEX = Index("it", "https://packages.invalid/", "https://packages.invalid/simple/", public=True)


@pytest.mark.parametrize(
    ("name", "version", "counts"),
    [
        ("sample-0.1.dmg", "0.1", False),
        ("sample-0.1.dmg", "0.2", False),
        ("sample.pdf", "0.2", False),
        ("sample-latest.tar.gz", "0.2", False),
        ("sample-0.1-py3.8.egg", "0.2", False),
        ("sample-0.1.win32-py2.7.exe", "0.2", False),
        ("sample-0.1.win32.msi", "0.2", False),
        ("sample-0.1-1.src.rpm", "0.2", False),
        ("sample-0.1.tar.bz2", "0.2", False),
        (f"sample-{'9' * 5000}.tar.gz", "0.2", False),
        ("sample-0.2.tar.gz", "0.2", True),
        ("sample-0.2.0.zip", "0.2", True),
        ("sample-0.2-py3.8.egg", "0.2", True),
        ("sample-0.2-py3-none-any.whl", "0.2", True),
    ],
)
def test_only_files_of_the_version_are_of_it(
    monkeypatch: pytest.MonkeyPatch, name: str, version: str, counts: bool
) -> None:
    """Only files whose name has the version belong to it, and names without a version are ignored."""
    answer = web.Answer("https://packages.invalid/", 200, "", f'<a href="files/{name}">{name}</a>'.encode())
    monkeypatch.setattr(web, "get", lambda *_, **__: answer)
    assert list(INDEX.files("sample", version)) == ([name] if counts else [])


def listed(monkeypatch: pytest.MonkeyPatch, body: str, kind: str, date: str = "", status: int = 200) -> Listing:
    """Return the listing that is read from a page."""
    answer = web.Answer("https://packages.invalid/simple/sample/", status, kind, body.encode(), date)
    monkeypatch.setattr(web, "get", lambda *_, **__: answer)
    return INDEX.listing("sample", "1.2.3")


def as_json(status: object = None, **file: object) -> str:
    """Return a JSON page with one file, as PyPI serves it."""
    sdist: dict[str, Any] = {"filename": "sample-1.2.3.tar.gz", "url": "x", "hashes": {"sha256": "0" * 64}, **file}
    told = {} if status is None else {"project-status": status}
    return json.dumps({"meta": {"api-version": "1.4"}, "name": "sample", "versions": [], "files": [sdist], **told})


JSON = "application/vnd.pypi.simple.v1+json"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"status": "archived"}, ("archived", "")),
        ({"status": "quarantined", "reason": "malware"}, ("quarantined", "malware")),
        ({"status": "deprecated", "reason": None}, ("deprecated", "")),
        ({"status": "active", "reason": 5}, ("active", "")),
        (None, ("active", "")),
        ({}, ("active", "")),
        ({"status": "frozen", "reason": "x"}, ("active", "")),
        ({"status": ["archived"]}, ("active", "")),
        ("archived", ("active", "")),
        (["archived"], ("active", "")),
    ],
)
def test_the_status_of_a_project_is_read(
    monkeypatch: pytest.MonkeyPatch, status: object, expected: tuple[str, str]
) -> None:
    """The project's status (PEP 792) is read from JSON, and an unknown status counts as active."""
    found = listed(monkeypatch, as_json(status), JSON)
    assert (found.status, found.reason) == expected
    assert list(found.files) == ["sample-1.2.3.tar.gz"]
    assert found.public


@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ('<meta name="pypi:project-status" content="archived">', ("archived", "")),
        ("<META content=quarantined name='pypi:project-status'>", ("quarantined", "")),
        (
            '<meta name="pypi:project-status" content="archived"><meta name="pypi:project-status-reason" content="x">',
            ("archived", "x"),
        ),
        ('<meta name="pypi:project-status" content="frozen">', ("active", "")),
        ('<meta name="pypi:project-status" content>', ("active", "")),
        ('<meta name="pypi:project-status">', ("active", "")),
        ('<!-- <meta name="pypi:project-status" content="archived"> -->', ("active", "")),
        ('<meta name="other" content="archived">', ("active", "")),
    ],
)
def test_the_status_of_a_project_is_read_from_html(
    monkeypatch: pytest.MonkeyPatch, metas: str, expected: tuple[str, str]
) -> None:
    """The project's status is read from the meta elements of an HTML page, without affecting its files."""
    text = f'<html><head>{metas}</head><body><a href="sample-1.2.3.tar.gz">sample-1.2.3.tar.gz</a></body></html>'
    found = listed(monkeypatch, text, "text/html")
    assert (found.status, found.reason) == expected
    assert list(found.files) == ["sample-1.2.3.tar.gz"]
    assert found.first_upload is None


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-03-04T05:06:07.123456Z", dt.datetime(2026, 3, 4, 5, 6, 7, 123456, dt.UTC)),
        ("2026-03-04T05:06:07+02:00", dt.datetime(2026, 3, 4, 3, 6, 7, 0, dt.UTC)),
        ("2026-03-04T05:06:07", dt.datetime(2026, 3, 4, 5, 6, 7, 0, dt.UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-13-04T05:06:07Z", None),
        ("yesterday", None),
        (1772600767, None),
        (None, None),
    ],
)
def test_the_time_of_an_upload_is_read(
    monkeypatch: pytest.MonkeyPatch, time: object, expected: dt.datetime | None
) -> None:
    """The upload time (PEP 700) is read in UTC, and an invalid one is ignored."""
    (served,) = listed(monkeypatch, as_json(**{"upload-time": time}), JSON).files.values()
    assert served.uploaded == expected
    assert served.is_sdist


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Wed, 04 Mar 2026 05:06:07 GMT", dt.datetime(2026, 3, 4, 5, 6, 7, 0, dt.UTC)),
        ("Wed, 04 Mar 2026 05:06:07 +0200", dt.datetime(2026, 3, 4, 3, 6, 7, 0, dt.UTC)),
        ("Wed, 04 Mar 2026 05:06:07 -0000", dt.datetime(2026, 3, 4, 5, 6, 7, 0, dt.UTC)),
        ("", None),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        (f"1 Jan {'9' * 5000} 00:00:00", None),
    ],
)
def test_the_time_of_an_answer_is_the_servers(
    monkeypatch: pytest.MonkeyPatch, date: str, expected: dt.datetime | None
) -> None:
    """The time of an answer is that of the server, or else that of this machine."""
    before = dt.datetime.now(dt.UTC)
    at = listed(monkeypatch, as_json(), JSON, date).at
    assert at == expected if expected else before <= at <= dt.datetime.now(dt.UTC)
    assert listed(monkeypatch, "", "text/plain", date, status=404).known is False


def read(
    body: str, kind: str = "text/html", project: str = "my-sample"
) -> list[tuple[str, str, str | None, str, bool]]:
    """Return the facts that are read about each file of a page."""
    page = parsed(web.Answer("https://packages.invalid/simple/sample/", 200, kind, body.encode(), ""), project)
    return [(e.served.filename, e.served.url, e.served.sha256, e.version, e.yanked) for e in page.entries]


@each(
    ("link", "expected"),
    [
        ("<a href=../f/a-1.whl#sha256=ab>a-1.whl</a>", ("a-1.whl", "f/a-1.whl", "ab", False)),
        ("<A class=x HREF='/f/a' data-yanked=why>\n a&amp;<b>b</b> \n</A>", ("a&b", "../f/a", None, True)),
        (
            '<a href="https://b.invalid/x?a&amp;b#md5=00" data-yanked>x</a>',
            ("x", "https://b.invalid/x?a&b", None, True),
        ),
        ("<a href=y#sha256=>y</a>", ("y", "sample/y", None, False)),
        ("<a href=z href=w>z", ("z", "sample/z", None, False)),
    ],
)
def test_a_link_is_read(link: str, expected: tuple[str, str, str | None, bool]) -> None:
    """The file name, URL, SHA-256 and yanked mark are read from a link."""
    ((name, url, sha256, _, yanked),) = read(f"<a>none</a><a href>none</a>{link}")
    assert (name, url, sha256, yanked) == (
        expected[0],
        urljoin("https://packages.invalid/simple/", expected[1]),
        *expected[2:],
    )


def test_links_count_from_the_base_of_a_page() -> None:
    """Relative links are resolved against the first base element of a page, wherever it is."""
    ((_, url, *_),) = read("<a href=x>x</a><base href=/files/><base href=/others/>")
    assert url == "https://packages.invalid/files/x"


@each(
    ("name", "version"),
    [
        ("my_sample-1.0-py3-none-any.whl", "1.0"),
        ("My.Sample-1.0+a.1-1-py3-none-any.whl", "1.0+a.1"),
        ("my-sample-1.0.tar.gz", "1.0"),
        ("my--sample-1!1.0rc1.zip", "1!1.0rc1"),
        ("my_sample-1.0-2.tar.gz", "1.0-2"),
        ("my-sample-more-1.0.tar.gz", "more-1.0"),
        ("other-1.0.tar.gz", ""),
        ("my-sample.tar.gz", ""),
        ("my-sample-1.0.tar.gz.asc", ""),
    ],
)
def test_a_name_tells_a_version(name: str, version: str) -> None:
    """The version is read from a file name in any spelling of the project's name, but not from another project's."""
    assert [entry[3] for entry in read(f"<a href=x>{name}</a>")] == [version]


@each("charset", ["utf-8", "none", "base64", ""])
def test_a_page_of_an_odd_encoding_is_read(charset: str) -> None:
    """A page with an unknown encoding is read as UTF-8."""
    ((name, *_),) = read("<a href=x>é</a>", f"text/html; charset={charset}")
    assert name == "é"


@each("version", ["2.0", "99", "", "x"])
def test_a_page_of_another_version_of_the_api_is_not_read(version: str) -> None:
    """A page of another major version of the API (PEP 629) is refused."""
    odd = (
        (f"<meta name='pypi:repository-version' content='{version}'>", "text/html"),
        (f'{{"meta": {{"api-version": "{version}"}}, "files": []}}', JSON),
    )
    for body, kind in odd:
        with pytest.raises(web.WebError, match="version"):
            read(body, kind)
    assert read('<meta name="pypi:repository-version" content="1.9">') == []


FACTS = ("requires_python", "yanked", "metadata_sha256", "provenance")
SAID = {
    "requires-python": ">=3.9",
    "yanked": "broken",
    "core-metadata": {"sha256": "ab"},
    "provenance": "https://packages.invalid/provenance",
}
WRITTEN = (
    "data-requires-python='&gt;=3.9' data-yanked=broken data-core-metadata='sha256=ab'"
    " data-provenance='https://packages.invalid/provenance'"
)


@pytest.mark.parametrize(
    ("said", "written", "expected"),
    [
        (SAID, WRITTEN, (">=3.9", "broken", "ab", "https://packages.invalid/provenance")),
        (
            {"yanked": True, "core-metadata": True, "provenance": None},
            "data-yanked data-core-metadata=true",
            (None, "", None, None),
        ),
        ({"yanked": False, "requires-python": 5, "dist-info-metadata": {"sha256": "cd"}}, "", (None, None, "cd", None)),
        ({}, "", (None, None, None, None)),
    ],
)
def test_what_a_page_says_of_a_file_is_read(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], written: str, expected: tuple[str | None, ...]
) -> None:
    """A file's other facts are read from JSON and HTML pages; missing or malformed ones are None."""
    served = listed(monkeypatch, as_json(**said), JSON).files["sample-1.2.3.tar.gz"]
    assert tuple(getattr(served, fact) for fact in FACTS) == expected
    if "dist-info-metadata" in said:  # an old name, which is read from JSON only
        return
    page = f"<a href='sample-1.2.3.tar.gz' {written}>sample-1.2.3.tar.gz</a>"
    served = listed(monkeypatch, page, "text/html").files["sample-1.2.3.tar.gz"]
    assert tuple(getattr(served, fact) for fact in FACTS) == expected
