"""What a file plays: a plan as it was made or edited, or a table of money; never less or other than it says in silence.

Whatever a file says of what follows from its money (customers, asset, sums) is held against the fluid twin.
"""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from optimizer.ask.rows import as_today
from optimizer.money.calendar import UNITS, Calendar, Stretch
from optimizer.money.sheets import AGAINST, MONEY, TODAY, Lines, check_against, day_of, read_book, read_csv
from optimizer.money.spread import SPREADS, Spread, by_period, spread
from optimizer.money.table import Cell, MoneyTable, Sheet, read_table
from optimizer.plan import Plan, readable
from optimizer.plan_files import DAY, PERIODS, PLAN, Stored, read_plan
from optimizer.proof import LiftProof, SpendProof
from optimizer.tolerances import SAME, UNSPENT
from sim.arrays import Floats
from sim.contract import Targets
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError, NotAsWritten
from sim.twin import Twin

__all__ = ["UNITS", "load", "plan_of_money", "spread_money"]

SHOWN = 3
"""Cells that a note names; the others are counted."""
EDITED = 1e-6
"""Share by which money must differ from the sum of its rows to be one that was changed."""
EXPECTED = 1e-4
"""Share by which customers in a file may differ from those expected: a spreadsheet saves the digits that it shows."""


def load(path: str | Path, twin: Twin, how: str | Path = "even") -> Plan:
    """Return what a plan's file or a table of money plays.

    Parameters
    ----------
    how
        How the money of a table's cell is spread inside it: one of :data:`~optimizer.money.spread.SPREADS`, or a plan's
        file.

    Warns
    -----
    NotAsWritten
        If something is not played as the file says, or the file was edited: what, in number and money.

    Raises
    ------
    InputError
        If it is no such file, or contradicts itself or the scenario.
    """
    path = Path(path)
    with readable(path):
        sheet = _money_of(path)
    if sheet is None:
        return _plan(path, twin)
    table = _table(path, sheet, twin)
    plan, not_spent = plan_of_money(twin, table, how)
    for words in (*table.notes, *_missing(twin, table), *not_spent):
        _note(f"{path}: {words}")
    return plan


def plan_of_money(twin: Twin, table: MoneyTable, how: str | Path = "even") -> tuple[Plan, list[str]]:
    """Return a table of money as a plan, and in words what of it cannot be spent as it is written."""
    found = spread_money(twin, table, how)
    lines = [
        f"{each.cell.segment} / {each.cell.lever} in {each.cell.stretch.name}: {each.cell.money:,.2f} is written, "
        f"{each.spent:,.2f} spent: {each.why}"
        for each in found.not_spent
    ]
    if len(lines) > SHOWN:
        written = sum(each.cell.money for each in found.not_spent)
        spent = sum(each.spent for each in found.not_spent)
        more = f"{len(lines)} cells cannot be played as written, {spent:,.2f} spent of {written:,.2f}; the first: "
        lines = [more + "; ".join(lines[:SHOWN])]
    return _unproved(twin, found.course, "segment" if how == "even" else "state"), lines


def spread_money(twin: Twin, table: MoneyTable, how: str | Path = "even") -> Spread:
    """Return a table of money spread over time and heads.

    Raises
    ------
    InputError
        If ``how`` is no way to spread money.
    """
    shape = (twin.chain.periods, *twin.targets.shape)
    pattern = np.ones(shape)
    if how == "period":
        table = by_period(table)
    elif how == "today":
        pattern = as_today(twin.chain)
    elif how not in SPREADS:
        if not Path(how).is_file():
            raise InputError(f"`spread={how}`: expected one of {', '.join(SPREADS)}, or the file of a plan")
        pattern = load(how, twin).intensity
    return spread(twin.chain, table, pattern)


def _note(words: str) -> None:
    warnings.warn(NotAsWritten(words), stacklevel=2)


def _table(path: Path, sheet: Sheet, twin: Twin) -> MoneyTable:
    """Return the table of money in a sheet of a file."""
    try:
        return read_table(sheet, twin.targets, Calendar.of(twin.scenario))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


# --- Tables of money --------------------------------------------------------------------------------------------------


def _money_of(path: Path) -> Sheet | None:
    """Return the sheet of a table of money; None where the file is a plan."""
    if path.suffix == ".csv":
        sheet = read_csv(path)
        header = next((row for row in sheet.rows if any(row)), [])
        return None if "intensity" in header else sheet
    if path.suffix == ".xlsx":
        sheets = read_book(path)
        return None if PLAN in sheets else sheets.get(MONEY, next(iter(sheets.values())))
    return None


def _missing(twin: Twin, table: MoneyTable) -> list[str]:
    """Return in words where money could go and the table says nothing."""
    targets, periods = twin.targets, twin.chain.periods
    segments = list(dict.fromkeys(targets.segments))
    open_ = np.zeros((len(segments), len(targets.levers)), dtype=bool)
    for g, segment in enumerate(targets.segments):
        open_[segments.index(segment)] |= targets.allowed[g].any(axis=0)
    lacking = (table.covered(targets, periods) < 0) & open_
    if not lacking.any():
        return []
    unit, named = twin.scenario.period, []
    for s, k in np.argwhere(lacking.any(axis=0)).tolist():
        left = np.flatnonzero(lacking[:, s, k]) + 1
        when = f"{left.size} of {periods} {unit}s" if left.size < periods else f"any {unit}"
        named.append(f"{segments[s]} / {targets.levers[k]} in {when}")
    today = follow(twin.chain, as_today(twin.chain)).spend
    worth = sum(
        float(today[lacking[:, segments.index(segment), k], g, :, k].sum())
        for g, segment in enumerate(targets.segments)
        for k in range(len(targets.levers))
    )
    others = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return [
        f"says nothing of {', '.join(named[:SHOWN])}{others}: nothing is spent there, where today spends {worth:,.2f}"
    ]


def _unproved(twin: Twin, course: Course, targeting: str, budget: float = float("nan")) -> Plan:
    """Return what happens in a course as a plan of which nothing is proved."""
    nothing, scenario = float("nan"), twin.scenario
    return Plan(
        scenario=scenario.name, scenario_hash=scenario.hash, targets=twin.targets, intensity=course.intensity,
        customers=course.observed, budget=budget, asset=nothing, proof=LiftProof(nothing, nothing), prices={},
        shadow_price=nothing, status="", termination="", targeting=targeting, calendar=Calendar.of(scenario),
        today=follow(twin.chain, as_today(twin.chain)).spend,
    )  # fmt: skip


# --- Plans ------------------------------------------------------------------------------------------------------------


def _plan(path: Path, twin: Twin) -> Plan:
    """Return the plan of a file, everything in it used or refused."""
    with readable(path):
        stored = read_plan(path)
    targets, chain = twin.targets, twin.chain
    plan = Plan.load(path, targets, chain.periods)
    course = follow(chain, targets.with_committed(plan.intensity))
    mine = plan.scenario_hash in ("", twin.scenario.hash)
    known = np.isfinite(plan.asset)
    intact = known and abs(plan.asset - course.asset) <= SAME * max(abs(course.asset), 1e-9)
    _check_shares(path, plan, stored, mine and not intact)
    _check_days(path, stored, Calendar.of(twin.scenario))
    if mine:
        _check_customers(path, plan, course, stored, refuse=intact)
        if stored.sheets:
            _check_today(path, twin, stored)
    edited = _edited(path, twin, plan, stored)
    if edited and mine and known and not intact:
        raise InputError(
            f"{path}, {edited[0][0].place}: says {edited[0][0].money:,.2f} where the rows of sheet '{PLAN}' add up to "
            f"{edited[0][1]:,.2f}, and these were changed too; delete the sheet '{MONEY}' to play the rows, or undo what was "
            "changed in them"
        )
    if edited:
        return _with_money(path, twin, plan, stored, edited)
    if mine and known and not intact:
        _note(
            f"{path}: its rows were changed after it was made: it says a customer asset of {plan.asset:,.2f}, they bring "
            f"{course.asset:,.2f} in expected numbers and spend {course.spend.sum():,.2f}; bound and prices are not theirs"
        )
        return _unproved(twin, course, plan.targeting, plan.budget)
    plan = replace(plan, calendar=Calendar.of(twin.scenario), today=follow(chain, as_today(chain)).spend)
    return plan if np.isfinite(plan.customers).all() and intact else replace(plan, customers=course.observed)


def _check_shares(path: Path, plan: Plan, stored: Stored, changed: bool) -> None:
    """Refuse shares that are not those of the figures beside them."""
    content, facts = stored.content, plan.proof.facts()
    names = ("least_money_share",) if isinstance(plan.proof, SpendProof) else ("lift_share", "gap")
    if isinstance(plan.proof, SpendProof) and changed:
        return  # a share of what the rows spend
    where = "asset, no_spend and bound" if len(names) > 1 else "least_money and the rows"
    for name in names:
        given, made = content.get(name), facts.get(name, getattr(plan, name, float("nan")))
        if given is not None and np.isfinite(made) and abs(float(given) - made) > 1e-6:
            raise InputError(
                f"{path}: `{name}` says {float(given):.6g} where {where} make it {made:.6g}; restore what was changed, or "
                "make the plan again"
            )


def _check_days(path: Path, stored: Stored, calendar: Calendar) -> None:
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


def _check_customers(path: Path, plan: Plan, course: Course, stored: Stored, *, refuse: bool) -> None:
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
    _note(
        f"{path}: {int(off.sum())} numbers of customers are not those expected under its intensities, the first {says} are; "
        f"it is played, and spends {course.spend.sum():,.2f}, by those expected"
    )


def _check_today(path: Path, twin: Twin, stored: Stored) -> None:
    """Refuse money of today that is not today's, and sums and differences that are not those of the cells."""
    sheets, targets = stored.sheets, twin.targets
    spend = follow(twin.chain, as_today(twin.chain)).spend
    if TODAY in sheets:
        for cell in _table(path, sheets[TODAY], twin).cells:
            made = _within(targets, spend, cell)
            if abs(cell.money - made) > EXPECTED * max(cell.money, made):
                raise InputError(
                    f"{path}, {cell.place}: says {cell.money:,.2f} where today spends {made:,.2f}; restore it, and change the "
                    f"money in sheet '{MONEY}' instead"
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
                    f"{path}, {sheet.place(r, c)}: says {row[c]:,.2f} where the rows of sheet '{PLAN}' add up to {added:,.2f}; "
                    f"change the money in sheet '{MONEY}' instead"
                )


def _within(targets: Targets, spend: Floats, cell: Cell) -> float:
    mine = np.array([name == cell.segment for name in targets.segments])
    money = spend[cell.stretch.first : cell.stretch.stop, mine][..., targets.levers.index(cell.lever)]
    return float(money.sum())


def _edited(path: Path, twin: Twin, plan: Plan, stored: Stored) -> list[tuple[Cell, float]]:
    """Return the cells of the sheet of money that are not sums of the rows, with what the rows add up to."""
    if MONEY not in stored.sheets:
        return []
    table = _table(path, stored.sheets[MONEY], twin)
    spend = np.where(plan.intensity > 0, plan.spend, 0.0)
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


def _with_money(path: Path, twin: Twin, plan: Plan, stored: Stored, edited: list[tuple[Cell, float]]) -> Plan:
    """Return a plan with the money that its sheet of money says, in the pattern of its rows."""
    found = spread(twin.chain, _table(path, stored.sheets[MONEY], twin), plan.intensity)
    named = "; ".join(
        f"{cell.place}: {cell.money:,.2f} for {cell.segment} / {cell.lever} where the rows have {made:,.2f}"
        for cell, made in edited[:SHOWN]
    )
    others = f"; and {len(edited) - SHOWN} more" if len(edited) > SHOWN else ""
    _note(
        f"{path}: played as edited, {found.course.spend.sum():,.2f} in all where it was made for "
        f"{np.nansum(plan.spend):,.2f}: {named}{others}; bound and prices are not this plan's"
    )
    for each in found.not_spent[:SHOWN]:
        _note(f"{path}, {each.cell.place}: of {each.cell.money:,.2f} {each.spent:,.2f} can be spent: {each.why}")
    return _unproved(twin, found.course, plan.targeting, plan.budget)
