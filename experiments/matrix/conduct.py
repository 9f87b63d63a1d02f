"""A matrix from the command line's words to its folder. Called again, it goes on; what was computed before stays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.manifest import versions
from experiments.matrix import page
from experiments.matrix.picture import Every
from experiments.matrix.plan import Planned
from experiments.matrix.table import FAILED, REFUSED, found
from experiments.matrix.work import work
from experiments.report import REPORT
from experiments.report.palette import save
from experiments.results import write_json
from experiments.sweep.build import mine
from experiments.sweep.cluster import Crew
from experiments.sweep.launch import View, carry_out
from experiments.sweep.store import RESUME
from topology.errors import LabError

MATRICES, TABLE, PICTURE = "matrices", "matrix.json", "matrix.png"


@dataclass(frozen=True, slots=True)
class Conducted:
    """What it left."""

    folder: Path
    every: Every

    @property
    def failed(self) -> list[str]:
        """Runs that broke, in words: whole cells, and single seeds of them."""
        causes = ((one, [one.why] if one.state == FAILED else one.broken) for one in self.every.values())
        return [f"{one.policy} under {one.fault}: {why}" for one, found in causes for why in found]

    @property
    def refused(self) -> int:
        return sum(one.state == REFUSED for one in self.every.values())


def conduct(planned: Planned, folder: Path, crew: Crew, view: View, *, command: str) -> Conducted:
    """Raises what ``launch.carry_out`` raises, and LabError when the report cannot be written."""
    done = carry_out(folder, planned.jobs, work, crew, view)
    every = found(planned, done.rows, done.failed)
    facts = _facts(planned, command)
    write_json(folder / TABLE, {**facts, "cells": [one.plain for one in every.values()]})
    try:
        save(folder / PICTURE, page.pictured(planned.asked, every, facts))
        save(folder / REPORT, page.render(planned.asked, every, facts).encode())
    except OSError as error:
        raise LabError(f"cannot write into {folder}: {error.strerror}; {RESUME}") from error
    return Conducted(folder, every)


def _facts(planned: Planned, command: str) -> Mapping[str, Any]:
    """What is needed to understand the table and to make it again."""
    return {
        "format": 1,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command,
        **asdict(planned.asked),
        "topology": planned.topology.name,
        "timelines": {words: page.told(words, headless=planned.asked.headless) for words in planned.asked.faults},
        "commit": mine().commit,
        "versions": versions(),
    }
