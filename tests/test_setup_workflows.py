from __future__ import annotations

import re
from typing import Any

import pytest

from nox_ship.errors import ShipError
from nox_ship.gates.own import PIPELINE
from nox_ship.setup.workflows import Facts, dependabot, render
from rendering import CI, NAMED, RELEASE, built, every, facts, holds_rights, jobs, release_of
from support import each, load_yaml


@each("known", [known for known in every() if known.wheels])
def test_wheels_of_all_systems_are_collected_before_anything_is_done_with_them(known: Facts) -> None:
    """All wheels are built from one sdist and collected by artifact ID, before the whole set is tried and pushed."""
    found = jobs(release_of(known))
    numbered = {f"wheels-{number}": system for number, system in enumerate(known.wheels, 1)}
    runners = {name: system.removesuffix("/ppc64le") for name, system in numbered.items()}
    assert {name: job["runs-on"] for name, job in found.items() if name.startswith("wheels-")} == runners

    def taken(job: str) -> list[str]:
        steps = (step for step in found[job]["steps"] if "download" in step.get("uses", ""))
        return [step["with"]["artifact-ids"].strip("${} ") for step in steps if "if" not in step]

    for name, system in numbered.items():
        assert taken(name) == ["needs.build.outputs.files"]
        (python,) = (
            step["with"]["python-version"] for step in found[name]["steps"] if "python" in step.get("uses", "")
        )
        assert len(python.split()) == (2 if known.builds_alone else 1)  # not every runner has every Python
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


@pytest.mark.slow
@each("known", [known for known in every() if not known.wheels and not known.tests_wheel])
def test_without_compiled_code_workflows_say_nothing_about_wheels(known: Facts) -> None:
    """A project without compiled code gets no job, step or line more, since other projects have wheels."""
    assert [name for name, text in render(known).items() if re.search("wheel|collect", text, re.IGNORECASE)] == []


@each("known", [known for known in every() if known.wheels])
def test_a_set_of_wheels_is_installed_where_it_fits(known: Facts) -> None:
    """The job `collect` decides where wheels and sdist are installed; the tests can be run against them there."""
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
    """Only a job for another architecture sets up QEMU, before the project's own steps, and it has more time."""
    text = release_of(known)
    assert text.index("docker/setup-qemu-action@") < text.index("# >>> own: steps before wheels 3 are built")
    found = jobs(text)
    emulated = {name: [step for step in job["steps"] if "qemu" in step.get("uses", "")] for name, job in found.items()}
    assert [name for name, steps in emulated.items() if steps] == ["wheels-3"]
    assert [found[f"wheels-{number}"]["timeout-minutes"] for number in (1, 2, 3)] == [180, 180, 360]


@pytest.mark.slow
@each("known", list(every()))
def test_what_was_built_is_attested_before_it_is_announced(known: Facts) -> None:
    """The manifest's files are attested before they are announced; a failure stops only public repositories."""
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


@pytest.mark.slow
@each("known", list(every()))
def test_one_job_describes_what_is_installed(known: Facts) -> None:
    """One job of the release writes the bill of materials; the workflow that tests pull requests has none."""
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
    """If the run that proved the release has no bill of materials, this run continues without one."""
    proven = jobs(render(facts())[RELEASE])["proven"]
    take, keep = proven["steps"][-2:]
    assert {take["if"], keep["if"]} == {"steps.proven.outputs.sbom"}
    assert (keep["with"]["path"], keep["with"]["if-no-files-found"]) == ("sbom/sbom.cdx.json", "ignore")
    assert proven["outputs"]["sbom"] == f"${{{{ steps.{keep['id']}.outputs.artifact-id }}}}"


def test_the_tag_and_branch_are_the_projects() -> None:
    """Tags of the project's form start the workflow; pushes to the branch do so for development versions only."""
    text = render(facts(tag="pkg-{version}+x", branch="trunk", development=True))[RELEASE]
    push = load_yaml(text)[True]["push"]
    assert push == {"tags": ["pkg-[0-9]*\\+x"], "branches": ["trunk"]}
    assert "branches" not in load_yaml(render(facts())[RELEASE])[True]["push"]


@each("known", [known for known in every() if known.folder])
def test_a_project_below_the_top_is_worked_on_in_its_folder(known: Facts) -> None:
    """For a project in a subfolder, jobs with a checkout run there, and their artifacts come from there."""
    texts = render(known)
    assert list(texts) == [f".github/workflows/sample-{name}.yml" for name in ("ci", "release", "weekly")]
    for text in texts.values():
        assert "sample" in load_yaml(text)["concurrency"]["group"]
        for name, job in jobs(text).items():
            held = any("checkout" in step.get("uses", "") for step in job["steps"])
            held = held and name not in ("lock", "merged", "proven")  # which check out the lock alone
            assert job.get("defaults") == ({"run": {"working-directory": known.folder}} if held else None)
            given = [step["with"] for step in job["steps"] if "artifact" in step.get("uses", "") and held]
            paths = [path for words in given for path in words.get("path", "").split()]
            assert all(path == known.folder or path.startswith(f"{known.folder}/") for path in paths)
            assert all(words.get("path") for words in given)


def test_names_are_the_projects_own() -> None:
    """Workflow, environments, secrets and tested branches can have the project's own names."""
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
    """A publishing workflow with the file name of another workflow of ours is refused with NS102."""
    with pytest.raises(ShipError, match=f"NS102.*{words}"):
        render(facts(**changes))


def test_a_workflow_may_be_called_weekly_where_ours_is_not_written() -> None:
    """The publishing workflow may be called weekly.yml if the weekly workflow is not written."""
    assert list(render(facts(file="weekly.yml"))) == [CI, ".github/workflows/weekly.yml"]


@each("known", [known for known in every() if known.settings.weekly])
def test_the_weekly_workflow_may_only_read(known: Facts) -> None:
    """The weekly workflow runs the project's code, so its jobs may only read; it starts weekly or by hand."""
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
    """The weekly workflow rehearses, audits and verifies in independent jobs, and audits only once."""
    found = jobs(render(facts(weekly=True, audit=audit, audited=audited))[".github/workflows/weekly.yml"])
    audits = {"audit": "nox -s audit"} if expected else {}
    assert {name: job["steps"][-1]["run"] for name, job in found.items()} == {
        "rehearse": f"nox -s release -- auto --dry-run --early{without}",
        **audits,
        "verify": "nox -s verify-published -- latest",
    }
    assert not any("needs" in job or "if" in job for job in found.values())


def test_the_weekly_workflow_calls_the_sessions_as_they_are_called() -> None:
    """The weekly workflow calls sessions by the names under which the project has them."""
    text = render(facts(weekly=True, names={"release": "ship-release"}))[".github/workflows/weekly.yml"]
    assert "nox -s ship-release -- auto --dry-run" in text


def test_not_every_project_runs_at_the_same_minute() -> None:
    """Projects run weekly at different minutes, to spread the load on GitHub's runners and the indexes."""
    texts = [render(facts(weekly=True, name=f"sample{n}"))[".github/workflows/weekly.yml"] for n in range(20)]
    assert len({re.search(r"cron: .*", text)[0] for text in texts}) > 5  # type: ignore[index] # each has one


def test_every_job_of_ci_is_required() -> None:
    """The last job of CI waits for all others, and fails if one of them did not pass."""
    for known in (facts(), facts(coverage=False)):
        found = jobs(render(known)[CI])
        assert set(found["required"]["needs"]) == set(found) - {"required"}
        assert "failure" in found["required"]["steps"][0]["if"]


def test_nox_runs_on_a_python_that_it_can_run_on() -> None:
    """Nox gets Python 3.11 if the project's are older; otherwise, the newest CPython is the default."""
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
    """Jobs with a checkout call our sessions as the project names them; other jobs use our standard names."""
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
    """A rehearsal installs the Pythons of the project's own sessions, including pre-releases of Python."""
    text = render(facts(more_pythons=("pypy3.11", "3.12")))[RELEASE]
    (setup,) = (s["with"] for s in jobs(text)["rehearse"]["steps"] if "setup-python" in s.get("uses", ""))
    assert setup == {"python-version": "pypy3.11\n3.11\n3.12\n", "allow-prereleases": True}
    plain = jobs(render(facts())[RELEASE])["rehearse"]["steps"]
    assert not [step for step in plain if "allow-prereleases" in str(step)]


def test_a_gate_runs_what_it_requires() -> None:
    """A job runs its gate with the sessions that it requires, and keeps coverage data under the gate's name."""
    for text in render(facts()).values():
        steps = jobs(text)["gates"]["steps"]
        (run,) = [step["run"] for step in steps if "SESSION" in step.get("env", {})]
        assert run.endswith(' nox -s "$SESSION"')
        assert [s["with"]["name"] for s in steps if "upload" in s.get("uses", "")] == ["coverage-${{ matrix.name }}"]


@pytest.mark.parametrize(
    ("known", "targets"),
    [(facts(), ["route", "testpypi", "pypi"]), (facts(testpypi=False), ["route", "pypi"])],
)
def test_only_indexes_with_a_job_can_be_chosen(known: Facts, targets: list[str]) -> None:
    """A run by hand offers only indexes for which the workflow has a job."""
    inputs = load_yaml(render(known)[RELEASE])[True]["workflow_dispatch"]["inputs"]
    assert inputs["target"]["options"] == targets


def test_names_of_own_parts_are_unique() -> None:
    """Each custom section of a workflow has a different name."""
    for text in render(facts()).values():
        names = [line.strip() for line in text.splitlines() if ">>> own:" in line]
        assert len(names) == len(set(names)) > 3


def test_dependabot_keeps_the_pins_fresh() -> None:
    """Dependabot updates the actions, and only nox-ship in the lock, whose rest is resolved as a whole."""
    actions, lock = load_yaml(dependabot())["updates"]
    assert (actions["package-ecosystem"], actions["directory"]) == ("github-actions", "/")
    assert (lock["package-ecosystem"], lock["directory"]) == ("pip", "/.github")
    assert [entry["dependency-name"] for entry in lock["allow"]] == ["nox-ship"]
