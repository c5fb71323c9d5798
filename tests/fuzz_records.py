"""Fuzzing what is handed on: versions and tags, manifests, records, reports of tools, built files, git's own files."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

from hypothesis import strategies as st
from packaging.version import Version

from fuzz_projects import HATCH
from fuzzing import DEPTH, DIGITS, WRONG, Ground, Target, as_json, as_toml, changed, damaged, put, texts
from nox_ship import versions
from nox_ship.errors import ShipError
from nox_ship.gates.audit import not_audited, read_report
from nox_ship.git import NOT_A_REPOSITORY, Repository
from nox_ship.package.checks import CHECKS, Built
from nox_ship.package.contents import Archive
from nox_ship.package.manifest import Manifest
from nox_ship.process import Done
from nox_ship.project import Project
from nox_ship.release import admission
from nox_ship.release.record import Record
from nox_ship.release.version import PARTS, next_version
from nox_ship.world.refusals import Answer
from nox_ship.world.world import World
from support import commit_files, git, make_repository, make_sdist, make_wheel

_VERSIONS = (
    "1.2.3",
    "0",
    "1!2.0rc1.post3.dev4",
    "2.0a1",
    "1.0.dev9",
    "1.0.post1",
    "9" * 4299,
    "1.2.3.4.5",
    "1.0+local",
)
_TAGS = ("v1.2.3", "1.0", "v2.0-rc.1", "release", "v20240101", "sample-1.0", "", "v", "٣", "²")
_FORMS = (
    "v{version}",
    "{version}",
    "sample-{version}",
    "{version}-x",
    "",
    "{}",
    "{version}{version}",
    "(?P<x>{version}",
)


def _tags(_: Ground, value: tuple[list[str], str | None]) -> None:
    """Check that a version is read from the tag that is named for it."""
    tags, setting = value
    form = versions.TagForm.of(tags, setting)
    versions.latest(tags, form)
    versions.release_at(dict.fromkeys(tags, "c"), "c", form)
    assert form.version(form.name("1.2.3")) == Version("1.2.3")


def _next(_: Ground, value: tuple[str, str]) -> None:
    """Check that the next version is newer, and can be written and read again."""
    current = versions.parse(value[0])
    if current is None:
        return
    following = next_version(current, value[1])
    assert following > current
    assert Version(str(following)) == following


MANIFEST = {
    "schema": 1,
    "name": "sample",
    "version": "1.2.3",
    "commit": "c" * 40,
    "tag": "v1.2.3",
    "dirty": False,
    "files": [
        {"name": "sample-1.2.3-py3-none-any.whl", "kind": "wheel", "size": 5, "sha256": "0" * 64},
        {"name": "sample-1.2.3.tar.gz", "kind": "sdist", "size": 5, "sha256": "1" * 64},
    ],
    "branch": "main",
    "pyproject": hashlib.sha256(as_toml(HATCH)).hexdigest(),
}


def _manifest(ground: Ground, data: bytes) -> None:
    folder = ground.write({"manifest.json": data, "pyproject.toml": as_toml(HATCH), "sample-1.2.3.tar.gz": b"sdist"})
    manifest = Manifest.read(folder / "manifest.json")
    ground.attempt(lambda: manifest.check(folder))
    ground.attempt(lambda: manifest.check_origin("c" * 40, "1.2.3"))
    ground.attempt(lambda: admission.admit(manifest, Project.read(folder), "pypi", cast("World", _Nowhere())))
    manifest.write(folder / "again.json")
    (folder / "again.json").unlink()


class _Nowhere:
    """A world without a checkout, as where files were brought to another machine."""

    @property
    def checkout(self) -> Repository:
        raise ShipError(NOT_A_REPOSITORY("There is none."))


RECORD = {
    "head": "a" * 40,
    "version": "1.2.3",
    "tag": "v1.2.3",
    "made_by": "me",
    "made_at": 1.5,
    "commit": "c" * 40,
    "passed": {"tests-3.12": 2.5},
    "failed": ["lint"],
    "tried": "0" * 64,
}


def _record(ground: Ground, data: bytes) -> None:
    """Check that what is read can be written, and is the same then."""
    path = ground.write({"record.json": data}) / "record.json"
    if record := Record.read(path):
        assert isinstance(sum(record.passed.values()) + record.made_at, float)
        _ = versions.parse(record.version), f"{record.tag}^{{commit}}", sorted(record.failed)
        record.write(path)
        assert repr(Record.read(path)) == repr(record)
        ground.outcomes["read"] += 1


AUDIT = {
    "dependencies": [
        {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}]},
        {"name": "b", "skip_reason": "not found"},
    ],
    "fixes": [],
}


def _audit(ground: Ground, data: bytes) -> None:
    text = data.decode(errors="replace")
    audited = read_report(Done((), 1, text, ""), ("c",))
    ground.outcomes["read"] += 1
    str(not_audited(audited))


def _archives() -> tuple[tuple[str, bytes], ...]:
    """Return wheels and sdists as name and bytes; sdists in each compression that ``tarfile`` opens."""
    files = {"sample/__init__.py": "x", "sample/data.txt": "y" * 50, "LICENSE": "MIT", "a b/é.so": ""}
    lines = ("Classifier: Typing :: Typed", "Requires-Dist: x", "License-File: LICENSE", "", "text")
    with tempfile.TemporaryDirectory() as folder:
        wheel = make_wheel(Path(folder), files, lines)
        sdist = make_sdist(Path(folder), {**files, "src/sample/__init__.py": "x"}, lines)
        packed = gzip.decompress(sdist.read_bytes())
        wheel_bytes = wheel.read_bytes()
    forms = (packed, gzip.compress(packed, mtime=0), bz2.compress(packed), lzma.compress(packed))
    lzma_wheel = _repacked(wheel_bytes)
    return (*((sdist.name, form) for form in forms), (wheel.name, wheel_bytes), *((wheel.name, w) for w in lzma_wheel))


def _repacked(wheel: bytes) -> list[bytes]:
    """Return a wheel's bytes with its members compressed in the other ways that ``zipfile`` reads."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(wheel)) as old, zipfile.ZipFile(target, "w", method) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
        found.append(target.getvalue())
    return found


ARCHIVES = _archives()


@st.composite
def _damaged_archives(draw: st.DrawFn) -> tuple[str, bytes]:
    name, data = draw(st.sampled_from(ARCHIVES))
    changes = draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=3))
    whole = bytearray(data)
    for at, byte in changes:
        whole[at] = byte
    return name, draw(damaged(st.just(bytes(whole)), (0, 0, 0, 1)))


def _archive(ground: Ground, value: tuple[str, bytes]) -> None:
    name, data = value
    folder = ground.write({name: data, "pyproject.toml": as_toml(HATCH), "src/sample/__init__.py": ""})
    archive = Archive.read(folder / name)
    _ = archive.name, archive.version, archive.top_level, archive.importable
    wheels = (archive,) if name.endswith(".whl") else ()
    built = Built(Project.read(folder), wheels, archive, "1.2.3", ("src/sample/__init__.py",))
    for check in CHECKS:
        for finding in check(built):
            ground.outcomes[finding.id] += 1


UPLOADS = (
    """INFO     Response from https://a/legacy/:
         403 Forbidden
INFO     <html><body>no &#65;</body></html>
ERROR    HTTPError: 403 Forbidden from https://a/legacy/
         Invalid or non-existent authentication
""",
    "ERROR    HTTPError: 400 Bad Request from https://a/\n         File already exists ('x.whl')\n",
    "ERROR    InvalidDistribution: Metadata is missing required fields: Name\n",
    "ERROR    RedirectDetected: https://a/ attempted to redirect to https://b/\n",
    "ERROR    HTTPError: 503 Service Unavailable from https://a/\n         Service Unavailable\n",
    "",
)


def _refusal(ground: Ground, output: str) -> None:
    answer = Answer.of(output)
    ground.outcomes["unclear" if answer.unclear else answer.explained("PyPI", "x.whl").id] += 1


GIT = """\
[core]
\trepositoryformatversion = 0
\tbare = false
[user]
\tname = T
\temail = t@e
[remote "origin"]
\turl = x
"""


def _git(ground: Ground, value: tuple[str, bytes]) -> None:
    root = ground.folder / "repository"
    if not root.exists():
        make_repository(root)
        commit_files(root, {"a": "b"})
        git(root, "tag", "v1.0")
    name, data = value
    path = root / ".git" / name
    before = path.read_bytes()
    try:
        path.write_bytes(data)
        repository = Repository.at(root)
        calls: tuple[Callable[[], object], ...] = (repository.tags, repository.default_branch, repository.changes)
        for call in (*calls, repository.remote_names, lambda: repository.release_branch("HEAD", None)):
            ground.attempt(call)
    finally:
        path.write_bytes(before)


_CONFIGS = texts([GIT, GIT.replace("= 0", "= 99"), f"{GIT}[extensions]\n\tobjectFormat = x\n"]).map(str.encode)
_GIT_FILES = st.tuples(st.just("config"), _CONFIGS) | st.tuples(
    st.sampled_from(("HEAD", "index", "refs/heads/main")), damaged(st.just(b"ref: refs/heads/main\n"), (1,))
)
_WANTED = st.sampled_from((*PARTS, "minor-rc", "major-alpha", "2", "v3", "")) | texts(_VERSIONS)

_KNOWN_MANIFESTS = (
    *(as_json(put(MANIFEST, key, value)) for key in MANIFEST for value in WRONG),
    *(as_json(put(MANIFEST, "files", 0, "name", name)) for name in ("..", "", "x\0-1.2.3-py3-none-any.whl")),
    as_json(put(MANIFEST, "files", 0, "kind", ["wheel"])),
    as_json(put(MANIFEST, "version", "9" * DIGITS)),
    as_json(put(MANIFEST, "files", 0, "size", "@huge@")),
    b"[" * DEPTH,
)
_KNOWN_RECORDS = (*(as_json(put(RECORD, key, value)) for key in RECORD for value in WRONG), b"[" * DEPTH)
_KNOWN_AUDITS = (
    b"[" * DEPTH,
    as_json(put(AUDIT, "dependencies", 5)),
    as_json(put(AUDIT, "dependencies", [5])),
    as_json(put(AUDIT, "dependencies", 0, "vulns", [5])),
    as_json(put(AUDIT, "dependencies", 0, "vulns", 0, "fix_versions", 5)),
    as_json(put(AUDIT, "dependencies", 1, "skip_reason", {})),
)
_LZMA_NAME, _LZMA = ARCHIVES[-1]
_KNOWN_ARCHIVES = ((_LZMA_NAME, _LZMA[:60] + b"\xff\xff\xff" + _LZMA[63:]),)
_KNOWN_REFUSALS = (UPLOADS[1].replace("File", f"&#{'9' * DIGITS};"),)
_KNOWN_GIT = (("config", GIT.replace("= 0", "= 99").encode()), ("config", b"["), ("HEAD", b"\0"))
_STRICT = (0, 0, 0, 0, 1)

TARGETS = {
    "tags": Target(st.tuples(st.lists(texts(_TAGS), max_size=4), st.none() | texts(_FORMS)), _tags),
    "next version": Target(st.tuples(texts(_VERSIONS, (0, 0, 1)), _WANTED), _next, known=(("1.0", "9" * DIGITS),)),
    "manifest": Target(damaged(changed([MANIFEST], 2).map(as_json), _STRICT), _manifest, known=_KNOWN_MANIFESTS),
    "record": Target(damaged(changed([RECORD], 2).map(as_json), _STRICT), _record, known=_KNOWN_RECORDS),
    "audit report": Target(damaged(changed([AUDIT], 2).map(as_json), _STRICT), _audit, known=_KNOWN_AUDITS),
    "archive": Target(_damaged_archives(), _archive, known=_KNOWN_ARCHIVES),
    "refusal": Target(texts(UPLOADS), _refusal, known=_KNOWN_REFUSALS),
    "git": Target(_GIT_FILES, _git, 0.01, _KNOWN_GIT),
}
"""What is fuzzed here, by name."""
