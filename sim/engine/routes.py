"""How the market acts on customers: the columns of the environment by group."""

import numpy as np

__all__ = [
    "NEUTRAL",
    "ROUTES",
    "TO_AWARE",
    "TO_DEFECTION",
    "TO_LEAVERS",
    "TO_LEAVE_BY_PRICE",
    "TO_RATE",
    "TO_RIVALS",
    "TO_SATISFIED",
    "TO_SPREAD",
    "TO_STAFF",
    "TO_TURNOVER",
    "TO_WIN_BY_PRICE",
    "TO_WON",
]

ROUTES = (
    "defection", "acquisition", "awareness", "purchase rate", "share of customer", "satisfaction", "turnover",
    "diffusion", "leavers", "staff", "our price and leaving", "our price and winning",
)  # fmt: skip
"""How the market acts: four multipliers, attraction of rivals in the logit, two shifts of chances, and a chance.

Then what multiplies the turnover of people of a kind, and what replacing employees costs a true customer; to what power
our price, against today's, multiplies the defection rate and divides the chance of winning.
"""
TO_DEFECTION, TO_WON, TO_AWARE, TO_RATE, TO_RIVALS, TO_SATISFIED, TO_TURNOVER, TO_SPREAD = range(8)
TO_LEAVERS, TO_STAFF, TO_LEAVE_BY_PRICE, TO_WIN_BY_PRICE = range(8, 12)
NEUTRAL = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
