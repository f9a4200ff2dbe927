"""How sure a comparison is: what the customers' luck may do, and with it what is not known.

Let ``g[p, w]`` be what policy ``p`` is worth in expected numbers in world ``w``, a sample of the scenario's ranges
(:class:`sim.scenario.joint.Joint`), as it is played there by a firm that does not know which world it is;
``g[p, 0]`` the same in the scenario as it stands, and ``a[p, r]`` what was simulated there in replication ``r`` of
``R``. What a policy is worth in one future is then::

    mean_r a[p, r] + (g[p, w] - g[p, 0]) + luck

for every world, all equally likely: the assumption moves the mean, and luck is that of the scenario as it stands, of
one more replication around a mean of ``R``, by Student's law: of a difference of two policies ``s sqrt(1 + 1/R)
t(R - 1)`` (``s``: standard deviation of their difference over replications), of several together the multivariate law
with these differences. 95 % intervals are percentiles of the sum, chances the shares of such futures.

Which assumption could turn the choice: over the samples the lead is fitted by a line in all numbers together; where
that says that one number at an end of its range, those correlated with it where they are then expected and the others
as stated, takes much of the lead, the policies are followed there, and where they change places the number at which
they do is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from optimizer.insight.risk import unknown, with_values
from sim.arrays import Floats, Progress
from sim.contract import Policy
from sim.market.expected import expected_course
from sim.market.purse import Budget
from sim.scenario.file import Scenario
from sim.scenario.joint import Joint
from sim.twin import Twin, rebuilt

__all__ = ["Chances", "Odds", "Turn", "futures", "interval", "odds", "worlds_weighed", "worth_there"]

Item = TypeVar("Item")
Found = TypeVar("Found")

SAMPLES = 16
"""Worlds, at least; twice as many as ranges where these are more."""
MOST = 64
ENDS = (2.5, 97.5)
GRID = 199
"""Quantiles of luck that stand for its law."""
DRAWS = 500
"""Of luck, for chances of several policies; each with its opposite."""
NEAR = 0.5
"""Part of the lead that an assumption must take, by the line, to be followed to its end."""
CLOSEST = 3
"""Assumptions that are followed to their worse end in any case: those that move the lead most."""
STILL = 1e-6
"""Of a lead: it does not move with what changes it by less."""
FINE = 1e-3
"""Of a range: how near the number is found at which the choice turns."""


@dataclass(frozen=True)
class Turn:
    """What one number's range does to the lead of the best policy over another, in expected numbers.

    Attributes
    ----------
    path : str
    low, high, stated : float
        Its range, and what the scenario says.
    lead_low, lead_high : float
        Lead over the reference (of the reference: over the next) with the number at either end; by the fitted line.
    turns_at : float or None
        Where the best policy loses its place; None: nowhere in the range.
    above : bool
        Whether the number must lie above that.
    winner : str
        Who is best beyond; nothing where nobody is.
    """

    path: str
    low: float
    high: float
    stated: float
    lead_low: float
    lead_high: float
    turns_at: float | None
    above: bool
    winner: str

    @property
    def swing(self) -> float:
        """Return how far the lead moves over the range."""
        return abs(self.lead_high - self.lead_low)

    @property
    def moves(self) -> bool:
        """Return whether the lead moves over the range at all."""
        return self.swing > STILL * max(abs(self.lead_low), abs(self.lead_high))


@dataclass(frozen=True, eq=False)
class Odds:
    """What a comparison is with what is not known.

    Attributes
    ----------
    worlds : int
    best : str
        The policy with the largest asset.
    low, high, ahead, first : mapping
        By policy: ends of the 95 % interval of its difference from the reference; chances to be ahead of the reference,
        and to be the best of all (ties are shared).
    beats : mapping
        By policy: the chance that the best is ahead of it.
    turns : tuple of Turn
        Every number with a range, the largest swing first.
    """

    worlds: int
    best: str
    low: Mapping[str, float]
    high: Mapping[str, float]
    ahead: Mapping[str, float]
    first: Mapping[str, float]
    beats: Mapping[str, float]
    turns: tuple[Turn, ...]

    def of(self, name: str) -> tuple[float, float, float, float]:
        """Return a policy's interval, and its chances to be ahead of the reference and best of all."""
        return self.low[name], self.high[name], self.ahead[name], self.first[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "worlds": self.worlds, "best": self.best, "beats": dict(self.beats),
            "assumptions": [{**asdict(turn), "swing": turn.swing} for turn in self.turns],
        }  # fmt: skip


def futures(assets: Floats, moved: Floats) -> Floats:
    """Return what policies are worth in one future, (policies, worlds x draws of luck).

    Luck is ``sqrt(1 + 1/R)`` times a draw of the multivariate law of Student with ``R - 1`` degrees of freedom and the
    replications' covariance: of any two policies the difference has the law that :func:`interval` takes.

    Parameters
    ----------
    assets : (policies, replications)
        Simulated in the scenario as it stands.
    moved : (policies, worlds)
        By how much each world moves what is expected.
    """
    number = assets.shape[1]
    mean = assets.mean(axis=1, keepdims=True)
    random = np.random.default_rng(0)  # the law is what is wanted: the same draws for all
    normal = random.standard_normal((number, DRAWS)) / np.sqrt(random.chisquare(number - 1, DRAWS))
    luck = (assets - mean) @ np.hstack([normal, -normal]) * np.sqrt(1 + 1 / number)
    return np.asarray(((mean + moved)[:, :, None] + luck[:, None, :]).reshape(len(assets), -1))


def interval(gains: Floats, moved: Floats) -> tuple[float, float]:
    """Return the 95 % interval of a difference in one future.

    Parameters
    ----------
    gains : (replications,)
        Simulated in the scenario as it stands.
    moved : (worlds,)
        By how much each world moves what is expected.
    """
    from scipy.special import stdtrit

    number = gains.size
    wide = float(gains.std(ddof=1)) * np.sqrt(1 + 1 / number)
    luck = wide * stdtrit(number - 1, (np.arange(GRID) + 0.5) / GRID)
    low, high = np.percentile(gains.mean() + moved[:, None] + luck, ENDS, method="hazen")
    return float(low), float(high)


def worlds_weighed(scenario: Scenario, policies: int, replications: int, samples: int | None = None) -> int:
    """Return in how many worlds policies are weighed; 0 without ranges, a second policy, or luck seen twice.

    ``samples`` as :func:`odds` has it.
    """
    ranges = len(scenario.uncertain)
    if not ranges or min(policies, replications) < 2:
        return 0
    return min(max(SAMPLES, 2 * ranges), MOST) if samples is None else samples


def worth_there(twin: Twin, values: Mapping[str, float], policies: Sequence[tuple[Policy, Budget]]) -> list[float]:
    """Return what policies are worth in expected numbers in a world with other numbers than the scenario's."""
    other = rebuilt(twin, with_values(twin.scenario, dict(values)))
    return [expected_course(other, *each).asset for each in policies]


@dataclass(frozen=True, eq=False)
class Chances:
    """How sure differences from a reference are, by policy.

    Attributes
    ----------
    low, high : (policies,)
        Ends of the 95 % interval of the difference in one future; of the reference: 0.
    ahead, first : (policies,)
        Chances to be ahead of the reference (of itself: nan), and to be the best of all; ties are shared.
    worth : (policies, futures)
    """

    low: Floats
    high: Floats
    ahead: Floats
    first: Floats
    worth: Floats

    @classmethod
    def of(cls, assets: Floats, moved: Floats, reference: int = 0) -> Chances:
        """Return the chances of simulated assets, (policies, replications), moved by worlds, (policies, worlds)."""
        worth, base = futures(assets, moved), (assets[reference], moved[reference])
        ends = np.array([interval(own - base[0], move - base[1]) for own, move in zip(assets, moved, strict=True)])
        top = worth == worth.max(axis=0)
        first = np.asarray((top / top.sum(axis=0)).mean(axis=1))
        return cls(ends[:, 0], ends[:, 1], _ahead(worth, worth[reference], reference), first, worth)


def odds(
    twin: Twin,
    policies: Sequence[tuple[Policy, Budget]],
    assets: Floats,
    stated: Floats,
    *,
    samples: int | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> Odds | None:
    """Return how sure a comparison is; None without ranges, a second policy, or luck seen twice.

    Worlds and ranges are spread over threads; the answer does not depend on how many.

    Parameters
    ----------
    policies
        With what each can spend; the first is the reference.
    assets : (policies, replications)
    stated : (policies,)
        In expected numbers, in the scenario as it stands.
    samples
        Worlds; None: 16, or twice as many as there are ranges, at most 64.
    """
    number, replications = assets.shape
    ranges, count = twin.scenario.uncertain, worlds_weighed(twin.scenario, number, replications, samples)
    if not count:
        return None
    numbers, whole, done = unknown(twin.scenario), count + len(ranges), itertools.count(1)
    points = numbers.worlds(count, seed)

    def there(values: Mapping[str, float], chosen: Sequence[int]) -> list[float]:
        return worth_there(twin, values, [policies[i] for i in chosen])

    def across(work: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        out = []
        for found in pool.map(work, items):
            out.append(found)
            if progress is not None:
                progress(next(done) / whole)
        return out

    names = [policy.name for policy, _ in policies]
    best, everyone = int(np.argmax(assets.mean(axis=1))), range(number)
    with ThreadPoolExecutor(threads) as pool:
        worlds: Floats = np.array(across(lambda values: there(values, everyone), points)).T
        turns = _turns(numbers, points, assets.mean(axis=1), stated, worlds, best, names, there, across)
    found = Chances.of(assets, worlds - stated[:, None])

    def by_name(values: Floats) -> dict[str, float]:
        return dict(zip(names, values.tolist(), strict=True))

    beats = by_name(_ahead(found.worth[best], found.worth, best))
    beats.pop(names[best])
    return Odds(
        count, names[best], low=by_name(found.low), high=by_name(found.high), ahead=by_name(found.ahead),
        first=by_name(found.first), beats=beats, turns=turns,
    )  # fmt: skip


def _ahead(one: Floats, other: Floats, itself: int) -> Floats:
    """Return the share of futures in which one is worth more; ties count half, against itself nothing is known."""
    share = np.asarray(((one > other) + 0.5 * (one == other)).mean(axis=1))
    share[itself] = np.nan
    return share


def _turns(
    numbers: Joint, points: Sequence[Mapping[str, float]], mean: Floats, stated: Floats,
    worlds: Floats, best: int, names: Sequence[str], there: Callable[[Mapping[str, float], Sequence[int]], list[float]],
    across: Callable[[Callable[[int], Turn], Sequence[int]], list[Turn]],
) -> tuple[Turn, ...]:  # fmt: skip
    """Return what each number's range does to the best policy's lead over each other one."""
    at, place = numbers.middle, np.array([numbers.place(point) for point in points])
    others = [i for i in range(len(names)) if i != best]
    # The lead of the table in the scenario as it stands, moved as expected numbers move.
    leads = (mean[best] - mean)[others, None] + (worlds[best] - stated[best]) - (worlds - stated[:, None])[others]
    design = np.column_stack([np.ones(len(points)), place])
    slope = np.linalg.lstsq(design, leads.T, rcond=None)[0][1:].T  # (others, ranges), over the whole range
    here = (mean[best] - mean)[others]
    ways = np.array(
        [[numbers.place(numbers.along(each.path, end)) for end in (each.low, each.high)] for each in numbers.ranges]
    ) - numbers.place({})  # (ranges, end, ranges)
    ends = here[:, None, None] + np.einsum("or,jer->oje", slope, ways)  # (others, ranges, end)
    shown = others.index(0) if best else int(np.argmin(here))
    swing = np.abs(ends[shown, :, 1] - ends[shown, :, 0])
    nearest = set(np.argsort(-swing, kind="stable")[:CLOSEST].tolist())

    def of(j: int) -> Turn:
        each = numbers.ranges[j]
        other, end = np.unravel_index(int(np.argmin(ends[:, j])), ends[:, j].shape)
        turn: float | None = None
        if ends[other, j, end] < NEAR * here[other] or j in nearest:
            far = each.high if end else each.low
            turn = _turn(numbers, each.path, float(at[j]), far, best, others[other], mean, stated, there)
        return Turn(
            each.path, each.low, each.high, float(at[j]), float(ends[shown, j, 0]), float(ends[shown, j, 1]), turn,
            not end, names[others[other]] if turn is not None else "",
        )  # fmt: skip

    return tuple(sorted(across(of, range(len(numbers.ranges))), key=lambda turn: -turn.swing))


def _turn(
    numbers: Joint, path: str, at: float, far: float, best: int, other: int, mean: Floats, stated: Floats,
    there: Callable[[Mapping[str, float], Sequence[int]], list[float]],
) -> float | None:  # fmt: skip
    """Return the number between what is stated and an end of its range at which two policies change places."""
    from scipy.optimize import brentq

    def lead(value: float) -> float:
        one, two = there(numbers.along(path, value), (best, other))
        return float(mean[best] - mean[other]) + (one - float(stated[best])) - (two - float(stated[other]))

    if far == at or lead(far) >= 0:
        return None
    return float(brentq(lead, at, far, xtol=FINE * abs(far - at), rtol=1e-9))
