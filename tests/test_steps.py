from __future__ import annotations

from typing import Any

import pytest

from nox_ship.automation.shell import commands
from nox_ship.release.steps import _runs, destinations


def going(step: dict[str, Any], **env: str) -> list[str]:
    """Return where a step uploads to."""
    return list(destinations(step, env))


@pytest.mark.parametrize(
    "command",
    [
        "twine upload dist/*",
        "python -m twine upload dist/*",
        "python3 -m twine --no-color upload --skip-existing dist/*",
        "/opt/venv/bin/twine upload dist/*",
        "uvx twine upload dist/*",
        "uvx --from twine==6.1 twine upload dist/*",
        "pipx run twine upload dist/*",
        "uv run --with twine twine upload dist/*",
        "poetry run twine upload dist/*",
        "sudo -E twine upload dist/*",
        "TWINE_USERNAME=__token__ twine upload dist/*",
        "python -m build && twine upload dist/*",
        "if true; then twine upload dist/*; fi",
        "(cd dist; twine upload *)",
        "set -x\ntwine check dist/*\ntwine upload dist/*",
        "twine \\\n  upload dist/*",
        "uv publish",
        "uv --directory sub publish --trusted-publishing always",
        "uv publish --token ${{ secrets.TOKEN && 'a b' }}",
        "hatch publish",
        "hatch -e x publish",
        "flit publish",
        "poetry publish --build",
        "poetry --no-interaction publish",
        "pdm publish --no-build",
        "rye publish",
        "maturin upload wheels/*",
        "maturin publish",
        "python setup.py sdist upload",
        "nox -s publish-prod",
        "nox --no-dependencies -s build publish -- --no-install",
        "python -m nox --session=publish_package",
        "uvx nox -s publish -- --to pypi",
        "echo it\\'s time # really\ntwine upload dist/*",
        'echo "it\'s time"\ntwine upload dist/*',
        "cat <<EOF\nnothing\nEOF\ntwine upload dist/*",
    ],
)
def test_commands_that_upload_are_known(command: str) -> None:
    """However they are started, and whatever stands before them."""
    assert len(going({"run": command})) == 1


@pytest.mark.parametrize(
    "command",
    [
        "# twine upload dist/*",
        "true # twine upload dist/*",
        "echo twine upload dist/*",
        "echo 'now: twine upload dist/*'",
        "echo '\ntwine upload\n'",
        "printf twine upload",
        "cat <<'EOF' > how.md\ntwine upload dist/*\nEOF",
        "twine check dist/*",
        "pip install twine",
        "pip install twine && ls upload",
        "uv run publish",
        "uv pip install publish",
        "hatch run publish",
        "uv publish --dry-run",
        "poetry publish --dry-run",
        "npm publish",
        "cargo publish",
        "gh release upload v1 dist/*",
        "git tag publish",
        "nox -s tests",
        "nox -s republish",
        "nox -s verify-published",
        "nox -s tests -- publish",
        "nox -s publish -- --dry-run",
        "untwine upload",
        "",
        '"',
        "'" * 999,
        "<<A " * 999,
    ],
)
def test_other_commands_do_not_upload(command: str) -> None:
    """Comments, texts, rehearsals, and neighbours of the same name."""
    assert going({"run": command}) == []


def test_actions_that_upload_are_known() -> None:
    """That of PyPA, maturin's with the right command, and others that say so by their names."""
    maturin = "PyO3/maturin-action@v1"
    assert going({"uses": "pypa/gh-action-pypi-publish@release/v1"}) == ["pypi"]
    assert going({"uses": "acme/deploy-to-pypi@v1"}) == ["pypi"]
    assert going({"uses": "JRubics/poetry-publish@v2"}) == ["pypi"]
    assert going({"uses": maturin, "with": {"command": "upload", "args": "--skip-existing *"}}) == ["pypi"]
    assert going({"uses": maturin, "with": {"command": "build"}}) == []
    assert going({"uses": maturin}) == []
    assert going({"uses": "actions/upload-artifact@v4"}) == []
    assert going({"uses": "softprops/action-gh-release@v2"}) == []
    assert going({"uses": "acme/setup@pypi-publish"}) == []


ACTION = "pypa/gh-action-pypi-publish@release/v1"


@pytest.mark.parametrize(
    ("step", "env", "index"),
    [
        ({"run": "twine upload dist/*"}, {}, "pypi"),
        ({"run": "twine upload -r pypi dist/*"}, {}, "pypi"),
        ({"run": "twine upload --repository testpypi dist/*"}, {}, "testpypi"),
        ({"run": "twine upload --repository-url https://test.pypi.invalid/legacy/ dist/*"}, {}, "testpypi"),
        ({"run": "twine upload --repository-url=https://packages.invalid/ dist/*"}, {}, "*"),
        ({"run": "twine upload dist/*"}, {"TWINE_REPOSITORY": "testpypi"}, "testpypi"),
        ({"run": "twine upload dist/*"}, {"TWINE_REPOSITORY_URL": "${{ vars.INDEX }}"}, "*"),
        ({"run": "twine upload dist/*"}, {"PIP_INDEX_URL": "https://packages.invalid/"}, "pypi"),
        ({"run": "uv publish --index testpypi"}, {}, "testpypi"),
        ({"run": "uv publish"}, {"UV_PUBLISH_URL": "https://test.pypi.invalid/legacy/"}, "testpypi"),
        ({"run": "hatch publish -r test"}, {}, "testpypi"),
        ({"run": "poetry publish -r company"}, {}, "*"),
        ({"run": "nox -s publish-test"}, {}, "testpypi"),
        ({"run": "nox -s publish-prod"}, {}, "pypi"),
        ({"run": "nox -s publish"}, {}, "*"),
        ({"run": "nox -s publish -- --to testpypi"}, {}, "testpypi"),
        ({"uses": ACTION, "with": {"repository-url": "https://test.pypi.invalid/"}}, {}, "testpypi"),
        ({"uses": ACTION, "with": {"repository_url": "${{ inputs.url }}"}}, {}, "*"),
        ({"uses": ACTION, "with": {"packages-dir": "testpypi"}}, {}, "pypi"),
    ],
)
def test_where_a_step_uploads_to_is_told(step: dict[str, Any], env: dict[str, str], index: str) -> None:
    """By options, inputs and variables of the uploader; PyPI without any, and nowhere known by an expression."""
    assert going(step, **env) == [index]


def test_scripts_are_read_as_commands() -> None:
    """Quotes, lines that go on, comments and what joins commands are the shell's."""
    script = "a 'b c' \"d\" # e\n\nf\\\n g;h|i&&j || k $(l m) `n` o#p"
    words = [["a", "b c", "d"], ["f", "g"], ["h"], ["i"], ["j"], ["k", "$"], ["l", "m"], ["n"], ["o#p"]]
    assert list(commands(script)) == words


def test_an_option_with_its_value_takes_no_further_word() -> None:
    """What follows it is a command of its own."""
    assert _runs(["uv", "--color", "never", "publish"], "uv", ["publish"])
    assert _runs(["uv", "--color=never", "publish"], "uv", ["publish"])
    assert not _runs(["uv", "--color=never", "run", "publish"], "uv", ["publish"])
