from __future__ import annotations

import struct
from pathlib import Path

from drafts import Draft, elf, good_files
from nox_ship.package.contents import Archive
from nox_ship.package.extensions import extensions_fit, machine_of
from support import each

X86_64, ARM64 = elf(62), elf(183)
WINDOWS = b"MZ" + bytes(58) + struct.pack("<L", 64) + b"PE\0\0" + struct.pack("<H", 0x8664)
MAC = b"\xcf\xfa\xed\xfe" + struct.pack("<L", 0x100000C)
FAT = (
    b"\xca\xfe\xba\xbe"
    + struct.pack(">L", 2)
    + struct.pack(">5L", 0x1000007, 0, 0, 0, 0)
    + struct.pack(">L", 0x100000C)
)
ON_311 = "a.cpython-311-x86_64-linux-gnu.so"
LINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"


def found(folder: Path, tag: str, **files: bytes) -> list[str]:
    """Return the IDs of the findings about a wheel with these files in its package."""
    draft = Draft.read(good_files(folder)[0])
    draft.file = draft.file.replace("py3-none-any", tag)
    draft.members |= {f"sample/{name}": content for name, content in files.items()}
    return [finding.id for finding in extensions_fit(Archive.read(draft.write(folder / "made")))]


@each(
    ("tag", "files"),
    [
        (f"cp311-cp311-{LINUX}", {"a.cpython-311-x86_64-linux-gnu.so": X86_64}),
        (f"cp313-cp313t-{LINUX}", {"a.cpython-313t-x86_64-linux-gnu.so": X86_64}),
        (f"cp37-cp37m-{LINUX}", {"a.cpython-37m-x86_64-linux-gnu.so": X86_64}),
        (f"cp39-abi3-{LINUX}", {"a.abi3.so": X86_64}),
        (f"cp39-abi3-{LINUX}", {"a.so": X86_64}),
        ("cp311-cp311-win_amd64", {"a.cp311-win_amd64.pyd": WINDOWS, "b.pyd": WINDOWS}),
        ("cp311-cp311-macosx_11_0_arm64", {"a.cpython-311-darwin.so": MAC}),
        ("cp311-cp311-macosx_10_9_universal2", {"a.cpython-311-darwin.so": FAT}),
        ("cp311-cp311-macosx_10_9_x86_64", {"a.cpython-311-darwin.so": FAT}),
        (f"pp310-pypy310_pp73-{LINUX}", {"a.pypy310-pp73-x86_64-linux-gnu.so": X86_64}),
        ("cp311-cp311-manylinux2014_aarch64", {"a.cpython-311-aarch64-linux-gnu.so": ARM64}),
        ("cp312-cp312-pyemscripten_2025_0_wasm32", {"a.cpython-312-wasm32-emscripten.so": b"\0asm\1\0\0\0"}),
        (f"py3-none-{LINUX}", {"libtool.so": X86_64, "run": X86_64}),
        (f"py3-none-{LINUX}", {ON_311: X86_64, "a.cpython-312-x86_64-linux-gnu.so": X86_64}),
        ("py3-none-any", {"lib.so": X86_64, "lib.dll": WINDOWS}),
        ("py3-none-any", {"a.cpython-311-x86_64-linux-gnu.so": X86_64, "a.cp311-win_amd64.pyd": WINDOWS}),
        ("py3-none-any", {"a.cpython-311-x86_64-linux-gnu.so": X86_64, "a.py": b""}),
        ("py3-none-any", {"tests/a.cpython-39-x86_64-linux-gnu.so": X86_64}),
        ("py3-none-any", {"_vendor/a.cpython-39-x86_64-linux-gnu.so": X86_64}),
        ("py3-none-any", {"not-a-module.abi3.so": X86_64}),
        (f"cp311-cp311-{LINUX}", {"a.cpython-311-x86_64-linux-gnu.so": b""}),
        ("any", {"a.cpython-311-x86_64-linux-gnu.so": X86_64}),  # not a wheel's file name, which another check reports
    ],
)  # fmt: skip
def test_extension_modules_may_be_for_what_the_tags_name(tmp_path: Path, tag: str, files: dict[str, bytes]) -> None:
    """Extension modules that match the wheel's tags pass, and so do optional ones and those for several platforms."""
    assert found(tmp_path, tag, **files) == []


@each(
    ("tag", "files"),
    [
        ("py3-none-any", {"a.cpython-311-x86_64-linux-gnu.so": X86_64}),
        ("py3-none-any", {"a.abi3.so": X86_64}),
        ("py2.py3-none-any", {"inner/a.cp311-win_amd64.pyd": WINDOWS}),
        (f"cp312-cp312-{LINUX}", {"a.cpython-311-x86_64-linux-gnu.so": X86_64}),
        (f"cp313-cp313t-{LINUX}", {"a.cpython-313-x86_64-linux-gnu.so": X86_64}),
        (f"cp39-abi3-{LINUX}", {"a.cpython-39-x86_64-linux-gnu.so": X86_64}),
        (f"py3-none-{LINUX}", {"a.cpython-311-x86_64-linux-gnu.so": X86_64}),
        (f"cp311-cp311-{LINUX}", {"a.cpython-311-x86_64-linux-gnu.so": ARM64}),
        (f"cp311-cp311-{LINUX}", {"a.abi3.so": WINDOWS}),
        ("cp311-cp311-win_arm64", {"a.cp311-win_arm64.pyd": WINDOWS}),
        ("cp311-cp311-win32", {"a.cp311-win32.pyd": WINDOWS}),
        ("cp311-cp311-macosx_10_9_x86_64", {"a.cpython-311-darwin.so": MAC}),
        (f"cp311-cp311-{LINUX}", {ON_311: X86_64, "b.cpython-310-x86_64-linux-gnu.so": X86_64}),
    ],
)  # fmt: skip
def test_an_extension_module_that_cannot_be_imported_is_found(
    tmp_path: Path, tag: str, files: dict[str, bytes]
) -> None:
    """NS548 reports an extension module for another Python, processor or system than the wheel's tags."""
    assert found(tmp_path, tag, **files) == ["NS548"]


@each("head", [b"", b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe\0\0\0\x34", b"MZ" + b"\xff" * 200, FAT[:20]])
def test_what_is_no_program_is_for_no_machine(head: bytes) -> None:
    """Truncated files and Java class files are not taken for programs of any machine."""
    assert machine_of(head)[1] == frozenset()
