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
    """Preflight returns what will be released, from which commit and to which index, and changes nothing."""
    before = git(yard.root, "for-each-ref"), git(yard.root, "status", "--porcelain")
    made = plan(yard)
    assert (made.current, made.version, made.tag, made.bump) == ("0", "0.1.0", "v0.1.0", True)
    assert (made.branch, made.head, made.gates) == ("main", yard.repository.head, ("tests",))
    assert made.commit is None
    assert (made.index, made.workflow, made.folder) == ("pypi", None, Path())
    assert (git(yard.root, "for-each-ref"), git(yard.root, "status", "--porcelain")) == before


def test_a_project_without_a_name_is_not_released(tmp_path: Path) -> None:
    """A project without a name is refused with NS113, even if a workflow publishes it."""
    text = '[project]\nversion = "0.1.0"\n[tool.nox-ship]\ngates = ["tests"]\npublish.by = "workflow"\n'
    assert stopped(make_yard(tmp_path, {"pyproject.toml": text})) == {"NS113"}


def test_a_version_that_the_index_has_is_not_released(yard: Yard) -> None:
    """A version that the index already has is NS224, unless its tag shows that this release is to be finished."""
    yard.world.indexes["pypi"].shelf["sample-0.1.0.tar.gz"] = b""
    assert stopped(yard) == {"NS224"}
    yard.tag("v0.1.0")
    made = plan(yard)
    assert (made.bump, made.commit) == (False, yard.repository.head)


def test_other_refs_on_the_remote_do_not_excuse_a_branch_that_moved_on(yard: Yard) -> None:
    """If the remote's branch has moved on, that is NS206, even if other refs there are at HEAD."""
    yard.world.remote.has.update(
        {"refs/heads/main": "e" * 40, "refs/heads/side": yard.repository.head, "refs/tags/v0.0.1": "f" * 40}
    )
    assert stopped(yard) == {"NS206"}


def test_changes_that_no_commit_has_stop_a_release(yard: Yard) -> None:
    """Uncommitted changes are refused with NS203; folders of build output do not count."""
    write_files(yard.root, {"dist/x": "", ".nox/x": "", ".nox-ship/x": ""})
    plan(yard)
    write_files(yard.root, {"more.txt": ""})
    assert stopped(yard) == {"NS203"}


def test_the_bytecode_that_nox_writes_of_the_noxfile_does_not_count(yard: Yard) -> None:
    """The bytecode of the noxfile does not count as a change, even if git does not ignore it."""
    write_files(yard.root, {"__pycache__/noxfile.cpython-312.pyc": "", "src/__pycache__/a.pyc": ""})
    assert plan(yard).version == "0.1.0"


def test_a_noxfile_that_no_commit_has_stops_a_release(yard: Yard) -> None:
    """An untracked noxfile is refused with NS107, because a clone would not contain it."""
    git(yard.root, "rm", "--quiet", "--cached", "noxfile.py")
    yard.write({".gitignore": "noxfile.py\n"})
    git(yard.root, "rm", "--quiet", "--cached", "noxfile.py")
    git(yard.root, "commit", "--quiet", "--message", "x")
    yard.world.remote.has["refs/heads/main"] = yard.repository.head
    assert stopped(yard) == {"NS107"}


def test_somebody_must_commit(yard: Yard, programs: Programs) -> None:
    """If git knows no name and email address for commits, that is NS211."""
    programs.answer("GIT_COMMITTER_IDENT", code=128)
    assert stopped(yard) == {"NS211"}


@pytest.mark.slow
def test_a_release_is_made_from_the_release_branch(yard: Yard) -> None:
    """Another branch than the release branch is NS205, and a detached HEAD NS204."""
    git(yard.root, "switch", "--quiet", "--create", "side")
    assert stopped(yard) == {"NS205"}
    yard.write({"pyproject.toml": UNNAMED})
    assert stopped(yard) == {"NS205"}
    yard.write({"pyproject.toml": f'{UNNAMED}branch = "side"\n'})
    assert plan(yard).branch == "side"
    git(yard.root, "switch", "--quiet", "--detach")
    assert stopped(yard) == {"NS204"}


@pytest.mark.slow
def test_a_rehearsal_may_be_on_any_branch(yard: Yard) -> None:
    """A rehearsal may run on any branch, with NS205 as a notice; a detached HEAD is still NS204."""
    assert told(yard, any_branch=True).count("NS205") == 0
    git(yard.root, "switch", "--quiet", "--create", "side")
    assert "NS205" in told(yard, any_branch=True)
    made = plan(yard, any_branch=True)
    assert (made.branch, made.release_branch) == ("side", "main")
    git(yard.root, "switch", "--quiet", "--detach")
    assert stopped(yard, any_branch=True) == {"NS204"}


@pytest.mark.slow
def test_a_branch_that_is_behind_the_remote_is_not_released(yard: Yard) -> None:
    """A branch that is behind the remote is NS206, known commits or not; one that has diverged is NS207."""
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


def test_a_version_that_is_none_does_not_hide_the_remote(yard: Yard) -> None:
    """A wrong version (NS302) and a remote that has moved on (NS206) are reported together."""
    yard.world.remote.has["refs/heads/main"] = "d" * 40
    assert stopped(yard, wanted="nonsense") == {"NS206", "NS302"}


def test_a_remote_that_has_no_branch_yet_is_no_obstacle(yard: Yard) -> None:
    """If the remote does not have the branch yet, the push will create it."""
    yard.world.remote.has.clear()
    plan(yard)


def test_a_pushed_release_is_finished_under_what_came_on_top(yard: Yard) -> None:
    """A pushed release can be finished even if others have pushed commits since."""
    yard.tag("v0.1.0")
    yard.world.remote.has["refs/heads/main"] = "d" * 40
    assert plan(yard).bump is False


def test_gates_must_be_sessions(tmp_path: Path) -> None:
    """A gate that is not a session is NS104, both in the settings and after ``--without``."""
    yard = make_yard(tmp_path, {"pyproject.toml": TAGGED.replace('["tests"]', '["tests", "mine"]')})
    assert stopped(yard) == {"NS104"}
    assert plan(yard, without=("mine",)).gates == ("tests",)
    assert stopped(yard, without=("mine", "more")) == {"NS104"}


@pytest.mark.slow
def test_default_gates_that_a_noxfile_excludes_are_told(tmp_path: Path) -> None:
    """Default gates that the noxfile excludes are notices: NS105 for each, NS109 for coverage without tests."""
    yard = make_yard(tmp_path, {"pyproject.toml": TAGGED.replace('gates = ["tests"]\n', "")})
    assert plan(yard).gates == ("lint", "tests")
    assert told(yard).count("NS105") == 4
    assert plan(yard, without=("tests",)).gates == ("lint",)
    assert "NS109" in told(yard, without=("tests",))


def test_a_further_gate_that_the_noxfile_excludes_is_told(yard: Yard) -> None:
    """An optional gate that is turned on but excluded by the noxfile is NS105; a project's `api` is not that gate."""
    found: list[Finding] = []
    for own in ((), (Own("api", default=False),)):
        decided = decide(own, chosen=("tests",), further=("api",), ours=("tests", "build"))
        sessions = Sessions(frozenset({"tests", *(one.name for one in own)}), decided)
        assert preflight(yard.root, Request("minor"), sessions, yard.world, found.append).gates == ("tests",)
    told = [finding.what for finding in found if finding.id == "NS105"]
    assert told == ["The noxfile excludes the session api."]


def test_what_is_wrong_with_sessions_is_told_before_anything_runs(yard: Yard) -> None:
    """Unmeasured coverage (NS841) and sessions defined after `register()` (NS842) stop a release; a notice does not."""
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
    """A project's own gates are left out by their names, and coverage with the last of them that measures: NS109."""
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
    """A route to an unknown index is NS106."""
    yard = make_yard(tmp_path, {"pyproject.toml": f'{TAGGED}routes.final = "nowhere"\nroutes.prerelease = "pypi"\n'})
    assert stopped(yard) == {"NS106"}


def test_a_machine_without_space_is_told(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk has too little space, NS801 stops the release before anything is written."""
    free = [checks.SPACE_NEEDED - 1]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free[0]))
    assert stopped(yard) == {"NS801"}
    free[0] += 1
    plan(yard)


def test_pythons_that_a_job_lacks_stop_it(tmp_path: Path) -> None:
    """A Python that is not installed is NS804 in CI; on a developer's machine, it is left out."""
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
    """Settings that are not UTF-8 are reported with NS119, as other tools may read them differently."""
    write_files(written.root, {name: content})
    written.world.remote.has["refs/heads/main"] = commit_files(written.root, {})
    assert set(told(written)) == expected


@pytest.mark.slow
def test_a_file_in_another_encoding_is_nothing_for_bump_my_version(tmp_path: Path) -> None:
    """If bump-my-version would have to read a file that is not UTF-8, NS119 stops the release before it is made."""
    text = '[tool.nox-ship]\ngates = ["tests"]\n[[tool.bumpversion.files]]\nfilename = "doc.txt"\n'
    written = f'[project]\nname = "sample"\nversion = "0.1.0"\n{text}'
    yard = make_yard(tmp_path, {"pyproject.toml": written, "doc.txt": b"gr\xfcn 0.1.0\n"})
    with pytest.raises(ShipError, match=r"NS119.*doc\.txt is not UTF-8, and"):
        plan(yard)
    yard.tag("v0.1.0")
    assert plan(yard).version == "0.1.0"


@pytest.mark.slow
def test_of_a_range_of_pythons_a_job_needs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI, one Python of the range must be installed: missing ones are the notice NS118, a missing range is NS804."""
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
    """A Python in the classifiers does not need to be installed if `requires-python` excludes it."""
    monkeypatch.setattr("nox_ship.pythons.interpreter", lambda version: None if version == "3.4" else version)
    left = 'classifiers = ["Programming Language :: Python :: 3.4"]\nrequires-python = ">=3.11"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": TAGGED.replace("[project]\n", f"[project]\n{left}")})
    plan(yard, in_ci=True)


@pytest.mark.slow
def test_credentials_are_looked_for_before_anything_is_done(yard: Yard) -> None:
    """Missing credentials stop the release, unless the index has all files; warnings about credentials are shown."""
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


@pytest.mark.slow
def test_credentials_are_tried_before_anything_is_done(yard: Yard) -> None:
    """Credentials that the index refuses stop the release; they are not tried if the index has all files."""
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
    """If the index does not answer, that is NS701, or the notice NS767 if a workflow publishes."""
    yard.world.indexes["pypi"].late.append("silent")
    assert stopped(yard) == {"NS701"}
    yard.write({"pyproject.toml": f'{TAGGED}publish.by = "workflow"\n'})
    yard.world.indexes["pypi"].late.append("silent")
    assert told(yard) == ["NS767"]
    assert plan(yard).workflow == "release.yml"


def test_wheels_of_other_systems_are_a_workflows(yard: Yard) -> None:
    """Wheels for other systems need a workflow that publishes; otherwise NS582 stops the release."""
    wheels = 'wheels.systems = ["windows-latest"]\n'
    yard.write({"pyproject.toml": f'{TAGGED}{wheels}publish.by = "workflow"\n'})
    assert told(yard) == ["NS582"]
    yard.write({"pyproject.toml": f"{TAGGED}{wheels}"})
    assert stopped(yard) == {"NS582"}


UPLOADS = "on: {push: {tags: [v*]}}\njobs: {publish: {steps: [{uses: pypa/gh-action-pypi-publish@release/v1}]}}\n"


def test_an_index_that_a_setting_alone_leads_to_stops_no_release(yard: Yard) -> None:
    """If only a setting says that a workflow publishes, an archived project is a warning: uploads may go elsewhere."""
    yard.write({"pyproject.toml": f'{TAGGED}publish.by = "workflow"\n'})
    yard.world.indexes["pypi"].facts["status"] = "archived"
    assert told(yard) == ["NS770"]


@pytest.mark.slow
@pytest.mark.parametrize("workflow", [None, "publish.yml"])
def test_an_index_that_takes_no_files_stops_a_release(yard: Yard, workflow: str | None) -> None:
    """An index that accepts no files for the release stops it, even if a workflow would upload them."""
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


@pytest.mark.slow
def test_a_release_that_can_no_longer_be_finished_is_not_begun_again(yard: Yard) -> None:
    """If an incomplete release accepts no more files, NS772 names the missing ones, by the manifest if there is one."""
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
    """If the remote or the rehearsal's index does not answer, the release stops; warnings of the world are shown."""

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
            """Have no index."""

    assert stopped(replace_world(yard, Portless(**vars(yard.world)))) == {"NS000"}


def replace_world(yard: Yard, world: Any) -> Yard:
    """Return the yard with another world."""
    return replace(yard, world=world)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Problems in files, git, settings and version are all reported at once."""
    text = '[project]\nversion = "1.0"\nrequires-python = "x"\n[tool.nox-ship]\nroutes.final = "nowhere"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text + "[dependency-groups]\ntests = 3\n"})
    git(yard.root, "switch", "--quiet", "--create", "side")
    write_files(yard.root, {"more.txt": ""})
    assert {"NS113", "NS114", "NS106", "NS205", "NS203"} <= stopped(yard)


def test_a_folder_that_is_no_project_is_told(tmp_path: Path, yard: Yard) -> None:
    """A folder without pyproject.toml and without a repository has two findings."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ShipError) as caught:
        preflight(tmp_path / "empty", Request("patch"), Sessions(), yard.world, lambda _: None)
    assert {finding.id for finding in caught.value.findings} == {"NS111", "NS201"}


def test_a_changelog_that_cannot_be_cut_is_told(tmp_path: Path) -> None:
    """A changelog that the settings name but that does not exist is NS308, before anything is written."""
    text = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\nchangelog = "GONE.md"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text})
    assert stopped(yard, "0.1.0") == {"NS308"}
    assert list(yard.shop.folder.iterdir()) == []


def test_a_repository_that_knows_no_release_branch_releases_from_any(tmp_path: Path) -> None:
    """If no setting, remote or usual name determines a release branch, any branch may be released."""
    yard = make_yard(tmp_path, {"pyproject.toml": UNNAMED})
    git(yard.root, "branch", "--move", "main", "trunk")
    yard.world.remote.has.clear()
    assert plan(yard).branch == "trunk"


@pytest.mark.slow
@pytest.mark.usefixtures("bump_my_version")
def test_stale_settings_are_told(tmp_path: Path) -> None:
    """Outdated settings for bump-my-version are reported with NS307, but do not stop the release."""
    text = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.bumpversion]\ncurrent_version = "0.0.9"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": text})
    assert "NS307" in told(yard, "0.1.0")


def test_dependency_groups_must_be_readable(tmp_path: Path) -> None:
    """Dependency groups that cannot be resolved stop the release, since a gate would fail later."""
    group = '[dependency-groups]\ntests = [{include-group = "gone"}]\n'
    yard = make_yard(tmp_path, {"pyproject.toml": f"{TAGGED}{group}"})
    assert {finding[:4] for finding in stopped(yard)} == {"NS40"}


@pytest.mark.slow
def test_a_changelog_that_would_not_be_cut_is_told(yard: Yard) -> None:
    """A changelog without an unreleased section (NS313) or entries (NS314) is reported, unless the tag is there."""
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
    """In an early rehearsal, an unfinished changelog is only a warning; a missing one still is an error."""
    settings = '[project]\nname = "sample"\nversion = "0.1.0"\n[tool.nox-ship]\nchangelog = "CHANGES.rst"\n'
    yard = make_yard(tmp_path, {"pyproject.toml": settings, "CHANGES.rst": text})
    assert expected in stopped(yard)
    assert expected in told(yard, early=True)
    yard.write({"pyproject.toml": settings.replace("CHANGES.rst", "NEWS.rst")})
    assert "NS308" in stopped(yard, early=True)


def test_a_workflow_that_waits_for_somebody_is_told(yard: Yard) -> None:
    """If the workflow only starts once a GitHub Release is published, NS758 says that a person must do that."""
    job = "jobs: {publish: {runs-on: x, steps: [{run: twine upload dist/*}]}}\n"
    yard.write({".github/workflows/publish.yml": f"on: {{release: {{types: [published]}}}}\n{job}"})
    assert "NS758" in told(yard)
    assert plan(yard).workflow == "publish.yml"
