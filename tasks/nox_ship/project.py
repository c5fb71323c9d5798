"""A Python project on disk: its metadata, its layout, and the settings of the tools it uses."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, is_normalized_name

from nox_ship import documents, process
from nox_ship.config import Settings, read_settings
from nox_ship.errors import Kind, ShipError
from nox_ship.files import check_folder, write_whole
from nox_ship.poetry import poetry_specifier
from nox_ship.setup_script import setup_argument
from nox_ship.versions import TagForm

NO_PYPROJECT = Kind("NS111", "no-pyproject", "Run nox in the folder of a Python project, or write a pyproject.toml.")
BAD_PYPROJECT = Kind("NS112", "bad-pyproject", "Correct the file; it must be TOML in UTF-8.")
NO_NAME = Kind("NS113", "no-name", 'Add `name = "..."` to [project] in pyproject.toml.')
BAD_REQUIRES_PYTHON = Kind("NS114", "bad-requires-python", 'Write it as a version range, such as ">=3.11".')

OWN_FOLDER = ".nox-ship"
"""Where nox-ship keeps what it knows about a project's files, in the project's folder; git ignores it."""

_SOURCE_ROOTS = ("src", "lib")
_NOT_PACKAGES = {
    "tests",
    "test",
    "testing",
    "docs",
    "doc",
    "examples",
    "benchmarks",
    "scripts",
    "build",
    "dist",
}
_PATCH_RELEASES = 100
_TIDY_BACKENDS = ("hatchling", "flit_core", "poetry.core", "pdm.backend", "uv_build")
_PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.[0-9]{1,3})$")


@dataclass(frozen=True)
class Project:
    """A project, read from its folder; nothing here writes.

    Attributes:
        root: The folder that holds ``pyproject.toml``.
        pyproject: The parsed file.
        settings: What ``[tool.nox-ship]`` holds.
    """

    root: Path
    pyproject: Mapping[str, Any]
    settings: Settings

    @classmethod
    def read(cls, root: Path) -> Project:
        """Read the project in ``root``.

        Raises:
            ShipError: There is no ``pyproject.toml`` (NS111), it cannot be read (NS112), or its settings for
                nox-ship are wrong (NS101, NS102).
        """
        pyproject = read_pyproject(root)
        settings = read_settings(pyproject)
        process.declare_index_secrets(settings.publish.tokens.values())
        process.declare_passed(settings.pass_env)
        return cls(root, pyproject, settings)

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The ``[project]`` table."""
        return _table(self.pyproject, "project")

    @cached_property
    def poetry(self) -> Mapping[str, Any]:
        """The ``[tool.poetry]`` table, in which poetry kept the metadata before it knew ``[project]``."""
        return self.tool("poetry")

    def tool(self, name: str) -> Mapping[str, Any]:
        """Return the table ``[tool.NAME]``, empty where there is none."""
        return _table(_table(self.pyproject, "tool"), name)

    @cached_property
    def backend(self) -> str:
        """The build back end's import name (PEP 517), such as ``hatchling.build``."""
        table = _table(self.pyproject, "build-system")
        return str(table.get("build-backend") or "setuptools.build_meta:__legacy__")

    @cached_property
    def name(self) -> str:
        """The distribution's name as written.

        Raises:
            ShipError: No name is set (NS113).
        """
        name = self.metadata.get("name") or self.poetry.get("name") or self.setup_cfg("metadata", "name")
        if not name and (written := setup_argument(self.read_text("setup.py"), "name")):
            name = written.value
        if not isinstance(name, str) or not name.strip():
            raise ShipError(NO_NAME("The project has no name."))
        if not is_normalized_name(canonicalize_name(name)):
            what = f"The project is called {name[:80]!r}, which no index takes."
            raise ShipError(NO_NAME(what, remedy="Use letters, digits and `.`, `-`, `_` between them."))
        return name

    @property
    def canonical_name(self) -> str:
        """The name in its normal form (PEP 503)."""
        return canonicalize_name(self.name)

    def tag_form(self, tags: Iterable[str]) -> TagForm:
        """Return how the project names its release tags: by its settings, else as ``tags`` do."""
        try:
            name = self.name
        except ShipError:  # reported where the name is needed
            name = ""
        try:
            stated = self.stated_version
        except ShipError:  # reported where the version is needed
            stated = ""
        return TagForm.of(tags, self.settings.tag, name, stated)

    @cached_property
    def stated_version(self) -> str:
        """The version where a usual file states it plainly; empty where none does, as where git tags tell it.

        Raises:
            ShipError: The project has no name (NS113), or a file cannot be read (NS312).
        """
        if self.tool("poetry-dynamic-versioning"):
            return ""
        given = self.metadata.get("version") or self.poetry.get("version") or self.setup_cfg("metadata", "version")
        if given and not str(given).startswith(("attr:", "file:")):
            return str(given)
        if written := setup_argument(self.read_text("setup.py"), "version"):
            return written.value
        texts = (self.read_text(str(path / "__init__.py" if path.suffix != ".py" else path)) for path in self.packages)
        found = (re.search(r"""^__version__\s*(?::[^=\n]*)?=\s*["']([^"'\n]*)""", text, re.MULTILINE) for text in texts)
        return next((match[1] for match in found if match), "")

    def setup_cfg(self, section: str, key: str) -> str | None:
        """Return a value from ``setup.cfg``, None where it has none."""
        return self.ini("setup.cfg").get(section, {}).get(key)

    def ini(self, name: str) -> dict[str, dict[str, str]]:
        """Return the sections of an INI file in the project's folder, empty where it cannot be read."""
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string((documents.read_bytes(self.root / name) or b"").decode("utf-8"))
        except (configparser.Error, UnicodeDecodeError):
            return {}
        return {section: dict(parser.items(section)) for section in parser.sections()}

    @cached_property
    def requires_python(self) -> SpecifierSet:
        """The Pythons the project runs on; every one where it does not say.

        Raises:
            ShipError: It is not a version range (NS114).
        """
        text = self.metadata.get("requires-python") or self.setup_cfg("options", "python_requires")
        if not text:
            text = poetry_specifier(str(_table(self.poetry, "dependencies").get("python", "")))
        try:
            specifiers = SpecifierSet(str(text))
            specifiers.contains("3.11")  # its numbers are read now
        except (InvalidSpecifier, ValueError) as error:
            raise ShipError(BAD_REQUIRES_PYTHON(f"requires-python is {str(text)[:80]!r}.")) from error
        return specifiers

    @cached_property
    def classified_pythons(self) -> tuple[str, ...]:
        """The Python versions the classifiers name, such as ``3.12``, in order."""
        classifiers = self.metadata.get("classifiers") or self.poetry.get("classifiers")
        if not classifiers:
            classifiers = (self.setup_cfg("metadata", "classifiers") or "").splitlines()
        found = {
            match[1]
            for line in (classifiers if isinstance(classifiers, list) else [])
            if (match := _PYTHON_CLASSIFIER.match(str(line).strip()))
        }
        return tuple(sorted(found, key=minor))

    def pythons(self, running: str) -> tuple[str, ...]:
        """Return the Python versions to test on.

        They are the setting ``pythons``, else the classifiers within ``requires-python``, else ``running``.

        Args:
            running: The version of the running Python, such as ``3.12``.
        """
        if self.settings.pythons is not None:
            return self.settings.pythons
        admitted = tuple(v for v in self.classified_pythons if admits(self.requires_python, v))
        return admitted or (running,)

    @property
    def tidy_build(self) -> bool:
        """Whether an editable build writes nothing to the source tree: known back ends without build hooks."""
        hooks = "hooks" in _table(self.tool("hatch"), "build") or "build" in self.poetry or "build" in self.tool("pdm")
        return self.backend.startswith(_TIDY_BACKENDS) and not hooks

    @property
    def static(self) -> bool:
        """Whether ``pyproject.toml`` alone tells version and dependencies."""
        dynamic = self.metadata.get("dynamic", [])
        listed = (
            {"version", "dependencies", "optional-dependencies"} & set(map(str, dynamic))
            if isinstance(dynamic, list)
            else {"?"}
        )
        return bool(self.metadata) and not listed

    @cached_property
    def packages(self) -> tuple[Path, ...]:
        """The folders (or modules) of the import packages in the sources, relative to the root.

        A namespace, a folder without ``__init__.py``, is named by the packages in it.
        """
        source = self.tool("maturin").get("python-source")
        named = [source] if isinstance(source, str) else []
        bases = [self.root / name for name in (*named, *_SOURCE_ROOTS)]
        others = [path for path in _folders(self.root) if path.name not in {*_NOT_PACKAGES, *_SOURCE_ROOTS}]
        for base in (*bases, self.root, *others):
            if found := sorted(self._packages_in(base)):
                return tuple(path.relative_to(self.root) for path in found)
        module = self.root / f"{self._import_name}.py"
        return (module.relative_to(self.root),) if module.is_file() else ()

    @property
    def _import_name(self) -> str:
        return self.canonical_name.replace("-", "_")

    def _packages_in(self, base: Path) -> Iterator[Path]:
        at_root = base == self.root
        for folder in _folders(base):
            if at_root and folder.name in _NOT_PACKAGES and folder.name != self._import_name:
                continue
            if (folder / "__init__.py").is_file() or (folder.name == self._import_name and any(folder.rglob("*.py"))):
                yield folder
            elif base.name in _SOURCE_ROOTS or self._import_name.startswith(f"{folder.name}_"):
                yield from _inner_packages(folder)
        if not at_root and base.name in _SOURCE_ROOTS and base.is_dir():
            yield from (path for path in base.glob("*.py") if path.stem.isidentifier())

    @cached_property
    def test_paths(self) -> tuple[str, ...]:
        """Where tests are, relative to the root: pytest's own setting, else the usual places."""
        configured = [path for pattern in self._option("testpaths") for path in _matching(self.root, pattern)]
        patterns = tuple(self._option("python_files")) or ("test_*.py", "*_test.py", "tests.py")
        usual = ["tests", "test", *_matching(self.root, "test_*.py")]
        inside = [
            (package / found).as_posix()
            for package in self.packages
            for pattern in ("tests", "test", *patterns)
            for found in _matching(self.root / package, pattern)
        ]
        for places in (configured, usual, inside):
            if found := tuple(place for place in places if _holds_tests(self.root / place, patterns)):
                return found
        return ()

    def _option(self, name: str) -> list[str]:
        value = self.pytest_options.get(name, ())
        return value.split() if isinstance(value, str) else strings(value)

    @cached_property
    def pytest_options(self) -> Mapping[str, Any]:
        """pytest's settings, from whichever file it would read them."""
        for name, section in (("pytest.ini", "pytest"), (".pytest.ini", "pytest")):
            if (self.root / name).is_file():
                return self.ini(name).get(section, {})
        pytest = self.tool("pytest")
        for table in (_table(pytest, "ini_options"), pytest):
            if table:
                return table
        for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
            if found := self.ini(name).get(section):
                return found
        return {}

    def read_text(self, name: str) -> str:
        """Return the text of a file in the project's folder, line breaks as plain line feeds; empty without one.

        Raises:
            ShipError: It cannot be read (NS312).
        """
        return documents.read_text(self.root / name)

    def own_folder(self) -> Path:
        """Return nox-ship's folder in the project, made where it is missing, with git told to ignore it.

        Raises:
            ShipError: It is a symlink or no folder, or holds a symlink: tools would write through it (NS607).
        """
        folder = check_folder(self.root / OWN_FOLDER, links=False)
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, "*\n")
        return folder


def read_pyproject(root: Path) -> Mapping[str, Any]:
    """Return the parsed ``pyproject.toml`` of ``root``.

    Raises:
        ShipError: There is none (NS111), or it is not TOML in UTF-8 (NS112).
    """
    path = root / "pyproject.toml"
    try:
        content = documents.read_bytes(path)
        if content is None:
            what = f"There is no pyproject.toml in {root}." if not path.exists() else f"{path} is no file."
            raise ShipError((BAD_PYPROJECT if path.exists() else NO_PYPROJECT)(what))
        text = content.decode("utf-8")
        if text.startswith("\N{BYTE ORDER MARK}"):
            what = f"{path} begins with a byte order mark, which TOML does not know."
            raise ShipError(BAD_PYPROJECT(what, remedy="Save it as UTF-8 without one."))
        return documents.toml(text)
    except UnicodeDecodeError as error:
        what = f"{path} is not UTF-8: byte {error.start} cannot be read."
        raise ShipError(BAD_PYPROJECT(what)) from error
    except documents.UnreadableError as error:
        raise ShipError(BAD_PYPROJECT(f"{path} is not TOML: {error}.")) from error


def minor(version: str) -> tuple[int, ...]:
    """Return ``3.12`` as ``(3, 12)``, to sort by."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def admits(requires_python: SpecifierSet, version: str) -> bool:
    """Whether some release of the Python ``version`` (such as ``3.12``) is within ``requires_python``.

    A range may admit some patch releases only (``>=3.11.4``), so each one is asked for.
    """
    return any(requires_python.contains(f"{version}.{patch}") for patch in range(_PATCH_RELEASES))


def strings(value: object) -> list[str]:
    """Return the strings of a list, and nothing of anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _table(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    return value if isinstance(value, Mapping) else {}


def _folders(base: Path) -> list[Path]:
    if not base.is_dir():
        return []
    return sorted(
        path for path in base.iterdir() if path.name.isidentifier() and not path.name.startswith("_") and path.is_dir()
    )


def _inner_packages(folder: Path) -> Iterator[Path]:
    for inner in _folders(folder):
        if (inner / "__init__.py").is_file():
            yield inner
        else:
            yield from _inner_packages(inner)


def _matching(root: Path, pattern: str) -> list[str]:
    """Return the paths below ``root`` that a glob names; a plain name is itself, and what is no glob names nothing."""
    if not any(sign in pattern for sign in "*?["):
        return [pattern]
    return sorted(path.relative_to(root).as_posix() for path in _globbed(root, pattern))


def _globbed(root: Path, pattern: str) -> Iterator[Path]:
    with suppress(ValueError, NotImplementedError, OSError):  # it is no pattern, or a folder cannot be read
        yield from root.glob(pattern)


def _holds_tests(path: Path, patterns: tuple[str, ...]) -> bool:
    if documents.is_file(path):
        return path.suffix == ".py"
    return any(next(_globbed(path, f"**/{pattern}"), None) is not None for pattern in patterns)
