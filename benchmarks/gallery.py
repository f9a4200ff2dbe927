"""The gallery, docs/gallery.md: what each example teaches, and its plan against the rules of spending set in advance.

Run ``python -m benchmarks.gallery [EXAMPLE ...]`` from the repository root; with examples named, only theirs are made
anew. Each market is played five times, every policy on the same customers with the same luck. The plan's lead over a
rule is a mean of paired differences, its interval Student's, widened so that all rules of an example hold at once
(Bonferroni: one chance in twenty that any of them is missed). Rules that break the scenario's rules, and policies that
react to what they see, are left out. Exit code 1 where a rule beats a plan beyond that interval.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import t

import tenure
from policies.catalogue import named, names
from sim.arrays import Floats

__all__ = ["TAUGHT", "Row", "main", "page_of", "row_of", "rows_of"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
REPLICATIONS, SEED = 5, 1
TAUGHT = {
    "advisers": "Ties to whom: managers, experts, or the knowledge of all in files?",
    "bank": "What a year more is worth: service for those who are kept, or money for new ones?",
    "campaigns": "Which of several campaigns, when, and how large?",
    "categories": "Who buys little here: sell one more category, or win what is bought elsewhere?",
    "coffee-box": "How cheap a first box, if that wins who takes small ones, and what keeps subscribers?",
    "donors": "Letters to those who gave before, or to a bought list?",
    "helpers": "Better wages for those who serve, or adverts for new customers?",
    "hotel": "A booking site keeps its part and a rival cuts: own site, own price, or adverts, and for whom?",
    "letters": "How often to write, when letters tire and some of what they sell would have been bought later?",
    "links": "How many people should know a customer before one of them leaves?",
    "loss-makers": "Customers who cost more than they bring: serve them less, charge them, or let them go?",
    "perfumery": "Whom to invite into the club, if rewards cost money and members stay?",
    "planning": "Which rules of a plan cost most?",
    "price": "A rival cuts prices: follow, for whom and how deep, or call before contracts end?",
    "prospects": "Who is worth winning, if nobody can be told apart before?",
    "recency-chain": "When to stop writing to somebody who no longer buys?",
    "recommendations": "Whom to recommend books to, if those hardly known take most for noise?",
    "rivals": "Hold the share against a discounter, or let it go?",
    "service-profit": "Do employees who are content pay for themselves?",
    "start-up": "How much, how early, to win the first who bring the others?",
    "subscription": "What to spend on winning and on keeping a subscriber?",
    "thresholds": "A little everywhere does nothing: where first, and where never?",
    "word-of-mouth": "What is a guest worth who tells others?",
}
"""The decision that each example teaches, by folder."""

HEAD = """# Gallery

What each example teaches, and what its plan is worth beside the rules of spending that firms use.
`python -m benchmarks.gallery` makes this page anew: five markets an example, every policy on the same customers with
the same luck, with the money and the rules of the scenario. *Ahead* is the plan less the best rule that is set in
advance and keeps the scenario's rules, with an interval that holds for all of them at once, at 95 %. Rules of spending
leave prices, fees and service as today; where a plan may move these (coffee-box, hotel, loss-makers, price), that is
part of its lead, and of the last two most.

"""
COLUMNS = ("Example", "The decision", "Money", "No spend", "As today", "The plan", "Best rule", "Ahead")


@dataclass(frozen=True)
class Row:
    """An example's row: customer assets by policy, and the plan's lead over the best rule with its interval."""

    name: str
    currency: str
    budget: float
    nothing: float
    today: float
    plan: float
    rule: str
    lead: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the row of the table."""
        money = [f"{each:,.0f}" for each in (self.budget, self.nothing, self.today, self.plan)]
        money[0] = f"{money[0]} {self.currency}".rstrip()
        cells = [f"[{self.name}](../examples/{self.name})", TAUGHT[self.name], *money, self.rule]
        return f"| {' | '.join(cells)} | {self.lead:+,.0f} ({self.low:+,.0f} to {self.high:+,.0f}) |"


def all_at_once(differences: Floats) -> tuple[Floats, Floats]:
    """Return mean and half width of intervals of ``differences[rule, replication]`` that hold at once, at 95 %.

    >>> mean, half = all_at_once(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]))
    >>> mean.tolist(), [round(float(each), 2) for each in half]
    ([2.0, 0.0], [3.58, 0.0])
    """
    rules, number = differences.shape
    error = differences.std(axis=1, ddof=1) / np.sqrt(number)
    return differences.mean(axis=1), float(t.ppf(1 - 0.025 / rules, number - 1)) * error


def row_of(name: str) -> Row:
    """Return an example's row."""
    firm = tenure.open(ROOT / "examples" / name / "scenario.yaml")
    plan = firm.optimize()
    in_advance = [name for name in names() if not getattr(named(name, firm.twin, firm.budget), "feedback", True)]
    found = firm.compare([*in_advance, plan], replications=REPLICATIONS, seed=SEED, samples=0)
    best = found["plan"]
    rules = [each for each in found.outcomes if each.name != "plan" and not each.broken]
    mean, half = all_at_once(np.array([best.assets - each.assets for each in rules]))
    least = int(mean.argmin())
    return Row(
        name, firm.scenario.currency, found.budget, found["no spend"].asset, found["as today"].asset, best.asset,
        rules[least].name, float(mean[least]), float((mean - half)[least]), float((mean + half)[least]),
    )  # fmt: skip


def page_of(rows: dict[str, str]) -> str:
    """Return the page with rows by example, and which examples it lacks."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}", *(rows[name] for name in sorted(rows))]
    lacking = [name for name in TAUGHT if name not in rows]
    lines += ["", f"Not played on this page: {', '.join(lacking)}."] if lacking else []
    return HEAD + "\n".join(lines) + "\n"


def rows_of(page: str) -> dict[str, str]:
    """Return the rows of a page by example."""
    return {line[3 : line.index("]")]: line for line in page.splitlines() if line.startswith("| [")}


def main(examples: list[str]) -> int:
    """Make the page anew, row by row, and say which rules beat a plan."""
    rows = rows_of(PAGE.read_text(encoding="utf-8")) if examples and PAGE.is_file() else {}
    beaten = 0
    for name in examples or TAUGHT:
        row = row_of(name)
        rows[name] = str(row)
        beaten += row.high < 0
        print(row, flush=True)
        PAGE.write_text(page_of(rows), encoding="utf-8")
    return int(beaten > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
