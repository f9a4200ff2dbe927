"""How well the data tell the parameters of a law: standard errors from the curvature of the log-likelihood.

At the maximum the inverse of ``-d2 log L / d theta d theta'`` estimates the covariance of ``theta``, the logarithms of
the parameters. Intervals are ``exp(theta +- 1.96 se)``, so that they stay above 0 and lean where the likelihood does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from sim.arrays import Floats
from sim.customers.calibration import BGNBD, GammaGamma, ParetoNBD, edges, is_one_price
from sim.customers.contracts import Renewal
from sim.customers.discrete_models import ShiftedBetaGeometric
from sim.customers.records import AmountRecords, BuyingRecords
from sim.intervals import NORMAL, hessian
from sim.purchases.base import PurchaseSummary

__all__ = ["Precision", "precision_of", "precision_of_buying", "precision_of_spend"]

STEP = 1e-3
"""Of the logarithms; near the fourth root of the rounding of a log-likelihood, where differences are best."""
Contract = TypeVar("Contract", ShiftedBetaGeometric, Renewal)


class Precision(NamedTuple):
    """A parameter, its standard error and its 95 % interval; nan where the data do not tell it."""

    value: float
    error: float
    low: float
    high: float


def precision_of_buying(model: ParetoNBD | BGNBD, record: PurchaseSummary) -> Mapping[str, Precision]:
    """Return how well the parameters of a law of buying are told by the records it was fitted to."""
    records = BuyingRecords.of(record.frequency, record.recency, record.age)

    def total(values: Sequence[float]) -> float:
        law = type(model)(*values)
        if isinstance(law, ParetoNBD):
            return float(records.counts @ law.log_likelihood_of(records))
        return float(records.counts @ law.log_likelihood(records.frequency, records.recency, records.age))

    mean_age = float(np.average(record.age))
    stuck = edges(model, mean_age) if isinstance(model, ParetoNBD) else {}
    return _precision(vars(model), total, set(stuck))


def precision_of_spend(law: GammaGamma, record: PurchaseSummary) -> Mapping[str, Precision]:
    """Return how well the parameters of the law of amounts are told by the repeat purchases it was fitted to."""
    used = (record.frequency > 0) & (record.mean_spend > 0)
    money = record.mean_spend[used]
    unit = float(money.mean())
    records = AmountRecords.of(record.frequency[used], money / unit)

    def total(values: Sequence[float]) -> float:
        p, q, gamma = values
        return float(records.counts @ GammaGamma(p, q, gamma / unit).log_likelihood_of(records))

    stuck = set(vars(law)) if is_one_price(law) else set(edges(law, unit))
    return _precision(vars(law), total, stuck)


def precision_of(
    law: Contract, age: Floats, ended: Floats, count: Floats, *, stuck: bool = False
) -> Mapping[str, Precision]:
    """Return how well the parameters of a law of renewal are told by contracts with how many there are of each kind.

    ``stuck``: its first parameter is at the edge of its search, and taken as it is.
    """

    def total(values: Sequence[float]) -> float:
        return float(count @ type(law)(*values).log_likelihood(age, ended))

    return _precision(vars(law), total, set(list(vars(law))[:1]) if stuck else set())


def _precision(
    values: Mapping[str, float], total: Callable[[Sequence[float]], float], stuck: set[str]
) -> Mapping[str, Precision]:
    names = list(values)
    free = [i for i, name in enumerate(names) if name not in stuck]
    at = np.log([values[name] for name in names])
    place = np.arange(len(names)) + len(free)
    place[free] = np.arange(len(free))

    def near(logs: Floats) -> float:
        return total(np.exp(np.concatenate([logs, at])[place]).tolist())

    error = np.full(len(names), np.nan)
    if free:
        covariance = _inverse(-hessian(near, at[free], STEP))
        spread = np.diag(covariance)
        error[free] = np.sqrt(np.where(spread > 0, spread, np.nan))
    return {
        name: Precision(
            value, value * float(e), value * float(np.exp(-NORMAL * e)), value * float(np.exp(NORMAL * e))
        )
        for name, value, e in zip(names, values.values(), error, strict=True)
    }  # fmt: skip


def _inverse(curvature: Floats) -> Floats:
    """Return the inverse; nan where the log-likelihood is flat or no maximum."""
    try:
        if np.linalg.eigvalsh(curvature)[0] <= 0:
            raise np.linalg.LinAlgError
        return np.asarray(np.linalg.inv(curvature))
    except np.linalg.LinAlgError:
        return np.full_like(curvature, np.nan)
