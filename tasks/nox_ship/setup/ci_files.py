"""Planning the CI files: workflows, the lock of what they install, Dependabot's settings."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from collections.abc import Collection
from pathlib import Path

from packaging.version import Version

from nox_ship import documents, versions
from nox_ship.errors import Kind, ShipError
from nox_ship.gates import evidence, matrix
from nox_ship.gates.own import Decision
from nox_ship.project import Project
from nox_ship.release.version import BAD_VERSION
from nox_ship.setup import gitlab, hand_written, lock, workflows
from nox_ship.setup.change import Change
from nox_ship.setup.keep import is_ours, keep_own
from nox_ship.setup.noxfile import Noxfile
from nox_ship.setup.plan import SetupPlan
from nox_ship.setup.rival import Rival, neighbours, rivals
from nox_ship.setup.survey import Survey
from nox_ship.world.forge import GITLAB_CI
from nox_ship.world.index import PUBLIC_INDEXES
from nox_ship.world.real import token_variable

HAND_WRITTEN = Kind("NS815", "hand-written", "Rename it, or replace it: `nox-ship init --force nox-ship.txt`.")


def facts(survey: Survey) -> workflows.Facts:
    """Return the facts that the templates of the CI files need.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    project, noxfile = survey.project, _there(survey)
    settings = project.settings.workflows
    decided = noxfile.decided(project)
    if survey.compiled and not survey.wheels and "workflows" not in project.tool("nox-ship"):
        settings = dataclasses.replace(settings, systems=("ubuntu-latest",))
    return workflows.Facts(
        branch=survey.branch,
        tag=survey.tag,
        pythons=survey.pythons,
        coverage=_has_coverage(project, decided, noxfile),
        audit=_has_audit(decided, noxfile),
        audited="audit" in decided.gates,
        besides=noxfile.besides,
        settings=settings,
        name=project.canonical_name,
        folder=survey.folder,
        routes=project.settings.routes,
        tokens={name: token_variable(name, project.settings) for name in PUBLIC_INDEXES},
        names=decided.names,
        checks=project.settings.publish.require_checks,
        delivery=project.settings.delivery,
        more_pythons=noxfile.written.pythons,
        wheels=survey.wheels,
        builds_alone=project.settings.wheels.builder == "build",
        tests_wheel=project.settings.tests.installed and "tests" in decided.gates and not decided.replaces("tests"),
    )


def _there(survey: Survey) -> Noxfile:
    return Noxfile.read(survey.project.read_text("noxfile.py").removeprefix("\N{BYTE ORDER MARK}"))


def _has_coverage(project: Project, decided: Decision, noxfile: Noxfile) -> bool:
    """Whether a job must combine what the gates' jobs leave in nox-ship's own folder."""
    if "coverage" not in decided.gates or noxfile.excludes("coverage"):
        return False
    if "coverage" not in decided.standing:
        return True
    return "coverage" in decided.apart and evidence.measures(project, noxfile.text)


def _has_audit(decided: Decision, noxfile: Noxfile) -> bool:
    """Whether there is a session called ``audit``, ours or the project's."""
    ours = not (decided.replaces("audit") or noxfile.excludes("audit"))
    return ours or "audit" in decided.standing.get("audit", ())


def gate_jobs(survey: Survey) -> list[matrix.MatrixJob]:
    """Return the jobs of the gates for a CI that cannot use the session ``matrix``.

    Raises:
        ShipError: The noxfile is broken (NS811).
    """
    project, noxfile = survey.project, _there(survey)
    decided = noxfile.decided(project)
    gates = [gate for gate in decided.gates if not noxfile.excludes(gate)]
    lowest = decided.names.get("lowest", "lowest")
    pythons = {**dict.fromkeys(gates), "tests": survey.pythons}
    if lowest in gates:
        pythons[lowest] = survey.pythons[:1]
    running = workflows.newest(facts(survey))
    return matrix.jobs(gates, pythons, running, apart=decided.apart, measured=decided.tests)


def add_workflows(made: SetupPlan, ci: str, replaced: Collection[str] = ()) -> None:
    """Plan the CI files; those with our names that nox-ship did not write are left to the project.

    Args:
        made: The plan, which already includes the noxfile's change.
        ci: ``github`` or ``gitlab``.
        replaced: Names of files that nox-ship did not write, and that ours replace.

    Raises:
        ShipError: The noxfile is broken (NS811), or a name cannot be written into the files (NS820).
    """
    survey = made.survey
    known = facts(survey)
    planned = next((change.after for change in made.changes if change.name == "noxfile.py"), None)
    if planned:
        known = dataclasses.replace(known, besides=Noxfile.read(planned).besides)
    if ci == "github":
        texts, made.publishing = workflows.render(known), known.release_file
    else:
        texts, made.publishing = gitlab.render(known, gate_jobs(survey), trusted=survey.identifies), GITLAB_CI
    rival, doubtful = rivals(survey) if ci == "github" else (None, "")
    for name, text in texts.items():
        before = _text(survey.repository.path / name)
        publishes = Path(name).name == made.publishing
        if publishes and rival and _is_left(made, rival, before or "", replaced):
            made.theirs += [] if before is None else [name]
            continue
        if before is not None and not is_ours(before):
            if Path(name).name not in replaced:
                made.theirs.append(name)
                made.hints.append(hand_written.advice(name, publishes=publishes))
                made.publishing = None if publishes else made.publishing
                continue
            made.hints += hand_written.warnings(survey, name, before)
        made.workflows.append(name)
        after = keep_own(text, before or "")
        made.changes.append(_change(survey, name, before, after, "what the CI runs", protected=True))
    if known.folder and (others := neighbours(survey, known.release_file)):
        own = f'`tag = "{known.name}-{{version}}"`'
        made.hints.append(
            f"Tags such as {survey.tag} also start {others}: give each project its own tags, as {own} does."
        )
    if doubtful and made.publishing:
        made.hints.append(
            f"{doubtful} may publish tagged versions, as {made.publishing} does: let only one of them publish."
        )


def _is_left(made: SetupPlan, rival: Rival, before: str, replaced: Collection[str]) -> bool:
    """Whether a workflow of the project's own publishes instead; the user is told in any case."""
    ours = made.publishing or ""
    if Path(ours).name not in replaced and not is_ours(before):
        made.hints.append(rival.advice(ours))
        made.publishing = None
        return True
    if rival.workflow != ours:
        made.hints.append(rival.warning(ours))
    return False


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _change(survey: Survey, name: str, before: str | None, after: str, why: str, *, protected: bool = False) -> Change:
    """Return the change of a file given by its path in the repository."""
    path = survey.repository.path / name
    shown = Path(os.path.relpath(path, survey.project.root.resolve())).as_posix()
    return Change(path, shown, before, after, why, protected=protected and before is not None)


def add_lock(made: SetupPlan, ci: str, hashes: lock.Hashes, replaced: Collection[str] = ()) -> None:
    """Plan the lock of what the jobs of our files install.

    Raises:
        ShipError: The lock was written by hand (NS815) and must not be replaced; the index does not answer (NS701); or
            the setting ``workflows.version`` is not a version (NS303).
    """
    if not made.workflows:
        return
    survey, name = made.survey, lock.FILE if ci == "github" else gitlab.LOCK
    before = _text(survey.repository.path / name)
    if before is not None and not is_ours(before) and Path(name).name not in replaced:
        raise ShipError(HAND_WRITTEN(f"{name} was not written by nox-ship."))
    version, pinned = _version(survey), survey.project.settings.workflows.version is not None
    after = lock.rendered(version, hashes, before or "", pinned=pinned)
    made.changes.append(_change(survey, name, before, after, "what the jobs install, by hash"))
    locked = lock.locked_version(after)
    if locked is None or locked < Version(version):
        instead = f"the workflows keep {locked}" if locked else "the workflows have nothing to install"
        made.hints.append(
            f"The index does not have nox-ship {version} yet, so {instead}: run `nox-ship init` again once it does, or"
            " set `workflows.version` to a version that the index has."
        )


def _version(survey: Survey) -> str:
    """Return the version of nox-ship that the workflows install.

    Raises:
        ShipError: The setting ``workflows.version`` is not a version (NS303).
    """
    version = survey.project.settings.workflows.version or importlib.metadata.version("nox-ship")
    if versions.parse(version) is None:
        raise ShipError(BAD_VERSION(f"`tool.nox-ship.workflows.version` is {version!r}."))
    return version


def add_dependabot(made: SetupPlan) -> None:
    """Plan Dependabot's settings for actions and lock, or a hint at what the existing ones lack."""
    folder = made.survey.repository.path / ".github"
    path = next((p for p in (folder / "dependabot.yml", folder / "dependabot.yaml") if p.is_file()), None)
    if path is None:
        text = workflows.dependabot()
        made.changes.append(_change(made.survey, ".github/dependabot.yml", None, text, "updates of the actions"))
        return
    if (text := documents.read_text(path)) == workflows.dependabot():
        made.changes.append(_change(made.survey, f".github/{path.name}", text, text, "updates of the actions"))
        return
    try:
        settings = documents.yaml(text)
    except documents.UnreadableError:
        settings = None
    updates = settings.get("updates") if isinstance(settings, dict) else None
    entries = [entry for entry in updates if isinstance(entry, dict)] if isinstance(updates, list) else []
    there = {(str(entry.get("package-ecosystem")), str(entry.get("directory")).strip("/")) for entry in entries}
    if not {("github-actions", ""), ("pip", ".github")} <= there:
        entry = workflows.dependabot().partition("updates:\n")[2]
        made.hints.append(
            f"Add what is missing of this to `updates` in .github/{path.name}, so that actions and lock are kept"
            f" up to date:\n\n{entry}"
        )
