"""A study's runs as they are written down for MLflow: one for the study, and below it one a world, budget and policy.

They are put into the outbox when the study is finished, and follow from its units alone: put again, nothing is new.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.study.answers import Cell, Found, Row
from experiments.study.kept import kept_study
from experiments.study.plays import kept_play
from experiments.study.shown import answer_in_words, barred_in_words, survival_table, world_table
from experiments.study.turned import turning_in_words
from experiments.tracking.content import code_version, running_code, scenario_params
from experiments.tracking.decision import LONGEST_DIFFERENCE, differing
from experiments.tracking.metrics import by_name
from experiments.tracking.notes import note
from experiments.tracking.record import Base, Record, Series
from experiments.tracking.views import DECISION, LEADERBOARD_TAG, View, link_of, stored, views_of
from experiments.words.difference import differ_briefly, scenarios_differ
from experiments.words.figures import money, plain, short
from experiments.words.tables import markdown, plain_text

if TYPE_CHECKING:
    from experiments.study.ask import Study
    from experiments.study.result import StudyResult

__all__ = ["records_of"]

MOST_PARTS = 12
"""Levers and segments named in a run's note."""
SHOWN_ROWS = 40
"""Rows of the note's table; the report has all."""


def records_of(result: StudyResult, experiment: str, command: str = "") -> dict[Cell | None, Record]:
    """Return the records of a study: its own under None, and one for each cell that has an asset."""
    asked, now = result.asked, int(time.time() * 1000)
    differ = _differences(asked)
    key = hashlib.sha256(f"{asked.digest} {running_code()}".encode()).hexdigest()  # another version's runs are others
    views = views_of(
        key[:8], f"tags.study_key = '{key}' and {DECISION}", [*next(iter(differ.values()))], len(asked.worlds) > 1
    )
    links = {f"view.{view.title}": link_of(view) for view in views}
    parent = Record(
        key=key, experiment=experiment, name=asked.name,
        params={
            "worlds": str(result.answers.worlds), "policies": ", ".join(each.name for each in asked.policies),
            "budgets": ", ".join(_budget(each) for each in asked.budgets), "seeds": ", ".join(map(str, asked.seeds)),
            "replications": str(asked.replications), "within": str(asked.within), "code.version": code_version(),
        },
        tags={
            "layer": "study", "study": asked.name, "study_key": key, **_said(asked, command),
            "mlflow.note.content": _note(result, views, command), LEADERBOARD_TAG: link_of(views[0]), **links,
        },
        files={
            name: (result.folder / name).read_bytes()
            for name in ("report.html", "table.csv", "segments.csv", "levers.csv", "over_time.csv", "turning.csv")
            if (result.folder / name).is_file()
        } | kept_study(asked, result.finished),
        began=now, ended=now, experiment_tags=stored(views),
    )  # fmt: skip
    records: dict[Cell | None, Record] = {None: parent}
    for row in result.answers.rows:
        cell = Cell(row.world, row.asked, row.policy)
        if cell in result.finished.cells.found:
            records[cell] = _of_cell(result, cell, row, parent, differ[row.world], command)
    return records


def _of_cell(
    result: StudyResult, cell: Cell, row: Row, parent: Record, differ: Mapping[str, str], command: str
) -> Record:
    found, asked = result.finished.cells.found[cell], result.asked
    world = result.worlds[cell.world]
    units, facts = zip(*result.finished.plays[cell], strict=True)
    keys = "".join(unit.key for unit in units)
    gain = money(row.asset) if row.policy == result.answers.reference else money(row.gain, signed=True)
    base = None
    if world.scenario.base is not None:
        place = world.scenario.folder / world.scenario.base.file
        base = Base(place.name, world.scenario.base_digest, str(place.resolve()))
    plan = result.finished.plans.get(cell)
    return Record(
        key=hashlib.sha256(f"{parent.key} {cell} {keys}".encode()).hexdigest(), experiment=parent.experiment,
        name=f"{row.world} / {short(row.budget, digits=4)} / {row.policy}: {gain}", parent=parent.key,
        params={
            "world": row.world, "policy": row.policy, "budget": f"{row.budget:.12g}",
            "seeds": ", ".join(map(str, asked.seeds)), "replications": str(found.assets.size),
            "feedback": "yes" if row.feedback else "no", **scenario_params(world.scenario), **differ,
        },
        metrics=_metrics(row, found),
        tags={
            "layer": "policy", "study": asked.name, "study_key": parent.key, "world": row.world, "policy": row.policy,
            "scenario_hash": world.scenario.hash, **_said(asked, command),
            "differs": differ_briefly(scenarios_differ(asked.worlds[0].scenario, world.scenario))[:LONGEST_DIFFERENCE]
            or "nothing",
            "mlflow.note.content": _story(row, result),
        },
        files={
            **({} if plan is None else {"plan.json": plan.encode()}), **kept_play(units, facts, world.content),
        },
        base=base, began=parent.began, ended=parent.ended,
    )  # fmt: skip


def _metrics(row: Row, found: Found) -> Series:
    facts = found.facts
    metrics: Series = [
        ("gain", row.gain, 0), ("gain_low", row.low, 0), ("gain_high", row.high, 0), ("regret", row.regret, 0),
        ("gain_low_all", row.low_all, 0), ("gain_high_all", row.high_all, 0), ("chance_best", row.chance_best, 0),
        ("rank", float(row.rank or "nan"), 0), ("best_odds", row.best_odds, 0), ("asset", row.asset, 0),
        ("cvar", row.cvar, 0),
        ("spend", row.spend, 0), ("kept", row.kept, 0), ("expected_asset", row.expected, 0),
        ("rules_broken", float(len(row.breaks)), 0), ("overspent", row.overspent, 0),
    ]  # fmt: skip
    profits, spends = np.array(facts["by_segment"], dtype=float), np.array(facts["by_lever"], dtype=float)
    for kind, names, values in (
        ("profit_by_segment", facts["segments"], profits),
        ("spend_by_lever", facts["levers"], spends),
    ):
        metrics += [
            (f"{kind}/{name}", v, 0)
            for name, v in by_name(tuple(names), values, order=np.asarray(np.abs(values), dtype=np.float64)).items()
        ]
    courses = {"asset_so_far": np.cumsum(facts["by_period"]), "customers": np.asarray(facts["alive"][1:])}
    return metrics + [
        (f"over_time/{name}", float(v), step) for name, course in courses.items() for step, v in enumerate(course, 1)
    ]


def _said(asked: Study, command: str) -> dict[str, str]:
    """Return what the user says of the study."""
    return {name: text for name, text in (("purpose", asked.note), ("command", command)) if text}


def _differences(asked: Study) -> dict[str, dict[str, str]]:
    """Return by world the value of every parameter in which some worlds differ."""
    params = {world.name: scenario_params(world.scenario) for world in asked.worlds}
    names = differing(list(params.values()))
    return {name: {key: own.get(key, "not stated") for key in names} for name, own in params.items()}


def _note(result: StudyResult, views: Sequence[View], command: str) -> str:
    answers = result.answers
    body = [markdown(*survival_table(answers)), f"Gains against '{plain_text(answers.reference)}':"]
    header, rows = world_table(answers, SHOWN_ROWS)
    body.append(markdown(header, [[cell.replace("*", " (best)") for cell in row] for row in rows]))
    body += turning_in_words(result.turning, result.currency)
    body.append("The whole answer: report.html under *Artifacts*.")
    body.append(
        "Once more, every unit anew and bits compared: `tenure repeat {run}`, with `--folder` or `--tracking-uri` as "
        "the study had it; a single play: from its own run."
    )
    names = {"Study": result.asked.digest[:16], "code": code_version()}
    return note(
        answer_in_words(answers, result.currency), body, purpose=result.asked.note, views=views, command=command,
        names=names, currency=result.currency,
    )  # fmt: skip


def _story(row: Row, result: StudyResult) -> str:
    told = "the best here" if row.rank == 1 else f"{money(row.regret)} behind the best here"
    told = told if row.allowed else f"not to be chosen: {barred_in_words(row)}"
    if row.rank > 1 and not row.behind:
        told += " (too close to call)"
    interval = "" if row.low != row.low else f" (95 % {money(row.low, signed=True)} to {money(row.high, signed=True)})"
    gain = f"{money(row.gain, signed=True)} against '{result.answers.reference}'{interval}"
    said = f"'{row.policy}' in '{row.world}', budget {money(row.budget)}: asset {money(row.asset)}, {gain}; {told}."
    parts = [
        f"**{plain_text(plain(said))}**", *map(plain_text, _why(row, result)),
        plain_text(f"Breaks: {'; '.join(row.breaks)}.") if row.breaks else "",
        "[The study](#/experiments/{experiment}/runs/{parent}?workflowType=machine_learning)",
        "Once more, bits compared: `tenure repeat {run}`, with `--folder` or `--tracking-uri` as the study had it.",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _why(row: Row, result: StudyResult) -> list[str]:
    """Return where a policy's money goes and its gain comes from, beside the reference."""
    reference, found = result.answers.reference, result.finished.cells.found
    own, other = (found.get(Cell(row.world, row.asked, name)) for name in (row.policy, reference))
    if own is None or other is None or row.policy == reference:
        return []
    mine, theirs = own.facts, other.facts
    spends = [
        f"{lever} {money(a)} ({money(a - b, signed=True)})"
        for lever, a, b in zip(mine["levers"], mine["by_lever"], theirs["by_lever"], strict=True)
    ]
    gains = [
        f"{segment} {money(a - b, signed=True)}"
        for segment, a, b in zip(mine["segments"], mine["by_segment"], theirs["by_segment"], strict=True)
    ]
    after = float(mine["after"]) - float(theirs["after"])
    return [
        f"Money by lever (change from '{reference}'): {', '.join(spends[:MOST_PARTS])}.",
        f"Where the gain comes from, discounted: within the horizon {', '.join(gains[:MOST_PARTS])}; "
        f"after it {money(after, signed=True)}.",
    ]


def _budget(amount: float | None) -> str:
    return "in force" if amount is None else f"{amount:.12g}"
