"""Answers that were simulated: policies side by side, one policy, one customer's life; and why a plan is as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import experiments.compare
import experiments.decision
import experiments.explain
import experiments.simulate
import experiments.trace
import optimizer.plan
from experiments.results.shown import Decided, Shown, Table, drawn
from experiments.terminal.tables import policy_cells
from experiments.told import Told
from experiments.tracking.call import Call
from experiments.words.figures import money
from experiments.words.kept import best_in_words, rules_broken
from experiments.words.mechanism_figures import mechanism_figures
from experiments.words.odds import sure_in_words
from experiments.words.phrases import INTERVALS, called, played_policy, quoted
from sim.arrays import Step
from sim.errors import InputError
from sim.history import History
from sim.twin import Twin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from experiments.report.grounds import FittedFigure

__all__ = ["Comparison", "Explanation", "Life", "LineExplanation", "Simulation"]


def _interval(outcome: experiments.compare.Outcome) -> str:
    if outcome.low != outcome.low:
        return "needs 2 replications"
    return f"{money(outcome.low, signed=True)} to {money(outcome.high, signed=True)}"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Decided, experiments.compare.Comparison):
    """Policies on the same customers with the same luck; the first is the reference.

    Attributes
    ----------
    outcomes : tuple of Outcome
        One per policy, in the order given; ``comparison["plan"]`` is the one of that name.
    seed, replications, budget
    plans : tuple of (name, Plan)
        Those of the policies that play a plan.
    file : Path or None
        The scenario's.
    fit : sequence of figures, optional
        What was fitted, for the report.
    look : mapping, optional
        How the report that a run keeps looks: ``lang``, ``title`` and ``logo`` of :meth:`report`.

    Examples
    --------
    >>> result = firm.compare(["as today", "no spend"], replications=2, seed=1)
    >>> result["no spend"].difference < 0
    True
    >>> result.to_frame()["name"].tolist()
    ['as today', 'no spend']
    >>> result.plot("asset").layout.showlegend
    True
    >>> result.report("report.html").stat().st_size > 20_000
    True
    """

    twin: Twin = field(kw_only=True)
    plans: tuple[tuple[str, optimizer.plan.Plan], ...] = field(default=(), kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)
    fit: Sequence[FittedFigure] | None = field(default=None, kw_only=True)
    look: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def best(self) -> experiments.compare.Outcome:
        """Return the outcome with the largest customer asset."""
        return max(self.outcomes, key=lambda outcome: outcome.asset)

    @cached_property
    def decision(self) -> experiments.decision.Decision:
        """Return what the gain of the best policy is made of."""
        name, plan = self._proven()
        return experiments.decision.decision(self.twin, self, plan, played_policy(self, plan, name))

    def answer(self) -> str:
        """Return which policy makes the customers worth most, by how much, with its interval."""
        best, reference, currency = self.best, self.outcomes[0], self.twin.scenario.currency
        worth = f"{money(best.asset)} {currency}".rstrip()
        if best is reference:
            others = f": no policy here beats {called(reference.name)}" if len(self.outcomes) > 1 else ""
            return f"Under {quoted(best.name)} the customers are worth {worth}{others}."
        name = called(best.name)
        said = f"{name[0].upper()}{name[1:]} makes the customers worth most: {worth}, "
        said += f"{money(best.difference, signed=True)} against {called(reference.name)} (95 % interval "
        said += f"{_interval(best)})."
        sure = sure_in_words(best, reference.name)
        said += f" {sure}." if sure else ""
        said = f"{said} {best_in_words(self)}".rstrip()
        unclear = best.low == best.low and not best.clear
        return said + (" The interval includes zero: these replications cannot tell the two apart." if unclear else "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "scenario": self.twin.scenario.name,
            "budget": self.budget,
            "equal_money": self.equal_money,
            "policies": self.to_rows(),
            "odds": None if self.odds is None else self.odds.to_dict(),
            "decision": self.decision.to_dict(),
        }

    def to_frame(self) -> DataFrame:
        """Return one row per policy: name, asset, difference from the first with interval, customers kept, spend."""
        from pandas import DataFrame

        return DataFrame(self.to_rows())

    def shown_table(self) -> Table:
        """Return the policies."""
        return policy_cells(self)

    def notes(self) -> str:
        """Return which rules are broken, and what the intervals cover."""
        said = [*rules_broken(self), INTERVALS if len(self.outcomes) > 1 else ""]
        return " ".join(part for part in said if part)

    def plot(self, what: str = "difference") -> Figure:
        """Return a figure of the report.

        Parameters
        ----------
        what : {"difference", "asset", "customers"}
            Differences from the reference with their intervals; asset over time; customers by stage under the
            reference and the best.
        """
        from experiments.report import charts

        if what not in ("difference", "asset", "customers"):
            raise InputError(f"`what={what}`: expected one of difference, asset, customers")
        scenario, best = self.twin.scenario, self.best
        if what == "asset":
            return drawn(charts.asset_over_time(self, best.name, scenario))
        if what == "customers":
            after = None if best is self.outcomes[0] else best
            last = "still customers" if scenario.chain is not None else "alive (true, hidden)"
            return drawn(charts.customers_by_stage(self.outcomes[0], after, scenario.period, last)[0])
        return drawn(charts.comparison_with_intervals(self, best.name, scenario.currency))

    def report(self, path: str | Path, *, lang: str = "en", title: str = "", logo: str | Path | None = None) -> Path:
        """Write the report, one page that needs no network and no scripts, and return where it is.

        Parameters
        ----------
        lang
            ``en``, or ``zh`` for Chinese.
        title
            Of the firm's own, above the decision; nothing: the scenario's name.
        logo
            Image file of the firm's own: .png, .jpg or .svg.

        Raises
        ------
        InputError
            If it does not speak the language, or the logo cannot be shown.
        FolderError
            If it cannot be written.
        """
        from experiments.report.write import write_report

        name, plan = self._proven()
        return write_report(
            path, scenario=self.twin.scenario, twin=self.twin, comparison=self, plan=plan, plan_policy=name,
            decided=self.decision, fit=self.fit, lang=lang, title=title, logo=logo,
        )  # fmt: skip

    def decided_for(self) -> tuple[Twin, Path | None, tuple[tuple[str, optimizer.plan.Plan], ...]]:
        """Return the twin, the scenario's file, and the plans that were played."""
        return self.twin, self.file, self.plans

    def pages(self, folder: Path, progress: Step) -> tuple[Path | None, dict[str, bytes]]:
        """Write ``report.html``."""
        from experiments.results.keep import report_page

        progress("Writing the report")
        (name, plan), path = self._proven(), folder / "report.html"
        made = report_page(
            path, scenario=self.twin.scenario, twin=self.twin, comparison=self, plan=plan, plan_policy=name,
            decided=self.decision, fit=self.fit, look=self.look,
        )  # fmt: skip
        return path, {"report.html": made}

    def _proven(self) -> tuple[str, optimizer.plan.Plan | None]:
        """Return the only plan that was played, with its name: of several no page says which it means."""
        return self.plans[0] if len(self.plans) == 1 else ("plan", None)


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Shown, experiments.simulate.Part):
    """One policy simulated, or one market in parts.

    Attributes
    ----------
    comparison : Comparison
        With the one policy; its ``outcomes[0].history`` says what happened, period by period.
    resumed_at, saved
        Where a market in parts began and where it was saved.

    Examples
    --------
    >>> run = firm.simulate("even split", replications=2)
    >>> run.history.alive.shape  # periods and the end, groups
    (4, 2)
    >>> run.save("months.csv")
    """

    twin: Twin = field(kw_only=True)

    @property
    def history(self) -> History:
        """Return what happened: the mean over replications."""
        return self.comparison.outcomes[0].history

    def answer(self) -> str:
        """Return what the customers are worth under the policy."""
        outcome, scenario = self.comparison.outcomes[0], self.twin.scenario
        done = outcome.history.periods
        what = "customer asset" if done == scenario.periods else f"discounted profit of {done} {scenario.period}s"
        spread = float(outcome.assets.std(ddof=1)) if outcome.assets.size > 1 else float("nan")
        about = f" (standard deviation over replications {money(spread)})" if spread == spread else ""
        worth = f"{money(outcome.asset)} {scenario.currency}".rstrip()
        return f"{scenario.name} under '{outcome.name}': {what} {worth}{about}."

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        comparison, history = self.comparison, self.history
        row = comparison.to_rows()[0]
        return {
            "scenario": self.twin.scenario.name,
            "budget": comparison.budget,
            "replications": comparison.replications,
            "seed": comparison.seed,
            "periods": history.periods,
            "resumed_at": self.resumed_at,
            "saved": None if self.saved is None else str(self.saved),
            "policy": {key: value for key, value in row.items() if key not in ("difference", "low", "high")},
            "profit": history.profit.tolist(),
            "alive": history.alive.sum(axis=1).tolist(),
            "spend": history.spend.sum(axis=(1, 2, 3)).tolist(),
            "purchases": history.purchases.sum(axis=(1, 2)).tolist(),
            "unspent": history.unspent,
            "mechanisms": mechanism_figures(self.twin, history),
        }

    def to_frame(self) -> DataFrame:
        """Return one row per period, group and stage: head counts, moves, purchases, money."""
        return self.history.to_frame()

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_frame` as .csv or .parquet."""
        self.history.save(path)

    def shown_table(self) -> Table:
        """Return the firm's year, period by period."""
        history = self.history
        rows = [
            [
                str(t + 1), f"{history.alive[t].sum():,.0f}", f"{history.purchases[t].sum():,.0f}",
                money(float(history.revenue[t].sum())), money(float(history.spend[t].sum())),
                money(float(history.profit[t])),
            ]
            for t in range(history.periods)
        ]  # fmt: skip
        return [self.twin.scenario.period, "alive", "purchases", "revenue", "spend", "profit"], rows

    def plot(self) -> Figure:
        """Return the report's figure of discounted profit so far."""
        from experiments.report import charts

        outcome = self.comparison.outcomes[0]
        return drawn(charts.asset_over_time(self.comparison, outcome.name, self.twin.scenario))


@dataclass(frozen=True, repr=False)
class Life(Shown, experiments.trace.Life):
    """One customer's life under one policy: what the firm saw, what was true, what it bought, what was spent on it.

    Examples
    --------
    >>> life = firm.trace("as today", segment="regulars", customer=17)
    >>> life.segment, life.customer
    ('regulars', '17')
    >>> len(life.to_frame())
    3
    """

    def answer(self) -> str:
        """Return the life in lines."""
        from experiments.words.story import told

        return told(self)

    def to_frame(self) -> DataFrame:
        """Return one row per period."""
        from pandas import DataFrame

        return DataFrame([moment.to_dict() for moment in self.moments[:-1]])


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Decided, Told, experiments.explain.Explanation):
    """Why a plan gives what to whom: what each line brings, what rules cost, what can move and what can go.

    Examples
    --------
    >>> why = firm.explain(plan)
    >>> sorted(why.to_frame()["lever"].unique())
    ['acquisition', 'awareness', 'development', 'retention', 'winback']
    >>> 0.9 < why.simplest.share <= 1.1
    True
    """

    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return the plan's lines in a paragraph, and why the largest get more than the next."""
        from experiments.words.explain import answer_in_words

        return answer_in_words(self)

    def to_frame(self) -> DataFrame:
        """Return one row per line (segment and lever)."""
        from pandas import DataFrame

        return DataFrame([asdict(line) for line in self.lines])

    def shown_table(self) -> Table:
        """Return the lines with money, the largest first."""
        from experiments.words.explain import lines_with_money

        return lines_with_money(self)

    def figures(self) -> dict[str, float]:
        """Return the plan's lift, then what each line with money brings."""
        brings = {f"brings/{line.segment}/{line.lever}": line.brings for line in self.lines if line.spend > 0}
        return {"lift": self.ground.lift, "asset": self.ground.course.asset, **brings}


@dataclass(frozen=True, eq=False, repr=False)
class LineExplanation(Decided, Told, experiments.explain.LineExplanation):
    """Why one line (segment and lever) gets what it gets, or nothing.

    Examples
    --------
    >>> why = firm.explain_line(plan, "newcomers/development")
    >>> why.answer().startswith("newcomers / development gets")
    True
    """

    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return it in sentences."""
        from experiments.words.explain import line_in_words

        return line_in_words(self)

    def figures(self) -> dict[str, float]:
        """Return what the line brings, its money and what the next unit brings at its best place."""
        return {"brings": self.line.brings, "spend": self.line.spend, "next_unit": self.line.best_marginal}
