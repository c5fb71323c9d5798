from __future__ import annotations

from pathlib import Path

import pytest

from fakes import Call, Programs
from initializing import PYPROJECT
from nox_ship import command
from nox_ship.setup.noxfile import NEW
from support import load_yaml, write_files

pytestmark = pytest.mark.slow


def test_a_noxfile_without_sessions_has_nothing_to_be_told_of(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the noxfile has no sessions of its own, `init` does not list the gates."""
    (project / "noxfile.py").write_text("import nox\n", "utf-8")
    assert command.main(["init"]) == 0
    assert "gates" not in capsys.readouterr().out.split()


def test_a_noxfile_is_added_to(project: Path) -> None:
    """Our lines are added to an existing noxfile, whose sessions and comments stay."""
    (project / "noxfile.py").write_text("import nox  # it\n\n\n@nox.session\ndef mine(session):\n    pass\n", "utf-8")
    assert command.main(["init"]) == 0
    text = (project / "noxfile.py").read_text("utf-8")
    assert "import nox  # it\nimport nox_ship\n" in text
    assert text.endswith("nox_ship.register()\n")


OWN = """\
import nox

nox.options.sessions = ["lint", "test", "typeguard"]


@nox.session
def lint(session):
    pass


@nox.session(python=["3.12", "pypy3.11"])
def test(session):
    pass


@nox.session
def typeguard(session):
    pass


@nox.session
def docs(session):
    session.run("sphinx-autobuild")


@nox.session
def release(session):
    pass


if __name__ == "__main__":
    nox.main()
"""


def test_sessions_of_the_projects_own_stay(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Our sessions are registered after the project's own, and are renamed if names collide; `init` explains both."""
    pinned = PYPROJECT.replace("\n\n", '\nrequires-python = "==3.11.*"\n\n', 1)
    write_files(project, {"noxfile.py": OWN, "pyproject.toml": pinned})
    assert command.main(["init"]) == 0
    text = (project / "noxfile.py").read_text("utf-8")
    assert text.replace("import nox_ship\n", "").replace("nox_ship.register()\n\n\n", "").endswith(OWN)
    assert "    pass\n\n\nnox_ship.register()\n\n\nif __name__" in text
    told = capsys.readouterr().out
    for words in (
        "lint (yours), typecheck, test (yours), audit\n",
        "our session is called ship-release, because you have a session release",
        "docs: neither plain `nox` nor the CI runs it",
        "typeguard: to run them in a release too",
        "NS841",
        "  nox -s ship-release -- patch --dry-run ",
    ):
        assert words in told
    release = (project / ".github/workflows/release.yml").read_text("utf-8")
    assert 'run: nox -s ship-release -- "$BUMP" --dry-run' in release
    assert "            3.12\n            pypy3.11\n            3.11\n          allow-prereleases: true\n" in release
    assert "coverage" not in load_yaml(release)["jobs"]
    assert command.main(["init", "--check"]) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("'sphinx-autobuild'", "does not end by itself (sphinx-autobuild)"),
        ("'twine', 'upload'", "publish or send something (upload)"),
    ],
)
def test_why_a_session_is_no_gate_is_said(
    project: Path, capsys: pytest.CaptureFixture[str], words: str, why: str
) -> None:
    """`init` says why a session of the project is not a gate, with the word in its code that decides."""
    session = f"@nox.session\ndef docs(session):\n    session.run({words})\n"
    write_files(project, {"noxfile.py": f"import nox\n\n\n{session}"})
    assert command.main(["init"]) == 0
    assert why in capsys.readouterr().out


def test_what_a_noxfile_hides_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init` reports sessions that only running the noxfile would show (NS843), or that follow our call (NS842)."""
    hidden = "import nox\nfrom mine import *\nfor name in 'ab':\n    nox.session(name=name)(print)\n"
    write_files(project, {"noxfile.py": hidden})
    assert command.main(["init"]) == 0
    assert "see line 2, 4" in capsys.readouterr().out
    below = "\n\n@nox.session\ndef tests(session):\n    pass\n\n\n@nox.session\ndef mine(session):\n    pass\n"
    write_files(project, {"noxfile.py": f"import nox\nimport nox_ship\n\nnox_ship.register()\n{below}"})
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    assert "NS842 register-not-last: noxfile.py defines tests below" in told
    assert "NS843" not in told


def test_the_noxfile_is_as_the_projects_tools_want_it(
    project: Path, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    """The project's formatter is applied to the noxfile, unless the result would lose our lines."""
    write_files(project, {"pyproject.toml": f"{PYPROJECT}[tool.ruff]\nline-length = 79\n"})

    def remark(call: Call) -> tuple[int, str]:
        return 0, call.options["stdin"].replace("import nox\n", "import nox  # x\n")

    programs.play("check --fix", reply=remark)
    assert command.main(["init"]) == 0
    assert "import nox  # x\n" in (project / "noxfile.py").read_text("utf-8")
    for lost in ("# ///\n", "nox_ship.register()", "import nox_ship"):
        (project / "noxfile.py").unlink()
        programs.play("check --fix", reply=lambda call, lost=lost: (0, call.options["stdin"].replace(lost, "")))  # type: ignore[misc]
        assert command.main(["init"]) == 0
        assert (project / "noxfile.py").read_text("utf-8") == NEW
    (project / "noxfile.py").unlink()
    programs.answer("check --fix", code=2, stdout="offline")
    capsys.readouterr()
    assert command.main(["init"]) == 0
    assert "ruff could not format noxfile.py, so check its style yourself: offline" in capsys.readouterr().out


def test_a_noxfile_that_needs_more_is_told_how(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If the noxfile imports other packages, `init` names them and shows the block that declares them."""
    (project / "noxfile.py").write_text("import nox\nimport yaml\n", "utf-8")
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    assert "imports yaml." in told
    assert '# dependencies = ["nox", "nox-ship"]' in told


def test_a_noxfile_that_was_changed_by_hand_is_completed(project: Path) -> None:
    """The dependency on nox-ship is added as NS812 advises, and excluded sessions get no jobs."""
    text = (
        '# /// script\n# dependencies = ["nox"]\n# ///\nimport nox\nimport nox_ship\n\n\n@nox.session\n'
        'def tests(session):\n    pass\n\n\nnox_ship.register(exclude=["coverage"])\n'
    )
    (project / "noxfile.py").write_text(text, "utf-8")
    assert command.main(["init"]) == 0
    assert '["nox", "nox-ship"]' in (project / "noxfile.py").read_text("utf-8")
    for name in ("ci", "release"):
        jobs = load_yaml((project / f".github/workflows/{name}.yml").read_text("utf-8"))["jobs"]
        assert "gates" in jobs
        assert "coverage" not in jobs
    assert command.main(["init", "--check"]) == 0


@pytest.mark.parametrize("checker", ["mypy", "pyright", "ty"])
def test_type_checkers_are_told_to_leave_a_new_noxfile_alone(project: Path, checker: str) -> None:
    """A new noxfile tells type checkers to skip it, as their environment lacks nox and nox-ship."""
    write_files(project, {"pyproject.toml": f"{PYPROJECT}[tool.{checker}]\nx = 1\n"})
    assert command.main(["init"]) == 0
    written = (project / "noxfile.py").read_text("utf-8")
    assert written.replace("# type: ignore\n", "", 1) == NEW
    assert written.index("# ///\n# type: ignore\n") < written.index("import nox")


@pytest.mark.parametrize(
    ("run", "told"),
    [
        ("mypy .", True),
        ("mypy src noxfile.py", True),
        ("pyright", True),
        ("mypy src", False),
        ("mypy", False),
        ("mypy --ignore-missing-imports .", False),
        ("pyright src", False),
    ],
)
def test_a_type_checker_of_the_noxfile_is_told_of_our_line(project: Path, run: str, told: bool) -> None:
    """If CI type-checks an existing noxfile, our import gets a comment to ignore it."""
    workflow = f"on: push\njobs: {{a: {{steps: [{{run: {run}}}]}}}}\n"
    own = "import nox\n\n\n@nox.session\ndef mine(session): ...\n"
    write_files(project, {".github/workflows/test.yml": workflow, "noxfile.py": own, "src/sample/__init__.py": ""})
    assert command.main(["init"]) == 0
    written = (project / "noxfile.py").read_text("utf-8")
    assert ("import nox_ship  # type: ignore[import-not-found,unused-ignore]\n" in written) is told
    assert "nox_ship.register()" in written


def test_pytest_may_have_to_be_told_of_the_noxfile(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If pytest runs doctests in all modules, `init` suggests ignoring the new noxfile."""
    options = '[tool.pytest.ini_options]\naddopts = "--doctest-modules"\n'
    write_files(project, {"pyproject.toml": PYPROJECT + options, "tests/test_a.py": ""})
    assert command.main(["init"]) == 0
    assert "add `--ignore=noxfile.py`" in capsys.readouterr().out
    assert command.main(["init"]) == 0
    assert "add `--ignore=noxfile.py`" not in capsys.readouterr().out
