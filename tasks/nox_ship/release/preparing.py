"""The steps that make a release's commit and tag: no test code of the project has run before them."""

from __future__ import annotations

from nox_ship.project import Project
from nox_ship.release.bump import Objects, bump, made
from nox_ship.release.notes import release_notes
from nox_ship.release.preflight import preflight
from nox_ship.release.results import Bumped, Planned, Staged
from nox_ship.release.run import Run, State
from nox_ship.release.stage import find_stage, last_built, last_release, open_stage, sealed
from nox_ship.world.web import begun


def preflight_state(_: Run) -> State:
    """Return that every run checks everything again."""
    return State.unknown("every run checks again")


def check(run: Run, _: State) -> Planned:
    """Check everything that can be checked, and plan the release."""
    shop = run.workshop
    earlier = last_release(shop)
    built = last_built(shop, run.root) if earlier else None
    plan = preflight(run.root, run.request, run.sessions, run.world, run.notify, earlier, built)
    run.asked = begun(plan.ask_for_name)
    return Planned(plan, run.request.without)


def stage_state(run: Run) -> State:
    """Check whether an earlier run left a usable clone."""
    if found := find_stage(run.workshop, run.plan, fresh=run.request.fresh):
        return State.done(Staged(found, run.plan.head))
    return State.missing(f"there is no usable clone of {run.plan.head[:10]}")


def stage(run: Run, state: State) -> Staged:
    """Open the clone, or make one."""
    found = state.seen.stage if state.status == "done" else None
    anew = run.request.fresh or run.request.in_ci
    return Staged(open_stage(run.workshop, run.plan, found, fresh=anew), run.plan.head)


def bump_state(run: Run) -> State:
    """Check whether commit and tag are in the clone."""
    if run.find(Staged) is None:
        return State.unknown("there is no clone to look at")
    objects = made(run.stage)
    if objects is None:
        return State.missing(f"{run.plan.tag} does not exist yet")
    return State.done(_bumped(run, objects, anew=False))


def make(run: Run, _: State) -> Bumped:
    """Make commit and tag in the clone."""
    bumped = _bumped(run, bump(run.plan, run.stage), anew=True)
    run.stage.record.seal = bumped.seal.digest
    run.stage.save()
    return bumped


def _bumped(run: Run, objects: Objects, *, anew: bool) -> Bumped:
    plan, project = run.plan, Project.read(run.stage.root)
    notes = release_notes(project, run.stage.repository, plan.version)
    return Bumped(plan, objects, project, sealed(run.workshop, plan, objects.commit), notes, anew=anew)
