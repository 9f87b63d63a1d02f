"""From findings to abilities, remedies and choices: odd machines, none of them here."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from topology.errors import InputError, MachineError
from topology.replica import frr
from topology.replica.abilities import Findings, judge
from topology.replica.findings import cores_of_quota
from topology.replica.forks import exit_status
from topology.replica.guard import identity_map
from topology.replica.inside import Failure, system_path
from topology.replica.machine import Machine

PROGRAMS = (
    *("ip", "tc", "mnexec", "etcd"),
    *("ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"),
)
STOCK = Findings(
    kernel="6.1.0-31-amd64",
    system="Debian GNU/Linux 12 (bookworm)",
    root=True,
    cores=4,
    memory_mb=8000,
    priority="SCHED_FIFO 50",
    trials=dict.fromkeys(("namespaces", "tun", "veth", "netem", "policer", "datapath"), ""),
    programs={name: f"/usr/bin/{name}" for name in (*PROGRAMS, *frr.DAEMONS)},
    modules=dict.fromkeys(("mininet", "distutils", "iperf3", "libiperf", "ryu", "os_ken"), ""),
    switch_version="3.1.0",
)


def with_trials(found: Findings, **errors: str) -> Findings:
    return replace(found, trials={**found.trials, **errors})


def lacking(machine: Machine) -> list[str]:
    return [ability.name for ability in machine.missing()]


def test_a_stock_kernel_takes_the_kernels_own() -> None:
    machine = judge(STOCK)
    assert (machine.datapath, machine.links) == ("kernel", "netem")
    assert machine.realtime
    assert machine.missing() == []
    assert all(not ability.remedy for ability in machine.abilities)


def test_without_modules_everything_runs_in_user_space() -> None:
    bare = replace(with_trials(STOCK, netem="unknown qdisc", datapath="No such file"), loadable_modules=False)
    machine = judge(bare)
    assert (machine.datapath, machine.links) == ("user", "relay")
    assert machine.missing() == []
    assert machine.ability("netem").remedy.startswith("a kernel that has sch_netem")
    assert machine.ability("netem").instead == "links are emulated in user space instead"


def test_datapath_and_links_are_chosen_apart() -> None:
    assert judge(with_trials(STOCK, netem="unknown qdisc")).datapath == "kernel"
    assert judge(with_trials(STOCK, netem="unknown qdisc")).links == "relay"
    assert judge(with_trials(STOCK, policer="no classifier")).links == "relay"
    machine = judge(with_trials(STOCK, datapath="No such file"))
    assert (machine.datapath, machine.links) == ("user", "netem")


def test_tun_is_missed_only_by_what_stands_on_it() -> None:
    closed = with_trials(STOCK, tun="Permission denied: /dev/net/tun")
    assert lacking(judge(closed)) == []
    assert lacking(judge(with_trials(closed, netem="unknown qdisc"))) == ["tun"]
    assert lacking(judge(with_trials(closed, datapath="No such file"))) == ["tun"]


@pytest.mark.parametrize(
    ("error", "container", "remedy"),
    [
        ("Permission denied: /dev/net/tun", False, "sudo chmod 0666 /dev/net/tun"),
        ("Permission denied: /dev/net/tun", True, "sudo chmod 0666 /dev/net/tun"),
        ("No such file or directory: /dev/net/tun", False, "sudo modprobe tun"),
        ("No such file or directory: /dev/net/tun", True, "sudo modprobe tun (in a container: start it with --device"),
        ("Operation not permitted: /dev/net/tun", True, "--device /dev/net/tun"),
    ],
)
def test_the_way_to_tun(error: str, container: bool, remedy: str) -> None:
    ability = judge(replace(with_trials(STOCK, tun=error), container=container)).ability("tun")
    assert not ability.ok
    assert ability.detail == error
    assert remedy in ability.remedy


@pytest.mark.parametrize(
    ("sysctl", "value", "root", "remedy"),
    [
        ("kernel.apparmor_restrict_unprivileged_userns", "1", False, "sudo sysctl -w {}=0"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", True, "a kernel with CONFIG_USER_NS"),
        ("kernel.unprivileged_userns_clone", "0", False, "sudo sysctl -w {}=1"),
        ("user.max_user_namespaces", "0", True, "sudo sysctl -w {}=15000"),
        ("user.max_user_namespaces", "63000", False, "run it as root"),
    ],
)
def test_the_way_to_namespaces(sysctl: str, value: str, root: bool, remedy: str) -> None:
    refused = replace(STOCK, trials={"namespaces": "refused"}, sysctls={sysctl: value}, root=root)
    machine = judge(refused)
    assert machine.ability("namespaces").remedy.startswith(remedy.format(sysctl))
    assert lacking(machine)[0] == "namespaces"
    assert machine.ability("tun").detail == "not tried: no sandbox to try it in"


def test_an_empty_machine_says_what_to_install() -> None:
    machine = judge(Findings())
    remedies = " ".join(ability.remedy for ability in machine.missing())
    for package in ("mininet", "openvswitch-switch", "libiperf0", "iproute2"):
        assert f"apt-get install {package}" in remedies
    assert {"openvswitch", "mininet", "iperf3", "iproute2", "memory", "ryu"} <= set(lacking(machine))


def test_one_framework_is_enough() -> None:
    modules = {**STOCK.modules, "ryu": "no Python module ryu"}
    assert judge(replace(STOCK, modules=modules)).missing() == []
    assert lacking(judge(replace(STOCK, modules={**modules, "os_ken": "no os_ken"}))) == ["ryu"]


def test_mininet_without_distutils_does_not_import() -> None:
    machine = judge(replace(STOCK, modules={**STOCK.modules, "distutils": "no Python module distutils"}))
    assert machine.ability("mininet").detail == "no Python module distutils"


def test_ubuntu_keeps_its_modules_in_a_package() -> None:
    ubuntu = replace(with_trials(STOCK, netem="unknown"), system="Ubuntu 24.04.1 LTS", kernel="6.8.0-45-generic")
    assert "linux-modules-extra-6.8.0-45-generic" in judge(ubuntu).ability("netem").remedy


@pytest.mark.parametrize(
    ("root", "container", "remedy"),
    [(False, False, "limits.d"), (True, True, "SYS_NICE"), (True, False, "CONFIG_RT_GROUP_SCHED")],
)
def test_the_way_to_real_time(root: bool, container: bool, remedy: str) -> None:
    machine = judge(replace(STOCK, priority="nice 0", root=root, container=container))
    assert not machine.realtime
    assert remedy in machine.ability("realtime").remedy
    assert machine.missing() == []


def test_one_core_is_said_but_not_refused() -> None:
    machine = judge(replace(STOCK, cores=1))
    assert machine.ability("cores").detail == "1 core"
    assert not machine.ability("cores").ok
    assert machine.missing() == []


def test_too_little_memory_is_refused() -> None:
    assert lacking(judge(replace(STOCK, memory_mb=599))) == ["memory"]


def test_a_choice_can_be_forced() -> None:
    machine = judge(STOCK).choose(datapath="user", links="relay")
    assert (machine.datapath, machine.links) == ("user", "relay")
    assert judge(STOCK).choose() == judge(STOCK)


def test_a_choice_that_cannot_be_is_refused_with_the_reason() -> None:
    machine = judge(with_trials(STOCK, datapath="No such file or directory"))
    with pytest.raises(MachineError, match="datapath 'kernel' does not work here: no openvswitch") as caught:
        machine.choose(datapath="kernel")
    assert "modprobe openvswitch" in caught.value.remedy
    with pytest.raises(InputError, match=r"unknown datapath 'kernal'; did you mean 'kernel'\? Known: kernel, user"):
        machine.choose(datapath="kernal")
    with pytest.raises(InputError, match="unknown kind of link 'vde'"):
        machine.choose(links="vde")


@pytest.mark.parametrize("modules", [True, False])
@pytest.mark.parametrize(("lost", "module"), [("netem", "sch_netem"), ("policer", "act_police")])
def test_a_forced_kind_of_link_is_told_what_is_missing_and_how_to_get_it(lost: str, module: str, modules: bool) -> None:
    machine = judge(replace(with_trials(STOCK, **{lost: "Specified qdisc kind is unknown."}), loadable_modules=modules))
    with pytest.raises(MachineError) as caught:
        machine.choose(links="netem")
    assert caught.value.exit_status == 4
    assert caught.value.missing.endswith(f"does not work here: no {module} (Specified qdisc kind is unknown)")
    way, or_else = caught.value.remedy.split("; or do not force it: ")
    assert way.startswith(f"sudo modprobe {module}" if modules else f"a kernel that has {module}")
    assert or_else == "links are emulated in user space instead"
    assert "not needed" not in str(caught.value)


def test_the_manifest_takes_it_as_json() -> None:
    assert json.loads(json.dumps(judge(STOCK).as_dict()))["datapath"] == "kernel"


def test_an_unknown_ability_names_the_known() -> None:
    with pytest.raises(InputError, match="did you mean 'netem'"):
        judge(STOCK).ability("netm")


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", None), ("200000 100000", 2), ("50000 100000", 1), ("350000 100000", 3), ("", None), ("x", None)],
)
def test_a_control_groups_quota_in_cores(text: str, cores: int | None) -> None:
    assert cores_of_quota(text) == cores


def test_every_id_keeps_its_number() -> None:
    assert identity_map("         0          0 4294967295\n") == "0 0 4294967295\n"
    nested = "         0     100000      65536\n     65536          0          1\n"
    assert identity_map(nested) == "0 0 65536\n65536 65536 1\n"


def test_exit_status_as_a_shell_says_it() -> None:
    assert [exit_status(status) for status in (0, 3 << 8, 9)] == [0, 3, 137]


def test_the_path_gains_what_is_missing() -> None:
    assert system_path("/usr/bin:/usr/sbin") == "/usr/bin:/usr/sbin:/usr/local/sbin:/sbin"
    assert system_path("").startswith("/usr/local/bin:")


@pytest.mark.parametrize("error", [InputError("a\nb"), MachineError("no tun", "chmod"), MachineError("no tun")])
def test_a_failure_is_the_same_error_again(error: Exception) -> None:
    again = Failure.of(error).error()
    assert (type(again), str(again)) == (type(error), str(error))
