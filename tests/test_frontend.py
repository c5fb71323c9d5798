"""Building with a project's own build backend, which is in the project, so that nothing is downloaded."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nox_ship.errors import ShipError
from nox_ship.package.frontend import BuildFailedError, Frontend
from support import make_wheel, write_files

pytestmark = pytest.mark.slow

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """\
import io, os, pathlib, sys, tarfile, zipfile

def record(name):
    with pathlib.Path(os.environ["SEEN"]).open("a") as stream:
        print(name, sys.prefix, pathlib.Path.cwd().name, file=stream)

def get_requires_for_build_wheel(config_settings=None):
    record("wheel needs")
    return [os.environ["NEEDED"]] if "NEEDED" in os.environ else []

def build_sdist(folder, config_settings=None):
    record("sdist")
    print(os.environ.get("SAID", ""))
    exec(os.environ.get("BEFORE", ""))
    with tarfile.open(pathlib.Path(folder) / "sample-1.0.tar.gz", "w:gz") as archive:
        for name in ("pyproject.toml", "backend.py"):
            archive.add(name, f"sample-1.0/{name}")
        exec(os.environ.get("MORE", ""))
    return os.environ.get("CALLED", "sample-1.0.tar.gz")

def build_wheel(folder, config_settings=None, metadata_directory=None):
    record("wheel")
    with zipfile.ZipFile(pathlib.Path(folder) / "sample-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("names", "\\n".join(sorted(os.listdir())))
    return "sample-1.0-py3-none-any.whl"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a project that builds itself."""
    write_files(tmp_path / "source", {"pyproject.toml": PYPROJECT, "backend.py": BACKEND, "not-in-sdist": ""})
    (tmp_path / "out").mkdir()
    return tmp_path / "source"


def built(
    source: Path, seconds: float | None = None, place: Path | None = None, **env: str
) -> tuple[tuple[str, ...], list[str]]:
    """Build a project; return its requirements, and what its hooks recorded."""
    record = source.parent / "seen"
    frontend = Frontend({"SEEN": str(record), "PYTHONDONTWRITEBYTECODE": "1", **env}, seconds=seconds, place=place)
    requirements = frontend.build(source, source.parent / "out")
    return requirements, record.read_text("utf-8").splitlines()


def failed(source: Path, **env: str) -> str:
    """Return why a project cannot be built."""
    with pytest.raises(BuildFailedError) as caught:
        built(source, None, None, **env)
    return str(caught.value)


def test_the_wheel_is_built_from_the_sdist(source: Path) -> None:
    """The wheel is built from the unpacked sdist, in the same environment if it needs the same."""
    requirements, seen = built(source)
    assert requirements == ()
    assert [line.split()[-1] for line in seen] == ["source", "sample-1.0", "sample-1.0"]
    prefixes = {line.split()[-2] for line in seen}
    assert len(prefixes) == 1
    assert prefixes.isdisjoint({sys.prefix, sys.base_prefix})
    with zipfile.ZipFile(source.parent / "out" / "sample-1.0-py3-none-any.whl") as wheel:
        assert wheel.read("names") == b"backend.py\npyproject.toml"
    with tarfile.open(source.parent / "out" / "sample-1.0.tar.gz") as sdist:
        assert "sample-1.0/backend.py" in sdist.getnames()


def test_what_is_needed_is_installed_and_named(source: Path, tmp_path: Path) -> None:
    """Build requirements are installed in an isolated environment, and their versions returned, in any notation."""
    wheel = make_wheel(tmp_path, {"helper_of_builds.py": ""}, name="helper_of_builds", version="2.5")
    needed = f"Helper_of.builds @ {wheel.as_uri()}"
    (source / "pyproject.toml").write_text(PYPROJECT.replace("[]", f'["{needed}"]'), "utf-8")
    requirements, seen = built(source, BEFORE="import helper_of_builds")
    assert requirements == ("helper-of-builds==2.5",)
    assert len({line.split()[-2] for line in seen}) == 1


def test_another_environment_is_made_for_a_wheel_that_needs_other_things(source: Path, tmp_path: Path) -> None:
    """If the sdist needs something that the wheel does not, the wheel is built without it."""
    wheel = make_wheel(tmp_path, {"helper.py": ""}, name="helper", version="1")
    more = f"\ndef get_requires_for_build_sdist(config_settings=None):\n    return ['helper @ {wheel.as_uri()}']\n"
    (source / "backend.py").write_text(BACKEND + more, "utf-8")
    requirements, seen = built(source, BEFORE="import helper")
    assert requirements == ("helper==1",)
    assert len({line.split()[-2] for line in seen}) == 2


def test_nothing_of_an_earlier_environment_in_the_same_place_is_used(source: Path, tmp_path: Path) -> None:
    """An environment in a given place is new for each build: what an earlier backend left in it is gone."""
    place = tmp_path / "envs" / "build.isolated"
    left = "from pathlib import Path; left = Path(sys.prefix, 'left'); assert not left.exists(); left.touch()"
    for _ in range(2):
        _, seen = built(source, None, place, BEFORE=left)
        assert (place / "left").exists()
        assert {line.split()[-2] for line in seen} == {str(place)}


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"BEFORE": "raise ValueError('boom')"}, "ValueError: boom"),
        ({"BEFORE": "print('said'); sys.exit(3)"}, "said"),
        ({"BEFORE": "os._exit(0)"}, ""),
        ({"BEFORE": "import atexit; atexit.register(os._exit, 3)"}, "build_sdist"),
        ({"CALLED": "other-1.0.tar.gz"}, "other-1.0.tar.gz"),
        ({"MORE": "archive.add('backend.py', '../backend.py')"}, "backend.py"),
        ({"NEEDED": "no-such-requirement @ file:///nowhere/x-1-py3-none-any.whl"}, "cannot be installed"),
    ],
)
def test_a_backend_that_fails_is_told(source: Path, env: dict[str, str], told: str) -> None:
    """However a backend fails, the build does, with what the backend printed."""
    assert told in failed(source, **env)


@pytest.mark.parametrize(
    "pyproject", ["[build-system]\nrequires = 5\n", "[build-system]\n", "=", PYPROJECT.replace('"."', '"gone"')]
)
def test_a_build_system_that_is_no_table_of_that_form_is_told(source: Path, pyproject: str) -> None:
    """Settings that do not follow PEP 517 and 518 are refused before anything runs."""
    (source / "pyproject.toml").write_text(pyproject, "utf-8")
    assert failed(source)
    assert not (source.parent / "seen").exists()


def _no_folder(folder: Path) -> None:
    with tarfile.open(folder / "backend.tar.gz", "w:gz") as archive:
        archive.add(folder / "backend.py", "backend.py")


def _no_archive(folder: Path) -> None:
    (folder / "backend.tar.gz").write_bytes(b"PK")


def _cut_off(folder: Path) -> None:
    (folder / "long.py").write_text("x = 1  # long\n" * 2000, "utf-8")
    with tarfile.open(folder / "backend.tar.gz", "w:gz") as archive:
        archive.add(folder / "long.py", "sample-1.0/long.py")
    whole = (folder / "backend.tar.gz").read_bytes()
    (folder / "backend.tar.gz").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("make", "told"),
    [(_no_folder, "no folder at its top"), (_no_archive, "cannot be unpacked"), (_cut_off, "cannot be unpacked")],
)
def test_an_sdist_that_cannot_be_unpacked_is_told(source: Path, make: Callable[[Path], None], told: str) -> None:
    """An sdist without a folder, or that is none, is told as a failed build."""
    make(source)
    path = source / "backend.tar.gz"
    assert told in failed(source, BEFORE=f"import shutil; shutil.copy({str(path)!r}, folder)", CALLED=path.name)


def test_what_fails_is_kept_with_its_output(source: Path) -> None:
    """All programs are kept in order with their output, including a failed one."""
    frontend = Frontend({"SEEN": str(source.parent / "seen"), "SAID": "hello", "BEFORE": "import nothing_of_the_kind"})
    with pytest.raises(BuildFailedError) as caught:
        frontend.build(source, source.parent / "out")
    *_, last = caught.value.done
    assert last.code != 0
    assert "hello" in last.stdout
    assert "get_requires_for_build_sdist" in caught.value.done[0].args


def test_a_build_that_takes_too_long_is_ended(source: Path) -> None:
    """A build that exceeds its time is ended (NS904), wherever it hangs."""
    with pytest.raises(ShipError, match="NS904"):
        built(source, 1.5, BEFORE="import time; time.sleep(60)")


def test_a_backend_gets_no_credentials_and_no_modules_of_ours(
    source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A backend does not get variables with credentials, and imports nothing from PYTHONPATH or our environment."""
    monkeypatch.setenv("TWINE_PASSWORD", "secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "elsewhere"))
    lines = ("import importlib.util as u", "assert 'TWINE_PASSWORD' not in os.environ", "assert not u.find_spec('nox')")
    checks = (*lines, f"assert {str(tmp_path / 'elsewhere')!r} not in sys.path", "assert os.environ['KEPT'] == '1'")
    built(source, BEFORE="; ".join(checks), KEPT="1")
