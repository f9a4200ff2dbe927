"""How well the data tell the parameters of a law: standard errors from the curvature of the log-likelihood.

At the maximum the inverse of ``-d2 log L / d theta d theta'`` estimates the covariance of ``theta``, the logarithms of
the parameters. Intervals are ``exp(theta +- 1.96 se)``, so that they stay above 0 and lean where the likelihood does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from sim.arrays import Floats
from sim.customers.calibration import BGNBD, GammaGamma, ParetoNBD, edges, is_one_price, likelihood_of
from sim.customers.contracts import Renewal
from sim.customers.discrete_models import ShiftedBetaGeometric
from sim.customers.maximum import Sloped
from sim.customers.records import AmountRecords, BuyingRecords
from sim.intervals import NORMAL, hessian, hessian_of_slopes
from sim.purchases.base import PurchaseSummary
from sim.scenario.joint import correlate

__all__ = [
    "Precision",
    "draws_of_buying",
    "draws_of_spend",
    "joint_ranges",
    "precision_of",
    "precision_of_buying",
    "precision_of_spend",
]

STEP = 1e-3
"""Of the logarithms; near the fourth root of the rounding of a log-likelihood, where differences are best."""
FINE = 1e-5
"""The same for differences of slopes: near the third root."""
DRAWS = 4000
LEAST_Q = 1.01
"""Of the gamma-gamma law, whose mean amount is infinite where ``q`` is 1."""
Contract = TypeVar("Contract", ShiftedBetaGeometric, Renewal)


class Precision(NamedTuple):
    """A parameter, its standard error and its 95 % interval; nan where the data do not tell it."""

    value: float
    error: float
    low: float
    high: float


def precision_of_buying(model: ParetoNBD | BGNBD, record: PurchaseSummary) -> Mapping[str, Precision]:
    """Return how well the parameters of a law of buying are told by the records it was fitted to."""
    return _precision(vars(model), *_of_buying(model, record))


def precision_of_spend(law: GammaGamma, record: PurchaseSummary) -> Mapping[str, Precision]:
    """Return how well the parameters of the law of amounts are told by the repeat purchases it was fitted to."""
    return _precision(vars(law), *_of_spend(law, record))


def draws_of_buying(
    model: ParetoNBD, record: PurchaseSummary, number: int, random: np.random.Generator
) -> list[ParetoNBD]:
    """Return laws of buying that the records allow: normal in the logarithms around the fitted one."""
    return [ParetoNBD(*each) for each in _draws(vars(model), *_of_buying(model, record), number, random)]


def draws_of_spend(
    law: GammaGamma, record: PurchaseSummary, number: int, random: np.random.Generator
) -> list[GammaGamma]:
    """Return laws of amounts that the repeat purchases allow."""
    return [GammaGamma(*each) for each in _draws(vars(law), *_of_spend(law, record), number, random)]


def joint_ranges(place: str, law: ParetoNBD | GammaGamma, record: PurchaseSummary) -> list[dict[str, Any]]:
    """Return the 95 % ranges of a law's parameters, and how they move together, as ``uncertain:`` states them.

    Parameters that the data do not tell are left out.

    Parameters
    ----------
    place
        Where the law stands, such as ``base.pareto_nbd``.
    """
    total, stuck = _of_buying(law, record) if isinstance(law, ParetoNBD) else _of_spend(law, record)
    ranges: dict[str, dict[str, Any]] = {}
    for name, told in _precision(vars(law), total, stuck).items():
        low = max(told.low, LEAST_Q) if name == "q" else told.low
        if np.isfinite(told.error) and low < told.value:
            path = f"{place}.{name}"
            ranges[path] = {"path": path, "low": _shown(low), "high": _shown(told.high), "law": "normal"}
    draws = np.array(_draws(vars(law), total, stuck, DRAWS, np.random.default_rng(0)))
    correlate(ranges, {f"{place}.{name}": draws[:, i] for i, name in enumerate(vars(law))})
    return list(ranges.values())


def _shown(value: float) -> float:
    return float(f"{value:.5g}")


Total = Callable[[Sequence[float]], float] | Sloped
"""The log-likelihood of all records at a law's parameters, with its slopes where these are known."""


def _of_buying(model: ParetoNBD | BGNBD, record: PurchaseSummary) -> tuple[Total, set[str]]:
    """Return the log-likelihood, and parameters at the edge of their search."""
    records = BuyingRecords.of(record.frequency, record.recency, record.age)

    if isinstance(model, ParetoNBD):
        return likelihood_of(ParetoNBD, records), set(edges(model, float(np.average(record.age))))

    def total(values: Sequence[float]) -> float:
        law = BGNBD(*values)
        return float(records.counts @ law.log_likelihood(records.frequency, records.recency, records.age))

    return total, set()


def _of_spend(law: GammaGamma, record: PurchaseSummary) -> tuple[Total, set[str]]:
    used = (record.frequency > 0) & (record.mean_spend > 0)
    money = record.mean_spend[used]
    unit = float(money.mean())
    records = AmountRecords.of(record.frequency[used], money / unit)

    def of(values: Sequence[float]) -> tuple[float, Floats]:
        p, q, gamma = values
        whole, slopes = GammaGamma(p, q, gamma / unit).slopes_of(records)
        return whole, slopes / (1.0, 1.0, unit)

    return Sloped(of, float(used.sum())), set(vars(law)) if is_one_price(law) else set(edges(law, unit))


def precision_of(
    law: Contract, rows: tuple[Floats, Floats, Floats, Floats], *, stuck: bool = False
) -> Mapping[str, Precision]:
    """Return how well the parameters of a law of renewal are told by contracts (:meth:`Contracts.rows`).

    ``stuck``: its first parameter is at the edge of its search, and taken as it is.
    """
    age, ended, start, count = rows

    def total(values: Sequence[float]) -> float:
        return float(count @ type(law)(*values).log_likelihood(age, ended, start))

    return _precision(vars(law), total, set(list(vars(law))[:1]) if stuck else set())


def _precision(values: Mapping[str, float], total: Total, stuck: set[str]) -> Mapping[str, Precision]:
    spread = np.diag(_covariance(values, total, stuck))
    error = np.sqrt(np.where(spread > 0, spread, np.nan))
    return {
        name: Precision(
            value, value * float(e), value * float(np.exp(-NORMAL * e)), value * float(np.exp(NORMAL * e))
        )
        for name, value, e in zip(values, values.values(), error, strict=True)
    }  # fmt: skip


def _draws(
    values: Mapping[str, float], total: Total, stuck: set[str], number: int, random: np.random.Generator
) -> list[list[float]]:
    """Return parameters drawn around ``values``; those that the data do not tell stay."""
    covariance = np.nan_to_num(_covariance(values, total, stuck))
    spread, ways = np.linalg.eigh(covariance)
    away = random.standard_normal((number, len(values))) @ (ways * np.sqrt(np.maximum(spread, 0.0))).T
    return [list(map(float, row)) for row in np.array(list(values.values())) * np.exp(away)]


def _covariance(values: Mapping[str, float], total: Total, stuck: set[str]) -> Floats:
    """Return the covariance of the logarithms; nan where the data do not tell them."""
    names = list(values)
    free = [i for i, name in enumerate(names) if name not in stuck]
    at = np.log([values[name] for name in names])
    place = np.arange(len(names)) + len(free)
    place[free] = np.arange(len(free))

    def whole(logs: Floats) -> Floats:
        return np.concatenate([logs, at])[place]

    out = np.full((len(names), len(names)), np.nan)
    if not free:
        return out
    if isinstance(total, Sloped):
        curvature = total.customers * hessian_of_slopes(lambda logs: total.loss(whole(logs))[1][free], at[free], FINE)
    else:
        curvature = -hessian(lambda logs: total(np.exp(whole(logs)).tolist()), at[free], STEP)
    out[np.ix_(free, free)] = _inverse(curvature)
    return out


def _inverse(curvature: Floats) -> Floats:
    """Return the inverse; nan where the log-likelihood is flat or no maximum."""
    try:
        if np.linalg.eigvalsh(curvature)[0] <= 0:
            raise np.linalg.LinAlgError
        return np.asarray(np.linalg.inv(curvature))
    except np.linalg.LinAlgError:
        return np.full_like(curvature, np.nan)
