"""A project's settings for its build backend about where its packages are."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from nox_ship import documents
from nox_ship.documents import is_file, is_folder, strings, table
from nox_ship.setup_script import setup_expression

# https://setuptools.pypa.io/en/latest/userguide/package_discovery.html#flat-layout has most of these.
NOT_PACKAGES = {
    *("benchmark", "benchmarks", "bin", "build", "changelog", "ci", "debian", "dist", "doc", "docs", "documentation"),
    *("example", "examples", "exercise", "exercises", "htmlcov", "manpages", "news", "newsfragments", "node_modules"),
    *("script", "scripts", "site_scons", "tasks", "test", "testing", "tests", "tool", "tools", "unit_test"),
    *("unit_tests", "util", "utils", "venv"),
}
"""Names of folders next to the packages with other content, whether or not Python can import them."""
DEEPEST = 4
"""How many nested folders are searched for a package; namespaces have few levels."""


@dataclass(frozen=True)
class Told:
    """A project as its build backend sees it.

    Attributes:
        root: The project's folder.
        name: The default name of its package: ``my_project``.
        backend: The build backend's import name, such as ``hatchling.build``.
        tools: The table ``[tool]`` of ``pyproject.toml``.
        setup_cfg: The sections of ``setup.cfg``.
        setup_py: The text of ``setup.py``.
    """

    root: Path
    name: str
    backend: str
    tools: Mapping[str, Any]
    setup_cfg: Mapping[str, Mapping[str, str]]
    setup_py: str

    def packages(self) -> list[Path]:
        """Return the folders and modules that the settings name, relative to the root; none if the backend finds them.

        Of nested packages only the outer one is returned, and only if it exists.
        """
        reader = _PACKAGES.get(self.backend.partition(".")[0], _setuptools)
        found = {path for name in reader(self) if (path := _inside(name)) and self._is_there(path)}
        return sorted(path for path in found if found.isdisjoint(path.parents))

    def bases(self) -> list[Path]:
        """Return the folders with packages, if the settings name them."""
        reader = _BASES.get(self.backend.partition(".")[0], _setuptools_bases)
        return [path for name in reader(self) if (path := _inside(name)) and is_folder(self.root / path)]

    def _is_there(self, path: Path) -> bool:
        real = self.root / path
        if not path.stem.isidentifier():
            return False
        return next(documents.found(real, "**/*.py"), None) is not None or (path.suffix == ".py" and is_file(real))


def _inside(name: str) -> Path | None:
    """Return a path in the project as written; None if it leads outside, or is not a path."""
    path = PurePosixPath(name)
    return None if path.is_absolute() or ".." in path.parts or "\0" in name else Path(path)


def _module(dotted: str, bases: Iterable[str] = ("",)) -> Iterator[str]:
    """Yield the possible paths of a module, as a folder or a file."""
    for base in bases:
        path = (PurePosixPath(base) / dotted.replace(".", "/")).as_posix()
        yield from (path, f"{path}.py")


def _hatch(told: Told) -> Iterator[str]:
    build = table(told.tools, "hatch", "build")
    for settings in (table(build, "targets", "wheel"), build):
        for key in ("packages", "only-include"):
            if named := strings(settings.get(key)):
                yield from (name for name in named if name not in strings(settings.get("sources")))
                return


def _hatch_bases(told: Told) -> Iterator[str]:
    build = table(told.tools, "hatch", "build")
    for settings in (table(build, "targets", "wheel"), build):
        yield from strings(settings.get("sources"))


def _flit(told: Told) -> Iterator[str]:
    for name in (table(told.tools, "flit", "module").get("name"), table(told.tools, "flit", "metadata").get("module")):
        yield from _module(name if isinstance(name, str) else told.name, ("src", ""))


def _poetry(told: Told) -> Iterator[str]:
    entries = table(told.tools, "poetry").get("packages")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and isinstance(included := entry.get("include"), str):
            base = entry.get("from")
            parts = [part for part in PurePosixPath(included).parts if not set(part) & set("*?[")]
            yield PurePosixPath(base if isinstance(base, str) else "", *parts).as_posix()


def _maturin(told: Told) -> Iterator[str]:
    base = table(told.tools, "maturin").get("python-source")
    for name in strings(table(told.tools, "maturin").get("python-packages")):
        yield from _module(name, [base if isinstance(base, str) else ""])


def _uv(told: Told) -> Iterator[str]:
    settings = table(told.tools, "uv", "build-backend")
    base, named = settings.get("module-root", "src"), settings.get("module-name", told.name)
    for name in [named] if isinstance(named, str) else strings(named):
        yield from _module(name, [base if isinstance(base, str) else "src"])


def _scikit(told: Told) -> Iterator[str]:
    named = table(told.tools, "scikit-build", "wheel").get("packages")
    yield from strings(list(named.values()) if isinstance(named, Mapping) else named)


def _setuptools(told: Told) -> Iterator[str]:
    """Yield the names in all three files: https://setuptools.pypa.io/en/latest/userguide/package_discovery.html."""
    settings, options = table(told.tools, "setuptools"), told.setup_cfg.get("options", {})
    folders = _package_dir(told)
    modules = [*strings(settings.get("py-modules")), *_listed(options.get("py_modules", ""))]
    for name in [*modules, *strings(_literal(told, "py_modules"))]:
        yield from _module(name, [folders.get("", "")])
    named = settings.get("packages")
    if isinstance(named, Mapping):
        yield from _find(told.root, table(named, "find"), namespaces=True)
    listed = _listed(options.get("packages", ""))
    if listed and listed[0] in ("find:", "find_namespace:"):
        find = {key: _listed(value) for key, value in told.setup_cfg.get("options.packages.find", {}).items()}
        yield from _find(told.root, find, namespaces=listed[0] == "find_namespace:")
        listed = []
    for name in [*strings(named), *listed, *strings(_literal(told, "packages"))]:
        yield _placed(name, folders)
    yield from _found_by_script(told)


def _package_dir(told: Told) -> dict[str, str]:
    """Return the folders of packages, by package name; the default folder has an empty name."""
    lines = _listed(told.setup_cfg.get("options", {}).get("package_dir", ""))
    pairs = (line.partition("=") for line in lines)
    places = [
        {name.strip(): folder.strip() for name, _, folder in pairs},
        _literal(told, "package_dir"),
        table(told.tools, "setuptools").get("package-dir"),
    ]
    return {
        name: folder
        for place in places
        if isinstance(place, Mapping)
        for name, folder in place.items()
        if isinstance(name, str) and isinstance(folder, str)
    }


def _placed(name: str, folders: Mapping[str, str]) -> str:
    """Return the folder of a package."""
    parts = name.split(".")
    for known in range(len(parts), 0, -1):
        if (folder := folders.get(".".join(parts[:known]))) is not None:
            return PurePosixPath(folder, *parts[known:]).as_posix()
    return PurePosixPath(folders.get("", ""), *parts).as_posix()


def _find(root: Path, settings: Mapping[str, Any], *, namespaces: bool) -> Iterator[str]:
    """Yield the packages that setuptools would find; none if the search is unrestricted and in the usual places."""
    where, include, exclude = settings.get("where"), strings(settings.get("include")), strings(settings.get("exclude"))
    bases = [where] if isinstance(where, str) else strings(where)
    if not bases and not include:
        if not exclude:
            return
        exclude += NOT_PACKAGES
    deep = settings.get("namespaces", namespaces) is True
    for name in bases or ["."]:
        if (base := _inside(name)) is not None:
            below = _packages_in(root / base, include or ["*"], exclude, deep=deep)
            yield from (path.relative_to(root).as_posix() for path in below)


def _packages_in(
    base: Path, include: list[str], exclude: list[str], *, deep: bool, above: tuple[str, ...] = ()
) -> Iterator[Path]:
    """Yield the packages in a folder; of nested packages, the outer ones."""
    for folder in documents.folders(base):
        parts = (*above, folder.name)
        name = ".".join(parts)
        wanted = any(fnmatchcase(name, p) for p in include) and not any(fnmatchcase(name, p) for p in exclude)
        regular = is_file(folder / "__init__.py")
        if wanted and (regular or (deep and next(folder.glob("*.py"), None))):
            yield folder
        elif (regular or deep) and len(parts) < DEEPEST:
            yield from _packages_in(folder, include, exclude, deep=deep, above=parts)


def _found_by_script(told: Told) -> Iterator[str]:
    """Yield what ``setup.py`` finds with setuptools' own functions."""
    call = setup_expression(told.setup_py, "packages")
    if not isinstance(call, ast.Call):
        return
    function = documents.dotted(call.func).rpartition(".")[2]
    if function not in ("find_packages", "find_namespace_packages"):
        return
    given = dict(zip(("where", "exclude", "include"), map(documents.literal, call.args), strict=False))
    given |= {word.arg: documents.literal(word.value) for word in call.keywords if word.arg}
    yield from _find(told.root, given, namespaces=function == "find_namespace_packages")


def _literal(told: Told, name: str) -> object:
    """Return the argument of this name in ``setup.py``, if it is a literal."""
    given = setup_expression(told.setup_py, name)
    return documents.literal(given) if given is not None else None


def _listed(text: str) -> list[str]:
    """Return the entries of a list in ``setup.cfg``, separated by line breaks or commas."""
    lines = text.splitlines() if "\n" in text else text.split(",")
    return [line.strip() for line in lines if line.strip()]


def _setuptools_bases(told: Told) -> Iterator[str]:
    yield from (folder for name, folder in _package_dir(told).items() if not name)


def _named_base(*keys: str) -> Any:
    def base(told: Told) -> Iterator[str]:
        *tables, key = keys
        value = table(told.tools, *tables).get(key)
        yield from [value] if isinstance(value, str) else []

    return base


_PACKAGES = {
    "flit": _flit,
    "flit_core": _flit,
    "hatchling": _hatch,
    "maturin": _maturin,
    "poetry": _poetry,
    "scikit_build_core": _scikit,
    "uv_build": _uv,
}
_BASES = {
    "hatchling": _hatch_bases,
    "maturin": _named_base("maturin", "python-source"),
    "pdm": _named_base("pdm", "build", "package-dir"),
    "uv_build": _named_base("uv", "build-backend", "module-root"),
}
