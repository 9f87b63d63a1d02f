"""Our words to OpenFlow and back, with a parser that only remembers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openflow_fake import PARSER, PROTOCOL, Datapath, description, group_entry

from controller import openflow
from controller.messages import AddFlow, AddGroup, DeleteFlow, DeleteGroup, ModifyGroup
from topology.forwarding import (
    ETH_IPV4,
    ETH_MPLS,
    OWNER,
    OWNER_MASK,
    Action,
    Bucket,
    DecTtl,
    FlowRule,
    ForgetInPort,
    GroupRule,
    Match,
    Output,
    Pop,
    Push,
    Resubmit,
    Swap,
    ToGroup,
)

LABELS = st.integers(16, 2**20 - 1)
ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(Push, LABELS),
    st.builds(Pop, st.sampled_from([ETH_IPV4, ETH_MPLS])),
    st.builds(DecTtl),
    st.builds(ForgetInPort),
    st.builds(Output, st.integers(1, 300)),
    st.builds(ToGroup, st.integers(1, 5000)),
    st.builds(Resubmit, st.integers(0, 200)),
    st.builds(Swap, LABELS),
)
BUCKETS = st.builds(Bucket, st.lists(ACTIONS, max_size=5).map(tuple), st.none() | st.integers(1, 300))
GROUPS = st.builds(
    GroupRule, st.integers(1, 5000), st.sampled_from(["ff", "indirect"]), st.lists(BUCKETS, max_size=3).map(tuple)
)


@given(GROUPS)
def test_a_group_comes_back_as_it_was_sent(group: GroupRule) -> None:
    for mod in (AddGroup(group), ModifyGroup(group)):
        sent = openflow.message(Datapath(), mod)
        assert openflow.group_rule(PROTOCOL, description(sent)) == group


def test_groups_are_added_modified_and_deleted_by_command() -> None:
    group = GroupRule(7, "indirect", (Bucket((Output(2),)),))
    commands = [openflow.message(Datapath(), mod).command for mod in (AddGroup(group), ModifyGroup(group))]
    deletion = openflow.message(Datapath(), DeleteGroup(7))
    assert commands == [PROTOCOL.OFPGC_ADD, PROTOCOL.OFPGC_MODIFY]
    assert (deletion.command, deletion.group_id) == (PROTOCOL.OFPGC_DELETE, 7)


@pytest.mark.parametrize(
    "parts",
    [
        [PARSER.OFPActionDecNwTtl()],
        [PARSER.NXActionRegLoad(ofs_nbits=31, dst="reg0", value=0)],
        [PARSER.OFPActionPushMpls(ETH_MPLS)],
        [PARSER.OFPActionPushMpls(ETH_MPLS), PARSER.OFPActionOutput(2, 0)],
        [PARSER.OFPActionSetField(eth_src="02:00:00:00:00:01")],
    ],
)
def test_a_group_beyond_our_words_equals_none_of_ours(parts: list[Any]) -> None:
    entry = group_entry(GroupRule(7, "indirect", (Bucket(()),)))
    entry.buckets[0].actions = parts
    assert openflow.group_rule(PROTOCOL, entry) == GroupRule(7, openflow.FOREIGN, ())


def test_a_bucket_that_watches_a_group_is_foreign() -> None:
    entry = group_entry(GroupRule(7, "ff", (Bucket((Output(2),), watch_port=2),)))
    entry.buckets[0].watch_group = 3
    assert openflow.group_rule(PROTOCOL, entry).kind == openflow.FOREIGN


def test_a_flow_applies_its_actions_then_goes_on() -> None:
    match = Match(in_port=1, eth_type=ETH_IPV4, ipv4_dst="10.0.3.0/24")
    rule = FlowRule(20, 7, match, (Push(16001), ToGroup(4)), goto=30, hard_timeout_s=3).signed()
    sent = openflow.message(Datapath(), AddFlow(rule))
    assert vars(sent.match) | {"in_port": 1, "ipv4_dst": ("10.0.3.0", "255.255.255.0")} == vars(sent.match)
    assert not hasattr(sent.match, "mpls_label")
    apply, goto = sent.instructions
    assert [type(action).__name__ for action in apply.actions] == [
        "OFPActionPushMpls",
        "OFPActionSetField",
        "OFPActionGroup",
    ]
    assert (sent.table_id, sent.priority, sent.hard_timeout, sent.cookie) == (20, 7, 3, rule.cookie)
    assert goto.table_id == 30


def test_a_flow_without_actions_has_no_instruction_to_apply_them() -> None:
    assert openflow.message(Datapath(), AddFlow(FlowRule(0, 1, Match()))).instructions == []


def test_a_flow_is_deleted_by_its_exact_cookie_in_all_tables() -> None:
    sent = openflow.message(Datapath(), DeleteFlow(0xFA57_0000_0000_0001))
    assert (sent.cookie, sent.cookie_mask) == (0xFA57_0000_0000_0001, 2**64 - 1)
    assert (sent.command, sent.table_id) == (PROTOCOL.OFPFC_DELETE, PROTOCOL.OFPTT_ALL)
    assert (sent.out_port, sent.out_group) == (PROTOCOL.OFPP_ANY, PROTOCOL.OFPG_ANY)


def test_only_flows_with_our_mark_are_asked_for() -> None:
    sent = openflow.flows_request(Datapath())
    cookie = FlowRule(0, 1, Match()).signed().cookie
    assert sent.cookie_mask == OWNER_MASK
    assert cookie & sent.cookie_mask == sent.cookie == OWNER << 48


@pytest.mark.parametrize(
    ("state", "expected"), [(4, (True, True)), (0, (False, True)), (1, (False, False)), (5, (False, False))]
)
def test_live_and_carrier(state: int, expected: tuple[bool, bool]) -> None:
    assert openflow.port_state(PROTOCOL, SimpleNamespace(state=state)) == expected


def test_the_bridge_itself_is_no_data_port() -> None:
    numbers = [1, 300, 0xFFFFFFFE]
    assert [openflow.is_data_port(PROTOCOL, SimpleNamespace(port_no=number)) for number in numbers] == [
        True,
        True,
        False,
    ]
