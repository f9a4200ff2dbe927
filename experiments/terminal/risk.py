"""What ``tenure risk`` prints."""

import math
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.words.assumptions import in_words
from experiments.words.figures import money
from experiments.words.phrases import money_at_most
from experiments.words.tables import table

if TYPE_CHECKING:
    from optimizer.insight.risk import Assumption, Risk
    from sim.scenario.file import Scenario

__all__ = ["at_stake", "risk_dict", "risk_summary"]


def at_stake(first: "Assumption") -> str:
    """Return what the assumption does with most at stake, in words."""
    return (
        f"Most is at stake on {in_words(first.path)}: at an end of its range another plan would bring about "
        f"{money(first.at_stake)} more, in the mean of both ends."
    )


def risk_dict(result: "Risk") -> dict[str, Any]:
    """Return the answer as data."""
    return {
        "scores": [asdict(score) for score in result.scores],
        "assumptions": [{**asdict(each), "at_stake": each.at_stake} for each in result.assumptions],
        "price_of_robustness": result.price_of_robustness,
        "value": result.value,
        "bound": result.bound,
        "plans": {
            name: {"asset": plan.asset, "spend": float(plan.spend.sum()), "status": plan.status}
            for name, plan in (("expected", result.expected), ("cautious", result.cautious))
        },
    }


PLANS = {"expected": "the plan made for the scenario as it stands", "as today": "today's spend",
         "least spend": "the least spend"}  # fmt: skip


def risk_summary(
    result: "Risk", found: "Scenario", scenario: Path, tail: float, caution: float, output: Path | None
) -> str:
    """Return scores and assumptions as tables, with the answer first, and last the cautious plan where it pays."""
    scores = {score.name: score for score in result.scores}
    expected, cautious = scores["expected"], scores["cautious"]
    first = result.assumptions[0]
    flips = [each for each in result.assumptions if each.flips_at is not None]
    worst, mean = (
        money(new - old, signed=True)
        for new, old in ((cautious.tail_mean, expected.tail_mean), (cautious.mean, expected.mean))
    )
    lines = [
        f"The cautious plan brings {worst} {found.currency}".rstrip() + f" in the worst {tail:.0%} and {mean} in the "
        "mean, against the "
        "plan made for the scenario as it stands; there it costs "
        f"{money(result.price_of_robustness)}. {at_stake(first)}",
        "",
        table(
            ["on fresh samples", "mean", f"worst {tail:.0%}", "worst", "above least spend", "loses in"],
            [
                [
                    s.name, money(s.mean), money(s.tail_mean), money(s.worst), money(s.lift, signed=True),
                    f"{s.loses:.0%}",
                ]
                for s in result.scores
            ],
        ),
        "",
        table(
            ["assumption", "range", "lift at low", "at high", "better plan's gain at low", "at high", "mean of both"],
            [
                [
                    a.path, f"{a.low:g} to {a.high:g}", money(a.lift_low, signed=True), money(a.lift_high, signed=True),
                    money(a.regret_low), money(a.regret_high), money(a.at_stake),
                ]
                for a in result.assumptions
            ],
        ),
        "",
        "Lift: of the cautious plan above the least spend, in expected numbers. A better plan's gain is with the "
        "number known to be at that end; tenure test-next tells what knowing it is worth over its range.",
        "No assumption in its range makes the plan worth less than the least spend."
        if not flips
        else "The plan is worth less than the least spend "
        + ", ".join(
            f"where {in_words(a.path)} is {'below' if a.lift_low < 0 else 'above'} about {a.flips_at:g}" for a in flips
        )
        + ".",
    ]  # fmt: skip
    if not math.isnan(result.bound):
        lines.append(f"On its own samples the cautious plan reaches {money(result.value)}; no plan more than "
                     f"{money_at_most(result.bound)} (each sample's own bound with full information).")  # fmt: skip
    return "\n".join([*lines, *_next(result, found.currency, shlex.quote(str(scenario)), tail, caution, output)])


def _next(
    result: "Risk", currency: str, where: str, tail: float, caution: float, output: Path | None
) -> tuple[str, str]:
    """Return whether the cautious plan pays, by what it was made for on fresh samples, and what to do next."""
    worth = {score.name: (1 - caution) * score.mean + caution * score.tail_mean for score in result.scores}
    rival = max((name for name in worth if name != "cautious"), key=worth.__getitem__)
    ahead = money(worth["cautious"] - worth[rival], among=abs(worth[rival]))
    pays = worth["cautious"] > worth[rival] and ahead != "0"
    by = f"{ahead.removeprefix('-')} {currency}".rstrip()
    against = (
        f"is {by} {'ahead of' if pays else 'behind'} {PLANS[rival]}" if ahead != "0" else f"does as {PLANS[rival]}"
    )
    said = f"By {1 - caution:.0%} mean and {caution:.0%} worst {tail:.0%} the cautious plan {against}"
    said += "." if pays else ": it does not pay."
    if output is not None:
        file = shlex.quote(str(output))
        return said, f"Written to {output}. Next: tenure compare {where} --policy as-today --policy {file}"
    if pays:
        return said, f"Next: tenure risk {where} -o cautious.json"
    return said, f"Next: tenure {f'optimize {where} -o plan.json' if rival == 'expected' else f'test-next {where}'}"
