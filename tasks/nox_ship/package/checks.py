"""The checks of a release's files before anyone installs them.

Each check takes its input and yields findings; ``CHECKS`` is the list that ``build`` runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from nox_ship.errors import Finding, Kind, Level, shorten
from nox_ship.package import core_metadata, data_files, distributions, extensions, portable, wheels
from nox_ship.package.agreement import classifiers_agree, names_agree, sdist_agrees, versions_agree
from nox_ship.package.built import Built
from nox_ship.package.leaks import PRIVATE_KEY, PUBLIC_API_KEY, Suspect
from nox_ship.package.places import expected_files, is_imported, is_test

UNSAFE_MEMBER = Kind("NS505", "unsafe-member", "Leave the file out, or rename it: installers refuse such files.")
DUPLICATE_MEMBER = Kind(
    "NS506",
    "duplicate-member",
    "Correct what adds it twice in the build backend's settings: installers disagree about which one to use.",
)
NO_LICENSE = Kind("NS513", "no-license", "Add a LICENSE file and `license` to [project] (PEP 639).", level="warning")
MODULE_MISSING = Kind(
    "NS514", "module-missing", "Name its package in the build backend's settings, or add the file to git."
)
DOES_NOT_BELONG = Kind("NS515", "does-not-belong", "Exclude it in the build backend's settings.")
SECRET_INSIDE = Kind(
    "NS516", "secret-inside", "Remove it from the sources, and revoke and replace the secret: it may have leaked."
)
NO_PY_TYPED = Kind(
    "NS518",
    "no-py-typed",
    "Add an empty `py.typed` to the package (PEP 561), or drop the classifier.",
    level="warning",
)
LOOKS_SECRET = Kind(
    "NS530",
    "looks-secret",
    "If only tests or examples use it, no action is needed; otherwise remove it, and replace the secret.",
    level="warning",
)
_CACHES = {
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".nox",
    ".tox",
    ".git",
    ".hg",
    ".nox-ship",
}
_TEST_FOLDERS = {"tests", "test"}
_LICENSE_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE")


def members_safe(built: Built) -> Iterator[Finding]:
    """Check that each file can be unpacked: its members have regular, unique names, and stay in the target folder."""
    for archive in built.archives:
        if archive.unsafe:
            yield UNSAFE_MEMBER(f"{archive.path.name} has files that must not be unpacked: {shorten(archive.unsafe)}.")
        if twice := [name for name, count in Counter(archive.members).items() if count > 1]:
            yield DUPLICATE_MEMBER(f"{archive.path.name} contains {shorten(map(repr, twice))} more than once.")


def license_present(built: Built) -> Iterator[Finding]:
    """Check that the metadata name a license and each file contains its text."""
    metadata = built.archives[0].metadata
    classifiers = metadata.get_all("Classifier") or []
    named = metadata["License-Expression"] or metadata["License"] or metadata["License-File"]
    if not named and not any(line.startswith("License ::") for line in classifiers):
        yield NO_LICENSE("The metadata name no license.")
        return
    for archive in built.archives:
        files = {str(name) for name in archive.metadata.get_all("License-File") or []}
        if core_metadata.license_files(archive.described):
            continue  # another check covers them
        if not any(_is_license(name, files) for name in archive.members):
            yield NO_LICENSE(f"{archive.path.name} contains no license text.")


def _is_license(member: str, files: set[str]) -> bool:
    named = any(member == name or member.endswith(f"/{name}") for name in files)
    return named or PurePosixPath(member).name.upper().startswith(_LICENSE_NAMES)


def modules_complete(built: Built) -> Iterator[Finding]:
    """Check that each wheel contains every module that its packages have in the sources."""
    for wheel in built.wheels:
        held = set(wheel.members)
        modules = (found for found in expected_files(built.project, built.sources, wheel) if found[1].suffix == ".py")
        expected = [(place, source) for place, source in modules if is_imported(PurePosixPath(place))]
        missing = sorted(place for place, source in expected if place not in held and not _is_namespace(built, source))
        if missing:
            yield MODULE_MISSING(f"{wheel.path.name} lacks {shorten(missing)}, which the sources have.")


def _is_namespace(built: Built, source: PurePosixPath) -> bool:
    """Whether a module only declares a namespace in the old way, which wheels no longer need (PEP 420)."""
    text = built.project.read_text(str(source)) if source.name == "__init__.py" else ""
    return "extend_path(" in text or "declare_namespace(" in text


def data_complete(built: Built) -> Iterator[Finding]:
    """Check that the wheels contain all data files that the packages have in the sources and need."""
    yield from data_files.missing(built.project, built.wheels, built.sources, built.tracked)


def names_portable(built: Built) -> Iterator[Finding]:
    """Check that every system can create all files of a wheel."""
    yield from portable.check(built.wheels)


def nothing_foreign(built: Built) -> Iterator[Finding]:
    """Check that no wheel installs tests or `src` at top level or contains caches, and no sdist contains caches."""
    for archive in built.archives:
        caches = [name for name in archive.members if _is_cache(PurePosixPath(name))]
        if caches:
            yield DOES_NOT_BELONG(f"{archive.path.name} contains caches: {shorten(caches)}.")
    for wheel in built.wheels:
        tests = [n for n in wheel.members if n.split("/")[0] in _TEST_FOLDERS or n == "conftest.py"]
        if tests:
            yield DOES_NOT_BELONG(
                f"{wheel.path.name} would install tests beside every other package: {shorten(tests)}."
            )
        inside = [name for name in wheel.importable if name.startswith("src/")]
        if any(name.count("/") > 1 for name in inside) and all(name.count("/") > 1 for name in inside):
            yield DOES_NOT_BELONG(f"{wheel.path.name} would install the folder src itself: {shorten(inside)}.")


def _is_cache(path: PurePosixPath) -> bool:
    """Whether a file is part of a cache or repository; a file `.git` means a submodule, and is harmless."""
    folders = path.parts[:-1] if path.name == ".git" else path.parts
    return not _CACHES.isdisjoint(folders) or path.suffix in (".pyc", ".pyo")


def no_secrets(built: Built) -> Iterator[Finding]:
    """Check that no file contains credentials.

    A file that git does not track is there by mistake. A tracked file is judged by its content, since everyone with
    access to the repository has seen it. Keys for an sdist's tests are not secrets.
    """
    objects = set(built.tracked.values())
    for archive in built.archives:
        found: dict[tuple[Level, str], list[str]] = {}
        for suspect in archive.suspects:
            tracked = suspect.name in built.tracked or not suspect.objects.isdisjoint(objects)
            if verdict := _verdict(suspect, wheel=archive.path.suffix == ".whl", tracked=tracked):
                found.setdefault(verdict, []).append(suspect.name)
        for (level, what), names in found.items():
            kind = SECRET_INSIDE if level == "error" else LOOKS_SECRET
            yield kind(f"{archive.path.name} contains {what.format(shorten(sorted(names)))}.")


def _verdict(suspect: Suspect, *, wheel: bool, tracked: bool) -> tuple[Level, str] | None:
    """Return how bad a file is, and what to say about it; None if it is fine."""
    if not tracked and (suspect.named or suspect.holds != PUBLIC_API_KEY):
        return "error", "{}, which looks like a secret and is not in git"
    if suspect.holds is None:
        return "warning", "{}, which has a name typical of secrets"
    what = f"{suspect.holds} in {{}}"
    if suspect.holds == PUBLIC_API_KEY:
        return None if is_test(PurePosixPath(suspect.name)) else ("warning", what)
    if suspect.holds == PRIVATE_KEY and suspect.name.endswith(".py"):
        return ("error", what) if wheel and is_imported(PurePosixPath(suspect.name)) else None
    if is_test(PurePosixPath(suspect.name)) and (suspect.holds == PRIVATE_KEY or not suspect.named):
        return ("warning", what) if wheel or suspect.named else None
    example = suspect.holds == PRIVATE_KEY and not wheel and not suspect.named
    return "warning" if example else "error", what


def typed_as_claimed(built: Built) -> Iterator[Finding]:
    """Check that a package that claims to be typed has a py.typed; if git has one, the data check covers it."""
    if any(name.endswith("/py.typed") for name in built.tracked):
        return
    for wheel in built.wheels:
        claims = "Typing :: Typed" in (wheel.metadata.get_all("Classifier") or [])
        if claims and not any(name.endswith("/py.typed") for name in wheel.members):
            yield NO_PY_TYPED(f"{wheel.path.name} claims `Typing :: Typed` but contains no py.typed.")


def metadata_taken(built: Built) -> Iterator[Finding]:
    """Check that an index accepts the core metadata; the same problem in several files is reported once."""
    seen: dict[tuple[str, str], Finding] = {}
    for archive in built.archives:
        for finding in core_metadata.problems(archive.described, tagged=built.tag_version is not None):
            seen.setdefault((finding.id, finding.what), finding)
    yield from (finding for finding in seen.values() if built.public or not _keeps_private(finding))


def _keeps_private(finding: Finding) -> bool:
    """Whether a classifier is invalid on purpose: it keeps the package off PyPI."""
    return finding.id == core_metadata.UNKNOWN_CLASSIFIER.id and "'Private ::" in finding.what


def license_files_held(built: Built) -> Iterator[Finding]:
    """Check that each file contains the license files that its metadata names."""
    for archive in built.archives:
        yield from distributions.license_files_held(archive)


def files_taken(built: Built) -> Iterator[Finding]:
    """Check that an index accepts each file's name, size, packing and code."""
    for archive in built.archives:
        yield from distributions.name_fits(archive)
        yield from distributions.size_fits(archive, built.project.settings.build.largest_file)
        yield from distributions.packed_as_usual(archive)
        yield from distributions.not_encrypted(archive)


def wheels_describe_themselves(built: Built) -> Iterator[Finding]:
    """Check each wheel's .dist-info: that it is complete, RECORD, and the entry points."""
    for wheel in built.wheels:
        yield from wheels.describes_itself(wheel)
        yield from wheels.recorded(wheel)
        yield from wheels.entry_points_valid(wheel)


def tags_fit(built: Built) -> Iterator[Finding]:
    """Check that each wheel matches its tags, and that an index accepts wheels for its platform."""
    elsewhere = wheels.made_elsewhere(built.project)
    for wheel in built.wheels:
        yield from wheels.tags_told(wheel)
        yield from wheels.platform_taken(wheel.path.name, elsewhere=elsewhere)
        yield from extensions.extensions_fit(wheel)


PUBLIC_RULES = frozenset(
    kind.id
    for kind in (
        *(core_metadata.METADATA_VERSION, core_metadata.LOCAL_VERSION, core_metadata.UNKNOWN_CLASSIFIER),
        *(core_metadata.DIRECT_REFERENCE, core_metadata.BAD_EMAIL, core_metadata.BAD_URL),
        *(distributions.LICENSE_FILE_MISSING, distributions.NAME_TOO_LONG, distributions.FILE_TOO_LARGE),
        *(distributions.AMBIGUOUS, distributions.SPARSE_MEMBER, distributions.ENCRYPTED_CODE),
        *(distributions.UNPACKS_TO_TOO_MUCH, wheels.PLATFORM_REFUSED),
    )
)
"""The IDs of what PyPI and TestPyPI refuse, but other indexes may accept."""


def examine(built: Built) -> tuple[Finding, ...]:
    """Run every check; what only PyPI refuses is a warning if the release goes to another index."""
    lenient = frozenset[str]() if built.public else PUBLIC_RULES
    found = (finding for check in CHECKS for finding in check(built))
    return tuple(replace(each, level="warning") if each.id in lenient else each for each in found)


CHECKS: tuple[Callable[[Built], Iterator[Finding]], ...] = (
    members_safe,
    versions_agree,
    names_agree,
    license_present,
    modules_complete,
    data_complete,
    names_portable,
    nothing_foreign,
    no_secrets,
    sdist_agrees,
    typed_as_claimed,
    classifiers_agree,
    metadata_taken,
    license_files_held,
    files_taken,
    wheels_describe_themselves,
    tags_fit,
)
