"""Real releases to a bare remote and an index with TLS, made by real nox, git, build, twine and uv."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from failing_index import FailingIndex, Faults, api_token
from nox_ship.process import uv
from releasing import NO_KEYRING, SDIST, WHEEL, assert_released, laptop, release, remote_refs, with_index
from workbench import Bench, Outcome, hatched, make_bench

ARRIVALS = """\
#!/bin/sh
[ "$1" != committed ] || echo $(sed 's/^[^ ]* [^ ]* //' | sort) >> {file}
"""
"""A hook of the remote that records which refs change together."""


@dataclass(frozen=True)
class Made:
    """A release that was rehearsed with an expired token, and then made with a good one."""

    bench: Bench
    index: FailingIndex
    rehearsed: Outcome
    commit: str
    released: Outcome
    expired: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Rehearse a release, then make it; afterwards none of its processes may be running."""
    folder, expired = tmp_path_factory.mktemp("made"), api_token("127.0.0.1", [0, 1, 0])
    with FailingIndex(folder / "index") as index:
        files = hatched(with_index(index))
        bench = make_bench(folder, {**files, "pyproject.toml": files["pyproject.toml"].replace("[]", '["tests"]')})
        hook = bench.remote / "hooks" / "reference-transaction"
        hook.write_text(ARRIVALS.format(file=folder / "arrivals.txt"), "utf-8")
        hook.chmod(0o755)
        rehearsed = bench.rehearse(env=laptop(index, PYPI_API_TOKEN=expired))
        assert rehearsed.code == 0, rehearsed.output
        assert index.tried == index.uploads == []
        commit = bench.report()["commit"]
        yield Made(bench, index, rehearsed, commit, release(bench, index), expired)
    assert bench.processes() == []


def test_a_rehearsal_tells_what_the_release_would_meet(made: Made) -> None:
    """A rehearsal warns of an expired token without sending it, and shows what a release would upload."""
    assert made.rehearsed.has("warning: NS722", "would upload  sample-1.2.4.tar.gz → PyPI")


def test_a_release_is_made(made: Made) -> None:
    """A release pushes the rehearsed commit and its tag together, and publishes the files that were tested."""
    bench, index, outcome = made.bench, made.index, made.released
    assert outcome.code == 0, outcome.output
    assert_released(bench, index)
    assert outcome.has("the clone of an earlier run", "3 reused")
    assert bench.git("rev-parse", "HEAD") == made.commit
    assert bench.git("cat-file", "-t", "v1.2.4") == "tag"
    assert outcome.has("credentials  PYPI_API_TOKEN", "works on Python", "sample 1.2.4 is released.")
    assert outcome.has("neither PyPI nor the history has a release before 1.2.4")
    assert [upload.filename for upload in index.uploads] == [WHEEL, SDIST]
    arrived = (bench.root.parent / "arrivals.txt").read_text("utf-8").splitlines()
    assert [line.removeprefix("HEAD ") for line in arrived] == ["refs/heads/main refs/tags/v1.2.4"]


def test_a_release_that_was_made_lacks_nothing(made: Made) -> None:
    """After a release, the same command, its rehearsal and `status` find nothing missing; a typo is still refused."""
    bench, index = made.bench, made.index
    again = bench.nox(
        "-s", "release", "--", "patch", "--report", "../report.json", env={**index.environment(), **NO_KEYRING}
    )
    assert again.code == 0, again.output
    assert again.has("NS223", "was already released, and nothing was missing")
    report = bench.report()
    assert json.loads((bench.root.parent / "report.json").read_text("utf-8")) == report
    outcome = bench.rehearse(env=laptop(index, PYPI_API_TOKEN=made.expired))
    assert outcome.code == 0, outcome.output
    assert outcome.has("NS223", "v1.2.4 is already released, and nothing is missing")
    assert "would upload" not in outcome.output
    assert bench.rehearse("pach", env=laptop(index)).has("NS302", "Did you mean patch")
    told = bench.nox("-s", "status", env=laptop(index))
    assert told.has("v1.2.4, the last commit", "1.2.4 is the newest of 1", "Next: nothing"), told.output
    assert_released(bench, index)
    assert len(index.uploads) == 2


def test_a_release_is_verified_and_built_again(made: Made) -> None:
    """What was published is verified, and another build of it makes the same files."""
    bench, index = made.bench, made.index
    verified = bench.nox("-s", "verify-published", env=index.environment())
    assert verified.code == 0, verified.output
    assert verified.has("compared with the manifest of its release; it works")
    rebuilt = bench.nox("-s", "verify-published", "--", "1.2.4", "--rebuild", env=index.environment())
    assert rebuilt.code == 0, rebuilt.output
    assert rebuilt.has(
        "from v1.2.4, with hatchling==", "(recorded)", "py3-none-any.whl: identical", "tar.gz: identical"
    )
    assert not rebuilt.has("NS795")
    twice = bench.nox("-s", "build", "--", "--twice")
    assert twice.code == 0, twice.output
    assert twice.has("a second build made the same files")


@pytest.mark.parametrize(
    "changelog", [pytest.param("", marks=pytest.mark.exhaustive), "# Changes\n\n## Unreleased\n\n- a\n"]
)
def test_a_version_that_nobody_has_released_is_released(bench: Bench, index: FailingIndex, changelog: str) -> None:
    """The first release may have the version that the files already state; only a changelog needs a commit then."""
    if changelog:
        bench.write({"CHANGELOG.md": changelog})
        bench.commit()
    before = bench.git("rev-parse", "HEAD")
    outcome = bench.nox("-s", "release", "--", "1.2.3", "--yes", env=laptop(index))
    assert outcome.code == 0, outcome.output
    assert sorted(index.files()) == ["sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"]
    head = bench.git("rev-parse", "HEAD")
    assert bench.git("rev-parse", "v1.2.3^{commit}") == head
    assert bench.git("ls-remote", "origin", "refs/tags/v1.2.3^{}").split()[0] == head
    assert (head == before) == (not changelog)
    assert bench.git("status", "--porcelain") == ""
    again = bench.nox("-s", "release", "--", "1.2.3", "--yes", env=laptop(index))
    assert again.has("NS223", "was already released, and nothing was missing"), again.output
    assert len(index.uploads) == 2


def test_a_password_that_the_index_refuses_stops_a_release_before_its_push(bench: Bench, index: FailingIndex) -> None:
    """Credentials that the index refuses stop a release before its push, and nothing is changed or uploaded."""
    before, refs = bench.snapshot(), remote_refs(bench)
    env = {"TWINE_USERNAME": "me", "TWINE_PASSWORD": "wrong-password"}
    outcome = release(bench, index, **env)
    assert outcome.code == 1
    assert outcome.has("NS765", "PyPI refused the credentials from TWINE_PASSWORD", "Nothing was changed")
    assert "wrong-password" not in outcome.output
    assert release(bench, index, PYPI_API_TOKEN=api_token()).has("NS721", "Nothing was changed")
    assert (bench.snapshot(), remote_refs(bench), index.uploads) == (before, refs, [])
    assert index.tried[0].password == "wrong-password"


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(status="archived"), "NS770"),
        pytest.param(Faults(status="quarantined", formats=("html",)), "NS771", marks=pytest.mark.exhaustive),
        pytest.param(Faults(projects=("Samp1e",)), "NS727", marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.parametrize("workflow", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_what_an_index_would_refuse_stops_a_release_before_its_push(
    bench: Bench, index: FailingIndex, faults: Faults, expected: str, workflow: bool
) -> None:
    """What an index would refuse stops a rehearsal and a release, even if a workflow would upload; nothing changes."""
    if workflow:
        steps = "{steps: [{uses: pypa/gh-action-pypi-publish@release/v1}]}"
        bench.write({".github/workflows/publish.yml": f"on: {{push: {{tags: [v*]}}}}\njobs: {{publish: {steps}}}\n"})
        bench.commit()
        bench.git("push", "--quiet", "origin", "main")
    if faults.status:  # NS770 and NS771 are about a project that exists
        index.packages.joinpath("sample-1.0.tar.gz").write_bytes(b"old")
    index.faults = faults
    before, refs = bench.snapshot(), remote_refs(bench)
    for outcome in (bench.rehearse(env=laptop(index)), release(bench, index)):
        assert outcome.code == 1
        assert outcome.has(expected, "Nothing was"), outcome.output
    assert (bench.snapshot(), remote_refs(bench), index.uploads) == (before, refs, [])


@pytest.mark.exhaustive
def test_half_an_upload_is_finished_from_the_same_files(bench: Bench, index: FailingIndex) -> None:
    """A half-finished upload is completed with the files built before; if the index is closed, NS772 says so first."""
    assert release(bench, index).code == 0
    sdist = index.packages / SDIST
    sha256 = index.files()[SDIST]
    sdist.unlink()
    index.faults = Faults(age=15)
    sent = len(index.uploads)
    words = "PyPI accepts no more files for sample 1.2.4: the first came on"
    for session in ("release -- patch", "release -- patch --dry-run", "verify-published", "doctor"):
        outcome = bench.nox("-s", *session.split(), env=laptop(index))
        assert outcome.has("NS772", words, f"it lacks {SDIST}"), outcome.output
        assert (outcome.code == 0) is (session == "doctor")
    assert len(index.uploads) == sent
    index.faults = Faults()
    outcome = release(bench, index)
    assert outcome.has("1 uploaded, 1 already there", "sample 1.2.4 is released.")
    assert index.files()[SDIST] == sha256


def test_a_release_goes_on_where_the_index_refused(bench: Bench, index: FailingIndex, tmp_path: Path) -> None:
    """After a refused upload, the command that `status` names publishes the release, even if somebody pushed since."""
    index.faults = Faults(refuse=(403, "The user 'x' isn't allowed to upload to project 'sample'."))
    outcome = release(bench, index)
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS724", "Already public: main on origin, v1.2.4 on origin. Run the same command again")
    bench.git("clone", "--quiet", str(bench.remote), str(tmp_path / "other"))
    other = Bench(tmp_path / "other", bench.remote, tmp_path / "cache-2")
    other.git("config", "user.name", "Other")
    other.git("config", "user.email", "other@example.invalid")
    other.write({"more.txt": ""})
    other.commit()
    index.faults = Faults()
    told = bench.nox("-s", "status", env=laptop(index))
    assert told.code == 0, told.output
    assert told.has("v1.2.4 is incomplete", "publish: PyPI lacks", "Next: nox -s release -- 1.2.4 ("), told.output
    again = bench.nox("-s", "release", "--", "1.2.4", "--yes", env=laptop(index))
    assert again.code == 0, again.output
    assert again.has("2 reused", "sample 1.2.4 is released.")
    assert sorted(index.files()) == [WHEEL, SDIST]
    assert bench.git("tag") == "v1.2.4"
    assert bench.git("log", "--format=%s") == "Release 1.2.4\nchange"
    told = bench.nox("-s", "status", env=laptop(index))
    assert told.has("v1.2.4 is complete", "Next: git pull --ff-only"), told.output


def protect(bench: Bench) -> None:
    hook = bench.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase $1 in refs/heads/*) echo "GH006: protected branch"; exit 1;; esac\n', "utf-8")
    hook.chmod(0o755)


def refuse_by_hook(bench: Bench) -> None:
    hook = bench.root / ".git" / "hooks" / "pre-push"
    hook.write_text("#!/bin/sh\nenv > ../hook.txt\necho no push today\nexit 1\n", "utf-8")
    hook.chmod(0o755)


def protect_tags(bench: Bench) -> None:
    hook = bench.remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\ngrep refs/tags && echo tags are protected && exit 1\nexit 0\n", "utf-8")
    hook.chmod(0o755)


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (protect, "in a pull request instead"),
        pytest.param(protect_tags, "tags are protected", marks=pytest.mark.exhaustive),
    ],
)
def test_a_refused_push_changes_nothing(
    bench: Bench, index: FailingIndex, prepare: Callable[[Bench], None], words: str
) -> None:
    """If the remote or a pre-push hook refuses the push, nothing is changed, and NS231 shows the reason."""
    prepare(bench)
    before = bench.snapshot()
    outcome = release(bench, index)
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS231", words, "Nothing was changed")
    assert bench.snapshot() == before
    refuse_by_hook(bench)
    environment = laptop(index, TWINE_PASSWORD=index.new_token(), ACTIONS_ID_TOKEN_REQUEST_TOKEN="planted")
    outcome = bench.nox("-s", "release", "--", "patch", "--yes", env=environment)
    assert outcome.code == 1
    assert outcome.clean
    assert outcome.has("NS231", "no push today", "Nothing was changed")
    assert bench.snapshot() == before
    assert index.uploads == []
    seen = (bench.root.parent / "hook.txt").read_text("utf-8")
    assert not [v for n, v in environment.items() if n.endswith(("TOKEN", "PASSWORD")) and v in seen]
    assert "PATH=" in seen


def test_of_two_machines_the_loser_changes_nothing(bench: Bench, index: FailingIndex, tmp_path: Path) -> None:
    """If two checkouts release at the same time, one release is made and the other checkout is unchanged."""
    other_root = tmp_path / "other"
    bench.git("clone", "--quiet", str(bench.remote), str(other_root))
    other = Bench(other_root, bench.remote, tmp_path / "other-cache")
    other.git("config", "user.name", "Other")
    other.git("config", "user.email", "other@example.invalid")
    before = {run: run.git("rev-parse", "HEAD") for run in (bench, other)}
    outcomes: dict[Bench, Outcome] = {}

    def run(which: Bench) -> None:
        outcomes[which] = release(which, index)

    threads = [threading.Thread(target=run, args=(which,)) for which in (bench, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner, loser = sorted(outcomes, key=lambda which: outcomes[which].code)
    assert (outcomes[winner].code, outcomes[loser].code) == (0, 1), [o.output for o in outcomes.values()]
    assert_released(winner, index)
    assert loser.git("rev-parse", "HEAD") == before[loser]
    assert loser.git("status", "--porcelain") == ""
    assert loser.git("tag") == ""
    assert outcomes[loser].has("NS231") or outcomes[loser].has("NS221")


def sign(bench: Bench) -> None:
    """Make the user's git sign commits and tags."""
    key, signers = bench.root.parent / "key", bench.root.parent / "signers"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    signers.write_text(f"tester@example.invalid {key.with_suffix('.pub').read_text('utf-8')}", "utf-8")
    for setting in (
        "gpg.format ssh",
        f"user.signingkey {key}",
        "tag.gpgsign true",
        "commit.gpgsign true",
        f"gpg.ssh.allowedsignersfile {signers}",
    ):
        bench.git("config", *setting.split(" ", 1))


def test_the_checkout_may_be_worked_in_meanwhile(bench: Bench, index: FailingIndex) -> None:
    """A checkout that cannot be fast-forwarded is left as it is (NS234), and the release has the user's signature."""
    sign(bench)
    hook = bench.remote / "hooks" / "post-receive"
    readme = bench.root / "pyproject.toml"
    hook.write_text(f"#!/bin/sh\necho '# mine' >> {readme}\n", "utf-8")
    hook.chmod(0o755)
    outcome = release(bench, index)
    assert outcome.code == 0, outcome.output
    assert outcome.has("NS234", "git pull --ff-only")
    assert sorted(index.files()) == [WHEEL, SDIST]
    assert readme.read_text("utf-8").endswith("# mine\n")
    bench.git("checkout", "--quiet", "pyproject.toml")
    assert release(bench, index).has("was already released")
    assert_released(bench, index)
    bench.git("verify-tag", "v1.2.4")
    bench.git("verify-commit", "HEAD")


def test_a_workflow_publishes_what_the_tag_starts(tmp_path: Path, index: FailingIndex) -> None:
    """If a workflow publishes tags, the release ends with its push, and the output says how to follow the workflow."""
    workflow = "on:\n  push:\n    tags: ['v*']\njobs:\n  publish:\n    steps:\n      - run: nox -s publish\n"
    bench = make_bench(tmp_path, with_index(index))
    bench.git("tag", "--annotate", "--message", "1.2.3", "v1.2.3")
    bench.git("push", "--quiet", "origin", "v1.2.3")
    bench.write({".github/workflows/ship.yml": workflow})
    bench.commit()
    outcome = bench.nox("-s", "release", "--", "patch", "--yes", env={**index.environment(), **NO_KEYRING})
    assert outcome.code == 0, outcome.output
    assert outcome.has("since 1.2.3 (built from v1.2.3): ")
    assert outcome.has("left to ship.yml", "gh run watch", "sample 1.2.4 is pushed; ship.yml publishes it.")
    assert index.uploads == []
    assert bench.git("ls-remote", "origin", "refs/tags/v1.2.4") != ""
    again = bench.nox("-s", "release", "--", "patch", env={**index.environment(), **NO_KEYRING})
    assert again.code == 0
    assert again.has("was already released")


def test_planted_tokens_are_nowhere(tmp_path: Path, index: FailingIndex) -> None:
    """No token appears in any output, report, manifest, log, leftover file or process argument."""
    bench = make_bench(tmp_path, with_index(index, "attestations = false\n"))
    home = tmp_path / "home"
    home.mkdir()
    planted = {"TWINE_PASSWORD": index.new_token(), "TEST_PYPI_API_TOKEN": index.new_token()}
    (home / ".pypirc").write_text(f"[pypi]\nusername = __token__\npassword = {index.new_token()}\n", "utf-8")
    cache = subprocess.run([uv(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    commands: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        seen = Counter[Path]()
        while not ended.is_set():
            for path in Path("/proc").glob("[0-9]*"):
                if seen[path] < 5:  # by then it has started its program
                    seen[path] += 1
                    with contextlib.suppress(OSError):
                        commands.add((path / "cmdline").read_text("utf-8", "replace").replace("\0", " "))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    told = ""
    for environment in ({**index.job()}, {**index.environment(), **planted}, {**index.environment()}):
        more = {"HOME": str(home), "UV_CACHE_DIR": cache, **NO_KEYRING}
        index.faults = Faults(refuse=(403, "")) if not told else Faults()
        told += bench.nox("-s", "release", "--", "patch", "--yes", "--verbose", env={**more, **environment}).output
    ended.set()
    watcher.join()
    assert_released(bench, index)
    secrets = {*index.tokens, *index.minted, *index.identities, index.request_token}
    assert len(secrets) >= 5
    assert any("world/upload.py" in command for command in commands)
    left = [path for root in (bench.cache, bench.root) for path in root.rglob("*") if path.is_file()]
    assert left
    texts = [told, *commands, *(path.read_bytes().decode(errors="replace") for path in left)]
    assert not [text[:200] for text in texts if any(secret in text for secret in secrets)]
