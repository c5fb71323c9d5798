"""What changed since the last release, in rehearsals and releases of a project with a release on the index."""

from __future__ import annotations

from failing_index import FailingIndex
from releasing import NO_KEYRING, WHEEL, assert_released, release, serve_last
from workbench import Bench

SIZE = 200_000


def test_a_rehearsal_tells_what_changed(bench: Bench, index: FailingIndex) -> None:
    """A rehearsal shows what changed since the last release in its table, report and job summary."""
    last = serve_last(index)
    bench.write({"src/sample/data.json": '"' + "x" * SIZE + '"', "src/vendor/__init__.py": ""})
    parts = '[tool.uv.build-backend]\nmodule-name = ["sample", "vendor"]\n\n[tool.nox-ship]\n'
    bench.edit("pyproject.toml", "[tool.nox-ship]\n", parts)
    bench.commit()
    summary = bench.root.parent / "summary.md"
    env = {**index.environment(), **NO_KEYRING, "GITHUB_STEP_SUMMARY": str(summary)}
    outcome = bench.rehearse(env=env)
    assert outcome.code == 0, outcome.output
    assert outcome.has(
        "since 1.2.3 on PyPI: size, files, requirements, entry points, Requires-Python",
        "changed since 1.2.3 on PyPI:",
        "  requirements: - six",
        "  Requires-Python: >=3.8 → >=3.11",
        f"warning: NS561 file-grew: {WHEEL} has files that at least doubled in size: sample/data.json (2 B → 200.0 kB)",
        f"warning: NS562 content-gone: {WHEEL} lacks modules that users could import: sample.gone.",
        "lacks commands that the last release has: other.",
        f"warning: NS563 new-top-level: {WHEEL} installs vendor at top level",
    )
    report = bench.report()
    assert report["passed"]
    assert [finding["id"] for finding in report["findings"] if finding["id"] < "NS600"] == [
        "NS561",
        "NS562",
        "NS562",
        "NS563",
    ]
    difference = report["difference"]
    assert (difference["since"], difference["file"]) == ("1.2.3 on PyPI", last.name)
    assert {"what": "sample/gone.py", "before": 0, "after": None} in difference["files"]
    assert "### Changed since 1.2.3 on PyPI" in summary.read_text("utf-8")
    assert "| unusual | NS563" in summary.read_text("utf-8")
    last.unlink()
    again = bench.rehearse(env=env)
    assert again.has("changed since 1.2.3 on PyPI:", "NS563"), again.output
    assert bench.report()["difference"] == difference
    assert index.uploads == []


def test_a_file_of_the_index_that_nobody_can_read_stops_nothing(bench: Bench, index: FailingIndex) -> None:
    """If the last release's file cannot be read, NS560 says that nothing was compared, and the release is made."""
    last = serve_last(index)
    last.write_bytes(last.read_bytes()[:-40])
    outcome = release(bench, index)
    assert outcome.code == 0, outcome.output
    assert outcome.has("notice: NS560 not-compared: The files were not compared with the last release", "is released")
    last.unlink()
    assert_released(bench, index)
