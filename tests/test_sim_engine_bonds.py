"""Ties of several kinds, knowledge and categories by hand, and under the bound."""

import math
from typing import Any

import numpy as np
import pytest
from checks import asset_of, chain_of
from markets import LINE, Content, Floats, small

from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from sim.engine.bond_kernels import moves_of_bonds, room_for_moves
from sim.engine.bonds import bond_mix, bonds_of, held_by
from sim.engine.columns import EFFECTS
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.neutrality import drifts
from sim.scenario.bonds import Categories, Links
from sim.scenario.file import parse
from sim.twin import Twin, build

HERE = ["new", "developing", "core", "declining", "lapsed"]
KINDS = {
    "desk": {"share": 0.6, "gain": 0.1, "turnover": 0.2, "follow": 0.3, "defection_per_link": 0.1},
    "managers": {"share": 0.3, "gain": 0.02, "turnover": 0.1, "follow": 0.6, "defection_per_link": 0.3},
    "experts": {"share": 0.2, "gain": 0.05, "turnover": 0.15, "defection_per_link": 0.2},
}
CATEGORIES = {
    "names": ["account", "card", "savings"], "mix": [0.5, 0.3, 0.2], "gain": 0.1, "loss": 0.05,
    "purchase_rate": [1.0, 1.5, 2.0], "amount": [1.0, 1.0, 1.2], "defection_per_category": 0.2,
}  # fmt: skip


def buyers(**changes: Any) -> Content:
    """Return 1,000 customers just won who buy twice a month for 10."""
    traits = {"purchase_rate": 2.0, "defection_rate": 0.0, "spend": 10.0}
    return small(**{"segments": {"all": {"start": {"new": 1000}, "traits": traits}}, **changes})


def under(content: Content, **money: float) -> tuple[Twin, Any]:
    """Return what is expected where these levers get so much a head in every target and period."""
    twin = build(parse(content))
    each = np.array([money.get(name, 0.0) for name in twin.targets.levers])
    plan = np.broadcast_to(twin.targets.allowed * each, (twin.chain.periods, *twin.targets.shape)).astype(float)
    return twin, expected_history(twin.chain, plan)


def moved(bond: int, gains: dict[int, float], losses: dict[int, float]) -> tuple[Floats, Floats, Floats, Any]:
    """Return odds of a bond's moves and their derivatives at chances by column, of three kinds and two categories."""
    two = Categories(
        **{**CATEGORIES, "names": ["account", "card"], "mix": [0.5, 0.5], "purchase_rate": [], "amount": []}
    )
    bonds = bonds_of(Links(kinds=KINDS), two)
    effects, (out, by_gain, by_loss, room) = np.zeros(len(EFFECTS)), room_for_moves(bonds)
    for k, column in enumerate(bonds.gain_of):
        effects[column], effects[bonds.loss_of[k]] = gains[k], losses[k]
    moves_of_bonds(bonds, bond, effects, out, by_gain, by_loss, room)
    return out, by_gain, by_loss, bonds


def test_kinds_move_independently_by_hand() -> None:
    """With a manager alone and one category: the manager goes (.1), six in ten with it; others come at their odds."""
    gains, losses = {0: 0.1, 1: 0.02, 2: 0.05, 3: 0.3}, {0: 0.2, 1: 0.1, 2: 0.15, 3: 0.05}
    bonds = bonds_of(Links(kinds=KINDS), None)
    assert bonds.held.tolist() == [[d, m, e] for d in (0, 1) for m in (0, 1) for e in (0, 1)]
    out, *_, known = moved(4, gains, losses)
    assert known.held[4].tolist() == [0, 1, 0, 0]
    after = {tuple(known.held[known.after[4, m]].tolist()): out[m] for m in range(16)}
    assert after[0, 1, 0, 0] == pytest.approx(0.9 * 0.9 * 0.95 * 0.7)
    assert after[1, 0, 1, 1] == pytest.approx(0.1 * 0.1 * 0.4 * 0.05 * 0.3)
    assert out[16] == pytest.approx(0.1 * 0.6)
    assert out.sum() == pytest.approx(1, abs=1e-15)
    assert moved(12, gains, losses)[0][16] == 0.0, "of two ties none is the only one"
    h = 1e-6
    for bond in range(16):
        _, by_gain, by_loss, _ = moved(bond, gains, losses)
        for k in range(4):
            up, down = (moved(bond, {**gains, k: gains[k] + step}, losses)[0] for step in (h, -h))
            np.testing.assert_allclose(by_gain[k], (up - down) / (2 * h), atol=1e-9)
            up, down = (moved(bond, gains, {**losses, k: losses[k] + step})[0] for step in (h, -h))
            np.testing.assert_allclose(by_loss[k], (up - down) / (2 * h), atol=1e-9)


def test_kinds_do_not_stand_in_for_each_other() -> None:
    """Neutral in the mean, kind by kind: with a tie of share s and effect d, 1 - d or 1 over 1 - s d."""
    bonds, mix = bonds_of(Links(kinds=KINDS), None), bond_mix(Links(kinds=KINDS), None)
    assert float(mix @ bonds.effects[:-1, 0]) == pytest.approx(1, abs=1e-15)
    for bond, held in enumerate(bonds.held.tolist()):
        want = math.prod(
            (1 - kind["defection_per_link"] * tied) / (1 - kind["share"] * kind["defection_per_link"])
            for kind, tied in zip(KINDS.values(), held, strict=True)
        )
        assert bonds.effects[bond, 0] == pytest.approx(want, rel=1e-14)
    assert held_by(bonds, "ties").tolist() == [0, 1, 1, 2, 1, 2, 2, 3]
    assert bonds.alone.tolist() == [False, True, True, False, True, False, False, False]


def test_people_who_leave_take_their_own_customers_along() -> None:
    """Of those tied to an expert alone, a tenth a month go with theirs; knowledge that is kept keeps them."""
    levers = {
        "notes": {"targets": HERE, "reference": 0, "moves": {"knowledge": LINE}},
        "idle": {"targets": ["new"], "reference": 0, "moves": {"amount": LINE}},
    }
    alone = {"kinds": {"experts": {"share": 1.0, "turnover": 0.1}, "desk": {"share": 0.0, "turnover": 0.5}}}
    content = buyers(links=alone, levers=levers)
    _, history = under(content)
    np.testing.assert_allclose(history.alive.sum(axis=1), 1000 * 0.9 ** np.arange(5.0), rtol=1e-12)
    _, history = under(content, notes=2.0)
    np.testing.assert_allclose(history.alive.sum(axis=1), 1000 * (1 - 0.1 * (1 - 0.2)) ** np.arange(5.0), rtol=1e-12)
    content["shocks"] = [{"name": "exodus", "start": 0, "end": 1, "route": "turnover", "size": 0.3}]
    _, history = under(content)
    assert history.alive[1].sum() == pytest.approx(1000 * 0.6, rel=1e-12)


def test_categories_are_added_one_by_one() -> None:
    """All buy in one: in a month a tenth add the next; who buys in two buys half as often again."""
    content = buyers(categories=CATEGORIES)
    content["segments"]["all"]["start"] = {"new": {"count": 1000, "age": 0, "categories": [1, 0, 0]}}
    twin, history = under(content)
    mean_rate, mean_amount = 0.5 + 0.45 + 0.4, 0.8 + 0.2 * 1.2
    shares, revenue = np.array([1.0, 0.0, 0.0]), []
    for _ in range(4):
        revenue.append(1000 * 20 * float(shares @ [1.0, 1.5, 2.0 * 1.2]) / mean_rate / mean_amount)
        one, two, three = shares
        lost = (0.0, 0.05, 1 - 0.95**2)
        shares = np.array(
            [
                one * 0.9 + two * lost[1],
                one * 0.1 + two * 0.95 * 0.9 + three * lost[2],
                two * 0.95 * 0.1 + three * 0.95**2,
            ]
        )
    np.testing.assert_allclose(history.revenue.sum(axis=(1, 2)), revenue, rtol=1e-12)
    found = {each.of: each for each in drifts(twin)}
    assert found["categories"].start == pytest.approx(1.0)
    assert found["categories"].end == pytest.approx(float(shares @ [1, 2, 3]), rel=1e-12)


def test_a_narrow_range_is_not_buying_elsewhere() -> None:
    """Who buys in one category is sold the next; who gives us a half of it is won over by preference."""
    levers = {
        "range": {"targets": HERE, "reference": 0, "moves": {"cross_buying": LINE}},
        "brand": {"targets": HERE, "reference": 0, "moves": {"preference": LINE}},
    }
    content = buyers(categories=CATEGORIES, share_of_customer=0.9, levers=levers)
    segment = content["segments"].pop("all")
    content["segments"] = {
        "narrow": {**segment, "start": {"new": {"count": 1000, "age": 0, "categories": [1, 0, 0]}}},
        "elsewhere": {**segment, "start": {"new": {"count": 1000, "age": 0, "categories": [0, 0, 1]}},
                      "share_of_customer": 0.5},
    }  # fmt: skip
    usual, more_range, more_brand = (under(content, **money)[1] for money in ({}, {"range": 2.0}, {"brand": 2.0}))
    gains = [
        (h.revenue[1:].sum(axis=(0, 2)) / usual.revenue[1:].sum(axis=(0, 2)) - 1) for h in (more_range, more_brand)
    ]
    assert gains[0][0] > 2 * gains[0][1] > 0
    assert gains[1][1] > 2 * gains[1][0] > 0
    np.testing.assert_allclose(usual.share[0], [0.9, 0.5])
    np.testing.assert_allclose(
        more_brand.share[0], [s / (s + (1 - s) * math.exp(-0.2)) for s in (0.9, 0.5)], rtol=1e-12
    )


def test_no_random_plan_beats_the_bound() -> None:
    """Ties, knowledge and categories leave customers independent: the bound holds, over all of their levers."""
    traits = {"purchase_rate": {"shape": 2.0, "rate": 2.5}, "defection_rate": 0.1, "spend": 20.0}
    chance = {"without_money": 0.0, "unlimited_money": 0.4, "spend": 0.5, "brings": 0.1}
    content = small(
        periods=6, terminal="none", stages={"core": 2, "declining": 1, "lapsed": 2}, margin=0.5,
        segments={"all": {"start": {"new": 1000}, "traits": traits}}, categories=CATEGORIES,
        links={"kinds": {"desk": KINDS["desk"], "experts": KINDS["experts"]}},
        levers={
            "range": {"targets": ["new", "core"], "reference": 0.2, "moves": {"cross_buying": chance}},
            "visits": {"targets": ["new", "core"], "reference": 0.2, "moves": {"links_desk": chance}},
            "talks": {"targets": ["core"], "reference": 0.0, "moves": {"links_experts": chance, "knowledge": chance}},
        },
    )  # fmt: skip
    twin = build(parse(content))
    assert not twin.chain.couples
    problem = allocation_problem(twin, 3000.0)
    bound = full_information(problem, 1e-3).bound
    rng, best = np.random.default_rng(3), -math.inf
    for _ in range(40):
        plan = np.where(twin.targets.allowed, rng.gamma(0.5, 1.0, (6, *twin.targets.shape)), 0.0) * rng.random()
        plan *= 3000.0 / max(3000.0, 2 * float(expected_history(twin.chain, plan).spend.sum()))
        assert expected_history(twin.chain, plan).spend.sum() <= 3000.0
        best = max(best, asset_of(twin.chain, plan))
    nothing = asset_of(twin.chain, np.zeros((6, *twin.targets.shape)))
    assert nothing < best <= bound


REFUSED = {
    "both": ({"links": {"mix": [1, 0, 0, 0], "kinds": KINDS}}, "links: expected either mix"),
    "neither": ({"links": {"gain": 0.1}}, "links: expected either mix"),
    "of one kind": ({"links": {"kinds": KINDS, "turnover": 0.1}}, "links: turnover: is each kind's own"),
    "unknown kind": ({"links": {"kinds": {"sales": {"share": 0.5}}}}, "links.kinds.sales"),
    "lever without its kind": (
        {"links": {"kinds": {"desk": KINDS["desk"]}},
         "levers": {"x": {"targets": ["new"], "reference": 0, "moves": {"links_experts": LINE}}}},
        "levers.x.moves.links_experts: needs `links.kinds.experts:`",
    ),
    "links where there are kinds": (
        {"links": {"kinds": KINDS}, "levers": {"x": {"targets": ["new"], "reference": 0, "moves": {"links": LINE}}}},
        "levers.x.moves.links: needs `links.mix:`",
    ),
    "cross-buying of nothing": (
        {"levers": {"x": {"targets": ["new"], "reference": 0, "moves": {"cross_buying": LINE}}}},
        "levers.x.moves.cross_buying: needs `categories:`",
    ),
    "a mix that is too short": (
        {"categories": {**CATEGORIES, "mix": [0.5, 0.5]}}, "categories: mix: expected 3 numbers, one for each category",
    ),
    "a category in two lines": (
        {"categories": {**CATEGORIES, "names": ["bread", "da\niry", "wine"]}}, "expected a name in one line",
    ),
    "a renewal buys once": (
        {"categories": CATEGORIES, "law": "renewal"}, "categories.purchase_rate: moves the purchase rate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    changes, said = REFUSED[what]
    content = small(**changes)
    if changes.get("law") == "renewal":
        content["segments"]["all"]["traits"]["purchase_rate"] = 1
    with pytest.raises(ScenarioError) as told:
        parse(content)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_too_many_states_are_refused_with_what_makes_them() -> None:
    """Nothing grows here: nobody is told to let growth end."""
    content = small(stages={"core": 12, "lapsed": 36}, links={"kinds": KINDS}, categories=CATEGORIES)
    content["satisfaction"] = {"mix": [0.2, 0.2, 0.2, 0.2, 0.2]}
    with pytest.raises(ScenarioError, match=r"54,170 states.*; use longer periods, a lower `stages.core`"):
        build(parse(content))


def test_scenarios_of_before_keep_their_name() -> None:
    """What was added and says nothing does not change what a scenario is called by."""
    links = {"mix": [0.4, 0.3, 0.2, 0.1], "turnover": 0.1}
    start = {"new": {"count": 5, "age": 1, "ties": [1, 0, 0, 0]}}
    traits = {"purchase_rate": 1.0, "defection_rate": 0.1, "spend": 10.0}
    people = {"all": {"start": start, "traits": traits}}
    assert (
        parse(small(links=links, segments=people)).hash
        == parse(small(links={**links, "kept": 0.0}, segments=people)).hash
    )
    assert parse(small(links=links, segments=people)).hash[:12] == "3e2bf223e0dd"


def test_where_nothing_binds_there_is_one_bond_and_no_state_more() -> None:
    assert bonds_of(None, None).after.tolist() == [[0]]
    assert len(chain_of(buyers()).space.names) == len(chain_of(buyers(share_of_customer=0.5)).space.names)


def test_kernels_meet_every_array_in_one_layout() -> None:
    """Another layout would be compiled anew: all that is known of laws and of what binds is contiguous."""
    twin = build(parse(small(links={"kinds": KINDS})))
    laws = {name: each for name, each in vars(twin.chain.space).items() if name.startswith("law")}
    arrays = {**laws, **bonds_of(Links(kinds=KINDS), None)._asdict()}
    assert [name for name, each in arrays.items() if isinstance(each, np.ndarray) and not each.flags.c_contiguous] == []
