"""Policies by name."""

import difflib

import numpy as np

from policies.fixed import AsToday, NoSpend
from policies.rules import AcquisitionFirst, EvenSplit, ProportionalToValue
from sim.arrays import Floats
from sim.contract import Policy
from sim.engine.chain import value_to_go
from sim.engine.fluid import expected_history
from sim.errors import InputError
from sim.twin import Twin

__all__ = ["NAMES", "named"]


NAMES = ("as today", "no spend", "even split", "proportional to value", "acquisition first")


def named(name: str, twin: Twin, budget: float) -> Policy:
    """Return the policy called ``name`` (blanks or hyphens) for a budget over the horizon.

    Raises
    ------
    InputError
        If there is none.
    """
    wanted = name.strip().lower().replace("-", " ").replace("_", " ")
    targets, rules = twin.targets, twin.scenario.rules.levers
    groups = targets.shape[0]
    floors = np.array([rules[lever].floor if lever in rules else 0.0 for lever in targets.levers])
    caps = np.array([rules[lever].cap if lever in rules else 1.0 for lever in targets.levers])
    if wanted == "as today":
        return AsToday()
    if wanted == "no spend":
        return NoSpend()
    if wanted == "even split":
        return EvenSplit(budget, floors, caps, groups)
    if wanted == "proportional to value":
        worth = _worth_today(twin)
        return ProportionalToValue(budget, floors, caps, worth, np.asarray(targets.allowed.any(axis=1)))
    if wanted == "acquisition first":
        moves = {name: set(lever.moves) for name, lever in twin.scenario.levers.items()}
        order = [
            index
            for effect in ("acquisition", "awareness")
            for index, lever in enumerate(targets.levers)
            if effect in moves.get(lever, set())
        ]
        return AcquisitionFirst(budget, floors, caps, groups, order)
    close = difflib.get_close_matches(wanted, NAMES, 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    raise InputError(f"policy '{name}' is not known; expected one of {', '.join(NAMES)}, or a plan file{hint}")


def _worth_today(twin: Twin) -> Floats:
    """Return what each group is worth for ever under today's spend; over the horizon where nothing is discounted."""
    chain = twin.chain
    if chain.discount_rate == 0:
        history = expected_history(
            chain, np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape))
        )
        return np.asarray(history.reward.sum(axis=(0, 2)) - history.spend.sum(axis=(0, 2, 3)))
    earned, spent = value_to_go(chain)
    by_block = (chain.initial * (earned - spent)).sum(axis=1)
    return np.asarray(np.bincount(chain.group, weights=by_block, minlength=chain.targets.shape[0]), dtype=float)
