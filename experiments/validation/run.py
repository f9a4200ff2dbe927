"""Every published result worked out anew: what was published, what this installation computes, whether they agree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.validation import contracts, markets
from sim.arrays import Step, quiet
from sim.customers.published import CDNOW_SOURCE, PUBLISHED_CDNOW, PublishedFigure, cdnow_figures
from sim.errors import InputError
from sim.purchases.base import CDNOW_PURCHASES, CustomerBase

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STUDIES", "Study", "Validated", "Validation", "validate"]


@dataclass(frozen=True)
class Study:
    """A publication's figures, and what computes them; ``slow``: takes more than ten seconds."""

    name: str
    source: str
    figures: tuple[PublishedFigure, ...]
    compute: Callable[[], Mapping[str, float]]
    slow: bool = False


def _cdnow() -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return cdnow_figures(CustomerBase.create(Path(folder) / "base.duckdb", CDNOW_PURCHASES))


STUDIES = (
    Study("CDNOW purchases", CDNOW_SOURCE, PUBLISHED_CDNOW, _cdnow),
    Study(
        "customer equity test", "Blattberg & Deighton, Harvard Business Review 74(4), 1996; Pfeifer, Journal of "
        "Targeting 13(2), 2005: found by the optimiser", markets.EQUITY, markets.equity_figures,
    ),
    Study(
        "recency chain", "Pfeifer & Carraway, Journal of Interactive Marketing 14(2), 2000", markets.RECENCY,
        markets.recency_figures,
    ),
    Study(
        "recency chain, best mail", "Pfeifer & Carraway, Journal of Interactive Marketing 14(2), 2000: found by the "
        "optimiser", markets.OPTIMAL_MAIL, markets.mail_figures, slow=True,
    ),
    Study(
        "brand switching", "Rust, Lemon & Zeithaml, Journal of Marketing 68(1), 2004", markets.BRANDS,
        markets.brand_figures,
    ),
    Study(
        "contracts", "Fader & Hardie, Journal of Interactive Marketing 21(1), 2007: years 1 to 7 fitted",
        contracts.CONTRACTS, contracts.contract_figures,
    ),
    Study(
        "donations", "Fader, Hardie & Shang, Marketing Science 29(6), 2010", contracts.DONATIONS,
        contracts.donation_figures,
    ),
    Study(
        "closed forms of retention", "Gupta & Lehmann, Journal of Interactive Marketing 17(1), 2003; Berger & Nasr, "
        "Journal of Interactive Marketing 12(1), 1998", markets.CLOSED_FORMS, markets.closed_form_figures,
    ),
)  # fmt: skip
"""In the order in which they are shown."""


@dataclass(frozen=True)
class Validated:
    """One figure: ``published`` and ``computed``, how far apart they may be, and whether they agree.

    A figure that is both printed and recomputed elsewhere must round to the first and be near the second.
    """

    study: str
    source: str
    name: str
    published: float
    computed: float
    tolerance: float
    ok: bool
    printed: str

    @property
    def difference(self) -> float:
        """Return computed less published."""
        return self.computed - self.published


@dataclass(frozen=True)
class Validation:
    """All figures that were asked for, in their order; ``left`` names studies that were not."""

    rows: tuple[Validated, ...]
    left: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Return whether every figure agrees."""
        return all(row.ok for row in self.rows)

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain data: name, published, computed, tolerance, ok of each."""
        return [
            {
                "name": f"{row.study}: {row.name}", "published": row.published, "computed": row.computed,
                "tolerance": row.tolerance, "ok": row.ok,
            }
            for row in self.rows
        ]  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Return one row a figure, as :meth:`to_list`."""
        import pandas as pd

        return pd.DataFrame(self.to_list())


def validate(*studies: str, slow: bool = False, progress: Step = quiet) -> Validation:
    """Return published results beside what is computed here, through the laws, the twin and the optimiser.

    Parameters
    ----------
    studies
        Names of :data:`STUDIES`; none: all but the slow ones.
    slow
        Whether slow ones are computed too where none is named.
    progress
        Called with the name of each; returns what is called with the fraction done.

    Raises
    ------
    InputError
        If a name is none of theirs.

    Examples
    --------
    >>> found = tenure.validate("brand switching")
    >>> found.ok, f"{found.rows[0].computed:.3f}"
    (True, '78.867')
    """
    names = [study.name for study in STUDIES]
    for name in studies:
        if name not in names:
            raise InputError(f"'{name}': no such study; expected one of {'; '.join(names)}")
    chosen = [each for each in STUDIES if (each.name in studies if studies else slow or not each.slow)]
    rows = []
    for study in chosen:
        done = progress(study.name)
        computed = study.compute()
        rows += [
            Validated(
                study.name, study.source, each.key, each.published, computed[each.key], each.tolerance,
                each.agrees(computed[each.key]), each.printed or each.recomputed,
            )
            for each in study.figures
        ]  # fmt: skip
        done(1.0)
    left = () if studies else tuple(each.name for each in STUDIES if each not in chosen)
    return Validation(tuple(rows), left)
