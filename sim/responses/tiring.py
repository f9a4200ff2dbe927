"""What contacts of late do now, from a log of contacts: money that works less, purchases that were only pulled forward.

A row is a customer in a period, with the money it got then and what came of it; its rows before say what it got when::

    g(E[y_it]) = level + L(f(a_it)) + b' x_i + season_t,     of purchases with log(G(a_it) - p B_it) in place of L(f)
    a_it = (1 - c) u_it (1 + w u_ref)/(1 + w s_it) + c a_i,t-1,     s_it = k s_i,t-1 + (1 - k) u_i,t-1
    B_it = k B_i,t-1 + (1 - k) (G(a_i,t-1) - 1),     G(a) = (1 + f(a))/(1 + f(u_ref))

as the engine has it (:mod:`sim.engine.of_late`), with ``w = 1/R`` and what is carried over, ``c``, as stated; ``g`` is
the logit of a chance, the logarithm of what is bought, the identity of points; ``x`` are traits in standard deviations,
and periods differ around their mean. A logit of traits is steeper than that of their mean by
``sqrt(1 + .346 var(b' x))`` (Zeger, Liang & Albert 1988). ``w`` and ``p`` have priors around none, where they have no
others, so that below none is no less believed than above: where nothing is, nothing is found. Posterior mode by Fisher
scoring; its covariance is the inverse information of chances, and the sandwich by customer of the others (Liang & Zeger
1986). Money that tires shows in periods with money alone, purchases pulled forward in those without, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sim.arrays import Flags, Floats
from sim.errors import InputError
from sim.responses.posterior import DRAWS, WIDER, Posterior
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN, Shape, link

__all__ = ["FORGETS", "PULLED", "USUAL", "Memory", "Tired", "tired", "usual_money"]

USUAL, FORGETS, PULLED = 2.0, 1.0, 0.3
"""Standard deviations before anything is seen: of the fatigue of usual money, ``w`` times it, around none; of the logit
of what is kept of money of late around what is stated; of the share pulled forward around none."""
CURVE, LATE = 3, 6
"""Numbers of the curve; with those of what is of late."""
SEEN = 0.05
"""Share of what money does that is lost at twice the usual money, or that was pulled forward, 97.5 % sure, from which
on it is told."""
LEAST = 0.05
"""Of ``1 + w s`` and of ``G - p B``: as far as money may work better for what came before, or purchases be missing."""
ROUNDS, STILL, LONGEST = 40, 0.02, 1.0
"""Most steps, the share of a standard deviation below which a step ends the search, and the largest step."""
BESIDE = np.array([[0.8, 0.0, 0.0], [0.0, 0.0, 0.4]])
"""Where searches begin, beside what is believed."""
APART = 0.05
"""Between ends of searches that are two."""
STEP = 1e-4
SEASON, LOOSE = 0.3, 10.0
"""Standard deviations of periods, and of levels and traits, before anything is seen."""
STEEPER = (16 * np.sqrt(3) / (15 * np.pi)) ** 2


class Memory(NamedTuple):
    """What is known of a lever's memory: mean and covariance of (``w``, logit of keep, ``p``); and ``c``, as stated."""

    mean: Floats
    covariance: Floats
    carried: float


@dataclass(frozen=True, eq=False)
class Tired:
    """What a log of contacts tells.

    Attributes
    ----------
    posterior : Posterior
        Of the curve, of steady money: with what is told of late, and without the rest.
    memory : Memory
        After the log.
    usual : float
        Money a head and period.
    lost, pulled : (low, value, high)
        Share of what money does that is lost at twice the usual money of late, against the usual; share of purchases
        added that would have come later. As told with what was believed of the curve
        :data:`~sim.responses.posterior.WIDER` as wide, or with it where the log then leaves them unsure.
    of_late : dict
        What is told of ``fatigue`` (``R``), ``keep`` and ``pulled_forward``: its draws, beside the curve's.
    """

    posterior: Posterior
    memory: Memory
    usual: float
    lost: tuple[float, float, float]
    pulled: tuple[float, float, float]
    of_late: Mapping[str, Floats]


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
    trial: Trial, shape: Shape, prior: Posterior, memory: Memory, reference: float, usual: float, stated: Floats,
    seed: int,
) -> Tired:  # fmt: skip
    """Return the curve and what of late does now, as a log of contacts tells it.

    Parameters
    ----------
    memory
        What is known before.
    reference
        Money a head under which the scenario's data were gathered: what everybody is taken to have got before.
    usual
        Money a head and period in the log.
    stated : (3,)
        ``1/R``, logit of keep and ``p`` as the scenario has them, for a log that does not tell; 0: none.

    Raises
    ------
    InputError
        If nobody has two rows, somebody two in one period, or what was bought is of several customers together.
    """
    if shape.kind != CHANCE and (trial.customers > 1).any():
        raise InputError(
            f"{trial.where}: {' / '.join(filter(None, trial.key))}: expected a row a customer and period, as the "
            "spread of amounts is not known from means"
        )
    fit = _Fit(trial, _Log(trial), shape, prior, memory, reference, usual)
    free, random = np.array([True, True, fit.pulls]), np.random.default_rng(seed)
    # a curve that was answered wrongly must not come out as money that tires
    wide = Posterior(prior.mode, prior.mode + WIDER * (prior.draws - prior.mode))
    modes = _Fit(trial, fit.log, shape, wide, memory, reference, usual).modes(free)
    at, draws = modes[0].at, _drawn(modes, random)
    lost, pulled = _late(at, draws)
    unit = np.diag([1 / usual, 1.0, 1.0])
    after = Memory(unit @ at[CURVE:LATE], unit @ np.cov(draws[:, CURVE:].T) @ unit, memory.carried)
    told = np.array([lost[0] > SEEN, False, fit.pulls and pulled[0] > SEEN])
    while True:
        told[1] = told[0] or told[2]
        still = memory if (told == free).all() else memory._replace(mean=np.where(told, memory.mean, stated))
        known = np.append(np.ones(CURVE, dtype=bool), told)
        modes = [
            mode._replace(covariance=np.where(np.outer(known, known), mode.covariance[:LATE, :LATE], 0.0))
            for mode in _Fit(trial, fit.log, shape, prior, still, reference, usual).modes(told)
        ]
        at, draws = modes[0].at, _drawn(modes, random)
        now = _late(at, draws)
        if told[0] and now[0][0] <= 0:  # with what was answered it may as well be none
            told[0], lost = False, now[0]
        elif told[2] and now[1][0] <= 0:
            told[2], pulled = False, now[1]
        else:
            break
    of_late = {}
    if told[0]:
        of_late["fatigue"] = usual / np.maximum(draws[:, 3], np.percentile(draws[:, 3], 2.5))
    if told[1]:
        of_late["keep"] = 1 / (1 + np.exp(-draws[:, 4]))
    if told[2]:
        of_late["pulled_forward"] = np.clip(draws[:, 5], 0.0, 1.0)
    return Tired(Posterior(at[:CURVE], draws[:, :CURVE]), after, usual, lost, pulled, of_late)


def _late(at: Floats, draws: Floats) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return what is lost at twice the usual money, and what is pulled forward: each low, value and high."""
    lost, pulled = np.percentile(_lost(draws[:, 3]), (2.5, 97.5)), np.percentile(draws[:, 5], (2.5, 97.5))
    return (float(lost[0]), float(_lost(at[3])), float(lost[1])), (float(pulled[0]), float(at[5]), float(pulled[1]))


class _Mode(NamedTuple):
    """A mode of the posterior, its covariance, and the logarithm of its share of the posterior, but for a constant."""

    at: Floats
    covariance: Floats
    share: float


def _drawn(modes: Sequence[_Mode], random: np.random.Generator) -> Floats:
    """Return draws of the curve and of what is of late, (draws, LATE), from each mode by its share."""
    share = np.exp(np.array([mode.share - modes[0].share for mode in modes]))
    ends = np.append(0, np.round(DRAWS * np.cumsum(share) / share.sum())).astype(int)
    parts = []
    for mode, number in zip(modes, np.diff(ends).tolist(), strict=True):
        spread, ways = np.linalg.eigh(mode.covariance[:LATE, :LATE])
        noise = random.standard_normal((number, LATE)) * np.sqrt(np.maximum(spread, 0.0))
        parts.append(mode.at[:LATE] + noise @ ways.T)
    return np.concatenate(parts)


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

    def added(self, gain: Floats, keep: float, idle: float) -> Floats:
        """Return the purchases added of late by row, given what each row multiplies them by, and no money does."""
        out, late = np.empty(gain.size), np.zeros(self.people)
        there = np.zeros(self.people, dtype=bool)
        for t in range(self.span):
            place = self.at.get(t)
            rows = np.empty(0, dtype=np.int64) if place is None else self.rows[place]
            who = self.who[rows]
            out[rows], there[who] = late[who], True
            now = np.full(self.people, idle - 1)
            now[who] = gain[rows] - 1
            late = np.where(there, keep * late + (1 - keep) * now, late)
        return out


class _Fit:
    """The regression: theta, fatigue, keep, what is pulled forward; beside them traits, the level of gains, periods."""

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
        self.pulls = trial.key[1] == "purchase_rate"
        unit = np.diag([usual, 1.0, 1.0])  # of what tires, with usual money
        self.before, self.precision = unit @ memory.mean, np.linalg.inv(unit @ memory.covariance @ unit)

    def eta(self, at: Floats) -> Floats:
        """Return the linear predictor by row."""
        keep = float(1 / (1 + np.exp(-at[4])))
        acts = self.log.works(self.trial.spend, float(at[3]) / self.usual, keep, self.memory.carried, self.reference)
        f = self.shape.seen(at[:CURVE], acts, self.trial.by_quality)
        moved, beside = link(self.kind, f), self.beside @ at[LATE:]
        if self.pulls and at[5] != 0:
            usual, idle = 1 + self.shape.at(at[:CURVE], np.array([self.reference, 0.0]))
            late = self.log.added((1 + f) / usual, keep, float(idle / usual))
            moved = np.log(usual * np.maximum((1 + f) / usual - at[5] * late, LEAST))
        if self.kind == CHANCE and self.traits:
            own = self.beside[:, : self.traits] @ at[LATE : LATE + self.traits]
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

    def start(self, late: Floats) -> Floats:
        """Return where a search begins, with so much of late."""
        at = np.concatenate([self.prior.mode, late, np.zeros(self.beside.shape[1])])
        if self.kind != CHANCE:
            mean = float(np.average(self.trial.outcome, weights=self.trial.customers))
            level = np.log(max(mean, 1e-12)) if self.kind == GAIN else mean
            at[LATE + self.traits] = level - float(np.average(self.eta(at), weights=self.trial.customers))
        return at

    def pieces(self, at: Floats, free: Flags) -> tuple[Floats, Floats, float, Floats]:
        """Return the score, the information, minus the log posterior, and the prior's precision."""
        eta = self.eta(at)
        mean, slope, variance = self.mean(eta)
        columns = np.empty((eta.size, at.size))
        for i in range(LATE):
            near = at.copy()
            near[i] += STEP
            columns[:, i] = (self.eta(near) - eta) / STEP if i < CURVE or free[i - CURVE] else 0.0
        columns[:, LATE:] = self.beside
        heads = self.trial.customers
        away = heads * (self.trial.outcome - mean) * slope / variance
        own, by_own, precision = self.prior.around(at[:CURVE])
        late = at[CURVE:LATE] - self.before
        whole = np.zeros((at.size, at.size))
        whole[:CURVE, :CURVE], whole[CURVE:LATE, CURVE:LATE] = precision, self.precision
        whole[range(LATE, at.size), range(LATE, at.size)] = self.rest
        scores = np.concatenate([by_own, self.precision @ late, self.rest * at[LATE:]])
        loss = own + 0.5 * float(late @ self.precision @ late) + 0.5 * float(self.rest @ at[LATE:] ** 2)
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

    def modes(self, free: Flags) -> list[_Mode]:
        """Return the modes, the best first; of fatigue, keep and ``p`` what is not ``free`` stays as believed.

        Money that tires and purchases pulled forward look alike from afar: each is a place to begin from, and where
        searches from them end apart, each end counts by its share, as Laplace has it.
        """
        begin = [self.before]
        if free[0] and free[2]:
            begin += [self.before + each for each in BESIDE]
        out = list[_Mode]()
        for at, _ in sorted((self._climb(self.start(each), free) for each in begin), key=lambda end: end[1]):
            if any(abs(each.at - at)[:LATE].max() < APART for each in out):
                continue
            _, bend, loss, whole = self.pieces(at, free)
            out.append(_Mode(at, self._covariance(at, bend, whole), -loss - 0.5 * float(np.linalg.slogdet(bend)[1])))
        return out

    def _climb(self, at: Floats, free: Flags) -> tuple[Floats, float]:
        """Return the mode that a search ends at, and minus the log posterior there."""
        score, bend, loss, _ = self.pieces(at, free)
        for _ in range(ROUNDS):
            step = np.linalg.solve(bend, score)
            step[CURVE:LATE] *= free
            step *= min(1.0, LONGEST / max(float(np.abs(step[:LATE]).max()), 1e-12))
            tried = self.pieces(at + step, free)
            while tried[2] > loss and np.abs(step).max() > 1e-7:
                step = step / 2
                tried = self.pieces(at + step, free)
            at = at + step
            score, bend, loss, _ = tried
            if float((np.abs(step) * np.sqrt(np.diag(bend))).max()) < STILL:
                break
        return at, loss

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
