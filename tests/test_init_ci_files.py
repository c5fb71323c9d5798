from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

from initializing import GITHUB, HASH, LOCK, PYPROJECT, WRITTEN, files
from nox_ship import command
from nox_ship.project import Project
from nox_ship.setup.ci_files import gate_jobs
from nox_ship.setup.noxfile import NEW
from nox_ship.setup.survey import Survey
from support import git, load_yaml, write_files


@pytest.mark.slow
def test_a_workflow_that_drifted_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` fails with a diff (NS816), and only `--force` rewrites the workflow; own sections are kept."""
    command.main(["init"])
    path = project / ".github" / "workflows" / "ci.yml"
    text = path.read_text("utf-8")
    own = text.replace(
        "      # >>> own: steps before a gate\n", "      # >>> own: steps before a gate\n      - run: x\n"
    )
    path.write_text(own, "utf-8")
    assert command.main(["init", "--check"]) == 0
    path.write_text(own.replace("timeout-minutes: 60", "timeout-minutes: 61"), "utf-8")
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 1
    told = capsys.readouterr().out
    assert "-    timeout-minutes: 61" in told
    assert "NS816" in told
    drifted = files(project)
    assert command.main(["init"]) == 0
    assert files(project) == drifted
    assert "--force" in capsys.readouterr().out
    assert command.main(["init", "--force"]) == 0
    assert path.read_text("utf-8") == own


def test_check_misses_workflows_that_are_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` fails in a project without our files, and writes none."""
    before = files(project)
    assert command.main(["init", "--check"]) == 1
    assert capsys.readouterr().out.count("is missing") == 3
    assert files(project) == before


MATRIX = """
on: push
jobs:
  wheels:
    runs-on: ${{ matrix.os }}
    strategy:
      matrix:
        os: [ubuntu-24.04-arm, macos-15]
        include: [{os: windows-11-arm}, {os: macos-15}, {os: "${{ inputs.os }}"}]
    steps: [{uses: pypa/cibuildwheel@v3.2.0, env: {CIBW_TEST_REQUIRES: pytest, CIBW_BUILD: "${{ inputs.build }}"}}]
  test: {runs-on: ubuntu-20.04, steps: [{run: pytest}]}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ({}, ["ubuntu-latest", "macos-latest", "macos-15-intel", "windows-latest"]),
        ({".github/workflows/wheels.yml": MATRIX}, ["ubuntu-24.04-arm", "macos-15", "windows-11-arm"]),
    ],
)
def test_compiled_projects_get_a_job_for_each_system(
    project: Path, theirs: dict[str, str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A compiled project gets a job for each system of its own wheels workflow, or for the usual ones."""
    write_files(project, {"setup.py": "from setuptools import setup\nsetup(ext_modules=[])\n", **theirs})
    assert command.main(["init"]) == 0
    text = (project / "pyproject.toml").read_text("utf-8")
    assert text.startswith(PYPROJECT)
    made = Project.read(project)
    assert made.settings.wheels.systems == tuple(expected)
    assert made.tool("cibuildwheel") == ({"test-requires": "pytest"} if theirs else {})
    assert ("set CIBW_BUILD differently" in capsys.readouterr().out) == bool(theirs)
    jobs = load_yaml((project / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    assert [job["runs-on"] for name, job in jobs.items() if name.startswith("wheels-")] == expected
    assert "matrix" not in jobs["verify-install"]["needs"]
    assert command.main(["init", "--check"]) == 0


@pytest.mark.slow
def test_compiled_projects_elsewhere_are_installed_on_one_system(project: Path) -> None:
    """A compiled project outside GitHub gets no systems for wheels, and is installed only on Linux."""
    (project / "setup.py").write_text("from setuptools import setup\nsetup(ext_modules=[])\n", "utf-8")
    git(project, "remote", "set-url", "origin", "https://example.invalid/sample.git")
    assert command.main(["init"]) == 0
    assert Project.read(project).settings.wheels.systems == ()
    assert Project.read(project).settings.workflows.systems == ("ubuntu-latest",)


@pytest.mark.slow
def test_settings_for_dependabot_are_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing dependabot.yml is not changed, and `init` shows what to add to it."""
    text = "version: 2\nupdates:\n  - package-ecosystem: pip\n    directory: /\n"
    write_files(project, {".github/dependabot.yml": text})
    assert command.main(["init"]) == 0
    assert (project / ".github/dependabot.yml").read_text("utf-8") == text
    assert "package-ecosystem: github-actions" in capsys.readouterr().out


GITLAB_FILES = {"noxfile.py", ".gitlab-ci.yml", ".gitlab/nox-ship.txt"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("remote", "args"),
    [
        ("https://gitlab.com/acme/sample.git", []),
        ("git@gitlab.acme.example:acme/sample.git", []),
        (GITHUB, ["--ci", "gitlab"]),
    ],
)
def test_gitlab_gets_its_file(project: Path, remote: str, args: list[str]) -> None:
    """A project on GitLab gets .gitlab-ci.yml, with identities only on gitlab.com; own sections are kept."""
    git(project, "remote", "set-url", "origin", remote)
    before = files(project)
    assert command.main(["init", *args]) == 0
    after = files(project)
    assert set(after) - set(before) == GITLAB_FILES
    assert ("id_tokens" in after[".gitlab-ci.yml"]) == ("gitlab.com" in remote)
    assert HASH in after[".gitlab/nox-ship.txt"]
    assert command.main(["init", *args]) == 0
    assert files(project) == after
    path = project / ".gitlab-ci.yml"
    own = after[path.name].replace("# >>> own: further jobs\n", "# >>> own: further jobs\nmine: {script: [make]}\n")
    path.write_text(own, "utf-8")
    assert command.main(["init", "--check"]) == 0
    path.write_text(own.replace("1 hour", "2 hours"), "utf-8")
    assert command.main(["init", "--check"]) == 1
    assert command.main(["init", "--force"]) == 0
    assert path.read_text("utf-8") == own


def test_gitlabs_file_has_a_job_for_each_gate(project: Path) -> None:
    """.gitlab-ci.yml has a job for each gate, except those that the noxfile excludes."""
    text = 'import nox_ship\nnox_ship.register(exclude=["audit", "coverage"])\n'
    settings = '[tool.nox-ship]\ngates = ["tests", "coverage", "audit", "mine"]\npythons = ["3.11", "3.12"]\n'
    write_files(project, {"noxfile.py": text, "pyproject.toml": PYPROJECT + settings})
    assert command.main(["init", "--ci", "gitlab"]) == 0
    jobs = load_yaml((project / ".gitlab-ci.yml").read_text("utf-8"))
    assert [job["SESSION"] for job in jobs["gates"]["parallel"]["matrix"]] == ["tests-3.11", "tests-3.12", "mine"]
    assert "coverage" not in jobs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "gates", "expected"),
    [
        ("nox_ship.register()", '["tests", "audit"]', ("rehearse", "audit", "verify")),
        ("nox_ship.register()", '["tests"]', ("rehearse", "audit", "verify")),
        ('nox_ship.register(exclude=["audit"])', '["tests", "audit"]', ("rehearse", "verify")),
        ("@nox.session\ndef audit(session): ...\n\n\nnox_ship.register()", None, ("rehearse", "audit", "verify")),
    ],
)
def test_the_weekly_workflow_audits_where_there_is_a_session_for_it(
    project: Path, own: str, gates: str | None, expected: tuple[str, ...]
) -> None:
    """The weekly workflow has an audit job if there is such a session; the rehearsal omits it if it is a gate."""
    chosen = f"gates = {gates}\n" if gates else ""
    settings = f"[tool.nox-ship]\n{chosen}workflows.weekly = true\n"
    write_files(
        project, {"noxfile.py": f"import nox\nimport nox_ship\n\n\n{own}\n", "pyproject.toml": PYPROJECT + settings}
    )
    assert command.main(["init"]) == 0
    text = (project / ".github" / "workflows" / "weekly.yml").read_text("utf-8")
    assert tuple(load_yaml(text)["jobs"]) == expected
    assert ("--without audit" in text) == ("audit" in expected and gates != '["tests"]')
    assert command.main(["init", "--check"]) == 0


@pytest.mark.slow
def test_a_coverage_that_measures_by_itself_is_a_job_like_any(project: Path) -> None:
    """A coverage session of the project that runs the tests itself is an ordinary gate job."""
    own = 'import nox\nimport nox_ship\n\n\n@nox.session\ndef coverage(session):\n    session.run("pytest", "--cov")\n'
    write_files(project, {"noxfile.py": f"{own}\n\nnox_ship.register()\n"})
    assert command.main(["init", "--ci", "gitlab"]) == 0
    jobs = load_yaml((project / ".gitlab-ci.yml").read_text("utf-8"))
    assert "coverage" in [job["SESSION"] for job in jobs["gates"]["parallel"]["matrix"]]


@pytest.mark.slow
def test_a_file_of_gitlab_that_was_written_by_hand_is_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hand-written .gitlab-ci.yml is kept, and no lock is written for it, unless `--force` names it."""
    write_files(project, {".gitlab-ci.yml": "test: {script: [make]}\n"})
    before = files(project)
    assert command.main(["init", "--ci", "gitlab"]) == 0
    told = capsys.readouterr().out
    assert ".gitlab-ci.yml is yours" in told
    assert "Before the first release" not in told
    assert set(files(project).items()) - set(before.items()) == {("noxfile.py", NEW)}
    assert command.main(["init", "--check", "--ci", "gitlab"]) == 0
    assert command.main(["init", "--ci", "gitlab", "--force", ".gitlab-ci.yml"]) == 0
    assert "make" not in (project / ".gitlab-ci.yml").read_text("utf-8")


@pytest.mark.slow
def test_a_project_below_the_top_has_workflows_at_the_top(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Projects in subfolders get workflows with their own names, and `init` warns if tags start both."""
    for name in ("one", "two"):
        root = project / "packages" / name
        write_files(root, {"pyproject.toml": f'[project]\nname = "the.{name}"\nversion = "1"\n'})
        monkeypatch.chdir(root)
        assert command.main(["init"]) == 0
        told = capsys.readouterr().out
        assert f"Workflow name      the-{name}-release.yml\n" in told
        assert ("v{version} also start the-one-release.yml" in told) == (name == "two")
    folder = project / ".github" / "workflows"
    expected = ["the-one-ci.yml", "the-one-release.yml", "the-two-ci.yml", "the-two-release.yml"]
    assert sorted(path.name for path in folder.iterdir()) == expected
    path = folder / expected[3]
    path.write_text(path.read_text("utf-8").replace("timeout-minutes: 60", "timeout-minutes: 61"), "utf-8")
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 1
    assert "../../.github/workflows/the-two-release.yml" in capsys.readouterr().out
    monkeypatch.chdir(project / "packages" / "one")
    assert command.main(["init", "--check"]) == 0


PUBLISH = """\
on: {push: {tags: ["v*"]}}
jobs:
  publish:
    environment: release
    permissions: {id-token: write}
    steps: [{uses: pypa/gh-action-pypi-publish@v1}]
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["publish.yml", "release.yml"])
def test_a_second_publisher_is_not_written_without_being_told(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """If another workflow already publishes, ours is not written; the settings shown put ours in its place."""
    theirs = f".github/workflows/{name}"
    write_files(project, {theirs: PUBLISH})
    before = files(project)
    assert command.main(["init"]) == 0
    assert set(files(project)) - set(before) == WRITTEN - {".github/workflows/release.yml"}
    told = capsys.readouterr().out
    assert f"{name} publishes pushed tags, from the environment release" in told
    assert "publisher on" not in told
    assert command.main(["init", "--check"]) == 0
    capsys.readouterr()
    settings = told.partition(f"--force {name}`:\n\n")[2].partition("\n\n")[0]
    write_files(project, {"pyproject.toml": f"{PYPROJECT}\n{settings}\n"})
    assert command.main(["init", "--force", name]) == 0
    assert set(files(project)) - set(before) == WRITTEN - {".github/workflows/release.yml"}
    job = load_yaml((project / theirs).read_text("utf-8"))["jobs"]["pypi"]
    assert job["environment"]["name"] == "release"
    told = capsys.readouterr().out
    assert f"Workflow name      {name}\n  Environment name   release\n" in told
    assert "remove its tag trigger" not in told
    assert command.main(["init", "--check"]) == 0


@pytest.mark.slow
def test_a_second_publisher_that_was_asked_for_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If `--force` wrote our workflow anyway, each run names the others that publish or may publish."""
    write_files(
        project,
        {
            ".github/workflows/publish.yml": PUBLISH,
            ".github/workflows/x.yml": PUBLISH.replace("uses: pypa/gh-action-pypi-publish@v1", "run: ./publish.sh"),
        },
    )
    for args in (["--force", "release.yml"], []):
        assert command.main(["init", *args]) == 0
        told = capsys.readouterr().out
        assert "publish.yml publishes pushed tags, as release.yml does: delete it" in told
        assert "x.yml may publish tagged versions" in told
    assert (project / ".github/workflows/release.yml").is_file()


@pytest.mark.slow
def test_jobs_of_ones_own_are_kept(project: Path) -> None:
    """The project's own jobs in our workflows are kept when those are rewritten, and do not count as drift."""
    assert command.main(["init"]) == 0
    mark = "  # >>> own: further jobs\n"
    job = f"{mark}  mine:\n    runs-on: ubuntu-latest\n    steps: [{{run: make}}]\n"
    for name in ("ci", "release"):
        path = project / f".github/workflows/{name}.yml"
        text = path.read_text("utf-8")
        assert text.count(mark) == 1
        path.write_text(text.replace(mark, job).replace("timeout-minutes: 60", "timeout-minutes: 61"), "utf-8")
    assert command.main(["init", "--check"]) == 1
    assert command.main(["init", "--force"]) == 0
    assert command.main(["init", "--check"]) == 0
    for name in ("ci", "release"):
        jobs = load_yaml((project / f".github/workflows/{name}.yml").read_text("utf-8"))["jobs"]
        assert jobs["mine"]["steps"] == [{"run": "make"}]


CHECKS = "on: [push]\njobs: {checks: {steps: [{run: flake8 src}, {run: pytest}]}}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "publisher", "instead"), [("ci.yml", True, "rename yours"), ("release.yml", False, 'file = "publish.yml"')]
)
def test_a_workflow_of_ones_own_is_left(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, publisher: bool, instead: str
) -> None:
    """A project's own workflow under our name is kept, and `init` says how to get ours instead."""
    place = f".github/workflows/{name}"
    write_files(project, {place: CHECKS})
    assert command.main(["init"]) == 0
    told = capsys.readouterr().out
    for words in (f"{name} is yours", instead, f"nox-ship init --force {name}"):
        assert words in told
    assert ("Workflow name" in told) is publisher
    assert set(files(project)) >= WRITTEN
    assert (project / place).read_text("utf-8") == CHECKS
    assert command.main(["init", "--check"]) == 0
    assert f"{place} is your own" in capsys.readouterr().out


def test_without_a_workflow_of_ours_nothing_is_installed_for_one(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """If both workflows are the project's own, neither a lock nor Dependabot settings are written."""
    theirs = {f".github/workflows/{name}": CHECKS for name in ("ci.yml", "release.yml")}
    write_files(project, theirs)
    before = files(project)
    assert command.main(["init"]) == 0
    assert set(files(project).items()) - set(before.items()) == {("noxfile.py", NEW)}
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 0
    assert "none of nox-ship's" in capsys.readouterr().out


@pytest.mark.slow
def test_force_replaces_a_workflow_of_ones_own(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--force` with its name replaces a project's own workflow, and shows the diff and the lost settings."""
    theirs = {
        ".github/workflows/ci.yml": CHECKS,
        ".github/workflows/release.yml": "name: Mine\nenv: {CIBW_SKIP: a, CIBW_TEST_COMMAND: b}\n",
    }
    write_files(project, theirs)
    assert command.main(["init", "--force"]) == 0
    assert {name: files(project)[name] for name in theirs} == theirs
    capsys.readouterr()
    assert command.main(["init", "--force", "ci.yml", "release.yml", "other.yml"]) == 0
    told = capsys.readouterr().out
    assert "`--force` replaced no other.yml" in told
    assert "-name: Mine" in told
    assert "ci.yml was yours, and the gates ran the commands in it (flake8, pytest)" in told
    assert "release.yml was yours" not in told
    assert "release.yml set CIBW_SKIP, CIBW_TEST_COMMAND" in told
    assert "as `skip`, `test-command`." in told
    assert command.main(["init", "--check"]) == 0


@pytest.mark.slow
def test_the_lock_is_raised_and_never_lowered(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A lock with older versions is rewritten; newer ones, as Dependabot writes them, are kept."""
    command.main(["init"])
    path = project / LOCK
    text = path.read_text("utf-8")
    assert f"nox-ship=={importlib.metadata.version('nox-ship')} \\\n    --hash=sha256:{HASH}\n" in text
    raised = re.sub(r"^twine==[^ ]+", "twine==999.0", text, flags=re.MULTILINE)
    path.write_text(raised, "utf-8")
    assert command.main(["init", "--check"]) == 0
    path.write_text(re.sub(r"^twine==[^ ]+", "twine==0.1", text, flags=re.MULTILINE), "utf-8")
    capsys.readouterr()
    assert command.main(["init", "--check"]) == 1
    assert "NS816" in capsys.readouterr().out
    assert command.main(["init"]) == 0
    assert path.read_text("utf-8") == text


@pytest.mark.slow
def test_a_lock_that_was_written_by_hand_is_left(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NS815 reports a hand-written lock, which is replaced only if `--force` names it."""
    write_files(project, {LOCK: "mine==1\n"})
    assert command.main(["init"]) == 1
    assert "NS815" in capsys.readouterr().out
    assert (project / LOCK).read_text("utf-8") == "mine==1\n"
    assert command.main(["init", "--force", "nox-ship.txt"]) == 0
    assert "mine" not in (project / LOCK).read_text("utf-8")


@pytest.mark.slow
def test_a_version_that_the_index_lacks_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the index lacks this version of nox-ship, the lock and the output say to run `init` again later."""
    monkeypatch.setattr(command, "_published", lambda _: ())
    assert command.main(["init"]) == 0
    assert "run `nox-ship init` again once it does" in " ".join(capsys.readouterr().out.split())
    assert "is not on the index yet" in (project / LOCK).read_text("utf-8")
    monkeypatch.setattr(command, "_published", lambda _: (HASH,))
    assert command.main(["init"]) == 0
    assert HASH in (project / LOCK).read_text("utf-8")


def test_a_gate_that_the_noxfile_leaves_out_is_no_job(project: Path) -> None:
    """A gate that the noxfile excludes gets no job, as it would always fail."""
    every = [job["session"] for job in gate_jobs(Survey.of(project, "3.12"))]
    write_files(project, {"noxfile.py": 'import nox_ship\n\nnox_ship.register(exclude=["audit"])\n'})
    assert [job["session"] for job in gate_jobs(Survey.of(project, "3.12"))] == [x for x in every if x != "audit"]
    assert "audit" in every
