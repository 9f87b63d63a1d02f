"""Open vSwitch's command lines, as pure functions of frozen data: nothing here runs anything.

``Place`` knows where the files of one PoP's Open vSwitch lie, the functions build what is
executed; ``topology.replica.vswitch`` runs it and ``topology.replica.readback`` reads the answers.
Option names: ovs-vswitchd.conf.db(5), ovs-ofctl(8).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from topology.addressing import (
    control_ips,
    datapath_id,
    port_interface,
    router_interface,
    router_port,
)
from topology.model import HOST_PORT, Pop, Topology

SCHEMA = Path("/usr/share/openvswitch/vswitch.ovsschema")
PORT_MTU = 1600
"""Room for a full frame and its labels; without it they vanish uncounted."""
DATAPATH_TYPES = {"user": "netdev", "kernel": "system"}
_BFD_MAC = "00:23:20:00:00:01"
"""Where Open vSwitch sends its BFD packets (lib/bfd.c)."""
_QUIET = ("-vconsole:off", "-vsyslog:off")

Command = list[str]


@dataclass(frozen=True, slots=True)
class SwitchSettings:
    """How every switch of a run behaves; part of a policy."""

    fail_mode: str = "secure"
    """What a switch does without a controller: ``"secure"`` keeps its rules, ``"standalone"`` becomes a MAC learner."""
    inactivity_probe_ms: int = 5000
    """A brain silent for so long is asked whether it lives, and given up after as long again (Open vSwitch takes no
    less than 5 s for that); a ``standalone`` switch takes over after three times this without a word."""
    max_backoff_ms: int = 1000
    """Longest wait between two attempts to reach a lost controller; Open vSwitch takes whole seconds, 8 by default."""
    bfd_interval_ms: int | None = None
    """BFD (RFC 5880) on every backbone port, detection after three intervals; None: carrier only."""
    router_ports: bool = False
    """Beside each backbone port an internal one, behind which a routing daemon may sit."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one PoP's Open vSwitch keeps its files: ``rundir``/``pop``."""

    rundir: Path
    pop: str

    @property
    def home(self) -> Path:
        return self.rundir / self.pop

    @property
    def database(self) -> Path:
        return self.home / "conf.db"

    @property
    def database_socket(self) -> Path:
        return self.home / "db.sock"

    @property
    def management_socket(self) -> Path:
        """The bridge's own OpenFlow listener; there once the bridge has its ports."""
        return self.home / f"{self.pop}.mgmt"

    @property
    def openflow(self) -> str:
        """The bridge's management connection, as ovs-ofctl wants it."""
        return f"unix:{self.management_socket}"

    def log(self, daemon: str) -> Path:
        return self.home / f"{daemon}.log"

    def control_socket(self, daemon: str, pid: int) -> Path:
        """What ovs-appctl talks to."""
        return self.home / f"{daemon}.{pid}.ctl"

    def environment(self) -> dict[str, str]:
        """With these, every ovs-* tool talks to this PoP's Open vSwitch and no other."""
        home = str(self.home)
        return {
            "OVS_RUNDIR": home,
            "OVS_DBDIR": home,
            "OVS_LOGDIR": home,
            "OVS_SYSCONFDIR": home,
            # One heap per process: dozens of daemons with an arena per thread cost 20 MB each.
            "MALLOC_ARENA_MAX": "1",
        }


def create_database(file: Path) -> Command:
    return ["ovsdb-tool", "create", str(file), str(SCHEMA)]


def database_server(place: Place) -> Command:
    remote = f"--remote=punix:{place.database_socket}"
    return ["ovsdb-server", str(place.database), remote, "--pidfile", "--no-chdir", "--log-file", *_QUIET]


def vswitchd(place: Place) -> Command:
    return ["ovs-vswitchd", f"unix:{place.database_socket}", "--pidfile", "--no-chdir", "--log-file", *_QUIET]


def inside(pid: int, command: Command) -> Command:
    """The same command in the network and mount namespace of process ``pid``; keeps the process id."""
    return ["mnexec", "-da", str(pid), *command]


def configure_bridge(place: Place, topology: Topology, datapath: str, settings: SwitchSettings) -> Command:
    """One transaction: the bridge with its host and backbone ports, no controller yet.

    ``datapath`` is ``"user"`` or ``"kernel"``. Returns when ovs-vswitchd has taken it.
    """
    pop = topology.pop(place.pop)
    command = [*_vsctl(place), *_threads(), *_add_bridge(pop, datapath), *_add_port(pop.name, HOST_PORT)]
    for port in topology.ports(pop.name):
        command += [*_add_port(pop.name, port), *_bfd(settings)]
        command += _add_router_port(pop.name, port) if settings.router_ports else []
    return command


def set_controller(place: Place, pop: Pop, ports: Sequence[int]) -> Command:
    """Tell the bridge on which ports brains listen: out of band, over the PoP's control link.

    No max_backoff and no inactivity_probe: given here, before there is a connection, Open vSwitch 3.1 does not
    heed them. Measured: a lost controller is tried after 1, 3, 7, 15, 23, … s whatever is given, a mute one is
    given up after two probes of 5 s. ``set_backoff`` on the standing connection is heeded.
    """
    brain_ip, _ = control_ips(pop.index)
    command = _vsctl(place)
    for port in ports:
        target = f'target="tcp:{brain_ip}:{port}"'
        command += ["--", f"--id=@brain{port}", "create", "Controller", target, "connection_mode=out-of-band"]
    names = ",".join(f"@brain{port}" for port in ports)
    return [*command, "--", "set", "Bridge", pop.name, f"controller=[{names}]"]


def set_backoff(place: Place, settings: SwitchSettings) -> Command:
    """How long to wait between two attempts to reach a lost controller, and until one is lost; only while connected.

    For all controllers of the database at once: ovs-vsctl knows one by its bridge only while there is one.
    """
    row = {"max_backoff": settings.max_backoff_ms, "inactivity_probe": settings.inactivity_probe_ms}
    transaction = ["Open_vSwitch", {"op": "update", "table": "Controller", "where": [], "row": row}]
    return ["ovsdb-client", "--timeout=15", "transact", f"unix:{place.database_socket}", json.dumps(transaction)]


def speak_openflow_10(place: Place) -> Command:
    """OpenFlow 1.0 beside 1.3: only its port-mod knows NO_FLOOD (5.3.3). Connections stand."""
    return [*_vsctl(place), "--", "set", "Bridge", place.pop, "protocols=OpenFlow10,OpenFlow13"]


def no_flood(place: Place, port: int) -> Command:
    """Floods do not leave by this port; rules may use it as before."""
    return ["ovs-ofctl", "-O", "OpenFlow10", "--timeout=10", "mod-port", place.openflow, str(port), "no-flood"]


def fail_open(place: Place) -> Command:
    """Without a brain, forget its rules and bridge. Only when nothing can be flooded in a circle any more."""
    return [*_vsctl(place), "--", "set", "Bridge", place.pop, "fail_mode=standalone"]


def dump(place: Place, what: str) -> Command:
    """``what``: ``"flows"``, ``"groups"`` or ``"ports-desc"``, with numbers for ports and without counters."""
    bare = ["--no-stats"] if what == "flows" else []
    return ["ovs-ofctl", "-O", "OpenFlow13", "--no-names", "--timeout=10", *bare, f"dump-{what}", place.openflow]


def add_flows(place: Place, file: Path) -> Command:
    """All lines of a file, each of which may begin with ``add`` (understood), ``delete_strict``, …"""
    return ["ovs-ofctl", "-O", "OpenFlow13", "--timeout=10", "add-flows", place.openflow, str(file)]


def trace(place: Place, vswitchd_pid: int, in_port: int, packet: bytes) -> Command:
    """What would the switch do with this Ethernet frame, were it to come in by ``in_port``?"""
    return ask(place, vswitchd_pid, "ofproto/trace", place.pop, f"in_port={in_port}", packet.hex())


def cache_exactly(place: Place, vswitchd_pid: int) -> Command:
    """Let each cached flow stand for one header only; to be said to every new ovs-vswitchd.

    Open vSwitch 3.1 changes a cached flow of the user-space datapath by looking its packet up. Where cached flows
    overlap (of one label, with and without its TTL), another may be found, and the first keeps what it did for as
    long as there are packets for it: one pair stayed dark after its route was back. Flows for one header do not.
    """
    return ask(place, vswitchd_pid, "upcall/disable-megaflows")


def ask(place: Place, vswitchd_pid: int, *question: str) -> Command:
    """A question to the running ovs-vswitchd, such as ``bfd/show``."""
    return ["ovs-appctl", "--timeout=10", "-t", str(place.control_socket("ovs-vswitchd", vswitchd_pid)), *question]


def _vsctl(place: Place) -> Command:
    return ["ovs-vsctl", f"--db=unix:{place.database_socket}", "--timeout=15"]


def _threads() -> Command:
    return [
        "--",
        "set",
        "Open_vSwitch",
        ".",
        "other_config:n-handler-threads=1",
        "other_config:n-revalidator-threads=1",
    ]


def _add_bridge(pop: Pop, datapath: str) -> Command:
    return [
        *("--", "add-br", pop.name, "--", "set", "Bridge", pop.name),
        f"datapath_type={DATAPATH_TYPES[datapath]}",
        "fail_mode=secure",
        "protocols=OpenFlow13",
        f"other_config:datapath-id={datapath_id(pop.index):016x}",
        f"other_config:dp-desc={pop.name}",
        "other_config:disable-in-band=true",
    ]


def _add_port(pop: str, port: int) -> Command:
    name = port_interface(pop, port)
    return [
        *("--", "add-port", pop, name, "--", "set", "Interface", name),
        f"ofport_request={port}",
        f"mtu_request={PORT_MTU}",
    ]


def _add_router_port(pop: str, port: int) -> Command:
    name = router_interface(pop, port)
    return [
        *("--", "add-port", pop, name, "--", "set", "Interface", name),
        "type=internal",
        f"ofport_request={router_port(port)}",
    ]


def _bfd(settings: SwitchSettings) -> Command:
    """Both intervals: ``min_rx`` alone is 1000 ms by default and would win.

    Where a routing daemon runs BFD over the same link, the switch is to take what is sent to its
    own address only; else it takes every BFD packet that comes in.
    """
    if settings.bfd_interval_ms is None:
        return []
    mine = [f'bfd:bfd_remote_dst_mac="{_BFD_MAC}"'] if settings.router_ports else []
    return [
        "bfd:enable=true",
        f"bfd:min_tx={settings.bfd_interval_ms}",
        f"bfd:min_rx={settings.bfd_interval_ms}",
        *mine,
    ]
