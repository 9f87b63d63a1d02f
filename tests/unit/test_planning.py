"""What is sent: samples with crossing pairs and controls, fine pairs, scaled flows, the probe limit."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from fake_run import ring, spec

from controller.paths import shortest
from experiments.asking.planning import MAX_PROBE_SHARE, Planned, plan
from experiments.asking.prepare import Choice, prepare
from experiments.asking.timeline import timeline
from topology.errors import InputError
from traffic.demand import gravity


def _plan(seed: int = 1, **changes: Any) -> Planned:
    asked, topology = spec(**changes), ring("abcdefgh")
    shares = gravity(topology)
    return plan(asked, topology, timeline(asked, topology, shares), shares, seed)


def test_all_pairs_are_probed_where_they_fit() -> None:
    planned = _plan()
    assert len(planned.traffic.probes.pairs) == 56
    assert set(planned.crossing) | set(planned.controls) == set(planned.traffic.probes.pairs)
    assert not set(planned.crossing) & set(planned.controls)


def test_a_sample_has_crossing_pairs_and_controls_and_depends_on_the_seed_alone() -> None:
    few = {"traffic": {"max_pairs": 12}}
    planned = _plan(**few)
    assert len(planned.traffic.probes.pairs) == 12
    assert len(planned.crossing) == 6
    assert len(planned.controls) == 6
    assert planned == _plan(**few)
    assert planned.controls != _plan(seed=2, **few).controls


def test_crossing_pairs_really_cross_and_controls_do_not() -> None:
    paths = shortest(ring("abcdefgh"))
    planned = _plan()
    assert all("a-b" in paths.links(*pair) for pair in planned.crossing)
    assert all("a-b" not in paths.links(*pair) for pair in planned.controls)


def test_fine_pairs_pass_the_first_struck_pop_and_end_elsewhere() -> None:
    struck = [{"at": "3 s", "fault": "pop.down", "target": "c"}]
    planned = _plan(timeline=struck)
    assert planned.traffic.probes.fine_pairs == (("b", "d"), ("d", "b"))
    assert planned.traffic.probes.fine_from_s == 2.8
    assert all(set(pair) != {"b", "d"} for pair in planned.controls)


def test_fine_pairs_cross_the_first_struck_link_one_each_way() -> None:
    assert _plan().traffic.probes.fine_pairs == (("a", "b"), ("b", "a"))
    assert _plan(traffic={"fine_pairs": 1}).traffic.probes.fine_pairs == (("a", "b"),)
    assert _plan(timeline=[]).traffic.probes.fine_pairs == ()


def test_traced_are_the_fine_pairs_and_one_control() -> None:
    planned = _plan()
    assert planned.traced == (("a", "b"), ("b", "a"), planned.controls[0])


def test_the_whole_matrix_would_load_its_busiest_link_as_asked() -> None:
    topology = ring("abcdefgh")
    planned, paths, shares = _plan(traffic={"busiest_link_load": "30 %"}), shortest(topology), gravity(topology)
    load: dict[tuple[str, str], float] = {}
    for (src, dst), share in shares.items():
        hops = paths.hops(src, dst)
        for step in pairwise(hops):
            load[step] = load.get(step, 0.0) + share * planned.facts["matrix_bps"]
    assert max(load.values()) == pytest.approx(0.3 * 1e7)


def test_the_largest_flows_are_sent() -> None:
    planned, shares = _plan(traffic={"bulk_flows": 3}), gravity(ring("abcdefgh"))
    sent = {(flow.src, flow.dst): flow.rate_bps for flow in planned.traffic.bulk}
    assert len(sent) == 3
    assert min(shares[pair] for pair in sent) >= max(share for pair, share in shares.items() if pair not in sent)


def test_probes_that_would_be_the_load_are_refused_with_the_numbers() -> None:
    with pytest.raises(InputError, match=r"link \w→\w: probes would take \d+\.\d% of its 10 Mbit/s; at most 10%"):
        _plan(traffic={"probe_interval": "5 ms"})
    assert pytest.approx(0.1) == MAX_PROBE_SHARE


@pytest.mark.parametrize("topology", ["edge12", "europe18", "topohub:sndlib/nobel-eu"])
def test_the_shipped_experiment_plans_on_other_networks_too(topology: str) -> None:
    prepared = prepare("control-plane-loss", Choice(topology=topology))
    assert prepared.planned.controls
    assert len(prepared.planned.traffic.probes.fine_pairs) == 2
    assert len(prepared.planned.traffic.bulk) == 4
    assert prepared.timeline.first_on_the_backbone().reach.links[0] in {link.name for link in prepared.topology.links}


def test_pairs_with_fine_probes_are_in_the_sample() -> None:
    """Availability is counted from coarse probes: a pair without any would count as one that is never down."""
    prepared = prepare("control-plane-loss", Choice(topology="cities:30"))
    probes = prepared.planned.traffic.probes
    assert len(probes.pairs) == 140
    assert set(probes.fine_pairs) <= set(probes.pairs)
