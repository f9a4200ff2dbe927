"""The run of an answer that is told: a check of a forecast, evidence learnt, a measure, a test, the reasons of a plan.

What was read beside the scenario and plans is not kept: it may hold customers. Its name and digest are, and where it
lay, so that it can be read again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from experiments.told import Told
from experiments.tracking.answers.asked import asked_params, key_of_call
from experiments.tracking.call import bits_of
from experiments.tracking.decision import Decision
from experiments.tracking.keys import joined
from experiments.tracking.record import Record
from experiments.words.figures import short
from experiments.words.tables import markdown

__all__ = ["told_records"]

MOST_FIGURES = 1000
"""As metrics of a run; its files have all."""
MOST_ROWS = 40


def told_records(answer: Told, decision: Decision) -> list[Record]:
    """Return the run of an answer that is told."""
    verb = decision.call.verb
    read = _digests(decision)
    key = joined(key_of_call(decision, verb), bits_of(answer), read)
    figures = answer.figures()
    views = decision.views(key, [])[-1:]
    shown: Any = answer  # with its words and its table
    header, rows = shown.shown_table()
    body = [markdown(header, rows[:MOST_ROWS])] if rows else []
    tags = decision.tags("answer", key, unit_key=key)
    tags["mlflow.note.content"] = decision.note(decision.said, body, views=views, key=key)
    first = next(((name, value) for name, value in figures.items() if value == value), None)
    found = f": {first[0].replace('_', ' ')} {short(first[1], digits=3)}" if first is not None else ""
    files = {"answer.txt": _text(shown).encode(), **decision.pages, **decision.call.kept(answer)}
    return [
        decision.record(
            key, decision.about.name or f"{decision.world} / {verb.replace('_', '-')}{found}", tags=tags,
            params={"verb": verb, **asked_params(decision), **read}, files=files, views=views,
            metrics=[(name, value, 0) for name, value in list(figures.items())[:MOST_FIGURES]],
        )
    ]  # fmt: skip


def _digests(decision: Decision) -> dict[str, str]:
    """Return by argument the names of the files that were read and are not kept, each with a digest of its content."""
    found = {}
    for name, value in decision.call.arguments.items():
        several: list[Any] = value if isinstance(value, list) else [value]
        if several and all(isinstance(each, str) and Path(each).is_file() for each in several):
            found[name] = ", ".join(f"{Path(each).name} {_digest(Path(each))}" for each in several)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _text(shown: Any) -> str:
    return str(shown.to_text() if hasattr(shown, "to_text") else shown.answer())
