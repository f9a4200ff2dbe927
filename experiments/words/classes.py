"""What a plan does with each class that is built in, beside what is usually said of such classes."""

from collections.abc import Sequence

import numpy as np

from experiments.words.bases import ADVICE, advice
from experiments.words.figures import money
from experiments.words.languages import spoken
from experiments.words.tables import table
from optimizer.plan import Plan
from sim.arrays import Floats
from sim.engine.sensitivity import follow
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = ["class_columns", "class_rows", "classes_in_words"]

_BOTH = {
    "class": ("class", "类别"),
    "said": ("usually said", "通常建议"),
    "changes": ("what changes", "变化"),
    "today": ("as today", "现状"),
    "plan": ("the plan", "方案"),
    "nothing": ("nothing", "无"),
}
MOST_LEVERS = 3
SMALL = 0.005
"""Part of all money below which a change is none."""


def classes_in_words(plan: Plan, twin: Twin) -> str:
    """Return what a plan does with each class beside what is usually said of it; nothing where there are no classes."""
    if not class_rows(twin.scenario, *plan.by_segment_and_lever(), plan.by_segment_and_lever()[2]):
        return ""
    chain, targets = twin.chain, plan.targets
    usual = follow(chain, np.broadcast_to(targets.reference, plan.intensity.shape))
    segments, levers, then = plan.by_segment_and_lever()
    today = targets.by_segment(usual.spend)[2][:, targets.paid]
    rows = class_rows(twin.scenario, segments, levers, today, then)
    return f"By class, beside what is usually said of it:\n\n{table(class_columns(), rows, left=3)}\n\n"


def class_columns(language: str = "en") -> list[str]:
    """Return the columns of :func:`class_rows`."""
    words = spoken(_BOTH, language)
    return [words[name] for name in ("class", "said", "changes", "today", "plan")]


def class_rows(
    scenario: Scenario, segments: Sequence[str], levers: Sequence[str], today: Floats, plan: Floats,
    language: str = "en",
) -> list[list[str]]:  # fmt: skip
    """Return a row a class: money as today and under a plan, by which levers it changes, and what is usually said.

    Nothing where the segments of the scenario's base are no classes that are built in.

    Parameters
    ----------
    today, plan : (segments, levers)
        Money over the horizon.
    """
    if scenario.base is None or not any(name in ADVICE for name in scenario.base.segment_names):
        return []
    most = float(max(today.sum(), plan.sum()))
    rows = []
    for i, name in enumerate(segments):
        if name not in ADVICE:
            continue
        change = plan[i] - today[i]
        order = sorted(range(len(levers)), key=lambda k: -abs(change[k]))
        said = [
            f"{levers[k]} {money(float(change[k]), True, among=most)}"
            for k in order[:MOST_LEVERS]
            if abs(change[k]) > SMALL * most
        ]
        rows.append([
            name, advice(name, language), (", " if language == "en" else "、").join(said)
            or spoken(_BOTH, language)["nothing"], money(float(today[i].sum()), among=most),
            money(float(plan[i].sum()), among=most),
        ])  # fmt: skip
    return rows
