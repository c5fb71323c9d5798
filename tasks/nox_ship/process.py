"""Starting other programs: one function, list arguments, no shell, and no credentials by default."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nox_ship.errors import Kind, ShipError

COMMAND_FAILED = Kind("NS901", "command-failed", "The program's own output says why.")
COMMAND_MISSING = Kind("NS902", "command-missing", "Install it, or put it on the PATH.")
COMMAND_SLOW = Kind("NS904", "command-timed-out", "Run the same command again; check what it waits for.")

# One word of a variable's name that marks its value as a secret: PYPI_API_TOKEN, db_password, AWS_SECRET_KEY...
_SECRET_NAME = re.compile(
    r"(^|[_-])(auth_?tokens?|tokens?|password|passwd|passphrase|[a-z]*password|[a-z]+_pwd|pass|secrets?|credentials?|pat|jwt|api_?key|private_?key"
    r"|access_?key)([_-]|$)|^twine_|^actions_id_token_request_|^actions_runtime_|^uv_publish_|_auth$",
    re.IGNORECASE,
)
# Forms in which PyPI and GitHub issue tokens, whatever the variable is called.
_SECRET_VALUE = re.compile(r"^(pypi-[A-Za-z0-9_-]{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,})$")
# Credentials of package indexes and identity tokens: git has no use for them, and its hooks are the project's code.
_INDEX_SECRET = re.compile(r"^twine_|pypi|_api_token$|^uv_publish_|^actions_(id_token_request|runtime)_", re.IGNORECASE)
# The frames of a Python traceback, up to the line that names the exception.
_TRACEBACK = re.compile(r"^([ \t]*)Traceback \(most recent call last\):\n(?:\1[ \t]+.*\n|[ \t]*\n)*", re.MULTILINE)
# Set by git for its hooks; inherited, they would aim our git at another repository.
_GIT_CONTEXT = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


Argument = str | os.PathLike[str]
"""One argument of a command line."""


@dataclass(frozen=True)
class Done:
    """A program that ended: its arguments, exit code, and what it wrote."""

    args: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both streams, standard output first; of a traceback only the line that says what happened."""
        text = "\n".join(text.rstrip() for text in (self.stdout, self.stderr) if text.strip())
        return _TRACEBACK.sub("", text)


class CommandFailedError(ShipError):
    """A program ended with another exit code than 0; ``done`` holds what it wrote."""

    def __init__(self, done: Done) -> None:
        what = f"`{shlex.join(done.args)}` ended with exit code {done.code}."
        super().__init__(COMMAND_FAILED(what, detail=done.output))
        self.done = done


class TimedOutError(ShipError):
    """A program did not end in the time it was given, and was ended."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with every one of ``secrets`` blotted out."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


_declared: set[str] = set()


def declare_index_secrets(names: Iterable[str]) -> None:
    """Take variables of these names for credentials of indexes, whatever they are called."""
    _declared.update(names)


def secret_names(env: Mapping[str, str]) -> list[str]:
    """Return the names of the variables in ``env`` that hold credentials, by name or by form of value."""
    return [
        name
        for name, value in env.items()
        if name in _declared or _SECRET_NAME.search(name) or _SECRET_VALUE.match(value.strip())
    ]


def index_secret_names(env: Mapping[str, str]) -> list[str]:
    """Return the names of those credentials in ``env`` that are for package indexes alone."""
    return [
        name
        for name in secret_names(env)
        if name in _declared or _INDEX_SECRET.search(name) or env[name].strip().startswith("pypi-")
    ]


def scrubbed(env: Mapping[str, str], keep: Iterable[str] = ()) -> dict[str, str]:
    """Return ``env`` without credentials and without git's hook context; names in ``keep`` stay."""
    gone = {*secret_names(env), *_GIT_CONTEXT} - set(keep)
    return {name: value for name, value in env.items() if name not in gone}


def run(  # noqa: PLR0913 - all but the first are by name, and few are used at once
    args: Sequence[Argument],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    secrets: bool = False,
    check: bool = True,
    stdin: str = "",
    on_line: Callable[[str], None] | None = None,
    seconds: float | None = None,
    apart: bool = False,
    exact: bool = False,
) -> Done:
    """Run a program to its end and return what it wrote.

    Args:
        args: The program and its arguments.
        cwd: The folder to run in.
        env: Variables to add to the environment; None as a value takes one away.
        secrets: Hand the credentials of our environment on; only an upload and git's talk to a remote need them.
        check: Raise where the exit code is not 0.
        stdin: Text for the program's standard input.
        on_line: Called with each line of output as it comes, both streams merged into one; ``stdout`` of the
            result then holds both.
        seconds: How long the program may take; None for as long as it likes. Not with ``on_line``.
        apart: Run it in a process group of its own, so that what ends ours cannot cut it in two: for a short write
            that must be whole. Not with ``on_line``.
        exact: Keep bytes that are not UTF-8, as `os.fsdecode` does: for names of files. Not with ``on_line``.

    Raises:
        CommandFailedError: The exit code is not 0 and ``check`` is set.
        TimedOutError: The program took longer than ``seconds`` (NS904).
        ShipError: The program does not exist.
    """
    line = tuple(os.fspath(arg) for arg in args)
    outer = {k: v for k, v in os.environ.items() if k not in _GIT_CONTEXT} if secrets else scrubbed(os.environ)
    environment = {k: v for k, v in {**outer, **(env or {})}.items() if v is not None}
    try:
        done = (
            _stream(line, cwd, environment, on_line)
            if on_line
            else _capture(line, cwd, environment, stdin, seconds, apart=apart, exact=exact)
        )
    except subprocess.TimeoutExpired as error:
        what = f"`{shlex.join(line[:4])}...` did not end within {seconds:.0f} seconds."
        raise TimedOutError(COMMAND_SLOW(what)) from error
    except (FileNotFoundError, PermissionError) as error:
        if cwd is not None and not cwd.is_dir():
            raise
        raise ShipError(COMMAND_MISSING(f"The program {line[0]} cannot be run: {error.strerror}.")) from error
    if check and done.code:
        raise CommandFailedError(done)
    return done


def _capture(
    args: tuple[str, ...],
    cwd: Path | None,
    env: Mapping[str, str],
    stdin: str,
    seconds: float | None,
    *,
    apart: bool,
    exact: bool,
) -> Done:
    proc = subprocess.run(
        args,
        cwd=cwd,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape" if exact else "replace",
        check=False,
        timeout=seconds,
        start_new_session=apart,
    )
    return Done(args, proc.returncode, proc.stdout, proc.stderr)


def _stream(args: tuple[str, ...], cwd: Path | None, env: Mapping[str, str], on_line: Callable[[str], None]) -> Done:
    lines: list[str] = []
    with subprocess.Popen(
        args,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as proc:
        for line in proc.stdout or ():
            lines.append(line)
            on_line(line.rstrip("\n"))
    return Done(args, proc.returncode, "".join(lines), "")


def module(name: str) -> list[Argument]:
    """Return the start of a command line that runs ``name``, a tool installed beside nox-ship.

    The current folder is kept from its imports: a project may hold a ``requests.py``.
    """
    return [sys.executable, "-P", "-m", name]


def uv() -> str:
    """Return the path of the uv that nox-ship depends on."""
    from uv import find_uv_bin

    return os.fspath(find_uv_bin())
