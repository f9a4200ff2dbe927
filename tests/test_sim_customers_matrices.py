"""Segments by value x response and by what customers bring directly x indirectly, each customer placed by hand."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml
from markets import orders

from experiments.firm import Firm
from experiments.study.base_report import base_report
from experiments.study.calibrate import calibrate
from experiments.words.classes import class_rows
from sim.customers.own_segments import FUNCTION, RESPONSE
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.errors import InputError, ScenarioError
from sim.purchases.base import CustomerBase
from sim.purchases.known import brought_by, contacted, indirect_source
from sim.scenario.customers import BaseSegments

SENT = [(i, f"2024-0{2 + m}-05", ("redeemed", "no", "", "not opened", "2", "0")[(i * 7 + m * 3) % 6])
        for i in range(390) for m in range(1 + i % 5)]  # fmt: skip
"""Customer, day and outcome of contacts; ten customers have none."""
BROUGHT = [(i % 90, 200 + i) for i in range(120)]
"""Who brought whom."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    orders(folder / "orders.csv")
    sent = "".join(f"{who},{day},{what},no\n" for who, day, what in SENT)
    (folder / "sent.csv").write_text(
        f"client,sent,outcome,control\n{sent}7,2024-03-01,,yes\n7,2030-01-01,redeemed,no\n"
    )
    (folder / "brought.csv").write_text("referrer,friend\n" + "".join(f"{a},{b}\n" for a, b in [*BROUGHT, (3, 3)]))
    CustomerBase.load(
        folder / "base.duckdb", [folder / "orders.csv"],
        beside={"contacts": [folder / "sent.csv"], "referrals": [folder / "brought.csv"]},
    )  # fmt: skip
    return folder


def placed(shop: Path, how: str) -> tuple[Firm, list[str], list[float]]:
    """Return a firm, its customers' segments, and their money a year while a customer from the laws written out."""
    calibrate(shop / "base.duckdb", shop / f"{how}.yaml", spend={"retention": 2_000}, segments=how, force=True)
    firm = Firm.open(shop / f"{how}.yaml")
    given = firm.scenario.base
    record = CustomerBase.open(shop / "base.duckdb").summarise(given.as_of)
    law, spend = ParetoNBD(**given.pareto_nbd.model_dump()), GammaGamma(**given.gamma_gamma.model_dump())
    a_year = [
        52 * float(law.mean_purchase_rate(x, t, age)) * float(spend.conditional_mean_spend(n, mean))
        for x, t, age, n, mean in zip(
            record.frequency, record.recency, record.age, record.purchases, record.mean_amount_all, strict=True
        )
    ]
    return firm, list(np.array(firm.targets.segments)[firm.twin.base.group]), a_year


@pytest.fixture(scope="module")
def by_response(shop: Path) -> tuple[Firm, list[str], list[float]]:
    return placed(shop, "response")


def test_value_and_response_by_hand(by_response: tuple[Firm, list[str], list[float]]) -> None:
    firm, found, a_year = by_response
    how = firm.scenario.base.segments
    sent, followed = np.zeros((2, 400))
    for who, _, what in SENT:
        sent[who] += 1
        followed[who] += what in ("redeemed", "2")
    mean = followed.sum() / sent.sum()
    assert mean * (1 - 2e-5) < how.cutoffs[1] <= mean
    wanted = [
        "not contacted" if not n else RESPONSE[2 * (money < how.cutoffs[0]) + (k / n < how.cutoffs[1])]
        for n, k, money in zip(sent, followed, a_year, strict=True)
    ]
    assert found == wanted
    assert set(found) == {*RESPONSE, "not contacted"}
    assert "share of contacts that something followed" in " ".join(firm.check().split())


def test_shrinking_towards_the_mean_takes_nobody_across_it() -> None:
    """What lets classes at the mean do without a law: (a + k)/(a + b + n) against a/(a + b), and (a + m)/(b + T)."""
    random = np.random.default_rng(2)
    n, a, b = random.integers(1, 30, 4000), 0.7, 2.3
    k = random.integers(0, n + 1)
    cut = a / (a + b)
    np.testing.assert_array_equal((a + k) / (a + b + n) >= cut, k / n >= cut)
    span, m = random.uniform(0.1, 9, 4000), random.poisson(1.5, 4000)
    np.testing.assert_array_equal((a + m) / (b + span) >= a / b, m / span >= a / b)


def test_what_customers_bring_by_hand(shop: Path) -> None:
    firm, found, a_year = placed(shop, "function")
    how = firm.scenario.base.segments
    record = CustomerBase.open(shop / "base.duckdb").summarise(firm.scenario.base.as_of)
    number = np.bincount([who for who, _ in BROUGHT], minlength=400)
    years = (record.age * 7 + 1) / 365.25
    assert how.column == "referrals"
    assert how.cutoffs[1] == pytest.approx(number.sum() / years.sum(), rel=2e-5)
    assert found == [
        FUNCTION[2 * (money < how.cutoffs[0]) + (rate < how.cutoffs[1])]
        for money, rate in zip(a_year, number / years, strict=True)
    ]
    assert set(found) == set(FUNCTION)
    rows = class_rows(
        firm.scenario, ["selling", "networking"], ["care"], np.array([[9.0], [1.0]]), np.array([[4.0], [1]])
    )
    assert [row[:3] for row in rows] == [
        ["selling", "ask them to recommend, and make it easy", "care -5"],
        ["networking", "reward whom they bring, and offer them more for themselves", "nothing"],
    ]


def test_who_brought_them_or_how_many_or_a_survey_says_it_too(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,Region,referred_by\n" + "".join(f"{b},n,{a}\n" for a, b in BROUGHT))
    (tmp_path / "many.csv").write_text("id,referrals\n" + "".join(f"{i},{i % 3}\n" for i in range(300)))
    (tmp_path / "nps.csv").write_text("id,date,NPS\n1,2024-05-01,9\n1,2024-03-01,2\n2,2024-05-01,\n3,2024-05-01,4\n")
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    end = date(2025, 3, 31)
    found = {}
    people, many, nps = ([tmp_path / f"{name}.csv"] for name in ("people", "many", "nps"))
    for name, given in (
        ("people", {"people": people}),
        ("many", {"people": many}),
        ("nps", {"beside": {"surveys": nps}}),
    ):
        base = CustomerBase.load(tmp_path / f"{name}.duckdb", [shop / "orders.csv"], **given)
        found[name] = base, base.summarise(end), indirect_source(base)
    base, record, source = found["people"]
    assert source == "customers.referred_by"
    assert (brought_by(base, record, source) * (record.age * 7 + 1) / 365.25).round(9).tolist() == np.bincount(
        [who for who, _ in BROUGHT], minlength=400
    ).tolist()
    base, record, source = found["many"]
    assert source == "customers.referrals"
    assert (brought_by(base, record, source) * (record.age * 7 + 1) / 365.25).round(9)[:6].tolist() == [
        0,
        1,
        2,
        0,
        1,
        2,
    ]
    base, record, source = found["nps"]
    assert source == "surveys.NPS"
    assert brought_by(base, record, source)[:4].tolist() == pytest.approx([np.nan, 9, np.nan, 4], nan_ok=True)
    with pytest.raises(InputError, match=r"'customers\.nps' is not in the base"):
        brought_by(base, record, "customers.nps")


def test_ids_of_who_brought_whom_are_hashed(shop: Path, tenure) -> None:
    Path("key").write_text("0123456789abcdef0123456789abcdef")
    Path("people.csv").write_text("id,referred_by\n" + "".join(f"{b},{a}\n" for a, b in BROUGHT))
    words = ("--referrals", shop / "brought.csv", "--customers", "people.csv", "--hash-ids", "key", "-o", "b.duckdb")
    code, out, err = tenure("base", "load", shop / "orders.csv", *words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["tables"]["referrals"]["rows"]["taken"] == len(BROUGHT) + 1
    base = CustomerBase.open("b.duckdb")
    record = base.summarise(date(2025, 3, 31))
    both = [brought_by(base, record, source) for source in ("referrals", "customers.referred_by")]
    np.testing.assert_allclose(both[0], both[1])
    assert both[0].sum() > 0
    for table, column in (("referrals", "referred"), ("referrals", "customer_id"), ("customers", "referred_by")):
        lengths = base.query(f"SELECT DISTINCT length({column}) FROM {table} WHERE {column} IS NOT NULL")[1]
        assert lengths == [(64,)]


def test_what_a_base_does_not_hold_is_said_in_one_line(shop: Path, tenure, tmp_path: Path) -> None:
    CustomerBase.load(tmp_path / "bare.duckdb", [shop / "orders.csv"])
    for how, said in (("response", "--contacts FILE"), ("function", "--referrals FILE")):
        code, out, err = tenure("calibrate", "bare.duckdb", "--segments", how)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert said in err
    (tmp_path / "mute.csv").write_text("client,sent\n1,2024-03-01\n")
    (tmp_path / "no.csv").write_text("client,sent,outcome\n1,2024-03-01,no\n")
    for file, said in (("mute.csv", "no contact of this base says it"), ("no.csv", "nothing followed any of the 1")):
        base = CustomerBase.load(
            tmp_path / "b.duckdb", [shop / "orders.csv"], beside={"contacts": [tmp_path / file]}
        )  # fmt: skip
        with pytest.raises(InputError, match=said):
            calibrate(base.path, tmp_path / "new.yaml", segments="response")
    assert contacted(base, base.summarise(base.last_date)).answers == (("no", 1, False),)


def test_who_was_contacted_only_lately_was_not_before(shop: Path, tmp_path: Path) -> None:
    """All have been contacted by now and none when the held-out weeks begin, or a year ago: both are still made."""
    rows = "".join(f"{i},2025-06-01,{'yes' if i % 3 else ''}\n" for i in range(400))
    (tmp_path / "late.csv").write_text(f"client,sent,outcome\n{rows}")
    base = CustomerBase.load(
        tmp_path / "b.duckdb", [shop / "orders.csv"], beside={"contacts": [tmp_path / "late.csv"]}
    )  # fmt: skip
    done = calibrate(base.path, tmp_path / "late.yaml", segments="response")
    assert done.held_out is not None
    assert [name for name, *_ in done.held_out.segments] == ["not contacted"]
    assert dict(row[:2] for row in done.separation.rows)["not contacted"] == 0
    assert Firm.open(tmp_path / "late.yaml").targets.segments[0] == "best"
    page = base_report(base.path, tmp_path / "late.html", segments="response").portrait
    assert page.moves.actual[page.moves.names.index("not contacted")].sum() == 400


def test_a_scenario_says_what_is_wrong_with_a_matrix(
    shop: Path, by_response: tuple[Firm, list[str], list[float]]
) -> None:
    content = yaml.safe_load((shop / "response.yaml").read_text())
    segments = content["base"]["segments"]
    content["base"]["segments"] = {**segments, "names": segments["names"][:4], "other": None}
    with pytest.raises(ScenarioError, match="of 10 customers the second side is not known"):
        Firm.of({**content, "folder": shop}).twin  # noqa: B018
    for change, said in (
        ({"names": ["a", "b"], "other": None}, "names: expected 4"), ({"column": "x"}, "column: has no meaning"),
        ({"other": "best"}, "names: expected 4"), ({"by": "direct-indirect"}, "column: missing"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            BaseSegments.model_validate({**segments, **change})
