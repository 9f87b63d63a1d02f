"""The shim's stories: from a connection to SwitchUp, from a Program to its BarrierReply. No framework."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from openflow_fake import PROTOCOL, Datapath, group_entry

from controller import log
from controller.__main__ import brain_settings
from controller.app import Shim, Store
from controller.election import Answer, Call, Look, Seen
from controller.messages import (
    AddFlow,
    AddGroup,
    Answered,
    AskRole,
    BarrierReply,
    Command,
    Consult,
    Event,
    Note,
    PortStatus,
    Program,
    ReadBack,
    Refused,
    RoleReply,
    SwitchDown,
    SwitchHello,
    SwitchUp,
    Tick,
)
from controller.runtime import Framework, load
from topology.errors import InputError
from topology.forwarding import Bucket, FlowRule, GroupRule, Match, Output
from topology.model import Link, Topology
from topology.model import Pop as Site
from topology.roles import IS_SLAVE, SLAVE, STALE

TOPOLOGY = Topology(
    "pair",
    tuple(Site(index, name, name, "here", 0, 0, 1) for index, name in enumerate("ab")),
    (Link(0, "a", "b", 1e7, 1, 1.0),),
    "a",
)
GROUP = GroupRule(5, "ff", (Bucket((Output(2),), watch_port=2),))
MODS = (AddGroup(GROUP), AddFlow(FlowRule(0, 1, Match())), AddFlow(FlowRule(1, 1, Match())))
MORE = PROTOCOL.OFPMPF_REPLY_MORE


class Empty(Exception):
    """The outbox has nothing more: ends a green thread that would wait."""


class Hub:
    """Green threads that run when ``turn`` is called, each until its queue is empty."""

    def __init__(self) -> None:
        self.threads: list[Callable[[], None]] = []
        self.pauses = 0

    def sleep(self, seconds: float) -> None:
        assert seconds == 0, "nobody waits"
        self.pauses += 1

    class Queue:
        def __init__(self) -> None:
            self._jobs: deque[Any] = deque()

        def put(self, job: Any) -> None:
            self._jobs.append(job)

        def get(self) -> Any:
            if not self._jobs:
                raise Empty
            return self._jobs.popleft()

    class TaskExit(BaseException):
        pass

    def spawn(self, function: Callable[[], None]) -> Callable[[], None]:
        self.threads.append(function)
        return function

    def kill(self, thread: Callable[[], None]) -> None:
        if thread in self.threads:
            self.threads.remove(thread)

    def turn(self) -> None:
        for thread in list(self.threads):
            with pytest.raises(Empty):
                thread()


class GreenFramework(Framework):
    """Lets ``Empty`` out, where the real one ends the process."""

    def spawn(self, function: Callable[[], None]) -> Any:
        return self.hub.spawn(function)

    def in_thread(self, function: Callable[[], Any]) -> Any:
        return function()


class Brain:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.answers: dict[type[Event], Sequence[Command]] = {}

    def handle(self, event: Event, now: float) -> Sequence[Command]:
        assert now > 0
        if not isinstance(event, SwitchHello):
            self.events.append(event)
        return self.answers.get(type(event), [])


class Scene:
    """A shim with its brain, its log, and switches that say what a test makes them say."""

    def __init__(self) -> None:
        self.brain, self.hub = Brain(), Hub()
        self.log: list[dict[str, Any]] = []
        unused: dict[str, Any] = {
            "version": "0",
            "ofp_event": None,
            "app_manager": None,
            "set_ev_cls": None,
            "conf": None,
        }
        framework = GreenFramework(name="none", hub=self.hub, dead="dead", **unused)  # type: ignore[arg-type]
        record = lambda what, **data: self.log.append({"what": what, **data})  # noqa: E731
        self._shim = Shim(framework, TOPOLOGY, self.brain, record)
        self._handlers = self._shim.handlers()

    def dispatch(self, event: Event) -> None:
        self._shim._dispatch(event)
        self.hub.turn()

    def consult(self, store: Store) -> None:
        with pytest.raises(Empty):
            self._shim.consult_for_ever(store)

    def tell(self, event: str, datapath: Datapath, **message: Any) -> None:
        self._handlers[f"EventOFP{event}"](SimpleNamespace(msg=SimpleNamespace(datapath=datapath, **message)))

    def connect(self, dpid: int = 1, xid: int = 100) -> Datapath:
        datapath = Datapath(dpid, xid)
        self.tell("SwitchFeatures", datapath, datapath_id=dpid)
        self.hub.turn()
        return datapath

    def read_back(self, datapath: Datapath) -> None:
        self.tell("PortDescStatsReply", datapath, body=[port(2, 4), port(3, 1), port(0xFFFFFFFE, 1)], flags=0)
        self.tell("FlowStatsReply", datapath, body=[], flags=0)
        self.tell("GroupDescStatsReply", datapath, body=[], flags=0)

    def up(self, dpid: int = 1, xid: int = 100) -> Datapath:
        datapath = self.connect(dpid, xid)
        self.read_back(datapath)
        return datapath

    def die(self, datapath: Datapath) -> None:
        self._handlers["EventOFPStateChange"](SimpleNamespace(datapath=datapath, state="dead"))

    def lines(self, what: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["what"] == what]


def port(number: int, state: int) -> Any:
    return SimpleNamespace(port_no=number, state=state)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_switch_is_up_when_ports_flows_and_groups_are_all_in(scene: Scene) -> None:
    switch = scene.connect()
    assert switch.sent == ["OFPFlowStatsRequest#101;OFPGroupDescStatsRequest#102;"]
    scene.tell("FlowStatsReply", switch, body=[SimpleNamespace(cookie=1)], flags=MORE)
    scene.tell("GroupDescStatsReply", switch, body=[], flags=MORE)
    scene.tell("FlowStatsReply", switch, body=[SimpleNamespace(cookie=2)], flags=0)
    scene.tell("PortDescStatsReply", switch, body=[port(2, 4)], flags=MORE)
    scene.tell("PortDescStatsReply", switch, body=[port(3, 1)], flags=0)
    assert (scene.brain.events, scene.hub.pauses) == ([], 0)
    scene.tell("GroupDescStatsReply", switch, body=[group_entry(GROUP)], flags=0)
    assert scene.hub.pauses == 1, "others have their turn: there may be a lease to keep"
    assert scene.brain.events == [
        SwitchUp("a", frozenset({1, 2}), (GROUP,), {2: True, 3: False}, without_carrier=frozenset({3}))
    ]


def test_a_port_change_before_the_switch_is_up_is_newer_than_port_desc(scene: Scene) -> None:
    switch = scene.connect()
    scene.tell("PortDescStatsReply", switch, body=[port(2, 4)], flags=0)
    scene.tell("PortStatus", switch, desc=port(2, 1), reason=PROTOCOL.OFPPR_MODIFY)
    scene.tell("FlowStatsReply", switch, body=[], flags=0)
    scene.tell("GroupDescStatsReply", switch, body=[], flags=0)
    (event,) = scene.brain.events
    assert isinstance(event, SwitchUp)
    assert event.ports == {2: False}
    assert event.without_carrier == {2}


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (1, PROTOCOL.OFPPR_MODIFY, PortStatus("a", 2, False, False)),
        (0, PROTOCOL.OFPPR_MODIFY, PortStatus("a", 2, False, True)),
        (4, PROTOCOL.OFPPR_ADD, PortStatus("a", 2, True, True)),
        (4, PROTOCOL.OFPPR_DELETE, PortStatus("a", 2, False, False)),
    ],
)
def test_a_port_change_says_why(scene: Scene, state: int, reason: int, expected: PortStatus) -> None:
    scene.tell("PortStatus", scene.up(), desc=port(2, state), reason=reason)
    assert scene.brain.events[-1] == expected


def test_the_bridge_itself_is_no_port(scene: Scene) -> None:
    scene.tell("PortStatus", scene.up(), desc=port(0xFFFFFFFE, 1), reason=PROTOCOL.OFPPR_MODIFY)
    assert len(scene.brain.events) == 1


def test_a_program_is_sent_in_order_in_one_piece_and_its_barrier_comes_back(scene: Scene) -> None:
    scene.brain.answers[SwitchUp] = [Program("a", MODS, token=7)]
    switch = scene.up()
    scene.hub.turn()
    assert switch.sent[1:] == ["OFPGroupMod#103;OFPFlowMod#104;OFPFlowMod#105;OFPBarrierRequest#106;"]
    scene.tell("BarrierReply", switch, xid=99)
    scene.tell("BarrierReply", switch, xid=106)
    scene.tell("BarrierReply", switch, xid=106)
    assert scene.brain.events[1:] == [BarrierReply("a", 7)]
    assert [(line["token"], line["mods"]) for line in scene.lines("applied")] == [(7, 3)]


@pytest.mark.parametrize("first", [100, 0xFFFFFFFF - 3])
def test_an_error_names_the_program_and_the_mod(scene: Scene, first: int) -> None:
    scene.brain.answers[SwitchUp] = [Program("a", MODS, token=7)]
    switch = scene.up(xid=first)
    scene.hub.turn()
    scene.tell("ErrorMsg", switch, xid=(first + 4) & 0xFFFFFFFF, type=6, code=8)
    scene.tell("ErrorMsg", switch, xid=first, type=1, code=1)
    blamed, unknown = scene.lines("error")
    assert (blamed["token"], blamed["mod"], blamed["code"]) == (7, repr(MODS[1]), "code 8")
    assert (unknown["token"], unknown["mod"]) == (None, None)


def test_a_program_for_a_switch_that_is_away_is_dropped_and_said_so(scene: Scene) -> None:
    scene.brain.answers[SwitchUp] = [Program("b", MODS, token=7)]
    scene.up()
    assert scene.lines("dropped") == [{"what": "dropped", "pop": "b", "token": 7, "mods": 3}]


def test_the_end_of_a_connection_is_told_once(scene: Scene) -> None:
    switch = scene.up()
    scene.die(switch)
    scene.die(switch)
    assert scene.brain.events[1:] == [SwitchDown("a")]
    assert scene.hub.threads == []


def test_a_switch_that_goes_before_it_was_up_is_told_as_one_that_goes(scene: Scene) -> None:
    scene.die(scene.connect())
    assert scene.brain.events == [SwitchDown("a")]


def test_a_role_is_asked_for_before_anything_else(scene: Scene) -> None:
    scene.brain.answers[SwitchHello] = [AskRole("a", SLAVE, 7), AskRole("b", SLAVE, 7)]
    switch = scene.connect()
    role, reading = switch.sent
    assert role == "OFPRoleRequest#101;"
    assert reading.startswith("OFPFlowStatsRequest#102;")
    scene.tell("RoleReply", switch, role=PROTOCOL.OFPCR_ROLE_SLAVE, generation_id=7)
    assert scene.brain.events == [RoleReply("a", SLAVE, 7)]
    assert scene.lines("role") == [{"what": "role", "pop": "a", "role": SLAVE, "generation": 7}]


@pytest.mark.parametrize(
    ("kind", "code", "events"),
    [
        (PROTOCOL.OFPET_ROLE_REQUEST_FAILED, PROTOCOL.OFPRRFC_STALE, [Refused("a", STALE)]),
        (PROTOCOL.OFPET_BAD_REQUEST, PROTOCOL.OFPBRC_IS_SLAVE, [Refused("a", IS_SLAVE)]),
        (PROTOCOL.OFPET_BAD_REQUEST, 3, []),
    ],
)
def test_a_refusal_by_a_newer_leader_is_told(scene: Scene, kind: int, code: int, events: list[Event]) -> None:
    switch = scene.up()
    scene.brain.events.clear()
    scene.tell("ErrorMsg", switch, type=kind, code=code, xid=0)
    assert scene.brain.events == events
    assert len(scene.lines("error")) == 1


def test_tables_are_read_again_and_ports_are_known(scene: Scene) -> None:
    switch = scene.up()
    scene.tell("PortStatus", switch, reason=PROTOCOL.OFPPR_MODIFY, desc=port(3, 4))
    scene.brain.answers[Tick] = [ReadBack("a"), ReadBack("b")]
    scene.dispatch(Tick())
    assert switch.sent[-1] == "OFPFlowStatsRequest#103;OFPGroupDescStatsRequest#104;"
    scene.tell("FlowStatsReply", switch, body=[SimpleNamespace(cookie=9)], flags=0)
    scene.tell("GroupDescStatsReply", switch, body=[], flags=0)
    again = scene.brain.events[-1]
    assert isinstance(again, SwitchUp)
    assert (again.cookies, again.ports) == (frozenset({9}), {2: True, 3: True})


def test_the_store_is_consulted_one_call_after_the_other(scene: Scene) -> None:
    scene.brain.answers[Tick] = [Consult(Look())]
    scene.dispatch(Tick())
    asked: list[Call] = []

    class Store:
        def answer(self, call: Call) -> Answer:
            asked.append(call)
            return Seen("brain-2", len(asked))

    scene.consult(Store())
    assert asked == [Look(), Look()]
    assert scene.brain.events[-3:] == [Tick(), Answered(Seen("brain-2", 1)), Answered(Seen("brain-2", 2))]


def test_a_new_connection_replaces_a_half_open_one(scene: Scene) -> None:
    old = scene.up()
    new = scene.up()
    assert old.closed
    scene.die(old)
    scene.tell("PortStatus", old, desc=port(2, 1), reason=PROTOCOL.OFPPR_MODIFY)
    assert [type(event) for event in scene.brain.events] == [SwitchUp, SwitchDown, SwitchUp]
    assert not new.closed


def test_a_stranger_is_turned_away(scene: Scene) -> None:
    assert scene.connect(dpid=77).closed
    assert scene.lines("stranger") == [{"what": "stranger", "dpid": 77}]


def test_notes_go_to_the_log(scene: Scene) -> None:
    scene.brain.answers[SwitchUp] = [Note("reconciling", {"pop": "a"})]
    scene.up()
    assert scene.log[-1] == {"what": "reconciling", "pop": "a"}


def test_a_line_is_json_with_the_real_time(capsys: pytest.CaptureFixture[str]) -> None:
    log.write_line("links", went=frozenset({"b", "a"}))
    line = json.loads(capsys.readouterr().out)
    assert line.pop("t_ns") > 1.7e18
    assert line == {"what": "links", "went": ["a", "b"]}


def test_settings_come_as_json() -> None:
    settings = brain_settings('{"fast_reroute": true, "steering": [["a", "b"]]}')
    assert settings.fast_reroute
    assert settings.steering == (("a", "b"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ("[]", "not a JSON object"), ('{"fast_rerout": 1}', "did you mean 'fast_reroute'")],
)
def test_wrong_settings_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        brain_settings(text)


def test_an_unknown_framework_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'ryu'"):
        load("ryuu")
