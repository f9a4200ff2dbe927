"""Random markets for laws that every optimum must keep: few periods and segments, every shape of curve."""

from typing import Any

import numpy as np

from sim.arrays import Floats

__all__ = ["chain_market", "random_market", "threshold_market"]

Content = dict[str, Any]

TARGETS = {
    "awareness": ("unaware",),
    "acquisition": ("prospect",),
    "survival": ("new", "developing", "core", "declining"),
    "purchase_rate": ("new", "developing", "core"),
    "reactivation": ("declining", "lapsed"),
}
RANGES = {
    "awareness": (0.005, 0.15), "acquisition": (0.005, 0.2), "survival": (0.75, 0.97), "purchase_rate": (0.0, 0.4),
    "reactivation": (0.0, 0.1),
}  # fmt: skip
COSTS = (0, 1, 2, 4, 8)


def curve(rng: np.random.Generator, effect: str, usual: float) -> Content:
    """Return a response of a random shape: saturating, S-shaped, steep at nothing, or a broken line."""
    low, high = RANGES[effect]
    top = low + (high - low) * float(rng.uniform(0.4, 1.0))
    kind = str(rng.choice(["saturating", "hill", "adbudg", "piecewise-linear"]))
    if kind == "piecewise-linear":
        money = usual * np.cumsum(rng.uniform(0.3, 2.0, 3))
        values = low + (top - low) * np.sort(rng.uniform(0.1, 1.0, 3))
        points = [[0.0, low], *([float(u), float(f)] for u, f in zip(money, values, strict=True))]
        return {"shape": kind, "points": points}
    ends = {"without_money": low, "unlimited_money": top}
    if kind == "hill":
        half = usual * float(rng.uniform(0.5, 4.0))
        return {"shape": kind, **ends, "half": half, "steepness": float(rng.uniform(0.6, 4.0))}
    known = {**ends, "spend": usual, "brings": low + (top - low) * float(rng.uniform(0.1, 0.6))}
    return {"shape": kind, **known, "steepness": float(rng.uniform(0.6, 3.0))} if kind == "adbudg" else known


def random_market(seed: int, coupled: bool = False) -> Content:
    """Return a market of one or two segments and two to four levers; ``coupled``: word of mouth among its customers."""
    rng = np.random.default_rng(seed)
    effects = rng.permutation(list(TARGETS))[: int(rng.integers(2, 5))].tolist()
    segments = {}
    for k in range(int(rng.integers(1, 3))):
        segments[f"s{k}"] = {
            "start": {place: int(rng.integers(200, 4000)) for place in ("unaware", "prospect", "new")},
            "traits": {
                "purchase_rate": float(rng.uniform(0.2, 1.5)), "defection_rate": float(rng.uniform(0.03, 0.3)),
                "spend": float(rng.uniform(10, 80)),
            },
        }  # fmt: skip
    levers = {}
    for effect in effects:
        usual = float(rng.uniform(0.1, 1.0))
        moves = {effect: curve(rng, effect, usual)}
        levers[effect] = {"targets": list(TARGETS[effect]), "reference": usual, "moves": moves}
    content: Content = {
        "name": f"random market {seed}", "periods": int(rng.integers(3, 7)), "margin": 0.4, "loss": 0.05,
        "discount_rate": 0.1, "stages": {"core": 3, "declining": 1, "lapsed": 3}, "segments": segments,
        "levers": levers,
    }  # fmt: skip
    if coupled:
        content["satisfaction"] = {"mix": [0.1, 0.15, 0.3, 0.25, 0.2], "mobility": 0.3, "defection_per_level": 0.2}
        content["word_of_mouth"] = {"s0": {"s0": float(rng.uniform(0.5, 3.0))}}
    if rng.random() < 0.4:
        content["rules"] = {"period_share": float(rng.uniform(1.2, 2.0)) / content["periods"]}
    return content


def threshold_market(seed: int, segments: int = 6, *, broken: bool = False) -> Content:
    """Return prospects of some segments, each with an S-curve of its own, and one period to win them in.

    Where ``broken``, curves are broken lines.
    """
    rng = np.random.default_rng(seed)
    people, own = {}, {}
    for k in range(segments):
        people[f"s{k}"] = {
            "start": {"prospect": int(rng.integers(200, 4000))},
            "traits": {
                "purchase_rate": float(rng.uniform(0.2, 1.5)), "defection_rate": float(rng.uniform(0.05, 0.4)),
                "spend": float(rng.uniform(20, 120)),
            },
        }  # fmt: skip
        low = float(rng.uniform(0, 0.01))
        answer = {
            "shape": "hill", "without_money": low, "unlimited_money": low + float(rng.uniform(0.02, 0.3)),
            "half": float(rng.uniform(0.5, 6)), "steepness": float(rng.uniform(1.2, 6)),
        }  # fmt: skip
        if broken:
            rises = low + np.sort(rng.uniform(0.02, 0.3, 3))
            points = [[0.0, low], *zip(np.cumsum(rng.uniform(0.3, 2, 3)).tolist(), rises.tolist(), strict=True)]
            answer = {"shape": "piecewise-linear", "points": points}
        own[f"s{k}"] = {"moves": {"acquisition": answer}}
    lever = {"targets": ["prospect"], "reference": 0.5, "moves": own["s0"]["moves"], "by_segment": own}
    return {
        "name": f"thresholds {seed}", "periods": 1, "margin": 0.4, "segments": people, "levers": {"acquisition": lever}
    }  # fmt: skip


def chain_market(seed: int, states: int = 15, periods: int = 6) -> Content:
    """Return customers in states that are all seen, and actions of cost 0, 1, 2, 4 and 8 (Boutilier & Lu 2016)."""
    rng = np.random.default_rng(seed)
    names = [f"x{k}" for k in range(states)]
    base, level = rng.dirichlet(np.full(states, 0.3), states), np.sort(rng.uniform(0, 30, states))
    actions = []
    for k, cost in enumerate(COSTS):
        weight = 0.15 * k
        moves = whole((1 - weight) * base + weight * rng.dirichlet(np.full(states, 0.3), states))
        reward = level * (1 + 0.1 * k * rng.uniform(0, 1, states))
        actions.append({"spend": cost, "moves": moves.tolist(), "reward": reward.tolist()})
    return {
        "name": f"chain {seed}", "periods": periods, "discount_rate": 0.1, "terminal": "none",
        "chain": {"states": names, "lever": "contact", "actions": actions, "reference": 1},
        "segments": {"all": {"start": {name: int(rng.integers(10, 200)) for name in names}}},
    }  # fmt: skip


def whole(moves: Floats) -> Floats:
    """Return odds that add up to 1 to the last digit that is read."""
    moves = moves / moves.sum(axis=1, keepdims=True)
    moves[:, -1] += 1 - moves.sum(axis=1)
    return moves
