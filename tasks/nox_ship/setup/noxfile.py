"""The noxfile: the two lines that add our sessions, in a new file or in an existing one."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit import TOMLDocument
from tomlkit.exceptions import TOMLKitError

from nox_ship import documents
from nox_ship.errors import Kind, ShipError
from nox_ship.gates import evidence
from nox_ship.gates.own import FURTHER, GATES, PIPELINE, Decision, decide, meant, undecided
from nox_ship.project import Project
from nox_ship.setup.written import Written

NOXFILE_BROKEN = Kind("NS811", "noxfile-broken", "Correct it; `python noxfile.py` shows where.")

BLOCK = '# /// script\n# dependencies = ["nox", "nox-ship"]\n# ///\n'
NEW = f"""{BLOCK}\
\"\"\"Check, build, release: `nox -l` lists the sessions.\"\"\"

import nox
import nox_ship

nox_ship.register()

if __name__ == "__main__":
    nox.main()
"""
"""The noxfile for a project that has none."""
UNTYPED = "# type: ignore"
"""Makes every type checker skip a file, since nox may not be installed. https://peps.python.org/pep-0484/"""
IMPORT = "import nox_ship\n"
UNTYPED_IMPORT = "import nox_ship  # type: ignore[import-not-found,unused-ignore]\n"
"""Our import for a type checker that may or may not have nox-ship installed."""
BARE = "import nox_ship\n\nnox_ship.register()\n"
"""A noxfile for a job without any of the project's code."""

_BLOCK = re.compile(r"^# /// script *$(?P<text>.*?)^# /// *$", re.DOTALL | re.MULTILINE)
_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Noxfile:
    """An existing noxfile."""

    text: str
    tree: ast.Module

    @classmethod
    def read(cls, text: str) -> Noxfile:
        """Parse a noxfile.

        Raises:
            ShipError: It is not valid Python (NS811).
        """
        try:
            return cls(text, documents.python(text))
        except documents.UnreadableError as error:
            raise ShipError(NOXFILE_BROKEN(f"noxfile.py is not Python: {error}.")) from error

    @property
    def registered(self) -> bool:
        """Whether it registers our sessions."""
        return self._registration is not None

    @property
    def _registration(self) -> ast.Call | None:
        """The call that registers our sessions, under whatever name nox-ship was imported."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                ours = (alias for alias in node.names if alias.name == "nox_ship")
                names.update(f"{alias.asname or alias.name}.register" for alias in ours)
            elif isinstance(node, ast.ImportFrom) and node.module == "nox_ship":
                names.update(alias.asname or alias.name for alias in node.names if alias.name == "register")
        calls = (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return next((call for call in calls if documents.dotted(call.func) in names), None)

    @property
    def scripted(self) -> bool:
        """Whether it has a PEP 723 block, from which nox installs what it needs."""
        return _BLOCK.search(self.text) is not None

    @property
    def besides(self) -> tuple[str, ...]:
        """The requirements in its PEP 723 block besides nox and nox-ship."""
        match = _BLOCK.search(self.text)
        table = _block_table(match) if match else None
        listed = table.get("dependencies") if table else None
        requirements = map(str, listed) if isinstance(listed, list) else ()
        return tuple(line for line in requirements if _requirement_name(line) not in ("nox", "nox-ship"))

    @property
    def foreign(self) -> tuple[str, ...]:
        """The modules that it imports and that come with neither Python nor nox."""
        return tuple(sorted(set(_imported(self.tree)) - set(sys.stdlib_module_names) - {"nox", "nox_ship"}))

    def excludes(self, session: str) -> bool:
        """Whether it registers our sessions without this one: ``nox_ship.register(exclude=[...])``."""
        call = self._registration
        values = [word.value for word in call.keywords if word.arg == "exclude"] if call else []
        assigned = [node for node in self.tree.body if isinstance(node, ast.Assign)]
        for value in [value for value in values if isinstance(value, ast.Name)]:
            values += [node.value for node in assigned if documents.dotted(node.targets[0]) == value.id]
        items = (item for value in values for item in ast.walk(value))
        return any(isinstance(item, ast.Constant) and item.value == session for item in items)

    @cached_property
    def written(self) -> Written:
        """Its own sessions."""
        call = self._registration
        return Written(self.tree, below=call.end_lineno if call else None)

    def decided(self, project: Project) -> Decision:
        """Decide which sessions are gates and what ours are called, as far as the text shows.

        Raises:
            ShipError: A file of the project cannot be read (NS312).
        """
        settings, late = project.settings, self.written.late
        own = [one for one in self.written.sessions if one.name not in late]
        return decide(
            own,
            evidence.called(project.root) if undecided(own) else None,
            chosen=project.chosen_gates,
            measured=bool(settings.coverage.run) or evidence.measures(project, self.text),
            wanted=settings.coverage.fail_under is not None,
            further=project.further_gates,
            ours=[name for name in (*GATES, *FURTHER, *PIPELINE) if not self.excludes(name)],
        )

    @property
    def late(self) -> tuple[str, ...]:
        """The sessions defined below our call, which would count if they were above it."""
        return tuple(sorted(n for n in self.written.late if n in (*GATES, *PIPELINE) or meant(n)))

    def extended(self) -> str | None:
        """Return the text with our two lines added; None if that is impossible or would not register us.

        The call is the last line above `if __name__ == "__main__":`, so that our sessions see those of the file. The
        block that makes nox install the imports is added if the file imports nothing else that must be installed.
        """
        main = next((node for node in self.tree.body if _is_main(node)), None)
        above = [node for node in self.tree.body if main is None or node.lineno < main.lineno]
        imports = [node for node in above if isinstance(node, ast.Import | ast.ImportFrom)]
        if not imports:
            return None
        lines = io.StringIO(
            self.text
        ).readlines()  # lines as Python counts them; `splitlines` splits at more characters
        end = main.lineno - 1 if main else len(lines)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        after = [] if not main else ["\n", "\n"]
        before = lines[:end]
        while before and not before[-1].strip():
            before.pop()
        gap = ["\n", "\n"] if isinstance(above[-1], _DEFINITION) else ["\n"]
        whole = [*before, *gap, "nox_ship.register()\n", *after, *lines[end:]]
        nox = [node for node in imports if isinstance(node, ast.Import) and any(a.name == "nox" for a in node.names)]
        beside = (nox or imports)[-1]
        whole.insert(beside.end_lineno or beside.lineno, "import nox_ship\n")
        text = self._scripted_text("".join(whole))
        return text if text is not None and _registers(text) else None

    def completed(self) -> str:
        """Return the text of a noxfile that registers us, with its PEP 723 block completed."""
        match = _BLOCK.search(self.text)
        return (_with_requirement(self.text, match) if match else None) or self.text

    def _scripted_text(self, text: str) -> str | None:
        if match := _BLOCK.search(text):
            return _with_requirement(text, match)
        if self.foreign:
            return text
        shebang, newline, rest = text.partition("\n") if text.startswith("#!") else ("", "", text)
        return f"{shebang}{newline}{BLOCK}{rest}"


def _with_requirement(text: str, match: re.Match[str]) -> str | None:
    table = _block_table(match)
    if table is None:
        return None
    dependencies = table.setdefault("dependencies", tomlkit.array())
    if not isinstance(dependencies, list):
        return None
    names = [_requirement_name(item) for item in dependencies]
    for name in ("nox", "nox-ship"):
        if name not in names:
            dependencies.append(name)
    block = "".join(f"# {line}".rstrip() + "\n" for line in tomlkit.dumps(table).splitlines())
    return f"{text[: match.start()]}# /// script\n{block}# ///{text[match.end() :]}"


def _block_table(match: re.Match[str]) -> TOMLDocument | None:
    """Return the content of a PEP 723 block; None if it is not TOML."""
    source = "".join(line[2:] if line.startswith("# ") else "\n" for line in match["text"].strip("\n").splitlines(True))
    try:
        return tomlkit.parse(source)
    except (ValueError, TOMLKitError, RecursionError):
        return None


def _requirement_name(item: object) -> str:
    return canonicalize_name(re.split(r"[\s\[<>=!~;@]", str(item))[0])


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(documents.dotted(inner) == "__name__" for inner in ast.walk(node.test))


def is_whole(text: str, planned: str) -> bool:
    """Whether a noxfile still does what was planned: register our sessions, and make nox install the same."""
    try:
        made, wanted = Noxfile.read(text), Noxfile.read(planned)
    except ShipError:
        return False
    return made.registered and (made.scripted, made.besides) == (wanted.scripted, wanted.besides)


def _registers(text: str) -> bool:
    try:
        return Noxfile.read(text).registered
    except ShipError:
        return False
