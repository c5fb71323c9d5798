from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from fakes import make_yard, noxfile, opened
from nox_ship.errors import ShipError
from nox_ship.project import Project
from nox_ship.release.bump import bump
from nox_ship.release.companions import follow
from nox_ship.release.preflight import preflight
from support import each, make_project, write_files

STATIC = '[project]\nname = "sample"\nversion = "1.3.0"\n'
TODAY = date(2026, 3, 4)


def followed(folder: Path, name: str, text: str | bytes, before: str = "1.2.9", version: str = "1.3.0") -> bytes:
    """Return a file's content after the version was changed from ``before`` to ``version``."""
    project = make_project(folder, STATIC, {name: text})
    follow(project, before, version, TODAY, folder)
    return (folder / name).read_bytes()


@each(
    ("text", "after"),
    [
        ("version: 1.3.0\ndate-released: 2025-01-02\n", "version: 1.3.0\ndate-released: 2026-03-04\n"),
        ("date-released: '2025-01-02'  # ours\r\nversion: \"v1.3\"\r\n",) * 2,
        ("cff-version: 1.2.0\ndate-released: 2025-01-02", "cff-version: 1.2.0\ndate-released: 2026-03-04"),
        ("version: 1.2.9\ndate-released: 2025-01-02\n",) * 2,
        ("version: 1.3.0\nreferences:\n  - date-released: 2025-01-02\n",) * 2,
        ("version: 1.3.0\ndate-released: soon\n",) * 2,
        ("version: 1.3.0\n",) * 2,
        ("",) * 2,
    ],
)
def test_the_date_of_a_citation_is_the_releases(tmp_path: Path, text: str, after: str) -> None:
    """`date-released` becomes the release's date if the citation is of this version or names none."""
    expected = after.replace("2025-01-02'  #", "2026-03-04'  #")
    assert followed(tmp_path, "CITATION.cff", text).decode() == expected


def conf(version: str, release: str) -> str:
    """Return the text of a Sphinx configuration."""
    return f"import x\n\nversion = {version}  # short\nrelease = {release}\n"


@pytest.mark.parametrize("name", ["docs/conf.py", "doc/source/conf.py"])
@pytest.mark.parametrize(
    ("short", "release", "after"),
    [
        ('"1.2"', '"1.3.0"', '"1.3"'),
        ("'v1.2'", "'v1.3.0'", "'v1.3'"),
        ('"1"', '"1.3.0"', '"1"'),
        ('"1.1"', '"1.3.0"', '"1.1"'),
        ('"1.2.9"', '"1.3.0"', '"1.2.9"'),
        ('"1.2"', '"1.2.9"', '"1.2"'),
        ('".".join(release.split(".")[:2])', '"1.3.0"', '".".join(release.split(".")[:2])'),
        ('"1.2"', "sample.__version__", '"1.2"'),
    ],
)
def test_sphinxs_short_version_goes_with_the_release(
    tmp_path: Path, name: str, short: str, release: str, after: str
) -> None:
    """Sphinx's short `version` changes only if it began the old version and `release` is the new one."""
    assert followed(tmp_path, name, conf(short, release)).decode() == conf(after, release)


def test_a_short_version_follows_to_a_candidate_and_a_longer_number(tmp_path: Path) -> None:
    """The short version of 2.0.0rc1 is 2.0, and 1.10 follows 1.9."""
    assert b'"2.0"' in followed(tmp_path, "docs/conf.py", conf('"1.9"', '"2.0.0rc1"'), "1.9.0", "2.0.0rc1")
    assert b'"1.10"' in followed(tmp_path, "docs/conf.py", conf('"1.9"', '"1.10.0"'), "1.9.3", "1.10.0")


@pytest.mark.parametrize("name", ["CITATION.cff", "docs/conf.py"])
def test_what_cannot_be_read_is_left(tmp_path: Path, name: str) -> None:
    """A file that is not UTF-8 is not changed."""
    text = b"version: 1.3.0\ndate-released: 2025-01-02\nversion = '1.2'\nrelease = '1.3.0'\n# \xff\n"
    assert followed(tmp_path, name, text) == text


def test_nothing_outside_of_the_repository_is_changed(tmp_path: Path) -> None:
    """A symlink that leads out of the repository stops the release with NS608."""
    outside = write_files(tmp_path / "outside", {"c": "date-released: 2025-01-02\n"}) / "c"
    project = make_project(tmp_path / "project", STATIC)
    (project.root / "CITATION.cff").symlink_to(outside)
    with pytest.raises(ShipError, match="NS608"):
        follow(project, "1.2.9", "1.3.0", TODAY, project.root)
    assert "2025" in outside.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("bump_my_version")
def test_a_release_takes_them_along(tmp_path: Path) -> None:
    """The release commit contains the changed citation and Sphinx configuration."""
    text = (
        '[project]\nname = "sample"\nversion = "1.2.9"\n[tool.nox-ship]\ngates = []\n'
        '[[tool.bumpversion.files]]\nfilename = "CITATION.cff"\n[[tool.bumpversion.files]]\nfilename = "docs/conf.py"\n'
    )
    citation = "version: 1.2.9\ndate-released: 2025-01-02\n"
    files = {"pyproject.toml": text, "CITATION.cff": citation, "docs/conf.py": conf('"1.2"', '"1.2.9"')}
    yard = make_yard(tmp_path, files)
    plan = preflight(yard.root, yard.prepare("minor").request, noxfile(yard.root, "tests"), yard.world, print)
    stage = opened(yard.shop, plan)
    bump(plan, stage)
    after = Project.read(stage.root).read_text("CITATION.cff")
    assert after.startswith("version: 1.3.0\ndate-released: 20")
    assert "2025-01-02" not in after
    assert (stage.root / "docs/conf.py").read_text("utf-8") == conf('"1.3"', '"1.3.0"')
    assert stage.repository.run("status", "--porcelain") == ""
