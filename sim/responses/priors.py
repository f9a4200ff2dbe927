"""What is believed of a curve before data, and what is made of it where data say something else.

A belief is held against all else that is known: with the curve fitted without it, what that says of the number, ``m``
with standard error ``e``, lies ``|m - mean|/sqrt(s^2 + e^2)`` errors away (the prior-predictive check of Box 1980, one
belief at a time). Beyond :data:`MOST` errors its width becomes ``s^2 = ((m - mean)/MOST)^2 - e^2``, so that it lies
just so many errors away: it counts for little, and the result is not between two things that exclude each other. A
range that nobody stated is then no narrower than the error of the data either, and experiments that disagree are held
against it with their own errors: that they disagree makes no assumption surer. What was learned from data before gives
way to no other data: :func:`sim.responses.agreeing.in_turn` widens both.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.intervals import NORMAL
from sim.responses.arms import Measured
from sim.responses.posterior import SHARP, STEP, WIDER, Belief, Posterior, pooled, settle
from sim.responses.read import Answer, Trial
from sim.responses.shape import CHANCE, GAIN, Shape, link

__all__ = ["beliefs_of", "correlation_of", "errors_at", "held_against", "interval", "reconciled", "widened"]

FACTOR = 2.0
"""An answer without a range: what money brings may be half of it or twice as much."""
MOST = {True: 2.0, False: 2.5}
"""Errors that data may lie from a belief whose range was assumed, and from one that somebody stated."""
TELLS = 0.1
"""Share of a belief's precision that a log or a history must add to be held against it."""
NOTHING = 0.01
"""Share of a belief's precision, or standard deviation, that data must move it by to have moved it."""


def beliefs_of(
    shape: Shape,
    answers: Sequence[Answer],
    path: str,
    ranges: Mapping[str, Mapping[str, Any]],
    learned: AbstractSet[str] = frozenset(),
) -> list[Belief]:
    """Return the prior: what managers say, and the scenario's own answers where they say nothing.

    ``learned``: numbers whose ranges are what data said before; answers are then one more thing known beside them.

    A gain without money of 0 that nobody gave a range is no belief that data could move, but what gains are counted
    from: data tell ratios alone.
    """
    curve, kind = shape.curve, shape.kind
    floor = curve.without_money
    room = curve.brings - floor
    given, out = pooled(answers, kind), []
    if kind == GAIN:
        given = [
            replace(each, low=0.0, high=0.0, fixed=True) if each.at == each.mean == 0 and each.sd <= SHARP else each
            for each in given
        ]
    asked = {belief.at for belief in given}
    stated = {"without_money": 0.0, "unlimited_money": np.inf, shape.last: curve.spend}
    for name, at in stated.items():
        known = name in learned and f"{path}.{name}" in ranges
        if not known and (at in asked or (0 < at < np.inf and any(0 < each < np.inf for each in asked))):
            continue
        value = float(getattr(curve, name))
        if kind == GAIN and at == value == 0 and f"{path}.{name}" not in ranges:
            out.append(Belief(at, 0.0, SHARP, 0.0, 0.0, path=f"{path}.{name}", fixed=True))
            continue
        if f"{path}.{name}" in ranges:
            low, high = (float(ranges[f"{path}.{name}"][end]) for end in ("low", "high"))
        else:
            low, high = usual(name, value, floor, room, kind)
        if name == "half":
            (mean, low, high), at = (float(np.log(each)) for each in (value, low, high)), -1.0
        else:
            mean, low, high = (float(link(kind, each)) for each in (value, low, high))
        where = f"{path}.{name}"
        out.append(Belief(at, mean, max((high - low) / (2 * NORMAL), SHARP), low, high, path=where,
                          assumed=where not in ranges, learned=known))  # fmt: skip
    return [*given, *out]


def reconciled(
    shape: Shape, beliefs: Sequence[Belief], tested: Sequence[tuple[Trial, Measured]], seed: int, near: Floats,
    chosen: bool = False,
) -> tuple[list[Belief], dict[float, str]]:  # fmt: skip
    """Return beliefs as wide as experiments need them, and by intensity what is to be said of them.

    Contacts that the firm chose may be what is wrong: against them alone a range that was stated stays. ``chosen``:
    whether such are among what was learned before.
    """
    out, said = list(beliefs), dict[float, str]()
    learned = any(each.learned for each in beliefs)
    biased = all((*(trial.chosen for trial, _ in tested), *(chosen,) * learned))
    apart = max((found.apart for _, found in tested), default=1.0)
    alone = [(trial, replace(found, apart=1.0)) for trial, found in tested]
    for i, belief in sorted(enumerate(beliefs), key=lambda each: not each[1].assumed):  # the assumed give way first
        if belief.fixed:
            continue
        mean, error = belief.mean, 0.0
        if not belief.learned and (tested or learned):
            rest = np.delete(np.delete(near, i, 0), i, 1)
            data = alone if belief.assumed else tested
            free = settle(shape, out[:i] + out[i + 1 :], data, seed, rest)
            mean, error = belief.value(shape, free.mode), _error(shape, belief, free)
        out[i] = _given_way(belief, mean, error, biased, apart)
        note = _note(shape, belief, out[i], mean, error, biased)
        said |= {belief.at: note} if note else {}
    return out, said


def held_against(
    shape: Shape, stated: Sequence[Belief], beliefs: Sequence[Belief], known: Posterior, biased: bool
) -> tuple[list[Belief], dict[float, str]]:
    """Return beliefs as wide as logs and histories need them, and by intensity what is to be said of those in conflict.

    Parameters
    ----------
    stated, beliefs
        As they were stated, and as wide as they are taken now.
    known
        The curve as logs and histories tell it with beliefs :func:`widened`, without experiments; without one of
        these beliefs the number is, as normal as the posterior, ::

            1/e^2 = 1/v - 1/w^2,   m = mean + (value - mean) (1 + e^2/w^2)

        with ``v`` its variance there and ``w`` the widened standard deviation. Beliefs as they are would hide each
        other's conflicts: where rows miss two of them, rows look as if they scattered.
    biased
        The data may be what is wrong: ranges that were stated stay.
    """
    out, said = list(beliefs), dict[float, str]()
    for i, (first, belief) in enumerate(zip(stated, beliefs, strict=True)):
        if belief.fixed:
            continue
        wide = WIDER * belief.sd
        learned = _error(shape, belief, known) ** -2 - wide**-2
        if learned * wide**2 < TELLS:
            continue
        mean = belief.mean + (belief.value(shape, known.mode) - belief.mean) * (1 + wide**-2 / learned)
        error = float(learned**-0.5)
        if _away(belief, mean, error) <= MOST[belief.assumed]:
            continue
        out[i] = _given_way(belief, mean, error, biased)
        said[belief.at] = _note(shape, first, out[i], mean, error, biased)
    return out, said


def widened(beliefs: Sequence[Belief]) -> list[Belief]:
    """Return beliefs :data:`WIDER` as wide, but those that are fixed."""
    return [each if each.fixed else replace(each, sd=WIDER * each.sd) for each in beliefs]


def _away(belief: Belief, mean: float, error: float) -> float:
    """Return how many errors all else, with its own, lies from a belief."""
    return abs(mean - belief.mean) / float(np.hypot(_side(belief, mean), error))


def _given_way(belief: Belief, mean: float, error: float, biased: bool, apart: float = 1.0) -> Belief:
    """Return a belief as wide as ``mean``, with ``error``, of all else needs it."""
    limit = MOST[belief.assumed]
    if belief.learned or _away(belief, mean, error) <= limit or (biased and not belief.assumed):
        return belief
    sd = max(belief.sd, float(np.sqrt(max(((mean - belief.mean) / limit) ** 2 - error**2, 0.0))))
    sd = max(sd, apart * error) if belief.assumed else sd
    return replace(belief, sd=sd, low=belief.mean - NORMAL * sd, high=belief.mean + NORMAL * sd)


def _note(shape: Shape, stated: Belief, taken: Belief, mean: float, error: float, biased: bool) -> str:
    """Return what is to be said of a belief: that its range was assumed, or is in conflict with all else."""
    named = f"{_name(stated, shape)} {stated.shown(shape, stated.mean):.4g}"
    before, now, errors = _range(shape, stated), _range(shape, taken), _away(stated, mean, error)
    if stated.assumed:
        why = f", as data lie {errors:.1f} errors from it with the usual {before}" if taken != stated else ""
        return f"no range was given for {named}: taken as {now}{why}"
    if errors <= MOST[False]:
        return ""
    told = _range(shape, replace(stated, low=mean - NORMAL * error, high=mean + NORMAL * error))
    if stated.learned:
        return (
            f"what data said before and what they say now disagree by {errors:.1f} errors: {named} ({before}) was "
            f"learned, {stated.shown(shape, mean):.4g} ({told}) follows now; both count by their widths, and one of "
            "them is wrong"
        )
    made = (
        "both count by their widths, as the firm chose who got money or when, and the data may be what is biased"
        if biased
        else f"the range is taken as {now}, so that data count for more; one of them is wrong"
    )
    return (
        f"what was stated and the data disagree by {errors:.1f} errors: {named} ({before}) was stated, "
        f"{stated.shown(shape, mean):.4g} ({told}) follows from the data and its other numbers; {made}"
    )


def errors_at(shape: Shape, money: Floats, known: Posterior) -> Floats:
    """Return the standard errors of ``L(f)`` at intensities (delta method)."""
    return _errors(lambda theta: link(shape.kind, shape.at(theta, money)), known)


def _error(shape: Shape, belief: Belief, known: Posterior) -> float:
    return float(_errors(lambda theta: np.array([belief.value(shape, theta)]), known)[0])


def _errors(told: Callable[[Floats], Floats], known: Posterior) -> Floats:
    _, _, precision = known.around(known.mode)
    steps = STEP * np.eye(known.mode.size)
    slopes = np.array([told(known.mode + each) - told(known.mode - each) for each in steps]) / (2 * STEP)
    return np.asarray(np.sqrt(np.maximum((slopes * np.linalg.solve(precision, slopes)).sum(axis=0), 1e-18)))


def _side(belief: Belief, toward: float) -> float:
    """Return the standard deviation of a belief on one side of its mean."""
    return max(belief.high - belief.mean if toward > belief.mean else belief.mean - belief.low, SHARP) / NORMAL


def interval(shape: Shape, belief: Belief, before: Posterior, after: Posterior) -> tuple[float, float]:
    """Return the 95 % interval of a number that there is a belief of.

    ::

        L(mode) -+ 1.96/sqrt(1/s^2 + learned),  learned = 1/e(after)^2 - 1/e(before)^2 >= 0

    with ``s`` of the side and ``e`` the standard error: where nothing was learned the range is what was stated, and
    what was learned narrows both sides.
    """
    if belief.fixed:
        return (belief.shown(shape, belief.mean),) * 2
    learned = max(0.0, _error(shape, belief, after) ** -2 - _error(shape, belief, before) ** -2)
    middle = belief.value(shape, after.mode)
    if learned * belief.sd**2 < NOTHING and abs(middle - belief.mean) < NOTHING * belief.sd:
        middle, learned = belief.mean, 0.0  # what is left is the optimiser's
    sides = np.maximum([belief.mean - belief.low, belief.high - belief.mean], 1e-9) / NORMAL
    down, up = NORMAL / np.sqrt(sides**-2 + learned)
    return belief.shown(shape, middle - float(down)), belief.shown(shape, middle + float(up))


def _range(shape: Shape, belief: Belief) -> str:
    return " to ".join(f"{belief.shown(shape, end):.4g}" for end in (belief.low, belief.high))


def _name(belief: Belief, shape: Shape) -> str:
    if belief.path:
        return belief.path.rsplit(".", 1)[1]
    return "unlimited_money" if np.isinf(belief.at) else f"the answer at {belief.at:g}"


def correlation_of(beliefs: Sequence[Belief], ranges: Mapping[str, Mapping[str, Any]]) -> Floats:
    """Return how beliefs move together that a scenario has ranges of."""
    out = np.eye(len(beliefs))
    for i, one in enumerate(beliefs):
        for j, other in enumerate(beliefs):
            near = ranges.get(one.path, {}).get("correlated", {}).get(other.path)
            if near is not None:
                out[i, j] = out[j, i] = near
    return out


def usual(name: str, value: float, floor: float, room: float, kind: str) -> tuple[float, float]:
    """Return the range of a stated number that has none."""
    if name == "half":
        return value / FACTOR, value * FACTOR
    if name == "without_money":
        low, high = value - room / FACTOR / 2, value + room / FACTOR / 2
    else:
        low, high = floor + (value - floor) / FACTOR, floor + (value - floor) * FACTOR
    if kind == CHANCE:
        low, high = max(low, value / FACTOR), min(high, 1 - (1 - value) / FACTOR)
    elif kind == GAIN:
        low = max(low, (value - 1) / FACTOR)
    return low, high
