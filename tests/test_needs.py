from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from automating import sample
from nox_ship.automation.needs import Needs, arguments, options, pdm_install, pip_install, poetry_install, uv_sync
from support import each, in_time

PROJECT = Needs(project=True)


def words(line: str) -> list[str]:
    """Split a command line into words."""
    return shlex.split(line)


def told(needs: Needs) -> dict[str, Any]:
    """Return the needs as a dictionary, without empty ones."""
    flags = {name: True for name in ("project", "locked") if getattr(needs, name)}
    return {**{name: " ".join(value) for name, value in needs.listed.items() if value}, **flags}


@each(
    "line",
    [
        ".",
        "./",
        "-e .",
        "-e.",
        "--editable .",
        "--editable=.",
        "-e ./",
        "--no-deps -e .",
        "-U .",
        "-e file://.",
        "-e 'file://`pwd`#egg=sample'",
        "--no-cache-dir --upgrade --no-build-isolation .",
        "-c constraints.txt .",
        "--constraint=c.txt -i https://a.example/simple .",
        "dist/*.whl",
        "dist/sample-1.tar.gz",
        "--find-links dist --no-index dist/*.whl",
        "-U pip .",
    ],
)
def test_pip_installs_the_project(line: str) -> None:
    """`pip install` of the project's folder or of its built files means the project; other options do not matter."""
    assert pip_install(words(line)) == PROJECT


@each(
    "line",
    [
        "'.[a,b]'",
        "-e .[a,b]",
        "-e '.[ a , b ]'",
        "--editable=.[a,b]",
        "-e.[a,b]",
        "dist/*.whl[a,b]",
        "./[a,b]",
        "'file://`pwd`#egg=sample[a,b]'",
        "-e '.[a]' '.[b]'",
        "[a,b]",
        "--extra a --extra=b -r pyproject.toml",
    ],
)
def test_pip_installs_extras(line: str) -> None:
    """Extras are read in every notation, even after a wheel's file name with a wildcard."""
    needs = pip_install(words(line))
    assert (needs.extras, needs.project) == (("a", "b"), True)
    assert needs.requirements == ()


@each(
    ("line", "requirements"),
    [
        ("pytest", "pytest"),
        ("pytest>=8 'mypy<2'", "pytest>=8 mypy<2"),
        ("coverage[toml]", "coverage[toml]"),
        ("'a @ https://a.example/a.zip'", "a @ https://a.example/a.zip"),
        ("'a==1; python_version < \"3.12\"'", 'a==1; python_version < "3.12"'),
        ("-U pip pip-audit", "pip-audit"),
        ("'pip>=24' pip", ""),
        ("'django~=' 'a[x, y]==.*' b==", "django a[x, y] b"),
        ("'a==1.0 b' 'c @ ' 'd;x' 'e[$]'", "a"),
        ("--upgrade --pre ruff", "ruff"),
        ("./plugin -e ../other -e plugin tests/packages/x", ""),
        ("https://a.example/a.whl git+https://a.example/x", ""),
        ("--target x --python 3.12 -p 3.13 ruff", "ruff"),
        ("", ""),
    ],
)
def test_pip_installs_requirements(line: str, requirements: str) -> None:
    """Requirements are read if they follow PEP 508; pip itself, other folders and bare URLs are not."""
    assert " ".join(pip_install(words(line)).requirements) == requirements
    assert not pip_install(words(line)).project


@each(
    "line", ["-r a.txt", "-ra.txt", "--requirement a.txt", "--requirement=a.txt", "-Ur a.txt", "-Ura.txt", "-r ./a.txt"]
)
def test_pip_installs_files(line: str) -> None:
    """The option for a requirements file is recognized in every notation."""
    assert pip_install(words(line)) == Needs(files=("a.txt",))


@each("line", ["--group a", "--group=a", "--group pyproject.toml:a", "--group ./pyproject.toml:a"])
def test_pip_installs_groups(line: str) -> None:
    """A dependency group is read if it is in the project's own pyproject.toml."""
    assert pip_install(words(line)) == Needs(groups=("a",))


def test_pip_installs_every_extra() -> None:
    """`uv pip install --all-extras` needs all extras."""
    assert told(pip_install(["--all-extras", "."])) == {"extras": "*", "project": True}


def test_several_needs_are_joined_in_order() -> None:
    """Needs are joined in their order, without duplicates."""
    joined = pip_install(["b", "-r", "x", ".[t]"]) | pip_install(["a", "b", "-r", "x", "--group", "g"])
    assert told(joined) == {"requirements": "b a", "files": "x", "extras": "t", "groups": "g", "project": True}
    assert (Needs(locked=True) | Needs()).locked


@each(
    ("line", "expected"),
    [
        ("", "dev"),
        ("--frozen --python 3.12 -p 3.13", "dev"),
        ("--group test", "dev test"),
        ("--group=test --group docs", "dev test docs"),
        ("--no-dev", ""),
        ("--no-dev --group test", "test"),
        ("--no-default-groups --group test", "test"),
        ("--no-group dev", ""),
        ("--dev", "dev"),
        ("--all-groups", "*"),
        ("--only-group lint", "lint"),
        ("--only-dev", "dev"),
        ("--no-install-project", "dev"),
    ],
)
def test_groups_of_uv(tmp_path: Path, line: str, expected: str) -> None:
    """uv installs the default group unless an option says otherwise; the `--only` options leave out the project."""
    needs = uv_sync(sample(tmp_path), words(line))
    assert " ".join(needs.groups) == expected
    assert needs.locked
    assert needs.project != ("--only" in line)


@each(
    ("text", "line", "expected"),
    [
        ('default-groups = ["dev", "test"]', "", "dev test"),
        ('default-groups = ["dev", "test"]', "--no-dev", "test"),
        ('default-groups = "all"', "", "*"),
        ("default-groups = []", "--group x", "x"),
        ("default-groups = 5", "", ""),
    ],
)
def test_default_groups_of_uv_are_a_setting(tmp_path: Path, text: str, line: str, expected: str) -> None:
    """The setting `default-groups` of uv replaces `dev`."""
    assert " ".join(uv_sync(sample(tmp_path, f"[tool.uv]\n{text}\n"), words(line)).groups) == expected


@each(
    ("line", "expected"),
    [
        ("--extra a --extra=b", {"extras": "a b"}),
        ("--extra ''", {}),
        ("--all-extras", {"extras": "*"}),
        ("--with x", {"requirements": "x"}),
        ("-w 'x>=1,<2'", {"requirements": "x>=1,<2"}),
        ("--with 'x[a,b],y>=1,<2, z'", {"requirements": "x[a,b] y>=1,<2 z"}),
        ("--with .[a]", {"extras": "a"}),
        ("--with-editable .", {}),
        ("--with-editable ./plugin", {}),
        ("--with-requirements ./a.txt", {"files": "a.txt"}),
    ],
)
def test_more_that_uv_installs(tmp_path: Path, line: str, expected: dict[str, str]) -> None:
    """uv's options for extras, and for additional requirements and files, are read."""
    assert told(uv_sync(sample(tmp_path), words(line))) == {
        "groups": "dev",
        "project": True,
        "locked": True,
        **expected,
    }


def test_uv_without_the_project(tmp_path: Path) -> None:
    """With `--no-project`, uv neither installs the project nor uses its lock file."""
    assert told(uv_sync(sample(tmp_path), words("--no-project --with x"))) == {"groups": "dev", "requirements": "x"}


POETRY = """
[tool.poetry.group.test.dependencies]
pytest = "*"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.lint]
[tool.poetry.dev-dependencies]
"""


@each(
    ("line", "groups"),
    [
        ("", "dev lint test"),
        ("--no-interaction --no-root -vv --sync", "dev lint test"),
        ("--with docs", "dev docs lint test"),
        ("--with=docs,x", "dev docs lint test x"),
        ("--without 'lint, test'", "dev"),
        ("--without lint --with docs", "dev docs test"),
        ("--only test", "test"),
        ("--only=main,test", "test"),
        ("--only main", ""),
        ("--only-root", ""),
        ("--no-dev", ""),
        ("--all-groups", "*"),
    ],
)
def test_groups_of_poetry(tmp_path: Path, line: str, groups: str) -> None:
    """Poetry installs all groups that are not optional, and the old `dev` group, unless options select others."""
    needs = poetry_install(sample(tmp_path, POETRY), words(line))
    assert " ".join(needs.groups) == groups
    assert needs.project
    assert needs.locked


def test_groups_of_pep_735_are_poetrys_too(tmp_path: Path) -> None:
    """Poetry also installs dependency groups (PEP 735), unless its own table makes them optional."""
    text = '[dependency-groups]\ntest = ["pytest"]\ndocs = ["x"]\n[tool.poetry.group.docs]\noptional = true'
    assert poetry_install(sample(tmp_path, text), []).groups == ("test",)


@each("line", ["-E a -E b", "--extras 'a b'", "--extras=a -Eb", "--extras a --extras b", "-E 'a,b'"])
def test_extras_of_poetry(tmp_path: Path, line: str) -> None:
    """Poetry's option for extras takes one extra or several."""
    assert poetry_install(sample(tmp_path), words(line)).extras == ("a", "b")
    assert poetry_install(sample(tmp_path), ["--all-extras"]).extras == ("*",)


PDM = '[project.optional-dependencies]\nextra = ["x"]\n[dependency-groups]\ntest = ["pytest"]\nlint = ["ruff"]\n'


@each(
    ("line", "groups", "extras"),
    [
        ("", "*", ""),
        ("--frozen-lockfile --no-self", "*", ""),
        ("-G test", "test", ""),
        ("-G test -G lint", "test lint", ""),
        ("--group test,lint", "test lint", ""),
        ("-dG test", "test", ""),
        ("-d -G test", "test", ""),
        ("--dev --group=test", "test", ""),
        ("-G extra", "*", "extra"),
        ("-G extra -G test", "test", "extra"),
        ("-G :all", "*", "*"),
        ("-G:all", "*", "*"),
        ("--prod", "", ""),
        ("--prod -G extra", "", "extra"),
        ("--no-default -dG lint", "lint", ""),
    ],
)
def test_groups_of_pdm(tmp_path: Path, line: str, groups: str, extras: str) -> None:
    """PDM installs all development groups or the selected ones, and a selected extra in addition."""
    needs = pdm_install(sample(tmp_path, PDM), words(line))
    assert (" ".join(needs.groups), " ".join(needs.extras)) == (groups, extras)
    assert needs.project
    assert needs.locked


@each(
    ("line", "expected"),
    [
        ("pytest -q", "pytest -q"),
        ("--frozen --group test pytest", "pytest"),
        ("--group=test --with x -- pytest -- a", "pytest -- a"),
        ("-p 3.12 -w x pytest", "pytest"),
        ("--frozen", ""),
        ("--group", ""),
        ("", ""),
    ],
)
def test_where_a_commands_arguments_begin(line: str, expected: str) -> None:
    """A command starts after the options and their values, or after `--`."""
    assert " ".join(arguments(words(line))) == expected


def test_options_have_values() -> None:
    """An option's value may be separate or joined to it; a word that is no option is a value without a name."""
    line = "a -r b -rc --group d --group=e -q --all -e ."
    pairs = [("", "a"), ("-r", "b"), ("-r", "c"), ("--group", "d"), ("--group", "e"), ("-q", ""), ("--all", "")]
    assert list(options(words(line))) == [*pairs, ("-e", ".")]
    assert list(options(["-r"])) == [("-r", "")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "word", ["a" * 65536, ".[" + "a" * 65536, "x/" * 32768, "[" * 65536, "a,b" * 20000, "." * 65536]
)
def test_a_long_word_takes_no_long_time(tmp_path: Path, word: str) -> None:
    """Very long words with repeated characters are parsed quickly."""
    with in_time():
        pip_install([word, "-e", word])
        uv_sync(sample(tmp_path), ["--with", word])
        poetry_install(sample(tmp_path), ["--with", word, "-E", word])
        pdm_install(sample(tmp_path), ["-G", word])


@each(
    ("line", "requirements"),
    [("uv", ()), ("--upgrade pip uv>=0.5", ()), ("uv-build pipx", ("uv-build", "pipx")), ("pip-tools", ("pip-tools",))],
)
def test_an_installer_is_no_need_of_what_it_installs_for(line: str, requirements: tuple[str, ...]) -> None:
    """pip and uv are not listed as requirements of a check; packages with longer names, such as `uv-build`, are."""
    assert pip_install(words(line)).requirements == requirements
