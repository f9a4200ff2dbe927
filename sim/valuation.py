"""What a history is worth: the customer asset."""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats
from sim.history import History

__all__ = ["CustomerAsset", "customer_asset"]


@dataclass(frozen=True)
class CustomerAsset:
    """Net present value of present and future customers, after marketing.

    ``total = sum_t profit_t (1+d)^-t + terminal (1+d)^-periods``, t = 0, 1, ...
    """

    total: float
    within_horizon: float
    after_horizon: float
    by_period: Floats


def customer_asset(history: History, discount_rate: float) -> CustomerAsset:
    """Return the customer asset of ``history`` at a discount rate per period."""
    factors = (1 + discount_rate) ** -np.arange(history.periods + 1.0)
    by_period = history.profit * factors[:-1]
    within, after = float(by_period.sum()), float(history.terminal * factors[-1])
    return CustomerAsset(within + after, within, after, by_period)
