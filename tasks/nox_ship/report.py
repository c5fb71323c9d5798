"""What is to be said about one run, as data: every renderer reads the same. Here it is written as JSON."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nox_ship import naming
from nox_ship.addresses import uncoloured, without_passwords
from nox_ship.files import write_whole

SCHEMA = 1
"""Version of the JSON report's form."""


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


_FINDING = {"required": ["id", "name", "level", "what", "remedy"]}


@dataclass
class Row:
    """One line of the table: a step, or a session within the gates."""

    name: str
    """The step or session."""
    status: str
    """Of a session ``passed``, ``reused`` from an earlier run, ``skipped``, ``failed`` or ``not reached``. Of a step
    ``done``, ``pending`` while it runs or waits for an answer, ``declined`` where that was no, ``interrupted``,
    ``failed`` or ``not reached``."""
    seconds: float = 0.0
    """How long it took; of what was reused, in the earlier run."""
    detail: str = ""
    """What it came to, or why it did not."""
    within: str | None = None
    """The step that a session belongs to."""
    begun: float | None = None
    """When it began, in seconds after the run's begin; null for what did not run this time."""
    needs: list[str] = field(default_factory=list)
    """The sessions that a session waits for."""


@dataclass
class BuiltFile:
    """A file of the release."""

    name: str
    """Its name, without a folder."""
    size: int
    """In bytes."""
    sha256: str
    """The SHA-256 of its content, in hexadecimal digits."""


@dataclass
class Report:
    """Everything that is to be said about one run."""

    title: str
    """What was run, as it is shown."""
    scope: Literal["release", "cut", "publish"] = "release"
    """Whether it is the whole chain, commit and tag alone, or publishing alone."""
    rehearsal: bool = False
    """Whether it happened in a world of stand-ins."""
    begun: str = field(default_factory=_now, metadata={"schema": {"format": "date-time"}})
    """When the run began, in UTC (ISO 8601)."""
    command: str = ""
    """The command that does what was rehearsed, or finishes what was interrupted."""
    passed: bool = False
    """Whether it came to its end."""
    project: str = ""
    """The name of the distribution, normalised."""
    version: str = ""
    """The version that is released."""
    tag: str = ""
    """The release's tag."""
    commit: str = ""
    """The release's commit."""
    rows: list[Row] = field(default_factory=list)
    """The steps, and the sessions within them."""
    credentials: str = ""
    """Where the credentials of the upload come from; never a value."""
    workflow: str = ""
    """The workflow that publishes; empty where this machine does."""
    waits: bool = False
    """Whether it waits until somebody publishes a GitHub Release."""
    run: str = ""
    """The address of its run, where that was followed."""
    served: bool = False
    """Whether the index was seen to serve what the workflow published."""
    pushed: Literal["no", "yes", "unknown"] = "no"
    """Whether the remote has branch and tag."""
    changed: bool = False
    """Whether anything was missing, and done."""
    remote: str = ""
    """What the remote is called."""
    branch: str = ""
    """The branch that is released."""
    release_branch: str = ""
    """The branch that releases are made from; a rehearsal may be on another one."""
    arrived: list[str] = field(default_factory=list)
    """What is there by now, from this run or an earlier one: branch and tag on the remote, files on the index."""
    commits: list[str] = field(default_factory=list)
    """What the remote does not have of the release before the push, the newest first: short hash and subject."""
    commit_count: int = 0
    """How many there are; the list may be cut short."""
    notes: str = ""
    """The notes of the release: its section of the changelog, else the commits since the last one."""
    since: str = ""
    """The last release, and the index that has it; empty if there was no comparison."""
    changes: list[str] = field(default_factory=list)
    """What changed since then, one line per subject."""
    unusual: list[str] = field(default_factory=list)
    """What is unusual about it, one line each."""
    difference: dict[str, Any] = field(default_factory=dict)
    """The details of what changed."""
    pushes: list[str] = field(default_factory=list)
    """What was pushed, or would be, and where to."""
    proposal: str = ""
    """Where a release is proposed that goes by a pull request: its address, or that of the page which opens it, or the
    branch; empty where it is pushed."""
    proposes: list[str] = field(default_factory=list)
    """The pull request that was opened or brought up to date, or would be: its branch, and where that goes."""
    uploads: list[str] = field(default_factory=list)
    """What was uploaded, or would be, and where to."""
    announces: list[str] = field(default_factory=list)
    """The page on the forge: title, tag, kind and files."""
    verified: list[str] = field(default_factory=list)
    """What was compared with what was built, or installed, once an index served it."""
    index: str = ""
    """The index that it goes to, as it is written."""
    page: str = ""
    """The address of the version's page on the index; empty where it is not known, or nothing is there yet."""
    files: list[BuiltFile] = field(default_factory=list)
    """What was built."""
    environment: dict[str, str] = field(default_factory=dict)
    """The versions of the tools, by name."""
    findings: list[dict[str, str]] = field(default_factory=list, metadata={"schema": {"items": _FINDING}})
    """What stopped the run, or is to be known: each with its ID, name, level, and what to do."""
    warnings: list[str] = field(default_factory=list)
    """What sessions warned of, one line each."""
    seconds: float = 0.0
    """How long the run took."""

    def __post_init__(self) -> None:
        self._clock = time.monotonic()

    def after(self, moment: float | None = None) -> float:
        """Return how many seconds after the run's begin a ``moment`` of `time.monotonic` is; default: now."""
        return (time.monotonic() if moment is None else moment) - self._clock

    @property
    def verdict(self) -> str:
        """How the run ended: ``passed``, or as the step did that ended it."""
        stopped = [row.status for row in self.rows if row.status in ("interrupted", "declined")]
        return "passed" if self.passed else (stopped or ["failed"])[0]

    @property
    def deliveries(self) -> list[tuple[str, str]]:
        """What leaves the machine: what is done with it, and the line that tells what it is and where it goes."""
        published = "to be published" if self.workflow and not self.served else "published"
        words = (
            ("would push", "would propose", "would upload", "would announce")
            if self.rehearsal
            else ("pushed", "proposed", published, "announced")
        )
        lines = zip(words, (self.pushes, self.proposes, self.uploads, self.announces), strict=True)
        return [(word, line) for word, found in lines for line in found]

    def steps_not_reached(self) -> list[str]:
        """Return the names of the steps that were not tried."""
        return [row.name for row in self.rows if row.within is None and row.status == "not reached"]

    def write(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{json.dumps({'schema': SCHEMA, **_blotted(asdict(self))}, indent=2)}\n")


def _blotted(value: Any) -> Any:
    """Return a JSON value with no password in any address that it holds."""
    if isinstance(value, str):
        return naming.spoken(without_passwords(uncoloured(value)))
    if isinstance(value, list):
        return [_blotted(item) for item in value]
    return {key: _blotted(item) for key, item in value.items()} if isinstance(value, dict) else value
