"""Kill real releases at any moment, run the same command again, and check that the result is one whole release.

Usage: python benchmarks/killed_anywhere.py [N] [--seed SEED] [--no-steps]

Each case is a release of a small project to a git server, a package index (TLS, API tokens) and a GitHub on this
machine. Its whole process group is killed with SIGKILL: in one case at each step's end and one at each step's start,
then in N cases at random moments. Then the same command runs again, after which the following must be true: there is
one new commit and one new tag, and the tag is on that commit; the index has exactly the files of the manifest, with its
hashes; the forge has one release, published with these files, the manifest and the checksums; the branch is the same
here and on the remote; the checkout is clean; nothing is left running. The last line gives the seed that repeats a run.

A release that a workflow cuts is also killed N times: in the job that makes commit and tag, or in the one that pushes
them. The killed job runs again, and then the one after it: branch and tag must be on the remote, one commit on top of
the previous one, and the workflow must have been started on the tag.

A release by pull request is also killed N times, twice each: while it is proposed, and while it is finished after
somebody has merged it by a squash. After the second run, there must be one open pull request for one commit, and no
tag; after the fourth, everything that must be true of any other release.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

import failing_forge  # noqa: E402 - the path above leads there
from acting import tags  # noqa: E402
from failing_index import FailingIndex  # noqa: E402 - the path above leads there
from nox_ship.release import pipeline  # noqa: E402
from runner import TOKEN, Forge  # noqa: E402
from workbench import GOOD, Bench, make_bench  # noqa: E402

STEPS = tuple(step.name for step in pipeline.STEPS)
COMMAND = ("-m", "nox", "-s", "release", "--", "patch", "--yes")
LONGEST_SECONDS = 120
AT_ONCE = 2
"""How many cases run at a time: half of a release is waiting."""


@dataclass(frozen=True)
class Moment:
    """When a release is killed."""

    name: str
    after_step: str | None = None
    """The step to wait for; None for the start of the command."""
    seconds: float = 0.0
    """The delay after that, in seconds."""


@contextlib.contextmanager
def git_server(folder: Path) -> Iterator[str]:
    """Serve the repositories in ``folder`` from a separate process, as a real server does; yield their address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--export-all", "--enable=receive-pack", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    server = subprocess.Popen(
        ["git", "daemon", *options, f"--base-path={folder}", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(10)


def run(
    bench: Bench, env: dict[str, str], moment: Moment | None, command: Sequence[str] = COMMAND
) -> tuple[int, str, float]:
    """Run a command, kill it at ``moment``, and return exit code, output and its run time in seconds."""
    begun = time.monotonic()
    running = subprocess.Popen(
        [sys.executable, *command],
        cwd=bench.root,
        env=bench.environment({**env, "PYTHONUNBUFFERED": "1"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    ended = {step: threading.Event() for step in STEPS}
    lines: list[str] = []

    def read() -> None:
        for line in running.stdout or ():
            lines.append(line)
            for step in STEPS:
                if line.startswith(f"done    {step}"):
                    ended[step].set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    if moment is not None:
        if moment.after_step:
            while not ended[moment.after_step].wait(0.002) and running.poll() is None:
                pass
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(moment.seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    try:
        code = running.wait(LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        lines += [f"--- still running: {command[:200]}\n" for command in bench.processes(0)]
        os.killpg(running.pid, signal.SIGKILL)
        code = running.wait()
    reader.join(10)
    return code, "".join(lines), time.monotonic() - begun


def problems(bench: Bench, index: FailingIndex, page: failing_forge.FailingForge, before: str) -> Iterator[str]:
    """Yield what is wrong after the second run."""
    subjects = bench.git("log", "--format=%s", f"{before}..HEAD").splitlines()
    if subjects != ["Release 1.2.4"]:
        yield f"commits since then: {subjects}"
    head = bench.git("rev-parse", "HEAD")
    if bench.git("tag") != "v1.2.4" or bench.git("rev-parse", "v1.2.4^{commit}") != head:
        yield f"tags: {bench.git('for-each-ref', 'refs/tags')}"
    listing = (line.split("\t") for line in bench.git("ls-remote", "origin").splitlines())
    remote = {name: commit for commit, name in listing}
    expected = {"HEAD", "refs/heads/main", "refs/tags/v1.2.4", "refs/tags/v1.2.4^{}"}
    if set(remote) != expected or remote["refs/heads/main"] != head or remote["refs/tags/v1.2.4^{}"] != head:
        yield f"the remote has {remote}"
    manifest = json.loads(next(bench.cache.glob("*/stage/.nox-ship/manifest.json")).read_text("utf-8"))
    files = {file["name"]: file["sha256"] for file in manifest["files"]}
    if index.files() != files:
        yield f"the index holds {index.files()}"
    attached = page.files("v1.2.4")
    others = {attached.pop(name, "") for name in ("manifest.json", "SHA256SUMS", "sample-1.2.4.cdx.json")}
    if len(page.releases) != 1 or page.page("v1.2.4")["draft"] or attached != files or not all(others):
        yield f"the forge has {page.releases}"
    if manifest["commit"] != head:
        yield "the manifest is of another commit"
    if status := bench.git("status", "--porcelain"):
        yield f"the checkout is not clean: {status}"


def try_out(folder: Path, moment: Moment) -> tuple[list[str], float]:
    """Run one case; return what went wrong, and the run time of the first run in seconds."""
    with laid_out(folder) as (bench, index, page, env):
        before = bench.git("rev-parse", "HEAD")
        _, first, seconds = run(bench, env, moment)
        found = [f"left running: {command[:200]}" for command in left_running(bench)]
        code, second, _ = run(bench, env, None)
        if code:
            found.append(f"the second run ended with {code}")
        found += problems(bench, index, page, before) if not code else []
        found += [f"left running afterwards: {command[:200]}" for command in left_running(bench)]
    if found:
        found += ["--- first run", first, "--- second run", second]
    return found, seconds


@contextlib.contextmanager
def laid_out(
    folder: Path, more: str = ""
) -> Iterator[tuple[Bench, FailingIndex, failing_forge.FailingForge, dict[str, str]]]:
    """Yield a project with its remote, index and forge, and the environment of somebody who may release it."""
    with FailingIndex(folder / "index") as index, failing_forge.FailingForge() as page:
        files = {**GOOD, "pyproject.toml": f"{GOOD['pyproject.toml']}{more}\n{index.settings()}"}
        bench = make_bench(folder, files)
        with git_server(folder) as address:
            (folder / "acme").mkdir()
            (folder / "acme" / "sample.git").symlink_to(folder / "remote.git")
            bench.git("remote", "set-url", "origin", f"{address}/acme/sample.git")
            page.commits = lambda: tags(bench)
            keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
            there = {
                "GITHUB_SERVER_URL": "http://127.0.0.1",
                "GITHUB_API_URL": page.url,
                "GH_TOKEN": failing_forge.TOKEN,
            }
            yield bench, index, page, {**index.environment(), **keyring, **there, "PYPI_API_TOKEN": index.new_token()}


def try_out_proposed(folder: Path, first: Moment, then: Moment) -> tuple[list[str], tuple[float, float]]:
    """Run a release by a pull request; return what went wrong, and the seconds until its proposal and its end."""
    with laid_out(folder, 'delivery = "pull-request"\n') as (bench, index, page, env):
        before = bench.git("rev-parse", "HEAD")
        told: list[str] = []

        def release(moment: Moment | None) -> tuple[int, float]:
            code, output, seconds = run(bench, env, moment)
            told.extend((f"--- ended with {code}", output))
            told.extend(f"left running: {command[:200]}" for command in left_running(bench))
            return code, seconds

        _, proposing = release(first)
        code, _ = release(None)
        found = [f"the second run ended with {code}"] if code else list(not_proposed(bench, index, page, before))
        if found:
            return [*found, *told], (proposing, 0.0)
        merge(bench, page, folder / "other")
        _, finishing = release(then)
        code, _ = release(None)
        found = [f"the fourth run ended with {code}"] if code else list(problems(bench, index, page, before))
        found += [line for line in told if line.startswith("left running")]
        return ([*found, *told] if found else []), (proposing, finishing)


def not_proposed(bench: Bench, index: FailingIndex, page: failing_forge.FailingForge, before: str) -> Iterator[str]:
    """Yield what does not hold of a proposal."""
    remote = dict(line.split("\t")[::-1] for line in bench.git("ls-remote", "origin").splitlines())
    if set(remote) != {"HEAD", "refs/heads/main", "refs/heads/release/v1.2.4"} or remote["refs/heads/main"] != before:
        yield f"the remote has {remote}"
        return
    bench.git("fetch", "--quiet", "origin", "release/v1.2.4")
    if bench.git("rev-parse", "FETCH_HEAD^") != before:
        yield "the proposal is not one commit on top of what was there"
    if [(pull["state"], pull["head"]["ref"]) for pull in page.pulls.values()] != [("open", "release/v1.2.4")]:
        yield f"the forge has {page.pulls}"
    if index.files() or page.releases or bench.git("tag") or bench.git("rev-parse", "HEAD") != before:
        yield "more than a proposal was written"


def merge(bench: Bench, page: failing_forge.FailingForge, other: Path) -> None:
    """Merge the proposal by a squash, as a forge does, and update the checkout."""

    def git(*args: str) -> str:
        identity = ("-c", "user.name=Other", "-c", "user.email=other@sample.example")
        command = ["git", *identity, "-C", str(other), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    other.mkdir()
    git("clone", "--quiet", str(bench.remote), ".")
    git("merge", "--quiet", "--squash", "origin/release/v1.2.4")
    git("commit", "--quiet", "--message", "Release 1.2.4")
    git("push", "--quiet", "origin", "HEAD:main", ":release/v1.2.4")
    (pull,) = page.pulls.values()
    pull.update(state="closed", merged_at="2026-01-05T12:00:00Z", merge_commit_sha=git("rev-parse", "HEAD"))
    bench.git("pull", "--quiet", "--ff-only", "--prune", "origin", "main")


def try_out_cut(folder: Path, seconds: float) -> tuple[list[str], float]:
    """Cut a release as a workflow does, kill it after some seconds; return what went wrong, and how long it took."""
    bench = make_bench(folder)
    outputs, file = folder / "outputs", bench.root / ".nox-ship" / "release.bundle"
    outputs.touch()
    with git_server(folder) as address, Forge() as forge:
        config = folder / "gitconfig"
        config.write_text(f'[url "{address}/remote.git"]\n\tinsteadOf = https://github.com/acme/sample\n', "utf-8")
        onto = bench.git("rev-parse", "HEAD")
        env = {
            "GIT_CONFIG_GLOBAL": str(config),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_API_URL": forge.url,
            "GITHUB_REPOSITORY": "acme/sample",
            "GITHUB_WORKFLOW_REF": "acme/sample/.github/workflows/release.yml@refs/heads/main",
            "GITHUB_RUN_ID": "1",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": onto,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_OUTPUT": str(outputs),
        }
        told: list[str] = []

        def job(moment: Moment | None, *command: str) -> tuple[int, float]:
            code, output, took = run(bench, env, moment, command)
            told.extend((f"--- {' '.join(command[:4])} ended with {code}", output))
            return code, took

        def cut(moment: Moment | None) -> tuple[int, float]:
            return job(moment, "-m", "nox", "-s", "release", "--", "patch", "--bundle", str(file))

        def push(moment: Moment | None) -> tuple[int, float]:
            made = dict(line.split("=", 1) for line in outputs.read_text("utf-8").splitlines())
            values = {**made, "onto": onto, "branch": "main"}
            options = [f"--{name}={values[name]}" for name in ("onto", "branch", "commit", "tag", "tag-object")]
            return job(moment, "-m", "nox_ship", "push", str(file), *options)

        killed, took = cut(Moment("", None, seconds))
        code = cut(None)[0] if killed else push(Moment("", None, max(seconds - took, 0)))[0]
        found = [f"left running: {command[:200]}" for command in left_running(bench)]
        if killed or code:
            code = push(None)[0]
        if code:
            return [f"the second push ended with {code}", *told], took
        listing = dict(line.split("\t")[::-1] for line in bench.git("ls-remote", "origin").splitlines())
        bench.git("fetch", "--quiet", "origin", "main", "refs/tags/v1.2.4:refs/tags/v1.2.4")
        if (
            bench.git("rev-parse", "v1.2.4^{commit}^") != onto
            or listing["refs/heads/main"] != listing["refs/tags/v1.2.4^{}"]
        ):
            found.append(f"the remote has {listing}")
        if not forge.started or any(start["ref"] != "refs/tags/v1.2.4" for start in forge.started):
            found.append(f"started: {forge.started}")
    return ([*found, *told] if found else []), took


def left_running(bench: Bench) -> list[str]:
    """Return the processes of a case, except the git server."""
    return bench.processes(5, beside="daemon")


def moments(number: int, chance: random.Random, longest: float, *, steps: bool) -> Iterator[Moment]:
    """Yield the moments of a run, which depend only on the seed."""
    if steps:
        for earlier, step in zip((None, *STEPS), STEPS, strict=False):
            yield Moment(f"start of {step}", earlier, chance.uniform(0.005, 0.03))
            yield Moment(f"end of {step}", step)
    for _ in range(number):
        seconds = chance.uniform(0, longest)
        yield Moment(f"after {seconds:.2f} s", None, seconds)


def survived(case: Callable[[Path], tuple[list[str], object]], folder: Path, name: str) -> bool:
    """Run a case in a folder of its own, print how it ended, and return whether nothing went wrong."""
    try:
        trouble, _ = case(Path(tempfile.mkdtemp(dir=folder)))
    except Exception:  # noqa: BLE001 - the other cases go on, and the last line counts this one
        trouble = [traceback.format_exc()]
    print("\n".join([f"{'ok    ' if not trouble else 'FAILED'} {name}", *trouble]), flush=True)
    return not trouble


def main() -> int:
    """Run the cases and print how many survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("number", nargs="?", type=int, default=50, help="cases at random moments")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="repeats the random moments")  # noqa: S311
    parser.add_argument("--no-steps", action="store_true", help="leave out the kills at starts and ends of steps")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="killed-") as base:
        folder = Path(base)
        trouble, longest = try_out(Path(tempfile.mkdtemp(dir=folder)), Moment("never", None, LONGEST_SECONDS))
        if trouble:
            print("\n".join(["A release that is not killed fails:", *trouble]))
            return 1
        _, longest_cut = try_out_cut(Path(tempfile.mkdtemp(dir=folder)), LONGEST_SECONDS)
        never = Moment("never", None, LONGEST_SECONDS)
        trouble, (proposing, finishing) = try_out_proposed(Path(tempfile.mkdtemp(dir=folder)), never, never)
        if trouble:
            print("\n".join(["A release by a pull request that is not killed fails:", *trouble]))
            return 1
        chance = random.Random(options.seed)  # noqa: S311 - repeatable on purpose
        with ThreadPoolExecutor(AT_ONCE) as cases:
            results = [
                cases.submit(survived, partial(try_out, moment=moment), folder, moment.name)
                for moment in moments(options.number, chance, longest, steps=not options.no_steps)
            ]
            for _ in range(options.number):
                seconds = chance.uniform(0, 1.5 * longest_cut)
                case = partial(try_out_cut, seconds=seconds)
                results.append(cases.submit(survived, case, folder, f"a cut, after {seconds:.2f} s"))
            for _ in range(options.number):
                first, then = chance.uniform(0, proposing), chance.uniform(0, finishing)
                proposal = partial(try_out_proposed, first=Moment("", None, first), then=Moment("", None, then))
                name = f"a pull request, after {first:.2f} s and {then:.2f} s"
                results.append(cases.submit(survived, proposal, folder, name))
        good = sum(result.result() for result in results)
    print(f"survived {good} of {len(results)} (seed {options.seed})")
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
