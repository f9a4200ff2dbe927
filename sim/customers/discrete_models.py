"""Laws in discrete time: renewals of a contract, and opportunities that are taken or not.

::

    sBG     a contract is not renewed with chance p_i at each renewal, p_i ~ Beta(a, b):
            S(t) = B(a, b + t) / B(a, b)
    BG/BB   while alive a customer takes each opportunity with chance p_i ~ Beta(alpha, beta), and leaves before each
            with chance q_i ~ Beta(gamma, delta)

A contract is ``age``, the renewals it has come through, and whether it has ended at the next one. A record of
opportunities is ``frequency`` x taken, ``recency`` t_x of the last taken (0: none) and ``opportunities`` n.

Sources: Fader & Hardie, Journal of Interactive Marketing 21(1) 2007 (sBG); Fader, Hardie & Shang, Marketing Science
29(6) 2010 (BG/BB).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sim.arrays import Floats
from sim.customers.maximum import maximise
from sim.errors import InputError, PurchasesError

__all__ = ["BGBB", "ShiftedBetaGeometric", "check_renewals", "fit_bg_bb", "fit_sbg"]

MOST_SHAPE = 1e3


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """sBG: chances of not renewing are Beta(a, b).

    Attributes
    ----------
    a, b : float
        The beta distribution; its mean ``a/(a + b)`` is the share that leaves at the first renewal.
    """

    a: float
    b: float

    def survival(self, t: npt.ArrayLike) -> Floats:
        """Return the share of contracts that comes through ``t`` renewals."""
        t = np.asarray(t, dtype=np.float64)
        return np.asarray(np.exp(special.betaln(self.a, self.b + t) - special.betaln(self.a, self.b)))

    def retention(self, t: npt.ArrayLike) -> Floats:
        """Return the share of those who came through ``t`` renewals that comes through the next."""
        t = np.asarray(t, dtype=np.float64)
        return np.asarray((self.b + t) / (self.a + self.b + t))

    def log_likelihood(self, age: npt.ArrayLike, ended: npt.ArrayLike, start: npt.ArrayLike = 0) -> Floats:
        """Return the log-likelihood of contracts that came through ``age`` renewals, and ``ended`` at the next or not.

        ``start``: how many they had come through when first seen; what was before is then not known of others, and
        the likelihood is given that they had.
        """
        age, ended, start = (np.asarray(each, dtype=np.float64) for each in (age, ended, start))
        log = special.betaln(self.a + ended, self.b + age) - special.betaln(self.a, self.b + start)
        return np.asarray(log)

    def expected_renewals(self, age: npt.ArrayLike, discount: float) -> Floats:
        """Return the discounted renewals to come of contracts that came through ``age``, the next one discounted once.

        ``sum over k of (1 + d)^-k S(age + k)/S(age) = (b + age)/((a + b + age)(1 + d))
        F(1, b + age + 1; a + b + age + 1; 1/(1 + d))``.

        Raises
        ------
        InputError
            If the discount rate is not above 0.
        """
        if not discount > 0:
            raise InputError(f"the discount rate a period must be above 0, not {discount}")
        age = np.asarray(age, dtype=np.float64)
        factor = 1 / (1 + discount)
        series = special.hyp2f1(1.0, self.b + age + 1, self.a + self.b + age + 1, factor)
        return np.asarray(self.retention(age) * factor * series)


@dataclass(frozen=True)
class BGBB:
    """BG/BB: opportunities are taken with chance Beta(alpha, beta), customers leave with chance Beta(gamma, delta)."""

    alpha: float
    beta: float
    gamma: float
    delta: float

    def _parts(self, x: Floats, t_x: Floats, n: Floats) -> tuple[Floats, Floats]:
        """Return the likelihood of being alive after the last opportunity, and the whole."""
        norm = special.betaln(self.alpha, self.beta) + special.betaln(self.gamma, self.delta)

        def term(until: Floats, left: float) -> Floats:
            taken = special.betaln(self.alpha + x, self.beta + until - x)
            return np.asarray(np.exp(taken + special.betaln(self.gamma + left, self.delta + until) - norm))

        alive = term(n, 0.0)
        whole = alive.copy()
        for i in range(int((n - t_x).max(initial=0))):
            whole += np.where(t_x + i < n, term(np.minimum(t_x + i, n), 1.0), 0.0)
        return alive, whole

    def log_likelihood(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, opportunities: npt.ArrayLike) -> Floats:
        """Return the log-likelihood of each record."""
        return np.asarray(np.log(self._parts(*_record(frequency, recency, opportunities))[1]))

    def probability_alive(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, opportunities: npt.ArrayLike
    ) -> Floats:
        """Return the chance of each customer to be there at the next opportunity."""
        x, t_x, n = _record(frequency, recency, opportunities)
        alive, whole = self._parts(x, t_x, n)
        return np.asarray(alive / whole * (self.delta + n) / (self.gamma + self.delta + n))

    def conditional_expected_purchases(
        self, t: int, frequency: npt.ArrayLike, recency: npt.ArrayLike, opportunities: npt.ArrayLike
    ) -> Floats:
        """Return how many of the next ``t`` opportunities each customer is expected to take."""
        x, t_x, n = _record(frequency, recency, opportunities)
        alive, whole = self._parts(x, t_x, n)
        ahead = np.arange(1, t + 1).reshape(-1, *(1,) * x.ndim)
        stays = special.betaln(self.gamma, self.delta + n + ahead) - special.betaln(self.gamma, self.delta + n)
        rate = (self.alpha + x) / (self.alpha + self.beta + n)
        return np.asarray(alive / whole * rate * np.exp(stays).sum(axis=0))


def fit_sbg(
    age: npt.ArrayLike, ended: npt.ArrayLike, count: npt.ArrayLike, start: npt.ArrayLike = 0
) -> ShiftedBetaGeometric:
    """Return the sBG of maximum likelihood for contracts with how many there are of each kind.

    Raises
    ------
    PurchasesError
        If no contract ended or none was renewed: the chance to renew cannot be told.
    """
    ages, ends, counts, starts = np.broadcast_arrays(*(np.asarray(e, dtype=float) for e in (age, ended, count, start)))
    check_renewals(ages - starts, ends, counts)

    def log_likelihood(values: Sequence[float]) -> Floats:
        return ShiftedBetaGeometric(*values).log_likelihood(ages, ends, starts)

    return ShiftedBetaGeometric(*_fit(log_likelihood, counts, [(1.0, 1.0), (0.7, 3.0), (3.0, 10.0)], "sBG"))


def check_renewals(renewed: Floats, ended: Floats, count: Floats) -> None:
    """Raise where no contract ended, or none was renewed: the chance to renew cannot be told."""
    if not (count * ended).sum() or not (count * renewed).sum():
        what = "ended" if not (count * ended).sum() else "was renewed"
        raise PurchasesError(f"no contract {what}, so the chance to renew cannot be told; use a longer period")


def fit_bg_bb(
    frequency: npt.ArrayLike, recency: npt.ArrayLike, opportunities: npt.ArrayLike, count: npt.ArrayLike
) -> BGBB:
    """Return the BG/BB of maximum likelihood for records with how many customers have each.

    Raises
    ------
    PurchasesError
        If nobody took an opportunity.
    """
    x, t_x, n = _record(frequency, recency, opportunities)
    counts = np.broadcast_to(np.asarray(count, dtype=float), x.shape)
    if not (counts * x).sum():
        raise PurchasesError("nobody took an opportunity, so how often they are taken cannot be told")

    def log_likelihood(values: Sequence[float]) -> Floats:
        return BGBB(*values).log_likelihood(x, t_x, n)

    starts = [(1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 0.5, 3.0), (0.5, 2.0, 1.0, 5.0)]
    return BGBB(*_fit(log_likelihood, counts, starts, "BG/BB"))


def _fit(
    log_likelihood: Callable[[Sequence[float]], Floats], counts: Floats, starts: Sequence[tuple[float, ...]], name: str
) -> list[float]:
    return maximise((log_likelihood, counts), starts, (MOST_SHAPE / 3e2,) * len(starts[0]), name)


def _record(
    frequency: npt.ArrayLike, recency: npt.ArrayLike, opportunities: npt.ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return a record as arrays of one shape.

    Raises
    ------
    InputError
        If one cannot be: more taken than there were up to the last, or the last after all.
    """
    x, t_x, n = np.broadcast_arrays(*(np.asarray(e, dtype=np.float64) for e in (frequency, recency, opportunities)))
    if ((x > t_x) | (t_x > n) | (x < 0) | ((x == 0) != (t_x == 0))).any():
        raise InputError("records need 0 <= frequency <= recency <= opportunities, and no recency where none was taken")
    return x, t_x, n
