from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nox.virtualenv import _get_python_discovery_cache

from fakes import Call, Programs
from nox_ship import process
from nox_ship.cache import hide_from_git
from nox_ship.errors import ShipError
from nox_ship.process import COMMAND_MISSING
from nox_ship.pythons import interpreter, stable
from nox_ship.setup import doctor
from nox_ship.setup.survey import Survey
from support import make_repository, write_files

LISTED = """\
cpython-3.16.0a2-linux-x86_64-gnu                 <download available>
cpython-3.16.0a2+freethreaded-linux-x86_64-gnu    <download available>
cpython-3.15.0rc3-macos-aarch64-none              <download available>
cpython-3.14.0-linux-x86_64-gnu                   <download available>
cpython-3.14.0+freethreaded-linux-x86_64-gnu      <download available>
cpython-3.9.25-windows-x86_64-none                <download available>
cpython-3.10.22-linux-x86_64-gnu                  <download available>
cpython-3.10.22-linux-x86_64-musl                 <download available>
cpython-2.7.18-linux-x86_64-gnu                   <download available>
pypy-3.11.17-linux-x86_64-gnu                     <download available>
graalpy-3.12.0-linux-x86_64-gnu                   <download available>
"""
KNOWN = ("3.9", "3.10", "3.14")


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs) -> Path:
    """Return a file that stands in for uv, with an empty cache."""
    path = tmp_path / "uv"
    path.write_bytes(b"")
    monkeypatch.setattr(process, "uv", lambda: str(path))
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    programs.answer("python list", stdout=LISTED)
    return path


def asked() -> tuple[str, ...]:
    """Return the released Pythons as a new process would see them."""
    stable.cache_clear()
    return stable()


@pytest.mark.usefixtures("uv")
def test_a_version_is_stable_once_it_has_a_final_release(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pythons with a final release of CPython 3 are listed; uv is asked offline and without the user's settings."""
    monkeypatch.setenv("UV_PYTHON_PREFERENCE", "only-system")
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", "https://example.invalid/")
    monkeypatch.setenv("ANYTHING", "x")
    assert asked() == KNOWN
    (call,) = programs.calls
    assert {"--offline", "--no-config", "--only-downloads", "--all-platforms"} <= set(call.line)
    assert (
        call.env.items()
        >= {"UV_PYTHON_PREFERENCE": None, "UV_PYTHON_DOWNLOADS_JSON_URL": None, "ANYTHING": None}.items()
    )
    assert "PATH" not in call.env


def test_uv_is_asked_once(uv: Path, programs: Programs) -> None:
    """uv is asked once, and again only after uv itself has been replaced."""
    assert asked() == asked() == stable() == KNOWN
    assert len(programs.calls) == 1
    uv.write_bytes(b"newer")
    programs.answer("python list", stdout="cpython-3.20.0-x")
    assert asked() == ("3.20",)
    assert len(programs.calls) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"stable": []},
        {"stable": "3.9"},
        {"stable": ["3.9", "../x"]},
        {"stable": ["3.9", 5]},
        {"stable": None},
        {"uv": []},
        {"uv": None},
    ],
)
@pytest.mark.usefixtures("uv")
def test_a_record_that_is_none_is_made_anew(tmp_path: Path, programs: Programs, change: dict[str, object]) -> None:
    """A cache with values of the wrong type is ignored and replaced."""
    asked()
    record = tmp_path / "cache" / "pythons.json"
    whole = record.read_text("utf-8")
    record.write_text(json.dumps({**json.loads(whole), **change}), "utf-8")
    assert asked() == KNOWN
    assert record.read_text("utf-8") == whole
    assert len(programs.calls) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 20_000])
@pytest.mark.usefixtures("uv")
def test_what_is_no_record_is_written_over(tmp_path: Path, content: bytes) -> None:
    """A cache file that is not a JSON object is replaced."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "pythons.json").write_bytes(content)
    assert asked() == KNOWN
    assert json.loads((tmp_path / "cache" / "pythons.json").read_bytes())["stable"] == list(KNOWN)


@pytest.mark.usefixtures("uv")
def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, programs: Programs) -> None:
    """If the cache cannot be written, uv is asked each time."""
    (tmp_path / "cache").write_bytes(b"")
    assert asked() == asked() == KNOWN
    assert len(programs.calls) == 2


@pytest.mark.usefixtures("uv")
def test_without_an_answer_none_is_known(tmp_path: Path, programs: Programs) -> None:
    """If uv fails, no Pythons are known, and the failure is not cached."""

    def missing(_: Call) -> tuple[int, str]:
        raise ShipError(COMMAND_MISSING("There is no program."))

    programs.answer("python list", code=2)
    assert asked() == ()
    programs.play("python list", reply=missing)
    assert asked() == ()
    assert not (tmp_path / "cache").exists()


def test_without_a_uv_none_is_known(uv: Path, programs: Programs) -> None:
    """Without uv, no Pythons are known, and no program is started."""
    uv.unlink()
    assert asked() == ()
    assert programs.calls == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", "3.12"),
        ('requires-python = ">=3.12"\n', "3.12, 3.13 (released, and allowed by >=3.12)"),
        ('requires-python = ">=3.9"\nclassifiers = ["Programming Language :: Python :: 3.10"]\n', "3.10"),
    ],
)
def test_a_survey_says_where_the_pythons_come_from(tmp_path: Path, more: str, expected: str) -> None:
    """The survey says that the Pythons come from the range if it is what determines them."""
    text = f'[project]\nname = "sample"\nversion = "1.0"\n{more}'
    survey = Survey.of(make_repository(tmp_path / "project", {"pyproject.toml": text}).path, "3.12")
    assert dict(survey.lines())["Pythons"] == expected


@pytest.mark.parametrize(
    ("named", "here", "expected"),
    [
        (("3.11", "3.12", "3.13"), {"3.11"}, ["installed: 3.11", "error Python 3.12 ", "error Python 3.13 "]),
        ((), {"3.11"}, ["installed: 3.11", "warning These Pythons are not installed: 3.12, 3.13."]),
        ((), set(), ["error Python 3.11 ", "error Python 3.12 ", "error Python 3.13 "]),
        ((), {"3.11", "3.12", "3.13"}, ["installed: 3.11, 3.12, 3.13"]),
    ],
)
def test_doctor_asks_for_one_python_of_a_range(
    monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...], here: set[str], expected: list[str]
) -> None:
    """In CI, `doctor` needs one Python of a range, but all Pythons that the project names."""
    monkeypatch.setattr("nox_ship.pythons.interpreter", lambda version: version if version in here else None)
    project = SimpleNamespace(named_pythons=named)
    survey = SimpleNamespace(pythons=("3.11", "3.12", "3.13"), project=project)
    patient: Any = SimpleNamespace(survey=survey, in_ci=True)
    told = [t if isinstance(t, str) else f"{t.level} {t.what.partition('is')[0]}" for t in doctor._pythons(patient)]
    assert told == expected


@pytest.mark.usefixtures("uv")
def test_what_is_kept_in_a_project_makes_nothing_dirty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder inside a project does not make it dirty, and the project gets no .gitignore."""
    repository = make_repository(tmp_path / "project")
    monkeypatch.chdir(repository.path)
    monkeypatch.setenv("NOX_SHIP_CACHE", ".cache/ship")
    assert asked() == KNOWN
    assert (repository.path / ".cache" / "ship" / "pythons.json").is_file()
    assert repository.changes() == []
    assert not (repository.path / ".gitignore").exists()


def test_a_cache_outside_a_repository_is_left_as_it_is(tmp_path: Path) -> None:
    """No .gitignore is written outside a repository, at its top, or into a project's own folder."""
    hide_from_git(tmp_path)
    assert list(tmp_path.iterdir()) == []
    repository = make_repository(tmp_path / "outer")
    write_files(repository.path / "inner", {"pyproject.toml": ""})
    for folder in (repository.path, repository.path / "inner"):
        hide_from_git(folder)
        assert not (folder / ".gitignore").exists()


def test_a_python_that_is_looked_for_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """No interpreter that is started in the search for a Python gets credentials."""
    monkeypatch.setenv("PYPI_API_TOKEN", "x")
    given: list[dict[str, str]] = []

    def look(version: str, env: dict[str, str], **_: object) -> SimpleNamespace | None:
        given.append(env)
        return SimpleNamespace(executable="/a/python") if version == "3.12" else None

    monkeypatch.setattr("python_discovery.get_interpreter", look)
    assert [interpreter("3.12"), interpreter("3.13")] == ["/a/python", None]
    assert not any("PYPI_API_TOKEN" in env for env in given)
    assert all("PATH" in env for env in given)


def test_what_a_python_says_of_itself_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data about interpreters are cached where nox caches them; if that is not writable, they are not cached."""
    kept: list[Path | None] = []

    def look(_: str, *, env: object, cache: Any = None) -> SimpleNamespace | None:  # noqa: ARG001 - the real signature
        kept.append(cache and cache._root)
        if cache and len(kept) > 1:
            raise PermissionError
        return SimpleNamespace(executable="/a/python")

    monkeypatch.setattr("python_discovery.get_interpreter", look)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    assert interpreter("3.12") == interpreter("3.12") == "/a/python"
    ours, _, none = kept
    assert none is None
    _get_python_discovery_cache.cache_clear()
    theirs = _get_python_discovery_cache()
    _get_python_discovery_cache.cache_clear()
    assert theirs
    assert ours == theirs._root
