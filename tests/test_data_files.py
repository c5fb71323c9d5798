from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest

from nox_ship.package import data_files, places
from nox_ship.package.contents import Archive
from support import each, in_time, make_project, make_wheel

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'
BESIDE = "from pathlib import Path\nHERE = Path(__file__).parent\n"


def found(
    folder: Path,
    sources: Mapping[str, str],
    *,
    lacking: tuple[str, ...] = (),
    metadata: tuple[str, ...] = (),
    pyproject: str = PYPROJECT,
    untracked: tuple[str, ...] = (),
    more: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the findings about a wheel that has the files below `src/`, except those with some endings."""
    files = {"src/sample/__init__.py": "", **sources}
    project = make_project(folder / "project", pyproject, files)
    held = {name.removeprefix("src/"): text for name, text in files.items() if name.startswith("src/")}
    inside = {name: text for name, text in held.items() if not name.endswith(lacking or ("\0",))}
    wheel = Archive.read(make_wheel(folder, {**inside, **(more or {})}, metadata))
    tracked = dict.fromkeys(set(files) - set(untracked), "")
    findings = data_files.missing(project, [wheel], tuple(files), tracked)
    return [f"{finding.id} {finding.level}: {finding.what}" for finding in findings]


@pytest.mark.slow
@each(
    ("code", "name"),
    [
        ("TEXT = (Path(__file__).parent / 'words.json').read_text()", "words.json"),
        ("TEXT = (Path(__file__).parent / 'data/words.json').read_text()", "data/words.json"),
        ("def load():\n    return open(join(os.path.dirname(__file__), 'data', 'words.json'))", "data/words.json"),
        ("from importlib.resources import files\nX = files('sample').joinpath('words.bin')", "words.bin"),
        ("X = files('sample.data') / 'words.bin'", "data/words.bin"),
        ("X = files(__package__) / 'data' / 'words.bin'", "data/words.bin"),
        ("X = pkgutil.get_data('sample', 'data/words.bin')", "data/words.bin"),
        ("X = pkg_resources.resource_string(__name__, 'words.bin')", "words.bin"),
        ("H = Path(__file__)\nD = H.parent / 'data'\n\ndef f():\n    with open(D / 'x.bin'): ...", "data/x.bin"),
        ("env = Environment(loader=PackageLoader('sample', 'templates'))", "templates/page.html"),
        ("env = Loader(os.path.join(os.path.dirname(__file__), 'templates'))", "templates/page.html"),
        ("env = Loader(Path(__file__).parent / 'templates')", "templates/deep/page.html"),
        ("for path in (Path(__file__).parent / 'queries').glob('*.sql'): ...", "queries/one.sql"),
        ("def _read(x):\n    return (files(__package__) / x).read_text()\n\nX = _read('words.json')", "words.json"),
        ("class C:\n    def load(self):\n        p = Path(__file__).with_name('words.dat')", "words.dat"),
        ("try:\n    X = Path(__file__).with_name('words.dat')\nexcept OSError:\n    raise", "words.dat"),
    ],
)  # fmt: skip
def test_data_that_a_module_reads_beside_itself_is_an_error(tmp_path: Path, code: str, name: str) -> None:
    """If the wheel lacks a file that a module reads next to itself, NS521 names the file and the module."""
    sources = {"src/sample/core.py": code, f"src/sample/{name}": ""}
    assert found(tmp_path, sources) == []
    assert found(tmp_path / "b", sources, lacking=(name,)) == [
        f"NS521 error: sample-1.2.3-py3-none-any.whl lacks sample/{name}, which sample/core.py reads."
    ]


def test_a_folder_that_is_there_in_part_is_a_warning(tmp_path: Path) -> None:
    """A missing file of a folder that a module lists is a warning, unless all are missing or it is named."""
    code = f"{BESIDE}X = sorted((HERE / 'static').iterdir())\n"
    sources = {"src/sample/core.py": code, "src/sample/static/app.js": "", "src/sample/static/raw.dat": ""}
    for lacking, level in (((".dat",), "warning"), ((".dat", ".js"), "error")):
        lines = found(tmp_path / level, sources, lacking=lacking)
        assert [line.partition(":")[0] for line in lines] == [f"NS521 {level}"]
    sources["src/sample/core.py"] = f"{code}Y = HERE / 'static' / 'raw.dat'\n"
    (line,) = found(tmp_path / "named", sources, lacking=(".dat",))
    assert line.startswith("NS521 error")


def test_a_place_that_another_module_knows_is_followed(tmp_path: Path) -> None:
    """A path to the package's data is followed into other modules that import it."""
    sources = {
        "src/sample/paths.py": f"{BESIDE}DATA = HERE / 'data'\n",
        "src/sample/inner/core.py": "from sample.paths import DATA\nX = DATA / 'first.json'\n",
        "src/sample/data/first.json": "",
        "src/sample/data/second.json": "",
    }
    errors = [line for line in found(tmp_path, sources, lacking=(".json",)) if "error" in line]
    assert len(errors) == 1
    assert "first.json" in errors[0]
    sources["src/sample/paths.py"] = BESIDE
    sources["src/sample/inner/core.py"] = "from sample.paths import HERE\nX = HERE / 'data' / 'first.json'\n"
    errors = [line for line in found(tmp_path / "bare", sources, lacking=(".json",)) if "error" in line]
    assert len(errors) == 1
    assert "first.json" in errors[0]


@each(
    ("code", "name"),
    [
        ("X = open('words.json')", "words.json"),
        ("X = {'data': 1}['data']", "data/words.json"),
        ("'''Path(__file__).parent / 'words.json'.'''", "words.json"),
        (f"{BESIDE}X = HERE / 'data' / 'a.json'", "data/words.json"),
        (f"{BESIDE}X = HERE / 'other' / 'words.json'", "data/words.json"),
        (f"{BESIDE}X = (HERE / 'data').glob('*.csv')", "data/words.json"),
        ("if __name__ == '__main__':\n    open(Path(__file__).with_name('words.json'))", "words.json"),
        ("X = files('sample') / name", "words.json"),
        ("X = pkgutil.get_data('other', 'words.json')", "words.json"),
        ("X = y(", "words.json"),
    ],
)  # fmt: skip
def test_what_may_be_read_in_another_way_is_a_warning(tmp_path: Path, code: str, name: str) -> None:
    """A missing file is only a warning if no module certainly reads it from the package."""
    sources = {"src/sample/core.py": code, f"src/sample/{name}": ""}
    found_here = found(tmp_path, sources, lacking=(name,))
    assert [line.partition(":")[0] for line in found_here] == ["NS521 warning"]


@pytest.mark.parametrize(
    ("code", "missed"), [("", False), ("X = open('raw.unknown')\n", True), (f"{BESIDE}X = HERE / 'data'\n", True)]
)
def test_a_file_of_an_unknown_kind_is_missed_if_a_module_uses_it(tmp_path: Path, code: str, missed: bool) -> None:
    """A missing file of an unknown type is reported only if a module mentions the file or its folder."""
    sources = {"src/sample/core.py": code, "src/sample/data/a.json": "", "src/sample/data/raw.unknown": ""}
    lines = found(tmp_path, sources, lacking=(".unknown",))
    assert [line[:13] for line in lines] == (["NS521 warning"] if missed else [])


def test_a_module_that_makes_data_reads_what_users_do_not_need(tmp_path: Path) -> None:
    """Data read only by tests, by scripts that generate files, or by modules outside the wheel is a warning."""
    code = f"{BESIDE}X = HERE / 'words.json'\n"
    for name in ("_build_tables.py", "generate.py", "tests/a.py", "test_a.py", "conftest.py", "docs/a.py", "left.py"):
        sources = {f"src/sample/{name}": code, "src/sample/words.json": "", "src/sample/tests/words.json": ""}
        lines = found(tmp_path / name, sources, lacking=("words.json", "left.py"))
        assert [line.partition(":")[0] for line in lines] == ["NS521 warning"]


def test_the_only_file_of_its_kind_that_was_left_out_is_an_error(tmp_path: Path) -> None:
    """A missing file is an error if the wheel has all other files of that type in the folder, and there are several."""
    many = {f"src/sample/{name}.json": "" for name in "abcd"}
    (line,) = found(tmp_path / "a", many, lacking=("d.json",))
    assert line.endswith(" lacks sample/d.json, although it has every other file of that type there.")
    for lacking in (("c.json", "d.json"), ("a.json", "b.json", "c.json")):
        (line,) = found(tmp_path / lacking[0], many, lacking=lacking)
        assert line.startswith("NS521 warning")
    for names, level in (("ab", "warning"), ("abc", "error")):
        few = {f"src/sample/{name}.json": "" for name in names}
        (line,) = found(tmp_path / names, few, lacking=("b.json",))
        assert line.startswith(f"NS521 {level}")


@pytest.mark.parametrize(
    ("metadata", "more", "level"),
    [
        ((), {}, "warning"),
        (("Classifier: Typing :: Typed",), {}, "error"),
        ((), {"sample/core.pyi": ""}, "error"),
    ],
)
def test_a_marker_of_types_that_is_missing_is_an_error_where_types_are_claimed(
    tmp_path: Path, metadata: tuple[str, ...], more: dict[str, str], level: str
) -> None:
    """A missing py.typed is an error if the package has stubs or the classifier for types, else a warning."""
    (line,) = found(tmp_path, {"src/sample/py.typed": ""}, lacking=("py.typed",), metadata=metadata, more=more)
    assert line.startswith(f"NS521 {level}: ")


@pytest.mark.slow
@each(
    "name",
    [
        *("core.pyx", "core.c", "core.h", "lib.rs", "solve.f90", "meson.build", "CMakeLists.txt", "version.py.in"),
        *("README.md", "notes.txt", "NOTICE", ".gitignore", "locale/de/LC_MESSAGES/sample.po", "schema.proto"),
        *("tests/data.json", "testdata/data.json", "docs/data.json", "style.scss", "app.ts", "package.json", "run.sh"),
        *("frontend/package.json", "frontend/public/index.html", "make-it.py", "Makefile", "data.unknown"),
    ],
)
def test_what_is_no_data_is_not_missed(tmp_path: Path, name: str) -> None:
    """Sources of generated files, tests, notes and files for developers may be missing from the wheel."""
    sources = {f"src/sample/{name}": "", "src/sample/frontend/package.json": "{}"}
    assert found(tmp_path, sources, lacking=(name, "package.json")) == []
    sources["src/sample/core.py"] = f"{BESIDE}X = HERE / {name!r}\n"
    named = found(tmp_path / "named", sources, lacking=(name, "package.json"))
    assert bool(named) is (name == "data.unknown")  # a file of unknown type counts if a module reads it


@each(
    ("name", "text"),
    [
        ("MANIFEST.in", "global-exclude *.json\n"),
        ("MANIFEST.in", "exclude src/sample/words.json\n"),
        ("MANIFEST.in", "prune src/sample/data\n"),
        ("setup.py", "import setuptools\nsetuptools.setup(exclude_package_data={'': ['words.json']})\n"),
        (".gitattributes", "src/sample/words.json export-ignore\n"),
        ("setup.cfg", "[options.exclude_package_data]\nsample = words.json\n"),
        ("pyproject.toml", f'{PYPROJECT}[tool.hatch.build.targets.wheel]\nexclude = ["/src/sample/data"]\n'),
        ("pyproject.toml", f'{PYPROJECT}[tool.setuptools]\nexclude-package-data = {{sample = ["*.json"]}}\n'),
    ],
)  # fmt: skip
def test_what_the_settings_leave_out_is_not_missed(tmp_path: Path, name: str, text: str) -> None:
    """Data that the build settings or .gitattributes exclude may be missing from the wheel."""
    sources = {"src/sample/core.py": f"{BESIDE}X = HERE / 'data' / 'words.json'", "src/sample/data/words.json": ""}
    own = {} if name == "pyproject.toml" else {name: text}
    pyproject = text if name == "pyproject.toml" else PYPROJECT
    assert found(tmp_path, {**sources, **own}, lacking=(".json",), pyproject=pyproject) == []


def test_settings_that_leave_out_something_else_excuse_nothing(tmp_path: Path) -> None:
    """Build settings that exclude other files, such as tests, do not excuse missing data."""
    pyproject = f'{PYPROJECT}[tool.setuptools.packages.find]\nexclude = ["tests*", "*"]\n'
    sources = {
        "src/sample/core.py": f"{BESIDE}X = HERE / 'a.json'",
        "src/sample/a.json": "",
        "MANIFEST.in": "include *",
    }
    (line,) = found(tmp_path, sources, lacking=(".json",), pyproject=pyproject)
    assert line.startswith("NS521 error")


def test_data_that_is_installed_elsewhere_is_not_missed(tmp_path: Path) -> None:
    """Data that the wheel installs in another folder does not count as missing."""
    sources = {"src/sample/core.py": f"{BESIDE}X = HERE / 'a.json'", "src/sample/a.json": ""}
    for place in ("sample/_data/a.json", "sample-1.2.3.data/data/share/sample/a.json"):
        assert found(tmp_path / place, sources, lacking=(".json",), more={place: ""}) == []
    assert (
        found(tmp_path / "x", sources, lacking=(".json",), more={"sample-1.2.3.data/purelib/sample/a.json": ""}) == []
    )


def test_what_git_does_not_track_is_not_missed(tmp_path: Path) -> None:
    """A file that git does not track may be missing from the wheel."""
    sources = {"src/sample/core.py": f"{BESIDE}X = HERE / 'a.json'", "src/sample/a.json": ""}
    assert found(tmp_path, sources, lacking=(".json",), untracked=("src/sample/a.json",)) == []


def test_many_missing_files_are_looked_at_in_no_time(tmp_path: Path) -> None:
    """A folder with a hundred missing files is examined within a second."""
    code = "\n".join(f"X{number} = HERE / 'data' / name{number}" for number in range(100))
    sources = {f"src/sample/core{number}.py": f"{BESIDE}{code}" for number in range(3)}
    data = {f"src/sample/data/{number}.json": "" for number in range(101)}
    with in_time(1):
        (line,) = found(tmp_path, {**sources, **data}, lacking=(".json",))
    assert " and 98 more, which sample/core0.py reads." in line


def test_a_table_of_names_is_no_search_for_files(tmp_path: Path) -> None:
    """A module with hundreds of file names in one statement is examined within a second."""
    rows = ", ".join(f"'kind{number}.json': 'application/x-{number}'" for number in range(300))
    sources = {"src/sample/kinds.py": f"{BESIDE}KINDS = {{HERE: 1, {rows}}}\n", "src/sample/a.json": ""}
    with in_time(1):
        assert [line[:13] for line in found(tmp_path, sources, lacking=(".json",))] == ["NS521 warning"]


@pytest.mark.slow
def test_a_module_that_is_nested_too_deeply_is_not_looked_into(tmp_path: Path) -> None:
    """Missing data of a module that is nested too deeply to examine is only a warning."""
    branches = "".join(f"elif X == {number}:\n    pass\n" for number in range(1100))
    sources = {"src/sample/core.py": f"{BESIDE}X = HERE / 'a.json'\nif X:\n    pass\n{branches}"}
    data = {"src/sample/a.json": ""}
    assert [line[:13] for line in found(tmp_path, {**sources, **data}, lacking=(".json",))] == ["NS521 warning"]


def test_thousands_of_files_are_compared_in_no_time(tmp_path: Path) -> None:
    """900 missing files of one type are compared with each other within a second."""
    project = make_project(tmp_path / "project", PYPROJECT, {"src/sample/__init__.py": ""})
    wheel = Archive.read(make_wheel(tmp_path, {"sample/__init__.py": ""}))
    sources = ("src/sample/__init__.py", *(f"src/sample/data/{number}.json" for number in range(900)))
    with in_time(1):
        (finding,) = data_files.missing(project, [wheel], sources, dict.fromkeys(sources, ""))
    assert finding.level == "warning"


def test_a_package_is_found_whatever_its_folder_is_called(tmp_path: Path) -> None:
    """A package whose folder has characters of a regular expression in its name is found in the sources."""
    wheel = Archive(Path("sample-1.2.3-py3-none-any.whl"), ("c++/run.py",), Message(), (), ())
    found = dict(places.expected_files(make_project(tmp_path, PYPROJECT), ["src/c++/run.py", "src/c/run.py"], wheel))
    assert found == {"c++/run.py": PurePosixPath("src/c++/run.py")}


@pytest.mark.slow
def test_many_packages_are_found_in_the_sources_in_no_time(tmp_path: Path) -> None:
    """2,000 modules in 200 packages are found in the sources in half a second."""
    project = make_project(tmp_path, PYPROJECT)
    names = tuple(f"part{number % 200}/module{number}.py" for number in range(2000))
    wheel = Archive(Path("sample-1.2.3-py3-none-any.whl"), names, Message(), (), ())
    with in_time(0.5):
        found = dict(places.expected_files(project, [f"src/{name}" for name in names], wheel))
    assert found == {name: PurePosixPath(f"src/{name}") for name in names}
