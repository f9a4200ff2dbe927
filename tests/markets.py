"""Small markets that several tests share, as the contents of scenario files, and where files lie."""

import copy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sim.customers.purchase_models import ParetoNBD
from sim.scenario.file import WEEKS_PER_PERIOD

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]
Actions = np.ndarray[Any, np.dtype[np.uint8]]

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
SMALL = ROOT / "tests" / "data" / "small.yaml"

SHORT_STAGES = {"core": 2, "declining": 1, "lapsed": 2}
LINE = {"shape": "piecewise-linear", "points": [[0, 0], [10, 1]]}
"""``f(u) = u/10`` up to 10: easy on hands."""
MIX = [0.1, 0.15, 0.3, 0.25, 0.2]

MIXED = {
    "purchase_rate": {"shape": 0.8, "rate": 2.0},
    "defection_rate": {"shape": 0.7, "rate": 3.0},
    "spend": {"p": 6.0, "q": 4.0, "gamma": 15.0},
}

SMALL_MARKET: Content = {
    "name": "small market",
    "periods": 8,
    "margin": 0.4,
    "loss": 0.05,
    "stages": {"core": 3, "declining": 2, "lapsed": 3},
    "segments": {
        "regulars": {"start": {"new": 20_000}, "traits": MIXED},
        "fresh": {
            "start": {"unaware": 20_000, "prospect": 10_000},
            "traits": {
                "purchase_rate": {"shape": 0.553, "rate": 2.4},
                "defection_rate": {"shape": 0.606, "rate": 2.7},
                "spend": {"p": 6.0, "q": 4.0, "gamma": 12.0},
            },
        },
    },
    "levers": {
        "awareness": {
            "targets": ["unaware"],
            "reference": 0.02,
            "moves": {
                "awareness": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.02, "brings": 0.02},
            },
        },
        "acquisition": {
            "targets": ["prospect"],
            "reference": 0.5,
            "moves": {
                "acquisition": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.5, "brings": 0.03},
            },
        },
        "development": {
            "targets": ["new", "developing", "core"],
            "reference": 0.2,
            "moves": {
                "purchase_rate": {"without_money": 0, "unlimited_money": 0.3, "spend": 0.2, "brings": 0.1},
                "amount": {"without_money": 0, "unlimited_money": 0.1, "spend": 0.2, "brings": 0.03},
            },
        },
        "retention": {
            "targets": ["new", "developing", "core", "declining"],
            "reference": 0.3,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.96, "spend": 0.3, "brings": 0.9}},
        },
        "winback": {
            "targets": ["declining", "lapsed"],
            "reference": 0.1,
            "moves": {"reactivation": {"without_money": 0, "unlimited_money": 0.2, "spend": 0.1, "brings": 0.03}},
        },
    },
    "competitors": [{"name": "rival", "start": 3, "route": "defection", "strength": 0.3}],
}

PLAIN_TRAITS = {
    "regulars": {"purchase_rate": 0.6, "defection_rate": 0.1, "spend": 30.0},
    "fresh": {"purchase_rate": 0.4, "defection_rate": 0.15, "spend": 40.0},
}


def small(**changes: Any) -> Content:
    """Return a scenario of one segment whose customers neither buy nor leave, and a lever that costs nothing."""
    idle = {"targets": ["new"], "reference": 0, "moves": {"amount": LINE}}
    traits = {"purchase_rate": 0.0, "defection_rate": 0.0, "spend": 10.0}
    content: Content = {
        "name": "small",
        "periods": 4,
        "terminal": "none",
        "segments": {"all": {"start": {"new": 1}, "traits": traits}},
        "levers": {"idle": idle},
    }
    return {**content, **copy.deepcopy(changes)}


CDNOW = ParetoNBD(0.5533, 10.5776, 0.6062, 11.6679)
MONTH = WEEKS_PER_PERIOD["month"]


def answer(curve: Content, money: float, reach: float = 1.0) -> float:
    """Return the response through a manager's four answers: f(0), f(spend), f(infinity), and reach."""
    low, high = curve["without_money"], curve["unlimited_money"]
    left = ((high - curve["brings"]) / (high - low)) ** (money / curve["spend"])  # share of the room not yet won
    return float(reach * (high - (high - low) * left) + (1 - reach) * low)


def orders(path: Path, customers: int = 400) -> Path:
    """Write purchases of customers who buy at their own rates and leave, with columns of a shop's export."""
    random = np.random.default_rng(5)
    start = date(2024, 1, 1)
    lines = ["client;order_date;revenue"]
    for who in range(customers):
        day = int(random.integers(0, 60))
        rate, leaves = random.gamma(1.0, 1 / 40), random.exponential(300)
        lines.append(f"{who};{start + timedelta(days=day)};{random.gamma(6, 5):.2f}")
        now = float(day)
        while True:
            now += random.exponential(1 / rate)
            if now > min(day + leaves, 540):
                break
            lines.append(f"{who};{start + timedelta(days=int(now))};{random.gamma(6, 5):.2f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def members(path: Path, number: int = 600, a: float = 0.8, b: float = 6.0) -> Path:
    """Write contracts that renew every month unless each by a chance of its own, until the end of 2024."""
    random = np.random.default_rng(8)
    lines = ["member;joined;left;fee"]
    for who in range(number):
        start = int(random.integers(0, 24))
        lives = int(random.geometric(random.beta(a, b)))
        end = start + lives
        left = f"{2023 + end // 12}-{end % 12 + 1:02d}-01" if end <= 23 else ""
        lines.append(f"M{who};{2023 + start // 12}-{start % 12 + 1:02d}-01;{left};{random.choice([15, 25])}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


TRAITS = {
    "purchase_rate": {"shape": 1.5, "rate": 1.5},
    "defection_rate": {"shape": 2.0, "rate": 20.0},
    "spend": {"p": 6, "q": 4, "gamma": 15},
}
CURVE = {"without_money": 0.0, "unlimited_money": 0.2, "spend": 1.0, "brings": 0.05}
EVERY_MECHANISM: dict[str, Any] = {
    "name": "everything",
    "currency": "EUR",
    "periods": 8,
    "terminal": "none",
    "margin": 0.4,
    "loss": 0.05,
    "stages": {"core": 3, "declining": 2, "lapsed": 3},
    "cost_to_serve": {"per_customer": 0.5, "per_purchase": 0.2},
    "segments": {
        "home": {
            "start": {"unaware": 300, "prospect": 200, "new": 300},
            "births": {"prospect": 20},
            "traits": TRAITS,
            "quality": [{"share": 0.8}, {"share": 0.2, "acquisition": 2.0, "spend": 0.3, "bad_debt": 0.5}],
            "value_to_customer": {"gain": 50, "cost": 30, "usual": 15, "bring": 0.002},
        },
        "away": {"start": {"prospect": 100, "new": 200}, "traits": TRAITS},
    },
    "satisfaction": {"mix": [0.1, 0.2, 0.3, 0.3, 0.1], "defection_per_level": 0.2},
    "employees": {"usual": 60, "start": 65},
    "links": {"mix": [0.3, 0.4, 0.2, 0.1], "turnover": 0.05, "gain": 0.02, "defection_per_link": 0.1},
    "word_of_mouth": {"home": {"away": 1.0}},
    "share_of_customer": 0.5,
    "survey": {"every": 2},
    "seasons": [1.0, 0.5],
    "competitors": [
        {"name": "copycat", "start": 2, "route": "acquisition", "strength": 0.2, "reaction": 1.0},
        {"name": "shop", "start": 0, "end": 4, "route": "share of customer", "strength": 0.1, "segments": ["away"]},
    ],
    "shocks": [
        {"name": "slump", "start": 1, "end": 3, "route": "purchase rate", "size": -0.2},
        {"name": "strike", "start": 4, "end": 5, "route": "employee", "size": -4},
        {"name": "merger", "start": 6, "route": "turnover", "size": 0.1},
    ],
    "levers": {
        "tv": {
            "targets": ["unaware"], "reference": 0.5, "moves": {"awareness": CURVE}, "lead_time": 2, "duration": 2,
            "saturation": 100,
        },
        "offers": {"targets": ["prospect"], "reference": 1.0, "moves": {"acquisition": CURVE}},
        "range": {"targets": ["new", "developing", "core"], "reference": 0.2, "moves": {"preference": CURVE}},
        "service": {
            "targets": ["new", "developing", "core", "declining"], "reference": 0.3,
            "moves": {"satisfaction": CURVE, "links": CURVE},
        },
        "training": {"targets": ["new", "developing", "core", "declining", "lapsed"], "reference": 0.1,
                     "moves": {"employee": CURVE}},
        "winback": {"targets": ["lapsed"], "reference": 0.1, "moves": {"reactivation": CURVE}},
    },
}  # fmt: skip
