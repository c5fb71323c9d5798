from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import PROBLEM, FakeGates, FakeIndex, FakeWorld, Programs, Yard, make_index, noxfile, write_dist
from nox_ship import asking, front, looking, publishing, worlds
from nox_ship.cli import release_arguments
from nox_ship.errors import ShipError, ShownError
from nox_ship.gates.noxfile import Sessions
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.release.stage import Stage, workshop
from nox_ship.report import Voice
from nox_ship.setup.doctor import Line
from nox_ship.world.index import Index
from nox_ship.world.real import RealWorld
from support import commit_files, git

pytestmark = pytest.mark.usefixtures("programs", "home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yard: Yard) -> list[object]:
    """Keep what is kept between runs beside the project, and hand out the yard's world as the real one.

    Returns what each of them was given to ask a person by.
    """
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    for name in ("CI", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "NOX_SHIP_MANIFEST"):
        monkeypatch.delenv(name, raising=False)

    @contextmanager
    def opened(*given: Any, variables: Mapping[str, str]) -> Iterator[FakeWorld]:
        assert variables == os.environ
        asks.append(given[3])
        yield yard.world

    asks: list[object] = []
    monkeypatch.setattr(worlds, "RealWorld", opened)
    return asks


@pytest.fixture
def rehearsed(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """Return the world that is handed out for a rehearsal."""
    world = FakeWorld(yard.repository, yard.world.remote)

    @contextmanager
    def opened(*_: Any, **__: Any) -> Iterator[FakeWorld]:
        yield world

    monkeypatch.setattr(worlds, "StandIns", opened)
    return world


def release(yard: Yard, *args: str) -> None:
    """Release the project."""
    front.release(yard.root, ["minor", *args], noxfile(yard.root, "tests"), yard.root)


def told(yard: Yard) -> dict[str, Any]:
    """Return the report of the last run."""
    (path,) = (yard.root.parent / "cache").glob("*/report.json")
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


@pytest.mark.parametrize("answer", ["n", "", "no", "yess", "j"])
def test_nothing_but_yes_means_yes(
    yard: Yard,
    sessions: FakeGates,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    """The push is pending while it is asked about; any other answer declines it: NS235."""
    questions: list[str] = []

    def ask(_: Voice, question: str) -> str:
        questions.append(question)
        assert "push" in (shown := capsys.readouterr().out).rpartition("pending")[0].splitlines()[-1]
        assert "failed" not in shown
        return answer

    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", ask)
    with pytest.raises(ShownError, match="NS235"):
        release(yard)
    assert {row["name"]: row["status"] for row in told(yard)["rows"]}["push"] == "declined"
    assert "failed" not in capsys.readouterr().out
    assert sessions.ran
    assert yard.world.remote.pushes == []
    (question,) = questions
    assert "Push main and v0.1.0 to origin" in question


@pytest.mark.usefixtures("sessions")
def test_what_goes_out_is_shown_before_the_question(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commits that the remote lacks, and what the changelog tells of the release."""
    yard.write({"CHANGES.md": "## Unreleased\n\n- Faster.\n"})
    commit_files(yard.root, {"a.txt": ""}, "Make it faster")
    shown: list[str] = []

    def ask(*_: object) -> str:
        shown.append(capsys.readouterr().out)
        return "n"

    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", ask)
    with pytest.raises(ShownError, match="NS235"):
        release(yard)
    lines = shown[0].splitlines()
    first = lines.index("commits new to origin:")
    assert [line.split(" ", 3)[3] for line in lines[first + 1 : first + 3]] == ["Release 0.1.0", "Make it faster"]
    assert lines[first + 3 : first + 5] == ["changelog of 0.1.0:", "  - Faster."]


@pytest.mark.parametrize("answer", ["y", "Y", " yes "])
@pytest.mark.usefixtures("sessions")
def test_yes_goes_on(yard: Yard, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """And is asked for once."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", lambda *_: answer)
    release(yard)
    assert len(yard.world.remote.pushes) == 1


@pytest.mark.usefixtures("sessions")
def test_whoever_said_yes_before_is_not_asked(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--yes` does, at a terminal and elsewhere."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: True)
    monkeypatch.setattr(Voice, "ask", lambda *_: pytest.fail("nobody is to be asked"))
    release(yard, "--yes")
    assert len(yard.world.remote.pushes) == 1


@pytest.mark.usefixtures("sessions")
def test_a_rehearsal_reaches_the_stand_ins_alone(yard: Yard, rehearsed: FakeWorld) -> None:
    """Nobody is asked, and nothing of the real world is changed."""
    release(yard, "--dry-run")
    assert len(rehearsed.indexes["pypi"].uploads) == 2
    assert yard.world.indexes["pypi"].uploads == []


@pytest.mark.usefixtures("sessions")
def test_a_rehearsal_says_how_to_do_it(yard: Yard, rehearsed: FakeWorld, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was asked for and what was left out; where nothing is missing, there is nothing to do."""
    release(yard, "--dry-run", "--without", "tests")
    said = capsys.readouterr().out
    assert "Rehearsal of the release" in said
    assert "nox -s release -- minor --without tests" in said
    front.release(yard.root, ["--dry-run"], noxfile(yard.root, "tests"), yard.root)
    assert "v0.1.0 is released: nothing is missing" in capsys.readouterr().out
    del rehearsed.remote.has["refs/tags/v0.1.0"]
    front.release(yard.root, ["--dry-run"], noxfile(yard.root, "tests"), yard.root)
    assert "nox -s release -- \n" in capsys.readouterr().out


def test_a_release_is_cut_without_a_gate_or_a_push(
    yard: Yard,
    sessions: FakeGates,
    rehearsed: FakeWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--bundle` writes commit and tag to a file for another job; nobody is asked, and nothing is published."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: False)
    release(yard, "--bundle", "cut.bundle")
    said = capsys.readouterr().out
    assert "v0.1.0 is cut, and not pushed" in said
    assert "released" not in said
    held = git(yard.root, "bundle", "list-heads", "cut.bundle")
    assert "refs/cut/tags/v0.1.0" in held
    assert yard.world.remote.pushes == rehearsed.remote.pushes == []
    assert sessions.ran == []
    assert yard.world.indexes["pypi"].uploads == []


def test_an_interrupted_release_ends_as_it_was_interrupted(
    yard: Yard, sessions: FakeGates, capsys: pytest.CaptureFixture[str]
) -> None:
    """How far it came is told, and the interruption goes on to whoever started it."""

    def interrupt(_: Stage) -> None:
        raise KeyboardInterrupt

    sessions.afterwards = interrupt
    with pytest.raises(KeyboardInterrupt):
        release(yard, "--yes")
    assert "Nothing was changed" in capsys.readouterr().out
    assert yard.world.remote.pushes == []


@pytest.mark.usefixtures("sessions")
def test_an_interruption_after_the_push_tells_what_is_public(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Branch, tag and the file that the index has already; the other one is not."""

    def upload(index: FakeIndex, file: Path, sha256: str) -> None:
        if index.name == "PyPI" and index.uploads:
            raise KeyboardInterrupt
        real(index, file, sha256)

    real = FakeIndex.upload
    monkeypatch.setattr(FakeIndex, "upload", upload)
    with pytest.raises(KeyboardInterrupt):
        release(yard, "--yes")
    last = capsys.readouterr().out.splitlines()[-1]
    assert "Public already: main on origin, v0.1.0 on origin, sample-0.1.0-py3-none-any.whl on PyPI. " in last
    assert "tar.gz" not in last
    assert {row["name"]: row["status"] for row in told(yard)["rows"]}["publish"] == "interrupted"


@pytest.mark.usefixtures("sessions", "rehearsed")
def test_a_rehearsal_from_another_branch_says_what_comes_before_the_release(
    yard: Yard, capsys: pytest.CaptureFixture[str]
) -> None:
    """The branch is to be merged; a release from there is NS205."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    release(yard, "--dry-run")
    said = capsys.readouterr().out
    assert "NS205" in said
    assert "To do it: merge side into main, then nox -s release -- minor" in said
    with pytest.raises(ShownError, match="NS205"):
        release(yard, "--yes")
    with pytest.raises(ShownError, match="NS205"):
        release(yard, "--bundle", "cut.bundle")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.usefixtures("sessions")
def test_a_person_is_asked_for_credentials_only_where_somebody_is(
    yard: Yard, home: list[object], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Nobody is at a pipe."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: there)
    release(yard, "--yes")
    assert [ask is not None for ask in home] == [there]


@pytest.mark.usefixtures("sessions")
def test_a_release_that_nobody_can_be_asked_about_needs_consent(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it stops before anything is done, unless `--yes` says so."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: False)
    with pytest.raises(ShownError, match="NS237"):
        release(yard)
    assert yard.world.rehearsal_index.uploads == []
    release(yard, "--yes")
    assert len(yard.world.remote.pushes) == 1


@pytest.mark.parametrize(
    ("stdin", "stdout", "job", "expected"),
    [(True, True, "", True), (False, True, "", False), (True, False, "", False), (True, True, "1", False)],
)
def test_a_terminal_has_somebody_at_both_ends(
    monkeypatch: pytest.MonkeyPatch, stdin: bool, stdout: bool, job: str, expected: bool
) -> None:
    """A pipe on either side has not, nor has a job in CI, whose runner may have one."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: stdin))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: stdout))
    monkeypatch.setenv("CI", job)
    assert asking.on_a_terminal() is expected


@pytest.mark.usefixtures("sessions")
def test_a_release_that_stops_says_so_and_leaves_its_report(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report that was asked for is written all the same."""
    monkeypatch.setattr(asking, "on_a_terminal", lambda: False)
    yard.world.rehearsal_index = make_index(other_bytes=True)
    with pytest.raises(ShownError, match="NS711"):
        release(yard, "--yes", "--report", "report.json")
    assert "Nothing was changed" in capsys.readouterr().out
    told = json.loads((yard.root / "report.json").read_text("utf-8"))
    assert (told["passed"], told["findings"][0]["id"]) == (False, "NS711")


def published(yard: Yard, *args: str, index: str | None = None, **facts: Any) -> None:
    """Build the release that HEAD is, and publish it."""
    if not yard.repository.tags():
        yard.tag("v0.1.0")
    write_dist(yard.project, **{"commit": yard.repository.head, "version": "0.1.0", **facts})
    git(yard.root, "update-index", "-q", "--refresh")
    publishing.publish(yard.project, list(args), "publish", index)


def test_publishing_uploads_and_installs(yard: Yard, programs: Programs, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the version's route leads, and what is served is tried."""
    published(yard)
    assert len(yard.world.indexes["pypi"].uploads) == 2
    assert programs.started("install")
    assert "sample 0.1.0 is on PyPI" in capsys.readouterr().out


def test_an_installation_can_be_left_out(yard: Yard, programs: Programs) -> None:
    """`--no-install` uploads and compares alone."""
    published(yard, "--no-install")
    assert len(yard.world.indexes["pypi"].uploads) == 2
    assert programs.started("install") == []


def test_an_index_can_be_named(yard: Yard) -> None:
    """By the session or by ``--to``, which may agree on nothing but what was built."""
    published(yard, "--to", "testpypi")
    published(yard, index="testpypi")
    assert yard.world.indexes["pypi"].uploads == []
    assert len(yard.world.indexes["testpypi"].uploads) == 2


def test_what_is_no_release_is_not_uploaded(yard: Yard) -> None:
    """Admission comes first: NS752."""
    with pytest.raises(ShipError, match="NS752"):
        published(yard, tag=None)
    assert yard.world.indexes["pypi"].uploads == []


@pytest.mark.parametrize(
    ("text", "told", "args", "index", "expected"),
    [
        (None, None, ["--dry-run"], None, "NS601"),
        ("{}", None, [], None, "NS602"),
        ("", "0" * 64, [], None, "NS606"),
        ("", None, ["--to", "testpypi"], "pypi", "NS757"),
    ],
)
def test_a_publish_that_fails_early_replaces_the_report(
    yard: Yard,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    told: str | None,
    args: list[str],
    index: str | None,
    expected: str,
) -> None:
    """What the last one came to is not told of this one."""
    published(yard)
    (report,) = Path(os.environ["NOX_SHIP_CACHE"]).glob("*/report.json")
    assert json.loads(report.read_text("utf-8"))["passed"] is True
    if text is None:
        manifest_path(yard.project).unlink()
    elif text:
        manifest_path(yard.project).write_text(text, "utf-8")
    if told:
        monkeypatch.setenv("NOX_SHIP_MANIFEST", told)
    with pytest.raises(ShipError, match=expected):
        publishing.publish(yard.project, args, "publish", index)
    written = json.loads(report.read_text("utf-8"))
    assert (written["passed"], [finding["id"] for finding in written["findings"]]) == (False, [expected])
    assert written["rehearsal"] is ("--dry-run" in args)


def test_a_publishing_rehearsal_uploads_nothing(yard: Yard, rehearsed: FakeWorld) -> None:
    """It is the same, in a world of stand-ins."""
    published(yard, "--dry-run")
    assert yard.world.indexes["pypi"].uploads == []
    assert len(rehearsed.indexes["pypi"].uploads) == 2
    (report,) = Path(os.environ["NOX_SHIP_CACHE"]).glob("*/report.json")
    assert "has a release before" in json.loads(report.read_text("utf-8"))["difference"]["why"]


def test_a_publishing_rehearsal_tells_what_the_upload_would_meet(
    yard: Yard, rehearsed: FakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where something is missing: credentials that are of no use, or an index that does not answer."""
    base = make_index()
    hm = (PROBLEM("Hm.", level="warning"),)
    rehearsed.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, prove=lambda *_: hm)
    published(yard, "--dry-run")
    assert "warning: NS000 test-problem: Hm." in capsys.readouterr().out
    published(yard, "--dry-run")
    assert "NS000" not in capsys.readouterr().out


def test_a_publishing_rehearsal_tells_what_cannot_be_finished(yard: Yard, rehearsed: FakeWorld) -> None:
    """Before anything is uploaded to the stand-in, and in the words of the real thing."""
    wheel = "sample-0.1.0-py3-none-any.whl"
    words = []
    for world, args in ((rehearsed, ["--dry-run"]), (yard.world, [])):
        index = world.indexes["pypi"]
        write_dist(yard.project, yard.repository.head, "0.1.0")
        index.shelf[wheel] = (dist_folder(yard.project) / wheel).read_bytes()
        index.facts.update(public=True, age=15)
        with pytest.raises(ShipError, match=r"NS772.*lacks sample-0.1.0.tar.gz") as caught:
            published(yard, *args)
        assert index.uploads == []
        words.append(str(caught.value))
    assert len(set(words)) == 1


def served(yard: Yard, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None] = lambda: None) -> None:
    """Build, let the index have it, and verify what is published."""
    manifest = write_dist(yard.project, yard.repository.head, "0.1.0")
    shelf = yard.world.indexes["pypi"].shelf
    shelf.update({file.name: (dist_folder(yard.project) / file.name).read_bytes() for file in manifest.files})
    monkeypatch.setattr(publishing, "RealWorld", lambda *_, **__: yard.world)
    change()
    publishing.verify_published(yard.project, [])


def test_what_is_published_is_compared_and_installed(
    yard: Yard, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other bytes are NS711, an installation that fails NS611."""
    served(yard, monkeypatch)
    assert programs.started("install")
    programs.answer("pip install", code=1)
    with pytest.raises(ShipError, match="NS611"):
        served(yard, monkeypatch)
    shelf = yard.world.indexes["pypi"].shelf
    with pytest.raises(ShipError, match="NS711"):
        served(yard, monkeypatch, lambda: shelf.update({"sample-0.1.0.tar.gz": b"other"}))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"public": True, "age": 15}, "NS772"),
        ({"status": "quarantined"}, "NS771"),
        ({"public": True, "age": 13.5}, "NS712"),
        ({"age": 400}, "NS712"),
    ],
)
def test_what_can_no_longer_be_served_is_not_waited_for(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any], expected: str
) -> None:
    """It is told why it is missing for good; what may still come is waited for, as is an index that is silent."""
    index = yard.world.indexes["pypi"]
    index.facts.update(facts)

    def change() -> None:
        del index.shelf["sample-0.1.0.tar.gz"]
        index.asked.clear()

    with pytest.raises(ShipError) as caught:
        served(yard, monkeypatch, change)
    assert [finding.id for finding in caught.value.findings] == [expected]
    assert (len(index.asked) == 1) is (expected != "NS712")
    served(yard, monkeypatch, lambda: index.late.append("silent"))


@pytest.fixture
def verified(yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return what verifies a published release, and what that says in the end."""

    def verify(*args: str) -> str:
        with monkeypatch.context() as patched:
            patched.setattr(publishing, "RealWorld", lambda *_, **__: yard.world)
            publishing.verify_published(yard.project, list(args))
        return capsys.readouterr().out.splitlines()[-1]

    return verify


@pytest.mark.usefixtures("sessions")
def test_what_was_just_released_can_be_verified(yard: Yard, verified: Callable[..., str]) -> None:
    """The manifest is in the clone that it was made in; a leftover one of another commit does not count."""
    write_dist(yard.project, "d" * 40, "0.0.9")
    yard.write({".gitignore": "dist\n.nox-ship\n"})
    release(yard, "--yes")
    assert verified() == "PyPI serves sample 0.1.0; it was compared with the manifest of its release, and works."
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b"other"
    with pytest.raises(ShipError, match="NS711"):
        verified()


def test_what_was_built_here_is_compared_first(yard: Yard, verified: Callable[..., str]) -> None:
    """The project's own manifest is of this release, too."""
    published(yard)
    assert "it was compared with its manifest, and works" in verified()


@pytest.mark.parametrize(
    ("change", "compared"),
    [
        ({}, "the SHA-256 that PyPI lists"),
        ({"hashes": False}, "nothing: PyPI lists no SHA-256"),
    ],
)
def test_a_release_that_was_built_elsewhere_can_be_verified(
    yard: Yard, verified: Callable[..., str], programs: Programs, change: dict[str, Any], compared: str
) -> None:
    """By the tag on HEAD; what it was compared with is said."""
    published(yard)
    shelf = dict(yard.world.indexes["pypi"].shelf)
    yard.world.indexes["pypi"] = make_index(shelf={**shelf, "../sample-0.1.0.tar.gz": b"", "x.exe": b""}, **change)
    manifest_path(yard.project).unlink()
    programs.calls.clear()
    assert verified() == f"PyPI serves sample 0.1.0; it was compared with {compared}, and works."
    assert programs.started("install")
    with pytest.raises(ShipError, match=r"NS712.*T has no files of sample 0\.1\.0.*--from"):
        verified("--from", "testpypi")


def test_a_quarantined_release_says_why_it_is_not_served(yard: Yard, verified: Callable[..., str]) -> None:
    """Beside that no file of it is (NS712)."""
    yard.tag("v0.1.0")
    yard.world.indexes["pypi"].facts["status"] = "quarantined"
    with pytest.raises(ShipError) as caught:
        verified()
    assert [finding.id for finding in caught.value.findings] == ["NS712", "NS771"]


def test_an_index_that_serves_other_bytes_than_it_lists_is_told(yard: Yard, verified: Callable[..., str]) -> None:
    """NS711, also where nothing was built here."""
    published(yard)
    manifest_path(yard.project).unlink()
    yard.world.indexes["pypi"] = make_index(shelf=yard.world.indexes["pypi"].shelf, other_bytes=True)
    with pytest.raises(ShipError, match=r"NS711.*than it lists"):
        verified()


def test_what_is_neither_built_nor_released_cannot_be_verified(verified: Callable[..., str]) -> None:
    """There is no manifest, and HEAD has no release tag: NS601."""
    with pytest.raises(ShipError, match="NS601"):
        verified()


def test_a_job_that_is_told_its_manifest_asks_no_repository(
    yard: Yard, verified: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is the one that counts, whatever HEAD is: NS606."""
    published(yard)
    monkeypatch.setenv("NOX_SHIP_MANIFEST", "0" * 64)
    with pytest.raises(ShipError, match="NS606"):
        verified()


def test_a_doctor_that_finds_an_error_fails(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Warnings alone do not."""
    lines = [Line("git", "", PROBLEM("Hm.", level="warning")), Line("git", "fine")]
    monkeypatch.setattr(looking, "examine", lambda *_: iter(lines))
    looking.doctor(yard.root, [], Sessions())
    lines.append(Line("git", "", PROBLEM("No.", detail="much")))
    with pytest.raises(ShownError) as caught:
        looking.doctor(yard.root, [], Sessions())
    assert [finding.what for finding in caught.value.findings] == ["No."]
    assert "much" in capsys.readouterr().out


@pytest.mark.parametrize(("args", "keeps"), [([], True), (["--fresh"], False)])
def test_a_rehearsal_looks_for_the_name_once(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, args: list[str], keeps: bool
) -> None:
    """What an earlier one found is kept with its clone; a fresh one looks anew, and a release does in any case."""
    looked: list[Index] = []

    @contextmanager
    def opened(*_: Any, **told: Any) -> Iterator[FakeWorld]:
        looked.append(told["look"]("pypi", "sample"))
        yield yard.world

    monkeypatch.setattr(worlds, "RealWorld", RealWorld)
    monkeypatch.setattr(worlds, "StandIns", opened)
    with (
        workshop(yard.root) as shop,
        worlds.opened(release_arguments(["patch", "--dry-run", *args]), yard.root, shop, Voice(), {}),
    ):
        assert [index.free for index in looked] == [shop.free_name if keeps else None]
        assert RealWorld(yard.root, shop.folder, yard.project.settings).index("pypi", "sample").free is None
