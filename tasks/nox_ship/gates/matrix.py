"""The gates as jobs of a CI matrix: one for each session that nox would run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from nox_ship import naming

MatrixJob = dict[str, str]
"""A job's session (``session``), the Python that it needs (``python``, such as ``3.12``), and a ``name`` for the
artifact with its results."""

Pythons = Sequence[str] | Mapping[str, str] | str | bool | None
"""The Pythons that a session declares, or the Python of each run that has one of its own."""


def jobs(
    gates: Iterable[str],
    pythons: Mapping[str, Pythons],
    running: str,
    *,
    apart: Collection[str] = ("coverage",),
    measured: Sequence[str] = ("tests",),
) -> list[MatrixJob]:
    """Return a job for each gate, on each of its Pythons.

    Coverage is not among them: it combines the measurements of the tests, which then always are jobs. If nothing is
    left, the session ``matrix`` is a placeholder, because GitHub does not accept an empty matrix.

    Args:
        gates: The project's gates, by name; those without a session are left out.
        pythons: The Pythons that each session of the noxfile declares.
        running: The version of the running Python, for sessions that declare none.
        apart: The gates that are not jobs of the matrix.
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
