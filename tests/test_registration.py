"""Registering our sessions with nox next to those of a noxfile, and reading a noxfile without running it."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import nox
import pytest

from nox_ship import naming, registration, sessions
from nox_ship.gates import loaded
from nox_ship.gates.noxfile import taken
from nox_ship.gates.own import FURTHER, GATES, PIPELINE, Own
from nox_ship.project import Project
from nox_ship.setup.noxfile import Noxfile
from registering import PYPROJECT, Load

BELOW = "\n\nimport nox_ship\n\nnox_ship.register()\n"
TESTS = "import nox\n\n\n@nox.session(python=['3.11', '3.12'])\ndef tests(session):\n    session.run('pytest')\n"
PLAIN = "import nox\n\n\n@nox.session\ndef {name}(session):\n    pass\n"


def test_ours_are_registered_in_a_noxfile_without_others(load: Load) -> None:
    """All our sessions are registered, and registering them twice changes nothing."""
    assert tuple(load(f"{BELOW}nox_ship.register()\n")) == (*GATES, *FURTHER, *PIPELINE)


def test_a_gate_that_the_settings_leave_out_is_none(load: Load) -> None:
    """A gate that the settings leave out is not run by plain `nox`, and has no tag `gate`."""
    found = load(BELOW, pyproject=f'{PYPROJECT}[tool.nox-ship]\ngates = ["tests"]\n')
    assert [name for name, one in found.items() if one.default] == [name for name in found if name.startswith("tests")]
    assert (found["coverage"].default, found["coverage"].tags) == (False, [])


def test_further_gates_are_gates_where_a_setting_says_so(load: Load) -> None:
    """An optional gate becomes a gate by its own setting, or by its name in `gates`."""
    found = load(BELOW)
    assert (found["lowest"].default, found["lowest"].tags) == (False, [])
    found = load(BELOW, pyproject=f"{PYPROJECT}[tool.nox-ship]\nlowest = 'warning'\n")
    assert (found["lowest"].default, found["lowest"].tags) == (True, ["gate"])
    assert registration.loaded_sessions().decision.gates == (*GATES, "lowest")
    found = load(BELOW, pyproject=f"{PYPROJECT}[tool.nox-ship]\ngates = ['lint', 'api']\nlowest = 'error'\n")
    assert found["api"].default
    assert registration.loaded_sessions().decision.gates == ("lint", "api", "lowest")


@pytest.mark.parametrize("place", ["{theirs}{ours}", "import nox{ours}{theirs}"])
def test_sessions_that_are_called_as_further_gates_are_theirs(load: Load, place: str) -> None:
    """A project's own session `api` is left alone and is not a gate, wherever the noxfile defines it."""
    text = place.format(ours=BELOW, theirs=PLAIN.format(name="api"))
    with warnings.catch_warnings(action="ignore"):  # nox warns if their session comes last
        found = load(text)
    assert found["api"].tags == []
    assert registration.loaded_sessions().decision.gates == GATES
    assert registration.loaded_sessions().late == ()


def test_a_further_gate_beside_theirs_has_another_name(load: Load) -> None:
    """If the noxfile has a session `api`, ours is `ship-api`, with NS812; one defined later is reported as late."""
    on = f"{PYPROJECT}[tool.nox-ship]\napi = 'warning'\n"
    found = load(PLAIN.format(name="api") + BELOW, pyproject=on)
    assert found["ship-api"].tags == ["gate"]
    assert registration.loaded_sessions().decision.gates == (*GATES, "ship-api")
    assert [str(told)[:5] for told in taken(registration.loaded_sessions().decision)] == ["NS812"]
    with pytest.warns(FutureWarning, match="already been registered"):
        load(f"import nox{BELOW}{PLAIN.format(name='api')}", pyproject=on)
    assert registration.loaded_sessions().late == ("api",)


def test_the_lowest_versions_are_for_the_oldest_python_that_is_here(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session `lowest` looks for the oldest installed Python, but only when nox is asked to run that session."""
    asked = []

    def look(python: str) -> str | None:
        asked.append(python)
        return python if python == "3.12" else None

    monkeypatch.setattr("nox_ship.pythons.interpreter", look)
    text = f"{PYPROJECT}[tool.nox-ship]\npythons = ['3.11', '3.12', '3.13']\n"
    assert load(BELOW, pyproject=text)["lowest"].python == "3.11"
    assert asked == []
    monkeypatch.setattr(sys, "argv", ["nox", "-s", "lowest"])
    assert load(BELOW, pyproject=text)["lowest"].python == "3.12"
    assert asked == ["3.11", "3.12"]


def test_theirs_replace_ours_and_are_gates(load: Load) -> None:
    """A noxfile's session `tests` replaces ours: it keeps its Pythons, is a gate, and is required by `coverage`."""
    found = load(f"{TESTS}{BELOW}", pyproject=f"{PYPROJECT}[tool.nox-ship.coverage]\nrun = 'x'\n")
    assert found["tests"].func.__name__ == "tests"
    assert found["tests"].tags == ["gate"]
    assert found["coverage"].requires == ["tests"]
    assert loaded.pythons(found)["tests"] == ["3.11", "3.12"]
    assert registration.loaded_sessions().decision.gates == GATES
    assert {"tests", "tests-3.11", "tests-3.12"} <= registration.loaded_sessions().names


def test_theirs_of_another_name_take_the_place_of_ours(load: Load) -> None:
    """A session `unit` replaces our `tests`; `coverage` is then not a gate, as it has nothing to combine."""
    found = load(PLAIN.format(name="unit") + BELOW)
    assert "tests" not in found
    assert found["unit"].tags == ["gate"]
    assert registration.loaded_sessions().decision.gates == ("lint", "typecheck", "unit", "audit")
    assert (found["coverage"].requires, found["coverage"].default, found["coverage"].tags) == ([], False, [])
    assert registration.unmeasured() == registration.decision(None)
    load(BELOW)
    assert registration.unmeasured() is None


def test_arguments_for_coverage_do_not_reach_the_tests(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """With arguments, `coverage` does not require `tests`, because pytest would receive the same arguments."""
    assert load(BELOW)["coverage"].requires == ["tests"]
    monkeypatch.setattr(sys, "argv", ["nox", "-s", "coverage", "--", "--show-missing"])
    found = load(BELOW)
    assert found["coverage"].requires == []
    assert found["publish"].requires == ["verify-install"]


def test_a_session_that_is_asked_for_its_help_runs_no_other_first(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--help`, a session requires no other one, which would show its own help and end nox."""
    monkeypatch.setattr(sys, "argv", ["nox", "-s", "publish", "--", "--help"])
    assert load(BELOW)["publish"].requires == []


def test_ours_that_the_pipeline_needs_have_other_names_then(load: Load) -> None:
    """If a noxfile has a session of our name, ours gets the prefix `ship-`, also in requirements and descriptions."""
    text = PLAIN.format(name="build") + PLAIN.format(name="release") + PLAIN.format(name="matrix")
    found = load(text + BELOW)
    assert {"build", "ship-build", "release", "ship-release", "ship-matrix", "verify-install"} <= set(found)
    assert found["build"].requires == found["release"].requires == []
    assert found["publish"].requires == ["verify-install"]
    found["verify-install"].python = "3.12"  # nox resolves requirements for one Python
    assert found["verify-install"].requires == ["ship-build"]
    assert "`nox -s ship-release -- patch --dry-run`" in (found["ship-release"].func.__doc__ or "")
    assert naming.registered("release") == "ship-release"


def test_what_is_excluded_must_be_there(load: Load) -> None:
    """Excluding an unknown session is an error, because a misspelt name would leave a session in."""
    with pytest.raises(ValueError, match=r"exclude names linnt; nox-ship has lint, "):
        load(BELOW.replace("register()", 'register(exclude=["linnt", "lint"])'))


def test_what_is_excluded_is_not_registered_by_another_name(load: Load) -> None:
    """An excluded session is not registered under a `ship-` name either."""
    text = PLAIN.format(name="release") + BELOW.replace("register()", 'register(exclude=["release", "lint"])')
    found = load(text)
    assert not {"ship-release", "lint"} & set(found)
    assert naming.registered("release") == "release"


def test_settings_choose_the_gates(load: Load) -> None:
    """A session named in `gates` replaces ours for the same purpose, even if nox does not run it by default."""
    chosen = f'{PYPROJECT}[tool.nox-ship]\ngates = ["lint", "unit", "mine"]\n'
    idle = PLAIN.replace("session\n", "session(default=False)\n", 1).format(name="unit")
    found = load(idle + BELOW, pyproject=chosen)
    assert "tests" not in found
    assert "lint" in found
    assert registration.loaded_sessions().decision.gates == ("lint", "unit", "mine")
    found = load(PLAIN.format(name="linting") + BELOW, pyproject=chosen)
    assert {"lint", "linting", "tests"} <= set(found)


def test_what_ci_runs_is_looked_up(load: Load) -> None:
    """A session that nox does not run by default is a gate if CI runs it."""
    text = PLAIN.format(name="docs").replace("session\n", "session(default=False)\n", 1) + BELOW
    assert "docs" not in load(text)["lint"].tags
    assert "docs" not in registration.loaded_sessions().decision.gates
    load(text, {".github/workflows/ci.yml": "run: nox -s docs\n"})
    assert registration.loaded_sessions().decision.gates == (*GATES, "docs")


def test_sessions_below_the_call_are_noticed(load: Load) -> None:
    """A session defined below `register()` is reported as late if it redefines ours or would have been a gate."""
    text = f"import nox{BELOW}"
    load(text + "".join(PLAIN.format(name=name) for name in ("mine", "test", "docs-live".replace("-", "_"))))
    assert registration.loaded_sessions().late == ("test",)
    with pytest.warns(FutureWarning, match="already been registered"):
        load(text + PLAIN.format(name="tests") + PLAIN.format(name="release"))
    assert registration.loaded_sessions().late == ("tests", "release")
    load(PLAIN.format(name="test") + BELOW)
    assert registration.loaded_sessions().late == ()


def test_a_broken_project_does_not_hide_sessions(load: Load) -> None:
    """Our sessions are registered even if the settings are invalid or pyproject.toml is not TOML."""
    found = load(PLAIN.format(name="build") + BELOW, pyproject="[tool.nox-ship]\ngates = 3\n")
    assert "ship-build" in found
    found = load(BELOW, pyproject="not TOML")
    assert set(found) == {*GATES, *FURTHER, *PIPELINE}


PARAMETERS = """\
import nox


@nox.session
@nox.parametrize("python", ["3.11", "pypy3.10"])
@nox.parametrize("x", [1, 2])
def test(session, x):
    pass


@nox.session(python="3.12")
@nox.parametrize("x", [{}, 2])
def docs(session, x):
    pass


@nox.session(python=["3.11", "3.12"])
@nox.parametrize("python", ["a"])
def lint(session, python):
    pass


@nox.session
@nox.parametrize("python", ["a"])
def spell(session, python):
    pass


@nox.session(python=False)
@nox.parametrize("python", ["3.11"])
def links(session):
    pass
"""


def test_parameters_are_jobs_and_requirements(load: Load) -> None:
    """Each run on a Python that parameters choose is a job, and is required by its own name."""
    found = load(PARAMETERS + BELOW, {"x.cfg": ""}, f'{PYPROJECT}[tool.nox-ship.coverage]\nrun = "x"\n')
    runs = loaded.pythons(found)
    assert runs["docs"] == "3.12"
    assert runs["lint"] == ["3.11", "3.12"]
    assert runs["spell"] is None
    assert loaded.signatures("links", found["links"]) == {"links": None, "links(python='3.11')": None}
    assert isinstance(runs["test"], dict)
    assert sorted(runs["test"].items()) == sorted(
        (f"test(x={x}, python='{python}')", python) for x in (1, 2) for python in ("3.11", "pypy3.10")
    )
    assert sorted(found["coverage"].requires) == sorted(runs["test"])
    assert loaded.required(found, ["docs", "lint", "gone"]) == ["docs(x=2)", "lint", "gone"]
    assert {
        "docs-3.12(x=2)",
        "lint-3.11(python='a')",
        "test(x=1, python='3.11')",
    } <= registration.loaded_sessions().names


def test_in_a_release_coverage_of_theirs_waits_for_their_tests(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a release, a noxfile's `coverage` runs after its `tests`, unless `tests` requires it; by hand, it does not."""
    text = TESTS + PLAIN.format(name="coverage") + BELOW
    assert load(text)["coverage"].requires == []
    monkeypatch.setattr(registration, "_in_release", True)
    assert load(text)["coverage"].requires == ["tests"]
    assert vars(nox.Session)["notify"] is registration._not_notified
    circle = text.replace("@nox.session(python=", "@nox.session(requires=['coverage'], python=False and ")
    assert load(circle)["coverage"].requires == []


NOXFILES = {
    "plain": TESTS,
    "options": "import nox\n\nnox.options.sessions = 'lint', 'test-3.12'\n"
    + "".join(PLAIN.format(name=name) for name in ("lint", "test", "docs")),
    "names": """\
from nox import session as task, options as o
o.sessions = ["type-check"]

@task(name="type-check", python="3.12")
def f(s):
    s.run("mypy")

@task
def docs(s):
    s.run("x")
""",
    "tags": """\
import nox as n
n.options.tags = ["x"]

@n.session(tags=["x"])
def docs(s):
    "serve"
    "serve"
    s.run("a b")

@n.session
def test(s):
    pass
""",
    "helpers": """\
import nox

def run(session, *args):
    session.run("mkdocs", *args)

@nox.session
def docs(session):
    run(session, "serve")

@nox.session()
def docs_build(session):
    run(session, "build")
""",
    "wrapper": """\
import nox
nox.options.sessions = []

def session(default=True, **words):
    def made(f):
        if default:
            nox.options.sessions.append(words.get("name", f.__name__))
        return nox.session(**words)(f)
    return made

@session(name="style")
def x(session):
    pass

@session()
def release(session):
    pass
""",
    "partial": """\
import functools, nox
task = functools.partial(nox.session, python=False)

@task
def build(s):
    pass

@task(default=False)
def docs(s):
    pass
""",
    "conditional": """\
import nox
try:
    from nox_nowhere import session
except ImportError:
    session = nox.session
if True:
    @session
    def lint(s):
        for word in ["a", ("b c", "d")]:
            s.run(f"{word}e f")
""",
    "called": """\
import nox

@nox.session
def lint(s):
    pass

@nox.session
def docs(s):
    lint(s)
    s.run(*"x --watch".split())
""",
    "asked": """\
import nox

@nox.session(default=False)
def docs(s):
    s.run("x", "--serve")
""",
}


@pytest.mark.parametrize("name", NOXFILES)
def test_the_text_tells_what_nox_loads(load: Load, name: str, tmp_path: Path) -> None:
    """Reading a noxfile finds the same sessions and the same gates as running it."""
    registry = load(NOXFILES[name], {".github/workflows/x.yml": "run: nox -s docs\n" if name == "asked" else ""})
    project = Project.read(tmp_path)
    read = Noxfile.read(NOXFILES[name])
    ran = loaded.own_sessions(registry, {}, nox.options)

    def plain(own: tuple[Own, ...]) -> list[tuple[str, bool]]:
        return sorted((one.name, one.default) for one in own)

    assert plain(read.written.sessions) == plain(ran)
    assert read.decided(project) == loaded.decided(registry, {}, nox.options, project, (*GATES, *PIPELINE))
    words = {one.name: one.words for one in ran}
    assert {one.name: one.words for one in read.written.sessions} == words


@pytest.mark.parametrize("listens", [True, False])
@pytest.mark.parametrize("released", [True, False])
def test_tests_that_listen_on_a_fixed_port_run_alone_in_a_release(
    load: Load, monkeypatch: pytest.MonkeyPatch, listens: bool, released: bool
) -> None:
    """In a release, `tests` runs alone if it listens on a fixed port; all other sessions stay parallel."""
    monkeypatch.setattr(registration, "_in_release", released)
    server = "from http.server import HTTPServer\nHTTPServer(('', 8000), None)\n" if listens else ""
    found = load(BELOW, {"tests/conftest.py": server, "tests/test_a.py": ""})
    alone = {name for name, func in found.items() if not func.allow_parallel}
    assert alone == ({"tests"} if listens and released else set())


def test_logs_of_libraries_stay_out_of_noxs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nox's output shows only errors of what libraries log, but everything that nox itself logs."""
    stream = io.StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [logging.StreamHandler(stream)])
    monkeypatch.setattr(root, "level", logging.DEBUG)
    sessions._prepare(cast("nox.Session", SimpleNamespace(parallel=False)))
    logging.getLogger("markdown_it.rules_block").debug("entering")
    logging.getLogger("urllib3").warning("again")
    logging.getLogger("nox").info("Running session")
    logging.getLogger("keyring").error("broken")
    assert stream.getvalue().splitlines() == ["Running session", "broken"]
