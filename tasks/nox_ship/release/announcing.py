"""The step that announces a release: its page on the forge, with notes and files."""

from __future__ import annotations

from collections.abc import Iterator

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.materials import materials_path
from nox_ship.release.announcement import IMMUTABLE, Announcement, Outcome, bring, look
from nox_ship.release.beside import materials
from nox_ship.release.delivering import left_here
from nox_ship.release.results import Announced, Bumped, Omitted, Result, Tried
from nox_ship.release.run import Run, State
from nox_ship.world.forge import TOKENS
from nox_ship.world.releases import Releases

NO_TOKEN = Kind(
    "NS789",
    "not-announced",
    "Set `GH_TOKEN` to a token with write access to the repository's contents, and run the same command again.",
    level="notice",
)


def announce_state(run: Run) -> State:
    """Check whether the forge has the release with all its files."""
    plan, forge = run.plan, run.world.forge
    if plan.workflow:
        return State.unknown(f"left to {plan.workflow}")
    if forge is None:
        return State.unknown("the remote is not on GitHub")
    if forge.api.token is None:
        return State.unknown(f"there is no token for {forge.where}")
    announcement = _announcement(run)
    if announcement is None:
        found = forge.find(plan.tag)
        has = f"{forge.where} has a release for {plan.tag}; the built files are not here to compare with"
        return State.unknown(has) if found and not found.draft else State.missing(f"{plan.tag} is not announced")
    posted = look(announcement, forge)
    if posted.release and posted.is_complete:
        files = tuple(file.name for file in announcement.files)
        prerelease = posted.release.prerelease
        return State.done(
            Announced(forge.where, announcement.title, plan.tag, posted.release.url, files, prerelease=prerelease)
        )
    return State.missing(posted)


def _announcement(run: Run, *, others: bool = False) -> Announcement | None:
    """Return the announcement; None if the built files are not here."""
    plan, tried, bumped = run.plan, run.find(Tried), run.find(Bumped)
    publication = tried.publication if tried else left_here(run)
    if publication is None:
        return None
    refs, prefix = run.world.remote.refs() if others else (), "refs/tags/"
    tags = [name.removeprefix(prefix) for name in refs if name.startswith(prefix)]
    notes = bumped.notes if bumped else ""
    manifest, project = publication.manifest, publication.project
    bill = materials(materials_path(project), manifest)
    return Announcement.of(manifest, project, plan.tag, notes, tags, bill)


def no_token(forge: Releases, tag: str) -> Finding:
    """Return a finding that there is no token to announce a release with."""
    what = f"There is no token for {forge.where} in {' or '.join(TOKENS)}, so {tag} gets no release page there."
    return NO_TOKEN(what)


def told_of(outcome: Outcome, forge: Releases) -> Iterator[Finding]:
    """Yield what the user should know about an announced release."""
    if outcome.lacks:
        lacks = shorten(outcome.lacks, len(outcome.lacks))
        yield IMMUTABLE(f"The release {outcome.release.tag} on {forge.where} is immutable and lacks {lacks}.")


def announce(run: Run, state: State) -> Result:
    """Announce the release, or say why that is impossible from here."""
    plan, forge = run.plan, run.world.forge
    if plan.workflow or forge is None:
        return Omitted(state.seen)
    if forge.api.token is None:
        run.notify(no_token(forge, plan.tag))
        return Omitted(state.seen)
    announcement = _announcement(run, others=True)
    if announcement is None:
        raise AssertionError  # a release always has built files
    run.of(Tried).publication.manifest.check(run.of(Tried).publication.folder)
    outcome = bring(announcement, forge, state.seen, run.voice.note)
    for finding in told_of(outcome, forge):
        run.notify(finding)
    return Announced(
        forge.where,
        announcement.title,
        plan.tag,
        outcome.release.url,
        tuple(file.name for file in announcement.files if file.name not in outcome.lacks),
        prerelease=outcome.release.prerelease,
        latest=outcome.latest,
        anew=not outcome.lacks,
    )
