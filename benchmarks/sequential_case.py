"""The sequential search at a firm's size: ten segments, eight levers, three years of months, everything coupled.

Run ``python -m benchmarks.sequential_case [--json]`` from the repository root.
"""

import argparse
import json
import time
from dataclasses import fields, replace
from typing import Any

import numpy as np

from benchmarks.retailer import retailer

__all__ = ["coupled_firm", "sequential"]


def coupled_firm(segments: int = 10, periods: int = 36) -> dict[str, Any]:
    """Return the retailer with three levers more: service, employees, and a medium that saturates; under rules."""
    content = retailer(1_000_000, segments, periods)
    content["terminal"] = "value-to-go"
    content["employees"] = {"usual": 60}
    customers = ["new", "developing", "core", "declining"]
    chance = {"without_money": 0.0, "unlimited_money": 0.08, "spend": 0.5, "brings": 0.03}
    gain = {"without_money": 0.0, "unlimited_money": 0.3, "spend": 0.5, "brings": 0.06}
    points = {"without_money": 0.0, "unlimited_money": 8.0, "spend": 0.3, "brings": 3.0}
    content["levers"]["service"] = {"targets": customers, "reference": 0.3, "moves": {"satisfaction": chance}}
    content["levers"]["training"] = {"targets": customers, "reference": 0.1, "moves": {"employee": points}}
    content["levers"]["catalogue"] = {
        "targets": customers, "reference": 0.4, "moves": {"purchase_rate": gain}, "saturation": 200_000.0,
    }  # fmt: skip
    content["rules"] = {
        "stretches": {"every": 3},
        "levers": {"awareness": {"floor": 0.02}, "catalogue": {"cap": 0.3}},
        "people": {"kept": {"count": "kept", "at_least": 0.8, "of_start": True}},
    }
    return content


def sequential(classes: int = 10) -> dict[str, Any]:
    """Return seconds to a stationary plan, and what was found, from today's spend; classes thinned out to ``classes``.

    The people of a segment keep their number; what is measured is time, not the law.
    """
    from optimizer.ask.problem import allocation_problem
    from optimizer.ask.rows import as_today
    from optimizer.search.sequential import Sequential
    from optimizer.stages.start import least_spend
    from sim.scenario.file import parse
    from sim.twin import build

    scenario = parse(coupled_firm())
    twin = build(scenario)
    chain: Any = twin.chain
    blocks, kept = chain.group.size, []
    for group in range(chain.targets.shape[0]):
        mine = np.flatnonzero(chain.group == group)
        kept.append(mine[np.linspace(0, mine.size - 1, min(classes, mine.size)).astype(int)])
    who = np.concatenate(kept)
    thinned = {
        each.name: np.ascontiguousarray(np.take(array, who, axis=array.shape.index(blocks)))
        for each in fields(chain)
        if isinstance(array := getattr(chain, each.name), np.ndarray) and blocks in array.shape
    }
    scale = chain.initial.sum() / thinned["initial"].sum()
    chain = replace(chain, **{**thinned, "initial": thinned["initial"] * scale})
    problem = allocation_problem(replace(twin, chain=chain))
    idle, today = least_spend(problem), problem.today.course
    search = Sequential(problem)
    search.run(search.amount_of(as_today(chain)), lift=abs(today.asset - idle.asset), steps=1)  # compiles
    began = time.perf_counter()
    end = search.run(search.amount_of(as_today(chain)), lift=abs(today.asset - idle.asset))
    return {
        "sequential_seconds": time.perf_counter() - began,
        "sequential_steps": end.steps,
        "sequential_stationary": end.stationary,
        "sequential_missed": end.missed,
        "sequential_variables": int(end.amount.size),
        "sequential_states": int(chain.initial.size),
        "sequential_lift_today": today.asset - idle.asset,
        "sequential_lift": end.course.asset - idle.asset,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = sequential()
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value:,.6g}" if not isinstance(value, bool) else f"{name:24} {value}")


if __name__ == "__main__":
    main()
