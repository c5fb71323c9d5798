"""A Python project on disk: its metadata, its layout, and the settings of the tools it uses."""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from nox_ship.config import Settings, read_settings
from nox_ship.errors import Kind, ShipError

NO_PYPROJECT = Kind("NS111", "no-pyproject", "Run nox in the folder of a Python project, or write a pyproject.toml.")
BAD_PYPROJECT = Kind("NS112", "bad-pyproject", "Correct the file; it must be TOML in UTF-8.")
NO_NAME = Kind("NS113", "no-name", 'Add `name = "..."` to [project] in pyproject.toml.')
BAD_REQUIRES_PYTHON = Kind("NS114", "bad-requires-python", 'Write it as a version range, such as ">=3.11".')

OWN_FOLDER = ".nox-ship"
"""Where nox-ship keeps what it knows about a project's files, in the project's folder; git ignores it."""

_SOURCE_ROOTS = ("src", "lib", "")
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
_TIDY_BACKENDS = ("hatchling", "flit_core", "poetry.core", "pdm.backend", "uv_build")
_PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)$")


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
        return cls(root, pyproject, read_settings(pyproject))

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
        if not isinstance(name, str) or not name.strip():
            raise ShipError(NO_NAME("The project has no name."))
        return name

    @property
    def canonical_name(self) -> str:
        """The name in its normal form (PEP 503)."""
        return canonicalize_name(self.name)

    def setup_cfg(self, section: str, key: str) -> str | None:
        """Return a value from ``setup.cfg``, None where it has none."""
        return self.ini("setup.cfg").get(section, {}).get(key)

    def ini(self, name: str) -> dict[str, dict[str, str]]:
        """Return the sections of an INI file in the project's folder, empty where it cannot be read."""
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(self.root / name, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
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
            text = _poetry_range(_table(self.poetry, "dependencies").get("python", ""))
        try:
            return SpecifierSet(str(text))
        except InvalidSpecifier as error:
            raise ShipError(BAD_REQUIRES_PYTHON(f"requires-python is {text!r}.")) from error

    @cached_property
    def classified_pythons(self) -> tuple[str, ...]:
        """The Python versions the classifiers name, such as ``3.12``, in order."""
        classifiers = self.metadata.get("classifiers") or self.poetry.get("classifiers")
        if not classifiers:
            classifiers = (self.setup_cfg("metadata", "classifiers") or "").splitlines()
        found = {match[1] for line in classifiers if (match := _PYTHON_CLASSIFIER.match(str(line).strip()))}
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
        dynamic = set(self.metadata.get("dynamic", []))
        return bool(self.metadata) and not {"version", "dependencies", "optional-dependencies"} & dynamic

    @cached_property
    def packages(self) -> tuple[Path, ...]:
        """The folders (or modules) of top-level import packages in the sources, relative to the root."""
        for base in _SOURCE_ROOTS:
            found = tuple(sorted(self._packages_in(self.root / base)))
            if found:
                return tuple(path.relative_to(self.root) for path in found)
        for folder in _folders(self.root):  # a source root of another name, such as `python/` or `tasks/`
            found = tuple(sorted(self._packages_in(folder)))
            if found:
                return tuple(path.relative_to(self.root) for path in found)
        module = self.root / f"{self.canonical_name.replace('-', '_')}.py"
        return (module.relative_to(self.root),) if module.is_file() else ()

    def _packages_in(self, base: Path) -> Iterator[Path]:
        expected = self.canonical_name.replace("-", "_")
        inside = base != self.root
        for folder in _folders(base):
            if folder.name in _NOT_PACKAGES:
                continue
            if (folder / "__init__.py").is_file() or (folder.name == expected and any(folder.rglob("*.py"))):
                yield folder
        if inside and base.name in _SOURCE_ROOTS and base.is_dir():
            yield from (path for path in base.glob("*.py") if path.stem.isidentifier())

    @cached_property
    def test_paths(self) -> tuple[str, ...]:
        """The folders that hold tests, relative to the root: pytest's own setting, else the usual ones."""
        configured = self.pytest_options.get("testpaths", ())
        names = configured.split() if isinstance(configured, str) else [str(item) for item in configured]
        return tuple(name for name in names or ["tests", "test"] if _holds_tests(self.root, name))

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

    def own_folder(self) -> Path:
        """Return nox-ship's folder in the project, made where it is missing, with git told to ignore it."""
        folder = self.root / OWN_FOLDER
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return folder


def read_pyproject(root: Path) -> Mapping[str, Any]:
    """Return the parsed ``pyproject.toml`` of ``root``.

    Raises:
        ShipError: There is none (NS111), or it is not TOML in UTF-8 (NS112).
    """
    path = root / "pyproject.toml"
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError as error:
        raise ShipError(NO_PYPROJECT(f"There is no pyproject.toml in {root}.")) from error
    except UnicodeDecodeError as error:
        what = f"{path} is not UTF-8: byte {error.start} cannot be read."
        raise ShipError(BAD_PYPROJECT(what)) from error
    except tomllib.TOMLDecodeError as error:
        raise ShipError(BAD_PYPROJECT(f"{path} is not TOML: {error}.")) from error
    except OSError as error:
        raise ShipError(BAD_PYPROJECT(f"{path} cannot be read: {error.strerror}.")) from error


def minor(version: str) -> tuple[int, ...]:
    """Return ``3.12`` as ``(3, 12)``, to sort by."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def admits(requires_python: SpecifierSet, version: str) -> bool:
    """Whether some release of the Python ``version`` (such as ``3.12``) is within ``requires_python``.

    A range may exclude early patch releases (``>=3.11.4``), so a late one is asked for too.
    """
    return any(requires_python.contains(f"{version}.{patch}") for patch in (0, 99))


def _table(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    return value if isinstance(value, Mapping) else {}


def _poetry_range(text: object) -> str:
    """Return poetry's ``^3.11`` and ``~3.11`` as version specifiers; others are such already."""
    constraint = str(text).strip()
    if match := re.fullmatch(r"\^(\d+)(\.\d+)*", constraint):
        return f">={constraint[1:]},<{int(match[1]) + 1}"
    if match := re.fullmatch(r"~(\d+)\.(\d+)(\.\d+)*", constraint):
        return f">={constraint[1:]},<{match[1]}.{int(match[2]) + 1}"
    return "" if constraint in ("", "*") else constraint


def _folders(base: Path) -> list[Path]:
    if not base.is_dir():
        return []
    return sorted(
        path for path in base.iterdir() if path.name.isidentifier() and not path.name.startswith("_") and path.is_dir()
    )


def _holds_tests(root: Path, name: str) -> bool:
    path = root / name
    if path.is_file():
        return True
    patterns = ("test_*.py", "*_test.py", "tests.py")
    return any(next(path.rglob(pattern), None) is not None for pattern in patterns)
