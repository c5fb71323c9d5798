from __future__ import annotations

from typing import Any

import pytest

from nox_ship.automation.shell import commands
from nox_ship.release.steps import _runs, destinations
from support import each

SECRET = "${{ secrets.X }}"


def going(step: dict[str, Any], **env: str) -> list[str]:
    """Return the indexes that a step uploads to."""
    return [found.index for found in destinations(step, env) if found]


def doubtful(step: dict[str, Any]) -> bool:
    """Whether a step may upload to an index, but it is not known to which."""
    return list(destinations(step, {})) == [None]


@each(
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
        "python -mtwine upload dist/*",
        "uvx twine==6.1 upload dist/*",
        "uvx twine@latest upload dist/*",
        "bash -c 'twine upload dist/*'",
        "bash -euo pipefail -c 'cd dist; twine upload *'",
        "/bin/sh -ec 'sh -c \"twine upload dist/*\"'",
        "sudo -E bash -lc 'twine upload dist/*'",
        "eval twine upload dist/*",
        "TWINE='python -m twine'\n$TWINE upload dist/*",
        "UPLOADER=twine; ${UPLOADER} upload dist/*",
    ],
)
def test_commands_that_upload_are_known(command: str) -> None:
    """A command that uploads is recognised however it is started and whatever comes before it."""
    assert len(going({"run": command})) == 1


@each(
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
    """Comments, printed text, rehearsals, and other commands with similar names are no uploads."""
    assert going({"run": command}) == []


def test_actions_that_upload_are_known() -> None:
    """An action uploads if it is PyPA's, maturin's with an upload command, or has a name that says so."""
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


@each(
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
        ({"run": "nox -s publish"}, {}, "route"),
        ({"run": "nox -s publish -- --to devpi"}, {}, "devpi"),
        ({"run": "nox -s publish -- --to '${{ inputs.index }}'"}, {}, "*"),
        ({"run": "nox -s publish-all"}, {}, "*"),
        ({"run": "twine upload -r mycompany dist/*"}, {}, "*"),
        ({"run": "TWINE_REPOSITORY=testpypi twine upload dist/*"}, {}, "testpypi"),
        ({"run": "TWINE_REPOSITORY=testpypi twine check *; twine upload *"}, {}, "pypi"),
        ({"run": "export TWINE_REPOSITORY=testpypi\ntwine upload dist/*"}, {}, "testpypi"),
        ({"run": "export TWINE_REPOSITORY='testpypi' && twine upload dist/*"}, {}, "testpypi"),
        ({"run": "TWINE_REPOSITORY=testpypi\nexport TWINE_REPOSITORY\ntwine upload *"}, {}, "testpypi"),
        ({"run": "declare -x TWINE_REPOSITORY=testpypi; twine upload dist/*"}, {}, "testpypi"),
        ({"run": "$env:TWINE_REPOSITORY = 'testpypi'\ntwine upload dist/*"}, {}, "testpypi"),
        ({"run": "R=testpypi\ntwine upload -r $R dist/*"}, {}, "testpypi"),
        ({"run": 'R=testpypi\ntwine upload -r "${R}" dist/*'}, {}, "testpypi"),
        ({"run": "twine upload -r $R dist/*"}, {}, "*"),
        ({"run": "twine upload -r ${{ env.R }} dist/*"}, {"R": "testpypi"}, "testpypi"),
        ({"run": "twine upload -r ${R:-testpypi} dist/*"}, {}, "testpypi"),
        ({"run": "bash -c 'twine upload -r $R dist/*'"}, {"R": "testpypi"}, "testpypi"),
        ({"run": "export R=testpypi; bash -c 'twine upload -r $R dist/*'"}, {}, "testpypi"),
        ({"run": "if x; then export TWINE_REPOSITORY=testpypi; fi\ntwine upload *"}, {}, "*"),
        ({"run": "if x; then y; fi\nexport TWINE_REPOSITORY=testpypi\ntwine upload *"}, {}, "testpypi"),
        ({"run": "done\nexport TWINE_REPOSITORY=testpypi\ntwine upload *"}, {}, "testpypi"),
        ({"run": "twine upload *\nexport TWINE_REPOSITORY=testpypi"}, {}, "pypi"),
        ({"run": "nox -s publish -- --to testpypi"}, {}, "testpypi"),
        ({"uses": ACTION, "with": {"repository-url": "https://test.pypi.invalid/"}}, {}, "testpypi"),
        ({"uses": ACTION, "with": {"repository_url": "${{ inputs.url }}"}}, {}, "*"),
        ({"uses": ACTION, "with": {"packages-dir": "testpypi"}}, {}, "pypi"),
    ],
)
def test_where_a_step_uploads_to_is_told(step: dict[str, Any], env: dict[str, str], index: str) -> None:
    """The index comes from the uploader's options, inputs and variables; by default it is PyPI, and `*` is unknown."""
    assert going(step, **env) == [index]


@each(
    "step",
    [
        {"run": "npx semantic-release"},
        {"run": "fullrelease --no-input"},
        {"run": "$(which twine) upload dist/*"},
        {"run": '"$TWINE" upload dist/*'},
        {"run": "python -c 'from twine.__main__ import main; main()'"},
        {"run": "python -c 'import up; up.publish()'"},
        {"run": "scripts/deploy.sh"},
        {"run": "bash tools/release.sh"},
        {"run": "earthly +publish"},
        {"run": "curl -F content=@dist/sample.whl https://upload.index.invalid/legacy/"},
        {"run": "curl --form x=y https://upload.index.invalid/legacy/"},
        {"uses": "acme/publish@v1"},
        {"uses": "acme/semantic-release@v1"},
        {"uses": "docker://acme/publish:1"},
    ],
)
def test_what_speaks_of_publishing_may_do_so(step: dict[str, Any]) -> None:
    """A command or action whose name suggests publishing may upload, as its work cannot be seen."""
    assert doubtful(step)


@each(
    "step",
    [
        {"run": "gh release upload v1 dist/*"},
        {"run": "cp -r release upload; cd release"},
        {"run": "docker push acme/release"},
        {"run": "curl https://index.invalid/pypi/sample/json"},
        {"run": "pip install release-tool"},
        {"run": "make publish --dry-run"},
        {"run": "twine check dist/*"},
        {"run": "export PUBLISH=1; python -m build"},
        {"run": "pytest tests/test_publisher.py"},
        {"uses": "actions/upload-artifact@v4"},
        {"uses": "actions/deploy-pages@v4"},
        {"uses": "softprops/action-gh-release@v2"},
        {"uses": "ncipollo/release-action@v1"},
        {"uses": "docker/build-push-action@v6"},
        {"uses": "JS-DevTools/npm-publish@v3"},
        {"uses": "./publish"},
        {},
    ],
)
def test_what_uploads_to_something_else_is_no_doubt(step: dict[str, Any]) -> None:
    """Steps that upload assets, pages or images, or only move files, do not count as possible uploads."""
    assert list(destinations(step, {})) == []


@each(
    ("step", "expected"),
    [
        ({"uses": "pypa/gh-action-pypi-publish@v1", "with": {"user": "${{ secrets.U }}", "password": SECRET}}, ["X"]),
        ({"uses": "JRubics/poetry-publish@v2", "with": {"pypi_token": SECRET}}, ["X"]),
        ({"run": "twine upload -u ${{ secrets.U }} -p ${{ secrets.X }} dist/*"}, ["X"]),
        ({"run": "twine upload -r testpypi -p $A dist/*\ntwine upload --password=$B dist/*"}, ["A", "X"]),
        ({"run": "TWINE_PASSWORD=$B twine upload dist/*"}, ["X"]),
        ({"run": "export UV_PUBLISH_TOKEN=$B\nuv publish"}, ["X"]),
        ({"run": "twine upload -p ${{ secrets.GITHUB_TOKEN }} dist/*"}, [None]),
        ({"run": "twine upload dist/*"}, [None]),
    ],
)
def test_the_secret_of_an_upload_is_told(step: dict[str, Any], expected: list[str | None]) -> None:
    """By the option, the input or the variable that takes a password."""
    found = destinations(step, {"A": "${{ secrets.A }}", "B": SECRET})
    assert [one.secret for one in found if one] == expected


def test_what_a_step_sets_is_told_to_those_after_it() -> None:
    """Variables that a step writes to `$GITHUB_ENV` reach later steps; conditional ones have an unknown value."""
    later: dict[str, str] = {}
    text = 'echo "TWINE_REPOSITORY=testpypi" >> "$GITHUB_ENV"\nif x; then echo A=1 >>$GITHUB_ENV; fi\necho B=2'
    assert list(destinations({"run": text}, {}, later)) == []
    assert later == {"TWINE_REPOSITORY": "testpypi", "A": "$A"}
    assert going({"run": "twine upload dist/*"}, **later) == ["testpypi"]
    list(destinations({"run": "echo C=3 >> $GITHUB_ENV", "if": "x"}, {}, later))
    assert later["C"] == "$C"
    list(destinations({"run": f"echo D={'x' * 5000} >> $GITHUB_ENV"}, {}, later))
    assert len(later["D"]) == 1000


@pytest.mark.parametrize(
    "script", ["A=x; " + "A=$A$A; " * 40 + "$A", "bash -c " * 99 + "x", "eval " * 5000, "bash -c", "fi; done; esac"]
)
def test_strange_scripts_come_to_an_end(script: str) -> None:
    """Reading ends for scripts with growing values, nested shells, or unmatched ends."""
    assert going({"run": script}) == []


def test_scripts_are_read_as_commands() -> None:
    """Quotes, continued lines, comments and separators are read as a shell reads them."""
    script = "a 'b c' \"d\" # e\n\nf\\\n g;h|i&&j || k $(l m) `n` o#p"
    words = [["a", "b c", "d"], ["f", "g"], ["h"], ["i"], ["j"], ["k", "$"], ["l", "m"], ["n"], ["o#p"]]
    assert list(commands(script)) == words
    quoted = """'a "b"' "c 'd' \\"e\\"" f\\'g '' "" h'i'"j"\\ k"""
    assert list(commands(quoted)) == [['a "b"', "c 'd' \"e\"", "f'g", "", "", "hij k"]]


def test_an_option_with_its_value_takes_no_further_word() -> None:
    """An option's value is not taken for the subcommand, and the word after it is."""
    assert _runs(["uv", "--color", "never", "publish"], "uv", ["publish"])
    assert _runs(["uv", "--color=never", "publish"], "uv", ["publish"])
    assert not _runs(["uv", "--color=never", "run", "publish"], "uv", ["publish"])
