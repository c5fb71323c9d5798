"""Record a rehearsal of a small project in a real terminal, as the picture that the README and the site show.

The project is released once to an index on this machine, gets a change, and then its next release is rehearsed.

Usage: python benchmarks/recording.py   (in an environment with nox-ship and the groups `tests` and `recording`)
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import pyte

from rehearsal import make_project

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "rehearsal.svg"
COLUMNS, ROWS = 110, 70
PAUSE = 0.4
"""Seconds between two pictures."""
SPEED = 3
"""How many times as fast as it was it is played."""
WIDTH, HEIGHT = 8, 18
_COLOURS = {"green": "#7fd88f", "red": "#f08080", "brown": "#e5c07b", "cyan": "#6fc3df", "blue": "#82aaff"}
_STYLE = (
    "<style>text { font: 13px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d5dae3;"
    " white-space: pre } .b { font-weight: bold }</style>"
)
_TYPED = "nox -s release -- minor --dry-run"
_CHANGE = '''"""Greetings."""


def greeting(name: str) -> str:
    """Return a greeting in Icelandic."""
    return f"Halló, {name}!"
'''
_TEST = """from sample.greetings import greeting


def test_greeting() -> None:
    assert greeting("Anna") == "Halló, Anna!"
"""

Line = tuple[tuple[str, str, bool], ...]
"""The parts of a line of the terminal: text, colour, and whether it is bold."""


@contextlib.contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve an empty index from a folder on this machine, and yield its address."""
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pypiserver", "run", "--interface=127.0.0.1", f"--port={port}"]
    with subprocess.Popen([*command, "-P", ".", "-a", ".", str(folder)]) as server:
        try:
            time.sleep(2)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


def prepare(folder: Path, address: str, env: Mapping[str, str]) -> Path:
    """Make the project, release it to the index, commit a change, and return its folder."""
    project = make_project(folder, ["3.11", "3.12"])
    (project / ".gitignore").write_text("__pycache__/\n", "utf-8")
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Primes.\n", "utf-8")
    settings = project / "pyproject.toml"
    urls = "".join(
        f'\n[tool.nox-ship.indexes.{name}]\nupload-url = "{address}"\nsimple-url = "{address}simple/"\n'
        for name in ("pypi", "testpypi")
    )
    settings.write_text(settings.read_text("utf-8") + urls, "utf-8")
    _commit(project, "Add a changelog")
    command = [sys.executable, "-m", "nox", "-s", "release", "--", "1.0.0", "--yes"]
    subprocess.run(command, cwd=project, env={**os.environ, **env}, check=True)
    (project / "src" / "sample" / "greetings.py").write_text(_CHANGE, "utf-8")
    (project / "tests" / "test_greetings.py").write_text(_TEST, "utf-8")
    log = (project / "CHANGELOG.md").read_text("utf-8")
    entry = "## [Unreleased]\n\n### Added\n\n- Greetings in Icelandic.\n"
    (project / "CHANGELOG.md").write_text(log.replace("## [Unreleased]\n", entry, 1), "utf-8")
    _commit(project, "Greet in Icelandic")
    return project


def _commit(project: Path, message: str) -> None:
    for command in (["add", "--all"], ["commit", "--quiet", f"--message={message}"], ["push", "--quiet"]):
        subprocess.run(["git", *command], cwd=project, check=True)


def record(project: Path, env: Mapping[str, str], hidden: Mapping[str, str]) -> list[tuple[float, list[Line]]]:
    """Run the rehearsal in a terminal, and return what that showed, with the seconds at which to show it.

    Args:
        project: The project's folder.
        env: Variables for it.
        hidden: Texts that are shown in other words, such as the folder of this run.
    """
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    stream.feed(f"$ {_TYPED}\r\n".encode())
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(project)
        os.environ.update({**env, "TERM": "xterm-256color"})
        os.execv(sys.executable, [sys.executable, "-m", *_TYPED.split()])  # noqa: S606 - in the terminal's process
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    begun, taken = time.monotonic(), 0.0
    seen = [(0.0, lines(screen, hidden))]
    while True:
        if select.select([terminal], [], [], PAUSE)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the program has ended, and with it the terminal
                break
            if not data:
                break
            stream.feed(data)
        now = time.monotonic() - begun
        if now - taken >= PAUSE and lines(screen, hidden) != seen[-1][1]:
            seen.append((round(now / SPEED, 1), lines(screen, hidden)))
            taken = now
    if status := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        sys.exit("\n".join([*screen.display, f"the rehearsal failed: {status}"]))
    if any("not found" in line for line in screen.display):
        sys.exit("the recording needs Python 3.11 and 3.12")
    return [*seen, (round((time.monotonic() - begun) / SPEED, 1), lines(screen, hidden))]


def lines(screen: pyte.Screen, hidden: Mapping[str, str]) -> list[Line]:
    """Return what a terminal shows, without the empty lines at its end."""
    found: list[Line] = []
    for row in range(ROWS):
        parts: list[tuple[str, str, bool]] = []
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            look = (_COLOURS.get(cell.fg, ""), cell.bold)
            if parts and parts[-1][1:] == look:
                parts[-1] = (parts[-1][0] + cell.data, *look)
            else:
                parts.append((cell.data, *look))
        while parts and not parts[-1][0].strip():
            parts.pop()
        found.append(tuple((_plain(text, hidden), *look) for text, *look in parts))  # type: ignore[misc]
    while found and not found[-1]:
        found.pop()
    return found


def _plain(text: str, hidden: Mapping[str, str]) -> str:
    for secret, shown in hidden.items():
        text = text.replace(secret, shown)
    return text


def picture(seen: Sequence[tuple[float, list[Line]]]) -> str:
    """Draw a recording. What does not play it shows its end."""
    end = seen[-1][0]
    rows = max(len(shown) for _, shown in seen)
    wide, high = COLUMNS * WIDTH + 32, rows * HEIGHT + 28
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}">',
        f"<title>{escape(_TYPED)}</title>",
        _STYLE,
        f'<rect width="{wide}" height="{high}" rx="8" fill="#1b1f27"/>',
    ]
    for row in range(rows):
        begun, shown = 0.0, _row(seen[0][1], row)
        for at, screen in [*seen[1:], (end, None)]:
            after = None if screen is None else _row(screen, row)
            if after != shown:
                last = screen is None
                if shown:
                    parts.append(_drawn(shown, row, begun, None if last else at))
                begun, shown = at, after or ()
    return "\n".join([*parts, "</svg>", ""])


def _row(screen: Sequence[Line], row: int) -> Line:
    return screen[row] if row < len(screen) else ()


def _drawn(line: Line, row: int, begun: float, end: float | None) -> str:
    """Return a line that is there from one second to another, or to the end."""
    column, words = 0, []
    for text, colour, bold in line:
        if text.strip():
            look = f"{f' fill={colour!r}' if colour else ''}{' class=b' if bold else ''}".replace("'", '"')
            look = look.replace("class=b", 'class="b"')
            span = f' textLength="{len(text) * WIDTH}" lengthAdjust="spacingAndGlyphs"'
            words.append(f'<tspan x="{16 + column * WIDTH}"{look}{span}>{escape(text)}</tspan>')
        column += len(text)
    y = 26 + row * HEIGHT
    if end is None:
        hidden = f'<set attributeName="visibility" to="hidden" begin="0s" dur="{begun:.1f}s"/>' if begun else ""
        return f'<text y="{y}">{"".join(words)}{hidden}</text>'
    shown = f'<set attributeName="visibility" to="visible" begin="{begun:.1f}s" dur="{end - begun:.1f}s"/>'
    return f'<text y="{y}" visibility="hidden">{"".join(words)}{shown}</text>'


def main() -> None:
    """Record it, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=PICTURE, metavar="FILE")
    options = parser.parse_args()
    for name in ("CI", "VIRTUAL_ENV", "GITHUB_TOKEN", "GH_TOKEN"):
        os.environ.pop(name, None)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with tempfile.TemporaryDirectory(prefix="rec-") as name:
        folder = Path(name)
        env = {"NOX_SHIP_CACHE": str(folder / "c"), "NOX_SCRIPT_MODE": "none"}
        env |= {"TWINE_USERNAME": "acme", "TWINE_PASSWORD": "not-a-secret"}
        with index(folder / "index") as address:
            project = prepare(folder, address, env)
            seen = record(project, env, {f"{folder / 'c'}/": "~/.cache/nox-ship/"})
    options.to.write_text(picture(seen), "utf-8")


if __name__ == "__main__":
    main()
