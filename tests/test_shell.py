from __future__ import annotations

import pytest

from nox_ship.automation.shell import ShellCommand, commands, lasting_commands, loud_commands, program, steers_checks
from support import each, in_time


def lasting(script: str) -> list[str]:
    """Return the commands of a script that must succeed, each as one line."""
    return [" ".join(command.words) for command in lasting_commands(script)]


@each(
    ("script", "expected"),
    [
        ("pytest -q tests", [["pytest", "-q", "tests"]]),
        ("a\n\n  b  \r\nc\r\n", [["a"], ["b"], ["c"]]),
        ("a; b && c || d | e & f", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"]]),
        ("pytest \\\n  -q \\\r\n  tests", [["pytest", "-q", "tests"]]),
        ("x='a b' \"c  d\" e\\ f", [["x=a b", "c  d", "e f"]]),
        ("pytest -m 'not \"slow\"'", [["pytest", "-m", 'not "slow"']]),
        ('pytest -k "it\'s"', [["pytest", "-k", "it's"]]),
        ("grep 'a\\.b' \"c\\.d\" e\\.f", [["grep", "a\\.b", "c\\.d", "e.f"]]),
        ("pip install \"a[b]\"'>=1',<2", [["pip", "install", "a[b]>=1,<2"]]),
        ('a "b\\"c" "d\\$e" "f\\\ng"', [["a", 'b"c', "d$e", "fg"]]),
        ("a '' \"\"", [["a", "", ""]]),
        ("a # b ; c\n# d\ne#f", [["a"], ["e#f"]]),
        ("a ${{ x && 'y z' }} b", [["a", "${{ x && 'y z' }}", "b"]]),
        ("(cd x; a) `b` $(c)", [["cd", "x"], ["a"], ["b"], ["$"], ["c"]]),
        ('it"s\nb', [["its"], ["b"]]),
        ("it's\\", [["its\\"]]),
        ("", []),
        ("# a", []),
    ],
)
def test_a_script_is_taken_apart_into_commands(script: str, expected: list[list[str]]) -> None:
    """Line breaks, separators and brackets end a command; quoted text stays together, as in a shell."""
    assert list(commands(script)) == expected


@each(
    "script",
    [
        "pytest -q > log.txt",
        "pytest >log -q",
        "pytest -q >> log",
        "pytest -q 2>&1",
        "pytest -q 2> /dev/null",
        "pytest -q &> 'a b'",
        "pytest -q >& log",
        "< in pytest -q",
        "pytest -q <<< 'text'",
        "pytest -q >| log 2>/dev/null",
        "pytest -q <<EOF\nmypy\nEOF",
        "pytest -q <<-'EOF' >log\n\tmypy\n\tEOF",
        'pytest <<"A" <<B -q\nmypy\nA\nruff\nB',
        "pytest -q <<\\EOF\nmypy\nEOF",
    ],
)
def test_redirections_are_no_arguments(script: str) -> None:
    """Redirections, the files that they name, and here-documents are not arguments of a command."""
    assert list(commands(script)) == [["pytest", "-q"]]


@each(
    ("script", "expected"),
    [
        ("a <<EOF\nb", [["a"], ["b"]]),
        ("a $((x<<y))\nb\n2", [["a", "$"], ["x"], ["b"], ["2"]]),
        ("a <<< EOF\nb\nEOF", [["a"], ["b"], ["EOF"]]),
        ("a <<EOF\nEO\nEOF\nb", [["a"], ["b"]]),
        ("EOF\na <<EOF\nb", [["EOF"], ["a"], ["b"]]),
    ],
)
def test_what_only_looks_like_a_here_document(script: str, expected: list[list[str]]) -> None:
    """A shift, a here-string, or a here-document without an end does not hide the lines that follow."""
    assert list(commands(script)) == expected


def test_a_requirement_without_quotes_is_one_word() -> None:
    """A requirement without quotes, such as `pytest>=8`, is one word, although a shell would redirect output."""
    assert list(commands("pip install pytest>=8 mypy<2")) == [["pip", "install", "pytest>=8", "mypy<2"]]


@each(
    "script",
    [
        "PYTHONPATH=. A='b c' pytest -q",
        "if pytest -q; then\n:\nfi",
        "! pytest -q",
        "while true; do pytest -q; done",
        "time sudo -E env A=b pytest -q",
        "exec pytest -q",
        "{ pytest -q; }",
        "echo pytest\nprintf x\npytest -q\ngrep a\ncat b | which c",
    ],
)
def test_loud_commands_start_with_their_program(script: str) -> None:
    """Variables and keywords before a program are left out, and so are commands that only show text."""
    assert ["pytest", "-q"] in loud_commands(script)
    assert not {"if", "!", "echo", "sudo", "{", "cat", "which"} & {words[0] for words in loud_commands(script)}


@each(
    ("script", "expected"),
    [
        ("pytest || true", []),
        ("pytest ||true\nmypy", ["mypy"]),
        ("pytest || :; mypy", ["mypy"]),
        ("pytest || exit 0", []),
        ("pytest || echo failed", []),
        ("pytest > log || \\\n  true", []),
        ("pytest ||\n  true", []),
        ("ruff check && mypy || true", []),
        ("pytest | tee log || true", []),
        ("pytest || true && mypy", ["mypy"]),
        ("(pytest) || true", []),
        ("ruff check; mypy || true", ["ruff check"]),
        ("ruff check\nmypy || true", ["ruff check"]),
        ("pytest || exit 1", ["pytest", "exit 1"]),
        ("pytest || mypy", ["pytest", "mypy"]),
        ("pytest '|| true'", ["pytest || true"]),
        ("pytest | tee log", ["pytest", "tee log"]),
        ("ruff check &&\n  mypy", ["ruff check", "mypy"]),
    ],
)
def test_what_may_fail_is_left_out(script: str, expected: list[str]) -> None:
    """Commands that are joined to ``|| true`` may fail and are left out; commands on other lines stay."""
    assert lasting(script) == expected


@each(
    ("script", "expected"),
    [
        ("A=src\npytest $A ${A}/x", ["pytest src src/x"]),
        ("A='src tests'\nruff check $A", ["ruff check src tests"]),
        ('A="src"; \nmypy "$A"', ["mypy src"]),
        ("export A=src\nmypy $A", ["export A=src", "mypy src"]),
        ("A=a\nB=$A/b\nmypy $B", ["mypy a/b"]),
        ("A=a\nA=b\nmypy $A", ["mypy b"]),
        ("mypy $A\nA=a", ["mypy"]),
        ('${PREFIX}mypy "${@}" $* $#', ["mypy "]),
        ("${B:-venv/bin/}mypy ${C-c} ${D:=d} ${E%%.*} ${F/x/y}", ["venv/bin/mypy c d"]),
        ("cd $GITHUB_WORKSPACE\ncd ${PWD}/a", []),
        ("a $GITHUB_WORKSPACE ${PWD}/b", ["a . ./b"]),
        ("mypy \\$A ${{ matrix.x }}", ["mypy $A ${{ matrix.x }}"]),
        ("A=a\nif true; then\n  A=b\n  B=c\nfi\nmypy $A $B", ["true", "mypy a c"]),
        ("if x; then A=a; fi\nA=b\nmypy $A", ["x", "mypy b"]),
        ("if x; then\nexport A=a\nfi\nmypy $A", ["x", "mypy a"]),
        ("fi\nA=a\nA=b\nmypy $A", ["mypy b"]),
    ],
)
def test_variables_are_filled_in(script: str, expected: list[str]) -> None:
    """The script's variables are filled in, and unknown ones are empty; a conditional value replaces no other."""
    assert lasting(script) == expected


def test_variables_of_one_command_come_with_it() -> None:
    """Variables that are set for one command are kept with that command, apart from its words."""
    assert list(lasting_commands("A=1 B='x y' pytest\nC=2\nmypy")) == [
        ShellCommand(("pytest",), {"A": "1", "B": "x y"}),
        ShellCommand(("mypy",)),
    ]


@each(
    ("script", "expected"),
    [
        ("a", "."),
        ("cd x\na", "x"),
        ("cd x && a", "x"),
        ("cd x/y; cd ..; a", "x"),
        ("cd x\ncd ..\na", "."),
        ("cd ../x\na", "../x"),
        ("cd ./x/./y\na", "x/y"),
        ("cd -P x\na", "x"),
        ("cd x\ncd -\na", "."),
        ("pushd x > /dev/null\npopd\na", "."),
        ("pushd x\na", "x"),
        ("(cd x && b)\na", "."),
        ("(cd x; (cd y; b); a)", "x"),
        ("cd z; (cd x; b); a", "z"),
        ("cd x || exit 1\na", "x"),
        ("cd x || true\na", "x"),
        ('cd "$(dirname "$0")/.."\na', "."),
        ("cd $(git rev-parse --show-toplevel)\na", "."),
        ("cd `dirname $0`\na", "."),
        ("cd x; cd $HERE\na", "."),
        ("cd ~/x\na", "~/x"),
        ("cd /tmp\na", "/tmp"),
        ("cd $PWD\na", "."),
        (")) cd x; a", "x"),
    ],
)
def test_where_a_command_runs(script: str, expected: str) -> None:
    """A `cd` counts until its brackets end; one to an unknown folder counts as the script's folder."""
    (found,) = (command.folder for command in lasting_commands(script) if command.words == ("a",))
    assert found == expected


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["pytest", "-q"], "pytest"),
        ([".venv/bin/pytest"], "pytest"),
        (["venv\\Scripts\\pytest.exe"], "pytest"),
        (["./check"], "check"),
        ([], ""),
        ([""], ""),
    ],
)
def test_a_program_is_known_without_its_folder(words: list[str], name: str) -> None:
    """A program is recognised with any folder before its name, and with `.exe` after it."""
    assert program(words) == name


@each("name", ["PYTHONPATH", "PYTHONWARNINGS", "DJANGO_SETTINGS_MODULE", "TOXIC", "UVICORN", "CI_X"])
def test_variables_that_steer_checks(name: str) -> None:
    """Variables that Python or a project's own code may read count as affecting its checks."""
    assert steers_checks(name)


@each(
    "name",
    [
        "PIP_CACHE_DIR",
        "UV_SYSTEM_PYTHON",
        "COVERAGE_FILE",
        "TOX_ENV",
        "CI",
        "PATH",
        "FORCE_COLOR",
        "NO_COLOR",
        "COV",
        "GITHUB_TOKEN",
        "API_TOKEN",
        "A_SECRET",
        "DB_PASSWORD",
        "API_KEY",
        "PRE_COMMIT_HOME",
        "HOME",
    ],
)
def test_variables_that_steer_something_else(name: str) -> None:
    """Secrets, and variables of installers, runners and logs, do not count as affecting checks."""
    assert not steers_checks(name)


def test_a_loop_is_no_command() -> None:
    """Loops and `case` are not commands, but the commands in them are."""
    assert lasting("for x in tests/*; do\npytest $x\ndone\ncase a in\na) mypy ;;\nesac") == ["pytest", "a", "mypy"]


@pytest.mark.parametrize(
    "script",
    [
        "a" * 65536,
        "${" + "a" * 65536,
        "<<A\n" * 16384,
        "${{" * 21845,
        "a ||" * 16384,
        "A=" + "x" * 900 + "\n" + "$A" * 30000,
        *("'\"" * 32768, "\\" * 65536, "$(" * 32768, "<<A " * 16384 + "\nA"),
    ],
    ids=lambda script: script[:5],
)
def test_a_long_script_takes_no_long_time(script: str) -> None:
    """Even a long script full of repetitions is read quickly."""
    with in_time():
        lasting(script)
