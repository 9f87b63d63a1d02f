"""The store's client against members that are played, and the command lines of real ones."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from controller.election import Campaign, Failed, Keep, Kept, Look, Seen, Won
from controller.etcd import Store
from topology.replica.etcd import Etcd, command

KEY, BRAIN_2 = "ZmFpbHN0YXRpYy9sZWFkZXI=", "YnJhaW4tMg=="
HELD = {"kvs": [{"key": KEY, "value": BRAIN_2, "create_revision": "9", "mod_revision": "9"}]}
Replies = Mapping[str, Any]
"""Path → what is answered; None: nothing, ever."""


@contextmanager
def member(replies: Replies, asked: list[tuple[str, Any]]) -> Iterator[int]:
    """A member that answers what it is told to; its port."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            answer = replies.get(self.path, 404)
            if answer is None:
                over.wait(5)
                return
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            over.set()
            server.shutdown()
            thread.join()


@contextmanager
def store(*members: Replies, patience_s: float = 2.0) -> Iterator[tuple[Store, list[tuple[str, Any]]]]:
    asked: list[tuple[str, Any]] = []
    with ExitStack() as stack:
        ports = [stack.enter_context(member(replies, asked)) for replies in members]
        yield Store("brain-1", ports, patience_s), asked


def test_a_key_that_is_held_says_by_whom_and_since_which_revision() -> None:
    with store({"/v3/kv/range": HELD}) as (client, asked):
        assert client.answer(Look()) == Seen("brain-2", 9)
    assert asked == [("/v3/kv/range", {"key": KEY})]


def test_no_key_is_no_holder() -> None:
    with store({"/v3/kv/range": {"header": {"revision": "3"}}}) as (client, _):
        assert client.answer(Look()) == Seen(None)


def test_a_campaign_takes_a_lease_and_with_it_the_key_if_there_is_none() -> None:
    grant = {"ID": "7668682431185029126", "TTL": "2"}
    done = {"header": {"revision": "12"}, "succeeded": True}
    with store({"/v3/lease/grant": grant, "/v3/kv/txn": done}) as (client, asked):
        assert client.answer(Campaign(1)) == Won(7668682431185029126, 12, 2.0)
    (_, lease), (_, transaction) = asked
    assert lease == {"TTL": "1"}
    assert transaction["compare"] == [{"target": "CREATE", "result": "EQUAL", "key": KEY, "createRevision": "0"}]
    assert transaction["success"][0]["requestPut"]["lease"] == grant["ID"]


def test_a_campaign_that_comes_too_late_says_who_won() -> None:
    lost = {"header": {"revision": "12"}, "responses": [{"response_range": HELD}]}
    with store({"/v3/lease/grant": {"ID": "1", "TTL": "1"}, "/v3/kv/txn": lost}) as (client, _):
        assert client.answer(Campaign(1)) == Seen("brain-2", 9)


def test_a_lease_is_kept_or_has_ended() -> None:
    with store({"/v3/lease/keepalive": {"result": {"ID": "5", "TTL": "1"}}}) as (client, _):
        assert client.answer(Keep(5)) == Kept(1.0)
    with store({"/v3/lease/keepalive": {"result": {"ID": "5"}}}) as (client, _):
        assert client.answer(Keep(5)) == Kept(0.0)


def test_a_member_that_refuses_is_left_for_the_next_and_stays_last() -> None:
    with store({}, {"/v3/kv/range": HELD}) as (client, asked):
        assert client.answer(Look()) == client.answer(Look()) == Seen("brain-2", 9)
    assert len(asked) == 3


def test_no_answer_in_time_is_a_failure_and_never_an_exception() -> None:
    with store({"/v3/kv/range": None}, patience_s=0.1) as (client, _):
        assert isinstance(client.answer(Look()), Failed)
    with store({"/v3/kv/range": 503}) as (client, _):
        failed = client.answer(Look())
    assert isinstance(failed, Failed)
    assert "status 503" in failed.why
    assert isinstance(client.answer(Look()), Failed), "nobody listens any more"


def test_members_know_each_other_and_have_a_port_each() -> None:
    settings = Etcd()
    words = dict(word.removeprefix("--").split("=", 1) for word in command(settings, 1, Path("/run/etcd-2"))[1:])
    assert settings.client_ports == (2379, 2381, 2383)
    assert words["name"] == "etcd-2"
    assert words["listen-client-urls"] == "http://127.0.0.1:2381"
    assert words["initial-cluster"] == ",".join(f"etcd-{n + 1}=http://127.0.0.1:{2380 + 2 * n}" for n in range(3))
    assert (words["heartbeat-interval"], words["election-timeout"]) == ("50", "500")


def test_the_shortest_lease_follows_from_the_election_time_out() -> None:
    assert (Etcd().least_ttl_s, Etcd(heartbeat_ms=100, election_ms=1000).least_ttl_s) == (1, 2)
    assert (Etcd().quorum, Etcd(members=5).quorum) == (2, 3)
