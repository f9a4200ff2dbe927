"""What it is worth to know an assumption: against other ways to count it, and what the command says of it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from markets import ROOT
from scipy.stats import norm

import tenure
from optimizer.ask.problem import allocation_problem
from optimizer.ask.rows import as_today
from optimizer.insight.ends import best_at
from optimizer.insight.information import information, worth_of_knowing, worth_of_seeing
from optimizer.insight.later import Later
from optimizer.insight.risk import best_there, unknown, with_values
from optimizer.insight.trial import arms, heads_of, told
from optimizer.stages.start import start
from sim.engine.sensitivity import follow
from sim.twin import rebuilt

UNSURE = ROOT / "tests" / "data" / "unsure.yaml"
CARE = "levers.care.moves.survival.brings"
OFFERS = "levers.offers.moves.acquisition.brings"


def test_seeing_is_worth_what_drawing_says() -> None:
    """Do it or not, uniform gain in -1..1: knowing is worth 1/4; seeing with an error what 50,000 draws say of it.

    Given ``x``, ``z`` is a normal law around ``x`` cut off at -1 and 1. Nothing is worth more than knowing.
    """
    z = np.linspace(-1, 1, 201)
    values = np.stack([np.zeros_like(z), z])
    assert worth_of_knowing(values) == pytest.approx(0.25, abs=0.002)
    random = np.random.default_rng(3)
    worths = []
    for error in (0.1, 0.5, 2.0):
        truth = random.uniform(-1, 1, 50_000)
        x = truth + error * random.standard_normal(truth.size)
        low, high = (-1 - x) / error, (1 - x) / error
        believed = x + error * (norm.pdf(low) - norm.pdf(high)) / np.maximum(norm.cdf(high) - norm.cdf(low), 1e-300)
        worth, seen, means = worth_of_seeing(values, error)
        assert worth == pytest.approx(np.maximum(believed, 0).mean(), abs=0.006), error
        assert seen[means.argmax(axis=0).argmax()] == pytest.approx(0, abs=0.02 + 0.02 * error)
        worths.append(worth)
    assert 0.25 > worths[0] > worths[1] > worths[2] > 0
    assert worth_of_seeing(values, 0.0)[0] == pytest.approx(0.25, abs=0.003)
    assert worth_of_knowing(np.stack([z, z + 3])) == 0


@pytest.mark.slow
def test_it_agrees_with_every_world_looked_at() -> None:
    """A grid of 12 x 12 x 2 worlds, each decision followed in each: what knowing all, and one number, is worth."""
    firm = tenure.open(UNSURE)
    twin, budget = firm.twin, 1.2 * firm.budget
    plan = firm.optimize(budget=budget, bound_steps=0)
    found = information(twin, plan.intensity, budget, samples=48, threads=2)
    problem = allocation_problem(twin, budget)
    ways = [plan.intensity, as_today(twin.chain), start(problem).least.intensity]
    ranges = {each.path: each for each in twin.scenario.uncertain}
    for each in ranges.values():
        for value in (each.low, each.high):
            there = rebuilt(twin, with_values(twin.scenario, {each.path: value}))
            ways.append(best_there(there, problem, plan.intensity, 2).intensity)
    inside = (np.arange(12) + 0.5) / 12
    worth = np.empty((len(ways), 12, 12, 2))
    for i, one in enumerate(inside):
        for j, two in enumerate(inside):
            for k, three in enumerate((0.25, 0.75)):
                parts = zip(ranges.values(), (one, two, three), strict=True)
                values = {each.path: each.low + part * (each.high - each.low) for each, part in parts}
                chain = rebuilt(twin, with_values(twin.scenario, values)).chain
                worth[:, i, j, k] = [follow(chain, way).asset for way in ways]
    perfect = worth_of_knowing(worth.reshape(len(ways), -1))
    assert found.perfect == pytest.approx(perfect, rel=0.15)
    by_path = {each.path: each.perfect for each in found.knowing}
    assert by_path[CARE] == pytest.approx(worth_of_knowing(worth.mean(axis=(2, 3))), rel=0.15, abs=0.02 * perfect)
    assert by_path[OFFERS] == pytest.approx(worth_of_knowing(worth.mean(axis=(1, 3))), rel=0.15, abs=0.02 * perfect)
    assert found.explained > 0.9
    for each in found.knowing:
        assert each.trial is None or each.trial.worth <= each.perfect + 1e-9


def test_plans_at_the_ends_are_as_good_as_those_of_a_whole_search() -> None:
    """Searched for from the plan in hand, and no further than decisions are told apart."""
    firm = tenure.open(UNSURE)
    twin, budget = firm.twin, 1.2 * firm.budget
    plan = firm.optimize(budget=budget, bound_steps=0)
    problem = allocation_problem(twin, budget)
    least = start(problem).least
    lift = plan.asset - least.asset
    for path, value in ((OFFERS, 0.02), (CARE, 0.85)):
        there = rebuilt(twin, with_values(twin.scenario, {path: value}))
        found = best_at(twin, problem, plan.intensity, least.intensity, {path: value}, 1)
        whole = best_there(there, problem, plan.intensity, 1)
        course, best = (follow(there.chain, each) for each in (found, whole.intensity))
        assert course.asset >= best.asset - 1e-3 * lift
        asked = whole.begun.problem
        assert (asked.signs * (asked.counted(course) - asked.limits) <= 1e-6 * asked.row_units).all()


def test_the_error_is_that_of_drawn_experiments() -> None:
    """Two arms drawn 4,000 times: the number read off their difference, others as stated, scatters as is said."""
    firm = tenure.open(UNSURE)
    of = told(firm.twin, OFFERS)
    assert not isinstance(of, str)
    heads = heads_of(firm.twin, of)
    assert heads.sum() == pytest.approx(800)
    error = arms(firm.twin, of, 0.5, 2, 2000, 2000, heads)
    random = np.random.default_rng(5)
    chance = [1 - (1 - of.at(dose)) ** 2 for dose in (0.5, 0.0)]
    shares = [1 - np.sqrt(1 - random.binomial(2000, p, 4000) / 2000) for p in chance]
    # At the dose it is known at, the effect is the number itself; without money it is as stated.
    assert (shares[0] - shares[1] + of.at(0.0)).std() == pytest.approx(error, rel=0.05)
    assert isinstance(told(firm.twin, "margin"), str)


def test_what_the_command_says(tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]) -> None:
    """The test that pays, its plan, and what is not to be tested; errors in a line."""
    content = yaml.safe_load(UNSURE.read_text())
    content["segments"]["all"]["start"] = {"new": 3000, "prospect": 20_000}
    offers = content["levers"]["offers"]
    offers["reference"] = 1.0
    offers["moves"]["acquisition"] = {"without_money": 0.002, "unlimited_money": 0.2, "spend": 2.0, "brings": 0.03}
    help_brings = {"without_money": 0.0, "unlimited_money": 0.1, "spend": 0.4, "brings": 0.05}
    content["levers"]["help"] = {
        "targets": ["new", "core"], "pays": "service", "reference": 0.4, "moves": {"purchase_rate": help_brings}
    }  # fmt: skip
    content["uncertain"] = [{"path": OFFERS, "low": 0.004, "high": 0.08}, {"path": "margin", "low": 0.4, "high": 0.6}]
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    code, out, _ = tenure("test-next", "shop.yaml", "--samples", 6, "-o", "test.json")
    assert code == 0
    assert out.startswith("Test the share of prospects who are won at the money stated for offers next: ")
    assert "no experiment tells it: look it up, or count" in out
    assert "Written to test.json. A list by name needs a customer base. Next: tenure risk shop.yaml" in out
    out = tenure("test-next", "shop.yaml", "--samples", 6, "--budget", "300")[1].replace("\n", " ")
    assert "Next: tenure test-next shop.yaml --budget 300 --samples 6 --seed 0 -o test.json" in out
    answer = json.loads(tenure("test-next", "shop.yaml", "--samples", 6, "-o", "again.json", "--json")[1])
    first = next(each for each in answer["assumptions"] if each["path"] == answer["next"])
    assert first["test"]["net"] == pytest.approx(first["test"]["worth"] - first["test"]["costs"])
    assert sum(first["test"]["segments"].values()) == pytest.approx(first["test"]["customers"])
    plan = json.loads((tmp_path / "test.json").read_text())
    assert {row["lever"] for row in plan["plan"] if row["spend"] > 0} == {"offers", "help"}
    assert {row["intensity"] for row in plan["plan"] if row["lever"] == "help"} == {0.4}  # terms stay as today's
    assert (tmp_path / "test.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    code, out, err = tenure("test-next", "shop.yaml", "--samples", 4)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--samples 4: expected at least 6 worlds for 2 ranges" in err
    del content["uncertain"]
    (tmp_path / "sure.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    code, out, err = tenure("test-next", "sure.yaml")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "uncertain: missing" in err


def test_every_length_is_that_of_plans_followed() -> None:
    """Whatever decision is best at once, and in whatever worlds another was taken for the best."""
    firm = tenure.open(UNSURE)
    points = unknown(firm.scenario).worlds(19, 1)
    worlds = [rebuilt(firm.twin, with_values(firm.scenario, point)).chain for point in points]
    today = as_today(firm.chain)
    ways = [0.0 * today, 0.3 * today, 0.6 * today, today, 3.0 * today]
    for order in ([0, 1, 2, 3, 4], [3, 4, 2, 1, 0]):
        some = [ways[i] for i in order]
        later = Later(worlds, some, [1, 2], 1)
        at_once = np.array([[follow(chain, way).asset for chain in worlds] for way in some])
        assert later.at_once == pytest.approx(at_once, rel=1e-12)
        assert later.first == int(at_once.mean(axis=1).argmax())
        first = some[later.first]
        for length in (1, 2):
            changed = [np.concatenate([first[:length], way[length:]]) for way in (some[4], some[1])]
            told = np.array([[follow(chain, way).asset for chain in worlds] for way in changed])
            assert later.worth(length, [4, 1]) == pytest.approx(told, rel=1e-12)
