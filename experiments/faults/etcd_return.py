"""``etcd.return``: killed members of the brains' store run again, with what they had on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.ending import Ending
from experiments.faults.kind import ALL, ETCD, Evidence, Fact
from experiments.faults.members import members, settled, settling, store
from experiments.faults.registry import FAULTS
from experiments.lab import Lab


@FAULTS.register
@dataclass(slots=True)
class EtcdReturn(Ending):
    """Running in the process table, every one answers, and they have a leader."""

    kind: ClassVar[str] = "etcd.return"
    aims_at: ClassVar[str] = ETCD
    targets: tuple[str, ...] = (ALL,)

    def inject(self, lab: Lab) -> None:
        """What healing left to do: members that died by themselves."""
        self.targets = settled(lab, self.targets)
        for member in members(lab, self.targets):
            if member.state() == "gone":
                member.start()

    def proof(self, lab: Lab) -> Evidence:
        found, wanted = store(lab), set(self.targets)
        leader, answering = settling(lab, found, lambda leader, told: wanted <= told and leader is not None)
        states = {member.state() for member in members(lab, self.targets)}
        return Evidence(
            (
                Fact("members", " and ".join(sorted(states)), states == {"running"}),
                Fact("members_answering", len(answering), wanted <= answering),
                Fact("store_leader", leader, leader is not None),
            )
        )
