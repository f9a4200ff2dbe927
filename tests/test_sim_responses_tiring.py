"""Contact fatigue from logs of contacts: that of the engine's customers is found, and none where there is none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from histories import ADVERTS, OFFERS, scenario_of
from histories import GUESS as GUESSES

from experiments.words.evidence import learned_answer
from sim.contract import Allocation
from sim.errors import InputError
from sim.market.clock import Market
from sim.responses.learn import Learned, learn
from sim.responses.read import Trial, read_evidence
from sim.scenario.file import Scenario, parse
from sim.twin import build

KEY = ("adverts", "acquisition", "")
ROOM, KEEP, PULLED = 0.8, 0.6, 0.5
GUESS = {"without_money": 0.006, "unlimited_money": 0.08, "spend": 0.5, "brings": 0.015}
NUMBERS = {"without_money": 0.004, "brings": 0.02, "unlimited_money": 0.05}


class _Money:
    """Random money a head by period and segment."""

    name = "money"

    def __init__(self, each: Any) -> None:
        self.each = each

    def decide(self, observation: Any) -> Allocation:
        money = np.where(observation.targets.allowed, self.each[observation.period][:, None, None], 0.0)
        return Allocation.within(money, observation)


def market(late: dict[str, float] | None, periods: int = 30) -> Scenario:
    """Return two segments of prospects, and adverts that win them and may tire."""
    content = scenario_of({"adverts": ADVERTS}, heads=40_000).model_dump(mode="json", exclude_unset=True)
    content["levers"]["adverts"] |= {"of_late": late} if late else {}
    return parse({**content, "periods": periods})


def log_of(truth: Scenario, seed: int) -> Trial:
    """Return what came of it by period and segment, where each segment's money is drawn anew in every period."""
    random = np.random.default_rng(seed)
    each = np.exp(random.normal(-1.2, 1.0, (truth.periods, 2))) * (random.random((truth.periods, 2)) < 0.7)
    twin = build(truth)
    history = Market(twin, _Money(each), twin.population(seed, 0), seed=seed, threads=1).run()
    heads = history.customers[:-1, :, 1].astype(float)
    won = history.events["won"] / heads
    who = np.tile(np.array(["town", "country"]), (truth.periods, 1))
    when = np.repeat(np.arange(truth.periods), 2)
    ones = np.ones(when.size)
    return Trial(KEY, each.ravel(), won.ravel(), heads.ravel(), ones, False, "log.csv", who=who.ravel(), when=when)


def guessed() -> Scenario:
    """Return what the firm believes before: another curve, and nothing of fatigue."""
    return scenario_of({"adverts": GUESS}, ranged=True)


def held(found: Learned) -> dict[str, tuple[bool, float]]:
    """Return of each number whether the truth lies in its interval, and how wide that is against the number."""
    right = {0.0: NUMBERS["without_money"], np.inf: NUMBERS["unlimited_money"]}
    out = {
        f"at {row.at}": (row.low <= right[row.at] <= row.high, (row.high - row.low) / right[row.at])
        for row in found.curves
        if row.at in right
    }
    truth = {"fatigue": ROOM, "keep": KEEP, "pulled_forward": PULLED}
    for each in found.of_late:
        out[each.key] = each.low <= truth[each.key] <= each.high, (each.high - each.low) / truth[each.key]
    return out


def test_fatigue_of_the_engines_customers_is_found_and_stated() -> None:
    """One log: R = .8 is inside, stands in the scenario with its range, and the curve is of steady money."""
    trial = log_of(market({"fatigue": ROOM, "keep": KEEP}), 1)
    found = learn(guessed(), [trial], [])
    each, keep = found.of_late
    assert (each.key, keep.key) == ("fatigue", "keep")
    assert each.low < ROOM < each.high < 4 * ROOM
    assert each.n == 80_000
    late = found.scenario.levers["adverts"].of_late
    assert late is not None
    assert late.fatigue == each.value
    assert late.keep == keep.value
    ranges = {one.path: one for one in found.scenario.uncertain}
    stated = ranges["levers.adverts.of_late.fatigue"]
    assert (stated.low, stated.high, stated.law) == (each.low, each.high, "normal")
    assert f"adverts tires: at {2 * each.usual:.3g} each per period of late it works" in learned_answer(found)
    assert stated.correlated or any("of_late.fatigue" in one for each in ranges.values() for one in each.correlated)
    once = learn(found.scenario, [trial], []).of_late[0]  # what was learned is what is known: a second log narrows it
    assert once.high - once.low < each.high - each.low


def test_nothing_is_claimed_where_nothing_tires() -> None:
    found = learn(guessed(), [log_of(market(None), 2)], [])
    assert not found.of_late
    assert found.scenario.levers["adverts"].of_late is None
    assert any("does not tell that it tires" in note for note in found.notes)
    assert {row.source for row in found.curves} <= {"both", "measured"}


def test_a_file_of_contacts_with_who_and_when_is_a_log(tmp_path: Path) -> None:
    """Customers the firm chose, by a trait; each customer's own earlier money tires it."""
    random, people, periods = np.random.default_rng(3), 1500, 12
    trait = random.standard_normal(people)
    late, rows = np.full(people, 0.3), ["customer_id,month,lever,moves,spend,outcome,assigned,visits"]
    for t in range(periods):
        money = random.choice([0.2, 0.8, 2.0], people) * (random.random(people) < 1 / (1 + np.exp(-0.5 * trait)))
        works = money * (0.5 + 0.3) / (0.5 + late)
        mean = 1.5 * (1 + 0.6 * (1 - np.exp(-2.0 * works))) * np.exp(0.3 * trait)
        for i, (u, y) in enumerate(zip(money, random.poisson(mean), strict=True)):
            rows.append(f"{i},2025-{t + 1:02d},offers,purchase_rate,{u:g},{y},chosen,{trait[i]:.3f}")
        late = 0.5 * late + 0.5 * money
    (tmp_path / "log.csv").write_text("\n".join(rows))
    evidence = read_evidence(tmp_path / "log.csv")
    [trial] = evidence.trials
    assert trial.who is not None
    assert trial.when is not None
    assert np.unique(trial.when).size == periods
    assert trial.trait_names == ("visits",)
    offers = {"without_money": 0.0, "unlimited_money": 0.7, "spend": 0.3, "brings": 0.2}
    content = scenario_of({"offers": offers}).model_dump(mode="json", exclude_unset=True)
    found = learn(parse(content), *evidence)
    each, _ = found.of_late
    assert each.key == "fatigue"
    assert each.low < 0.5 < each.high
    assert each.n == people
    assert any("does not tell that purchases were pulled forward" in note for note in found.notes)


def bought(seed: int, pulled: float, people: int = 1500) -> Trial:
    """Return what each of the engine's customers bought in 16 periods, where money is drawn anew by segment."""
    random = np.random.default_rng(seed)
    content = scenario_of({"offers": OFFERS}, heads=8).model_dump(mode="json", exclude_unset=True)
    late = {"of_late": {"pulled_forward": pulled, "keep": KEEP}} if pulled else {}
    content["levers"]["offers"] |= late | {"targets": ["new", "developing", "core", "declining", "lapsed"]}
    for segment in content["segments"].values():
        segment["start"] = {"new": people // 2}
        segment["traits"] |= {"purchase_rate": 1.0, "defection_rate": 0.0}
    twin = build(parse({**content, "periods": 16}))
    each = random.choice([0.0, 0.3, 1.5], (16, 2))
    everybody = np.arange(people)
    played = Market(twin, _Money(each), twin.population(seed, 0), seed=seed, threads=1, trace=everybody).run()
    assert played.trace is not None
    where = np.array([{"town": 0, "country": 1}[name] for name in played.trace.segment])
    spend, outcome = each[:, where].ravel(), played.trace.purchases.ravel().astype(float)
    ones, who, when = np.ones(outcome.size), np.tile(everybody, 16), np.repeat(np.arange(16), people)
    return Trial(("offers", "purchase_rate", ""), spend, outcome, ones, ones, False, "log.csv", who=who, when=when)


def test_purchases_that_were_pulled_forward_are_found() -> None:
    """Half of what offers add would have come later: said, stated, and told from money that tires."""
    before = scenario_of({"offers": GUESSES["offers"]}, ranged=True)
    found = learn(before, [bought(2, PULLED)], [])
    told = {each.key: each for each in found.of_late}
    assert told["pulled_forward"].low < PULLED < told["pulled_forward"].high
    assert "are pulled forward and missing later" in learned_answer(found)
    assert "fatigue" not in told


def test_what_answers_leave_unsure_is_not_told() -> None:
    """A log under wide answers tells it, and with the answers it may as well be none: no range of none is written."""
    found = learn(scenario_of({"offers": GUESSES["offers"]}, ranged=True), [bought(57, PULLED)], [])
    late = found.scenario.levers["offers"].of_late
    assert (late is not None) == bool(found.of_late)
    assert all(each.low > 0 for each in found.of_late)


def test_what_is_no_log_is_said(tmp_path: Path) -> None:
    head = "customer_id,month,lever,moves,spend,outcome"
    twice = [head, "a,1,adverts,acquisition,1,0", "a,1,adverts,acquisition,0,0", "a,2,adverts,acquisition,0,1"]
    (tmp_path / "twice.csv").write_text("\n".join(twice))
    with pytest.raises(InputError, match=r"customer a has two rows in one period; add up"):
        learn(guessed(), *read_evidence(tmp_path / "twice.csv"))
    (tmp_path / "when.csv").write_text("\n".join([head, "a,soon,adverts,acquisition,1,0", *twice[3:]]))
    with pytest.raises(InputError, match=r"expected periods as 1, 2, ... or as 2025-03"):
        read_evidence(tmp_path / "when.csv")
    (tmp_path / "none.csv").write_text("\n".join([head, "a,1,adverts,acquisition,0,0", *twice[3:]]))
    with pytest.raises(InputError, match=r"nobody got any money"):
        learn(guessed(), *read_evidence(tmp_path / "none.csv"))


@pytest.mark.slow
def test_intervals_of_fatigue_hold_the_truth() -> None:
    """100 logs of customers who tire and 100 of such who do not: at least 90 inside, at most 5 claimed for nothing."""
    inside: dict[str, list[bool]] = {}
    wide: dict[str, list[float]] = {}
    truth, idle, before = market({"fatigue": ROOM, "keep": KEEP}), market(None), guessed()
    for seed in range(100):
        for name, (holds, width) in held(learn(before, [log_of(truth, seed)], [])).items():
            inside.setdefault(name, []).append(holds)
            wide.setdefault(name, []).append(width)
    for name, each in inside.items():
        print(name, "inside", sum(each), "of", len(each), "median width", f"{np.median(wide[name]):.3g}")
    claimed = sum(bool(learn(before, [log_of(idle, 500 + seed)], []).of_late) for seed in range(100))
    print("claimed where nothing tires:", claimed, "of 100")
    assert len(inside["fatigue"]) >= 90
    assert all(np.mean(each) >= 0.9 for each in inside.values())
    assert claimed <= 5


@pytest.mark.slow
def test_intervals_of_what_is_pulled_forward_hold_the_truth() -> None:
    """40 logs of purchases pulled forward: nine tenths of those told inside; next to none told where none is.

    Nor is money said to tire that does not.
    """
    before = scenario_of({"offers": GUESSES["offers"]}, ranged=True)
    inside: dict[str, list[bool]] = {"pulled_forward": [], "keep": [], "fatigue": []}
    for seed in range(40):
        for each in learn(before, [bought(seed, PULLED)], []).of_late:
            right = {"pulled_forward": PULLED, "keep": KEEP}.get(each.key, np.inf)
            inside[each.key].append(each.low <= right <= each.high)
    idle = sum(bool(learn(before, [bought(900 + seed, 0.0)], []).of_late) for seed in range(20))
    print({name: (sum(each), len(each)) for name, each in inside.items()}, "told where none is:", idle, "of 20")
    assert len(inside["pulled_forward"]) >= 20
    assert all(sum(inside[name]) >= 0.9 * len(inside[name]) for name in ("pulled_forward", "keep"))
    assert len(inside["fatigue"]) <= 2
    assert idle <= 1
