"""A mixture: some customers under one policy, others under another, by segment, class, tier or stage.

In YAML, the first line that fits a customer counts::

    platinum: retention first
    develop / prospect: acquisition first
    gold: {policy: best customers first, share: 0.3}
    else: as today

A line names a segment, value tier or stage, or several with slashes between. Each part has a share of the budget, as
today's spend on its customers is of all, or as stated, and its policy sees its own customers and money only. One that
states money by customer and not claims on a budget, as ``as today`` and ``last year`` do, is made for the whole budget
and plays what it states on its part's customers; a share that is stated is the most it spends.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from policies.catalogue import Maker, found, make_policy, states_money
from policies.money import Today
from policies.planned import Planned
from sim.arrays import Flags, Floats
from sim.contract import Allocation, Observation, Policy, Targets
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["MIXTURE_FILES", "Mixture", "mixture", "mixture_of_file", "policies_in"]

MIXTURE_FILES = (".yaml", ".yml")
ELSE = "else"


@dataclass(eq=False)
class _Part:
    """Some customers, their policy and money; remembers what it spent.

    ``share`` is the part of all money that it has, ``budget`` how much that is; None: the money of all.
    """

    inside: Flags
    policy: Policy
    share: float | None
    budget: float
    spent: Floats

    def decide(self, observation: Observation) -> Floats:
        """Return intensities inside the part."""
        inside = self.inside[:, :, None]
        self.spent = self.spent + np.where(inside, observation.last_spend, 0.0).sum(axis=(0, 1))
        targets, share = observation.targets, 1.0 if self.share is None else self.share
        left = observation.budget_left if self.share is None else max(self.budget - float(self.spent.sum()), 0.0)
        seen = replace(
            observation,
            targets=replace(
                targets, allowed=targets.allowed & inside, reference=np.where(inside, targets.reference, 0.0),
                committed=np.where(inside, targets.committed, 0.0),
            ),
            customers=np.where(self.inside, observation.customers, 0.0),
            satisfaction=np.where(self.inside, observation.satisfaction, np.nan),
            purchases=np.where(self.inside, observation.purchases, 0.0),
            revenue=np.where(self.inside, observation.revenue, 0.0),
            moves=np.where(inside, observation.moves, 0.0),
            last_spend=np.where(inside, observation.last_spend, 0.0),
            available=min(observation.available, left),
            lever_available=observation.lever_available * share if share > 0 else 0 * self.spent,
            lever_floor=observation.lever_floor * share,
            lever_spent=self.spent.copy(),
            budget_left=left,
            stretch_left=min(observation.stretch_left * share, left) if observation.stretch_periods else np.inf,
        )  # fmt: skip
        return np.where(inside, self.policy.decide(seen).intensity, 0.0)


class Mixture:
    """Policies side by side, each on customers of its own.

    Attributes
    ----------
    name : str
    feedback : bool
        Whether one of them reacts to what it sees.
    parts : list
    """

    def __init__(self, name: str, parts: list[_Part]) -> None:
        self.name, self.parts = name, parts
        self.feedback = any(getattr(part.policy, "feedback", True) for part in parts)

    def decide(self, observation: Observation) -> Allocation:
        """Return what the parts decide, within what there is for all; nothing, at today's terms, on others."""
        others = ~np.any([part.inside for part in self.parts], axis=0)
        total = np.where(others[:, :, None], observation.targets.terms, 0.0)
        for part in self.parts:
            total += part.decide(observation)
        return Allocation.within(total, observation)


def mixture_of_file(path: Path, twin: "Twin", budget: float) -> Mixture:
    """Return the mixture of a YAML file, called as the file is.

    Raises
    ------
    InputError
        If it is none, or names what is not there.
    """
    from sim.reading import read_text
    from sim.scenario.yaml_files import read_yaml

    content = read_yaml(read_text(path, "give the file of a mixture of policies"), path)
    if not isinstance(content, Mapping):
        raise InputError(
            f"{path}: expected a mixture of policies, such as `gold: retention first` and `else: as today`"
        )
    return mixture(content, twin, budget, path.stem, f"{path}: ")


def mixture(
    content: Mapping[str, Any], twin: "Twin", budget: float, name: str = "mixture", where: str = "mixture: "
) -> Mixture:
    """Return the mixture that a mapping states, for a budget over the horizon.

    Raises
    ------
    InputError
        If it names what is not there; ``where`` begins the message.

    Examples
    --------
    >>> mix = {"regulars": "retention first", "else": "as today"}
    >>> result = firm.compare(["as today", mix], replications=2)
    >>> [outcome.name for outcome in result.outcomes]
    ['as today', 'mixture']
    """
    if not content:
        raise InputError(f"{where}is empty; expected lines such as `gold: retention first` and `else: as today`")
    spend = Today(twin, budget).spend.sum(axis=(0, 3))
    if spend.sum() <= 0:
        spend = np.bincount(twin.chain.group, weights=twin.chain.initial.sum(axis=1), minlength=len(spend))[:, None] * (
            twin.targets.allowed.any(axis=2)
        )
    taken = np.zeros(spend.shape, dtype=bool)
    asked: list[tuple[Flags, str, float | None]] = []
    for key in sorted(content, key=lambda key: str(key) == ELSE):  # what is left comes last
        inside = ~taken if str(key) == ELSE else _inside(str(key), twin.targets, where) & ~taken
        taken |= inside
        asked.append((inside, *_stated(key, content[key], where)))
    stated = sum(share for _, _, share in asked if share is not None)
    if stated > 1 + 1e-9:
        raise InputError(f"{where}shares add up to {stated:g}; expected at most 1")
    rest = sum(float(spend[inside].sum()) for inside, _, share in asked if share is None)
    parts = []
    for inside, called, share in asked:
        make = _found(called, where)
        whole = states_money(make)
        own = share if share is not None else (1 - stated) * float(spend[inside].sum()) / max(rest, 1e-300)
        policy = make_policy(make, twin, budget if whole else own * budget)
        if isinstance(policy, Planned):
            policy = replace(policy, expected=None)
        part = None if whole and share is None else own
        parts.append(_Part(inside, policy, part, own * budget, np.zeros(twin.targets.shape[2])))
    return Mixture(name, parts)


def policies_in(content: Mapping[str, Any], where: str = "mixture: ") -> list[str]:
    """Return the names of the policies that a mixture's lines state.

    Raises
    ------
    InputError
        If a line states none; ``where`` begins the message.
    """
    return [_stated(key, value, where)[0] for key, value in content.items()]


def _found(name: str, where: str) -> Maker:
    """Return what makes a part's policy."""
    from optimizer.load import is_money
    from optimizer.plan_files import PLAN_FILES

    if name.endswith(PLAN_FILES) or is_money(name):
        raise InputError(
            f"{where}'{name}': a plan or table is for all customers; expected the name of a policy, or FILE.py"
        )
    return found(name)


def _inside(key: str, targets: Targets, where: str) -> Flags:
    """Return whom a line is about, (groups, stages)."""
    out = np.ones(targets.shape[:2], dtype=bool)
    for word in (word.strip() for word in key.split("/")):
        by_group = np.array([word in (targets.segments[g], targets.tiers[g]) for g in range(targets.shape[0])])
        by_stage = np.array([word == stage for stage in targets.stages])
        if not by_group.any() and not by_stage.any():
            known = list(dict.fromkeys([*targets.segments, *targets.tiers, *targets.stages]))
            close = difflib.get_close_matches(word, known, 1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            raise InputError(
                f"{where}'{word}' is no segment, tier or stage here; expected one of {', '.join(known)}, else{hint}"
            )
        out &= by_group[:, None] | by_stage[None, :]
    return out


def _stated(key: Any, value: Any, where: str) -> tuple[str, float | None]:
    """Return the policy and the share of the money that a line states."""
    if isinstance(value, str):
        return value, None
    if isinstance(value, Mapping) and "policy" in value and set(value) <= {"policy", "share"}:
        share = value.get("share")
        fits = isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1
        if isinstance(value["policy"], str) and (share is None or fits):
            return value["policy"], None if share is None else float(share)
    raise InputError(
        f"{where}{key}: expected the name of a policy, or {{policy: NAME, share: between 0 and 1}}, got {value!r}"
    )
