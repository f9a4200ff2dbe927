"""Plans and places in them at which gradients are tried."""

import numpy as np
from markets import Floats

from sim.engine.lifecycle import Lifecycle


def some_plan(chain: Lifecycle, seed: int) -> Floats:
    """Return a plan of anything from a tenth to three times what is usual, off the points of broken lines."""
    rng = np.random.default_rng(seed)
    usual = np.where(chain.targets.reference > 0, chain.targets.reference, 0.4)
    factor = rng.uniform(0.1, 3.0, (chain.periods, *chain.targets.shape))
    return np.where(chain.targets.allowed, factor * usual, 0.0)


def places_of(chain: Lifecycle, number: int | None, seed: int) -> list[tuple[int, ...]]:
    """Return places (period, group, stage, lever) of a plan: all there are, or so many of each lever."""
    rng = np.random.default_rng(seed)
    out: list[tuple[int, ...]] = []
    for lever in range(chain.targets.shape[2]):
        here = [(t, int(g), int(s), lever) for g, s in np.argwhere(chain.targets.allowed[:, :, lever])
                for t in range(chain.periods)]  # fmt: skip
        picked = range(len(here)) if number is None else rng.permutation(len(here))[:number]
        out += [here[i] for i in picked]
    return out
