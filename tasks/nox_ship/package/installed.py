"""Run by the Python of a fresh environment: read what was installed, import it, and load its entry points.

It is started as a script, with one JSON argument, and prints a JSON list of what reading showed, if that is wanted, and
one of problems. It imports nothing of nox-ship and keeps to the syntax of Python 3.8, because it runs on every Python
that a project supports.
"""

import importlib
import importlib.metadata
import json
import sys
import traceback
import warnings
from typing import Any, Dict, Iterator, List, Optional, Tuple


def _last_line(error: BaseException) -> str:
    try:
        return traceback.format_exception_only(type(error), error)[-1].strip()
    except Exception:  # noqa: BLE001 - Python 3.15 looks for a missing module by its name, which may be anything
        return type(error).__name__ + ": " + str(error)


def _missing(error: BaseException) -> str:
    return str(error.name or "") if isinstance(error, ModuleNotFoundError) else ""


def _stated(module: object) -> str:
    """Return a module's `__version__`; empty if it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some modules warn when it is read
            version = getattr(module, "__version__", "")
        return str(version) if isinstance(version, str) else ""
    except BaseException:  # noqa: BLE001 - it may be computed
        return ""


def problems(
    name: str, version: str, modules: "List[str]", entries: "Optional[List[List[str]]]" = None
) -> "Iterator[Tuple[str, ...]]":
    """Yield what is wrong with the installed distribution ``name``, as tuples of what and why.

    For an entry point that does not load, the tuple goes on with its group, name and value, and with the module that
    was not found, which is empty if something else is wrong; for a module, with an empty group and value. A module
    that states another version than ``version`` is also yielded; whether it matters is decided elsewhere.

    Args:
        name: The distribution's name.
        version: The version that it must have.
        modules: What must be importable.
        entries: Group and name of each entry point to load; None for all of them.
    """
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        yield "version", "importlib.metadata does not know " + name
        return
    if distribution.version != version:
        yield "version", "importlib.metadata says " + distribution.version + ", but the manifest " + version
    for module in modules:
        try:
            imported = importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
            yield "import", "import " + module + ": " + _last_line(error), "", module, "", _missing(error)
            continue
        stated = _stated(imported)
        if stated not in ("", version):
            yield "stated version", stated, "", module, "", ""
    for entry in distribution.entry_points:
        if entries is not None and [entry.group, entry.name] not in entries:
            continue
        try:
            entry.load()
        except BaseException as error:  # noqa: BLE001
            yield "entry point", _last_line(error), entry.group, entry.name, entry.value, _missing(error)


def _tell(mark: str, answer: object) -> None:
    sys.stdout.write("\n" + mark + ":" + json.dumps(answer) + "\n")
    sys.stdout.flush()


def _seen(script: str, name: str, modules: "List[str]") -> object:
    """Return what ``modules.py`` reads, before anything is imported."""
    reader: "Dict[str, Any]" = {"__name__": "reader"}
    with open(script, encoding="utf-8") as stream:  # noqa: PTH123 - it is ours
        exec(compile(stream.read(), script, "exec"), reader)  # noqa: S102 - a process of its own takes twice as long
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reader["observations"](name, modules)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    script = asked.pop("reader")
    if script:
        _tell("nox-ship-seen", _seen(script, asked["name"], asked["modules"]))
    _tell("nox-ship", list(problems(**asked)))
