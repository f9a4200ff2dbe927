"""The policies that a user names, in whatever way, and the money they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from optimizer.ask.problem import budget_in_force
from optimizer.plan import Plan
from optimizer.plan_files import PLAN_FILES
from policies.catalogue import named
from policies.planned import Planned
from sim.contract import Policy
from sim.errors import InputError
from sim.twin import Twin

__all__ = ["chosen_policies"]

Named = str | Path | Plan | Policy
Chosen = tuple[Policy, Plan | None]


def chosen_policies(
    given: Sequence[Named], twin: Twin, load: Callable[[str | Path], Plan], budget: float | None
) -> tuple[float, list[Chosen]]:
    """Return the budget and the policies: names, Python files that register one, plan files, plans, or policies.

    The budget asked for, or else the scenario's (what today spends by default), or what a plan was made for if more.

    Raises
    ------
    InputError
        If a name is not known, a file is not a plan, or two policies have the same name.
    """
    plans = [_plan_of(each, load) for each in given]
    total = budget_in_force(twin, budget)
    if budget is None:
        total = max([total, *(_made_for(plan) for plan in plans if plan is not None)])
    chosen: list[Chosen] = []
    for each, plan in zip(given, plans, strict=True):
        if plan is not None:
            name = "plan" if isinstance(each, Plan) else Path(str(each)).stem
            chosen.append((Planned(plan.intensity, name), plan))
        elif isinstance(each, str | Path):
            chosen.append((named(str(each), twin, total), None))
        elif isinstance(each, Policy):
            chosen.append((each, None))
        else:
            raise InputError(
                f"policy of type {type(each).__name__}: expected a name, a plan, a plan file, or an object with a "
                "`name` and a method `decide`"
            )
    names = [policy.name for policy, _ in chosen]
    doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if doubled is not None:
        raise InputError(f"policy '{doubled}' is named twice; name each policy once")
    return total, chosen


def _plan_of(given: Named, load: Callable[[str | Path], Plan]) -> Plan | None:
    if isinstance(given, Plan):
        return given
    if not isinstance(given, str | Path) or str(given).partition(":")[0].endswith(".py"):
        return None
    return load(given) if str(given).endswith(PLAN_FILES) or Path(given).is_file() else None


def _made_for(plan: Plan) -> float:
    """Return the money a plan was made for; what it is expected to spend where its file does not say."""
    return plan.budget if plan.budget == plan.budget else float(plan.spend.sum())
