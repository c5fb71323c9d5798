from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.package.difference import Change, Difference, Pair, grew
from nox_ship.package.inventory import Inventory
from nox_ship.package.mentions import Installed
from support import each, make_sdist, make_wheel, write_files

Files = Mapping[str, str | bytes]
CODE = {"sample/__init__.py": "import os\n", "sample/more.py": "x = 1\n"}
POINTS = "sample-{}.dist-info/entry_points.txt"


def compared(
    folder: Path,
    old: Files,
    new: Files,
    metadata: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
    *,
    alike: bool = True,
    installed: Installed | None = None,
) -> Difference:
    """Compare two wheels with these files."""
    before = Inventory.read(make_wheel(folder, old, metadata[0], version="1.0"))
    after = Inventory.read(make_wheel(folder, new, metadata[1], version="1.1"))
    return Difference.of(Pair(before, after, alike, installed or Installed()))


def told(difference: Difference) -> list[tuple[str, str]]:
    """Return the ID and the sentence of each finding."""
    return [(finding.id, finding.what.partition(".whl ")[2]) for finding in difference.unusual]


def test_a_release_that_differs_in_its_version_alone_differs_in_nothing(tmp_path: Path) -> None:
    """The version in names of folders, and files that each build writes anew, do not count as changes."""
    info = {"dist-info/licenses/LICENSE": "MIT", "dist-info/RECORD": "x", "data/scripts/run": "x"}
    old, new = (
        {**CODE, **{f"sample-{version}.{name}": text for name, text in info.items()}} for version in ("1.0", "1.1")
    )
    longer = random.Random(1).randbytes(700)
    difference = compared(tmp_path, old, {**new, "sample-1.1.dist-info/RECORD": longer})
    assert (difference.files, difference.requirements, difference.metadata) == ((), (), ())
    assert [line.partition(":")[0] for line in difference.lines()] == ["size"]
    assert difference.unusual == ()


def test_files_that_came_went_or_changed_are_told(tmp_path: Path) -> None:
    """New, removed and resized files are listed with their sizes in bytes."""
    difference = compared(
        tmp_path, {**CODE, "sample/_old.py": "xx"}, {**CODE, "sample/more.py": "", "sample/new.py": "x"}
    )
    assert difference.files == (
        Change("sample/_old.py", 2, None),
        Change("sample/more.py", 6, 0),
        Change("sample/new.py", None, 1),
    )
    files = next(line for line in difference.lines() if line.startswith("files: "))
    assert files == "files: 1 added (sample/new.py), 1 gone (sample/_old.py), 1 changed in size"
    assert told(difference) == []


def test_changes_of_metadata_are_told(tmp_path: Path) -> None:
    """Changed requirements and other fields are listed; the spelling of a requirement does not matter."""
    before = ("Requires-Python: >=3.9", "Requires-Dist: Six>=1", "Requires-Dist: attrs (>=20)", "Classifier: A")
    after = (
        "Requires-Python: >=3.10",
        "Requires-Dist: attrs>=20",
        "Requires-Dist: click>=8 ; python_version<'4'",
        "Requires-Dist: rich; extra == 'cli'",
        "Classifier: B",
        "Provides-Extra: cli",
    )
    difference = compared(tmp_path, CODE, CODE, (before, after))
    assert difference.requirements == (
        Change("click", None, 'click>=8; python_version < "4"'),
        Change("rich [cli]", None, 'rich; extra == "cli"'),
        Change("six", "six>=1", None),
    )
    assert difference.requires_python == Change("Requires-Python", ">=3.9", ">=3.10")
    assert difference.metadata == (Change("Classifier", "A", "B"), Change("Provides-Extra", None, "cli"))
    assert difference.lines()[-3:] == [
        'requirements: + click>=8; python_version < "4", - six>=1, 1 in extras (cli)',
        "Requires-Python: >=3.9 → >=3.10",
        "metadata: Classifier, Provides-Extra",
    ]
    assert difference.as_dict()["requirements"][2] == {"what": "six", "before": "six>=1", "after": None}


def test_pythons_that_classifiers_name_are_told(tmp_path: Path) -> None:
    """Python versions that were added to or removed from the classifiers are listed."""
    python = "Classifier: Programming Language :: Python :: "
    before = (f"{python}3.8", f"{python}3.9", f"{python}3", "Classifier: A")
    after = (f"{python}3.9", f"{python}3.10", f"{python}3.11", f"{python}3 :: Only", "Classifier: 3.12")
    lines = compared(tmp_path, CODE, CODE, (before, after)).lines()
    assert "Pythons: - 3.8, + 3.10, + 3.11" in lines
    assert compared(tmp_path, CODE, CODE, (before, before)).lines() == []


def test_changes_of_entry_points_are_told(tmp_path: Path) -> None:
    """Changed entry points are listed by group and name, and NS562 reports a removed command."""
    old = "[console_scripts]\na = sample:a\nB=sample:b\n[x]\np = sample\n"
    new = "[console_scripts]\na = sample:c\nD = sample:b\n"
    difference = compared(tmp_path, {**CODE, POINTS.format("1.0"): old}, {**CODE, POINTS.format("1.1"): new})
    assert [(change.what, change.before, change.after) for change in difference.entry_points] == [
        ("console_scripts B", "sample:b", None),
        ("console_scripts D", None, "sample:b"),
        ("console_scripts a", "sample:a", "sample:c"),
        ("x p", "sample", None),
    ]
    assert difference.lines()[-1] == (
        "entry points: - console_scripts B, + console_scripts D = sample:b, console_scripts a = sample:a → sample:c,"
        " - x p"
    )
    assert told(difference) == [("NS562", "lacks commands that the last release has: B.")]


@each("text", ["[console_scripts", "=x", "\0", "[a]\nb", "[DEFAULT]\nx = 1\n"])
def test_entry_points_that_nobody_can_read_are_none(tmp_path: Path, text: str) -> None:
    """An entry_points.txt that is malformed, or outside the .dist-info folder, is ignored."""
    other = {**CODE, "sample/entry_points.txt": "[console_scripts]\na = b\n"}
    difference = compared(tmp_path, {**other, POINTS.format("1.0"): text}, CODE)
    assert difference.entry_points == ()
    assert [finding.what.split(".whl ")[1] for finding in difference.unusual] == [
        "no longer has any .txt files; the last release has 1."
    ]
    assert compared(tmp_path, other, CODE).entry_points == ()


@each(
    ("before", "after", "expected"),
    [
        (40_000, 110_000, True),
        (100_000, 190_000, False),
        (100, 60_000, False),
        (0, 70_000, True),
    ],
)
def test_a_file_twice_its_size_is_unusual(tmp_path: Path, before: int, after: int, expected: bool) -> None:
    """NS561 reports a file that doubled its size, unless it is still small."""
    files = [{**CODE, "sample/data.json": "x" * size} for size in (before, after)]
    found = told(compared(tmp_path, files[0], files[1]))
    assert [number for number, _ in found] == (["NS561"] if expected else [])
    assert not found or "sample/data.json (" in found[0][1]


def test_a_wheel_twice_its_size_is_unusual(tmp_path: Path) -> None:
    """NS561 reports a wheel that doubled its size, unless it is small or for another platform."""
    large: Files = {**CODE, "sample/data.bin": random.Random(1).randbytes(200_000)}
    assert [number for number, _ in told(compared(tmp_path, CODE, large))] == ["NS561"]
    assert told(compared(tmp_path, CODE, large, alike=False)) == []
    assert [finding.id for finding in grew("x.whl", 100_000, 300_000)] == ["NS561"]
    assert list(grew("x.whl", 300_000, 599_999)) == list(grew("x.whl", 1000, 100_000)) == []
    compiled = [{**CODE, "sample/_x.cpython-311-x86_64-linux-gnu.so": "x" * size} for size in (1000, 900_000)]
    assert told(compared(tmp_path, compiled[0], compiled[1])) != []
    assert told(compared(tmp_path, compiled[0], compiled[1], alike=False)) == []


@each(
    ("gone", "expected"),
    [
        ({"sample/inner/__init__.py": "", "sample/inner/a.py": "", "sample/b.py": ""}, "sample.b, sample.inner."),
        ({"other.py": ""}, "other."),
        ({"sample/x.cpython-311-x86_64-linux-gnu.so": "a"}, "sample.x."),
        ({"ns/part/a.py": ""}, "ns.part.a."),
        ({"sample/_inner.py": "", "sample/_v/x.py": ""}, None),
        ({"sample/tests/test_x.py": "", "sample/test_y.py": "", "sample/conftest.py": ""}, None),
        ({"sample/not-a-module.py": "", "sample/x.pyi": ""}, None),
    ],
)
def test_a_module_that_is_gone_is_unusual(tmp_path: Path, gone: Files, expected: str | None) -> None:
    """NS562 names removed modules, or the whole package, unless they are private or tests."""
    found = told(compared(tmp_path, {**CODE, **gone}, CODE))
    assert found == ([("NS562", f"lacks modules that users could import: {expected}")] if expected else [])


@each(
    ("before", "after"),
    [
        ({"sample/a.py": ""}, {"sample/a/__init__.py": ""}),
        ({"sample/a.py": ""}, {"sample/a.abi3.so": ""}),
        ({"sample/a.cp311-win_amd64.pyd": "x"}, {"sample/a.cpython-312-darwin.so": "x"}),
        ({"sample-1.0.data/purelib/sample/a.py": ""}, {"sample/a.py": ""}),
        ({"sample.libs/libx-1.so": "x"}, {}),
        (
            {"a1b2c3__mypyc.cpython-311-x86_64-linux-gnu.so": "x"},
            {"d4e5f6__mypyc.cpython-311-x86_64-linux-gnu.so": "x"},
        ),
    ],
)
def test_a_module_that_moved_is_not_gone(tmp_path: Path, before: Files, after: Files) -> None:
    """A module that can still be imported by the same name does not count as removed."""
    assert told(compared(tmp_path, {**CODE, **before}, {**CODE, **after})) == []


def test_data_that_are_gone_are_unusual(tmp_path: Path) -> None:
    """NS562 reports files that became empty, and a type of file that is gone, unless its files were renamed."""
    data = {"sample/a.html": "x" * 2000, "sample/b/c.html": "x", "sample/py.typed": "", "sample/x.json": "y" * 2000}
    found = told(compared(tmp_path, {**CODE, **data}, {**CODE, "sample/x.json": ""}))
    assert found == [
        ("NS562", "no longer has any .html, .typed files; the last release has 3."),
        ("NS562", "has files that are empty now: sample/x.json."),
    ]
    assert told(compared(tmp_path, {**CODE, "sample/VERSION": "1"}, CODE)) == [
        ("NS562", "no longer has any VERSION files; the last release has 1.")
    ]
    renamed = {name.replace(".html", ".jinja"): text for name, text in data.items()}
    assert told(compared(tmp_path, {**CODE, **data}, {**CODE, **renamed})) == []
    for name in ("sample/tests/a.html", "sample/x.pyx", "sample-1.0.dist-info/NOTICE.adoc", "sample-1.0.data/data/a.1"):
        assert told(compared(tmp_path, {**CODE, name: ""}, CODE)) == []


def test_a_new_top_level_package_is_unusual(tmp_path: Path) -> None:
    """NS563 names new packages at top level, as they may collide with those of other projects."""
    found = told(compared(tmp_path, CODE, {**CODE, "tests/__init__.py": "", "docs/conf.py": "", "sample/x/y.py": ""}))
    assert found == [("NS563", "installs docs, tests at top level, which the last release did not.")]


def test_sdists_are_compared_too(tmp_path: Path) -> None:
    """Sdists are compared by files, sizes and metadata, but not by what would be installed."""
    old = make_sdist(tmp_path, {"src/a.py": "", "tests/x.json": "x" * 70_000}, version="1.0")
    new = make_sdist(
        tmp_path,
        {"docs/a.py": "", "tests/x.json": "x" * 200_000},
        ("Summary: s", "Requires-Dist: requests"),
        version="1.1",
    )
    installed = site(tmp_path, REQUESTS)
    difference = Difference.of(Pair(Inventory.read(old), Inventory.read(new), installed=installed))
    assert [change.what for change in difference.files] == ["docs/a.py", "src/a.py", "tests/x.json"]
    assert difference.metadata == (Change("Summary", None, "s"),)
    assert [finding.id for finding in difference.unusual] == ["NS561"]


def test_an_archive_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """NS503 refuses a file that is not an archive."""
    for name in ("sample-1.0-py3-none-any.whl", "sample-1.0.tar.gz"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(ShipError, match="NS503"):
            Inventory.read(tmp_path / name)


def test_thousands_of_changes_are_told_in_a_few_lines(tmp_path: Path) -> None:
    """Hundreds of changes are summarized in a few short lines."""
    new = {**CODE, **{f"sample/data/{number:05}.json": "" for number in range(300)}}
    requirements = tuple(f"Requires-Dist: x{number}" for number in range(300))
    difference = compared(tmp_path, CODE, new, ((), requirements))
    assert len(difference.files) == 300
    assert len(difference.lines()) <= 6
    assert max(map(len, difference.lines())) < 200


def site(folder: Path, brought: Mapping[str, tuple[str, ...]], texts: Files | None = None) -> Installed:
    """Return an environment with installed distributions and their files."""
    records = {
        f"{name}-1.dist-info/RECORD": "".join(f"{file},,\n" for file in files) for name, files in brought.items()
    }
    return Installed((write_files(folder / "site", {**records, **(texts or {})}),))


REQUESTS = {"requests": ("requests/__init__.py", "requests-1.dist-info/RECORD"), "pyyaml": ("yaml/__init__.py",)}
UNUSED = "has requirements that nothing in it imports: {}."


@each(
    ("code", "required", "expected"),
    [
        ("x = 1\n", ("requests", "PyYAML>=5"), "pyyaml, requests"),
        ('"""Make requests."""\n# import yaml\n', ("requests", "PyYAML"), "pyyaml, requests"),
        ("from .requests import x\n", ("requests",), "requests"),
        ("import requests.adapters as r\n", ("requests",), None),
        ("def f():\n    from yaml import load\n", ("PyYAML",), None),
        ('import importlib\nx = importlib.import_module("yaml")\n', ("PyYAML",), None),
        ('ENGINE = "postgresql+requests://"\n', ("requests",), None),
        ("x = 1\n", ("requests; extra == 'web'",), None),
        ("x = 1\n", ("nobody-knows",), None),
        ("import requests as not python\n", ("requests",), None),
    ],
)
def test_a_new_requirement_that_nothing_imports_is_unusual(
    tmp_path: Path, code: str, required: tuple[str, ...], expected: str | None
) -> None:
    """NS564 reports a new requirement that no module imports, if it is known which modules it installs."""
    metadata = tuple(f"Requires-Dist: {line}" for line in required)
    files = {**CODE, "sample/net.py": code}
    found = told(compared(tmp_path, files, files, ((), metadata), installed=site(tmp_path, REQUESTS)))
    assert found == ([("NS564", UNUSED.format(expected))] if expected else [])


def test_a_requirement_that_nothing_imports_any_more_is_unusual(tmp_path: Path) -> None:
    """NS564 reports a requirement that is no longer imported, but not one that never was."""
    metadata = ("Requires-Dist: requests", "Requires-Dist: PyYAML")
    old = {**CODE, "sample/net.py": "import requests\n"}
    installed = site(tmp_path, REQUESTS)
    found = told(compared(tmp_path, old, {**CODE, "sample/net.py": ""}, (metadata, metadata), installed=installed))
    assert found == [("NS564", UNUSED.format("requests"))]


@each(
    ("files", "texts"),
    [
        ({"sample/_fast.so": "x"}, {}),
        ({"sample/settings.toml": "uses = ['requests']"}, {}),
        ({POINTS.format("1.1"): "[x.plugins]\na = requests.hooks\n"}, {}),
        ({"sample/big.py": "x = 1\n" * 200_000}, {}),
        ({}, {"requests-1.dist-info/entry_points.txt": "[pytest11]\nx = requests\n"}),
        ({}, {"other-1.dist-info/METADATA": "Name: other\nRequires-Dist: Requests>=2\n"}),
        ({}, {"requests-1.dist-info/RECORD": "requests-stubs/__init__.pyi,,\n"}),
        ({}, {"requests-1.dist-info/RECORD": "\0\n"}),
    ],
)
def test_a_requirement_of_which_it_is_not_known_is_not_told(tmp_path: Path, files: Files, texts: Files) -> None:
    """A requirement is not reported if compiled code, settings, plug-ins or other packages may use it."""
    metadata = ((), ("Requires-Dist: requests",))
    installed = site(tmp_path, REQUESTS, texts)
    assert told(compared(tmp_path, {**CODE, **files}, {**CODE, **files}, metadata, installed=installed)) == []


def test_the_projects_own_requirements_bring_nothing_along(tmp_path: Path) -> None:
    """Requirements of the project itself and of extras do not count as packages that use the requirement."""
    texts = {
        "sample-1.1.dist-info/METADATA": "Name: sample\nRequires-Dist: requests\n",
        "other-1.dist-info/METADATA": 'Name: other\nRequires-Dist: requests; extra == "test"\n',
    }
    installed = site(tmp_path, REQUESTS, texts)
    found = told(compared(tmp_path, CODE, CODE, ((), ("Requires-Dist: requests",)), installed=installed))
    assert found == [("NS564", UNUSED.format("requests"))]
