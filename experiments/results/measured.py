"""What each measure brought, as a result: effects with intervals, and the scenario updated from them."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import experiments.measure
from experiments.results.shown import Decided, Table
from experiments.told import Told
from experiments.words.measure import effects_table, measured_answer, measured_text
from sim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame

    from experiments.results.learned import Learned
    from experiments.tracking.call import Call
    from sim.twin import Twin

__all__ = ["Measured"]

MEASURED = "what was measured"
"""Name of the evidence that is learned from, in place of a file's."""


@dataclass(frozen=True, eq=False, repr=False)
class Measured(Decided, Told, experiments.measure.Measured):
    r"""What each measure brought against the control group, plan against outcome, and evidence on curves.

    Examples
    --------
    >>> from pathlib import Path
    >>> mine = tenure.open(tenure.calibrate("orders.csv", "measured.yaml").scenario_path)
    >>> mine.customer_list(control=0.3).save("listed.csv")
    >>> _ = Path("since.csv").write_text(Path("orders.csv").read_text() + "0;2025-09-01;9\n")
    >>> found = mine.measure(None, "listed.csv", "since.csv")
    >>> found.effects[0].segment, len(found.outcome) > 0
    ('all', True)
    """

    learning: Callable[..., Learned] = field(kw_only=True)
    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return what each measure brought."""
        return measured_answer(self)

    def shown_table(self) -> Table:
        """Return every measure by segment."""
        return effects_table(self)

    def to_text(self) -> str:
        """Return what people read."""
        return measured_text(self)

    def figures(self) -> dict[str, float]:
        """Return what each measure brought in each segment, with its interval, and what it cost."""
        return {
            f"{name}/{each.measure}/{each.segment}": value
            for each in self.effects
            for name, value in (
                ("brings", each.brings), ("brings_low", each.low), ("brings_high", each.high), ("spent", each.spent)
            )
        }  # fmt: skip

    def to_frame(self) -> DataFrame:
        """Return one row per measure and segment."""
        from pandas import DataFrame

        return DataFrame([{**asdict(each), "a_unit": each.a_unit, "net": each.net} for each in self.effects])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "first": str(self.first), "last": str(self.last), "periods": self.periods,
            "effects": [{**asdict(each), "a_unit": each.a_unit, "net": each.net} for each in self.effects],
            "outcome": [
                {"segment": name, "planned": planned, "came": came} for name, planned, came in self.outcome
            ],
            "evidence": len(self.evidence), "notes": list(self.notes),
        }  # fmt: skip

    def learn(self) -> Learned:
        """Return the scenario with its curves as the measures moved them.

        Raises
        ------
        InputError
            If nothing measured tells a curve, or less came with more money.
        """
        if not self.evidence:
            raise InputError(
                "nothing that was measured tells a curve of the scenario, so that there is nothing to learn"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "measured.csv"
            experiments.measure.write_evidence(self, path)
            try:
                learned = self.learning(path)
            except InputError as error:
                raise InputError(str(error).replace(str(path), MEASURED)) from None
        return replace(learned, notes=tuple(note.replace(str(path), MEASURED) for note in learned.notes))
