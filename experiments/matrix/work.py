"""What a worker does with a cell: a sweep's point, and how many pairs were down when."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.judging import folder
from experiments.judging.folder import Run
from experiments.judging.judge import summarise
from experiments.judging.story import Story
from experiments.report.timeline import pairs_down
from experiments.sweep.plan import Task
from experiments.sweep.pool import Row
from experiments.sweep.reading import WHOLE_RUN
from experiments.sweep.work import computed, prepared, rows
from topology.errors import LabError

SERIES = "pairs_down"
"""Column: the share of pairs down in each ``STEP_S``, as JSON."""
STEP_S = 0.25


def work(task: Task) -> list[Row]:
    """A row per phase. Raises LabError when the policy broke, or the machine has not what it needs."""
    with TemporaryDirectory(prefix="failstatic-cell-") as place:
        run = _run(task, Path(place))
        found = rows(summarise(run))
        if not found:
            raise LabError("it left nothing to judge")
        series = json.dumps(down(run.stories[0]))
        return [{**row, SERIES: series} if row["phase"] == WHOLE_RUN else row for row in found]


def _run(task: Task, place: Path) -> Run:
    if task.backend != "emulated":
        return computed(prepared(task), json.loads(task.topology), place)
    from experiments.sweep import emulated

    emulated.run(task, place)
    return folder.read(next(place.glob("*/*/summary.json")).parent)


def down(story: Story) -> list[float]:
    """The largest share of pairs (0…1) that was down within each step."""
    _, counts = pairs_down(story)
    pairs, size = max(len(story.samples.pairs), 1), max(1, round(STEP_S / story.interval_s))
    return [round(float(max(counts[first : first + size])) / pairs, 3) for first in range(0, len(counts), size)]
