# /// script
# dependencies = [
#     "build>=1.3",
#     "dependency-groups>=1.3.1",
#     "docutils>=0.21.2",
#     "email-validator>=2.0",
#     "filelock>=3.24.2",
#     "id>=1.5",
#     "keyring>=24.3",
#     "markdown-it-py>=3.0",
#     "nox>=2026.10.20",
#     "packaging>=26.1",
#     "platformdirs>=4.3.6",
#     "python-discovery>=1.2",
#     "pyyaml>=6.0.1",
#     "readme-renderer>=43.0",
#     "requests>=2.32.2",
#     "rfc3986>=1.4",
#     "rich>=13.7",
#     "stdlib-list>=0.12",
#     "tomlkit>=0.13",
#     "trove-classifiers>=2025.3.3.18",
#     "twine>=7.0",
#     "uv>=0.8",
#     "virtualenv>=21.0",
# ]
# ///
"""nox-ship releases itself with itself: a user's noxfile, one line that finds the sources, and sessions of its own."""

import datetime as dt
import re
import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / "tasks"))

import nox_ship

PYPROJECT = nox.project.load_toml("pyproject.toml")
TESTS = nox.project.dependency_groups(PYPROJECT, "tests")
DOCS = nox.project.dependency_groups(PYPROJECT, "docs")
INTEGRATION = nox.project.dependency_groups(PYPROJECT, "integration")
SIDE_BY_SIDE = ("-n", "3")  # they wait for programs


@nox.session(venv_backend="uv")
def docs(session: nox.Session) -> None:
    """Build the site in site/; a link or anchor that leads nowhere, or a page that asks another host, is an error."""
    session.install(*DOCS)
    session.run("zensical", "build", "--clean", "--strict")
    asking = re.compile(r"<(?:script|link|img|iframe|source|object)\b[^>]*\b(?:src|href|data)=\"?(?:https?:)?//[^>]+>")
    found = [(page, tag) for page in Path("site").rglob("*.html") for tag in asking.findall(page.read_text("utf-8"))]
    if found:
        session.error(f"pages ask other hosts: {found}")


@nox.session(venv_backend="uv", default=False)
def pages(session: nox.Session) -> None:
    """Write anew what is made from the code: schemas, the site's reference and diagrams, the table of refusals."""
    session.install("-e", ".", *TESTS)
    for script in ("schema_file", "reference_pages", "refusals_page"):
        session.run("python", f"tests/{script}.py")


@nox.session(venv_backend="uv", default=False)
def integration(session: nox.Session) -> None:
    """Run real releases of small projects: real git, nox, uv, build, twine and pypiserver; run the slow tests."""
    session.install("-e", ".", *INTEGRATION)
    session.run("pytest", "-m", "(integration or slow) and not exhaustive", *SIDE_BY_SIDE, *session.posargs)


@nox.session(venv_backend="uv", default=False)
def exhaustive(session: nox.Session) -> None:
    """Try every refusal, fault, back end and kill point of which other tests try some; run every fuzz target."""
    session.install("-e", ".", *INTEGRATION)
    session.run("pytest", "-m", "exhaustive", *SIDE_BY_SIDE)
    for script in ("checks", "foreseen", "planted", "fuzz"):
        session.run("python", f"benchmarks/{script}.py")


@nox.session(venv_backend="uv", default=False)
def killed(session: nox.Session) -> None:
    """Kill real releases at each step and at random moments; the same command must finish each (`-- 50`)."""
    session.install("-e", ".", *TESTS)
    session.run("python", "benchmarks/killed_anywhere.py", *(session.posargs or ["3"]))


@nox.session(venv_backend="uv", default=False)
def mutants(session: nox.Session) -> None:
    """Break guards of the code one at a time and see which tests notice (`-- 50`, `-- --only git.py`)."""
    session.install("-e", ".", *TESTS)
    session.run("python", "benchmarks/mutants.py", *session.posargs)


@nox.session(venv_backend="none", default=False)
def lock(session: nox.Session) -> None:
    """Resolve anew what the jobs of a user's workflows install: releases at least a week old, by hash."""
    before = (dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=7)).strftime("%Y-%m-%dT00:00:00Z")
    target = "--output-file=tasks/nox_ship/templates/lock.txt"
    options = ["--universal", "--python-version=3.11", "--generate-hashes", "--only-binary=:all:", "--upgrade", target]
    options += ["--extra=attestations", "--extra=bump-my-version"]  # jobs sign what they publish, and cut releases
    plain = ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
    command = [sys.executable, "-m", "uv", "pip", "compile", *options, *plain, f"--exclude-newer={before}"]
    session.run(*command, "pyproject.toml", external=True)


nox_ship.register()

if __name__ == "__main__":
    nox.main()
