"""Changelogs in Markdown; https://keepachangelog.com describes the usual form."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from nox_ship.release.sections import Document, Heading, Language, lines_of

_DEFINITION = re.compile(r" {0,3}\[(?P<label>[^\]]+)\]:[ \t]*(?:\r\n?|\n)?[ \t]*<?(?P<url>[^\s>]+)")
_TITLE = re.compile(r" {0,3}#+[ \t]+(?P<title>.*?)(?:[ \t]+#+)?[ \t]*$")


def read_markdown(text: str) -> Document:
    """Parse a changelog; headings in code, comments, quotes and lists do not count."""
    from markdown_it import MarkdownIt

    env: dict[str, dict[str, dict[str, list[int]]]] = {}
    lines = lines_of(text)
    tokens = MarkdownIt("commonmark").disable("inline").parse(text, env)
    headings = tuple(
        Heading(first.map[0], first.map[1], int(first.tag[1:]), title.content)
        for first, title in itertools.pairwise(tokens)
        if first.type == "heading_open" and first.level == 0 and first.map
    )
    found = {}
    for first, end in sorted(entry["map"] for entry in env.get("references", {}).values()):
        if match := _DEFINITION.match(whole := "".join(lines[first:end])):
            found[first] = match
            lines[first:end] = [whole, *[""] * (end - first - 1)]
    return Document(MARKDOWN, tuple(lines), headings, {m["label"].lower(): place for place, m in found.items()})


def _linked(name: str, url: str) -> str:
    return f"[{name}]({url})" if url else f"[{name}]"


def _heading(like: Sequence[str], title: str) -> list[str]:
    """Return a heading in the style of another one: with number signs, or underlined."""
    if match := _TITLE.match(like[0].rstrip("\r\n")):
        return [f"{like[0][: match.start('title')].strip()} {title}"]
    return [title, like[-1].strip()[:1] * len(title)]


MARKDOWN = Language(
    link=re.compile(r"\[(?P<name>[^\]\[()]+)\](?:\((?P<url>[^)\s]*)[^)]*\)|\[[^\]\[]*\])?"),
    definition=_DEFINITION,
    linked=_linked,
    dated=lambda version, date: f"{version} - {date}",
    heading=_heading,
    aside=re.compile(r"<a [^>]*>(?:</a>)?$"),
)
"""How changelogs are written in Markdown."""
