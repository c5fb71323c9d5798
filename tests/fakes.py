"""A world of fakes at the seams that we own: the world, its indexes and remote, and the start of programs.

Git is real, in small repositories. Every other program is played by ``Programs``, which replaces `process.run`:
through it every program of nox-ship is started.
"""

from __future__ import annotations

import base64
import copy
import datetime as dt
import hashlib
import io
import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from nox_ship import naming, process
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.own import decide
from nox_ship.git import Repository
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.package.materials import completed, materials_path
from nox_ship.process import CommandFailedError, Done
from nox_ship.project import Project
from nox_ship.release.gates import SessionResult
from nox_ship.release.pipeline import STEPS, run_pipeline
from nox_ship.release.planning import Plan, Request
from nox_ship.release.publication import Publication
from nox_ship.release.run import Run, Step
from nox_ship.release.stage import Stage, Workshop, find_stage, open_stage
from nox_ship.report import Report
from nox_ship.terminal import Voice
from nox_ship.versions import same
from nox_ship.world.credentials import Credentials, Login
from nox_ship.world.index import INDEX_UNREACHABLE, Index, Read, Upload, check_known
from nox_ship.world.listing import Listing, Served
from nox_ship.world.releases import Releases
from nox_ship.world.remote import PUSH_REFUSED, Remote
from support import commit_files, git, head, make_repository, make_sdist, make_wheel

PROBLEM = Kind("NS000", "test-problem", "Do something.")
"""A finding for tests to which its content does not matter."""
INSTALLED = "\nnox-ship:[]\n"
"""The output of each script in a fresh environment if nothing is wrong."""
HOSTILE = '\x1b]0;owned\x07<script>alert(1)</script>\u202e::set-output name=x::y"\ud800'
"""What metadata can hold."""
TOLD: dict[str, Any] = {
    "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {
        "properties": [{"name": "cdx:reproducible", "value": "true"}],
        "tools": {"components": [{"type": "application", "name": "cyclonedx-py", "version": "7.5.0"}]},
    },
    "components": [
        {
            "bom-ref": "Sample==1.2.3",
            "type": "library",
            "name": "Sample",
            "version": "1.2.3",
            "externalReferences": [
                {"type": "distribution", "url": "file:///home/me/dist/sample-1.2.3-py3-none-any.whl#sha256=00"},
                {"type": "website", "url": "https://sample.example"},
            ],
        },
        {
            "bom-ref": "other==2",
            "type": "library",
            "name": "other",
            "version": "2",
            "description": HOSTILE,
            "externalReferences": [{"type": "vcs", "url": "file:///home/me/other"}],
        },
        {"bom-ref": "plain==3", "type": "library", "name": "plain", "version": "3"},
    ],
    "dependencies": [{"ref": "Sample==1.2.3", "dependsOn": ["other==2"]}],
}
"""What cyclonedx-py writes, in its form."""
TAKEN = {"status": 200, "reason": "OK", "text": ""}
"""What an index answers that took a file."""


@dataclass(frozen=True)
class Call:
    """A program that was to be started."""

    line: tuple[str, ...]
    options: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The command line."""
        return " ".join(self.line)

    @property
    def env(self) -> Mapping[str, str | None]:
        """The variables that were added to those of our environment."""
        return {**(self.options.get("env") or {}), **(self.options.get("hidden") or {})}


Reply = Callable[[Call], tuple[int, str]]
"""What a program does: its exit code, and what it writes."""


class Programs:
    """Replaces `process.run`: plays every program except git, and records which were started, and how."""

    def __init__(self, real: Callable[..., Done]) -> None:
        self._real = real
        self._replies: list[tuple[tuple[str, ...], Reply]] = []
        self.calls: list[Call] = []
        self.answer("installed.py", stdout=INSTALLED)
        self.answer("modules.py", stdout=INSTALLED)
        self.answer("world/upload.py", stdout=json.dumps(TAKEN))

    def answer(self, *words: str, code: int = 0, stdout: str = "") -> None:
        """Let a command line with all of ``words`` in it end so; what was said last counts."""
        self.play(*words, reply=lambda _: (code, stdout))

    def play(self, *words: str, reply: Reply) -> None:
        """Let ``reply`` play a command line with all of ``words`` in it."""
        self._replies.insert(0, (words, reply))

    def started(self, *words: str) -> list[Call]:
        """Return the programs whose command line has all of ``words`` in it."""
        return [call for call in self.calls if set(words) <= set(call.line)]

    def __call__(self, args: Sequence[process.Argument], **options: Any) -> Done:
        """Play a program, as `process.run` starts it."""
        call = Call(tuple(os.fspath(arg) for arg in args), options)
        self.calls.append(call)
        reply = next((reply for words, reply in self._replies if all(word in call.text for word in words)), None)
        if reply is None and call.line[0] == "git":
            return self._real(args, **options)
        code, output = reply(call) if reply else (0, "")
        for line in output.rstrip("\n").split("\n") if output and options.get("on_line") else ():
            options["on_line"](line)
        done = Done(call.line, code, output, "")
        if options.get("check", True) and code:
            raise CommandFailedError(done)
        return done

    def ask(self, script: str, question: Mapping[str, Any], seconds: float) -> Any:
        """Play a script that is asked something, as by a conversation; one that writes nothing has ended."""
        output = self((script,), question=question, seconds=seconds, check=False).stdout
        return json.loads(output) if output else None


def noxfile(root: Path, *names: str) -> Sessions:
    """Return what the noxfile of a project holds that has no sessions of its own, and of ours ``names`` alone."""
    try:
        project = Project.read(root)
    except ShipError:
        return Sessions(frozenset(names))
    return Sessions(frozenset(names), decide((), chosen=project.chosen_gates))


def run_here(call: Call) -> tuple[int, str]:
    """Run a module of Python in this process, as ``python -m`` would in one of its own: it is imported once."""
    output, arguments = io.StringIO(), list(call.line[call.line.index("-m") + 1 :])
    before, argv, env = Path.cwd(), sys.argv, dict(os.environ)
    os.chdir(call.options.get("cwd") or before)
    os.environ.update({name: value for name, value in call.env.items() if value is not None})
    code: object = 0
    try:
        with redirect_stdout(output), redirect_stderr(output):
            sys.argv = arguments
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except Exception:  # noqa: BLE001 - Python shows it, and ends with 1
        output.write(traceback.format_exc())
        code = 1
    finally:
        os.chdir(before)
        sys.argv = argv
        os.environ.clear()
        os.environ.update(env)
    return (code if isinstance(code, int) else int(code is not None)), output.getvalue()


def upload_here(call: Call) -> tuple[int, str]:
    """Upload a file in this process."""
    from nox_ship.world.upload import answered

    with redirect_stderr(io.StringIO()):
        return 0, json.dumps(answered(call.options["question"]))


def _version(name: str) -> str:
    """Return the version of a file, by its name."""
    return str(parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1])


@dataclass(frozen=True)
class FakeIndex(Index):
    """An index that serves bytes from a dictionary, and lies on demand."""

    shelf: dict[str, bytes] = field(default_factory=dict)
    """What it holds, by file name."""
    earlier: dict[str, bytes] = field(default_factory=dict)
    """Files of earlier releases, by file name."""
    sizes: bool = True
    """Whether it states their sizes."""
    downloads: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    hashes: bool = True
    """Whether it states the SHA-256 of the listed files."""
    other_bytes: bool = False
    """Whether downloads are not what was uploaded."""
    late: list[str] = field(default_factory=list)
    """One entry is used up by each time that it is asked: ``hidden``, ``JSON API`` or ``silent``."""
    refusals: list[ShipError] = field(default_factory=list)
    """The results of the next uploads; the file is kept if a refusal has ``kept``."""
    kept: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    """Its data about the project, as in a listing; `age` is that of the files on the shelf, in days."""
    each: dict[str, Any] = field(default_factory=dict)
    """Its data about each file."""
    provenances: dict[str, bytes | ShipError] = field(default_factory=dict)
    """The provenance of a file, by its name; or the error."""
    by_version: bool = False
    """Whether it only lists files of the requested version."""
    asked: list[str] = field(default_factory=list)
    """The versions that it was asked for."""
    names: tuple[Finding, ...] = ()
    """Why it accepts no new name."""

    def read_page(self, project: str) -> Read:  # noqa: ARG002 - it holds one project
        """Return that it has no page."""
        return None, dt.datetime.now(dt.UTC)

    def listing(self, project: str, version: str) -> Listing:
        """Return what is on the shelf, whatever the version unless it goes by that."""
        self.asked.append(version)
        mood = self.late.pop(0) if self.late else ""
        if mood == "silent":
            raise ShipError(INDEX_UNREACHABLE(f"{self.name} does not answer."))
        shelf = {} if mood == "hidden" else self.shelf
        if self.by_version:
            shelf = {name: data for name, data in shelf.items() if same(_version(name), version)}
        files = {name: self._served(name, data, early=mood == "JSON API") for name, data in shelf.items()}
        told = {"public": self.public, **{key: value for key, value in self.facts.items() if key != "age"}}
        return Listing(
            index=self.name, project=project, version=version, files=files, releases=self._releases(), **told
        )

    def _releases(self) -> dict[Version, tuple[Served, ...]]:
        found: dict[Version, tuple[Served, ...]] = {}
        for name, data in self.earlier.items():
            served = replace(self._served(name, data, early=False), size=len(data) if self.sizes else None)
            version = Version(_version(name))
            found[version] = (*found.get(version, ()), served)
        return found

    def _served(self, name: str, data: bytes, *, early: bool) -> Served:
        digest = hashlib.sha256(data).hexdigest() if self.hashes else None
        now, age = dt.datetime.now(dt.UTC), self.facts.get("age")
        uploaded = None if age is None else now - dt.timedelta(days=age)
        seen_in: Literal["simple API", "JSON API"] = "JSON API" if early else "simple API"
        is_sdist = not name.endswith(".whl")
        told = {"is_sdist": is_sdist, "uploaded": uploaded, **self.each}
        return Served(name, f"{self.simple_url}{name}", digest, seen_in, **told)

    def provenance(self, project: str, version: str, served: Served) -> bytes | None:  # noqa: ARG002 - by name
        """Return the provenance of a file."""
        told = self.provenances.get(served.filename)
        if isinstance(told, ShipError):
            raise told
        return told

    def refuses_name(self, project: str) -> tuple[Finding, ...]:  # noqa: ARG002 - it holds one project
        """Return why it accepts no new name."""
        return self.names

    def download_sha256(self, served: Served, size: int, into: BinaryIO | None = None) -> str:  # noqa: ARG002
        """Download what is served and return its SHA-256."""
        self.downloads.append(served.filename)
        data = {**self.earlier, **self.shelf}[served.filename] + (b"?" if self.other_bytes else b"")
        if into:
            into.write(data)
        return hashlib.sha256(data).hexdigest()

    @contextmanager
    def uploading(self) -> Iterator[Upload]:
        """Yield :meth:`upload`."""
        yield self.upload

    def upload(self, file: Path, sha256: str) -> None:
        """Put a file on the shelf."""
        assert File.of(file).sha256 == sha256
        self.credentials.login()
        self.uploads.append(file.name)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is None or self.kept:
            self.shelf[file.name] = file.read_bytes()
        if refusal is not None:
            raise refusal


def nobody() -> Login:
    """Return what nobody authenticates with."""
    return Login("nobody", "nothing")


def make_index(name: str = "PyPI", **faults: Any) -> FakeIndex:
    """Return an index with nothing on its shelf."""
    base = f"https://{name.lower()}.invalid"
    credentials = Credentials("a fake", nobody)
    return FakeIndex(name, f"{base}/legacy/", f"{base}/simple/", find=lambda: credentials, **faults)


@dataclass(frozen=True)
class FakeRemote(Remote):
    """A remote that is a dictionary of references."""

    has: dict[str, str] = field(default_factory=dict)
    pushes: list[dict[str, str]] = field(default_factory=list)
    refuses: bool = False

    def refs(self) -> dict[str, str]:
        """Return the references."""
        return dict(self.has)

    def holds(self, commit: str, branch: str) -> bool:
        """Whether the branch is at the commit."""
        return self.has.get(f"refs/heads/{branch}") == commit

    def push(self, source: Repository, refs: Mapping[str, str], replaces: Mapping[str, str] | None = None) -> None:
        """Take references, each followed to its commit."""
        assert all(self.has.get(ref, "") == there for ref, there in (replaces or {}).items())
        if self.refuses:
            raise ShipError(PUSH_REFUSED(f"{self.name} did not accept {', '.join(refs)}."))
        self.pushes.append(dict(refs))
        commits = source.run("rev-parse", *(f"{made}^{{commit}}" for made in refs.values())).splitlines()
        self.has.update(zip(refs, commits, strict=True))


@dataclass
class FakeWorld:
    """What a release changes, all of it in memory but the checkout."""

    checkout: Repository
    remote: FakeRemote
    indexes: dict[str, FakeIndex] = field(default_factory=lambda: {"pypi": make_index(), "testpypi": make_index("T")})
    rehearsal_index: FakeIndex = field(default_factory=lambda: make_index("rehearsal", by_version=True))
    forge: Releases | None = None
    told: tuple[Finding, ...] = ()
    recalled: list[str] = field(default_factory=list)

    def known_refs(self) -> Mapping[str, str]:
        """Return what the remote has."""
        return self.remote.refs()

    def recall(self, files: Iterable[Path]) -> None:
        """Put files on the index of a rehearsal."""
        self.recalled += [file.name for file in files]

    def index(self, name: str, project: str) -> Index:  # noqa: ARG002 - each index takes every project
        """Return an index by its name."""
        check_known(name, self.indexes)
        return self.indexes[name]

    def notices(self) -> tuple[Finding, ...]:
        """Return what this world has to say."""
        return self.told


def make_world(repository: Repository, **refs: str) -> FakeWorld:
    """Return the world around a repository; its remote has branch ``main`` at HEAD."""
    has = {"refs/heads/main": head(repository.path), **refs}
    return FakeWorld(repository, FakeRemote("origin", "origin", repository, has=has))


def write_dist(project: Project, commit: str, version: str, **facts: Any) -> Manifest:
    """Write a wheel and an sdist into the project's ``dist/``, and their manifest, as its build would."""
    folder = dist_folder(project)
    for old in built_files(folder):
        old.unlink()
    make_wheel(folder, {"sample/__init__.py": ""}, version=version)
    make_sdist(folder, {"src/sample/__init__.py": ""}, version=version)
    manifest = Manifest(
        **{
            "name": project.canonical_name,
            "version": version,
            "commit": commit,
            "tag": f"v{version}",
            "dirty": False,
            "files": tuple(map(File.of, built_files(folder))),
            "branch": "main",
            "pyproject": hashlib.sha256((project.root / "pyproject.toml").read_bytes()).hexdigest(),
            **facts,
        }
    )
    manifest.write(manifest_path(project))
    return manifest


def write_materials(project: Project, manifest: Manifest, version: str = "2") -> bytes:
    """Write what `verify-install` writes when it describes its environment; ``version`` is that of a package there."""
    told = copy.deepcopy(TOLD)
    own, other, *_ = told["components"]
    own["version"], other["version"] = manifest.version, version
    content = completed(told, manifest, manifest.files[0], "3.12")
    materials_path(project).write_bytes(content)
    return content


def bundle(manifest: Manifest, change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    """Return a bundle of Sigstore as actions/attest writes it, whose statement may be changed."""
    statement: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": file.name, "digest": {"sha256": file.sha256}} for file in manifest.files],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {},
    }
    change(statement)
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []}
    whole = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope}
    return f"{json.dumps(whole)}\n".encode()


def publication(
    manifest: Manifest, folder: Path, index: Index, project: Project | None = None, **facts: Any
) -> Publication:
    """Return files on their way to an index; without a project they cannot be installed from there."""
    return Publication(manifest, folder, index, cast("Project", project), **facts)


def opened(shop: Workshop, plan: Plan, *, fresh: bool = False) -> Stage:
    """Open the stage for a plan: the one that an earlier run left if it fits, else a new one."""
    return open_stage(shop, plan, find_stage(shop, plan, fresh=fresh), fresh=fresh)


@dataclass
class FakeGates:
    """Replaces `gates.run_sessions`: every session passes, and ``build`` writes the files of the release."""

    facts: dict[str, Any] = field(default_factory=dict)
    """What the manifest says wrongly."""
    afterwards: Callable[[Stage], None] = lambda _: None
    """What the sessions do to the stage once the files are built."""
    at_once: bool = False
    """Whether the pipeline is told when ``build`` has passed, and so tries the upload while other sessions run."""
    ran: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    """Names of the variables that the sessions may see although they look like credentials."""

    def __call__(self, stage: Stage, names: Iterable[str], **told: Any) -> tuple[SessionResult, ...]:
        """Run the sessions."""
        results = []
        self.kept.update(told["keep"])
        for name in names:
            self.ran.append(name)
            told["started"](name)
            if name == naming.registered("build"):
                facts = {"commit": stage.record.commit or "", "version": stage.record.version, **self.facts}
                write_dist(Project.read(stage.root), **facts)
            result = SessionResult(name, "passed", 0.1)
            if self.at_once:
                told["finished"](result)
            results.append(result)
        self.afterwards(stage)
        return tuple(results)


TAGGED = """\
[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"

[project]
name = "sample"
dynamic = ["version"]

[tool.hatch.version]
source = "vcs"

[tool.nox-ship]
branch = "main"
gates = ["tests"]
publish.wait = 0.05
"""
"""A project that takes its version from git tags: its release changes no file, and starts no program but git.

It names its branch, for which git is asked twice elsewhere.
"""


@dataclass
class Yard:
    """A project, the fake world around it, and a folder for its releases."""

    repository: Repository
    world: FakeWorld
    shop: Workshop

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.repository.path

    @property
    def project(self) -> Project:
        """The project as it is now."""
        return Project.read(self.root)

    def write(self, files: Mapping[str, str]) -> str:
        """Commit files, which the remote has too, and return the commit."""
        self.world.remote.has["refs/heads/main"] = commit = commit_files(self.root, files)
        return commit

    def tag(self, name: str, *, pushed: bool = True) -> None:
        """Tag HEAD."""
        git(self.root, "tag", "--annotate", "--message", name, name)
        if pushed:
            self.world.remote.has[f"refs/tags/{name}"] = head(self.root)

    def prepare(self, wanted: str | None = "minor", *, fresh: bool = False) -> Run:
        """Return a release that was not begun."""
        voice, report = Voice(), Report(title="Release")
        return Run(
            self.root,
            Request(wanted, fresh=fresh, agreed=True),
            noxfile(self.root, "tests"),
            self.world,
            self.shop,
            voice,
            report,
        )

    def release(self, wanted: str | None = "minor", *, fresh: bool = False) -> Run:
        """Release the project."""
        return self.finish(self.prepare(wanted, fresh=fresh))

    def finish(self, run: Run, steps: Sequence[Step] = STEPS) -> Run:
        """Let a release that was prepared go its steps."""
        run_pipeline(run, steps)
        return run

    def told(self) -> dict[str, Any]:
        """Return the report that was written."""
        report: dict[str, Any] = json.loads(self.shop.report.read_text("utf-8"))
        return report


def make_yard(folder: Path, files: Mapping[str, str | bytes] | None = None) -> Yard:
    """Make a yard; ``files`` are the project's, which takes its version from tags unless they say otherwise."""
    noxfile = "import nox_ship\n\nnox_ship.register()\n"
    repository = make_repository(folder / "project", {"pyproject.toml": TAGGED, "noxfile.py": noxfile, **(files or {})})
    (folder / "shop").mkdir()
    return Yard(repository, make_world(repository), Workshop(folder / "shop"))
