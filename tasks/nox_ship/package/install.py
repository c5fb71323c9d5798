"""Checking that a release can be installed: each file, alone, in a fresh environment."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from packaging.utils import canonicalize_name

from nox_ship import process
from nox_ship.config import Command, Settings
from nox_ship.errors import Finding, Findings, Kind, ShipError, shorten
from nox_ship.files import remove, write_whole
from nox_ship.package import reading
from nox_ship.package.contents import Archive
from nox_ship.package.environment import Environment, Problem, fresh_environment
from nox_ship.package.installable import installable
from nox_ship.package.manifest import Manifest
from nox_ship.package.materials import Materials, materials_path
from nox_ship.project import Project

INSTALL_FAILED = Kind("NS611", "install-failed", "Read the installer's output above.")
INCONSISTENT = Kind("NS612", "inconsistent-dependencies", "Correct the version ranges of the dependencies.")
IMPORT_FAILED = Kind("NS613", "import-failed", "Include the missing module, or add the dependency that it imports.")
ENTRY_POINT_FAILED = Kind("NS614", "entry-point-failed", "Correct the entry point, or include the module it names.")
WRONG_VERSION = Kind("NS615", "wrong-version", "Run `nox -s build` again.")
SMOKE_FAILED = Kind("NS616", "smoke-failed", "Read the command's output above.")
NEEDS_EXTRA = Kind(
    "NS620",
    "entry-point-needs-extra",
    "Tell users to install the extra, or add what is imported to `dependencies`.",
    level="warning",
)

NEEDS_HOST = Kind(
    "NS621",
    "plug-in-needs-host",
    "If the program that loads the plug-in always brings it, no action is needed; else add it to `dependencies`.",
    level="warning",
)

NONE_FITS = Kind(
    "NS584",
    "no-wheel-fits",
    "Run it on a system and Python that a wheel supports; `nox -s collect` lists the jobs that a workflow needs.",
)

T = TypeVar("T")

_SCRIPTS = ("console_scripts", "gui_scripts")
_KINDS = {"import": IMPORT_FAILED, "version": WRONG_VERSION}


@dataclass(frozen=True)
class Expected:
    """What must be true of an installed file."""

    name: str
    version: str
    modules: tuple[str, ...]
    smoke: tuple[Command, ...] = ()
    extras: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The names of each extra's requirements, by the extra's name; all normalised."""
    pythons: tuple[str, ...] = ()
    """The Pythons that the files support, such as ``3.12``."""
    ignored: tuple[str, ...] = ()
    """IDs of findings about the modules that are only warnings."""
    keep: tuple[str, ...] = ()
    """Names of variables that are passed on although they look like credentials."""

    @classmethod
    def of(cls, manifest: Manifest, files: Iterable[Path], settings: Settings) -> Expected:
        """Return what ``manifest`` and the wheels among ``files`` promise, with the project's settings."""
        wheels = [Archive.read(path) for path in files if path.suffix == ".whl"]
        modules = sorted({name for wheel in wheels for name in wheel.top_level})
        extras = {name: required for wheel in wheels for name, required in wheel.extras.items()}
        return cls(
            manifest.name,
            manifest.version,
            tuple(modules),
            settings.verify_install.smoke,
            extras,
            manifest.pythons,
            settings.build.ignore,
            settings.pass_env,
        )


@dataclass(frozen=True)
class Verified:
    """Files that work once installed."""

    told: str
    """What was done, for the log."""
    warnings: tuple[Finding, ...] = ()
    described: bool = False
    """Whether a bill of materials was made of one of the environments."""


def verify_files(  # noqa: PLR0913 - all but what is tried, and where, are by name
    project: Project,
    manifest: Manifest,
    folder: Path,
    python: str,
    label: str,
    *,
    anew: bool = False,
    describe: bool = False,
    sdist: bool = True,
    place: Path | None = None,
) -> Verified:
    """Verify each file of ``manifest`` on one Python, unless the same files have already passed there.

    Args:
        project: The project; its smoke commands are run, and its own folder records what has passed.
        manifest: The manifest of the built files.
        folder: The folder of the files.
        python: The interpreter's path.
        label: The Python's name, such as ``3.12``.
        anew: Verify them in any case: code that runs at the same time could have written that they passed.
        describe: Write a bill of materials of the wheel's environment into the project's own folder.
        sdist: Whether to test the sdist too, or only the wheels.
        place: What the paths of the environments begin with; by default, each is in a temporary folder.

    Raises:
        ShipError: A file is not the manifest's (NS603), or does not work once installed (NS611-NS617, NS622-NS624); or
            none of them can be installed here (NS584).
    """
    paths = manifest.check(folder)
    record = project.own_folder() / f"verified-{label}.json"
    expected = Expected.of(manifest, paths, project.settings)
    hashes = {file.name: file.sha256 for file in manifest.files if sdist or file.kind != "sdist"}
    fact = json.dumps({"files": hashes, "smoke": expected.smoke, "ignored": expected.ignored})
    bill = materials_path(project)
    if describe:
        remove(bill)
    elif not anew and record.is_file() and record.read_text(encoding="utf-8") == fact:
        return Verified(f"these files already passed on Python {label}")
    findings = Findings()
    names = installable(list(hashes), python)
    if not names:
        raise ShipError(NONE_FITS(f"Python {label} can install none of {shorten(hashes)} here."))
    read = [name for name in names if name.endswith(".whl")] or names  # an sdist contains the same modules
    described = read[:1] if describe else []
    with ThreadPoolExecutor() as pool:
        tried = [
            pool.submit(
                verify,
                local_source(path, file.sha256),
                file.name,
                expected,
                python,
                read=file.name in read,
                materials=Materials(manifest, file, bill) if file.name in described else None,
                place=place and place.with_name(f"{place.name}.{number}"),  # no session's environment has a dot
            )
            for number, (file, path) in enumerate(zip(manifest.files, paths, strict=True))
            if file.name in names
        ]
    for attempt in tried:
        findings.extend(findings.catch(attempt.result) or ())
    findings.raise_errors()
    write_whole(record, fact)
    others = [name for name in hashes if name not in names]
    left_out = (
        f"; {shorten(others)} {'are' if len(others) > 1 else 'is'} for another Python or system" if others else ""
    )
    told = f"{len(names)} files install and work on Python {label}{left_out}"
    return Verified(told, tuple(dict.fromkeys(findings)), bill.is_file() if describe else False)


def verify(
    source: str,
    label: str,
    expected: Expected,
    python: str,
    *,
    read: bool = True,
    materials: Materials | None = None,
    place: Path | None = None,
) -> tuple[Finding, ...]:
    """Install ``source`` in a fresh environment and test it there; return warnings.

    Args:
        source: What to install: a URL with its hash, ``https://.../x.whl#sha256=...`` or ``file:///...``.
        label: Its name in findings: the file's name.
        expected: What must be true once it is installed.
        python: The interpreter, as a path or a version.
        read: Whether to read the modules too, which shows more than importing them (NS622-NS626).
        materials: The bill of materials to make of the environment.
        place: Where to make the environment; by default in a temporary folder.

    Raises:
        ShipError: With every finding (NS611-NS617, NS622-NS624).
    """
    findings, promised = Findings(), (expected.name, expected.version)
    with fresh_environment(python, expected.keep, place) as environment:
        done = environment.install(f"{expected.name} @ {source}")
        if done.code:
            raise ShipError(INSTALL_FAILED(f"{label} cannot be installed.", detail=done.output))
        findings.extend(materials.describe(environment) if materials else ())
        done = environment.pip("check")
        if done.code:
            findings.append(INCONSISTENT(f"The dependencies of {label} conflict.", detail=done.output))
        tested = environment.test(expected.name, expected.version, expected.modules, read=read)
        seen, problems = reading.without_templates(tested.seen, environment, expected.pythons), tested.problems
        if problems is None:
            what = f"The Python that imports {label} ended with exit code {tested.done.code}."
            findings.append(IMPORT_FAILED(what, detail=tested.done.output))
        running = environment.python
        smoked = list(_smoke(environment, label, expected.smoke))
    told = reading.findings(seen, problems or (), promised, expected.modules, running)
    findings.extend(replace(f, level="warning") if f.id in expected.ignored else f for f in told)
    others = [p for p in problems or () if p.kind in _KINDS and not reading.is_explained(p, findings.errors)]
    findings.extend(_KINDS[problem.kind](f"{label}: {problem.why}.") for problem in others)
    unloaded = [problem for problem in problems or () if problem.kind == "entry point"]
    findings.extend(_try_with_extras(source, label, expected, python, unloaded))
    findings.extend(smoked)
    findings.raise_errors()
    return tuple(findings)


def _try_with_extras(
    source: str, label: str, expected: Expected, python: str, unloaded: list[Problem]
) -> Iterator[Finding]:
    """Try failed entry points again, with extras: those that seem to be intended, then all.

    Yield warnings for those that load then, and for plug-ins that lack what their host may provide; errors for others.
    """
    meant = {entry.entry: _meant(entry, expected.extras) for entry in unloaded}
    some, every = frozenset[str]().union(*meant.values()), frozenset(expected.extras)
    left, loaded = _load_with(source, expected, python, some, unloaded)
    yield from _needing((entry, meant[entry.entry] or some) for entry in loaded)
    hosted = [entry for entry in left if _is_hosted(entry, expected.modules)]
    for why, places in _grouped((entry.why, entry) for entry in hosted):
        yield NEEDS_HOST(f"{places} cannot be loaded: {why}, which none of the dependencies provides.")
    left = [entry for entry in left if entry not in hosted]
    left, loaded = _load_with(source, expected, python, every if every != some else (), left)
    yield from _needing((entry, every) for entry in loaded)
    for entry in left:
        yield ENTRY_POINT_FAILED(f"{label}: {': '.join(filter(None, (entry.place, entry.why)))}.")


def _needing(loaded: Iterable[tuple[Problem, Collection[str]]]) -> Iterator[Finding]:
    for (extras, why), places in _grouped(((", ".join(sorted(extras)), entry.why), entry) for entry, extras in loaded):
        plural = "s" if "," in extras else ""
        yield NEEDS_EXTRA(f"{places} can only be loaded with the extra{plural} {extras}: {why}.")


def _grouped(pairs: Iterable[tuple[T, Problem]]) -> Iterator[tuple[T, str]]:
    """Yield each distinct reason once, with the entry points that it applies to."""
    found: dict[T, list[str]] = {}
    for key, entry in pairs:
        found.setdefault(key, []).append(entry.place)
    yield from ((key, shorten(places)) for key, places in found.items())


def _meant(entry: Problem, extras: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the extras that an entry point names in its value, else the smallest that seems to provide what it lacks.

    https://packaging.python.org/en/latest/specifications/entry-points/#data-model describes the former: installers
    ignore such names, and so may programs that load the entry point.
    """
    named = frozenset(canonicalize_name(extra) for extra in re.findall(r"[\w.-]+", entry.value.partition("[")[2]))
    module = canonicalize_name(entry.missing.partition(".")[0])
    holding = [name for name, required in extras.items() if module and any(module in other for other in required)]
    return named or frozenset(sorted(holding, key=lambda name: (len(extras[name]), name))[:1])


def _is_hosted(entry: Problem, own: Iterable[str]) -> bool:
    """Whether a plug-in lacks a third-party module: the program that it is for, or one that comes with it."""
    tops = {re.split(r"[^\w]", name)[0] for name in (*own, entry.value)}
    return entry.group not in _SCRIPTS and bool(entry.missing) and entry.missing.partition(".")[0] not in tops


def _load_with(
    source: str, expected: Expected, python: str, extras: Collection[str], entries: list[Problem]
) -> tuple[list[Problem], list[Problem]]:
    """Install ``source`` with ``extras``, if any, in a fresh environment, and load ``entries`` there.

    Return those that still do not load, with their new reasons, and those that do.
    """
    if not extras or not entries:
        return entries, []
    with fresh_environment(python, expected.keep) as environment:
        if environment.pip("install", f"{expected.name}[{','.join(sorted(extras))}] @ {source}").code:
            return entries, []
        wanted = [entry.entry for entry in entries]
        problems = environment.test(expected.name, expected.version, (), wanted).problems
    failing = {problem.entry: problem for problem in problems or ()}
    if problems is None:
        return entries, []
    return list(failing.values()), [entry for entry in entries if entry.entry not in failing]


def _smoke(environment: Environment, label: str, commands: Iterable[Command]) -> Iterator[Finding]:
    for command in commands:
        try:
            done = environment.run(_resolved(environment.programs, command))
        except ShipError as error:
            yield SMOKE_FAILED(f"{label}: {error.findings[0].what}", remedy="Correct the command.")
            continue
        if done.code:
            yield SMOKE_FAILED(f"{label}: `{' '.join(command)}` ended with exit code {done.code}.", detail=done.output)


def _resolved(programs: Path, command: Command) -> list[process.Argument]:
    found = shutil.which(command[0], path=str(programs))
    return [found or command[0], *command[1:]]


def local_source(path: Path, sha256: str) -> str:
    """Return a local file as a requirement, with its hash."""
    return f"{path.resolve().as_uri()}#sha256={sha256}"
