"""What limits contacts and campaigns, without rows of its own.

Intensities keep to contacts one by one; sizes are settled from the plan without them
(:mod:`optimizer.search.campaign_sizes`).
"""

from collections.abc import Iterator

from optimizer.ask.rows import Asked, Kind, Row, Said, rule, stated
from sim.scenario.rules import Campaign

SIZE = Kind("campaigns")
"""Of a campaign that runs: at least its least size."""


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
