"""Terms by hand: prices, charges, service by its cost, and the end of a relation."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markets import EXAMPLES, Content, Floats, answer, small

from optimizer.insight.exact import solve_exactly
from optimizer.insight.sounding import sound
from optimizer.insight.tables import played
from optimizer.load import load
from policies.rolling import RollingHorizon
from sim.engine.fluid import expected_history
from sim.engine.sensitivity import follow
from sim.errors import NotAsWritten, ScenarioError
from sim.history import History
from sim.scenario.file import parse
from sim.twin import Twin, build
from sim.valuation import customer_asset

HERE = ["new", "developing", "core", "declining", "lapsed"]
LEAVES = {"without_money": 0.0, "unlimited_money": 0.3, "spend": 4.0, "brings": 0.04}
STAYS = {"without_money": 0.98, "unlimited_money": 0.995, "spend": 1.5, "brings": 0.988}


def payers(**changes: Any) -> Content:
    """Return 1,000 customers who pay 30 a month for as long as they stay, of which .4 is margin."""
    traits = {"purchase_rate": 1, "defection_rate": 0.02, "spend": 30.0}
    people = {"payers": {"start": {"new": 1000}, "traits": traits}}
    return small(**{"law": "renewal", "margin": 0.4, "periods": 6, "segments": people, **changes})


def under(content: Content, **money: float) -> tuple[Twin, History]:
    """Return what is expected where these levers get so much a head in every target and period."""
    twin = build(parse(content))
    return twin, expected_history(twin.chain, plan_of(twin, **money))


def plan_of(twin: Twin, **money: float) -> Floats:
    each = np.array([money.get(name.replace(" ", "_"), 0.0) for name in twin.targets.levers])
    return np.broadcast_to(twin.targets.allowed * each, (twin.chain.periods, *twin.targets.shape)).astype(float)


def lever(pays: str, moves: Content, **more: Any) -> Content:
    return {"targets": HERE, "pays": pays, "reference": 0, "moves": moves, **more}


def test_a_cut_in_price_costs_its_whole_amount() -> None:
    """1.5 of 30 off: each survivor pays 28.5, of which the goods still cost 18; survival moves as its curve says."""
    content = payers(levers={"cut": lever("price", {"survival": STAYS})})
    twin, history = under(content, cut=1.5)
    stays = math.exp(-0.02 * math.log(0.988) / math.log(0.98))
    survivors = 1000 * stays ** np.arange(1.0, 7.0)
    np.testing.assert_allclose(history.revenue.sum(axis=(1, 2)), 28.5 * survivors, rtol=1e-12)
    np.testing.assert_allclose(history.reward.sum(axis=(1, 2)), (28.5 - 18.0) * survivors, rtol=1e-12)
    assert not history.spend.any()
    assert twin.chain.payments == pytest.approx([30.0])
    assert customer_asset(history, twin.chain.discount_rate).total == pytest.approx(
        float(twin.chain.discount[:6] @ (10.5 * survivors)), rel=1e-12
    )


def test_a_first_purchase_is_cheaper_too() -> None:
    """A tenth off what prospects would pay wins them as its curve says, at 27 less the goods' 18 each."""
    wins = {"without_money": 0.02, "unlimited_money": 0.3, "spend": 3.0, "brings": 0.1}
    content = payers(levers={"welcome": lever("price", {"acquisition": wins}, targets=["prospect"])}, periods=1)
    content["segments"]["payers"]["start"] = {"prospect": 1000}
    _, history = under(content, welcome=3.0)
    assert history.revenue.sum() == pytest.approx(1000 * 0.1 * 27.0, rel=1e-12)
    assert history.reward.sum() == pytest.approx(1000 * 0.1 * 9.0, rel=1e-12)


def test_what_is_never_paid_is_never_paid_at_the_lower_price_either() -> None:
    """Of R at list prices, p R is paid but for a share b, and (1 - m) R are costs: R (p (1 - b) - (1 - m))."""
    content = payers(levers={"cut": lever("price", {"survival": STAYS})}, periods=1)
    content["segments"]["payers"]["quality"] = [{"share": 1.0, "bad_debt": 0.1}]
    _, history = under(content, cut=3.0)
    survivors = float(history.purchases.sum())
    assert history.reward.sum() == pytest.approx(survivors * 30 * (0.9 * 0.9 - 0.6), rel=1e-12)
    assert history.bad_debt.sum() == pytest.approx(survivors * 2.7, rel=1e-12)


def test_a_charge_is_paid_by_who_is_there_and_drives_some_away() -> None:
    """4 a month on top from each true customer, 4 % of whom leave because of it beside those who leave anyway."""
    content = payers(levers={"fee": lever("charge", {"leaving": LEAVES}, most=8)})
    content["cost_to_serve"] = {"per_customer": 5.0}
    _, history = under(content, fee=4.0)
    there = 1000 * (math.exp(-0.02) * 0.96) ** np.arange(7.0)
    np.testing.assert_allclose(history.alive.sum(axis=1), there, rtol=1e-12)
    np.testing.assert_allclose(history.revenue.sum(axis=(1, 2)), 30 * there[1:] + 4 * there[:-1], rtol=1e-12)
    np.testing.assert_allclose(history.reward.sum(axis=(1, 2)), 12 * there[1:] + (4 - 5) * there[:-1], rtol=1e-12)
    _, dearest = under(content, fee=50.0)  # more than the highest that is considered is not charged
    assert dearest.revenue[0].sum() == pytest.approx(8 * 1000 + 30 * dearest.alive[1].sum(), rel=1e-12)


def test_service_costs_what_is_spent_on_those_who_are_there() -> None:
    """Of 2 a head today 1 is left: cost to serve falls by 1 each, and so does what satisfaction gets."""
    moves = {"satisfaction": {"without_money": 0.0, "unlimited_money": 0.3, "spend": 2.0, "brings": 0.2}}
    content = payers(
        levers={"desk": lever("service", moves, reference=2.0)}, cost_to_serve={"per_customer": 1.0},
        satisfaction={"mix": [0.0, 0.0, 1.0, 0.0, 0.0], "mobility": 0.0}, periods=1,
    )  # fmt: skip
    _, history = under(content, desk=1.0)
    assert history.cost_to_serve.sum() == pytest.approx(1000 * (1.0 + 1.0), rel=1e-12)
    assert not history.spend.any()
    lowered = 0.2 - answer(moves["satisfaction"], 1.0)
    points = history.satisfaction[1]
    assert points == pytest.approx([50 - 25 * lowered], rel=1e-12)


def test_annoyance_is_satisfaction_the_other_way() -> None:
    curve = {"without_money": 0.0, "unlimited_money": 0.3, "spend": 2.0, "brings": 0.2}
    content = payers(
        levers={"offers": {"targets": HERE, "reference": 0, "moves": {"annoyance": curve}}},
        satisfaction={"mix": [0.0, 0.0, 1.0, 0.0, 0.0], "mobility": 0.0}, periods=1,
    )  # fmt: skip
    _, history = under(content, offers=2.0)
    assert history.satisfaction[1] == pytest.approx([50 - 25 * 0.2], rel=1e-12)
    assert history.spend.sum() == 2000.0


def test_a_relation_is_ended_whatever_the_customers_own_rate() -> None:
    """Half are let go in a period, of those who would never leave as of others."""
    half = {"without_money": 0.0, "unlimited_money": 0.9, "spend": 1.0, "brings": 0.5}
    for rate in (0.0, 0.02, 0.3):
        content = payers(levers={"farewell": {"targets": HERE, "reference": 0, "moves": {"leaving": half}}}, periods=1)
        content["segments"]["payers"]["traits"]["defection_rate"] = rate
        _, history = under(content, farewell=1.0)
        assert history.alive[1].sum() == pytest.approx(500 * math.exp(-rate), rel=1e-12)


def test_loss_makers_are_charged_as_far_as_their_loss() -> None:
    """The best single charge of a hand calculation over two years is the best of the twin's.

    A customer brings ``w = .4 x 20 x .2 (1 - e^-m)/m - 5 + u`` a month, ``m = .01 - ln(1 - f(u))``, and is there with
    ``e^-mt``. Uncharged each loses 3.41 a month; the best charge keeps losses short or makes them gains.
    """
    traits = {"purchase_rate": 0.2, "defection_rate": 0.01, "spend": 20.0}
    content = small(
        margin=0.4, periods=24, discount_rate=0.0, segments={"bad": {"start": {"new": 1000}, "traits": traits}},
        cost_to_serve={"per_customer": 5}, levers={"fee": lever("charge", {"leaving": LEAVES}, most=12)},
    )  # fmt: skip
    twin = build(parse(content))

    def by_hand(u: float) -> float:
        m = 0.01 - math.log(1 - answer(LEAVES, u))
        each = 0.4 * 20 * 0.2 * (1 - math.exp(-m)) / m - 5 + u
        return 1000 * each * sum(math.exp(-m * t) for t in range(24))

    charges = np.linspace(0.0, 12.0, 13)
    assets = [follow(twin.chain, plan_of(twin, fee=u)).asset for u in charges.tolist()]
    np.testing.assert_allclose(assets, [by_hand(u) for u in charges.tolist()], rtol=1e-10)
    assert assets[0] == pytest.approx(-1000 * 24 * 3.41 * 0.89, rel=0.01)
    assert 0 < charges[int(np.argmax(assets))] <= 12


REFUSED = {
    "charge without an end": (lever("charge", {"leaving": LEAVES}), "needs `most:`"),
    "charge that does nothing": (lever("charge", {"survival": STAYS}, most=3), "brings money whatever it does"),
    "service of prospects": (
        {"targets": ["prospect"], "pays": "service", "reference": 0, "moves": {"acquisition": LEAVES}},
        "cannot be in stage 'prospect'",
    ),
    "saturated price": (lever("price", {"survival": STAYS}, saturation=3), "saturation is about that"),
    "leaving today": ({"targets": HERE, "reference": 1, "moves": {"leaving": LEAVES}}, "on top of what the data show"),
    "amount that falls": (
        {"targets": HERE, "reference": 0,
         "moves": {"amount": {"without_money": 0, "unlimited_money": -0.1, "spend": 1, "brings": -0.05}}},
        "write `pays: price`",
    ),
    "survival that falls": (
        {"targets": HERE, "reference": 0,
         "moves": {"survival": {"without_money": 0.9, "unlimited_money": 0.5, "spend": 1, "brings": 0.8}}},
        "write 'leaving'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_with_what_to_write(what: str) -> None:
    content, said = REFUSED[what]
    with pytest.raises(ScenarioError, match=r"levers\.terms") as refused:
        parse(payers(levers={"terms": content}))
    assert said in str(refused.value)


def test_rules_of_money_are_not_about_terms() -> None:
    content = payers(
        levers={"cut": lever("price", {"survival": STAYS})}, rules={"levers": {"cut": {"cap": 0.3}}}
    )  # fmt: skip
    with pytest.raises(ScenarioError, match=r"rules.levers: 'cut' is `pays: price`.*levers.cut.most"):
        parse(content)


def test_usual_payments_do_not_depend_on_who_is_there() -> None:
    """Mean rate times mean amount over kinds, .5 x 20 x (.25 x 2 + .75): the lapsed of long ago change no price."""
    traits = {"purchase_rate": {"shape": 1, "rate": 2}, "defection_rate": 0.02, "spend": 20.0}
    kinds = [{"share": 0.25, "spend": 2.0}, {"share": 0.75}]
    for start in ({"new": 10}, {"new": 10, "lapsed": {"count": 900, "age": 30}}, {"core": {"count": 5, "age": 12}}):
        twin = build(parse(small(segments={"all": {"start": start, "traits": traits, "quality": kinds}})))
        assert twin.chain.payments == pytest.approx([12.5], rel=1e-12)


def test_todays_terms_are_terms_that_can_be() -> None:
    """A cut is of what is paid, 30 a month, and a charge is at most the highest that is considered."""
    with pytest.raises(ScenarioError, match=r"levers.cut: today's 40 a head and month is 133% of the 30 "):
        build(parse(payers(levers={"cut": lever("price", {"survival": STAYS}) | {"reference": 40}})))
    fee = lever("charge", {"annoyance": LEAVES}, most=3, by_segment={"payers": {"reference": 5}})
    with pytest.raises(ScenarioError, match=r"pays: charge is 5 today, above `most: 3`"):
        parse(payers(levers={"fee": fee}))


def test_scenarios_of_before_keep_their_name() -> None:
    """A lever that says whose money it is, as all did before, is the same lever."""
    plain = payers(levers={"care": {"targets": HERE, "reference": 1, "moves": {"survival": STAYS}}})
    said = payers(levers={"care": {"targets": HERE, "reference": 1, "moves": {"survival": STAYS}, "pays": "budget"}})
    assert parse(plain).hash == parse(said).hash


def test_the_example_of_loss_makers_by_hand() -> None:
    """A small customer over two years, neither cared for nor served: -25.6 by themselves, 38.0 at a fee of 6."""
    content = yaml.safe_load((EXAMPLES / "loss-makers" / "scenario.yaml").read_text(encoding="utf-8"))
    content["segments"] = {"small": content["segments"]["small"]}
    twin = build(parse(content))
    leaves = 0.01 * math.log(0.975) / math.log(0.98) * math.log(0.97) / math.log(0.98)
    for fee, said in ((0.0, -25.6), (6.0, 38.0)):
        m = leaves - math.log(1 - 0.3 * (1 - 0.8 ** (fee / 4)))
        each = 1.6 * math.exp(-m) - 3 + fee
        worth = sum(each * math.exp(-m * t) * 1.1 ** (-t / 12) for t in range(24))
        assert follow(twin.chain, plan_of(twin, fee=fee)).asset == pytest.approx(1000 * worth, rel=1e-9)
        assert worth == pytest.approx(said, abs=0.05)


def priced() -> Twin:
    """Return payers with marketing money for care and a price that is 1.5 lower today."""
    care = {"targets": HERE, "reference": 0.5, "moves": {"survival": STAYS}}
    return build(parse(payers(levers={"care": care, "cut": lever("price", {"survival": STAYS}) | {"reference": 1.5}})))


def test_a_table_of_money_leaves_terms_as_today(tmp_path: Path) -> None:
    twin, path = priced(), tmp_path / "money.csv"
    path.write_text("segment,lever,month,spend\n" + "".join(f"payers,care,{t},300\n" for t in range(1, 7)), "utf-8")
    with pytest.warns(NotAsWritten, match="says nothing of payers / cut in any month: terms stay as today"):
        plan = load(path, twin)
    allowed = twin.targets.allowed[:, :, 1]
    assert (plan.intensity[:, :, :, 1] == 1.5 * allowed).all()
    assert plan.spend.sum() == pytest.approx(1800.0, rel=1e-9)


def test_the_what_if_page_leaves_terms_as_today() -> None:
    """What it says of solved plans and tables is what they are worth in the market itself, at the price of today."""
    twin = priced()
    found = sound(twin, [1_000, 3_000], threads=1)
    surface = found.surface
    assert surface.lines == (("payers", "care"),)
    for knot, plan in zip(surface.families[0].knots, found.plans[0], strict=True):
        money = surface.by_period(surface.settle(knot.budget))
        assert played(twin, surface.lines, money).asset == pytest.approx(knot.counts[0], rel=1e-9)
        assert money.sum() == pytest.approx(plan.spend.sum(), rel=1e-9)
    by_hand = follow(twin.chain, plan_of(twin, care=0.5, cut=1.5))
    assert surface.today_counts[0] == pytest.approx(by_hand.asset, rel=1e-12)
    exact = solve_exactly(twin, 2_000, {("payers", "care"): 1_500.0}, threads=1)
    assert exact.asset == pytest.approx(played(twin, surface.lines, exact.money).asset, rel=1e-9)
    assert exact.money.sum() == pytest.approx(1_500, rel=1e-6)


def test_a_rolling_horizon_knows_the_terms_of_past_periods() -> None:
    """What was spent says nothing of a price: the twin that is led along has the plan's."""
    twin = priced()
    plan = plan_of(twin, care=0.4, cut=4.0)
    course = follow(twin.chain, plan)
    again = RollingHorizon(twin, 5000.0, plan, "rolling")
    again.heads = course.observed[0]
    again.look(1, course.observed[1], course.spend[0])
    np.testing.assert_allclose(again.plan[0], np.where(course.observed[0][:, :, None] > 0, plan[0], again.plan[0]))
    assert again.plan[0, 0, twin.targets.stages.index("new"), 1] == 4.0
    np.testing.assert_allclose(again.occupancy, course.past[1].occupancy, atol=1e-9)
    again.plan_again(1)
    assert again.plan[0, 0, twin.targets.stages.index("new"), 1] == 4.0
