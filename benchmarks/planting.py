"""Planting faults in a good project: the files that such projects have in common."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

HERE = "import json\nfrom pathlib import Path\n\nHERE = Path(__file__).parent\n"
CORE = '"""A sample."""\n\n\ndef main():\n    """Say hello."""\n    print("hello")\n'
RANDOM = "k3JvQ8zP1mXw7RbT5yLs0HdN4gFcA9uE2oViKq6ZtYjWxMhUaBnCeGrSfDpI"
TOKEN = f"KEY = 'pypi-{'Ag' + 'E'}{RANDOM * 2}'\n"
_KEY = base64.b64encode(b"\x30\x82\x01\x00" + bytes(range(256))).decode()
PEM = f"-----BEGIN {'PRIVATE'} KEY-----\\n{_KEY}\\n-----END {'PRIVATE'} KEY-----\\n"


@dataclass(frozen=True)
class Fault:
    """A fault to plant in a good project.

    Attributes:
        name: A short description.
        expected: The ID of the finding that a rehearsal must show.
        files: The files to write over the good project; None removes one.
        warns: Whether a warning is right, since the fault may be intended.
    """

    name: str
    expected: str
    files: Mapping[str, str | None] = field(default_factory=dict)
    warns: bool = False


def pyproject(
    project: str = "", tool: str = "", *, back_end: str = "hatchling.build", more: str = "", python: str = "3.11"
) -> str:
    """Return a good ``pyproject.toml`` with additional lines.

    Args:
        project: Lines of ``[project]``.
        tool: Tables below it.
        back_end: The build backend; its distribution is the first part of the name.
        more: Lines of ``[build-system]``.
        python: The Pythons that the classifiers name, separated by commas.
    """
    named = ", ".join(f'"Programming Language :: Python :: {version}"' for version in python.split(","))
    license_line = "" if "license" in project else 'license = "MIT"\nlicense-files = ["LICENSE"]\n'
    classifiers = "" if "classifiers" in project else f"classifiers = [{named}]\n"
    readme = "" if "readme" in project else 'readme = "README.md"\n'
    requires = "" if "requires-python" in project else 'requires-python = ">=3.11"\n'
    distribution = "hatchling" if "hatchling" in back_end or "wrapped" in back_end else back_end.partition(".")[0]
    return f"""\
[build-system]
requires = ["{distribution}"]
build-backend = "{back_end}"
{more}
[project]
name = "sample"
version = "1.2.3"
description = "A sample"
{readme}{license_line}{requires}{classifiers}{project}

[tool.nox-ship]
gates = []

{tool}
"""


def setuptools(tool: str = "", project: str = "", python: str = "3.11") -> str:
    """Return a ``pyproject.toml`` for setuptools, which finds packages in ``src`` by default."""
    found = tool or '[tool.setuptools.packages.find]\nwhere = ["src"]\n'
    return pyproject(project, found, back_end="setuptools.build_meta", python=python)


WRAPPED = 'backend-path = ["."]\n'


def wrapped(change: str) -> dict[str, str | None]:
    """Return a project with its own build backend, which applies ``change`` to what hatchling built at ``path``."""
    body = "\n".join(f"    {line}" for line in change.splitlines())
    code = f"""\
import gzip, io, os, tarfile, zipfile
from hatchling.build import *
from hatchling import build as _hatchling

def _change(path):
{body}
    return os.path.basename(path)

def build_wheel(folder, *args):
    return _change(os.path.join(folder, _hatchling.build_wheel(folder, *args)))

def build_sdist(folder, *args):
    return _change(os.path.join(folder, _hatchling.build_sdist(folder, *args)))
"""
    return {"pyproject.toml": pyproject(back_end="wrapped_build", more=WRAPPED), "wrapped_build.py": code}


def in_wheel(name: str, content: str = "") -> str:
    """Return code that adds a member to a wheel."""
    return (
        f"if path.endswith('.whl'):\n    with zipfile.ZipFile(path, 'a') as wheel:\n"
        f"        wheel.writestr({name!r}, {content!r})"
    )


def renamed(ending: str, old: str, new: str) -> str:
    """Return code that renames a file with a suffix."""
    return (
        f"if path.endswith({ending!r}):\n    other = path.replace({old!r}, {new!r})\n"
        "    os.rename(path, other)\n    path = other"
    )


LINK = """\
if path.endswith('.gz'):
    content = gzip.decompress(open(path, 'rb').read())
    stream = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as old, tarfile.open(fileobj=stream, mode='w') as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
        link = tarfile.TarInfo(old.getnames()[0].split('/')[0] + '/shared')
        link.type, link.linkname = tarfile.SYMTYPE, '../../shared'
        new.addfile(link)
    open(path, 'wb').write(gzip.compress(stream.getvalue()))
"""

NO_DATA = "[tool.setuptools]\ninclude-package-data = false\n"
PYTHON = '"Programming Language :: Python :: 3.11"'
SETUP = "from setuptools import setup\n"
PACKAGES = '[tool.setuptools]\npackages = ["sample"]\npackage-dir = {"" = "src"}\n'
DYNAMIC = 'dynamic = ["dependencies"]\n'
SRC = '[tool.hatch.build.targets.wheel]\npackages = ["src/sample"]\n'


def module(text: str, name: str = "core.py", **other: str) -> dict[str, str | None]:
    """Return a module of the package."""
    return {f"src/sample/{name}": text, **{f"src/sample/{path}": content for path, content in other.items()}}


GOOD: Mapping[str, str] = {
    "pyproject.toml": pyproject(),
    "README.md": "# sample\n",
    "LICENSE": "MIT\n",
    ".gitignore": "__pycache__/\n",
    "noxfile.py": "import nox_ship\n\nnox_ship.register()\n",
    "src/sample/__init__.py": CORE,
}
"""The project in which each fault is planted."""
