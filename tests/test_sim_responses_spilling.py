"""Spill-over between arms: found where those near got other money, corrected, and never passed over in silence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning import CONTENT, row

from experiments.words.evidence import learned_answer
from sim.arrays import Floats
from sim.errors import InputError
from sim.responses.arms import measure
from sim.responses.learn import Learned, learn
from sim.responses.near import near_of
from sim.responses.read import Trial, read_evidence
from sim.responses.shape import CHANCE, GAIN
from sim.scenario.file import Scenario, parse

KEY = ("care", "survival", "")
DOSE, DIRECT = 0.5, 0.05


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return parse(CONTENT)


def trial(
    cluster: Any, spend: Floats, outcome: Floats, key: tuple[str, str, str] = KEY, beside: list[str] | None = None,
    heads: Floats | None = None,
) -> Trial:  # fmt: skip
    ones = np.ones(spend.size)
    heads = ones if heads is None else heads
    names = [str(each) for each in cluster]
    near = near_of("household", list(range(spend.size)), names, beside, spend, heads)
    return Trial(key, spend, outcome, heads, ones, False, "test.csv", near=near)


def households(seed: int, passes: float, people: int = 8000, alike: float = 0.05) -> Trial:
    """Return customers who stay, each with money by lot: a share ``passes`` of its effect reaches the household."""
    random = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(people), random.integers(1, 5, people))[:people]
    paid = (random.random(people) < 0.5).astype(float)
    others = near_of("household", list(range(people)), [str(c) for c in cluster], None, paid, np.ones(people)).others
    own = alike * random.standard_normal(people)[cluster]
    chance = 0.85 + DIRECT * paid + passes * DIRECT * np.nan_to_num(others) + own
    return trial(cluster, DOSE * paid, (random.random(people) < chance).astype(float))


def total(trial: Trial, passes: float) -> float:
    """Return what staying gains where all get money: of who lives alone the direct effect."""
    assert trial.near is not None
    return DIRECT * (1 + passes * float(np.isfinite(trial.near.others).mean()))


def effect(found: Learned) -> tuple[float, float]:
    [each] = found.effects
    return each.low, each.high


def test_households_tell_what_passes_on(scenario: Scenario) -> None:
    """The difference between arms is the direct effect; what is learned is of money that all get."""
    told = households(1, 0.8, people=60_000)
    found = learn(scenario, [told], [])
    [spill] = found.spills
    low, high = effect(found)
    right = total(told, 0.8)
    assert spill.told
    assert spill.low < right - DIRECT < spill.high
    assert spill.low > 0
    assert low < right < high
    assert low > DIRECT
    assert "spills over" in learned_answer(found)
    assert any("in place of" in note for note in found.notes)


def test_sales_taken_from_others_take_the_effect_back(scenario: Scenario) -> None:
    told = households(2, -1.0, people=60_000)
    naive = measure(Trial(KEY, told.spend, told.outcome, told.customers, told.periods, False, "test.csv"), CHANCE)
    assert naive.arms[1].mean - naive.arms[0].mean > 0.9 * DIRECT
    low, high = effect(learn(scenario, [told], []))
    assert low < total(told, -1.0) < high < 0.9 * DIRECT


def test_word_of_mouth_of_the_scenario_is_not_counted_twice() -> None:
    """With it the curve is of who has nobody treated near; without it of money that all near get."""
    feelings = {"mix": [0.1, 0.1, 0.2, 0.3, 0.3], "defection_per_level": 0.1}
    heard = parse({**CONTENT, "satisfaction": feelings, "word_of_mouth": 0.5})
    told = replace(households(1, 0.8, people=60_000), key=("adverts", "acquisition", ""))
    apart = [np.mean(effect(learn(each, [told], []))) for each in (parse(CONTENT), heard)]
    assert apart[0] == pytest.approx(total(told, 0.8), abs=0.01)
    assert apart[1] == pytest.approx(DIRECT, abs=0.01)


def test_shares_that_do_not_differ_tell_nothing_and_that_is_said(scenario: Scenario) -> None:
    """One of two in each household: who has it has another without."""
    random = np.random.default_rng(3)
    paid = np.tile([0.0, DOSE], 2000)
    stays = (random.random(4000) < 0.85 + 0.1 * paid).astype(float)
    found = learn(scenario, [trial(np.repeat(np.arange(2000), 2), paid, stays)], [])
    assert not found.spills
    assert any("spill-over between arms cannot be told from others of its household" in note for note in found.notes)


def test_large_regions_with_alike_shares_are_left_as_they_are(scenario: Scenario) -> None:
    random = np.random.default_rng(4)
    paid = DOSE * (random.random(6000) < 0.5)
    stays = (random.random(6000) < 0.85 + 0.1 * paid).astype(float)
    told = trial(np.repeat(np.arange(12), 500), paid, stays)
    found = learn(scenario, [told], [])
    [spill] = found.spills
    assert not spill.told
    assert any("spill-over between arms is not told" in note for note in found.notes)
    apart = stays[paid > 0].mean() - stays[paid == 0].mean()
    assert np.mean(effect(found)) == pytest.approx(apart, abs=1e-3)


def test_regions_as_units_hold_that_their_people_resemble_each_other(scenario: Scenario) -> None:
    """Whole regions by lot: the interval is of regions and not of customers, and says so."""
    random = np.random.default_rng(5)
    paid = np.repeat(np.tile([0.0, DOSE], 10), 400)
    region = np.repeat(np.arange(20), 400)
    chance = 0.85 + 0.05 * random.standard_normal(20)[region]
    stays = (random.random(8000) < chance).astype(float)
    found = learn(scenario, [trial(region, paid, stays)], [])
    low, high = effect(found)
    by_region = stays.reshape(20, 400).mean(axis=1)
    a, b = by_region[::2], by_region[1::2]
    error = np.sqrt(a.var(ddof=1) / 10 + b.var(ddof=1) / 10)
    assert (high - low) == pytest.approx(2 * 2.1 * error, rel=0.05)
    assert any("all of one household got the same" in note for note in found.notes)


def test_amounts_of_regions_need_no_row_a_customer() -> None:
    """Means by region, which is what firms have: their spread tells the error."""
    random = np.random.default_rng(6)
    paid, heads = np.tile([0.0, DOSE], 15), random.integers(300, 500, 30).astype(float)
    bought = (1 + 0.2 * (paid > 0)) * np.exp(0.05 * random.standard_normal(30))
    found = measure(trial(range(30), paid, bought, ("offers", "purchase_rate", ""), heads=heads), GAIN)
    ratio = found.arms[1].mean / found.arms[0].mean
    assert ratio == pytest.approx(1.2, abs=0.06)
    error = np.sqrt(found.arms[0].error ** 2 + found.arms[1].error ** 2)
    assert 0.01 < error < 0.04


def test_neighbouring_regions_tell_what_passes_between_them() -> None:
    """A ring of 400 towns, whole towns by lot: half of the effect reaches the next one."""
    random = np.random.default_rng(7)
    towns, people = 400, 100
    paid = DOSE * (random.random(towns) < 0.5)
    beside = [f"{(i - 1) % towns}; {(i + 1) % towns}" for i in range(towns)]
    others = (np.roll(paid, 1) + np.roll(paid, -1)) / 2
    chance = 0.8 + DIRECT * paid / DOSE + 0.5 * DIRECT * others / DOSE
    stays = random.binomial(people, chance) / people
    told = trial(range(towns), paid, stays, beside=beside, heads=np.full(towns, float(people)))
    found = measure(told, CHANCE)
    assert found.spill is not None
    assert found.spill.told
    assert found.spill.low < 0.5 * DIRECT < found.spill.high
    assert found.arms[1].mean - found.arms[0].mean == pytest.approx(1.5 * DIRECT, abs=0.02)


def test_a_file_says_who_is_near_or_that_it_cannot_tell(tmp_path: Path, scenario: Scenario) -> None:
    told = households(1, 0.8, people=4000)
    assert told.near is not None
    columns = zip(told.spend, told.outcome, told.near.cluster, strict=True)
    rows = [f"care,survival,{u},{y:.0f},{c}" for u, y, c in columns]
    (tmp_path / "near.csv").write_text("\n".join(["lever,moves,spend,outcome,Household ID", *rows]))
    found = learn(scenario, *read_evidence(tmp_path / "near.csv"))
    [spill] = found.spills
    right = measure(told, CHANCE).spill
    assert right is not None
    assert (spill.value, spill.clusters) == (pytest.approx(right.value), right.clusters)
    assert not any("columns not used" in note or "another one of the same lever" in note for note in found.notes)
    plain = ["lever,moves,spend,outcome", *(each.rpartition(",")[0] for each in rows)]
    (tmp_path / "apart.csv").write_text("\n".join(plain))
    notes = learn(scenario, *read_evidence(tmp_path / "apart.csv")).notes
    assert any("spill-over between arms cannot be told: no column says who is near whom" in note for note in notes)


def test_customers_in_no_arm_are_compared_with_the_control_group(tmp_path: Path, scenario: Scenario) -> None:
    head = "lever,moves,spend,customers,outcome,assigned"
    rows = ["care,survival,0,4000,.90,random", "care,survival,.5,4000,.93,random", "care,survival,0,8000,.86,outside"]
    (tmp_path / "test.csv").write_text("\n".join([head, *rows]))
    found = learn(scenario, *read_evidence(tmp_path / "test.csv"))
    [note] = [each for each in found.notes if "outside the experiment" in each]
    assert "the control group has +0.04 (+0.02771 to +0.052)" in note
    assert "as nobody put them there by lot" in note
    assert row(found, 0.5).n == 8000
    (tmp_path / "other.csv").write_text("\n".join([head, *rows[:2], "care,survival,.2,8000,.86,outside"]))
    with pytest.raises(InputError, match=r"rows outside: expected the money of the arm with least, 0, got 0.2"):
        learn(scenario, *read_evidence(tmp_path / "other.csv"))
    (tmp_path / "alone.csv").write_text("\n".join([head, rows[2]]))
    with pytest.raises(InputError, match=r"are in no arm, and there is no experiment at random beside them"):
        read_evidence(tmp_path / "alone.csv")


@pytest.mark.slow
@pytest.mark.parametrize("passes", [0.6, 0.0, -0.6])
def test_intervals_hold_the_truth(passes: float, scenario: Scenario) -> None:
    """100 experiments on households that resemble each other: at least 90 inside, of spill-over and of the effect."""
    inside, widths = np.zeros(2), []
    for seed in range(100):
        told = households(seed, passes)
        found = measure(told, CHANCE)
        assert found.spill is not None
        right, apart = total(told, passes), found.arms[1].mean - found.arms[0].mean
        error = float(np.sqrt(np.array([-1, 1]) @ found.covariance @ np.array([-1, 1])))
        inside += [found.spill.low <= right - DIRECT <= found.spill.high, abs(apart - right) <= 1.96 * error]
        widths.append([found.spill.high - found.spill.low, 2 * 1.96 * error])
    print("passes", passes, "inside", inside, "median widths", np.median(widths, axis=0))
    assert (inside >= 90).all()
