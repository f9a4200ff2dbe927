"""The real customers of a base, in groups a firm can tell apart: segment x value tier, each with trait classes."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.market_time import in_market_time
from sim.customers.own_segments import own_segments
from sim.customers.population import Posterior, TraitSample, loyalty, trait_bins
from sim.customers.segment_laws import Laws, laws_of
from sim.customers.segmentation import TIERS, CycleAmountCutoffs, segment_by_cycle_and_amount, value_tiers
from sim.engine import random_streams
from sim.engine.chain import ALIVE, StateSpace
from sim.engine.state_space import state_index
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.scenario.customers import BaseSegments
from sim.scenario.file import WEEKS_PER_PERIOD, Scenario

__all__ = ["BaseGroups", "Blocks", "base_groups", "horizon_rate"]


BASE_CLASSES = (6, 4)
"""Trait classes of a group: bins of the purchase rate x bins of the defection rate."""
CLASS_SAMPLES = 16
"""Posterior draws per customer that the classes are made from."""
LABELLED = ("column", "sql", "file")
"""Kinds of segments that the laws of customers say nothing of."""
TIER_WEEKS = 52.0
"""Tiers rank customers by expected spend over this many weeks: a year, the usual planning span."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Trait classes with the customers expected in each.

    Attributes
    ----------
    group : (blocks,)
    initial : (blocks, states)
        Expected customers at the start.
    purchase_rate, defection_rate, mean_spend : (blocks,)
        Traits: per period, per period, money per purchase.
    """

    group: Ints
    initial: Floats
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats


class Read(NamedTuple):
    """What was read of a base, which is the same under all laws: of which purchases, and what it says of customers.

    ``segment``: where labels say it, else None.
    """

    of: tuple[Path, str, date, BaseSegments | None]
    source: CustomerBase
    record: PurchaseSummary
    segment: Ints | None


@dataclass(frozen=True, eq=False)
class BaseGroups:
    """Group and observed state of each customer, their posterior, and the draws that made the classes.

    Attributes
    ----------
    posterior : Posterior
    group, count, silence : (customers,)
        Index of the group, purchases so far, silent periods.
    samples : list of TraitSample
        Draws of everybody's hidden truth.
    block_of_sample : (samples, customers)
        Which trait class each draw fell into.
    blocks : Blocks
    read : Read
    """

    posterior: Posterior
    group: Ints
    count: Ints
    silence: Ints
    samples: list[TraitSample]
    block_of_sample: Ints
    blocks: Blocks
    read: Read

    @cached_property
    def leaving(self) -> list[tuple[float, float, float]]:
        """Return by segment customers alive, and of those the mean defection rate and the share who stay a period."""
        alive, rate, stays = self.posterior.leaving()
        segment = self.group // len(TIERS)
        people, *sums = (np.bincount(segment, alive * each) for each in (np.ones_like(alive), rate, stays))
        with np.errstate(invalid="ignore"):
            return list(zip(people.tolist(), *((each / people).tolist() for each in sums), strict=True))


def horizon_rate(scenario: Scenario) -> float:
    """Return the rate at which a customer's future counts less: discount, and the end of the horizon."""
    return scenario.discount_per_period + 1 / scenario.periods


def _bin_rate(scenario: Scenario) -> float:
    """Return ``c`` for bins of real customers: bin means of ``c/(c + mu)`` keep values ``1/(mu + c)`` exact.

    For ever, that is the discount rate. Measured on CDNOW under today's spend: 6 x 4 bins put the customer asset
    .9 % below the agents with traits of their own, with ``c`` as for a Gauss rule 2.8 %.
    """
    return scenario.discount_per_period if scenario.terminal == "value-to-go" else horizon_rate(scenario)


def _worth(laws: Laws, record: PurchaseSummary, seen: tuple[Floats | Ints, ...]) -> tuple[Floats, Floats]:
    """Return each customer's expected amount of a purchase, and what it is expected to buy over a year."""
    amount = laws.conditional_mean_spend(record.purchases, record.mean_amount_all)
    return amount, laws.conditional_expected_purchases(TIER_WEEKS, *seen) * amount


def base_groups(scenario: Scenario, space: StateSpace, loss: Floats, before: Read | None = None) -> BaseGroups:
    """Return the customers of the scenario's base; ``loss[group]`` as in the scenario.

    Parameters
    ----------
    before
        What was read for the same market under other laws: of the same purchases nothing is read again.

    Raises
    ------
    FolderError
        If the customer base is missing.
    """
    given = scenario.base
    assert given is not None
    weeks = WEEKS_PER_PERIOD[scenario.period]
    path = scenario.folder / given.file
    # The digest before anything is read: the hash then names what the customers were made from.
    of = (path, scenario.base_digest, given.as_of, given.segments)
    if before is not None and before.of == of:
        source, record, segment = before.source, before.record, before.segment
    else:
        source, segment = CustomerBase.open(path), None
        record = source.summarise(given.as_of)
    timed = in_market_time(record, np.array(given.conditions), weeks) if given.conditions else record
    seen = (record.frequency, timed.recency, timed.age)
    everyone = laws_of(given, None, len(record))
    amount, worth = _worth(everyone, record, seen)
    labelled = given.segments is not None and given.segments.by in LABELLED
    if given.segments is not None and segment is None:
        staying = everyone.mean_purchase_rate(*seen) * TIER_WEEKS * amount, everyone.probability_alive(*seen)
        segment = own_segments(given.segments, source, record, worth, scenario.folder, staying)
    elif segment is None:
        cutoffs = CycleAmountCutoffs(*given.cycle_cutoffs, *given.amount_cutoffs)
        segment, _ = segment_by_cycle_and_amount(everyone.mean_purchase_rate(*seen), amount, cutoffs)
    laws = laws_of(given, segment, len(record))
    if given.by_segment:
        _, worth = _worth(laws, record, seen)
    group = segment * len(TIERS) + value_tiers(worth, segment)
    count = record.purchases.astype(np.int64)
    silence = np.floor(record.silent_weeks / weeks).astype(np.int64)

    posterior = Posterior(
        laws,
        record.frequency.astype(float),
        timed.recency,
        timed.age,
        record.purchases.astype(float),
        record.mean_amount_all,
        laws.probability_alive(*seen),
        weeks,
        loss[group],
    )
    identity = np.arange(len(record), dtype=np.int64)
    samples = [posterior.draw(0, random_streams.CLASSES, identity, k) for k in range(CLASS_SAMPLES)]
    per_group = BASE_CLASSES[0] * BASE_CLASSES[1]
    rate, defection, z = (
        np.stack([getattr(s, name) for s in samples]) for name in ("purchase_rate", "defection_rate", "mean_spend")
    )
    true = np.stack([ALIVE + s.gone.astype(np.int64) + s.lost for s in samples])
    groups = len(given.segment_names) * len(TIERS)
    block = np.empty(rate.shape, dtype=np.int64)
    loyal = loyalty(defection, _bin_rate(scenario))
    for g in range(groups):
        members = group == g
        inside = trait_bins(rate[:, members].ravel(), loyal[:, members].ravel(), BASE_CLASSES)
        block[:, members] = g * per_group + inside.reshape(len(samples), -1)
    size = groups * per_group
    number = np.maximum(np.bincount(block.ravel(), minlength=size), 1e-300)

    def mean(values: Floats) -> Floats:
        return np.bincount(block.ravel(), weights=values.ravel(), minlength=size) / number

    mean_rate = mean(rate)
    mean_loyalty = np.clip(mean(loyal), 1e-12, 1)
    states = len(space.names)
    state = state_index(space, true, count, silence)
    initial = np.bincount((block * states + state).ravel(), minlength=size * states).reshape(size, states)
    blocks = Blocks(
        np.repeat(np.arange(groups), per_group),
        initial / len(samples),
        mean_rate,
        _bin_rate(scenario) * (1 / mean_loyalty - 1),
        mean(rate * z) / np.maximum(mean_rate, 1e-300),
    )
    read = Read(of, source, record, segment if labelled else None)
    return BaseGroups(posterior, group, count, silence, samples, block, blocks, read)
