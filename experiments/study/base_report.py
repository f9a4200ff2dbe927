"""A customer base on one page: who they are, worth, how they move and come back, and how good the data are."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.report.base_page import base_page
from experiments.study.segments import laws_by_segment, own, segments_of, separation, worth_of
from sim.arrays import Ints, Step, quiet
from sim.customers.calibration import GammaGamma, ParetoNBD, at_the_edge, fit_gamma_gamma, fit_pareto_nbd
from sim.customers.forward import expected_moves
from sim.customers.groups import LABELLED
from sim.customers.plausibility import amounts_by_frequency, below_zero, check_end, check_repeats, older_than_the_file
from sim.customers.portrait import Moves, Portrait, coming_back, concentration, migration
from sim.customers.profile import profile
from sim.customers.seldom import why_seldom
from sim.customers.worth import TIMINGS, course_of, worth_by_class
from sim.errors import InputError, PurchasesError
from sim.files import check_output, write_text
from sim.purchases.base import CustomerBase, PurchaseSummary, kept_open
from sim.purchases.beside import newcomers
from sim.purchases.known import brought_by, indirect_source, share_of_customer
from sim.purchases.settle import without_ids
from sim.scenario.customers import BaseSegments

__all__ = ["BaseReport", "base_report"]

YEAR = datetime.timedelta(days=365)
SILVER = "silver A"
"""The class of those who pay much and come seldom."""


@dataclass(frozen=True, eq=False)
class BaseReport:
    """The page of a base, and what it says."""

    portrait: Portrait
    path: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: figures of all, nobody's."""
        it = self.portrait
        moves = {
            key: None if each is None else each.tolist()
            for key, each in (
                ("customers", it.moves.actual),
                ("expected", it.moves.expected),
                ("ahead", it.moves.ahead),
            )
        }
        return {
            "customers": it.base.customers,
            "as_of": it.as_of.isoformat(),
            "alive": it.alive,
            "next_year": it.next_year,
            "segments": [
                {"name": name, "customers": heads, "p_alive": alive, "next_year": worth}
                for name, heads, alive, worth in it.separation.rows
            ],
            "between_segments": it.separation.between,
            "concentration": {
                key: {"gini": each.gini, "shares": [list(row) for row in each.rows]}
                for key, each in (("past", it.past), ("ahead", it.ahead))
            },
            "migration": {"from": list(it.moves.names), "to": list(it.moves.names[:-1]), **moves},
            "cohorts": [{"name": c.name, "customers": c.customers, "back": list(c.back)} for c in it.cohorts],
            "worth": [
                {key: None if value != value else value for key, value in asdict(each).items()}
                | {"for_ever": dict(zip(TIMINGS, each.for_ever, strict=True))}
                for each in it.worth
            ],
            "brought_by": it.brought_by,
            "seldom": None if it.seldom is None else it.seldom.counts(),
            "notes": list(it.remarks),
            "report": str(self.path),
        }


def base_report(
    base: str | Path,
    output: str | Path = "base.html",
    *,
    as_of: datetime.date | None = None,
    segments: str | None = None,
    progress: Step = quiet,
) -> BaseReport:
    """Write the page of a customer base, one file that needs no network and holds nobody's id.

    Parameters
    ----------
    as_of
        Last day to use; None: the last in the base.
    segments
        As for :func:`experiments.study.calibrate.calibrate`.
    progress
        Is told how far the work is.

    Raises
    ------
    PurchasesError
        If the base does not identify the laws of buying.
    FolderError
        If there is no such base, or the page cannot be written.
    """
    output = Path(output)
    check_output(output, others=[Path(base)])
    with kept_open(Path(base)):
        portrait = _portrait(CustomerBase.open(base), as_of, segments, output.parent, progress)
    write_text(output, base_page(portrait))
    return BaseReport(portrait, output)


def _portrait(
    found: CustomerBase, as_of: datetime.date | None, segments: str | None, folder: Path, progress: Step
) -> Portrait:
    """Return what the page says of a base; ``folder``: where files of segments are looked for."""
    end = as_of or found.last_date
    remarks = check_end(found, end)
    progress("make records of purchases")
    now = found.summarise(end)
    check_repeats(found, now)
    progress("fit the laws of buying")
    laws, amounts = fit_pareto_nbd(now), fit_gamma_gamma(now)
    remarks += (*older_than_the_file(found, end)[0], *at_the_edge(laws, float(now.age.mean())),
                *at_the_edge(amounts), *amounts_by_frequency(now)[1], *below_zero(now))  # fmt: skip
    how, of_segments = own(segments, found, now, laws, amounts, folder)
    index, names = segments_of(how, found, now, laws, amounts, folder)
    mine, _, of_laws = laws_by_segment(segments, how, now, index, names, laws, amounts)
    worth = worth_of(now, mine, mine)

    def place(record: PurchaseSummary) -> Ints:
        return segments_of(how, found, record, laws, amounts, folder, like=now)[0]

    progress("draw where customers go")
    moves, of_moves = _moves(found, now, index, names, (laws, amounts), place, how)
    try:
        source: str | None = indirect_source(found)
    except InputError:
        source = None
    brings = None if source is None else brought_by(found, now, source)
    silver = np.flatnonzero(index == names.index(SILVER)) if how is None else np.zeros(0, dtype=np.int64)
    progress("count what customers did")
    return Portrait(
        found, end, float(mine.probability_alive(now.frequency, now.recency, now.age).sum()), float(worth.sum()),
        separation(names, index, now, mine),
        concentration(np.asarray(now.purchases * now.mean_amount_all)),
        concentration(worth), moves, coming_back(found, end), newcomers(found, end),
        worth_by_class(tuple(names), index, now, mine, course_of(found, now), brings, share_of_customer(found, now)[1]),
        profile(found, now, worth), source,
        why_seldom(found, now, silver) if silver.size else None,
        (*map(without_ids, found.notes), *of_segments, *of_laws, *remarks, *of_moves),
    )  # fmt: skip


def _moves(
    base: CustomerBase, now: PurchaseSummary, index: Ints, names: Sequence[str], laws: tuple[ParetoNBD, GammaGamma],
    place: Callable[[PurchaseSummary], Ints], how: BaseSegments | None,
) -> tuple[Moves, tuple[str, ...]]:  # fmt: skip
    """Return how customers moved in a year, as it was and as expected, and are expected to move, and what to say."""
    weeks, made = YEAR.days / 7, how is None or how.by not in LABELLED
    ahead = expected_moves(now, index, laws, weeks, place, len(names)) if made else None
    notes = () if made else ("segments are not made of what was bought: where customers will be is not forecast",)
    try:
        before = base.summarise(now.end - YEAR)
    except PurchasesError:
        what = "how customers moved between segments is left out: nobody was a customer a year before"
        return Moves((*names, ""), None, None, ahead), (*notes, what)
    then = place(before)
    all_names, actual = migration(before, then, now, index, names)
    if not made:
        return Moves(all_names, actual, None, None), notes
    try:
        known = fit_pareto_nbd(before), fit_gamma_gamma(before)
    except PurchasesError as error:
        what = f"where customers were expected to be by now is left out, as a year ago too little was known: {error}"
        return Moves(all_names, actual, None, ahead), (what,)
    return Moves(all_names, actual, expected_moves(before, then, known, weeks, place, len(names)), ahead), ()
