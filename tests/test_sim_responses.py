"""Curves from experiments and answers: differences with their errors, priors that stay, what is refused and said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning import CONTENT, CURVE, KEY, OFFER, row, trial
from markets import SMALL_MARKET
from scipy import stats

from experiments.firm import Firm
from experiments.words.evidence import learned_answer, learned_text
from sim.contract import Allocation
from sim.engine.response import response
from sim.errors import InputError
from sim.market.clock import Market
from sim.responses.arms import measure
from sim.responses.learn import Learned, learn
from sim.responses.posterior import pooled
from sim.responses.read import Answer, Trial, read_evidence
from sim.responses.shape import GAIN, Shape, link
from sim.scenario.file import Scenario, parse

GAIN_OF = {"without_money": 0.0, "unlimited_money": 0.4, "spend": 0.5, "brings": 0.08}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return parse(CONTENT)


@pytest.mark.parametrize("curve", [CURVE, OFFER, {**CURVE, "shape": "adbudg", "steepness": 2}])
def test_a_curve_is_three_numbers_and_back(curve: dict[str, Any], scenario: Scenario) -> None:
    stated = parse({**CONTENT, "levers": {"care": {**CONTENT["levers"]["care"], "moves": {"survival": curve}}},
                    "uncertain": []}).levers["care"].moves["survival"]  # fmt: skip
    shape = Shape(stated, "survival")
    money = np.array([0.0, 0.2, 0.5, 3.0])
    assert shape.at(shape.start, money)[1:] == pytest.approx(response(stated, money)[1:], abs=1e-5)
    assert shape.at(shape.start, np.array([np.inf]))[0] == pytest.approx(stated.unlimited_money, abs=1e-5)


def test_an_experiment_is_the_difference_of_means_with_its_error(scenario: Scenario) -> None:
    found = learn(scenario, [trial([0, 1], [0.86, 0.95], 4000)], [])
    [effect] = found.effects
    lows, highs = (
        [stats.beta.ppf(tail, 4000 * share + more, 4000 * (1 - share) + 1 - more) for share in (0.86, 0.95)]
        for tail, more in ((0.025, 0), (0.975, 1))
    )
    assert effect.difference == pytest.approx(0.09)
    assert effect.low == pytest.approx(0.09 - np.hypot(0.95 - lows[1], highs[0] - 0.86))
    assert effect.high == pytest.approx(0.09 + np.hypot(highs[1] - 0.95, 0.86 - lows[0]))
    assert effect.n == 8000


def test_with_enough_data_the_curve_is_what_was_measured(scenario: Scenario) -> None:
    doses, shares = [0.0, 0.5, 1.0, 4.0], [0.80, 0.86, 0.90, 0.955]
    found = learn(scenario, [trial(doses, shares, 1e6)], [])
    for dose, share in zip(doses, shares, strict=True):
        assert row(found, dose).value == pytest.approx(share, abs=0.005)
        assert row(found, dose).source == "measured"
    watched = learn(scenario, [trial(doses, [share**2 for share in shares], 1e6, periods=2)], [])
    assert row(watched, 1.0).value == pytest.approx(row(found, 1.0).value, abs=1e-3)


def test_one_file_after_another_counts_all_customers(scenario: Scenario) -> None:
    """As both at once, whom the firm chose too; what a manager answers anew is one thing more."""
    one, other = trial([0, 0.5], [0.88, 0.93], 4000, chosen=True), trial([0, 0.5], [0.881, 0.929], 1000)
    before = learn(scenario, [one], []).scenario
    found = learn(before, [other], [])
    assert row(found, 0.5).n == 10_000
    [record] = found.scenario.evidence
    assert (record.customers, record.chosen) == (10_000, True)
    asked = learn(before, [other], [Answer(KEY, "A", 0.5, 0.92, 0.90, 0.94)])
    assert row(asked, 0.5).n == asked.scenario.evidence[0].customers == 10_000


def test_one_dose_leaves_the_bend_as_answered_and_says_so(scenario: Scenario) -> None:
    answered = learn(scenario, [], [Answer(KEY, "A", np.inf, 0.97, 0.95, 0.98)])
    found = learn(scenario, [trial([0, 0.5], [0.88, 0.93], 50_000)], [Answer(KEY, "A", np.inf, 0.97, 0.95, 0.98)])
    ceiling, before = row(found, np.inf), row(answered, np.inf)
    assert ceiling.source == before.source == "answered"
    assert ceiling.high - ceiling.low == pytest.approx(before.high - before.low, rel=0.1)
    assert (before.low, before.high) == pytest.approx((0.9525, 0.981), abs=0.004)  # the width of .95 to .98 around .97
    assert row(found, 0.5).source == "measured"
    assert any("one dose (0.5 against 0)" in note and "stay as answered" in note for note in found.notes)


def test_a_value_that_data_moved_is_not_what_was_answered(scenario: Scenario) -> None:
    """Few customers far from the answer: they hardly narrow it and move it; where they do not, that is said."""
    answers = [Answer(KEY, "A", at, mean, mean - 0.03, mean + 0.03) for at, mean in ((0.0, 0.88), (0.5, 0.93))]
    moved = learn(scenario, [trial([0, 0.5], [0.5, 0.98], 50)], answers)
    told = row(moved, 0.0)
    width = 0.06
    assert abs(told.value - 0.88) > width / 10
    assert told.source == "both"
    assert learned_answer(moved).startswith("Evidence on 1 curve: data on 1. ")
    few = learn(scenario, [trial([0, 0.5], [0.88, 0.93], 20)], answers)
    assert {each.source for each in few.curves} == {"answered"}
    assert learned_answer(few).startswith("Evidence on 1 curve: data on 1 (too few to move 1 of them). ")
    assert "answered (1 manager; 40 customers were too few to move it)" in " ".join(
        Firm.of(few.scenario).check().split()
    )


def test_a_curve_that_every_segment_replaces_is_told_no_more(scenario: Scenario) -> None:
    """Its ranges act on nobody, nor is it what acts, nor is it to be measured."""
    ranged = parse({**CONTENT, "uncertain": [{"path": "levers.care.moves.survival.brings", "low": 0.91, "high": 0.95}]})
    tests = [trial([0, 0.5], [0.8, 0.9], key=("care", "survival", name)) for name in ("town", "country")]
    found = learn(ranged, tests, [])
    assert not any(each.path.startswith("levers.care.moves.survival") for each in found.scenario.uncertain)
    assert any("every segment has a curve of its own now" in note for note in found.notes)
    said = Firm.of(found.scenario).check()
    acts = " ".join(said[said.index("What acts on whom") : said.index("What is known of it")].split())
    assert "of town, " in acts
    assert "of country, " in acts
    assert "0.88" not in acts
    assert "not measured: offers on purchase_rate, adverts on acquisition;" in " ".join(said.split())
    one = learn(ranged, tests[:1], [])
    assert any(each.path == "levers.care.moves.survival.brings" for each in one.scenario.uncertain)


def test_what_is_learned_of_all_is_no_prior_of_a_segment(scenario: Scenario) -> None:
    """Evidence counts once: a segment's curve is the same whether or not all were tested too."""
    own = trial([0, 0.5], [0.88, 0.93], 300, key=("care", "survival", "town"))
    everybody = trial([0.0, 0.5, 1.0, 4.0], [0.80, 0.86, 0.90, 0.955], 1e6)
    alone, both = learn(scenario, [own], []), learn(scenario, [everybody, own], [])
    assert [each for each in both.curves if each.segment] == list(alone.curves)


def test_what_managers_say_of_all_is_said_of_a_segment(scenario: Scenario) -> None:
    """Unless it has a curve of its own, or they were asked about it."""
    answers = [Answer(KEY, "A", np.inf, 0.955, 0.953, 0.957)]
    of_town = trial([0, 0.5], [0.88, 0.92], 3000, ("care", "survival", "town"))
    found = learn(scenario, [of_town], answers)
    [town] = [each for each in found.curves if each.segment == "town" and np.isinf(each.at)]
    assert (town.low, town.high) == pytest.approx((0.953, 0.957), abs=1e-3)
    assert not any("of town: no range was given for unlimited_money" in note for note in found.notes)
    asked = [*answers, Answer(("care", "survival", "town"), "A", np.inf, 0.965, 0.96, 0.97)]
    [town] = [each for each in learn(scenario, [of_town], asked).curves if each.segment == "town" and np.isinf(each.at)]
    assert (town.low, town.high) == pytest.approx((0.96, 0.97), abs=2e-3)
    own = {"town": {"moves": {"survival": {**CURVE, "unlimited_money": 0.98}}}}
    care = {**CONTENT["levers"]["care"], "by_segment": own}
    other = parse({**CONTENT, "levers": {**CONTENT["levers"], "care": care}})
    [town] = [each for each in learn(other, [of_town], answers).curves if each.segment == "town" and np.isinf(each.at)]
    assert town.high > 0.98


def test_managers_who_disagree_leave_width() -> None:
    low, high = (Answer(KEY, name, 0.0, value, value - 0.01, value + 0.01) for name, value in (("A", 0.8), ("B", 0.9)))
    [alone], [both] = pooled([low], "chance"), pooled([low, high], "chance")
    between = float(link("chance", 0.9) - link("chance", 0.8)) / 2
    assert both.mean == pytest.approx(float(link("chance", 0.8)) + between)
    assert both.sd == pytest.approx(between, rel=0.02)
    assert (alone.managers, both.managers) == (1, 2)
    assert alone.sd < both.sd / 5


def test_gains_are_measured_against_their_own_level(scenario: Scenario) -> None:
    """Purchases of 1.3 a head without money, 20 % more with 1."""
    random = np.random.default_rng(2)
    outcome = np.concatenate([random.poisson(1.3, 60_000), random.poisson(1.56, 60_000)]).astype(float)
    spend = np.repeat([0.0, 1.0], 60_000)
    key = ("offers", "purchase_rate", "")
    ones = np.ones(outcome.size)
    found = learn(scenario, [Trial(key, spend, outcome, ones, ones, False, "test.csv")], [])
    gain = (1 + row(found, 1.0).value) / (1 + row(found, 0.0).value) - 1
    assert gain == pytest.approx(0.2, abs=0.012)


@pytest.mark.parametrize("asked", [[], [Answer(("offers", "purchase_rate", ""), "A", 0.0, 0.0, 0.0, 0.0)]])
def test_no_money_is_no_gain_where_nobody_gave_it_a_range(asked: list[Answer], scenario: Scenario) -> None:
    """Data tell ratios alone: an answer that they exclude moves no level below none, and is said; a range may."""
    random = np.random.default_rng(2)
    outcome = np.concatenate([random.poisson(1.3, 3000), random.poisson(1.56, 3000)]).astype(float)
    key, ones = ("offers", "purchase_rate", ""), np.ones(6000)
    tried = Trial(key, np.repeat([0.0, 1.0], 3000), outcome, ones, ones, False, "test.csv")
    low = Answer(key, "A", 1.0, 0.1, 0.05, 0.12)
    found = learn(scenario, [tried], [low, *asked])
    assert row(found, 0.0)[4:7] == (0.0, 0.0, 0.0)
    path = "levers.offers.moves.purchase_rate"
    assert f"{path}.without_money" not in {each.path for each in found.scenario.uncertain}
    assert found.scenario.levers["offers"].moves["purchase_rate"].without_money == 0
    assert any("what was stated and the data disagree by" in note for note in found.notes)
    again = learn(found.scenario, [tried], [])
    assert row(again, 0.0)[4:7] == (0.0, 0.0, 0.0)
    ranged = {"path": f"{path}.without_money", "low": -0.1, "high": 0.1}
    allowed = learn(parse({**CONTENT, "uncertain": [ranged]}), [tried], [low])
    assert row(allowed, 0.0).value < -0.02


def test_a_gain_is_no_larger_than_a_scenario_states(scenario: Scenario) -> None:
    """A range is cut there, and said; what lies beyond is refused with what to do."""
    key, arms = ("offers", "purchase_rate", ""), np.repeat([0.0, 1.0], 40)

    def found(without: int) -> Learned:
        bought = np.concatenate([np.arange(40) < without, np.arange(40) < 28]).astype(float)
        return learn(scenario, [Trial(key, arms, bought, np.ones(80), np.ones(80), False, "few.csv")], [])

    few = found(4)
    [unlimited] = [each for each in few.scenario.uncertain if each.path.endswith("purchase_rate.unlimited_money")]
    assert unlimited.high == 9
    assert any("to 9, as gains there are up to 9" in note for note in few.notes)
    with pytest.raises(InputError, match=r"^offers on purchase_rate: data and answers say .* up to 10 times; "):
        found(0)


def test_what_no_money_brings_bounds_the_range_of_what_money_brings(scenario: Scenario) -> None:
    """A range that goes below none is cut there, and not in the middle between both."""
    offers = {**CONTENT["levers"]["offers"], "moves": {"purchase_rate": GAIN_OF}}
    content = {**CONTENT, "levers": {**CONTENT["levers"], "offers": offers}, "uncertain": []}
    found = learn(parse(content), [], [Answer(("offers", "purchase_rate", ""), "A", 0.5, 0.08, -0.01, 0.17)])
    [brings] = [each for each in found.scenario.uncertain if each.path.endswith("purchase_rate.brings")]
    assert 0 < brings.low < 0.002
    assert brings.high == pytest.approx(0.17, abs=1e-3)
    assert any("brings is known to lie in -0.01 to 0.17" in note for note in found.notes)


def test_a_few_customers_who_all_did_the_same_are_not_known_exactly(scenario: Scenario) -> None:
    """Three of whom none bought: the spread is that of all arms; where no arm has any, of one who did otherwise.

    As many times as wide as Student's law of each arm's degrees of freedom is wider than the normal one.
    """
    bought = np.array([0.0, 0, 0, 1, 0, 2, 0, 1, 0, 0])
    few = Trial(("offers", "purchase_rate", ""), np.repeat([0.0, 1.0], [3, 7]), bought, np.ones(10), np.ones(10), False,
                "few.csv")  # fmt: skip
    none, some = measure(few, GAIN).arms
    wider = (stats.t.ppf(0.975, [2, 6]) / 1.959964) ** 2
    assert none.error**2 / wider[0] == pytest.approx(bought[3:].var() * 7 / 8 / 3)  # of 10 rows less 2 arms
    assert some.error**2 / wider[1] == pytest.approx(bought[3:].var(ddof=1) / 7)
    same = measure(replace(few, outcome=np.full(10, 3.0)), GAIN).arms
    assert [arm.error**2 for arm in same] == pytest.approx([9 / 10 / 3 * wider[0], 9 / 10 / 7 * wider[1]])
    before = learn(scenario, [], [Answer(few.key, "A", 1.0, 0.2, 0.1, 0.3)])
    found = learn(scenario, [few], [Answer(few.key, "A", 1.0, 0.2, 0.1, 0.3)])
    assert row(found, 1.0).value == pytest.approx(row(before, 1.0).value, abs=0.05)


def test_the_scenario_holds_value_source_number_and_interval(scenario: Scenario) -> None:
    key = ("care", "survival", "town")
    found = learn(scenario, [trial([0, 0.5, 2], [0.88, 0.92, 0.95], key=key)], [])
    own = found.scenario.levers["care"].by_segment["town"].moves["survival"]
    assert own.brings == pytest.approx(row(found, 0.5).value, rel=1e-6)
    assert found.scenario.levers["care"].moves == scenario.levers["care"].moves
    ranges = {each.path: (each.low, each.high) for each in found.scenario.uncertain}
    assert ranges["levers.care.by_segment.town.moves.survival.brings"] == pytest.approx(
        (row(found, 0.5).low, row(found, 0.5).high), rel=1e-6
    )
    assert len(ranges) == 6
    [record] = found.scenario.evidence
    assert (record.segment, record.customers, record.chosen) == ("town", 12_000, False)
    assert found.scenario.hash != scenario.hash
    assert parse(SMALL_MARKET).hash == parse({**SMALL_MARKET, "evidence": []}).hash
    text = Firm.of(found.scenario).check()
    assert "care on survival of town: measured" in text
    assert "offers on purchase_rate without a range" in text


def test_money_that_harms_is_refused_with_what_was_seen(scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"more money went with less \(0.95 of 4,000 at 0, 0.9 of 4,000 at 1\)"):
        learn(scenario, [trial([0, 1], [0.95, 0.90])], [])
    learn(scenario, [trial([0, 1], [0.905, 0.90], 500)], [])  # no more than luck


def test_contacts_the_firm_chose_are_warned_of(scenario: Scenario) -> None:
    found = learn(scenario, [trial([0, 1], [0.88, 0.95], chosen=True)], [])
    assert any("no control group at random" in note and "biased to those you chose" in note for note in found.notes)
    assert found.scenario.evidence[0].chosen
    assert "the firm chose who got money: biased to those it chose" in " ".join(Firm.of(found.scenario).check().split())
    assert ", chosen " in learned_text(found)
    assert ", chosen " not in learned_text(learn(scenario, [trial([0, 1], [0.88, 0.95])], []))
    with pytest.raises(InputError, match="may have chosen those with the least hope; test at random"):
        learn(scenario, [trial([0, 1], [0.95, 0.88], chosen=True)], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lever,spend,outcome\ncare,0,1\n", "expected columns lever and moves"),
        ("lever,moves,arm,outcome\ncare,survival,treated,1\n", "column spend is missing: write beside 'arm' the money"),
        ("lever,moves,spend,outcome\ncare,survival,-1,1\n", "row 1: expected spend of at least 0"),
        ("lever,moves,spend,outcome\ncare,survival,,1\n", "row 1: expected a value in column 'spend'"),
        (
            "lever,moves,spend,outcome,assigned\ncare,survival,0,1,me\n",
            "expected in column 'assigned' random or chosen",
        ),
        ("lever,moves,at,value,low,high\ncare,survival,0,0.9,0.95,1\n", "expected low <= value <= high"),
        ("lever,moves,at,value\ncare,survival,lots,0.9\n", "money of at least 0 or unlimited, got 'lots'"),
        ("lever,moves,at,value\nradio,survival,0,0.9\n", "evidence on lever 'radio': the scenario has care, offers"),
        ("lever,moves,at,value\ncare,amount,0,0.9\n", "in the scenario it moves survival"),
        ("lever,moves,at,value,segment\ncare,survival,0,0.9,moon\n", "evidence on segment 'moon'"),
        ("lever,moves,spend,outcome\ncare,survival,0,3\ncare,survival,1,4\n", "expected outcomes between 0 and 1"),
        ("lever,moves,spend,outcome\noffers,purchase_rate,0,3\n", "at least two an arm"),
    ],
)
def test_bad_files_are_refused(text: str, said: str, tmp_path: Path, scenario: Scenario) -> None:
    (tmp_path / "in.csv").write_text(text)
    with pytest.raises(InputError) as error:
        learn(scenario, *read_evidence(tmp_path / "in.csv"))
    assert said in str(error.value)


PLAIN = "lever,moves,spend,customers,outcome"
COMMAS = PLAIN.replace(",", ";")


@pytest.mark.parametrize(
    ("text", "spend", "heads", "outcome"),
    [
        (f"{PLAIN}\ncare,survival,0,2000,91.2%\ncare,survival,0.3,2000,95.1 %", (0, 0.3), 2000, (0.912, 0.951)),
        (f"{COMMAS}\ncare;survival;0;2.000;0,912\ncare;survival;0,3;2.000;0,951", (0, 0.3), 2000, (0.912, 0.951)),
        (f"{COMMAS}\ncare;survival;0;900;91,2 %\ncare;survival;1.500;900;95,1 %", (0, 1500), 900, (0.912, 0.951)),
        (f'{PLAIN}\ncare,survival,0,"2,000",0.912\ncare,survival,0.3,"2,000",0.951', (0, 0.3), 2000, (0.912, 0.951)),
        (f"{PLAIN}\ncare,survival,0,1,yes\ncare,survival,0.3,1,No", (0, 0.3), 1, (1, 0)),
        (f"{PLAIN}\ncare,survival,0,1,TRUE\ncare,survival,0.3 EUR,1,FALSE", (0, 0.3), 1, (1, 0)),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(
    text: str, spend: tuple[float, ...], heads: float, outcome: tuple[float, ...], tmp_path: Path
) -> None:
    """Per cent, decimal commas with points between thousands, yes and no."""
    (tmp_path / "test.csv").write_text(text)
    [read] = read_evidence(tmp_path / "test.csv").trials
    assert read.spend.tolist() == list(spend)
    assert read.customers.tolist() == [heads, heads]
    assert read.outcome.tolist() == pytest.approx(list(outcome))


def test_what_is_no_number_is_named(tmp_path: Path, scenario: Scenario) -> None:
    (tmp_path / "words.csv").write_text("lever,moves,spend,outcome\ncare,survival,low,1\ncare,survival,high,1")
    with pytest.raises(InputError, match=r"words.csv: expected numbers in column 'spend', got 'high'"):
        read_evidence(tmp_path / "words.csv")
    (tmp_path / "rct.csv").write_text(f"{PLAIN},randomised\ncare,survival,0,9,.9,no\ncare,survival,.3,9,.9,no")
    assert read_evidence(tmp_path / "rct.csv").trials[0].chosen
    (tmp_path / "all.csv").write_text(f"{PLAIN}\ncare,survival,0,2000,.91\ncare,survival,600,2000,.95")
    notes = learn(scenario, *read_evidence(tmp_path / "all.csv")).notes
    assert any("money of up to 600 each, where the scenario has 0.5" in note for note in notes)


@pytest.mark.parametrize("months", [("03/2025", "04/2025"), ("Mar 2025", "Apr 2025"), ("31.03.2025", "30.04.2025")])
def test_months_as_people_write_them(months: tuple[str, str], tmp_path: Path) -> None:
    rows = [f"{who},{month},care,survival,{i},1" for who in "ab" for i, month in enumerate(months)]
    (tmp_path / "log.csv").write_text("\n".join(["customer_id,month,lever,moves,spend,outcome", *rows]))
    [read] = read_evidence(tmp_path / "log.csv").trials
    assert read.when is not None
    assert (np.diff(read.when.reshape(2, 2), axis=1) == 1).all()
    rows = [f"{month},town,5,100" for month in months]
    (tmp_path / "history.csv").write_text("\n".join(["month,segment,won,adverts", *rows]))
    assert read_evidence(tmp_path / "history.csv").histories[0].periods == ("2025-03", "2025-04")


def test_days_that_can_be_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    rows = [f"{who},{day},care,survival,0,1" for who in "ab" for day in ("03/04/2025", "03/05/2025")]
    (tmp_path / "log.csv").write_text("\n".join(["customer_id,date,lever,moves,spend,outcome", *rows]))
    with pytest.raises(InputError, match=r"'date': days such as 03/04 are read as .*; nothing in the file tells"):
        read_evidence(tmp_path / "log.csv")


class _Arm:
    """The same money for every prospect."""

    name = "arm"

    def __init__(self, money: float) -> None:
        self.money = money

    def decide(self, observation: Any) -> Allocation:
        intensity = np.zeros(observation.targets.shape)
        targets = observation.targets
        intensity[:, targets.stages.index("prospect"), targets.levers.index("adverts")] = self.money
        return Allocation.within(intensity, observation)


@pytest.mark.slow
def test_intervals_hold_the_truth_of_the_engine(scenario: Scenario) -> None:
    """100 experiments played by the engine: prospects in three arms, one period; at least 90 curves inside 95 %."""
    truth = {"without_money": 0.025, "unlimited_money": 0.24, "spend": 0.5, "brings": 0.10}
    levers = {**CONTENT["levers"], "adverts": {**CONTENT["levers"]["adverts"], "moves": {"acquisition": truth}}}
    twin = Firm.of({**CONTENT, "periods": 1, "terminal": "none", "levers": levers, "uncertain": []}).twin
    doses, heads = [0.0, 0.4, 1.5], 8000
    inside = np.zeros(4)
    widths = []
    money = np.array([*doses, np.inf])
    real = Shape(twin.scenario.levers["adverts"].moves["acquisition"], "acquisition")
    right = real.at(real.start, money)
    for k in range(100):
        shares = []
        for arm, dose in enumerate(doses):
            seed = 3 * k + arm
            people = twin.population(seed, 0)
            history = Market(twin, _Arm(dose), people, seed=seed, threads=1).run()
            shares.append(float(history.events["won"].sum()) / heads)
        found = learn(scenario, [trial(doses, shares, heads, ("adverts", "acquisition", ""))], [])
        rows = [row(found, at) for at in money]
        inside += [each.low <= value <= each.high for each, value in zip(rows, right, strict=True)]
        widths.append([each.high - each.low for each in rows])
    print("inside", inside, "median widths", np.median(widths, axis=0))
    assert (inside >= 90).all()
