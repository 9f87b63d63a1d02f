"""The election's key in etcd, by its JSON gateway (``/v3/``): the only module that talks to the store.

Each call waits, for ``patience_s`` at most, whichever members it tries; so it belongs into a thread
of its own. A member that cannot be reached is left for the next. 64-bit numbers travel as texts,
keys and values in base64 (etcd's gRPC gateway; protobuf's JSON mapping).
"""

from __future__ import annotations

import http.client
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from controller.election import Answer, Call, Campaign, Failed, Keep, Kept, Look, Seen, Won

KEY = "failstatic/leader"
_LOOPBACK = "127.0.0.1"
_OK = 200

Post = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class Store:
    """``name`` is what we are known by; ``ports`` those of the members, on our own loopback."""

    def __init__(self, name: str, ports: Sequence[int], patience_s: float) -> None:
        self._name, self._ports, self._patience_s = name, list(ports), patience_s

    def answer(self, call: Call) -> Answer:
        """Never raises: what goes wrong is ``Failed``."""
        ends_s = time.monotonic() + self._patience_s
        try:
            return _carry_out(call, self._name, lambda path, body: self._post(path, body, ends_s))
        except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
            return Failed(f"{type(error).__name__}: {error}")

    def _post(self, path: str, body: Mapping[str, Any], ends_s: float) -> Mapping[str, Any]:
        """To the member that answered last, else to the next, until one answers or time is up."""
        why: Exception = TimeoutError("no time left")
        for _ in range(len(self._ports)):
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                break
            try:
                return post(self._ports[0], path, body, left_s)
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = error
                self._ports.append(self._ports.pop(0))
        raise why


def post(port: int, path: str, body: Mapping[str, Any], timeout_s: float) -> Mapping[str, Any]:
    """One question to one member on our loopback. Raises OSError, HTTPException or ValueError."""
    connection = http.client.HTTPConnection(_LOOPBACK, port, timeout=timeout_s)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
    finally:
        connection.close()
    if reply.status != _OK:
        raise ValueError(f"{path}: status {reply.status}: {text[:200].decode(errors='replace')}")
    return dict(json.loads(text))


def _carry_out(call: Call, name: str, ask: Post) -> Answer:
    match call:
        case Look():
            return _seen(ask("/v3/kv/range", {"key": _base64(KEY)}))
        case Campaign(ttl_s):
            return _campaign(name, ttl_s, ask)
        case Keep(lease):
            result = ask("/v3/lease/keepalive", {"ID": str(lease)})["result"]
            return Kept(float(result.get("TTL", 0)))


def _campaign(name: str, ttl_s: int, ask: Post) -> Answer:
    """A lease, then one transaction: the key if there is none, else what it says."""
    lease = ask("/v3/lease/grant", {"TTL": str(ttl_s)})
    key = _base64(KEY)
    absent = {"target": "CREATE", "result": "EQUAL", "key": key, "createRevision": "0"}
    put = {"requestPut": {"key": key, "value": _base64(name), "lease": lease["ID"]}}
    done = ask("/v3/kv/txn", {"compare": [absent], "success": [put], "failure": [{"requestRange": {"key": key}}]})
    if done.get("succeeded"):
        return Won(int(lease["ID"]), int(done["header"]["revision"]), float(lease["TTL"]))
    return _seen(done["responses"][0]["response_range"])


def _seen(found: Mapping[str, Any]) -> Seen:
    for entry in _entries(found):
        return Seen(b64decode(entry["value"]).decode(), int(entry["create_revision"]))
    return Seen(None)


def _entries(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from found.get("kvs", ())


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
