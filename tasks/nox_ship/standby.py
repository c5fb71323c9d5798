"""A Python that is started before it is needed, and has already imported what it will use.

Run as a script, it imports the modules in its arguments, waits for a line of JSON on its standard input that says what
to run, where, and with which variables, and becomes that: a module (``-m NAME``) or another script, with its arguments.
If its input ends instead, so does it. It imports nothing of nox-ship except the given modules.
"""

import importlib
import json
import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))  # for the modules in the arguments
    for name in sys.argv[1:]:
        importlib.import_module(name)
    order = json.loads(sys.stdin.readline() or "null")
    if order is None:
        sys.exit()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    if order["merged"]:
        os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(order["env"])
    if order["cwd"]:
        os.chdir(order["cwd"])
    first, *rest = order["argv"]
    if first == "-m":
        first, *rest = rest
        sys.argv = [first, *rest]
        runpy.run_module(first, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
