"""How well laws are told by the data, and how well they forecast, in words."""

from collections.abc import Mapping, Sequence

from experiments.words.figures import counted
from experiments.words.tables import table
from sim.customers.calibration import Holdout
from sim.customers.held_out import Forecast, HeldOut
from sim.customers.precision import Precision
from sim.customers.segment_laws import SegmentLaw

__all__ = ["held_out_text", "precision_text", "segment_laws_in_words"]


def precision_text(precision: Mapping[str, Precision], by_segment: Sequence[SegmentLaw] = ()) -> str:
    """Return parameters with standard error and interval, those of all first, and why segments have those of all."""
    named = list(precision.items())
    named += [(f"{each.name}: {name}", told) for each in by_segment for name, told in each.precision.items()]
    rows = []
    for name, each in named:
        told = each.error == each.error
        rows.append([name, f"{each.value:.5g}", f"{each.error:.2g}" if told else "not told",
                     f"{each.low:.4g} to {each.high:.4g}" if told else ""])  # fmt: skip
    found = table(["fitted (per week)", "value", "standard error", "95 % interval"], rows)
    return "\n".join([found, *segment_laws_in_words(by_segment)])


def segment_laws_in_words(found: Sequence[SegmentLaw]) -> list[str]:
    """Return which segments have laws of their own, and why the others have those of all."""
    named = [(each, f"{each.name} ({counted(each.customers, 'customer')}") for each in found]
    own = [f"{name}, log-likelihood {each.gain:+.1f})" for each, name in named if each.own]
    said = [f"Laws of their own: {', '.join(own)}."] if own else []
    return said + [f"- {name}) as all in {each.why}" for each, name in named if each.why]


def held_out_text(found: HeldOut | None, check: Holdout | None, alike: HeldOut | None = None) -> str:
    """Return how a forecast met the weeks it was not fitted to; ``alike``: that of one law for all."""
    if found is None or check is None:
        return "Forecast check: left out, the history is too short or too thin to hold a third of it out."
    rows = [
        [name, f"{heads:,}", f"{bought.actual:,.0f}", _error(bought), _error(paid)]
        for name, heads, bought, paid in found.segments
    ]
    others = [] if alike is None else [
        f"One law for all would be off by {_error(alike.purchases)} in purchases, {_error(alike.money)} in money."
    ]  # fmt: skip
    rows.append(["all", f"{sum(each[1] for each in found.segments):,}", f"{found.purchases.actual:,.0f}",
                 _error(found.purchases), _error(found.money)])  # fmt: skip
    return "\n".join(
        [
            f"Forecast check: fitted without the last {found.weeks} weeks, against those weeks alone (95 % interval: "
            "which customers, and their luck):",
            table(["segment", "customers", "purchases", "forecast off by", "in money"], rows),
            *others,
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
