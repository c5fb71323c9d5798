"""Fakes at the boundaries that we own: the world, its indexes and remote, and the start of programs.

Git is real, in small repositories. Every other program is faked by ``Programs``, which replaces `process.run`, through
which nox-ship starts every program.
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

from nox_ship import ahead, front, naming, process
from nox_ship.errors import Finding, Kind, ShipError
from nox_ship.gates.noxfile import Sessions
from nox_ship.gates.own import decide
from nox_ship.git import Repository
from nox_ship.package.build import dist_folder, manifest_path
from nox_ship.package.frontend import BuildFailedError, Frontend
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
"""A finding for tests in which its content does not matter."""
INSTALLED = "\nnox-ship-seen:[]\n\nnox-ship:[]\n"
"""The output of each script in a fresh environment if it finds no problem."""
HOSTILE = '\x1b]0;owned\x07<script>alert(1)</script>\u202e::set-output name=x::y"\ud800'
"""Text that hostile metadata could contain."""
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
"""A bill of materials as cyclonedx-py writes it."""
TAKEN = {"status": 200, "reason": "OK", "text": ""}
"""The answer of an index that accepted a file."""


@dataclass(frozen=True)
class Call:
    """A program that was started."""

    line: tuple[str, ...]
    options: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The command line."""
        return " ".join(self.line)

    @property
    def env(self) -> Mapping[str, str | None]:
        """The variables that were added to the environment."""
        return {**(self.options.get("env") or {}), **(self.options.get("hidden") or {})}


Reply = Callable[[Call], tuple[int, str]]
"""The behaviour of a program: returns its exit code and its output."""


class Programs:
    """Replaces `process.run`: fakes every program except git, and records each start."""

    def __init__(self, real: Callable[..., Done]) -> None:
        self._real = real
        self._replies: list[tuple[tuple[str, ...], Reply]] = []
        self.calls: list[Call] = []
        self.answer("installed.py", stdout=INSTALLED)
        self.answer("modules.py", stdout=INSTALLED)
        self.answer("world/upload.py", stdout=json.dumps(TAKEN))

    def answer(self, *words: str, code: int = 0, stdout: str = "") -> None:
        """Make command lines that contain all ``words`` end like this; the latest definition counts."""
        self.play(*words, reply=lambda _: (code, stdout))

    def play(self, *words: str, reply: Reply) -> None:
        """Make ``reply`` handle command lines that contain all ``words``."""
        self._replies.insert(0, (words, reply))

    def started(self, *words: str) -> list[Call]:
        """Return the starts whose command lines contain all ``words``."""
        return [call for call in self.calls if set(words) <= set(call.line)]

    def __call__(self, args: Sequence[process.Argument], **options: Any) -> Done:
        """Fake a program with the arguments of `process.run`."""
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

    def build(self, source: Path, out: Path, frontend: Frontend) -> tuple[str, ...]:
        """Fake a build as if it were `python -m build`; its output names the build requirements."""
        line = ("python", "-m", "build", "--outdir", out, source)
        done = self(line, env=frontend.env, keep=frontend.keep, seconds=frontend.seconds, check=False)
        if done.code:
            raise BuildFailedError(Exception("It ended."), [done])
        return tuple(done.stdout.split())

    def ask(self, script: str, question: Mapping[str, Any], seconds: float) -> Any:
        """Fake a script that is asked a question in a conversation; a script without output has ended."""
        output = self((script,), question=question, seconds=seconds, check=False).stdout
        return json.loads(output) if output else None


def noxfile(root: Path, *names: str) -> Sessions:
    """Return the sessions of a project whose noxfile has none of its own, and only ``names`` of ours."""
    try:
        project = Project.read(root)
    except ShipError:
        return Sessions(frozenset(names))
    return Sessions(frozenset(names), decide((), chosen=project.chosen_gates))


def run_here(call: Call) -> tuple[int, str]:
    """Run a Python module in this process like ``python -m``, so that it is imported only once."""
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
    except Exception:  # noqa: BLE001 - like Python, show it and exit with 1
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
    """Return the version in the name of a file."""
    return str(parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1])


@dataclass(frozen=True)
class FakeIndex(Index):
    """An index that serves bytes from a dictionary, and returns wrong answers on demand."""

    shelf: dict[str, bytes] = field(default_factory=dict)
    """The files it has, by name."""
    earlier: dict[str, bytes] = field(default_factory=dict)
    """Files of earlier releases, by file name."""
    sizes: bool = True
    """Whether it states the sizes of these files."""
    downloads: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    hashes: bool = True
    """Whether it states the SHA-256 of files."""
    other_bytes: bool = False
    """Whether downloads differ from the uploaded files."""
    late: list[str] = field(default_factory=list)
    """The states for the next listings, one each: ``hidden``, ``JSON API`` or ``silent``."""
    refusals: list[ShipError] = field(default_factory=list)
    """The errors of the next uploads, which store the file if ``kept`` is set."""
    kept: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    """Its data about the project, as in a listing; ``age`` is the age of its files in days."""
    each: dict[str, Any] = field(default_factory=dict)
    """Its data about each file."""
    provenances: dict[str, bytes | ShipError] = field(default_factory=dict)
    """The provenance of each file, by name, or an error."""
    by_version: bool = False
    """Whether it only lists files of the requested version."""
    asked: list[str] = field(default_factory=list)
    """The versions whose files were requested."""
    names: tuple[Finding, ...] = ()
    """The reasons why it refuses a new project name."""

    def read_page(self, project: str) -> Read:  # noqa: ARG002 - it has one project
        """Return that the project has no page."""
        return None, dt.datetime.now(dt.UTC)

    def listing(self, project: str, version: str) -> Listing:
        """Return the listing of its files; their version only matters with ``by_version``."""
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

    def provenance(self, project: str, version: str, served: Served) -> bytes | None:  # noqa: ARG002 - by file name
        """Return the provenance of a file."""
        told = self.provenances.get(served.filename)
        if isinstance(told, ShipError):
            raise told
        return told

    def refuses_name(self, project: str) -> tuple[Finding, ...]:  # noqa: ARG002 - it has one project
        """Return the reasons why it refuses a new project name."""
        return self.names

    def download_sha256(self, served: Served, size: int, into: BinaryIO | None = None) -> str:  # noqa: ARG002
        """Return the SHA-256 of a file's bytes, and write the bytes."""
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
        """Store a file."""
        assert File.of(file).sha256 == sha256
        self.credentials.login()
        self.uploads.append(file.name)
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is None or self.kept:
            self.shelf[file.name] = file.read_bytes()
        if refusal is not None:
            raise refusal


def nobody() -> Login:
    """Return credentials that belong to nobody."""
    return Login("nobody", "nothing")


def make_index(name: str = "PyPI", **faults: Any) -> FakeIndex:
    """Return an index without files."""
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
        """Return whether the branch is at the commit."""
        return self.has.get(f"refs/heads/{branch}") == commit

    def push(self, source: Repository, refs: Mapping[str, str], replaces: Mapping[str, str] | None = None) -> None:
        """Store the commits of references."""
        assert all(self.has.get(ref, "") == there for ref, there in (replaces or {}).items())
        if self.refuses:
            raise ShipError(PUSH_REFUSED(f"{self.name} did not accept {', '.join(refs)}."))
        self.pushes.append(dict(refs))
        commits = source.run("rev-parse", *(f"{made}^{{commit}}" for made in refs.values())).splitlines()
        self.has.update(zip(refs, commits, strict=True))


@dataclass
class FakeWorld:
    """Everything that a release changes, in memory except for the checkout."""

    checkout: Repository
    remote: FakeRemote
    indexes: dict[str, FakeIndex] = field(default_factory=lambda: {"pypi": make_index(), "testpypi": make_index("T")})
    rehearsal_index: FakeIndex = field(default_factory=lambda: make_index("rehearsal", by_version=True))
    forge: Releases | None = None
    told: tuple[Finding, ...] = ()
    recalled: list[str] = field(default_factory=list)

    def known_refs(self) -> Mapping[str, str]:
        """Return the references of the remote."""
        return self.remote.refs()

    def recall(self, files: Iterable[Path]) -> None:
        """Record the files that a rehearsal puts on its index."""
        self.recalled += [file.name for file in files]

    def index(self, name: str, project: str) -> Index:  # noqa: ARG002 - each index accepts every project
        """Return an index by its name."""
        check_known(name, self.indexes)
        return self.indexes[name]

    def notices(self) -> tuple[Finding, ...]:
        """Return the notices of this world."""
        return self.told


def make_world(repository: Repository, **refs: str) -> FakeWorld:
    """Return the world for a repository, with a remote whose branch ``main`` is at HEAD."""
    has = {"refs/heads/main": head(repository.path), **refs}
    return FakeWorld(repository, FakeRemote("origin", "origin", repository, has=has))


def write_dist(project: Project, commit: str, version: str, **facts: Any) -> Manifest:
    """Write a wheel, an sdist and their manifest into the project, as a build would."""
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
    """Write a bill of materials as `verify-install` does; ``version`` is the version of a package in it."""
    told = copy.deepcopy(TOLD)
    own, other, *_ = told["components"]
    own["version"], other["version"] = manifest.version, version
    content = completed(told, manifest, manifest.files[0], "3.12")
    materials_path(project).write_bytes(content)
    return content


def bundle(manifest: Manifest, change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    """Return a bundle in the format of actions/attest, after ``change`` was applied to its statement."""
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
    """Return a publication of these files; it cannot be installed without a project."""
    return Publication(manifest, folder, index, cast("Project", project), **facts)


def opened(shop: Workshop, plan: Plan, *, fresh: bool = False) -> Stage:
    """Open the stage for a plan: the stage of an earlier run if it fits, otherwise a new one."""
    return open_stage(shop, plan, find_stage(shop, plan, fresh=fresh), fresh=fresh)


@dataclass
class FakeGates:
    """Replaces `gates.run_sessions`: every session passes, and ``build`` writes the files of the release."""

    facts: dict[str, Any] = field(default_factory=dict)
    """Wrong facts in the manifest."""
    afterwards: Callable[[Stage], None] = lambda _: None
    """A change to the stage after the files were built."""
    at_once: bool = False
    """Whether the pipeline learns at once that ``build`` passed, so the trial upload runs next to other sessions."""
    ran: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    """Names of variables that sessions may see although they look like credentials."""

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
"""A project whose version comes from git tags: its release changes no file, and starts only git.

It names its branch, which git would otherwise be asked for twice.
"""


@dataclass
class Yard:
    """A project, the fake world for it, and a folder for its releases."""

    repository: Repository
    world: FakeWorld
    shop: Workshop

    @property
    def root(self) -> Path:
        """The folder of the project."""
        return self.repository.path

    @property
    def project(self) -> Project:
        """The project with its current settings."""
        return Project.read(self.root)

    def write(self, files: Mapping[str, str]) -> str:
        """Commit files, update the remote, and return the commit."""
        self.world.remote.has["refs/heads/main"] = commit = commit_files(self.root, files)
        return commit

    def tag(self, name: str, *, pushed: bool = True) -> None:
        """Tag HEAD, here and, if ``pushed``, on the remote."""
        git(self.root, "tag", "--annotate", "--message", name, name)
        if pushed:
            self.world.remote.has[f"refs/tags/{name}"] = head(self.root)

    def prepare(self, wanted: str | None = "minor", *, fresh: bool = False) -> Run:
        """Return a release that has not started."""
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
        """Perform the steps of a prepared release."""
        run_pipeline(run, steps)
        return run

    def told(self) -> dict[str, Any]:
        """Return the report that was written."""
        report: dict[str, Any] = json.loads(self.shop.report.read_text("utf-8"))
        return report


def make_yard(folder: Path, files: Mapping[str, str | bytes] | None = None) -> Yard:
    """Make a yard with additional ``files``; unless they say otherwise, the version comes from tags."""
    noxfile = "import nox_ship\n\nnox_ship.register()\n"
    repository = make_repository(folder / "project", {"pyproject.toml": TAGGED, "noxfile.py": noxfile, **(files or {})})
    (folder / "shop").mkdir()
    return Yard(repository, make_world(repository), Workshop(folder / "shop"))


def run_release(root: Path, args: Sequence[str], sessions: Sessions, invoked_from: Path) -> None:
    """Run `front.release` as the session does, but start no runner before it is needed."""
    with ahead.guarded(ahead.settings_of(root)) as variables:
        front.release(root, args, sessions, invoked_from, ahead.Ahead(variables))
