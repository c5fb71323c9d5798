from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nox_ship.errors import ShipError
from nox_ship.package.manifest import BuildFacts, File, Manifest, built_files
from support import each, write_files

FILES = {
    "sample-1.0-py3-none-any.whl": b"wheel",
    "sample-1.0.tar.gz": b"sdist",
}
SDIST: dict[str, Any] = {"name": "x-1.tar.gz", "kind": "sdist", "size": 1, "sha256": "0" * 64}
RECORD = {"schema": 1, "name": "x", "version": "1", "commit": "c" * 40, "tag": "v1", "dirty": False, "files": [SDIST]}


def make_manifest(folder: Path) -> Manifest:
    """Return the manifest of ``FILES``, which are written to ``folder``."""
    write_files(folder, FILES)
    files = tuple(File.of(path) for path in built_files(folder))
    return Manifest("sample", "1.0", "c" * 40, "v1.0", dirty=False, files=files)


def problems(manifest: Manifest, folder: Path) -> list[str]:
    """Return what ``check`` reports, without the folder's path."""
    with pytest.raises(ShipError) as caught:
        manifest.check(folder)
    assert {finding.id for finding in caught.value.findings} == {"NS603"}
    return [finding.what.replace(f"{folder}/", "") for finding in caught.value.findings]


def test_a_file_is_recorded_by_its_bytes(tmp_path: Path) -> None:
    """A file's name, kind, size and SHA-256 are recorded."""
    write_files(tmp_path, FILES)
    digest = hashlib.sha256(b"wheel").hexdigest()
    assert File.of(tmp_path / "sample-1.0-py3-none-any.whl") == File("sample-1.0-py3-none-any.whl", "wheel", 5, digest)
    assert File.of(tmp_path / "sample-1.0.tar.gz").kind == "sdist"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (35_756_000, "34.1 MiB"), (2 << 30, "2.0 GiB")],
)
def test_a_size_is_shown_as_people_read_it(size: int, shown: str) -> None:
    """A size is shown in the largest unit that makes it at least one."""
    assert File("sample-1.0.tar.gz", "sdist", size, "0" * 64).shown_size == shown


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Writing creates missing folders, leaves no partial file, and loses no data."""
    manifest = make_manifest(tmp_path / "dist")
    path = tmp_path / "new" / "folder" / "manifest.json"
    manifest.write(path)
    assert Manifest.read(path) == manifest
    assert [entry.name for entry in path.parent.iterdir()] == ["manifest.json"]
    assert json.loads(path.read_text())["schema"] == 1


def test_a_missing_manifest_asks_for_a_build(tmp_path: Path) -> None:
    """If there is no manifest, reading it fails with NS601."""
    with pytest.raises(ShipError, match="NS601"):
        Manifest.read(tmp_path / "manifest.json")


@each(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        b"null",
        b'"text"',
        b"7",
        b'{"schema": 1}',
        b'{"schema": 1, "files": 3}',
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is not a manifest in JSON is refused with NS602."""
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(ShipError, match="NS602"):
        Manifest.read(path)


@each(
    "change",
    [
        {"schema": 2},
        {"schema": None},
        {"unknown": 1},
        {"files": [{"name": "x-1.tar.gz"}]},
        {"files": [{**SDIST, "name": "../x-1.tar.gz"}]},
        {"files": [{**SDIST, "name": "/etc/x-1.tar.gz"}]},
        {"files": [{**SDIST, "name": "a/x-1.tar.gz"}]},
        {"files": [{**SDIST, "name": "x.tar.gz"}]},
        {"files": [{**SDIST, "name": "x-1.whl", "kind": "wheel"}]},
        {"files": [{**SDIST, "name": 3}]},
        {"files": [{**SDIST, "name": f"{'x' * 300}-1.tar.gz"}]},
        {"files": [{**SDIST, "kind": "other"}]},
        {"files": [{**SDIST, "size": True}]},
        {"files": [{**SDIST, "sha256": "0" * 63}]},
        {"files": [{**SDIST, "sha256": "G" * 64}]},
        {"files": [{**SDIST, "sha256": f"{'0' * 64}\n"}]},
        {"files": []},
        {"files": {"name": "x-1.tar.gz"}},
        {"schema": True},
        {"version": 1.0},
        {"version": "one"},
        {"version": None},
        {"version": f"1.{'9' * 5000}"},
        {"name": None},
        {"name": "\ud800"},
        {"commit": None},
        {"tag": 5},
        {"dirty": 0},
        {"dirty": None},
        {"branch": ["main"]},
        {"pyproject": 5},
    ],
)
def test_a_manifest_of_another_form_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """An unknown schema or key, a wrong type, a bad version, name or hash and an unsafe path are refused with NS602."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(RECORD))
    assert Manifest.read(path).files == (File(**SDIST),)
    path.write_text(json.dumps({**RECORD, **change}))
    with pytest.raises(ShipError, match="NS602"):
        Manifest.read(path)


@each("missing", RECORD)
def test_a_manifest_without_a_key_is_refused(tmp_path: Path, missing: str) -> None:
    """A manifest that lacks a required key is refused with NS602."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({key: value for key, value in RECORD.items() if key != missing}))
    with pytest.raises(ShipError, match="NS602"):
        Manifest.read(path)


def test_the_files_that_were_built_pass(tmp_path: Path) -> None:
    """The paths are returned in the manifest's order; files other than wheels and sdists are ignored."""
    manifest = make_manifest(tmp_path)
    write_files(tmp_path, {"notes.txt": "", "sample-1.0.tar.gz.asc": ""})
    assert [path.name for path in manifest.check(tmp_path)] == list(FILES)


def test_changed_bytes_are_found(tmp_path: Path) -> None:
    """A changed file of the same size is detected by its hash."""
    manifest = make_manifest(tmp_path)
    (tmp_path / "sample-1.0-py3-none-any.whl").write_bytes(b"wheeL")
    (problem,) = problems(manifest, tmp_path)
    assert problem.startswith("sample-1.0-py3-none-any.whl is not the file that was built")


def test_missing_and_added_files_are_found_together(tmp_path: Path) -> None:
    """All missing and additional files are reported at once."""
    manifest = make_manifest(tmp_path)
    (tmp_path / "sample-1.0.tar.gz").unlink()
    write_files(tmp_path, {"other-1.0.tar.gz": "", "sample-1.0.zip": ""})
    assert problems(manifest, tmp_path) == [
        "sample-1.0.tar.gz is in the manifest but missing.",
        "other-1.0.tar.gz is not in the manifest.",
        "sample-1.0.zip is not in the manifest.",
    ]


def test_a_missing_folder_lacks_every_file(tmp_path: Path) -> None:
    """If `dist/` does not exist, each file is reported as missing."""
    manifest = make_manifest(tmp_path / "dist")
    assert len(problems(manifest, tmp_path / "gone")) == 2


def test_wheels_come_before_sdists(tmp_path: Path) -> None:
    """Wheels are listed before sdists, the order of upload; other files are left out."""
    names = ["b-1.tar.gz", "a-1.zip", "z-1-py3-none-any.whl", "a-1-py3-none-any.whl", "c.txt", "c.whl.asc"]
    write_files(tmp_path, dict.fromkeys(names, ""))
    found = [path.name for path in built_files(tmp_path)]
    assert found == ["a-1-py3-none-any.whl", "z-1-py3-none-any.whl", "a-1.zip", "b-1.tar.gz"]
    assert built_files(tmp_path / "gone") == []


def test_a_manifest_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    """The manifest replaces a symlink and leaves its target unchanged, as it is written completely and then moved."""
    manifest = make_manifest(tmp_path / "dist")
    write_files(tmp_path, {"elsewhere.json": "old"})
    path = tmp_path / "manifest.json"
    path.symlink_to("elsewhere.json")
    manifest.write(path)
    assert (tmp_path / "elsewhere.json").read_text() == "old"
    assert not path.is_symlink()
    assert Manifest.read(path) == manifest


@each(
    ("facts", "commit", "version", "good"),
    [
        ({}, "c" * 40, "1.0", True),
        ({}, "c" * 40, "1.0.0", True),
        ({}, "d" * 40, "1.0", False),
        ({}, "c" * 40, "1.1", False),
        ({"dirty": True}, "c" * 40, "1.0", False),
    ],
)
def test_the_origin_of_files_is_compared(
    tmp_path: Path, facts: dict[str, Any], commit: str, version: str, good: bool
) -> None:
    """Files of another commit or version, or from a dirty checkout, are refused with NS604."""
    manifest = replace(make_manifest(tmp_path), **facts)
    if good:
        manifest.check_origin(commit, version)
    else:
        with pytest.raises(ShipError, match="NS604"):
            manifest.check_origin(commit, version)


def test_an_announced_manifest_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the environment gives the SHA-256 of the manifest, any other manifest is refused with NS606."""
    path = tmp_path / "manifest.json"
    manifest = make_manifest(tmp_path / "dist")
    manifest.write(path)
    monkeypatch.setenv("NOX_SHIP_MANIFEST", hashlib.sha256(path.read_bytes()).hexdigest())
    assert Manifest.read(path) == manifest
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ShipError, match="NS606"):
        Manifest.read(path)


def test_a_schema_that_is_not_ours_is_told_by_its_number(tmp_path: Path) -> None:
    """For an unknown schema number, NS602 says that jobs use different versions; for anything else, it does not."""
    path = tmp_path / "manifest.json"
    path.write_text('{"schema": 7}', "utf-8")
    with pytest.raises(ShipError, match=r"NS602.*schema 7.*one version of nox-ship"):
        Manifest.read(path)
    path.write_text('{"schema": "7"}', "utf-8")
    with pytest.raises(ShipError, match=r"NS602.*is not a manifest") as caught:
        Manifest.read(path)
    assert "one version of nox-ship" not in str(caught.value)


@each(
    "wrong",
    [
        {"epoch": -1},
        {"at": 1 << 40},
        {"requires": ["hatchling==1\n--index-url=https://x.invalid"]},
        {"requires": ["-r x"]},
        {"requires": ["hatchling @ https://x.invalid/x.whl"]},
    ],
)
def test_a_build_is_told_nothing_but_versions_and_times(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Since pip reads the build requirements, only `name==version` is accepted; impossible times are NS602 as well."""
    facts = BuildFacts("3.12.1", 1, 2, ("hatchling==1.27.0", "a.b_c-d==1!2.0+x"))
    files = (File("sample-1.2.3.tar.gz", "sdist", 5, "0" * 64),)
    manifest = Manifest("sample", "1.2.3", "c" * 40, None, dirty=False, files=files, build=facts)
    manifest.write(tmp_path / "manifest.json")
    assert Manifest.read(tmp_path / "manifest.json") == manifest
    record = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    record["build"].update(wrong)
    (tmp_path / "manifest.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(ShipError, match="NS602"):
        Manifest.read(tmp_path / "manifest.json")
