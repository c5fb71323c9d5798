from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.package.contents import Archive
from nox_ship.package.readme import problems, unsent
from support import each, make_sdist, make_wheel, metadata_text

GOOD = "Title\n=====\n\nText.\n"
BAD = "Title\n==\n\n.. nonsense::\n\n`broken\n"


def described(folder: Path, readme: str, kind: str | None) -> Archive:
    """Return a wheel with a README."""
    header = metadata_text("sample", "1.2.3", *([f"Description-Content-Type: {kind}"] if kind else ()))
    metadata = f"{header.rstrip()}\n\n{readme}"
    return Archive.read(make_wheel(folder, {"sample.py": "", "sample-1.2.3.dist-info/METADATA": metadata}))


@pytest.mark.slow
@each(
    ("readme", "kind", "expected"),
    [
        (GOOD, "text/x-rst", []),
        (GOOD, "text/x-rst; charset=UTF-8", []),
        (BAD, "text/x-rst", ["NS502"]),
        (BAD, "text/markdown", []),
        (BAD, "text/markdown; charset=UTF-8; variant=GFM", []),
        (BAD, "text/plain", []),
        (BAD, "text/odd", ["NS502"]),
        (GOOD, None, ["NS871"]),
        (BAD, None, ["NS502"]),
        ("", "text/markdown", ["NS502"]),
        ("UNKNOWN\n\n", None, ["NS502"]),
        (".. nothing is left of a comment", "text/x-rst", ["NS502"]),
    ],
)
def test_a_readme_is_shown_or_told(tmp_path: Path, readme: str, kind: str | None, expected: list[str]) -> None:
    """A README is rendered as an index does: in the format of the metadata, else as reStructuredText."""
    assert [finding.id for finding in problems([described(tmp_path, readme, kind)])] == expected


def test_what_is_wrong_with_a_readme_is_told_by_its_lines(tmp_path: Path) -> None:
    """The finding about a README contains the messages of docutils with their lines."""
    (finding,) = problems([described(tmp_path, BAD, "text/x-rst")])
    assert "line 4: (ERROR/3) Unknown directive type" in finding.detail


def test_a_readme_of_several_files_is_told_once(tmp_path: Path) -> None:
    """A README that several files share is reported once; a different one is reported separately."""
    archives = [described(tmp_path / str(number), BAD, "text/x-rst") for number in range(2)]
    first, second = problems([*archives, described(tmp_path / "other", "", None)])
    assert first.what.count("whl") == 2
    assert second.what == "There is no README in sample-1.2.3-py3-none-any.whl."


def test_what_docutils_cannot_take_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If docutils raises any exception, NS502 names it, because an index would show no README."""

    def fail(*_: object, **__: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("readme_renderer.rst.render", fail)
    (finding,) = problems([described(tmp_path, GOOD, "text/x-rst")])
    assert (finding.id, finding.detail) == ("NS502", "RecursionError: too deep")


def test_what_twine_would_not_send_is_told(tmp_path: Path) -> None:
    """A file that twine would refuse is NS502 with twine's reason."""
    good = make_wheel(tmp_path, {"sample.py": ""}, ("License-Expression: MIT",))
    assert list(unsent(good)) == []
    (finding,) = unsent(make_sdist(tmp_path, {"x": ""}, ("Requires-Dist: (",)))
    assert finding.id == "NS502"
    assert "requires-dist" in finding.what
