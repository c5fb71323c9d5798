"""The steps that prove the release in the clean clone, before anything is written."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace

from nox_ship import naming, pythons
from nox_ship.errors import Findings, ShipError, shorten
from nox_ship.package.manifest import Manifest
from nox_ship.project import newest_python
from nox_ship.release import built
from nox_ship.release import gates as gating
from nox_ship.release.admission import refused_platforms
from nox_ship.release.comparison import Comparison
from nox_ship.release.converge import converge
from nox_ship.release.installing import install, works
from nox_ship.release.publication import Publication, silent
from nox_ship.release.results import Bumped, Differs, Gated, Tried, enter_sessions, session_row
from nox_ship.release.run import Run, State
from nox_ship.release.whole import built_elsewhere
from nox_ship.world.index import display_name


def gates_state(run: Run) -> State:
    """Check which sessions have passed on the release's commit, and whether the built files are unchanged."""
    bumped = run.find(Bumped)
    if bumped is None:
        return State.unknown("there is no release commit to run them on")
    record, names = run.stage.record, _sessions(run)
    if record.built and (findings := built.changed(run.stage, bumped.project)):
        return State.conflicting(ShipError(*findings))
    if missing := record.missing(names):
        return State.missing(f"{shorten(missing)} did not pass yet")
    if _lacks_materials(run):
        return State.missing("there is no bill of materials yet")
    passed = (result for name in names for result in gating.passed_before(run.stage, name))
    return State.done(Gated(tuple(passed)))


def run_gates(run: Run, state: State) -> Gated:
    """Run the sessions that did not pass yet; rehearse the upload as soon as there are files."""
    stage, project = run.stage, run.bumped.project
    if state.status == "conflicting":
        built.check(stage, project)
    if _lacks_materials(run):
        running = f"{sys.version_info[0]}.{sys.version_info[1]}"
        here = [python for python in project.pythons(running) if pythons.interpreter(python)]
        gating.ask_for_materials(stage, newest_python(here or [running]))

    def ended(result: gating.SessionResult) -> None:
        run.voice.session_ended(session_row(result, run.report))
        build = naming.registered(gating.PROOF_SESSIONS[0])
        if (result.name, result.status) == (build, "passed"):  # two cores have time for both
            with suppress(ShipError):  # reported by the upload rehearsal
                run.comparison = _begin_comparison(run, built.hold(stage, project))
            run.trial = run.background.submit(_try_upload, run)

    try:
        results = gating.run_sessions(
            stage,
            _sessions(run),
            keep=run.plan.project.settings.pass_env,
            started=run.voice.session_started,
            finished=ended,
            echo=run.voice.echo,
            ahead=run.runner,
            unless=run.asked,
        )
    except gating.GatesFailedError as error:
        enter_sessions(error.results, run.report)
        with suppress(ShipError):  # the failure of a gate matters more
            built.check_tested(stage, gating.manifests(error.results))
        raise
    try:
        built.check_tested(stage, gating.manifests(results))
    except ShipError:
        enter_sessions(results, run.report)
        raise
    return Gated(results)


def _lacks_materials(run: Run) -> bool:
    """Whether `verify-install` must still make the bill of materials that the release is announced with.

    The files of a public release were tested earlier: what is installed with them today may differ.
    """
    record = run.stage.record
    return run.announces and record.described is None and (run.plan.bump or not record.passed)


def _sessions(run: Run) -> list[str]:
    """Return the names of the sessions to run; coverage waits for the tests."""
    first = run.sessions.decision.tests
    proof = [naming.registered(name) for name in gating.PROOF_SESSIONS]
    return [*proof, *sorted(run.plan.gates, key=lambda gate: gate not in first)]


def upload_state(run: Run) -> State:
    """Check whether these files were uploaded to an index on this machine, and installed from there."""
    if run.find(Gated) is None:
        return State.unknown("there are no built and tested files yet")
    if findings := built.changed(run.stage, run.bumped.project):  # gates may have run since the build
        return State.conflicting(ShipError(*findings))
    record = run.stage.record
    if record.built == record.tried:
        return State.done(Tried(_publication(run)))
    return State.missing("the files were not uploaded to an index on this machine yet")


def rehearse_upload(run: Run, state: State) -> Tried:
    """Upload the files to an index on this machine, and install them from there.

    They are installed on one Python: `verify-install` has tested the same bytes on all others.
    """
    run.settle()
    stage, record = run.stage, run.stage.record
    if state.status == "conflicting":
        built.check(stage, run.bumped.project)
    if state.status == "done":  # a rehearsal's index must contain what it had
        tried: Tried = state.seen
        run.world.recall(tried.publication.folder / file.name for file in tried.publication.manifest.files)
    else:
        tried = run.trial.result() if run.trial else _try_upload(run)
        record.tried = record.built
        installed = {(sha256, python) for _, sha256, python in tried.publication.proven}
        record.works = tuple(sorted(installed | works(tried.publication, gating.verified(run.of(Gated).sessions))))
        stage.save()
    place = run.world.rehearsal_index.simple_url
    tried.publication.proven.update((place, sha256, python) for sha256, python in record.works)
    return replace(tried, elsewhere=built_elsewhere(tried.publication))


def _try_upload(run: Run) -> Tried:
    publication, record = _publication(run), run.stage.record
    if record.built == record.tried:
        return Tried(publication)
    trial = replace(publication, index=run.world.rehearsal_index, note=silent)
    converge(trial)
    place = run.workshop.environments / "upload.rehearsed"  # no session's environment has a dot
    return Tried(publication, tuple(dict.fromkeys(install(trial, only=place).values())))


def _publication(run: Run) -> Publication:
    """Return the built files as a publication to the index of the release.

    Raises:
        ShipError: They are not of the release (NS604), or the index does not accept them (NS549).
    """
    plan, bumped = run.plan, run.bumped
    manifest = built.hold(run.stage, bumped.project)
    manifest.check_origin(bumped.objects.commit, plan.version)
    if not plan.workflow:  # a workflow may build other wheels
        Findings(refused_platforms(manifest, plan.index)).raise_errors()
    index = run.world.index(plan.index, plan.project.canonical_name)
    return Publication.of(manifest, bumped.project, index, run.voice.note)


def difference_state(_: Run) -> State:
    """Return that every run compares again, since there may be a newer release."""
    return State.unknown("every run compares again")


def compare(run: Run, _: State) -> Differs:
    """Compare the built files with the last release."""
    comparison = run.comparison or _begin_comparison(run, run.of(Tried).publication.manifest)
    compared = comparison.result(run.workshop.environments)
    compared.enter(run.report, run.notify)
    return Differs(compared)


def _begin_comparison(run: Run, manifest: Manifest) -> Comparison:
    plan = run.plan
    index = run.world.index(plan.index, plan.project.canonical_name)
    shelf, anew = run.workshop.predecessor, run.request.fresh
    return Comparison(manifest, run.bumped.project, index, display_name(plan.index), shelf, anew=anew)
