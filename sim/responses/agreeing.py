"""Whether experiments on one curve agree where they gave the same money (Cochran 1954), and errors where they do not.

Also whether a curve of the stated shape goes through all of them, or through all that managers say, and whether logs,
histories and what was learned before say the same.

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
from sim.responses.posterior import Belief, Posterior, settle
from sim.responses.read import Answer, Trial
from sim.responses.shape import CHANCE, GAIN, Shape, back, link

__all__ = ["against", "agreeing", "bent", "excluding", "in_turn"]

SURE = 0.975


def agreeing(tested: Sequence[tuple[Trial, Measured]], kind: str) -> tuple[list[tuple[Trial, Measured]], list[str]]:
    """Return experiments with the errors that their disagreement calls for, and what is to be said of it."""
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
    if _below(free, q) <= SURE:
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


def bent(
    tested: Sequence[tuple[Trial, Measured]], shape: Shape, seed: int
) -> tuple[list[tuple[Trial, Measured]], list[str]]:
    """Return experiments with the errors that a curve needs to go through them, fitted to them alone, and what is said.

    As :func:`agreeing`, at all money together: with three numbers of the curve, of gains two, fewer rows are free.
    """
    fitted = 2 if shape.kind == GAIN else 3
    if sum(len(found.arms) - (shape.kind == GAIN) for _, found in tested) <= fitted:
        return list(tested), []
    alone = settle(shape, [], tested, seed)
    q, free, told = _misfit(tested, shape, alone.mode)
    if _below(free - fitted, q) <= SURE:
        return list(tested), []
    apart = float(np.sqrt(q / (free - fitted)))
    return [(trial, replace(found, apart=found.apart * apart)) for trial, found in tested], [
        f"no curve of its shape goes through what was seen: {told} (chi-square {q:.1f}, {free - fitted} expected of "
        f"luck); errors are taken {apart:.1f} times as wide"
    ]


def in_turn(
    tested: Sequence[tuple[Trial, Measured]], shape: Shape, beliefs: Sequence[Belief], near: Floats, seed: int
) -> tuple[list[tuple[Trial, Measured]], list[Belief], list[str]]:
    """Return experiments and what data said before, as wide as their disagreement calls for, and what is to be said.

    As :func:`agreeing` does with experiments that are given together: none counts for more for having come later.
    """
    own = [i for i, each in enumerate(beliefs) if each.path or each.fixed]  # what is answered anew is not of before
    if not tested or not any(each.learned for each in beliefs):
        return list(tested), list(beliefs), []
    before = settle(shape, [beliefs[i] for i in own], (), seed, near[np.ix_(own, own)])
    q, free, told = _misfit(tested, shape, before.mode, before.draws)
    if free < 1 or _below(free, q) <= SURE:
        return list(tested), list(beliefs), []
    apart = float(np.sqrt(q / free))
    wider = [each.as_wide(apart) if each.learned else each for each in beliefs]
    return (
        [(trial, replace(found, apart=found.apart * apart)) for trial, found in tested],
        wider,
        [
            f"experiments and what was learned before from data disagree by more than luck does: {told} (chi-square "
            f"{q:.1f}, {free} expected of luck); both are taken {apart:.1f} times as wide"
        ],
    )


def excluding(
    beliefs: Sequence[Belief], answers: Sequence[Answer], shape: Shape, near: Floats, seed: int
) -> tuple[list[Belief], list[str]]:
    """Return beliefs as wide as a curve needs them to go through all that was stated, and what is said.

    As :func:`bent`, of answers and ranges that somebody stated, ``near`` how these move together; at one money managers
    are pooled already.
    """
    told = [i for i, each in enumerate(beliefs) if not (each.assumed or each.learned)]
    if len(told) < 2 or all(beliefs[i].path for i in told):
        return list(beliefs), []
    own, among = [beliefs[i] for i in told], near[np.ix_(told, told)]
    mode = settle(shape, own, (), seed, among).mode
    expected = [each.value(shape, mode) for each in own]
    away = np.array([(value - each.mean) / each.sd for value, each in zip(expected, own, strict=True)])
    q, free = float(away @ np.linalg.solve(among, away)), max(len(own) - shape.start.size, 1)
    if _below(free, q) <= SURE:
        return list(beliefs), []
    apart = float(np.sqrt(q / free))
    names = {at: dict.fromkeys(each.manager or "a manager" for each in answers if each.at == at)
             for at in {each.at for each in answers}}  # fmt: skip
    seen = "; ".join(
        f"{_place(each, shape)} {each.shown(shape, each.mean):.4g} "
        f"({' and '.join(names.get(each.at, ['the scenario']))}) against {each.shown(shape, value):.4g}"
        for each, value in sorted(zip(own, expected, strict=True), key=lambda pair: pair[0].at)
        if not each.fixed
    )
    return [each.as_wide(apart) if i in told else each for i, each in enumerate(beliefs)], [
        f"no curve of its shape goes through all that was stated: {seen} (chi-square {q:.1f}, {free} expected of "
        f"luck); ranges are taken {apart:.1f} times as wide, and one of them is wrong"
    ]


def _place(belief: Belief, shape: Shape) -> str:
    return shape.last if belief.at < 0 else "with unlimited money" if np.isinf(belief.at) else f"at {belief.at:g}"


def against(tested: Sequence[tuple[Trial, Measured]], shape: Shape, rows: Posterior) -> list[str]:
    """Return how experiments and the curve of logs and histories alone disagree, where that is more than luck."""
    if not tested:
        return []
    q, free, told = _misfit(tested, shape, rows.mode, rows.draws)
    if free < 1 or _below(free, q) <= SURE:
        return []
    return [
        f"experiments and what logs and histories say alone disagree by more than luck does: {told} (chi-square "
        f"{q:.1f}, {free} expected of luck); all count by their errors, and intervals do not hold that one of them is "
        "wrong"
    ]


def _misfit(
    tested: Sequence[tuple[Trial, Measured]], shape: Shape, theta: Floats, draws: Floats | None = None
) -> tuple[float, int, str]:
    """Return ``r' V^-1 r`` of what a curve leaves of the arms, levels of gains free, how many rows, and both in words.

    ``draws``: of the curve, whose covariance is added to that of the arms.
    """
    money = np.concatenate([found.spend for _, found in tested])
    quality = [trial.by_quality for trial, _ in tested]
    parts = [_linked(trial, found, shape.kind) for trial, found in tested]
    cuts = np.cumsum([0, *(y.size for y, _ in parts)])

    def curve(each: Floats) -> Floats:
        seen = [shape.seen(each, money[a:b], by) for a, b, by in zip(cuts[:-1], cuts[1:], quality, strict=True)]
        return link(shape.kind, np.concatenate(seen))

    covariance = np.zeros((money.size, money.size))
    levels = np.zeros((money.size, len(tested)))
    for k, ((_, found), (_, own)) in enumerate(zip(tested, parts, strict=True)):
        inside = slice(cuts[k], cuts[k + 1])
        covariance[inside, inside], levels[inside, k] = own * found.apart**2, 1.0
    if draws is not None:
        covariance += np.atleast_2d(np.cov(np.array([curve(each) for each in draws[::8]]).T))
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    expected = curve(theta)
    left: Floats = np.concatenate([y for y, _ in parts]) - expected
    if shape.kind == GAIN:
        own = np.asarray(np.linalg.lstsq(root @ levels, root @ left, rcond=None)[0], dtype=np.float64)
        left, expected = left - levels @ own, expected + levels @ own
    shown = np.exp(expected) if shape.kind == GAIN else [back(shape.kind, each) for each in expected]
    arms = [(arm, trial.where) for trial, found in tested for arm in found.arms]
    told = "; ".join(
        f"at {arm.spend:g} {arm.mean:.4g} of {arm.customers:,.0f} ({where}) against {value:.4g}"
        for (arm, where), value in zip(arms, shown, strict=True)
    )
    left = root @ left
    return float(left @ left), money.size - (len(tested) if shape.kind == GAIN else 0), told


def _below(free: int, q: float) -> float:
    """Return the chance of less than ``q`` under a chi-square law."""
    from scipy import special

    return float(special.chdtr(free, q))


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
