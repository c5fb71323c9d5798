"""What each session does, with examples and the page to read: for `nox -s NAME -- --help` and the site's reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """What is said about one session."""

    what: str
    """Sentences in plain text, with code between backticks."""
    examples: tuple[tuple[str, str], ...]
    """Commands to type, each with what it does."""
    page: str
    """The page to read next, below ``docs/``."""


def _gate(name: str, what: str, *more: tuple[str, str]) -> Entry:
    return Entry(what, ((f"nox -s {name}", "run this gate"), *more), "gates.md")


_ROUTED = "Files that are there already with the same SHA-256 are skipped. Requires `verify-install`."

SESSIONS: Mapping[str, Entry] = {
    "lint": _gate(
        "lint",
        "Runs the linters and formatters that your CI or pre-commit runs, as they run there; otherwise those that you"
        " have settings for. Arguments replace those of the first of them.",
        ("nox -s lint -- src/sample", "run the first linter on this folder only"),
    ),
    "typecheck": _gate(
        "typecheck",
        "Runs the type checkers that your CI or pre-commit runs; otherwise those that you have settings for, or list in"
        " a dependency group. Arguments replace those of the first of them.",
    ),
    "tests": _gate(
        "tests",
        "Runs your tests as your CI does, one session per Python. Arguments replace those of the test runner. Measures"
        " coverage if that is a gate and you give no arguments.",
        ("nox -s tests-3.12 -- -k name", "run some of the tests on one Python"),
    ),
    "coverage": _gate(
        "coverage",
        "Combines the coverage that the tests measured on each Python, or in each CI job, and enforces your threshold."
        " Requires `tests`. Arguments are added to `coverage report`.",
        ("nox --no-dependencies -s coverage", "combine what other jobs measured, without running the tests"),
    ),
    "audit": _gate(
        "audit",
        "Looks for known vulnerabilities in your dependencies (pip-audit) and for security findings in your code"
        " (bandit). Arguments are added to those of pip-audit.",
    ),
    "lowest": _gate(
        "lowest",
        "Runs your tests on your oldest Python, with the lowest versions of your dependencies that the metadata allows."
        ' It is a gate if the setting `lowest` is `"warning"` or `"error"`.'
        " Arguments replace those of the test runner.",
        ("nox -s lowest -- -k name", "run some of the tests"),
    ),
    "api": Entry(
        "Compares your public API with that of the last release, using griffe, and reports breaking changes. It is a"
        ' gate if the setting `api` is `"warning"` or `"error"`.',
        (("nox -s api", "compare now"),),
        "gates.md",
    ),
    "build": Entry(
        "Builds the sdist, and the wheel from the sdist; checks both, among other things for what PyPI refuses; and"
        " writes the manifest, `.nox-ship/manifest.json`.",
        (
            ("nox -s build", "build into dist/"),
            ("nox -s build -- --twice", "build a second time, and compare the files"),
        ),
        "publishing.md",
    ),
    "wheels": Entry(
        "Builds the wheels of compiled code for this system from the sdist in dist/, with cibuildwheel where it can"
        " run; repairs and checks them.",
        (
            ("nox -s build wheels collect", "build a whole set for this system"),
            ("nox -s wheels -- --system ubuntu-latest", "build the part of one CI job"),
            ("nox -s wheels -- --system ubuntu-latest/ppc64le", "build for another architecture, with cibuildwheel"),
        ),
        "wheels.md",
    ),
    "collect": Entry(
        "Joins the wheels that several jobs built with the sdist in dist/ into a complete set, or stops with a table of"
        " what is missing. Tells which jobs of a workflow install which files.",
        (("nox -s collect -- parts/*", "join the parts in these folders"),),
        "wheels.md",
    ),
    "verify-install": Entry(
        "Installs each built file into a fresh environment, on each Python, and checks dependencies, syntax, imports,"
        " entry points, versions, and your smoke commands. Requires `build`.",
        (
            ("nox -s verify-install-3.12", "try the files on one Python"),
            ("nox --no-dependencies -s verify-install-3.12 -- --files wheels", "try the wheels only"),
        ),
        "reference/sessions.md",
    ),
    "publish-test": Entry(
        f"Uploads the built files to TestPyPI. {_ROUTED}",
        (
            ("nox -s publish-test -- --dry-run", "rehearse the upload"),
            ("nox -s publish-test", "upload to TestPyPI"),
        ),
        "guides/testpypi.md",
    ),
    "publish-prod": Entry(
        f"Uploads the built files to PyPI. {_ROUTED}",
        (
            ("nox -s publish-prod -- --dry-run", "rehearse the upload"),
            ("nox -s publish-prod", "upload to PyPI"),
        ),
        "publishing.md",
    ),
    "publish": Entry(
        f"Uploads the built files to the index that the settings name for this kind of version. {_ROUTED}",
        (
            ("nox -s publish -- --dry-run", "build, verify and rehearse the upload"),
            ("nox -s publish", "upload"),
            ("nox -s publish -- --to devpi", "upload to an index of your own"),
        ),
        "publishing.md",
    ),
    "verify-published": Entry(
        "Compares what an index serves of a version with the manifest or the tag, checks who published it, and installs"
        " it on each Python.",
        (
            ("nox -s verify-published", "check the version that was built here, or the release at HEAD"),
            ("nox -s verify-published -- 1.2.3", "check any version"),
            ("nox -s verify-published -- latest --rebuild", "build the newest release again, and compare"),
        ),
        "guides/verifying.md",
    ),
    "matrix": Entry(
        "Prints the gates of this project as a matrix of CI jobs, in JSON.",
        (("nox -s matrix", "print them"),),
        "guides/other-ci.md",
    ),
    "announce": Entry(
        "Creates or completes the GitHub Release of what was built and tagged: notes, files, manifest, checksums, bill"
        " of materials and provenance.",
        (("nox -s announce", "create the release's page, or complete it"),),
        "guides/github-release.md",
    ),
    "release": Entry(
        "Makes a release, or rehearses one: preflight, commit and tag in a clean clone, gates, build, trial upload,"
        " push, publish. If it is interrupted, the same command finishes it.",
        (
            ("nox -s release -- patch --dry-run", "rehearse the next patch release"),
            ("nox -s release -- auto --dry-run", "rehearse the version that the changes call for"),
            ("nox -s release -- minor", "make a minor release"),
            ("nox -s release -- 1.4.0rc1 --yes", "make this version, without the question"),
            ("nox -s release -- patch --wait", "follow the workflow that publishes"),
        ),
        "how-it-works.md",
    ),
    "doctor": Entry(
        "Shows what is set up right and wrong, with what to do about it. Changes nothing.",
        (
            ("nox -s doctor", "check the set-up"),
            ("nox -s doctor -- --json", "the same for machines"),
        ),
        "troubleshooting.md",
    ),
    "status": Entry(
        "Shows the version, the last release and the commits since, what each index serves, how far an interrupted"
        " release is, and the command to type next. Changes nothing.",
        (
            ("nox -s status", "show the state of the releases"),
            ("nox -s status -- --history", "show how recent releases went"),
        ),
        "guides/history.md",
    ),
}
"""Every session, by its usual name."""
