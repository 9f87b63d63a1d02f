"""``switch.crash``: a PoP's ovs-vswitchd is killed. Its rules are lost; its ports keep carrier, only BFD sees it.

On the kernel datapath (not in user space) flows that are cached go on forwarding until they expire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from experiments.faults.kind import NO_SETTINGS, SWITCH, Evidence, Fact, Settings, drained, until
from experiments.faults.pops import links_at, running, sent_by, start
from experiments.faults.registry import FAULTS
from experiments.faults.severed import PROOF_S, WINDOW_S, carriers, no_frames
from experiments.lab import Lab


@FAULTS.register
@dataclass(slots=True)
class SwitchCrash:
    """Gone from the process table, carrier on every link, and nothing comes from there any more."""

    kind: ClassVar[str] = "switch.crash"
    aims_at: ClassVar[str] = SWITCH
    severs: ClassVar[bool] = True
    restores: ClassVar[bool] = False
    settings: ClassVar[Settings] = NO_SETTINGS
    targets: tuple[str, ...]
    before: int = field(default=0, init=False)

    def inject(self, lab: Lab) -> None:
        for pop in self.targets:
            lab.switches[pop].crash()
        self.before = sent_by(lab, self.targets)

    def proof(self, lab: Lab) -> Evidence:
        links = links_at(lab, self.targets)
        until(lab, lambda: not running(lab, self.targets), PROOF_S)
        drained(lab, links)
        alive, had = running(lab, self.targets), sent_by(lab, self.targets)
        lab.wait_until(lab.now_s() + WINDOW_S)
        since = sent_by(lab, self.targets) - had
        return Evidence(
            (
                Fact("switches_running", alive, alive == 0),
                carriers(links, lit=True),
                *no_frames(since, self.before),
            )
        )

    def heal(self, lab: Lab) -> None:
        start(lab, self.targets)
