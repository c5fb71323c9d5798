"""The gates as jobs of a CI matrix: one for each session that nox would run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Job = dict[str, str]
"""What a job runs (``session``), and the Python it needs for that (``python``, such as ``3.12``)."""


def jobs(gates: Iterable[str], pythons: Mapping[str, Sequence[str] | str | bool | None], running: str) -> list[Job]:
    """Return a job for each gate, on each of its Pythons.

    Coverage is none: it combines what the tests measured, which are jobs then in any case. Where nothing is left, the
    session ``matrix`` stands for nothing to do, because GitHub takes no empty matrix.

    Args:
        gates: The project's gates, by name; those without a session are left out.
        pythons: What each session of the noxfile says of its Pythons.
        running: The Python that we run on, for a session that names none.
    """
    found: list[Job] = []
    wanted_gates = dict.fromkeys(gates)
    if "coverage" in wanted_gates:
        wanted_gates.setdefault("tests")
    for gate in wanted_gates:
        if gate == "coverage" or gate not in pythons:
            continue
        wanted = pythons[gate]
        if isinstance(wanted, str) or not isinstance(wanted, Sequence):
            found.append({"session": gate, "python": str(wanted or running)})
        else:
            found += [{"session": f"{gate}-{python}", "python": python} for python in wanted]
    return found or [{"session": "matrix", "python": running}]
