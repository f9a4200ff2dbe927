"""The policies that a user names, in whatever way, and the money they share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from experiments.compare import Outcome
from optimizer.ask.problem import budget_in_force
from optimizer.load import is_money
from optimizer.plan import Plan
from optimizer.plan_files import PLAN_FILES
from policies.catalogue import named
from policies.planned import Planned
from sim.contract import Policy
from sim.errors import InputError, NotAsWritten
from sim.market.clock import budget_of
from sim.twin import Twin

__all__ = ["chosen_policies", "refuse_idle_spread", "say_unspent"]

UNSPENT = 0.01
"""Share of a plan's money from which on it is said that less is spent in the simulation."""

OVER = 1e-4
"""Share by which expected money may be more than what may be spent without a word: as plans are held."""

Named = str | Path | Plan | Policy
Chosen = tuple[Policy, Plan | None]


def chosen_policies(
    given: Sequence[Named], twin: Twin, load: Callable[[str | Path], Plan], budget: float | None
) -> tuple[float, list[Chosen]]:
    """Return the budget and the policies: names, Python files that register one, plan files, plans, or policies.

    The budget asked for, or else the scenario's (what today spends by default), or what a plan was made for or is
    written to spend if more.

    Warns
    -----
    NotAsWritten
        Where that raises the budget, or a plan's money is more than may be spent.

    Raises
    ------
    InputError
        If a name is not known, a file is not a plan, or two policies have the same name.
    """
    plans = [_plan_of(each, load) for each in given]
    own = total = budget_in_force(twin, budget)
    if budget is None:
        total = max([own, *(_made_for(plan) for plan in plans if plan is not None)])
        _say_raised(plans, given, own, total)
    chosen: list[Chosen] = []
    for each, plan in zip(given, plans, strict=True):
        if plan is not None:
            name = "plan" if isinstance(each, Plan) else Path(str(each)).stem
            chosen.append((Planned(plan.intensity, name), plan))
            _say_cut(name, plan, twin, total)
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


def refuse_idle_spread(spread: str | Path, given: Sequence[object]) -> None:
    """Raise where a way to spread money was given and no table of money to spread."""
    if spread != "even" and not any(is_money(each) for each in given if isinstance(each, str | Path)):
        raise InputError(f"`spread={spread}`: there is no table of money here; leave `spread=` out")


def _plan_of(given: Named, load: Callable[[str | Path], Plan]) -> Plan | None:
    if isinstance(given, Plan):
        return given
    if not isinstance(given, str | Path) or str(given).partition(":")[0].endswith(".py"):
        return None
    return load(given) if str(given).endswith(PLAN_FILES) or Path(given).is_file() else None


def _made_for(plan: Plan) -> float:
    """Return the money a plan was made for, or is expected to spend if more or where its file does not say."""
    spent = float(plan.spend.sum())
    return spent if plan.budget != plan.budget else max(plan.budget, spent)


def _say_raised(plans: Sequence[Plan | None], given: Sequence[Named], own: float, total: float) -> None:
    """Say whose money all may spend, where it is more than the scenario's and than what that plan was made for."""
    for plan, each in zip(plans, given, strict=True):
        spent = 0.0 if plan is None else float(plan.spend.sum())
        if plan is None or spent < total or spent <= own * (1 + OVER) or spent <= plan.budget * (1 + OVER):
            continue
        name = "the plan" if isinstance(each, Plan) else str(each)
        made_for = "" if plan.budget != plan.budget else f", and more than the {plan.budget:,.2f} it was made for"
        _note(
            f"{name} spends {spent:,.2f}, more than the budget of {own:,.2f}{made_for}: all policies may spend that; "
            f"`budget={own:.0f}` holds them to less"
        )
        return


def _say_cut(name: str, plan: Plan, twin: Twin, total: float) -> None:
    """Say what of a plan's expected money the market's limits cut: the budget, its share in a period, a lever's cap."""
    money = budget_of(twin, total)
    by_period, by_lever = plan.spend.sum(axis=(1, 2, 3)), plan.spend.sum(axis=(0, 1, 2))
    unit, cuts = twin.scenario.period, []
    if by_period.sum() > money.total * (1 + OVER):
        cuts.append(f"{by_period.sum():,.2f} where the budget is {money.total:,.2f}")
    over = by_period > money.per_period * (1 + OVER)
    if over.any() and money.per_period < money.total:
        most = int(by_period.argmax())
        cuts.append(
            f"{by_period[most]:,.2f} in {unit} {most + 1} where {money.per_period:,.2f} may be spent"
            + (f" (more than may be in {int(over.sum())} {unit}s)" if over.sum() > 1 else "")
        )
    for k, lever in enumerate(plan.targets.levers):
        if by_lever[k] > money.lever_caps[k] * (1 + OVER):
            cuts.append(f"{by_lever[k]:,.2f} on {lever} where its cap is {money.lever_caps[k]:,.2f}")
    if cuts:
        _note(f"'{name}' is written to spend {'; '.join(cuts)}: the rest is cut")


def say_unspent(outcomes: Iterable[Outcome], plans: Iterable[tuple[str, Plan]]) -> None:
    """Say how much of a plan's money is not spent in the simulation, where a 95 % interval tells it from luck."""
    from scipy.stats import t

    played = {outcome.name: outcome.spends for outcome in outcomes}
    for name, plan in plans:
        spends, written = played[name], float(plan.spend.sum())
        if len(spends) < 2:
            continue
        luck = float(t.ppf(0.975, len(spends) - 1) * spends.std(ddof=1) / len(spends) ** 0.5)
        spent = float(spends.mean())
        if spent + luck < (1 - UNSPENT) * written:
            _note(
                f"'{name}' is written to spend {written:,.2f} and spends {spent:,.2f}: {written - spent:,.2f} finds "
                "nobody, or is more than may be spent"
            )


def _note(words: str) -> None:
    warnings.warn(NotAsWritten(words), stacklevel=2)
