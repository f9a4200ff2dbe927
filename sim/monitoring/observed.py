"""What a firm saw of its customers: counted from its purchases since a plan was made, or read from a table."""

import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.engine.chain import ALIVE
from sim.engine.state_space import state_index
from sim.errors import InputError, first_line
from sim.monitoring.seen import Seen
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.reading import read_table
from sim.scenario.customers import Base
from sim.scenario.file import WEEKS_PER_PERIOD, Scenario
from sim.twin import Twin

__all__ = ["bought_since", "is_counts", "seen_in_counts", "seen_in_purchases"]

KEYS = ("period", "segment", "stage", "customers")
UNSEEN = ("unaware", "prospect")
"""Stages that purchases do not show."""


def seen_in_purchases(
    twin: Twin, actual: CustomerBase, days: Sequence[date], plan: Floats, expected: Floats
) -> tuple[Seen, tuple[str, ...]]:
    """Return what purchases show of the customers of a twin's base and of those who have come since, and what to say.

    Customers keep the segment and class in which they were planned for. Who first bought since belongs to the segment
    that has prospects, the first where several have. Who bought before the plan began and is not in the base is left
    out.

    Parameters
    ----------
    days : (periods + 1,)
        First day of each period that has passed, and the day after the last.
    plan : (periods, groups, stages, levers)
        Money per customer: purchases do not show what was spent, so that the plan's is taken.
    expected : (periods, groups, stages)
        Heads planned, where none are seen.

    Raises
    ------
    InputError
        If the scenario has no customer base, or none of its customers is among those who bought.
    """
    _refuse_terms(twin, "purchases show")
    base, given, space = twin.base, twin.scenario.base, twin.chain.space
    if base is None or given is None:
        raise InputError(
            f"{twin.scenario.name}: has no customer base, so purchases cannot be told by segment; give `actual=` a "
            "table of counts, with period, segment, stage and customers"
        )
    record, who, rows, said = bought_since(twin.scenario, given, actual, days)
    known, new_group = len(who), _winning_group(twin)
    for each, *_ in rows:
        who.setdefault(each, len(who))
    more, periods = len(who) - known, len(days) - 1
    group = np.append(base.group, np.full(more, new_group))
    count = np.append(record.purchases, np.zeros(more)).astype(np.int64)
    last = np.append(given.as_of.toordinal() - record.silent_weeks * 7, np.full(more, np.nan))
    targets = twin.targets
    groups, stages, _ = targets.shape
    prospect = targets.stages.index("prospect") if "prospect" in targets.stages else 0
    number, paid = np.zeros((2, periods, len(who)))
    latest = np.full((periods, len(who)), np.nan)
    for each, period, days_bought, day, amount, _ in rows:
        i = who[each]
        number[period, i] += days_bought
        paid[period, i] += amount
        latest[period, i] = np.fmax(latest[period, i], day.toordinal())

    def stage_of(end: date) -> Any:
        weeks = np.nan_to_num((end.toordinal() - last) / 7)
        silence = np.floor(weeks / WEEKS_PER_PERIOD[twin.scenario.period]).astype(np.int64)
        at = space.stage[group, state_index(space, np.full(group.size, ALIVE), np.maximum(count, 1), silence)]
        return np.where(count > 0, at, prospect)

    customers = np.zeros((periods + 1, groups, stages))
    moves = np.zeros((periods, groups, stages, stages))
    purchases, revenue = np.zeros((2, periods, groups, stages))
    now = stage_of(days[0] - timedelta(days=1))
    np.add.at(customers[0], (group, now), 1)
    for t in range(periods):
        np.add.at(purchases[t], (group, now), number[t])
        np.add.at(revenue[t], (group, now), paid[t])
        count = count + number[t].astype(np.int64)
        last = np.fmax(last, latest[t])
        after = stage_of(days[t + 1] - timedelta(days=1))
        np.add.at(moves[t], (group, now, after), 1)
        np.add.at(customers[t + 1], (group, after), 1)
        now = after
    customers[:, :, [targets.stages.index(name) for name in UNSEEN if name in targets.stages]] = np.nan
    heads = np.where(np.isnan(customers[:-1]), expected[:periods], customers[:-1])
    seen = Seen(
        targets, customers, moves, purchases, revenue, np.full((periods + 1, groups), np.nan),
        (revenue.sum(axis=2) * twin.margin).sum(axis=1), heads[..., None] * plan[:periods],
    )  # fmt: skip
    return seen, said


def bought_since(
    scenario: Scenario, given: Base, actual: CustomerBase, days: Sequence[date]
) -> tuple[PurchaseSummary, dict[str, int], list[tuple[Any, ...]], tuple[str, ...]]:
    """Return the base's records, who each is, what they and who came since bought (:func:`_rows`), and what to say."""
    record = CustomerBase.open(scenario.folder / given.file).summarise(given.as_of)
    who = {str(each): i for i, each in enumerate(record.customer_id.tolist())}
    whole = record.customer_id.dtype.kind == "i"  # 0042 is 42 where ids are whole numbers
    found = _rows(actual, days)
    rows = [(str(int(each)) if whole and str(each).isdecimal() else str(each), *more) for each, *more in found]
    return record, who, *_of_the_firm(rows, who, given.file, days[0])


def _refuse_terms(twin: Twin, what: str) -> None:
    """Refuse what does not tell what was earned where levers change terms, or a partner keeps some: no margin does."""
    scenario = twin.scenario
    own = [each.partner for each in scenario.segments.values()]
    if any(each is not None and each.share * each.commission > 0 for each in (scenario.partner, *own)):
        raise InputError(
            f"monitor: a partner keeps its commission (`partner`), and {what} not what came through it; give `actual=` "
            "a table of counts with a column `reward`, money earned before marketing"
        )
    for lever, pays in zip(twin.targets.levers, twin.targets.pays, strict=False):
        if pays != "budget":
            raise InputError(
                f"monitor: '{lever}' is `pays: {pays}`, and {what} neither charges and service nor what goods cost "
                "that were sold at a cut price; give `actual=` a table of counts with a column `reward`, money earned "
                "before marketing"
            )


def _of_the_firm(
    rows: list[tuple[Any, ...]], known: Mapping[str, int], base: str, begin: date
) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
    """Return the rows of customers of the base and of who came since, and what to say of the others and of these."""
    strangers = [row for row in rows if row[0] not in known]
    if strangers and len(strangers) == len(rows):
        raise InputError(
            f"none of the {len({row[0] for row in rows}):,} customers who bought is in {base}, the first "
            f"{rows[0][0]!r}: are ids written alike in both, hashed by the same key or not at all?"
        )
    old = {row[0] for row in strangers if row[-1] < begin}
    came = {row[0] for row in strangers} - old
    said = []
    for people, what in (
        (old, f"bought before {begin} and are not in {base}: what they bought since is left out"),
        (came, f"are not in {base} and first bought since {begin}: they count as won"),
    ):
        money = sum(row[4] for row in strangers if row[0] in people)
        said += [f"{len(people):,} customers ({money:,.2f}) {what}."] if people else []
    return [row for row in rows if row[0] not in old], tuple(said)


def _rows(actual: CustomerBase, days: Sequence[date]) -> list[tuple[Any, ...]]:
    """Return a row a customer and period with a purchase: id, period, days, the last, money, the first ever."""
    when = " ".join(f"WHEN date < DATE '{end}' THEN {t}" for t, end in enumerate(days[1:]))
    return actual.query(
        f"WITH first AS (SELECT customer_id, min(date) AS first FROM purchases GROUP BY ALL) "
        f"SELECT customer_id, CASE {when} END AS period, count(DISTINCT date), max(date), CAST(sum(amount) AS DOUBLE), "
        f"any_value(first) FROM purchases JOIN first USING (customer_id) "
        f"WHERE date >= DATE '{days[0]}' AND date < DATE '{days[-1]}' "
        "GROUP BY ALL ORDER BY customer_id, period"
    )[1]


def _winning_group(twin: Twin) -> int:
    """Return the group of those who are won."""
    segments = twin.scenario.segments
    for group, name in enumerate(twin.targets.segments):
        own = segments.get(name)
        if own is not None and own.traits is not None and {*own.start, *own.births} & {*UNSEEN}:
            return group
    return 0


def is_counts(path: Path) -> bool:
    """Return whether a file is a table of counts by period, segment and stage, such as ``simulate`` writes."""
    if path.suffix != ".csv" or not os.path.isfile(path):
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header = [name.strip(' "\n') for name in stream.readline().split(",")]
    return all(name in header for name in KEYS)


def seen_in_counts(twin: Twin, path: Path, periods: int | None = None) -> Seen:
    """Return what a table of counts shows: a row a period, segment, class and stage.

    Columns: ``customers``, ``to_<stage>`` (where they were seen a period later), ``purchases``, ``revenue``,
    ``spend_<lever>``, and where there are any ``reward`` (money earned before marketing; else margin times revenue) and
    ``satisfaction_surveyed``.

    Raises
    ------
    InputError
        If a column is missing, a number is none, or rows are not those of the scenario.
    """
    import pandas as pd

    targets = twin.targets
    groups, stages, levers = targets.shape
    names = [f"to_{stage}" for stage in targets.stages], [f"spend_{lever}" for lever in targets.levers]
    frame = _table(path, ("customers", "purchases", "revenue", *names[0], *names[1]))
    tiers = frame["tier"] if "tier" in frame else pd.Series("unknown", index=frame.index)
    place = {(s, t): g for g, (s, t) in enumerate(zip(targets.segments, targets.tiers, strict=True))}
    group = [place.get(key, -1) for key in zip(frame["segment"], tiers, strict=True)]
    stage = [targets.stages.index(name) if name in targets.stages else -1 for name in frame["stage"]]
    wrong = [i for i, (g, s) in enumerate(zip(group, stage, strict=True)) if g < 0 or s < 0]
    if wrong:
        row = frame.iloc[wrong[0]]
        raise InputError(
            f"{path}, row {wrong[0] + 2}: segment '{row['segment']}' and stage '{row['stage']}' are not of the scenario"
        )
    there = int(frame["period"].max()) + 1
    at = (frame["period"].to_numpy(), np.array(group), np.array(stage))
    kinds = len(set(zip(*(each.tolist() for each in at), strict=True)))
    if not kinds == len(frame) == there * groups * stages:
        raise InputError(f"{path}: expected one row for each of {there} periods, {groups} groups and {stages} stages")

    def of(*columns: str) -> Floats:
        out = np.zeros((there, groups, stages, len(columns)))
        out[at] = frame[list(columns)].to_numpy(dtype=float)
        return out if len(columns) > 1 else out[..., 0]

    moves = of(*names[0]).reshape(there, groups, stages, stages)
    customers = np.concatenate([of("customers"), moves[-1:].sum(axis=2)])
    asked = (
        of("satisfaction_surveyed")[:, :, 0] if "satisfaction_surveyed" in frame else np.full((there, groups), np.nan)
    )
    revenue = of("revenue")
    if "reward" not in frame:
        _refuse_terms(twin, f"{path} has no column `reward`: revenue shows")
    earned = of("reward").sum(axis=(1, 2)) if "reward" in frame else (revenue.sum(axis=2) * twin.margin).sum(axis=1)
    until = there if periods is None else min(periods, there)
    return Seen(
        targets, customers[: until + 1], moves[:until], of("purchases")[:until], revenue[:until],
        np.concatenate([asked, asked[-1:]])[: until + 1], earned[:until],
        of(*names[1]).reshape(there, groups, stages, levers)[:until],
    )  # fmt: skip


def _table(path: Path, numbers: Sequence[str]) -> Any:
    """Return a table of counts whose numbers are numbers; those named are there and not below 0."""
    import pandas as pd

    try:
        frame = read_table(path, ("segment", "tier", "stage"))
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path}: cannot be read as a table of counts: {first_line(error)}") from None
    lacking = [name for name in (*KEYS, *numbers) if name not in frame]
    if lacking:
        raise InputError(f"{path}: lacks the column '{lacking[0]}'; a simulation's table of counts has all of them")
    if frame.empty:
        raise InputError(f"{path}: holds a header and no row")
    for name in ("period", *numbers, *(each for each in ("reward", "satisfaction_surveyed") if each in frame)):
        read = pd.to_numeric(frame[name], errors="coerce").astype(float)
        wrong = ~np.isfinite(read) if name != "satisfaction_surveyed" else read.isna() & frame[name].notna()
        if name != "reward":
            wrong |= read < 0
        if name == "period":
            wrong |= read % 1 != 0
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            least = (
                "a number" if name == "reward" else "a whole number" if name == "period" else "a number of at least 0"
            )
            raise InputError(f"{path}, row {row + 2}: {name}: expected {least}, got {frame[name].iloc[row]!s}")
        frame[name] = read.astype(int) if name == "period" else read
    return frame
