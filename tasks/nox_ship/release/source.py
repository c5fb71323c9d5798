"""Where a project states its version."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nox_ship import versions
from nox_ship.documents import UnreadableError, dotted, encoding_of, read_bytes, read_text, toml
from nox_ship.errors import Kind, ShipError
from nox_ship.project import Project, strings
from nox_ship.setup_script import assigned, elsewhere, setup_argument, setup_expression

NO_VERSION = Kind(
    "NS301",
    "no-version",
    'Add `version = "..."` to [project], or configure the build backend to read it from a file or from git tags; in'
    " setup.py, write it as a string, or read it from a file.",
)

_SCM_TOOLS = re.compile(
    r"setuptools[-_]scm|setuptools-git-versioning|hatch-vcs|versioningit|(poetry|uv)-dynamic-versioning|flit[-_]scm"
    r"|versioneer|\bpbr\b"
)
_USUAL_NAMES = ("__version__", "VERSION", "__VERSION__", "version")
_USUAL_MODULES = ("__about__", "_version", "version")


@dataclass(frozen=True)
class Place:
    """One place that states the version: a file, and the text around the version, which is unique in it."""

    file: str
    """The file, relative to the project's folder."""
    before: str = ""
    after: str = ""

    @classmethod
    def around(cls, file: str, text: str, start: int, end: int) -> Place:
        """Return the place of ``text[start:end]``, with enough lines around it to make it unique."""
        first = max(text.rfind("\n", 0, start), 0)
        last = end + 1
        while text.count(text[first:last]) > 1 and (first > 0 or last < len(text)):
            if first > 0:
                first = max(text.rfind("\n", 0, first), 0)
            else:
                last = text.find("\n", last) + 1 or len(text)
        return cls(file, text[first:start], text[end:last])

    def holds(self, project: Project, version: str) -> bool:
        """Whether the project's file still has ``version`` here."""
        return f"{self.before}{version}{self.after}" in read_text(project.root / self.file)

    def change(self, project: Project, version: str, new: str) -> None:
        """Replace ``version`` with ``new``; the file's encoding and line breaks are kept."""
        path = project.root / self.file
        content = read_bytes(path) or b""
        encoding = encoding_of(content)
        before, after = (re.escape(text).replace("\\\n", r"(?:\r\n?|\n)") for text in (self.before, self.after))
        place = re.compile(f"({before}){re.escape(version)}({after})")
        text = place.sub(lambda match: f"{match[1]}{new}{match[2]}", content.decode(encoding))
        path.write_bytes(text.encode(encoding))

    def as_bump_file(self) -> dict[str, str]:
        """Return the place as an entry of bump-my-version's ``files``; its texts are format strings."""
        before, after = (text.replace("{", "{{").replace("}", "}}") for text in (self.before, self.after))
        return {
            "filename": self.file,
            "search": f"{before}{{current_version}}{after}",
            "replace": f"{before}{{new_version}}{after}",
        }


Found = tuple[Place, str]
"""A place, and the version that it states."""


@dataclass(frozen=True)
class VersionSource:
    """Where the version comes from."""

    kind: Literal["files", "tags"]
    current: str | None = None
    """The version in the files; None if it comes from git tags."""
    places: tuple[Place, ...] = ()

    @classmethod
    def of(cls, project: Project) -> VersionSource:
        """Find out where ``project`` states its version.

        Raises:
            ShipError: No version is found (NS301).
        """
        if from_tags(project):
            return cls("tags")
        found = next(_candidates(project), None)
        if found is None:
            raise ShipError(NO_VERSION("The project has no version."))
        place, current = found
        copies = dict.fromkeys(copy for copy, version in _copies(project, current) if version == current)
        return cls("files", current, (place, *(copy for copy in copies if copy.file != place.file)))


def from_tags(project: Project) -> bool:
    """Whether the version of ``project`` comes from git tags."""
    dynamic = project.metadata.get("dynamic")
    written = _text(project.metadata.get("version")) or project.setup_cfg("metadata", "version")
    if project.tool("poetry-dynamic-versioning"):
        return True
    stated = _text(project.metadata.get("version")) or _text(project.poetry.get("version"))
    if not stated and _setup_asks_git(read_text(project.root / "setup.py")):
        return True
    if written or (project.metadata and "version" not in (dynamic if isinstance(dynamic, list) else [])):
        return False
    version = _mapping(project.tool("hatch").get("version"))
    if version.get("source") == "vcs" or _mapping(project.tool("pdm").get("version")).get("source") == "scm":
        return True
    if version.get("path") or _mapping(project.tool("setuptools").get("dynamic")).get("version"):
        return False
    system = _mapping(project.pyproject.get("build-system"))
    return bool(_SCM_TOOLS.search(" ".join([*strings(system.get("requires")), project.backend])))


def _setup_asks_git(text: str) -> bool:
    """Whether setup.py takes the version from git, with setuptools-scm, pbr or versioneer."""
    version = setup_expression(text, "version")
    asked = isinstance(version, ast.Call) and dotted(version.func) == "versioneer.get_version"
    return asked or any(setup_expression(text, name) is not None for name in ("use_scm_version", "pbr"))


def _candidates(project: Project) -> Iterator[Found]:
    """Yield the places that can state the version, the authoritative one first."""
    yield from _from_toml(project, "pyproject.toml", "project", project.metadata)
    yield from _from_toml(project, "pyproject.toml", "tool.poetry", project.poetry)
    if project.backend.startswith("maturin"):
        yield from _from_toml(project, _cargo(project), "package", _crate(project))
    yield from _from_setup(project)
    yield from _read_by_setup(project)
    for name, attributes in _configured_files(project):
        yield from _assignment(project.root, name, attributes)
    dynamic = project.metadata.get("dynamic")
    if isinstance(dynamic, list) and "version" in dynamic and project.backend.startswith("flit"):
        for path in project.packages:
            yield from _assignment(project.root, _init(path))


def _cargo(project: Project) -> str:
    """Return the path of the crate's manifest: https://www.maturin.rs/config.html."""
    return _text(project.tool("maturin").get("manifest-path")) or "Cargo.toml"


def _crate(project: Project) -> dict[str, Any]:
    """Return the package table of Cargo.toml, from which maturin takes the version."""
    try:
        return _mapping(toml(read_text(project.root / _cargo(project))).get("package"))
    except UnreadableError:  # the build reports it
        return {}


def _from_toml(project: Project, file: str, table: str, values: Any) -> Iterator[Found]:
    version = _text(values.get("version"))
    if version is None:
        return
    text = read_text(project.root / file)
    key = rf"""(?<![\w-])version[ \t]*=[ \t]*(["']){re.escape(version)}\1"""
    in_table = re.compile(
        rf"^\[[ \t]*{re.escape(table)}[ \t]*\][^\n]*\n(?:(?!^\[)[^\n]*\n)*?^[ \t]*{key}", re.MULTILINE
    )
    match = in_table.search(text) or re.search(key, text)
    if match:
        end = match.end() - 1
        yield Place.around(file, text, end - len(version), end), version


def _from_setup(project: Project) -> Iterator[Found]:
    version = project.setup_cfg("metadata", "version")
    if version and not version.startswith(("attr:", "file:")):
        text = read_text(project.root / "setup.cfg")
        line = rf"^version[ \t]*[=:][ \t]*({re.escape(version)})[ \t]*$"
        if match := re.search(rf"^\[metadata\][^\n]*\n(?:(?!\[)[^\n]*\n)*?{line}", text, re.MULTILINE):
            yield Place.around("setup.cfg", text, *match.span(1)), version
    text = read_text(project.root / "setup.py")
    if written := setup_argument(text, "version"):
        yield Place.around("setup.py", text, written.start, written.end), written.value


def _read_by_setup(project: Project) -> Iterator[Found]:
    """Yield the places from which setup.py may take the version; those in packages come last."""
    there = elsewhere(project.root, "version")
    if there is None:
        return
    names = tuple(dict.fromkeys((*there.names, *_USUAL_NAMES)))
    found = [one for name in there.files for one in _assignment(project.root, name, names)]
    found += [one for path in project.packages for one in _assignment(project.root, _init(path), names)]
    yield from (one for one in found if versions.parse(one[1]))


def _configured_files(project: Project) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the files from which a build backend reads the version, and the names it may have there."""
    if path := _mapping(project.tool("hatch").get("version")).get("path"):
        yield str(path), ("__version__", "VERSION")
    pdm = _mapping(project.tool("pdm").get("version"))
    if pdm.get("source") == "file" and pdm.get("path"):
        yield str(pdm["path"]), _USUAL_NAMES
    dynamic = _mapping(_mapping(project.tool("setuptools").get("dynamic")).get("version"))
    specs = [f"attr: {dynamic['attr']}"] if dynamic.get("attr") else []
    files = dynamic.get("file", [])
    specs += [f"file: {name}" for name in ([files] if isinstance(files, str) else strings(files))]
    specs.append(project.setup_cfg("metadata", "version") or "")
    for spec in specs:
        kind, _, value = (part.strip() for part in spec.partition(":"))
        if kind == "file":
            yield value, _USUAL_NAMES
        elif kind == "attr":
            for name in _files_of_attribute(project, value):
                yield name, (value.rpartition(".")[2],)


def _files_of_attribute(project: Project, dotted: str) -> Iterator[str]:
    """Yield the files that can define ``package.module.attribute``."""
    parts = dotted.split(".")[:-1]
    for package in project.packages:
        if parts and package.stem == parts[0]:
            inner = package.parent.joinpath(*parts)
            yield from (inner.with_suffix(".py").as_posix(), (inner / "__init__.py").as_posix())


def _copies(project: Project, version: str) -> Iterator[Found]:
    """Yield the places that commonly repeat the version, such as ``__init__.py`` and lock files."""
    for path in project.packages:
        for name in (_init(path), *((path / f"{stem}.py").as_posix() for stem in _USUAL_MODULES)):
            yield from _assignment(project.root, name)
    names = {"uv.lock": project.canonical_name}
    if project.backend.startswith("maturin"):
        names[(Path(_cargo(project)).parent / "Cargo.lock").as_posix()] = str(_crate(project).get("name"))
    for lock, name in names.items():
        before = f'\nname = "{name}"\nversion = "'
        if f'{before}{version}"' in read_text(project.root / lock):
            yield Place(lock, before, '"'), version


def _init(path: Path) -> str:
    return (path if path.suffix == ".py" else path / "__init__.py").as_posix()


def _assignment(
    root: Path, name: str, attributes: tuple[str, ...] = _USUAL_NAMES, seen: frozenset[str] = frozenset()
) -> Iterator[Found]:
    """Yield the version that a file assigns to one of ``attributes``, or that is a non-Python file's only content.

    Names that the file imports are looked up in their source, unless that file was ``seen`` already.
    """
    path = root / name
    text = read_text(path)
    package = re.escape(Path(name).parent.name)
    for attribute in attributes:
        if written := assigned(text, attribute):
            yield Place.around(name, text, written.start, written.end), written.value
            return
        listed = rf"(?:\([^)]{{0,2000}}|[^\n(]*)\b{re.escape(attribute)}\b"
        imported = rf"^from\s+(?:{package})?\.(\w+)\s+import\s+{listed}"
        if match := re.search(imported, text, re.MULTILINE):
            other = Path(name).with_name(f"{match[1]}.py").as_posix()
            if other not in seen:
                yield from _assignment(root, other, (attribute,), seen | {name, other})
            return
    if path.suffix != ".py" and text.strip():
        yield Place(name), text.strip()


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
