"""A project whose output and names are commands to the terminal, to a CI runner, or to the job summary."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from nox_ship import actions, process
from nox_ship.errors import Kind, ShipError
from nox_ship.printable import printable
from nox_ship.report import Report, Row
from nox_ship.settings import read_settings
from nox_ship.setup.survey import Survey
from nox_ship.terminal import Voice
from nox_ship.world.remote import Remote
from support import each, git, make_repository

PROBLEM = Kind("NS000", "test-problem", "Do something.")
TELL: list[Callable[[Voice, str], object]] = [
    lambda voice, text: voice.echo(text),
    lambda voice, text: voice.note(text),
    lambda voice, text: voice.fact(text, text),
    lambda voice, text: voice.examined("ok", text, text),
    lambda voice, text: voice.text(text),
    lambda voice, text: voice.finding(PROBLEM(text, detail=text)),
    lambda voice, text: voice.warning(text),
    lambda voice, text: voice.step_ended(Row(text, "done", detail=text)),
    lambda voice, text: voice.session_ended(Row(text, "passed", within="gates")),
    lambda voice, text: voice.last_line(text),
    lambda voice, text: voice.table(
        Report(text, rows=[Row(text, "done", 0, text)], pushes=[text], uploads=[text], credentials=text)
    ),
    lambda voice, text: voice.table(Report("x", remote=text, version=text, commits=[text], commit_count=1, notes=text)),
]


def shown(tell: Callable[[Voice, str], object], text: str) -> str:
    """Return what is printed on a terminal, and without one."""
    said = ""
    for terminal in (False, True):  # only one of the two gets a table
        stream = io.StringIO()
        console = Console(
            file=stream,
            width=100,
            soft_wrap=True,
            highlight=False,
            emoji=False,
            force_terminal=terminal,
            color_system=None,
        )
        tell(Voice(verbose=True, console=console), text)
        said += stream.getvalue()
    return said


@pytest.mark.parametrize(
    "text",
    ["a\x1b]0;owned\x07b", "a\x1b[2Jb", "a\x9b2Jb", "a\rb", "a\x08b", "a\x7fb", "a\u202eb", "a\u2066b", "a\ud800b"],
    ids=ascii,
)
def test_nothing_steers_the_terminal(text: str) -> None:
    """Control characters and characters that reverse the text direction are shown as numbers."""
    steering = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
    assert not any(steering.search(shown(tell, text)) for tell in TELL)


COMMANDS = [
    "::add-mask::x",
    "  ::set-output name=a::b",
    "\t::error file=a::b",
    "\u00a0::stop-commands::x",
    "\u3000::group::x",
    "\x1b[0m::add-mask::x",
    "one\n::add-path::/tmp",
    "one\r\n::save-state name=a::b",
    "##[group]x",
    "a ##[add-mask]x",
    "##vso[task.setvariable variable=a]b",
    "###[error]x",
]


@pytest.mark.parametrize("text", COMMANDS, ids=ascii)
def test_nothing_commands_the_runner(text: str) -> None:
    """No output contains a command of GitHub Actions, in the new or the old form, or of Azure Pipelines."""
    for line in (line for tell in TELL for line in shown(tell, text).splitlines()):
        assert not re.match(r"\s*::[^:]*::", line)
        assert not re.search(r"##\w*\[", line)


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 70, 120])
def test_no_line_that_the_table_breaks_is_a_command(width: int) -> None:
    """A line break in a table puts no command at the start of a line, wherever in a column the text is broken."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        soft_wrap=True,
        highlight=False,
        emoji=False,
        force_terminal=True,
        color_system=None,
    )
    for length in range(1, width + 20, 3):
        name = f"{'x' * length} ::add-mask::y {'x' * length}::::add-mask::::y"
        rows = [Row(name, "done", 1.0, "what " * 20, within="gates"), Row("y", "done")]
        Voice(console=console).table(Report(name, rows=rows))
    assert "add-mask" in stream.getvalue()
    assert not [line for line in stream.getvalue().splitlines() if re.match(r"\s*::", line)]


@each(
    ("text", "same"),
    [("tests/a.py::Test::test_x failed", True), ("::1", True), ("a :: b :: c", True), ("\x1b[31mred\x1b[0m", False)],
)
def test_everyday_output_is_shown_as_it_is(text: str, same: bool) -> None:
    """Names of tests and IPv6 addresses are shown unchanged, but colours are removed."""
    assert printable(text) == (text if same else "red")


@pytest.mark.slow
def test_long_output_is_made_harmless_quickly() -> None:
    """Text of hundreds of thousands of characters is made safe to print quickly."""
    for text in ("\n" * 200_000, ":" * 20_000, "# " * 100_000, "\u00a0" * 100_000, "a://b:" * 20_000):
        assert len(printable(text)) >= len(text)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the path of the job summary."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv(actions.SUMMARY, str(path))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x>",
        "<!-- x",
        "&lt;b&gt;",
        "[a](https://evil.example)",
        "![a](https://evil.example/x.png)",
        "https://evil.example",
        "www.evil.example",
        "WWW.evil.example",
        "_www.evil.example",
        "(www.evil.example)",
        "@everyone",
        "#1",
        "`code`",
        "**bold** _it_ ~~no~~",
        "a | b",
        "a \\| b",
        "$$x$$",
        "one\n\n# two\n| a |",
        "a\x1b[2J\u202eb",
        "a\u2028b",
    ],
    ids=ascii,
)
def test_the_page_shows_text_as_text(page: Path, text: str) -> None:
    """Whatever has a meaning in Markdown or HTML is escaped with a backslash, and stays in its row of the table."""
    actions.summary(text, [(text, text)], ("a", "b"))
    title, _, _, _, row, *rest = page.read_text("utf-8").split("\n")
    assert rest == ["", ""]
    for line in (title.removeprefix("### "), row.removeprefix("| ").removesuffix(" |").replace(" | ", "", 1)):
        bare = re.sub(r"\\[\W_]", "", line)
        assert not re.search(r"[`*_{}\[\]<>#!|~&:@$^\x00-\x1f\u2028\u202e]|www\.", bare, re.IGNORECASE)


def test_a_plain_row_reads_as_before(page: Path) -> None:
    """Names, numbers and usual punctuation are written to the job summary without backslashes."""
    actions.summary("Release 1.2.3", [("sample-1.2.3.tar.gz", "2 passed, 1 reused (3 s)")], ("file", "result"))
    assert "### Release 1.2.3\n" in page.read_text()
    assert "| sample-1.2.3.tar.gz | 2 passed, 1 reused (3 s) |" in page.read_text()


@pytest.mark.parametrize("value", ["v1\nroute=pypi", "v1\r\nroute=pypi", "v1\rroute=pypi", "v1\x85x", "v1\u2028x"])
def test_an_output_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    """A value with a line break is written as one line, so it cannot set another output."""
    monkeypatch.setenv(actions.OUTPUT, str(tmp_path / "output"))
    actions.output(tag=value)
    written = (tmp_path / "output").read_bytes().decode()
    assert written.startswith("tag=v1\\")
    assert len(written.splitlines()) == 1


ADDRESS = "https://me:pass-word@host.example/x.git"


def test_no_finding_shows_a_password_in_an_address(tmp_path: Path) -> None:
    """A password in an address that git or another tool quotes is not shown in a finding."""
    finding = PROBLEM(f"fatal: unable to access '{ADDRESS}/'", remedy=f"Ask {ADDRESS}.", detail=f"a\n{ADDRESS}\n")
    for text in (str(finding), finding.detail, str(finding.as_dict()), str(ShipError(finding))):
        assert "pass-word" not in text
    repository = make_repository(tmp_path / "a", {"pyproject.toml": '[project]\nname = "a"\nversion = "1.0"\n'})
    git(repository.path, "remote", "add", "origin", "https://me:pass-word@127.0.0.1:9/x.git")
    with pytest.raises(ShipError, match="NS208") as caught:
        Remote("origin", "https://me:pass-word@127.0.0.1:9/x.git", repository).refs()
    assert "pass-word" not in str(caught.value)
    assert "pass-word" not in str(list(Survey.of(repository.path, "3.11").lines()))


def test_no_report_shows_a_password_in_an_address(tmp_path: Path) -> None:
    """A password in an address that a session prints is shown neither in the report nor on the terminal."""
    report = Report("t", rows=[Row("tests", "failed", detail=f"cannot reach {ADDRESS}")], warnings=[ADDRESS])
    report.write(tmp_path / "report.json")
    assert "pass-word" not in (tmp_path / "report.json").read_text()
    assert "pass-word" not in shown(lambda voice, _: voice.table(report), "")
    assert all("pass-word" not in shown(tell, ADDRESS) for tell in TELL)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[36mhttps://me:pass-word@h.example/x\x1b[39m",
        "\x1b[1mhttps://pass-word@h.example",
        "https:\x1b[1m//me:pass-word@h.example",
        "https://m\x1b[1me:pass-\x1b[0mword@h.example",
        "https://me:it's-pass-word@h.example/",
        'https://me:"pass-word"@h.example/',
        "https://`pass-word`@h.example/",
        "https://'pass-word:@h.example",
        "A_https://me:pass-word@h.example/",
        "A_postgres://me:'pass-word@h.example/db",
        "\\nhttps://pass-word@h.example/",
        "xhttps://pass-word@h.example/",
        "\x1b]8;;https://me:pass-word@h.example\x07link",
    ],
    ids=ascii,
)
def test_a_password_is_blotted_out_in_whatever_form(tmp_path: Path, text: str) -> None:
    """A password in an address is masked everywhere, whatever colours, quotes or text surround the address."""
    Report("t", rows=[Row("x", "failed", detail=text)], warnings=[text]).write(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    finding = PROBLEM(text, remedy=text, detail=text)
    told = [printable(text), str(finding), finding.detail, str(read), *(shown(tell, text) for tell in TELL)]
    assert all("word" not in one and "***@h.example" in one for one in told)
    if "\x1b" not in text:
        assert process.secret_names({"HARMLESS": text}) == ["HARMLESS"]


@pytest.mark.parametrize(
    "text",
    [
        "'https://h.example', 'me@h.example'",
        '{"a": "https://h.example/", "b": "me@h.example"}',
        "ssh://git@h.example/x",
    ],
)
def test_an_address_beside_another_is_left(text: str) -> None:
    """Text after a space or a slash is not taken for the user part of an address."""
    assert printable(text) == text
    assert process.secret_names({"HARMLESS": text}) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://me:pass-word@index.example/",
        "https://pass-word@index.example/",
        "https://me:@index.example/",
        "http://index.example/",
        "HTTP://index.example/",
        "http://127.0.0.1@index.example/",
        "http://127.0.0.1.index.example/",
        "http://10.0.0.1/",
        "index.example/simple",
        "ftp://index.example/",
        "file:///etc/",
        "https://",
        "https://index.example\\@127.0.0.1/",
        "https://index.example /",
        "https://index.example:port/",
        "https://[::1",
        "",
    ],
)
@pytest.mark.parametrize("key", ["upload-url", "simple-url", "json-url"])
def test_unsafe_addresses_of_an_index_are_refused(key: str, address: str) -> None:
    """Plain http or a password in any address of an index is refused (NS703), and the password is not shown."""
    good = {"upload-url": "https://index.example/", "simple-url": "http://127.0.0.1:80/", "json-url": "http://[::1]/"}
    read_settings({"tool": {"nox-ship": {"indexes": {"mine": good}}}})
    with pytest.raises(ShipError) as caught:
        read_settings({"tool": {"nox-ship": {"indexes": {"mine": {**good, key: address}}}}})
    assert [finding.id for finding in caught.value.findings] == ["NS703"]
    assert f"indexes.mine.{key}" in str(caught.value)
    assert "pass-word" not in str(caught.value)


def test_a_remote_with_a_password_is_refused() -> None:
    """A remote with a password in its address is refused (NS703), as other users of the machine see git's arguments."""
    with pytest.raises(ShipError, match="NS703"):
        read_settings({"tool": {"nox-ship": {"remote": ADDRESS}}})
    read_settings({"tool": {"nox-ship": {"remote": "upstream"}}})
