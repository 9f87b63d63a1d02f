"""The switch of one emulated PoP as an object that can be broken: its ovs-vswitchd killed and started again."""

from __future__ import annotations

from collections.abc import Callable

from topology.replica.vswitch import VSwitch


class EmulatedSwitch:
    """Implements ``SwitchControl``. ``lift`` gives a new process the priority that the old one had."""

    def __init__(self, vswitch: VSwitch, lift: Callable[[int], object]) -> None:
        self._vswitch, self._lift = vswitch, lift

    def crash(self) -> None:
        self._vswitch.crash()

    def start(self) -> None:
        if not self.running():
            self._vswitch.restart()
            self._lift(self._vswitch.vswitchd_pid)

    def running(self) -> bool:
        return self._vswitch.running()
