"""A Python project on disk: its metadata, its layout, and the settings of the tools it uses."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, is_normalized_name

from nox_ship import documents, layout, pythons
from nox_ship.backends import Told
from nox_ship.config import Settings
from nox_ship.documents import table
from nox_ship.errors import Kind, ShipError
from nox_ship.files import check_folder
from nox_ship.poetry import poetry_specifier
from nox_ship.settings import read_settings
from nox_ship.setup_script import assigned, elsewhere, setup_argument, setup_list
from nox_ship.versions import TagForm

NO_PYPROJECT = Kind("NS111", "no-pyproject", "Run nox in a Python project's folder, or write a pyproject.toml.")
BAD_PYPROJECT = Kind("NS112", "bad-pyproject", "Correct the file; it must be TOML in UTF-8.")
NO_NAME = Kind(
    "NS113",
    "no-name",
    'Add `name = "..."` to [project] in pyproject.toml; in setup.py, write it as a string.',
)
BAD_REQUIRES_PYTHON = Kind("NS114", "bad-requires-python", 'Write it as a version range, such as ">=3.11".')

strings = documents.strings
OWN_FOLDER = ".nox-ship"
"""nox-ship's folder for data about a project's files, within the project's folder; git ignores it."""

_CPYTHON = re.compile(r"3\.\d+")
_PATCH_RELEASES = 100
_TIDY_BACKENDS = ("hatchling", "flit_core", "poetry.core", "pdm.backend", "uv_build")
_PYTHON_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.[0-9]{1,3})$")


@dataclass(frozen=True)
class Project:
    """A project, read from its folder; nothing here writes.

    Attributes:
        root: The folder with ``pyproject.toml``.
        pyproject: The parsed file.
        settings: The settings in ``[tool.nox-ship]``.
    """

    root: Path
    pyproject: Mapping[str, Any]
    settings: Settings

    @classmethod
    def read(cls, root: Path) -> Project:
        """Read the project in ``root``.

        Raises:
            ShipError: There is no ``pyproject.toml`` (NS111), it cannot be read (NS112), or its settings for nox-ship
                are wrong (NS101, NS102).
        """
        pyproject = read_pyproject(root)
        return cls(root, pyproject, read_settings(pyproject))

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The ``[project]`` table."""
        return table(self.pyproject, "project")

    @cached_property
    def poetry(self) -> Mapping[str, Any]:
        """The ``[tool.poetry]`` table, where Poetry kept the metadata before it supported ``[project]``."""
        return self.tool("poetry")

    def tool(self, name: str) -> Mapping[str, Any]:
        """Return the table ``[tool.NAME]``; empty if there is none."""
        return table(table(self.pyproject, "tool"), name)

    @property
    def chosen_gates(self) -> tuple[str, ...] | None:
        """The setting ``gates``; None if not set."""
        return self.settings.gates if "gates" in self.tool("nox-ship") else None

    @property
    def further_gates(self) -> tuple[str, ...]:
        """The optional gates that a setting turns on."""
        levels = {"lowest": self.settings.lowest, "api": self.settings.api}
        return tuple(name for name, level in levels.items() if level != "off")

    @cached_property
    def backend(self) -> str:
        """The build backend's import name (PEP 517), such as ``hatchling.build``."""
        system = table(self.pyproject, "build-system")
        return str(system.get("build-backend") or "setuptools.build_meta:__legacy__")

    @cached_property
    def name(self) -> str:
        """The distribution's name, as written.

        Raises:
            ShipError: No name is set (NS113).
        """
        name = self.metadata.get("name") or self.poetry.get("name") or self.setup_cfg("metadata", "name")
        name = name or self._of_setup("name")
        if not isinstance(name, str) or not name.strip():
            raise ShipError(NO_NAME("The project has no name."))
        if not is_normalized_name(canonicalize_name(name)):
            what = f"The project's name is {name[:80]!r}, which no index accepts."
            raise ShipError(NO_NAME(what, remedy="Use letters and digits, with `.`, `-` or `_` between them."))
        return name

    def _of_setup(self, name: str) -> str:
        """Return a string argument in setup.py, from there or from a file that it reads; empty if there is none."""
        if written := setup_argument(self.read_text("setup.py"), name):
            return written.value
        there = elsewhere(self.root, name)
        texts = map(self.read_text, there.files) if there else ()
        found = (assigned(text, called) for text in texts for called in (there.names if there else ()))
        return next((written.value for written in found if written), "")

    @property
    def canonical_name(self) -> str:
        """The normalised name (PEP 503)."""
        return canonicalize_name(self.name)

    def tag_form(self, tags: Iterable[str]) -> TagForm:
        """Return the format of the project's release tags: from its settings, else as in ``tags``."""
        try:
            name = self.name
        except ShipError:  # reported by whoever needs the name
            name = ""
        try:
            stated = self.stated_version
        except ShipError:  # reported by whoever needs the version
            stated = ""
        return TagForm.of(tags, self.settings.tag, name, stated)

    @cached_property
    def stated_version(self) -> str:
        """The version, if a usual file states it literally; empty if none does, as when it comes from git tags.

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
        """Return a value from ``setup.cfg``; None if it is not there."""
        return self.ini("setup.cfg").get(section, {}).get(key)

    def ini(self, name: str) -> dict[str, dict[str, str]]:
        """Return the sections of an INI file in the project's folder; empty if it cannot be read."""
        text = self.read_text(name)
        if not text:
            return {}
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except configparser.Error:
            return {}
        return {section: dict(parser.items(section)) for section in parser.sections()}

    @cached_property
    def requires_python(self) -> SpecifierSet:
        """The Pythons that the project supports; all if it does not say.

        Raises:
            ShipError: It is not a version range (NS114).
        """
        text = self.metadata.get("requires-python") or self.setup_cfg("options", "python_requires")
        if not text and (written := setup_argument(self.read_text("setup.py"), "python_requires")):
            text = written.value
        if not text:
            text = poetry_specifier(str(table(self.poetry, "dependencies").get("python", "")))
        try:
            specifiers = SpecifierSet(str(text))
            str(specifiers), specifiers.contains("3.11")  # makes it parse all numbers now
        except (InvalidSpecifier, ValueError) as error:
            raise ShipError(BAD_REQUIRES_PYTHON(f"requires-python is {str(text)[:80]!r}.")) from error
        return specifiers

    @cached_property
    def classified_pythons(self) -> tuple[str, ...]:
        """The Python versions the classifiers name, such as ``3.12``, in order."""
        classifiers = self.metadata.get("classifiers") or self.poetry.get("classifiers")
        if not classifiers:
            classifiers = (self.setup_cfg("metadata", "classifiers") or "").splitlines()
        if not classifiers:
            classifiers = list(setup_list(self.read_text("setup.py"), "classifiers"))
        found = {
            match[1]
            for line in (classifiers if isinstance(classifiers, list) else [])
            if (match := _PYTHON_CLASSIFIER.match(str(line).strip()))
        }
        return tuple(sorted(found, key=minor))

    @property
    def named_pythons(self) -> tuple[str, ...]:
        """The Python versions that the project names: the setting ``pythons``, else classifiers in its range."""
        if self.settings.pythons is not None:
            return self.settings.pythons
        return tuple(v for v in self.classified_pythons if admits(self.requires_python, v))

    def pythons(self, running: str) -> tuple[str, ...]:
        """Return the Python versions to test on, such as ``3.12``, in order.

        They are those that the project names. If it names none, they are all with a final release in the range of
        ``requires-python``; without a range, only the running one.

        Args:
            running: The version of the running Python; it counts as released.
        """
        if self.named_pythons:
            return self.named_pythons
        if not str(self.requires_python):
            return (running,)
        known = sorted({*pythons.stable(), running}, key=minor)
        return tuple(v for v in known if admits(self.requires_python, v)) or (running,)

    @property
    def tidy_build(self) -> bool:
        """Whether an editable build writes nothing to the source tree: known build backends without build hooks."""
        hooks = "hooks" in table(self.tool("hatch"), "build") or "build" in self.poetry or "build" in self.tool("pdm")
        return self.backend.startswith(_TIDY_BACKENDS) and not hooks

    @property
    def static(self) -> bool:
        """Whether ``pyproject.toml`` alone states version and dependencies."""
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

        For a namespace, a folder without ``__init__.py``, the packages in it are returned.
        """
        return layout.packages(self._told)

    @property
    def import_names(self) -> tuple[str, ...]:
        """The import names of the packages, in order."""
        return tuple(layout.import_name(self._told, path) for path in self.packages)

    @property
    def _told(self) -> Told:
        name, setup_py = self.canonical_name.replace("-", "_"), self.read_text("setup.py")
        return Told(self.root, name, self.backend, table(self.pyproject, "tool"), self.ini("setup.cfg"), setup_py)

    @property
    def test_paths(self) -> tuple[str, ...]:
        """Where tests are, relative to the root: in pytest's settings, else in the usual places."""
        return self._tests.places

    @property
    def test_arguments(self) -> tuple[str, ...]:
        """Arguments that pytest needs to find the tests; empty if it finds them without."""
        return self._tests.arguments

    @cached_property
    def _tests(self) -> layout.Tests:
        return layout.tests(self.root, self.pytest_options, self.packages)

    @cached_property
    def pytest_options(self) -> Mapping[str, Any]:
        """pytest's settings, from the first file that it would read.

        https://docs.pytest.org/en/stable/reference/customize.html#configuration-file-formats has the order.
        """
        for name in ("pytest.toml", ".pytest.toml"):
            if (content := documents.read_bytes(self.root / name)) is not None:
                with suppress(ValueError):  # pytest reports it
                    return table(documents.toml(content.decode()), "pytest")
                return {}
        for name, section in (("pytest.ini", "pytest"), (".pytest.ini", "pytest")):
            if (self.root / name).is_file():
                return self.ini(name).get(section, {})
        pytest = self.tool("pytest")
        for settings in (table(pytest, "ini_options"), pytest):
            if settings:
                return settings
        for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
            if found := self.ini(name).get(section):
                return found
        return {}

    def read_text(self, name: str) -> str:
        """Return the text of a file in the project's folder, with plain line feeds; empty if there is none.

        Raises:
            ShipError: It cannot be read (NS312).
        """
        return documents.read_text(self.root / name)

    def own_folder(self) -> Path:
        """Return nox-ship's folder in the project, creating it if needed, with a .gitignore.

        Raises:
            ShipError: It is a symlink or not a folder, or contains a symlink: tools would write through it (NS607).
        """
        folder = check_folder(self.root / OWN_FOLDER, links=False)
        folder.mkdir(exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return folder


def read_pyproject(root: Path) -> Mapping[str, Any]:
    """Return the parsed ``pyproject.toml`` in ``root``.

    Raises:
        ShipError: There is none (NS111), or it is not TOML in UTF-8 (NS112).
    """
    path = root / "pyproject.toml"
    try:
        content = documents.read_bytes(path)
        if content is None:
            if path.exists():
                raise ShipError(BAD_PYPROJECT(f"{path} is not a file."))
            old = [name for name in ("setup.py", "setup.cfg") if documents.is_file(root / name)]
            remedy = f"Run `nox-ship init`: it creates one for {' and '.join(old)}." if old else None
            raise ShipError(NO_PYPROJECT(f"There is no pyproject.toml in {root}.", remedy=remedy))
        text = content.decode("utf-8")
        if text.startswith("\N{BYTE ORDER MARK}"):
            what = f"{path} begins with a byte order mark, which TOML does not allow."
            raise ShipError(BAD_PYPROJECT(what, remedy="Save it as UTF-8 without one."))
        return documents.toml(text)
    except UnicodeDecodeError as error:
        what = f"{path} is not UTF-8: byte {error.start} cannot be read."
        raise ShipError(BAD_PYPROJECT(what)) from error
    except documents.UnreadableError as error:
        raise ShipError(BAD_PYPROJECT(f"{path} is not TOML: {error}.")) from error


def minor(version: str) -> tuple[int, ...]:
    """Return ``3.12`` as ``(3, 12)``, for sorting."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def newest_python(versions: Iterable[str]) -> str:
    """Return the newest CPython of some Python versions; if there is none, the last version.

    Raises:
        IndexError: There are no versions.
    """
    known = list(versions)
    return max(filter(_CPYTHON.fullmatch, known), key=minor, default=known[-1])


def admits(requires_python: SpecifierSet, version: str) -> bool:
    """Whether some release of the Python ``version`` (such as ``3.12``) is within ``requires_python``.

    A range may allow only some patch releases (``>=3.11.4``), so each one is checked.
    """
    return any(requires_python.contains(f"{version}.{patch}") for patch in range(_PATCH_RELEASES))
