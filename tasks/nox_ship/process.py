"""Starting other programs: one function, list arguments, no shell, and no credentials by default."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, cast

from nox_ship import lifeline, standby, undumpable
from nox_ship.addresses import holds_password, without_passwords
from nox_ship.errors import Kind, ShipError
from nox_ship.output import Kept, TooMuchError, collect, feed

COMMAND_FAILED = Kind("NS901", "command-failed", "Read the program's output above.")
COMMAND_MISSING = Kind("NS902", "command-missing", "Install it, or put it on the PATH.")
TOO_MUCH_OUTPUT = Kind("NS746", "too-much-output", "Find out what it prints, and make it print less.")
COMMAND_SLOW = Kind("NS904", "command-timed-out", "Run the same command again; check what the program waits for.")

# These three are compiled on first use, which `nox -l` avoids.
# One word of a variable's name that marks its value as secret: PYPI_API_TOKEN, db_password, AWS_SECRET_KEY...
_SECRET_NAME = partial(
    re.search,
    r"(^|[_.-])([a-z]*tokens?|[a-z]*password|passw|passwd|pswd|passphrase|[a-z]*passfile|[a-z]+_pwd|pw(?=$)"
    r"|(?:pg|db|sql|mysql|redis|smtp|mail|ftp|ssh|user|root|admin)?pass|[a-z]*secrets?|(?<=[a-z0-9][_.-])sas(?=$)"
    r"|[a-z]*credentials?|creds?|pat|jwt|o?auth2?|authorization|bearer|cookies?|webhooks?|connection_?string|conn_?str"
    r"|netrc|kubeconfig|[a-z]*(?:api|private|access|secret)_?keys?|(?:deploy|signing|encryption|account|master)_?keys?"
    r"|(?<!public_)keys?(?=$|_b(?:ase)?64$))(?P<more>[_.-]|$)"
    r"|^twine_|^actions_id_token_request_|^actions_runtime_|^uv_publish_|_auth$",
    flags=re.IGNORECASE,
)
# If such a word is not the last one, numbers and switches are not secret: PASSWORD_MIN_LENGTH=8, TOKEN_CACHE=true.
_SETTING = re.compile(r"\d{0,6}|true|false|yes|no|on|off", re.IGNORECASE)
# Formats of tokens, whatever the variable is called: PyPI, GitHub, GitLab, npm, JSON web tokens, the
# clouds, Slack, Stripe, OpenAI and Anthropic, Hugging Face and others.
_SECRET_VALUE = partial(
    re.search,
    r"^\s*pypi-[\w-]{16,}\s*$|(?<![A-Za-z0-9])(?:pypi-AgE[\w-]{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,}"
    r"|gl(?:pat|dt|rt|rtr|cbt|ptt|ft|soat|agent|imt|oas|ffct)-[\w.-]{16,}|npm_[A-Za-z0-9]{30,}|eyJ[\w-]{8,}\.[\w-]{4,}\."
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|ya29\.[\w-]{16,}|AIza[\w-]{30,}|GOCSPX-[\w-]{16,}|xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}"
    r"|[spr]k_(?:live|test)_\w{10,}|whsec_\w{16,}|sk-[\w-]{20,}|hf_[A-Za-z0-9]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|do[opr]_v1_\w{32,}|dckr_[po]at_[\w-]{16,}|dapi[0-9a-f]{32}|hv[sbr]\.[\w-]{20,}|shp(?:at|ca|pa|ss)_\w{16,}"
    r"|AT(?:ATT|CTT|BB)[\w=-]{16,}|gl(?:sa|c)_\w{20,}|(?:lin_api|rubygems|r8|gsk|ntn|sntry[su])_\w{20,}"
    r"|\d{8,10}:[\w-]{35}(?![\w-])|AGE-SECRET-KEY-1[0-9A-Z]{20,}|LS0tLS1CRUdJTi|eyJhdXRocyI6)",
)
# Values that contain a secret: private keys, headers, connection strings, lines of a netrc file.
_SECRET_INSIDE = partial(
    re.search,
    r"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|^\s*(?:bearer|basic)\s+\S{8}|\bauthorization\s*[:=]"
    r"|(?:^|[;\s&?\"',-])(?:password|passwd|pwd|accountkey|sharedaccesskey|sharedaccesssignature|client_secret|sig)=[^;\s&]"
    r"|\"auths\"\s*:\s*\{\s*\"|\bmachine\s+\S+\s+(?:login\s+\S+\s+)?password\s|hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/",
    flags=re.IGNORECASE,
)
# Where installers download from, and how. Without the address they would ask PyPI for private names, so it is kept, and
# only its password is removed.
_ADDRESSES = re.compile(r"^(?:pip|uv|pdm|poetry|hatch)_|_proxy$", re.IGNORECASE)
# Files that a GitHub Actions job obeys.
_COMMAND_FILES = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
# Variables that make git print what it sends to a server.
_TRACES = re.compile(r"^GIT_(?:TRACE|CURL_VERBOSE)")
# Credentials of package indexes and identity tokens: git does not need them, and its hooks are the project's code.
_INDEX_SECRET = re.compile(r"^twine_|pypi|_api_token$|^uv_publish_|^actions_(id_token_request|runtime)_", re.IGNORECASE)
# The frames of a Python traceback, up to the line that names the exception.
_TRACEBACK = re.compile(r"^([ \t]*)Traceback \(most recent call last\):\n(?:\1[ \t]+.*\n|[ \t]*\n)*", re.MULTILINE)
# Set by git for its hooks; if inherited, they would direct our git to another repository.
_GIT_CONTEXT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")

# It uses `sysconfig`, which on Python 3.11 gives a thread partial results while another one initialises it.
_ALONE = threading.Lock()

MOST = 64 << 20
"""The most bytes of output that we read; the names of a million files take about as many."""
_LONGEST_LINE = 1 << 20

Argument = str | os.PathLike[str]
"""One argument of a command line."""


@dataclass(frozen=True)
class Done:
    """A program that ended: its arguments, exit code, and output."""

    args: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, standard output first; of a traceback only the line with the exception."""
        text = "\n".join(text.rstrip() for text in (self.stdout, self.stderr) if text.strip())
        return _TRACEBACK.sub("", text)


class CommandFailedError(ShipError):
    """A program exited with another code than 0; ``done`` has its output."""

    def __init__(self, done: Done) -> None:
        what = f"`{shlex.join(done.args)}` ended with exit code {done.code}."
        super().__init__(COMMAND_FAILED(what, detail=done.output))
        self.done = done


class TimedOutError(ShipError):
    """A program did not end in time, and was stopped."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with all of ``secrets`` removed."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


@contextmanager
def without(names: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """Remove variables from this process's environment while the block runs; yield the original environment.

    This is for credentials whose names do not show what they are, so that no program started in the meantime can
    inherit them.
    """
    whole = dict(os.environ)
    taken = {name: os.environ.pop(name) for name in set(names) if name in os.environ}
    try:
        yield whole
    finally:
        os.environ.update(taken)


def secret_names(env: Mapping[str, str]) -> list[str]:
    """Return the names of the variables in ``env`` that hold credentials, by name or by format of the value."""
    found = [name for name, value in env.items() if _is_secret(name, value)]
    if any(name.startswith("GIT_CONFIG_") for name in found):  # they are numbered: if one is missing, git fails
        found += [name for name in env if name.startswith("GIT_CONFIG_") and name not in found]
    return found


@lru_cache(maxsize=1024)  # the whole environment is checked for each program that is started
def _is_secret(name: str, value: str) -> bool:
    if _SECRET_VALUE(value) or _SECRET_INSIDE(value) or holds_password(value):
        return True
    match = _SECRET_NAME(name)
    return match is not None and not (match["more"] and _SETTING.fullmatch(value.strip()))


def index_secret_names(env: Mapping[str, str]) -> list[str]:
    """Return the names of those credentials in ``env`` that are only for package indexes."""
    return [name for name in secret_names(env) if _INDEX_SECRET.search(name) or env[name].strip().startswith("pypi-")]


def other_secrets() -> list[str]:
    """Return the names of this process's variables with credentials, except those for package indexes."""
    env = dict(os.environ)  # each access to `os.environ` decodes
    of_indexes = set(index_secret_names(env))
    return [name for name in secret_names(env) if name not in of_indexes]


def withheld(env: Mapping[str, str], keep: Iterable[str] = ()) -> dict[str, str | None]:
    """Return the changes to ``env`` that hide secrets from other programs.

    Credentials, git's hook context and the files that a GitHub Actions job obeys are removed (None); from addresses
    that installers need, only the password is removed. Names in ``keep`` are kept.
    """
    gone: dict[str, str | None] = dict.fromkeys(
        name for name in env if name in _GIT_CONTEXT or name in _COMMAND_FILES or _TRACES.match(name)
    )
    for name in secret_names(env):
        bare = without_passwords(env[name], "")
        gone[name] = bare if _ADDRESSES.search(name) and not _is_secret(name, bare) else None
    return {name: value for name, value in gone.items() if name not in set(keep)}


def scrubbed(env: Mapping[str, str], keep: Iterable[str] = ()) -> dict[str, str]:
    """Return ``env`` without what :func:`withheld` hides; names in ``keep`` are kept."""
    env = dict(env)
    changed = {**env, **withheld(env, keep)}
    return {name: value for name, value in changed.items() if value is not None}


def inherited(keep: Iterable[str] = ()) -> dict[str, str]:
    """Return this process's environment for the programs that we start; names in ``keep`` are kept."""
    return scrubbed(os.environ, keep)


def run(  # noqa: PLR0913 - all but the first are by name, and few are used at once
    args: Sequence[Argument],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    keep: Iterable[str] = (),
    hidden: Mapping[str, str] | None = None,
    check: bool = True,
    stdin: str = "",
    on_line: Callable[[str], None] | None = None,
    seconds: float | None = None,
    apart: bool = False,
    exact: bool = False,
    ahead: Standby | None = None,
    unless: Future[Any] | None = None,
) -> Done:
    """Run a program to its end and return its output.

    Args:
        args: The program and its arguments.
        cwd: The working folder.
        env: Variables to add to the environment; None removes one.
        keep: Names of variables of our environment to pass on although they look like credentials.
        hidden: Variables for a :func:`module`, passed through a pipe that no other process can read. Not with
            ``stdin`` and ``on_line``.
        check: Raise if the exit code is not 0.
        stdin: Text for the program's standard input.
        on_line: Called with each line of output as it arrives, with both streams merged; ``stdout`` of the result then
            has both.
        seconds: How many seconds the program may take; None for no limit. Not with ``on_line``.
        apart: Run it in its own process group, so that a signal to ours cannot interrupt it: for a short write that
            must complete. Not with ``on_line``.
        exact: Keep bytes that are not UTF-8, as `os.fsdecode` does, for file names. Not with ``on_line``.
        ahead: A process that was started in advance to become this :func:`module` or :func:`script`. Not with
            ``hidden`` and ``stdin``.
        unless: A task that ends the program if it fails, and whose error is raised then. Only with ``on_line``.

    Raises:
        CommandFailedError: The exit code is not 0 and ``check`` is set.
        TimedOutError: The program took longer than ``seconds`` (NS904).
        ShipError: The program does not exist, or wrote more than `MOST` (NS746). With ``hidden`` and ``on_line``, the
            beginning and end of its output are kept instead.
    """
    line = tuple(os.fspath(arg) for arg in args)
    environment = {k: v for k, v in {**inherited(keep), **(env or {})}.items() if v is not None}
    program = partial(_started, line, apart=apart, ahead=ahead, cwd=cwd, env=environment)
    try:
        if on_line:
            done = _stream(line, program(stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT), on_line, unless)
        elif hidden is not None:
            done = _hide(line, cwd, environment, hidden, seconds)
        else:
            source = subprocess.PIPE if stdin else subprocess.DEVNULL
            done = _capture(line, program(stdin=source), stdin, seconds, "surrogateescape" if exact else "replace")
    except subprocess.TimeoutExpired as error:
        what = f"`{shlex.join(line[:4])}...` did not end within {seconds:.0f} seconds."
        raise TimedOutError(COMMAND_SLOW(what)) from error
    except TooMuchError as error:
        what = f"`{shlex.join(line[:4])}...` was stopped after it had printed more than {MOST >> 20} MB."
        raise ShipError(TOO_MUCH_OUTPUT(what)) from error
    except (FileNotFoundError, PermissionError) as error:
        if cwd is not None and not cwd.is_dir():
            raise
        raise ShipError(COMMAND_MISSING(f"The program {line[0]} cannot be run: {error.strerror}.")) from error
    if check and done.code:
        raise CommandFailedError(done)
    return done


def _capture(
    args: tuple[str, ...],
    program: AbstractContextManager[subprocess.Popen[bytes]],
    stdin: str,
    seconds: float | None,
    errors: str,
) -> Done:
    with program as proc:
        stdout, stderr = collect(proc, stdin, seconds, whole=MOST)
    return Done(args, proc.returncode, stdout.text(errors), stderr.text(errors))


@contextmanager
def _started(
    args: Sequence[str], *, apart: bool = False, ahead: Standby | None = None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program for a ``with`` block; an error there ends it, and so does our own end, unless it is apart."""
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    begun = ahead.become(args[2:], options) if ahead else None
    with (
        begun or subprocess.Popen(args, start_new_session=apart, **{"bufsize": 0, **pipes, **options}) as proc,
        nullcontext() if apart else lifeline.running(proc.pid),
    ):
        try:
            yield proc
        except BaseException:
            if not apart:
                proc.kill()
            raise
        proc.wait()


class Standby:
    """A Python that is started before it is needed; see ``standby.py``. It can be used once."""

    def __init__(self, *modules: str) -> None:
        """Prepare to import ``modules``."""
        self._modules = modules
        self._stack = ExitStack()
        self._program: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it without our credentials; it receives its variables when it is needed."""
        command = [*script(standby.__file__), *self._modules]
        self._program = self._stack.enter_context(_started(command, env=inherited()))

    def become(self, argv: Sequence[str], options: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
        """Make it run ``argv``, with options of `subprocess.Popen`, and return it; None if it is not there."""
        program, self._program = self._program, None
        if program is None or program.stdin is None or program.poll() is not None:
            return None
        cwd, merged = options["cwd"], options.get("stderr") == subprocess.STDOUT
        order = {"argv": argv, "cwd": cwd and os.fspath(cwd), "env": options["env"], "merged": merged}
        feed(program.stdin, f"{json.dumps(order)}\n".encode())
        return program

    def end(self) -> None:
        """End it if it was not needed."""
        if self._program:
            self._program.kill()
        self._program = None
        self._stack.close()


def _hide(
    args: tuple[str, ...], cwd: Path | None, env: Mapping[str, str], hidden: Mapping[str, str], seconds: float | None
) -> Done:
    with closed(args, hidden, cwd=cwd, env=env) as (proc, said):
        stdout, stderr = collect(proc, "", seconds)
    return Done(args, proc.returncode, said + stdout.text(), stderr.text())


@contextmanager
def closed(
    args: Sequence[str], hidden: Mapping[str, str], **options: Any
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a :func:`module` or :func:`script` for a ``with`` block, protected from other processes.

    It is started through our own script, which asks for the variables once its memory cannot be read.

    Args:
        args: The command line.
        hidden: The variables.
        options: Options of `subprocess.Popen`.

    Yields:
        The program, and its output if it did not ask for the variables, without which it is useless.
    """
    python, option, *rest = args
    with _started([python, option, undumpable.__file__, *rest], **options) as proc:
        said = proc.stdout.readline().decode(errors="replace") if proc.stdout else ""
        ready = said.strip() == undumpable.READY.strip()
        if ready and proc.stdin:
            proc.stdin.write(f"{json.dumps(dict(hidden))}\n".encode())
            proc.stdin.flush()
        yield proc, "" if ready else said


def _stream(
    args: tuple[str, ...],
    program: AbstractContextManager[subprocess.Popen[bytes]],
    on_line: Callable[[str], None],
    unless: Future[Any] | None,
) -> Done:
    kept = Kept()
    with program as proc:
        if unless:
            unless.add_done_callback(lambda done: proc.kill() if done.exception() else None)
        raw = cast("io.RawIOBase", proc.stdout)
        reader = io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8", errors="replace")
        while line := reader.readline(_LONGEST_LINE):
            kept.add(line.encode())
            on_line(line.rstrip("\n"))
    if unless and unless.done():
        unless.result()
    return Done(args, proc.returncode, kept.text(), "")


def module(name: str) -> list[Argument]:
    """Return the start of a command that runs ``name``, a tool installed next to nox-ship.

    It does not import from the current folder, as a project may contain a ``requests.py``.
    """
    return [sys.executable, "-P", "-m", name]


def script(path: str) -> list[str]:
    """Return the start of a command that runs a script of ours by its path, with the imports of :func:`module`."""
    return [sys.executable, "-P", path]


def uv() -> str:
    """Return the path of the uv that nox-ship depends on."""
    from uv import find_uv_bin

    with _ALONE:
        return os.fspath(find_uv_bin())
