"""Testing credentials without uploading anything: an upload form is sent without the file.

Indexes check the credentials before they notice that the file is missing: PyPI (``ensure_uploads_allowed`` in
``warehouse/forklift/legacy.py`` runs before the form is read), pypiserver (``auth("update")``), devpi (``submit`` in
``devpi_server/views.py``), Gitea. Whether an index does so is checked: if it rejects a form without credentials but not
ours, the credentials are valid.
"""

from __future__ import annotations

import http

from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.world import web
from nox_ship.world.credentials import TOKEN_USER, TRUSTED, Credentials
from nox_ship.world.refusals import INVALID_TOKEN, NO_PERMISSION, NO_REASON, Answer

CREDENTIALS_REFUSED = Kind("NS765", "credentials-refused", "Correct user name and password in that place.")
NOT_TRIED = Kind(
    "NS766",
    "credentials-not-tried",
    "If they are wrong, the index refuses the upload, and running the same command again finishes the release.",
    level="notice",
)

SECONDS = 10
"""Seconds that an index may take for each of its two answers."""
_REFUSED = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)
_ELSEWHERE = (301, 302, 303, 307, 308)
"""Redirects, which an upload would not follow either."""
_BUSY = (http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS)
_USER_REFUSED = {INVALID_TOKEN.id, NO_PERMISSION.id, NO_REASON.id}


def try_credentials(
    credentials: Credentials, index: str, upload_url: str, project: str, version: str
) -> tuple[Finding, ...]:
    """Test credentials at an index; return a notice if that is impossible.

    A trusted publisher is not tested, since its exchange already succeeded.

    Args:
        credentials: The credentials for an upload.
        index: The index's display name.
        upload_url: Its upload address.
        project: The project to upload.
        version: Its version.

    Raises:
        ShipError: The index refuses them: user name and password (NS765), or a token, with an ID of its own.
    """
    if credentials.kind == TRUSTED:
        return ()
    login = credentials.login()
    form = {":action": "file_upload", "protocol_version": "1", "name": project, "version": version}
    try:
        answer = web.submit(upload_url, form, {"Authorization": f"Basic {login.basic}"}, seconds=SECONDS)
        stopped = answer.status in (*_REFUSED, *_ELSEWHERE)
        nobody = None if stopped else web.submit(upload_url, form, seconds=SECONDS)
    except web.WebError as error:
        return (NOT_TRIED(f"The credentials from {credentials.kind} could not be tested: {error}."),)
    if nobody is None:
        said = login.hidden(answer.body.decode(errors="replace"))
        raise ShipError(_explained(Answer.of_page(answer.status, said), credentials.kind, index, login.user))
    busy = answer.status in _BUSY or answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR
    if busy or nobody.status not in _REFUSED:
        what = f"The credentials from {credentials.kind} could not be tested without a file"
        return (NOT_TRIED(f"{what}: {index} responded with status {answer.status}."),)
    return ()


def _explained(answer: Answer, place: str, index: str, user: str) -> Finding:
    finding = answer.explained(index, f"the credentials from {place}")
    if user != TOKEN_USER and finding.id in _USER_REFUSED:
        return CREDENTIALS_REFUSED(finding.what)
    return finding
