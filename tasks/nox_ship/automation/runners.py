"""Programs that start other programs, followed to those that do the work."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from nox_ship.automation import precommit, tox
from nox_ship.automation.checkers import MODULES
from nox_ship.automation.hatch import Hatch
from nox_ship.automation.managers import MANAGERS
from nox_ship.automation.needs import EVERY, Needs, arguments, options, pip_install
from nox_ship.automation.shell import lasting_commands, program
from nox_ship.automation.targets import Targets, justfile, makefile
from nox_ship.automation.task import Place, Task, joined
from nox_ship.project import Project

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*|py")
_PIP = re.compile(r"pip[\d.]*")
_SHELL_FILE = re.compile(r"#!.*\b(?:ba|da|z|k)?sh\b")
_MODULES = {"coverage.__main__": "coverage", "pre_commit": "pre-commit", **MODULES}
"""Modules whose programs have other names."""
_DEEPEST = 12
"""Programs that start programs."""
_EVERYWHERE = {"pre-commit", "prek"}
"""Programs that change to the top of the repository themselves, wherever they are started."""
_FEW = 4
"""The most words of a command that are searched for its program, after those that start it."""
_MOST = 2000
"""The most commands of one project."""
_MOST_CHARACTERS = 1 << 20
"""The most characters of all scripts of one project, since they may start one another."""
_COVERAGE_VALUES = {"--source", "--rcfile", "--omit", "--include", "--context", "--data-file", "--concurrency"}
_MAKE_VALUES = {"-C", "--directory", "-f", "--file", "--makefile", "-I", "-o", "-W"}
_JUST_VALUES = {"-f", "--justfile", "-d", "--working-directory", "--shell", "--dotenv-path"}

_Runner = Callable[[list[str], Place], Iterable[Task]]


class Runners:
    """What a project's commands finally run, found out without running anything.

    Args:
        project: The project.
        top: The top folder of its repository.
    """

    def __init__(self, project: Project, top: Path) -> None:
        self.project = project
        self._top = top
        self._root = project.root.resolve()
        self._count = 0
        self._characters = 0
        self._roots: dict[str, bool] = {}
        self._tox: dict[tuple[str, ...], list[tox.ToxEnvironment]] = {}

    @cached_property
    def hooks(self) -> tuple[list[precommit.Hook], list[str]]:
        """The hooks of pre-commit that judge code, and the names of all others."""
        return precommit.hooks(self.project)

    @cached_property
    def hatch(self) -> Hatch:
        """The project's environments for hatch."""
        return Hatch(self.project)

    @cached_property
    def targets(self) -> dict[str, Targets]:
        """The targets of the project's Makefile and justfile, by the program that runs them."""
        found = {"make": makefile(self.project), "just": justfile(self.project)}
        return {runner: targets for runner, targets in found.items() if targets}

    def place(self, where: str, folder: str | None = None, *, ci: bool = False) -> Place:
        """Return the starting point of commands.

        Args:
            where: Its description.
            folder: Their working folder, relative to the top of the repository; default: the project's folder.
            ci: Whether a workflow runs them.
        """
        home = self._root.relative_to(self._top.resolve()).as_posix() if folder is None else folder
        return Place(where, folder=home, ci=ci)

    def script(self, script: str, place: Place) -> Iterator[Task]:
        """Yield the tasks of a shell script's commands; what they install is recorded at the place."""
        self._characters += len(script)
        if self._characters > _MOST_CHARACTERS or place.depth > _DEEPEST:
            return
        for command in lasting_commands(script):
            everywhere = _EVERYWHERE & set(command.words[:_FEW])
            if not everywhere and not self._is_root(posixpath.join(place.folder, command.folder)):
                continue
            if command.words[0] == "export":
                told = (word.partition("=") for word in command.words[1:] if "=" in word)
                place.env = joined(place.env, [(name, value) for name, _, value in told])
                continue
            before, place.env = place.env, joined(place.env, command.env.items())
            yield from self.follow(command.words, place)
            place.env = before

    def _is_root(self, folder: str) -> bool:
        """Whether a folder, relative to the top of the repository, is the project's."""
        if folder not in self._roots:
            try:
                self._roots[folder] = (self._top / folder).resolve() == self._root
            except (OSError, RuntimeError, ValueError):
                self._roots[folder] = False
        return self._roots[folder]

    def follow(self, words: Sequence[str], place: Place) -> Iterator[Task]:
        """Yield the tasks of a command; what it installs is recorded at its place."""
        self._count += 1
        if not words or place.depth > _DEEPEST or self._count > _MOST:
            return
        name, rest = program(words), list(words[1:])
        if _PIP.fullmatch(name) and arguments(rest)[:1] == ["install"]:
            place.needs |= pip_install(arguments(rest)[1:])
        elif _PYTHON.fullmatch(name):
            yield from self._python(words, place)
        elif run := self._runner(name):
            yield from run(rest, place)
        elif script := self._file(words[0]):
            yield from self._inner(script, words[0], place)
        else:
            yield place.task((name, *rest))

    def _runner(self, name: str) -> _Runner | None:
        """Return the function that follows a program that starts others or installs; None for other programs."""
        if manager := MANAGERS.get(name):
            return lambda rest, place: manager(self, rest, place)
        runners: dict[str, _Runner] = {
            "tox": self._run_tox,
            "make": self._make,
            "gmake": self._make,
            "just": self._just,
            "pre-commit": self._pre_commit,
            "prek": self._prek,
            "coverage": self._coverage,
            "bash": self._shell,
            "sh": self._shell,
            "flit": self._flit,
            "pip-sync": self._pip_sync,
        }
        return runners.get(name)

    def _python(self, words: Sequence[str], place: Place) -> Iterator[Task]:
        rest = list(words[1:])
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest = rest[2 if rest[0] in ("-W", "-X") else 1 :]
        if rest[:1] == ["-m"] and rest[1:]:
            if rest[1] in ("unittest", "doctest"):
                yield place.task(("python", *rest))
            else:
                yield from self.follow([_MODULES.get(rest[1], rest[1]), *rest[2:]], place)
        elif rest[:1] == ["setup.py"] and {"develop", "install"} & set(rest):
            place.needs |= Needs(project=True)
        elif rest:
            yield place.task((program(words), *rest))

    def _file(self, word: str) -> str | None:
        """Return the text of a shell script in the project's folder; None if the word does not name one."""
        path = PurePosixPath(word)
        if path.is_absolute() or ".." in path.parts or len(word) > 200 or "/" not in word:  # noqa: PLR2004
            return None
        try:
            inside = (self._root / path).resolve().is_relative_to(self._top.resolve())
        except (OSError, RuntimeError, ValueError):
            inside = False
        text = self.project.read_text(word) if inside else ""
        return text if text and (_SHELL_FILE.match(text) or word.endswith(".sh")) else None

    def _shell(self, rest: list[str], place: Place) -> Iterator[Task]:
        if "-c" in rest and rest[-1] != "-c":
            yield from self.script(rest[rest.index("-c") + 1], place)
            return
        file = next((word for word in rest if not word.startswith("-")), None)
        script = file and (self._file(file) or self._file(f"./{file}"))
        if file and script:
            yield from self._inner(script, file, place)

    def _inner(self, script: str, where: str, place: Place) -> Iterator[Task]:
        """Follow named commands; what they install stays installed."""
        inner = place.within(where)
        yield from self.script(script, inner)
        place.needs = inner.needs

    def _coverage(self, rest: list[str], place: Place) -> Iterator[Task]:
        if rest[:1] == ["run"]:
            module = "-m" in rest and rest[-1] != "-m"
            inner = rest[rest.index("-m") :] if module else arguments(rest[1:], _COVERAGE_VALUES)
            for task in self._python(["python", *inner], place) if inner else ():
                yield replace(task, measured=True)
        else:
            yield place.task(("coverage", *rest))

    def _flit(self, rest: list[str], place: Place) -> Iterator[Task]:
        if "install" in rest:
            told = dict(options(rest))
            every = told.get("--deps", "all") in ("all", "develop", "") and "--extras" not in told
            extras = (EVERY,) if every else tuple(re.findall(r"[\w.-]+", told.get("--extras", "")))
            place.needs |= Needs(extras=extras, project=True)
        yield from ()

    def _pip_sync(self, rest: list[str], place: Place) -> Iterator[Task]:
        files = tuple(word for word in rest if word.endswith(".txt"))
        place.needs |= Needs(files=files or ("requirements.txt",))
        yield from ()

    def _run_tox(self, rest: list[str], place: Place) -> Iterator[Task]:
        variable = dict(place.env).get("TOXENV", "")
        key = (variable, *rest)
        if key not in self._tox:
            self._tox[key] = list(tox.chosen(self.project, rest, variable))
        for environment in self._tox[key]:
            inner = place.within(environment.where, environment.needs, tuple(environment.env.items()))
            inner.pythons = (environment.python,) if environment.python else inner.pythons
            for command in environment.commands:
                yield from self.follow(command, inner)

    def _make(self, rest: list[str], place: Place) -> Iterator[Task]:
        if targets := self._targets("make", rest, _MAKE_VALUES):
            words = _plain(rest, _MAKE_VALUES)
            given = dict(word.partition("=")[::2] for word in words if "=" in word)
            names = tuple(word for word in words if "=" not in word)
            yield from self._of_targets(targets.given(given), names, place)

    def _just(self, rest: list[str], place: Place) -> Iterator[Task]:
        if targets := self._targets("just", rest, _JUST_VALUES):
            first, *more = [word for word in arguments(rest, _JUST_VALUES) if "=" not in word] or [""]
            # After a recipe come its arguments, or further recipes.
            names = (first, *more) if set(more) <= set(targets.by_name) else (first,)
            yield from self._of_targets(targets, names if first else (), place)

    def _targets(self, runner: str, rest: list[str], values: set[str]) -> Targets | None:
        """Return the targets that a command line runs; None if it names another file or folder."""
        targets = self.targets.get(runner)
        told = [(option, word) for option, word in itertools.pairwise([*rest, ""]) if option in values]
        files = [word for option, word in told if "f" in option.lower()]
        folders = [word for option, word in told if option in ("-C", "--directory", "-d", "--working-directory")]
        elsewhere = (
            targets is None or set(files) - {targets.file} or {posixpath.normpath(one) for one in folders} - {"."}
        )
        return None if elsewhere or self._characters > _MOST_CHARACTERS else targets

    def _of_targets(self, targets: Targets, names: tuple[str, ...], place: Place) -> Iterator[Task]:
        for name, script in targets.scripts(names):
            if self._characters > _MOST_CHARACTERS:
                return
            yield from self._inner(script, f"{targets.file} ({name})", place)

    def _prek(self, rest: list[str], place: Place) -> Iterator[Task]:
        """Follow prek, a pre-commit that runs the hooks by default."""
        yield from self._pre_commit(rest if arguments(rest) else ["run", *rest], place)

    def _pre_commit(self, rest: list[str], place: Place) -> Iterator[Task]:
        if arguments(rest)[:1] != ["run"]:
            return
        manual = any(word.rpartition("=")[2] == "manual" for word in rest)
        skipped = re.split(r"[\s,]+", dict(place.env).get("SKIP", ""))
        hooks = [hook for hook in self.hooks[0] if (manual or not hook.manual) and hook.name not in skipped]
        named = {hook.name for hook in self.hooks[0]} & set(rest)
        for hook in hooks:
            if not named or hook.name in named:
                where = f"{precommit.FILE} ({hook.name})"
                needs = place.needs if hook.requirements is None else Needs(requirements=hook.requirements)
                inner = replace(place.within(where, needs), env=(), hooked=True)
                for command in hook.commands():
                    yield from (replace(task, folder=hook.folder) for task in self.follow(command, inner))


def _plain(words: Sequence[str], values: set[str]) -> list[str]:
    """Return the words of a command that are neither options nor their values, wherever they are."""
    left = iter(words)
    found = []
    for word in left:
        if word in values:
            next(left, None)
        elif not word.startswith("-"):
            found.append(word)
    return found
