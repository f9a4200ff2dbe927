"""A customer base on one page: who they are, worth, how they move and come back, and how good the data are."""

import datetime
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.report.base_page import base_page
from experiments.study.segments import laws_by_segment, own, segments_of, separation, worth_of
from sim.customers.calibration import at_the_edge, fit_gamma_gamma, fit_pareto_nbd
from sim.customers.plausibility import amounts_by_frequency, check_end, check_repeats, older_than_the_file
from sim.customers.portrait import Portrait, coming_back, concentration, migration
from sim.customers.worth import course_of, worth_by_class
from sim.errors import PurchasesError
from sim.files import check_output, write_text
from sim.purchases.base import CustomerBase
from sim.purchases.beside import newcomers
from sim.purchases.settle import without_ids

__all__ = ["BaseReport", "base_report"]

YEAR = datetime.timedelta(days=365)


@dataclass(frozen=True, eq=False)
class BaseReport:
    """The page of a base, and what it says."""

    portrait: Portrait
    path: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: figures of all, nobody's."""
        it = self.portrait
        moves = None if it.moves is None else it.moves.tolist()
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
            "migration": {"from": list(it.names), "to": list(it.names[:-1]), "customers": moves},
            "cohorts": [{"name": c.name, "customers": c.customers, "back": list(c.back)} for c in it.cohorts],
            "worth": [
                {key: None if value != value else value for key, value in asdict(each).items()} for each in it.worth
            ],
            "notes": list(it.remarks),
            "report": str(self.path),
        }


def base_report(
    base: str | Path,
    output: str | Path = "base.html",
    *,
    as_of: datetime.date | None = None,
    segments: str | None = None,
) -> BaseReport:
    """Write the page of a customer base, one file that needs no network and holds nobody's id.

    Parameters
    ----------
    as_of
        Last day to use; None: the last in the base.
    segments
        As for :func:`experiments.study.calibrate.calibrate`.

    Raises
    ------
    PurchasesError
        If the base does not identify the laws of buying.
    FolderError
        If there is no such base, or the page cannot be written.
    """
    output = Path(output)
    check_output(output, others=[Path(base)])
    found = CustomerBase.open(base)
    end = as_of or found.last_date
    remarks = check_end(found, end)
    now = found.summarise(end)
    check_repeats(found, now)
    laws, amounts = fit_pareto_nbd(now), fit_gamma_gamma(now)
    remarks += (*older_than_the_file(found, end)[0], *at_the_edge(laws, float(now.age.mean())),
                *at_the_edge(amounts), *amounts_by_frequency(now)[1])  # fmt: skip
    how, of_segments = own(segments, found, now, laws, amounts, output.parent)
    index, names = segments_of(how, found, now, laws, amounts, output.parent)
    mine, _, of_laws = laws_by_segment(segments, how, now, index, names, laws, amounts)
    worth = worth_of(now, mine, mine)
    moves, all_names = None, (*names, "")
    try:
        before = found.summarise(end - YEAR)
        then, _ = segments_of(how, found, before, laws, amounts, output.parent, like=now)
        all_names, moves = migration(before, then, now, index, names)
    except PurchasesError:
        remarks += ("how customers moved between segments is left out: nobody was a customer a year before",)
    portrait = Portrait(
        found, end, float(mine.probability_alive(now.frequency, now.recency, now.age).sum()), float(worth.sum()),
        separation(names, index, now, mine),
        concentration(np.asarray(now.purchases * now.mean_amount_all)),
        concentration(worth), all_names, moves, coming_back(found, end), newcomers(found, end),
        worth_by_class(tuple(names), index, now, mine, course_of(found, now)),
        (*map(without_ids, found.notes), *of_segments, *of_laws, *remarks),
    )  # fmt: skip
    write_text(output, base_page(portrait))
    return BaseReport(portrait, output)
