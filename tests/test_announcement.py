from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failing_forge import COMMIT, READ_ONLY, SLUG, TOKEN, FailingForge
from fakes import write_dist, write_materials
from nox_ship.errors import ShipError
from nox_ship.package.materials import materials_path
from nox_ship.project import Project
from nox_ship.release.announcement import Announcement, Outcome, bring, look
from nox_ship.release.beside import materials
from nox_ship.world import github
from support import make_project

PYPROJECT = '[project]\nname = "Sample"\nversion = "1.2.3"\n'
NAMES = ["sample-1.2.3-py3-none-any.whl", "sample-1.2.3.tar.gz", "manifest.json", "SHA256SUMS"]
REQUESTS = 11
"""The number of requests for a release that nothing interrupts."""


@pytest.fixture
def forge() -> Iterator[FailingForge]:
    """Run a forge that has the tag but no release."""
    with FailingForge() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that was built."""
    made = make_project(tmp_path, PYPROJECT)
    write_dist(made, COMMIT, "1.2.3")
    return made


def wanted(project: Project, version: str = "1.2.3", **values: Any) -> Announcement:
    """Return the announcement of the project's release."""
    manifest = write_dist(project, COMMIT, version)
    return replace(Announcement.of(manifest, project, f"v{version}", "- A thing."), **values)


def announce(project: Project, forge: FailingForge, version: str = "1.2.3", **values: Any) -> Outcome:
    """Announce the release."""
    announcement, client = wanted(project, version, **values), forge.client()
    return bring(announcement, client, look(announcement, client))


def refused(project: Project, forge: FailingForge) -> str:
    """Return the error of a release that cannot be announced."""
    with pytest.raises(ShipError) as caught:
        announce(project, forge)
    return str(caught.value)


def is_whole(project: Project, forge: FailingForge) -> bool:
    """Return whether the forge has one published release for the tag, with exactly the built files."""
    files = {file.name: file.sha256 for file in wanted(project).files}
    return not forge.page()["draft"] and forge.files() == files and set(forge.tags) == {"v1.2.3"}


def test_a_release_is_published_once_everything_is_attached(project: Project, forge: FailingForge) -> None:
    """The notes and files are attached to a draft, which is published last, so that the release may be immutable."""
    forge.immutable = True
    outcome = announce(project, forge)
    assert is_whole(project, forge)
    assert sorted(outcome.uploaded) == sorted(NAMES)
    assert outcome.release.url.endswith("/acme/sample/releases/tag/v1.2.3")
    page = forge.page()
    assert (page["name"], page["body"], page["prerelease"]) == ("Sample 1.2.3", "- A thing.", False)
    assert forge.asked[-1].startswith("PATCH")
    assert len(forge.asked) == REQUESTS
    assert forge.latest == page["id"]


def test_the_checksums_are_those_of_the_files(project: Project, forge: FailingForge) -> None:
    """The file `SHA256SUMS` has the checksums of the other files, in the format of `sha256sum --check`."""
    announce(project, forge)
    lines = wanted(project).files[-1].content.decode().splitlines()
    assert dict(line.split("  ")[::-1] for line in lines) == {
        name: digest for name, digest in forge.files().items() if name != "SHA256SUMS"
    }


def test_announcing_again_changes_nothing(project: Project, forge: FailingForge) -> None:
    """If the release is already announced, a second run only reads from the forge."""
    announce(project, forge)
    forge.asked.clear()
    announcement = wanted(project)
    posted = look(announcement, forge.client())
    assert posted.is_complete
    assert str(posted) == f"{SLUG} has a release"
    assert bring(announcement, forge.client(), posted).uploaded == ()
    assert {line.split()[0] for line in forge.asked} == {"GET"}


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("number", range(REQUESTS))
def test_whatever_interrupts_it_the_same_command_makes_one_whole_release(
    project: Project, forge: FailingForge, number: int, lost: bool
) -> None:
    """Whichever request the forge fails after, the same command later completes one whole release."""
    forge.faults.dead_after, forge.faults.last_lost = number, lost
    assert "NS780" in refused(project, forge)
    forge.faults.dead_after = None
    announce(project, forge)
    assert is_whole(project, forge)


@pytest.mark.parametrize("number", range(REQUESTS))
def test_an_answer_that_is_lost_makes_no_second_release(project: Project, forge: FailingForge, number: int) -> None:
    """If the answer to a request is lost, the forge is asked before anything is made again, so no duplicate is made."""
    forge.faults.lose_at = number
    announce(project, forge)
    assert is_whole(project, forge)


@pytest.mark.parametrize("uploads", [1, 2])
def test_an_upload_that_is_cut_off_is_made_again(project: Project, forge: FailingForge, uploads: int) -> None:
    """An upload that was cut off is repeated, after its remains were deleted."""
    forge.faults.cut_uploads = uploads
    announce(project, forge)
    assert is_whole(project, forge)


@pytest.mark.slow
def test_an_upload_that_never_succeeds_leaves_a_draft(project: Project, forge: FailingForge) -> None:
    """If uploads keep failing, the release stays a draft (NS780), which the same command later completes."""
    forge.faults.cut_uploads = 10
    assert "NS780" in refused(project, forge)
    assert forge.page()["draft"]
    forge.faults.cut_uploads = 0
    announce(project, forge)
    assert is_whole(project, forge)


def test_other_bytes_than_were_sent_are_not_published(project: Project, forge: FailingForge) -> None:
    """If the forge has other bytes than were sent, the release is not published (NS787)."""
    forge.faults.other_bytes = 1
    assert "NS787" in refused(project, forge)
    assert forge.page()["draft"]
    announce(project, forge)
    assert is_whole(project, forge)


def test_a_forge_that_tells_no_digests_is_compared_by_size(project: Project, forge: FailingForge) -> None:
    """If the forge gives no digests, files are compared by size."""
    forge.faults.no_digests = True
    announce(project, forge)
    assert is_whole(project, forge)


@pytest.mark.parametrize("draft", [True, False])
def test_a_release_that_a_person_made_is_completed(project: Project, forge: FailingForge, draft: bool) -> None:
    """A release that a person made is completed: its title, text, kind and other files are kept."""
    page = forge.person(draft=draft, prerelease=True)
    forge.hang(page, "logo.png")
    forge.hang(page, NAMES[0], b"", state="starter")
    announce(project, forge)
    assert sorted(forge.files()) == sorted([*NAMES, "logo.png"])
    assert (page["name"], page["body"], page["prerelease"], page["draft"]) == ("Mine", "My words.", True, False)
    assert forge.latest is None


def test_a_draft_without_words_gets_the_notes(project: Project, forge: FailingForge) -> None:
    """A draft without title and text gets those of the release."""
    page = forge.person(name="", body="")
    announce(project, forge)
    assert (page["name"], page["body"]) == ("Sample 1.2.3", "- A thing.")


def test_another_file_of_a_draft_is_replaced(project: Project, forge: FailingForge) -> None:
    """A file with other bytes is replaced in a draft, but is an error (NS778) in a published release."""
    page = forge.person()
    forge.hang(page, NAMES[0], b"other")
    announce(project, forge)
    assert is_whole(project, forge)
    forge.releases.clear()
    page = forge.person(draft=False)
    forge.hang(page, NAMES[0], b"other")
    assert f"NS778 other-file-announced: The release v1.2.3 on {SLUG} has a {NAMES[0]} that" in refused(project, forge)


def test_the_record_of_another_build_of_the_same_bytes_stays(project: Project, forge: FailingForge) -> None:
    """The manifest of another build of the same files is kept, but not if another file differs (NS778)."""
    announce(project, forge)
    (page,) = forge.releases.values()
    for asset in page["assets"].values():
        if asset["name"] == "manifest.json":
            asset["digest"] = f"sha256:{'0' * 64}"
    assert announce(project, forge).uploaded == ()
    for asset in page["assets"].values():
        if asset["name"] == NAMES[0]:
            asset["digest"] = f"sha256:{'0' * 64}"
    assert "NS778" in refused(project, forge)


@pytest.mark.slow
def test_a_bill_of_materials_of_another_run_stays(project: Project, forge: FailingForge) -> None:
    """A published bill of materials from another run is kept, but one in a draft is replaced."""
    manifest = write_dist(project, COMMIT, "1.2.3")

    def announced(version: str) -> Outcome:
        write_materials(project, manifest, version)
        made = Announcement.of(manifest, project, "v1.2.3", beside=materials(materials_path(project), manifest))
        client = forge.client()
        return bring(made, client, look(made, client))

    announced("2")
    first = forge.files()
    assert "sample-1.2.3.cdx.json" in first
    assert announced("3").uploaded == ()
    assert forge.files() == first
    forge.page()["draft"] = True
    assert announced("3").uploaded == ("sample-1.2.3.cdx.json", "SHA256SUMS")
    assert forge.files() != first


def test_an_immutable_release_that_lacks_files_is_told(project: Project, forge: FailingForge) -> None:
    """If an immutable release lacks files, they are reported, and no change is attempted."""
    forge.immutable = True
    forge.person(draft=False)
    assert announce(project, forge).lacks == tuple(NAMES)
    assert {line.split()[0] for line in forge.asked} == {"GET"}


@pytest.mark.parametrize(
    ("version", "shown", "tags", "latest"),
    [
        ("1.2.3", None, (), True),
        ("1.2.3", "v1.2.2", (), True),
        ("1.2.3", "v1.2.3", (), True),
        ("1.2.3", "v2.0.0", (), False),
        ("1.2.3", None, ("v2.0.0",), False),
        ("1.2.3", "v2.0.0rc1", ("v2.0.0b1",), True),
        ("1.2.3", "nightly", ("nightly",), True),
        ("1.10.0", "v1.9.0", (), True),
        ("2.0.0rc1", "v1.0.0", (), False),
    ],
)
def test_the_latest_release_is_that_of_the_highest_version(
    project: Project, version: str, shown: str | None, tags: tuple[str, ...], latest: bool
) -> None:
    """Only the highest final version is marked as the latest release, not an older series and not a pre-release."""
    assert wanted(project, version, tags=tags).is_latest(shown) is latest


def test_a_prerelease_is_marked_as_one(project: Project, forge: FailingForge) -> None:
    """A pre-release is marked as such, and does not become the latest release."""
    forge.tags = {"v2.0.0rc1": COMMIT}
    announce(project, forge, "2.0.0rc1")
    assert forge.page("v2.0.0rc1")["prerelease"] is True
    assert forge.latest is None


def test_a_draft_is_found_on_any_page(project: Project, forge: FailingForge) -> None:
    """An existing draft is found among several pages of releases."""
    page = forge.person()
    for number in range(250):
        forge.person(tag_name=f"v0.{number}", draft=False)
    announce(project, forge)
    assert is_whole(project, forge)
    assert page["draft"] is False


@pytest.mark.parametrize(("tags", "words"), [({}, "does not have the tag"), ({"v1.2.3": "d" * 40}, "on dddddddddd")])
def test_without_the_tag_nothing_is_made(
    project: Project, forge: FailingForge, tags: dict[str, str], words: str
) -> None:
    """If the forge lacks the tag, or has it on another commit, announcing stops with NS786, and no release is made."""
    forge.tags = tags
    message = refused(project, forge)
    assert "NS786" in message
    assert words in message
    assert forge.releases == {}


def test_a_tag_that_was_just_pushed_is_waited_for(project: Project, forge: FailingForge) -> None:
    """If the forge does not know a tag yet that was just pushed, the request is repeated after a pause."""
    announcement, client = wanted(project), forge.client()
    posted = look(announcement, client)
    forge.faults.answers = [(422, {}, {"message": "No commit found for SHA: tags/v1.2.3"})] * 2
    bring(announcement, client, posted)
    assert is_whole(project, forge)
    assert forge.waits == [1.0, 3.0]


@pytest.mark.parametrize(
    ("answer", "waits"),
    [
        ((403, {"retry-after": "5"}, {"message": "You have exceeded a secondary rate limit."}), [5.0]),
        ((429, {"retry-after": "5"}, {}), [5.0]),
        ((429, {}, {}), [60.0]),
        ((403, {}, {"message": "You have exceeded a secondary rate limit."}), [60.0]),
        ((403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}, {}), [1.0]),
    ],
)
def test_a_limit_is_waited_for(
    project: Project, forge: FailingForge, answer: tuple[int, dict[str, str], object], waits: list[float]
) -> None:
    """If the API limits requests, the next one waits as long as the API says, or a minute, and the user is told."""
    forge.faults.answers = [answer]
    announce(project, forge)
    assert is_whole(project, forge)
    assert forge.waits == waits
    assert forge.told == [f"GitHub limits requests: waiting {waits[0]:.0f} seconds before the next one"]


@pytest.mark.parametrize("answers", [[{"retry-after": "600"}], [{"retry-after": "100"}] * 2, [{}] * 3])
def test_a_limit_that_lasts_is_told(project: Project, forge: FailingForge, answers: list[dict[str, str]]) -> None:
    """If the limit would last longer than two minutes, announcing stops with NS783."""
    forge.faults.answers = [(429, headers, {}) for headers in answers]
    assert "NS783" in refused(project, forge)
    assert sum(forge.waits) <= 120


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (401, {}, {"message": "Bad credentials"}),
            "NS781 forge-token-refused: GitHub answered 401 for acme/sample",
        ),
        (
            (403, {}, {"message": READ_ONLY}),
            f"NS782 forge-forbidden: GitHub answered 403 for {SLUG}: {READ_ONLY}.",
        ),
        ((301, {"Location": "http://elsewhere.invalid/"}, {"message": "Moved Permanently"}), "NS784"),
        ((422, {}, {"message": "Validation Failed", "errors": [{"field": "x", "code": "bad"}]}), "Failed; x bad."),
        ((422, {}, {"message": f"No {TOKEN}"}), "No ***."),
        ((400, {}, []), "NS785"),
    ],
)
def test_what_the_forge_refuses_is_explained(
    project: Project, forge: FailingForge, answer: tuple[int, dict[str, str], object], words: str
) -> None:
    """A refusal of the forge is reported with its message, in which no token is shown."""
    forge.faults.answers = [answer]
    told = refused(project, forge)
    assert words in told
    assert TOKEN not in told


@pytest.mark.parametrize("value", [[], "x", {"id": "x"}, {}])
def test_an_answer_that_is_none_is_told(project: Project, forge: FailingForge, value: object) -> None:
    """An answer that is not what GitHub documents is reported (NS785)."""
    forge.faults.answers = [(200, {}, value)]
    assert "NS785" in refused(project, forge)


def test_a_server_that_fails_is_asked_again(project: Project, forge: FailingForge) -> None:
    """A request that fails with a server error is repeated twice, and then reported (NS780)."""
    forge.faults.answers = [(502, {}, {})] * 2
    announce(project, forge)
    assert forge.waits == [1.0, 4.0]
    forge.faults.answers = [(503, {}, {})] * 3
    assert "NS780 forge-unreachable: GitHub did not answer: it answered 503." in refused(project, forge)


def test_a_token_that_may_only_read_is_told(project: Project, forge: FailingForge) -> None:
    """A token that may only read is reported (NS782), and nothing is made."""
    forge.faults.read_only = True
    assert "NS782" in refused(project, forge)
    assert forge.releases == {}


def test_a_repository_that_the_token_cannot_see_is_told(project: Project, forge: FailingForge) -> None:
    """A private repository looks missing without a token (NS784), and with a wrong token NS781 is raised."""
    forge.faults.private = True
    announcement = wanted(project)
    with pytest.raises(ShipError, match="NS784"):
        look(announcement, forge.client(None))
    with pytest.raises(ShipError, match="NS781"):
        look(announcement, forge.client("ghs_other"))


@pytest.mark.parametrize("address", ["https://elsewhere.invalid/x", "http://10.0.0.1/x"])
def test_the_token_goes_to_no_other_site(project: Project, forge: FailingForge, address: str) -> None:
    """If the forge names another host for uploads, the token is not sent there."""
    forge.uploads = address
    assert "on another host" in refused(project, forge)


@pytest.mark.parametrize(
    ("base", "url", "ours"),
    [
        ("https://api.github.com", "https://uploads.github.com/repos/a/b/releases/1/assets", True),
        ("https://api.acme.ghe.com", "https://uploads.acme.ghe.com/x", True),
        ("https://git.acme.com/api/v3", "https://git.acme.com/api/uploads/x", True),
        ("https://api.github.com", "https://uploads.github.com.evil.com/x", False),
        ("https://api.github.com", "http://uploads.github.com/x", False),
        ("https://acme.com/api/v3", "https://evil.com/x", False),
        ("https://10.0.0.1/api/v3", "https://66.0.0.1/x", False),
        ("http://127.0.0.1:1", "http://127.0.0.2:2/x", True),
        ("http://127.0.0.1:1", "http://66.0.0.1/x", False),
        ("https://api.acme.com", "https://127.0.0.1/x", False),
    ],
)
def test_uploads_go_beside_the_api(forge: FailingForge, base: str, url: str, ours: bool) -> None:
    """Uploads may go to GitHub's own upload host, or to this machine for a local API, but to no other host."""
    assert replace(forge.client().api, base=base).is_ours(url) is ours


def test_a_list_without_an_end_is_left(project: Project, forge: FailingForge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of releases that never ends, or that continues on another host, is given up."""
    monkeypatch.setattr(github, "_MOST_PAGES", 3)
    for link in (f'<{forge.url}/x>; rel="next"', '<https://elsewhere.invalid/x>; rel="next"'):
        forge.faults.answers = [(404, {}, {}), *[(200, {"Link": link}, [])] * 3]
        assert "has no end" in refused(project, forge)


def test_names_that_github_changes_are_found_again(project: Project, forge: FailingForge) -> None:
    """If GitHub changes special characters in a file's name, the file is still recognized later."""
    forge.tags = {"v1!2.0": COMMIT}
    announcement = wanted(project)
    path = project.root / "dist" / "sample-1!2.0.whl"
    path.write_bytes(b"x")
    odd = replace(announcement.files[0], name=path.name, path=path, size=1, sha256=hashlib.sha256(b"x").hexdigest())
    announcement = replace(announcement, tag="v1!2.0", files=(odd, announcement.files[-1]))
    bring(announcement, forge.client(), look(announcement, forge.client()))
    assert set(forge.files("v1!2.0")) == {"sample-1.2.0.whl", "SHA256SUMS"}
    assert look(announcement, forge.client()).is_complete
