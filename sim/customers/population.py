"""Customers as arrays: who they are, their traits, their state at the start.

Synthetic segments draw traits from a gamma law; the customers of a real base draw theirs from their own posterior.
Trait *classes* (nodes with weights) stand for the same laws in the fluid twin and the optimiser.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Flags, Floats, Ints
from sim.customers.purchase_models import scale_of_spend
from sim.customers.segment_laws import Laws
from sim.engine import random_streams
from sim.scenario.file import Gamma, GammaGamma, Traits

__all__ = [
    "Population",
    "Posterior",
    "TraitSample",
    "defection_classes",
    "gamma_classes",
    "gauss_rule",
    "loyalty",
    "mean_spend_of",
    "quantiles",
    "synthetic_traits",
    "trait_bins",
]


LAGUERRE_SHAPE = 100.0
"""Gamma shape above which SciPy's Laguerre weights overflow; the rule of the quantiles serves instead."""

QUANTILES = 20_000
"""Equal quantiles that stand for a gamma law while its Gauss rule is made."""

LAWS_KEPT = 1024
"""Laws whose classes are kept, about 1 kB each: every replication of every market asks for the same few."""

TAU_STEPS = 48
"""Steps of the time of silent leaving between last purchase and today."""


@dataclass(frozen=True)
class Population:
    """All customers of one replication: a struct of arrays, one element per customer, sorted by cohort.

    Attributes
    ----------
    start : (cohorts + 1,)
        Cohort ``c`` (a group's customers of one quality) lies at ``start[c] .. start[c + 1]``.
    identity
        Counter of the customer's draws inside its stream.
    state
        Index into the chain's states; their number stands for "not there yet".
    purchase_rate, defection_rate, mean_spend
        Traits: per period, per period, money.
    block
        Index of the trait class the traits are the node of; empty where they are the customers' own.
    arrivals : per period (positions, states)
        Who appears at the period's end, and in which state.
    """

    start: Ints
    identity: NDArray[np.uint32]
    state: NDArray[np.uint16]
    purchase_rate: NDArray[np.float32]
    defection_rate: NDArray[np.float32]
    mean_spend: NDArray[np.float32]
    block: NDArray[np.int32]
    arrivals: tuple[tuple[Ints, Ints], ...]

    @property
    def size(self) -> int:
        """Return how many customers there are, or will be."""
        return int(self.state.size)

    @property
    def cohort(self) -> Ints:
        """Return the cohort of every customer."""
        return np.repeat(np.arange(self.start.size - 1), np.diff(self.start))

    @property
    def fingerprint(self) -> str:
        """Return a digest of who they are: the same for the same customers."""
        digest = hashlib.sha256()
        for part in (self.start, self.identity, self.purchase_rate, self.defection_rate, self.mean_spend):
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()

    @property
    def bytes_per_customer(self) -> float:
        """Return the memory of a customer: identity, state, traits."""
        parts = (self.identity, self.state, self.purchase_rate, self.defection_rate, self.mean_spend, self.block)
        return sum(part.nbytes for part in parts) / max(self.size, 1)


@dataclass(frozen=True)
class TraitSample:
    """One draw of every customer's hidden truth.

    Attributes
    ----------
    gone, lost : bool
        Silently gone, and of those lost for good.
    purchase_rate, defection_rate : per period
    mean_spend : money per purchase
    """

    gone: Flags
    lost: Flags
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats


@lru_cache(LAWS_KEPT)
def gamma_classes(law: Gamma | float, count: int) -> tuple[Floats, Floats]:
    """Return nodes and weights that stand for a gamma law: generalised Gauss-Laguerre, exact to degree 2 count - 1.

    Right for purchase rates, in which value is nearly linear.
    """
    if not isinstance(law, Gamma):
        return _fixed(np.array([float(law)]), np.ones(1))
    if law.shape > LAGUERRE_SHAPE:
        return _fixed(*gauss_rule(quantiles(law), count))
    from scipy.special import roots_genlaguerre

    nodes, weights = roots_genlaguerre(count, law.shape - 1)
    return _fixed(nodes / law.rate, weights / weights.sum())


@lru_cache(LAWS_KEPT)
def defection_classes(law: Gamma | float, count: int, horizon_rate: float) -> tuple[Floats, Floats]:
    """Return nodes and weights for a defection rate ``mu``: the Gauss rule in ``v = c/(c + mu)``.

    A customer's value goes with ``1/(mu + d)``, which is nearly a line in ``v`` for ``c`` near ``d`` plus one over
    the horizon; Gauss-Laguerre in ``mu`` itself misses nearly half of it (5 nodes, CDNOW), this rule .06 %.
    """
    if not isinstance(law, Gamma):
        return _fixed(np.array([float(law)]), np.ones(1))
    nodes, weights = gauss_rule(loyalty(quantiles(law), horizon_rate), count)
    return _fixed(horizon_rate * (1 / nodes - 1), weights)


def _fixed(nodes: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return arrays that nobody can change, since all who ask for the same law get the same ones."""
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights


def quantiles(law: Gamma, count: int = QUANTILES) -> Floats:
    """Return so many equally likely values of a gamma law."""
    from scipy.special import gammaincinv

    return np.asarray(gammaincinv(law.shape, (np.arange(count) + 0.5) / count) / law.rate)


def gauss_rule(values: Floats, count: int, likely: Floats | float = 1.0) -> tuple[Floats, Floats]:
    """Return the Gauss rule of ``values`` that are ``likely``: Stieltjes procedure, Golub & Welsch (1969)."""
    diagonal, off = np.zeros(count), np.zeros(count)
    before, now, norm_before = np.zeros_like(values), np.ones_like(values), 1.0
    for k in range(count):
        norm = float((likely * now * now).sum())  # `@` would share it out to threads: their number is in its last bits
        off[k] = norm / norm_before if k else 0.0
        diagonal[k] = (likely * values * now * now).sum() / norm
        before, now, norm_before = now, (values - diagonal[k]) * now - off[k] * before, norm
    jacobi = np.diag(diagonal) + np.diag(np.sqrt(off[1:]), 1) + np.diag(np.sqrt(off[1:]), -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, vectors[0] ** 2


def loyalty(defection_rate: Floats, horizon_rate: float) -> Floats:
    """Return ``v = c/(c + mu)``: 1 for customers who never leave, near 0 for those who leave at once."""
    return np.asarray(horizon_rate / (horizon_rate + defection_rate))


def mean_spend_of(law: GammaGamma | float) -> float:
    """Return the mean over customers of money per purchase, ``p gamma/(q - 1)``."""
    return law.p * law.gamma / (law.q - 1) if isinstance(law, GammaGamma) else float(law)


def synthetic_traits(traits: Traits, draws: Floats) -> tuple[Floats, Floats, Floats]:
    """Return purchase rate, defection rate and mean spend of customers from three of their uniforms each."""
    from scipy.special import gammaincinv

    def quantile(law: Gamma | float, u: Floats) -> Floats:
        if isinstance(law, Gamma):
            return np.asarray(gammaincinv(law.shape, u) / law.rate)
        return np.full(u.shape, float(law))

    rate = quantile(traits.purchase_rate, draws[:, 0])
    defection = quantile(traits.defection_rate, draws[:, 1])
    spend = traits.spend
    if isinstance(spend, GammaGamma):
        z = spend.p * spend.gamma / gammaincinv(spend.q, 1 - draws[:, 2])
    else:
        z = np.full(rate.shape, float(spend))
    return rate, defection, z


class Posterior:
    """What a purchase record says about each customer's hidden truth, ready to be drawn from.

    Alive with probability P(alive), then ``lambda ~ Gamma(r + x, alpha + T)``, ``mu ~ Gamma(s, beta + T)``. Silently
    gone: first the time of leaving ``tau`` on [t_x, T] with density proportional to
    ``(alpha + tau)^-(r+x) (beta + tau)^-(s+1)``, then ``lambda ~ Gamma(r + x, alpha + tau)``,
    ``mu ~ Gamma(s + 1, beta + tau)``, and lost for good since then at the constant chance ``loss``. Spend:
    ``z = p/nu``, ``nu ~ Gamma(q + p n, gamma + n m)`` with ``m`` the mean of all ``n`` purchases: the law is fitted on
    repeat purchases, as published, but the first amount tells as much about a customer, and most have no other.

    Parameters
    ----------
    laws
        Calibrated laws of each customer, per week and in money.
    frequency, recency, age : (customers,)
        Repeat purchases, weeks from first to last purchase, weeks from first purchase to today.
    purchases, mean_amount : (customers,)
        Number of all purchases and their mean amount.
    alive : (customers,)
        P(alive).
    weeks : float
        Weeks in a period.
    loss : (customers,)
        Chance per period that the gone are lost.
    """

    def __init__(
        self,
        laws: Laws,
        frequency: Floats,
        recency: Floats,
        age: Floats,
        purchases: Floats,
        mean_amount: Floats,
        alive: Floats,
        weeks: float,
        loss: Floats,
    ) -> None:
        self._r, self._alpha, self._s, self._beta, self._p, self._q, self._gamma = (
            laws.parameter(name) for name in ("r", "alpha", "s", "beta", "p", "q", "gamma")
        )
        self._frequency, self._age = frequency, age
        self._purchases, self._mean_amount = purchases, mean_amount
        self._alive, self._weeks, self._loss = alive, weeks, loss
        self._tau = recency[:, None] + (age - recency)[:, None] * np.linspace(0, 1, TAU_STEPS + 1)
        log_density = -(self._r + self._frequency)[:, None] * np.log(self._alpha[:, None] + self._tau)
        log_density -= (self._s[:, None] + 1) * np.log(self._beta[:, None] + self._tau)
        density = np.exp(log_density - log_density[:, :1])
        cumulative = np.zeros_like(density)
        np.cumsum((density[:, 1:] + density[:, :-1]) / 2, axis=1, out=cumulative[:, 1:])
        self._cumulative = cumulative / cumulative[:, -1:]

    def under(self, laws: Laws) -> "Posterior":
        """Return what the same records say under other laws."""
        recency = self._tau[:, 0]
        return Posterior(
            laws, self._frequency, recency, self._age, self._purchases, self._mean_amount,
            laws.probability_alive(self._frequency, recency, self._age), self._weeks, self._loss,
        )  # fmt: skip

    def _leaving_time(self, u: Floats, who: Ints) -> Floats:
        cumulative, tau = self._cumulative[who], self._tau[who]
        j = np.minimum((cumulative < u[:, None]).sum(axis=1), TAU_STEPS)
        j = np.maximum(j, 1)
        rows = np.arange(who.size)
        low, high = cumulative[rows, j - 1], cumulative[rows, j]
        share = (u - low) / np.maximum(high - low, 1e-300)
        return np.asarray(tau[rows, j - 1] + share * (tau[rows, j] - tau[rows, j - 1]))

    def leaving(self) -> tuple[Floats, Floats, Floats]:
        """Return by customer P(alive) and, if alive, the mean defection rate and the chance to stay, per period."""
        return self._alive, self._weeks * self._s / (self._beta + self._age), self.stays(1.0)

    def stays(self, periods: float) -> Floats:
        """Return by customer the chance of one who is alive to stay for that long."""
        until = self._beta + self._age
        return np.asarray((until / (until + periods * self._weeks)) ** self._s)

    def draw(self, seed: int, purpose: int, identity: Ints, replication: int) -> TraitSample:
        """Return one draw of every customer's truth, rates per period."""
        from scipy.special import gammaincinv

        first = random_streams.uniforms(seed, purpose, identity, replication=replication)
        second = random_streams.uniforms(seed, purpose, identity, replication=replication, draw=1)
        gone = first[:, 0] >= self._alive
        who = np.flatnonzero(gone)
        until = self._age.copy()
        until[who] = self._leaving_time(first[who, 1], who)
        rate = gammaincinv(self._r + self._frequency, first[:, 2]) / (self._alpha + until)
        defection = gammaincinv(self._s + gone, first[:, 3]) / (self._beta + until)
        n = self._purchases
        nu = gammaincinv(self._q + self._p * n, 1 - second[:, 0]) / scale_of_spend(self._gamma, n * self._mean_amount)
        since = (self._age - until) / self._weeks
        lost = gone & (second[:, 1] < 1 - (1 - self._loss) ** since)
        return TraitSample(gone, lost, rate * self._weeks, defection * self._weeks, self._p / nu)


def trait_bins(rate: Floats, loyal: Floats, bins: tuple[int, int]) -> Ints:
    """Return for each draw the index of its class: bins of the purchase rate, and of ``loyalty`` inside.

    Edges are quantiles under a weight that is half heads and half value, so that the few who buy often, or stay
    long, get bins of their own.
    """
    index = np.zeros(rate.size, dtype=np.int64)
    by_rate = _bins(rate, bins[0])
    for k in range(bins[0]):
        inside = by_rate == k
        index[inside] = k * bins[1] + _bins(loyal[inside], bins[1])
    return index


def _bins(values: Floats, count: int) -> Ints:
    order = np.argsort(values, kind="stable")
    total = max(float(values.sum()), 1e-300)
    mass = np.cumsum(1 / max(values.size, 1) + values[order] / total) / 2
    out = np.empty(values.size, dtype=np.int64)
    out[order] = np.minimum((mass * count * (1 - 1e-12)).astype(np.int64), count - 1)
    return out
