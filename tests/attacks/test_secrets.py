"""Code of the project looks for credentials: in its environment, in other processes' memory, and in git's hooks."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import run_release, write_dist
from loopback import Loopback, Reply, Request
from nox_ship import lifeline, looking, process, publishing, sessions, undumpable, verifying, worlds
from nox_ship.errors import ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.git import Repository, _forget_passwords
from nox_ship.package.manifest import File
from nox_ship.project import Project
from nox_ship.world.credentials import Credentials, Login
from nox_ship.world.index import Index
from nox_ship.world.remote import Remote
from support import commit_files, git, make_project, make_repository, make_wheel
from workbench import PYTHON, make_bench

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set credentials of many kinds, and return those that git must not see."""
    for name, value in {"GITHUB_TOKEN": "x", "SSH_AUTH_SOCK": "/x", "GIT_ASKPASS": "/y", "GIT_TOKEN": "z"}.items():
        monkeypatch.setenv(name, value)
    others = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_SESSION_TOKEN": "x",
        "DB_PASSWORD": "x",
        "PYPI_API_TOKEN": "x",
        "GIT_UPLOAD": "pypi-" + "a" * 40,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
        "DATABASE_URL": "postgres://u:p@h/",
        "GITHUB_ENV": "/z",
    }
    for name, value in others.items():
        monkeypatch.setenv(name, value)
    return others


def hook(repository: Repository, name: str, into: Path) -> None:
    """Make a hook of the repository record its environment."""
    path = repository.hooks / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\nenv > '{into}'\n")
    path.chmod(0o755)


def seen(path: Path) -> set[str]:
    """Return the names of the variables that a hook saw."""
    return {line.partition("=")[0] for line in path.read_text().splitlines()}


def test_a_hook_sees_what_git_needs_and_no_more(tmp_path: Path, secrets: dict[str, str]) -> None:
    """Hooks see git's own credentials only while git talks to a remote, and never any other credentials."""
    repository = make_repository(tmp_path / "checkout")
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    hook(repository, "pre-push", tmp_path / "pushed")
    Remote("origin", str(tmp_path / "remote.git"), repository).push(repository, {"refs/heads/main": repository.head})
    assert not set(secrets) & seen(tmp_path / "pushed")
    assert {"GITHUB_TOKEN", "SSH_AUTH_SOCK", "GIT_ASKPASS", "GIT_TOKEN", "PATH"} <= seen(tmp_path / "pushed")
    hook(repository, "pre-commit", tmp_path / "committed")
    repository.run("commit", "--quiet", "--allow-empty", "--message", "x")
    assert not {*secrets, "GITHUB_TOKEN", "GIT_TOKEN"} & seen(tmp_path / "committed")
    assert "SSH_AUTH_SOCK" in seen(tmp_path / "committed")  # signing a commit may need the agent


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file with the arguments of every git that was started."""
    real, folder, written = shutil.which("git"), tmp_path / "bin", tmp_path / "arguments"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\necho "$@" >> \'{written}\'\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return written


def test_an_address_that_is_pushed_to_is_no_argument(tmp_path: Path, arguments: Path) -> None:
    """A push address with a password is passed to git in its environment, as other users can see arguments."""
    repository = make_repository(tmp_path / "checkout")
    git(repository.path, "remote", "add", "origin", "https://127.0.0.1:9/x.git")
    git(repository.path, "config", "remote.origin.pushurl", "https://me:pass-word@127.0.0.1:9/x.git")
    arguments.unlink()
    remote = Remote.of(repository, None)
    assert remote is not None
    with pytest.raises(ShipError, match=r"NS208.*127\.0\.0\.1"):
        remote.refs()
    assert "ls-remote" in arguments.read_text()
    assert "pass-word" not in arguments.read_text()


@pytest.mark.slow
def test_a_clone_holds_no_password(tmp_path: Path, arguments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone can use addresses with passwords while it is made, but keeps them without the passwords."""
    repository = make_repository(tmp_path / "checkout")
    address = "https://me:pass-word@h.example/x"
    for key in ("lfs.url", "submodule.lib.url", "remote.origin.url", "lfs.https://me:pass-word@h.example/x.access"):
        git(repository.path, "config", key, address)
    git(repository.path, "config", "remote.origin.promisor", "true")
    git(repository.path, "config", "filter.look.smudge", f"git config lfs.url > '{tmp_path}/used'; cat")
    commit_files(repository.path, {".gitattributes": "*.bin filter=look\n", "a.bin": "x"})
    (tmp_path / "used").unlink(missing_ok=True)
    arguments.unlink()
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "test.own")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "kept")
    clone = repository.clone(tmp_path / "clone")
    config = (clone.path / ".git" / "config").read_text()
    assert (tmp_path / "used").read_text().strip() == address
    assert "pass-word" not in config
    assert clone.config("lfs.url") == clone.config("remote.promised-origin.url") == "https://h.example/x"
    calls = arguments.read_text()
    assert " clone " in calls
    assert "pass-word" not in calls
    assert clone.config("test.own") == "kept"


@pytest.mark.slow
def test_git_leaves_no_password_in_the_clone(tmp_path: Path) -> None:
    """The address of a submodule, which git derives from the remote's, is stored in the clone without the password."""
    repository = make_repository(tmp_path / "checkout")
    inner = make_repository(repository.path / "lib")
    git(repository.path, "remote", "add", "origin", "https://me:pass-word@h.example/x.git")
    git(repository.path, "update-index", "--add", "--cacheinfo", f"160000,{inner.head},lib")
    commit_files(repository.path, {".gitmodules": '[submodule "own"]\n\tpath = lib\n\turl = ../lib.git\n'})
    clone = repository.clone(tmp_path / "clone")
    assert clone.config("submodule.own.url") == "https://h.example/lib.git"
    assert (clone.path / "lib" / ".git").exists()


def test_a_submodule_leaves_no_password_in_the_clone(tmp_path: Path) -> None:
    """Passwords are removed from the settings of nested submodules, whatever other bytes those contain."""
    folder = make_repository(tmp_path / "checkout").path / ".git"
    (folder / "modules" / "a" / "modules" / "b").mkdir(parents=True)
    text = '[remote "origin"]\n\turl = https://me:pass-word@h.example/lib.git\n\tother = \udcff\n'
    for path in (folder / "config", folder / "modules/a/config", folder / "modules/a/modules/b/config"):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    _forget_passwords(folder)
    for path in (folder / "config", folder / "modules/a/config", folder / "modules/a/modules/b/config"):
        assert path.read_bytes() == text.replace("me:pass-word@", "").encode("utf-8", "surrogateescape")


VICTIM = """
import ctypes, os, subprocess, sys
attack = '''
import os
for name in ("environ", "mem", "maps", "cwd/"):
    try:
        (os.listdir if name == "cwd/" else open)(f"/proc/{os.getppid()}/{name}")
        print(name)
    except OSError:
        pass
'''
__name__ = "guarded"
exec(sys.stdin.read())
if sys.argv[1] == "closed":
    close_memory()
print("dumpable", ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
subprocess.run([sys.executable, "-S", "-c", attack])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")
def test_the_memory_of_our_process_is_closed() -> None:
    """Other processes of the same user can read neither the environment nor the memory of our process."""
    system = "/usr/bin/python3"  # every user can run it
    user = 65534 if os.geteuid() == 0 and Path(system).exists() else None
    code = Path(undumpable.__file__).read_text()

    def attacked(how: str) -> list[str]:
        command = [system if user else sys.executable, "-S", "-c", VICTIM, how]
        done = subprocess.run(command, input=code, capture_output=True, text=True, check=True, user=user, cwd="/")
        return done.stdout.splitlines()

    if user or os.geteuid() != 0:
        assert attacked("open") == ["dumpable 1", "environ", "mem", "maps", "cwd/"]
        assert attacked("closed") == ["dumpable 0"]
    assert attacked("closed")[0] == "dumpable 0"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")
def test_nox_is_closed_before_a_session_runs() -> None:
    """Registering the sessions closes the memory of the nox process, which holds the credentials."""
    code = "import ctypes, nox_ship; nox_ship.register(); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def in_any_environment(secret: str) -> bool:
    """Return whether any process has a text in its environment or among its arguments."""
    for path in [*Path("/proc").glob("[0-9]*/environ"), *Path("/proc").glob("[0-9]*/cmdline")]:
        try:
            if secret.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")
def test_the_token_of_an_upload_is_in_no_environment_that_can_be_read(tmp_path: Path) -> None:
    """While twine uploads, no process has the token in its environment or arguments."""
    token = f"word-{os.urandom(8).hex()}"
    exposed: list[bool] = []

    def answer(request: Request) -> Reply:
        exposed.append(in_any_environment(token))
        return Reply("" if "authorization" in request.headers else "who", 200)

    wheel = make_wheel(tmp_path, {"sample.py": ""}, ("License-Expression: MIT",))
    with Loopback(answer) as server:
        found = Credentials("a test", lambda: Login("me", token))
        index = Index("here", f"{server.url}/", f"{server.url}/simple/", find=lambda: found)
        with index.uploading() as upload:
            upload(wheel, File.of(wheel).sha256)
        assert server.asked[-1].headers["authorization"].startswith("Basic ")
    assert exposed == [False]


@pytest.mark.integration
def test_an_index_that_shows_the_credentials_again_shows_them_to_nobody(tmp_path: Path) -> None:
    """If an index repeats the credentials in its answer, they are masked in every form."""
    password = "word/with+signs & more"

    def answer(request: Request) -> Reply:
        return Reply(f"{request.headers['authorization']} {password} word%2Fwith%2Bsigns%20%26%20more", 403)

    wheel = make_wheel(tmp_path, {"sample.py": ""}, ("License-Expression: MIT",))
    with Loopback(answer) as server:
        found = Credentials("a test", lambda: Login("me", password))
        index = Index("here", f"{server.url}/", f"{server.url}/simple/", find=lambda: found)
        with pytest.raises(ShipError) as caught, index.uploading() as upload:
            upload(wheel, File.of(wheel).sha256)
        header = server.asked[0].headers["authorization"].removeprefix("Basic ")
    assert header not in str(caught.value)
    assert "word" not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [{}, {"A": "x\ny", "B": "é"}])
def test_hidden_variables_reach_a_module(hidden: dict[str, str], tmp_path: Path) -> None:
    """A module finds its hidden variables in `os.environ`, though the process was started without them."""
    code = "import os, sys; print(sys.argv[1:], [os.environ.get(n) for n in 'AB'], open('/proc/self/environ').read())"
    (tmp_path / "shown.py").write_text(code)
    env = {"PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"}
    done = process.run([*process.module("shown"), "arg"], env=env, hidden=hidden)
    assert done.stdout.startswith(f"['arg'] {[hidden.get('A'), hidden.get('B')]}")
    assert "x\ny" not in done.stdout.partition("]")[2]
    assert done.args[-2:] == ("shown", "arg")


class Left(Exception):  # noqa: N818 - it ends a command on purpose, and is no error
    """The environment that is left once a command has started."""


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose settings name token variables with inconspicuous names."""
    settings = (
        '[tool.nox-ship]\npublish.tokens = { mine = "DEVPI_LOGIN", own = "SEEN_TOKEN" }\npass-env = ["SEEN_TOKEN"]\n'
    )
    root = make_project(tmp_path / "project", f'[project]\nname = "sample"\nversion = "1.0"\n{settings}').root
    for name in ("DEVPI_LOGIN", "SEEN_TOKEN"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NOX_SHIP_MANIFEST", raising=False)
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("door", ["release", "rehearsal", "publish", "verify-published", "doctor", "status"])
def test_a_token_that_only_the_settings_name_is_handed_to_the_upload_alone(
    named: Path, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """A variable that only the settings name as a token is removed from the environment, but commands receive it."""
    given: list[dict[str, str]] = []

    def opened(*_: object, variables: dict[str, str], **__: object) -> None:
        given.append(variables)
        raise Left({*os.environ})

    for module in (worlds, verifying, looking):
        monkeypatch.setattr(module, "RealWorld", opened)
    monkeypatch.setattr(worlds, "StandIns", lambda *_, look, **__: look("mine", "sample"))
    monkeypatch.setattr(looking, "examine", lambda *of: opened(variables=of[4]))
    monkeypatch.setattr(lifeline, "guarded", lambda _: contextlib.nullcontext())
    project = Project.read(named)
    write_dist(project, "c" * 40, "1.0")
    args: dict[str, Callable[[], None]] = {
        "release": lambda: run_release(named, ["minor", "--yes"], Sessions(), named),
        "rehearsal": lambda: run_release(named, ["minor", "--dry-run"], Sessions(), named),
        "publish": lambda: publishing.publish(project, [], "publish", "mine"),
        "verify-published": lambda: verifying.verify_published(project, ["--from", "mine"]),
        "doctor": lambda: looking.doctor(named, [], Sessions()),
        "status": lambda: looking.status(named, [], Sessions()),
    }
    with pytest.raises(Left) as left:
        args[door]()
    assert "DEVPI_LOGIN" not in left.value.args[0]
    assert {"SEEN_TOKEN", "PATH"} <= left.value.args[0]
    assert given[0]["DEVPI_LOGIN"] == os.environ["DEVPI_LOGIN"] == "x"


@pytest.mark.usefixtures("named")
def test_a_session_has_no_token_that_only_the_settings_name() -> None:
    """Sessions do not see a variable that only the settings name as a token, unless `pass-env` lists it."""
    seen: list[set[str]] = []
    session: Any = SimpleNamespace(name="probe", env={})
    sessions._front_door(lambda *_: seen.append({*os.environ}))(session)
    assert seen
    assert "DEVPI_LOGIN" not in seen[0]
    assert "SEEN_TOKEN" in seen[0]
    others = {name for name, spec in sessions._SPECS.items() if not hasattr(spec.function, "__wrapped__")}
    openers = {"release", "doctor", "status", "announce", "verify-published", "publish", "publish-test", "publish-prod"}
    assert others == openers


DUMP = """\
import json, os, pathlib

def dump(name):
    folder = pathlib.Path({folder!r})
    (folder / f"{{name}}-{{os.getpid()}}.json").write_text(json.dumps(dict(os.environ)))
"""
OWN = """\
import nox
import nox_ship

nox_ship.register()


@nox.session(python=False)
def own(session):
    session.run("sh", "-c", "env > {folder}/own.txt", external=True)
"""


@pytest.mark.integration
def test_code_of_others_sees_nothing_worth_stealing(tmp_path: Path) -> None:
    """Tests, backend, hooks, own sessions and installed code see no secret, agent or command file of the runner."""
    seen, commands = tmp_path / "seen", tmp_path / "commands"
    seen.mkdir()
    commands.touch()
    dump = DUMP.format(folder=str(seen))
    bench = make_bench(tmp_path)
    hook = bench.root / ".git" / "hooks" / "pre-commit"
    hook.write_text(f"#!/bin/sh\nenv > {seen}/hook.txt\n", "utf-8")
    hook.chmod(0o755)
    bench.write(
        {
            "back_end.py": f"{dump}\ndump('backend')\nfrom hatchling.build import *\n",
            "tests/test_sample.py": f"{dump}\ndef test_dump():\n    dump('tests')\n",
            "src/sample/__init__.py": f"{dump}\ndump('installed')\n\ndef main():\n    pass\n",
            "noxfile.py": OWN.format(folder=seen),
        }
    )
    bench.edit("pyproject.toml", '"hatchling.build"', '"back_end"\nbackend-path = ["."]')
    settings = 'gates = ["tests", "own"]\npass-env = ["WANTED_TOKEN"]\npublish.tokens.mine = "DEVPI_LOGIN"\n'
    bench.edit("pyproject.toml", 'gates = ["tests"]\n', settings)
    bench.commit()
    secret = {
        "TWINE_PASSWORD": "planted-1",
        "TWINE_USERNAME": "planted-2",
        "PYPI_API_TOKEN": "planted-3",
        "GH_TOKEN": "planted-4",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "planted-5",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "planted-6",
        "AWS_SECRET_ACCESS_KEY": "planted-7",
        "UNSUSPICIOUS": "pypi-AgEIcHlwaS5vcmcCJDplanted8",
        "SYSTEM_ACCESSTOKEN": "planted-9",
        "SSH_AUTH_SOCK": "/agent",
        "DATABASE_URL": "postgres://u:planted-11@h/d",
        "PLAIN": JWT,
        "DEVPI_LOGIN": "planted-12",
    }
    files = dict.fromkeys(("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"), str(commands))
    told = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    kept = {"WANTED_TOKEN": "wanted", "HARMLESS": "kept", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    env = {**secret, **files, **told, **kept}
    outcome = bench.rehearse("1.2.4", env=env)
    assert outcome.code == 0, outcome.output
    assert bench.nox("-s", f"tests-{PYTHON}", f"verify-install-{PYTHON}", env=env).code == 0
    found: dict[str, list[str]] = {}
    for path in seen.iterdir():
        found.setdefault(path.name.partition("-")[0].partition(".")[0], []).append(path.read_text("utf-8"))
    assert set(found) == {"backend", "tests", "installed", "hook", "own"}
    assert len(found["tests"]) == 2
    for name, texts in found.items():
        hidden = {*secret, *files, *told} - ({"SSH_AUTH_SOCK"} if name == "hook" else set())  # git needs it to push
        for text in texts:
            assert not [variable for variable in hidden if variable in text], name
            assert not [value for value in ("planted", JWT) if value in text], name
            assert "kept" in text
            assert "wanted" in text
    assert "planted" not in outcome.output
    assert not any("planted" in path.read_text("utf-8") for path in bench.cache.glob("*/*.json"))
    assert (tmp_path / "summary").read_text()
    assert (tmp_path / "output").read_text()
