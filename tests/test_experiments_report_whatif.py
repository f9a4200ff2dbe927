"""The what-if page: what it looks up is held against exact tables, and what it exports is what it shows."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from shops import SHOP
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.firm import Firm
from experiments.report.whatif.write import NOTICED, surface_data
from experiments.results.whatif import WhatIf
from experiments.words.whatif import whatif_words
from optimizer.insight.sounding import exact_asset
from optimizer.insight.surface import ASSET


@pytest.fixture(scope="module")
def firm() -> Firm:
    return Firm.of(SHOP)


@pytest.fixture(scope="module")
def lookup(firm: Firm) -> WhatIf:
    force = firm.budget
    return firm.whatif([0.7 * force, 1.3 * force], without=["slices"])


def test_solved_plans_are_met_exactly(lookup: WhatIf) -> None:
    surface = lookup.surface
    for family, plans in enumerate(lookup.plans):
        for plan in plans:
            table = surface.settle(plan.budget, family=family)
            assert surface.counted(table, family)[ASSET] == pytest.approx(plan.asset, rel=1e-9)
            assert surface.by_period(table, family).sum() == pytest.approx(plan.spend.sum(), rel=1e-9)


def test_between_solved_budgets_it_is_near_and_its_error_is_what_it_says(lookup: WhatIf) -> None:
    held, surface = lookup.held_out, lookup.surface
    lift = surface.families[0].knots[-1].counts[ASSET] - surface.families[0].knots[0].counts[ASSET]
    errors = held.errors()
    assert errors["budgets"].worst < 0.02 * lift
    assert errors["nudged"].worst < 0.05 * lift
    for budget, said, exact, solved in held.budgets:
        table = surface.settle(budget)
        assert said == surface.counted(table)[ASSET]
        assert exact == pytest.approx(exact_asset(lookup.twin, surface.lines, surface.by_period(table)), rel=1e-12)
        assert solved >= exact * (1 - 1e-6)
        assert abs(said - exact) <= errors["budgets"].worst


def test_held_lines_stay_and_the_others_make_up_the_budget(lookup: WhatIf) -> None:
    surface = lookup.surface
    held = {1: 0.9 * float(surface.settle(surface.budget).money[1])}
    table = surface.settle(surface.budget, held)
    assert table.money[1] == held[1]
    assert table.money.sum() == pytest.approx(surface.settle(surface.budget).money.sum(), rel=1e-6)
    assert table.followed > surface.budget
    beyond = surface.settle(1e12)
    assert beyond.budget == surface.families[0].knots[-1].budget


def test_without_a_rule_plans_are_worth_no_less(lookup: WhatIf) -> None:
    kept, free = lookup.plans
    assert all(b.asset >= a.asset - 1e-6 * abs(a.asset) for a, b in zip(kept, free, strict=True))
    assert {each.rule for each in lookup.surface.watched} >= {"kept: floor by share"}


def test_page_is_one_file_with_names_that_cannot_become_markup(lookup: WhatIf, tmp_path: Path) -> None:
    for lang in ("en", "zh"):
        page = lookup.save(tmp_path / f"{lang}.html", lang).read_text(encoding="utf-8")
        assert not re.search(r"(src|href)=[\"']https?:", page)
        assert "<b>" not in page.split("</header>")[0]
        assert len(page) < 1_500_000
        assert whatif_words(lang)["title"] in page
        assert [found.name for found in tmp_path.iterdir() if found.suffix != ".html"] == []


def test_data_are_the_surface(lookup: WhatIf) -> None:
    data = surface_data(lookup.twin.scenario, lookup, whatif_words("en"))
    text = json.dumps(data, allow_nan=False)
    knots = json.loads(text)["families"][0]["knots"]
    for knot, own in zip(knots, lookup.surface.families[0].knots, strict=True):
        np.testing.assert_allclose(knot["gain"], own.gain, rtol=1e-9)
        np.testing.assert_allclose(knot["money"], own.money, rtol=1e-9)
    assert data["tolerance"] == NOTICED


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--budgets", "100k"], "--budgets: expected at least two"),
        (["--budgets", "80k,x"], "expected money separated by commas"),
        (["--without", "nonsense"], "--without nonsense: no such rule; expected one of"),
        (["--lang", "fr"], "--lang fr: expected one of en, zh"),
        (["-o", "page.pdf"], ".html"),
    ],
)
def test_bad_input_is_one_line(options: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiments.cli.words import in_options
    from sim.errors import TenureError

    monkeypatch.chdir(tmp_path)
    Path("scenario.yaml").write_text(json.dumps(SHOP), encoding="utf-8")
    result = CliRunner().invoke(app, ["whatif", "scenario.yaml", *options])
    assert isinstance(result.exception, TenureError)
    assert says in in_options(str(result.exception))
    assert not Path("whatif.html").exists()
