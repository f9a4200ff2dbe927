"""What limits contacts and campaigns, without rows of its own.

Intensities keep to contacts one by one; sizes are settled from the plan without them
(:mod:`optimizer.search.campaign_sizes`).
"""

from collections.abc import Iterator

import numpy as np

from optimizer.ask.rows import Asked, Kind, Row, Said, rule, stated
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import Course
from sim.scenario.rules import Campaign

SIZE = Kind("campaigns")
"""Of a campaign that runs: at least its least size."""
CONTACTS = Kind("contacts", unit="contacts")
HEAD = Kind("levers")


def _contacts_in_words(most: float, said: Said) -> Iterator[str]:
    yield f"at most {most:g} contacts per customer and {said.period}"


@rule("contacts", _contacts_in_words)
def contacts(most: float, asked: Asked) -> tuple[Row, ...]:
    """Return no rows: see :func:`optimizer.ask.problem.contact_load`."""
    return ()


def _campaigns_in_words(campaigns: dict[str, Campaign], said: Said) -> Iterator[str]:
    for name, campaign in campaigns.items():
        yield f"campaigns of {name}, by segment and {said.period}: {stated(campaign.model_dump())}"


@rule("campaigns", _campaigns_in_words)
def sizes(campaigns: dict[str, Campaign], asked: Asked) -> tuple[Row, ...]:
    """Return no rows: which campaigns run is not settled yet."""
    return ()


def a_head(lever: str) -> str:
    """Return what a lever's most money a head is called."""
    return f"most of {lever} a head"


def counted_one_by_one(
    campaigns: dict[str, Campaign], most: float | None, chain: ControlledChain, course: Course
) -> Iterator[tuple[Row, float]]:
    """Yield the rules that have no rows of a problem, as rows, each with what it counts in a course.

    The least size of every campaign that runs, by segment and period; the most contacts, and the most money through a
    lever, of a customer by period.
    """
    targets = chain.targets
    for lever in np.flatnonzero(np.isfinite(chain.limit).any(axis=(0, 1))).tolist():
        limit, played = chain.limit[..., lever], course.intensity[..., lever]
        for period in range(chain.periods):
            worst = np.unravel_index(int((played[period] - limit).argmax()), limit.shape)
            row = Row(a_head(targets.levers[lever]), HEAD, "<=", float(limit[worst]), when="in period",
                      number=period + 1)  # fmt: skip
            yield row, float(played[period][worst])
    for name, campaign in campaigns.items():
        money = course.spend[..., targets.levers.index(name)].sum(axis=2)
        for segment in dict.fromkeys(targets.segments) if campaign.least > 0 else ():
            by_period = money[:, np.array(targets.segments) == segment].sum(axis=1)
            for period in np.flatnonzero(by_period).tolist():
                row = Row(
                    f"campaigns of {name} in {segment}", SIZE, ">=", campaign.least, when="in period", number=period + 1
                )
                yield row, float(by_period[period])
    if most is not None:
        for period, share in enumerate((course.intensity * chain.contact_load).sum(axis=3).max(axis=(1, 2)).tolist()):
            yield Row("contacts", CONTACTS, "<=", most, when="in period", number=period + 1), most * share
