"""Runs a workflow of GitHub Actions on this machine: `act` in host mode, with small stand-ins for the actions.

What a runner of GitHub does and act does not is done by the stand-in for setup-python, which every job uses: a job that
may have an identity token, by its permissions in the workflow, gets the variables to ask for it; no other does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nox_ship.process import uv
from nox_ship.setup.workflows import ACTIONS
from workbench import Bench

LONGEST_SECONDS = 600

_CHECKOUT = """\
name: checkout
inputs: {ref: {default: ""}, fetch-depth: {default: ""}, persist-credentials: {default: ""}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {REF: "${{ inputs.ref }}"}
      run: |
        find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +
        git init --quiet
        git remote add origin "$RUNNER_REMOTE"
        git fetch --quiet origin "+refs/heads/*:refs/remotes/origin/*" "+refs/tags/*:refs/tags/*"
        case "${REF:-$RUNNER_REF}" in
          refs/heads/*) git checkout --quiet -B "${RUNNER_REF#refs/heads/}" "origin/${RUNNER_REF#refs/heads/}" ;;
          *) git checkout --quiet --detach "${REF:-$RUNNER_REF}" ;;
        esac
"""
_PYTHON = """\
name: setup-python
inputs: {python-version: {default: ""}}
runs:
  using: composite
  steps:
    - shell: bash
      run: '"$RUNNER_PYTHON" "$RUNNER_HOME/identity.py"'
"""
_UPLOAD = """\
name: upload-artifact
inputs:
  name: {required: true}
  path: {required: true}
  include-hidden-files: {default: ""}
  overwrite: {default: ""}
  if-no-files-found: {default: ""}
  retention-days: {default: ""}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", FILES: "${{ inputs.path }}"}
      run: |
        goal="$RUNNER_HOME/artifacts/$NAME"
        mkdir -p "$goal"
        for path in $FILES; do
          if [ "$NAME" != files ] && [ -d "$path" ]; then cp -r "$path/." "$goal/"; fi
          if [ "$NAME" = files ] && [ -e "$path" ]; then cp -r --parents "$path" "$goal/"; fi
        done
"""
_DOWNLOAD = """\
name: download-artifact
inputs: {name: {default: ""}, pattern: {default: ""}, path: {default: "."}, merge-multiple: {default: ""}}
runs:
  using: composite
  steps:
    - shell: bash
      env: {NAME: "${{ inputs.name }}", PATTERN: "${{ inputs.pattern }}", GOAL: "${{ inputs.path }}"}
      run: |
        mkdir -p "$GOAL"
        for found in "$RUNNER_HOME"/artifacts/${NAME:-$PATTERN}; do
          if [ -d "$found" ]; then cp -r "$found/." "$GOAL/"; fi
        done
        if [ -n "$RUNNER_TAMPER" ] && [ "$NAME" = files ]; then eval "$RUNNER_TAMPER"; fi
"""
_IDENTITY = """\
import os
from pathlib import Path

import yaml

job = yaml.safe_load(Path(os.environ["RUNNER_WORKFLOW"]).read_text("utf-8"))["jobs"][os.environ["GITHUB_JOB"]]
with Path(os.environ["RUNNER_HOME"], "jobs.txt").open("a", encoding="utf-8") as log:
    log.write(os.environ["GITHUB_JOB"] + "\\n")
if (job.get("permissions") or {}).get("id-token") == "write":
    with Path(os.environ["GITHUB_ENV"]).open("a", encoding="utf-8") as env:
        url = os.environ["RUNNER_IDENTITY"] + "&environment=" + job["environment"]
        env.write("ACTIONS_ID_TOKEN_REQUEST_URL=" + url + "\\n")
        env.write("ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + os.environ["RUNNER_REQUEST"] + "\\n")
"""


@dataclass(frozen=True)
class Runner:
    """A place to run workflows in."""

    home: Path
    bench: Bench

    @classmethod
    def made(cls, home: Path, bench: Bench) -> Runner:
        """Make the stand-ins, and an environment whose Python holds nox-ship as it is here."""
        stand_ins = {"checkout": _CHECKOUT, "setup-python": _PYTHON, "upload-artifact": _UPLOAD}
        for name, text in {**stand_ins, "download-artifact": _DOWNLOAD}.items():
            (home / "actions" / name).mkdir(parents=True)
            (home / "actions" / name / "action.yml").write_text(text, "utf-8")
        (home / "identity.py").write_text(textwrap.dedent(_IDENTITY), "utf-8")
        return cls(home, bench)

    def run(self, workflow: str, event: str, payload: Mapping[str, object], env: dict[str, str]) -> tuple[int, str]:
        """Run a workflow of the project for an event, and return exit code and output."""
        (self.home / "event.json").write_text(json.dumps(payload), "utf-8")
        path = self.bench.root / ".github" / "workflows" / workflow
        act = [str(Path(sys.executable).parent / "act"), event, "--platform", "ubuntu-latest=-self-hosted"]
        act += ["--workflows", str(path), "--eventpath", str(self.home / "event.json"), "--concurrent-jobs", "1"]
        act += ["--action-cache-path", str(self.home / "cache")]
        for pinned in ACTIONS.values():
            uses = pinned.partition(" ")[0]
            act += ["--local-repository", f"{uses}={self.home / 'actions' / uses.partition('@')[0].rpartition('/')[2]}"]
        own = {
            "RUNNER_HOME": str(self.home),
            "RUNNER_WORKFLOW": str(path),
            "RUNNER_REMOTE": str(self.bench.remote),
            "RUNNER_REF": str(payload.get("ref", "main")),
            "RUNNER_PYTHON": sys.executable,
            **env,
        }
        for name, value in own.items():
            act += ["--env", f"{name}={value}"]
        log = self.home / "act.log"
        with log.open("wb") as stream:
            done = subprocess.run(
                act,
                cwd=self.bench.root,
                env={**self.bench.environment(own), "HOME": str(self.home), "PATH": env["PATH"]},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=LONGEST_SECONDS,
                check=False,
            )
        return done.returncode, log.read_text("utf-8", errors="replace")

    def jobs(self) -> list[str]:
        """Return the names of the jobs that ran, in order."""
        path = self.home / "jobs.txt"
        return path.read_text("utf-8").split() if path.is_file() else []


def runner_environment(folder: Path, wheel: Path) -> dict[str, str]:
    """Make a virtual environment with nox-ship from ``wheel``, and return the variables of a runner that has it."""
    subprocess.run([uv(), "venv", "--quiet", "--seed", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([uv(), "pip", "install", "--quiet", "--python", str(folder), str(wheel), "nox", "uv"], check=True)
    links = " ".join(filter(None, [str(wheel.parent), os.environ.get("PIP_FIND_LINKS")]))
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": links,
        "NOX_SCRIPT_MODE": "none",
    }
