"""Decisions that are taken later, in every world, the best one at once being played until then."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.chain import ControlledChain
from sim.engine.onward import alone, worth_if_changed

__all__ = ["Later", "changed"]

PARTS = 8
"""In which worlds are looked at, one after another."""


def changed(
    worlds: Sequence[ControlledChain], first: Floats, ways: Sequence[Floats], periods: Sequence[int], threads: int
) -> Floats:
    """Return the asset by (period of the change, decision, world), the first decision being played until then."""
    with ThreadPoolExecutor(threads) as pool:
        rows = pool.map(lambda chain: worth_if_changed(chain, first, ways, periods), worlds)
        return np.stack(list(rows), axis=2)


class Later:
    """Decisions taken at once, and later, the one that is best at once being played until then.

    Where a customer's worth is its own (:func:`sim.engine.onward.alone`), all lengths are read off one pass: worlds are
    looked at some at a time, as if the decision that was best in those before were the best, and anew where it is not.
    Else each length is followed by itself, and only once, whatever number asks.

    Attributes
    ----------
    at_once : (decisions, worlds)
        The asset.
    first : int
        The decision that is best in the mean.
    lengths : list of int
        Periods after which one may be taken.
    """

    def __init__(
        self, worlds: Sequence[ControlledChain], ways: Sequence[Floats], lengths: list[int], threads: int
    ) -> None:
        self.worlds, self.ways, self.lengths, self.threads = worlds, ways, lengths, threads
        together = all(alone(chain) for chain in worlds)
        asked = [0, *lengths] if together else [0]
        found, played = np.empty((len(asked), len(ways), len(worlds))), np.zeros(len(worlds), dtype=int)
        for some in np.array_split(np.arange(len(worlds)), min(PARTS, len(worlds))):
            if some[0]:
                played[some] = found[0, :, : some[0]].mean(axis=1).argmax()
            found[:, :, some] = self._changed(some, int(played[some[0]]), range(len(ways)), asked)
        self.at_once = found[0]
        self.first = int(self.at_once.mean(axis=1).argmax())
        self.known: dict[tuple[int, int], Floats] = {}
        if together:
            others = np.flatnonzero(played != self.first)
            if others.size:
                found[1:, :, others] = self._changed(others, self.first, range(len(ways)), lengths)
            self.known = {(t, i): found[1 + j, i] for j, t in enumerate(lengths) for i in range(len(ways))}

    def worth(self, length: int, decisions: Sequence[int]) -> Floats:
        """Return the asset by (decision, world)."""
        new = [i for i in decisions if (length, i) not in self.known]
        if new:
            found = self._changed(np.arange(len(self.worlds)), self.first, new, [length])[0]
            self.known |= {(length, i): row for i, row in zip(new, found, strict=True)}
        return np.array([self.known[length, i] for i in decisions])

    def _changed(self, worlds: Ints, first: int, decisions: Sequence[int], periods: Sequence[int]) -> Floats:
        ways = [self.ways[i] for i in decisions]
        return changed([self.worlds[k] for k in worlds], self.ways[first], ways, periods, self.threads)
