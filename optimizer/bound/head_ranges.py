"""Where customers can be under every plan that can be carried out: ranges of head counts, and of their mix.

Two facts about a plan that treats a group's blocks alike. Its head counts are those of some policy, so a dynamic
programme that asks for the most (or fewest) in a class bounds them; for speed, over all odds between the least and
the largest of any intensity. And a common treatment moves the ratio of two blocks' head counts only as far as the
blocks differ: a ratio of sums lies between the ratios of its terms. Where blocks behave alike, as prospects do before
they are won, that ratio does not move at all, whatever the head counts do.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from optimizer.bound import head_ranges_kernels as kernels
from optimizer.bound.decomposition_kernels import Starts
from optimizer.bound.head_ranges_kernels import HeadRanges, Paths, Range
from optimizer.bound.offered import Offered
from sim.arrays import Floats, Ints
from sim.engine.chain import ControlledChain

__all__ = ["HeadRanges", "head_ranges"]


MOST_PASSES = 1e9
"""Beyond so many (periods x periods x states of blocks x laws) seasons share one range of odds."""


def head_ranges(chain: ControlledChain, choice: Offered, own: Floats, reference: Ints, threads: int = 2) -> HeadRanges:
    """Return what is known of the head counts of every plan over what is offered and one plan's own intensities.

    Parameters
    ----------
    chain : ControlledChain
    choice : Offered
    own : (periods, blocks, laws, outcomes)
        Odds under the plan's own intensities.
    reference : (groups,)
        The block of each group to which the others are compared.
    threads : int
    """
    periods, blocks, laws, _ = own.shape
    regime = choice.regime
    odds, ratios = _odds(choice, own, reference[chain.group])
    alike = bool((regime[: periods - 1] == regime[0]).all())
    if not alike and float(periods) ** 2 * chain.block_law.size * laws > MOST_PASSES:
        alike = True  # one range of odds for all regimes: wider, and one pass serves all periods
        odds = Range(*(_over_regimes(end, regime[:periods], f) for end, f in zip(odds, (np.min, np.max), strict=True)))
    heads, mixes = _pair((periods, blocks, laws)), _pair((periods, blocks, laws))
    totals = _pair((periods, blocks, choice.possible.shape[2]))
    happens = np.asarray(odds.most.any(axis=(0, 1)))
    outcomes = happens.shape[1] - happens[:, ::-1].argmax(axis=1)
    paths = Paths(chain.block_law, chain.space.successor, outcomes, regime)
    starts = Starts(chain.initial, chain.arrivals)
    first = np.searchsorted(chain.group, np.arange(reference.size + 1))

    def count(part: tuple[int, int]) -> None:
        for label, out in ((chain.block_law, heads), (chain.block_stage, totals)):
            kernels.head_ranges(*part, label, paths, alike, odds, starts, out)

    def compare(group: int) -> None:
        kernels.mix_ranges(first[group], first[group + 1], reference[group], paths, ratios, starts, mixes)

    edges = np.linspace(0, blocks, 8 * threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(count, zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)))
        list(pool.map(compare, range(reference.size)))
    bounded = np.isfinite(mixes.most)
    least_mix, most_mix = np.where(bounded, mixes.least, 0.0), np.where(bounded, mixes.most, np.inf)
    low = np.maximum(heads.least, least_mix * heads.least[:, reference[chain.group]])
    high = np.where(bounded, mixes.most, 0.0) * heads.most[:, reference[chain.group]]
    high = np.where(bounded, np.minimum(heads.most, high), heads.most)
    return HeadRanges(low, high, least_mix, most_mix, *totals)


def _pair(shape: tuple[int, int, int]) -> Range:
    return Range(np.zeros(shape), np.zeros(shape))


def _over_regimes(odds: Floats, met: Ints, function: Callable[..., Floats]) -> Floats:
    """Return the same range of odds in every regime: the widest of those met."""
    return np.ascontiguousarray(np.broadcast_to(function(odds[np.unique(met)], axis=0), odds.shape))


def _odds(choice: Offered, own: Floats, reference: Ints) -> tuple[Range, Range]:
    """Return the least and largest odds, and ratios of odds to the reference block's, over all intensities.

    Each (regimes, blocks, laws, outcomes); a ratio of nothing to nothing is left out: least above largest.
    """
    if choice.ways is not None:
        (least, most), (small, large) = choice.ways.odds_between(reference)
    else:
        odds = choice.probability
        shape = (*odds.shape[:3], odds.shape[4])
        least, most = np.full(shape, np.inf), np.zeros(shape)
        small, large = np.full(shape, np.inf), np.zeros(shape)
    for regime, these in _every_step(choice, own):
        compared = these[reference]
        ratio = np.divide(these, compared, out=np.where(these > 0, np.inf, np.nan), where=compared > 0)
        for out, function, value in (
            (least, np.minimum, these), (most, np.maximum, these), (small, np.fmin, ratio), (large, np.fmax, ratio)
        ):  # fmt: skip
            function(out[regime], value, out=out[regime])
    return Range(least, most), Range(small, large)


def _every_step(choice: Offered, own: Floats) -> Iterator[tuple[int, Floats]]:
    """Yield (regime, odds by block, law, outcome) under the plan's own intensities, and what else is offered alone."""
    odds = choice.probability
    for regime in range(odds.shape[0]):
        for action in range(odds.shape[3] if choice.ways is None else 0):
            yield regime, odds[regime, :, :, action]
    for t, regime in enumerate(choice.regime[: own.shape[0]].tolist()):
        yield regime, own[t]
