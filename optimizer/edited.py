"""Holds what a plan's file says against its rows and the scenario: what was changed is found, or refused."""

import warnings
from pathlib import Path

import numpy as np

from optimizer.ask.rows import as_today
from optimizer.money.calendar import Calendar
from optimizer.money.sheets import AGAINST, MONEY, TODAY, check_against, day_of
from optimizer.money.table import Cell, MoneyTable, Sheet, read_table
from optimizer.plan import Plan
from optimizer.plan_files import DAY, PERIODS, PLAN, Stored
from sim.arrays import Floats
from sim.contract import Targets
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError, NotAsWritten
from sim.twin import Twin

__all__ = ["check_customers", "check_days", "check_sheets", "edited_cells", "note", "table_of"]

EDITED = 1e-6
"""Share by which money must differ from the sum of its rows to be one that was changed."""
EXPECTED = 1e-4
"""Share by which customers in a file may differ from those expected: a spreadsheet saves the digits that it shows."""


def note(words: str) -> None:
    """Warn that a file and what is played are not the same."""
    warnings.warn(NotAsWritten(words), stacklevel=2)


def table_of(path: Path, sheet: Sheet, twin: Twin) -> MoneyTable:
    """Return the table of money in a sheet of a file."""
    try:
        return read_table(sheet, twin.targets, Calendar.of(twin.scenario))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def check_days(path: Path, stored: Stored, calendar: Calendar) -> None:
    """Refuse a row whose day is not that of its period."""
    sheet = stored.sheets.get(PLAN)
    if sheet is None or DAY not in sheet.rows[0] or calendar.first_day is None:
        return
    days, periods = sheet.rows[0].index(DAY), sheet.rows[0].index("period")
    for r, row in enumerate(sheet.rows[1:], start=1):
        day = day_of(row[days])
        if day is not None and row[periods] is not None and calendar.day(int(row[periods])) != day:
            raise InputError(
                f"{path}, {sheet.place(r, days)}: {day} is not the first day of period {row[periods]:g}, "
                f"{calendar.day(int(row[periods]))}; what counts is the period: change both"
            )


def check_customers(path: Path, plan: Plan, course: Course, stored: Stored, *, refuse: bool) -> None:
    """Refuse customers that are not those expected, or say so where what was changed is not known."""
    given = plan.customers
    off = np.abs(given - course.observed) > EXPECTED * np.maximum(given, course.observed)
    off &= np.isfinite(given) & (plan.intensity > 0).any(axis=3)
    known = np.isfinite(plan.asset)
    if not off.any() or (known and not refuse):
        return
    t, g, s = (int(i) for i in np.argwhere(off)[0])
    name, rows = plan.targets.name(g, s), stored.content["plan"]
    place = next(
        stored.place(i) for i, row in enumerate(rows)
        if row["period"] == t and row["stage"] == plan.targets.stages[s]
        and (row["segment"], row["tier"]) == (plan.targets.segments[g], plan.targets.tiers[g])
    )  # fmt: skip
    says = f"{place}: customers {given[t, g, s]:,.2f} in '{name}' in period {t}, where {course.observed[t, g, s]:,.2f}"
    if refuse:
        raise InputError(f"{path}: {says} are expected under the plan; restore the number, or leave customers out")
    note(
        f"{path}: {int(off.sum())} numbers of customers are not those expected under its intensities, the first {says} "
        f"are; it is played, and spends {course.spend.sum():,.2f}, by those expected"
    )


def check_sheets(path: Path, twin: Twin, stored: Stored) -> None:
    """Refuse money of today that is not today's, and sums and differences that are not those of the cells."""
    sheets, targets = stored.sheets, twin.targets
    spend = follow(twin.chain, as_today(twin.chain)).moved
    if TODAY in sheets:
        for cell in table_of(path, sheets[TODAY], twin).cells:
            made = _within(targets, spend, cell)
            if abs(cell.money - made) > EXPECTED * max(cell.money, made):
                raise InputError(
                    f"{path}, {cell.place}: says {cell.money:,.2f} where today spends {made:,.2f}; restore it, and "
                    f"change the money in sheet '{MONEY}' instead"
                )
    if AGAINST in sheets and TODAY in sheets and MONEY in sheets:
        check_against(path, sheets[AGAINST], sheets[MONEY], sheets[TODAY])
    if PERIODS in sheets:
        _check_periods(path, twin, stored)


def _check_periods(path: Path, twin: Twin, stored: Stored) -> None:
    """Refuse sums by period and lever that are not those of the rows."""
    sheet = stored.sheets[PERIODS]
    made: dict[tuple[int, str], float] = {}
    for row in stored.content["plan"]:
        key = int(row["period"]), row["lever"]
        made[key] = made.get(key, 0.0) + row["intensity"] * row["customers"]
    header = sheet.rows[0]
    for r, row in enumerate(sheet.rows[1:], start=1):
        for c, lever in enumerate(header):
            if lever not in twin.targets.levers or not isinstance(row[c], int | float) or row[0] is None:
                continue
            added = made.get((int(row[0]), lever), 0.0)
            if abs(row[c] - added) > EXPECTED * max(abs(row[c]), added):
                raise InputError(
                    f"{path}, {sheet.place(r, c)}: says {row[c]:,.2f} where the rows of sheet '{PLAN}' add up to "
                    f"{added:,.2f}; change the money in sheet '{MONEY}' instead"
                )


def _within(targets: Targets, spend: Floats, cell: Cell) -> float:
    mine = np.array([name == cell.segment for name in targets.segments])
    money = spend[cell.stretch.first : cell.stretch.stop, mine][..., targets.levers.index(cell.lever)]
    return float(money.sum())


def edited_cells(path: Path, twin: Twin, plan: Plan, stored: Stored) -> list[tuple[Cell, float]]:
    """Return the cells of the sheet of money that are not sums of the rows, with what the rows add up to."""
    if MONEY not in stored.sheets:
        return []
    table = table_of(path, stored.sheets[MONEY], twin)
    spend = np.where(plan.intensity > 0, plan.moved, 0.0)
    covered = table.covered(twin.targets, twin.chain.periods)
    segments = list(dict.fromkeys(twin.targets.segments))
    for t, g, k in np.argwhere(spend.sum(axis=2) > 0).tolist():
        segment, lever = twin.targets.segments[g], twin.targets.levers[k]
        if covered[t, segments.index(segment), k] < 0:
            raise InputError(
                f"{path}, sheet '{MONEY}': says nothing of {segment} / {lever} in period {t}, where the rows of sheet "
                f"'{PLAN}' spend {spend[t, g, :, k].sum():,.2f}; write 0 where nothing is to be spent"
            )
    both = [(cell, _within(twin.targets, spend, cell)) for cell in table.cells]
    return [(cell, made) for cell, made in both if abs(cell.money - made) > EDITED * max(cell.money, made)]
