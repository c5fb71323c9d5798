"""Rehearsals from end to end: what they do, what they leave, and how they fail."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import fastjsonschema
import pytest
from python_discovery import get_interpreter

from nox_ship.process import uv
from nox_ship.report_schema import report_schema
from reports import Page
from workbench import GOOD, PYTHON, QUICK, Bench, Outcome, hatched, make_bench

STEPS = [
    "preflight",
    "stage",
    "bump",
    "gates",
    "upload rehearsal",
    "difference",
    "push",
    "checkout",
    "publish",
    "announce",
]


@dataclasses.dataclass(frozen=True)
class Rehearsed:
    """One of several rehearsals of the same project."""

    outcome: Outcome
    report: dict[str, Any]

    @property
    def sessions(self) -> dict[str, str]:
        """The status of each session."""
        return {row["name"]: row["status"] for row in self.report["rows"] if row["within"]}


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, dict[str, Rehearsed]]]:
    """Rehearse a commit several times; each rehearsal must leave everything as it was."""
    bench = make_bench(tmp_path_factory.mktemp("repeated"), hatched(GOOD))
    before = bench.snapshot()
    found = {}
    for name, args in {
        "another version": ["2.0.0rc1", "--verbose"],
        "first": ["minor", "--report", "../report.json"],
        "second": ["minor"],
    }.items():
        outcome = bench.rehearse(*args)
        assert outcome.code == 0, outcome.output
        assert bench.snapshot() == before
        found[name] = Rehearsed(outcome, bench.report())
    yield bench, found
    assert bench.processes() == []


def test_rehearsal_does_everything_and_touches_nothing(repeated: tuple[Bench, dict[str, Rehearsed]]) -> None:
    """A rehearsal bumps, tags, tests, builds, uploads, installs and pushes, using a stand-in remote and index."""
    bench, found = repeated
    report = found["first"].report
    assert [row["name"] for row in report["rows"] if not row["within"]] == STEPS
    assert report["passed"]
    assert (report["version"], report["tag"]) == ("1.3.0", "v1.3.0")
    assert report["pushes"] == ["main → origin", "v1.3.0 → origin"]
    assert report["uploads"] == [
        "sample-1.3.0-py3-none-any.whl → PyPI",
        "sample-1.3.0.tar.gz → PyPI",
    ]
    assert json.loads((bench.root.parent / "report.json").read_text("utf-8")) == report
    said = found["first"].outcome.output
    assert "Nothing was touched: this was a rehearsal. To release: nox -s release -- minor" in said
    stand_in = next(bench.cache.glob("*/world/remote.git"))
    pushed = Bench(stand_in, stand_in, bench.cache)
    assert pushed.git("rev-parse", "main") == pushed.git("rev-parse", "v1.3.0^{commit}") == report["commit"]
    assert pushed.git("cat-file", "-t", "v1.3.0") == "tag"
    assert 'version = "1.3.0"' in pushed.git("show", "main:pyproject.toml")
    served = sorted(path.name for path in bench.cache.glob("*/world/index/*.*"))
    assert served == ["sample-1.3.0-py3-none-any.whl", "sample-1.3.0.tar.gz"]


def test_second_rehearsal_reuses_what_passed(repeated: tuple[Bench, dict[str, Rehearsed]]) -> None:
    """A second rehearsal of the same version reuses all results; a rehearsal of another version runs everything."""
    found = repeated[1]
    assert [{*one.sessions.values()} for one in found.values()] == [{"passed"}, {"passed"}, {"reused"}]
    assert found["another version"].report["uploads"][0] == "sample-2.0.0rc1-py3-none-any.whl → TestPyPI"


def test_a_rehearsal_leaves_its_report(repeated: tuple[Bench, dict[str, Rehearsed]]) -> None:
    """The report follows its schema and has the run's times, files and tools; a page shows the same."""
    bench, found = repeated
    outcome, report = found["first"].outcome, found["first"].report
    fastjsonschema.compile(report_schema())(report)
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(report["begun"])
    assert dt.timedelta(seconds=report["seconds"] - 1) < age < dt.timedelta(hours=2)
    rows = {row["name"]: row for row in report["rows"]}
    assert rows[f"verify-install-{PYTHON}"]["needs"] == ["build"]
    build, install, gates = rows["build"], rows[f"verify-install-{PYTHON}"], rows["gates"]
    assert gates["begun"] <= build["begun"] < build["begun"] + build["seconds"] <= install["begun"]
    assert install["begun"] + install["seconds"] <= gates["begun"] + gates["seconds"] <= report["seconds"]
    built = {path.name: path.read_bytes() for path in (bench.stage() / "dist").iterdir()}
    assert {file["name"]: (file["size"], file["sha256"]) for file in report["files"]} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in built.items()
    }
    assert {"Python", "nox-ship", "nox", "uv", "build", "twine", "bump-my-version", "git", "system"} == set(
        report["environment"]
    )
    assert len(report["verified"]) == 3
    (shown,) = bench.cache.glob("*/report.html")
    said = Page(shown.read_text("utf-8")).said("body")
    assert said.startswith("✓ passed Rehearsal of the release sample 1.3.0 Nothing was touched: this was a rehearsal.")
    for text in (report["tag"], report["commit"][:12], *rows, *built, *(file["sha256"] for file in report["files"])):
        assert text in said
    assert outcome.has(f"report: {shown}")


def test_output_of_passing_tools_is_shown_on_demand(repeated: tuple[Bench, dict[str, Rehearsed]]) -> None:
    """The output of tools that pass is shown only with `--verbose`."""
    assert "nox > Running session build" not in repeated[1]["first"].outcome.output
    assert "nox > Running session build" in repeated[1]["another version"].outcome.output


def test_a_reused_environment_holds_what_a_new_one_would(bench: Bench) -> None:
    """A reused environment has the required packages alone, and the caches of linters; after a failure, it is new."""
    made = f"/envs/tests-{PYTHON.replace('.', '-')}"

    def rehearsed(pyproject: str, *args: str) -> tuple[int, bool]:
        bench.write({"pyproject.toml": pyproject})
        bench.commit()
        outcome = bench.rehearse("minor", "--verbose", *args)
        return outcome.code, any("Creating" in line and made in line for line in outcome.output.splitlines())

    bench.write({"tests/test_more.py": "import six\n\n\ndef test_more():\n    assert six.PY3\n"})
    plain = GOOD["pyproject.toml"].replace('gates = ["tests"]', 'gates = ["lint", "tests"]')
    requiring = plain.replace("[project.scripts]", '[dependency-groups]\ntests = ["six"]\n\n[project.scripts]')
    assert rehearsed(requiring) == (0, True)
    assert [path.parent.name for path in bench.cache.rglob("ruff-cache")] == ["lint"]
    assert not (bench.stage() / ".ruff_cache").exists()
    assert rehearsed(plain, "--without", "lint") == (1, False)
    assert rehearsed(requiring, "--without", "lint") == (0, True)


def broken_test(bench: Bench) -> None:
    bench.write({"tests/test_more.py": "def test_sum():\n    assert 1 + 1 == 3\n"})


def broken_back_end(bench: Bench) -> None:
    bench.edit("pyproject.toml", 'readme = "README.md"', 'readme = "MISSING.md"')


def broken_readme(bench: Bench) -> None:
    bench.edit("pyproject.toml", "README.md", "README.rst")
    bench.write({"README.rst": "Title\n==\n\n.. nonsense::\n\n`broken\n"})


def missing_module(bench: Bench) -> None:
    bench.write({"src/sample/inner.py": '"""Inner."""\n'})
    bench.edit(
        "pyproject.toml",
        "[tool.nox-ship]",
        '[tool.uv.build-backend]\nwheel-exclude = ["src/sample/inner.py"]\n\n[tool.nox-ship]',
    )


def broken_entry_point(bench: Bench) -> None:
    bench.edit("pyproject.toml", '"sample:main"', '"sample:mian"')


def broken_import(bench: Bench) -> None:
    bench.write({"tests/test_sample.py": "def test_nothing():\n    pass\n"})
    bench.write({"src/sample/__init__.py": "import not_there\n\nmain = not_there.main\n"})


def secret_in_the_wheel(bench: Bench) -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    bench.write(
        {"src/sample/id_rsa": f"-----BEGIN {'PRIVATE'} KEY-----\n{body}{body}\n-----END {'PRIVATE'} KEY-----\n"}
    )


def failing_smoke(bench: Bench) -> None:
    text = '[tool.nox-ship.verify-install]\nsmoke = ["sample", ["python", "-c", "raise SystemExit(3)"]]\n'
    bench.edit("pyproject.toml", "[tool.nox-ship]", f"{text}\n[tool.nox-ship]")


def refusing_hook(name: str) -> Callable[[Bench], None]:
    def prepare(bench: Bench) -> None:
        hook = bench.root / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\necho the hook says no\nexit 1\n", "utf-8")
        hook.chmod(0o755)

    return prepare


@pytest.mark.parametrize(
    ("prepare", "step", "expected"),
    [
        (broken_back_end, "gates", ["NS431", "build did not pass", "NS501", "MISSING.md"]),
        pytest.param(broken_readme, "gates", ["NS502", "README"], marks=pytest.mark.exhaustive),
        pytest.param(missing_module, "gates", ["NS514", "sample/inner.py"], marks=pytest.mark.exhaustive),
        pytest.param(broken_entry_point, "gates", ["NS614", "sample:mian"], marks=pytest.mark.exhaustive),
        pytest.param(broken_import, "gates", ["NS613", "not_there"], marks=pytest.mark.exhaustive),
        pytest.param(
            secret_in_the_wheel, "gates", ["NS516", "a private key in sample/id_rsa"], marks=pytest.mark.exhaustive
        ),
        pytest.param(failing_smoke, "gates", ["NS616", "exit code 3"], marks=pytest.mark.exhaustive),
        (refusing_hook("pre-commit"), "bump", ["NS232", "the hook says no"]),
        (refusing_hook("pre-push"), "push", ["NS231", "the hook says no"]),
    ],
)
def test_failing_rehearsal_says_why(
    quick: Bench, prepare: Callable[[Bench], None], step: str, expected: list[str]
) -> None:
    """A rehearsal that fails names the reason, shows the tool's output, and changes nothing."""
    prepare(quick)
    quick.write({"marker.txt": ""})
    quick.commit()
    before = quick.snapshot()
    assert_failed(Rehearsed(quick.rehearse(), quick.report()), step, expected)
    assert quick.snapshot() == before


def assert_failed(rehearsed: Rehearsed, step: str, expected: list[str]) -> None:
    """Check that a rehearsal failed at a step with the expected texts, and did not go on."""
    outcome = rehearsed.outcome
    assert outcome.code == 1
    assert outcome.clean
    for text in expected:
        assert text in outcome.output, outcome.output
    assert "Nothing was touched" in outcome.output
    rows = {row["name"]: row["status"] for row in rehearsed.report["rows"] if not row["within"]}
    assert rows[step] == "failed"
    assert set(list(rows.values())[STEPS.index(step) + 1 :]) <= {"not reached"}


OWN = """\
import nox
import nox_ship


@nox.session(python=False)
def docs(session):
    session.run("python", "-c", "print(1)")


@nox.session(python=False)
def links(session):
    session.run("python", "-c", "raise SystemExit(1)")


nox_ship.register()
"""
LITTER = """\
from pathlib import Path

import sample


def test_litter():
    (Path(sample.__file__).parent / "left_over.py").write_text("")
"""
FAILS_ONCE = """\
from pathlib import Path
from uv_build import *
from uv_build import build_sdist as made

def build_sdist(folder, settings=None):
    mark = Path({mark!r})
    if mark.exists():
        return made(folder, settings)
    mark.touch()
    raise RuntimeError("not this time")
"""


@pytest.fixture(scope="module")
def attempts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Rehearsed, Rehearsed]:
    """Rehearse, on a laptop without a remote, a project whose build and gates fail; then leave out those gates."""
    bench = make_bench(tmp_path_factory.mktemp("attempts"))
    gates = f'["tests", "coverage", "docs", "links"]\npythons = ["{PYTHON}", "3.99"]'
    bench.edit("pyproject.toml", '["tests"]', gates)
    system = (
        'build-backend = "back_end"\nbackend-path = ["."]\n[tool.uv.build-backend]\nsource-include = ["back_end.py"]'
    )
    bench.edit("pyproject.toml", 'build-backend = "uv_build"', system)
    back_end = FAILS_ONCE.format(mark=str(bench.root.parent / "mark"))
    bench.write({"noxfile.py": OWN, "tests/test_litter.py": LITTER, "back_end.py": back_end})
    broken_test(bench)
    bench.commit()
    bench.git("remote", "remove", "origin")
    before = bench.snapshot()
    failed = Rehearsed(bench.rehearse(), bench.report())
    assert (bench.stage() / "src/sample/left_over.py").exists()
    assert bench.snapshot() == before
    return bench, failed, Rehearsed(bench.rehearse("patch", "--without", "tests", "--without", "links"), bench.report())


def test_failed_gates_are_named(attempts: tuple[Bench, Rehearsed, Rehearsed]) -> None:
    """Failed gates are named, including the project's own, with the command that runs one alone."""
    failed = attempts[1]
    expected = ["NS431", "tests-", "assert (1 + 1) == 3", f"nox -s tests-{PYTHON}", "links did not pass"]
    assert_failed(failed, "gates", expected)
    assert {"docs": "passed", "links": "failed", f"tests-{PYTHON}": "failed"}.items() <= failed.sessions.items()


def test_failed_gate_can_be_left_out(attempts: tuple[Bench, Rehearsed, Rehearsed]) -> None:
    """A rehearsal without the failed gates, and so without coverage, passes."""
    outcome, sessions = attempts[2].outcome, attempts[2].sessions
    assert outcome.code == 0, outcome.output
    assert outcome.has("without tests", "NS109")
    assert sessions == {
        "docs": "reused",
        "build": "passed",
        f"verify-install-{PYTHON}": "passed",
        "verify-install-3.99": "skipped",
    }


def test_what_is_missing_on_a_laptop(attempts: tuple[Bench, Rehearsed, Rehearsed]) -> None:
    """On a laptop, a missing remote and a missing Python do not stop a rehearsal, but both are reported."""
    _, failed, passed = attempts
    assert passed.outcome.has("NS209")
    rows = {row["name"]: row for row in [*failed.report["rows"], *passed.report["rows"]]}
    for name in ("tests-3.99", "verify-install-3.99"):
        assert rows[name]["status"] == "skipped"
        assert "3.99" in rows[name]["detail"]


def test_what_tests_leave_behind_is_not_released(attempts: tuple[Bench, Rehearsed, Rehearsed]) -> None:
    """Files that tests leave in the clone are not in the files that a second attempt builds there."""
    stage = attempts[0].stage()
    manifest = json.loads((stage / ".nox-ship" / "manifest.json").read_text("utf-8"))
    assert not manifest["dirty"]
    wheel = next((stage / "dist").glob("*.whl"))
    assert not any("left_over" in name for name in zipfile.ZipFile(wheel).namelist())


MISSING = next((version for minor in range(8, 16) if get_interpreter(version := f"3.{minor}") is None), None)
"""A Python that is not installed here."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Rehearsed]:
    """Rehearse, in CI, a commit that has a release's tag, in a project that lists no Pythons."""
    bench = make_bench(tmp_path_factory.mktemp("made"), QUICK)
    others = ", ".join(f"!=3.{minor}.*" for minor in range(8, 16) if f"3.{minor}" not in (PYTHON, MISSING))
    bench.edit("pyproject.toml", '">=3.11"', f'">=3.8, <3.16, {others}"')
    bench.edit("pyproject.toml", f'"Programming Language :: Python :: {PYTHON}"', "")
    bench.commit()
    bench.git("tag", "--annotate", "--message", "Release 1.2.3", "v1.2.3")
    bench.git("push", "--quiet", "origin", "v1.2.3")
    bench.git("tag", "--force", "v1.2.3", "HEAD")
    outcome = bench.rehearse("patch", env={"CI": "true"})
    assert outcome.code == 0, outcome.output
    return bench, Rehearsed(outcome, bench.report())


@pytest.mark.skipif(MISSING is None, reason="needs a Python version that is not installed")
def test_of_a_range_of_pythons_a_job_tries_those_that_it_has(made: tuple[Bench, Rehearsed]) -> None:
    """If the project lists no Pythons, CI does not fail for a missing one, but a notice names it (NS118)."""
    assert made[1].outcome.has("NS118", str(MISSING))
    assert set(made[1].sessions) == {"build", f"verify-install-{PYTHON}"}


def test_release_that_was_made_is_finished(made: tuple[Bench, Rehearsed]) -> None:
    """A commit that has a release's tag is not bumped again: that release is rehearsed to its end (NS223)."""
    bench, rehearsed = made
    assert rehearsed.outcome.has("NS223")
    assert rehearsed.report["version"] == "1.2.3"
    assert rehearsed.report["commit"] == bench.git("rev-parse", "HEAD")


FORGE = {"GITHUB_SERVER_URL": "https://127.0.0.1:9", "GITHUB_API_URL": "https://127.0.0.1:9/api/v3"}
"""A forge that does not answer."""


@pytest.fixture(scope="module")
def warned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Rehearsed]:
    """Rehearse a project without a license, with a command that needs an extra, and with a silent remote."""
    bench = make_bench(tmp_path_factory.mktemp("warned"), QUICK)
    further = 'dependencies = ["packaging"]\noptional-dependencies.cli = ["iniconfig"]\n'
    bench.edit("pyproject.toml", 'license = "MIT"\nlicense-files = ["LICENSE"]\n', further)
    bench.edit("pyproject.toml", "[project.scripts]\n", '[project.scripts]\nmore = "sample.more:main"\n')
    bench.edit("src/sample/__init__.py", '"""A sample."""', '"""A sample."""\n\nimport packaging  # noqa: F401')
    bench.write({"src/sample/more.py": "import iniconfig\n\nmain = iniconfig.IniConfig\n", "LICENSE": None})
    bench.commit()
    bench.git("remote", "set-url", "origin", "https://127.0.0.1:9/acme/sample.git")
    outcome = bench.rehearse(env=FORGE)
    assert outcome.code == 0, outcome.output
    return bench, Rehearsed(outcome, bench.report())


def test_a_command_that_needs_an_extra_is_a_warning(warned: tuple[Bench, Rehearsed]) -> None:
    """A command that can only be loaded with an extra is tested with it, and reported with a warning (NS620)."""
    place = "console_scripts more = sample.more:main can only be loaded with the extra cli: "
    assert warned[1].outcome.has("NS620", f"{place}ModuleNotFoundError: No module named 'iniconfig'")


def test_warnings_of_the_build_are_told(warned: tuple[Bench, Rehearsed]) -> None:
    """A warning of the build, such as a missing license, is shown by the rehearsal and stays in its report."""
    assert "warning: NS513 no-license" in warned[1].outcome.output
    assert "NS513" in str(warned[1].report["warnings"])


def test_remote_that_does_not_answer(warned: tuple[Bench, Rehearsed]) -> None:
    """If the remote does not answer, a rehearsal uses what was last fetched, and says so (NS210)."""
    assert warned[1].outcome.has("NS210")


def test_lint_changes_nothing(bench: Bench) -> None:
    """If ruff's settings fix mistakes, `lint` still checks the committed files and changes nothing."""
    bench.edit("pyproject.toml", "[tool.nox-ship]", "[tool.ruff]\nfix = true\n\n[tool.nox-ship]")
    bench.write({"src/sample/__init__.py": '"""A sample."""\n\nimport os\n\n\ndef main():\n    print("hello")\n'})
    bench.commit()
    outcome = bench.nox("-s", "lint")
    assert outcome.code == 1
    assert outcome.has("F401")
    assert bench.git("status", "--porcelain") == ""


def test_files_that_no_python_tried_are_not_released(quick: Bench) -> None:
    """If none of the project's Pythons is installed, a rehearsal fails (NS433), even on a laptop."""
    quick.edit("pyproject.toml", "[tool.nox-ship]\n", '[tool.nox-ship]\npythons = ["3.99"]\n')
    quick.commit()
    outcome = quick.rehearse()
    assert outcome.code == 1
    assert outcome.has("NS433", "3.99")


VALIDATING = """\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
validator = JsonStrictValidator(SchemaVersion.V1_6)
print([validator.validate_str(text) is None for text in sys.stdin.read().split("\\0")])
"""
"""Tells which of the bills of materials on its standard input are valid."""


def valid(*bills: bytes) -> list[bool]:
    """Return whether bills of materials follow the schema, according to CycloneDX's own library."""
    command = [uv(), "tool", "run", "--quiet", "--from", "cyclonedx-bom", "python", "-c", VALIDATING]
    told: list[bool] = json.loads(subprocess.check_output(command, input=b"\0".join(bills)).lower())
    return told


def test_a_release_that_is_announced_has_a_bill_of_materials(warned: tuple[Bench, Rehearsed]) -> None:
    """A release that is announced has a valid bill of materials; without a token for the forge, none is made."""
    bench, _ = warned
    path = bench.stage() / ".nox-ship" / "sbom.cdx.json"
    assert not path.exists()
    outcome = bench.rehearse(env={**FORGE, "GH_TOKEN": "ghs_0123456789abcdefghijABCDEFGHIJ012345"})
    assert outcome.code == 0, outcome.output
    announced = Rehearsed(outcome, bench.report())
    assert "sample-1.2.4.cdx.json" in announced.report["announces"][0]
    assert announced.sessions == {"build": "passed", f"verify-install-{PYTHON}": "passed"}
    content = path.read_bytes()
    assert valid(content, content.replace(b"post-build", b"post-buil")) == [True, False]
    told = json.loads(content)
    assert told["metadata"]["component"]["purl"] == "pkg:pypi/sample@1.2.4"
    assert [one["name"] for one in told["components"]] == ["packaging"]
