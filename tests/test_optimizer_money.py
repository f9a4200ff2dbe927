"""Tables of money: what times stand for, how tables are read, and that a cell's money is what is spent in it."""

from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
import yaml
from markets import EVERY_MECHANISM, SMALL

from optimizer.ask.rows import as_today
from optimizer.money.calendar import Calendar
from optimizer.money.spread import by_period, spread
from optimizer.money.table import Formula, MoneyTable, Sheet, read_table
from sim.engine.sensitivity import follow
from sim.errors import InputError
from sim.scenario.file import load, parse
from sim.twin import Twin, build

MONTHS = Calendar(6, "month")
DATED = Calendar(6, "month", date(2025, 2, 1))


@cache
def small() -> Twin:
    return build(load(SMALL))


@cache
def full() -> Twin:
    """Return the market with every mechanism: lead times, campaigns, crowd effects."""
    return build(parse(EVERY_MECHANISM))


# --- Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "unit", "first", "stop"),
    [
        (2, "quarter", 3, 6), ("Q2", "date", 3, 6), ("quarter 2", "date", 3, 6), ("3", "month", 2, 3),
        ("M4", "quarter", 3, 4), (1.0, "year", 0, 6), ("month 6", "date", 5, 6),
    ],
)  # fmt: skip
def test_times_are_counted_from_the_start(given: Any, unit: str, first: int, stop: int) -> None:
    """Numbers from 1 in the unit of their column, or in the one that is named."""
    assert MONTHS.stretch(given, unit)[1:] == (first, stop)


@pytest.mark.parametrize(
    ("given", "unit", "first", "stop"),
    [
        ("2025-Q1", "quarter", 0, 2), ("Q2 2025", "date", 2, 5), ("2025-03", "date", 1, 2), ("Mar 2025", "date", 1, 2),
        ("2025-03-31", "date", 1, 2), (date(2025, 2, 28), "date", 0, 1), (datetime(2025, 4, 1), "quarter", 2, 5),
        (2025, "year", 0, 6), ("2025", "year", 0, 6), ("quarter 1", "date", 0, 3), ("2025h2", "date", 5, 6),
    ],
)  # fmt: skip
def test_times_are_named_by_the_calendar(given: Any, unit: str, first: int, stop: int) -> None:
    """A period belongs to the quarter in which it begins; the horizon begins in February."""
    assert DATED.stretch(given, unit)[1:] == (first, stop)


@pytest.mark.parametrize(
    ("calendar", "given", "unit", "expected"),
    [
        (MONTHS, "2025-Q1", "quarter", "does not say on which day its first month begins; state `first_day:`"),
        (DATED, "2024-12-31", "date", "is not in the horizon, 2025-02-01 to 2025-07-31"),
        (DATED, "2026-Q1", "date", "is not in the horizon"),
        (MONTHS, 3, "quarter", "quarters are counted from 1 to 2"),
        (MONTHS, 1, "week", "money by week is finer than the months that are planned"),
        (MONTHS, "soon", "date", "is no time; expected"),
        (DATED, "2025-02-30", "date", "is no day of the calendar"),
        (DATED, "2025-Q5", "date", "a year has quarters 1 to 4"),
    ],
)
def test_what_is_no_time_here_is_refused(calendar: Calendar, given: Any, unit: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        calendar.stretch(given, unit)


@pytest.mark.parametrize("first_day", [None, date(2024, 1, 31), date(2025, 7, 14)])
@pytest.mark.parametrize("unit", ["week", "month", "quarter", "year"])
@pytest.mark.parametrize("by", ["week", "month", "quarter", "half", "year"])
def test_stretches_cover_the_horizon_once(first_day: date | None, unit: str, by: str) -> None:
    """In order, without gaps, each under a name of its own that is read back as the same periods."""
    calendar = Calendar(31, unit, first_day)
    if ["week", "month", "quarter", "half", "year"].index(by) < ["week", "month", "quarter", "half", "year"].index(
        unit
    ):
        with pytest.raises(InputError, match="finer"):
            calendar.stretches(by)
        return
    found = calendar.stretches(by)
    assert [t for each in found for t in range(each.first, each.stop)] == list(range(31))
    assert len({each.name for each in found}) == len(found)
    assert [calendar.stretch(each.name, by)[1:] for each in found] == [each[1:] for each in found]


# --- Tables -----------------------------------------------------------------------------------------------------------

ROWS: list[list[Any]] = [
    ["segment", "lever", "quarter", "spend"],
    ["regulars", "retention", 1, 300],
    ["regulars", "retention", 2, 100.5],
    ["newcomers", "acquisition", "Q1", 50],
]


def sheet(rows: list[list[Any]], decimal: str = ".") -> Sheet:
    return Sheet(rows, lambda r, c: f"row {r + 1}", decimal)


def read(rows: list[list[Any]], decimal: str = ".", calendar: Calendar = MONTHS) -> MoneyTable:
    return read_table(sheet(rows, decimal), small().targets, calendar)


def cells(table: MoneyTable) -> list[tuple[Any, ...]]:
    return [(c.segment, c.lever, c.stretch.first, c.stretch.stop, c.money) for c in table.cells]


WANTED = [
    ("regulars", "retention", 0, 3, 300.0), ("regulars", "retention", 3, 6, 100.5),
    ("newcomers", "acquisition", 0, 3, 50.0),
]  # fmt: skip


def test_long_and_wide_say_the_same() -> None:
    """Columns in any case and order, blank rows and cells, sums, texts for numbers; named by dates or counted."""
    assert cells(read(ROWS)) == WANTED
    assert (
        cells(read([["Spend", "LEVER", "Segment", "Quarter "], *([r[3], r[1], r[0], r[2]] for r in ROWS[1:])]))
        == WANTED
    )
    wide = [
        ["segment", "lever", "Q1", "Q2", "all"], ["regulars", "retention", "300", 100.5, 400.5], [None] * 5,
        ["newcomers", "acquisition", 50, None, Formula("=SUM(C4:D4)")], ["all", None, 350, 100.5, 450.5],
    ]  # fmt: skip
    assert cells(read(wide)) == WANTED
    dated = [["segment", "lever", datetime(2025, 2, 1), "2025-05-01"], *(row[:4] for row in wide[1:2]), wide[3][:4]]
    assert cells(read(dated, calendar=DATED)) == WANTED
    half = [["segment", "lever", "money"], ["regulars", "retention", "1,5"]]
    assert cells(read(half, ",")) == [("regulars", "retention", 0, 6, 1.5)]


@pytest.mark.parametrize(("numbers", "first"), [([0, 1], 0), ([6, 1], 5)])
def test_numbers_of_periods_count_from_where_they_must(numbers: list[int], first: int) -> None:
    """As in plan files from 0, or as people do from 1 where the last one is there."""
    rows = [["segment", "lever", "period", "spend"], *(["regulars", "retention", n, 1] for n in numbers)]
    assert read(rows).cells[0].stretch[1:] == (first, first + 1)


def changed(row: int, column: int, value: Any) -> list[list[Any]]:
    rows = [list(each) for each in ROWS]
    rows[row][column] = value
    return rows


MISTAKES: dict[str, tuple[list[list[Any]], str]] = {
    "segment": (changed(1, 0, "regular"), "row 2: segment 'regular' is not known; .* did you mean 'regulars'"),
    "lever": (changed(2, 1, None), "row 3: lever is missing"),
    "time": (changed(1, 2, "spring"), "row 2: 'spring' is no time"),
    "no time": (changed(1, 2, " "), "row 2: the time is missing"),
    "negative": (changed(1, 3, -1), "row 2: expected money of at least 0"),
    "words": (changed(1, 3, "300 EUR"), "row 2: expected money, a number without currency"),
    "thousands": (changed(1, 3, "1,300"), "row 2: expected money, .* without marks between thousands"),
    "formula": (changed(1, 3, Formula("=A1*2")), "row 2: =A1\\*2 was never worked out"),
    "twice": ([*ROWS, ["regulars", "retention", "M2", 1]], "row 5: regulars / retention in M2 is in row 2 already"),
    "sum": ([*ROWS, ["all", "", "", 500]], "row 5: says 500.00 where its cells add up to 450.50"),
    "which money": ([[*ROWS[0], "budget"], *([*r, 1] for r in ROWS[1:])], "has the columns 'spend' and 'budget'"),
    "no money": ([row[:3] for row in ROWS], "no column 'spend', and none named by a time"),
    "no segment": ([row[1:] for row in ROWS], "no column 'segment'"),
    "from where": (
        [["segment", "lever", "period", "spend"], ["regulars", "retention", 2, 1]],
        "periods 2 to 2 may be counted from 0 or from 1; name the column 'month'",
    ),
    "empty": ([], "is empty"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_table_is_refused_where_it_stands(mistake: str) -> None:
    rows, expected = MISTAKES[mistake]
    with pytest.raises(InputError, match=expected):
        read(rows)


def test_money_on_whom_a_lever_cannot_reach_is_refused() -> None:
    allowed = small().targets.allowed.copy()
    allowed[0] = False
    with pytest.raises(
        InputError, match="row 2: 300 for regulars / retention, but retention is used on nobody in regu"
    ):
        read_table(sheet(ROWS), replace(small().targets, allowed=allowed), MONTHS)


def test_a_mark_that_may_be_of_thousands_is_refused() -> None:
    """Beside decimal commas 1.300 is either."""
    with pytest.raises(InputError, match=r"row 2: 1\.300 may be 1300 or 1,300"):
        read(changed(1, 3, "1.300"), ",")


def test_dates_that_are_quarters_must_say_so() -> None:
    """A date names one period; evenly apart over the horizon they look like quarters."""
    rows = [
        ["segment", "lever", "date", "spend"],
        *(["regulars", "retention", f"2025-{m}-01", 1] for m in ("02", "05")),
    ]
    with pytest.raises(InputError, match="dates 3 months apart; name the column 'quarter'"):
        read(rows, calendar=DATED)


def test_columns_that_are_not_read_are_said() -> None:
    assert read([[*ROWS[0], "owner"], *([*r, "Ann"] for r in ROWS[1:])]).notes == ("the column 'owner' is not read",)


# --- Money to intensities ---------------------------------------------------------------------------------------------


def random_table(twin: Twin, seed: int, every: int) -> MoneyTable:
    """Return random money by segment, lever and ``every`` periods, about today's."""
    random, periods = np.random.default_rng(seed), twin.chain.periods
    spend = follow(twin.chain, as_today(twin.chain)).spend
    rows: list[list[Any]] = [["segment", "lever", twin.scenario.period, "spend"]]
    segments = np.array(twin.targets.segments)
    calendar = Calendar(-(-periods // every), "month")
    for segment in dict.fromkeys(twin.targets.segments):
        for k, lever in enumerate(twin.targets.levers):
            for t in range(calendar.periods):
                today = spend[t * every : (t + 1) * every, segments == segment][..., k].sum()
                rows.append(
                    [segment, lever, t + 1, float(today * random.uniform(0, 3)) if random.random() < 0.8 else 0]
                )
    table = read_table(
        Sheet(rows, lambda r, c: f"row {r + 1}"), twin.targets, Calendar(calendar.periods, twin.scenario.period)
    )
    stretched = [
        c._replace(stretch=c.stretch._replace(first=c.stretch.first * every, stop=min(c.stretch.stop * every, periods)))
        for c in table.cells
    ]
    return MoneyTable(tuple(stretched))


def spent(twin: Twin, table: MoneyTable, spend: Any) -> list[float]:
    segments = np.array(twin.targets.segments)
    return [
        float(
            spend[c.stretch.first : c.stretch.stop, segments == c.segment][
                ..., twin.targets.levers.index(c.lever)
            ].sum()
        )
        for c in table.cells
    ]


@pytest.mark.parametrize("every", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", range(3))
def test_a_cell_spends_its_money(seed: int, every: int) -> None:
    """Whatever heads become under the whole table; the same for everybody in a cell, and nothing outside."""
    twin, table = small(), random_table(small(), seed, every)
    found = spread(twin.chain, table, np.ones((6, *twin.targets.shape)))
    assert found.not_spent == ()
    want = [cell.money for cell in table.cells]
    np.testing.assert_allclose(spent(twin, table, found.course.spend), want, rtol=1e-7, atol=1e-6)
    assert found.course.spend.sum() == pytest.approx(sum(want), rel=1e-9)
    segments = np.array(twin.targets.segments)
    for cell in table.cells:
        k = twin.targets.levers.index(cell.lever)
        inside = found.course.intensity[cell.stretch.first : cell.stretch.stop, segments == cell.segment][..., k]
        allowed = twin.targets.allowed[segments == cell.segment][..., k]
        assert np.ptp(inside[:, allowed]) <= 1e-12 * max(inside.max(), 1)


def test_a_plan_by_cell_in_its_own_pattern_is_the_plan() -> None:
    """Each cell's money in proportion to a plan, at the plan's own money: the same intensities."""
    twin, random = small(), np.random.default_rng(1)
    plan = random.random((6, *twin.targets.shape)) * twin.targets.allowed
    spend = follow(twin.chain, plan).spend
    table = random_table(twin, 0, 3)
    money = spent(twin, table, spend)
    table = MoneyTable(tuple(c._replace(money=m) for c, m in zip(table.cells, money, strict=True)))
    found = spread(twin.chain, table, plan)
    np.testing.assert_allclose(found.course.spend, spend, rtol=1e-6, atol=1e-9)
    assert found.course.asset == pytest.approx(follow(twin.chain, plan).asset, rel=1e-9)


def test_money_by_period_is_the_same_in_each() -> None:
    """In which somebody is there: winback waits for those who lapse."""
    twin, table = small(), random_table(small(), 2, 3)
    found = spread(twin.chain, by_period(twin.chain, table), np.ones((6, *twin.targets.shape)))
    assert found.not_spent == ()
    segments, shorter = np.array(twin.targets.segments), 0
    for cell in table.cells:
        k = twin.targets.levers.index(cell.lever)
        _, first, stop = cell.stretch
        mine = segments == cell.segment
        heads = np.where(twin.targets.allowed[mine][..., k], found.course.observed[first:stop, mine], 0).sum(
            axis=(1, 2)
        )
        want = np.where(heads > 0, cell.money / max((heads > 0).sum(), 1), 0.0)
        shorter += 0 < (heads > 0).sum() < 3
        each = found.course.spend[first:stop, mine][..., k].sum(axis=(1, 2))
        np.testing.assert_allclose(each, want, rtol=1e-7, atol=1e-7)
    assert shorter


def test_what_cannot_be_spent_is_said_in_money() -> None:
    """Lapsed customers are there only after a while: money for the first months finds nobody."""
    twin = small()
    rows = [["segment", "lever", "month", "spend"], ["regulars", "winback", 1, 70], ["regulars", "retention", 1, 30]]
    found = spread(twin.chain, read(rows), np.ones((6, *twin.targets.shape)))
    (missed,) = found.not_spent
    assert (missed.cell.lever, missed.spent, missed.why) == ("winback", 0.0, "nobody is there")
    assert found.course.spend.sum() == pytest.approx(30)


@pytest.mark.parametrize("every", [1, 3])
def test_lead_times_and_campaigns_are_kept_or_said(every: int) -> None:
    """With everything switched on: what acts is what can act, all money is spent or said to the cent."""
    twin, table = full(), random_table(full(), 5, every)
    targets, found = twin.targets, None
    found = spread(twin.chain, table, np.ones((twin.chain.periods, *targets.shape)))
    assert max(targets.lead) > 0
    assert max(targets.duration) > 1
    for k, (lead, duration) in enumerate(zip(targets.lead, targets.duration, strict=True)):
        acting = found.course.intensity[..., k]
        assert (acting[:lead] == targets.committed[..., k]).all()
        for window in targets.windows(k, twin.chain.periods) if duration > 1 else ():
            assert np.ptp(acting[window], axis=0).max() <= 1e-9 * max(acting.max(), 1)
    said = {each.cell: each.spent for each in found.not_spent}
    played = spent(twin, table, found.course.spend)
    for cell, money in zip(table.cells, played, strict=True):
        assert money == pytest.approx(said.get(cell, cell.money), rel=2e-6, abs=1e-6)
    assert all(each.why for each in found.not_spent)
    late = {each.why for each in found.not_spent if "committed" in each.why or "unchanged" in each.why}
    assert late


def test_a_scenario_says_on_which_day_it_begins() -> None:
    """Stated, or else the day after the base's purchases; days change no customers, so the scenario stays the same."""
    content = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    dated = parse({**content, "first_day": "2025-02-01"})
    assert Calendar.of(dated) == DATED
    assert dated.hash == parse(content).hash
    assert Calendar.of(parse(content)) == MONTHS
