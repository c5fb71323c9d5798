"""Uploading files with twine: a script that is sent one file after another, so that twine is imported once.

Each line of its input is a JSON object with the arguments of :func:`upload`; it answers each with a line that holds
the result. It imports nothing of nox-ship, so that it can be started by its path.
"""

import contextlib
import gc
import json
import os
import sys
from typing import Any


def upload(
    *,
    url: str,
    user: str,
    password: str,
    file: str,
    attestation: str | None = None,
    certificates: str | None = None,
    client_certificate: str | None = None,
) -> dict[str, Any]:
    """Upload a file once, as ``twine upload`` does.

    Args:
        url: The index's upload address.
        user: The user name.
        password: The password or API token.
        file: The path of a wheel or sdist.
        attestation: The path of its attestation (PEP 740), to upload with it.
        certificates: The path of certificates to trust.
        client_certificate: The path of a client certificate with its key.

    Returns:
        The answer: ``status``, ``reason``, ``text``, and ``location`` for a redirect. Without an answer, ``text``
        says why and ``failure`` names the exception; ``unsent`` means that nothing was sent.
    """
    from twine import package, repository, utils

    try:
        prepared = package.PackageFile.from_filename(file, None)
        if attestation:
            prepared.add_attestations([attestation])
    except Exception as error:  # noqa: BLE001 - whatever is raised, the file is not sent
        return {**_failed(error), "unsent": True}
    address = utils.get_repository_from_config(os.devnull, "", url)["repository"] or url
    with contextlib.closing(repository.Repository(address, user, password, disable_progress_bar=True)) as index:
        index.set_certificate_authority(certificates)
        index.set_client_certificate(client_certificate)
        response = index.upload(prepared)
        where = {"location": utils.sanitize_url(response.headers["location"])} if response.is_redirect else {}
        return {"status": response.status_code, "reason": response.reason, "text": response.text, **where}


def _failed(error: Exception) -> dict[str, Any]:
    return {"failure": type(error).__name__, "text": str(error)}


def answered(question: dict[str, Any]) -> dict[str, Any]:
    """Return the result of :func:`upload`, or why it failed."""
    with contextlib.redirect_stdout(sys.stderr):  # twine prints progress
        try:
            return upload(**question)
        except Exception as error:  # noqa: BLE001 - it is told
            return _failed(error)


def main() -> None:
    """Answer each line until the input ends."""
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(answered(json.loads(line)))}\n")
        sys.stdout.flush()
    gc.freeze()  # at its end, Python would search all that was imported for garbage


if __name__ == "__main__":
    main()
