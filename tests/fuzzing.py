"""Fuzzing: valid documents are changed in their structure or damaged in their text, and given to a target.

The first check would refuse random text. A document that was valid gets further: with one value of another type, one
key that is missing, renamed or doubled, or one number that is too long to be read.
"""

from __future__ import annotations

import copy
import datetime as dt
import functools
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Self, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nox_ship.errors import ShipError
from nox_ship.printable import printable
from support import write_files

T = TypeVar("T")

DEPTH = 20_000
DIGITS = 5_000
"""More digits than Python reads as a number (``sys.set_int_max_str_digits``)."""
RAW = {
    "@huge@": "9" * DIGITS,
    "@deep list@": "[" * DEPTH + "]" * DEPTH,
    "@deep table@": '{"a":' * (DEPTH // 2) + "1" + "}" * (DEPTH // 2),
    "@date@": "2001-99-99",
    "@large@": "9" * 400,
    "@nan@": "NaN",
    "@tag@": "!!bool x",
    "@circle@": "&circle [*circle]",
}
"""Values that cannot be represented: a placeholder string, and its text in a document."""

_TEXTS = ("", " ", "\0", "\n", "\r\n", "é", "\u2028", "\ud800", "\x1b[2J", "..", "/", "../../x", "-", "%s", "{}", "{x}")
_MORE_TEXTS = ("[", "*", "**x", "../*", "'", '"', "\\", "#", "1", "x" * 300, "9" * DIGITS, "٣", "true", "~1.0", "1.0.0")
_NUMBERS = (0, 1, -1, 5, 2**31, 2**64, 1e308, float("inf"), 0.5)
_SHAPES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], [5], ["x"], [{}], {"": None}, {"x": 5})
_DATES = (dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.time(1))
_ODD_TEXTS = (*_TEXTS, *_MORE_TEXTS)
_VALUES = st.sampled_from((*_ODD_TEXTS, *_NUMBERS, *_SHAPES, *_SHAPES, *_DATES))
ODD = st.one_of(_VALUES, _VALUES, _VALUES, _VALUES, st.text(max_size=6), st.sampled_from(tuple(RAW))).map(copy.deepcopy)
_ODD_TEXT = st.sampled_from(_ODD_TEXTS)
_LIKE = {str: _ODD_TEXT, int: st.integers(-9, 2**64), float: st.floats(), bool: st.booleans()}
_PIECES = (b"", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\t", b'"', b"'", b"[", b"{", b"}", b"=", b":", b"#")
_MORE_PIECES = (b"\xed\xa0\x80", b"\xe2\x80\xa8", b"9" * DIGITS, b"[" * 400, b"-", b"\\", b"&#", b"*a", b"<", b"\x1b")
_PIECE = st.sampled_from((*_PIECES, *_MORE_PIECES, None))
"""Pieces that are put into a text; None repeats what is there."""
_WHOLE = -1
_SPAN = st.sampled_from((0, 0, 1, 2, 20, _WHOLE))
_CHANGE = st.sampled_from(
    (
        "like",
        "like",
        "like",
        "edit",
        "edit",
        "replace",
        "drop",
        "rename",
        "add",
        "wrap",
        "wrap list",
        "wrap pair",
        "move",
    )
)

WRONG: tuple[Any, ...] = (None, 5, True, "x", "\0", "\ud800", {}, [5], [{}])
"""Values that mostly have another type than expected."""

Bytes = st.SearchStrategy[bytes]


@functools.lru_cache(maxsize=10_000)
def _below(count: int) -> st.SearchStrategy[int]:
    """Return a strategy for numbers below ``count``, cached because making it takes longer than drawing from it."""
    return st.integers(0, count - 1)


def _places(parent: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in a document: the container, and the key or index in it."""
    for key in list(parent) if isinstance(parent, dict) else range(len(parent)):
        yield parent, key
        if isinstance(parent[key], dict | list):
            yield from _places(parent[key])


def _renamed(key: str) -> tuple[str, ...]:
    return (f"{key}x", key.replace("-", "_"), key.upper(), "", "\0", key[:-1])


def _change(draw: st.DrawFn, parent: Any, key: Any, places: Sequence[tuple[Any, Any]]) -> None:
    """Change one place in a document."""
    value = parent[key]
    how = draw(_CHANGE)
    like = _LIKE.get(type(value))
    if how == "drop":
        del parent[key]
    elif how == "rename" and isinstance(parent, dict):
        names = _renamed(str(key))
        parent[names[draw(_below(len(names)))]] = parent.pop(key)
    elif how == "add" and isinstance(value, list):
        value.append(draw(ODD))
    elif how == "add" and isinstance(value, dict):
        value[str(places[draw(_below(len(places)))][1])] = draw(ODD)
    elif how.startswith("wrap"):
        parent[key] = {"wrap": {"x": value}, "wrap list": [value], "wrap pair": [value, copy.deepcopy(value)]}[how]
    elif how == "move":
        other, at = places[draw(_below(len(places)))]
        parent[key] = copy.deepcopy(other[at])
    elif how == "edit" and isinstance(value, str):
        at = draw(_below(len(value) + 1))
        parent[key] = value[:at] + draw(_ODD_TEXT) + value[at + 1 :]
    elif how in ("like", "edit") and like is not None:
        parent[key] = draw(like)
    else:
        parent[key] = draw(ODD)


@st.composite
def changed(draw: st.DrawFn, seeds: Sequence[Any], most: int = 3) -> Any:
    """Draw one of the documents ``seeds``, changed in up to ``most`` places."""
    whole = {"": copy.deepcopy(seeds[draw(_below(len(seeds)))])}
    for _ in range(draw(_below(most + 1))):
        places = list(_places(whole))
        if not places:
            break
        parent, key = places[draw(_below(len(places)))]
        _change(draw, parent, key, places)
    return whole.get("")


@st.composite
def damaged(draw: st.DrawFn, texts: Bytes, often: tuple[int, ...] = (0, 0, 0, 1, 2)) -> bytes:
    """Draw one of ``texts``, mostly unchanged, otherwise with bytes removed, inserted or doubled."""
    data = draw(texts)
    for _ in range(often[draw(_below(len(often)))]):
        start, span, piece = draw(_below(len(data) + 1)), draw(_SPAN), draw(_PIECE)
        end = len(data) if span == _WHOLE else min(len(data), start + span)
        data = data[:start] + (data[start:end] * 2 if piece is None else piece) + data[end:]
    return data


def texts(seeds: Sequence[str], often: tuple[int, ...] = (0, 1, 1, 2)) -> st.SearchStrategy[str]:
    """Draw one of the texts ``seeds``, damaged; invalid UTF-8 is replaced."""
    return damaged(st.sampled_from([seed.encode() for seed in seeds]), often).map(
        lambda data: data.decode(errors="replace")
    )


def put(document: Any, *path: Any) -> Any:
    """Return a document with the last value of ``path`` at the place that the other ones lead to."""
    *keys, last, value = path
    whole = copy.deepcopy(document)
    place = whole
    for key in keys:
        place = place[key]
    place[last] = value
    return whole


def shown(value: object, most: int = 2000) -> str:
    """Return a value's text, shortened, with repetitions written once."""
    return re.sub(r"(.{1,6}?)\1{40,}", r"\1(...)", repr(value))[:most]


def as_json(document: Any) -> bytes:
    """Return a document as JSON, with the placeholders replaced by raw text."""
    return _filled(json.dumps(document, default=str))


def as_yaml(document: Any) -> bytes:
    """Return a document as YAML in the form of JSON, nested at most as deeply as PyYAML reads quickly."""
    text = as_json(document)
    for deep in (b"[", b"]", b'{"a":', b"}"):
        text = re.sub(b"(?:" + re.escape(deep) + b"){99,}", deep * 99, text)
    return text


def as_toml(document: Any) -> bytes:
    """Return a document as TOML, which is invalid if TOML cannot represent it."""
    lines = _table(document, ()) if isinstance(document, dict) else [_inline(document)]
    return _filled("".join(lines))


def _filled(text: str) -> bytes:
    for name, raw in RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode(errors="surrogatepass")


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    if path and len(inner) < max(len(table), 1):
        yield f"[{'.'.join(map(_key, path))}]\n"
    yield from (f"{_key(key)} = {_inline(value)}\n" for key, value in table.items() if key not in inner)
    for key, value in inner.items():
        yield from _table(value, (*path, key))


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    if value is None:  # TOML has no null
        return "{}"
    return json.dumps(value, ensure_ascii=False)


class AnsweringServer(ThreadingTCPServer):
    """A server on this machine that answers each request with the bytes set for the end of its path."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers: dict[str, bytes] = {}
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """The server's address, with a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing, as clients may disconnect."""


class _Answering(BaseRequestHandler):
    def handle(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data and (more := self.request.recv(65536)):
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        if size := re.search(rb"(?i)content-length: *(\d+)", head):
            while len(body) < int(size[1]) and (more := self.request.recv(65536)):
                body += more
        path = head.split(b" ")[1].decode() if b" " in head else ""
        server = self.server
        assert isinstance(server, AnsweringServer)
        self.request.sendall(next((a for end, a in server.answers.items() if path.endswith(end)), b""))


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


@dataclass
class Ground:
    """The place in which targets run, and their results."""

    folder: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """The seconds that the slowest example took."""
    last: object = None
    """The last example; after a failure, the smallest one that fails."""
    _server: AnsweringServer | None = None
    _written: dict[str, tuple[str | bytes, int]] = field(default_factory=dict)

    @property
    def server(self) -> AnsweringServer:
        """A server on this machine, which is started on first use."""
        if self._server is None:
            self._server = AnsweringServer()
        return self._server

    def write(self, files: Mapping[str, str | bytes]) -> Path:
        """Make the folder contain only ``files``; those that are the same as before are not written again."""
        for name in set(self._written) - set(files):
            (self.folder / name).unlink(missing_ok=True)
        same = {name for name in files if self._written.get(name) == (files[name], _changed_at(self.folder / name))}
        write_files(self.folder, {name: content for name, content in files.items() if name not in same})
        self._written = {name: (content, _changed_at(self.folder / name)) for name, content in files.items()}
        return self.folder

    def attempt(self, call: Callable[[], T]) -> T | None:
        """Call a function, count the result, and return it; None for one of our errors, which must be printable."""
        try:
            value = call()
        except ShipError as error:
            printable(str(error)).encode()
            self.outcomes.update({finding.id for finding in error.findings})
            return None
        self.outcomes["ok"] += 1
        return value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


@dataclass(frozen=True)
class Target:
    """A fuzz target: the source of its inputs, and the function that receives each of them."""

    inputs: st.SearchStrategy[Any]
    run: Callable[[Ground, Any], object]
    share: float = 1.0
    """How often it runs compared with others; lower for slow targets."""
    known: tuple[Any, ...] = ()
    """Inputs that once caused an error, and are always run."""


def explore(target: Target, ground: Ground, examples: int, seed: int | None = None) -> int:
    """Run a target on many inputs, and return their number; without a ``seed``, the inputs are always the same.

    Raises:
        Exception: Any error that is not one of ours; ``ground.last`` is the smallest input that causes it.
    """
    count = 0

    def attack(value: Any) -> None:
        nonlocal count
        count += 1
        ground.last = value
        begun = time.monotonic()
        ground.attempt(lambda: target.run(ground, value))
        ground.slowest = max(ground.slowest, time.monotonic() - begun)

    limits = settings(
        max_examples=examples,
        derandomize=seed is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
    )
    for value in target.known:
        attack(value)
    test = limits(given(target.inputs)(attack))
    (test if seed is None else hypothesis.seed(seed)(test))()
    return count
