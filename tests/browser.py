"""Debian's Chromium, without a window, told what to do through the DevTools protocol on two pipes.

https://chromedevtools.github.io/devtools-protocol/ describes it.
"""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import struct
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from debian import program

_SECONDS = 60


def chromium() -> str:
    """Return the path of Chromium, which is installed first if the tests may install programs."""
    return program("chromium", "chromium", "chromium-browser", "google-chrome")


class Browser:
    """A browser with one page."""

    def __init__(self, folder: Path) -> None:
        """Start the browser; ``folder`` is for its profile."""
        theirs, self._to = os.pipe()
        source, ours = os.pipe()
        theirs, ours = (_moved(pipe) for pipe in (theirs, ours))
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        # The protocol speaks on descriptors 3 and 4, which no option can move.
        moved = 'exec "$@" 3<&"$THEIRS" 4>&"$OURS"'
        line = ["bash", "-c", moved, "bash", chromium(), *options, f"--user-data-dir={folder}", "about:blank"]
        self._program = subprocess.Popen(
            line,
            env={**os.environ, "THEIRS": str(theirs), "OURS": str(ours)},
            pass_fds=(theirs, ours),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(ours)
        self._input: BinaryIO = os.fdopen(source, "rb")
        self._ids = itertools.count(1)
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        """Messages that the browser sent on its own."""
        self._session: str | None = None
        targets = self.tell("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.tell(f"{domain}.enable")

    def close(self) -> None:
        """End the browser."""
        self._session = None
        self.tell("Browser.close")
        self._program.wait(20)
        self._input.close()
        os.close(self._to)

    def tell(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            assert select.select([self._input], [], [], _SECONDS)[0], "The browser does not answer."
            piece = self._input.read1(1 << 20)  # type: ignore[attr-defined] # every buffered reader has it
            assert piece, "The browser has ended."
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def open(self, path: Path, *, width: int, dark: bool = False, media: str = "screen") -> None:
        """Open a file in a window of this width, in CSS pixels."""
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.tell("Emulation.setDeviceMetricsOverride", **screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.tell("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.events.clear()
        self.tell("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def ask(self, script: str) -> Any:
        """Return the value of an expression on the page."""
        answer = self.tell("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def loaded(self) -> list[str]:
        """Return the addresses that the page requests; requests that its policy forbids are not answered."""
        answers = (event["params"] for event in self.events if event.get("method") == "Network.responseReceived")
        return [one["response"]["url"] for one in answers]

    def picture(self) -> Picture:
        """Return a picture of the top of the page; Python takes a second to read a whole screen."""
        width = self.ask("innerWidth")
        made = self.tell(
            "Page.captureScreenshot", format="png", clip={"x": 0, "y": 0, "width": width, "height": 240, "scale": 1}
        )
        return Picture.read(base64.b64decode(made["data"]))


def _moved(pipe: int) -> int:
    """Return a copy of a descriptor with a number that the protocol does not use."""
    copy = fcntl.fcntl(pipe, fcntl.F_DUPFD, 10)
    os.close(pipe)
    return copy


@dataclass(frozen=True)
class Picture:
    """A picture of eight bits for each of red, green and blue, and perhaps opacity."""

    png: bytes = field(repr=False)
    width: int
    height: int
    depth: int
    """Bytes per pixel."""
    rows: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def read(cls, png: bytes) -> Picture:
        """Read a PNG (https://www.w3.org/TR/png-3/)."""
        at, packed, header = 8, b"", b""
        while at < len(png):
            length, kind = struct.unpack(">I4s", png[at : at + 8])
            content = png[at + 8 : at + 8 + length]
            header, packed = (content, packed) if kind == b"IHDR" else (header, packed + content * (kind == b"IDAT"))
            at += length + 12
        width, height, bits, colours = struct.unpack(">IIBB", header[:10])
        depth = {2: 3, 6: 4}[colours]
        assert bits == 8
        plain, rows, before = zlib.decompress(packed), [], bytearray(width * depth)
        for top in range(height):
            start = top * (width * depth + 1)
            row = bytearray(plain[start + 1 : start + 1 + width * depth])
            _unfilter(plain[start], row, before, depth)
            rows.append(bytes(row))
            before = row
        return cls(png, width, height, depth, tuple(rows))

    def at(self, x: int, y: int) -> tuple[int, int, int]:
        """Return the red, green and blue of a pixel."""
        red, green, blue = self.rows[y][x * self.depth : x * self.depth + 3]
        return red, green, blue

    def colours(self, *, left: int, right: int) -> set[tuple[int, int, int]]:
        """Return the colours in a few columns of the picture."""
        return {self.at(x, y) for y in range(0, self.height, 3) for x in range(left, right)}


def _unfilter(kind: int, row: bytearray, above: bytearray, depth: int) -> None:
    """Undo the filter of one row, in place."""
    if kind == 1:
        for channel in range(depth):
            row[channel::depth] = bytes(one & 255 for one in itertools.accumulate(row[channel::depth]))
    elif kind == 2:
        row[:] = bytes((one + over) & 255 for one, over in zip(row, above, strict=True))
    for at in range(len(row) if kind > 2 else 0):
        left = row[at - depth] if at >= depth else 0
        corner = above[at - depth] if at >= depth else 0
        if kind == 3:
            row[at] = (row[at] + (left + above[at]) // 2) & 255
        elif kind == 4:
            guess = left + above[at] - corner
            near = min((abs(guess - one), order, one) for order, one in enumerate((left, above[at], corner)))
            row[at] = (row[at] + near[2]) & 255
