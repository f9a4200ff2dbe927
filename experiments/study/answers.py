"""What a study's units say together: gains, regret, who survives, how sure.

Everything is paired: all policies of a world meet the same customers with the same luck, so differences are taken
replication by replication. ``gain`` is the difference from the reference, with a 95 % interval by Student's t, each by
itself. Whether one is called more than another is decided over all such pairs of the study together, by Holm (1979), so
that the chance of a single wrong call among all of them is at most 5 %.

``regret`` in a world, for a budget, is what the best policy's mean customer asset is above a policy's own, among those
that can be chosen there: a policy that spends more than the budget, or breaks another rule, is no yardstick, has no
regret and is not ranked (:attr:`Row.allowed`). A policy survives a world if it can be chosen there, and its regret is
within ``within`` of the best one's asset, for every budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from experiments.odds import Chances
from experiments.study.units import Facts
from experiments.words.kept import rule_in_words
from optimizer.ask.kept import Broken
from sim.arrays import Floats

__all__ = ["Answers", "Cell", "Cells", "Found", "Row", "Survival", "half_widths", "holm", "paired"]

LEVEL = 0.05
RESAMPLES, RESAMPLE_SEED = 2_000, 0
TAIL = 0.2
"""Worst part of the replications whose mean is the CVaR."""
Group = tuple[str, float | None]
"""A world and a budget as asked for."""


class Cell(NamedTuple):
    """A place of a study: world, budget as asked for, policy."""

    world: str
    budget: float | None
    policy: str


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in a cell, replications of all seeds one after another.

    Attributes
    ----------
    assets, kept, spends : (replications,)
    facts : dict
        Means by period, segment and lever, as :mod:`experiments.study.units` names them.
    worlds : (worlds,), optional
        Asset in expected numbers in worlds drawn from the scenario's ranges; None: it was not weighed there.
    """

    assets: Floats
    kept: Floats
    spends: Floats
    facts: Facts
    worlds: Floats | None = None

    @property
    def allowed(self) -> bool:
        """Return whether it keeps the budget and all rules, in expected numbers."""
        return not self.facts["broken"]

    @classmethod
    def of(cls, by_seed: Sequence[Sequence[Facts]], worlds: Sequence[float] | None = None) -> Found:
        """Return units as one; means are weighted by replications, and added in their order."""
        units = [unit for blocks in by_seed for unit in blocks]
        joined = {
            name: np.concatenate([np.asarray(unit[name], dtype=float) for unit in units])
            for name in ("assets", "kept", "spends")
        }
        facts, whole = dict(units[0]), joined["assets"].size
        for name in ("by_period", "alive", "by_segment", "by_lever", "after"):
            parts = [len(unit["assets"]) / whole * np.asarray(unit[name], dtype=float) for unit in units]
            facts[name] = parts[0] if len(parts) == 1 else np.sum(parts, axis=0)
        facts["notes"] = list(dict.fromkeys(note for unit in units for note in unit["notes"]))
        return cls(**joined, facts=facts, worlds=None if worlds is None else np.asarray(worlds))


@dataclass(frozen=True, eq=False)
class Cells:
    """What was found by cell, in the order of the study's file; and why there is nothing in others."""

    found: Mapping[Cell, Found]
    why: Mapping[Cell, str]

    @classmethod
    def of(
        cls,
        units: Mapping[Cell, Sequence[Sequence[Facts]]],
        why: Mapping[Cell, str],
        worlds: Mapping[Cell, Sequence[float]] | None = None,
    ) -> Cells:
        """Return cells from their units by seed, with their assets in drawn worlds."""
        weighed = worlds or {}
        return cls({cell: Found.of(by_seed, weighed.get(cell)) for cell, by_seed in units.items()}, dict(why))

    @cached_property
    def groups(self) -> dict[Group, dict[str, Found]]:
        """Return the policies of each world and budget."""
        out: dict[Group, dict[str, Found]] = {}
        for cell, found in self.found.items():
            out.setdefault((cell.world, cell.budget), {})[cell.policy] = found
        return out

    def replications(self, group: Group) -> int:
        """Return the replications of a world and budget, all seeds together."""
        return int(next(iter(self.groups[group].values())).assets.size)


def paired(difference: Floats) -> tuple[float, float, float, float]:
    """Return mean, 95 % interval and two-sided p-value of paired differences; nan where there is one replication.

    Differences that are all the same have an interval of no width, and the p-value 0, or 1 if they are 0.
    """
    from scipy.special import stdtr, stdtrit

    mean, nan = float(difference.mean()), float("nan")
    if difference.size < 2:
        return mean, nan, nan, nan
    error = float(difference.std(ddof=1)) / difference.size**0.5
    if error <= 1e-12 * max(abs(mean), 1e-300):
        return mean, mean, mean, float(mean == 0.0)
    half = float(stdtrit(difference.size - 1, 1 - LEVEL / 2)) * error
    return mean, mean - half, mean + half, float(2 * stdtr(difference.size - 1, -abs(mean) / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): ``max over smaller ones of (m - rank) p``, at most 1.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    out = np.full(values.size, np.nan)
    out[order] = np.minimum(1.0, np.maximum.accumulate((order.size - np.arange(order.size)) * values[order]))
    return [float(value) for value in out]


def half_widths(cells: Cells, reference: str) -> dict[Group, float]:
    """Return by world and budget the widest half of the intervals that matter: best from reference and from second."""
    out = {}
    for group, policies in cells.groups.items():
        able = [found for found in policies.values() if found.allowed] or list(policies.values())
        ranked = sorted(able, key=lambda found: -found.assets.mean())
        against = [
            each for each in (policies.get(reference), *ranked[1:2]) if each is not None and each is not ranked[0]
        ]
        widths = [paired(ranked[0].assets - other.assets) for other in against]
        out[group] = max((high - mean if high == high else np.inf for mean, _, high, _ in widths), default=0.0)
    return out


@dataclass(frozen=True)
class Row:
    """A policy in a world with a budget.

    Attributes
    ----------
    world, policy : str
    budget : float
        In force there.
    asset : float
        Mean customer asset; nan where no plan can be made.
    gain, low, high : float
        Difference from the reference, and its 95 % interval by itself.
    regret : float
        What the best that can be chosen is worth more; nan where this one cannot be chosen.
    rank : int
        Among those that can be chosen; 0: it cannot.
    best_odds : float
        How often it is the best of them when replications are drawn anew (bootstrap of the means).
    clear : bool
        Whether the gain is told from nothing, all of the study's gains together.
    behind : bool
        Whether the best is told from it, all of the study's regrets together.
    quantiles : tuple
        Of the asset over replications: 5, 50 and 95 %.
    cvar : float
        Mean asset of the worst fifth of the replications.
    spend, kept, expected : float
        Money spent, customers at the end, asset in expected numbers.
    broken : tuple of Broken
        Rules that it breaks, the budget among them.
    overspent : float
        What it is expected to spend beyond the budget.
    feedback : bool
        Whether it reacts to what it sees.
    asked : float or None
        The budget as the study asks for it.
    why : str
        Why there is no plan.
    low_all, high_all, chance_ahead, chance_best : float
        Ends of the 95 % interval of the difference in one future, luck and what is not known together; chances that it
        is worth more than the reference there, and most of all that can be chosen (:mod:`experiments.odds`). Nan where
        the world states no ranges, or they were not asked for.
    """

    world: str
    policy: str
    budget: float
    asset: float
    gain: float
    low: float
    high: float
    regret: float
    rank: int
    best_odds: float
    clear: bool
    behind: bool
    quantiles: tuple[float, float, float]
    cvar: float
    spend: float
    kept: float
    expected: float
    broken: tuple[Broken, ...] = ()
    overspent: float = 0.0
    feedback: bool = False
    asked: float | None = None
    why: str = ""
    low_all: float = float("nan")
    high_all: float = float("nan")
    chance_ahead: float = float("nan")
    chance_best: float = float("nan")

    @property
    def breaks(self) -> tuple[str, ...]:
        """Return the rules that it breaks, each with by how much."""
        return tuple(map(rule_in_words, self.broken))

    @property
    def allowed(self) -> bool:
        """Return whether it can be chosen: it is there, and keeps the budget and all rules in expected numbers."""
        return self.asset == self.asset and not self.broken


@dataclass(frozen=True)
class Survival:
    """How a policy fares in all worlds.

    Attributes
    ----------
    policy : str
    worlds : int
        In how many it survives.
    worst_regret : float
        The largest anywhere; nan where in some world it cannot be chosen, or no plan can be made.
    breaker : str
        The world of that regret.
    mean_gain, mean_asset, tail_asset, worst_asset : float
        Over worlds (all equally likely) and budgets: means, mean of the worst fifth, least.
    """

    policy: str
    worlds: int
    worst_regret: float
    breaker: str
    mean_gain: float
    mean_asset: float
    tail_asset: float
    worst_asset: float


@dataclass(frozen=True, eq=False)
class Answers:
    """What is told of a study.

    Attributes
    ----------
    rows : tuple of Row
        In the order of the study's file.
    survivals : tuple of Survival
        Those that survive most worlds first.
    reference : str
    within : float
    worlds : int
    anew : set of str
        Policies that are made anew in each world.
    """

    rows: tuple[Row, ...]
    survivals: tuple[Survival, ...]
    reference: str
    within: float
    worlds: int
    anew: frozenset[str] = frozenset()

    @property
    def choice(self) -> Survival:
        """Return the policy to choose: that survives most of those that can be chosen before the world is known.

        Where none of these survives anywhere, or there is one world, that survives most of all.
        """
        first = self.survivals[0]
        able = (each for each in self.survivals if each.worlds and each.policy not in self.anew)
        return first if self.worlds == 1 else next(able, first)

    @classmethod
    def of(
        cls, cells: Cells, reference: str, within: float, policies: Sequence[str], anew: frozenset[str] = frozenset()
    ) -> Answers:
        """Return what cells say of policies."""
        rows = _decided([row for group in cells.groups for row in _rows(cells, group, reference)], cells, reference)
        rows += [_impossible(cell, why) for cell, why in cells.why.items()]
        worlds = {name: i for i, name in enumerate(dict.fromkeys(row.world for row in rows))}
        place = {cell: i for i, cell in enumerate([*cells.found, *cells.why])}
        rows.sort(key=lambda row: (worlds[row.world], place[Cell(row.world, row.asked, row.policy)]))
        best: dict[Group, float] = {}
        for row in rows:
            if row.allowed:
                best[row.world, row.asked] = max(best.get((row.world, row.asked), -np.inf), row.asset)
        survivals = [_survival(name, [row for row in rows if row.policy == name], best, within) for name in policies]
        survivals.sort(key=lambda each: (-each.worlds, np.inf if np.isnan(each.worst_regret) else each.worst_regret))
        return cls(tuple(rows), tuple(survivals), reference, within, len(worlds), anew)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the table and who survives."""
        keys = ("world", "policy", "budget", "asset", "gain", "low", "high", "regret")
        sure = ("low_all", "high_all", "chance_ahead", "chance_best")
        weighed = {row.world for row in self.rows if row.chance_best == row.chance_best}
        return {
            "table": [
                {key: getattr(row, key) for key in (*keys, *(sure if row.world in weighed else ()))}
                for row in self.rows
            ],
            "survives": [
                {"policy": each.policy, "worlds": each.worlds, "worst_regret": each.worst_regret}
                for each in self.survivals
            ],
        }


def _rows(cells: Cells, group: Group, reference: str) -> list[Row]:
    policies = cells.groups[group]
    names, assets = list(policies), np.stack([found.assets for found in policies.values()])
    means, able = assets.mean(axis=1), np.array([found.allowed for found in policies.values()])
    best = means[able].max() if able.any() else np.nan
    odds = np.zeros(len(names))
    odds[able] = _best_odds(assets[able])
    base = assets[names.index(reference)] if reference in names else np.full(assets.shape[1], np.nan)
    sure = _chances(policies, reference)
    ranks = np.where(able, ((means[None, :] > means[:, None]) & able[None, :]).sum(axis=1) + 1, 0)
    out = []
    for i, (name, found) in enumerate(policies.items()):
        gain, low, high, _ = (0.0, 0.0, 0.0, 1.0) if name == reference else paired(assets[i] - base)
        tail = np.sort(assets[i])[: max(1, round(TAIL * assets.shape[1]))]
        broken = tuple(Broken(**each) for each in found.facts["broken"] or ())
        out.append(
            Row(
                group[0], name, float(found.facts["budget"]), float(means[i]), gain, low, high,
                float(best - means[i]) if able[i] else float("nan"), int(ranks[i]), float(odds[i]), False, False,
                _quantiles(assets[i]), float(tail.mean()), float(found.spends.mean()), float(found.kept.mean()),
                float(found.facts["expected"]), broken,
                sum(each.counted - each.limit for each in broken if each.budget),
                bool(found.facts["feedback"]), group[1], "", *sure[name],
            )
        )  # fmt: skip
    return out


def _chances(policies: Mapping[str, Found], reference: str) -> dict[str, tuple[float, float, float, float]]:
    """Return by policy what is sure with what is not known, as in :class:`Row`; nan where that is not known."""
    nan = float("nan")
    out = dict.fromkeys(policies, (nan, nan, nan, nan))
    known = {name: found for name, found in policies.items() if found.worlds is not None and found.assets.size > 1}
    base = reference if reference in known else next(iter(known), "")
    if len(known) < 2:
        return out
    assets = np.stack([found.assets for found in known.values()])
    moved = np.stack([np.asarray(found.worlds) - float(found.facts["expected"]) for found in known.values()])
    chances = Chances.of(assets, moved, list(known).index(base))
    able = np.array([found.allowed for found in known.values()])
    best = np.full(able.size, nan)
    best[able] = Chances.of(assets[able], moved[able]).first if able.any() else nan
    for i, name in enumerate(known):
        ends = (float(chances.low[i]), float(chances.high[i]), float(chances.ahead[i]))
        out[name] = (*(ends if base == reference else (nan, nan, nan)), float(best[i]))
    return out


def _quantiles(values: Floats) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95)).tolist()
    return low, middle, high


def _best_odds(assets: Floats) -> Floats:
    """Return how often each has the largest mean when replications are drawn anew; draws that tie are shared."""
    number = assets.shape[1]
    if assets.shape[0] == 0 or number < 2:
        return np.full(assets.shape[0], np.nan)
    drawn = np.random.default_rng(RESAMPLE_SEED).integers(number, size=(RESAMPLES, number))
    counts = np.zeros((RESAMPLES, number))
    np.add.at(counts, (np.arange(RESAMPLES)[:, None], drawn), 1.0)
    means = counts @ assets.T
    first = means >= means.max(axis=1, keepdims=True)
    return np.asarray((first / first.sum(axis=1, keepdims=True)).mean(axis=0))


def _decided(rows: list[Row], cells: Cells, reference: str) -> list[Row]:
    """Return rows with what is told apart, gains of all rows together and regrets of all rows together."""
    from dataclasses import replace

    gains, regrets = [], []
    for row in rows:
        policies = cells.groups[row.world, row.asked]
        own, against = policies[row.policy].assets, policies.get(reference)
        able = [found.assets for found in policies.values() if found.allowed]
        best = max(able, key=lambda assets: float(assets.mean()), default=own)
        gains.append(float("nan") if row.policy == reference or against is None else paired(own - against.assets)[3])
        regrets.append(float("nan") if not row.regret > 0 else paired(best - own)[3])
    return [
        replace(row, clear=bool(gain < LEVEL), behind=bool(regret < LEVEL))
        for row, gain, regret in zip(rows, holm(gains), holm(regrets), strict=True)
    ]


def _impossible(cell: Cell, why: str) -> Row:
    nan = float("nan")
    return Row(
        cell.world, cell.policy, nan if cell.budget is None else cell.budget, nan, nan, nan, nan, nan, 0, 0.0, False,
        False, (nan, nan, nan), nan, nan, nan, nan, (), 0.0, False, cell.budget, why,
    )  # fmt: skip


def _survival(name: str, own: list[Row], best: Mapping[Group, float], within: float) -> Survival:
    def survives(row: Row) -> bool:
        return row.allowed and row.regret <= within * abs(best[row.world, row.asked])

    worlds = {row.world for row in own}
    lost = {row.world for row in own if not survives(row)}
    worst = max(own, key=lambda row: np.inf if np.isnan(row.regret) else row.regret)
    by_world: dict[str, list[float]] = {}
    for row in own:
        by_world.setdefault(row.world, []).append(row.asset)
    assets = np.sort(np.array([np.mean(several) for several in by_world.values()]))
    tail = assets[: max(1, round(TAIL * assets.size))]
    return Survival(
        name, len(worlds - lost), worst.regret, worst.world, float(np.mean([row.gain for row in own])),
        float(assets.mean()), float(tail.mean()), float(assets.min()),
    )  # fmt: skip
