"""Every constant of the model, each with its source. Nothing else in this package is a guess about the world.

"Measured on Open vSwitch 3.1": Debian 12's package with the userspace datapath, in this testbed.
"""

from __future__ import annotations

from controller.election import Campaign, Keep, Look

# ------------------------------------------------------------------ ports

PORT_REACTION_S = 0.004
"""From a change of carrier or BFD until the switch forwards by it and says so.
Measured on Open vSwitch 3.1: a fast-failover group lost 2–6 packets of 1,000 per second (2–6 ms)."""

# ------------------------------------------------------------------ BFD

BFD_MULTIPLIER = 3
"""Intervals without a packet until the session is down: Open vSwitch's own, not configurable (lib/bfd.c)."""
BFD_SLOW_S = 1.0
"""Transmit interval of a session that is not up: at least one second (RFC 5880, 6.8.3)."""
BFD_JITTER = 0.25
"""Each interval is shortened by up to this share at random (RFC 5880, 6.8.7; lib/bfd.c)."""

# ------------------------------------------------------------------ a switch that was killed

VSWITCHD_START_S = 0.1
"""From exec until the bridge has its ports and answers. Measured on Open vSwitch 3.1: 0.12–0.16 s on two busy cores."""

# ------------------------------------------------------------------ rules

EXPIRY_LAG_S = 0.05
"""A hard timeout strikes with Open vSwitch's next round of revalidation: at the latest 500 ms after it is due
(max-revalidator, ovs-vswitchd.conf.db(5)); measured on Open vSwitch 3.1: 0–90 ms over twelve switches."""

# ------------------------------------------------------------------ the switch's end of the control channel

PROBE_S = 5.0
"""Inactivity probe: given with the controller, other intervals count as this; set on the standing connection, longer
ones are heeded and shorter ones count as this. Measured on Open vSwitch 3.1."""
MIN_BACKOFF_S = 1.0
MAX_BACKOFF_S = 8.0
"""Wait before the next attempt to connect: doubles with each failure (lib/reconnect.c), up to max_backoff: this by
default, what the policy says once it has been set on a standing connection. Measured on Open vSwitch 3.1."""
MIN_CONNECT_S = 1.0
"""An attempt is given up after its back-off, at least after this (lib/reconnect.c)."""

# ------------------------------------------------------------------ TCP

FIRST_RTO_S = 1.0
"""Retransmission of a SYN (RFC 6298, 2.1)."""
MIN_RTO_S = 0.2
"""Least retransmission timeout of an open connection on Linux; doubles each time (TCP_RTO_MIN)."""
SEGMENT_BITS = 8 * 1514
ACK_BITS = 8 * 66

# ------------------------------------------------------------------ the brain's end

BRAIN_START_S = 0.5
"""From exec to listening. Measured on two idle cores (Ryu 4.34): 0.4–0.6 s."""
TICK_S = 0.1
"""The shim's tick (controller.app.TICK_S, which cannot be imported without the framework's neighbours)."""
STATS_EVERY_TICKS = 10
BRAIN_ECHO_S = 5.0
"""The controller's own keep-alive (controller.runtime)."""
BRAIN_ECHO_MISSES = 1
"""More unanswered ones than this, and the controller gives a switch up: after 10–15 s."""
BRAIN_MOD_S = 24e-6
"""Time to serialise and send one message. Measured: Ryu programmed 330 switches, 217,000 messages, in 5.2 s."""
MOD_BITS = 8 * 144
"""A flow-mod of this pipeline on the wire: 120–170 bytes of OpenFlow 1.3."""

# ------------------------------------------------------------------ the store of an election

STORE_START_S = 0.1
"""From exec until a member listens. Measured, etcd 3.4 (Debian 12): 0.05–0.15 s."""
STORE_CALL_S: dict[type, float] = {Look: 0.001, Keep: 0.001, Campaign: 0.003}
"""A call by the JSON gateway on a loopback. Measured, etcd 3.4, three members: 0.6–2 ms, a campaign 3 ms."""
LEASE_CHECK_S = 0.5
"""How often etcd's leader looks for leases that have ended (lessor.go). Measured: with TTL 1 s the key was gone
after 1.4–1.5 s."""

# ------------------------------------------------------------------ routing daemons (policy shadow)

IGP_START_S = 2.5
"""From the first hello until everybody routes to everybody, with hellos every second. Measured: 2.3–3.5 s."""
IGP_EXCHANGE_S = 0.15
"""From two neighbours having heard each other's hellos until both route over the link. Measured, FRR 8.4."""
IGP_HOP_S = 0.002
"""A daemon takes an announcement in and passes it on."""
IGP_RETRANSMIT_S = 1.0
"""``ip ospf retransmit-interval``, as topology.replica.frr sets it."""
AGENT_S = 0.04
"""From the kernel's word of a new route to the switch's rule: two processes are started for it. Measured on two busy
cores: 20–100 ms, the first PoP of a burst 22–35 ms."""
AGENT_RETRY_S = 0.5
"""controller.shadow_agent.RETRY_S."""

# ------------------------------------------------------------------ measuring a link

MEASURE_S = 0.4
"""What a measurement of a running link takes (topology.replica.calibrate, measured)."""
MEASURE_FRAMES = 37
"""Frames each way: seven alone and a train (topology.replica.calibrate)."""
LONE_FRAMES = 7
HEARD_S = 0.05
"""Beyond a link's delay, for frames of one's own to come out."""
MEASURE_GAP_S = 1 / 25_000
"""Between two of the frames that show losses."""

# ------------------------------------------------------------------ building

CONVERGE_S = 20.0
"""How long the network may take until every pair answers, as in the emulated lab."""
BUILDING_S = 60.0
"""The clock begins so long before the timeline, as in the emulated lab."""
LEAD_S = 0.5
"""From the decision to start until the clock's zero, as in the emulated lab."""
TRACE_S = 0.6
"""Patience of a path trace, as in the emulated lab."""
