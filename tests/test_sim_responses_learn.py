"""All sources of evidence at once: answers, an experiment, contacts that the firm chose and a history."""

import numpy as np
import pytest
from histories import ADVERTS, CARE, GUESS, OFFERS, Inside, made, scenario_of
from scipy.optimize import brentq

from sim.responses.learn import learn
from sim.responses.read import Answer, Trial
from sim.responses.shape import Shape, link
from sim.scenario.file import Scenario

DOSES = np.array([0.0, 0.4, 1.5])
BY_TRAIT = 0.8
PROSPECTS, CUSTOMERS = 8000, 4000


def effect(truth: Scenario, lever: str, moves: str, money: float) -> float:
    shape = Shape(truth.levers[lever].moves[moves], moves)
    return float(shape.at(shape.start, np.array([money]))[0])


def answered(truth: Scenario, random: np.random.Generator) -> list[Answer]:
    """Return a manager's honest answers: as far off as their ranges say."""
    out = []
    for at, sd in ((0.0, 0.05), (0.3, 0.08), (np.inf, 0.1)):
        middle = float(link("gain", effect(truth, "offers", "purchase_rate", at))) + sd * random.standard_normal()
        value, low, high = np.expm1([middle, middle - 1.96 * sd, middle + 1.96 * sd])
        out.append(Answer(("offers", "purchase_rate", ""), "A", at, float(value), float(low), float(high)))
    return out


def tried(truth: Scenario, random: np.random.Generator) -> Trial:
    """Return prospects in three arms at random, one period."""
    chance = np.array([effect(truth, "adverts", "acquisition", dose) for dose in DOSES])
    won, ones = random.binomial(PROSPECTS, chance) / PROSPECTS, np.ones(3)
    return Trial(("adverts", "acquisition", ""), DOSES, won, PROSPECTS * ones, ones, False, "experiment.csv")


def contacted(truth: Scenario, random: np.random.Generator) -> Trial:
    """Return customers whom the firm cared for the more, the more they stay; their mean chance is the curve's."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    means = [effect(truth, "care", "survival", dose) for dose in DOSES]

    def beyond(level: float, mean: float) -> float:
        return float(weights @ (1 / (1 + np.exp(-level - BY_TRAIT * nodes)))) / weights.sum() - mean

    levels = [brentq(beyond, -9, 9, args=(mean,)) for mean in means]
    trait = random.standard_normal(CUSTOMERS)
    arm = (random.random(CUSTOMERS) < 1 / (1 + np.exp(-trait))) * random.integers(1, 3, CUSTOMERS)
    stays = random.random(CUSTOMERS) < 1 / (1 + np.exp(-np.array(levels)[arm] - BY_TRAIT * trait))
    ones = np.ones(CUSTOMERS)
    return Trial(("care", "survival", ""), DOSES[arm], stays.astype(float), ones, ones, True, "contacts.csv",
                 trait[:, None], ("visits",))  # fmt: skip


@pytest.mark.slow
def test_intervals_of_all_sources_together_hold_the_truth() -> None:
    """100 firms with all four: at least 90 of the curves' points inside their 95 %."""
    truth = scenario_of({"adverts": ADVERTS, "offers": OFFERS, "care": CARE})
    guess, inside = scenario_of(GUESS, ranged=True), Inside(truth)
    for seed in range(100):
        random = np.random.default_rng(seed)
        trials = [tried(truth, random), contacted(truth, random)]
        inside.count(learn(guess, trials, answered(truth, random), (), [made(truth, 300 + seed)]))
    assert inside.least() >= 90
