"""The names that a check can be about, each with its meaning; the unit is part of the name.

Definitions and errors are in docs/metrics.md; ``experiments.judging.metrics`` computes them.
"""

from __future__ import annotations

METRICS: dict[str, str] = {
    "probes_due": "probes that the schedule asked for",
    "probes_lost": "probes sent and never delivered",
    "probes_unsent": "probes that the schedule asked for and the machine did not send",
    "availability_pct": "share of 1 s windows with at most 5 % loss, weighted by demand",
    "availability_mean_pct": "the same, every pair counting alike",
    "availability_reachable_pct": "the same, of pairs for which the faults leave a way",
    "pairs_cut_off": "pairs for which the faults leave no way: nobody could carry them",
    "outage_p50_ms": "longest lost run per affected pair, median",
    "outage_p99_ms": "longest lost run per affected pair, 99th percentile",
    "outage_max_ms": "longest lost run of any pair",
    "outage_fine_ms": "outage of the fine pair that took longest: in flight and repair together",
    "in_flight_ms": "the part of an outage that was in flight on the link when it was cut (fine probes)",
    "repair_ms": "the part of an outage that the repair took (fine probes)",
    "blackhole_pair_s": "pairs down, integrated over time",
    "blackhole_demand_s": "share of demand down, integrated over time",
    "blast_pairs_pct": "share of pairs with at least one bad window",
    "blast_demand_pct": "share of demand with at least one bad window",
    "blast_pops_pct": "share of PoPs with at least one bad window",
    "latency_inflation_p50": "delay over the delay before the first fault, median over pairs",
    "latency_inflation_p95": "the same, 95th percentile",
    "path_stretch_p50": "round trip over the best possible (at least 40 ms), median over pairs",
    "stale_route_pct": "forwarding entries that differ from the oracle's",
    "stale_dark_pct": "forwarding entries that lead nowhere",
    "detect_s": "first signal after the fault",
    "notice_s": "first switch that has noticed the loss of the brain",
    "headless_pops_pct": "PoPs without a connection to any brain at the end of the phase",
    "mitigate_s": "last bad window after the fault",
    "repair_s": "forwarding state equals the oracle's after the fault",
    "return_cost_s": "from the first hello of the returned brain until forwarding equals the oracle's",
    "takeover_s": "from the loss of the leading brain until another has gone through every PoP",
    "return_lost": "probes lost while the returned brain reconciles",
    "return_peak_mods_per_s": "most flow and group changes in a second while it reconciles",
    "push_reach_90_s": "from the order of a bad push until 90 % of the PoPs have it",
    "push_bad_pop_s": "PoPs that have a version which is bad for them, integrated over time",
    "push_bad_pops_pct": "share of PoPs that ever had such a version",
    "demand_satisfied_pct": "bulk traffic delivered over offered",
    "pairs_hit": "pairs that lost at least one probe",
    "pairs_dark_max": "most pairs without any delivery in the same second",
    "pairs_down_at_end": "pairs dark at the end of the phase",
}
PHASE_ONLY = frozenset(
    {
        "outage_fine_ms",
        "availability_reachable_pct",
        "pairs_cut_off",
        "latency_inflation_p50",
        "latency_inflation_p95",
        "path_stretch_p50",
        "stale_route_pct",
        "stale_dark_pct",
        "detect_s",
        "notice_s",
        "headless_pops_pct",
        "mitigate_s",
        "repair_s",
    }
)
"""Say nothing about the whole run: they are about the event that opens a phase, or about one moment."""

MORE_IS_BETTER = frozenset(
    {
        "availability_pct",
        "availability_mean_pct",
        "availability_reachable_pct",
        "demand_satisfied_pct",
        "probes_due",
    }
)
"""Of all other metrics a user wants less."""


TIMES = frozenset({"detect_s", "mitigate_s", "outage_fine_ms", "outage_max_ms", "repair_ms", "repair_s"})
"""How long something took, which may not be over when its phase ends: then it is known to have taken longer."""


def most(metric: str) -> float | None:
    """The largest value that the metric can have; None without a bound."""
    return 100.0 if metric.endswith("_pct") else None
