"""A point of a sweep with packets: in a process of its own, started from one that has threads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from experiments.sweep.plan import plan
from experiments.sweep.reading import WHOLE_RUN, read
from experiments.sweep.work import TRUSTED, work
from topology.replica import preflight

NEEDED = [f"{lacking.name}: {lacking.detail}" for lacking in preflight.probe().missing()]
pytestmark = pytest.mark.skipif(bool(NEEDED), reason="; ".join(NEEDED))

TRIANGLE = """
name: triangle
brain: ams
pops:
  - {name: ams, city: Amsterdam}
  - {name: lon, city: London}
  - {name: par, city: Paris}
links:
  - {ends: [ams, lon], capacity: 40 Gbit/s}
  - {ends: [lon, par], capacity: 40 Gbit/s}
  - {ends: [par, ams], capacity: 40 Gbit/s}
"""
SPEC = """
name: short-loss
topology: %s
policies: [fail-static, fast-reroute]
traffic: {bulk_flows: 0}
end: 6 s
phases: [{name: steady, at: 0 s}, {name: headless, at: 2 s}]
timeline: [{at: 2 s, fault: brain.kill}]
"""
SWEEP = """
name: with-packets
experiment: %s
backend: emulated
axes: {policy: [fail-static]}
"""


def test_a_point_with_packets_gives_its_rows(tmp_path: Path) -> None:
    texts = {
        "triangle": TRIANGLE,
        "spec": SPEC % (tmp_path / "triangle.yaml"),
        "sweep": SWEEP % (tmp_path / "spec.yaml"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    (job,) = plan(read(str(tmp_path / "sweep.yaml"))).jobs
    found = {}

    def on_a_worker() -> None:
        found.update({row["phase"]: row for row in work(job.payload)})

    worker = threading.Thread(target=on_a_worker)
    worker.start()
    worker.join(timeout=600)
    assert [*found] == ["steady", "headless", WHOLE_RUN]
    assert found["headless"]["policy"] == "fail-static"
    assert found["headless"]["probes_due"] == pytest.approx(6 * 4 / 0.05, rel=0.05)
    assert isinstance(found["headless"][TRUSTED], bool)
