"""``manifest.json``: what is needed to understand a run, to judge it again and to repeat it."""

from __future__ import annotations

import dataclasses
import json
import platform
import shlex
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from experiments.asking.prepare import Prepared
from experiments.asking.spec import CheckSpec
from topology.inventory import dump

PACKAGES = ("failstatic", "ryu", "os-ken", "eventlet", "scapy", "iperf3", "numpy", "scipy", "pydantic", "mininet")
DEFAULTS = {"backend": "emulated", "framework": "ryu", "jobs": 1}
"""Options of ``failstatic run`` that stand in the manifest, as they are when nobody says otherwise."""


def manifest(prepared: Prepared, machine: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """``machine`` is the doctor's answer; ``extra`` what only the launcher knows (framework, jobs, …)."""
    spec = prepared.spec
    return {
        "format": 1,
        "experiment": spec.name,
        "question": spec.question,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": spec.seed,
        "backend": "emulated",
        "command": command(prepared, extra),
        "spec": resolved(prepared),
        "topology": json.loads(dump(prepared.topology)),
        "policies": {policy.name: _plain(policy) for policy in prepared.policies},
        "traffic": {
            "pairs": prepared.planned.traffic.probes.pairs,
            "fine_pairs": prepared.planned.traffic.probes.fine_pairs,
            "crossing_pairs": prepared.planned.crossing,
            "control_pairs": prepared.planned.controls,
            "bulk": [_plain(flow) for flow in prepared.planned.traffic.bulk],
            **prepared.planned.facts,
        },
        "machine": dict(machine),
        "versions": versions(),
        "commit": commit(),
        **extra,
    }


def command(prepared: Prepared, facts: Mapping[str, Any]) -> str:
    """The exact command that repeats the run; of ``facts``, those of ``DEFAULTS`` that are not as usual."""
    spec = prepared.spec
    options = ["--policy", ",".join(spec.policies), "--topology", spec.topology, "--seed", str(spec.seed)]
    for name, usual in DEFAULTS.items():
        if (value := facts.get(name, usual)) != usual:
            options += [f"--{name}", str(value)]
    return shlex.join(["failstatic", "run", prepared.asked, *options])


def resolved(prepared: Prepared) -> dict[str, Any]:
    """The spec in plain numbers (seconds, shares 0…1), roles replaced by names."""
    spec = prepared.spec
    return {
        "name": spec.name,
        "question": spec.question,
        "topology": spec.topology,
        "policies": list(spec.policies),
        "seed": spec.seed,
        "end_s": spec.end,
        "traffic": {
            "probe_interval_s": spec.traffic.probe_interval,
            "fine_interval_s": spec.traffic.fine_interval,
            "max_pairs": spec.traffic.max_pairs,
            "bulk_flows": spec.traffic.bulk_flows,
            "busiest_link_load": spec.traffic.busiest_link_load,
        },
        "phases": [
            {"name": phase.name, "at_s": phase.at_s, "end_s": phase.end_s} for phase in prepared.timeline.phases
        ],
        "timeline": [{**_plain(strike)} for strike in prepared.timeline.strikes],
        "checks": [_check(check) for check in spec.checks],
        "slo": [_check(check) for check in spec.slo],
    }


def versions() -> dict[str, str]:
    """Of everything that could change a result."""
    found = {"python": platform.python_version(), "kernel": platform.release(), "system": _system()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The checkout's commit, with ``+`` when files differ from it; None outside a checkout."""
    here = Path(__file__).parent
    try:
        ask = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        answer = subprocess.run(ask, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _check(check: CheckSpec) -> dict[str, Any]:
    return {
        "name": check.title(),
        "metric": check.metric,
        "phase": check.phase,
        "policies": list(check.policies) if check.policies is not None else None,
        "min": check.min,
        "max": check.max,
    }


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return platform.system()


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(dataclasses.asdict(data), default=dict))
