from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import Call, Programs
from nox_ship import json_data
from nox_ship.errors import Finding, ShipError
from nox_ship.package import reading
from nox_ship.package.environment import Environment, Observation, Problem, fresh_environment
from nox_ship.package.install import Expected, verify
from support import each, write_files

SOURCE = f"file:///x/sample-1.2.3.tar.gz#sha256={'0' * 64}"


def observed(kind: str, what: str, *, certain: bool = True, by: str = "", path: str = "sample/a.py") -> Observation:
    """Return an observation in a module."""
    return Observation(kind, what, path, 3, certain, by)


def told(seen: list[Observation], *problems: Problem) -> list[str]:
    """Return the findings about the observations on Python 3.12."""
    findings = reading.findings(seen, problems, ("sample", "1.2.3"), ("sample",), "3.12")
    return [f"{finding.id} {finding.level}: {finding.what}" for finding in findings]


def missing(name: str) -> Problem:
    """Return the problem that a module could not be imported because another was not found."""
    return Problem("import", f"import sample: no {name}", "", "sample", "", name)


def test_newer_syntax_is_an_error_where_the_package_cannot_do_without() -> None:
    """Unsupported syntax is NS622 with file, line and Python: an error if the module is needed, else a warning."""
    assert told([observed("syntax", "invalid syntax"), observed("syntax", "x", certain=False)]) == [
        "NS622 error: sample/a.py line 3 is not valid syntax on Python 3.12: invalid syntax.",
        "NS622 warning: sample/a.py line 3 is not valid syntax on Python 3.12: x.",
    ]


def test_an_import_that_is_not_declared_is_an_error_where_it_failed() -> None:
    """An undeclared import is NS624 if importing the package failed; otherwise, it is not reported."""
    seen = [observed("undeclared", "requests"), observed("undeclared", "yaml")]
    assert told(seen, missing("requests")) == [
        "NS624 error: `requests`, imported by sample/a.py line 3, is not a dependency: Python 3.12 cannot find it.",
        "NS624 error: `yaml`, imported by sample/a.py line 3, is not a dependency: Python 3.12 cannot find it.",
    ]
    assert told(seen) == []


def test_an_import_that_is_optional_is_a_warning_beside_one_that_failed() -> None:
    """If an import failed, other undeclared imports are errors only if they always happen; optional ones are NS625."""
    seen = [observed("undeclared", "requests"), observed("undeclared", "yaml", certain=False)]
    assert [line[:13] for line in told(seen, missing("requests"))] == ["NS624 error: ", "NS625 warning"]


def test_what_optional_modules_import_is_one_warning() -> None:
    """Undeclared imports of optional modules are one warning, NS625, without those that an entry point reports."""
    names = ("django", "pytest.x", "a", "b", "c")
    seen = [observed("undeclared", name, certain=False) for name in names]
    entry = Problem("entry point", "no pytest", "pytest11", "sample", "sample.plugin", "pytest")
    places = "`django` (sample/a.py line 3), `a` (sample/a.py line 3), `b` (sample/a.py line 3) and 1 more."
    assert told(seen, entry) == [
        f"NS625 warning: Modules that nothing else imports need undeclared dependencies: {places}"
    ]


def test_what_only_dependencies_require_is_one_warning() -> None:
    """Imports of indirect dependencies are one warning, NS626, which names the package that provides each."""
    seen = [observed("indirect", "yaml", by="pyyaml"), observed("indirect", "six", by="six", certain=False)]
    (line,) = told(seen)
    assert line.startswith("NS626 warning: ")
    assert "yaml (sample/a.py line 3), provided by pyyaml, six (" in line


def stated(version: str, module: str = "sample", name: str = "sample", expected: str = "1.2.3") -> list[str]:
    """Return the findings about the only module that states a version."""
    problems = [Problem("stated version", version, "", module)]
    found = reading.stated_findings(problems, name, expected, (module,))
    return [f"{finding.id} {finding.level}: {finding.what}" for finding in found]


@each("version", ["1.2.2", "1.2.3.dev0", "1.2.3rc1", "2.0+local", "0+unknown"])
def test_another_version_than_the_metadata_have_is_an_error(version: str) -> None:
    """A module that states another version than the metadata is NS623."""
    assert stated(version) == [f"NS623 error: sample.__version__ is {version}, but the metadata says 1.2.3."]


@each("version", ["1.2.3", "1.2.3.0", "v1.2.3", "1.2.3+g1234", "unknown", "", "1.2.3 (x)", "9" * 5000])
def test_the_same_version_and_what_is_none_say_nothing(version: str) -> None:
    """No finding is reported for an equivalent version, text that is not a version, or a local version part."""
    assert stated(version) == []


def test_a_post_release_may_be_of_the_same_code() -> None:
    """A module may state the version without its post-release part, but not another post-release."""
    assert stated("1.2.3", expected="1.2.3.post1") == []
    assert stated("1.2.3rc1", expected="1.2.3rc1.post1") == []
    assert stated("1.2.3.post1", expected="1.2.3.post2")
    assert stated("1.2.3.post1", expected="1.2.3")
    assert stated("1.2.2", expected="1.2.3.post1")


def test_a_module_of_another_name_may_tell_the_version_of_what_it_wraps() -> None:
    """A module with another name than the project may state the version of a library that it wraps."""
    assert stated("4.9.0", "cv2", "opencv-python", "4.9.0.80") == []
    assert stated("4.8.0", "cv2", "opencv-python", "4.9.0.80")
    assert stated("4.9.0", "opencv_python", "opencv-python", "4.9.0.80")
    problems = [Problem("stated version", "0.1", "", name) for name in ("company.product", "sample_tools")]
    names = ("company.product", "sample_tools")
    assert list(reading.stated_findings(problems, "other", "1.0", names)) == []
    (found,) = reading.stated_findings(problems, "company-product", "1.0", names)
    assert found.what.startswith("company.product.__version__")


def found_by_verify(programs: Programs, rows: object, problems: object, ignored: tuple[str, ...] = ()) -> list[str]:
    """Return the IDs of the findings about a file for which the script answers this."""
    programs.answer("installed.py", stdout=f"nox-ship-seen:{json.dumps(rows)}\nnox-ship:{json.dumps(problems)}")
    try:
        expected = Expected("sample", "1.2.3", ("sample",), ignored=ignored)
        found: tuple[Finding, ...] = verify(SOURCE, "sample", expected, "python3.12")
    except ShipError as error:
        found = error.findings
    return [finding.id for finding in found]


ROW = {"kind": "undeclared", "what": "requests", "path": "sample/a.py", "line": 3, "certain": True, "by": ""}


def test_an_import_that_fails_is_told_once(programs: Programs) -> None:
    """If an observation explains why an import failed, NS624 replaces NS613."""
    failed = ["import", "no requests", "", "sample", "", "requests"]
    assert found_by_verify(programs, [ROW], [failed]) == ["NS624"]
    assert found_by_verify(programs, [ROW], [[*failed[:-1], "sample.gone"]]) == ["NS624", "NS613"]
    assert found_by_verify(programs, [ROW], [[*failed[:-1], ""]]) == ["NS624", "NS613"]
    assert found_by_verify(programs, [], [failed]) == ["NS613"]
    assert found_by_verify(programs, [], [["stated version", "1.0", "", "sample"]]) == ["NS623"]


def test_what_the_settings_say_is_only_shown(programs: Programs) -> None:
    """A finding that `build.ignore` lists is only a warning."""
    programs.answer("installed.py", stdout='nox-ship:[["stated version", "1.0", "", "sample"]]')
    expected = Expected("sample", "1.2.3", ("sample",), ignored=("NS623",))
    (finding,) = verify(SOURCE, "sample", expected, "python3.12")
    assert (finding.id, finding.level) == ("NS623", "warning")


def test_an_import_that_fails_is_an_error_whatever_is_ignored(programs: Programs) -> None:
    """If NS624 is ignored, the failed import is still the error NS613."""
    problem = ["import", "no requests", "", "sample", "", "requests"]
    assert found_by_verify(programs, [ROW], [problem], ignored=("NS624",)) == ["NS613"]


@pytest.mark.parametrize("rows", [None, 5, [5], [{}], [{**ROW, "line": "x"}], [{**ROW, "more": 1}], {"a": 1}])
def test_what_is_no_answer_tells_nothing(programs: Programs, rows: object) -> None:
    """If what was seen when modules were read is invalid, it is ignored."""
    assert found_by_verify(programs, rows, []) == []


@pytest.mark.parametrize(("code", "said"), [(-11, "bye"), (0, "nox-ship-seen:[\nnox-ship:[]"), (3, "")])
def test_modules_that_end_the_process_that_reads_them_are_still_imported(
    programs: Programs, code: int, said: str
) -> None:
    """If reading modules ends the process, they are imported in another one, and there is nothing to report of them."""

    def reply(call: Call) -> tuple[int, str]:
        return (code, said) if json.loads(call.line[-1])["reader"] else (0, "nox-ship:[]")

    programs.play("installed.py", reply=reply)
    assert verify(SOURCE, "sample", Expected("sample", "1.2.3", ("sample",)), "python3.12") == ()


def test_what_was_seen_cannot_be_changed_by_what_is_imported(programs: Programs) -> None:
    """A module that prints another account of what was seen changes nothing: the first one counts."""
    failed = ["import", "no requests", "", "sample", "", "requests"]
    lines = [f"nox-ship-seen:{json.dumps([ROW])}", "nox-ship-seen:[]", f"nox-ship:{json.dumps([failed])}"]
    programs.answer("installed.py", stdout="\n".join(lines))
    with pytest.raises(ShipError, match="NS624"):
        verify(SOURCE, "sample", Expected("sample", "1.2.3", ("sample",)), "python3.12")


def test_what_no_python_compiles_is_a_template(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that no Python can compile is taken for a template; the running Python is tried first."""
    found = {"3.13": "/x/python3.13", "3.12": "/x/python3.12"}
    monkeypatch.setattr("nox_ship.pythons.interpreter", found.get)
    rows = [{**ROW, "kind": "syntax", "path": path} for path in ("sample/new.py", "sample/template.py")]

    def reply(call: Call) -> tuple[int, str]:
        asked = json.loads(call.line[-1])
        new = [path for path in asked["compile"] if path.endswith("new.py") and "3.13" in call.line[0]]
        return 0, f"nox-ship:{json.dumps(new)}"

    programs.play("modules.py", reply=reply)
    seen = [json_data.read(Observation, row) for row in rows]
    with fresh_environment("python3.12") as environment:
        seen = reading.without_templates(seen, environment, ("3.14", "3.13", "3.12"))
    assert [one.path for one in seen] == ["sample/new.py"]
    asked = [call.line[0] for call in programs.calls if "compile" in call.line[-1]]
    assert asked == [sys.executable, "/x/python3.13", "/x/python3.12"]


@pytest.mark.parametrize("wrap", [list, lambda paths: dict.fromkeys(paths, 1), lambda paths: [*paths, 5]])
def test_only_a_list_of_paths_tells_what_compiles(
    tmp_path: Path, programs: Programs, wrap: Callable[[list[str]], object]
) -> None:
    """The script's answer which files compile is only used if it is a list of paths."""
    whole = str(tmp_path / "Lib" / "site-packages" / "a.py")
    programs.answer("modules.py", stdout=f"nox-ship:{json.dumps(wrap([whole]))}")
    assert Environment(tmp_path).compiled(["a.py", "b.py"]) == ({"a.py"} if wrap is list else set())


@each(
    ("text", "version"),
    [("home = /x\nversion_info = 3.12.1\n", "3.12"), ("version = 3.9.18", "3.9"), ("x", ""), (None, "")],
)
def test_the_environment_tells_its_python(tmp_path: Path, text: str | None, version: str) -> None:
    """The Python of an environment is read from pyvenv.cfg, as written by uv or by venv."""
    if text is not None:
        write_files(tmp_path, {"pyvenv.cfg": text})
    assert Environment(tmp_path).python == version
