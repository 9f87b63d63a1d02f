"""The brain as a process: ``BrainControl`` over the very brain (``controller.brain.Brain``) and a modelled shim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from controller.election import Call
from controller.memory import RECONCILE
from controller.messages import (
    Answered,
    AskRole,
    BarrierReply,
    Command,
    Consult,
    Event,
    Mod,
    Note,
    Ordered,
    Program,
    ReadBack,
    Refused,
    RoleReply,
    SwitchDown,
    SwitchHello,
    Tick,
)
from controller.orders import Order
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.host import Host
from experiments.labs.modelled.mind import Mind
from experiments.labs.modelled.rconn import Connection, Dialer
from experiments.labs.modelled.session import Session
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.timers import ACK_BITS, BRAIN_MOD_S, BRAIN_START_S, STATS_EVERY_TICKS, TICK_S
from topology.addressing import OPENFLOW_PORT
from topology.errors import LabError
from topology.roles import IS_SLAVE, Role

_COUNTED = ("packet_ins", "flow_mods", "group_mods", "port_events", "barriers")
Log = Callable[..., None]


class BrainProcess(Host):
    """Implements ``BrainControl`` and ``rconn.Listener``. ``log(what, **data)`` gets its standard output."""

    def __init__(self, clock: Clock, mind: Mind, switches: Mapping[str, ModelSwitch], log: Log) -> None:
        super().__init__(clock)
        self._log, self._words = log, Counter[str]()
        self._newest: dict[str, Mapping[str, Any]] = {}
        self.dialers: Mapping[str, Dialer] = {}
        self.sessions: dict[str, Session] = {}
        self.counts: Counter[str] = Counter()
        self._mind, self._switches = mind, switches
        self._turns = self._happened = 0
        self._memory = RECONCILE
        self._ticks = 0
        self._free_s = 0.0
        """When it has sent all that it has to say."""

    # ---------------------------------------------------------- BrainControl

    def start(self) -> None:
        if self._state != "gone":
            return
        self._clock.run_until(self._clock.now + BRAIN_START_S)
        self._state, self._ticks, self._free_s = "running", 0, self._clock.now
        self._brain = self._mind.make(self._memory)
        self._memory = self._mind.returns
        self.counts.clear()
        self.log("ready", framework="modelled", port=OPENFLOW_PORT, took_ms=round(BRAIN_START_S * 1e3))
        if self._mind.ask is not None:
            self.dispatch(Tick())
        self.later(TICK_S, self._tick)

    def kill(self) -> None:
        self._turns += 1
        if self._state != "gone":
            self.sessions.clear()
            self.end()

    def pause(self) -> None:
        self._must_run()
        self._state = "stopped"

    def resume(self) -> None:
        self._must_run()
        self.wake()

    def throttle(self, share: float, period_s: float) -> None:
        """Nothing happens when it is gone."""
        self._turns += 1
        if self._state == "stopped":
            self.wake()
        if share < 1:
            self._rest(self._turns, share * period_s, (1 - share) * period_s)

    def _rest(self, turns: int, on_s: float, off_s: float) -> None:
        """Stand still, and go on, in turn, until somebody says otherwise."""
        if turns != self._turns or self._state == "gone":
            return
        self._state = "stopped"
        self._clock.after(off_s, lambda: self._go_on(turns, on_s, off_s))

    def _go_on(self, turns: int, on_s: float, off_s: float) -> None:
        if turns != self._turns or self._state == "gone":
            return
        self.wake()
        self._clock.after(on_s, lambda: self._rest(turns, on_s, off_s))

    def cpu_s(self) -> float:
        """As if it spent as much on each thing that happens to it as on a message that it sends."""
        return self._happened * BRAIN_MOD_S

    def tell(self, order: Order) -> None:
        self.do(lambda: self.dispatch(Ordered(order)))

    def said(self, what: str) -> int:
        return self._words[what]

    def last(self, what: str) -> Mapping[str, Any]:
        return self._newest.get(what, {})

    def log(self, what: str, **data: object) -> None:
        """A line on its standard output."""
        self._words[what] += 1
        self._newest[what] = data
        self._log(what, **data)

    def returns_as(self, memory: str) -> None:
        self._memory = memory

    def state(self) -> str:
        return self._state

    @property
    def idle(self) -> bool:
        """All barriers are in."""
        return not any(session.waiting for session in self.sessions.values())

    @property
    def charge(self) -> frozenset[str]:
        return frozenset(self.dialers)

    def connected(self) -> frozenset[str]:
        return frozenset(pop for pop, dialer in self.dialers.items() if dialer.established)

    def _must_run(self) -> None:
        if self._state == "gone":
            raise LabError("no controller is running that could be sent a signal")

    # ---------------------------------------------------------- the shim

    def hello(self, connection: Connection) -> None:
        answer = lambda: connection.to_switch(ACK_BITS, lambda: connection.dialer.greeted(connection))  # noqa: E731
        self.heard(connection, answer)

    def features(self, connection: Connection) -> None:
        self.heard(connection, lambda: self._connected(connection))

    def _connected(self, connection: Connection) -> None:
        if connection.pop in self.sessions:
            self.hang_up(self.sessions[connection.pop])
        self.log("hello", pop=connection.pop)
        session = self.sessions[connection.pop] = Session(self, connection, self._switches[connection.pop])
        self.dispatch(SwitchHello(connection.pop))
        session.ask()

    def echo(self, connection: Connection) -> None:
        self.heard(connection, lambda: connection.to_switch(ACK_BITS, lambda: None))

    def fin(self, connection: Connection) -> None:
        self.heard(connection, lambda: self._finished(connection))

    def _finished(self, connection: Connection) -> None:
        self.sockets.pop(connection, None)
        session = self.sessions.get(connection.pop)
        if session is not None and session.connection is connection:
            self._down(session)

    def hang_up(self, session: Session) -> None:
        """Close it from our side."""
        self.close(session.connection)
        self._down(session)

    def _down(self, session: Session) -> None:
        del self.sessions[session.pop]
        self.log("down", pop=session.pop)
        self.dispatch(SwitchDown(session.pop))

    def port_status(self, connection: Connection, number: int, live: bool, carrier: bool) -> None:
        def take() -> None:
            session = self.sessions.get(connection.pop)
            if session is not None and session.connection is connection:
                session.port(number, live, carrier)

        self.heard(connection, take)

    def confirmed(self, session: Session, program: Program, given_s: float) -> None:
        """A barrier is back."""
        took_ms = round((self._clock.now - given_s) * 1e3, 3)
        self.counts["barriers"] += 1
        session.waiting -= 1
        self.log("applied", pop=program.pop, token=program.token, mods=len(program.mods), took_ms=took_ms)
        self.dispatch(BarrierReply(session.pop, program.token))

    def refused(self, session: Session, program: Program, mod: Mod, code: str) -> None:
        self.log("error", pop=session.pop, code=code, token=program.token, mod=repr(mod))
        if code == IS_SLAVE:
            self.dispatch(Refused(session.pop, code))

    def role_answered(self, session: Session, role: Role, generation: int, refusal: str) -> None:
        if refusal:
            self.log("error", pop=session.pop, code=refusal, token=None, mod=None)
            self.dispatch(Refused(session.pop, refusal))
        else:
            self.log("role", pop=session.pop, role=role, generation=generation)
            self.dispatch(RoleReply(session.pop, role, generation))

    # ---------------------------------------------------------- to and from the brain

    def dispatch(self, event: Event) -> None:
        self._happened += 1
        commands: list[Command] = self._brain.handle(event, self._clock.now)
        for command in commands:
            match command:
                case Note(what, data):
                    self.log(what, **data)
                case Program():
                    self._order(command)
                case Consult(call):
                    self._consult(call)
                case AskRole(pop, role, generation) if pop in self.sessions:
                    self.sessions[pop].ask_role(role, generation)
                case ReadBack(pop) if pop in self.sessions:
                    self.sessions[pop].ask_again()

    def _consult(self, call: Call) -> None:
        if self._mind.ask is not None:
            answer, after_s = self._mind.ask(call)
            self.later(after_s, lambda: self.dispatch(Answered(answer)))

    def _order(self, program: Program) -> None:
        session = self.sessions.get(program.pop)
        if session is None:
            self.log("dropped", pop=program.pop, token=program.token, mods=len(program.mods))
            return
        given_s = self._clock.now
        session.waiting += 1
        self._free_s = max(self._free_s, given_s) + len(program.mods) * BRAIN_MOD_S
        self.later(self._free_s - given_s, lambda: session.order(program, given_s) if session.alive else None)

    def _tick(self) -> None:
        self._ticks += 1
        self.dispatch(Tick())
        if self._ticks % STATS_EVERY_TICKS == 0:
            counts: dict[str, Any] = {name: self.counts[name] for name in _COUNTED}
            self.counts.clear()
            self.log("stats", switches=len(self.sessions), **counts)
        self.later(TICK_S, self._tick)
