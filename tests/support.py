"""Small helpers that several test files share: they make files, repositories, wheels and sdists."""

from __future__ import annotations

import functools
import gzip
import inspect
import io
import os
import pickle
import shutil
import subprocess
import tarfile
import tempfile
import time
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from nox_ship.git import Repository
from nox_ship.project import Project


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write ``files`` unchanged below ``folder``, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def make_project(folder: Path, pyproject: str, files: Mapping[str, str | bytes] | None = None) -> Project:
    """Write a project, and return it."""
    return Project.read(write_files(folder, {"pyproject.toml": pyproject, **(files or {})}))


def git(folder: Path, *args: str) -> str:
    """Run git in ``folder``, and return its output."""
    line = ["git", "-c", "maintenance.auto=false", *args]  # otherwise each commit would look for garbage
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit_files(folder: Path, files: Mapping[str, str | bytes], message: str = "change") -> str:
    """Write and commit ``files``, and return the commit."""
    write_files(folder, files)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)
    return head(folder)


def head(folder: Path) -> str:
    """Return the checked-out commit, read from git's files if possible, because that needs no process."""
    place = folder / ".git"
    ref = (place / "HEAD").read_text("utf-8").strip().removeprefix("ref: ") if place.is_dir() else "HEAD"
    loose = place / ref
    return loose.read_text("utf-8").strip() if ref != "HEAD" and loose.is_file() else git(folder, "rev-parse", "HEAD")


def make_repository(folder: Path, files: Mapping[str, str | bytes] | None = None) -> Repository:
    """Make a repository with the branch ``main``, one commit, and an identity in its settings."""
    held = tuple((files or {"README.md": "# sample\n"}).items())
    lay_out(folder, _template(held, os.environ.get("GIT_DEFAULT_HASH")))
    return Repository(folder.resolve())


def add_remote(repository: Repository, url: str | Path, name: str = "origin") -> None:
    """Add a remote like `git remote add`."""
    with (repository.path / ".git" / "config").open("a", encoding="utf-8") as config:
        config.write(f'[remote "{name}"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/{name}/*\n')


def make_remote(repository: Repository, folder: Path) -> Path:
    """Make a bare repository in ``folder`` with the content of a new repository, and make it the remote ``origin``."""
    inner = repository.path / ".git"
    for name in ("objects", "refs"):
        shutil.copytree(inner / name, folder / name)
    shutil.copyfile(inner / "HEAD", folder / "HEAD")
    settings = (inner / "config").read_text("utf-8").replace("bare = false", "bare = true")
    write_files(folder, {"config": settings})
    (folder / "hooks").mkdir()
    add_remote(repository, folder)
    write_files(inner, {"refs/remotes/origin/main": f"{head(repository.path)}\n"})
    return folder


@functools.cache
def _template(files: tuple[tuple[str, str | bytes], ...], form: str | None) -> dict[str, bytes | str | None]:
    """Return the content of a repository with ``files``, which is made once in each process."""
    with tempfile.TemporaryDirectory(prefix="nox-ship-tests-") as name:
        folder = Path(name)
        lay_out(folder, _empty(form))
        commit_files(folder, dict(files))
        shutil.rmtree(folder / ".git" / "logs", ignore_errors=True)
        (folder / ".git" / "COMMIT_EDITMSG").unlink(missing_ok=True)
        return taken(folder)


@functools.cache
def _empty(_: str | None) -> dict[str, bytes | str | None]:
    """Return the content of a repository without commits; the argument, git's object format, is the cache key."""
    with tempfile.TemporaryDirectory(prefix="nox-ship-tests-") as name:
        git(Path(name), "init", "--quiet", "--initial-branch=main", "--template=")
        with Path(name, ".git", "config").open("a", encoding="utf-8") as config:
            config.write("[user]\n\tname = Tester\n\temail = tester@example.invalid\n[commit]\n\tgpgsign = false\n")
        return taken(Path(name))


def taken(folder: Path) -> dict[str, bytes | str | None]:
    """Return a folder's files, the targets of its symlinks, and its folders (None), each before its content."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            content: bytes | str | None = str(path.readlink())
        else:
            content = None if path.is_dir() else path.read_bytes()
            assert path.is_dir() or not path.stat().st_mode & 0o111, f"{path} is executable, which would be lost"
        found[str(path.relative_to(folder))] = content
    return found


def lay_out(folder: Path, contents: Mapping[str, bytes | str | None]) -> None:
    """Write the content that :func:`taken` returned, as fast as Python can, because a thousand tests begin with it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if isinstance(content, bytes):
            with open(f"{folder}/{name}", "wb") as file:  # noqa: PTH123
                file.write(content)
        elif content is None:
            with suppress(FileExistsError):
                os.mkdir(f"{folder}/{name}")  # noqa: PTH102
        else:
            os.symlink(content, f"{folder}/{name}")  # noqa: PTH211


def metadata_text(name: str, version: str, *lines: str) -> str:
    """Return core metadata with further header lines, such as ``Classifier: ...``."""
    return "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, "", "", ""])


def make_wheel(
    folder: Path,
    files: Mapping[str, str | bytes],
    metadata: tuple[str, ...] = (),
    name: str = "sample",
    version: str = "1.2.3",
) -> Path:
    """Write a wheel with ``files`` and core metadata, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    held = {
        f"{info}/METADATA": metadata_text(name, version, *metadata),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        **files,
    }
    return pack_wheel(path, {f"{info}/RECORD": record_text(held, info), **held})


def record_text(files: Mapping[str, str | bytes], info: str) -> str:
    """Return the RECORD of a wheel with ``files``, whose .dist-info folder is ``info``."""
    rows = [
        f"{inner},sha256={urlsafe_b64encode(sha256(_encoded(content)).digest()).decode().rstrip('=')},"
        for inner, content in files.items()
    ]
    return "\n".join([*rows, f"{info}/RECORD,,", ""])


def pack_wheel(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write ``files`` into a zip as build backends do, with the .dist-info files at the end, and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, content in sorted(files.items(), key=lambda item: ".dist-info/" in item[0]):
            archive.writestr(zipfile.ZipInfo(inner), content, zipfile.ZIP_DEFLATED)
    return path


def _encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def make_sdist(
    folder: Path,
    files: Mapping[str, str | bytes],
    metadata: tuple[str, ...] = (),
    name: str = "sample",
    version: str = "1.2.3",
) -> Path:
    """Write an sdist with ``files`` and core metadata, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for inner, content in {"PKG-INFO": metadata_text(name, version, *metadata), **files}.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"{name}-{version}/{inner}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def each(names: str | tuple[str, ...], rows: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for each of ``rows``, like parametrizing but as a single test, for tables whose rows are fast.

    The only fixture that the test may use is ``tmp_path``, which is another folder for each row.

    Args:
        names: The name of the value in a row, or the names of several.
        rows: The rows; all rows that fail are shown.
    """
    keys = (names,) if isinstance(names, str) else names

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(tmp_path: Path | None = None) -> None:
            failed: list[Exception] = []
            for number, row in enumerate(rows):
                values = dict(zip(keys, (row,) if isinstance(names, str) else row, strict=True))
                if tmp_path:
                    values["tmp_path"] = tmp_path / str(number)
                    values["tmp_path"].mkdir()
                try:
                    test(**values)
                except Exception as error:  # noqa: BLE001 - the other rows must run too
                    error.add_note(f"{names}: {row!r}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} rows fail", failed)

        functools.update_wrapper(run, test)
        del run.__wrapped__  # type: ignore[attr-defined] # pytest would look for fixtures with these names
        wanted = [value for name, value in inspect.signature(test).parameters.items() if name not in keys]
        run.__signature__ = inspect.Signature(wanted)  # type: ignore[attr-defined]
        return run

    return decorate


@contextmanager
def in_time(seconds: float = 5.0) -> Iterator[None]:
    """Check that the code inside takes at most ``seconds`` of processor time."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < seconds


def load_yaml(text: str) -> Any:
    """Parse YAML 1.1 (``on`` is a boolean), with libyaml if available, which is ten times faster."""
    return pickle.loads(_pickled(text))


@functools.lru_cache(maxsize=1000)
def _pickled(text: str) -> bytes:
    """Parse YAML once for all tests that read it; each test gets its own copy."""
    return pickle.dumps(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
