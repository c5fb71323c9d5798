"""The bill of materials of a release (SBOM) in CycloneDX: what is installed next to its wheel in the tests.

cyclonedx-py (https://cyclonedx-bom-tool.readthedocs.io) describes the environment, and runs in one of its own. What it
does not know is added here: the release, by the hashes of its files. The same environment results in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.utils import canonicalize_name

from nox_ship import json_data, process
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.package.environment import Environment
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from nox_ship.tools import own_version
from nox_ship.versions import parse

NOT_DESCRIBED = Kind(
    "NS627",
    "no-bill-of-materials",
    "Fix what the message reports and repeat the release with `--fresh`, or release without a bill of materials.",
    level="warning",
)

NAME = "sbom.cdx.json"
"""File name, next to the manifest; the ending is CycloneDX's own."""
VARIABLE = "NOX_SHIP_SBOM"
"""Environment variable with the Python on which `verify-install` should describe its environment; one is enough."""
LARGEST = 16 << 20
"""The largest bill of materials that is read, in bytes."""

_PATIENCE = 120.0
"""Seconds after which the tool, which may need to be installed, counts as failed."""
_LONGEST = 300
"""How many characters of the tool's output are shown, in one line."""
_SPECIFICATION = "1.6"
_TOOL = ("--from", "cyclonedx-bom", "cyclonedx-py")
# Its own validation takes five times as long as everything else; our changed output is checked by our tests.
_OPTIONS = ("--spec-version", _SPECIFICATION, "--output-format", "JSON", "--output-reproducible", "--no-validate")
_FIRST = ("$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata")


@dataclass(frozen=True)
class Materials:
    """A bill of materials to be made."""

    manifest: Manifest
    file: File
    """The file that is installed in the environment."""
    path: Path
    """The path to write it to."""

    def describe(self, environment: Environment) -> Iterator[Finding]:
        """Describe an environment before anything in it is imported; yield a warning if that fails (NS627).

        The tool starts the environment's Python, which runs the ``.pth`` files there, and reads the metadata of all
        installed packages: anyone may have written either.
        """
        out = environment.path.with_name(NAME)
        command = [process.uv(), "tool", "run", "--quiet", "--python", sys.executable, *_TOOL, "environment", *_OPTIONS]
        failed = f"cyclonedx-py did not describe what {self.file.name} installs"
        try:
            done = process.run(
                [*command, "--output-file", out, environment.path],
                cwd=environment.path,
                env=dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "SOURCE_DATE_EPOCH")),
                keep=environment.keep,
                check=False,
                seconds=_PATIENCE,
            )
            if done.code:
                words = textwrap.shorten(done.output, _LONGEST, placeholder=" ...") or f"exit code {done.code}"
                yield NOT_DESCRIBED(f"{failed}: {words.removesuffix('.')}.")
                return
            with out.open("rb") as stream:
                told = json_data.parse(stream.read(LARGEST))
            write_whole(self.path, completed(told, self.manifest, self.file, environment.python))
        except ShipError as error:
            yield NOT_DESCRIBED(f"{failed}: {error.findings[0].what}")
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            yield NOT_DESCRIBED(f"{failed}: it wrote no bill of materials for {self.manifest.name}.")


def materials_path(project: Project) -> Path:
    """Return the path of the bill of materials."""
    return project.own_folder() / NAME


def completed(told: Any, manifest: Manifest, file: File, python: str) -> bytes:
    """Return a bill of materials for the release: with the hashes of its files, without paths of this machine.

    Its time is that of the build, and its serial number is derived from the rest.

    Args:
        told: The output of cyclonedx-py.
        manifest: The manifest of the built files.
        file: The file that was installed.
        python: The version of the Python for which it was installed.

    Raises:
        ValueError: It does not list the release exactly once, or is not a bill of materials.
        LookupError, TypeError, AttributeError: It is not in the format of cyclonedx-py.
    """
    components, metadata = told["components"], told["metadata"]
    for component in components:
        references = component.get("externalReferences", [])
        component["externalReferences"] = [one for one in references if not one["url"].startswith("file:")]
    (own,) = (one for one in components if canonicalize_name(one["name"]) == manifest.name)
    own["purl"] = f"pkg:pypi/{manifest.name}@{quote(manifest.version)}"
    own["hashes"] = _hashes(file)
    own["externalReferences"] += [
        {"type": "distribution", "url": quote(one.name), "hashes": _hashes(one)} for one in manifest.files
    ]
    about = {"commit": manifest.commit, "python": python, "platform": sysconfig.get_platform()}
    metadata["component"] = own
    metadata["lifecycles"] = [{"phase": "post-build"}]
    metadata["properties"] = [
        *metadata.get("properties", []),
        *({"name": f"nox-ship:{name}", "value": value} for name, value in about.items()),
    ]
    metadata["tools"]["components"].append({"type": "application", "name": "nox-ship", "version": own_version()})
    if manifest.build:
        metadata["timestamp"] = datetime.fromtimestamp(manifest.build.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told["components"] = [one for one in components if one is not own]
    if not describes(told, manifest):
        raise ValueError
    told["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(_written(told)).hexdigest()).urn
    return _written(told)


def describes(told: Any, manifest: Manifest) -> bool:
    """Whether a bill of materials is about the files of a manifest.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: It is not a bill of materials.
    """
    component = told["metadata"]["component"]
    named = canonicalize_name(component["name"]), parse(component["version"])
    hashes = {one["content"] for one in component["hashes"]}
    known = {file.sha256 for file in manifest.files}
    same = named == (manifest.name, parse(manifest.version)) and set() != hashes <= known
    return same and bool(told["bomFormat"] == "CycloneDX")


def _hashes(file: File) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": file.sha256}]


def _written(told: dict[str, Any]) -> bytes:
    """Return a bill of materials as bytes, in ASCII: text from others cannot affect a terminal."""
    ordered = {name: told[name] for name in sorted(told, key=lambda name: (name not in _FIRST, name))}
    return (json.dumps(ordered, indent=2) + "\n").encode("ascii")
