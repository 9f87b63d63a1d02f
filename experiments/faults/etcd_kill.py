"""``etcd.kill``: members of the store that the brains elect their leader by are killed (SIGKILL).

Without its leader the store is mute for an election of its own; without a quorum it stays so, and
no brain may lead. The network goes on forwarding either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from experiments.faults.brains import LEADER
from experiments.faults.kind import ETCD, NO_SETTINGS, Evidence, Fact, Settings
from experiments.faults.members import members, needed, settled, settling, store
from experiments.faults.registry import FAULTS
from experiments.lab import Lab


@FAULTS.register
@dataclass(slots=True)
class EtcdKill:
    """Gone from the process table, answering nothing, and led by another member, or by none without a quorum."""

    kind: ClassVar[str] = "etcd.kill"
    aims_at: ClassVar[str] = ETCD
    severs: ClassVar[bool] = False
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...] = (LEADER,)

    def inject(self, lab: Lab) -> None:
        self.targets = settled(lab, self.targets)
        for member in members(lab, self.targets):
            member.kill()

    def proof(self, lab: Lab) -> Evidence:
        struck = store(lab)
        left = [name for name, member in struck.members.items() if member.state() == "running"]
        decides = len(left) >= needed(struck)
        leader, answering = settling(lab, struck, lambda leader, _: leader in left if decides else leader is None)
        running = [name for name in self.targets if name in left]
        return Evidence(
            (
                Fact("members_running", len(running), not running),
                Fact("members_answering", len(answering), answering.isdisjoint(self.targets)),
                Fact("store_leader", leader, leader in left if decides else leader is None),
            )
        )

    def heal(self, lab: Lab) -> None:
        for member in members(lab, self.targets):
            if member.state() == "gone":
                member.start()
