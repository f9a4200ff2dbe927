"""Least profit after marketing: of every year, and added up from the start."""

from collections.abc import Iterator

import numpy as np

from optimizer.ask.rows import Asked, Kind, Row, Said, everywhere, money_of, rule
from sim.arrays import Flags
from sim.scenario.file import PERIODS_PER_YEAR

PROFIT = Kind("yearly_profit", counts="profit", unit="of profit")
CASH = Kind("least_cash", counts="profit", unit="of profit")


def _yearly_in_words(least: float, said: Said) -> Iterator[str]:
    yield f"profit of at least {said.at_least(least)} a year"


@rule("yearly_profit", _yearly_in_words)
def profit_of_years(least: float, asked: Asked) -> Iterator[Row]:
    """Yield each year's least profit; of a part of a year as much less."""
    year, periods = round(PERIODS_PER_YEAR[asked.twin.scenario.period]), np.arange(asked.periods)
    for k, first in enumerate(range(0, asked.periods, year)):
        span = (periods >= first) & (periods < first + year)
        yield _row("profit", PROFIT, span, least * span.sum() / year, asked, "of year", k + 1)


def _cash_in_words(least: float, said: Said) -> Iterator[str]:
    yield f"profit added up from the start never below {said.at_least(least)}"


@rule("least_cash", _cash_in_words)
def profit_so_far(least: float, asked: Asked) -> Iterator[Row]:
    """Yield for each period the least profit from the start to its end."""
    for t in range(asked.periods):
        yield _row("cash", CASH, np.arange(asked.periods) <= t, least, asked, "after period", t + 1)


def _row(name: str, kind: Kind, span: Flags, limit: float, asked: Asked, when: str, number: int) -> Row:
    earned = np.repeat(span[:, None].astype(float), asked.targets.shape[0], axis=1)
    money = money_of(asked.chain, [(-1.0, span, *everywhere(asked.targets))])
    return Row(name, kind, ">=", limit, 0.0, money, earned=earned, when=when, number=number)
