"""The settings in ``[tool.nox-ship]``: read into frozen dataclasses, every mistake reported at once.

The classes are the schema: a field's name (with dashes) is the key, its annotation the type that is accepted.
"""

from __future__ import annotations

import difflib
import functools
import re
import shlex
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Literal

from packaging.version import Version

from nox_ship.addresses import holds_password, is_safe
from nox_ship.errors import Finding, Findings, Kind

UNKNOWN_SETTING = Kind("NS101", "unknown-setting", "Correct or remove the key.")
WRONG_TYPE = Kind("NS102", "wrong-setting-type", "Correct the value.")
UNSAFE_ADDRESS = Kind(
    "NS703",
    "unsafe-address",
    "Write an `https` address without a user name or password, and keep those where docs/publishing.md says.",
)

ROOT = "tool.nox-ship"
_PYTHON = re.compile(r"(?:pypy)?3\.[0-9]{1,3}t?")
_WORKFLOW_FILE = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}\.ya?ml", re.ASCII)
_LONGEST_ENVIRONMENT = 255
"""Characters in the name of an environment on GitHub."""
_WEEK = 7 * 24 * 3600
_LAST_PORT = 65535
_HINTS = functools.cache(typing.get_type_hints)

Command = tuple[str, ...]
"""A program and its arguments; in the file a string (split as a shell would) or a list of strings."""


@dataclass(frozen=True)
class GateSettings:
    """How one gate gets its tools and what it runs."""

    groups: tuple[str, ...] | None = None
    """Dependency groups or extras to install; default: those whose name fits the gate, then ``dev``."""
    install: tuple[str, ...] = ()
    """Further requirements to install."""
    run: tuple[Command, ...] = ()
    """Commands to run instead of the default ones; what stands after ``--`` is added to the last."""


@dataclass(frozen=True)
class CoverageSettings(GateSettings):
    """The coverage gate."""

    fail_under: float | None = None
    """Percentage below which the gate fails; default: what coverage's own settings say."""


@dataclass(frozen=True)
class AuditSettings(GateSettings):
    """The audit gate."""

    ignore: tuple[str, ...] = ()
    """IDs of vulnerabilities (``"PYSEC-2024-1"``) or of bandit's tests (``"B324"``) that do not concern the project,
    and names of dependencies that no public data knows."""


@dataclass(frozen=True)
class BuildSettings:
    """The checks of the built files."""

    ignore: tuple[str, ...] = ()
    """IDs of checks whose findings are shown as warnings, such as ``"NS519"``."""
    largest_file: int = 100
    """The largest size of a file in MiB: PyPI's limit, unless the project has a higher one."""


@dataclass(frozen=True)
class VerifyInstallSettings:
    """What is tried in an environment that holds nothing but the installed file."""

    smoke: tuple[Command, ...] = ()
    """Commands that must succeed there, such as ``"mytool --version"``."""


@dataclass(frozen=True)
class RoutesSettings:
    """Which index a version goes to: ``pypi``, ``testpypi`` or a name from ``indexes``."""

    final: str = "pypi"
    """For ``1.2.0``."""
    prerelease: str = "testpypi"
    """For ``1.2.0rc1``."""
    development: str = "testpypi"
    """For ``1.2.0.dev3``."""

    def index(self, version: Version) -> str:
        """Return the name of the index that ``version`` goes to."""
        if version.is_devrelease:
            return self.development
        return self.prerelease if version.is_prerelease else self.final


@dataclass(frozen=True)
class IndexSettings:
    """A package index of your own."""

    upload_url: str
    """Where twine uploads to."""
    simple_url: str
    """Where installers read: the base of its simple API (PEP 503)."""
    json_url: str | None = None
    """Base of its JSON API, below which ``NAME/VERSION/json`` lies as on PyPI; default: it has none."""


Strictness = Literal["off", "warning", "error"]
"""Whether an optional gate runs in a release, and the level of its findings."""
Publisher = Literal["auto", "machine", "workflow"]


@dataclass(frozen=True)
class PublishSettings:
    """How a release is published."""

    by: Publisher = "auto"
    """Who publishes once ``release`` has pushed the tag: this ``"machine"``, or a ``"workflow"`` that the tag starts;
    ``"auto"`` looks for such a workflow in ``.github/workflows``."""
    wait: float = 1800
    """Seconds to wait until an index serves what it took."""
    timeout: float = 300
    """Seconds that one attempt to upload a file may take."""
    attestations: bool = True
    """Whether files are signed (PEP 740) where that is possible: in GitHub Actions with trusted publishing."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """Name of the variable that holds an index's API token, by the index's name; default: ``PYPI_API_TOKEN`` and
    ``TEST_PYPI_API_TOKEN``, and ``NAME_API_TOKEN`` for an index of your own."""


@dataclass(frozen=True)
class WorkflowSettings:
    """What ``nox-ship init`` writes into the workflows of GitHub Actions."""

    credentials: Literal["trusted", "token"] = "trusted"
    """How the publish jobs authenticate: as a trusted publisher, or by the secrets ``PYPI_API_TOKEN`` and
    ``TEST_PYPI_API_TOKEN`` of their environments."""
    testpypi: bool = True
    """Whether everything goes to TestPyPI first."""
    development: bool = False
    """Whether a push to the release branch publishes a development version to TestPyPI."""
    systems: tuple[str, ...] = ("ubuntu-latest", "macos-latest", "windows-latest")
    """Runners on which the built files are installed."""
    version: str | None = None
    """Release of nox-ship that the jobs which publish install; default: the one that writes the workflows."""
    file: str | None = None
    """File name of the workflow that publishes; default: ``release.yml``, for a project below the top of its
    repository ``NAME-release.yml``."""
    environments: Mapping[str, str] = field(default_factory=dict)
    """Environment that an index is published from, by the index's name; default: the index's name."""
    branches: tuple[str, ...] = ()
    """Branches besides the release branch whose pushes run the gates, as filter patterns of GitHub."""

    @property
    def indexes(self) -> tuple[str, ...]:
        """Names of the indexes that the workflows publish to."""
        return ("pypi", "testpypi") if self.testpypi or self.development else ("pypi",)

    def environment(self, index: str) -> str:
        """Return the name of the environment that an index is published from."""
        return self.environments.get(index, index)


@dataclass(frozen=True)
class RehearsalSettings:
    """The stand-ins of a rehearsal."""

    port: int = 0
    """Loopback port of the stand-in index; 0 takes a free one."""


@dataclass(frozen=True)
class Settings:
    """Everything a project can set in ``[tool.nox-ship]``; all of it is optional."""

    gates: tuple[str, ...] = ("lint", "typecheck", "tests", "coverage", "audit")
    """Sessions that must pass before a release; sessions of your own too, by name."""
    pythons: tuple[str, ...] | None = None
    """Python versions to test on; default: those of the classifiers that ``requires-python`` admits."""
    branch: str | None = None
    """The release branch; default: the remote's default branch."""
    remote: str | None = None
    """The git remote to release to; default: the branch's own, then ``origin``, then the only one."""
    tag: str | None = None
    """Form of the tag, with ``{version}``; default: as earlier tags, then ``v{version}``."""
    changelog: str | None = None
    """File whose section for what is unreleased becomes the release's; default: the first with a usual name."""
    pass_env: tuple[str, ...] = ()
    """Names of variables that gates, builds and installations may see although they look like credentials."""
    lint: GateSettings = field(default_factory=GateSettings)
    """The lint gate."""
    typecheck: GateSettings = field(default_factory=GateSettings)
    """The typecheck gate."""
    tests: GateSettings = field(default_factory=GateSettings)
    """The tests gate."""
    coverage: CoverageSettings = field(default_factory=CoverageSettings)
    """The coverage gate."""
    audit: AuditSettings = field(default_factory=AuditSettings)
    """The audit gate."""
    lowest: Strictness = "off"
    """Whether the tests with the lowest versions of the dependencies are a gate, and the level of its findings."""
    api: Strictness = "off"
    """Whether the comparison of the public API with the last release's is a gate, and the level of its findings."""
    build: BuildSettings = field(default_factory=BuildSettings)
    """The build and its checks."""
    verify_install: VerifyInstallSettings = field(default_factory=VerifyInstallSettings)
    """The installation checks."""
    routes: RoutesSettings = field(default_factory=RoutesSettings)
    """Which index a version goes to."""
    indexes: Mapping[str, IndexSettings] = field(default_factory=dict)
    """Package indexes of your own, by name; ``pypi`` and ``testpypi`` can be sent elsewhere, too."""
    publish: PublishSettings = field(default_factory=PublishSettings)
    """How a release is published."""
    workflows: WorkflowSettings = field(default_factory=WorkflowSettings)
    """What ``nox-ship init`` writes into the workflows."""
    rehearsal: RehearsalSettings = field(default_factory=RehearsalSettings)
    """The stand-ins of a rehearsal."""

    @property
    def token_variables(self) -> frozenset[str]:
        """Names of variables that hold tokens of indexes because the project says so, whatever their names tell."""
        return frozenset(self.publish.tokens.values()) - set(self.pass_env)


def read_settings(pyproject: Mapping[str, typing.Any]) -> Settings:
    """Return the settings that a parsed ``pyproject.toml`` holds.

    Raises:
        ShipError: With one finding for each unknown key (NS101), each value of a wrong type (NS102) and each address
            of an index that would give away what is sent there (NS703).
    """
    findings = Findings()
    tool = pyproject.get("tool", {})
    table = tool.get("nox-ship", {}) if isinstance(tool, Mapping) else {}
    settings = typing.cast("Settings", _read(Settings, table, ROOT, findings))
    findings.raise_errors()
    findings.extend(_out_of_bounds(settings))
    findings.raise_errors()
    return settings


def _out_of_bounds(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each value that no project can mean."""
    under = settings.coverage.fail_under
    pythons = ("3.11",) if settings.pythons is None else settings.pythons
    bounds = {
        "pythons": (all(map(_PYTHON.fullmatch, pythons)) and bool(pythons), 'name versions such as "3.12"'),
        "coverage.fail-under": (under is None or 0 <= under <= 100, "be a percentage"),  # noqa: PLR2004
        "build.largest-file": (settings.build.largest_file > 0, "be a number of MiB above 0"),
        "publish.wait": (0 <= settings.publish.wait <= _WEEK, "be between 0 seconds and a week"),
        "publish.timeout": (0 < settings.publish.timeout <= _WEEK, "be more than 0 seconds, and a week at most"),
        "workflows.systems": (bool(settings.workflows.systems), "name one runner at least"),
        **_workflow_bounds(settings.workflows),
        "rehearsal.port": (0 <= settings.rehearsal.port <= _LAST_PORT, "be a port, or 0"),
    }
    for key, (good, words) in bounds.items():
        if not good:
            yield WRONG_TYPE(f"`{ROOT}.{key}` must {words}.")
    for name, index in settings.indexes.items():
        for key, address in asdict(index).items():
            if address is not None and not is_safe(address):
                path = f"`{ROOT}.indexes.{name}.{key.replace('_', '-')}`"
                yield UNSAFE_ADDRESS(f"{path} is not an `https` address, or holds a user name or password.")
    if holds_password(settings.remote or ""):
        yield UNSAFE_ADDRESS(f"`{ROOT}.remote` holds a password.", remedy="Name a remote that git knows.")


def _workflow_bounds(workflows: WorkflowSettings) -> dict[str, tuple[bool, str]]:
    named = workflows.environments
    fits = set(named) <= {"pypi", "testpypi"} and all(
        name.strip() == name and 0 < len(name) <= _LONGEST_ENVIRONMENT for name in named.values()
    )
    return {
        "workflows.file": (
            workflows.file is None or bool(_WORKFLOW_FILE.fullmatch(workflows.file)),
            'be a file name such as "publish.yml"',
        ),
        "workflows.environments": (fits, "give `pypi` or `testpypi` the name of an environment"),
        "workflows.branches": (all(map(str.strip, workflows.branches)), "be patterns of branches' names"),
    }


class _WrongTypeError(Exception):
    """A value does not fit; the message says what would."""


def _read(cls: type, table: object, path: str, findings: list[Finding]) -> object:
    if not isinstance(table, Mapping):
        findings.append(WRONG_TYPE(f"`{path}` must be a table, not {_shown(table)}."))
        return None
    hints = _HINTS(cls)
    known = {item.name.replace("_", "-"): item for item in fields(cls)}
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in known:
            findings.append(_unknown(f"{path}.{key}", key, list(known)))
            continue
        try:
            values[known[key].name] = _convert(hints[known[key].name], value, f"{path}.{key}", findings)
        except _WrongTypeError as error:
            findings.append(WRONG_TYPE(f"`{path}.{key}` must be {error}, not {_shown(value)}."))
    missing = [
        key
        for key, item in known.items()
        if item.default is MISSING and item.default_factory is MISSING and key not in table
    ]
    findings.extend(WRONG_TYPE(f"`{path}` lacks the key `{key}`.", remedy="Add it.") for key in missing)
    return None if findings else cls(**values)


def _unknown(path: str, key: str, known: list[str]) -> Finding:
    close = difflib.get_close_matches(key.replace("_", "-"), known, n=1)
    remedy = f"Did you mean `{close[0]}`? Correct the key." if close else f"Known here: {', '.join(known)}."
    return UNKNOWN_SETTING(f"pyproject.toml has no setting `{path}`.", remedy=remedy)


def _shown(value: object) -> str:
    return f"`{value!r}`" if not isinstance(value, Mapping) else "a table"


def _convert(hint: typing.Any, value: object, path: str, findings: list[Finding]) -> object:
    if isinstance(hint, types.UnionType):  # X | None: TOML has no null, so the value is an X
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if is_dataclass(hint):
        return _read(typing.cast("type", hint), value, path, findings)
    if typing.get_origin(hint) is Mapping:
        if not isinstance(value, Mapping):
            raise _WrongTypeError("a table")
        item = typing.get_args(hint)[1]
        return {name: _convert(item, entry, f"{path}.{name}", findings) for name, entry in value.items()}
    if hint == tuple[Command, ...]:
        return _commands(value)
    if hint == tuple[str, ...]:
        return _strings(value)
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise _WrongTypeError(f"one of {', '.join(map(repr, choices))}")
        return value
    accepted: dict[type, tuple[tuple[type, ...], str]] = {
        bool: ((bool,), "true or false"),
        str: ((str,), "a string"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
    }
    allowed, words = accepted[hint]
    if not isinstance(value, allowed) or (isinstance(value, bool) and hint is not bool):
        raise _WrongTypeError(words)
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _WrongTypeError("a list of strings")
    return tuple(value)


def _commands(value: object) -> tuple[Command, ...]:
    words = "a command or a list of commands, each a string or a list of strings"
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise _WrongTypeError(words)
    commands: list[Command] = []
    for entry in entries:
        if isinstance(entry, str):
            try:
                parts: tuple[str, ...] = tuple(shlex.split(entry))
            except ValueError as error:
                raise _WrongTypeError(words) from error
        elif isinstance(entry, list) and all(isinstance(part, str) for part in entry):
            parts = tuple(entry)
        else:
            raise _WrongTypeError(words)
        if not parts:
            raise _WrongTypeError(words)
        commands.append(parts)
    return tuple(commands)
