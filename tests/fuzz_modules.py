"""Fuzzing the code that reads built and installed modules."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz_projects import HATCH
from fuzzing import DEPTH, Ground, Target, as_toml, damaged
from nox_ship.package import data_files, leaks, modules
from nox_ship.package.contents import Archive
from nox_ship.project import Project
from support import make_wheel

CODE = b'''\
"""Path(__file__).parent / "words.json"."""
import sys, requests
from pathlib import Path
from . import core as c
from importlib.resources import files
if sys.version_info >= (3, 11):
    from .new import x
try:
    import yaml
except (ImportError, SyntaxError):
    yaml = None
HERE = Path(__file__).parent
DATA = HERE / "data"
with open(DATA / "words.json") as stream: y = files("sample.data").joinpath("*.txt")
class C:
    def load(self, name: str = "a/b.csv"): return get_data("sample", name)
KEY = """-----BEGIN PRIVATE %s-----
MG4AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4
-----END PRIVATE %s-----""", "sk-proj-T3", ":AA", "AKIA", "AIza", "glpat-"
''' % (b"KEY", b"KEY")
_SOURCES = ("src/sample/core.py", "src/sample/words.json", "src/sample/data/a.txt", "src/sample/data/words.json")
_KNOWN = (b"(" * DEPTH, b"\0", b"x = '\\ud800'\n", b"# coding: x\n", b"x = __file__ / '\\0/words.json'")


def _module(ground: Ground, content: bytes) -> None:
    folder = ground.write({"pyproject.toml": as_toml(HATCH), **dict.fromkeys(_SOURCES, ""), _SOURCES[0]: content})
    wheel = Archive.read(make_wheel(folder, {"sample/core.py": ""}))
    for finding in data_files.missing(Project.read(folder), [wheel], _SOURCES, dict.fromkeys(_SOURCES, "")):
        ground.outcomes[finding.level] += 1
    module = modules.Module("sample/core.py", content)
    module.every_import()
    leaks.examine("sample/core.py", content)
    ground.outcomes["no syntax" if module.error else "syntax"] += 1


TARGETS = {"module": Target(damaged(st.just(CODE)), _module, known=_KNOWN)}
"""The fuzz targets of this module, by name."""
