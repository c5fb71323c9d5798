"""How recent releases went, according to the forge's runs and the index's upload times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from delivering import Clock, Job, by_a_tag, by_hand, proven, ran
from failing_forge import SLUG, FailingForge
from fakes import Yard, make_yard
from nox_ship.config import WorkflowSettings
from nox_ship.errors import Findings
from nox_ship.project import Project
from nox_ship.release import delivered
from nox_ship.release.delivered import Delivered, OnForge
from nox_ship.setup.workflows import Facts, render
from nox_ship.world import past
from nox_ship.world.releases import Releases
from support import load_yaml

WORKFLOW = """\
on: {push: {tags: ["v*"]}}
jobs: {publish: {runs-on: x, permissions: {id-token: write}, steps: [{run: twine upload dist/*}]}}
"""
FILES = {"pyproject.toml": '[project]\nname = "sample"\nversion = "1.0"\n', ".github/workflows/release.yml": WORKFLOW}


@pytest.fixture
def forge() -> Iterator[FailingForge]:
    """Run a forge."""
    with FailingForge() as running:
        yield running


@pytest.fixture
def pypi() -> Clock:
    """Return the index that releases go to."""
    return Clock()


@pytest.fixture
def testpypi() -> Clock:
    """Return the index that gets each release first."""
    return Clock("TestPyPI")


@pytest.fixture
def yard(tmp_path: Path, forge: FailingForge, pypi: Clock, testpypi: Clock) -> Yard:
    """Make a project with a publishing workflow, on that forge and those indexes."""
    made = make_yard(tmp_path, FILES)
    made.world.forge = forge.client()
    indexes: dict[str, Any] = {"pypi": pypi, "testpypi": testpypi}
    made.world.indexes = indexes
    return made


@pytest.fixture
def looked(yard: Yard) -> Callable[..., OnForge]:
    """Return a function that looks at the releases and expects only the given findings."""

    def look(*expected: str) -> OnForge:
        findings = Findings()
        told = delivered.look(yard.project, yard.repository, yard.world, findings)
        assert sorted({finding.id for finding in findings}) == sorted(expected)
        assert isinstance(told, OnForge)
        return told

    return look


def one(told: OnForge) -> Delivered:
    """Return the only release."""
    (release,) = told.releases
    return release


def test_a_pushed_tag_that_was_published(
    forge: FailingForge, pypi: Clock, testpypi: Clock, looked: Callable[..., OnForge]
) -> None:
    """The time to publish is measured from the tag, and from the end of the tests, to the index's last file."""
    ran(forge, "v1.0", 10, *by_a_tag(10))
    pypi.arrived, testpypi.arrived = {"1.0": (16.6, 16.8), "0.9": (1, 2)}, {"1.0": (15.6, 15.7)}
    told = looked()
    assert (told.where, told.workflow) == (SLUG, "release.yml")
    release = one(told)
    assert (release.version, release.tag, release.begun) == ("1.0", "v1.0", "2026-01-05T12:10:00+00:00")
    assert (release.runs, release.attempts, release.passed, release.first_try) == (1, 1, True, True)
    assert release.seconds == 8 * 60
    assert release.tag_to_index == pytest.approx(6.8 * 60)
    assert release.ci_to_index == pytest.approx(1.8 * 60)
    assert release.address.endswith("/runs/1")


def test_testing_ends_where_publishing_begins(
    forge: FailingForge, pypi: Clock, testpypi: Clock, looked: Callable[..., OnForge]
) -> None:
    """The tests end when the first file reaches any index; jobs between two indexes are not tests."""
    ran(forge, "v1.0", 0, *by_a_tag(0))
    pypi.arrived = {"1.0": (6.8,)}
    assert one(looked()).ci_to_index == pytest.approx(0.3 * 60)
    testpypi.arrived = {"1.0": (5.75,)}
    assert one(looked()).ci_to_index == pytest.approx(1.8 * 60)


def test_a_release_that_the_workflow_cut_has_two_runs(
    forge: FailingForge, pypi: Clock, testpypi: Clock, looked: Callable[..., OnForge]
) -> None:
    """A release that a workflow cuts lasts from its first run's start to its second run's end."""
    ran(forge, "main", 0, *by_hand(0), event="workflow_dispatch")
    ran(forge, "v1.0", 6, *proven(6), event="workflow_dispatch")
    pypi.arrived, testpypi.arrived = {"1.0": (8.2,)}, {"1.0": (7.2,)}
    release = one(looked())
    assert (release.runs, release.first_try, release.seconds) == (2, True, 10 * 60)
    assert release.tag_to_index == pytest.approx(2.2 * 60)
    assert release.ci_to_index == pytest.approx(2.7 * 60)


def test_a_run_that_failed_before_a_release_was_its_first_try(
    forge: FailingForge, looked: Callable[..., OnForge]
) -> None:
    """A failed run that was to cut a release counts as the first try of the next release that was cut."""
    ran(forge, "v0.9", 0, *by_a_tag(0))
    ran(forge, "main", 100, *by_hand(100, "failure"), event="workflow_dispatch", conclusion="failure")
    ran(forge, "v0.9", 110, *by_a_tag(110), event="workflow_dispatch")
    ran(forge, "main", 120, *by_hand(120), event="workflow_dispatch")
    ran(forge, "v1.0", 126, *proven(126), event="workflow_dispatch")
    ran(forge, "v1.1", 200, *by_a_tag(200))
    told = looked()
    assert [(one.version, one.runs, one.first_try, one.passed) for one in told.releases] == [
        ("1.1", 1, True, True),
        ("1.0", 3, False, True),
        ("0.9", 2, True, True),
    ]
    assert [one.seconds is None for one in told.releases] == [False, True, False]
    assert [(one.name, one.runs) for one in told.failures] == [("Gate tests-3.12", 1)]


def test_a_second_attempt_is_not_the_first_try(forge: FailingForge, looked: Callable[..., OnForge]) -> None:
    """A run that passed after failed jobs were repeated did not pass at the first try."""
    failed = Job("Publish to PyPI", 6, 7, "failure")
    again = [job if job.name != failed.name else Job(job.name, 66, 67, attempt=2) for job in by_a_tag(0)]
    ran(forge, "v1.0", 0, failed, *again)
    told = looked()
    release = one(told)
    assert (release.passed, release.first_try, release.attempts, release.seconds) == (True, False, 2, None)
    assert [one.name for one in told.failures] == ["Publish to PyPI"]
    assert [one.seconds for one in told.jobs if one.name == "Publish to PyPI"] == [60.0]


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "timed_out", None])
def test_a_release_that_failed_counts(
    forge: FailingForge, looked: Callable[..., OnForge], conclusion: str | None
) -> None:
    """A release whose only run did not succeed is listed as failed."""
    ran(forge, "v1.0", 0, Job("Build", 0, 1, "failure"), conclusion=conclusion)
    release = one(looked())
    assert (release.passed, release.first_try, release.seconds, release.tag_to_index) == (False, False, None, None)


def test_what_is_no_release_does_not_count(forge: FailingForge, looked: Callable[..., OnForge]) -> None:
    """Rehearsals, development versions, pull requests and unfinished runs are not counted as releases."""
    rehearsal = [Job("Lock", 0, 1), Job("Cut the release", 0, 0, "skipped"), Job("Rehearse", 0, 5, "failure")]
    ran(forge, "main", 0, *rehearsal, event="workflow_dispatch", conclusion="failure")
    ran(forge, "v1.0", 1, *by_a_tag(1))
    ran(forge, "v1.0", 10, *rehearsal, event="workflow_dispatch", conclusion="failure")
    ran(forge, "main", 20, Job("Build", 20, 21, "failure"), conclusion="failure")
    ran(forge, "v1.0", 30, Job("Build", 30, 31, "failure"), event="pull_request", conclusion="failure")
    ran(forge, "v1.1", 40, status="in_progress", conclusion=None)
    release = one(looked())
    assert (release.version, release.runs, release.first_try) == ("1.0", 1, True)
    assert not [path for path in forge.asked if path.endswith(("/runs/4/jobs", "/runs/5/jobs"))]


def test_what_jobs_usually_take(forge: FailingForge, looked: Callable[..., OnForge]) -> None:
    """The five slowest jobs are listed with the median and the longest of their successful times."""
    for number, minutes in enumerate((1, 2, 6)):
        jobs = [Job(f"Gate {name}", 0, minutes * name) for name in range(1, 8)]
        ran(forge, f"v1.{number}", number * 100, *jobs, Job("Gate 9", 0, 90, "timed_out" if number else "failure"))
    told = looked()
    assert [(one.name, one.seconds, one.longest, one.runs) for one in told.jobs][:2] == [
        ("Gate 7", 14 * 60, 42 * 60, 3),
        ("Gate 6", 12 * 60, 36 * 60, 3),
    ]
    assert len(told.jobs) == 5
    assert [(one.name, one.runs) for one in told.failures] == [("Gate 9", 3)]


@pytest.mark.slow
def test_few_requests_are_sent(forge: FailingForge, pypi: Clock, looked: Callable[..., OnForge]) -> None:
    """GitHub is asked once for the runs and once for the jobs of each of the last twenty."""
    for number in range(30):
        ran(forge, f"v1.{number}", number * 100, *by_a_tag(number * 100))
    told = looked()
    assert len(forge.asked) == 1 + delivered.MOST == 21
    assert [one.version for one in told.releases] == [f"1.{number}" for number in range(29, 10, -1)]
    assert pypi.asked == 1


def test_the_oldest_of_many_runs_may_lack_some(forge: FailingForge, looked: Callable[..., OnForge]) -> None:
    """If there are more runs than are read, the oldest release is left out; pushes to the branch fill up pages."""
    ran(forge, "v1.0", 0, *by_a_tag(0))
    ran(forge, "v1.1", 10, *by_a_tag(10))
    for number in range(past.MOST - 2):
        ran(forge, "main", 20 + number)
    assert [one.version for one in looked().releases] == ["1.1"]


def test_what_the_forge_does_not_tell_is_not_guessed(forge: FailingForge, looked: Callable[..., OnForge]) -> None:
    """If the answer about a run is invalid (NS785), releases that it may belong to, and older ones, are left out."""
    for number in range(5):
        ran(forge, f"v1.{number}", number * 100, *by_a_tag(number * 100))
    next(job for job in forge.jobs if job["run_id"] == 2)["started_at"] = "yesterday"
    assert [one.version for one in looked("NS785").releases] == ["1.4", "1.3"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {}, {}), "NS781"),
        ((404, {}, {}), "NS784"),
        ((429, {"retry-after": "9"}, {}), "NS783"),
        ((200, {}, []), "NS785"),
        ((200, {}, {"workflow_runs": [{"id": "1"}]}), "NS785"),
    ],
)
def test_why_the_runs_are_not_told_is(
    yard: Yard, forge: FailingForge, answer: tuple[int, dict[str, str], object], expected: str
) -> None:
    """If GitHub refuses to list the runs, the finding says why, and no other request is sent."""
    forge.faults.answers, findings = [answer], Findings()
    yard.world.forge = Releases(replace(forge.client().api, patience=0))
    assert delivered.look(yard.project, yard.repository, yard.world, findings) == ""
    assert [finding.id for finding in findings] == [expected]
    assert len(forge.asked) == 1


def test_where_there_is_nothing_to_ask(yard: Yard, forge: FailingForge) -> None:
    """If the remote is not on GitHub, or no workflow publishes, nothing is asked, and there is no finding."""
    findings = Findings()
    yard.world.forge = None
    assert delivered.look(yard.project, yard.repository, yard.world, findings) == "the remote is not on GitHub"
    yard.world.forge = forge.client()
    yard.write({".github/workflows/release.yml": "on: push\njobs: {}\n"})
    told = delivered.look(Project.read(yard.root), yard.repository, yard.world, findings)
    assert told == "no workflow publishes pushed tags"
    assert (findings, forge.asked) == ([], [])


@pytest.mark.parametrize("arrived", [{}, {"1.0": ()}, {"1.0": (16.8, None)}, {"1.0": (5,)}, {"0.9": (16.8,)}])
def test_a_time_that_is_not_told_is_not_guessed(
    forge: FailingForge, pypi: Clock, looked: Callable[..., OnForge], arrived: dict[str, tuple[float | None, ...]]
) -> None:
    """The time to publish is unknown if the index lacks the release or an upload time, or had it before the tag."""
    ran(forge, "v1.0", 10, *by_a_tag(10))
    pypi.arrived = arrived
    release = one(looked())
    assert (release.tag_to_index, release.ci_to_index, release.seconds) == (None, None, 480)


def test_a_file_that_no_job_sent_tells_no_end_of_testing(
    forge: FailingForge, pypi: Clock, looked: Callable[..., OnForge]
) -> None:
    """If no job uploaded the file, as when a machine published it, the end of the tests is unknown."""
    ran(forge, "v1.0", 10, *by_a_tag(10))
    pypi.arrived = {"1.0": (99,)}
    release = one(looked())
    assert (release.tag_to_index, release.ci_to_index) == (89 * 60, None)


def test_an_index_that_is_silent_is_told(forge: FailingForge, pypi: Clock, looked: Callable[..., OnForge]) -> None:
    """If the index does not answer (NS701), what the runs show is reported nevertheless."""
    ran(forge, "v1.0", 10, *by_a_tag(10))
    pypi.silent = True
    assert one(looked("NS701")).first_try


def test_the_jobs_that_are_known_are_those_of_our_workflow() -> None:
    """The job names that the code recognizes exist in the workflow's template."""
    facts = Facts("main", "v{version}", ("3.12",), coverage=True, besides=(), settings=WorkflowSettings())
    jobs = load_yaml(render(facts)[".github/workflows/release.yml"])["jobs"].values()
    names = [job["name"] for job in jobs]
    assert {delivered._CUT, delivered._REHEARSAL} <= set(names)
    assert all(any(name.startswith(known) for name in names) for known in delivered._NO_TESTS)
