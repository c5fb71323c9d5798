from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import nox_ship
from nox_ship.errors import KINDS, Finding, Findings, Kind, ShipError, shorten
from support import each

for _module in pkgutil.walk_packages(nox_ship.__path__, "nox_ship."):
    importlib.import_module(_module.name)

DECLARED = {name: kind for name, kind in KINDS.items() if name != "NS000"}
PROBLEM = Kind("NS000", "test-problem", "Do something.")


def test_every_kind_is_declared_in_a_module_of_ours() -> None:
    """Importing all modules fills the table of kinds."""
    assert len(DECLARED) > 50


def test_a_kind_has_an_id_a_name_and_a_remedy_of_one_sentence() -> None:
    """An ID is NS and three digits, a name is in dashes, a remedy is one sentence on one line."""
    wrong = [
        kind
        for kind in DECLARED.values()
        if not re.fullmatch(r"NS\d{3}", kind.id)
        or not re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
        or not re.fullmatch(r"[A-Za-z`][^\n]*[^\s.]\.", kind.remedy)
        or re.search(r"[.!?] +[A-Z]", kind.remedy)
    ]
    assert not wrong


def test_names_of_kinds_are_unique() -> None:
    """No two kinds share a name."""
    names = [kind.name for kind in DECLARED.values()]
    assert sorted(names) == sorted(set(names))


def test_a_kind_is_called_the_same_everywhere() -> None:
    """No two modules give the same name to different kinds."""
    called: dict[str, set[str]] = {}
    for module in pkgutil.walk_packages(nox_ship.__path__, "nox_ship."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Kind):
                called.setdefault(name, set()).add(value.id)
    assert {name: ids for name, ids in called.items() if len(ids) > 1} == {}


def test_an_id_cannot_name_two_kinds() -> None:
    """A second kind under a taken ID is refused; the same one declared again is not."""
    with pytest.raises(ValueError, match="NS000 names both"):
        Kind("NS000", "another", "Do something else.")
    assert Kind("NS000", "test-problem", "In other words.") == PROBLEM


def test_a_finding_takes_remedy_and_level_from_its_kind() -> None:
    """What is not given is the kind's; what is given wins, an empty remedy too."""
    assert PROBLEM("It broke.") == Finding("NS000", "test-problem", "It broke.", "Do something.", "error", "")
    assert PROBLEM("It broke.", remedy="", level="notice", detail="a\nb") == Finding(
        "NS000", "test-problem", "It broke.", "", "notice", "a\nb"
    )


@each("text", ["one\ntwo", "one \r\n\t two", "\n one two\n", "one\u2028two", "one\x0btwo"])
def test_what_happened_fits_one_line(text: str) -> None:
    """Line breaks of any kind become spaces."""
    assert PROBLEM(text).what == "one two"


def test_a_finding_reads_as_one_line() -> None:
    """The text names ID, kind, cause and remedy, without a space at the end."""
    assert str(PROBLEM("It broke.", detail="much\noutput")) == "NS000 test-problem: It broke. Do something."
    assert str(PROBLEM("It broke.", remedy="")) == "NS000 test-problem: It broke."


def test_a_finding_as_json_has_no_tool_output() -> None:
    """Output of tools may hold anything and stays out of the report."""
    assert PROBLEM("It broke.", detail="secret").as_dict() == {
        "id": "NS000",
        "name": "test-problem",
        "level": "error",
        "what": "It broke.",
        "remedy": "Do something.",
    }


def test_an_error_shows_every_finding() -> None:
    """The text of an error has a line for each finding."""
    error = ShipError(PROBLEM("One."), PROBLEM("Two."))
    assert str(error).splitlines() == [str(finding) for finding in error.findings]
    assert [finding.what for finding in error.findings] == ["One.", "Two."]


def test_findings_keep_what_a_check_raises() -> None:
    """A check that fails adds its findings and returns None; one that passes returns its value."""
    findings = Findings()

    def fail() -> str:
        raise ShipError(PROBLEM("One."), PROBLEM("Two."))

    assert findings.catch(lambda: "value") == "value"
    assert findings.catch(fail) is None
    assert [finding.what for finding in findings] == ["One.", "Two."]


def test_other_exceptions_are_not_findings() -> None:
    """A defect of ours is not swallowed."""
    findings = Findings()
    with pytest.raises(ZeroDivisionError):
        findings.catch(lambda: 1 // 0)


def test_only_errors_stop_a_release() -> None:
    """Warnings and notices raise nothing, and are left out of what an error raises."""
    findings = Findings([PROBLEM("Hm.", level="warning"), PROBLEM("Oh.", level="notice")])
    findings.raise_errors()
    findings.append(PROBLEM("No."))
    with pytest.raises(ShipError) as caught:
        findings.raise_errors()
    assert [finding.what for finding in caught.value.findings] == ["No."]


def test_what_is_endless_is_cut() -> None:
    """A name or a version in somebody's metadata may have millions of characters; a password is blotted out first."""
    finding = PROBLEM(f"{'x' * 1980} https://user:{'y' * 5000}@example.invalid/")
    assert finding.what == f"{'x' * 1980} https://***@example...."[:2000] + "..."
    assert PROBLEM("x" * 2000).what == "x" * 2000


@each(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (list("abcdef"), "a, b, c and 3 more"),
    ],
)
def test_long_lists_are_shortened(items: list[str], text: str) -> None:
    """Three items are named, the others counted; a generator works too."""
    assert shorten(items) == text
    assert shorten(item for item in items) == text


def test_a_name_that_is_not_utf8_can_be_printed() -> None:
    """Its odd bytes are shown as escapes."""
    finding = KINDS["NS203"]("1 path differs: caf\udce9.txt.")
    assert "caf\\udce9.txt" in str(finding)
    assert str(finding).encode("utf-8")
