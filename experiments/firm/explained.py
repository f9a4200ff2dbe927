"""What a plan is made of: its lines, what tells it from another, who loses first, its sheets and its lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.firm.made import or_all
from experiments.firm.planned import Planned
from experiments.results.shown import grown
from sim.arrays import Step, quiet
from sim.errors import InputError

if TYPE_CHECKING:
    import optimizer.plan
    from experiments.results.lists import CustomerList
    from experiments.results.plans import Difference, Split
    from experiments.results.runs import Explanation, LineExplanation
    from optimizer.insight.difference import Loser

__all__ = ["Explained"]


class Explained(Planned):
    """A firm that can be asked what a plan is made of."""

    def explain(
        self,
        plan: optimizer.plan.Plan | str | Path,
        *,
        budget: float | None = None,
        keep: float = 0.97,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Explanation:
        """Return why a plan gives more to some than to others: what lines bring, rules cost, can move, can go.

        Parameters
        ----------
        plan
            A plan or its file.
        budget
            Money over the horizon; None: the plan's.
        keep
            Share of the lift that the simplest plan keeps.

        Raises
        ------
        InputError
            If the plan is not for this firm, or ``budget`` is nothing where it spends something.

        Examples
        --------
        >>> why = firm.explain(plan)
        >>> len(why.lines)
        10
        """
        from experiments.explain import explain_plan
        from experiments.results.plans import Plan
        from experiments.results.runs import Explanation
        from experiments.tracking.call import Call

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        found = explain_plan(self.twin, plan, budget=budget, keep=keep, threads=or_all(threads), step=progress or quiet)
        simplest = found.simplest
        if simplest is not None:
            simplest = replace(simplest, plan=self._own(simplest.plan, Plan))
        asked = Call("explain", {"plan": plan, "budget": budget, "keep": keep})
        return grown(Explanation, found, simplest=simplest, twin=self.twin, file=self.file, asked=asked)

    def explain_line(
        self,
        plan: optimizer.plan.Plan | str | Path,
        line: str,
        *,
        budget: float | None = None,
        progress: Step | None = None,
    ) -> LineExplanation:
        """Return why one line of a plan gets what it gets, or nothing.

        Parameters
        ----------
        line
            Segment and lever, such as ``"silver A/winback"``.

        Raises
        ------
        InputError
            If there is no such line, or the plan is not for this firm.

        Examples
        --------
        >>> why = firm.explain_line(plan, "regulars/winback")
        >>> why.line.lever
        'winback'
        """
        from experiments.explain import explain_line
        from experiments.results.runs import LineExplanation
        from experiments.tracking.call import Call

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        found = explain_line(self.twin, plan, line, budget=budget, step=progress or quiet)
        asked = Call("explain_line", {"plan": plan, "line": line, "budget": budget})
        return grown(LineExplanation, found, twin=self.twin, file=self.file, asked=asked)

    def diff(
        self,
        first: optimizer.plan.Plan | str | Path,
        second: optimizer.plan.Plan | str | Path,
        *,
        progress: Step | None = None,
    ) -> Difference:
        """Return two plans side by side: by segment, lever and quarter what moved, and what it brings.

        Raises
        ------
        InputError
            If one of them is not a plan for this firm.

        Examples
        --------
        >>> firm.diff(plan, plan).moved
        ()
        """
        from experiments.results.plans import Difference
        from optimizer.insight.difference import difference_of

        names = [Path(each).stem if isinstance(each, str | Path) else "plan" for each in (first, second)]
        names = [f"{which} plan" for which in ("the first", "the second")] if names[0] == names[1] else names
        one, two = (self.load_plan(each) if isinstance(each, str | Path) else each for each in (first, second))
        found = difference_of(self.twin, one.intensity, two.intensity, (progress or quiet)("What each move brings"))
        return grown(Difference, found, names=(names[0], names[1]), twin=self.twin)

    def losers(
        self,
        base: optimizer.plan.Plan | str | Path,
        left: optimizer.plan.Plan,
        *,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> tuple[Loser, ...]:
        """Return who loses when money is taken from a plan so that another is left, the first to lose first.

        Parameters
        ----------
        left
            The plan with less money: ``Question(base=base, more=-1000)`` asks for it.

        Examples
        --------
        >>> less = firm.optimize(tenure.Question(base=plan, more=-400))
        >>> lost = firm.losers(plan, less)
        >>> round(sum(each.base - each.left for each in lost) / 400, 1)
        1.0
        """
        from optimizer.insight.difference import losers_of

        base = self.load_plan(base) if isinstance(base, str | Path) else base
        return losers_of(
            self.twin, base.intensity, left.intensity, targeting=left.targeting, threads=or_all(threads),
            progress=(progress or quiet)("Who loses first"),
        )  # fmt: skip

    def split(
        self, plan: optimizer.plan.Plan | str | Path, by: str | None = None, spread: str | Path = "even"
    ) -> Split:
        """Return a plan's money by segment, lever and quarter: to edit in a spreadsheet, and to play as a policy.

        Parameters
        ----------
        plan
            A plan or its file.
        by
            ``week``, ``month``, ``quarter``, ``half`` or ``year``; None: quarters, or periods where these are longer.
        spread
            How its money is to be spread inside its cells, as in :meth:`load_plan`.

        Examples
        --------
        >>> table = firm.split(plan, by="month")
        >>> table.save("split.csv")
        >>> round(firm.load_plan("split.csv").spend.sum())
        1200
        """
        from experiments.results.plans import Split
        from optimizer.load import spread_money
        from optimizer.money.calendar import Calendar
        from sim.engine.sensitivity import follow

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        calendar = Calendar.of(self.scenario)
        lines = replace(plan, calendar=calendar).lines(by)
        before = follow(self.chain, self.targets.with_committed(plan.intensity)).asset
        found = spread_money(self.twin, lines.table(), spread)
        return Split(lines, by or calendar.planned_by, spread, found.course.asset, before, self.twin)

    def customer_list(
        self,
        plan: optimizer.plan.Plan | str | Path | None = None,
        period: int = 0,
        *,
        kind: str = "targets",
        control: float = 0.0,
        sample: int | None = None,
        seed: int = 0,
        prospects: str | Path | None = None,
        actual: str | Path | None = None,
    ) -> CustomerList:
        """Return a list of real customers by name: who gets what in a period of a plan, or who is to be looked at.

        In the first period money is what each gets as they are seen today; later, what each is expected to get, over
        where they may be by then. So a list's money adds up to the plan's.

        Parameters
        ----------
        plan
            A plan or its file; None: as today.
        period
            Counted from 0, as in plan files.
        kind
            ``targets``, ``win back``, ``about to leave``, ``costs more than it brings``, ``worth winning``, ``least
            worth winning``, ``quality changed``, ``comes seldom``, ``may be served less`` or
            ``everybody``.
        control
            Share held back by lot, who get nothing and whose money stands in a column of its own.
        sample
            How many of them, by lot, for a test; None: all.
        seed
            Of the lots: the same customers for the same seed, whoever else is on the list.
        prospects
            With those worth winning: file or database of people, with columns called as those of the base's customers.
        actual
            With those whose quality changed: a customer base, or a file, with what was bought since the plan was made.

        Raises
        ------
        InputError
            If the scenario has no customer base, or something does not fit.

        Examples
        --------
        >>> own = tenure.open(tenure.calibrate("orders.csv", "own.yaml").scenario_path)
        >>> targets = own.customer_list(kind="targets", control=0.1)
        >>> bool(abs(targets.listed - targets.planned) < 1e-6)
        True
        """
        import numpy

        from experiments.results.lists import checked, customer_list, worth_winning
        from sim.outlook import outlook

        if isinstance(plan, str | Path):
            plan = self.load_plan(plan)
        intensity = self.targets.reference if plan is None else plan.intensity
        whole = numpy.broadcast_to(intensity, (self.scenario.periods, *self.targets.shape))
        name = checked(kind, control)
        wins = name.endswith("worth winning")
        if wins != (prospects is not None):
            raise InputError(
                "`prospects=`: the list of those worth winning needs a file of people who are no customers yet"
                if wins
                else f"`prospects={prospects}`: has no meaning with `kind={kind}`"
            )
        moved = name == "quality changed"
        if moved != (actual is not None):
            raise InputError(
                "`actual=`: the list of those whose quality changed needs what was bought since, a base or a file"
                if moved
                else f"`actual={actual}`: has no meaning with `kind={kind}`"
            )
        listed: CustomerList
        if actual is not None:
            from experiments.results.changed import quality_changed

            listed = quality_changed(self.twin, actual, control=control, seed=seed)
        elif prospects is not None:
            listed = worth_winning(self.twin, whole, period, prospects, control=control, seed=seed, name=name)
        elif name == "comes seldom":
            from experiments.results.seldom import come_seldom

            listed = come_seldom(self.twin, control=control, seed=seed)
        else:
            found = outlook(self.twin, whole, period)
            listed = customer_list(self.twin, found, kind, period, control=control, seed=seed)
        return listed if sample is None else listed.sampled(sample, seed)
