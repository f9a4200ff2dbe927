"""The answer to a budget over response curves from elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optimizer.curves.result
from experiments.results.shown import Decided, Table, drawn
from experiments.terminal.allocate import amount
from experiments.tracking.call import Call
from experiments.words.phrases import at_most, number_at_least
from sim.errors import FolderError, first_line
from sim.files import check_output, save_book, write_file, write_table, write_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["ALLOCATION_FILES", "CurveAllocation"]

ALLOCATION_FILES = (".csv", ".json", ".xlsx")
"""Endings of files that hold an allocation."""


@dataclass(frozen=True, eq=False, repr=False)
class CurveAllocation(Decided, optimizer.curves.result.CurveAllocation):
    """Spend by channel and period, with its bound, its prices and the rules that bind.

    Attributes
    ----------
    currency : str
        As the rules say.

    Examples
    --------
    >>> split = tenure.allocate("curves.csv", budget=300)
    >>> split.status
    'optimal'
    >>> split.to_frame().columns.tolist()
    ['channel', 'period', 'spend', 'effective_spend', 'response']
    >>> split.save("split.csv")
    >>> least = tenure.allocate("curves.csv", reach=("response", 250))
    >>> least.goal
    'least_budget'
    """

    currency: str = field(default="", kw_only=True)
    asked: Call | None = field(default=None, kw_only=True, compare=False)

    def answer(self) -> str:
        """Return what the plan spends and brings, and how far from the best it can be."""
        if self.conflict is not None:
            return f"No plan: {self.conflict.in_words()}."
        spent, unit = float(self.spend.sum()), f" {self.currency}".rstrip()
        if self.goal == "least_budget":
            said = f"The least budget for a response of {self.target:,.7g} is {amount(self.budget)}{unit}"
            if self.status == "optimal":
                return f"{said}; proven: no plan needs less."
            return f"{said} or less; no plan does with less than {number_at_least(self.least_budget, 6)}{unit}."
        said = f"The plan spends {amount(spent)}{unit} of {amount(self.budget)}{unit} for a response of "
        said += f"{self.value:,.6g}, {self.value - self.base:,.6g} more than without spend"
        if self.status == "optimal":
            return f"{said}; proven optimal."
        return f"{said}; it may lack {at_most(self.gap)} of the possible lift."

    def shown_table(self) -> Table:
        """Return spend by channel and period."""
        if not self.spend.size:
            return (), ()
        rows = [
            [channel, *(amount(x) if x else "." for x in self.spend[c]), amount(float(self.spend[c].sum()))]
            for c, channel in enumerate(self.channels)
        ]
        rows.append(["all", *(amount(float(x)) for x in self.spend.sum(axis=0)), amount(float(self.spend.sum()))])
        return ["channel", *self.periods, "all periods"], rows

    def notes(self) -> str:
        """Return what of the curves is not used, or is unusual."""
        return "".join(f"{remark[0].upper()}{remark[1:]}. " for remark in self.remarks).rstrip()

    def plot(self) -> Figure:
        """Return spend by period, stacked by channel."""
        from experiments.report import charts

        return drawn(charts.spend_by_channel(list(self.channels), list(self.periods), self.spend, self.currency))

    def save(self, path: str | Path) -> None:
        """Write the plan as CSV, JSON or a workbook, by the ending of ``path``.

        Raises
        ------
        InputError
            If the ending is none of .csv, .json and .xlsx.
        FolderError
            If it cannot be written.
        """
        path = Path(path)
        check_output(path, ALLOCATION_FILES)
        if path.suffix == ".json":
            write_text(path, self.to_json())
        elif path.suffix == ".csv":
            write_table(path, self.to_frame())
        else:
            write_file(path, lambda part: self._write_workbook(part, path.name))

    def _about(self) -> list[list[Any]]:
        """Return rows of all that is known of the plan: figures, rules, money carried in and out, remarks."""
        least = self.goal == "least_budget"
        keys = ["status", "termination", "goal", "budget", "value", "gap", "unspent"]
        keys += ["target", "least_budget", "target_price", "target_price_left"] if least else ["bound", "shadow_price"]
        price = "money saved by unit of the limit" if least else "price: d(value)/d(limit)"
        rows = [[key.replace("_", " "), _cell(getattr(self, key))] for key in keys]
        rows += [[], ["binding rule", "limit", price]]
        rows += [[rule.rule, rule.limit, rule.price] for rule in self.binding]
        if self.before:
            rows += [[], ["spent before the first period, in the order of time"]]
            rows += [[channel, *money] for channel, money in self.before.items()]
        if self.after.any():
            rows += [[], ["response beyond the last period"]]
            rows += [list(each) for each in zip(self.channels, self.after.tolist(), strict=True)]
        return rows + ([[], ["notes"]] if self.remarks else []) + [[remark] for remark in self.remarks]

    def _write_workbook(self, part: Path, name: str) -> None:
        """Write sheets of spend, channel by period, of all figures, and of value, bound, prices and rules."""
        import openpyxl
        from openpyxl.styles import Font
        from openpyxl.utils.exceptions import IllegalCharacterError

        book = openpyxl.Workbook()
        plan, details, about = book.active, book.create_sheet("details"), book.create_sheet("answer")
        plan.title = "spend"
        try:
            plan.append(["channel", *self.periods, "all"])
            for c, channel in enumerate(self.channels):
                plan.append([channel, *self.spend[c].tolist(), float(self.spend[c].sum())])
            plan.append(["all", *self.spend.sum(axis=0).tolist(), float(self.spend.sum())])
            details.append(list(self.rows()[0]))
            for row in self.rows():
                details.append(list(row.values()))
            for line in self._about():
                about.append(line)
        except IllegalCharacterError as error:
            raise FolderError(
                f"cannot write {name}: a name has a character {first_line(error)} no sheet holds"
            ) from None
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.data_type == "f":  # a name that starts with '=' is a name, not a formula
                        cell.data_type = "s"
            for cell in sheet[1]:
                cell.font = Font(bold=True)
            sheet.freeze_panes = "B2"
            sheet.column_dimensions["A"].width = 28
        save_book(book, part)


def _cell(value: str | float) -> str | float | None:
    """Return what a sheet shows: nothing where a number is not known."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
