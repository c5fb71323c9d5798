"""Known answers of indexes to an upload, and what each means.

The wording is that of PyPI's sources (``warehouse/forklift/legacy.py``, ``warehouse/macaroons``) and of servers that
others run; a status alone is not enough: 403 has a dozen causes.
"""

from __future__ import annotations

import html
import http
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nox_ship.errors import Finding, Kind
from nox_ship.package.agreement import NAME_MISMATCH, VERSION_MISMATCH
from nox_ship.package.checks import DUPLICATE_MEMBER, UNSAFE_MEMBER
from nox_ship.package.core_metadata import (
    BAD_EMAIL,
    BAD_FIELD,
    BAD_LICENSE,
    BAD_REQUIREMENT,
    BAD_SUMMARY,
    BAD_URL,
    DIRECT_REFERENCE,
    LOCAL_VERSION,
    METADATA_VERSION,
    UNKNOWN_CLASSIFIER,
)
from nox_ship.package.distributions import (
    AMBIGUOUS,
    ENCRYPTED_CODE,
    FILE_TOO_LARGE,
    LICENSE_FILE_MISSING,
    NAME_TOO_LONG,
    SPARSE_MEMBER,
    UNPACKS_TO_TOO_MUCH,
)
from nox_ship.package.unpacking import BAD_ARCHIVE
from nox_ship.package.wheels import BAD_ENTRY_POINTS, INCOMPLETE, PLATFORM_REFUSED
from nox_ship.world.attest import NOT_SIGNED
from nox_ship.world.closed import RELEASE_CLOSED, SECOND_SDIST
from nox_ship.world.token import EXPIRED_TOKEN

INVALID_TOKEN = Kind(
    "NS721",
    "invalid-token",
    "Create a new API token on this index (PyPI's and TestPyPI's differ) and copy all of it; the user is `__token__`.",
)
NO_PERMISSION = Kind(
    "NS724",
    "no-permission",
    "Ask an owner of the project to add you as a maintainer, or choose another name: this one is taken.",
)
TOKEN_TOO_NARROW = Kind(
    "NS726",
    "project-not-there",
    "Use a pending trusted publisher or an account-wide token for the first upload; narrow the token afterwards.",
)
FILE_EXISTS = Kind(
    "NS720",
    "file-exists",
    "A file name can never be used again, even after deletion: release the next version.",
)
NAME_FORBIDDEN = Kind("NS727", "name-forbidden", "Choose another `name` in [project].")
INVALID_METADATA = Kind("NS728", "invalid-metadata", "Correct it in pyproject.toml, then release the next version.")
README_REFUSED = Kind(
    "NS729",
    "readme-refused",
    "Correct the README (`twine check --strict dist/*` shows where), then release the next version.",
)
NO_REASON = Kind(
    "NS733",
    "forbidden",
    "Check that the token is for this index and this project, and that its owner may upload there.",
)
TOO_MANY_REQUESTS = Kind("NS734", "too-many-requests", "Wait a few minutes, then run the same command again.")
TOO_LARGE = Kind("NS736", "too-large", "Make it smaller, or ask the index for a higher limit, then continue.")
ACCOUNT_REFUSED = Kind("NS737", "account-refused", "Sign in to the index and follow its request.")
WRONG_ADDRESS = Kind("NS738", "wrong-address", "Correct `upload-url` in [tool.nox-ship.indexes].")
UPLOAD_REFUSED = Kind("NS702", "upload-refused", "Fix what the index reports; nothing of this file was published.")


_NEXT = "If the tag is already pushed, correct it in the next version."
_LATER = "Wait until the index accepts uploads again (see its status page), then run the same command again."
_DAMAGED = "Run the same command again: the file was damaged in transit."
_INACTIVE = "Ask an owner of the organisation to settle this with the index, then run the same command again."
_PROJECT_FULL = "Delete files of old releases on the index or ask for a higher limit, then run the same command again."


@dataclass(frozen=True)
class _Refusal:
    kind: Kind
    statuses: tuple[int, ...]
    words: str = ""
    """A pattern that must occur in the answer."""
    remedy: str | None = None
    """What to do, if it differs from the remedy of the kind."""


def _of_file(kind: Kind, words: str) -> _Refusal:
    """Return a refusal that a check of the built files would have found; it is too late to correct this version."""
    return _Refusal(kind, (400,), words, f"{kind.remedy} {_NEXT}")


# PyPI's messages about a file, in the order of its code; they quote users' values, so the patterns are narrow.
_OF_FILES = (
    _of_file(METADATA_VERSION, r"is not a valid metadata version"),
    _of_file(LOCAL_VERSION, r"use of local versions"),
    _of_file(BAD_SUMMARY, r"'summary' (?:field )?must be|invalid value for Summary"),
    _of_file(BAD_EMAIL, r"is not a valid email address|invalid value for (?:Author|Maintainer)-email"),
    _of_file(UNKNOWN_CLASSIFIER, r"is not a valid classifier|The classifier '.*' has been deprecated"),
    _of_file(BAD_URL, r"is not a valid url|Must have a (?:label|URL)|' must be 32 characters or less"),
    _of_file(DIRECT_REFERENCE, r"Can't have direct dependency"),
    _of_file(BAD_FIELD, r"introduced in metadata version|valid dynamic field|not allowed as a dynamic field"),
    _of_file(BAD_LICENSE, r"License is deprecated when|invalid for 'license-(?:expression|file)'"),
    _of_file(BAD_REQUIREMENT, r"invalid for '(?:requires-dist|requires-python|provides-extra)'|' is invalid: "),
    _of_file(
        BAD_FIELD,
        r"invalid for '(?:name|version|import-name|import-namespace)'|has invalid data|is a required field"
        r"|'description-content-type'|unrecognized field|invalid value for Name\. Error: Start and end",
    ),
    _of_file(
        NAME_MISMATCH,
        r"Cannot upload a file with|Invalid file extension|Unable to parse name and version|Start filename for"
        r"|Invalid source distribution filename|Invalid wheel filename|^(?:\d+ )?Filename '.*' (?:is invalid, )?should"
        r"|Invalid build number: |Invalid tag",
    ),
    _of_file(VERSION_MISMATCH, r"Version in filename should be"),
    _of_file(NAME_TOO_LONG, r"Filename is too long"),
    _of_file(FILE_TOO_LARGE, r"File too large"),
    _of_file(DUPLICATE_MEMBER, r"ZIP archive not accepted: Duplicate filename"),
    _of_file(UNSAFE_MEMBER, r"ZIP archive not accepted: Invalid character|number of top-level directories"),
    _of_file(AMBIGUOUS, r"ZIP archive not accepted|both a zip and a tar"),
    _of_file(SPARSE_MEMBER, r"Sparse members are not allowed"),
    _of_file(UNPACKS_TO_TOO_MUCH, r"File exceeds compression ratio"),
    _of_file(ENCRYPTED_CODE, r"encrypted content is not allowed"),
    _of_file(INCOMPLETE, r"WHEEL not found at|does not contain the required (?:RECORD|METADATA) file"),
    _of_file(BAD_ARCHIVE, r"Invalid distribution file"),
    _of_file(LICENSE_FILE_MISSING, r"License-File .* does not exist in distribution file"),
    _of_file(PLATFORM_REFUSED, r"unsupported platform tag"),
    _of_file(BAD_ENTRY_POINTS, r"has invalid entry points"),
)
_REFUSALS = (
    _Refusal(NAME_FORBIDDEN, (409,), r"conflicts with an existing project"),
    _Refusal(FILE_EXISTS, (400,), r"already exist|already been used|previously used by a file|file-name-reuse"),
    _Refusal(FILE_EXISTS, (409,)),
    _Refusal(RELEASE_CLOSED, (400,), r"to releases older than"),
    _Refusal(SECOND_SDIST, (400,), r"Only one sdist may be uploaded"),
    *_OF_FILES,
    _Refusal(TOO_MANY_REQUESTS, (429,)),
    _Refusal(
        TOO_MANY_REQUESTS,
        (400, 403),
        r"Read-only mode|uploads are temporarily disabled|registration temporarily disabled|not allow new",
        _LATER,
    ),
    _Refusal(TOO_MANY_REQUESTS, (400,), r"digest supplied does not match", _DAMAGED),
    _Refusal(TOO_LARGE, (400, 403), r"Project size too large", _PROJECT_FULL),
    _Refusal(FILE_TOO_LARGE, (413,), remedy=f"{FILE_TOO_LARGE.remedy} {_NEXT}"),
    _Refusal(TOO_LARGE, (400, 403), r"too large|size-limit"),
    _Refusal(NOT_SIGNED, (400,), r"Invalid attestations"),
    _Refusal(ACCOUNT_REFUSED, (400,), r"Organization account owning this project is inactive", _INACTIVE),
    _Refusal(EXPIRED_TOKEN, (401, 403), r"token is expired"),
    _Refusal(
        TOKEN_TOO_NARROW,
        (400, 401, 403),
        r"outside of a project context|Non-user identities cannot create|OIDC scoped token is not valid",
    ),
    _Refusal(NO_PERMISSION, (401, 403), r"isn't allowed to upload|scoped token is not valid for project"),
    _Refusal(
        ACCOUNT_REFUSED,
        (400, 401, 403),
        r"verified|two.?factor|2FA|account .*(frozen|disabled)|archived|quarantine",
    ),
    _Refusal(NAME_FORBIDDEN, (400, 403), r"too similar|isn't allowed|conflicts? with|name .* is (invalid|prohibited)"),
    _Refusal(README_REFUSED, (400,), r"failed to render|description-content-type"),
    _Refusal(
        INVALID_TOKEN,
        (401, 403),
        r"authentication information|Invalid API Token|invalid-auth|Migrate to API Tokens|credentials|Unauthorized"
        r"|API tokens are not valid",
    ),
    _Refusal(INVALID_TOKEN, (401,)),
    _Refusal(NO_REASON, (403,)),
    _Refusal(WRONG_ADDRESS, (301, 302, 303, 307, 308, 404, 405, 410)),
    _Refusal(
        INVALID_METADATA,
        (400, 422),
        r"metadata|invalid value|classifier|is invalid|Filename|License|message digest|protocol version"
        r"|payload does not have|Python version|Should not be a tuple",
    ),
)
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)
_NO_CHARACTER = re.compile(r"&#\d{8,};?")  # `html.unescape` reads any number, however long
_PHRASES = {"", *(status.phrase for status in http.HTTPStatus)}
_MOST_WORDS = 60
_MOST_PAGE = 1 << 14
"""How many characters of a page are read."""


@dataclass(frozen=True)
class Answer:
    """An index's answer, or why there was none."""

    status: int | None
    """The HTTP status; None if there was no answer."""
    said: str
    """The reason, in the index's words."""
    page: str = ""
    """The text of the page in the answer."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Answer:
        """Read the result of `upload.upload`; its texts contain no credentials."""
        text = _plain(told["text"][:_MOST_PAGE])
        if told.get("unsent"):  # an index would refuse what twine does not send
            what = "metadata:" if told["failure"] == "InvalidDistribution" else "Invalid distribution file."
            return cls(http.HTTPStatus.BAD_REQUEST, f"{what} {text}")
        if "failure" in told:
            return cls(None, f"{told['failure']}: {text}")
        reason = _plain(told["reason"] or "")
        said = text if reason in _PHRASES and text else reason
        if "location" in told:
            said = f"{said}, it leads to {told['location']}"
        return cls(told["status"], said, text)

    @classmethod
    def of_page(cls, status: int, page: str) -> Answer:
        """Read it from a page that the index sent; the message is at its beginning."""
        text = _plain(page[:_MOST_PAGE])
        return cls(status, text, text)

    @property
    def ok(self) -> bool:
        """Whether the index accepted the file."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 - 2xx

    @property
    def unclear(self) -> bool:
        """Whether the file may have been kept anyway: a server error, a timeout, a broken connection."""
        return self.status is None or self.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR

    def explained(self, index: str, file: str) -> Finding:
        """Return a refusal with its cause and remedy."""
        said = " ".join(self.said.split()[:_MOST_WORDS]).rstrip(".")
        what = f"{index} refused {file} ({self.status}{f': {said}' if said else ''})."
        for refusal in _REFUSALS:
            words = f"{self.said} {self.page}"[:_MOST_PAGE]
            if self.status in refusal.statuses and re.search(refusal.words, words, re.IGNORECASE):
                return refusal.kind(what, remedy=refusal.remedy)
        return UPLOAD_REFUSED(what)


def _plain(text: str) -> str:
    """Return text without tags."""
    return " ".join(html.unescape(_NO_CHARACTER.sub(" ", _TAGS.sub(" ", text))).split())
