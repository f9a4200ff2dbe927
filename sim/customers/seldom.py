"""Why customers who pay much come seldom (silver A): a narrow range, buying elsewhere, or no time.

Three signs, each from data of its own, each with what it is measured against:

- *buys elsewhere*: its share of customer, as the firm's own column has it, is below one half;
- *narrow range*: of customers with about as many purchases, fewer than a third buy in fewer categories;
- *no time*: neither, both known, and its intervals are more even than chance makes them: the sum of their squared
  shares is Greenwood's (1946), whose law under purchases at random times is that of ``m`` exponentials over their sum.

What the data do not hold leaves the cause open, and that is said.
"""

from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats, Ints
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.known import share_of_customer

__all__ = ["CAUSES", "OPEN", "Seldom", "why_seldom"]

CAUSES = ("buys elsewhere", "narrow range", "no time")
OPEN = "cannot be told"
HALF, THIRD = 0.5, 1 / 3
EVEN, FEWEST = 0.1, 3
"""Chance below which intervals are more even than by chance, and how many of them tell it."""
DRAWS = 4_000


@dataclass(frozen=True, eq=False)
class Seldom:
    """The signs of each customer asked about.

    Attributes
    ----------
    who : (asked,)
        Their places in the records.
    share : (asked,)
        Share of customer; nan: not known. ``share_column``: what says it, None: nothing does.
    categories, usual : (asked,)
        Bought, and in the mean by customers with about as many purchases; nan: not known.
    fewer : (asked,)
        Share of those who buy in fewer categories, of as many half.
    interval : (asked,)
        Mean weeks between purchases; nan with one.
    chance : (asked,)
        That purchases at random times are as even; nan with fewer than three intervals.
    cause : tuple of str
        One or several of :data:`CAUSES`, or :data:`OPEN` with what is missing.
    """

    who: Ints
    share: Floats
    share_column: str | None
    categories: Floats
    usual: Floats
    fewer: Floats
    interval: Floats
    chance: Floats
    cause: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Return how many have each cause, :data:`OPEN` last; who has two counts in both."""
        found = {name: sum(name in cause.split(", ") for cause in self.cause) for name in CAUSES}
        return {**found, OPEN: sum(cause.startswith(OPEN) for cause in self.cause)}


def why_seldom(base: CustomerBase, record: PurchaseSummary, who: Ints) -> Seldom:
    """Return why customers come seldom; ``who``, (asked,): their places in the records."""
    column, share = share_of_customer(base, record)
    categories, usual, fewer = _range(base, record)
    interval, chance = _intervals(base, record, who)
    cause = tuple(_cause(float(share[at]), float(fewer[at]), float(chance[i])) for i, at in enumerate(who.tolist()))
    return Seldom(who, share[who], column, categories[who], usual[who], fewer[who], interval, chance, cause)


def _cause(share: float, fewer: float, chance: float) -> str:
    """Return the causes whose signs show, or what is missing; nan: not known."""
    found = []
    if share < HALF:
        found.append(CAUSES[0])
    if fewer < THIRD:
        found.append(CAUSES[1])
    if share >= HALF and fewer >= THIRD and chance <= EVEN:
        found.append(CAUSES[2])
    if found:
        return ", ".join(found)
    lacks = ["share of customer not known"] if share != share else []
    lacks += ["categories not known"] if fewer != fewer else []
    lacks += ["too few purchases"] if chance != chance else []
    return f"{OPEN}: {', '.join(lacks)}" if lacks else f"{OPEN}: none of the signs shows"


def _range(base: CustomerBase, record: PurchaseSummary) -> tuple[Floats, Floats, Floats]:
    """Return categories bought, those of customers with as many purchases, and the share of these with fewer."""
    number = np.full(len(record), np.nan)
    has = base.query("SELECT column_name FROM duckdb_columns() WHERE table_name = 'purchases'")[1]
    column = next((name for name in ("category", "product") if (name,) in has), None)
    if column is None:
        return number, number.copy(), number.copy()
    found = dict(base.query(
        f"SELECT CAST(customer_id AS VARCHAR), count(DISTINCT {column}) FROM purchases "
        f"WHERE date <= DATE '{record.end}' AND {column} IS NOT NULL GROUP BY ALL"
    )[1])  # fmt: skip
    number = np.array([found.get(str(each), np.nan) for each in record.customer_id.tolist()], dtype=np.float64)
    usual, fewer = np.full((2, len(record)), np.nan)
    alike = np.floor(2 * np.log2(record.purchases)).astype(np.int64)  # 1, 2, 3, 4 to 5, 6 to 7, 8 to 11, ...
    for group in np.unique(alike):
        own = (alike == group) & ~np.isnan(number)
        ranked = np.sort(number[own])
        if ranked.size:
            usual[own] = ranked.mean()
            below, above = (np.searchsorted(ranked, number[own], side) for side in ("left", "right"))
            fewer[own] = (below + above) / (2 * ranked.size)
    return number, usual, fewer


def _intervals(base: CustomerBase, record: PurchaseSummary, who: Ints) -> tuple[Floats, Floats]:
    """Return the mean weeks between purchases, and the chance that random ones are as even."""
    rows = base.query(
        f"""
        WITH days AS (SELECT DISTINCT customer_id, date FROM purchases WHERE date <= DATE '{record.end}'),
        between AS (SELECT customer_id, date - lag(date) OVER (PARTITION BY customer_id ORDER BY date) AS days
                    FROM days)
        SELECT CAST(customer_id AS VARCHAR), count(days), sum(days), sum(days * days) FROM between GROUP BY ALL
        """
    )[1]
    found = {each: facts for each, *facts in rows}
    facts = np.array(
        [[float(x or 0) for x in found.get(str(record.customer_id[i]), (0, 0, 0))] for i in who.tolist()]
    ).reshape(-1, 3)
    number, days, squares = facts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        interval, greenwood = np.where(number > 0, days / number / 7, np.nan), squares / days**2
    chance = np.full(len(who), np.nan)
    random = np.random.default_rng(0)  # the law is what is wanted: the same draws for all
    for m in np.unique(number[number >= FEWEST]).astype(np.int64):
        drawn = random.exponential(size=(DRAWS, m))
        law = np.sort(((drawn / drawn.sum(axis=1, keepdims=True)) ** 2).sum(axis=1))
        own = number == m
        chance[own] = np.searchsorted(law, greenwood[own], "right") / DRAWS
    return interval, chance
