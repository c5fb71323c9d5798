"""Package indexes: what one holds, and bringing a file to it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nox_ship import process
from nox_ship.errors import Kind, ShipError

INDEX_UNREACHABLE = Kind("NS701", "index-unreachable", "Check the network and the index's address.")
UPLOAD_FAILED = Kind("NS702", "upload-failed", "What twine printed says why; the file was not published.")

PUBLIC_INDEXES = {"pypi": "PyPI", "testpypi": "TestPyPI"}
"""The indexes that everyone has, and how they are written."""


def display_name(index: str) -> str:
    """Return an index's name as it is written."""
    return PUBLIC_INDEXES.get(index, index)


@dataclass(frozen=True)
class Served:
    """A file as an index offers it."""

    filename: str
    url: str
    sha256: str | None


@dataclass(frozen=True)
class Index:
    """A package index.

    Attributes:
        name: What the user calls it, such as ``pypi``.
        upload_url: Where twine uploads to.
        simple_url: The base of its simple API (PEP 503, PEP 691).
        credentials: Variables that the upload, and nothing else, gets in its environment.
    """

    name: str
    upload_url: str
    simple_url: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def files(self, project: str, version: str) -> dict[str, Served]:
        """Return the files that the index serves for one version, by file name.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        import requests
        from pypi_simple import NoSuchProjectError, PyPISimple

        try:
            with PyPISimple(self.simple_url) as client:
                page = client.get_project_page(project, timeout=30)
        except NoSuchProjectError:
            return {}
        except (requests.RequestException, ValueError) as error:
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} does not answer: {error}")) from error
        return {
            package.filename: Served(package.filename, package.url, package.digests.get("sha256"))
            for package in page.packages
            if package.version == version
        }

    def download_sha256(self, served: Served) -> str:
        """Download a served file and return its SHA-256.

        Raises:
            ShipError: The index does not answer (NS701).
        """
        import requests

        digest = hashlib.sha256()
        try:
            with requests.get(served.url, stream=True, timeout=60) as response:
                response.raise_for_status()
                for block in response.iter_content(1 << 20):
                    digest.update(block)
        except requests.RequestException as error:
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} does not serve {served.filename}: {error}")) from error
        return digest.hexdigest()

    def upload(self, file: Path) -> None:
        """Upload one file with twine, from a folder of its own and with no settings but ours.

        Raises:
            ShipError: twine ends with an error (NS702).
        """
        with tempfile.TemporaryDirectory(prefix="nox-ship-upload-") as folder:
            copy = shutil.copy2(file, folder)
            command = [*process.module("twine"), "upload", "--non-interactive", "--disable-progress-bar"]
            options = ["--config-file", os.devnull, "--repository-url", self.upload_url]
            done = process.run([*command, *options, copy], env={"NO_COLOR": "1", **self.credentials}, check=False)
        if done.code:
            raise ShipError(UPLOAD_FAILED(f"{self.name} did not take {file.name}.", detail=done.output))
