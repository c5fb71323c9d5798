from __future__ import annotations

from pathlib import Path

from nox_ship.package import portable
from nox_ship.package.contents import Archive
from support import each, make_wheel


def found(folder: Path, *names: str) -> list[str]:
    """Return the findings about the names in a wheel."""
    wheel = Archive.read(make_wheel(folder, dict.fromkeys(names, "")))
    return [f"{finding.id} {finding.level}: {finding.what}" for finding in portable.check([wheel])]


@each("name", ["sample/aux.py", "con/x.py", "sample/LPT1.tar.gz", "a/b.", "a /b", "a/b:c", "a/b?.txt"])
def test_a_name_that_windows_cannot_write_is_a_warning(tmp_path: Path, name: str) -> None:
    """Names that Windows cannot create are NS522: device names, special characters, a dot or space at the end."""
    (line,) = found(tmp_path, "sample/__init__.py", name)
    assert (
        line == f"NS522 warning: sample-1.2.3-py3-none-any.whl contains file names that Windows cannot create: {name}."
    )


def test_names_that_differ_in_case_alone_are_a_warning(tmp_path: Path) -> None:
    """If file or folder names differ only in case, that is a warning, as Windows and macOS lose one of the files."""
    (line,) = found(tmp_path, "sample/Core.py", "sample/core.py", "Sample/other.py", "sample/other.py", "sample/a.py")
    assert "Sample/other.py and sample/other.py" in line
    assert "sample/Core.py and sample/core.py" in line


def test_usual_names_say_nothing(tmp_path: Path) -> None:
    """Usual names cause no warning, not even those that only start like a device's name."""
    assert (
        found(tmp_path, "sample/auxiliary.py", "sample/.hidden", "sample/com10.py", "größe/x.py", "a/b-c d.txt") == []
    )
