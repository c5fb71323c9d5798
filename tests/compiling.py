"""Projects with compiled code, for tests that build their wheels."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

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
wheels.builder = "build"
verify-install.smoke = ["python -c 'import sample; assert sample.add(1, 2) == 3'"]
"""
HERE = """\
routes.development = "company"
indexes.company.upload-url = "https://index.invalid/legacy/"
indexes.company.simple-url = "https://index.invalid/simple/"
wheels.systems = ["here"]
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
FILES = {
    "pyproject.toml": f"{PYPROJECT}{HERE}",
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
    """Make a project with one extension module that is compiled like this."""
    return make_bench(folder, {**FILES, "setup.py": FILES["setup.py"].format(extension), **files})


def built_by(back_end: str, requires: str, settings: str) -> str:
    """Return the pyproject.toml of a project with another build backend than setuptools."""
    setuptools = '[tool.setuptools]\npackage-dir = {"" = "src"}\npackages = ["sample"]\n'
    text = FILES["pyproject.toml"].replace('"setuptools>=77"', requires).replace("setuptools.build_meta", back_end)
    assert setuptools in text
    return text.replace(setuptools, settings)
