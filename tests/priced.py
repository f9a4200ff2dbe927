"""Small markets whose value is straight in pieces and concave in every limit, with what a limit is worth by hand."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.optimize import find
from optimizer.search.sequential import Sequential
from optimizer.stages.prove import Proved
from optimizer.stages.repair import Repaired
from optimizer.stages.start import start
from sim.scenario.file import parse
from sim.twin import build

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]


def concave_market(seed: int, unit: float = 1.0) -> Content:
    """Return a year of winning prospects in a few segments, each along a broken line that bends down.

    What is won is booked at once: the asset is a sum over segments of what their money brings. Money in units of
    ``1/unit``.
    """
    rng = np.random.default_rng(seed)
    segments, own = {}, {}
    for k in range(int(rng.integers(2, 6))):
        segments[f"s{k}"] = {
            "start": {"prospect": int(rng.integers(200, 3000)), "new": 50},
            "traits": {"purchase_rate": 1.0, "defection_rate": 0.2, "spend": unit * float(rng.uniform(20, 90))},
        }
        wide = rng.uniform(0.5, 3, 4)
        steep = np.sort(rng.uniform(0.005, 0.09, 4))[::-1]
        ends, won = np.cumsum(wide), np.cumsum(steep * wide)
        points = [[0.0, 0.0], *([unit * float(u), float(f)] for u, f in zip(ends, won, strict=True))]
        own[f"s{k}"] = {
            "reference": points[3][0], "moves": {"acquisition": {"shape": "piecewise-linear", "points": points}}
        }  # fmt: skip
    return {
        "name": "concave", "period": "year", "periods": 1, "discount_rate": 0.1, "law": "renewal", "terminal": "none",
        "margin": 0.9, "segments": segments,
        "levers": {"winning": {"targets": ["prospect"], "reference": 0.0, "moves": own["s0"]["moves"],
                               "by_segment": own}},
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Straight:
    """A concave market's pieces: money and gain of each, and the segment it is of."""

    money: Floats
    gain: Floats
    segment: Floats
    segments: int

    @staticmethod
    def of(problem: AllocationProblem) -> "Straight":
        """Return the pieces, their gains read off the twin at their ends."""
        search = Sequential(problem)
        money, gain, segment = [], [], []
        empty = np.zeros((1, search.cells.lever.size))
        nothing = search.follow(empty)
        heads = search.stated.heads(nothing)[0]
        for cell in range(heads.size):
            ends = np.unique(search.corners[cell])
            values = []
            for end in ends:
                amount = empty.copy()
                amount[0, cell] = end * heads[cell]
                values.append(search.follow(amount).asset)
            money += list(np.diff(ends) * heads[cell])
            gain += list(np.diff(values) / (np.diff(ends) * heads[cell]))
            segment += [cell] * (ends.size - 1)
        return Straight(np.array(money), np.array(gain), np.array(segment), heads.size)

    def value(self, budget: float, floors: Floats, caps: Floats) -> float:
        """Return the most that money brings within a budget, with least and most money by segment; -inf: it cannot."""
        mine = (self.segment == np.arange(self.segments)[:, None]).astype(float)
        rows = np.vstack([np.ones_like(self.money)[None], mine, -mine])
        found = linprog(-self.gain * 1.0, rows, np.concatenate([[budget], caps, -floors]),
                        bounds=list(zip(np.zeros_like(self.money), self.money, strict=True)))  # fmt: skip
        return -float(found.fun) if found.success else -np.inf


def solved(content: Content, budget: float) -> Repaired:
    """Return the plan found for a budget, without its bound."""
    problem = allocation_problem(build(parse(content)), budget)
    return find(start(problem), Proved()).repaired


def with_rules(content: Content, straight: Straight, seed: int) -> tuple[Content, float, Floats, Floats]:
    """Return the market under random floors and caps, and its budget, at a corner of the value in half of all cases."""
    rng = np.random.default_rng(100 + seed)
    total = np.bincount(straight.segment.astype(int), weights=straight.money)
    floors, caps = np.zeros(straight.segments), np.full(straight.segments, 1e9 * total.max())
    slices: Content = {}
    for k in range(straight.segments):
        if rng.random() < 0.3:
            caps[k] = float(rng.uniform(0.2, 0.8) * total[k])
            slices[f"most {k}"] = {"segments": [f"s{k}"], "cap": caps[k]}
        elif rng.random() < 0.3:
            floors[k] = float(rng.uniform(0.05, 0.5) * total[k])
            slices[f"least {k}"] = {"segments": [f"s{k}"], "floor": floors[k]}
    if rng.random() < 0.5:  # whole pieces, the best first: where the next unit is another one
        order = np.argsort(-straight.gain)[: int(rng.integers(1, straight.gain.size))]
        budget = float(straight.money[order].sum())
    else:
        budget = float(rng.uniform(0.1, 0.9) * total.sum())
    return {**content, "rules": {"slices": slices}}, max(budget, 1.01 * float(floors.sum())), floors, caps
