"""What has moved: sequential tests of what was seen against what was to be expected.

Each period gives a deviation by segment and quantity. Divided by what it deviates by in markets that run as planned
(drawn by the simulator, so that luck, hidden traits and what the firm cannot see are all in it), it is a ``z``; the
test adds it up: Page's CUSUM, ``C_t = max(0, C_{t-1} + z_t - k)``, and the same downwards, with ``k = .5`` for changes
of a standard deviation. An alarm is a sum above its limit, and the limit is such that in markets that run as planned
the stated share has one, in any segment and quantity: found from the same markets, each standardised by the others. The
change is dated where the sum was last 0, which is its maximum likelihood estimate.

Own, because there is a known law to be held against: the detectors of ``river`` learn theirs from the stream itself and
have no rate over many tests, ``ruptures`` looks back at whole series, and both need more periods than a firm has.

References
----------
Page, E. S. (1954), Continuous inspection schemes. Biometrika 41.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import ACTIVE, SILENT, Targets
from sim.errors import InputError
from sim.monitoring.following import Expected
from sim.monitoring.seen import Seen

__all__ = ["EVERYBODY", "QUANTITIES", "Limits", "Signal", "deviations", "rows_of"]

QUANTITIES = ("winning", "leaving", "rate", "amount", "satisfaction")
"""What is watched: prospects won; active customers who fall silent or leave; purchases; money a purchase; points."""
EVERYBODY = "all customers"
ALLOWANCE = 0.5
"""Page's k: half the change that is to be found soonest, in standard deviations."""
FEWEST = 20
"""Parallel markets from which a limit is taken."""
CUSTOMERS = (*ACTIVE, *SILENT)


@dataclass(frozen=True)
class Signal:
    """Something that has moved.

    Attributes
    ----------
    segment, quantity : str
        One of the segments or :data:`EVERYBODY`; one of :data:`QUANTITIES`.
    up : bool
        Whether there was more than planned.
    since, noticed : int
        The period in which it began, by its maximum likelihood estimate, and that after which it was noticed.
    actual, planned : float
        Sums since then; points: means.
    strength : float
        The test's sum as a multiple of its limit.
    """

    segment: str
    quantity: str
    up: bool
    since: int
    noticed: int
    actual: float
    planned: float
    strength: float


def rows_of(targets: Targets) -> tuple[list[str], Floats]:
    """Return the names of what is watched, segments and everybody, and which groups each has, (rows, groups)."""
    names = list(dict.fromkeys(targets.segments))
    inside = np.array([[segment == name for segment in targets.segments] for name in names], dtype=float)
    if len(names) == 1:
        return names, inside
    return [*names, EVERYBODY], np.vstack([inside, np.ones(len(targets.segments))])


def deviations(seen: Seen, expected: Expected) -> tuple[Floats, Floats]:
    """Return what was seen and what was expected, (periods, rows, quantities); nan where it cannot be seen.

    Money a purchase is compared as money: what was paid, and what the purchases made were expected to bring.
    """
    targets = seen.targets
    active, silent, customers = (
        [targets.stages.index(name) for name in names if name in targets.stages]
        for names in (ACTIVE, SILENT, CUSTOMERS)
    )
    prospect = [targets.stages.index("prospect")] if "prospect" in targets.stages else []
    _, inside = rows_of(targets)
    heads = np.nan_to_num(seen.customers[:-1].sum(axis=2))

    def flows(of: Seen | Expected) -> list[Floats]:
        moved = [of.moves[:, :, a][..., b].sum(axis=(2, 3)) for a, b in ((prospect, customers), (active, silent))]
        return [*moved, of.purchases.sum(axis=2)]

    each = np.divide(
        expected.revenue, expected.purchases, out=np.zeros_like(seen.revenue), where=expected.purchases > 0
    )
    money = seen.revenue.sum(axis=2), (seen.purchases * each).sum(axis=2)
    new = np.zeros((seen.periods, len(targets.segments)), dtype=bool)
    new[:] = seen.satisfaction[1:] != seen.satisfaction[:-1]  # a survey is news once
    points = [np.where(new, p[1:], np.nan) for p in (seen.satisfaction, expected.satisfaction)]
    out = []
    for flow, paid, felt in zip((flows(seen), flows(expected)), money, points, strict=True):
        summed = [np.einsum("tg,rg->tr", x, inside) for x in (*flow, paid)]
        weight = np.where(np.isnan(points[0]) | np.isnan(points[1]), 0.0, np.maximum(heads, 1e-9))
        weight = weight[:, None, :] * inside
        total = weight.sum(axis=2)
        mean = (weight * np.nan_to_num(felt)[:, None, :]).sum(axis=2)
        summed.append(np.divide(mean, total, out=np.full(total.shape, np.nan), where=total > 0))
        out.append(np.stack(summed, axis=2))
    return out[0], out[1]


@dataclass(frozen=True, eq=False)
class Limits:
    """What deviations are where the market runs as planned, and the limit of the tests.

    Attributes
    ----------
    parallel : (markets, periods, rows, quantities)
        Deviations in parallel markets.
    names : tuple of str
        Of the rows.
    rate : float
        False alarms a year, all tests together.
    years : float
        Length of the horizon.

    Raises
    ------
    InputError
        If there are too few markets to take a limit from.
    """

    parallel: Floats
    names: Sequence[str]
    rate: float
    years: float

    def __post_init__(self) -> None:
        if len(self.parallel) < FEWEST:
            raise InputError(f"`replications={len(self.parallel)}`: limits need at least {FEWEST} parallel markets")
        if not 0 < self.rate <= 2:
            raise InputError(f"`false_alarms={self.rate:g}`: expected a number a year above 0, at most 2")

    @property
    def share(self) -> float:
        """Return the share of markets that run as planned in which there is an alarm within the horizon."""
        return 1 - math.exp(-self.rate * self.years)

    @cached_property
    def _moments(self) -> tuple[Floats, Floats, Ints]:
        known = ~np.isnan(self.parallel)
        number = known.sum(axis=0)
        mean = np.nan_to_num(self.parallel).sum(axis=0) / np.maximum(number, 1)
        spread = np.where(known, self.parallel - mean, 0.0)
        return mean, (spread**2).sum(axis=0), number

    @property
    def deviation(self) -> Floats:
        """Return standard deviations, (periods, rows, quantities); nan where nothing varies."""
        _, squares, number = self._moments
        sd = np.sqrt(squares / np.maximum(number - 1, 1))
        return np.where((number >= FEWEST) & (sd > 1e-12), sd, np.nan)

    def z(self, deviation: Floats) -> Floats:
        """Return standardised deviations of the first periods; 0 where nothing can be said."""
        mean = self._moments[0][: len(deviation)]
        return np.nan_to_num((deviation - mean) / self.deviation[: len(deviation)])

    @cached_property
    def _own(self) -> Floats:
        """Return the standardised deviations of the parallel markets, each by all others."""
        mean, squares, number = self._moments
        off, n = np.nan_to_num(self.parallel - mean), np.maximum(number, 3)
        rest = np.sqrt(np.maximum(squares - off**2 * n / (n - 1), 0) / (n - 2))
        return np.where(np.isnan(self.deviation) | (rest < 1e-12), 0.0, off * n / (n - 1) / np.maximum(rest, 1e-12))

    @cached_property
    def limit(self) -> Floats:
        """Return the limit of each test, (2, rows, quantities): up and down.

        Tests have limits in proportion to what their sums reach by themselves, so that one on few customers does not
        set those of all others.
        """
        highest = np.array([cusum(z)[0].max(axis=0) for z in self._own])
        usual = np.maximum(np.quantile(highest, 0.9, axis=0), ALLOWANCE)
        joint = (highest / usual).max(axis=(1, 2, 3))
        return np.asarray(usual * np.quantile(joint, 1 - self.share, method="higher"))

    def strength(self, deviation: Floats) -> tuple[Floats, Ints]:
        """Return the tests' sums over their limits and where each began, (periods, 2, rows, quantities)."""
        total, began = cusum(self.z(deviation))
        return total / self.limit, began

    def signals(self, actual: Floats, planned: Floats) -> list[Signal]:
        """Return what has moved, the surest first; what moved and came back is told too."""
        strength, began = self.strength(actual - planned)
        out = []
        for side, row, what in np.argwhere((strength > 1).any(axis=0)).tolist():
            noticed = int(np.argmax(strength[:, side, row, what] > 1))
            since = int(began[noticed, side, row, what])
            known = ~np.isnan(actual[since:, row, what])
            sums = [x[since:, row, what][known] for x in (actual, planned)]
            mean = QUANTITIES[what] == "satisfaction"
            a, p = (float(x.mean() if mean else x.sum()) for x in sums)
            most = float(strength[:, side, row, what].max())
            out.append(Signal(self.names[row], QUANTITIES[what], side == 0, since, noticed, a, p, most))
        return sorted(out, key=lambda each: -each.strength)


def cusum(z: Floats) -> tuple[Floats, Ints]:
    """Return Page's sums upwards and downwards and where each began, (periods, 2, ...), of ``z[period, ...]``."""
    total = np.zeros((len(z), 2, *z.shape[1:]))
    began = np.zeros(total.shape, dtype=np.int64)
    now, since = np.zeros(total.shape[1:]), np.zeros(total.shape[1:], dtype=np.int64)
    for t, each in enumerate(z):
        since = np.where(now > 0, since, t)
        now = np.maximum(0.0, now + np.stack([each, -each]) - ALLOWANCE)
        total[t], began[t] = now, since
    return total, began
