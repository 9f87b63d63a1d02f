"""Watches every PoP's ports while the experiment runs: one thread, one connection per OVSDB.

Open vSwitch writes each interface's carrier and BFD state into its database; a *monitor*
(RFC 7047 §4.1.5) has changes sent to us as they happen, without asking again and again.
``decode`` and ``PortState`` are pure; ``Watcher`` owns the thread.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topology.errors import LabError

COLUMNS = ["ofport", "link_state", "bfd_status"]
_HIGHEST_PORT = 0xFF00
"""OFPP_MAX of OpenFlow 1.0, which OVSDB's ofport still uses: above it lives the bridge's own port."""

PortChange = Callable[[str, int, bool, str, int], None]
"""``callback(pop, port, live, cause, t_ns)``; cause is ``"carrier"`` or ``"bfd"``, t_ns CLOCK_REALTIME."""


@dataclass(frozen=True, slots=True)
class PortState:
    """What the database says of one interface."""

    number: int
    carrier: bool
    forwarding: bool
    """False where BFD runs and is not up."""

    @property
    def live(self) -> bool:
        return self.carrier and self.forwarding

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> PortState | None:
        """None for what is no numbered port (yet): the bridge itself, an interface being added."""
        number = row.get("ofport")
        if not isinstance(number, int) or not 0 < number < _HIGHEST_PORT:
            return None
        bfd = dict(row["bfd_status"][1])
        return cls(number, row["link_state"] == "up", bfd.get("forwarding", "true") == "true")

    def cause_of_change(self, before: PortState) -> str:
        return "carrier" if self.carrier != before.carrier else "bfd"


def decode(received: str) -> tuple[list[dict[str, Any]], str]:
    """JSON texts that follow each other without a separator → (complete ones, what is left)."""
    messages, decoder, at = [], json.JSONDecoder(), 0
    while at < len(received):
        try:
            message, at = decoder.raw_decode(received, at)
        except json.JSONDecodeError:
            break
        messages.append(message)
        at += len(received[at:]) - len(received[at:].lstrip())
    return messages, received[at:]


def rows_of(message: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(row id, row) of every interface that a monitor's reply or update speaks of; {} when it was removed."""
    updates = message["params"][1] if message.get("method") == "update" else message.get("result")
    if isinstance(updates, dict):
        for uuid, change in updates.get("Interface", {}).items():
            yield uuid, change.get("new", {})


class Watcher:
    """Calls back, from its own thread, whenever a port of any PoP goes live or dead.

    ``start`` returns once the present state of all is known; that is not called back.
    """

    def __init__(self, databases: Mapping[str, Path], callback: PortChange) -> None:
        self._databases, self._callback = databases, callback
        self._states: dict[tuple[str, str], PortState] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="port watcher", daemon=True)
        self.lost: set[str] = set()
        """PoPs whose database went away; their ports are no longer watched."""

    def start(self, deadline_s: float = 5.0) -> None:
        """Raises LabError when a database does not answer."""
        self._selector.register(self._wake, selectors.EVENT_READ, None)
        for pop, path in self._databases.items():
            feed = _Feed(pop, path, deadline_s)
            self._take(pop, feed.first_state())
            self._selector.register(feed.socket, selectors.EVENT_READ, feed)
        self._thread.start()

    def stop(self) -> None:
        self._waker.send(b"x")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        self._waker.close()

    def live_ports(self, pop: str) -> frozenset[int]:
        states = list(self._states.items())
        return frozenset(state.number for (owner, _), state in states if owner == pop and state.live)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                self._read(key.data)

    def _read(self, feed: _Feed) -> None:
        try:
            messages = feed.read()
        except OSError:
            self._selector.unregister(feed.socket)
            feed.socket.close()
            self.lost.add(feed.pop)
            return
        t_ns = time.time_ns()
        for message in messages:
            for port, before in self._take(feed.pop, message):
                if port.live != before.live:
                    self._callback(feed.pop, port.number, port.live, port.cause_of_change(before), t_ns)

    def _take(self, pop: str, message: Mapping[str, Any]) -> list[tuple[PortState, PortState]]:
        """Remember the new states; (new, old) of the ports that were known."""
        changed = []
        for uuid, row in rows_of(message):
            port, before = PortState.of(row), self._states.get((pop, uuid))
            if port is None:
                self._states.pop((pop, uuid), None)
                continue
            self._states[pop, uuid] = port
            changed += [(port, before)] if before is not None else []
        return changed


class _Feed:
    """One monitored database."""

    def __init__(self, pop: str, path: Path, deadline_s: float) -> None:
        self.pop, self.socket, self._text = pop, socket.socket(socket.AF_UNIX), ""
        self.socket.settimeout(deadline_s)
        order = {"method": "monitor", "params": ["Open_vSwitch", None, {"Interface": {"columns": COLUMNS}}], "id": 0}
        try:
            _connect(self.socket, path)
            self.socket.sendall(json.dumps(order).encode())
        except OSError as error:
            raise LabError(f"the switch database of {pop} does not answer: {error}") from error

    def first_state(self) -> dict[str, Any]:
        try:
            while True:
                for message in self.read():
                    if message.get("id") == 0 and "result" in message:
                        return message
        except OSError as error:
            raise LabError(f"the switch database of {self.pop} does not answer: {error}") from error

    def read(self) -> list[dict[str, Any]]:
        """What has come in, the server's keep-alive questions answered. OSError at the end of the connection."""
        received = self.socket.recv(1 << 16)
        if not received:
            raise ConnectionResetError("connection closed")
        messages, self._text = decode(self._text + received.decode())
        for message in messages:
            if message.get("method") == "echo":
                answer = {"result": message["params"], "error": None, "id": message["id"]}
                self.socket.sendall(json.dumps(answer).encode())
        return messages


def _connect(unix: socket.socket, path: Path) -> None:
    """By way of the folder's descriptor: a socket's own path may have 107 characters only."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        unix.connect(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
