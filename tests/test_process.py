from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from nox_ship import lifeline, process
from nox_ship.errors import Kind, ShipError
from support import each

SHOW_ENVIRONMENT = "import os; print(*sorted(os.environ), sep='\\n')"


def python(code: str) -> list[str]:
    """Return a command line that runs ``code`` quickly."""
    return [sys.executable, "-S", "-E", "-c", code]


@each(
    "name",
    [
        "TOKEN",
        "GITHUB_TOKEN",
        "github_token",
        "PYPI_API_TOKEN",
        "POETRY_PYPI_TOKEN_PYPI",
        "AWS_SECRET_ACCESS_KEY",
        "DJANGO_SECRET_KEY",
        "DB_PASSWORD",
        "UV_INDEX_PRIVATE_PASSWORD",
        "GPG_PASSPHRASE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "SOME_API_KEY",
        "APIKEY",
        "GITLAB_PAT",
        "CI_JOB_JWT_V2",
        "HATCH_INDEX_AUTH",
        "TWINE_USERNAME",
        "UV_PUBLISH_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "PGPASSWORD",
        "MYSQL_PWD",
        "DB_PASS",
    ],
)
def test_variables_with_the_name_of_a_secret_are_secrets(name: str) -> None:
    """Common names of credentials are recognized in any spelling."""
    assert process.secret_names({name: "x"}) == [name]


@each(
    "name",
    [
        "PATH",
        "PYTHONPATH",
        "HOME",
        "PWD",
        "OLDPWD",
        "SSH_CONNECTION",
        "XAUTHORITY",
        "GIT_AUTHOR_NAME",
        "AWS_REGION",
        "SSH_PUBLIC_KEY",
        "MONKEY",
        "TOKENIZERS_PARALLELISM",
        "COMPATIBILITY",
        "AUTHOR",
        "KEYBOARD",
        "XDG_SESSION_ID",
        "PYTEST_ADDOPTS",
        "CI",
        "GITHUB_ACTIONS",
    ],
)
def test_everyday_variables_are_no_secrets(name: str) -> None:
    """Variables that programs usually need are not taken for secrets."""
    assert process.secret_names({name: "/usr/bin"}) == []


@each(
    "value",
    [
        "pypi-AgEIcHlwaS5vcmcCJDExMTEx",
        " ghp_0123456789abcdefghij\n",
        "ghs_0123456789abcdefghij",
        "github_pat_11ABCDEFG0123456789_abc",
    ],
)
def test_values_in_the_form_of_a_token_are_secrets(value: str) -> None:
    """A token is recognized by its value, whatever the name of its variable."""
    assert process.secret_names({"HARMLESS": value}) == ["HARMLESS"]


@each("value", ["", "pypi-", "pypi-mirror", "pypi-server for tests, see the docs", "ghp_"])
def test_other_values_are_no_secrets(value: str) -> None:
    """Text that only starts like a token is not taken for one."""
    assert process.secret_names({"HARMLESS": value}) == []


def test_scrubbing_keeps_what_is_named() -> None:
    """Credentials and git's hook variables are removed, except credentials whose names are given."""
    env = {"A_TOKEN": "1", "B_TOKEN": "2", "GIT_DIR": "/x", "GIT_INDEX_FILE": "/y", "LANG": "C"}
    assert process.scrubbed(env) == {"LANG": "C"}
    assert process.scrubbed(env, keep=["B_TOKEN", "MISSING"]) == {"B_TOKEN": "2", "LANG": "C"}


def test_a_program_sees_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gets credentials from our environment only if their names are given."""
    monkeypatch.setenv("MY_TOKEN", "x")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("PLAIN", "x")
    without = process.run(python(SHOW_ENVIRONMENT)).stdout.split()
    assert "PLAIN" in without
    assert not {"MY_TOKEN", "GIT_DIR"} & set(without)
    trusted = process.run(python(SHOW_ENVIRONMENT), keep=["MY_TOKEN"]).stdout.split()
    assert "MY_TOKEN" in trusted
    assert "GIT_DIR" not in trusted


def test_streaming_hides_credentials_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose output is streamed does not get credentials either."""
    monkeypatch.setenv("MY_TOKEN", "x")
    lines: list[str] = []
    process.run(python(SHOW_ENVIRONMENT), on_line=lines.append)
    assert "PATH" in lines
    assert "MY_TOKEN" not in lines


def test_variables_can_be_added_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable set to None is removed; one set to a text is added, even if it looks like a secret."""
    monkeypatch.setenv("UNWANTED", "x")
    env = {"UNWANTED": None, "ADDED": "y", "TWINE_PASSWORD": "z"}
    seen = process.run(python(SHOW_ENVIRONMENT), env=env).stdout.split()
    assert {"ADDED", "TWINE_PASSWORD"} <= set(seen)
    assert "UNWANTED" not in seen


def test_both_streams_are_kept(tmp_path: Path) -> None:
    """Standard output and standard error are captured separately, and `output` joins them."""
    code = "import sys, os; print(os.getcwd()); print('oops', file=sys.stderr)"
    done = process.run(python(code), cwd=tmp_path)
    assert (done.code, done.stdout, done.stderr) == (0, f"{tmp_path}\n", "oops\n")
    assert done.output == f"{tmp_path}\noops"


def test_output_that_is_not_utf8_is_no_failure() -> None:
    """Bytes that are not UTF-8 are replaced."""
    done = process.run(python(r"import sys; sys.stdout.buffer.write(b'caf\xe9 \xc3\xa9')"))
    assert done.stdout == "caf\ufffd é"


def test_a_program_gets_text_on_its_standard_input() -> None:
    """The text arrives as UTF-8; without one, standard input is empty."""
    code = "import sys; print(len(sys.stdin.buffer.read()))"
    assert process.run(python(code), stdin="é").stdout == "2\n"
    assert process.run(python(code)).stdout == "0\n"
    assert process.run(python(code), on_line=lambda _: None).stdout == "0\n"


def test_a_failing_program_raises_with_its_output() -> None:
    """An exit code other than 0 raises NS901 with the exit code and all output."""
    with pytest.raises(process.CommandFailedError) as caught:
        process.run(python("print('so'); raise SystemExit('why')"))
    (finding,) = caught.value.findings
    assert finding.id == "NS901"
    assert "exit code 1" in finding.what
    assert finding.detail == "so\nwhy"
    assert caught.value.done.code == 1


def test_a_failure_can_be_looked_at_instead() -> None:
    """With `check=False`, the exit code is returned and nothing is raised."""
    assert process.run(python("raise SystemExit(3)"), check=False).code == 3


def test_lines_are_told_as_they_come() -> None:
    """Each line is passed on once, from both streams, including a last line without a line break."""
    code = "import sys; print('a'); sys.stdout.flush(); sys.stderr.write('b\\n'); sys.stderr.flush(); print(end='c')"
    lines: list[str] = []
    done = process.run(python(code), on_line=lines.append)
    assert lines == ["a", "b", "c"]
    assert done.stdout == "a\nb\nc"


def test_a_failing_streamed_program_raises() -> None:
    """A program that fails while its output is streamed raises an error, too."""
    with pytest.raises(process.CommandFailedError):
        process.run(python("raise SystemExit(1)"), on_line=lambda _: None)


def test_a_program_ends_once_what_it_depends_on_has_failed() -> None:
    """A program is stopped with the task's error if the task fails; if it succeeds, the program runs to its end."""
    waiting = python("import time; print('begun', flush=True); time.sleep(30)")
    refusal = ShipError(Kind("NS000", "test-problem", "Mend it.")("No."))
    failed, failing = Future[None](), Future[None]()
    failed.set_exception(refusal)
    begun = time.monotonic()
    with pytest.raises(ShipError, match=r"No\."):
        process.run(waiting, on_line=lambda _: None, check=False, unless=failed)
    with pytest.raises(ShipError, match=r"No\."):
        process.run(waiting, on_line=lambda _: failing.set_exception(refusal), check=False, unless=failing)
    assert time.monotonic() - begun < 10
    answer = Future[None]()
    answer.set_result(None)
    assert process.run(python("print(1)"), on_line=lambda _: None, unless=answer).stdout == "1\n"
    assert process.run(python("print(1)"), on_line=lambda _: None, unless=Future()).stdout == "1\n"


def test_a_missing_program_is_a_finding(tmp_path: Path) -> None:
    """A program that does not exist or is not executable is NS902."""
    plain = tmp_path / "plain"
    plain.touch(mode=0o644)
    for program in ("no-such-program-at-all", plain):
        with pytest.raises(ShipError) as caught:
            process.run([program])
        assert [finding.id for finding in caught.value.findings] == ["NS902"]
        assert str(program) in caught.value.findings[0].what


def test_a_missing_folder_is_not_a_missing_program(tmp_path: Path) -> None:
    """If the folder to run in does not exist, that is the operating system's error, not NS902."""
    with pytest.raises(FileNotFoundError):
        process.run(python(""), cwd=tmp_path / "gone")


def test_no_shell_reads_the_arguments() -> None:
    """Arguments reach the program unchanged, because no shell interprets them."""
    arguments = ["$HOME", "a b", "`x`", "*", "", "é"]
    done = process.run([*python("import sys; print(sys.argv[1:])"), *arguments], env={"PYTHONUTF8": "1"})
    assert done.stdout.strip() == str(arguments)


def test_tools_are_those_installed_beside_us() -> None:
    """Modules run on our own Python, and uv is the executable that we depend on."""
    assert process.module("twine") == [sys.executable, "-P", "-m", "twine"]
    assert os.access(process.uv(), os.X_OK)


@pytest.mark.slow
def test_a_program_that_takes_too_long_is_ended() -> None:
    """A program that takes too long is stopped with NS904, and the message shortens its command line."""
    with pytest.raises(process.TimedOutError, match=r"NS904.*within 1 seconds") as caught:
        process.run([sys.executable, "-c", "import time; time.sleep(30)", "a", "b", "argument"], seconds=0.6)
    assert "argument" not in str(caught.value)


@pytest.mark.slow
def test_a_program_that_gets_a_credential_is_ended_in_time_too() -> None:
    """A program that is given credentials is stopped with NS904 as well if it takes too long."""
    with pytest.raises(process.TimedOutError, match="NS904"):
        process.run(process.module("http.server"), hidden={"SAMPLE_TOKEN": "x"}, seconds=0.6)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_a_program_can_run_apart_from_us() -> None:
    """With `apart=True`, a program runs in its own process group, otherwise in ours."""
    command = [sys.executable, "-c", "import os; print(os.getpgrp())"]
    assert process.run(command).stdout.strip() == str(os.getpgrp())
    assert process.run(command, apart=True).stdout.strip() != str(os.getpgrp())


def test_secrets_are_blotted_out() -> None:
    """Longer secrets are replaced first, so that nothing of them is left; an empty secret hides nothing."""
    assert process.hide("a secret-token, a secret", ["secret", "secret-token", ""]) == "a ***, a ***"


@each(
    ("name", "value", "expected"),
    [
        ("TWINE_PASSWORD", "x", True),
        ("PYPI_API_TOKEN", "x", True),
        ("TEST_PYPI_API_TOKEN", "x", True),
        ("UV_PUBLISH_TOKEN", "x", True),
        ("DEVPI_API_TOKEN", "x", True),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "x", True),
        ("RELEASE_TOKEN", "pypi-" + "a" * 40, True),
        ("GITHUB_TOKEN", "ghp_" + "a" * 40, False),
        ("GH_TOKEN", "x", False),
        ("SSH_AUTH_SOCK", "/x", False),
        ("PATH", "/bin", False),
    ],
)
def test_credentials_of_an_index_are_told_from_those_of_git(name: str, value: str, expected: bool) -> None:
    """Tokens for uploads are recognized and kept from git; variables that git may need for a remote are not."""
    assert process.index_secret_names({name: value}) == ([name] if expected else [])


@pytest.mark.slow
def test_a_tool_imports_nothing_of_the_project(tmp_path: Path) -> None:
    """A tool does not import modules from the current folder, even if one has the name of its dependency."""
    (tmp_path / "requests.py").write_text("raise SystemExit('the project was run')\n", "utf-8")
    done = process.run([*process.module("twine"), "--version"], cwd=tmp_path)
    assert "twine version" in done.stdout


def test_variables_that_are_taken_away_are_inherited_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the block, no program inherits the variables; afterwards they are restored, even on errors."""
    monkeypatch.setenv("DEVPI_LOGIN", "x")
    monkeypatch.delenv("MISSING", raising=False)

    def fail() -> None:
        with process.without(["DEVPI_LOGIN", "MISSING", "DEVPI_LOGIN"]):
            assert "DEVPI_LOGIN" not in {**process.inherited(keep=["DEVPI_LOGIN"]), **os.environ}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert process.inherited()["DEVPI_LOGIN"] == "x"
    assert "MISSING" not in os.environ


def test_a_program_that_is_missing_is_told_also_where_a_folder_is_named(tmp_path: Path) -> None:
    """A missing program is NS902 even if the folder to run in is given."""
    with pytest.raises(ShipError, match="NS902"):
        process.run(["no-such-program-anywhere"], cwd=tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="there are no process groups")
@pytest.mark.parametrize("apart", [True, False])
def test_an_interruption_ends_what_runs_unless_it_is_apart(monkeypatch: pytest.MonkeyPatch, apart: bool) -> None:
    """An interruption kills the running program, unless it runs apart and may complete a short write."""
    started: list[subprocess.Popen[bytes]] = []

    def interrupt(program: subprocess.Popen[bytes], *_: object, **__: object) -> None:
        started.append(program)
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "collect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        process.run(python("import time; time.sleep(0.05)"), apart=apart)
    assert started[0].wait(5) == (0 if apart else -signal.SIGKILL)


@pytest.mark.skipif(os.name != "posix", reason="there is no guard elsewhere")
def test_a_guard_is_told_of_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is told when a program starts and ends, unless the program runs apart."""
    told: list[str] = []
    monkeypatch.setattr(lifeline, "_tell", told.append)
    process.run(python(""), apart=True)
    assert told == []
    number = process.run(python("import os; print(os.getpid())")).stdout.strip()
    assert told == [f"+{number}\n", f"-{number}\n"]
    process.run(python("print()"), on_line=lambda _: told.append("line"))
    assert told[3] == "line"
    assert [line[0] for line in told] == ["+", "-", "+", "l", "-"]


def test_several_threads_find_uv_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several threads can look for uv at once, even before Python has cached its own configuration."""
    begin = threading.Barrier(4)

    def find(_: int) -> str:
        begin.wait()
        return process.uv()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            monkeypatch.setattr(sysconfig, "_CONFIG_VARS", None)
            monkeypatch.setattr(sysconfig, "_CONFIG_VARS_INITIALIZED", False, raising=False)  # from Python 3.12 on
            assert len(set(pool.map(find, range(4)))) == 1
