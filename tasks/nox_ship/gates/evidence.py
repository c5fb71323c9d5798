"""Evidence about a project's sessions in its files: which of them its CI runs, and where its tests measure coverage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from nox_ship import documents
from nox_ship.automation.github import OURS
from nox_ship.errors import ShipError
from nox_ship.gates.own import MEASURED, Calls
from nox_ship.project import Project

# Where CI services look for their settings; every string in them counts, whatever the format.
_FILES = (
    *(".github/workflows/*.yml", ".github/workflows/*.yaml", ".github/actions/*/action.yml", ".gitlab-ci.yml"),
    *(".circleci/config.yml", "azure-pipelines.yml", ".travis.yml", "appveyor.yml", ".cirrus.yml", ".woodpecker.yml"),
)
_COVERAGE_FILES = (".coveragerc", "setup.cfg", "tox.ini")

_VALUE = re.compile(r"\$\{\{.*?\}\}|\$\{?\w+\}?|%\w+%")
_SELECTED = re.compile(r"\bnox\b[^\n|&;#]{0,300}?\s(?:-s|-e|--sessions?)[ =](?P<rest>[^\n|&;]{0,1000})")
_VALUES = r"(\[[^\]]*\]|[^\s\[\]{}#][^\n,}#]*|(?:[ \t]*\n[ \t]*-[ \t][^\n]*)+)"
_FROM_MATRIX = re.compile(r"\$\{\{[^}]{0,300}?\bmatrix\.(?P<key>[\w-]+)")


def called(root: Path) -> Calls:
    """Return the sessions that the CI of the project in ``root`` runs; workflows that nox-ship wrote do not count."""
    bare: set[str] = set()
    others: set[str] = set()
    for text in _texts(_top(root)):
        for session, more in _calls(text):
            (others if more else bare).add(session)
    return Calls(frozenset(bare), frozenset(others))


def _top(root: Path) -> Path:
    """Return the top of the repository that a folder is in."""
    found = (folder for folder in (root, *root.absolute().parents) if (folder / ".git").exists())
    return next(found, root)


def _texts(top: Path) -> Iterator[str]:
    for pattern in _FILES:
        for path in sorted(top.glob(pattern)) if "*" in pattern else [top / pattern]:
            with suppress(ShipError):  # unreadable files run nothing
                text = documents.read_text(path)
                if "nox" in text.lower() and not text.startswith(OURS):
                    yield text


def _calls(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each session that a text runs, and whether it gets arguments."""
    for match in _SELECTED.finditer(text):
        before, dashes, after = f"{match['rest']} ".partition(" -- ")
        within = re.split(r"[\]}]", _VALUE.sub("$", before))[0]  # of a YAML list or table
        for word in within.replace('"', " ").replace("'", " ").split():
            if word.startswith("-"):
                break
            yield word, bool(dashes and after.strip())
    if "nox" in text:
        for key in {match["key"] for match in _FROM_MATRIX.finditer(text)}:
            if re.search(r"session|nox", key, re.IGNORECASE):
                yield from ((name, False) for name in _listed(text, key))


def _listed(text: str, key: str) -> Iterator[str]:
    """Yield the values of a key in a job matrix: one, a list in brackets, or one on each line."""
    for match in re.finditer(rf"\b{key}[\"']?:[ \t]*{_VALUES}", text):
        for value in re.split(r"[\[\],\n]", match[1]):
            name = value.strip().removeprefix("- ").strip(" \t\"'")
            if name and "$" not in name:
                yield name


def measures(project: Project, noxfile: str) -> bool:
    """Whether the project's own tests measure coverage into the folder that our coverage gate reads.

    Args:
        project: The project.
        noxfile: The text of the noxfile.
    """
    texts = (noxfile, str(project.tool("coverage")), *map(project.read_text, _COVERAGE_FILES))
    return any(MEASURED in text for text in texts)
