"""What answers and experiments together say of a curve: answers as prior, data as likelihood, Laplace.

::

    log p(theta) = -1/2 sum_j ((L(f(at_j)) - m_j)/s_j)^2 + log likelihood(theta)

An answer's range is taken as 95 % of what the manager believes, ``s = (L(high) - L(low))/3.92``. Several managers are
an equal pool (Stone 1961): its mean, and as variance the mean of theirs plus that between them, so that disagreement
stays as width. Chances are binomial over the periods watched; of gains the arms' means are normal around
``B (1 + f(u))`` with the level ``B`` integrated out under a flat prior. The posterior is
normal at its mode (Tierney & Kadane 1986).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.arrays import Floats
from sim.errors import InputError
from sim.intervals import NORMAL, hessian
from sim.responses.read import Answer, Trial
from sim.responses.shape import CHANCE, GAIN, Shape, link

__all__ = ["Arm", "Belief", "Posterior", "arms_of", "pooled", "refuse_falling", "settle"]

LOOSE = 10.0
"""Standard deviation of what nothing is said of, in theta: as good as no prior."""
DRAWS = 2000
STEP = 1e-3


@dataclass(frozen=True)
class Belief:
    """What is believed of ``f`` at an intensity, as mean and standard deviation of ``L(f)``; of ``half``: its log."""

    at: float
    mean: float
    sd: float
    managers: int = 1


@dataclass(frozen=True)
class Arm:
    """Customers with the same money: how many, the mean of their outcome and its standard error."""

    spend: float
    customers: float
    mean: float
    error: float


@dataclass(frozen=True, eq=False)
class Posterior:
    """The mode and draws of theta around it."""

    mode: Floats
    draws: Floats


def pooled(answers: Sequence[Answer], kind: str) -> list[Belief]:
    """Return what managers believe together at each intensity they were asked about."""
    out = []
    for at in sorted({answer.at for answer in answers}):
        own = [answer for answer in answers if answer.at == at]
        means = np.array([float(link(kind, answer.value)) for answer in own])
        widths = np.array([float(link(kind, a.high) - link(kind, a.low)) / (2 * NORMAL) for a in own])
        sd = float(np.sqrt((widths**2).mean() + means.var()))
        out.append(Belief(at, float(means.mean()), max(sd, 1e-3), len(own)))
    return out


def arms_of(trial: Trial, kind: str) -> list[Arm]:
    """Return an experiment's arms; outcomes of chances are shares, of gains any amounts.

    Raises
    ------
    InputError
        If a chance's outcome is none, or the spread of a gain's outcome cannot be told.
    """
    out = []
    for dose in trial.doses:
        inside = trial.spend == dose
        heads, outcome = trial.customers[inside], trial.outcome[inside]
        n, mean = float(heads.sum()), float(np.average(outcome, weights=heads))
        if kind == CHANCE:
            if outcome.min() < 0 or outcome.max() > 1:
                raise InputError(
                    f"{trial.where}: {' / '.join(filter(None, trial.key))}: expected outcomes between 0 and 1, as a "
                    f"chance is moved, got {outcome.min():g} to {outcome.max():g}"
                )
            error = float(np.sqrt(max(mean * (1 - mean), 0.25 / n) / n))
        else:
            if (heads > 1).any() or n < 2:
                raise InputError(
                    f"{trial.where}: {' / '.join(filter(None, trial.key))}: expected a row a customer, at least two "
                    f"an arm, as the spread of amounts is not known from means, got {inside.sum()} rows at {dose:g}"
                )
            error = max(float(outcome.std(ddof=1) / np.sqrt(n)), 1e-12)
        out.append(Arm(float(dose), n, mean, error))
    return out


def refuse_falling(trial: Trial, arms: Sequence[Arm]) -> None:
    """Raise where outcomes fall with money, beyond what luck may do (2.5 %), as no curve of the model can."""
    spend, mean, error = (np.array([getattr(arm, name) for arm in arms]) for name in ("spend", "mean", "error"))
    weight = error**-2
    away = spend - np.average(spend, weights=weight)
    spread = float(weight @ away**2)
    if spread > 0 and float(weight @ (away * mean)) / np.sqrt(spread) < -NORMAL:
        seen = ", ".join(f"{arm.mean:.4g} of {arm.customers:,.0f} at {arm.spend:g}" for arm in arms)
        lever, moves, segment = trial.key
        chosen = "; the firm chose who got money, and may have chosen those with the least hope" * trial.chosen
        raise InputError(
            f"{trial.where}: {lever} on {moves}{f' of {segment}' if segment else ''}: more money went with less "
            f"({seen}), and the model says that money does not harm{chosen}; test at random, or leave this out"
        )


def settle(
    shape: Shape, beliefs: Sequence[Belief], trials: Sequence[tuple[Trial, Sequence[Arm]]], seed: int
) -> Posterior:
    """Return the posterior of a curve's theta.

    Parameters
    ----------
    beliefs
        Prior; those of ``half`` have the intensity -1.
    trials
        With their arms.
    """
    from scipy.optimize import minimize

    start = shape.start
    points = np.array([belief.at for belief in beliefs if belief.at >= 0])
    means = np.array([belief.mean for belief in beliefs if belief.at >= 0])
    sds = np.array([belief.sd for belief in beliefs if belief.at >= 0])
    halves = [belief for belief in beliefs if belief.at < 0]
    if shape.kind == CHANCE:
        trials = [(_counted(trial), arms) for trial, arms in trials]

    def loss(theta: Floats) -> float:
        value = 0.5 * float((((theta - start) / LOOSE) ** 2).sum())
        value += 0.5 * float((((link(shape.kind, shape.at(theta, points)) - means) / sds) ** 2).sum())
        value += sum(0.5 * ((float(theta[2]) - half.mean) / half.sd) ** 2 for half in halves)
        return value - sum(_log_likelihood(shape, theta, trial, arms) for trial, arms in trials)

    scale = loss(start) or 1.0
    rough = minimize(lambda t: loss(t) / scale, start, method="Nelder-Mead",
                     options={"maxiter": 2000, "xatol": 1e-5, "fatol": 1e-12})  # fmt: skip
    best = minimize(loss, rough.x, method="BFGS", options={"gtol": 1e-5})
    mode = np.asarray(best.x if best.fun <= loss(rough.x) else rough.x)
    curvature = hessian(loss, mode, STEP)
    values, vectors = np.linalg.eigh(curvature)
    root = vectors / np.sqrt(np.maximum(values, LOOSE**-2))
    random = np.random.default_rng(seed)
    return Posterior(mode, mode + random.standard_normal((DRAWS, mode.size)) @ root.T)


def _counted(trial: Trial) -> Trial:
    """Return a trial with one row for all who got the same money and were watched as long."""
    kinds, place = np.unique(np.stack([trial.spend, trial.periods]), axis=1, return_inverse=True)
    heads = np.bincount(place.ravel(), weights=trial.customers).astype(np.float64)
    hits = np.bincount(place.ravel(), weights=trial.customers * trial.outcome)
    return replace(trial, spend=kinds[0], periods=kinds[1], customers=heads, outcome=hits / heads)


def _log_likelihood(shape: Shape, theta: Floats, trial: Trial, arms: Sequence[Arm]) -> float:
    if shape.kind == CHANCE:
        f = np.clip(shape.at(theta, trial.spend), 1e-12, 1 - 1e-12)
        stays = trial.key[1] == "survival"
        p = np.clip(f**trial.periods if stays else 1 - (1 - f) ** trial.periods, 1e-15, 1 - 1e-15)
        hits = trial.customers * trial.outcome
        return float((hits * np.log(p) + (trial.customers - hits) * np.log1p(-p)).sum())
    spend, mean, error = (np.array([getattr(arm, name) for arm in arms]) for name in ("spend", "mean", "error"))
    f = shape.at(theta, spend)
    if shape.kind != GAIN:
        return -0.5 * float((((mean - f) / error) ** 2).sum())
    g, weight = 1 + f, error**-2
    known = float(weight @ g**2)
    level = float(weight @ (mean * g)) / known
    return -0.5 * float(weight @ (mean - level * g) ** 2) - 0.5 * float(np.log(known))
