"""What a file plays: a plan as it was made or edited, or a table of money; never less or other than it says in silence.

Whatever a file says of what follows from its money (customers, asset, sums) is held against the fluid twin.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from optimizer.ask.rows import as_today
from optimizer.edited import check_customers, check_days, check_sheets, edited_cells, note, table_of
from optimizer.money.calendar import Calendar
from optimizer.money.sheets import MONEY, read_book, read_csv
from optimizer.money.spread import SPREADS, Spread, by_period, spread
from optimizer.money.table import Cell, MoneyTable, Sheet
from optimizer.plan import Plan, readable
from optimizer.plan_files import PLAN, Stored, read_plan
from optimizer.proof import LiftProof
from optimizer.tolerances import SAME
from sim.engine.sensitivity import Course, follow
from sim.errors import InputError
from sim.twin import Twin

__all__ = ["is_money", "load", "plan_of_course", "plan_of_money", "spread_money"]

SHOWN = 3
"""Cells that a note names; the others are counted."""


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
    table = table_of(path, sheet, twin)
    plan, not_spent = plan_of_money(twin, table, how)
    for words in (*table.notes, *_missing(twin, table), *not_spent):
        note(f"{path}: {words}")
    return plan


def is_money(path: str | Path) -> bool:
    """Return whether a file is a table of money."""
    path = Path(path)
    with readable(path):
        return os.path.isfile(path) and _money_of(path) is not None


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
    return plan_of_course(twin, found.course, "segment" if how == "even" else "state"), lines


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
        table = by_period(twin.chain, table)
    elif how == "today":
        pattern = as_today(twin.chain)
    elif how not in SPREADS:
        if not os.path.isfile(how):
            raise InputError(f"`spread={how}`: expected one of {', '.join(SPREADS)}, or the file of a plan")
        pattern = load(how, twin).intensity
    return spread(twin.chain, table, pattern)


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
    unit, named, kept = twin.scenario.period, list[str](), list[str]()
    for s, k in np.argwhere(lacking.any(axis=0)).tolist():
        left = np.flatnonzero(lacking[:, s, k]) + 1
        when = f"{left.size} of {periods} {unit}s" if left.size < periods else f"any {unit}"
        (named if targets.paid[k] else kept).append(f"{segments[s]} / {targets.levers[k]} in {when}")
    today = follow(twin.chain, as_today(twin.chain)).spend
    worth = sum(
        float(today[lacking[:, segments.index(segment), k], g, :, k].sum())
        for g, segment in enumerate(targets.segments)
        for k in range(len(targets.levers))
    )
    said = []
    for what, follows in (
        (named, f"nothing is spent there, where today spends {worth:,.2f}"), (kept, "terms stay as today"),
    ):  # fmt: skip
        others = f" and {len(what) - SHOWN} more" if len(what) > SHOWN else ""
        said += [f"says nothing of {', '.join(what[:SHOWN])}{others}: {follows}"] if what else []
    return said


def plan_of_course(twin: Twin, course: Course, targeting: str, budget: float = float("nan")) -> Plan:
    """Return what happens in a course as a plan of which nothing is proved."""
    nothing, scenario = float("nan"), twin.scenario
    return Plan(
        scenario=scenario.name, scenario_hash=scenario.hash, targets=twin.targets, intensity=course.intensity,
        customers=course.observed, budget=budget, asset=nothing, proof=LiftProof(nothing, nothing), prices={},
        shadow_price=nothing, status="", termination="", targeting=targeting, calendar=Calendar.of(scenario),
        today=follow(twin.chain, as_today(twin.chain)).moved,
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
    if known and "as_made" not in stored.content:
        note(f"{path}: holds no copy of its figures: whether budget, bound or prices were changed cannot be seen")
    check_days(path, stored, Calendar.of(twin.scenario))
    if mine:
        check_customers(path, plan, course, stored, refuse=intact)
        if stored.sheets:
            check_sheets(path, twin, stored)
    plan = replace(plan, customers=np.where(np.isnan(plan.customers), course.observed, plan.customers))
    edited = edited_cells(path, twin, plan, stored)
    if edited and mine and known and not intact:
        raise InputError(
            f"{path}, {edited[0][0].place}: says {edited[0][0].money:,.2f} where the rows of sheet '{PLAN}' add up to "
            f"{edited[0][1]:,.2f}, and these were changed too; delete the sheet '{MONEY}' to play the rows, or undo "
            "what was changed in them"
        )
    if edited:
        return _with_money(path, twin, plan, stored, edited)
    if mine and known and not intact:
        note(
            f"{path}: its rows were changed after it was made: it says a customer asset of {plan.asset:,.2f}, they "
            f"bring {course.asset:,.2f} in expected numbers and spend {course.spend.sum():,.2f}; bound and prices are "
            "not theirs"
        )
        return plan_of_course(twin, course, plan.targeting, plan.budget)
    plan = replace(plan, calendar=Calendar.of(twin.scenario), today=follow(chain, as_today(chain)).moved)
    return plan if intact else replace(plan, customers=course.observed)


def _with_money(path: Path, twin: Twin, plan: Plan, stored: Stored, edited: list[tuple[Cell, float]]) -> Plan:
    """Return a plan with the money that its sheet of money says, in the pattern of its rows."""
    found = spread(twin.chain, table_of(path, stored.sheets[MONEY], twin), plan.intensity)
    named = "; ".join(
        f"{cell.place}: {cell.money:,.2f} for {cell.segment} / {cell.lever} where the rows have {made:,.2f}"
        for cell, made in edited[:SHOWN]
    )
    others = f"; and {len(edited) - SHOWN} more" if len(edited) > SHOWN else ""
    note(
        f"{path}: played as edited, {found.course.spend.sum():,.2f} in all where it was made for "
        f"{np.nansum(plan.spend):,.2f}: {named}{others}; bound and prices are not this plan's"
    )
    for each in found.not_spent[:SHOWN]:
        note(f"{path}, {each.cell.place}: of {each.cell.money:,.2f} {each.spent:,.2f} can be spent: {each.why}")
    return plan_of_course(twin, found.course, plan.targeting, plan.budget)
