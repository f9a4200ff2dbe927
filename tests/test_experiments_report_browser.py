"""What a customer sees: the report and MLflow's leaderboard in a real browser."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from studies import LIFECYCLE, Study, served, study_of, tracked
from views import QUIET, complaints_of

from experiments.report.page import bullets, card, folded, page, paragraph, section, subheading
from experiments.report.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"),
]


@dataclass(frozen=True)
class Shown:
    study: Study
    folder: Path
    report: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("browser")
    study = study_of({**LIFECYCLE, "name": "browser"})
    report = write_report(
        folder / "report.html", scenario=study.scenario, twin=study.twin, comparison=study.comparison, plan=study.plan
    )
    tracked(study, folder, pages={"report.html": report.read_bytes()})
    return Shown(study, folder, report)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def leaderboard(shown: Shown) -> Iterator[str]:
    server = served(shown.folder)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        server.communicate(timeout=30)


@pytest.mark.parametrize("width", [1440, 390], ids=["desk", "phone"])
def test_report(shown: Shown, browser: "Browser", width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    said = complaints_of(page)
    page.goto(shown.report.as_uri())
    drawings = [place for place in page.locator("figure svg").all() if place.is_visible()]
    assert len(drawings) >= 5
    for place in drawings:
        assert place.locator("polyline, circle, rect").count() > 0
        box = place.bounding_box()
        assert box is not None
        assert box["height"] > 60
        assert box["x"] + box["width"] <= width
        sizes = place.locator("text").evaluate_all("all => all.map(each => each.getBoundingClientRect().height)")
        assert min(sizes) > 9
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    best = max(shown.study.comparison.outcomes, key=lambda outcome: outcome.asset)
    assert f"{best.asset:,.0f}" in page.locator(".cards").inner_text()
    assert f"{best.difference:+,.0f}" in page.locator("h1").inner_text()
    assert said == []
    page.close()


def test_long_names_and_paths_break_on_a_phone(browser: "Browser", tmp_path: Path) -> None:
    """Wherever a page says them in a sentence: bullets, paragraphs, two columns, cards, headings."""
    long = "levers.newspaper_subscribers.by_segment.gardeners.moves.purchase_rate.unlimited_money"
    said = [bullets([f"the {long} of", f"`{long}`"]), paragraph(long), card(long, "1", long), subheading(long)]
    columns = '<div class="columns">' + "".join(f"<div>{part}</div>" for part in said) + "</div>"
    whole = page(long, long, [section("all", long, *said, columns), folded(long, *said)], long)
    (tmp_path / "long.html").write_text(whole, encoding="utf-8")
    opened = browser.new_page(viewport={"width": 390, "height": 900})
    opened.goto((tmp_path / "long.html").as_uri())
    opened.locator("details").evaluate("each => each.open = true")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    opened.close()


def test_leaderboard(shown: Shown, browser: "Browser", leaderboard: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    said = complaints_of(page)
    page.goto(leaderboard)
    page.wait_for_selector(".ag-center-cols-container .ag-row", timeout=60_000)
    page.wait_for_function("document.body.innerText.includes('matching runs')")
    headers = page.locator(".ag-header-cell").all_inner_texts()
    shown_columns = [text.strip() for text in headers]
    for column in ("gain", "regret", "gain_low"):  # the grid draws what fits
        assert column in shown_columns, shown_columns
    ranked = sorted(shown.study.comparison.outcomes, key=lambda outcome: -outcome.asset)
    links = page.locator(".ag-row a[href*='/runs/']")
    rows = {link.bounding_box()["y"]: link.inner_text().strip() for link in links.all()}  # type: ignore[index]
    assert [rows[y].split(" / ")[-1].rpartition(":")[0] for y in sorted(rows)] == [each.name for each in ranked]
    # MLflow's own pages ask who is logged in, which a server without log-in answers with 404, and report a
    # harmless delay of the layout.
    known = ("Failed to load resource: the server responded with a status of 404", "ResizeObserver loop")
    assert [text for text in said if not any(part in text for part in known)] == []
    page.close()


def test_run_page_leads_back_to_its_study(shown: Shown, browser: "Browser", leaderboard: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(leaderboard)
    page.locator(".ag-row a", has_text="plan").first.click()
    page.locator("[data-testid=truncation-gradient]").wait_for(timeout=60_000)
    page.get_by_text("Show more").first.click()
    with page.expect_popup(timeout=60_000) as popup:
        page.locator("a[href*='#/experiments/']", has_text="The study").first.click(timeout=60_000)
    best = max(shown.study.comparison.outcomes, key=lambda outcome: outcome.asset)
    popup.value.wait_for_function(f"document.body.innerText.includes('best of 3, {best.name}')")
    popup.value.close()
    page.close()
