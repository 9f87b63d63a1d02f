"""Jobs carried out from beginning to end: what is finished is left out, the rest is run, kept and merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from experiments.sweep import pool
from experiments.sweep.cluster import Crew, hired
from experiments.sweep.pool import Job, Work
from experiments.sweep.store import RESUME, Store
from topology.errors import LabError

if TYPE_CHECKING:
    import polars


class View(pool.Watch, Protocol):
    """Whoever looks on, from the beginning."""

    def begun(self, finished: int, total: int) -> None:
        """So many jobs were finished by earlier calls."""

    def ended(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """``rows`` of all jobs that are finished; ``failed``: key → error."""

    rows: polars.DataFrame
    failed: Mapping[str, str]


def carry_out(folder: Path, jobs: Sequence[Job], work: Work, crew: Crew, view: View) -> Found:
    """Every job, once, into the dataset of ``folder``; called again, it goes on.

    Whatever ends it (LabError, KeyboardInterrupt), what was finished is in the folder.
    Raises LabError, InputError and MachineError as ``cluster.hired``, ``pool.run`` and ``Store`` do.
    """
    with Store(folder) as store:
        store.merge(jobs)
        todo = pool.left(jobs, store.finished)
        failed: dict[str, str] = {}
        if todo:
            total = len({job.key for job in jobs})
            with hired(crew) as client:
                view.begun(total - len(todo), total)
                try:
                    failed = pool.run(client, todo, work, keep=store.keep, watch=view, resources=crew.resources)
                except LabError as error:
                    raise LabError(f"{error}; {RESUME}" if RESUME not in str(error) else str(error)) from error
                finally:
                    view.ended()
        return Found(store.merge(jobs), failed)
