"""The sessions of a project's own noxfile: which of them are gates, and replace ours.

The rule, in this order:

1. The setting ``gates`` names the gates, whatever the noxfile contains.
2. A session named like one of our gates is that gate. (A ``coverage`` that nobody runs is not: see 3.)
3. A session whose name usually means the same (`USUAL`) replaces the gate if it is suitable: the project itself runs
   it, with plain ``nox`` or in its CI; it ends by itself (as CI's sessions do); and it sends nothing anywhere. Several
   may do so. If there is none, the gate is ours.
4. ``docs`` is a gate if a session with one of its usual names is suitable.
5. Our gate ``coverage`` needs the tests' measurements. If the tests are the project's own and measure nothing for it,
   it is a gate only if the settings ask for it.

6. `FURTHER` are gates if a setting with their name turns them on, whatever else the noxfile holds.

`FURTHER` and the sessions that the pipeline calls are never replaced: the project's keeps the name, ours gets another.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from nox_ship.config import Settings
from nox_ship.naming import free_name

GATES = Settings.gates
"""Our gates, by name."""
_ALWAYS = tuple(gate for gate in GATES if gate != "coverage")
FURTHER = ("lowest", "api")
"""Our gates that are off until a setting turns them on."""
PIPELINE = (
    *("build", "wheels", "collect", "verify-install", "verify-published", "matrix"),
    *("publish-test", "publish-prod", "publish", "announce", "release", "doctor", "status"),
)
"""Our sessions that are not gates."""
MEASURED = ".nox-ship/coverage"
"""The folder in which the coverage gate looks for measurements, as written in a noxfile or coverage's settings."""

USUAL: Mapping[str, frozenset[str]] = {
    gate: frozenset(names.split())
    for gate, names in {
        "lint": "lint linting linter linters lint-check check-lint lint-code style style-check check-style code-style"
        " codestyle quality code-quality format-check check-format formatting-check fmt-check check-fmt pre-commit"
        " precommit prek flake8 pyflakes pycodestyle pylint ruff ruff-check",
        "typecheck": "typecheck typechecks typechecking type-check type-checks type-checking check-types check-typing"
        " typing types type static-typing static-types mypy pyright basedpyright pyre pyrefly pytype ty zuban",
        "tests": "tests test testing pytest unit unit-test unit-tests unittest unittests test-unit tests-unit run-test"
        " run-tests test-suite testsuite",
        "coverage": "coverage",
        "audit": "audit",
        "docs": "docs doc documentation docs-build doc-build build-docs build-doc docs-html docs-check check-docs"
        " docs-test docs-tests test-docs doctest doctests docs-doctest xdoctest test-docstrings sphinx mkdocs",
    }.items()
}
"""The usual names of sessions with the same meaning, by gate; `-`, `_` and `:` are equivalent."""

# Words in a session's code that show that it waits for a person, or sends something somewhere.
_ENDLESS = {"sphinx-autobuild", "serve", "--serve", "http.server", "livereload", "--watch", "watch", "runserver"}
_SENDING = {"upload", "publish", "push", "deploy", "gh-deploy", "ghp-import", "rsync", "scp", "codecov", "coveralls"}
_MEASURING = {"pytest", "run", "unittest"}


class Own(NamedTuple):  # affects the time of each `nox -l`: defining a dataclass takes ten times as long
    """A session of the project's own."""

    name: str
    default: bool = False
    """Whether plain ``nox`` runs it."""
    words: frozenset[str] = frozenset()
    """The words in its code; see `nox_ship.gates.words`."""


class Calls(NamedTuple):
    """The sessions that a project's CI runs, as written there."""

    bare: frozenset[str] = frozenset()
    """Those called without arguments."""
    others: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Decision:
    """The decision about our sessions in a noxfile with sessions of its own."""

    gates: tuple[str, ...]
    """The sessions that must pass before a release, by their names in the noxfile."""
    standing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The project's sessions that replace a gate, by the gate's name."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The names of ours, by the usual name, if the project has a session with that."""
    chosen: bool = False
    """Whether the setting ``gates`` names them."""
    unfit: tuple[Own, ...] = ()
    """Sessions that would replace a gate but are not suitable."""
    unmeasured: bool = False
    """Whether the tests are the project's own and measure nothing for our coverage gate."""
    apart: tuple[str, ...] = ("coverage",)
    """Gates that combine other sessions' measurements, and so cannot be jobs next to those."""

    @property
    def tests(self) -> tuple[str, ...]:
        """The sessions whose measurements the coverage gate combines."""
        return (*self.standing.get("tests", ()), *(() if self.replaces("tests") else ("tests",)))

    def replaces(self, gate: str) -> bool:
        """Whether a session of the project replaces one of our gates."""
        theirs = self.standing.get(gate, ())
        return bool(theirs) and not (self.chosen and gate in self.gates and gate not in theirs)


def meant(name: str) -> str | None:
    """Return the gate that a session's name usually means; None if it means none."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())
    return next((gate for gate, usual in USUAL.items() if plain in usual), None)


def undecided(own: Iterable[Own]) -> bool:
    """Whether the decision about one of a project's sessions depends on its CI."""
    return any(one.name not in _ALWAYS and meant(one.name) and not _runs(one) for one in own)


def by_default(
    name: str, *, default: bool, tags: Collection[str], chosen: Iterable[str] | None, tagged: Iterable[str] | None
) -> bool:
    """Whether plain nox runs a session.

    Args:
        name: The session's name.
        default: The option of its decorator.
        tags: Its tags.
        chosen: ``nox.options.sessions``; None if not set.
        tagged: ``nox.options.tags``; None if not set.
    """
    if chosen is not None:
        return any(is_of(name, one) for one in ([chosen] if isinstance(chosen, str) else chosen))
    if tagged is not None:
        return bool(set(tagged) & set(tags))
    return default


def is_of(name: str, signature: str) -> bool:
    """Whether ``signature`` is the session ``name``, or one with a Python or parameters: ``tests-3.12(x=1)``."""
    pattern = rf"{re.escape(name)}(-(\d|py|cpython|graalpy|\$)[\w.$-]*)?(\(.*\))?"
    return re.fullmatch(pattern, signature, re.DOTALL) is not None


def decide(
    own: Sequence[Own],
    calls: Calls | None = None,
    *,
    chosen: tuple[str, ...] | None = None,
    measured: bool = False,
    wanted: bool = False,
    further: Sequence[str] = (),
    ours: Collection[str] = (*GATES, *FURTHER, *PIPELINE),
) -> Decision:
    """Decide which sessions are gates and what ours are called.

    Args:
        own: The project's sessions, in the noxfile's order.
        calls: The sessions that the project's CI runs; only asked if `undecided` says so.
        chosen: The setting ``gates``; None if not set.
        measured: Whether the project's own tests measure into the folder that our coverage gate reads, or commands of
            its own combine the measurements.
        wanted: Whether the settings ask for coverage, as ``coverage.fail-under`` does.
        further: Those of `FURTHER` that are turned on.
        ours: The sessions to register.
    """
    names = {one.name for one in own}
    standing: dict[str, list[str]] = {}
    unfit = []
    for one in own:
        gate = meant(one.name)
        if gate is None:
            continue
        if _fits(one, gate, calls or Calls()) if chosen is None else one.name in {*chosen, gate}:
            standing.setdefault(gate, []).append(one.name)
        elif chosen is None:
            unfit.append(one)
    usual = {gate: (gate,) for gate in GATES if gate not in names}
    frozen = {gate: tuple(found) for gate, found in standing.items()}
    renamed = {name: free_name(name, names) for name in (*FURTHER, *PIPELINE) if name in names and name in ours}
    gates = tuple(name for found in _in_order({**usual, **frozen}) for name in found) if chosen is None else chosen
    more = (renamed.get(name, name) for name in further if name in ours or name not in names)
    made = Decision(
        gates=tuple(dict.fromkeys((*gates, *more))),
        standing=frozen,
        names=renamed,
        chosen=chosen is not None,
        unfit=tuple(unfit),
        apart=tuple(gate for gate in ("coverage",) if all(_combines(one) for one in own if one.name == gate)),
    )
    if measured or "coverage" in names or "coverage" not in ours or not made.replaces("tests"):
        return made
    if chosen is None and not wanted:
        return replace(made, gates=tuple(gate for gate in made.gates if gate != "coverage"), unmeasured=True)
    return replace(made, unmeasured="coverage" in made.gates)


def _in_order(found: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [found[gate] for gate in USUAL if gate in found]


def _runs(one: Own) -> bool:
    """Whether nox runs a session by default, and the session ends by itself."""
    return one.default and not one.words & _ENDLESS


def _fits(one: Own, gate: str, calls: Calls) -> bool:
    if one.name in _ALWAYS:
        return True
    called = calls.bare if gate == "docs" else calls.bare | calls.others  # with arguments, docs may be anything
    return not one.words & _SENDING and (_runs(one) or any(is_of(one.name, signature) for signature in called))


def why_unfit(one: Own) -> str:
    """Return why a session with a gate's usual name is not suitable, in words."""
    if one.words & _SENDING:
        return f"it seems to publish or send something ({min(one.words & _SENDING)})"
    if one.default:
        return f"it does not end by itself ({min(one.words & _ENDLESS)})"
    return "neither plain `nox` nor the CI runs it, or only with arguments"


def _combines(one: Own) -> bool:
    """Whether a project's session ``coverage`` only combines the measurements of others."""
    return not one.words & _MEASURING and not any(word.startswith("--cov") for word in one.words)
