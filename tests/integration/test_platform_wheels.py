"""Projects with compiled code, whose wheels are built, repaired, joined and installed by the real tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from compiling import FILES, OWN, PLAIN, PYTHON, SOURCE, STABLE, built_by, project
from debian import program
from engine import engine
from failing_index import FailingIndex
from nox_ship import pythons
from nox_ship.package.manifest import Manifest
from nox_ship.package.platforms import covers, targets
from releasing import NO_KEYRING
from support import write_files
from workbench import Bench, make_bench

PYTHONS = tuple(
    version for version in ("3.10", "3.11", "3.12", "3.13", "3.14", "3.15") if pythons.interpreter(version) is not None
)
"""The Pythons that are installed: at least four if everything the tests need is there."""


def released(bench: Bench, index: FailingIndex, env: dict[str, str] | None = None, first: str = "3.10") -> list[str]:
    """Build, collect, install and publish a release of one system, on each Python from ``first`` on.

    Return the names of its wheels.
    """
    wanted = PYTHONS[PYTHONS.index(first) :] if first in PYTHONS else PYTHONS
    named = ", ".join(f'"Programming Language :: Python :: {version}"' for version in wanted)
    bench.edit("pyproject.toml", "https://index.invalid", index.url)
    bench.edit("pyproject.toml", f'requires-python = ">={PYTHON}"', f'requires-python = ">={wanted[0]}"')
    bench.edit("pyproject.toml", f'"Programming Language :: Python :: {PYTHON}"', named)
    bench.commit()
    env = {**(env or {}), **index.environment(), **NO_KEYRING, "COMPANY_API_TOKEN": index.new_token()}
    for arguments in (
        ("--no-venv", "-s", "build"),
        ("-s", "wheels", "--", "--system", "here"),
        ("-s", "collect"),
        ("--no-dependencies", "-s", "verify-install"),
        ("--no-dependencies", "-s", "publish"),
    ):
        outcome = bench.nox(*arguments, env=env, timeout=500)
        assert outcome.code == 0, outcome.output
        if "collect" in arguments:
            assert outcome.has(f"cp{wanted[-1].replace('.', '')}-manylinux_", "(here)")
    manifest = Manifest.read(bench.root / ".nox-ship/manifest.json")
    assert (manifest.systems, manifest.pythons) == (("here",), wanted)
    assert index.files() == {file.name: file.sha256 for file in manifest.files}
    names = [file.name for file in manifest.files]
    assert names[-1] == "sample-1.0.0.dev2.tar.gz"
    return names[:-1]


def tagged(wheels: list[str]) -> list[str]:
    """Return the Python and ABI tags of each wheel; all must be for Linux, with platform tags of PEP 600."""
    assert all("manylinux_" in wheel for wheel in wheels)
    return ["-".join(wheel.split("-")[2:4]) for wheel in wheels]


OWN_ABI = [f"cp{version.replace('.', '')}-cp{version.replace('.', '')}" for version in PYTHONS]


@pytest.mark.exhaustive
def test_an_extension_in_c_is_released_whole(tmp_path: Path, index: FailingIndex) -> None:
    """A C extension is released with repaired wheels for all Pythons; a missing wheel is named with its job (NS577)."""
    bench = project(tmp_path, PLAIN)
    wheels = released(bench, index)
    assert tagged(wheels) == OWN_ABI
    record = bench.root / ".nox-ship/wheels/part.json"
    gone = next(wheel for wheel in wheels if f"-{OWN}-" in wheel)
    (record.parent / gone).unlink()
    told = json.loads(record.read_text("utf-8"))
    left = [file for file in told["files"] if file["name"] != gone]
    record.write_text(json.dumps({**told, "files": left}), "utf-8")
    outcome = bench.nox("-s", "collect")
    assert outcome.code
    assert outcome.has(f"{OWN}-manylinux_x86_64: missing (here)", "NS577")


def test_a_wheel_of_the_stable_abi_is_released(tmp_path: Path, index: FailingIndex) -> None:
    """One wheel with the stable ABI is checked by abi3audit, and installed on each Python that it supports."""
    setup = "from setuptools import Extension, setup\n\nsetup(ext_modules=[Extension(**{})], options={})\n"
    options = {"bdist_wheel": {"py_limited_api": "cp311"}}
    bench = project(tmp_path, STABLE, **{"setup.py": setup.format(STABLE, options)})
    assert tagged(released(bench, index, first="3.11")) == ["cp311-abi3"]


GO = """\
package main

import "C"

//export sum
func sum(x, y C.long) C.long { return x + y }

func main() {}
"""
LIBRARIES = {
    "c": ("long sum(long x, long y) { return x + y; }\n", ["gcc", "-shared", "-fPIC", "-o", "libsum.so", "sum.c"]),
    "go": (GO, ["go", "build", "-buildmode=c-shared", "-o", "libsum.so", "sum.go"]),
}
"""The source of a shared library in a language, and the command that compiles it."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LIBRARIES)
def test_a_shared_library_is_brought_along(tmp_path: Path, index: FailingIndex, language: str) -> None:
    """auditwheel copies a shared library into the wheels, which then work where the library is not installed."""
    if language == "go":
        program("golang-go", "go")
    library, (text, command) = tmp_path / "library", LIBRARIES[language]
    library.mkdir()
    (library / f"sum.{language}").write_text(text, "utf-8")
    bench = project(
        tmp_path,
        {**PLAIN, "libraries": ["sum"], "library_dirs": [str(library)]},
        **{"src/sample/fast.c": SOURCE.format(include="long sum(long, long);", sum="sum(x, y)")},
    )
    offline = {"GOCACHE": str(tmp_path / "cache"), "GO111MODULE": "off"}
    subprocess.run(command, cwd=library, env={**os.environ, **offline}, check=True)
    wheels = released(bench, index, {"LD_LIBRARY_PATH": str(library)})
    assert tagged(wheels) == OWN_ABI
    (library / "libsum.so").unlink()
    (bench.root / f".nox-ship/verified-{PYTHON}.json").unlink()
    outcome = bench.nox("--no-dependencies", "-s", f"verify-install-{PYTHON}", "--", "--files", "wheels")
    assert outcome.code == 0, outcome.output


ABI = {"": "cp{0}-cp{0}", "t": "cp{0}-cp{0}t", "pp": "pp{0}-pypy{0}_pp73", "gp": "graalpy{0}-graalpy{1}_{0}_native"}
"""The Python and ABI tags, by the mark of a Python in cibuildwheel's identifiers."""
VERSIONED = {
    "manylinux": "manylinux_2_17_{0}.manylinux2014_{0}",
    "musllinux": "musllinux_1_2_{0}",
    "macosx": "macosx_11_0_{0}",
    "android": "android_24_{0}",
    "ios": "ios_13_0_{0}",
    "pyodide": "pyemscripten_2026_0_{0}",
}
"""The platform tag, by the beginning of the system in cibuildwheel's identifiers."""


def wheel_of(identifier: str) -> str:
    """Return the name of the wheel that cibuildwheel builds for an identifier."""
    python, _, there = identifier.partition("-")
    found = re.fullmatch(r"(cp|pp|gp)(\d+)(t?)(?:_(\d+))?", python)
    assert found, identifier
    abi = ABI[found[3] if found[1] == "cp" else found[1]].format(found[2], found[4])
    kind, _, machine = there.partition("_")
    return f"sample-1.0-{abi}-{VERSIONED[kind].format(machine) if kind in VERSIONED else there}.whl"


@pytest.mark.parametrize("system", ["linux", "macos", "windows", "android", "ios", "pyodide"])
def test_what_cibuildwheel_calls_a_wheel_is_what_it_is_called_here(tmp_path: Path, system: str) -> None:
    """From the name of a wheel, nox-ship finds the identifier that cibuildwheel built it for, and no other."""
    write_files(tmp_path, {"pyproject.toml": '[project]\nname = "sample"\nrequires-python = ">=3.9"\n'})
    cibuildwheel = str(Path(sys.executable).with_name("cibuildwheel"))
    options = ["--platform", system, "--archs", "all", "--enable", "all", "--print-build-identifiers", str(tmp_path)]
    done = subprocess.run([cibuildwheel, *options], capture_output=True, text=True, check=True)
    wheels = {identifier: wheel_of(identifier) for identifier in done.stdout.split()}
    assert len(wheels) >= 3
    for identifier, wheel in wheels.items():
        assert targets(wheel) == {identifier}
        serving = {other for other, name in wheels.items() if covers(name, identifier)}
        assert serving - {identifier} <= {identifier.replace(machine, "universal2") for machine in ("arm64", "x86_64")}
        assert identifier in serving


BACK_ENDS = {
    "scikit_build_core.build": (
        '"scikit-build-core", "cmake", "ninja"',
        '[tool.scikit-build]\nwheel.packages = ["src/sample"]\n',
        {
            "CMakeLists.txt": """
cmake_minimum_required(VERSION 3.18)
project(sample LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
python_add_library(_fast MODULE native/fast.c WITH_SOABI)
install(TARGETS _fast DESTINATION sample)
"""
        },
    ),
    "mesonpy": (
        '"meson-python", "ninja"',
        "",
        {
            "meson.build": """
project('sample', 'c', version: '1.0.0')
python = import('python').find_installation(pure: false)
python.extension_module('_fast', 'native/fast.c', subdir: 'sample', install: true)
python.install_sources('src/sample/__init__.py', subdir: 'sample', pure: false)
"""
        },
    ),
}
"""The requirements, settings and files of build backends that compile a C extension, by module."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_back_ends_with_a_build_system_are_released_whole(tmp_path: Path, index: FailingIndex, back_end: str) -> None:
    """A C extension built by CMake or Meson is released like one built by setuptools."""
    requires, settings, files = BACK_ENDS[back_end]
    native = {
        **{name: text for name, text in FILES.items() if name not in ("setup.py", "src/sample/fast.c")},
        "pyproject.toml": built_by(back_end, requires, settings),
        "native/fast.c": FILES["src/sample/fast.c"],
        **files,
    }
    assert tagged(released(make_bench(tmp_path, native), index)) == OWN_ABI


@pytest.mark.exhaustive
def test_cibuildwheel_builds_the_wheels_in_containers(tmp_path: Path, index: FailingIndex) -> None:
    """cibuildwheel itself builds from the sdist what the settings name, and repairs it; the set is released whole."""
    used = PYTHONS[-2:]  # containers are slow
    path = os.pathsep.join([str(engine(tmp_path / "engine", used)), os.environ["PATH"]])
    names = " ".join(f"cp{version.replace('.', '')}-manylinux_x86_64" for version in used)
    settings = f'[tool.cibuildwheel]\nbuild = "{names}"\ntest-command = "python -c \'import sample\'"\n'
    text = FILES["pyproject.toml"].replace('wheels.builder = "build"\n', "")
    bench = project(tmp_path, PLAIN, **{"pyproject.toml": f"{text}\n{settings}"})
    assert tagged(released(bench, index, {"PATH": path}, first=used[0])) == OWN_ABI[-2:]
    assert list((tmp_path / "engine").glob("cibuildwheel-*.pid"))


@pytest.mark.exhaustive
def test_a_project_in_rust_is_released_whole(tmp_path: Path, index: FailingIndex) -> None:
    """For a Rust project, its one wheel for every Python 3 of the system counts as all expected wheels."""
    program("cargo", "cargo")
    settings = '[tool.maturin]\nbindings = "cffi"\npython-source = "python"\nmodule-name = "sample._fast"\n'
    text = built_by("maturin", '"maturin>=1.8", "cffi"', settings)
    rust = {
        **{name: FILES[name] for name in ("README.md", "LICENSE", "noxfile.py")},
        ".gitignore": f"{FILES['.gitignore']}target\n",
        "pyproject.toml": text.replace("classifiers", 'dependencies = ["cffi"]\nclassifiers'),
        "Cargo.toml": """
[package]
name = "sample"
version = "1.0.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]
""",
        "src/lib.rs": '#[no_mangle]\npub extern "C" fn add(x: i64, y: i64) -> i64 {\n    x + y\n}\n',
        "python/sample/__init__.py": '"""A sum."""\n\nfrom sample._fast import lib\n\nadd = lib.add\n',
    }
    assert tagged(released(make_bench(tmp_path, rust), index)) == ["py3-none"]
