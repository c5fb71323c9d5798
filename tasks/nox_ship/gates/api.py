"""The gate api: comparing the public API with the last release's, and checking that the version allows the changes.

The rule is SemVer (https://semver.org/#spec-item-8). Before 1.0, it is applied as in Cargo and cargo-semver-checks: a
breaking change raises the first number that is not 0, and before 0.1 any release may break. Versions that are dates
promise nothing.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.version import Version

from nox_ship import json_data, process, versions
from nox_ship.config import Settings
from nox_ship.errors import Finding, Kind, Level, ShipError, shorten
from nox_ship.gates.judged import Judged
from nox_ship.git import Repository
from nox_ship.process import Argument
from nox_ship.project import Project, read_pyproject

API_BROKEN = Kind(
    "NS436",
    "api-broken",
    "Keep and deprecate what users call, or release this as the next major version (before 1.0: minor).",
    level="warning",
)
API_NOT_READ = Kind("NS437", "api-not-read", "Read griffe's output above.", level="warning")

TOOL = "griffe>=1.7"
"""The comparison tool: https://mkdocstrings.github.io/griffe/."""
MOST_TOLD = 20
"""How many changes are reported individually."""
_SCRIPT = Path(__file__).with_name("surface.py")
_TOLD = "nox-ship:"
_SECONDS = 300
_READ = (".py", ".pyi", ".toml", ".cfg")
"""The files of a release to read: its sources, and the settings that say where its packages are."""
_MOST_FILES, _MOST_BYTES = 20_000, 1 << 22


@dataclass(frozen=True)
class LastRelease:
    """The release before HEAD."""

    tag: str
    version: Version
    commit: str


@dataclass(frozen=True)
class ApiChange:
    """A change that may break users' code."""

    path: str
    """The object's full name, such as ``sample.greet``."""
    what: str
    """What happened to it, such as ``was removed``."""
    file: str
    """Where it is or was, relative to the project's folder; empty if unknown."""
    line: int
    gone: bool
    """Whether file and line are those of the last release."""


@dataclass(frozen=True)
class ApiCompared:
    """How the public API differs from the last release's."""

    changes: tuple[ApiChange, ...]
    additions: tuple[str, ...]
    read: int
    """How many packages could be analysed."""


class NothingToCompareError(Exception):
    """There is no earlier release, or no API that can be analysed; the message says which."""


def last_tagged(project: Project, repository: Repository) -> LastRelease:
    """Return the last release in HEAD's history, before HEAD: the newest final one, or else the newest.

    Raises:
        NothingToCompareError: There is none.
    """
    head, tags = repository.head_and_tags()
    others = any(commit != head for commit in tags.values())
    form, merged = project.tag_form(tags), repository.merged_tags() if others else set()
    released = form.releases(tag for tag in merged if tag in tags)
    earlier = {tag: version for tag, version in released.items() if tags[tag] != head and not version.is_devrelease}
    finals = {tag: version for tag, version in earlier.items() if not version.is_prerelease}
    if not earlier:
        cut = repository.find("rev-parse", "--is-shallow-repository") == "true"
        missing = "; this clone lacks older commits (`git fetch --tags --unshallow`)" if cut else ""
        raise NothingToCompareError(f"there is no earlier release in the history of HEAD{missing}")
    version, tag = max((version, tag) for tag, version in (finals or earlier).items())
    return LastRelease(tag, version, tags[tag])


def coming(project: Project, repository: Repository, last: LastRelease) -> Version | None:
    """Return the version released from HEAD, or the next one stated in the files; None without one."""
    head, tags = repository.head_and_tags()
    at_head = versions.release_at(tags, head, project.tag_form(tags))
    stated = at_head[1] if at_head else versions.parse(project.stated_version)
    return stated if stated and stated > last.version else None


def may_break(last: Version, new: Version) -> bool:
    """Whether the version ``new`` may break code that uses ``last``."""
    before, after = ((*version.release, 0, 0, 0)[:3] for version in (last, new))
    if last.epoch != new.epoch:
        return True
    first = next((place for place, number in enumerate(before) if number), len(before) - 1)
    return after[: first + 1] > before[: first + 1]


def is_dated(version: Version) -> bool:
    """Whether a version is a date, which promises nothing."""
    return version.major >= versions.FIRST_YEAR


def counted(items: Sequence[object], noun: str) -> str:
    """Return a count with its noun, such as ``2 additions``."""
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def judge(compared: ApiCompared, last: LastRelease, new: Version | None) -> Judged:
    """Return the verdict on a comparison for the release of ``new``, which is None if unknown."""
    changes, additions = counted(compared.changes, "breaking change"), counted(compared.additions, "addition")
    names = f": {shorten(compared.additions)}" if compared.additions else ""
    summary = f"compared with {last.tag}: {changes}, {additions}{names}"
    if not compared.changes:
        return Judged((summary,))
    if new is None or is_dated(last.version):
        return Judged((summary,), tuple(findings(compared, last, "warning")))
    if may_break(last.version, new):
        lines = (told(change, last) for change in compared.changes)
        return Judged((summary, f"{new} may break compatibility with {last.version}, and does:", *lines))
    return Judged((summary,), (), tuple(findings(compared, last, "error")))


@dataclass(frozen=True)
class ApiComparison:
    """A project and its last release, to be compared."""

    project: Project
    repository: Repository
    last: LastRelease

    @classmethod
    def of(cls, project: Project) -> ApiComparison:
        """Return the comparison of a project with its last release.

        Raises:
            NothingToCompareError: There is no earlier release.
            ShipError: It is not in a repository (NS201, NS202).
        """
        repository = Repository.at(project.root, project.settings.pass_env)
        return cls(project, repository, last_tagged(project, repository))

    def made(self, python: Sequence[Argument], now: Path | None = None) -> ApiCompared:
        """Compare the public API with the last release's.

        Args:
            python: The command of a Python with griffe.
            now: The project's folder; None to use HEAD.

        Raises:
            NothingToCompareError: griffe cannot read any of the packages.
            ShipError: It failed (NS437).
        """
        folder = self.project.root.resolve().relative_to(self.repository.path.resolve())
        with tempfile.TemporaryDirectory(prefix="nox-ship-") as name:
            scratch = Path(name).resolve()
            before = unpacked(self.repository, self.last.commit, folder, scratch / "before")
            root = now or unpacked(self.repository, "HEAD", folder, scratch / "now")
            asked = {"packages": _packages(_leniently(before), _leniently(root)), "roots": [str(before), str(root)]}
            try:
                apart = [*python, "-I"]  # PYTHONPATH could contain the project
                keep = self.project.settings.pass_env
                done = process.run([*apart, _SCRIPT, json.dumps(asked)], cwd=scratch, keep=keep, seconds=_SECONDS)
            except process.CommandFailedError as error:
                what = f"The public API could not be compared with that of {self.last.tag}."
                raise ShipError(API_NOT_READ(what, detail=error.done.output)) from error
        compared = _answer(done.stdout, self.last)
        if not compared.read:
            raise NothingToCompareError("the project has no package with Python sources that griffe can read")
        return compared

    def judged(self, compared: ApiCompared) -> Judged:
        """Return the verdict for the version that is released from HEAD, or that the files state."""
        return judge(compared, self.last, coming(self.project, self.repository, self.last))


def _answer(text: str, last: LastRelease) -> ApiCompared:
    line = next((line for line in reversed(text.splitlines()) if line.startswith(_TOLD)), "")
    try:
        return json_data.read(ApiCompared, json_data.parse(line.removeprefix(_TOLD)))
    except ValueError:
        what = f"Comparing the public API with that of {last.tag} gave no result."
        raise ShipError(API_NOT_READ(what, detail=text)) from None


def unpacked(repository: Repository, commit: str, folder: Path, target: Path) -> Path:
    """Write the sources in ``folder`` of a commit into ``target``, and return it.

    Links and files that are too large are skipped.
    """
    target.mkdir(parents=True)
    archive = target.parent / f"{target.name}.tar"
    place = f"{commit}:{folder.as_posix()}" if folder.parts else commit
    repository.run("archive", "--format=tar", f"--output={archive}", place)
    count = 0
    with tarfile.open(archive) as members:
        for member in members:
            path = PurePosixPath(member.name)
            plain = member.isfile() and path.suffix in _READ
            inside = not path.is_absolute() and ".." not in path.parts
            if not (plain and inside and member.size <= _MOST_BYTES and count < _MOST_FILES):
                continue
            count += 1
            stream = members.extractfile(member)
            if stream is not None:
                file = target / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(stream.read())
    return target


def _leniently(root: Path) -> Project:
    """Return the project in a folder, ignoring its settings: an old release may have settings that are now unknown."""
    try:
        pyproject = read_pyproject(root)
    except ShipError:
        pyproject = {}
    return Project(root, pyproject, Settings())


def _packages(old: Project, new: Project) -> list[tuple[str, str, str]]:
    """Return each package's import name, and the folders to search, before and now; empty if absent."""
    before, now = dict(_importable(old)), dict(_importable(new))
    found = [(name, before.get(name, ""), now.get(name, "")) for name in dict.fromkeys((*before, *now))]
    # A folder next to the packages, such as `scripts`, is not part of the API just because it can be imported.
    roots, own = (str(old.root), str(new.root)), _own_name(new)
    return [one for one in found if all(one[1:]) or one[0] == own or not {*one[1:]} & {*roots}]


def _own_name(project: Project) -> str:
    try:
        return project.canonical_name.replace("-", "_")
    except ShipError:
        return ""


def _importable(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the import name of each package, and the folder to search for it.

    Parent folders are a namespace if the project's name begins with theirs: ``google/cloud/storage``.
    """
    try:
        name, packages = _own_name(project), project.packages
    except ShipError:
        return
    for path in packages:
        parts = path.with_suffix("").parts if path.suffix == ".py" else path.parts
        outer = parts[:-1]
        around = next(
            (outer[start:] for start in range(len(outer)) if name.startswith("_".join((*outer[start:], "")))), ()
        )
        names = (*around, parts[-1])
        if all(part.isidentifier() for part in names) and not parts[-1].startswith("_"):
            yield ".".join(names), str(project.root.joinpath(*parts[: len(parts) - len(names)]))


def findings(compared: ApiCompared, last: LastRelease, level: Level) -> Iterator[Finding]:
    """Yield a finding of ``level`` for each breaking change, and one for those beyond the limit."""
    for change in compared.changes[:MOST_TOLD]:
        yield API_BROKEN(f"{told(change, last)}.", level=level)
    if left := [change.path for change in compared.changes[MOST_TOLD:]]:
        yield API_BROKEN(f"{len(left)} more breaking changes: {shorten(left)}.", level=level)


def told(change: ApiChange, last: LastRelease) -> str:
    """Return a change as text, with its place."""
    where = f"{change.file}, line {change.line}" if change.line else change.file
    place = f" ({where}{f' of {last.tag}' if change.gone else ''})" if where else f" since {last.tag}"
    return f"{change.path} {change.what}{place}"
