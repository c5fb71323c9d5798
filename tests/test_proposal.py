"""Which version `release -- auto` proposes, and why."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from fakes import FakeGates, Programs, Yard, noxfile
from nox_ship.errors import Finding, ShipError
from nox_ship.gates.api import TOOL
from nox_ship.git import Repository
from nox_ship.project import Project
from nox_ship.release.pipeline import CUT, run_pipeline
from nox_ship.release.planning import Request
from nox_ship.release.preflight import preflight
from nox_ship.release.proposal import Proposal, propose
from support import commit_files, git, make_repository

PYPROJECT = '[project]\nname = "sample"\nversion = "{}"\n'
GONE = {"path": "sample.f", "what": "was removed", "file": "sample.py", "line": 1, "gone": True}
Api = tuple[list[dict[str, object]], list[str]]
SAME: Api = ([], [])
ADDED: Api = ([], ["sample.g"])
BROKEN: Api = ([GONE], ["sample.g"])


def proposed(
    folder: Path,
    programs: Programs,
    *messages: str,
    version: str = "1.2.3",
    tag: str = "v1.2.3",
    changelog: str = "",
    api: Api | None = SAME,
) -> Proposal:
    """Return what is proposed after commits with these messages; with ``api`` None, griffe cannot be installed."""
    texts = (
        {"CHANGELOG.md": f"# Changes\n\n## Unreleased\n\n{changelog}\n\n## 1.2.3\n\n- First.\n"} if changelog else {}
    )
    make_repository(folder, {"pyproject.toml": PYPROJECT.format(version), "sample.py": "", **texts})
    if tag:
        git(folder, "tag", tag)
    for message in messages:
        commit_files(folder, {}, message)
    if api is None:
        programs.answer("surface.py", code=2, stdout="error: no index\nnetwork is unreachable")
    else:
        answer = {"changes": api[0], "additions": api[1], "read": 1}
        programs.answer("surface.py", stdout=f"nox-ship:{json.dumps(answer)}\n")
    return propose(Project.read(folder), Repository.at(folder), version, stated=True)


@pytest.mark.parametrize(
    ("api", "last", "wanted"),
    [
        (SAME, "1.2.3", "patch"),
        (ADDED, "1.2.3", "minor"),
        (BROKEN, "1.2.3", "major"),
        (SAME, "0.2.3", "patch"),
        (ADDED, "0.2.3", "minor"),
        (BROKEN, "0.2.3", "minor"),
    ],
)
def test_the_public_api_tells(tmp_path: Path, programs: Programs, api: Api, last: str, wanted: str) -> None:
    """Removing from the public API calls for a major version (before 1.0, a minor one), adding for a minor one."""
    made = proposed(tmp_path, programs, "Change", version=last, tag=f"v{last}", api=api)
    assert made.wanted == wanted
    assert str(made.findings[-1]).startswith(
        f"NS439 version-proposed: `auto` proposes {wanted}: {wanted}, since v{last}: "
    )
    assert made.findings[-1].level == "notice"


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        (("fix: it", "docs: more"), "patch"),
        (("fix: it", "feat: new"), "minor"),
        (("feat(cli): new", "chore: x"), "minor"),
        (("fix!: other", "feat: new"), "major"),
        (("fix(api)!: other",), "major"),
        (("refactor: x\n\nBody.\n\nBREAKING CHANGE: gone",), "major"),
        (("feat: new", "Mend", "Tell more", "Write"), "patch"),
        (("Feature: new",), "patch"),
        (("feat it",), "patch"),
    ],
)
def test_conventional_commits_tell(tmp_path: Path, programs: Programs, messages: tuple[str, ...], wanted: str) -> None:
    """Conventional commits count if at least half of the recent commits follow the convention."""
    assert proposed(tmp_path, programs, *messages).wanted == wanted


def test_commits_before_the_last_release_tell_of_that_one(tmp_path: Path, programs: Programs) -> None:
    """Commits before the last release do not count; they only show that the project follows the convention."""
    make_repository(tmp_path, {"pyproject.toml": PYPROJECT.format("1.2.3"), "sample.py": ""})
    commit_files(tmp_path, {}, "feat!: old")
    git(tmp_path, "tag", "v1.2.3")
    commit_files(tmp_path, {}, "fix: new")
    programs.answer("surface.py", stdout='nox-ship:{"changes": [], "additions": [], "read": 1}\n')
    assert propose(Project.read(tmp_path), Repository.at(tmp_path), "1.2.3", stated=True).wanted == "patch"


@pytest.mark.slow
def test_merges_are_no_commits_against_the_convention(tmp_path: Path, programs: Programs) -> None:
    """Merge commits do not count against the convention, and messages are read in whatever encoding git writes."""
    proposed(tmp_path, programs)
    for number in range(3):
        git(tmp_path, "checkout", "--quiet", "-b", f"other{number}")
        commit_files(tmp_path, {}, "feat: größer")
        git(tmp_path, "checkout", "--quiet", "main")
        git(tmp_path, "merge", "--quiet", "--no-ff", "--no-edit", f"other{number}")
    git(tmp_path, "config", "i18n.logOutputEncoding", "ISO-8859-1")
    made = propose(Project.read(tmp_path), Repository.at(tmp_path), "1.2.3", stated=True)
    assert (made.wanted, "feat: größer" in made.why) == ("minor", True)


@pytest.mark.slow
def test_in_a_folder_of_a_repository_its_own_commits_tell(tmp_path: Path, programs: Programs) -> None:
    """For a project in a folder of the repository, only commits that change this folder count."""
    make_repository(tmp_path, {"a/pyproject.toml": PYPROJECT.format("1.2.3"), "a/sample.py": "", "b/other.py": ""})
    git(tmp_path, "tag", "v1.2.3")
    commit_files(tmp_path, {"b/other.py": "1"}, "feat!: of the other")
    commit_files(tmp_path, {"a/sample.py": "1"}, "feat: of this one")
    programs.answer("surface.py", stdout='nox-ship:{"changes": [], "additions": [], "read": 1}\n')
    made = propose(Project.read(tmp_path / "a"), Repository.at(tmp_path / "a"), "1.2.3", stated=True)
    assert made.wanted == "minor"


@pytest.mark.parametrize(
    ("changelog", "wanted"),
    [
        ("### Fixed\n\n- It.", "patch"),
        ("### Security\n\n- It.\n\n### Fixed\n\n- It.", "patch"),
        ("### Added\n\n- It.\n\n### Fixed\n\n- It.", "minor"),
        ("### Changed\n\n- It.", "minor"),
        ("### Deprecated\n\n- It.", "minor"),
        ("### ✨ New features\n\n- It.", "minor"),
        ("### Removed\n\n- It.", "major"),
        ("### Breaking changes\n\n- It.\n\n### Added\n\n- It.", "major"),
        ("### Removed\n\n### Fixed\n\n- It.", "patch"),
        ("- **Breaking**: it is gone.", "major"),
        ("- Added it, no breaking of things.", "patch"),
    ],
)
def test_the_changelog_tells(tmp_path: Path, programs: Programs, changelog: str, wanted: str) -> None:
    """The headings with entries in the changelog's unreleased section determine the version."""
    assert proposed(tmp_path, programs, "Change", changelog=changelog).wanted == wanted


@pytest.mark.slow
def test_the_highest_evidence_decides_and_is_named(tmp_path: Path, programs: Programs) -> None:
    """The evidence that calls for the most decides and is named; weaker evidence is not."""
    made = proposed(tmp_path, programs, "feat: new", changelog="### Removed\n\n- It.", api=ADDED)
    assert (made.wanted, made.why) == ("major", "major, since v1.2.3: CHANGELOG.md has Removed under Unreleased")
    made = proposed(tmp_path / "2", programs, "feat: new", changelog="### Fixed\n\n- It.", api=ADDED)
    assert made.wanted == "minor"
    assert "1 addition to the public API (sample.g); the commits name a feature (feat: new)" in made.why


@pytest.mark.slow
def test_without_griffe_the_rest_decides(tmp_path: Path, programs: Programs) -> None:
    """If griffe is not available, NS440 says why, and other evidence decides; without any, it is a patch release."""
    made = proposed(tmp_path, programs, "Change", changelog="### Added\n\n- It.", api=None)
    assert made.wanted == "minor"
    assert str(made.findings[0]).startswith(
        "NS440 api-not-compared: The public API was not compared: network is unreach"
    )
    made = proposed(tmp_path / "2", programs, "Change", api=None)
    assert (made.wanted, made.why) == ("patch", "patch, since v1.2.3: no change calls for more")


@pytest.mark.parametrize(
    ("version", "tag", "api", "wanted"),
    [
        ("1.3.0", "v1.2.3", SAME, "1.3.0"),
        ("1.3.0", "v1.2.3", ADDED, "1.3.0"),
        ("1.3.0", "v1.2.3", BROKEN, "2.0.0"),
        ("1.2.4.dev0", "v1.2.3", SAME, "1.2.4"),
        ("1.2.4.dev0", "v1.2.3", ADDED, "1.3.0"),
        ("1.3.0rc1", "v1.2.3", SAME, "1.3.0"),
        ("2024.1.1", "v2024.1.1", BROKEN, "patch"),
        ("0.1.0", "", BROKEN, "0.1.0"),
    ],
)
def test_files_that_are_ahead_are_taken_at_their_word(
    tmp_path: Path, programs: Programs, version: str, tag: str, api: Api, wanted: str
) -> None:
    """A newer version in the files is used unless changes call for more; calendar versions ignore the changes."""
    assert proposed(tmp_path, programs, "Change", version=version, tag=tag, api=api).wanted == wanted


ANSWERED = f"nox-ship:{json.dumps({'changes': [], 'additions': ['sample.g'], 'read': 1})}\n"


def test_a_release_goes_on_as_if_the_proposal_had_been_asked_for(yard: Yard, programs: Programs) -> None:
    """The release uses the proposed version, NS439 says why, and the API of a clean copy of HEAD is compared."""
    yard.tag("v1.2.3")
    yard.write({"sample.py": "def g(): ...\n"})
    programs.answer("surface.py", stdout=ANSWERED)
    told: list[Finding] = []
    plan = preflight(yard.root, Request("auto"), noxfile(yard.root, "tests"), yard.world, told.append)
    assert (plan.version, plan.tag) == ("1.3.0", "v1.3.0")
    assert [finding.what.partition(":")[0] for finding in told if finding.id == "NS439"] == ["`auto` proposes minor"]
    (call,) = (call for call in programs.calls if "surface.py" in call.text)
    options = ("--isolated", "--no-project", "--python", sys.executable, "--with", TOOL)
    assert call.line[call.line.index("--isolated") : call.line.index("--")] == options
    assert call.line[call.line.index("python") + 1] == "-I"  # so PYTHONPATH cannot make it import the project
    assert json.loads(call.line[-1])["roots"][1] != str(yard.root)


def test_a_release_that_is_to_be_finished_is_not_proposed_anew(yard: Yard, programs: Programs) -> None:
    """If HEAD is already tagged, that release is finished, and nothing is proposed."""
    yard.tag("v1.2.3")
    told: list[Finding] = []
    plan = preflight(yard.root, Request("auto"), noxfile(yard.root, "tests"), yard.world, told.append)
    assert (plan.version, plan.bump) == ("1.2.3", False)
    assert "NS439" not in {finding.id for finding in told}
    assert not [call for call in programs.calls if "surface.py" in call.text]


@pytest.mark.slow
def test_the_same_commit_gets_the_same_proposal_again(yard: Yard, programs: Programs, sessions: FakeGates) -> None:
    """The proposal for a commit is recorded and used again, even without griffe, unless a fresh run is requested."""
    yard.tag("v1.2.3")
    yard.write({"sample.py": "def g(): ...\n"})
    programs.answer("surface.py", stdout=ANSWERED)
    sessions.facts = {"commit": "0" * 40}
    with pytest.raises(ShipError):
        yard.release("auto")
    programs.answer("surface.py", code=2, stdout="no index")
    sessions.facts = {}
    again = yard.prepare("auto")
    run_pipeline(again, CUT)
    assert (again.plan.version, again.stage.reused) == ("1.3.0", True)
    (told,) = (finding["what"] for finding in again.report.findings if finding["id"] == "NS439")
    assert told == "`auto` proposes minor: proposed by an earlier run for this commit."
    fresh = yard.prepare("auto", fresh=True)
    run_pipeline(fresh, CUT)
    assert fresh.plan.version == "1.2.4"


@pytest.mark.slow
@pytest.mark.parametrize("change", ["a version that was asked for", "another commit", "its tag"])
def test_a_proposal_that_no_longer_holds_is_made_anew(
    yard: Yard, programs: Programs, sessions: FakeGates, change: str
) -> None:
    """A recorded proposal is not used for another commit, after an explicit version, or if it has been released."""
    yard.tag("v1.2.3")
    yard.write({"sample.py": "def g(): ...\n"})
    programs.answer("surface.py", stdout=ANSWERED)
    sessions.facts = {"commit": "0" * 40}
    with pytest.raises(ShipError):
        yard.release("major" if change.startswith("a version") else "auto")
    if change == "another commit":
        yard.write({"sample.py": "def h(): ...\n"})
    if change == "its tag":
        yard.world.remote.has["refs/tags/v1.3.0"] = "d" * 40
    before = len(programs.calls)
    made = yard.prepare("auto")
    with pytest.raises(ShipError, match="NS304") if change == "its tag" else nullcontext():
        run_pipeline(made, CUT)
    assert [call for call in programs.calls[before:] if "surface.py" in call.text]


@pytest.mark.slow
@pytest.mark.usefixtures("bump_my_version")
def test_a_proposal_that_the_projects_versions_cannot_follow_is_told(yard: Yard, programs: Programs) -> None:
    """If the project's versions have no such part, NS302 lists the parts, and does not suggest `auto` again."""
    scheme = 'parse = "(?P<big>\\\\d+)\\\\.(?P<small>\\\\d+)"\nserialize = ["{big}.{small}"]\n'
    text = f'{PYPROJECT.format("1.2")}[tool.bumpversion]\ncurrent_version = "1.2"\n{scheme}'
    yard.write({"pyproject.toml": text, "sample.py": ""})
    yard.tag("v1.2")
    yard.write({"sample.py": "def g(): ...\n"})
    programs.answer("surface.py", stdout=ANSWERED)
    with pytest.raises(ShipError) as caught:
        preflight(yard.root, Request("auto"), noxfile(yard.root, "tests"), yard.world, lambda _: None)
    (found,) = (finding for finding in caught.value.findings if finding.id == "NS302")
    assert "`auto` proposes minor" in found.what
    assert found.remedy == "Write one of big, small, or a version such as 1.4.0."
