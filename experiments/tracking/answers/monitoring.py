"""The runs of a plan that is watched: one for the plan, and below it one for each month that was looked at.

The upper run is the same whenever the plan is looked at: its figures have a step a period, so that its charts grow by
each look, and its note says what the last one found. What was seen is not kept: it holds customers.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from experiments.monitored import Monitored
from experiments.tracking.call import bits_of, plan_file
from experiments.tracking.decision import Decision
from experiments.tracking.keys import joined
from experiments.tracking.record import Record, Series
from experiments.tracking.views import View
from experiments.words.figures import short
from experiments.words.monitoring import followed_table, moved_table, notes, signal_in_words
from experiments.words.tables import markdown, plain_text
from optimizer.plan import Plan

__all__ = ["monitoring_records"]


def monitoring_records(answer: Monitored, decision: Decision) -> list[Record]:
    """Return the runs of a plan as it was looked at once: its own, and that of the month."""
    asked = decision.call.arguments
    plan, actual = asked["plan"], Path(asked["actual"])
    assert isinstance(plan, Plan)
    how = {name: f"{asked[name]}" for name in ("false_alarms", "replications", "seed")}
    key = joined("watched", decision.scenario.hash, decision.world, bits_of(plan), how)
    unit = joined("month", key, answer.periods, bits_of(answer))
    months = View(
        f"months-{key[:8]}", "Month by month", f"tags.study_key = '{key}' and tags.layer = 'month'",
        "params.`after`", ("params.`after`", "tags.`verdict`", "metrics.`difference`", "metrics.`gain`"), True,
    )  # fmt: skip
    body = [markdown(*followed_table(answer)), *([markdown(*moved_table(answer))] if answer.moved else [])]
    signals = [signal_in_words(each, answer.period) for each in answer.signals[:12]]
    body += map(plain_text, [*signals, notes(answer)])
    params = {**how, "plan": plan.scenario, "plan.bits": bits_of(plan)[:12]}
    parent = decision.record(
        key, decision.about.name or f"{decision.world} / watched plan, worth {short(plan.asset)}",
        tags={
            **decision.tags("study", key, unit_key=key), "verdict": answer.verdict,
            "mlflow.note.content": decision.note(decision.said, body, views=[months], key=key),
        },
        params=params, metrics=[*_courses(answer), ("difference", answer.now - answer.planned, answer.periods),
                                ("gain", answer.gain, answer.periods)],
        files={"plan.json": plan_file(plan), **decision.call.kept(answer)}, views=[months],
    )  # fmt: skip
    whose = hashlib.sha256(actual.read_bytes()).hexdigest() if actual.is_file() else ""
    figures = {
        "asset": answer.now, "planned": answer.planned, "difference": answer.now - answer.planned,
        "gain": answer.gain, "pays_above": answer.pays, "signals": float(len(answer.signals)),
    }  # fmt: skip
    new = {} if answer.plan is None else {"new-plan.json": plan_file(answer.plan)}
    month = decision.record(
        unit, f"{answer.period} {answer.periods}: {answer.verdict}, {short(answer.now - answer.planned, signed=True)}",
        tags={
            **decision.tags("month", key, unit_key=unit), "verdict": answer.verdict, "actual": actual.name,
            "mlflow.note.content": decision.note(decision.said, body, key=unit),
        },
        params={**params, "after": f"{answer.periods:04d}", "actual.digest": whose[:12]},
        metrics=[(name, value, 0) for name, value in figures.items()],
        files={**decision.pages, **new, **decision.call.kept(answer)}, parent=key,
    )  # fmt: skip
    return [parent, month]


def _courses(answer: Monitored) -> Series:
    """Return what is followed by period, as it was and as planned."""
    return [
        (f"{which}/{line.name}", float(value), step)
        for line in answer.lines
        for which, values in (("actual", line.actual), ("planned", line.planned))
        for step, value in enumerate(values, 1 if line.kind == "change" else 0)
    ]
