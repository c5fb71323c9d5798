from __future__ import annotations

import ast
import contextlib
import datetime as dt
import functools
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nox
import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from nox_ship.setup import lock
from support import each

ROOT = Path(__file__).resolve().parent.parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")["project"]
NEEDED = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
SHIPPED = (ROOT / "tasks/nox_ship/templates/lock.txt").read_text("utf-8")
HASH = "5" * 64


def served(_: str) -> tuple[str, ...]:
    """Stand in for an index that has every version."""
    return ("b" * 64, "a" * 64)


def not_asked(version: str) -> tuple[str, ...]:
    """Stand in for an index that must not be asked."""
    pytest.fail(f"asked for {version}")


def entry(name: str, version: str, marker: str = "") -> str:
    """Return the lines of a locked package."""
    return f"{name}=={version}{marker} \\\n    --hash=sha256:{HASH}"


def test_the_shipped_lock_is_read_whole() -> None:
    """Every line of the shipped lock belongs to a pinned package with hashes, and the lock contains no address."""
    found = list(lock.entries(SHIPPED))
    assert "\n".join([*(each.text for each in found), ""]) == SHIPPED
    assert len({each.key for each in found}) == len(found) > 50
    assert "://" not in SHIPPED


@each("line", NEEDED)
def test_the_shipped_lock_has_what_we_need(line: str) -> None:
    """Each dependency is locked at a version that pyproject.toml allows; if not, run `nox -s lock`."""
    wanted = Requirement(line)
    name = canonicalize_name(wanted.name)
    versions = [each.version for each in lock.entries(SHIPPED) if each.name == name]
    assert versions
    assert all(version in wanted.specifier for version in versions)


SYSTEMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
]


@functools.cache
def installed(name: str) -> tuple[Version, list[str]]:
    """Return the version and requirements of a package installed here; cached, as reading them is slow."""
    found = metadata.distribution(name)
    return Version(found.version), found.requires or []


def lacking(text: str, system: dict[str, str], python: str) -> set[str]:
    """Return the packages that a system needs and that a lock does not have for it.

    Requirements come from the metadata of packages that are installed here in the locked version.
    """
    here = {"python_version": python, "python_full_version": f"{python}.1", "platform_python_implementation": "CPython"}
    locked = {
        each.name: each.version
        for each in lock.entries(text)
        if not each.marker or Marker(each.marker.lstrip("; ")).evaluate({**system, **here})
    }
    todo = [(line, frozenset({""})) for line in NEEDED]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        line, extras = todo.pop()
        wanted = Requirement(line)
        marker, name = wanted.marker, canonicalize_name(wanted.name)
        needed = not marker or any(marker.evaluate({**system, **here, "extra": extra}) for extra in extras)
        node = (name, frozenset({"", *wanted.extras}))
        if not needed or node in seen:
            continue
        seen.add(node)
        with contextlib.suppress(metadata.PackageNotFoundError):
            version, requires = installed(name)
            if version == locked.get(name):
                todo += [(requirement, node[1]) for requirement in requires]
    return {name for name, _ in seen} - set(locked)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system["sys_platform"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_the_shipped_lock_has_what_each_system_needs(system: dict[str, str], python: str) -> None:
    """The lock is complete for every system, since pip refuses to install anything that has no hash."""
    assert lacking(SHIPPED, system, python) == set()
    assert "nox" in lacking(SHIPPED.replace("\nnox==", "\nother=="), system, python)


def test_the_lock_is_made_of_releases_that_are_days_old() -> None:
    """`nox -s lock` ignores releases of the last days, as malicious ones are usually discovered by then."""
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "lock")
    function.decorator_list.clear()
    names: dict[str, Any] = {"dt": dt, "sys": sys, "nox": nox}
    exec(compile(ast.Module([function], []), "noxfile.py", "exec"), names)
    ran: list[tuple[str, ...]] = []
    names["lock"](SimpleNamespace(run=lambda *args, **_: ran.append(args)))
    (command,) = ran
    (newest,) = (word.partition("=")[2] for word in command if word.startswith("--exclude-newer="))
    age = dt.datetime.now(tz=dt.UTC) - dt.datetime.fromisoformat(newest)
    assert dt.timedelta(days=6) < age < dt.timedelta(days=30)
    assert {"--universal", "--generate-hashes", "--only-binary=:all:"} <= set(command)


def test_nox_ship_is_locked_with_what_the_index_serves() -> None:
    """nox-ship's own line comes first, with all its hashes in sorted order; once locked, it is not looked up again."""
    text = lock.rendered("1.2.3", served)
    first = next(lock.entries(text))
    assert first.text == f"nox-ship==1.2.3 \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}"
    assert lock.rendered("1.2.3", not_asked, text) == text


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_was_raised_stays(ending: str) -> None:
    """An existing lock keeps a newer nox-ship and newer packages, but not older ones or unknown packages."""
    old = [entry("nox-ship", "1.4.0"), entry("Twine", "999.0"), entry("build", "0.1"), entry("evil", "1.0")]
    text = lock.rendered("1.2.3", not_asked, ending.join("\n".join(old).split("\n")))
    found = {each.name: str(each.version) for each in lock.entries(text)}
    assert found["nox-ship"] == "1.4.0"
    assert found["twine"] == "999.0"
    assert found["build"] != "0.1"
    assert "evil" not in found


def test_a_package_can_be_there_once_for_each_marker() -> None:
    """A package locked for one marker does not replace the same package locked for another marker."""
    marked = next(each for each in lock.entries(SHIPPED) if each.marker)
    old = entry(marked.name, "999.0", " ; python_full_version < '3'")
    text = lock.rendered("1.2.3", served, old)
    assert "999.0" not in text


def test_a_version_that_the_index_lacks_is_no_line() -> None:
    """If the index lacks the version, the lock says so in a comment, and the version is looked up again next time."""
    text = lock.rendered("1.2.3", lambda _: ())
    assert lock.locked_version(text) is None
    assert "nox-ship==1.2.3 is not on the index yet" in text
    assert str(lock.locked_version(lock.rendered("1.2.3", served, text))) == "1.2.3"


def test_a_lock_that_works_is_kept_where_the_index_has_nothing_newer() -> None:
    """If the index does not have the newer version yet, the existing lock stays as it is."""
    text = lock.rendered("1.2.3", served)
    assert lock.rendered("1.3.0", lambda _: (), text) == text


def test_a_pinned_version_is_gone_back_to() -> None:
    """A newer locked version is kept, unless the settings pin an older one, for example after a bad release."""
    text = lock.rendered("1.3.0", served)
    assert lock.rendered("1.2.3", not_asked, text) == text
    assert str(lock.locked_version(lock.rendered("1.2.3", served, text, pinned=True))) == "1.2.3"


@each(
    "line",
    [
        "nox-ship==1.2.3",
        f"nox-ship>=1.2.3 \\\n    --hash=sha256:{HASH}",
        f"nox-ship==1.2.3 \\\n    --hash=md5:{HASH}",
        f"nox-ship==1.2.3 \\\n    --hash=sha256:{HASH} --index-url=https://evil.example",
        f"nox-ship @ https://evil.example/x.whl \\\n    --hash=sha256:{HASH}",
        f"--index-url https://evil.example\nnox-ship==x \\\n    --hash=sha256:{HASH}",
    ],
)
def test_a_line_without_version_or_hash_is_none(line: str) -> None:
    """A line without a version or a SHA-256, or with further options, is not taken from an existing lock."""
    text = lock.rendered("1.2.3", served, line)
    assert text == lock.rendered("1.2.3", served)
