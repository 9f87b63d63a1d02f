"""The brain's view of one connected switch: what ``controller.session`` and the shim keep of it.

From the features reply on: ask for ports, flows and groups; ``SwitchUp`` when they are in; then
programs and their barriers, port events, and a keep-alive every five seconds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from controller.messages import AddFlow, DeleteFlow, DeleteOwned, PortStatus, Program, SwitchUp
from experiments.labs.modelled.rconn import Connection
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.timers import ACK_BITS, BRAIN_ECHO_MISSES, BRAIN_ECHO_S, MOD_BITS
from topology.forwarding import OWNER, OWNER_MASK
from topology.roles import IS_SLAVE, Role

if TYPE_CHECKING:
    from experiments.labs.modelled.process import BrainProcess


class Session:
    """From features reply to the end of one connection."""

    def __init__(self, brain: BrainProcess, connection: Connection, switch: ModelSwitch) -> None:
        self.pop, self.connection = connection.pop, connection
        self.up = False
        self.waiting = 0
        """Programs whose barrier is not back."""
        self._brain, self._switch = brain, switch
        self._unanswered = 0

    @property
    def alive(self) -> bool:
        return self._brain.sessions.get(self.pop) is self

    def ask(self) -> None:
        """For flows, groups and ports; and begin to keep alive."""
        self.connection.to_switch(ACK_BITS, self._read)
        self._keep_alive()

    def ask_again(self) -> None:
        """Read it back once more, unless the first answers are still to come."""
        if self.up:
            self.up = False
            self.connection.to_switch(ACK_BITS, self._read)

    def ask_role(self, role: Role, generation: int) -> None:
        self.connection.to_switch(ACK_BITS, lambda: self._take_role(role, generation))

    def _take_role(self, role: Role, generation: int) -> None:
        """At the switch: grant it or not, answer."""
        refusal = self._switch.roles.request(self.connection, role, generation)
        answered = partial(self._brain.role_answered, self, role, generation, refusal)
        self.connection.to_brain(ACK_BITS, lambda: self._brain.heard(self.connection, answered))

    def _read(self) -> None:
        """At the switch: all three answers."""
        up = self._switch_up()
        bits = MOD_BITS * (len(up.cookies) + len(up.groups) + len(up.ports))
        self.connection.to_brain(bits, lambda: self._brain.heard(self.connection, lambda: self._take(up)))

    def _switch_up(self) -> SwitchUp:
        switch = self._switch
        cookies = (rule.cookie for rule in switch.flows.values())
        return SwitchUp(
            self.pop,
            frozenset(cookie for cookie in cookies if cookie & OWNER_MASK == OWNER << 48),
            tuple(switch.groups.values()),
            {number: port.live for number, port in switch.ports.items()},
            frozenset(number for number, port in switch.ports.items() if not port.announced),
        )

    def _take(self, up: SwitchUp) -> None:
        if not self.alive or self.up:
            return
        self.up = True
        # the host's port is one of them, as the switch tells it
        live = [1, *(port for port, is_live in sorted(up.ports.items()) if is_live)]
        counts = {"flows": len(up.cookies), "groups": len(up.groups), "ports": len(up.ports) + 1}
        self._brain.log("up", pop=self.pop, **counts, live=live)
        self._brain.dispatch(up)

    def port(self, number: int, live: bool, carrier: bool) -> None:
        """A port status came. Before the switch is up it is older than what ``_read`` will say."""
        self._brain.counts["port_events"] += 1
        self._brain.log("port", pop=self.pop, port=number, live=live, carrier=carrier)
        if self.up:
            self._brain.dispatch(PortStatus(self.pop, number, live, carrier))

    def order(self, program: Program, given_s: float) -> None:
        """Send the mods and a barrier."""
        flow_mods = sum(isinstance(mod, (AddFlow, DeleteFlow, DeleteOwned)) for mod in program.mods)
        self._brain.counts.update(flow_mods=flow_mods, group_mods=len(program.mods) - flow_mods)
        self.connection.to_switch(MOD_BITS * len(program.mods), lambda: self._obey(program, given_s))

    def _obey(self, program: Program, given_s: float) -> None:
        """At the switch: do it, answer."""
        writes = self._switch.roles.may_write(self.connection)
        refused = self._switch.apply(program.mods) if writes else [(mod, IS_SLAVE) for mod in program.mods]
        brain, connection = self._brain, self.connection
        for mod, code in refused:
            connection.to_brain(
                ACK_BITS,
                lambda mod=mod, code=code: brain.heard(connection, lambda: brain.refused(self, program, mod, code)),  # type: ignore[misc]
            )
        connection.to_brain(ACK_BITS, lambda: brain.heard(connection, lambda: brain.confirmed(self, program, given_s)))

    def _keep_alive(self) -> None:
        if not self.alive:
            return
        if self._unanswered > BRAIN_ECHO_MISSES:
            self._brain.hang_up(self)
            return
        self._unanswered += 1
        self.connection.to_switch(ACK_BITS, self._echo)
        self._brain.later(BRAIN_ECHO_S, self._keep_alive)

    def _echo(self) -> None:
        """At the switch: answer."""
        self.connection.to_brain(ACK_BITS, lambda: self._brain.heard(self.connection, self._answered))

    def _answered(self) -> None:
        self._unanswered = 0
