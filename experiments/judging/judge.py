"""A run folder → ``summary.json`` and ``junit.xml``: the verdict, without running anything again.

Over all: a trusted *fail* outweighs *unknown*, which outweighs *pass*.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from experiments.judging import checks, fidelity, folder
from experiments.judging import samples as probes
from experiments.judging.checks import Result
from experiments.judging.fidelity import BOUNDS, Fidelity
from experiments.judging.metrics import Measures, measure
from experiments.judging.story import Phase, Story

Summary = dict[str, Any]
SUMMARY, JUNIT = "summary.json", "junit.xml"


def judge(run_dir: Path) -> Summary:
    """Reads the folder, writes summary.json, junit.xml and probes.parquet, returns the summary.

    Raises InputError when there is no run in the folder.
    """
    run = folder.read(run_dir)
    _keep(run)
    summary = summarise(run)
    _write(run_dir / SUMMARY, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    _write(run_dir / JUNIT, junit(summary))
    return summary


def summarise(run: folder.Run) -> Summary:
    """Pure: the whole summary; docs/metrics.md says what its numbers and verdicts mean."""
    spec, manifest = run.spec, run.manifest
    stories = {story.policy: story for story in run.stories}
    trust = {name: fidelity.judge(story) for name, story in stories.items()}
    doubts = {name: [*trust[name].reasons, *checks.unproven(story)] for name, story in stories.items()}
    policies = {name: _policy(story, spec, trust[name], doubts[name]) for name, story in stories.items()}
    missing = [name for name in spec.get("policies", ()) if name not in policies]
    verdicts = [policy["verdict"] for policy in policies.values()]
    return {
        "experiment": spec.get("name") or manifest.get("experiment"),
        "seed": manifest.get("seed", spec.get("seed")),
        "topology": run.topology.name,
        "backend": _backend(manifest),
        "verdict": checks.verdict([*verdicts, *([checks.UNKNOWN] if missing or not policies else [])]),
        "fidelity": _fidelity(trust, doubts, missing),
        "policies": policies,
    }


def _keep(run: folder.Run) -> None:
    """What the probers streamed becomes one Parquet file; the streams of finished policies go."""
    streams = {story.policy: run.path / f"probes.{story.policy}.bin" for story in run.stories}
    if any(stream.exists() for stream in streams.values()):
        probes.write_parquet(run.path / probes.PARQUET, {story.policy: story.samples for story in run.stories})
    for story in run.stories:
        if story.of("end"):
            streams[story.policy].unlink(missing_ok=True)


def _backend(manifest: Mapping[str, Any]) -> str:
    return str(manifest.get("backend") or "emulated")


def _policy(story: Story, spec: Mapping[str, Any], trust: Fidelity, doubts: Sequence[str]) -> Summary:
    measured = measure(story)
    results = [
        checks.run(check, measured, story, trust.reasons)
        for check in checks.for_policy(spec.get("checks") or (), story.policy)
    ]
    slo = [
        checks.run(check, measured, story, trust.reasons)
        for check in checks.for_policy(spec.get("slo") or (), story.policy)
    ]
    verdicts = [result.verdict for result in results] + [checks.UNKNOWN] * bool(doubts)
    return {
        "verdict": checks.verdict(verdicts),
        "slo": {"grade": checks.grade(slo), "items": [_result(result) for result in slo]},
        "outcome": story.outcome[0],
        "checks": [_result(result) for result in results],
        "phases": {name: _values(measures) for name, measures in measured.phases.items()},
        "metrics": _values(measured.overall),
        "errors": {
            "phases": {name: _errors(measures) for name, measures in measured.phases.items()},
            "metrics": _errors(measured.overall),
        },
        "notes": {
            "phases": {name: _notes(measures) for name, measures in measured.phases.items()},
            "metrics": _notes(measured.overall),
        },
        "at_least": {
            "phases": {name: _at_least(measures) for name, measures in measured.phases.items()},
            "metrics": _at_least(measured.overall),
        },
        "timeline": {
            "phases": [_phase(phase) for phase in story.phases],
            "events": [asdict(event) for event in story.events],
        },
    }


def _phase(phase: Phase) -> Summary:
    opened_by = [
        {"name": event.name, "kind": event.kind, "aims_at": event.aims_at, "restores": event.restores}
        for event in phase.opened_by
        if event.asked
    ]
    return {"name": phase.name, "start_s": phase.start_s, "end_s": phase.end_s, "opened_by": opened_by}


def _fidelity(trust: Mapping[str, Fidelity], doubts: Mapping[str, list[str]], missing: Sequence[str]) -> Summary:
    """``doubts``: why a policy's numbers are not to be believed, be it the machine or a fault that was not shown."""
    reasons = {name: found for name, found in doubts.items() if found}
    reasons |= {name: ["this policy was not run"] for name in missing}
    return {
        "trusted": bool(trust) and not reasons,
        "reasons": reasons,
        "bounds": asdict(BOUNDS),
        "policies": {
            name: {"trusted": not doubts[name], "reasons": doubts[name], **one.figures, "seconds": one.seconds}
            for name, one in trust.items()
        },
    }


def _result(result: Result) -> Summary:
    return {
        "name": result.check.name,
        "verdict": result.verdict,
        "value": _number(result.measure.value),
        "bound": result.check.bound,
        "why": result.why,
        "metric": result.check.metric,
        "phase": result.check.phase or None,
        "error": _number(result.measure.error),
        "measured": result.measured,
    }


def _values(measures: Measures) -> dict[str, float | int | None]:
    return {name: _number(one.value) for name, one in measures.items()}


def _errors(measures: Measures) -> dict[str, float | int | None]:
    return {name: _number(one.error) for name, one in measures.items() if one.value is not None and one.error}


def _notes(measures: Measures) -> dict[str, str]:
    return {name: one.note for name, one in measures.items() if one.note}


def _at_least(measures: Measures) -> list[str]:
    """What was not over when the phase ended."""
    return [name for name, one in measures.items() if one.at_least]


def _number(value: float | None) -> float | int | None:
    """Six digits are more than anything here is worth; whole numbers stay whole."""
    if value is None or not math.isfinite(value):
        return None
    rounded = float(f"{value:.9g}") if abs(value) < 1e6 else float(round(value))
    return int(rounded) if rounded == int(rounded) else round(rounded, 6)


BELIEVED = "can be believed"
"""The case of a policy whose numbers cannot: skipped, whatever its checks look at."""


def junit(summary: Summary) -> str:
    """One suite per policy, one case per check; an unknown is *skipped*, with the reason, never red."""
    root = ElementTree.Element("testsuites", name=str(summary["experiment"]))
    for name, policy in summary["policies"].items():
        found = policy["checks"]
        doubts = summary["fidelity"]["policies"].get(name, {}).get("reasons") or []
        verdicts = [*(check["verdict"] for check in found), *[checks.UNKNOWN] * bool(doubts)]
        suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(verdicts)), errors="0")
        for kind, verdict in (("failures", checks.FAIL), ("skipped", checks.UNKNOWN)):
            suite.set(kind, str(verdicts.count(verdict)))
        for check in found:
            _case(suite, f"{summary['experiment']}.{name}", check)
        if doubts:
            case = ElementTree.SubElement(suite, "testcase", classname=f"{summary['experiment']}.{name}", name=BELIEVED)
            ElementTree.SubElement(case, "skipped", message="; ".join(doubts))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, group: str, check: Summary) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=group, name=check["name"])
    words = f"{check['metric']} {check['value']} ± {check['error']}, bound {check['bound']}. {check['why']}".strip()
    if check["verdict"] == checks.FAIL:
        ElementTree.SubElement(case, "failure", message=words)
    elif check["verdict"] == checks.UNKNOWN:
        ElementTree.SubElement(case, "skipped", message=words)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
