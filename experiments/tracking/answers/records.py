"""The runs of any answer. A new kind of answer is one more line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.compare import Comparison
from experiments.monitored import Monitored
from experiments.told import Told
from experiments.tracking.answers.curves import allocation_records
from experiments.tracking.answers.monitoring import monitoring_records
from experiments.tracking.answers.plans import frontier_records, plan_records, risk_records
from experiments.tracking.answers.policies import comparison_records
from experiments.tracking.answers.told import told_records
from experiments.tracking.decision import Decision
from experiments.tracking.record import Record
from optimizer.curves.result import CurveAllocation
from optimizer.insight.frontier import Frontier
from optimizer.insight.risk import Risk
from optimizer.plan import Plan

__all__ = ["records_of"]

KINDS: tuple[tuple[type, Callable[[Any, Decision], list[Record]]], ...] = (
    (Comparison, comparison_records),
    (Plan, plan_records),
    (Frontier, frontier_records),
    (Risk, risk_records),
    (CurveAllocation, allocation_records),
    (Monitored, monitoring_records),
    (Told, told_records),
)


def records_of(decision: Decision) -> list[Record]:
    """Return the runs of a decision, the parent first."""
    return next(make for kind, make in KINDS if isinstance(decision.answer, kind))(decision.answer, decision)
