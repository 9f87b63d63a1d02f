"""``report.html``: one file, nothing fetched: pictures inline, styles inline, no script.

This module gathers what the page shows (strings and tables, all escaped by jinja2);
``page.html.j2`` says how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from experiments.judging.folder import Run
from experiments.judging.machine_trust import calibration
from experiments.judging.metric_names import METRICS
from experiments.report import columns, heatmap, palette, trust, words
from experiments.report.backend import notice
from experiments.report.pages import drawing, image, page
from experiments.report.words import MISSING, amount, with_error
from topology.units import format_rate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = "page.html.j2"
VERDICTS = {
    "pass": "Every design did what was predicted of it, and the machine can be believed.",
    "fail": "A design did not do what was predicted of it, and the machine can be believed.",
    "unknown": "Inconclusive: something that was needed for a verdict cannot be relied on.",
}
BELIEVED = ("the machine can be believed", "the model took every fault as asked")
"""What a verdict says of the machine, and what it says where there was none."""


def render(run: Run, summary: Mapping[str, Any], timeline: Figure, map: Figure) -> str:
    """The whole page."""
    pictures = {
        "timeline": drawing(timeline, "timeline"),
        "map": drawing(map, "map"),
        "trust": drawing(trust.draw(run, summary["fidelity"]), "trust"),
        "heat": image(heatmap.draw(run)),
    }
    return page(TEMPLATE, {**context(run, summary), "pictures": pictures})


def context(run: Run, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Everything but the pictures."""
    manifest, topology = run.manifest, run.topology
    names = list(summary["policies"])
    return {
        "summary": summary,
        "marks": columns.MARKS,
        "notice": notice(summary),
        "verdict_words": VERDICTS[summary["verdict"]].replace(*(BELIEVED if notice(summary) else ("", ""))),
        "question": str(manifest.get("question") or run.spec.get("question") or ""),
        "grid": columns.grid(summary),
        "colour": palette.series(names),
        "designs": {name: str((manifest.get("policies") or {}).get(name, {}).get("summary", "")) for name in names},
        "checks": {name: [_check(check) for check in summary["policies"][name]["checks"]] for name in names},
        "slo": {name: [_check(item) for item in summary["policies"][name]["slo"]["items"]] for name in names},
        "faults": list(_faults(run)),
        "fidelity": list(_fidelity(summary)),
        "phases": list(_phases(summary)),
        "links": _links(run),
        "facts": list(_facts(run, summary)),
        "versions": {str(name): str(found) for name, found in (manifest.get("versions") or {}).items()},
        "command": str(manifest.get("command") or ""),
        "again": f"failstatic report {run.path}",
        "topology": topology,
        "scale": topology.rate_scale,
        "about": METRICS,
    }


def _check(check: Mapping[str, Any]) -> dict[str, str]:
    value = with_error(check["metric"], check["value"], check["error"] or 0.0)
    return {
        "name": check["name"],
        "verdict": check["verdict"],
        "where": f"{check['metric']} · {check['phase'] or 'whole run'}",
        "value": value,
        "bound": words.bound(check["metric"], check["bound"]),
        "why": check["why"],
    }


def _faults(run: Run) -> Iterator[dict[str, str]]:
    """What was done, when, and whether it can be shown to have happened."""
    for story in run.stories:
        for event in story.events:
            if event.asked:
                held = {True: "pass", False: "fail", None: "unknown"}[event.held]
                yield {
                    "policy": story.policy,
                    "what": event.name,
                    "when": f"{event.began_s:.3f}{words.THIN}s",
                    "held": held,
                    "evidence": event.evidence or "no proof was recorded",
                }


_FIGURES = (
    ("null_window_lost", "probes lost before the first fault", "probes", None),
    ("control_pairs", "control pairs, which no fault touches", "", None),
    ("control_lost", "probes lost on control pairs", "probes", None),
    ("delay_error_p50_ms", "measured − configured delay on control pairs, median", "ms", None),
    ("delay_error_p99_ms", "the same, 99th percentile", "ms", None),
    ("delay_error_worst_second_p50_ms", "median of the worst second", "ms", "delay_error_p50_ms"),
    ("delay_error_worst_second_p99_ms", "99th percentile of the worst second", "ms", "delay_error_p99_ms"),
    ("probes_unsent", "probes that were due and never sent", "probes", None),
    ("send_late_p99_ms", "probes sent late, 99th percentile", "ms", "send_late_p99_ms"),
    ("prober_dropped", "probes dropped in the prober's buffers", "probes", None),
    ("uninjected_port_events", "ports that fell and nobody touched", "", None),
    ("event_late_max_s", "the fault that came latest after its time", "s", "event_late_s"),
    ("clock_step_ms", "step of the clock", "ms", "clock_step_ms"),
    ("own_mean_pct", "processors used by the run, mean", "%", None),
    ("foreign_max_pct", "processors used by others, worst second", "%", None),
    ("idle_min_pct", "processors idle, worst second", "%", None),
    ("starved_s", "seconds in which others left nothing idle", "s", "starved_s"),
    ("link_delay_error_median_ms", "links: measured − configured delay, median", "ms", None),
    ("link_delay_error_max_ms", "the same, worst link", "ms", "link_delay_ms"),
    ("link_rate_error_max_pct", "links: measured / configured rate, worst error", "%", "link_rate_pct"),
)


def _fidelity(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """(figure, bound, its value for each policy)."""
    found = summary["fidelity"]
    for name, about, unit, bound in _FIGURES:
        values = [_figure(figures.get(name), unit) for figures in found["policies"].values()]
        limit = "" if bound is None else f"≤{words.THIN}{found['bounds'][bound]:g}{words.THIN}{unit}"
        if any(value != MISSING for value in values):
            yield about, limit, values


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return MISSING
    return words.number(value) if unit in ("", "probes") else f"{words.number(value)}{words.THIN}{unit}"


def _phases(summary: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """(phase, [(metric, its value for each policy)]); the whole run last."""
    policies = list(summary["policies"].values())
    for phase in dict.fromkeys(name for policy in policies for name in policy["phases"]):
        rows = [(policy["phases"].get(phase, {}), policy["errors"]["phases"].get(phase, {})) for policy in policies]
        yield phase, _metrics(rows)
    yield "whole run", _metrics([(policy["metrics"], policy["errors"]["metrics"]) for policy in policies])


def _metrics(rows: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for values, _ in rows for name in values)
    shown = [
        (name, [with_error(name, values.get(name), errors.get(name, 0.0)) for values, errors in rows]) for name in names
    ]
    return [(name, values) for name, values in shown if any(value != MISSING for value in values)]


def _links(run: Run) -> list[dict[str, str]]:
    """As measured before the first policy that has measurements."""
    for story in run.stories:
        if table := calibration(story):
            return [_link(row) for row in table]
    return []


def _link(row: Mapping[str, Any]) -> dict[str, str]:
    ways = [MISSING if row[name] is None else f"{row[name]:.2f}" for name in ("measured_ab_ms", "measured_ba_ms")]
    return {
        "name": row["link"],
        "delay": f"{row['delay_ms']:.2f}",
        "measured": " / ".join(ways),
        "error": MISSING if row["delay_error_ms"] is None else f"{row['delay_error_ms']:+.2f}",
        "rate": format_rate(row["rate_bps"]) if row["rate_bps"] else MISSING,
        "rate_error": MISSING if row["rate_error_pct"] is None else f"{row['rate_error_pct']:+.1f} %",
    }


def _facts(run: Run, summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What identifies the run."""
    manifest, topology = run.manifest, run.topology
    machine, traffic = manifest.get("machine") or {}, manifest.get("traffic") or {}
    intervals = {amount("_ms", 1e3 * story.interval_s) for story in run.stories}
    yield "topology", f"{topology.name}: {len(topology.pops)} PoPs, {len(topology.links)} fibres"
    yield "rates", f"1 : {1 / topology.rate_scale:,.0f} (real delays, scaled rates)".replace(",", words.THIN)
    yield "probes", f"every {', '.join(sorted(intervals))} on {_probed(run)}"
    if traffic.get("bulk_bps"):
        sent, whole = format_rate(traffic["bulk_bps"]), format_rate(traffic["matrix_bps"])
        yield (
            "bulk",
            f"{len(traffic.get('bulk', ()))} largest flows, {sent} of the matrix's {whole}; the rest is not sent",
        )
    yield "seed", str(summary["seed"])
    for name, key in (
        ("backend", "backend"),
        ("started", "started"),
        ("commit", "commit"),
        ("controller", "framework"),
    ):
        if manifest.get(key):
            yield name, str(manifest[key])
    kinds = [f"{key} {machine[key]}" for key in ("datapath", "links", "cores") if machine.get(key) is not None]
    if kinds:
        yield "machine", ", ".join(kinds)
    if topology.source:
        yield "source of the topology", topology.source


def _probed(run: Run) -> str:
    probed = max((len(story.samples.pairs) for story in run.stories), default=0)
    count = len(run.topology.pops) * (len(run.topology.pops) - 1)
    return f"all {words.number(count)} ordered pairs" if probed >= count else f"{probed} of {count} ordered pairs"
