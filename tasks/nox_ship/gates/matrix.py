"""The gates as jobs of a CI matrix: one for each session that nox would run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from nox_ship import naming

MatrixJob = dict[str, str]
"""What a job runs (``session``), the Python it needs for that (``python``, such as ``3.12``), and a ``name`` that an
artifact may have, for what it keeps."""

Pythons = Sequence[str] | Mapping[str, str] | str | bool | None
"""What a session says of its Pythons, or the Python of each run that has one of its own."""


def jobs(
    gates: Iterable[str],
    pythons: Mapping[str, Pythons],
    running: str,
    *,
    apart: Collection[str] = ("coverage",),
    measured: Sequence[str] = ("tests",),
) -> list[MatrixJob]:
    """Return a job for each gate, on each of its Pythons.

    Coverage is none: it combines what the tests measured, which are jobs then in any case. Where nothing is left, the
    session ``matrix`` stands for nothing to do, because GitHub takes no empty matrix.

    Args:
        gates: The project's gates, by name; those without a session are left out.
        pythons: What each session of the noxfile says of its Pythons.
        running: The Python that we run on, for a session that names none.
        apart: The gates that are no jobs of the matrix.
        measured: The sessions whose measurements those combine.
    """
    found: list[MatrixJob] = []
    wanted_gates = dict.fromkeys(gates)
    if set(wanted_gates) & set(apart):
        wanted_gates |= dict.fromkeys(measured)
    for gate in wanted_gates:
        if gate in apart or gate not in pythons:
            continue
        wanted = pythons[gate]
        if isinstance(wanted, Mapping):
            found += [_job(session, python) for session, python in wanted.items()]
        elif isinstance(wanted, str) or not isinstance(wanted, Sequence):
            found.append(_job(gate, str(wanted or running)))
        else:
            found += [_job(f"{gate}-{python}", python) for python in wanted]
    for number, job in enumerate(found):
        plain = re.sub(r"[^\w.-]+", "-", job["session"])
        taken = any(plain == other["name"] for other in found[:number])
        job["name"] = f"{plain}-{number}" if taken else plain
    return found or [{**_job(naming.registered("matrix"), running), "name": "none"}]


def _job(session: str, python: str) -> MatrixJob:
    """Return a job; nox takes ``python3.12`` too, the action that installs Pythons takes ``3.12``."""
    return {"session": session, "python": python.removeprefix("python")}
