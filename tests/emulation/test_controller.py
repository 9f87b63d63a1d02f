"""The controller against a real Open vSwitch, on Ryu and on os-ken: ``controller_scenario`` tells what is done."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from controller.process import environment
from topology.replica.preflight import probe

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SCENARIO = Path(__file__).with_name("controller_scenario.py")
NAMESPACES = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
FLOWS = [
    "hard_timeout=600, priority=9,ip,in_port=1 actions=goto_table:20",
    "priority=10,mpls actions=load:0->NXM_OF_IN_PORT[],goto_table:10",
    "table=10, priority=5,mpls,mpls_label=16001 actions=dec_mpls_ttl,group:1",
    "table=10, priority=5,mpls,mpls_label=24002,mpls_bos=0 actions=pop_mpls:0x8847,output:2",
    "table=10, priority=5,mpls,mpls_label=24002,mpls_bos=1 actions=pop_mpls:0x0800,output:2",
    "table=10, priority=5,mpls,mpls_label=40003,mpls_bos=0 actions=pop_mpls:0x8847,resubmit(,10)",
    "table=20, priority=7,ip,nw_dst=10.0.1.0/24 actions=push_mpls:0x8847,set_field:16001->mpls_label,group:1",
]
GROUPS = [
    "group_id=1,type=ff,bucket=watch_port:2,actions=output:2,"
    "bucket=watch_port:3,actions=push_mpls:0x8847,set_field:40001->mpls_label,output:3",
    "group_id=2,type=indirect,bucket=actions=pop_mpls:0x8847,resubmit(,10)",
    "group_id=3,type=indirect,bucket=actions=set_field:40002->mpls_label,dec_mpls_ttl,group:1",
    "group_id=4,type=indirect,bucket=actions=load:0->NXM_OF_IN_PORT[],output:2",
]


def need(framework: str) -> None:
    """Skip with the machine's own reason where the scenario cannot run."""
    machine = probe()
    needed = (machine.ability(name) for name in ("namespaces", "tun", "openvswitch", "iproute2", framework))
    lacking = [f"{ability.name}: {ability.detail}" for ability in needed if not ability.ok]
    if lacking:
        pytest.skip("; ".join(lacking))


@cache
def findings(framework: str) -> Any:
    """The scenario's findings; it takes 2 s, the hang (tried once, on Ryu) 7 to 10 s more."""
    words = [*NAMESPACES, sys.executable, str(SCENARIO), "lab", "--framework", framework]
    words += ["--hang"] if framework == "ryu" else []
    ours = environment() | {"PATH": PATH}
    ended = subprocess.run(words, env=ours, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture(params=["ryu", "os-ken"])
def found(request: pytest.FixtureRequest) -> Any:
    need(request.param)
    return findings(request.param)


def test_rules_and_groups_arrive_as_they_were_meant(found: Any) -> None:
    assert found["flows"] == FLOWS
    assert found["groups"] == GROUPS
    assert (found["flow_count"], found["group_count"]) == (1507, 1504)


def test_the_barrier_of_a_program_comes_back(found: Any) -> None:
    assert {"pop": "a", "token": 1, "mods": 3015}.items() <= found["applied"].items()


def test_a_refused_mod_is_named(found: Any) -> None:
    (error,) = found["errors"]
    assert error["code"].startswith("OFPGMFC_UNKNOWN_GROUP")
    assert error["mod"].startswith("ModifyGroup(group=GroupRule(id=9999")
    assert error["token"] == 1


def test_it_runs_in_the_network_namespace_it_is_told(found: Any) -> None:
    assert (found["there"], found["we_stayed"]) == (True, True)


def test_carrier_and_bfd_are_told_apart(found: Any) -> None:
    assert found["ports"] == "told"


def test_a_brain_that_returns_reads_back_what_it_left(found: Any) -> None:
    """1507 flows and 1504 groups come in several parts."""
    assert found["gone"] == "gone"
    assert {"cookies": True, "groups": True}.items() <= found["read_back"].items()
    assert {"flows": 1507, "groups": 1504, "live": [2, 3]}.items() <= found["up_again"].items()


def test_nothing_was_said_on_stderr(found: Any) -> None:
    assert found["stderr"] == []


def test_the_switch_notices_a_hung_controller_and_takes_it_back() -> None:
    """Open vSwitch's inactivity probe is at least 5 s; it notices after one to two of them."""
    need("ryu")
    found = findings("ryu")
    assert found["stopped"] == "stopped"
    assert 4 < found["hang_noticed_s"] < 25
    assert found["downs"] >= 1
