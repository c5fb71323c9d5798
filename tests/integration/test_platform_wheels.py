"""Projects with compiled code: wheels that are built, repaired, joined and installed by the real tools."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from workbench import Bench, make_bench

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
OWN = f"cp{PYTHON.replace('.', '')}"
PYPROJECT = f"""
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "sample"
version = "1.0.0"
description = "A sum"
readme = "README.md"
license = "MIT"
requires-python = ">={PYTHON}"
classifiers = ["Programming Language :: Python :: {PYTHON}"]

[tool.setuptools]
package-dir = {{"" = "src"}}
packages = ["sample"]

[tool.nox-ship]
gates = ["lint"]
routes.development = "company"
indexes.company.upload-url = "https://index.invalid/legacy/"
indexes.company.simple-url = "https://index.invalid/simple/"
wheels.systems = ["here"]
wheels.builder = "build"
"""
SOURCE = """
#include <Python.h>
{include}
static PyObject *add(PyObject *self, PyObject *args) {{
    long x, y;
    if (!PyArg_ParseTuple(args, "ll", &x, &y)) return NULL;
    return PyLong_FromLong({sum});
}}
static PyMethodDef methods[] = {{{{"add", add, METH_VARARGS, "Add."}}, {{NULL, NULL, 0, NULL}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "_fast", NULL, -1, methods}};
PyMODINIT_FUNC PyInit__fast(void) {{ return PyModule_Create(&module); }}
"""
SMOKE = """["python -c 'import sample; assert sample.add(1, 2) == 3'"]"""
FILES = {
    "pyproject.toml": f"{PYPROJECT}verify-install.smoke = {SMOKE}\n",
    "README.md": "# sample\n",
    "LICENSE": "MIT\n",
    "noxfile.py": "import nox_ship\n\nnox_ship.register()\n",
    "src/sample/__init__.py": '"""A sum."""\n\nfrom sample._fast import add\n\n__all__ = ["add"]\n',
    "src/sample/fast.c": SOURCE.format(include="", sum="x + y"),
    "setup.py": "from setuptools import Extension, setup\n\nsetup(ext_modules=[Extension(**{})])\n",
    ".gitignore": "dist\n.nox\n.nox-ship\n__pycache__\nbuild\n*.egg-info\n",
}
PLAIN = {"name": "sample._fast", "sources": ["src/sample/fast.c"]}
STABLE = {**PLAIN, "define_macros": [("Py_LIMITED_API", "0x030b0000")], "py_limited_api": True}


def project(folder: Path, extension: Mapping[str, object], **files: str) -> Bench:
    """Make a project whose one extension module is compiled so."""
    return make_bench(folder, {**FILES, "setup.py": FILES["setup.py"].format(extension), **files})


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
