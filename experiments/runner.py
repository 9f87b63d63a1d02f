"""One policy's run, in one readable loop: build → traffic → timeline → heal → stop → close.

The runner knows the lab by its Protocol and a fault by its three methods; it never names a
kind. Whatever happens (an error of the lab, Ctrl-C, SIGTERM turned into KeyboardInterrupt), the
run ends healed and closed, and what was measured stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from controller.oracle import Staleness
from experiments.asking.timeline import Begin, Look, Strike, Timeline
from experiments.faults import FAULTS, Fault, Preparing, Undo
from experiments.faults.kind import ALL, BRAIN
from experiments.lab import Lab, Record, TrafficPlan
from experiments.reach import broken, reach, wires
from topology.errors import FailstaticError, TooLate
from topology.forwarding import Snapshot
from topology.model import Pair, Topology
from topology.walk import journey, prepare

PULSE_S = 0.5
LATE_S = 0.25
"""A repeated look that is later than this is left to the next one."""
LOOK_S, TRACE_S = 0.5, 0.3
"""Without so much time left in the phase, its tables are not read, its paths not traced."""
ORACLE_S = 0.2
"""So long before the next event reading is given up: the last switch, and the comparison, take time too."""
Oracle = Callable[[Topology, Snapshot, Collection[str]], Staleness]
"""(topology, snapshot, dead links) → how far the tables are from what they should say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that was decided before the run."""

    timeline: Timeline
    traffic: TrafficPlan
    traced: tuple[Pair, ...] = ()
    pcap: Path | None = None
    """Where path traces leave their packets, on request."""
    own_ways: bool = False
    """The design's ways are not the shortest ones: read them from the switches before anything is broken."""


def run(lab: Lab, plan: Plan, record: Record, oracle: Oracle) -> str:
    """Returns the outcome: ``complete``, ``stopped`` (Ctrl-C) or ``error``; it is the journal's last line."""
    runner = Runner(lab, plan, record, oracle)
    outcome, error = "complete", ""
    try:
        runner.build()
        runner.play()
    except KeyboardInterrupt:
        outcome = "stopped"
    except (FailstaticError, OSError) as problem:
        outcome, error = "error", str(problem)
    finally:
        errors = [error, *runner.end()]
    error = "; ".join(filter(None, errors))
    record("end", outcome="error" if error else outcome, error=error or None)
    return "error" if error else outcome


@dataclass(frozen=True, slots=True)
class _Deed:
    """What the oracle must know of a fault, or of its end."""

    aims_at: str
    severs: bool
    restores: bool
    links: tuple[str, ...]
    pops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    """A fault that stands, and the targets that it was asked for: a role has been turned into names since."""

    fault: Fault
    asked: tuple[str, ...]


class Runner:
    """The state of one run: which faults stand, which phase it is."""

    def __init__(self, lab: Lab, plan: Plan, record: Record, oracle: Oracle) -> None:
        self.lab, self.plan, self.record, self.oracle = lab, plan, record, oracle
        self.standing: list[_Standing] = []
        self.done: list[_Deed] = []
        self.right = False
        """Whether the tables have been seen to be right in this phase."""

    def build(self) -> None:
        began_s = self.lab.now_s()
        self.lab.build()
        if self.plan.own_ways:
            self.ways()
        self.record("built", took_s=round(self.lab.now_s() - began_s, 4))

    def ways(self) -> None:
        """Which links each pair crosses, by the tables as they are now."""
        topology, switches = self.lab.topology, prepare(self.lab.snapshot())
        taken = {pair: journey(topology, switches, *pair) for pair in self.plan.traffic.probes.pairs}
        self.record("ways", ways=[(*pair, way.links) for pair, way in taken.items() if way.delivered])

    def play(self) -> None:
        """The timeline, event by event, to its end."""
        self.lab.start(self.plan.traffic)
        for event in self.plan.timeline.events:
            if isinstance(event, Look) and self.pointless(event):
                continue
            self.wait_until(event.at_s)
            if isinstance(event, Begin):
                self.begin(event)
            elif isinstance(event, Strike):
                self.strike(event)
            else:
                self.look(event)
        self.wait_until(self.plan.timeline.end_s)

    def wait_until(self, at_s: float) -> None:
        """Wait, and give the live view its pulse."""
        while (now_s := self.lab.now_s()) < at_s:
            self.lab.wait_until(min(at_s, now_s + PULSE_S))
            heard = frozenset[str]().union(*(brain.connected() for brain in self.lab.brains.values()))
            self.record("pulse", pairs_down=self.lab.pairs_down(), connected=len(heard))

    def begin(self, phase: Begin) -> None:
        self.right = False
        self.record("phase", name=phase.name, end_s=phase.end_s)

    def strike(self, event: Strike) -> None:
        """Inject, heal what it ends, and have it proven."""
        fault = FAULTS.make(event.fault, *self.targets(event), **event.settings)
        if isinstance(fault, Preparing):
            fault.prepare(self.lab)
        mended = self.mend(fault) if isinstance(fault, Undo) else []
        began_s = self.lab.now_s()
        if not fault.restores:
            # from here on it may stand, also when inject breaks half-way
            self.standing.append(_Standing(fault, event.targets))
        fault.inject(self.lab)
        if isinstance(fault, Undo):
            fault.held = self.hold([fault, *mended])
        self._told("inject", fault, began_s, planned_s=event.at_s, asked=event.proven)
        if event.proven:
            self.prove(fault)

    def targets(self, event: Strike) -> tuple[str, ...]:
        """Of an end: whom the faults struck that were asked for in the same words. A role may have passed on since."""
        kind = FAULTS[event.fault]
        if not kind.restores or (event.targets in ((BRAIN,), (ALL,)) and not event.ends):
            return event.targets
        mine = [one for one in self.standing if one.fault.aims_at == kind.aims_at and one.asked == event.targets]
        return tuple(dict.fromkeys(name for one in mine for name in one.fault.targets)) or event.targets

    def mend(self, end: Undo) -> list[Fault]:
        """Heal the standing faults as far as this ends them; returns those that stand no more."""
        healed = []
        for one in reversed(tuple(self.standing)):
            if left := end.leaves(one.fault):
                one.fault.targets = left
            else:
                self.heal(one)
                healed.append(one.fault)
        return healed

    def hold(self, ended: Collection[Fault]) -> frozenset[str]:
        """Ends mend all of their wires: what still stands there is done again. Returns those wires."""
        mended = frozenset().union(*(wires(fault, self.lab.topology) for fault in ended))
        held = frozenset[str]()
        for one in self.standing:
            if shared := mended & wires(one.fault, self.lab.topology):
                one.fault.inject(self.lab)
                held |= shared
        return held

    def prove(self, fault: Fault) -> None:
        evidence = fault.proof(self.lab)
        self.record(
            "proof",
            fault=fault.kind,
            action="inject",
            target=_name(fault),
            aims_at=fault.aims_at,
            held=evidence.held,
            evidence=evidence.values,
        )

    def heal(self, one: _Standing) -> None:
        began_s = self.lab.now_s()
        one.fault.heal(self.lab)
        self.standing.remove(one)
        self._told("heal", one.fault, began_s, asked=False)

    def _told(self, action: str, fault: Fault, began_s: float, **planned: object) -> None:
        """With what the judge must know of its kind: the judge has a journal and no classes."""
        done_s = round(self.lab.now_s(), 6)
        ends = action == "heal" or fault.restores
        touched = reach(fault.aims_at, fault.targets, self.lab.topology)
        self.done.append(_Deed(fault.aims_at, fault.severs, ends, touched.links, touched.pops))
        self.record(
            "fault",
            action=action,
            fault=fault.kind,
            target=_name(fault),
            aims_at=fault.aims_at,
            severs=fault.severs,
            restores=ends,
            began_s=round(began_s, 6),
            done_s=done_s,
            moves=getattr(fault, "moves", False),
            **asdict(touched),
            **planned,
        )

    def pointless(self, event: Look) -> bool:
        """Right already; or too late, because what came before took long. An observation delays no fault."""
        late_s = self.lab.now_s() - event.at_s
        if event.until_right and (self.right or late_s > LATE_S):
            return True
        if missed := self.lab.now_s() > event.before_s - LOOK_S:
            self.record("skipped", what="tables", of=event.phase, late_s=round(late_s, 3))
        return missed

    def look(self, event: Look) -> None:
        """Read the tables back and compare; trace the fine pairs when asked and there is time."""
        at_s = self.lab.now_s()
        try:
            read = self.lab.snapshot(event.before_s - ORACLE_S)
        except TooLate:
            self.record("skipped", what="tables", of=event.phase, late_s=round(self.lab.now_s() - event.at_s, 3))
            return
        found = self.oracle(self.lab.topology, read, self.dead_links())
        counts = {name: getattr(found, name) for name in ("entries", "harmless", "longer", "blackhole", "loop")}
        became_right = found.stale == 0 and not self.right
        self.right = self.right or found.stale == 0
        self.record("tables", of=event.phase, at_s=round(at_s, 6), right=found.stale == 0, first=became_right, **counts)
        if event.trace and self.plan.traced:
            self.trace(event)

    def trace(self, event: Look) -> None:
        phase = event.phase
        if self.lab.now_s() > event.before_s - TRACE_S:
            self.record("skipped", what="trace", of=phase)
            return
        pcap = self.plan.pcap and self.plan.pcap.with_name(f"{self.plan.pcap.stem}-{phase}.pcap")
        for seen in self.lab.trace(self.plan.traced, pcap):
            hops = [(hop.pop, hop.port) for hop in seen.hops]
            links = [
                self.lab.topology.ports(pop)[port].name for pop, port in hops if port in self.lab.topology.ports(pop)
            ]
            stacks = [hop.stack for hop in seen.hops]
            self.record("trace", pair=seen.pair, links=links, stacks=stacks, delivered=seen.delivered, phase=phase)

    def dead_links(self) -> frozenset[str]:
        """Backbone links that carry nothing while the standing faults stand."""
        return broken(self.done, self.lab.topology)

    def end(self) -> list[str]:
        """Heal what stands (last first), stop, close; returns what went wrong on the way."""
        steps: list[Callable[[], None]] = [lambda one=one: self.heal(one) for one in reversed(self.standing)]  # type: ignore[misc]
        errors = []
        for step in (*steps, self.lab.stop, self.lab.close):
            try:
                step()
            except (FailstaticError, OSError) as problem:
                errors.append(str(problem))
            except KeyboardInterrupt:
                errors.append("interrupted while ending")
        return errors


def _name(fault: Fault) -> str:
    return ", ".join(fault.targets)
