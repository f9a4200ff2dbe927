"""What a scenario's plan is when nobody may be won: how much of it rests on people who are assumed."""

from dataclasses import dataclass
from typing import Any

from experiments.firm import Firm
from experiments.firm.made import or_all
from experiments.question import Question
from optimizer.optimize import solve
from optimizer.plan import Plan
from sim.arrays import Step
from sim.scenario.file import Scenario, parse
from sim.scenario.ranges import leads
from sim.twin import build

__all__ = ["WithoutProspects", "scenario_without_prospects", "without_prospects"]

TO_BE_WON = frozenset({"unaware", "prospect"})


@dataclass(frozen=True, eq=False)
class WithoutProspects:
    """The plan for the customers there are, with today's money for them.

    Attributes
    ----------
    people : float
        Those assumed who may be won, left out here.
    share_on_them : float
        Their share of the money of the plan with them.
    plan : Plan
    """

    people: float
    share_on_them: float
    plan: Plan

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "people": self.people,
            "share_on_them": self.share_on_them,
            "budget": self.plan.budget,
            "asset": self.plan.asset,
            "lift_share": self.plan.lift_share,
            "spend": by_lever(self.plan),
        }


def by_lever(plan: Plan) -> dict[str, float]:
    """Return a plan's money by lever."""
    return dict(zip(plan.targets.levers, plan.spend.sum(axis=(0, 1, 2)).tolist(), strict=True))


def scenario_without_prospects(scenario: Scenario) -> Scenario | None:
    """Return a scenario of a base without people to be won and what is for them alone; None where none are stated."""
    if scenario.base is None or not TO_BE_WON & {stage for each in scenario.segments.values() for stage in each.start}:
        return None
    content = scenario.model_dump(mode="json", exclude_unset=True)
    content["segments"] = {
        name: each for name, each in content["segments"].items() if not (each.get("start") or each.get("births"))
    }
    content["levers"] = {n: each for n, each in content["levers"].items() if set(each["targets"]) - TO_BE_WON}
    rules = content.get("rules", {})
    rules["levers"] = {n: rule for n, rule in rules.get("levers", {}).items() if n in content["levers"]}
    rules.pop("budget", None)
    content["rules"] = rules
    content["uncertain"] = [each for each in content.get("uncertain", ()) if leads(content, each["path"])]
    content["evidence"] = [each for each in content.get("evidence", ()) if each["lever"] in content["levers"]]
    return parse({**content, "folder": scenario.folder})


def without_prospects(firm: Firm, plan: Plan, *, threads: int | None, progress: Step) -> WithoutProspects | None:
    """Return the plan of a firm without its people to be won; None where it states none, or rules name them."""
    from sim.errors import ScenarioError

    try:
        scenario = scenario_without_prospects(firm.scenario)
    except ScenarioError:  # an edited scenario whose rules speak of them
        return None
    if scenario is None:
        return None
    twin = build(scenario)
    asked = Question().of(twin)
    other = solve(  # its prices are never shown
        asked.problem(twin), known=asked.starts, bound_steps=0, priced=False, threads=or_all(threads),
        progress=progress("Optimising"),
    )  # fmt: skip
    stages = [plan.targets.stages.index(stage) for stage in sorted(TO_BE_WON)]
    people = sum(
        number for each in firm.scenario.segments.values() for stage, number in each.heads.items() if stage in TO_BE_WON
    )
    share = float(plan.spend[:, :, stages].sum() / plan.spend.sum()) if plan.spend.sum() > 0 else 0.0
    return WithoutProspects(people, share, other)
