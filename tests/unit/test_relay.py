"""The relay process itself, without root: sockets that keep frames apart stand in for TAPs."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from topology.errors import LabError
from topology.replica.relay_process import RelayProcess

WITHIN_S = 5.0
SHAPE = (5.0, 100e6, 0.0, 100.0)


@dataclass
class Link:
    """A relayed link between two sockets that the test holds."""

    relay: RelayProcess
    a: socket.socket
    b: socket.socket
    index: int = 0

    def ask(self, verb: str, *arguments: float) -> object:
        return self.relay.ask(verb, self.index, *arguments)

    def counter(self, name: str) -> tuple[int, int]:
        ab, ba = self.relay.ask("counters", self.index)
        return ab[name], ba[name]


def connect(relay: RelayProcess, index: int, shape: tuple[float, ...] = SHAPE, seed: str = "s") -> Link:
    ends = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
    for ours, theirs in ends:
        ours.settimeout(WITHIN_S)
        theirs.setblocking(False)
    relay.ask("add", index, seed, *shape, descriptors=[theirs.fileno() for _, theirs in ends])
    for _, theirs in ends:
        theirs.close()
    return Link(relay, ends[0][0], ends[1][0], index)


@pytest.fixture
def relay() -> Iterator[RelayProcess]:
    process = RelayProcess()
    yield process
    process.close()


@pytest.fixture
def link(relay: RelayProcess) -> Iterator[Link]:
    made = connect(relay, 0)
    with made.a, made.b:
        yield made


def until_counted(link: Link, name: str, wanted: tuple[int, int]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while link.counter(name) != wanted:
        assert time.monotonic() < deadline, f"{name} is {link.counter(name)}, not {wanted}"


def test_frames_arrive_whole_in_order_both_ways_and_never_early(link: Link) -> None:
    for here, there in ((link.a, link.b), (link.b, link.a)):
        frames = [bytes([number]) * (60 + 20 * number) for number in range(50)]
        began = time.monotonic_ns()
        for frame in frames:
            here.send(frame)
        assert [there.recv(2048) for _ in frames] == frames
        assert time.monotonic_ns() - began >= 5_000_000
    until_counted(link, "delivered", (50, 50))


def test_lateness_is_kept_per_link(link: Link) -> None:
    link.a.send(b"x" * 60)
    link.b.recv(2048)
    worst_ns, steps = link.relay.ask("lateness", 0)
    assert sum(count for _, count in steps) == 1
    assert worst_ns >= 0


def test_a_cut_loses_what_is_in_flight_and_a_heal_lets_frames_pass(link: Link) -> None:
    link.ask("reshape", 2000.0, *SHAPE[1:])
    link.a.send(b"in flight")
    link.b.send(b"and back")
    until_counted(link, "in_flight", (1, 1))
    link.ask("cut")
    link.ask("cut")
    assert link.counter("cut_off") == (1, 1)
    link.a.send(b"into the void")
    until_counted(link, "lost", (1, 0))
    link.ask("heal", *SHAPE)
    link.a.send(b"healed")
    assert link.b.recv(2048) == b"healed"


def test_silence_eats_new_frames_and_lets_those_in_flight_arrive(link: Link) -> None:
    link.ask("reshape", 500.0, *SHAPE[1:])
    link.a.send(b"in flight")
    until_counted(link, "in_flight", (1, 0))
    link.ask("silence", True, True)
    link.a.send(b"eaten")
    until_counted(link, "lost", (1, 0))
    assert link.b.recv(2048) == b"in flight"
    until_counted(link, "delivered", (1, 0))


def test_one_way_can_be_silent_and_a_silent_way_stays_so(link: Link) -> None:
    link.ask("silence", True, False)
    link.ask("silence", False, False)
    link.a.send(b"eaten")
    link.b.send(b"heard")
    assert link.a.recv(2048) == b"heard"
    until_counted(link, "lost", (1, 0))


def test_the_same_seed_loses_the_same_frames(relay: RelayProcess) -> None:
    came = []
    for index in range(2):
        link = connect(relay, index, (0.0, 1e9, 0.5, 100.0), seed="17")
        with link.a, link.b:
            for number in range(64):
                link.a.send(bytes([number]))
            deadline = time.monotonic() + WITHIN_S
            while link.counter("delivered")[0] + link.counter("lost")[0] < 64:
                assert time.monotonic() < deadline
            came.append([link.b.recv(2048) for _ in range(link.counter("delivered")[0])])
    assert came[0] == came[1]
    assert 10 < len(came[0]) < 54


def test_a_command_that_cannot_be_obeyed_is_refused_and_nothing_breaks(link: Link) -> None:
    with pytest.raises(LabError, match="refused: cut: KeyError: 99"):
        link.relay.ask("cut", 99)
    with pytest.raises(LabError, match="refused: dance"):
        link.relay.ask("dance")
    link.a.send(b"still there")
    assert link.b.recv(2048) == b"still there"


def test_a_dead_relay_is_an_error_with_its_status(link: Link) -> None:
    os.kill(link.relay.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(LabError, match=r"died.*exit status -9"):
            link.ask("cut")


def test_the_last_words_are_told(relay: RelayProcess) -> None:
    relay._control.send(b"no JSON")
    with pytest.raises(LabError, match="JSONDecodeError"):
        relay.ask("counters", 0)


def test_close_ends_the_process_and_may_be_called_twice() -> None:
    process = RelayProcess()
    process.close()
    process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
