"""How well laws are told by the data, and how well they forecast, in words."""

from collections.abc import Mapping

from experiments.words.tables import table
from sim.customers.calibration import Holdout
from sim.customers.held_out import Forecast, HeldOut
from sim.customers.precision import Precision

__all__ = ["held_out_text", "precision_text"]


def precision_text(precision: Mapping[str, Precision]) -> str:
    """Return parameters with standard error and interval."""
    rows = []
    for name, each in precision.items():
        told = each.error == each.error
        rows.append([name, f"{each.value:.5g}", f"{each.error:.2g}" if told else "not told",
                     f"{each.low:.4g} to {each.high:.4g}" if told else ""])  # fmt: skip
    return table(["fitted (per week)", "value", "standard error", "95 % interval"], rows)


def held_out_text(found: HeldOut | None, check: Holdout | None) -> str:
    """Return how a forecast met the weeks it was not fitted to."""
    if found is None or check is None:
        return "Forecast check: left out, the history is too short or too thin to hold a third of it out."
    rows = [
        [name, f"{heads:,}", f"{bought.actual:,.0f}", _error(bought), _error(paid)]
        for name, heads, bought, paid in found.segments
    ]
    rows.append(["all", f"{sum(each[1] for each in found.segments):,}", f"{found.purchases.actual:,.0f}",
                 _error(found.purchases), _error(found.money)])  # fmt: skip
    return "\n".join(
        [
            f"Forecast check: fitted without the last {found.weeks} weeks, against those weeks alone (95 % interval: "
            "which customers, and their luck):",
            table(["segment", "customers", "purchases", "forecast off by", "in money"], rows),
            f"Cumulative from the first purchase on, the weeks of the fit included: {check.cumulative_error:+.1%} of "
            f"repeat purchases, weekly error {check.weekly_mape:.1%}; correlation by customer in the held-out weeks "
            f"{check.correlation:.2f}.",
        ]
    )


def _error(forecast: Forecast) -> str:
    if forecast.error != forecast.error:
        return "none came"
    if forecast.low != forecast.low:
        return f"{forecast.error:+.1%}"
    return f"{forecast.error:+.1%} ({forecast.low:+.1%} to {forecast.high:+.1%})"
