"""Results show themselves: the answer in a sentence, a table in a notebook, a figure, a frame."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from markets import EXAMPLES, SMALL

import tenure

CONTENT = yaml.safe_load(SMALL.read_text(encoding="utf-8").replace("periods: 6", "periods: 2"))
NASTY = "<b>R & D</b>"


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    """Return one result of each kind, of a firm whose first segment has a name that is HTML."""
    segments = {NASTY: CONTENT["segments"]["regulars"], "newcomers": CONTENT["segments"]["newcomers"]}
    uncertain = [{"path": "margin", "low": 0.3, "high": 0.5}]
    firm = tenure.Firm.of({**CONTENT, "segments": segments, "uncertain": uncertain})
    plan = firm.optimize(bound_steps=0)
    return {
        "firm": firm,
        "plan": plan,
        "least": firm.optimize(tenure.Question(reach=("asset", plan.asset)), bound_steps=0),
        "comparison": firm.compare(["as today", plan, "no spend"], replications=2),
        "simulation": firm.simulate("even split", replications=2),
        "life": firm.trace(customer=5),
        "explanation": firm.explain(plan),
        "frontier": firm.frontier([600], bound=False),
        "targeting": firm.value_of_targeting(),
        "risk": firm.risk(samples=2),
        "money": firm.split(plan),
        "split": tenure.allocate(EXAMPLES / "allocate/curves.csv", rules=EXAMPLES / "allocate/rules.yaml"),
    }


SAID = {
    "firm": r"small: 2 months, 2 segments, 5 levers; budget [\d,]+ EUR, as today's spend is expected to cost\.",
    "plan": r"The plan spends .* EUR\. Customer asset .* at (?:least|most) \S+ % of the possible lift.* The next .*",
    "least": r"The plan spends .* EUR for a customer asset of .* No policy reaches the target with less than .*",
    "comparison": r".* the customers worth most: [\d,]+ EUR, .* \(95 % interval .* to .*\).*|Under .* are worth .*",
    "simulation": r"small under 'even split': customer asset [\d,]+ EUR \(standard deviation .*\)\.",
    "life": r"Customer 5 of .*",
    "explanation": r"small: the plan spends .*",
    "frontier": r"More than [\d,]+ EUR does not pay .*",
    "targeting": r"Telling customers apart by state instead of by segment brings .* for the same money\.",
    "risk": r"The cautious plan brings .* EUR in the worst 20% .* Most is at stake on the margin: .*",
    "money": r"By segment, lever and quarter the plan's .* EUR bring a customer asset of .* in the plan they bring .*",
    "split": r"The plan spends 300 kEUR of 300 kEUR for a response of 256\.4, .*; proven optimal\.",
}


@pytest.mark.parametrize("name", SAID)
def test_a_result_is_its_answer(name: str, results: dict[str, Any]) -> None:
    """As text: in few lines, and never a type name."""
    text = repr(results[name])
    assert re.fullmatch(SAID[name], text, re.DOTALL), text
    assert str(results[name]) == text
    assert not re.search(r"object at|dtype|array\(|class ", text)


@pytest.mark.parametrize("name", SAID)
def test_a_notebook_gets_the_answer_and_its_table(name: str, results: dict[str, Any]) -> None:
    """As HTML: escaped, in the notebook's own colours."""
    shown = results[name]._repr_html_()
    assert shown.startswith("<p>")
    assert NASTY not in shown
    assert "color" not in shown
    assert set(re.findall(r"</?(\w+)", shown)) <= {"p", "table", "tr", "th", "td", "small", "code"}
    assert shown.count("<table>") == shown.count("</table>") == (name != "life")
    if name in ("firm", "plan", "explanation", "life"):
        assert "&lt;b&gt;R &amp; D&lt;/b&gt;" in shown


def test_the_comparisons_interval_is_in_the_table(results: dict[str, Any]) -> None:
    result = results["comparison"]
    low, high = result["plan"].low, result["plan"].high
    assert (
        f'<td style="text-align:right;padding:0 .5em">{round(low):+,} to {round(high):+,}</td>' in result._repr_html_()
    )
    assert "replication noise only" in result._repr_html_()


@pytest.mark.parametrize("name", [name for name in SAID if name not in ("firm",)])
def test_every_result_has_a_frame(name: str, results: dict[str, Any]) -> None:
    frame = results[name].to_frame()
    assert len(frame) > 0
    assert not frame.columns.duplicated().any()


FIGURES = {
    "firm": {},
    "plan": {"by": ("segment", "period")},
    "comparison": {"what": ("difference", "asset", "customers")},
    "simulation": {},
    "frontier": {},
    "risk": {},
    "split": {},
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_the_reports(name: str, results: dict[str, Any]) -> None:
    """Each is a plotly figure with something in it, in the report's look."""
    import plotly.graph_objects as go

    options: dict[str, tuple[str, ...]] = FIGURES[name]
    calls = [{key: value} for key, values in options.items() for value in values] or [{}]
    for call in calls:
        figure = results[name].plot(**call)
        assert isinstance(figure, go.Figure)
        assert len(figure.data) > 0
        assert figure.layout.paper_bgcolor == "#ffffff"


def test_an_unknown_figure_is_refused(results: dict[str, Any]) -> None:
    for name, call in (("plan", {"by": "lever"}), ("comparison", {"what": "money"})):
        with pytest.raises(tenure.InputError, match="expected one of"):
            results[name].plot(**call)


def test_a_report_and_files_are_one_call(results: dict[str, Any], tmp_path: Path) -> None:
    """As in the package's help; a plan that is played is proven on the page."""
    page = results["comparison"].report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "of the possible lift" in page
    results["plan"].save(tmp_path / "plan.xlsx")
    firm = results["firm"]
    again = firm.load_plan(tmp_path / "plan.xlsx")
    assert again.spend.sum() == pytest.approx(results["plan"].spend.sum())
    results["split"].save(tmp_path / "split.json")
    assert json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))["status"] == "optimal"


def test_a_long_table_is_cut_and_says_so() -> None:
    many = tenure.Firm.of({**CONTENT, "periods": 40}).simulate("no spend", replications=1)
    assert "and 10 more rows" in many._repr_html_()
