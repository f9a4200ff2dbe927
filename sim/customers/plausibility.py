"""What a customer base cannot be asked, said before laws are fitted to it: in words, with numbers."""

from datetime import date, timedelta

import numpy as np

from sim.customers.calibration import FEWEST_CUSTOMERS
from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase, PurchaseSummary

__all__ = ["amounts_by_frequency", "below_zero", "check_end", "check_repeats", "older_than_the_file"]

BLOCK = 28
"""Days over which new customers are counted."""
_BLOCKS = 6
_SILENCE = 3
_GOES_WITH = 0.2


def check_end(base: CustomerBase, end: date) -> tuple[str, ...]:
    """Return what to say of a last day after the data end.

    Raises
    ------
    PurchasesError
        If the weeks without data are so many that all customers would seem to have gone.
    """
    silent = (end - base.last_date).days
    usual = base.longest_pause()
    if silent <= usual:
        return ()
    what = (
        f"the last purchase is of {base.last_date}, {silent} days before {end}, and never before were there more than "
        f"{usual} days without one"
    )
    if silent > max(BLOCK, _SILENCE * usual):
        raise PurchasesError(
            f"`as_of={end}`: {what}; days without data would count as silence of all customers: choose a day until "
            f"{base.last_date}, or load newer files"
        )
    return (f"{what}: those days count as silence of all customers",)


def check_repeats(base: CustomerBase, summary: PurchaseSummary) -> None:
    """Raise where nobody bought on a second day, with the columns that were taken.

    Raises
    ------
    PurchasesError
        If no customer has a repeat purchase.
    """
    if summary.frequency.any():
        return
    column = base.columns["customer_id"]
    unused = next((note for note in base.notes if note.startswith("columns not used")), "no other column is there")
    raise PurchasesError(
        f"nobody bought on a second day until {summary.end}: each of the {len(summary):,} customers, column "
        f"{column!r}, has purchases on one day, so how often customers buy cannot be told; if "
        f"{column!r} is not the customer, say which column is (`customer=`): {unused}; otherwise use a longer period"
    )


def older_than_the_file(base: CustomerBase, end: date) -> tuple[tuple[str, ...], int]:
    """Return what to say of customers who are older than the file, and how many those are about.

    New customers come at some rate. Where many more are first seen in the first weeks than later, and their number
    falls from there, those had bought before the file begins.
    """
    days, counts = base.first_seen(end)
    if not len(days):
        return (), 0
    blocks = np.bincount(days // BLOCK, weights=counts)[: (int((end - base.first_date).days) + 1) // BLOCK]
    if len(blocks) < _BLOCKS:
        return (), 0
    usual = float(np.median(blocks[len(blocks) // 3 :]))
    if usual < 1 or blocks[0] < 2 * usual + 4 * np.sqrt(usual) or blocks[1] > 0.8 * blocks[0]:
        return (), 0
    settled = int(np.argmax(blocks <= 1.25 * usual + 2 * np.sqrt(usual)))
    older = round(float(np.maximum(blocks[:settled] - usual, 0).sum()))
    begin = base.first_date + timedelta(days=BLOCK * settled)
    return (
        f"about {older:,} of {int(counts.sum()):,} customers seem older than the file: {blocks[0]:,.0f} are first seen "
        f"in its first {BLOCK} days, later about {usual:,.0f} in as many; their first purchase in the file is not "
        f"their first: `start={begin}` fits laws to those won since",
    ), older


def amounts_by_frequency(summary: PurchaseSummary) -> tuple[float, tuple[str, ...]]:
    """Return the rank correlation of mean amount and number of repeat purchases, and what to say if it is not near 0.

    The gamma-gamma takes the two as independent.
    """
    from scipy import stats

    used = (summary.frequency > 0) & (summary.mean_spend > 0)
    spend = summary.mean_spend[used]
    if used.sum() < FEWEST_CUSTOMERS or not np.ptp(spend) or not np.ptp(summary.frequency[used]):
        return float("nan"), ()
    found = stats.spearmanr(summary.frequency[used], spend)
    correlation = float(found.statistic)
    if abs(correlation) < _GOES_WITH or found.pvalue > 0.001:
        return correlation, ()
    more, less = ("more", "too low") if correlation > 0 else ("less", "too high")
    return correlation, (
        f"amounts go with frequency (rank correlation {correlation:+.2f}), which the gamma-gamma law takes for "
        f"independent: customers who buy often spend {more} a purchase, so that what they are worth comes out {less}",
    )


def below_zero(summary: PurchaseSummary) -> tuple[str, ...]:
    """Return what to say of customers whose purchases brought less than nothing, as margins may."""
    brought = summary.purchases * summary.mean_amount_all
    loses = brought < 0
    if not loses.any():
        return ()
    return (
        f"{int(loses.sum()):,} customers brought less than nothing, {brought[loses].sum():,.2f} in all: the law of "
        "amounts knows none below zero, so that what is expected of them is too high; the list of who costs more than "
        "it brings names them",
    )
