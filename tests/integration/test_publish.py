"""The publish sessions: routes, credentials, and everything that must stop them before an upload."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from failing_index import HOST, FailingIndex, Faults, api_token
from nox_ship import publishing
from nox_ship.package.manifest import File, Manifest
from nox_ship.project import Project
from releasing import NO_KEYRING, serve_last
from workbench import PYTHON, QUICK, Bench, Here, Outcome, copy_of, make_bench


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FailingIndex, FailingIndex]]:
    """Return indexes that replace PyPI and TestPyPI."""
    folder = tmp_path_factory.mktemp("indexes")
    with FailingIndex(folder / "pypi") as pypi, FailingIndex(folder / "testpypi") as testpypi:
        # Clients trust one file of certificates, so it must serve both servers.
        pypi.trust(testpypi)
        yield pypi, testpypi


@pytest.fixture
def index(indexes: tuple[FailingIndex, FailingIndex]) -> FailingIndex:
    """Return an empty index that replaces PyPI."""
    indexes[0].reset()
    return indexes[0]


@pytest.fixture
def trial_index(indexes: tuple[FailingIndex, FailingIndex]) -> FailingIndex:
    """Return an empty index that replaces TestPyPI."""
    indexes[1].reset()
    return indexes[1]


def project(folder: Path, index: FailingIndex, trial_index: FailingIndex) -> Bench:
    """Make a project with both indexes, and with indexes of its own."""
    names = {"pypi": index, "devpi": index, "own": index, "testpypi": trial_index}
    settings = "\n".join(made.settings(name) for name, made in names.items())
    wait = '[tool.nox-ship.publish]\nwait = 5\ntokens = { own = "RELEASE_TOKEN" }\n'
    return make_bench(folder, {**QUICK, "pyproject.toml": f"{QUICK['pyproject.toml']}\n{settings}\n{wait}"})


@pytest.fixture(scope="session")
def built(indexes: tuple[FailingIndex, FailingIndex], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a project whose release 1.2.3 was built; tests use copies of it."""
    made = project(tmp_path_factory.mktemp("built"), *indexes)
    build(made, "v1.2.3")
    return made


@pytest.fixture
def bench(tmp_path: Path, index: FailingIndex, trial_index: FailingIndex) -> Iterator[Bench]:
    """Return a project with both indexes; afterwards none of its processes may be running."""
    made = project(tmp_path, index, trial_index)
    yield made
    assert made.processes() == []


@pytest.fixture
def ready(tmp_path: Path, built: Bench, index: FailingIndex, trial_index: FailingIndex) -> Iterator[Bench]:  # noqa: ARG001 - emptied
    """Return a project whose release 1.2.3 was built; afterwards none of its processes may be running."""
    made = copy_of(built, tmp_path)
    yield made
    assert made.processes() == []


def alone(bench: Bench, index: FailingIndex, **more: str) -> dict[str, str]:
    """Return the environment of a user whose only credentials are those in ``more``."""
    home = {"HOME": str(bench.root.parent / "home")}
    return bench.environment({**index.environment(), **NO_KEYRING, **home, **more})


def publish(bench: Bench, index: FailingIndex, *args: str, session: str = "publish", **env: str) -> Outcome:
    """Run a publish session without its dependencies, and with no credentials except those in ``env``."""
    before = ["--no-dependencies"] if (bench.root / ".nox-ship" / "manifest.json").exists() else []
    args = ("--", *args) if args else ()
    return bench.nox(*before, "-s", session, *args, env=alone(bench, index, **env))


Publish = Callable[..., Outcome]


@pytest.fixture
def publish_here(here: Here) -> Publish:
    """Return a function that publishes like :func:`publish`, but in this process."""
    indexes = {"publish-prod": "pypi", "publish-test": "testpypi"}

    def run(bench: Bench, index: FailingIndex, *args: str, session: str = "publish", **env: str) -> Outcome:
        def front_end() -> None:
            publishing.publish(Project.read(bench.root), args, session, indexes.get(session))

        return here(alone(bench, index, **env), front_end)

    return run


def build(bench: Bench, tag: str | None = None) -> None:
    """Build the commit, after tagging it if ``tag`` is given."""
    if tag:
        bench.git("tag", "--annotate", "--message", tag, tag)
        bench.git("push", "--quiet", "origin", tag)
    outcome = bench.nox("-s", "build")
    assert outcome.code == 0, outcome.output


@pytest.mark.parametrize("tag", ["v1.3.0-rc.1", pytest.param("v1.3.0rc1", marks=pytest.mark.exhaustive)])
def test_the_version_names_the_route(
    bench: Bench, index: FailingIndex, trial_index: FailingIndex, tag: str, publish_here: Publish
) -> None:
    """A pre-release, in either spelling of its tag, is published to TestPyPI."""
    bench.edit("pyproject.toml", 'version = "1.2.3"', 'version = "1.3.0rc1"')
    bench.commit()
    build(bench, tag)
    outcome = publish_here(bench, index, PYPI_API_TOKEN=index.new_token(), TEST_PYPI_API_TOKEN=trial_index.new_token())
    assert outcome.code == 0, outcome.output
    assert len(trial_index.files()) == 2
    assert index.files() == {}
    assert bench.report()["credentials"] == "TEST_PYPI_API_TOKEN"


def test_a_final_version_goes_to_pypi(
    ready: Bench, index: FailingIndex, trial_index: FailingIndex, publish_here: Publish
) -> None:
    """A final version is published to PyPI by default, and the same files can also be published to TestPyPI."""
    tokens = {"PYPI_API_TOKEN": index.new_token(), "TEST_PYPI_API_TOKEN": trial_index.new_token()}
    outcome = publish(ready, index, **tokens)
    assert outcome.code == 0, outcome.output
    assert len(index.files()) == 2
    assert trial_index.files() == {}
    assert ready.report()["credentials"] == "PYPI_API_TOKEN"
    assert publish_here(ready, index, session="publish-test", **tokens).code == 0
    assert index.files() == trial_index.files()


def test_an_untagged_commit_is_a_development_version(
    bench: Bench, index: FailingIndex, trial_index: FailingIndex, publish_here: Publish
) -> None:
    """An untagged commit is published to TestPyPI as X.Y.Z.devN, N commits after the last tag, and never to PyPI."""
    bench.git("tag", "v1.2.3")
    for name in ("a.txt", "b.txt"):
        bench.write({name: ""})
        bench.commit()
    build(bench)
    assert publish_here(bench, index, "--dry-run", session="publish-prod").has("NS752", "NS754")
    outcome = publish_here(bench, index, PYPI_API_TOKEN=index.new_token(), TEST_PYPI_API_TOKEN=trial_index.new_token())
    assert outcome.code == 0, outcome.output
    assert sorted(trial_index.files()) == ["sample-1.2.4.dev2-py3-none-any.whl", "sample-1.2.4.dev2.tar.gz"]
    assert index.files() == {}
    assert bench.report()["credentials"] == "TEST_PYPI_API_TOKEN"
    assert bench.git("status", "--porcelain") == "?? dist/"
    assert bench.git("tag") == "v1.2.3"


def test_an_index_can_be_picked(ready: Bench, index: FailingIndex, publish_here: Publish) -> None:
    """`--to NAME` publishes to an index of the project's own, with the token in that index's variable."""
    outcome = publish_here(ready, index, "--to", "devpi", DEVPI_API_TOKEN=index.new_token())
    assert outcome.code == 0, outcome.output
    assert len(index.files()) == 2
    assert outcome.has("credentials from DEVPI_API_TOKEN", "is on devpi")


def twine_variables(_: Bench, token: str) -> dict[str, str]:
    return {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token, "PYPI_API_TOKEN": api_token("elsewhere")}


def own_variable(_: Bench, token: str) -> dict[str, str]:
    return {"RELEASE_TOKEN": f"{token}\n"}


def pypirc(bench: Bench, token: str) -> dict[str, str]:
    home = bench.root.parent / "home"
    home.mkdir()
    indexes = tomllib.loads((bench.root / "pyproject.toml").read_text("utf-8"))["tool"]["nox-ship"]["indexes"]
    section = f"[pypi]\nrepository = {indexes['pypi']['upload-url']}\nusername = __token__\npassword = {token}\n"
    (home / ".pypirc").write_text(section, "utf-8")
    return {}


def keyring(bench: Bench, token: str) -> dict[str, str]:
    stub = bench.root.parent / "stub"
    stub.mkdir()
    stub.joinpath("stub_keyring.py").write_text(
        "from keyring.backend import KeyringBackend\n\n\nclass Stub(KeyringBackend):\n    priority = 1\n\n"
        f"    def get_password(self, service, username):\n        return {token!r}\n\n"
        "    def set_password(self, service, username, password):\n        raise AssertionError\n",
        "utf-8",
    )
    return {"PYTHONPATH": str(stub), "PYTHON_KEYRING_BACKEND": "stub_keyring.Stub"}


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (twine_variables, "TWINE_PASSWORD"),
        pytest.param(own_variable, "RELEASE_TOKEN", marks=pytest.mark.exhaustive),
        pytest.param(pypirc, "~/.pypirc", marks=pytest.mark.exhaustive),
        (keyring, "keyring"),
    ],
)
def test_credentials_are_found_in_each_place(
    ready: Bench, index: FailingIndex, place: Callable[[Bench, str], dict[str, str]], kind: str
) -> None:
    """Credentials are found in each place, and the report names the place but never the value."""
    token = index.new_token()
    environment = place(ready, token)
    outcome = publish(ready, index, *(["--to", "own"] if place is own_variable else []), **environment)
    assert outcome.code == 0, outcome.output
    assert {upload.password for upload in index.uploads} == {token}
    assert ready.report()["credentials"] == kind
    assert token not in outcome.output
    assert token not in json.dumps(ready.report())


def change(bench: Bench) -> None:
    with (bench.root / "dist" / "sample-1.2.3.tar.gz").open("ab") as sdist:
        sdist.write(b"x")


def add(bench: Bench) -> None:
    bench.write({"dist/other-1.0.tar.gz": "x"})


def remove(bench: Bench) -> None:
    bench.write({"dist/sample-1.2.3.tar.gz": None})


def edit_manifest(key: str, value: object) -> Callable[[Bench], None]:
    def prepare(bench: Bench) -> None:
        path = bench.root / ".nox-ship" / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), key: value}), "utf-8")

    return prepare


def no_manifest(bench: Bench) -> None:
    (bench.root / ".nox-ship" / "manifest.json").write_text("{}", "utf-8")


def another_commit(bench: Bench) -> None:
    bench.write({"more.txt": ""})
    bench.commit()


def nothing(_: Bench) -> None:
    pass


def unreachable(bench: Bench) -> None:
    text = (bench.root / "pyproject.toml").read_text("utf-8")
    start = text.index("simple-url", text.index("indexes.pypi"))
    end = text.index("\n", start)
    bench.write({"pyproject.toml": f'{text[:start]}simple-url = "https://{HOST}:9/simple/"{text[end:]}'})


def route_of_prereleases(bench: Bench) -> None:
    edit_manifest("version", "1.3.0rc1")(bench)


@pytest.mark.parametrize(
    ("prepare", "args", "token", "expected"),
    [
        (no_manifest, (), "good", ["NS602"]),
        (change, (), "good", ["NS603", "sample-1.2.3.tar.gz"]),
        (add, (), "good", ["NS603", "other-1.0.tar.gz"]),
        (remove, (), "good", ["NS603", "sample-1.2.3.tar.gz"]),
        (edit_manifest("name", "other"), (), "good", ["NS605", "other"]),
        (edit_manifest("commit", "d" * 40), (), "good", ["NS604", "dddddddddd"]),
        (edit_manifest("version", "1.2.2"), (), "good", ["NS604", "1.2.2"]),
        (edit_manifest("tag", "v1.2.4"), (), "good", ["NS604", "v1.2.4"]),
        (another_commit, (), "good", ["NS604"]),
        (edit_manifest("tag", None), (), "good", ["NS752", "no release tag"]),
        (edit_manifest("dirty", True), (), "good", ["NS752", "uncommitted changes"]),
        (nothing, ("--to", "nowhere"), "good", ["NS753", "nowhere", "devpi"]),
        (nothing, ("--to", "nowhere", "--dry-run"), "good", ["NS753", "nowhere", "devpi"]),
        (nothing, ("--to",), "good", ["NS108"]),
        (unreachable, (), "good", ["NS701"]),
        (nothing, (), None, ["NS741", "TWINE_PASSWORD", "PYPI_API_TOKEN", "~/.pypirc", "keyring"]),
        (nothing, (), "", ["NS742", "PYPI_API_TOKEN"]),
        (nothing, (), "hunter2", ["NS743", "PYPI_API_TOKEN"]),
        (nothing, (), "pypi-AgEIcHlw", ["NS743"]),
        (nothing, (), ("other.example",), ["NS723", "other.example", HOST]),
        (nothing, (), (HOST, [0, 1, 0]), ["NS722"]),
        (nothing, (), (HOST, [1, ["another"]]), ["NS725", "another"]),
        (nothing, (), (HOST,), ["NS721"]),
        (route_of_prereleases, (), "good", ["NS754", "TestPyPI"]),
    ],
)
def test_bad_input_uploads_nothing(
    ready: Bench,
    index: FailingIndex,
    publish_here: Publish,
    prepare: Callable[[Bench], None],
    args: tuple[str, ...],
    token: str | tuple[Any, ...] | None,
    expected: list[str],
) -> None:
    """Each mistake is one clear error with its ID, nothing is uploaded, and the token is not shown."""
    prepare(ready)
    chosen = index.new_token() if token == "good" else api_token(*token) if isinstance(token, tuple) else token
    session = "publish" if args else "publish-prod"
    env = {} if chosen is None else {"PYPI_API_TOKEN": chosen}
    outcome = publish_here(ready, index, *args, session=session, **env)
    assert outcome.code == 1
    assert outcome.has(*expected), outcome.output
    assert index.files() == {}
    assert not chosen or chosen not in outcome.output


def test_an_error_ends_the_session(ready: Bench, index: FailingIndex) -> None:
    """nox shows an error with its ID and without a traceback, also in sessions that upload nothing."""
    change(ready)
    token = index.new_token()
    for session, args in (("publish-prod", []), ("publish", ["--dry-run"]), (f"verify-install-{PYTHON}", [])):
        outcome = publish(ready, index, *args, session=session, PYPI_API_TOKEN=token)
        assert outcome.code == 1, outcome.output
        assert outcome.has("NS603", "sample-1.2.3.tar.gz"), outcome.output
        assert outcome.clean, outcome.output
        assert "Traceback" not in outcome.output
        assert token not in outcome.output
    assert index.files() == {}


def test_publish_prod_wants_the_release_branch(bench: Bench, index: FailingIndex, publish_here: Publish) -> None:
    """A tag on a commit that is not on the release branch is refused (NS755) until the commit is merged."""
    bench.git("switch", "--quiet", "--create", "side")
    bench.write({"more.txt": ""})
    bench.commit()
    build(bench, "v1.2.3")
    outcome = publish_here(bench, index, session="publish-prod", PYPI_API_TOKEN=index.new_token())
    assert outcome.has("NS755", "is not on main")
    assert index.files() == {}
    bench.git("push", "--quiet", "origin", "side:main")
    assert publish_here(bench, index, session="publish-prod", PYPI_API_TOKEN=index.new_token()).code == 0


def test_dirty_files_are_for_try_outs_alone(
    bench: Bench, index: FailingIndex, trial_index: FailingIndex, publish_here: Publish
) -> None:
    """Files built from uncommitted changes go to TestPyPI with a warning (NS756), and never to PyPI (NS752)."""
    bench.git("tag", "v1.2.3")
    bench.edit("README.md", "# sample", "# changed")
    build(bench)
    assert json.loads((bench.root / ".nox-ship" / "manifest.json").read_text("utf-8"))["dirty"]
    tokens = {"PYPI_API_TOKEN": index.new_token(), "TEST_PYPI_API_TOKEN": trial_index.new_token()}
    assert publish_here(bench, index, session="publish-prod", **tokens).has("NS752")
    outcome = publish_here(bench, index, session="publish-test", **tokens)
    assert outcome.code == 0, outcome.output
    assert outcome.has("NS756")
    assert index.files() == {}


def test_a_rehearsal_of_publishing_tells_what_changed(ready: Bench, index: FailingIndex, publish_here: Publish) -> None:
    """`publish-prod --dry-run` shows what changed since the last release."""
    serve_last(index, "1.2.2")
    outcome = publish_here(ready, index, "--dry-run", session="publish-prod")
    assert outcome.code == 0, outcome.output
    assert outcome.has("changed since 1.2.2 on PyPI:", "requirements: - six", "NS562 content-gone", "sample.gone")
    assert ready.report()["difference"]["since"] == "1.2.2 on PyPI"


def test_a_broken_release_is_told_with_what_to_do(ready: Bench, index: FailingIndex, publish_here: Publish) -> None:
    """If the index serves other bytes after the upload, NS714 says how to yank the release."""
    index.faults = Faults(other_bytes=True)
    outcome = publish_here(ready, index, PYPI_API_TOKEN=index.new_token())
    assert outcome.code == 1
    assert outcome.has("NS711", "NS714", "Yank", "docs/emergencies.md")


def test_a_release_that_can_no_longer_be_completed_is_told(
    ready: Bench, index: FailingIndex, publish_here: Publish
) -> None:
    """A release that can no longer be completed is refused (NS772), also in a rehearsal; before that, NS773 warns."""
    token = index.new_token()
    assert publish_here(ready, index, PYPI_API_TOKEN=token).code == 0
    index.packages.joinpath("sample-1.2.3.tar.gz").unlink()
    index.faults = Faults(age=15)
    for args in ((), ("--dry-run",)):
        outcome = publish_here(ready, index, *args, PYPI_API_TOKEN=token)
        assert outcome.code == 1
        assert outcome.has("NS772", "PyPI accepts no more files for sample 1.2.3", "it lacks sample-1.2.3.tar.gz")
    assert len(index.uploads) == 2
    index.faults = Faults(age=13.5)
    outcome = publish_here(ready, index, PYPI_API_TOKEN=token)
    assert outcome.code == 0, outcome.output
    assert outcome.has("NS773", "1 of 1: uploading sample-1.2.3.tar.gz")


def with_wheels(bench: Bench, number: int) -> Manifest:
    """Replace the built wheel by ``number`` wheels, and return their manifest."""
    known, dist = Manifest.read(bench.root / ".nox-ship/manifest.json"), bench.root / "dist"
    wheel, sdist = known.files
    names = [wheel.name.replace("-py3-", f"-{build}-py3-") for build in range(10, 10 + number)]
    for name in names:
        shutil.copy(dist / wheel.name, dist / name)
    (dist / wheel.name).unlink()
    made = dataclasses.replace(known, files=(*(File.of(dist / name) for name in names), sdist))
    made.write(bench.root / ".nox-ship/manifest.json")
    return made


@pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")
def test_an_upload_of_sixty_files_that_is_killed_is_completed(ready: Bench, index: FailingIndex) -> None:
    """If an upload of sixty files is killed, the same command uploads only the missing files, the sdist last."""
    manifest, env = with_wheels(ready, 59), {"PYPI_API_TOKEN": index.new_token()}
    command = [sys.executable, "-m", "nox", "--no-dependencies", "-s", "publish", "--", "--no-install"]
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        command, cwd=ready.root, env=alone(ready, index, **env), start_new_session=True, **quiet
    ) as running:
        until = time.monotonic() + 60
        while len(index.files()) < 20 and running.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGKILL)
    time.sleep(0.2)  # the index may still accept what it was sent
    there = set(index.files())
    assert 20 <= len(there) < 60
    assert there == {file.name for file in manifest.files[: len(there)]}
    dataclasses.replace(manifest, files=manifest.files[-30:]).write(ready.root / ".nox-ship/manifest.json")
    for path in ready.root.glob("dist/*.whl"):
        if path.name not in {file.name for file in manifest.files[-30:]}:
            path.rename(ready.root.parent / path.name)
    outcome = publish(ready, index, "--no-install", **env)
    assert outcome.has("NS586", manifest.files[0].name)
    assert set(index.files()) == there
    for path in ready.root.parent.glob("*.whl"):
        path.rename(ready.root / "dist" / path.name)
    manifest.write(ready.root / ".nox-ship/manifest.json")
    index.uploads.clear()
    outcome = publish(ready, index, "--no-install", **env)
    assert outcome.code == 0, outcome.output
    assert index.files() == {file.name: file.sha256 for file in manifest.files}
    left = [file.name for file in manifest.files if file.name not in there]
    assert [upload.filename for upload in index.uploads] == left
    told = [line.strip() for line in outcome.output.splitlines() if "uploading" in line]
    assert [line.split(", ")[0] for line in told] == [
        f"{number} of {len(left)}: uploading {name}" for number, name in enumerate(left, 1)
    ]
    assert left[-1].endswith(".tar.gz")


def test_an_old_list_is_waited_out(ready: Bench, index: FailingIndex, publish_here: Publish) -> None:
    """While the index's list is outdated, publishing shows that it waits."""
    index.faults = Faults(hide=3)
    outcome = publish_here(ready, index, PYPI_API_TOKEN=index.new_token())
    assert outcome.code == 0, outcome.output
    assert outcome.has("waiting until PyPI serves", "of at most 5 s")
