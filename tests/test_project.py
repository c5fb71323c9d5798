from __future__ import annotations

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from nox_ship.errors import ShipError
from nox_ship.project import Project, admits, minor, read_pyproject
from support import each, make_project, write_files

NAMED = '[project]\nname = "sample"\n'


def failure(root: Path) -> str:
    """Return the ID of the only finding when the project in ``root`` is read."""
    with pytest.raises(ShipError) as caught:
        Project.read(root)
    (finding,) = caught.value.findings
    return finding.id


@each(
    ("content", "problem"),
    [
        (None, "NS111"),
        (b"[project", "NS112"),
        (b"a = 1\na = 2", "NS112"),
        (b"\xef\xbb\xbf[project]", "NS112"),
        (b"name = 'caf\xe9'", "NS112"),
        (b"\xff\xfe[\x00", "NS112"),
        (b"[tool.nox-ship]\nx = 1", "NS101"),
    ],
)
def test_an_unreadable_pyproject_is_a_finding(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """A missing pyproject.toml is NS111, an unreadable or invalid one NS112, and an unknown setting NS101."""
    if content is not None:
        (tmp_path / "pyproject.toml").write_bytes(content)
    assert failure(tmp_path) == problem


def test_a_folder_called_pyproject_is_a_finding(tmp_path: Path) -> None:
    """A folder called pyproject.toml is NS112, and not a traceback."""
    (tmp_path / "pyproject.toml").mkdir()
    assert failure(tmp_path) == "NS112"


def test_windows_line_breaks_are_read(tmp_path: Path) -> None:
    """Lines that end with CRLF are read like lines that end with LF."""
    write_files(tmp_path, {"pyproject.toml": NAMED.replace("\n", "\r\n")})
    assert read_pyproject(tmp_path) == {"project": {"name": "sample"}}


@each(
    ("pyproject", "cfg", "name", "canonical"),
    [
        ('[project]\nname = "My.Sample__X"', "", "My.Sample__X", "my-sample-x"),
        ('[tool.poetry]\nname = "poet"', "", "poet", "poet"),
        ('[project]\n[tool.poetry]\nname = "poet"', "", "poet", "poet"),
        ("", "[metadata]\nname = from_cfg\n", "from_cfg", "from-cfg"),
        ("", "[metadata]\nname: from_cfg\n", "from_cfg", "from-cfg"),
    ],
)
def test_the_name_is_found_where_the_back_end_reads_it(
    tmp_path: Path, pyproject: str, cfg: str, name: str, canonical: str
) -> None:
    """The name is read from [project], from Poetry's table, or from setup.cfg."""
    project = make_project(tmp_path, pyproject, {"setup.cfg": cfg} if cfg else {})
    assert (project.name, project.canonical_name) == (name, canonical)


@each("pyproject", ["", "project = 1", "[project]\nname = 3", '[project]\nname = "  "'])
def test_a_project_without_a_name_is_a_finding(tmp_path: Path, pyproject: str) -> None:
    """A missing, empty or numeric name is NS113."""
    project = make_project(tmp_path, pyproject)
    with pytest.raises(ShipError, match="NS113"):
        _ = project.name


@each("cfg", [b"name = x", b"[metadata\n", b"\xff\xfe[\0a\0]\0", b"[a]\nno value\n"])
def test_a_broken_ini_file_is_as_none(tmp_path: Path, cfg: bytes) -> None:
    """An invalid setup.cfg is read as if it were missing."""
    project = make_project(tmp_path, NAMED, {"setup.cfg": cfg})
    assert project.setup_cfg("metadata", "name") is None


@each(
    ("name", "content"),
    [
        ("setup.cfg", b"[metadata]\nauthor = J\xfcrgen\nname = sample\n"),
        ("setup.cfg", b"\xef\xbb\xbf[metadata]\r\nname = sample\r\n"),
        ("setup.py", b"# -*- coding: latin-1 -*-\nsetup(author='J\xfcrgen', name='sample')\n"),
        ("setup.py", b"#!python\n# vim: set fileencoding=cp1251 :\nsetup(author='\xcf', name='sample')\n"),
        ("setup.py", b"# coding: no-such-one\nsetup(author='J\xfcrgen', name='sample')\n"),
        ("setup.py", b"# coding: utf-8\nsetup(author='J\xfcrgen', name='sample')\n"),
        ("setup.py", b"\xef\xbb\xbfsetup(name='sample')\n"),
    ],
)
def test_files_of_another_encoding_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    """Files are decoded with the encoding that they declare, else as Latin-1."""
    assert make_project(tmp_path, "", {name: content}).name == "sample"


def test_an_encoding_that_a_file_names_is_the_one_that_counts(tmp_path: Path) -> None:
    """Text in the encoding that setup.py declares is read correctly."""
    project = make_project(tmp_path, "", {"setup.py": "# coding: cp1251\nx = 'Привет'\n".encode("cp1251")})
    assert "Привет" in project.read_text("setup.py")


def test_the_back_end_without_a_table_is_setuptools(tmp_path: Path) -> None:
    """A project without a build backend uses setuptools, as PEP 517 says."""
    assert make_project(tmp_path, NAMED).backend.startswith("setuptools.")
    assert make_project(tmp_path, '[build-system]\nbuild-backend = "a.b"').backend == "a.b"


@each(
    ("pyproject", "cfg", "inside", "outside"),
    [
        ('[project]\nrequires-python = ">=3.11"', "", "3.11.0", "3.10.9"),
        ("", "[options]\npython_requires = >=3.9\n", "3.9.1", "3.8.9"),
        ('[tool.poetry.dependencies]\npython = "^3.11"', "", "3.14.0", "4.0.0"),
        ('[tool.poetry.dependencies]\npython = "^3.11.4"', "", "3.11.4", "3.11.3"),
        ('[tool.poetry.dependencies]\npython = "^3"', "", "3.0.0", "4.0.0"),
        ('[tool.poetry.dependencies]\npython = "~3.11"', "", "3.11.9", "3.12.0"),
        ('[tool.poetry.dependencies]\npython = "~3.11.2"', "", "3.11.9", "3.12.0"),
        ('[tool.poetry.dependencies]\npython = "~3"', "", "3.14.0", "4.0.0"),
        ('[tool.poetry.dependencies]\npython = ">=3.9,<3.13"', "", "3.12.1", "3.13.0"),
        ('[tool.poetry.dependencies]\npython = "^3.9,<3.13"', "", "3.12.1", "3.13.0"),
        ('[tool.poetry.dependencies]\npython = "^3.9,!=3.9.1"', "", "3.9.2", "3.9.1"),
        ('[tool.poetry.dependencies]\npython = "3.11.*"', "", "3.11.5", "3.12.0"),
        ('[tool.poetry.dependencies]\npython = "~=3.11"', "", "3.14.0", "4.0.0"),
    ],
)
def test_the_range_of_pythons_is_read_in_every_dialect(
    tmp_path: Path, pyproject: str, cfg: str, inside: str, outside: str
) -> None:
    """Python ranges in the syntax of PEP 440 and of Poetry include and exclude the right versions."""
    project = make_project(tmp_path, pyproject, {"setup.cfg": cfg} if cfg else {})
    assert project.requires_python.contains(inside)
    assert not project.requires_python.contains(outside)


@pytest.mark.parametrize("pyproject", ["", '[tool.poetry.dependencies]\npython = "*"'])
def test_a_project_that_names_no_python_runs_on_all(tmp_path: Path, pyproject: str) -> None:
    """A project without a range supports all Pythons."""
    assert make_project(tmp_path, pyproject).requires_python == SpecifierSet()


@each("text", ['"3.11"', '">>3"', '"any"', "3.11", f'">{"9" * 5000}"', f'">=9,>{"9" * 5000}"'])
def test_a_range_that_is_none_is_a_finding(tmp_path: Path, text: str) -> None:
    """An invalid `requires-python` is NS114, even if a number in it is too long for Python to parse."""
    project = make_project(tmp_path, f"[project]\nrequires-python = {text}")
    with pytest.raises(ShipError, match="NS114"):
        _ = project.requires_python


@each(
    ("requires", "version", "expected"),
    [
        (">=3.11", "3.11", True),
        (">=3.11", "3.10", False),
        (">=3.11.4", "3.11", True),
        ("<3.13", "3.13", False),
        ("<=3.12", "3.12", True),
        ("!=3.12.*", "3.12", False),
        ("==3.11.*", "3.11", True),
        ("==3.11.4", "3.11", True),
        (">=3.11.4,<3.11.9", "3.11", True),
        (">=3.14.0rc1", "3.14", True),
        ("", "3.9", True),
    ],
)
def test_a_python_is_admitted_where_one_of_its_releases_is(requires: str, version: str, expected: bool) -> None:
    """A Python version is supported if the range includes at least one of its patch releases."""
    assert admits(SpecifierSet(requires), version) is expected


CLASSIFIERS = """classifiers = [
    "Programming Language :: Python :: 3.9",
    " Programming Language :: Python :: 3.12 ",
    "Programming Language :: Python :: 3.10",
    "Programming Language :: Python :: 3",
    "Programming Language :: Python :: 3 :: Only",
    "Programming Language :: Python :: 2.7",
    "Programming Language :: Python :: Implementation :: CPython",
    "Programming Language :: Python :: 3.10",
]
"""


@pytest.mark.parametrize("table", ["project", "tool.poetry"])
def test_pythons_of_the_classifiers_are_in_order_of_version(tmp_path: Path, table: str) -> None:
    """Pythons of the classifiers are sorted by number, without duplicates and classifiers without a minor version."""
    assert make_project(tmp_path, f"[{table}]\n{CLASSIFIERS}").classified_pythons == ("3.9", "3.10", "3.12")


def test_classifiers_of_setup_cfg_are_read(tmp_path: Path) -> None:
    """The classifiers of setup.cfg are read, one per line."""
    cfg = "[metadata]\nclassifiers =\n    Programming Language :: Python :: 3.10\n    Private :: x\n"
    assert make_project(tmp_path, NAMED, {"setup.cfg": cfg}).classified_pythons == ("3.10",)


def test_pythons_of_setup_py_are_read(tmp_path: Path) -> None:
    """The classifiers of setup.py are read, as far as its `python_requires` includes them."""
    listed = ", ".join(f"'Programming Language :: Python :: 3.{minor}'" for minor in (8, 10, 9))
    script = f"from setuptools import setup\nsetup(name='x', python_requires='>=3.9', classifiers=[{listed}])"
    project = make_project(tmp_path, "", {"setup.py": script})
    assert project.pythons("3.12") == ("3.9", "3.10")


def test_pythons_to_test_on(tmp_path: Path) -> None:
    """The setting takes precedence, then the classifiers within the range, then the running Python."""
    text = f'[project]\nrequires-python = ">=3.10"\n{CLASSIFIERS}'
    assert make_project(tmp_path, text).pythons("3.13") == ("3.10", "3.12")
    assert make_project(tmp_path, NAMED).pythons("3.13") == ("3.13",)
    text += '[tool.nox-ship]\npythons = ["3.14t"]'
    assert make_project(tmp_path, text).pythons("3.13") == ("3.14t",)


@each(
    ("requires", "running", "expected"),
    [
        ('requires-python = ">=3.10"', "3.12", ("3.10", "3.11", "3.12", "3.13")),
        ('requires-python = ">=3.11.4,<3.13"', "3.12", ("3.11", "3.12")),
        ('requires-python = "~=3.12"', "3.12", ("3.12", "3.13")),
        ('requires-python = "!=3.11.*,>=3.10"', "3.12", ("3.10", "3.12", "3.13")),
        ('requires-python = ">=2.7"', "3.12", ("3.9", "3.10", "3.11", "3.12", "3.13")),
        ('requires-python = ">=3.12"', "3.14", ("3.12", "3.13", "3.14")),
        ('requires-python = "<3.11"', "3.14", ("3.9", "3.10")),
        ('requires-python = "==3.4.*"', "3.12", ("3.12",)),
        ('[tool.poetry.dependencies]\npython = "^3.11"', "3.12", ("3.11", "3.12", "3.13")),
        ('[tool.poetry.dependencies]\npython = "*"', "3.12", ("3.12",)),
        ("", "3.12", ("3.12",)),
    ],
)
def test_without_classifiers_the_range_counts(
    tmp_path: Path, requires: str, running: str, expected: tuple[str, ...]
) -> None:
    """Without classifiers, released Pythons in the range are tested; without a range, only the running Python."""
    project = make_project(tmp_path, f"{NAMED}{requires}")
    assert project.pythons(running) == expected
    assert project.named_pythons == ()


def test_a_classifier_outside_of_the_range_names_no_python(tmp_path: Path) -> None:
    """If the range excludes all classifiers, the range alone counts."""
    text = f'{NAMED}requires-python = ">=3.12"\nclassifiers = ["Programming Language :: Python :: 3.9"]'
    assert make_project(tmp_path, text).pythons("3.12") == ("3.12", "3.13")


def test_where_no_release_is_known_the_running_python_is_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the released Pythons are unknown, only the running Python is tested."""
    monkeypatch.setattr("nox_ship.pythons.stable", tuple)
    assert make_project(tmp_path, f'{NAMED}requires-python = ">=3.9"').pythons("3.12") == ("3.12",)


def test_versions_sort_by_number() -> None:
    """Versions are sorted by number, so that 3.9 comes before 3.10."""
    assert sorted(["3.10", "3.9", "3.14"], key=minor) == ["3.9", "3.10", "3.14"]


@each(
    ("text", "tidy"),
    [
        ('build-backend = "hatchling.build"', True),
        ('build-backend = "flit_core.buildapi"', True),
        ('build-backend = "poetry.core.masonry.api"', True),
        ('build-backend = "uv_build"', True),
        ('build-backend = "pdm.backend"', True),
        ('build-backend = "setuptools.build_meta"', False),
        ('build-backend = "maturin"', False),
        ("", False),
        ('build-backend = "hatchling.build"\n[tool.hatch.build.hooks.vcs]\nversion-file = "x"', False),
        ('build-backend = "poetry.core.masonry.api"\n[tool.poetry.build]\nscript = "b.py"', False),
        ('build-backend = "pdm.backend"\n[tool.pdm.build]\nrun-setuptools = true', False),
    ],
)
def test_a_build_is_tidy_where_the_back_end_is_known_to_be(tmp_path: Path, text: str, tidy: bool) -> None:
    """A build is tidy with a known backend and without build hooks, since others may write into the sources."""
    assert make_project(tmp_path, f"[build-system]\n{text}").tidy_build is tidy


@each(
    ("text", "static"),
    [
        (NAMED, True),
        (f'{NAMED}dynamic = ["readme"]', True),
        (f'{NAMED}dynamic = ["version"]', False),
        (f'{NAMED}dynamic = ["dependencies"]', False),
        (f'{NAMED}dynamic = ["optional-dependencies"]', False),
        ('[tool.poetry]\nname = "x"', False),
        ("", False),
    ],
)
def test_metadata_are_static_where_pyproject_tells_them(tmp_path: Path, text: str, static: bool) -> None:
    """Metadata are static if pyproject.toml has the version and dependencies; dynamic ones need a build."""
    assert make_project(tmp_path, text).static is static


@pytest.mark.parametrize("line", ["dynamic = true", "classifiers = 5"])
def test_wrong_types_in_the_metadata_are_no_traceback(tmp_path: Path, line: str) -> None:
    """Values of the wrong type in the metadata raise no error here; the build backend will refuse them."""
    project = make_project(tmp_path, f"{NAMED}{line}")
    assert isinstance(project.static, bool)
    assert project.classified_pythons == ()


def test_the_own_folder_is_ignored_by_git(tmp_path: Path) -> None:
    """The folder `.nox-ship` is created once, with a .gitignore that the user may change."""
    project = make_project(tmp_path, NAMED)
    folder = project.own_folder()
    assert folder == tmp_path / ".nox-ship"
    assert (folder / ".gitignore").read_text() == "*\n"
    (folder / ".gitignore").write_text("mine\n")
    assert project.own_folder() == folder
    assert (folder / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("setup(ext_modules=[Extension(name='speed')], name='sample')", "sample"),
        ("NAME = 'sample'\nsetup(name=NAME)", "sample"),
        ("import setuptools\nsetuptools.setup(name='sample')", "sample"),
    ],
)
def test_the_name_in_setup_py_is_that_of_the_project(tmp_path: Path, text: str, name: str) -> None:
    """The name is read from the call of `setup`, and not from other calls such as `Extension`."""
    assert make_project(tmp_path, "", {"setup.py": f"from setuptools import *\n{text}"}).name == name


@pytest.mark.parametrize(
    "text",
    [
        "about = {}\nexec(open('sample/meta.py').read(), about)\nsetup(name=about['__title__'])",
        "import sample.meta\nsetup(name=sample.meta.__title__)",
        "from sample.meta import __title__\nsetup(name=__title__)",
    ],
)
def test_the_name_that_setup_py_reads_elsewhere_is_found(tmp_path: Path, text: str) -> None:
    """A name that setup.py imports, or reads by executing a file, is found in that file."""
    files = {"setup.py": f"from setuptools import setup\n{text}", "sample/meta.py": "__title__ = 'py-sample'\n"}
    assert make_project(tmp_path, "", files).name == "py-sample"


def test_a_name_that_setup_py_computes_is_a_finding(tmp_path: Path) -> None:
    """If setup.py computes the name, NS113 says what to do in setup.py."""
    script = "from setuptools import setup\nsetup(name='a' if nightly else 'b')"
    with pytest.raises(ShipError, match=r"NS113.*setup\.py"):
        _ = make_project(tmp_path, "", {"setup.py": script}).name


@each("name", ["../../etc", "a b", "größe", "-a", "a\n", "a/b", "."])
def test_a_name_that_no_index_takes_is_a_finding(tmp_path: Path, name: str) -> None:
    """A name that indexes do not allow is NS113, since it would become part of paths and URLs."""
    project = make_project(tmp_path, "", {"setup.cfg": ""})
    object.__setattr__(project, "pyproject", {"project": {"name": name}})
    with pytest.raises(ShipError, match="NS113"):
        _ = project.name


@each(
    ("pyproject", "files", "version"),
    [
        ('[project]\nname = "sample"\nversion = "1.5.0"\n', {}, "1.5.0"),
        ('[tool.poetry]\nname = "sample"\nversion = "1.5.0"\n', {}, "1.5.0"),
        ('[tool.poetry]\nversion = "0.1.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n', {}, ""),
        ("", {"setup.cfg": "[metadata]\nversion = 1.5.0\n"}, "1.5.0"),
        ("", {"setup.py": 'from setuptools import setup\nsetup(version="1.5.0")\n'}, "1.5.0"),
        (
            '[project]\nname = "sample"\n',
            {"setup.cfg": "[metadata]\nversion = attr: sample.x\n", "sample/__init__.py": '__version__ = "1.5.0"\n'},
            "1.5.0",
        ),
        ('[project]\nname = "sample"\n', {"sample.py": "__version__: str = '1.5.0'\n"}, "1.5.0"),
        ('[project]\nname = "sample"\n', {"sample/__init__.py": "__version__ = read()\n"}, ""),
    ],
)
def test_the_version_is_known_where_a_usual_file_states_it(
    tmp_path: Path, pyproject: str, files: dict[str, str], version: str
) -> None:
    """The version is read from the usual files; one that must be computed is unknown."""
    assert make_project(tmp_path, pyproject, files).stated_version == version


def test_the_form_of_tags_goes_by_the_version_that_is_stated(tmp_path: Path) -> None:
    """Tags are matched to the stated version, so that dates do not count as releases of a project at 1.5.0."""
    project = make_project(tmp_path, '[project]\nname = "sample"\n', {"sample/__init__.py": '__version__ = "1.5.0"\n'})
    assert project.tag_form(["v1.5.0", "2024.1.0"]).form == "v{version}"
    other = make_project(tmp_path / "other", '[project]\nname = "sample"\n')
    (tmp_path / "other" / "setup.py").symlink_to("/dev/zero")
    assert other.tag_form(["v1.5.0", "2024.1.0"]).form == "{version}"
