"""A club by hand: who joins, rises and falls, what members do and cost; and under the bound."""

import math
from typing import Any

import numpy as np
import pytest
from checks import asset_of
from markets import LINE, Content, small

from experiments.words.mechanisms import customers_in_words
from optimizer.ask.problem import allocation_problem
from optimizer.bound.decomposition import full_information
from sim.engine.bonds import bond_mix, bonds_of, held_by
from sim.engine.fluid import expected_history
from sim.errors import ScenarioError
from sim.neutrality import drifts
from sim.scenario.bonds import Club
from sim.scenario.file import parse
from sim.twin import Twin, build

CLUB: Content = {
    "grades": ["card", "gold"], "mix": [0.3, 0.1], "rises": {"new": 0.1, "developing": 0.1, "core": 0.25},
    "falls": {"new": 0.02, "core": 0.05}, "reward": [1.0, 5.0], "purchase_rate": [1.2, 1.5], "amount": [1.0, 1.4],
    "defection_per_grade": 0.3,
}  # fmt: skip
HERE = ["new", "developing", "core", "declining", "lapsed"]


def shop(**changes: Any) -> Content:
    """Return 1,000 customers just won who buy often for 10, whom nothing makes leave: all are core from then on."""
    traits = {"purchase_rate": 40.0, "defection_rate": 0.0, "spend": 10.0}
    start = {"new": {"count": 1000, "age": 0, "club": [0, 0]}}
    return small(**{"segments": {"all": {"start": start, "traits": traits}}, "club": CLUB, **changes})


def under(content: Content, **money: float) -> tuple[Twin, Any]:
    """Return what is expected where these levers get so much a head in every target and period."""
    twin = build(parse(content))
    each = np.array([money.get(name, 0.0) for name in twin.targets.levers])
    plan = np.broadcast_to(twin.targets.allowed * each, (twin.chain.periods, *twin.targets.shape)).astype(float)
    return twin, expected_history(twin.chain, plan)


def grades(twin: Twin, rises: list[float], falls: list[float]) -> list[np.ndarray[Any, Any]]:
    """Return shares of no members, card and gold at each period's start, by hand."""
    shares = [np.array([1.0, 0.0, 0.0])]
    for up, down in zip(rises, falls, strict=True):
        none, card, gold = shares[-1]
        two = 1 - (1 - down) ** 2
        shares.append(
            np.array(
                [
                    none * (1 - up) + card * down,
                    none * up + card * (1 - down) * (1 - up) + gold * two,
                    card * (1 - down) * up + gold * (1 - two),
                ]
            )
        )
    return shares


def test_members_rise_and_fall_by_what_is_seen_of_them() -> None:
    """A tenth of the new join, a quarter of core rise; rewards cost 1 and 5; a lever on core adds to the rise."""
    levers = {
        "invitations": {"targets": ["core"], "reference": 0, "moves": {"club": LINE}},
        "idle": {"targets": HERE, "reference": 0, "moves": {"amount": LINE}},
    }
    mean_rate, mean_amount = 0.6 + 0.3 * 1.2 + 0.1 * 1.5, 0.9 + 0.1 * 1.4
    for money in (0.0, 2.0):
        twin, history = under(shop(levers=levers), invitations=money)
        core = 0.25 + money / 10
        shares = grades(twin, [0.1, core, core], [0.02, 0.05, 0.05])
        each = np.array([1.0, 1.2, 1.5 * 1.4]) * 400 / mean_rate / mean_amount
        want = [1000 * float(share @ each) for share in shares]
        np.testing.assert_allclose(history.revenue.sum(axis=(1, 2)), want, rtol=1e-9)
        cost = [1000 * float(share @ [0, 1, 5]) for share in shares]
        np.testing.assert_allclose(history.cost_to_serve.sum(axis=(1, 2)), cost, rtol=1e-9)
    assert history.cost_to_serve.sum() > 0


def test_members_stay_longer_and_the_mix_of_the_data_is_neutral() -> None:
    """(1 - d)^grade over its mean; of those who are there already as stated, or as in the data."""
    club = Club(**CLUB)
    bonds, mix = bonds_of(None, None, club), bond_mix(None, None, club)
    assert mix.tolist() == pytest.approx([0.6, 0.3, 0.1])
    np.testing.assert_allclose(mix @ bonds.effects[:-1], 1.0, rtol=1e-12)
    assert bonds.effects[2, 0] / bonds.effects[0, 0] == pytest.approx(0.49)
    assert bonds.reward.tolist() == [0.0, 1.0, 5.0, 0.0]
    assert held_by(bonds, "grades").tolist() == [0, 1, 2]
    assert not bonds.alone.any()
    content = shop(terminal="none")
    content["segments"]["all"]["traits"]["defection_rate"] = 0.2
    found = {}
    for name, shares in (("gold", [0, 1]), ("nobody", [0, 0])):
        content["segments"]["all"]["start"] = {"new": {"count": 1000, "age": 0, "club": shares}}
        found[name] = under(content)[1].alive[1].sum() / 1000
    low = 0.2 * 0.49 / (0.6 + 0.3 * 0.7 + 0.1 * 0.49)
    assert found["gold"] == pytest.approx(math.exp(-low), rel=1e-12)
    assert found["nobody"] == pytest.approx(math.exp(-low / 0.49), rel=1e-12)


def test_what_drifts_is_said() -> None:
    """Who enters is no member, whatever the mix in the data."""
    twin, _ = under(shop())
    (drift,) = drifts(twin)
    shares = grades(twin, [0.1, 0.25, 0.25, 0.25], [0.02, 0.05, 0.05, 0.05])
    assert (drift.of, drift.start) == ("grades", 0.0)
    assert drift.end == pytest.approx(float(shares[twin.chain.periods] @ [0, 1, 2]), rel=1e-6)
    said = " ".join(customers_in_words(parse(shop())))
    assert "A club with the grades card, gold: 30, 10 % of customers have them in the data" in said
    assert "Each month join or rise 10 % of new, 10 % of developing and 25 % of core, and lose a grade" in said
    assert "A member costs 1, 5 each month in rewards" in said
    said = " ".join(customers_in_words(parse(shop(club={"grades": ["card", "gold"], "mix": [0.3, 0.1]}))))
    assert "Only levers move members. Rewards cost nothing (assumed). Members do as others" in said


def test_no_random_plan_beats_the_bound() -> None:
    """A club leaves customers independent: the bound counts rewards and holds over all that invites to it."""
    chance = {"without_money": 0.0, "unlimited_money": 0.4, "spend": 0.5, "brings": 0.1}
    traits = {"purchase_rate": {"shape": 2.0, "rate": 2.5}, "defection_rate": 0.1, "spend": 20.0}
    content = shop(
        periods=6, terminal="none", stages={"core": 2, "declining": 1, "lapsed": 2}, margin=0.5,
        segments={"all": {"start": {"new": 1000}, "traits": traits}},
        levers={
            "invitations": {"targets": ["new", "core"], "reference": 0.2, "moves": {"club": chance}},
            "calls": {"targets": ["core"], "reference": 0.0, "moves": {"club": chance, "purchase_rate": chance}},
        },
    )  # fmt: skip
    twin = build(parse(content))
    assert twin.chain.bounded
    bound = full_information(allocation_problem(twin, 3000.0), 1e-3).bound
    rng, best = np.random.default_rng(3), -math.inf
    for _ in range(40):
        plan = np.where(twin.targets.allowed, rng.gamma(0.5, 1.0, (6, *twin.targets.shape)), 0.0) * rng.random()
        plan *= 3000.0 / max(3000.0, 2 * float(expected_history(twin.chain, plan).spend.sum()))
        best = max(best, asset_of(twin.chain, plan))
    nothing = asset_of(twin.chain, 0 * plan)
    assert nothing < best <= bound
    free = {**content, "club": {key: each for key, each in CLUB.items() if key != "reward"}}
    dearer = full_information(allocation_problem(build(parse(free)), 3000.0), 1e-3).bound - bound
    assert dearer > 0.5 * (asset_of(build(parse(free)).chain, 0 * plan) - nothing) > 0


REFUSED = {
    "a mix that is too long": ({"mix": [0.3, 0.1, 0.6]}, "club: mix: expected 2 numbers, one for each grade, got 3"),
    "more than all": ({"mix": [0.9, 0.4]}, "club: mix: shares by grade, of which the rest are no members, sum to 1.3"),
    "who buys nothing": (
        {"mix": [0, 1], "amount": [1, 0]},
        "club: amount: the customers in the data would buy nothing",
    ),
    "a grade twice": ({"grades": ["card", "card"]}, "club: grades: each name once"),
    "members who are none": ({"rises": {"prospect": 0.1}}, "club: rises.prospect: members are customers"),
    "rewards for others": ({"reward": [1.0]}, "club: reward: expected 2 numbers, one for each grade, got 1"),
    "a mistyped key": ({"rewards": [1.0, 2.0]}, "club.rewards: unknown key; did you mean 'reward'?"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused(what: str) -> None:
    """In one line, by the key."""
    changes, said = REFUSED[what]
    with pytest.raises(ScenarioError) as told:
        parse(shop(club={**CLUB, **changes}))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_what_needs_a_club_says_so() -> None:
    """Levers, and customers who are there already; a renewal buys once."""
    lever = {"x": {"targets": ["new"], "reference": 0, "moves": {"club": LINE}}}
    content = shop()
    del content["club"]
    for wrong, said in (
        (content, "segments.all.start.new.club: needs `club:`"),
        (small(levers=lever), "levers.x.moves.club: needs `club:`"),
        (small(club=CLUB, law="renewal"), "club.purchase_rate: moves the purchase rate"),
    ):
        if wrong.get("law") == "renewal":
            wrong["segments"]["all"]["traits"]["purchase_rate"] = 1
        with pytest.raises(ScenarioError, match=said):
            parse(wrong)
