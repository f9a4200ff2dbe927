"""A forecast as it would have been made, as a result."""

from __future__ import annotations

from dataclasses import dataclass

import experiments.backtest.forecast
from experiments.results.shown import Shown, Table
from experiments.words.backtest import answer, backtest_text, by_period

__all__ = ["Backtest"]


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Shown, experiments.backtest.forecast.Backtest):
    """A forecast as it would have been made, against what came.

    Examples
    --------
    >>> shop = tenure.open(tenure.calibrate("orders.csv", "known.yaml").scenario_path)
    >>> found = shop.backtest(6, replications=5)
    >>> found
    Forecast on 2024-12-... for the time to 2025-06-...: purchases ...%, money ...%, customers at the end ...%...
    >>> 0 <= found.coverage(80) <= found.coverage(95) <= 1
    True
    """

    def answer(self) -> str:
        """Return how far off the forecast was."""
        return answer(self)

    def shown_table(self) -> Table:
        """Return forecast and what came, by period."""
        return by_period(self)

    def to_text(self) -> str:
        """Return what people read."""
        return backtest_text(self)
