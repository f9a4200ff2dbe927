"""A firm: a scenario and the twin of its customers, inseparable, and every question that can be asked of them.

Nothing heavy is imported until a question is asked. The command line adds parsing and words to this, and nothing else.
Longer than other modules because it is the one page that users read: two thirds of it are the methods' own pages.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.question import Question
from experiments.results.shown import Shown, Table, drawn, grown
from sim.arrays import Step, quiet
from sim.errors import InputError, ScenarioChanged
from sim.files import check_output

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    import optimizer.plan
    from experiments.results.backtest import Backtest
    from experiments.results.information import NextTest
    from experiments.results.learned import Learned
    from experiments.results.lists import CustomerList
    from experiments.results.measured import Measured
    from experiments.results.monitoring import Monitoring
    from experiments.results.plans import Difference, Frontier, Plan, Risk, Split, TargetingValue
    from experiments.results.runs import Comparison, Explanation, Life, LineExplanation, Simulation
    from experiments.results.whatif import WhatIf
    from experiments.tracking.call import Call
    from optimizer.insight.difference import Loser
    from sim.contract import Policy, Targets
    from sim.engine.chain import ControlledChain
    from sim.market.purse import Budget
    from sim.neutrality import Contradiction, Drift
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["Firm"]


@dataclass(frozen=True, eq=False, repr=False)
class Firm(Shown):
    """A scenario and its customers: made by :func:`tenure.open`, asked by its methods.

    In the examples, ``firm`` and ``plan`` are those of the first one.

    Attributes
    ----------
    twin : Twin
        The customers: the chain they follow, and the means to draw them.
    file : Path or None
        The scenario's file.

    Examples
    --------
    >>> firm = tenure.open("scenario.yaml")
    >>> firm
    small: 3 months, 2 segments, 5 levers; budget 1,271 EUR, as today's spend is expected to cost.
    >>> plan = firm.optimize(budget=1_200)
    >>> result = firm.compare(["as today", plan], replications=5, seed=1)
    >>> result
    The plan makes the customers worth most: 190,... EUR, +4,... against going on as today (95 % interval +... to +...).
    """

    twin: Twin
    file: Path | None = None

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        changes: Mapping[str, Any] | None = None,
        outputs: Iterable[str | Path | None] = (),
    ) -> Firm:
        """Return the firm of a scenario file.

        Parameters
        ----------
        path
            YAML; see the examples.
        changes
            Values by path of keys that are not as in the file, e.g. ``{"margin": 0.35}``.
        outputs
            Files that will be written: refused where one is the scenario's customer base.

        Raises
        ------
        ScenarioError
            If the file is wrong; the message names key and mend.
        FolderError
            If the file or the customer base it names is not there, or is one of ``outputs``.

        Examples
        --------
        >>> tenure.Firm.open("scenario.yaml").scenario.name
        'small'
        >>> tenure.Firm.open("scenario.yaml", changes={"margin": 0.35}).scenario.margin
        0.35
        """
        from sim.scenario.file import load
        from sim.twin import build

        scenario = load(path, changes)
        if scenario.base is not None:
            for output in outputs:
                if output is not None:
                    check_output(Path(output), others=[scenario.folder / scenario.base.file])
        return cls(build(scenario), Path(path))

    @classmethod
    def of(cls, scenario: Scenario | Mapping[str, Any]) -> Firm:
        """Return the firm of a scenario made in Python: the content of a scenario file, or a ``Scenario``.

        Raises
        ------
        ScenarioError
            If it is wrong.

        Examples
        --------
        >>> tenure.Firm.of({**content, "periods": 2}).scenario.periods
        2
        """
        from sim.scenario.file import Scenario, parse
        from sim.twin import build

        return cls(build(scenario if isinstance(scenario, Scenario) else parse(dict(scenario))))

    @classmethod
    def of_plan(cls, plan: str | Path, scenario: str | Path | None = None, **how: Any) -> Firm:
        """Return the firm that a plan file was made for; ``scenario`` is its file where the plan does not say.

        Raises
        ------
        InputError
            If nothing says which scenario it was, or its file is not there.

        Examples
        --------
        >>> plan.save("plan.json")
        >>> tenure.Firm.of_plan("plan.json").scenario.name
        'small'
        """
        from optimizer.plan import scenario_file_of

        if scenario is None:
            known = scenario_file_of(plan)
            if known is None:
                raise InputError(f"{plan}: does not say which scenario it was made for; name its file with `scenario=`")
            if not Path(known).is_file():
                raise InputError(f"{plan}: its scenario file {known} is not there; name it with `scenario=`")
            scenario = known
        return cls.open(scenario, **how)

    # --- What it is ---------------------------------------------------------------------------------------------------

    @property
    def scenario(self) -> Scenario:
        """Return the scenario: frozen, validated, with every default."""
        return self.twin.scenario

    @property
    def chain(self) -> ControlledChain:
        """Return the chain that customers follow, as fluid twin and optimiser see it."""
        return self.twin.chain

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart, and which lever can be used on whom."""
        return self.twin.targets

    @property
    def reference_spend(self) -> float:
        """Return what today's spend is expected to cost over the horizon."""
        from optimizer.ask.problem import reference_spend

        return reference_spend(self.chain)

    @property
    def budget(self) -> float:
        """Return the scenario's budget, or else what today's spend is expected to cost."""
        return self._budget(None)

    def _budget(self, given: float | None) -> float:
        from optimizer.ask.problem import budget_in_force

        return budget_in_force(self.twin, given)

    def answer(self) -> str:
        """Return what the firm is, in a line."""
        scenario = self.scenario
        segments = len(dict.fromkeys(self.targets.segments))
        levers = len(self.targets.levers)
        source = ", as today's spend is expected to cost" if scenario.rules.budget is None else ""
        counts = f"{segments} segment{'s' * (segments != 1)}, {levers} lever{'s' * (levers != 1)}"
        return (
            f"{scenario.name}: {scenario.periods} {scenario.period}s, {counts}; budget "
            f"{self.budget:,.0f} {scenario.currency}".rstrip()
            + f"{source}."
        )

    def shown_table(self) -> Table:
        """Return who is there at the start."""
        from experiments.words.describe import people

        return people(self.twin)

    def check(self) -> str:
        """Return in words what the scenario means; what comes from defaults is marked as assumed.

        Examples
        --------
        >>> print(firm.check().splitlines()[2])
        Who (observed at the start):
        """
        from experiments.words.describe import describe

        return describe(self.scenario, self.twin, *self.doubts)

    @cached_property
    def doubts(self) -> tuple[list[Drift], list[Contradiction]]:
        """Return what drifts by itself under today's spend, and where survival curves and traits contradict."""
        from sim.neutrality import contradictions, drifts

        return drifts(self.twin), contradictions(self.twin)

    @cached_property
    def left_out(self) -> list[str]:
        """Return what a scenario of real customers leaves out, one sentence each, with what that was worth."""
        from experiments.words.left_out import left_out

        return left_out(self.scenario)

    def plot(self) -> Figure:
        """Return the report's figure of the assumed responses to money.

        Examples
        --------
        >>> len(firm.plot().data) > 0
        True
        """
        from experiments.report import charts

        if self.scenario.chain is not None:
            raise InputError("plot: a chain of your own has no response curves; plot a plan or a comparison")
        return drawn(charts.response_curves(self.scenario))

    # --- Plans --------------------------------------------------------------------------------------------------------

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
        asked: dict[str, Any] = {"question": question, "budget": budget}
        if aim is not None:
            from optimizer.insight.risk import plan_for, weighing

            if time_limit is not None or bound_steps is not None or prices:
                raise InputError("`aim=`: proves no bound; leave out `time_limit=`, `bound_steps=` and `prices=`")
            plan = plan_for(
                self.twin, wanted.problem(self.twin), weighing(aim, tail), known=wanted.starts, samples=samples,
                seed=seed, threads=_all(threads), progress=tell,
            )  # fmt: skip
            asked |= {"aim": aim, "samples": samples, "tail": tail, "seed": seed}
            return self._own(plan, Plan, asked=Call("optimize", asked))
        plan = optimize(
            self.twin, wanted, bound_steps=bound_steps,
            every_price=prices, seconds=math.inf if time_limit is None else time_limit, threads=_all(threads),
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
            self.twin, budgets, number=number, targeting=targeting, bounded=bound,
            threads=_all(threads), progress=(progress or quiet)("Optimising"),
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
            self.twin, budgets, without=without, seed=seed, threads=_all(threads),
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

        ways = value_of_targeting(self.twin, budget, threads=_all(threads), progress=(progress or quiet)("Optimising"))
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
            targeting=targeting, bounded=bound, seed=seed, threads=_all(threads),
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
        samples: int = 32,
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
            Worlds drawn from the scenario's ``uncertain`` ranges; at least three for each.

        Raises
        ------
        InputError
            If the scenario states no ranges.

        Examples
        --------
        >>> doubtful = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]})
        >>> doubtful.test_next(plan, samples=4).next is None
        True
        """
        from experiments.results.information import NextTest
        from experiments.results.plans import Plan
        from optimizer.insight.information import information
        from optimizer.load import plan_of_course
        from sim.engine.sensitivity import follow

        if not self.scenario.uncertain:
            raise InputError(
                "uncertain: missing; state the ranges of the numbers that are not known (tenure schema), or let "
                "`tenure learn` make them of answers and experiments"
            )
        tell = progress or quiet
        if plan is None:
            chosen: optimizer.plan.Plan = self.optimize(budget=budget, bound_steps=0, threads=threads, progress=tell)
        else:
            chosen = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        found = information(
            self.twin, chosen.intensity, self._budget(chosen.budget if budget is None else budget), samples=samples,
            targeting=chosen.targeting, seed=seed, threads=_all(threads), progress=tell("Weighing assumptions"),
        )  # fmt: skip
        test = None
        if found.test is not None:
            test = self._own(plan_of_course(self.twin, follow(self.twin.chain, found.test), "state"), Plan)
        return grown(NextTest, found, plan=test, twin=self.twin)

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

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        found = explain_plan(self.twin, plan, budget=budget, keep=keep, threads=_all(threads), step=progress or quiet)
        simplest = found.simplest
        if simplest is not None:
            simplest = replace(simplest, plan=self._own(simplest.plan, Plan))
        return grown(Explanation, found, simplest=simplest)

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

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        return grown(LineExplanation, explain_line(self.twin, plan, line, budget=budget, step=progress or quiet))

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
            self.twin, base.intensity, left.intensity, targeting=left.targeting, threads=_all(threads),
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
            ``targets``, ``win back``, ``about to leave``, ``costs more than it brings``, ``worth winning`` or ``may be
            served less``.
        control
            Share held back by lot, who get nothing and whose money stands in a column of its own.
        sample
            How many of them, by lot, for a test; None: all.
        seed
            Of the lots: the same customers for the same seed, whoever else is on the list.
        prospects
            With ``worth winning``: file or database of people, with columns called as those of the base's customers.

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
        wins = checked(kind, control) == "worth winning"
        if wins != (prospects is not None):
            raise InputError(
                "`prospects=`: the list of those worth winning needs a file of people who are no customers yet"
                if wins
                else f"`prospects={prospects}`: has no meaning with `kind={kind}`"
            )
        if prospects is not None:
            listed = worth_winning(self.twin, whole, period, prospects, control=control, seed=seed)
        else:
            listed = customer_list(
                self.twin, outlook(self.twin, whole, period), kind, period, control=control, seed=seed
            )
        return listed if sample is None else listed.sampled(sample, seed)

    def _loader(self, spread: str | Path, policies: Sequence[object]) -> Callable[[str | Path], Plan]:
        """Return what loads plans and tables of money; a spread for which there is no table is refused."""
        from experiments.chosen import refuse_idle_spread

        refuse_idle_spread(spread, policies)
        return partial(self.load_plan, spread=spread)

    def _own(self, plan: optimizer.plan.Plan, kind: type[Plan], asked: Call | None = None) -> Plan:
        """Return a plan that shows itself, knows the scenario's file and what was asked."""
        file = None if self.file is None else str(self.file)
        return grown(kind, plan, twin=self.twin, scenario_file=file, asked=asked)

    # --- Simulation ---------------------------------------------------------------------------------------------------

    def policy(
        self,
        policy: str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any],
        name: str | None = None,
        *,
        budget: float | None = None,
        spread: str | Path = "even",
    ) -> Policy:
        """Return a policy of the catalogue by its name, or one that plays a plan.

        Parameters
        ----------
        policy
            A name with blanks or hyphens, a Python file that registers one, a plan file, a table of money, a plan, or a
            policy.
        name
            What tables call a plan; None: its file's name, or "plan".
        budget
            What the policy may spend over the horizon; None: the scenario's.
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.

        Raises
        ------
        InputError
            If there is none.

        Examples
        --------
        >>> firm.policy("even-split").name
        'even split'
        >>> firm.policy(plan, "careful").name
        'careful'
        """
        from experiments.chosen import chosen_policies

        _, [chosen] = chosen_policies([policy], self.twin, self._loader(spread, [policy]), budget)
        return chosen.policy if name is None else replace(chosen.policy, name=name)  # type: ignore[type-var]

    def compare(
        self,
        policies: Sequence[str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any]],
        *,
        budget: float | None = None,
        spread: str | Path = "even",
        equal_money: bool = False,
        replications: int = 20,
        samples: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Comparison:
        """Simulate several policies on the same customers with the same luck; the first is the reference.

        Parameters
        ----------
        policies
            Names, ``"all"`` for the whole catalogue, plan files, tables of money, plans, Python files with a policy,
            mixtures (a mapping, or a .yaml file), or any object with a ``name`` and ``decide(observation)``.
        budget
            Money over the horizon; None: the scenario's. A plan is played as it stands, whatever it costs: what it
            spends of the budget, and every rule that it breaks, is in the answer.
        equal_money
            Scale every policy, all its intensities alike, until it is expected to spend the whole budget.
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.
        samples
            Worlds drawn from the scenario's ``uncertain`` ranges, in which all policies are weighed in expected
            numbers too, for intervals and chances that count what is not known; None: 16, or twice as many as ranges;
            0: none.
        seed
            Which luck; the same seed gives the same numbers.

        Raises
        ------
        InputError
            If a policy is not known, or two have the same name.
        PolicyError
            If a policy asks for more than it may.

        Examples
        --------
        >>> result = firm.compare(["as today", firm.policy(plan, "careful")], replications=2, seed=1)
        >>> result.best.name
        'careful'
        """
        from experiments.chosen import chosen_policies, say_unspent, spelled_out
        from experiments.compare import compare
        from experiments.results.runs import Comparison
        from experiments.tracking.call import Call

        policies = spelled_out(policies)
        load = self._loader(spread, policies)
        total, chosen = chosen_policies(policies, self.twin, load, budget, equal_money=equal_money)
        found = compare(
            self.twin, [each.policy for each in chosen], total, seed=seed, replications=replications,
            threads=_all(threads), purses={each.policy.name: each.purse for each in chosen}, equal_money=equal_money,
            samples=samples, progress=(progress or quiet)("Simulating"),
        )  # fmt: skip
        plans = tuple((each.policy.name, each.plan) for each in chosen if each.plan is not None)
        say_unspent(found.outcomes, plans, total if equal_money else None)
        asked = {
            "policies": list(policies), "budget": budget, "spread": spread, "equal_money": equal_money,
            "replications": replications, "samples": samples, "seed": seed,
        }  # fmt: skip
        return grown(Comparison, found, twin=self.twin, plans=plans, file=self.file, asked=Call("compare", asked))

    def simulate(
        self,
        policy: str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any] = "as today",
        *,
        budget: float | None = None,
        spread: str | Path = "even",
        replications: int | None = None,
        seed: int = 0,
        until: int | None = None,
        save: str | Path | None = None,
        resume: str | Path | None = None,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Simulation:
        """Simulate the customers under one policy; or one market in parts, branching into other policies on the way.

        Parameters
        ----------
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.
        replications
            None: 20; 1 with ``until``, ``save`` or ``resume``, which follow one market.
        until, save
            Stop after so many periods, and save the market there.
        resume
            Saved market to go on from, with the same customers and the same luck.

        Raises
        ------
        InputError
            If arguments do not go together, or the saved market does not fit.

        Examples
        --------
        >>> first = firm.simulate("as today", until=2, save="market.npz")
        >>> other = firm.simulate("no spend", resume="market.npz")
        >>> first.history.periods, other.resumed_at, other.history.periods
        (2, 2, 3)
        """
        from experiments.chosen import chosen_policies
        from experiments.compare import compare
        from experiments.results.runs import Simulation
        from experiments.simulate import Part, follow

        def choose(given: float | None) -> tuple[float, Policy, Budget]:
            total, [chosen] = chosen_policies([policy], self.twin, self._loader(spread, [policy]), given)
            return total, chosen.policy, chosen.purse

        tell = (progress or quiet)("Simulating")
        if until is not None or save is not None or resume is not None:
            if replications not in (None, 1):
                raise InputError(
                    f"`replications={replications}`: `until=`, `save=` and `resume=` follow one market; leave it out"
                )
            part = follow(
                self.twin, choose, budget, seed=seed, threads=_all(threads), until=until,
                save=None if save is None else Path(save), resume=None if resume is None else Path(resume),
                progress=tell,
            )  # fmt: skip
        else:
            total, chosen, purse = choose(budget)
            part = Part(
                compare(
                    self.twin, [chosen], total, seed=seed, replications=20 if replications is None else replications,
                    threads=_all(threads), purses={chosen.name: purse}, progress=tell,
                )
            )  # fmt: skip
        return grown(Simulation, part, twin=self.twin)

    def monitor(
        self,
        plan: optimizer.plan.Plan | str | Path,
        actual: str | Path,
        *,
        through: date | int | None = None,
        false_alarms: float = 0.1,
        replications: int = 100,
        seed: int = 0,
        progress: Step | None = None,
    ) -> Monitoring:
        """Return what has become of a plan: what has moved, whether to plan again, and the money at stake.

        Parameters
        ----------
        plan
            A plan or its file.
        actual
            A customer base, a file of purchases, or a table of counts as :meth:`Simulation.save` writes it.
        through
            Last day that counts, for counts how many periods; None: all.
        false_alarms
            A year, where nothing has changed, all tests together.
        replications
            Parallel markets under the plan, from which limits and bands are taken.

        Raises
        ------
        InputError
            If what was seen is not of this firm, or no whole period has passed.

        Examples
        --------
        >>> firm.simulate(plan, replications=1, seed=3).save("actual.csv")
        >>> found = firm.monitor(plan, "actual.csv", replications=20)
        >>> found.verdict
        'stay'
        """
        from experiments.chosen import chosen_policies
        from experiments.look import look
        from experiments.monitor import monitor
        from experiments.results.monitoring import Monitoring

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        seen, unseen = look(self.twin, plan, Path(actual), through)
        total, [chosen] = chosen_policies([plan], self.twin, self.load_plan, None)
        found = monitor(
            self.twin, plan, chosen, total, seen, rate=false_alarms, replications=replications, seed=seed,
            unseen=unseen, step=progress or quiet,
        )  # fmt: skip
        return grown(Monitoring, found)

    def measure(
        self,
        plan: optimizer.plan.Plan | str | Path | None,
        lists: str | Path | Sequence[str | Path],
        actual: str | Path,
        *,
        period: int = 0,
        periods: int = 1,
    ) -> Measured:
        r"""Return what each measure brought: plan against outcome against the control group of its list.

        Parameters
        ----------
        plan
            That the lists were made from, or its file; None: as today.
        lists
            Files as :meth:`customer_list` writes them, with a control group.
        actual
            A customer base, or a file of purchases, that runs to the end of the time.
        period, periods
            The lists' period, from 0, and over how many periods what came is counted.

        Raises
        ------
        InputError
            If a list is not one of this firm, or the time has not passed.

        Examples
        --------
        >>> from pathlib import Path
        >>> mine = tenure.open(tenure.calibrate("orders.csv", "mine.yaml").scenario_path)
        >>> mine.customer_list(control=0.3).save("who.csv")
        >>> _ = Path("later.csv").write_text(Path("orders.csv").read_text() + "0;2025-09-01;9\n")
        >>> mine.measure(None, "who.csv", "later.csv").effects[0].segment
        'all'
        """
        import numpy

        from experiments.measure import measure
        from experiments.results.measured import Measured

        plan = self.load_plan(plan) if isinstance(plan, str | Path) else plan
        intensity = self.targets.reference if plan is None else plan.intensity
        whole = numpy.broadcast_to(intensity, (self.scenario.periods, *self.targets.shape))
        several = [lists] if isinstance(lists, str | Path) else lists
        found = measure(
            self.twin, whole, [Path(each) for each in several], Path(actual), period=period, periods=periods
        )
        return grown(Measured, found, learning=self.learn)

    def learn(self, *evidence: str | Path, seed: int = 0) -> Learned:
        r"""Return the scenario with its curves as experiments and managers' answers have them.

        Parameters
        ----------
        *evidence
            Files: experiments (columns ``lever``, ``moves``, ``spend``, ``outcome``) and answers (``lever``, ``moves``,
            ``at``, ``value``); see docs/evidence.md.
        seed
            Of the draws that intervals are made of.

        Raises
        ------
        InputError
            If a file cannot be used, is about what the scenario does not have, or says that money harms.

        Examples
        --------
        >>> from pathlib import Path
        >>> rows = ["lever,moves,at,value,low,high", "retention,survival,unlimited,0.95,0.93,0.96"]
        >>> _ = Path("answers.csv").write_text("\n".join(rows))
        >>> firm.learn("answers.csv")
        Evidence on 1 curve: data on 0, answers alone on the others.
        """
        from experiments.results.learned import Learned
        from sim.responses.learn import learn
        from sim.responses.read import read_evidence

        if not evidence:
            raise InputError("expected at least one file of evidence")
        read = [read_evidence(each) for each in evidence]
        trials = [trial for found, _, _ in read for trial in found]
        answers = [answer for _, found, _ in read for answer in found]
        notes = [note for *_, found in read for note in found]
        return grown(Learned, learn(self.scenario, trials, answers, notes, seed))

    def backtest(
        self, months: int = 9, *, replications: int = 40, seed: int = 0, threads: int | None = None,
        progress: Step | None = None,
    ) -> Backtest:  # fmt: skip
        """Return whether the forecast would have been right: fitted without the last months, against what came.

        Parameters
        ----------
        months
            Held out, to the last purchase of the customer base.
        replications
            Markets that bands are made of.

        Raises
        ------
        InputError
            If the scenario has no customer base, or the months do not fit its purchases.
        PurchasesError
            If what was known then does not identify the laws.

        Examples
        --------
        >>> firm.backtest()
        Traceback (most recent call last):
            ...
        sim.errors.InputError: a forecast is checked against purchases, and this scenario has no customer base...
        """
        from experiments.backtest.forecast import backtest
        from experiments.results.backtest import Backtest

        found = backtest(
            self.scenario, months, replications=replications, seed=seed, threads=_all(threads), progress=progress
        )
        return grown(Backtest, found)

    def trace(
        self,
        policy: str | Path | optimizer.plan.Plan | Policy | Mapping[str, Any] = "as today",
        *,
        segment: str | None = None,
        customer: str | int | None = None,
        budget: float | None = None,
        spread: str | Path = "even",
        seed: int = 0,
        threads: int | None = None,
        progress: Step | None = None,
    ) -> Life:
        """Return one customer's life: what the firm saw, what was true, what it bought and what was spent on it.

        Parameters
        ----------
        segment
            Whose customer; None: the first with people.
        customer
            A number from 0 on inside the segment; for a customer base its customer's id. None: the first.
        spread
            How a table's money is spread inside its cells, as in :meth:`load_plan`.

        Raises
        ------
        InputError
            If there is no such segment or customer, or the scenario is a chain of its own.

        Examples
        --------
        >>> life = firm.trace(customer=17)
        >>> life.policy
        'as today'
        """
        from experiments.chosen import chosen_policies
        from experiments.results.runs import Life
        from experiments.trace import trace_life

        _, [chosen] = chosen_policies([policy], self.twin, self._loader(spread, [policy]), budget)
        life = trace_life(
            self.twin, chosen.policy, chosen.purse, segment=segment,
            customer=None if customer is None else str(customer), seed=seed, threads=_all(threads),
            progress=(progress or quiet)("Simulating"),
        )  # fmt: skip
        return grown(Life, life)


def _all(threads: int | None) -> int:
    """Return a number of threads; one for each processor where none is asked for."""
    return os.cpu_count() or 1 if threads is None else threads
