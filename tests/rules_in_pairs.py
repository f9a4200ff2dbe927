"""Kinds of rules and what the market does beside them, each binding on one small market; and what holds of a plan."""

import copy
from dataclasses import dataclass

import numpy as np
from markets import Content, Floats
from played import played

from experiments.compare import budget_of
from optimizer.ask.problem import AllocationProblem, allocation_problem
from optimizer.plan import Plan
from sim.engine.sensitivity import Course, follow
from sim.scenario.file import parse
from sim.twin import Twin, build

PERIODS, BUDGET = 4, 3000.0


def _lever(targets: list[str], reference: float, effect: str, without: float, most: float, brings: float) -> Content:
    curve = {"without_money": without, "unlimited_money": most, "spend": reference, "brings": brings}
    return {"targets": targets, "reference": reference, "moves": {effect: curve}}


CUSTOMERS = ["new", "developing", "core", "declining"]
PLAIN: Content = {
    "name": "pairs",
    "period": "quarter",
    "periods": PERIODS,
    "margin": 0.5,
    "terminal": "none",
    "stages": {"core": 2, "declining": 1, "lapsed": 2},
    "segments": {
        "all": {
            "start": {"new": 1500, "prospect": 1000},
            "traits": {"purchase_rate": 0.7, "defection_rate": 0.2, "spend": 20.0},
        },
    },
    "satisfaction": {"mix": [0.1, 0.2, 0.3, 0.3, 0.1], "defection_per_level": 0.2},
    "levers": {
        "winning": _lever(["prospect"], 0.4, "acquisition", 0.01, 0.3, 0.08),
        "keeping": {**_lever(CUSTOMERS, 0.3, "survival", 0.7, 0.95, 0.82), "cost_per_contact": 0.1},
        "service": {**_lever(CUSTOMERS, 0.1, "satisfaction", 0.0, 0.3, 0.1), "cost_per_contact": 0.1},
    },
    "rules": {"budget": BUDGET},
}

RULES: dict[str, Content] = {
    "floor": {"levers": {"service": {"floor": 0.2}}},
    "cap": {"levers": {"winning": {"cap": 0.15}}},
    "slice floor": {"slices": {"late": {"levers": ["keeping"], "start": 2, "floor": 900.0}}},
    "slice cap": {"slices": {"new ones": {"stages": ["new"], "each": "period", "cap": 150.0}}},
    "share floor": {"slices": {"declining": {"stages": ["declining"], "floor_share": 0.25}}},
    "share cap": {"slices": {"prospects": {"stages": ["prospect"], "cap_share": 0.2}}},
    "within": {"slices": {"near": {"levers": ["keeping"], "within": 0.05}}},
    "ramp": {"slices": {"steady": {"levers": ["winning"], "ramp": 0.1}}},
    "period share": {"period_share": 0.28},
    "stretches": {"stretches": {"every": 2}},
    "carry over": {"stretches": {"every": 2, "amounts": [1000.0, 2000.0], "carry_over": True}},
    "kept": {"people": {"kept": {"count": "kept", "at_least": 900.0}}},
    "customers": {"people": {"seen": {"count": "customers", "at": 2, "at_least": 1240.0}}},
    "core": {"people": {"core": {"count": "core", "at_least": 460.0}}},
    "satisfaction": {"people": {"felt": {"count": "satisfaction", "at_least": 50.0}}},
    "yearly profit": {"yearly_profit": 31_000.0},
    "least cash": {"least_cash": 9500.0},
    "contacts": {"contacts": 2.5},
    "campaign size": {"campaigns": {"winning": {"least": 600.0}}},
    "fixed cost": {"campaigns": {"keeping": {"fixed_cost": 400.0}}},
}
BESIDE: dict[str, Content] = {
    "lead time": {
        "levers": {"keeping": {"lead_time": 1, "committed": 0.1}, "winning": {"lead_time": 2, "committed": 0.2}}
    },
    "duration": {"levers": {"keeping": {"duration": 2}, "winning": {"duration": 3}}},
    "both times": {
        "levers": {"keeping": {"duration": 2, "lead_time": 1, "committed": 0.1}, "service": {"duration": 3}}
    },
    "saturation": {"levers": {"winning": {"saturation": 200.0}, "keeping": {"saturation": 400.0}}},
    "ties": {"links": {"mix": [0.3, 0.4, 0.2, 0.1], "turnover": 0.05, "gain": 0.02, "defection_per_link": 0.1}},
    "survey": {"survey": {"every": 2}},
}


def over(below: Content, above: Content) -> Content:
    """Return one content with another over it, key by key."""
    out = copy.deepcopy(below)
    for key, value in above.items():
        out[key] = over(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def with_kinds(*names: str) -> Twin:
    """Return the small market with rules, and what the market does beside them, by name."""
    content = PLAIN
    for name in names:
        content = over(content, {"rules": RULES[name]} if name in RULES else BESIDE[name])
    return build(parse(content))


@dataclass(frozen=True, eq=False)
class Kept:
    """What became of a plan when it was played."""

    problem: AllocationProblem
    course: Course
    missed: dict[str, float]
    contacts: float
    campaigns: dict[str, float]
    value: float
    moved: float

    @property
    def faults(self) -> list[str]:
        """Return what does not hold."""
        out = [f"misses '{name}' by {share:.1e} of it" for name, share in self.missed.items() if share > 1e-6]
        out += [f"{self.contacts:.6f} of the contacts"] * (self.contacts > 1 + 1e-9)
        out += [f"{name}: {share:.6f} of its least size" for name, share in self.campaigns.items() if share < 1 - 1e-6]
        out += [f"is worth {self.value:.1e} of its promise less"] * (abs(self.value) > 1e-9)
        return out


def kept(twin: Twin, plan: Plan) -> Kept:
    """Return what a plan keeps of its rules and of its promise when the market plays it."""
    problem = allocation_problem(twin)
    course = played(twin, plan.intensity, budget_of(twin, problem.budget))
    missed = problem.signs * (problem.counted(course) - problem.limits) / problem.row_units
    sizes, targets = {}, twin.targets
    for name, rule in twin.scenario.rules.campaigns.items():
        lever = targets.levers.index(name)
        money = course.spend[targets.lead[lever] :, :, :, lever].sum(axis=(1, 2))
        sizes |= {f"{name} in period {t}": m / rule.least for t, m in enumerate(money.tolist()) if rule.least and m > 0}
    load: Floats = (course.intensity * twin.chain.contact_load).sum(axis=3)
    return Kept(
        problem, course, {row.name: float(m) for row, m in zip(problem.rows, missed, strict=True)},
        float(load.max()), sizes, 1 - course.asset / plan.asset,
        float(np.abs(course.intensity - follow(twin.chain, plan.intensity).intensity).max()),
    )  # fmt: skip
