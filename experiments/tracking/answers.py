"""What each kind of answer writes down: the runs of a comparison, a plan, a frontier, a risk, a split over curves.

A new kind of answer is one more function here, registered by the type of its answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import singledispatch
from pathlib import Path
from typing import Any
from uuid import uuid4

from experiments.compare import Comparison, Outcome
from experiments.tracking.call import Call, bits_of, plan_file
from experiments.tracking.decision import Decision
from experiments.tracking.keys import joined, unit_key
from experiments.tracking.metrics import against, by_name, expected_metrics, outcome_metrics, plan_metrics, regrets
from experiments.tracking.notes import comparison_body, policy_body, proof_body
from experiments.tracking.params import flat
from experiments.tracking.record import Record, Series
from experiments.words.figures import money, short
from optimizer.ask.rows import as_today
from optimizer.curves.result import CurveAllocation
from optimizer.insight.frontier import Frontier, Point
from optimizer.insight.risk import Risk
from optimizer.plan import Plan
from sim.engine.sensitivity import follow

__all__ = ["records_of"]


def records_of(decision: Decision) -> list[Record]:
    """Return the runs of a decision, the parent first."""
    return _records(decision.answer, decision)


@singledispatch
def _records(answer: object, decision: Decision) -> list[Record]:
    raise TypeError(f"{type(answer).__name__}: is no answer that is tracked")


# --- Policies, simulated ----------------------------------------------------------------------------------------------


@_records.register
def _comparison(answer: Comparison, decision: Decision) -> list[Record]:
    plans, outcomes = dict(decision.plans), answer.outcomes
    contents = [outcome.content or uuid4().hex for outcome in outcomes]

    def unit(which: list[str], proof: Series) -> str:
        return unit_key(
            decision.scenario.hash, which, budget=answer.budget, seed=answer.seed, replications=answer.replications,
            traits=answer.traits, proof=proof,
        )  # fmt: skip

    proofs = {outcome.name: plan_metrics(plans.get(outcome.name)) for outcome in outcomes}
    whole = unit(contents, [each for proof in proofs.values() for each in proof])
    key = joined("comparison", whole, decision.world, [outcome.name for outcome in outcomes])
    shared = {
        "budget": decision.budget, "seed": str(answer.seed), "replications": str(answer.replications),
        "equal_money": str(answer.equal_money).lower(),
    }  # fmt: skip
    views = decision.views(key, [{"policy": outcome.name} for outcome in outcomes])
    best = max(outcomes, key=lambda outcome: outcome.asset)
    gain = answer.difference(best.name, against(answer).name)[0]
    body = [*comparison_body(answer)]
    body += [part for name, plan in decision.plans for part in proof_body(plan, decision.scenario, name)]
    tags = decision.tags("study", key, unit_key=whole, best_policy=best.name, seed=str(answer.seed))
    tags["mlflow.note.content"] = decision.note(decision.said, body, views=views, key=whole)
    files = {f"plans/{_file_name(name)}.json": plan_file(plan) for name, plan in decision.plans}
    if len(plans) == 1:
        files = {"plan.json": plan_file(next(iter(plans.values())))}
    proof = proofs[next(iter(plans))] if len(plans) == 1 else []
    found = f"best of {len(outcomes)}, {best.name}"
    name = decision.about.name or decision.name(answer.budget, found, gain, best.asset)
    parent = decision.record(
        key, name, tags=tags, params=shared, metrics=[("budget", answer.budget, 0), *proof],
        files={**files, **decision.pages, **decision.call.kept(answer)}, views=views,
    )  # fmt: skip
    children = []
    for outcome, content in zip(outcomes, contents, strict=True):
        own = unit([contents[0], content], proofs[outcome.name])
        children.append(_policy(outcome, answer, decision, key, own, shared, plans.get(outcome.name)))
    return [parent, *children]


def _policy(
    outcome: Outcome, answer: Comparison, decision: Decision, key: str, unit: str, shared: Mapping[str, str],
    plan: Plan | None,
) -> Record:  # fmt: skip
    reference = against(answer)
    gain, low, high = answer.difference(outcome.name, reference.name)
    own_gain = None if outcome is reference else gain
    said = f"{outcome.name} in {decision.world}: customer asset {money(outcome.asset)} {decision.scenario.currency}"
    if own_gain is not None:
        interval = f" (95 % interval {money(low, signed=True)} to {money(high, signed=True)})" if low == low else ""
        said += f", {money(gain, signed=True)} against {reference.name}{interval}"
    regret = regrets(answer)[outcome.name]
    said += ", the best here" if regret == 0 else f", {money(regret)} below the best here"
    body = policy_body(outcome, answer)
    body += [] if plan is None else proof_body(plan, decision.scenario)
    tags = decision.tags(
        "policy", key, policy=outcome.name, seed=str(answer.seed), unit_key=unit, gain_over=reference.name,
        numbers="simulated",
    )  # fmt: skip
    tags["mlflow.note.content"] = decision.note(f"{said}.", body, key=unit)
    files = decision.call.kept(answer) if len(answer.outcomes) == 1 else _own_call(outcome, answer, decision)
    return decision.record(
        joined("policy", key, unit, outcome.name), decision.name(answer.budget, outcome.name, own_gain, outcome.asset),
        tags=tags, params={"policy": outcome.name, **shared},
        metrics=[*outcome_metrics(outcome, answer, decision.scenario), *plan_metrics(plan)],
        files={**({} if plan is None else {"plan.json": plan_file(plan)}), **files}, parent=key,
    )  # fmt: skip


def _own_call(outcome: Outcome, answer: Comparison, decision: Decision) -> dict[str, bytes]:
    """Return the call that simulates this policy beside the reference again."""
    named = list(decision.call.arguments.get("policies", ()))
    which = sorted({0, answer.outcomes.index(outcome)})
    if len(named) != len(answer.outcomes):
        return {}
    arguments = {**decision.call.arguments, "policies": [named[i] for i in which]}
    return Call("compare", arguments).kept(replace(answer, outcomes=tuple(answer.outcomes[i] for i in which)))


# --- Plans, in expected numbers ---------------------------------------------------------------------------------------


def _today(decision: Decision) -> float:
    """Return the customer asset of today's spend in expected numbers."""
    assert decision.twin is not None
    return follow(decision.twin.chain, as_today(decision.twin.chain)).asset


def _asked(decision: Decision) -> dict[str, str]:
    """Return the arguments of a call as parameters."""
    content: dict[str, Any] = {}
    for name, value in decision.call.arguments.items():
        parts = vars(value) if type(value).__name__ == "Question" else {name: value}
        content |= {each: _named(what) for each, what in parts.items() if what not in (None, (), [], {}, "")}
    return flat({name: value for name, value in content.items() if name != "budget"})


def _named(value: Any) -> Any:
    if isinstance(value, Plan):
        return f"plan {bits_of(value)[:12]}"
    if isinstance(value, Mapping):
        return {str(key): _named(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_named(each) for each in value]
    return value if isinstance(value, bool | int | float) else str(value)


def _key(decision: Decision, kind: str) -> str:
    call = decision.call.kept(decision.answer)
    where = decision.scenario.hash if decision.twin is not None else ""
    return joined(kind, where, decision.world, {name: joined(data.decode("latin-1")) for name, data in call.items()})


@_records.register
def _plan(answer: Plan, decision: Decision) -> list[Record]:
    key = _key(decision, "plan")
    gain = answer.asset - _today(decision)
    views = decision.views(key, [])[-1:]
    tags = decision.tags("policy", key, policy="optimised", unit_key=key, numbers="expected", gain_over="as today")
    tags["mlflow.note.content"] = decision.note(decision.said, [_money_table(answer)], views=views, key=key)
    limit = answer.budget if math.isfinite(answer.budget) else float(answer.spend.sum())
    params = {"policy": "optimised", "budget": decision.budget, "targeting": answer.targeting, **_asked(decision)}
    return [
        decision.record(
            key, decision.about.name or decision.name(limit, "optimised", gain, answer.asset), tags=tags,
            params=params, metrics=expected_metrics(answer, {"gain": gain, "asset": answer.asset, "budget": limit}),
            files={"plan.json": plan_file(answer), **decision.pages, **decision.call.kept(answer)}, views=views,
        )
    ]  # fmt: skip


@_records.register
def _frontier(answer: Frontier, decision: Decision) -> list[Record]:
    key, today = _key(decision, "frontier"), _today(decision)
    points = [(point, f"{point.plan.budget:.12g}") for point in answer.points] + [(answer.sweet_spot, "no limit")]
    views = decision.views(key, [{"budget": budget} for _, budget in points])
    asked = {name: text for name, text in _asked(decision).items() if not name.startswith("budgets")}
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


@_records.register
def _risk(answer: Risk, decision: Decision) -> list[Record]:
    key = _key(decision, "risk")
    today = next(score for score in answer.scores if score.name == "as today")
    asked = {**_asked(decision), "budget": decision.budget}
    views = decision.views(key, [{"policy": score.name} for score in answer.scores])
    rows = [f"| {a.path} | {a.low:g} to {a.high:g} | {money(a.worth_knowing)} |" for a in answer.assumptions]
    table = "\n".join(["| assumption | range | worth knowing |", "| --- | ---: | ---: |", *rows])
    tags = decision.tags("study", key, unit_key=key)
    tags["mlflow.note.content"] = decision.note(decision.said, [table], views=views, key=key)
    ends = [
        (f"{name}/{each.path}", value, 0)
        for each in answer.assumptions
        for name, value in (
            ("worth_knowing", each.worth_knowing), ("lift_at_low", each.lift_low), ("lift_at_high", each.lift_high)
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
    head = f"| segment | {' | '.join(map(_cell, levers))} | all |"
    rows = [
        f"| {_cell(name)} | {' | '.join(money(x) if x else '.' for x in line)} | {money(float(line.sum()))} |"
        for name, line in sorted(zip(segments, spend, strict=True), key=lambda pair: -pair[1].sum())
    ]
    more = f"\n\nThe other {len(rows) - 15} segments are in plan.json." if len(rows) > 15 else ""
    return "\n".join([head, f"| --- {'| ---: ' * (len(levers) + 1)}|", *rows[:15]]) + more


def _cell(name: str) -> str:
    return name.replace("|", "/")


def _file_name(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:80] or "plan"


# --- Curves from elsewhere --------------------------------------------------------------------------------------------


@_records.register
def _allocation(answer: CurveAllocation, decision: Decision) -> list[Record]:
    key = _key(decision, "allocation")
    views = decision.views(key, [])[-1:]
    tags = decision.tags("policy", key, policy="optimised", unit_key=key, numbers="response", gain_over="no spend")
    rows = [
        f"| {_cell(name)} | {money(float(line.sum()))} |"
        for name, line in zip(answer.channels, answer.spend, strict=True)
    ]
    table = "\n".join(["| channel | spend |", "| --- | ---: |", *rows])
    tags["mlflow.note.content"] = decision.note(decision.said, [table], views=views, key=key)
    figures = {
        "gain": answer.value - answer.base, "response": answer.value, "bound": answer.bound, "gap": answer.gap,
        "shadow_price": answer.shadow_price, "spend": float(answer.spend.sum()), "budget": answer.budget,
    }  # fmt: skip
    metrics: Series = [(name, value, 0) for name, value in figures.items()]
    money_by = by_name(answer.channels, answer.spend.sum(axis=1))
    metrics += [(f"spend_by_channel/{name}", value, 0) for name, value in money_by.items()]
    for name, line in zip(answer.channels, answer.spend, strict=True):
        metrics += [(f"spend_over_time/{name}", float(value), step) for step, value in enumerate(line, 1)]
    budget = f"{answer.budget:.12g}"
    return [
        decision.record(
            key, decision.about.name or decision.name(answer.budget, "split", figures["gain"], answer.value),
            tags=tags, params={"policy": "optimised", "budget": budget, **_read(decision), **_asked(decision)},
            metrics=metrics, files={**decision.pages, **decision.call.kept(answer)}, views=views,
        )
    ]  # fmt: skip


def _read(decision: Decision) -> dict[str, str]:
    """Return what the rules' file says, and a digest of the curves, as parameters."""
    import yaml

    found: dict[str, str] = {}
    rules, curves = (decision.call.arguments.get(name) for name in ("rules", "curves"))
    if isinstance(rules, str | Path):
        found |= flat({"rules": yaml.safe_load(Path(rules).read_text(encoding="utf-8")) or {}})
    if isinstance(curves, str | Path):
        found["curves.digest"] = joined(Path(curves).read_bytes().decode("latin-1"))[:12]
    return found
