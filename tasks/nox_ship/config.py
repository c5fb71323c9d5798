"""The settings in ``[tool.nox-ship]``, as frozen dataclasses.

The classes are the schema: a field's name (with dashes) is the key, its annotation is the accepted type, and its
metadata limits the value. `settings.py` reads them; `settings_schema.py` turns them into a JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from packaging.version import Version

ROOT = "tool.nox-ship"
_WEEK = 7 * 24 * 3600

Command = tuple[str, ...]
"""A program and its arguments: a string (split as a shell would) or a list of strings."""


def _bounded(default: Any, words: str, **schema: object) -> Any:
    """Return a field whose value must ``words``, expressed in ``schema`` as keywords of JSON Schema (draft 7)."""
    metadata = {"words": words, "schema": schema}
    if default is dict:
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class GateSettings:
    """How a gate gets its tools, and what it runs."""

    groups: tuple[str, ...] | None = None
    """Dependency groups or extras to install; default: what your automation installs, else those whose names fit."""
    install: tuple[str, ...] = ()
    """Additional requirements to install."""
    run: tuple[Command, ...] = ()
    """Commands to run instead; default: what your automation runs. Arguments after ``--`` are added to the last one."""


@dataclass(frozen=True)
class TestsSettings(GateSettings):
    """The tests gate."""

    installed: bool = False
    """Whether the tests run against the installed wheel, in a copy of the checkout without the packages."""


@dataclass(frozen=True)
class CoverageSettings(GateSettings):
    """The coverage gate."""

    fail_under: float | None = _bounded(None, "be a percentage", minimum=0, maximum=100)
    """Percentage below which the gate fails; default: coverage's own settings, else your automation's."""


@dataclass(frozen=True)
class AuditSettings(GateSettings):
    """The audit gate."""

    ignore: tuple[str, ...] = ()
    """IDs of vulnerabilities (``"PYSEC-2024-1"``) or of bandit's tests (``"B324"``) that do not affect the project,
    and names of dependencies that are not in public vulnerability data."""


@dataclass(frozen=True)
class BuildSettings:
    """How the built files are checked."""

    ignore: tuple[str, ...] = ()
    """IDs of checks whose findings are shown as warnings, such as ``"NS519"``."""
    largest_file: int = _bounded(100, "be a number of MiB above 0", minimum=1)
    """The largest allowed size of a file in MiB; the default is PyPI's limit."""


@dataclass(frozen=True)
class WheelsSettings:
    """The wheels of a project with compiled code, each of which is for one platform."""

    systems: tuple[str, ...] = _bounded(
        (),
        "name each runner once, or `RUNNER/ARCHITECTURE`",
        items={"pattern": r"^[^\s/]([^/]*[^\s/])?(/[A-Za-z0-9_]+)?$"},
        uniqueItems=True,
    )
    """Runners that build wheels, one job each; if set, nothing is published without the wheels of all of them.
    ``"RUNNER/ARCHITECTURE"``, such as ``"ubuntu-latest/ppc64le"``, builds for another architecture than its own."""
    builder: Literal["auto", "cibuildwheel", "build"] = "auto"
    """What builds the wheels: cibuildwheel, or ``build`` for one Python after another, followed by the repair tool for
    the system; ``"auto"`` uses cibuildwheel wherever it can run."""
    expect: tuple[str, ...] = _bounded((), "name wheel targets or patterns", items={"pattern": r"^\S+-\S+$"})
    """The targets that the release must have wheels for, and no others, in cibuildwheel's terms or as patterns, such
    as ``"cp31*-manylinux_x86_64"``; default: the targets of the jobs and of the last release."""


@dataclass(frozen=True)
class VerifyInstallSettings:
    """What is tested in an environment that contains nothing but the installed file."""

    smoke: tuple[Command, ...] = ()
    """Commands that must succeed there, such as ``"mytool --version"``."""


@dataclass(frozen=True)
class RoutesSettings:
    """Which index a version goes to: ``pypi``, ``testpypi`` or a name from ``indexes``."""

    final: str = "pypi"
    """The index for versions such as ``1.2.0``."""
    prerelease: str = "testpypi"
    """The index for versions such as ``1.2.0rc1``."""
    development: str = "testpypi"
    """The index for versions such as ``1.2.0.dev3``."""

    def index(self, version: Version) -> str:
        """Return the name of the index that ``version`` goes to."""
        if version.is_devrelease:
            return self.development
        return self.prerelease if version.is_prerelease else self.final


@dataclass(frozen=True)
class IndexSettings:
    """A package index of your own."""

    upload_url: str
    """The address that twine uploads to."""
    simple_url: str
    """The address of its simple API (PEP 503), which installers read."""
    json_url: str | None = None
    """The base address of its JSON API, which has ``NAME/VERSION/json`` below it as on PyPI; default: none."""


Strictness = Literal["off", "warning", "error"]
"""Whether an optional gate runs in a release, and the level of its findings."""
Publisher = Literal["auto", "machine", "workflow"]
Delivery = Literal["auto", "push", "pull-request"]


@dataclass(frozen=True)
class PublishSettings:
    """How a release is published."""

    by: Publisher = "auto"
    """What publishes once ``release`` has pushed the tag: this ``"machine"``, or a ``"workflow"`` that the tag starts;
    ``"auto"`` looks for such a workflow in ``.github/workflows``."""
    wait: float = _bounded(1800, "be between 0 seconds and a week", minimum=0, maximum=_WEEK)
    """Seconds to wait until an index serves the uploaded files."""
    timeout: float = _bounded(300, "be more than 0 seconds and at most a week", exclusiveMinimum=0, maximum=_WEEK)
    """Seconds that one attempt to upload a file may take, plus one for each 128 KiB of it."""
    require_checks: tuple[str, ...] = _bounded((), "be names of checks", items={"pattern": r"^\S(.{0,253}\S)?$"})
    """Names of checks on GitHub, such as jobs of your CI, that must pass on a commit before it is published."""
    attestations: bool = True
    """Whether files are signed (PEP 740) where possible: in GitHub Actions with trusted publishing."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """The environment variable that holds an index's API token, by the index's name; default: ``PYPI_API_TOKEN``,
    ``TEST_PYPI_API_TOKEN``, and ``NAME_API_TOKEN`` for an index of your own."""


@dataclass(frozen=True)
class WorkflowSettings:
    """What ``nox-ship init`` writes into the workflows of GitHub Actions."""

    credentials: Literal["trusted", "token"] = "trusted"
    """How the publishing jobs authenticate: as a trusted publisher, or with an API token in a secret of their
    environments, which has the name of the variable in ``publish.tokens``."""
    testpypi: bool = True
    """Whether everything goes to TestPyPI first."""
    development: bool = False
    """Whether a push to the release branch publishes a development version to TestPyPI."""
    weekly: bool = False
    """Whether a workflow rehearses the next release, audits, and verifies the last release once a week."""
    systems: tuple[str, ...] = _bounded(
        ("ubuntu-latest", "macos-latest", "windows-latest"), "name at least one runner", minItems=1
    )
    """Runners on which the built files are installed."""
    version: str | None = None
    """The release of nox-ship that publishing jobs install; default: the one that writes the workflows."""
    file: str | None = _bounded(
        None, 'be a file name such as "publish.yml"', pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\.ya?ml$"
    )
    """File name of the workflow that publishes; default: ``release.yml``, or ``NAME-release.yml`` for a project in a
    subfolder of its repository."""
    environments: Mapping[str, str] = _bounded(
        dict,
        "give `pypi` or `testpypi` the name of an environment",
        propertyNames={"enum": ["pypi", "testpypi"]},
        additionalProperties={"pattern": r"^\S(.{0,253}\S)?$"},
    )
    """The environment that publishes to an index, by the index's name; default: the index's name."""
    branches: tuple[str, ...] = _bounded((), "be patterns of branch names", items={"pattern": r"^.*\S.*$"})
    """Branches besides the release branch whose pushes run the gates, as GitHub filter patterns."""

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes that the workflows publish to."""
        return ("pypi", "testpypi") if self.testpypi or self.development else ("pypi",)

    def environment(self, index: str) -> str:
        """Return the name of the environment that publishes to an index."""
        return self.environments.get(index, index)


@dataclass(frozen=True)
class RehearsalSettings:
    """The stand-ins of a rehearsal."""

    port: int = _bounded(0, "be a port, or 0", minimum=0, maximum=65535)
    """Loopback port of the stand-in index; 0 uses any free one."""


@dataclass(frozen=True)
class Settings:
    """Everything a project can set in ``[tool.nox-ship]``; all of it is optional."""

    gates: tuple[str, ...] = ("lint", "typecheck", "tests", "coverage", "audit")
    """Sessions that must pass before a release, by name; sessions of your own can take the places of these if
    you do not set it."""
    pythons: tuple[str, ...] | None = _bounded(
        None, 'name versions such as "3.12"', minItems=1, items={"pattern": r"^(pypy)?3\.[0-9]{1,3}t?$"}
    )
    """Pythons for ``tests`` and ``verify-install``; default: the classifiers within ``requires-python``, else every
    released Python in that range, else the Python that runs nox."""
    branch: str | None = None
    """The release branch; default: the remote's default branch."""
    remote: str | None = None
    """The git remote to release to; default: the branch's own, then ``origin``, then the only one."""
    delivery: Delivery = "auto"
    """How a release reaches the release branch: by a ``"push"``, or by a ``"pull-request"`` from a branch of its own;
    ``"auto"`` follows the forge's rules for the branch, and whether it refused a push."""
    tag: str | None = None
    """Format of the tag, with ``{version}``; default: that of earlier tags, else ``v{version}``."""
    changelog: str | None = None
    """File whose unreleased section becomes that of the release; default: the first with a usual name, such as
    ``CHANGELOG.md`` or ``HISTORY.rst``."""
    pass_env: tuple[str, ...] = ()
    """Names of variables that gates, builds, installations and git may see even if they look like credentials."""
    lint: GateSettings = field(default_factory=GateSettings)
    """Settings of the lint gate."""
    typecheck: GateSettings = field(default_factory=GateSettings)
    """Settings of the typecheck gate."""
    tests: TestsSettings = field(default_factory=TestsSettings)
    """Settings of the tests gate."""
    coverage: CoverageSettings = field(default_factory=CoverageSettings)
    """Settings of the coverage gate."""
    audit: AuditSettings = field(default_factory=AuditSettings)
    """Settings of the audit gate."""
    lowest: Strictness = "off"
    """Whether running the tests with the lowest versions of the dependencies is a gate, and at which level."""
    api: Strictness = "off"
    """Whether comparing the public API with the last release's is a gate, and at which level."""
    build: BuildSettings = field(default_factory=BuildSettings)
    """Settings of the checks of the built files."""
    wheels: WheelsSettings = field(default_factory=WheelsSettings)
    """Settings of wheels for several platforms."""
    verify_install: VerifyInstallSettings = field(default_factory=VerifyInstallSettings)
    """Settings of the installation tests."""
    routes: RoutesSettings = field(default_factory=RoutesSettings)
    """Which index a version goes to."""
    indexes: Mapping[str, IndexSettings] = field(default_factory=dict)
    """Package indexes of your own, by name; ``pypi`` and ``testpypi`` can be redefined, too."""
    publish: PublishSettings = field(default_factory=PublishSettings)
    """How a release is published."""
    workflows: WorkflowSettings = field(default_factory=WorkflowSettings)
    """What ``nox-ship init`` writes into the workflows."""
    rehearsal: RehearsalSettings = field(default_factory=RehearsalSettings)
    """Settings of a rehearsal's stand-ins."""

    @property
    def token_variables(self) -> frozenset[str]:
        """The variables that hold index tokens because the settings say so, whatever their names."""
        return frozenset(self.publish.tokens.values()) - set(self.pass_env)
