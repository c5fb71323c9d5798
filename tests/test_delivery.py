"""How a release reaches the remote: by the setting, by the branch's rules, or after a refused push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failing_forge import FailingForge
from fakes import FakeGates
from merging import PROPOSED, Shielded, shielded
from nox_ship.errors import ShipError
from nox_ship.release.delivery import choose
from nox_ship.setup import github
from nox_ship.world.rules import in_the_way
from nox_ship.world.standins import StandIns
from support import each

pytestmark = pytest.mark.slow

AUTO = PROPOSED.replace('delivery = "pull-request"\n', "")
REVIEWS = {"type": "pull_request", "ruleset_id": 7, "parameters": {}}
CHECKS = {"type": "required_status_checks", "ruleset_id": 8, "parameters": {}}
HARMLESS = [{"type": kind, "ruleset_id": 7} for kind in ("deletion", "non_fast_forward", "required_linear_history")]
ASKED, PROTECTION = "/rules/branches/main?per_page=100", "/branches/main/protection"
PROTECTED = {"protected": True}
PASSED = {ASKED: [REVIEWS], "/rulesets/7": {"current_user_can_bypass": "always"}}


@each(
    ("answers", "refusing"),
    [
        ({}, ()),
        ({ASKED: []}, ()),
        ({ASKED: HARMLESS}, ()),
        ({ASKED: [REVIEWS, *HARMLESS]}, ("changes go through a pull request",)),
        ({ASKED: [REVIEWS, REVIEWS, CHECKS]}, ("changes go through a pull request", "a commit needs status checks")),
        ({ASKED: [REVIEWS], "/rulesets/7": {"current_user_can_bypass": "always"}}, ()),
        (
            {ASKED: [REVIEWS], "/rulesets/7": {"current_user_can_bypass": "never"}},
            ("changes go through a pull request",),
        ),
        (
            {ASKED: [REVIEWS, CHECKS], "/rulesets/7": {"current_user_can_bypass": "exempt"}},
            ("a commit needs status checks",),
        ),
        (
            {ASKED: [REVIEWS], "/rulesets/7": {"current_user_can_bypass": "pull_requests_only"}},
            ("changes go through a pull request",),
        ),
        ({"/branches/main": PROTECTED}, ()),
        ({"/branches/main": {"protected": False}, PROTECTION: {"lock_branch": {"enabled": True}}}, ()),
        (
            {
                "/branches/main": PROTECTED,
                PROTECTION: {"enforce_admins": {"enabled": True}, "required_pull_request_reviews": {"x": 1}},
            },
            ("changes go through a pull request",),
        ),
        (
            {
                "/branches/main": PROTECTED,
                PROTECTION: {"enforce_admins": {"enabled": False}, "required_pull_request_reviews": {"x": 1}},
            },
            (),
        ),
        (
            {
                "/branches/main": {
                    "protected": True,
                    "protection": {"required_status_checks": {"enforcement_level": "everyone", "contexts": ["a"]}},
                }
            },
            ("a commit needs status checks",),
        ),
        ({ASKED: {"message": "x"}, "/branches/main": [1]}, ()),
        ({ASKED: ["x", None, {"type": ["pull_request"]}]}, ()),
    ],
)
def test_rules_that_refuse_a_push_are_told_apart(answers: dict[str, Any], refusing: tuple[str, ...]) -> None:
    """Only rules that a new commit cannot meet, and that the token's user cannot bypass, count as refusing."""
    assert in_the_way(answers.get, "main") == refusing


def test_nobody_bypasses_the_rules_for_others() -> None:
    """For somebody else than the token's user, rules count that the user may bypass."""
    classic = {"/branches/main": PROTECTED, PROTECTION: {"required_pull_request_reviews": {"x": 1}}}
    for answers in (PASSED, classic):
        assert in_the_way(answers.get, "main") == ()
        assert in_the_way(answers.get, "main", of_others=True) == ("changes go through a pull request",)


@pytest.fixture
def forge(programs: object, sessions: object) -> Iterator[FailingForge]:  # noqa: ARG001 - each release needs them
    """Run a forge without rules."""
    with FailingForge() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, forge: FailingForge, sessions: FakeGates) -> Shielded:
    """Make a project with a protected branch and the default setting for `delivery`."""
    sessions.afterwards = lambda stage: stage.record.passed.update(dict.fromkeys(sessions.ran, 0.1))
    return shielded(tmp_path, forge, {"pyproject.toml": AUTO})


def test_a_branch_with_rules_gets_a_pull_request(project: Shielded) -> None:
    """A branch with rules gets a pull request, and NS883 gives the reason."""
    project.forge.facts["/rules/branches/main"] = [REVIEWS]
    project.yard.release()
    assert "refs/heads/release/v1.3.0" in project.refs()
    found = [finding["what"] for finding in project.yard.told()["findings"] if finding["id"] == "NS883"]
    assert found == [
        "This release is proposed in a pull request: main on acme/sample has rules: changes go through a pull request."
    ]


def test_whoever_may_bypass_the_rules_pushes(project: Shielded) -> None:
    """A user who may bypass the branch's rules releases by a push."""
    project.forge.facts |= {"/rules/branches/main": [REVIEWS], "/rulesets/7": {"current_user_can_bypass": "always"}}
    (project.bare / "hooks" / "pre-receive").unlink()
    project.yard.release()
    assert "refs/tags/v1.3.0" in project.refs()


def test_a_refused_push_changes_nothing_and_offers_the_other_way(project: Shielded, sessions: FakeGates) -> None:
    """After a refused push (NS231), the same command proposes the release without running gates again."""
    before = project.refs()
    with pytest.raises(ShipError, match="NS231") as caught:
        project.yard.release()
    assert "propose this release in a pull request" in caught.value.findings[0].remedy
    assert project.refs() == before
    sessions.ran.clear()
    project.yard.release()
    assert sessions.ran == []
    assert set(project.refs()) == {*before, "refs/heads/release/v1.3.0"}


def test_whoever_starts_afresh_tries_the_push_again(project: Shielded) -> None:
    """After a refused push, `--fresh` tries the push again."""
    with pytest.raises(ShipError, match="NS231"):
        project.yard.release()
    (project.bare / "hooks" / "pre-receive").unlink()
    project.yard.release(fresh=True)
    assert "refs/tags/v1.3.0" in project.refs()


def test_where_only_pushes_are_wanted_nothing_else_is_offered(project: Shielded) -> None:
    """With `delivery = "push"`, a refused push suggests no pull request, and the rules are not asked for."""
    text = AUTO.replace("[tool.nox-ship]\n", '[tool.nox-ship]\ndelivery = "push"\n')
    project.go_on({"pyproject.toml": text})
    project.update()
    for _ in range(2):
        with pytest.raises(ShipError, match="NS231") as caught:
            project.yard.release()
        assert "pull request" not in caught.value.findings[0].remedy
    assert "GET /rules/branches/main" not in project.forge.asked


def test_a_forge_that_tells_nothing_decides_nothing(forge: FailingForge) -> None:
    """If the forge does not answer, or there is none, the release is pushed."""
    forge.faults.dead_after = 0
    assert choose("auto", forge.client(), "main", refused=False).way == "push"
    assert choose("auto", None, "main", refused=False).way == "push"


def test_a_rehearsal_proposes_on_this_machine(project: Shielded, tmp_path: Path) -> None:
    """A rehearsal's branch and pull request exist only in stand-ins; rules and merged ones come from the forge."""
    project.forge.facts["/rules/branches/main"] = [REVIEWS]
    real, before = project.forge.client(), project.refs()
    pull, _ = real.pulls.bring("release/v1.2.4", "main", "Release 1.2.4", "")
    project.forge.pulls[pull.number].update(merged_at="2026-01-05T12:00:00Z", merge_commit_sha="a" * 40)
    with StandIns(project.root, tmp_path / "world", forge=lambda: real) as world:
        assert world.forge
        assert world.forge.in_the_way("main") == ("changes go through a pull request",)
        assert [one.number for one in world.forge.pulls.merged("release/v1.2.4", "main")] == [pull.number]
        assert world.forge.pulls.of_branch("release/v1.2.4", "main") == ()
        ref = "refs/heads/release/v1.3.0"
        for _ in range(2):
            there = world.remote.refs().get(ref, "")
            world.remote.push(project.yard.repository, {ref: before["refs/heads/main"]}, replaces={ref: there})
        assert ref in world.remote.refs()
        opened = [world.forge.pulls.bring("release/v1.3.0", "main", "Release 1.3.0", "")[1] for _ in range(2)]
        assert opened == [True, False]
    assert project.refs() == before
    assert list(project.forge.pulls) == [pull.number]


def test_a_tag_that_is_protected_is_not_offered_a_pull_request(project: Shielded) -> None:
    """If a rule protects the tag, NS231 suggests no pull request, as the tag would still be refused."""
    hook = project.bare / "hooks" / "pre-receive"
    hook.write_text(
        "#!/bin/sh\necho 'error: GH013: Repository rule violations found for refs/tags/v1.3.0.' >&2\nexit 1\n"
    )
    with pytest.raises(ShipError, match="NS231") as caught:
        project.yard.release()
    assert "pull request" not in caught.value.findings[0].remedy


@each(
    ("wanted", "answers", "words"),
    [
        ("push", {ASKED: [REVIEWS]}, "NS829"),
        ("push", {}, "no rule"),
        ("push", PASSED, "you may bypass: your releases are pushed, and those that a workflow cuts are refused"),
        ("auto", {ASKED: [REVIEWS]}, "so releases go there by pull request"),
        ("auto", {}, "no rule"),
        ("auto", PASSED, "your releases are pushed, and those that a workflow cuts go there by pull request"),
        ("pull-request", {}, "because of `delivery`"),
    ],
)
def test_doctor_says_which_way_a_release_takes(wanted: Any, answers: dict[str, Any], words: str) -> None:
    """`doctor` reports how releases are delivered, and NS829 if rules refuse the push that the setting wants."""
    assert words in str(github._way(wanted, "main", answers.get))
