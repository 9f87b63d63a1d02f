"""Each kind of reference, and what is refused before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from topology import cities, hub
from topology.connectivity import two_connected
from topology.document import MAX_ALIASES, MAX_DEPTH, MAX_NODES
from topology.errors import InputError
from topology.fields import MAX_NAME, pop_name, slug
from topology.load import load
from topology.model import Topology
from topology.scale import describe

SMALL = """
name: small
brain: lhr
path factor: 2
pops:
  - {name: lhr, city: London, region: Europe, lat: 51.5, lon: 0, population: 20 M}
  - {name: ams, city: Amsterdam, region: Europe, lat: 52.4, lon: 4.9, population: 500 k}
  - {name: no, city: "London, CA"}
links:
  - {ends: [lhr, ams], capacity: 40 Gbit/s, risk groups: [north sea]}
  - {ends: [ams, no], capacity: 1.5 Tbit/s, length: 7000 km}
  - {ends: [no, lhr], capacity: 10 Gbit/s, delay: 30 ms}
"""

CITIES = """city,name,lat,lon,population
Zürich,,,,
"London, GB",lon,51.5,-0.1,9 M
São Paulo,,-23.5,-46.6,1200000
"two
lines",tl,0,0,5
Zürich,,47.4,8.5,2 k
"""


def written(folder: Path, text: str, name: str = "small.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_yaml_file(tmp_path: Path) -> None:
    topology = load(written(tmp_path, SMALL))
    assert (topology.name, topology.brain, topology.names) == ("small", "lhr", ("lhr", "ams", "no"))
    assert topology.links[0].risk_groups == ("north sea",)
    assert topology.links[0].length_km == pytest.approx(2 * 350, rel=0.02)
    assert [link.capacity_bps for link in topology.links] == pytest.approx([40e6, 1.5e9, 10e6])
    assert topology.links[1].delay_ms == pytest.approx(35.02, abs=0.01)
    assert topology.links[2].delay_ms == pytest.approx(30)


def test_what_a_pop_leaves_out_comes_from_geonames(tmp_path: Path) -> None:
    ontario = load(written(tmp_path, SMALL)).pop("no")
    assert (ontario.region, round(ontario.lat), round(ontario.lon)) == ("North America", 43, -81)
    assert ontario.population > 300_000


def test_the_name_is_the_files_unless_given(tmp_path: Path) -> None:
    assert load(written(tmp_path, SMALL.replace("name: small\n", ""), "mine.yml")).name == "mine"


def test_aliases_may_be_used_with_measure(tmp_path: Path) -> None:
    text = SMALL.replace("1.5 Tbit/s", "*c").replace("40 Gbit/s", "&c 40 Gbit/s")
    assert load(written(tmp_path, text)).links[1].capacity_bps == 40e6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a x\nb: [" + "*a, " * (MAX_ALIASES + 1) + "]", "aliases"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "levels of nesting"),
        ("[" + "1, " * (MAX_NODES + 1) + "]", "nodes"),
        ("a: \x00", "not YAML"),
        ("a: !!python/object:os.system x", "unknown key 'a'"),
    ],
)
def test_yaml_that_would_eat_the_machine(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(written(tmp_path, text))


def test_a_file_of_100_mb_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    for ref in (str(path), f"csv:{path}"):
        with pytest.raises(InputError, match="100 MB; more than 1 MB is refused"):
            load(ref)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("city: Zürich".encode("latin-1"))
    for name, message in (("none.yaml", "no such file"), ("", "not a regular file"), ("latin.yaml", "not UTF-8")):
        with pytest.raises(InputError, match=message):
            load(f"{tmp_path}/{name}")


@pytest.mark.parametrize("ref", ["edge13", "", "foo:bar", "Edge12"])
def test_an_unknown_name_lists_the_known(ref: str) -> None:
    with pytest.raises(InputError, match=r"unknown topology .*edge12.*topohub:GROUP/NAME"):
        load(ref)


@pytest.mark.parametrize("scale", [0, -1, 1.1, float("nan"), float("inf")])
def test_an_impossible_scale(scale: float) -> None:
    with pytest.raises(InputError, match="rate scale"):
        load("edge12", rate_scale=scale)


def test_the_scale_in_words() -> None:
    assert describe(1e-3) == "rates 1 : 1000 (1 Gbit/s runs at 1 Mbit/s), delays 1 : 1"


def test_nobel_eu() -> None:
    topology = load("topohub:sndlib/nobel-eu")
    assert (len(topology.pops), len(topology.links)) == (28, 41)
    assert topology.regions() == {"Europe": 28}
    assert topology.pop("copenhage").city == "Copenhagen"
    assert "assumed" in topology.source
    assert two_connected(topology)


@pytest.mark.parametrize("key", ["topozoo/Abilene", "gabriel/25/0", "sndlib/atlanta", "topozoo/Marnet"])
def test_other_networks_of_topohub(key: str) -> None:
    topology = load(f"topohub:{key}")
    assert_sound(topology)
    if key == "sndlib/atlanta":
        assert "plane" in topology.source


def test_topohub_keys_are_looked_up_not_opened() -> None:
    with pytest.raises(InputError, match=r"did you mean .*sndlib/nobel-eu"):
        load("topohub:sndlib/nobel-uk")
    with pytest.raises(InputError, match="unknown topohub network"):
        load("topohub:../data/sndlib/nobel-eu")


def test_self_loops_parallels_and_pieces_of_a_foreign_network(monkeypatch: pytest.MonkeyPatch) -> None:
    cities_at = {"Oslo": (10.7, 59.9), "Bergen": (5.3, 60.4), "Oslo 2": (10.7, 59.9)}
    nodes = [{"id": index, "name": name, "pos": pos} for index, (name, pos) in enumerate(cities_at.items())]
    ends = [(0, 1), (1, 0), (0, 0), (1, 2)]
    data = {"nodes": nodes, "edges": [{"source": a, "target": b} for a, b in ends]}
    monkeypatch.setattr(hub, "_get", lambda _: data)
    topology = load("topohub:x/y")
    assert [link.name for link in topology.links] == ["oslo-bergen", "bergen-oslo2"]
    assert "1 self loop dropped; 1 parallel link dropped" in topology.source
    data["edges"] = [{"source": 0, "target": 1}]
    with pytest.raises(InputError, match=r"2 pieces: oslo bergen \| oslo2"):
        load("topohub:x/y")


@pytest.mark.parametrize("count", [3, 4, 12, 30, 100, 330])
def test_cities(count: int) -> None:
    topology = load(f"cities:{count}")
    assert len(topology.pops) == count
    assert_sound(topology)
    assert two_connected(topology)
    assert "synthetic" in topology.source
    assert load(f"cities:{count}") == topology


@pytest.mark.parametrize("count", ["", "2", "331", "-5", "1e2", "many", "٣"])
def test_a_count_of_cities_that_cannot_be(count: str) -> None:
    with pytest.raises(InputError, match="3 to 330"):
        load(f"cities:{count}")


def test_a_csv_of_cities(tmp_path: Path) -> None:
    path = written(tmp_path, CITIES, "mine.csv")
    topology = load(f"csv:{path}")
    assert topology.names == ("zurich", "lon", "saopaulo", "tl", "zurich2")
    assert topology.pop("lon").population == 9e6
    assert topology.pop("saopaulo").region == "South America"
    assert_sound(topology)
    assert two_connected(topology)


def test_a_csv_with_too_few_cities(tmp_path: Path) -> None:
    path = written(tmp_path, "city\nOslo\nBergen\n", "two.csv")
    with pytest.raises(InputError, match="2 cities; from 3"):
        load(f"csv:{path}")


def test_cities_by_name() -> None:
    assert cities.find("münchen").name == cities.find("Munich, DE").name == "Munich"
    assert cities.find("London").country == "GB"
    assert cities.find("london, ca").country == "CA"
    assert cities.nearest((59.9, 10.7)).name == "Oslo"
    with pytest.raises(ValueError, match="unknown city 'Osloo'; did you mean Oslo"):
        cities.find("Osloo")
    with pytest.raises(ValueError, match="unknown city"):
        cities.find("London, NO")


def test_slugs_are_names() -> None:
    taken: set[str] = set()
    for label in ("New York", "newyork", "New York City", "東京", "42", "", "Brain", "lo", "Aşgabat", "New York"):
        name = slug(label, taken)
        assert pop_name(name) not in taken
        assert len(name) <= MAX_NAME
        taken.add(name)
    assert {"newyork", "newyork2", "newyorkci", "p42", "asgabat"} <= taken


def assert_sound(topology: Topology) -> None:
    assert [pop.index for pop in topology.pops] == list(range(len(topology.pops)))
    assert [link.index for link in topology.links] == list(range(len(topology.links)))
    assert all(pop_name(pop.name) and pop.population > 0 and pop.region for pop in topology.pops)
    assert all(link.delay_ms > 0 and link.capacity_bps > 0 for link in topology.links)
    assert topology.brain in topology.names
