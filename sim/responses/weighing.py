"""Contacts that a firm chose: what everybody would have done at each intensity, traits held alike.

::

    g(E[y_i | money, traits]) = a_arm + b' x_i,     m_arm = mean over everybody of g^-1(a_arm + b' x_i)

``g`` is the logit of a chance a period, the logarithm of what is bought, the identity of points; ``x`` are traits in
standard deviations from their mean. The means ``m`` are standardised to all customers of the trial (g-computation,
Robins 1986); their covariance is the delta method's, from the information of a chance and the sandwich of the others
(White 1982), with that of who the customers are. Maximum likelihood by Fisher scoring, block by block of rows.
"""

from typing import NamedTuple

import numpy as np

from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.intervals import NORMAL
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN

__all__ = ["MOST_ARMS", "Regression", "Weighed", "arms_of", "weighed"]

MOST_ARMS = 12
"""Different intensities that are kept apart; more are cut into groups of as many customers each."""
GROUPS = 10
BLOCK = 512
FEW = 50_000
"""Rows that the first steps are made on."""
LOOSE = 10.0
"""Standard deviation of what an arm or a trait may do on the scale of ``g``: as good as no prior."""
STEPS, CLOSE = 50, 1e-9
SHOWN = 3
"""Traits named in which those with and without money differ most."""
STILL = 1e-12
"""Share of its mean below which a trait's deviation is rounding."""
APART = 1e-8
"""Share of a trait's variance that other columns must leave."""


class Weighed(NamedTuple):
    """Means by arm with traits alike, their covariance, the arm of each row, and what should be said."""

    spend: Floats
    mean: Floats
    covariance: Floats
    arm: Ints
    notes: tuple[str, ...]


def weighed(trial: Trial, kind: str) -> Weighed:
    """Return what everybody would have done at each intensity.

    Raises
    ------
    InputError
        If a trait tells wholly who got how much.
    """
    assert trial.traits is not None
    spend, arm, notes = arms_of(trial)
    traits, more = _standard(trial, arm, len(spend))
    fit = Regression(trial, kind, arm, len(spend), traits)
    mean, covariance = fit.standardised(*fit.maximum())
    return Weighed(spend, mean, covariance, arm, (*notes, *more))


def arms_of(trial: Trial) -> tuple[Floats, Ints, tuple[str, ...]]:
    """Return the intensities that are told apart, which of them each row is at, and what was put together."""
    doses, arm = np.unique(trial.spend, return_inverse=True)
    if len(doses) <= MOST_ARMS:
        return doses, arm.ravel(), ()
    paid = trial.spend > 0
    cuts = np.unique(np.quantile(trial.spend[paid], np.arange(1, GROUPS) / GROUPS))
    arm = np.where(paid, 1 + np.searchsorted(cuts, trial.spend, side="right"), 0)
    _, arm = np.unique(arm, return_inverse=True)
    heads = np.bincount(arm.ravel(), weights=trial.customers)
    spend = np.bincount(arm.ravel(), weights=trial.customers * trial.spend) / heads
    note = f"{len(doses):,} amounts of money were taken together as {len(spend)}, each at its mean"
    return spend, arm.ravel(), (note,)


def _standard(trial: Trial, arm: Ints, arms: int) -> tuple[Floats, list[str]]:
    """Return traits in standard deviations, but those that say nothing of their own, and what to say."""
    assert trial.traits is not None
    heads = trial.customers / trial.customers.sum()
    blocks = _blocks(len(arm))
    mean = np.sum([heads[rows] @ trial.traits[rows] for rows in blocks], axis=0)
    away = trial.traits - mean
    sd = np.sqrt(np.sum([heads[rows] @ away[rows] ** 2 for rows in blocks], axis=0))
    moving = sd > STILL * np.abs(mean)
    away = away[:, moving] / sd[moving]
    names = [name for name, kept in zip(trial.trait_names, moving, strict=True) if kept]
    size = len(names)
    shares = np.bincount(arm, weights=heads, minlength=arms).astype(np.float64)
    between = np.zeros((arms, size))
    gram = np.zeros((size, size))
    for rows in blocks:
        of_arm = (arm[rows] == np.arange(arms)[:, None]) * heads[rows]
        between += of_arm @ away[rows]
        gram += (away[rows].T * heads[rows]) @ away[rows]
    inside = gram - (between / shares[:, None]).T @ between  # what arms leave of it
    kept: list[int] = []
    for j in range(size):
        if _left(gram, kept, j) < APART:
            continue  # a column of others: dummies of all labels, a sum
        if _left(inside, kept, j) < APART:
            raise InputError(
                f"{trial.where}: {' / '.join(filter(None, trial.key))}: column {names[j]!r} tells wholly who got how "
                "much, so there is nobody alike to compare with; leave it out if it follows from the money, else test "
                "at random"
            )
        kept.append(j)
    alone = [names[j] for j in range(size) if j not in kept]
    alone += [name for name, each in zip(trial.trait_names, moving, strict=True) if not each]
    notes = [f"not weighed, as they say no more than others: {', '.join(alone)}"] if alone else []
    if kept:
        notes.append(_said(shares, between[:, kept], [names[j] for j in kept]))
    return away[:, kept], notes


def _blocks(rows: int, stride: int = 1) -> list[slice]:
    """Return slices of so few rows that sums over them are in one order for any number of threads."""
    return [slice(first, first + BLOCK * stride, stride) for first in range(0, rows, BLOCK * stride)]


def _left(gram: Floats, known: list[int], j: int) -> float:
    """Return the variance of a column that known ones leave."""
    if not known:
        return float(gram[j, j])
    across = gram[known, j]
    return float(gram[j, j] - across @ np.linalg.solve(gram[np.ix_(known, known)], across))


def _said(shares: Floats, between: Floats, names: list[str]) -> str:
    least, rest = between[0] / shares[0], between[1:].sum(axis=0) / shares[1:].sum()
    apart = rest - least
    order = np.argsort(-np.abs(apart), kind="stable")[:SHOWN]
    most = ", ".join(f"{names[j]} ({apart[j]:+.2f} standard deviations)" for j in order)
    return (
        f"weighed: {', '.join(names)}; those with more money differed most in {most}; what is not among these columns "
        "still biases"
    )


class Regression:
    """The regression of outcomes on arms and traits."""

    def __init__(self, trial: Trial, kind: str, arm: Ints, arms: int, traits: Floats) -> None:
        self.trial, self.kind, self.arm, self.arms, self.traits = trial, kind, arm, arms, traits
        self.stays = trial.key[1] == "survival"
        self.size = arms + traits.shape[1]
        self.prior = np.full(self.size, LOOSE**-2)

    def columns(self, rows: slice) -> Floats:
        """Return columns of some rows: arms, then traits."""
        out = np.zeros((len(self.arm[rows]), self.size))
        out[np.arange(len(out)), self.arm[rows]] = 1.0
        out[:, self.arms :] = self.traits[rows]
        return out

    def pieces(self, rows: slice, eta: Floats) -> tuple[Floats, Floats]:
        """Return by row the score and the information of eta."""
        y, heads = self.trial.outcome[rows], self.trial.customers[rows]
        if self.kind == CHANCE:
            f = 1 / (1 + np.exp(-eta))
            n = self.trial.periods[rows]
            base = f if self.stays else 1 - f
            p = base**n
            slope = n * p * (1 - base)  # of staying all periods, by eta up to sign
            y, sign = (y, 1.0) if self.stays else (1 - y, -1.0)
            spread = np.maximum(p * (1 - p), 1e-12)
            return heads * sign * slope * (y - p) / spread, heads * slope**2 / spread
        if self.kind == GAIN:
            mean = np.exp(np.minimum(eta, 700.0))
            return heads * (y - mean), heads * mean
        return heads * (y - eta), heads

    def maximum(self, cluster: Ints | None = None) -> tuple[Floats, Floats]:
        """Return the parameters of highest likelihood and their covariance.

        ``cluster`` (rows,): who resemble each other; the covariance is then the sandwich of sums by cluster (Liang &
        Zeger 1986), of as many degrees of freedom as clusters leave.
        """
        every = max(len(self.arm) // FEW, 1)
        at, start = self.start(), self.start()
        for stride in (every, 1) if every > 1 else (1,):  # a part of the rows first: most steps are cheap
            for _ in range(STEPS):
                score, information, meat = self.moments(at, stride)
                score -= self.prior * (at - start)
                information += np.diag(self.prior)
                step = np.linalg.solve(information, score)
                at = at + step / max(1.0, float(np.abs(step).max()) / 2)
                if float(score @ step) < CLOSE:
                    break
        inverse = np.linalg.inv(information)
        if cluster is not None:
            return at, self.by_cluster(at, np.asarray(inverse, dtype=np.float64), cluster)
        if self.kind != CHANCE:
            inverse = inverse @ (meat + np.diag(self.prior)) @ inverse
        return at, np.asarray(inverse, dtype=np.float64)

    def by_cluster(self, at: Floats, inverse: Floats, cluster: Ints) -> Floats:
        """Return the covariance where rows of a cluster resemble each other."""
        from scipy import special

        number = int(cluster.max()) + 1
        sums = np.zeros((number, self.size))
        for rows in _blocks(len(self.arm)):
            columns = self.columns(rows)
            np.add.at(sums, cluster[rows], columns * self.pieces(rows, columns @ at)[0][:, None])
        free = max(number - self.size, 1)
        more = number / max(number - 1, 1) * (float(special.stdtrit(free, 0.975)) / NORMAL) ** 2
        return np.asarray(inverse @ (more * sums.T @ sums + np.diag(self.prior)) @ inverse)

    def moments(self, at: Floats, stride: int) -> tuple[Floats, Floats, Floats]:
        """Return score, information and the scores' squares over every so many rows."""
        score, information, meat = np.zeros(self.size), *np.zeros((2, self.size, self.size))
        for rows in _blocks(len(self.arm), stride):
            columns = self.columns(rows)
            by_eta, weight = self.pieces(rows, columns @ at)
            score += columns.T @ by_eta
            information += (columns.T * weight) @ columns
            if self.kind != CHANCE:
                meat += (columns.T * by_eta**2) @ columns
        return score, information, meat

    def start(self) -> Floats:
        """Return arms at the mean of all, traits without effect: where the loose prior lies as well."""
        trial = self.trial
        mean = float(np.average(trial.outcome, weights=trial.customers))
        out = np.zeros(self.size)
        if self.kind == CHANCE:
            share = np.clip(mean, 1e-6, 1 - 1e-6)
            periods = float(np.average(trial.periods, weights=trial.customers))
            f = share ** (1 / periods) if self.stays else 1 - (1 - share) ** (1 / periods)
            out[: self.arms] = np.log(f) - np.log1p(-f)
        else:
            out[: self.arms] = np.log(max(mean, 1e-12)) if self.kind == GAIN else mean
        return out

    def standardised(self, at: Floats, covariance: Floats) -> tuple[Floats, Floats]:
        """Return the mean of everybody at each arm, and the covariance of these means."""
        heads = self.trial.customers
        whole, arms = float(heads.sum()), self.arms
        mean, second = np.zeros(arms), np.zeros((arms, arms))
        slope = np.zeros((arms, self.size))
        for rows in _blocks(len(self.arm)):
            traits, share = self.traits[rows], heads[rows] / whole
            eta = (traits @ at[arms:])[:, None] + at[:arms]
            if self.kind == CHANCE:
                value = 1 / (1 + np.exp(-eta))
                by_eta = value * (1 - value)
            elif self.kind == GAIN:
                value = by_eta = np.exp(np.minimum(eta, 700.0))
            else:
                value, by_eta = eta, np.ones_like(eta)
            mean += share @ value
            second += (value * share[:, None]).T @ value
            slope[np.arange(arms), np.arange(arms)] += share @ by_eta
            slope[:, arms:] += (by_eta * share[:, None]).T @ traits
        who = (second - np.outer(mean, mean)) / whole
        return mean, slope @ covariance @ slope.T + who
