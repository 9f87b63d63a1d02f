"""What this machine can do, in words: the door to ``findings``, ``abilities`` and ``machine``.

FAILSTATIC_DATAPATH=kernel|user and FAILSTATIC_LINKS=netem|relay force the choice.
"""

from __future__ import annotations

import os
from functools import cache

from topology.replica.abilities import Findings, judge
from topology.replica.findings import gather
from topology.replica.machine import DATAPATHS, LINKS, Ability, Machine

__all__ = ["DATAPATHS", "LINKS", "Ability", "Findings", "Machine", "judge", "probe"]


@cache
def probe() -> Machine:
    """Really try everything, in about 0.1 s; once per process.

    Raises InputError and MachineError when the environment forces what cannot be, and
    LabError when the program has started threads.
    """
    return judge(gather()).choose(
        datapath=os.environ.get("FAILSTATIC_DATAPATH"), links=os.environ.get("FAILSTATIC_LINKS")
    )
