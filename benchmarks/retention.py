"""What is told of keeping customers, worked out on the examples: `python -m benchmarks.retention`, docs/retention.md.

Winning against keeping, five points of retention, the best fifth, the customer of four years, employees to customers to
money. Each is computed in expected numbers from an example's scenario under today's spend; nothing is fitted to what is
told.
"""

import copy
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from scipy.optimize import brentq

from optimizer.ask.rows import as_today
from sim.arrays import Floats
from sim.customers.calibration import fit_gamma_gamma, fit_pareto_nbd
from sim.customers.portrait import concentration
from sim.engine.fluid import expected_history
from sim.history import History
from sim.purchases.base import CDNOW_PURCHASES, CustomerBase
from sim.scenario.file import PERIODS_PER_YEAR, parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

__all__ = ["FACTS", "Fact", "main", "page_of"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "retention.md"
Content = dict[str, Any]
MORE = 0.01
"""Share of today's money that is spent on top to see what the next unit brings."""
POINTS = 0.05
YEAR_WEEKS = 52.0

HEAD = """# What keeping is worth

What is told of keeping customers, and what the markets of the [examples](gallery.md) make of it:
`python -m benchmarks.retention` makes this page anew, in expected numbers under today's spend. Nothing is fitted to
what is told: where a market says something else, so be it.

"""
COLUMNS = ("What is told", "Market", "Computed here")


class Fact(NamedTuple):
    """What is told and by whom, the market it is computed on, and what that gives, in words."""

    told: str
    market: str
    found: str


def content_of(name: str) -> Content:
    """Return an example's scenario, not yet checked."""
    loaded: Content = yaml.safe_load((ROOT / "examples" / name / "scenario.yaml").read_text(encoding="utf-8"))
    return loaded


def played(twin: Twin, plan: Floats | None = None) -> History:
    """Return what is expected, under today's spend or another."""
    return expected_history(twin.chain, as_today(twin.chain) if plan is None else plan)


def winning_and_keeping(name: str, lever: str, keeper: str) -> Fact:
    """Return what winning and keeping cost: in the mean, and of the next customer."""
    twin = build(parse(content_of(name)))
    history, year = played(twin), PERIODS_PER_YEAR[twin.scenario.period]
    win, keep = (twin.targets.levers.index(each) for each in (lever, keeper))
    spent = history.spend.sum(axis=(0, 1, 2))
    won, kept = history.events["won"].sum(), history.alive[:-1].sum() / year
    means = spent[win] / won, spent[keep] / kept

    def next_one(which: int, count: Callable[[History], float]) -> float:
        plan = as_today(twin.chain).copy()
        plan[1, :, :, which] *= 1 + MORE  # in the first period some may be yet to be won
        more = played(twin, plan)
        return float((more.spend[1].sum() - history.spend[1].sum()) / (count(more) - count(history)))

    nexts = next_one(win, lambda h: float(h.events["won"][1].sum())), next_one(keep, lambda h: float(h.alive[2].sum()))
    return Fact(
        "Winning a customer costs about six times keeping one", name,
        f"in the mean {means[0]:,.1f} a customer won and {means[1]:,.1f} a customer-year, "
        f"{means[0] / means[1]:.1f} times; the next one costs {nexts[0]:,.0f} to win and {nexts[1]:,.0f} to "
        f"keep, {nexts[0] / nexts[1]:.1f} times",
    )  # fmt: skip


def five_points(name: str) -> Fact:
    """Return what a customer just won is worth with five points more of first-year retention, and the whole asset."""
    content = content_of(name)
    (segment,) = content["segments"]

    def changed(law: Any, alone: bool) -> float:
        out = copy.deepcopy(content)
        own = out["segments"][segment]
        own["traits"]["defection_rate"] = law
        if alone:
            own["start"] = {"new": 1000}
            own.pop("births", None)
        twin = build(parse(out))
        return customer_asset(played(twin), twin.chain.discount_rate).total

    law = content["segments"][segment]["traits"]["defection_rate"]
    if isinstance(law, dict):
        first = (law["rate"] / (law["rate"] + 1)) ** law["shape"]
        rate = brentq(lambda b: (b / (b + 1)) ** law["shape"] - first - POINTS, law["rate"], 1e4)
        longer: Any = {**law, "rate": float(rate)}
    else:
        first = float(np.exp(-law))
        longer = float(-np.log(first + POINTS))
    one, whole = ((changed(longer, alone) / changed(law, alone) - 1) for alone in (True, False))
    return Fact(
        "Five points of retention lift profit by a quarter to four fifths (Reichheld & Sasser 1990)", name,
        f"first-year retention {first:.0%} to {first + POINTS:.0%}: a customer just won is worth {one:+.0%}, all "
        f"customers, those yet to be won included, {whole:+.0%}",
    )  # fmt: skip


def best_fifth() -> Fact:
    """Return what the best fifth of CDNOW's customers bought, and is expected to buy in the next year."""
    with tempfile.TemporaryDirectory() as folder:
        record = CustomerBase.create(Path(folder) / "cdnow.duckdb", CDNOW_PURCHASES).summarise(date(1998, 6, 30))
    bought = np.asarray(record.purchases * record.mean_amount_all, dtype=float)
    visits = fit_pareto_nbd(record).conditional_expected_purchases(
        YEAR_WEEKS, record.frequency, record.recency, record.age
    )
    ahead = visits * fit_gamma_gamma(record).conditional_mean_spend(record.purchases, record.mean_amount_all)
    past, future = (dict(concentration(each).rows)[0.2] for each in (bought, ahead))
    return Fact(
        "A fifth of customers bring four fifths of the profit (80/20)", "cdnow",
        f"the best fifth bought {past:.0%} of all so far, and are expected to buy {future:.0%} of the next year's",
    )  # fmt: skip


def fourth_year(name: str) -> Fact:
    """Return what a customer of the fourth year brings against one of the first, and how many come so far."""
    content = content_of(name)
    (segment,) = content["segments"]
    content["segments"][segment]["start"] = {"new": 1000}
    content["segments"][segment].pop("births", None)
    twin = build(parse(content))
    history = played(twin)
    year = int(PERIODS_PER_YEAR[twin.scenario.period])
    there = history.alive.sum(axis=1)
    by_year = [history.revenue[t * year : (t + 1) * year].sum() / there[t * year] for t in range(4)]
    return Fact(
        "Who is kept for four years brings three times the profit of the first year", name,
        f"{by_year[3] / by_year[0]:.2f} times a customer who is there when the year begins, of whom "
        f"{there[3 * year] / 10:.0f} of 100 are",
    )  # fmt: skip


def employees(name: str) -> Fact:
    """Return what five points of employees' satisfaction, kept up, do to customers' and to what these bring."""
    content = content_of(name)
    twin = build(parse(content))
    plan = as_today(twin.chain).copy()
    training = twin.targets.levers.index("training")
    plan[:, :, :, training] = np.where(twin.targets.allowed[:, :, training], 0.04, 0.0)
    usual, trained = played(twin), played(twin, plan)
    gains = trained.employees[-1] - usual.employees[-1]
    points = float(np.nansum(trained.satisfaction[-1] - usual.satisfaction[-1]))
    year = int(PERIODS_PER_YEAR[twin.scenario.period])
    revenue = [h.revenue[-year:].sum() for h in (usual, trained)]
    return Fact(
        "Five points of employees bring 1.3 of customers and .5 % of revenue (Rucci, Kirn & Quinn 1998)", name,
        f"{gains:.1f} points of employees after {twin.scenario.periods} {twin.scenario.period}s bring {points:.1f} of "
        f"customers (2 in the long run are stated), and {revenue[1] / revenue[0] - 1:+.1%} of the last year's revenue",
    )  # fmt: skip


FACTS: tuple[Callable[[], Fact], ...] = (
    lambda: winning_and_keeping("bank", "campaign", "service"),
    lambda: winning_and_keeping("subscription", "acquisition", "retention"),
    lambda: five_points("bank"),
    lambda: five_points("subscription"),
    best_fifth,
    lambda: fourth_year("bank"),
    lambda: employees("service-profit"),
)


def page_of(facts: list[Fact]) -> str:
    """Return the page."""
    rows = [f"| {fact.told} | {fact.market} | {fact.found} |" for fact in facts]
    return HEAD + "\n".join([f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}", *rows]) + "\n"


def main() -> None:
    """Make the page anew."""
    PAGE.write_text(page_of([fact() for fact in FACTS]), encoding="utf-8")


if __name__ == "__main__":
    main()
