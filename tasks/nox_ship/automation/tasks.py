"""The commands with which a project checks itself: in its workflows, or else in the files for running them manually."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from nox_ship.automation import precommit, tox_settings
from nox_ship.automation.jobs import scripts
from nox_ship.automation.runners import Runners
from nox_ship.automation.scripts import Scripts
from nox_ship.automation.task import Task
from nox_ship.project import Project, minor

_CHECKS = re.compile(
    r"(?<![a-z])(?:tests?|lint(?:ing)?|checks?|typ(?:es|ing|echeck)|mypy|style|flake8|ruff|cov)(?![a-z])"
)


class Automation:
    """A project's own automation, found out without running anything or using the network."""

    def __init__(self, project: Project) -> None:
        root = project.root.resolve()
        self._project = project
        self._top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
        self._runners = Runners(project, self._top)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The commands, in order: those of its CI, and those of its tools if CI shows no tests.

        If CI runs no linter, the pre-commit hooks that CI does not run are those of pre-commit.ci.
        """
        found = list(self._of_workflows())
        gates = {task.gate for task in found}
        if "tests" not in gates:
            found += self._by_hand()
        elif "lint" not in gates:
            found += self._hooks()
        return tuple(_merged(found))

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Why files that may contain more cannot be read, in words."""
        return tuple(filter(None, (tox_settings.unreadable(self._project), precommit.unreadable(self._project))))

    @property
    def other_hooks(self) -> list[str]:
        """The IDs of the pre-commit hooks that are not known to check code."""
        return self._runners.hooks[1]

    def _of_workflows(self) -> Iterator[Task]:
        for script in scripts(self._top):
            place = self._runners.place(script.where, ci=True)
            place.pythons = script.pythons
            for part in script.parts:
                place.folder, place.env = part.folder, part.env
                yield from self._runners.script(part.text, place)

    def _by_hand(self) -> Iterator[Task]:
        """Yield what people run if no workflow shows it: tox, hatch, scripts of PDM or poe, make, just."""
        for command in self._usual():
            yield from self._runners.follow(command, self._runners.place(f"`{' '.join(command)}`"))
        yield from self._hooks()

    def _usual(self) -> Iterator[list[str]]:
        yield ["tox"]
        hatch = self._runners.hatch
        if "hatch-test" in hatch.names:
            yield ["hatch", "test"]
        for env in hatch.names:
            yield from (["hatch", "run", f"{env}:{name}"] for name in hatch.scripts(env) if _CHECKS.search(name))
        for start, table, key in (
            (["pdm", "run"], "pdm", "scripts"),
            (["poe"], "poe", "tasks"),
            (["task"], "taskipy", "tasks"),
        ):
            names = Scripts(self._project.tool(table).get(key)).names
            yield from ([*start, name] for name in names if _CHECKS.search(name))
        for runner, targets in self._runners.targets.items():
            yield from ([runner, name] for name in targets.by_name if _CHECKS.search(name))

    def _hooks(self) -> Iterator[Task]:
        skipped = precommit.skipped(self._project)
        hooks = (hook for hook in self._runners.hooks[0] if hook.name not in skipped and not hook.manual)
        for name in dict.fromkeys(hook.name for hook in hooks):
            yield from self._runners.follow(["pre-commit", "run", name], self._runners.place("pre-commit"))


def _merged(tasks: Iterable[Task]) -> Iterator[Task]:
    """Yield each task once, with the Pythons of all identical ones."""
    same: dict[Task, list[tuple[str, ...]]] = {}
    for task in tasks:
        same.setdefault(replace(task, pythons=()), []).append(task.pythons)
    for task, pythons in same.items():
        known = {version for versions in pythons for version in versions} if all(pythons) else ()
        yield replace(task, pythons=tuple(sorted(known, key=minor)))
