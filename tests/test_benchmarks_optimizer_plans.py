"""The optimiser's benchmark of whole plans, on markets small enough for a test."""

import pytest

from benchmarks.optimizer import PARTS
from benchmarks.optimizer_plans import customers, forty_segments, planned, planning, stage_of_eight


@pytest.mark.slow
def test_a_plan_is_measured_with_its_bound() -> None:
    figures, said = planned(forty_segments(1, segments=1, periods=3), "few")
    assert set(figures) == {"few_seconds", "few_processor_seconds", "few_lift_share"}
    assert 0.5 < figures["few_lift_share"] <= 1.0
    assert said.startswith("1 levers, 1 segments, 3 months: ")


def test_cases_are_of_the_sizes_that_they_say() -> None:
    eight = stage_of_eight()
    assert (len(eight["levers"]), len(eight["segments"]), eight["periods"]) == (8, 10, 36)
    assert all(lever["targets"] == eight["levers"]["mailings"]["targets"] for lever in eight["levers"].values())
    forty = forty_segments()
    assert (len(forty["levers"]), len(forty["segments"]), forty["periods"]) == (3, 40, 24)
    assert planning()["periods"] == 120
    assert abs(sum(sum(s["start"].values()) for s in customers(600)["segments"].values()) - 600) <= 2
    assert {"eight-levers", "forty-segments", "120-periods", "memory"} < set(PARTS)
