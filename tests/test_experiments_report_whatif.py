"""The what-if page: what it looks up is held against exact tables, and what it exports is what it shows."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from markets import ROOT
from shops import SHOP
from typer.testing import CliRunner

from experiments.cli.app import app
from experiments.firm import Firm
from experiments.report.whatif.served import served
from experiments.report.whatif.write import surface_data
from experiments.results.whatif import WhatIf
from experiments.words.figures import money, typeset_money
from experiments.words.whatif import whatif_words
from optimizer.insight.exact import solve_exactly
from optimizer.insight.surface import ASSET, KEPT, NOTICED
from optimizer.insight.tables import played
from sim.errors import InputError, RulesError


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
    lift = surface.families[0].knots[-1].counts[ASSET] - surface.families[0].solved[0].counts[ASSET]
    errors = held.errors("played")
    assert errors["budgets"].worst < 0.02 * lift
    assert errors["nudged"].worst < 0.05 * lift
    rows = zip(held.budgets.asked, held.budgets.said, held.budgets.played, held.budgets.solved, strict=True)
    for (budget, _), said, exact, solved in rows:
        table = surface.settle(budget)
        assert said[ASSET] == surface.counted(table)[ASSET]
        own = played(lookup.twin, surface.lines, surface.by_period(table)).asset
        assert exact[ASSET] == pytest.approx(own, rel=1e-12)
        assert solved[ASSET] >= exact[ASSET] * (1 - 1e-6)
        assert abs(said[ASSET] - exact[ASSET]) <= errors["budgets"].worst


def test_held_lines_stay_and_the_others_make_up_the_budget(lookup: WhatIf) -> None:
    surface = lookup.surface
    held = {1: 0.9 * float(surface.settle(surface.budget).money[1])}
    table = surface.settle(surface.budget, held)
    assert table.money[1] == held[1]
    assert table.money.sum() == pytest.approx(surface.settle(surface.budget).money.sum(), rel=1e-6)
    assert table.followed > surface.budget
    beyond = surface.settle(1e12)
    assert beyond.budget == surface.families[0].knots[-1].budget


def test_a_table_is_looked_up_near_the_plans_that_its_money_is_nearest_to(lookup: WhatIf) -> None:
    """No plan between the solved ones is nearer (tried one by one); a plan's own money lies at its own budget."""
    surface, random = lookup.surface, np.random.default_rng(2)
    plans = surface.families[0]
    least, most = plans.knots[0].budget, plans.knots[-1].budget
    for budget in random.uniform(*plans.range, 5).tolist():
        assert plans.nearest(plans.plan(budget)) == pytest.approx(budget, rel=1e-9)
        held = {int(line): float(surface.top[line] * random.random()) for line in random.choice(4, 2, replace=False)}
        table = surface.settle(budget, held)
        off = [float(np.linalg.norm(table.money - plans.plan(each))) for each in np.linspace(least, most, 201)]
        assert np.linalg.norm(table.money - plans.plan(table.near)) <= min(off) * (1 + 1e-9)


def test_the_error_that_is_printed_is_that_of_plans_solved_with_the_lines_held(lookup: WhatIf, tmp_path: Path) -> None:
    """A held-out table is solved once more, from more starts; page, terminal and JSON print the largest of all."""
    surface, checked = lookup.surface, lookup.held_out.moved
    known = np.flatnonzero(np.isfinite(checked.solved[:, ASSET]))
    worst = max(known, key=lambda k: abs(checked.said[k, ASSET] - checked.solved[k, ASSET]))
    budget, held = checked.asked[worst]
    committed = surface.committed.sum(axis=0)
    exact = solve_exactly(
        lookup.twin, budget, {surface.lines[line]: amount + committed[line] for line, amount in held.items()}
    )
    off = abs(float(surface.counted(surface.settle(budget, held))[ASSET]) - exact.asset)
    printed, kept = checked.errors(), checked.errors(count=KEPT)
    assert printed.worst == pytest.approx(off, rel=0.02)
    assert (printed.number, kept.number) == (known.size, known.size)
    assert kept.worst >= abs(surface.counted(surface.settle(budget, held))[KEPT] - exact.kept) * (1 - 1e-3)
    said = lookup.to_dict()
    assert said["errors_solved"]["moved"]["worst"] == printed.worst
    assert said["held_out"]["moved"][worst]["solved"] == checked.solved[worst, ASSET]
    assert surface_data(lookup.twin.scenario, lookup, whatif_words("en"))["errors"]["moved"]["worst"] == printed.worst
    page = lookup.save(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<td>lines moved anywhere up to the most, against the plan solved anew</td>" in page
    for shown in (printed.worst, kept.worst):
        assert f">{typeset_money(shown)}<" in page
    assert f"{money(printed.worst)} (customers kept {money(kept.worst)}) where they are held any" in lookup.answer()


def test_free_lines_give_way_down_to_the_least_that_the_rules_ask(lookup: WhatIf) -> None:
    """What an exact search fits is said to fit, and what it finds is near; budgets stay within what was solved."""
    surface, family = lookup.surface, 1
    lowest = surface.families[family].least
    held = {0: 0.6 * lowest}
    table = surface.settle(lowest, held, family)
    assert table.money[0] == held[0]
    assert table.money.sum() == pytest.approx(lowest, rel=1e-6)
    assert surface.missed(table, family) == 0
    exact = solve_exactly(lookup.twin, lowest, {surface.lines[0]: held[0]}, without="slices")
    assert exact.money.sum() == pytest.approx(table.money.sum(), rel=1e-6)
    lift = exact.asset - surface.today_counts[ASSET]
    assert surface.counted(table, family)[ASSET] == pytest.approx(exact.asset, abs=0.1 * abs(lift))
    assert surface.settle(1.0).budget == lowest
    assert surface.missed(surface.settle(lowest, dict(enumerate(surface.top[:3])), family), family) > 0
    assert lookup.to_frame().shape[0] == 4


def test_what_tables_give_up_is_said_first(lookup: WhatIf, tmp_path: Path) -> None:
    assert "give up" not in lookup.answer()  # next to nothing here
    coarse = replace(lookup, finer=1_260.0, lift=8_400.0)
    assert "give up 1,260 (15 % of what they gain against today) against `tenure optimize`" in coarse.answer().replace(
        "\u00a0", " "
    )
    for lang, says in (("en", "worth 1,260 more (15 % of"), ("zh", "1,260（占")):
        head = coarse.save(tmp_path / f"{lang}.html", lang).read_text(encoding="utf-8").split("</header>")[0]
        assert says in head.replace("\u202f", " ").replace("\u00a0", " ")


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
    zh = surface_data(lookup.twin.scenario, lookup, whatif_words("zh"), "zh")
    names, told = ([each["name"] for each in found["watched"]] for found in (data, zh))
    assert names
    assert told != names
    assert not re.search(r"\b(floor|cap|budget|period|share|contacts)\b", " ".join(told))


# --- Solved exactly ---------------------------------------------------------------------------------------------------


def test_solved_exactly_lines_are_held_and_the_rest_is_best(lookup: WhatIf) -> None:
    """No other table with these lines is worth more: the looked-up one, those of random cases, and fewer held lines."""
    twin, surface, random = lookup.twin, lookup.surface, np.random.default_rng(3)
    for family, plans in enumerate(lookup.plans):
        rule = surface.families[family].without
        for plan in plans[family:][:1]:
            free = solve_exactly(twin, plan.budget, without=rule)
            assert free.asset == pytest.approx(plan.asset, rel=1e-6)
            assert free.asset == pytest.approx(played(twin, surface.lines, free.money).asset, rel=1e-9)
            line = int(random.integers(len(surface.lines)))
            amount = float(random.uniform(0.3, 0.9) * plan.spend.sum() / len(surface.lines))
            held = solve_exactly(twin, plan.budget, {surface.lines[line]: amount}, without=rule)
            assert held.money[:, line].sum() == pytest.approx(amount, rel=1e-6)
            assert held.money.sum() <= plan.budget * (1 + 1e-9)
            assert held.asset <= free.asset * (1 + 1e-9)
            table = surface.settle(plan.budget, {line: amount - float(surface.committed[:, line].sum())}, family)
            spends = table.money.sum() + surface.committed.sum()
            if rule and spends <= plan.budget * (1 + 1e-9):  # there is no rule but the budget
                given = played(twin, surface.lines, surface.by_period(table, family)).asset
                assert held.asset >= given * (1 - 1e-9)


def test_what_is_held_and_cannot_be_is_refused(lookup: WhatIf) -> None:
    line, budget = lookup.surface.lines[1], lookup.surface.budget
    with pytest.raises(RulesError, match="as it is held"):
        solve_exactly(lookup.twin, budget, {line: 2 * budget})
    with pytest.raises(InputError, match=r"town/nothing: no such line"):
        solve_exactly(lookup.twin, budget, {("town", "nothing"): 1.0})


def asked_over_http(address: str, body: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    sent = urllib.request.Request(f"{address}solve", body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_served_page_is_solved_exactly(firm: Firm, lookup: WhatIf, tmp_path: Path) -> None:
    page, surface = lookup.save(tmp_path / "page.html"), lookup.surface
    with served(page, firm.twin) as address:
        with urllib.request.urlopen(address, timeout=10) as answer:
            text = answer.read().decode()
        assert text == page.read_text("utf-8").replace("<body data-plan", '<body data-solve="/solve" data-plan')
        question = {"budget": surface.budget, "family": 0, "held": {"1": 900.0}}
        status, found = asked_over_http(address, json.dumps(question).encode())
        own = solve_exactly(lookup.twin, surface.budget, {surface.lines[1]: 900.0})
        assert (status, found["asset"], found["by_period"]) == (200, own.asset, own.money.tolist())
        assert len(found["watched"]) == len(surface.watched)
        status, found = asked_over_http(address, json.dumps(question | {"held": {"1": 1e6}}).encode())
        assert status == 422
        assert "town / care as it is held" in str(found["error"])
        for broken in (b"", b"[]", b"{}", json.dumps(question | {"family": 9}).encode(),
                       json.dumps(question | {"held": {"99": 1}}).encode(), b'{"budget": NaN, "family": 0, "held": {}}',
                       json.dumps(question | {"held": {"-1": 1}}).encode()):  # fmt: skip
            status, found = asked_over_http(address, broken)
            assert (status, bool(found["error"])) == (422, True)
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):  # another page, another name
            assert asked_over_http(address, json.dumps(question).encode(), **headers) == (403, {})
        assert asked_over_http(address, json.dumps(question).encode(), **{"Content-Type": "text/plain"})[0] == 400


@pytest.mark.slow
def test_the_command_serves_it_until_it_is_stopped(lookup: WhatIf, tmp_path: Path) -> None:
    lookup.save(tmp_path / "page.html")
    (tmp_path / "scenario.yaml").write_text(json.dumps(SHOP), encoding="utf-8")
    words = [sys.executable, "-m", "tenure", "ui", "--whatif", "page.html", "--json"]
    code = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "cwd": tmp_path}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **code) as process:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["whatif"]
        question = {"budget": lookup.surface.budget, "family": 0, "held": {}}
        assert asked_over_http(address, json.dumps(question).encode())[0] == 200
        process.send_signal(signal.SIGTERM)
        assert (process.wait(20), process.communicate()) == (0, ("", ""))


def test_a_page_of_another_scenario_is_not_served(lookup: WhatIf, tmp_path: Path) -> None:
    page, other = lookup.save(tmp_path / "page.html"), Firm.of({**SHOP, "margin": 0.4})
    with pytest.raises(InputError, match="made of another scenario"), served(page, other.twin):
        pass
    page.write_text("<p>no such page</p>", encoding="utf-8")
    with pytest.raises(InputError, match="is no what-if page"), served(page, other.twin):
        pass


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
