from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import PROBLEM, TAGGED, FakeIndex, Programs, Yard, make_index, make_yard, nobody, noxfile
from nox_ship.errors import Finding, ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.own import Own, decide
from nox_ship.package.manifest import File, Manifest
from nox_ship.release import preflight as checks
from nox_ship.release.planning import Request
from nox_ship.release.preflight import preflight
from nox_ship.world.credentials import Credentials
from planning import plan, stopped, told
from support import commit_files, git, write_files

UNNAMED = TAGGED.replace('branch = "main"\n', "")


def test_a_release_that_nothing_stands_against_has_a_plan(yard: Yard) -> None:
    """What is to be done, from what, and where it goes; nothing is written."""
    before = git(yard.root, "for-each-ref"), git(yard.root, "status", "--porcelain")
    made = plan(yard)
    assert (made.current, made.version, made.tag, made.bump) == ("0", "0.1.0", "v0.1.0", True)
    assert (made.branch, made.head, made.gates) == ("main", yard.repository.head, ("tests",))
    assert made.commit is None
    assert (made.index, made.workflow, made.folder) == ("pypi", None, Path())
    assert (git(yard.root, "for-each-ref"), git(yard.root, "status", "--porcelain")) == before


def test_a_project_without_a_name_is_not_released(tmp_path: Path) -> None:
    """NS113, also where a workflow publishes it and no index is asked."""
    text = '[project]\nversion = "0.1.0"\n[tool.nox-ship]\ngates = ["tests"]\npublish.by = "workflow"\n'
    assert stopped(make_yard(tmp_path, {"pyproject.toml": text})) == {"NS113"}


def test_a_version_that_the_index_has_is_not_released(yard: Yard) -> None:
    """Before it is tagged, that is somebody else's: NS224; a release that is finished may find its own."""
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b""
    assert stopped(yard) == {"NS224"}
    yard.tag("v0.1.0")
    made = plan(yard)
    assert (made.bump, made.commit) == (False, yard.repository.head)


def test_other_refs_on_the_remote_do_not_excuse_a_branch_that_moved_on(yard: Yard) -> None:
    """NS206, whatever else is at HEAD there, and whatever is tagged."""
    yard.world.remote.has.update(
        {"refs/heads/main": "e" * 40, "refs/heads/side": yard.repository.head, "refs/tags/v0.0.1": "f" * 40}
    )
    assert stopped(yard) == {"NS206"}


def test_changes_that_no_commit_has_stop_a_release(yard: Yard) -> None:
    """NS203; the folders of build output do not count."""
    write_files(yard.root, {"dist/x": "", ".nox/x": "", ".nox-ship/x": ""})
    plan(yard)
    write_files(yard.root, {"more.txt": ""})
    assert stopped(yard) == {"NS203"}


def test_the_bytecode_that_nox_writes_of_the_noxfile_does_not_count(yard: Yard) -> None:
    """Also where the project does not tell git to ignore it."""
    write_files(yard.root, {"__pycache__/noxfile.cpython-312.pyc": "", "src/__pycache__/a.pyc": ""})
    assert plan(yard).version == "0.1.0"


def test_a_noxfile_that_no_commit_has_stops_a_release(yard: Yard) -> None:
    """A clone would not hold it: NS107."""
    git(yard.root, "rm", "--quiet", "--cached", "noxfile.py")
    yard.write({".gitignore": "noxfile.py\n"})
    git(yard.root, "rm", "--quiet", "--cached", "noxfile.py")
    git(yard.root, "commit", "--quiet", "--message", "x")
    yard.world.remote.has["refs/heads/main"] = yard.repository.head
    assert stopped(yard) == {"NS107"}


def test_somebody_must_commit(yard: Yard, programs: Programs) -> None:
    """Git knows nobody: NS211."""
    programs.answer("GIT_COMMITTER_IDENT", code=128)
    assert stopped(yard) == {"NS211"}


def test_a_release_is_made_from_the_release_branch(yard: Yard) -> None:
    """Not from another one (NS205), nor from none (NS204); the setting names it, else it is called as usual."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    assert stopped(yard) == {"NS205"}
    yard.write({"pyproject.toml": UNNAMED})
    assert stopped(yard) == {"NS205"}
    yard.write({"pyproject.toml": f'{UNNAMED}branch = "side"\n'})
    assert plan(yard).branch == "side"
    git(yard.root, "switch", "--quiet", "--detach")
    assert stopped(yard) == {"NS204"}


def test_a_rehearsal_may_be_on_any_branch(yard: Yard) -> None:
    """It is told of the release branch by a notice, and its plan knows both; a detached HEAD is still NS204."""
    assert told(yard, any_branch=True).count("NS205") == 0
    git(yard.root, "switch", "--quiet", "--create", "side")
    assert "NS205" in told(yard, any_branch=True)
    made = plan(yard, any_branch=True)
    assert (made.branch, made.release_branch) == ("side", "main")
    git(yard.root, "switch", "--quiet", "--detach")
    assert stopped(yard, any_branch=True) == {"NS204"}


@pytest.mark.slow
def test_a_branch_that_is_behind_the_remote_is_not_released(yard: Yard) -> None:
    """By commits that are here or not: NS206; both have some of their own: NS207."""
    yard.world.remote.has["refs/heads/main"] = "d" * 40
    assert stopped(yard) == {"NS206"}
    newer = yard.write({"more.txt": ""})
    git(yard.root, "reset", "--quiet", "--hard", "HEAD~1")
    assert yard.world.remote.has["refs/heads/main"] == newer
    assert stopped(yard) == {"NS206"}
    commit_files(yard.root, {"other.txt": ""})
    assert stopped(yard) == {"NS207"}
    git(yard.root, "reset", "--quiet", "--hard", newer)
    commit_files(yard.root, {"other.txt": ""})
    assert plan(yard).head == yard.repository.head


def test_a_remote_that_has_no_branch_yet_is_no_obstacle(yard: Yard) -> None:
    """The push makes it."""
    yard.world.remote.has.clear()
    plan(yard)


def test_a_pushed_release_is_finished_under_what_came_on_top(yard: Yard) -> None:
    """Commits that others pushed since do not stand against finishing it."""
    yard.tag("v0.1.0")
    yard.world.remote.has["refs/heads/main"] = "d" * 40
    assert plan(yard).bump is False


def test_gates_must_be_sessions(tmp_path: Path) -> None:
    """A name that is none is NS104, in the settings and after ``--without``."""
    yard = make_yard(tmp_path, {"pyproject.toml": TAGGED.replace('["tests"]', '["tests", "mine"]')})
    assert stopped(yard) == {"NS104"}
    assert plan(yard, without=("mine",)).gates == ("tests",)
    assert stopped(yard, without=("mine", "more")) == {"NS104"}


def test_default_gates_that_a_noxfile_excludes_are_told(tmp_path: Path) -> None:
    """NS105 for each, NS109 for coverage without tests; both are notices."""
    yard = make_yard(tmp_path, {"pyproject.toml": TAGGED.replace('gates = ["tests"]\n', "")})
    assert plan(yard).gates == ("lint", "tests")
    assert told(yard).count("NS105") == 4
    assert plan(yard, without=("tests",)).gates == ("lint",)
    assert "NS109" in told(yard, without=("tests",))


def test_a_further_gate_that_the_noxfile_excludes_is_told(yard: Yard) -> None:
    """NS105, also where `gates` is set, which does not name it; a session of the project's own is not that gate."""
    found: list[Finding] = []
    for own in ((), (Own("api", default=False),)):
        decided = decide(own, chosen=("tests",), further=("api",), ours=("tests", "build"))
        sessions = Sessions(frozenset({"tests", *(one.name for one in own)}), decided)
        assert preflight(yard.root, Request("minor"), sessions, yard.world, found.append).gates == ("tests",)
    told = [finding.what for finding in found if finding.id == "NS105"]
    assert told == ["The noxfile excludes the session api."]


def test_what_is_wrong_with_sessions_is_told_before_anything_runs(yard: Yard) -> None:
    """Coverage that cannot work (NS841) and sessions below the call (NS842) stop a release; a notice does not."""
    unmeasured = decide([Own("tests", default=True)], chosen=("tests", "coverage"))
    sessions = Sessions(frozenset({"tests", "coverage", "lint"}), unmeasured, late=("lint",))
    with pytest.raises(ShipError) as caught:
        preflight(yard.root, Request("minor"), sessions, yard.world, lambda _: None)
    assert [finding.id for finding in caught.value.findings] == ["NS842", "NS841"]
    found: list[Finding] = []
    sessions = Sessions(frozenset({"test", "lint"}), decide([Own("test", default=True)]))
    made = preflight(yard.root, Request("minor", without=("lint",)), sessions, yard.world, found.append)
    assert made.gates == ("test",)
    assert [finding.id for finding in found if finding.id == "NS841"] == ["NS841"]


def test_gates_of_the_projects_own_are_left_out_by_their_names(yard: Yard) -> None:
    """Coverage goes with the last tests whose measurements it needs: NS109."""
    own = [Own("test", default=True), Own("unit", default=True)]
    sessions = Sessions(frozenset({"test", "unit", "coverage"}), decide(own, measured=True))
    found: list[Finding] = []

    def left(*without: str) -> tuple[str, ...]:
        return preflight(yard.root, Request("minor", without=without), sessions, yard.world, found.append).gates

    assert left("test") == ("unit", "coverage")
    assert left("test", "unit") == ()
    assert "NS109" in {finding.id for finding in found}
    with pytest.raises(ShipError, match=r"NS104.*--without tests.*test, unit, coverage"):
        left("tests")


def test_routes_lead_to_an_index(tmp_path: Path) -> None:
    """One that leads nowhere is NS106, also where this version goes there."""
    yard = make_yard(tmp_path, {"pyproject.toml": f'{TAGGED}routes.final = "nowhere"\nroutes.prerelease = "pypi"\n'})
    assert stopped(yard) == {"NS106"}


def test_a_machine_without_space_is_told(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """NS801, before anything is written."""
    free = [checks.SPACE_NEEDED - 1]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    assert stopped(yard) == {"NS801"}
    free[0] += 1
    plan(yard)


def test_pythons_that_a_job_lacks_stop_it(tmp_path: Path) -> None:
    """NS804 in CI; a laptop leaves them out."""
    yard = make_yard(tmp_path, {"pyproject.toml": f'{TAGGED}pythons = ["3.4"]\n'})
    plan(yard)
    assert stopped(yard, in_ci=True) == {"NS804"}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("setup.cfg", b"[metadata]\nauthor = J\xfcrgen\n", {"NS119"}),
        ("tox.ini", b"# \xff\xfe\n", {"NS119"}),
        ("setup.cfg", "[metadata]\nauthor = Jürgen\n".encode(), set()),
        ("setup.py", b"# \xfc\n", set()),
    ],
)
def test_a_file_of_settings_in_another_encoding_is_told(
    written: Yard, name: str, content: bytes, expected: set[str]
) -> None:
    """It was guessed at; other tools may not do that."""
    write_files(written.root, {name: content})
    written.world.remote.has["refs/heads/main"] = commit_files(written.root, {})
    assert set(told(written)) == expected


def test_a_file_in_another_encoding_is_nothing_for_bump_my_version(tmp_path: Path) -> None:
    """It reads UTF-8 alone: NS119, before anything is done; a release that is made already goes on."""
    text = '[tool.nox-ship]\ngates = ["tests"]\n[[tool.bumpversion.files]]\nfilename = "doc.txt"\n'
    written = f'[project]\nname = "sample"\nversion = "0.1.0"\n{text}'
    yard = make_yard(tmp_path, {"pyproject.toml": written, "doc.txt": b"gr\xfcn 0.1.0\n"})
    with pytest.raises(ShipError, match=r"NS119.*doc\.txt is not UTF-8, and"):
        plan(yard)
    yard.tag("v0.1.0")
    assert plan(yard).version == "0.1.0"


def test_of_a_range_of_pythons_a_job_needs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are left out with a notice; where none is there, each is NS804."""
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    ranged = TAGGED.replace("[project]\n", f'[project]\nrequires-python = ">={running}"\n')
    yard = make_yard(tmp_path, {"pyproject.toml": ranged})
    here = {running}
    monkeypatch.setattr("nox_ship.pythons.stable", lambda: (running, "3.98", "3.99"))
    monkeypatch.setattr("nox_ship.pythons.interpreter", lambda version: version if version in here else None)
    assert told(yard, in_ci=True) == ["NS118"]
    here.clear()
    assert stopped(yard, in_ci=True) == {"NS804"}
    here |= {running, "3.98", "3.99"}
    assert told(yard, in_ci=True) == []
    here.clear()
    assert told(yard) == []


def test_pythons_that_the_project_has_left_behind_are_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A classifier that `requires-python` no longer admits names no Python that a job must have."""
    monkeypatch.setattr("nox_ship.pythons.interpreter", lambda version: None if version == "3.4" else version)
    left = 'classifiers = ["Programming Language :: Python :: 3.4"]\nrequires-python = ">=3.11"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": TAGGED.replace("[project]\n", f"[project]\n{left}")})
    plan(yard, in_ci=True)


def test_credentials_are_looked_for_before_anything_is_done(yard: Yard) -> None:
    """Their warnings are told; that there are none stops the release, unless nothing is missing on the index."""
    base = make_index()

    def nothing() -> Credentials:
        raise ShipError(PROBLEM("No."))

    yard.world.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, find=nothing)
    assert stopped(yard) == {"NS000"}
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b""
    yard.tag("v0.1.0")
    plan(yard)
    warned = Credentials("a fake", nobody, warnings=(PROBLEM("Hm.", level="warning"),))
    yard.world.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, find=lambda: warned)
    assert "NS000" in told(yard)


def test_credentials_are_tried_before_anything_is_done(yard: Yard) -> None:
    """What the index refuses stops the release, what it cannot tell is told; where nothing is missing, none are."""
    base = make_index()
    tried: list[tuple[str, str]] = []
    found = Credentials("a fake", nobody)

    def prove(credentials: Credentials, project: str, version: str) -> tuple[Finding, ...]:
        assert credentials is found
        tried.append((project, version))
        raise ShipError(PROBLEM("No."))

    facts: dict[str, Any] = {"find": lambda: found}
    yard.world.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, prove=prove, **facts)
    assert stopped(yard) == {"NS000"}
    assert tried == [("sample", "0.1.0")]
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b""
    yard.tag("v0.1.0")
    plan(yard)
    assert len(tried) == 1
    hm = (PROBLEM("Hm.", level="notice"),)
    yard.world.indexes["pypi"] = FakeIndex("PyPI", base.upload_url, base.simple_url, prove=lambda *_: hm, **facts)
    assert "NS000" in told(yard)


def test_an_index_that_does_not_answer_stops_a_release(yard: Yard) -> None:
    """NS701; where a workflow publishes, it is only looked at, and its silence is a notice: NS767."""
    yard.world.indexes["pypi"].late.append("silent")
    assert stopped(yard) == {"NS701"}
    yard.write({"pyproject.toml": f'{TAGGED}publish.by = "workflow"\n'})
    yard.world.indexes["pypi"].late.append("silent")
    assert told(yard) == ["NS767"]
    assert plan(yard).workflow == "release.yml"


def test_wheels_of_other_systems_are_a_workflows(yard: Yard) -> None:
    """NS582: a notice where one publishes; else nobody could build them, and nothing is begun."""
    wheels = 'wheels.systems = ["windows-latest"]\n'
    yard.write({"pyproject.toml": f'{TAGGED}{wheels}publish.by = "workflow"\n'})
    assert told(yard) == ["NS582"]
    yard.write({"pyproject.toml": f"{TAGGED}{wheels}"})
    assert stopped(yard) == {"NS582"}


UPLOADS = "on: {push: {tags: [v*]}}\njobs: {publish: {steps: [{uses: pypa/gh-action-pypi-publish@release/v1}]}}\n"


def test_an_index_that_a_setting_alone_leads_to_stops_no_release(yard: Yard) -> None:
    """Where nobody sees what the workflow uploads to, it may be elsewhere: a warning."""
    yard.write({"pyproject.toml": f'{TAGGED}publish.by = "workflow"\n'})
    yard.world.indexes["pypi"].facts["status"] = "archived"
    assert told(yard) == ["NS770"]


@pytest.mark.parametrize("workflow", [None, "publish.yml"])
def test_an_index_that_takes_no_files_stops_a_release(yard: Yard, workflow: str | None) -> None:
    """Also where a workflow would upload them: the tag is not pushed in vain."""
    if workflow:
        yard.write({f".github/workflows/{workflow}": UPLOADS})
    index = yard.world.indexes["pypi"]
    index.facts["status"] = "archived"
    assert stopped(yard) == {"NS770"}
    index.facts.clear()
    index.shelf["sample-0.1.0.tar.gz"] = b""
    assert stopped(yard) == {"NS224"}
    index.shelf.clear()
    index.facts["known"] = False
    assert plan(yard).workflow == workflow
    named = FakeIndex("PyPI", index.upload_url, index.simple_url, facts=index.facts, names=(PROBLEM("Taken."),))
    yard.world.indexes["pypi"] = named
    with pytest.raises(ShipError, match=r"Taken\."):
        plan(yard).ask_for_name()
    (yard.root / "dirty.txt").write_text("", "utf-8")
    assert stopped(yard) == {"NS000", "NS203"}


def test_a_release_that_can_no_longer_be_finished_is_not_begun_again(yard: Yard) -> None:
    """NS772: what is missing is known by what was built, or else by the kinds of files."""
    yard.tag("v0.1.0")
    index = yard.world.indexes["pypi"]
    index.facts.update(public=True, age=15)
    plan(yard)
    index.shelf["sample-0.1.0-py3-none-any.whl"] = b""
    assert stopped(yard) == {"NS772"}
    index.shelf["sample-0.1.0.tar.gz"] = b""
    plan(yard)
    built = Manifest(
        "sample",
        "0.1.0",
        "c" * 40,
        "v0.1.0",
        dirty=False,
        files=(File("sample-0.1.0-cp312-cp312-win_amd64.whl", "wheel", 5, "0" * 64),),
    )
    sessions = noxfile(yard.root, "tests", "lint")
    with pytest.raises(ShipError, match=r"NS772.*win_amd64"):
        preflight(yard.root, Request("minor"), sessions, yard.world, lambda _: None, built=built)


def test_a_world_that_does_not_answer_stops_a_release(yard: Yard) -> None:
    """The remote, or the index of the rehearsal; what a world has to say is told."""

    class Silent(type(yard.world)):  # type: ignore[misc]
        def known_refs(self) -> dict[str, str]:
            raise ShipError(PROBLEM("No."))

    yard.world.told = (PROBLEM("Hm.", level="warning"),)
    assert "NS000" in told(yard)
    silent = Silent(**vars(yard.world))
    assert stopped(replace_world(yard, silent)) == {"NS000"}

    class Portless(type(yard.world)):  # type: ignore[misc]
        @property
        def rehearsal_index(self) -> FakeIndex:
            raise ShipError(PROBLEM("No."))

        @rehearsal_index.setter
        def rehearsal_index(self, _: FakeIndex) -> None:
            """Have none."""

    assert stopped(replace_world(yard, Portless(**vars(yard.world)))) == {"NS000"}


def replace_world(yard: Yard, world: Any) -> Yard:
    """Return the yard in another world."""
    return replace(yard, world=world)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Files, git, settings and version, in one go."""
    text = '[project]\nversion = "1.0"\nrequires-python = "x"\n[tool.nox-ship]\nroutes.final = "nowhere"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text + "[dependency-groups]\ntests = 3\n"})
    git(yard.root, "switch", "--quiet", "--create", "side")
    write_files(yard.root, {"more.txt": ""})
    assert {"NS113", "NS114", "NS106", "NS205", "NS203"} <= stopped(yard)


def test_a_folder_that_is_no_project_is_told(tmp_path: Path, yard: Yard) -> None:
    """Neither pyproject.toml nor a repository: both are findings."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ShipError) as caught:
        preflight(tmp_path / "empty", Request("patch"), Sessions(), yard.world, lambda _: None)
    assert {finding.id for finding in caught.value.findings} == {"NS111", "NS201"}


def test_a_changelog_that_cannot_be_cut_is_told(tmp_path: Path) -> None:
    """NS308 before anything is written."""
    text = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\nchangelog = "GONE.md"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text})
    assert stopped(yard, "0.1.0") == {"NS308"}
    assert list(yard.shop.folder.iterdir()) == []


def test_a_repository_that_knows_no_release_branch_releases_from_any(tmp_path: Path) -> None:
    """Where neither a setting nor a remote tells one, and none is called as they usually are."""
    yard = make_yard(tmp_path, {"pyproject.toml": UNNAMED})
    git(yard.root, "branch", "--move", "main", "trunk")
    yard.world.remote.has.clear()
    assert plan(yard).branch == "trunk"


@pytest.mark.usefixtures("bump_my_version")
def test_stale_settings_are_told(tmp_path: Path) -> None:
    """NS307 stops nothing."""
    text = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.bumpversion]\ncurrent_version = "0.0.9"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text})
    assert "NS307" in told(yard, "0.1.0")


def test_dependency_groups_must_be_readable(tmp_path: Path) -> None:
    """A gate would find that out later: NS401."""
    group = '[dependency-groups]\ntests = [{include-group = "gone"}]\n'
    yard = make_yard(tmp_path, {"pyproject.toml": f"{TAGGED}{group}"})
    assert {finding[:4] for finding in stopped(yard)} == {"NS40"}


def test_a_changelog_that_would_not_be_cut_is_told(yard: Yard) -> None:
    """NS313 or NS314 before anything is done, also where tags tell the version; not for a release that is finished."""
    yard.write({"CHANGES.rst": "Changes\n=======\n"})
    assert "NS313" in told(yard)
    yard.write({"CHANGES.rst": "Unreleased\n==========\n"})
    assert "NS314" in told(yard)
    yard.tag("v0.1.0")
    assert not {"NS313", "NS314"} & set(told(yard))


@pytest.mark.slow
@pytest.mark.parametrize(("text", "expected"), [("Changes\n=======\n", "NS313"), ("Unreleased\n==========\n", "NS314")])
def test_a_changelog_may_be_written_later_where_a_release_is_rehearsed_early(
    tmp_path: Path, text: str, expected: str
) -> None:
    """What would stop the release is told as a warning; what cannot be read stops the rehearsal, too."""
    settings = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\nchangelog = "CHANGES.rst"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": settings, "CHANGES.rst": text})
    assert expected in stopped(yard)
    assert expected in told(yard, early=True)
    yard.write({"pyproject.toml": settings.replace("CHANGES.rst", "NEWS.rst")})
    assert "NS308" in stopped(yard, early=True)


def test_a_workflow_that_waits_for_somebody_is_told(yard: Yard) -> None:
    """NS758: a pushed tag makes no GitHub Release, and this machine uploads nothing either."""
    job = "jobs: {publish: {runs-on: x, steps: [{run: twine upload dist/*}]}}\n"
    yard.write({".github/workflows/publish.yml": f"on: {{release: {{types: [published]}}}}\n{job}"})
    assert "NS758" in told(yard)
    assert plan(yard).workflow == "publish.yml"
