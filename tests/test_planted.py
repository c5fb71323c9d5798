from __future__ import annotations

import re
import tomllib

import faults
import planted
from nox_ship.documents import python
from planting import GOOD, Fault
from real_checkouts import Attempt
from support import each

STOPS, WARNS = Fault("x", "NS514"), Fault("x", "NS513", warns=True)


def test_forty_faults_are_planted() -> None:
    """At least 40 faults are planted, each with a unique name, an ID, and a project with readable settings."""
    assert len(faults.FAULTS) >= 40
    assert len({fault.name for fault in faults.FAULTS}) == len(faults.FAULTS)
    for fault in faults.FAULTS:
        assert re.fullmatch(r"NS[56]\d\d", fault.expected), fault.name
        files = {**GOOD, **fault.files}
        assert tomllib.loads(files["pyproject.toml"] or "")["project"]["name"] == "sample", fault.name
        assert files != GOOD
        for name, text in files.items():
            if name.endswith(".py") and "type Name" not in (text or ""):
                python(text or "")


@each(
    ("fault", "passed", "output", "wrong"),
    [
        (STOPS, False, "NS514 module-missing", ""),
        (STOPS, False, "NS613 x NS741", "said NS613, NS741"),
        (STOPS, False, "", "said nothing"),
        (STOPS, True, "NS514", "passed"),
        (WARNS, True, "NS513: x", ""),
        (WARNS, True, "NS5130", "said nothing"),
        (WARNS, False, "NS513", "stopped by NS513"),
        (WARNS, False, "", "stopped by something"),
        (planted.HEALTHY, True, "NS741 no credentials", ""),
        (planted.HEALTHY, True, "NS521", "said NS521"),
        (planted.HEALTHY, False, "NS501", "stopped by NS501"),
    ],
)
def test_what_a_rehearsal_says_is_judged(fault: Fault, passed: bool, output: str, wrong: str) -> None:
    """A rehearsal must report the fault's ID and end as expected; of a healthy project's files, it reports nothing."""
    assert planted.judge(Attempt({"passed": passed}, output, 0), fault) == wrong
