"""From a firm's contracts to laws of renewal: sBG, and the law under which the engine's contracts end.

The engine's customers of ``law: renewal`` leave at a rate of their own, ``mu ~ Gamma(shape, rate)`` per period, so that

``S(t) = (rate / (rate + t))^shape``,

and of those who came through ``t`` renewals ``mu ~ Gamma(shape, rate + t)``: who has stayed long leaves less.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sim.arrays import Floats, Ints
from sim.customers.discrete_models import ShiftedBetaGeometric, check_renewals, fit_sbg
from sim.customers.maximum import maximise
from sim.errors import PurchasesError
from sim.purchases.beside import Membership

__all__ = ["Contracts", "Renewal", "count_contracts", "fit_renewal", "fit_sbg_to"]

MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, eq=False)
class Contracts:
    """Contracts by how many renewals they had come through when the next one came.

    Those that came to a renewal at age ``a`` are ``ended[a] + renewed[a]``. Of people counted by age this needs nothing
    of their past: the likelihood of each is given that it had come that far (left truncation).

    Attributes
    ----------
    ended, renewed : (ages,)
        Those that ended at the next renewal; those that came through it.
    open : (n,)
        Those that go on now, by how many they have come through.
    """

    ended: Ints
    renewed: Ints
    open: Ints

    def rows(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return renewals come through in the end, whether ended, those come through before, and how many of each."""
        ages = np.arange(len(self.ended), dtype=float)
        return (
            np.concatenate([ages, ages + 1]),
            np.repeat([1.0, 0.0], len(ages)),
            np.concatenate([ages, ages]),
            np.concatenate([self.ended, self.renewed]).astype(float),
        )

    def kept(self) -> Floats:
        """Return the share that came through 1, 2, ... renewals (Kaplan & Meier 1958); nan where nobody came to it."""
        came = self.ended + self.renewed
        return np.asarray(np.cumprod(np.where(came > 0, self.renewed / np.maximum(came, 1), np.nan)))


@dataclass(frozen=True)
class Renewal:
    """Rates of leaving per period over customers, ``mu ~ Gamma(shape, rate)``."""

    shape: float
    rate: float

    def survival(self, t: Floats) -> Floats:
        """Return the share of contracts that comes through ``t`` renewals."""
        return np.asarray((self.rate / (self.rate + t)) ** self.shape)

    def log_likelihood(self, age: Floats, ended: Floats, start: Floats | float = 0.0) -> Floats:
        """Return the log-likelihood of contracts that came through ``age`` renewals, and ``ended`` at the next or not.

        ``log S(age)/S(start)``, or ``log (S(age) - S(age + 1))/S(start)``, given that they came through ``start``.
        """
        through = self.shape * np.log((self.rate + start) / (self.rate + age))
        leaves = -np.expm1(self.shape * np.log((self.rate + age) / (self.rate + age + 1)))
        return np.asarray(through + np.where(ended > 0, np.log(leaves), 0.0))


def count_contracts(given: Sequence[Membership], period: str, until: date) -> Contracts:
    """Return contracts by renewals up to a day; the day named as the end may be the last of it or the first without.

    Raises
    ------
    PurchasesError
        If no contract has come to a renewal yet.
    """
    ages, ended = [], []
    for each in given:
        if each.end is None:
            ages.append(_periods(each.start, until, period))
            ended.append(False)
        else:
            ages.append(max(_periods(each.start, each.end + timedelta(days=1), period) - 1, 0))
            ended.append(True)
    age, over = np.array(ages), np.array(ended)
    if not over.any() and not age.any():
        raise PurchasesError(f"no contract has come to a renewal by {until}; choose a shorter period")
    size = int(age.max()) + 1
    gone, going = (np.bincount(each, minlength=size) for each in (age[over], age[~over]))
    still = (gone + going)[::-1].cumsum()[::-1]
    return Contracts(gone, np.append(still[1:], 0), going)


def _periods(start: date, end: date, period: str) -> int:
    """Return whole periods between two days."""
    if period == "week":
        return (end - start).days // 7
    months = 12 * (end.year - start.year) + end.month - start.month
    if end.day < start.day and (end + timedelta(days=1)).day != 1:  # the last of a short month is its end
        months -= 1
    return months // MONTHS[period]


def fit_sbg_to(contracts: Contracts) -> ShiftedBetaGeometric:
    """Return the sBG of maximum likelihood; errors as for :func:`fit_renewal`."""
    age, ended, start, count = contracts.rows()
    return fit_sbg(age, ended, count, start)


def fit_renewal(contracts: Contracts) -> Renewal:
    """Return the engine's law of maximum likelihood.

    Raises
    ------
    PurchasesError
        If no contract ended, or none was renewed.
    """
    age, ended, start, count = contracts.rows()
    check_renewals(age - start, ended, count)
    unit = max(float(count @ (start + 1) / count.sum()), 1.0)

    def log_likelihood(values: Sequence[float]) -> Floats:
        return Renewal(*values).log_likelihood(age, ended, start)

    starts = [(1.0, 5.0 * unit), (0.5, unit), (5.0, 50.0 * unit)]
    return Renewal(*maximise((log_likelihood, count), starts, ("shape", unit), "renewal"))
