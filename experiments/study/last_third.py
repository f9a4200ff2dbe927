"""How laws fitted to the first two thirds of a history forecast the last one."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from experiments.study.found_segments import Place
from experiments.study.segments import segments_of
from sim.customers.calibration import GammaGamma, Holdout, ParetoNBD, fit_gamma_gamma, fit_pareto_nbd, holdout
from sim.customers.held_out import HeldOut, held_out
from sim.customers.segment_laws import fit_by_segment
from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.scenario.customers import BaseSegments

__all__ = ["first_part", "forecast_of_the_rest"]

HELD_OUT = 1 / 3
"""Last part of the span, kept away from a second fit whose forecast is then checked on it."""
FirstPart = tuple[PurchaseSummary, ParetoNBD, GammaGamma]
"""Records until the last third begins, and their laws."""


def first_part(base: CustomerBase, end: datetime.date, start: datetime.date | None) -> FirstPart | None:
    """Return the records until the last third begins and their laws; None where these are too few for it."""
    begin = max(base.first_date, start) if start else base.first_date
    middle = end - datetime.timedelta(days=round((end - begin).days * HELD_OUT))
    try:
        early = base.summarise(middle, start=start)
        return early, fit_pareto_nbd(early), fit_gamma_gamma(early)
    except PurchasesError:
        return None


def forecast_of_the_rest(
    base: CustomerBase, end: datetime.date, first: FirstPart | None,
    how: BaseSegments | None, folder: Path, apart: bool, place: Place | None = None,
) -> tuple[Holdout | None, HeldOut | None, HeldOut | None]:  # fmt: skip
    """Forecast the rest from the first part; None where the history is too short or too thin for it.

    Where segments have laws ``apart``, theirs are fitted anew, and the forecast of one law for all stands third.
    ``place`` tells segments that a file holds as of today by what was known then: who is in a group by what was bought
    in the held-out weeks tells nothing of a forecast.
    """
    if first is None:
        return None, None, None
    early, laws, amounts = first
    try:
        check = holdout(laws, base, early, end)
        names: Sequence[str]
        if how is not None and place is not None:
            index, names = place(early, laws, amounts), how.names
        else:
            index, names = segments_of(how, base, early, laws, amounts, folder)
        alike = held_out(laws, amounts, base, early, end, index, names)
        if not apart:
            return check, alike, None
        own, _ = fit_by_segment(early, index, names, laws, amounts)
        return check, held_out(own, own, base, early, end, index, names), alike
    except PurchasesError:
        return None, None, None
