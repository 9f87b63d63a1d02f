"""The modelled lab behind the Protocol: builds the pieces, keeps the run's clock, tells the journal.

Nothing here waits: ``wait_until`` lets virtual time pass. What the traffic met is worked out at
the end (``stop``), or when somebody asks for a counter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from math import inf
from pathlib import Path

from experiments.faults.kind import CONTROL
from experiments.lab import (
    BrainControl,
    Hop,
    LinkControl,
    PathTrace,
    Record,
    Seen,
    StoreControl,
    SwitchControl,
    TrafficPlan,
)
from experiments.labs.leadership import Leadership
from experiments.labs.modelled import bulk, pieces, probes, timers
from experiments.labs.modelled.channel import Channel
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.companions import MODELS
from experiments.labs.modelled.counters import Counters
from experiments.labs.modelled.courses import Course
from experiments.labs.modelled.failopen import FailOpen
from experiments.labs.modelled.flight import Network
from experiments.labs.modelled.history import Past
from experiments.labs.modelled.mind import mind
from experiments.labs.modelled.process import BrainProcess
from experiments.labs.modelled.rconn import Dialer
from experiments.labs.modelled.schedule import streams
from experiments.labs.modelled.stage import Stage
from experiments.labs.modelled.store import ModelStore
from experiments.labs.modelled.switch import ModelSwitch, Port
from experiments.labs.modelled.tables import State
from experiments.labs.modelled.vswitchd import Vswitchd
from experiments.labs.modelled.wire import Wire
from experiments.policies import Policy
from topology.errors import LabError
from topology.forwarding import Snapshot, SwitchState
from topology.model import Pair, Topology
from traffic.schedule import FLIGHT_S

CONVERGE_STEP_S = 0.1


class ModelledLab:
    """Implements ``experiments.lab.Lab``."""

    brain: BrainControl
    brains: Mapping[str, BrainControl]
    links: Mapping[str, LinkControl]
    control: Mapping[str, LinkControl]
    switches: Mapping[str, SwitchControl]
    store: StoreControl | None

    def __init__(self, topology: Topology, policy: Policy, *, seed: int, record: Record, folder: Path) -> None:
        self.topology, self.policy = topology, policy
        self._seed, self._record, self._folder = str(seed), record, folder
        self._clock, self._past = Clock(), Past()
        self._zero_s, self._waited_s = timers.BUILDING_S, -timers.BUILDING_S
        self._reconciled: set[str] = set()
        self._plan: TrafficPlan | None = None
        self._courses: dict[Pair, Course] = {}
        self._switches = {pop: ModelSwitch(self._clock, self._past, pop) for pop in topology.names}
        self._wires = pieces.wires(topology, self._clock, self._past, self._switches, self._port_changed)
        pieces.add_bfd(self._wires, self._clock, policy.switch.bfd_interval_ms, self._seed)
        self._channels = pieces.channels(topology, self._clock, self._seed)
        stage = Stage(topology, self._clock, self._wires, self._switches, self._seed, record)
        self._companions = [MODELS[type(companion)](companion, stage) for companion in policy.companions]
        self._store = next((played for played in self._companions if isinstance(played, ModelStore)), None)
        self.store = self._store
        self._processes = {name: self._process(name, pops) for name, pops in policy.charges(topology).items()}
        self.brains, self.brain = self._processes, next(iter(self._processes.values()))
        self.links, self.control = self._wires, self._channels
        self._leadership = Leadership(self.brains)
        self.switches = {pop: self._vswitchd(pop, switch) for pop, switch in self._switches.items()}
        self._network = Network(topology, self._switches, self._wires, self._past)

    def _process(self, name: str, pops: Sequence[str]) -> BrainProcess:
        """A brain, and each switch's end of the connection to it."""
        said = partial(self._brain_said, name)
        thinks = mind(name, self.topology, self.policy, self._store)
        process = BrainProcess(self._clock, thinks, self._switches, said)
        process.dialers = {pop: Dialer(self._channels[pop], process) for pop in pops}
        return process

    def _vswitchd(self, pop: str, switch: ModelSwitch) -> Vswitchd:
        dialers = [process.dialers[pop] for process in self._processes.values() if pop in process.dialers]
        return Vswitchd(self._clock, switch, dialers, self._wires)

    def leader(self) -> str | None:
        return self._leadership.leader()

    # ---------------------------------------------------------- building

    def build(self) -> None:
        self._step("network", self._open)
        self._step("brain", self._start_brain)
        self._step("converge", self._converge)

    def _step(self, name: str, step: Callable[[], None]) -> None:
        begun_s = self._clock.now
        step()
        self._record("build", step=name, took_s=round(self._clock.now - begun_s, 3))

    def _open(self) -> None:
        for switch in self._switches.values():
            switch.open()
        for wire in self._wires.values():
            if wire.bfd is not None:
                wire.bfd.start()
        for companion in self._companions:
            companion.start()

    def _start_brain(self) -> None:
        for process in self._processes.values():
            process.start()
        for dialer in self._dialers():
            dialer.connect()

    def _converge(self) -> None:
        """Every switch reconciled, BFD at its pace, nothing on its way any more."""
        deadline_s = self._clock.now + timers.CONVERGE_S
        while not self._settled() and self._clock.now < deadline_s:
            self._clock.run_until(self._clock.now + CONVERGE_STEP_S)
        for dialer in self._dialers():
            dialer.max_backoff_s = self.policy.switch.max_backoff_ms / 1e3
            dialer.probe_s = max(timers.PROBE_S, self.policy.switch.inactivity_probe_ms / 1e3)
        if self.policy.switch.fail_mode == "standalone":
            self._fail_open()
        self._record("converged", reconciled=len(self._reconciled))

    def _fail_open(self) -> None:
        probe_s = self.policy.switch.inactivity_probe_ms / 1e3
        for dialer in self._dialers():
            FailOpen(self._clock, self.topology, self._switches[dialer.pop], dialer, probe_s)

    def _settled(self) -> bool:
        return (
            len(self._reconciled) == len(self.topology.pops)
            and all(process.idle for process in self._processes.values())
            and all(companion.settled for companion in self._companions)
            and all(wire.bfd is None or wire.bfd.settled for wire in self._wires.values())
        )

    # ---------------------------------------------------------- the timeline

    def start(self, plan: TrafficPlan) -> None:
        self._plan = plan
        self._zero_s = self._clock.now + timers.LEAD_S
        pairs = dict.fromkeys((*plan.probes.pairs, *plan.probes.fine_pairs, *(flow.pair for flow in plan.bulk)))
        self._courses = {pair: Course(self._network, pair, self._zero_s) for pair in pairs}
        counters = Counters(streams(plan.probes), plan.bulk, self._courses, self._zero_s)
        for name, wire in self._wires.items():
            wire.counted = lambda name=name: counters.frames(name, self._clock.now)  # type: ignore[misc]
        self._clock.run_until(self._zero_s)
        self._waited_s = 0.0

    def now_s(self) -> float:
        # a sum and a difference of floats may miss what was waited for by a hair
        return max(self._waited_s, self._clock.now - self._zero_s)

    def wait_until(self, t_s: float) -> None:
        self._clock.run_until(self._zero_s + t_s)
        self._waited_s = max(self._waited_s, t_s)

    def pairs_down(self) -> int:
        """Probed pairs whose packets, sent now, would not come as things stand."""
        if self._plan is None:
            return 0
        now_s = self._clock.now
        return sum(not self._courses[pair].segments(now_s)[-1].flight.delivered for pair in self._plan.probes.pairs)

    def known(self, pop: str, state: SwitchState) -> State:
        """A switch's state with all that has been looked up in it, for the oracle."""
        last = self._switches[pop].track.last
        return last if last.state is state else State(state)

    def snapshot(self, until_s: float = inf) -> Snapshot:  # noqa: ARG002 (takes no time here)
        return {pop: switch.track.last.state for pop, switch in self._switches.items()}

    def trace(self, pairs: Sequence[Pair], pcap: Path | None = None) -> tuple[PathTrace, ...]:
        """One packet per pair, now; returns when all have come, or patience ends."""
        assert pcap is None, "refused before the run: there are no packets"
        began_s = self._clock.now
        ends_s = max((self._network.fly(pair, began_s)[0].ends_s for pair in pairs), default=0.0)
        self._clock.run_until(began_s + min(ends_s, timers.TRACE_S))
        flights = [self._network.fly(pair, began_s)[0] for pair in pairs]
        return tuple(
            PathTrace(pair, tuple(Hop(*hop) for hop in flight.hops), flight.delivered)
            for pair, flight in zip(pairs, flights, strict=True)
        )

    def measure_links(self, targets: Sequence[str], frames: int = 0) -> Mapping[str, Mapping[str, Seen]]:
        """What the links do now: known, and yet it takes time and frames. Raises LabError where none comes."""
        more_s = frames * 2 * len(targets) * timers.MEASURE_GAP_S
        self._clock.run_until(self._clock.now + timers.MEASURE_S + more_s)
        return {target: self._measured(target, timers.MEASURE_FRAMES + frames) for target in targets}

    def _measured(self, target: str, frames: int) -> Mapping[str, Seen]:
        wire = self._wire(target)
        if not (wire.now.lit and wire.now.carries):
            raise LabError(f"no frame of a measurement came over {target}")
        come = round(frames * (1 - wire.now.loss))
        wire.measure(come, come)
        seen = Seen(wire.now.delay_s * 1e3, wire.now.rate_bps, wire.now.loss, frames)
        return {"ab": seen, "ba": seen}

    def heard(self, targets: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        found = {}
        for target in targets:
            wire = self._wire(target)
            ab, ba = (round(timers.LONE_FRAMES * (1 - wire.now.loss)) * wire.now.passes(way) for way in (True, False))
            wire.measure(ab, ba)
            found[target] = {"ab": ab, "ba": ba}
        longest_s = max((self._wire(target).now.delay_s for target in targets), default=0.0)
        self._clock.run_until(self._clock.now + longest_s + timers.HEARD_S)
        return found

    def _wire(self, target: str) -> Channel | Wire:
        return self._channels[target.removeprefix(CONTROL)] if target.startswith(CONTROL) else self._wires[target]

    # ---------------------------------------------------------- the end

    def stop(self) -> None:
        """What was under way arrives; then all that the traffic met is written down."""
        plan, self._plan = self._plan, None
        if plan is None:
            return
        now_s = self._clock.now
        self._clock.run_until(now_s + FLIGHT_S)
        fluid = bulk.pour(plan.bulk, self._courses, self._wires, self._zero_s, max(now_s, self._zero_s))
        for result in bulk.results(plan.bulk, fluid, self._zero_s, now_s, plan.duration_s):
            self._record(
                "bulk",
                pair=result.flow.pair,
                offered_bps=result.offered_bps,
                delivered_bps=round(result.delivered_bps, 3),
                since_s=result.since_s,
                intervals=[astuple(each) for each in result.intervals],
                error=result.error,
            )
        if bulk.fill(self._network, fluid):
            for course in self._courses.values():
                course.forget()
        out = self._folder / f"probes.{self.policy.name}.bin"
        probes.write(out, plan.probes, self._courses, zero_s=self._zero_s, now_s=now_s, seed=self._seed)

    def close(self) -> None:
        """Nothing was made that could stay behind."""

    # ---------------------------------------------------------- what others say

    def _dialers(self) -> list[Dialer]:
        return [dialer for process in self._processes.values() for dialer in process.dialers.values()]

    def _brain_said(self, name: str, what: str, **data: object) -> None:
        """``name`` goes into the journal where there are several brains."""
        if self.policy.brains > 1:
            data["brain"] = name
            self._leadership.said(name, what)
        if what == "reconciling":
            self._reconciled.add(str(data["pop"]))
        self._record("brain", what=what, **data)

    def _port_changed(self, port: Port, cause: str) -> None:
        if cause:
            self._record("port", pop=port.switch.pop, port=port.number, link=port.link, live=port.live, cause=cause)

        for process in self._processes.values():
            news = partial(process.port_status, number=port.number, live=port.live, carrier=port.carrier)
            if port.switch.pop in process.dialers:
                process.dialers[port.switch.pop].tell(timers.ACK_BITS, news)
