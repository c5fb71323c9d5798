"""Fuzzing the data that is passed on: versions, tags, manifests, records, tools' reports, built files, git's files."""

from __future__ import annotations

import base64
import copy
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast
from unittest import mock

from hypothesis import strategies as st
from packaging.version import Version

from fakes import TOLD, make_index
from fuzz_projects import HATCH
from fuzzing import DEPTH, DIGITS, WRONG, Ground, Target, as_json, as_toml, changed, damaged, put, texts
from nox_ship import json_data, versions
from nox_ship.errors import Finding, ShipError
from nox_ship.gates.audit import not_audited, read_report
from nox_ship.git import NOT_A_REPOSITORY, Repository
from nox_ship.history_page import page
from nox_ship.package.built import Built
from nox_ship.package.checks import CHECKS
from nox_ship.package.contents import Archive
from nox_ship.package.environment import Environment
from nox_ship.package.likeness import Likeness
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.package.materials import NAME, Materials, completed
from nox_ship.package.parts import Part
from nox_ship.printable import printable
from nox_ship.process import Done
from nox_ship.project import Project
from nox_ship.release import admission
from nox_ship.release.beside import materials, provenance
from nox_ship.release.comparison import Comparison
from nox_ship.release.history import Going, recall, remember
from nox_ship.release.listed import examine
from nox_ship.release.marks import History, figures
from nox_ship.release.published import ExpectedRelease
from nox_ship.release.record import Record
from nox_ship.release.version import PARTS, next_version
from nox_ship.report import Report
from nox_ship.world.refusals import Answer
from nox_ship.world.world import World
from support import commit_files, git, make_repository, make_wheel

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
    """Check that a version is read again from the tag that is named after it."""
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
    "build": {"python": "3.12.1", "epoch": 1, "at": 2, "requires": ["hatchling==1.27.0"]},
}


_WHEEL = "sample-1.2.3-cp312-cp312-win_amd64.whl"
PART = {
    "schema": 1,
    "system": "ubuntu-latest",
    "commit": "c" * 40,
    "version": "1.2.3",
    "sdist": "a" * 64,
    "files": [{"name": _WHEEL, "kind": "wheel", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()}],
    "expected": ["cp312-win_amd64"],
}


def _part(ground: Ground, data: bytes) -> None:
    folder = ground.write({"part.json": data, _WHEEL: b"x"})
    Part.read(folder)


def _manifest(ground: Ground, data: bytes) -> None:
    folder = ground.write({"manifest.json": data, "pyproject.toml": as_toml(HATCH), "sample-1.2.3.tar.gz": b"sdist"})
    manifest = Manifest.read(folder / "manifest.json")
    ground.attempt(lambda: manifest.check(folder))
    ground.attempt(lambda: manifest.check_origin("c" * 40, "1.2.3"))
    ground.attempt(lambda: admission.admit(manifest, Project.read(folder), "pypi", cast("World", _Nowhere())))
    manifest.write(folder / "again.json")
    (folder / "again.json").unlink()


_BUILT = json_data.read(Manifest, {name: value for name, value in MANIFEST.items() if name != "schema"})
_BILL = json.loads(completed(copy.deepcopy(TOLD), _BUILT, _BUILT.files[0], "3.12"))
_STATEMENT = {"subject": [{"name": file.name, "digest": {"sha256": file.sha256}} for file in _BUILT.files]}


def _bundled(statement: bytes) -> bytes:
    return as_json({"dsseEnvelope": {"payload": base64.b64encode(statement).decode()}})


def _beside(ground: Ground, value: tuple[str, bytes]) -> None:
    """Check that an attachment of a release is about the release's files, whatever was passed on."""
    name, data = value
    folder = ground.write({name: data})
    reader = provenance if name == "provenance" else materials
    (found,) = reader(folder / name, _BUILT)
    assert found.content == data
    text = base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"]) if name == "provenance" else data
    assert any(file.sha256.encode() in text for file in _BUILT.files)


def _described(ground: Ground, data: bytes) -> None:
    """Check that any output of a tool about an environment becomes a valid bill of materials, or none."""
    made = ground.folder / "made"
    made.unlink(missing_ok=True)

    def write(*_: object, **__: object) -> Done:
        (ground.folder / NAME).write_bytes(data)
        return Done((), 0, "", "")

    with mock.patch("nox_ship.process.run", write):
        findings = list(Materials(_BUILT, _BUILT.files[0], made).describe(Environment(ground.folder / "env")))
    if findings:
        raise ShipError(*findings)
    assert made.read_bytes().isascii()
    (found,) = materials(made, _BUILT)
    assert found.content == made.read_bytes()


class _Nowhere:
    """A world without a checkout, as if the files had been copied to another machine."""

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
    """Check that a record that can be read is the same after writing it."""
    path = ground.write({"record.json": data}) / "record.json"
    if record := Record.read(path):
        assert isinstance(sum(record.passed.values()) + record.made_at, float)
        _ = versions.parse(record.version), f"{record.tag}^{{commit}}", sorted(record.failed)
        record.write(path)
        assert repr(Record.read(path)) == repr(record)
        ground.outcomes["read"] += 1


HISTORY = [
    {
        "begun": "2026-01-01T00:00:00+00:00",
        "project": "sample",
        "version": "1.2.3",
        "rehearsal": False,
        "verdict": "failed",
        "seconds": 5.5,
        "findings": ["NS431 gate-failed"],
        "spent": [{"name": "bump", "seconds": 1.5}, {"name": "tests", "seconds": 3, "within": "gates"}],
    }
]


def _history(ground: Ground, data: bytes) -> None:
    """Check that the runs that are read can be shown in every form."""
    path = ground.write({"history.json": data}) / "history.json"
    if runs := recall(path):
        going = Going.of([*runs, *runs])
        told = History(figures(None, going), None, "the remote is elsewhere", going, ())
        json.loads(json.dumps(asdict(told), allow_nan=False))
        page(told, "sample").encode()
        remember(path, Report("x"))
        assert recall(path)[:-1] == runs[-99:]
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


_CODE = {
    "sample/__init__.py": "x",
    "sample/data.txt": "y" * 50,
    "LICENSE": "MIT",
    "sample/a b/é.so": "",
    "src/x.py": "x",
    "sample-1.2.3.dist-info/entry_points.txt": "[console_scripts]\nx = sample:x\n",
}
_METADATA = {
    "Metadata-Version": "2.4",
    "Name": "sample",
    "Version": "1.2.3",
    "Classifier": "Typing :: Typed",
    "Provides-Extra": "a",
    "Requires-Dist": "x; extra == 'a'",
    "Requires-Python": ">=3",
    "License-File": "LICENSE",
    "Dynamic": "x",
}


def packed(kind: str, members: Mapping[str, bytes], link: str = "") -> bytes:
    """Return a wheel with the compression ``kind``, or an sdist, with these members and a link."""
    target = io.BytesIO()
    if kind in _METHODS:
        with zipfile.ZipFile(target, "w", _METHODS[kind]) as wheel:
            for name, content in members.items():
                wheel.writestr(zipfile.ZipInfo(name), content, _METHODS[kind])
        return target.getvalue()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as sdist:
        for name, content in members.items():
            member = tarfile.TarInfo(f"sample-1.2.3/{name}")
            member.size = len(content)
            sdist.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo("sample-1.2.3/link")
            member.type, member.linkname = tarfile.SYMTYPE, link
            sdist.addfile(member)
    return gzip.compress(target.getvalue(), mtime=0)


_METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "lzma": zipfile.ZIP_LZMA}
_KINDS = ("sdist", "sdist", "sdist", "stored", "stored", "deflated", "lzma")


@st.composite
def _archives(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(_KINDS))
    code, lines = draw(changed([_CODE], 2)), draw(changed([_METADATA], 2))
    described = "PKG-INFO" if kind == "sdist" else "sample-1.2.3.dist-info/METADATA"
    text = "".join(f"{key}: {value}\n" for key, value in lines.items()) if isinstance(lines, dict) else str(lines)
    members = {**code, described: text} if isinstance(code, dict) else {described: text}
    encoded = {name.encode(errors="replace").decode(): str(c).encode(errors="replace") for name, c in members.items()}
    data = packed(kind, encoded, draw(st.sampled_from(("", "", "", "..", "/x"))))
    name = "sample-1.2.3.tar.gz" if kind == "sdist" else "sample-1.2.3-py3-none-any.whl"
    return name, draw(damaged(st.just(data), (0, 0, 0, 1)))


def _archive(ground: Ground, value: tuple[str, bytes]) -> None:
    name, data = value
    folder = ground.write({name: data, "pyproject.toml": as_toml(HATCH), "src/sample/__init__.py": ""})
    archive = Archive.read(folder / name)
    _ = archive.name, archive.version, archive.top_level, archive.importable, archive.extras
    wheels = (archive,) if name.endswith(".whl") else ()
    built = Built(Project.read(folder), wheels, archive, "1.2.3", ("src/sample/__init__.py",))
    for check in CHECKS:
        for finding in check(built):
            ground.outcomes[finding.id] += 1


def _last_release(ground: Ground, value: tuple[str, bytes]) -> None:
    """Check that any file of an index leads to a difference or a notice, and never to an error."""
    name, data = value
    sdist = packed("sdist", {"PKG-INFO": b"Name: sample\n", "x.py": b"x"})
    folder = ground.write({"pyproject.toml": as_toml(HATCH), "dist/sample-1.2.4.tar.gz": sdist})
    make_wheel(folder / "dist", {"sample/__init__.py": "", "tests/x.py": ""}, ("Requires-Dist: x",), version="1.2.4")
    files = tuple(map(File.of, built_files(folder / "dist")))
    manifest = Manifest("sample", "1.2.4", "c" * 40, None, dirty=False, files=files)
    index = make_index(earlier={name: data})
    compared = Comparison(manifest, Project.read(folder), index, "PyPI", folder / "shelf", anew=True).result(folder)
    ground.outcomes["compared" if compared.difference else "not compared"] += 1
    assert {finding.level for finding in compared.findings} <= {"notice", "warning"}
    report = Report("x")
    notices: list[Finding] = []
    compared.enter(report, notices.append)
    assert not compared.why.endswith("while it was compared"), compared.why
    report.write(folder / "report.json")
    for line in (*report.changes, *report.unusual, *map(str, notices), str(compared)):
        printable(line, lines=False).encode()


def _likeness(ground: Ground, value: tuple[str, bytes]) -> None:
    """Compare an archive with a valid one, and with an index's data about it."""
    name, data = value
    sound = packed("sdist" if name.endswith(".gz") else "wheel", {"PKG-INFO": b"Name: sample\n", "x.py": b"x"})
    folder = ground.write({name: data, f"sound/{name}": sound, "pyproject.toml": as_toml(HATCH)})
    for pair in ((folder / name, folder / "sound" / name), (folder / "sound" / name, folder / name)):
        found = Likeness.of(*pair)
        ground.outcomes[found.verdict] += 1
        for line in (str(found), *found.lines):
            printable(line, lines=False).encode()
    index = make_index(shelf={name: data}, each={"requires_python": data[:9].decode("latin-1"), "yanked": "x"})
    manifest = Manifest("sample", "1.2.3", "", None, dirty=False, files=(File.of(folder / name),))
    for finding in examine(index.listing("sample", "1.2.3"), ExpectedRelease(manifest, folder, "")):
        ground.outcomes[finding.id] += 1


REASONS = (
    "Invalid or non-existent authentication information.",
    "File already exists ('x.whl')",
    "Forbidden",
    "<html><body>no &#65;</body></html>",
    "Metadata is missing required fields: Name",
    "",
)
UPLOADS = st.one_of(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from((200, 302, 400, 403, 409, 499, 503)),
            "reason": texts(REASONS),
            "text": texts(REASONS),
        },
        optional={"location": texts(("https://b/",))},
    ),
    st.fixed_dictionaries(
        {"failure": st.sampled_from(("SSLError", "InvalidDistribution", "BadZipFile")), "text": texts(REASONS)},
        optional={"unsent": st.just(value=True)},
    ),
)


def _refusal(ground: Ground, told: dict[str, Any]) -> None:
    answer = Answer.of(told)
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
        for call in (*calls, repository.remotes, lambda: repository.release_branch("HEAD", None)):
            ground.attempt(call)
    finally:
        path.write_bytes(before)


_CONFIGS = texts([GIT, GIT.replace("= 0", "= 99"), f"{GIT}[extensions]\n\tobjectFormat = x\n"]).map(str.encode)
_GIT_FILES = st.tuples(st.just("config"), _CONFIGS) | st.tuples(
    st.sampled_from(("HEAD", "index", "refs/heads/main")), damaged(st.just(b"ref: refs/heads/main\n"), (1,))
)
_WANTED = st.sampled_from((*PARTS, "minor-rc", "major-alpha", "2", "v3", "")) | texts(_VERSIONS)

_BAD_NAMES = ("..", "", "x\0-1.2.3-py3-none-any.whl", f"{'x' * 300}-1.2.3-py3-none-any.whl")
_KNOWN_MANIFESTS = (
    *(as_json(put(MANIFEST, key, value)) for key in MANIFEST for value in WRONG),
    *(as_json(put(MANIFEST, "files", 0, "name", name)) for name in _BAD_NAMES),
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
_LZMA = packed("lzma", {"sample-1.2.3.dist-info/METADATA": b"Name: sample\n" * 20})
_KNOWN_ARCHIVES = (
    ("sample-1.2.3-py3-none-any.whl", _LZMA[:80] + b"\xff\xff\xff" + _LZMA[83:]),
    ("sample-1.2.3-py3-none-any.whl", packed("stored", {"": b""})),
    ("sample-1.2.3.tar.gz", packed("sdist", {"PKG-INFO": b"Name: " + b"9" * DIGITS, "": b"x"})),
    ("sample-1.2.3.tar.gz", packed("sdist", {"PKG-INFO": "Name: sample\nClassifier: Ü\n".encode()})),
    ("sample-1.2.3.tar.gz", b""),
)
_KNOWN_REFUSALS = ({"status": 400, "reason": f"&#{'9' * DIGITS}; already exists", "text": ""},)
_KNOWN_GIT = (("config", GIT.replace("= 0", "= 99").encode()), ("config", b"["), ("HEAD", b"\0"))
_STRICT = (0, 0, 0, 0, 1)
_BESIDE = st.tuples(st.just("materials"), damaged(changed([_BILL], 2).map(as_json), _STRICT)) | st.tuples(
    st.just("provenance"), damaged(changed([_STATEMENT], 2).map(as_json), _STRICT).map(_bundled)
)

TARGETS = {
    "tags": Target(st.tuples(st.lists(texts(_TAGS), max_size=4), st.none() | texts(_FORMS)), _tags),
    "next version": Target(st.tuples(texts(_VERSIONS, (0, 0, 1)), _WANTED), _next, known=(("1.0", "9" * DIGITS),)),
    "beside": Target(_BESIDE, _beside, 0.5),
    "described": Target(damaged(changed([TOLD], 2).map(as_json), _STRICT), _described, 0.5),
    "manifest": Target(damaged(changed([MANIFEST], 2).map(as_json), _STRICT), _manifest, known=_KNOWN_MANIFESTS),
    "part": Target(damaged(changed([PART], 2).map(as_json), _STRICT), _part, known=(b'{"schema": 1, "files": 5}',)),
    "record": Target(damaged(changed([RECORD], 2).map(as_json), _STRICT), _record, known=_KNOWN_RECORDS),
    "history": Target(damaged(changed(HISTORY, 2).map(lambda run: as_json([run])), _STRICT), _history),
    "audit report": Target(damaged(changed([AUDIT], 2).map(as_json), _STRICT), _audit, known=_KNOWN_AUDITS),
    "archive": Target(_archives(), _archive, known=_KNOWN_ARCHIVES),
    "likeness": Target(_archives(), _likeness, 0.5, _KNOWN_ARCHIVES),
    "last release": Target(_archives(), _last_release, 0.5, _KNOWN_ARCHIVES),
    "refusal": Target(UPLOADS, _refusal, known=_KNOWN_REFUSALS),
    "git": Target(_GIT_FILES, _git, 0.01, _KNOWN_GIT),
}
"""The fuzz targets of this module, by name."""
