"""The audit gate: known vulnerabilities in the dependencies, and security findings in the code."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nox_ship import json_data, process
from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.gates.judged import Judged
from nox_ship.gates.toolbox import RecipeStep, Toolbox
from nox_ship.project import Project, strings

VULNERABLE = Kind("NS421", "vulnerable-dependency", "Require a version that has the fix, or replace the dependency.")
NOT_AUDITED = Kind(
    "NS422",
    "not-audited",
    "Run it where the index's vulnerability data can be reached; list private ones in `tool.nox-ship.audit.ignore`.",
)
_BANDIT_TEST = re.compile(r"B\d{3}")

CODE_FINDING = Kind(
    "NS423",
    "security-finding",
    "Change the code, mark the line with `# nosec` and the reason, or add the test to `audit.ignore`.",
)
AUDIT_FAILED = Kind("NS424", "audit-failed", "Read the tool's output above.")

_UNSET = ("--severity-level=high",)
"""bandit's options if the project has no settings for it."""

TOOLS = ("pip-audit>=2.9", "bandit[toml]>=1.8")
"""The requirements of the audit's environment."""


@dataclass(frozen=True)
class _Vulnerability(json_data.Open):
    id: str
    fix_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Dependency(json_data.Open):
    """An entry of pip-audit's report: a dependency that was looked up, or the reason why it was not."""

    name: str
    version: str = ""
    vulns: tuple[_Vulnerability, ...] = ()
    skip_reason: str | None = None


@dataclass(frozen=True)
class _Report(json_data.Open):
    dependencies: tuple[_Dependency, ...]


@dataclass(frozen=True)
class Audited:
    """What pip-audit found in one set of dependencies."""

    looked_up: int
    unknown: tuple[str, ...]
    vulnerable: tuple[Finding, ...]
    reason: str = ""
    """Why pip-audit could not look up the unknown ones, in its message about the first of them."""


def needs(project: Project) -> RecipeStep:
    """Return the requirements of the audit's environment."""
    box = Toolbox(project)
    return RecipeStep((*map(box.requirement, TOOLS), *project.settings.audit.install))


def audit(project: Project, bin_folder: Path, options: Sequence[str] = (), *, in_ci: bool) -> Judged:
    """Look for known vulnerabilities in the dependencies and for security findings in the code.

    Args:
        project: The project.
        bin_folder: The folder with ``pip-audit`` and ``bandit``.
        options: Additional options for pip-audit.
        in_ci: Whether this is CI, where a failed lookup is an error; elsewhere it skips the gate.

    Raises:
        ShipError: The tools could not do their work (NS422, NS424), or the project runs bandit itself, and it found
            something (NS423).
    """
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as scratch:
        audited = dependencies(project, bin_folder, Path(scratch), options)
    told, warning = code(project, bin_folder, enforced=Toolbox(project).has("bandit"))
    judged = Judged(tuple(told.splitlines()), (warning,) if warning else ())
    if audited.vulnerable:
        return replace(judged, errors=audited.vulnerable)
    if audited.unknown:
        unknown = not_audited(audited)
        return replace(judged, errors=(unknown,)) if in_ci else replace(judged, skip=str(unknown))
    clean = f"{audited.looked_up} dependencies looked up, no known vulnerability"
    return replace(judged, told=(*judged.told, clean))


def dependencies(project: Project, bin_folder: Path, scratch: Path, options: Sequence[str] = ()) -> Audited:
    """Look up the project's dependencies in the vulnerability data.

    Args:
        project: The project; its dependencies are resolved by uv for the running Python.
        bin_folder: The folder with ``pip-audit``.
        scratch: A folder for the list of requirements.
        options: Additional options for pip-audit, such as ``--ignore-vuln ID``.

    Raises:
        ShipError: The dependencies cannot be resolved, or pip-audit itself fails (NS424).
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
        whole = [*command, "--output-file", requirements, _source(project, scratch)]
        process.run(whole, cwd=project.root, keep=project.settings.pass_env)
    except process.CommandFailedError as error:
        what = "The dependencies could not be resolved."
        raise ShipError(AUDIT_FAILED(what, detail=error.done.output)) from error
    if not any(line and not line.lstrip().startswith("#") for line in requirements.read_text("utf-8").splitlines()):
        return Audited(0, (), ())
    ignore = project.settings.audit.ignore
    ignored = [f"--ignore-vuln={name}" for name in ignore if not _BANDIT_TEST.fullmatch(name)]
    own = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json", *ignored, *options]
    audit: list[process.Argument] = [bin_folder / "pip-audit", *own, "--requirement", requirements]
    return read_report(process.run(audit, cwd=project.root, keep=project.settings.pass_env, check=False), ignore)


def _source(project: Project, scratch: Path) -> Path | str:
    """Return the file from which uv reads the dependencies: static metadata if possible; otherwise uv builds them."""
    if "project" in project.pyproject and "dependencies" not in strings(project.metadata.get("dynamic")):
        return "pyproject.toml"
    source = scratch / "audited.in"
    source.write_text(f"{project.name} @ {project.root.as_uri()}\n", encoding="utf-8")
    return source


def read_report(done: process.Done, ignore: Collection[str] = ()) -> Audited:
    """Return the content of pip-audit's JSON report, without the dependencies in ``ignore``.

    It also exits with 0 if it skipped every dependency, so the exit code alone proves nothing.

    Raises:
        ShipError: There is no report: the data source did not answer (NS422).
    """
    try:
        entries = json_data.read(_Report, json_data.parse(done.stdout)).dependencies
    except ValueError:
        what = "The vulnerability data could not be reached."
        raise ShipError(NOT_AUDITED(what, detail=done.output)) from None
    known = [entry for entry in entries if entry.name not in ignore]
    skipped = [entry for entry in known if entry.skip_reason is not None]
    reasons = sorted({entry.skip_reason or "" for entry in skipped})
    vulnerable = tuple(
        VULNERABLE(f"{entry.name} {entry.version} has {vulnerability.id}.", remedy=_fix(vulnerability))
        for entry in known
        for vulnerability in entry.vulns
    )
    return Audited(len(known) - len(skipped), tuple(e.name for e in skipped), vulnerable, shorten(reasons, 1))


def _fix(vulnerability: _Vulnerability) -> str:
    fixed = vulnerability.fix_versions
    return f"Fixed in {shorten(fixed)}." if fixed else VULNERABLE.remedy


def not_audited(audited: Audited) -> Finding:
    """Return the finding for dependencies that could not be looked up."""
    count, names = len(audited.unknown), shorten(audited.unknown)
    what = f"There is no vulnerability data for {count} of the dependencies ({names}): {audited.reason}."
    return NOT_AUDITED(what)


def code(project: Project, bin_folder: Path, *, enforced: bool) -> tuple[str, Finding | None]:
    """Look for security findings in the packages with bandit.

    If the project configures bandit, its selection counts; otherwise only findings of high severity.

    Args:
        project: The project.
        bin_folder: The folder with ``bandit``.
        enforced: Whether the project runs bandit itself, so that findings are errors.

    Returns:
        What was checked, for the log, and a warning if bandit found something in a project that does not run it.

    Raises:
        ShipError: bandit found something, and the project runs bandit (NS423).
    """
    targets = [path.as_posix() for path in project.packages]
    if not targets:
        return "there is no package to check for security findings", None
    skipped = [name for name in project.settings.audit.ignore if _BANDIT_TEST.fullmatch(name)]
    options = [*_bandit_settings(project), *(("--skip", ",".join(skipped)) if skipped else ())]
    command: list[process.Argument] = [bin_folder / "bandit", "--quiet", "--recursive", *options, *targets]
    done = process.run(command, cwd=project.root, keep=project.settings.pass_env, check=False)
    if not done.code:
        return f"bandit found nothing in {shorten(targets)}", None
    found = CODE_FINDING(f"bandit ended with findings in {shorten(targets)}.", detail=done.output)
    if enforced or project.settings.audit.ignore or _bandit_settings(project) != _UNSET:
        raise ShipError(found)
    return done.output, replace(found, level="warning")


def _bandit_settings(project: Project) -> tuple[str, ...]:
    if project.tool("bandit"):
        return ("--configfile", "pyproject.toml")
    for name in ("bandit.yaml", "bandit.yml"):
        if (project.root / name).is_file():
            return ("--configfile", name)
    return _UNSET
