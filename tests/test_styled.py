from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakes import Call, Programs
from nox_ship.project import Project
from nox_ship.setup.noxfile import NEW, Noxfile
from nox_ship.setup.styled import Styled, styled
from support import make_project

STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'
RUFF = f"{STATIC}[tool.ruff]\nline-length = 79\n"
THEIRS = "import nox\nimport os\n\nX  = 1\n\n\n@nox.session\ndef lint(s):\n    pass\n"
PRE_COMMIT = """\
repos:
  - repo: https://github.com/astral-sh/ruff-pre-commit
    rev: v0.9.2
    hooks: [{id: ruff}, {id: ruff-format}]
  - {repo: https://github.com/psf/black-pre-commit-mirror, rev: 24.1.0, hooks: [{id: black}]}
  - {repo: local, hooks: [{id: isort}, 5]}
"""
HOOKS = "dot_pre-commit-config__yaml"
LINTED = PRE_COMMIT.replace("ruff-format", "x")
ODD = LINTED.replace("v0.9.2", "main")
GROUP = f"{STATIC}[dependency-groups]\ndev = [\"ruff==0.5.1; python_version > '3'\"]\n"
BLACK = f"{STATIC}[tool.black]\nline-length = 9\n"


def project(folder: Path, pyproject: str = RUFF, **files: str) -> Project:
    """Return a project with settings of tools; in file names, ``dot_`` and ``__`` stand for ``.``."""
    named = {name.replace("dot_", ".", 1).replace("__", "."): text for name, text in files.items()}
    return make_project(folder, pyproject, named)


def extended(text: str = THEIRS) -> str:
    """Return a noxfile with our lines added."""
    return Noxfile.read(text).extended() or pytest.fail("It cannot be extended.")


def started(programs: Programs) -> list[tuple[str, str, str]]:
    """Return the tools that were started, each as requirement, tool, and first argument."""
    lines = [call.line[call.line.index("--from") + 1 :] for call in programs.calls]
    return [(line[0], line[1], line[2]) for line in lines]


def test_a_project_without_tools_gets_the_text_as_it_is(tmp_path: Path, programs: Programs) -> None:
    """Without a formatter or linter in the project, the text stays and nothing is started."""
    assert styled(project(tmp_path, STATIC), None, NEW) == Styled(NEW)
    assert programs.calls == []


def test_tools_of_the_project_are_run_on_the_text(tmp_path: Path, programs: Programs) -> None:
    """The project's linter gets the text on standard input, in the project's folder, and fixes what it can."""
    programs.play(
        "check --fix", reply=lambda call: (0, call.options["stdin"].replace("import nox\n", "import nox  # x\n"))
    )
    made = styled(project(tmp_path), None, NEW)
    assert "import nox  # x\n" in made.text
    fixed, asked = programs.calls
    assert fixed.options["cwd"] == tmp_path
    assert fixed.line[-4:] == ("--force-exclude", "--stdin-filename", "noxfile.py", "-")
    assert "--output-format=json" in asked.line
    assert asked.options["stdin"] == made.text


@pytest.mark.parametrize(
    ("pyproject", "files", "expected"),
    [
        (RUFF, {}, ["ruff ruff check"]),
        (f'{RUFF}[tool.ruff.format]\nquote-style = "single"\n', {}, ["ruff ruff check", "ruff ruff format"]),
        (STATIC, {"ruff__toml": "[format]\n"}, ["ruff ruff check", "ruff ruff format"]),
        (GROUP, {}, ["ruff==0.5.1 ruff check"]),
        (BLACK, {"setup__cfg": "[isort]\n"}, ["isort isort --quiet", "black black --quiet"]),
        (STATIC, {"dot_isort__cfg": "[settings]\n"}, ["isort isort --quiet"]),
        (STATIC, {HOOKS: PRE_COMMIT}, ["isort isort --quiet", "ruff==0.9.2 ruff check", "ruff==0.9.2 ruff format"]),
        (STATIC, {HOOKS: LINTED}, ["isort isort --quiet", "ruff==0.9.2 ruff check", "black==24.1.0 black --quiet"]),
        (STATIC, {HOOKS: "repos: 5"}, []),
        (STATIC, {HOOKS: "repos: [5, {hooks: [x]}]\n"}, []),
        (STATIC, {HOOKS: "- - [\n"}, []),
        (RUFF, {HOOKS: ODD}, ["isort isort --quiet", "ruff ruff check", "black==24.1.0 black --quiet"]),
    ],
)
def test_tools_are_found_with_the_projects_versions(
    tmp_path: Path, programs: Programs, pyproject: str, files: dict[str, str], expected: list[str]
) -> None:
    """Tools are found by settings, hooks and requirements, with their version if one is stated."""
    styled(project(tmp_path, pyproject, **files), None, NEW)
    told = dict.fromkeys(" ".join(words) for words in started(programs))
    assert list(told) == expected


def test_a_tool_that_cannot_be_run_leaves_the_text(tmp_path: Path, programs: Programs) -> None:
    """If a tool fails, for example without a network, the text stays and a hint shows the tool's message."""
    programs.answer("ruff", code=2, stdout="no network")
    made = styled(project(tmp_path), None, NEW)
    assert made.text == NEW
    assert "no network" in made.hints[0]
    assert len(programs.calls) == 1


@pytest.mark.parametrize("said", ["", " \n"])
def test_a_tool_that_says_nothing_leaves_the_text(tmp_path: Path, programs: Programs, said: str) -> None:
    """Without output from a tool, the text stays as it is."""
    programs.answer("black", stdout=said)
    assert styled(project(tmp_path, BLACK), None, NEW) == Styled(NEW)
    assert started(programs) == [("black", "black", "--quiet")]


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ([("CPY001", 1), ("D100", 1), ("CPY001", 3)], "# ruff: noqa: CPY001, D100\n"),
        ([], ""),
        ([(None, 1)], ""),
        ("no JSON", ""),
        ({"x": 1}, ""),
    ],
)
def test_rules_that_still_complain_about_a_new_noxfile_are_excused_in_it(
    tmp_path: Path, programs: Programs, said: object, first: str
) -> None:
    """Rules that a new noxfile still breaks are disabled in its first line, above the script block."""
    entries = [{"code": code, "location": {"row": row}} for code, row in said] if isinstance(said, list) else said
    programs.answer("--output-format=json", stdout=json.dumps(entries) if said != "no JSON" else "{")
    text = styled(project(tmp_path), None, NEW).text
    assert text == first + NEW
    assert Noxfile.read(text).scripted


def test_rules_that_complain_about_theirs_are_their_business(tmp_path: Path, programs: Programs) -> None:
    """In an existing noxfile, rules are disabled only on our own lines."""
    planned = extended()
    lines = planned.splitlines()
    entries = [(lines.index("import nox_ship") + 1, "X1"), (lines.index("X  = 1") + 1, "X2")]
    said = [{"code": code, "location": {"row": row}} for row, code in entries]
    programs.answer("--output-format=json", stdout=json.dumps(said))
    text = styled(project(tmp_path), THEIRS, planned).text
    assert text == planned.replace("import nox_ship\n", "import nox_ship  # noqa: X1\n")


@pytest.mark.parametrize(
    ("distance", "space", "kept"),
    [("\n\n", "  ", "\n\n"), ("", "  ", "\n"), ("\n\n", " ", "\n")],
)
def test_only_lines_that_are_ours_change_in_a_noxfile_that_is_there(
    tmp_path: Path, programs: Programs, distance: str, space: str, kept: str
) -> None:
    """Tools may move and space our lines in an existing noxfile, but the project's lines stay as they are."""
    planned = extended()

    def sort(call: Call) -> tuple[int, str]:
        text = call.options["stdin"].replace("import nox_ship\n", "")
        text = text.replace("import os\n\n", f"import os\nimport nox_ship\n{distance}", 1)
        return 0, text.replace("nox_ship.register()\n", "\nnox_ship.register()\n").replace("X  = 1", f"X{space}= 1")

    programs.play("check --fix", reply=sort)
    text = styled(project(tmp_path), THEIRS, planned).text
    assert f"import nox\nimport os\nimport nox_ship\n{kept}X  = 1\n" in text
    assert text.endswith("\n\n\n\nnox_ship.register()\n")
    ours = {"import nox_ship", "nox_ship.register()"}
    theirs = [line for line in text.splitlines() if line.strip() and line not in ours and not line.startswith("#")]
    assert theirs == [line for line in THEIRS.splitlines() if line.strip()]


@pytest.mark.parametrize("lost", ["import nox_ship\n", "nox_ship.register()\n"])
def test_a_line_of_ours_is_not_lost(tmp_path: Path, programs: Programs, lost: str) -> None:
    """If a tool removes one of our lines, or could only keep it by changing others, the planned text stays."""
    planned = extended()
    programs.play("check --fix", reply=lambda call: (0, call.options["stdin"].replace(lost, "")))
    assert styled(project(tmp_path), THEIRS, planned).text == planned
    programs.play("check --fix", reply=lambda call: (0, call.options["stdin"].replace("import os", "import os as x")))
    assert styled(project(tmp_path), THEIRS, planned).text == planned
    before = f"{lost.strip()}; x = 1\\n"
    programs.play("check --fix", reply=lambda call: (0, before + call.options["stdin"].replace(lost, "")))
    assert styled(project(tmp_path), THEIRS, planned).text == planned


@pytest.mark.parametrize("quotes", ["single", "'"])
def test_quotes_that_flake8_wants_are_written(tmp_path: Path, quotes: str) -> None:
    """Quotes follow flake8's `inline-quotes`, because its plugin does not fix them."""
    made = styled(project(tmp_path, STATIC, dot_flake8=f"[flake8]\ninline-quotes = {quotes}\n"), None, NEW)
    assert "if __name__ == '__main__':\n" in made.text
    other = styled(project(tmp_path, STATIC, dot_flake8="[flake8]\ninline-quotes = double\n"), None, NEW)
    assert other.text == NEW
