from __future__ import annotations

from nox_ship.automation.conditions import holds
from support import each

FACTS = {
    "github.event_name": "push",
    "github.ref": "refs/tags/v1.2.0",
    "github.ref_type": "tag",
    "github.event.action": "",
}


@each(
    ("condition", "expected"),
    [
        ("true", True),
        ("false", False),
        ("${{ false }}", False),
        ("!false", True),
        ("always()", True),
        ("success()", None),
        ("", None),
        ("github.event_name == 'push'", True),
        ("github.event_name == 'Push'", True),
        ("GitHub.Event_Name != 'push'", False),
        ("'push' == github.event_name", True),
        ("startsWith(github.ref, 'refs/tags/')", True),
        ("startswith( github.ref , 'refs/heads' )", False),
        ("contains(github.ref, 'tags')", True),
        ("endsWith(github.ref, 'dev')", False),
        ("contains(github.event.head_commit.message, 'x')", None),
        ("contains(fromJSON('[]'), 'x')", None),
        ("startsWith(github.ref, 'refs/tags/') && github.ref_type == 'tag'", True),
        ("github.repository == 'a/b'", None),
        ("github.repository == 'a/b' && false", False),
        ("github.repository == 'a/b' || true", True),
        ("github.repository == 'a/b' && true", None),
        ("!(github.event_name == 'push' || github.event_name == 'release')", False),
        ("github.event_name == 'release' && (always() || x)", False),
        ("github.event.action == 'published'", False),
        ("github.event.action", False),
        ("inputs['target'] == 'pypi'", None),
        ("github.run_number > 3", None),
        ("'it''s' == 'it''s'", True),
        ("${{ github.event_name == 'release' }} || true", None),
        ("((((", None),
        (")", None),
        ("==", None),
        ("!", None),
        ("'", None),
        ("(" * 99, None),
        ("!" * 99, None),
        ("startsWith(" * 30, None),
        ("a && " * 1000, None),
    ],
)
def test_a_condition_is_told_as_far_as_the_event_tells_it(condition: str, expected: bool | None) -> None:
    """A condition is evaluated with the known facts about the event; it is None if an unknown fact decides it."""
    assert holds(condition, FACTS) is expected


@each(
    "condition",
    [
        "${{ github.event_name == 'push' }} && ${{ false }}",
        "x ${{ true }}",
        " || ".join(["true"] * 1000),
        "",
        "${{ }}",
    ],
)
def test_what_is_more_than_one_expression_is_not_known(condition: str) -> None:
    """A condition is unknown if it is empty, very long, or has text around an expression."""
    assert holds(condition, FACTS) is None
