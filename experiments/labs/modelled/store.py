"""The store of an election as the model knows it: members that live and die, a leader among them, one key with a lease.

Raft's log is not played: what a leader with a quorum takes in is in force and stays.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from controller.election import Answer, Call, Campaign, Failed, Keep, Kept, Look, Seen, Won
from experiments.labs.modelled.clock import Clock
from experiments.labs.modelled.timers import LEASE_CHECK_S, STORE_CALL_S, STORE_START_S
from topology.replica.etcd import Etcd


@dataclass(slots=True)
class _Key:
    holder: str
    lease: int
    generation: int
    ends_s: float
    ttl_s: float


class Member:
    """Implements ``MemberControl``."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self.up = False

    def start(self) -> None:
        if not self.up:
            self._store.clock.run_until(self._store.clock.now + STORE_START_S)
            self.up = True
            self._store.changed()

    def kill(self) -> None:
        if self.up:
            self.up = False
            self._store.changed()

    def state(self) -> str:
        return "running" if self.up else "gone"


class ModelStore:
    """Implements ``StoreControl``; brains ask it by ``answer``."""

    def __init__(self, settings: Etcd, clock: Clock, seed: str) -> None:
        self.clock, self._settings = clock, settings
        self._members = {name: Member(self) for name in settings.names}
        self.members: Mapping[str, Member] = self._members
        self._chance = random.Random(f"{seed} store")
        self._leader: str | None = None
        self._term = 0
        """Counts changes of the membership: an election that was overtaken by one is void."""
        self._key: _Key | None = None
        self._revision = 1
        self._leases = 0

    # ---------------------------------------------------------- StoreControl

    def leader(self) -> str | None:
        return self._leader

    def answering(self) -> tuple[str, ...]:
        return tuple(name for name, member in self._members.items() if member.up)

    # ---------------------------------------------------------- a companion

    def start(self) -> None:
        for member in self._members.values():
            member.start()

    @property
    def settled(self) -> bool:
        return self._leader is not None

    # ---------------------------------------------------------- the members

    def changed(self) -> None:
        """A member died or came: without its leader, or a quorum, the cluster elects when it can."""
        self._term += 1
        up = self.answering()
        if len(up) < self._settings.quorum:
            self._leader = None
        elif self._leader not in up:
            self._leader = None
            # randomised between one and two election time-outs (etcd's raft: randomizedElectionTimeout)
            wait_s = self._settings.election_ms / 1e3 * (1 + self._chance.random())
            term = self._term
            self.clock.after(wait_s, lambda: self._elect() if term == self._term else None)

    def _elect(self) -> None:
        """A new leader gives every lease its whole life again, and an election time-out more (lessor.Promote)."""
        self._leader = self._chance.choice(self.answering())
        if self._key is not None:
            self._key.ends_s = self.clock.now + self._key.ttl_s + self._settings.election_ms / 1e3

    # ---------------------------------------------------------- the brains' calls

    def answer(self, name: str, call: Call, patience_s: float) -> tuple[Answer, float]:
        """What the brain ``name`` hears, and after how long (s)."""
        if self._leader is None:
            return Failed("the store has no leader"), patience_s
        return self._carry_out(name, call), STORE_CALL_S[type(call)]

    def _carry_out(self, name: str, call: Call) -> Answer:
        key = self._standing()
        match call:
            case Keep(lease) if key is not None and key.lease == lease:
                key.ends_s = self.clock.now + key.ttl_s
                return Kept(key.ttl_s)
            case Keep():
                return Kept(0.0)
            case Look() if key is None:
                return Seen(None)
            case Campaign(ttl_s) if key is None:
                return self._grant(name, max(ttl_s, self._settings.least_ttl_s))
        assert key is not None
        return Seen(key.holder, key.generation)

    def _grant(self, name: str, ttl_s: float) -> Won:
        self._revision += 1
        self._leases += 1
        self._key = _Key(name, self._leases, self._revision, self.clock.now + ttl_s, ttl_s)
        return Won(self._leases, self._revision, ttl_s)

    def _standing(self) -> _Key | None:
        """The key, unless a round of the leader's has found its lease ended."""
        if self._key is not None and self.clock.now >= LEASE_CHECK_S * -(-self._key.ends_s // LEASE_CHECK_S):
            self._key = None
            self._revision += 1
        return self._key
