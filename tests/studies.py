"""Small studies, planned and compared, that several tests report on or log."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from markets import ROOT

from experiments.compare import Comparison, compare
from optimizer.optimize import optimize
from optimizer.plan import Plan
from policies.catalogue import named
from policies.planned import Planned
from sim.scenario.file import Scenario, parse
from sim.twin import Twin, build


@dataclass(frozen=True)
class Study:
    scenario: Scenario
    twin: Twin
    plan: Plan
    comparison: Comparison


LEVERS = {
    "acquisition": {
        "targets": ["prospect"],
        "reference": 0.5,
        "moves": {"acquisition": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.5, "brings": 0.03}},
    },
    "retention": {
        "targets": ["new", "developing", "core", "declining"],
        "reference": 0.3,
        "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.955, "spend": 0.3, "brings": 0.9}},
    },
}
LIFECYCLE = {
    "name": "small & <b>bold</b>",
    "currency": "EUR",
    "periods": 6,
    "margin": 0.4,
    "loss": 0.05,
    "segments": {
        "fresh </script>": {
            "start": {"new": 800, "prospect": 900},
            "traits": {"purchase_rate": {"shape": 0.8, "rate": 2}, "defection_rate": 0.1, "spend": 30},
        }
    },
    "levers": LEVERS,
}
CHAIN = {
    "name": "two states",
    "period": "year",
    "periods": 5,
    "terminal": "none",
    "chain": {
        "states": ["buyer", "former"],
        "actions": [
            {"spend": 0, "moves": [[0.2, 0.8], [0, 1]], "reward": [40, 0]},
            {"spend": 4, "moves": [[0.7, 0.3], [0, 1]], "reward": [40, 0]},
        ],
        "reference": 0,
    },
    "segments": {"customers": {"start": {"buyer": 300}}},
    "rules": {"budget": 5000},
}
TRACKED = {
    "name": "small",
    "currency": "EUR",
    "periods": 5,
    "segments": {
        "fresh": {
            "start": {"new": 300, "prospect": 400},
            "traits": {"purchase_rate": 0.4, "defection_rate": 0.1, "spend": 30},
        }
    },
    "levers": {
        "offers > 1 [new]": {
            "targets": ["prospect"],
            "reference": 0.5,
            "moves": {"acquisition": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.5, "brings": 0.03}},
        },
        "care": {
            "targets": ["new", "developing", "core", "declining"],
            "reference": 0.3,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.96, "spend": 0.3, "brings": 0.9}},
        },
    },
}


def study_of(content: dict[str, object], seed: int = 0) -> Study:
    scenario = parse(content)
    twin = build(scenario)
    plan = optimize(twin)
    policies = [named("as today", twin, plan.budget), named("no spend", twin, plan.budget), Planned(plan.intensity)]
    return Study(scenario, twin, plan, compare(twin, policies, plan.budget, replications=3, seed=seed))


def tracked_study() -> tuple[Scenario, Plan, Comparison]:
    """Return the study whose runs are logged."""
    found = study_of(TRACKED, seed=7)
    return found.scenario, found.plan, found.comparison


SERVE = """
import signal, sys
from experiments.tracking.serve import serve
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, however the tests were started
serve(sys.argv[1], 0, announce=lambda url: print(url, flush=True))
"""


def served(folder: Path) -> subprocess.Popen[str]:
    """Return a process that serves a folder's runs until Ctrl-C; its first line is the address."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
