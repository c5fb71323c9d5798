"""Code of the project attacks the jobs that hold rights, in whole workflows that run in `act`."""

from __future__ import annotations

import json

import pytest

from acting import Actions

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
"""Makes an artifact contain other things than the built files."""
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
"""Replaces the artifact with the built files by another one of the same name, as any job of a run can."""
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
"""A test that plants hooks in every repository above it, and records which command files of Actions it sees."""
AMEND = """\
import subprocess


def test_amends():
    open("src/sample/evil.py", "w").close()
    for command in ("add --all", "commit -q --amend --no-edit --no-verify", "tag -f -m x v1.3.0"):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@y", *command.split()], check=False)
"""


def stolen(actions: Actions) -> bool:
    """Return whether planted code ran."""
    return (actions.runner.home / "stolen").exists()


@pytest.mark.exhaustive
def test_what_comes_with_the_files_or_in_their_place_is_not_obeyed(actions: Actions) -> None:
    """The publishing jobs take the artifact that the build made, not a later one of its name, and run no code in it."""
    smoke = f'smoke = [["python", "-c", {json.dumps(REPLACE)}]]\n'
    actions.bench.edit(
        "pyproject.toml", "[tool.nox-ship]\n", f"[tool.nox-ship.verify-install]\n{smoke}\n[tool.nox-ship]\n"
    )
    actions.bench.commit()
    code, output = actions.run("push", actions.tag("1.2.3"), RUNNER_TAMPER=PLANT)
    assert code == 0, output[-5000:]
    assert not stolen(actions)
    replaced = actions.runner.home / "names" / "files" / "dist" / "sample-1.2.3.tar.gz"
    assert replaced.read_bytes() == b"evil"
    assert sorted(actions.pypi.files()) == ["sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"]
    assert (actions.pypi.packages / "sample-1.2.3.tar.gz").read_bytes() != b"evil"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("folder", "tamper"),
    [
        ("sbom", "sed -i s/1.2.3/1.2.4/ sbom.cdx.json"),
        ("provenance", "sed -i 's/payload/x/' attestation.json"),
    ],
)
def test_what_is_told_of_other_files_is_not_announced(actions: Actions, folder: str, tamper: str) -> None:
    """A bill of materials or provenance of other files is not announced (NS799), and no code next to it runs."""
    plant = PLANT.replace("cp noxfile.py dist/conftest.py\n", "")
    tampered = {"RUNNER_TAMPER": plant + tamper, "RUNNER_TAMPERED": folder}
    code, output = actions.run("push", actions.tag("1.2.3"), **tampered)
    assert code != 0
    assert "NS799" in output
    assert not stolen(actions)
    assert actions.forge.board.releases == {}
    assert len(actions.pypi.files()) == 2


COMMIT = "-c user.name=x -c user.email=x commit -q --allow-empty -m x"
CUT = {"inputs": {"bump": "minor", "dry_run": "false", "target": "route"}, "ref": "refs/heads/main"}


@pytest.mark.exhaustive
def test_what_tests_do_to_their_checkout_reaches_no_push(actions: Actions) -> None:
    """The commit and tag are handed on before the tests run, and the pushing job runs no hooks of theirs."""
    actions.bench.write({"tests/test_amends.py": AMEND, "tests/test_plants.py": HOOKS})  # in this order
    actions.bench.commit()
    code, output = actions.run("workflow_dispatch", CUT, job="push")
    assert code == 0, output[-3000:]
    assert "Success - Main Run the gate" in output
    told = (actions.runner.home / "commands.txt").read_text("utf-8").splitlines()
    assert told
    files = {"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}
    assert not [line for line in told if files & set(line.split())]
    assert not stolen(actions), output[-3000:]
    actions.bench.git("fetch", "--quiet", "--tags", "origin")
    assert "src/sample/__init__.py" in (held := actions.bench.git("ls-tree", "-r", "--name-only", "v1.3.0"))
    assert "evil.py" not in held


@pytest.mark.exhaustive
def test_files_that_are_replaced_by_name_before_the_push_are_not_published(actions: Actions) -> None:
    """If the artifact is replaced before the push, the run on the tag still publishes what the build made."""
    smoke = f'smoke = [["python", "-c", {json.dumps(REPLACE)}]]\n'
    actions.bench.edit(
        "pyproject.toml", "[tool.nox-ship]\n", f"[tool.nox-ship.verify-install]\n{smoke}\n[tool.nox-ship]\n"
    )
    actions.bench.commit()
    code, output = actions.cut("minor")
    assert code == 0, output[-5000:]
    code, output = actions.publish_cut()
    assert code == 0, output[-5000:]
    assert (actions.pypi.packages / "sample-1.3.0.tar.gz").read_bytes() not in (b"", b"evil")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "tamper",
    [
        f"git init -q r && cd r && git {COMMIT} && git bundle create -q ../release.bundle --all",
        "head -c -40 release.bundle > x && mv x release.bundle",
        "echo '# v2 git bundle' > release.bundle",
    ],
)
def test_a_bundle_that_is_changed_on_its_way_is_not_pushed(actions: Actions, tamper: str) -> None:
    """A bundle that was changed on its way is not pushed, as it differs from the job outputs (NS762)."""
    before = actions.bench.git("ls-remote", "origin")
    code, output = actions.run("workflow_dispatch", CUT, job="push", RUNNER_TAMPER=tamper, RUNNER_TAMPERED="cut")
    assert code != 0
    assert "NS762" in output
    assert actions.bench.git("ls-remote", "origin") == before
    assert actions.forge.started == []
