from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from nox.sessions import _normalize_path

from fakes import INSTALLED, Call, Programs, write_dist
from nox_ship import reuse
from nox_ship.errors import Finding, ShipError
from nox_ship.package import install, modules
from nox_ship.package.environment import fresh_environment
from nox_ship.package.install import Expected, Verified, verify, verify_files
from nox_ship.package.manifest import Manifest
from nox_ship.process import COMMAND_MISSING
from nox_ship.project import Project
from support import make_project, write_files

EXPECTED = Expected("sample", "1.2.3", ("sample",), (("sample", "--version"),))
SOURCE = f"file:///x/sample-1.2.3.tar.gz#sha256={'0' * 64}"


def found(expected: Expected = EXPECTED) -> list[str]:
    """Return the IDs of the problems with a file once it is installed."""
    with pytest.raises(ShipError) as caught:
        verify(SOURCE, "sample-1.2.3.tar.gz", expected, "python3.12")
    return [finding.id for finding in caught.value.findings]


def test_a_file_that_works_passes(programs: Programs) -> None:
    """A file is installed in a new environment, then checked, read, imported, and run with its smoke command."""
    verify(SOURCE, "sample", EXPECTED, "python3.12")
    words = [call.line[1] if "uv" in call.line[0] else call.line[0].rpartition("/")[2] for call in programs.calls]
    assert words == ["venv", "pip", "pip", "python", "sample"]
    make, install, check, try_out, _ = programs.calls
    assert make.line[make.line.index("--python") + 1] == "python3.12"
    assert {"--no-config", "--no-project"} <= set(make.line)
    assert make.env["UV_PYTHON_DOWNLOADS"] == "never"
    environment = make.line[-1]
    assert ("install" in install.line, "check" in check.line) == (True, True)
    for call in (install, check):
        assert call.line[call.line.index("--python") + 1] == environment
    assert try_out.line[1] == "-I"
    question = {"name": "sample", "version": "1.2.3", "modules": ["sample"], "entries": None}
    assert json.loads(try_out.line[-1]) == question | {"reader": modules.__file__}


def test_modules_that_were_read_before_are_only_imported(programs: Programs) -> None:
    """With ``read=False``, modules are imported, but not read."""
    verify(SOURCE, "sample", EXPECTED, "python3.12", read=False)
    assert not [call for call in programs.calls if "modules.py" in call.text]
    assert len([call for call in programs.calls if "installed.py" in call.text]) == 1


def test_what_is_tried_sees_its_own_environment_alone(programs: Programs) -> None:
    """The installed file runs in its environment's folder, finds its programs first, and gets none of our modules."""
    verify(SOURCE, "sample", EXPECTED, "python3.12")
    environment = programs.calls[0].line[-1]
    for call in programs.calls[-2:]:
        assert call.env["VIRTUAL_ENV"] == environment
        assert (call.env["PYTHONPATH"], call.env["PYTHONHOME"]) == ("", "")
        assert (call.env["PATH"] or "").startswith(f"{environment}/")
        assert str(call.options["cwd"]) == environment
        assert not call.options.get("secrets")


def test_a_python_that_makes_no_environment_is_told(programs: Programs) -> None:
    """If Python cannot create an environment, NS617 shows its message."""
    programs.answer("venv", code=2, stdout="broken")
    assert found() == ["NS617"]
    with pytest.raises(ShipError) as caught, fresh_environment("python3.12"):
        pytest.fail("No environment can have been made.")
    assert caught.value.findings[0].detail == "broken"


def test_a_file_that_cannot_be_installed_is_not_tried(programs: Programs) -> None:
    """A file that cannot be installed is refused with NS611 and is not checked further."""
    programs.answer("pip install", code=1, stdout="no such thing")
    assert found() == ["NS611"]
    assert programs.started("check") == []


def test_dependencies_that_do_not_fit_are_told(programs: Programs) -> None:
    """Incompatible dependencies are reported as NS612, together with all other problems."""
    programs.answer("pip check", code=1, stdout="sample needs other<2")
    programs.answer(
        "installed.py", stdout='nox-ship:[["version", "it says 1.0"], ["import", "x"], ["entry point", "y"]]'
    )
    programs.answer("--version", code=1)
    assert found() == ["NS612", "NS615", "NS613", "NS614", "NS616"]


@pytest.mark.parametrize("code", [0, 3, -11])
def test_a_python_that_says_nothing_has_not_imported_it(programs: Programs, code: int) -> None:
    """If Python ends without an answer, because a module exits or crashes, that is reported as NS613."""
    programs.answer("installed.py", code=code, stdout="bye\n")
    assert found() == ["NS613"]


def test_what_a_module_prints_is_not_taken_for_the_answer(programs: Programs) -> None:
    """The last marked line is the answer, so a module cannot print one before it."""
    programs.answer("installed.py", stdout='nox-ship:[]\n\nnox-ship:[["import", "no"]]\n')
    assert found() == ["NS613"]


ODD = ["", "5", "[5]", '[["other", "x"]]', '[["import", 5]]', '[["import"]]', "{}x", "[" * 20_000, "9" * 5000]


@pytest.mark.parametrize("odd", [*ODD, '[["entry point", "x", "a", "b", "c", "d", "e"]]', '[["import", "x", null]]'])
def test_what_is_printed_after_the_answer_is_no_answer(programs: Programs, odd: str) -> None:
    """If a module prints an invalid answer after the real one, the file is refused with NS613."""
    programs.answer("installed.py", stdout=f"nox-ship:[]\nnox-ship:{odd}")
    assert found() == ["NS613"]


def test_a_smoke_command_that_fails_is_told_with_its_words(programs: Programs) -> None:
    """A smoke command that fails is reported as NS616 with its output."""
    programs.answer("--version", code=3, stdout="no version")
    with pytest.raises(ShipError, match=r"NS616.*exit code 3") as caught:
        verify(SOURCE, "sample", EXPECTED, "python3.12")
    assert caught.value.findings[0].detail == "no version"


def test_a_smoke_command_that_is_missing_is_told(programs: Programs) -> None:
    """A smoke command that does not exist is reported as NS616, and the next one still runs."""

    def missing(_: Call) -> tuple[int, str]:
        raise ShipError(COMMAND_MISSING("There is no program."))

    programs.play("nothing", reply=missing)
    programs.answer("--version", code=1)
    smoke = (("nothing",), ("sample", "--version"))
    assert found(Expected("sample", "1.2.3", (), smoke)) == ["NS616", "NS616"]


EXTRAS = {"cli": frozenset({"click", "rich"}), "all": frozenset({"a", "b", "click"}), "yaml": frozenset({"pyyaml"})}
SCRIPT = ["console_scripts", "sample", "sample:main"]


def lacking(module: str, *place: str) -> list[str]:
    """Return what the script reports about an entry point that lacks a module."""
    return ["entry point", f"no {module}", *(place or SCRIPT), module]


def play_entries(programs: Programs, *failing: tuple[list[str], set[str]]) -> None:
    """Let each of these entry points fail as the script reports it, unless all of some extras are installed."""

    def reply(call: Call) -> tuple[int, str]:
        source = programs.started("install")[-1].line[-1].partition(" @ ")[0]
        extras = set(source.partition("[")[2].strip("]").split(","))
        wanted = json.loads(call.line[-1])["entries"]
        told = [e for e, needed in failing if not needed <= extras and (wanted is None or [e[2], e[3]] in wanted)]
        return 0, f"nox-ship-seen:[]\nnox-ship:{json.dumps(told)}"

    programs.play("installed.py", reply=reply)


def told(programs: Programs, extras: Mapping[str, frozenset[str]] = EXTRAS) -> tuple[list[str], list[str]]:
    """Return what is reported about entry points, and the extras of each installation after the first."""
    expected = Expected("sample", "1.2.3", ("sample",), (), extras)
    try:
        found: tuple[Finding, ...] = verify(SOURCE, "sample-1.2.3.tar.gz", expected, "python3.12")
    except ShipError as error:
        found = error.findings
    installed = [call.line[-1].partition(" @ ")[0] for call in programs.started("install")]
    assert installed[0] == "sample"
    return [f"{finding.id} {finding.level}: {finding.what}" for finding in found], installed[1:]


def test_an_entry_point_that_needs_an_extra_is_a_warning(programs: Programs) -> None:
    """For an entry point that cannot be loaded, the smallest extra with the module is tried and named in NS620."""
    play_entries(programs, (lacking("click"), {"cli"}))
    what = "NS620 warning: console_scripts sample = sample:main can only be loaded with the extra cli: no click."
    assert told(programs) == ([what], ["sample[cli]"])
    assert len(programs.started("venv")) == 2
    first, second = (call for call in programs.started("-I") if "installed.py" in call.text)
    assert first.line[0] != second.line[0]
    entries = [["console_scripts", "sample"]]
    question = {"name": "sample", "version": "1.2.3", "modules": [], "entries": entries, "reader": None}
    assert json.loads(second.line[-1]) == question


def test_nothing_is_tried_again_where_all_entry_points_load(programs: Programs) -> None:
    """If all entry points load, no extras are installed."""
    assert told(programs) == ([], [])
    assert len(programs.started("venv")) == 1


@pytest.mark.parametrize("missing", ["yaml", "yaml.nodes", "YAML"])
def test_what_is_required_may_be_called_otherwise(programs: Programs, missing: str) -> None:
    """An extra is tried if a requirement's name contains that of the module, as PyYAML provides `yaml`."""
    play_entries(programs, (lacking(missing), {"yaml"}))
    assert told(programs)[1] == ["sample[yaml]"]


def test_an_extra_that_the_entry_point_names_is_the_one_that_is_tried(programs: Programs) -> None:
    """An extra that the entry point itself names is tried, although installers ignore that."""
    place = ["console_scripts", "sample", "sample:main [Yaml, dev.x]"]
    play_entries(programs, (lacking("click", *place), {"yaml", "dev-x"}))
    found, tried = told(programs)
    assert tried == ["sample[dev-x,yaml]"]
    assert "with the extras dev-x, yaml: no click." in found[0]


@pytest.mark.parametrize("module", ["bs4", ""])
def test_all_extras_are_tried_where_none_seems_to_be_meant(programs: Programs, module: str) -> None:
    """All extras are tried if none matches the missing module, or if the reason is not an import."""
    play_entries(programs, (lacking(module), {"yaml"}))
    found, tried = told(programs)
    assert tried == ["sample[all,cli,yaml]"]
    assert "can only be loaded with the extras all, cli, yaml: " in found[0]


def test_all_extras_are_tried_where_the_one_is_not_enough(programs: Programs) -> None:
    """If the matching extras are not enough, all extras are tried in a third environment."""
    play_entries(programs, (lacking("click"), {"cli", "all"}), (lacking("pyyaml", "x", "y", "z"), {"yaml"}))
    found, tried = told(programs)
    assert tried == ["sample[cli,yaml]", "sample[all,cli,yaml]"]
    assert [line.partition(":")[0] for line in found] == ["NS620 warning", "NS620 warning"]


def test_each_entry_point_is_told_with_the_extra_that_it_needs(programs: Programs) -> None:
    """Extras are tried in one environment; entry points with the same extra and reason share a warning."""
    places = [["x", name, f"sample:{name}"] for name in "abc"]
    failing = (("click", {"cli"}), ("pyyaml", {"yaml"}), ("pyyaml", {"yaml"}))
    play_entries(programs, *((lacking(module, *place), e) for place, (module, e) in zip(places, failing, strict=True)))
    found, tried = told(programs)
    assert tried == ["sample[cli,yaml]"]
    assert found == [
        "NS620 warning: x a = sample:a can only be loaded with the extra cli: no click.",
        "NS620 warning: x b = sample:b, x c = sample:c can only be loaded with the extra yaml: no pyyaml.",
    ]


def test_an_entry_point_that_loads_with_no_extra_is_an_error(programs: Programs) -> None:
    """An entry point that no extra makes loadable is reported as NS614, with the file and the reason."""
    play_entries(programs, (lacking("click"), {"gone"}))
    what = "NS614 error: sample-1.2.3.tar.gz: console_scripts sample = sample:main: no click."
    assert told(programs, {"cli": EXTRAS["cli"]}) == ([what], ["sample[cli]"])
    programs.calls.clear()
    assert told(programs, {}) == ([what], [])


def test_extras_that_cannot_be_installed_excuse_nothing(programs: Programs) -> None:
    """If extras cannot be installed, or Python ends without an answer, the entry point stays an error (NS614)."""
    play_entries(programs, (lacking("click"), {"cli"}))
    programs.answer("pip install", "sample[", code=1)
    assert told(programs)[0][0].startswith("NS614 error")
    programs.answer("pip install", "sample[")
    programs.answer("installed.py", '"modules": []', code=3)
    assert told(programs)[0][0].startswith("NS614 error")


def test_a_plug_in_that_lacks_its_host_is_a_warning(programs: Programs) -> None:
    """A plug-in that lacks a module of the program that loads it is a warning, and no extra is tried."""
    places = [["x.lexers", name, "sample.plug"] for name in ("a", "b", "c", "d")]
    play_entries(programs, *((lacking("pygments", *place), {"gone"}) for place in places))
    (found,), tried = told(programs)
    assert tried == []
    assert found == (
        "NS621 warning: x.lexers a = sample.plug, x.lexers b = sample.plug, x.lexers c = sample.plug"
        " and 1 more cannot be loaded: no pygments, which none of the dependencies provides."
    )


@pytest.mark.parametrize(
    ("group", "value", "missing"),
    [
        ("console_scripts", "sample:main", "click.core"),
        ("gui_scripts", "sample:main", "tkinter"),
        ("x", "sample.plug", "sample.gone"),
        ("x", "smaple.plug", "smaple"),
        ("x", "smaple:plug [x]", "smaple"),
        ("x", "sample.plug", ""),
    ],
)
def test_what_only_the_project_can_bring_is_an_error(programs: Programs, group: str, value: str, missing: str) -> None:
    """Scripts, misspelt modules and other reasons are errors, as no host program could provide what is missing."""
    play_entries(programs, (lacking(missing, group, "a", value), {"gone"}))
    assert told(programs, {})[0][0].startswith("NS614 error")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with a smoke command."""
    smoke = "[tool.nox-ship.verify-install]\nsmoke = [['sample', '--version']]\n"
    return make_project(tmp_path, f'[project]\nname = "sample"\nversion = "1.2.3"\n{smoke}')


@pytest.fixture
def manifest(project: Project) -> Manifest:
    """Build the project's files and return their manifest."""
    return write_dist(project, "c" * 40, "1.2.3")


def test_each_file_is_installed_alone_and_bound_to_its_hash(
    project: Project, manifest: Manifest, programs: Programs
) -> None:
    """Wheel and sdist are each installed by hash in an environment of their own."""
    done = verify_files(project, manifest, project.root / "dist", "python3.12", "3.12")
    assert done == Verified("2 files install and work on Python 3.12")
    installed = sorted(call.line[-1] for call in programs.started("install"))
    assert len(programs.started("venv")) == 2
    for file, line in zip(sorted(manifest.files, key=lambda file: file.name), installed, strict=True):
        assert line.endswith(f"/{file.name}#sha256={file.sha256}")


def test_wheels_alone_are_tried_where_a_job_has_no_business_with_the_sdist(
    project: Project, manifest: Manifest, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``sdist=False``, at least one wheel must fit (NS584), and the sdist does not count as verified."""
    dist = project.root / "dist"
    done = verify_files(project, manifest, dist, "python3.12", "3.12", sdist=False)
    assert done == Verified("1 files install and work on Python 3.12")
    assert programs.started("install")[0].line[-1].partition("#")[0].endswith(".whl")
    assert verify_files(project, manifest, dist, "python3.12", "3.12").told.startswith("2 files")
    monkeypatch.setattr(install, "installable", lambda *_: [])
    with pytest.raises(ShipError, match=r"NS584.*sample"):
        verify_files(project, manifest, dist, "python3.12", "3.12", sdist=False)


@pytest.mark.parametrize("fits", [True, False])
def test_modules_are_read_once(
    project: Project, manifest: Manifest, programs: Programs, monkeypatch: pytest.MonkeyPatch, fits: bool
) -> None:
    """Modules are read once: those of the wheel, or of the sdist if no wheel fits this Python."""
    names = [file.name for file in manifest.files]
    monkeypatch.setattr(install, "installable", lambda *_: names if fits else names[1:])
    verify_files(project, manifest, project.root / "dist", "python3.12", "3.12")
    (read,) = (call for call in programs.calls if "modules.py" in call.text)
    wheel = next(
        call for call in programs.started("install") if call.line[-1].endswith(manifest.files[0].sha256) == fits
    )
    assert read.options["cwd"] == wheel.options["cwd"]


def test_what_is_warned_of_both_files_is_said_once(project: Project, manifest: Manifest, programs: Programs) -> None:
    """A warning for both files is reported once, and does not make the next run try them again."""
    play_entries(programs, (lacking("pluggy", "x", "y", "sample.z"), {"gone"}))
    dist = project.root / "dist"
    (warning,) = verify_files(project, manifest, dist, "python3.12", "3.12").warnings
    assert warning.id == "NS621"
    assert verify_files(project, manifest, dist, "python3.12", "3.12").warnings == ()


def test_files_that_passed_are_not_tried_again(project: Project, manifest: Manifest, programs: Programs) -> None:
    """Files that passed are not tried again on the same Python with the same smoke commands."""
    dist = project.root / "dist"
    verify_files(project, manifest, dist, "python3.12", "3.12")
    programs.calls.clear()
    again = verify_files(project, manifest, dist, "python3.12", "3.12")
    assert again == Verified("these files already passed on Python 3.12")
    assert programs.calls == []
    verify_files(project, manifest, dist, "python3.13", "3.13")
    assert programs.calls
    programs.calls.clear()
    other = make_project(project.root, '[project]\nname = "sample"\nversion = "1.2.3"\n')
    verify_files(other, manifest, dist, "python3.12", "3.12")
    assert programs.calls


def test_a_record_that_says_something_else_is_no_proof(
    project: Project, manifest: Manifest, programs: Programs
) -> None:
    """A record of other files does not count as proof."""
    (project.own_folder() / "verified-3.12.json").write_text('{"files": {}}', "utf-8")
    verify_files(project, manifest, project.root / "dist", "python3.12", "3.12")
    assert programs.calls


def test_what_is_tried_cannot_lead_the_record_elsewhere(
    project: Project, manifest: Manifest, programs: Programs, tmp_path: Path
) -> None:
    """A symlink that the installed file plants in place of the record is replaced, not followed."""
    write_files(tmp_path, {"precious": "1"})
    record, at_once = project.own_folder() / "verified-3.12.json", threading.Lock()

    def plant(_: Call) -> tuple[int, str]:
        with at_once:  # both files are tried at the same time
            record.unlink(missing_ok=True)
            record.symlink_to(tmp_path / "precious")
        return 0, INSTALLED

    programs.play("installed.py", reply=plant)
    verify_files(project, manifest, project.root / "dist", "python3.12", "3.12")
    assert (tmp_path / "precious").read_text("utf-8") == "1"
    assert not record.is_symlink()


def test_files_that_failed_are_tried_again(project: Project, manifest: Manifest, programs: Programs) -> None:
    """Files that failed are tried again in the next run."""
    programs.answer("pip check", code=1)
    for _ in range(2):
        with pytest.raises(ShipError, match="NS612"):
            verify_files(project, manifest, project.root / "dist", "python3.12", "3.12")


def test_files_that_are_not_the_manifests_are_not_installed(
    project: Project, manifest: Manifest, programs: Programs
) -> None:
    """A file that differs from the manifest is refused with NS603 and not installed, even if it passed before."""
    dist = project.root / "dist"
    verify_files(project, manifest, dist, "python3.12", "3.12")
    programs.calls.clear()
    (dist / manifest.files[0].name).write_bytes(b"other")
    with pytest.raises(ShipError, match="NS603"):
        verify_files(project, manifest, dist, "python3.12", "3.12")
    assert programs.calls == []


def test_an_environment_takes_over_bytecode_from_its_predecessor(tmp_path: Path, programs: Programs) -> None:
    """A new environment in the same place has the bytecode of what is the same before anything runs there."""
    place = tmp_path / "env"
    site = place / "lib" / "python3.12" / "site-packages"
    seen: list[bool] = []

    def make(_: Call) -> tuple[int, str]:
        assert not site.exists()
        write_files(site, {"six-1.0.dist-info/RECORD": "six.py,sha256=a,1\n", "six.py": ""})
        return 0, ""

    def run(_: Call) -> tuple[int, str]:
        seen.append((site / "__pycache__" / "six.pyc").is_file())
        write_files(site, {"__pycache__/six.pyc": ""})
        return 0, INSTALLED

    programs.play("--clear", reply=make)
    programs.play("installed.py", reply=run)
    for _ in range(2):
        verify(SOURCE, "sample", EXPECTED, sys.executable, place=place)
    assert seen == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["env"]


def test_the_environment_of_a_file_is_no_session_s(project: Project, manifest: Manifest, programs: Programs) -> None:
    """Each file is tested in a place of its own, which nox gives to no session, whatever its name."""
    place = project.root.parent / "envs" / "verify-install-3-12"
    verify_files(project, manifest, project.root / "dist", sys.executable, "3.12", place=place)
    made = {Path(call.line[-1]) for call in programs.started("--clear")}
    assert len(made) == len(manifest.files)
    assert {path.parent for path in made} == {place.parent}
    assert not [path for path in made if _normalize_path("", path.name) == path.name]


def test_an_environment_that_failed_leaves_nothing(tmp_path: Path, programs: Programs) -> None:
    """If a file cannot be installed, its environment is not offered to the next release."""
    programs.answer("pip install", code=1)
    with pytest.raises(ShipError, match="NS611"):
        verify(SOURCE, "sample", EXPECTED, sys.executable, place=tmp_path / "env")
    assert not reuse.claim(tmp_path / "env", sys.executable)


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.toml"])
def test_an_environment_is_not_made_in_a_project(tmp_path: Path, programs: Programs, name: str) -> None:
    """Where uv would follow the settings of a project, the environment is made in a temporary folder."""
    write_files(tmp_path, {name: ""})
    verify(SOURCE, "sample", EXPECTED, sys.executable, place=tmp_path / "cache" / "env")
    assert not Path(programs.calls[0].line[-1]).is_relative_to(tmp_path)
