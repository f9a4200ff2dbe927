"""A study's answer: shown in words, tables, a page and files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.results.keep import Kept
from experiments.results.shown import Shown, Table
from experiments.study.answers import Answers, Cell
from experiments.study.ask import Made, Study
from experiments.study.doubts import Information, Swing, information, swings
from experiments.study.run import Finished
from experiments.study.shown import answer_in_words, notes_in_words, survival_table
from experiments.study.turned import TURN_COLUMNS, plain_lost, plain_turns
from experiments.study.turning import Turning, turning
from experiments.study.worlds import World

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["StudyResult", "plan_names"]

MOST_ROWS = 1_000_000
"""Of a table that is written: what a spreadsheet opens."""
LONGEST = 180
"""Bytes of a plan's name, of which a file system takes 255 with what is written beside it."""


@dataclass(frozen=True, eq=False, repr=False)
class StudyResult(Shown):
    """What a study found.

    Attributes
    ----------
    asked : Study
    finished : Finished
        Its units.
    folder : Path
        Where its report, tables and plans lie.
    report : Path
    run_ids : mapping
        Of the runs in MLflow, by cell.
    kept : Kept or None
        Where the runs went; None: they were not tracked.

    Examples
    --------
    >>> result = tenure.study({"worlds": {"base": "scenario.yaml"}, "policies": ["as today", "no spend"],
    ...                        "replications": 2}, "studied", workers=1)
    >>> result.to_frame()["policy"].tolist()
    ['as today', 'no spend']
    >>> result.answers.survivals[0].policy
    'as today'
    """

    asked: Study
    finished: Finished
    folder: Path
    report: Path
    run_ids: Mapping[Cell, str] = field(default_factory=dict)
    kept: Kept | None = None

    @cached_property
    def answers(self) -> Answers:
        """Return gains, regrets and who survives."""
        names = [policy.name for policy in self.asked.policies]
        anew = frozenset(each.name for each in self.asked.policies if isinstance(each, Made) and each.world is None)
        return Answers.of(self.finished.cells, self.asked.reference, self.asked.within, names, anew)

    @cached_property
    def worlds(self) -> dict[str, World]:
        """Return the worlds by name."""
        return {world.name: world for world in self.asked.worlds}

    @cached_property
    def swings(self) -> list[Swing]:
        """Return what each drawn number does to each policy's gain."""
        return swings(self.asked.worlds, self.answers)

    @cached_property
    def information(self) -> list[Information]:
        """Return what knowing the world, or a number of it, is worth."""
        return information(self.asked.worlds, self.answers)

    @cached_property
    def turning(self) -> Turning | None:
        """Return which assumption turns the choice of the policy that survives most; None where there is no choice."""
        return turning(self.asked.worlds, self.finished.cells, self.answers)

    @property
    def telling_run(self) -> str:
        """Return the run of the policy to choose, in the first world; nothing where it has none."""
        policy = self.answers.choice.policy
        return next((run for cell, run in self.run_ids.items() if cell.policy == policy), "")

    @property
    def currency(self) -> str:
        """Return the worlds' currency; nothing where they differ."""
        found = {world.scenario.currency for world in self.asked.worlds}
        return found.pop() if len(found) == 1 else ""

    @property
    def period(self) -> str:
        """Return the worlds' period."""
        return self.asked.worlds[0].scenario.period

    def answer(self) -> str:
        """Return which policy survives, and where it does not."""
        return answer_in_words(self.answers, self.currency)

    def notes(self) -> str:
        """Return what the answer rests on."""
        return " ".join(notes_in_words(self.answers, self.finished))

    def shown_table(self) -> Table:
        """Return who survives."""
        return survival_table(self.answers)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        plain = self.answers.to_dict()
        table = [
            {**shown, "run_id": self.run_ids.get(Cell(row.world, row.asked, row.policy))}
            for shown, row in zip(plain["table"], self.answers.rows, strict=True)
        ]
        return {
            "units": self.finished.units, "done": self.finished.done, "table": table, "survives": plain["survives"],
            "turns": plain_turns(self.turning), "turned_without_one_number": plain_lost(self.turning),
            "tracking_uri": None if self.kept is None else self.kept.tracking_uri,
            "run_id": None if self.kept is None else self.kept.run_id, "report": str(self.report),
        }  # fmt: skip

    def to_frame(self) -> DataFrame:
        """Return one row per world, budget and policy; of worlds that are drawn with the numbers of each."""
        from pandas import DataFrame

        rows = []
        for row in self.answers.rows:
            facts = asdict(row)
            low, middle, high = facts.pop("quantiles")
            facts = {("breaks" if key == "broken" else key): fact for key, fact in facts.items()}
            facts["breaks"] = "; ".join(row.breaks)
            drawn = self.worlds[row.world].values if self.worlds[row.world].design else {}
            rows.append({**facts, "quantile_5": low, "median": middle, "quantile_95": high, **drawn})
        return DataFrame(rows).drop(columns="asked")

    def turns(self) -> DataFrame:
        """Return one row per assumption and budget: what it does to the choice, and where it turns it."""
        from pandas import DataFrame

        return DataFrame(plain_turns(self.turning), columns=list(TURN_COLUMNS))

    def by_segment(self) -> DataFrame:
        """Return discounted profit within the horizon by world, budget, policy and segment."""
        return self._parts("segment", "by_segment", "segments", "discounted_profit")

    def by_lever(self) -> DataFrame:
        """Return money spent by world, budget, policy and lever."""
        return self._parts("lever", "by_lever", "levers", "spend")

    def over_time(self) -> DataFrame:
        """Return discounted profit and customers alive at the start of each period, from 0; what comes after last."""
        from pandas import DataFrame

        cells = self.finished.cells.found
        lengths = [len(found.facts["by_period"]) + 1 for found in cells.values()]

        def by_cell(values: Iterable[Any]) -> list[Any]:
            return [value for value, length in zip(values, lengths, strict=True) for _ in range(length)]

        return DataFrame({
            "world": by_cell(cell.world for cell in cells), "policy": by_cell(cell.policy for cell in cells),
            "budget": by_cell(found.facts["budget"] for found in cells.values()),
            "period": [name for length in lengths for name in (*range(length - 1), "after")],
            "discounted_profit": [
                float(profit) for f in cells.values() for profit in (*f.facts["by_period"], f.facts["after"])
            ],
            "alive": [float(heads) for f in cells.values() for heads in f.facts["alive"]],
        })  # fmt: skip

    @property
    def left_out(self) -> str:
        """Return what is said of a table that is too long to be written; nothing where all are."""
        rows = sum(len(found.facts["by_period"]) + 1 for found in self.finished.cells.found.values())
        return f"over_time.csv is left out: {rows:,} rows; from Python `result.over_time()`" * (rows > MOST_ROWS)

    def _parts(self, name: str, values: str, names: str, what: str) -> DataFrame:
        from pandas import DataFrame

        rows: list[dict[str, Any]] = []
        for cell, found in self.finished.cells.found.items():
            about = {"world": cell.world, "policy": cell.policy, "budget": found.facts["budget"]}
            pairs = zip(found.facts[names], found.facts[values], strict=True)
            rows += [{**about, name: each, what: float(value)} for each, value in pairs]
        return DataFrame(rows)


def plan_names(cells: Iterable[Cell]) -> dict[Cell, str]:
    """Return what the file of each cell's plan is called: by its place, and by a digest where two come to the same."""
    plain = {cell: _plan_name(cell) for cell in cells}
    counts = Counter(name.casefold() for name in plain.values())
    return {
        cell: name if counts[name.casefold()] == 1 else f"{name}-{hashlib.sha256(repr(cell).encode()).hexdigest()[:8]}"
        for cell, name in plain.items()
    }


def _plan_name(cell: Cell) -> str:
    money = "" if cell.budget is None else f"-{cell.budget:.12g}"
    name = re.sub(r"[^\w.]+", "-", f"{cell.policy}-in-{cell.world}{money}")
    return name.encode()[:LONGEST].decode(errors="ignore")
