"""How recent releases went on the forge, from the runs of the publishing workflow and the index's upload times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile

from packaging.version import Version

from nox_ship.errors import Findings
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.history import MOST_NAMED, Counted, Typical, counted, typical
from nox_ship.release.route import route
from nox_ship.release.tags import tags_of
from nox_ship.release.workflows import publishing
from nox_ship.world import past
from nox_ship.world.index import PUBLIC_INDEXES
from nox_ship.world.past import PastJob, PastRun
from nox_ship.world.world import World

MOST = 20
"""How many runs are looked at; each takes a request, and without a token GitHub allows 60 an hour."""
_AT_ONCE = 8
_BY_HAND = "workflow_dispatch"
_CUT = "Cut the release"
"""The job of our workflow that makes a release's commit and tag."""
_REHEARSAL = "Rehearse"
"""The job that only rehearses."""
_NO_TESTS = ("Lock", "Take what another run proved", "Push files ")
"""Prefixes of the names of jobs that run before publishing but test nothing."""

_FAILED = ("failure", "timed_out")

Jobs = Mapping[int, Sequence[PastJob]]
"""The jobs of each run, by its ID."""
Arrivals = Mapping[Version, Sequence[dt.datetime]]
"""When files of each version arrived at an index."""
Uploads = Mapping[str, Arrivals]
"""Arrival times for each index, by its name."""


@dataclass(frozen=True)
class Delivered:
    """A release that a workflow published or tried to publish."""

    version: str
    """Its version."""
    tag: str
    """Its tag."""
    begun: str
    """When its tag was pushed, in UTC (ISO 8601)."""
    runs: int
    """How many runs it took: those on its tag, and those since the release before that cut a release."""
    attempts: int
    """How many attempts those runs had."""
    passed: bool
    """Whether the last run passed."""
    first_try: bool
    """Whether every run passed on its first attempt."""
    seconds: float | None
    """Seconds from the start of its first run to the end of its last; null unless it passed at the first try."""
    tag_to_index: float | None
    """Seconds until the index had all files; null if unknown."""
    ci_to_index: float | None
    """Seconds from the end of the last testing job until the index had all files; null if unknown."""
    address: str
    """The address of its last run."""


@dataclass(frozen=True)
class OnForge:
    """How recent releases went on the forge."""

    where: str
    """The repository as owner/name."""
    workflow: str
    """The file name of the workflow that publishes."""
    releases: tuple[Delivered, ...]
    """The last releases, newest first."""
    jobs: tuple[Typical, ...]
    """The slowest jobs that passed, slowest first."""
    failures: tuple[Counted, ...]
    """Jobs that failed in any attempt, with the number of runs; most frequent first."""


def look(project: Project, repository: Repository, world: World, findings: Findings) -> OnForge | str:
    """Ask the forge and the indexes how the last releases went.

    Args:
        project: The project.
        repository: Its checkout.
        world: The world; only read here.
        findings: Receives what could not be asked.

    Returns:
        The answer; or the reason why nothing could be asked, which is empty if the findings give it.
    """
    forge, settings = world.forge, project.settings
    if forge is None:
        return "the remote is not on GitHub"
    form = project.tag_form({**tags_of(findings.catch(world.known_refs) or {}), **repository.tags()})
    workflow = publishing(repository.path, settings, settings.routes.final, form.name("1.0.0")).workflow
    if workflow is None:
        return "no workflow publishes pushed tags"
    runs = findings.catch(lambda: past.runs(forge.api, workflow))
    if runs is None:
        return ""
    ours = [run for run in runs if not run.event.startswith("pull_request")]  # their branch may be named like a tag
    versions = form.releases(run.head_branch or "" for run in ours)
    wanted = [run for run in ours if run.head_branch in versions or run.event == _BY_HAND]
    names = tuple(dict.fromkeys([*PUBLIC_INDEXES, *settings.indexes]))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        uploads = pool.map(lambda name: findings.catch(lambda: _uploads(project, world, name)) or {}, names)
        listed = pool.map(lambda run: (run, findings.catch(lambda: past.jobs(forge.api, run))), wanted[:MOST])
        told = list(takewhile(lambda one: one[1] is not None, listed))
        arrived: Uploads = dict(zip(names, uploads, strict=True))
    jobs = {run.id: of_run or () for run, of_run in told}
    releases = [
        _delivered(tag, versions[tag], them, jobs, arrived.get(route(settings, versions[tag]), {}), arrived)
        for tag, them in _grouped([run for run, _ in told], versions, jobs).items()
        if all(run.status == "completed" for run in them)
    ]
    whole = len(told) == len(wanted) and len(runs) < past.MOST
    newest = tuple(reversed(releases if whole else releases[1:]))  # the oldest may have further runs
    return OnForge(forge.where, workflow, newest, _slowest(jobs.values()), _failures(jobs.values()))


def _uploads(project: Project, world: World, index: str) -> dict[Version, list[dt.datetime]]:
    """Return when files of each version arrived at an index.

    Raises:
        ShipError: It does not answer (NS701).
    """
    releases = world.index(index, project.canonical_name).listing(project.canonical_name, "0").releases
    told = {version: [file.uploaded for file in files] for version, files in releases.items()}
    return {version: [when for when in times if when] for version, times in told.items() if all(times)}


def _grouped(runs: Sequence[PastRun], versions: Mapping[str, Version], jobs: Jobs) -> dict[str, list[PastRun]]:
    """Return the runs of each release, by its tag: those on the tag, and earlier ones that cut a release.

    Args:
        runs: The runs, newest first.
        versions: The version of each tag.
        jobs: The jobs of each run, by its ID.
    """
    found: dict[str, list[PastRun]] = {}
    cuts: list[PastRun] = []
    for run in sorted(runs, key=lambda run: run.begun):
        tag = run.head_branch or ""
        did = {job.name for job in jobs[run.id] if job.conclusion != "skipped"}
        if tag in versions and _REHEARSAL not in did:
            if tag not in found:
                found[tag], cuts = cuts, []
            found[tag].append(run)
        elif _CUT in did:
            cuts.append(run)
    return found


def _delivered(
    tag: str, version: Version, runs: Sequence[PastRun], jobs: Jobs, index: Arrivals, uploads: Uploads
) -> Delivered:
    """Return how a release went.

    Args:
        tag: Its tag.
        version: Its version.
        runs: Its runs, oldest first.
        jobs: The jobs of each run, by its ID.
        index: When files arrived at the index that this kind of version goes to.
        uploads: The same for every index.
    """
    pushed = next(run.begun for run in runs if run.head_branch == tag)
    first_try = all(run.conclusion == "success" and run.run_attempt == 1 for run in runs)
    done = [job for run in runs for job in _last(jobs[run.id])]
    ends = [job.times[1] for job in done if job.times]
    served = max(index.get(version, ()), default=None)
    arrived = [when for one in uploads.values() for when in one.get(version, ())]
    tested = _tested(done, arrived)
    return Delivered(
        version=str(version),
        tag=tag,
        begun=pushed.isoformat(),
        runs=len(runs),
        attempts=sum(run.run_attempt for run in runs),
        passed=runs[-1].conclusion == "success",
        first_try=first_try,
        seconds=_seconds(runs[0].begun, max(ends)) if first_try and ends else None,
        tag_to_index=_seconds(pushed, served),
        ci_to_index=_seconds(tested, served),
        address=runs[-1].html_url,
    )


def _tested(jobs: Sequence[PastJob], arrived: Iterable[dt.datetime]) -> dt.datetime | None:
    """Return when the last testing job ended; None if unknown.

    Publishing begins with the first job during which files arrived at an index; the jobs that passed before it tested.
    """
    times = [(job, *job.times) for job in jobs if job.times and job.conclusion == "success"]
    publishing = [begun for _, begun, ended in times if any(begun <= when <= ended for when in arrived)]
    if not publishing:
        return None
    tests = [ended for job, _, ended in times if ended <= min(publishing) and not job.name.startswith(_NO_TESTS)]
    return max(tests, default=None)


def _last(jobs: Iterable[PastJob]) -> list[PastJob]:
    """Return the last attempt of each job."""
    return list({job.name: job for job in sorted(jobs, key=lambda job: job.run_attempt)}.values())


def _slowest(runs: Iterable[Sequence[PastJob]]) -> tuple[Typical, ...]:
    done = [job for jobs in runs for job in _last(jobs) if job.conclusion == "success" and job.times]
    took = typical((job.name, _seconds(*job.times) or 0.0) for job in done if job.times)
    return tuple(sorted(took, key=lambda one: one.seconds, reverse=True)[:MOST_NAMED])


def _failures(runs: Iterable[Sequence[PastJob]]) -> tuple[Counted, ...]:
    failed = (dict.fromkeys(job.name for job in jobs if job.conclusion in _FAILED) for jobs in runs)
    return counted(name for names in failed for name in names)


def _seconds(begun: dt.datetime | None, ended: dt.datetime | None) -> float | None:
    """Return the time between two moments; None if one is unknown or they are in the wrong order."""
    took = (ended - begun).total_seconds() if begun and ended else -1.0
    return took if took >= 0 else None
