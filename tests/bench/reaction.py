"""From the port event to the last barrier: how fast a living brain has a cut programmed everywhere.

Both ends of the stretch are stamped by the controller, so it holds the brain's thinking, the
messages' way out, the switches' work and the barriers' way back: one round trip to the farthest switch that is
changed lies in it and is taken off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.bench import Site
from bench.figures import Figure

from experiments.judging.attribution import first_fault_s
from experiments.judging.story import Story
from topology.channels import control_delays_ms
from topology.errors import LabError
from topology.model import Topology

MOST_MS = 50.0


def measure(site: Site) -> Iterator[Figure]:
    runs = [site.runs.get("cut", number) for number in range(site.n)]
    found = [reaction(run.stories()[0]) for run in runs]
    note = "; ".join(filter(None, (found[-1][1], runs[-1].doubts())))
    beyond_ms = [took_ms for took_ms, _ in found]
    yield Figure("edge12: port event to last barrier, beyond the control RTT", "ms", beyond_ms, MOST_MS, note=note)


def reaction(story: Story) -> tuple[float, str]:
    """(ms beyond the round trip, how that comes about). Raises LabError when the journal does not tell."""
    struck_s = first_fault_s(story)
    lines = [line for line in story.of("brain") if line["t"] >= struck_s]
    port = next((line for line in lines if line["what"] == "port" and not line["live"]), None)
    done = next((line for line in lines if line["what"] == "programmed" and line["reason"] == "failure"), None)
    if port is None or done is None:
        raise LabError("the journal tells of no port that fell, or of no programme that answered it")
    changed = [str(line["pop"]) for line in lines if line["what"] == "applied" and port["t"] <= line["t"] <= done["t"]]
    farthest, round_trip_ms = _farthest(story.topology, changed)
    took_ms = 1e3 * (done["t"] - port["t"])
    words = f"{took_ms:.1f} ms less {round_trip_ms:.1f} ms to {farthest} and back; {done['mods']} mods"
    return took_ms - round_trip_ms, words


def _farthest(topology: Topology, pops: Sequence[str]) -> tuple[str, float]:
    """Which of these is farthest from the brain, and its round trip on the control channel (ms)."""
    delays_ms = control_delays_ms(topology)
    farthest = max(pops, key=lambda pop: delays_ms[pop])
    return farthest, 2 * delays_ms[farthest]
