"""Releases with the identity of a job in GitHub Actions."""

from __future__ import annotations

from pathlib import Path

from failing_index import FailingIndex
from releasing import NO_KEYRING, assert_released, with_index
from workbench import Bench, make_bench


def test_a_job_publishes_with_its_identity(tmp_path: Path, index: FailingIndex) -> None:
    """In Actions, each upload uses its own token from trusted publishing, and the report names only the method."""
    bench = make_bench(tmp_path, with_index(index, "attestations = false\n"))
    outcome = bench.nox("-s", "release", "--", "patch", "--yes", env={**index.job(), **NO_KEYRING})
    assert outcome.code == 0, outcome.output
    assert_released(bench, index)
    assert bench.report()["credentials"] == "trusted publishing"
    used = [upload.password for upload in index.uploads]
    assert len(set(used)) == 2
    assert set(used) < set(index.minted)


def test_a_job_whose_identity_does_not_match_is_told_each_claim(bench: Bench, index: FailingIndex) -> None:
    """If no publisher fits the job, NS730 shows each claim with the setting it needs, before any gate runs."""
    index.publisher["repository"] = "acme/other"
    before = bench.snapshot()
    outcome = bench.nox("-s", "release", "--", "patch", "--yes", env={**index.job(), **NO_KEYRING})
    assert outcome.code == 1
    assert outcome.has("NS730", "invalid-publisher")
    for name, value in (
        ("owner", "acme"),
        ("repository", "sample"),
        ("workflow", "release.yml"),
        ("environment", "pypi"),
    ):
        (line,) = [line for line in outcome.output.splitlines() if line.startswith(f"{name} ")]
        assert line.split()[1:] == [value, value]
    assert "passed" not in outcome.output
    assert bench.snapshot() == before


def test_a_job_without_environment_is_told_so(bench: Bench, index: FailingIndex) -> None:
    """If the publisher has an environment and the job has none, NS732 says so."""
    del index.claims["environment"]
    outcome = bench.nox("-s", "release", "--", "patch", "--yes", env={**index.job(), **NO_KEYRING})
    assert outcome.has("NS732", "(missing)", "environment: NAME")
    assert index.uploads == []


def test_a_job_that_may_not_ask_is_told_what_is_missing(bench: Bench, index: FailingIndex) -> None:
    """Without `id-token: write`, NS731 stops the release; if there is a token, it is used with a warning (NS744)."""
    job = {k: v for k, v in index.job().items() if not k.startswith("ACTIONS_")}
    outcome = bench.nox("-s", "release", "--", "patch", "--yes", env={**job, **NO_KEYRING})
    assert outcome.has("NS731", "id-token: write")
    hook = bench.root / ".git" / "hooks" / "pre-commit"  # the release stops here, after the credentials were tested
    hook.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    hook.chmod(0o755)
    token = index.new_token()
    env = {**job, **NO_KEYRING, "PYPI_API_TOKEN": token}
    with_token = bench.nox("-s", "release", "--", "patch", "--yes", env=env)
    assert with_token.has("NS744", "NS232"), with_token.output
    assert index.tried[0].password == token
