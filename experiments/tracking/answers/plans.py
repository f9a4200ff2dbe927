"""The runs of plans that were optimised, in expected numbers: one, one by budget, one for all that is not known."""

from __future__ import annotations

import math
from collections.abc import Mapping

from experiments.tracking.answers.asked import asked_params, key_of_call
from experiments.tracking.call import plan_file
from experiments.tracking.decision import Decision
from experiments.tracking.keys import joined
from experiments.tracking.metrics import expected_metrics
from experiments.tracking.record import Record, Series
from experiments.words.figures import money, short
from experiments.words.tables import markdown
from optimizer.ask.rows import as_today
from optimizer.insight.frontier import Frontier, Point
from optimizer.insight.risk import Risk
from optimizer.plan import Plan
from sim.engine.sensitivity import follow

__all__ = ["frontier_records", "plan_records", "risk_records"]


def _today(decision: Decision) -> float:
    """Return the customer asset of today's spend in expected numbers."""
    assert decision.twin is not None
    return follow(decision.twin.chain, as_today(decision.twin.chain)).asset


def plan_records(answer: Plan, decision: Decision) -> list[Record]:
    """Return the run of a plan."""
    key = key_of_call(decision, "plan")
    gain = answer.asset - _today(decision)
    views = decision.views(key, [])[-1:]
    tags = decision.tags("policy", key, policy="optimised", unit_key=key, numbers="expected", gain_over="as today")
    tags["mlflow.note.content"] = decision.note(decision.said, [_money_table(answer)], views=views, key=key)
    limit = answer.budget if math.isfinite(answer.budget) else float(answer.spend.sum())
    params = {"policy": "optimised", "budget": decision.budget, "targeting": answer.targeting, **asked_params(decision)}
    return [
        decision.record(
            key, decision.about.name or decision.name(limit, "optimised", gain, answer.asset), tags=tags,
            params=params, metrics=expected_metrics(answer, {"gain": gain, "asset": answer.asset, "budget": limit}),
            files={"plan.json": plan_file(answer), **decision.pages, **decision.call.kept(answer)}, views=views,
        )
    ]  # fmt: skip


def frontier_records(answer: Frontier, decision: Decision) -> list[Record]:
    """Return the runs of a frontier: one for each budget."""
    key, today = key_of_call(decision, "frontier"), _today(decision)
    points = [(point, f"{point.plan.budget:.12g}") for point in answer.points] + [(answer.sweet_spot, "no limit")]
    views = decision.views(key, [{"budget": budget} for _, budget in points])
    asked = {name: text for name, text in asked_params(decision).items() if not name.startswith("budgets")}
    rows = [
        f"| {short(float(b), digits=6) if b != 'no limit' else b} | {money(p.spend)} | {money(p.plan.asset)} | "
        f"{money(p.plan.asset - today, signed=True)} |"
        for p, b in points
    ]
    table = "\n".join(["| budget | spend | customer asset | gain over today |", "| --- | ---: | ---: | ---: |", *rows])
    tags = decision.tags("study", key, unit_key=key)
    tags["mlflow.note.content"] = decision.note(decision.said, [table], views=views, key=key)
    most = max(point.spend for point, _ in points)
    parent = decision.record(
        key, decision.about.name or f"{decision.world} / frontier up to {short(most)}", tags=tags, params=asked,
        metrics=[
            (f"frontier/{name}", value, i)
            for i, (point, _) in enumerate(points, 1)
            for name, value in (("spend", point.spend), ("asset", point.plan.asset), ("gain", point.plan.asset - today))
        ],
        files={**decision.pages, **decision.call.kept(answer)}, views=views,
    )  # fmt: skip
    return [parent, *(_point(point, budget, decision, key, today, asked) for point, budget in points)]


def _point(point: Point, budget: str, decision: Decision, key: str, today: float, asked: Mapping[str, str]) -> Record:
    plan, gain = point.plan, point.plan.asset - today
    tags = decision.tags("policy", key, policy="optimised", numbers="expected", gain_over="as today")
    unit = joined("point", key, budget)
    limit = float(budget) if budget != "no limit" else math.inf
    said = f"With {short(limit, digits=6)} the best plan found spends {money(point.spend)} and brings "
    said += f"{money(gain, signed=True)} {decision.scenario.currency} over today's spend, in expected numbers."
    tags["mlflow.note.content"] = decision.note(said, [_money_table(plan)], key=unit)
    facts = {"gain": gain, "asset": plan.asset, "kept": point.kept, "budget": limit}
    return decision.record(
        unit, decision.name(limit, "optimised", gain, plan.asset), tags={**tags, "unit_key": unit},
        params={**asked, "policy": "optimised", "budget": budget}, metrics=expected_metrics(plan, facts),
        files={"plan.json": plan_file(plan)}, parent=key,
    )  # fmt: skip


def risk_records(answer: Risk, decision: Decision) -> list[Record]:
    """Return the runs of a risk: one for each plan that was scored."""
    key = key_of_call(decision, "risk")
    today = next(score for score in answer.scores if score.name == "as today")
    asked = {**asked_params(decision), "budget": decision.budget}
    views = decision.views(key, [{"policy": score.name} for score in answer.scores])
    rows = [[a.path, f"{a.low:g} to {a.high:g}", money(a.at_stake)] for a in answer.assumptions]
    table = markdown(["assumption", "range", "at stake in the mean of both ends"], rows)
    tags = decision.tags("study", key, unit_key=key)
    tags["mlflow.note.content"] = decision.note(decision.said, [table], views=views, key=key)
    ends = [
        (f"{name}/{each.path}", value, 0)
        for each in answer.assumptions
        for name, value in (
            ("at_stake", each.at_stake), ("lift_at_low", each.lift_low), ("lift_at_high", each.lift_high)
        )
    ]  # fmt: skip
    budget = answer.cautious.budget
    facts: Series = [("price_of_robustness", answer.price_of_robustness, 0), *ends]
    parent = decision.record(
        key, decision.about.name or f"{decision.world} / {short(budget, digits=4)} / risk", tags=tags, params=asked,
        metrics=facts, files={**decision.pages, **decision.call.kept(answer)}, views=views,
    )  # fmt: skip
    best = max(score.mean for score in answer.scores)
    children = []
    for score in answer.scores:
        plan = {"expected": answer.expected, "cautious": answer.cautious}.get(score.name)
        unit, gain = joined("score", key, score.name), score.mean - today.mean
        said = f"{score.name}: on fresh samples {money(score.mean)} in the mean, {money(score.tail_mean)} in the worst."
        tags = decision.tags(
            "policy", key, policy=score.name, numbers="expected, on samples", gain_over=today.name, unit_key=unit
        )
        tags["mlflow.note.content"] = decision.note(said, [_money_table(plan)] if plan else [], key=unit)
        figures = {
            "gain": gain, "asset": score.mean, "regret": best - score.mean, "asset_in_the_worst": score.tail_mean,
            "asset_at_worst": score.worst, "share_that_loses": score.loses, "budget": budget,
        }  # fmt: skip
        metrics = [(name, value, 0) for name, value in figures.items()]
        children.append(
            decision.record(
                unit, decision.name(budget, score.name, None if score is today else gain, score.mean), tags=tags,
                params={**asked, "policy": score.name},
                metrics=expected_metrics(plan, figures) if plan is not None else metrics,
                files={} if plan is None else {"plan.json": plan_file(plan)}, parent=key,
            )
        )  # fmt: skip
    return [parent, *children]


def _money_table(plan: Plan) -> str:
    """Return a plan's money by segment and lever, in Markdown."""
    segments, levers, spend = plan.by_segment_and_lever()
    order = sorted(zip(segments, spend, strict=True), key=lambda pair: -pair[1].sum())
    rows = [[name, *(money(x) if x else "." for x in line), money(float(line.sum()))] for name, line in order]
    more = f"\n\nThe other {len(rows) - 15} segments are in plan.json." if len(rows) > 15 else ""
    return markdown(["segment", *levers, "all"], rows[:15]) + more
