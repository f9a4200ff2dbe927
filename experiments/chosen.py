"""The policies that a user names, in whatever way, and the money that each of them plays with."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from experiments.compare import Outcome
from optimizer.ask.problem import budget_in_force
from optimizer.load import is_money
from optimizer.plan import Plan
from optimizer.plan_files import PLAN_FILES
from optimizer.tolerances import UNSPENT
from policies.catalogue import named, names, plain_name
from policies.mixture import MIXTURE_FILES, mixture, mixture_of_file
from policies.planned import Planned, PlannedMoney
from policies.rolling import RollingHorizon
from policies.scaled import scaled_to
from sim.arrays import Floats
from sim.contract import Policy
from sim.engine.sensitivity import follow
from sim.errors import InputError, NotAsWritten
from sim.market.purse import Budget, budget_of
from sim.twin import Twin

__all__ = ["Chosen", "chosen_policies", "refuse_idle_spread", "say_unspent", "spelled_out"]

UNPLAYED = 0.01
"""Share of a plan's money from which on it is said that less is spent in the simulation."""

Named = str | Path | Plan | Policy | Mapping[str, Any]

DEPARTURES = ("as written", "money", "rolling")
"""What a plan does when reality departs from it, beside keeping pace with its money: its intensities whatever they
cost; its money whoever is there; planning again from where customers are seen to be."""

ALL = "all"
"""Every policy of the catalogue that is not named besides."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A policy, the plan that it plays if it does, and what it can spend."""

    policy: Policy
    plan: Plan | None
    purse: Budget


def chosen_policies(
    given: Sequence[Named],
    twin: Twin,
    load: Callable[[str | Path], Plan],
    budget: float | None,
    *,
    equal_money: bool = False,
) -> tuple[float, list[Chosen]]:
    """Return the budget and the policies: names, ``all``, files and modules of Python, plan files, mixtures, policies.

    The budget is the one asked for, or else the scenario's (what today spends by default). Policies are made for it; a
    plan is played as it stands, whatever it costs. With ``equal_money`` all are scaled to the budget.

    Raises
    ------
    InputError
        If a name is not known, a file is not a plan, or two policies have the same name.
    """
    departures = [_departure(each) for each in given]
    plans = [_plan_of(each, load) for each, _ in departures]
    total = budget_in_force(twin, budget)
    purse = budget_of(twin, total)
    chosen: list[Chosen] = []
    for (each, departing), plan in zip(departures, plans, strict=True):
        if plan is not None:
            name = "plan" if isinstance(each, Plan) else Path(str(each)).stem
            chosen.append(_playing(twin, plan, name, purse, departing))
        elif isinstance(each, Mapping):
            chosen.append(Chosen(mixture(each, twin, total), None, purse))
        elif str(each).endswith(MIXTURE_FILES) and isinstance(each, str | Path):
            chosen.append(Chosen(mixture_of_file(Path(each), twin, total), None, purse))
        elif isinstance(each, str | Path):
            chosen.append(Chosen(named(str(each), twin, total), None, purse))
        elif isinstance(each, Planned):
            chosen.append(Chosen(each, None, purse.at_least(_spend(twin, each.intensity))))
        elif isinstance(each, Policy):
            chosen.append(Chosen(each, None, purse))
        else:
            raise InputError(
                f"policy of type {type(each).__name__}: expected a name, a plan, a file, a mixture, or an object with "
                "a `name` and a method `decide`"
            )
    names = [each.policy.name for each in chosen]
    doubled = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if doubled is not None:
        raise InputError(f"policy '{doubled}' is named twice; name each policy once")
    if equal_money:
        chosen = [Chosen(scaled_to(twin, each.policy, purse), each.plan, purse) for each in chosen]
    return total, chosen


def spelled_out(given: Sequence[Named]) -> list[Named]:
    """Return what was given with ``all`` as the names of the catalogue."""
    plain = [plain_name(each) for each in given if isinstance(each, str)]
    rest: list[Named] = [name for name in names() if name not in plain]
    return [part for each in given for part in (rest if isinstance(each, str) and each.strip() == ALL else [each])]


def refuse_idle_spread(spread: str | Path, given: Sequence[object]) -> None:
    """Raise where a way to spread money was given and no table of money to spread."""
    if spread != "even" and not any(is_money(each) for each in given if isinstance(each, str | Path)):
        raise InputError(f"`spread={spread}`: there is no table of money here; leave `spread=` out")


def _departure(given: Named) -> tuple[Named, str]:
    """Return what was given and what a plan's file in it does when reality departs, as in ``plan.json(money)``."""
    ending = "|".join(map(re.escape, PLAN_FILES))
    stated = re.fullmatch(rf"(.+({ending}))\s*\(([^()]*)\)\s*", given, re.DOTALL) if isinstance(given, str) else None
    if stated is None:
        return given, ""
    rule = stated[3].strip().lower().replace("-", " ")
    if rule not in DEPARTURES:
        raise InputError(f"policy '{given}': expected one of {', '.join(DEPARTURES)} in brackets, got '{stated[3]}'")
    return stated[1], rule


def _playing(twin: Twin, plan: Plan, name: str, purse: Budget, departing: str = "") -> Chosen:
    """Return a plan with what it takes to play it as it stands; one that spends all it may keeps pace with that.

    ``departing`` says what it does otherwise when reality departs from it: one of :data:`DEPARTURES`.
    """
    spend = _spend(twin, plan.intensity)
    if departing:
        name = f"{name} ({departing})"
        policy: Policy = Planned(plan.intensity, name)
        if departing == "money":
            money = follow(twin.chain, twin.targets.with_committed(plan.intensity)).spend
            policy = PlannedMoney(money, name, terms=plan.intensity)
        elif departing == "rolling":
            total = purse.total if np.isfinite(purse.total) else float(spend.sum())
            policy = RollingHorizon(twin, total, plan.intensity, name)
        return Chosen(policy, plan, purse.at_least(spend))
    own = plan.budget if plan.budget == plan.budget else purse.total
    binds = spend.sum() >= (1 - UNSPENT) * min(own, purse.total)
    played = Planned(plan.intensity, name)
    if binds:
        played = replace(
            played, expected=spend, money=float(spend.sum()), most=twin.chain.limit, load=twin.chain.contact_load
        )
    return Chosen(played, plan, purse.at_least(spend))


def _spend(twin: Twin, intensity: Floats) -> Floats:
    """Return what intensities are expected to cost, (periods, levers)."""
    return np.asarray(follow(twin.chain, twin.targets.with_committed(intensity)).spend.sum(axis=(1, 2)))


def _plan_of(given: Named, load: Callable[[str | Path], Plan]) -> Plan | None:
    if isinstance(given, Plan):
        return given
    if not isinstance(given, str | Path) or str(given).partition(":")[0].endswith((".py", *MIXTURE_FILES)):
        return None
    return load(given) if str(given).endswith(PLAN_FILES) or os.path.isfile(given) else None


def say_unspent(outcomes: Iterable[Outcome], plans: Iterable[tuple[str, Plan]], scaled_to: float | None = None) -> None:
    """Say how much of a plan's money is not spent in the simulation, where a 95 % interval tells it from luck.

    With ``scaled_to`` all policies were scaled to spend that.
    """
    from scipy.special import stdtrit

    played = {outcome.name: outcome.spends for outcome in outcomes}
    for name, plan in plans:
        spends, written = played[name], float(plan.spend.sum()) if scaled_to is None else scaled_to
        if len(spends) < 2:
            continue
        luck = float(stdtrit(len(spends) - 1, 0.975) * spends.std(ddof=1) / len(spends) ** 0.5)
        spent = float(spends.mean())
        if spent + luck < (1 - UNPLAYED) * written:
            how = "written" if scaled_to is None else "scaled"
            _note(
                f"'{name}' is {how} to spend {written:,.2f} and spends {spent:,.2f}: {written - spent:,.2f} finds "
                "nobody, or is more than may be spent"
            )


def _note(words: str) -> None:
    warnings.warn(NotAsWritten(words), stacklevel=2)
