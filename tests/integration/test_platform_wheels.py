"""Projects with compiled code: wheels that are built, repaired, joined and installed by the real tools."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from compiling import FILES, OWN, PLAIN, PYTHON, SOURCE, STABLE, built_by, project
from workbench import Bench, make_bench


def collected(bench: Bench, env: dict[str, str] | None = None) -> list[str]:
    """Build, collect and install a release of one system, and return the names of its files."""
    outcome = bench.nox("--no-venv", "-s", "build", env=env)
    assert outcome.code == 0, outcome.output
    outcome = bench.nox("-s", "wheels", "--", "--system", "here", env=env, timeout=240)
    assert outcome.code == 0, outcome.output
    outcome = bench.nox("-s", "collect", env=env)
    assert outcome.code == 0, outcome.output
    assert outcome.has(f"{OWN}-manylinux_", "(here)", "NS580")
    outcome = bench.nox("--no-dependencies", "-s", f"verify-install-{PYTHON}", env=env, timeout=240)
    assert outcome.code == 0, outcome.output
    manifest = json.loads((bench.root / ".nox-ship/manifest.json").read_text("utf-8"))
    assert manifest["systems"] == ["here"]
    return [file["name"] for file in manifest["files"]]


def test_an_extension_in_c_is_released_whole(tmp_path: Path) -> None:
    """With a tag that auditwheel approves; a wheel that is gone is missed, and named with its job."""
    bench = project(tmp_path, PLAIN)
    wheel, sdist = collected(bench)
    assert sdist.endswith(".tar.gz")
    assert f"-{OWN}-{OWN}-manylinux" in wheel
    record = bench.root / ".nox-ship/wheels/part.json"
    (record.parent / wheel).unlink()
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), "files": []}), "utf-8")
    outcome = bench.nox("-s", "collect")
    assert outcome.code
    assert outcome.has(f"{OWN}-manylinux_x86_64: missing (here)", "NS577")


def test_a_wheel_of_the_stable_abi_is_released(tmp_path: Path) -> None:
    """abi3audit looks into it."""
    setup = "from setuptools import Extension, setup\n\nsetup(ext_modules=[Extension(**{})], options={})\n"
    options = {"bdist_wheel": {"py_limited_api": "cp311"}}
    bench = project(tmp_path, STABLE, **{"setup.py": setup.format(STABLE, options)})
    wheel, _ = collected(bench)
    assert "-cp311-abi3-manylinux" in wheel


@pytest.mark.exhaustive
def test_a_shared_library_is_brought_along(tmp_path: Path) -> None:
    """auditwheel puts it into the wheel, which works where the library is not installed."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "sum.c").write_text("long sum(long x, long y) { return x + y; }\n", "utf-8")
    bench = project(
        tmp_path,
        {**PLAIN, "libraries": ["sum"], "library_dirs": [str(library)]},
        **{"src/sample/fast.c": SOURCE.format(include="long sum(long, long);", sum="sum(x, y)")},
    )
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "libsum.so", "sum.c"], cwd=library, check=True)
    wheel, _ = collected(bench, {"LD_LIBRARY_PATH": str(library)})
    (library / "libsum.so").unlink()
    assert "manylinux" in wheel
    outcome = bench.nox("--no-dependencies", "-s", f"verify-install-{PYTHON}")
    assert outcome.code == 0, outcome.output


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
"""The requirements, settings and files of back ends that compile an extension module in C, by their module."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_back_ends_with_a_build_system_are_released_whole(tmp_path: Path, back_end: str) -> None:
    """CMake and Meson compile in the sdist; the wheel is repaired and installed as that of setuptools."""
    requires, settings, files = BACK_ENDS[back_end]
    native = {
        **{name: text for name, text in FILES.items() if name not in ("setup.py", "src/sample/fast.c")},
        "pyproject.toml": built_by(back_end, requires, settings),
        "native/fast.c": FILES["src/sample/fast.c"],
        **files,
    }
    wheel, sdist = collected(make_bench(tmp_path, native))
    assert f"-{OWN}-{OWN}-manylinux" in wheel
    assert sdist == "sample-1.0.0.dev1.tar.gz"


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")
def test_a_project_in_rust_is_released_whole(tmp_path: Path) -> None:
    """Its one wheel, which is for any Python 3 of this system, stands for the one that there had to be."""
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
    wheel, sdist = collected(make_bench(tmp_path, rust))
    assert "-py3-none-manylinux" in wheel
    assert sdist == "sample-1.0.0.dev1.tar.gz"
