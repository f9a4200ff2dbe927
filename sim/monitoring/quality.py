"""Whose quality has changed since a plan was made: class of purchase cycle x amount, and money of the next year."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from sim.arrays import Flags, Floats, Ints
from sim.customers.groups import TIER_WEEKS
from sim.customers.segment_laws import laws_of
from sim.customers.segmentation import TIERS, CycleAmountCutoffs, segment_by_cycle_and_amount
from sim.errors import InputError
from sim.monitoring.observed import bought_since
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.twin import Twin

__all__ = ["Changed", "Quality", "changed_quality", "quality_of"]


@dataclass(frozen=True, eq=False)
class Quality:
    """Customers as their purchases up to a day tell, under the scenario's laws.

    Attributes
    ----------
    kind : (customers,)
        Class of cycle x amount by the scenario's cut-offs, index into ``SEGMENTS``.
    cycle, amount : (customers,)
        Expected weeks between purchases while a customer, and money of one.
    alive : (customers,)
        P(alive).
    next_year : (customers,)
        Money they are expected to pay in the next year.
    """

    kind: Ints
    cycle: Floats
    amount: Floats
    alive: Floats
    next_year: Floats


@dataclass(frozen=True, eq=False)
class Changed:
    """The customers of a base, when the plan was made and now."""

    record: PurchaseSummary
    before: Quality
    now: Quality
    until: date
    said: tuple[str, ...]

    @property
    def other(self) -> Flags:
        """Return whose class is another."""
        return np.asarray(self.before.kind != self.now.kind)


def changed_quality(twin: Twin, actual: CustomerBase) -> Changed:
    """Return the quality of each customer of a twin's base up to ``as_of``, and with what ``actual`` has after it.

    The laws stay those of the scenario: what moves is what is known of each customer.

    Raises
    ------
    InputError
        If the scenario has no customer base, or the purchases have no day after the base's.
    """
    scenario, base, given = twin.scenario, twin.base, twin.scenario.base
    if base is None or given is None:
        raise InputError(f"{scenario.name}: has no customer base, so there is nobody whose quality could have changed")
    begin, until = given.as_of + timedelta(days=1), actual.last_date
    if until < begin:
        raise InputError(
            f"{actual.path.name}: its purchases run to {until}, and the scenario knows all up to {given.as_of}; give "
            "purchases of the time since"
        )
    record, who, rows, said = bought_since(scenario, given, actual, [begin, until + timedelta(days=1)])
    days, paid, last = (np.zeros(len(record)) for _ in range(3))
    for each, _, bought, day, money, _ in rows:
        if (i := who.get(each)) is not None:
            days[i], paid[i], last[i] = bought, money, day.toordinal()
    first = given.as_of.toordinal() - record.age * 7
    purchases = record.purchases + days.astype(np.int64)
    later = replace(
        record,
        frequency=record.frequency + days.astype(np.int64),
        recency=np.where(days > 0, (last - first) / 7, record.recency),
        age=record.age + (until - given.as_of).days / 7,
        purchases=purchases,
        mean_spend=(record.mean_spend * record.frequency + paid) / np.maximum(record.frequency + days, 1),
        mean_amount_all=(record.mean_amount_all * record.purchases + paid) / purchases,
        end=until,
    )
    if given.conditions:
        said = (*said, "busy and quiet periods count alike here, in the scenario they do not")
    return Changed(record, quality_of(twin, record), quality_of(twin, later), until, said)


def quality_of(twin: Twin, record: PurchaseSummary) -> Quality:
    """Return the quality of each customer of a twin's base by its records, under the scenario's laws."""
    given, base = twin.scenario.base, twin.base
    assert given is not None
    assert base is not None
    seen = record.frequency, record.recency, record.age
    everyone = laws_of(given, None, len(record))
    rate, amount = (
        everyone.mean_purchase_rate(*seen),
        everyone.conditional_mean_spend(record.purchases, record.mean_amount_all),
    )
    cutoffs = CycleAmountCutoffs(*given.cycle_cutoffs, *given.amount_cutoffs)
    own = laws_of(given, base.group // len(TIERS), len(record))
    bought = own.conditional_expected_purchases(TIER_WEEKS, *seen)
    return Quality(
        segment_by_cycle_and_amount(rate, amount, cutoffs)[0], 1 / rate, amount, own.probability_alive(*seen),
        bought * own.conditional_mean_spend(record.purchases, record.mean_amount_all),
    )  # fmt: skip
