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
    """Importing all modules registers all kinds of findings."""
    assert len(DECLARED) > 50


def test_a_kind_has_an_id_a_name_and_a_remedy_of_one_sentence() -> None:
    """An ID is NS and three digits, a name has words and dashes, and a remedy is one sentence on one line."""
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
    """A constant that holds a kind has the same name for the same kind in all modules."""
    called: dict[str, set[str]] = {}
    for module in pkgutil.walk_packages(nox_ship.__path__, "nox_ship."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Kind):
                called.setdefault(name, set()).add(value.id)
    assert {name: ids for name, ids in called.items() if len(ids) > 1} == {}


def test_an_id_cannot_name_two_kinds() -> None:
    """An ID cannot be declared for a second kind, but the same kind can be declared again."""
    with pytest.raises(ValueError, match="NS000 names both"):
        Kind("NS000", "another", "Do something else.")
    assert Kind("NS000", "test-problem", "In other words.") == PROBLEM


def test_a_finding_takes_remedy_and_level_from_its_kind() -> None:
    """A finding has the remedy and level of its kind, unless others are given, even an empty remedy."""
    assert PROBLEM("It broke.") == Finding("NS000", "test-problem", "It broke.", "Do something.", "error", "")
    assert PROBLEM("It broke.", remedy="", level="notice", detail="a\nb") == Finding(
        "NS000", "test-problem", "It broke.", "", "notice", "a\nb"
    )


@each("text", ["one\ntwo", "one \r\n\t two", "\n one two\n", "one\u2028two", "one\x0btwo"])
def test_what_happened_fits_one_line(text: str) -> None:
    """Line breaks of any kind in a finding become spaces."""
    assert PROBLEM(text).what == "one two"


def test_a_finding_reads_as_one_line() -> None:
    """The text of a finding is its ID, name, cause and remedy, without trailing spaces or details."""
    assert str(PROBLEM("It broke.", detail="much\noutput")) == "NS000 test-problem: It broke. Do something."
    assert str(PROBLEM("It broke.", remedy="")) == "NS000 test-problem: It broke."


def test_a_finding_as_json_has_no_tool_output() -> None:
    """The JSON form of a finding leaves out the output of tools, as it may contain secrets."""
    assert PROBLEM("It broke.", detail="secret").as_dict() == {
        "id": "NS000",
        "name": "test-problem",
        "level": "error",
        "what": "It broke.",
        "remedy": "Do something.",
    }


def test_an_error_shows_every_finding() -> None:
    """The text of an error has one line for each finding."""
    error = ShipError(PROBLEM("One."), PROBLEM("Two."))
    assert str(error).splitlines() == [str(finding) for finding in error.findings]
    assert [finding.what for finding in error.findings] == ["One.", "Two."]


def test_findings_keep_what_a_check_raises() -> None:
    """A failed check adds its findings and returns None; a passed one returns its value."""
    findings = Findings()

    def fail() -> str:
        raise ShipError(PROBLEM("One."), PROBLEM("Two."))

    assert findings.catch(lambda: "value") == "value"
    assert findings.catch(fail) is None
    assert [finding.what for finding in findings] == ["One.", "Two."]


def test_other_exceptions_are_not_findings() -> None:
    """Exceptions other than ShipError are not caught."""
    findings = Findings()
    with pytest.raises(ZeroDivisionError):
        findings.catch(lambda: 1 // 0)


def test_only_errors_stop_a_release() -> None:
    """Warnings and notices do not raise, and are not part of the raised error."""
    findings = Findings([PROBLEM("Hm.", level="warning"), PROBLEM("Oh.", level="notice")])
    findings.raise_errors()
    findings.append(PROBLEM("No."))
    with pytest.raises(ShipError) as caught:
        findings.raise_errors()
    assert [finding.what for finding in caught.value.findings] == ["No."]


def test_what_is_endless_is_cut() -> None:
    """Very long texts in a finding are cut, after passwords in them were hidden."""
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
    """The first three items are named, and the others are counted."""
    assert shorten(items) == text
    assert shorten(item for item in items) == text


def test_a_name_that_is_not_utf8_can_be_printed() -> None:
    """Bytes of a file name that are not UTF-8 are shown as escapes."""
    finding = KINDS["NS203"]("1 path differs: caf\udce9.txt.")
    assert "caf\\udce9.txt" in str(finding)
    assert str(finding).encode("utf-8")
