from __future__ import annotations

import pytest

from nox_ship.package import core_metadata
from nox_ship.package.core_metadata import license_files, problems
from support import each, metadata_text


def found(*lines: str, version: str = "2.4") -> list[str]:
    """Return the IDs and levels of the findings about metadata with these lines."""
    text = metadata_text("sample", "1.2.3", *lines).replace("2.4", version, 1)
    return [f"{finding.id} {finding.level}" for finding in problems(text.encode())]


@each("version", ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"])
def test_every_version_of_metadata_that_pypi_takes_passes(version: str) -> None:
    """All versions of core metadata that PyPI accepts pass, including old ones."""
    assert found("Summary: A sample", version=version) == []


@each(
    "lines",
    [
        ("Home-page: UNKNOWN", "Author-email: UNKNOWN", "License: UNKNOWN", "Platform: UNKNOWN"),
        ("Home-page: ", "Download-URL: ", "Author-email: "),
        ("Author-email: A. B. <a@example.org>, Someone <no address>",),
        ("Author-email: Jürgen <juergen@example.org>", "Maintainer-email: b@example.org"),
        ("Project-URL: Home, https://example.org/a%20b?c=d#e", "Project-URL: Bücher, http://example.org/ü"),
        ("Project-URL: Mail list, https://example.org", "Home-page: HTTP://EXAMPLE.ORG:8080/"),
        ("Classifier: Programming Language :: Python :: 3.13", "Classifier: Typing :: Typed"),
        ("Requires-Dist: a>=1; extra == 'x'", "Provides-Extra: x", "Requires-Python: >=3.9,!=3.9.1"),
        ("Provides-Dist: other", "Obsoletes-Dist: older (<1)", "Requires-External: C"),
        ("Dynamic: License-File", "Dynamic: Requires-Dist", "Dynamic: home-page"),
        ("License-Expression: MIT OR Apache-2.0 WITH LLVM-exception", "License-File: LICENSES/a b.txt"),
        ("License-Expression: LicenseRef-Company",),
        ("License: a text", "        of several lines"),
        ("Keywords: a,b c", "Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM"),
    ],
)
def test_odd_but_healthy_metadata_pass(lines: tuple[str, ...]) -> None:
    """Unusual metadata that PyPI accepts passes, such as the UNKNOWN that distutils wrote for missing values."""
    assert found(*lines) == []


def test_license_files_of_old_metadata_are_no_promise() -> None:
    """`License-File` counts only from metadata version 2.4 on, as setuptools wrote another form before."""
    text = metadata_text("sample", "1.2.3", "License-File: LICENSE")
    assert license_files(text.encode()) == ("LICENSE",)
    assert license_files(text.replace("2.4", "2.1").encode()) == ()
    assert found("License-File: LICENSE", version="2.1") == []


def test_a_classifier_that_may_be_newer_than_the_list_is_a_warning() -> None:
    """An unknown classifier of the next Python version is a warning; one of a far later version is an error."""
    following = core_metadata._following()
    nearest = next(name for name in following if name.startswith("Programming Language :: Python :: 3."))
    assert found(f"Classifier: {nearest}") == ["NS533 warning"]
    assert found("Classifier: Programming Language :: Python :: 3.99") == ["NS533 error"]
    assert "Programming Language :: Python :: 4" in following


def test_every_fault_is_told() -> None:
    """Faults against the specification and against PyPI's own rules are all reported at once."""
    lines = ("License-Expression: What", "Classifier: No", "Home-page: x", "Requires-Dist: a @ file:///b")
    assert [line.split()[0] for line in found(*lines)] == ["NS534", "NS533", "NS539", "NS536"]


@pytest.mark.parametrize("url", ["https://example.org:99999/", "https://example.org/?a=[b"])
def test_an_address_whose_parts_are_not_valid_is_no_url(url: str) -> None:
    """A URL with an impossible port or an invalid query is refused with NS539."""
    assert found(f"Home-page: {url}") == ["NS539 error"]


@pytest.mark.parametrize("missing", ["Metadata-Version", "Version"])
def test_a_field_that_is_missing_is_told_once(missing: str) -> None:
    """A missing required field causes one finding, and none about its value."""
    lines = [line for line in metadata_text("sample", "1.2.3").splitlines() if not line.startswith(f"{missing}:")]
    (finding,) = problems("\n".join([*lines, ""]).encode())
    assert finding.what.startswith("The core metadata is not valid: ")


@each(
    "described",
    [
        b"",
        b"\xff\xfe\0",
        b"Metadata-Version: 2.4\nName: a\nVersion: " + b"9" * 5000,
        b"Metadata-Version: 2.4\nName: a\nVersion: 1\nRequires-Dist: x; " + b"(" * 5000,
        b"Metadata-Version: 2.4\nName: a\nVersion: 1\nLicense-Expression: " + b"(" * 5000,
        b"Metadata-Version: 2.4\nName: a\nVersion: 1\nHome-page: http://[::1 ]\nClassifier: a\nAuthor-email: "
        + b"<" * 500,
        b"Metadata-Version: 2.4\nName: a\nVersion: 1\nProject-URL: a\nProject-URL: a, http://a:99999999/",
        b"Metadata-Version: 2.4\nName: a\nVersion: 1\nDescription-Content-Type: text/plain; x*",
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n",
    ],
)
def test_metadata_that_are_none_are_findings(described: bytes) -> None:
    """Malformed metadata causes findings of limited length, and no exception."""
    told = list(problems(described))
    assert told
    assert all(len(finding.what) < 500 for finding in told)
    assert isinstance(license_files(described), tuple)
