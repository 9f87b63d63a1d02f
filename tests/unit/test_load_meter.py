"""The load meter's arithmetic."""

from __future__ import annotations

from experiments.labs.load import Reading, load_between, parse_machine, parse_process, read_now


def test_what_others_took_is_the_difference() -> None:
    load = load_between(Reading(10, 10, 0, 5, 1.0), Reading(11.5, 10.4, 0.1, 5.5, 1.2))
    assert (load.own_pct, load.foreign_pct, load.idle_pct, load.steal_pct) == (25.0, 50.0, 20.0, 5.0)


def test_the_machine_line_leaves_interrupts_out() -> None:
    assert parse_machine("cpu  100 200 300 400 500 600 700 800 0 0\ncpu0 1 1") == (6.0, 9.0, 8.0)


def test_a_process_name_may_hold_anything() -> None:
    stat = "12 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 100 200 300 400 20 0 1"
    assert parse_process(stat) == 10.0


def test_this_machine_can_be_read() -> None:
    before = read_now()
    sum(i * i for i in range(300_000))
    after = read_now()
    assert after.busy_s + after.idle_s >= before.busy_s + before.idle_s
    assert after.own_s >= before.own_s >= 0
