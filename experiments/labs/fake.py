"""A lab in memory with virtual time, for the runner's own tests: no network, no waiting.

It does what it is told and writes down the order. ``deaf`` names calls that are accepted and do
nothing (a fault that does not happen), ``broken_at_s`` is when the lab breaks with a LabError.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, cast

from controller.orders import Order
from experiments.faults.kind import CONTROL
from experiments.lab import (
    BrainControl,
    LinkControl,
    LinkShape,
    PathTrace,
    Seen,
    SwitchControl,
    TrafficPlan,
    brain_names,
)
from experiments.labs.modelled.timers import LONE_FRAMES
from topology.errors import LabError, TooLate
from topology.forwarding import Snapshot, SwitchState
from topology.model import HOST_PORT, Pair, Topology

FRAMES_PER_S = 100.0
CONTROL_RATE_BPS = 1e7
CPU_SHARE = 0.01


class FakeLink:
    """Delivers frames at a constant rate while it is up; counts them on the lab's clock."""

    def __init__(self, shape: LinkShape, now_s: Callable[[], float], note: Callable[[str], None]) -> None:
        self.shape, self.running = shape, shape
        self.up, self.carries = True, (True, True)
        self.senders = [True, True]
        """Whether somebody sends at end a, at end b."""
        self._now_s, self._note = now_s, note
        self._counted, self._since_s = [50.0, 50.0], now_s()

    def count(self) -> None:
        """Everything until now, as things were."""
        for way, sends in enumerate(self.senders):
            if self.up and self.carries[way] and sends:
                self._counted[way] += FRAMES_PER_S * max(0.0, self._now_s() - self._since_s)
        self._since_s = self._now_s()

    def _set(self, name: str, up: bool, carries: tuple[bool, bool]) -> None:
        self.count()
        self._note(name)
        self.up, self.carries = up, carries

    def reshape(self, shape: LinkShape) -> None:
        self._note("reshape")
        self.running = shape

    def cut(self) -> None:
        self._set("cut", False, self.carries)

    def silence(self, *, ab: bool = True, ba: bool = True) -> None:
        self._set("silence", self.up, (self.carries[0] and not ab, self.carries[1] and not ba))

    def heal(self) -> None:
        self._set("heal", True, (True, True))
        self.running = self.shape

    def carrier(self) -> tuple[bool, bool]:
        return (self.up, self.up)

    def frames(self) -> tuple[int, int]:
        self.count()
        ab, ba = self._counted
        return (int(ab), int(ba))


class FakeSwitch:
    """A process by name; while it is gone nobody sends at its ends of the links."""

    def __init__(self, ends: Sequence[tuple[FakeLink, int]], note: Callable[[str], None], deaf: bool) -> None:
        self._ends, self._note, self._deaf = ends, note, deaf
        self._up = True

    def _become(self, call: str, up: bool) -> None:
        self._note(call)
        if self._deaf:
            return
        self._up = up
        for link, end in self._ends:
            link.count()
            link.senders[end] = up

    def crash(self) -> None:
        self._become("crash", False)

    def start(self) -> None:
        self._become("start", True)

    def running(self) -> bool:
        return self._up

    def ready(self) -> bool:
        return self._up

    def live_ports(self) -> frozenset[int]:
        return frozenset({HOST_PORT}) if self._up else frozenset()


class FakeBrain:
    """A process that exists by name only; its kernel says FIN for it where the channel carries that."""

    def __init__(
        self,
        channels: Mapping[str, FakeLink],
        now_s: Callable[[], float],
        note: Callable[[str], None],
        deaf: Collection[str],
    ) -> None:
        self._channels, self._now_s, self._note, self._deaf = channels, now_s, note, deaf
        self.charge = frozenset(channels)
        self._state = "running"
        self._waiting = frozenset[str]()
        """PoPs whose switch has not heard that it is gone."""
        self._used_s, self._since_s = 0.0, now_s()
        self._words = Counter[str]()

    def _become(self, call: str, state: str) -> None:
        self._note(call)
        self.cpu_s()
        if f"brain.{call}" not in self._deaf:
            self._state = state

    def cpu_s(self) -> float:
        """Computes at a constant rate while it runs."""
        if self._state == "running":
            self._used_s += CPU_SHARE * (self._now_s() - self._since_s)
        self._since_s = self._now_s()
        return self._used_s

    def start(self) -> None:
        self._become("start", "running")

    def kill(self) -> None:
        self._become("kill", "gone")
        self._waiting = frozenset(pop for pop, channel in self._channels.items() if not channel.carries[0])

    def pause(self) -> None:
        self._become("pause", "stopped")

    def resume(self) -> None:
        self._become("resume", "running")

    def tell(self, order: Order) -> None:
        self._note(f"tell {order}")

    def said(self, what: str) -> int:
        """It obeys nothing and says nothing."""
        return self._words[what]

    def last(self, what: str) -> Mapping[str, Any]:
        """Nothing: it says nothing."""
        return {"count": self._words[what]} if self._words[what] else {}

    def returns_as(self, memory: str) -> None:
        self._note(f"returns_as {memory}")

    def state(self) -> str:
        return self._state

    def connected(self) -> frozenset[str]:
        return self._waiting if self._state == "gone" else self.charge


class FakeLab:
    """``calls`` is the order in which everything was asked for: ``"brain.kill"``, ``"ams-lon.cut"``, …"""

    def __init__(
        self,
        topology: Topology,
        *,
        deaf: Collection[str] = (),
        broken_at_s: float | None = None,
        build_fails: bool = False,
        brains: int = 1,
    ) -> None:
        self.topology = topology
        self.calls: list[str] = []
        self._now_s, self._broken_at_s, self._build_fails = -5.0, broken_at_s, build_fails
        links = {
            link.name: self._link(link.name, LinkShape(link.delay_ms, link.capacity_bps)) for link in topology.links
        }
        self._fibres, self.links = links, cast(Mapping[str, LinkControl], links)
        control = {pop: self._link(f"control:{pop}", LinkShape(1.0, CONTROL_RATE_BPS)) for pop in topology.names}
        self._channels, self.control = control, cast(Mapping[str, LinkControl], control)
        made = {name: self._brain(name, control, deaf) for name in brain_names(brains)}
        self.brains: Mapping[str, BrainControl] = made
        self.brain = next(iter(made.values()))
        self.switches: Mapping[str, SwitchControl] = {
            pop: FakeSwitch(
                [(links[link.name], link.ends.index(pop)) for link in topology.ports(pop).values()],
                lambda call, pop=pop: self.calls.append(f"{pop}.{call}"),  # type: ignore[misc]
                f"{pop}.crash" in deaf,
            )
            for pop in topology.names
        }
        self.store = None
        self.on_wait: Callable[[float], None] = lambda _: None

    def _link(self, name: str, shape: LinkShape) -> FakeLink:
        return FakeLink(shape, self.now_s, lambda call: self.calls.append(f"{name}.{call}"))

    def _brain(self, name: str, control: Mapping[str, FakeLink], deaf: Collection[str]) -> FakeBrain:
        return FakeBrain(control, self.now_s, lambda call: self.calls.append(f"{name}.{call}"), deaf)

    def leader(self) -> str | None:
        """The first that runs."""
        return next((name for name, brain in self.brains.items() if brain.state() == "running"), None)

    def build(self) -> None:
        self.calls.append("build")
        if self._build_fails:
            raise LabError("the brain died at start")

    def start(self, plan: TrafficPlan) -> None:
        self.calls.append(f"start {len(plan.probes.pairs)}")
        self._now_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def wait_until(self, t_s: float) -> None:
        self._now_s = max(self._now_s, t_s)
        self.on_wait(self._now_s)
        if self._broken_at_s is not None and self._now_s >= self._broken_at_s:
            raise LabError("Open vSwitch of ams died")

    def pairs_down(self) -> int:
        return 0

    def snapshot(self, until_s: float = inf) -> Snapshot:
        self.calls.append("snapshot")
        if self.now_s() >= until_s:
            raise TooLate("time was up")
        return {pop: SwitchState() for pop in self.topology.names}

    def trace(self, pairs: Sequence[Pair], pcap: Path | None = None) -> tuple[PathTrace, ...]:
        self.calls.append(f"trace {len(pairs)}" + (f" {pcap.name}" if pcap else ""))
        return tuple(PathTrace(pair, (), True) for pair in pairs)

    def measure_links(self, targets: Sequence[str], frames: int = 0) -> Mapping[str, Mapping[str, Seen]]:
        return {target: dict.fromkeys(("ab", "ba"), self._seen(target, frames)) for target in targets}

    def _seen(self, target: str, frames: int) -> Seen:
        shape = self._wire(target).running
        return Seen(shape.delay_ms, shape.rate_bps, shape.loss, LONE_FRAMES + frames)

    def heard(self, targets: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        links = {target: self._wire(target) for target in targets}
        ways = {target: (LONE_FRAMES * (link.up and way) for way in link.carries) for target, link in links.items()}
        return {target: dict(zip(("ab", "ba"), come, strict=True)) for target, come in ways.items()}

    def _wire(self, target: str) -> FakeLink:
        if target.startswith(CONTROL):
            return self._channels[target.removeprefix(CONTROL)]
        return self._fibres[target]

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")
