# /// script
# dependencies = [
#     "build>=1.3",
#     "bump-my-version>=1.0",
#     "dependency-groups>=1.3.1",
#     "filelock>=3.15",
#     "nox>=2026.8.10",
#     "packaging>=25.0",
#     "platformdirs>=4.2",
#     "pypi-simple>=1.6",
#     "pypiserver>=2.3",
#     "python-discovery>=1.2",
#     "rich>=13.7",
#     "tomlkit>=0.13",
#     "twine>=6.1",
#     "uv>=0.8",
#     "virtualenv>=21.0",
# ]
# ///
"""nox-ship releases itself with itself: a user's noxfile, and one line that finds the sources."""

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / "tasks"))

import nox_ship  # noqa: E402

nox_ship.register()

if __name__ == "__main__":
    nox.main()
