"""What an index requires of the core metadata in a file.

The rules are those of packaging, which twine applies before it uploads a file, and those that PyPI adds
(``warehouse/forklift/metadata.py``, in the same order).
"""

from __future__ import annotations

import email.utils
import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.versions import parse

METADATA_VERSION = Kind(
    "NS531",
    "metadata-too-new",
    "Make the build backend write an older version (hatchling: `core-metadata-version`; others: an upper bound in"
    " `build-system.requires`).",
)
LOCAL_VERSION = Kind(
    "NS532",
    "local-version",
    'Drop the part after the `+` (setuptools-scm and hatch-vcs: `local_scheme = "no-local-version"`).',
)
UNKNOWN_CLASSIFIER = Kind(
    "NS533",
    "unknown-classifier",
    "Correct `classifiers` in [project] (`python -m trove_classifiers` lists the valid ones); if yours is newer than"
    " that list, update trove-classifiers.",
)
BAD_LICENSE = Kind(
    "NS534",
    "bad-license",
    'Set `license` in [project] to an SPDX expression, such as "MIT" or "Apache-2.0 OR MIT", and use no `..` in the'
    " paths of `license-files` (PEP 639).",
)
DIRECT_REFERENCE = Kind(
    "NS536",
    "direct-reference",
    "Depend on a released version by name; for development, move the URL to a dependency group or to"
    " [tool.uv.sources].",
)
BAD_REQUIREMENT = Kind(
    "NS537",
    "bad-requirement",
    "Correct `dependencies`, `optional-dependencies` or `requires-python` in [project] (setup.py: `install_requires`,"
    " `extras_require`, `python_requires`).",
)
BAD_EMAIL = Kind(
    "NS538",
    "bad-email",
    "Correct `email` in `authors` or `maintainers` of [project], or leave it out.",
)
BAD_URL = Kind(
    "NS539",
    "bad-url",
    "Correct `urls` in [project] (setup.py: `url`, `download_url`, `project_urls`): each needs a label of at most 32"
    " characters and a URL that starts with https:// or http://.",
)
BAD_SUMMARY = Kind(
    "NS540",
    "bad-summary",
    "Shorten `description` in [project] to one line of at most 512 characters; the rest belongs in the README.",
)
BAD_FIELD = Kind(
    "NS541",
    "bad-metadata-field",
    "Correct the field in [project]; if it is not there, the build backend writes it: update the build backend.",
)

# The versions that PyPI accepts; packaging knows a newer one.
_TAKEN = {"1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"}
_LICENSE_FILES_SINCE = Version("2.4")
_LONGEST_SUMMARY, _LONGEST_LABEL = 512, 32
_SHOWN = 200
_OF_FIELD = {
    "metadata-version": METADATA_VERSION,
    "summary": BAD_SUMMARY,
    **dict.fromkeys(("license", "license-expression", "license-file"), BAD_LICENSE),
    **dict.fromkeys(
        ("requires-dist", "requires-python", "provides-extra", "provides-dist", "obsoletes-dist"), BAD_REQUIREMENT
    ),
}
# Fields that may be dynamic (PEP 643), according to PyPI.
_DYNAMIC = frozenset(
    (
        *("platform", "supported-platform", "summary", "description", "description-content-type", "keywords"),
        *("home-page", "download-url", "author", "author-email", "maintainer", "maintainer-email", "license"),
        *("license-expression", "license-file", "classifier", "requires-dist", "requires-python", "requires-external"),
        *("project-url", "provides-extra", "provides-dist", "obsoletes-dist", "requires", "provides", "obsoletes"),
        *("import-name", "import-namespace"),
    )
)


def problems(described: bytes, *, tagged: bool = True) -> Iterator[Finding]:
    """Yield what an index would refuse in core metadata.

    Args:
        described: The text of ``METADATA`` or ``PKG-INFO``.
        tagged: Whether it is a release; only other builds may have a local version.
    """
    try:
        raw, unknown = _read(described)
        yield from _general(raw, unknown)
        yield from _particular(_Fields(_sent(raw)), tagged=tagged)
    except Exception as error:  # noqa: BLE001 - metadata may hold anything
        yield BAD_FIELD(f"The core metadata cannot be read: {_cut(str(error) or type(error).__name__)}.")


def license_files(described: bytes) -> tuple[str, ...]:
    """Return the license files that core metadata names; before version 2.4, the field meant something else.

    If one of the names is not valid, none are returned: `problems` reports it.
    """
    try:
        return tuple(_Fields(_read(described)[0]).get("license_files") or ())
    except Exception:  # noqa: BLE001 - `problems` reports it
        return ()


def _read(described: bytes) -> tuple[RawMetadata, dict[str, list[str]]]:
    """Read metadata as twine does: without the license files that old setuptools wrote."""
    raw, unknown = parse_email(described)
    version = parse(raw.get("metadata_version", "0"))
    if version is None or version < _LICENSE_FILES_SINCE:
        raw.pop("license_files", None)
        unknown.pop("license-file", None)
    return raw, unknown


def _sent(raw: RawMetadata) -> RawMetadata:
    """Return the metadata as PyPI reads it from an upload: without empty fields and distutils' ``UNKNOWN``."""

    def empty(value: object) -> bool:
        last = value[-1] if isinstance(value, list) else value
        return isinstance(last, str) and last.strip() in ("", "UNKNOWN")

    kept: Any = {key: value for key, value in raw.items() if not empty(value)}
    return kept  # type: ignore[no-any-return]


def _general(raw: RawMetadata, unknown: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Yield what packaging refuses: twine does not upload it."""
    if unknown:
        yield BAD_FIELD(f"The core metadata has unknown or unreadable fields: {shorten(sorted(unknown))}.")
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        for error in sorted(group.exceptions, key=str):
            field = error.field if isinstance(error, InvalidMetadata) else ""
            kind = BAD_FIELD if " introduced in metadata version " in str(error) else _OF_FIELD.get(field, BAD_FIELD)
            yield kind(f"The core metadata is not valid: {_cut(str(error))}.")


class _Fields:
    """Metadata whose invalid fields count as missing; `_general` reports those."""

    def __init__(self, raw: RawMetadata) -> None:
        self._metadata = Metadata.from_raw(raw, validate=False)

    def get(self, name: str) -> Any:
        """Return a field's value; None if it is missing or not valid."""
        try:
            return getattr(self._metadata, name)
        except InvalidMetadata:
            return None


def _particular(fields: _Fields, *, tagged: bool) -> Iterator[Finding]:
    """Yield what PyPI refuses in addition."""
    written = fields.get("metadata_version")
    if written is not None and written not in _TAKEN:
        yield METADATA_VERSION(f"PyPI does not accept core metadata version {written}.")
    version = fields.get("version")
    if version is not None and version.local:
        level = "error" if tagged else "warning"
        yield LOCAL_VERSION(f"{version} is a local version, which public indexes do not accept.", level=level)  # type: ignore[arg-type]
    summary = fields.get("summary") or ""
    if len(summary) > _LONGEST_SUMMARY:
        yield BAD_SUMMARY(f"The summary has {len(summary)} characters; PyPI allows {_LONGEST_SUMMARY}.")
    for name in ("author_email", "maintainer_email"):
        yield from _email(name, fields.get(name))
    yield from _classifiers(fields.get("classifiers") or ())
    yield from _urls(fields)
    yield from _requirements(fields)
    if odd := sorted(set(fields.get("dynamic") or ()) - _DYNAMIC):
        yield BAD_FIELD(f"The core metadata marks {shorten(odd)} as dynamic, which is not allowed (PEP 643).")
    if fields.get("license") and fields.get("license_expression"):
        yield BAD_LICENSE("The core metadata has both License and License-Expression, which replaces it.")


def _email(field: str, value: str | None) -> Iterator[Finding]:
    """Check an email address as PyPI does: only the first of several."""
    from email_validator import EmailNotValidError, validate_email  # it imports a resolver for DNS

    _, address = email.utils.parseaddr(value or "")
    if not address:
        return
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        shown = field.replace("_", "-")
        yield BAD_EMAIL(f"{_cut(repr(address))} in {shown} is not a valid email address: {_cut(str(error))}.")


def _classifiers(given: Collection[str]) -> Iterator[Finding]:
    """Check that the classifiers exist and are not deprecated; one may be newer than our list."""
    from trove_classifiers import classifiers, deprecated_classifiers

    for name in sorted(set(given) - classifiers - set(deprecated_classifiers)):
        if name in _following():
            what = f"The classifier {_cut(repr(name))} is not in the installed trove-classifiers; it may be newer."
            yield UNKNOWN_CLASSIFIER(what, level="warning")
        elif name.startswith("Private ::"):
            what = f"PyPI refuses files with the classifier {_cut(repr(name))}, which is there to keep them off it."
            yield UNKNOWN_CLASSIFIER(what, remedy="Remove it, or route the versions to your own index (`routes`).")
        else:
            yield UNKNOWN_CLASSIFIER(f"There is no classifier {_cut(repr(name))}.")
    for name in sorted(set(given) & set(deprecated_classifiers)):
        instead = deprecated_classifiers[name]
        more = f" Use {' or '.join(map(repr, instead))}." if instead else " Remove it."
        yield UNKNOWN_CLASSIFIER(f"The classifier {name!r} is deprecated.", remedy=more.strip())


@functools.cache
def _following() -> frozenset[str]:
    """Return the classifiers to expect next: those for the next version of Python, Django and the like."""
    from trove_classifiers import sorted_classifiers

    newest: dict[str, Version] = {}
    for name in sorted_classifiers:
        above, _, last = name.rpartition(" :: ")
        if (version := parse(last)) and not version.is_prerelease:
            newest[above] = max(version, newest.get(above, version))
    return frozenset(
        f"{above} :: {text}"
        for above, version in newest.items()
        for text in (
            ".".join(map(str, (*version.release[:-1], version.release[-1] + 1))),
            *((f"{version.major + 1}", f"{version.major + 1}.0") if version.major else ()),
        )
    )


def _urls(fields: _Fields) -> Iterator[Finding]:
    for name in ("home_page", "download_url"):
        url = fields.get(name)
        if url is not None and not _is_address(url):
            yield BAD_URL(f"{_cut(repr(url))} in {name.replace('_', '-')} is not a valid URL.")
    for label, url in (fields.get("project_urls") or {}).items():
        if not label:
            yield BAD_URL(f"The URL {_cut(repr(url))} has no label.")
        elif len(label) > _LONGEST_LABEL:
            yield BAD_URL(f"The URL label {_cut(repr(label))} has more than {_LONGEST_LABEL} characters.")
        elif not _is_address(url):
            yield BAD_URL(f"{_cut(repr(url))}, labelled {_cut(repr(label))}, is not a valid URL.")


def _is_address(text: str) -> bool:
    """Whether a text is a web URL (RFC 3986), by the library and the rules that PyPI uses."""
    from rfc3986 import exceptions, uri_reference, validators

    checks = validators.Validator().allow_schemes("http", "https").require_presence_of("scheme")
    checks.check_validity_of("scheme", "host", "port", "path", "query")
    try:
        checks.validate(uri_reference(text).normalize())
    except (exceptions.RFC3986Exception, ValueError):
        return False
    return True


def _requirements(fields: _Fields) -> Iterator[Finding]:
    for requirement in fields.get("requires_dist") or ():
        if requirement.url is not None:
            yield DIRECT_REFERENCE(f"Requires-Dist has a direct reference: {_cut(str(requirement))}.")
    for field in ("provides_dist", "obsoletes_dist"):
        shown = field.replace("_", "-").title()
        for text in fields.get(field) or ():
            try:
                requirement = Requirement(text)
            except InvalidRequirement as error:
                yield BAD_REQUIREMENT(f"{_cut(repr(text))} in {shown} is not valid: {_cut(str(error))}.")
                continue
            if requirement.url is not None:
                yield DIRECT_REFERENCE(f"{shown} has a direct reference: {_cut(text)}.")


def _cut(text: str) -> str:
    """Return foreign text shortened to fit into a sentence, on one line."""
    plain = " ".join(text.split()).rstrip(".")
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}..."
