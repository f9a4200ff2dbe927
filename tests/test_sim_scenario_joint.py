"""What is not known, together: laws, correlations and worlds, against plain draws and formulas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markets import ROOT
from scipy.special import expit, logit
from scipy.stats import binom, norm, spearmanr

from experiments.firm import Firm
from experiments.odds import odds
from optimizer.ask.rows import as_today
from optimizer.insight.risk import unknown, with_values
from policies.catalogue import named
from sim.engine.sensitivity import follow
from sim.errors import ScenarioError
from sim.market.purse import budget_of
from sim.scenario.file import Scenario, load, parse
from sim.scenario.joint import Joint, correlate
from sim.scenario.rules import Uncertain
from sim.twin import rebuilt

UNSURE = ROOT / "tests" / "data" / "unsure.yaml"
CARE, OFFERS = "levers.care.moves.survival.brings", "levers.offers.moves.acquisition.brings"


def unsure(**changes: Any) -> Scenario:
    """Return the unsure market with fields of its uncertain numbers changed by path."""
    content = yaml.safe_load(UNSURE.read_text())
    content["uncertain"] = [{**each, **changes.get(each["path"].split(".")[-1], {})} for each in content["uncertain"]]
    return parse(content)


def joint(*ranges: dict[str, Any], middle: tuple[float, ...]) -> Joint:
    numbers = tuple(Uncertain.model_validate({"path": name, **each}) for name, each in zip("abc", ranges, strict=False))
    return Joint.of(dict(zip("abc", middle, strict=False)), numbers)


def test_even_numbers_by_themselves_are_a_latin_hypercube() -> None:
    scenario = load(UNSURE)
    worlds = unknown(scenario).worlds(16, 4)
    rng = np.random.default_rng(4)
    for each in scenario.uncertain:
        share = (rng.permutation(16) + rng.random(16)) / 16
        assert [world[each.path] for world in worlds] == (each.low + (each.high - each.low) * share).tolist()


@pytest.mark.parametrize(
    ("middle", "expected"), [(10.0, lambda z: 10 + 4 * z / 1.959964), (np.sqrt(84.0), None), (13.0, None), (7.0, None)]
)
def test_a_normal_number_has_its_three_points_and_the_law_between_them(middle: float, expected: Any) -> None:
    """Low, stated and high are the quantiles 2.5, 50 and 97.5 %; even around the middle it is normal."""
    numbers = joint({"low": 6, "high": 14, "law": "normal"}, middle=(middle,))
    values = np.array([world["a"] for world in numbers.worlds(4000, 1)])
    assert np.percentile(values, [2.5, 50, 97.5]) == pytest.approx([6, middle, 14], abs=0.05)
    assert (values == 6).mean() == pytest.approx(0.025, abs=0.002)
    z = np.linspace(-1.9, 1.9, 7)
    if expected is not None:
        assert numbers.value(0, z) == pytest.approx(expected(z), rel=1e-6)
    if middle == np.sqrt(84.0):
        assert numbers.value(0, z) == pytest.approx(middle * np.exp(z * np.log(14 / middle) / 1.959964), rel=1e-6)
    assert [numbers.score(0, float(value)) for value in numbers.value(0, z)] == pytest.approx(z)


def test_correlated_worlds_and_what_one_number_says_of_the_others() -> None:
    """Of 20,000 worlds: ranks as a normal copula has them, and the mean of one score where another lies."""
    numbers = joint(
        {"low": 0, "high": 1}, {"low": 2, "high": 9, "law": "normal", "correlated": {"a": 0.8}},
        {"low": 0, "high": 1, "correlated": {"b": -0.5}}, middle=(0.5, 4.0, 0.5),
    )  # fmt: skip
    worlds = numbers.worlds(20_000, 2)
    a, b, c = (np.array([world[name] for world in worlds]) for name in "abc")
    for one, other, stated in ((a, b, 0.8), (b, c, -0.5), (a, c, 0.0)):
        assert spearmanr(one, other)[0] == pytest.approx(6 / np.pi * np.arcsin(stated / 2), abs=0.02)
    near = np.abs(a - 0.9) < 0.01
    scores = [numbers.score(1, float(value)) for value in b[near]]
    there = numbers.along("a", 0.9)
    assert set(there) == {"a", "b"}
    assert numbers.score(1, there["b"]) == pytest.approx(0.8 * norm.ppf(0.9)) == pytest.approx(np.mean(scores), abs=0.1)


def test_what_cannot_be_is_said_in_a_line() -> None:
    for changes, said in (
        ({"correlated": {"margins": 0.5}}, "margin: correlated with 'margins', expected another path of this list"),
        ({"correlated": {"margin": 0.5}}, "margin: correlated with 'margin', expected another path of this list"),
        ({"law": "normal", "low": 0.5, "high": 0.9}, "margin: law: normal has what is stated inside its range, got"),
    ):
        with pytest.raises(ScenarioError, match=said):
            unsure(margin=changes)
    with pytest.raises(ScenarioError, match="correlations cannot all hold"):
        joint(
            {"low": 0, "high": 1}, {"low": 0, "high": 1, "correlated": {"a": 0.9}},
            {"low": 0, "high": 1, "correlated": {"a": 0.9, "b": -0.9}}, middle=(0.5, 0.5, 0.5),
        )  # fmt: skip


def test_odds_with_correlation_are_those_of_worlds_drawn_by_hand() -> None:
    """Even split against today: correlation widens what is not known as plain draws of the copula say."""
    apart, together = load(UNSURE), unsure(margin={"correlated": {CARE: 0.9, OFFERS: 0.4}})
    firm = Firm.of(apart.model_dump(mode="json", exclude_unset=True))
    twin, budget = firm.twin, firm.budget
    plan, purse = as_today(twin.chain) * 1.5, budget_of(twin, budget)
    random = np.random.default_rng(6)
    by_path = {each.path: each for each in apart.uncertain}
    order = [CARE, OFFERS, "margin"]
    found = {}
    for name, scenario, near in (("apart", apart, (0.0, 0.0)), ("together", together, (0.9, 0.4))):
        matrix = np.array([[1, 0, near[0]], [0, 1, near[1]], [*near, 1]])
        u = norm.cdf(random.multivariate_normal(np.zeros(3), matrix, 150))
        mine, theirs = [], []
        for row in u:
            at = {p: by_path[p].low + (by_path[p].high - by_path[p].low) * s for p, s in zip(order, row, strict=True)}
            chain = rebuilt(twin, with_values(apart, at)).chain
            mine.append(follow(chain, plan).asset)
        for values in unknown(scenario).worlds(150, 3):
            theirs.append(follow(rebuilt(twin, with_values(scenario, values)).chain, plan).asset)
        assert np.mean(theirs) == pytest.approx(np.mean(mine), rel=0.03)
        assert np.std(theirs) == pytest.approx(np.std(mine), rel=0.15)
        found[name] = np.std(theirs)
        policies = [(named(each, twin, budget), purse) for each in ("as today", "even split")]
        luck = np.zeros((2, 4)) + np.array([[0.0], [1.0]]) + 1e-3 * random.standard_normal((2, 4))
        sure = odds(rebuilt(twin, scenario), policies, luck, np.zeros(2), samples=32)
        assert sure is not None
        found[f"{name} wide"] = sure.high["even split"] - sure.low["even split"]
    assert found["together"] > 1.15 * found["apart"]
    assert found["together wide"] != pytest.approx(found["apart wide"], rel=0.02)


def test_what_was_learned_travels_whole(tmp_path: Path) -> None:
    """Two doses tell a curve between them: its numbers move together, as the prior weighed by the data says.

    Drawn independently, what care brings beyond none would be far less sure than it is known.
    """
    (tmp_path / "test.csv").write_text(
        "lever,moves,spend,customers,outcome\ncare,survival,0.1,2500,0.84\ncare,survival,0.2,2500,0.87\n"
    )
    prior = {"without_money": (0.7, 0.84), "brings": (0.845, 0.93), "unlimited_money": (0.94, 0.975)}
    content = yaml.safe_load(UNSURE.read_text())
    path = "levers.care.moves.survival"
    content["uncertain"] = [{"path": f"{path}.{name}", "low": a, "high": b} for name, (a, b) in prior.items()]
    found = Firm.of(content).learn(tmp_path / "test.csv")
    random = np.random.default_rng(3)
    middle = content["levers"]["care"]["moves"]["survival"]
    logits = {
        name: random.normal(logit(middle[name]), (logit(high) - logit(low)) / 3.92, 400_000)
        for name, (low, high) in prior.items()
    }
    floor, known, ceiling = (expit(logits[name]) for name in prior)
    sane = (floor < known) & (known < ceiling)
    share = np.where(sane, (known - floor) / (ceiling - floor), 0.5)
    weight = np.zeros(floor.size)
    for spend, hits in ((0.1, 2100), (0.2, 2175)):
        at = floor + (ceiling - floor) * (1 - (1 - share) ** (spend / middle["spend"]))
        weight += binom.logpmf(hits, 2500, np.clip(at, 1e-9, 1 - 1e-9))
    weight = np.where(sane, np.exp(weight - weight[sane].max()), 0.0)
    right = np.sqrt(np.cov(known - floor, aweights=weight))

    worlds = unknown(found.scenario).worlds(4000, 1)
    brings = np.array([world[f"{path}.brings"] - world[f"{path}.without_money"] for world in worlds])
    alone = [each.model_copy(update={"correlated": {}}) for each in found.scenario.uncertain]
    apart = unknown(found.scenario.model_copy(update={"uncertain": tuple(alone)})).worlds(4000, 1)
    by_themselves = np.std([world[f"{path}.brings"] - world[f"{path}.without_money"] for world in apart])
    assert brings.std() == pytest.approx(right, rel=0.2)
    assert abs(by_themselves - right) > 2 * abs(brings.std() - right)


def test_evidence_after_evidence_is_both_together(tmp_path: Path) -> None:
    """A test learned from what another was learned to: what the curve is at any money is as if both came at once."""
    rows = [
        "lever,moves,spend,customers,outcome\ncare,survival,0.1,2500,0.84\ncare,survival,0.2,2500,0.87\n",
        "lever,moves,spend,customers,outcome\ncare,survival,0.2,3000,0.871\ncare,survival,0.6,3000,0.92\n",
    ]
    for name, text in zip(("one.csv", "two.csv"), rows, strict=True):
        (tmp_path / name).write_text(text)
    content = yaml.safe_load(UNSURE.read_text())
    path = "levers.care.moves.survival"
    prior = {"without_money": (0.7, 0.84), "brings": (0.845, 0.93), "unlimited_money": (0.94, 0.975)}
    content["uncertain"] = [{"path": f"{path}.{name}", "low": a, "high": b} for name, (a, b) in prior.items()]
    firm = Firm.of(content)
    [both] = firm.learn(tmp_path / "one.csv", tmp_path / "two.csv").drawn
    first = firm.learn(tmp_path / "one.csv").content
    [after] = Firm.of(first).learn(tmp_path / "two.csv").drawn
    alone = [{**each, "correlated": {}} for each in first["uncertain"]]
    [apart] = Firm.of({**first, "uncertain": alone}).learn(tmp_path / "two.csv").drawn
    money = both.money[:40]
    wide = both.band[1] - both.band[0]
    off = [
        max(float(np.abs((np.interp(money, each.money, side) - both.band[i][:40]) / wide[:40]).max())
            for i, side in enumerate(each.band))
        for each in (after, apart)
    ]  # fmt: skip
    assert off[0] < 0.15, off
    assert off[1] > 1.5 * off[0], off


def test_correlations_of_draws_are_stated_so_that_all_hold() -> None:
    random = np.random.default_rng(2)
    one, two = random.standard_normal((2, 3000))
    told = {"x": one, "y": np.exp(one + 0.1 * two), "z": one - two, "w": two}
    ranges = {name: {"path": name, "low": 0.0, "high": 1.0} for name in told} | {
        "old": {"path": "old", "low": 0.0, "high": 1.0, "correlated": {"x": 0.5, "elsewhere": 0.2}},
    }
    correlate(ranges, told)
    assert ranges["old"]["correlated"] == {"elsewhere": 0.2}
    assert ranges["y"]["correlated"]["x"] == pytest.approx(1 / np.sqrt(1.01), abs=0.02)
    assert ranges["z"]["correlated"]["x"] == pytest.approx(1 / np.sqrt(2), abs=0.05)
    kept = tuple(Uncertain.model_validate(ranges[name]) for name in told)
    assert np.linalg.eigvalsh(Joint.of(dict.fromkeys(told, 0.5), kept).correlation)[0] > 0


def test_numbers_told_by_their_ratio_alone_keep_it() -> None:
    """Two over eight orders of magnitude each, a third weakly with both: worlds have the ratio that the draws have."""
    random = np.random.default_rng(5)
    size, share, third = random.standard_normal((3, 2000))
    log = {"s": 4.2 * size, "beta": 4.2 * size - 4.0 + 0.08 * share, "r": third - 0.1 * size}
    told = {name: np.exp(each) for name, each in log.items()}
    ranges = {
        name: dict(zip(("low", "high"), np.quantile(each, (0.025, 0.975)).tolist(), strict=True))
        | {"path": name, "law": "normal"}
        for name, each in told.items()
    }
    correlate(ranges, told)
    kept = tuple(Uncertain.model_validate(ranges[name]) for name in told)
    worlds = Joint.of({name: float(np.median(each)) for name, each in told.items()}, kept).worlds(400, 0)
    ratio = np.log([world["s"] / world["beta"] for world in worlds])
    assert ratio.mean() == pytest.approx(4.0, abs=0.02)
    assert 0.06 < ratio.std() < 0.11
