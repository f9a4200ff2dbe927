"""The runs of policies that were simulated: one for each, under that of their comparison."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from experiments.compare import Comparison, Outcome
from experiments.tracking.call import Call, plan_file
from experiments.tracking.decision import Decision, differing
from experiments.tracking.keys import joined, unit_key
from experiments.tracking.metrics import against, outcome_metrics, plan_metrics, regrets
from experiments.tracking.notes import comparison_body, policy_body, proof_body
from experiments.tracking.record import Record, Series
from experiments.words.figures import money

__all__ = ["comparison_records"]


def comparison_records(answer: Comparison, decision: Decision) -> list[Record]:
    """Return the runs of a comparison."""
    body = [*comparison_body(answer)]
    body += [part for name, plan in decision.plans for part in proof_body(plan, decision.scenario, name)]
    files = {f"plans/{_file_name(name)}.json": plan_file(plan) for name, plan in decision.plans}
    proof: Series = []
    if len(decision.plans) == 1:
        [(_, plan)] = decision.plans
        files, proof = {"plan.json": plan_file(plan)}, plan_metrics(plan)
    best = max(answer.outcomes, key=lambda outcome: outcome.asset)
    gain = answer.difference(best.name, against(answer).name)[0]
    name = decision.name(answer.budget, f"best of {len(answer.outcomes)}, {best.name}", gain, best.asset)
    units = _units(decision)
    whole = joined(*units.values())
    key = joined("study", whole, [decision.world, decision.budget, *units])
    children = [_policy(outcome, decision, key, units[outcome.name]) for outcome in answer.outcomes]
    params = [{**child.params} for child in children]
    differ = differing(params)
    views = decision.views(key, params)
    tags = decision.tags("study", key, unit_key=whole, best_policy=best.name)
    tags["mlflow.note.content"] = decision.note(decision.said, body, views=views, key=whole)
    common = {name: value for name, value in params[0].items() if name not in differ and name != "policy"}
    parent = decision.record(
        key, decision.about.name or name, tags=tags, params={}, metrics=[("budget", answer.budget, 0), *proof],
        files={**files, **decision.pages, **decision.call.kept(answer)}, views=views,
    )  # fmt: skip
    return [replace(parent, params=common), *children]


def _units(decision: Decision) -> dict[str, str]:
    """Return the key of each policy's figures."""
    answer, plans = decision.answer, dict(decision.plans)
    contents = [outcome.content or uuid4().hex for outcome in answer.outcomes]
    return {
        outcome.name: unit_key(
            decision.scenario.hash, [contents[0], content], budget=answer.budget, seed=answer.seed,
            replications=answer.replications, traits=answer.traits, proof=plan_metrics(plans.get(outcome.name)),
        )
        for outcome, content in zip(answer.outcomes, contents, strict=True)
    }  # fmt: skip


def _policy(outcome: Outcome, decision: Decision, key: str, unit: str) -> Record:
    answer: Comparison = decision.answer
    plan = dict(decision.plans).get(outcome.name)
    reference = against(answer)
    gain = None if outcome is reference else answer.difference(outcome.name, reference.name)[0]
    body = policy_body(outcome, answer)
    body += [] if plan is None else proof_body(plan, decision.scenario)
    tags = decision.tags(
        "policy", key, policy=outcome.name, seed=str(answer.seed), unit_key=unit, gain_over=reference.name,
        numbers="simulated",
    )  # fmt: skip
    tags["mlflow.note.content"] = decision.note(_said(outcome, answer, decision), body, key=unit)
    params = {
        "policy": outcome.name, "budget": decision.budget, "seed": str(answer.seed),
        "replications": str(answer.replications), "equal_money": str(answer.equal_money).lower(),
    }  # fmt: skip
    return decision.record(
        joined("policy", key, unit, decision.world, outcome.name),
        decision.name(answer.budget, outcome.name, gain, outcome.asset), tags=tags, params=params,
        metrics=[*outcome_metrics(outcome, answer, decision.scenario), *plan_metrics(plan)],
        files={**({} if plan is None else {"plan.json": plan_file(plan)}), **_call(outcome, answer, decision)},
        parent=key,
    )  # fmt: skip


def _said(outcome: Outcome, answer: Comparison, decision: Decision) -> str:
    """Return a policy's answer in a sentence."""
    reference = against(answer)
    said = f"{outcome.name} in {decision.world}: customer asset {money(outcome.asset)} {decision.scenario.currency}"
    said = said.rstrip()
    if outcome is not reference:
        gain, low, high = answer.difference(outcome.name, reference.name)
        interval = f" (95 % interval {money(low, signed=True)} to {money(high, signed=True)})" if low == low else ""
        said += f", {money(gain, signed=True)} against {reference.name}{interval}"
    regret = regrets(answer)[outcome.name]
    return f"{said}, the best here." if regret == 0 else f"{said}, {money(regret)} below the best here."


def _call(outcome: Outcome, answer: Comparison, decision: Decision) -> dict[str, bytes]:
    """Return the call that simulates this policy beside the reference again; none where that is not known."""
    named = list(decision.call.arguments.get("policies", ()))
    which = sorted({0, answer.outcomes.index(outcome)})
    if len(named) != len(answer.outcomes):
        return {}
    arguments = {**decision.call.arguments, "policies": [named[i] for i in which]}
    return Call("compare", arguments).kept(replace(answer, outcomes=tuple(answer.outcomes[i] for i in which)))


def _file_name(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:80] or "plan"
