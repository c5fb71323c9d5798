"""The `nox-ship` command, as `python -m nox_ship`."""

import sys

from nox_ship.command import main

if __name__ == "__main__":
    sys.exit(main())
