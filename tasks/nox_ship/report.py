"""The report of a run, as data that all renderers read; it is also written as JSON."""

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
"""Version of the JSON report's format."""


ELSEWHERE = "Wheels that a workflow builds, not tested here"
"""The heading of :attr:`Report.elsewhere`."""


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


_FINDING = {"required": ["id", "name", "level", "what", "remedy"]}


@dataclass
class Row:
    """One line of the table: a step, or a session within the gates."""

    name: str
    """The step or session."""
    status: str
    """For a session: ``passed``, ``reused`` from an earlier run, ``skipped``, ``failed`` or ``not reached``. For a
    step: ``done``, ``pending`` while it runs or waits for an answer, ``declined`` if the answer was no,
    ``interrupted``, ``failed`` or ``not reached``."""
    seconds: float = 0.0
    """How long it took; if it was reused, how long it took in the earlier run."""
    detail: str = ""
    """Its result, or why it failed."""
    within: str | None = None
    """The step that a session belongs to."""
    begun: float | None = None
    """When it began, in seconds after the start of the run; null if it did not run this time."""
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
    """The report of one run."""

    title: str
    """The title of the run, as shown."""
    scope: Literal["release", "cut", "publish"] = "release"
    """Whether the run is a whole release, only commit and tag, or only publishing."""
    rehearsal: bool = False
    """Whether it was a rehearsal with stand-ins."""
    begun: str = field(default_factory=_now, metadata={"schema": {"format": "date-time"}})
    """When the run began, in UTC (ISO 8601)."""
    command: str = ""
    """The command that makes the rehearsed release, or finishes an interrupted one."""
    passed: bool = False
    """Whether the run completed."""
    project: str = ""
    """The name of the distribution, normalised."""
    version: str = ""
    """The version being released."""
    tag: str = ""
    """The release's tag."""
    commit: str = ""
    """The release's commit."""
    rows: list[Row] = field(default_factory=list)
    """The steps, and the sessions within them."""
    credentials: str = ""
    """The source of the upload credentials; never a value."""
    workflow: str = ""
    """The workflow that publishes; empty if this machine publishes."""
    waits: bool = False
    """Whether it waits until somebody publishes a GitHub Release."""
    run: str = ""
    """The address of the workflow's run, if it was followed."""
    served: bool = False
    """Whether the index was seen to serve the files that the workflow published."""
    pushed: Literal["no", "yes", "unknown"] = "no"
    """Whether the remote has branch and tag."""
    changed: bool = False
    """Whether anything had to be done."""
    remote: str = ""
    """The name of the remote."""
    branch: str = ""
    """The branch being released."""
    release_branch: str = ""
    """The branch that releases are made from; a rehearsal may run on another one."""
    arrived: list[str] = field(default_factory=list)
    """What is already public, from this run or an earlier one: branch and tag on the remote, files on the index."""
    commits: list[str] = field(default_factory=list)
    """The commits of the release that the remote lacked before the push, newest first: short hash and subject."""
    commit_count: int = 0
    """The number of those commits; the list may be shortened."""
    notes: str = ""
    """The release notes: the changelog's section, or else the commits since the last release."""
    since: str = ""
    """The last release, and the index that has it; empty if there was no comparison."""
    changes: list[str] = field(default_factory=list)
    """What changed since then, one line per subject."""
    unusual: list[str] = field(default_factory=list)
    """Unusual changes, one per line."""
    difference: dict[str, Any] = field(default_factory=dict)
    """The details of what changed."""
    pushes: list[str] = field(default_factory=list)
    """What was or would be pushed, and where."""
    proposal: str = ""
    """The address of the release's pull request, or of the page that opens it, or its branch; empty if the release is
    pushed."""
    proposes: list[str] = field(default_factory=list)
    """The pull request that was or would be opened or updated: its branch, and its target."""
    uploads: list[str] = field(default_factory=list)
    """What was or would be uploaded, and where."""
    announces: list[str] = field(default_factory=list)
    """The release page on the forge: title, tag, kind and files."""
    verified: list[str] = field(default_factory=list)
    """What was compared with the built files, or installed, after the index served it."""
    index: str = ""
    """The name of the index, as displayed."""
    page: str = ""
    """The address of the version's page on the index; empty if unknown or not there yet."""
    files: list[BuiltFile] = field(default_factory=list)
    """The built files."""
    elsewhere: list[str] = field(default_factory=list)
    """The targets for which a workflow builds wheels that were not tested here, in cibuildwheel's terms, such as
    ``cp312-win_amd64``; if these are unknown, the runners that build them."""
    environment: dict[str, str] = field(default_factory=dict)
    """The versions of the tools, by name."""
    findings: list[dict[str, str]] = field(default_factory=list, metadata={"schema": {"items": _FINDING}})
    """Errors, warnings and notices of the run, each with ID, name, level and remedy."""
    warnings: list[str] = field(default_factory=list)
    """Warnings of sessions, one per line."""
    seconds: float = 0.0
    """How long the run took."""

    def __post_init__(self) -> None:
        self._clock = time.monotonic()

    def after(self, moment: float | None = None) -> float:
        """Return how many seconds after the start of the run a ``moment`` of `time.monotonic` is; default: now."""
        return (time.monotonic() if moment is None else moment) - self._clock

    @property
    def verdict(self) -> str:
        """How the run ended: ``passed``, or the status of the step that ended it."""
        stopped = [row.status for row in self.rows if row.status in ("interrupted", "declined")]
        return "passed" if self.passed else (stopped or ["failed"])[0]

    @property
    def deliveries(self) -> list[tuple[str, str]]:
        """What leaves the machine: pairs of a verb and a line that says what goes where."""
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
        """Write the report as JSON, atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{json.dumps({'schema': SCHEMA, **_blotted(asdict(self))}, indent=2)}\n")


def _blotted(value: Any) -> Any:
    """Return a JSON value with the passwords removed from all addresses."""
    if isinstance(value, str):
        return naming.spoken(without_passwords(uncoloured(value)))
    if isinstance(value, list):
        return [_blotted(item) for item in value]
    return {key: _blotted(item) for key, item in value.items()} if isinstance(value, dict) else value
