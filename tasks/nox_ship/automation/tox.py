"""tox's environments, as they stand in tox.ini, tox.toml, setup.cfg or pyproject.toml.

The rules are those of https://tox.wiki/en/latest/config.html; what only a run of tox can tell is left out.
"""

from __future__ import annotations

import configparser
import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nox_ship import documents
from nox_ship.automation.needs import Needs
from nox_ship.automation.shell import commands
from nox_ship.project import Project, strings

Command = tuple[str, ...]

_FACTORS = re.compile(r"^(?P<factors>[!\w.{},-]+)\s*:(?:\s+(?P<rest>.*)|$)")
_BRACES = re.compile(r"\{([^{}]*)\}")
_PLACE = re.compile(r"\{(?P<name>[^{}:]*)(?::(?P<value>[^{}]*))?\}")
_REFERENCE = re.compile(r"\{\[(?P<section>[^\]{}]+)\](?P<key>[^{}:]+)\}")
_LONGEST = 1 << 16
"""Characters of a value with its places filled in."""
_PYTHON = re.compile(r"(?:py|pypy)?[\d.]*t?|py|pypy\d*|base")
_DEEPEST = 20
"""How often what TOML refers to may refer on."""
_MOST = 200
"""Environments of one list, at the most: braces multiply."""


@dataclass(frozen=True)
class Environment:
    """What one environment of tox installs and runs."""

    name: str
    where: str
    """The file and the section."""
    needs: Needs
    commands: tuple[Command, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class Tox:
    """A project's settings for tox."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._file, self._base, self._named, self._list, self._sections = _read(project)

    @property
    def default(self) -> tuple[str, ...]:
        """The environments that run where none is named, those for other Pythons left out."""
        return self._list

    @property
    def unreadable(self) -> str | None:
        """Why the settings cannot be read, None where they can, or there are none."""
        for name in ("tox.ini", "tox.toml"):
            try:
                if name.endswith(".toml"):
                    documents.toml(self._project.read_text(name))
                else:
                    _parser(self._project.read_text(name))
            except (configparser.Error, documents.UnreadableError) as error:
                return f"{name} cannot be read ({' '.join(str(error).split())}): it is left out"
        return None

    def environments(self, names: Iterable[str] | None = None) -> Iterator[Environment]:
        """Yield the environments of these names, or those that run by default; one for several Pythons once."""
        seen = set()
        for name in self._list if names is None else [one for text in names for one in _expanded(text)]:
            if (found := self._environment(name)) and (key := (found.needs, found.commands)) not in seen:
                seen.add(key)
                yield found

    def _environment(self, name: str) -> Environment | None:
        if not self._base and name not in self._named:
            return None
        own = self._named.get(name, {})
        if not own and not all(map(_is_factor, name.split("-"))) and not self._has_factor(name):
            return None
        values = {**self._inherited(own), **own}
        factors = set(name.split("-"))
        section = f"testenv:{name}" if name in self._named else "testenv"

        def lines(*keys: str) -> list[str]:
            value: Any = next((values[key] for key in keys if key in values), [])
            return [self._filled(line) for line in _chosen(value, factors)]

        needs = Needs(project=not _is_true(values.get("skip_install")))
        for line in lines("deps"):
            needs |= _dependency(line)
        extras = tuple(word for line in lines("extras") for word in re.split(r"[\s,]+", line) if word)
        groups = tuple(word for line in lines("dependency_groups") for word in re.split(r"[\s,]+", line) if word)
        env = dict(pair for line in lines("set_env", "setenv") if (pair := _variable(line)))
        told = tuple(self._commands(values.get("commands", []), factors))
        locked = values.get("runner") == "uv-venv-lock-runner"
        needs |= Needs(extras=extras, groups=groups, locked=locked)
        return Environment(name, f"{self._file} [{section}]", needs, told, env)

    def _has_factor(self, name: str) -> bool:
        """Whether an environment without settings of its own is one of the list."""
        return name in self._list

    def _inherited(self, own: Mapping[str, Any]) -> dict[str, Any]:
        base = own.get("base")
        names = re.split(r"[\s,]+", base.strip()) if isinstance(base, str) else strings(base)
        values: dict[str, Any] = {} if names else dict(self._base)
        for name in reversed(names):
            plain = name.removeprefix("testenv:").removeprefix("env.")
            values.update(self._named.get(plain, self._base))
        return values

    def _filled(self, text: str) -> str:
        """Return a text with its places filled in; those that only a run can fill stay as they are."""
        for _ in range(_DEEPEST):
            filled = _PLACE.sub(self._fill, _REFERENCE.sub(self._referred, text))[:_LONGEST]
            if filled == text:
                break
            text = filled
        return text

    def _fill(self, match: re.Match[str]) -> str:
        name, value = match["name"].strip(), match["value"]
        if name == "posargs":
            return value or ""
        if name == "env":
            return value.partition(":")[2] if value else ""
        if name in ("toxinidir", "tox_root", "changedir", "change_dir"):
            return "."
        if name in ("envpython", "env_python"):
            return "python"
        return match[0]

    def _referred(self, match: re.Match[str]) -> str:
        return self._sections.get(match["section"], {}).get(match["key"].strip(), "")

    def _commands(self, value: Any, factors: set[str]) -> Iterator[Command]:
        if isinstance(value, list) and any(isinstance(item, list) for item in value):
            rows = [strings(item) for item in value if isinstance(item, list)]
        else:
            text = "\n".join(_chosen(value, factors)).replace("\\\n", " ")
            rows = [_split(line) for line in self._filled(text).splitlines()]
        for row in rows:
            words = [filled for word in row if (filled := self._filled(word)) and "{" not in filled]
            if words and words[0] not in ("-", "!"):
                yield tuple(words)


def _read(
    project: Project,
) -> tuple[str, Mapping[str, Any], dict[str, Mapping[str, Any]], tuple[str, ...], dict[str, dict[str, str]]]:
    """Return the file's name, the base, the named environments, the list of those that run, and INI sections."""
    legacy = project.tool("tox").get("legacy_tox_ini")
    for name in ("tox.ini", "setup.cfg"):
        sections = _sections(project.read_text(name))
        if any(part in sections for part in ("tox", "testenv", "tox:tox")):
            return (name, *_from_ini(sections))
    if isinstance(legacy, str):
        return ("pyproject.toml", *_from_ini(_sections(legacy)))
    try:
        table: Any = documents.toml(project.read_text("tox.toml"))
    except documents.UnreadableError:
        table = {}
    name = "tox.toml" if table else "pyproject.toml"
    table = table or project.tool("tox")
    return (name, *_from_toml(table), {})


def _from_ini(
    sections: dict[str, dict[str, str]],
) -> tuple[Mapping[str, Any], dict[str, Mapping[str, Any]], tuple[str, ...], dict[str, dict[str, str]]]:
    core = sections.get("tox") or sections.get("tox:tox") or {}
    told = core.get("env_list") or core.get("envlist") or ""
    prefix = "testenv:"
    named: dict[str, Mapping[str, Any]] = {}
    for section, values in sections.items():
        if section.startswith(prefix):
            named.update(dict.fromkeys(_expanded(section.removeprefix(prefix)), values))
    names = [name for part in _outside_braces(told) for name in _expanded(part)]
    return sections.get("testenv", {}), named, tuple(names or ["py"]), sections


def _from_toml(table: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Mapping[str, Any]], tuple[str, ...]]:
    whole = _resolved(table, table, 0)
    base, environments = whole.get("env_run_base"), whole.get("env")
    named = dict(environments) if isinstance(environments, Mapping) else {}
    listed = table.get("env_list")
    names = [item if isinstance(item, str) else "py" for item in listed] if isinstance(listed, list) else ["py"]
    good = {name: value for name, value in named.items() if isinstance(value, Mapping)}
    return base if isinstance(base, Mapping) else {}, good, tuple(dict.fromkeys(names))


def _parser(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, comment_prefixes=("#",))
    parser.read_string(text)
    return parser


def _sections(text: str) -> dict[str, dict[str, str]]:
    try:
        parser = _parser(text)
    except configparser.Error:
        return {}
    return {name: {key: value or "" for key, value in parser.items(name)} for name in parser.sections()}


def _chosen(value: Any, factors: set[str]) -> list[str]:
    """Return the lines of a value that are for an environment with these factors."""
    if isinstance(value, Mapping):
        value = [f"{name}={inner}" for name, inner in value.items() if isinstance(inner, str)]
    rows = value.splitlines() if isinstance(value, str) else strings(value)
    found = []
    for row in map(str.strip, rows):
        match = _FACTORS.match(row)
        if not row or row.startswith("#"):
            continue
        if match is None or match["factors"].endswith(("http", "https")):
            found.append(row)
        elif any(_fits(one, factors) for part in _outside_braces(match["factors"]) for one in _expanded(part)):
            found.append(match["rest"] or "")
    return found


def _fits(expression: str, factors: set[str]) -> bool:
    return all((part.lstrip("!") in factors) != part.startswith("!") for part in expression.split("-"))


def _outside_braces(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,]+(?![^{]*\})", text.strip()) if part]


def _expanded(text: str) -> list[str]:
    """Return ``a-{b,c}`` as ``a-b`` and ``a-c``; a range such as ``{310-313}`` as its numbers."""
    if not (match := _BRACES.search(text)):
        return [text]
    inner = match[1]
    if numbers := re.fullmatch(r"(\d{1,4})-(\d{1,4})", inner):
        options = [str(number) for number in itertools.islice(range(int(numbers[1]), int(numbers[2]) + 1), _MOST)]
    else:
        options = [option.strip() for option in inner.split(",")]
    before, after = text[: match.start()], text[match.end() :]
    return [one for option in options[:_MOST] for one in _expanded(f"{before}{option}{after}")[:_MOST]][:_MOST]


def _is_factor(name: str) -> bool:
    return _PYTHON.fullmatch(name) is not None


def _dependency(line: str) -> Needs:
    line = re.sub(r"(?:^|\s)#.*$", "", line).strip()
    if match := re.match(r"(?:-r|--requirement)[=\s]*(.+)", line):
        return Needs(files=(match[1].strip().removeprefix("./"),))
    if line.startswith("-") or "{" in line:
        return Needs()
    if match := re.fullmatch(r"\.(?:\[([^\]]*)\])?", line):
        return Needs(extras=tuple(re.findall(r"[\w.-]+", match[1] or "")), project=True)
    return Needs(requirements=(line,) if line else ())


def _variable(line: str) -> tuple[str, str] | None:
    name, equals, value = line.partition("=")
    return (name.strip(), value.strip()) if equals and "{" not in value else None


def _resolved(value: Any, table: Mapping[str, Any], depth: int) -> Any:
    """Return a value of TOML with what it refers to elsewhere in ``table`` in its place."""
    if depth > _DEEPEST:
        return None
    if isinstance(value, Mapping) and "replace" in value:
        if value["replace"] == "ref":
            place = value.get("of") or ["env", value.get("env"), value.get("key")]
            target: Any = table
            for key in place if isinstance(place, list) else []:
                target = target.get(str(key)) if isinstance(target, Mapping) else None
            return _resolved(target, table, depth + 1)
        return value.get("default", [] if value["replace"] == "posargs" else None)
    if isinstance(value, Mapping):
        return {key: _resolved(inner, table, depth + 1) for key, inner in value.items()}
    if not isinstance(value, list):
        return value
    found: list[Any] = []
    for item in value:
        inner = _resolved(item, table, depth + 1)
        spread = isinstance(item, Mapping) and isinstance(inner, list) and "replace" in item
        found += inner if spread else [inner]
    return found


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return next(commands(line), [])


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "yes", "on"))
