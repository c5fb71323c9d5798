"""GitHub's workflows and actions in a repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nox_ship import documents
from nox_ship.automation import conditions
from nox_ship.errors import Finding, Kind, ShipError

WORKFLOW_UNREADABLE = Kind(
    "NS837", "workflow-unreadable", "Correct the file; GitHub would not run it either.", level="notice"
)

OURS = "# Written by nox-ship."
"""The first line of a workflow that `nox-ship init` wrote."""

FOLDER = ".github/workflows"
_MOST_CALLS = 50
"""How deeply workflows may call others on GitHub, which states no limit for actions."""


@dataclass
class Workflows:
    """The workflows and actions of a repository."""

    repository: Path
    unreadable: list[Finding] = field(default_factory=list)
    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """The parsed files, by their path in the repository."""
    calls: int = 0

    @cached_property
    def all(self) -> dict[str, Mapping[str, Any]]:
        """The workflows by file name."""
        paths = sorted((self.repository / FOLDER).glob("*.y*ml"))
        return {path.name: found for path in paths if (found := self.read(f"{FOLDER}/{path.name}"))}

    def read(self, name: str) -> Mapping[str, Any]:
        """Return the content of a file; empty if it does not exist or cannot be read."""
        if name not in self.known:
            self.known[name] = {}
            path = self.repository / name
            try:
                if path.resolve().is_relative_to(self.repository.resolve()):
                    self.known[name] = mapping(documents.yaml(documents.read_text(path)))
            except documents.UnreadableError as error:
                self.unreadable.append(WORKFLOW_UNREADABLE(f"{name} is not YAML: {error}."))
            except (ShipError, RuntimeError, OSError, ValueError):
                self.unreadable.append(WORKFLOW_UNREADABLE(f"{name} cannot be read."))
        return self.known[name]

    def called(self, uses: object) -> Mapping[str, Any] | None:
        """Return the local workflow that a job calls; None if it calls none, or calls are nested too deeply."""
        if not isinstance(uses, str) or not uses.startswith("./") or self.calls >= _MOST_CALLS:
            return None
        self.calls += 1
        return self.read(uses.removeprefix("./"))

    def steps(
        self, job: Mapping[str, Any], facts: Mapping[str, str | bool], seen: frozenset[str] = frozenset()
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the steps of a job or an action that may run, including those of local actions."""
        for step in filter(None, map(mapping, listing(job.get("steps")))):
            if conditions.holds(str(step.get("if", "")), facts) is False:
                continue
            yield step
            folder = str(step.get("uses", "")).rstrip("/")
            if folder.startswith("./") and folder not in seen and self.calls < _MOST_CALLS:
                self.calls += 1
                names = (f"{folder[2:]}/action.{ending}" for ending in ("yml", "yaml"))
                action = next(filter(None, map(self.read, names)), {})
                yield from self.steps(mapping(action.get("runs")), facts, seen | {folder})


def mapping(value: object) -> Mapping[str, Any]:
    """Return a table; empty if the value is not one."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    """Return a list; empty if the value is not one."""
    return value if isinstance(value, list) else []


def patterns(value: object) -> list[str]:
    """Return the strings of a list, for which GitHub also accepts a single string."""
    return [item for item in ([value] if isinstance(value, str) else listing(value)) if isinstance(item, str)]
