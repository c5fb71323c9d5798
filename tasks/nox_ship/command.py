"""The `nox-ship` command: everything that must work before nox can run in a project."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from packaging.version import Version

from nox_ship import actions, naming
from nox_ship.cli import command_arguments
from nox_ship.config import Settings
from nox_ship.errors import Finding, Kind, ShipError, shorten
from nox_ship.files import write_whole
from nox_ship.git import Repository
from nox_ship.package.build import read_notes
from nox_ship.package.manifest import Manifest
from nox_ship.project import OWN_FOLDER, Project
from nox_ship.release import cache
from nox_ship.release.delivery import BY_PULL_REQUEST, PUSH, Delivery, branch_of, choose
from nox_ship.release.handover import Cut, Offer, offer, push, receive, switch
from nox_ship.release.merged import check_merged, merged_into
from nox_ship.release.proposing import NOT_OPENED, offered
from nox_ship.release.proven import PROVEN_ANEW, proposed_by_run, proven
from nox_ship.release.results import enter_files
from nox_ship.release.route import route
from nox_ship.release.stage import cache_folder, workshop_of
from nox_ship.report import Report
from nox_ship.report_summary import proposed
from nox_ship.setup import advice, init
from nox_ship.setup.build_system import read_project
from nox_ship.setup.ci_files import HAND_WRITTEN
from nox_ship.setup.keep import is_ours
from nox_ship.setup.noxfile import BARE
from nox_ship.setup.plan import SetupPlan
from nox_ship.setup.survey import Survey
from nox_ship.terminal import Voice
from nox_ship.world.commits import move, signed
from nox_ship.world.forge import Job
from nox_ship.world.index import Index
from nox_ship.world.pulls import LONGEST_BODY, PullRequests
from nox_ship.world.real import index_addresses
from nox_ship.world.releases import Releases
from nox_ship.world.remote import BranchProtectedError, Remote

NOT_EMPTY = Kind("NS817", "folder-not-empty", "Run it in an empty folder; to set up a project, use `nox-ship init`.")

_BRANCH = "refs/heads/"
_DAY = 24 * 60 * 60


def main(args: Sequence[str] | None = None) -> int:
    """Run the command in the current folder and return its exit code."""
    voice = Voice()
    try:
        options = command_arguments(sys.argv[1:] if args is None else args)
        commands = {
            "receive": _receive,
            "switch": _switch,
            "push": _push,
            "propose": _propose,
            "merged": _merged,
            "proven": _proven,
            "clean": _clean,
        }
        return commands.get(options.command, _init)(options, Path.cwd(), voice)
    except ShipError as error:
        for finding in error.findings:
            voice.finding(finding)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        voice.finding(init.NOT_WRITABLE(f"{where}{error.strerror or error}."))
        return 1


def _receive(options: Namespace, root: Path, voice: Voice) -> int:
    if there := [
        name for name in ("noxfile.py", "pyproject.toml", "dist", ".nox-ship") if os.path.lexists(root / name)
    ]:
        raise ShipError(NOT_EMPTY(f"The folder already has {shorten(there, len(there))}."))
    tree = options.tree or None
    try:
        manifest = receive(options.folder, root, commit=options.commit, tag=options.tag, tree=tree)
    except ShipError as error:
        if tree is None:
            raise
        return _anew(error.findings[0], voice)
    write_whole(root / "noxfile.py", BARE)
    digest = hashlib.sha256((root / OWN_FOLDER / "manifest.json").read_bytes()).hexdigest()
    actions.output(route=route(Project.read(root).settings, Version(manifest.version)), manifest=digest)
    for file in manifest.files:
        voice.note(f"{file.name}  sha256:{file.sha256}")
    voice.note("noxfile.py holds nox-ship's sessions and nothing else")
    return 0


def _cut(options: Namespace) -> Cut:
    return Cut(
        branch=options.branch,
        tag=options.tag,
        commit=options.commit,
        tag_object=options.tag_object,
        onto=options.onto,
        merged=bool(getattr(options, "merged", "")),
    )


def _switch(options: Namespace, root: Path, voice: Voice) -> int:
    cut = _cut(options)
    switch(cut, options.bundle, Repository.at(root))
    voice.last_line(f"The checkout is now at {cut.tag}, {cut.commit[:10]}.")
    return 0


def _push(options: Namespace, _: Path, voice: Voice) -> int:
    job, cut = Job.of(os.environ), _cut(options)
    if cut.merged:
        check_merged(PullRequests(job.github), cut.tag, cut.onto, cut.branch)
    decides = options.auto and not cut.merged and cut.commit != cut.onto
    delivery = choose("auto", Releases(job.github), cut.branch, refused=False) if decides else PUSH
    if delivery.proposes:
        return _left_to_propose(delivery, voice)
    try:
        with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
            local = Repository.empty(Path(folder), sha256=len(cut.onto) > 40)  # noqa: PLR2004 - digits of SHA-1
            missing = push(cut, options.bundle, Remote("origin", job.remote, local))
    except BranchProtectedError:
        if not decides:
            raise
        return _left_to_propose(choose("auto", None, cut.branch, refused=True), voice)
    what = cut.tag if cut.merged else f"{cut.branch} and {cut.tag}"
    voice.note(f"{what}: {'pushed' if missing else 'pushed already'}")
    job.start(cut.tag, options.target)
    voice.last_line(f"Started {job.workflow} on {cut.tag}.")
    return 0


def _left_to_propose(delivery: Delivery, voice: Voice) -> int:
    """Let a later job propose the release: nothing was pushed."""
    actions.output(propose="true")
    voice.finding(BY_PULL_REQUEST(f"This release is proposed in a pull request: {delivery.why}."))
    return 0


def _propose(options: Namespace, root: Path, voice: Voice) -> int:
    """Push a release to a branch of its own, and open its pull request; where that is not allowed, say where it is."""
    job, cut = Job.of(os.environ), _cut(options)
    manifest = Manifest.read(root / OWN_FOLDER / "manifest.json")
    manifest.check_origin(cut.commit, manifest.version)
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as folder:
        local = Repository.empty(Path(folder), sha256=len(cut.onto) > 40)  # noqa: PLR2004 - digits of SHA-1
        made = offer(cut, options.bundle, Remote("origin", job.remote, local), manifest.tree)
    branch, title = branch_of(cut.tag), made.message.partition("\n")[0]
    is_signed = made.commit != cut.commit or _sign(job, cut, made, branch)
    voice.note(f"{cut.tag} is pushed to {branch}{', signed by GitHub' if is_signed else ''}")
    report = Report("", project=manifest.name, version=manifest.version, tag=cut.tag)
    enter_files(manifest, report)
    report.notes = read_notes(Project.read(root), manifest)
    then = (
        f"It was made from {cut.branch} at {cut.onto[:10]}, and passed every check as {cut.commit[:10]}.",
        "Merge it in any way: by a merge commit, a squash, a rebase or a merge queue.",
        _finishing(job.workflow, cut.tag, reuses=manifest.tree is not None),
        "Close it, and nothing is released.",
    )
    try:
        pulls, body = PullRequests(job.github), proposed(report, then, LONGEST_BODY)
        pull, opened = offered(pulls, branch, cut.branch, title, body)
    except ShipError as error:
        why = error.findings[0].what.rstrip(".")
        where = f"{job.remote}/compare/{quote(cut.branch)}...{quote(branch)}?expand=1"
        voice.finding(NOT_OPENED(f"No pull request was opened: {why}. Open it at {where}"))
        return 0
    voice.last_line(f"{pull.url} {'is opened' if opened else 'is up to date'}.")
    return 0


def _finishing(workflow: str, tag: str, *, reuses: bool) -> str:
    if not reuses:
        return f"{workflow} then builds and tests the merged commit, tags it {tag}, and publishes it."
    return (
        f"{workflow} then tags the merged commit {tag} and publishes these files. If its tree is another one,"
        " or GitHub no longer has the files, it first builds and tests the merged commit."
    )


def _sign(job: Job, cut: Cut, made: Offer, branch: str) -> bool:
    """Replace our commit with one that GitHub signs, with the same tree; return false if it signs none."""
    try:
        commit = signed(job.github, made.message, made.tree, cut.onto)
        if commit:
            move(job.github, branch, commit)
    except ShipError:
        return False  # rules that require signatures refuse the merge, and say so
    return commit is not None


def _merged(options: Namespace, _: Path, voice: Voice) -> int:
    job = Job.of(os.environ)
    found = merged_into(PullRequests(job.github), job.commit, options.branch) if job.ref.startswith(_BRANCH) else None
    tag, head = found or ("", "")
    actions.output(tag=tag, head=head)
    what = f"is the release {tag}: its pull request was merged" if tag else "is no release that was merged"
    voice.last_line(f"{job.commit[:10]} {what}.")
    return 0


def _proven(options: Namespace, _: Path, voice: Voice) -> int:
    job = Job.of(os.environ)
    try:
        by_merge = proposed_by_run(options.merged, options.branch, job) if options.merged else None
    except ShipError as error:
        return _anew(error.findings[0], voice)
    found = by_merge or proven(options.run, options.branch, job)
    actions.output(**asdict(found))
    voice.last_line(f"Run {found.run} proved the files in the manifest sha256:{found.manifest}.")
    return 0


def _anew(why: Finding, voice: Voice) -> int:
    """Say why the proposed files are not published; without outputs, later jobs prove the merged commit anew."""
    voice.finding(why if why.id == PROVEN_ANEW.id else PROVEN_ANEW(f"The proposed files are not used: {why.what}"))
    return 0


def _init(options: Namespace, root: Path, voice: Voice) -> int:
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    survey = Survey.of(root, running, options.repository, read_project(root))
    ci = options.ci or survey.ci
    if options.check:
        return _check(survey, voice, ci)
    for name, value in survey.lines():
        voice.fact(name, value)
    made = init.plan(survey, ci=ci, replaced=options.force or (), hashes=_published)
    for name, value in init.session_lines(made):
        voice.fact(name, value)
    _write(made, voice, force=options.force is not None)
    for hint in made.hints:
        voice.text(f"\n{hint}")
    if ci == "none":
        voice.text("")
        if options.ci is None:
            voice.finding(advice.NO_FORGE(advice.no_forge(survey)))
        voice.text(advice.other_ci(survey))
    with naming.settled(made.decision.names):
        for step in advice.next_steps(made):
            voice.text(f"\n{step}")
    return 0


def _write(made: SetupPlan, voice: Voice, *, force: bool) -> None:
    """Write the planned files, and list them."""
    done, left = init.write(made, force=force)
    for change in done:
        voice.fact("written" if change.before is None else "changed", f"{change.name} ({change.why})")
        if change.before is not None:
            voice.text(change.diff)
    for change in left:
        voice.fact("left", f"{change.name} differs from what nox-ship would write; `--force` overwrites it")
        voice.text(change.diff)
    if not made.changes:
        voice.fact("nothing", "is missing")


def _published(version: str) -> tuple[str, ...]:
    """Ask PyPI for the SHA-256 hashes of the wheels of a version of nox-ship.

    Raises:
        ShipError: It does not answer (NS701).
    """
    index = Index("PyPI", **asdict(index_addresses("pypi", Settings())))
    served = index.files("nox-ship", version).values()
    return tuple(file.sha256 for file in served if file.sha256 and file.filename.endswith(".whl"))


def _check(survey: Survey, voice: Voice, ci: str) -> int:
    made = init.drift(survey, ci)
    for name in made.theirs:
        voice.fact("left", f"{name} is your own")
    for change in made.changes:
        if change.before is None:
            voice.finding(init.DRIFTED(f"{change.name} is missing.", remedy="Run `nox-ship init`."))
        elif not is_ours(change.before):
            voice.finding(HAND_WRITTEN(f"{change.name} was not written by nox-ship."))
        else:
            voice.text(change.diff)
            voice.finding(init.DRIFTED(f"{change.name} no longer fits your settings, or this version of nox-ship."))
    if not made.changes:
        ours = "are up to date" if made.workflows else "there are none of nox-ship's"
        voice.fact("workflows", ours)
    return 1 if made.changes else 0


def _clean(options: Namespace, root: Path, voice: Voice) -> int:
    """Remove what releases left in the cache, or list it."""
    base, mine = cache_folder(root), workshop_of(root)
    there = cache.kept(base)
    chosen = there if options.all or options.list else [one for one in there if one.folder == mine.folder]
    for one in chosen:
        days = int((time.time() - one.used) // _DAY)
        used = f"used {days} days ago" if days else "used today"
        what = f"{one.root or f'unknown ({one.folder.name})'}: {one.holds}, {_shown_size([one])}, {used}"
        voice.fact("kept" if options.list else _removed(one, force=options.force), what)
    if others := [one for one in there if one not in chosen]:
        voice.text(f"{len(others)} more in {base}, {_shown_size(others)}: `nox-ship clean --list` shows them")
    elif not chosen:
        voice.text(f"There is nothing in {base}.")
    return 0


def _removed(one: cache.Kept, *, force: bool) -> str:
    if one.unfinished and not force:
        return "left (--force)"
    return "removed" if one.remove() else "in use"


def _shown_size(many: Sequence[cache.Kept]) -> str:
    return f"{sum(one.size for one in many) / 1e6:.0f} MB"
