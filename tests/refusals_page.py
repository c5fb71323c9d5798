"""The table in `docs/refusals.md`, made from the refusals; run this module to update the page."""

from __future__ import annotations

from pathlib import Path

from refused import REFUSALS, Refusal

PAGE = Path(__file__).parent.parent / "docs" / "refusals.md"
_WHERE = {"build": "`build`", "preflight": "preflight", "": "only answered"}
_HEAD = ["| PyPI says | ID | foreseen | test |", "| --- | --- | --- | --- |"]


def table() -> list[str]:
    """Return the lines of the table."""
    return [*_HEAD, *map(_row, REFUSALS)]


def _row(refusal: Refusal) -> str:
    where = _WHERE[refusal.foreseen]
    if refusal.check:
        where += f", as {_linked(refusal.check)}"
    kind = "file and answer" if refusal.fault else "answer"
    return f"| {refusal.status} {_plain(refusal.words)} | {_linked(refusal.id)} | {where} | {kind}: `{refusal.slug}` |"


def _linked(number: str) -> str:
    from nox_ship.errors import KINDS

    return f"[{number}](errors.md#{number.lower()}-{KINDS[number].name})"


def _plain(words: str) -> str:
    short = words if len(words) <= 120 else f"{words[:119]}…"
    return " ".join(short.replace("|", "/").replace("<", "&lt;").replace("*", r"\*").replace("_", r"\_").split())


def main() -> None:
    """Write the table into the page."""
    import nox_ship.package.build  # declares kinds
    import nox_ship.world.refusals  # noqa: F401 - declares more

    lines = PAGE.read_text("utf-8").splitlines()
    before = lines[: next((place for place, line in enumerate(lines) if line.startswith("| ")), len(lines))]
    PAGE.write_text("\n".join([*before, *table(), ""]), "utf-8")


if __name__ == "__main__":
    main()
