"""A forecast as it would have been made, as a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import experiments.backtest.forecast
from experiments.results.shown import Decided, Table
from experiments.told import Told
from experiments.words.backtest import answer, backtest_text, by_period

if TYPE_CHECKING:
    from experiments.tracking.call import Call
    from sim.twin import Twin

__all__ = ["Backtest"]


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Decided, Told, experiments.backtest.forecast.Backtest):
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

    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return how far off the forecast was."""
        return answer(self)

    def shown_table(self) -> Table:
        """Return forecast and what came, by period."""
        return by_period(self)

    def to_text(self) -> str:
        """Return what people read."""
        return backtest_text(self)

    def figures(self) -> dict[str, float]:
        """Return how far off the forecast was, how often its bands held, and how far off plain rivals were."""
        errors = {f"{name}_error": self.error(name) for name in ("purchases", "money", "customers")}
        held = {f"coverage_{band}": self.coverage(band) for band in (80, 95)}
        rivals = {
            f"{what}/{rival.name}": getattr(rival, what)
            for rival in self.rivals
            for what in ("purchases_error", "money_error")
        }
        return {**errors, **held, **rivals}
