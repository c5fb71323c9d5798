"""Gates, build and verify-install: nox sessions that `runner.py` runs in parallel in the clean clone."""

from __future__ import annotations

import dataclasses
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nox_ship import actions, json_data, naming, process
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.files import write_whole
from nox_ship.gates.own import is_of
from nox_ship.output import EVENT, Kept
from nox_ship.package import materials
from nox_ship.package.manifest import DIGEST_VARIABLE, TOLD
from nox_ship.process import Argument, Standby
from nox_ship.release.stage import Stage

GATE_FAILED = Kind("NS431", "gate-failed", "Read the gate's output above.")
NOTHING_VERIFIED = Kind(
    "NS433", "nothing-verified", "Install a Python that the project supports, or correct `pythons` in [tool.nox-ship]."
)
NOX_FAILED = Kind("NS432", "nox-failed", "Read nox's output above.")

PASSED_ALONE = Kind(
    "NS860",
    "passed-alone",
    "Let the tests use free ports and files of their own, and wait for conditions instead of fixed times.",
    level="warning",
)

# Selections and defaults of the nox run that called us must not affect the one we start.
_OUTER_NOX = (
    "NOXSESSION",
    "NOXPYTHON",
    "NOXEXTRAPYTHON",
    "NOXFORCEPYTHON",
    "NOX_PARALLEL",
    "NOX_CURRENT_SESSION",
)

_WARNING = re.compile(r"^nox > (NS\d{3} [\w-]+: .+)$", re.MULTILINE)
_MANIFEST = re.compile(rf"^nox > {re.escape(TOLD)}([0-9a-f]{{64}})$", re.MULTILINE)
_RUNNER = Path(__file__).parents[1] / "runner.py"
_PREREQUISITE = "Prerequisite session "
_ONE_OF_SEVERAL = re.compile(r"(?P<session>.+?)-(?:\d|py|cpython|graalpy)[\w.]*(?:\(.*\))?", re.DOTALL)
"""The name of a session on one of its Pythons."""

PROOF_SESSIONS = ("build", "verify-install")
"""Sessions next to the gates that prove the files, not the code; they start first, as they form the longest chain."""

SessionStatus = Literal["passed", "reused", "skipped", "failed", "not reached"]


@dataclass(frozen=True)
class SessionResult:
    """How one session ended."""

    name: str
    status: SessionStatus
    seconds: float = 0.0
    reason: str = ""
    """Why it was skipped or failed, if it said so."""
    output: str = field(default="", repr=False)
    warnings: tuple[str, ...] = ()
    """Its warnings, one per line: findings of ours that stopped nothing."""
    begun: float | None = field(default=None, compare=False)
    """When it began, by `time.monotonic`; None if it did not run this time."""
    needs: tuple[str, ...] = field(default=(), compare=False)
    """The sessions that it waited for."""


@dataclass
class _Events:
    """The runner's messages, over several runs: events of sessions, and their output."""

    started: Callable[[str], None]
    finished: Callable[[SessionResult], None]
    echo: Callable[[str], None]
    results: dict[str, SessionResult] = field(default_factory=dict)
    """The results of this run's sessions, by name."""
    begun: dict[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    """When each session began, and what it had waited for."""
    outputs: dict[str, Kept] = field(default_factory=dict)
    """The output of each session in its last run."""
    log: str = ""

    def feed(self, line: str) -> None:
        """Process a line from the runner.

        Raises:
            ValueError: The runner does not write such lines.
        """
        if not line.startswith(EVENT):
            self._show(line)
            return
        match json_data.parse(line.removeprefix(EVENT).encode()):
            case ["started", str(name), [*needs]]:
                self.begun[name] = time.monotonic(), tuple(map(str, needs))
                self.started(name)
            case ["said", str(name), str(text)]:
                self.outputs.setdefault(name, Kept()).add(text.encode())
            case ["ended", str(name), {"result": str(status)} as entry] if name not in self.results:
                result = _result(name, entry, self.output(name))
                if name in self.begun:
                    begun, needed = self.begun[name]
                    result = dataclasses.replace(result, begun=begun, needs=needed)
                self.results[name] = result
                self._show(f"{name}: {status}")
                for written in self.output(name):
                    self._show(written)
                self.finished(result)
            case _:
                raise ValueError(line)

    def output(self, name: str) -> list[str]:
        """Return the output lines of a session."""
        text = self.outputs[name].text().rstrip("\n") if name in self.outputs else ""
        return text.split("\n") if text else []

    def _show(self, line: str) -> None:
        self.log += f"{line}\n"
        self.echo(line)


def run_sessions(  # noqa: PLR0913 - all but the first two are by name
    stage: Stage,
    names: Sequence[str],
    *,
    keep: Iterable[str] = (),
    started: Callable[[str], None],
    finished: Callable[[SessionResult], None],
    echo: Callable[[str], None],
    ahead: Standby | None = None,
    unless: Future[Any] | None = None,
) -> tuple[SessionResult, ...]:
    """Run the sessions ``names`` in the stage, in parallel; those that passed there before are not run again.

    Args:
        stage: The clean clone.
        names: Sessions, by name.
        keep: Names of variables to pass on although they look like credentials.
        started: Called with the name of each session that starts.
        finished: Called with the result of each session that ends.
        echo: Called with each line that nox prints.
        ahead: A process that was started in advance to become the runner.
        unless: Ends the sessions if it fails.

    Raises:
        ShipError: With a finding (NS431) for each session that did not pass; nox itself failed (NS432); or ``unless``
            failed with it.
    """
    done = [result for name in names for result in passed_before(stage, name)]
    wanted = [selected for name in names for selected in _missing(stage, name)]
    if wanted:
        events = _Events(started, finished, echo)
        done += _again(stage, _run(stage, wanted, events, keep, ahead, unless), events, keep)
        stage.save()
    findings = _findings(result for result in done if result.status == "failed")
    skipped = [result for result in done if is_of(naming.registered("verify-install"), result.name)]
    if skipped and all(result.status == "skipped" for result in skipped):
        findings.insert(0, NOTHING_VERIFIED(f"The files were tested on no Python: {skipped[0].reason}."))
    if findings:
        raise GatesFailedError(tuple(done), *findings)
    return tuple(done)


class GatesFailedError(ShipError):
    """Sessions did not pass; ``results`` has the result of each."""

    def __init__(self, results: tuple[SessionResult, ...], *findings: Finding) -> None:
        super().__init__(*findings)
        self.results = results


def passed_before(stage: Stage, name: str) -> list[SessionResult]:
    """Return the results of a session that passed in the stage in an earlier run, one for each of its Pythons."""
    passed, warned = stage.record.passed, stage.record.warned
    return [
        SessionResult(s, "reused", seconds, warnings=warned.get(s, ()))
        for s, seconds in passed.items()
        if is_of(name, s)
    ]


def _missing(stage: Stage, name: str) -> list[str]:
    """Return what must still run of the session ``name``: all of it, or the Pythons on which it did not pass."""
    left = [signature for signature in stage.record.failed if is_of(name, signature)]
    if left:
        return left
    return [] if passed_before(stage, name) else [name]


def _again(stage: Stage, results: list[SessionResult], events: _Events, keep: Iterable[str]) -> list[SessionResult]:
    """Rerun, alone, what failed on one Python and passed on another; then run what waited for it.

    In a project's CI, each has its own machine. Here they share processors, ports and files, which is no fault of the
    code; but the user is warned.
    """
    ended = {result.name: result for result in results}
    for result in results:
        if result.status == "failed" and _passed_elsewhere(result, results):
            events.outputs.pop(result.name, None)
            more = _run(stage, [result.name], events, keep, alone=True)
            ended |= {one.name: _told(one) for one in more if one.name == result.name}
            if ended[result.name].status != "passed":
                return list(ended.values())
    mended = any(ended[result.name].status != result.status for result in results)
    if mended and (waiting := [result.name for result in results if result.status == "not reached"]):
        ended |= {one.name: one for one in _run(stage, waiting, events, keep, alone=True) if one.name in waiting}
    return list(ended.values())


def _passed_elsewhere(failed: SessionResult, results: Iterable[SessionResult]) -> bool:
    """Whether a failed session is one of the project's checks that passed on another Python."""
    match = _ONE_OF_SEVERAL.fullmatch(failed.name)
    if match is None or match["session"] in map(naming.registered, PROOF_SESSIONS):
        return False
    return any(result.status == "passed" and is_of(match["session"], result.name) for result in results)


def _told(result: SessionResult) -> SessionResult:
    """Return the result of a session that was rerun alone, with a warning if it passed."""
    if result.status != "passed":
        return result
    warning = PASSED_ALONE(
        f"{result.name} failed in parallel with the same session on other Pythons, but passed alone."
    )
    return dataclasses.replace(result, warnings=(*result.warnings, str(warning)))


def _run(
    stage: Stage,
    names: Sequence[str],
    events: _Events,
    keep: Iterable[str],
    ahead: Standby | None = None,
    unless: Future[Any] | None = None,
    *,
    alone: bool = False,
) -> list[SessionResult]:
    """Run sessions; if ``alone``, without those that they require."""
    events.results.clear()
    command: list[Argument] = [sys.executable, "-P", _RUNNER, "--noxfile", "noxfile.py"]
    command += ["--envdir", stage.workshop.environments, *(["--no-dependencies"] if alone else ())]
    try:
        done = process.run(
            [*command, "--sessions", *names],
            cwd=stage.root,
            env=_environment(stage, keep),
            check=False,
            on_line=events.feed,
            ahead=ahead,
            unless=unless,
        )
        results = list(events.results.values())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ShipError(NOX_FAILED("The results of the sessions cannot be read.", detail=events.log)) from error
    finally:
        write_whole(stage.workshop.log, events.log)
    for result in results:
        _remember(stage, result)
    if (done.code or not results) and not any(result.status == "failed" for result in results):
        raise ShipError(NOX_FAILED(f"nox ended with exit code {done.code}.", detail=events.log))
    return results


def _environment(stage: Stage, keep: Iterable[str]) -> dict[str, str | None]:
    seen = process.inherited(keep)
    kept = {name: seen[name] for name in keep if name in seen}
    caches = stage.workshop.caches
    return {
        **dict.fromkeys(_OUTER_NOX),
        **kept,
        DIGEST_VARIABLE: stage.record.built,
        materials.VARIABLE: stage.record.described,
        actions.OUTPUT: None,
        actions.SUMMARY: None,
        "MYPY_CACHE_DIR": str(caches / "mypy"),
        "RUFF_CACHE_DIR": str(caches / "ruff"),
    }


def _result(name: str, entry: dict[str, Any], lines: list[str]) -> SessionResult:
    statuses: dict[object, SessionStatus] = {"success": "passed", "skipped": "skipped"}
    reason = " ".join(str(entry.get("reason") or "").split()) or _last_words(entry, lines)
    otherwise: SessionStatus = "not reached" if reason.startswith(_PREREQUISITE) else "failed"
    seconds, output = entry.get("duration"), "\n".join(lines)
    return SessionResult(
        name=name,
        status=statuses.get(entry["result"], otherwise),
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
        reason=reason,
        output=output,
        warnings=tuple(match[1] for match in _WARNING.finditer(output)),
    )


def warnings(results: Iterable[SessionResult]) -> tuple[str, ...]:
    """Return the warnings of passed sessions, in this run or an earlier one."""
    return tuple(line for result in results if result.status in ("passed", "reused") for line in result.warnings)


def verified(results: Iterable[SessionResult]) -> set[str]:
    """Return the Pythons on which `verify-install` passed, in this run or an earlier one, such as ``3.12``."""
    name = naming.registered("verify-install")
    done = [result.name for result in results if result.status in ("passed", "reused") and is_of(name, result.name)]
    return {one.removeprefix(f"{name}-") for one in done}


def ask_for_materials(stage: Stage, python: str) -> None:
    """Make `verify-install` describe its environment on a Python; if it passed there before, it runs once more."""
    record, name = stage.record, f"{naming.registered('verify-install')}-{python}"
    record.described = python
    if record.passed.pop(name, None) is not None:
        record.failed.append(name)


def manifests(results: Iterable[SessionResult]) -> set[str]:
    """Return the SHA-256 of each manifest that sessions say they built or tested."""
    names = list(map(naming.registered, PROOF_SESSIONS))
    proofs = (result.output for result in results if any(is_of(name, result.name) for name in names))
    return {match[1] for output in proofs for match in _MANIFEST.finditer(output)}


def _last_words(entry: dict[str, Any], lines: list[str]) -> str:
    """Return the last words of a failed session's tool, which are usually its own summary."""
    if entry["result"] != "failed":
        return ""
    said = [line.strip(" =-") for line in lines if line.strip(" =-") and not line.startswith("nox > ")]
    return " ".join(said[-1].split()) if said else ""


def _remember(stage: Stage, result: SessionResult) -> None:
    record = stage.record
    if result.name in record.failed:
        record.failed.remove(result.name)
    if result.status == "passed":
        record.passed[result.name] = result.seconds
        record.warned[result.name] = result.warnings
    else:
        record.failed.append(result.name)


def _findings(failed: Iterable[SessionResult]) -> list[Finding]:
    """Return a finding for each reason; the same text from several Pythons is reported once."""
    by_reason: dict[str, list[SessionResult]] = {}
    for result in failed:
        by_reason.setdefault(result.reason or result.name, []).append(result)
    return [_finding(*results) for results in by_reason.values()]


def _finding(result: SessionResult, *more: SessionResult) -> Finding:
    names = ", ".join(one.name for one in (result, *more))
    what = f"{names} did not pass{f': {result.reason}' if result.reason else ''}"
    remedy = f"To run it alone: `{naming.call(result.name)}`."
    return GATE_FAILED(f"{what.removesuffix('.')}.", remedy=remedy, detail=result.output)
