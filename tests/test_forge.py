from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest

from nox_ship.world.forge import GitLab, follow, proposal_page
from nox_ship.world.remote import Remote
from support import each, git, make_repository


@each(
    ("url", "expected"),
    [
        ("https://gitlab.com/acme/sample.git", ("gitlab.com", "acme/sample")),
        ("https://oauth2:token@gitlab.com/acme/a/b/sample", ("gitlab.com", "acme/a/b/sample")),
        ("git@gitlab.com:acme/sample.git", ("gitlab.com", "acme/sample")),
        ("ssh://git@altssh.gitlab.com:443/acme/sample.git/", ("gitlab.com", "acme/sample")),
        ("git@gitlab.acme.example:tools/my.sample.git", ("gitlab.acme.example", "tools/my.sample")),
        ("https://my-gitlab.example:8443/a/b", ("my-gitlab.example", "a/b")),
        ("https://GitLab.com/a/b\n", ("gitlab.com", "a/b")),
        ("https://gitlab.com/sample", None),
        ("https://github.com/acme/gitlab", None),
        ("https://x.example/gitlab/a", None),
        ("/srv/gitlab/a.git", None),
        ("../gitlab:a/b", None),
    ],
)
def test_projects_on_gitlab(url: str, expected: tuple[str, str] | None) -> None:
    """A project on GitLab is recognized by its host, in all URL forms that git accepts, also in nested groups."""
    found = GitLab.of(url)
    assert (found and (found.host, found.slug)) == expected
    assert found is None or found.is_public == (found.host == "gitlab.com")


@pytest.mark.parametrize(
    ("address", "words"),
    [("git@gitlab.com:a/b.git", "https://gitlab.com/a/b/-/pipelines"), ("https://x.example/a", "on GitLab")],
)
def test_a_pipeline_is_followed_on_its_page(tmp_path: Path, address: str, words: str) -> None:
    """The URL of the pipelines comes from the remote; if it does not show the host, the text is general."""
    repository = make_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", address)
    assert follow(Remote("origin", "origin", repository), ".gitlab-ci.yml").endswith(words)


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("git@github.com:a/b.git", "https://github.com/a/b/compare/main...release/v1?expand=1"),
        (
            "https://gitlab.com/a/b/c.git",
            "https://gitlab.com/a/b/c/-/merge_requests/new?"
            + urlencode({"merge_request[source_branch]": "release/v1", "merge_request[target_branch]": "main"}),
        ),
        ("https://x.example/a", ""),
    ],
)
def test_a_proposal_is_opened_where_it_was_pushed(tmp_path: Path, address: str, page: str) -> None:
    """The page that opens a pull request is on the host that is pushed to, which may differ from the fetched one."""
    repository = make_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", "https://github.com/mirror/of.git")
    git(tmp_path, "remote", "set-url", "--push", "origin", address)
    assert proposal_page(Remote("origin", "origin", repository), "release/v1", "main") == page
