"""Which intensities are offered: joint ones where several levers meet, cheapest first."""

import itertools

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets

__all__ = ["joint_intensities"]

LEVELS: dict[int, tuple[float, ...]] = {
    1: (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 6, 8),
    2: (0, 0.5, 1, 2, 3.5),
    3: (0, 1, 3),
}
"""Intensities offered where 1, 2, 3 levers meet, in units of the usual one; where more meet: none or usual."""

STEPS = {1: 8, 2: 3, 3: 2}
"""Into how many each step between them is divided for the bound."""


def joint_intensities(targets: Targets, usual: Floats, load: Floats, refine: bool = False) -> tuple[Floats, Ints]:
    """Return joint intensities per (group, stage), cheapest first, and how many there are.

    Zero and the usual intensity are always among them, and what is committed where a lever has a lead time; what would
    be too many contacts is scaled back. Padded with zeros.

    Parameters
    ----------
    targets : Targets
    usual : (groups, stages, levers)
    load : (levers,)
        Share of a customer's contacts that a unit of money uses up.
    refine
        Divide each step between two intensities further, for a bound that hardly depends on them.
    """
    groups, stages, levers = targets.shape
    options = {
        (group, stage): _options(targets, group, stage, usual[group, stage], load, refine)
        for group in range(groups)
        for stage in range(stages)
    }
    actions = np.zeros((groups, stages, max(len(rows) for rows in options.values()), levers))
    choices = np.ones((groups, stages), dtype=np.int64)
    for place, rows in options.items():
        actions[place][: len(rows)] = rows
        choices[place] = len(rows)
    return actions, choices


def _options(targets: Targets, group: int, stage: int, usual: Floats, load: Floats, refine: bool) -> Floats:
    """Return the joint intensities of one target, (actions, levers)."""
    here = np.flatnonzero(targets.allowed[group, stage])
    multiples = LEVELS.get(len(here), (0, 1))
    if refine:
        multiples = _divided(multiples, STEPS.get(len(here), 1))
    offered = []
    for lever in here:
        money = [multiple * float(usual[lever]) for multiple in multiples]
        committed = float(targets.committed[group, stage, lever])
        if targets.lead[lever] and committed not in money:
            money = sorted([*money, committed])
        offered.append(money)
    found: list[tuple[float, tuple[float, ...], Floats]] = []
    for combination in itertools.product(*offered):
        row = np.zeros(usual.size)
        row[here] = np.array(combination) / max(1.0, float(load[here] @ np.array(combination)))
        found.append((row.sum(), tuple(row[here].tolist()), row))
    dearest = max(money for money, _, _ in found) or 1.0
    found.sort(key=lambda option: (round(option[0] / dearest, 9), option[1]))
    rows = np.array([row for _, _, row in found])
    new = np.append(True, np.abs(np.diff(rows, axis=0)).max(axis=1, initial=0) > 1e-12 * dearest)
    return np.asarray(rows[new])


def _divided(multiples: tuple[float, ...], steps: int) -> tuple[float, ...]:
    places = np.arange((len(multiples) - 1) * steps + 1) / steps
    return tuple(np.interp(places, np.arange(len(multiples)), multiples).tolist())
