"""The running replica as a Mininet network; the only importer of Mininet.

Division of labour: Mininet gives nodes (a shell in a network namespace each), names and
its command line; ``links`` makes the backbone and the control channels, ``plumbing`` the
host interfaces and addresses, ``switches`` runs one Open vSwitch per PoP in the PoP's own
namespace. Mininet's own start-up does one node after the other; ``Network.start`` begins
each step for all nodes and then waits for all.

Nodes: ``<pop>`` the switch, ``h-<pop>`` the edge host behind it, ``brain`` where the controller runs.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from topology import addressing, model
from topology.channels import CONTROL_RATE_BPS, control_delays_ms
from topology.forwarding import Snapshot
from topology.model import HOST_PORT, Topology
from topology.replica import plumbing, readback
from topology.replica.links import Cable, End, LinkControl, LinkShape, Wires
from topology.replica.ovs import SwitchSettings
from topology.replica.shell import NodeShell
from topology.replica.switches import Switches
from topology.replica.trace import Trace
from topology.replica.vswitch import VSwitch
from topology.replica.watch import PortChange, Watcher

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Mininet 2.3.0 imports distutils
    from mininet.cli import CLI
    from mininet.link import Intf, Link
    from mininet.net import Mininet
    from mininet.node import Host, OVSSwitch

_Attachment = tuple[str, str, int]
"""(node, interface, port number) of one end of a link."""
BRAIN = "brain"


class EdgeHost(NodeShell, Host):  # type: ignore[misc]
    """An edge host, or the brain's place."""

    isSetup = True  # noqa: N815 - preflight has looked for the tools


class PopSwitch(NodeShell, OVSSwitch):  # type: ignore[misc]
    """A PoP: Mininet's OVSSwitch, but with an Open vSwitch of its own in its own namespace."""

    isSetup = True  # noqa: N815 - Mininet would ask the machine's own Open vSwitch, and exit without one
    vswitch: VSwitch
    controlIntf: Any = None  # noqa: N815

    def start(self, controllers: list[Any] | None = None) -> None:  # noqa: ARG002
        """Bring the daemons up; the database remembers bridge and controller of the last time."""
        if not self.vswitch.running():
            self.vswitch.begin_database()
            self.vswitch.begin_switch()

    def stop(self, deleteIntfs: bool = False) -> None:  # noqa: N803, ARG002
        """End the daemons: the switch has crashed, its interfaces stay."""
        self.vswitch.stop()

    @classmethod
    def isOldOVS(cls) -> bool:  # noqa: N802
        return False

    def dpctl(self, *words: str) -> Any:
        """Mininet's ``dpctl``, speaking OpenFlow 1.3."""
        return self.cmd("ovs-ofctl", "-O", "OpenFlow13", words[0], self, *words[1:])


class WiredInterface(Intf):  # type: ignore[misc]
    """An interface that exists already; Mininet only keeps the books."""

    def config(self, **params: Any) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def ifconfig(self, *words: str) -> Any:
        """``link a b down`` in the Mininet CLI is a real cut, ``up`` heals it."""
        control: LinkControl | None = self.params.get("control")
        if control is None or words not in (("up",), ("down",)):
            return super().ifconfig(*words)
        (control.heal if words == ("up",) else control.cut)()
        return ""


class WiredLink(Link):  # type: ignore[misc]
    """A link that exists already."""

    @classmethod
    def makeIntfPair(cls, *names: Any, **options: Any) -> None:  # noqa: N802
        """Wires and plumbing have made both ends."""


class Console(CLI):  # type: ignore[misc]
    """Mininet's command line; node names may hold ``-``, and no history file is left behind."""

    identchars = CLI.identchars + "-"
    readlineInited = True  # noqa: N815


class Network:
    """One topology, running. ``start``, then ``connect_switches`` once the controller listens.

    ``wires`` belongs to the caller, who closes it. Everything raises LabError.
    """

    def __init__(
        self, topology: Topology, *, rundir: Path, datapath: str, wires: Wires, settings: SwitchSettings
    ) -> None:
        """``rundir`` holds a folder per PoP; ``datapath`` is ``"user"`` or ``"kernel"``."""
        Mininet.inited = True  # else it raises limits of the whole machine by sysctl
        self.mininet = Mininet(topo=None, controller=None, link=WiredLink, intf=WiredInterface, build=False)
        self.topology, self._wires = topology, wires
        self._switches = Switches(topology, rundir=rundir, datapath=datapath, settings=settings)
        self.links: dict[str, LinkControl] = {}
        """Backbone links by their canonical name."""
        self.control: dict[str, LinkControl] = {}
        """Control channels by PoP; end a is the brain's."""
        self.steps: dict[str, float] = {}
        """Step of the start → seconds that it took."""

    def start(self) -> None:
        """Nodes, links and bridges, without a controller yet."""
        self._step("nodes", self._make_nodes)
        self._step("switches", lambda: self._switches.begin({pop: self.pid(pop) for pop in self.topology.names}))
        self._step("links", self._make_links)
        self._step("addresses", self._make_addresses)
        self._step("bridges", self._switches.make_bridges)
        self._tell_mininet()

    def connect_switches(self, ports: Mapping[str, Sequence[int]] | None = None) -> None:
        """Tell every switch where the brain is; ``ports``, where there are several: PoP → where they listen."""
        self._switches.connect(ports or dict.fromkeys(self.topology.names, (addressing.OPENFLOW_PORT,)))

    def fail_open(self) -> None:
        """Switches that lose the brain are to bridge; call when all are connected. They connect anew."""
        self._switches.fail_open()

    def set_backoff(self) -> None:
        """How a switch looks for a lost brain; call when all are connected."""
        self._switches.set_backoff()

    def stop(self) -> None:
        """End switches and shells."""
        self._switches.stop()
        for node in self.mininet.values():
            node.terminate()

    def cli(self) -> None:
        """Mininet's command line, until the user leaves it."""
        Console(self.mininet)

    def pid(self, node: str) -> int:
        """The shell in the node's network namespace (``<pop>``, ``h-<pop>`` or ``brain``)."""
        return int(self.mininet[node].pid)

    def vswitch(self, pop: str) -> VSwitch:
        """The daemons of one PoP: their process ids, stop and start."""
        return self._switches[pop]

    def vswitchd_pid(self, pop: str) -> int:
        return self._switches[pop].vswitchd_pid

    def control_connected(self, pop: str, port: int = addressing.OPENFLOW_PORT) -> bool:
        """Whether the switch holds an established connection to the brain on ``port``, from the kernel's table."""
        table = Path(f"/proc/{self.pid(pop)}/net/tcp").read_text()
        return readback.has_connection_to(table, port)

    def bfd_settled(self) -> bool:
        """Whether every backbone port runs BFD at its configured pace; True without BFD."""
        return self._switches.bfd_settled()

    def snapshot(self, in_time: Callable[[], bool] = lambda: True) -> Snapshot:
        """Tables, groups and live ports of all switches. Raises TooLate when ``in_time`` no longer holds."""
        return self._switches.snapshot(in_time)

    def live_ports(self, pop: str) -> frozenset[int]:
        """Of one switch, asked over OpenFlow."""
        return self._switches.live_ports(pop)

    def watch(self, callback: PortChange) -> Watcher:
        """A watcher of all PoPs' ports, not started yet."""
        return self._switches.watch(callback)

    def trace_packet(self, pop: str, in_port: int, packet: bytes) -> Trace:
        """What the real switch would do with this Ethernet frame: nothing is sent."""
        return self._switches.trace_packet(pop, in_port, packet)

    def _step(self, name: str, step: Callable[[], None]) -> None:
        begun = time.monotonic()
        step()
        self.steps[name] = time.monotonic() - begun

    def _make_nodes(self) -> None:
        for pop in self.topology.pops:
            environment = self._switches.place(pop.name).environment()
            dpid = f"{addressing.datapath_id(pop.index):x}"
            self.mininet.addSwitch(pop.name, cls=PopSwitch, dpid=dpid, inNamespace=True, environment=environment)
            self.mininet.addHost(addressing.host_name(pop.name), cls=EdgeHost)
        # Among Mininet's controllers: `pingall` asks hosts only, and the brain is not on their network.
        self.mininet.nameToNode[BRAIN] = EdgeHost(BRAIN)
        self.mininet.controllers.append(self.mininet[BRAIN])
        for node in self.mininet.values():
            node.await_shell()

    def _make_links(self) -> None:
        made = self._wires.connect_all([*self._backbone(), *self._channels()])
        self.links = {link.name: made[link.name] for link in self.topology.links}
        self.control = {pop: made[f"{BRAIN}-{pop}"] for pop in self.topology.names}

    def _backbone(self) -> Iterator[Cable]:
        for link in self.topology.links:
            a, b = (End(self.pid(pop), self._interface(pop, link)) for pop in link.ends)
            yield Cable(link.name, a, b, LinkShape(link.delay_ms, link.capacity_bps))

    def _channels(self) -> Iterator[Cable]:
        delays_ms = control_delays_ms(self.topology)
        for pop in self.topology.pops:
            a = End(self.pid(BRAIN), addressing.brain_interface(pop.index))
            b = End(self.pid(pop.name), addressing.control_interface(pop.name))
            yield Cable(f"{BRAIN}-{pop.name}", a, b, LinkShape(delays_ms[pop.name], CONTROL_RATE_BPS))

    def _make_addresses(self) -> None:
        hosts = {self.pid(addressing.host_name(pop.name)): pop for pop in self.topology.pops}
        plumbing.run_batch(plumbing.veth_lines(self.topology, self.pid))
        plumbing.run_batches(
            {pid: plumbing.host_lines(self.topology, pop) for pid, pop in hosts.items()}
            | {self.pid(pop.name): plumbing.pop_lines(pop) for pop in self.topology.pops}
            | {self.pid(BRAIN): plumbing.brain_lines(self.topology)}
        )
        plumbing.disable_offloads({pid: addressing.host_interface(pop.name) for pid, pop in hosts.items()})

    def _tell_mininet(self) -> None:
        """Enter what runs into Mininet's books, for its command line."""
        for pop in self.topology.pops:
            host, inner = addressing.host_interface(pop.name), addressing.port_interface(pop.name, HOST_PORT)
            access = self._enter((addressing.host_name(pop.name), host, 0), (pop.name, inner, HOST_PORT))
            access.intf1.ip, access.intf1.prefixLen = addressing.host_ip(pop.index), addressing.HOST_NETWORK_BITS
            access.intf1.mac = addressing.host_mac(pop.index)
            brain = (BRAIN, addressing.brain_interface(pop.index), pop.index)
            channel = self._enter(brain, (pop.name, addressing.control_interface(pop.name), 0), self.control[pop.name])
            channel.intf1.ip, channel.intf2.ip = addressing.control_ips(pop.index)
            self.mininet[pop.name].vswitch = self._switches[pop.name]
            self.mininet[pop.name].controlIntf = channel.intf2
        for link in self.topology.links:
            a, b = ((pop, self._interface(pop, link), self.topology.port(pop, link)) for pop in link.ends)
            self._enter(a, b, self.links[link.name])
        self.mininet.built = True

    def _enter(self, a: _Attachment, b: _Attachment, control: LinkControl | None = None) -> Any:
        names, ports = {"intfName1": a[1], "intfName2": b[1]}, {"port1": a[2], "port2": b[2]}
        return self.mininet.addLink(a[0], b[0], **names, **ports, addr1=None, addr2=None, control=control)

    def _interface(self, pop: str, link: model.Link) -> str:
        return addressing.port_interface(pop, self.topology.port(pop, link))
