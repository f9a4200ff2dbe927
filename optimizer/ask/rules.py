"""From the rules of a scenario to rows and to sentences: each kind finds itself in :mod:`optimizer.ask.kinds`."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from pydantic import BaseModel
from scipy.sparse import csr_matrix

from optimizer.ask import kinds
from optimizer.ask.rows import (
    BUDGET,
    MAKERS,
    Asked,
    Kind,
    Maker,
    Row,
    Said,
    Today,
    everywhere,
    money_of,
    stated,
)
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import asset_aim
from sim.errors import InputError
from sim.scenario.rules import Rules
from sim.twin import Twin

__all__ = ["ASSET", "asset_row", "budget_row", "makers", "rows_of", "rules_in_words"]


ASSET = Kind("asset", counts="profit", unit="of profit")
"""A target: of this kind there is one row, or none."""


@cache
def makers() -> Mapping[str, Maker]:
    """Return what makes rows and sentences of rules, by key of a scenario's rules."""
    for module in sorted(pkgutil.iter_modules(kinds.__path__), key=lambda each: each.name):
        importlib.import_module(f"{kinds.__name__}.{module.name}")
    return MAKERS


def _in_force(rules: Rules) -> list[tuple[Maker, str, Any]]:
    """Return what is stated, key by key in their order, with what makes something of it."""
    known = {key: getattr(rules, key) for key in type(rules).model_fields if key != BUDGET.name}
    return [(makers()[key], key, value) for key, value in known.items() if value is not None and value not in ({}, ())]


def rows_of(twin: Twin, budget: float, today: Today | None = None) -> tuple[Row, ...]:
    """Return the scenario's rules as rows, the budget first; an infinite budget is no row.

    Raises
    ------
    InputError
        If two would have the same name.
    """
    chain = twin.chain
    asked = Asked(twin, budget, today or Today(chain))
    rows = [budget_row(chain, budget)]
    for maker, _, value in _in_force(twin.scenario.rules):
        rows += maker.rows(value, asked)
    rows = [row for row in rows if np.isfinite(row.limit)]
    names = [row.name for row in rows]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"rules: two rules are called '{twice}'; give one of them another name")
    return tuple(rows)


def budget_row(chain: ControlledChain, budget: float) -> Row:
    """Return the rule that all money over the horizon is at most ``budget``."""
    every = np.ones(chain.periods, bool)
    return Row(BUDGET.name, BUDGET, "<=", budget, 1.0, money_of(chain, [(1.0, every, *everywhere(chain.targets))]))


def asset_row(chain: ControlledChain, least: float, name: str = "asset", per_spend: float = 0.0) -> Row:
    """Return the rule that the customer asset, less ``per_spend`` for a unit of money, is at least ``least``."""
    aim = asset_aim(chain)
    spent = aim.money + chain.targets.of_budget(np.full(aim.money.shape, per_spend))
    money = csr_matrix((-spent * chain.targets.allowed).reshape(1, -1))
    return Row(name, ASSET, ">=", least, 0.0, money, None, np.array(aim.reward), aim.terminal)


# --- In words ---------------------------------------------------------------------------------------------------------


def rules_in_words(rules: Rules, said: Said) -> list[str]:
    """Return a scenario's rules beside its budget, a sentence each."""
    out: list[str] = []
    for maker, key, value in _in_force(rules):
        out += maker.words(value, said) if maker.words else _as_in_file(key, value)
    return out


def _as_in_file(key: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [sentence for name, each in value.items() for sentence in _as_in_file(name, each)]
    name = key.replace("_", " ")
    return [f"{name}: {stated(value.model_dump(exclude_unset=True)) if isinstance(value, BaseModel) else value}"]
