"""A budget over response curves from elsewhere: files read, rules joined, answered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.results.curves import CurveAllocation
    from optimizer.curves.rules import AllocationRules
    from optimizer.curves.shapes import CurveTable

__all__ = ["allocate"]


def allocate(
    curves: str | Path | CurveTable,
    *,
    budget: float | None = None,
    rules: str | Path | AllocationRules | None = None,
    carry_over: Sequence[float] | None = None,
    before: Mapping[str, Sequence[float]] | None = None,
    reach: tuple[str, float] | str | None = None,
    period_share: float | None = None,
    floor: Mapping[str, float] | None = None,
    cap: Mapping[str, float] | None = None,
    periods: int | None = None,
    time_limit: float = 60.0,
) -> CurveAllocation:
    """Split a budget over channels and periods, given what each brings: a marketing-mix model's response curves.

    Parameters
    ----------
    curves
        A CSV file with channel, period (may be missing), spend and response; or curves made in Python.
    budget
        Money over all periods; None: the rules'.
    rules
        A YAML file, see the example ``allocate``; or rules made in Python. The arguments below go over its values, and
        ``floor`` and ``cap`` beside them.
    carry_over
        Weights of this period's spend, the last one's, and so on.
    before
        Money by channel of the periods before the first, in the order of time: it carries over. In place of the rules'.
    reach
        ``("response", 250)``: the least budget that brings this response, in place of the most response of a budget.
    period_share
        Largest share of the budget in one period.
    floor, cap
        Least and most money by channel.
    periods
        How often curves that name no period are repeated.
    time_limit
        Seconds; then the best plan so far, with its gap.

    Raises
    ------
    InputError
        If a file, a rule or an argument cannot be used, or no budget reaches the response.
    RulesError
        If no plan can meet the rules; its ``answer`` is the allocation that says which of them clash.

    Examples
    --------
    >>> split = tenure.allocate("curves.csv", budget=300, floor={"mail": 60})
    >>> split
    The plan spends 300 of 300 for a response of 284.4, 284.4 more than without spend; proven optimal.
    >>> {name: round(money) for name, money in zip(split.channels, split.spend.sum(axis=1))}
    {'tv': 180, 'search': 55, 'mail': 65}
    >>> tenure.allocate("curves.csv", reach=("response", 250), floor={"mail": 60})
    The least budget for a response of 250 is 254.12; proven: no plan needs less.
    """
    from experiments.results.curves import CurveAllocation
    from experiments.results.shown import grown
    from experiments.tracking.call import Call
    from optimizer.curves.allocation import allocate as solve
    from optimizer.curves.curve_file import read_curves
    from optimizer.curves.least import least_budget
    from optimizer.curves.rows import check_known
    from optimizer.curves.rules import AllocationRules, load_rules, with_options
    from optimizer.curves.shapes import CurveTable
    from sim.errors import InputError, RulesError

    target = None if reach is None else _target(reach)
    if target is not None and budget is not None:
        raise InputError("`reach=` asks for the least budget; leave out `budget=`")
    stated = load_rules(rules) if isinstance(rules, str | Path) else rules or AllocationRules()
    stated = with_options(
        stated, budget=budget, periods=periods, carry_over=None if carry_over is None else tuple(carry_over),
        before=before, period_share=period_share, floors=floor, caps=cap,
    )  # fmt: skip
    table = curves if isinstance(curves, CurveTable) else read_curves(curves)
    for name, limits in (("floor", floor), ("cap", cap), ("before", before)):
        for channel in limits or {}:
            check_known(f"`{name}={channel}`", [channel], table.channels)
    if target is None:
        found = solve(table, stated, time_limit=time_limit)
    else:
        found = least_budget(table, stated, target=target, time_limit=time_limit)
    asked = {
        "curves": curves, "budget": budget, "rules": rules, "carry_over": carry_over, "before": before, "reach": reach,
        "period_share": period_share, "floor": floor, "cap": cap, "periods": periods, "time_limit": time_limit,
    }  # fmt: skip
    result = grown(CurveAllocation, found, currency=stated.currency, asked=Call("allocate", asked))
    if result.conflict is not None:
        raise RulesError(f"{result.conflict.in_words()}. Loosen one of these rules", answer=result)
    return result


def _target(reach: tuple[str, float] | str) -> float:
    """Return the response that is to be reached."""
    from sim.errors import InputError

    text = "=".join(str(part) for part in reach) if isinstance(reach, tuple) else str(reach)
    quantity, _, number = text.partition("=")
    try:
        target = float(number)
    except ValueError:
        target = math.nan
    if quantity.strip() != "response" or not math.isfinite(target):
        raise InputError(f"`reach={text}`: expected response=NUMBER, e.g. response=250")
    return target
