from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from gitlab_runner import holds, jobs
from nox_ship.config import RoutesSettings, WorkflowSettings
from nox_ship.errors import ShipError
from nox_ship.setup.gitlab import render
from nox_ship.setup.keep import is_ours, keep_own
from nox_ship.setup.workflows import Facts
from support import each, load_yaml

FILE = ".gitlab-ci.yml"
GATES = [{"session": "lint", "python": "3.12"}, {"session": "tests-3.9", "python": "3.9"}]


def facts(**changes: Any) -> Facts:
    """Return the facts about an ordinary project."""
    settings = WorkflowSettings(
        **{
            name: changes.pop(name)
            for name in ("credentials", "testpypi", "environments", "branches")
            if name in changes
        }
    )
    known: dict[str, Any] = {"branch": "main", "tag": "v{version}", "pythons": ("3.9", "3.12"), "name": "sample"}
    return Facts(**{**known, "coverage": True, "besides": (), "settings": settings, **changes})


def rendered(known: Facts, *, trusted: bool = True) -> dict[str, Any]:
    """Return the file as GitLab parses it."""
    found: dict[str, Any] = load_yaml(render(known, GATES, trusted=trusted)[FILE])
    return found


def every() -> Iterator[tuple[Facts, bool]]:
    """Yield each kind of project that the template distinguishes."""
    for coverage, credentials, testpypi, folder, trusted in itertools.product(
        (True, False), ("trusted", "token"), (True, False), ("", "packages/sample"), (True, False)
    ):
        besides = ("nox-poetry>=1", "it's") if folder else ()
        yield (
            facts(coverage=coverage, credentials=credentials, testpypi=testpypi, folder=folder, besides=besides),
            trusted,
        )


@each(("known", "trusted"), list(every()))
def test_jobs_that_publish_hold_nothing_of_the_project(known: Facts, trusted: bool) -> None:
    """Jobs that publish have no checkout, take only the manifest's files, and are the only ones with an identity."""
    file = rendered(known, trusted=trusted)
    found = jobs(file)
    publishing = {"pypi", "testpypi"} if known.settings.testpypi else {"pypi"}
    assert {name for name, job in found.items() if "environment" in job} == publishing
    identified = publishing if trusted and known.settings.credentials == "trusted" else set()
    assert {name for name, job in found.items() if "id_tokens" in job} == identified
    for name in publishing:
        for job in (found[name], found[f"verify-{name}"]):
            assert job["variables"] == {"GIT_STRATEGY": "none"}
            assert job["dependencies"] == ["lock", "build"]
            assert job["script"][0] == 'cd "$(mktemp -d)"'
            assert {line.split()[0] for line in job["script"]} <= {"cd", "python", "nox", "nox-ship", "uv"}
            assert "extends" not in job
            receive = next(line for line in job["script"] if line.startswith("nox-ship receive"))
            assert shlex.split(receive)[2].removeprefix("$CI_PROJECT_DIR/") == known.folder or not known.folder
        assert "uv" not in {line.split()[0] for line in found[name]["script"]}
        assert found[name]["interruptible"] is False
        assert name not in identified or found[name]["id_tokens"] == {f"{name.upper()}_ID_TOKEN": {"aud": name}}
        assert file["stages"].index(name) > file["stages"].index("verify")


@each(("known", "trusted"), list(every()))
def test_everything_is_installed_by_hash(known: Facts, trusted: bool) -> None:
    """Every job installs from the lock by hash, except for what the project's noxfile itself needs."""
    file = rendered(known, trusted=trusted)
    lines = [
        line
        for job in (file[".nox"], *jobs(file).values())
        for line in [*job.get("before_script", ()), *job.get("script", ())]
    ]
    for words in [shlex.split(line) for line in lines if "pip install" in line]:
        assert words[4:8] == ["--require-hashes", "--only-binary", ":all:", "-r"] or words[4:] == [
            "nox-poetry>=1",
            "it's",
        ]
        assert words[-1] in ("$CI_PROJECT_DIR/.gitlab/nox-ship.txt", "it's")
    assert ("cd packages/sample" in file[".nox"]["before_script"]) == bool(known.folder)


@pytest.mark.parametrize("folder", ["", "packages/sample"])
def test_what_is_handed_on_lies_in_the_projects_folder(folder: str) -> None:
    """Jobs hand on files of the project's folder: the built files with their manifest, and the coverage data."""
    found = jobs(rendered(facts(folder=folder)))
    inside = f"{folder}/" if folder else ""
    kept = found["build"]["artifacts"]
    names = ("dist", ".nox-ship/manifest.json", ".nox-ship/notes.md", "pyproject.toml")
    assert kept["paths"] == [f"{inside}{name}" for name in names]
    assert kept["reports"] == {"dotenv": f"{inside}.nox-ship/build.env"}
    assert "NOX_SHIP_MANIFEST=$(sha256sum" in found["build"]["script"][-1]
    assert found["gates"]["artifacts"]["paths"] == [f"{inside}.nox-ship/coverage"]
    assert found["coverage"]["dependencies"] == ["gates"]
    assert "coverage" not in rendered(facts(coverage=False))


def test_each_gate_is_a_job() -> None:
    """Each gate is a job on its Python, and the installation is tested on each Python of the project."""
    found = jobs(rendered(facts()))
    assert found["gates"]["parallel"]["matrix"] == [
        {"SESSION": "lint", "PYTHON": "3.12"},
        {"SESSION": "tests-3.9", "PYTHON": "3.9"},
    ]
    assert found["verify-install"]["parallel"]["matrix"] == [{"PYTHON": ["3.9", "3.12"]}]
    assert rendered(facts(pythons=("3.8",)))["default"]["image"] == "python:3.11"


def started(rules: list[dict[str, str]], **variables: str) -> bool:
    """Whether one of GitLab's rules holds."""
    return holds(rules, variables)


FINAL, CANDIDATE = ("v1.2.0", "v1.2.0.post1", "v1!2.0"), ("v1.2.0rc1", "v1.2.0.dev3", "v1.2.0-rc.1")


@each(
    ("routes", "testpypi", "first", "then"),
    [
        ({}, True, FINAL + CANDIDATE, FINAL),
        ({}, False, (), FINAL),
        ({"prerelease": "pypi"}, True, FINAL + CANDIDATE, FINAL + CANDIDATE),
        ({"prerelease": "own"}, True, FINAL, FINAL),
        ({"final": "own", "prerelease": "pypi"}, False, (), CANDIDATE),
        ({"final": "own"}, True, CANDIDATE, ()),
        ({"final": "own", "prerelease": "own"}, True, (), ()),
    ],
)
def test_a_tag_is_published_as_its_version_is_routed(
    routes: dict[str, str], testpypi: bool, first: tuple[str, ...], then: tuple[str, ...]
) -> None:
    """A tag goes to the index for its version, after TestPyPI if that is used; an unused index has no job."""
    found = jobs(rendered(facts(routes=RoutesSettings(**routes), testpypi=testpypi)))
    for name, expected in (("testpypi", first), ("pypi", then)):
        assert (name in found) == (f"verify-{name}" in found) == bool(expected)
        rules = found[name]["rules"] if name in found else []
        assert tuple(tag for tag in FINAL + CANDIDATE if started(rules, CI_COMMIT_TAG=tag)) == expected
        assert not any(started(rules, CI_COMMIT_TAG=tag) for tag in ("x1.2.0", "1.2.0", "v", "vx"))
        assert not started(rules, CI_COMMIT_BRANCH="v1.2.0")


def test_tags_of_another_form() -> None:
    """Special characters of regular expressions in a tag's form are matched literally."""
    rules = jobs(rendered(facts(tag="a/b.{version}+x")))["pypi"]["rules"]
    assert started(rules, CI_COMMIT_TAG="a/b.1.0+x")
    assert not any(started(rules, CI_COMMIT_TAG=tag) for tag in ("a/bc1.0+x", "a/b.1.0xx", "a/b.1.0"))


@each(
    ("branch", "expected"),
    [
        ("main", True),
        ("dev", True),
        ("release/1", True),
        ("release/1/2", False),
        ("a/b/fix-1", True),
        ("mainly", False),
    ],
)
def test_branches_are_tested(branch: str, expected: bool) -> None:
    """Pipelines run for the release branch, the branches in the setting, release tags, and merge requests."""
    rules = rendered(facts(branches=("dev", "release/*", "**/fix-[0-9]+")))["workflow"]["rules"]
    assert started(rules, CI_COMMIT_BRANCH=branch) == expected
    assert started(rules, CI_PIPELINE_SOURCE="merge_request_event")
    assert started(rules, CI_COMMIT_TAG="v1.0")
    assert not started(rules, CI_COMMIT_TAG="x1.0")


@each("branch", ["1.10", "on", "0x10", "# x", "&a", "@LOCK@", "{a}"])
def test_a_branch_is_that_branch_whatever_its_name(branch: str) -> None:
    """A branch's name is not read as a number, a truth value or a placeholder; a space in it is refused with NS820."""
    if " " in branch:
        with pytest.raises(ShipError, match="NS820"):
            rendered(facts(branch=branch))
        return
    file = rendered(facts(branch=branch))
    assert file["variables"]["NOX_SHIP_BRANCH"] == branch
    assert started(file["workflow"]["rules"], CI_COMMIT_BRANCH=branch)


@each(
    "changes",
    [
        {"branch": "a$b"},
        {"branch": 'a"b'},
        {"branch": "it's"},
        {"tag": "$x{version}"},
        {"folder": "a b"},
        {"branches": ("!x",)},
        {"branches": ("a\\b",)},
        {"environments": {"pypi": "a$b"}},
    ],
)
def test_a_name_that_gitlab_would_read_otherwise_is_refused(changes: dict[str, Any]) -> None:
    """A name that GitLab would read as a variable, the end of a text, or two words is refused with NS820."""
    with pytest.raises(ShipError, match="NS820"):
        rendered(facts(**changes))


def test_environments_have_their_own_names() -> None:
    """Environments can have names of several words, or names that YAML would read as a truth value."""
    found = jobs(rendered(facts(environments={"pypi": "release now", "testpypi": "on"})))
    assert found["pypi"]["environment"] == {"name": "release now"}
    assert found["testpypi"]["environment"] == {"name": "on"}


def test_own_parts_are_kept() -> None:
    """Custom sections stay when the file is rewritten, and each section has a different name."""
    text = render(facts(), GATES, trusted=True)[FILE]
    assert is_ours(text)
    names = [line.strip() for line in text.splitlines() if ">>> own:" in line]
    assert len(names) == len(set(names)) == 5
    own = text.replace("# >>> own: further jobs\n", "# >>> own: further jobs\npages:\n  script: [make]\n")
    own = own.replace(
        "    # >>> own: steps before a gate\n", "    # >>> own: steps before a gate\n    - apt-get update\n"
    )
    assert keep_own(text, own) == own != text
    assert load_yaml(own)["pages"] == {"script": ["make"]}
    assert load_yaml(own)["gates"]["script"][1] == "apt-get update"
