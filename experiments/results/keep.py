"""What is kept of a study: the report as a page, the runs in the MLflow store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.compare import Comparison
from sim.arrays import Step

if TYPE_CHECKING:
    from experiments.report.grounds import FittedFigure
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["keep_study"]


def keep_study(
    folder: Path,
    name: str,
    scenario_file: Path | None,
    *,
    scenario: Scenario,
    twin: Twin,
    comparison: Comparison,
    plan: Plan | None,
    plan_policy: str = "plan",
    fit: Sequence[FittedFigure] | None = None,
    look: Mapping[str, Any] | None = None,
    step: Step,
) -> tuple[Path, str]:
    """Write ``report.html`` in a folder, log the runs to the store there, and return the page and the store's address.

    Parameters are those of :func:`experiments.report.write.write_report` and
    :func:`experiments.tracking.log.log_study`; ``look`` holds language, title and logo of the page.
    """
    from experiments.report.write import write_report
    from experiments.tracking.log import log_study

    step("Writing the report")
    report = folder / "report.html"
    write_report(
        report, scenario=scenario, twin=twin, comparison=comparison, plan=plan, plan_policy=plan_policy, fit=fit,
        **(look or {}),
    )  # fmt: skip
    step("Logging to MLflow")
    tracked = log_study(
        folder, scenario=scenario, comparison=comparison, plan=plan, plan_policy=plan_policy, report=report, study=name,
        scenario_file=scenario_file,
    )  # fmt: skip
    return report, tracked.tracking_uri
