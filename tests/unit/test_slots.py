"""The register of runs by abstract sockets: real processes, a register of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from topology.errors import InputError, LabError, MachineError
from topology.replica.slots import Entry, Register, ordinal, parse, running, slot, stop

RUNNER = """
import sys
from topology.replica.slots import Register, slot
prefix, total, run, cost = sys.argv[1:]
told = lambda position: print("waits", position, flush=True)
with slot(run, cost=int(cost), on_wait=told, register=Register(prefix, int(total))):
    print("runs", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def register() -> Register:
    return Register(f"fs-test-{os.getpid()}-{time.monotonic_ns() % 10**6}", 2)


Runner = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def runner(register: Register) -> Iterator[Runner]:
    """``runner(run, cost, says="runs")`` starts a launcher that says so first; it runs until its stdin closes."""
    with ExitStack() as stack:

        def start(run: str, cost: int = 1, *, says: str) -> subprocess.Popen[str]:
            words = [sys.executable, "-c", RUNNER, register.prefix, str(register.total), run, str(cost)]
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.enter_context(process)
            stack.callback(process.kill)
            assert said(process) == says
            return process

        yield start


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def runs(register: Register) -> list[tuple[str, bool]]:
    return [(entry.run, entry.waiting) for entry in running(register)]


def test_first_come_first_served(register: Register, runner: Runner) -> None:
    first = runner("a", says="runs")
    second = runner("b", says="runs")
    third = runner("c", says="waits 1")
    fourth = runner("d", says="waits 2")
    assert runs(register) == [("a", False), ("b", False), ("c", True), ("d", True)]
    second.communicate()
    assert said(third) == "runs"
    assert said(fourth) == "waits 1"
    assert runs(register) == [("a", False), ("c", False), ("d", True)]
    first.communicate()
    assert said(fourth) == "runs"


def test_a_killed_launcher_frees_its_slot_and_its_place(register: Register, runner: Runner) -> None:
    large = runner("large", 2, says="runs")
    waiting = runner("waiting", says="waits 1")
    last = runner("last", says="waits 2")
    waiting.kill()
    assert said(last) == "waits 1"
    large.kill()
    assert said(last) == "runs"
    assert runs(register) == [("last", False)]


def test_a_large_run_is_not_overtaken(register: Register, runner: Runner) -> None:
    small = runner("small", says="runs")
    large = runner("large", 2, says="waits 1")
    late = runner("late", says="waits 2")
    small.communicate()
    assert said(large) == "runs"
    large.communicate()
    assert said(late) in ("waits 1", "runs")


def test_a_stopped_waiter_does_not_hold_up_the_queue(register: Register, runner: Runner) -> None:
    large = runner("large", 2, says="runs")
    paused = runner("paused", says="waits 1")
    paused.send_signal(signal.SIGSTOP)
    late = runner("late", says="waits 1")
    large.communicate()
    assert said(late) == "runs"


def test_stop_ends_the_launcher_by_name_or_by_its_end(register: Register, runner: Runner) -> None:
    process = runner("control-plane-loss/20250101T000000Z-1", says="runs")
    with pytest.raises(InputError, match="unknown run 'other'"):
        stop("other", register)
    assert stop("20250101T000000Z-1", register).pid == process.pid
    assert process.wait(5) == -signal.SIGTERM
    assert running(register) == ()


def test_stop_bears_descriptors_that_close_while_it_looks(
    register: Register, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = runner("busy", says="runs")
    read, gone = Path.readlink, iter([True])

    def readlink(path: Path) -> Path:
        if next(gone, False):
            raise FileNotFoundError(path)
        return read(path)

    monkeypatch.setattr(Path, "readlink", readlink)
    stop("busy", register)
    assert process.wait(5) == -signal.SIGTERM


def test_stop_trusts_no_number_that_somebody_wrote(register: Register) -> None:
    with subprocess.Popen(["sleep", "60"]) as victim:
        forged = Entry(False, 1, "forged", victim.pid, 1).name(register.prefix)
        program = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('\\0' + sys.argv[1]);"
            "print('bound', flush=True); sys.stdin.read()"
        )
        words = [sys.executable, "-c", program, forged]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forger:
            assert said(forger) == "bound"
            with pytest.raises(LabError, match="does not hold"):
                stop("forged", register)
            assert victim.poll() is None
            victim.kill()
            forger.communicate()


def test_entries_say_whose_and_since_when(register: Register) -> None:
    before = time.time()
    with slot("mine", register=register):
        (entry,) = running(register)
        assert entry.pid == os.getpid()
        assert before - 0.1 <= entry.since_s <= time.time()
        assert entry.user != "?"
    assert running(register) == ()


def test_too_large_a_cost_is_refused_at_once(register: Register) -> None:
    with (
        pytest.raises(MachineError, match=r"asks for 3 slots, this machine has 2.*Run at most 2"),
        slot("huge", cost=3, register=register),
    ):
        pass


@pytest.mark.parametrize(("run", "cost"), [("", 1), ("two words", 1), ("naïve", 1), ("fine", 0)])
def test_what_cannot_be_listed_is_refused(register: Register, run: str, cost: int) -> None:
    with pytest.raises(InputError), slot(run, cost=cost, register=register):
        pass


def test_a_time_out_names_the_place(register: Register, runner: Runner) -> None:
    runner("large", 2, says="runs")
    with pytest.raises(LabError, match="1st in the queue"), slot("late", register=register, timeout_s=0.05):
        pass


def test_a_long_name_keeps_its_end(register: Register) -> None:
    with slot("x" * 100 + "/end-1", register=Register("failstatic-t", 1)):
        assert any(entry.run.endswith("/end-1") for entry in running(Register("failstatic-t", 1)))


def test_names_of_others_are_not_ours() -> None:
    assert parse("dbus/run/1/2/3/x", "failstatic") is None
    assert parse("failstatic/slot/0", "failstatic") is None
    entry = Entry(True, 12, "a/b", 34, 1)
    assert parse(entry.name("failstatic"), "failstatic") == entry


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th",
    ]  # fmt: skip
