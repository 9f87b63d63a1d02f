"""All PoPs' Open vSwitches together: brought up, told and asked side by side.

Knows nothing of Mininet: it needs only, for each PoP, the process id of something in
the PoP's network namespace. Text is read by ``readback`` and ``trace``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from topology import flooding
from topology.errors import LabError, TooLate
from topology.forwarding import Snapshot, SwitchState
from topology.model import Topology
from topology.replica import ovs, readback, trace
from topology.replica.vswitch import VSwitch, run_all
from topology.replica.watch import PortChange, Watcher

BFD_SLACK = 1.5
"""A session counts as settled when its detection time is at most this many times the configured one."""
_DUMPS = ("flows", "groups", "ports-desc")


class Switches:
    """``datapath`` is ``"user"`` or ``"kernel"``. Everything raises LabError."""

    def __init__(self, topology: Topology, *, rundir: Path, datapath: str, settings: ovs.SwitchSettings) -> None:
        self._topology, self._rundir, self._datapath, self._settings = topology, rundir, datapath, settings
        self._switches: dict[str, VSwitch] = {}

    def __getitem__(self, pop: str) -> VSwitch:
        return self._switches[pop]

    def place(self, pop: str) -> ovs.Place:
        return ovs.Place(self._rundir, pop)

    def begin(self, pids: Mapping[str, int]) -> None:
        """Start the daemons; ``pids``: PoP → a process in its network namespace."""
        self._rundir.mkdir(parents=True, exist_ok=True)
        empty = self._rundir / "empty.db"
        run_all({"database": ovs.create_database(empty)})
        self._switches = {pop: VSwitch(self.place(pop), pid, empty) for pop, pid in pids.items()}
        for switch in self._switches.values():
            switch.begin_database()
        for switch in self._switches.values():
            switch.begin_switch()

    def make_bridges(self) -> None:
        """Once all interfaces exist; returns when every switch has taken its ports."""
        self._tell(
            {
                pop: ovs.configure_bridge(self.place(pop), self._topology, self._datapath, self._settings)
                for pop in self._topology.names
            }
        )
        self._tell({pop: switch.caching() for pop, switch in self._switches.items()})

    def connect(self, ports: Mapping[str, Sequence[int]]) -> None:
        """Tell every switch where its brains are: PoP → the ports they listen on."""
        pops = self._topology.pops
        self._tell({pop.name: ovs.set_controller(self.place(pop.name), pop, ports[pop.name]) for pop in pops})

    def set_backoff(self) -> None:
        """How every switch looks for a lost brain, as its settings say; heeded by those that are connected."""
        self._tell({pop: ovs.set_backoff(self.place(pop), self._settings) for pop in self._topology.names})

    def fail_open(self) -> None:
        """Have every switch that loses the brain bridge along the flooding tree (``topology.flooding``).

        They let go of the brain for it, and forget what ``set_backoff`` told them.
        """
        pops = self._topology.names
        self._tell({pop: ovs.speak_openflow_10(self.place(pop)) for pop in pops})
        closed = [(pop, port) for pop in pops for port in flooding.unflooded_ports(self._topology, pop)]
        self._tell({f"{pop} {port}": ovs.no_flood(self.place(pop), port) for pop, port in closed})
        self._tell({pop: ovs.fail_open(self.place(pop)) for pop in pops})

    def snapshot(self, in_time: Callable[[], bool]) -> Snapshot:
        """Tables, groups and live ports of all switches; of one that has crashed, nothing.

        One switch after the other: while it answers it forwards nothing, and a dozen that answer at
        once, each before everything else on two processors, delayed packets by 20 to 30 ms.
        Raises TooLate as soon as ``in_time`` does not hold.
        """
        found: dict[str, SwitchState] = {}
        for pop, switch in self._switches.items():
            if not in_time():
                raise TooLate(f"{len(found)} of {len(self._switches)} switches were read when time was up")
            found[pop] = self._state(pop) if switch.running() else SwitchState()
        return found

    def _state(self, pop: str) -> SwitchState:
        read = run_all({what: ovs.dump(self.place(pop), what) for what in _DUMPS})
        state = readback.switch_state(*(read[what] for what in _DUMPS))
        return self._bridging(pop, state) if self._settings.fail_mode == "standalone" else state

    def _bridging(self, pop: str, state: SwitchState) -> SwitchState:
        """With what a switch does that has taken over: a hidden rule, and addresses that it has learnt."""
        questions = {"rules": ("bridge/dump-flows", pop), "learnt": ("fdb/show", pop)}
        answers = run_all({what: self._question(pop, *words) for what, words in questions.items()})
        if not readback.bridges(answers["rules"]):
            return state
        ports = flooding.tree_ports(self._topology, pop) | readback.parse_learnt(answers["learnt"])
        return replace(state, flows=(*state.flows, *flooding.bridging(ports)))

    def live_ports(self, pop: str) -> frozenset[int]:
        """Of one switch."""
        return readback.parse_live_ports(run_all({pop: ovs.dump(self.place(pop), "ports-desc")})[pop])

    def bfd_settled(self) -> bool:
        """Whether every backbone port runs BFD at its configured pace; True without BFD.

        A session comes up at intervals of 1 s and negotiates the configured ones afterwards.
        """
        if self._settings.bfd_interval_ms is None:
            return True
        allowed_ms = readback.BFD_MULTIPLIER * BFD_SLACK * self._settings.bfd_interval_ms
        answers = run_all({pop: self._question(pop, "bfd/show") for pop in self._topology.names})
        sessions = [session for answer in answers.values() for session in readback.parse_bfd(answer).values()]
        settled = [session for session in sessions if session.forwarding and 0 < session.detect_ms <= allowed_ms]
        return len(settled) == 2 * len(self._topology.links)

    def trace_packet(self, pop: str, in_port: int, packet: bytes) -> trace.Trace:
        """What the real switch would do with this Ethernet frame: nothing is sent."""
        asked = ovs.trace(self.place(pop), self[pop].vswitchd_pid, in_port, packet)
        answers = run_all({"trace": asked, "ports": self._question(pop, "dpif/show")})
        return trace.parse_trace(answers["trace"], packet, trace.parse_ports(answers["ports"]))

    def watch(self, callback: PortChange) -> Watcher:
        """A watcher of all ports, not started yet."""
        return Watcher({pop: self.place(pop).database_socket for pop in self._topology.names}, callback)

    def stop(self) -> None:
        for switch in self._switches.values():
            switch.begin_stop()
        for switch in self._switches.values():
            switch.stop()

    def _tell(self, commands: Mapping[str, ovs.Command]) -> None:
        """Run these; a switch that is dead says why, not only that its socket is gone."""
        try:
            run_all(commands)
        except LabError as error:
            words = "\n".join(switch.obituary() for switch in self._switches.values() if not switch.running())
            raise LabError(f"{error}\n{words}".rstrip()) from None

    def _question(self, pop: str, *words: str) -> ovs.Command:
        return ovs.ask(self.place(pop), self[pop].vswitchd_pid, *words)
