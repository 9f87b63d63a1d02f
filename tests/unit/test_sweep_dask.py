"""Jobs on workers that are real processes: killed, of another version, without a scheduler."""

from __future__ import annotations

import re
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dask_processes import LOOPBACK, ROOT, Processes
from sweep_jobs import STARTS, VICTIM, Errand, square

from experiments.sweep import cluster
from experiments.sweep.build import PACKAGES, mine
from experiments.sweep.cluster import Crew
from experiments.sweep.launch import Found, carry_out
from experiments.sweep.pool import Job, answer
from topology.errors import InputError, LabError, MachineError

if TYPE_CHECKING:
    from distributed import Client

pytest.importorskip("distributed", reason="dask.distributed is not installed: make setup")


pytestmark = LOOPBACK


@dataclass
class Watch:
    """Counts, and does something after so many."""

    after: int = -1
    act: Callable[[], object] = lambda: None
    before: int = 0
    seen: int = 0

    def begun(self, finished: int, _total: int) -> None:
        self.before = finished

    def finished(self, _job: Job, _error: str) -> None:
        self.seen += 1
        if self.seen == self.after:
            self.act()

    def ended(self) -> None:
        pass


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as started:
        yield started


def _jobs(folder: Path, count: int, first: int = 0) -> list[Job]:
    return [Job(f"k{i}", Errand(i, str(folder)), {"seed": i}) for i in range(first, first + count)]


def _starts(folder: Path) -> Counter[int]:
    return Counter(int(line.split()[0]) for line in (folder / STARTS).read_text().splitlines())


def _right(found: Found, count: int) -> bool:
    return sorted(found.rows["value"]) == [i * i for i in range(count)] and sorted(found.rows["seed"]) == [
        *range(count)
    ]


def test_a_worker_killed_in_the_middle_costs_its_point_only(processes: Processes, tmp_path: Path) -> None:
    address = processes.scheduler()
    workers = [processes.worker(address) for _ in range(2)]
    (tmp_path / VICTIM).write_text(str(workers[0].pid))
    watch = Watch(after=10, act=workers[0].kill)
    with _both_there(address):
        found = carry_out(tmp_path / "out", _jobs(tmp_path, 40), square, Crew(scheduler=address), watch)
    assert found.failed == {}
    assert _right(found, 40)
    assert watch.seen == 40
    again = {number: times for number, times in _starts(tmp_path).items() if times > 1}
    assert sorted(_starts(tmp_path)) == list(range(40))
    assert list(again.values()) == [2], "only what the killed worker had begun is begun again"

    resumed = Watch()
    found = carry_out(tmp_path / "out", _jobs(tmp_path, 43), square, Crew(scheduler=address), resumed)
    assert (resumed.before, resumed.seen) == (40, 3)
    assert _right(found, 43)


def test_a_scheduler_that_goes_away_loses_nothing_that_was_finished(processes: Processes, tmp_path: Path) -> None:
    address = processes.scheduler()
    processes.worker(address)
    watch = Watch(after=5, act=processes.started[0].kill)
    with pytest.raises(LabError, match=r"scheduler went away .*; nothing that was finished is lost"):
        carry_out(tmp_path / "out", _jobs(tmp_path, 200), square, Crew(scheduler=address), watch)
    done = (tmp_path / "out/points.jsonl").read_text().count("\n")
    assert 5 <= done < 200

    (tmp_path / STARTS).unlink()
    resumed = Watch()
    found = carry_out(tmp_path / "out", [*_jobs(tmp_path, 12), _minus_one(tmp_path)], square, Crew(workers=1), resumed)
    assert resumed.before == min(done, 12)
    assert _right(found, 12)
    assert found.failed == {"bad": "ValueError: minus one has no root"}


def test_a_worker_of_other_sources_is_refused_by_name(processes: Processes, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, other / package, ignore=shutil.ignore_patterns("__pycache__"))
    (other / "topology/more.py").write_text("")
    address = processes.scheduler()
    processes.worker(address, other)
    with pytest.raises(LabError, match=r"worker tcp://127.0.0.1:\d+ runs failstatic .*sources-.*, this is failstatic"):
        carry_out(tmp_path / "out", _jobs(tmp_path, 3), square, Crew(scheduler=address), Watch())
    assert not (tmp_path / STARTS).exists()


def test_a_worker_of_other_sources_that_joins_later_is_refused_as_well(tmp_path: Path) -> None:
    with _local() as client:
        wanted = replace(mine(), commit="another")
        found = client.submit(answer, wanted, square, Errand(1, str(tmp_path))).result()
    assert re.fullmatch(
        r"worker tcp://127.0.0.1:\d+ runs failstatic .*, this is failstatic .*another.*", found.wrong_build
    )
    assert not (tmp_path / STARTS).exists()


def test_points_with_packets_go_only_to_workers_that_offer_sandboxes(processes: Processes, tmp_path: Path) -> None:
    address = processes.scheduler()
    processes.worker(address)
    crew = Crew(scheduler=address, sandboxes=True)
    with pytest.raises(LabError, match="no worker offers the resource 'sandbox'"):
        carry_out(tmp_path / "out", _jobs(tmp_path, 3), square, crew, Watch())
    assert not (tmp_path / STARTS).exists()


def test_more_points_with_packets_than_the_machine_bears_are_refused(tmp_path: Path) -> None:
    crew = Crew(workers=1000, sandboxes=True)
    with pytest.raises(MachineError, match="1000 emulated points at once need 2000 cores"):
        carry_out(tmp_path / "out", _jobs(tmp_path, 3), square, crew, Watch())


def test_a_scheduler_without_workers_is_told(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WORKERS_S", 0.5)
    address = processes.scheduler()
    with pytest.raises(LabError, match=r"has had no worker for 0.5 s; start some with: dask worker tcp://"):
        carry_out(tmp_path / "out", _jobs(tmp_path, 3), square, Crew(scheduler=address), Watch())


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 1.0)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        crew = Crew(scheduler=f"tcp://127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(InputError, match="--scheduler: no dask scheduler answers at"):
            carry_out(tmp_path / "out", _jobs(tmp_path, 3), square, crew, Watch())


def _minus_one(folder: Path) -> Job:
    return Job("bad", Errand(-1, str(folder)))


@contextmanager
def _local() -> Iterator[Client]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _both_there(address: str) -> Iterator[None]:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)
        yield
