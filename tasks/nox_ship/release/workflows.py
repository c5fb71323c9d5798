"""GitHub's workflows in a project, and GitLab's CI file: who publishes once a tag is pushed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from nox_ship import documents
from nox_ship.automation import conditions
from nox_ship.automation.github import FOLDER, OURS, Workflows, mapping, patterns
from nox_ship.config import Settings
from nox_ship.errors import Finding, Kind, shorten
from nox_ship.release import filters, steps
from nox_ship.world.forge import GITLAB_CI

TO_BE_STARTED = Kind(
    "NS758", "to-be-started", "After the push, publish a GitHub Release for the tag (`gh release create`).", "notice"
)
MAY_PUBLISH = Kind(
    "NS759",
    "may-publish",
    'Set `publish.by` in [tool.nox-ship] to `"workflow"` if it does, or to `"machine"` if it does not.',
    level="warning",
)
TWO_PUBLISHERS = Kind(
    "NS834",
    "two-publishers",
    "Remove the tag trigger from all but one: they would race to upload the same file names.",
    level="warning",
)
_SECRET = re.compile(r"secrets\.(?!GITHUB_TOKEN\b)|secrets\[")
_RUNS_ALL_THE_SAME = re.compile(r"\b(?:always|cancelled|failure)\s*\(", re.IGNORECASE)
"""Conditions that replace the default one, by which a job needs the success of others."""
_BY_TAG = ("push", "create", "workflow_run")

Event = Literal["push", "create", "workflow_run", "release", "workflow_dispatch"]
"""Events that start a workflow once a tag was pushed: the push itself, or (the last two) a person."""


@dataclass(frozen=True)
class Upload:
    """A job that uploads to an index, or may upload."""

    workflow: str
    """The workflow's file name."""
    job: str
    identity: bool
    """Whether it may request the identity of a trusted publisher (``id-token: write``)."""
    shared: bool
    """Whether every job of the workflow may, because the permission is at the top level."""
    token: bool
    """Whether it receives a secret."""
    environment: str | None
    indexes: frozenset[str] = frozenset({"pypi"})
    """The indexes that it uploads to; ``*`` is an unknown one, ``route`` the one for the kind of version."""
    event: Event = "push"
    certain: bool = True
    """Whether its upload was seen; otherwise it calls something else that may upload."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """The secret with the token of an index, by the index's name, where the workflow shows it."""

    @property
    def by_tag(self) -> bool:
        """Whether a pushed tag starts it without any person."""
        return self.event in _BY_TAG

    def goes_to(self, index: str) -> bool:
        """Whether it is known to upload to this index."""
        return self.certain and bool({index, steps.ROUTED} & self.indexes)

    def may_go_to(self, index: str) -> bool:
        """Whether it uploads to this index, or to an unknown one."""
        return self.goes_to(index) or steps.ANY in self.indexes


@dataclass(frozen=True)
class Publishing:
    """Who publishes a release."""

    workflow: str | None = None
    """The file name of the workflow that publishes; None if this machine does."""
    waits: bool = False
    """Whether the workflow waits until somebody publishes a GitHub Release."""
    told: tuple[Finding, ...] = ()
    """What the user should know about it."""
    certain: bool = True
    """Whether it was seen to upload to this index; otherwise only a setting says that it publishes."""


def publishing(repository: Path, settings: Settings, index: str, tag: str) -> Publishing:
    """Find out who publishes once a tag is pushed.

    The setting ``publish.by`` decides; with ``auto``, it is a workflow that uploads to the index and is started by the
    tag, or else by a GitHub Release.

    Args:
        repository: The top folder of the repository.
        settings: The project's settings.
        index: The name of the index that the version goes to.
        tag: The tag that will be pushed.
    """
    found, told = uploads(repository, tag)
    going = [upload for upload in found if upload.goes_to(index)]
    doubtful = [upload for upload in found if upload.may_go_to(index) and upload.event != "workflow_dispatch"]
    by_tag = list(dict.fromkeys(upload.workflow for upload in going if upload.by_tag))
    by_release = next((upload.workflow for upload in going if upload.event == "release"), None)
    if settings.publish.by == "machine":
        what = f"{shorten(by_tag)} uploads what {tag} builds, and so does this machine (`publish.by`)."
        return Publishing(told=(*told, TWO_PUBLISHERS(what)) if by_tag else told)
    if by_tag:
        return Publishing(by_tag[0], told=(*told, *rivals(found)))
    if by_release:
        what = f"The tag alone starts no upload: {by_release} publishes once there is a GitHub Release for {tag}."
        return Publishing(by_release, waits=True, told=(*told, TO_BE_STARTED(what)))
    if settings.publish.by == "workflow":
        named = next((upload.workflow for upload in doubtful if upload.by_tag), None)
        return Publishing(named or settings.workflows.file or "release.yml", told=told, certain=False)
    doubts = [
        MAY_PUBLISH(f"{upload.workflow}: the job {upload.job} may publish {tag}; this machine does, too.")
        for upload in doubtful
    ]
    return Publishing(told=(*told, *doubts))


def finishes(repository: Path, workflow: str | None) -> bool:
    """Whether a workflow tags and publishes a release by itself once its pull request is merged."""
    path = repository / FOLDER / (workflow or "")
    return path.is_file() and "nox-ship merged" in documents.read_text(path)


def after_publishing(repository: Path, workflow: str, tag: str) -> dict[str, str]:
    """Return the jobs of a workflow that end after it has published, by the names that GitHub shows, with the reason.

    Args:
        repository: The top folder of the repository.
        workflow: The workflow's file name.
        tag: The tag that will be pushed.
    """
    jobs = {
        str(key): job
        for key, job in mapping(Workflows(repository).all.get(workflow, {}).get("jobs")).items()
        if isinstance(job, Mapping)
    }
    uploading = {one.job.partition("/")[0] for one in uploads(repository, tag)[0] if one.workflow == workflow}
    late = dict.fromkeys(uploading & jobs.keys(), "publishes")
    while more := {key for key, job in jobs.items() if key not in late and {*late} & {*patterns(job.get("needs"))}}:
        late.update(dict.fromkeys(more, "runs after it has published"))
    return {str(jobs[key].get("name", key)): why for key, why in late.items()}


def rivals(found: tuple[Upload, ...]) -> Iterator[Finding]:
    """Yield a warning for each index to which more than one workflow uploads for a tag."""
    sure = [upload for upload in found if upload.by_tag]
    for index in sorted({index for upload in sure for index in upload.indexes} - {steps.ANY}):
        names = dict.fromkeys(upload.workflow for upload in sure if upload.goes_to(index))
        if len(names) > 1:
            yield TWO_PUBLISHERS(f"{' and '.join(names)} all upload tagged versions.")
            return


def uploads(repository: Path, tag: str) -> tuple[tuple[Upload, ...], tuple[Finding, ...]]:
    """Return the jobs that upload, or may, once ``tag`` is pushed; and a notice for each unreadable workflow.

    Args:
        repository: The top folder of the repository.
        tag: The tag.
    """
    house = Workflows(repository)
    found: list[Upload] = []
    for name, workflow in house.all.items():
        jobs: dict[str, Upload] = {}
        for event in _events(house, name, tag, set()):
            house.calls = 0
            for upload in _of_workflow(house, name, workflow, _facts(event, tag)):
                jobs.setdefault(upload.job, replace(upload, event=event))
        found.extend(jobs.values())
    found.extend(_on_gitlab(house))
    return tuple(found), tuple(house.unreadable)


def _on_gitlab(house: Workflows) -> Iterator[Upload]:
    """Yield the jobs of GitLab's CI that upload; only for jobs that we wrote is it known what starts them."""
    path = house.repository / GITLAB_CI
    if not documents.is_file(path):
        return
    ours = documents.read_text(path).startswith(OURS)
    for name, job in house.read(GITLAB_CI).items():
        if not isinstance(job, Mapping) or not (script := patterns(job.get("script"))):
            continue
        found = steps.destinations({"run": "\n".join(script)}, mapping(job.get("variables")))
        indexes = frozenset(one.index if one and ours else steps.ANY for one in found if one or not ours)
        environment = mapping(job.get("environment")).get("name") or job.get("environment")
        if indexes:
            yield Upload(
                workflow=GITLAB_CI,
                job=str(name),
                identity="id_tokens" in job,
                shared=False,
                token="id_tokens" not in job,  # each job receives the project's variables
                environment=environment if isinstance(environment, str) else None,
                indexes=indexes,
                certain=ours,
            )


def _events(house: Workflows, name: str, tag: str, seen: set[str]) -> Iterator[Event]:
    """Yield the events for a tag that start a workflow, the push itself first."""
    given = house.all[name].get("on")
    events = given if isinstance(given, Mapping) else dict.fromkeys(patterns(given))
    if "push" in events and _pushed(mapping(events["push"]), tag):
        yield "push"
    if "create" in events:
        yield "create"
    seen.add(name)
    after = mapping(events.get("workflow_run"))
    if filters.admits(patterns(after.get("branches", "**")), tag):
        names = patterns(after.get("workflows"))
        called = ((file, other.get("name", f"{FOLDER}/{file}")) for file, other in house.all.items())
        before = [file for file, title in called if title in names and file not in seen]
        if any(event in _BY_TAG for file in before for event in _events(house, file, tag, seen)):
            yield "workflow_run"
    if "release" in events:
        types = patterns(mapping(events["release"]).get("types", "published"))
        if {"published", "released", "prereleased", "created"} & set(types):
            yield "release"
    if "workflow_dispatch" in events:
        yield "workflow_dispatch"


def _pushed(push: Mapping[str, Any], tag: str) -> bool:
    """Whether the push of a tag starts a workflow with these filters; path filters do not apply to tags."""
    if "tags" in push:
        return filters.admits(patterns(push["tags"]), tag)
    if "tags-ignore" in push:
        return not filters.admits(patterns(push["tags-ignore"]), tag)
    return not ({"branches", "branches-ignore"} & set(push))


def _facts(event: Event, tag: str) -> dict[str, str]:
    """Return the values of expressions in a workflow that ``event`` starts."""
    facts: dict[str, str] = {"github.event_name": event}
    if event in ("push", "create", "release"):
        facts |= {"github.ref": f"refs/tags/{tag}", "github.ref_name": tag, "github.ref_type": "tag"}
        facts |= {"github.event.action": "published" if event == "release" else ""}
    return facts


def _of_workflow(
    house: Workflows, name: str, workflow: Mapping[str, Any], facts: Mapping[str, str], caller: Upload | None = None
) -> Iterator[Upload]:
    """Yield the jobs of a workflow that upload or may; ``caller`` is the job that calls it."""
    jobs = {key: job for key, job in mapping(workflow.get("jobs")).items() if isinstance(job, Mapping)}
    skipped = _skipped(jobs, facts)
    for key, job in jobs.items():
        if key in skipped:
            continue
        upload = _upload(name, workflow, str(key), job, caller)
        if (called := house.called(job.get("uses"))) is not None:
            for inner in _of_workflow(house, name, called, facts, upload):
                yield replace(inner, secrets=_outside(inner.secrets, job.get("secrets")))
            continue
        known = set(_destinations(house, workflow, job, facts))
        seen = [one for one in known if one]
        unseen = (upload.identity or upload.token) and (bool(job.get("uses")) or None in known)
        if seen or unseen:
            indexes = {one.index for one in seen} | ({steps.ANY} if unseen else set())
            only = steps.secrets(" ".join(_handed(workflow, job)))
            found = {one.index: one.secret or only[0] for one in seen if one.secret or len(only) == 1}
            yield replace(upload, indexes=frozenset(indexes), certain=bool(seen), secrets=found)


def _outside(secrets: Mapping[str, str], handed: object) -> dict[str, str]:
    """Return the caller's names of the secrets in a called workflow, by index."""
    if handed == "inherit":
        return dict(secrets)
    outside = {index: steps.secrets(mapping(handed).get(name)) for index, name in secrets.items()}
    return {index: names[0] for index, names in outside.items() if names}


def _skipped(jobs: Mapping[str, Mapping[str, Any]], facts: Mapping[str, str]) -> set[str]:
    """Return the jobs that do not run: by their own condition, or because a job that they need does not.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idneeds
    """
    given = {key: str(job.get("if", "")) for key, job in jobs.items()}
    skipped = {key for key, condition in given.items() if conditions.holds(condition, facts) is False}
    needing = {key: set(patterns(job.get("needs"))) for key, job in jobs.items()}
    above: set[str] = set(skipped)  # jobs that need a skipped one, directly or not; jobs that run anyway end the chain
    while more := {key for key, needs in needing.items() if key not in above and needs & above}:
        above |= more
        skipped |= {key for key in more if not _RUNS_ALL_THE_SAME.search(given[key])}
    return skipped


def _destinations(
    house: Workflows, workflow: Mapping[str, Any], job: Mapping[str, Any], facts: Mapping[str, str]
) -> Iterator[steps.Destination | None]:
    """Yield where a job's steps upload to; None for each that may be an upload."""
    env = {**mapping(workflow.get("env")), **mapping(job.get("env"))}
    later: dict[str, str] = {}
    for step in house.steps(job, facts):
        yield from steps.destinations(step, {**env, **later, **mapping(step.get("env"))}, later)


def _upload(name: str, workflow: Mapping[str, Any], key: str, job: Mapping[str, Any], caller: Upload | None) -> Upload:
    """Return a job's data as an upload; a called workflow has no more rights than its caller."""
    top, own, environment = workflow.get("permissions"), job.get("permissions"), job.get("environment")
    stated = own if own is not None else top
    inherits = caller is not None and caller.identity
    named = mapping(environment).get("name") or environment
    return Upload(
        workflow=name,
        job=f"{caller.job}/{key}" if caller else key,
        identity=(_may_identify(stated) and (inherits or caller is None)) if stated is not None else inherits,
        shared=caller.shared if caller else _may_identify(top),
        token=job.get("secrets") == "inherit" or any(map(_SECRET.search, _handed(workflow, job))),
        environment=named if isinstance(named, str) and named else None,
    )


def _handed(workflow: Mapping[str, Any], job: Mapping[str, Any]) -> Iterator[str]:
    """Yield every string of a job, and of the variables that it shares with the workflow's others."""
    return _texts([workflow.get("env"), dict(job)])


def _may_identify(permissions: object) -> bool:
    """Whether ``permissions`` let a job request an identity; without any, GitHub grants none."""
    return permissions == "write-all" or mapping(permissions).get("id-token") == "write"


def _texts(value: object) -> Iterator[str]:
    """Yield every string in a value, visiting each list and table once: an alias may form a cycle."""
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping | list) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if isinstance(one, Mapping) else one)
