"""Following the workflow that publishes until the index serves the release."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from failing_forge import SLUG, TOKEN, FailingForge, hosted
from fakes import TAGGED, Programs, Yard, make_yard, noxfile, run_release
from nox_ship.addresses import uncoloured
from nox_ship.errors import ShipError, ShownError
from nox_ship.release import watching
from nox_ship.release.pipeline import release_steps
from nox_ship.release.run import Run
from nox_ship.terminal import Voice
from nox_ship.world import polling
from nox_ship.world.forge import GITLAB_CI
from prepared import Halfway, Prepared, playing
from support import commit_files, make_sdist, make_wheel

WHEEL, SDIST = "sample-0.1.0-py3-none-any.whl", "sample-0.1.0.tar.gz"


@pytest.fixture
def forge(programs: object, sessions: object) -> Iterator[FailingForge]:  # noqa: ARG001 - every release needs both
    """Run a forge that has no workflow run yet."""
    with FailingForge() as running:
        yield running


FILES = {"pyproject.toml": f'{TAGGED}publish.by = "workflow"\n', ".gitignore": ".nox-ship\n"}


@pytest.fixture
def yard(tmp_path: Path, forge: FailingForge) -> Yard:
    """Make a project that is published by a workflow and hosted on the forge."""
    return hosted(forge, make_yard(tmp_path, FILES))


@playing
def _pushed(folder: Path) -> Yard:
    made = make_yard(folder, FILES)
    with FailingForge() as forge:
        made.world.forge = forge.client()
        return Halfway.of(made, prepare(made), release_steps(made.project.settings, wait=True), "publish")


@pytest.fixture
def sent(prepared: Prepared, forge: FailingForge) -> Yard:
    """Return the same project after its release was pushed, ready to be followed."""
    return hosted(forge, prepared(_pushed))


def built_elsewhere(yard: Yard, code: str = "") -> None:
    """Let PyPI serve the files that a workflow built."""
    folder = yard.root.parent / "elsewhere"
    files = [make_wheel(folder, {"sample/__init__.py": code}, version="0.1.0")]
    files.append(make_sdist(folder, {"src/sample/__init__.py": code}, version="0.1.0"))
    yard.world.indexes["pypi"].shelf.update({path.name: path.read_bytes() for path in files})


def prepare(yard: Yard, wanted: str | None = "minor") -> Run:
    """Return a release with `--wait` that has not begun."""
    run = yard.prepare(wanted)
    run.request = type(run.request)(wanted, agreed=True, wait=True)
    return run


def release(yard: Yard, wanted: str | None = "minor") -> Run:
    """Release the project with `--wait`."""
    return yard.finish(prepare(yard, wanted), release_steps(yard.project.settings, wait=True))


def pushed(yard: Yard) -> str:
    """Return the commit that was pushed with the tag."""
    return yard.world.remote.has["refs/tags/v0.1.0"]


def starts(yard: Yard, forge: FailingForge, **values: Any) -> Any:
    """Return a function that starts a run with a job, as the push does."""
    return lambda: forge.job(forge.start(pushed(yard), **values), "Build")


def ends(yard: Yard, forge: FailingForge, code: str = "") -> Any:
    """Return a function that gives PyPI the files and ends the run with success."""

    def end() -> None:
        built_elsewhere(yard, code)
        forge.end(forge.runs[-1])

    return end


def row(yard: Yard) -> tuple[str, str]:
    """Return the status and detail of the step `follow` in the report."""
    found = next(row for row in yard.told()["rows"] if row["name"] == "follow")
    return found["status"], found["detail"]


def stopped(yard: Yard, wanted: str | None = "minor") -> ShipError:
    """Return the error with which a release stops after it was pushed."""
    with pytest.raises(ShipError) as caught:
        release(yard, wanted)
    assert yard.told()["pushed"] == "yes"
    return caught.value


@pytest.mark.slow
def test_a_release_is_followed_until_the_index_serves_it(
    yard: Yard, forge: FailingForge, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Jobs are reported as they end; what the workflow published is compared with the local build and installed."""
    forge.later += [starts(yard, forge), ends(yard, forge)]
    forge.later[1:1] = [lambda: forge.job(forge.runs[-1], "Cut", "skipped")]
    release(yard)
    told, url = yard.told(), forge.runs[0]["html_url"]
    assert row(yard) == ("done", f"release.yml passed; PyPI serves {WHEEL}, {SDIST}")
    assert (told["passed"], told["served"], told["run"], told["workflow"]) == (True, True, url, "release.yml")
    jobs = [one for one in told["rows"] if one["within"] == "follow"]
    assert [(job["name"], job["status"], job["seconds"]) for job in jobs] == [("Build", "passed", 60.0)]
    said = capsys.readouterr().out
    assert f"following release.yml: {url}" in said
    assert "passed  Build (60.0 s)" in said
    assert f"{SDIST}, compared with the one built here: identical" in said
    assert "works on Python" in told["verified"][-1]
    assert programs.started("install")
    assert yard.world.indexes["pypi"].uploads == []
    assert "GET " not in forge.asked, "the repository need not be looked up if the workflow is known"


@pytest.mark.slow
def test_a_terminal_shows_the_jobs_that_run(sent: Yard, forge: FailingForge) -> None:
    """In a terminal, the board shows running jobs, and the table at the end shows how they ended."""
    shown = io.StringIO()
    run = prepare(sent)
    run.voice = Voice(console=Console(file=shown, force_terminal=True, width=100, legacy_windows=False))
    seen: list[str] = []

    def look() -> None:
        assert run.voice._board
        drawn = io.StringIO()
        Console(file=drawn, width=100).print(run.voice._board._drawn())
        seen.append(drawn.getvalue())

    forge.later += [starts(sent, forge), look, ends(sent, forge)]
    sent.finish(run, release_steps(sent.project.settings, wait=True))
    assert re.search(r"^  running +Build +0\.\d s", seen[0], re.MULTILINE)
    run.voice.table(run.report)
    assert re.search(r"  Build +│ passed", uncoloured(shown.getvalue()))


@pytest.mark.slow
def test_the_same_command_proves_again_what_is_served(sent: Yard, forge: FailingForge) -> None:
    """After the run has ended, the same command verifies the served files again without waiting."""
    forge.later += [starts(sent, forge), ends(sent, forge)]
    release(sent)
    forge.waits.clear()
    release(sent)
    assert forge.waits == []
    assert row(sent)[0] == "done"
    assert [one["begun"] for one in sent.told()["rows"] if one["within"] == "follow"] == [None]
    sent.world.indexes["pypi"].shelf[SDIST] = b"other"
    assert "NS503" in str(stopped(sent))


@pytest.mark.slow
def test_other_content_than_was_built_here_is_told(sent: Yard, forge: FailingForge) -> None:
    """For files with other content than the local build's, NS849 warns that nobody has tested them here."""
    forge.later += [starts(sent, forge), ends(sent, forge, "x = 1\n")]
    release(sent)
    assert [one["id"] for one in sent.told()["findings"]] == ["NS849", "NS849"]


def test_what_is_not_what_the_index_says_is_not_installed(sent: Yard, forge: FailingForge, programs: Programs) -> None:
    """A file that does not match the index's data about it is refused with NS790 and not installed."""
    sent.world.indexes["pypi"].each["requires_python"] = ">=3.99"

    def end() -> None:
        programs.calls.clear()
        ends(sent, forge)()

    forge.later += [starts(sent, forge), end]
    assert "NS790" in str(stopped(sent))
    assert programs.started("install") == []


LOG = (
    "\ufeff2026-01-01T00:00:01.1234567Z ##[group]Run pytest\n"
    "2026-01-01T00:00:02.1234567Z \x1b[31mFAILED\x1b[0m tests/test_a.py\n"
    f"2026-01-01T00:00:02.2234567Z {'x' * 400}\n"
    "2026-01-01T00:00:03.1234567Z ##[error]Process completed with exit code 1.\n"
    "2026-01-01T00:00:04.1234567Z Post job cleanup.\n"
)


def test_a_job_that_fails_is_named_with_its_last_lines(sent: Yard, forge: FailingForge) -> None:
    """NS858 names the failed job, its step and address, and shows its last lines; the log's host gets no token."""

    def fail() -> None:
        step = {"name": "Run the gate", "conclusion": "failure"}
        job = forge.job(forge.runs[-1], "Gate tests-3.12", "failure", steps=[step])
        forge.job(forge.runs[-1], "Gate tests-3.13", "cancelled")
        forge.job(forge.runs[-1], "Publish to PyPI", "skipped")
        forge.logs[job["id"]] = LOG.encode()
        forge.end(forge.runs[-1], "failure")
        forge.jobs[0]["conclusion"] = "success"

    forge.later += [starts(sent, forge), fail]
    (found,) = stopped(sent).findings
    address = forge.jobs[1]["html_url"]
    what = f"the job 'Gate tests-3.12' ended as failure in its step 'Run the gate' ({address})."
    assert (found.id, found.what) == ("NS858", f"release.yml: {what} PyPI now has nothing of 0.1.0.")
    lines = found.detail.splitlines()
    assert lines[:3] == ["Gate tests-3.12:", "  ##[group]Run pytest", "  FAILED tests/test_a.py"]
    assert lines[3] == f"  {'x' * 300}..."
    assert lines[4:] == ["  Process completed with exit code 1."]
    assert forge.strangers == []
    rows = {one["name"]: (one["status"], one["detail"]) for one in sent.told()["rows"] if one["within"] == "follow"}
    assert rows["Gate tests-3.12"] == ("failed", "failure in Run the gate")
    assert "Publish to PyPI" not in rows


def test_what_is_public_is_said_where_a_late_job_fails(sent: Yard, forge: FailingForge) -> None:
    """If a job fails after publishing, NS858 says what is public; of many failed jobs, three are shown."""

    def fail() -> None:
        built_elsewhere(sent)
        for number in range(5):
            forge.job(forge.runs[-1], f"Install {number}", "failure")
        forge.end(forge.runs[-1], "failure")
        forge.jobs[0]["conclusion"] = "success"

    forge.later += [starts(sent, forge), fail]
    findings = stopped(sent).findings
    assert [finding.id for finding in findings] == ["NS858"] * 4
    assert findings[0].what.endswith(f"PyPI now has {WHEEL}, {SDIST} of 0.1.0.")
    assert "GitHub answered 410" in findings[0].detail
    assert "Install 3, Install 4 did not pass either" in findings[3].what


@pytest.mark.parametrize("conclusion", ["startup_failure", "skipped"])
def test_a_run_that_ends_without_a_failed_job_is_told(sent: Yard, forge: FailingForge, conclusion: str) -> None:
    """If the run fails without a failed job, NS858 says how it ended."""
    forge.later += [lambda: forge.end(forge.start(pushed(sent)), conclusion)]
    assert f"NS858 run-failed: release.yml ended as {conclusion}, but no job failed" in str(stopped(sent))


@pytest.mark.slow
def test_a_failed_run_is_followed_again(sent: Yard, forge: FailingForge) -> None:
    """After a failed run is started again on GitHub, the same command follows its new attempt."""

    def fail() -> None:
        forge.job(forge.runs[-1], "Publish", "failure")
        forge.end(forge.runs[-1], "failure")

    forge.later += [starts(sent, forge), fail]
    stopped(sent)
    forge.runs[-1].update(status="in_progress", conclusion=None, run_attempt=2)
    forge.job(forge.runs[-1], "Publish")
    forge.later += [ends(sent, forge)]
    release(sent)
    jobs = [(one["name"], one["status"]) for one in sent.told()["rows"] if one["within"] == "follow"]
    assert jobs == [("Publish", "passed")]


def test_other_runs_on_the_commit_are_not_followed(sent: Yard, forge: FailingForge) -> None:
    """The newest run for the tag is followed, and none of a branch, another tag, a fork or another workflow."""

    def start() -> None:
        commit = pushed(sent)
        forge.end(forge.start(commit), "failure")
        forge.start(commit, event="workflow_dispatch")
        for values in (
            {"tag": "main"},
            {"tag": "v0.1.0-other"},
            {"event": "pull_request"},
            {"path": ".github/workflows/other-release.txt"},
        ):
            forge.end(forge.start(commit, **{"event": "push", **values}), "failure")
        built_elsewhere(sent)

    forge.later += [start, lambda: forge.end(forge.runs[1])]
    release(sent)
    assert sent.told()["run"] == forge.runs[1]["html_url"]


AFTER = """\
on: {workflow_run: {workflows: [.github/workflows/ci.yml], types: [completed]}}
jobs:
  pypi:
    permissions: {id-token: write}
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
"""


@pytest.mark.slow
def test_a_run_that_another_workflow_starts_is_followed(
    yard: Yard, forge: FailingForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that starts after another workflow is followed, although GitHub says it is on the default branch."""
    monkeypatch.setattr(watching, "_APPEARS", 30.0)
    ci = "on: {push: {tags: ['v*']}}\njobs: {a: {steps: [{run: pytest}]}}\n"
    text = (yard.root / "pyproject.toml").read_text("utf-8").replace('publish.by = "workflow"\n', "")
    files = {".github/workflows/ci.yml": ci, ".github/workflows/release.yml": AFTER, "pyproject.toml": text}
    yard.write(files)
    forge.later += [*[lambda: None] * 8, starts(yard, forge, tag="main", event="workflow_run"), ends(yard, forge)]
    release(yard)
    assert row(yard)[0] == "done"


def test_an_approval_that_is_waited_for_is_told(
    sent: Yard, forge: FailingForge, capsys: pytest.CaptureFixture[str]
) -> None:
    """A deployment that waits for approval is reported once, with its address."""

    def ask() -> None:
        forge.awaited = ["pypi"]
        forge.runs[-1]["status"] = "waiting"
        forge.job(forge.runs[-1], "Publish", status="waiting")

    forge.later += [starts(sent, forge), ask, lambda: None, ends(sent, forge)]
    release(sent)
    words = f"waiting for approval to deploy to pypi: {forge.runs[0]['html_url']}"
    assert capsys.readouterr().out.count(words) == 1


WHY = {
    "filters": ("its tag or path filters", {}),
    "disabled": ("the workflow is disabled_inactivity", {"release.yml": "disabled_inactivity"}),
    "unknown": ("GitHub does not know the file", {"other.yml": "active"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", WHY)
def test_a_run_that_does_not_appear_is_explained(sent: Yard, forge: FailingForge, case: str) -> None:
    """If no run appears within five minutes, NS857 gives the reason."""
    words, workflows = WHY[case]
    forge.later += [lambda: setattr(forge, "workflows", workflows or forge.workflows)]
    assert f"NS857 run-not-started: No run of release.yml for v0.1.0 appeared: {words}" in str(stopped(sent))
    assert 300 <= sum(forge.waits) < 320


@pytest.mark.slow
def test_a_forge_that_is_silent_is_not_said_to_have_no_run(sent: Yard, forge: FailingForge) -> None:
    """If GitHub does not answer, NS857 says so instead of guessing why there is no run."""
    forge.later += [lambda: setattr(forge.faults, "dead_after", 0)]
    assert "NS857 run-not-started: No run of release.yml for v0.1.0 appeared: GitHub does not answer." in str(
        stopped(sent)
    )


@pytest.mark.slow
def test_a_commit_that_tells_github_to_skip_it_is_the_reason(yard: Yard, forge: FailingForge) -> None:
    """If the commit message contains `[skip ci]`, that is reported as the reason why no run appears."""
    commit_files(yard.root, {"a": ""}, "Polish [skip ci]")
    yard.world.remote.has["refs/heads/main"] = yard.repository.head
    assert "its commit message has '[skip ci]'" in str(stopped(yard))
    assert forge.runs == []


@pytest.mark.slow
def test_a_run_without_an_end_is_left(sent: Yard, forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """After six hours without an end of the run, NS859 is raised; the same command continues to follow it."""
    assert watching.LONGEST == 6 * 3600
    monkeypatch.setattr(watching, "LONGEST", 72.0)
    forge.later += [starts(sent, forge)]
    error = stopped(sent)
    assert f"NS859 run-unfinished: release.yml has not ended after 0.02 hours ({forge.runs[0]['html_url']})" in str(
        error
    )
    assert sum(forge.waits) == 72 + 5
    forge.later += [ends(sent, forge)]
    release(sent)
    assert row(sent)[0] == "done"


def test_a_job_that_left_publishing_out_is_named(sent: Yard, forge: FailingForge) -> None:
    """If the run passed but the index has no files, NS712 names the skipped jobs."""

    def end() -> None:
        forge.job(forge.runs[-1], "Publish to PyPI", "skipped")
        forge.end(forge.runs[-1])

    forge.later += [starts(sent, forge), end]
    error = stopped(sent)
    assert "release.yml passed and skipped Publish to PyPI." in error.findings[0].what
    assert error.findings[0].id == "NS712"


@pytest.mark.slow
def test_a_release_that_a_person_starts_is_waited_for(
    yard: Yard, forge: FailingForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a person must publish the GitHub Release first, the run is waited for longer than usual."""
    workflow = "on: {release: {types: [published]}}\njobs:\n  pypi:\n    permissions: {id-token: write}\n"
    action = "    steps: [{uses: pypa/gh-action-pypi-publish@v1}]\n"
    text = (yard.root / "pyproject.toml").read_text("utf-8").replace('publish.by = "workflow"\n', "")
    yard.write({".github/workflows/release.yml": workflow + action, "pyproject.toml": text})
    monkeypatch.setattr(watching, "_APPEARS", 30.0)
    forge.later += [*[lambda: None] * 8, starts(yard, forge, event="release"), ends(yard, forge)]
    release(yard)
    assert row(yard)[0] == "done"


@pytest.mark.slow
def test_nobody_is_followed_where_this_machine_publishes(yard: Yard, forge: FailingForge) -> None:
    """If this machine publishes, no workflow is followed."""
    text = (yard.root / "pyproject.toml").read_text("utf-8").replace('"workflow"', '"machine"')
    yard.write({"pyproject.toml": text})
    release(yard)
    assert row(yard) == ("done", "this machine publishes it")
    assert not [asked for asked in forge.asked if "actions" in asked]


# Before anything is pushed


def refused(yard: Yard) -> str:
    """Return the error with which a release stops before anything is pushed."""
    with pytest.raises(ShipError) as caught:
        release(yard)
    assert yard.world.remote.pushes == []
    return str(caught.value)


@pytest.mark.slow
def test_what_cannot_be_followed_is_told_before_the_push(yard: Yard, forge: FailingForge) -> None:
    """A run that could not be followed (NS856) or would not start (NS857) stops the release before the push."""
    forge.faults.private = True
    yard.world.forge = forge.client(None)
    assert f"NS856 cannot-follow: GitHub does not show {SLUG} to clients without a token" in refused(yard)
    assert "GH_TOKEN" in refused(yard)
    yard.world.forge = forge.client("ghp_other")
    assert "NS856 cannot-follow: GitHub did not list the runs of release.yml: GitHub answered 401" in refused(yard)
    forge.faults.private = False
    yard.world.forge = forge.client()
    forge.workflows["release.yml"] = "disabled_manually"
    assert "NS857 run-not-started: GitHub does not run release.yml: its state is disabled_manually." in refused(yard)
    yard.world.forge = None
    assert "NS856 cannot-follow: `--wait` follows runs on GitHub" in refused(yard)


def test_a_pipeline_of_gitlab_is_not_followed(forge: FailingForge) -> None:
    """A GitLab pipeline cannot be followed; NS856 names the command that waits for the index."""
    (found,) = watching.followable(forge.client(), GITLAB_CI)
    assert (found.id, "nox -s verify-published" in found.remedy, forge.asked) == ("NS856", True, [])


@pytest.mark.slow
def test_a_workflow_that_github_does_not_know_yet_may_be_pushed(yard: Yard, forge: FailingForge) -> None:
    """A workflow that GitHub does not know yet is no error, as the release itself may add it."""
    forge.workflows.clear()
    forge.later += [lambda: (forge.workflows.update({"release.yml": "active"}), starts(yard, forge)())]
    forge.later += [ends(yard, forge)]
    release(yard)
    assert row(yard)[0] == "done"


# As often as GitHub allows


@pytest.mark.slow
def test_without_a_token_a_public_run_is_followed_slowly(yard: Yard, forge: FailingForge) -> None:
    """Without a token, requests are spread out until GitHub's limit resets, and the error says why logs are missing."""
    yard.world.forge = forge.client(None)
    forge.faults.left = 50

    def fail() -> None:
        forge.job(forge.runs[-1], "Publish", "failure")
        forge.end(forge.runs[-1], "failure")

    forge.later += [starts(yard, forge), *[lambda: None] * 5, fail]
    found = stopped(yard).findings[1]
    assert "GitHub shows logs only with a token" in found.detail
    assert min(forge.waits[2:]) > 1800 / 25
    assert forge.faults.left > 25


def test_a_limit_that_is_reached_is_waited_for(sent: Yard, forge: FailingForge) -> None:
    """If GitHub's request limit is reached, following continues after the limit is reset."""
    forge.later += [starts(sent, forge), lambda: setattr(forge.faults, "left", 0)]
    forge.later += [lambda: setattr(forge.faults, "left", 100), ends(sent, forge)]
    release(sent)
    assert row(sent)[0] == "done"
    assert max(forge.waits) > 1790


@pytest.mark.slow
def test_a_forge_that_is_silent_for_a_while_is_asked_again(
    sent: Yard, forge: FailingForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short outage of GitHub is waited out; a longer one ends with NS780."""
    monkeypatch.setattr(polling, "_SILENT", 60.0)
    down: tuple[int, dict[str, str], object] = (502, {}, {})
    forge.later += [starts(sent, forge), lambda: forge.faults.answers.extend([down] * 9), *[lambda: None] * 20]
    forge.later += [ends(sent, forge)]
    release(sent)
    assert row(sent)[0] == "done"
    forge.runs[-1]["status"] = "in_progress"
    forge.later += [lambda: setattr(forge.faults, "dead_after", 0)]
    assert "NS780" in str(stopped(sent))


def test_a_list_that_is_none_of_githubs_ends_it(sent: Yard, forge: FailingForge) -> None:
    """If GitHub's list of runs is invalid, following ends with NS856."""
    forge.later += [starts(sent, forge, status=7)]
    assert "NS856" in str(stopped(sent))


def test_a_run_that_is_none_of_githubs_ends_it(sent: Yard, forge: FailingForge) -> None:
    """If GitHub's answer about the run that is followed is invalid, following ends with NS785."""
    forge.later += [starts(sent, forge), lambda: forge.runs[-1].update(status=7)]
    assert [finding.id for finding in stopped(sent).findings] == ["NS785"]


# A person at a terminal


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_an_interruption_tells_how_to_go_on(
    yard: Yard, forge: FailingForge, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interruption undoes nothing; the same command, which the last line shows, continues to follow the run."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    forge.later += [starts(yard, forge), interrupt]
    arguments = ["minor", "--yes", "--wait"]
    with pytest.raises(KeyboardInterrupt):
        run_release(yard.root, arguments, noxfile(yard.root, "tests"), yard.root)
    last = capsys.readouterr().out.splitlines()[-1]
    url = forge.runs[0]["html_url"]
    assert last == (
        "Already public: main on origin, v0.1.0 on origin; release.yml publishes it, whether or not it is followed"
        f" ({url}). Run the same command again (nox -s release -- minor --wait) to keep following it."
    )
    forge.later += [ends(yard, forge)]
    run_release(yard.root, arguments, noxfile(yard.root, "tests"), yard.root)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "sample 0.1.0 is released: release.yml has published it to PyPI."
    assert len(yard.world.remote.pushes) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("home", "rehearsed")
def test_a_rehearsal_follows_nothing_and_says_so(
    yard: Yard, forge: FailingForge, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rehearsal with `--wait` follows nothing and says why; the command that it proposes has `--wait`."""
    run_release(yard.root, ["minor", "--dry-run", "--wait"], noxfile(yard.root, "tests"), yard.root)
    said = capsys.readouterr().out
    assert "a rehearsal pushes nothing, so no workflow runs that could be followed" in said
    assert said.splitlines()[-1].endswith("To release: nox -s release -- minor --wait")
    assert forge.asked == []


@pytest.mark.usefixtures("home")
def test_what_is_only_cut_is_not_followed(yard: Yard) -> None:
    """The options `--bundle` and `--wait` together are refused with NS108."""
    with pytest.raises(ShipError, match=r"NS108.*--wait"):
        run_release(yard.root, ["minor", "--bundle", "x", "--wait"], noxfile(yard.root, "tests"), yard.root)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_what_a_forge_writes_is_shown_harmless(
    yard: Yard, forge: FailingForge, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names and logs from the forge are shown without commands for a terminal or a CI runner."""

    def fail() -> None:
        evil = "\x1b]0;evil\x07::add-mask::x"
        job = forge.job(forge.runs[-1], evil, "failure", steps=[{"name": evil, "conclusion": "failure"}])
        forge.logs[job["id"]] = (
            b"2026-01-01T00:00:01.1Z ::set-output name=x::y\n2026-01-01T00:00:01.1Z \x1b[2J##[error]x\n"
        )
        forge.end(forge.runs[-1], "failure")

    forge.later += [starts(yard, forge, html_url="https://github.com/\x1b[31m"), fail]
    with pytest.raises(ShownError, match="NS858"):
        run_release(yard.root, ["minor", "--yes", "--wait"], noxfile(yard.root, "tests"), yard.root)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "::set-output" not in said
    assert TOKEN not in said
