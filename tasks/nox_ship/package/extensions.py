"""Whether the extension modules in a wheel match its tags."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.tags import Tag

from nox_ship.errors import Finding, Kind, shorten
from nox_ship.package.contents import Archive
from nox_ship.package.wheels import tags_of

EXTENSION_MISMATCH = Kind(
    "NS548",
    "extension-mismatch",
    "Make the build backend tag the wheel for what it compiled (hatchling: `infer_tag` in the build hook; setuptools:"
    " `ext_modules`, and `py_limited_api` of both wheel and extension), or leave the compiled file out.",
)

_SUFFIX = re.compile(
    r"\.(?:(?P<abi3>abi3t?)|cpython-(?P<cpython>\d+[a-z]*)(?:-[\w-]+)?|cp(?P<cp>\d+[a-z]*)-\w+|(?P<other>pypy\d+|graalpy\d+)\S*)"
    r"\.(?:so|pyd)\Z"
)
# Folders of vendored code, and of files that nobody imports.
_ASIDE = {"test", "tests", "testing", "testdata", "test_data", "data", "fixtures", "examples"}
_ASIDE |= {"_vendor", "_vendored", "vendor", "third_party"}
_SYSTEMS = {"linux": "ELF", "manylinux": "ELF", "musllinux": "ELF", "android": "ELF", "win": "PE", "macosx": "Mach-O"}
_SYSTEM = re.compile(r"(?P<system>manylinux|musllinux|linux|android|win|macosx)")
_MACHINES = {
    "ELF": {3: "x86", 62: "x86_64", 183: "arm64", 40: "arm", 21: "ppc64", 22: "s390x", 243: "riscv64"},
    "PE": {0x14C: "x86", 0x8664: "x86_64", 0xAA64: "arm64"},
    "Mach-O": {7: "x86", 0x1000007: "x86_64", 0x100000C: "arm64", 18: "ppc", 0x1000012: "ppc64"},
}
_ARCHITECTURES = (  # the ends of a platform tag, the longer ones first
    ("universal2", {"x86_64", "arm64"}),
    ("universal", {"x86", "x86_64", "ppc", "ppc64"}),
    ("intel", {"x86", "x86_64"}),
    ("x86_64", {"x86_64"}),
    ("amd64", {"x86_64"}),
    ("arm64_v8a", {"arm64"}),
    ("aarch64", {"arm64"}),
    ("arm64", {"arm64"}),
    ("armv7l", {"arm"}),
    ("armv6l", {"arm"}),
    ("armeabi_v7a", {"arm"}),
    ("ppc64le", {"ppc64"}),
    ("ppc64", {"ppc64"}),
    ("s390x", {"s390x"}),
    ("riscv64", {"riscv64"}),
    ("i686", {"x86"}),
    ("i386", {"x86"}),
    ("x86", {"x86"}),
    ("win32", {"x86"}),
)
_LONGEST = 255
_MOST_FAT = 20
"""The most programs in one macOS file; Java class files begin with the same bytes."""


@dataclass(frozen=True)
class Extension:
    """A compiled file with the suffix of an extension module.

    Attributes:
        name: Its place in the wheel.
        module: Its place without the suffix for Python and platform.
        python: The tag of the one interpreter that loads it (``cp312``); None if several do.
        system: ``ELF``, ``PE`` or ``Mach-O``; None if it is none of these.
        machines: The machines it was compiled for; empty if unknown.
    """

    name: str
    module: str
    python: str | None
    system: str | None
    machines: frozenset[str]


def extensions_fit(wheel: Archive) -> Iterator[Finding]:
    """Check that each extension module can be loaded where the tags allow the wheel to be installed.

    If a module exists several times, for several Pythons or machines or in Python, one that matches is enough. Test
    data, vendored code, and libraries without the suffix of an extension module are not checked.
    """
    tags, modules, held = tags_of(wheel), dict[str, list[Extension]](), set(wheel.members)
    for name, head in wheel.compiled.items():
        extension = _extension(name, head)
        if extension and f"{extension.module}.py" not in held:
            modules.setdefault(extension.module, []).append(extension)
    if not modules or not tags:
        return
    if all(tag.platform == "any" for tag in tags):
        if len({machine_of(head) for head in wheel.compiled.values()}) == 1:  # several machines are intended
            names = shorten(extension.name for found in modules.values() for extension in found)
            yield EXTENSION_MISMATCH(f"{wheel.path.name} is tagged for any platform, but contains {names}.")
        return
    if foreign := [found[0].name for found in modules.values() if not _fits(found, tags)]:
        yield EXTENSION_MISMATCH(f"{wheel.path.name} contains {shorten(foreign)}, which do not match its tags.")


def _extension(name: str, head: bytes) -> Extension | None:
    path = PurePosixPath(name)
    match = _SUFFIX.search(path.name) if len(path.name) <= _LONGEST else None
    if not match or not path.name[: match.start()].isidentifier() or not _ASIDE.isdisjoint(path.parts[:-1]):
        return None
    number = match["cpython"] or match["cp"]
    python = f"cp{number}" if number else match["other"]
    system, machines = machine_of(head)
    return Extension(name, name[: -len(match[0])], python, system, machines)


def _fits(found: list[Extension], tags: frozenset[Tag]) -> bool:
    """Whether one of a module's files can be loaded where a wheel with these tags is installed."""
    several = len({extension.python for extension in found}) > 1
    return any((several or _of_python(extension, tags)) and _of_machine(extension, tags) for extension in found)


def _of_python(extension: Extension, tags: frozenset[Tag]) -> bool:
    python = extension.python
    if python is None or not python.startswith("cp"):
        return True
    plain = python.rstrip("dmu")
    return any(tag.abi.rstrip("dmu") == plain or (tag.abi == "none" and tag.interpreter == plain) for tag in tags)


def _of_machine(extension: Extension, tags: frozenset[Tag]) -> bool:
    if extension.system is None:
        return True
    for platform in {tag.platform for tag in tags}:
        match = _SYSTEM.match(platform)
        if match is None:
            return True
        expected = next((known for end, known in _ARCHITECTURES if platform.endswith(end)), set())
        same = _SYSTEMS[match["system"]] == extension.system
        if same and (not expected or not extension.machines or expected & extension.machines):
            return True
    return False


def machine_of(head: bytes) -> tuple[str | None, frozenset[str]]:
    """Return the format of a compiled file and the machines it is for, from its first bytes.

    Returns:
        ``ELF``, ``PE``, ``Mach-O`` or None; and names of machines, none if unknown.
    """
    try:
        system, numbers = _numbers(head)
    except struct.error:
        return None, frozenset()
    known = _MACHINES.get(system or "", {})
    return system, frozenset(known[number] for number in numbers if number in known)


def _numbers(head: bytes) -> tuple[str | None, list[int]]:
    if head.startswith(b"\x7fELF"):
        return "ELF", list(struct.unpack_from(">H" if head[5:6] == b"\x02" else "<H", head, 18))
    if head.startswith(b"MZ"):
        (place,) = struct.unpack_from("<L", head, 60)
        if head[place : place + 4] != b"PE\0\0":
            return None, []
        return "PE", list(struct.unpack_from("<H", head, place + 4))
    magic = head[:4]
    for order, thin in (
        ("<", (b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")),
        (">", (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf")),
    ):
        if magic in thin:
            return "Mach-O", list(struct.unpack_from(f"{order}L", head, 4))
    if magic in (b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"):
        (number,) = struct.unpack_from(">L", head, 4)
        step = 20 if magic.endswith(b"\xbe") else 32
        if number <= _MOST_FAT:
            return "Mach-O", [struct.unpack_from(">L", head, 8 + step * place)[0] for place in range(number)]
    return None, []
