"""Jobs → rows, each once, on a dask.distributed cluster. Knows nothing of experiments.

What a job gives is kept by the caller as soon as it is there, so that nothing that was finished
is lost, whatever happens next. A worker that dies costs its job a new start on another one;
a job that fails is told and does not stop the others.
"""

from __future__ import annotations

import traceback
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError as FuturesCancelledError
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from experiments.sweep.build import Build, facts, mine, words
from topology.errors import FailstaticError, LabError

if TYPE_CHECKING:
    from distributed import Client, Future

Scalar = str | float | int | bool | None
Row = dict[str, Scalar]
Work = Callable[[Any], "list[Row]"]
"""What a worker does with a payload: a function of a module, found by its name on every worker."""
AHEAD = 4
"""Jobs given out per core: enough that no worker waits, few enough that a scheduler holds thousands of points."""
SAME_BUILD = "every worker must run the failstatic that starts the sweep"


@dataclass(frozen=True, slots=True)
class Job:
    """Something to work out, and under which names its rows are filed."""

    key: str
    """Says all that the rows depend on; equal keys, equal rows."""
    payload: Any
    columns: Mapping[str, Scalar] = field(default_factory=dict)
    """Stand in each of its rows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back from a worker; a failure is a value, because not every exception travels."""

    rows: list[Row]
    error: str = ""
    detail: str = ""
    wrong_build: str = ""


class Watch(Protocol):
    """Whoever looks on."""

    def finished(self, job: Job, error: str) -> None:
        """One more; ``error`` is empty when it went well."""


def run(
    client: Client,
    jobs: Iterable[Job],
    work: Work,
    *,
    keep: Callable[[Job, list[Row]], None],
    watch: Watch,
    resources: Mapping[str, float] | None = None,
) -> dict[str, str]:
    """Key → error of the jobs that failed. Raises LabError when the scheduler goes away or a wrong worker joins."""
    from distributed import as_completed

    pending = iter(jobs)
    asked: dict[str, Job] = {}
    failed: dict[str, str] = {}

    def submit(count: int) -> list[Future]:
        chosen = list(islice(pending, count))
        futures = [
            client.submit(answer, mine(), work, job.payload, key=f"failstatic-{job.key}", resources=resources)
            for job in chosen
        ]
        asked.update(zip((future.key for future in futures), chosen, strict=True))
        return futures

    with scheduler_needed():
        running = as_completed(submit(AHEAD * max(1, sum(client.ncores().values()))), loop=client.loop)
        for future in running:
            job = asked.pop(future.key)
            found = _result(client, future)
            if not found.error:
                keep(job, found.rows)
            else:
                failed[job.key] = found.error
            watch.finished(job, found.error)
            future.release()
            running.update(submit(1))
    return failed


@contextmanager
def scheduler_needed() -> Iterator[None]:
    """Whatever dask says of a scheduler that is gone (it has many words) becomes a LabError."""
    try:
        yield
    except (CancelledError, FuturesCancelledError, OSError) as error:
        raise LabError(f"the scheduler went away ({type(error).__name__})") from error


def answer(wanted: Build, work: Work, payload: Any) -> Answer:
    """On the worker. A wrong one, which may have joined only now, touches nothing."""
    if (here := mine()) != wanted:
        return Answer([], wrong_build=differs(_address(), facts(), wanted) or str(here))
    try:
        return Answer(work(payload))
    except FailstaticError as error:
        return Answer([], str(error))
    except Exception as error:
        return Answer([], f"{type(error).__name__}: {error}", traceback.format_exc())


def differs(address: str, found: Mapping[str, str] | BaseException | None, wanted: Build) -> str:
    """What is wrong with a worker, by name; empty when it is of this build."""
    if not isinstance(found, Mapping):
        return f"worker {address} cannot run failstatic: {found!r}"
    if dict(found) == asdict(wanted):
        return ""
    return f"worker {address} runs {words(found)}, this is {wanted}"


def check_workers(client: Client) -> None:
    """Raises LabError, naming each worker that is of another version, commit or Python."""
    answers: Mapping[str, Any] = client.run(facts, on_error="return")
    if wrong := sorted(filter(None, (differs(name, found, mine()) for name, found in answers.items()))):
        raise LabError("; ".join([*wrong, SAME_BUILD]))


def _result(client: Client, future: Future) -> Answer:
    """Raises LabError when there is no way to get it."""
    if future.status in ("cancelled", "lost") or client.status != "running":
        raise CancelledError
    error = future.exception()
    if error is not None:
        return Answer([], f"{type(error).__name__}: {error}")
    found: Answer = future.result()
    if found.wrong_build:
        raise LabError(f"{found.wrong_build}; {SAME_BUILD}")
    return found


def _address() -> str:
    from distributed import get_worker

    return str(get_worker().address)


def left(jobs: Sequence[Job], finished: frozenset[str]) -> list[Job]:
    """What is still to do; equal jobs once."""
    unlike = {job.key: job for job in jobs}
    return [job for key, job in unlike.items() if key not in finished]
