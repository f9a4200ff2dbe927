"""What a run shows of the mechanisms in the model: satisfaction, share of customer, employees, what customers cost."""

from typing import Any

import numpy as np

from experiments.words.figures import money
from sim.arrays import Floats
from sim.engine.chain import ALIVE, PROSPECT
from sim.engine.crowd import SEEN
from sim.history import History
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = ["mechanism_figures", "mechanism_lines", "worth_less_than_nothing"]


def mechanism_figures(twin: Twin, history: History) -> dict[str, Any]:
    """Return the figures by name; ``[start, end]`` where two, nan or None for what is not in the model.

    ``satisfaction`` is the mean of true customers, ``surveyed`` the first and the last result that the firm knew, by
    the customers it saw.
    """
    lifecycle = twin.scenario.chain is None
    seen = history.customers[:, :, SEEN].sum(axis=2) if lifecycle else history.customers.sum(axis=2)
    satisfaction = _mean(history.satisfaction, history.alive)
    surveyed = _mean(history.surveyed, seen)
    known = np.flatnonzero(~np.isnan(surveyed))
    share = _mean(history.share, history.alive[: history.periods])
    return {
        "satisfaction": _ends(satisfaction),
        "surveyed": _ends(surveyed[known]),
        "first_survey_known": int(known[0]) if known.size else None,
        "share_of_customer": _ends(share),
        "employees": _ends(history.employees),
        "cost_to_serve": float(history.cost_to_serve.sum()),
        "bad_debt": float(history.bad_debt.sum()),
        "worth_less_than_nothing": worth_less_than_nothing(twin),
    }


def worth_less_than_nothing(twin: Twin) -> dict[str, list[float]] | None:
    """Return how many true customers and prospects at the start are worth less than nothing, and how many there are.

    Worth: what they earn less what is spent on them for ever under today's spend, by trait class. None where what
    comes after the horizon does not count.
    """
    chain = twin.chain
    if not chain.with_terminal:
        return None
    worth = chain.terminal
    bad = worth < -1e-9 * float(np.abs(worth).max(initial=1.0))
    out = {}
    for name, kind in (("customers", ALIVE), ("prospects", PROSPECT)):
        heads = chain.initial * (chain.space.kind == kind)
        out[name] = [float((heads * bad).sum()), float(heads.sum())]
    return out


def mechanism_lines(scenario: Scenario, twin: Twin, history: History) -> list[str]:
    """Return a line for each mechanism that is in the model."""
    figures, period, lines = mechanism_figures(twin, history), scenario.period, []
    if scenario.satisfaction is not None:
        if not np.isnan(figures["satisfaction"]).all():
            first, last = _shown(figures["satisfaction"], ".1f")
            lines.append(f"Satisfaction of true customers, 0 to 100: {first} at the start, {last} at the end.")
        lines.append(f"Surveyed: {_surveyed(scenario, figures, history.periods)}.")
    if scenario.employees is not None:
        before, after = figures["employees"]
        lines.append(f"Satisfaction of employees: {before:.1f} at the start, {after:.1f} at the end.")
    if scenario.share_of_customer is not None and not np.isnan(figures["share_of_customer"]).all():
        first, last = _shown(figures["share_of_customer"], ".1%")
        lines.append(f"Share of customer: {first} in the first {period}, {last} in the last.")
    for words, key in (("Cost to serve", "cost_to_serve"), ("Bad debt", "bad_debt")):
        if figures[key]:
            lines.append(f"{words}: {money(figures[key])} over {history.periods} {period}s.")
    worth = figures["worth_less_than_nothing"]
    bad = [f"{few:,.0f} of {everybody:,.0f} {who}" for who, (few, everybody) in (worth or {}).items() if few >= 0.5]
    if bad:
        lines.append(f"Worth less than nothing at the start, under today's spend for ever: {', '.join(bad)}.")
    return lines


def _shown(ends: list[float], form: str) -> list[str]:
    """Return the first and the last of a course in words."""
    return ["nobody's" if np.isnan(each) else format(each, form) for each in ends]


def _surveyed(scenario: Scenario, figures: dict[str, Any], periods: int) -> str:
    """Return what the firm learned of satisfaction."""
    if scenario.survey is None:
        return "never"
    when = figures["first_survey_known"]
    if when is None:
        return "nothing is known yet"
    first, last = figures["surveyed"]
    if when == periods:
        return f"{first:.1f}, known at the end"
    return f"{first:.1f}, known in {scenario.period} {when + 1}; {last:.1f}, known at the end"


def _mean(values: Floats, weights: Floats) -> Floats:
    """Return the mean over groups by period; nan where there is nobody."""
    heads = np.where(np.isnan(values), 0.0, weights)
    total = heads.sum(axis=1)
    weighted = (np.nan_to_num(values) * heads).sum(axis=1)
    return np.asarray(np.divide(weighted, total, out=np.full(total.shape, np.nan), where=total > 0))


def _ends(course: Floats) -> list[float]:
    """Return the first and the last of a course; nan where there is none."""
    return [float(course[0]), float(course[-1])] if course.size else [float("nan")] * 2
