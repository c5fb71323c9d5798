"""The release as a tuple of named steps, run in the world that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from nox_ship.config import Settings
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.files import explained
from nox_ship.release import announcing, delivering, preparing, proposing, proving, watching
from nox_ship.release.results import Planned, Result
from nox_ship.release.run import Run, State, Step
from nox_ship.report import Row

DECLINED = Kind("NS235", "declined", "Run the same command again when you want to release.")
INTERRUPTED = Kind("NS239", "interrupted", "Run the same command again to continue.")

STEPS: tuple[Step, ...] = (
    Step(
        "preflight",
        "everything that can be checked before the first write",
        preparing.preflight_state,
        preparing.check,
        always=True,
    ),
    Step("stage", "clean clone to make the release in", preparing.stage_state, preparing.stage, always=True),
    Step("bump", "version, commit and tag, in the clone", preparing.bump_state, preparing.make),
    Step("gates", "gates, build and verify-install, in parallel", proving.gates_state, proving.run_gates),
    Step(
        "upload rehearsal",
        "upload to an index on this machine, and install from it",
        proving.upload_state,
        proving.rehearse_upload,
        always=True,
    ),
    Step("difference", "what changed since the last release", proving.difference_state, proving.compare, always=True),
    Step("push", "branch and tag, in one atomic push", delivering.push_state, delivering.push),
    Step("checkout", "fast-forward to the release", delivering.checkout_state, delivering.follow),
    Step("publish", "upload the files that the index lacks", delivering.publish_state, delivering.publish, always=True),
    Step("announce", "release page on the forge", announcing.announce_state, announcing.announce),
)
"""The steps of a release, in order."""

PROPOSE = Step(
    "propose",
    "release branch, and a pull request for it",
    proposing.propose_state,
    proposing.propose,
)
"""Replaces the push, and everything after it, if a release goes by a pull request."""

CUT = STEPS[:3]
"""The steps that make commit and tag: no test code of the project has run before them."""

_CHECKS = Step("checks", "required checks on the forge", delivering.checks_state, delivering.await_checks)
_FOLLOW = Step(
    watching.STEP,
    "wait until the workflow has published and the index serves the release",
    watching.watch_state,
    watching.watch,
    always=True,
)


def release_steps(settings: Settings, *, wait: bool = False) -> tuple[Step, ...]:
    """Return the steps of a release in order, including those that only some projects or commands need.

    Args:
        settings: The project's settings, which may name checks that must pass before publishing.
        wait: Whether to follow the workflow that publishes.
    """
    before = {"publish": _CHECKS} if settings.publish.require_checks else {}
    after = {"publish": _FOLLOW} if wait else {}
    return tuple(
        one for step in STEPS for one in (before.get(step.name), step, after.get(step.name)) if one is not None
    )


def delivered(run: Run, steps: Sequence[Step]) -> Sequence[Step]:
    """Return the steps for the planned delivery."""
    names = [step.name for step in steps]
    if run.find(Planned) is None or not run.proposes or "push" not in names:
        return steps
    return (*steps[: names.index("push")], PROPOSE)


def run_pipeline(run: Run, steps: Sequence[Step] = STEPS) -> None:
    """Run the steps for the planned delivery; the report is complete even if one fails.

    Raises:
        ShipError: A step failed; the later ones were not tried.
    """
    try:
        done = 0
        while done < len(left := delivered(run, steps)):
            _do(left[done], run)
            done += 1
        run.settle()
        run.report.passed = True
    except BaseException as error:
        run.report.findings += [finding.as_dict() for finding in told_by(error)]
        reached = {row.name for row in run.report.rows if row.within is None}
        run.report.rows += [Row(step.name, "not reached") for step in delivered(run, steps) if step.name not in reached]
        with suppress(OSError):  # the error that stopped the release matters more
            _end(run)
        raise
    _end(run)


def states(run: Run, steps: Sequence[Step] = STEPS) -> Iterator[tuple[Step, State]]:
    """Yield the state of each step of a planned release; nothing is done.

    A step whose state depends on an earlier unfinished one is unknown.
    """
    for step in delivered(run, steps):
        try:
            state = step.probe(run)
        except ShipError as error:
            state = State.unknown(error.findings[0].what)
        if state.status == "done":
            run.take(state.seen)
        yield step, state


def advance(step: Step, run: Run) -> Result:
    """Check what of a step is done, do the rest, and return the result."""
    state = step.probe(run)
    result = step.do(run, state) if step.always or state.status != "done" else state.seen
    run.take(result)
    result.enter(run.report, run.voice)
    return result


def told_by(error: BaseException) -> tuple[Finding, ...]:
    """Return the findings for an error that ended a run."""
    if isinstance(error, KeyboardInterrupt):
        return (INTERRUPTED("You interrupted the run."),)
    if isinstance(error, OSError):
        return explained(error).findings
    return error.findings if isinstance(error, ShipError) else ()


def _end(run: Run) -> None:
    run.background.shutdown()
    run.voice.end()
    run.report.seconds = run.report.after()
    run.report.write(run.workshop.report)


def _do(step: Step, run: Run) -> None:
    run.voice.step_started(step.name, step.what)
    begun = run.report.after()
    row = Row(step.name, "pending", begun=begun)
    run.report.rows.append(row)
    try:
        row.detail = str(advance(step, run))
        row.status = "done"
    except BaseException as error:
        row.status = ended_by(error)
        if isinstance(error, OSError):
            raise explained(error) from error
        raise
    finally:
        row.seconds = run.report.after() - begun
        run.voice.step_ended(row)


def ended_by(error: BaseException) -> str:
    """Return the status that the report gives something that did not complete."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    declined = isinstance(error, ShipError) and error.findings[0].id == DECLINED.id
    return "declined" if declined else "failed"
