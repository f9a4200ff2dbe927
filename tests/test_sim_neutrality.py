"""Neutral means neutral: under today's spend nothing drifts by itself, and what is said twice is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from markets import Content, Floats, small

from experiments.words.neutral import contradictions_in_words, drifts_in_words
from sim.contract import Allocation, Observation
from sim.engine.fluid import expected_history
from sim.history import History
from sim.market.clock import Market
from sim.neutrality import contradictions, drifts
from sim.scenario.file import parse
from sim.twin import Twin, build


def random_market(seed: int, people: float = 1000.0) -> Content:
    """Return customers who differ, with satisfaction, levers on everything, and now and then ties and inflows."""
    rng = np.random.default_rng(seed)
    mix = rng.uniform(0.5, 1.5, 5)

    def curve(low: float, today: float, high: float) -> Content:
        return {"without_money": low, "brings": today, "unlimited_money": high, "spend": 1.0}

    customers = ["new", "developing", "core", "declining"]
    segments: Content = {}
    for name in ("one", "two"):
        segments[name] = {
            "start": {"new": people, "prospect": people * float(rng.integers(0, 2))},
            "traits": {
                "purchase_rate": {"shape": float(rng.uniform(0.5, 2)), "rate": 2.0},
                "defection_rate": {"shape": float(rng.uniform(0.8, 3)), "rate": float(rng.uniform(25, 60))},
                "spend": 20.0,
            },
        }
        if rng.random() < 0.5:
            segments[name]["births"] = {"prospect": people / 50}
    content = small(
        periods=60,
        loss=float(rng.choice([0.0, 0.1])),
        law=str(rng.choice(["silent", "contractual", "renewal"])),
        stages={"core": 3, "declining": 2, "lapsed": 4},
        segments=segments,
        satisfaction={
            "mix": (mix / mix.sum()).tolist(),
            "mobility": float(rng.uniform(0.1, 0.6)),
            "defection_per_level": float(rng.uniform(0.1, 0.35)),
            "purchase_rate_per_level": 0.1,
        },
        levers={
            "care": {"targets": customers, "reference": 1.0, "moves": {"satisfaction": curve(0.0, 0.05, 0.1)}},
            "keep": {"targets": customers, "reference": 0.7, "moves": {"survival": curve(0.9, 0.95, 0.97)}},
            "win": {"targets": ["prospect"], "reference": 0.5, "moves": {"acquisition": curve(0.0, 0.1, 0.2)}},
            "winback": {"targets": ["lapsed"], "reference": 0.3, "moves": {"reactivation": curve(0.0, 0.1, 0.2)}},
        },
    )
    if content["law"] == "renewal":
        content["satisfaction"].pop("purchase_rate_per_level")
        for segment in content["segments"].values():
            segment["traits"]["purchase_rate"] = 1.0
    if rng.random() < 0.5:
        content["links"] = {
            "mix": [0.3, 0.4, 0.2, 0.1], "gain": 0.03, "turnover": 0.03, "follow": 0.5, "defection_per_link": 0.15,
        }  # fmt: skip
    return content


def today(twin: Twin) -> Floats:
    targets = twin.chain.targets
    return np.array(np.broadcast_to(targets.reference, (twin.chain.periods, *targets.shape)))


def in_the_mix(content: Content) -> float:
    return float(25 * np.array(content["satisfaction"]["mix"]) @ np.arange(5))


def means(history: History) -> Floats:
    """Return mean satisfaction of all true customers, by period."""
    heads = history.alive
    return np.asarray((np.nan_to_num(history.satisfaction) * heads).sum(axis=1) / heads.sum(axis=1))


@pytest.mark.parametrize("seed", range(12))
def test_satisfaction_stays_as_it_is_in_expectation(seed: int) -> None:
    """Sixty periods of today's spend, whoever leaves, is won or returns: each segment's mean is the mix's."""
    content = random_market(seed)
    twin = build(parse(content))
    history = expected_history(twin.chain, today(twin))
    assert history.alive[-1].sum() != pytest.approx(history.alive[0].sum(), rel=0.01)
    there = history.alive > 0
    np.testing.assert_allclose(history.satisfaction[there], in_the_mix(content), rtol=0, atol=1e-9)
    assert [each.of for each in drifts(twin) if each.of == "satisfaction"] == []


class Today:
    """Spends as today."""

    name = "today"

    def decide(self, observation: Observation) -> Allocation:
        """Return the allocation."""
        return Allocation.within(observation.targets.reference, observation)


@pytest.mark.parametrize("seed", [3, 8])
def test_satisfaction_stays_as_it_is_customer_by_customer(seed: int) -> None:
    """With traits of their own agents' mean stays within 4.5 standard errors of the mix's, in every period."""
    content = {**random_market(seed, people=20_000), "periods": 24}
    twin = build(parse(content))
    history = Market(twin, Today(), twin.population(1, 0, "individual"), seed=1, replication=0).run()
    mix = np.array(content["satisfaction"]["mix"])
    spread = 25 * np.sqrt(mix @ np.arange(5) ** 2 - (mix @ np.arange(5)) ** 2)
    error = spread / np.sqrt(history.alive.sum(axis=1))
    assert (np.abs(means(history) - in_the_mix(content)) < 4.5 * error).all()
    assert error.max() < 0.35


def drifting(**changes: Any) -> Content:
    content = random_market(0)
    content.pop("links", None)
    content["segments"].pop("two")
    content["satisfaction"] = {
        "mix": [0.1, 0.2, 0.3, 0.3, 0.1], "mobility": 0.2, "defection_per_level": 0.3, **changes,
    }  # fmt: skip
    return {**content, "law": "silent"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mobility": 0.0}, "nobody reconsiders (mobility 0)"),
        ({"entry": 1}, "who enters does so at 0 points"),
        ({"mix": [0.3, 0.0, 0.0, 0.4, 0.3]}, "next to no share in the mix"),
    ],
)
def test_a_drift_is_reported_with_what_brings_it(changes: Content, why: str) -> None:
    """In points over the horizon, those that the market shows; and why."""
    content = drifting(**changes)
    if "entry" in changes:
        content["segments"]["one"]["births"] = {"prospect": 50}
    scenario = parse(content)
    twin = build(scenario)
    shown = means(expected_history(twin.chain, today(twin)))
    (found,) = drifts(twin)
    assert (found.of, found.segment) == ("satisfaction", "one")
    assert (found.start, found.end) == pytest.approx((shown[0], shown[-1]))
    assert abs(found.end - found.start) > 0.05
    (said,) = drifts_in_words(scenario, [found])
    assert why in said
    assert f"from {found.start:.1f} to {found.end:.1f} points" in said


def test_what_comes_from_outside_is_no_drift() -> None:
    """Rivals, shocks, employees and value to the customer move satisfaction; by itself it stays."""
    content = drifting()
    content["shocks"] = [{"name": "queues", "start": 0, "route": "satisfaction", "size": -0.05}]
    content["employees"] = {"usual": 50, "start": 60}
    content["segments"]["one"]["value_to_customer"] = {"gain": 9, "cost": 2, "usual": 5, "bring": 0.01}
    twin = build(parse(content))
    shown = means(expected_history(twin.chain, today(twin)))
    assert abs(shown[-1] - shown[0]) > 1
    assert drifts(twin) == []


def test_ties_that_drift_are_reported() -> None:
    """They come and go at stated chances, whatever the mix."""
    content = drifting()
    content["links"] = {"mix": [0, 0, 0, 1], "turnover": 0.05, "defection_per_link": 0.1}
    scenario = parse(content)
    (found,) = drifts(build(scenario))
    assert (found.of, found.start) == ("ties", pytest.approx(3))
    assert found.end < 2
    assert f"from 3.00 to {found.end:.2f} a customer" in drifts_in_words(scenario, [found])[0]


def two_numbers(law: str, defection: Any, curve: float) -> Content:
    keep = {
        "targets": ["new", "developing", "core"], "reference": 2.0,
        "moves": {"survival": {"without_money": 0.2, "unlimited_money": 0.995, "spend": 2.0, "brings": curve}},
    }  # fmt: skip
    content = small(law=law, levers={"keep": keep})
    content["segments"]["all"]["traits"].update(defection_rate=defection, purchase_rate=1.0)
    return content


@pytest.mark.parametrize("law", ["silent", "contractual", "renewal"])
def test_a_curve_and_traits_that_contradict_are_both_named(law: str) -> None:
    """70 % by the curve beside 80 % by traits; what agrees within half a per cent is not told."""
    for defection in (-float(np.log(0.8)), {"shape": 1.0, "rate": 4.0}):
        scenario = parse(two_numbers(law, defection, 0.7))
        (found,) = contradictions(build(scenario))
        assert (found.lever, found.segment) == ("keep", "all")
        assert (found.curve, found.traits) == pytest.approx((0.7, 0.8))
        (said,) = contradictions_in_words(scenario, [found])
        assert "“all” 70 % by the curve, 80 % by traits" in said
        assert "The traits act" in said
        assert contradictions(build(parse(two_numbers(law, defection, 0.797)))) == []


def test_reach_and_a_segments_own_curve_count() -> None:
    """What is compared is what acts at the reference: with reach, with the segment's own reference and curve."""
    content = two_numbers("silent", -float(np.log(0.8)), 0.8)
    content["levers"]["keep"]["reach"] = 0.5
    (found,) = contradictions(build(parse(content)))
    assert found.curve == pytest.approx(0.5 * 0.8 + 0.5 * 0.2)
    content = two_numbers("silent", -float(np.log(0.8)), 0.8)
    own = {"survival": {"without_money": 0.2, "unlimited_money": 0.9, "spend": 1.0, "brings": 0.6}}
    content["levers"]["keep"]["by_segment"] = {"all": {"reference": 1.0, "moves": own}}
    (found,) = contradictions(build(parse(content)))
    assert found.curve == pytest.approx(0.6)


def test_check_tells_both(tmp_path: Path, tenure: Callable[..., tuple[int, str, str]]) -> None:
    """In words and as JSON."""
    content = drifting(mobility=0.0)
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    code, out, err = tenure("check", str(path))
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    assert "Satisfaction drifts by itself" in text
    assert "% by the curve" in text
    code, out, _ = tenure("check", str(path), "--json")
    found = json.loads(out)
    assert [(each["of"], each["segment"]) for each in found["drifts"]] == [("satisfaction", "one")]
    (twice,) = found["contradictions"]
    assert (twice["lever"], twice["acts"]) == ("keep", "traits")
    law = content["segments"]["one"]["traits"]["defection_rate"]
    assert twice["curve"] == pytest.approx(0.97 - 0.07 * (2 / 7) ** 0.7)
    assert twice["traits"] == pytest.approx((law["rate"] / (law["rate"] + 1)) ** law["shape"])
