"""What answers and experiments together say of a curve: answers as prior, data as likelihood, Laplace.

::

    log p(theta) = -1/2 d' R^-1 d + log likelihood(theta),   d_j = (L(f(at_j)) - m_j)/s_j

``R`` is how what was learned before moves together, as the scenario states it; answers are each by themselves. An
answer's range is taken as 95 % of what the manager believes, ``s = (L(high) - L(low))/3.92``; where data leave a number
alone its range stays as it is. Several managers are an
equal pool (Stone 1961): its mean, and as variance the mean of theirs plus that between them, so that disagreement stays
as width. Chances are binomial over the periods watched or, where traits were weighed, normal on the logit; of gains the
arms' means are normal around ``B (1 + f(u))`` with the level ``B`` integrated out under a flat prior. Where
experiments disagree the log likelihood is divided by the square of what their errors are widened by. The posterior is
normal at its mode (Tierney & Kadane 1986).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.arrays import Floats
from sim.intervals import NORMAL, hessian
from sim.responses.arms import Measured
from sim.responses.read import Answer, Trial
from sim.responses.shape import CHANCE, GAIN, NEVER, Shape, back, link

__all__ = ["SHARP", "STEP", "WIDER", "Belief", "Posterior", "pooled", "settle"]

LOOSE = 10.0
"""Standard deviation of what nothing is said of, in theta: as good as no prior."""
WIDER = 5.0
"""Times the standard deviations of beliefs under which rows are fitted to see what they say themselves."""
DRAWS = 2000
STEP = 1e-3
SHARP = 1e-3
"""Standard deviation of what is believed without a range, on the scale of ``L``."""


@dataclass(frozen=True)
class Belief:
    """What is believed of ``f`` at an intensity, as mean and standard deviation of ``L(f)``; of ``half``: its log."""

    at: float
    mean: float
    sd: float
    low: float
    """What lies below it, and above it, with 2.5 % each; they need not be as far away. On the scale of the mean."""
    high: float
    managers: int = 1
    path: str = ""
    """Where it stands under ``uncertain``; nothing where it was answered anew."""
    assumed: bool = False
    """Nobody stated a range."""
    learned: bool = False
    """It is what data said before, not what somebody stated."""
    fixed: bool = False
    """That of a gain no money brings none, where nobody says otherwise: what is bought without money is what 1 is."""

    def value(self, shape: Shape, theta: Floats) -> float:
        """Return what a theta says of it, on the scale of the mean."""
        if self.at < 0:
            return float(theta[2])
        return float(link(shape.kind, shape.at(theta, np.array([self.at])))[0])

    def shown(self, shape: Shape, value: float) -> float:
        """Return a value on the scale of the mean as a scenario states it."""
        return float(np.exp(value)) if self.at < 0 else back(shape.kind, value)

    def as_wide(self, times: float) -> "Belief":
        """Return it so many times as wide; what is fixed stays."""
        if self.fixed:
            return self
        low, high = (self.mean + times * (end - self.mean) for end in (self.low, self.high))
        return replace(self, sd=times * self.sd, low=low, high=high)


@dataclass(frozen=True, eq=False)
class Posterior:
    """The mode of theta and draws around it; ``loss``: minus the log density, where it is known beyond these."""

    mode: Floats
    draws: Floats
    loss: Callable[[Floats], float] | None = None

    def around(self, at: Floats) -> tuple[float, Floats, Floats]:
        """Return minus the log density at a theta, its gradient, and its curvature, which is nowhere less than none."""
        if self.loss is None:
            spread = np.cov(self.draws.T)
            precision = np.linalg.inv(spread + 1e-12 * np.trace(spread) * np.eye(at.size))
            slope = precision @ (at - self.mode)
            return 0.5 * float((at - self.mode) @ slope), slope, precision
        steps = STEP * np.eye(at.size)
        slope = np.array([(self.loss(at + step) - self.loss(at - step)) / (2 * STEP) for step in steps])
        values, vectors = np.linalg.eigh(hessian(self.loss, at, STEP))
        return self.loss(at), slope, (vectors * np.maximum(values, LOOSE**-2)) @ vectors.T


def pooled(answers: Sequence[Answer], kind: str) -> list[Belief]:
    """Return what managers believe together at each intensity they were asked about."""
    out = []
    for at in sorted({answer.at for answer in answers}):
        own = [answer for answer in answers if answer.at == at]
        means = np.array([float(link(kind, answer.value)) for answer in own])
        widths = np.array([float(link(kind, a.high) - link(kind, a.low)) / (2 * NORMAL) for a in own])
        sd = float(np.sqrt((widths**2).mean() + means.var()))
        mean, sd = float(means.mean()), max(sd, SHARP)
        ends = (mean - NORMAL * sd, mean + NORMAL * sd)
        if len(own) == 1:
            low, high = (float(link(kind, each)) for each in (own[0].low, own[0].high))
            ends = (min(low, mean - NORMAL * SHARP), max(high, mean + NORMAL * SHARP))
        out.append(Belief(at, mean, sd, *ends, managers=len(own)))
    return out


def settle(
    shape: Shape, beliefs: Sequence[Belief], trials: Sequence[tuple[Trial, Measured]], seed: int,
    correlation: Floats | None = None,
) -> Posterior:  # fmt: skip
    """Return the posterior of a curve's theta.

    Parameters
    ----------
    beliefs
        Prior; those of ``half`` have the intensity -1.
    trials
        With what they measured.
    correlation : (beliefs, beliefs), optional
        Of the beliefs; None: each by itself.
    """
    from scipy.optimize import minimize

    start = shape.start
    points, means, sds = (np.array([getattr(each, name) for each in beliefs]) for name in ("at", "mean", "sd"))
    weight = np.eye(len(beliefs)) if correlation is None else np.linalg.inv(correlation)
    if shape.kind == CHANCE:
        trials = [(trial if found.weighed else _counted(trial), found) for trial, found in trials]

    def loss(theta: Floats) -> float:
        value = 0.5 * float((((theta - start) / LOOSE) ** 2).sum())
        told = np.where(points < 0, theta[2], link(shape.kind, shape.at(theta, np.maximum(points, 0.0))))
        away = (told - means) / sds
        value += 0.5 * float(away @ weight @ away)
        return value - sum(_log_likelihood(shape, theta, trial, found) / found.apart**2 for trial, found in trials)

    scale = max(loss(start), 1.0)
    rough = minimize(lambda t: loss(t) / scale, start, method="Nelder-Mead",
                     options={"maxiter": 2000, "xatol": 1e-5, "fatol": 1e-12})  # fmt: skip
    best = minimize(loss, rough.x, method="BFGS", options={"gtol": 1e-5})
    mode = np.asarray(best.x if best.fun <= loss(rough.x) else rough.x)
    curvature = hessian(loss, mode, STEP)
    values, vectors = np.linalg.eigh(curvature)
    root = vectors / np.sqrt(np.maximum(values, LOOSE**-2))
    random = np.random.default_rng(seed)
    return Posterior(mode, mode + random.standard_normal((DRAWS, mode.size)) @ root.T, loss)


def _counted(trial: Trial) -> Trial:
    """Return a trial with one row for all who got the same money and were watched as long."""
    kinds, place = np.unique(np.stack([trial.spend, trial.periods]), axis=1, return_inverse=True)
    heads = np.bincount(place.ravel(), weights=trial.customers).astype(np.float64)
    hits = np.bincount(place.ravel(), weights=trial.customers * trial.outcome)
    return replace(trial, spend=kinds[0], periods=kinds[1], customers=heads, outcome=hits / heads)


def _log_likelihood(shape: Shape, theta: Floats, trial: Trial, found: Measured) -> float:
    if shape.kind == CHANCE and not found.weighed:
        f = np.clip(shape.seen(theta, trial.spend, trial.by_quality), 1e-12, 1 - 1e-12)
        stays = trial.key[1] == "survival"
        p = np.clip(f**trial.periods if stays else 1 - (1 - f) ** trial.periods, 1e-15, 1 - 1e-15)
        hits = trial.customers * trial.outcome
        return float((hits * np.log(p) + (trial.customers - hits) * np.log1p(-p)).sum())
    f, mean, precision = shape.seen(theta, found.spend, trial.by_quality), found.mean, found.precision
    if shape.kind == GAIN:
        g = np.maximum(1 + f, NEVER)
        known = float(g @ precision @ g)
        away = mean - g * float(mean @ precision @ g) / known
        return -0.5 * float(away @ precision @ away) - 0.5 * float(np.log(known))
    if shape.kind == CHANCE:  # on the logit, where a mean near none or all is not normal
        slope = np.maximum(mean * (1 - mean), 1e-12)
        precision = precision * np.outer(slope, slope)
        f, mean = link(CHANCE, f), link(CHANCE, mean)
    return -0.5 * float((mean - f) @ precision @ (mean - f))
