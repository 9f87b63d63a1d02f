"""The switch process of one modelled PoP: killed, it forgets its rules, falls silent and hangs up.

Its ports keep their carrier, as those of a killed ovs-vswitchd do: the far ends notice by BFD alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.rconn import Dialer
from experiments.labs.modelled.switch import ModelSwitch
from experiments.labs.modelled.timers import MAX_BACKOFF_S, VSWITCHD_START_S
from experiments.labs.modelled.wire import Wire


class Vswitchd:
    """Implements ``SwitchControl``."""

    def __init__(self, clock: Clock, switch: ModelSwitch, dialers: Sequence[Dialer], wires: Mapping[str, Wire]) -> None:
        self._clock, self._switch, self._dialers = clock, switch, dialers
        self._starts = 0
        self._running = True
        ends = ((wires[port.link], port) for port in switch.ports.values())
        self._sessions = [(wire.bfd, wire.ends.index(port)) for wire, port in ends if wire.bfd is not None]

    def crash(self) -> None:
        self._running, self._starts = False, self._starts + 1
        if self._switch.up:
            for bfd, end in self._sessions:
                bfd.crash(end)
            self._switch.crash()
            for dialer in self._dialers:
                dialer.crash()

    def start(self) -> None:
        if not self._running:
            self._running, start = True, self._starts
            self._clock.after(VSWITCHD_START_S, lambda: self._up() if start == self._starts else None)

    def _up(self) -> None:
        """It seeks the brain at once; a max_backoff that stands in its database is not heeded (``timers``)."""
        self._switch.restart()
        for bfd, end in self._sessions:
            bfd.restart(end)
        for dialer in self._dialers:
            dialer.max_backoff_s = MAX_BACKOFF_S
            dialer.connect()

    def ready(self) -> bool:
        return self._switch.up

    def running(self) -> bool:
        return self._running

    def live_ports(self) -> frozenset[int]:
        return self._switch.track.last.state.live_ports
