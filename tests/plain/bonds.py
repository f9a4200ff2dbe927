"""What binds customers to the firm, ties of one kind or several and categories, in plain Python."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from plain.attitudes import relative

from sim.scenario.customers import Stage
from sim.scenario.file import Scenario


@dataclass(frozen=True)
class Bond:
    """One thing that customers hold some number of.

    Attributes
    ----------
    lever : str
        What levers move to raise it.
    most : int
    gain, loss : float, or dict by stage
        Chance of one more, and of each to be lost, in the data.
    follow : float
        Customers who leave with the only tie.
    leaving, rate, amount : list of float
        What the defection rate, the purchase rate and the amount are multiplied by, by number held.
    is_tie : bool
    costs : list of float
        Money a customer costs a period, by number held; empty: nothing.
    """

    lever: str
    most: int
    gain: float | dict[Stage, float]
    loss: float | dict[Stage, float]
    follow: float
    leaving: list[float]
    rate: list[float]
    amount: list[float]
    is_tie: bool
    costs: list[float] = field(default_factory=list)


def bonds_in(scenario: Scenario) -> list[Bond]:
    """Return what customers may hold: ties, kinds of ties in the order desk, managers, experts, then categories."""
    found, links, categories = [], scenario.links, scenario.categories
    if links is not None and links.mix is not None:
        leaving = [relative(1 - links.defection_per_link, ties, links.mix) for ties in range(4)]
        found.append(Bond("links", 3, links.gain, links.turnover, links.follow, leaving, [1.0] * 4, [1.0] * 4, True))
    elif links is not None:
        for name in ("desk", "managers", "experts"):
            if name in links.kinds:
                kind = links.kinds[name]
                mix = (1 - kind.share, kind.share)
                leaving = [relative(1 - kind.defection_per_link, tied, mix) for tied in (0, 1)]
                found.append(
                    Bond(f"links_{name}", 1, kind.gain, kind.turnover, kind.follow, leaving, [1, 1], [1, 1], True)
                )
    if categories is not None:
        number, mix = len(categories.names), categories.mix
        leaving = [relative(1 - categories.defection_per_category, more, mix) for more in range(number)]
        rates, amounts = (
            over_mean(given or [1.0] * number, mix) for given in (categories.purchase_rate, categories.amount)
        )
        found.append(
            Bond("cross_buying", number - 1, categories.gain, categories.loss, 0.0, leaving, rates, amounts, False)
        )
    club = scenario.club
    if club is not None:
        mix, many = (1 - sum(club.mix), *club.mix), [1.0] * len(club.grades)
        leaving = [relative(1 - club.defection_per_grade, grade, mix) for grade in range(len(mix))]
        rates, amounts = (over_mean([1.0, *(given or many)], mix) for given in (club.purchase_rate, club.amount))
        costs = [0.0, *(club.reward or (0.0,) * len(many))]
        found.append(Bond("club", len(many), club.rises, club.falls, 0.0, leaving, rates, amounts, False, costs))
    return found


def in_stage(chance: float | dict[Stage, float], stage: str) -> float:
    """Return a chance where a customer is seen."""
    return {str(at): each for at, each in chance.items()}.get(stage, 0.0) if isinstance(chance, dict) else chance


def costs_of(number: int, bonds: Sequence[Bond]) -> float:
    """Return what a customer costs a period by what it holds."""
    return sum(bond.costs[held] for bond, held in zip(bonds, unpacked(number, bonds), strict=True) if bond.costs)


def over_mean(values: Sequence[float], mix: Sequence[float]) -> list[float]:
    """Return values divided by their mean over the mix."""
    mean = sum(share * value for share, value in zip(mix, values, strict=True))
    return [value / mean for value in values]


def unpacked(number: int, bonds: Sequence[Bond]) -> list[int]:
    """Return how many of each a number stands for: digits, the last of the last."""
    held = []
    for bond in reversed(bonds):
        number, digit = divmod(number, bond.most + 1)
        held.append(digit)
    return held[::-1]


def packed(held: Sequence[int], bonds: Sequence[Bond]) -> int:
    """Return the number that stands for so many of each."""
    number = 0
    for digit, bond in zip(held, bonds, strict=True):
        number = number * (bond.most + 1) + digit
    return number


def next_held(held: int, most: int, loss: float, follow: float, gain: float, u: float) -> tuple[int | None, float]:
    """Return how many are held after a period of a customer with the draw ``u``, and what is left of the draw.

    None: leaves with it. Of those who lose none, of those who lose one, and of those who gain one, ``u`` is even again.
    """
    loses = 1 - (1 - loss) ** held
    gains = (1 - loses) * (gain if held < most else 0.0)
    leaves = loses * follow
    if u < leaves:
        return None, 0.0
    if u < loses:
        return held - 1, (u - leaves) / (loses - leaves)
    if u >= 1 - gains:
        return held + 1, (u - (1 - gains)) / gains
    return held, (u - loses) / (1 - gains - loses)


def next_bond(
    number: int, bonds: Sequence[Bond], losses: Sequence[float], gains: Sequence[float], u: float
) -> int | None:
    """Return the number after one period: one thing after the other; None: leaves with the only tie."""
    held = unpacked(number, bonds)
    alone = sum(digit for digit, bond in zip(held, bonds, strict=True) if bond.is_tie) == 1
    after = []
    for digit, bond, loss, gain in zip(held, bonds, losses, gains, strict=True):
        follow = bond.follow if alone and digit == 1 else 0.0
        then, u = next_held(digit, bond.most, loss, follow, gain, u)
        if then is None:
            return None
        after.append(then)
    return packed(after, bonds)


def multiplied(number: int, bonds: Sequence[Bond]) -> tuple[float, float, float]:
    """Return what is multiplied: the defection rate, the purchase rate, the amount."""
    held = unpacked(number, bonds)
    parts = [(bond.leaving[d], bond.rate[d], bond.amount[d]) for d, bond in zip(held, bonds, strict=True)]
    leaving, rate, amount = (math.prod(each) for each in zip(*parts, strict=True))
    return leaving, rate, amount
