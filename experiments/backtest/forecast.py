"""Was the forecast right: fitted on what was known then, played under today's money, against what came.

The laws of buying are fitted once more to the purchases up to the cut; nothing later is looked at, but for the
scenario's own answers (curves, segments' limits, seasons), which are taken as they stand. Each figure of a period and
segment is forecast by the mean over markets and has the band ``mean +- z sd sqrt(1 + 1/n)``: customers' hidden truth
and luck, that the laws are estimates, and that months to come differ as known ones did (:mod:`.laws`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from experiments.backtest.laws import Known, Version, known_of, worlds
from experiments.backtest.rivals import Rival, rivals_of
from sim.arrays import Floats, Ints, Step, quiet
from sim.customers.held_out import HeldOut
from sim.customers.purchase_models import ParetoNBD
from sim.customers.segmentation import TIERS
from sim.errors import InputError, PurchasesError
from sim.history import History
from sim.intervals import NORMAL
from sim.market.clock import Market
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.scenario.file import PERIODS_PER_YEAR, WEEKS_PER_PERIOD, Scenario, parse
from sim.twin import Twin, build

__all__ = ["CLASSES", "MEASURES", "Backtest", "Early", "backtest"]

MEASURES = ("customers", "purchases", "money")
"""Customers seen and not lapsed at the end of a period; days with a purchase in it; what was paid on them."""
CLASSES = ("bought once", "bought twice", "bought 3 or 4 times", "bought 5 times or more")
"""Customers by the days with a purchase that were known."""
_ENDS = np.array([2, 3, 5])
BANDS = {80: 1.281552, 95: NORMAL}
"""Quantiles of the normal law."""


class Early(NamedTuple):
    """What the law says of the last third of the weeks it was fitted to, and what was: repeat purchases."""

    weeks: int
    predicted: float
    actual: float


@dataclass(frozen=True, eq=False)
class Backtest:
    """A forecast as it would have been made, against what came.

    Attributes
    ----------
    scenario : Scenario
        With the laws as they were known at the cut.
    cut, until : date
        Last day that was known, and last day that is compared.
    segments : tuple of str
        Those of the base that had customers at the cut.
    predicted, spread, actual : (measures, periods, segments)
        Means and standard deviations over markets, and what came; measures are ``MEASURES``.
    replications : int
    rivals : tuple of Rival
    by_class : HeldOut
        The laws alone, in closed form, by how often customers had bought.
    versions : tuple of Version
        The laws that were fitted, and which of them is used.
    conditions : tuple of float
        How busy each known period was, the oldest first; nothing: laws with months alike are used.
    seasonal : bool
        Whether months of the year differ.
    early : Early
        Of months alike.
    newly_won : (customers, purchases, money)
        Of people who first bought after the cut: not in the comparison.
    dropped : tuple of str
        What the scenario states and was left out.
    """

    scenario: Scenario
    cut: date
    until: date
    segments: tuple[str, ...]
    predicted: Floats
    spread: Floats
    actual: Floats
    replications: int
    rivals: tuple[Rival, ...]
    by_class: HeldOut
    versions: tuple[Version, ...]
    conditions: tuple[float, ...]
    seasonal: bool
    early: Early
    newly_won: tuple[int, int, float]
    dropped: tuple[str, ...] = ()

    def error(self, measure: str) -> float:
        """Return forecast over what came, less 1: over all held-out periods, of customers at their end."""
        k = MEASURES.index(measure)
        rows = slice(-1, None) if measure == "customers" else slice(None)
        return _share(float(self.predicted[k, rows].sum()), float(self.actual[k, rows].sum()))

    def coverage(self, band: int) -> float:
        """Return the share of figures (measure, period, segment) inside their 80 or 95 % band."""
        wide = BANDS[band] * self.spread * np.sqrt(1 + 1 / self.replications)
        return float((np.abs(self.actual - self.predicted) <= wide + 1e-9).mean())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        won = dict(zip(MEASURES, self.newly_won, strict=True))
        return {
            "cut": self.cut.isoformat(),
            "until": self.until.isoformat(),
            **{f"{measure}_error": self.error(measure) for measure in MEASURES},
            **{f"coverage_{band}": self.coverage(band) for band in BANDS},
            "rivals": [rival._asdict() for rival in self.rivals],
            "cells": [
                {
                    "period": t, "segment": name, "measure": measure, "predicted": float(self.predicted[k, t, s]),
                    "sd": float(self.spread[k, t, s]), "actual": float(self.actual[k, t, s]),
                }
                for k, measure in enumerate(MEASURES)
                for t in range(self.actual.shape[1])
                for s, name in enumerate(self.segments)
            ],
            "by_purchases": [
                {"name": name, "customers": heads, "purchases": bought._asdict(), "money": paid._asdict()}
                for name, heads, bought, paid in self.by_class.segments
            ],
            "versions": [each._asdict() for each in self.versions],
            "conditions": list(self.conditions),
            "seasonal": self.seasonal,
            "fitted_weeks": self.early._asdict(),
            "newly_won": won,
            "left_out": list(self.dropped),
            "replications": self.replications,
        }  # fmt: skip


def backtest(
    scenario: Scenario, months: int = 9, *, replications: int = 40, seed: int = 0, threads: int | None = None,
    progress: Step | None = None,
) -> Backtest:  # fmt: skip
    """Fit on all but the last months of a scenario's customer base, forecast them, and compare.

    Parameters
    ----------
    months
        Held out, to the last purchase in the base.
    replications
        Markets the bands are made of.

    Raises
    ------
    InputError
        If there is no customer base, or the months do not fit.
    PurchasesError
        If what was known then does not identify the laws.
    """
    step = progress or quiet
    base, cut, periods, days = _held_out(scenario, months, replications)
    ends = [cut + timedelta(days=round(days * k)) for k in range(periods + 1)]
    record = base.summarise(cut)
    step("fit the laws to what was known")
    try:
        known = known_of(scenario, base, record, periods)
    except PurchasesError as error:
        raise PurchasesError(f"`months={months}`: too little was known on {cut}: {error}") from None
    then, dropped = _as_known(scenario, known, cut, periods)
    twin = build(then)
    assert twin.base is not None
    segment = twin.base.group // len(TIERS)
    heads = np.bincount(segment, minlength=len(then.base_segments))
    there = heads > 0
    names = tuple(name for name, number in zip(then.base_segments, heads, strict=True) if number)
    played = _play(worlds(known, twin, replications, seed), replications, seed, threads, step)[..., there]
    actual = _came(base, record, ends, segment, then, days / 7)[..., there]
    closed = known.held_out(base, ends[-1], np.searchsorted(_ENDS, record.purchases, side="right"), CLASSES)
    found = Backtest(
        then, cut, ends[-1], names, played.mean(axis=0), played.std(axis=0, ddof=1), actual, replications,
        rivals_of(base, record, ends[-1]), closed[known.differ], known.versions(closed), known.conditions,
        known.differ and known.ahead is not None and known.ahead.seasonal,
        _early(known.plain, base, record), _newly_won(base, record, ends[-1]), dropped,
    )  # fmt: skip
    bought, paid = found.error("purchases"), found.error("money")
    played_as = (v._replace(purchases_error=bought, money_error=paid) if v.chosen else v for v in found.versions)
    return replace(found, versions=tuple(played_as))


def _held_out(scenario: Scenario, months: int, replications: int) -> tuple[CustomerBase, date, int, float]:
    """Return the base, the last day known, the periods held out, and the days of one."""
    if scenario.base is None:
        raise InputError(
            "a forecast is checked against purchases, and this scenario has no customer base; make one of your "
            "purchases with `tenure calibrate`"
        )
    if replications < 2:
        raise InputError(f"`replications={replications}`: bands need at least 2 markets")
    base = CustomerBase.open(scenario.folder / scenario.base.file)
    periods = round(months * PERIODS_PER_YEAR[scenario.period] / 12)
    days = 7 * WEEKS_PER_PERIOD[scenario.period]
    known = (base.last_date - base.first_date).days
    if months < 1 or periods < 1 or periods * days >= known:
        raise InputError(
            f"`months={months}`: expected at least one {scenario.period}, and less than the {known / 30.4375:.1f} "
            f"months that the purchases run ({base.first_date} to {base.last_date})"
        )
    return base, base.last_date - timedelta(days=round(periods * days)), periods, days


def _as_known(scenario: Scenario, known: Known, cut: date, periods: int) -> tuple[Scenario, tuple[str, ...]]:
    """Return the scenario as it would have been at the cut, and what was left out of it."""
    content = scenario.model_dump(mode="json", exclude_unset=True, exclude={"rules", "uncertain", "first_day"})
    assert scenario.base is not None
    later = round((scenario.base.as_of - cut).days / 7 / WEEKS_PER_PERIOD[scenario.period])
    content["base"] |= {
        "as_of": cut.isoformat(),
        "pareto_nbd": {name: float(value) for name, value in vars(known.laws).items()},
        "gamma_gamma": {name: float(value) for name, value in vars(known.amounts).items()},
        "conditions": known.conditions,
        "by_segment": {},
    }
    dropped = []
    if scenario.base.by_segment:
        dropped.append(f"own laws of {', '.join(scenario.base.by_segment)}: one law is fitted to all customers here")
    for key in ("competitors", "shocks"):
        kept = []
        for thing in content.get(key, ()):
            begin, end = thing["start"] + later, thing.get("end")
            end = None if end is None else end + later
            if begin >= periods or (end is not None and end <= 0):
                dropped.append(f"{thing['name']}: not in the months that are compared")
            else:
                kept.append({**thing, "start": max(begin, 0), **({} if end is None else {"end": end})})
        if key in content:
            content[key] = kept
    if content.get("seasons"):
        round_ = content["seasons"]
        content["seasons"] = [round_[(k - later) % len(round_)] for k in range(len(round_))]
    return parse({**content, "periods": periods, "terminal": "none", "folder": scenario.folder}), tuple(dropped)


def _play(twins: Iterable[Twin], replications: int, seed: int, threads: int | None, step: Step) -> Floats:
    """Return what each market brings under today's money, (replications, measures, periods, segments)."""
    from policies.fixed import AsToday

    tell = step("play what was known")
    out = []
    for k, twin in enumerate(twins):
        twin.prepare("individual")
        people = twin.population(seed, k, "individual")
        history = Market(twin, AsToday(), people, seed=seed, replication=k, threads=threads).run()
        out.append(_figures(history, len(twin.scenario.base_segments)))
        if tell is not None:
            tell((k + 1) / replications)
    return np.stack(out)


def _figures(history: History, segments: int) -> Floats:
    """Return customers not lapsed, purchases and money by period and segment of the base."""
    inside = [stage not in ("lapsed", "prospect", "unaware") for stage in history.targets.stages]
    seen = history.customers[1:][:, :, inside].sum(axis=2)
    figures = np.stack([seen, history.purchases.sum(axis=2), history.revenue.sum(axis=2)])
    own = figures[:, :, : segments * len(TIERS)]
    return np.asarray(own.reshape(*own.shape[:2], segments, len(TIERS)).sum(axis=3))


def _came(
    base: CustomerBase, record: PurchaseSummary, ends: Sequence[date], segment: Ints, scenario: Scenario, weeks: float
) -> Floats:
    """Return what came by measure, period and segment, of the customers known at the cut."""
    silent, number = record.silent_weeks / weeks, len(scenario.base_segments)
    out = np.empty((len(MEASURES), len(ends) - 1, number))
    limit = _lapsed(scenario)[segment]
    for t in range(len(ends) - 1):
        bought, paid = base.bought_between(ends[t], ends[t + 1], record)
        silent = np.where(bought > 0, 0.0, silent + 1)
        for k, each in enumerate(((np.floor(silent) < limit).astype(float), bought, paid)):
            out[k, t] = np.bincount(segment, weights=each, minlength=number)
    return out


def _lapsed(scenario: Scenario) -> Ints:
    """Return by segment of the base the silent periods from which a customer counts as lapsed."""
    own = [scenario.segments.get(name) for name in scenario.base_segments]
    return np.array([((each.stages if each else None) or scenario.stages).lapsed for each in own])


def _early(laws: ParetoNBD, base: CustomerBase, record: PurchaseSummary) -> Early:
    tracked = base.weekly_cumulative_repeat(record.end).astype(float)
    weeks = max(len(tracked) // 3, 1)
    before = np.maximum(record.age - weeks, 0.0)
    predicted = float((laws.expected_purchases(record.age) - laws.expected_purchases(before)).sum())
    return Early(weeks, predicted, float(tracked[-1] - (tracked[-1 - weeks] if len(tracked) > weeks else 0)))


def _newly_won(base: CustomerBase, record: PurchaseSummary, until: date) -> tuple[int, int, float]:
    rows = base.query(
        "SELECT count(DISTINCT customer_id), count(*), coalesce(sum(amount), 0) FROM (SELECT customer_id, date, "
        f"sum(amount) AS amount, min(date) OVER (PARTITION BY customer_id) AS first FROM purchases WHERE date <= DATE "
        f"'{until}' GROUP BY customer_id, date) WHERE first > DATE '{record.end}'"
    )[1]
    customers, purchases, money = rows[0]
    return int(customers), int(purchases), float(money)


def _share(predicted: float, actual: float) -> float:
    return predicted / actual - 1 if actual > 0 else float("nan")
