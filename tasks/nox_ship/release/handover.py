"""What one job of a workflow hands to another, which holds rights and obeys nothing of it: it compares.

A job that runs the project's code hands on what it made as an artifact, and tells what that is by the job's outputs.
A job that may write, or has an identity, takes from the artifact just what it was told, and has no checkout.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nox_ship.errors import Findings, Kind, ShipError, shorten
from nox_ship.files import copy_whole
from nox_ship.git import Repository
from nox_ship.package.manifest import FILE_CHANGED, NOTES, OTHER_ORIGIN, Manifest, announced
from nox_ship.process import CommandFailedError
from nox_ship.release.delivery import OTHERS_ON_BRANCH, branch_of
from nox_ship.world.remote import Remote

NOT_ANNOUNCED = Kind(
    "NS761",
    "manifest-not-announced",
    "Set `NOX_SHIP_MANIFEST` to the job output `manifest` of the job that built the files.",
)
OTHER_CUT = Kind(
    "NS762",
    "other-cut",
    "Find what changed the release in the job that cuts it: bump settings, hooks or the noxfile; nothing was pushed.",
)

NOTHING_TO_MERGE = Kind(
    "NS885",
    "nothing-to-merge",
    'Set `delivery = "push"` and write the workflows again: a release that changes no file needs no pull request.',
)
_OTHER_ARTIFACT = "Run the whole workflow again: the artifact is not the one that was built."
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REGULAR = ("100644", "100755")
_GONE = "000000"
_OBEYED = (".github/workflows/", ".github/actions/", ".github/nox-ship.txt")
_CUT = "refs/cut"


def receive(source: Path, root: Path, *, commit: str | None = None, tag: str | None = None) -> Manifest:
    """Take from the artifact in ``source`` what its manifest names, and lay it out in ``root`` as a build does.

    The manifest is compared with its digest that came another way, the files, ``pyproject.toml`` and the notes, if they
    are there, with the manifest. Nothing else of the artifact is read.

    Args:
        source: The folder that the artifact was downloaded to.
        root: The job's own folder.
        commit: The commit that the files must have been built from; None for any.
        tag: The tag that they must have been built of; None for any.

    Raises:
        ShipError: No digest was announced (NS761), the manifest is not there (NS601), is none (NS602) or not the
            announced one (NS606), tells another commit or tag (NS604), or a file is not the one that it names (NS603).
        FileExistsError: ``root`` holds such files already.
    """
    if announced() is None:
        raise ShipError(NOT_ANNOUNCED("Nothing tells which manifest this job is to take."))
    told = source / ".nox-ship" / "manifest.json"
    manifest = Manifest.read(told)
    if commit is not None and manifest.commit != commit:
        raise ShipError(OTHER_ORIGIN(f"The files were built from {manifest.commit[:10]}, not from {commit[:10]}."))
    if tag is not None and manifest.tag != tag:
        raise ShipError(OTHER_ORIGIN(f"The files were built of {manifest.tag}, not of {tag}."))
    findings = Findings()
    (root / "dist").mkdir()
    for file in manifest.files:
        findings.catch(lambda file=file: _take(source / "dist" / file.name, root / "dist" / file.name, file.sha256))  # type: ignore[misc]
    findings.catch(lambda: _take(source / "pyproject.toml", root / "pyproject.toml", manifest.pyproject or ""))
    (root / ".nox-ship").mkdir()
    notes = source / ".nox-ship" / NOTES
    if (sha256 := manifest.notes) and os.path.lexists(notes):  # older workflows leave them out: no index asks for them
        findings.catch(lambda: _take(notes, root / ".nox-ship" / NOTES, sha256))
    findings.raise_errors()
    _take(told, root / ".nox-ship" / "manifest.json", announced() or "")
    return manifest


def _take(source: Path, target: Path, sha256: str) -> None:
    """Copy a file, and compare the copy.

    Raises:
        ShipError: It is not there, or another one (NS603).
    """
    if not source.is_file():
        raise ShipError(FILE_CHANGED(f"{source} is not there.", remedy=_OTHER_ARTIFACT))
    with source.open("rb") as stream, target.open("xb") as copy:
        shutil.copyfileobj(stream, copy)
    with target.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
            target.unlink()
            what = f"{source} is not what the manifest names: its SHA-256 differs."
            raise ShipError(FILE_CHANGED(what, remedy=_OTHER_ARTIFACT))


@dataclass(frozen=True)
class Cut:
    """A release that a job has cut: its objects, and where they belong."""

    branch: str
    tag: str
    commit: str
    tag_object: str
    onto: str
    """The commit that it was cut from."""
    merged: bool = False
    """Whether that is the release, by a merged pull request: the tag alone is new."""

    @property
    def refs(self) -> dict[str, str]:
        """The object of each ref that is pushed, by the ref's full name."""
        tag = {f"refs/tags/{self.tag}": self.tag_object}
        return tag if self.merged else {f"refs/heads/{self.branch}": self.commit, **tag}

    @property
    def bundled(self) -> dict[str, str]:
        """The object of each ref in the bundle; no branch where the release is a tag alone, on what is there."""
        return {name.replace("refs", _CUT, 1): ref for name, ref in self.refs.items() if ref != self.onto}


def bundle(cut: Cut, source: Repository, scratch: Path, target: Path) -> None:
    """Write the objects of a release into a git bundle.

    Args:
        cut: The release.
        source: The repository that holds its objects.
        scratch: A path where nothing is, in a folder of our own: a repository that holds these refs is made there.
        target: The bundle's path; what is there is replaced.

    Raises:
        ShipError: The release changes what the job that pushes would refuse (NS762).
    """
    if findings := list(_unexpected_changes(cut, source)):
        raise ShipError(*(OTHER_CUT(finding) for finding in findings))
    source.run("clone", "--quiet", "--shared", "--bare", source.path, scratch)
    clean = Repository(scratch)
    for name, ref in cut.bundled.items():
        clean.run("update-ref", name, ref)
    whole = scratch.with_name("release.bundle")
    clean.run("bundle", "create", "--quiet", whole, *cut.bundled, f"^{cut.onto}")
    target.parent.mkdir(parents=True, exist_ok=True)
    copy_whole(whole, target)


def push(cut: Cut, file: Path, remote: Remote) -> bool:
    """Push a release that another job has cut, once its bundle proves to hold just that; return whether it was missing.

    Args:
        cut: What the bundle must hold, told another way than by the bundle.
        file: The bundle.
        remote: Where it goes; its ``local`` is an empty bare repository, which takes the objects.

    Raises:
        ShipError: The bundle holds anything else, or the branch has moved on (NS762), or the remote does not answer
            (NS208) or refuses (NS231).
    """
    there = remote.refs()
    pushed = there.get(f"refs/tags/{cut.tag}") == cut.commit  # they arrive together, and branches move on
    if not (pushed or cut.merged):
        _check_branch(cut, there)
    remote.fetch(cut.onto)
    _take_objects(cut, file, remote.local)
    if not pushed:
        remote.push(remote.local, cut.refs)
    return not pushed


def _check_branch(cut: Cut, there: Mapping[str, str]) -> None:
    """Check that the branch is where a release was cut from.

    Raises:
        ShipError: It has moved on (NS762).
    """
    if there.get(f"refs/heads/{cut.branch}") != cut.onto:
        what = f"{cut.branch} is not at {cut.onto[:10]} any more, which the release was cut from."
        raise ShipError(OTHER_CUT(what, remedy="Run the workflow again from the branch."))


def offer(cut: Cut, file: Path, remote: Remote) -> str:
    """Push the commit of a release that another job has cut to a branch of its own; return what git says of it.

    Args:
        cut: What the bundle must hold, told another way than by the bundle.
        file: The bundle.
        remote: Where it goes; its ``local`` is an empty bare repository, which takes the objects.

    Raises:
        ShipError: The bundle holds anything else, or the branch has moved on (NS762), there is no commit that could be
            merged (NS885), the release branch has commits of others (NS880), or the remote does not answer (NS208) or
            refuses (NS231).
    """
    if cut.commit == cut.onto:
        raise ShipError(NOTHING_TO_MERGE(f"{cut.tag} changes no file: there is nothing that could be merged."))
    there, ref, local = remote.refs(), f"refs/heads/{branch_of(cut.tag)}", remote.local
    _check_branch(cut, there)
    remote.fetch(cut.onto)
    _take_objects(cut, file, local)
    subject, tip = local.run("log", "-1", "--format=%s", cut.commit), there.get(ref, "")
    if tip not in ("", cut.commit):
        remote.fetch(tip)
        if (local.run("log", "-1", "--format=%s", tip), len(local.parents(tip))) != (subject, 1):
            raise ShipError(OTHERS_ON_BRANCH(f"{branch_of(cut.tag)} is at {tip[:10]}, which no release made."))
    if tip != cut.commit:
        remote.push(local, {ref: cut.commit}, replaces={ref: tip})
    return subject


def switch(cut: Cut, file: Path, checkout: Repository) -> None:
    """Bring a checkout of the commit that a release was cut from to that release: branch, tag and files.

    Args:
        cut: What the bundle must hold, told another way than by the bundle.
        file: The bundle.
        checkout: The checkout, of the release branch.

    Raises:
        ShipError: The bundle holds anything else, or the checkout is of another commit (NS762).
    """
    if checkout.head != cut.onto:
        what = f"The checkout is of {checkout.head[:10]}, the release was cut from {cut.onto[:10]}."
        raise ShipError(OTHER_CUT(what))
    _take_objects(cut, file, checkout)
    checkout.run("update-ref", f"refs/tags/{cut.tag}", cut.tag_object)
    checkout.run("checkout", "--quiet", "--no-track", "-B", cut.branch, cut.commit)


def _take_objects(cut: Cut, file: Path, local: Repository) -> None:
    """Take the objects of a release out of its bundle.

    Raises:
        ShipError: It holds anything else (NS762).
    """
    try:
        findings = list(_wrong(cut, file.absolute(), local))
    except CommandFailedError as error:
        raise ShipError(OTHER_CUT("Git cannot read the bundle.", detail=error.done.output)) from error
    if findings:
        raise ShipError(*(OTHER_CUT(finding) for finding in findings))


def _wrong(cut: Cut, file: Path, local: Repository) -> Iterator[str]:
    """Yield what a bundle holds beside one commit on top of another and a tag on it, or instead of them."""
    if not all(map(_OBJECT.fullmatch, (cut.commit, cut.tag_object, cut.onto))):
        yield "The release's objects are not named by their hashes."
        return
    if any(local.find("check-ref-format", name) is None for name in cut.refs):
        yield f"{cut.tag!r} cannot be a tag."
        return
    held = dict(line.split(" ", 1)[::-1] for line in local.run("bundle", "list-heads", file).splitlines())
    if held != cut.bundled:
        yield f"The bundle holds {shorten(held) or 'nothing'}, and not just the commit and the tag that were cut."
        return
    local.run("-c", "fetch.fsckObjects=true", "fetch", "--quiet", file, *cut.bundled)
    tag = local.run("cat-file", "tag", cut.tag_object).partition("\n\n")[0].splitlines()
    if tag[:3] != [f"object {cut.commit}", "type commit", f"tag {cut.tag}"]:
        yield f"The tag is not {cut.tag} on {cut.commit[:10]}."
    if cut.commit == cut.onto:
        return  # the version comes from the tag
    parents = local.run("rev-list", "--parents", "--max-count=1", cut.commit).split()[1:]
    if parents != [cut.onto]:
        yield f"{cut.commit[:10]} is not one commit on top of {cut.onto[:10]}."
        return
    yield from _unexpected_changes(cut, local)


def _unexpected_changes(cut: Cut, local: Repository) -> Iterator[str]:
    """Yield changes that no release makes: of what other jobs with rights obey, and of anything but plain files."""
    rows = local.run("diff-tree", "-r", "-z", "--no-renames", cut.onto, cut.commit).split("\0")
    for told, path in zip(rows[::2], rows[1::2], strict=False):
        before, after = told.removeprefix(":").split()[:2]
        if path.startswith(_OBEYED):
            yield f"The commit changes {path}, which tells what jobs with rights do."
        elif after not in (*_REGULAR, _GONE) or before not in (*_REGULAR, _GONE):
            yield f"The commit makes {path} something else than a plain file."
