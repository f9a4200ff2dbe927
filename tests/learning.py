"""What tests of learning from evidence share: a scenario of two segments, a trial, and a point of what was learned."""

from typing import Any

import numpy as np

from sim.responses.learn import Learned
from sim.responses.read import Trial

KEY = ("care", "survival", "")
CURVE = {"without_money": 0.88, "unlimited_money": 0.97, "spend": 0.5, "brings": 0.93}
OFFER = {"shape": "hill", "without_money": 0.0, "unlimited_money": 0.4, "half": 1.0, "steepness": 1}
CONTENT: dict[str, Any] = {
    "name": "tests", "periods": 3,
    "segments": {
        name: {
            "start": {"prospect": 4000, "new": 500},
            "traits": {"purchase_rate": 0.5, "defection_rate": 0.07, "spend": 20},
        }
        for name in ("town", "country")
    },
    "levers": {
        "care": {"targets": ["new", "core"], "reference": 0.5, "moves": {"survival": CURVE}},
        "offers": {"targets": ["new", "core"], "reference": 0.5, "moves": {"purchase_rate": OFFER}},
        "adverts": {
            "targets": ["prospect"], "reference": 0.5,
            "moves": {"acquisition": {"without_money": 0.02, "unlimited_money": 0.2, "spend": 0.5, "brings": 0.08}},
        },
    },
    "uncertain": [
        {"path": "levers.adverts.moves.acquisition.without_money", "low": 0.01, "high": 0.03},
        {"path": "levers.adverts.moves.acquisition.brings", "low": 0.04, "high": 0.14},
        {"path": "levers.adverts.moves.acquisition.unlimited_money", "low": 0.15, "high": 0.35},
    ],
}  # fmt: skip


def row(found: Learned, at: float) -> Any:
    return next(each for each in found.curves if each.at == at)


def trial(
    doses: list[float], shares: list[float], n: float = 4000, key: tuple[str, str, str] = KEY, **how: Any
) -> Trial:
    ones = np.ones(len(doses))
    periods = how.pop("periods", 1) * ones
    return Trial(key, np.array(doses), np.array(shares), n * ones, periods, how.pop("chosen", False), "test.csv")
