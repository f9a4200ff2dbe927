"""Plans: the best one, those over budgets, what telling customers apart and caution are worth; plan files."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.firm.made import Made, or_all
from experiments.question import Question, rules_of_thumb
from experiments.results.shown import grown
from sim.arrays import Step, quiet
from sim.errors import InputError, ScenarioChanged

if TYPE_CHECKING:
    import optimizer.plan
    from experiments.results.information import NextTest
    from experiments.results.plans import Frontier, Plan, Risk, TargetingValue
    from experiments.results.whatif import WhatIf
    from experiments.tracking.call import Call

__all__ = ["Planned"]


class Planned(Made):
    """A firm that can be asked for plans."""

    def optimize(
        self,
        question: Question | None = None,
        *,
        budget: float | None = None,
        aim: str | None = None,
        samples: int = 12,
        tail: float = 0.2,
        seed: int = 0,
        time_limit: float | None = None,
        bound_steps: int | None = None,
        prices: bool = False,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Plan:
        """Return the plan that makes the customers worth most under the scenario's rules, with its bound and prices.

        Parameters
        ----------
        question
            None: the most for a budget.
        budget
            Money over the horizon; None: the scenario's, or else what today's spend is expected to cost.
        aim
            None: the most in the scenario as it stands; else one plan for all that its ``uncertain`` ranges allow, of
            which nothing is proved: ``mean``, the most in the mean of samples; ``cautious``, as :meth:`risk`;
            ``quantile``, the most that is missed in a share ``tail`` of them.
        samples, tail, seed
            Of the uncertain numbers, with ``aim``; share of them that ``cautious`` and ``quantile`` look at; of the
            draw.
        time_limit
            Seconds for the search, and for each bound; below 10 no tighter bound is tried.
        bound_steps
            Steps towards a tighter bound; 0: a quick one; None: at most 200.
        prices
            Whether every rule's price is followed as far as it holds, each limit solved anew, not the budget's alone.
        threads
            Results do not depend on it; None: one for each processor.
        progress
            Called with the name of each step; returns what is called with the fraction done.

        Raises
        ------
        InputError
            If what is asked does not go together.
        RulesError
            If no plan meets the rules.

        Examples
        --------
        >>> plan = firm.optimize(budget=1_200)
        >>> 0.8 < plan.lift_share <= 1
        True
        >>> least = firm.optimize(tenure.Question(reach=("asset", 185_000)))
        >>> 0 < float(least.spend.sum()) < 1_000
        True
        >>> doubtful = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]})
        >>> doubtful.optimize(budget=1_200, aim="quantile", samples=4).goal
        'robust'
        """
        from experiments.results.plans import Plan
        from experiments.tracking.call import Call
        from optimizer.optimize import optimize

        if question is not None and budget is not None:
            raise InputError("`budget=`: the question has one of its own; leave one of them out")
        wanted, tell = (question or Question(budget=budget)).of(self.twin), (progress or quiet)("Optimising")
        wanted = replace(wanted, starts=(*wanted.starts, *rules_of_thumb(wanted.problem(self.twin), or_all(threads))))
        asked: dict[str, Any] = {"question": question, "budget": budget}
        if aim is not None:
            from optimizer.insight.risk import plan_for, weighing

            if time_limit is not None or bound_steps is not None or prices:
                raise InputError("`aim=`: proves no bound; leave out `time_limit=`, `bound_steps=` and `prices=`")
            plan = plan_for(
                self.twin, wanted.problem(self.twin), weighing(aim, tail), known=wanted.starts, samples=samples,
                seed=seed, threads=or_all(threads), progress=tell,
            )  # fmt: skip
            asked |= {"aim": aim, "samples": samples, "tail": tail, "seed": seed}
            return self._own(plan, Plan, asked=Call("optimize", asked))
        plan = optimize(
            self.twin, wanted, bound_steps=bound_steps,
            every_price=prices, seconds=math.inf if time_limit is None else time_limit, threads=or_all(threads),
            progress=tell,
        )  # fmt: skip
        asked |= {"time_limit": time_limit, "bound_steps": bound_steps, "prices": prices}
        return self._own(plan, Plan, asked=Call("optimize", asked))

    def frontier(
        self,
        budgets: Sequence[float] | None = None,
        *,
        number: int = 8,
        targeting: str = "state",
        bound: bool = True,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Frontier:
        """Return the best plan for each budget, and where more money stops paying.

        Parameters
        ----------
        budgets
            Money over the horizon; None: ``number`` even steps up to where more pays no more, or to twice today's
            spend if that is more.
        bound
            Whether to prove a bound at each.

        Raises
        ------
        RulesError
            If at some budget no plan meets the rules.

        Examples
        --------
        >>> curve = firm.frontier([600, 1_200], bound=False)
        >>> [round(point.plan.budget) for point in curve.points]
        [600, 1200]
        """
        from experiments.results.plans import Frontier, Plan
        from experiments.tracking.call import Call
        from optimizer.insight.frontier import frontier

        found = frontier(
            self.twin, budgets, number=number, targeting=targeting, bounded=bound, known=rules_of_thumb,
            threads=or_all(threads), progress=(progress or quiet)("Optimising"),
        )  # fmt: skip
        points = [replace(point, plan=self._own(point.plan, Plan)) for point in (*found.points, found.sweet_spot)]
        asked = {"budgets": budgets, "number": number, "targeting": targeting, "bound": bound}
        return Frontier(
            tuple(points[:-1]), points[-1], found.baseline, twin=self.twin, file=self.file,
            asked=Call("frontier", asked),
        )  # fmt: skip

    def whatif(
        self,
        budgets: Sequence[float] | None = None,
        *,
        without: Sequence[str] = (),
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> WhatIf:
        """Return plans over budgets and rules, and what lies between them: a page to play with.

        Parameters
        ----------
        budgets
            At least two to be solved; None: from half to twice the one in force.
        without
            Rules to be left out, one at a time, beside all together: their key in the scenario, or their name.
        seed
            Which held-out tables measure the error.

        Raises
        ------
        InputError
            If there are less than two budgets, or a rule is none.
        RulesError
            If at some budget no plan meets the rules.

        Examples
        --------
        >>> lookup = firm.whatif([800, 1_200])
        >>> lookup.save("whatif.html").name
        'whatif.html'
        """
        from experiments.results.whatif import WhatIf
        from optimizer.insight.sounding import sound

        found = sound(
            self.twin, budgets, without=without, seed=seed, threads=or_all(threads),
            progress=(progress or quiet)("Solving plans over budgets"),
        )  # fmt: skip
        return grown(WhatIf, found, twin=self.twin, seed=seed, file=self.file)

    def value_of_targeting(
        self, budget: float | None = None, *, threads: int | None = None, progress: Step | None = None
    ) -> TargetingValue:
        """Return what telling customers apart is worth: the best plan for the same money at every targeting.

        Examples
        --------
        >>> value = firm.value_of_targeting(1_200)
        >>> [way.name for way in value.ways]
        ['segment', 'stage', 'state', 'full information']
        """
        from experiments.results.plans import TargetingValue
        from optimizer.insight.frontier import value_of_targeting

        ways = value_of_targeting(
            self.twin, budget, threads=or_all(threads), progress=(progress or quiet)("Optimising")
        )
        return TargetingValue(tuple(ways), self.twin)

    def risk(
        self,
        budget: float | None = None,
        *,
        samples: int = 12,
        tail: float = 0.2,
        caution: float = 0.5,
        targeting: str = "state",
        bound: bool = False,
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Risk:
        """Return one plan for all that the scenario's ``uncertain`` ranges allow, and which assumption to test next.

        Parameters
        ----------
        samples
            Of the uncertain numbers, to optimise on; as many fresh ones score the plans.
        tail
            Share of the samples that caution looks at.
        caution
            0: the mean alone; 1: the worst part alone.
        bound
            Whether to prove a bound: one programme for each sample.

        Raises
        ------
        InputError
            If the scenario states no ranges.

        Examples
        --------
        >>> doubtful = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]})
        >>> odds = doubtful.risk(samples=2)
        >>> odds.assumptions[0].path
        'margin'
        """
        from experiments.results.plans import Plan, Risk
        from experiments.tracking.call import Call
        from optimizer.insight.risk import risk
        from sim.twin import build

        found = risk(
            self.twin, build, budget, samples=samples, tail=tail, caution=caution,
            targeting=targeting, bounded=bound, seed=seed, threads=or_all(threads),
            progress=(progress or quiet)("Weighing assumptions"),
        )  # fmt: skip
        plans = {name: self._own(getattr(found, name), Plan) for name in ("expected", "cautious")}
        asked = {
            "budget": budget, "samples": samples, "tail": tail, "caution": caution, "targeting": targeting,
            "bound": bound, "seed": seed,
        }  # fmt: skip
        return grown(Risk, found, twin=self.twin, tail=tail, file=self.file, asked=Call("risk", asked), **plans)

    def test_next(
        self,
        plan: str | Path | optimizer.plan.Plan | None = None,
        *,
        budget: float | None = None,
        samples: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> NextTest:
        """Return which assumption to test next: what knowing each is worth, and the experiment that pays most.

        Parameters
        ----------
        plan
            What would be done without knowing more, or its file; None: it is sought.
        samples
            Worlds drawn from the scenario's ``uncertain`` ranges, at least three for each and half as many of laws;
            None: 32, or so many where these are more.

        Raises
        ------
        InputError
            If the scenario states no ranges, or the worlds are too few for them.

        Examples
        --------
        >>> doubtful = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]})
        >>> doubtful.test_next(plan, samples=4).next is None
        True
        """
        from experiments.results.information import NextTest
        from experiments.results.plans import Plan
        from experiments.tracking.call import Call
        from optimizer.insight.information import information
        from optimizer.load import plan_of_course
        from sim.engine.sensitivity import follow

        if not self.scenario.uncertain:
            raise InputError(
                "uncertain: missing; state the ranges of the numbers that are not known (tenure schema), or let "
                "`tenure learn` make them of answers and experiments"
            )
        tell, given = progress or quiet, self.load_plan(plan) if isinstance(plan, str | Path) else plan
        if given is None:
            chosen: optimizer.plan.Plan = self.optimize(budget=budget, bound_steps=0, threads=threads, progress=tell)
        else:
            chosen = given
        found = information(
            self.twin, chosen.intensity, self._budget(chosen.budget if budget is None else budget), samples=samples,
            targeting=chosen.targeting, seed=seed, threads=or_all(threads), progress=tell("Weighing assumptions"),
        )  # fmt: skip
        test = None
        if found.test is not None:
            test = self._own(plan_of_course(self.twin, follow(self.twin.chain, found.test), "state"), Plan)
        asked = Call("test_next", {"plan": given, "budget": budget, "samples": samples, "seed": seed})
        return grown(NextTest, found, plan=test, twin=self.twin, file=self.file, asked=asked)

    def load_plan(self, path: str | Path, spread: str | Path = "even") -> Plan:
        """Return a saved plan, edited or not, or a table of money by segment, lever and time as a plan.

        Parameters
        ----------
        path
            A plan as .json, .csv or .xlsx; or a table of money as .csv or .xlsx, with the columns segment, lever, a
            time such as quarter, and spend, or with a column of money for each time.
        spread
            How a table's money is spread inside its cells: ``even``, ``period``, ``today``, or a plan's file.

        Warns
        -----
        NotAsWritten
            If something is not played as the file says, or the file was edited.
        ScenarioChanged
            If it is known to be for another version of the scenario.

        Raises
        ------
        InputError
            If the file is neither, contradicts itself, or is for other segments, levers or periods.

        Examples
        --------
        >>> plan.save("plan.csv")
        >>> round(firm.load_plan("plan.csv").spend.sum())
        1200
        """
        from experiments.results.plans import Plan
        from experiments.words.phrases import version_in_words
        from optimizer.load import load

        plan = load(path, self.twin, spread)
        other = version_in_words(plan, self.scenario)
        if other:
            warnings.warn(ScenarioChanged(f"{path} was {other}"), stacklevel=2)
        return grown(Plan, plan, twin=self.twin)

    def _loader(self, spread: str | Path, policies: Sequence[object]) -> Callable[[str | Path], Plan]:
        """Return what loads plans and tables of money; a spread for which there is no table is refused."""
        from experiments.chosen import refuse_idle_spread

        refuse_idle_spread(spread, policies)
        return partial(self.load_plan, spread=spread)

    def _own(self, plan: optimizer.plan.Plan, kind: type[Plan], asked: Call | None = None) -> Plan:
        """Return a plan that shows itself, knows the scenario's file and what was asked."""
        file = None if self.file is None else str(self.file)
        return grown(kind, plan, twin=self.twin, scenario_file=file, asked=asked)
