from __future__ import annotations

import dataclasses
import itertools
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from nox_ship import actions, process
from nox_ship.config import WorkflowSettings
from nox_ship.errors import ShipError
from nox_ship.gates.own import PIPELINE
from nox_ship.release.proven import _PUSHED, _PUSHING
from nox_ship.setup import templates, workflows
from nox_ship.setup.workflows import ACTIONS, Facts, dependabot, render
from support import each, load_yaml

CI, RELEASE = ".github/workflows/ci.yml", ".github/workflows/release.yml"


def facts(**changes: Any) -> Facts:
    """Return what is known of an everyday project."""
    settings = WorkflowSettings(
        **{
            name: changes.pop(name)
            for name in [field.name for field in dataclasses.fields(WorkflowSettings)]
            if name in changes
        }
    )
    known: dict[str, Any] = {"branch": "main", "tag": "v{version}", "pythons": ("3.11", "3.12"), "settings": settings}
    return Facts(**{**known, "coverage": True, "besides": (), **changes})


def jobs(text: str) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    found: dict[str, Any] = load_yaml(text)["jobs"]
    return found


def every() -> Iterator[Facts]:
    """Return each kind of project that the templates tell apart."""
    truth = (True, False)
    for coverage, credentials, testpypi, development, besides in itertools.product(
        truth, ("trusted", "token"), truth, truth, ((), ("nox-poetry>=1", "it's"))
    ):
        yield facts(
            coverage=coverage, credentials=credentials, testpypi=testpypi, development=development, besides=besides
        )
    for credentials, folder in itertools.product(("trusted", "token"), ("packages/sample", "it")):
        yield facts(credentials=credentials, besides=("nox-poetry>=1", "it's"), folder=folder, **NAMED)


NAMED = {"name": "sample", "environments": {"pypi": "release now", "testpypi": "on"}, "branches": ("dev", "release/*")}


def built(output: str) -> str:
    """Return the expression for what was told of the built files: by the run that proved them, or by this one."""
    return f"${{{{ inputs.run && needs.proven.outputs.{output} || needs.build.outputs.{output} }}}}"


def release_of(known: Facts) -> str:
    """Return the text of the workflow that publishes."""
    return render(known)[f".github/workflows/{known.release_file}"]


@each("known", list(every()))
def test_least_privilege(known: Facts) -> None:
    """Nothing at the top; an identity in the jobs that publish alone, and only there; writing in two."""
    for name, text in render(known).items():
        assert load_yaml(text)["permissions"] == {}
        found = jobs(text)
        releases = name.endswith(known.release_file)
        trusted = known.settings.credentials == "trusted" and releases
        publishing = set(known.settings.indexes) if trusted else set()
        with_identity = {job for job, what in found.items() if (what.get("permissions") or {}).get("id-token")}
        assert with_identity == publishing
        writing = {
            job for job, what in found.items() if "write" in str((what.get("permissions") or {}).get("contents"))
        }
        assert writing == ({"push", "announce"} if releases else set())
        assert all(what["timeout-minutes"] for what in found.values())


@each("known", list(every()))
def test_no_expression_is_in_a_script(known: Facts) -> None:
    """Values come through the environment; no checkout leaves its credentials behind; every action is pinned."""
    for text in render(known).values():
        for job in jobs(text).values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", "")
                uses = step.get("uses", "")
                if "checkout" in uses:
                    assert step["with"]["persist-credentials"] is False
                assert not uses or any(pin.startswith(f"{uses} #") for pin in ACTIONS.values())


@each("known", list(every()))
def test_jobs_that_publish_hold_nothing_of_the_project(known: Facts) -> None:
    """They check nothing out, take the files that were built, and know the manifest another way than by the files."""
    found = jobs(release_of(known))
    names = known.settings.indexes
    assert ("testpypi" in found) == (known.settings.testpypi or known.settings.development)
    assert ("verify-testpypi" in found["pypi"]["needs"]) == known.settings.testpypi
    for name in names:
        job, check = found[name], found[f"verify-{name}"]
        assert job["environment"]["name"] == known.settings.environments.get(name, name)
        assert not any("checkout" in step.get("uses", "") for step in [*job["steps"], *check["steps"]])
        env = job["steps"][-1]["env"]
        assert env["NOX_SHIP_MANIFEST"] == built("manifest")
        assert job["steps"][-1]["run"].endswith("-- --no-install")
        assert {"proven", "build", "gates", "verify-install"} <= set(job["needs"])
        assert ("coverage" in job["needs"]) == known.coverage
        assert any("API_TOKEN" in name for name in env) == (known.settings.credentials == "token")
        assert "environment" not in check


@each("known", list(every()))
def test_everything_is_installed_by_hash(known: Facts) -> None:
    """Every job that installs does so by the lock; those without a checkout take it from the job that hands it on."""
    for text in render(known).values():
        for name, job in jobs(text).items():
            for step in job["steps"]:
                if "besides" in step.get("name", ""):
                    assert shlex.split(step["run"])[4:] == ["nox-poetry>=1", "it's"]
                    assert any("checkout" in other.get("uses", "") for other in job["steps"])
                elif "pip install" in step.get("run", ""):
                    assert "--require-hashes --only-binary :all: -r" in step["run"], name
                    held = any("checkout" in other.get("uses", "") for other in job["steps"])
                    above = "../" * (known.folder.count("/") + 1) if known.folder else ""
                    assert step["run"].endswith(f" {above}.github/nox-ship.txt" if held else " lock/nox-ship.txt")
                    assert held or "lock" in job["needs"]


RIGHTS = {"id-token", "contents", "actions", "packages", "attestations", "deployments", "pull-requests"}
VALUE = r"\"\$[A-Z_]+\""
STARTED = re.compile(
    r"python -m pip install --require-hashes --only-binary :all: -r lock/nox-ship\.txt"
    rf"|nox-ship receive files(?: --(?:commit|tag)={VALUE}){{0,2}}"
    rf"|nox-ship proven --run={VALUE} --branch={VALUE}"
    r"|nox --no-dependencies -s publish-(?:prod|test) -- --no-install"
    r"|nox --no-dependencies -s announce"
    rf"|nox-ship push cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object|target)={VALUE}){{6}}"
)
"""All that a job with rights starts."""


def holds_rights(job: dict[str, Any]) -> bool:
    """Whether a job has an identity, a secret or a write permission."""
    permissions = job.get("permissions") or {}
    writes = permissions == "write-all" or any(value == "write" for value in dict(permissions).values())
    return writes or "environment" in job or "secrets." in str(job) or "github.token" in str(job)


def check_jobs_with_rights(known: Facts) -> None:
    rights = {name: job for text in render(known).values() for name, job in jobs(text).items() if holds_rights(job)}
    assert set(rights) == {*known.settings.indexes, "push", "proven", "announce"}
    assert rights["proven"]["permissions"] == {"contents": "read", "actions": "read"}
    usual = ("actions/setup-python@", "actions/download-artifact@")
    for name, job in rights.items():
        assert set(job.get("permissions") or {}) <= RIGHTS
        taken = {"proven": "${{ steps.proven.outputs.files }}", "push": "${{ needs.cut.outputs.bundle }}"}
        expected = ["${{ needs.lock.outputs.lock }}", taken.get(name, built("files"))]
        folders: list[str] = []
        for step in job["steps"]:
            uses, script = step.get("uses", ""), step.get("run", "")
            hands_on = ("actions/upload-artifact@",) if name == "proven" else ()
            assert uses.startswith((*usual, *hands_on)) or script, name
            if "download-artifact" in uses:
                elsewhere = {"run-id", "github-token"} if name == "proven" and folders else set()
                assert set(step["with"]) == {"artifact-ids", "path", *elsewhere}
                assert step["with"]["artifact-ids"] == expected[len(folders)]
                folders.append(step["with"]["path"])
            lines = script.replace("\\\n", "").splitlines()
            assert all(STARTED.fullmatch(line.strip()) for line in lines), f"{name} starts another command"
        assert len(set(folders)) == len(folders) == 2
        assert "defaults" not in job
        assert "container" not in job


@each("known", list(every()))
def test_jobs_with_rights_take_nothing_that_the_project_wrote(known: Facts) -> None:
    """They check nothing out, start our own commands alone, and take artifacts by ID into folders of their own."""
    check_jobs_with_rights(known)


@pytest.mark.parametrize("known", [facts(), facts(coverage=False), facts(folder="it", **NAMED)])
def test_no_job_can_be_named_like_the_one_that_pushes(known: Facts) -> None:
    """GitHub writes what was built into that job's name, and cuts a name off after 100 characters."""
    found = jobs(release_of(known))
    told = {"files": "123456789012", "manifest": "f" * 64}
    name = re.sub(r"\$\{\{ needs\.build\.outputs\.(\w+) \}\}", lambda match: told[match[1]], found.pop("push")["name"])
    match = _PUSHED.fullmatch(name)
    assert match
    assert match.groupdict() == told
    assert len(name) <= 100
    for job in found.values():
        literal = job["name"].partition("${{")[0]
        assert literal
        assert not literal.startswith(_PUSHING)
        assert not _PUSHING.startswith(literal)


@each("known", list(every()))
def test_nothing_is_pushed_before_everything_passed(known: Facts) -> None:
    """The job that pushes needs each job that runs when a release is cut: GitHub skips it where one did not pass."""
    found = jobs(release_of(known))
    assert "if" not in found["push"]
    published = {name for index in known.settings.indexes for name in (index, f"verify-{index}")}
    assert set(found["push"]["needs"]) | {"matrix"} == set(found) - published - {
        "push",
        "proven",
        "rehearse",
        "announce",
    }


SWITCH = re.compile(
    rf"nox-ship switch \.nox-ship/cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object)={VALUE}){{5}}"
)


@each("known", list(every()))
def test_what_is_pushed_is_what_was_tested(known: Facts) -> None:
    """Each job that tests switches to the release before it runs anything of it, by the ID and objects of the cut."""
    found = jobs(release_of(known))
    told = {"COMMIT": "commit", "TAG": "tag", "TAG_OBJECT": "tag-object"}
    objects = {name: f"${{{{ needs.cut.outputs.{output} }}}}" for name, output in told.items()}
    for name in set(found["push"]["needs"]) - {"lock", "cut"}:
        steps = found[name]["steps"]
        (take, switch) = (step for step in steps if step.get("if") == "inputs.bump")
        assert take["with"]["artifact-ids"] == "${{ needs.cut.outputs.bundle }}"
        assert SWITCH.fullmatch(switch["run"].replace("\\\n", "").strip())
        assert switch["env"] == objects
        before = [step.get("run", "") for step in steps[: steps.index(switch)]]
        assert not [script for script in before if script and "pip install" not in script]
        assert "cut" in found[name]["needs"]
    assert {**found["push"]["steps"][-1]["env"]}.items() >= objects.items()


def test_a_gate_sees_no_file_that_the_runner_obeys() -> None:
    """Also a session of the project's own, which nox starts with its whole environment."""
    for text in render(facts()).values():
        scripts = [step["run"] for job in jobs(text).values() for step in job["steps"] if "SESSION" in str(step)]
        (script,) = (script for script in scripts if "$SESSION" in script)
        words = shlex.split(script)
        taken = {after for word, after in itertools.pairwise(words[: words.index("nox")]) if word == "-u"}
        assert taken == set(process._COMMAND_FILES) - {actions.SUMMARY}


@each("known", list(every()))
def test_artifacts_with_files_are_taken_by_id(known: Facts) -> None:
    """By name, a job that runs the tests could have replaced them; what was measured is worth nothing."""
    for text in render(known).values():
        for job in jobs(text).values():
            for step in job["steps"]:
                if "download-artifact" in step.get("uses", ""):
                    assert "artifact-ids" in step["with"] or step["with"]["pattern"] == "coverage-*"


@each("branch", ["1.10", "on", "no", "a]b", "0x10", "it's", "@CHECKOUT@", "x+y", "!x", "{a}", "# x", "&a"])
def test_a_branch_is_that_branch_whatever_its_name(branch: str) -> None:
    """No name is taken for a number, a truth value, a pattern or a place in the template."""
    for text in render(facts(branch=branch, development=True)).values():
        workflow = load_yaml(text)
        assert workflow["env"]["NOX_SHIP_BRANCH"] == branch
        (pattern,) = workflow[True]["push"]["branches"]
        assert re.sub(r"\\(.)", r"\1", pattern) == branch
        assert not re.search(r"(?<!\\)[*?+\[\]!]", pattern)


@each(
    "changes",
    [
        {"branch": "a${{b}}"},
        {"tag": "${{x}}{version}"},
        {"systems": ("${{ 1 }}",)},
        {"besides": ("${{ 1 }}",)},
        {"branches": ("${{ 1 }}",)},
        {"environments": {"pypi": "${{ 1 }}"}},
        {"tokens": {"pypi": "MINE }} ${{ 1", "testpypi": "X"}},
        {"folder": "a*b", "name": "sample"},
        {"folder": "a b", "name": "sample"},
        {"folder": "-a", "name": "sample"},
    ],
)
def test_a_name_that_github_would_evaluate_is_refused(changes: dict[str, Any]) -> None:
    """An expression in a name would run in every job, a pattern in a path take other files."""
    with pytest.raises(ShipError, match="NS820"):
        render(facts(**changes))


def test_the_tag_and_branch_are_the_projects() -> None:
    """The form of the tags becomes a filter; a branch is listened to where development versions are published."""
    text = render(facts(tag="pkg-{version}+x", branch="trunk", development=True))[RELEASE]
    push = load_yaml(text)[True]["push"]
    assert push == {"tags": ["pkg-[0-9]*\\+x"], "branches": ["trunk"]}
    assert "branches" not in load_yaml(render(facts())[RELEASE])[True]["push"]


@each("known", [known for known in every() if known.folder])
def test_a_project_below_the_top_is_worked_on_in_its_folder(known: Facts) -> None:
    """Jobs with a checkout run there and keep and take its files there; what they need is named from there."""
    texts = render(known)
    assert list(texts) == [".github/workflows/sample-ci.yml", ".github/workflows/sample-release.yml"]
    for text in texts.values():
        assert "sample" in load_yaml(text)["concurrency"]["group"]
        for name, job in jobs(text).items():
            held = any("checkout" in step.get("uses", "") for step in job["steps"]) and name != "lock"
            assert job.get("defaults") == ({"run": {"working-directory": known.folder}} if held else None)
            given = [step["with"] for step in job["steps"] if "artifact" in step.get("uses", "") and held]
            paths = [path for words in given for path in words.get("path", "").split()]
            assert all(path == known.folder or path.startswith(f"{known.folder}/") for path in paths)
            assert all(words.get("path") for words in given)


def test_names_are_the_projects_own() -> None:
    """The workflow, the environments and the secrets can be called as they are; more branches are tested."""
    known = facts(file="publish.yaml", credentials="token", tokens={"pypi": "MINE", "testpypi": "TEST"}, **NAMED)
    texts = render(known)
    assert list(texts) == [CI, ".github/workflows/publish.yaml"]
    assert load_yaml(texts[CI])[True]["push"]["branches"] == ["main", "dev", "release/*"]
    found = jobs(release_of(known))
    assert [found[name]["environment"]["name"] for name in ("pypi", "testpypi")] == ["release now", "on"]
    assert found["pypi"]["steps"][-1]["env"]["MINE"] == "${{ secrets.MINE }}"
    assert list(render(facts(name="sample", folder="a", file="publish.yml"))) == [
        ".github/workflows/sample-ci.yml",
        ".github/workflows/publish.yml",
    ]


@pytest.mark.parametrize("changes", [{"file": "ci.yml"}, {"file": "sample-ci.yml", "folder": "a", "name": "sample"}])
def test_the_publishing_workflow_has_a_file_of_its_own(changes: dict[str, Any]) -> None:
    """It would take that of the workflow that tests: NS102."""
    with pytest.raises(ShipError, match=r"NS102.*ci\.yml"):
        render(facts(**changes))


def test_every_job_of_ci_is_required() -> None:
    """One last job waits for all others, and fails where one did not pass."""
    for known in (facts(), facts(coverage=False)):
        found = jobs(render(known)[CI])
        assert set(found["required"]["needs"]) == set(found) - {"required"}
        assert "failure" in found["required"]["steps"][0]["if"]


def test_nox_runs_on_a_python_that_it_can_run_on() -> None:
    """A project for older Pythons alone gets one more; the newest CPython is the default, in whatever order."""
    text = render(facts(pythons=("3.9", "3.10")))[CI]
    assert 'python-version: "3.11"' in text
    for pythons in (("3.13", "3.12", "3.10"), ("3.13", "pypy3.11"), ("3.13", "3.14t", "3.9")):
        cut = jobs(render(facts(pythons=pythons))[RELEASE])["cut"]
        (versions,) = [
            step["with"]["python-version"] for step in cut["steps"] if "setup-python" in step.get("uses", "")
        ]
        assert sorted(versions.split()) == sorted(pythons)
        assert versions.split()[-1] == "3.13"


def test_jobs_call_our_sessions_as_their_noxfile_has_them() -> None:
    """With a checkout, that is the project's; without, it is one of ours alone, with the usual names."""
    names = {name: f"ship-{name}" for name in PIPELINE}
    seen = set()
    for text in render(facts(names=names)).values():
        for job in jobs(text).values():
            checks_out = any("checkout" in step.get("uses", "") for step in job["steps"])
            scripts = "".join(step.get("run", "") for step in job["steps"])
            for called in re.findall(r'nox (?:--[\w-]+ )*-s "?([a-z-]+[a-z])', scripts):
                seen.add(called)
                assert called == "coverage" or called.startswith("ship-") == checks_out
    assert {
        "ship-build",
        "ship-verify-install",
        "ship-matrix",
        "ship-release",
        "ship-publish",
        "publish-prod",
        "coverage",
    } <= seen


def test_pythons_of_the_projects_own_sessions_are_installed() -> None:
    """Where a release is rehearsed whole; what comes before a release of Python, too."""
    text = render(facts(more_pythons=("pypy3.11", "3.12")))[RELEASE]
    (setup,) = (s["with"] for s in jobs(text)["rehearse"]["steps"] if "setup-python" in s.get("uses", ""))
    assert setup == {"python-version": "pypy3.11\n3.11\n3.12\n", "allow-prereleases": True}
    plain = jobs(render(facts())[RELEASE])["rehearse"]["steps"]
    assert not [step for step in plain if "allow-prereleases" in str(step)]


def test_a_gate_runs_what_it_requires() -> None:
    """A session of the project's own may: no job of the gates leaves that out; each keeps its files under its name."""
    for text in render(facts()).values():
        steps = jobs(text)["gates"]["steps"]
        (run,) = [step["run"] for step in steps if "SESSION" in step.get("env", {})]
        assert run.endswith(' nox -s "$SESSION"')
        assert [s["with"]["name"] for s in steps if "upload" in s.get("uses", "")] == ["coverage-${{ matrix.name }}"]


def test_nothing_that_was_built_is_there_when_the_publisher_is_installed() -> None:
    """pip would import a module of its own name from the folder that it runs in."""
    for name, job in jobs(render(facts())[RELEASE]).items():
        steps = [step.get("run", step.get("uses", "")) for step in job["steps"]]
        if any("lock/nox-ship.txt" in step for step in steps):
            (install,) = [number for number, step in enumerate(steps) if "pip install" in step]
            lock, take = [number for number, step in enumerate(steps) if "download-artifact" in step]
            assert lock < install < take, name


@pytest.mark.parametrize(
    ("known", "targets"),
    [(facts(), ["route", "testpypi", "pypi"]), (facts(testpypi=False), ["route", "pypi"])],
)
def test_only_indexes_with_a_job_can_be_chosen(known: Facts, targets: list[str]) -> None:
    """The inputs of a run by hand name no index that it does not go to."""
    inputs = load_yaml(render(known)[RELEASE])[True]["workflow_dispatch"]["inputs"]
    assert inputs["target"]["options"] == targets


def test_names_of_own_parts_are_unique() -> None:
    """Two of one name would be taken for each other."""
    for text in render(facts()).values():
        names = [line.strip() for line in text.splitlines() if ">>> own:" in line]
        assert len(names) == len(set(names)) > 3


def test_dependabot_keeps_the_pins_fresh() -> None:
    """The actions are updated, and nox-ship in the lock: the rest of that is resolved as a whole."""
    actions, lock = load_yaml(dependabot())["updates"]
    assert (actions["package-ecosystem"], actions["directory"]) == ("github-actions", "/")
    assert (lock["package-ecosystem"], lock["directory"]) == ("pip", "/.github")
    assert [entry["dependency-name"] for entry in lock["allow"]] == ["nox-ship"]


@pytest.mark.parametrize(
    "more",
    [
        "python files/evil.py",
        "nox -s tests",
        "nox-ship receive files; sh files/x",
        "nox-ship receive files && sh files/x",
        "nox-ship receive files | sh",
        "nox-ship receive files \\\n  $(files/x)",
        "python -m pip install --require-hashes --only-binary :all: -r lock/nox-ship.txt files/dist/evil.whl",
        "nox --no-dependencies -s publish-prod -- --no-install --noxfile files/noxfile.py",
        "nox --no-dependencies -s publish-prod -- --no-install & sh",
    ],
)
def test_a_second_command_in_a_job_with_rights_is_noticed(monkeypatch: pytest.MonkeyPatch, more: str) -> None:
    """The test of those jobs reads each line of each script whole."""
    template = templates.template

    def changed(name: str) -> str:
        publish = "run: nox --no-dependencies -s @SESSION@ -- --no-install"
        lines = f"{publish.removeprefix('run: ')}\n{more}".replace("\n", "\n          ")
        return template(name).replace(publish, f"run: |\n          {lines}", 1)

    monkeypatch.setattr(workflows, "template", changed)
    with pytest.raises(AssertionError, match="another command"):
        check_jobs_with_rights(facts())
