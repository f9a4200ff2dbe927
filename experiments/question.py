"""What can be asked of a firm beside "the most for this budget", in words, plans and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, PolicyError

if TYPE_CHECKING:
    from optimizer.ask.problem import AllocationProblem
    from optimizer.plan import Plan
    from optimizer.question import Question as Asked
    from policies.catalogue import Maker
    from sim.arrays import Floats
    from sim.engine.sensitivity import Course
    from sim.twin import Twin

__all__ = ["Question", "rules_of_thumb", "worth_of_starts"]

OF_THUMB, BEST = ("fixed", "spend", "equity", "classes", "triggers"), 3
"""Families of policies that decide by what they see alone: nothing is simulated, learned or optimised; how many of them
a plan is held against."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a firm.

    Parameters
    ----------
    budget
        Money over the horizon; None: the scenario's, or with ``reach`` no limit, or with ``more`` the base's and more.
    targeting
        What the firm tells apart when it spends: ``segment``, ``stage`` (segment and stage) or ``state`` (tier too).
    reach
        Quantity and number: the least money that reaches it. Quantities are ``asset``, ``kept``, ``customers``,
        ``core``, ``satisfaction``; with ``return``, the most asset whose lift is at least so much by unit of money.
    base
        A plan, or its file, that ``more``, ``within`` and ``freeze`` start from; None: today's spend.
    more
        Money to add to the base's, which stays as it is; below 0: to take from it, and nobody gets more than there.
    within
        Share by which money by period, target and lever may differ from the base's.
    freeze
        Slices of the base to keep as they are, such as ``"segment=gold,lever=retention,to=6"``.
    starts
        Plans to improve, or their files, tables of money included: the search begins at each of them, and at today's.

    Examples
    --------
    >>> least = firm.optimize(tenure.Question(reach=("kept", 300)))
    >>> least.goal
    'least_money'
    >>> onward = firm.optimize(tenure.Question(base=plan, more=100))
    >>> round(onward.budget)
    1300
    >>> firm.optimize(tenure.Question(more=100))
    Traceback (most recent call last):
    tenure.InputError: `more=`: needs `base=`, the plan to start from
    """

    budget: float | None = None
    targeting: str = "state"
    reach: tuple[str, float] | str | None = None
    base: Plan | str | Path | None = None
    more: float | None = None
    within: float | None = None
    freeze: str | Sequence[str] = ()
    starts: Sequence[Plan | str | Path] = ()

    def of(self, twin: Twin) -> Asked:
        """Return the question as the optimiser takes it.

        Raises
        ------
        InputError
            If a part cannot be understood, or two do not go together.
        """
        import numpy as np

        from optimizer.ask.cells import TARGETINGS
        from optimizer.load import load
        from optimizer.question import Question as Asked
        from optimizer.question import parse_slice, parse_target

        if self.targeting not in TARGETINGS:
            raise InputError(f"`targeting={self.targeting}`: expected one of {', '.join(TARGETINGS)}")
        if self.within is not None and not 0 <= self.within <= 1e18:
            raise InputError(f"`within={self.within:g}`: expected a number of at least 0")
        if self.more is not None and not -1e18 <= self.more <= 1e18:
            raise InputError(f"`more={self.more:g}`: expected money, below 0 to take it away")
        freeze = (self.freeze,) if isinstance(self.freeze, str) else tuple(self.freeze)
        if self.base is None and (self.more is not None or freeze):
            name = "more" if self.more is not None else "freeze"
            raise InputError(f"`{name}=`: needs `base=`, the plan to start from")
        if self.base is not None and self.more is None and self.within is None and not freeze:
            raise InputError("`base=`: is where `more=`, `within=` or `freeze=` start from; give one of them")

        def plan_of(given: Plan | str | Path) -> Plan:
            return load(given, twin) if isinstance(given, str | Path) else given

        base = None if self.base is None else plan_of(self.base)
        frozen = None
        if freeze:
            frozen = np.zeros((twin.chain.periods, *twin.targets.shape), dtype=bool)
            for text in freeze:
                frozen |= parse_slice(text, twin.chain)
        reach = self.reach
        if reach is not None:
            reach = parse_target(reach if isinstance(reach, str) else f"{reach[0]}={reach[1]}", twin.scenario)
        return Asked(
            budget=self.budget,
            targeting=self.targeting,
            reach=reach,
            base=None if base is None else base.intensity,
            more=self.more,
            within=self.within,
            frozen=frozen,
            starts=tuple(plan_of(each).intensity for each in self.starts),
        )


def rules_of_thumb(problem: AllocationProblem, threads: int = 1) -> tuple[Floats, ...]:
    """Return the best of the rules of thumb for a budget, those within its rules, as intensities in expected numbers.

    A plan that is given them as known ones is never worth less than what a comparison shows beside it.
    """
    import numpy as np

    from optimizer.tolerances import MISSED
    from policies.catalogue import make_policy, of_families
    from sim.market.clock import budget_of
    from sim.market.expected import expected_course

    if problem.goal != "asset" or not np.isfinite(problem.budget) or problem.floor is not None:
        return ()
    twin, purse = problem.twin, budget_of(problem.twin, problem.budget)

    def within_rules(make: Maker) -> Course | None:
        try:
            course = expected_course(twin, make_policy(make, twin, problem.budget), purse)
        except (InputError, PolicyError):  # of another kind of market
            return None
        over = problem.signs * (problem.counted(course) - problem.limits)
        return course if (over <= MISSED * problem.row_units).all() else None

    with ThreadPoolExecutor(threads) as pool:
        tried = pool.map(within_rules, of_families(OF_THUMB).values())
        found = [course for course in tried if course is not None]
    return tuple(course.intensity for course in sorted(found, key=lambda each: -each.asset)[:BEST])


def worth_of_starts(question: Question, twin: Twin, starts: Mapping[str, Plan]) -> list[dict[str, Any]]:
    """Return what plans to improve spend, are worth, and miss of the rules, one dict for each."""
    import numpy as np

    from optimizer.tolerances import BROKEN
    from sim.engine.sensitivity import follow

    problem = question.of(twin).problem(twin)
    out = []
    for name, plan in starts.items():
        course = follow(twin.chain, twin.targets.with_committed(plan.intensity))
        over = problem.signs * (problem.counted(course) - problem.limits)
        missed = np.flatnonzero(over > BROKEN * problem.row_units).tolist()
        misses = [f"'{problem.rows[r].name}' by {problem.in_words(r, float(over[r]))}" for r in missed]
        out.append({"name": name, "spend": float(course.spend.sum()), "asset": course.asset, "misses": misses})
    return out
