"""What of the world decides: which drawn numbers move a policy's gain, and what it is worth to know them.

Of worlds that were drawn or combined, every number's *tornado* is the mean gain in the worlds of its upper third less
that in its lower third, other numbers varying as they were drawn. Under Saltelli's design the first and total Sobol'
indices are estimated too (Saltelli et al. 2010, by :func:`scipy.stats.sobol_indices`): the share of a gain's variance
that a number brings alone, and with all others.

With worlds equally likely, knowing which one it is before the policy is chosen is worth the *expected value of perfect
information*, ``mean_w max_p asset(p, w) - max_p mean_w asset(p, w)`` (Raiffa & Schlaifer 1961); knowing one number only
is worth the same with means over the worlds in which that number is alike: its thirds, or its few values. Policies
are left out where they cannot be chosen: of the worlds that are known, and of all of them where none is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.study.answers import Answers, Row
from experiments.study.worlds import World
from sim.arrays import Floats, Ints

__all__ = ["Information", "Swing", "families", "information", "is_number", "numbers", "parts", "swings"]

THIRDS = 3
REDRAWN = 200
"""Times that the worlds of Sobol' indices are drawn anew to tell how sure these are."""
FEW = 5
"""Values of a number that are each looked at by themselves."""


@dataclass(frozen=True)
class Swing:
    """What one number does to one policy's gain.

    Attributes
    ----------
    family, path, policy : str
    budget : float or None
        As asked for.
    low, high : float
        The number in its lowest and highest part, on average.
    gain_low, gain_high : float
        Mean gain there.
    first, total : float
        Sobol' indices; nan where the worlds were not drawn for them.
    first_half, total_half : float
        Half the 95 % intervals of the indices, by drawing the same number of the worlds anew: of few worlds, wide.
    """

    family: str
    path: str
    policy: str
    budget: float | None
    low: float
    high: float
    gain_low: float
    gain_high: float
    first: float
    total: float
    first_half: float
    total_half: float

    @property
    def swing(self) -> float:
        """Return how far the gain moves."""
        return self.gain_high - self.gain_low


@dataclass(frozen=True)
class Information:
    """What knowing the world, or one number of it, is worth before a policy is chosen.

    Attributes
    ----------
    family : str
        Of drawn worlds; nothing: all worlds of the study.
    path : str
        The number; nothing: the world itself.
    budget : float or None
    worth : float
    """

    family: str
    path: str
    budget: float | None
    worth: float


def swings(worlds: Sequence[World], answers: Answers) -> list[Swing]:
    """Return every drawn number's effect on every policy's gain, the largest first."""
    found = []
    for family, drawn in families(worlds).items():
        for budget in dict.fromkeys(row.asked for row in answers.rows):
            for policy in dict.fromkeys(row.policy for row in answers.rows):
                if policy != answers.reference:
                    found += _swings_of(family, drawn, _by_world(answers.rows, policy, budget), policy, budget)
    return sorted(found, key=lambda each: -abs(each.swing))


def information(worlds: Sequence[World], answers: Answers) -> list[Information]:
    """Return what knowing is worth: the world first, then each drawn number, dearest first.

    Who does not know chooses among the policies that can be chosen before it is known. Who knows the world can have a
    plan made for it as well; of one number alone a plan that is made anew in each world would know too much.
    """
    found, policies = [], list(dict.fromkeys(row.policy for row in answers.rows))
    for budget in dict.fromkeys(row.asked for row in answers.rows):
        allowed = [row for row in answers.rows if row.allowed]
        assets = {name: _by_world(allowed, name, budget, "asset") for name in policies}
        for family, some in {"": list(worlds), **families(worlds)}.items():
            table = np.array([[assets[name].get(world.name, np.nan) for world in some] for name in policies])
            able = table[[name not in answers.anew for name in policies]]
            blind = float(able.mean(axis=1).max(initial=-np.inf, where=~np.isnan(able).any(axis=1)))
            known = table.max(axis=0, initial=-np.inf, where=~np.isnan(table))
            if len(policies) < 2 or len(some) < 2 or not math.isfinite(blind):
                continue
            if not family:
                found.append(Information("", "", budget, max(float(known.mean()) - blind, 0.0)))
                continue
            for path in numbers(some):
                part = parts(np.array([float(world.values[path]) for world in some]))
                found.append(Information(family, path, budget, max(_knowing(able, part) - blind, 0.0)))
    return sorted(found, key=lambda each: (each.family != "", -each.worth))


def families(worlds: Sequence[World]) -> dict[str, list[World]]:
    """Return the worlds that were drawn or combined, by family, at least two of each."""
    families: dict[str, list[World]] = {}
    for world in worlds:
        if world.values:
            families.setdefault(world.family, []).append(world)
    return {name: drawn for name, drawn in families.items() if len(drawn) > 1}


def numbers(worlds: Sequence[World]) -> list[str]:
    """Return the paths that are numbers in all worlds, and not the same everywhere."""
    paths = [path for path in worlds[0].values if all(is_number(world.values.get(path)) for world in worlds)]
    return [path for path in paths if len({world.values[path] for world in worlds}) > 1]


def is_number(value: Any) -> bool:
    """Return whether a value is a number, which yes and no are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _by_world(rows: Sequence[Row], policy: str, budget: float | None, what: str = "gain") -> dict[str, float]:
    return {row.world: getattr(row, what) for row in rows if row.policy == policy and row.asked == budget}


def _swings_of(
    family: str, worlds: list[World], gains: dict[str, float], policy: str, budget: float | None
) -> list[Swing]:
    y = np.array([gains.get(world.name, np.nan) for world in worlds])
    if np.isnan(y).any():
        return []
    paths, out = numbers(worlds), []
    indices = _sobol(y, len(worlds[0].values)) if worlds[0].design == "saltelli" else None
    for path in paths:
        x = np.array([float(world.values[path]) for world in worlds])
        part = parts(x)
        low, high = part == part.min(), part == part.max()
        place = list(worlds[0].values).index(path)
        index = (float("nan"),) * 4 if indices is None else indices[place]
        out.append(
            Swing(
                family, path, policy, budget, float(x[low].mean()), float(x[high].mean()), float(y[low].mean()),
                float(y[high].mean()), *index,
            )
        )  # fmt: skip
    return out


def parts(x: Floats) -> Ints:
    """Return which part of its range each value lies in: its own where there are few, or else a third."""
    values, place = np.unique(x, return_inverse=True)
    if values.size <= FEW:
        return np.asarray(place, dtype=np.int64)
    rank = np.argsort(np.argsort(x, kind="stable"), kind="stable")
    return np.asarray(rank * THIRDS // x.size, dtype=np.int64)


def _knowing(assets: Floats, part: Ints) -> float:
    """Return the mean over worlds of the best policy by part, of those that can be chosen in all of it.

    ``assets`` (policies, worlds) are nan where a policy cannot be chosen.
    """
    sums = [assets[:, part == k].sum(axis=1) for k in np.unique(part)]
    return float(sum(np.nanmax(each) for each in sums) / assets.shape[1])


def _sobol(y: Floats, dimensions: int) -> list[tuple[float, float, float, float]]:
    """Return first and total index of each number and half their 95 % intervals.

    ``y`` are the values at ``A``, ``B`` and their mixtures in order. Bases and mixtures of one draw are drawn anew
    together, always from the same seed.
    """
    number = y.size // (dimensions + 2)
    parts = y.reshape(dimensions + 2, number)
    if np.ptp(y) == 0:
        return [(0.0, 0.0, 0.0, 0.0)] * dimensions
    again = np.random.default_rng(0).integers(0, number, size=(REDRAWN, number))
    drawn = np.array([_indices(parts[:, draw]) for draw in again if np.ptp(parts[:2, draw]) > 0])
    half = np.full((dimensions, 2), np.inf)
    if len(drawn):
        half = np.ptp(np.quantile(drawn, [0.025, 0.975], axis=0), axis=0) / 2
    return [(float(f), float(t), float(fh), float(th)) for f, t, fh, th in np.hstack([_indices(parts), half])]


def _indices(parts: Floats) -> Floats:
    """Return first and total index of each number, ``(numbers, 2)``, from ``(A, B, mixtures ...; draws)``."""
    from scipy.stats import sobol_indices

    dimensions, number = parts.shape[0] - 2, parts.shape[1]
    each = parts[:, np.newaxis]
    # One number alone is too few for scipy (1.17): beside it stands one that moves nothing, whose mixture is A itself.
    mixed = each[2:] if dimensions > 1 else np.concatenate([each[2:], each[:1]])
    found = sobol_indices(func={"f_A": each[0], "f_B": each[1], "f_AB": mixed}, n=number)
    both = [np.atleast_1d(index).ravel()[:dimensions] for index in (found.first_order, found.total_order)]
    return np.stack(both, axis=1)
