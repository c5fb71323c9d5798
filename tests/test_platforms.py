from __future__ import annotations

import sys

import pytest

from nox_ship.package.platforms import covers, here, missing, targets, unwanted


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64", {"cp312-manylinux_x86_64"}),
        ("cp313-cp313t-musllinux_1_2_aarch64", {"cp313t-musllinux_aarch64"}),
        ("cp311-abi3-win_amd64", {"cp311-abi3-win_amd64"}),
        ("cp312-cp312-macosx_10_13_universal2", {"cp312-macosx_universal2"}),
        ("py3-none-manylinux1_i686", {"py3-none-manylinux_i686"}),
        ("py2.py3-none-win32", {"py2-none-win32", "py3-none-win32"}),
        ("pp311-pypy311_pp73-macosx_11_0_arm64", {"pp311-macosx_arm64"}),
        ("cp312-cp312-linux_x86_64", {"cp312-linux_x86_64"}),
        ("cp313-cp313-ios_13_0_arm64_iphoneos", {"cp313-ios_arm64_iphoneos"}),
        ("cp313-cp313-android_24_arm64_v8a", {"cp313-android_arm64_v8a"}),
        ("cp313-cp313-pyodide_2025_0_wasm32", {"cp313-pyodide_wasm32"}),
        ("cp314-cp314-pyemscripten_2026_0_wasm32", {"cp314-pyodide_wasm32"}),
        ("graalpy312-graalpy250_312_native-win_amd64", {"gp312_250-win_amd64"}),
        ("cp315-abi3.abi3t-win_amd64", {"cp315-abi3-win_amd64", "cp315-abi3t-win_amd64"}),
        ("py3-none-any", set()),
    ],
)
def test_a_wheel_tells_what_it_is_for(tags: str, expected: set[str]) -> None:
    """A wheel's tags are translated to cibuildwheel's names of targets, without versions of the system."""
    assert targets(f"sample-1.0-{tags}.whl") == expected


@pytest.mark.parametrize("file", ["sample-1.0.tar.gz", "sample.whl", "sample-1.0-cp312-cp312.whl"])
def test_what_is_no_wheel_is_for_nothing(file: str) -> None:
    """An sdist, or a file name without tags, has no target."""
    assert targets(file) == frozenset()


@pytest.mark.parametrize(
    ("tags", "target", "expected"),
    [
        ("cp312-cp312-manylinux_2_28_x86_64", "cp312-manylinux_x86_64", True),
        ("cp312-cp312-manylinux_2_28_x86_64", "cp312-musllinux_x86_64", False),
        ("cp312-cp312-manylinux_2_28_x86_64", "cp313-manylinux_x86_64", False),
        ("cp312-cp312-linux_x86_64", "cp312-manylinux_x86_64", False),
        ("cp39-abi3-win_amd64", "cp312-win_amd64", True),
        ("cp313-abi3-win_amd64", "cp312-win_amd64", False),
        ("cp39-abi3-win_amd64", "cp313t-win_amd64", False),
        ("cp315-abi3t-win_amd64", "cp316t-win_amd64", True),
        ("cp315-abi3t-win_amd64", "cp314t-win_amd64", False),
        ("cp315-abi3t-win_amd64", "cp315-win_amd64", False),
        ("cp39-abi3-win_amd64", "pp311-win_amd64", False),
        ("cp313-cp313-win_amd64", "cp313t-win_amd64", False),
        ("cp312-cp312-macosx_11_0_universal2", "cp312-macosx_arm64", True),
        ("cp312-cp312-macosx_11_0_universal2", "cp312-macosx_universal2", True),
        ("cp312-cp312-macosx_11_0_arm64", "cp312-macosx_universal2", False),
        ("py3-none-macosx_11_0_arm64", "cp314t-macosx_arm64", True),
        ("py312-none-win32", "cp312-win32", True),
        ("py312-none-win32", "cp311-win32", False),
        ("py3-none-any", "cp312-win32", False),
    ],
)
def test_a_wheel_serves_what_it_can_be_installed_on(tags: str, target: str, expected: bool) -> None:
    """A wheel covers the targets on which installers choose it; free-threaded Python has a separate stable ABI."""
    assert covers(f"sample-1.0-{tags}.whl", target) is expected


FILES = ("sample-1.0-cp311-abi3-manylinux_2_17_x86_64.whl", "sample-1.0-cp312-cp312-win_amd64.whl")


def test_what_no_wheel_serves_is_missing() -> None:
    """Missing targets are listed once and in order; a pattern is missing if no wheel matches it."""
    wanted = ["cp312-win_arm64", "cp313-manylinux_x86_64", "cp312-win_arm64", "*-win_*", "*-macosx_*"]
    assert missing(FILES, wanted) == ("cp312-win_arm64", "*-macosx_*")


def test_a_wheel_that_serves_no_target_is_unwanted() -> None:
    """A wheel that matches no expected target or pattern is unwanted."""
    assert unwanted(FILES, ["*-manylinux_*"]) == FILES[1:]
    assert unwanted(FILES, ["cp314-manylinux_x86_64", "cp312-win_amd64"]) == ()
    assert unwanted(FILES, []) == FILES


@pytest.mark.parametrize(
    ("system", "machine", "bits", "expected"),
    [
        ("linux", "x86_64", 64, "manylinux_x86_64"),
        ("darwin", "arm64", 64, "macosx_arm64"),
        ("win32", "AMD64", 64, "win_amd64"),
        ("win32", "ARM64", 64, "win_arm64"),
        ("win32", "x86", 32, "win32"),
    ],
)
def test_this_machine_is_a_target(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, bits: int, expected: str
) -> None:
    """The current machine is one target for each Python."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "maxsize", 2 ** (bits - 1) - 1)
    monkeypatch.setattr("platform.machine", lambda: machine)
    found = list(here(["3.12", "3.13t", "pypy3.11"]))
    assert found == [f"cp312-{expected}", f"cp313t-{expected}", f"pp311-{expected}"]
