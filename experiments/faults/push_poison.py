"""``push.poison``: a bad version of the configuration goes out, to PoPs whose build it breaks and to others.

Its target is whom it harms, all PoPs when absent; it is brought to every PoP. Settings:

    mode      crash: the PoP's edge service is down, transit goes on
              wrong: packets to some destinations go to another PoP; longer: by way of another PoP
    delay     from a version's arrival to the crash (whole seconds); needs no brain to come
    share     of destinations, for wrong and longer (100 %)
    stages    instant, or 1-5-25-100 %: share of the PoPs that have it after each stage
    gate      from a stage's arrival until its health is looked at: a crash seen stops the rollout
    canaries  any: the topology's order; same: those that it harms come first; other: they come last
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from controller.edge import CRASH, GOOD, MODES, Config
from controller.orders import Push, Rollback
from experiments.faults.kind import PUSH, Evidence, Settings
from experiments.faults.pushing import ROLLOUT, Pushing
from experiments.faults.registry import FAULTS
from experiments.lab import Lab
from topology.errors import unknown
from topology.units import parse_share, parse_time_s

CANARIES = ("any", "same", "other")


def one_of(what: str, known: Sequence[str]) -> Callable[[object], str]:
    """A reader of a word. It raises ValueError, naming the known ones."""

    def read(text: object) -> str:
        if text not in known:
            raise ValueError(unknown(what, str(text), known))
        return str(text)

    return read


def _delay(text: object) -> int:
    """Raises ValueError for parts of a second: an OpenFlow timeout has none."""
    delay_s = parse_time_s(text)
    if delay_s != int(delay_s):
        raise ValueError(f"'{text}' is not a whole number of seconds, which OpenFlow's timeouts count in")
    return int(delay_s)


@FAULTS.register
@dataclass(slots=True)
class PushPoison(Pushing):
    """The brain brings it to the PoPs of the first stage, and their tables hold the new version."""

    kind: ClassVar[str] = "push.poison"
    aims_at: ClassVar[str] = PUSH
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = {
        "mode": one_of("mode", [mode for mode in MODES if mode != GOOD]),
        "delay": _delay,
        "share": parse_share,
        "canaries": one_of("canaries", CANARIES),
        **ROLLOUT,
    }
    targets: tuple[str, ...]
    mode: str = CRASH
    delay: int = 0
    share: float = 1.0
    canaries: str = "any"
    stages: tuple[float, ...] = (1.0,)
    gate: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for settings that mean nothing together."""
        if self.delay and self.mode != CRASH:
            raise ValueError(f"only a crash can be delayed; '{self.mode}' is at once")

    def inject(self, lab: Lab) -> None:
        config = Config(self.mode, self.delay, self.share, self.targets)
        self.push(lab, Push(config, self._order(lab.topology.names), self.stages, self.gate))

    def _order(self, everyone: Sequence[str]) -> tuple[str, ...]:
        rank = {"any": 0, "same": -1, "other": 1}[self.canaries]
        return tuple(sorted(everyone, key=lambda pop: rank * (pop in self.targets)))

    def proof(self, lab: Lab) -> Evidence:
        return self.arrived(lab)

    def heal(self, lab: Lab) -> None:
        self.tell(lab, Rollback(to_first=True))
