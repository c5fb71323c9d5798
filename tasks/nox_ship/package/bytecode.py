"""The bytecode that a new environment takes over from the one that was in its place before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def inherit(before: Path, after: Path) -> None:
    """Move the bytecode of all distributions that are installed the same in two environments.

    They are the same if their records are, which have the hash of each file. Python itself ignores bytecode whose
    source has another size or time.

    Args:
        before: The folder of installed packages of the earlier environment.
        after: That of the new one, in which nothing has run yet.
    """
    for record in after.glob("*.dist-info/RECORD"):
        with suppress(OSError, ValueError):  # without it, Python compiles the modules again
            text = record.read_text("utf-8")
            if (before / record.parent.name / "RECORD").read_text("utf-8") == text:
                for folder, modules in _modules(text):
                    _move(before, after, folder / "__pycache__", modules)


def _modules(record: str) -> Iterator[tuple[PurePosixPath, set[str]]]:
    """Yield each folder of a distribution's modules, and their names."""
    found = defaultdict[PurePosixPath, set[str]](set)
    for line in record.splitlines():
        path = PurePosixPath(line.partition(",")[0])
        if path.suffix == ".py" and not path.is_absolute() and ".." not in path.parts:
            found[path.parent].add(path.stem)
    yield from found.items()


def _move(before: Path, after: Path, cache: PurePosixPath, modules: set[str]) -> None:
    source, target = before / cache, after / cache
    if not source.is_dir() or source.resolve() != before.resolve() / cache:  # code there may have left symlinks
        return
    target.mkdir(exist_ok=True)
    for file in source.iterdir():
        if file.suffix == ".pyc" and file.name.partition(".")[0] in modules:
            file.rename(target / file.name)
