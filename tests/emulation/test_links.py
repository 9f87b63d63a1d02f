"""Running links of both kinds, by the same tests: between two namespaces of our own, frame by frame."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from topology.errors import LabError
from topology.replica.calibrate import measure
from topology.replica.interfaces import MTU, Interface, door_into, inside, open_tap
from topology.replica.links import Cable, End, LinkControl, LinkShape, Wires, wires
from topology.replica.namespaces import disable_ipv6
from topology.replica.netem import first_commands
from topology.replica.relayed import RelayLink, RelayWires

WITHIN_S = 20.0
"""Generous: these tests run under emulation, too, where a process takes 30 times as long to start."""
SHAPE = LinkShape(delay_ms=20, rate_bps=10e6)
ETHERTYPE = 0x88B5
HEADER = bytes.fromhex("0180c200000e 020000fa5702") + ETHERTYPE.to_bytes(2, "big")


@cache
def missing(kind: str) -> str:
    """Why links of this kind cannot be had here; empty when they can. Really tries."""
    try:
        with namespace() as pid, inside(pid):
            return _without_netem() if kind == "netem" else _without_tap()
    except OSError as mistake:
        return f"no network namespaces of our own: {mistake}"


def _without_tap() -> str:
    try:
        os.close(open_tap("trial"))
    except OSError as mistake:
        return f"no TAP from /dev/net/tun: {mistake}"
    return ""


def _without_netem() -> str:
    for command, lines in (
        ("ip", ["link add name trial type veth peer name other"]),
        ("tc", first_commands("trial", SHAPE)),
    ):
        text = "\n".join(lines)
        done = subprocess.run([command, "-batch", "-"], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"netem or the policer is not in this kernel: {done.stderr.strip()}"
    return ""


@contextmanager
def namespace() -> Iterator[int]:
    """A process in a network namespace of its own."""
    ours = Path("/proc/self/ns/net").stat().st_ino
    process = subprocess.Popen(["unshare", "--net", "sleep", "600"], stderr=subprocess.DEVNULL)
    try:
        await_(lambda: process.poll() is not None or Path(f"/proc/{process.pid}/ns/net").stat().st_ino != ours)
        if process.poll() is not None:
            raise PermissionError("unshare --net is not permitted")
        with inside(process.pid):
            disable_ipv6()  # its discoveries would count as frames
        yield process.pid
    finally:
        process.kill()
        process.wait()


def await_(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        select.select([], [], [], 0.001)


def take_off() -> None:
    """Let frames that were sent come to be in flight: nothing but time tells."""
    select.select([], [], [], 0.2)


class Port:
    """Sends numbered frames into an interface and hears those that come out of it."""

    def __init__(self, end: End) -> None:
        with inside(end.pid):
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.raw.bind((end.interface, ETHERTYPE))

    def send(self, number: int, size: int = 60) -> None:
        frame = (HEADER + number.to_bytes(4, "big")).ljust(size, b"\0")
        for _ in range(2):  # that the interface was down is told once, by ENETDOWN
            try:
                self.raw.send(frame)
                return
            except OSError as mistake:
                if mistake.errno not in (errno.ENETDOWN, errno.ENOBUFS):  # a full queue may say so
                    raise

    def hear(self) -> list[int]:
        """Numbers of the frames that have come by now."""
        numbers = []
        while True:
            try:
                frame = self.raw.recv(4096)
            except BlockingIOError:
                return numbers
            except OSError as mistake:
                if mistake.errno != errno.ENETDOWN:
                    raise
                continue
            numbers.append(int.from_bytes(frame[14:18], "big"))

    def hear_until(self, last: int) -> list[int]:
        """Numbers up to this one. A link keeps order: what has not come before it was lost."""
        numbers: list[int] = []

        def came() -> bool:
            numbers.extend(self.hear())
            return last in numbers

        await_(came)
        return numbers


@dataclass
class Bench:
    """Two namespaces, and links of one kind between them."""

    kind: str
    wires: Wires
    pids: tuple[int, int]
    stack: ExitStack
    """Closes all that a test opens."""
    made: int = 0

    def ends(self) -> tuple[End, End]:
        self.made += 1
        return End(self.pids[0], f"a{self.made}"), End(self.pids[1], f"b{self.made}")

    def connect(self, shape: LinkShape = SHAPE) -> tuple[LinkControl, Port, Port]:
        a, b = self.ends()
        return self.wires.connect(f"link{self.made}", a, b, shape), self.port(a), self.port(b)

    def port(self, end: End) -> Port:
        port = Port(end)
        self.stack.callback(port.raw.close)
        return port

    def interfaces(self) -> list[Interface]:
        """Both ends of the newest link."""
        doors = [self.stack.enter_context(door_into(pid)) for pid in self.pids]
        return [Interface(door, f"{end}{self.made}") for door, end in zip(doors, "ab", strict=True)]


@pytest.fixture(params=["relay", "netem"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if reason := missing(request.param):
        pytest.skip(reason)
    with ExitStack() as stack:
        pids = stack.enter_context(namespace()), stack.enter_context(namespace())
        made = wires(request.param, seed=1)
        stack.callback(made.close)
        yield Bench(request.param, made, pids, stack)


@pytest.fixture
def relay(bench: Bench) -> RelayWires:
    if not isinstance(bench.wires, RelayWires):
        pytest.skip("a matter of the relay only")
    return bench.wires


def test_delay_and_rate_are_as_configured_on_every_link(bench: Bench) -> None:
    shapes = [LinkShape(2, 5e6), LinkShape(20, 10e6), LinkShape(60, 1e6)]
    cables = [Cable(f"link{k}", *bench.ends(), shape) for k, shape in enumerate(shapes)]
    assert list(bench.wires.connect_all(cables)) == ["link0", "link1", "link2"]
    measured = measure({cable.name: (cable.a, cable.b) for cable in cables})
    for cable in cables:
        found, asked = measured[cable.name], cable.shape
        for delay_ms in (found.delay_ab_ms, found.delay_ba_ms):
            # Never early, never faster; how late depends on the machine, which a test cannot know.
            assert asked.delay_ms - 0.05 <= delay_ms <= asked.delay_ms + 50
        assert asked.rate_bps * 0.2 <= found.rate_bps <= asked.rate_bps * 1.1


def test_what_never_comes_cuts_short_no_frame_that_is_slow(bench: Bench) -> None:
    """A lossy link keeps the measurement waiting; a frame of the slow one takes 0.15 s, and each is waited for."""
    slow, lossy = LinkShape(2, 8e4, queue_ms=500), LinkShape(20, 10e6, loss=0.3)
    cables = [Cable(f"link{k}", *bench.ends(), shape) for k, shape in enumerate((slow, lossy))]
    bench.wires.connect_all(cables)
    measured = measure({cable.name: (cable.a, cable.b) for cable in cables})
    assert slow.rate_bps * 0.2 <= measured["link0"].rate_bps <= slow.rate_bps * 1.1
    assert measured["link1"].loss_ab + measured["link1"].loss_ba > 0.05


def test_a_cut_takes_both_carriers_and_what_is_in_flight(bench: Bench) -> None:
    link, a, b = bench.connect(LinkShape(delay_ms=1500, rate_bps=10e6))
    a.send(1)
    b.send(2)
    take_off()
    link.cut()
    link.cut()
    assert link.carrier() == (False, False)
    frames = link.frames()
    link.heal()
    link.heal()
    assert link.carrier() == (True, True)
    link.reshape(SHAPE)
    a.send(3)
    b.send(4)
    assert (b.hear_until(3), a.hear_until(4)) == ([3], [4])
    assert link.frames() == (frames[0] + 1, frames[1] + 1)


def test_what_is_sent_into_a_cut_link_is_lost(bench: Bench) -> None:
    link, a, b = bench.connect()
    link.cut()
    for number in range(3):
        a.send(number)
    link.heal()
    a.send(9)
    assert b.hear_until(9) == [9]


def test_the_kernel_tells_every_cut_at_once(bench: Bench) -> None:
    """Not after up to a second, which is how fast it tells of lost carriers by itself."""
    for _ in range(3):
        link, _, _ = bench.connect()
        interfaces = bench.interfaces()
        await_(lambda up=interfaces: all(interface.running() for interface in up))
        link.cut()
        began = time.monotonic()
        await_(lambda down=interfaces: not any(interface.running() for interface in down))
        assert time.monotonic() - began < 0.5


def test_silence_keeps_the_carrier_and_lets_what_is_in_flight_arrive(bench: Bench) -> None:
    link, a, b = bench.connect(LinkShape(delay_ms=1000, rate_bps=10e6))
    a.send(1)
    take_off()
    link.silence()
    link.silence()
    a.send(2)
    b.send(3)
    assert link.carrier() == (True, True)
    assert b.hear_until(1) == [1]
    link.heal()
    a.send(4)
    b.send(5)
    assert (b.hear_until(4), a.hear_until(5)) == ([4], [5])


def test_a_degraded_link_is_slow_until_it_heals(bench: Bench) -> None:
    link, a, b = bench.connect(LinkShape(delay_ms=1, rate_bps=10e6))
    link.reshape(LinkShape(delay_ms=400, rate_bps=10e6))
    began = time.monotonic()
    a.send(1)
    b.hear_until(1)
    assert time.monotonic() - began >= 0.4
    link.heal()
    assert link.shape.delay_ms == 1
    began = time.monotonic()
    a.send(2)
    b.hear_until(2)
    assert time.monotonic() - began < 0.4


def test_loss_is_the_share_asked_for(bench: Bench) -> None:
    _, a, b = bench.connect(LinkShape(delay_ms=1, rate_bps=100e6, loss=0.3))
    came: list[int] = []
    for number in range(500):
        a.send(number)
        came.extend(b.hear())  # a socket holds but some hundred of them

    def one_came_after_them() -> bool:
        a.send(500)
        came.extend(b.hear())
        return 500 in came

    await_(one_came_after_them)
    lost = 500 - len([number for number in came if number < 500])
    assert 100 < lost < 200  # 150 ± 10, five times over


def test_the_queue_holds_its_milliseconds_of_full_frames_and_no_more(bench: Bench) -> None:
    link, a, b = bench.connect(LinkShape(delay_ms=1, rate_bps=100e3, queue_ms=1000))
    began = time.monotonic()
    for number in range(20):
        a.send(number, size=1250)  # 100 ms each
    left_meanwhile = int((time.monotonic() - began) * 10)
    await_(lambda: link.frames()[0] >= 10)
    link.heal()
    link.reshape(LinkShape(delay_ms=1, rate_bps=10e6))
    a.send(99)
    came = b.hear_until(99)[:-1]
    assert came == list(range(len(came)))
    assert 10 <= len(came) <= 13 + left_meanwhile


def test_small_frames_in_flight_on_a_long_link_are_not_dropped(bench: Bench) -> None:
    _, a, b = bench.connect(LinkShape(delay_ms=500, rate_bps=10e6))
    for number in range(1200):
        a.send(number)
        if number % 50 == 49:
            select.select([], [], [], 0.012)  # no storm, and all in flight before the first arrives
    assert b.hear_until(1199) == list(range(1200))


def test_a_full_frame_with_labels_passes(bench: Bench) -> None:
    _, a, b = bench.connect()
    a.send(1, size=MTU + 14)
    assert b.hear_until(1) == [1]


def test_one_name_is_one_link(bench: Bench) -> None:
    bench.connect()
    a, b = bench.ends()
    with pytest.raises(LabError, match="link1 exists already"):
        bench.wires.connect("link1", a, b, SHAPE)


def test_an_end_that_cannot_be_made_is_named(bench: Bench) -> None:
    bench.connect()
    with pytest.raises(LabError, match="a1"):
        bench.wires.connect("again", End(bench.pids[0], "a1"), End(bench.pids[1], "b9"), SHAPE)
    with namespace() as gone:
        pass
    with pytest.raises(LabError):
        bench.wires.connect("nowhere", End(gone, "a9"), End(bench.pids[1], "b9"), SHAPE)


def test_closing_takes_the_interfaces_away(bench: Bench) -> None:
    bench.connect()
    interfaces = bench.interfaces()
    bench.wires.close()
    bench.wires.close()
    for interface in interfaces:
        with pytest.raises(OSError, match="No such device"):
            interface.running()


def test_a_dead_relay_is_an_error_at_every_question(bench: Bench, relay: RelayWires) -> None:
    link, _, _ = bench.connect()
    os.kill(relay.pid, signal.SIGKILL)
    for question in (link.cut, link.silence, link.heal, link.carrier, link.frames, relay.histogram):
        with pytest.raises(LabError, match="relay died"):
            question()


def test_a_deleted_interface_neither_spins_the_relay_nor_hurts_other_links(bench: Bench, relay: RelayWires) -> None:
    bench.connect()
    other, a, b = bench.connect()
    with inside(bench.pids[1]):
        subprocess.run(["ip", "link", "del", "dev", "b1"], check=True)
    a.send(1)
    b.hear_until(1)
    before = cpu_ticks(relay.pid)
    select.select([], [], [], 0.3)
    assert cpu_ticks(relay.pid) - before <= 10
    assert other.carrier() == (True, True)


def test_the_relay_keeps_how_late_its_frames_left(bench: Bench, relay: RelayWires) -> None:
    link, a, b = bench.connect()
    a.send(1)
    b.hear_until(1)
    late = relay.histogram()["link1"]
    assert sum(late.counts) == 1
    assert 0 <= late.percentile_ms(50) <= late.worst_ms
    assert isinstance(link, RelayLink)
    assert link.counters()[0]["delivered"] == 1


def test_a_storm_is_held_back_and_told(bench: Bench, relay: RelayWires) -> None:
    _, a, _ = bench.connect(LinkShape(delay_ms=1, rate_bps=10e6))
    assert relay.storms() == {}
    for number in range(3000):
        a.send(number)
        if number % 50 == 49:
            select.select([], [], [], 0.001)
    await_(lambda: relay.storms().get("link1", 0) > 0)


def cpu_ticks(pid: int) -> int:
    """User and system time of a process, in ticks of 10 ms (proc(5), /proc/pid/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
