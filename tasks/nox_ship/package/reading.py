"""Whether the modules of an installed file match its metadata: their syntax, versions and imports."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator

from packaging.utils import canonicalize_name
from packaging.version import Version

from nox_ship import pythons
from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.environment import Environment, Observation, Problem
from nox_ship.versions import parse, same

NEWER_SYNTAX = Kind(
    "NS622",
    "newer-syntax",
    "Rewrite it in syntax that this Python supports, or raise `requires-python`.",
)
STATED_VERSION = Kind(
    "NS623",
    "stated-version",
    "Read it from the metadata, or add its file to [tool.bumpversion], so that both change together.",
)
UNDECLARED = Kind("NS624", "undeclared-import", "Add the distribution that provides it to `dependencies`.")
PERHAPS_UNDECLARED = Kind(
    "NS625",
    "optional-import",
    "Add it to `dependencies` or to an extra, unless everyone who imports that module already has it.",
    level="warning",
)
INDIRECT = Kind(
    "NS626",
    "indirect-dependency",
    "Add it to `dependencies`: a later release of your dependency may no longer require it.",
    level="warning",
)
KINDS = (NEWER_SYNTAX, STATED_VERSION, UNDECLARED, PERHAPS_UNDECLARED, INDIRECT)


def without_templates(
    seen: Collection[Observation], environment: Environment, versions: Iterable[str]
) -> list[Observation]:
    """Return what was seen in the modules of an installed distribution, without syntax errors in templates.

    A file counts as a template if none of the distribution's Pythons on this machine can compile it.

    Args:
        seen: What was seen.
        environment: Where it is installed.
        versions: The Pythons that it is for, such as ``3.12``.
    """
    left, known = {one.path for one in seen if one.kind == "syntax"}, set[str]()
    for python in _interpreters(versions) if left else ():
        if left:
            known |= environment.compiled(sorted(left), python)
            left -= known
    return [one for one in seen if one.kind != "syntax" or one.path in known]


def _interpreters(versions: Iterable[str]) -> Iterator[str]:
    """Yield the running Python, then those of ``versions`` that are on this machine."""
    yield sys.executable
    yield from filter(None, map(pythons.interpreter, versions))


def findings(
    seen: Collection[Observation],
    problems: Collection[Problem],
    expected: tuple[str, str],
    modules: Collection[str],
    python: str,
) -> Iterator[Finding]:
    """Yield what reading and importing the modules of an installed file has shown to be wrong.

    Args:
        seen: What was seen when they were read.
        problems: What happened when they were imported.
        expected: The distribution's name and version.
        modules: Its top-level modules.
        python: The version of the Python.
    """
    yield from syntax_findings(seen, python)
    yield from stated_findings(problems, *expected, modules)
    yield from import_findings(seen, problems, python)


def syntax_findings(seen: Iterable[Observation], python: str) -> Iterator[Finding]:
    """Yield what the Python called ``python`` cannot compile: an error if the package needs it."""
    for one in seen:
        if one.kind == "syntax":
            what = f"{one.place} is not valid syntax on Python {python}: {one.what}."
            yield NEWER_SYNTAX(what, level="error" if one.certain else "warning")


def stated_findings(
    problems: Iterable[Problem], name: str, version: str, modules: Collection[str]
) -> Iterator[Finding]:
    """Yield each module that states another version than the metadata.

    Only the module with the distribution's name counts, or an only module: others may have the version of what they
    wrap. Local versions and post-releases (PEP 440) are versions of the same code, so they do not count as different.
    """
    expected = parse(version)
    for problem in problems:
        stated = parse(problem.why) if problem.kind == "stated version" else None
        if expected is None or stated is None or _is_same(stated, expected):
            continue
        own = canonicalize_name(problem.name) == canonicalize_name(name)
        wraps = expected.release[: len(stated.release)] == stated.release
        if own or (len(modules) == 1 and not wraps):
            what = f"{problem.name}.__version__ is {problem.why}, but the metadata says {version}."
            yield STATED_VERSION(what)


def _is_same(stated: Version, expected: Version) -> bool:
    texts = {expected.public, re.sub(r"\.post\d+", "", expected.public)}
    return any(same(stated.public, text) for text in texts)


def import_findings(seen: Iterable[Observation], problems: Collection[Problem], python: str) -> Iterator[Finding]:
    """Yield imports that are not declared: an error if the package could not be imported without them.

    Args:
        seen: What was seen in the modules.
        problems: What happened when they were imported.
        python: What to call the Python.
    """
    stopped = any(problem.kind == "import" for problem in problems)
    of_entries = {_top(problem.missing) for problem in problems if problem.kind == "entry point"}
    optional, indirect = [], []
    for one in seen:
        if one.kind == "indirect":
            indirect.append(f"{one.what} ({one.place}), provided by {one.by}")
        elif one.kind != "undeclared" or _top(one.what) in of_entries:
            continue
        elif one.certain and stopped:
            yield UNDECLARED(
                f"`{one.what}`, imported by {one.place}, is not a dependency: Python {python} cannot find it."
            )
        elif not one.certain:
            optional.append(f"`{one.what}` ({one.place})")
    if optional:
        yield PERHAPS_UNDECLARED(
            f"Modules that nothing else imports need undeclared dependencies: {shorten(optional)}."
        )
    if indirect:
        yield INDIRECT(f"The package imports packages that `dependencies` does not list: {shorten(indirect)}.")


def is_explained(problem: Problem, findings: Iterable[Finding]) -> bool:
    """Whether a finding already says why a module cannot be imported."""
    told = [finding.what for finding in findings if finding.id == UNDECLARED.id]
    return any(what.startswith(f"`{problem.missing}`") for what in told)


def _top(name: str) -> str:
    return name.partition(".")[0]
