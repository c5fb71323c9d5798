"""The release as a tuple of named steps, run in a world that it is handed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from nox_ship import naming
from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.files import explained
from nox_ship.gates.noxfile import Sessions
from nox_ship.package.manifest import Manifest
from nox_ship.process import CommandFailedError
from nox_ship.project import Project
from nox_ship.release import built
from nox_ship.release import bump as bumping
from nox_ship.release import gates as gating
from nox_ship.release.admission import refused_platforms
from nox_ship.release.changelog import release_notes
from nox_ship.release.comparison import Comparison
from nox_ship.release.converge import converge
from nox_ship.release.planning import Plan, Request
from nox_ship.release.preflight import preflight
from nox_ship.release.prove import install
from nox_ship.release.publication import Publication
from nox_ship.release.publish import publish
from nox_ship.release.seal import STAGE_CHANGED, Seal
from nox_ship.release.stage import Stage, Workshop, last_built, last_release, open_stage, sealed
from nox_ship.report import Report, Row, Voice
from nox_ship.world.forge import follow
from nox_ship.world.index import display_name
from nox_ship.world.remote import PushUnclearError, is_pushed
from nox_ship.world.world import World

CHECKOUT_LEFT = Kind(
    "NS234",
    "checkout-left",
    "The release is pushed and goes on; bring the checkout to it with `git pull --ff-only`.",
    level="warning",
)

DECLINED = Kind("NS235", "declined", "Run the same command again when you want to release.")
INTERRUPTED = Kind("NS239", "interrupted", "Run the same command again: it goes on where this one ended.")

MOST_COMMITS, MOST_NOTES = 100, 1 << 16
"""How many commits, and how many characters of the changelog, the report holds."""


@dataclass
class Run:
    """One release on its way: what it was asked, where it happens, and what it has come to so far."""

    root: Path
    request: Request
    sessions: Sessions
    world: World
    workshop: Workshop
    voice: Voice
    report: Report
    confirm: Callable[[Run], None] = lambda _: None
    """Asked before the push; raises where it is not to be."""
    plan: Plan = field(init=False)
    stage: Stage = field(init=False)
    staged: Project = field(init=False)
    """The project as it is in the stage, with its new version, read before anything ran there."""
    objects: bumping.Objects = field(init=False)
    seal: Seal = field(init=False)
    background: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))
    trial: Future[str] | None = None
    """The upload rehearsal, where it was begun while gates still ran."""
    comparison: Comparison | None = None
    """The comparison with the last release, which is fetched while gates still run."""
    publication: Publication = field(init=False)
    """The files on their way to the index of the upload rehearsal, and then to the release's: in a rehearsal both
    steps that install have one index, and what is proven there is proven once."""


@dataclass(frozen=True)
class Step:
    """A named part of the release."""

    name: str
    what: str
    do: Callable[[Run], str]
    """Does what is missing and returns, for the report, what was done."""


def _notify(run: Run, finding: Finding) -> None:
    run.report.findings.append(finding.as_dict())
    run.voice.finding(finding)


def _preflight(run: Run) -> str:
    def notify(finding: Finding) -> None:
        _notify(run, finding)

    earlier = last_release(run.workshop)
    built = last_built(run.workshop, run.root) if earlier else None
    run.plan = plan = preflight(run.root, run.request, run.sessions, run.world, notify, earlier, built)
    report = run.report
    report.project, report.version, report.tag = plan.project.canonical_name, plan.version, plan.tag
    report.branch, report.release_branch = plan.branch, plan.release_branch
    left_out = f", without {', '.join(run.request.without)}" if run.request.without else ""
    versions = f"{plan.current} → {plan.version}" if plan.current != plan.version else plan.version
    return f"{plan.project.name} {versions} on {plan.branch}{left_out}"


def _stage(run: Run) -> str:
    run.stage = open_stage(run.workshop, run.plan, fresh=run.request.fresh)
    how = "the clone of an earlier run" if run.stage.reused else "clean clone"
    return f"{how} of {run.plan.head[:10]}"


def _bump(run: Run) -> str:
    plan, there = run.plan, run.stage.record.commit
    run.objects = bumping.bump(plan, run.stage)
    run.report.commit = run.objects.commit
    run.staged = Project.read(run.stage.root)
    run.report.notes = release_notes(run.staged, plan.version)[:MOST_NOTES]
    run.seal = sealed(run.workshop, plan, run.objects.commit)
    run.stage.record.seal = run.seal.digest
    run.stage.save()
    if there:
        return f"{plan.tag} is on {there[:10]} already"
    change = f"{plan.current} → {plan.version}" if plan.current != plan.version else plan.version
    return f"{change}, tag {plan.tag}"


def _gates(run: Run) -> str:
    first = run.sessions.decision.tests  # coverage waits for the tests
    proof = [naming.registered(name) for name in gating.PROOF_SESSIONS]
    names = [*proof, *sorted(run.plan.gates, key=lambda gate: gate not in first)]
    if run.stage.record.built:
        built.check(run.stage, run.staged)

    def ended(name: str, status: str) -> None:
        run.voice.session_ended(name, status)
        if (name, status) == (proof[0], "success"):  # the files are there: two cores have time for both
            with suppress(ShipError):  # told by the upload rehearsal
                run.comparison = _begin_comparison(run, built.hold(run.stage, run.staged))
            run.trial = run.background.submit(_try_upload, run)

    try:
        results = gating.run_sessions(
            run.stage,
            names,
            keep=run.plan.project.settings.pass_env,
            started=run.voice.session_started,
            finished=ended,
            echo=run.voice.echo,
        )
    except gating.GatesFailedError as error:
        _add_sessions(run, error.results)
        with suppress(ShipError):  # that a gate failed matters more
            built.check_tested(run.stage, gating.manifests(error.results))
        raise
    _add_sessions(run, results)
    built.check_tested(run.stage, gating.manifests(results))
    for line in gating.warnings(results):
        run.voice.warning(line)
        run.report.warnings.append(line)
    counts = [f"{sum(r.status == status for r in results)} {status}" for status in ("passed", "reused", "skipped")]
    return ", ".join(count for count in counts if not count.startswith("0 "))


def _add_sessions(run: Run, results: tuple[gating.SessionResult, ...]) -> None:
    run.report.rows.extend(Row(r.name, r.status, r.seconds, r.reason, within="gates") for r in results)


def _rehearse_upload(run: Run) -> str:
    built.check(run.stage, run.staged)  # gates ran after it was built, and while it was tried
    done = run.trial.result() if run.trial else _try_upload(run)
    run.stage.record.tried = run.stage.record.built
    run.stage.save()
    return done


def _try_upload(run: Run) -> str:
    manifest = built.hold(run.stage, run.staged)
    manifest.check_origin(run.objects.commit, run.plan.version)
    if not run.plan.workflow:  # which may build other wheels
        Findings(refused_platforms(manifest, run.plan.index)).raise_errors()
    run.publication = Publication.of(manifest, run.staged, run.world.rehearsal_index)
    if run.stage.record.built == run.stage.record.tried:
        return "these very files have passed it already"
    converge(run.publication)
    names = shorten(dict.fromkeys(install(run.publication).values()))
    return f"{len(manifest.files)} files to an index on this machine; {names} installed from there"


def _begin_comparison(run: Run, manifest: Manifest) -> Comparison:
    plan = run.plan
    index = run.world.index(plan.index, plan.project.canonical_name)
    shelf, anew = run.workshop.predecessor, run.request.fresh
    return Comparison(manifest, run.staged, index, display_name(plan.index), shelf, anew=anew)


def _compare(run: Run) -> str:
    comparison = run.comparison or _begin_comparison(run, run.publication.manifest)
    compared = comparison.result(run.workshop.environments)
    compared.enter(run.report, lambda finding: _notify(run, finding))
    return str(compared)


def _push(run: Run) -> str:
    _check_stage(run)
    plan, remote, objects = run.plan, run.world.remote, run.objects
    run.report.remote = remote.name
    refs = {f"refs/heads/{plan.branch}": objects.commit, f"refs/tags/{plan.tag}": objects.tag}
    there = remote.refs()
    if is_pushed(there, plan.branch, plan.tag, objects.commit):
        _is_pushed(run)
        return f"{remote.name} has {plan.branch} and {plan.tag} already"
    found = run.stage.repository.new_commits(objects.commit, there.values(), MOST_COMMITS)
    run.report.commits, run.report.commit_count = found
    run.confirm(run)
    built.check(run.stage, run.staged)
    run.report.pushed = "unknown"  # until the remote has told
    try:
        remote.push(run.stage.repository, refs)
    except PushUnclearError:
        raise
    except ShipError:
        run.report.pushed = "no"
        raise
    _is_pushed(run)
    run.report.changed = True
    run.report.pushes += [f"{name} → {remote.name}" for name in (plan.branch, plan.tag)]
    return f"{plan.branch} and {plan.tag} to {remote.name}, in one atomic push"


def _is_pushed(run: Run) -> None:
    run.report.pushed = "yes"
    run.report.arrived += [f"{name} on {run.world.remote.name}" for name in (run.plan.branch, run.plan.tag)]


def _check_stage(run: Run) -> None:
    """Check that nothing that ran in the stage changed what was made there.

    Raises:
        ShipError: Something did (NS236); no later run uses the stage again.
    """
    if changed := run.seal.broken():
        run.stage.drop()
        raise ShipError(STAGE_CHANGED(f"The gates changed the clone that the release is made in: {shorten(changed)}."))


def _checkout(run: Run) -> str:
    checkout, plan, source = run.world.checkout, run.plan, run.stage.repository
    commit = run.objects.commit
    try:
        if checkout.branch == plan.branch and checkout.head == commit and checkout.tags().get(plan.tag) == commit:
            return f"{plan.branch} is at {commit[:10]} already"
        checkout.fast_forward(source, plan.branch, commit, {plan.tag: run.objects.tag})
    except CommandFailedError as error:
        _notify(run, CHECKOUT_LEFT(f"{plan.branch} of the checkout was not fast-forwarded.", detail=error.done.output))
        return "left as it is"
    return f"{plan.branch} at {commit[:10]}"


def _publish(run: Run) -> str:
    plan, name = run.plan, display_name(run.plan.index)
    if plan.workflow:
        run.report.workflow, run.report.waits = plan.workflow, plan.waits
        run.report.uploads += [f"{file.name} → {name}, by {plan.workflow}" for file in run.publication.manifest.files]
        return f"left to {plan.workflow}; {follow(run.world.remote, plan.workflow, waits=plan.waits)}"
    index = run.world.index(plan.index, plan.project.canonical_name)
    run.publication = replace(run.publication, index=index, note=run.voice.note)
    published = publish(run.publication, name, run.report)
    uploaded = sum(entry.action == "uploaded" for entry in published)
    return f"{index.name}: {uploaded} uploaded, {len(published) - uploaded} there with the same SHA-256"


STEPS: tuple[Step, ...] = (
    Step("preflight", "everything that can be checked before the first write", _preflight),
    Step("stage", "a clean clone to make the release in", _stage),
    Step("bump", "version, commit and tag, in the clone", _bump),
    Step("gates", "gates, build and verify-install, in parallel", _gates),
    Step("upload rehearsal", "upload to an index on this machine, and install from it", _rehearse_upload),
    Step("difference", "what changed since the last release", _compare),
    Step("push", "branch and tag, in one atomic push", _push),
    Step("checkout", "fast-forward to the release", _checkout),
    Step("publish", "upload what the index lacks", _publish),
)
"""The release, in order. Each step asks first whether its work is done."""

CUT = STEPS[:3]
"""What makes commit and tag: no code of the project's tests has run yet."""


def run_pipeline(run: Run, steps: Sequence[Step] = STEPS) -> None:
    """Go through the steps; the report is complete also where one fails.

    Raises:
        ShipError: A step failed; no later one was tried.
    """
    begun = time.monotonic()
    try:
        for step in steps:
            _do(step, run)
        run.report.passed = True
    except BaseException as error:
        run.report.findings += [finding.as_dict() for finding in told_by(error)]
        reached = {row.name for row in run.report.rows if row.within is None}
        run.report.rows += [Row(step.name, "not reached") for step in steps if step.name not in reached]
        with suppress(OSError):  # what stopped the release matters more
            _end(run, begun)
        raise
    _end(run, begun)


def told_by(error: BaseException) -> tuple[Finding, ...]:
    """Return what the report says of an error that ended a run."""
    if isinstance(error, KeyboardInterrupt):
        return (INTERRUPTED("You interrupted it."),)
    if isinstance(error, OSError):
        return explained(error).findings
    return error.findings if isinstance(error, ShipError) else ()


def _end(run: Run, begun: float) -> None:
    run.background.shutdown()
    run.voice.end()
    run.report.seconds = time.monotonic() - begun
    run.report.write(run.workshop.report)


def _do(step: Step, run: Run) -> None:
    run.voice.step_started(step.name, step.what)
    begun = time.monotonic()
    row = Row(step.name, "pending")
    run.report.rows.append(row)
    try:
        row.detail = step.do(run)
        row.status = "done"
    except BaseException as error:
        row.status = ended_by(error)
        if isinstance(error, OSError):
            raise explained(error) from error
        raise
    finally:
        row.seconds = time.monotonic() - begun
        run.voice.step_ended(row)


def ended_by(error: BaseException) -> str:
    """Return how something ended that did not come to its end, as a report says it."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    declined = isinstance(error, ShipError) and error.findings[0].id == DECLINED.id
    return "declined" if declined else "failed"
