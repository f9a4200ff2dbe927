"""Budgets of periods and of stretches of them."""

from collections.abc import Iterator

import numpy as np

from optimizer.ask.rows import Asked, Kind, Row, Said, everywhere, money_of, rule
from sim.scenario.rules import Stretches

PERIOD = Kind("period_share", purse=True)
STRETCH = Kind("stretches", purse=True)


def _period_in_words(share: float, said: Said) -> Iterator[str]:
    if share < 1:
        yield f"at most {said.at_most(share * said.budget)} in one {said.period}"


@rule("period_share", _period_in_words)
def budgets_of_periods(share: float, asked: Asked) -> Iterator[Row]:
    """Yield a budget for each period."""
    for t in range(asked.periods) if share < 1 else ():
        now = np.eye(asked.periods, dtype=bool)[t]
        money = money_of(asked.chain, [(1.0, now, *everywhere(asked.targets))])
        yield Row("budget", PERIOD, "<=", share * asked.budget, share, money, when="of period", number=t + 1)


def _stretches_in_words(stretches: Stretches, said: Said) -> Iterator[str]:
    left = "is carried over" if stretches.carry_over else "lapses"
    amounts = "equal parts" if stretches.amounts is None else ", ".join(map(said.money, stretches.amounts))
    yield f"budgets of {stretches.every} {said.period}s: {amounts}; what is left {left}"


@rule("stretches", _stretches_in_words)
def budgets_of_stretches(stretches: Stretches, asked: Asked) -> Iterator[Row]:
    """Yield a budget for each stretch, or for all up to its end where what is left is carried over."""
    amount = share = 0.0
    for k, first in enumerate(range(0, asked.periods, stretches.every)):
        last = min(first + stretches.every, asked.periods)
        given = None if stretches.amounts is None else stretches.amounts[k]
        own = (last - first) / asked.periods if given is None else 0.0
        amount = (amount if stretches.carry_over else 0.0) + (own * asked.budget if given is None else given)
        share = (share if stretches.carry_over else 0.0) + own
        here = (np.arange(asked.periods) >= (0 if stretches.carry_over else first)) & (np.arange(asked.periods) < last)
        when = "up to" if stretches.carry_over else f"of periods {first + 1} to"
        money = money_of(asked.chain, [(1.0, here, *everywhere(asked.targets))])
        yield Row("budget", STRETCH, "<=", amount, share, money, when=when, number=last)
