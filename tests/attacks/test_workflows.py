"""Code of the project attacks the jobs that hold rights, in workflows that act runs whole."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

import pytest

from acting import Actions, acting
from runner import TOKEN

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning", "ignore::ResourceWarning"),
]

PLANT = """\
git init --quiet . && git remote add origin ssh://git@example.invalid/acme/sample
git config core.sshCommand "touch $RUNNER_HOME/stolen; false"
for name in noxfile sitecustomize setup twine; do echo "open('$RUNNER_HOME/stolen', 'w')" > $name.py; done
cp noxfile.py dist/conftest.py
"""
"""What an artifact could hold beside the files that were built."""
REPLACE = """\
import hashlib, json, os, pathlib, shutil, tempfile
home = pathlib.Path(os.environ["RUNNER_HOME"])
evil = pathlib.Path(tempfile.mkdtemp(prefix="evil", dir=home / "artifacts")) / "it"
shutil.copytree((home / "names" / "files").resolve(), evil)
sdist = next((evil / "dist").glob("*.tar.gz"))
sdist.write_bytes(b"evil")
path = evil / ".nox-ship" / "manifest.json"
manifest = json.loads(path.read_text())
manifest["files"][-1] |= {"sha256": hashlib.sha256(b"evil").hexdigest(), "size": 4}
path.write_text(json.dumps(manifest))
link = evil.parent / "link"
link.symlink_to(evil)
link.replace(home / "names" / "files")
"""
"""Replaces the artifact with the files by another one of its name, as any job of a run can."""
HOOKS = """\
import os
from pathlib import Path


def test_plants():
    here = Path(__file__).resolve()
    home = Path(os.environ["RUNNER_HOME"])
    seen = [name for name in os.environ if name.startswith("GITHUB_") and "/" in os.environ[name]]
    with (home / "commands.txt").open("a") as stream:
        stream.write("ran " + " ".join(seen) + "\\n")
    for folder in [*here.parents, *Path.cwd().parents, *home.glob(".cache/act/*/hostexecutor")]:
        hooks = folder / ".git" / "hooks"
        if hooks.is_dir():
            for name in ("pre-push", "reference-transaction", "post-commit"):
                (hooks / name).write_text(f"#!/bin/sh\\ntouch {home}/stolen\\n")
                (hooks / name).chmod(0o755)
"""
"""A test that plants hooks in every repository that it finds above itself, and tells what Actions' files it sees."""
AMEND = """\
import subprocess


def test_amends():
    open("src/sample/evil.py", "w").close()
    for command in ("add --all", "commit -q --amend --no-edit --no-verify", "tag -f -m x v1.3.0"):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *command.split()], check=False)
"""


def stolen(actions: Actions) -> bool:
    """Whether code that was planted ran."""
    return (actions.runner.home / "stolen").exists()


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, runner_variables: dict[str, str]
) -> Iterator[tuple[Actions, str]]:
    """Publish a pushed tag of a project that attacks by what it builds and by what it runs; return what was said."""
    smoke = f'smoke = [["python", "-c", {json.dumps(REPLACE)}]]\n'
    with acting(tmp_path_factory.mktemp("published"), runner_variables) as actions:
        actions.bench.edit(
            "pyproject.toml", "[tool.nox-ship]\n", f"[tool.nox-ship.verify-install]\n{smoke}\n[tool.nox-ship]\n"
        )
        actions.bench.commit()
        code, output = actions.run("push", actions.tag("1.2.3"), RUNNER_TAMPER=PLANT)
        assert code == 0, output[-5000:]
        yield actions, output


def test_a_pushed_tag_is_published(published: tuple[Actions, str]) -> None:
    """Through TestPyPI to PyPI, by identities that the publish jobs alone have; the bytes are those of a laptop."""
    actions, output = published
    publishing = ["testpypi", "verify-testpypi", "pypi", "verify-pypi"]
    assert actions.runner.jobs()[-4:] == publishing
    assert "verify-install" in actions.runner.jobs()
    seen = (actions.runner.home / "seen.txt").read_text("utf-8").split()
    assert "PATH" in seen
    assert not [name for name in seen if name.startswith("ACTIONS_ID_TOKEN")]
    assert len(actions.pypi.minted) >= 2 <= len(actions.testpypi.minted)
    assert actions.bench.nox("-s", "build", env={"RUNNER_HOME": "/tmp"}).code == 0
    manifest = json.loads((actions.bench.root / ".nox-ship" / "manifest.json").read_text("utf-8"))
    built = {file["name"]: file["sha256"] for file in manifest["files"]}
    assert sorted(built) == ["sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"]
    assert actions.pypi.files() == actions.testpypi.files() == built
    assert "| file | result | SHA-256 |" in output


def test_what_came_with_the_files_is_not_obeyed(published: tuple[Actions, str]) -> None:
    """A repository, a noxfile and modules beside the built files are left in the folder of the artifact."""
    actions, _ = published
    assert not stolen(actions)
    assert sorted(actions.pypi.files()) == ["sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"]


def test_files_that_are_replaced_by_name_are_not_published(published: tuple[Actions, str]) -> None:
    """The jobs that publish take the very artifact that the build made, whatever bears its name since."""
    actions, _ = published
    replaced = actions.runner.home / "names" / "files" / "dist" / "sample-1.2.3.tar.gz"
    assert replaced.read_bytes() == b"evil"
    assert (actions.pypi.packages / "sample-1.2.3.tar.gz").read_bytes() != b"evil"


COMMIT = "-c user.name=x -c user.email=x commit -q --allow-empty -m x"
CUT = {"inputs": {"bump": "minor", "dry_run": "false", "target": "route"}, "ref": "refs/heads/main"}


@pytest.fixture(scope="module")
def stopped(
    tmp_path_factory: pytest.TempPathFactory, runner_variables: dict[str, str]
) -> Iterator[tuple[Actions, str]]:
    """Cut a release whose tests plant hooks, and amend it; return what was said."""
    with acting(tmp_path_factory.mktemp("stopped"), runner_variables) as actions:
        actions.bench.write({"tests/test_plants.py": HOOKS, "tests/test_amends.py": textwrap.dedent(AMEND)})
        actions.bench.commit()
        before = actions.bench.git("ls-remote", "origin")
        code, output = actions.run("workflow_dispatch", CUT, job="push")
        assert code != 0, output[-3000:]
        assert actions.bench.git("ls-remote", "origin") == before
        yield actions, output


def test_hooks_that_tests_plant_do_not_run_beside_the_token(stopped: tuple[Actions, str]) -> None:
    """The job that pushes has no checkout and no clone in which tests ran; these see no file of Actions' commands."""
    actions, output = stopped
    told = (actions.runner.home / "commands.txt").read_text("utf-8").splitlines()
    assert told
    files = {"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}
    assert not [line for line in told if files & set(line.split())]
    assert not stolen(actions), output[-3000:]


def test_a_commit_that_tests_amend_is_not_pushed(stopped: tuple[Actions, str]) -> None:
    """Commit and tag are handed on before any test runs; the rehearsal of what a test changed stops."""
    actions, output = stopped
    assert "NS236" in output, output
    assert actions.runner.jobs() == ["cut"]
    assert actions.forge.started == []


def test_a_release_is_cut_and_pushed(actions: Actions) -> None:
    """By hand: one job cuts it and may only read; one pushes it, holds nothing of the project, and starts anew."""
    code, output = actions.run("workflow_dispatch", CUT, job="push")
    assert code == 0, output[-5000:]
    assert actions.runner.jobs() == ["cut", "push"]
    assert actions.forge.started == [
        {
            "path": "/repos/acme/sample/actions/workflows/release.yml/dispatches",
            "authorization": f"Bearer {TOKEN}",
            "ref": "refs/tags/v1.3.0",
            "inputs": {"target": "route"},
        }
    ]
    remote = actions.bench.git("ls-remote", "origin")
    assert "refs/tags/v1.3.0^{}" in remote
    actions.bench.git("pull", "--quiet", "--ff-only", "--tags", "origin", "main")
    assert actions.bench.git("log", "-1", "--format=%s %an") == "Release 1.3.0 github-actions[bot]"


@pytest.mark.parametrize(
    "tamper",
    [
        f"git init -q r && cd r && git {COMMIT} && git bundle create -q ../release.bundle --all",
        pytest.param("head -c -40 release.bundle > x && mv x release.bundle", marks=pytest.mark.exhaustive),
        pytest.param("echo '# v2 git bundle' > release.bundle", marks=pytest.mark.exhaustive),
    ],
)
def test_a_bundle_that_is_changed_on_its_way_is_not_pushed(actions: Actions, tamper: str) -> None:
    """The job that may write compares it with the objects that the job outputs name."""
    before = actions.bench.git("ls-remote", "origin")
    code, output = actions.run("workflow_dispatch", CUT, job="push", RUNNER_TAMPER=tamper, RUNNER_TAMPERED="cut")
    assert code != 0
    assert "NS762" in output
    assert actions.bench.git("ls-remote", "origin") == before
    assert actions.forge.started == []
