from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from nox_ship.config import Settings, VerifyInstallSettings
from nox_ship.errors import ShipError
from nox_ship.package import install, unpacking
from nox_ship.package.contents import Archive
from nox_ship.package.install import Expected
from nox_ship.package.installed import Record
from nox_ship.package.installed import problems as _problems
from nox_ship.package.manifest import Manifest
from support import make_sdist, make_wheel, metadata_text, write_files


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder like site-packages with one installed distribution."""
    info = "zz_installed-1.0.dist-info"
    write_files(tmp_path, {f"{info}/METADATA": metadata_text("zz-installed", "1.0")})
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def problems(name: str, *rest: Any) -> list[tuple[str, ...]]:
    """Return what is wrong with an installed distribution."""
    return list(_problems(Record.find(name), name, *rest))


def test_a_good_installation_has_no_problems(site: Path) -> None:
    """An installation with the right version, imports and entry points has no problems."""
    entry = "[console_scripts]\nzz = zz_good.cli:main\n"
    write_files(site, {"zz_good/__init__.py": "", "zz_good/cli.py": "def main(): ..."})
    write_files(site, {"zz_installed-1.0.dist-info/entry_points.txt": entry})
    assert problems("zz-installed", "1.0", ["zz_good", "zz_good.cli"]) == []
    assert problems("Zz.Installed", "1.0", []) == []


METADATA = """\
Metadata-Version: 2.1
Name: Zz_Written
version: 1.0
License: Some
        \n\
        lines
Requires-Dist: a>=1;
    python_version < "4"
requires-dist: b

Requires-Dist: text
"""


REQUIRED = [["a>=1;", "python_version", "<", '"4"'], ["b"]]


def test_the_record_of_a_distribution_is_read_as_importlib_reads_it(tmp_path: Path) -> None:
    """Fields may be folded, contain empty lines, and be written in any case; the description has none."""
    info = tmp_path / "Zz_Written-1.0.dist-info"
    record_file = '"a,b.py",,\nzz/\u2028.py,,\n../../bin/zz,,\n'
    entries = "# [no]\n[ console_scripts ]\nzz = zz.cli:main [x]\nno value\n[other]\n a.b=c\n"
    write_files(info, {"METADATA": METADATA, "RECORD": record_file, "entry_points.txt": entries})
    record = Record(str(info))
    known = importlib.metadata.Distribution.at(info)
    required = [known.metadata.get_all("Requires-Dist") or [], record.field("Requires-Dist")]
    assert [[line.split() for line in lines] for lines in required] == [REQUIRED, REQUIRED]
    assert (record.field("Name"), record.field("Version")) == (["Zz_Written"], ["1.0"])
    assert record.files == ["a,b.py", "zz/\u2028.py", "../../bin/zz"]
    assert list(record.entries) == [("console_scripts", "zz", "zz.cli:main [x]"), ("other", "a.b", "c")]


def test_a_distribution_that_is_missing_is_a_problem() -> None:
    """If the distribution is not installed, only that is reported."""
    assert problems("zz-never-installed", "1.0", ["zz_none"]) == [
        ("version", "zz-never-installed is not among the installed distributions")
    ]


@pytest.mark.usefixtures("site")
def test_another_version_is_a_problem() -> None:
    """An installed version other than the manifest's is reported."""
    assert problems("zz-installed", "1.1", []) == [("version", "the installed metadata say 1.0, but the manifest 1.1")]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import zz_absent", "ModuleNotFoundError: No module named 'zz_absent'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 +", "SyntaxError: invalid syntax"),
        ("raise ValueError('größe')", "ValueError: größe"),
    ],
)
def test_a_module_that_cannot_be_imported_is_a_problem(site: Path, code: str, reason: str) -> None:
    """Whatever a module raises on import is reported in one line, and the next module is tried."""
    name = f"zz_bad_{abs(hash(code))}"
    write_files(site, {f"{name}.py": code})
    found = problems("zz-installed", "1.0", [name, "zz_other_absent"])
    missing = "zz_absent" if "zz_absent" in code else ""
    assert found[0] == ("import", f"import {name}: {reason}", "", name, "", missing)
    assert found[1][1].startswith("import zz_other_absent: ModuleNotFoundError")


def test_a_version_that_a_module_states_is_told(site: Path) -> None:
    """A `__version__` that differs from the metadata is reported; one that is not a string is ignored."""
    stated = {"same": "'1.0'", "other": "'1.1'", "odd": "(1, 1)", "none": "None", "text": "'unknown'"}
    write_files(site, {f"zz_stated_{name}.py": f"__version__ = {value}\n" for name, value in stated.items()})
    write_files(site, {"zz_stated_lazy.py": "def __getattr__(name):\n    raise ValueError(name)\n"})
    warns = "import warnings\ndef __getattr__(name):\n    warnings.warn('old')\n    return '2'\n"
    write_files(site, {"zz_stated_warns.py": warns})
    names = [f"zz_stated_{name}" for name in (*stated, "lazy", "warns")]
    assert problems("zz-installed", "1.0", names) == [
        ("stated version", "1.1", "", "zz_stated_other", "", ""),
        ("stated version", "unknown", "", "zz_stated_text", "", ""),
        ("stated version", "2", "", "zz_stated_warns", "", ""),
    ]


ENTRIES = """\
[console_scripts]
a = zz_entries:main
b = zz_entries:gone
[zz.plugins]
c = zz_absent.module
d = zz_absent.module [extra]
"""


def test_entry_points_are_loaded(site: Path) -> None:
    """Each entry point of any group that cannot be loaded is reported with the missing module."""
    write_files(site, {"zz_entries.py": "def main(): ...", "zz_installed-1.0.dist-info/entry_points.txt": ENTRIES})
    gone, *absent = problems("zz-installed", "1.0", [])
    assert gone[0] == "entry point"
    assert gone[1].startswith("AttributeError: ")
    assert gone[2:] == ("console_scripts", "b", "zz_entries:gone", "")
    why = "ModuleNotFoundError: No module named 'zz_absent'"
    assert absent == [
        ("entry point", why, "zz.plugins", "c", "zz_absent.module", "zz_absent"),
        ("entry point", why, "zz.plugins", "d", "zz_absent.module [extra]", "zz_absent"),
    ]


def test_an_entry_point_that_names_no_module_is_a_problem(site: Path) -> None:
    """An entry point whose value has another form than ``module:attribute`` is reported."""
    write_files(site, {"zz_installed-1.0.dist-info/entry_points.txt": "[x]\na = to the moon\n"})
    (found,) = problems("zz-installed", "1.0", [])
    assert found == ("entry point", "ValueError: it names no module: to the moon", "x", "a", "to the moon", "")


def test_some_entry_points_can_be_loaded_alone(site: Path) -> None:
    """Only selected entry points are loaded if they are named by group and name."""
    write_files(site, {"zz_installed-1.0.dist-info/entry_points.txt": ENTRIES})
    found = problems("zz-installed", "1.0", [], [["zz.plugins", "d"], ["other", "c"]])
    assert [problem[3] for problem in found] == ["d"]
    assert problems("zz-installed", "1.0", [], []) == []


@pytest.mark.parametrize("name", ["5", "None"])
def test_what_a_module_says_is_missing_is_taken_as_text(site: Path, name: str) -> None:
    """The name in a ModuleNotFoundError that a module raises itself is taken as text."""
    write_files(site, {f"zz_odd_{name}.py": f"raise ModuleNotFoundError('x', name={name})"})
    write_files(site, {"zz_installed-1.0.dist-info/entry_points.txt": f"[console_scripts]\na = zz_odd_{name}:b\n"})
    (found,) = problems("zz-installed", "1.0", [])
    assert found[-1] == name.removeprefix("None")


def test_what_is_expected_follows_from_the_wheels(tmp_path: Path) -> None:
    """The modules to import are those of all wheels, without duplicates, and not those of sdists."""
    files = [
        make_wheel(tmp_path / "a", {"sample/__init__.py": "", "_speed.abi3.so": ""}),
        make_wheel(tmp_path / "b", {"sample/__init__.py": "", "extra.py": ""}),
        make_sdist(tmp_path, {"src/other/__init__.py": ""}),
    ]
    manifest = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=())
    settings = Settings(verify_install=VerifyInstallSettings((("sample", "--version"),)))
    expected = Expected.of(manifest, files, settings)
    assert expected == Expected("sample", "1.2.3", ("_speed", "extra", "sample"), (("sample", "--version"),))


def test_the_extras_are_those_of_the_wheels(tmp_path: Path) -> None:
    """The extras of the wheels are read with their requirements, even if some of the metadata is malformed."""
    metadata = (
        "Provides-Extra: Fast_IO",
        "Provides-Extra: none",
        "Requires-Dist: Py.YAML>=5; python_version > '3' and extra == 'Fast_IO'",
        'Requires-Dist: other[x] ; extra=="fast-io"',
        "Requires-Dist: plain; sys_platform == 'win32'",
        "Requires-Dist: gone; extra == 'undeclared'",
        "Requires-Dist: ((( extra == 'none'",
        "Requires-Dist:",
    )
    wheel = make_wheel(tmp_path, {"sample/__init__.py": ""}, metadata)
    manifest = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=())
    extras = Expected.of(manifest, [wheel, make_sdist(tmp_path, {})], Settings()).extras
    assert extras == {"fast-io": {"py-yaml", "other"}, "none": {""}}


def test_what_cannot_be_imported_is_not_expected_to_be(tmp_path: Path) -> None:
    """A file or folder whose name is not an identifier does not count as a module."""
    files = {"sample/__init__.py": "", "not-a-module.py": "", "no-package/__init__.py": "", "no-package/inner/x.py": ""}
    manifest = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=())
    assert Expected.of(manifest, [make_wheel(tmp_path, files)], Settings()).modules == ("sample",)


def test_what_is_not_installed_among_the_packages_is_no_module(tmp_path: Path) -> None:
    """Python files in the metadata, scripts and data folders of a wheel do not count as modules."""
    files = {"sample/a.py": "", "sample-1.2.3.data/scripts/b.py": "", "sample-1.2.3.dist-info/c.py": "", "d.txt": ""}
    assert Archive.read(make_wheel(tmp_path, files)).importable == ("sample/a.py",)


def test_a_local_file_is_bound_to_its_hash(tmp_path: Path) -> None:
    """The URL of a local file has its SHA-256, and special characters of the path are escaped."""
    path = tmp_path / "a b#c" / "x.whl"
    source = install.local_source(path, "0" * 64)
    assert source.startswith("file:///")
    assert source.endswith(f"/a%20b%23c/x.whl#sha256={'0' * 64}")


def test_smoke_commands_come_from_the_environment_first(tmp_path: Path) -> None:
    """A smoke command uses the environment's program, or else leaves the search to the PATH."""
    tool = write_files(tmp_path / "bin", {"tool": "#!/bin/sh\n"}) / "tool"
    tool.chmod(0o755)
    assert install._resolved(tmp_path / "bin", ("tool", "--version")) == [str(tool), "--version"]
    assert install._resolved(tmp_path / "bin", ("other",)) == ["other"]


def test_an_archive_with_too_many_members_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel or sdist with too many members is refused, as reading it could exhaust the memory."""
    files = {f"sample/{number}.py": "" for number in range(9)}
    for path in (make_wheel(tmp_path, files), make_sdist(tmp_path, files)):
        monkeypatch.undo()
        Archive.read(path)
        monkeypatch.setattr(unpacking, "_MOST_MEMBERS", 9)
        with pytest.raises(ShipError, match="more than 9 members"):
            Archive.read(path)
