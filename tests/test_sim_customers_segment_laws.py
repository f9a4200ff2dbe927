"""Laws of segments: their own where their customers tell them, those of all where not, and what follows from them."""

import json
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
import yaml

import tenure
from experiments.study.calibrate import Calibration, calibrate
from optimizer.insight.risk import unknown, with_values
from sim.customers.calibration import fit_gamma_gamma, fit_pareto_nbd
from sim.customers.precision import draws_of_buying
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.segment_laws import Laws, _only, by_purchases, fit_by_segment
from sim.engine import random_streams
from sim.errors import ScenarioError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.scenario.customers import BaseSegments
from sim.scenario.file import load, parse
from sim.twin import build, rebuilt

WEEKS = 70.0
OFTEN, SELDOM = ParetoNBD(2.0, 10.0, 0.8, 12.0), ParetoNBD(1.2, 30.0, 0.6, 60.0)
DEAR, CHEAP = GammaGamma(6.0, 4.0, 30.0), GammaGamma(6.0, 4.0, 8.0)


def bought(
    random: np.random.Generator, law: ParetoNBD, amounts: GammaGamma, weeks: float = WEEKS
) -> list[tuple[float, float]]:
    """Return a customer's purchases as weeks since the first one and amounts, until the end or it leaves."""
    rate, leaves = random.gamma(law.r, 1 / law.alpha), random.exponential(1 / random.gamma(law.s, 1 / law.beta))
    nu, now, out = random.gamma(amounts.q, 1 / amounts.gamma), 0.0, []
    while now <= min(weeks, leaves):
        out.append((now, random.gamma(amounts.p, 1 / nu)))
        now += random.exponential(1 / rate)
    return out


def recorded(customers: list[list[tuple[float, float]]]) -> PurchaseSummary:
    """Return the records of customers all first seen at once."""
    x = np.array([len(each) - 1 for each in customers])
    means = np.array([np.mean([paid for _, paid in each[1:]]) if len(each) > 1 else 0.0 for each in customers])
    whole = np.array([np.mean([paid for _, paid in each]) for each in customers])
    last = np.array([each[-1][0] for each in customers])
    return PurchaseSummary(np.arange(len(x)), x, last, np.full(len(x), WEEKS), means, x + 1, whole, date(2025, 6, 1))


def many(seed: int, number: int, law: ParetoNBD, amounts: GammaGamma) -> list[list[tuple[float, float]]]:
    random = np.random.default_rng(seed)
    return [bought(random, law, amounts) for _ in range(number)]


def test_each_customer_is_asked_under_its_own_law() -> None:
    """One by one: what each says of a customer is what its segment's law says."""
    record = recorded([*many(1, 30, OFTEN, DEAR), *many(2, 20, SELDOM, CHEAP)])
    segment = np.repeat([0, 1], [30, 20])
    laws = Laws(segment, (OFTEN, SELDOM), (DEAR, CHEAP))
    for i in range(len(record)):
        law, spend = (OFTEN, DEAR) if segment[i] == 0 else (SELDOM, CHEAP)
        seen = record.frequency[i], record.recency[i], record.age[i]
        all_seen = record.frequency, record.recency, record.age
        assert laws.probability_alive(*all_seen)[i] == law.probability_alive(*seen)
        assert laws.mean_purchase_rate(*all_seen)[i] == law.mean_purchase_rate(*seen)
        assert laws.conditional_expected_purchases(9.0, *all_seen)[i] == law.conditional_expected_purchases(9.0, *seen)
        assert laws.expected_purchases(record.age)[i] == law.expected_purchases(record.age[i])
        paid = record.purchases[i], record.mean_amount_all[i]
        assert laws.conditional_mean_spend(record.purchases, record.mean_amount_all)[i] == spend.conditional_mean_spend(
            *paid
        )
        assert (laws.parameter("alpha")[i], laws.parameter("q")[i]) == (law.alpha, spend.q)


def test_segments_that_differ_have_their_own_and_a_small_one_those_of_all() -> None:
    """The likelihood customer by customer says by how much; the truth lies in the intervals; forty are too few."""
    parts = [many(3, 900, OFTEN, DEAR), many(4, 900, SELDOM, CHEAP), many(5, 40, OFTEN, DEAR)]
    record = recorded([each for part in parts for each in part])
    segment = np.repeat([0, 1, 3], [len(part) for part in parts])
    whole, spend = fit_pareto_nbd(record), fit_gamma_gamma(record)
    laws, found = fit_by_segment(record, segment, ["often", "seldom", "empty", "few"], whole, spend)
    assert [each.name for each in found] == ["often", "seldom", "few"]
    for i, (each, truth, amounts) in enumerate(zip(found[:2], (OFTEN, SELDOM), (DEAR, CHEAP), strict=True)):
        assert each.buying is not None
        assert each.amounts is not None
        assert not each.why
        here = segment == i
        of = record.frequency[here], record.recency[here], record.age[here]
        paid = here & (record.frequency > 0)
        gain = (each.buying.log_likelihood(*of) - whole.log_likelihood(*of)).sum() + (
            each.amounts.log_likelihood(record.frequency[paid], record.mean_spend[paid])
            - spend.log_likelihood(record.frequency[paid], record.mean_spend[paid])
        ).sum()
        assert each.gain == pytest.approx(gain, rel=1e-9)
        for name, value in {**vars(truth), **vars(amounts)}.items():
            assert each.precision[name].low < value < each.precision[name].high, (each.name, name)
    few = found[2]
    assert not few.own
    assert "bought again, 50 are needed" in few.why
    assert laws.buying[3] == whole
    assert laws.buying[2] == whole
    assert laws.amounts[3] == spend


@pytest.mark.slow
def test_segments_drawn_by_lot_are_not_told_apart() -> None:
    """Of 16 halves by lot of alike customers at most a few are called different: a chance of 9 % each."""
    record = recorded(many(7, 600, OFTEN, DEAR))
    whole, spend = fit_pareto_nbd(record), fit_gamma_gamma(record)
    apart = []
    for seed in range(8):
        lots = np.random.default_rng(seed).permutation(np.repeat([0, 1], 300))
        found = fit_by_segment(record, lots, ["one", "two"], whole, spend)[1]
        apart += [each.buying is not None for each in found]
        assert all("not told apart from all" in each.why for each in found if each.buying is None)
    assert sum(apart) <= 4


@pytest.mark.parametrize(
    ("said", "so"),
    [({"by": "sql", "sql": "CASE WHEN money > 9 THEN 'a' END"}, True), ({"by": "sql", "sql": "income > 9"}, False),
     ({"by": "column", "column": "money"}, False), ({"by": "value", "cutoffs": (5.0,)}, True)],
)  # fmt: skip
def test_segments_made_of_purchases_are_told(said: dict[str, object], so: bool) -> None:
    assert by_purchases(BaseSegments.model_validate({"names": ("a", "b"), **said})) is so
    assert by_purchases(None)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """Make the scenario of a firm of two regions that differ, and one with few customers."""
    folder = tmp_path_factory.mktemp("regions")
    start = date(2024, 1, 1)
    rows, people = ["client,day,paid"], ["client,region"]
    parts = (("north", 11, 400, OFTEN, DEAR), ("south", 12, 400, SELDOM, CHEAP), ("isle", 13, 30, OFTEN, DEAR))
    for region, seed, number, law, amounts in parts:
        random = np.random.default_rng(seed)
        for i in range(number):
            people.append(f"{region[0].upper()}{i},{region}")
            first, customer = start + timedelta(days=i % 40), bought(random, law, amounts, WEEKS - i % 40 / 7)
            days = {first + timedelta(days=int(7 * week)): paid for week, paid in customer}
            rows += [f"{region[0].upper()}{i},{day},{paid:.2f}" for day, paid in days.items()]
    (folder / "orders.csv").write_text("\n".join(rows) + "\n")
    (folder / "people.csv").write_text("\n".join(people) + "\n")
    CustomerBase.load(folder / "base.duckdb", [folder / "orders.csv"], people=[folder / "people.csv"])
    return calibrate(folder / "base.duckdb", folder / "scenario.yaml", segments="region", doubt_laws=True)


def test_a_scenario_plays_the_laws_of_its_segments(shop: Calibration) -> None:
    """P(alive) and amounts of each region under its law, by the plain formulas; without them, those of all."""
    scenario = load(shop.scenario_path)
    assert scenario.base is not None
    assert set(scenario.base.by_segment) == {"north", "south"}
    twin = tenure.open(shop.scenario_path).twin
    assert twin.base is not None
    record = shop.base.summarise(scenario.base.as_of)
    alive = twin.base.posterior.leaving()[0]
    for name in scenario.base_segments:
        at = [i for i, each in enumerate(twin.targets.segments) if each == name]
        here = np.isin(twin.base.group, at)
        law = ParetoNBD(**scenario.base.laws_of(name)[0].model_dump())
        expected = law.probability_alive(record.frequency[here], record.recency[here], record.age[here])
        np.testing.assert_allclose(alive[here], expected, rtol=1e-12)
        moments = random_streams.amount_table(scenario.base.laws_of(name)[1].p)[1]
        for cohort in np.flatnonzero(np.isin(twin.cohort_group, at)):
            np.testing.assert_array_equal(twin.amounts.moments[twin.amounts.spread[cohort]], moments)
    assert len(twin.amounts.moments) == 3
    content = yaml.safe_load(shop.scenario_path.read_text())
    content["base"]["by_segment"] = {"nowhere": {}}
    with pytest.raises(ScenarioError, match="by_segment: 'nowhere' is no segment of the base: "):
        parse({**content, "folder": shop.scenario_path.parent})


def test_how_well_laws_are_told_travels_with_the_scenario(shop: Calibration) -> None:
    """Worlds of the file scatter as draws from the likelihood's curvature do; by themselves they would far more."""
    scenario = load(shop.scenario_path)
    numbers = unknown(scenario)
    place = "base.by_segment.north.pareto_nbd"
    record = shop.base.summarise(shop.found.as_of)
    north = _only(record, np.char.startswith(record.customer_id.astype(str), "N"))
    law = next(each.buying for each in shop.by_segment if each.name == "north")
    assert law is not None
    draws = draws_of_buying(law, north, 4000, np.random.default_rng(5))
    right = np.std([np.log(each.r / each.alpha) for each in draws])
    rate = np.std([np.log(w[f"{place}.r"] / w[f"{place}.alpha"]) for w in numbers.worlds(4000, 1)])
    apart = np.hypot(*(np.std([np.log(getattr(each, name)) for each in draws]) for name in ("r", "alpha")))
    assert rate == pytest.approx(right, rel=0.1)
    assert apart > 1.5 * right
    there = with_values(scenario, numbers.along(f"{place}.s", 1.5 * law.s))
    assert there.base is not None
    assert there.base.laws_of("north")[0].s == 1.5 * law.s
    assert (
        there.base.laws_of("north")[0].beta > law.beta
    )  # who leaves sooner and who is said to leave later go together


def test_a_world_of_other_laws_reads_nothing_again(shop: Calibration, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of a base serves every world, to the bit."""
    scenario = load(shop.scenario_path)
    twin = build(scenario)
    there = with_values(scenario, {"base.by_segment.north.pareto_nbd.s": 0.9, "base.gamma_gamma.q": 4.0})
    anew = build(there).chain
    monkeypatch.setattr(CustomerBase, "open", None)
    again = rebuilt(twin, there).chain
    for name in ("initial", "purchase_rate", "defection_rate", "mean_spend"):
        np.testing.assert_array_equal(getattr(again, name), getattr(anew, name))
    assert not np.array_equal(again.initial, twin.chain.initial)


def test_what_is_said_of_them(shop: Calibration, tenure: Callable[..., tuple[int, str, str]]) -> None:
    """Why the isle has the laws of all, in number; errors of the held-out weeks beside those of one law."""
    said = shop.to_text()
    assert "Laws of their own: north (400 customers, log-likelihood +" in said
    assert "- isle (30 customers) as all in buying: " in said
    assert "north: r " in said
    assert "One law for all would be off by " in said
    answer = json.loads(json.dumps(shop.to_dict(), default=str))
    laws = {each["name"]: each for each in answer["laws_by_segment"]}
    assert laws["isle"]["pareto_nbd"] is None
    assert laws["north"]["precision"]["r"]["error"] > 0
    assert shop.held_out is not None
    assert shop.alike is not None
    assert [row[0] for row in shop.held_out.segments] == ["north", "south", "isle"]
    south, of_one = shop.held_out.segments[1][3], shop.alike.segments[1][3]
    assert south.low < 0 < south.high
    assert of_one.low > 0
    code, out, err = tenure("check", shop.scenario_path)
    assert (code, err) == (0, "")
    assert "north" in out
