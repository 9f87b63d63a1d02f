"""edge12 and europe18 keep what their comments promise."""

from __future__ import annotations

import pytest

from topology import cities
from topology.connectivity import pieces, two_connected
from topology.draft import Draft
from topology.load import known, load
from topology.model import Topology

THE_TEN = {"otp", "zrh", "waw", "osl", "ams", "ber", "fra", "vie", "arn", "ham"}


@pytest.fixture(params=["edge12", "europe18"])
def topology(request: pytest.FixtureRequest) -> Topology:
    return load(request.param)


def test_the_catalogue_is_listed() -> None:
    assert {"edge12", "europe18"} <= set(known())
    for name in known():
        assert load(name).name == name


def test_edge12_spans_six_continents_with_a_ring_and_six_chords() -> None:
    topology = load("edge12")
    assert (len(topology.pops), len(topology.links)) == (12, 18)
    assert set(topology.regions()) == {"Africa", "Asia", "Europe", "North America", "Oceania", "South America"}
    ring = [link.ends for link in topology.links[:12]]
    assert all(sum(name in ends for ends in ring) == 2 for name in topology.names)
    assert len(pieces(topology.names, ring)) == 1
    assert {link.capacity_bps for link in topology.links} == {40e6, 60e6, 100e6}


def test_europe18_holds_the_ten_and_eight_that_survive_them() -> None:
    topology = load("europe18")
    others = [name for name in topology.names if name not in THE_TEN]
    assert set(topology.names) > THE_TEN
    assert len(others) == 8
    assert len(pieces(others, (link.ends for link in topology.links if not THE_TEN & set(link.ends)))) == 1
    assert "synthetic" in topology.source


def test_no_single_loss_splits_it(topology: Topology) -> None:
    assert two_connected(topology)
    groups = {group for link in topology.links for group in link.risk_groups}
    assert groups
    for group in groups:
        left = (link.ends for link in topology.links if group not in link.risk_groups)
        assert len(pieces(topology.names, left)) == 1, group


def test_populations_come_from_the_formula_they_name(topology: Topology) -> None:
    for pop in topology.pops:  # GeoNames moves a little from release to release
        assert pop.population == pytest.approx(cities.catchment((pop.lat, pop.lon)), rel=0.15, abs=0.2e6), pop.name


def test_cities_stand_where_they_are(topology: Topology) -> None:
    for pop in topology.pops:
        assert cities.find(pop.city).where == pytest.approx((pop.lat, pop.lon), abs=0.05), pop.name
        assert len(pop.name) == 3


def test_delay_follows_length_and_rate_follows_scale() -> None:
    real, replica = load("edge12", rate_scale=1.0), load("edge12")
    atlantic = real.link("iad-lhr")
    assert atlantic.capacity_bps == 100e9
    assert replica.link("iad-lhr").capacity_bps == 100e6
    assert atlantic.delay_ms == replica.link("lhr-iad").delay_ms == pytest.approx(44.3, abs=0.1)
    assert isinstance(Draft("x", real.pops, (), "iad").build(1.0), Topology)
