"""The workflows for GitHub Actions, made from templates; the user's own sections are kept."""

from __future__ import annotations

import re
import shlex
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from nox_ship import naming
from nox_ship.automation.github import FOLDER
from nox_ship.config import ROOT, Delivery, RoutesSettings, WorkflowSettings
from nox_ship.errors import Kind, ShipError
from nox_ship.package.platforms import split
from nox_ship.package.trials import is_emulated
from nox_ship.project import newest_python
from nox_ship.settings import WRONG_TYPE
from nox_ship.setup.lock import FILE as LOCK
from nox_ship.setup.merging import all_passed, values_of
from nox_ship.setup.templates import filled, quoted, scalar, template
from nox_ship.world.index import display_name

UNSAFE_NAME = Kind("NS820", "unsafe-name", "Rename it, or write no workflows: `nox-ship init --ci none`.")

ACTIONS = {
    "checkout": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "setup-python": "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "upload-artifact": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "download-artifact": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "setup-qemu": "docker/setup-qemu-action@ce360397dd3f832beb865e1373c09c0e9f86d70a # v4.0.0",
    "attest": "actions/attest@1e69f48acb82d1966a394da916b4c1698aa569d6 # v4.2.2",
}
"""The actions used, each pinned to a commit."""

_IDENTITY = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}
_OLDEST = "3.11"
"""The oldest Python that nox-ship itself supports."""
_RECEIVE = """\
- name: Take out of them what the manifest names
  env:
    NOX_SHIP_MANIFEST: @MANIFEST@
  run: nox-ship receive files --commit="$GITHUB_SHA\""""
_SWITCH = """\
- name: Take the release that was cut
  if: @IF_SWITCH@
  uses: @DOWNLOAD_ARTIFACT@
  with:
    artifact-ids: ${{ needs.cut.outputs.bundle }}
    path: @CUT_PATH@
- name: Switch to it
  if: @IF_SWITCH@
  env:
    COMMIT: ${{ needs.cut.outputs.commit }}
    TAG: ${{ needs.cut.outputs.tag }}
    TAG_OBJECT: ${{ needs.cut.outputs.tag-object }}
  run: |
    nox-ship switch .nox-ship/cut/release.bundle --onto="$GITHUB_SHA" --branch="$NOX_SHIP_BRANCH" \\
      --commit="$COMMIT" --tag="$TAG" --tag-object="$TAG_OBJECT"
  shell: bash"""
_TRIALS = """\
python: ${{ fromJSON(needs.matrix.outputs.pythons) }}
system: [@SYSTEMS@]"""
_EMULATE = """\
- name: Emulate other architectures
  uses: @SETUP_QEMU@
  with:
    platforms: all"""
_TESTS_OF_INSTALLED = """\
- name: Run the tests against the wheel
  env:
    NOX_SHIP_MANIFEST: ${{ needs.@SET@.outputs.manifest }}
    PYTHON: ${{ matrix.python }}
  run: env -u GITHUB_ENV -u GITHUB_PATH -u GITHUB_OUTPUT -u GITHUB_STATE nox --no-dependencies -s "tests-$PYTHON"
  shell: bash"""
_WITHOUT_CHECK = """\
without_check:
  description: Leave out a required check
  type: choice
  options: [@CHECKS@]
  default: @NONE@"""
_READ_CHECKS = [
    "checks: read # to wait for required checks",
    "statuses: read # and for required commit statuses",
]
_NONE = "(none)"
"""The choice that leaves out nothing; GitHub does not allow an empty one."""
_LEFT_OUT = f"inputs.without_check != '{_NONE}' && inputs.without_check || ''"
_FOLDER_NAME = re.compile(r"[\w.+][\w.@+-]*(?:/[\w.@+-]+)*")
_PRERELEASES = "\n    allow-prereleases: true"


@dataclass(frozen=True)
class Facts:
    """The facts about a project that the templates need."""

    branch: str
    """The release branch."""
    tag: str
    """The format of release tags, with ``{version}``."""
    pythons: tuple[str, ...]
    coverage: bool
    """Whether coverage is one of the gates."""
    besides: tuple[str, ...]
    """The requirements in the noxfile's PEP 723 block besides nox and nox-ship."""
    settings: WorkflowSettings
    audit: bool = True
    """Whether there is a session called ``audit``."""
    audited: bool = True
    """Whether it is one of the gates."""
    name: str = ""
    """The project's normalised name."""
    folder: str = ""
    """The project's folder within its repository; empty at the top."""
    routes: RoutesSettings = field(default_factory=RoutesSettings)
    tokens: Mapping[str, str] = field(
        default_factory=lambda: {"pypi": "PYPI_API_TOKEN", "testpypi": "TEST_PYPI_API_TOKEN"}
    )
    """Name of the secret with an index's API token, by the index's name."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The names of our sessions in the noxfile that differ from the usual ones, by the usual ones."""
    checks: tuple[str, ...] = ()
    """Names of the checks that publishing waits for."""
    delivery: Delivery = "push"
    """How a release that is cut reaches the release branch."""
    more_pythons: tuple[str, ...] = ()
    """Other Pythons that the noxfile's own sessions need, such as ``pypy3.11``."""
    wheels: tuple[str, ...] = ()
    """Runners that build wheels for their systems, or for another architecture (``ubuntu-latest/ppc64le``); empty if
    one build makes all files."""
    builds_alone: bool = False
    """Whether wheels are built without cibuildwheel, which installs its own Pythons."""
    tests_wheel: bool = False
    """Whether our tests session tests the built wheel."""

    @property
    def proposes(self) -> bool:
        """Whether a release may be proposed by a pull request, which is finished once that is merged."""
        return self.delivery != "push"

    @property
    def ci_file(self) -> str:
        """The file name of the workflow that tests; each project in a subfolder has its own."""
        return f"{self.name}-ci.yml" if self.folder else "ci.yml"

    @property
    def weekly_file(self) -> str:
        """The file name of the workflow that runs once a week."""
        return f"{self.name}-weekly.yml" if self.folder else "weekly.yml"

    @property
    def release_file(self) -> str:
        """The file name of the workflow that publishes."""
        return self.settings.file or (f"{self.name}-release.yml" if self.folder else "release.yml")


def render(facts: Facts) -> dict[str, str]:
    """Return the text of each workflow, by its path in the repository.

    Raises:
        ShipError: The name of a branch, an environment, a runner, a check or a requirement, or the tag format, would be
            an expression in a workflow (NS820), or the project's folder a pattern; or the publishing workflow has the
            file name of another one (NS102).
    """
    settings = facts.settings
    named = (*settings.systems, *facts.wheels, *settings.branches, *settings.environments.values(), *facts.besides)
    for name in (facts.branch, facts.tag, *named, *facts.checks):
        if "${{" in name:
            raise ShipError(UNSAFE_NAME(f"GitHub would evaluate {name!r} as an expression."))
    if facts.folder and not _FOLDER_NAME.fullmatch(facts.folder):
        what = f"GitHub would read the project's folder {facts.folder!r} as a pattern or as several words."
        raise ShipError(UNSAFE_NAME(what))
    for secret in facts.tokens.values():
        if not re.fullmatch(r"[A-Za-z_]\w*", secret, re.ASCII):
            raise ShipError(UNSAFE_NAME(f"{secret!r} is not a valid name for a secret."))
    others = {facts.ci_file: "tests", **({facts.weekly_file: "runs once a week"} if settings.weekly else {})}
    if does := others.get(facts.release_file):
        raise ShipError(WRONG_TYPE(f"`{ROOT}.workflows.file` is {facts.release_file!r}, the workflow that {does}."))
    texts = {facts.ci_file: _ci(facts), facts.release_file: _release(facts)}
    if settings.weekly:
        texts[facts.weekly_file] = _weekly(facts)
    return {f"{FOLDER}/{name}": text for name, text in texts.items()}


def required_check(name: str, folder: str) -> str:
    """Return the name of the check that a protected branch has to require.

    Projects in subfolders have one each: of several checks with the same name, GitHub may be content with any.

    Args:
        name: The project's normalised name.
        folder: The project's folder within its repository; empty at the top.
    """
    return f"Everything passed ({name})" if folder else "Everything passed"


def newest(facts: Facts) -> str:
    """Return the project's newest CPython, or the oldest that nox-ship supports if that is newer."""
    return newest_python([*facts.pythons, _OLDEST])


def dependabot() -> str:
    """Return Dependabot's settings to keep the actions' pins up to date."""
    return template("dependabot.yml")


def _spoken(name: str, facts: Facts) -> str:
    """Return a template for jobs that load the project's noxfile, with our sessions named as they are there."""
    return naming.spoken(template(name), facts.names)


def _ci(facts: Facts) -> str:
    required = ["matrix", "gates", *(["coverage"] if facts.coverage else []), "build", "verify-install"]
    values = {**_common(facts), "REQUIRED": "\n".join(f"- {name}" for name in required)}
    values |= _coverage(facts, {**values, "GATES": "gates", "IF_GATES": "", "SWITCH": ""})
    return filled(_spoken("ci.yml", facts), values)


def _coverage(facts: Facts, values: Mapping[str, str]) -> dict[str, str]:
    return {"COVERAGE": filled(_spoken("coverage.yml", facts), values) if facts.coverage else ""}


def _weekly(facts: Facts) -> str:
    values = {**_common(facts), "WITHOUT": " --without audit" if facts.audit and facts.audited else ""}
    values["AUDIT"] = filled(_spoken("audit.yml", facts), values) if facts.audit else ""
    return filled(_spoken("weekly.yml", facts), values)


def _release(facts: Facts) -> str:
    made = ["build", *([*_wheel_jobs(facts), "collect"] if facts.wheels else [])]
    gates = [*made, "gates", *(["coverage"] if facts.coverage else []), "verify-install"]
    values = {
        **_common(facts),
        "PUSHES": _pushes(facts),
        "WITHOUT_CHECK": _without_check(facts.checks) if facts.checks else "",
        **values_of(
            facts.delivery,
            ["lock", "cut", *gates, "rehearse-upload"],
            files=_set(facts),
            development=facts.settings.development,
        ),
        "GATES": "[cut, gates]",
        "IF_GATES": "if: ${{ !failure() && !cancelled() && needs.gates.result == 'success' }}",
    }
    values["SWITCH"] = filled(_SWITCH, values)
    for name in ("merged", "propose"):
        values[name.upper()] = filled(template(f"{name}.yml"), values) if facts.proposes else ""
    values["WHEELS"] = _wheels(facts, values) if facts.wheels else ""
    values |= _trials(facts, values)
    values |= _coverage(facts, values)
    before = ["lock", "proven", *gates]
    there = "needs.proven.result == 'success'"
    passed = ["!inputs.bump", "needs.lock.result == 'success'", f"({there} || ({all_passed(gates)}))"]
    target, route = "(inputs.target || 'route')", f"({_told('build', 'route')})"
    # A push of branch and tag starts two runs; the branch's run leaves the release to the tag's.
    event = "(github.ref_type == 'tag' || github.event_name == 'workflow_dispatch'"
    first = facts.settings.testpypi
    values["PUBLISH_TESTPYPI"] = ""
    if "testpypi" in facts.settings.indexes:
        routes = f"({route} == 'pypi' || {route} == 'testpypi')" if first else f"{route} == 'testpypi'"
        condition = [
            *passed,
            f"{event} || needs.build.outputs.tag == '')",
            f"(inputs.target == 'testpypi' || ({target} == 'route' && {routes}))",
        ]
        values["PUBLISH_TESTPYPI"] = _publish(facts, "testpypi", "publish-test", before, condition)
    if first:
        before = [*before, "verify-testpypi"]
        passed.append("(needs.verify-testpypi.result == 'success' || inputs.target == 'pypi')")
    routed = f"({target} == 'route' && {route} == 'pypi')"
    condition = [*passed, f"{event})", f"(inputs.target == 'pypi' || {routed})"]
    values["PUBLISH_PYPI"] = _publish(facts, "pypi", "publish-prod", before, condition)
    served = {"pypi": "needs.verify-pypi.result == 'success'"}
    if "testpypi" in facts.settings.indexes:  # a pre-release may go no further
        served["testpypi"] = f"({route} == 'testpypi' && needs.verify-testpypi.result == 'success')"
    files = ["lock", "proven", "build", *(["collect"] if facts.wheels else [])]
    values |= {
        "ATTEST_NEEDS": ", ".join([*files, *(f"verify-{index}" for index in sorted(served, reverse=True))]),
        "ANNOUNCE_NEEDS": ", ".join([*files, "verify-install", "attest"]),
        "CONDITION": "!inputs.bump && (github.ref_type == 'tag' || needs.build.outputs.tag)"
        f"\n      && ({' || '.join(served.values())})",
    }
    for name in ("attest", "announce"):
        values[name.upper()] = filled(template(f"{name}.yml"), values)
    return filled(_spoken("release.yml", facts), values)


def _publish(facts: Facts, index: str, session: str, needs: list[str], condition: list[str]) -> str:
    variable = facts.tokens[index]
    trusted, waits = facts.settings.credentials == "trusted", bool(facts.checks)
    permissions = ["id-token: write # to be a trusted publisher"] if trusted else []
    permissions += _READ_CHECKS if waits else []
    env = [] if trusted else [f"{variable}: ${{{{ secrets.{variable} }}}}"]
    env += ["GITHUB_TOKEN: ${{ github.token }}", f"WITHOUT_CHECK: ${{{{ {_LEFT_OUT} }}}}"] if waits else []
    values = {
        **_common(facts),
        "INDEX": index,
        "ENVIRONMENT": scalar(facts.settings.environment(index)),
        "SHOWN": display_name(index),
        "SESSION": session,
        "NEEDS": ", ".join(needs),
        "CONDITION": "\n      && ".join(condition),
        "PERMISSIONS": "".join(f"\n      {line}" for line in permissions) or " {}",
        "ENV": "".join(f"\n          {line}" for line in env),
        "WITHOUT": ' --without-check="$WITHOUT_CHECK"' if waits else "",
        "MINUTES": "180" if waits else "60",
    }
    return filled(template("publish.yml"), values)


def _without_check(names: tuple[str, ...]) -> str:
    choices = ", ".join(map(quoted, dict.fromkeys((_NONE, *names))))
    return filled(_WITHOUT_CHECK, {"CHECKS": choices, "NONE": quoted(_NONE)})


def _trials(facts: Facts, values: Mapping[str, str]) -> dict[str, str]:
    """Return the matrix of the installing job: each Python on each system, or what a set of wheels fits."""
    if not facts.wheels:
        return {
            "TRIALS_FROM": "matrix, build",
            "TRIALS_MADE": "needs.matrix.result == 'success' && needs.build.result == 'success'",
            "TRIALS": filled(_TRIALS, values),
            "DESCRIBED": f"matrix.system == {values['SYSTEM']} && needs.matrix.outputs.newest",
            "FILES_TRIED": "",
            "ONLY_FILES": "",
            "TESTS_OF_INSTALLED": "",
        }
    tests = naming.spoken(_TESTS_OF_INSTALLED, facts.names)
    return {
        "TRIALS_FROM": "collect",
        "TRIALS_MADE": "needs.collect.result == 'success'",
        "TRIALS": "include: ${{ fromJSON(needs.collect.outputs.installs) }}",
        "DESCRIBED": "matrix.files == 'all' && matrix.python",
        "FILES_TRIED": "FILES: ${{ matrix.files }}",
        "ONLY_FILES": ' -- --files "$FILES"',
        "TESTS_OF_INSTALLED": filled(tests, values) if facts.tests_wheel else "",
    }


def _wheels(facts: Facts, values: Mapping[str, str]) -> str:
    """Return the jobs that build wheels, one for each system, and the job that collects them.

    They are not a matrix, since only one job of a matrix could pass on its artifact's ID.
    """
    inside, made, takes = f"{facts.folder}/" if facts.folder else "", list[str](), list[str]()
    folders = {job: f".nox-ship/parts/{job.rpartition('-')[2]}" for job in _wheel_jobs(facts)}
    for (job, folder), system in zip(folders.items(), facts.wheels, strict=True):
        runner, architecture = split(system)
        emulates = bool(architecture) and is_emulated(system)
        own = {
            "NUMBER": job.rpartition("-")[2],
            "WHEELS_NAME": scalar(f"Wheels on {system}"),
            "WHEELS_RUNNER": scalar(runner),
            "WHEELS_SYSTEM": scalar(system),
            "EMULATE": filled(_EMULATE, {"SETUP_QEMU": ACTIONS["setup-qemu"]}) if emulates else "",
            "WHEELS_MINUTES": "360" if emulates else "180",
            "WHEELS_PYTHONS": values["ALL_PYTHONS" if facts.builds_alone else "PYTHON"],
            "WHEELS_PATH": scalar(f"{inside}.nox-ship/wheels"),
        }
        made.append(filled(_spoken("wheels.yml", facts), {**values, **own}))
        name = scalar(f"Take the wheels from {system}")
        takes.append(_download(name, f"needs.{job}.outputs.wheels", scalar(f"{inside}{folder}")))
    all_of = {
        "WHEELS_JOBS": ", ".join(folders),
        "WHEELS_MADE": " && ".join(f"needs.{job}.result == 'success'" for job in folders),
        "TAKE_WHEELS": "\n".join(takes),
        "WHEEL_FOLDERS": " ".join(folders.values()),
    }
    return "\n".join([*made, filled(_spoken("collect.yml", facts), {**values, **all_of})])


def _wheel_jobs(facts: Facts) -> list[str]:
    return [f"wheels-{number}" for number in range(1, len(facts.wheels) + 1)]


def _set(facts: Facts) -> str:
    """Return the name of the job that has the files of a release."""
    return "collect" if facts.wheels else "build"


def _told(job: str, output: str) -> str:
    """Return the expression for what another run, or a job of this run, reported about the built files."""
    return f"inputs.run && needs.proven.outputs.{output} || needs.{job}.outputs.{output}"


def _common(facts: Facts) -> dict[str, str]:
    latest = newest(facts)
    inside = f"{facts.folder}/" if facts.folder else ""
    lock = f"{'../' * len(inside.split('/')[1:])}{LOCK}"
    suffix, of = (f"-{facts.name}", f" of {facts.name}") if facts.folder else ("", "")
    every = dict.fromkeys([*facts.more_pythons, *facts.pythons])
    take_lock = _download("Take the lock", "needs.lock.outputs.lock", "lock")
    values = {
        "CI_NAME": f"CI{of}",
        "REQUIRED_CHECK": required_check(facts.name, facts.folder),
        "RELEASE_NAME": f"Release{of}",
        "WEEKLY_NAME": f"Weekly{of}",
        "WEEKLY_GROUP": f"weekly{suffix}",
        "MINUTE": str(zlib.crc32(facts.name.encode()) % 30 * 2 + 1),  # odd, and different between projects
        "CI_GROUP": f"ci{suffix}",
        "RELEASE_GROUP": f"release{suffix}",
        "DEFAULTS": f"defaults:\n  run:\n    working-directory: {scalar(facts.folder)}" if inside else "",
        "INTO": f"path: {scalar(facts.folder)}" if inside else "",
        "COVERAGE_PATH": scalar(f"{inside}.nox-ship/coverage"),
        "BUNDLE_PATH": scalar(f"{inside}.nox-ship/release.bundle"),
        "CUT_PATH": scalar(f"{inside}.nox-ship/cut"),
        "FILES": f"{inside}dist\n{inside}.nox-ship/manifest.json\n{inside}.nox-ship/notes.md",
        "PYPROJECT": f"{inside}pyproject.toml",
        "BRANCH": quoted(facts.branch),
        "BRANCH_PATTERNS": ", ".join(map(quoted, (_pattern(facts.branch), *facts.settings.branches))),
        "CHECKOUT": _checkout("fetch-depth: 0"),
        "CHECKOUT_LOCK": _checkout(f"sparse-checkout: {LOCK}", "sparse-checkout-cone-mode: false"),
        "PYTHON": _python(latest),
        "ALL_PYTHONS": _python("|", *(python for python in every if python != latest), latest)
        + (_PRERELEASES if facts.more_pythons else ""),
        "MATRIX_PYTHON": _python("|", "${{ matrix.python }}", latest) + _PRERELEASES,
        "INSTALL": "\n".join([_install(lock), *([_install_besides(facts.besides)] if facts.besides else [])]),
        "INSTALL_BY_LOCK": _install(LOCK),
        "INSTALL_LOCKED": f"{take_lock}\n{_install('lock/nox-ship.txt')}",
        "SET": _set(facts),
        "MANIFEST": f"${{{{ {_told(_set(facts), 'manifest')} }}}}",
        "UPLOAD_ARTIFACT": ACTIONS["upload-artifact"],
        "DOWNLOAD_ARTIFACT": ACTIONS["download-artifact"],
        "ATTEST_ACTION": ACTIONS["attest"],
        "SBOM_PATH": scalar(f"{inside}.nox-ship/sbom.cdx.json"),
        "SYSTEM": quoted(facts.settings.systems[0]),
        "SYSTEMS": ", ".join(map(quoted, facts.settings.systems)),
        "TARGETS": ", ".join(["route", *sorted(facts.settings.indexes, reverse=True)]),
        "IDENTITY": "\n".join(
            f'GIT_{role}_{key}: "{value}"' for role in ("AUTHOR", "COMMITTER") for key, value in _IDENTITY.items()
        ),
    }
    values["TAKE_FILES"] = (
        f"{_download('Take the files', _told(_set(facts), 'files'), 'files')}\n{filled(_RECEIVE, values)}"
    )
    return values


def _checkout(*options: str) -> str:
    lines = ["- name: Check out", f"  uses: {ACTIONS['checkout']}", "  with:"]
    return "\n".join([*lines, *(f"    {option}" for option in (*options, "persist-credentials: false"))])


def _download(name: str, artifact: str, folder: str) -> str:
    """Return the step that downloads an artifact by ID: an artifact of the same name could come from any job."""
    lines = [f"- name: {name}", f"  uses: {ACTIONS['download-artifact']}", "  with:"]
    return "\n".join([*lines, f"    artifact-ids: ${{{{ {artifact} }}}}", f"    path: {folder}"])


def _python(*versions: str) -> str:
    first, *more = versions
    value = first if first == "|" else f'"{first}"'
    lines = ["- name: Set Python up", f"  uses: {ACTIONS['setup-python']}", "  with:", f"    python-version: {value}"]
    return "\n".join([*lines, *(f"      {version}" for version in more)])


def _install(lock: str) -> str:
    return f"- name: Install nox-ship\n  run: 'python -m pip install --require-hashes --only-binary :all: -r {lock}'"


def _install_besides(requirements: tuple[str, ...]) -> str:
    command = f"python -m pip install {shlex.join(requirements)}"
    return f"- name: Install what the noxfile needs besides\n  run: {quoted(command)}"


def _pushes(facts: Facts) -> str:
    before, after = (_pattern(part) for part in facts.tag.split("{version}"))
    lines = [f"    tags: [{quoted(f'{before}[0-9]*{after}')}]"]
    by_branch = facts.settings.development or facts.proposes
    return "\n".join([*lines, *([f"    branches: [{quoted(_pattern(facts.branch))}]"] if by_branch else [])])


def _pattern(name: str) -> str:
    """Return a filter pattern that matches one name only ("Filter pattern cheat sheet" in GitHub's documentation)."""
    return re.sub(r"([*?+\[\]!\\])", r"\\\1", name)
