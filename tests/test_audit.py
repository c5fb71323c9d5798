from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fakes import Call, Programs
from nox_ship.errors import ShipError
from nox_ship.gates import audit
from nox_ship.process import Done
from support import each, make_project


def done(stdout: str, stderr: str = "", code: int = 0) -> Done:
    """Return a finished pip-audit."""
    return Done(("pip-audit",), code, stdout, stderr)


def report(*entries: dict[str, Any]) -> Done:
    """Return a finished pip-audit that printed a report."""
    return done(json.dumps({"dependencies": list(entries), "fixes": []}), code=1)


CLEAN = {"name": "good", "version": "1.0", "vulns": []}
SKIPPED = {"name": "odd", "skip_reason": "Dependency not found on PyPI"}


def test_a_clean_report_has_no_findings() -> None:
    """A report without vulnerabilities has no findings, and counts the dependencies that were looked up."""
    assert audit.read_report(report(CLEAN, CLEAN)) == audit.Audited(2, (), ())
    assert audit.read_report(report()) == audit.Audited(0, (), ())


def test_what_was_skipped_is_not_clean() -> None:
    """A dependency that pip-audit skipped is unknown and not clean, unless the settings ignore it."""
    assert audit.read_report(report(CLEAN, SKIPPED)) == audit.Audited(1, ("odd",), (), "Dependency not found on PyPI")
    assert audit.read_report(report(CLEAN, SKIPPED), ignore=("odd",)) == audit.Audited(1, (), ())


@each(
    "entry",
    [
        5,
        {},
        {"name": None, "version": "1", "vulns": []},
        {"name": "a", "version": "1", "vulns": {}},
        {"name": "a", "version": "1", "vulns": [5]},
        {"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": 5}]},
        {"name": "a", "skip_reason": ["x"]},
    ],
)
def test_a_report_of_another_form_is_not_clean(entry: Any) -> None:
    """A report in an unexpected format is refused (NS422), and never counts as free of vulnerabilities."""
    with pytest.raises(ShipError, match="NS422"):
        audit.read_report(report(CLEAN, entry))


def test_each_vulnerability_is_a_finding() -> None:
    """Each vulnerability is a finding, whose remedy names the fixed versions if there are any."""
    vulnerable = {
        "name": "bad",
        "version": "2.0",
        "vulns": [
            {"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"], "aliases": ["CVE-1"], "description": "x"},
            {"id": "GHSA-2", "fix_versions": []},
        ],
    }
    audited = audit.read_report(report(CLEAN, vulnerable))
    assert audited.looked_up == 2
    assert [(finding.id, finding.what) for finding in audited.vulnerable] == [
        ("NS421", "bad 2.0 has PYSEC-1."),
        ("NS421", "bad 2.0 has GHSA-2."),
    ]
    assert audited.vulnerable[0].remedy == "Fixed in 2.1, 3.0."
    assert audited.vulnerable[1].remedy == audit.VULNERABLE.remedy


@each("stdout", ["", "no JSON", "[]", "{}", "null", "3"])
def test_no_report_is_no_success(stdout: str) -> None:
    """If pip-audit prints no report, NS422 is raised with its error output."""
    with pytest.raises(ShipError) as caught:
        audit.read_report(done(stdout, "ConnectionError"))
    assert [finding.id for finding in caught.value.findings] == ["NS422"]
    assert "ConnectionError" in caught.value.findings[0].detail


def test_what_is_unknown_is_named() -> None:
    """NS422 gives the number of all dependencies without data, and names the first three."""
    finding = audit.not_audited(audit.Audited(0, ("a", "b", "c", "d"), (), "why"))
    assert finding.id == "NS422"
    assert "4 of the dependencies (a, b, c and 1 more): why." in finding.what


@each(
    ("text", "static"),
    [
        ('[project]\nname = "sample"', True),
        ('[project]\nname = "sample"\ndynamic = ["version"]', True),
        ('[project]\nname = "sample"\ndynamic = ["dependencies"]', False),
        ('[tool.poetry]\nname = "sample"', False),
    ],
)
def test_dependencies_are_read_without_a_build_where_they_can_be(tmp_path: Path, text: str, static: bool) -> None:
    """Static dependencies are read from pyproject.toml; otherwise the project must be built for them."""
    source = audit._source(make_project(tmp_path, text), tmp_path)
    assert (source == "pyproject.toml") is static
    if isinstance(source, Path):
        assert source.read_text() == f"sample @ {tmp_path.as_uri()}\n"


def write_tool(folder: Path, name: str, code: int) -> Path:
    """Write a program that prints its arguments and exits with ``code``; return its folder."""
    folder.mkdir()
    tool = folder / name
    tool.write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    tool.chmod(0o755)
    return folder


def test_security_findings_stop_the_audit(tmp_path: Path) -> None:
    """If bandit exits with another code than 0, NS423 is raised with its output."""
    project = make_project(tmp_path, '[project]\nname = "sample"', {"src/sample/__init__.py": ""})
    with pytest.raises(ShipError) as caught:
        audit.code(project, write_tool(tmp_path / "bin", "bandit", 1), enforced=True)
    assert caught.value.findings[0].id == "NS423"
    assert caught.value.findings[0].detail.endswith("src/sample")


def test_code_without_findings_passes(tmp_path: Path) -> None:
    """If bandit finds nothing, the checked folder is named; without a package, bandit does not run."""
    project = make_project(tmp_path / "a", '[project]\nname = "sample"', {"src/sample/__init__.py": ""})
    told, warning = audit.code(project, write_tool(tmp_path / "bin", "bandit", 0), enforced=True)
    assert told.endswith("nothing in src/sample")
    assert warning is None
    empty = make_project(tmp_path / "b", '[project]\nname = "sample"')
    assert audit.code(empty, tmp_path / "gone", enforced=True)[0].startswith("there is no package")


def test_bandit_only_warns_where_the_project_does_not_run_it(tmp_path: Path) -> None:
    """If the project does not use bandit, its findings are warnings; settings for it make them errors."""
    files = {"src/sample/__init__.py": ""}
    plain = '[project]\nname = "sample"\n'
    bin_folder = write_tool(tmp_path / "bin", "bandit", 1)
    _, warning = audit.code(make_project(tmp_path / "a", plain, files), bin_folder, enforced=False)
    assert warning
    assert (warning.id, warning.level) == ("NS423", "warning")
    assert "--severity-level=high" in warning.detail
    for text in ("[tool.bandit]\nskips = []\n", '[tool.nox-ship]\naudit.ignore = ["B101"]\n'):
        with pytest.raises(ShipError, match="NS423"):
            audit.code(make_project(tmp_path / "b", plain + text, files), bin_folder, enforced=False)


@pytest.mark.parametrize(
    ("entries", "in_ci", "expected"),
    [
        ([CLEAN], False, ((), "", "1 dependencies looked up, no known vulnerability")),
        ([CLEAN], True, ((), "", "1 dependencies looked up, no known vulnerability")),
        ([CLEAN, SKIPPED], False, ((), "NS422", "nothing in src/sample")),
        ([CLEAN, SKIPPED], True, (("NS422",), "", "nothing in src/sample")),
        ([{**CLEAN, "vulns": [{"id": "X-1"}]}, SKIPPED], False, (("NS421",), "", "nothing in src/sample")),
    ],
)
def test_what_is_unknown_skips_the_audit_on_a_laptop_alone(
    tmp_path: Path, programs: Programs, entries: list[dict[str, Any]], in_ci: bool, expected: tuple[Any, ...]
) -> None:
    """Dependencies without data skip the audit on a laptop, and fail it in CI; a vulnerability always fails it."""
    project = make_project(tmp_path, '[project]\nname = "sample"\n', {"src/sample/__init__.py": ""})

    def compiled(call: Call) -> tuple[int, str]:
        Path(call.line[call.line.index("--output-file") + 1]).write_text("good==1.0\n", "utf-8")
        return 0, ""

    programs.play("pip compile", reply=compiled)
    programs.answer("pip-audit", code=1, stdout=report(*entries).stdout)
    judged = audit.audit(project, tmp_path / "bin", ("--strict",), in_ci=in_ci)
    errors, skip, told = expected
    assert tuple(finding.id for finding in judged.errors) == errors
    assert judged.skip.startswith(skip)
    assert bool(judged.skip) == bool(skip)
    assert judged.told[-1].endswith(told)
    assert judged.warnings == ()
    (audited,) = programs.started("--strict")
    assert audited.line[0] == str(tmp_path / "bin" / "pip-audit")


def test_the_audit_needs_its_tools_and_what_the_project_names(tmp_path: Path) -> None:
    """The audit installs its tools and the requirements in the project's settings for it."""
    project = make_project(tmp_path, '[project]\nname = "sample"\n[tool.nox-ship.audit]\ninstall = ["more"]\n')
    assert audit.needs(project).requirements == (*audit.TOOLS, "more")
