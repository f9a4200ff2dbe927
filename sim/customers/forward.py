"""Customers a year on: what their own records lead to expect, by draws from each one's posterior.

A draw of a customer is its hidden truth (:class:`sim.customers.population.Posterior`), then a year under it: alive, it
stays ``w = min(tau, 1)`` of it, ``tau ~ Exp(mu)``, buys ``N ~ Poisson(lambda w)`` times, last at ``w U^(1/N)``, for
``Gamma(N p) / nu`` in all with ``p / nu = z``; gone, it buys nothing. The record that comes of it is placed as others.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.population import Posterior, TraitSample
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.segment_laws import of_all
from sim.engine import random_streams
from sim.purchases.base import PurchaseSummary

__all__ = ["expected_moves", "later"]

LOT = 50_000
"""Customers whose truth is drawn at a time: what is known of when each may have left takes 1 kB a customer."""
DRAWN, MOST_DRAWS = 200_000, 40
"""Customers drawn in all, of a small base several times each."""


def expected_moves(
    record: PurchaseSummary, index: Ints, laws: tuple[ParetoNBD, GammaGamma], weeks: float,
    place: Callable[[PurchaseSummary], Ints], segments: int, seed: int = 0,
) -> Floats:  # fmt: skip
    """Return how many customers are expected to go from each segment to each within ``weeks``, (segments, segments).

    Parameters
    ----------
    record, index : (customers,)
        Records, and the segment of each customer by them.
    laws
        Of buying and of amounts, under which the time ahead is drawn.
    place
        Returns the segments of records.
    """
    draws = int(np.clip(DRAWN // len(record), 1, MOST_DRAWS))
    random = np.random.default_rng(seed)
    moves = np.zeros(segments * segments)
    for k in range(draws):
        there = place(later(record, laws, weeks, random, k))
        moves += np.bincount(index * segments + there, minlength=segments * segments)
    return moves.reshape(segments, segments) / draws


def later(
    record: PurchaseSummary, laws: tuple[ParetoNBD, GammaGamma], weeks: float, random: np.random.Generator, k: int = 0
) -> PurchaseSummary:
    """Return one draw of the records ``weeks`` on, the ``k``-th."""
    bought, last, paid = (np.zeros(len(record)) for _ in range(3))
    for start in range(0, len(record), LOT):
        lot = slice(start, start + LOT)
        truth = _truth(record, lot, laws, k)
        stays = np.where(truth.gone, 0.0, np.minimum(random.exponential(size=truth.gone.size) / np.maximum(
            truth.defection_rate, 1e-300), weeks))  # fmt: skip
        number = random.poisson(truth.purchase_rate * stays)
        when = stays * random.random(stays.size) ** (1 / np.maximum(number, 1))
        shape = laws[1].p * np.maximum(number, 1)
        bought[lot], last[lot] = number, np.where(number > 0, when, 0.0)
        paid[lot] = np.where(number > 0, random.gamma(shape) * truth.mean_spend / laws[1].p, 0.0)
    purchases = record.purchases + bought
    return replace(
        record,
        frequency=record.frequency + bought.astype(np.int64),
        recency=np.where(bought > 0, record.age + last, record.recency),
        age=record.age + weeks,
        mean_spend=(record.mean_spend * record.frequency + paid) / np.maximum(record.frequency + bought, 1),
        purchases=purchases.astype(np.int64),
        mean_amount_all=(record.mean_amount_all * record.purchases + paid) / purchases,
    )


def _truth(record: PurchaseSummary, lot: slice, laws: tuple[ParetoNBD, GammaGamma], k: int) -> TraitSample:
    """Return the k-th draw of the truth of a lot of customers, rates a week."""
    x, t_x, age = record.frequency[lot], record.recency[lot], record.age[lot]
    posterior = Posterior(
        of_all(*laws, len(x)), x.astype(np.float64), t_x, age, record.purchases[lot].astype(np.float64),
        record.mean_amount_all[lot], laws[0].probability_alive(x, t_x, age), 1.0, np.zeros(len(x)),
    )  # fmt: skip
    identity = np.arange(lot.start, lot.start + len(x), dtype=np.int64)
    return posterior.draw(0, random_streams.CLASSES, identity, k)
