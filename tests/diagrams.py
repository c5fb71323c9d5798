"""The diagrams of the site, drawn from the code: ``python tests/diagrams.py`` draws them again."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tasks"))

from nox_ship.release.pipeline import STEPS  # noqa: E402

FOLDER = ROOT / "docs" / "images"
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
_STYLE = """<style>
text { font: 14px system-ui, sans-serif; fill: #1c1e21 } .small { font-size: 12px; fill: #4a4f57 }
.band { fill: #f3f5f8; stroke: #c6ccd4 }
.safe { fill: #e3f4e6; stroke: #4c9a5b } .held { fill: #fdebd3; stroke: #c9822b }
.step { fill: #fff; stroke: #8a94a3 } path { fill: none; stroke: #7d8794; stroke-width: 1.5 } .head { fill: #7d8794 }
</style>"""
_HEAD = (
    '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="head" d="M0 0 8 4 0 8z"/></marker></defs>'
)
_ASKED = 6
"""The number of steps before the user is asked to confirm; what follows is public."""


def _picture(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    frame = f'<rect width="{width}" height="{height}" fill="#fff" rx="6"/>'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([start, f"<title>{escape(title)}</title>", _STYLE, _HEAD, frame, *parts, "</svg>", ""])


def _box(kind: str, x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="5"/>'


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}"{f" class={kind!r}" if kind else ""}>{escape(text)}</text>'.replace("'", '"')


def _arrow(path: str) -> str:
    return f'<path d="{path}" marker-end="url(#to)"/>'


def pipeline() -> str:
    """Draw the steps of a release: those in a clean clone, and those that are public."""
    parts, y = [], 10
    bands = (
        ("In a clean clone: nothing of yours has changed yet", STEPS[:_ASKED]),
        ("You are asked once. Then it becomes public", STEPS[_ASKED:]),
    )
    for title, steps in bands:
        parts += [_box("band", 10, y, 700, 40 + 42 * len(steps)), _text(24, y + 24, title, "small")]
        for number, step in enumerate(steps):
            top = y + 36 + 42 * number
            parts += [_box("step", 24, top, 160, 30), _text(36, top + 20, step.name), _text(200, top + 20, step.what)]
            parts += [_arrow(f"M104 {top + 30}v11")] if number < len(steps) - 1 else []
        y += 40 + 42 * len(steps) + 22
        parts += [_arrow(f"M104 {y - 28}v25")] if steps[0] == STEPS[0] else []
    return _picture(720, y - 12, "The steps of a release", parts)


def jobs() -> dict[str, dict[str, Any]]:
    """Return the jobs that run for a pushed tag, in order."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]
    return {
        name: job
        for name, job in found.items()
        if name not in {"lock", "merged", "cut", "rehearse", "rehearse-upload", "push", "propose", "proven"}
    }


def _level(name: str, there: Mapping[str, Mapping[str, Any]]) -> int:
    needs = there[name].get("needs") or []
    before = [one for one in ([needs] if isinstance(needs, str) else needs) if one in there]
    return 1 + max((_level(one, there) for one in before), default=0)


def rights() -> str:
    """Draw which jobs for a pushed tag run the project's code, and which hold rights; no job does both."""
    there, parts, y = jobs(), [], 100
    parts += [
        _box("band", 10, 10, 345, 66),
        _text(24, 34, "Runs your project's code"),
        _text(24, 56, "holds nothing worth stealing", "small"),
    ]
    parts += [
        _box("band", 365, 10, 345, 66),
        _text(379, 34, "Holds a right"),
        _text(379, 56, "runs none of your code, has no checkout", "small"),
    ]
    parts += [
        _box("step", 10, y, 700, 44),
        _text(24, y + 27, "Your machine: nox -s release runs your code as you, then pushes the commit and the tag."),
    ]
    y, last = y + 44, 360
    for _, names in groupby(sorted(there, key=lambda one: _level(one, there)), key=lambda one: _level(one, there)):
        level = [*names]
        sides = {name: _has_rights(there[name]) for name in level}
        for held in sorted(set(sides.values())):
            row = [name for name in level if sides[name] is held]
            left, width = (365 if held else 10), 345 // len(row)
            for number, name in enumerate(row):
                label = re.sub(r"\$\{\{.*?\}\}", "…", str(there[name]["name"]))
                x = left + number * width
                parts += [_box("held" if held else "safe", x, y + 26, width - (6 if len(row) > 1 else 0), 52)]
                parts += [_text(x + 12, y + 48, label), _text(x + 12, y + 67, _held(there[name]), "small")]
            middle = left + 172
            parts += [_arrow(f"M{last} {y}C{last} {y + 18} {middle} {y + 6} {middle} {y + 24}")]
            last = middle
        y += 78
    return _picture(720, y + 12, "Who runs where, with which rights", parts)


def _held(job: Mapping[str, Any]) -> str:
    """Return the rights that an attacker could steal from a job, in words."""
    words = {
        "id-token": "an identity",
        "contents": "may write the repository",
        "attestations": "may store attestations",
        "actions": "may start workflows",
    }
    rights = job.get("permissions") or {}
    read = "may read the repository" if rights else "holds nothing"
    return ", ".join(words[name] for name, level in rights.items() if level == "write") or read


def _has_rights(job: Mapping[str, Any]) -> bool:
    return "write" in (job.get("permissions") or {}).values()


DIAGRAMS: Mapping[str, Callable[[], str]] = {"pipeline.svg": pipeline, "rights.svg": rights}


def main() -> None:
    """Draw all diagrams."""
    for name, drawn in DIAGRAMS.items():
        (FOLDER / name).write_text(drawn(), "utf-8")


if __name__ == "__main__":
    main()
