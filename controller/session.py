"""One connected switch: what it still has to tell before it counts as up, and what is on its way to it.

``controller.app`` decides what happens when; this keeps the book of one connection.
Sending never waits: a switch that does not read (hung, or behind a silent control
channel) must not hold up the others, so each has an outbox and a green thread of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from controller import openflow
from controller.messages import Mod, Program, SwitchUp
from controller.runtime import Framework
from topology.forwarding import GroupRule
from topology.roles import Role

_XID_MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Order:
    """A Program and when it was given (monotonic seconds)."""

    program: Program
    given_s: float


@dataclass(slots=True)
class _Reading:
    """What the switch has told so far; ``missing`` are the answers still to come."""

    cookies: set[int] = field(default_factory=set)
    groups: list[GroupRule] = field(default_factory=list)
    ports: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    """Port number → (live, carrier)."""
    missing: set[str] = field(default_factory=lambda: {"ports", "flows", "groups"})


class Session:
    """From features reply to the end of one connection."""

    def __init__(self, pop: str, datapath: Any, framework: Framework) -> None:
        self.pop = pop
        self.datapath = datapath
        self._reading = _Reading()
        self._awaited: dict[int, Order] = {}
        self._outbox: Any = framework.hub.Queue()
        self._writer = framework.spawn(self._write)
        self._kill = framework.hub.kill

    def ask(self) -> None:
        """Ask for flows and groups; the framework itself asks for the ports."""
        self._outbox.put((openflow.flows_request(self.datapath), openflow.groups_request(self.datapath)))

    def ask_again(self) -> None:
        """Ask for flows and groups anew, unless the first answers are still to come; ports are known."""
        if self.up:
            ports = self._reading.ports
            self._reading = _Reading(ports=ports, missing={"flows", "groups"})
            self.ask()

    def ask_role(self, role: Role, generation: int) -> None:
        self._outbox.put((openflow.role_request(self.datapath, role, generation),))

    def order(self, program: Program, now_s: float) -> None:
        """Put it into the outbox; ``confirmed`` tells when its barrier is back."""
        self._outbox.put(Order(program, now_s))

    def close(self) -> None:
        """Nothing more is sent; may be called twice."""
        self._kill(self._writer)

    # -------------------------------------------------------------- answers

    @property
    def up(self) -> bool:
        return not self._reading.missing

    def take_flows(self, message: Any) -> SwitchUp | None:
        """One part of the flow-stats reply. The last of all parts gives the SwitchUp."""
        self._reading.cookies.update(entry.cookie for entry in message.body)
        return self._answered("flows", message)

    def take_groups(self, message: Any) -> SwitchUp | None:
        """One part of the group-desc reply."""
        protocol = self.datapath.ofproto
        self._reading.groups.extend(openflow.group_rule(protocol, entry) for entry in message.body)
        return self._answered("groups", message)

    def take_ports(self, message: Any) -> SwitchUp | None:
        """One part of the port-desc reply."""
        protocol = self.datapath.ofproto
        for port in message.body:
            if openflow.is_data_port(protocol, port):
                self._reading.ports[port.port_no] = openflow.port_state(protocol, port)
        return self._answered("ports", message)

    def note_port(self, port: int, live: bool, carrier: bool) -> None:
        """A port changed: newer than what port-desc said."""
        self._reading.ports[port] = (live, carrier)

    def _answered(self, what: str, message: Any) -> SwitchUp | None:
        if message.flags & self.datapath.ofproto.OFPMPF_REPLY_MORE or self.up:
            return None
        self._reading.missing.discard(what)
        if not self.up:
            return None
        return self._switch_up(self._reading)

    def _switch_up(self, reading: _Reading) -> SwitchUp:
        return SwitchUp(
            self.pop,
            cookies=frozenset(reading.cookies),
            groups=tuple(reading.groups),
            ports={port: live for port, (live, _) in reading.ports.items()},
            without_carrier=frozenset(port for port, (_, carrier) in reading.ports.items() if not carrier),
        )

    def confirmed(self, xid: int) -> Order | None:
        """The order whose barrier has this transaction number."""
        return self._awaited.pop(xid, None)

    def blamed(self, xid: int) -> tuple[Order, Mod] | None:
        """The order and mod that an error with this transaction number is about, while its barrier is out."""
        for barrier, order in self._awaited.items():
            back = (barrier - xid) & _XID_MASK
            if 0 < back <= len(order.program.mods):
                return order, order.program.mods[-back]
        return None

    # -------------------------------------------------------------- sending

    def _write(self) -> None:
        while True:
            job = self._outbox.get()
            messages = self._messages(job) if isinstance(job, Order) else job
            self.datapath.send(self._serialised(messages, job))

    def _messages(self, order: Order) -> list[Any]:
        mods = [openflow.message(self.datapath, mod) for mod in order.program.mods]
        return [*mods, openflow.barrier_request(self.datapath)]

    def _serialised(self, messages: Any, job: Any) -> bytearray:
        """All of one job in one buffer: one system call instead of one per message."""
        buffer = bytearray()
        for message in messages:
            xid = self.datapath.set_xid(message)
            message.serialize()
            buffer += message.buf
        if isinstance(job, Order):
            self._awaited[xid] = job
        return buffer
