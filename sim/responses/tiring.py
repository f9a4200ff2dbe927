"""Contact fatigue from a log of contacts: money works less the more a customer got of late.

A row is a customer in a period, with the money it got then and what came of it; its rows before say what it got when::

    g(E[y_it]) = level + L(f(a_it)) + b' x_i + season_t
    a_it = (1 - c) u_it (1 + w u_ref)/(1 + w s_it) + c a_i,t-1,     s_it = k s_i,t-1 + (1 - k) u_i,t-1

as the engine has it (:mod:`sim.engine.of_late`), with ``w = 1/R`` and what is carried over, ``c``, as stated; ``g``
is the logit of a chance, the logarithm of what is bought, the identity of points; ``x`` are traits in standard
deviations, and periods differ around their mean. A logit of traits is steeper than that of their mean by
``sqrt(1 + .346 var(b' x))`` (Zeger, Liang & Albert 1988). ``w`` has a prior around none, where it has no other, so that
below none is no less believed than above: where nothing tires nothing is found. Posterior mode by Fisher scoring; its
covariance is the inverse information of chances, and the sandwich by customer of the others (Liang & Zeger 1986).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.responses.posterior import DRAWS, Posterior
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN, Shape, link

__all__ = ["FORGETS", "USUAL", "Memory", "Tired", "tired", "usual_money"]

USUAL, FORGETS = 2.0, 1.0
"""Standard deviations before anything is seen: of the fatigue of usual money, ``w`` times it, around none; of the logit
of what is kept of money of late around what is stated."""
SEEN = 0.05
"""Share of what money does that is lost at twice the usual money, 97.5 % sure, from which on a lever tires."""
LEAST = 0.05
"""Of ``1 + w s``: as far as money may work better for what came before."""
ROUNDS, STILL, LONGEST = 40, 0.02, 1.0
"""Most steps, the share of a standard deviation below which a step ends the search, and the largest step."""
STEP = 1e-4
SEASON, LOOSE = 0.3, 10.0
"""Standard deviations of periods, and of levels and traits, before anything is seen."""
STEEPER = (16 * np.sqrt(3) / (15 * np.pi)) ** 2


class Memory(NamedTuple):
    """What is known of a lever's memory: mean and covariance of (``w``, logit of keep); and ``c``, as stated."""

    mean: Floats
    covariance: Floats
    carried: float


@dataclass(frozen=True, eq=False)
class Tired:
    """What a log of contacts tells.

    Attributes
    ----------
    posterior : Posterior
        Of the curve, of steady money: with its fatigue where it is told, else without.
    memory : Memory
        After the log.
    usual : float
        Money a head and period.
    lost : (low, value, high)
        Share of what money does that is lost at twice the usual money of late, against the usual.
    told : bool
        Whether more than :data:`SEEN` is lost, 97.5 % sure.
    room, keep : (draws,)
        ``R`` and what is kept, beside the curve's draws; empty where it is not told.
    """

    posterior: Posterior
    memory: Memory
    usual: float
    lost: tuple[float, float, float]
    told: bool
    room: Floats
    keep: Floats


def usual_money(trial: Trial, reference: float) -> float:
    """Return the mean money of those who got some, or the reference where that is more.

    Raises
    ------
    InputError
        If nobody got any.
    """
    paid = trial.spend > 0
    if not paid.any():
        raise InputError(f"{trial.where}: {' / '.join(filter(None, trial.key))}: nobody got any money")
    return max(reference, float(np.average(trial.spend[paid], weights=trial.customers[paid])))


def tired(
    trial: Trial, shape: Shape, prior: Posterior, memory: Memory, reference: float, usual: float,
    stated: tuple[float, float], seed: int,
) -> Tired:  # fmt: skip
    """Return the curve and the fatigue that a log of contacts tells.

    Parameters
    ----------
    memory
        What is known before.
    reference
        Money a head under which the scenario's data were gathered: what everybody is taken to have got before.
    usual
        Money a head and period in the log.
    stated
        ``1/R`` and keep as the scenario has them, for a log that does not tell; 0: no fatigue.

    Raises
    ------
    InputError
        If nobody has two rows, or somebody two in one period.
    """
    log = _Log(trial)
    fit = _Fit(trial, log, shape, prior, memory, reference, usual)
    at, covariance = fit.maximum(free=True)
    random = np.random.default_rng(seed)
    draws = at[:5] + random.standard_normal((DRAWS, 5)) @ np.linalg.cholesky(covariance[:5, :5]).T
    low, high = np.percentile(_lost(draws[:, 3]), (2.5, 97.5))
    found = (float(low), float(_lost(at[3])), float(high))
    unit = np.diag([1 / usual, 1.0])
    after = Memory(unit @ at[3:5], unit @ covariance[3:5, 3:5] @ unit, memory.carried)
    if low > SEEN:
        least = float(np.percentile(draws[:, 3], 2.5))
        room, keep = usual / np.maximum(draws[:, 3], least), 1 / (1 + np.exp(-draws[:, 4]))
        return Tired(Posterior(at[:3], draws[:, :3]), after, usual, found, True, room, keep)
    still = memory._replace(mean=np.array([stated[0], np.log(stated[1] / (1 - stated[1]))]))
    at, covariance = _Fit(trial, log, shape, prior, still, reference, usual).maximum(free=False)
    draws = at[:3] + random.standard_normal((DRAWS, 3)) @ np.linalg.cholesky(covariance[:3, :3]).T
    return Tired(Posterior(at[:3], draws), after, usual, found, False, np.empty(0), np.empty(0))


def _lost(tires: Floats | float) -> Floats:
    """Return the share of what money does that is lost at twice the usual money of late, against the usual."""
    return np.asarray(1 - np.maximum(1 + tires, LEAST) / np.maximum(1 + 2 * tires, LEAST))


class _Log:
    """Rows by period, with who is in them."""

    def __init__(self, trial: Trial) -> None:
        assert trial.who is not None
        assert trial.when is not None
        _, self.who = np.unique(trial.who, return_inverse=True)
        self.people = int(self.who.max()) + 1
        self.periods, self.season = np.unique(trial.when, return_inverse=True)
        pairs = self.who * np.int64(self.periods.size) + self.season
        once, first = np.unique(pairs, return_index=True)
        name = f"{trial.where}: {' / '.join(filter(None, trial.key))}"
        if once.size < pairs.size:
            row = int(np.setdiff1d(np.arange(pairs.size), first)[0])
            raise InputError(
                f"{name}: customer {trial.who[row]} has two rows in one period; add up its money and what came of it"
            )
        if np.bincount(self.who).max() < 2:
            raise InputError(f"{name}: nobody has two rows, so that what came before is not known")
        order = np.argsort(self.season, kind="stable")
        cuts = np.searchsorted(self.season[order], np.arange(self.periods.size + 1))
        self.rows = [order[a:b] for a, b in pairwise(cuts.tolist())]
        span = int(self.periods[-1] - self.periods[0]) + 1
        self.at = dict(zip((self.periods - self.periods[0]).tolist(), range(self.periods.size), strict=True))
        self.span = span

    def works(self, spend: Floats, tires: float, keep: float, carried: float, reference: float) -> Floats:
        """Return the intensity as it works by row; a period without a row of somebody is one without money."""
        out = np.empty(spend.size)
        late, acts = np.full(self.people, reference), np.full(self.people, reference)
        there = np.zeros(self.people, dtype=bool)
        for t in range(self.span):
            place = self.at.get(t)
            rows = np.empty(0, dtype=np.int64) if place is None else self.rows[place]
            who, money = self.who[rows], spend[rows]
            rest = (1 + tires * reference) / np.maximum(1 + tires * late[who], LEAST)
            out[rows] = (1 - carried) * money * rest + carried * acts[who]
            there[who] = True
            now = np.where(there, 0.0, reference)
            now[who] = money
            acts = np.where(there, carried * acts, acts)
            acts[who] = out[rows]
            late = np.where(there, keep * late + (1 - keep) * now, late)
        return np.maximum(out, 0.0)


class _Fit:
    """The regression: theta, fatigue, keep, and beside them the level of gains, traits and periods."""

    def __init__(
        self, trial: Trial, log: _Log, shape: Shape, prior: Posterior, memory: Memory, reference: float, usual: float
    ) -> None:
        self.trial, self.log, self.shape, self.prior, self.memory = trial, log, shape, prior, memory
        self.reference, self.usual, self.kind = reference, usual, shape.kind
        periods = np.zeros((log.season.size, log.periods.size))
        periods[np.arange(log.season.size), log.season] = 1.0
        share = trial.customers @ periods / trial.customers.sum()
        traits = np.empty((log.season.size, 0)) if trial.traits is None else _standard(trial.traits, trial.customers)
        self.traits = traits.shape[1]
        level = np.ones((log.season.size, int(self.kind != CHANCE)))
        self.beside = np.column_stack([traits, level, periods - share])
        sds = [LOOSE] * (self.traits + level.shape[1]) + [SEASON] * log.periods.size
        self.rest = np.array(sds) ** -2.0
        unit = np.diag([usual, 1.0])  # of what tires, with usual money
        self.before, self.precision = unit @ memory.mean, np.linalg.inv(unit @ memory.covariance @ unit)

    def eta(self, at: Floats) -> Floats:
        """Return the linear predictor by row."""
        keep = float(1 / (1 + np.exp(-at[4])))
        acts = self.log.works(self.trial.spend, float(at[3]) / self.usual, keep, self.memory.carried, self.reference)
        moved = link(self.kind, self.shape.at(at[:3], acts))
        beside = self.beside @ at[5:]
        if self.kind == CHANCE and self.traits:
            own = self.beside[:, : self.traits] @ at[5 : 5 + self.traits]
            spread = float(np.average(own**2, weights=self.trial.customers))
            moved = np.sqrt(1 + STEEPER * spread) * moved
        return np.asarray(moved + beside)

    def mean(self, eta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return means, their slopes by eta, and variances of one head."""
        if self.kind == CHANCE:
            p = 1 / (1 + np.exp(-np.clip(eta, -30, 30)))
            return p, p * (1 - p), np.maximum(p * (1 - p), 1e-12)
        if self.kind == GAIN:
            mu = np.exp(np.minimum(eta, 50.0))
            return mu, mu, mu
        return eta, np.ones_like(eta), np.ones_like(eta)

    def start(self) -> Floats:
        at = np.concatenate([self.prior.mode, self.before, np.zeros(self.beside.shape[1])])
        if self.kind != CHANCE:
            mean = float(np.average(self.trial.outcome, weights=self.trial.customers))
            at[5 + self.traits] = np.log(max(mean, 1e-12)) if self.kind == GAIN else mean
            at[5 + self.traits] -= float(np.average(self.eta(at) - at[5 + self.traits], weights=self.trial.customers))
        return at

    def pieces(self, at: Floats, free: bool) -> tuple[Floats, Floats, float, Floats]:
        """Return the score, the information, minus the log posterior, and the prior's precision."""
        eta = self.eta(at)
        mean, slope, variance = self.mean(eta)
        columns = np.empty((eta.size, at.size))
        for i in range(5):
            near = at.copy()
            near[i] += STEP
            columns[:, i] = (self.eta(near) - eta) / STEP if free or i < 3 else 0.0
        columns[:, 5:] = self.beside
        heads = self.trial.customers
        away = heads * (self.trial.outcome - mean) * slope / variance
        own, by_own, precision = self.prior.around(at[:3])
        late = at[3:5] - self.before
        whole = np.zeros((at.size, at.size))
        whole[:3, :3], whole[3:5, 3:5] = precision, self.precision
        whole[range(5, at.size), range(5, at.size)] = self.rest
        scores = np.concatenate([by_own, self.precision @ late, self.rest * at[5:]])
        loss = own + 0.5 * float(late @ self.precision @ late) + 0.5 * float(self.rest @ at[5:] ** 2)
        self.scores = away[:, None] * columns
        information = (columns * (heads * slope**2 / variance)[:, None]).T @ columns
        return self.scores.sum(axis=0) - scores, information + whole, loss + self._misfit(mean), whole

    def _misfit(self, mean: Floats) -> float:
        """Return minus the (quasi) log likelihood."""
        y, heads = self.trial.outcome, self.trial.customers
        if self.kind == CHANCE:
            p = np.clip(mean, 1e-12, 1 - 1e-12)
            return -float(heads @ (y * np.log(p) + (1 - y) * np.log1p(-p)))
        if self.kind == GAIN:
            return -float(heads @ (y * np.log(np.maximum(mean, 1e-300)) - mean))
        return 0.5 * float(heads @ (y - mean) ** 2)

    def maximum(self, free: bool) -> tuple[Floats, Floats]:
        """Return the mode and its covariance; not ``free``: fatigue and keep stay as they are believed."""
        at = self.start()
        score, bend, loss, whole = self.pieces(at, free)
        for _ in range(ROUNDS):
            step = np.linalg.solve(bend, score)
            if not free:
                step[3:5] = 0.0
            step *= min(1.0, LONGEST / max(float(np.abs(step[:5]).max()), 1e-12))
            tried = self.pieces(at + step, free)
            while tried[2] > loss and np.abs(step).max() > 1e-7:
                step = step / 2
                tried = self.pieces(at + step, free)
            at = at + step
            score, bend, loss, whole = tried
            if float((np.abs(step) * np.sqrt(np.diag(bend))).max()) < STILL:
                break
        return at, self._covariance(at, bend, whole)

    def _covariance(self, at: Floats, bend: Floats, whole: Floats) -> Floats:
        """Return the covariance at the mode: where rows of a customer resemble each other, of sums by customer."""
        if self.kind == CHANCE:
            mean, _, variance = self.mean(self.eta(at))
            heads = self.trial.customers
            spread = float((heads * (self.trial.outcome - mean) ** 2 / variance).sum())
            more = max(spread / max(mean.size - at.size, 1), 1.0) if (heads > 1).all() else 1.0
            return np.asarray(np.linalg.inv((bend - whole) / more + whole))
        by_customer = np.zeros((self.log.people, at.size))
        np.add.at(by_customer, self.log.who, self.scores)
        inverse = np.linalg.inv(bend)
        return np.asarray(inverse @ (by_customer.T @ by_customer + whole) @ inverse)


def _standard(traits: Floats, heads: Floats) -> Floats:
    """Return traits in standard deviations from their mean; what does not differ is nothing."""
    away = traits - np.average(traits, axis=0, weights=heads)
    sd = np.sqrt(np.average(away**2, axis=0, weights=heads))
    return np.asarray(np.divide(away, sd, out=np.zeros_like(away), where=sd > 0))
