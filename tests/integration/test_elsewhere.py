"""How nox-ship works on other systems, as far as Linux can show it; no test runs on Windows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench import Bench

pytestmark = pytest.mark.integration

WITHOUT = """\
import os
import select
import signal
import sys

import asyncio, filelock, getpass, nox, rich.console, shutil, subprocess, tempfile, uuid  # may need what goes
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty"):
    sys.modules[name] = None
for name in ("fork", "geteuid", "getuid", "setsid", "killpg", "getpgrp", "WNOHANG", "pidfd_open", "getppid"):
    vars(os).pop(name, None)
vars(select).pop("poll", None)
for name in ("SIGKILL", "SIGHUP", "SIGQUIT"):
    vars(signal).pop(name, None)
from nox_ship import command, looking, sessions

sys.exit(command.main(sys.argv[1:]))
"""
"""Runs our command without the modules and functions that only POSIX systems have."""


def test_a_project_is_set_up_without_what_only_posix_has(bench: Bench) -> None:
    """`init` works without POSIX functions and with output in a Windows code page, and finds its files up to date."""
    written = ["init", "--ci", "github", "--repository", "acme/sample"]
    for args, said in (written, "written"), (["init", "--check"], "are up to date"):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *args],
            cwd=bench.root,
            env=bench.environment({"PYTHONIOENCODING": "cp1252:strict"}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        assert said in done.stdout
