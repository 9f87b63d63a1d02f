"""The switch of one emulated PoP as an object that can be broken: its ovs-vswitchd killed and started again."""

from __future__ import annotations

from collections.abc import Callable

from topology.replica.vswitch import VSwitch


class EmulatedSwitch:
    """Implements ``SwitchControl``. ``lift`` gives a new process the priority that the old one had."""

    def __init__(
        self, vswitch: VSwitch, *, live_ports: Callable[[], frozenset[int]], lift: Callable[[int], object]
    ) -> None:
        self._vswitch, self._live_ports, self._lift = vswitch, live_ports, lift

    def crash(self) -> None:
        self._vswitch.crash()

    def start(self) -> None:
        if not self.running():
            self._vswitch.begin_restart()
            self._lift(self._vswitch.vswitchd_pid)

    def ready(self) -> bool:
        return self._vswitch.ready()

    def running(self) -> bool:
        return self._vswitch.running()

    def live_ports(self) -> frozenset[int]:
        return self._live_ports() if self.running() else frozenset()
