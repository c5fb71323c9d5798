"""Run by the Python of a fresh environment: read what was installed, import it, and load its entry points.

It is started as a script, with one JSON argument, and prints a JSON list of what reading showed, if that is wanted, and
one of problems. It imports nothing of nox-ship and keeps to the syntax of Python 3.8, because it runs on every Python
that a project supports. It also does without some modules of the standard library: importing `importlib.metadata`,
which reads the same files, takes longer than everything else here.
"""

import csv
import importlib
import json
import os
import re
import sys
import warnings

TYPE_CHECKING = False  # `typing` need not be imported
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple

_VALUE = r"\s*([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?"


class Record:
    """The `.dist-info` of an installed distribution.

    https://packaging.python.org/en/latest/specifications/recording-installed-packages/ describes its files.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.packages = os.path.dirname(folder)  # noqa: PTH120 - `pathlib` need not be imported either

    @classmethod
    def find(cls, name: str) -> "Optional[Record]":
        """Return that of the distribution ``name``; None if it is not installed."""
        for place in sys.path:
            for entry in os.listdir(place) if os.path.isdir(place) else ():  # noqa: PTH112, PTH208
                if entry.endswith(".dist-info") and _canonical(entry.split("-")[0]) == _canonical(name):
                    return cls(os.path.join(place, entry))  # noqa: PTH118
        return None

    def _lines(self, name: str) -> "List[str]":
        path = os.path.join(self._folder, name)  # noqa: PTH118
        if not os.path.isfile(path):  # noqa: PTH113
            return []
        with open(path, encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            return stream.readlines()

    def field(self, name: str) -> "List[str]":
        """Return the values of a field of the core metadata, such as ``Requires-Dist``."""
        found, current = [], False  # type: Tuple[List[str], bool]
        for line in self._lines("METADATA"):
            if line == "\n":
                break
            if line[0] in " \t":
                if current:
                    found[-1] += "\n" + line.rstrip("\n")
                continue
            key, _, value = line.partition(":")
            current = key.lower() == name.lower()
            if current:
                found.append(value.strip())
        return found

    @property
    def files(self) -> "List[str]":
        """The installed files, relative to ``packages``, with slashes."""
        return [row[0] for row in csv.reader(self._lines("RECORD")) if row]

    @property
    def entries(self) -> "Iterator[Tuple[str, str, str]]":
        """The group, name and value of each entry point."""
        group = ""
        for line in map(str.strip, self._lines("entry_points.txt")):
            name, equals, value = line.partition("=")
            if line.startswith("[") and line.endswith("]"):
                group = line[1:-1].strip()
            elif equals and not line.startswith(("#", ";")):
                yield group, name.strip(), value.strip()


def _canonical(name: str) -> str:
    """Return a name, normalised as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _last_line(error: BaseException) -> str:
    import traceback  # only if something is wrong

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
    record: "Optional[Record]",
    name: str,
    version: str,
    modules: "List[str]",
    entries: "Optional[List[List[str]]]" = None,
) -> "Iterator[Tuple[str, ...]]":
    """Yield what is wrong with the installed distribution ``name``, as tuples of what and why.

    For an entry point that does not load, the tuple goes on with its group, name and value, and with the module that
    was not found, which is empty if something else is wrong; for a module, with an empty group and value. A module
    that states another version than ``version`` is also yielded; whether it matters is decided elsewhere.

    Args:
        record: Its record; None if it is not installed.
        name: Its name.
        version: The version that it must have.
        modules: What must be importable.
        entries: Group and name of each entry point to load; None for all of them.
    """
    if record is None:
        yield "version", name + " is not among the installed distributions"
        return
    installed = "".join(record.field("Version")[:1])
    if installed != version:
        yield "version", "the installed metadata say " + installed + ", but the manifest " + version
    for module in modules:
        try:
            imported = importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
            yield "import", "import " + module + ": " + _last_line(error), "", module, "", _missing(error)
            continue
        stated = _stated(imported)
        if stated not in ("", version):
            yield "stated version", stated, "", module, "", ""
    for group, entry, value in record.entries:
        if entries is not None and [group, entry] not in entries:
            continue
        try:
            _load(value)
        except BaseException as error:  # noqa: BLE001
            yield "entry point", _last_line(error), group, entry, value, _missing(error)


def _load(value: str) -> None:
    """Load what an entry point names: a module, or something in one."""
    match = re.fullmatch(_VALUE, value)
    if not match:
        raise ValueError("it names no module: " + value)
    found = importlib.import_module(match.group(1))  # type: Any
    for attribute in filter(None, (match.group(2) or "").split(".")):
        found = getattr(found, attribute)


def _tell(mark: str, answer: object) -> None:
    sys.stdout.write("\n" + mark + ":" + json.dumps(answer) + "\n")
    sys.stdout.flush()


def _seen(script: str, record: "Optional[Record]", modules: "List[str]") -> object:
    """Return what ``modules.py`` reads, before anything is imported."""
    reader: "Dict[str, Any]" = {"__name__": "reader"}
    with open(script, encoding="utf-8") as stream:  # noqa: PTH123 - it is ours
        exec(compile(stream.read(), script, "exec"), reader)  # noqa: S102 - a process of its own takes twice as long
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reader["observations"](record, modules)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    script = asked.pop("reader")
    found = Record.find(asked["name"])
    if script:
        _tell("nox-ship-seen", _seen(script, found, asked["modules"]))
    _tell("nox-ship", list(problems(found, **asked)))
