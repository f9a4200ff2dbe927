"""Answers that are plans: one, one by budget, one for all that is not known; what telling customers apart is worth."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optimizer.insight.difference
import optimizer.insight.frontier
import optimizer.insight.risk
import optimizer.plan
from experiments.results.shown import Decided, Shown, Table, drawn
from experiments.terminal.frontier import frontier_rows
from experiments.terminal.risk import at_stake, risk_dict
from experiments.tracking.call import Call
from experiments.words import difference as words
from experiments.words.figures import money
from experiments.words.phrases import at_least
from experiments.words.prices import shadow_price_in_words
from experiments.words.proof import ProofInWords, proof_in_words
from optimizer.insight.frontier import Targeting
from optimizer.money.calendar import Calendar
from optimizer.money.sheets import Lines, write_split
from optimizer.proof import SpendProof
from optimizer.tolerances import SAME
from sim.errors import InputError
from sim.twin import Twin

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

__all__ = ["Difference", "Frontier", "Plan", "Risk", "Split", "TargetingValue"]


def _money(amount: float, twin: Twin, *, signed: bool = False) -> str:
    return f"{money(amount, signed=signed)} {twin.scenario.currency}".rstrip()


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Decided, optimizer.plan.Plan):
    """Who gets how much through which lever and when, with its bound and its prices.

    Every field of :class:`optimizer.plan.Plan`; ``save`` writes it as JSON, CSV or Excel.

    Attributes
    ----------
    twin : Twin
        Whose plan it is.

    Examples
    --------
    >>> plan.status
    'feasible'
    >>> plan.to_frame().columns.tolist()
    ['period', 'target', 'segment', 'tier', 'stage', 'lever', 'intensity', 'customers', 'spend']
    >>> plan.save("plan.xlsx")
    >>> plan.plot(by="period").layout.barmode
    'stack'
    """

    twin: Twin = field(kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def decided_for(self) -> tuple[Twin, Path | None, tuple[tuple[str, optimizer.plan.Plan], ...]]:
        """Return the twin and the scenario's file."""
        return self.twin, None if self.scenario_file is None else Path(self.scenario_file), ()

    def answer(self) -> str:
        """Return what the plan is worth, how far from the best it can be, and what more money would bring."""
        words, least = self._words(), isinstance(self.proof, SpendProof)
        price = math.isfinite(self.shadow_price) and not least
        said = [
            "" if least else f"The plan spends {_money(float(self.spend.sum()), self.twin)}.",
            words.worth.replace("It spends", "The plan spends"),
            words.proved,
            f"{_sentence(shadow_price_in_words(self))}." if price else "",
            "" if self.status in ("feasible", "") else f"It {self.status}.",
        ]
        return " ".join(part for part in said if part)

    def _words(self) -> ProofInWords:
        return proof_in_words(self, self.twin.scenario.currency)

    def shown_table(self) -> Table:
        """Return money over the horizon by segment and lever."""
        segments, levers, spend = self.by_segment_and_lever()
        rows = [
            [name, *(money(x) if x else "." for x in line), money(float(line.sum()))]
            for name, line in zip(segments, spend, strict=True)
        ]
        rows.append(["all", *(money(x) for x in spend.sum(axis=0)), money(float(spend.sum()))])
        return ["segment", *levers, "all"], rows

    def notes(self) -> str:
        """Return what terms come to, and what the bound rests on."""
        _, levers, by_segment = self.terms_by_segment()
        terms = "".join(
            f" {lever}: {_money(float(amount.sum()), self.twin)}, which no budget pays for."
            for lever, amount in zip(levers, by_segment.T, strict=True)
        )
        return f"Expected money over the horizon.{terms} {self._words().note}".rstrip()

    def plot(self, by: str = "segment") -> Figure:
        """Return the report's figure of where the money goes.

        Parameters
        ----------
        by : {"segment", "period"}
            Segment and lever, or period and lever.
        """
        from experiments.report import charts

        if by not in ("segment", "period"):
            raise InputError(f"`by={by}`: expected one of segment, period")
        scenario = self.twin.scenario
        if by == "segment":
            return drawn(charts.allocation_by_segment(*self.by_segment_and_lever(), scenario.currency))
        share = scenario.rules.period_share
        limit = share * self.budget if share < 1 else math.inf
        levers = list(self.targets.levers)
        return drawn(charts.allocation_by_period(levers, self.spend.sum(axis=(1, 2)), limit, scenario))


@dataclass(frozen=True, eq=False, repr=False)
class Split(Shown):
    """A plan's money by segment, lever and stretch of time: to edit in a spreadsheet, and to play as a policy.

    Attributes
    ----------
    lines : Lines
        Money by (segment, lever) and stretch.
    by : str
        What a stretch is.
    spread : str or Path
        How money is spread inside a cell.
    asset : float
        Customer asset of the table, played.
    before : float
        That of the plan as it is.
    twin : Twin

    Examples
    --------
    >>> table = firm.split(plan)
    >>> table.to_frame().columns.tolist()
    ['segment', 'lever', 'quarter', 'spend']
    >>> table.evening_out <= 0
    True
    >>> table.save("split.csv")
    >>> result = firm.compare(["as today", "split.csv"], replications=2)
    """

    lines: Lines
    by: str
    spread: str | Path
    asset: float
    before: float
    twin: Twin

    @property
    def evening_out(self) -> float:
        """Return what the asset changes by as money is spread inside cells instead of as in the plan."""
        return self.asset - self.before

    def answer(self) -> str:
        """Return what the table brings, and what evening out costs."""
        spent = _money(float(self.lines.money.sum()), self.twin)
        paid = dict(zip(self.twin.targets.levers, self.twin.targets.paid, strict=True))
        lines = zip(self.lines.names, self.lines.money.sum(axis=1), strict=True)
        terms = sum(float(spend) for (_, lever), spend in lines if not paid[lever])
        spent += f" ({money(terms)} of them terms, which no budget pays for)" if terms else ""
        cost = f"evening out {'costs' if self.evening_out < 0 else 'brings'} {_money(abs(self.evening_out), self.twin)}"
        if abs(self.evening_out) <= SAME * abs(self.before):
            cost = "nothing is lost"
        return (
            f"By segment, lever and {self.by} the plan's {spent} bring a customer asset of "
            f"{_money(self.asset, self.twin)} in expected numbers; in the plan they bring {money(self.before)}: {cost}."
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per segment, lever and stretch."""
        return [
            {"segment": cell.segment, "lever": cell.lever, self.by: cell.stretch.name, "spend": cell.money}
            for cell in self.lines.table().cells
        ]

    def to_frame(self) -> DataFrame:
        """Return :meth:`rows` as a table."""
        from pandas import DataFrame

        return DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        known = {"by": self.by, "spread": str(self.spread), "spend": float(self.lines.money.sum()), "asset": self.asset}
        return {**known, "plan_asset": self.before, "evening_out": self.evening_out, "cells": self.rows()}

    def shown_table(self) -> Table:
        """Return money by segment and lever, and stretch."""
        sums = [[*line, sum(line)] for line in self.lines.money.tolist()]
        rows = [
            [" / ".join(name), *(money(x) if x else "." for x in line)]
            for name, line in zip(self.lines.names, sums, strict=True)
        ]
        rows.append(["all", *(money(sum(column)) for column in zip(*sums, strict=True))])
        return ["line", *(stretch.name for stretch in self.lines.stretches), "all"], rows

    def save(self, path: str | Path) -> None:
        """Write the table, long as .csv or with a column for each stretch as .xlsx.

        Raises
        ------
        InputError
            If the ending is neither.
        FolderError
            If it cannot be written.
        """
        write_split(Path(path), self.lines, self.by, Calendar.of(self.twin.scenario))


@dataclass(frozen=True, eq=False, repr=False)
class Frontier(Decided, optimizer.insight.frontier.Frontier):
    """The best plan for each of several budgets, and the money beyond which more does not pay.

    Examples
    --------
    >>> curve = firm.frontier(number=2, bound=False)
    >>> len(curve.to_frame())  # two budgets, and the sweet spot
    3
    >>> len(curve.plot().data)
    2
    """

    twin: Twin = field(kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)
    file: Path | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return where more stops paying."""
        spot = self.sweet_spot
        said = f"More than {_money(spot.spend, self.twin)} does not pay under these responses: there the customer "
        lift = money(spot.plan.asset - self.baseline)
        return said + f"asset is {money(spot.plan.asset)} in expected numbers, {lift} above the least spend."

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per budget, and last the sweet spot, whose budget is None."""
        return frontier_rows(self)

    def to_frame(self) -> DataFrame:
        """Return :meth:`rows` as a table."""
        from pandas import DataFrame

        return DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"baseline": self.baseline, "points": self.rows(), "sweet_spot": self.rows()[-1]}

    def shown_table(self) -> Table:
        """Return spend, asset and price by budget."""
        rows = [
            [
                "no limit" if row["budget"] is None else money(row["budget"]), money(row["spend"]), money(row["asset"]),
                money(row["lift"], signed=True), f"{row['shadow_price']:.2f}",
                at_least(row["lift_share"]) if row["lift_share"] == row["lift_share"] else "",
            ]
            for row in self.rows()
        ]  # fmt: skip
        return ["budget", "spend", "customer asset", "above least spend", "next 1 brings", "of bound's, at least"], rows

    def plot(self) -> Figure:
        """Return customer asset by money spent, with the bounds, and the sweet spot."""
        from experiments.report import charts

        rows = self.rows()
        names = ("spend", "asset", "bound")
        spend, asset, bound = ([float(row[name]) for row in rows[:-1]] for name in names)
        spot = (float(rows[-1]["spend"]), float(rows[-1]["asset"]))
        return drawn(charts.asset_by_budget(spend, asset, bound, spot, self.twin.scenario.currency))


@dataclass(frozen=True, eq=False, repr=False)
class Risk(Decided, optimizer.insight.risk.Risk):
    """One plan for all that the scenario is not sure of, and which assumption to test next.

    Examples
    --------
    >>> doubtful = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]})
    >>> odds = doubtful.risk(samples=2)
    >>> odds.to_frame()["name"].tolist()
    ['least spend', 'as today', 'expected', 'cautious']
    >>> odds.assumptions_frame()["path"].tolist()
    ['margin']
    >>> len(odds.plot().data)
    1
    """

    twin: Twin = field(kw_only=True)
    tail: float = field(default=0.2, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)
    file: Path | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return what caution brings and costs, and on what most is at stake."""
        scores = {score.name: score for score in self.scores}
        worst = scores["cautious"].tail_mean - scores["expected"].tail_mean
        first = self.assumptions[0]
        return (
            f"The cautious plan brings {_money(worst, self.twin, signed=True)} in the worst {self.tail:.0%} and costs "
            f"{money(self.price_of_robustness)} where the scenario is right. {at_stake(first)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return risk_dict(self)

    def to_frame(self) -> DataFrame:
        """Return each plan's scores on fresh samples as a table."""
        from pandas import DataFrame

        return DataFrame([asdict(score) for score in self.scores])

    def assumptions_frame(self) -> DataFrame:
        """Return what each assumption does to the decision as a table, those with most at stake first."""
        from pandas import DataFrame

        return DataFrame([{**asdict(each), "at_stake": each.at_stake} for each in self.assumptions])

    def shown_table(self) -> Table:
        """Return the scores."""
        rows = [
            [s.name, money(s.mean), money(s.tail_mean), money(s.worst), money(s.lift, signed=True), f"{s.loses:.0%}"]
            for s in self.scores
        ]
        return ["on fresh samples", "mean", f"worst {self.tail:.0%}", "worst", "above least spend", "loses in"], rows

    def plot(self) -> Figure:
        """Return the lift of the cautious plan at both ends of each assumption's range, the widest first."""
        from experiments.report import charts

        ends = [(each.path, each.lift_low, each.lift_high) for each in self.assumptions]
        return drawn(charts.lift_by_assumption(ends, self.twin.scenario.currency))


@dataclass(frozen=True, eq=False, repr=False)
class TargetingValue(Shown):
    """What telling customers apart is worth, for the same money.

    Attributes
    ----------
    ways : tuple of Targeting
        From the coarsest to the finest, and full information where it can be had.

    Examples
    --------
    >>> value = firm.value_of_targeting(1_200)
    >>> value.to_frame().columns.tolist()
    ['name', 'asset', 'lift']
    """

    ways: tuple[Targeting, ...]
    twin: Twin

    def answer(self) -> str:
        """Return what the finest targeting brings more than the coarsest."""
        known = [way for way in self.ways if way.plan is not None]
        more = _money(known[-1].asset - known[0].asset, self.twin, signed=True)
        names = f"{known[-1].name} instead of by {known[0].name}"
        return f"Telling customers apart by {names} brings {more} for the same money."

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per way: name, customer asset, lift."""
        return [{"name": way.name, "asset": way.asset, "lift": way.lift} for way in self.ways]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"targetings": self.rows()}

    def to_frame(self) -> DataFrame:
        """Return :meth:`rows` as a table."""
        from pandas import DataFrame

        return DataFrame(self.rows())

    def shown_table(self) -> Table:
        """Return asset and lift by way."""
        rows = [[way.name, money(way.asset), money(way.lift, signed=True)] for way in self.ways]
        return ["what the firm tells apart", "customer asset", "above least spend"], rows


@dataclass(frozen=True, eq=False, repr=False)
class Difference(Shown, optimizer.insight.difference.Difference):
    """Two plans side by side: by segment, lever and quarter what moved, and what it brings.

    Attributes
    ----------
    names : tuple of (first, second)
    twin : Twin

    Examples
    --------
    >>> other = firm.diff(plan, firm.optimize(tenure.Question(base=plan, more=-400)))
    >>> round(other.spends[1] - other.spends[0])
    -400
    >>> other.lines[0].change < 0
    True
    """

    names: tuple[str, str] = field(kw_only=True)
    twin: Twin = field(kw_only=True)

    def answer(self) -> str:
        """Return what the second spends and is worth beside the first."""
        return words.answer(self, *self.names, self.twin.scenario.currency)

    def shown_table(self) -> Table:
        """Return the lines that moved, the largest moves first."""
        return words.lines_moved(self, self.twin.scenario.period)

    def notes(self) -> str:
        """Return what is counted how."""
        return words.MOVES_ASSUME

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "scenario": self.twin.scenario.name,
            "names": list(self.names),
            "asset": list(self.assets),
            "spend": list(self.spends),
            "brings": self.brings,
            "lines": [{**asdict(line), "change": line.change} for line in self.lines],
            "times": [asdict(time) for time in self.times],
            "assumes": words.MOVES_ASSUME,
        }

    def to_frame(self) -> DataFrame:
        """Return one row per line and quarter: money under both plans."""
        from pandas import DataFrame

        return DataFrame([
            {"segment": line.segment, "lever": line.lever, "start": time.start, "end": time.end,
             "first": a, "second": b}
            for line in self.lines
            for time, a, b in zip(self.times, line.first, line.second, strict=True)
        ])  # fmt: skip
