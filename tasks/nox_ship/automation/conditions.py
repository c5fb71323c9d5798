"""Evaluating an ``if:`` of a workflow for a given event, as far as the event decides it.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions describes the language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Value = str | bool | None
"""A value of an expression; None if unknown."""

_TOKEN = re.compile(r"'(?:[^']|'')*'|\|\||&&|[=!<>]=|[!<>(),\[\]]|[^\s|&=!<>(),\[\]']+")
_MOST = 100
_FUNCTIONS: Mapping[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
}


def holds(condition: str, facts: Mapping[str, str | bool]) -> bool | None:
    """Return whether a condition is met; None if unknown.

    Args:
        condition: The text of an ``if:``, with or without ``${{ }}``.
        facts: Known values, such as ``github.event_name``, by their name in expressions in lower case; an index is a
            part of the name, as in ``matrix.config.1``.
    """
    text = condition.strip()
    if text.startswith("${{") and text.find("}}") == len(text) - 2:
        text = text[3:-2]
    tokens = _TOKEN.findall(text)
    if not tokens or len(tokens) > _MOST or "${{" in text:
        return None
    return _truth(_Reader(tokens, facts).either())


def _truth(value: Value) -> bool | None:
    return None if value is None else bool(value)


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, tokens: list[str], facts: Mapping[str, str | bool]) -> None:
        self.tokens = tokens[::-1]
        self.facts = facts

    def took(self, *signs: str) -> str | None:
        """Skip the next token if it is one of ``signs``."""
        return self.tokens.pop() if self.tokens and self.tokens[-1] in signs else None

    def either(self) -> Value:
        values = [_truth(self.both())]
        while self.took("||"):
            values.append(_truth(self.both()))
        return True if True in values else None if None in values else False

    def both(self) -> Value:
        values = [_truth(self.compared())]
        while self.took("&&"):
            values.append(_truth(self.compared()))
        return False if False in values else None if None in values else True

    def compared(self) -> Value:
        left = self.one()
        sign = self.took("==", "!=", "<", ">", "<=", ">=")
        if sign is None:
            return left
        right = self.one()
        if left is None or right is None or sign not in ("==", "!="):
            return None
        same = str(left).lower() == str(right).lower()  # GitHub ignores case
        return same if sign == "==" else not same

    def one(self) -> Value:
        if self.took("!"):
            inner = _truth(self.one())
            return None if inner is None else not inner
        if self.took("("):
            value = self.either()
            self.took(")")
            return value
        token = self.tokens.pop() if self.tokens else ""
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self.took("("):
            return self.called(token.lower())
        while self.took("["):
            token += self.index()
        return {"true": True, "false": False}.get(token.lower(), self.facts.get(token.lower()))

    def index(self) -> str:
        """Return what is in brackets and after them, as a part of a name: ``[1].x`` is ``.1.x``."""
        words = [""]
        while self.tokens and not self.took("]"):
            words.append(self.tokens.pop().strip("'"))
        further = self.tokens[-1:] if self.tokens and self.tokens[-1].startswith(".") else []
        del self.tokens[len(self.tokens) - len(further) :]
        return ".".join(words) + "".join(further)

    def called(self, name: str) -> Value:
        values: list[Value] = []
        while self.tokens and not self.took(")"):
            values.append(self.argument())
            self.took(",")
        if name == "always":
            return True
        first, second = values if len(values) == 2 else (None, None)  # noqa: PLR2004 - what is searched, and for what
        if name not in _FUNCTIONS or not isinstance(first, str) or not isinstance(second, str):
            return None
        return _FUNCTIONS[name](first.lower(), second.lower())

    def argument(self) -> Value:
        """Return the value of an argument, which is a plain string if it consists only of one."""
        alone = len(self.tokens) > 1 and self.tokens[-2] in (",", ")")
        return self.one() if alone else self.either()
