"""Periods by what their names say, never by the order in which they come."""

import random

import pytest

from optimizer.curves.periods import order_of

IN_ORDER = [
    ["2023-12", "2024-01", "2024-02"],
    ["12/2023", "1/2024"],
    ["Dec 2023", "Jan 2024", "February 2024"],
    ["Dec-23", "Jan-24"],
    ["202311", "202312", "202401"],
    ["Jan", "Feb", "Mar"],
    ["2023-W52", "2024-W01", "2024-W02"],
    ["2020-W53", "2021-W01"],
    ["KW 52 2023", "KW 1 2024"],
    ["202352", "202401"],
    ["w9", "w10", "w11"],
    ["2023Q4", "2024Q1"],
    ["Q4 2023", "Q1 2024"],
    ["4Q23", "1Q24"],
    ["q1", "q2", "q3"],
    ["2023 H2", "2024 H1"],
    ["2023", "2024"],
    ["FY23", "FY24"],
    ["9", "10", "11"],
    ["2023-12-25", "2024-01-01", "2024-01-08"],
    ["2024-01-31", "2024-02-29", "2024-03-31"],
    ["2024-01-01", "2024-04-01", "2024-07-01"],
    ["2023-12-31 00:00:00", "2024-01-01 00:00:00"],
    ["25.12.2023", "01.01.2024", "08.01.2024"],
    ["12/25/2023", "01/01/2024"],
    ["20231225", "20240101"],
    ["29 Dec 2023", "5 January 2024"],
    ["2023-12-25/2023-12-31", "2024-01-01/2024-01-07"],
]


@pytest.mark.parametrize("names", IN_ORDER, ids=["; ".join(names) for names in IN_ORDER])
def test_names_are_ordered_by_what_they_say(names: list[str]) -> None:
    for seed in range(4):
        shuffled = names.copy()
        random.Random(seed).shuffle(shuffled)
        found = order_of(shuffled)
        assert found.names == tuple(names)
        assert (found.unknown, found.missing) == ("", "")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["late", "early"], "not understood"),
        (["1", "2", "q3"], "not understood"),
        (["2024-13", "2024-01"], "not understood"),
        (["01/02/2024", "02/01/2024"], "day first or month first"),
        (["2024-1", "2024-01", "2024-02"], "two spellings"),
    ],
)
def test_an_order_that_is_not_known_is_said(names: list[str], said: str) -> None:
    found = order_of(names)
    assert said in found.unknown
    assert found.names == tuple(names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["2024-04", "2024-01", "2024-02"], "'2024-02' and '2024-04'"),
        (["2024-W01", "2024-W02", "2024-W05"], "'2024-W02' and '2024-W05'"),
        (["Nov", "Dec", "Jan"], "'Jan' and 'Nov'"),
        (["1", "2", "5"], "'2' and '5'"),
    ],
)
def test_a_missing_period_is_said(names: list[str], said: str) -> None:
    found = order_of(names)
    assert found.unknown == ""
    assert said in found.missing
