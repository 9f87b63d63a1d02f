"""Bringing configuration to the PoPs: stages, gates, freeze, roll-back. A pure machine beside the brain's own.

    push      version by version. A stage is sent, its barriers come in, ``gate_s`` later its health
              is looked at: a crash seen stops the rollout where it is, else the next stage begins.
              After the last gate the version is the *last known good*
    health    what the PoPs that have it report of their own service: that it has crashed. One that is
              wrong without crashing reports nothing, one that will crash later nothing yet
    freeze    no stage and no push begins
    rollback  the last known good everywhere at once: which is no help when that is the bad one

What a brain knows of versions dies with it; the rules in the switches do not (``controller.edge``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from controller import edge
from controller.edge import Config
from controller.messages import (
    AddFlow,
    BarrierReply,
    Command,
    DeleteOwned,
    Event,
    Note,
    Ordered,
    Program,
    SwitchDown,
    SwitchUp,
    Tick,
)
from controller.orders import Freeze, Push, Rollback, Thaw
from topology.forwarding import CONFIG_OWNER, FlowRule
from topology.model import Topology

FIRST_TOKEN = 1 << 32
"""Tokens from here on are a rollout's; the brain's own are small."""


@dataclass(slots=True)
class _Stages:
    """A push that is under way."""

    version: int
    gate_s: float
    left: list[tuple[str, ...]]
    """PoPs that each stage to come adds."""
    reached: list[str] = field(default_factory=list)
    gate_at: float | None = None
    """When the health of the present stage is looked at; None while barriers are out."""


class Rollout:
    """``handle`` is the only entrance. Version 0 is the configuration before all pushes."""

    def __init__(self, topology: Topology, pops: Sequence[str], label_version: Callable[[], int]) -> None:
        """``pops``: those that its brain programs, and knows labels to."""
        self._topology, self._pops, self._label_version = topology, pops, label_version
        self._versions = [Config()]
        self.last_known_good = 0
        self.frozen = False
        self._wanted: dict[str, int | None] = dict.fromkeys(topology.names)
        """PoP → version; None: what an earlier life has left there."""
        self._in_force: dict[str, tuple[int, float]] = dict.fromkeys(topology.names, (0, 0.0))
        """PoP → version, and since when."""
        self._connected: set[str] = set()
        self._waiting: dict[int, tuple[str, int]] = {}
        """Token → PoP, version."""
        self._tokens = FIRST_TOKEN
        self._under_way: _Stages | None = None
        self._rolling_back = False

    def handle(self, event: Event, now: float) -> Iterator[Command]:
        match event:
            case SwitchUp(pop, cookies):
                self._connected.add(pop)
                if not cookies:  # it has started anew, and holds nothing
                    self._in_force[pop] = (0, now)
                if self._wanted[pop] not in (None, self._in_force[pop][0]):
                    yield from self._send([pop])
            case SwitchDown(pop):
                self._connected.discard(pop)
                self._waiting = {token: sent for token, sent in self._waiting.items() if sent[0] != pop}
            case BarrierReply(pop, token):
                yield from self._arrived(pop, token, now)
            case Ordered(order):
                yield from self._obey(order)
            case Tick():
                yield from self._look(now)

    # ---------------------------------------------------------- orders

    def _obey(self, order: object) -> Iterator[Command]:
        match order:
            case Push():
                yield from self._begin(order)
            case Freeze():
                self.frozen, self._under_way = True, None
                yield Note("push-frozen", {"version": len(self._versions) - 1})
            case Thaw():
                self.frozen = False
            case Rollback(to_first):
                yield from self._roll_back(0 if to_first else self.last_known_good)

    def _begin(self, push: Push) -> Iterator[Command]:
        if self.frozen:
            yield Note("push-refused", {"why": "frozen"})
            return
        self._versions.append(push.config)
        stages = push.steps()
        version, sizes = len(self._versions) - 1, [len(stage) for stage in stages]
        yield Note("push", {"version": version, "mode": push.config.mode, "stages": sizes})
        self._under_way = _Stages(version, push.gate_s, stages)
        yield from self._next_stage(self._under_way)

    def _roll_back(self, version: int) -> Iterator[Command]:
        self._under_way = None
        mode = self._versions[version].mode
        yield Note("rollback", {"version": version, "mode": mode})
        self._rolling_back = True
        changed = [pop for pop, wanted in self._wanted.items() if wanted != version]
        self._wanted = dict.fromkeys(self._wanted, version)
        yield from self._send(changed)

    def relabel(self) -> Iterator[Command]:
        """The labels in use are others now: what sends packets astray must push those."""
        wanted = ((pop, self._versions[version]) for pop, version in self._wanted.items() if version is not None)
        yield from self._send([pop for pop, config in wanted if config.bad_for(pop) and config.mode != edge.CRASH])

    # ---------------------------------------------------------- stages and gates

    def _next_stage(self, push: _Stages) -> Iterator[Command]:
        pops = push.left.pop(0)
        push.reached += pops
        push.gate_at = None
        self._wanted |= dict.fromkeys(pops, push.version)
        yield from self._send(pops)

    def _look(self, now: float) -> Iterator[Command]:
        """At the gate: stop at a crash, else go on; the last one makes the version the last known good."""
        if self._rolling_back and not self._waiting:
            self._rolling_back = False
            yield Note("rolled-back", {})
        push = self._under_way
        if push is None or self.frozen:
            return
        if push.gate_at is None and any(self._in_force[pop][0] == push.version for pop in push.reached):
            push.gate_at = None if self._waiting else now + push.gate_s
        if push.gate_at is None or now < push.gate_at:
            return
        if crashed := [pop for pop in self.crashed(now) if pop in push.reached]:
            self._under_way = None
            yield Note("push-stopped", {"version": push.version, "reached": len(push.reached), "crashed": crashed})
        elif push.left:
            yield from self._next_stage(push)
        else:
            self._under_way, self.last_known_good = None, push.version
            yield Note("push-accepted", {"version": push.version})

    def crashed(self, now: float) -> list[str]:
        """PoPs that report a crash; one that is not connected reports nothing."""
        ages = ((pop, self._versions[version], now - since) for pop, (version, since) in self._in_force.items())
        return sorted(pop for pop, config, age_s in ages if pop in self._connected and config.crashed(pop, age_s))

    # ---------------------------------------------------------- to the switches

    def _send(self, pops: list[str] | tuple[str, ...]) -> Iterator[Command]:
        """The wanted version to those that are connected; the others get it when they are."""
        for pop in pops:
            if pop not in self._connected:
                continue
            version = self._wanted[pop] or 0
            self._tokens += 1
            self._waiting[self._tokens] = (pop, version)
            yield Program(pop, (DeleteOwned(CONFIG_OWNER), *map(AddFlow, self._rules(pop, version))), self._tokens)

    def _rules(self, pop: str, version: int) -> tuple[FlowRule, ...]:
        """Those of a version; none of the one before all pushes."""
        bad = edge.rules(self._versions[version], self._topology, pop, self._label_version(), self._pops)
        return (edge.marker(version), *bad) if version else ()

    def _arrived(self, pop: str, token: int, now: float) -> Iterator[Command]:
        if token not in self._waiting:
            return
        _, version = self._waiting.pop(token)
        self._in_force[pop] = (version, now)
        config = self._versions[version]
        mode = config.mode if config.bad_for(pop) else edge.GOOD
        yield Note("configured", {"pop": pop, "version": version, "mode": mode, "delay_s": config.delay_s})
