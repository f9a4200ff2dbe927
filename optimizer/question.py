"""Questions beside "the most for this budget": least spend for a target, the next money, a plan near another one.

Each is the same problem with other rows, another goal, or money that is held: the answer is a plan like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.kinds.people import people_rows
from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.ask.rows import Row, as_today
from optimizer.ask.rules import asset_row
from optimizer.stages.start import least_spend
from sim.arrays import Flags, Floats
from sim.engine.chain import ControlledChain
from sim.engine.sensitivity import follow
from sim.errors import InputError
from sim.scenario.file import Scenario
from sim.scenario.rules import PeopleRule
from sim.twin import Twin

__all__ = ["QUANTITIES", "Question", "parse_slice", "parse_target"]


PEOPLE = ("kept", "customers", "core", "satisfaction")
QUANTITIES = ("asset", "return", *PEOPLE)
"""What a target can be: customer asset, lift by unit of money, people at the end of the horizon, their satisfaction."""
KEYS = ("segment", "tier", "stage", "lever", "from", "to")


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a scenario.

    Attributes
    ----------
    budget : float, optional
        Money over the horizon; none: the scenario's, or with ``reach`` no limit, or with ``more`` the base's and more.
    targeting : str
        ``segment``, ``stage`` or ``state``.
    reach : tuple of (quantity, at least), optional
        A target: the least money that reaches it. A return is no such target (none is needed for it): with it, the
        most asset whose lift is at least so much by unit of money.
    base : (periods, groups, stages, levers), optional
        Intensities of the plan to stay near, or to add to; none: today's.
    more : float, optional
        Money on top of the base's, which stays as it is; below 0: money taken from it, nobody getting more.
    within : float, optional
        Share by which money by period, target and lever may differ from the base's.
    frozen : (periods, groups, stages, levers) of bool, optional
        Where money stays as in the base.
    starts : tuple of (periods, groups, stages, levers)
        Intensities of other plans: where they keep the rules the answer is never worth less, as played.
    """

    budget: float | None = None
    targeting: str = "state"
    reach: tuple[str, float] | None = None
    base: Floats | None = None
    more: float | None = None
    within: float | None = None
    frozen: Flags | None = None
    starts: tuple[Floats, ...] = ()

    def problem(self, twin: Twin) -> AllocationProblem:
        """Return the problem that asks this.

        Raises
        ------
        InputError
            If what is asked does not go together.
        """
        if self.reach and self.more is not None:
            raise InputError("a target and money to add were both given; ask for one of them")
        if self.more is not None and self.budget is not None:
            raise InputError("a budget and money to add to the base's were both given; give one of them")
        chain = twin.chain
        spent = follow(chain, as_today(chain) if self.base is None else self.base).moved
        budget = self.budget
        if self.more is not None:
            paid = float(chain.targets.of_budget(spent).sum())
            budget = paid + self.more
            if budget < 0:
                raise InputError(f"`more={self.more:g}`: takes more than the base spends, {paid:,.0f}")
        problem = allocation_problem(twin, budget, targeting=self.targeting)
        if self.reach:
            problem = self._reaching(problem, *self.reach)
        floor, ceiling = np.zeros_like(spent), np.full_like(spent, np.inf)
        if self.more is not None:  # it moves money: terms are free
            kept = chain.targets.of_budget(spent)
            floor, ceiling = (kept, ceiling) if self.more >= 0 else (floor, np.where(chain.targets.paid, kept, np.inf))
        if self.within is not None:
            floor, ceiling = (1 - self.within) * spent, (1 + self.within) * spent
        if self.frozen is not None:
            floor, ceiling = np.where(self.frozen, spent, floor), np.where(self.frozen, spent, ceiling)
        held = self.more is not None or self.within is not None or self.frozen is not None
        return replace(problem, floor=np.maximum(floor, 0), ceiling=ceiling) if held else problem

    def _reaching(self, problem: AllocationProblem, quantity: str, least: float) -> AllocationProblem:
        chain = problem.chain
        rows = problem.rows if self.budget is not None else tuple(r for r in problem.rows if r.per_budget == 0)
        if quantity == "return":
            idle = least_spend(replace(problem, rows=rows)).asset
            row = asset_row(chain, idle, f"return of at least {least:g}", per_spend=least)
            return replace(problem, rows=(*rows, row))
        wanted = self.target_row(chain, quantity, least)
        return replace(problem, rows=(*rows, wanted), goal="least_money")

    @staticmethod
    def target_row(chain: ControlledChain, quantity: str, least: float) -> Row:
        """Return the rule that a quantity is at least so much, people at the end of the horizon."""
        if quantity == "asset":
            return asset_row(chain, least)
        return next(people_rows(quantity, PeopleRule.model_validate({"count": quantity, "at_least": least}), chain))


def parse_target(text: str, scenario: Scenario) -> tuple[str, float]:
    """Return quantity and number of a target like ``asset=1500000``.

    Raises
    ------
    InputError
        If it is not one.
    """
    quantity, _, number = text.partition("=")
    try:
        least = float(number)
    except ValueError:
        least = float("nan")
    if quantity not in QUANTITIES or not abs(least) < np.inf or (least < 0 and quantity != "asset"):
        raise InputError(f"`reach={text}`: expected QUANTITY=NUMBER with one of {', '.join(QUANTITIES)}")
    if quantity == "satisfaction" and least > 100:
        raise InputError(f"`reach={text}`: satisfaction is measured in points from 0 to 100")
    if quantity == "satisfaction" and scenario.satisfaction is None:
        raise InputError(f"`reach={text}`: needs `satisfaction:`, which the scenario does not state")
    return quantity, least


def parse_slice(text: str, chain: ControlledChain) -> Flags:
    """Return the places, (periods, groups, stages, levers), of a slice like ``segment=gold,lever=retention,to=6``.

    Periods are counted from 1, the last included; what is not named is all.

    Raises
    ------
    InputError
        If it names what is not there.
    """
    targets, periods = chain.targets, np.arange(1, chain.periods + 1)
    out = np.ones((chain.periods, *targets.shape), dtype=bool)
    known: dict[str, tuple[Sequence[str], tuple[int, ...]]] = {
        "segment": (targets.segments, (1, -1, 1, 1)), "tier": (targets.tiers, (1, -1, 1, 1)),
        "stage": (targets.stages, (1, 1, -1, 1)), "lever": (targets.levers, (1, 1, 1, -1)),
    }  # fmt: skip
    for part in filter(None, (each.strip() for each in text.split(","))):
        key, _, value = part.partition("=")
        if key in ("from", "to") and value.isdigit() and 1 <= int(value) <= chain.periods:
            inside = periods >= int(value) if key == "from" else periods <= int(value)
            out &= inside[:, None, None, None]
        elif key in known and value in known[key][0]:
            names, shape = known[key]
            out &= np.array([name == value for name in names]).reshape(shape)
        else:
            what = (
                f"one of {', '.join(dict.fromkeys(known[key][0]))}" if key in known else f"periods 1 to {chain.periods}"
            )
            wanted = what if key in KEYS else f"keys {', '.join(KEYS)}"
            raise InputError(f"slice '{text}': '{part}' is not known; expected {wanted}")
    if not (out & targets.allowed).any():
        raise InputError(f"slice '{text}': holds no money at all; expected periods, targets and levers that meet")
    return out
