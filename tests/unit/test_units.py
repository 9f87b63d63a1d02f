"""Quantities as people write them: what is read, and the hint where it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.units import format_rate, format_time, parse_rate_bps, parse_share, parse_time_s

Parse = Callable[[object], float]


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_time_s, "12 ms", 0.012),
        (parse_time_s, "1min", 60.0),
        (parse_time_s, 0, 0.0),
        (parse_rate_bps, "10 Mbit/s", 1e7),
        (parse_share, "2.5 %", 0.025),
        (parse_share, "100 %", 1.0),
    ],
)
def test_a_number_with_its_unit_is_read(parse: Parse, text: object, value: float) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "given", ["0.1", 0.1, "30", 30, "", "fast", "-5 %", "5 %%", True, False, None, "1e999 s", "nan s"]
)
@pytest.mark.parametrize(
    ("parse", "hint"),
    [(parse_time_s, "'20 ms'"), (parse_rate_bps, "'10 Mbit/s'"), (parse_share, "'5 %' \\(unit: %\\)")],
)
def test_anything_else_is_refused_with_an_example_that_would_do(parse: Parse, hint: str, given: object) -> None:
    with pytest.raises(ValueError, match=f"is not a .*; write it like {hint}"):
        parse(given)


def test_more_than_all_is_no_share() -> None:
    with pytest.raises(ValueError, match="'101 %' is more than 100 %"):
        parse_share("101 %")


@given(st.floats(1e-6, 1e4))
def test_what_is_shown_is_read_back(value: float) -> None:
    assert parse_time_s(format_time(value)) == pytest.approx(value, rel=0.01)
    assert parse_rate_bps(format_rate(value * 1e6)) == pytest.approx(value * 1e6, rel=0.01)
