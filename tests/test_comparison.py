from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeGates, FakeIndex, Yard, make_index, make_yard
from nox_ship.errors import Finding
from nox_ship.package.manifest import File, Manifest, built_files
from nox_ship.project import Project
from nox_ship.release import comparison, predecessor
from nox_ship.release.comparison import Compared, Comparison
from nox_ship.release.stage import REUSE_SECONDS
from nox_ship.report import Report
from nox_ship.world.listing import Listing
from support import each, make_repository, make_sdist, make_wheel

CODE = {"sample/__init__.py": ""}
OLD = "sample-1.2.2-py3-none-any.whl"


@dataclass(frozen=True)
class Bench:
    """The built files, the index that they go to, and the folder that caches downloads."""

    folder: Path
    manifest: Manifest
    index: FakeIndex

    def compare(self, *, anew: bool = False) -> Compared:
        """Compare the built files with those of the last release on the index."""
        project, shelf = Project.read(self.folder), self.folder / "shelf"
        return Comparison(self.manifest, project, self.index, "PyPI", shelf, anew=anew).result(self.folder / "envs")


def bytes_of(path: Path) -> bytes:
    """Return a file's content, and remove the file."""
    content = path.read_bytes()
    path.unlink()
    return content


def last(folder: Path, version: str = "1.2.2", files: Mapping[str, str | bytes] | None = None) -> dict[str, bytes]:
    """Return the wheel and the sdist of a release, by file name."""
    wheel = make_wheel(folder / "old", files or {**CODE, "sample/more.py": ""}, version=version)
    sdist = make_sdist(folder / "old", {"a.py": ""}, version=version)
    return {path.name: bytes_of(path) for path in (wheel, sdist)}


def bench(folder: Path, earlier: Mapping[str, bytes] | None = None, **faults: Any) -> Bench:
    """Return a bench with the built 1.2.3, and an index that has ``earlier``, by default the files of 1.2.2."""
    make_repository(folder, {"pyproject.toml": '[project]\nname = "sample"\nversion = "1.2.3"\n'})
    make_wheel(folder / "dist", {**CODE, "sample/new.py": ""})
    make_sdist(folder / "dist", {"src/sample/__init__.py": ""})
    files = tuple(map(File.of, built_files(folder / "dist")))
    manifest = Manifest("sample", "1.2.3", "c" * 40, "v1.2.3", dirty=False, files=files)
    return Bench(folder, manifest, make_index(earlier=dict(last(folder) if earlier is None else earlier), **faults))


def test_a_release_is_compared_with_the_last_one(tmp_path: Path) -> None:
    """The wheel is compared with the last release's wheel; the report has all changes, and lists unusual ones."""
    compared = bench(tmp_path).compare()
    assert (compared.since, compared.file) == ("1.2.2 on PyPI", OLD)
    assert compared.lines[-1] == "files: 1 added (sample/new.py), 1 gone (sample/more.py)"
    assert str(compared).endswith("files; 1 unusual")
    report, told = Report("x"), list[Finding]()
    compared.enter(report, told.append)
    assert (report.since, report.changes, told) == ("1.2.2 on PyPI", compared.lines, [])
    assert [line.partition(" ")[0] for line in report.unusual] == ["NS562"]
    assert report.difference["files"][0] == {"what": "sample/more.py", "before": 0, "after": None}
    assert [finding["id"] for finding in report.difference["unusual"]] == ["NS562"]
    json.dumps(report.difference)


def test_the_same_release_asks_the_index_once(tmp_path: Path) -> None:
    """The result is reused for the same commit and files, unless a new one is requested or its file was altered."""
    made = bench(tmp_path)
    first = made.compare()
    made.index.earlier.clear()
    assert made.compare() == first
    assert made.index.downloads == [OLD]
    assert made.compare(anew=True).why == "neither PyPI nor the history has a release before 1.2.3"
    assert made.compare().why == "neither PyPI nor the history has a release before 1.2.3"
    made.index.earlier.update(last(tmp_path))
    assert made.compare().difference is None
    assert made.compare(anew=True) == first
    (tmp_path / "shelf" / "file.whl").write_bytes(b"other")
    assert made.compare() == first
    assert made.index.downloads == [OLD] * 3
    other = Bench(tmp_path, replace(made.manifest, commit="d" * 40), made.index)
    assert other.compare() == first
    assert made.index.downloads == [OLD] * 4


@each("text", ["", "[]", "{", '{"index": 5}', "9" * 5000, "[" * 100_000])
def test_a_note_that_nobody_wrote_is_not_read(tmp_path: Path, text: str) -> None:
    """If the cached record is not valid, the index is asked again."""
    made = bench(tmp_path)
    first = made.compare()
    (tmp_path / "shelf" / "found.json").write_text(text, "utf-8")
    assert made.compare() == first
    assert len(made.index.downloads) == 2


def test_a_note_that_is_old_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the cached record is too old, the index is asked again, as it may have a newer release."""
    made = bench(tmp_path)
    made.compare()
    later = time.time() + 2 * REUSE_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    made.compare()
    assert len(made.index.downloads) == 2


def notice(compared: Compared) -> str:
    """Return the text of the only finding, a notice with the ID NS560."""
    (finding,) = compared.findings
    assert (finding.id, finding.level) == ("NS560", "notice")
    assert compared.difference is None
    told: list[Finding] = []
    compared.enter(Report("x"), told.append)
    assert told == [finding]
    return finding.what


def test_an_index_that_does_not_answer_is_a_notice(tmp_path: Path) -> None:
    """An index that does not answer causes the notice NS560, and nothing is cached."""
    assert "PyPI does not answer" in notice(bench(tmp_path, late=["silent"]).compare())
    assert not (tmp_path / "shelf").exists()


def test_another_file_than_is_listed_is_a_notice(tmp_path: Path) -> None:
    """A download with another SHA-256 than listed is not compared; if the index lists none, it is compared."""
    assert "with another SHA-256" in notice(bench(tmp_path, other_bytes=True).compare())
    assert bench(tmp_path, hashes=False).compare().difference


@each("content", [b"", b"PK", b"nothing"])
def test_a_file_that_nobody_can_read_is_a_notice(tmp_path: Path, content: bytes) -> None:
    """A damaged wheel on the index is not compared, and causes only the notice NS560."""
    assert f"{OLD} of 1.2.2 on PyPI cannot be read" in notice(bench(tmp_path, {OLD: content}).compare())


def test_an_empty_wheel_is_compared(tmp_path: Path) -> None:
    """A wheel on the index that contains nothing is compared like any other."""
    compared = bench(tmp_path, {OLD: b"PK\5\6" + b"\0" * 18}).compare()
    assert "files: 2 added (sample/__init__.py, sample/new.py)" in compared.lines
    assert compared.findings == ()


def test_whatever_goes_wrong_is_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any error during the comparison becomes a notice, and does not stop the release."""

    def fail(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("nox_ship.package.difference._files_grew", fail)
    monkeypatch.setattr("nox_ship.release.comparison.Difference.of", fail)
    assert "RecursionError" in notice(bench(tmp_path).compare())


def test_an_index_that_is_slow_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison gives up on an index that does not answer within a few seconds."""
    over = threading.Event()

    def slow(self: FakeIndex, project: str, version: str) -> Listing:
        assert self.seconds == 0.02
        over.wait(30)
        return Listing(index=self.name, project=project, version=version, files={})

    monkeypatch.setattr(FakeIndex, "listing", slow)
    monkeypatch.setattr(comparison, "SECONDS", 0.02)
    try:
        assert "did not answer within" in notice(bench(tmp_path).compare())
    finally:
        over.set()


def test_a_large_file_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file larger than the limit is not compared, whether or not the index gives its size."""
    monkeypatch.setattr(predecessor, "MOST", 5)
    made = bench(tmp_path)
    assert "no file of up to 32 MiB to compare with 1.2.3" in made.compare().why
    assert made.index.downloads == []
    assert "no file of up to" in bench(tmp_path, sizes=False).compare().why


def test_an_sdist_twice_its_size_is_unusual(tmp_path: Path) -> None:
    """NS561 reports an sdist that doubled its size, by the size that the index gives, without a download."""
    made = bench(tmp_path)
    files = (made.manifest.files[0], File("sample-1.2.3.tar.gz", "sdist", 900_000, "0" * 64))
    larger = Bench(tmp_path, Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=files), made.index)
    compared = larger.compare()
    assert [finding.id for finding in compared.findings] == ["NS562", "NS561"]
    assert "sample-1.2.3.tar.gz has 900.0 kB" in compared.findings[1].what
    assert made.index.downloads == [OLD]


def test_what_is_installed_tells_what_a_requirement_brings(tmp_path: Path) -> None:
    """NS564 reports a new requirement if nox's environments show that no module of it is used."""
    bench(tmp_path)
    make_wheel(tmp_path / "dist", CODE, ("Requires-Dist: requests",))
    files = tuple(map(File.of, built_files(tmp_path / "dist")))
    manifest = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=files)
    made = Bench(tmp_path, manifest, make_index(earlier=last(tmp_path, files=CODE)))
    assert made.compare().findings == ()
    info = tmp_path / "envs" / "tests-3-12" / "lib" / "python3.12" / "site-packages" / "requests-1.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text("requests/__init__.py,,\n", "utf-8")
    assert [finding.id for finding in made.compare().findings] == ["NS564"]


@pytest.mark.slow
@pytest.mark.usefixtures("programs")
def test_a_release_tells_what_changed(tmp_path: Path, sessions: FakeGates) -> None:
    """A release compares its files with the last release's on the index, and reports the differences."""
    sessions.at_once = True
    yard = make_yard(tmp_path)
    yard.world.indexes["pypi"].earlier.update(last(tmp_path, "0.0.1"))
    run = yard.release()
    told = yard.told()
    assert told["since"] == "0.0.1 on PyPI"
    assert told["difference"]["file"] == "sample-0.0.1-py3-none-any.whl"
    assert [finding["id"] for finding in told["findings"]] == ["NS562"]
    assert told["unusual"] == [finding for finding in told["unusual"] if finding.startswith("NS562 content-gone")]
    assert next(row["detail"] for row in told["rows"] if row["name"] == "difference").startswith("since 0.0.1 on PyPI")
    assert run.report.passed


@pytest.mark.slow
@pytest.mark.usefixtures("sessions", "programs")
def test_a_first_release_has_nothing_to_compare_with(yard: Yard) -> None:
    """A first release reports that there is nothing to compare with, without a finding."""
    yard.release()
    told = yard.told()
    assert (told["since"], told["findings"], told["unusual"]) == ("", [], [])
    detail = next(row["detail"] for row in told["rows"] if row["name"] == "difference")
    assert detail == "nothing to compare with: neither PyPI nor the history has a release before 0.1.0"


def test_that_an_index_is_silent_is_told_once(tmp_path: Path) -> None:
    """An index that a rehearsal already reported as silent causes no finding, and is asked again next time."""
    made = bench(tmp_path)

    class Silent(FakeIndex):
        def listing(self, project: str, version: str) -> Listing:
            return replace(super().listing(project, version), silent="it sleeps")

    silent = Silent("PyPI", made.index.upload_url, made.index.simple_url)
    compared = Bench(tmp_path, made.manifest, silent).compare()
    assert str(compared) == "nothing to compare with: PyPI did not answer: it sleeps"
    assert compared.findings == ()
    assert made.compare().difference
