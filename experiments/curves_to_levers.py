"""Curves of a marketing-mix model as answers on the levers of a scenario.

Such a curve says what sales a channel's steady money brings beyond none, in the time it was made for. A lever's curve
is what customers do; the two meet in the sales of one period of the scenario, in expected numbers with everything else
as today. With ``S_i`` the money and ``R_i`` the sales of the curve's points in one period, ``H`` the heads the lever is
for and ``v(u)`` the firm's sales of the period with ``u`` a head::

    min sum_i (v(S_i/H) - v(0) - R_i)^2

over what unlimited money does and how fast it is reached (trust regions); what comes without money is not in such
a curve and stays as the scenario has it. What was found becomes an answer with a range, so that tests can correct it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from optimizer.ask.rows import as_today
from optimizer.curves.curve_file import read_curves
from optimizer.curves.shapes import TabulatedCurve
from sim.arrays import Floats
from sim.engine.fluid import expected_history
from sim.errors import InputError
from sim.responses.read import Answer, Key
from sim.responses.shape import Shape, kind_of
from sim.scenario.file import WEEKS_PER_PERIOD
from sim.twin import Twin, rebuilt

__all__ = ["answers_of_curves", "weeks_of"]

SEEN = ("purchase_rate", "amount", "acquisition", "reactivation")
"""Effects that the sales of the same period show."""
NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")
POINTS = 6
OFF = 0.1
"""Of the largest sales: a lever's curve that is further off is said to be."""
FAR = 6.0
"""How far from the stated curve is searched, in the numbers of :class:`sim.responses.shape.Shape`."""
FACTOR = 2.0
"""What money brings may be half of it or twice as much: a model of the past is no experiment."""


def weeks_of(per: str) -> float:
    """Return the weeks that money and sales of a curve are of: week, month, quarter, year, or as many as it says.

    Raises
    ------
    InputError
        If it is none of these.
    """
    number = per.removesuffix("weeks").strip()
    weeks = WEEKS_PER_PERIOD.get(per, float(number) if NUMBER.fullmatch(number) else 0.0)
    if not weeks > 0:
        raise InputError(f"`per={per}`: expected week, month, quarter, year, or a number of weeks such as 104 weeks")
    return weeks


def answers_of_curves(twin: Twin, where: Path, weeks: float) -> tuple[list[Answer], list[str]]:
    """Return what curves say of levers called as their channels, as answers, and what should be said.

    Parameters
    ----------
    where
        A file of curves, of one time.
    weeks
        Of which money and sales are.

    Raises
    ------
    InputError
        If no channel is called as a lever whose effect sales show, or curves differ by period.
    """
    found = read_curves(where)
    if len(found.periods) > 1:
        raise InputError(f"{where}: has curves of {len(found.periods)} periods; a lever has one: keep those of one")
    share = WEEKS_PER_PERIOD[twin.scenario.period] / weeks
    answers: list[Answer] = []
    notes = [f"{where}: {note}" for note in found.notes]
    for channel, (curve,) in zip(found.channels, found.curves, strict=True):
        assert isinstance(curve, TabulatedCurve)
        key = _effect_of(twin, channel)
        if isinstance(key, str):
            notes.append(f"{where}: {channel}, {curve.spend[-1]:,.6g} at most, is left out: {key}")
            continue
        told, said = _answers(twin, key, share * curve.spend, share * curve.response, where)
        answers += told
        notes += [f"{where}: {channel} on {key[1]}: {each}" for each in said]
    if not answers:
        raise InputError("; ".join(notes) + "; call a lever as its channel, with one effect that sales show")
    return answers, notes


def _effect_of(twin: Twin, channel: str) -> Key | str:
    """Return which curve of the scenario a channel's can be, or why none."""
    lever = twin.scenario.levers.get(channel)
    if lever is None:
        return f"no lever is called so (there are {', '.join(twin.scenario.levers) or 'none'})"
    if lever.pays != "budget":
        return f"it is `pays: {lever.pays}`, and a channel's money is marketing money"
    if len(lever.moves) > 1:
        return f"it moves {', '.join(lever.moves)}, and sales do not tell which brought them"
    [moves] = lever.moves
    if moves not in SEEN:
        return f"it moves {moves}, which the sales of the same period do not show"
    if any(moves in own.moves for own in lever.by_segment.values()):
        return "segments have curves of their own, and the file has one for all"
    return channel, moves, ""


def _answers(twin: Twin, key: Key, money: Floats, sales: Floats, where: Path) -> tuple[list[Answer], list[str]]:
    """Return what a curve says at the money that the lever's is known at and of unlimited money."""
    from scipy.optimize import least_squares

    lever, moves, _ = key
    [curve] = twin.scenario.levers[lever].moves.values()
    shape, k = Shape(curve, moves), twin.targets.levers.index(lever)
    t = min(twin.targets.lead[k], twin.chain.periods - 1)
    allowed = twin.targets.allowed[:, :, k]

    def spending(intensity: float) -> Floats:
        plan = as_today(twin.chain).copy()
        plan[t, :, :, k] = np.where(allowed, intensity, 0.0)
        return plan

    heads = _period(twin, spending(1.0), t, k)[1]
    if not heads > 0:
        raise InputError(f"{where}: {lever}: nobody is there in period {t} whom the lever is for")
    at = np.unique(np.linspace(0, money.size - 1, POINTS + 1).round().astype(int))
    at = at[money[at] > 0]
    spend, brought = money[at] / heads, sales[at]

    def off(theta: Floats) -> Floats:
        there = _under(twin, key, shape, np.concatenate([shape.start[:1], theta]))
        none = _period(there, spending(0.0), t, k)[0]
        more = [_period(there, spending(float(u)), t, k)[0] - none for u in spend]
        return np.asarray((np.array(more) - brought) / float(np.abs(brought).max()))

    fitted = least_squares(off, shape.start[1:], bounds=(shape.start[1:] - FAR, shape.start[1:] + FAR), diff_step=1e-4)
    numbers = shape.numbers(np.concatenate([shape.start[:1], fitted.x]))
    worst = float(np.abs(fitted.fun).max())
    said = [
        f"sales of {spend.size} amounts of money, up to {spend[-1]:.4g} each of {heads:,.0f} heads, are the lever's to "
        f"within {worst:.1%} of the largest; what comes without money and all that shows later (staying, coming back, "
        "being won later) is not in such a curve and stays as it was",
        "its intervals are not read: taken as half to twice what money brings, until a test says more",
    ]
    if worst > OFF:
        said.append("the scenario's kind of curve does not bend as the file's does; state another shape")
    known = float(shape.at(np.concatenate([shape.start[:1], fitted.x]), np.array([spend[-1]]))[0])
    return [_answer(key, where, float(spend[-1]), known, numbers["without_money"]),
            _answer(key, where, float("inf"), numbers["unlimited_money"], numbers["without_money"])], said  # fmt: skip


def _under(twin: Twin, key: Key, shape: Shape, theta: Floats) -> Twin:
    """Return the twin with other numbers of one curve; a search may pass by some that no file could state."""
    lever, moves, _ = key
    own = twin.scenario.levers[lever]
    curve = shape.curve.model_construct(**{**dict(shape.curve), **shape.numbers(theta)})
    changed = own.model_copy(update={"moves": {moves: curve}})
    return rebuilt(twin, twin.scenario.model_copy(update={"levers": {**twin.scenario.levers, lever: changed}}))


def _answer(key: Key, where: Path, at: float, value: float, floor: float) -> Answer:
    low, high = floor + (value - floor) / FACTOR, floor + (value - floor) * FACTOR
    if kind_of(key[1]) == "chance":
        high = min(high, 1 - (1 - value) / FACTOR)
    return Answer(key, where.name, at, value, low, high)


def _period(twin: Twin, plan: Floats, t: int, k: int) -> tuple[float, float]:
    """Return the sales of period ``t``, and the lever's money, in expected numbers."""
    history = expected_history(twin.chain, plan)
    return float(history.revenue[t].sum()), float(history.spend[t, ..., k].sum())
