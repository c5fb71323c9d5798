"""Reading text from others: whatever it contains, it is either read, or refused with one kind of error."""

from __future__ import annotations

import ast
import errno
import io
import pickle
import tokenize
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from nox_ship.errors import Kind, ShipError

FILE_UNREADABLE = Kind("NS312", "file-unreadable", "Check that it is the right file, and that you may read it.")

T = TypeVar("T")

MOST = 16 << 20
"""The largest file that is read, in bytes; no file written by a person is as large."""


class UnreadableError(ValueError):
    """A text is not in the expected format; the message says where or why."""


def is_file(path: Path) -> bool:
    """Whether a path named by a project is a file; false if the name is too long for one."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def is_folder(path: Path) -> bool:
    """Whether a path named by a project is a folder; as for `is_file`."""
    try:
        return path.is_dir()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def read_bytes(path: Path) -> bytes | None:
    """Return the content of a regular file; None if there is none.

    Raises:
        ShipError: It is larger than 16 MiB, or cannot be read (NS312).
    """
    try:
        if not is_file(path):
            return None
        with path.open("rb") as stream:
            content = stream.read(MOST + 1)
    except OSError as error:
        raise ShipError(FILE_UNREADABLE(f"{path} cannot be read: {error.strerror}.")) from error
    if len(content) > MOST:
        raise ShipError(FILE_UNREADABLE(f"{path} is larger than {MOST >> 20} MiB."))
    return content


def read_text(path: Path) -> str:
    """Return the text of a file with plain line feeds; empty if there is none.

    It is decoded as UTF-8, or as a Python file declares (PEP 263), or else as Latin-1, which accepts any bytes.

    Raises:
        ShipError: It is larger than 16 MiB, or cannot be read (NS312).
    """
    content = read_bytes(path) or b""
    text = content.decode(encoding_of(content)).removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(content: bytes) -> str:
    """Return the encoding in which `read_text` decodes a file's content."""
    with suppress(UnicodeDecodeError):
        content.decode()
        return "utf-8"
    with suppress(SyntaxError, UnicodeDecodeError, LookupError):
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        content.decode(encoding)
        return encoding
    return "latin-1"


def is_utf8(path: Path) -> bool:
    """Whether a file can be read as UTF-8; true if there is no file.

    Raises:
        ShipError: It is larger than 16 MiB, or cannot be read (NS312).
    """
    try:
        (read_bytes(path) or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def folders(base: Path) -> list[Path]:
    """Return the subfolders whose names allow them to be packages, in order; none if the folder cannot be read."""
    try:
        return sorted(path for path in base.iterdir() if path.name.isidentifier() and path.is_dir())
    except OSError:
        return []


def found(base: Path, pattern: str) -> Iterator[Path]:
    """Yield the paths that match a glob in a folder; nothing if the glob is invalid or the folder cannot be read."""
    with suppress(ValueError, NotImplementedError, OSError):
        yield from base.glob(pattern)


def table(parent: object, *keys: str) -> Mapping[str, Any]:
    """Return a table within tables, by the key of each; empty if it is missing or not a table."""
    for key in keys:
        parent = parent.get(key) if isinstance(parent, Mapping) else None
    return parent if isinstance(parent, Mapping) else {}


def strings(value: object) -> list[str]:
    """Return the strings in a list; nothing for any other value."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def toml(text: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        UnreadableError: It is not TOML, is nested too deeply, or contains a number that is too long to be written.
    """

    def parse() -> dict[str, Any]:
        try:
            parsed = tomllib.loads(text)
            repr(parsed)  # a long hexadecimal number may be readable but not printable
        except tomllib.TOMLDecodeError:
            raise
        except ValueError as error:
            raise UnreadableError("it holds a number of too many digits") from error
        return parsed

    return _parsed(parse)


def yaml(text: str) -> Any:
    """Parse YAML as GitHub does: ``on`` is a string, and so is every scalar.

    Raises:
        UnreadableError: It is not YAML, or is nested too deeply.
    """
    return _parsed(lambda: pickle.loads(_pickled_yaml(text)))  # noqa: S301 - it was pickled here


@lru_cache(maxsize=64)  # workflows are read for each gate; callers may modify what they receive
def _pickled_yaml(text: str) -> bytes:
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is ten times faster
    try:
        return pickle.dumps(yaml.load(text, Loader=loader))  # noqa: S506 - it makes strings, lists and dicts alone
    except yaml.YAMLError as error:
        raise UnreadableError(" ".join(str(error).split())) from error


def python(text: str) -> ast.Module:
    """Parse Python.

    Raises:
        UnreadableError: It is not Python, or is nested too deeply.
    """

    def parse() -> ast.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are for the author, not for the releasing user
            return ast.parse(text)

    return _parsed(parse)


def _parsed(parse: Callable[[], T]) -> T:
    try:
        return parse()
    except (RecursionError, MemoryError) as error:
        raise UnreadableError("it is nested too deeply") from error
    except SyntaxError as error:
        raise UnreadableError(f"line {error.lineno}: {error.msg}") from error
    except UnreadableError:
        raise
    except ValueError as error:
        raise UnreadableError(str(error)) from error


def dotted(node: ast.AST) -> str:
    """Return ``a.b.c`` for a name or its attributes, and an empty string for other expressions."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def literal(node: ast.expr) -> Any:
    """Return the value of a constant expression; None for others."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
