"""Whole plans with their bound: eight levers on one stage, forty segments, ten years, and the memory of a small one.

Markets without couplings, whose customers' traits and silent leaving the firm does not see. Seconds are from the
scenario's content to the plan with its bound and prices, kernels compiled before.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["customers", "forty_segments", "planned", "planning", "small_plan_memory", "stage_of_eight"]

Content = dict[str, Any]

LIVING = ["new", "developing", "core", "declining"]
MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "experiments", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(used / (2**20 if sys.platform == "darwin" else 2**10), file=sys.stderr)
"""
"""A process whose only child is the command, so that the most memory of its children is that of the command."""
PLANNING = Path(__file__).resolve().parent.parent / "examples" / "planning" / "scenario.yaml"


def _curve(without: float, unlimited: float, spend: float, brings: float) -> dict[str, float]:
    return {"without_money": without, "unlimited_money": unlimited, "spend": spend, "brings": brings}


def _lever(reference: float, targets: list[str], **moves: dict[str, float]) -> Content:
    return {"targets": targets, "reference": reference, "moves": moves}


EIGHT: Content = {
    "mailings": _lever(0.3, LIVING, survival=_curve(0.9, 0.97, 0.3, 0.93)),
    "service": _lever(0.4, LIVING, survival=_curve(0.92, 0.98, 0.5, 0.95)),
    "offers": _lever(0.2, LIVING, purchase_rate=_curve(0.0, 0.25, 0.2, 0.08)),
    "assortment": _lever(0.3, LIVING, purchase_rate=_curve(0.0, 0.2, 0.4, 0.07)),
    "advice": _lever(0.3, LIVING, amount=_curve(0.0, 0.2, 0.5, 0.06)),
    "bundles": _lever(0.2, LIVING, amount=_curve(0.0, 0.15, 0.3, 0.05)),
    "club": _lever(0.3, LIVING, purchase_rate=_curve(0.0, 0.15, 0.3, 0.05), amount=_curve(0.0, 0.1, 0.3, 0.03)),
    "app": _lever(0.2, LIVING, survival=_curve(0.93, 0.97, 0.3, 0.95), purchase_rate=_curve(0.0, 0.1, 0.2, 0.03)),
}
"""All of them on the same customers; two move two things at once."""
SIX: Content = {
    "advertising": _lever(0.5, ["prospect"], acquisition=_curve(0.004, 0.06, 0.5, 0.02)),
    "care": _lever(0.3, LIVING, survival=_curve(0.9, 0.985, 0.3, 0.95)),
    "offers": _lever(0.2, LIVING[:3], purchase_rate=_curve(0.0, 0.25, 0.2, 0.08)),
    "development": _lever(
        0.3, LIVING[:3], purchase_rate=_curve(0.0, 0.2, 0.4, 0.07), amount=_curve(0.0, 0.1, 0.4, 0.04)
    ),
    "winback": _lever(0.5, ["declining", "lapsed"], reactivation=_curve(0.005, 0.1, 0.8, 0.03)),
    "catalogue": _lever(0.3, LIVING, amount=_curve(0.0, 0.2, 0.5, 0.06)),
}
"""The first three are those of most firms."""


def _firm(segments: int, periods: int, levers: Content) -> Content:
    """Return a firm whose segments differ a little in traits that differ from customer to customer."""
    return {
        "name": f"{len(levers)} levers, {segments} segments, {periods} months", "period": "month", "periods": periods,
        "margin": 0.4, "loss": 0.04, "discount_rate": 0.1, "stages": {"core": 4, "declining": 3, "lapsed": 8},
        "segments": {
            f"segment {k:02d}": {
                "start": {"prospect": 5000, "new": 5000},
                "traits": {
                    "purchase_rate": {"shape": 1.2 + 0.08 * (k % 10), "rate": 4.0 - 0.1 * (k % 10)},
                    "defection_rate": {"shape": 1.2 + 0.04 * (k % 10), "rate": 20.0 + 1.5 * (k % 10)},
                    "spend": {"p": 6.0, "q": 5.0, "gamma": 18.0 + 1.2 * (k % 10)},
                },
            }
            for k in range(segments)
        },
        "levers": levers,
    }  # fmt: skip


def stage_of_eight(segments: int = 10, periods: int = 36) -> Content:
    """Return a firm with eight levers on one stage."""
    return _firm(segments, periods, EIGHT)


def forty_segments(levers: int = 3, segments: int = 40, periods: int = 24) -> Content:
    """Return a firm with many segments and up to six levers."""
    return _firm(segments, periods, dict(list(SIX.items())[:levers]))


def planning(periods: int = 120) -> Content:
    """Return the planning example over so many periods."""
    return {**_example(), "periods": periods}


def customers(number: int = 600) -> Content:
    """Return the planning example with so many people in all."""
    content = _example()
    whole = sum(sum(segment["start"].values()) for segment in content["segments"].values())
    for segment in content["segments"].values():
        segment["start"] = {stage: round(count * number / whole) for stage, count in segment["start"].items()}
    return content


def _example() -> Content:
    import yaml

    content: Content = yaml.safe_load(PLANNING.read_text(encoding="utf-8"))
    return content


def planned(content: Content, name: str, *, seconds: float = float("inf")) -> tuple[dict[str, Any], str]:
    """Return the figures of one plan with its bound, ``name_...``, and what they say; ``seconds`` for each search."""
    from optimizer.ask.problem import allocation_problem
    from optimizer.optimize import solve
    from sim.scenario.file import parse
    from sim.twin import build

    began, used = time.perf_counter(), time.process_time()
    problem = allocation_problem(build(parse(content)))
    plan = solve(problem, seconds=seconds)
    took, used = time.perf_counter() - began, time.process_time() - used
    parts = ", ".join(f"{part} {each:.1f}" for part, each in plan.seconds.items())
    said = f"{content['name']}: {took:.1f} s ({used:.1f} of processors; {parts}), {plan.lift_share:.1%} of lift proven"
    figures = {f"{name}_seconds": took, f"{name}_processor_seconds": used, f"{name}_lift_share": plan.lift_share}
    return figures, said


def small_plan_memory(number: int = 600) -> float:
    """Return the most memory, in MB, that ``tenure optimize`` takes for so many customers, kernels compiled before."""
    import yaml

    with tempfile.TemporaryDirectory() as folder:
        scenario, plan = Path(folder) / "scenario.yaml", Path(folder) / "plan.json"
        scenario.write_text(yaml.safe_dump(customers(number), sort_keys=False), encoding="utf-8")
        words = [sys.executable, "-c", MEASURED, "optimize", str(scenario), "-o", str(plan)]
        said = [subprocess.run(words, check=True, capture_output=True, text=True).stderr for _ in range(2)]
    return float(said[1].split()[-1])
