"""Which assumption turns the choice: what a key of the world does to the policy that survives most.

The choice is the policy that survives most worlds, of those that can be chosen before one knows the world: a plan made
anew in each world is a yardstick. It is *turned* in a world where another policy is worth more, told apart from it by
more than luck (paired over replications, Holm over all such pairs of the study), or where it cannot be chosen.

A world with a name has keys that differ from the world it starts from; they turn the choice together where it is turned
in the one and not in the other. A number of worlds that were drawn, listed or combined has a value at which the best
policy changes, the *switching value*. Where it is the only number of its family, it lies between neighbouring worlds
that tell the two policies apart, where the straight line between their mean differences is nothing. Where there are
several, ``difference = c + sum_k b_k x_k`` is fitted to the family's worlds by least squares, and it is the root in
``x_k`` with the others at their means. It is stated if it lies within the range, worlds on both sides of it tell the
two apart accordingly, and by itself it says which of them is better with a quarter fewer mistakes than always naming
the one that is better more often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from experiments.study.answers import LEVEL, Answers, Cells, Found, Group, Row, holm
from experiments.study.doubts import families, is_number, numbers, parts
from experiments.study.worlds import World
from experiments.words.difference import scenarios_differ
from experiments.words.figures import DUST
from sim.arrays import Flags, Floats, Ints

__all__ = ["End", "Lost", "Turn", "Turning", "switch", "turning"]

NAN = float("nan")
FEWER = 0.75
"""Of the mistakes of always naming the policy that is better more often, how many a switching value may make."""
MOST_NAMED = 200
"""Worlds with a name that turn nothing, of which each is told by itself."""


class End(NamedTuple):
    """What the choice leaves at one end of an assumption: its regret in the mean, and who is best there."""

    regret: float
    best: str


@dataclass(frozen=True)
class Turn:
    """What one assumption does to the choice, with a budget.

    Attributes
    ----------
    assumption : str
        A number's path, or the keys in which a world differs from the one it starts from; nothing: it starts from none.
    world : str
        The world, or the family whose number it is.
    budget : float or None
        As asked for.
    low, high, now : float
        The number's lowest and highest value, and the one that is stated where it starts from; nan for a world with a
        name, and where none is stated.
    before, after : End
        Where the number is low and high (as in the tornado); in the world it starts from, and in the world.
    instead : str
        Who takes the choice's place; nothing: nobody, by more than luck.
    at : float
        Switching value; nan where there is none.
    between : tuple
        Worlds next to it that tell the two policies apart.
    above : bool
        Whether the other policy is the better one above it.
    worth : float
        What the other policy is worth more there, at most; nan where the choice cannot be chosen.
    right, of : int
        In how many of how many worlds the number alone says which of the two is better.
    """

    assumption: str
    world: str
    budget: float | None
    low: float
    high: float
    now: float
    before: End
    after: End
    instead: str = ""
    at: float = float("nan")
    between: tuple[float, float] = (float("nan"), float("nan"))
    above: bool = False
    worth: float = 0.0
    right: int = 0
    of: int = 0

    @property
    def drawn(self) -> bool:
        """Return whether it is a number of drawn worlds."""
        return self.low == self.low


@dataclass(frozen=True)
class Lost:
    """Worlds of a family that turn the choice though no number of it alone says when.

    Attributes
    ----------
    family : str
    budget : float or None
    instead : str
        Who is worth most more, in which of them.
    worth : float
        How much; nan where the choice cannot be chosen.
    worlds, of : int
    """

    family: str
    budget: float | None
    instead: str
    worth: float
    worlds: int
    of: int


@dataclass(frozen=True)
class Turning:
    """What turns the choice, and what does not.

    Attributes
    ----------
    choice : str
    turns : tuple of Turn
        Each number, and each world with a name, for each budget: those that turn it first, by money.
    lost : tuple of Lost
    most, where : float, str
        The largest regret of the choice, and in which world.
    blind : bool
        Whether there is one replication, so that luck explains everything.
    left_out : int
        Worlds with a name that turn nothing and are not among ``turns``.
    close, places : int
        In how many worlds and budgets another is ahead by no more than luck explains, of how many.
    expected : Turning or None
        The same in expected numbers, which have no luck.
    """

    choice: str
    turns: tuple[Turn, ...]
    lost: tuple[Lost, ...]
    most: float
    where: str
    blind: bool
    left_out: int = 0
    close: int = 0
    places: int = 0
    expected: Turning | None = None

    @property
    def turned(self) -> tuple[Turn, ...]:
        """Return what turns it."""
        return tuple(turn for turn in self.turns if turn.instead)


def turning(worlds: Sequence[World], cells: Cells, answers: Answers) -> Turning | None:
    """Return which assumptions turn the choice; None where there is nothing to choose, or one world alone."""
    able = [each.policy for each in answers.survivals if each.policy not in answers.anew]
    names = list(dict.fromkeys(row.policy for row in answers.rows))
    if len(worlds) < 2 or not able or len(names) < 2:
        return None
    sure = Cells({cell: _expected(found) for cell, found in cells.found.items()}, cells.why)
    answers_sure = Answers.of(sure, answers.reference, answers.within, names, answers.anew)
    expected = _Looking(worlds, sure, answers_sure, able[0]).found()
    return replace(_Looking(worlds, cells, answers, able[0]).found(), expected=expected)


def _expected(found: Found) -> Found:
    """Return what was found in a cell as if every replication were as expected."""
    return replace(found, assets=np.full(2, float(found.facts["expected"])), worlds=None)


class _Looking:
    def __init__(self, worlds: Sequence[World], cells: Cells, answers: Answers, choice: str) -> None:
        self.worlds, self.answers, self.choice, self.anew = worlds, answers, choice, answers.anew
        self.by_name = {world.name: world for world in worlds}
        self.rows = {(row.world, row.asked, row.policy): row for row in answers.rows}
        self.best: dict[Group, Row] = {}
        for row in answers.rows:
            if row.rank == 1:
                self.best.setdefault((row.world, row.asked), row)
        self.others = [name for name in dict.fromkeys(row.policy for row in answers.rows) if name != choice]
        self.budgets = list(dict.fromkeys(row.asked for row in answers.rows))
        self.blind = all(found.assets.size < 2 for found in cells.found.values())
        self.more, self.sign = _compared(cells, choice, self.others)

    def found(self) -> Turning:
        drawn = {name: some for name, some in families(self.worlds).items() if numbers(some)}
        inside = {world.name for some in drawn.values() for world in some}
        named = [world for world in self.worlds if world.name not in inside]
        turns, lost = [], []
        for budget in self.budgets:
            turns += [turn for world in named if (turn := self._named(world, budget)) is not None]
            for family, some in drawn.items():
                of_family = self._family(family, some, budget)
                turns += of_family
                if not any(turn.instead for turn in of_family):
                    lost += self._unexplained(family, some, budget)
        turns.sort(key=lambda turn: (not turn.instead, -_nan_last(turn.worth), -turn.right))
        idle = [turn for turn in turns if not turn.instead and not turn.drawn]
        dropped = set(map(id, idle[MOST_NAMED:]))
        kept = [self._with_keys(turn) for turn in turns if id(turn) not in dropped]
        own = [row for row in self.answers.rows if row.policy == self.choice and row.regret == row.regret]
        worst = max(own, key=lambda row: row.regret, default=None)
        most, where = (0.0, "") if worst is None else (worst.regret, worst.world)
        other = [at for at, best in self.best.items() if best.policy != self.choice and best.policy not in self.anew]
        close = sum(not self._instead(*at) for at in other)
        return Turning(
            self.choice, tuple(kept), tuple(lost), most, where, self.blind, len(dropped), close, len(self.best)
        )

    # --- Worlds with a name ---

    def _named(self, world: World, budget: float | None) -> Turn | None:
        """Return what a world's keys do, beside the world it starts from."""
        own, first = self.rows.get((world.name, budget, self.choice)), self.worlds[0]
        if own is None:
            return None
        start = self._start(world)
        ends = self._end(start.name, budget), self._end(world.name, budget)
        plain = Turn("", world.name, budget, NAN, NAN, NAN, *ends)
        instead = self._instead(world.name, budget)
        if not instead or (world is not first and self._instead(start.name, budget) == instead):
            return None if world is first else plain
        worth = self.rows[world.name, budget, instead].asset - own.asset if own.allowed else NAN
        return replace(plain, instead=instead, worth=worth)

    def _start(self, world: World) -> World:
        """Return the world that one is held against: the one it starts from, or else the first."""
        return self.by_name.get(world.start, self.worlds[0])

    def _with_keys(self, turn: Turn) -> Turn:
        if turn.drawn:
            return turn
        world = self.by_name[turn.world]
        differ = scenarios_differ(self._start(world).scenario, world.scenario)
        return replace(turn, assumption="; ".join(_change(**each) for each in differ))

    def _instead(self, world: str, budget: float | None) -> str:
        """Return who takes the choice's place in a world by more than luck; nothing: it stays."""
        best, own = self.best.get((world, budget)), self.rows.get((world, budget, self.choice))
        if best is None or own is None or best.policy == self.choice:
            return ""
        if not own.allowed:
            return best.policy
        ahead = [
            name for name in self.others
            if self.sign[name].get((world, budget), 0) > 0 and self._matters(name, world, budget)
            and self.rows[world, budget, name].allowed
        ]  # fmt: skip
        return max(ahead, key=lambda name: self.rows[world, budget, name].asset, default="")

    def _matters(self, name: str, world: str, budget: float | None) -> bool:
        """Return whether a policy that is better can be had: one made anew counts only where the choice is lost."""
        own = self.rows[world, budget, self.choice]
        best = self.best[world, budget].asset
        return name not in self.anew or own.regret > self.answers.within * abs(best)

    def _end(self, world: str, budget: float | None) -> End:
        own, best = self.rows.get((world, budget, self.choice)), self.best.get((world, budget))
        return End(float("nan") if own is None else own.regret, "" if best is None else best.policy)

    # --- Numbers ---

    def _family(self, family: str, worlds: list[World], budget: float | None) -> list[Turn]:
        paths, out = numbers(worlds), []
        table = np.array([[float(world.values[path]) for path in paths] for world in worlds])
        beside = {repr([each for each in world.values.items() if each[0] not in paths]) for world in worlds}
        alone = len(paths) == len(beside) == 1 and len(set(table[:, 0].tolist())) == len(worlds)
        for i, path in enumerate(paths):
            ends = self._ends(worlds, table[:, i], budget)
            low, high, now = float(table[:, i].min()), float(table[:, i].max()), worlds[0].stated.get(path)
            plain = Turn(
                path, family, budget, low, high, NAN if now is None or not is_number(now) else float(now), *ends
            )
            turned = []
            for name in self.others:
                told = [self._told(name, world.name, budget) for world in worlds]
                raw, more, sign = (np.array(column) for column in zip(*told, strict=True))
                known = ~np.isnan(more)
                if known.any():
                    seen = table[known], raw[known], more[known], sign[known]
                    turned += _between(plain, name, *seen) if alone else _fitted(plain, name, i, *seen)
            out += turned or [plain]
        return out

    def _ends(self, worlds: list[World], values: Floats, budget: float | None) -> tuple[End, End]:
        """Return the choice's mean regret, and who is best in the mean, in a number's lowest and highest part."""
        part, out = parts(values), []
        for which in (part.min(), part.max()):
            some = [world.name for world, at in zip(worlds, part, strict=True) if at == which]
            regrets = [self._end(name, budget).regret for name in some]
            able = {
                name: [self.rows[world, budget, name].asset for world in some]
                for name in (self.choice, *self.others)
                if all((row := self.rows.get((world, budget, name))) is not None and row.allowed for world in some)
            }
            best = max(able, key=lambda name: float(np.mean(able[name])), default="")
            out.append(End(float(np.mean(regrets)), best))
        return out[0], out[1]

    def _told(self, name: str, world: str, budget: float | None) -> tuple[float, float, int]:
        """Return what a policy is worth more than the choice in a world, what of it counts, and whether it is told.

        Of one made anew counts what is beyond the share of the best within which a policy survives.
        """
        both = [self.rows.get((world, budget, each)) for each in (name, self.choice)]
        if not all(row is not None and row.allowed for row in both):
            return NAN, NAN, 0
        raw, sign = self.more[name][world, budget], self.sign[name][world, budget]
        if name not in self.anew:
            return raw, raw, sign
        more = raw - self.answers.within * abs(self.best[world, budget].asset)
        return raw, more, max(sign, 0) if more > 0 else -1

    def _unexplained(self, family: str, worlds: list[World], budget: float | None) -> list[Lost]:
        """Return by whom worlds of a family turn the choice at most, where no number says when."""
        turned = {world.name: name for world in worlds if (name := self._instead(world.name, budget))}
        if not turned:
            return []
        worth = {world: self._end(world, budget).regret for world in turned}
        most = max(worth, key=lambda world: math.inf if math.isnan(worth[world]) else worth[world])
        return [Lost(family, budget, turned[most], worth[most], len(turned), len(worlds))]


# --- Arithmetic -------------------------------------------------------------------------------------------------------


def _between(plain: Turn, name: str, table: Floats, raw: Floats, more: Floats, sign: Ints) -> list[Turn]:
    """Return each switching value of a family's only number, against one policy."""
    order = np.argsort(table[:, 0], kind="stable")
    values, raw, more, sign = table[order, 0], raw[order], more[order], sign[order]
    out = []
    for a, b in pairwise(np.flatnonzero(sign).tolist()):
        if sign[a] == sign[b]:
            continue
        cross = next(k for k in range(a, b) if (more[k] > 0) != (more[k + 1] > 0))
        share = more[cross] / (more[cross] - more[cross + 1])
        at, above = float(values[cross] + share * (values[cross + 1] - values[cross])), bool(sign[b] > 0)
        side = values > at if above else values < at
        out.append(_turned(plain, name, at, (float(values[a]), float(values[b])), above, side, raw, more))
    return out


def _fitted(plain: Turn, name: str, i: int, table: Floats, raw: Floats, more: Floats, sign: Ints) -> list[Turn]:
    """Return the switching value of one number of several, against one policy; nothing where there is none."""
    values = table[:, i]
    if len(more) < table.shape[1] + 2:
        return []
    slope, at = switch(table, more, i)
    if not values.min() < at < values.max():
        return []
    side = values > at if slope > 0 else values < at
    between = float(values[values <= at].max()), float(values[values > at].min())
    turn = _turned(plain, name, at, between, slope > 0, side, raw, more)
    better = int((more > 0).sum())
    told = (sign[side] > 0).any() and (sign[~side] < 0).any()
    return [turn] if told and turn.of - turn.right <= FEWER * min(better, turn.of - better) else []


def _turned(
    plain: Turn, name: str, at: float, between: tuple[float, float], above: bool, side: Flags, raw: Floats, more: Floats
) -> Turn:
    right = int(((more > 0) == side).sum())
    return replace(
        plain,
        instead=name,
        at=at,
        between=between,
        above=above,
        worth=float(raw[side].max()),
        right=right,
        of=len(more),
    )


def switch(table: Floats, more: Floats, i: int) -> tuple[float, float]:
    """Return a number's slope in a linear fit of a difference, and where that is nothing, the others at their means.

    Parameters
    ----------
    table : (worlds, numbers)
    more : (worlds,)
    i
        Which number.
    """
    middle, spread = table.mean(axis=0), np.where(np.ptp(table, axis=0) > 0, table.std(axis=0), 1.0)
    design = np.column_stack([np.ones(len(more)), (table - middle) / spread])
    found = np.linalg.lstsq(design, more, rcond=None)[0]
    slope = float(found[1 + i] / spread[i])
    return slope, NAN if slope == 0 else float(middle[i] - found[0] / slope)


def _change(key: str, first: object, second: object) -> str:
    """Return a key that differs, in no language: with both values where they are numbers or words."""
    plain = all(isinstance(value, str | int | float) for value in (first, second))
    return f"{key} {first} -> {second}" if plain else key


def _nan_last(worth: float) -> float:
    return worth if worth == worth else -math.inf


def _compared(
    cells: Cells, choice: str, others: Sequence[str]
) -> tuple[dict[str, dict[Group, float]], dict[str, dict[Group, int]]]:
    """Return by policy and place its mean difference from the choice, and its sign where luck does not explain it."""
    from scipy.special import stdtr

    more: dict[str, dict[Group, float]] = {name: {} for name in others}
    places: list[tuple[str, Group]] = []
    errors, sizes = [], []
    for group, policies in cells.groups.items():
        if choice not in policies:
            continue
        own = policies[choice].assets
        for name in others:
            if name in policies:
                difference = policies[name].assets - own
                more[name][group] = float(difference.mean())
                places.append((name, group))
                errors.append(float(difference.std(ddof=1)) / own.size**0.5 if own.size > 1 else np.inf)
                sizes.append(own.size)
    means = np.array([more[name][group] for name, group in places])
    exact = np.array(errors) <= 1e-12 * np.maximum(np.abs(means), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = 2 * stdtr(np.maximum(np.array(sizes) - 1, 1), -np.abs(means) / np.array(errors))
    chance = np.where(exact, (means == 0).astype(float), chance)
    sign: dict[str, dict[Group, int]] = {name: {} for name in others}
    for (name, group), mean, p in zip(places, means.tolist(), holm(chance.tolist()), strict=True):
        told = p < LEVEL and abs(mean) > DUST * abs(float(cells.groups[group][choice].assets.mean()))
        sign[name][group] = int(np.sign(mean)) if told else 0
    return more, sign
