"""Curves that fit a history: the fluid twin's path by Gauss-Newton, answers and experiments as prior.

::

    E[y_kst] = twin_kst(theta, c) exp(level_ks + season_k,phase(t))
    z = argmin  sum ((y - E[y])^2 / (w_k E[y])) - 2 log prior(theta) + ...

``k`` is an outcome, ``s`` a segment; ``w_k`` how much more it scatters than counts do (Pearson, Wedderburn 1974).
Levels are free for purchases and money, as gains are known against their own level alone; people won and active are
as many as the scenario says. What is expected of an outcome is expected given those that come before it in a period
(:mod:`sim.responses.history.path`), so that the luck of who was won is not seen again in who is active and what is
bought. Seasons are fitted where two years are known and
Wald's test (Wald 1943) tells them from luck. Derivatives of the path by the numbers of curves are differences
of one pass each; the covariance is the larger of ``H^-1`` and ``H^-1 (S + P) H^-1`` with ``S`` that of the scores over
the periods of a segment, neighbours included (Newey & West 1987), as customers who are not lost today buy tomorrow.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.intervals import NORMAL
from sim.responses.history.path import Paths, paths_of
from sim.responses.history.read import History
from sim.responses.posterior import DRAWS, Posterior
from sim.responses.read import Key
from sim.responses.shape import Shape
from sim.scenario.file import PERIODS_PER_YEAR, Scenario

__all__ = ["Fitted", "Named", "fit_history", "keys_of"]

Named = tuple[str, int]
"""A number of a fit."""
STEP = 1e-3
COUNTED = ("won", "purchases")
"""Counts of what people do each by themselves, which scatter by luck as much as they are: less than that is chance."""
ROUNDS, STILL = 15, 0.03
"""Most steps, and the share of a standard deviation below which a step ends the search."""
FRESH, ROUGHLY = 0.1, 0.5
"""Standard deviations over which derivatives are kept: of what is told, and of what answers are held against."""
CHORDS = 3
"""Steps at most with the derivatives of the step before."""
LONGEST = 1.5
"""Largest step of a curve's numbers at a time."""
CARRIED, MOST_CARRIED = 0.4, 0.9
"""Standard deviation around none of the share that is carried over before anything is seen, and its largest size.

Below none it is no less believed than above, so that where nothing is carried over nothing is found.
"""
NONE = 1e-4
"""As good as none is carried over."""
SEEN = 0.05
"""Share that is carried over at least, 97.5 % sure, where it is said to be."""
LOOSE, TURNS = 1.0, 0.3
"""Standard deviations of the logarithms of levels and of seasons before anything is seen."""
CHANCE_OF_SEASON = 0.01
"""With which luck alone may show a season that is used."""
BELOW = 3.0
"""Standard deviations of luck beyond which what is left over falls with money."""
SHOWN_BY = {"acquisition": "won", "survival": "active", "purchase_rate": "purchases", "amount": "money"}
"""Outcome that an effect shows in first."""
TOGETHER = 0.9
"""Correlation from which levers are said to have moved together."""
FEWEST = 6
"""Periods from which a history is fitted."""


class Carried(NamedTuple):
    """A lever's carry-over: the likeliest share, its 95 % interval and draws."""

    share: float
    low: float
    high: float
    draws: Floats


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a history tells.

    Attributes
    ----------
    posteriors : dict
        By curve.
    carried : dict
        By lever, the share of what acts that is carried over, where it is seen to be: its draws, beside the curves'.
    rows : int
        Of the history, periods times segments.
    notes : tuple of str
    at : dict
        Every number fitted, by name: near where a fit under other beliefs ends.
    """

    posteriors: Mapping[Key, Posterior]
    carried: Mapping[str, Carried]
    rows: int
    notes: tuple[str, ...]
    at: Mapping[Named, float]


def fit_history(
    scenario: Scenario, history: History, shapes: Mapping[Key, Shape], priors: Mapping[Key, Posterior], seed: int,
    steady: AbstractSet[str] = frozenset(), near: Mapping[Named, float] | None = None,
) -> Fitted:  # fmt: skip
    """Return the curves of the levers of a history, as it and what was known before tell them.

    Parameters
    ----------
    shapes, priors
        Of the curves to be fitted, by key.
    steady
        Levers whose money is taken to carry nothing over.
    near
        Numbers to begin with, of a rougher fit to the same history; None: what was known before, for such a fit.

    Raises
    ------
    InputError
        If the history is too short or names what the scenario does not have.
    """
    if len(history.periods) < FEWEST:
        raise InputError(
            f"{history.where}: {len(history.periods)} periods; expected at least {FEWEST}, better two years"
        )
    problem = _Problem(scenario, history, paths_of(scenario, history), shapes, priors, steady)
    at, covariance = problem.solve(near, ROUGHLY)
    luck = problem.luck(at)
    rough = near is None
    near = dict(zip(problem.names, at, strict=True))
    if luck:
        problem = _Problem(scenario, history, problem.paths, shapes, priors, steady, luck)
    at, covariance = problem.solve(near, ROUGHLY if rough else FRESH)
    random = np.random.default_rng(seed)
    size = 3 * len(problem.keys)  # one draw of all curves together: what levers that moved together share is kept
    spread, ways = np.linalg.eigh(covariance[:size, :size])
    draws = at[:size] + random.standard_normal((DRAWS, size)) @ (ways * np.sqrt(np.maximum(spread, 0))).T
    posteriors = {
        key: Posterior(at[3 * i : 3 * i + 3], draws[:, 3 * i : 3 * i + 3]) for i, key in enumerate(problem.keys)
    }
    rows = len(history.periods) * len(history.segments)
    across = covariance[size:, :size] @ np.linalg.pinv(covariance[:size, :size])
    spread, ways = np.linalg.eigh(covariance[size:, size:] - across @ covariance[:size, size:])
    beside = random.standard_normal((DRAWS, len(spread))) @ (ways * np.sqrt(np.maximum(spread, 0))).T
    carried = problem.carried(at, covariance, at[problem.carry] + (draws - at[:size]) @ across.T + beside)
    return Fitted(posteriors, carried, rows, tuple(problem.notes(at, carried)),
                  dict(zip(problem.names, map(float, at), strict=True)))  # fmt: skip


class _Problem:
    """A history's misfit in the numbers of curves, carry-over, levels and seasons."""

    def __init__(
        self, scenario: Scenario, history: History, paths: Paths, shapes: Mapping[Key, Shape],
        priors: Mapping[Key, Posterior], steady: AbstractSet[str], luck: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        self.by_luck = luck or {}
        self.history, self.paths, self.shapes, self.keys = history, paths, shapes, list(shapes)
        self.priors = [priors[key] for key in self.keys]
        self.kinds = list(history.outcome)
        self.seen = np.stack([history.outcome[kind] for kind in self.kinds])  # (kinds, periods, segments)
        self.season = self._phases(scenario)
        curves, levers = 3 * len(self.keys), len(paths.levers)
        self.carry = slice(curves, curves + levers)
        self.free = [(k, s) for k, kind in enumerate(self.kinds) if kind in ("purchases", "money")
                     for s in range(len(history.segments))]  # fmt: skip
        self.phases = int(self.season.max()) + 1
        moving = [k for k, kind in enumerate(self.kinds) if kind != "active" and kind not in self.by_luck]
        flows = moving if self.phases > 1 else []
        self.turns = [(k, p) for k in flows for p in range(self.phases)]
        self.names: list[Named] = [
            *((str(key), i) for key in self.keys for i in range(3)), *((name, 0) for name in paths.levers),
            *((f"level of {self.kinds[k]}", s) for k, s in self.free),
            *((f"season of {self.kinds[k]}", p) for k, p in self.turns),
        ]  # fmt: skip
        size = len(self.names)
        self.begin = np.concatenate([*(each.mode for each in self.priors), np.zeros(size - curves)])
        self.rest = np.full(size - curves, LOOSE**-2)
        self.rest[:levers] = [NONE**-2 if name in steady else CARRIED**-2 for name in paths.levers]
        self.rest[levers + len(self.free) :] = TURNS**-2
        self.scatter = np.ones(len(self.kinds))

    def _phases(self, scenario: Scenario) -> Ints:
        """Return where in the year each period lies; all alike where less than two years are known."""
        year, periods = PERIODS_PER_YEAR[scenario.period], len(self.history.periods)
        if year != int(year) or year < 2 or periods < 2 * year:
            return np.zeros(periods, dtype=np.int64)
        return np.arange(periods) % int(year)

    def path(self, at: Floats) -> Floats:
        """Return the twin's path, (kinds, periods, segments)."""
        numbers = {key: self.shapes[key].numbers(at[3 * i : 3 * i + 3]) for i, key in enumerate(self.keys)}
        found = self.paths.run(numbers, np.clip(at[self.carry], -MOST_CARRIED, MOST_CARRIED))
        return np.stack([found[kind] for kind in self.kinds])

    def beside(self, at: Floats) -> Floats:
        """Return what levels and seasons multiply the path by."""
        logs = np.zeros(self.seen.shape)
        first = self.carry.stop
        for (k, s), value in zip(self.free, at[first:], strict=False):
            logs[k, :, s] += value
        for (k, p), value in zip(self.turns, at[first + len(self.free) :], strict=False):
            logs[k] += value * self.turn(p)
        return np.asarray(np.exp(np.clip(logs, -20, 20)))

    def slopes(self, at: Floats, path: Floats, beside: Floats) -> Floats:
        """Return derivatives of what is expected, (size, kinds, periods, segments)."""
        out = np.zeros((at.size, *path.shape))
        for i in range(self.carry.stop):
            near = at.copy()
            near[i] += STEP
            out[i] = (self.path(near) - path) / STEP * beside
        expected, first = path * beside, self.carry.stop
        for j, (k, s) in enumerate(self.free, first):
            out[j, k, :, s] = expected[k, :, s]
        for j, (k, p) in enumerate(self.turns, first + len(self.free)):
            out[j, k] = expected[k] * self.turn(p)
        return out

    def turn(self, phase: int) -> Floats:
        """Return what a phase's number does by period, (periods, 1): seasons are measured from their mean."""
        return np.asarray((self.season == phase)[:, None] - 1 / self.phases)

    def weight(self, expected: Floats) -> Floats:
        """Return the inverse variance of each figure; 0 where it is not known."""
        floor = np.maximum(expected, 1e-3 * expected.mean(axis=(1, 2), keepdims=True) + 1e-12)
        return np.where(np.isfinite(self.seen), 1 / (self.scatter[:, None, None] * floor), 0.0)

    def prior(self, at: Floats) -> tuple[float, Floats, Floats]:
        """Return minus the log prior of all numbers, its gradient and its curvature, as they are there."""
        curves = self.carry.start
        beyond, value = at[curves:], 0.5 * float(self.rest @ at[curves:] ** 2)
        slope, precision = np.zeros(at.size), np.zeros((at.size, at.size))
        slope[curves:], precision[curves:, curves:] = self.rest * beyond, np.diag(self.rest)
        for i, each in enumerate(self.priors):
            own = slice(3 * i, 3 * i + 3)
            more, slope[own], precision[own, own] = each.around(at[own])
            value += more
        return value, slope, precision

    def misfit(self, at: Floats, weight: Floats) -> float:
        away = np.where(weight > 0, self.seen - self.path(at) * self.beside(at), 0.0)
        return float((weight * away**2).sum()) + 2 * self.prior(at)[0]

    def solve(self, near: Mapping[Named, float] | None, fresh: float) -> tuple[Floats, Floats]:
        """Return the best numbers, and the covariance of those of curves and carry-over."""
        at = self._begin() if near is None else np.array([near.get(name, 0.0) for name in self.names])
        for _ in range(ROUNDS):
            path, beside = self.path(at), self.beside(at)
            self._rescale(path * beside)
            weight = self.weight(path * beside)
            slopes = self.slopes(at, path, beside).reshape(at.size, -1)
            _, slope, precision = self.prior(at)
            bend = (slopes * weight.ravel()) @ slopes.T + precision
            step = np.linalg.solve(bend, slopes @ (weight.ravel() * self._away(path * beside, weight)) - slope)
            step *= min(1.0, LONGEST / max(float(np.abs(step[: self.carry.stop]).max()), 1e-12))
            before = self.misfit(at, weight)
            while self.misfit(at + step, weight) > before and np.abs(step).max() > 1e-6:
                step = step / 2
            at, away = at + step, self._away(path * beside, weight)
            moved = self._size(step, bend)
            for _ in range(CHORDS if STILL <= moved < fresh else 0):
                away = self._away(self.path(at) * self.beside(at), weight)
                step = np.linalg.solve(bend, slopes @ (weight.ravel() * away) - self.prior(at)[1])
                moved = self._size(step, bend)
                if moved >= STILL and self.misfit(at + step, weight) > self.misfit(at, weight):
                    break
                at = at + step
                if moved < STILL:
                    break
            if moved < STILL:
                break
        self.spread = np.linalg.inv(bend)
        return at, self._covariance(slopes, weight, away, bend, precision)

    def _away(self, expected: Floats, weight: Floats) -> Floats:
        """Return what was seen and not expected, flat; 0 where it is not known."""
        return np.where(weight > 0, self.seen - expected, 0.0).ravel()

    @staticmethod
    def _size(step: NDArray[Any], bend: Floats) -> float:
        """Return the largest part of a step, in standard deviations."""
        return float((np.abs(step) * np.sqrt(np.diag(bend))).max())

    def _begin(self) -> Floats:
        """Return what was known before, with levels that make as much in all as was seen."""
        at = self.begin.copy()
        path = self.path(at)
        for (k, s), j in zip(self.free, range(self.carry.stop, at.size), strict=False):
            at[j] = np.log(np.nansum(self.seen[k, :, s]) / max(float(path[k, :, s].sum()), 1e-300))
        at[self.carry.stop :] = np.clip(np.nan_to_num(at[self.carry.stop :]), -5, 5)
        return at

    def luck(self, at: Floats) -> dict[str, float]:
        """Return outcomes whose seasons are none, with the chance that luck alone shows as much (Wald's test, as F)."""
        from scipy.stats import f as ratio

        out = {}
        for kind in dict.fromkeys(self.kinds[k] for k, _ in self.turns):
            k = self.kinds.index(kind)
            own = [j for j, (of, _) in enumerate(self.turns, self.carry.stop + len(self.free)) if of == k]
            apart = np.eye(len(own))[1:] - np.eye(len(own))[0]  # their mean is nothing, so against the first of them
            away = apart @ at[own]
            size = float(away @ np.linalg.solve(apart @ self.spread[np.ix_(own, own)] @ apart.T, away)) / len(away)
            left = max(int(np.isfinite(self.seen[k]).sum() - self.begin.size / len(self.kinds)), 1)
            chance = float(ratio.sf(size, len(away), left))
            if chance > CHANCE_OF_SEASON:
                out[kind] = chance
        return out

    def _rescale(self, expected: Floats) -> None:
        """Set how much more each outcome scatters than counts, or than money by the unit."""
        self.scatter = np.ones(len(self.kinds))
        pearson = self.weight(expected) * np.where(np.isfinite(self.seen), self.seen - expected, 0.0) ** 2
        for k in range(len(self.kinds)):
            known = int(np.isfinite(self.seen[k]).sum())
            shared = self.begin.size / len(self.kinds)
            least = 1.0 if self.kinds[k] in COUNTED else 1e-9
            self.scatter[k] = max(float(pearson[k].sum()) / max(known - shared, 1.0), least)

    def _covariance(self, slopes: Floats, weight: Floats, away: Floats, bend: Floats, precision: Floats) -> Floats:
        """Return the covariance of curves' numbers and carry-over, neighbouring periods of a segment together.

        In no direction less than if all figures were independent, as so few periods would by chance have it.
        """
        own, inverse = slice(0, self.carry.stop), np.linalg.inv(bend)
        scores = (slopes * (weight.ravel() * away)).reshape(-1, *self.seen.shape).sum(axis=1)
        each = np.einsum("ij,jts->its", inverse[own], scores)  # what a period of a segment moves the numbers by
        periods = each.shape[1]
        lags = int(np.ceil(4 * (periods / 100) ** (2 / 9)))
        out = np.einsum("its,jts->ij", each, each)
        for lag in range(1, lags + 1):
            across = np.einsum("its,jts->ij", each[:, lag:], each[:, :-lag])
            out += (1 - lag / (lags + 1)) * (across + across.T)
        known = int(np.isfinite(self.seen).sum())
        out *= known / max(known - scores.shape[0], 1)
        out += inverse[own] @ precision @ inverse[:, own]
        root = np.linalg.cholesky(inverse[own, own])
        back = np.linalg.inv(root)
        more, turns = np.linalg.eigh(back @ out @ back.T)
        return np.asarray(root @ (turns * np.maximum(more, 1.0)) @ turns.T @ root.T)

    def carried(self, at: Floats, covariance: Floats, draws: Floats) -> dict[str, Carried]:
        """Return the levers that are seen to carry over: more than :data:`SEEN`, at the interval's lower end."""
        out = {}
        for i, name in enumerate(self.paths.levers):
            share = float(at[self.carry][i])
            wide = NORMAL * float(np.sqrt(covariance[self.carry, self.carry][i, i]))
            low, share, high = np.clip([share - wide, share, share + wide], 0, MOST_CARRIED).tolist()
            if low > SEEN:
                out[name] = Carried(share, low, high, np.clip(draws[:, i], 0, MOST_CARRIED))
        return out

    def notes(self, at: Floats, carried: Mapping[str, Carried]) -> list[str]:
        """Return what a history cannot tell, what is carried over, and how the seasons are."""
        where, out = self.history.where, []
        out.append(
            f"{where}: a history has no control group: what moved with money by itself is taken for its effect, but "
            "for levels and seasons"
        )
        unknown = [name for name in self.history.levers if name not in self.paths.levers]
        unknown += self.history.unused
        if unknown:
            out.append(f"{where}: columns not used, as they are no levers: {', '.join(unknown)}")
        out += [
            f"{where}: {name}: {each.share:.0%} ({each.low:.0%} to {each.high:.0%}) of what acts is carried over from "
            "the period before"
            for name, each in carried.items()
        ]
        out += [f"{where}: {note}" for note in (*self._falling(at), *self._together())]
        out += [
            f"{where}: {kind}: no season is used, as months of two years or more differ by no more than luck has it in "
            f"{chance:.0%} of histories"
            for kind, chance in self.by_luck.items()
        ]
        first = self.carry.stop + len(self.free)
        for k, kind in enumerate(self.kinds):
            turns = [float(np.exp(at[first + j])) for j, (of, _) in enumerate(self.turns) if of == k]
            if turns and max(turns) / min(turns) > 1.1:
                shown = ", ".join(f"{each / np.mean(turns):.2f}" for each in turns)
                named = f"{kind} a purchase has" if kind == "money" and "purchases" in self.kinds else f"{kind} have"
                out.append(f"{where}: {named} a season: {shown} of the mean, from the first period of the year on")
        return out

    def _falling(self, at: Floats) -> list[str]:
        """Return where less came with more money than even a flat curve would have it: left over from the fit."""
        expected = self.path(at) * self.beside(at)
        rest = np.sqrt(self.weight(expected)) * np.where(np.isfinite(self.seen), self.seen - expected, 0.0)
        out = []
        for lever, moves, segment in self.keys:
            kind = SHOWN_BY.get(moves)
            if segment or kind not in self.kinds:
                continue
            spend = self.history.spend[:, :, self.history.levers.index(lever)]
            away, left = spend - spend.mean(axis=0), rest[self.kinds.index(kind)]
            size = float(np.sqrt((away**2).sum() * (left**2).mean()))
            if size > 0 and float((away * left).sum()) / size < -BELOW:
                out.append(
                    f"{lever} on {moves}: less came ({kind}) with more money, which no curve here can: taken as flat "
                    "as can be; something else may have moved with it"
                )
        return out

    def _together(self) -> list[str]:
        """Return which levers cannot be told apart or never changed."""
        own = [self.history.levers.index(name) for name in self.paths.levers]
        spend = self.history.spend[:, :, own]
        away = spend - spend.mean(axis=0)
        still = np.sqrt((away**2).sum(axis=(0, 1))) <= 1e-9 * np.sqrt((spend**2).sum(axis=(0, 1)))
        out = [f"{name}: its money never changed, so the history does not tell what it does"
               for name, each in zip(self.paths.levers, still, strict=True) if each]  # fmt: skip
        moving = np.flatnonzero(~still)
        flat = away[:, :, moving].reshape(spend.shape[0] * spend.shape[1], moving.size)
        size = np.sqrt((flat**2).sum(axis=0))
        for a in range(moving.size):
            for b in range(a):
                alike = float(flat[:, a] @ flat[:, b] / (size[a] * size[b]))
                if abs(alike) > TOGETHER:
                    names = f"{self.paths.levers[moving[b]]} and {self.paths.levers[moving[a]]}"
                    out.append(
                        f"{names} moved together (correlation {alike:.2f}): the history tells them as one, and what "
                        "each does is as far apart as answered or tested"
                    )
        return out


def keys_of(scenario: Scenario, histories: Sequence[History]) -> list[Key]:
    """Return the curves that histories are about: all effects on customers of their levers, and of segments."""
    out: list[Key] = []
    for name in dict.fromkeys(name for each in histories for name in each.levers if name in scenario.levers):
        lever = scenario.levers[name]
        for moves in (each for each in lever.moves if each != "employee"):
            out.append((name, moves, ""))
            out += [(name, moves, segment) for segment, own in lever.by_segment.items() if moves in own.moves]
    return out
