"""TCP over one emulated link, between hosts behind two switches: what reaches the receiver, as a share of the rate.

The rate counts whole frames; of each full one 1448 of 1518 bytes (Ethernet header and one MPLS label) are payload,
so a perfect link gives 95.4 %.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.bench import Site
from bench.figures import Figure
from bench.holding import Facts, told

from experiments.labs.emulated import EmulatedLab, Outfit
from experiments.policies import policy
from topology import addressing
from topology.errors import LabError, MachineError
from topology.model import Link, Pop, Topology
from topology.replica.inside import Inside
from topology.replica.machine import LINKS, Machine
from topology.replica.vswitch import wait_for

LEAST_PCT = 93.0
RATES_BPS = (10e6, 50e6)
DELAY_MS = 5.0
SECONDS, LEFT_OUT_S = 5, 1
"""How long each transfer is measured, after its slow start."""
PORT = 5201


def measure(site: Site) -> Iterator[Figure]:
    for kind in LINKS:
        try:
            machine = site.machine.choose(links=kind)
        except MachineError as error:
            site.say(f"{kind}: {error}")
            continue
        found = [_once(site, machine, kind, repetition) for repetition in range(site.n)]
        for rate_bps in RATES_BPS:
            shares = [100 * facts[f"{rate_bps:g}"] / rate_bps for facts in found]
            note = f"one TCP flow (iperf3), {DELAY_MS:g} ms each way, {machine.datapath} datapath"
            yield Figure(
                f"TCP over {rate_bps / 1e6:g} Mbit/s, {kind} link", "% of rate", shares, least=LEAST_PCT, note=note
            )


def line() -> Topology:
    """A PoP in the middle, and one link of each rate from it."""
    pops = tuple(Pop(i, name, name, "Nowhere", 0.0, float(i), 1e6) for i, name in enumerate(("mid", "slow", "fast")))
    links = tuple(Link(i, "mid", pops[i + 1].name, rate_bps, 1000.0, DELAY_MS) for i, rate_bps in enumerate(RATES_BPS))
    return Topology("line", pops, links, brain="mid")


def _once(site: Site, machine: Machine, kind: str, repetition: int) -> Facts:
    site.say(f"TCP over {kind} links, {repetition + 1} of {site.n}")
    return told(site, f"tcp-{kind}", lambda inside: _transfer(inside, machine), 120.0)


def _transfer(inside: Inside, machine: Machine) -> tuple[Facts, Callable[[], object]]:
    """In the sandbox: bit/s at the receiver, by rate of the link."""
    topology = line()
    lab = EmulatedLab(
        topology,
        policy("fail-static"),
        inside=inside,
        outfit=Outfit(machine),
        record=lambda _event, **_data: None,
        folder=inside.rundir,
    )
    lab.build()
    return {f"{link.capacity_bps:g}": _iperf3(lab, link) for link in topology.links}, lab.close


def _iperf3(lab: EmulatedLab, link: Link) -> float:
    sink, source = (lab.network.pid(addressing.host_name(pop)) for pop in link.ends)
    address = addressing.host_ip(lab.topology.pop(link.a).index)
    with subprocess.Popen(
        _at(sink, "-s", "-1", "-p", str(PORT)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        wait_for(lambda: _listens(sink), 10, "iperf3's server")
        options = ["-c", address, "-p", str(PORT), "-t", str(SECONDS), "-O", str(LEFT_OUT_S), "-J"]
        said = subprocess.run(_at(source, *options), capture_output=True, text=True, check=False, timeout=60)
        server.terminate()
    report: dict[str, Any] = json.loads(said.stdout or "{}")
    received = report.get("end", {}).get("sum_received", {}).get("bits_per_second", math.nan)
    if math.isnan(received):
        raise LabError(f"iperf3 over {link.name}: {report.get('error') or said.stderr}")
    return float(received)


def _at(pid: int, *arguments: str) -> list[str]:
    return ["mnexec", "-da", str(pid), "iperf3", *arguments]


def _listens(pid: int) -> bool:
    tables = (Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii") for name in ("tcp", "tcp6"))
    return any(f":{PORT:04X} " in row and " 0A " in row for table in tables for row in table.splitlines())
