"""Small plain markets whose outcome can be worked out by hand."""

from typing import Any

from markets import Content
from plain.market import PlainMarket
from plain.people import Person
from plain.record import Lives, Policy

from sim.scenario.file import parse


def crowd(number: int, truth: str = "alive", segment: str = "all", **more: Any) -> list[Person]:
    """Return people who are alike; customers bought once."""
    given: Content = {"purchase_rate": 0.0, "defection_rate": 0.0, "mean_spend": 10.0}
    given["bought"] = 0 if truth in ("unaware", "prospect", "to come") else 1
    return [Person(identity, segment, truth, **{**given, **more}) for identity in range(number)]


def steady(**money: float) -> Policy:
    """Return the policy that spends the same by lever wherever it can be used."""
    return lambda period, heads, available: {
        (*target, lever): intensity for lever, intensity in money.items() for target in heads
    }


def market(content: Content, people: list[Person], policy: Policy | None = None, **more: Any) -> Lives:
    """Return the lives of people in a market."""
    return PlainMarket(parse(content), policy or steady(), people, **more).run()


def states(lives: Lives, what: str) -> list[Any]:
    """Return one attribute of everybody's state, by period and person."""
    return [[getattr(state, what) for state in row] for row in lives.states]


def odds_at_start(content: Content, stage: str, people: list[Person] | None = None, **money: float) -> Any:
    """Return the odds of a stage in period 0."""
    given = PlainMarket(parse(content), steady(**money), people or crowd(3, level=3, ties=1))
    given._open(0)
    return given._odds("all", stage)
