"""The report: the answer first, every name escaped, whatever the study left out."""

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from studies import CHAIN, LIFECYCLE, Study, study_of

from experiments.compare import compare
from experiments.report.write import write_report
from policies.catalogue import named
from policies.planned import Planned
from sim.errors import FolderError


@dataclass(frozen=True)
class Figure:
    name: str
    published: str | None
    computed: float


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(LIFECYCLE)


@pytest.fixture(scope="module")
def page(study: Study, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    fit = [Figure("Pareto/NBD r", "0.553", 0.5533), Figure("hold-out error", None, 0.12)]
    written = write_report(
        path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=study.plan, fit=fit
    )
    assert written == path
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def own(page: str) -> str:
    """Return the page without the library that draws."""
    head, _, rest = page.partition("<script>")
    return head + rest.partition("</script>")[2]


def charts_of(page: str) -> dict[str, dict[str, list[dict[str, object]]]]:
    found = re.findall(r'data-chart="chart-([a-z-]+)">(.*?)</script>', own(page), re.DOTALL)
    return {name: json.loads(data) for name, data in found}


def test_answer_comes_first(page: str, study: Study) -> None:
    text = own(page)
    best = max(study.comparison.outcomes, key=lambda outcome: outcome.asset)
    assert f"{best.asset:,.0f}" in text
    order = ['class="answer"', *(f'id="{name}"' for name in (
        "policies", "over-time", "allocation", "customers", "winning", "bound", "fit", "assumptions", "coverage", "next"
    ))]  # fmt: skip
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)


def test_every_policy_and_assumption_is_there(page: str, study: Study) -> None:
    text = own(page)
    for outcome in study.comparison.outcomes:
        assert outcome.name in text
    assert "95.5\u00a0%" in text
    assert "replication noise only" in text.lower()
    assert "illustrative" in text
    assert study.plan.proof.assumes[:40] in text
    assert "0.553" in text


def test_names_cannot_become_markup(page: str) -> None:
    text = own(page)
    assert "<b>bold" not in text
    assert "small &amp; &lt;b&gt;bold&lt;/b&gt;" in text
    assert "fresh </script>" not in text


def test_page_needs_no_network_and_embeds_the_library_once(page: str) -> None:
    assert not re.search(r"(src|href)=[\"']https?:", own(page))
    assert len(page) - len(own(page)) > 3_000_000
    assert len(own(page)) < 300_000


def test_charts_carry_the_numbers(page: str, study: Study) -> None:
    charts = charts_of(page)
    assert set(charts) == {
        "comparison", "asset", "allocation-segments", "allocation-periods", "customers", "responses"
    }  # fmt: skip
    bars = charts["allocation-periods"]["data"]
    total = sum(sum(bar["y"]) for bar in bars)  # type: ignore[call-overload]
    assert total == pytest.approx(study.plan.spend.sum(), rel=1e-4)
    names = {trace["y"][0] for trace in charts["comparison"]["data"]}  # type: ignore[index]
    assert names == {outcome.name for outcome in study.comparison.outcomes[1:]}


def test_fixed_costs_are_said(study: Study, tmp_path: Path) -> None:
    path, plan = tmp_path / "r.html", dataclasses.replace(study.plan, fixed_costs=1234.0)
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=plan)
    assert "Fixed costs of its campaigns, in no other figure: 1,234" in own(path.read_text(encoding="utf-8"))


def test_without_a_plan(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison)
    text = own(path.read_text(encoding="utf-8"))
    assert "No plan was optimised" in text
    assert "tenure optimize" in text


def test_a_single_policy(study: Study, tmp_path: Path) -> None:
    alone = dataclasses.replace(study.comparison, outcomes=study.comparison.outcomes[:1])
    path = tmp_path / "r.html"
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=alone)
    assert "comparison" not in charts_of(path.read_text(encoding="utf-8"))


def test_one_replication_has_no_interval(study: Study, tmp_path: Path) -> None:
    policies = [named("no spend", study.twin, study.plan.budget), Planned(study.plan.intensity, "mine")]
    single = compare(study.twin, policies, study.plan.budget, replications=1)
    path = tmp_path / "r.html"
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=single, plan=study.plan, plan_policy="mine")
    text = own(path.read_text(encoding="utf-8"))
    assert "nan" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL).lower().split()
    assert "includes zero" not in text
    assert "Where “mine” puts the money" in text


def test_a_chain_of_the_users_own(tmp_path: Path) -> None:
    study = study_of(CHAIN)
    path = tmp_path / "r.html"
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=study.plan)
    page = path.read_text(encoding="utf-8")
    assert "a chain that the scenario gives, with 2 states" in own(page)
    assert "responses" not in charts_of(page)
    assert 'id="winning"' not in page


def test_unwritable_place_is_one_clear_line(study: Study, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"cannot write .*missing"):
        write_report(
            tmp_path / "missing" / "r.html", scenario=study.scenario, twin=study.twin, comparison=study.comparison
        )
