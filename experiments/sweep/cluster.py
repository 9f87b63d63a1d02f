"""The workers of a sweep: processes of our own on this machine, or those of a scheduler that stands."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.sweep.pool import check_workers
from topology.errors import InputError, LabError, MachineError

if TYPE_CHECKING:
    from distributed import Client

SANDBOX = "sandbox"
"""The dask resource that an emulated point takes: a worker is given as many as sandboxes fit on its machine."""
ANSWER_S, WORKERS_S = 10.0, 60.0
"""A scheduler that stands answers at once; workers of a batch system may be some time."""
_SETTINGS = {
    "distributed.comm.timeouts.connect": f"{ANSWER_S:g}s",
    "distributed.worker.daemon": True,
}


@dataclass(frozen=True, slots=True)
class Crew:
    """With whom a sweep is done: ``workers`` processes here, or whoever serves ``scheduler``."""

    workers: int | None = None
    """None: as many as there are cores; for emulated points, as the machine bears sandboxes."""
    scheduler: str | None = None
    sandboxes: bool = False
    """The points are emulated."""

    @property
    def resources(self) -> Mapping[str, float] | None:
        """What a point takes of its worker."""
        return {SANDBOX: 1} if self.sandboxes else None


@contextmanager
def hired(crew: Crew) -> Iterator[Client]:
    """A client whose workers have been looked at.

    Raises InputError when no scheduler answers there, LabError when it has no worker, or wrong ones,
    MachineError for more emulated points at once than this machine bears.
    """
    import dask

    with dask.config.set(_SETTINGS), _quiet(), _client(crew) as client:
        check_workers(client)
        _check_resources(client, crew)
        yield client


@contextmanager
def _quiet() -> Iterator[None]:
    """dask tells of every connection that ends, in tracebacks; what matters of it is raised."""
    import distributed

    name = distributed.__name__
    known = [logging.getLogger(each) for each in logging.root.manager.loggerDict if each.split(".")[0] == name]
    levels = [logger.level for logger in known]
    for logger in known:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(known, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _client(crew: Crew) -> Iterator[Client]:
    if crew.scheduler is None:
        with _local(crew) as client:
            yield client
        return
    client = _connected(crew.scheduler)
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError:
        client.close(timeout=ANSWER_S)
        way = f"start some with: dask worker {crew.scheduler}"
        raise LabError(f"the scheduler at {crew.scheduler} has had no worker for {WORKERS_S:g} s; {way}") from None
    with client:
        yield client


def _connected(address: str) -> Client:
    from distributed import Client

    try:
        return Client(address, timeout=ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        why = f"no dask scheduler answers at {address} ({_first_line(error)})"
        raise InputError(f"{why}; start one with: dask scheduler", place="--scheduler") from None


@contextmanager
def _local(crew: Crew) -> Iterator[Client]:
    from distributed import Client, LocalCluster

    count = _fitting(crew)
    # Ctrl-C reaches the whole process group; the workers leave it to us to end them in order
    with _deaf_children():
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
            resources={SANDBOX: 1},
        )
    with cluster, Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=WORKERS_S)
        yield client


def _fitting(crew: Crew) -> int:
    """Raises MachineError when the sandboxes would spoil each other."""
    if not crew.sandboxes:
        return crew.workers or os.cpu_count() or 1
    from experiments.cores import check_jobs
    from topology.replica.slots import MACHINE

    if (crew.workers or 1) > MACHINE.total:
        raise MachineError(
            f"{crew.workers} emulated points at once need {2 * (crew.workers or 1)} cores, this machine has "
            f"{os.cpu_count()}",
            f"use --workers {MACHINE.total}, or a --scheduler with more machines",
        )
    check_jobs(crew.workers or 1)
    return crew.workers or 1


def _check_resources(client: Client, crew: Crew) -> None:
    """A point that asks for what nobody has would wait for ever."""
    workers: Mapping[str, Mapping[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    if crew.sandboxes and not any(worker["resources"].get(SANDBOX) for worker in workers.values()):
        raise LabError(
            f"no worker offers the resource '{SANDBOX}', which emulated points take; start workers with: dask worker "
            f'--nthreads 1 --resources "{SANDBOX}=1" ADDRESS, one for every two cores'
        )


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C: what is ignored stays so through exec (signal(7))."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
