from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes import PROBLEM, FakeIndex, make_index, nobody, publication
from loopback import Loopback, Reply
from nox_ship.config import Settings
from nox_ship.errors import ShipError
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.release.converge import converge
from nox_ship.release.publication import Patience
from nox_ship.world.credentials import EMPTY_CREDENTIALS, NO_CREDENTIALS, Credentials, Login, Wanted, find_credentials
from nox_ship.world.index import Index, Upload
from nox_ship.world.listing import Listing, Served
from nox_ship.world.lookout import Lookout, StandIn
from nox_ship.world.pages import JSON
from nox_ship.world.real import RealWorld
from nox_ship.world.standins import StandIns
from nox_ship.world.token import EXPIRED_TOKEN
from nox_ship.world.trusted import CI_VARIABLES
from support import each, make_repository, make_sdist, make_wheel

WHEEL, SDIST = "sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz"


@pytest.fixture(autouse=True)
def laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as if on a developer's machine, outside CI."""
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True)
class FakeStandIn(StandIn):
    """A stand-in that stores its own files in memory."""

    shelf: dict[str, bytes] = field(default_factory=dict)

    def _from_simple(self, project: str, version: str) -> Listing:
        files = {
            name: Served(name, f"here/{name}", hashlib.sha256(data).hexdigest()) for name, data in self.shelf.items()
        }
        return Listing(index=self.name, project=project, version=version, files=files)

    @contextmanager
    def uploading(self) -> Iterator[Upload]:
        """Yield a function that stores a file."""
        yield self._upload_here

    def _upload_here(self, file: Path, sha256: str) -> None:
        assert File.of(file).sha256 == sha256
        self.shelf[file.name] = file.read_bytes()


def looked(real: Index, seconds: float = 3.0, shelf: Mapping[str, bytes] | None = None) -> FakeStandIn:
    """Return the stand-in for an index."""
    found = Credentials("the rehearsal", nobody)
    look = Lookout(lambda: real, "sample", seconds)
    return FakeStandIn("x", "u", "s", find=lambda: found, lookout=look, shelf=dict(shelf or {}))


def refusing(*kinds: Any, **variables: str) -> Index:
    """Return an index for which no credentials can be used."""

    def find() -> Credentials:
        raise ShipError(*(kind("Hm.") for kind in kinds))

    base = make_index()
    return FakeIndex("PyPI", base.upload_url, base.simple_url, find=find, variables=variables)


def told(stand_in: StandIn) -> list[tuple[str, str]]:
    """Return the IDs and levels of the findings that a rehearsal shows for the index."""
    stand_in.files("sample", "1.2.3")
    return [(finding.id, finding.level) for finding in stand_in.admits("sample", "1.2.3")]


def test_a_stand_in_has_what_the_index_has() -> None:
    """If both have a file, the index's own counts; a file uploaded only to the stand-in is marked as a trial."""
    real = make_index(shelf={WHEEL: b"theirs"})
    files = looked(real, shelf={WHEEL: b"ours", SDIST: b"ours"}).files("sample", "1.2.3")
    assert files[WHEEL].url.startswith("https://pypi.invalid/")
    assert (files[WHEEL].trial, files[SDIST].trial) == (False, True)
    assert files[SDIST].url == f"here/{SDIST}"


def test_an_index_is_asked_once() -> None:
    """The index is asked only once in a rehearsal, and a file listed by only one of its APIs is not waited for."""
    real = make_index(shelf={WHEEL: b""}, late=["JSON API", "silent"])
    stand_in = looked(real)
    for _ in range(3):
        assert stand_in.files("sample", "1.2.3")[WHEEL].seen_in == "simple API"
    assert real.late == ["silent"]
    assert told(stand_in) == []


def test_a_look_is_begun_before_anything_is_asked() -> None:
    """The project's page is read once for its name and all versions; for a known name, nothing else is requested."""
    project = {"name": "sample", "versions": ["1.2.3"], "files": [], "meta": {"api-version": "1.1"}}
    with Loopback(lambda _: Reply(json.dumps(project), headers={"Content-Type": JSON})) as server:
        look = Lookout(lambda: Index("x", "", f"{server.url}/simple/", public=True), "sample")
        assert look.refuses_name() == ()
        for version in ("1.2.3", "1.2.4"):
            assert look.listing(version).known
        assert [request.path for request in server.asked] == ["/simple/sample/"]


def test_another_spelling_of_a_version_asks_for_nothing_new() -> None:
    """Spellings of the same version, such as 1.2.03 and 1.2.3, cause only one request."""
    real = make_index(shelf={WHEEL: b""})
    stand_in = looked(real)
    for version in ("1.2.03", "1.2.3", "v1.2.3"):
        assert list(stand_in.listing("sample", version).files) == [WHEEL]
    assert real.asked == ["1.2.03"]


def test_releases_are_those_of_the_index() -> None:
    """Releases are those of the index, without uploads to the stand-in; an index that was silent is not asked again."""
    stand_in = looked(make_index(earlier={"sample-1.0.tar.gz": b"x"}), shelf={SDIST: b""})
    assert list(map(str, stand_in.listing("sample", "1.2.3").releases)) == ["1.0"]
    silent = looked(make_index(earlier={"sample-1.0.tar.gz": b"x"}, late=["silent"]))
    silent.files("sample", "1.2.3")
    listing = silent.listing("sample", "1.2.3")
    assert listing.silent
    assert listing.releases == {}


def test_an_index_that_does_not_answer_is_told() -> None:
    """If the index does not answer, NS767 says so, and the rehearsal continues with the stand-in's files."""
    stand_in = looked(make_index(late=["silent"]), shelf={SDIST: b""})
    assert list(stand_in.files("sample", "1.2.3")) == [SDIST]
    (finding,) = stand_in.admits("sample", "1.2.3")
    assert (finding.id, finding.level) == ("NS767", "notice")
    assert "sample 1.2.3: PyPI does not answer" in finding.what


def test_an_index_that_is_slow_is_not_waited_for() -> None:
    """All requests to the index share a few seconds; after that, the rehearsal continues with NS767."""
    over = threading.Event()

    class Slow(FakeIndex):
        def listing(self, project: str, version: str) -> Listing:
            over.wait(30)
            return super().listing(project, version)

    def find() -> Credentials:
        over.wait(30)
        return Credentials("a fake", nobody)

    base = make_index()
    try:
        assert told(looked(Slow("PyPI", base.upload_url, base.simple_url, find=find), 0.02)) == [("NS767", "notice")]
    finally:
        over.set()


@each(
    ("kinds", "expected"),
    [
        ((EXPIRED_TOKEN,), [("NS722", "warning")]),
        ((EXPIRED_TOKEN, PROBLEM), [("NS722", "warning"), ("NS000", "warning")]),
        ((NO_CREDENTIALS,), [("NS741", "notice")]),
        ((EMPTY_CREDENTIALS,), [("NS742", "notice")]),
    ],
)
def test_credentials_that_a_release_could_not_use_are_told(kinds: tuple[Any, ...], expected: list[object]) -> None:
    """Missing credentials are a notice, as a rehearsal needs none; credentials that would not work are a warning."""
    assert told(looked(refusing(*kinds))) == expected


def test_a_ci_may_have_credentials_that_a_rehearsal_has_not() -> None:
    """In CI, missing credentials are not reported, as the publishing job may have them; an expired token is."""
    assert told(looked(refusing(NO_CREDENTIALS, CI="1"))) == []
    assert told(looked(refusing(EXPIRED_TOKEN, CI="1"))) == [("NS722", "warning")]


def test_warnings_of_the_credentials_are_told() -> None:
    """Warnings about the credentials are shown in a rehearsal, too."""
    found = Credentials("a fake", nobody, warnings=(PROBLEM("Hm.", level="warning"),))
    base = make_index()
    assert told(looked(FakeIndex("PyPI", base.upload_url, base.simple_url, find=lambda: found))) == [
        ("NS000", "warning")
    ]


def test_only_what_the_index_lacks_is_uploaded_in_a_rehearsal(tmp_path: Path) -> None:
    """A rehearsal uploads what the index lacks, even if the stand-in has it, and never writes to the index."""
    files = (make_wheel(tmp_path, {"sample/__init__.py": ""}), make_sdist(tmp_path, {"a": ""}))
    manifest = Manifest(
        "sample", "1.2.3", "c" * 40, None, dirty=False, files=tuple(map(File.of, built_files(tmp_path)))
    )
    bytes_of = {path.name: path.read_bytes() for path in files}
    for real, here, expected in (
        ({}, bytes_of, ["uploaded", "uploaded"]),
        ({}, {}, ["uploaded", "uploaded"]),
        ({WHEEL: bytes_of[WHEEL]}, bytes_of, ["there already", "uploaded"]),
        (bytes_of, bytes_of, ["there already", "there already"]),
    ):
        index = make_index(shelf=dict(real))
        stand_in = looked(index, shelf=here)
        object.__setattr__(stand_in, "download_sha256", lambda served, *_: served.sha256)
        published = converge(publication(manifest, tmp_path, stand_in, patience=Patience(wait=0.1)))
        assert [entry.action for entry in published] == expected
        assert index.uploads == []
    index = make_index(shelf={WHEEL: b"other"})
    with pytest.raises(ShipError, match="NS711"):
        converge(publication(manifest, tmp_path, looked(index, shelf=bytes_of), patience=Patience(wait=0.1)))


@pytest.fixture
def standins(tmp_path: Path) -> Iterator[StandIns]:
    """Return a project's stand-ins, each with an index to look at."""
    root = make_repository(tmp_path / "project").path
    with StandIns(root, tmp_path / "world", look=lambda name, _: make_index(name, shelf={WHEEL: b""})) as made:
        yield made


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ImportWarning")
def test_stand_ins_look_at_what_they_stand_in_for(standins: StandIns) -> None:
    """Each stand-in looks at its own index and reuses that look; the index for the upload rehearsal has none."""
    index = standins.index("pypi", "sample")
    assert isinstance(index, StandIn)
    assert list(index.files("sample", "1.2.3")) == [WHEEL]
    again = standins.index("pypi", "sample")
    assert isinstance(again, StandIn)
    assert again.lookout is index.lookout
    assert (index.public, standins.rehearsal_index.public) == (True, False)
    assert index.upload_url == standins.rehearsal_index.upload_url
    assert index.credentials.login() == Login("rehearsal", "rehearsal")
    assert standins.rehearsal_index.files("sample", "1.2.3") == {}


def test_a_look_opens_no_keyring_and_makes_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at credentials neither opens the keyring nor requests a token, but reads a token from the environment."""
    monkeypatch.setenv("CI", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("TWINE_") or name.endswith("_API_TOKEN")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("keyring.get_password", lambda *_: pytest.fail("The keyring was opened."))
    monkeypatch.setattr("nox_ship.world.credentials.TrustedPublisher.of", lambda *_: pytest.fail("A token was made."))
    world = RealWorld(tmp_path, tmp_path, Settings(), quietly=True, variables=os.environ)
    with pytest.raises(ShipError, match=r"NS741.*the keyring was not opened"):
        _ = world.index("pypi", "sample").credentials
    monkeypatch.setenv("PYPI_API_TOKEN", "x")
    with pytest.raises(ShipError, match="NS743"):
        _ = (
            RealWorld(tmp_path, tmp_path, Settings(), quietly=True, variables=os.environ)
            .index("pypi", "sample")
            .credentials
        )
    wanted = Wanted(
        "mine", "mine", "https://index.invalid/", "PYPI_API_TOKEN", "sample", quietly=True, variables=os.environ
    )
    assert find_credentials(wanted).kind == "PYPI_API_TOKEN"
