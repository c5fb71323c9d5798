from __future__ import annotations

from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.release.source import Place, VersionSource
from support import each, in_time, make_project

DYNAMIC = '[project]\nname = "sample"\ndynamic = ["version"]\n'
STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
INIT = "src/sample/__init__.py"
META = "src/sample/meta.py"
ASSIGNED = '"""Docs."""\n\n__version__ = "1.2.3"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
ST_DYNAMIC = f"{SETUPTOOLS}{DYNAMIC}[tool.setuptools.dynamic]\n"
FLIT = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
HATCH = f'{DYNAMIC}[tool.hatch.version]\npath = "v.py"'


def assert_found(project: Project, *files: str) -> None:
    """Check that the version is 1.2.3 and that each place contains it in the form that bump-my-version searches for."""
    source = VersionSource.of(project)
    assert (source.kind, source.current) == ("files", "1.2.3")
    assert [place.file for place in source.places] == list(files)
    for place in source.places:
        assert f"{place.before}1.2.3{place.after}" in (project.root / place.file).read_text("utf-8")


@each(
    ("pyproject", "files", "place"),
    [
        (STATIC, {}, "pyproject.toml"),
        ('[tool.poetry]\nname = "sample"\nversion = "1.2.3"', {}, "pyproject.toml"),
        (f'{DYNAMIC}[tool.hatch.version]\npath = "{INIT}"', {INIT: ASSIGNED}, INIT),
        (HATCH, {"v.py": "VERSION = '1.2.3'\r\n"}, "v.py"),
        (HATCH, {"v.py": '__version__: str = "1.2.3"'}, "v.py"),
        (HATCH, {"v.py": 'version = "protocol 7"\n__version__ = "1.2.3"\n'}, "v.py"),
        (f'{DYNAMIC}[tool.pdm.version]\nsource = "file"\npath = "{INIT}"', {INIT: ASSIGNED}, INIT),
        (f'{ST_DYNAMIC}version = {{attr = "sample.__version__"}}', {INIT: ASSIGNED}, INIT),
        (
            f'{ST_DYNAMIC}version = {{attr = "sample.meta.RELEASE"}}',
            {INIT: "", META: 'RELEASE = "1.2.3"\n'},
            META,
        ),
        (
            f'{ST_DYNAMIC}version = {{attr = "sample.meta.VERSION"}}',
            {INIT: "", META: '__version__ = "0"\nVERSION = "1.2.3"\n'},
            META,
        ),
        (
            f'{ST_DYNAMIC}version = {{attr = "sample.__version__"}}',
            {INIT: 'from typing import Final\n\n__version__: Final[str] = "1.2.3"\n'},
            INIT,
        ),
        (f'{ST_DYNAMIC}version = {{file = "VERSION"}}', {"VERSION": "1.2.3\r\n"}, "VERSION"),
        (f'{ST_DYNAMIC}version = {{file = ["VERSION"]}}', {"VERSION": "1.2.3"}, "VERSION"),
        (f"{FLIT}{DYNAMIC}", {INIT: ASSIGNED}, INIT),
        (f"{FLIT}{DYNAMIC}", {"sample.py": ASSIGNED}, "sample.py"),
        (SETUPTOOLS, {"setup.cfg": "[metadata]\nname = sample\nversion = 1.2.3\n"}, "setup.cfg"),
        (SETUPTOOLS, {"setup.cfg": "[metadata]\nname=sample\nversion=1.2.3\n"}, "setup.cfg"),
        (SETUPTOOLS, {"setup.cfg": "[metadata]\nname: sample\nversion: 1.2.3\n"}, "setup.cfg"),
        (
            SETUPTOOLS,
            {"setup.cfg": "[metadata]\nname = sample\nversion = attr: sample.__version__\n", INIT: ASSIGNED},
            INIT,
        ),
        (
            SETUPTOOLS,
            {"setup.cfg": "[metadata]\nname = sample\nversion = file: VERSION\n", "VERSION": "1.2.3\n"},
            "VERSION",
        ),
        (
            f"{SETUPTOOLS}{DYNAMIC}",
            {"setup.py": "from setuptools import setup\n\nsetup(python_version='3', version = '1.2.3')\n"},
            "setup.py",
        ),
    ],
)
def test_the_version_is_found_where_the_back_end_reads_it(
    tmp_path: Path, pyproject: str, files: dict[str, str], place: str
) -> None:
    """The version is found in every place that build backends read it from, in its usual spellings."""
    assert_found(make_project(tmp_path, pyproject, files), place)


@each(
    ("files", "copies"),
    [
        ({INIT: ASSIGNED}, [INIT]),
        ({INIT: "", "src/sample/__about__.py": ASSIGNED}, ["src/sample/__about__.py"]),
        ({INIT: ASSIGNED, "src/sample/_version.py": ASSIGNED}, [INIT, "src/sample/_version.py"]),
        (
            {INIT: "from ._version import __version__\n", "src/sample/_version.py": ASSIGNED},
            ["src/sample/_version.py"],
        ),
        ({INIT: '__version__ = "1.2.2"\n'}, []),
        ({INIT: "# __version__ = '1.2.3'\n"}, []),
        ({INIT: 'if x:\n    __version__ = "1.2.3"\n'}, []),
        ({"sample.py": ASSIGNED}, ["sample.py"]),
        ({"uv.lock": '[[package]]\nname = "sample"\nversion = "1.2.3"\n'}, ["uv.lock"]),
        ({"uv.lock": '[[package]]\nname = "my-sample"\nversion = "1.2.3"\n'}, []),
        ({"uv.lock": '[[package]]\nname = "sample"\nversion = "1.2.33"\n'}, []),
        ({"uv.lock": '[[package]]\nname = "other"\nversion = "1.2.3"\n'}, []),
    ],
)
def test_places_that_repeat_the_version_are_found(tmp_path: Path, files: dict[str, str], copies: list[str]) -> None:
    """Copies of the same version are found, so that they change with it; other versions are left alone."""
    assert_found(make_project(tmp_path, STATIC, files), "pyproject.toml", *copies)


def test_uv_names_a_project_by_its_normal_name(tmp_path: Path) -> None:
    """The project My_Sample is found in uv.lock by its normalized name, `my-sample`."""
    lock = '[[package]]\nname = "my-sample"\nversion = "1.2.3"\n'
    project = make_project(tmp_path, STATIC.replace("sample", "My_Sample"), {"uv.lock": lock})
    assert_found(project, "pyproject.toml", "uv.lock")


@each(
    ("pyproject", "files"),
    [
        (f'{DYNAMIC}[build-system]\nrequires = ["setuptools", "setuptools_scm[toml]>=8"]', {}),
        (f'{DYNAMIC}[build-system]\nrequires = ["setuptools-scm"]\n[tool.setuptools_scm]', {INIT: ASSIGNED}),
        (f'{DYNAMIC}[tool.hatch.version]\nsource = "vcs"', {}),
        (f'{DYNAMIC}[tool.pdm.version]\nsource = "scm"', {}),
        (f'{DYNAMIC}[build-system]\nrequires = ["hatchling", "versioningit"]', {}),
        (
            (
                '[tool.poetry]\nname = "sample"\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n'
                '[build-system]\nrequires = ["poetry-core", "poetry-dynamic-versioning"]'
            ),
            {},
        ),
        (
            '[build-system]\nrequires = ["setuptools", "setuptools_scm"]\n[tool.setuptools_scm]',
            {"setup.cfg": "[metadata]\nname = sample\n"},
        ),
        (
            (
                f'{DYNAMIC}[build-system]\nrequires = ["hatchling", "uv-dynamic-versioning"]\n'
                '[tool.hatch.version]\nsource = "uv-dynamic-versioning"'
            ),
            {},
        ),
        (f'{DYNAMIC}[build-system]\nrequires = ["flit_scm"]\nbuild-backend = "flit_scm:buildapi"', {}),
    ],
)
def test_git_tags_tell_the_version_where_a_tool_reads_them(
    tmp_path: Path, pyproject: str, files: dict[str, str]
) -> None:
    """If a tool derives the version from git tags, the source is the tags, and no file states it."""
    assert VersionSource.of(make_project(tmp_path, pyproject, files)) == VersionSource("tags")


def test_an_unused_scm_tool_does_not_matter(tmp_path: Path) -> None:
    """A static version takes precedence over setuptools_scm, which may be there for other purposes."""
    text = f'{STATIC}[build-system]\nrequires = ["setuptools", "setuptools_scm"]'
    assert_found(make_project(tmp_path, text), "pyproject.toml")


@each(
    ("pyproject", "files"),
    [
        ('[project]\nname = "sample"', {}),
        ('[project]\nname = "sample"\nversion = ""', {}),
        ('[project]\nname = "sample"\nversion = 1.2', {}),
        (DYNAMIC, {}),
        (HATCH, {}),
        (HATCH, {"v.py": "__version__ = compute()"}),
        (f'{ST_DYNAMIC}version = {{file = "VERSION"}}', {"VERSION": " \n"}),
        (SETUPTOOLS, {"setup.py": "setup(name='sample', version=read_version())"}),
    ],
)
def test_a_project_without_a_version_is_a_finding(tmp_path: Path, pyproject: str, files: dict[str, str]) -> None:
    """If no version is found, the project is refused with NS301."""
    with pytest.raises(ShipError, match="NS301"):
        VersionSource.of(make_project(tmp_path, pyproject, files))


def test_braces_around_a_version_are_not_read_as_fields() -> None:
    """Braces around a version are doubled, because bump-my-version formats its search texts."""
    entry = Place("a.txt", before="{v: ", after="}").as_bump_file()
    assert entry["search"].format(current_version="1") == "{v: 1}"
    assert entry["replace"].format(new_version="2") == "{v: 2}"


@pytest.mark.parametrize(
    "files",
    [
        {INIT: "from .__init__ import __version__\n"},
        {INIT: "from .a import __version__\n", "src/sample/a.py": "from .__init__ import __version__\n"},
        {INIT: "from .a import __version__\n", "src/sample/a.py": "from .a import __version__\n"},
    ],
)
def test_modules_that_import_the_version_from_each_other_have_none(tmp_path: Path, files: dict[str, str]) -> None:
    """If modules only import the version from each other, the search ends with NS301."""
    project = make_project(tmp_path, f'{ST_DYNAMIC}version = {{attr = "sample.__version__"}}', files)
    with pytest.raises(ShipError, match="NS301"):
        VersionSource.of(project)


@pytest.mark.parametrize("text", ["__version__:" + " " * 20000, "a = " * 5000, "from .a import " + "b " * 20000])
def test_no_text_takes_long_to_search(tmp_path: Path, text: str) -> None:
    """Text that could slow down a regular expression is searched quickly, to its end, with NS301."""
    project = make_project(tmp_path, f'{ST_DYNAMIC}version = {{attr = "sample.__version__"}}', {INIT: text})
    with in_time(1), pytest.raises(ShipError, match="NS301"):
        VersionSource.of(project)


@each(
    "script",
    [
        "setup(name='sample', ext_modules=[Extension('speed', version='9')], version='1.2.3')",
        "check(version='9')\nsetup(name='sample', version='1.2.3')",
        "RELEASE = '1.2.3'\nsetup(name='sample', version=RELEASE)",
        "# version='1.2.3'\nsetup(\n    name='sample',\n    version='1.2.3',\n)",
    ],
)
def test_the_version_in_setup_py_is_that_of_the_project(tmp_path: Path, script: str) -> None:
    """The version in setup.py is that of the project, not of an extension module or another call."""
    assert_found(make_project(tmp_path, SETUPTOOLS, {"setup.py": f"from setuptools import *\n{script}\n"}), "setup.py")


NAMED = "[metadata]\nname = sample\n"
SETUP = "import os, re\nfrom setuptools import setup\n"


@each(
    ("script", "place"),
    [
        ("import sample\nsetup(version=sample.__version__)", "sample/__init__.py"),
        ("import sample as s\nsetup(version=s.__version__)", "sample/__init__.py"),
        ("import sample.meta\nsetup(version=sample.meta.RELEASE)", "sample/meta.py"),
        ("from sample import meta\nsetup(version=meta.RELEASE)", "sample/meta.py"),
        ("from sample.meta import RELEASE as V\nsetup(version=V)", "sample/meta.py"),
        ("exec(open('sample/__init__.py').read())\nsetup(version=__version__)", "sample/__init__.py"),
        (
            "pkg = 'sample'\nexec(open(os.path.join(pkg, '__init__.py')).read(), a)\nsetup(version=a['__version__'])",
            "sample/__init__.py",
        ),
        ("setup(version=re.search('...', read('sample', 'meta.py'))['RELEASE'])", "sample/meta.py"),
        ("setup(version=found(Path(__file__).parent / 'sample' / '__init__.py'))", "sample/__init__.py"),
        (
            "def version(name=os.path.join('sample', '__init__.py')): ...\nsetup(version=version())",
            "sample/__init__.py",
        ),
        ("setup(version=open('VERSION').read().strip(), long_description=open('README.txt').read())", "VERSION"),
        ("setup(version=anything())", "sample/__init__.py"),
    ],
)
def test_a_version_that_setup_py_reads_elsewhere_is_found(tmp_path: Path, script: str, place: str) -> None:
    """A version that setup.py reads from a module, a file or the package is found without running it."""
    files = {"sample/meta.py": 'RELEASE = "1.2.3"\n', "sample/__init__.py": '__version__ = "1.2.3"\n'}
    more = {"VERSION": "1.2.3\n", "README.txt": "A sample.\n", "setup.cfg": NAMED, "setup.py": f"{SETUP}{script}\n"}
    project = make_project(tmp_path, "", {**files, **more})
    source = VersionSource.of(project)
    assert (source.current, source.places[0].file) == ("1.2.3", place)


@pytest.mark.slow
@each(
    "script",
    [
        "setup(version=open('/etc/version').read())",
        "setup(version=open('../version.txt').read())",
        "setup(version=open('a\\0b').read())",
        f"setup(version=open('{'a' * 5000}.py').read())",
        "setup(version=open('README.txt').read())",
        "import numpy\nsetup(version=numpy.__version__)",
        "setup(version=a['x' * 99](b) / 'c' / (d / 'e'))",
        "setup(version=" + "(a / 'b') / " * 200 + "'c')",
    ],
)
def test_a_version_that_only_running_setup_py_would_tell_is_a_finding(tmp_path: Path, script: str) -> None:
    """If only running setup.py would tell the version, NS301 is raised, and no file outside the project is read."""
    project = make_project(
        tmp_path / "project", "", {"setup.py": SETUP + script, "setup.cfg": NAMED, "README.txt": "A"}
    )
    (tmp_path / "version.txt").write_text("1.2.3\n")
    with pytest.raises(ShipError, match="NS301"):
        VersionSource.of(project)


@pytest.mark.parametrize(
    "script",
    [
        "setup(use_scm_version=True)",
        "setup(setup_requires=['pbr'], pbr=True)",
        "import versioneer\nsetup(version=versioneer.get_version(), cmdclass=versioneer.get_cmdclass())",
    ],
)
def test_setup_py_may_let_git_tell_the_version(tmp_path: Path, script: str) -> None:
    """With setuptools-scm, pbr or versioneer in setup.py, the version comes from git tags."""
    files = {"setup.py": SETUP + script, "sample/__init__.py": '__version__ = "1.2.3"\n'}
    assert VersionSource.of(make_project(tmp_path, "", files)).kind == "tags"


@pytest.mark.parametrize(
    "line", ["from .meta import (\n    A,\n    __version__,\n)", "from sample.meta import A, __version__"]
)
def test_a_version_that_a_package_imports_from_its_own_module_is_found(tmp_path: Path, line: str) -> None:
    """A version that a package imports from its own module is found there, even if the import has several lines."""
    files = {INIT: f"{line}\n", META: '__version__ = "1.2.3"\n'}
    assert_found(make_project(tmp_path, f"{FLIT}{DYNAMIC}", files), META)


MATURIN = f'[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n{DYNAMIC}'


def test_maturin_takes_the_version_from_cargo(tmp_path: Path) -> None:
    """With maturin, the version comes from the crate's Cargo.toml, and its Cargo.lock repeats it."""
    manifest = '[package]\nname = "sample-rs"\nversion = "1.2.3"\n\n[dependencies]\nother = { version = "1.2.3" }\n'
    lock = '\n[[package]]\nname = "other"\nversion = "1.2.3"\n\n[[package]]\nname = "sample-rs"\nversion = "1.2.3"\n'
    assert_found(
        make_project(tmp_path, MATURIN, {"Cargo.toml": manifest, "Cargo.lock": lock}), "Cargo.toml", "Cargo.lock"
    )
    there = {"rust/Cargo.toml": manifest, "rust/Cargo.lock": lock, "Cargo.toml": "", "Cargo.lock": ""}
    moved = make_project(tmp_path, f'{MATURIN}[tool.maturin]\nmanifest-path = "rust/Cargo.toml"\n', there)
    assert_found(moved, "rust/Cargo.toml", "rust/Cargo.lock")


@each("manifest", ["[package", "package = 3", "[package]\nversion.workspace = true", ""])
def test_a_crate_without_a_version_of_its_own_has_none(tmp_path: Path, manifest: str) -> None:
    """A crate without a version of its own, or with an invalid manifest, leads to NS301."""
    with pytest.raises(ShipError, match="NS301"):
        VersionSource.of(make_project(tmp_path, MATURIN, {"Cargo.toml": manifest}))


@each("path", ['"."', '"/"', '"x/.."', "[1]", "3", '""', '"a\\u0000b"'])
def test_a_manifest_that_is_no_file_is_passed_over(tmp_path: Path, path: str) -> None:
    """A `manifest-path` that is not a file is ignored if pyproject.toml states the version."""
    settings = MATURIN.replace('dynamic = ["version"]', 'version = "1.2.3"')
    assert_found(make_project(tmp_path, f"{settings}[tool.maturin]\nmanifest-path = {path}\n"), "pyproject.toml")


@pytest.mark.parametrize("setup", ["use_scm_version=True", "pbr=True", "version=versioneer.get_version()"])
def test_a_setup_script_that_asks_git_counts_where_nothing_else_is_stated(tmp_path: Path, setup: str) -> None:
    """A setup.py that takes the version from git counts only if pyproject.toml states no version."""
    script = {"setup.py": f"import versioneer\nfrom setuptools import setup\nsetup({setup})\n"}
    assert (
        VersionSource.of(make_project(tmp_path / "a", '[project]\nname = "x"\ndynamic = ["version"]', script)).kind
        == "tags"
    )
    assert_found(make_project(tmp_path / "b", STATIC, script), "pyproject.toml")
    poetry = '[tool.poetry]\nname = "sample"\nversion = "1.2.3"\n'
    assert_found(make_project(tmp_path / "c", poetry, script), "pyproject.toml")


@pytest.mark.parametrize("line", ["version=", "__version__ = ", "a=b=__version__=", "__version__: x "])
def test_a_long_line_takes_no_long_time(tmp_path: Path, line: str) -> None:
    """A very long, repetitive line is searched quickly."""
    project = make_project(tmp_path, HATCH, {"v.py": line * 30_000})
    with in_time(), pytest.raises(ShipError, match="NS301"):
        VersionSource.of(project)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("setup.py", b"# coding: latin-1\nauthor = 'J\xfcrgen'\nsetup(name='sample', version='1.2.3')\n"),
        ("setup.py", "# Gr\u00fc\u00dfe\r\nsetup(name='sample', version='1.2.3')\r\n".encode()),
        ("setup.py", b"\xef\xbb\xbfsetup(name='sample', version='1.2.3')\n"),
        ("setup.cfg", b"[metadata]\nauthor = J\xfcrgen\nname = sample\nversion = 1.2.3\n"),
        ("setup.cfg", b"[metadata]\rname = sample\rversion = 1.2.3\r"),
        ("setup.cfg", b"[x]\nversion = 1.2.3\n\n[metadata]\r\nname = sample\r\nversion = 1.2.3\r\n"),
    ],
)
def test_a_version_is_changed_in_its_place(tmp_path: Path, name: str, content: bytes) -> None:
    """Only the version changes: encoding, line breaks, and the same text in other places stay."""
    project = make_project(tmp_path, "", {name: content})
    VersionSource.of(project).places[0].change(project, "1.2.3", "1.2.4rc1")
    head, found, tail = content.rpartition(b"1.2.3")
    assert (tmp_path / name).read_bytes() == (head + b"1.2.4rc1" + tail if found else b"")
