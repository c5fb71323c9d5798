"""Whether an index can render the README of built files, and twine uploads them, as `twine check --strict` checks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from pathlib import Path

from packaging.metadata import parse_email

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.contents import Archive

METADATA_REFUSED = Kind(
    "NS502",
    "metadata-refused",
    "Correct the README (`readme` in [project]) or the metadata; an index would refuse or garble them.",
)
README_UNTYPED = Kind(
    "NS871",
    "readme-untyped",
    "Declare it: `long_description_content_type` in setup.py or setup.cfg, or `readme` in [project].",
    level="warning",
)

_ALWAYS_RENDERED = ("text/plain", "text/markdown")
"""The formats in which any text can be rendered."""


def problems(archives: Iterable[Archive]) -> Iterator[Finding]:
    """Yield why an index would refuse the README of built files, or show it as plain text."""
    files: dict[tuple[str, str | None], list[str]] = {}
    for archive in archives:
        told, odd = parse_email(archive.described)
        if "description" not in odd:  # reported by the check of the metadata
            readme = told.get("description", ""), told.get("description_content_type")
            files.setdefault(readme, []).append(archive.path.name)
    for (text, kind), found in files.items():
        names = shorten(found)
        if not text or text.rstrip() == "UNKNOWN":
            yield METADATA_REFUSED(f"There is no README in {names}.")
        elif said := _not_rendered(text, kind):
            yield METADATA_REFUSED(
                f"The README is not reStructuredText that an index can render: {names}.", detail=said
            )
        elif kind is None:
            what = "The metadata do not state the README's format; it renders as reStructuredText, the default"
            yield README_UNTYPED(f"{what}: {names}.")


def unsent(file: Path) -> Iterator[Finding]:
    """Yield why twine would not upload a file, if so."""
    from twine.package import PackageFile

    try:
        PackageFile.from_filename(str(file), None)
    except Exception as error:  # noqa: BLE001 - it ends with whatever is raised
        yield METADATA_REFUSED(f"twine does not upload {file.name}: {error}.")


def _not_rendered(readme: str, kind: str | None) -> str:
    """Return why a README cannot be rendered; empty if it can."""
    header = EmailMessage()
    header["Content-Type"] = kind or "text/x-rst"
    if header.get_content_type() in _ALWAYS_RENDERED:
        return ""
    from readme_renderer.rst import render

    said = io.StringIO()
    try:
        shown = render(readme, stream=said, **header["Content-Type"].params)
    except Exception as error:  # noqa: BLE001 - docutils raises what it likes, an index shows nothing then
        return f"{type(error).__name__}: {error}"
    return "" if shown is not None else said.getvalue().replace("<string>:", "line ") or "Nothing is left of it."
