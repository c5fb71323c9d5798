from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from nox_ship.config import PublishSettings, Settings, WorkflowSettings
from nox_ship.release.workflows import Publishing, Upload, publishing, uploads
from nox_ship.world.forge import follow
from nox_ship.world.remote import Remote
from support import each, git, make_repository, write_files

JOB = "jobs:\n  publish:\n    steps:\n      - {step}\n"
OURS = JOB.format(step="run: nox -s publish-prod")
ACTION = JOB.format(step="uses: pypa/gh-action-pypi-publish@release/v1")


def found(folder: Path, text: str, **publish: str) -> str | None:
    """Return the workflow that publishes if a project has one with this text."""
    return asked(folder, {"it.yml": text}, **publish).workflow


def asked(
    folder: Path, workflows: dict[str, str], *, index: str = "pypi", tag: str = "v1.2.0", **publish: str
) -> Publishing:
    """Return who publishes if a project has these workflows."""
    files = {name if "/" in name else f".github/workflows/{name}": text for name, text in workflows.items()}
    settings = Settings(publish=PublishSettings(**publish))  # type: ignore[arg-type]
    return publishing(write_files(folder, files), settings, index, tag)


def told(found: Publishing) -> list[str]:
    """Return the IDs of the findings for the user."""
    return [finding.id for finding in found.told]


@pytest.mark.parametrize(
    "events",
    [
        "on:\n  push:\n    tags: ['v*']\n",
        "on: push\n",
        "on: [push, pull_request]\n",
        "on:\n  push:\n",
        '"on":\n  push: {}\n',
    ],
)
@pytest.mark.parametrize("jobs", [OURS, ACTION, JOB.format(step="run: twine upload dist/*")])
def test_a_workflow_that_tags_start_and_that_uploads_publishes(tmp_path: Path, events: str, jobs: str) -> None:
    """A workflow that is started by tags and uploads files publishes, whatever it uploads with."""
    assert found(tmp_path, events + jobs) == "it.yml"


@each(
    "text",
    [
        "on:\n  push:\n    branches: [main]\n" + OURS,
        "on: pull_request\n" + OURS,
        "on: push\n" + JOB.format(step="run: nox -s tests"),
        "on: push\n" + JOB.format(step="run: nox -s republisher"),
        "on: push\njobs:\n",
        "on: push\njobs: {a: {uses: ./x.yml}}\n",
        "not: [yaml",
        "- a list\n",
        "",
    ],
)
def test_other_workflows_do_not_publish(tmp_path: Path, text: str) -> None:
    """A workflow does not publish if tags do not start it, it uploads nothing, or it is no valid workflow."""
    assert found(tmp_path, text) is None


TAGS = "on: {push: {tags: ['v*']}}\n"
UPLOADING = "steps: [{uses: pypa/gh-action-pypi-publish@release/v1}]"


@each(
    ("text", "expected"),
    [
        (f"jobs: {{p: {{{UPLOADING}}}}}", Upload("it.yml", "p", False, False, False, None)),
        (
            f"jobs: {{p: {{permissions: {{id-token: write}}, environment: pypi, {UPLOADING}}}}}",
            Upload("it.yml", "p", True, False, False, "pypi"),
        ),
        (
            f"permissions: {{id-token: write}}\njobs: {{p: {{environment: {{name: pypi}}, {UPLOADING}}}}}",
            Upload("it.yml", "p", True, True, False, "pypi"),
        ),
        (
            f"permissions: write-all\njobs: {{p: {{permissions: {{contents: read}}, {UPLOADING}}}}}",
            Upload("it.yml", "p", False, True, False, None),
        ),
        (
            "jobs: {p: {steps: [{run: twine upload dist/*, env: {TWINE_PASSWORD: '${{ secrets.TOKEN }}'}}]}}",
            Upload("it.yml", "p", False, False, True, None, secrets={"pypi": "TOKEN"}),
        ),
    ],
)
def test_how_a_job_may_upload_is_told(tmp_path: Path, text: str, expected: Upload) -> None:
    """A job's identity, secrets and environment are found, with permissions of the job or the workflow."""
    write_files(tmp_path, {".github/workflows/it.yml": f"{TAGS}{text}\n"})
    assert uploads(tmp_path, "v1.2.0") == ((expected,), ())


@each(
    ("job", "expected"),
    [
        ("{env: {A: '${{ secrets.A }}'}, steps: [{run: ./login}, {run: poetry publish}]}", {"pypi": "A"}),
        ("{env: {A: '${{ secrets.A }} ${{ secrets.B }}'}, steps: [{run: poetry publish}]}", {}),
        ("{env: {A: '${{ secrets.GITHUB_TOKEN }}'}, steps: [{run: poetry publish}]}", {}),
        ("{uses: ./.github/workflows/inner.yml, secrets: inherit}", {"pypi": "X"}),
        ("{uses: ./.github/workflows/inner.yml, secrets: {X: '${{ secrets.OUTER }}'}}", {"pypi": "OUTER"}),
        ("{uses: ./.github/workflows/inner.yml, secrets: {Y: '${{ secrets.OUTER }}'}}", {}),
    ],
)
def test_the_secret_of_an_upload_is_told(tmp_path: Path, job: str, expected: dict[str, str]) -> None:
    """The upload's own, else the only one that the job receives; by the caller's name if a workflow is called."""
    inner = "on: workflow_call\njobs: {p: {steps: [{run: 'twine upload -p ${{ secrets.X }} dist/*'}]}}\n"
    write_files(tmp_path / ".github/workflows", {"it.yml": f"{TAGS}jobs: {{p: {job}}}\n", "inner.yml": inner})
    assert [one.secrets for one in uploads(tmp_path, "v1.2.0")[0] if one.workflow == "it.yml"] == [expected]


def test_a_rehearsal_is_no_upload(tmp_path: Path) -> None:
    """Rehearsals, other sessions, and jobs that are not mappings are no uploads."""
    steps = "steps: [{run: nox -s publish -- --dry-run}, {run: nox -s tests}]"
    write_files(tmp_path, {".github/workflows/it.yml": f"{TAGS}jobs: {{p: {{{steps}}}, q: 3}}\n"})
    assert uploads(tmp_path, "v1.2.0") == ((), ())


def test_the_setting_decides(tmp_path: Path) -> None:
    """With `by = "machine"`, no workflow publishes; with `by = "workflow"`, one does even if none is recognised."""
    assert found(tmp_path, "on: push\n" + OURS, by="machine") is None
    assert found(tmp_path, "on: workflow_dispatch\n" + OURS, by="workflow") == "release.yml"
    assert found(tmp_path, "on: push\n" + OURS, by="workflow") == "it.yml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/sample.git", "https://github.com/acme/sample/actions/workflows/it.yml"),
        ("git@github.com:acme/sample.git", "https://github.com/acme/sample/actions/workflows/it.yml"),
        ("ssh://git@github.com/acme/sample.py", "https://github.com/acme/sample.py/actions/workflows/it.yml"),
        ("ssh://git@ssh.github.com:443/acme/sample.git", "https://github.com/acme/sample/actions/workflows/it.yml"),
        ("https://git.example/acme/sample", "gh run watch"),
    ],
)
def test_a_run_can_be_followed(tmp_path: Path, url: str, expected: str) -> None:
    """The workflow's page on GitHub is named, for the repository that is pushed to."""
    repository = make_repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", url)
    assert expected in follow(Remote("origin", "origin", repository), "it.yml")
    git(tmp_path, "remote", "set-url", "origin", "https://mirror.example/sample")
    git(tmp_path, "remote", "set-url", "--push", "origin", url)
    assert expected in follow(Remote("origin", "origin", repository), "it.yml")


def test_a_workflow_of_ours_publishes_to_the_indexes_it_knows(tmp_path: Path) -> None:
    """Our workflow publishes to the indexes that it has jobs for; to others, this machine publishes."""
    text = "# Written by nox-ship.\non: push\njobs:\n  pypi:\n    steps:\n      - run: nox -s publish-prod\n"
    assert asked(tmp_path, {"release.yml": text}).workflow == "release.yml"
    assert asked(tmp_path, {"release.yml": text}, index="devpi").workflow is None


@pytest.mark.slow
def test_what_nox_ship_writes_publishes_by_itself(tmp_path: Path) -> None:
    """Nox-ship's own release.yml publishes to both indexes if a release tag is pushed."""
    text = (Path(__file__).parent.parent / ".github" / "workflows" / "release.yml").read_text("utf-8")
    for index in ("pypi", "testpypi"):
        assert asked(tmp_path, {"release.yml": text}, index=index) == Publishing("release.yml")
    assert asked(tmp_path, {"release.yml": text}, tag="docs-1").workflow is None


@each(
    ("push", "started"),
    [
        ("{tags: ['docs-*']}", False),
        ("{tags: ['v*']}", True),
        ("{tags: v*}", True),
        ("{tags: ['v*', '!v1.2.*']}", False),
        ("{tags: ['!v1.2.*', 'v*']}", True),
        ("{tags: ['v1.[0-9]+.[0-9]+']}", True),
        ("{tags: ['v[0-9].[0-9]']}", False),
        ("{tags: []}", False),
        ("{tags-ignore: ['docs-*']}", True),
        ("{tags-ignore: ['v*']}", False),
        ("{branches: ['**']}", False),
        ("{branches-ignore: [dev]}", False),
        ("{branches: [main], tags: ['*']}", True),
        ("{branches: [main], tags-ignore: ['docs-*']}", True),
        ("{paths: ['src/**']}", True),
        ("{paths: ['src/**'], branches: [main]}", False),
    ],
)
def test_only_a_workflow_that_this_tag_starts_counts(tmp_path: Path, push: str, started: bool) -> None:
    """A workflow counts if its filters for tags and branches let this tag start it; path filters are ignored."""
    assert found(tmp_path, f"on: {{push: {push}}}\n{ACTION}") == ("it.yml" if started else None)


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        ("false", False),
        ("${{ false }}", False),
        ("startsWith(github.ref, 'refs/tags/')", True),
        ("github.event_name == 'release'", False),
        ("github.ref == 'refs/heads/main'", False),
        ("github.event.action == 'published'", False),
        ("github.repository_owner == 'acme' && github.event_name == 'push'", True),
        ("vars.PUBLISH", True),
    ],
)
@pytest.mark.parametrize("place", ["job", "step"])
def test_what_cannot_run_for_the_tag_does_not_count(tmp_path: Path, condition: str, runs: bool, place: str) -> None:
    """A job or step whose condition is false for the tag does not count; unknown values may make it true."""
    line = f'if: "{condition}"'
    job = f"    {line}\n" if place == "job" else ""
    step = f"        {line}\n" if place == "step" else ""
    text = f"on: push\njobs:\n  p:\n{job}    steps:\n      - run: twine upload dist/*\n{step}"
    assert found(tmp_path, text) == ("it.yml" if runs else None)


CALLED = "on: workflow_call\n" + ACTION
CALLING = "on: push\njobs:\n  a:\n    uses: {}\n"


def test_a_local_workflow_that_is_called_is_followed(tmp_path: Path) -> None:
    """An upload in a called local workflow counts for its caller, with the rights of the calling job."""
    rights = "    permissions: {id-token: write}\n"
    files = {"b.yml": CALLED, "a.yml": CALLING.format("./.github/workflows/b.yml") + rights}
    assert asked(tmp_path, files) == Publishing("a.yml")
    ((upload,), _) = uploads(tmp_path, "v1.2.0")
    assert (upload.job, upload.identity, upload.shared) == ("a/publish", True, False)


def test_a_called_workflow_has_no_more_rights_than_its_caller(tmp_path: Path) -> None:
    """A called workflow has no identity if the calling job has none."""
    inner = CALLED.replace("publish:\n", "publish:\n    permissions: {id-token: write}\n")
    asked(tmp_path, {"b.yml": inner, "a.yml": CALLING.format("./.github/workflows/b.yml")})
    ((upload,), _) = uploads(tmp_path, "v1.2.0")
    assert not upload.identity


def test_a_local_action_is_followed(tmp_path: Path) -> None:
    """The steps of local composite actions count as steps of the job."""
    action = "runs:\n  using: composite\n  steps:\n    - {step}\n"
    files = {
        "it.yml": "on: push\n" + JOB.format(step="uses: ./.github/actions/one"),
        ".github/actions/one/action.yml": action.format(step="uses: ./two/"),
        "two/action.yaml": action.format(step="run: uv publish"),
    }
    assert asked(tmp_path, files) == Publishing("it.yml")


@each("place", ["./../outside", "./outside", "././.", "./\\0"])
def test_nothing_outside_the_repository_is_read(tmp_path: Path, place: str) -> None:
    """A path or symlink to a place outside the repository is not read."""
    root = write_files(tmp_path / "repository", {"a": ""})
    write_files(tmp_path / "outside", {"action.yml": "runs: {steps: [{run: twine upload dist/*}]}"})
    (root / "outside").symlink_to(tmp_path / "outside")
    found = asked(root, {"it.yml": f'on: push\njobs: {{p: {{steps: [{{uses: "{place}"}}]}}}}'})
    assert found.workflow is None


def test_calls_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    """Reading ends even if workflows and actions call each other in circles."""
    jobs = "".join(f"  j{n}:\n    uses: ./.github/workflows/a.yml\n" for n in range(30))
    uses = ", ".join(["{uses: ./x}"] * 30)
    all_of_them = ", ".join(f"w{n}" for n in range(12))
    after = {f"w{n}.yml": f"on: {{workflow_run: {{workflows: [{all_of_them}]}}}}\nname: w{n}\n" for n in range(12)}
    files = {
        "a.yml": f"on: [push, workflow_call]\njobs:\n{jobs}  s:\n    steps: [{uses}]\n",
        "x/action.yml": f"runs: {{steps: [{uses}]}}",
        **after,
    }
    assert asked(tmp_path, files) == Publishing()


@each(
    ("job", "ids"),
    [
        ("{uses: acme/flows/.github/workflows/x.yml@v1, permissions: {id-token: write}}", ["NS759"]),
        ("{uses: acme/flows/.github/workflows/x.yml@v1, secrets: inherit}", ["NS759"]),
        ("{uses: acme/flows/.github/workflows/x.yml@v1, secrets: {t: '${{ secrets.T }}'}}", ["NS759"]),
        ("{uses: acme/flows/.github/workflows/x.yml@v1}", []),
        ("{steps: [{run: make publish}], permissions: {id-token: write}}", ["NS759"]),
        ("{steps: [{run: tox -e release, env: {TWINE_PASSWORD: '${{ secrets.T }}'}}]}", ["NS759"]),
        ("{steps: [{run: ./ci/upload.sh}], permissions: write-all}", ["NS759"]),
        ("{steps: [{run: npx semantic-release}], env: {T: '${{ secrets.PYPI_TOKEN }}'}}", ["NS759"]),
        ("{steps: [{uses: acme/publish@v1}], permissions: {id-token: write}}", ["NS759"]),
        ("{steps: [{uses: acme/publish@v1}]}", []),
        ("{steps: [{run: make publish}]}", []),
        ("{steps: [{run: gh release create, env: {GH_TOKEN: '${{ secrets.GITHUB_TOKEN }}'}}]}", []),
        ("{steps: [{run: python -m pip install release-tool}], permissions: {id-token: write}}", []),
    ],
)
def test_what_may_publish_is_told(tmp_path: Path, job: str, ids: list[str]) -> None:
    """A script or another repository's workflow with rights may publish (NS759), unless a setting decides."""
    files = {"it.yml": f"on: push\njobs: {{p: {job}}}\n"}
    found = asked(tmp_path, files)
    assert (found.workflow, told(found)) == (None, ids)
    assert told(asked(tmp_path, files, by="machine")) == []
    assert told(asked(tmp_path, files, by="workflow")) == []


UNTOLD = "on: push\n" + JOB.format(step="run: twine upload -r mycompany dist/*")


def test_an_upload_to_an_index_that_is_not_told_is_in_doubt(tmp_path: Path) -> None:
    """If a workflow uploads to an unknown index, this machine publishes with NS759, unless a setting decides."""
    elsewhere = "on: push\n" + JOB.format(step="run: twine upload -r testpypi *; twine upload -r $WHERE *")
    for text in (UNTOLD, elsewhere):
        for index in ("pypi", "devpi"):
            found = asked(tmp_path, {"it.yml": text}, index=index)
            assert (found.workflow, told(found)) == (None, ["NS759"])
        assert asked(tmp_path, {"it.yml": text}, by="workflow") == Publishing("it.yml", certain=False)
        assert asked(tmp_path, {"it.yml": text}, by="machine") == Publishing()
    assert asked(tmp_path, {"it.yml": elsewhere}, index="testpypi") == Publishing("it.yml")
    assert told(asked(tmp_path, {"it.yml": UNTOLD, "b.yml": UNTOLD, "a.yml": "on: push\n" + ACTION})) == []


def test_what_may_publish_beside_an_upload_elsewhere_is_told(tmp_path: Path) -> None:
    """A script that may publish is reported as NS759, even if its job also uploads to TestPyPI."""
    job = "permissions: {id-token: write}, steps: [{run: twine upload -r testpypi *}, {run: make publish}]"
    files = {"it.yml": f"on: push\njobs: {{p: {{{job}}}}}"}
    assert (asked(tmp_path, files).workflow, told(asked(tmp_path, files))) == (None, ["NS759"])
    assert asked(tmp_path, files, index="testpypi") == Publishing("it.yml")


def test_what_a_release_on_github_may_publish_is_told(tmp_path: Path) -> None:
    """NS759 reports an upload that a GitHub Release may start, but not one that is started by hand."""
    assert told(asked(tmp_path, {"it.yml": UNTOLD.replace("push", "release")})) == ["NS759"]
    assert told(asked(tmp_path, {"it.yml": UNTOLD.replace("push", "workflow_dispatch")})) == []


@pytest.mark.parametrize("index", ["pypi", "testpypi", "devpi"])
def test_a_session_that_goes_by_the_route_publishes_to_every_index(tmp_path: Path, index: str) -> None:
    """The session `publish` uploads to the index of the version's route, so it counts for every index."""
    text = "on: push\n" + JOB.format(step="run: nox -s publish")
    assert asked(tmp_path, {"it.yml": text}, index=index) == Publishing("it.yml")
    assert told(asked(tmp_path, {"it.yml": text, "b.yml": text}, index=index)) == ["NS834"]


def test_variables_that_one_step_sets_reach_the_next(tmp_path: Path) -> None:
    """Variables that a step writes to `$GITHUB_ENV` decide where the next step uploads to."""
    steps = "steps: [{run: echo TWINE_REPOSITORY=testpypi >> $GITHUB_ENV}, {run: twine upload dist/*}]"
    files = {"it.yml": f"on: push\njobs: {{p: {{{steps}}}}}"}
    assert asked(tmp_path, files) == Publishing()
    assert asked(tmp_path, files, index="testpypi") == Publishing("it.yml")


@each(
    "event",
    ["release", "{release: }", "{release: {types: [published]}}", "{release: {types: created}, workflow_dispatch: }"],
)
def test_a_workflow_that_waits_for_a_release_on_github_publishes(tmp_path: Path, event: str) -> None:
    """A workflow that a GitHub Release starts publishes, and NS758 asks the user to start it."""
    found = asked(tmp_path, {"it.yml": f"on: {event}\n{ACTION}"})
    assert (found.workflow, found.waits, told(found)) == ("it.yml", True, ["NS758"])
    assert told(asked(tmp_path, {"it.yml": f"on: {event}\n{ACTION}"}, by="machine")) == []


def test_a_job_of_the_other_event_of_a_workflow_is_waited_for(tmp_path: Path) -> None:
    """If a tag starts the workflow, but a GitHub Release its uploading job, the release is waited for."""
    job = "publish:\n    if: github.event_name == 'release'\n"
    text = "on: {push: {}, release: {types: [published]}}\n" + ACTION.replace("publish:\n", job)
    found = asked(tmp_path, {"it.yml": text})
    assert (found.workflow, found.waits) == ("it.yml", True)


@each(
    ("jobs", "publishes"),
    [
        ("build: {if: \"github.event_name == 'release'\"}\n  publish: {needs: build, UP}", "release"),
        ("build: {if: \"github.event_name == 'release'\"}\n  publish: {needs: [build], UP}", "release"),
        ("publish: {needs: test, UP}\n  test: {needs: build}\n  build: {if: false}", None),
        ("publish: {needs: test, UP}\n  test: {needs: build, if: always()}\n  build: {if: false}", None),
        ("build: {if: false}\n  publish: {needs: build, if: always(), UP}", "tag"),
        ("build: {if: false}\n  publish: {needs: build, if: '!cancelled()', UP}", "tag"),
        ("build: {if: false}\n  publish: {needs: build, if: '${{ !failure() && !cancelled() }}', UP}", "tag"),
        ("build: {if: vars.X}\n  publish: {needs: build, UP}", "tag"),
        ("build: {if: false}\n  publish: {UP}", "tag"),
        ("build: {needs: publish}\n  publish: {needs: build, UP}", "tag"),
        ("publish: {needs: nobody, UP}", "tag"),
        ("publish: {needs: {a: b}, UP}", "tag"),
    ],
)
def test_a_job_waits_for_those_that_it_needs(tmp_path: Path, jobs: str, publishes: str | None) -> None:
    """A job does not run for the tag if one that it needs does not, unless its own condition says otherwise."""
    text = "on: {push: , release: }\njobs:\n  " + jobs.replace("UP", "steps: [{run: twine upload dist/*}]")
    found = asked(tmp_path, {"it.yml": text})
    assert (found.workflow and ("release" if found.waits else "tag")) == publishes


def test_a_workflow_that_the_tag_starts_comes_first(tmp_path: Path) -> None:
    """A workflow that the tag starts is preferred to one that waits for a GitHub Release."""
    found = asked(tmp_path, {"a.yml": "on: release\n" + ACTION, "b.yml": "on: push\n" + ACTION})
    assert found == Publishing("b.yml")


@each(
    "event",
    [
        "{release: {types: [edited, deleted]}}",
        "workflow_dispatch",
        "repository_dispatch",
        "[pull_request, schedule]",
        "{workflow_run: {workflows: [Other]}}",
        "{push: {branches: [main]}, workflow_dispatch: }",
    ],
)
def test_other_events_are_not_waited_for(tmp_path: Path, event: str) -> None:
    """Workflows that other events start, such as by hand, neither publish nor are waited for."""
    assert asked(tmp_path, {"it.yml": f"on: {event}\n{ACTION}", "ci.yml": "on: push\nname: CI\n"}) == Publishing()


def test_events_that_follow_a_pushed_tag_count(tmp_path: Path) -> None:
    """The creation of the tag starts a workflow too, and so does the end of one that the tag started."""
    assert found(tmp_path / "a", "on: create\n" + ACTION) == "it.yml"
    after = "on: {workflow_run: {workflows: [CI], types: [completed]}}\n" + ACTION
    assert asked(tmp_path / "b", {"ci.yml": "on: push\nname: CI\n", "it.yml": after}).workflow == "it.yml"
    onward = after.replace("CI", ".github/workflows/ci.yml")
    assert asked(tmp_path / "c", {"ci.yml": "on: push\n", "it.yml": onward}).workflow == "it.yml"
    other = after.replace("types: [completed]", "branches: [main]")
    assert asked(tmp_path / "d", {"ci.yml": "on: push\nname: CI\n", "it.yml": other}).workflow is None


def test_two_workflows_that_one_tag_starts_are_told(tmp_path: Path) -> None:
    """Two workflows that upload to one index for a tag are reported as NS834, even if the setting is `machine`."""
    first, second = "on: push\n" + ACTION, "on: push\n" + JOB.format(step="run: twine upload dist/*")
    assert told(asked(tmp_path, {"a.yml": first, "b.yml": second})) == ["NS834"]
    assert told(asked(tmp_path, {"a.yml": first, "b.yml": second}, by="machine")) == ["NS834"]
    elsewhere = second.replace("dist/*", "-r testpypi dist/*")
    assert told(asked(tmp_path, {"a.yml": first, "b.yml": elsewhere})) == []
    assert told(asked(tmp_path, {"a.yml": "on: {push: {tags: [docs]}}\n" + ACTION, "b.yml": second})) == []


def test_an_upload_to_another_index_is_none_to_this_one(tmp_path: Path) -> None:
    """A workflow that uploads to another index does not publish to this one."""
    files = {"it.yml": "on: push\n" + JOB.format(step="run: twine upload -r testpypi dist/*")}
    assert asked(tmp_path, files).workflow is None
    assert asked(tmp_path, files, index="testpypi").workflow == "it.yml"
    assert asked(tmp_path, files, index="devpi").workflow is None


@each("text", ["not: [yaml", "a: b: c", "[" * 500, "a: *b", "\x00", "? {a: b}\n: c", "a: 1\n\tb: 2", "--- 1\n--- 2\n"])
def test_a_workflow_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    """A workflow that cannot be parsed is reported as NS837, and other workflows still count."""
    found = asked(tmp_path, {"bad.yml": text, "it.yml": "on: push\n" + ACTION})
    assert (found.workflow, told(found)) == ("it.yml", ["NS837"])


MANY = "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(30))


@each(
    "text",
    [
        "on: push\njobs: &a {p: *a}",
        "on: push\njobs: {p: {steps: &a [*a]}}",
        "on: push\njobs: {p: &a {permissions: {id-token: write}, env: *a, steps: [{run: make publish}]}}",
        f"on: push\na0: &a0 [x]\n{MANY}jobs: {{p: {{steps: *a30}}}}",
        "on: {push: {tags: {a: b}}}\njobs: 3",
        "on: {push: 3, release: 3, workflow_run: 3}\njobs: {p: {steps: 3, permissions: 3, environment: [], uses: []}}",
        "on: [[push]]\njobs: []",
        "on: push\njobs: {p: {uses: ./, steps: [{uses: ./, with: 3, env: 3, run: [], if: []}]}}",
        f"on: push\njobs: {{p: {{if: '{'(' * 999}', steps: [{{run: '{2999 * chr(39)}'}}]}}}}",
        f"on: push\na: !!bool x\nb: !!int ''\nc: !!timestamp x\nd: 2001-99-99\ne: {'9' * 5000}",
        "on: push\na: !!python/object:os.system {}",
        "",
        "3",
    ],
)
def test_strange_workflows_are_no_traceback(tmp_path: Path, text: str) -> None:
    """Wrong types, recursive or multiplying aliases, and values that YAML cannot convert raise no error."""
    assert asked(tmp_path, {"it.yml": text}).workflow is None


def test_a_file_without_an_end_is_told(tmp_path: Path) -> None:
    """A workflow that is too large is not read, and reported as NS837; a symlink to a device is ignored."""
    folder = write_files(tmp_path / ".github" / "workflows", {"large.yml": b"#" * (17 << 20)})
    (folder / "zero.yml").symlink_to("/dev/zero")
    (folder / "loop.yml").symlink_to("loop.yml")
    found = publishing(tmp_path, Settings(), "pypi", "v1")
    assert found.workflow is None
    assert set(told(found)) == {"NS837"}
    assert "large.yml" in found.told[0].what
    assert all("loop.yml" in finding.what for finding in found.told[1:])  # since Python 3.13, a loop is not a file


GITLAB = """\
# Written by nox-ship.
stages: [test, publish]
.hidden: {script: [nox -s publish-prod]}
tests: {script: [nox -s tests]}
testpypi: {environment: {name: testpypi}, id_tokens: {}, script: [cd x, nox -s publish-test -- --no-install]}
pypi: {environment: release, script: [nox -s publish-prod -- --no-install]}
odd: [script]
"""


@pytest.mark.parametrize(
    ("index", "expected"), [("pypi", ".gitlab-ci.yml"), ("testpypi", ".gitlab-ci.yml"), ("devpi", None)]
)
def test_gitlabs_file_publishes_where_we_wrote_it(tmp_path: Path, index: str, expected: str | None) -> None:
    """Our GitLab file publishes to the indexes that its jobs upload to, from their environments."""
    assert asked(tmp_path, {"./.gitlab-ci.yml": GITLAB}, index=index).workflow == expected
    assert told(asked(tmp_path, {"./.gitlab-ci.yml": GITLAB}, index=index)) == []
    by_job = {upload.job: upload for upload in uploads(tmp_path, "v1.2.0")[0]}
    assert (by_job["testpypi"].environment, by_job["testpypi"].identity) == ("testpypi", True)
    assert (by_job["pypi"].environment, by_job["pypi"].token) == ("release", True)


def test_gitlabs_file_of_ones_own_may_publish(tmp_path: Path) -> None:
    """A project's own GitLab file with an upload is reported as NS759, unless a setting decides."""
    text = "deploy: {script: [pip install twine, twine upload dist/*]}\n"
    assert asked(tmp_path, {"./.gitlab-ci.yml": text}).workflow is None
    assert told(asked(tmp_path, {"./.gitlab-ci.yml": text})) == ["NS759"]
    assert asked(tmp_path, {"./.gitlab-ci.yml": text}, by="workflow").workflow == ".gitlab-ci.yml"
    assert told(asked(tmp_path, {"./.gitlab-ci.yml": "test: {script: [pytest]}\n"})) == []


@each("text", ["[", "5", "a: {script: 5}", "a: {script: [{b: c}]}", "- a", f"a: {'[' * 3000}"])
def test_gitlabs_file_may_be_anything(tmp_path: Path, text: str) -> None:
    """A GitLab file of any content raises no error, and is reported as NS837 if it is not YAML."""
    assert told(asked(tmp_path, {"./.gitlab-ci.yml": text})) == (["NS837"] if "[" in text[:1] or len(text) > 99 else [])


def test_two_forges_race_for_a_tag(tmp_path: Path) -> None:
    """A workflow and a GitLab pipeline that both upload for a tag are reported as NS834."""
    found = asked(tmp_path, {"./.gitlab-ci.yml": GITLAB, "it.yml": f"on: push\n{OURS}"})
    assert told(found) == ["NS834"]


def test_the_workflow_that_a_setting_names_is_followed(tmp_path: Path) -> None:
    """If the settings say that a workflow publishes and none is recognised, the one in `workflows.file` does."""
    settings = Settings(publish=PublishSettings(by="workflow"), workflows=WorkflowSettings(file="ship.yml"))
    assert publishing(tmp_path, settings, "pypi", "v1").workflow == "ship.yml"


def test_what_only_may_upload_is_known_to_go_nowhere() -> None:
    """An upload that is not certain counts for no index."""
    upload = Upload("ship.yml", "publish", identity=True, shared=False, token=False, environment=None)
    assert upload.goes_to("pypi")
    assert not dataclasses.replace(upload, certain=False).goes_to("pypi")
