"""Fit the laws of buying to a customer base, and check them on held-out weeks.

Maximum likelihood over distinct records with their counts (:mod:`sim.customers.maximum`). Of more than 50,000
customers starts are tried on every so many one. A parameter may end at the edge of the searched range (shapes .001 to
100, rates .001 to 300 times the mean age or amount): the data then do not tell it from the limit, for example no
defection at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.maximum import RATE_RANGE, SHAPE_RANGE, Sloped, maximise
from sim.customers.purchase_models import BGNBD, GammaGamma, ParetoNBD, PurchaseModel
from sim.customers.records import AmountRecords, BuyingRecords, distinct
from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = [
    "BGNBD",
    "GammaGamma",
    "Holdout",
    "ParetoNBD",
    "PurchaseModel",
    "at_the_edge",
    "edges",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_pareto_nbd",
    "holdout",
    "is_one_price",
    "likelihood_of",
    "one_price",
]


FEWEST_CUSTOMERS = 50
MOST_ROUGH, ROUGH = 50_000, 20_000
"""Customers on whom starts are tried; of more than the first, as many as the second, and all from where that ends."""

_SHAPES = ("r", "s", "p", "q")
_RATES = {"alpha": "r", "beta": "s"}
"""Rates by the shape that tells with them: at its edge the rate follows."""
_LAST_CLASS = 7
_ALIKE = 1e6
_EDGES: Mapping[type, Mapping[str, tuple[str, str]]] = {
    ParetoNBD: {
        "r": ("nearly all purchases are of a few customers", "all customers buy at about the same rate"),
        "alpha": ("customers buy as often as can be told", "hardly anybody buys again"),
        "s": (
            "nobody ever leaves in this file, so retention has nothing to gain here",
            "all customers leave at about the same rate",
        ),
        "beta": (
            "those who leave do so at once",
            "nobody leaves for longer than this file is, so retention has hardly anything to gain here",
        ),
    },
    GammaGamma: {
        "p": ("a customer's amounts differ without limit", "each customer's amounts are nearly the same every time"),
        "q": ("customers' mean amounts differ without limit", "customers' mean amounts are nearly the same"),
        "gamma": ("amounts have no scale of their own", "amounts have no scale of their own"),
    },
}
"""What a parameter at the lower or the upper edge of its search means."""


def fit_pareto_nbd(summary: PurchaseSummary) -> ParetoNBD:
    """Return the Pareto/NBD model of maximum likelihood.

    Raises
    ------
    PurchasesError
        With fewer than 50 customers, no repeat purchase, nobody observed for any time, or if no start converges.
    """
    records = _distinct_records(summary)
    counts = records.counts
    week = float(np.average(records.age, weights=counts))
    rate = _start_rate(counts, records.frequency, records.age)

    every = _every(len(summary))
    some = BuyingRecords.of(summary.frequency[::every], summary.recency[::every], summary.age[::every])
    starts = [(0.5, 0.5 / rate, 0.5, week / 2), (1.0, 0.5 / rate, 1.0, week * 2), (0.3, 0.3 / rate, 0.3, week / 8)]
    units = ("shape", week, "shape", week)
    part = likelihood_of(ParetoNBD, some) if every > 1 else None
    return ParetoNBD(*maximise(likelihood_of(ParetoNBD, records), starts, units, "Pareto/NBD", part))


def fit_bg_nbd(summary: PurchaseSummary) -> BGNBD:
    """Return the BG/NBD model of maximum likelihood; errors as for ``fit_pareto_nbd``."""
    counts, x, t_x, age, *_ = _distinct_records(summary)
    week = float(np.average(age, weights=counts))
    rate = _start_rate(counts, x, age)

    def log_likelihood(values: Sequence[float]) -> Floats:
        return BGNBD(*values).log_likelihood(x, t_x, age)

    starts = [(0.5, 0.5 / rate, 1.0, 3.0), (0.3, 0.3 / rate, 0.3, 1.0)]
    return BGNBD(*maximise((log_likelihood, counts), starts, ("shape", week, "shape", "shape"), "BG/NBD"))


def fit_gamma_gamma(summary: PurchaseSummary) -> GammaGamma:
    """Return the gamma-gamma model of maximum likelihood.

    Customers without a repeat purchase, or whose repeat purchases were all free, carry no likelihood and are left out.
    Amounts are fitted in units of their mean, so that the currency's unit does not matter. Where all spend the same,
    the law is the degenerate one of that price (:func:`one_price`).

    Raises
    ------
    PurchasesError
        With fewer than 50 such customers, or if no start converges.
    """
    used = (summary.frequency > 0) & (summary.mean_spend > 0)
    if used.sum() < FEWEST_CUSTOMERS:
        raise PurchasesError(
            f"mean spend needs at least {FEWEST_CUSTOMERS} customers with a repeat purchase of more than 0; "
            f"there are {used.sum()}: use more customers or a longer period"
        )
    money = summary.mean_spend[used]
    unit = float(money.mean())
    if np.ptp(money) <= 1e-9 * money.max():
        return one_price(unit)
    money = np.round(money / unit, 9)  # in another currency the same numbers, and so the same way to the same law
    records = AmountRecords.of(summary.frequency[used], money)

    starts = [(4.0, 3.0, 0.5), (1.0, 2.0, 1.0), (20.0, 5.0, 0.2)]
    p, q, gamma = maximise(likelihood_of(GammaGamma, records), starts, ("shape", "shape", 1.0), "gamma-gamma")
    return GammaGamma(p, q, gamma * unit)


def likelihood_of(law: type[Any], records: BuyingRecords | AmountRecords) -> Sloped:
    """Return the log-likelihood of records under a law that knows its slopes, by the law's parameters."""
    return Sloped(lambda values: law(*values).slopes_of(records), float(records.counts.sum()))


def one_price(price: float) -> GammaGamma:
    """Return the law under which every purchase of every customer brings ``price``, up to a thousandth of it."""
    return GammaGamma(_ALIKE, _ALIKE, price * (_ALIKE - 1.0) / _ALIKE)


def is_one_price(spend: GammaGamma) -> bool:
    """Return whether a law is that of one price."""
    return spend.p == spend.q == _ALIKE


def edges(model: ParetoNBD | GammaGamma, unit: float) -> Mapping[str, str]:
    """Return what it means where a fitted parameter is at the edge of the searched range, by name.

    ``unit``: the mean age in weeks, or the mean amount, which ranges of rates are multiples of.
    """
    found = {}
    for name, (below, above) in _EDGES[type(model)].items():
        value = float(getattr(model, name))
        low, high = SHAPE_RANGE if name in _SHAPES else (unit * edge for edge in RATE_RANGE)
        if value <= low * 1.01 or high * 0.99 <= value < _ALIKE:
            found[name] = below if value <= low * 1.01 else above
    return found


def at_the_edge(model: ParetoNBD | GammaGamma, unit: float = float("inf")) -> tuple[str, ...]:
    """Return what it means where a fitted parameter is at the edge of the searched range, one sentence each.

    ``unit`` as for :func:`edges`; without it only shapes are looked at.
    """
    known = np.isfinite(unit)
    found = edges(model, unit if known else 1.0)
    if not known:
        found = {name: said for name, said in found.items() if name in _SHAPES}
    return tuple(
        f"{name} = {getattr(model, name):.3g} is at the edge of what is searched and is not told by the data: {said}"
        for name, said in found.items()
        if _RATES.get(name) not in found
    )


def _every(customers: int) -> int:
    """Return of every how many customers one is taken where starts are tried."""
    return 1 if customers <= MOST_ROUGH else -(-customers // ROUGH)


def _distinct_records(summary: PurchaseSummary) -> BuyingRecords:
    if len(summary) < FEWEST_CUSTOMERS:
        raise PurchasesError(
            f"a model of buying needs {FEWEST_CUSTOMERS} customers; until {summary.end} there are {len(summary)}"
        )
    if not summary.frequency.any():
        raise PurchasesError(
            f"nobody bought on a second day until {summary.end}, so a purchase rate cannot be told; use a longer period"
        )
    return BuyingRecords.of(summary.frequency, summary.recency, summary.age)


def _start_rate(counts: Floats, x: Floats, age: Floats) -> float:
    return float(counts @ x / (counts @ age))


@dataclass(frozen=True, eq=False)
class Holdout:
    """How a purchase model's forecast compares with what the same customers then bought.

    Attributes
    ----------
    weeks : int
        Whole weeks held out, from the day after the summary's end.
    cumulative_error : float
        Predicted over actual repeat purchases from the start of the data to the last week, less 1 (-.02: 2 % under).
    weekly_mape : float
        Mean over held-out weeks of the absolute error of cumulative repeat purchases, as a fraction of the actual.
    correlation : float
        Between customers' predicted and actual purchases in the held-out weeks; nan where either is constant.
    actual_cumulative, predicted_cumulative : ndarray of float64
        Cumulative repeat purchases at the end of each held-out week.
    class_customers, class_purchases : ndarray of int64
        Customers with 0, 1, ..., 6, 7 or more repeats in the fitted period, and their held-out purchases.
    class_actual, class_predicted : ndarray of float64
        Held-out purchases per customer of the class; nan where it is empty.
    """

    weeks: int
    cumulative_error: float
    weekly_mape: float
    correlation: float
    actual_cumulative: Floats
    predicted_cumulative: Floats
    class_customers: Ints
    class_purchases: Ints
    class_actual: Floats
    class_predicted: Floats


def holdout(model: PurchaseModel, base: CustomerBase, summary: PurchaseSummary, until: date | None = None) -> Holdout:
    """Compare a fitted model with the weeks after the summary's end, for the summary's customers.

    Totals are tracked by ``sum_i E[X(t - t0_i)]`` from each customer's first purchase; customers and classes by the
    expectation given the record.

    Parameters
    ----------
    model : PurchaseModel
        Fitted on ``summary``.
    base : CustomerBase
        Where ``summary`` came from.
    summary : PurchaseSummary
        Records at the end of the fitted period.
    until : date, optional
        The day the data end (the last day with a purchase unless given), cut to whole weeks.

    Raises
    ------
    PurchasesError
        If less than a week is held out.
    """
    until = until or base.last_date
    weeks = (until - summary.end).days // 7
    if weeks < 1:
        raise PurchasesError(
            f"nothing to hold out: the records end on {summary.end} and the purchases on {until}; "
            "end the fitted period at least a week earlier"
        )
    until = summary.end + timedelta(weeks=weeks)
    tracked = base.weekly_cumulative_repeat(
        until, sample_only=summary.sample_only, start=summary.start, acquired_by=summary.end
    )
    actual_total = tracked[-weeks:].astype(np.float64)
    count, age = distinct(summary.age)
    predicted_total = np.array([count @ model.expected_purchases(age + week) for week in range(1, weeks + 1)])
    if not actual_total[0] > 0:
        raise PurchasesError(f"no customer had bought again a week after {summary.end}: there is nothing to track")
    actual, _ = base.bought_between(summary.end, until, summary)
    predicted = model.conditional_expected_purchases(weeks, summary.frequency, summary.recency, summary.age)
    group = np.minimum(summary.frequency, _LAST_CLASS)
    customers = np.bincount(group, minlength=_LAST_CLASS + 1)
    purchases = np.bincount(group, weights=actual, minlength=_LAST_CLASS + 1)
    expected = np.bincount(group, weights=predicted, minlength=_LAST_CLASS + 1)
    spread = actual.std() > 0 and predicted.std() > 0
    with np.errstate(invalid="ignore"):  # an empty class has no mean
        class_actual, class_predicted = purchases / customers, expected / customers
    return Holdout(
        weeks=weeks,
        cumulative_error=float(predicted_total[-1] / actual_total[-1] - 1.0),
        weekly_mape=float(np.mean(np.abs(predicted_total / actual_total - 1.0))),
        correlation=float(np.corrcoef(actual, predicted)[0, 1]) if spread else float("nan"),
        actual_cumulative=actual_total,
        predicted_cumulative=predicted_total,
        class_customers=customers.astype(np.int64),
        class_purchases=purchases.astype(np.int64),
        class_actual=class_actual,
        class_predicted=class_predicted,
    )
