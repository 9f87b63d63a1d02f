"""``report.html`` of a sweep: what the points have in common, in the style of every report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.judging.metric_names import METRICS
from experiments.report import palette
from experiments.report.backend import notice
from experiments.report.pages import drawing, page
from experiments.report.words import number
from experiments.sweep import pictures, table
from experiments.sweep.pictures import Bar
from experiments.sweep.points import POLICY
from experiments.sweep.topics import Topic, believed, topics

if TYPE_CHECKING:
    import polars

TEMPLATE = "sweep.html.j2"
HERE = Path(__file__).parent


def render(rows: polars.DataFrame, manifest: Mapping[str, Any], axes: Sequence[str]) -> str:
    """The whole page. ``rows`` are those of the manifest's points."""
    spec = manifest["spec"]
    found = topics(rows, spec["metrics"], spec.get("phases") or ())
    names = list(dict.fromkeys(policy for topic in found for policy in topic.policies))
    colours = palette.series(names)
    varied = [axis for axis in axes if axis in rows.columns and rows[axis].n_unique() > 1]
    return page(
        TEMPLATE,
        {
            "manifest": manifest,
            "notice": notice(manifest),
            "unbelieved": _unbelieved(rows),
            "colour": colours,
            "policies": names,
            "points": number(rows["point"].n_unique() if len(rows) else 0),
            "facts": list(_facts(manifest, rows)),
            "topics": [_topic(topic, varied) for topic in found],
            "verdicts": table.verdicts(rows) if len(rows) else {},
            "pictures": _pictures(found, varied, colours),
        },
        folder=HERE,
    )


def _unbelieved(rows: polars.DataFrame) -> int:
    """Points with a policy that the page leaves out."""
    whole = rows.select("point", "policy").n_unique() if len(rows) else 0
    return whole - (believed(rows).select("point", "policy").n_unique() if whole else 0)


def _pictures(found: Sequence[Topic], axes: Sequence[str], colours: Mapping[str, str]) -> dict[str, Any]:
    """Empty where there is nothing to draw."""
    varying = [topic for topic in found if topic.values.min() < topic.values.max()]
    lasting = [topic for topic in found if topic.censored]
    bars = [bar for topic in varying for bar in _bars(topic, axes)]
    plain = [topic for topic in varying if not topic.censored]
    return {
        "distributions": drawing(pictures.distributions(plain, colours), "ecdf") if plain else "",
        "survivals": drawing(pictures.survivals(lasting, colours), "survival") if lasting else "",
        "shares": drawing(pictures.shares(bars), "shares") if bars else "",
    }


def _bars(topic: Topic, axes: Sequence[str]) -> Iterator[Bar]:
    """Over all policies, then under each of them; those that something moves."""
    parts = [Bar(policy, table.effects(topic.of(policy), axes), part=True) for policy in topic.policies]
    whole = Bar(topic.name, table.effects(topic, axes))
    for bar in [whole, *parts] if len(parts) > 1 else [whole]:
        if any(effect.share is not None for effect in bar.effects):
            yield bar


def _topic(topic: Topic, axes: Sequence[str]) -> dict[str, Any]:
    others = [axis for axis in axes if axis != POLICY]
    return {
        "metric": topic.metric,
        "phase": topic.phase,
        "about": METRICS.get(topic.metric, ""),
        "policies": topic.policies,
        "rows": list(table.summaries(topic, axes)),
        "ranks": [(axis, ranks) for axis in others if (ranks := table.ranks(topic, axis))],
        "levels": [(axis, levels) for axis in others if (levels := table.levels(topic, axis))],
    }


def _facts(manifest: Mapping[str, Any], rows: polars.DataFrame) -> Iterator[tuple[str, str]]:
    spec = manifest["spec"]
    yield "experiment", str(spec["experiment"])
    for name, given in (spec.get("axes") or {}).items():
        yield f"axis {name}", _short(given)
    for name, given in ((spec.get("random") or {}).get("axes") or {}).items():
        yield f"drawn {name}", _short(given)
    finished = rows["point"].n_unique() if len(rows) else 0
    yield "points", f"{number(finished)} of {number(manifest['points'])}, drawn {number(manifest['draws'])} times"
    for name in ("backend", "written", "commit"):
        yield name, str(manifest[name])
    yield "sweep's seed", str(spec["seed"])


def _short(given: Any) -> str:
    """What stands on an axis, as its author wrote it."""
    if isinstance(given, Mapping):
        return ", ".join(f"{name} {_short(value)}" for name, value in given.items())
    return ", ".join(map(str, given)) if isinstance(given, list) else str(given)
