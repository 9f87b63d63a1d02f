"""What a configuration does to the edge service of a PoP, as rules above the brain's own. Pure.

The edge service is what the PoP does for its own customers: taking in their packets, delivering
theirs. Transit is none of it, and goes on when the service crashes (as the backbone did on
2025-11-18, blog.cloudflare.com/18-november-2025-outage). The rules carry a mark of their own
(``CONFIG_OWNER``), so a brain that reconciles, wipes or forgets leaves the configuration as it is.

    good     no rule but the marker of its version
    crash    packets from the host, to it, and with the PoP's own SID at the bottom are dropped. With a
             delay the same rules lie beneath others that carry on as before and have a hard timeout:
             the crash comes by itself, brain or no brain
    wrong    packets to some destinations get the node SID of another PoP, where nobody waits for them
    longer   they go by way of another PoP first
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.pipeline import GUARD, INGRESS, LABELS
from topology import addressing, labels
from topology.forwarding import (
    CONFIG_OWNER,
    ETH_IPV4,
    ETH_MPLS,
    Action,
    FlowRule,
    Match,
    Output,
    Pop,
    Push,
    SwitchState,
)
from topology.model import HOST_PORT, Topology

GOOD, CRASH, WRONG, LONGER = "good", "crash", "wrong", "longer"
MODES = (GOOD, CRASH, WRONG, LONGER)
BAD_PRIORITY, CARRY_ON_PRIORITY = 300, 310
ETH_LOCAL_EXPERIMENT = 0x88B5
"""IEEE 802's local experimental EtherType 1: nothing here sends it."""


@dataclass(frozen=True, slots=True)
class Config:
    """One version of the configuration."""

    mode: str = GOOD
    delay_s: int = 0
    """From its arrival to the crash (whole seconds, as OpenFlow's timeouts)."""
    share: float = 1.0
    """Of the destinations that a ``wrong`` or ``longer`` version sends astray."""
    harms: tuple[str, ...] = ()
    """The PoPs whose build it is bad for; others take it as a good one."""

    def bad_for(self, pop: str) -> bool:
        return self.mode != GOOD and pop in self.harms

    def crashed(self, pop: str, age_s: float) -> bool:
        """Whether the service at ``pop`` is down so long after the version came into force."""
        return self.mode == CRASH and self.bad_for(pop) and age_s >= self.delay_s


def marker(version: int) -> FlowRule:
    """A rule that no packet meets; its priority tells a reader of the table which version is installed."""
    return FlowRule(GUARD, version, Match(eth_type=ETH_LOCAL_EXPERIMENT)).signed(CONFIG_OWNER)


def installed(state: SwitchState) -> int:
    """The version whose marker a switch holds; 0 without any."""
    found = (rule for rule in state.flows if rule.owner == CONFIG_OWNER)
    return max((rule.priority for rule in found if rule.match.eth_type == ETH_LOCAL_EXPERIMENT), default=0)


def rules(
    config: Config, topology: Topology, pop: str, version: int, within: Sequence[str] = ()
) -> tuple[FlowRule, ...]:
    """What the switch at ``pop`` gets above its own rules; ``version`` is the version bit of the labels in use.

    ``within``: PoPs that its brain has labels to, and so can send astray; all when empty.
    """
    if not config.bad_for(pop):
        return ()
    own = topology.pop(pop).index
    found = _crash(own, config.delay_s) if config.mode == CRASH else _astray(config, topology, own, version, within)
    return tuple(rule.signed(CONFIG_OWNER) for rule in found)


def _crash(own: int, delay_s: int) -> Iterator[FlowRule]:
    for table, match, actions, goto in _service(own):
        if delay_s:
            yield FlowRule(table, CARRY_ON_PRIORITY, match, actions, goto, delay_s)
        yield FlowRule(table, BAD_PRIORITY, match)


def _service(own: int) -> Iterator[tuple[int, Match, tuple[Action, ...], int | None]]:
    """The doors of the service (table, match) and what goes on behind them (actions, next table)."""
    yield GUARD, Match(in_port=HOST_PORT, eth_type=ETH_IPV4), (), INGRESS
    yield GUARD, Match(eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(own)), (), INGRESS
    for label in (labels.node(own, 0), labels.node(own, 1), labels.prefix(own)):
        match = Match(eth_type=ETH_MPLS, mpls_label=label, mpls_bos=1)
        yield LABELS, match, (Pop(ETH_IPV4), Output(HOST_PORT)), None


def _astray(config: Config, topology: Topology, own: int, version: int, within: Sequence[str]) -> Iterator[FlowRule]:
    known = [topology.pop(pop).index for pop in within or topology.names]
    for place, index in enumerate(known):
        if index == own or not _chosen(own, index, config.share):
            continue
        other = next((each for each in (*known[place + 1 :], *known[:place]) if each != own), None)
        if other is None:
            continue
        bottom = (labels.node(index, version),) if config.mode == LONGER else ()
        stack = (labels.node(other, version), *bottom)
        match = Match(in_port=HOST_PORT, eth_type=ETH_IPV4, ipv4_dst=addressing.host_prefix(index))
        yield FlowRule(INGRESS, BAD_PRIORITY, match, tuple(Push(label) for label in reversed(stack)), LABELS)


def _chosen(own: int, index: int, share: float) -> bool:
    """By a digest: some pairs, always the same ones."""
    digest = hashlib.blake2b(f"{own} {index}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < share * 2**32
