"""`nox-ship doctor`: check the set-up and report everything, good and bad. Nothing is changed."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from packaging.version import Version

from nox_ship import pythons, versions
from nox_ship.automation.groups import check_groups
from nox_ship.errors import Finding, Findings, Kind, Level, ShipError, shorten
from nox_ship.gates.noxfile import Sessions, taken
from nox_ship.package.building import IGNORED_CHANGES
from nox_ship.release.bumpversion import check_settings, stale_settings
from nox_ship.release.changelog import find_changelog
from nox_ship.release.converge import Held
from nox_ship.release.preflight import (
    DETACHED_HEAD,
    DIRTY_TREE,
    NO_IDENTITY,
    WRONG_BRANCH,
    missing_gates,
    routes_known,
)
from nox_ship.release.route import route
from nox_ship.release.source import VersionSource
from nox_ship.release.stage import last_release, workshop_of
from nox_ship.release.status import left_behind, progress_of
from nox_ship.release.version import BAD_VERSION
from nox_ship.release.workflows import publishing
from nox_ship.setup import github
from nox_ship.setup.noxfile import Noxfile
from nox_ship.setup.patient import Patient, Told
from nox_ship.setup.sessions import SESSIONS_UNCLEAR
from nox_ship.setup.survey import Survey
from nox_ship.world.closed import closed_project, closed_release
from nox_ship.world.index import PUBLIC_INDEXES, Index, display_name
from nox_ship.world.real import RealWorld

THIN_METADATA = Kind("NS821", "thin-metadata", "Add it to [project]: the index shows it to users.", level="warning")
NO_UNRELEASED = Kind(
    "NS822",
    "no-unreleased-section",
    "Add a section called `Unreleased`; a release turns it into the section of its version.",
    level="notice",
)
NAME_TAKEN = Kind(
    "NS824",
    "name-taken",
    "If it is not yours, choose another name: the index would refuse the upload.",
    level="warning",
)
NO_SIGNING_KEY = Kind("NS825", "no-signing-key", "Set `user.signingKey`, or run `git config tag.gpgSign false`.")
TOOL_MISSING = Kind("NS826", "tool-missing", "Install it, or put it on the PATH.")
RESTATED = Kind(
    "NS831",
    "version-restated",
    "Run `nox-ship init`, or add the file to [[tool.bumpversion.files]].",
    level="warning",
)
UNFINISHED = Kind(
    "NS847",
    "unfinished-release",
    "Run the release command again: it continues that release and does not bump again.",
    level="warning",
)
NOT_ANSWERED = Kind("NS830", "not-answered", "Check the network, then run the command again.", level="warning")

TOOLS = ("nox", "build", "twine", "uv", "virtualenv")


@dataclass(frozen=True)
class Line:
    """One result of a check."""

    check: str
    text: str
    finding: Finding | None = None
    """The problem; None if all is well."""

    @property
    def status(self) -> str:
        """``ok``, or the finding's level."""
        return self.finding.level if self.finding else "ok"

    def as_dict(self) -> dict[str, str]:
        """Return the line as a JSON object."""
        return {"check": self.check, "status": self.status, "text": self.text, **self._bad()}

    def _bad(self) -> dict[str, str]:
        keys = ("id", "name", "remedy", "detail")
        return {key: value for key in keys if (value := getattr(self.finding, key, ""))}


def examine(root: Path, sessions: Sessions, running: str, folder: Path, variables: Mapping[str, str]) -> Iterator[Line]:
    """Yield a line for each thing that is checked.

    Args:
        root: The project's folder.
        sessions: The sessions in the noxfile.
        running: The version of the running Python, such as ``3.12``.
        folder: An empty folder.
        variables: The environment variables, which may hold credentials or show that this is CI.
    """
    try:
        survey = Survey.of(root, running)
    except ShipError as error:
        yield from (Line("project", finding.what, finding) for finding in error.findings)
        return
    world = RealWorld(root, folder, survey.project.settings, variables=variables)
    patient = Patient(survey, sessions, world, running, in_ci=bool(variables.get("CI")))
    for name, check in CHECKS.items():
        try:
            for item in check(patient):
                yield Line(name, item) if isinstance(item, str) else Line(name, item.what, item)
        except ShipError as error:
            yield from (Line(name, finding.what, finding) for finding in error.findings)


def _metadata(patient: Patient) -> Told:
    project = patient.project
    _ = project.requires_python
    yield f"{project.name}, build backend {project.backend}"
    table = project.metadata or project.poetry
    for key in ("description", "readme", "license", "requires-python"):
        dynamic = table.get("dynamic")
        if project.metadata and key not in table and not (isinstance(dynamic, list) and key in dynamic):
            yield THIN_METADATA(f"[project] has no `{key}`.")


def _settings(patient: Patient) -> Told:
    settings = patient.project.settings
    findings = Findings(routes_known(settings))
    findings.catch(lambda: check_groups(patient.project))
    yield from findings
    if not findings:
        yield "all groups and indexes named there exist"


def _sessions(patient: Patient) -> Told:
    sessions, decision = patient.sessions, patient.sessions.decision
    theirs = {name: gate for gate, names in decision.standing.items() for name in names}
    gates = [f"{name} (yours)" if name in theirs else name for name in decision.gates if name in sessions.names]
    yield f"gates: {', '.join(gates) or 'none'}"
    yield from missing_gates(sessions)
    yield from sessions.told()
    yield from taken(decision)
    seen = Noxfile.read(patient.project.read_text("noxfile.py")).decided(patient.project)
    if hidden := sorted(set(seen.names) ^ set(decision.names)):
        what = f"`nox-ship init` reads noxfile.py differently from nox: it misjudges the session {shorten(hidden)}."
        remedy = "Define it with a plain `@nox.session` at the top level, so that workflows call the right session."
        yield SESSIONS_UNCLEAR(what, remedy=remedy, level="warning")


def _version(patient: Patient) -> Told:
    source = VersionSource.of(patient.project)
    if source.current is not None and versions.parse(source.current) is None:
        yield BAD_VERSION(f"The project's version is {source.current!r}.")
        return
    yield patient.survey.version
    if source.current:
        yield from stale_settings(patient.project, source.current)
    if files := dict.fromkeys(place.file for place in patient.survey.restated):
        yield RESTATED(f"{shorten(files)} also states {source.current}, and a release would not update it.")
    if source.current:
        check_settings(patient.project, source)


def _tags(patient: Patient) -> Told:
    tags = patient.repository.tags()
    form = patient.project.tag_form(tags)
    latest = versions.latest(tags, form)
    yield f"{form.form}, the last release is {latest}" if latest else f"{form.form}, no release yet"


def _git(patient: Patient) -> Told:
    repository, survey = patient.repository, patient.survey
    if changes := repository.changes(IGNORED_CHANGES):
        yield DIRTY_TREE(f"A release cannot start with uncommitted changes: {shorten(changes)}.", level="warning")
    if repository.branch is None:
        yield DETACHED_HEAD(f"HEAD is detached at {repository.head[:10]}.")
    elif repository.branch != survey.branch:
        yield WRONG_BRANCH(f"The current branch is {repository.branch}; releases are made from {survey.branch}.")
    else:
        yield f"on the release branch {survey.branch}"
    identity = repository.find("var", "GIT_COMMITTER_IDENT")
    if identity is None:
        yield NO_IDENTITY("Git has no name and email address to commit with.")
    else:
        yield f"commits are made as {identity.partition('>')[0]}>"
    if repository.enabled("tag.gpgSign") or repository.enabled("commit.gpgSign"):
        if repository.config("gpg.format") == "ssh" and not repository.config("user.signingKey"):
            yield NO_SIGNING_KEY("Git is set to sign, but has no signing key.")
        else:
            yield "tags are signed"


def _remote(patient: Patient) -> Told:
    refs = patient.world.known_refs()
    name = patient.world.remote.name
    counts = [sum(ref.startswith(kind) for ref in refs) for kind in ("refs/heads/", "refs/tags/")]
    yield f"{name} answers (branches: {counts[0]}, tags: {counts[1]})"
    theirs = refs.get(f"refs/heads/{patient.survey.branch}")
    if theirs and theirs not in patient.repository.known([theirs]):
        yield NOT_ANSWERED(
            f"{name}'s {patient.survey.branch} has commits that are not here.", remedy="Run `git pull --ff-only`."
        )


def _pythons(patient: Patient) -> Told:
    missing = [version for version in patient.survey.pythons if pythons.interpreter(version) is None]
    here = [version for version in patient.survey.pythons if version not in missing]
    if here:
        yield f"installed: {', '.join(here)}"
    remedy = "Install it; tests on it are skipped on this machine."
    level: Level = "error" if patient.in_ci else "warning"
    if here and missing and not patient.survey.project.named_pythons:  # one Python of a range is enough
        yield TOOL_MISSING(f"These Pythons are not installed: {', '.join(missing)}.", remedy=remedy, level="warning")
        return
    yield from (TOOL_MISSING(f"Python {version} is not installed.", remedy=remedy, level=level) for version in missing)


def _tools(patient: Patient) -> Told:
    found = [f"{name} {importlib.metadata.version(name)}" for name in TOOLS]
    if shutil.which("git") is None:
        yield TOOL_MISSING("git is not installed.")
    else:
        found.append(patient.repository.run("--version").replace("version ", ""))
    yield ", ".join(found)


def _changelog(patient: Patient) -> Told:
    changelog = find_changelog(patient.project)
    if changelog is None:
        yield "none found"
    elif changelog.unreleased:
        yield f"{changelog.name} has an Unreleased section"
    else:
        yield NO_UNRELEASED(f"{changelog.name} has no Unreleased section that nox-ship can read.")


def _unfinished(patient: Patient) -> Told:
    """Yield whether a release that was pushed from here is complete."""
    project, shop = patient.project, workshop_of(patient.project.root)
    record = last_release(shop)
    version = versions.parse(record.version) if record else None
    if not record or not version or patient.world.known_refs().get(f"refs/tags/{record.tag}") != record.commit:
        yield "none"
        return
    plan = left_behind(project, patient.repository, record, pushed=True)
    steps = progress_of(plan, patient.sessions, patient.world, shop).steps
    published, followed = steps["publish"], steps["checkout"]
    seen = published.seen
    if published.status == "unknown" and isinstance(seen, str):
        yield NOT_ANSWERED(textwrap.shorten(seen, 200, placeholder=" ..."))
        return
    if published.status in ("done", "unknown") and followed.status == "done":
        yield f"{record.tag}, the last release from here, is complete"
        return
    told = closed_release(seen.listing, seen.missing) if isinstance(seen, Held) else getattr(seen, "findings", ())
    if errors := [finding for finding in told if finding.level == "error"]:
        yield from (replace(finding, level="warning") for finding in errors)
        return
    where = seen if published.status == "missing" else followed.seen
    moved_on = patient.repository.head not in (record.head, record.commit)
    remedy = f"Check out {record.tag} and run `nox -s publish`." if moved_on else None
    yield UNFINISHED(f"{record.tag} is pushed, and {where}.", remedy=remedy)


def _indexes(patient: Patient) -> Told:
    project, source = patient.project, VersionSource.of(patient.project)
    current = source.current or "0"
    for name in dict.fromkeys([*PUBLIC_INDEXES, *project.settings.indexes]):
        index = patient.world.index(name, project.canonical_name)
        try:
            listing = index.listing(project.canonical_name, current)
        except ShipError as error:
            yield NOT_ANSWERED(textwrap.shorten(error.findings[0].what, 200, placeholder=" ..."))
            continue
        if not listing.known:
            yield from _free_name(patient, index, wanted=name == project.settings.routes.final)
        elif _ours(patient, index):
            yield f"{index.name}: {project.canonical_name} is yours" + (f" and has {current}" if listing.files else "")
            level: Level = "error" if name in asdict(project.settings.routes).values() else "warning"
            yield from (replace(finding, level=level) for finding in closed_project(listing))
        else:
            yield NAME_TAKEN(
                f"{index.name} has a project {project.canonical_name} that does not link to this repository."
            )


def _free_name(patient: Patient, index: Index, *, wanted: bool) -> Told:
    """Yield whether an unknown name is allowed on an index; only the index of final releases is asked."""
    project = patient.project.canonical_name
    findings = index.refuses_name(project) if wanted else ()
    yield from findings
    if not any(finding.level == "error" for finding in findings):
        yield f"{index.name}: the name {project} is free"


def _ours(patient: Patient, index: Index) -> bool:
    """Whether the project on the index links to our repository, or has a version that is tagged here."""
    github = patient.survey.github
    described = json.dumps(index.described(patient.project.canonical_name)).lower()
    if github and github.slug.lower() in described:
        return True
    tags = patient.repository.tags()
    latest = versions.latest(tags, patient.project.tag_form(tags))
    return latest is not None and bool(index.files(patient.project.canonical_name, str(latest)))


def _credentials(patient: Patient) -> Told:
    project = patient.project
    version = VersionSource.of(project).current or "0"
    name = route(project.settings, Version(version) if versions.parse(version) else Version("0"))
    by = publishing(patient.repository.path, project.settings, name, patient.tag)
    yield from by.told
    if by.workflow:
        when = "each GitHub Release" if by.waits else "each pushed tag"
        yield f"{by.workflow} publishes {when}; this machine needs no credentials"
        return
    index = patient.world.index(name, project.canonical_name)
    yield f"{display_name(name)}: would upload with {index.credentials.kind}"
    yield from index.admits(project.canonical_name, version)
    if (forge := patient.world.forge) and forge.api.token:
        refusals = forge.refusals(patient.tag)
        yield from refusals
        if not refusals:
            yield f"{forge.where}: the token can announce a release, as far as can be told"


CHECKS: Mapping[str, Callable[[Patient], Told]] = {
    "metadata": _metadata,
    "settings": _settings,
    "sessions": _sessions,
    "version": _version,
    "tags": _tags,
    "git": _git,
    "unfinished": _unfinished,
    "remote": _remote,
    "Pythons": _pythons,
    "tools": _tools,
    "changelog": _changelog,
    "workflows": github.workflow_files,
    "indexes": _indexes,
    "credentials": _credentials,
    "GitHub": github.repository,
}
"""The checks, by name, in the order in which they are shown."""
