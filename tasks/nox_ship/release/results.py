"""The results of a release's steps: data for the steps that follow, with text for the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from nox_ship.errors import shorten
from nox_ship.package.manifest import Manifest
from nox_ship.project import Project
from nox_ship.release.bump import Objects
from nox_ship.release.comparison import Compared
from nox_ship.release.converge import Published
from nox_ship.release.gates import SessionResult, warnings
from nox_ship.release.planning import Plan
from nox_ship.release.publication import Publication
from nox_ship.release.seal import Seal
from nox_ship.release.stage import Stage
from nox_ship.report import BuiltFile, Report, Row
from nox_ship.terminal import Voice
from nox_ship.world.checks import Check
from nox_ship.world.index import display_name


class Result:
    """The result of a step."""

    def enter(self, report: Report, voice: Voice) -> None:
        """Record it in the run's report."""


@dataclass(frozen=True)
class Planned(Result):
    """A release that passed preflight."""

    plan: Plan
    without: tuple[str, ...] = ()
    """Gates that are left out."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record what is released."""
        plan = self.plan
        report.project, report.version, report.tag = plan.project.canonical_name, plan.version, plan.tag
        report.branch, report.release_branch, report.index = plan.branch, plan.release_branch, display_name(plan.index)

    def __str__(self) -> str:
        left_out = f", without {', '.join(self.without)}" if self.without else ""
        return f"{self.plan.project.name} {_versions(self.plan)} on {self.plan.branch}{left_out}"


@dataclass(frozen=True)
class Staged(Result):
    """The clean clone that the release is made in."""

    stage: Stage
    head: str
    """The commit that the release starts from."""

    def __str__(self) -> str:
        how = "the clone of an earlier run" if self.stage.reused else "clean clone"
        return f"{how} of {self.head[:10]}"


@dataclass(frozen=True)
class Bumped(Result):
    """The release's commit and tag, and the state of the clone right after them, before anything ran there."""

    plan: Plan
    objects: Objects
    project: Project
    """The project in the clone, with its new version."""
    seal: Seal
    notes: str
    """The release notes."""
    anew: bool
    """Whether they were made in this run."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record the commit and the release notes."""
        report.commit, report.notes = self.objects.commit, self.notes

    def __str__(self) -> str:
        if not self.anew:
            return f"{self.plan.tag} is on {self.objects.commit[:10]} already"
        return f"{_versions(self.plan)}, tag {self.plan.tag}"


@dataclass(frozen=True)
class Gated(Result):
    """Gates that passed, and files that are built and tested."""

    sessions: tuple[SessionResult, ...]

    def enter(self, report: Report, voice: Voice) -> None:
        """Record the result and the warnings of each session."""
        enter_sessions(self.sessions, report)
        for line in warnings(self.sessions):
            voice.warning(line)
            report.warnings.append(line)

    def __str__(self) -> str:
        counted = Counter(session.status for session in self.sessions)
        return ", ".join(f"{counted[how]} {how}" for how in ("passed", "reused", "skipped") if counted[how])


def enter_sessions(sessions: Iterable[SessionResult], report: Report) -> None:
    """Record the results of sessions, whether or not all of them passed."""
    report.rows.extend(session_row(one, report) for one in sessions)


def session_row(one: SessionResult, report: Report) -> Row:
    """Return the report's row for a session."""
    begun = None if one.begun is None else report.after(one.begun)
    return Row(one.name, one.status, one.seconds, one.reason, "gates", begun, list(one.needs))


def enter_files(manifest: Manifest, report: Report) -> None:
    """Record the built files."""
    report.files = [BuiltFile(file.name, file.size, file.sha256) for file in manifest.files]


@dataclass(frozen=True)
class Tried(Result):
    """Files that were uploaded to an index on this machine, and installed from there."""

    publication: Publication
    """The files, with the index of the release."""
    installed: tuple[str, ...] = ()
    """The files that were installed; empty if an earlier run did all this."""
    elsewhere: tuple[str, ...] = ()
    """The targets for which a workflow builds further wheels."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record the built files, and those that other machines build."""
        enter_files(self.publication.manifest, report)
        report.elsewhere = list(self.elsewhere)

    def __str__(self) -> str:
        if not self.installed:
            return "these files have already passed it"
        files = self.publication.manifest.files
        return f"{len(files)} files to an index on this machine; {shorten(self.installed)} installed from there"


@dataclass(frozen=True)
class Differs(Result):
    """What changed since the last release."""

    compared: Compared

    def __str__(self) -> str:
        return str(self.compared)


@dataclass(frozen=True)
class Pushed(Result):
    """Branch and tag on the remote."""

    remote: str
    branch: str
    tag: str
    anew: bool
    """Whether they were pushed in this run."""
    merged: bool = False
    """Whether a merged pull request had already brought the branch there."""
    stood_in: bool = False
    """Whether they were pushed to a rehearsal's stand-in for the remote."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record what is public now."""
        report.remote, report.pushed = self.remote, "yes"
        report.arrived += [f"{name} on {self.remote}" for name in (self.branch, self.tag)]
        if self.anew:
            report.changed = True
            names = (self.tag,) if self.merged else (self.branch, self.tag)
            report.pushes += [f"{name} → {self.remote}" for name in names]

    def __str__(self) -> str:
        if not self.anew:
            return f"{self.remote} has {self.branch} and {self.tag} already"
        where = f"the stand-in for {self.remote}" if self.stood_in else self.remote
        if self.merged:
            return f"{self.tag} to {where}, on the commit merged into {self.branch}"
        return f"{self.branch} and {self.tag} to {where}, in one atomic push"


How = Literal["opened", "renewed", "there already", "by hand"]
"""How the pull request was made; ``by hand`` means that a person must open it."""


@dataclass(frozen=True)
class Proposed(Result):
    """A release whose pull request waits to be merged."""

    remote: str
    branch: str
    page: str
    """The address of the pull request, or of the page that opens it; empty if unknown."""
    how: How
    anew: bool = False
    """Whether anything had to be done."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record where it is proposed."""
        report.remote, report.proposal = self.remote, self.page or self.branch
        report.arrived = [f"{self.branch} on {self.remote}"]
        if self.anew:
            report.changed = True
            report.pushes.append(f"{self.branch} → {self.remote}")
            report.proposes += [f"{self.branch} → {report.release_branch}"] if self.how != "by hand" else []

    def __str__(self) -> str:
        where = f" at {self.page}" if self.page else ""
        texts = {
            "opened": f"{self.branch} to {self.remote}; the pull request is {self.page}",
            "renewed": f"{self.branch} to {self.remote}; the pull request {self.page} is up to date",
            "there already": f"{self.remote} already has {self.branch}; the pull request is {self.page}",
            "by hand": f"{self.branch} is on {self.remote}; open the pull request{where}",
        }
        return texts[self.how]


@dataclass(frozen=True)
class Followed(Result):
    """The checkout, brought to the release."""

    branch: str
    commit: str
    how: Literal["moved", "there already", "left"]

    def __str__(self) -> str:
        texts = {
            "moved": f"{self.branch} at {self.commit[:10]}",
            "there already": f"{self.branch} is at {self.commit[:10]} already",
            "left": "left as it is",
        }
        return texts[self.how]


@dataclass(frozen=True)
class Uploaded(Result):
    """Files on the index."""

    index: str
    files: tuple[Published, ...]

    def __str__(self) -> str:
        uploaded = sum(file.action == "uploaded" for file in self.files)
        counts = ((uploaded, "uploaded"), (len(self.files) - uploaded, "already there with the same SHA-256"))
        return f"{self.index}: {', '.join(f'{count} {what}' for count, what in counts if count)}"


@dataclass(frozen=True)
class LeftTo(Result):
    """A workflow that publishes the pushed tag."""

    workflow: str
    waits: bool
    """Whether it waits until somebody publishes a GitHub Release."""
    index: str
    files: tuple[str, ...]
    """The files that it uploads; for a published release, those that the index has."""
    follow: str = ""
    """How to follow it; empty if the index has the release."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record who publishes what."""
        report.workflow, report.waits = self.workflow, self.waits
        if self.follow:
            report.uploads += [f"{name} → {self.index}, by {self.workflow}" for name in self.files]

    def __str__(self) -> str:
        if not self.follow:
            return f"{self.index} has {shorten(self.files)}"
        return f"left to {self.workflow}; {self.follow}"


@dataclass(frozen=True)
class Watched(Result):
    """A release that a workflow has published and that was verified from here."""

    workflow: str
    run: str
    """The address of its run."""
    index: str
    files: tuple[str, ...]
    """The files that the index serves."""
    compared_with: str
    installed: Mapping[str, str]
    """The file that was installed and works, by Python version."""
    page: str
    """The address of the version's page on the index; empty if unknown."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record that the index serves it, and what was verified."""
        report.served, report.page = True, self.page
        report.arrived += [f"{name} on {self.index}" for name in self.files]
        report.verified += [
            f"{self.index} serves {name}; it was compared with {self.compared_with}" for name in self.files
        ]
        for name in dict.fromkeys(self.installed.values()):
            pythons = ", ".join(python for python, file in self.installed.items() if file == name)
            report.verified.append(f"{name}, as {self.index} serves it, works on Python {pythons}")

    def __str__(self) -> str:
        return f"{self.workflow} passed; {self.index} serves {shorten(self.files)}"


@dataclass(frozen=True)
class Checked(Result):
    """The checks of the release's commit that publishing waits for."""

    checks: tuple[Check, ...]
    without: tuple[str, ...] = ()
    """Those that the user left out."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record which passed."""
        report.verified += [f"check passed: {check}" for check in self.checks]

    def __str__(self) -> str:
        passed = ", ".join(f"{check.name}: {check.told}" for check in self.checks)
        left_out = f"without {', '.join(self.without)}" if self.without else ""
        return "; ".join(filter(None, (passed, left_out)))


@dataclass(frozen=True)
class Announced(Result):
    """The release's page on the forge."""

    where: str
    """The repository on the forge."""
    title: str
    tag: str
    url: str
    files: tuple[str, ...]
    prerelease: bool
    latest: bool | None = None
    """Whether it is shown as the latest release; None if that was not decided now."""
    anew: bool = False
    """Whether anything had to be done."""

    def enter(self, report: Report, voice: Voice) -> None:  # noqa: ARG002 - one signature for all
        """Record what is on the page."""
        report.arrived.append(f"the release {self.tag} on {self.where}")
        if self.anew:
            report.changed = True
            names = shorten(self.files, len(self.files))
            report.announces.append(f"{self.title} ({self.tag}){self._kind} with {names} → {self.where}")

    @property
    def _kind(self) -> str:
        latest = ", the latest release," if self.latest else ""
        return ", a pre-release," if self.prerelease else latest

    def __str__(self) -> str:
        if not self.anew:
            return f"{self.where} has the release {self.tag} with {len(self.files)} files"
        return f"{self.title} on {self.where}{self._kind} with {len(self.files)} files"


@dataclass(frozen=True)
class Omitted(Result):
    """A step that this release does not need, or that is done elsewhere."""

    why: str

    def __str__(self) -> str:
        return self.why


def _versions(plan: Plan) -> str:
    return f"{plan.current} → {plan.version}" if plan.current != plan.version else plan.version
