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
        yield facts(credentials=credentials, besides=("nox-poetry>=1", "it's"), folder=folder, weekly=True, **NAMED)
        yield facts(credentials=credentials, besides=("nox-poetry>=1", "it's"), checks=CHECKS, testpypi=folder == "it")
    yield facts(proposes=True)
    yield facts(proposes=True, development=True, coverage=False, checks=CHECKS, wheels=WHEELS, **NAMED)
    for audit, audited in itertools.product(truth, truth):
        yield facts(weekly=True, audit=audit, audited=audited)
    for folder in ("", "packages/sample"):
        yield facts(wheels=WHEELS, tests_wheel=not folder, development=True, folder=folder, weekly=True, name="sample")


WHEELS = ("ubuntu-latest", "it's: macOS", "ubuntu-24.04/ppc64le")
CHECKS = ("Test Suite", 'it\'s: @A@ # (3.12, "x")')
NAMED = {"name": "sample", "environments": {"pypi": "release now", "testpypi": "on"}, "branches": ("dev", "release/*")}


def built(output: str, known: Facts) -> str:
    """Return the expression for what was told of the built files: by the run that proved them, or by this one."""
    job = "collect" if known.wheels else "build"
    return f"${{{{ inputs.run && needs.proven.outputs.{output} || needs.{job}.outputs.{output} }}}}"


def proposing(known: Facts) -> set[str]:
    """Return the job that proposes a release, where one does."""
    return {"propose"} if known.proposes else set()


def release_of(known: Facts) -> str:
    """Return the text of the workflow that publishes."""
    return render(known)[f".github/workflows/{known.release_file}"]


@each("known", list(every()))
def test_least_privilege(known: Facts) -> None:
    """Nothing at the top; an identity in the jobs that publish or attest alone; writing in two."""
    for name, text in render(known).items():
        assert load_yaml(text)["permissions"] == {}
        found = jobs(text)
        releases = name.endswith(known.release_file)
        trusted = known.settings.credentials == "trusted" and releases
        publishing = set(known.settings.indexes) if trusted else set()
        with_identity = {job for job, what in found.items() if (what.get("permissions") or {}).get("id-token")}
        assert with_identity == publishing | ({"attest"} if releases else set())
        writing = {
            job for job, what in found.items() if "write" in str((what.get("permissions") or {}).get("contents"))
        }
        assert writing == ({"push", "announce"} | proposing(known) if releases else set())
        assert {
            job for job, what in found.items() if (what.get("permissions") or {}).get("pull-requests") == "write"
        } == (proposing(known) if releases else set())
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
        assert env["NOX_SHIP_MANIFEST"] == built("manifest", known)
        assert job["steps"][-1]["run"].endswith(f"-- --no-install{WITHOUT if known.checks else ''}")
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


RIGHTS = {"id-token", "contents", "actions", "attestations", "checks", "statuses", "pull-requests"}
LEFT_OUT = "${{ inputs.without_check != '(none)' && inputs.without_check || '' }}"
WITHOUT = ' --without-check="$WITHOUT_CHECK"'
VALUE = r"\"\$[A-Z_]+\""
STARTED = re.compile(
    r"python -m pip install --require-hashes --only-binary :all: -r lock/nox-ship\.txt"
    rf"|nox-ship receive files(?: --(?:commit|tag)={VALUE}){{0,2}}"
    rf"|nox-ship proven --run={VALUE} --branch={VALUE}"
    r"|nox --no-dependencies -s publish-(?:prod|test) -- --no-install(?: --without-check=\"\$WITHOUT_CHECK\")?"
    r"|nox --no-dependencies -s announce -- --sbom sbom/sbom\.cdx\.json --provenance provenance/attestation\.json"
    rf"|nox-ship push cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object|target)={VALUE}){{6}}"
    r"(?: --merged)?"
    rf"|nox-ship propose cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object)={VALUE}){{5}}"
    rf"|nox-ship merged --branch={VALUE}"
)
"""All that a job with rights starts."""


def holds_rights(job: dict[str, Any]) -> bool:
    """Whether a job has an identity, a secret or a write permission."""
    permissions = job.get("permissions") or {}
    writes = permissions == "write-all" or any(value == "write" for value in dict(permissions).values())
    return writes or "environment" in job or "secrets." in str(job) or "github.token" in str(job)


def check_jobs_with_rights(known: Facts) -> None:
    rights = {name: job for text in render(known).values() for name, job in jobs(text).items() if holds_rights(job)}
    merging = {"propose", "merged"} if known.proposes else set()
    assert set(rights) == {*known.settings.indexes, "push", "proven", "attest", "announce"} | merging
    assert not merging or rights["merged"]["permissions"] == {"contents": "read", "pull-requests": "read"}
    assert rights["proven"]["permissions"] == {"contents": "read", "actions": "read"}
    assert rights["attest"]["permissions"] == {"id-token": "write", "attestations": "write"}
    assert rights["announce"]["permissions"] == {"contents": "write"}
    usual = ("actions/setup-python@", "actions/download-artifact@")
    further = {
        "proven": ("actions/upload-artifact@",),
        "attest": ("actions/upload-artifact@", f"{ACTIONS['attest'].partition(' ')[0]}"),
    }
    described = "inputs.run && needs.proven.outputs.sbom || needs.verify-install.outputs.sbom"
    taken = {
        "proven": ["${{ steps.proven.outputs.files }}", "${{ steps.proven.outputs.sbom }}"],
        "push": ["${{ needs.cut.outputs.bundle }}"],
        "merged": [],
        "propose": [
            "${{ needs.cut.outputs.bundle }}",
            f"${{{{ needs.{'collect' if known.wheels else 'build'}.outputs.files }}}}",
        ],
        "announce": [built("files", known), f"${{{{ {described} }}}}", "${{ needs.attest.outputs.provenance }}"],
    }
    for name, job in rights.items():
        assert set(job.get("permissions") or {}) <= RIGHTS
        expected = ["${{ needs.lock.outputs.lock }}", *taken.get(name, [built("files", known)])]
        folders: list[str] = []
        for step in job["steps"]:
            uses, script = step.get("uses", ""), step.get("run", "")
            assert uses.startswith((*usual, *further.get(name, ()))) or script, name
            if "download-artifact" in uses:
                elsewhere = {"run-id", "github-token"} if name == "proven" and folders else set()
                assert set(step["with"]) == {"artifact-ids", "path", *elsewhere}
                assert step["with"]["artifact-ids"] == expected[len(folders)]
                folders.append(step["with"]["path"])
            lines = script.replace("\\\n", "").splitlines()
            assert all(STARTED.fullmatch(line.strip()) for line in lines), f"{name} starts another command"
        assert len(set(folders)) == len(folders) == len(expected)
        assert "defaults" not in job
        assert "container" not in job


@each("known", [known for known in every() if known.wheels])
def test_wheels_of_all_systems_are_collected_before_anything_is_done_with_them(known: Facts) -> None:
    """Each job builds from the one sdist; what they made is taken by ID, and what is tried and pushed is the whole."""
    found = jobs(release_of(known))
    numbered = {f"wheels-{number}": system for number, system in enumerate(known.wheels, 1)}
    runners = {name: system.removesuffix("/ppc64le") for name, system in numbered.items()}
    assert {name: job["runs-on"] for name, job in found.items() if name.startswith("wheels-")} == runners

    def taken(job: str) -> list[str]:
        steps = (step for step in found[job]["steps"] if "download" in step.get("uses", ""))
        return [step["with"]["artifact-ids"].strip("${} ") for step in steps if "if" not in step]

    for name, system in numbered.items():
        assert taken(name) == ["needs.build.outputs.files"]
        assert found[name]["steps"][-2]["env"]["SYSTEM"] == system
    parts = [f"needs.{name}.outputs.wheels" for name in numbered]
    assert taken("collect") == ["needs.build.outputs.files", *parts]
    folders = [".nox-ship/parts/1", ".nox-ship/parts/2", ".nox-ship/parts/3"]
    assert found["collect"]["steps"][-2]["run"].split()[-3:] == folders
    for job in ("verify-install", "rehearse-upload"):
        assert taken(job) == ["needs.collect.outputs.files"]
        told = [step["env"] for step in found[job]["steps"] if "NOX_SHIP_MANIFEST" in step.get("env", {})]
        assert {env["NOX_SHIP_MANIFEST"] for env in told} == {"${{ needs.collect.outputs.manifest }}"}
    assert "needs.collect.outputs.manifest" in found["push"]["name"]


@each("known", [known for known in every() if known.wheels])
def test_a_set_of_wheels_is_installed_where_it_fits(known: Facts) -> None:
    """The job that collects tells where, and where the sdist is tried; the tests can be run against the wheel there."""
    job = jobs(release_of(known))["verify-install"]
    assert job["needs"] == ["cut", "collect"]
    assert job["strategy"]["matrix"] == {"include": "${{ fromJSON(needs.collect.outputs.installs) }}"}
    (tried,) = (step for step in job["steps"] if step.get("id") == "verify")
    assert tried["env"]["FILES"] == "${{ matrix.files }}"
    assert tried["run"] == 'nox --no-dependencies -s "verify-install-$PYTHON" -- --files "$FILES"'
    tests = [step["run"] for step in job["steps"] if '"tests-$PYTHON"' in step.get("run", "")]
    assert len(tests) == known.tests_wheel


@each("known", [known for known in every() if known.wheels])
def test_wheels_for_another_architecture_are_built_where_it_is_emulated(known: Facts) -> None:
    """Before the part that is the project's; the session knows the architecture by the name of the system."""
    found = jobs(release_of(known))
    emulated = {name: [step for step in job["steps"] if "qemu" in step.get("uses", "")] for name, job in found.items()}
    assert [name for name, steps in emulated.items() if steps] == ["wheels-3"]
    assert [found[f"wheels-{number}"]["timeout-minutes"] for number in (1, 2, 3)] == [180, 180, 360]


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
    assert found["push"].get("if") == ("needs.merged.outputs.tag" if known.proposes else None)
    if known.proposes:
        assert found["propose"]["if"] == "inputs.bump"
        assert {*found["propose"]["needs"], "merged"} == set(found["push"]["needs"])
    published = {name for index in known.settings.indexes for name in (index, f"verify-{index}")}
    assert set(found["push"]["needs"]) | {"matrix"} == set(found) - published - {
        "push",
        "proven",
        "rehearse",
        "attest",
        "announce",
        "propose",
    }


@each("known", list(every()))
def test_what_was_built_is_attested_before_it_is_announced(known: Facts) -> None:
    """Its subjects are the files that the manifest names; one that is not to be had stops private repositories not."""
    found = jobs(release_of(known))
    (attest,) = (step for step in found["attest"]["steps"] if step.get("id") == "attest")
    assert attest["with"] == {"subject-path": "dist/*"}
    receive = found["attest"]["steps"][found["attest"]["steps"].index(attest) - 1]
    assert receive["run"] == 'nox-ship receive files --commit="$GITHUB_SHA"'
    assert receive["env"] == {"NOX_SHIP_MANIFEST": built("manifest", known)}
    tried = "${{ github.event.repository.visibility != 'public' || github.server_url != 'https://github.com' }}"
    assert attest["continue-on-error"] == tried
    assert "attest" in found["announce"]["needs"]
    assert found["announce"]["if"] == "${{ !cancelled() && needs.attest.result == 'success' }}"
    kept = [step for step in found["attest"]["steps"] if "upload" in step.get("uses", "")]
    assert [step["if"] for step in kept] == ["steps.attest.outcome == 'success'"]


@each("known", list(every()))
def test_one_job_describes_what_is_installed(known: Facts) -> None:
    """On one system and the newest Python, or where a set's sdist is tried; what tests a pull request pays nothing."""
    release = jobs(release_of(known))["verify-install"]
    assert [name for name, text in render(known).items() if "SBOM" in text] == [
        f".github/workflows/{known.release_file}"
    ]
    (tried,) = (step for step in release["steps"] if step.get("id") == "verify")
    told = "${{ matrix.system == 'ubuntu-latest' && needs.matrix.outputs.newest || '' }}"
    if known.wheels:
        told = "${{ matrix.files == 'all' && matrix.python || '' }}"
    else:
        assert release["strategy"]["matrix"]["system"][0] == "ubuntu-latest"
    assert tried["env"]["NOX_SHIP_SBOM"] == told
    assert jobs(release_of(known))["matrix"]["outputs"]["newest"] == "${{ steps.matrix.outputs.newest }}"
    (kept,) = (step for step in release["steps"] if "upload" in step.get("uses", ""))
    inside = f"{known.folder}/" if known.folder else ""
    assert (kept["if"], kept["with"]["path"]) == ("steps.verify.outputs.sbom", f"{inside}.nox-ship/sbom.cdx.json")
    assert release["outputs"] == {"sbom": "${{ steps.keep.outputs.artifact-id }}"}


def test_a_bill_of_materials_of_another_run_holds_nothing_up() -> None:
    """Any job of that run can have taken the name of its artifact, with whatever in it."""
    proven = jobs(render(facts())[RELEASE])["proven"]
    take, keep = proven["steps"][-2:]
    assert {take["if"], keep["if"]} == {"steps.proven.outputs.sbom"}
    assert (keep["with"]["path"], keep["with"]["if-no-files-found"]) == ("sbom/sbom.cdx.json", "ignore")
    assert proven["outputs"]["sbom"] == f"${{{{ steps.{keep['id']}.outputs.artifact-id }}}}"


SWITCH = re.compile(
    rf"nox-ship switch \.nox-ship/cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object)={VALUE}){{5}}"
)


@each("known", list(every()))
def test_what_is_pushed_is_what_was_tested(known: Facts) -> None:
    """Each job that tests switches to the release before it runs anything of it, by the ID and objects of the cut."""
    found = jobs(release_of(known))
    told = {"COMMIT": "commit", "TAG": "tag", "TAG_OBJECT": "tag-object"}
    objects = {name: f"${{{{ needs.cut.outputs.{output} }}}}" for name, output in told.items()}
    condition = "needs.cut.result == 'success'" if known.proposes else "inputs.bump"
    for name in set(found["push"]["needs"]) - {"lock", "cut", "merged"}:
        steps = found[name]["steps"]
        (take, switch) = (step for step in steps if step.get("if") == condition)
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
        {"checks": ("${{ 1 }}",)},
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
    assert list(texts) == [f".github/workflows/sample-{name}.yml" for name in ("ci", "release", "weekly")]
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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"file": "ci.yml"}, "'ci.yml', the workflow that tests"),
        ({"file": "sample-ci.yml", "folder": "a", "name": "sample"}, "'sample-ci.yml', the workflow that tests"),
        ({"file": "weekly.yml", "weekly": True}, "'weekly.yml', the workflow that runs once a week"),
    ],
)
def test_the_publishing_workflow_has_a_file_of_its_own(changes: dict[str, Any], words: str) -> None:
    """It would take that of another one: NS102."""
    with pytest.raises(ShipError, match=f"NS102.*{words}"):
        render(facts(**changes))


def test_a_workflow_may_be_called_weekly_where_ours_is_not_written() -> None:
    """Only what is written takes a name."""
    assert list(render(facts(file="weekly.yml"))) == [CI, ".github/workflows/weekly.yml"]


@each("known", [known for known in every() if known.settings.weekly])
def test_the_weekly_workflow_may_only_read(known: Facts) -> None:
    """It runs the project's code, so no job has anything else; it is started by the week, and by hand."""
    name, text = next((name, text) for name, text in render(known).items() if name.endswith("weekly.yml"))
    workflow = load_yaml(text)
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}
    ((minute, *rest),) = (entry["cron"].split() for entry in workflow[True]["schedule"])
    assert (int(minute) % 2, int(minute) < 60, rest) == (1, True, ["5", "*", "*", "1"]), name
    assert all(job["permissions"] == {"contents": "read"} for job in jobs(text).values())
    assert not any(map(holds_rights, jobs(text).values()))


@pytest.mark.parametrize(
    ("audit", "audited", "without", "expected"),
    [(True, True, " --without audit", True), (True, False, "", True), (False, True, "", False)],
)
def test_the_weekly_workflow_rehearses_audits_and_verifies(
    audit: bool, audited: bool, without: str, expected: bool
) -> None:
    """Each in a job, so that each is told; the audit runs once, where there is one."""
    found = jobs(render(facts(weekly=True, audit=audit, audited=audited))[".github/workflows/weekly.yml"])
    audits = {"audit": "nox -s audit"} if expected else {}
    assert {name: job["steps"][-1]["run"] for name, job in found.items()} == {
        "rehearse": f"nox -s release -- auto --dry-run --early{without}",
        **audits,
        "verify": "nox -s verify-published -- latest",
    }
    assert not any("needs" in job or "if" in job for job in found.values())


def test_the_weekly_workflow_calls_the_sessions_as_they_are_called() -> None:
    """Where the project has a session of its own of that name."""
    text = render(facts(weekly=True, names={"release": "ship-release"}))[".github/workflows/weekly.yml"]
    assert "nox -s ship-release -- auto --dry-run" in text


def test_not_every_project_runs_at_the_same_minute() -> None:
    """GitHub's runners and the indexes are asked by all of them."""
    texts = [render(facts(weekly=True, name=f"sample{n}"))[".github/workflows/weekly.yml"] for n in range(20)]
    assert len({re.search(r"cron: .*", text)[0] for text in texts}) > 5  # type: ignore[index] # each has one


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
            lock, *taken = [number for number, step in enumerate(steps) if "download-artifact" in step]
            assert taken
            assert lock < install < min(taken), name


@each("known", list(every()))
def test_jobs_that_publish_may_read_checks_where_they_wait_for_some(known: Facts) -> None:
    """There they have the token that reads, and time to wait; anybody who starts the workflow may leave out one."""
    workflow = load_yaml(release_of(known))
    inputs, waits = workflow[True]["workflow_dispatch"]["inputs"], bool(known.checks)
    assert len(inputs) <= 10
    assert ("without_check" in inputs) == waits
    if waits:
        assert inputs["without_check"]["options"] == ["(none)", *CHECKS]
        assert inputs["without_check"]["default"] == "(none)"
    for name, job in workflow["jobs"].items():
        reads = {"checks": "read", "statuses": "read"}.items() <= (job.get("permissions") or {}).items()
        assert reads == (waits and name in known.settings.indexes)
        if name in known.settings.indexes:
            env = job["steps"][-1]["env"]
            assert env.get("GITHUB_TOKEN") == ("${{ github.token }}" if waits else None)
            assert env.get("WITHOUT_CHECK") == (LEFT_OUT if waits else None)
            assert job["timeout-minutes"] == (180 if waits else 60)


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
