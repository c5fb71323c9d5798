"""Check the texts that people read for words and sentences that are hard to understand: ``python tests/prose.py``.

The texts are the README, the site, the changelog, and the messages in the code.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 40
"""The highest number of words in a sentence."""
AVOID = {
    r"(is|are) to be(?= when\b|[.;,])": "say what to do",
    r"nothing known|stands against": "say what passed",
    r"(the|its|their|git's) own words": "the message",
    r"let whoever|whosoever|whomever": "name who",
    r"mend(s|ed|ing)?": "fix",
    r"is no place": "say what is missing",
    r"by the very|from the very": "the same",
    r"shall|ought": "must, should, or the plain present",
    r"thereof|therein|thereby|thereto|whereby|wherein|hereby|herewith": "two plain words",
    r"whilst|amongst|upon": "while, among, on",
    r"utili[sz]e[sd]?|leverag(e|es|ed|ing)": "use",
    r"in order to": "to",
    r"as well as(?= the)": "and",
    r"prior to": "before",
    r"in the manner of|in what manner": "like, how",
    r"simply|obviously|of course|please": "leave it out",
    r"(?<!not )for ever": "for good, always",
    r"e\.g\.|i\.e\.|etc\.": "for example, that is, and so on",
}
"""Patterns of words to avoid, and what to write instead."""
_AVOIDED = {re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE): better for words, better in AVOID.items()}
_FENCE = re.compile(r"^( *)(```+).*?^\1\2[^\n]*$", re.MULTILINE | re.DOTALL)
_END = re.compile(r"(?<=[.!?])[)\"*]*\s+")
_WORD = re.compile(r"[^\W_][\w'.-]*")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a Markdown text with their lines; code counts as one word, a table cell as a sentence."""
    plain = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    plain = re.sub(r"<!--.*?-->", lambda match: "\n" * match[0].count("\n"), plain, flags=re.DOTALL)
    plain = re.sub(r"(`+)(?!`).+?\1", "Code", plain)
    plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    for number, line in enumerate(plain.splitlines(), start=1):
        for part in re.split(r"(?<!\\)\|", re.sub(r"^[\s>#*+-]+|^\d+\. ", "", line)):
            yield from ((number, one) for one in _END.split(part.strip()) if one)


def messages(code: str) -> Iterator[tuple[int, str]]:
    """Yield the texts of the findings, remedies and help in a module, each with its line."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            told = [key.value for key in node.keywords if key.arg in {"remedy", "help", "description"}]
            if name == "Kind" or re.fullmatch(r"(\w+\.)?[A-Z][A-Z_]+", name):
                told += node.args
            yield from ((one.lineno, _said(one)) for one in told)


def _said(node: ast.AST) -> str:
    """Return the constant parts of a text; each inserted value counts as one word."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "Code" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the problems of a Markdown text, each with its line."""
    for line, sentence in sentences(text):
        words = len(_WORD.findall(sentence))
        if words > LONGEST:
            yield line, f"{words} words in a sentence, at most {LONGEST}: {sentence[:70]}..."
        for pattern, better in _AVOIDED.items():
            for match in pattern.finditer(sentence):
                yield line, f"{match[0]!r}: {better}"


def texts() -> Iterator[tuple[Path, int, str]]:
    """Yield every text, with its file and first line."""
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield page, 1, page.read_text("utf-8")
    for module in sorted((ROOT / "tasks").rglob("*.py")):
        yield from ((module, line, text) for line, text in messages(module.read_text("utf-8")))


def main() -> int:
    """Print what is wrong, and return how many problems there are."""
    found = [(file, first + line - 1, what) for file, first, text in texts() for line, what in problems(text)]
    for file, line, what in found:
        print(f"{file.relative_to(ROOT)}:{line}: {what}")
    return len(found)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
