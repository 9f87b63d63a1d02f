"""Raw findings → abilities with their remedies. Pure: any machine can be had in a test.

``findings`` collects, ``machine`` is the vocabulary, ``preflight`` the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from topology.replica import frr
from topology.replica.machine import DATAPATHS, LINKS, Ability, Machine

MEMORY_MB = 600
"""What a run of twelve PoPs takes."""
GOOD_CORES = 2
_GATES = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0", False),
    ("kernel.unprivileged_userns_clone", "0", "1", False),
    ("user.max_user_namespaces", "0", "15000", True),
)
"""(sysctl, the value that forbids user namespaces, one that allows them, whether it binds root too)"""
_NOT_TRIED = "not tried: no sandbox to try it in"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was seen, without judgement."""

    kernel: str = ""
    system: str = ""
    root: bool = False
    container: bool = False
    loadable_modules: bool = True
    cores: int = 1
    memory_mb: int = 0
    priority: str = ""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    trials: Mapping[str, str] = field(default_factory=dict)
    """What was tried → the error's words; empty when it worked."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Program → its path, empty when there is none."""
    modules: Mapping[str, str] = field(default_factory=dict)
    """Python module → why it cannot be imported; empty when it can."""
    switch_version: str = ""


def judge(found: Findings) -> Machine:
    """All abilities, and the best datapath and links that they carry."""
    abilities = (
        _namespaces(found),
        _tun(found),
        _veth(found),
        _in_kernel(found, "datapath", "openvswitch", "Open vSwitch forwards in user space instead"),
        _in_kernel(found, "netem", "sch_netem", "links are emulated in user space instead"),
        _in_kernel(found, "policer", "act_police", "links are emulated in user space instead"),
        _programs(found, "iproute2", ("ip", "tc"), "iproute2"),
        _switch(found),
        _mininet(found),
        _optional(_programs(found, "frr", frr.DAEMONS, "frr"), "policies that need routing daemons are skipped"),
        _optional(_programs(found, "etcd", ("etcd",), "etcd-server"), "policies that elect a leader are skipped"),
        _library(found, "iperf3", ("iperf3", "libiperf"), "sudo apt-get install libiperf0"),
        _library(found, "ryu", ("ryu",), "make setup"),
        _library(found, "os-ken", ("os_ken",), "make setup"),
        _realtime(found),
        _cores(found),
        _memory(found),
    )
    able = {ability.name for ability in abilities if ability.ok}
    return Machine(
        abilities,
        kernel=found.kernel,
        system=found.system,
        root=found.root,
        cores=found.cores,
        memory_mb=found.memory_mb,
        priority=found.priority,
        datapath="kernel" if able.issuperset(DATAPATHS["kernel"]) else "user",
        links="netem" if able.issuperset(LINKS["netem"]) else "relay",
    )


def _namespaces(found: Findings) -> Ability:
    error = found.trials.get("namespaces", _NOT_TRIED)
    if error == "":
        how = "as root, every id kept" if found.root else "as an ordinary user, no root needed"
        return Ability("namespaces", True, how)
    return Ability("namespaces", False, error, _namespaces_remedy(found))


def _namespaces_remedy(found: Findings) -> str:
    for name, bad, good, rules_root in _GATES:
        if found.sysctls.get(name) == bad and (rules_root or not found.root):
            keep = f"echo {name}={good} | sudo tee -a /etc/sysctl.d/60-failstatic.conf"
            instead = "" if rules_root else ", or run it as root (sudo)"
            return f"sudo sysctl -w {name}={good} (for good: {keep}){instead}"
    if found.container:
        return "start the container with --privileged"
    if found.root:
        return "a kernel with CONFIG_USER_NS, and no seccomp filter that forbids unshare(2)"
    return "run it as root (sudo)"


def _tun(found: Findings) -> Ability:
    error = found.trials.get("tun", _NOT_TRIED)
    if error == "":
        return Ability("tun", True, "/dev/net/tun makes TAPs inside a sandbox")
    if error == _NOT_TRIED:
        return Ability("tun", False, error, "first see to namespaces")
    if "Permission denied" not in error:
        device = " (in a container: start it with --device /dev/net/tun)" if found.container else ""
        return Ability("tun", False, error, f"sudo modprobe tun{device}")
    rule = """echo 'KERNEL=="tun", MODE="0666"' | sudo tee /etc/udev/rules.d/60-failstatic-tun.rules"""
    return Ability("tun", False, error, f"sudo chmod 0666 /dev/net/tun (for good: {rule})")


def _veth(found: Findings) -> Ability:
    error = found.trials.get("veth", _NOT_TRIED)
    if error == "":
        return Ability("veth", True, "pairs of virtual Ethernet interfaces")
    remedy = "first see to namespaces" if error == _NOT_TRIED else f"sudo modprobe veth{_extra_modules(found)}"
    return Ability("veth", False, error, remedy)


def _in_kernel(found: Findings, name: str, module: str, instead: str) -> Ability:
    """Faster or more exact where it is there; something portable takes its place where not."""
    error = found.trials.get(name, _NOT_TRIED)
    if error == "":
        return Ability(name, True, f"kernel module {module}")
    if found.loadable_modules:
        remedy = f"sudo modprobe {module}{_extra_modules(found)}"
    else:
        remedy = f"a kernel that has {module}, as Debian's linux-image-amd64 (this one loads no modules)"
    return Ability(name, False, f"no {module} ({error.rstrip('.')})", remedy, instead)


def _extra_modules(found: Findings) -> str:
    if "ubuntu" in found.system.lower():
        return f", after sudo apt-get install linux-modules-extra-{found.kernel}"
    if "cloud" in found.kernel:
        return ", after sudo apt-get install linux-image-amd64 and a reboot"
    return ""


def _programs(found: Findings, name: str, programs: tuple[str, ...], package: str) -> Ability:
    lacking = [program for program in programs if not found.programs.get(program)]
    if lacking:
        return Ability(name, False, f"no {', '.join(lacking)}", f"sudo apt-get install {package}")
    return Ability(name, True, ", ".join(found.programs[program] for program in programs))


def _optional(ability: Ability, instead: str) -> Ability:
    """Runs do without it; ``instead`` says how."""
    return ability if ability.ok else replace(ability, instead=instead)


def _switch(found: Findings) -> Ability:
    programs = ("ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "ovs-appctl")
    ability = _programs(found, "openvswitch", programs, "openvswitch-switch")
    return Ability("openvswitch", True, found.switch_version or "version unknown") if ability.ok else ability


def _mininet(found: Findings) -> Ability:
    if not (ability := _programs(found, "mininet", ("mnexec",), "mininet")).ok:
        return ability
    return _library(found, "mininet", ("mininet", "distutils"), "sudo apt-get install mininet, then make setup")


def _library(found: Findings, name: str, modules: tuple[str, ...], remedy: str) -> Ability:
    errors = [error for module in modules if (error := found.modules.get(module, "not looked for"))]
    if errors:
        return Ability(name, False, "; ".join(errors), remedy)
    return Ability(name, True, "importable")


def _realtime(found: Findings) -> Ability:
    if found.priority.startswith("SCHED_FIFO"):
        return Ability("realtime", True, found.priority)
    detail = f"{found.priority or 'not tried'}: delays are less exact when the machine is busy"
    if found.root and found.container:
        return Ability("realtime", False, detail, "start the container with --cap-add SYS_NICE")
    if found.root:
        words = "this control group has no real-time budget (CONFIG_RT_GROUP_SCHED): start it from the root group"
        return Ability("realtime", False, detail, words)
    who = r"printf '%s - rtprio 60\n%s - nice -20\n' $USER $USER"
    limits = f"{who} | sudo tee /etc/security/limits.d/failstatic.conf"
    return Ability("realtime", False, detail, f"{limits}, then log in again; or run it as root")


def _cores(found: Findings) -> Ability:
    detail = f"{found.cores} core{'s' if found.cores != 1 else ''}"
    if found.cores >= GOOD_CORES:
        return Ability("cores", True, detail)
    remedy = "a run of twelve PoPs takes about 1.3 cores: give the machine two, or expect the verdict unknown"
    return Ability("cores", False, detail, remedy)


def _memory(found: Findings) -> Ability:
    detail = f"{found.memory_mb} MB available"
    if found.memory_mb >= MEMORY_MB:
        return Ability("memory", True, detail)
    return Ability("memory", False, detail, f"a run takes up to {MEMORY_MB} MB: end other programs or give it more")
