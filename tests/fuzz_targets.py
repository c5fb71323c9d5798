"""All fuzz targets: every reader of a file, of an argument or of an answer that others write."""

from __future__ import annotations

import fuzz_answers
import fuzz_modules
import fuzz_projects
import fuzz_records
import fuzz_setup
from fuzzing import Target

TARGETS: dict[str, Target] = {
    **fuzz_projects.TARGETS,
    **fuzz_records.TARGETS,
    **fuzz_setup.TARGETS,
    **fuzz_answers.TARGETS,
    **fuzz_modules.TARGETS,
}
"""All fuzz targets, by name."""
