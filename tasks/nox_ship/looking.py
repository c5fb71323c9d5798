"""Front ends of doctor and status: both inspect everything, and change nothing."""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from nox_ship import naming, process
from nox_ship.ahead import settings_of
from nox_ship.cli import doctor_arguments, status_arguments
from nox_ship.errors import Findings, ShownError
from nox_ship.files import write_whole
from nox_ship.gates.noxfile import Sessions
from nox_ship.git import Repository
from nox_ship.history_page import page
from nox_ship.project import Project
from nox_ship.release import delivered
from nox_ship.release.following import following
from nox_ship.release.history import Going, Typical, recall
from nox_ship.release.marks import SCHEMA, History, figures
from nox_ship.release.stage import workshop, workshop_of
from nox_ship.release.status import Progress, Serving, Standing, look
from nox_ship.setup.doctor import examine
from nox_ship.terminal import Voice
from nox_ship.world.onlooker import Onlooker
from nox_ship.world.real import RealWorld

_COLOURS = {"done": "green", "missing": "yellow", "conflicting": "red", "unknown": "white"}


def doctor(root: Path, args: Sequence[str], sessions: Sessions) -> None:
    """Show what is set up right and wrong.

    Args:
        root: The project's folder.
        args: What followed ``nox -s doctor --``.
        sessions: The sessions in the noxfile.

    Raises:
        ShipError: The arguments are wrong (NS108).
        ShownError: Something would stop a release.
    """
    options, voice = doctor_arguments(args), Voice()
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    lines = []
    with (
        process.without(settings_of(root).token_variables) as variables,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
    ):
        for line in examine(root, sessions, running, Path(folder), variables):
            lines.append(line)
            if not options.json:
                voice.examined(line.status, line.check, str(line.finding or line.text))
                if line.finding and line.finding.detail:
                    voice.text(line.finding.detail.rstrip())
    if options.json:
        print(naming.spoken(json.dumps([line.as_dict() for line in lines], indent=2)))
    if stopping := [line.finding for line in lines if line.finding and line.finding.level == "error"]:
        raise ShownError(*stopping)


def status(root: Path, args: Sequence[str], sessions: Sessions) -> None:
    """Show what is released, what is not, and the next command to type.

    Args:
        root: The project's folder.
        args: What followed ``nox -s status --``.
        sessions: The sessions in the noxfile.

    Raises:
        ShipError: The arguments are wrong (NS108).
    """
    options = status_arguments(args)
    if options.history:
        _tell_history(root, as_json=options.json)
        return
    settings = settings_of(root)
    with (
        process.without(settings.token_variables) as variables,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
    ):
        world = Onlooker(RealWorld(root, Path(folder), settings, quietly=True, variables=variables))
        standing = look(root, sessions, world, workshop_of(root))
    if options.json:
        command, why = following(standing)
        told = {**standing.as_dict(), "next": {"command": command, "why": why}}
        print(naming.spoken(json.dumps(told, indent=2)))
    else:
        _show(standing, Voice())


def _tell_history(root: Path, *, as_json: bool) -> None:
    """Show how recent releases went, from the runs on the forge and those recorded on this machine."""
    shop, voice = workshop_of(root), Voice()
    history = _history(root)
    if as_json:
        print(naming.spoken(json.dumps({"schema": SCHEMA, **asdict(history)}, indent=2)))
        return
    _show_history(history, voice)
    if history.machine.runs or history.forge:
        if not shop.folder.is_dir():
            with workshop(root):
                pass  # opening it creates the folder
        name = next((run.project for run in history.machine.runs if run.project), root.name)
        write_whole(shop.history_page, page(history, name))
        voice.note(f"page: {shop.history_page}")


def _history(root: Path) -> History:
    """Find out from the forge and this machine how recent releases went."""
    settings, findings = settings_of(root), Findings()
    machine = Going.of(recall(workshop_of(root).history))
    with (
        process.without(settings.token_variables) as variables,
        tempfile.TemporaryDirectory(prefix="nox-ship-") as folder,
    ):
        world = Onlooker(RealWorld(root, Path(folder), settings, quietly=True, variables=variables))
        told = findings.catch(
            lambda: delivered.look(Project.read(root), Repository.at(root, settings.pass_env), world, findings)
        )
    forge, why = (None, told or "") if told is None or isinstance(told, str) else (told, "")
    silent = tuple(finding.as_dict() for finding in dict.fromkeys(findings))
    return History(figures(forge, machine), forge, why, machine, silent)


def _show_history(history: History, voice: Voice) -> None:
    forge, machine = history.forge, history.machine
    if forge:
        voice.fact(
            "GitHub", f"{forge.where}, {forge.workflow}: {_times(len(forge.releases), 'release')} in its last runs"
        )
    elif history.not_asked:
        voice.fact("GitHub", f"not asked: {history.not_asked}")
    _show_figures(history, "forge", voice)
    for one in forge.jobs if forge else ():
        voice.fact("  slow job", _typically(one))
    for failure in forge.failures if forge else ():
        voice.fact("  failed job", f"{failure.name}, in {_times(failure.runs, 'run')}", "yellow")
    if machine.runs:
        rehearsals = sum(run.rehearsal for run in machine.runs)
        voice.fact("this machine", f"{_times(len(machine.runs), 'run')}, of which {rehearsals} were rehearsals")
    else:
        voice.fact("this machine", "there is no record of releases or rehearsals of this checkout")
    _show_figures(history, "machine", voice)
    for kind, times in (("  step", machine.steps), ("  slow session", machine.sessions)):
        for one in times:
            voice.fact(kind, _typically(one))
    for finding in machine.findings:
        voice.fact("  stopped by", f"{finding.name}, in {_times(finding.runs, 'run')}", "yellow")
    for untold in history.not_told:
        voice.fact("unknown", f"{untold['id']} {untold['name']}: {untold['what']}", "yellow")


def _show_figures(history: History, where: str, voice: Voice) -> None:
    for figure in history.figures:
        if figure.where == where:
            colour = "cyan" if figure.met is None else "green" if figure.met else "red"
            voice.fact(f"  {figure.name}", figure.told, colour)


def _typically(one: Typical) -> str:
    return f"{one.name:24} {one.seconds:7.1f} s, at most {one.longest:.1f} s, in {_times(one.runs, 'run')}"


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _show(standing: Standing, voice: Voice) -> None:
    if standing.project:
        voice.fact("project", f"{standing.project} {standing.version}".rstrip())
    if standing.head:
        voice.fact("last release", _last_release(standing))
        changes = f", {standing.changes} uncommitted" if standing.changes else ""
        voice.fact("branch", f"{standing.branch or f'none, at {standing.head[:10]}'}{changes}")
    for serving in standing.indexes:
        voice.fact(serving.index, _serving(serving))
    if progress := standing.progress:
        voice.fact("release", f"{progress.plan.tag} {_progress(progress)}")
        for name, state in progress.steps.items() if progress.open else ():
            voice.fact(f"  {state.status}", f"{name}: {state.seen}", _COLOURS[state.status])
    if standing.delivery:
        voice.fact("delivery", f"by a {standing.delivery.way}: {standing.delivery.why}")
    for one in standing.waiting:
        outdated = f"; {standing.release_branch} has newer commits" if one.outdated else ""
        voice.fact("proposed", f"{one.tag}, {one.url}{outdated}")
    if standing.merged:
        voice.fact("merged", f"{standing.merged.tag}, as {standing.merged.commit[:10]}, but not tagged yet")
    for finding in standing.untold:
        voice.finding(finding)
    command, why = following(standing)
    voice.last_line(f"Next: {command} ({why})" if command else f"Next: nothing; {why}")


def _last_release(standing: Standing) -> str:
    if not standing.tag:
        return "none"
    if standing.since is None:
        return f"{standing.tag}, whose commit is not here"
    if standing.since == 0:
        return f"{standing.tag}, the last commit"
    return f"{standing.tag}, {standing.since} {'commit' if standing.since == 1 else 'commits'} ago"


def _progress(progress: Progress) -> str:
    if progress.has("done", "propose"):
        return "is proposed"
    if not progress.open:
        return "is complete, as far as is known"
    if "propose" in progress.steps and not progress.has("done", "propose"):
        return "is made here, but not proposed"
    return "is made here, but not pushed" if progress.has("missing", "push") else "is incomplete"


def _serving(serving: Serving) -> str:
    if serving.silent:
        return textwrap.shorten(f"no answer: {serving.silent}", 200, placeholder=" ...")
    return f"{serving.newest} is the newest of {serving.releases}" if serving.newest else "has no release"
