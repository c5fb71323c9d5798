"""The bill of materials and the provenance, which are attached to a release next to its files and manifest.

Neither is in the manifest, which is older. The bill of materials comes from a job that runs the project's code, so it
is only as reliable as that job. Both are only checked for being about these files.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nox_ship import json_data
from nox_ship.errors import Kind, ShipError
from nox_ship.package.manifest import Manifest
from nox_ship.package.materials import LARGEST, describes
from nox_ship.release.announcement import Attachment

OTHER_RELEASE = Kind(
    "NS799",
    "of-another-release",
    "Delete it, and announce the release without it or with one made from these files.",
)


def materials(path: Path, manifest: Manifest) -> Iterator[Attachment]:
    """Yield the bill of materials in a file, if there is one.

    Raises:
        ShipError: It is not a bill of materials, or is about other files (NS799).
    """
    yield from _attached(path, manifest, ".cdx.json", describes)


def provenance(path: Path, manifest: Manifest) -> Iterator[Attachment]:
    """Yield the provenance in a file (a Sigstore bundle), if there is one. Users verify its signature.

    Raises:
        ShipError: It is not a provenance, or is about other files (NS799).
    """
    yield from _attached(path, manifest, ".sigstore.json", _attests)


def _attached(
    path: Path, manifest: Manifest, ending: str, fits: Callable[[Any, Manifest], bool]
) -> Iterator[Attachment]:
    if not path.is_file():
        return
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    try:
        good = len(content) <= LARGEST and fits(json_data.parse(content), manifest)
    except (ValueError, LookupError, TypeError, AttributeError):
        good = False
    if not good:
        raise ShipError(OTHER_RELEASE(f"{path} is not about the files of {manifest.name} {manifest.version}."))
    yield Attachment.of(f"{manifest.name.replace('-', '_')}-{manifest.version}{ending}", content)


def _attests(told: Any, manifest: Manifest) -> bool:
    """Whether an in-toto statement in a bundle is about the files of a manifest and nothing else."""
    statement = json_data.parse(base64.b64decode(told["dsseEnvelope"]["payload"], validate=True))
    subjects = {(one["name"], one["digest"]["sha256"]) for one in statement["subject"]}
    return subjects == {(file.name, file.sha256) for file in manifest.files}
