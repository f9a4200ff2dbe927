"""The frontier as rows and in words."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.words.figures import money, rounded_down, rounded_up
from experiments.words.phrases import money_at_most
from experiments.words.tables import table

if TYPE_CHECKING:
    from optimizer.insight.frontier import Frontier, Point
    from sim.scenario.file import Scenario

__all__ = ["frontier_rows", "frontier_summary"]


def _row(point: "Point", budget: float | None, baseline: float) -> dict[str, Any]:
    plan = point.plan
    possible = plan.bound - baseline
    return {
        "budget": budget,
        "spend": point.spend,
        "asset": plan.asset,
        "lift": plan.asset - baseline,
        "shadow_price": plan.shadow_price if budget is not None else 0.0,
        "winning_share": point.winning_share,
        "kept": point.kept,
        "satisfaction": point.satisfaction,
        "bound": plan.bound,
        "lift_share": (plan.asset - baseline) / possible if possible > 0 else math.nan,
    }


def frontier_rows(curve: "Frontier") -> list[dict[str, Any]]:
    """Return one dict per budget, and last the sweet spot, whose budget is None."""
    known = [(point, point.plan.budget) for point in curve.points]
    return [_row(point, budget, curve.baseline) for point, budget in (*known, (curve.sweet_spot, None))]


def frontier_summary(curve: "Frontier", found: "Scenario", scenario: Path) -> str:
    """Return the frontier as a table, with what it says first."""

    def share(value: float) -> str:
        return "" if math.isnan(value) else f"{value:.0%}"

    def held(value: float) -> str:
        return share(rounded_down(value, "0.01"))

    felt = found.satisfaction is not None
    proven = any(not math.isnan(row["lift_share"]) for row in frontier_rows(curve))
    rows = []
    for row in frontier_rows(curve):
        last = row["budget"] is None
        cells = [
            "no limit" if last else money(row["budget"]), money(row["spend"]), money(row["asset"]),
            money(row["lift"], signed=True), f"{row['shadow_price']:.2f}", share(row["winning_share"]),
            money(row["kept"]),
        ]  # fmt: skip
        rows.append(cells + ([f"{row['satisfaction']:.1f}"] if felt else []) + ([held(row["lift_share"])] * proven))
    header = ["budget", "spend", "customer asset", "above least spend", "next 1 brings", "on winning", "kept"]
    header += (["satisfaction"] if felt else []) + (["of bound's"] if proven else [])
    spot = curve.sweet_spot
    words = f"More than {money_at_most(spot.spend)} {found.currency}".rstrip() + " does not pay under these responses"
    if felt:
        words += f"; satisfaction of more than {rounded_up(spot.satisfaction, '0.1'):.1f} points does not either"
    return "\n".join(
        [
            f"{words}.",
            "",
            table(header, rows, left=0),
            "",
            f"Above least spend: beyond {money(curve.baseline)}, what customers are worth at the least spend under the "
            "rules that are no shares of a budget; all in expected numbers. Of bound's: share of what the bound has "
            "beyond it. Next 1 brings: net of itself. On winning: share of the money on those who are not customers "
            "or have lapsed; the rest keeps and develops.",
            f"Next: tenure optimize {shlex.quote(str(scenario))} --budget {spot.spend:.0f} -o plan.json",
        ]
    )
