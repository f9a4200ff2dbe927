"""A clock that runs with the market: in busy months customers buy, and leave, faster.

::

    M(t) = integral of m over calendar time until t,     m constant in each of some months, 1 in the mean

A customer's record ``(x, t_x, T)`` in market time, ``(x, M(t_0+t_x) - M(t_0), M(t_0+T) - M(t_0))``, follows Pareto/NBD
as it would in calendar time if all months were alike; the likelihood of purchases has ``sum_k n_k log m_k`` beside,
with ``n_k`` repeat purchases in month k (a change of time, Kuechler & Sorensen 1997; seasons as time-varying
covariates: Bachmann, Meierer & Naef, Marketing Science 40(4) 2021). Whether months differ is settled by Akaike's
criterion on what is known. What months to come are like is a first-order autoregression of ``log m`` around its mean,
with seasons where two years are known and that criterion, corrected for few months (Hurvich & Tsai 1989), wants them.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from sim.arrays import Floats
from sim.customers.calibration import fit_pareto_nbd
from sim.customers.purchase_models import ParetoNBD
from sim.customers.records import distinct
from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = ["Ahead", "Busy", "ahead", "fit_in_market_time", "in_market_time"]

FEWEST = 4
"""Months from which it is asked whether they differ."""
MONTH = 4.0
"""Weeks that a month here has at least: as many periods as that takes are one."""
MOST_CUSTOMERS = 40_000
"""Customers that months are fitted to; of more, every so many one. The laws are then fitted to all."""
LOOSE = 2.0
"""Standard deviation of ``log m`` before anything is seen: a month without a purchase stays finite."""
MOST_ALIKE = 0.9
"""Largest autocorrelation that is taken from so short a row of months."""


@dataclass(frozen=True, eq=False)
class Busy:
    """The laws of buying in market time, and what they gain.

    Attributes
    ----------
    laws : ParetoNBD
        Per week of market time.
    conditions : (months,)
        How busy each was, the oldest first; the first holds for all time before.
    weeks : float
        Weeks in one.
    periods : int
        Periods in one.
    gain : float
        What its log-likelihood is above that of months alike.
    """

    laws: ParetoNBD
    conditions: Floats
    weeks: float
    periods: int
    gain: float

    @property
    def preferred(self) -> bool:
        """Return whether Akaike's criterion prefers months that differ."""
        return self.gain > len(self.conditions) - 1


def in_market_time(record: PurchaseSummary, conditions: Floats, weeks: float) -> PurchaseSummary:
    """Return records with ``recency`` and ``age`` in weeks of market time.

    Parameters
    ----------
    conditions : (months,)
        How busy each month before the records' end was, the oldest first; the first holds for all time before.
    weeks : float
        Calendar weeks in one.
    """
    since = np.concatenate([[0.0], np.cumsum(conditions[::-1])]) * weeks  # market weeks since each month began

    def timed(span: Floats) -> Floats:
        before = np.maximum(span - weeks * len(conditions), 0.0) * conditions[0]
        return np.asarray(np.interp(span, weeks * np.arange(len(since)), since) + before)

    age = timed(record.age)
    return replace(record, recency=np.maximum(age - timed(record.silent_weeks), 0.0), age=age)


def _back(span: Floats, months: int, weeks: float) -> Floats:
    """Return how much of each month the last ``span`` weeks hold, (spans, months)."""
    begin = weeks * np.arange(months - 1, -1, -1.0)
    length = np.full(months, weeks)
    length[0] = np.inf
    return np.clip(span[:, None] - begin, 0.0, length)


def fit_in_market_time(base: CustomerBase, record: PurchaseSummary, laws: ParetoNBD, weeks: float) -> Busy | None:
    """Return the laws with a clock that runs with the market; None where too few months are known.

    Parameters
    ----------
    record
        Records of all customers at its end.
    laws
        Fitted to them with months alike: where the search starts, and what it is measured against.
    weeks : float
        In a period of the scenario.
    """
    from scipy.optimize import minimize

    periods = int(np.ceil(MONTH / weeks - 1e-9))
    span = periods * weeks
    months = int(float(record.age.max()) / span)
    if months < FEWEST:
        return None
    stride = -(-len(record) // MOST_CUSTOMERS)
    bought = _repeats(base, record.end, span, months, stride)
    counts, x, silent, age = distinct(
        record.frequency[::stride].astype(np.float64), record.silent_weeks[::stride], record.age[::stride]
    )
    of_age, of_silence = _back(age, months, span), _back(silent, months, span)
    share = of_age.max(axis=0) / of_age.max(axis=0).sum()
    heads = float(counts.sum())

    def loss(at: Floats) -> tuple[float, Floats]:
        conditions = np.exp(at[4:])
        conditions /= share @ conditions
        end = of_age @ conditions
        last = np.maximum(end - of_silence @ conditions, 0.0)

        def told(logs: Floats) -> Floats:
            return ParetoNBD(*np.exp(logs)).log_likelihood(x, last, end)

        value = float(counts @ told(at[:4]) + bought @ np.log(conditions))
        near = [float(counts @ (told(at[:4] + s) - told(at[:4] - s))) / (2 * STEP) for s in STEP * np.eye(4)]
        by_end, by_last = _slopes(ParetoNBD(*np.exp(at[:4])), x, last, end)
        by = (counts * (by_end + by_last)) @ of_age - (counts * by_last) @ of_silence + bought / conditions
        by_month = conditions * (by - share * float(conditions @ by))
        prior = at[4:] / LOOSE**2
        slope = np.concatenate([near, by_month - prior])
        return -(value - 0.5 * float(at[4:] @ prior)) / heads, -slope / heads

    start = np.concatenate([np.log([laws.r, laws.alpha, laws.s, laws.beta]), np.zeros(months)])
    wide = [(float(a) - SPAN, float(a) + SPAN) for a in start[:4]] + [(-SPAN, SPAN)] * months
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=wide, options={"maxiter": 300, "gtol": 1e-7})
    conditions = np.exp(found.x[4:])
    conditions /= share @ conditions
    gain = (loss(start)[0] - float(found.fun)) * heads
    fitted = fit_pareto_nbd(in_market_time(record, conditions, span))
    return Busy(fitted, conditions, span, periods, gain)


STEP = 1e-4
SPAN = 5.0
"""How far the search goes from months alike, in logarithms."""


def _slopes(laws: ParetoNBD, x: Floats, last: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return the derivatives of a record's log-likelihood by ``T`` and by ``t_x``.

    ``d/dT = -(r+x)/(alpha+T) P(alive)``; ``d/dt_x = -s (alpha+t_x)^-(r+x) (beta+t_x)^-(s+1) / (alive + gone)``.
    """
    alive = laws.probability_alive(x, last, end)
    size = laws.r + x
    log_alive = -size * np.log(laws.alpha + end) - laws.s * np.log(laws.beta + end)
    log_leaving = -size * np.log(laws.alpha + last) - (laws.s + 1) * np.log(laws.beta + last)
    by_last = -laws.s * np.exp(log_leaving - log_alive) * alive
    return -size / (laws.alpha + end) * alive, by_last


def _repeats(base: CustomerBase, end: date, weeks: float, months: int, stride: int) -> Floats:
    """Return repeat purchases by month before ``end``, the oldest first, of every so many one of the customers."""
    rows = base.query(
        f"""
        WITH days AS (SELECT customer_id, date FROM purchases WHERE date <= DATE '{end}' GROUP BY ALL),
        people AS (SELECT customer_id, min(date) AS first, row_number() OVER (ORDER BY customer_id) - 1 AS place
                   FROM days GROUP BY customer_id)
        SELECT floor((DATE '{end}' - date) / {7 * weeks!r}) AS back, count(*)
        FROM days JOIN people USING (customer_id) WHERE date > first AND place % {stride} = 0 GROUP BY back
        """
    )[1]
    out = np.zeros(months)
    for back, number in rows:
        out[max(months - 1 - int(back), 0)] += number
    return out


@dataclass(frozen=True, eq=False)
class Ahead:
    """What is believed of months to come: ``log m`` is normal, its first-order autoregression around a level.

    Attributes
    ----------
    centre : (months,)
        Mean of ``log m`` of each.
    noise, level : float
        Standard deviation of a month's own innovation, and of the level that is not known.
    alike : float
        Autocorrelation.
    seasonal : bool
        Whether months of the year differ.
    """

    centre: Floats
    noise: float
    level: float
    alike: float
    seasonal: bool

    @property
    def mean(self) -> Floats:
        """Return the mean of ``m`` of each month."""
        steps = np.arange(1, len(self.centre) + 1)
        spread = self.level**2 + self.noise**2 * (1 - self.alike ** (2 * steps)) / (1 - self.alike**2)
        return np.asarray(np.exp(self.centre + spread / 2))

    def draw(self, random: np.random.Generator) -> Floats:
        """Return how busy months to come are, (months,)."""
        away = np.zeros(len(self.centre))
        now = 0.0
        for t, shock in enumerate(self.noise * random.standard_normal(len(away))):
            now = self.alike * now + shock
            away[t] = now
        return np.asarray(np.exp(self.centre + self.level * random.standard_normal() + away))


def ahead(conditions: Floats, months: int, year: int) -> Ahead:
    """Return what months to come are like, as known ones were.

    Parameters
    ----------
    conditions : (known,)
    months
        To come.
    year
        Months in a year; 0: they do not fit into one, and have no season.
    """
    logs = np.log(conditions)
    known = len(logs)
    season, seasonal = np.full(known, logs.mean()), False
    coming = np.full(months, logs.mean())
    if year and known >= 2 * year:
        phase = np.arange(known) % year
        means = np.bincount(phase, weights=logs) / np.bincount(phase)
        if _akaike(logs - means[phase], year) < _akaike(logs - season, 1):
            season, seasonal = means[phase], True
            coming = means[(known + np.arange(months)) % year]
    rest = logs - season
    spread = float(rest @ rest) / max(known - (year if seasonal else 1), 1)
    alike = 0.0
    if float(rest @ rest) > 0:
        alike = float(np.clip(rest[1:] @ rest[:-1] / float(rest @ rest), 0.0, MOST_ALIKE))
    noise = float(np.sqrt(spread * (1 - alike**2)))
    level = float(np.sqrt(spread * (1 + alike) / (1 - alike) / known))
    coming = coming + rest[-1] * alike ** np.arange(1, months + 1)
    return Ahead(coming, noise, level, alike, seasonal)


def _akaike(rest: Floats, means: int) -> float:
    n, k = len(rest), means + 1
    if n <= k + 1:
        return np.inf
    return float(n * np.log(max(float(rest @ rest) / n, 1e-300)) + 2 * k + 2 * k * (k + 1) / (n - k - 1))
