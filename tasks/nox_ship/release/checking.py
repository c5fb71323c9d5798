"""Waiting until the required checks have passed on the forge, on the exact commit to be published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.release.publication import Note, silent
from nox_ship.world.checks import Check, checks_of
from nox_ship.world.github import FORBIDDEN, NO_REPOSITORY, TOKEN_REFUSED
from nox_ship.world.polling import Polling
from nox_ship.world.releases import Releases

NOT_TOLD = Kind(
    "NS850",
    "checks-not-told",
    "Set `GH_TOKEN` to a token with read access to the repository; a job needs `checks: read`, `statuses: read` and"
    " `GITHUB_TOKEN` in its environment.",
)
CHECK_FAILED = Kind(
    "NS851",
    "check-failed",
    "Fix the cause, rerun the check on GitHub, then run the same command or job again; or leave the check out with"
    " `--without-check NAME`.",
)
CHECK_MISSING = Kind(
    "NS852",
    "check-missing",
    "Correct the name in `publish.require-checks`, or start the check on this commit and run the same command or job"
    " again; or leave it out with `--without-check NAME`.",
)
CHECK_UNFINISHED = Kind(
    "NS853",
    "check-unfinished",
    "Run the same command or job again to keep waiting, or leave the check out with `--without-check NAME`.",
)
WAITS_FOR_ITSELF = Kind(
    "NS854",
    "waits-for-itself",
    "Remove it from `publish.require-checks`: it cannot end before the release is published.",
)
CHECK_LEFT_OUT = Kind("NS855", "check-left-out", "No action is needed if that was intended.", level="warning")

LONGEST = 7200.0
"""The longest time to wait, in seconds."""
_GRACE = 600.0
"""Seconds for a check to appear while no other runs: GitHub shows a job only once those it needs have ended."""
_GAP = 30.0
"""The longest pause between a job and the job that needs it, in seconds."""
_READS = {FORBIDDEN.id, NO_REPOSITORY.id, TOKEN_REFUSED.id}
_MOST_NAMED = 20


@dataclass(frozen=True)
class Required:
    """The checks that publishing waits for."""

    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Those that the user left out."""
    by: str = ""
    """Who left them out."""
    run: str = ""
    """The ID of our own GitHub Actions run; empty outside Actions."""

    @property
    def awaited(self) -> tuple[str, ...]:
        """The names of those to wait for."""
        return tuple(name for name in dict.fromkeys(self.names) if name not in self.without)

    def left_out(self, commit: str) -> Iterator[Finding]:
        """Yield a warning for each check that was left out."""
        for name in dict.fromkeys(self.without):
            yield CHECK_LEFT_OUT(f"{self.by} left out the check {name!r} of {commit[:10]}.")


def wait(required: Required, forge: Releases | None, commit: str, note: Note = silent) -> tuple[Check, ...]:
    """Wait until the required checks of a commit have passed, and return them.

    Args:
        required: The checks.
        forge: The forge.
        commit: The commit.
        note: Called with a message about what is being waited for.

    Raises:
        ShipError: The forge does not answer properly (NS850, NS780, NS783, NS785); a check failed (NS851), is missing
            while nothing runs that it could need (NS852), or did not end in time (NS853); or it belongs to a job that
            waits for this one (NS854).
    """
    if not required.awaited:
        return ()
    if forge is None:
        raise ShipError(not_on_github(required.awaited))
    rounds = Polling(forge.api, LONGEST, requests=2)
    shown = ""
    still = 0.0
    while True:
        standing = rounds.ask(lambda: look(required, forge, commit))
        if standing:
            standing.refuse()
            still = still if standing.quiet else rounds.waited
            quiet = rounds.waited - still
            if standing.is_done and (quiet >= _GAP or not standing.ours_alone):
                return standing.passed
            if standing.missing and quiet >= _GRACE:
                raise ShipError(*standing.not_there())
            if str(standing) != shown:
                shown = str(standing)
                note(shown)
        if not rounds.rest():
            raise ShipError(*(standing.unfinished() if standing else (NOT_TOLD("GitHub does not answer."),)))


def look(required: Required, forge: Releases, commit: str) -> CommitChecks:
    """Ask for the state of a commit's required checks.

    Raises:
        ShipError: The forge does not answer properly (NS850, NS780, NS783, NS785).
    """
    try:
        return CommitChecks(required, commit, checks_of(forge.api, commit))
    except ShipError as error:
        if error.findings[0].id not in _READS:
            raise
        raise ShipError(
            NOT_TOLD(f"GitHub did not report the checks of {commit[:10]}: {error.findings[0].what}")
        ) from error


def not_on_github(names: Sequence[str]) -> Finding:
    """Return a finding that there is no forge to ask."""
    what = f"`publish.require-checks` names {shorten(names)}, but the remote is not on GitHub."
    return NOT_TOLD(what, remedy="Remove the setting: it works with checks on GitHub only.")


@dataclass(frozen=True)
class CommitChecks:
    """The state of a commit's required checks."""

    required: Required
    commit: str
    checks: tuple[Check, ...] = field(repr=False)
    """All checks of the commit."""

    @property
    def _wanted(self) -> list[Check]:
        return [check for check in self.checks if check.name in self.required.awaited]

    @property
    def passed(self) -> tuple[Check, ...]:
        """The required checks that passed."""
        return tuple(check for check in self._wanted if check.state == "passed")

    @property
    def missing(self) -> list[str]:
        """The names of the missing ones."""
        there = {check.name for check in self._wanted}
        return [name for name in self.required.awaited if name not in there]

    @property
    def running(self) -> list[str]:
        """The names of the running ones."""
        return list(dict.fromkeys(check.name for check in self._wanted if check.state == "running"))

    @property
    def is_done(self) -> bool:
        """Whether all of them have passed."""
        return not self.missing and len(self.passed) == len(self._wanted)

    @property
    def ours_alone(self) -> bool:
        """Whether a name is that of jobs of our own run only; a check of another workflow may still appear."""
        others = {check.name for check in self._wanted if check.run != self.required.run}
        return bool(self.required.run) and not others >= set(self.required.awaited)

    @property
    def quiet(self) -> bool:
        """Whether no other check is running that a missing one could need; our own run does not count."""
        ours = self.required.run
        return all(check.state != "running" or (ours and check.run == ours) for check in self.checks)

    def __str__(self) -> str:
        parts = {"passed": [check.name for check in self.passed], "running": self.running, "not there": self.missing}
        told = "; ".join(f"{what}: {shorten(dict.fromkeys(names))}" for what, names in parts.items() if names)
        return f"checks of {self.commit[:10]} {told}"

    def refuse(self) -> None:
        """Raise if waiting cannot help.

        Raises:
            ShipError: A check failed (NS851), or is this job, or one that waits for it (NS854).
        """
        failed = [check for check in self._wanted if check.state == "failed"]
        if failed:
            raise ShipError(*(CHECK_FAILED(f"A check of {self.commit[:10]} did not pass: {one}.") for one in failed))
        # This job is running: if all running jobs of our run have this name, it is ours.
        ours = [check for check in self.checks if self.required.run and check.run == self.required.run]
        left = {check.name for check in ours if check.state == "running"}
        if len(left) == 1 and left <= set(self.required.awaited):
            what = f"The check {left.pop()!r} is the waiting job itself, or a job that needs it."
            raise ShipError(WAITS_FOR_ITSELF(what))

    def not_there(self) -> Iterator[Finding]:
        """Yield an error for each missing check."""
        names = list(dict.fromkeys(check.name for check in self.checks))
        there = f"the commit has {shorten(names, _MOST_NAMED)}" if names else "the commit has no checks at all"
        for name in self.missing:
            what = (
                f"No check {name!r} appeared on {self.commit[:10]}, and no running check is left to wait for; {there}."
            )
            yield CHECK_MISSING(what)

    def unfinished(self) -> Iterator[Finding]:
        """Yield an error for each check that did not pass in time."""
        for name in (*self.running, *self.missing):
            what = "is still running" if name in self.running else "has not appeared"
            yield CHECK_UNFINISHED(f"The check {name!r} of {self.commit[:10]} {what} after {LONGEST / 3600:.2g} hours.")
