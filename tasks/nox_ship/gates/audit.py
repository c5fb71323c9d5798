"""The audit gate: known vulnerabilities in the dependencies, security findings in the code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nox_ship import process
from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.project import Project

VULNERABLE = Kind("NS421", "vulnerable-dependency", "Require a version that has the fix, or replace the dependency.")
NOT_AUDITED = Kind(
    "NS422",
    "not-audited",
    "Run it again where the vulnerability data of the package index can be reached; nothing is known about them now.",
)
CODE_FINDING = Kind("NS423", "security-finding", "Change the code, or mark the line with `# nosec` and the reason.")
AUDIT_FAILED = Kind("NS424", "audit-failed", "The tool's own output says why.")

TOOLS = ("pip-audit>=2.9", "bandit[toml]>=1.8")
"""What the audit's environment needs."""


@dataclass(frozen=True)
class Audited:
    """What pip-audit found in one set of dependencies."""

    looked_up: int
    unknown: tuple[str, ...]
    vulnerable: tuple[Finding, ...]


def dependencies(project: Project, bin_folder: Path, scratch: Path, options: Sequence[str] = ()) -> Audited:
    """Look the project's dependencies up in the vulnerability data.

    Args:
        project: The project; its dependencies are resolved by uv for the running Python.
        bin_folder: The folder that holds ``pip-audit``.
        scratch: A folder for the list of requirements.
        options: Further options of pip-audit, such as ``--ignore-vuln ID``.

    Raises:
        ShipError: The dependencies cannot be resolved or pip-audit fails in a way of its own (NS424).
    """
    requirements = scratch / "audited.txt"
    command = [
        process.uv(),
        "pip",
        "compile",
        "--quiet",
        "--generate-hashes",
        "--no-emit-package",
        project.name,
    ]
    try:
        process.run([*command, "--output-file", requirements, _source(project, scratch)], cwd=project.root)
    except process.CommandFailedError as error:
        what = "The dependencies could not be resolved."
        raise ShipError(AUDIT_FAILED(what, detail=error.done.output)) from error
    if not any(line and not line.lstrip().startswith("#") for line in requirements.read_text("utf-8").splitlines()):
        return Audited(0, (), ())
    ignored = [f"--ignore-vuln={vulnerability}" for vulnerability in project.settings.audit.ignore]
    own = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json", *ignored, *options]
    audit: list[process.Argument] = [bin_folder / "pip-audit", *own, "--requirement", requirements]
    return read_report(process.run(audit, cwd=project.root, check=False))


def _source(project: Project, scratch: Path) -> Path | str:
    """Return what uv reads the dependencies from: static metadata as it stands, other kinds by building it."""
    if "project" in project.pyproject and "dependencies" not in project.metadata.get("dynamic", []):
        return "pyproject.toml"
    source = scratch / "audited.in"
    source.write_text(f"{project.name} @ {project.root.as_uri()}\n", encoding="utf-8")
    return source


def read_report(done: process.Done) -> Audited:
    """Return what pip-audit's JSON report says.

    It ends with 0 also where it skipped every dependency, so the exit code alone proves nothing.

    Raises:
        ShipError: There is no report: the data source did not answer (NS422).
    """
    try:
        entries = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        what = "The vulnerability data could not be reached."
        raise ShipError(NOT_AUDITED(what, detail=done.output)) from None
    unknown = tuple(f"{entry['name']}" for entry in entries if "skip_reason" in entry)
    vulnerable = tuple(
        VULNERABLE(f"{entry['name']} {entry['version']} has {vulnerability['id']}.", remedy=_fix(vulnerability))
        for entry in entries
        for vulnerability in entry.get("vulns", ())
    )
    return Audited(len(entries) - len(unknown), unknown, vulnerable)


def _fix(vulnerability: dict[str, list[str]]) -> str:
    fixed = vulnerability.get("fix_versions") or []
    return f"Fixed in {shorten(fixed)}." if fixed else VULNERABLE.remedy


def not_audited(audited: Audited) -> ShipError:
    """Return the error for dependencies that could not be looked up."""
    count = len(audited.unknown)
    return ShipError(
        NOT_AUDITED(f"No vulnerability data could be had for {count} of the dependencies: {shorten(audited.unknown)}.")
    )


def code(project: Project, bin_folder: Path) -> str:
    """Look for security findings of medium and high severity in the packages, with bandit.

    Returns:
        What was looked at, for the log.

    Raises:
        ShipError: bandit found something (NS423).
    """
    targets = [path.as_posix() for path in project.packages]
    if not targets:
        return "no package to look at"
    config = ["--configfile", "pyproject.toml"] if project.tool("bandit") else []
    command: list[process.Argument] = [
        bin_folder / "bandit",
        "--quiet",
        "--recursive",
        "--severity-level=medium",
        *config,
        *targets,
    ]
    done = process.run(command, cwd=project.root, check=False)
    if done.code:
        raise ShipError(CODE_FINDING(f"bandit ended with findings in {shorten(targets)}.", detail=done.output))
    return f"bandit found nothing in {shorten(targets)}"
