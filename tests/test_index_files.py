from __future__ import annotations

import datetime as dt

import pytest
from pypi_simple import ProjectPage

from nox_ship.world.index import Index


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
    """A file whose name tells no version stands in nobody's way."""
    page = ProjectPage.from_html("sample", f'<a href="files/{name}">{name}</a>', "https://packages.invalid/")
    monkeypatch.setattr(Index, "_page", lambda *_: (page, dt.datetime.now(dt.UTC)))
    index = Index("it", "https://packages.invalid/", "https://packages.invalid/simple/")
    assert list(index.files("sample", version)) == ([name] if counts else [])
