"""Single checks of `doctor`; an integration test runs the session itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from failing_forge import FailingForge
from fakes import PROBLEM, FakeIndex, Yard, noxfile, write_dist
from nox_ship import looking
from nox_ship.errors import Finding, ShownError
from nox_ship.gates.noxfile import Sessions
from nox_ship.package.build import dist_folder
from nox_ship.project import Project
from nox_ship.release.record import Record
from nox_ship.release.stage import workshop_of
from nox_ship.setup import doctor, github
from nox_ship.setup.advice import _before_the_first_release
from nox_ship.setup.doctor import Line
from nox_ship.setup.init import plan, write
from nox_ship.setup.patient import Patient
from nox_ship.setup.survey import Survey
from support import commit_files, git, write_files

FILES = '[project]\nname = "sample"\nversion = "1.2.3"\n'
GITHUB = "https://github.com/acme/sample"


def patient(yard: Yard) -> Patient:
    """Return what the checks examine of a project."""
    world: Any = yard.world
    return Patient(Survey.of(yard.root, "3.12"), noxfile(yard.root), world, "3.12")


def said(told: Any) -> tuple[list[str], str]:
    """Return the IDs and levels of the findings, and all texts."""
    items = list(told)
    found = [f"{item.id} {item.level}" for item in items if isinstance(item, Finding)]
    return found, "\n".join(map(str, items))


def test_what_no_commit_has_is_told(yard: Yard) -> None:
    """NS203 names uncommitted files, except build output."""
    assert said(doctor._git(patient(yard)))[0] == []
    write_files(yard.root, {"dist/a.whl": "", "noxfile.py": "x = 1\n", "new.txt": ""})
    found, text = said(doctor._git(patient(yard)))
    assert found == ["NS203 warning"]
    assert "noxfile.py, new.txt" in text


CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n- More.\n\n## [1.0] - 2024-01-01\n"


@pytest.mark.parametrize(
    ("text", "name", "expected", "words"),
    [
        (CHANGELOG, "CHANGELOG.md", [], "Unreleased section"),
        (CHANGELOG.replace("Unreleased", "1.1"), "CHANGELOG.md", ["NS822 notice"], "CHANGELOG.md"),
        ("# History\n", "README.md", [], "none found"),
        (CHANGELOG, "docs/CHANGES.md", [], "docs/CHANGES.md"),
    ],
)
def test_a_changelog_is_cut_as_a_release_would(
    yard: Yard, text: str, name: str, expected: list[str], words: str
) -> None:
    """`doctor` reports what a release would find in the changelog, and does not change it."""
    settings = "" if name in ("CHANGELOG.md", "README.md") else f'[tool.nox-ship]\nchangelog = "{name}"\n'
    yard.write({"pyproject.toml": FILES + settings, name: text})
    found, said_text = said(doctor._changelog(patient(yard)))
    assert found == expected
    assert words in said_text
    assert (yard.root / name).read_text("utf-8") == text


@pytest.fixture
def left(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yard:
    """Return a project with a release 1.0 in its cache, made from HEAD."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    shop = workshop_of(yard.root)
    shop.folder.mkdir(parents=True)
    head = yard.repository.head
    clone = yard.repository.clone(shop.stage)
    commit = commit_files(shop.stage, {"a.txt": ""})
    git(shop.stage, "-c", "user.name=x", "-c", "user.email=x", "tag", "--annotate", "--message", "x", "v1.0")
    Record(head, "1.0", "v1.0", "x", 0.0, commit=commit).write(shop.record)
    yard.repository.borrow(clone, [commit])
    return yard


def test_branches_and_tags_of_the_remote_are_counted(yard: Yard) -> None:
    """The remote's branches and tags are counted separately."""
    assert said(doctor._remote(patient(yard))) == ([], "origin answers (branches: 1, tags: 0)")


def test_a_release_that_was_not_pushed_is_none(left: Yard) -> None:
    """A release that was not pushed is not reported as unfinished, as it changed nothing."""
    assert said(doctor._unfinished(patient(left))) == ([], "none")


@pytest.mark.slow
def test_an_unfinished_release_is_told(left: Yard) -> None:
    """NS847 says what an unfinished release lacks on the index or in the checkout, and how to finish it."""
    commit = git(workshop_of(left.root).stage, "rev-parse", "HEAD")
    left.world.remote.has["refs/tags/v1.0"] = commit
    found, text = said(doctor._unfinished(patient(left)))
    assert found == ["NS847 warning"]
    assert "v1.0 is pushed, and PyPI lacks every file" in text
    assert "Run the release command again" in text
    left.world.indexes["pypi"].shelf["sample-1.0.tar.gz"] = b""
    assert "the checkout does not have v1.0" in said(doctor._unfinished(patient(left)))[1]
    git(left.root, "tag", "v1.0", commit)
    assert "the checkout does not have v1.0 on main" in said(doctor._unfinished(patient(left)))[1]
    git(left.root, "reset", "--quiet", "--hard", commit)
    assert said(doctor._unfinished(patient(left))) == ([], "v1.0, the last release from here, is complete")
    left.world.indexes["pypi"].shelf.clear()
    commit_files(left.root, {"more.txt": ""})
    assert "Check out v1.0 and run `nox -s publish`" in said(doctor._unfinished(patient(left)))[1]


@pytest.mark.slow
def test_an_index_that_does_not_answer_tells_nothing(left: Yard) -> None:
    """If the index does not answer, NS830 says that the state of the release is unknown."""
    left.world.remote.has["refs/tags/v1.0"] = git(workshop_of(left.root).stage, "rev-parse", "HEAD")
    left.world.indexes["pypi"].late.append("silent")
    assert said(doctor._unfinished(patient(left)))[0] == ["NS830 warning"]


@pytest.mark.slow
def test_what_is_missing_on_the_index_is_named(left: Yard) -> None:
    """NS847 names the built files that the index lacks, and NS711 reports different bytes."""
    shop = workshop_of(left.root)
    left.world.remote.has["refs/tags/v1.0"] = git(shop.stage, "rev-parse", "HEAD")
    staged = Project.read(shop.stage)
    write_dist(staged, left.repository.head, "1.0")
    shelf = left.world.indexes["pypi"].shelf
    shelf["sample-1.0.tar.gz"] = (dist_folder(staged) / "sample-1.0.tar.gz").read_bytes()
    found, texts = said(doctor._unfinished(patient(left)))
    assert found == ["NS847 warning"]
    assert "PyPI lacks sample-1.0-py3-none-any.whl." in texts
    shelf["sample-1.0.tar.gz"] = b"other"
    assert said(doctor._unfinished(patient(left)))[0] == ["NS711 warning"]


@pytest.mark.slow
def test_a_release_that_can_no_longer_be_finished_is_told(left: Yard) -> None:
    """If the index no longer accepts the missing files, the warning NS772 replaces the advice to rerun."""
    shop = workshop_of(left.root)
    left.world.remote.has["refs/tags/v1.0"] = git(shop.stage, "rev-parse", "HEAD")
    staged = Project.read(shop.stage)
    write_dist(staged, left.repository.head, "1.0")
    index = left.world.indexes["pypi"]
    index.shelf["sample-1.0.tar.gz"] = (dist_folder(staged) / "sample-1.0.tar.gz").read_bytes()
    index.facts.update(public=True, age=15)
    found, text = said(doctor._unfinished(patient(left)))
    assert found == ["NS772 warning"]
    assert "it lacks sample-1.0-py3-none-any.whl" in text
    index.facts.update(age=13.5)
    assert said(doctor._unfinished(patient(left)))[0] == ["NS847 warning"]


def test_what_an_index_says_of_the_project_is_told(yard: Yard) -> None:
    """A closed project is an error on the index of final releases; for a new name, its availability is reported."""
    mine, test = (yard.world.indexes[name] for name in ("pypi", "testpypi"))
    for index in (mine, test):
        index.facts["known"] = False
    taken = (PROBLEM("It is taken."),)
    yard.world.indexes["pypi"] = named = FakeIndex(
        "PyPI", mine.upload_url, mine.simple_url, facts=mine.facts, names=taken
    )
    assert said(doctor._indexes(patient(yard)))[0] == ["NS000 error"]
    yard.world.indexes["pypi"] = FakeIndex("PyPI", mine.upload_url, mine.simple_url, facts=mine.facts)
    found, text = said(doctor._indexes(patient(yard)))
    assert (found, text.count("the name sample is free")) == ([], 2)
    yard.tag("v0.1.0")
    yard.write({"pyproject.toml": f'{FILES}[tool.nox-ship.routes]\nprerelease = "pypi"\ndevelopment = "pypi"\n'})
    for index in (named, test):
        index.shelf["sample-0.1.0.tar.gz"] = b""
        index.facts.update(known=True, status="archived")
    yard.world.indexes["pypi"] = named
    assert said(doctor._indexes(patient(yard)))[0] == ["NS770 error", "NS770 warning"]


OWN = """\
[tool.nox-ship]
routes.final = "own"
workflows.file = "ship.yml"

[tool.nox-ship.indexes.own]
upload-url = "https://a"
simple-url = "https://b"
"""


def set_up(yard: Yard, settings: str = "") -> Patient:
    """Write the files of `nox-ship init`, and return what the checks examine."""
    yard.write({"pyproject.toml": f"{FILES}{settings}"})
    git(yard.root, "remote", "add", "origin", GITHUB)
    made = plan(Survey.of(yard.root, "3.12"), ci="github")
    write(made, force=False)
    return patient(yard)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "expected", "words"),
    [
        ("", [], ""),
        ("[tool.nox-ship.workflows]\ntestpypi = false\n", ["NS835 warning"], "1.2.0rc1 go to TestPyPI"),
        (
            OWN,
            ["NS835 notice"],
            "1.2.0 go to own, but ship.yml has no job for that. Publish there from the machine that releases",
        ),
    ],
)
def test_routes_without_a_job_are_told(yard: Yard, settings: str, expected: list[str], words: str) -> None:
    """NS835 reports a kind of version that no job publishes; for an index of the project's own, it is a notice."""
    found, text = said(github._unserved_routes(set_up(yard, settings).survey))
    assert found == expected
    assert words in text.replace("NS835 no-job-for-route: ", "")


@pytest.mark.slow
def test_a_job_of_your_own_serves_a_route(yard: Yard) -> None:
    """A job of the project's own that a tag starts serves a route: neither `doctor` nor `init` reports it."""
    survey = set_up(yard, OWN).survey
    path = yard.root / ".github/workflows/ship.yml"
    assert "publish them from the machine" in "".join(_before_the_first_release(survey, "ship.yml"))
    job = "  own:\n    steps: [{run: nox -s publish -- --to own --no-install}]\n"
    yard.write({".github/workflows/other.yml": f"on: workflow_dispatch\njobs:\n{job}"})
    assert said(github._unserved_routes(survey))[0] == ["NS835 notice"]
    path.write_text(f"{path.read_text('utf-8')}{job}", "utf-8")
    assert said(github._unserved_routes(survey)) == ([], "")
    assert "publish them from the machine" not in "".join(_before_the_first_release(survey, "ship.yml"))


@pytest.mark.slow
def test_workflows_below_the_top_are_looked_at(yard: Yard) -> None:
    """The workflows of a project in a subfolder are checked under their names there."""
    yard.write({"in/pyproject.toml": FILES, "in/noxfile.py": ""})
    git(yard.root, "remote", "add", "origin", GITHUB)
    survey = Survey.of(yard.root / "in", "3.12")
    write(plan(survey, ci="github"), force=False)
    world: Any = yard.world
    found, text = said(github.workflow_files(Patient(survey, noxfile(survey.project.root), world, "3.12")))
    assert found == []
    assert "sample-release.yml is up to date" in text


def test_a_publisher_of_the_projects_own_is_no_missing_workflow(yard: Yard) -> None:
    """A project's own publishing workflow is described, and only the other workflow is reported as missing."""
    job = "{environment: x, permissions: {id-token: write}, steps: [{run: twine upload dist/*}]}"
    yard.write({"pyproject.toml": FILES, ".github/workflows/publish.yml": f"on: push\njobs: {{p: {job}}}\n"})
    found, text = said(github.workflow_files(patient(yard)))
    assert found == ["NS823 notice"]
    assert "There is no .github/workflows/ci.yml" in text
    assert "publish.yml: the job p publishes as a trusted publisher, in the environment x" in text


@pytest.mark.slow
def test_gitlabs_file_is_looked_at(yard: Yard) -> None:
    """On GitLab, .gitlab-ci.yml must exist and be up to date, and GitHub is not asked."""
    git(yard.root, "remote", "add", "origin", "https://gitlab.com/acme/sample")
    yard.write({"pyproject.toml": FILES})
    assert said(github.workflow_files(patient(yard)))[0] == ["NS823 notice"]
    write(plan(Survey.of(yard.root, "3.12"), ci="gitlab"), force=False)
    found, text = said(github.workflow_files(patient(yard)))
    assert found == []
    assert ".gitlab-ci.yml is up to date" in text
    assert said(github.repository(patient(yard))) == ([], "not asked: the remote is on gitlab.com")


ANSWERS: dict[str, Any] = {
    "environments?": {"environments": [{"name": "pypi"}]},
    "environments/pypi/secrets": {"secrets": []},
    "actions/secrets": {"secrets": []},
    "actions/organization-secrets": {"secrets": []},
}
HAVING = {"secrets": [{"name": "PYPI_API_TOKEN"}, {"name": "TEST_PYPI_API_TOKEN"}]}


@pytest.mark.parametrize(
    ("answers", "expected", "words"),
    [
        ({}, ["NS828 error"], "has no secret PYPI_API_TOKEN"),
        ({"environments/pypi/secrets": HAVING}, [], "the environment pypi has the secret PYPI_API_TOKEN"),
        ({"actions/secrets": HAVING}, ["NS846 warning"], "secret of the repository: every workflow can read it"),
        ({"actions/organization-secrets": HAVING}, ["NS846 warning"], "secret of the organization"),
        ({"actions/organization-secrets": None}, ["NS828 error"], "has no secret"),
        ({"actions/secrets": None}, ["NS836 notice"], "did not list the secrets of the repository"),
        ({"environments?": {"environments": []}, "actions/secrets": HAVING}, ["NS827 warning", "NS846 warning"], ""),
        ({"environments?": []}, ["NS827 warning", "NS828 error"], "no environment pypi"),
        ({"actions/secrets": {"secrets": [5, {"name": ["PYPI_API_TOKEN"]}]}}, ["NS828 error"], ""),
    ],
)
def test_a_token_is_looked_for_where_github_looks(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], expected: list[str], words: str
) -> None:
    """The token is searched in environment, repository and organization; wider access is a warning."""
    settings = "[tool.nox-ship.workflows]\ncredentials = 'token'\ntestpypi = false\n"
    examined = set_up(yard, settings)
    told = {**ANSWERS, **answers}

    def answer(*args: str) -> Any:
        return next(
            (value for path, value in told.items() if f"/sample/{path}" in args[-1]), True if "auth" in args else None
        )

    monkeypatch.setattr(github, "_gh", answer)
    monkeypatch.setattr(shutil, "which", lambda _: "gh")
    found, text = said(github.repository(examined))
    assert found == expected
    assert words in text


def test_environments_have_the_names_that_the_project_uses(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are checked under the names in the settings."""
    settings = '[tool.nox-ship.workflows]\nenvironments = { pypi = "a b", testpypi = "c" }\n'
    examined = set_up(yard, settings)
    monkeypatch.setattr(github, "_gh", lambda *args: True if "auth" in args else {"environments": [{"name": "a b"}]})
    monkeypatch.setattr(shutil, "which", lambda _: "gh")
    found, text = said(github.repository(examined))
    assert found[0] == "NS827 warning"
    assert "has the environment a b" in text
    assert "has no environment c" in text


def test_a_doctor_that_finds_an_error_fails(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`doctor` fails if it finds an error, but not if it finds only warnings."""
    lines = [Line("git", "", PROBLEM("Hm.", level="warning")), Line("git", "fine")]
    monkeypatch.setattr(looking, "examine", lambda *_: iter(lines))
    looking.doctor(yard.root, [], Sessions())
    lines.append(Line("git", "", PROBLEM("No.", detail="much")))
    with pytest.raises(ShownError) as caught:
        looking.doctor(yard.root, [], Sessions())
    assert [finding.what for finding in caught.value.findings] == ["No."]
    assert "much" in capsys.readouterr().out


@pytest.mark.slow
def test_a_token_that_may_not_announce_is_told(yard: Yard) -> None:
    """If this machine publishes, NS782 reports a token that may not create releases on GitHub."""
    yard.write({"pyproject.toml": f'{FILES}[tool.nox-ship]\npublish.by = "machine"\n'})
    with FailingForge() as forge:
        yard.world.forge = forge.client()
        assert said(doctor._credentials(patient(yard)))[0] == []
        assert "the token can announce a release" in said(doctor._credentials(patient(yard)))[1]
        forge.faults.read_only = True
        assert said(doctor._credentials(patient(yard)))[0] == ["NS782 error"]
        yard.world.forge = forge.client(None)
        assert said(doctor._credentials(patient(yard)))[0] == []
