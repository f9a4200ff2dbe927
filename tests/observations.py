"""An observation of which a test says what matters; the rest is as of a firm that has seen nothing yet."""

from typing import Any

import numpy as np

from sim.contract import ALARMS, Observation, Targets


def observation_of(targets: Targets, **known: Any) -> Observation:
    """Return what is known, with no money limits, nobody there, and nothing spent or bought before."""
    groups, stages, levers = targets.shape
    nothing = np.zeros((groups, stages))
    blank: dict[str, Any] = {
        "period": 0, "periods": 1, "targets": targets, "customers": nothing.copy(), "available": np.inf,
        "lever_available": np.full(levers, np.inf), "lever_spent": np.zeros(levers),
        "satisfaction": np.full((groups, stages), np.nan), "budget_left": np.inf, "lever_floor": np.zeros(levers),
        "last_spend": np.zeros(targets.shape), "purchases": nothing.copy(), "revenue": nothing.copy(),
        "moves": np.zeros((groups, stages, stages)), "rivals": np.zeros(groups), "employees": np.nan,
        "alarms": np.zeros((groups, len(ALARMS)), dtype=bool),
    }  # fmt: skip
    return Observation(**{**blank, **known})
