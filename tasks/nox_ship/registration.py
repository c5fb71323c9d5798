"""Registering our sessions with nox, next to the noxfile's own."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox
import nox.registry

from nox_ship import naming, undumpable
from nox_ship.cli import asks_for_help
from nox_ship.errors import ShipError
from nox_ship.project import Project

if TYPE_CHECKING:
    from nox.sessions import SessionRunner

    from nox_ship.gates.noxfile import Sessions
    from nox_ship.gates.own import Decision

_in_release = False
"""Whether this process runs the sessions of a release, in its clean clone."""
_ours: frozenset[str] = frozenset()
"""The names of all our sessions."""
_registered: dict[str, Any] = {}
"""Our sessions in nox's registry, by name."""
_decided: Decision | None = None
"""The decision about gates when ours were registered; None if the noxfile had no others."""


@dataclass(frozen=True)
class Spec:
    """How a session is registered."""

    function: Callable[[nox.Session], None]
    per_python: bool = False
    further: bool = False
    """Whether it is a gate only if a setting turns it on."""
    oldest: bool = False
    """Whether it runs on the oldest of the project's Pythons that is installed."""
    environment: bool = True
    requires: tuple[str, ...] = ()
    gate: bool = False


def register(specs: Mapping[str, Spec], *, exclude: Iterable[str] = ()) -> None:
    """Register the sessions ``specs``, by name; see :func:`nox_ship.register`."""
    undumpable.close_memory()  # nox holds the credentials, and code of the project will run below it
    left_out = set(exclude)
    if unknown := left_out - set(specs):
        msg = f"exclude names {', '.join(sorted(unknown))}; nox-ship has {', '.join(specs)}"
        raise ValueError(msg)
    global _decided, _ours  # noqa: PLW0603 - nox calls a session with nothing but itself
    _ours = frozenset(specs)
    project = _project()
    theirs = nox.registry.get()
    _decided = decided = _beside(theirs, project, set(specs) - left_out)
    naming.settle(decided.names if decided else {})
    # Arguments also go to required sessions, and pytest cannot parse those of `coverage report`.
    alone = "--" in sys.argv
    helping = asks_for_help(sys.argv)  # a required session would show its own help, and end nox
    pythons = list(_pythons(project))
    further = _further(project, theirs)
    chosen = project.chosen_gates if project else None
    shared = _in_release and project is not None and _fixed_port(project)
    for usual, standard in specs.items():
        name = naming.registered(usual)
        if usual in left_out or name in theirs or (decided and decided.replaces(usual)):
            continue
        spec = _fitted(usual, standard, decided) if decided else standard
        lone = helping or (alone and usual == "coverage")
        requires = [r for r in spec.requires if r not in left_out and not lone]
        python: list[str] | str | bool | None = None if spec.environment else False
        if spec.oldest:
            python = _oldest(pythons, name)
        gate = (spec.gate and (chosen is None or usual in chosen)) or (spec.further and usual in further)
        declare = nox.session(
            name=name,
            python=pythons if spec.per_python else python,
            venv_backend="uv" if spec.environment else "none",
            download_python="never",
            requires=[naming.registered(r) for r in requires],
            allow_parallel=usual != "tests" or not shared,
            default=gate,
            tags=["gate"] if gate else [],
        )
        _registered[name] = declare(spec.function)


def _beside(theirs: Mapping[str, Any], project: Project | None, names: set[str]) -> Decision | None:
    """Decide about our sessions ``names`` next to the noxfile's own; None if it has none."""
    if all(one is _registered.get(name) for name, one in theirs.items()):
        return None
    from nox_ship.gates import loaded

    decided = loaded.decided(theirs, _registered, nox.options, project, names)
    loaded.mark(theirs, decided)
    if _in_release:
        loaded.put_in_order(theirs, decided)
        nox.Session.notify = _not_notified  # type: ignore[method-assign,assignment]
    return decided


def _fitted(usual: str, spec: Spec, decided: Decision) -> Spec:
    """Return how to register a session of ours next to the noxfile's own."""
    from nox_ship.gates import loaded

    spec = dataclasses.replace(spec, function=loaded.described(spec.function))
    if usual != "coverage":
        return spec
    tests = () if decided.unmeasured else tuple(loaded.required(nox.registry.get(), decided.tests))
    return dataclasses.replace(spec, requires=tests, gate=not decided.unmeasured)


def _further(project: Project | None, theirs: Mapping[str, Any]) -> set[str]:
    """Return our sessions that the settings turn into gates."""
    if project is None:
        return set()
    return {*project.further_gates, *(name for name in project.settings.gates if name not in theirs)}


def _oldest(pythons: Sequence[str], name: str) -> str:
    """Return the oldest of the project's Pythons; if the session is called by name, the oldest installed one.

    Searching for a missing one takes seconds, which is too long for listing the sessions.
    """
    if name not in sys.argv:
        return pythons[0]
    from nox_ship.pythons import interpreter

    return next((python for python in pythons if interpreter(python)), pythons[0])


def _fixed_port(project: Project) -> bool:
    """Whether the tests listen on a fixed port, which the tests on another Python would also need."""
    from nox_ship.gates.ports import fixed_port

    try:
        return fixed_port(project) is not None
    except ShipError:  # the session that needs it reports it
        return False


def _project() -> Project | None:
    """Return the project; errors in it are reported by the session that runs."""
    try:
        return Project.read(Path.cwd())
    except ShipError:
        return None


def join_release() -> None:
    """Make the sessions registered from now on those of a release, in its clean clone."""
    global _in_release  # noqa: PLW0603 - a noxfile calls `register` with nothing of it
    _in_release = True


def in_release() -> bool:
    """Whether this process runs the sessions of a release, in its clean clone."""
    return _in_release


def interpreter(session: SessionRunner) -> str | None:
    """Return the path of the Python that nox uses for the environment of our gate; None for other sessions."""
    func = session.func
    if nox.registry.get().get(session.name) is not _registered.get(session.name) or "gate" not in func.tags:
        return None
    if not isinstance(func.python, str):
        return sys.executable
    from nox_ship import pythons

    return pythons.interpreter(func.python)


def unmeasured() -> Decision | None:
    """Return the decision if the tests are the project's own and measure nothing; None otherwise."""
    return _decided if _decided and _decided.unmeasured else None


def decision(project: Project | None) -> Decision:
    """Return which sessions of the noxfile are gates."""
    from nox_ship.gates.own import decide

    if _decided:
        return _decided
    return decide((), chosen=project.chosen_gates, further=project.further_gates) if project else decide(())


def loaded_sessions() -> Sessions:
    """Return the sessions of the noxfile, once it is completely loaded."""
    from nox_ship.gates import loaded

    registry, project = nox.registry.get(), _project()
    now = loaded.decided(registry, _registered, nox.options, project, _ours)
    return loaded.sessions(registry, _registered, decision(project), now)


def _not_notified(session: nox.Session, target: object, *_: object, **__: object) -> None:
    """Disable `session.notify`: a release runs each session in its own nox, which does not allow it."""
    session.log(f"{target} is not run after this session: a release runs each gate by itself")


def _pythons(project: Project | None) -> Sequence[str]:
    """Return the project's Pythons; errors in its settings are reported by the session that runs.

    In CI, nox fails if one is missing. In a release, those that the project does not name are left out instead, and
    preflight says so.
    """
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        pythons = project.pythons(running) if project else (running,)
    except ShipError:
        return (running,)
    if project is None or project.named_pythons or not (_in_release and os.environ.get("CI")):
        return pythons
    from nox_ship.pythons import interpreter

    return [python for python in pythons if interpreter(python)] or pythons
