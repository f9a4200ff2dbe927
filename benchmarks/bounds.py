"""How far bounds lie above the best plans known, on random markets: instances tried, and the worst figures.

``python -m benchmarks.bounds [--instances 50] [--seed 0] [--json]``. Markets without couplings, of 1 to 8 levers a
stage and every shape of curve: no ascent, from whatever start, and no corner of the intensities may be worth more than
the bound; and where nothing is hidden and curves bend down, bound and plan meet.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from optimizer.ask.problem import AllocationProblem, allocation_problem, reference_spend
from optimizer.optimize import find
from optimizer.search.sequential import Sequential
from optimizer.stages.certify import certify
from optimizer.stages.prove import prove
from optimizer.stages.start import start
from sim.arrays import Floats
from sim.engine.sensitivity import follow
from sim.scenario.file import parse
from sim.twin import build

__all__ = ["Law", "bound_of", "contents_of", "law", "rival_plans"]

Content = dict[str, Any]

EFFECTS = ("survival", "purchase_rate", "amount", "satisfaction", "acquisition", "reactivation", "development")
SMOOTH, SHAPES = ("blattberg-deighton",), ("blattberg-deighton", "adbudg", "hill", "piecewise-linear")
LIVING = ["new", "developing", "core", "declining"]


@dataclass(frozen=True)
class Law:
    """One instance: levers, what the best plan known lacks to the bound, as a share of its lift, and ours to it."""

    seed: int
    levers: int
    beyond: float
    behind: float


def curve(rng: np.random.Generator, shape: str, low: float, high: float, spend: float) -> Content:
    """Return a random curve between two values."""
    share = float(rng.uniform(0.2, 0.7))
    if shape == "piecewise-linear":
        money = np.cumsum(rng.uniform(0.3, 1.0, 3)) * spend
        return {"shape": shape, "points": [[0, low], *zip(money, np.sort(rng.uniform(low, high, 3)), strict=True)]}
    if shape == "hill":
        out = {"unlimited_money": high, "half": spend, "steepness": float(rng.uniform(0.8, 2.5))}
    else:
        out = {"unlimited_money": high, "spend": spend, "brings": low + share * (high - low)}
        out |= {"steepness": float(rng.uniform(0.8, 2.5))} if shape == "adbudg" else {}
    return {"shape": shape, "without_money": low, **out}


def contents_of(seed: int, *, hidden: bool, levers: int | None = None, shapes: tuple[str, ...] = SHAPES) -> Content:
    """Return a random market without couplings; unless ``hidden`` all is seen that matters."""
    rng = np.random.default_rng(seed)
    given: Content = {}
    for number in range(levers or int(rng.integers(1, 9))):
        effect = str(rng.choice([each for each in EFFECTS if hidden or each != "satisfaction"]))
        spend = float(rng.uniform(0.2, 2))
        low, high = {"survival": (0.9, 0.99), "acquisition": (0.002, 0.15), "reactivation": (0.0, 0.1)}.get(
            effect, (0.0, 0.3)
        )
        high = low + float(rng.uniform(0.3, 1.0)) * (high - low)
        moved = ("purchase_rate", "amount") if effect == "development" else (effect,)
        given[f"lever {number}"] = {
            "targets": {"acquisition": ["prospect"], "reactivation": ["lapsed"]}.get(effect, LIVING),
            "reference": 0.5 * spend if effect == "survival" else float(rng.choice([0.0, 0.5])) * spend,
            "moves": {each: curve(rng, str(rng.choice(shapes)), low, high, spend) for each in moved},
        }
    traits: Content = {"purchase_rate": float(rng.uniform(0.3, 2)), "defection_rate": float(rng.uniform(0.03, 0.15))}
    if hidden:
        traits = {"purchase_rate": {"shape": 2.0, "rate": 2.0}, "defection_rate": {"shape": 1.5, "rate": 20.0}}
    content: Content = {
        "name": f"law {seed}", "period": "month", "periods": int(rng.integers(3, 6)),
        "margin": float(rng.uniform(0.2, 0.8)), "law": "silent" if hidden else "contractual",
        "loss": 0.03 if hidden else 0.0,  # who is lost for good is not told from who can be won back
        "terminal": str(rng.choice(["none", "value-to-go"])), "levers": given,
        "stages": {"core": 2, "declining": 2, "lapsed": 4 if hidden else 9},
        "segments": {
            "all": {
                "start": {"prospect": int(rng.integers(500, 3000)), "new": int(rng.integers(500, 3000))},
                "traits": {**traits, "spend": float(rng.uniform(10, 60))},
            }
        },
    }  # fmt: skip
    if any("satisfaction" in lever["moves"] for lever in given.values()):
        content["satisfaction"] = {
            "mix": [0.08, 0.17, 0.35, 0.28, 0.12], "mobility": 0.2, "entry": 3, "defection_per_level": 0.2,
        }  # fmt: skip
    return content


def problem_of(content: Content, seed: int) -> AllocationProblem:
    """Return the problem of a market with a random budget."""
    twin = build(parse(content))
    share = float(np.random.default_rng(seed + 1).uniform(0.3, 3))
    return allocation_problem(twin, share * max(reference_spend(twin.chain), 500.0))


def rival_plans(problem: AllocationProblem, seed: int, *, corners: int = 20, ascents: int = 2) -> list[float]:
    """Return what corners of the intensities and ascents from random starts are worth, within the rules."""
    chain, rng = problem.chain, np.random.default_rng(seed)
    search, worth = Sequential(problem), []
    top = np.minimum(chain.most, 4 * chain.usual) * chain.targets.allowed
    for number in range(corners + ascents):
        plan: Floats = rng.integers(0, 2, (chain.periods, *top.shape)) * top
        if number >= corners:
            plan = rng.uniform(0, 1, plan.shape) ** 2 * top
        used = problem.usage(plan)
        plan = plan * min(1.0, float((problem.limits / np.maximum(used, 1e-9)).min()))
        if number < corners:
            worth.append(follow(chain, plan).asset)
            continue
        end = search.run(search.amount_of(plan), lift=max(abs(worth[0]), 1.0))
        worth.extend([end.course.asset] if end.missed < 1e-9 else [])
    return worth


def bound_of(problem: AllocationProblem, steps: int = 20) -> tuple[float, float, float]:
    """Return what the plan is worth, the least spend is, and the bound."""
    begun = start(problem)
    proved = prove(begun, tolerance=1e-4, seconds=np.inf, threads=1, progress=lambda _: None)
    found = find(begun, proved, threads=1)
    proof = certify(
        begun, proved, found.repaired, bound_steps=steps, seconds=np.inf, threads=1, progress=lambda _: None
    ).proof
    return found.repaired.course.asset, begun.least.asset, proof.bound


def law(seed: int, *, hidden: bool, shapes: tuple[str, ...] = SHAPES) -> Law:
    """Return how one instance comes out."""
    content = contents_of(seed, hidden=hidden, shapes=shapes)
    problem = problem_of(content, seed)
    plan, least, bound = bound_of(problem)
    best = max(plan, *rival_plans(problem, seed))
    lift = max(best - least, 1e-9 * abs(best))
    return Law(seed, len(content["levers"]), (bound - best) / lift, (best - plan) / lift)


def main() -> None:
    """Print the worst of each kind of market."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    out: Content = {}
    for name, hidden, shapes in (
        ("seen, curves bend down", False, SMOOTH), ("seen", False, SHAPES), ("hidden", True, SHAPES),
    ):  # fmt: skip
        laws = [law(given.seed + i, hidden=hidden, shapes=shapes) for i in range(given.instances)]
        beyond = np.array([each.beyond for each in laws])
        out[name] = {
            "instances": len(laws), "least_room": float(beyond.min()), "median_room": float(np.median(beyond)),
            "worst_room": float(beyond.max()), "worst": asdict(laws[int(beyond.argmax())]),
        }  # fmt: skip
        if not given.json:
            print(f"{name}: {len(laws)} markets; the bound lies {beyond.min():.2e} to {beyond.max():.2e} of lift above "
                  f"the best plan known, in the median {np.median(beyond):.2e}")  # fmt: skip
    if given.json:
        print(json.dumps(out, indent=2))


if __name__ == "__main__":
    main()
