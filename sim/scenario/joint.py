"""What is not known of a scenario's numbers, together: their ranges, laws and correlations, and worlds drawn of them.

Each number ``j`` has a score ``z_j``; the scores are normal with the stated correlations ``R`` (a Gaussian copula). A
number whose values in its range are all alike, and one that is normal in its range with what is stated, ``m``, in its
middle, are::

    even     x = low + (high - low) Phi(z)
    normal   x = m + b (e^(g z) - 1)/g,   z cut off at -1.96 and 1.96

with ``g = log((high - m)/(m - low))/1.96`` and ``b`` so that ``x(1.96) = high``: a normal law where the range lies
evenly around ``m``, a lognormal one where ``m^2 = low high`` (three-parameter lognormal; Tukey's g, Hoaglin 1985).

Sources: McKay, Beckman & Conover 1979 (Latin hypercubes); Nelsen, "An introduction to copulas" (2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.arrays import Floats
from sim.errors import ScenarioError
from sim.intervals import NORMAL
from sim.scenario.ranges import stated
from sim.scenario.rules import Uncertain

__all__ = ["Joint", "correlate"]

SINGULAR = 1e-6
"""Least eigenvalue of correlations that can all hold."""
CLOSEST, FARTHEST, DIGITS = 0.9999, 0.1, 5
"""Correlations that are stated: none beyond the first, none below the second where they hold without; their digits.

Of two numbers that are told by their ratio alone, each over many orders, .99 would be a ratio three times as large."""


@dataclass(frozen=True, eq=False)
class Joint:
    """Numbers that are not known.

    Attributes
    ----------
    ranges : tuple of Uncertain
    middle : (numbers,)
        What the scenario states.
    correlation : (numbers, numbers)
        Of their scores.
    """

    ranges: tuple[Uncertain, ...]
    middle: Floats
    correlation: Floats

    @classmethod
    def of(cls, content: dict[str, Any], ranges: tuple[Uncertain, ...]) -> "Joint":
        """Return what is not known of a scenario's content.

        Raises
        ------
        ScenarioError
            If a correlation is with a number that has no range or stated twice, correlations cannot all hold, or a
            normal law has what is stated at or outside an end of its range.
        KeyError
            With a path that leads to no number.
        """
        place = {each.path: j for j, each in enumerate(ranges)}
        middle = np.array([stated(content, each.path) for each in ranges])
        correlation = np.eye(len(ranges))
        for j, each in enumerate(ranges):
            if each.law == "normal" and not each.low < middle[j] < each.high:
                raise ScenarioError(
                    f"uncertain: {each.path}: law: normal has what is stated inside its range, got {middle[j]:g} in "
                    f"{each.low:g} to {each.high:g}; widen the range, or leave the law out"
                )
            for path, value in each.correlated.items():
                k = place.get(path, j)
                if k == j:
                    raise ScenarioError(
                        f"uncertain: {each.path}: correlated with '{path}', expected another path of this list"
                    )
                if correlation[j, k] != 0 and correlation[j, k] != value:
                    raise ScenarioError(f"uncertain: {each.path} and {path} have two correlations; keep one")
                correlation[j, k] = correlation[k, j] = value
        if len(ranges) and np.linalg.eigvalsh(correlation)[0] < SINGULAR:
            raise ScenarioError(
                "uncertain: correlations cannot all hold: two numbers close to a third must be close to each other; "
                "state weaker ones"
            )
        return cls(ranges, middle, correlation)

    @property
    def apart(self) -> bool:
        """Return whether every number is alike in its range and by itself."""
        return bool((self.correlation == np.eye(len(self.ranges))).all()) and all(
            each.law == "even" for each in self.ranges
        )

    def worlds(self, number: int, seed: int) -> list[dict[str, float]]:
        """Return values by path in so many worlds: each number's scores are a Latin hypercube, then correlated."""
        from scipy.special import ndtr, ndtri

        rng = np.random.default_rng(seed)
        share = np.array([(rng.permutation(number) + rng.random(number)) / number for _ in self.ranges])
        score = np.linalg.cholesky(self.correlation) @ ndtri(share)
        with_others = (self.correlation != np.eye(len(self.ranges))).any(axis=1)
        share[with_others] = ndtr(score[with_others])  # the others as they were drawn, to the bit
        columns = [
            each.low + (each.high - each.low) * share[j] if each.law == "even" else self.value(j, score[j])
            for j, each in enumerate(self.ranges)
        ]
        return [
            {each.path: float(column[k]) for each, column in zip(self.ranges, columns, strict=True)}
            for k in range(number)
        ]

    def value(self, j: int, score: Floats) -> Floats:
        """Return number ``j`` at scores."""
        from scipy.special import ndtr

        each = self.ranges[j]
        if each.law == "even":
            return np.asarray(each.low + (each.high - each.low) * ndtr(score))
        g, b = self._bent(j)
        z = np.clip(score, -NORMAL, NORMAL)
        away = z if g == 0 else np.expm1(g * z) / g
        return np.asarray(np.clip(self.middle[j] + b * away, each.low, each.high))

    def score(self, j: int, value: float) -> float:
        """Return the score of number ``j`` at a value in its range; an end of an even one is taken as at 1.96."""
        from scipy.special import ndtri

        each = self.ranges[j]
        if each.law == "even":
            return float(np.clip(ndtri((value - each.low) / (each.high - each.low)), -NORMAL, NORMAL))
        g, b = self._bent(j)
        away = (value - self.middle[j]) / b
        return float(np.clip(away if g == 0 else np.log1p(max(g * away, SINGULAR - 1)) / g, -NORMAL, NORMAL))

    def along(self, path: str, value: float) -> dict[str, float]:
        """Return values by path with one number as given, and those correlated with it where they are then expected.

        A number that is alike in its range and where the scenario states it stays there; others move from what is
        stated by the difference of scores, ``z_k + R_kj (z_j - z_j stated)``.
        """
        j = next(i for i, each in enumerate(self.ranges) if each.path == path)
        out = {path: value}
        moved = self.score(j, value) - self.score(j, float(self.middle[j]))
        for k, each in enumerate(self.ranges):
            if k != j and self.correlation[k, j] != 0:
                score = self.score(k, float(self.middle[k])) + self.correlation[k, j] * moved
                out[each.path] = float(self.value(k, np.array(score)))
        return out

    def place(self, values: Mapping[str, float]) -> Floats:
        """Return where values lie in their ranges, 0 at the low end and 1 at the high one; stated where not given."""
        at = np.array([values.get(each.path, self.middle[j]) for j, each in enumerate(self.ranges)])
        low, high = (np.array([getattr(each, end) for each in self.ranges]) for end in ("low", "high"))
        return np.asarray((at - low) / (high - low))

    def _bent(self, j: int) -> tuple[float, float]:
        """Return ``g`` and ``b`` of a normal number."""
        each, m = self.ranges[j], float(self.middle[j])
        g = float(np.log((each.high - m) / (m - each.low))) / NORMAL
        if abs(g) < SINGULAR:
            return 0.0, (each.high - m) / NORMAL
        return g, (each.high - m) * g / float(np.expm1(g * NORMAL))


def correlate(ranges: dict[str, dict[str, Any]], told: Mapping[str, Floats]) -> None:
    """State in ranges by path how the numbers of which draws are given move together; old correlations of theirs go.

    Correlations are those of the draws' normal scores (van der Waerden), cut at :data:`CLOSEST`; where, cut so, they
    cannot all hold, they are weakened by as little as lets them.

    Parameters
    ----------
    told : mapping of path to (draws,)
        Those at the same place are of one world.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    for each in ranges.values():
        others = {path: value for path, value in each.pop("correlated", {}).items() if path not in told}
        if others and each["path"] not in told:
            each["correlated"] = others
    paths = [path for path in told if path in ranges and np.ptp(told[path]) > 0]
    if len(paths) < 2:
        return
    scores = ndtri(np.array([(rankdata(told[path]) - 0.5) / len(told[path]) for path in paths]))
    found = np.clip(np.corrcoef(scores), -CLOSEST, CLOSEST).round(DIGITS)
    np.fill_diagonal(found, 1.0)
    strong = np.where(np.abs(found) < FARTHEST, 0.0, found)
    if np.linalg.eigvalsh(strong)[0] >= 10 * SINGULAR:
        found = strong
    while (least := np.linalg.eigvalsh(found)[0]) < 10 * SINGULAR:
        less = 20 * SINGULAR - least
        found = ((1 - less) * found + less * np.eye(len(paths))).round(DIGITS)
    for i, path in enumerate(paths):
        near = {paths[k]: float(found[i, k]) for k in range(i) if found[i, k] != 0}
        if near:
            ranges[path]["correlated"] = near
