"""A proof says the same on the terminal, the page, the run and in the file, and never an asset where it is money."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from studies import TRACKED, Study, tracked

from experiments.compare import compare
from experiments.report.write import write_report
from experiments.terminal.summary import plan_summary
from experiments.words.figures import NARROW
from experiments.words.phrases import at_least, at_most
from experiments.words.proof import proof_in_words
from optimizer.optimize import optimize
from optimizer.proof import LiftProof, SpendProof
from optimizer.question import Question
from policies.catalogue import named
from policies.planned import Planned
from sim.scenario.file import parse
from sim.twin import build

AN_ASSET = re.compile(r"upper bound|possible lift|shadow price|beyond its own cost", re.IGNORECASE)


@pytest.fixture(scope="module")
def study() -> Study:
    """Return a study of the least money that reaches nearly what today's money could."""
    twin = build(parse(TRACKED))
    most = optimize(twin, bound_steps=0)
    plan = optimize(twin, Question(reach=("asset", most.no_spend + 0.8 * (most.asset - most.no_spend))))
    policies = [named("as today", twin, plan.budget), Planned(plan.intensity)]
    return Study(twin.scenario, twin, plan, compare(twin, policies, plan.budget, replications=2))


def facts_of(study: Study) -> tuple[str, str]:
    """Return the least money that any plan needs, and its share of the plan's, as they are to be said: rounded down."""
    proof = study.plan.proof
    assert isinstance(proof, SpendProof)
    assert 0 < proof.least_money < proof.spend == pytest.approx(study.plan.spend.sum())
    return f"{math.floor(proof.least_money):,}", at_least(proof.share)


def test_the_terminal_says_the_least_money(study: Study) -> None:
    least, share = facts_of(study)
    said, share = plan_summary(study.plan, "EUR"), share.replace(NARROW, " ")
    assert f"No policy reaches the target with less than {least}: at least {share} of " in said
    assert "d(money)/d(limit)" in said
    assert not AN_ASSET.search(said)


def test_the_page_says_the_least_money(study: Study, tmp_path: Path) -> None:
    least, share = facts_of(study)
    page = write_report(tmp_path / "report.html", scenario=study.scenario, twin=study.twin,
                        comparison=study.comparison, plan=study.plan).read_text(encoding="utf-8")  # fmt: skip
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert own.count(f"No policy reaches the target with less than {least}: at least {share} of ") == 2
    assert f"Of its money any plan needs, {least}</span><b>≥ {share}</b>" in own
    assert "That saves money by" in own
    assert not AN_ASSET.search(own)


def test_the_run_says_the_least_money(study: Study, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    least, share = facts_of(study)
    kept = tracked(study, tmp_path)
    client: Any = MlflowClient(tracking_uri=kept.tracking_uri)
    run = client.get_run(kept.run_id)
    proved = {name: value for name, value in run.data.metrics.items() if name.startswith("plan/")}
    assert set(proved) == {"plan/asset", "plan/no_spend", "plan/least_money", "plan/least_money_share"}
    assert proved["plan/least_money"] == pytest.approx(study.plan.least_money, rel=1e-4)
    note = run.data.tags["mlflow.note.content"]
    assert f"No policy reaches the target with less than {least}: at least {share} of " in note
    assert not AN_ASSET.search(note)


def test_the_file_says_the_least_money(study: Study) -> None:
    facts_of(study)
    content = json.loads(study.plan.to_json())
    assert content["goal"] == "least_money"
    assert content["least_money"] == study.plan.least_money
    assert content["least_money_share"] == pytest.approx(study.plan.least_money / study.plan.spend.sum())
    assert [content[name] for name in ("bound", "reference", "lift_share", "gap")] == [None] * 4


@pytest.mark.parametrize("held", [0.9999, 0.9051, 0.0419])
def test_at_least_is_rounded_down_and_at_most_up(study: Study, held: float) -> None:
    """What is promised of a lift or of a spend stays true in words."""
    lift = LiftProof(asset=10 + 1000 * held, no_spend=10.0, bound=1010.0)
    words = proof_in_words(_with(study, lift)).proved
    said = f"at least {at_least(held)} of the possible lift (gap at most {at_most(1 - held)})"
    assert (said if held < 0.99 else "holds all but at most 0.1\u00a0% of the possible lift") in words
    assert number(at_least(held)) <= 100 * held
    assert number(at_most(1 - held)) >= 100 * (1 - held) - 1e-9
    spend = SpendProof(spend=1000.0, no_spend=0.0, least_money=1000 * held)
    words = proof_in_words(_with(study, spend)).proved
    assert (
        f"at least {at_least(held)} of what the plan spends, which could be less by at most {at_most(1 - held)}"
        in words
    )


def test_a_plan_that_lacks_nothing_holds_all(study: Study) -> None:
    words = proof_in_words(_with(study, LiftProof(asset=1010.0, no_spend=10.0, bound=1010.0))).proved
    assert "so the plan holds all of the possible lift" in words


def test_what_is_not_proved_is_not_said(study: Study) -> None:
    """A reference where the crowd couples; nothing but that nothing was proved where none was asked for."""
    for proof in (LiftProof(5.0, 1.0), SpendProof(5.0, 1.0)):
        words = proof_in_words(_with(study, proof))
        assert (words.proved, words.bar, words.share) == ("", None, "")
        assert words.note == "Note that no bound was proved for this plan."
    assert proof_in_words(_with(study, LiftProof(5.0, 1.0, reference=7.0))).proved.startswith(
        "No bound: a better plan may exist. Reference 7"
    )
    assert proof_in_words(_with(study, SpendProof(5.0, 1.0, reference=4.0))).proved.startswith(
        "No bound: a cheaper plan may exist. Reference 4"
    )
    none = LiftProof(math.nan, math.nan, assumes="")
    assert not any((proof_in_words(_with(study, none)).worth, proof_in_words(_with(study, none)).note))


def _with(study: Study, proof: LiftProof | SpendProof) -> Any:
    from dataclasses import replace

    return replace(study.plan, proof=proof)


def number(words: str) -> float:
    """Return what a share in words says, in per cent."""
    return float(words.rstrip("%").strip())
