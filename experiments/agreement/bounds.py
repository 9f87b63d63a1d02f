"""How far two right runs may differ: the timers by which an event's consequences come, each with its source.

A fault strikes both backends at the same moment of the timeline. What follows comes by timers, whose phase is
chance: when was the last refresh, the last BFD packet, the last attempt to connect? So a border of darkness may
differ by two probe intervals (each end of it is known to one) and, *while a timer may strike*, by that timer's
spread: what it can differ by between two runs that are both right. Outside the window of every timer nothing but
the two intervals is allowed.

A new kind of consequence that comes by a timer of its own: add a function to ``TIMERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.unknown import STATIC
from experiments.faults.kind import BRAIN, CONTROL, CONTROL_CHANNEL, LINK
from experiments.judging.story import Event
from experiments.labs.modelled.failopen import PROBES
from experiments.labs.modelled.timers import (
    AGENT_RETRY_S,
    BFD_MULTIPLIER,
    BFD_SLOW_S,
    BRAIN_ECHO_MISSES,
    BRAIN_ECHO_S,
    BRAIN_START_S,
    PROBE_S,
)

PROBE_INTERVALS = 2
"""Of every border: what is true lies within one interval of what each run saw."""
PORT_S = 0.01
"""From carrier to forwarding: 2–6 ms measured on Open vSwitch 3.1."""
REACTION_S = 0.05
"""A living brain, from port event to last barrier, beyond the control round trip: the bound of ``make bench``."""
EXPIRY_LAG_S = 0.5
"""Open vSwitch expires rules at most so late (max-revalidator, ovs-vswitchd.conf.db(5))."""
START_S = 1.5
"""How much longer a brain may take from exec to listening than the model's 0.5 s, which is that of a machine with
nothing to do. Measured beside a dozen real-time switches that carry probes, on two cores: 1.2–1.6 s."""
IGP_WRITES_S = 0.3
"""From a routing daemon's loss of a neighbour to the last PoP's rules: 0.05–0.2 s measured on two busy cores."""
BFD_UP_S = 2.5
BFD_UP = "BFD up: a packet a second until then; two are needed, one may be missed on busy cores (RFC 5880 §6.8.3)"
"""207 heals of emulated links took 0.24–1.69 s, the model's 0.23–1.69 s; once the first packet was missed: 2.39 s."""
HANDSHAKES = 6
"""Round trips from the first SYN to the last barrier of a reconciled switch."""


@dataclass(frozen=True, slots=True)
class Design:
    """What of a policy sets timers; times in seconds, 0 where there is no such timer."""

    bfd_s: float = 0.0
    guard_s: float = 0.0
    refresh_s: float = 0.0
    backoff_s: float = 8.0
    probe_s: float = PROBE_S
    """Inactivity probe, as Open vSwitch heeds it."""
    forgets_s: float = 0.0
    """A switch that has heard nothing for so long becomes a MAC learner."""
    unheard_s: float = 0.0
    """How often the brain asks a switch whether it lives, where what it does not hear changes what it does."""
    igp_detection_s: float = 0.0
    """Of the routing daemons, where there are any: BFD's detection time …"""
    igp_interval_s: float = 0.0
    """… its interval, …"""
    igp_hello_s: float = 0.0
    """… how often they say hello, …"""
    igp_local_s: float = 0.0
    """… and how much later than others they follow the loss of a neighbour of their own."""

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> Design:
        """From a policy as a manifest keeps it."""
        switch, brain = policy.get("switch") or {}, policy.get("brain") or {}
        guard_s = float(brain.get("guard_timeout_s") or 0.0)
        probe_s = float(switch.get("inactivity_probe_ms") or 1e3 * PROBE_S) / 1e3
        igp: Mapping[str, Any] = next((each for each in policy.get("companions") or () if "spf_delay_ms" in each), {})
        interval_s = float(igp.get("bfd_interval_ms") or 0.0) / 1e3
        return cls(
            bfd_s=float(switch.get("bfd_interval_ms") or 0.0) / 1e3,
            guard_s=guard_s,
            refresh_s=float(brain.get("refresh_s") or 0.0) if guard_s else 0.0,
            backoff_s=float(switch.get("max_backoff_ms") or 8000.0) / 1e3,
            probe_s=max(PROBE_S, probe_s),
            unheard_s=0.0 if brain.get("unknown_means") in (None, STATIC) else BRAIN_ECHO_S,
            forgets_s=PROBES * probe_s if switch.get("fail_mode") == "standalone" else 0.0,
            igp_detection_s=interval_s * float(igp.get("bfd_multiplier") or 0.0),
            igp_interval_s=interval_s,
            igp_hello_s=float(igp.get("hello_s") or 0.0),
            igp_local_s=float(igp.get("local_delay_ms") or 0.0) / 1e3,
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """An event, and what decides how long its consequences take."""

    event: Event
    design: Design
    round_trip_s: float
    """Control round trip of the farthest PoP."""
    flight_s: float
    """Longest one-way delay of its links."""
    stood_s: float
    """Of an end: how long what it ends had stood."""

    @property
    def of_links(self) -> bool:
        """It changes what links or switches carry."""
        return bool(self.event.links) or self.event.aims_at not in (BRAIN, CONTROL_CHANNEL)

    @property
    def of_control(self) -> bool:
        """It changes who hears the brain."""
        return not self.event.links or self.event.aims_at != LINK


@dataclass(frozen=True, slots=True)
class Timer:
    """May strike from ``from_s`` until ``until_s`` after its event; two right runs differ by ``spread_s`` at most."""

    name: str
    from_s: float
    until_s: float
    spread_s: float
    source: str


def timers(cause: Cause) -> tuple[Timer, ...]:
    """All that this event starts under this design."""
    return tuple(timer for make in TIMERS for timer in make(cause))


def _port(cause: Cause) -> Iterator[Timer]:
    if cause.of_links:
        yield Timer("port", 0.0, 0.1, PORT_S, "carrier to forwarding, 2–6 ms measured on Open vSwitch 3.1")


def _bfd_down(cause: Cause) -> Iterator[Timer]:
    interval_s = cause.design.bfd_s
    if interval_s and cause.of_links and not cause.event.restores:
        latest_s = BFD_MULTIPLIER * interval_s + cause.flight_s
        source = f"BFD detection time, {BFD_MULTIPLIER} × {interval_s * 1e3:.0f} ms (RFC 5880 §6.8.4)"
        yield Timer("bfd", (BFD_MULTIPLIER - 1) * interval_s, latest_s, BFD_MULTIPLIER * interval_s, source)


def _bfd_up(cause: Cause) -> Iterator[Timer]:
    if cause.design.bfd_s and cause.of_links and cause.event.restores:
        yield Timer("bfd up", 0.0, 3 * BFD_SLOW_S + cause.flight_s, BFD_UP_S, BFD_UP)


def _brain(cause: Cause) -> Iterator[Timer]:
    """A living brain answers; a dead one does not, and then nothing changes in this window."""
    if cause.of_links:
        noticed_s = 3 * BFD_SLOW_S if cause.event.restores else BFD_MULTIPLIER * cause.design.bfd_s
        until_s = noticed_s + cause.flight_s + 2 * cause.round_trip_s + 2 * REACTION_S
        source = f"a living brain's reaction beyond the round trip, ≤ {REACTION_S * 1e3:.0f} ms on an idle machine"
        yield Timer("brain", 0.0, until_s, REACTION_S, source)


def _expiry(cause: Cause) -> Iterator[Timer]:
    design = cause.design
    if design.guard_s and cause.of_control and not cause.event.restores:
        source = (
            f"rule life {design.guard_s:g} s after the last of the refreshes, one every {design.refresh_s:g} s; "
            f"Open vSwitch expires up to {EXPIRY_LAG_S:g} s late (max-revalidator)"
        )
        latest_s = design.guard_s + EXPIRY_LAG_S + cause.round_trip_s
        yield Timer("expiry", design.guard_s - design.refresh_s, latest_s, design.refresh_s + EXPIRY_LAG_S, source)


def _forgetting(cause: Cause) -> Iterator[Timer]:
    """The last word before the loss may be as old as the echo is regular."""
    patience_s = cause.design.forgets_s
    if patience_s and cause.of_control and not cause.event.restores:
        latest_s = patience_s + EXPIRY_LAG_S + cause.round_trip_s
        source = f"{PROBES} inactivity probes without a word: {patience_s:g} s (ofproto/fail-open.c); seen within one"
        yield Timer("standalone", 0.0, latest_s, patience_s / PROBES + EXPIRY_LAG_S, source)


def _unheard(cause: Cause) -> Iterator[Timer]:
    """A brain that takes a PoP out of sight for dead does so when it has given its switch up."""
    echo_s = cause.design.unheard_s
    if echo_s and cause.of_control and not cause.event.restores:
        asked = BRAIN_ECHO_MISSES + 1
        source = f"the brain asks a switch every {echo_s:g} s and gives it up when {asked} answers are missing"
        latest_s = (asked + 1) * echo_s + 2 * cause.round_trip_s + 2 * REACTION_S
        yield Timer("unheard", asked * echo_s, latest_s, echo_s, source)


def _reconnect(cause: Cause) -> Iterator[Timer]:
    design = cause.design
    if cause.of_control and cause.event.restores:
        # a connection that was not closed is given up by the inactivity probe, and tried again after the back-off
        probing_s = 2 * design.probe_s
        latest_s = probing_s + 2 * design.backoff_s + BRAIN_START_S + HANDSHAKES * cause.round_trip_s
        spread_s = attempts_s(design, cause.round_trip_s) + design.refresh_s
        refresh = f"; one refresh of {design.refresh_s:g} s" if design.refresh_s else ""
        yield Timer("reconnect", 0.0, latest_s, spread_s, f"{attempts(design)}{refresh}")


def attempts_s(design: Design, round_trip_s: float) -> float:
    """By how much a switch's way back to a brain that listens may differ: by one attempt."""
    return design.backoff_s + round_trip_s


def attempts(design: Design) -> str:
    """Where that comes from."""
    return f"an attempt every {design.backoff_s:g} s (max_backoff) and the round trip of its refusal"


def _igp(cause: Cause) -> Iterator[Timer]:
    design = cause.design
    if not (design.igp_hello_s and cause.of_links):
        return
    if cause.event.restores:
        source = f"routing daemons say hello every {design.igp_hello_s:g} s; both must have, and the switch carry it"
        latest_s = 2 * design.igp_hello_s + AGENT_RETRY_S + IGP_WRITES_S
        yield Timer("hello", 0.0, latest_s, latest_s, source)
    else:
        source = (
            f"routing daemons: BFD after {design.igp_detection_s:g} s at most, one interval less at best; announcing, "
            f"computing and writing take up to {IGP_WRITES_S:g} s on two cores"
        )
        earliest_s, latest_s = design.igp_detection_s - design.igp_interval_s, design.igp_detection_s + IGP_WRITES_S
        yield Timer("igp", earliest_s, latest_s, design.igp_interval_s + IGP_WRITES_S, source)
        local_s = design.igp_local_s
        why = f"who lost a neighbour follows {local_s:g} s later (RFC 8333)"
        yield Timer("igp here", earliest_s + local_s, latest_s + local_s, design.igp_interval_s + IGP_WRITES_S, why)


def _tcp(cause: Cause) -> Iterator[Timer]:
    if cause.event.restores and (cause.event.control or CONTROL in cause.event.target):
        source = "TCP tries again after as long as the channel was gone (doubling timeout, RFC 6298 §5.5)"
        yield Timer("tcp", 0.0, 2 * cause.stood_s + 1.0, cause.stood_s + 0.5, source)


TIMERS: tuple[Callable[[Cause], Iterator[Timer]], ...] = (
    _port,
    _bfd_down,
    _bfd_up,
    _brain,
    _expiry,
    _forgetting,
    _unheard,
    _igp,
    _reconnect,
    _tcp,
)
