"""What tox's environments install and run, without what only a run of tox can determine."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nox_ship.automation import tox_settings
from nox_ship.automation.needs import Needs, pip_install, union
from nox_ship.automation.shell import commands
from nox_ship.automation.tox_settings import Table, expanded, parts
from nox_ship.config import Command
from nox_ship.project import OWN_FOLDER, Project, strings

_FACTORS = re.compile(r"(?P<factors>[!\w.{},-]+)\s*:(?:\s+(?P<rest>.*)|$)")
_PLACE = re.compile(r"\{(?P<name>[^{}:]*)(?::(?P<value>[^{}]*))?\}")
_REFERENCE = re.compile(r"\{\[(?P<section>[^\]{}]+)\](?P<key>[^{}:]+)\}")
_UNKNOWN = "\0"
"""Stands for a value that only a run of tox can determine."""
_SCRATCH = "\1"
"""Stands for a temporary folder of tox."""
_FILLED = {
    **dict.fromkeys(("envdir", "env_dir", "envtmpdir", "env_tmp_dir", "envlogdir", "env_log_dir"), _SCRATCH),
    **dict.fromkeys(("toxworkdir", "work_dir", "temp_dir"), _SCRATCH),
    **dict.fromkeys(("toxinidir", "tox_root", "changedir", "change_dir"), "."),
    **dict.fromkeys(("envpython", "env_python", "basepython", "base_python"), "python"),
    **dict.fromkeys(("envbindir", "env_bin_dir"), "bin"),
    "/": "/",
}
_LONGEST = 1 << 16
"""The longest value with its placeholders filled in, in characters."""
_DEEPEST = 20
"""How deeply placeholders may be nested."""
_MOST = 1 << 20
"""The most characters of all values for all environments together, since each may refer to several others."""
_PYTHON = re.compile(r"(?:c?py|pypy|cpython|python)?[\d.]*t?")
_VERSION = re.compile(r"(?:c?python|py)?3\.?(\d{1,3})t?")
_NO_RUN = {
    *("list", "l", "config", "c", "devenv", "d", "exec", "depends", "de", "quickstart", "q", "schema", "man"),
    *("-l", "--listenvs", "-a", "--listenvs-all", "--showconfig", "-n", "--notest", "--help", "-h", "--version"),
}
"""Subcommands and options with which tox runs no environment (https://tox.wiki/en/latest/cli_interface.html)."""
_LONG = {"--env": "-e", "--conf": "-c", "-qe": "-e", "-re": "-e", "-ve": "-e", "-pe": "-e"}
"""Other spellings of options that take a value."""


@dataclass(frozen=True)
class ToxEnvironment:
    """What one environment of tox installs and runs."""

    name: str
    where: str
    """The file and the section."""
    needs: Needs
    commands: tuple[Command, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    """The Python version that it requires, such as ``3.12``; empty if it accepts any."""


class Tox:
    """A project's environments for tox.

    Args:
        project: The project.
        posargs: The arguments after ``--`` on tox's command line.
    """

    def __init__(self, project: Project, posargs: tuple[str, ...] = ()) -> None:
        self._settings = tox_settings.read(project, posargs)
        self._posargs = shlex.join(posargs)
        self._left = _MOST
        sources = next((package.parent.as_posix() for package in project.packages), ".")
        self._places = {**_FILLED, **dict.fromkeys(("envsitepackagesdir", "env_site_packages_dir"), sources)}
        named = self._settings.named
        self._known = {factor for name in (*named, *self._settings.default) for factor in name.split("-")}

    @property
    def file(self) -> str:
        """The settings file."""
        return self._settings.file

    def labelled(self, label: str) -> list[str]:
        """Return the environments with a label."""
        return self._settings.labels.get(label, [])

    def with_factors(self, factors: Iterable[str]) -> list[str]:
        """Return the default environments that have all these factors."""
        return [name for name in self._settings.default if set(factors) <= set(name.split("-"))]

    def environments(self, names: Iterable[str] | None = None) -> Iterator[ToxEnvironment]:
        """Yield the environments of these names, or the default ones; one for several Pythons only once."""
        wanted = self._settings.default if names is None else expanded(" ".join(names))
        if "ALL" in wanted:
            wanted = (*self._settings.default, *self._settings.named)
        seen = set()
        for name in wanted:
            if (found := self._environment(name)) and (key := (found.needs, found.commands)) not in seen:
                seen.add(key)
                yield found

    def _environment(self, name: str) -> ToxEnvironment | None:
        settings = self._settings
        own = settings.named.get(name)
        factors = set(name.split("-"))
        if not (settings.base or settings.named):
            return None
        if own is None and not all(factor in self._known or _PYTHON.fullmatch(factor) for factor in factors):
            return None
        values = {**self._inherited(own or {}), **(own or {})}
        if _is_true(values.get("ignore_outcome")):
            return None

        def lines(*keys: str) -> list[str]:
            value: Any = next((values[key] for key in keys if key in values), [])
            return [self._filled(line, name) for line in self._lines(value, factors)]

        core = settings.core
        packaged = not any(_is_true(core.get(key)) for key in ("no_package", "skipsdist"))
        project = packaged and not _is_true(values.get("skip_install")) and values.get("package") != "skip"
        needs = Needs(
            extras=tuple(word for line in lines("extras") for word in parts(line)),
            groups=tuple(word for line in lines("dependency_groups") for word in parts(line)),
            project=project,
            locked=values.get("runner") == "uv-venv-lock-runner",
        )
        return ToxEnvironment(
            name,
            f"{settings.file} [testenv{f':{name}' if own else ''}]",
            union((needs, *map(_dependency, lines("deps")))),
            tuple(row for key in ("commands_pre", "commands") for row in self._commands(values.get(key), name)),
            dict(pair for line in lines("set_env", "setenv") if (pair := _variable(line))),
            _version([*lines("base_python", "basepython"), *name.split("-")]),
        )

    def _inherited(self, own: Table) -> dict[str, Any]:
        """Return the sections that an environment inherits from; the common one by default."""
        base = own.get("base")
        if base is None:
            return dict(self._settings.base)
        values: dict[str, Any] = {}
        for name in reversed(parts(base) if isinstance(base, str) else strings(base)):
            plain = name.removeprefix("testenv:").removeprefix("env.")
            values.update(self._settings.named.get(plain, self._settings.base))
        return values

    def _lines(self, value: Any, factors: set[str], depth: int = 0) -> list[str]:
        """Return the lines of a value for an environment with these factors, including those it refers to."""
        if self._left < 0 or depth > _DEEPEST:
            return []
        if isinstance(value, Mapping):
            value = [f"{name}={inner}" for name, inner in value.items() if isinstance(inner, str)]
        rows = value.replace("\\\n", " ").splitlines() if isinstance(value, str) else strings(value)
        self._left -= sum(map(len, rows))

        def referred(match: re.Match[str]) -> str:
            inner = self._settings.sections.get(match["section"], {}).get(match["key"].strip(), "")
            return "\n".join(self._lines(inner, factors, depth + 1))

        found: list[str] = []
        for row in filter(None, map(str.strip, rows)):
            match = _FACTORS.fullmatch(row)
            if match and not any(_fits(one, factors) for one in expanded(match["factors"])):
                continue
            line = (match["rest"] or "") if match else row
            if not line.startswith("#"):
                found += _REFERENCE.sub(referred, line)[:_LONGEST].splitlines()
        return found

    def _filled(self, text: str, name: str) -> str:
        """Return a text with its placeholders filled in; unknown ones become a mark."""

        def fill(match: re.Match[str]) -> str:
            place, value = match["name"].strip(), match["value"]
            if place == "posargs":
                return self._posargs or value or ""
            if place == "env":
                return (value or "").partition(":")[2]
            if place == "tty":
                return (value or "").rpartition(":")[2]
            if place == "" and value == "":
                return ":"
            return name if place in ("envname", "env_name") else self._places.get(place, _UNKNOWN)

        for _ in range(_DEEPEST):
            filled = _PLACE.sub(fill, text)[:_LONGEST]
            if filled == text:
                break
            text = filled
        return text

    def _commands(self, value: Any, name: str) -> Iterator[Command]:
        if isinstance(value, list) and any(isinstance(item, list) for item in value):
            rows = [[self._filled(word, name) for word in strings(item)] for item in value if isinstance(item, list)]
        else:
            rows = [_split(self._filled(line, name)) for line in self._lines(value, set(name.split("-")))]
        for row in rows:
            if row and not row[0].startswith(("-", "!")) and (words := tuple(_known(row))):
                yield words


def chosen(project: Project, words: Sequence[str], toxenv: str = "") -> Iterator[ToxEnvironment]:
    """Yield the environments that a tox command line runs; none if it only lists or creates some.

    Args:
        project: The project.
        words: The command line, without its program.
        toxenv: The variable ``TOXENV``.
    """
    end = words.index("--") if "--" in words else len(words)
    told: dict[str, list[str]] = {"-e": [], "-m": [], "-f": [], "-c": []}
    left = iter(words[:end])
    for word in left:
        option, equals, value = word.partition("=")
        attached = re.fullmatch(r"(-[emfc])([^-=].*)", word)
        option = _LONG.get(option, option)
        if option in told or (attached and not equals):
            told[attached[1] if attached else option].append(
                value if equals else attached[2] if attached else next(left, "")
            )
        elif word in _NO_RUN:
            return
    tox = Tox(project, tuple(words[end + 1 :]))
    if any(file != tox.file for file in told["-c"]):
        return
    # Of `py$(command)`, which only a shell can fill in, the beginning is enough: it is a Python environment.
    names = [name.partition("$")[0] for name in told["-e"] or toxenv.split() if name]
    names += [name for label in told["-m"] for name in tox.labelled(label)]
    yield from tox.environments(names or tox.with_factors(told["-f"]) or None)


def _known(row: list[str]) -> Iterator[str]:
    """Yield the known words; an option goes with its value, and tox's temporary files are put into our own folder."""
    for before, word, after in zip(["", *row], row, [*row[1:], ""], strict=False):
        if word not in ("", "[]") and not _is_lost(word, before) and not (_is_option(word) and _is_lost(after, word)):
            yield word.replace(_SCRATCH, f"{OWN_FOLDER}/tox")


def _is_lost(word: str, before: str) -> bool:
    """Whether a word is unknown before a run of tox, or an option's value that names a folder of tox's."""
    return _UNKNOWN in word or (_SCRATCH in word and (word.startswith("-") or _is_option(before)))


def _is_option(word: str) -> bool:
    return word.startswith("-") and "=" not in word


def _fits(expression: str, factors: set[str]) -> bool:
    return all((part.lstrip("!") in factors) != part.startswith("!") for part in expression.split("-"))


def _dependency(line: str) -> Needs:
    line = re.sub(r"(?:^|\s)#.*$", "", line).strip()
    if {_UNKNOWN, _SCRATCH} & set(line):
        return Needs()
    return pip_install(line.split(maxsplit=1) if line.startswith("-") else [line])


def _variable(line: str) -> tuple[str, str] | None:
    name, equals, value = line.partition("=")
    return (name.strip(), value.strip()) if equals and not {_UNKNOWN, _SCRATCH} & set(value) else None


def _version(words: Iterable[str]) -> str:
    """Return the version in the first word that names a Python, such as ``python3.12`` or ``py312``."""
    found = filter(None, map(_VERSION.fullmatch, words))
    return next((f"3.{match[1]}" for match in found), "")


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return next(commands(line), [])


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "yes", "on"))
