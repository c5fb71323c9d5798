"""Runs a workflow of GitHub Actions on this machine: `act` in host mode, with small stand-ins for the actions.

The stand-in for setup-python, which every job uses, does what GitHub's runner does and act does not: it gives a job the
variables to request an identity token only if the job has the permission for it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from actions_board import ActionsBoard
from failing_forge import answered
from loopback import Loopback, Reply, Request
from nox_ship.package.manifest import File
from nox_ship.process import uv
from nox_ship.setup.lock import rendered
from nox_ship.setup.workflows import ACTIONS
from support import git
from workbench import Bench

LONGEST_SECONDS = 300
TOKEN = "the-token-of-the-job"
"""The token that the stand-in for GitHub gives each job; no push here needs it."""

_CHECKOUT = """\
name: checkout
inputs:
  ref: {default: ""}
  fetch-depth: {default: ""}
  persist-credentials: {default: ""}
  sparse-checkout: {default: ""}
  sparse-checkout-cone-mode: {default: ""}
runs:
  using: composite
  steps:
    - shell: bash
      env: {REF: "${{ inputs.ref }}", SPARSE: "${{ inputs.sparse-checkout }}"}
      run: |
        find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +
        git init --quiet
        git remote add origin "$RUNNER_REMOTE"
        git fetch --quiet origin "+refs/heads/*:refs/remotes/origin/*" "+refs/tags/*:refs/tags/*"
        if [ -n "$SPARSE" ]; then git sparse-checkout set --no-cone "$SPARSE"; fi
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
outputs:
  artifact-id: {value: "${{ steps.keep.outputs.id }}"}
runs:
  using: composite
  steps:
    - id: keep
      shell: bash
      env: {NAME: "${{ inputs.name }}", FILES: "${{ inputs.path }}"}
      run: |
        set -- $FILES
        goal="$RUNNER_HOME/artifacts/$(date +%s%N)"
        mkdir "$goal"
        top="$("$RUNNER_PYTHON" -c 'import os, sys; print(os.path.commonpath(sys.argv[1:]) or ".")' "$@")"
        for path; do
          if [ $# -gt 1 ] && [ -e "$path" ]; then (cd "$top" && cp -r --parents "${path#"$top"/}" "$goal/"); fi
          if [ $# = 1 ] && [ -d "$path" ]; then cp -r "$path/." "$goal/"; fi
          if [ $# = 1 ] && [ -f "$path" ]; then cp "$path" "$goal/"; fi
        done
        ln -sfn "$goal" "$RUNNER_HOME/names/$NAME"
        echo "id=${goal##*/}" >> "$GITHUB_OUTPUT"
"""
_DOWNLOAD = """\
name: download-artifact
inputs:
  artifact-ids: {default: ""}
  pattern: {default: ""}
  path: {default: "."}
  merge-multiple: {default: ""}
  run-id: {default: ""}
  github-token: {default: ""}
runs:
  using: composite
  steps:
    - shell: bash
      env: {ID: "${{ inputs.artifact-ids }}", PATTERN: "${{ inputs.pattern }}", GOAL: "${{ inputs.path }}"}
      run: |
        mkdir -p "$GOAL"
        if [ -n "$ID" ]; then cp -r "$RUNNER_HOME/artifacts/$ID/." "$GOAL/"; fi
        for found in $RUNNER_HOME/names/$PATTERN; do
          if [ -n "$PATTERN" ] && [ -d "$found" ]; then cp -r "$found/." "$GOAL/"; fi
        done
        if [ -n "$RUNNER_TAMPER" ] && [ "$GOAL" = "${RUNNER_TAMPERED:-files}" ]; then
          cd "$GOAL"
          eval "$RUNNER_TAMPER"
        fi
"""
_ATTEST = """\
name: attest
inputs: {subject-path: {required: true}}
outputs:
  bundle-path: {value: "${{ steps.attest.outputs.path }}"}
runs:
  using: composite
  steps:
    - id: attest
      shell: bash
      env: {SUBJECTS: "${{ inputs.subject-path }}"}
      run: |
        echo "path=$RUNNER_HOME/signed/attestation.json" >> "$GITHUB_OUTPUT"
        test -n "$ACTIONS_ID_TOKEN_REQUEST_URL"
        if [ -n "$RUNNER_UNSIGNED" ]; then echo "Failed to persist attestation: $RUNNER_UNSIGNED"; exit 1; fi
        "$RUNNER_PYTHON" "$RUNNER_HOME/attest.py" $SUBJECTS
"""
_SIGNED = """\
import base64, hashlib, json, os, sys
from pathlib import Path

paths = [Path(name) for name in sys.argv[1:]]
subjects = [{"name": one.name, "digest": {"sha256": hashlib.sha256(one.read_bytes()).hexdigest()}} for one in paths]
payload = base64.b64encode(json.dumps({"subject": subjects}).encode()).decode()
signed = Path(os.environ["RUNNER_HOME"], "signed", "attestation.json")
signed.parent.mkdir(exist_ok=True)
signed.write_text(json.dumps({"dsseEnvelope": {"payload": payload}}) + "\\n", "utf-8")
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
        url = os.environ["RUNNER_IDENTITY"] + "&environment=" + job.get("environment", {}).get("name", "")
        env.write("ACTIONS_ID_TOKEN_REQUEST_URL=" + url + "\\n")
        env.write("ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + os.environ["RUNNER_REQUEST"] + "\\n")
"""

_PIP = """\
import os
import sys

os.execv({uv!r}, [{uv!r}, "pip", *sys.argv[1:], "--python", sys.executable])
"""


@dataclass(frozen=True)
class Runner:
    """A folder in which workflows run."""

    home: Path
    bench: Bench
    options: tuple[str, ...] = ()
    """Further options of act."""

    @classmethod
    def made(cls, home: Path, bench: Bench) -> Runner:
        """Write the stand-ins for the actions into ``home``."""
        stand_ins = {"checkout": _CHECKOUT, "setup-python": _PYTHON, "upload-artifact": _UPLOAD}
        for name, text in {**stand_ins, "download-artifact": _DOWNLOAD, "attest": _ATTEST}.items():
            (home / "actions" / name).mkdir(parents=True)
            (home / "actions" / name / "action.yml").write_text(text, "utf-8")
        for name in ("artifacts", "names"):
            (home / name).mkdir()
        (home / "identity.py").write_text(textwrap.dedent(_IDENTITY), "utf-8")
        (home / "attest.py").write_text(_SIGNED, "utf-8")
        return cls(home, bench)

    def run(
        self, workflow: str, event: str, payload: Mapping[str, object], env: dict[str, str], job: str | None = None
    ) -> tuple[int, str]:
        """Run a workflow of the project for an event, and return the exit code and the output.

        With ``job``, only that job and the jobs it needs run.
        """
        (self.home / "event.json").write_text(json.dumps(payload), "utf-8")
        path = self._with_outputs(self.bench.root / ".github" / "workflows" / workflow)
        act = [str(Path(sys.executable).parent / "act"), event, "--platform", "ubuntu-latest=-self-hosted"]
        act += ["--workflows", str(path), "--eventpath", str(self.home / "event.json"), "--concurrent-jobs", "1"]
        act += ["--no-skip-checkout"]  # act would copy the project, for a sparse checkout too
        act += ["--action-cache-path", str(self.home / "cache"), "--secret", f"GITHUB_TOKEN={TOKEN}"]
        act += [*self.options, *(["--job", job] if job else [])]
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
        with log.open("wb") as stream, _explained(log):
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

    def _with_outputs(self, path: Path) -> Path:
        """Return a copy of a workflow in which a skipped job has no outputs, as on GitHub.

        act leaves their expressions unevaluated, and evaluates the matrix even of a skipped job.
        """

        def told(match: re.Match[str]) -> str:
            read, job, output = match.groups()
            passed = f"needs.{job}.result == 'success' && needs.{job}.outputs.{output}"
            return f"{read}{passed} || '[]')" if read else f"({passed} || '')"

        text = re.sub(r"(fromJSON\()?\bneeds\.([\w-]+)\.outputs\.([\w-]+)(?(1)\))", told, path.read_text("utf-8"))
        copy = self.home / path.name
        copy.write_text(text, "utf-8")
        return copy

    def jobs(self) -> list[str]:
        """Return the names of the jobs that ran, in order."""
        path = self.home / "jobs.txt"
        return path.read_text("utf-8").split() if path.is_file() else []


@contextmanager
def _explained(log: Path) -> Iterator[None]:
    """Add the end of the log to the error of a run that takes too long."""
    try:
        yield
    except subprocess.TimeoutExpired as error:
        error.add_note(log.read_text("utf-8", errors="replace")[-5000:])
        raise


class Forge(Loopback):
    """GitHub's API as far as the jobs use it: it stores releases, and gives the answers that a test sets."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.board = ActionsBoard("acme/sample", dict)
        self.told: dict[str, Any] = {}
        """The answers, by the path below the repository's."""
        self.bare: Path | None = None
        """The repository whose commits it describes."""

    def _answer(self, request: Request) -> Reply:
        if re.match(r"/repos/acme/sample/(?:releases|commits|pulls)/?", request.path):
            return answered(self.board, request)
        return Reply(status=204) if request.method == "POST" else self.tell(request.path)

    def tell(self, path: str) -> Reply:
        """Answer a request for a path."""
        asked = path.partition("?")[0].removeprefix("/repos/acme/sample/")
        found = self._commit(asked.removeprefix("git/commits/")) if "git/commits/" in asked else self.told.get(asked)
        return Reply(status=404) if found is None else Reply(json.dumps(found))

    def _commit(self, commit: str) -> dict[str, Any]:
        """Return a commit as GitHub's API describes it."""
        assert self.bare
        tree, *parents = git(self.bare, "log", "-1", "--format=%T %P", commit).split()
        return {"tree": {"sha": tree}, "parents": [{"sha": parent} for parent in parents]}

    def remember(self, output: str, head: str, workflow: str = "release.yml", sbom: str | None = None) -> None:
        """Describe a successful run from the output of act: its jobs, by the names in the output, and its artifacts.

        Args:
            output: The output of act.
            head: The commit of the run.
            workflow: The file name of the workflow.
            sbom: The ID of the artifact with the bill of materials.
        """
        told = re.findall(r'^(?:\[|.*?"job":")[^/\]"]*/(.+?) *[\]"]', output, re.MULTILINE)  # also with --json
        names = dict.fromkeys(told)
        of_run = {
            "id": 1,
            "event": "workflow_dispatch",
            "path": f".github/workflows/{workflow}",
            "head_branch": "main",
            "head_sha": head,
            "head_repository": {"full_name": "acme/sample"},
        }
        passed = {"status": "completed", "conclusion": "success"}
        self.told["actions/runs/1"] = {**of_run, **passed}
        self.told[f"actions/workflows/{workflow}/runs"] = {"workflow_runs": [self.told["actions/runs/1"]]}
        self.told["actions/runs/1/jobs"] = {"jobs": [{"name": name, **passed} for name in names]}
        described = [{"id": int(sbom), "name": "sbom", "expired": False}] if sbom else []
        self.told["actions/runs/1/artifacts"] = {"artifacts": described}
        for artifact in re.findall(r"artifact-id=(\d+)", output):
            self.told[f"actions/artifacts/{artifact}"] = {"expired": False, "workflow_run": {"id": 1}}

    @property
    def started(self) -> list[dict[str, Any]]:
        """The requests to start a workflow: the address, the token, and the content."""
        return [
            {"path": request.path, "authorization": request.headers["authorization"], **json.loads(request.body)}
            for request in self.asked
            if request.path.endswith("/dispatches")
        ]


def runner_environment(folder: Path, wheel: Path) -> dict[str, str]:
    """Make a virtual environment with the packages in the lock, and return the variables of a runner that has it.

    Its pip is replaced by uv, which finds out faster that all packages are installed.
    """
    digest = File.of(wheel).sha256
    lock = folder.with_suffix(".txt")
    lock.write_text(rendered(version("nox-ship"), lambda _: (digest,)), "utf-8")
    found = ["--find-links", str(wheel.parent), "--require-hashes"]
    subprocess.run([uv(), "venv", "--quiet", "--seed", "--python", sys.executable, str(folder)], check=True)
    install = [uv(), "pip", "install", "--quiet", "--python", str(folder), *found, "--requirement", str(lock)]
    subprocess.run(install, check=True)
    python = str(folder / "bin" / "python")
    again = [python, "-m", "pip", "install", "--quiet", *found, "--only-binary", ":all:", "--requirement", str(lock)]
    subprocess.run(again, check=True)  # pip accepts this lock; in the jobs, uv checks that everything is installed
    where = [python, "-c", "import pip; print(pip.__path__[0])"]
    pip = subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip()
    Path(pip, "__main__.py").unlink()  # it may be a hard link to a file in uv's cache
    Path(pip, "__main__.py").write_text(_PIP.format(uv=uv()), "utf-8")
    links = " ".join(filter(None, [str(wheel.parent), os.environ.get("PIP_FIND_LINKS")]))
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_FIND_LINKS": links,
        "NOX_SCRIPT_MODE": "none",
    }
