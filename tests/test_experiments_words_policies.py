"""One table of policies: terminal, page and run show the same facts."""

import html
import re
from dataclasses import replace

import numpy as np
import pytest
from studies import TRACKED, Study, study_of

from experiments.compare import Comparison
from experiments.report.write import write_report
from experiments.terminal.tables import policy_cells, policy_table
from experiments.tracking.notes import comparison_body
from experiments.words.policies import policy_facts


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(TRACKED)


def with_one_replication(comparison: Comparison) -> Comparison:
    nan = float("nan")
    first, *others = comparison.outcomes
    return replace(comparison, outcomes=(first, *(replace(each, low=nan, high=nan) for each in others)))


def plain(cell: str) -> str:
    """Return a cell without signs of typesetting."""
    text = html.unescape(re.sub(r"<[^>]*>", "", cell)).replace("−", "-").replace("\u00a0", " ")
    return text.replace("\\", "").strip()


def test_facts_are_those_of_the_comparison(study: Study) -> None:
    facts = policy_facts(study.comparison)
    assert [kind for _, kind in facts.columns] == ["name", "money", "difference", "interval", "count", "money", "rules"]
    assert facts.reference == "as today"
    for row, outcome in zip(facts.rows, study.comparison.outcomes, strict=True):
        assert row[:2] == (outcome.name, outcome.asset)
        assert row[4:] == (outcome.kept.mean(), outcome.spends.mean(), outcome.broken)
    assert facts.rows[0][2:4] == (None, None)
    second = study.comparison.outcomes[1]
    assert facts.rows[1][2:4] == (second.difference, (second.low, second.high))
    ranked = [row[1] for row in policy_facts(study.comparison, ranked=True).rows]
    assert ranked == sorted(ranked, reverse=True)
    kinds = [kind for _, kind in facts.without("difference", "interval").columns]
    assert kinds == ["name", "money", "count", "money", "rules"]


@pytest.mark.parametrize("single", [False, True])
def test_terminal_page_and_run_show_the_same(study: Study, single: bool, tmp_path) -> None:
    comparison = with_one_replication(study.comparison) if single else study.comparison
    order = np.argsort([-outcome.asset for outcome in comparison.outcomes], kind="stable")
    header, shown = policy_cells(comparison)
    assert header == ["policy", "customer asset", "vs as today", "95 % interval", "alive at end", "spend", "rules"]
    assert policy_table(comparison).splitlines()[0].split("  ")[0] == "policy"
    terminal = [[cell or None for cell in shown[i]] for i in order]

    page = write_report(tmp_path / "r.html", scenario=study.scenario, twin=study.twin, comparison=comparison)
    text = page.read_text(encoding="utf-8")
    section = text[text.index('<section id="policies">') :]
    rows = re.findall(r"<tr.*?</tr>", section[: section.index("</table>")])
    on_page = [[plain(cell) for cell in re.findall(r"<td.*?</td>", row)] for row in rows[1:]]

    lines = [line for line in "\n".join(comparison_body(comparison)).splitlines() if line.startswith("|")]
    in_run = [[plain(cell) for cell in line.strip("|").split(" | ")] for line in lines[2:]]

    nothing = {"needs 2 replications": "–"}
    wanted = [
        [nothing.get(cell, cell) if cell else ("reference", "–")[i - 2] for i, cell in enumerate(row)]
        for row in terminal
    ]
    assert on_page == in_run == wanted
