"""What one job of a workflow passes to another job with rights, which trusts none of it and compares everything.

A job that runs the project's code passes its results on as an artifact, and describes them in its job outputs. A job
that may write, or has an identity, takes from the artifact only what was described, and has no checkout.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nox_ship.errors import Findings, Kind, ShipError, shorten
from nox_ship.files import copy_whole
from nox_ship.git import Repository
from nox_ship.package.manifest import FILE_CHANGED, NOTES, OTHER_ORIGIN, Manifest, announced
from nox_ship.process import CommandFailedError
from nox_ship.release.delivery import OTHERS_ON_BRANCH, branch_of, made_by_others
from nox_ship.world.remote import Remote

NOT_ANNOUNCED = Kind(
    "NS761",
    "manifest-not-announced",
    "Set `NOX_SHIP_MANIFEST` to the job output `manifest` of the job that built the files.",
)
OTHER_CUT = Kind(
    "NS762",
    "other-cut",
    "Find what changed the release in the job that cuts it (bump settings, hooks, the noxfile); nothing was pushed.",
)

NOTHING_TO_MERGE = Kind(
    "NS885",
    "nothing-to-merge",
    "Leave `delivery` out and write the workflows again: a release that changes no file needs no pull request.",
)
_OTHER_ARTIFACT = "Run the whole workflow again: this artifact is not the one that was built."
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REGULAR = ("100644", "100755")
_GONE = "000000"
_OBEYED = (".github/workflows/", ".github/actions/", ".github/nox-ship.txt")
_CUT = "refs/cut"


def receive(
    source: Path, root: Path, *, commit: str | None = None, tag: str | None = None, tree: str | None = None
) -> Manifest:
    """Take the files of a manifest from the artifact in ``source``, and lay them out in ``root`` as a build does.

    The manifest is compared with its digest, which came by another way; the files, ``pyproject.toml`` and the notes, if
    present, are compared with the manifest. Nothing else of the artifact is read.

    Args:
        source: The folder that the artifact was downloaded to.
        root: The job's own folder.
        commit: The commit that the files must have been built from; None for any.
        tag: The tag for which they must have been built; None for any.
        tree: The tree of ``commit``, if another commit with it will do; the manifest is then made to name ``commit``.

    Raises:
        ShipError: No digest was given (NS761); the manifest is missing (NS601), invalid (NS602), different (NS606), or
            of another commit, tree or tag (NS604); or a file is not the one in the manifest (NS603).
        FileExistsError: ``root`` already has such files.
    """
    if announced() is None:
        raise ShipError(NOT_ANNOUNCED("Nothing says which manifest this job should accept."))
    told = source / ".nox-ship" / "manifest.json"
    manifest = Manifest.read(told)
    if tree is not None:
        if manifest.tree != tree:
            built = f"the tree {manifest.tree[:10]}" if manifest.tree else "one commit, whose tag they name"
            raise ShipError(OTHER_ORIGIN(f"The files were built from {built}, not from the tree {tree[:10]}."))
    elif commit is not None and manifest.commit != commit:
        raise ShipError(OTHER_ORIGIN(f"The files were built from {manifest.commit[:10]}, not from {commit[:10]}."))
    if tag is not None and manifest.tag != tag:
        raise ShipError(OTHER_ORIGIN(f"The files were built for {manifest.tag}, not for {tag}."))
    findings = Findings()
    (root / "dist").mkdir()
    for file in manifest.files:
        findings.catch(lambda file=file: _take(source / "dist" / file.name, root / "dist" / file.name, file.sha256))  # type: ignore[misc]
    findings.catch(lambda: _take(source / "pyproject.toml", root / "pyproject.toml", manifest.pyproject or ""))
    (root / ".nox-ship").mkdir()
    notes = source / ".nox-ship" / NOTES
    if (sha256 := manifest.notes) and os.path.lexists(notes):  # older workflows omit them: indexes do not need them
        findings.catch(lambda: _take(notes, root / ".nox-ship" / NOTES, sha256))
    findings.raise_errors()
    there = root / ".nox-ship" / "manifest.json"
    if tree is None:
        _take(told, there, announced() or "")
        return manifest
    renamed = replace(manifest, commit=commit or manifest.commit)
    renamed.write(there)
    return renamed


def _take(source: Path, target: Path, sha256: str) -> None:
    """Copy a file, and compare the copy.

    Raises:
        ShipError: It is missing, or different (NS603).
    """
    if not source.is_file():
        raise ShipError(FILE_CHANGED(f"{source} is missing.", remedy=_OTHER_ARTIFACT))
    with source.open("rb") as stream, target.open("xb") as copy:
        shutil.copyfileobj(stream, copy)
    with target.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
            target.unlink()
            what = f"{source} is not the file in the manifest: its SHA-256 differs."
            raise ShipError(FILE_CHANGED(what, remedy=_OTHER_ARTIFACT))


@dataclass(frozen=True)
class Cut:
    """A release that a job has cut: its objects, and where they belong."""

    branch: str
    tag: str
    commit: str
    tag_object: str
    onto: str
    """The commit from which it was cut."""
    merged: bool = False
    """Whether that commit is the release, by a merged pull request: only the tag is new."""

    @property
    def refs(self) -> dict[str, str]:
        """The object of each ref to push, by the ref's full name."""
        tag = {f"refs/tags/{self.tag}": self.tag_object}
        return tag if self.merged else {f"refs/heads/{self.branch}": self.commit, **tag}

    @property
    def bundled(self) -> dict[str, str]:
        """The object of each ref in the bundle; without a branch if the release is only a tag on an existing commit."""
        return {name.replace("refs", _CUT, 1): ref for name, ref in self.refs.items() if ref != self.onto}


def bundle(cut: Cut, source: Repository, scratch: Path, target: Path) -> None:
    """Write the objects of a release into a git bundle.

    Args:
        cut: The release.
        source: The repository with its objects.
        scratch: An unused path in a folder of our own, where a repository with these refs is created.
        target: The bundle's path; an existing file is replaced.

    Raises:
        ShipError: The release changes what the pushing job would refuse (NS762).
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
    """Push a release that another job has cut, after checking that its bundle holds only that; return if it was new.

    Args:
        cut: What the bundle must hold, known from another source than the bundle.
        file: The bundle.
        remote: The remote to push to; its ``local`` is an empty bare repository, which receives the objects.

    Raises:
        ShipError: The bundle holds anything else, or the branch has moved on (NS762); or the remote does not answer
            (NS208) or refuses (NS231).
    """
    if cut.merged and cut.commit != cut.onto:
        raise ShipError(OTHER_CUT(f"{cut.tag} is on {cut.commit[:10]}, not on the merged commit {cut.onto[:10]}."))
    there = remote.refs()
    pushed = there.get(f"refs/tags/{cut.tag}") == cut.commit  # both arrive together, but branches move on
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
        what = f"{cut.branch} is no longer at {cut.onto[:10]}, from which the release was cut."
        raise ShipError(OTHER_CUT(what, remedy="Run the workflow again from the branch."))


@dataclass(frozen=True)
class Offer:
    """The commit of a release on a branch of its own."""

    message: str
    tree: str
    commit: str
    """The tip of the branch: the commit that was cut, or one with the same tree that the forge has made."""


def offer(cut: Cut, file: Path, remote: Remote, tree: str | None = None) -> Offer:
    """Push the commit of a cut release to a branch of its own, unless the branch has an equivalent one.

    Args:
        cut: What the bundle must hold, told another way than by the bundle.
        file: The bundle.
        remote: Where it goes; its ``local`` is an empty bare repository, which takes the objects.
        tree: The tree that the commit must have, as the manifest of the built files says; None for any.

    Raises:
        ShipError: The bundle holds anything else, or the branch has moved on (NS762), there is no commit that could be
            merged (NS885), it has another tree (NS604), the release branch has commits of others (NS880), or the remote
            does not answer (NS208) or refuses (NS231).
    """
    if cut.commit == cut.onto:
        raise ShipError(NOTHING_TO_MERGE(f"{cut.tag} changes no file: there is nothing that could be merged."))
    there, ref, local = remote.refs(), f"refs/heads/{branch_of(cut.tag)}", remote.local
    _check_branch(cut, there)
    remote.fetch(cut.onto)
    _take_objects(cut, file, local)
    (whole, message), tip = _content(local, cut.commit), there.get(ref, "")
    if tree not in (None, whole):
        raise ShipError(OTHER_ORIGIN(f"The files were not built from {whole[:10]}, the tree of {cut.commit[:10]}."))
    if tip not in ("", cut.commit):
        remote.bring(cut.onto)  # with its history, which the tip is compared with
        if others := made_by_others(remote, tip, message.partition("\n")[0], cut.onto):
            raise ShipError(OTHERS_ON_BRANCH(f"{branch_of(cut.tag)} is at {tip[:10]}, {others}."))
        if (_content(local, tip)[0], local.parents(tip)) == (whole, [cut.onto]):
            return Offer(message, whole, tip)
    if tip != cut.commit:
        remote.push(local, {ref: cut.commit}, replaces={ref: tip})
    return Offer(message, whole, cut.commit)


def _content(local: Repository, commit: str) -> tuple[str, str]:
    """Return the tree and the message of a commit."""
    tree, _, message = local.run("log", "-1", "--format=%T%n%B", commit).partition("\n")
    return tree, message


def switch(cut: Cut, file: Path, checkout: Repository) -> None:
    """Switch a checkout from the commit from which a release was cut to the release: branch, tag and files.

    Args:
        cut: What the bundle must hold, known from another source than the bundle.
        file: The bundle.
        checkout: The checkout, on the release branch.

    Raises:
        ShipError: The bundle holds anything else, or the checkout is at another commit (NS762).
    """
    if checkout.head != cut.onto:
        what = f"The checkout is at {checkout.head[:10]}, but the release was cut from {cut.onto[:10]}."
        raise ShipError(OTHER_CUT(what))
    _take_objects(cut, file, checkout)
    checkout.run("update-ref", f"refs/tags/{cut.tag}", cut.tag_object)
    checkout.run("checkout", "--quiet", "--no-track", "-B", cut.branch, cut.commit)


def _take_objects(cut: Cut, file: Path, local: Repository) -> None:
    """Take the objects of a release from its bundle.

    Raises:
        ShipError: The bundle holds anything else (NS762).
    """
    try:
        findings = list(_wrong(cut, file.absolute(), local))
    except CommandFailedError as error:
        raise ShipError(OTHER_CUT("Git cannot read the bundle.", detail=error.done.output)) from error
    if findings:
        raise ShipError(*(OTHER_CUT(finding) for finding in findings))


def _wrong(cut: Cut, file: Path, local: Repository) -> Iterator[str]:
    """Yield how a bundle differs from one commit on top of another with a tag on it."""
    if not all(map(_OBJECT.fullmatch, (cut.commit, cut.tag_object, cut.onto))):
        yield "The release's objects are not named by their hashes."
        return
    if any(local.find("check-ref-format", name) is None for name in cut.refs):
        yield f"{cut.tag!r} is not a valid tag name."
        return
    held = dict(line.split(" ", 1)[::-1] for line in local.run("bundle", "list-heads", file).splitlines())
    if held != cut.bundled:
        yield f"The bundle holds {shorten(held) or 'nothing'} instead of just the commit and the tag that were cut."
        return
    local.run("-c", "fetch.fsckObjects=true", "fetch", "--quiet", file, *cut.bundled)
    tag = local.run("cat-file", "tag", cut.tag_object).partition("\n\n")[0].splitlines()
    if tag[:3] != [f"object {cut.commit}", "type commit", f"tag {cut.tag}"]:
        yield f"The tag is not {cut.tag} on {cut.commit[:10]}."
    if cut.commit == cut.onto:
        return  # the version comes from the tag
    parents = local.run("rev-list", "--parents", "--max-count=1", cut.commit).split()[1:]
    if parents != [cut.onto]:
        yield f"{cut.commit[:10]} is not a single commit on top of {cut.onto[:10]}."
        return
    yield from _unexpected_changes(cut, local)


def _unexpected_changes(cut: Cut, local: Repository) -> Iterator[str]:
    """Yield changes that no release makes: to what privileged jobs obey, and of anything but regular files."""
    rows = local.run("diff-tree", "-r", "-z", "--no-renames", cut.onto, cut.commit).split("\0")
    for told, path in zip(rows[::2], rows[1::2], strict=False):
        before, after = told.removeprefix(":").split()[:2]
        if path.startswith(_OBEYED):
            yield f"The commit changes {path}, which controls what privileged jobs do."
        elif after not in (*_REGULAR, _GONE) or before not in (*_REGULAR, _GONE):
            yield f"The commit turns {path} into something other than a regular file."
