from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automating import NAMED, ci, followed, lines, needs, sample
from fakes import Programs
from nox_ship.automation import precommit
from nox_ship.automation.tasks import Automation
from nox_ship.gates import recipes
from nox_ship.project import Project
from support import make_project, write_files

Hooks = Callable[..., dict[str, precommit.Hook]]
TRACKED = ("src/a.py", "src/b.pyi", "docs/x.md", "docs/conf.py", "setup.py", "data.bin")


@pytest.fixture
def tracked(tmp_path: Path, programs: Programs) -> tuple[str, ...]:
    """Make files that git tracks."""
    write_files(tmp_path, dict.fromkeys(TRACKED, ""))
    programs.answer("git", "ls-files", "-z", stdout="\0".join((*TRACKED, "gone.py", "")))
    return TRACKED


@pytest.fixture
def hooks(tmp_path: Path, tracked: tuple[str, ...]) -> Hooks:
    """Return a function that reads pre-commit settings and returns the hooks that check code, by their IDs."""
    assert tracked

    def read(text: str) -> dict[str, precommit.Hook]:
        found, _ = precommit.hooks(sample(tmp_path, files={precommit.FILE: text}))
        return {hook.name: hook for hook in found}

    return read


def one(repository: str, rev: str, hook: str, top: str = "") -> str:
    """Return settings with one hook."""
    return f"{top}\nrepos:\n- repo: https://a.example/{repository}\n  rev: {rev}\n  hooks:\n  - {{{hook}}}\n"


def local(hook: str, top: str = "") -> str:
    """Return settings with one local hook."""
    return f"{top}\nrepos:\n- repo: local\n  hooks:\n  - {{name: x, {hook}}}\n"


@pytest.mark.parametrize(
    ("repository", "rev", "hook", "requirement"),
    [
        ("astral-sh/ruff-pre-commit", "v0.11.2", "ruff", "ruff==0.11.2"),
        ("astral-sh/ruff-pre-commit", "v0.11.2", "ruff-check", "ruff==0.11.2"),
        ("astral-sh/ruff-pre-commit", '"v0.11.2"', "ruff-format", "ruff==0.11.2"),
        ("pre-commit/mirrors-mypy", "'v1.10'", "mypy", "mypy==1.10"),
        ("psf/black", "24.1.0", "black", "black==24.1.0"),
        ("psf/black-pre-commit-mirror.git", "24.1.0", "black-jupyter", "black==24.1.0"),
        ("PyCQA/Flake8", "7.1.0", "flake8", "flake8==7.1.0"),
        ("RobertCraigie/pyright-python", "v1.1.390", "pyright", "pyright==1.1.390"),
        ("PyCQA/isort", "9.0.0b2", "isort", "isort==9.0.0b2"),
        ("psf/black", "stable", "black", "black"),
        ("psf/black", "8a8703264a2f4a69428a0aa4dcb512790b2c8c12", "black", "black"),
        ("psf/black", "1234567", "black", "black"),
        ("psf/black", f"{'1' * 40} # frozen: 24.1.0", "black", "black==24.1.0"),
        ("psf/black", f"'{'a' * 40}'   #   frozen:   v24.1.0", "black", "black==24.1.0"),
        ("psf/black", f"{'a' * 40} # v24.1.0", "black", "black==24.1.0"),
        ("psf/black", f"{'a' * 40} # of today", "black", "black"),
        ("acme/hooks", "v1.2.3", "black", "black"),
    ],
)
def test_a_hook_pins_its_tool(hooks: Hooks, repository: str, rev: str, hook: str, requirement: str) -> None:
    """A tool's version is the tag of its own repository, or is in the comment after a frozen commit hash."""
    assert hooks(one(repository, rev, f"id: {hook}"))[hook].requirements == (requirement,)


def test_pins_are_told_by_tool(tmp_path: Path, hooks: Hooks) -> None:
    """Only pinned tools are listed; without settings for pre-commit, there are none."""
    assert precommit.pinned(sample(tmp_path)) == {}
    hooks(
        one("psf/black", "24.1.0", "id: black") + "  - {id: y}\n- {repo: https://a.example/isort, hooks: [{id: isort}]}"
    )
    assert precommit.pinned(sample(tmp_path)) == {"black": "24.1.0"}


@pytest.mark.parametrize(
    ("hook", "command"),
    [
        ("id: ruff, args: [--fix, --exit-non-zero-on-fix]", "ruff check --no-fix --force-exclude"),
        ("id: ruff-check, args: []", "ruff check --no-fix --force-exclude"),
        ("id: ruff-format", "ruff format --check --force-exclude"),
        ("id: ruff-format, args: [--diff]", "ruff format --force-exclude --diff"),
        ("id: black, args: [-l, '99']", "black --check -l 99"),
        ("id: isort", "isort --check-only --filter-files"),
        ("id: isort, args: [--profile, black]", "isort --check-only --profile black"),
        ("id: mypy", "mypy --ignore-missing-imports --scripts-are-modules"),
        ("id: mypy, args: [--strict]", "mypy --strict"),
        ("id: mypy, args: []", "mypy"),
        ("id: mypy, args: x", "mypy"),
        ("id: codespell, args: [-w]", "codespell"),
        ("id: ty-check", "ty check"),
        ("id: pyrefly-check", "pyrefly check"),
    ],
)
def test_a_hook_is_a_command_that_changes_nothing(hooks: Hooks, hook: str, command: str) -> None:
    """A hook's command does not modify files; it has the arguments from the settings, else the hook's defaults."""
    (found,) = hooks(one("x", "v1.0", hook)).values()
    assert " ".join(found.command) == command


def test_what_a_hook_needs_besides_is_installed(hooks: Hooks) -> None:
    """A hook's `additional_dependencies` are installed along with its tool."""
    text = one("mirrors-mypy", "v1.10", "id: mypy, additional_dependencies: ['types-x>=1', y]")
    assert hooks(text)["mypy"].requirements == ("mypy==1.10", "types-x>=1", "y")


@pytest.mark.parametrize(
    ("hook", "top", "files"),
    [
        ("id: flake8", "", "src/a.py docs/conf.py setup.py"),
        ("id: mypy", "", "src/a.py src/b.pyi docs/conf.py setup.py"),
        ("id: codespell", "", " ".join(TRACKED)),
        ("id: flake8, files: ^src/", "", "src/a.py"),
        ("id: flake8, exclude: ^(docs/|setup)", "", "src/a.py"),
        ("id: flake8", "files: ^src", "src/a.py"),
        ("id: flake8", "exclude: ^docs/", "src/a.py setup.py"),
        ("id: flake8, files: py$, exclude: a", "exclude: ^docs/", "setup.py"),
        ("id: flake8", "exclude: |\n  (?x)^(\n    docs/.*\n    | setup.py  # old\n  )$", "src/a.py"),
        ("id: flake8, files: '[[a]'", "", "src/a.py"),
        ("id: flake8, files: '['", "", "src/a.py docs/conf.py setup.py"),
        ("id: flake8, files: [x]", "exclude: {}", ""),
        ("id: flake8, pass_filenames: 0", "", "src/a.py docs/conf.py setup.py"),
    ],
)
def test_a_hook_is_given_files(hooks: Hooks, hook: str, top: str, files: str) -> None:
    """A hook gets the existing tracked files of its language that match the settings."""
    (found,) = hooks(one("x", "v1.0", hook, top)).values()
    assert found.files is not None
    assert " ".join(found.files) == files
    assert list(found.commands()) == ([(*found.command, *files.split())] if files else [])


@pytest.mark.parametrize(
    "hook",
    [
        "id: mypy, pass_filenames: false",
        "id: mypy, pass_filenames: False",
        "id: mypy, pass_filenames: no",
        "id: vulture",
    ],
)
def test_a_hook_that_is_given_no_files(hooks: Hooks, hook: str) -> None:
    """A hook that takes no file names runs once; vulture is such a hook, as its own manifest declares."""
    (found,) = hooks(one("x", "v1.0", hook)).values()
    assert found.files is None
    assert list(found.commands()) == [found.command]


def test_a_link_is_no_file(tmp_path: Path, hooks: Hooks) -> None:
    """A hook for Python gets no symlinks."""
    (tmp_path / "setup.py").unlink()
    (tmp_path / "setup.py").symlink_to("src/a.py")
    assert hooks(one("x", "v1.0", "id: flake8"))["flake8"].files == ("src/a.py", "docs/conf.py")


def test_many_files_are_given_in_batches() -> None:
    """Many files are passed in several commands, in order, each short enough for Windows."""
    files = tuple(f"{number:04}{'x' * 296}.py" for number in range(200))
    found = list(precommit.Hook("x", ("flake8", "-q"), (), files).commands())
    assert len(found) > 1
    assert all(command[:2] == ("flake8", "-q") for command in found)
    assert all(sum(map(len, command)) + len(command) < 25_000 for command in found)
    assert tuple(file for command in found for file in command[2:]) == files


@pytest.mark.parametrize(
    ("hook", "command", "requirements"),
    [
        ("id: a, language: system, entry: mypy src", "mypy src", None),
        ("id: a, language: unsupported, entry: ruff check --fix", "ruff check --no-fix", None),
        ("id: a, language: system, entry: black, args: [src]", "black --check src", None),
        ("id: a, language: script, entry: ./lint.sh", "./lint.sh", None),
        ("id: a, language: python, entry: flake8, additional_dependencies: [flake8==7]", "flake8", ("flake8==7",)),
        ("id: a, language: python, entry: flake8", "flake8", ()),
        ("id: a, language: system, entry: \"sh -c 'mypy src'\"", "sh -c mypy src", None),
    ],
)
def test_a_hook_of_the_projects_own(
    hooks: Hooks, hook: str, command: str, requirements: tuple[str, ...] | None
) -> None:
    """A local hook runs in the project's environment, or in its own if its language is Python."""
    found = hooks(local(hook))["a"]
    assert " ".join(found.command) == command
    assert found.requirements == requirements


@pytest.mark.parametrize(
    "hook",
    [
        "id: a, language: pygrep, entry: x",
        "id: a, language: docker, entry: mypy",
        "id: a, language: system",
        'id: a, language: system, entry: "\'"',
        "id: a, entry: mypy",
        "id: a, language: fail, entry: no",
    ],
)
def test_another_hook_of_the_projects_own_is_told_by_name(tmp_path: Path, hooks: Hooks, hook: str) -> None:
    """A local hook that cannot be run as a program is only listed by name."""
    assert hooks(local(hook)) == {}
    assert precommit.hooks(sample(tmp_path))[1] == ["a"]


@pytest.mark.parametrize(
    ("types", "files"),
    [
        ("types: [python]", "src/a.py src/b.pyi docs/conf.py setup.py"),
        ("types_or: [pyi, python]", "src/a.py src/b.pyi docs/conf.py setup.py"),
        ("types: [markdown]", " ".join(TRACKED)),
    ],
)
def test_types_of_files(hooks: Hooks, types: str, files: str) -> None:
    """A hook that starts its tool through another program gets the files of its `types`."""
    found = hooks(local(f"id: a, language: system, entry: uv run ruff check, {types}"))["a"]
    assert " ".join(found.files or ()) == files


@pytest.mark.parametrize(
    ("stages", "top", "manual"),
    [
        ("", "", False),
        ("stages: [pre-commit]", "", False),
        ("stages: [commit, manual]", "", False),
        ("stages: [push]", "", False),
        ("stages: [pre-push]", "default_stages: [manual]", False),
        ("stages: [manual]", "", True),
        ("", "default_stages: [manual]", True),
        ("stages: [commit-msg]", "", None),
        ("stages: [commit-msg]", "default_stages: [pre-commit]", None),
    ],
)
def test_stages(tmp_path: Path, hooks: Hooks, stages: str, top: str, manual: bool | None) -> None:
    """Hooks for commits and pushes run, manual hooks are marked as such, and others are not even listed."""
    text = one("x", "v1.0", f"id: flake8{', ' * bool(stages)}{stages}", top)
    found = hooks(text)
    assert [hook.manual for hook in found.values()] == ([] if manual is None else [manual])
    assert precommit.hooks(sample(tmp_path))[1] == []


def test_others_are_named(tmp_path: Path, hooks: Hooks) -> None:
    """Hooks that do not check code are listed by ID, unless they are manual."""
    hooks(one("x", "v1.0", "id: check-yaml") + "  - {id: x, stages: [manual]}\n  - {name: y}\n")
    assert precommit.hooks(sample(tmp_path))[1] == ["check-yaml", "None"]


FOUR = """
repos:
- repo: https://a.example/ruff-pre-commit
  rev: v0.11.2
  hooks: [{id: ruff}, {id: ruff-format}]
- repo: https://a.example/mirrors-mypy
  rev: v1.10
  hooks: [{id: mypy, stages: [manual]}]
- repo: local
  hooks:
  - {id: own, language: system, entry: uv run flake8, pass_filenames: false}
"""


@pytest.mark.parametrize(
    ("command", "programs_run"),
    [
        ("pre-commit run --all-files", "ruff ruff flake8"),
        ("pre-commit run -a --show-diff-on-failure --color=always", "ruff ruff flake8"),
        ("pre-commit run ruff-format --all-files", "ruff"),
        ("pre-commit run --all-files --hook-stage manual mypy", "mypy"),
        ("pre-commit run --all-files --hook-stage=manual", "ruff ruff mypy flake8"),
        ("pre-commit run mypy", ""),
        ("SKIP=ruff,own pre-commit run -a", "ruff"),
        ("export SKIP=own\npre-commit run -a", "ruff ruff"),
        ("prek run --all-files", "ruff ruff flake8"),
        ("prek -a", "ruff ruff flake8"),
        ("prek", "ruff ruff flake8"),
        ("prek install", ""),
        ("pre-commit install", ""),
        ("pre-commit", ""),
        ("python -m pre_commit run", "ruff ruff flake8"),
        ("uvx pre-commit run", "ruff ruff flake8"),
        ("pipx run pre-commit==4.0 run", "ruff ruff flake8"),
    ],
)
def test_hooks_that_a_command_runs(tmp_path: Path, tracked: tuple[str, ...], command: str, programs_run: str) -> None:
    """A command runs all hooks of its stage, or the one it names, except those in `SKIP`."""
    assert tracked
    found = followed(sample(tmp_path, files={precommit.FILE: FOUR}), command)
    assert " ".join(task.program for task in found) == programs_run
    assert all(task.hooked for task in found)


def test_the_environment_of_hooks(tmp_path: Path, tracked: tuple[str, ...]) -> None:
    """A pinned tool runs in an environment of its own; a local hook runs in the command's, unless it chooses one."""
    assert tracked
    text = FOUR + "  - {id: two, language: system, entry: flake8, pass_filenames: false}\n"
    found = followed(sample(tmp_path, files={precommit.FILE: text}), "pip install x\nA=1 pre-commit run -a")
    assert needs(found[0]) == {"requirements": ["ruff==0.11.2"]}
    assert needs(found[2]) == {"requirements": ["x"], "groups": ["dev"], "project": True, "locked": True}
    assert needs(found[3]) == {"requirements": ["x"]}
    assert found[0].env == ()
    assert found[0].where == ".pre-commit-config.yaml (ruff)"


def test_hooks_are_checks_where_ci_runs_no_linter(tmp_path: Path, tracked: tuple[str, ...]) -> None:
    """If CI runs no linter, the hooks count as checks, except manual ones and those that pre-commit.ci skips."""
    assert tracked
    files = {precommit.FILE: f"ci: {{skip: [own]}}\n{FOUR}", **ci("pytest")}
    assert lines(list(Automation(make_project(tmp_path, NAMED, files)).tasks))[0] == "pytest"
    assert [task.program for task in Automation(make_project(tmp_path, NAMED, files)).tasks] == [
        "pytest",
        "ruff",
        "ruff",
    ]
    files = {precommit.FILE: FOUR, **ci("pytest", "flake8")}
    assert [task.program for task in Automation(make_project(tmp_path, NAMED, files)).tasks] == ["pytest", "flake8"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        "repos: 5",
        "repos: [5, {}]",
        "repos: [{repo: x, hooks: 5}]",
        "repos: [{repo: x, hooks: [5, {}]}]",
        "repos: [{hooks: [{id: [x]}]}]",
        "repos: {a: b}",
        "a: [",
        "repos: [{repo: local, hooks: [{id: black, entry: [x]}]}]",
    ],
)
def test_settings_that_are_none(hooks: Hooks, text: str) -> None:
    """A settings file with invalid YAML or unexpected content has no hooks."""
    assert hooks(text) == {}


SHARED = """
files: ^python/
exclude: conf
repos:
- repo: https://a.example/astral-sh/ruff-pre-commit
  rev: v0.11.2
  hooks: [{id: ruff-check}]
- repo: local
  hooks:
  - {id: whole, name: x, language: system, entry: mypy python, pass_filenames: false}
"""


@pytest.fixture
def below(tmp_path: Path, programs: Programs) -> Project:
    """Return a project in a subfolder of a repository with pre-commit settings at the top."""
    write_files(tmp_path, {precommit.FILE: SHARED, ".git/HEAD": "", **ci("pre-commit run --all-files")})
    programs.answer("git", "ls-files", "-z", stdout="src/a.py\0conf.py\0")
    return make_project(tmp_path / "python", NAMED, {"src/a.py": "", "conf.py": ""})


def test_settings_at_the_top_of_the_repository(below: Project) -> None:
    """Hooks from the repository's top run only on the project's files; those that take no files are listed by name."""
    (hook,), others = precommit.hooks(below)
    assert (hook.files, hook.folder) == (("python/src/a.py",), "..")
    assert others == ["whole"]
    assert precommit.pinned(below) == {"ruff": "0.11.2"}


def test_a_workflow_runs_the_hooks_of_the_whole_repository(below: Project) -> None:
    """A hook from the repository's top runs in that folder, and not in the project's."""
    task = Automation(below).tasks[0]
    assert task.ci
    (step,) = recipes.lint(below).steps
    assert step.commands == (("ruff", "check", "--no-fix", "--force-exclude", "python/src/a.py"),)
    assert step.folder == ".."


def test_settings_beyond_the_repository_are_none(tmp_path: Path, below: Project) -> None:
    """Settings are looked for up to the repository's top only; the project's own take precedence."""
    (below.root / ".git").mkdir()
    assert precommit.home(below) == below.root
    (below.root / ".git").rmdir()
    assert precommit.home(below) == tmp_path.resolve()
    write_files(below.root, {precommit.FILE: "repos: []\n"})
    assert precommit.home(below) == below.root


def test_settings_in_another_encoding(tmp_path: Path, hooks: Hooks) -> None:
    """Settings with a byte that is not UTF-8 are read nevertheless."""
    text = one("psf/black", "24.1.0", "id: black").encode() + b"# caf\xe9\n"
    found, _ = precommit.hooks(sample(tmp_path, files={precommit.FILE: text}))
    assert found[0].requirements == ("black==24.1.0",)
    assert hooks("") == {}


OURS = "# Written by nox-ship.\n"
REGISTERS = '"""Ours."""\n\nimport nox\nimport nox_ship\n\nnox_ship.register(exclude=["audit"])\n'


@pytest.mark.parametrize(
    ("name", "text", "given"),
    [
        ("noxfile.py", REGISTERS, False),
        ("noxfile.py", f"{REGISTERS}\n\n@nox.session\ndef mine(session): ...\n", True),
        ("noxfile.py", "import nox\n", True),
        ("noxfile.py", "import (\n", True),
        ("sub/noxfile.py", REGISTERS, True),
        (".github/workflows/ci.yml", OURS, False),
        (".github/workflows/ci.yml", "on: push\n", True),
        (".github/nox-ship.txt", OURS, False),
        (".gitlab-ci.yml", OURS, False),
        ("README.md", OURS, True),
    ],
)
def test_what_init_wrote_is_handed_to_no_hook(
    tmp_path: Path, programs: Programs, name: str, text: str, given: bool
) -> None:
    """A file that init wrote is passed to no hook, unless it also contains something of the project's own."""
    programs.answer("git", "ls-files", "-z", stdout=f"{name}\0")
    files = {name: text, precommit.FILE: one("codespell", "v2.4.1", "id: codespell")}
    found, _ = precommit.hooks(sample(tmp_path, files=files))
    assert found[0].files == ((name,) if given else ())
