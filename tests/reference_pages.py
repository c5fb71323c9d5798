"""The reference pages of the site, made from the code: ``python tests/reference_pages.py`` writes them again."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import pkgutil
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tasks"))

import diagrams  # noqa: E402
import nox_ship  # noqa: E402
from nox_ship import cli, config, sessions  # noqa: E402
from nox_ship.dataclass_schema import _descriptions as descriptions  # noqa: E402
from nox_ship.errors import KINDS, Kind  # noqa: E402
from nox_ship.manual import SESSIONS  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
ERRORS = ROOT / "docs" / "errors.md"
UNEXPLAINED = "(Explain here what happened, and why.)"
"""Stands in the section of a new kind until somebody explains it."""
_TO_DO = "**What to do:**"
PARSERS: Mapping[str, Callable[[list[str]], object]] = {
    "release": cli.release_arguments,
    "build": cli.build_arguments,
    "wheels": cli.wheels_arguments,
    "collect": cli.collect_arguments,
    "verify-install": cli.verify_install_arguments,
    "verify-published": cli.verify_arguments,
    "announce": cli.announce_arguments,
    "doctor": cli.doctor_arguments,
    "status": cli.status_arguments,
    "publish": lambda args: cli.publish_arguments(args, "publish"),
    "publish-test": lambda args: cli.publish_arguments(args, "publish-test"),
    "publish-prod": lambda args: cli.publish_arguments(args, "publish-prod"),
    **{name: lambda args, name=name: cli.tool_arguments(args, name) for name in sessions._HANDING_ON},  # type: ignore[misc]
    **{name: lambda args, name=name: cli.no_arguments(args, name) for name in ("api", "matrix")},  # type: ignore[misc]
}
"""The function that parses the arguments of each session."""
PAGES = {
    "changelog": "changelog.md",
    "delivery": "pull-requests.md",
    "gates": "reference/sessions.md#sessions-of-your-own",
    "lowest": "gates.md#lowest",
    "api": "gates.md#api",
    "tests.installed": "gates.md#tests-against-the-installed-project",
    "coverage.fail-under": "gates.md#coverage",
    "pass-env": "publishing.md#who-sees-them",
    "wheels.systems": "wheels.md",
    "wheels.expect": "wheels.md#what-the-set-must-have",
    "publish.by": "releasing.md#who-publishes",
    "publish.require-checks": "releasing.md#checks-that-publishing-waits-for",
    "publish.attestations": "publishing.md#attestations",
    "publish.tokens": "publishing.md#credentials",
    "routes.final": "publishing.md#where-a-version-goes",
    "workflows.credentials": "guides/tokens.md",
    "workflows.weekly": "github-actions.md#once-a-week",
    "workflows.development": "guides/development-versions.md",
    "indexes.NAME.upload-url": "publishing.md#where-a-version-goes",
}
"""The page with more information about a setting."""


def parser_of(parse: Callable[[list[str]], object]) -> argparse.ArgumentParser:
    """Return the parser that ``parse`` uses."""
    found: list[argparse.ArgumentParser] = []
    recorded = mock.patch.object(cli._Parser, "print_help", lambda parser, _file=None: found.append(parser))
    with recorded, suppress(SystemExit):
        parse(["--help"])
    return found[0]


def plain(text: str) -> str:
    """Return a text in a form for a cell of a table."""
    return " ".join(text.replace("``", "`").replace("|", r"\|").split())


def arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the rows of a table of arguments."""
    actions = [one for one in parser._actions if one.dest != "help" and one.help != argparse.SUPPRESS]
    if not actions:
        yield "No arguments."
        return
    yield from ("| argument | what it does |", "| --- | --- |")
    for action in actions:
        value = str(action.metavar or action.dest.upper()) if action.nargs != 0 else ""
        if action.choices:
            value = "/".join(map(str, action.choices))
        name = f"{action.option_strings[-1]} {value}".strip() if action.option_strings else value
        usual = "this system" if action.dest == "system" else action.default
        told = (action.help or "").replace("%(default)s", str(usual))
        yield f"| `{name}` | {plain(told)} |"


def sessions_text() -> Iterator[str]:
    """Yield the lines that describe each session."""
    yield from ("| session | what it does |", "| --- | --- |")
    for name, entry in SESSIONS.items():
        yield f"| [`{name}`](#{name}) | {plain(entry.what).split('. ')[0].rstrip('.')}. |"
    for name, entry in SESSIONS.items():
        yield from ("", f"## {name}", "", plain(entry.what), "", *arguments(parser_of(PARSERS[name])), "", "```console")
        width = max(len(command) for command, _ in entry.examples)
        yield from (f"{command:{width}}  # {what}" for command, what in entry.examples)
        yield "```"
        if entry.page != "reference/sessions.md":
            link = entry.page.removeprefix("reference/") if entry.page.startswith("reference/") else f"../{entry.page}"
            yield from ("", f"Read more: [{title(entry.page)}]({link}).")


def title(page: str) -> str:
    """Return the title of a page of the site."""
    return next(line for line in (ROOT / "docs" / page).read_text("utf-8").splitlines() if line.startswith("# "))[2:]


def command_text() -> Iterator[str]:
    """Yield the lines that describe the command ``nox-ship``."""
    parser = parser_of(cli.command_arguments)
    commands = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    helps = {one.dest: one.help for one in commands._choices_actions}
    for name, sub in commands.choices.items():
        text = plain(helps[name] or "")
        yield from (f"## nox-ship {name}", "", f"{text[:1].upper()}{text[1:]}.", "", *arguments(sub), "")


def settings_text() -> Iterator[str]:
    """Yield the lines that describe the settings: the top level, the gates, and every other table."""
    tables = [*_tables(config.Settings, "")]
    gates = [one for one in tables if issubclass(one[1], config.GateSettings)]
    yield from _table("tool.nox-ship", "", config.Settings, "")
    yield from ("## The gates", "", *_HEAD)
    names = ", ".join(f"`{path}`" for path, _, _ in gates)
    yield from _rows(config.GateSettings, "…", {item.name for item in dataclasses.fields(config.GateSettings)})
    usual = {item.name for item in dataclasses.fields(config.GateSettings)}
    for path, cls, _ in gates:
        yield from _rows(cls, path, {item.name for item in dataclasses.fields(cls)} - usual)
    yield from ("", f"`…` stands for each of {names}.", "")
    for path, cls, what in tables:
        if not issubclass(cls, config.GateSettings):
            yield from _table(f"tool.nox-ship.{path}", path, cls, what)


_HEAD = ("| setting | default | what it is |", "| --- | --- | --- |")


def _table(name: str, path: str, cls: type, what: str) -> Iterator[str]:
    yield from (f"## [{name}]", "", *([plain(what), ""] if what else []), *_HEAD)
    yield from _rows(cls, path, {item.name for item in dataclasses.fields(cls)}, full=False)
    yield ""


def _tables(cls: type, prefix: str) -> Iterator[tuple[str, type, str]]:
    """Yield the tables in a table: the path, class and description of each."""
    hints = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        path, hint = f"{prefix}.{item.name.replace('_', '-')}".lstrip("."), hints[item.name]
        values = [one for one in typing.get_args(hint) if dataclasses.is_dataclass(one)]
        if dataclasses.is_dataclass(hint):
            yield path, typing.cast("type", hint), descriptions(cls)[item.name]
        elif values:
            yield f"{path}.NAME", typing.cast("type", values[0]), descriptions(cls)[item.name]


def _rows(cls: type, path: str, names: AbstractSet[str], *, full: bool = True) -> Iterator[str]:
    """Yield the rows of a table's settings, with their full or their short names."""
    hints, inner = typing.get_type_hints(cls), {one for one, _, _ in _tables(cls, "")}
    for item in dataclasses.fields(cls):
        key = item.name.replace("_", "-")
        if item.name in names and not {key, f"{key}.NAME"} & inner:
            where, text = f"{path}.{key}".lstrip("."), descriptions(cls)[item.name]
            told = _what(hints[item.name], where, text)
            yield f"| `{where if full else key}` | {_default(item, text)} | {told} |"


def _default(item: dataclasses.Field[object], text: str) -> str:
    value = item.default if item.default_factory is dataclasses.MISSING else item.default_factory()
    if value is dataclasses.MISSING:
        return "required"
    told = text.partition("; default: ")[2]
    if value is None or (told and not value):
        return plain(told.split(". ")[0].rstrip(".")) if told else "none"
    return f"`{json.dumps(value).replace('|', '')}`"


def _what(hint: object, path: str, text: str) -> str:
    before, _, default = text.partition("; default: ")
    rest = default.partition(". ")[2]
    told = f"{before.rstrip('.')}.{f' {rest}' if rest else ''}"
    choices = [
        str(value) for one in (hint, *typing.get_args(hint)) for value in typing.get_args(one) if isinstance(value, str)
    ]
    if choices:
        told += f" One of {', '.join(f'`{json.dumps(choice)}`' for choice in dict.fromkeys(choices))}."
    page = PAGES.get(path)
    return plain(told) + (f" ([more](../{page}))" if page else "")


def errors_text() -> str:
    """Return the page of errors: what the code knows of each kind, around the text that explains it."""
    for module in pkgutil.walk_packages(nox_ship.__path__, "nox_ship."):
        importlib.import_module(module.name)
    folder = Path(nox_ship.__file__).parent
    texts = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.py")}
    places = {number: name for name, text in texts.items() for number in re.findall(r'Kind\(\s*"(NS\d{3})"', text)}
    start, *sections = re.split(r"^## ", ERRORS.read_text("utf-8"), flags=re.MULTILINE)
    known = {section[:5]: section for section in sections}
    kinds = (kind for number, kind in sorted(KINDS.items()) if number != "NS000")
    return start + "\n".join(section(kind, places[kind.id], known.get(kind.id, "")) for kind in kinds)


def section(kind: Kind, place: str, text: str) -> str:
    """Return the section of a kind; what explains it, and what follows the remedy, is kept."""
    why, _, more = text.partition(_TO_DO)
    kept = [line for line in why.splitlines()[1:] if not re.fullmatch(r"\*\w+, from `.*`\*", line)]
    explained = "\n".join(kept).strip() or UNEXPLAINED
    remedy = re.sub(r"\[+(?:project|tool)[\w.-]*\]+", r"`\g<0>`", plain(kind.remedy))
    linked = re.sub(r"docs/(\w+\.md)", r"[\1](\1)", remedy)
    facts = f"*{kind.level.capitalize()}, from `{place}`*"
    after = more.partition("\n")[2].rstrip()
    return f"## {kind.id} {kind.name}\n\n{facts}\n\n{explained}\n\n{_TO_DO} {linked}\n{after}".rstrip() + "\n"


TEXTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "sessions": sessions_text,
    "command": command_text,
    "settings": settings_text,
}


def pages() -> dict[Path, str]:
    """Return the wanted content of each page."""
    return {FOLDER / f"{name}.md": page(name) for name in TEXTS} | {ERRORS: errors_text()}


def page(name: str) -> str:
    """Return the expected content of a page: the generated part within hand-written text."""
    before, begin, _, end, after = re.split(
        rf"(<!-- {name}: .* -->\n)(.*)(<!-- {name}: end -->\n)",
        (FOLDER / f"{name}.md").read_text("utf-8"),
        flags=re.DOTALL,
    )
    made = "\n".join(TEXTS[name]()).strip()
    return f"{before}{begin}\n{made}\n\n{end}{after}"


def main() -> None:
    """Write the pages, and draw the diagrams."""
    for path, text in pages().items():
        path.write_text(text, "utf-8")
    diagrams.main()


if __name__ == "__main__":
    main()
