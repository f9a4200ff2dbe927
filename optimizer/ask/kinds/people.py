"""Customers and satisfaction to keep, in expectation."""

from collections.abc import Iterator

import numpy as np

from optimizer.ask.rows import Asked, Kind, Row, chosen, in_stages, people_of, rule
from sim.engine.chain import ALIVE, ControlledChain
from sim.scenario.rules import PeopleRule

CUSTOMERS = Kind("people", counts="people", unit="customers")
FELT = Kind("people", counts="people", unit="points")
POINTS = 25.0
"""Points of satisfaction between two levels."""


@rule("people")
def people_to_keep(people: dict[str, PeopleRule], asked: Asked) -> Iterator[Row]:
    """Yield a row for each period after which a rule on people holds."""
    for name, asks in people.items():
        yield from people_rows(name, asks, asked.chain)


def people_rows(name: str, asks: PeopleRule, chain: ControlledChain) -> Iterator[Row]:
    """Yield one rule on people as rows, one by period it holds after."""
    targets, space = chain.targets, chain.space
    alive = (space.law_kind == ALIVE).astype(float)
    felt = asks.count == "satisfaction"
    counted = {
        "kept": alive,
        "core": in_stages(chain, "core"),
        "customers": in_stages(chain, "new", "developing", "core", "declining"),
        "satisfaction": np.where(alive > 0, POINTS * (space.law_level - 1.0), 0.0),
    }[asks.count]
    at_start = np.zeros((targets.shape[0], space.law_kind.size))
    np.add.at(at_start, (chain.group[:, None], chain.block_law), chain.initial)
    start = at_start[chosen(targets.segments, asks.segments) & chosen(targets.tiers, asks.tiers)]
    limit, said = asks.at_least, ""
    if felt:
        usual = (start @ counted).sum() / max((start @ alive).sum(), 1e-300)
        points = asks.at_least * (usual if asks.of_start else 1.0)
        counted, limit, said = counted - points * alive, 0.0, f"at least {points:,.1f} points"
    elif asks.of_start:
        limit *= float((start @ counted).sum())
    last = chain.periods if asks.at is None else asks.at
    for t in range(1, last + 1) if asks.each else (last,):
        end = t == chain.periods
        yield Row(
            name,
            FELT if felt else CUSTOMERS,
            ">=",
            limit,
            people=people_of(chain, t, counted, asks.segments, asks.tiers),
            mean_of=people_of(chain, t, alive, asks.segments, asks.tiers) if felt else None,
            when="at the end" if end else "after period",
            number=None if end else t,
            said=said,
        )
