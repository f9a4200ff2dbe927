"""Whether experiments on one curve agree where they gave the same money (Cochran 1954), and errors where they do not.

::

    y_ik = level_k + own_i + error,   Q = r' V^-1 r,   df = rows - rank

``y`` is the logit of a chance of one period, the logarithm of a gain's mean (with a level ``own_i`` of each experiment
as gains are known against it alone) or the points; ``r`` is what generalised least squares leave. Where ``Q`` is over
its 97.5 % quantile, errors of all are taken ``sqrt(Q/df)`` times as wide (Birge 1932).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.arrays import Floats
from sim.responses.arms import Measured
from sim.responses.read import Trial
from sim.responses.shape import CHANCE, GAIN, link

__all__ = ["agreeing"]

SURE = 0.975


def agreeing(tested: Sequence[tuple[Trial, Measured]], kind: str) -> tuple[list[tuple[Trial, Measured]], list[str]]:
    """Return experiments with the errors that their disagreement calls for, and what is to be said of it."""
    from scipy import special

    if len(tested) < 2:
        return list(tested), []
    told = [_linked(trial, found, kind) for trial, found in tested]
    y = np.concatenate([each for each, _ in told])
    money = np.concatenate([found.spend for _, found in tested])
    doses = np.unique(money)
    owner = np.repeat(np.arange(len(tested)), [len(each) for each, _ in told])
    columns = (money[:, None] == doses).astype(np.float64)
    if kind == GAIN:
        columns = np.hstack([columns, owner[:, None] == np.arange(len(tested))])
    free = y.size - int(np.linalg.matrix_rank(columns))
    if not free:
        return list(tested), []
    roots = np.zeros((y.size, y.size))
    for number, (_, covariance) in enumerate(told):
        own = np.flatnonzero(owner == number)
        roots[np.ix_(own, own)] = np.linalg.inv(np.linalg.cholesky(covariance))
    left = roots @ y - roots @ columns @ np.linalg.lstsq(roots @ columns, roots @ y, rcond=None)[0]
    q = float(left @ left)
    if special.chdtr(free, q) <= SURE:
        return list(tested), []
    apart = float(np.sqrt(q / free))
    by_dose = {dose: [(trial, arm) for trial, found in tested for arm in found.arms if arm.spend == dose]
               for dose in doses}  # fmt: skip
    seen = "; ".join(
        f"at {dose:g} " + ", ".join(f"{arm.mean:.4g} of {arm.customers:,.0f} ({trial.where})" for trial, arm in arms)
        for dose, arms in by_dose.items()
        if len(arms) > 1
    )
    chosen = [trial.where for trial, _ in tested if trial.chosen]
    why = f"; in {', '.join(chosen)} the firm chose who got money, which biases" if chosen else ""
    return [(trial, replace(found, apart=apart)) for trial, found in tested], [
        f"{len(tested)} experiments disagree by more than luck does: {seen} (Cochran's Q {q:.1f}, {free} expected of "
        f"luck); the curve is fitted to all, with errors taken {apart:.1f} times as wide{why}"
    ]


def _linked(trial: Trial, found: Measured, kind: str) -> tuple[Floats, Floats]:
    """Return the arms where they can be compared with other experiments', and their covariance (delta method)."""
    mean, slope = found.mean, np.ones(len(found.arms))
    if kind == CHANCE:
        mean = np.clip(mean, 0.5 / trial.customers.sum(), 1 - 0.5 / trial.customers.sum())
        periods = 1.0 if found.weighed else float(np.average(trial.periods, weights=trial.customers))
        base = mean if trial.key[1] == "survival" else 1 - mean  # of nothing happening in all periods
        stays = base ** (1 / periods)
        slope = stays / (periods * base) / (stays * (1 - stays))
        mean = link(CHANCE, stays if trial.key[1] == "survival" else 1 - stays)
    elif kind == GAIN:
        slope = 1 / np.maximum(mean, 1e-12)
        mean = np.log(np.maximum(mean, 1e-12))
    return mean, found.covariance * np.outer(slope, slope)
