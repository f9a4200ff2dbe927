"""What an allocation over response curves answers: plan, value, bound, prices, and rules that bind or conflict."""

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.curves.conflicts import Conflict
from sim.arrays import Floats

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Binding", "CurveAllocation", "relative_gap"]


@dataclass(frozen=True)
class Binding:
    """A rule that holds the value down (or up): its name, limit and d(value)/d(limit)."""

    rule: str
    limit: float
    price: float


@dataclass(frozen=True)
class CurveAllocation:
    """The answer.

    Attributes
    ----------
    status : str
        ``optimal`` (gap at most 1e-6), ``feasible, gap x %`` or ``infeasible``.
    termination : str
        Why the search stopped.
    channels, periods : tuple of str
    budget : float
    value, bound : float
        Response of the plan, and what no plan can exceed.
    base : float
        Response without spend.
    spend, effective, response : float (channels, periods)
    shadow_price : float
        d(value)/d(budget) to the right: what the next unit of money brings, limits that are shares of the budget
        moving along. Local where curves bend up: with the plan's campaigns and thresholds as they are.
    shadow_price_left : float
        The same to the left: what one unit less takes away; nan if the rules cannot be met with less.
    local : bool
        Whether some curve bends up or a campaign has a smallest size, so that prices are local.
    binding : tuple of Binding
    unspent_because : tuple of str
        Rules that keep the rest of the budget from being of use, or a remark; empty if all is spent.
    conflict : Conflict or None
    after : float (channels,)
        Response beyond the last period that carries over, where it counts.
    before : dict
        Money by channel of the periods before the first.
    remarks : tuple of str
        What of the curves is not used, or is unusual.
    target : float
        Of a least budget: the response that was asked for; nan otherwise. ``budget`` is then the answer, ``bound`` nan.
    least_budget : float
        No plan reaches the target with less; nan without a target.
    target_price, target_price_left : float
        d(budget)/d(target), to the right and to the left: what one more unit of response costs.
    seconds : float
    """

    status: str
    termination: str
    channels: tuple[str, ...]
    periods: tuple[str, ...]
    budget: float
    value: float
    bound: float
    base: float
    spend: Floats
    effective: Floats
    response: Floats
    shadow_price: float
    shadow_price_left: float
    local: bool
    binding: tuple[Binding, ...]
    unspent_because: tuple[str, ...] = ()
    conflict: Conflict | None = None
    after: Floats = field(default_factory=lambda: np.empty(0))
    before: dict[str, tuple[float, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    target: float = math.nan
    least_budget: float = math.nan
    target_price: float = math.nan
    target_price_left: float = math.nan
    seconds: float = field(default=0.0, compare=False)

    @property
    def goal(self) -> str:
        """Return what was asked for: ``response``, the most of it, or ``least_budget``."""
        return "response" if math.isnan(self.target) else "least_budget"

    @property
    def gap(self) -> float:
        """Return ``(bound - value)/(bound - base)``: the share of the possible lift that the plan may lack.

        Of a least budget: the share of it that could be spared.
        """
        if not math.isnan(self.target):
            return max(0.0, self.budget - self.least_budget) / self.budget if self.budget > 0 else 0.0
        return relative_gap(self.value, self.bound, self.base)

    @property
    def unspent(self) -> float:
        """Return what is left of the budget."""
        return max(0.0, self.budget - float(self.spend.sum()))

    @property
    def response_by_channel(self) -> Floats:
        """Return what each channel brings, with what counts beyond the last period."""
        within = self.response.sum(axis=1)
        return np.asarray(within + self.after if self.after.size else within)

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per channel and period."""
        return [
            {
                "channel": channel,
                "period": period,
                "spend": float(self.spend[c, t]),
                "effective_spend": float(self.effective[c, t]),
                "response": float(self.response[c, t]),
            }
            for c, channel in enumerate(self.channels)
            for t, period in enumerate(self.periods)
            if self.spend.size
        ]

    def to_frame(self) -> "pd.DataFrame":
        """Return :meth:`rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=["channel", "period", "spend", "effective_spend", "response"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; ``spend`` is ``{channel: {period: money}}``."""
        spend = {
            channel: dict(zip(self.periods, self.spend[c].tolist(), strict=True)) if self.spend.size else {}
            for c, channel in enumerate(self.channels)
        }
        return {
            "status": self.status,
            "termination": self.termination,
            "budget": self.budget,
            "value": self.value,
            "bound": self.bound,
            "gap": self.gap,
            "base": self.base,
            "spend": spend,
            "response_by_channel": dict(zip(self.channels, self.response_by_channel.tolist(), strict=False)),
            "response_after": dict(zip(self.channels, self.after.tolist(), strict=False)) if self.after.any() else {},
            "before": {channel: list(money) for channel, money in self.before.items()},
            "notes": list(self.remarks),
            "goal": self.goal,
            "target": self.target,
            "least_budget": self.least_budget,
            "target_price": self.target_price,
            "target_price_left": self.target_price_left,
            "unspent": self.unspent,
            "unspent_because": list(self.unspent_because),
            "shadow_price": self.shadow_price,
            "shadow_price_left": self.shadow_price_left,
            "prices_are": "local" if self.local else "global",
            "binding": [{"rule": b.rule, "limit": b.limit, "price": b.price} for b in self.binding],
            "conflict": None if self.conflict is None else self.conflict.to_dict(),
            "seconds": self.seconds,
        }

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON text; numbers that are not are null."""
        return json.dumps(_finite(self.to_dict()), indent=1)


def relative_gap(value: float, bound: float, base: float) -> float:
    """Return ``(bound - value)/|bound - base|``, at most 1; 0 where nothing is lacking but rounding."""
    lost = max(0.0, bound - value)
    if lost <= 1e-12 * max(abs(bound), abs(base)):
        return 0.0
    return lost / max(abs(bound - base), lost)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
