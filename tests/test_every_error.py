"""Every error must occur in a test; this file has the tests for errors without a better place."""

from __future__ import annotations

import errno
import importlib
import json
import os
import pkgutil
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nox
import pytest

import nox_ship
from fakes import Programs, Yard
from loopback import Loopback, Reply
from nox_ship import documents, environments, files, publishing, sessions
from nox_ship.command import main
from nox_ship.errors import KINDS, ShipError
from nox_ship.gates import audit
from nox_ship.setup import github
from nox_ship.setup.doctor import _tools
from nox_ship.world.forge import Job
from nox_ship.world.trusted import TrustedPublisher
from support import each, make_project, write_files

TESTS = Path(__file__).parent
STATIC = '[project]\nname = "sample"\nversion = "1.2.3"\n'


def test_every_error_stands_in_a_test() -> None:
    """The ID of every error occurs in the code of a test, not only in a docstring or in the test of the kinds."""
    for module in pkgutil.walk_packages(nox_ship.__path__, "nox_ship."):
        importlib.import_module(module.name)
    tests = (path for path in TESTS.rglob("*.py") if path.name != "test_errors.py")
    code = (re.sub(r'^ *"""[^"]*"""$', "", path.read_text("utf-8"), flags=re.MULTILINE) for path in tests)
    told = {number for text in code for number in re.findall(r"NS\d{3}", text)}
    missing = sorted(set(KINDS) - told)
    assert missing == [], "write a test that names these IDs, and fails without the code that reports them"


def test_an_audit_whose_dependencies_cannot_be_resolved_fails(tmp_path: Path, programs: Programs) -> None:
    """If the dependencies cannot be resolved, the audit fails with NS424 and shows the tool's output."""
    programs.answer("pip compile", code=1, stdout="no such version")
    with pytest.raises(ShipError, match="NS424") as caught:
        audit.dependencies(make_project(tmp_path, STATIC), tmp_path, tmp_path)
    assert caught.value.findings[0].detail == "no such version"


@pytest.mark.slow
def test_a_publish_session_goes_to_its_own_index(yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`publish-prod -- --to testpypi` is refused with NS757."""
    monkeypatch.setenv("NOX_SHIP_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ShipError, match=r"NS757.*PyPI.*testpypi"):
        publishing.publish(yard.project, ["--to", "testpypi"], "publish-prod", "pypi")


def test_a_noxfile_that_is_there_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If there is a noxfile already, `receive` stops with NS817 before it unpacks anything."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path, {"noxfile.py": "import nox\n"})
    assert main(["receive", "artifact"]) == 1
    assert "NS817" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["noxfile.py"]


def test_a_machine_without_git_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If git is not installed, `doctor` reports NS826."""
    monkeypatch.setenv("PATH", str(tmp_path))
    patient: Any = None
    found = [told for told in _tools(patient) if not isinstance(told, str)]
    assert [finding.id for finding in found] == ["NS826"]


LOOSE = """\
on: {push: {tags: ["v*"]}}
permissions: {id-token: write}
jobs:
  publish:
    environment: pypi
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
"""
NO_ENVIRONMENT = LOOSE.replace("permissions: {id-token: write}\n", "").replace(
    "environment: pypi", "permissions: {id-token: write}"
)


@pytest.mark.parametrize("workflow", [LOOSE, NO_ENVIRONMENT])
def test_a_workflow_that_lets_everybody_publish_is_told(tmp_path: Path, workflow: str) -> None:
    """NS833 reports a publishing workflow that has no environment, or gives the identity to every job."""
    write_files(tmp_path, {".github/workflows/release.yml": workflow})
    patient: Any = SimpleNamespace(repository=SimpleNamespace(path=tmp_path), tag="v1.2.3")
    found = [told for told in github._publishing_jobs(patient) if not isinstance(told, str)]
    assert [finding.id for finding in found] == ["NS833"]


class FakeSession:
    """A nox session that raises the error that it ends with."""

    name = "lint"
    virtualenv = SimpleNamespace(_reused=False)

    def error(self, *words: object) -> None:
        """Raise the error."""
        raise nox.command.CommandFailed(" ".join(map(str, words)))

    def log(self, *_: object) -> None:
        """Print nothing."""

    warn = log


def test_a_tool_that_cannot_be_installed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """NS438 reports a tool that cannot be installed; in a gate of level warning, it is only a warning."""

    class Offline(FakeSession):
        def install(self, *_: str) -> None:
            raise nox.command.CommandFailed("exit code 2")

        def warn(self, *words: object) -> None:
            print("warned", *words)

    session: Any = Offline()
    with pytest.raises(ShipError, match=r"NS438.*griffe>=1"), sessions._levelled(session, "error"):
        environments.tool(session, "griffe>=1")
    with sessions._levelled(session, "warning"):
        environments.tool(session, "griffe>=1")
    assert "warned NS438 tool-not-installed: griffe>=1 could not be installed." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, "NS802"), (errno.EDQUOT, "NS802"), (errno.EACCES, "NS903")]
)
def test_what_the_system_refuses_is_told(number: int, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """NS802 reports a full disk, and NS903 other errors of the operating system, without a traceback."""
    session: Any = FakeSession()
    with pytest.raises(BaseException) as caught, sessions._errors_shown(session):
        raise OSError(number, os.strerror(number), "some/file")
    text = f"{caught.value} {capsys.readouterr().out}"
    assert expected in text
    assert "some/file" in text


def test_a_file_that_nobody_wrote_is_not_read(tmp_path: Path) -> None:
    """NS312 refuses a file that is too large, and a link to a device is not opened."""
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(documents.MOST + 1)
    with pytest.raises(ShipError, match="NS312"):
        documents.read_bytes(tmp_path / "large")
    (tmp_path / "device").symlink_to("/dev/zero")
    assert documents.read_bytes(tmp_path / "device") is None


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NS312 reports a file that cannot be opened, with the operating system's reason."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    write_files(tmp_path, {"a": ""})
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ShipError, match=r"NS312.*Permission denied"):
        documents.read_bytes(tmp_path / "a")


def test_an_error_of_the_system_is_told_in_its_words() -> None:
    """A finding about an operating system error contains its message, and its file if there is one."""
    assert files.explained(OSError(errno.ENOSPC, "No space", "a.txt")).findings[0].what == "a.txt: No space."
    assert files.explained(OSError("timed out")).findings[0].what == "timed out."


JOB = {
    "GITHUB_SERVER_URL": "http://127.0.0.1:1",
    "GITHUB_API_URL": "http://127.0.0.1:1",
    "GITHUB_REPOSITORY": "acme/sample",
    "GITHUB_WORKFLOW_REF": "acme/sample/.github/workflows/release.yml@refs/heads/main",
    "GITHUB_RUN_ID": "7",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": "0" * 40,
    "GITHUB_TOKEN": "x",
}


@each("missing", sorted(JOB))
def test_a_cut_release_is_pushed_by_a_job_alone(missing: str) -> None:
    """NS763 names the variable of a GitHub Actions job that is missing."""
    assert Job.of(JOB).workflow == "release.yml"
    with pytest.raises(ShipError, match=f"NS763.*{missing}"):
        Job.of({**JOB, missing: ""})


def test_a_workflow_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """If GitHub does not start the workflow, NS764 says so; redirects are not followed with the token."""
    monkeypatch.setattr("nox_ship.world.forge._PAUSES", (0.0,))
    with pytest.raises(ShipError, match="NS764"):
        Job.of(JOB).start("v1.2.3", "pypi")
    for reply in (Reply(status=403), Reply(status=307, headers={"Location": "/elsewhere"})):
        with Loopback(lambda _, reply=reply: reply) as server:  # type: ignore[misc]
            with pytest.raises(ShipError, match=f"NS764.*{reply.status}"):
                Job.of({**JOB, "GITHUB_API_URL": server.url}).start("v1.2.3", "pypi")
            assert len(server.asked) == 1
    replies = iter([Reply(status=422), Reply(status=204)])
    with Loopback(lambda _: next(replies)) as server:
        Job.of({**JOB, "GITHUB_API_URL": server.url}).start("v1.2.3", "pypi")
        body = json.loads(server.asked[-1].body)
    assert body == {"ref": "refs/tags/v1.2.3", "inputs": {"target": "pypi", "run": "7"}}


def test_an_index_that_is_silent_about_trusted_publishing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the index cannot be reached to ask about trusted publishing, NS739 says so."""
    monkeypatch.setenv("CI", "1")
    with pytest.raises(ShipError, match="NS739"):
        TrustedPublisher.of("PyPI", "https://127.0.0.1:1/legacy/", os.environ)
