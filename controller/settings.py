"""What a policy decides about the brain, as frozen data; the controller process gets it as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from controller import memory as memories
from controller import unknown as beliefs
from controller.paths import Hops


@dataclass(frozen=True, slots=True)
class BrainSettings:
    """What a policy decides about the brain."""

    guard_timeout_s: int = 0
    """Life of the heartbeat rules without a refresh (whole seconds, as in OpenFlow); 0: for ever."""
    withdraws: bool = False
    """What ends with the heartbeat: only the PoP's own prefix (fails closed), else all forwarding."""
    refresh_s: float = 1.0
    fast_reroute: bool = False
    protect: Literal["link", "node"] = "node"
    """What a repair goes round: the link, or the neighbour as well, where a packet would only cross it."""
    settle_s: float = 3.0
    """How long a port may take to come up, and the whole network to connect."""
    drain_s: float = 1.0
    """How long the old version stays after the ingress flipped: longest path plus queues."""
    steering: tuple[Hops, ...] = ()
    returns: str = memories.RECONCILE
    """What it remembers when it is started again (``controller.memory``)."""
    least_kept: float = 0.2
    """A reconcile that would leave a smaller share of the rules that are there is refused: missing is not
    empty. 0: nothing is refused."""
    unknown_means: str = beliefs.STATIC
    """What it thinks of PoPs whose control channel is gone (``controller.unknown``)."""
    stale_s: float = 3.0
    """How long a stale snapshot is believed before the switches are."""
    slices: int = 1
    """Into how many the network is cut, each with a brain of its own (``controller.slices``) …"""
    slice: int = 0
    """… and which of them is this one's."""
    withheld: int = 0
    """So many PoPs, the last of the inventory, get no label rules: a broken design, to prove that checks can fail."""
