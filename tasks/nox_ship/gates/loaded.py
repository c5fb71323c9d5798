"""The sessions of a noxfile that nox has loaded, as plain data."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nox_ship import documents, naming
from nox_ship.errors import ShipError
from nox_ship.gates.own import FURTHER, Decision, Own, by_default, decide, meant, undecided
from nox_ship.gates.words import of_function
from nox_ship.project import Project

if TYPE_CHECKING:
    from nox_ship.gates.matrix import Pythons
    from nox_ship.gates.noxfile import Sessions


Function = Any
"""nox's data about a session."""
Registry = Mapping[str, Function]


def own_sessions(registry: Registry, ours: Registry, options: Any) -> tuple[Own, ...]:
    """Return the noxfile's own sessions."""
    return tuple(
        Own(
            name,
            default=by_default(name, default=one.default, tags=one.tags, chosen=options.sessions, tagged=options.tags),
            words=of_function(one.func) if meant(name) else frozenset(),
        )
        for name, one in registry.items()
        if one is not ours.get(name)
    )


def decided(
    registry: Registry, ours: Registry, options: Any, project: Project | None, names: Collection[str]
) -> Decision:
    """Decide which sessions are gates, as `nox_ship.gates.own` describes.

    Args:
        registry: The sessions that nox has registered.
        ours: Those of them that are ours.
        options: The noxfile's options.
        project: The project; None if it cannot be read, which the session that runs reports.
        names: The names of our sessions to register.
    """
    own = own_sessions(registry, ours, options)
    if project is None:
        return decide(own, ours=names)
    if not own:
        return decide((), chosen=project.chosen_gates, further=project.further_gates, ours=names)
    from nox_ship.gates import evidence

    settings = project.settings
    tests = [registry[one.name] for one in own if meant(one.name) == "tests"]
    with suppress(ShipError):  # a file cannot be read, which the session that runs reports
        return decide(
            own,
            evidence.called(project.root) if undecided(own) else None,
            chosen=project.chosen_gates,
            measured=bool(settings.coverage.run) or (bool(tests) and evidence.measures(project, _texts(tests))),
            wanted=settings.coverage.fail_under is not None,
            further=project.further_gates,
            ours=names,
        )
    return decide(own, chosen=project.chosen_gates, further=project.further_gates, ours=names)


def _texts(functions: list[Function]) -> str:
    """Return the text of the files that define functions."""
    files = {one.func.__code__.co_filename for one in functions if hasattr(one.func, "__code__")}
    return "\n".join(documents.read_text(Path(file)) for file in sorted(files))


def sessions(registry: Registry, ours: Registry, before: Decision, now: Decision) -> Sessions:
    """Return the sessions of the noxfile, once all of it was loaded.

    Args:
        registry: The sessions that nox has registered.
        ours: Those of them that are ours.
        before: The decision when ours were registered.
        now: The decision that would be made now.
    """
    from nox_ship.gates.noxfile import Sessions

    late = {name for name, one in ours.items() if registry.get(name) not in (one, None)}
    late -= set(FURTHER) - set(before.gates)  # ours are not used
    late |= set(_standing(now)) - set(_standing(before))
    names = frozenset(name for session in registry for name in (session, *signatures(session, registry[session])))
    return Sessions(names, before, tuple(name for name in registry if name in late))


def _standing(decision: Decision) -> Iterator[str]:
    for names in decision.standing.values():
        yield from names


def signatures(name: str, one: Function) -> dict[str, str | None]:
    """Return nox's names of each run of a session, with its Python: by Python, by parameters, or both."""
    if isinstance(one.python, list | tuple | set):
        pythons: list[str | None] = [str(python) for python in one.python]
    else:
        pythons = [one.python if isinstance(one.python, str) else None]
    found = {}
    for python in pythons:
        base = f"{name}-{python}" if python else name
        found[base] = python
        for parameters in getattr(one, "parametrize", ()):
            found[f"{base}({parameters})"] = python or _python_of(one, parameters)
    return found


def _python_of(one: Function, parameters: Any) -> str | None:
    """Return the Python that parameters select: one called `python`, if the function does not use it itself."""
    code = one.func.__code__
    if one.python is not None or "python" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        return None
    python = parameters.call_spec.get("python")
    return python if isinstance(python, str) else None


def pythons(registry: Registry) -> dict[str, Pythons]:
    """Return the jobs of each session: its Pythons, or each run with the Python that its parameters select."""
    found: dict[str, Pythons] = {}
    for name, one in registry.items():
        runs = {run: python for run, python in signatures(name, one).items() if python and "(" in run}
        found[name] = runs if runs and one.python is None else one.python
    return found


def mark(registry: Registry, decision: Decision) -> None:
    """Tag the project's sessions that are gates, so that `nox -t gate` runs them too."""
    for name in decision.gates:
        if name in registry and "gate" not in registry[name].tags:
            registry[name].tags.append("gate")


def put_in_order(registry: Registry, decision: Decision) -> None:
    """Make a session ``coverage`` of the project's run after its tests: in parallel, nothing would be measured yet."""
    tests = [name for name in decision.tests if name in registry]
    for name in decision.standing.get("coverage", ()):
        before = _requires(registry[name])
        if before is not None and not any(name in (_requires(registry[test]) or ()) for test in tests):
            registry[name].requires = [*before, *required(registry, [test for test in tests if test not in before])]


def _requires(one: Function) -> list[str] | None:
    """Return the requirements of a session; None if they depend on its Python."""
    try:
        return list(one.requires)
    except (TypeError, ValueError):
        return None


def required(registry: Registry, names: Iterable[str]) -> list[str]:
    """Return requirements on all runs of other sessions: nox has no name for all parameters of one."""
    found: list[str] = []
    for name in names:
        one = registry.get(name)
        runs = [f"{name}({parameters})" for parameters in getattr(one, "parametrize", ())]
        if one is None or not runs or isinstance(one.python, list | tuple | set):
            found.append(name)
        else:
            found += [run for run in runs if not {"{", "}"} & set(run)]  # nox would read those as a placeholder
    return found


def described(function: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a session's function with a description that uses the registered names of our sessions."""
    said = naming.spoken(function.__doc__ or "")
    if said == function.__doc__:
        return function

    @functools.wraps(function)
    def renamed(session: Any) -> None:
        function(session)

    renamed.__doc__ = said
    return renamed
