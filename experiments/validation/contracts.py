"""Published figures of customers under contract and of donors, and how they are computed here.

Sources: Fader & Hardie, Journal of Interactive Marketing 21(1), 2007 (survival by year); Fader, Hardie & Shang,
Marketing Science 29(6), 2010 (donations).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from sim.customers.discrete_models import fit_bg_bb, fit_sbg
from sim.customers.published import PublishedFigure

__all__ = [
    "CONTRACTS", "DONATIONS", "DONORS", "HIGH_END", "REGULAR", "contract_figures", "contracts", "donation_figures",
]  # fmt: skip

HIGH_END = (86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4)
REGULAR = (63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3)
"""Per cent that survive each year (Fader & Hardie 2007, table 1)."""
FITTED_YEARS = 7
DONORS = {
    (6, 6): 1203, (5, 6): 728, (4, 6): 512, (3, 6): 357, (2, 6): 234, (1, 6): 129, (5, 5): 335, (4, 5): 284,
    (3, 5): 225, (2, 5): 173, (1, 5): 119, (4, 4): 240, (3, 4): 181, (2, 4): 155, (1, 4): 78, (3, 3): 322,
    (2, 3): 255, (1, 3): 129, (2, 2): 613, (1, 2): 277, (1, 1): 1091, (0, 0): 3464,
}  # fmt: skip
"""Donors by frequency and recency over six years (Fader, Hardie & Shang 2010, table 1)."""

CONTRACTS = (
    PublishedFigure("high end: alpha", ".668", ".668", relative=0.002),
    PublishedFigure("high end: beta", "3.806", "3.806", relative=0.002),
    PublishedFigure("high end: log-likelihood", "-1611.2", "-1611.2", absolute=0.05),
    PublishedFigure("regular: alpha", ".704", ".704", relative=0.002),
    PublishedFigure("regular: beta", "1.182", "1.182", relative=0.002),
)
DONATIONS = (
    PublishedFigure("alpha", "1.204", "1.204", relative=0.002),
    PublishedFigure("beta", ".750", ".750", relative=0.002),
    PublishedFigure("gamma", ".657", ".657", relative=0.002),
    PublishedFigure("delta", "2.783", "2.783", relative=0.002),
    PublishedFigure("log-likelihood", "-33225.6", "-33225.6", absolute=0.05),
    PublishedFigure("donations to come of who gave in all six years", "3.75"),
    PublishedFigure("donations to come of who never gave again", ".07"),
)


def contracts(survival: Sequence[float], years: int) -> tuple[list[int], list[int], list[float]]:
    """Return age, whether ended, and how many of 1,000."""
    alive = [1000.0, *(10 * each for each in survival[:years])]
    age: list[int] = []
    ended: list[int] = []
    count: list[float] = []
    for t in range(years):
        age, ended, count = [*age, t], [*ended, 1], [*count, alive[t] - alive[t + 1]]
    return [*age, years], [*ended, 0], [*count, alive[years]]


def contract_figures() -> Mapping[str, float]:
    """Return the shifted beta-geometric laws of both segments, fitted to the first years."""
    found: dict[str, float] = {}
    for name, survival in (("high end", HIGH_END), ("regular", REGULAR)):
        age, ended, count = contracts(survival, FITTED_YEARS)
        law = fit_sbg(age, ended, count)
        fit = float(np.array(count) @ law.log_likelihood(age, ended))
        found |= {f"{name}: alpha": law.a, f"{name}: beta": law.b, f"{name}: log-likelihood": fit}
    return found


def donation_figures() -> Mapping[str, float]:
    """Return the beta-geometric/beta-binomial law of the donors."""
    x, t_x = np.array(list(DONORS)).T
    count = list(DONORS.values())
    law = fit_bg_bb(x, t_x, 6, count)
    return {
        **dict(zip(("alpha", "beta", "gamma", "delta"), vars(law).values(), strict=True)),
        "log-likelihood": float(np.array(count) @ law.log_likelihood(x, t_x, 6)),
        "donations to come of who gave in all six years": float(law.conditional_expected_purchases(5, 6, 6, 6)),
        "donations to come of who never gave again": float(law.conditional_expected_purchases(5, 0, 0, 6)),
    }
