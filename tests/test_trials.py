from __future__ import annotations

import pytest

from nox_ship.package.trials import Trial, is_emulated, native, trials
from support import each


def named(*tags: str) -> list[str]:
    """Return the names of wheels with these tags, and of an sdist."""
    return [*(f"sample-1.0-{tag}.whl" for tag in tags), "sample-1.0.tar.gz"]


@each(
    ("runner", "expected"),
    [
        ("ubuntu-latest", "manylinux_x86_64"),
        ("ubuntu-24.04-arm", "manylinux_aarch64"),
        ("macos-latest", "macosx_arm64"),
        ("macos-13", "macosx_x86_64"),
        ("macos-13-xlarge", "macosx_arm64"),
        ("macos-14-large", "macosx_x86_64"),
        ("macos-latest-xlarge", "macosx_arm64"),
        ("macos-15-intel", "macosx_x86_64"),
        ("windows-2022", "win_amd64"),
        ("windows-11-arm", "win_arm64"),
        ("our own machine", None),
    ],
)
def test_a_runner_of_github_is_known_by_its_name(runner: str, expected: str | None) -> None:
    """The name of a GitHub runner gives its system and processor; other names give None."""
    assert native(runner) == expected


@each(
    ("system", "expected"),
    [
        ("ubuntu-latest/ppc64le", True),
        ("ubuntu-latest/aarch64", True),
        ("ubuntu-24.04-arm/aarch64", False),
        ("ubuntu-24.04-arm/x86_64", True),
        ("ubuntu-latest/i686", False),
        ("ubuntu-latest/auto32", False),
        ("macos-latest/x86_64", False),
        ("windows-latest/ARM64", False),
        ("ours/riscv64", False),
    ],
)
def test_another_architecture_is_emulated_on_linux_alone(system: str, expected: bool) -> None:
    """Only Linux emulates other architectures; on macOS and Windows, compilers build for both."""
    assert is_emulated(system) is expected


PYTHONS = ("3.11", "3.12")
LINUX, MAC, WINDOWS = "manylinux_2_17_x86_64", "macosx_11_0_arm64", "win_amd64"


def test_each_wheel_is_tried_where_it_fits_and_the_sdist_once() -> None:
    """Each runner tries the Pythons that it has wheels for; the first also tries the sdist, on the newest Python."""
    files = named(f"cp311-cp311-{LINUX}", f"cp312-cp312-{LINUX}", f"cp312-cp312-{MAC}", f"cp311-abi3-{WINDOWS}")
    found, untried = trials(files, PYTHONS, ("ubuntu-latest", "macos-latest", "windows-latest"), {"ubuntu-latest": ()})
    assert found == (
        Trial("ubuntu-latest", "3.12", "all"),
        Trial("ubuntu-latest", "3.11", "wheels"),
        Trial("macos-latest", "3.12", "wheels"),
        Trial("windows-latest", "3.11", "wheels"),
        Trial("windows-latest", "3.12", "wheels"),
    )
    assert untried == ()


def test_a_runner_that_built_what_no_other_takes_installs_it() -> None:
    """A wheel that fits no chosen runner is installed on the runner that built it, or listed as not tried."""
    mac, odd, other = f"cp312-cp312-{MAC}", "cp312-cp312-linux_mips", "cp312-cp312-musllinux_1_2_x86_64"
    files = named(f"cp312-cp312-{LINUX}", mac, other, odd, f"cp313-cp313-{LINUX}")
    builders = {"ubuntu-22.04": named(f"cp312-cp312-{LINUX}"), "macos-14": named(mac), "ours": named(odd)}
    found, untried = trials(files, PYTHONS, ("ubuntu-latest",), builders)
    assert found == (
        Trial("ubuntu-latest", "3.12", "all"),
        Trial("macos-14", "3.12", "wheels"),
        Trial("ours", "3.12", "wheels"),
    )
    assert untried == tuple(named(other, f"cp313-cp313-{LINUX}")[:-1])


def test_a_python_that_a_runner_cannot_have_is_not_asked_for() -> None:
    """A Python that GitHub does not offer for a runner is left out, such as 3.10 for Windows on ARM."""
    wheels = [f"cp{python}-cp{python}-win_{machine}" for machine in ("arm64", "amd64") for python in ("310", "311")]
    found, untried = trials(named(*wheels), ("3.10", "3.11"), ("windows-11-arm", "windows-latest"), {})
    assert found == (
        Trial("windows-11-arm", "3.11", "all"),
        Trial("windows-latest", "3.10", "wheels"),
        Trial("windows-latest", "3.11", "wheels"),
    )
    assert untried == (named(wheels[0])[0],)


@pytest.mark.parametrize("files", [named(), named("cp312-cp312-win_amd64")])
def test_the_sdist_is_tried_where_no_wheel_fits(files: list[str]) -> None:
    """If no wheel fits, the sdist is still tried, as GitHub refuses an empty matrix."""
    assert trials(files, PYTHONS, ("ubuntu-latest",), {})[0] == (Trial("ubuntu-latest", "3.12", "all"),)
