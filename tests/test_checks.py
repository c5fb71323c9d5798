from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from nox_ship.errors import Finding
from nox_ship.package import agreement, checks
from nox_ship.package.built import Built
from nox_ship.package.checks import CHECKS
from nox_ship.package.contents import Archive
from support import each, make_project, make_repository, make_sdist, make_wheel, write_files

PYPROJECT = '[project]\nname = "sample"\nversion = "1.2.3"\n'
LICENSED = ("License-Expression: MIT", "License-File: LICENSE")
WHEEL = {"sample/__init__.py": "", "sample-1.2.3.dist-info/licenses/LICENSE": "MIT"}
SDIST = {"src/sample/__init__.py": "", "LICENSE": "MIT", "pyproject.toml": PYPROJECT}
SOURCES = ("src/sample/__init__.py", "LICENSE", "pyproject.toml", "tests/test_sample.py")

Files = Mapping[str, str | bytes]
Check = Callable[[Built], Iterator[Finding]]


def make_built(
    folder: Path,
    *,
    wheel: Files = WHEEL,
    sdist: Files = SDIST,
    wheel_metadata: tuple[str, ...] = LICENSED,
    sdist_metadata: tuple[str, ...] = LICENSED,
    sources: tuple[str, ...] = SOURCES,
    pyproject: str = PYPROJECT,
    tag: str | None = "1.2.3",
    wheel_version: str = "1.2.3",
    sdist_version: str = "1.2.3",
    name: str = "sample",
) -> Built:
    """Return the built files of a project in ``folder``, without faults except those that the arguments ask for."""
    files = {source: "" for source in sources if source != "pyproject.toml"}
    project = make_project(folder / "project", pyproject, files)
    wheels = (Archive.read(make_wheel(folder, wheel, wheel_metadata, name, wheel_version)),)
    return Built(
        project, wheels, Archive.read(make_sdist(folder, sdist, sdist_metadata, name, sdist_version)), tag, sources
    )


def found(check: Check, built: Built) -> list[str]:
    """Return the findings of one check, as text without remedies."""
    return [f"{finding.id} {finding.what}" for finding in check(built)]


def test_a_good_build_passes_every_check(tmp_path: Path) -> None:
    """No check finds anything in a wheel and an sdist without faults."""
    assert [found(check, make_built(tmp_path)) for check in CHECKS] == [[]] * len(CHECKS)


def test_every_check_is_made() -> None:
    """Every check that the modules define is in the list of checks that ``build`` runs."""
    functions = (*vars(checks).values(), *vars(agreement).values())
    named = {value for value in functions if callable(value) and hasattr(value, "__annotations__")}
    expected = {value for value in named if value.__annotations__ == {"built": "Built", "return": "Iterator[Finding]"}}
    assert set(CHECKS) == expected


@each("version", ["1.2.3", "1!2.0", "1.0.dev3", "1.0rc1", "1.0.post1", "1.0+abc.1"])
def test_versions_in_normal_form_agree(tmp_path: Path, version: str) -> None:
    """Epochs, pre-releases, post-releases and local versions in normal form are accepted."""
    built = make_built(tmp_path, wheel_version=version, sdist_version=version, tag=version)
    assert found(agreement.versions_agree, built) == []


@each(("tag", "agrees"), [("1.2.3", True), ("1.2.3.0", True), ("1.2.4", False), ("next", False), (None, True)])
def test_the_tag_tells_the_version_of_the_files(tmp_path: Path, tag: str | None, agrees: bool) -> None:
    """A tag must name the files' version, in any spelling; without a tag, nothing is compared."""
    assert (found(agreement.versions_agree, make_built(tmp_path, tag=tag)) == []) is agrees


def test_files_of_different_versions_are_found(tmp_path: Path) -> None:
    """If wheel and sdist have different versions, NS511 names the file and both versions."""
    problems = found(agreement.versions_agree, make_built(tmp_path, sdist_version="1.2.4"))
    assert problems == ["NS511 sample-1.2.4.tar.gz has version 1.2.4, but another file has 1.2.3."]


def test_a_version_in_another_spelling_is_found(tmp_path: Path) -> None:
    """A version in the metadata that is not in normal form is reported with NS511 for each file."""
    built = make_built(tmp_path, wheel_version="1.0.0rc01", sdist_version="1.0.0rc01", tag="1.0.0rc1")
    assert [problem.split()[0] for problem in found(agreement.versions_agree, built)] == ["NS511", "NS511"]


@pytest.mark.parametrize("name", ["sample-1.2.3-what.whl", "what.whl"])
def test_a_file_name_that_tells_nothing_is_found_once(tmp_path: Path, name: str) -> None:
    """A malformed file name is reported as a wrong name only, and not as a wrong version too."""
    built = make_built(tmp_path)
    renamed = dataclasses.replace(built.wheels[0], path=tmp_path / name)
    odd = dataclasses.replace(built, wheels=(renamed,))
    assert found(agreement.versions_agree, odd) == []
    assert len(found(agreement.names_agree, odd)) == 1


def test_files_of_another_project_are_found(tmp_path: Path) -> None:
    """If the files' metadata names another project than pyproject.toml, NS512 reports each file."""
    problems = found(agreement.names_agree, make_built(tmp_path, name="other"))
    assert problems[0] == "NS512 other-1.2.3-py3-none-any.whl belongs to the project other, not sample."
    assert len(problems) == 2


def test_a_file_name_that_is_not_normalised_is_found(tmp_path: Path) -> None:
    """A file name must contain the normalized project name: my_sample for `My.Sample` (PEP 625)."""
    pyproject = '[project]\nname = "My.Sample"'
    assert found(agreement.names_agree, make_built(tmp_path, pyproject=pyproject, name="my_sample")) == []
    problems = found(agreement.names_agree, make_built(tmp_path, pyproject=pyproject, name="My.Sample"))
    assert [problem.split()[0] for problem in problems] == ["NS512", "NS512"]


@each("line", ["License-Expression: MIT", "License: MIT", "License-File: LICENSE", "Classifier: License :: Free"])
def test_a_license_can_be_named_in_several_ways(tmp_path: Path, line: str) -> None:
    """The fields of PEP 639, the older License field and a license classifier are all accepted."""
    assert found(checks.license_present, make_built(tmp_path, wheel_metadata=(line,))) == []


def test_a_missing_license_is_a_warning(tmp_path: Path) -> None:
    """A wheel without a license name or without a license text only causes the warning NS513."""
    (unnamed,) = checks.license_present(make_built(tmp_path / "a", wheel_metadata=()))
    assert (unnamed.id, unnamed.level) == ("NS513", "warning")
    unnamed_file = ("License-Expression: MIT",)
    without_text = {"sample/__init__.py": ""}
    (without,) = checks.license_present(make_built(tmp_path / "b", wheel=without_text, wheel_metadata=unnamed_file))
    assert (without.id, without.level) == ("NS513", "warning")
    assert "sample-1.2.3-py3-none-any.whl" in without.what


@each("name", ["LICENSE", "LICENCE.md", "license.txt", "COPYING", "UNLICENSE", "LICENSES/MIT.txt"])
def test_a_license_text_has_one_of_the_usual_names(tmp_path: Path, name: str) -> None:
    """A file that `License-File` names is accepted as the license text under any of the usual names."""
    wheel = {"sample/__init__.py": "", f"sample-1.2.3.dist-info/licenses/{name}": "x"}
    metadata = ("License-Expression: MIT", f"License-File: {name}")
    built = make_built(
        tmp_path,
        wheel=wheel,
        sdist={"src/sample/__init__.py": "", name: "x"},
        wheel_metadata=metadata,
        sdist_metadata=metadata,
    )
    assert found(checks.license_present, built) == []


def test_a_license_text_that_old_metadata_name_may_have_any_name(tmp_path: Path) -> None:
    """In metadata before 2.4, `License-File` may name a file of any name in the .dist-info folder."""
    metadata = ("License-Expression: MIT", "License-File: terms.txt")
    wheel = {"sample/__init__.py": "", "sample-1.2.3.dist-info/terms.txt": "x"}
    sdist = {"src/sample/__init__.py": "", "terms.txt": "x"}
    built = make_built(tmp_path, wheel=wheel, sdist=sdist, wheel_metadata=metadata, sdist_metadata=metadata)
    described = built.wheels[0].described.replace(b"Metadata-Version: 2.4", b"Metadata-Version: 2.1")
    old_wheel = dataclasses.replace(built.wheels[0], described=described)
    old = dataclasses.replace(built, wheels=(old_wheel,))
    assert [finding.what for finding in checks.license_present(old)] == []


@each(
    "source",
    [
        "src/sample/core.py",
        "src/sample/latest.py",
        "src/sample/inner/deep.py",
        "src/sample/größe.py",
        "src/sample/testing.py",
        "src/sample/contest_rules.py",
    ],
)
def test_a_module_that_the_wheel_lacks_is_found(tmp_path: Path, source: str) -> None:
    """If the wheel lacks a module of the package's sources, NS514 names the module."""
    problems = found(checks.modules_complete, make_built(tmp_path, sources=(*SOURCES, source)))
    assert len(problems) == 1
    assert problems[0].startswith("NS514")
    assert source.removeprefix("src/") in problems[0]


@each(
    "source",
    [
        "src/sample/tests/test_core.py",
        "src/sample/test_core.py",
        "src/sample/conftest.py",
        "tools/helper.py",
        "docs/sample/conf.py",
        "src/sample/data.json",
        "src/sample/docs/conf.py",
        "src/sample/test-data/driver.py",
        "src/sample/inner/make-tables.py",
        "noxfile.py",
    ],
)
def test_what_does_not_belong_in_a_wheel_is_not_missed(tmp_path: Path, source: str) -> None:
    """The wheel may lack tests, scripts, documentation, data files and modules outside the package."""
    assert found(checks.modules_complete, make_built(tmp_path, sources=(*SOURCES, source))) == []


def test_a_package_that_is_missing_altogether_is_found(tmp_path: Path) -> None:
    """A wheel that lacks the project's whole package is reported."""
    (problem,) = found(checks.modules_complete, make_built(tmp_path, wheel={"other.py": ""}))
    assert "sample/__init__.py" in problem


@pytest.mark.parametrize(
    ("text", "missed"),
    [
        ("__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n", False),
        ("__import__('pkg_resources').declare_namespace(__name__)\n", False),
        ("from company.product import *\n", True),
    ],
)
def test_a_namespace_of_the_old_kind_may_be_left_out(tmp_path: Path, text: str, missed: bool) -> None:
    """An `__init__.py` that only declares a namespace may be missing from the wheel; any other is missed."""
    sources = ("company/__init__.py", "company/product/__init__.py")
    built = make_built(tmp_path, wheel={"company/product/__init__.py": ""}, sources=sources)
    write_files(built.project.root, {"company/__init__.py": text})
    assert [problem.split()[0] for problem in found(checks.modules_complete, built)] == ["NS514"] * missed


def test_a_module_missing_in_a_namespace_is_found(tmp_path: Path) -> None:
    """A module that the wheel lacks is also found if its package is in a namespace."""
    sources = ("src/company/product/__init__.py", "src/company/product/core.py")
    built = make_built(tmp_path, wheel={"company/product/__init__.py": ""}, sources=sources)
    (problem,) = found(checks.modules_complete, built)
    assert "company/product/core.py" in problem


@each(
    "name",
    [
        "sample/__pycache__/a.cpython-312.pyc",
        "sample/a.pyc",
        ".git/config",
        "sample/.mypy_cache/x.json",
        ".nox-ship/manifest.json",
        "vendor/.git/config",
    ],
)
def test_caches_do_not_belong(tmp_path: Path, name: str) -> None:
    """NS515 reports caches and folders of tools in a wheel and in an sdist."""
    built = make_built(tmp_path, wheel={**WHEEL, name: ""}, sdist={**SDIST, name: ""})
    problems = found(checks.nothing_foreign, built)
    assert [problem.split()[:2] for problem in problems] == [
        ["NS515", "sample-1.2.3-py3-none-any.whl"],
        ["NS515", "sample-1.2.3.tar.gz"],
    ]


@each(
    ("name", "belongs"),
    [
        ("tests/test_a.py", False),
        ("test/__init__.py", False),
        ("conftest.py", False),
        ("sample/tests/test_a.py", True),
        ("sample/conftest.py", True),
        ("testsuite/__init__.py", True),
        (".gitignore", True),
        ("vendor/thing/.git", True),
        ("src/sample/__init__.py", False),
        ("src/data.json", True),
    ],
)
def test_a_wheel_installs_no_tests_at_top_level(tmp_path: Path, name: str, belongs: bool) -> None:
    """A wheel must not install tests or `src` at top level; inside a package and in an sdist, they are fine."""
    built = make_built(tmp_path, wheel={**WHEEL, name: ""}, sdist={**SDIST, name: ""})
    assert (found(checks.nothing_foreign, built) == []) is belongs


def test_a_package_that_is_called_src_is_one(tmp_path: Path) -> None:
    """A wheel may contain a package that is called `src` if it has an `__init__.py`."""
    wheel = {"src/__init__.py": "", "src/inner/core.py": ""}
    assert found(checks.nothing_foreign, make_built(tmp_path, wheel=wheel)) == []


KEY = f"-----BEGIN {'PRIVATE'} KEY-----\n{'MIIEvQIBADANBgkq' * 4}\n-----END {'PRIVATE'} KEY-----\n"
TOKEN = f"password = pypi-{'AgE' + 'k3JvQ8zP1mXw7RbT5yLs' * 6}\n"
DER = base64.b64encode(b"\x30\x70" + bytes(112)).decode()
WHOLE = f"KEY = '''{KEY.splitlines()[0]}\n{DER}\n{KEY.splitlines()[-1]}'''\n"
PUBLIC = f"KEY = '{'AI' + 'za' + 'k3JvQ8zP1mXw7RbT5yLs0HdN4gFcA9uE2oV'}'\n"


def secrets(folder: Path, name: str, content: str, *, tracked: bool = True, wheel: bool = False) -> list[str]:
    """Return the ID, level and text of each finding about a file in the wheel or in the sdist."""
    one, other = ({**WHEEL, name: content}, SDIST) if wheel else (WHEEL, {**SDIST, name: content})
    built = make_built(folder, wheel=one, sdist=other)
    built = dataclasses.replace(built, tracked={name: ""} if tracked else {})
    return [f"{finding.id} {finding.level}: {finding.what}" for finding in checks.no_secrets(built)]


@pytest.mark.parametrize("wheel", [True, False])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".pypirc", ""),
        ("sample/.env", "A=1"),
        ("deploy/id_ed25519", ""),
        ("sample/server.key", KEY),
        ("sample/setup.cfg", TOKEN),
        ("tests/fixtures/.netrc", ""),
        ("tests/server.key", KEY),
    ],
)
def test_what_looks_secret_and_is_not_in_git_is_an_error(tmp_path: Path, name: str, content: str, wheel: bool) -> None:
    """NS516 stops a release whose files contain what looks like a secret and is not in git."""
    archive = "sample-1.2.3-py3-none-any.whl" if wheel else "sample-1.2.3.tar.gz"
    assert secrets(tmp_path, name, content, tracked=False, wheel=wheel) == [
        f"NS516 error: {archive} contains {name}, which looks like a secret and is not in git."
    ]


@pytest.mark.parametrize("wheel", [True, False])
@pytest.mark.parametrize("name", ["tests/fixtures/.netrc", "sample/.env", "id_rsa"])
def test_a_name_alone_is_a_warning_where_git_tracks_the_file(tmp_path: Path, name: str, wheel: bool) -> None:
    """A file in git with a name typical of secrets, but no secret in it, only causes the warning NS530."""
    (found,) = secrets(tmp_path, name, "machine example.invalid login x password y\n", wheel=wheel)
    assert found.startswith("NS530 warning: ")
    assert found.endswith(f" contains {name}, which has a name typical of secrets.")


ERROR, WARNING = ["NS516 error"], ["NS530 warning"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("sample/static/app.js", "NS530"), ("sample.egg-info/PKG-INFO", "NS530"), ("sample/.env", "NS516")],
)
def test_a_key_for_everybody_may_be_in_what_a_build_makes(tmp_path: Path, name: str, expected: str) -> None:
    """A public API key in a file made by the build is a warning; in a file named like a secret, it is an error."""
    (told,) = secrets(tmp_path, name, PUBLIC, tracked=False, wheel=name.endswith(".js"))
    assert told.startswith(expected)


@pytest.mark.slow
@each(
    ("name", "content", "in_sdist", "in_wheel"),
    [
        ("deploy/id_rsa", KEY, ERROR, ERROR),
        ("sample/.env", TOKEN, ERROR, ERROR),
        ("tests/id_rsa", KEY, WARNING, WARNING),
        ("tests/.pypirc", TOKEN, ERROR, ERROR),
        ("examples/server.key", KEY, WARNING, ERROR),
        ("sample/tests/server.key", KEY, [], WARNING),
        ("setup.cfg", TOKEN, ERROR, ERROR),
        ("sample/settings.py", TOKEN, ERROR, ERROR),
        ("tests/test_upload.py", TOKEN, [], WARNING),
        ("sample/keys.py", KEY, [], []),
        ("sample/keys.py", WHOLE, [], ERROR),
        ("sample/tests/keys.py", WHOLE, [], []),
        ("sample/examples/keys.py", WHOLE, [], []),
        ("sample/maps.py", PUBLIC, WARNING, WARNING),
        ("tests/maps.py", PUBLIC, [], []),
        ("README.md", KEY, [], []),
        (".env.example", "A=", [], []),
        ("id_rsa.pub", "ssh-rsa AAAA", [], []),
        ("server.crt", KEY.replace("PRIVATE KEY", "CERTIFICATE"), [], []),
        ("server.pub", KEY.replace("PRIVATE", "PUBLIC"), [], []),
    ],
)
def test_what_git_tracks_is_judged_by_its_content(
    tmp_path: Path, name: str, content: str, in_sdist: list[str], in_wheel: list[str]
) -> None:
    """A key or token in a tracked file is an error; in tests, examples and docs, it is mostly a warning or fine."""
    for wheel, expected in ((False, in_sdist), (True, in_wheel)):
        found = secrets(tmp_path / str(wheel), name, content, wheel=wheel)
        assert [line.partition(":")[0] for line in found] == expected


def test_what_is_found_is_told_once_for_each_reason(tmp_path: Path) -> None:
    """Files with the same kind of secret share one finding, which names the first three."""
    names = [f"examples/{number}.key" for number in range(5)]
    sdist = {**SDIST, **dict.fromkeys(names, KEY), "tests/.env": ""}
    built = dataclasses.replace(make_built(tmp_path, sdist=sdist), tracked=dict.fromkeys(sdist, ""))
    assert [line.removeprefix("NS530 sample-1.2.3.tar.gz contains ") for line in found(checks.no_secrets, built)] == [
        "a private key in examples/0.key, examples/1.key, examples/2.key and 2 more.",
        "tests/.env, which has a name typical of secrets.",
    ]


@pytest.mark.parametrize("default_hash", ["sha1", "sha256"])
def test_a_file_that_a_back_end_moved_is_known_by_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default_hash: str
) -> None:
    """A file counts as tracked if git has the same content under another folder or with other line endings."""
    monkeypatch.setenv("GIT_DEFAULT_HASH", default_hash)
    repository = make_repository(tmp_path / "project", {"src/sample/.env": "A=1\n"})
    wheel = {**WHEEL, "sample/.env": "A=1\r\n", "sample/other/.env": "A=2\n"}
    built = dataclasses.replace(make_built(tmp_path, wheel=wheel), tracked=repository.tracked())
    assert [f"{finding.level} {finding.what.split()[2]}" for finding in checks.no_secrets(built)] == [
        "warning sample/.env,",
        "error sample/other/.env,",
    ]


def test_dependencies_of_wheel_and_sdist_agree(tmp_path: Path) -> None:
    """Order, spaces, quotes and parentheses of requirements may differ, but NS517 reports different requirements."""
    one = (*LICENSED, "Requires-Dist: A.x>=1,<2; python_version < '3.12' and extra == 'y'", "Requires-Dist: b")
    other = (
        *LICENSED,
        "Requires-Dist: b",
        "Requires-Dist: a-x (<2,>=1) ; (python_version<'3.12') and (extra == \"y\")",
    )
    assert found(agreement.sdist_agrees, make_built(tmp_path, wheel_metadata=one, sdist_metadata=other)) == []
    (problem,) = found(agreement.sdist_agrees, make_built(tmp_path, wheel_metadata=one))
    assert problem.startswith("NS517 Requires-Dist")


def test_dependencies_that_the_sdist_calls_dynamic_may_differ(tmp_path: Path) -> None:
    """A field that the sdist declares as dynamic may have another value in the wheel (PEP 643)."""
    built = make_built(
        tmp_path,
        wheel_metadata=(*LICENSED, "Requires-Dist: a"),
        sdist_metadata=(*LICENSED, "Dynamic: requires-dist"),
    )
    assert found(agreement.sdist_agrees, built) == []


@each(("version", "differs"), [("2.1", False), ("1.0", False), ("2.2", True), ("2.4", True)])
def test_an_sdist_of_old_metadata_promises_nothing(tmp_path: Path, version: str, differs: bool) -> None:
    """The metadata of wheel and sdist is compared only from version 2.2 on, which PEP 643 introduced."""
    built = make_built(tmp_path, wheel_metadata=(*LICENSED, "Requires-Dist: a"))
    built.sdist.metadata.replace_header("Metadata-Version", version)
    assert (found(agreement.sdist_agrees, built) != []) is differs


@pytest.mark.parametrize("line", ["Requires-Dist: (((", "Requires-Python: what", f"Requires-Dist: x; {'(' * 3000}"])
def test_metadata_that_cannot_be_read_are_compared_as_they_are(tmp_path: Path, line: str) -> None:
    """Invalid metadata is compared as plain text here; twine reports what is invalid."""
    same = (*LICENSED, line)
    assert found(agreement.sdist_agrees, make_built(tmp_path / "a", wheel_metadata=same, sdist_metadata=same)) == []
    (problem,) = found(agreement.sdist_agrees, make_built(tmp_path / "b", wheel_metadata=same))
    assert problem.startswith("NS517")


def test_the_range_of_pythons_agrees(tmp_path: Path) -> None:
    """A Requires-Python in the wheel that differs from the sdist's is reported with NS517."""
    built = make_built(tmp_path, wheel_metadata=(*LICENSED, "Requires-Python: >=3.11"))
    (problem,) = found(agreement.sdist_agrees, built)
    assert problem.startswith("NS517 Requires-Python")


def test_modules_that_the_sdist_lacks_are_a_warning(tmp_path: Path) -> None:
    """The warning NS517 names a module that only the wheel has, even if the sdist has one with a similar name."""
    sdist = {**SDIST, "src/sample/more_core.py": ""}
    (finding,) = agreement.sdist_agrees(make_built(tmp_path, wheel={**WHEEL, "sample/core.py": ""}, sdist=sdist))
    assert (finding.id, finding.level) == ("NS517", "warning")
    assert "sample/core.py" in finding.what


def test_a_typed_package_says_so(tmp_path: Path) -> None:
    """A package with the classifier `Typing :: Typed` must have a py.typed file, or NS518 reports it."""
    claim = (*LICENSED, "Classifier: Typing :: Typed")
    assert found(checks.typed_as_claimed, make_built(tmp_path, wheel_metadata=claim))[0].startswith("NS518")
    built = dataclasses.replace(make_built(tmp_path, wheel_metadata=claim), tracked={"src/sample/py.typed": ""})
    assert found(checks.typed_as_claimed, built) == []  # NS521 reports that the wheel lacks it
    typed = {**WHEEL, "sample/py.typed": ""}
    assert found(checks.typed_as_claimed, make_built(tmp_path, wheel=typed, wheel_metadata=claim)) == []
    assert found(checks.typed_as_claimed, make_built(tmp_path)) == []


def test_classifiers_name_pythons_that_are_admitted(tmp_path: Path) -> None:
    """NS519 reports a classifier for a Python version that `requires-python` excludes."""
    lines = 'classifiers = ["Programming Language :: Python :: 3.9", "Programming Language :: Python :: 3.12"]'
    text = f'{PYPROJECT}requires-python = ">=3.11"\n{lines}\n'
    assert found(agreement.classifiers_agree, make_built(tmp_path / "a", pyproject=text)) == [
        "NS519 The classifiers name Python 3.9, but requires-python is >=3.11."
    ]
    assert found(agreement.classifiers_agree, make_built(tmp_path / "b")) == []
