"""A study's answer: shown in words, tables, a page and files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.results.shown import Shown, Table
from experiments.study.answers import Answers, Cell
from experiments.study.ask import Study, read_study
from experiments.study.doubts import Information, Swing, information, swings
from experiments.study.run import Finished, run_study
from experiments.study.shown import answer_in_words, notes_in_words, survival_table
from sim.arrays import Step, quiet
from sim.contract import Policy
from sim.errors import InputError
from sim.files import writable_folder, write_text

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["StudyResult", "plan_name", "study"]


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
    tracking_uri : str or None
    run_ids : mapping
        By cell.
    waiting : str
        What is said of runs that could not be sent; nothing where none waits.

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
    tracking_uri: str | None = None
    run_ids: Mapping[Cell, str] = field(default_factory=dict)
    waiting: str = ""

    @cached_property
    def answers(self) -> Answers:
        """Return gains, regrets and who survives."""
        names = [policy.name for policy in self.asked.policies]
        return Answers.of(self.finished.cells, self.asked.reference, self.asked.within, names)

    @cached_property
    def swings(self) -> list[Swing]:
        """Return what each drawn number does to each policy's gain."""
        return swings(self.asked.worlds, self.answers)

    @cached_property
    def information(self) -> list[Information]:
        """Return what knowing the world, or a number of it, is worth."""
        return information(self.asked.worlds, self.answers)

    @property
    def currency(self) -> str:
        """Return the worlds' currency; nothing where they differ."""
        found = {world.scenario.currency for world in self.asked.worlds}
        return found.pop() if len(found) == 1 else ""

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
            "tracking_uri": self.tracking_uri, "report": str(self.report),
        }  # fmt: skip

    def to_frame(self) -> DataFrame:
        """Return one row per world, budget and policy."""
        from pandas import DataFrame

        rows = []
        for row in self.answers.rows:
            facts = asdict(row)
            low, middle, high = facts.pop("quantiles")
            facts["breaks"] = "; ".join(row.breaks)
            rows.append({**facts, "quantile_5": low, "median": middle, "quantile_95": high})
        return DataFrame(rows).drop(columns="asked")

    def by_segment(self) -> DataFrame:
        """Return discounted profit within the horizon by world, budget, policy and segment."""
        return self._parts("segment", "by_segment", "segments", "discounted_profit")

    def by_lever(self) -> DataFrame:
        """Return money spent by world, budget, policy and lever."""
        return self._parts("lever", "by_lever", "levers", "spend")

    def over_time(self) -> DataFrame:
        """Return discounted profit and customers alive at the start of each period, from 0; what comes after last."""
        from pandas import DataFrame

        rows = []
        for cell, found in self.finished.cells.found.items():
            about = {"world": cell.world, "policy": cell.policy, "budget": found.facts["budget"]}
            profits = [*found.facts["by_period"], found.facts["after"]]
            names: list[int | str] = [*range(len(profits) - 1), "after"]
            for name, profit, alive in zip(names, profits, found.facts["alive"], strict=True):
                rows.append({**about, "period": name, "discounted_profit": float(profit), "alive": float(alive)})
        return DataFrame(rows)

    def _parts(self, name: str, values: str, names: str, what: str) -> DataFrame:
        from pandas import DataFrame

        rows: list[dict[str, Any]] = []
        for cell, found in self.finished.cells.found.items():
            about = {"world": cell.world, "policy": cell.policy, "budget": found.facts["budget"]}
            pairs = zip(found.facts[names], found.facts[values], strict=True)
            rows += [{**about, name: each, what: float(value)} for each, value in pairs]
        return DataFrame(rows)

    def save(self, folder: str | Path) -> Path:
        """Write the report, the tables as CSV and the plans that were made into a folder, and return it.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        from experiments.study.page import page_of
        from sim.files import write_table

        place = writable_folder(Path(folder))
        write_table(place / "table.csv", self.to_frame())
        write_table(place / "segments.csv", self.by_segment())
        write_table(place / "levers.csv", self.by_lever())
        write_table(place / "over_time.csv", self.over_time())
        for cell, text in self.finished.plans.items():
            write_text(place / f"{plan_name(cell)}.json", text)
        write_text(place / "report.html", page_of(self))
        return place


def plan_name(cell: Cell) -> str:
    """Return what the file of a cell's plan is called."""
    money = "" if cell.budget is None else f"-{cell.budget:.12g}"
    return re.sub(r"[^\w.]+", "-", f"{cell.policy}-in-{cell.world}{money}")


def study(
    asked: Study | str | Path | Mapping[str, Any],
    folder: str | Path = ".",
    *,
    policies: tuple[Policy, ...] | list[Policy] = (),
    workers: int | None = None,
    cluster: str | None = None,
    executor: Executor | None = None,
    track: bool = False,
    tracking_uri: str = "",
    experiment: str = "",
    progress: Step | None = None,
) -> StudyResult:
    """Ask one question of many worlds: worlds x policies x budgets x seeds, stored, resumed, spread over workers.

    Whatever was finished in the folder before, by this study or another, is not done again; a study that was killed
    goes on where it was and ends with the same bits.

    Parameters
    ----------
    asked
        A study's file, or its content (docs/studies.md); files in content are named from the working folder.
    folder
        Where finished units, reports and runs are kept.
    policies
        Objects that are policies too, beside those named in ``asked``; they are pickled to workers.
    workers
        Processes here; 1: this one alone; None: one for each processor. A script that starts some needs
        ``if __name__ == "__main__":`` around its call.
    cluster
        Address of a Dask scheduler, ``tcp://host:8786``; its workers must have the same version of Tenure.
    executor
        Any :class:`concurrent.futures.Executor` instead.
    track
        Whether to log runs to MLflow.
    tracking_uri
        A server or a database; nothing: the store in the folder.
    experiment
        The decision in question, under which runs stand; nothing: the study's name.

    Raises
    ------
    InputError
        If a key is not known or a value does not fit.
    TenureError
        If a unit fails, or workers of another version answer.

    Examples
    --------
    >>> content = {
    ...     "name": "what margin", "policies": ["as today", "no spend"], "replications": 2,
    ...     "worlds": {"base": "scenario.yaml", "thin": {"from": "base", "set": {"margin": 0.2}}},
    ... }
    >>> result = tenure.study(content, "studied", workers=1)
    >>> [(row.world, row.policy, row.rank) for row in result.answers.rows]
    [('base', 'as today', 1), ('base', 'no spend', 2), ('thin', 'as today', 1), ('thin', 'no spend', 2)]
    """
    if isinstance(asked, Study):
        if policies:
            raise InputError("`policies=`: the study has its own; leave them out")
        wanted = asked
    else:
        wanted = read_study(asked, policies=policies)
    home, step = writable_folder(Path(folder)), progress or quiet
    finished = run_study(wanted, home, executor=executor, cluster=cluster, workers=workers, step=step)
    place = home / "studies" / wanted.slug
    result = StudyResult(wanted, finished, place, place / "report.html")
    step("Writing the report")
    result.save(place)
    return _tracked(result, home, tracking_uri, experiment, step) if track else result


def _tracked(result: StudyResult, folder: Path, tracking_uri: str, experiment: str, step: Step) -> StudyResult:
    """Return the result with where its runs went: into the outbox first, and from there to MLflow."""
    from experiments.study.records import records_of
    from experiments.tracking.outbox import Outbox, waiting_in_words

    outbox = Outbox(folder, tracking_uri)
    records = records_of(result, experiment or result.asked.name)
    for record in records.values():
        outbox.put(record)
    sent = outbox.send(step("Logging to MLflow"))
    runs = {cell: sent.runs[each.key] for cell, each in records.items() if cell is not None and each.key in sent.runs}
    return replace(result, tracking_uri=sent.tracking_uri, run_ids=runs, waiting=waiting_in_words(sent, folder))
