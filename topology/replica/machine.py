"""What a machine can do, as data: abilities in words, and what will be used therefore."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from topology.errors import InputError, MachineError, unknown

DATAPATHS = {"kernel": ("datapath",), "user": ("tun",)}
"""Open vSwitch's data plane → the abilities it stands on."""
LINKS = {"netem": ("netem", "policer"), "relay": ("tun",)}
_ALWAYS = ("namespaces", "veth", "iproute2", "openvswitch", "mininet", "iperf3", "memory")
_FRAMEWORKS = ("ryu", "os-ken")


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing a machine can or cannot do."""

    name: str
    ok: bool
    detail: str
    """What was seen: a version, a number, the kernel's own words."""
    remedy: str = ""
    """The command or the words that get it; empty when it is there."""
    instead: str = ""
    """What takes its place where it is missing; empty when nothing does, or when it is there."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found, and the choice made from it."""

    abilities: tuple[Ability, ...]
    kernel: str
    system: str
    root: bool
    cores: int
    memory_mb: int
    """Available now, after the control group's limit."""
    priority: str
    """What a process gets that asks for the highest: ``"SCHED_FIFO 50"``, ``"nice -20"``, ``"nice 0"``."""
    datapath: str
    """``"kernel"`` or ``"user"``."""
    links: str
    """``"netem"`` or ``"relay"``."""

    def ability(self, name: str) -> Ability:
        """Raises InputError for a name that there is not."""
        for ability in self.abilities:
            if ability.name == name:
                return ability
        raise InputError(unknown("ability", name, (ability.name for ability in self.abilities)))

    def has(self, *names: str) -> bool:
        """All of them."""
        return all(self.ability(name).ok for name in names)

    @property
    def realtime(self) -> bool:
        return self.has("realtime")

    def missing(self) -> list[Ability]:
        """What an emulated run with this datapath and these links needs and does not have."""
        names = dict.fromkeys((*_ALWAYS, *DATAPATHS[self.datapath], *LINKS[self.links]))
        lacking = [self.ability(name) for name in names if not self.has(name)]
        if not any(self.has(framework) for framework in _FRAMEWORKS):
            lacking.append(self.ability(_FRAMEWORKS[0]))
        return lacking

    def choose(self, *, datapath: str | None = None, links: str | None = None) -> Machine:
        """The same machine with these forced; None leaves the choice as it is.

        Raises InputError for an unknown word, MachineError where this machine cannot.
        """
        forced = replace(self, datapath=datapath or self.datapath, links=links or self.links)
        for kind, word, known in (("datapath", datapath, DATAPATHS), ("kind of link", links, LINKS)):
            if word and word not in known:
                raise InputError(unknown(kind, word, known))
            for name in known[word] if word else ():
                if not self.has(name):
                    ability = self.ability(name)
                    ways = ability.remedy + (f"; or do not force it: {ability.instead}" if ability.instead else "")
                    raise MachineError(f"{kind} '{word}' does not work here: {ability.detail}", ways)
        return forced

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)
