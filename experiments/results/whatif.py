"""The what-if page as a result: plans over budgets and rules, and how far what lies between them is from exact."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optimizer.insight.sounding
from experiments.results.shown import Shown, Table
from experiments.words.figures import money, percent
from optimizer.insight.surface import ASSET, KEPT

if TYPE_CHECKING:
    from pandas import DataFrame

    from optimizer.insight.held_out import Checked
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
        (least, most), currency = self.surface.families[0].range, self.twin.scenario.currency
        number = sum(len(family.solved) for family in self.surface.families)
        errors, kept = self.held_out.errors(), self.held_out.errors(count=KEPT)

        def off(kind: str) -> str:
            if not errors[kind].number:
                return "not checked"
            return f"{money(errors[kind].worst)} (customers kept {money(kept[kind].worst)})"

        return (
            f"{number} plans solved for budgets from {money(least)} to {money(most)} {currency}".rstrip()
            + f". Between them the customer asset is looked up: off from {self.held_out.solves} plans held out and "
            f"solved exactly by up to {off('budgets')} where only the budget moves, {off('nudged')} where lines are "
            f"held within a quarter of the plan's, {off('moved')} where they are held anywhere."
            + self._given_up()
            + f" Terms stay as today: {', '.join(self.terms)}; `tenure optimize` sets them too." * bool(self.terms)
        )

    def _given_up(self) -> str:
        if not self.given_up:
            return ""
        share = f" ({percent(self.finer / self.lift)} of what they gain against today)" * (self.lift > 0)
        return (
            f" Tables tell segments apart and nobody inside them: at a budget of {money(self.surface.budget)} they "
            f"give up {money(self.finer)}{share} against `tenure optimize`, which tells stages and tiers apart too."
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
            for knot in family.solved
        ]

    def to_frame(self) -> DataFrame:
        """Return :meth:`rows` as a table."""
        from pandas import DataFrame

        return DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the solved plans, the errors, and every held-out figure behind them.

        ``errors`` are of tables as they are given, ``errors_solved`` of plans solved with the same lines held.
        """
        held = self.held_out
        kept = held.errors(count=KEPT)
        return {
            "budget": self.surface.budget,
            "today": float(self.surface.today_counts[ASSET]),
            "plans": self.rows(),
            "errors": {
                **{name: _known(each._asdict()) for name, each in held.errors("played").items()},
                "lacking": held.lacking,
            },
            "errors_solved": {
                name: _known({**each._asdict(), "kept": kept[name].worst, "kept_typical": kept[name].typical})
                for name, each in held.errors().items()
            },
            "held_out": {
                "budgets": self._checked(held.budgets),
                "nudged": self._checked(held.nudged),
                "moved": self._checked(held.moved),
            },
            "seed": self.seed,
            "terms_as_today": self.terms,
            "finer_targeting_is_worth": self.finer,
            "gained_against_today": self.lift,
        }

    def _checked(self, checked: Checked) -> list[dict[str, Any]]:
        """Return what was asked and said beside what is exact, by table."""
        columns = {
            f"{name}{'_kept' * (count == KEPT)}": values[:, count].tolist()
            for count in (ASSET, KEPT)
            for name, values in (("said", checked.said), ("exact", checked.played), ("solved", checked.solved))
        }
        figures = [_known(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
        lines = [" / ".join(line) for line in self.surface.lines]
        return [
            {"budget": budget, "held": {lines[line]: amount for line, amount in held.items()}, **row}
            for (budget, held), row in zip(checked.asked, figures, strict=True)
        ]

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


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}
