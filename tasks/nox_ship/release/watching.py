"""Following the workflow run that publishes a release until the index serves it, then verifying it from here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.release.published import ExpectedRelease, Release
from nox_ship.release.results import Omitted, Pushed, Result, Tried, Watched
from nox_ship.release.run import Run, State
from nox_ship.release.uptake import glimpse
from nox_ship.release.verification import Verification, Verifier
from nox_ship.release.workflows import uploads
from nox_ship.report import Row
from nox_ship.world import runs as github
from nox_ship.world.checks import PASSING
from nox_ship.world.forge import GITLAB_CI
from nox_ship.world.index import display_name
from nox_ship.world.polling import Polling
from nox_ship.world.releases import Releases

CANNOT_FOLLOW = Kind(
    "NS856",
    "cannot-follow",
    "Set `GH_TOKEN` to a token with read access to the repository and its Actions, or omit `--wait`.",
)
RUN_NOT_STARTED = Kind(
    "NS857",
    "run-not-started",
    "Fix that, start the workflow manually on the tag, and run the same command again to follow it.",
)
RUN_FAILED = Kind(
    "NS858",
    "run-failed",
    "Fix the cause, use *Re-run failed jobs* on the run's page, and run the same command again to follow it.",
)
RUN_UNFINISHED = Kind(
    "NS859", "run-unfinished", "Run the same command again to keep following it; it does not bump again."
)

STEP = "follow"
"""The name of the step to which the run's jobs belong."""
LONGEST = 6 * 3600.0
"""The longest time to follow a run, in seconds: as long as GitHub lets a job run."""
_APPEARS = 300.0
"""Seconds within which a run must appear after the push."""
_MOMENT = 5.0
"""Seconds after which it usually appears."""
_MOST_JOBS, _MOST_LINES, _MOST_COLUMNS = 3, 30, 300
"""How many lines and characters of a failed job's log are shown."""
_EVENTS = ("push", "create", "release", "workflow_dispatch", "workflow_run")
"""Events that may start a publishing run; a pull request may have any commit, and a branch with any name."""
# https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
_SKIPS = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: ?true\s*$", re.MULTILINE)


def followable(forge: Releases | None, workflow: str) -> Iterator[Finding]:
    """Yield reasons why a workflow's run cannot be followed or will not start.

    Args:
        forge: The forge; None if it is not a known one.
        workflow: The file name of the workflow.
    """
    if forge is None or workflow == GITLAB_CI:
        remedy = "Omit `--wait`; `nox -s verify-published` waits until the index serves the release."
        yield CANNOT_FOLLOW(f"`--wait` follows runs on GitHub, and {workflow} does not run there.", remedy=remedy)
        return
    runs = github.Runs(forge.api)
    try:
        known = runs.workflow(workflow)
        told = known is not None or runs.is_told()
    except ShipError as error:
        yield CANNOT_FOLLOW(f"GitHub did not list the runs of {workflow}: {error.findings[0].what}")
        return
    if not told:
        who = "this token" if forge.api.token else "clients without a token"
        yield CANNOT_FOLLOW(f"GitHub does not show {forge.where} to {who}: it is private or does not exist.")
    elif known and known.state != "active":
        what = f"GitHub does not run {workflow}: its state is {known.state}."
        yield RUN_NOT_STARTED(
            what, remedy="Enable it on the repository's *Actions* page, then run the same command again."
        )


def watch_state(run: Run) -> State:
    """Return that every run looks again, since what an index serves may change."""
    plan = run.plan
    return State.unknown("every run looks again" if plan.workflow else "this machine publishes it")


def watch(run: Run, state: State) -> Result:
    """Follow the run, then verify what the index serves.

    Raises:
        ShipError: GitHub does not report the run (NS856), or it does not start (NS857), fails (NS858) or does not end
            in time (NS859); or the files are not served (NS712, NS713), differ from the index's data (NS711, NS790),
            were published by somebody else (NS796, NS797), or do not work (NS611-NS616, NS714).
    """
    workflow, forge = run.plan.workflow, run.world.forge
    if workflow is None or forge is None:  # preflight does not allow waiting for a workflow without a forge
        return Omitted(str(state.seen))
    followed = _Followed(run, workflow, github.Runs(forge.api))
    followed.follow()
    return _proven(run, followed)


@dataclass
class _Followed:
    """A workflow run that is being followed."""

    release: Run
    workflow: str
    runs: github.Runs
    url: str = ""
    """The address of its page."""
    jobs: tuple[github.RunJob, ...] = ()
    seen: set[tuple[int, str]] = field(default_factory=set)
    """The news that were already reported, each with the job's ID."""

    def follow(self) -> None:
        """Wait until the run has passed, and report its jobs meanwhile.

        Raises:
            ShipError: It does not pass (NS856 to NS859), or GitHub does not answer properly (NS780, NS783, NS785).
        """
        rounds = Polling(self.runs.api, LONGEST, requests=2)
        number = str(self._found(rounds).id)
        looked = False
        while True:
            told = rounds.ask(lambda: (self.runs.run(number), self.runs.jobs(number)))
            if told:
                run, self.jobs = told
                self._tell(number, run, before=not looked)
                looked = True
                if run.status == "completed":
                    if run.conclusion == "success":
                        return
                    raise ShipError(*self._failed(run))
            if not rounds.rest():
                what = f"{self.workflow} has not ended after {LONGEST / 3600:.2g} hours ({self.url})."
                raise ShipError(RUN_UNFINISHED(what))

    @property
    def skipped(self) -> list[str]:
        """The names of the jobs that did not run."""
        return [job.name for job in self.jobs if job.conclusion == "skipped"]

    def _found(self, rounds: Polling) -> github.Run:
        """Return the newest run for the release, once there is one.

        Raises:
            ShipError: None appears in time (NS857), or GitHub does not report it (NS856).
        """
        plan = self.release.plan
        events = {one.event for one in uploads(plan.repository.path, plan.tag)[0] if one.workflow == self.workflow}
        waits = plan.waits or events == {"workflow_run"}  # for a person or another workflow, as long as that takes
        if self.release.of(Pushed).anew:
            self.runs.api.sleep(_MOMENT)
        while True:
            try:
                found = rounds.ask(self._newest)
            except ShipError as error:
                what = f"GitHub did not list the runs of {self.workflow}: {error.findings[0].what}"
                raise ShipError(CANNOT_FOLLOW(what)) from error
            if found:
                self.url = self.release.report.run = found.html_url
                self.release.voice.note(f"following {self.workflow}: {self.url}")
                return found
            if (rounds.waited >= _APPEARS and not waits) or not rounds.rest():
                what = f"No run of {self.workflow} for {plan.tag} appeared: {self._reason()}."
                raise ShipError(RUN_NOT_STARTED(what))

    def _newest(self) -> github.Run | None:
        plan, commit = self.release.plan, self.release.bumped.objects.commit
        for run in self.runs.of(self.workflow, commit):
            ours = run.head_branch == plan.tag or run.event == "workflow_run"
            if run.event in _EVENTS and run.head_sha == commit and ours:
                return run
        return None

    def _reason(self) -> str:
        """Return why no run appeared, as far as is known."""
        message = self.release.stage.repository.run("log", "-1", "--format=%B", self.release.bumped.objects.commit)
        if self.release.plan.waits:
            return "nobody published a GitHub Release for the tag"
        if found := _SKIPS.search(message):
            return f"its commit message has {found[0].strip()!r}, which keeps GitHub from starting workflows"
        try:
            known = self.runs.workflow(self.workflow)
        except ShipError:
            return "GitHub does not answer"
        if known is None:
            return "GitHub does not know the file; Actions may be disabled in the repository's settings"
        if known.state != "active":
            return f"the workflow is {known.state}"
        return "its tag or path filters may exclude the tag, Actions may be disabled, or GitHub is slow"

    def _tell(self, number: str, run: github.Run, *, before: bool) -> None:
        """Report news about the jobs; those that ended before we looked get no place on our timeline."""
        release = self.release
        for job in self.jobs:
            if job.status == "in_progress" and self._is_news(job.id, "begun"):
                release.voice.session_started(job.name)
            elif job.status == "completed" and job.conclusion != "skipped" and self._is_news(job.id, "ended"):
                row = _row(job, None if before else max(release.report.after() - job.seconds, 0.0))
                release.report.rows.append(row)
                release.voice.session_ended(row)
        waiting = [job.id for job in self.jobs if job.status == "waiting"]
        if (waiting or run.status == "waiting") and self._is_news(0, f"waiting: {waiting}"):
            names = shorten(self._awaited(number))
            release.voice.note(f"waiting for approval to deploy to {names}: {self.url}")

    def _awaited(self, number: str) -> Sequence[str]:
        try:
            return self.runs.awaited(number)
        except ShipError:  # continue to follow it
            return ("an environment",)

    def _is_news(self, job: int, what: str) -> bool:
        news = (job, what) not in self.seen
        self.seen.add((job, what))
        return news

    def _failed(self, run: github.Run) -> Iterator[Finding]:
        """Yield an error for each failed job, with the end of its log, and what the index has now."""
        ended = [job for job in self.jobs if job.status == "completed" and job.conclusion not in PASSING]
        failed = [job for job in ended if job.conclusion != "cancelled"] or ended
        has = self._on_index()
        if not failed:
            yield RUN_FAILED(f"{self.workflow} ended as {run.conclusion}, but no job failed ({self.url}). {has}")
        for job in failed[:_MOST_JOBS]:
            step = f" in its step {job.failed_step!r}" if job.failed_step else ""
            what = (
                f"{self.workflow}: the job {job.name!r} ended as {job.conclusion}{step} ({job.html_url or self.url})."
            )
            yield RUN_FAILED(f"{what} {has}".rstrip(), detail=self._log(job))
            has = ""
        if more := [job.name for job in failed[_MOST_JOBS:]]:
            yield RUN_FAILED(f"{self.workflow}: {shorten(more, len(more))} did not pass either.")

    def _on_index(self) -> str:
        plan, called = self.release.plan, self.release.plan.project.canonical_name
        name = display_name(plan.index)
        listing = glimpse(self.release.world.index(plan.index, called), called, plan.version)
        if listing.silent:
            return f"What {name} has now is unknown."
        return f"{name} now has {shorten(sorted(listing.files)) or 'nothing'} of {plan.version}."

    def _log(self, job: github.RunJob) -> str:
        """Return the end of a job's log, or why it is not shown."""
        try:
            lines = self.runs.last_lines(job, _MOST_LINES)
        except ShipError as error:
            why = error.findings[0].what if self.runs.api.token else "GitHub shows logs only with a token."
            return f"(The log of {job.name} is not shown: {why})"
        cut = (line if len(line) <= _MOST_COLUMNS else f"{line[:_MOST_COLUMNS]}..." for line in lines)
        return "\n".join([f"{job.name}:", *(f"  {line}" for line in cut)])


def _row(job: github.RunJob, begun: float | None) -> Row:
    """Return the report's row for a job that ended."""
    passed = job.conclusion in PASSING
    detail = "" if passed else f"{job.conclusion}{f' in {job.failed_step}' if job.failed_step else ''}"
    return Row(job.name, "passed" if passed else "failed", job.seconds, detail, STEP, begun)


def _proven(run: Run, followed: _Followed) -> Watched:
    """Verify what the index serves of the release that a workflow has built.

    Raises:
        ShipError: It is not served, not what it should be, or does not work.
    """
    plan, publication = run.plan, run.of(Tried).publication
    index, called = publication.index, publication.manifest.name
    here = ExpectedRelease(publication.manifest, publication.folder, "the files built here", binding=False)
    found = Verification(called, plan.version, index.name)
    verifier = Verifier(plan.project, index, plan.index, run.voice.note, found)
    with TemporaryDirectory(prefix="nox-ship-") as folder:
        try:
            verifier.wait_for_others(here)
        except ShipError as error:
            first, *more = error.findings
            what = f"{first.what} {followed.workflow} passed and skipped {shorten(followed.skipped) or 'no job'}."
            raise ShipError(replace(first, what=what, remedy=f"See {followed.url}."), *more) from error
        release = Release(Version(plan.version), plan.tag, run.bumped.objects.commit)
        there = verifier.download(release, Path(folder), here)
        for finding in found.findings:
            if finding.level != "error":
                run.notify(finding)
        found.findings.raise_errors()  # files that may be somebody else's are not run
        verifier.install(there, smoke=True)
    return Watched(
        followed.workflow,
        followed.url,
        index.name,
        tuple(file.name for file in there.manifest.files),
        found.compared_with,
        found.installed,
        index.page(called, plan.version),
    )
