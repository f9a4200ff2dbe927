"""What a planner does with the what-if page, in a real browser: its numbers are Python's, its table is played."""

import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from shops import SHOP
from views import QUIET, complaints_of

from experiments.firm import Firm
from experiments.report.whatif.served import served
from experiments.results.whatif import WhatIf
from optimizer.insight.exact import solve_exactly
from optimizer.insight.surface import ASSET, KEPT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def lookup() -> WhatIf:
    firm = Firm.of(SHOP)
    return firm.whatif([0.7 * firm.budget, 1.3 * firm.budget], without=["slices"])


@pytest.fixture(scope="module")
def file(lookup: WhatIf, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lookup.save(tmp_path_factory.mktemp("whatif") / "whatif.html")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(params=[1440, 390], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser: "Browser", file: Path) -> "Iterator[Page]":
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    said = complaints_of(opened)
    opened.goto(file.as_uri())
    yield opened
    assert opened.evaluate("document.documentElement.scrollWidth") <= request.param
    shown = [opened.evaluate("(tenure.show(), tenure.milliseconds)") for _ in range(5)]
    assert statistics.median(shown) < 50
    assert said == []
    opened.close()


def test_its_numbers_are_pythons(page: "Page", lookup: WhatIf) -> None:
    surface = lookup.surface
    for family, budget, held in (
        (0, surface.budget, {}),
        (0, 1.1 * surface.budget, {1: 0.7 * float(surface.top[1]), 2: 0.0}),
        (1, 0.9 * surface.budget, {0: 0.3 * float(surface.top[0])}),
        (0, 9 * surface.budget, {}),
        (1, surface.families[1].least, {0: 0.6 * surface.families[1].least}),  # the others give way below it
        (0, surface.budget, {0: float(surface.top[0]), 1: float(surface.top[1]), 2: float(surface.top[2])}),
    ):
        said = page.evaluate("plan => tenure.evaluate(plan)", {"family": family, "budget": budget, "held": held})
        table = surface.settle(budget, held, family)
        counts = surface.counted(table, family)
        assert said["asset"] == pytest.approx(counts[ASSET], rel=1e-8)
        assert said["kept"] == pytest.approx(counts[KEPT], rel=1e-8)
        assert said["missed"] == pytest.approx(surface.missed(table, family), rel=1e-6)
        assert said["table"]["money"] == pytest.approx(table.money.tolist(), rel=1e-6, abs=1e-3)


def test_served_it_solves_exactly_and_what_is_changed_is_looked_up_again(
    request: pytest.FixtureRequest, browser: "Browser", file: Path, lookup: WhatIf
) -> None:
    line = lookup.surface.lines[1]
    with served(file, lookup.twin) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        said = complaints_of(page)
        page.goto(address)
        panel, note = page.locator(".panel.a"), page.locator(".panel.a [data-fact=error]")
        page.evaluate("(tenure.plans.a.held = {1: 900}, tenure.show())")
        panel.locator("[data-do=solve]").click()
        page.wait_for_function("tenure.plans.a.exact")
        exact = solve_exactly(lookup.twin, lookup.surface.budget, {line: 900.0})
        assert page.evaluate("tenure.found.a.asset") == pytest.approx(exact.asset, rel=1e-9)
        assert page.evaluate("tenure.found.a.table.money") == pytest.approx(exact.money.sum(axis=0).tolist(), abs=1e-6)
        assert "solved exactly in" in str(note.text_content())
        rows = page.evaluate("tenure.csv('a')").splitlines()[1:]
        assert sum(float(row.rsplit(",", 1)[1]) for row in rows) == pytest.approx(float(exact.money.sum()), rel=1e-9)
        panel.locator("[data-do=release]").click()
        assert "checked" in str(note.text_content())
        page.evaluate("(tenure.plans.a.held = {1: 1e9}, tenure.show())")
        panel.locator("[data-do=solve]").click()
        page.wait_for_function("tenure.plans.a.failed")
        assert "as it is held" in str(panel.locator(".notes").text_content())
        assert [each for each in said if "422" not in each] == []
        page.close()
    plain = browser.new_page()
    plain.goto(file.as_uri())  # nobody solves there
    assert not plain.locator(".panel.a [data-do=solve]").is_visible()
    plain.close()


def test_a_budget_and_a_line_are_moved_and_the_table_is_played(page: "Page", lookup: WhatIf, tmp_path: Path) -> None:
    panel = page.locator(".panel.a")
    budget = round(1.1 * lookup.surface.budget)
    panel.locator("input.budget").fill(f"{budget:,}")
    panel.locator("input.budget").press("Enter")
    assert panel.locator("input.budget").input_value() == f"{budget:,}"
    assert panel.locator("[data-fact=spend]").inner_text() == f"{lookup.surface.settle(budget).money.sum():,.0f}"
    row = page.locator("#lines tbody tr").nth(1)
    before = page.evaluate("tenure.evaluate(tenure.plans.a).table.money[1]")
    row.locator(".edit.a button").last.click()
    assert page.evaluate("tenure.plans.a.held[1]") == pytest.approx(1.1 * before)
    assert row.locator(".edit.a input[type=checkbox]").is_checked()
    with page.expect_download() as given:
        panel.locator("[data-do=export]").click()
    path = tmp_path / given.value.suggested_filename
    given.value.save_as(path)
    said = page.evaluate("tenure.evaluate(tenure.plans.a)")
    firm = Firm(lookup.twin)
    plan = firm.load_plan(path)
    assert plan.spend.sum() == pytest.approx(said["spend"], rel=1e-6)
    from sim.engine.sensitivity import follow

    exact = follow(firm.chain, plan.intensity).asset
    assert abs(said["asset"] - exact) <= max(3 * lookup.held_out.errors("played")["nudged"].worst, 1e-3 * abs(exact))


def test_range_is_kept_and_said(page: "Page", lookup: WhatIf) -> None:
    most = lookup.surface.families[0].knots[-1].budget
    field = page.locator(".panel.a input.budget")
    field.fill("9999999")
    field.press("Enter")
    assert page.evaluate("tenure.evaluate(tenure.plans.a).table.budget") == pytest.approx(most)
    assert "beyond" in (page.locator(".panel.a [data-fact=range]").get_attribute("class") or "")
    usual = page.evaluate("tenure.page.start.a") if page.evaluate("'page' in tenure") else most
    for typed, beyond in ((f"{usual / 1000:.6g}k", False), ("abc", True), ("-3", True)):
        field.fill(typed)
        field.press("Enter")
        assert ("beyond" in (page.locator(".panel.a [data-fact=range]").get_attribute("class") or "")) == beyond
        assert page.evaluate("tenure.evaluate(tenure.plans.a).table.budget") == pytest.approx(usual, rel=1e-5)


def test_what_is_typed_and_not_taken_is_said_in_the_panel(page: "Page", lookup: WhatIf) -> None:
    panel, (least, most) = page.locator(".panel.a"), lookup.surface.families[0].range
    notes, field = panel.locator(".notes"), panel.locator("input.budget")

    def typed(into: "Locator", text: str) -> str:
        into.fill(text)
        into.press("Enter")
        return str(notes.text_content())

    assert f"“99999999” is beyond what was solved: {most:,.0f} is used" in typed(field, "99999999")
    assert "“3.500” is read as 3.5; if thousands are meant, write 3,500; “3.500” is below" in typed(field, "3.500")
    assert f"“12” is below what was solved: {least:,.0f} is used" in typed(field, "12")
    for text in ("-5", "abc", "3,5", "Infinity"):
        assert f"“{text}” is no amount of money (1500, 1,500 or 1.5k are): {least:,.0f} stays" in typed(field, text)
    assert f"nothing was typed: {least:,.0f} stays" in typed(field, "")
    assert field.input_value() == f"{least:,.0f}"
    half = (least + most) / 2
    assert "“" not in typed(field, f"{half / 1000:.4f}k")
    assert page.evaluate("tenure.found.a.table.budget") == pytest.approx(half, abs=0.1)
    line, top = page.locator("#lines tbody tr").nth(1).locator(".edit.a input:not([type])"), lookup.surface.top[1]
    before = line.input_value()
    assert f"town / care: “-3” is no amount of money (1500, 1,500 or 1.5k are): {before} stays" in typed(line, "-3")
    assert line.input_value() == before
    assert "no line is held" in str(panel.locator("[data-fact=locks]").text_content())
    assert f"town / care: “9999999” is beyond what was solved: {top:,.0f} is used" in typed(line, "9999999")
    assert panel.locator("[data-fact=locks]").text_content() == "1 line held; the others give way"
    assert "2.5k" not in typed(line, "2.5k")
    assert page.evaluate("tenure.plans.a.held[1]") == 2500
    assert "was not checked" in str(panel.locator("[data-fact=error]").text_content())  # it breaks a rule
    typed(field, "99999999")
    assert "beyond" in (panel.locator("[data-fact=range]").get_attribute("class") or "")
    panel.locator("[data-do=release]").click()
    assert "beyond" not in (panel.locator("[data-fact=range]").get_attribute("class") or "")
    panel.locator("select").select_option("1")  # measured where all rules hold
    assert "was not checked" in str(panel.locator("[data-fact=error]").text_content())
    panel.locator("select").select_option("0")
    error = str(panel.locator("[data-fact=error]").text_content())
    assert "customers kept by up to" in error
    assert "was checked" in error
    page.evaluate("(tenure.plans.a.held = {0: 1e9, 1: 1e9, 2: 1e9}, tenure.show())")
    assert "was not checked" in str(panel.locator("[data-fact=error]").text_content())
