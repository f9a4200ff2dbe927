"""The run of a budget that was split over curves from elsewhere."""

from __future__ import annotations

from pathlib import Path

from experiments.tracking.answers.asked import asked_params, key_of_call
from experiments.tracking.content import flat
from experiments.tracking.decision import Decision
from experiments.tracking.keys import joined
from experiments.tracking.metrics import by_name
from experiments.tracking.record import Record, Series
from experiments.words.figures import money
from experiments.words.tables import markdown
from optimizer.curves.result import CurveAllocation
from sim.files import as_cells

__all__ = ["allocation_records"]


def allocation_records(answer: CurveAllocation, decision: Decision) -> list[Record]:
    """Return the run of a split."""
    key = key_of_call(decision, "allocation")
    views = decision.views(key, [])[-1:]
    tags = decision.tags("policy", key, policy="optimised", unit_key=key, numbers="response", gain_over="no spend")
    rows = [[name, money(float(line.sum()))] for name, line in zip(answer.channels, answer.spend, strict=True)]
    table = markdown(["channel", "spend"], rows)
    tags["mlflow.note.content"] = decision.note(decision.said, [table], views=views, key=key)
    figures = {
        "gain": answer.value - answer.base, "response": answer.value, "bound": answer.bound, "gap": answer.gap,
        "shadow_price": answer.shadow_price, "spend": float(answer.spend.sum()), "budget": answer.budget,
    }  # fmt: skip
    metrics: Series = [(name, value, 0) for name, value in figures.items()]
    money_by = by_name(answer.channels, answer.spend.sum(axis=1))
    metrics += [(f"spend_by_channel/{name}", value, 0) for name, value in money_by.items()]
    for name, line in zip(answer.channels, answer.spend, strict=True):
        metrics += [(f"spend_over_time/{name}", float(value), step) for step, value in enumerate(line, 1)]
    budget = f"{answer.budget:.12g}"
    return [
        decision.record(
            key, decision.about.name or decision.name(answer.budget, "split", figures["gain"], answer.value),
            tags=tags, params={"policy": "optimised", "budget": budget, **_read(decision), **asked_params(decision)},
            metrics=metrics, files={"plan.csv": _plan(answer), **decision.pages, **decision.call.kept(answer)},
            views=views,
        )
    ]  # fmt: skip


def _plan(answer: CurveAllocation) -> bytes:
    """Return the plan as ``tenure allocate -o plan.csv`` writes it."""
    return str(as_cells(answer.to_frame()).to_csv(index=False)).encode()


def _read(decision: Decision) -> dict[str, str]:
    """Return what the rules' file says, and a digest of the curves, as parameters."""
    import yaml

    found: dict[str, str] = {}
    rules, curves = (decision.call.arguments.get(name) for name in ("rules", "curves"))
    if isinstance(rules, str | Path):
        found |= flat({"rules": yaml.safe_load(Path(rules).read_text(encoding="utf-8")) or {}})
    if isinstance(curves, str | Path):
        found["curves.digest"] = joined(Path(curves).read_bytes().decode("latin-1"))[:12]
    return found
