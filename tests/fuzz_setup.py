"""Fuzzing the files that `nox-ship init` reads and writes: noxfiles, workflows, settings for Dependabot."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from fuzz_projects import HATCH, SETUP_CFG, SETUP_PY, make_survey, read_project
from fuzzing import DEPTH, DIGITS, Ground, Target, as_toml, as_yaml, changed, damaged, texts
from nox_ship.automation import conditions
from nox_ship.config import WorkflowSettings
from nox_ship.release import filters
from nox_ship.release.workflows import publishing, uploads
from nox_ship.settings import read_settings
from nox_ship.setup import build_system, gitlab, init, lock, workflows
from nox_ship.setup.keep import keep_own
from nox_ship.setup.noxfile import NEW, Noxfile
from support import load_yaml

_TAGS = ("v1.2.3", "v1", "release/x", "a+b")

WORKFLOW = {
    "name": "release",
    "on": {"push": {"tags": ["v*"], "branches": ["main"]}, "workflow_dispatch": None},
    "permissions": {"id-token": "write"},
    "env": {"X": "${{ secrets.X }}"},
    "jobs": {
        "publish": {
            "runs-on": "ubuntu-latest",
            "if": "startsWith(github.ref, 'refs/tags/')",
            "environment": {"name": "pypi"},
            "permissions": {"contents": "read"},
            "steps": [{"uses": "pypa/gh-action-pypi-publish@v1", "with": {"x": 1}}, {"run": "nox -s publish"}],
        },
        "pypi": {"environment": "pypi", "uses": "./.github/workflows/x.yml", "steps": [{"run": "twine upload"}]},
    },
}
PLAIN = "on:\n  push:\n    tags: ['v*']\njobs:\n  a:\n    environment: pypi\n    steps:\n      - run: twine upload\n"
WORKFLOWS = damaged(changed([WORKFLOW]).map(as_yaml) | st.just(PLAIN.encode()), (0, 0, 1))


def _workflows(ground: Ground, data: bytes) -> None:
    root = ground.write({".github/workflows/x.yml": data, ".gitlab-ci.yml": data})
    ground.outcomes[f"published by {publishing(root, read_settings({}), 'pypi', 'v1.2.3').workflow}"] += 1
    found, told = uploads(root, "v1.2.3")
    assert all(isinstance(upload.environment, str | None) for upload in found)
    ground.outcomes.update(finding.id for finding in told)


_CONDITIONS = (
    "${{ startsWith(github.ref, 'refs/tags/v') && github.event_name == 'push' }}",
    "!cancelled() && (needs.x.result != 'y' || contains(fromJSON('[\"a\"]'), github.ref_name))",
    "github.event.inputs['x'] < 5.5e3 && always() || null",
)
_PATTERNS = ("v[0-9]+.[0-9]+.*", "!v1.*", "**/x?", "v[a-c]+\\\\*", "*+?[", "[z-a]")
_FACTS = {"github.ref": "refs/tags/v1.2.3", "github.ref_name": "v1.2.3", "github.event_name": "push"}


def _condition(ground: Ground, text: str) -> None:
    ground.outcomes[str(conditions.holds(text, _FACTS))] += 1


def _filter(ground: Ground, value: tuple[list[str], str]) -> None:
    ground.outcomes[str(filters.admits(*value))] += 1


DEPENDABOT = {"version": 2, "updates": [{"package-ecosystem": "github-actions", "directory": "/"}]}
OWN_SESSIONS = """\
# /// script
# dependencies = ["nox", "requests"]
# ///
import nox, os.path
from pathlib import Path as P

@nox.session(name="lint", python=["3.12"])
def check(session: nox.Session) -> None:
    session.run("x" * 3, -1, f"{session}")

class A: pass

if __name__ == "__main__":
    nox.main()
"""
REGISTERED = (
    '#!/usr/bin/env python\nimport nox\nimport nox_ship as ship\nX = ["lint"]\nship.register(exclude=X)\nnox.y = 0x1f\n'
)
NOXFILES = (OWN_SESSIONS, REGISTERED, NEW, "import nox\ntry:\n    import x\nexcept ImportError:\n    x = None\n")
_DEEP_PYTHON = ("-" * 90 + "1", "(" * 90 + ")" * 90, "a" + ".b" * 90, "1" + "+1" * 90, "0x" + "f" * DIGITS)
_VALUES = ("'lint'", "['lint']", "X", "nox.session", "session(name=0xff)", "'''\nx'''", "lambda: 1", "[x for x in y]")
_LINES = ("import other; x = 5", "from . import y", "def f(): pass", "class B: pass", "\f", "try: pass\nfinally: pass")
_CODE = st.sampled_from((*_DEEP_PYTHON, *_VALUES))


@st.composite
def _noxfiles(draw: st.DrawFn) -> str:
    text = draw(texts(NOXFILES, (0, 0, 0, 1)))
    if not draw(st.booleans()):
        return text
    lines = text.splitlines(keepends=True)
    tops = [at for at, line in enumerate(lines) if not line.startswith((" ", ")", "except"))]
    code = draw(_CODE)
    forms = (code, f"x = {code}", f"nox_ship.register(exclude={code})", f"if __name__ == {code}: pass")
    line = draw(st.sampled_from((*forms, f"@{code}\ndef lint(s): pass", *_LINES)))
    lines.insert(draw(st.sampled_from(tops or [0])), f"{line}\n")
    return "".join(lines)


def _noxfile(ground: Ground, text: str) -> None:
    """Check that an extended noxfile is valid Python and registers our sessions."""
    noxfile = Noxfile.read(text)
    ground.outcomes["registered"] += noxfile.registered
    ground.outcomes["foreign" if noxfile.foreign else "alone"] += noxfile.scripted + noxfile.excludes("lint")
    Noxfile.read(noxfile.completed())
    if (extended := noxfile.extended()) is not None:
        ground.outcomes["extended"] += 1
        assert Noxfile.read(extended).registered
    assert noxfile.written.late <= {one.name for one in noxfile.written.sessions}
    ground.outcomes["unclear"] += bool(noxfile.written.unsure or noxfile.written.pythons or noxfile.late)


FACTS = workflows.Facts("main", "v{version}", ("3.11", "3.12"), coverage=True, besides=(), settings=WorkflowSettings())
RENDERED = tuple(workflows.render(FACTS).values())
PIPELINE = gitlab.render(FACTS, [{"session": "lint", "python": "3.12"}], trusted=True)[".gitlab-ci.yml"]
_DEPLOY = "deploy:\n  script: [twine upload]\n  environment: {name: x}\n  variables: {TWINE_REPOSITORY: testpypi}\n"
KEPT = (RENDERED[0].replace("# >>> own: ", "# >>> own: ", 1).replace("# v7", "# v7.9", 1), *RENDERED)


def _keep(_: Ground, old: str) -> None:
    """Check that text of the user's that was kept once is kept again."""
    kept = keep_own(RENDERED[0], old)
    assert keep_own(RENDERED[0], kept) == kept


_LEGAL = st.text(st.sampled_from("abzAZ019./_-+@#%&=,;!$'\"(){}<>|`é "), min_size=1, max_size=12)
_NAMES = _LEGAL.filter(lambda name: not (set(" ~^:?*[\\") & set(name) or ".." in name or "@{" in name or "//" in name))
_BRANCHES = _NAMES.filter(lambda n: not n.startswith(("-", "/", ".")) and not n.endswith(("/", ".", ".lock")))
_ODD_BRANCHES = st.sampled_from(
    ("1.10", "on", "no", "a]b", "${{x}}", "null", "0x1f", "1e3", "#", "true", "a#b", "'", '"')
)


def _render(ground: Ground, value: tuple[str, str, bool]) -> None:
    """Check that each workflow is YAML that names the branch, and GitLab's file too unless it is refused."""
    branch, form, development = value
    settings = WorkflowSettings(development=development)
    facts = workflows.Facts(branch, form, ("3.12",), coverage=True, besides=(), settings=settings)
    for text in workflows.render(facts).values():
        document = load_yaml(text)
        assert document["env"]["NOX_SHIP_BRANCH"] == branch

    def pipeline() -> None:
        (text,) = gitlab.render(facts, [], trusted=True).values()
        document = load_yaml(text)
        assert document["variables"]["NOX_SHIP_BRANCH"] == branch

    ground.attempt(pipeline)


LOCK = lock.rendered("0.1.0", lambda _: ("0" * 64,))


def _lock(ground: Ground, old: str) -> None:
    """Check that writing a lock again does not change it."""
    new = lock.rendered("0.1.0", lambda _: ("0" * 64,), old)
    assert lock.rendered("0.1.0", lambda _: (), new) == new
    ground.outcomes["lacking" if lock.locked_version(new) is None else "whole"] += 1


def _init(ground: Ground, value: Mapping[str, Any]) -> None:
    files = {"noxfile.py": value["noxfile"].encode(), ".github/dependabot.yml": value["dependabot"]}
    files[".github/workflows/ci.yml"] = value["workflow"].encode()
    files[".gitlab-ci.yml"] = value["pipeline"].encode()
    project = read_project(ground, {"pyproject.toml": as_toml(HATCH), **files})
    for ci in ("github", "gitlab"):
        ground.attempt(lambda ci=ci: init.drift(make_survey(ground, project), ci))  # type: ignore[misc]
    plan = init.plan(make_survey(ground, project), ci=value["ci"])
    assert all(change.diff is not None for change in plan.changes)


SCRIPTS = (
    SETUP_PY,
    "import versioneer, numpy.core\nfrom setuptools import setup\nsetup(setup_requires=['x>=1; os_name == \"a\"'])\n",
    "import importlib\nOPTIONS = {'setup_requires': ('x', 5)}\nsetup(**OPTIONS)\n",
)


def _old_style(ground: Ground, files: Mapping[str, bytes]) -> None:
    """Check that the pyproject.toml written for a setup.py has a `[build-system]`."""
    root = ground.write({**files, "versioneer.py": b""})
    table = tomllib.loads(build_system.build_system(root))["build-system"]
    assert table["requires"][0].startswith("setuptools>=")
    ground.outcomes[str(table.get("build-backend"))] += 1 + len(build_system.unnamed_imports(root))
    ground.attempt(lambda: build_system.read_project(root).name)


_ODD_YAML = (
    "!!bool x",
    "!!timestamp x",
    "2001-99-99",
    "!!int ''",
    "9" * DIGITS,
    "&a [*a]",
    f"\n      {'- ' * 3000}",
    "{name: 5}",
    "5",
)
_KNOWN_YAML = (
    *(PLAIN.replace("pypi", odd).encode() for odd in (*_ODD_YAML, "[x]", "{? [x] : y}")),
    b"on: 5",
    b"on: {push: {tags: 5}}\njobs: 5",
)
_KNOWN_NOXFILES = (
    "-" * 5000 + "1",
    "(" * 5000,
    "a" + ".b" * 5000,
    "1" + "+1" * 5000,
    f"import nox\nif 0x{'f' * DIGITS}: pass\n",
    f"import nox\n@nox.session(name=0x{'f' * DIGITS})\ndef x(s): pass\n",
    f"import nox_ship\nx = 0x{'f' * DIGITS}\nnox_ship.register(exclude=x)\n",
    f"import nox_ship\nx[0x{'f' * DIGITS}] = 1\nnox_ship.register(exclude=x)\n",
    "import nox_ship\na" + "(1)" * 900 + "\nnox_ship.register()\n",
    'import nox\nx = "\x0c\u2028"\nif __name__ == "__main__":\n    nox.main()\n',
    "import nox; x = '''\nx'''\n",
    '# /// script\n# dependencies = ["nox"]\n# dependencies.x = 5\n# ///\nimport nox_ship\nnox_ship.register()\n',
    f"# /// script\n# dependencies = {'[' * DEPTH}\n# ///\nimport nox_ship\nnox_ship.register()\n",
)
_WHOLE = {
    "noxfile": NEW,
    "dependabot": b"",
    "workflow": RENDERED[0],
    "pipeline": PIPELINE,
    "ci": "github",
}
_KNOWN_INIT = tuple(
    {**_WHOLE, "dependabot": text}
    for text in (*_KNOWN_YAML, b"updates: 5", b"updates: [5]", b"updates: {a: b}", b"5", b"[5]", b"\xff")
)
_INIT = st.fixed_dictionaries(
    {
        "noxfile": _noxfiles(),
        "dependabot": damaged(changed([DEPENDABOT]).map(as_yaml)),
        "workflow": st.just(RENDERED[0]) | texts(KEPT),
        "pipeline": st.just(PIPELINE) | texts([PIPELINE, _DEPLOY]),
        "ci": st.sampled_from(("github", "gitlab")),
    }
)
_OLD_STYLE = st.fixed_dictionaries(
    {
        "setup.py": damaged(texts(SCRIPTS).map(str.encode)),
        "setup.cfg": damaged(texts([SETUP_CFG, "[options]\nsetup_requires =\n  x\n  y; z\n"]).map(str.encode)),
    }
)
_TAG_FORMS = _NAMES.map(lambda name: f"{name}{{version}}")

_REFS = texts(_TAGS).map(lambda name: name[:255])  # git's limit for a part of a name
_KNOWN_CONDITIONS = ("(" * DEPTH, "!" * DEPTH, "1" * DIGITS, "x" + "[0" * DEPTH)

TARGETS = {
    "workflows": Target(WORKFLOWS, _workflows, 0.2, _KNOWN_YAML),
    "condition": Target(
        texts(_CONDITIONS), _condition, 0.5, ("(" * DEPTH, "!" * DEPTH, "1" * DIGITS, "x" + "[0" * DEPTH)
    ),
    "tag filter": Target(st.tuples(st.lists(texts(_PATTERNS), max_size=3), _REFS), _filter, 0.5),
    "noxfile": Target(_noxfiles(), _noxfile, known=_KNOWN_NOXFILES),
    "own parts": Target(texts(KEPT), _keep, 0.2),
    "rendered workflows": Target(st.tuples(_BRANCHES | _ODD_BRANCHES, _TAG_FORMS, st.booleans()), _render, 0.05),
    "old style": Target(_OLD_STYLE, _old_style, 0.5),
    "lock": Target(texts([LOCK[:3000], LOCK[-3000:]]), _lock, 0.1),
    "init": Target(_INIT, _init, 0.3, _KNOWN_INIT),
}
"""The fuzz targets of this module, by name."""
