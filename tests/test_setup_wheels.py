"""Finding compiled code, and converting a project's own cibuildwheel jobs to settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit

from nox_ship.automation.wheels import WheelJob, wheel_jobs
from nox_ship.project import Project
from nox_ship.setup.pyproject import _add_options
from nox_ship.setup.wheels import compiles, lacking, options, systems
from support import each, write_files

HATCH = '[build-system]\nbuild-backend = "hatchling.build"\n'
CUSTOM = "[tool.hatch.build.targets.wheel.hooks.custom]\n"


@each(
    ("files", "expected"),
    [
        ({"pyproject.toml": '[build-system]\nbuild-backend = "mesonpy"\n'}, True),
        ({"pyproject.toml": "[[tool.setuptools.ext-modules]]\n"}, True),
        ({"pyproject.toml": '[[tool.setuptools-rust.ext-modules]]\ntarget = "a"\n'}, True),
        ({"pyproject.toml": '[tool.cibuildwheel]\nskip = "pp*"\n'}, True),
        ({"setup.py": "setup(cffi_modules=['build.py:ffi'])"}, True),
        ({"setup.py": "setup()"}, False),
        ({"pyproject.toml": f"{HATCH}[tool.hatch.build.targets.wheel.hooks.mypyc]\n"}, True),
        ({"pyproject.toml": f"{HATCH}[tool.hatch.build.hooks.scikit-build]\n"}, True),
        ({"pyproject.toml": HATCH, "hatch.toml": "[build.hooks.cython]\n"}, True),
        ({"pyproject.toml": HATCH, "hatch.toml": "["}, False),
        ({"pyproject.toml": f"{HATCH}[tool.hatch.build.hooks.vcs]\n"}, False),
        ({"pyproject.toml": "[tool.hatch.build.hooks.cython]\n"}, False),
        ({"pyproject.toml": f"{HATCH}{CUSTOM}", "hatch_build.py": 'data["infer_tag"] = True'}, True),
        ({"pyproject.toml": f'{HATCH}{CUSTOM}path = "own.py"', "own.py": "data['tag'] = 'py3-none-win32'"}, True),
        ({"pyproject.toml": f'{HATCH}{CUSTOM}path = "own.py"', "hatch_build.py": "infer_tag"}, False),
        ({"pyproject.toml": f"{HATCH}{CUSTOM}path = 5", "hatch_build.py": "print()"}, False),
        ({"pyproject.toml": f'{HATCH}{CUSTOM}path = "\\u0000"'}, False),
        ({"pyproject.toml": f"{HATCH}[tool.hatch.build]\nhooks = {{custom = 5}}"}, False),
    ],
)
def test_compiled_code_is_found(tmp_path: Path, files: dict[str, str], expected: bool) -> None:
    """A project compiles if its build backend, `setup.py`, cibuildwheel's settings or a build hook says so."""
    write_files(tmp_path, {"pyproject.toml": "", **files})
    assert compiles(Project.read(tmp_path)) is expected


@each(
    ("runner", "archs", "expected"),
    [
        ("ubuntu-latest", {}, ["ubuntu-latest"]),
        ("ubuntu-latest", {"CIBW_ARCHS": "auto"}, ["ubuntu-latest"]),
        ("ubuntu-latest", {"CIBW_ARCHS": "x86_64 i686"}, ["ubuntu-latest", "ubuntu-latest/i686"]),
        ("ubuntu-latest", {"CIBW_ARCHS_LINUX": "aarch64, ppc64le"}, ["ubuntu-latest/aarch64", "ubuntu-latest/ppc64le"]),
        ("ubuntu-24.04-arm", {"CIBW_ARCHS": "x86_64", "CIBW_ARCHS_LINUX": "aarch64"}, ["ubuntu-24.04-arm"]),
        ("macos-latest", {"CIBW_ARCHS_LINUX": "aarch64"}, ["macos-latest"]),
        ("macos-latest", {"CIBW_ARCHS_MACOS": "x86_64 arm64"}, ["macos-latest/x86_64", "macos-latest"]),
        ("windows-latest", {"CIBW_ARCHS": "AMD64 ARM64"}, ["windows-latest", "windows-latest/ARM64"]),
        ("windows-latest", {"CIBW_ARCHS": "${{ inputs.archs }}"}, ["windows-latest"]),
        ("ours", {"CIBW_ARCHS": "native riscv64"}, ["ours", "ours/riscv64"]),
    ],
)
def test_architectures_become_systems(runner: str, archs: dict[str, str], expected: list[str]) -> None:
    """The architecture of the runner itself is the runner's name; each other one is a system of its own."""
    assert list(systems([WheelJob(runner, archs), WheelJob(runner, archs)])) == expected


def jobs(**told: tuple[str | None, str | None]) -> list[WheelJob]:
    """Return a job on Linux and one on macOS, with the value that each gives to the ``CIBW_`` variables."""
    found = []
    for place, runner in enumerate(("ubuntu-latest", "macos-latest")):
        values = {f"CIBW_{name}": values[place] for name, values in told.items()}
        found.append(WheelJob(runner, {name: value for name, value in values.items() if value is not None}))
    return found


@each(
    ("told", "tables", "left"),
    [
        ({"SKIP": ("pp*", "pp*")}, {"": {"skip": "pp*"}}, ()),
        ({"ENABLE": ("pypy graalpy", "pypy graalpy")}, {"": {"enable": ["pypy", "graalpy"]}}, ()),
        ({"BUILD_VERBOSITY": ("1", "1")}, {"": {"build-verbosity": 1}}, ()),
        ({"AUDIT_COMMAND": ("", "")}, {"": {"audit-command": ""}}, ()),
        ({"BEFORE_ALL": ("yum x", None)}, {"linux": {"before-all": "yum x"}}, ()),
        (
            {"BEFORE_ALL": ("yum x", "brew x")},
            {"linux": {"before-all": "yum x"}, "macos": {"before-all": "brew x"}},
            (),
        ),
        ({"ENVIRONMENT_MACOS": ("A=1", "A=1")}, {"macos": {"environment": "A=1"}}, ()),
        ({"MANYLINUX_X86_64_IMAGE": ("m", "m")}, {"": {"manylinux-x86_64-image": "m"}}, ()),
        ({"MANYLINUX_PYPY_I686_IMAGE": ("m", "m")}, {"": {"manylinux-pypy_i686-image": "m"}}, ()),
        ({"SKIP": ("${{ matrix.skip }}", "${{ matrix.skip }}")}, {}, ("CIBW_SKIP",)),
        ({"PRERELEASE_PYTHONS": ("1", "1")}, {}, ("CIBW_PRERELEASE_PYTHONS",)),
        ({"ARCHS": ("x", "y"), "CACHE_PATH": ("a", "b")}, {}, ()),
    ],
)
def test_variables_become_options(told: dict[str, Any], tables: dict[str, Any], left: tuple[str, ...]) -> None:
    """Variables become options for all systems or one; those with expressions or without an option are listed."""
    assert options(jobs(**told)) == (tables, left)


def test_jobs_of_one_system_that_differ_have_no_option() -> None:
    """A variable that jobs of one system set differently has no option, as each system has one table."""
    several = [WheelJob("ubuntu-latest", {"CIBW_BUILD": build}) for build in ("cp31*-manylinux*", "cp31*-musllinux*")]
    assert options(several) == ({}, ("CIBW_BUILD",))
    assert options([]) == ({}, ())


def test_variables_that_an_option_stands_for_are_not_lost() -> None:
    """A variable is listed if its own table has no such option, unless it sets architectures or caches."""
    table = {"skip": "pp*", "macos": {"environment": "A=1"}}
    names = ("CIBW_SKIP", "CIBW_ENVIRONMENT", "CIBW_ENVIRONMENT_MACOS", "CIBW_ARCHS_LINUX", "CIBW_CACHE_PATH", "CIBW_X")
    assert lacking(names, table) == ("CIBW_ENVIRONMENT", "CIBW_X")
    assert lacking(("CIBW_SKIP_MACOS",), {"macos": 1}) == ("CIBW_SKIP_MACOS",)


def test_options_that_are_there_stay() -> None:
    """Options that the project already has are not changed."""
    document = tomlkit.parse('[tool.cibuildwheel]\nskip = "pp*" # no PyPy\n')
    _add_options(document["tool"], {"": {"skip": "gp*", "enable": ["pypy"]}, "linux": {"before-all": "yum x"}})
    assert tomlkit.dumps(document) == (
        '[tool.cibuildwheel]\nskip = "pp*" # no PyPy\nenable = ["pypy"]\n'
        '\n[tool.cibuildwheel.linux]\nbefore-all = "yum x"\n'
    )


WORKFLOW = """
on: push
env: {CIBW_SKIP: pp*, OTHER: 1}
jobs:
  wheels:
    runs-on: ${{ matrix.os }}
    env: {CIBW_SKIP: gp*}
    strategy:
      matrix:
        include:
          - {os: ubuntu-latest}
          - {os: ubuntu-latest, archs: riscv64}
          - {os: "${{ inputs.os }}"}
    steps:
      - {uses: actions/checkout@v4, env: {CIBW_SKIP: none}}
      - uses: pypa/cibuildwheel@v4
        env: {CIBW_ARCHS: "${{ matrix.archs || 'auto' }}", CIBW_BUILD: "${{ matrix.build }}", CIBW_TEST_COMMAND: " a "}
  other: {runs-on: ubuntu-latest, steps: [{run: pytest}]}
"""


@pytest.mark.parametrize("ours", [False, True])
def test_the_jobs_of_a_workflow_are_read(tmp_path: Any, ours: bool) -> None:
    """Each matrix row with a known runner is a job with its `CIBW_` variables; our own workflow has none."""
    text = f"# Written by nox-ship.{WORKFLOW}" if ours else WORKFLOW
    write_files(tmp_path, {".github/workflows/wheels.yml": text})
    told = {"CIBW_SKIP": "gp*", "CIBW_BUILD": "${{ matrix.build }}", "CIBW_TEST_COMMAND": "a"}
    expected = [WheelJob("ubuntu-latest", {**told, "CIBW_ARCHS": archs}) for archs in ("auto", "riscv64")]
    assert wheel_jobs(tmp_path) == ([] if ours else expected)
