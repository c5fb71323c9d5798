from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nox_ship import lifeline, undumpable
from nox_ship.conversation import Conversation
from nox_ship.process import TimedOutError

SCRIPT = """
import json, os, sys, time

for line in sys.stdin:
    question = json.loads(line)
    print("not for us", file=sys.stderr)
    if question == "end":
        sys.exit("it ends")
    if question == "half":
        print("[1, 2", end="", flush=True)
        os.kill(os.getpid(), 9)
    if question == "hang":
        time.sleep(60)
    if question == "dumpable":
        import ctypes

        question = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    if question == "environment":
        question = sorted(os.environ)
    print(json.dumps([os.getpid(), question]), flush=True)
"""


@pytest.fixture(scope="module")  # it takes a moment to start
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """Return a conversation with a script that repeats each question as its answer."""
    script = tmp_path_factory.mktemp("talk") / "script.py"
    script.write_text(SCRIPT, "utf-8")
    with Conversation(str(script)) as made:
        yield made


def test_one_script_answers_every_question(talk: Conversation) -> None:
    """A single process answers all questions, whatever they contain and however long they are."""
    asked: list[Any] = ["a\nb", {"é": None}, "x" * 300_000]
    answers = [talk.ask(question, 10) for question in asked]
    assert [answer for _, answer in answers] == asked
    assert len({pid for pid, _ in answers}) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="prctl exists only on Linux")
def test_other_processes_cannot_read_what_a_script_is_asked(talk: Conversation) -> None:
    """The script's process is not dumpable, so that other processes cannot read its memory."""
    assert talk.ask("dumpable", 10)[1] == 0


@pytest.mark.slow
def test_a_script_inherits_no_credentials(talk: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script inherits only those credentials that are passed on to it by name."""
    for name in ("PYPI_API_TOKEN", "DEVPI_PASSWORD"):
        monkeypatch.setenv(name, "x")
    with Conversation(talk.script, ["DEVPI_PASSWORD"]) as made:
        seen = made.ask("environment", 10)[1]
    assert {"PATH", "DEVPI_PASSWORD"} <= set(seen)
    assert "PYPI_API_TOKEN" not in seen


@pytest.mark.slow
def test_a_script_that_ends_gives_no_answer(talk: Conversation) -> None:
    """If the script exits, the answer is None, and the next question starts it again."""
    first, _ = talk.ask("a", 10)
    assert talk.ask("end", 10) is None
    again, answer = talk.ask("b", 10)
    assert answer == "b"
    assert again != first


@pytest.mark.slow
def test_a_script_that_ended_by_itself_gives_no_answer(talk: Conversation) -> None:
    """If the script was killed between two questions, the first answer is None, and then it is started again."""
    first, _ = talk.ask("a", 10)
    os.kill(first, 9)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert talk.ask("b", 10) is None
    assert talk.ask("c", 10)[1] == "c"


@pytest.mark.slow
def test_half_an_answer_is_none(talk: Conversation) -> None:
    """If the script is killed while it writes an answer, the answer is None."""
    assert talk.ask("half", 10) is None


@pytest.mark.slow
def test_a_script_that_is_not_closed_to_others_is_told_nothing(
    talk: Conversation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that does not first confirm that it is not dumpable is not asked anything."""
    other = tmp_path / "other.py"
    other.write_text(
        f"import sys\nprint('odd', flush=True)\nopen({str(tmp_path / 'told')!r}, 'w').write(sys.stdin.read())\n"
    )
    monkeypatch.setattr(undumpable, "__file__", str(other))
    with Conversation(talk.script) as odd:
        assert odd.ask("secret", 10) is None
    assert not (tmp_path / "told").is_file() or (tmp_path / "told").read_text() == ""


@pytest.mark.slow
def test_a_script_that_takes_too_long_is_ended(talk: Conversation) -> None:
    """A script that takes too long is stopped with NS904, and the next question starts it again."""
    first, _ = talk.ask("a", 10)
    with pytest.raises(TimedOutError, match=r"NS904.*within 0 seconds"):
        talk.ask("hang", 0.02)
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert talk.ask("b", 10)[0] != first


@pytest.mark.slow
def test_the_end_of_the_conversation_ends_the_script(talk: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script ends with the conversation, and our lifeline process is told when it starts and ends."""
    told: list[str] = []
    monkeypatch.setattr(lifeline, "_tell", told.append)
    with Conversation(talk.script) as other:
        pid, _ = other.ask("a", 10)
        assert told == [f"+{pid}\n"]
    assert told == [f"+{pid}\n", f"-{pid}\n"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_nothing_is_started_where_nothing_is_asked() -> None:
    """The script is not started until the first question."""
    with Conversation("/nowhere/script.py"):
        pass
