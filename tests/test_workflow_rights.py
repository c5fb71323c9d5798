"""Which jobs of our workflows have rights, and what these jobs take from others."""

from __future__ import annotations

import itertools
import re
import shlex
from typing import Any

import pytest

from nox_ship import actions, process
from nox_ship.errors import ShipError
from nox_ship.release.proven import _BUILT, _PROPOSING, _PUSHING
from nox_ship.setup import templates, workflows
from nox_ship.setup.workflows import ACTIONS, Facts, render
from rendering import CHECKS, NAMED, RELEASE, RIGHTS, built, every, facts, holds_rights, jobs, proposing, release_of
from support import each, load_yaml


@pytest.mark.slow
@each("known", list(every()))
def test_least_privilege(known: Facts) -> None:
    """Only single jobs get rights: an identity to publish or attest; writing to push, propose or announce."""
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


@pytest.mark.slow
@each("known", list(every()))
def test_no_expression_is_in_a_script(known: Facts) -> None:
    """Scripts contain no expressions, checkouts keep no credentials, and every action is pinned."""
    for text in render(known).values():
        for job in jobs(text).values():
            for step in job["steps"]:
                assert "${{" not in step.get("run", "")
                uses = step.get("uses", "")
                if "checkout" in uses:
                    assert step["with"]["persist-credentials"] is False
                assert not uses or any(pin.startswith(f"{uses} #") for pin in ACTIONS.values())


@pytest.mark.slow
@each("known", list(every()))
def test_jobs_that_publish_hold_nothing_of_the_project(known: Facts) -> None:
    """Jobs that publish have no checkout, and know the manifest's digest from a job output, not from the files."""
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


@pytest.mark.slow
@each("known", list(every()))
def test_everything_is_installed_by_hash(known: Facts) -> None:
    """Every job installs by hash from the lock, which jobs without a checkout take from the job `lock`."""
    for text in render(known).values():
        for name, job in jobs(text).items():
            for step in job["steps"]:
                if "besides" in step.get("name", ""):
                    assert shlex.split(step["run"])[4:] == ["nox-poetry>=1", "it's"]
                    assert any("checkout" in other.get("uses", "") for other in job["steps"])
                elif "pip install" in step.get("run", ""):
                    assert "--require-hashes --only-binary :all: -r" in step["run"], name
                    held = any("checkout" in other.get("uses", "") for other in job["steps"])
                    above = "../" * (known.folder.count("/") + 1) if "defaults" in job else ""
                    assert step["run"].endswith(f" {above}.github/nox-ship.txt" if held else " lock/nox-ship.txt")
                    assert held or "lock" in job["needs"]


LEFT_OUT = "${{ inputs.without_check != '(none)' && inputs.without_check || '' }}"
WITHOUT = ' --without-check="$WITHOUT_CHECK"'
VALUE = r"\"\$[A-Z_]+\""
STARTED = re.compile(
    r"python -m pip install --require-hashes --only-binary :all: -r (?:lock|\.github)/nox-ship\.txt"
    rf"|nox-ship receive files(?: --(?:commit|tag|tree)={VALUE}){{0,3}}"
    rf"|nox-ship proven --run={VALUE} (?:--merged={VALUE} )?--branch={VALUE}"
    r"|nox --no-dependencies -s publish-(?:prod|test) -- --no-install(?: --without-check=\"\$WITHOUT_CHECK\")?"
    r"|nox --no-dependencies -s announce -- --sbom sbom/sbom\.cdx\.json --provenance provenance/attestation\.json"
    rf"|nox-ship push cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object|target)={VALUE}){{6}}"
    rf"(?: --merged={VALUE})?(?: --auto)?"
    rf"|nox-ship propose cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object)={VALUE}){{5}}"
    rf"|nox-ship merged --branch={VALUE}"
)
"""The only commands that a job with rights may run."""


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
        reads = "write" not in job["permissions"].values() and "environment" not in job
        assert reads == (name in {"proven", "merged"})
        expected = [*([] if reads else ["${{ needs.lock.outputs.lock }}"]), *taken.get(name, [built("files", known)])]
        folders: list[str] = []
        for step in job["steps"]:
            uses, script = step.get("uses", ""), step.get("run", "")
            if reads and "checkout" in uses:
                assert step["with"]["sparse-checkout"] == ".github/nox-ship.txt"
                assert step["with"]["sparse-checkout-cone-mode"] is False
                continue
            assert uses.startswith((*usual, *further.get(name, ()))) or script, name
            if "download-artifact" in uses:
                elsewhere = {"run-id", "github-token"} if name == "proven" else set()
                assert set(step["with"]) == {"artifact-ids", "path", *elsewhere}
                assert step["with"]["artifact-ids"] == expected[len(folders)]
                folders.append(step["with"]["path"])
            lines = script.replace("\\\n", "").splitlines()
            assert all(STARTED.fullmatch(line.strip()) for line in lines), f"{name} starts another command"
        assert len(set(folders)) == len(folders) == len(expected)
        assert "defaults" not in job
        assert "container" not in job


@pytest.mark.slow
@each("known", list(every()))
def test_jobs_with_rights_take_nothing_that_the_project_wrote(known: Facts) -> None:
    """Jobs with rights have no checkout, run only our commands, and take artifacts by ID into separate folders."""
    check_jobs_with_rights(known)


@each("known", [facts(), facts(coverage=False), facts(folder="it", **NAMED), facts(delivery="pull-request")])
def test_no_job_can_be_named_like_one_that_delivers(known: Facts) -> None:
    """GitHub writes what was built into the name of that job, and cuts a name off after 100 characters."""
    found = jobs(release_of(known))
    told = {"files": "123456789012", "manifest": "f" * 64}
    prefixes = {"push": _PUSHING, "propose": _PROPOSING} if known.proposes else {"push": _PUSHING}
    for job, prefix in prefixes.items():
        name = re.sub(r"\$\{\{ [^}]*\.(\w+) \}\}", lambda match: told[match[1]], found.pop(job)["name"])
        match = _BUILT.fullmatch(name, len(prefix))
        assert match
        assert name.startswith(prefix)
        assert match.groupdict() == told
        assert len(name) <= 100
    for job in found.values():
        literal = job["name"].partition("${{")[0]
        assert literal
        assert not literal.startswith(tuple(prefixes.values()))
        assert not any(prefix.startswith(literal) for prefix in prefixes.values())


@pytest.mark.slow
@each("known", list(every()))
def test_nothing_is_pushed_before_everything_passed(known: Facts) -> None:
    """The job `push` needs every job that runs when a release is cut, so GitHub skips it if one fails."""
    found = jobs(release_of(known))
    assert ("if" in found["push"]) == known.proposes
    if known.proposes:
        proposing = {*found["propose"]["needs"], "merged", "proven"} - {"push"}
        assert proposing == set(found["push"]["needs"])
        every = [f"needs.{job}.result == 'success'" for job in found["propose"]["needs"] if job != "push"]
        assert f"(needs.proven.outputs.manifest || ({' && '.join(every[2:])}))" in found["push"]["if"]
        wanted = "needs.push.outputs.propose" if known.delivery == "auto" else "inputs.bump"
        assert " && ".join([wanted, *every]) in found["propose"]["if"]
    published = {name for index in known.settings.indexes for name in (index, f"verify-{index}")}
    assert set(found["push"]["needs"]) - {"proven"} | {"matrix"} == set(found) - published - {
        "push",
        "proven",
        "rehearse",
        "attest",
        "announce",
        "propose",
    }


SWITCH = re.compile(
    rf"nox-ship switch \.nox-ship/cut/release\.bundle(?: +--(?:onto|branch|commit|tag|tag-object)={VALUE}){{5}}"
)


@pytest.mark.slow
@each("known", list(every()))
def test_what_is_pushed_is_what_was_tested(known: Facts) -> None:
    """Each job that tests switches to the cut release before it runs any of it, by artifact ID and object names."""
    found = jobs(release_of(known))
    told = {"COMMIT": "commit", "TAG": "tag", "TAG_OBJECT": "tag-object"}
    objects = {name: f"${{{{ needs.cut.outputs.{output} }}}}" for name, output in told.items()}
    condition = "needs.cut.result == 'success'" if known.proposes else "inputs.bump"
    for name in set(found["push"]["needs"]) - {"lock", "cut", "merged", "proven"}:
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
    """A gate's environment names none of the runner's command files except the job summary."""
    for text in render(facts()).values():
        scripts = [step["run"] for job in jobs(text).values() for step in job["steps"] if "SESSION" in str(step)]
        (script,) = (script for script in scripts if "$SESSION" in script)
        words = shlex.split(script)
        taken = {after for word, after in itertools.pairwise(words[: words.index("nox")]) if word == "-u"}
        assert taken == set(process._COMMAND_FILES) - {actions.SUMMARY}


@pytest.mark.slow
@each("known", list(every()))
def test_artifacts_with_files_are_taken_by_id(known: Facts) -> None:
    """Artifacts other than coverage data are taken by ID, as a job that runs tests could replace one by its name."""
    for text in render(known).values():
        for job in jobs(text).values():
            for step in job["steps"]:
                if "download-artifact" in step.get("uses", ""):
                    assert "artifact-ids" in step["with"] or step["with"]["pattern"] == "coverage-*"


@pytest.mark.slow
@each("branch", ["1.10", "on", "no", "a]b", "0x10", "it's", "@CHECKOUT@", "x+y", "!x", "{a}", "# x", "&a"])
def test_a_branch_is_that_branch_whatever_its_name(branch: str) -> None:
    """A branch's name is not read as a number, a truth value, a pattern or a placeholder."""
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
    """NS820 refuses a name with an expression, and a folder that GitHub could read as a pattern or option."""
    with pytest.raises(ShipError, match="NS820"):
        render(facts(**changes))


@each("delivery", ["push", "auto"])
def test_nothing_that_was_built_is_there_when_the_publisher_is_installed(delivery: str) -> None:
    """Jobs install nox-ship before they download built files, as pip could import a module from its folder."""
    for name, job in jobs(render(facts(delivery=delivery))[RELEASE]).items():
        steps = list(enumerate(job["steps"]))
        installs = [number for number, step in steps if "-r lock/nox-ship.txt" in step.get("run", "")]
        if name in ("proven", "merged"):  # they check out the lock
            installs = [number for number, step in steps if "-r .github/nox-ship.txt" in step.get("run", "")]
        assert installs or not holds_rights(job), name
        for install in installs:
            paths = {number: step["with"]["path"] for number, step in steps if "download" in step.get("uses", "")}
            taken = [number for number, path in paths.items() if path != "lock"]
            assert all(number < install for number in paths.keys() - taken), name
            assert all(install < number for number in taken), name
            assert taken or name == "merged"


@pytest.mark.slow
@each("known", list(every()))
def test_jobs_that_publish_may_read_checks_where_they_wait_for_some(known: Facts) -> None:
    """Jobs that wait for checks may read them and have more time; a start by hand may leave out one check."""
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
    """The check of jobs with rights finds any other command in a script."""
    template = templates.template

    def changed(name: str) -> str:
        publish = "run: nox --no-dependencies -s @SESSION@ -- --no-install"
        lines = f"{publish.removeprefix('run: ')}\n{more}".replace("\n", "\n          ")
        return template(name).replace(publish, f"run: |\n          {lines}", 1)

    monkeypatch.setattr(workflows, "template", changed)
    with pytest.raises(AssertionError, match="another command"):
        check_jobs_with_rights(facts())
