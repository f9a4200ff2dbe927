"""What a rule's limit is worth, to both sides, and how far that holds."""

import math
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["HOLDS", "SAME", "PriceRange"]


NONE = float("nan")
HOLDS = 0.1
"""Share of itself by which a price may move and still hold."""
SAME = 0.5 * HOLDS
"""The same up to which it is the price that it was: where it ends was not seen."""


@dataclass(frozen=True)
class PriceRange:
    """Of one limit; that of the budget moves rules stated as shares of it along.

    Attributes
    ----------
    looser, tighter : float
        d(asset)/d(limit) as the limit is loosened, and as it is tightened; nan where no plan keeps the rules then.
    holds, tighter_holds : float
        By how much the limit may be loosened, and tightened, before its price has moved by a tenth; infinite where it
        is 0, nan where it was not looked for.
    beyond, tighter_beyond : float
        The price from there on.
    step, gain : float
        What loosening the limit by ``step`` changes the asset by, solved anew; nan where it was not looked for.
    """

    looser: float
    tighter: float
    holds: float = NONE
    beyond: float = NONE
    tighter_holds: float = NONE
    tighter_beyond: float = NONE
    step: float = NONE
    gain: float = NONE

    @property
    def differs(self) -> bool:
        """Return whether the two sides differ by more than a hundredth."""
        return abs(self.looser - self.tighter) > 0.01 * max(abs(self.looser), abs(self.tighter))

    @staticmethod
    def same(price: float) -> "PriceRange":
        """Return a price that is known to be the same to both sides, and no more."""
        return PriceRange(price, price)

    def facts(self) -> dict[str, float | None]:
        """Return the figures by name; what is no finite number is None."""
        return {name: value if math.isfinite(value) else None for name, value in asdict(self).items()}

    @staticmethod
    def of(facts: dict[str, Any]) -> "PriceRange":
        """Return what a file says."""
        return PriceRange(**{name: NONE if value is None else float(value) for name, value in facts.items()})
