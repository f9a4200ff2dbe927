"""The what-if page as a result: plans over budgets and rules, and how far what lies between them is from exact."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optimizer.insight.sounding
from experiments.results.shown import Shown, Table
from experiments.words.figures import money
from optimizer.insight.surface import ASSET

if TYPE_CHECKING:
    from pandas import DataFrame

    from sim.twin import Twin

__all__ = ["WhatIf"]


@dataclass(frozen=True, eq=False, repr=False)
class WhatIf(Shown, optimizer.insight.sounding.Sounded):
    """Solved plans over budgets and rules; what other money is worth is looked up between them.

    Attributes
    ----------
    twin : Twin
    seed : int
        With which the held-out tables were drawn.
    file : Path, optional
        The scenario's.

    Examples
    --------
    >>> lookup = firm.whatif([800, 1_200])
    >>> lookup.to_frame().columns.tolist()
    ['rules', 'budget', 'spend', 'asset', 'lift']
    >>> table = lookup.surface.settle(1_000)
    >>> bool(180_000 < lookup.surface.counted(table)[0] < 200_000)
    True
    """

    twin: Twin = field(kw_only=True)
    seed: int = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return what was solved, and how good what lies between is."""
        knots, currency = self.surface.families[0].knots, self.twin.scenario.currency
        number = sum(len(family.knots) for family in self.surface.families)
        errors = self.held_out.errors()
        return (
            f"{number} plans solved for budgets from {money(knots[0].budget)} to "
            f"{money(knots[-1].budget)} {currency}".rstrip()
            + ". Between them the customer asset is looked up: off by up to "
            f"{money(errors['budgets'].worst)} where only the budget moves, {money(errors['nudged'].worst)} where "
            f"lines are nudged by up to a quarter, {money(errors['moved'].worst)} where they are moved anywhere "
            "(held-out exact solves and tables)."
            + f" Terms stay as today: {', '.join(self.terms)}; `tenure optimize` sets them too."
            * bool(self.terms)
        )

    @property
    def terms(self) -> list[str]:
        """Return the levers whose money no budget pays, which stay as today in every table."""
        return [name for name, lever in self.twin.scenario.levers.items() if lever.pays != "budget"]

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per solved plan; lifts are against today."""
        now = float(self.surface.today_counts[ASSET])
        return [
            {
                "rules": f"without {family.without}" if family.without else "all",
                "budget": knot.budget,
                "spend": float(knot.money.sum() + self.surface.committed.sum()),
                "asset": float(knot.counts[ASSET]),
                "lift": float(knot.counts[ASSET]) - now,
            }
            for family in self.surface.families
            for knot in family.knots
        ]

    def to_frame(self) -> DataFrame:
        """Return :meth:`rows` as a table."""
        from pandas import DataFrame

        return DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the solved plans, the errors in money, and every held-out figure behind them."""
        held = self.held_out
        return {
            "budget": self.surface.budget,
            "today": float(self.surface.today_counts[ASSET]),
            "plans": self.rows(),
            "errors": {
                **{name: each._asdict() for name, each in held.errors().items()},
                "lacking": held.lacking,
            },
            "held_out": {
                "budgets": [
                    dict(zip(("budget", "said", "exact", "solved"), map(float, row), strict=True))
                    for row in held.budgets
                ],
                **{
                    name: [{"said": float(said), "exact": float(exact)} for said, exact in getattr(held, name)]
                    for name in ("nudged", "moved")
                },
            },
            "seed": self.seed,
            "terms_as_today": self.terms,
            "finer_targeting_is_worth": self.finer,
        }

    def shown_table(self) -> Table:
        """Return the solved plans."""
        rows = [
            [row["rules"], money(row["budget"]), money(row["spend"]), money(row["asset"]),
             money(row["lift"], signed=True)]
            for row in self.rows()
        ]  # fmt: skip
        return ["rules", "budget", "spend", "customer asset", "against today"], rows

    def save(self, path: str | Path, lang: str = "en") -> Path:
        """Write the page, which needs no network, and return where it is.

        Parameters
        ----------
        lang
            ``en``, or ``zh`` for Chinese.

        Raises
        ------
        InputError
            If it does not speak the language.
        FolderError
            If it cannot be written.
        """
        from experiments.report.whatif.write import write_whatif

        scenario = "SCENARIO" if self.file is None else shlex.quote(self.file.name)
        command = f"tenure compare {scenario} --policy as-today --policy split-a.csv --policy split-b.csv"
        return write_whatif(
            path, scenario=self.twin.scenario, sounded=self, seed=self.seed, command=command, language=lang
        )
