from __future__ import annotations

from guards import Mutant, _of_module
from support import each

CODE = """
ENV = {"LANG": "C", "HOME": None, **dict.fromkeys(NAMES)}

def refuse(text):
    if not text or len(text) > 9:
        raise ShipError(BAD(f"{text} is bad."))
    findings.append(WORSE("It is worse."))
    check_all(text)
    if text == "assert":
        raise AssertionError
    return hide(text, secrets)

def start():
    done = run(["git", "push", "--quiet", "--atomic", "-c", "gc.auto=0", place], env=env, secrets=True)
    return done.code == 0 and done.whole

def write(path):
    partial = path.with_name("x")
    partial.write_text("")
    partial.replace(path)
"""
EXPECTED = {
    "never": ["not text or len(text) > 9"],
    "weaker": ["not text", "len(text) > 9", "done.code == 0", "done.whole"],
    "negated": ["done.code == 0"],
    "silent": ['findings.append(WORSE("It is worse."))'],
    "unasked": ["check_all(text)"],
    "unclean": ["hide(text, secrets)"],
    "unlimited": ["env=env", "secrets=True"],
    "option": ['"--atomic"', '"-c", "gc.auto=0"'],
    "inherited": ['"HOME": None', "dict.fromkeys(NAMES)"],
    "in pieces": ['path.with_name("x")'],
}


@each("rule", EXPECTED)
def test_guards_are_found_by_rule(rule: str) -> None:
    """Each rule finds its kind of guard in a module, and options that only change the output are not guards."""
    found = _of_module("sample.py", CODE.encode())
    assert [mutant.source for mutant in found if mutant.rule == rule] == EXPECTED[rule]
    assert {mutant.rule for mutant in found} == set(EXPECTED)


def test_a_mutant_is_one_guard_broken() -> None:
    """A mutant changes one guard, and leaves the rest of the module unchanged."""
    text = "# größe\n" + CODE
    mutant = next(m for m in _of_module("sample.py", text.encode()) if m.rule == "never")
    broken = mutant.applied(text.encode()).decode()
    guard = "not text or len(text) > 9"
    assert broken == text.replace(guard, f"({guard}) and False")
    assert isinstance(mutant, Mutant)
    assert (mutant.function, mutant.line, mutant.imported) == ("refuse", 6, False)
