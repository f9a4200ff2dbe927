"""Three laws of buying, and what each says about a customer with a given record.

::

    Pareto/NBD   purchases Poisson(lambda_i) until an unseen exponential(mu_i) end;
                 lambda_i ~ Gamma(r, alpha), mu_i ~ Gamma(s, beta)
    BG/NBD       as above, but a customer may leave right after a purchase, with chance p_i ~ Beta(a, b)
    gamma-gamma  amounts Gamma(p, nu_i) around a customer's own mean p / nu_i, nu_i ~ Gamma(q, gamma),
                 independent of the rate of buying

A record is ``frequency`` x (days with a repeat purchase), ``recency`` t_x and ``age`` T (time from the first purchase
to the last one and to the end of the data). Arguments broadcast like NumPy arrays; time is in weeks, rates per week.

Sources: Schmittlein, Morrison & Colombo 1987; Fader & Hardie, "A note on deriving the Pareto/NBD model" (2005); Fader,
Hardie & Lee, Marketing Science 24(2) 2005 (BG/NBD) and Journal of Marketing Research 42 2005 (spend, discounted
expected transactions).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from sim.arrays import Floats
from sim.customers.records import AmountRecords, BuyingRecords
from sim.customers.tail_kernels import likelihood_slopes, log_tails, log_tails_slopes
from sim.errors import InputError

__all__ = ["BGNBD", "GammaGamma", "ParetoNBD", "PurchaseModel", "scale_of_spend"]

LEAST = 1e-9
"""Part of the scale of amounts that is left to whoever brought less than nothing."""


class PurchaseModel(Protocol):
    """What a holdout check needs of a purchase model."""

    def expected_purchases(self, t: npt.ArrayLike) -> Floats:
        """Return the expected repeat purchases of a just-acquired customer within ``t`` weeks."""

    def conditional_expected_purchases(
        self, t: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Floats:
        """Return the expected purchases in the next ``t`` weeks given a record."""


class _Leaving(ABC):
    """A model in which a customer is alive, or has left unseen."""

    @abstractmethod
    def _log_parts(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        """Return the log of the common factor, of the alive part and of the gone part of the likelihood."""

    def log_likelihood(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the log-likelihood of each record, as published: Pareto/NBD's up to the ordering of purchases."""
        common, alive, gone = self._log_parts(frequency, recency, age)
        result: Floats = common + np.logaddexp(alive, gone)
        return result

    def probability_alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the chance that each customer has not left by the end of the data; BG/NBD: 1 without a repeat."""
        _, alive, gone = self._log_parts(frequency, recency, age)
        result: Floats = special.expit(alive - gone)
        return result


@dataclass(frozen=True)
class ParetoNBD(_Leaving):
    """Pareto/NBD: ``lambda_i ~ Gamma(r, alpha)``, ``mu_i ~ Gamma(s, beta)``, purchases Poisson while alive.

    Attributes
    ----------
    r, alpha : float
        Shape, and rate in weeks, of the purchase rates; their mean ``r / alpha`` is purchases per week.
    s, beta : float
        Shape, and rate in weeks, of the defection rates.
    """

    r: float
    alpha: float
    s: float
    beta: float

    def __post_init__(self) -> None:
        _check_positive(self, "r", "alpha", "s", "beta")

    def _log_parts(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        """Return the log of the common factor, of the alive part and of the gone part of the likelihood.

        ``L = Gamma(r+x) alpha^r beta^s / Gamma(r) * (alive + gone)``, ``alive = (alpha+T)^-(r+x) (beta+T)^-s``,
        ``gone = s * integral over tau from t_x to T of (alpha+tau)^-(r+x) (beta+tau)^-(s+1)``.
        """
        x, t_x, end = _record(frequency, recency, age)
        common, alive, from_end = self._of_end(x, end)
        return common, alive, self._log_gone(from_end, self._log_tail(x, t_x))

    def log_likelihood_of(self, records: BuyingRecords) -> Floats:
        """Return the log-likelihood of distinct records, to the bit; each pair of x and a time is computed once."""
        x, end, at_end = records.ends
        common, alive, from_end = (part[at_end] for part in self._of_end(x, end))
        x, t_x, at_last = records.lasts
        gone = self._log_gone(from_end, self._log_tail(x, t_x)[at_last])
        result: Floats = common + np.logaddexp(alive, gone)
        return result

    def slopes_of(self, records: BuyingRecords) -> tuple[float, Floats]:
        """Return the log-likelihood of all customers, and its slopes by r, alpha, s and beta, compiled."""
        law = (self.r, self.alpha, self.s, self.beta)

        def tails(x: Floats, t: Floats) -> tuple[Floats, Floats]:
            out, slopes = np.empty(len(x)), np.empty((len(x), 4))
            log_tails_slopes(law, x, t, out, slopes)
            return out, slopes

        x, end, at_end = records.ends
        gammas = special.gammaln(self.r + x) - special.gammaln(self.r)
        ends = (x, end, at_end, gammas, *tails(x, end))
        again, last, at_last = records.lasts
        slope = np.empty(4)
        risen = special.digamma(self.r + x) - special.digamma(self.r)
        whole = likelihood_slopes(law, records.counts, ends, (at_last, *tails(again, last)), risen, slope)
        return float(whole), slope

    def _of_end(self, x: Floats, end: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the logs of the common factor, of the alive part, and of the tail from the end, by x and T."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        common = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        alive = -(r + x) * np.log(alpha + end) - s * np.log(beta + end)
        return common, alive, self._log_tail(x, end)

    def _log_gone(self, from_end: Floats, from_last: Floats) -> Floats:
        with np.errstate(divide="ignore"):  # t_x = T: nobody can have left yet, log 0 is meant
            gone: Floats = np.log(self.s) + from_last + np.log(-np.expm1(np.minimum(from_end - from_last, 0.0)))
        return gone

    def _log_tail(self, x: Floats, t: Floats) -> Floats:
        """Return the log of the integral over tau from ``t`` to infinity of ``(alpha+tau)^-(r+x) (beta+tau)^-(s+1)``.

        The hypergeometric function is taken in the form F(1, . ; . ; z), 0 <= z < 1, all of whose terms are positive
        (:mod:`sim.customers.tail_kernels`).
        """
        x, t = np.broadcast_arrays(x, t)
        out = np.empty(x.shape)
        law = (self.r, self.alpha, self.s, self.beta)
        log_tails(law, np.ravel(x), np.ravel(t), out.reshape(-1))
        far = np.isnan(out)
        if far.any():
            out[far] = self._log_tail_far(x[far], t[far])
        return out

    def _log_tail_far(self, x: Floats, t: Floats) -> Floats:
        """Return :meth:`_log_tail` where the rates are millions of times apart, and its fraction does not end."""
        total, low, high = self.r + self.s + x, min(self.alpha, self.beta), max(self.alpha, self.beta)
        b, power = (self.r + x, self.s) if self.alpha >= self.beta else (self.s + 1, self.r + x - 1)
        series = np.log(special.hyp2f1(1.0, b, total + 1, (high - low) / (high + t)))
        result: Floats = series - np.log(total) - (total - power) * np.log(high + t) - power * np.log(low + t)
        return result

    def expected_purchases(self, t: npt.ArrayLike) -> Floats:
        """Return ``E[X(t)]``, repeat purchases of a just-acquired customer within ``t`` weeks."""
        return self.r / self.alpha * self._alive_weeks(self.s, self.beta, np.asarray(t, dtype=np.float64))

    def conditional_expected_purchases(
        self, t: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Floats:
        """Return the expected purchases in the ``t`` weeks after the end of the data, per customer."""
        x, t_x, end = _record(frequency, recency, age)
        weeks = self._alive_weeks(self.s, self.beta + end, np.asarray(t, dtype=np.float64))
        return self.probability_alive(x, t_x, end) * (self.r + x) / (self.alpha + end) * weeks

    @staticmethod
    def _alive_weeks(shape: float, rate: npt.ArrayLike, t: Floats) -> Floats:
        """Return the weeks of the next ``t`` that a customer stays, integral of ``(rate / (rate + u))^shape``."""
        span = np.log1p(t / np.asarray(rate, dtype=np.float64))
        result: Floats = rate * span * special.exprel((1.0 - shape) * span)
        return result

    def mean_purchase_rate(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the posterior mean of ``lambda_i`` per week, whether or not the customer is still alive.

        ``E[lambda | record] = (r / alpha) L(r+1, alpha, s, beta) / L(r, alpha, s, beta)``, because lambda times a
        Gamma(r, alpha) density is ``r / alpha`` times a Gamma(r+1, alpha) density. It mixes
        ``(r+x)/(alpha+T)`` if alive with ``(r+x)/(alpha+tau)`` if gone since tau.
        """
        raised = ParetoNBD(self.r + 1.0, self.alpha, self.s, self.beta)
        change = raised.log_likelihood(frequency, recency, age) - self.log_likelihood(frequency, recency, age)
        result: Floats = self.r / self.alpha * np.exp(change)
        return result

    def discounted_expected_transactions(self, delta: float) -> float:
        """Return the discounted repeat purchases, for ever, of a just-acquired customer.

        ``DET = (r / alpha) beta U(1, 2 - s, beta delta)``, U the confluent hypergeometric function of the second kind.

        Parameters
        ----------
        delta : float
            Continuous discount rate per week, above 0: ``ln(1 + d) / 52`` for a yearly rate d.

        Raises
        ------
        InputError
            If ``delta`` is not above 0 (the sum may be infinite).
        """
        if not delta > 0:
            raise InputError(f"the discount rate per week must be above 0, not {delta}")
        return float(self.r / self.alpha * self.beta * special.hyperu(1.0, 2.0 - self.s, self.beta * delta))


@dataclass(frozen=True)
class BGNBD(_Leaving):
    """BG/NBD: ``lambda_i ~ Gamma(r, alpha)``, a customer leaves after any purchase with chance ``p_i ~ Beta(a, b)``.

    Kept for comparison with published figures; the simulator uses Pareto/NBD.

    Attributes
    ----------
    r, alpha : float
        Shape, and rate in weeks, of the purchase rates.
    a, b : float
        The beta distribution of the chance of leaving after a purchase.
    """

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        _check_positive(self, "r", "alpha", "a", "b")

    def _log_parts(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> tuple[Floats, Floats, Floats]:
        x, t_x, end = _record(frequency, recency, age)
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        common = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) - special.betaln(a, b)
        alive = special.betaln(a, b + x) - (r + x) * np.log(alpha + end)
        repeats = np.maximum(x, 1.0)
        gone = special.betaln(a + 1, b + repeats - 1) - (r + x) * np.log(alpha + t_x)
        return common, alive, np.where(x > 0, gone, -np.inf)

    def expected_purchases(self, t: npt.ArrayLike) -> Floats:
        """Return ``E[X(t)]``, repeat purchases of a just-acquired customer within ``t`` weeks."""
        return self._purchases_while_alive(np.asarray(t, dtype=np.float64), np.zeros(()), np.zeros(()))

    def conditional_expected_purchases(
        self, t: npt.ArrayLike, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Floats:
        """Return the expected purchases in the ``t`` weeks after the end of the data, per customer."""
        x, t_x, end = _record(frequency, recency, age)
        return self.probability_alive(x, t_x, end) * self._purchases_while_alive(
            np.asarray(t, dtype=np.float64), x, end
        )

    def _purchases_while_alive(self, t: Floats, x: Floats, end: Floats) -> Floats:
        """Return the expected purchases in ``t`` weeks of a customer alive at ``end`` after ``x`` repeats."""
        a = self.a if abs(self.a - 1.0) > 1e-6 else 1.0 + 1e-6  # a = 1 is a removable 0/0
        shape, rate, total = self.r + x, self.alpha + end, a + self.b + x - 1.0
        series = special.hyp2f1(shape, self.b + x, total, t / (rate + t))
        result: Floats = total / (a - 1.0) * (1.0 - (rate / (rate + t)) ** shape * series)
        return result


@dataclass(frozen=True)
class GammaGamma:
    """Gamma-gamma: amounts are Gamma(p, nu_i) around the customer's own mean, ``nu_i ~ Gamma(q, gamma)``.

    Attributes
    ----------
    p : float
        Shape of one customer's amounts.
    q, gamma : float
        Shape, and rate in money, of ``nu_i``.
    """

    p: float
    q: float
    gamma: float

    def __post_init__(self) -> None:
        _check_positive(self, "p", "q", "gamma")

    def log_likelihood(self, frequency: npt.ArrayLike, mean_spend: npt.ArrayLike) -> Floats:
        """Return the log density of each customer's mean amount (above 0) over ``frequency`` (1 or more) purchases."""
        x, z = np.asarray(frequency, dtype=np.float64), np.asarray(mean_spend, dtype=np.float64)
        p, q, gamma = self.p, self.q, self.gamma
        result: Floats = (
            special.gammaln(p * x + q)
            - special.gammaln(p * x)
            - special.gammaln(q)
            + q * np.log(gamma)
            + (p * x - 1) * np.log(z)
            + p * x * np.log(x)
            - (p * x + q) * np.log(gamma + x * z)
        )
        return result

    def log_likelihood_of(self, records: AmountRecords) -> Floats:
        """Return the log density of distinct records, to the bit; what depends on x alone is computed once."""
        x, which = records.frequency, records.which
        p, q, gamma = self.p, self.q, self.gamma
        head = special.gammaln(p * x + q) - special.gammaln(p * x) - special.gammaln(q) + q * np.log(gamma)
        result: Floats = (
            head[which]
            + (p * x - 1)[which] * records.log_mean
            + (p * x * np.log(x))[which]
            - (p * x + q)[which] * np.log(gamma + records.total)
        )
        return result

    def slopes_of(self, records: AmountRecords) -> tuple[float, Floats]:
        """Return the log-likelihood of all customers, and its slopes by p, q and gamma."""
        x, which, counts = records.frequency, records.which, records.counts
        p, q, gamma = self.p, self.q, self.gamma
        number, means = (np.bincount(which, counts * each, len(x)) for each in (1.0, records.log_mean))
        sums = gamma + records.total
        logs, parts = (np.bincount(which, counts * each, len(x)) for each in (np.log(sums), 1.0 / sums))
        head = special.gammaln(p * x + q) - special.gammaln(p * x) - special.gammaln(q) + q * np.log(gamma)
        whole = number * (head + p * x * np.log(x)) + (p * x - 1) * means - (p * x + q) * logs
        both = special.digamma(p * x + q)
        by_p = x * (number * (both - special.digamma(p * x) + np.log(x)) + means - logs)
        by_q = number * (both - special.digamma(q) + np.log(gamma)) - logs
        by_gamma = number * q / gamma - (p * x + q) * parts
        return float(whole.sum()), np.array([by_p.sum(), by_q.sum(), by_gamma.sum()])

    def mean_spend(self) -> float:
        """Return the mean amount per purchase in the population, ``p gamma / (q - 1)``; infinite if ``q <= 1``."""
        return self.p * self.gamma / (self.q - 1.0) if self.q > 1.0 else float("inf")

    def conditional_mean_spend(self, frequency: npt.ArrayLike, mean_spend: npt.ArrayLike) -> Floats:
        """Return the posterior mean amount per purchase, ``p (gamma + x z) / (p x + q - 1)``.

        With ``frequency`` 0 it is the population mean. It is infinite where ``p x + q <= 1``. The law knows no amount
        below zero: who brought so little that ``gamma + x z`` is none is expected to bring next to nothing.
        """
        x, z = np.asarray(frequency, dtype=np.float64), np.asarray(mean_spend, dtype=np.float64)
        weight = self.p * x + self.q - 1.0
        posterior = self.p * scale_of_spend(self.gamma, x * z) / np.where(weight > 0, weight, 1.0)
        result: Floats = np.where(weight > 0, posterior, np.inf)
        return result


def scale_of_spend(gamma: Floats | float, paid: Floats) -> Floats:
    """Return ``gamma`` with what customers paid, kept above zero where they brought less than nothing."""
    return np.maximum(gamma + paid, LEAST * np.asarray(gamma))


def _record(frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> tuple[Floats, Floats, Floats]:
    return (
        np.asarray(frequency, dtype=np.float64),
        np.asarray(recency, dtype=np.float64),
        np.asarray(age, dtype=np.float64),
    )


def _check_positive(model: object, *names: str) -> None:
    for name in names:
        value = getattr(model, name)
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{type(model).__name__}: {name} must be a finite number above 0, not {value}")
