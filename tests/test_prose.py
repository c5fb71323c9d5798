from __future__ import annotations

from prose import LONGEST, messages, problems, sentences
from support import each


@each(
    ("text", "expected"),
    [
        ("Rerun the same command.", []),
        ("Run it again when it is to be.", ["'is to be': say what to do"]),
        ("Let whoever releases bypass it; mend the rest.", ["'Let whoever': name who", "'mend': fix"]),
        ("A commendable amendment. You need not do anything.", []),
        ("`mend` and\n```\nmend\n```\n[plain](mend.md) <!-- mend -->", []),
        ("word " * LONGEST + "end.", [f"{LONGEST + 1} words in a sentence"]),
        ("| " + "word " * LONGEST + "| " + "word " * LONGEST + "|", []),
        ("- " + "word " * LONGEST + "\n- " + "word " * LONGEST, []),
        (("word " * (LONGEST - 2) + "end. nox-ship ") * 2, []),
    ],
)
def test_hard_words_and_long_sentences_are_found(text: str, expected: list[str]) -> None:
    """Words to avoid and long sentences are found, but not in code, links or comments; table cells count separately."""
    found = [what for _, what in problems(text)]
    assert len(found) == len(expected)
    assert all(what.startswith(start) for what, start in zip(found, expected, strict=True))


def test_a_problem_is_told_with_its_line() -> None:
    """A problem is reported with its line, even after code blocks and comments."""
    text = "Good.\n\n```\ncode\n```\n\n<!-- a\nb -->\nPlease read.\n"
    assert [line for line, _ in problems(text)] == [9]
    assert [sentence for _, sentence in sentences("One. Two `x.y` [three](a.md)!")] == ["One.", "Two Code three!"]


def test_the_messages_of_a_module_are_read() -> None:
    """Texts of findings and remedies in a module are checked, with inserted values as one word; log lines are not."""
    code = 'A = Kind("NS1", "a", "Mend it.")\nyield AB(f"It {x} broke.", remedy="Stop.")\nlog("mend")\n'
    assert {text for _, text in messages(code)} == {"NS1", "a", "Mend it.", "It Code broke.", "Stop."}
