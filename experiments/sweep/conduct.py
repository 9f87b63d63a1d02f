"""A sweep from its file to its report: read, planned, carried out, kept, shown."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.manifest import versions
from experiments.report import REPORT
from experiments.report.palette import save
from experiments.results import MANIFEST, SWEEPS, write_json
from experiments.sweep.build import mine
from experiments.sweep.cluster import Crew
from experiments.sweep.launch import Found, View, carry_out
from experiments.sweep.page import render
from experiments.sweep.plan import Planned
from experiments.sweep.reading import Sweep
from experiments.sweep.store import RESUME
from experiments.sweep.work import work
from topology.errors import LabError


@dataclass(frozen=True, slots=True)
class Conducted:
    """What a sweep left. ``failed``: the words of a point → its error."""

    folder: Path
    found: Found
    failed: Mapping[str, str]


def conduct(sweep: Sweep, planned: Planned, results: Path, crew: Crew, view: View) -> Conducted:
    """Raises what ``launch.carry_out`` raises; whatever it is, the same call goes on from there."""
    folder = results / SWEEPS / sweep.spec.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot make {folder}: {error.strerror}") from error
    write_json(folder / MANIFEST, manifest(sweep, planned, {}))
    found = carry_out(folder, planned.jobs, work, crew, view)
    words = {job.key: point.words() for job, point in zip(planned.jobs, planned.points, strict=True)}
    failed = {words[key]: error for key, error in found.failed.items()}
    write_json(folder / MANIFEST, facts := manifest(sweep, planned, failed))
    try:
        save(folder / REPORT, render(found.rows, facts, sweep.axes.names).encode())
    except OSError as error:
        raise LabError(f"cannot write {folder / REPORT}: {error.strerror}; {RESUME}") from error
    return Conducted(folder, found, failed)


def manifest(sweep: Sweep, planned: Planned, failed: Mapping[str, str]) -> dict[str, Any]:
    """What is needed to understand the dataset and to make it again."""
    spec = sweep.spec
    return {
        "format": 1,
        "sweep": spec.name,
        "question": spec.question,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": shlex.join(["failstatic", "sweep", sweep.asked]),
        "backend": spec.backend,
        "spec": {**sweep.origin.data, "metrics": list(spec.metrics), "seed": spec.seed},
        "experiment": sweep.experiment.data,
        "points": len(planned.points),
        "draws": sum(point.draws for point in planned.points),
        "failed": dict(failed),
        "commit": mine().commit,
        "versions": versions(),
    }
