"""A forecast as it would have been made: nothing later is used, what came is all that came, errors are as they are."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments.backtest.forecast import MEASURES
from experiments.backtest.rivals import rivals_of
from experiments.firm import Firm
from experiments.results.backtest import Backtest
from sim.errors import InputError, PurchasesError
from sim.purchases.base import CustomerBase

BEGIN, DAYS = date(2022, 1, 1), 730
LEVERS = {
    "care": {
        "targets": ["new", "developing", "core"],
        "reference": 0.3,
        "moves": {"survival": {"without_money": 0.88, "unlimited_money": 0.97, "spend": 0.3, "brings": 0.92}},
    }
}


def shop(path: Path, twice_after: int = DAYS) -> Path:
    """Write purchases that follow the laws to the letter; amounts double after some day."""
    random = np.random.default_rng(4)
    lines = ["customer,date,amount"]
    for who in range(2500):
        day = int(random.integers(0, 600))
        rate, leaves = random.gamma(0.9, 1 / 70), day + random.exponential(1 / random.gamma(0.8, 1 / 200))
        scale = random.gamma(4, 1 / 20)
        bought = {day}
        now = float(day)
        while (now := now + random.exponential(1 / rate)) < min(leaves, DAYS):
            bought.add(int(now))
        for each in sorted(bought):
            amount = random.gamma(6, 1) / scale * (2 if each > twice_after else 1)
            lines.append(f"{who},{BEGIN + timedelta(days=each)},{amount:.2f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def firm_of(folder: Path, **how: int) -> Firm:
    """Return a firm whose laws as stated are of no use: a backtest fits its own."""
    folder.mkdir(exist_ok=True)
    CustomerBase.create(folder / "shop.duckdb", shop(folder / "orders.csv", **how))
    base = {
        "file": "shop.duckdb", "as_of": BEGIN + timedelta(days=DAYS - 1),
        "pareto_nbd": {"r": 1.0, "alpha": 1.0, "s": 1.0, "beta": 1.0}, "gamma_gamma": {"p": 6, "q": 4, "gamma": 15},
        "cycle_cutoffs": [8, 16], "amount_cutoffs": [25, 45],
    }  # fmt: skip
    content = {"name": "shop", "periods": 12, "base": base, "levers": LEVERS}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Firm.open(folder / "scenario.yaml")


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return firm_of(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def found(firm: Firm) -> Backtest:
    return firm.backtest(6, replications=20)


def base_of(firm: Firm) -> CustomerBase:
    assert firm.scenario.base is not None
    return CustomerBase.open(firm.scenario.folder / firm.scenario.base.file)


def test_where_the_laws_hold_the_forecast_does(found: Backtest) -> None:
    assert abs(found.error("purchases")) < 0.12
    assert abs(found.error("customers")) < 0.12
    assert 0.6 < found.coverage(80) < 0.97
    assert found.coverage(95) > 0.85


def test_months_that_are_alike_are_taken_so(found: Backtest) -> None:
    alike, differ = found.versions
    assert (alike.chosen, differ.chosen, differ.numbers) == (True, False, 16)
    assert 0 <= differ.gain < 16
    assert found.conditions == ()
    assert "too little (Akaike), so all are taken as alike" in found.to_text()


def test_one_thing_has_one_figure(found: Backtest) -> None:
    """The laws that are used are off in the table as in the first line."""
    [used] = [each for each in found.versions if each.chosen]
    assert (used.purchases_error, used.money_error) == (found.error("purchases"), found.error("money"))


def test_it_is_said_in_words(found: Backtest) -> None:
    text = found.to_text()
    assert f"{found.newly_won[0]:,} people first bought after {found.cut}" in text
    assert text.startswith(repr(found))
    assert text.count("\n- By") == 5
    assert "last year's same months" in text


def test_what_came_is_all_that_came(found: Backtest, firm: Firm) -> None:
    """Purchases of those known and of those won since are all purchases after the cut."""
    days, money = base_of(firm).query(
        "SELECT count(*), sum(amount) FROM (SELECT customer_id, date, sum(amount) AS amount FROM purchases "
        f"GROUP BY ALL) WHERE date > DATE '{found.cut}'"
    )[1][0]
    assert found.actual[1].sum() + found.newly_won[1] == days
    assert found.actual[2].sum() + found.newly_won[2] == pytest.approx(money)
    assert found.until == base_of(firm).last_date
    assert found.newly_won[0] > 0
    later = base_of(firm).summarise(found.until)
    known = later.age * 7 >= (found.until - found.cut).days
    assert found.actual[0, -1].sum() == pytest.approx((later.silent_weeks[known] < 6 * 30.4375 / 7).sum(), abs=3)


def test_nothing_later_is_used(found: Backtest, tmp_path: Path) -> None:
    later = firm_of(tmp_path, twice_after=(found.cut - BEGIN).days).backtest(6, replications=20)
    assert later.actual[2].sum() > 1.9 * found.actual[2].sum()
    assert later.scenario.base == found.scenario.base
    assert (later.predicted == found.predicted).all()


def test_rivals_are_what_they_say(firm: Firm) -> None:
    base = base_of(firm)
    cut, until = date(2023, 6, 30), date(2023, 12, 30)
    record = base.summarise(cut)
    last, mean = rivals_of(base, record, until)
    came = base.bought_between(cut, until, record)[0].sum()
    known = base.summarise(cut - timedelta(days=365))
    then = base.bought_between(cut - timedelta(days=365), until - timedelta(days=365), known)[0].sum()
    assert last.name == "last year's same months"
    assert 1 + last.purchases_error == pytest.approx(then * len(record) / len(known) / came)
    seen = record.age > 0
    rate = (record.frequency[seen] / record.age[seen]).sum() * (until - cut).days / 7
    assert 1 + mean.purchases_error == pytest.approx(rate / came)
    short = base.summarise(date(2022, 9, 1))
    assert rivals_of(base, short, date(2022, 12, 1))[0].name == "repeat purchases of the months before"


def test_what_is_dated_moves_with_the_cut(firm: Firm) -> None:
    """A rival of the first half year after as_of is none of the half year before; seasons turn."""
    content = firm.scenario.model_dump(mode="json", exclude_unset=True) | {
        "folder": firm.scenario.folder, "seasons": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        "competitors": [{"name": "rival", "start": 0, "route": "defection", "strength": 0.5}],
    }  # fmt: skip
    early = Firm.of(content).backtest(6, replications=2)
    assert early.dropped == ("rival: not in the months that are compared",)
    assert early.scenario.seasons[0] == 2.0
    assert "left out: rival" in early.to_text()


def test_bad_questions_are_refused(firm: Firm, market: Callable[..., dict[str, object]]) -> None:
    with pytest.raises(InputError, match="has no customer base"):
        Firm.of(market()).backtest()
    with pytest.raises(InputError, match=r"`months=30`: expected at least one month, and less than the 2"):
        firm.backtest(30)
    with pytest.raises(PurchasesError, match="`months=23`: too little was known on 2022-01"):
        firm.backtest(23)


def test_the_command_says_it_in_words_and_as_json(firm: Firm, tenure: Callable[..., tuple[int, str, str]]) -> None:
    scenario = firm.file
    code, out, _ = tenure("backtest", str(scenario), "--months", 6, "--replications", 2, "--json")
    answer = json.loads(out)
    assert code == 0
    assert {f"{m}_error" for m in MEASURES} | {"coverage_80", "coverage_95", "rivals", "newly_won"} <= set(answer)
    assert all(set(rival) == {"name", "purchases_error", "money_error"} for rival in answer["rivals"])
    assert answer["purchases_error"] == firm.backtest(6, replications=2).error("purchases")
    code, out, err = tenure("backtest", str(scenario), "--months", 40)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--months 40: expected" in err


@pytest.mark.slow
def test_cdnow_comes_short_and_why(cdnow: CustomerBase, tmp_path: Path) -> None:
    """All 23,570 customers, nine months: too few with months alike; months that differ, chosen before, do better."""
    from markets import ROOT

    content = yaml.safe_load((ROOT / "examples" / "cdnow" / "scenario.yaml").read_text())
    content["base"]["file"] = str(cdnow.path)
    found = Firm.of(content).backtest(9, replications=20)
    alike, differ = found.versions
    assert (alike.chosen, differ.chosen) == (False, True)
    assert alike.purchases_error == pytest.approx(-0.128, abs=0.003)
    assert alike.money_error == pytest.approx(-0.162, abs=0.003)
    assert abs(found.error("purchases")) < 0.03
    assert abs(found.error("money")) < 0.07
    assert found.coverage(80) > 0.6
    assert found.coverage(95) > 0.75
    text = found.to_text()
    assert "then came back" in text
    assert "with months alike purchases were off by -12.8%" in text
