"""The report: the answer first, every name escaped, whatever the study left out."""

import base64
import dataclasses
import html
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from studies import CHAIN, LIFECYCLE, Study, study_of

from experiments.compare import compare
from experiments.decision import decision
from experiments.report.write import write_report
from experiments.results.keep import Kept
from experiments.results.runs import Comparison
from experiments.results.shown import grown
from experiments.study.demo import Demo
from experiments.study.summary import demo_summary
from experiments.words.figures import plain
from optimizer.ask.rows import as_today
from optimizer.load import load
from optimizer.optimize import optimize
from policies.catalogue import named
from policies.planned import Planned
from sim.engine.sensitivity import follow
from sim.errors import FolderError, InputError
from sim.scenario.file import parse
from sim.twin import build


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


def charts_of(page: str) -> dict[str, str]:
    """Return drawings by name."""
    return dict(re.findall(r'<figure id="chart-([a-z-]+)">(.*?)<figcaption>', page, re.DOTALL))


def test_answer_comes_first(page: str, study: Study) -> None:
    text = page
    best = max(study.comparison.outcomes, key=lambda outcome: outcome.asset)
    assert f"{best.asset:,.0f}" in text
    order = ['class="answer"', *(f'id="{name}"' for name in (
        "levers", "sources", "changes", "budget", "policies", "over-time", "allocation", "customers", "winning",
        "evidence", "bound", "fit", "assumptions", "coverage", "next",
    ))]  # fmt: skip
    places = [text.index(mark) for mark in order]
    assert places == sorted(places)


def test_every_policy_and_assumption_is_there(page: str, study: Study) -> None:
    text = page
    for outcome in study.comparison.outcomes:
        assert outcome.name in text
    assert "95.5\u00a0%" in text
    assert "replication noise only" in text.lower()
    assert "illustrative" in text
    assert study.plan.proof.assumes[:40] in text
    assert "0.553" in text


def test_names_cannot_become_markup(page: str) -> None:
    text = page
    assert "<b>bold" not in text
    assert "small &amp; &lt;b&gt;bold&lt;/b&gt;" in text
    assert "fresh </script>" not in text


def test_page_needs_no_network_and_no_scripts(page: str) -> None:
    assert not re.search(r"(src|href)=[\"']https?:", page)
    assert "<script" not in page
    assert len(page) < 300_000


def test_charts_carry_the_numbers(page: str, study: Study) -> None:
    charts = charts_of(page)
    assert set(charts) == {"comparison", "asset", "allocation-periods", "customers", "responses"}
    for outcome in study.comparison.outcomes[1:]:
        assert f">{html.escape(outcome.name)}<" in charts["comparison"]
    wide = charts["allocation-periods"].split('class="narrow"')[0]
    heights = [float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', wide)]
    by_bar = study.plan.spend.sum(axis=(1, 2))
    assert len(heights) == (by_bar > 0).sum()
    assert sum(heights) / max(heights) == pytest.approx(by_bar.sum() / by_bar.max(), rel=0.02)


def test_decision_is_in_figures_that_agree(page: str, study: Study) -> None:
    best = max(study.comparison.outcomes, key=lambda outcome: outcome.asset)
    found = decision(study.twin, study.comparison, study.plan, best)
    assert found.within + found.after == pytest.approx(best.difference, rel=1e-9)
    assert found.intensity is study.plan.intensity
    assert sum(lever.plan for lever in found.levers) == pytest.approx(study.plan.spend.sum(), rel=1e-9)
    assert found.expected_gain == pytest.approx(best.expected - found.reference.expected, rel=1e-9)
    assert [each.gain for each in found.scaled if each.part == 1] == [pytest.approx(found.expected_gain)]
    assert sum(each.gain for each in found.spans("quarter")) == pytest.approx(found.within, rel=1e-9)
    assert found.present is not None
    title = re.search(r"<h1>(.*?)</h1>", page)
    assert title is not None
    assert f"worth {best.difference:+,.0f}" in title[1]
    assert f">{best.difference:+,.0f}<" in page
    for lever in found.levers:
        assert f"<td>{html.escape(lever.name)}</td>" in page


def test_today_is_what_was_played_where_a_stretch_leaves_less_money() -> None:
    """The first two of six periods have half of what today costs then: gains of the page are against that."""
    base = build(parse(LIFECYCLE))
    spent = float(follow(base.chain, as_today(base.chain)).spend[:2].sum())
    amounts = [spent / 2, 10 * spent, 10 * spent]
    twin = build(parse({**LIFECYCLE, "rules": {"budget": 30 * spent, "stretches": {"every": 2, "amounts": amounts}}}))
    plan = optimize(twin, bound_steps=0)
    found = compare(
        twin, [named("as today", twin, plan.budget), Planned(plan.intensity)], plan.budget, replications=20, seed=1
    )
    told = decision(twin, found, plan, found.outcomes[1])
    assert told.expected_gain == pytest.approx(found.outcomes[1].expected - found.outcomes[0].expected, rel=1e-9)
    unscaled = follow(twin.chain, as_today(twin.chain)).asset
    assert abs(unscaled - found.outcomes[0].expected) > 1e-3 * abs(unscaled)


def test_next_unit_is_the_difference_that_money_makes(study: Study) -> None:
    best = max(study.comparison.outcomes, key=lambda outcome: outcome.asset)
    found = decision(study.twin, study.comparison, study.plan, best)
    for lever in found.levers:
        if lever.plan <= 0:
            continue
        k = study.plan.targets.levers.index(lever.name)
        more = study.plan.intensity.copy()
        more[..., k] *= 1.001
        before, after = follow(study.twin.chain, study.plan.intensity), follow(study.twin.chain, more)
        slope = (after.asset - before.asset) / (after.spend.sum() - before.spend.sum())
        assert lever.next_unit == pytest.approx(slope, rel=0.02, abs=0.01)


def test_plan_is_inside_as_excel(page: str, study: Study, tmp_path: Path) -> None:
    found = re.search(r'download="plan.xlsx" href="data:[^,]*;base64,([^"]+)"', page)
    assert found is not None
    path = tmp_path / "plan.xlsx"
    path.write_bytes(base64.b64decode(found[1]))
    assert load(path, study.twin).spend.sum() == pytest.approx(study.plan.spend.sum(), rel=1e-9)


def test_speaks_chinese_with_a_title_and_logo_of_the_firms_own(study: Study, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    path = write_report(
        tmp_path / "r.html", scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=study.plan,
        lang="zh", title="花园 <商店>", logo=logo,
    )  # fmt: skip
    text = path.read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in text
    assert "花园 &lt;商店&gt;" in text
    assert "data:image/svg+xml;base64," in text
    seen = re.sub(r"<style.*?</style>|<[^>]+>", " ", text.split("<main>")[1], flags=re.DOTALL)
    names = {"plan", "as today", "EUR", "tenure", "compare", "frontier", "risk", "uncertain", "Tenure", "Excel"}
    names |= {"tenure check SCENARIO", "tenure optimize SCENARIO budget X", "policy as today", "plan json", "learn"}
    names |= {"json", "small", "bold"}
    names |= {*study.plan.targets.levers, *(o.name for o in study.comparison.outcomes), "fresh", "script"}
    own = set(re.findall(r"[A-Za-z]{3,}", " ".join(seen.split())))
    assert own - {word for name in names for word in name.split()} <= set(re.findall(r"\w+", study.scenario.hash))
    with pytest.raises(InputError, match="expected one of en, zh"):
        write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, lang="xx")
    with pytest.raises(InputError, match="expected an image"):
        write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, logo="logo.txt")


def test_fixed_costs_are_said(study: Study, tmp_path: Path) -> None:
    path, plan = tmp_path / "r.html", dataclasses.replace(study.plan, fixed_costs=1234.0)
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=plan)
    assert "Fixed costs of its campaigns, in no other figure: 1,234" in path.read_text(encoding="utf-8")


def test_without_a_plan(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison)
    text = path.read_text(encoding="utf-8")
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
    text = path.read_text(encoding="utf-8")
    assert "nan" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL).lower().split()
    assert "includes zero" not in text
    assert "Where “mine” puts the money" in text


def test_a_chain_of_the_users_own(tmp_path: Path) -> None:
    study = study_of(CHAIN)
    path = tmp_path / "r.html"
    write_report(path, scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=study.plan)
    page = path.read_text(encoding="utf-8")
    assert "a chain that the scenario gives, with 2 states" in page
    assert "responses" not in charts_of(page)
    assert 'id="winning"' not in page


def test_unwritable_place_is_one_clear_line(study: Study, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"cannot write .*missing"):
        write_report(
            tmp_path / "missing" / "r.html", scenario=study.scenario, twin=study.twin, comparison=study.comparison
        )


def test_the_demo_answers_with_the_title_in_few_lines(page: str, study: Study) -> None:
    asked = grown(Comparison, study.comparison, twin=study.twin, plans=(("plan", study.plan),))
    demo = Demo(
        study.scenario, study.twin, (), study.plan, None, asked, Path("scenario.yaml"), False,
        Path("report.html"), Kept("sqlite:///mlflow.db", run_id="0a1b"), 1.0,
    )  # fmt: skip
    said = demo_summary(demo, Path("here"))
    title = re.search(r"<h1>(.*?)</h1>", page)
    assert title is not None
    assert said.splitlines()[0] == plain(html.unescape(title[1])) + "."
    assert len(said.splitlines()) <= 18
    more = demo_summary(demo, Path("here"), details=True)
    assert "The plan: expected" in more
    assert "published" in more
