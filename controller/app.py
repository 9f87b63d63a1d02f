"""The shim between the switches and the brain, and the only reader of the clock here.

A switch's story: features reply → we ask for its flows (ours, by cookie) and groups, the
framework for its ports → all three in: ``SwitchUp`` → port changes, barrier replies, until
``SwitchDown``. The brain answers each event with commands: ``Program`` goes to the switch,
``Note`` to the log. The log is one JSON object a line on stdout, stamped with the real-time
clock (``t_ns``), which all parts of an experiment share.

    ready     framework, version, port, took_ms     listening in a moment
    hello     pop                                   a switch connected
    up        pop, flows, groups, ports, live       … and was read back
    down      pop                                   its connection ended
    port      pop, port, live, carrier
    applied   pop, token, mods, took_ms             a Program is in force: its barrier is back
    error     pop, type, code, token, mod           a switch refused something
    role      pop, role, generation                 a switch gave us this role
    dropped   pop, token, mods                      ordered while it was not connected
    stats     switches, packet_ins, flow_mods, group_mods, port_events, barriers    every second: since the last
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from controller import openflow
from controller.election import Answer, Call
from controller.log import age_s, write_line
from controller.messages import (
    Answered,
    AskRole,
    BarrierReply,
    Command,
    Consult,
    Event,
    Note,
    Ordered,
    PortStatus,
    Program,
    ReadBack,
    Refused,
    RoleReply,
    SwitchDown,
    SwitchHello,
    SwitchUp,
    Tick,
)
from controller.orders import Inbox, parse
from controller.runtime import Framework, Handler, serve
from controller.session import Session
from topology.addressing import datapath_id
from topology.errors import InputError
from topology.model import Topology

TICK_S = 0.1
_STATS_EVERY_TICKS = 10
_COUNTED = ("packet_ins", "flow_mods", "group_mods", "port_events", "barriers")

Log = Callable[..., None]


class Brain(Protocol):
    """What the shim asks of ``controller.brain.Brain``."""

    def handle(self, event: Event, now: float) -> Sequence[Command]: ...


class Store(Protocol):
    """Where several brains elect their leader: ``controller.etcd.Store``."""

    def answer(self, call: Call) -> Answer:
        """Waits, for a bounded time."""


def run(framework: Framework, topology: Topology, brain: Brain, port: int, store: Store | None = None) -> None:
    """Listen on ``port`` and let ``brain`` run the switches until the process is killed."""
    shim = Shim(framework, topology, brain, write_line)
    ready = {"framework": framework.name, "version": framework.version, "port": port}
    write_line("ready", **ready, took_ms=round(age_s() * 1e3))

    def begin() -> None:
        framework.spawn(shim.tick_for_ever)
        if store is not None:
            framework.spawn(lambda: shim.consult_for_ever(store))

    serve(framework, port, shim.handlers(), begin)


class Shim:
    """All switches of one controller. Every method runs in the framework's one thread, none waits for anything."""

    def __init__(self, framework: Framework, topology: Topology, brain: Brain, log: Log) -> None:
        self._framework = framework
        self._brain = brain
        self._log = log
        self._names = {datapath_id(pop.index): pop.name for pop in topology.pops}
        self._sessions: dict[str, Session] = {}
        self._counts: Counter[str] = Counter()
        self._calls: Any = framework.hub.Queue()

    def handlers(self) -> Mapping[str, Handler]:
        """The framework's event names and what to do at each."""
        return {
            "EventOFPSwitchFeatures": self._connected,
            "EventOFPStateChange": self._state_changed,
            "EventOFPPortDescStatsReply": lambda event: self._answer(event, Session.take_ports),
            "EventOFPFlowStatsReply": lambda event: self._answer(event, Session.take_flows),
            "EventOFPGroupDescStatsReply": lambda event: self._answer(event, Session.take_groups),
            "EventOFPPortStatus": self._port_changed,
            "EventOFPBarrierReply": self._barrier,
            "EventOFPErrorMsg": self._refused,
            "EventOFPRoleReply": self._role_given,
            "EventOFPPacketIn": lambda _event: self._counts.update(packet_ins=1),
        }

    def tick_for_ever(self) -> None:
        """A Tick for the brain every TICK_S, a line of statistics every tenth."""
        ticks, inbox = 0, Inbox()
        while True:
            self._framework.hub.sleep(TICK_S)
            ticks += 1
            for line in inbox.take():
                self._obey(line)
            self._dispatch(Tick())
            if ticks % _STATS_EVERY_TICKS == 0:
                counts = {name: self._counts[name] for name in _COUNTED}
                self._counts.clear()
                self._log("stats", switches=len(self._sessions), **counts)

    def _obey(self, line: str) -> None:
        """An operator's order, or a line in the log that it is none."""
        try:
            self._dispatch(Ordered(parse(line)))
        except InputError as error:
            self._log("misunderstood", why=str(error))

    def consult_for_ever(self, store: Store) -> None:
        """Put the brain's calls to the store, one after the other, each in a thread that may wait.

        The first at once: who knows the leader's generation before a switch connects is granted SLAVE there.
        """
        self._dispatch(Tick())
        while True:
            answer = self._framework.in_thread(partial(store.answer, self._calls.get()))
            self._dispatch(Answered(answer))

    # -------------------------------------------------------------- events of the framework

    def _connected(self, event: Any) -> None:
        datapath = event.msg.datapath
        pop = self._names.get(event.msg.datapath_id)
        if pop is None:
            self._log("stranger", dpid=event.msg.datapath_id)
            datapath.close()
            return
        if pop in self._sessions:
            # The old connection is half open: the switch gave it up, its FIN never came.
            self._disconnected(self._sessions[pop])
        self._log("hello", pop=pop)
        self._sessions[pop] = session = Session(pop, datapath, self._framework)
        self._dispatch(SwitchHello(pop))
        session.ask()

    def _state_changed(self, event: Any) -> None:
        session = self._session(event.datapath)
        if session is not None and event.state == self._framework.dead:
            self._disconnected(session)

    def _disconnected(self, session: Session) -> None:
        del self._sessions[session.pop]
        session.close()
        session.datapath.close()
        self._log("down", pop=session.pop)
        self._dispatch(SwitchDown(session.pop))

    def _answer(self, event: Any, take: Callable[[Session, Any], SwitchUp | None]) -> None:
        session = self._session(event.msg.datapath)
        up = take(session, event.msg) if session is not None else None
        if up is not None:
            live = sorted(port for port, is_live in up.ports.items() if is_live)
            counts = {"flows": len(up.cookies), "groups": len(up.groups), "ports": len(up.ports)}
            self._log("up", pop=up.pop, **counts, live=live)
            self._dispatch(up)
            self._framework.hub.sleep(0)  # many that are read back at once must not keep a lease waiting

    def _port_changed(self, event: Any) -> None:
        session, port = self._session(event.msg.datapath), event.msg.desc
        protocol = event.msg.datapath.ofproto
        if session is None or not openflow.is_data_port(protocol, port):
            return
        live, carrier = openflow.port_state(protocol, port)
        if event.msg.reason == protocol.OFPPR_DELETE:
            live = carrier = False
        self._counts.update(port_events=1)
        self._log("port", pop=session.pop, port=port.port_no, live=live, carrier=carrier)
        session.note_port(port.port_no, live, carrier)
        if session.up:
            self._dispatch(PortStatus(session.pop, port.port_no, live, carrier))

    def _barrier(self, event: Any) -> None:
        session = self._session(event.msg.datapath)
        order = session.confirmed(event.msg.xid) if session is not None else None
        if session is None or order is None:
            return
        program = order.program
        took_ms = round((time.monotonic() - order.given_s) * 1e3, 3)
        self._counts.update(barriers=1)
        self._log("applied", pop=program.pop, token=program.token, mods=len(program.mods), took_ms=took_ms)
        self._dispatch(BarrierReply(program.pop, program.token))

    def _refused(self, event: Any) -> None:
        message, protocol = event.msg, event.msg.datapath.ofproto
        session = self._session(message.datapath)
        blamed = session.blamed(message.xid) if session is not None else None
        self._log(
            "error",
            pop=session.pop if session is not None else None,
            type=protocol.ofp_error_type_to_str(message.type),
            code=protocol.ofp_error_code_to_str(message.type, message.code),
            token=blamed[0].program.token if blamed else None,
            mod=repr(blamed[1]) if blamed else None,
        )
        if session is not None and (code := openflow.replaced(protocol, message.type, message.code)):
            self._dispatch(Refused(session.pop, code))

    def _role_given(self, event: Any) -> None:
        session, message = self._session(event.msg.datapath), event.msg
        if session is not None:
            role = openflow.role(message.datapath.ofproto, message.role)
            self._log("role", pop=session.pop, role=role, generation=message.generation_id)
            self._dispatch(RoleReply(session.pop, role, message.generation_id))

    # -------------------------------------------------------------- to and from the brain

    def _session(self, datapath: Any) -> Session | None:
        """None for a connection that has been replaced, or was never accepted."""
        session = self._sessions.get(self._names.get(datapath.id, ""))
        return session if session is not None and session.datapath is datapath else None

    def _dispatch(self, event: Event) -> None:
        for command in self._brain.handle(event, time.monotonic()):
            match command:
                case Note(what, data):
                    self._log(what, **data)
                case Program():
                    self._order(command)
                case Consult(call):
                    self._calls.put(call)
                case AskRole(pop, role, generation) if pop in self._sessions:
                    self._sessions[pop].ask_role(role, generation)
                case ReadBack(pop) if pop in self._sessions:
                    self._sessions[pop].ask_again()

    def _order(self, program: Program) -> None:
        session = self._sessions.get(program.pop)
        if session is None:
            self._log("dropped", pop=program.pop, token=program.token, mods=len(program.mods))
            return
        flow_mods = sum(map(openflow.is_flow_mod, program.mods))
        self._counts.update(flow_mods=flow_mods, group_mods=len(program.mods) - flow_mods)
        session.order(program, time.monotonic())
