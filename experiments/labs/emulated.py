"""The emulated lab: real switches, links, packets and a real controller process, inside a sandbox.

It only puts the pieces together and keeps the clock; each piece lives in its own package:
``topology.replica`` (links, switches), ``controller.process`` (the brain), ``traffic`` (probes,
bulk, traces). Threads that report by themselves (ports, brain, load) write to the journal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from experiments.companions import Companion
from experiments.faults.kind import Crowd
from experiments.faults.kind import wires as named
from experiments.lab import (
    BrainControl,
    LinkControl,
    PathTrace,
    Record,
    Seen,
    StoreControl,
    SwitchControl,
    TrafficPlan,
)
from experiments.labs import calibration, companions
from experiments.labs.brains import BrainSite
from experiments.labs.crowd import BusyProcesses
from experiments.labs.emulated_switch import EmulatedSwitch
from experiments.labs.etcd import Cluster
from experiments.labs.leadership import Leadership
from experiments.labs.load import Load, LoadMeter
from experiments.labs.site import Site
from experiments.policies import Policy
from topology import addressing, inventory
from topology.errors import LabError
from topology.forwarding import Snapshot
from topology.model import Pair, Topology
from topology.replica.links import Wires, wires
from topology.replica.network import Network
from topology.replica.preflight import Machine
from topology.replica.sandbox import Inside
from traffic.bulk import Bulk
from traffic.pathtrace import Tracer
from traffic.probes import ProbePlan, Prober

CONVERGE_S = 20.0
"""How long the network may take until every pair answers; then the run goes on and says who does not."""
LEAD_S = 0.5
"""From the decision to start until the clock's zero: helpers need to hear of it."""
BUILDING_S = -60.0
"""The clock while building, at its beginning."""
WARM_UP_INTERVAL_S = 0.1
TRACE_S = 0.6
HEARD_S = 0.05
"""Beyond the delay and the queue of a link, for its frames to come out."""


@dataclass(frozen=True, slots=True)
class Outfit:
    """What the lab is made with, as opposed to what it is of."""

    machine: Machine
    framework: str = "ryu"
    """``ryu`` or ``os-ken``: what carries the brain's OpenFlow."""
    seed: int = 0
    """Decides which frames a lossy link loses."""


class EmulatedLab:
    """Implements ``experiments.lab.Lab`` and ``faults.kind.Crowded``. Everything dies with the sandbox."""

    links: Mapping[str, LinkControl]
    control: Mapping[str, LinkControl]
    switches: Mapping[str, SwitchControl]
    brain: BrainControl
    brains: Mapping[str, BrainControl]
    store: StoreControl | None = None

    def __init__(
        self,
        topology: Topology,
        policy: Policy,
        *,
        inside: Inside,
        outfit: Outfit,
        record: Record,
        folder: Path,
    ) -> None:
        self.topology, self.policy = topology, policy
        self._inside, self._outfit = inside, outfit
        self._record, self._folder = record, folder
        self._zero_ns = time.time_ns() - int(BUILDING_S * 1e9)
        self._reconciled: set[str] = set()
        self._greeted: set[tuple[str, str]] = set()
        """(brain, PoP) of connections that stand."""
        self._ending: list[Callable[[], object]] = []
        self._companions: list[companions.Running] = []
        self._prober: Prober | None = None
        self._bulk: Bulk | None = None
        self.crowd: Crowd = BusyProcesses(partial(inside.lift, rank="run"))

    # ---------------------------------------------------------- building

    def build(self) -> None:
        self._lift("run", os.getpid())  # what it starts from now on inherits that
        self._step("links", self._start_wires)
        self._step("network", self._start_network)
        for companion in self.policy.companions:
            self._step(companion.name, lambda companion=companion: self._start_companion(companion))  # type: ignore[misc]
        self._step("brain", self._start_brain)
        self._step("calibrate", self._calibrate)
        self._step("converge", self._converge)

    def _step(self, name: str, step: Callable[[], None]) -> None:
        begun = time.monotonic()
        step()
        self._record("build", step=name, took_s=round(time.monotonic() - begun, 3))

    def _start_wires(self) -> None:
        self._wires: Wires = wires(self._outfit.machine.links, seed=self._outfit.seed)
        pid = getattr(self._wires, "pid", None)
        if pid is not None:
            self._lift("relay", pid)

    def _start_network(self) -> None:
        self.network = Network(
            self.topology,
            rundir=self._inside.rundir,
            datapath=self._outfit.machine.datapath,
            wires=self._wires,
            settings=self.policy.switch,
        )
        self.network.start()
        self.links, self.control = self.network.links, self.network.control
        lift = partial(self._inside.lift, rank="switch")
        for pop in self.topology.names:
            lift(self.network.vswitchd_pid(pop))
        self.switches = {
            pop: EmulatedSwitch(self.network.vswitch(pop), live_ports=partial(self.network.live_ports, pop), lift=lift)
            for pop in self.topology.names
        }
        hosts = {pop: self.network.pid(addressing.host_name(pop)) for pop in self.topology.names}
        switches = {pop: self.network.pid(pop) for pop in self.topology.names}
        self._hosts = hosts
        self._tracer = Tracer(self.topology, switches, hosts)
        self._tracer.open()
        self._ending.append(self._tracer.stop)

    def _start_companion(self, companion: Companion) -> None:
        site = Site(self.topology, self.network, self._inside.rundir, self._record, self._inside.lift)
        running = companions.start(companion, site)
        self._companions.append(running)
        if isinstance(running, Cluster):
            self.store = running
        self._ending.append(running.stop)

    def _start_brain(self) -> None:
        inventory_file = self._inside.rundir / "topology.json"
        inventory_file.write_text(inventory.dump(self.topology))
        site = BrainSite(self.network, inventory_file, self._outfit.framework)
        brains = site.brains(self.policy, self._brain_said)
        self.brains, self.brain = brains, next(iter(brains.values()))
        self._leadership = Leadership(self.brains)
        for brain in brains.values():
            brain.start()
            self._ending.append(brain.kill)
        told = {pop: tuple(one.port for one in brains.values() if pop in one.charge) for pop in self.topology.names}
        self.network.connect_switches(told)

    def _calibrate(self) -> None:
        calibration.calibrate(self.network, self._record)

    def _converge(self) -> None:
        """Every switch reconciled, BFD at its pace, every pair answering."""
        deadline = time.monotonic() + CONVERGE_S
        _wait(self._connected, deadline)
        if self.policy.switch.fail_mode == "standalone":
            self._reconciled.clear()
            self._greeted.clear()
            self.network.fail_open()
            _wait(self._connected, deadline)
        self.network.set_backoff()
        _wait(self.network.bfd_settled, deadline)
        for companion in self._companions:
            companion.settle(deadline)
        pairs = tuple(self.topology.pairs)
        plan = ProbePlan(pairs, max(WARM_UP_INTERVAL_S, len(pairs) / 2000), duration_s=CONVERGE_S)
        prober = Prober(self.topology, plan, self._hosts, self._inside.rundir / "warm-up.bin")
        prober.open()
        prober.start(time.time_ns() + int(20e6))
        silent = prober.wait_until_heard(max(1.0, deadline - time.monotonic()))
        prober.kill()
        self._record("converged", reconciled=len(self._reconciled), silent_pairs=silent)

    def _connected(self) -> bool:
        """Whether every brain has greeted the switches in its charge, and one has gone through each."""
        told = {(name, pop) for name, brain in self.brains.items() for pop in brain.charge}
        return told <= self._greeted and len(self._reconciled) == len(self.topology.pops)

    # ---------------------------------------------------------- the timeline

    def start(self, plan: TrafficPlan) -> None:
        policy = self.policy.name
        self._prober = Prober(self.topology, plan.probes, self._hosts, self._folder / f"probes.{policy}.bin")
        self._bulk = Bulk(self.topology, plan.bulk, self._hosts, plan.duration_s, self._inside.rundir / "bulk.jsonl")
        self._prober.open()
        self._bulk.open()
        self._lift("prober", self._prober.pid)
        watcher = self.network.watch(self._port_changed)
        watcher.start()
        self._ending.append(watcher.stop)
        self._zero_ns = time.time_ns() + int(LEAD_S * 1e9)
        self._stepped_ns = _step_ns()
        self._record("clock", zero_ns=self._zero_ns)
        self._prober.start(self._zero_ns)
        self._bulk.start(self._zero_ns)
        meter = LoadMeter(self._load_read, strangers_s=self.crowd.cpu_s)
        meter.start()
        self._ending.append(meter.stop)

    def leader(self) -> str | None:
        return self._leadership.leader()

    def now_s(self) -> float:
        return (time.time_ns() - self._zero_ns) / 1e9

    def wait_until(self, t_s: float) -> None:
        time.sleep(max(0.0, t_s - self.now_s()))

    def pairs_down(self) -> int:
        return self._prober.pairs_down() if self._prober else 0

    def snapshot(self, until_s: float = inf) -> Snapshot:
        return self.network.snapshot(lambda: self.now_s() < until_s)

    def trace(self, pairs: Sequence[Pair], pcap: Path | None = None) -> tuple[PathTrace, ...]:
        return self._tracer.trace(pairs, pcap=pcap, deadline_s=TRACE_S)

    def measure_links(self, targets: Sequence[str], frames: int = 0) -> Mapping[str, Mapping[str, Seen]]:
        return calibration.measure_links(self.network, targets, frames)

    def heard(self, targets: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        shapes = [wire.shape for wire in named(self, targets)]
        longest_s = max((shape.delay_ms + shape.queue_ms for shape in shapes), default=0.0) / 1e3
        return calibration.heard(self.network, targets, longest_s + HEARD_S)

    def stop(self) -> None:
        """Samples are already on disk; bulk results and the clock's honesty go to the journal."""
        if self._prober is not None:
            self._prober.stop()
            self._record("clock", step_ms=round((_step_ns() - self._stepped_ns) / 1e6, 3))
        for link, frames in self._wires.storms().items():
            self._record("storm", link=link, frames=frames)
        if self._bulk is not None:
            for result in self._bulk.stop():
                self._record(
                    "bulk",
                    pair=result.flow.pair,
                    offered_bps=result.offered_bps,
                    delivered_bps=result.delivered_bps,
                    since_s=result.since_s,
                    intervals=[astuple(each) for each in result.intervals],
                    error=result.error,
                )
        self._prober = self._bulk = None

    def close(self) -> None:
        """End what reports to the journal, last started first. Links and switches die with the sandbox, at once."""
        while self._ending:
            try:
                self._ending.pop()()
            except (LabError, OSError):
                continue

    # ---------------------------------------------------------- what others say

    def _lift(self, rank: str, pid: int) -> None:
        self._record("priority", process=rank, got=self._inside.lift(pid, rank))

    def _brain_said(self, name: str, line: Mapping[str, Any]) -> None:
        """``name`` goes into the journal where there are several brains."""
        data = {key: value for key, value in line.items() if key != "t_ns"}
        if self.policy.brains > 1:
            data["brain"] = name
            self._leadership.said(name, data.get("what"))
        if data.get("what") == "reconciling":
            self._reconciled.add(str(data.get("pop")))
        if data.get("what") == "hello":
            self._greeted.add((name, str(data.get("pop"))))
        t_s = (int(line.get("t_ns", time.time_ns())) - self._zero_ns) / 1e9
        self._record("brain", **{"t": round(t_s, 6), **data})

    def _port_changed(self, pop: str, port: int, live: bool, cause: str, t_ns: int) -> None:
        link = self.topology.ports(pop).get(port)
        t_s = round((t_ns - self._zero_ns) / 1e9, 6)
        name = link.name if link else None
        self._record("port", **{"t": t_s, "pop": pop, "port": port, "link": name, "live": live, "cause": cause})

    def _load_read(self, load: Load) -> None:
        self._record("load", **asdict(load))


def _wait(condition: Callable[[], bool], deadline: float) -> None:
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def _step_ns() -> int:
    """Realtime minus monotonic: changes only when somebody sets the clock."""
    return time.time_ns() - time.monotonic_ns()
