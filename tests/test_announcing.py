"""The step that announces a release, the session that does so in a workflow, and the choice of the forge."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from failing_forge import COMMIT, SLUG, TOKEN, FailingForge, hosted
from fakes import PROBLEM, FakeGates, Yard, bundle, make_yard, noxfile, write_dist, write_materials
from nox_ship import publishing, pythons
from nox_ship.errors import ShipError
from nox_ship.package.build import manifest_path
from nox_ship.package.manifest import NOTES, Manifest
from nox_ship.package.materials import materials_path
from nox_ship.project import Project
from nox_ship.release.following import following
from nox_ship.release.pipeline import STEPS, run_pipeline
from nox_ship.release.record import Record
from nox_ship.release.run import Run
from nox_ship.release.stage import Stage
from nox_ship.release.status import Standing, look
from nox_ship.world.forge import releases
from nox_ship.world.onlooker import Onlooker
from nox_ship.world.real import RealWorld
from nox_ship.world.standins import StandIns
from prepared import Halfway, Prepared, playing
from support import each, git, make_project, make_repository

WHEEL, SDIST = "sample-0.1.0-py3-none-any.whl", "sample-0.1.0.tar.gz"
FILES = {WHEEL, SDIST, "manifest.json", "SHA256SUMS"}


@pytest.fixture
def forge(programs: object, sessions: object) -> Iterator[FailingForge]:  # noqa: ARG001 - each release needs them
    """Run a forge without a release."""
    with FailingForge() as running:
        yield running


CHANGELOG = {"CHANGELOG.md": "## Unreleased\n\n- A thing.\n"}


@pytest.fixture
def yard(tmp_path: Path, forge: FailingForge) -> Yard:
    """Return a project whose remote is on the forge."""
    return hosted(forge, make_yard(tmp_path, CHANGELOG))


@playing
def _published(folder: Path) -> Yard:
    made = make_yard(folder, CHANGELOG)
    with FailingForge() as forge:
        hosted(forge, made)
        return Halfway.of(made, made.prepare(), STEPS, "announce")


@pytest.fixture
def published(prepared: Prepared, forge: FailingForge) -> Yard:
    """Return a project whose release is on the index, and whose next step is the announcement."""
    return hosted(forge, prepared(_published))


def row(yard: Yard) -> tuple[str, str]:
    """Return the status and detail of the step `announce` in the report."""
    found = next(row for row in yard.told()["rows"] if row["name"] == "announce")
    return found["status"], found["detail"]


@pytest.mark.slow
def test_a_release_ends_with_its_page_on_the_forge(yard: Yard, forge: FailingForge) -> None:
    """A release ends with a page on the forge with its notes and files, and a second run finds it complete."""
    yard.release()
    page = forge.page("v0.1.0")
    assert (page["name"], page["body"], page["draft"], set(forge.files("v0.1.0"))) == (
        "sample 0.1.0",
        "- A thing.",
        False,
        FILES,
    )
    assert row(yard) == ("done", f"sample 0.1.0 on {SLUG}, the latest release, with 4 files")
    files = f"{WHEEL}, {SDIST}, manifest.json, SHA256SUMS"
    assert yard.told()["announces"] == [f"sample 0.1.0 (v0.1.0), the latest release, with {files} → {SLUG}"]
    yard.release()
    assert row(yard) == ("done", f"{SLUG} has the release v0.1.0 with 4 files")
    assert (yard.told()["changed"], yard.told()["announces"]) == (False, [])


def describe(stage: Stage) -> None:
    """Fake a `verify-install` that writes a bill of materials."""
    project = Project.read(stage.root)
    write_materials(project, Manifest.read(manifest_path(project)))


def described(yard: Yard) -> str | None:
    """Return the Python whose environment was to be described in the last run."""
    record = Record.read(yard.shop.record)
    assert record
    return record.described


BILL = "sample-0.1.0.cdx.json"
GATED = STEPS[: 1 + [step.name for step in STEPS].index("gates")]
"""The steps of a release up to its gates."""


@pytest.mark.slow
def test_the_page_has_the_bill_of_materials(
    yard: Yard, forge: FailingForge, sessions: FakeGates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has the bill of materials of the newest installed Python, which is also listed in the report."""
    yard.write({"pyproject.toml": f'{(yard.root / "pyproject.toml").read_text()}pythons = ["3.12", "3.11", "3.99"]\n'})
    monkeypatch.setattr(pythons, "interpreter", lambda python: None if python == "3.99" else sys.executable)
    sessions.afterwards = describe
    yard.release()
    assert set(forge.files("v0.1.0")) == {*FILES, BILL}
    assert described(yard) == "3.12"
    assert row(yard)[1].endswith("with 5 files")
    assert f"manifest.json, {BILL}, SHA256SUMS →" in yard.told()["announces"][0]
    yard.release()
    assert row(yard) == ("done", f"{SLUG} has the release v0.1.0 with 5 files")


@pytest.mark.slow
def test_a_bill_of_materials_of_something_else_is_not_announced(
    yard: Yard, forge: FailingForge, sessions: FakeGates
) -> None:
    """A bill of materials that does not describe the release is not announced (NS799), as any gate can write it."""

    def lie(stage: Stage) -> None:
        materials_path(Project.read(stage.root)).write_bytes(b"{}")

    sessions.afterwards = lie
    with pytest.raises(ShipError, match="NS799"):
        yard.release()
    assert forge.releases == {}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["no token", "elsewhere", "by a workflow"])
def test_nothing_is_described_for_a_page_that_is_not_made_here(yard: Yard, forge: FailingForge, how: str) -> None:
    """If the page is not made on this machine, no bill of materials is made."""
    if how == "by a workflow":
        yard.write({"pyproject.toml": f'{(yard.root / "pyproject.toml").read_text()}publish.by = "workflow"\n'})
    else:
        yard.world.forge = forge.client(None) if how == "no token" else None
    run_pipeline(yard.prepare(), GATED)
    assert described(yard) is None


@pytest.mark.slow
def test_a_token_that_comes_between_rehearsal_and_release_is_not_too_late(
    yard: Yard, forge: FailingForge, sessions: FakeGates
) -> None:
    """If a token is set after the rehearsal, only `verify-install` runs again, to write the bill of materials."""

    def passed(stage: Stage) -> None:
        running = f"{sys.version_info[0]}.{sys.version_info[1]}"
        names = ["tests", "build", *(f"verify-install-{python}" for python in ("3.11", running))]
        stage.record.passed |= dict.fromkeys(names, 1.0)
        stage.save()

    def stop(_: Run) -> None:
        raise ShipError(PROBLEM("No."))

    sessions.afterwards = passed
    yard.world.forge = forge.client(None)
    run = yard.prepare()
    run.confirm = stop
    with pytest.raises(ShipError, match="NS000"):
        run_pipeline(run)
    yard.world.forge = forge.client()
    asked: list[list[str]] = []
    sessions.afterwards = lambda stage: asked.append(list(stage.record.failed))
    record = yard.release().stage.record
    assert asked == [[f"verify-install-{record.described}"]]


@pytest.mark.slow
def test_what_is_public_is_not_tried_again(yard: Yard, forge: FailingForge, sessions: FakeGates) -> None:
    """If a token is set after the release, the page is made without a bill of materials, and no session runs again."""

    def passed(stage: Stage) -> None:
        stage.record.passed |= dict.fromkeys(["tests", "build", "verify-install-3.12"], 1.0)
        stage.save()

    sessions.afterwards = passed
    yard.world.forge = forge.client(None)
    yard.release()
    sessions.ran.clear()
    yard.world.forge = forge.client()
    yard.release()
    assert (sessions.ran, described(yard)) == ([], None)
    assert set(forge.files("v0.1.0")) == FILES


@pytest.mark.slow
def test_a_lower_version_than_another_tag_is_not_the_latest(published: Yard, forge: FailingForge) -> None:
    """If the remote has a tag of a higher version, the announced release is not marked as the latest."""
    published.world.remote.has["refs/tags/v2.0.0"] = COMMIT
    published.release("0.1.0")
    assert forge.latest is None
    assert "latest" not in row(published)[1]


@pytest.mark.slow
def test_what_the_forge_refuses_is_done_by_the_same_command(published: Yard, forge: FailingForge) -> None:
    """If the forge refuses the announcement, the same command later completes it, without another upload."""
    forge.faults.read_only = forge.faults.late = True
    with pytest.raises(ShipError, match="NS782"):
        published.release()
    assert published.told()["arrived"][-1] == f"{SDIST} on PyPI"
    assert published.told()["passed"] is False
    forge.faults.read_only = False
    published.release()
    assert set(forge.files("v0.1.0")) == FILES
    assert published.world.indexes["pypi"].uploads == [WHEEL, SDIST]


@pytest.mark.slow
def test_a_token_that_may_not_announce_is_found_before_anything_is_written(yard: Yard, forge: FailingForge) -> None:
    """A token without the right to announce stops the release in preflight (NS782), before anything is written."""
    forge.faults.read_only, before = True, dict(yard.world.remote.has)
    with pytest.raises(ShipError, match="NS782"):
        yard.release()
    assert (yard.world.remote.has, forge.releases) == (before, {})
    assert yard.world.indexes["pypi"].uploads == []
    forge.faults.read_only = False
    yard.release()
    assert set(forge.files("v0.1.0")) == FILES


@pytest.mark.slow
def test_without_a_token_the_release_is_complete_and_says_what_to_type(yard: Yard, forge: FailingForge) -> None:
    """Without a token, the release is complete with a notice (NS789), and the same command announces it later."""
    yard.world.forge = forge.client(None)
    yard.release()
    assert (yard.told()["passed"], forge.releases) == (True, {})
    assert row(yard) == ("done", f"there is no token for {SLUG}")
    assert [finding["id"] for finding in yard.told()["findings"]] == ["NS789"]
    yard.world.forge = forge.client()
    yard.release()
    assert set(forge.files("v0.1.0")) == FILES


@pytest.mark.slow
def test_elsewhere_than_on_github_there_is_no_page(published: Yard) -> None:
    """If the remote is not on GitHub, there is no page, and the release is complete."""
    published.world.forge = None
    published.release()
    assert (row(published), published.told()["findings"]) == (("done", "the remote is not on GitHub"), [])


@pytest.mark.slow
def test_a_workflow_that_publishes_announces(yard: Yard, forge: FailingForge) -> None:
    """If a workflow publishes, it also announces the release, and the token on this machine is not tested."""
    forge.faults.read_only = True
    yard.write({"pyproject.toml": f'{(yard.root / "pyproject.toml").read_text()}publish.by = "workflow"\n'})
    yard.release()
    assert (row(yard), forge.releases) == (("done", "left to release.yml"), {})


def test_an_immutable_page_that_lacks_files_stops_nothing(published: Yard, forge: FailingForge) -> None:
    """If an immutable page lacks files, NS788 warns about it, and the release counts as passed."""
    forge.immutable = True
    forge.person(tag_name="v0.1.0", draft=False)
    published.release()
    assert [finding["id"] for finding in published.told()["findings"]] == ["NS788"]
    assert published.told()["passed"] is True


def standing(yard: Yard) -> Standing:
    """Return the state of the releases of a yard."""
    return look(yard.root, noxfile(yard.root, "tests"), Onlooker(yard.world), yard.shop)


@pytest.mark.slow
def test_a_release_without_its_page_is_not_finished(published: Yard, forge: FailingForge) -> None:
    """A release without its page is shown as unfinished by `status`, with the command that completes it."""
    forge.faults.read_only = forge.faults.late = True
    with pytest.raises(ShipError, match="NS782"):
        published.release()
    found = standing(published)
    assert found.progress
    assert found.progress.open
    assert found.progress.steps["announce"].status == "missing"
    assert following(found)[0] == "nox -s release -- 0.1.0"
    forge.faults.read_only = False
    published.release()
    assert (found := standing(published)).progress
    assert not found.progress.open


@pytest.mark.slow
def test_without_what_was_built_the_page_is_not_compared(yard: Yard, forge: FailingForge) -> None:
    """Without the built files, an existing page's state is unknown, and a missing page is reported as missing."""
    yard.tag("v0.1.0")
    assert (found := standing(yard).progress)
    assert str(found.steps["announce"].seen) == "v0.1.0 is not announced"
    forge.person(tag_name="v0.1.0", draft=False)
    assert (found := standing(yard).progress)
    assert found.steps["announce"].status == "unknown"


# The session


@pytest.fixture
def job(tmp_path: Path, forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return the project as it is in a job without a checkout that may write to the forge."""
    project = make_project(tmp_path / "job", '[project]\nname = "sample"\nversion = "1.2.3"\n')
    notes = b"- A thing.\n"
    write_dist(project, COMMIT, "1.2.3", notes=hashlib.sha256(notes).hexdigest())
    manifest_path(project).with_name(NOTES).write_bytes(notes)
    for name in ("GITHUB_OUTPUT", "GH_TOKEN", "GITHUB_SERVER_URL", "NOX_SHIP_MANIFEST"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("API_URL", forge.url), ("REPOSITORY", SLUG), ("TOKEN", TOKEN)):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setattr("nox_ship.world.github.time.sleep", lambda _: None)
    return project


@pytest.mark.slow
def test_a_job_announces_what_another_one_built(
    job: Project, forge: FailingForge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The session `announce` uses the manifest's files and notes, and the repository and token of Actions."""
    publishing.announce(job, [])
    page = forge.page()
    assert (page["body"], page["draft"], len(forge.files())) == ("- A thing.\n", False, 4)
    assert f"sample 1.2.3 is announced: {forge.url}/{SLUG}/releases/tag/v1.2.3" in capsys.readouterr().out
    assert "SHA256SUMS" in (tmp_path / "summary").read_text("utf-8")


@pytest.mark.parametrize(
    ("unset", "facts", "expected"),
    [
        ("GITHUB_TOKEN", {}, "NS789"),
        ("GITHUB_REPOSITORY", {}, "NS779"),
        ("", {"tag": None}, "NS779"),
        ("", {"dirty": True}, "NS779"),
        ("", {"notes": "0" * 64}, "NS603"),
    ],
)
def test_what_cannot_be_announced_is_an_error(
    job: Project,
    forge: FailingForge,
    monkeypatch: pytest.MonkeyPatch,
    unset: str,
    facts: Mapping[str, Any],
    expected: str,
) -> None:
    """In a job, it is an error if the token, the repository or the release is missing, or if the notes were changed."""
    if unset:
        monkeypatch.delenv(unset)
    write_dist(job, COMMIT, "1.2.3", **facts)
    with pytest.raises(ShipError, match=expected):
        publishing.announce(job, [])
    assert forge.releases == {}


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False])
def test_a_job_attaches_what_others_made(job: Project, forge: FailingForge, tmp_path: Path, there: bool) -> None:
    """The session attaches the bill of materials and provenance from their folders, if these exist."""
    manifest = Manifest.read(manifest_path(job))
    names = ("sbom", "provenance")
    if there:
        (tmp_path / "sbom").write_bytes(write_materials(job, manifest))
        (tmp_path / "provenance").write_bytes(bundle(manifest))
        materials_path(job).write_bytes(b"not this one")
    publishing.announce(job, [word for name in names for word in (f"--{name}", str(tmp_path / name))])
    more = {"sample-1.2.3.cdx.json", "sample-1.2.3.sigstore.json"}
    assert (more <= set(forge.files()), len(forge.files())) == ((True, 6) if there else (False, 4))


@pytest.mark.slow
def test_by_hand_the_bill_of_materials_that_was_made_here_is_attached(job: Project, forge: FailingForge) -> None:
    """Run by hand, the session attaches the bill of materials that lies next to the manifest."""
    write_materials(job, Manifest.read(manifest_path(job)))
    publishing.announce(job, [])
    assert "sample-1.2.3.cdx.json" in forge.files()


def test_a_file_that_is_not_the_manifests_is_not_announced(job: Project, forge: FailingForge) -> None:
    """A file that differs from the manifest is refused (NS603), before the forge is asked."""
    (job.root / "dist" / "sample-1.2.3.tar.gz").write_bytes(b"other")
    with pytest.raises(ShipError, match="NS603"):
        publishing.announce(job, [])
    assert forge.asked == []


# The address

ENTERPRISE = {"GITHUB_SERVER_URL": "https://git.acme.com", "GITHUB_API_URL": "https://git.acme.com/api/v3"}


@each(
    ("address", "variables", "expected"),
    [
        ("git@github.com:acme/sample.git", {}, ("https://api.github.com", SLUG, None)),
        (
            "git@github.com:acme/sample.git",
            {"GH_TOKEN": "a", "GITHUB_TOKEN": "b"},
            ("https://api.github.com", SLUG, "a"),
        ),
        (
            "https://github.com/acme/sample",
            {"GH_TOKEN": " ", "GITHUB_TOKEN": "b"},
            ("https://api.github.com", SLUG, "b"),
        ),
        ("git@git.acme.com:acme/sample.git", ENTERPRISE, ("https://git.acme.com/api/v3", SLUG, None)),
        ("https://github.com/acme/sample", ENTERPRISE, ("https://api.github.com", SLUG, None)),
        ("https://github.com/a/other", {"GITHUB_REPOSITORY": SLUG}, ("https://api.github.com", "a/other", None)),
        ("https://gitlab.com/acme/sample", {"GITHUB_REPOSITORY": SLUG}, None),
        ("/srv/sample.git", {}, None),
        (None, {}, None),
        (None, {"GITHUB_REPOSITORY": SLUG, **ENTERPRISE}, ("https://git.acme.com/api/v3", SLUG, None)),
    ],
)
def test_the_remote_tells_the_repository_and_actions_the_api(
    address: str | None, variables: dict[str, str], expected: tuple[str, str, str | None] | None
) -> None:
    """The remote names the repository, and Actions the API; without a remote, Actions names both."""
    found = releases(address, variables)
    assert (found and (found.api.base, found.api.slug, found.api.token)) == expected


def test_a_checkout_is_announced_where_it_is_pushed_to(tmp_path: Path) -> None:
    """The release is announced in the repository of the remote's push address."""
    repository = make_repository(tmp_path / "project", {"pyproject.toml": ""})
    git(repository.path, "remote", "add", "origin", "https://github.com/fork/sample.git")
    git(repository.path, "remote", "set-url", "--push", "origin", "git@github.com:acme/sample.git")
    told: list[object] = []
    world = RealWorld(repository.path, tmp_path, Project.read(repository.path).settings, tell=told.append)
    assert world.forge
    assert world.forge.where == SLUG
    world.forge.api.tell("It waits.")
    assert told == ["It waits."]


def test_a_rehearsal_announces_on_this_machine(tmp_path: Path, forge: FailingForge) -> None:
    """A rehearsal announces to a stand-in on this machine, with no real token, and only if a release would announce."""
    repository = make_repository(tmp_path / "project", {"pyproject.toml": ""})
    git(repository.path, "tag", "v1.2.3")
    for token in (TOKEN, None):
        real = forge.client(token)
        with StandIns(repository.path, tmp_path / f"world{token}", forge=lambda real=real: real) as world:  # type: ignore[misc]
            assert world.forge
            assert world.forge.where == SLUG
            if token:
                assert world.forge.draft("v1.2.3", "Sample", "", prerelease=False).draft
                assert world.forge.find("v1.2.3")
            assert (world.forge.api.token == TOKEN, bool(world.forge.api.token)) == (False, bool(token))
    with StandIns(repository.path, tmp_path / "world") as world:
        assert world.forge is None
    assert forge.asked == []


@pytest.mark.slow
def test_the_step_comes_last(yard: Yard, forge: FailingForge) -> None:
    """If publishing fails, the release is not announced."""
    yard.world.indexes["pypi"].refusals.append(ShipError(PROBLEM("No.")))
    with pytest.raises(ShipError, match="NS000"):
        yard.release()
    assert forge.releases == {}
