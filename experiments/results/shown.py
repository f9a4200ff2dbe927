"""How a result shows itself: the answer in a sentence, in a notebook with its table below.

The rooms below know nothing of words, tables and figures. So a result here *is* the one it grew out of, a subclass with
the twin beside it, and not something wrapped around it: it goes wherever the plain one goes.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from html import escape as text
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from experiments.words.figures import plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from experiments.results.keep import Kept
    from experiments.tracking.call import Call
    from optimizer.plan import Plan
    from sim.arrays import Step
    from sim.twin import Twin

__all__ = ["Decided", "Shown", "Table", "drawn", "grown"]

R = TypeVar("R")

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Names of columns, and rows; the first column holds words and the others numbers."""

MOST_ROWS = 30
"""Rows of a table shown in a notebook; ``to_frame`` has them all."""


class Shown(ABC):
    """Shows itself as its answer."""

    @abstractmethod
    def answer(self) -> str:
        """Return the answer in a sentence or a few, without markup."""

    def shown_table(self) -> Table:
        """Return the table below the answer; no rows: none."""
        return (), ()

    def notes(self) -> str:
        """Return what the answer rests on; nothing: none."""
        return ""

    def __repr__(self) -> str:
        return plain(self.answer())

    def _repr_html_(self) -> str:
        """Return the answer, its table and what it rests on; the notebook chooses the colours."""
        header, rows = self.shown_table()
        parts = [f"<p>{text(line)}</p>" for line in self.answer().splitlines() if line.strip()]
        if rows:
            lines = [_row("th", header), *(_row("td", row) for row in rows[:MOST_ROWS])]
            parts.append(f"<table>{''.join(lines)}</table>")
        if len(rows) > MOST_ROWS:
            parts.append(f"<p>and {len(rows) - MOST_ROWS} more rows: <code>to_frame()</code> has them all</p>")
        if self.notes():
            parts.append(f"<p><small>{text(self.notes())}</small></p>")
        return "\n".join(parts)


class Decided(Shown):
    """An answer that decides something, and can be tracked."""

    asked: Call | None
    """What was asked, where it can be asked again."""

    def decided_for(self) -> tuple[Twin | None, Path | None, tuple[tuple[str, Plan], ...]]:
        """Return the firm's twin, its scenario's file, and the plans that policies play, by name."""
        return getattr(self, "twin", None), getattr(self, "file", None), ()

    def pages(self, folder: Path, progress: Step) -> tuple[Path | None, dict[str, bytes]]:
        """Write the answer's page in a folder, and return it, and what the run keeps; none: none."""
        return None, {}

    def track(
        self,
        folder: str | Path = ".",
        *,
        experiment: str = "",
        name: str = "",
        note: str = "",
        command: str = "",
        tracking_uri: str = "",
        mlflow_ui: str = "",
        progress: Step | None = None,
    ) -> Kept:
        """Log the runs to MLflow, and return where they went.

        Parameters
        ----------
        folder
            Of the store and of what waits to be sent; made if missing.
        experiment
            The decision; nothing: the scenario's budget.
        name, note, command
            Of the run; what it is for; how it was asked.
        tracking_uri
            Server or database; nothing: the store in the folder.
        mlflow_ui
            Address of MLflow's pages, for links; nothing: the server itself, or http://127.0.0.1:5000.

        Raises
        ------
        FolderError
            If the folder cannot be written to, or its store cannot be used.
        InputError
            If an address is none.

        Warns
        -----
        RunsWait
            If a server does not take the runs now.
        """
        from experiments.results.keep import keep
        from experiments.tracking.call import Call
        from experiments.tracking.decision import About, Decision
        from sim.arrays import quiet
        from sim.files import writable_folder

        place, step = writable_folder(Path(folder)), progress or quiet
        page, pages = self.pages(place, step)
        twin, file, plans = self.decided_for()
        decision = Decision(
            self, self.answer(), self.asked or Call(""), twin, file, About(experiment, name, note, command),
            plans, pages,
        )  # fmt: skip
        return dataclasses.replace(keep(decision, place, tracking_uri, mlflow_ui, step=step), report=page)


def _row(kind: str, cells: Sequence[str]) -> str:
    sides = ["left", *["right"] * (len(cells) - 1)]
    inside = (
        f'<{kind} style="text-align:{s};padding:0 .5em">{text(c)}</{kind}>' for s, c in zip(sides, cells, strict=True)
    )
    return f"<tr>{''.join(inside)}</tr>"


def grown(kind: type[R], result: Any, **more: Any) -> R:
    """Return a plain result as the kind that shows itself: its fields, and ``more`` beside or instead of them."""
    return kind(**{each.name: getattr(result, each.name) for each in dataclasses.fields(result)} | more)


def drawn(figure: str) -> Figure:
    """Return a chart of the report as a plotly figure."""
    from plotly.io import from_json

    return from_json(figure)
