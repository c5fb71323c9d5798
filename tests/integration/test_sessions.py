"""The sessions, one by one, as they are used by hand and in CI."""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.tags import sys_tags
from python_discovery import get_interpreter

from nox_ship.package.build import build
from nox_ship.package.installable import installable
from nox_ship.project import Project
from support import make_wheel
from workbench import PYTHON, Bench

TESTS = f"tests-{PYTHON}"
VERIFY = f"verify-install-{PYTHON}"
OURS = [
    *("lint", "typecheck", TESTS, "coverage", "audit", "lowest", "api", "build", "wheels", "collect", VERIFY),
    *(
        "verify-published",
        "matrix",
        "publish-test",
        "publish-prod",
        "publish",
        "announce",
        "release",
        "doctor",
        "status",
    ),
]


def listed(bench: Bench, *command: str) -> list[str]:
    """Return the names of the sessions that are listed when nox is started with ``command``."""
    done = subprocess.run(
        [*command, "--list"], cwd=bench.root, env=bench.environment(), capture_output=True, text=True, check=True
    )
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("* ", "- "))]


def test_registered_however_nox_is_started(bench: Bench) -> None:
    """The sessions are registered whether nox is started as `nox`, `python -m nox` or `python noxfile.py`."""
    bench.edit("noxfile.py", "import nox_ship\n", "import nox\nimport nox_ship\n")
    text = (bench.root / "noxfile.py").read_text("utf-8")
    bench.write({"noxfile.py": f'{text}\nif __name__ == "__main__":\n    nox.main()\n'})
    nox = shutil.which("nox", path=str(Path(sys.executable).parent))
    assert nox
    assert listed(bench, nox) == OURS
    assert listed(bench, sys.executable, "-m", "nox") == OURS
    assert listed(bench, sys.executable, "noxfile.py") == OURS


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ('["tests", "coverage", "lint"]', [TESTS, "lint"]),
        ('["mine", "audit"]', ["mine-3.11", "mine-3.12", "audit"]),
        ('["coverage"]', [TESTS]),
        ("[]", ["matrix"]),
    ],
)
def test_the_matrix_is_handed_to_actions(bench: Bench, gates: str, expected: list[str]) -> None:
    """The matrix has a job for each gate and Python, none for coverage, and is never empty."""
    own = "@nox.session(python=['3.11', '3.12'])\ndef mine(session):\n    pass\n\n\n"
    bench.write({"noxfile.py": f"import nox\nimport nox_ship\n\n\n{own}nox_ship.register()\n"})
    bench.edit("pyproject.toml", 'gates = ["tests"]', f"gates = {gates}")
    output = bench.root.parent / "output.txt"
    outcome = bench.nox("-s", "matrix", env={"GITHUB_OUTPUT": str(output)})
    assert outcome.code == 0, outcome.output
    handed = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
    assert [job["session"] for job in json.loads(handed["gates"])] == expected
    assert json.loads(handed["pythons"]) == [PYTHON]
    assert handed["newest"] == PYTHON


def test_the_session_of_one_python_describes_its_environment(quick: Bench) -> None:
    """Only the session of the Python in `NOX_SHIP_SBOM` writes a bill of materials, and it tells later steps so."""
    output, bill = quick.root.parent / "output.txt", quick.root / ".nox-ship" / "sbom.cdx.json"
    for python, expected in (("3.99", False), (PYTHON, True)):
        outcome = quick.nox("-s", VERIFY, env={"NOX_SHIP_SBOM": python, "GITHUB_OUTPUT": str(output)})
        assert outcome.code == 0, outcome.output
        assert bill.exists() == outcome.has("sbom.cdx.json describes the wheel's environment") == expected
    assert "sbom=sbom.cdx.json" in output.read_text("utf-8").splitlines()


def test_excluded_and_own_sessions(bench: Bench) -> None:
    """An excluded session is not registered, and a session that the noxfile defines first replaces ours."""
    bench.write(
        {
            "noxfile.py": (
                "import nox\nimport nox_ship\n\n\n@nox.session(python=False)\ndef lint(session):\n"
                '    print("my own lint")\n\n\nnox_ship.register(exclude=["audit"])\n'
            )
        }
    )
    assert sorted(listed(bench, sys.executable, "-m", "nox")) == sorted(set(OURS) - {"audit"})
    outcome = bench.nox("-s", "lint")
    assert outcome.code == 0
    assert outcome.has("my own lint")


def test_wrong_name_in_exclude(bench: Bench) -> None:
    """A name in `exclude` that is none of our sessions is refused, and the message contains it."""
    bench.write({"noxfile.py": 'import nox_ship\n\nnox_ship.register(exclude=["adit"])\n'})
    outcome = bench.nox("--list")
    assert outcome.code != 0
    assert outcome.has("adit")


def test_listing_is_quick(bench: Bench) -> None:
    """Listing the sessions takes at most 0.15 s of processor time more than with an empty noxfile."""
    empty = bench.root.parent / "empty"
    empty.mkdir()
    (empty / "noxfile.py").write_text("import nox\n\n\n@nox.session\ndef one(session):\n    pass\n", "utf-8")
    command = [sys.executable, "-m", "nox", "--list"]
    costs = []
    for _ in range(5):
        seconds = []
        for folder in (empty, bench.root):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, cwd=folder, env=bench.environment(), capture_output=True, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        costs.append(seconds[1] - seconds[0])
    assert statistics.median(costs) < 0.15, costs


def test_settings_that_are_wrong_do_not_hide_the_sessions(bench: Bench) -> None:
    """With a wrong setting, the sessions are still listed, and each one stops with a one-line message (NS102)."""
    bench.edit("pyproject.toml", 'gates = ["tests"]', "gates = 3")
    assert listed(bench, sys.executable, "-m", "nox") == OURS
    outcome = bench.nox("-s", "lint")
    assert outcome.code == 1
    assert outcome.has("NS102", "tool.nox-ship.gates")
    assert "Traceback" not in outcome.output


def test_gates_take_arguments(bench: Bench) -> None:
    """Arguments after `--` are passed to the tool of the gate."""
    bench.write({"tests/test_more.py": "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n"})
    outcome = bench.nox("-s", TESTS, "--", "-k", "two")
    assert outcome.code == 0, outcome.output
    assert outcome.has("1 passed, 2 deselected")
    outcome = bench.nox("-s", "lint", "--", "--statistics", "src")
    assert outcome.code == 0, outcome.output
    assert outcome.has("ruff check --statistics src")


def test_gates_in_parallel(bench: Bench) -> None:
    """In a project without settings, the gates run in parallel, and a gate without a task is skipped with a reason."""
    bench.edit("pyproject.toml", '[tool.nox-ship]\ngates = ["tests"]\n', "")
    outcome = bench.nox("-j", "4")
    assert outcome.code == 0, outcome.output
    assert outcome.has("* lint: success", f"* {TESTS}: success", "* coverage: success", "* audit: success")
    assert outcome.has("* typecheck: skipped (the project has no type checker")


def test_project_without_tests(bench: Bench) -> None:
    """In a project without tests, `tests` and `coverage` are skipped with a reason."""
    bench.write({"tests/test_sample.py": None})
    outcome = bench.nox("-s", TESTS, "coverage")
    assert outcome.has("no tests were found", "the project has no tests to measure")
    assert not outcome.has(f"{TESTS}: success")


def test_typecheck_finds_mistakes(bench: Bench) -> None:
    """With settings for mypy, a type error fails the gate."""
    bench.edit("pyproject.toml", "[tool.nox-ship]", "[tool.mypy]\nstrict = true\n\n[tool.nox-ship]")
    bench.write({"src/sample/__init__.py": "def main() -> None:\n    x: int = 'text'\n    print(x)\n"})
    outcome = bench.nox("-s", "typecheck")
    assert outcome.code == 1
    assert outcome.has("Incompatible types in assignment")


def test_coverage_of_several_pythons_is_combined(bench: Bench) -> None:
    """Lines that ran on only one Python, or in another CI job, count as covered, and the threshold is applied."""
    other = next((v for v in ("3.12", "3.11", "3.13") if v != PYTHON and shutil.which(f"python{v}")), None)
    if other is None or subprocess.run([f"python{other}", "-V"], capture_output=True, check=False).returncode:
        pytest.skip("needs a second Python")
    bench.edit(
        "pyproject.toml",
        'gates = ["tests"]\n',
        f'gates = ["tests", "coverage"]\npythons = ["{PYTHON}", "{other}"]\ncoverage.fail-under = 100\n',
    )
    condition = f"sys.version_info[:2] == ({PYTHON.replace('.', ', ')})"
    branch = f"    if {condition}:\n        print(1)\n    else:\n        print(2)\n"
    bench.write({"src/sample/__init__.py": f"import sys\n\n\ndef main():\n{branch}"})
    assert bench.nox("-s", TESTS).code == 0
    alone = bench.nox("--no-dependencies", "-s", "coverage")
    assert alone.code == 1, alone.output
    job = bench.root.parent / "job"  # like a job on another machine
    shutil.copytree(bench.root, job, ignore=shutil.ignore_patterns(".nox", ".nox-ship"))
    assert Bench(job, bench.remote, bench.cache).nox("-s", f"tests-{other}").code == 0
    (data,) = (job / ".nox-ship" / "coverage").glob("data.*")
    shutil.copy(data, bench.root / ".nox-ship" / "coverage")
    both = bench.nox("--no-dependencies", "-s", "coverage")
    assert both.code == 0, both.output
    assert both.has("100%")


def test_coverage_without_data(bench: Bench) -> None:
    """If nothing was measured, `coverage` fails and says what to do (NS411)."""
    outcome = bench.nox("--no-dependencies", "-s", "coverage")
    assert outcome.code == 1
    assert outcome.has("NS411")


def test_audit_never_takes_silence_for_an_answer(bench: Bench) -> None:
    """The audit is skipped without data, fails in CI (NS422), and reports dangerous code (NS423), or fails for it."""
    plain = (bench.root / "pyproject.toml").read_text("utf-8")
    bench.edit("pyproject.toml", 'license = "MIT"', 'license = "MIT"\ndependencies = ["sample-dependency"]')
    bench.write({"src/sample/__init__.py": "import subprocess\n\n\ndef main(x):\n    subprocess.call(x, shell=True)\n"})
    wheel = make_wheel(bench.root.parent / "wheels", {"sample_dependency.py": ""}, name="sample_dependency")
    env = {"UV_FIND_LINKS": str(wheel.parent)}
    laptop = bench.nox("-s", "audit", env=env)
    assert laptop.has("NS422", "sample-dependency", "NS423", "shell=True"), laptop.output
    assert not laptop.has("Session audit was successful")
    ci = bench.nox("-s", "audit", env={**env, "CI": "true"})
    assert ci.code == 1
    assert ci.has("NS422")
    bench.write({"pyproject.toml": plain, "bandit.yaml": "skips: []\n"})
    strict = bench.nox("-s", "audit")
    assert strict.code == 1
    assert strict.has("NS423", "shell=True")
    assert not strict.has("NS422")


def test_build_is_made_once(bench: Bench) -> None:
    """A commit is built once, and again only if a file or the commit has changed; another clone builds the same."""
    bench.write({"dist/stale-0.1.tar.gz": "old", "dist/more/old.whl": "old"})
    first = bench.nox("-s", "build")
    assert first.code == 0, first.output
    names = ["sample-1.2.3.dev1-py3-none-any.whl", "sample-1.2.3.dev1.tar.gz"]
    assert sorted(path.name for path in (bench.root / "dist").iterdir() if path.is_file()) == names
    assert (bench.root / "dist" / "more" / "old.whl").is_file()
    manifest = json.loads((bench.root / ".nox-ship" / "manifest.json").read_text("utf-8"))
    assert (manifest["version"], manifest["commit"]) == ("1.2.3.dev1", bench.git("rev-parse", "HEAD"))
    assert [file["name"] for file in manifest["files"]] == names
    assert not manifest["dirty"]
    assert bench.git("status", "--porcelain") == "?? dist/"
    assert bench.nox("-s", "build").has("already")
    elsewhere = Bench(bench.root.parent / "elsewhere", bench.remote, bench.cache)
    bench.git("clone", "--quiet", str(bench.remote), str(elsewhere.root))
    elsewhere.write({"src/sample/__pycache__/junk.py": "", "dist/junk.txt": ""})
    assert elsewhere.nox("-s", "build").code == 0
    made = json.loads((elsewhere.root / ".nox-ship" / "manifest.json").read_text("utf-8"))
    assert made["files"] == manifest["files"]
    with (bench.root / "dist" / names[0]).open("ab") as wheel:
        wheel.write(b"x")
    assert not bench.nox("-s", "build").has("already")
    bench.write({"more.txt": ""})
    bench.commit()
    assert not bench.nox("-s", "build").has("already")


def test_publish_is_rehearsed(bench: Bench) -> None:
    """`publish -- --dry-run` builds, verifies, uploads to a stand-in index and installs from it."""
    bench.git("tag", "v1.2.3")
    bench.git("push", "--quiet", "origin", "v1.2.3")
    outcome = bench.nox("-s", "publish", "--", "--dry-run")
    assert outcome.code == 0, outcome.output
    assert outcome.has(
        "1 of 2: uploading sample-1.2.3-py3-none-any.whl",
        "2 of 2: uploading sample-1.2.3.tar.gz",
        "as the stand-in for PyPI serves it, works on Python",
        "Nothing left this machine",
    )
    again = bench.nox("-s", "publish-test", "--", "--dry-run")
    assert again.has(f"passed on Python {PYTHON}", "stand-in for TestPyPI")


def test_each_session_shows_its_own_help(bench: Bench) -> None:
    """`--help` after a session shows the help of that session, and builds nothing."""
    outcome = bench.nox("-s", "publish-prod", "--", "--help")
    assert outcome.code == 0, outcome.output
    assert outcome.has("usage: nox -s publish-prod --", "--no-install")
    assert not (bench.root / "dist").exists()


def test_without_a_manifest_nothing_is_published(bench: Bench) -> None:
    """Without a manifest, `verify-install` and `publish` stop and name the session that makes one (NS601)."""
    for command in (["-s", VERIFY], ["-s", "publish", "--", "--dry-run"]):
        outcome = bench.nox("--no-dependencies", *command)
        assert outcome.code == 1
        assert outcome.has("NS601", "nox -s build")


def test_a_release_is_built_from_its_commit(bench: Bench) -> None:
    """In a release, untracked files in the clone are not built, and the manifest is not marked as dirty."""
    bench.write({"src/sample/left_over.py": ""})
    manifest = build(Project.read(bench.root), committed=True).manifest
    assert not manifest.dirty
    with zipfile.ZipFile(bench.root / "dist" / manifest.files[0].name) as wheel:
        assert "sample/left_over.py" not in wheel.namelist()


def test_each_python_here_says_which_wheels_it_takes() -> None:
    """Each installed Python reports only its own wheel as installable, even one too old for the library `packaging`."""
    versions = [f"3.{minor}" for minor in range(8, 16)]
    here = {version: found for version in versions if (found := get_interpreter(version))}
    platform = next(iter(sys_tags())).platform
    wheels = {f"sample-1.0-cp{v.replace('.', '')}-cp{v.replace('.', '')}-{platform}.whl": v for v in versions}
    assert PYTHON in here
    for version, found in here.items():
        assert [wheels[name] for name in installable(list(wheels), str(found.executable))] == [version]
