"""The key of a run is a proof: the same key, the same bits; anything that moves a figure gives another."""

import functools
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studies import TRACKED, study_of

from experiments.compare import Comparison, Outcome, compare
from experiments.fingerprints import policy_digest
from experiments.tracking.content import running_code
from experiments.tracking.keys import unit_key
from policies.catalogue import named, names
from policies.fixed import AsToday, NoSpend
from policies.planned import Planned
from sim.arrays import Floats
from sim.contract import Allocation, Observation
from sim.scenario.file import parse
from sim.twin import Twin, build

GIVEN: dict[str, Any] = {
    "scenario_hash": "a", "policies": ("r", "p"), "budget": 100.0, "seed": 0, "replications": 3,
    "traits": "individual", "proof": [("plan/bound", 1.0, 0)], "code": "1",
}  # fmt: skip
OTHER: dict[str, Any] = {
    "scenario_hash": "b", "policies": ("r", "q"), "budget": np.nextafter(100.0, 101.0), "seed": 1, "replications": 4,
    "traits": "classes", "proof": [("plan/bound", 1.1, 0)], "code": "2",
}  # fmt: skip


@pytest.fixture(scope="module")
def twin() -> Twin:
    return build(parse(TRACKED))


def money(twin: Twin) -> Floats:
    return np.tile(np.where(twin.targets.allowed, 0.5, 0.0), (5, 1, 1, 1))


def key_of(twin: Twin, comparison: Comparison, name: str) -> str:
    contents = comparison.outcomes[0].content, comparison[name].content
    return unit_key(
        twin.scenario.hash, contents, budget=comparison.budget, seed=comparison.seed,
        replications=comparison.replications, traits=comparison.traits,
    )  # fmt: skip


def bits_of(outcome: Outcome) -> tuple[bytes, ...]:
    arrays = (outcome.assets, outcome.kept, outcome.spends, outcome.history.spend, outcome.history.revenue)
    return *(array.tobytes() for array in arrays), np.array([outcome.difference, outcome.low, outcome.high]).tobytes()


def test_every_ingredient_makes_another_key() -> None:
    keys = [unit_key(**GIVEN), *(unit_key(**{**GIVEN, name: value}) for name, value in OTHER.items())]
    assert len(set(keys)) == len(keys) == 1 + len(GIVEN)
    assert unit_key(**GIVEN) == unit_key(**GIVEN)
    assert unit_key(**{**GIVEN, "policies": ("p", "r")}) != unit_key(**GIVEN), "what it is measured against"
    assert unit_key(**{**GIVEN, "code": None}) == unit_key(**{**GIVEN, "code": running_code()})
    assert "numpy" in running_code()


def test_the_same_key_has_the_same_bits_whatever_the_names(twin: Twin) -> None:
    """Names of policies, other policies beside and the number of threads are not in the key and move nothing."""
    one = compare(twin, [AsToday(), Planned(money(twin))], 900.0, replications=2, threads=1)
    plans = [NoSpend("another"), Planned(money(twin), "renamed")]
    two = compare(twin, [AsToday("today"), *plans], 900.0, replications=2, threads=2)
    assert key_of(twin, one, "plan") == key_of(twin, two, "renamed")
    assert bits_of(one["plan"]) == bits_of(two["renamed"])


def test_what_moves_bits_moves_the_key(twin: Twin) -> None:
    plan = Planned(money(twin))
    first = compare(twin, [AsToday(), plan], 900.0, replications=2)
    changed = replace(plan, intensity=plan.intensity * np.array([2, 1, 1, 1, 1.0]).reshape(5, 1, 1, 1))
    others = [
        (twin, compare(twin, [AsToday(), changed], 900.0, replications=2)),
        (twin, compare(twin, [AsToday(), plan], 300.0, replications=2)),
        (twin, compare(twin, [AsToday(), plan], 900.0, replications=2, seed=1)),
        (twin, compare(twin, [AsToday(), plan], 900.0, replications=3)),
        (twin, compare(twin, [AsToday(), plan], 900.0, replications=2, traits="classes")),
        (twin, compare(twin, [NoSpend(), plan], 900.0, replications=2)),
        (other := build(parse({**TRACKED, "margin": 0.5})), compare(other, [AsToday(), plan], 900.0, replications=2)),
    ]
    keys = {key_of(where, found, "plan") for where, found in others}
    assert len(keys | {key_of(twin, first, "plan")}) == 1 + len(others)
    assert all(bits_of(found["plan"]) != bits_of(first["plan"]) for _, found in others)


def test_every_policy_of_the_catalogue_is_told_apart(twin: Twin) -> None:
    digests = [policy_digest(named(name, twin, budget)) for name in names() for budget in (100.0, 200.0)]
    assert digests == [policy_digest(named(name, twin, budget)) for name in names() for budget in (100.0, 200.0)]
    assert len(set(digests[::2])) == len(names())
    assert digests[4] != digests[5], "the same rule for other money"


@dataclass
class Own:
    """A policy of one's own, with all kinds of things in it."""

    name: str = "own"
    parts: dict[str, Any] = field(default_factory=dict)

    def decide(self, observation: Observation) -> Allocation:
        return Allocation(np.zeros(observation.targets.shape))


def test_what_a_policy_holds_is_read_to_the_bits(twin: Twin) -> None:
    held: list[Any] = [
        1, 1.0, "1", True, None, b"1", [1], (1,), {1}, {"a": 1}, {"a": [1, 2]}, np.ones(2), np.ones((2, 1)),
        np.ones(2, dtype=np.float32), np.nextafter(np.ones(2), 2), np.float64(1), Own, Own(),
        [Own(), Own(parts={"x": 1})],
        functools.partial(max, 1), functools.partial(max, 2), np.random.default_rng(1), np.random.default_rng(2), twin,
        build(parse({**TRACKED, "margin": 0.5})), lambda x: x, Own().decide,
    ]  # fmt: skip
    digests = [policy_digest(Own(parts={"held": each})) for each in held]
    assert digests == [policy_digest(Own("by another name", {"held": each})) for each in held]
    assert len(set(digests)) == len(digests)


def test_a_policy_in_a_file_is_its_text_wherever_it_lies(twin: Twin, tmp_path: Path) -> None:
    text = (
        "from policies.catalogue import policy\nfrom policies.fixed import AsToday\n"
        "@policy('mine')\nclass Mine(AsToday):\n    def __init__(self, twin, budget): super().__init__('mine')\n"
    )
    digests = []
    for name, content in (("a.py", text), ("b.py", text), ("c.py", text + "# another\n")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        digests.append(policy_digest(named(f"{tmp_path / name}:mine", twin, 1.0)))
        sys.modules["policies.catalogue"]._makers.pop("mine")
    assert digests[0] == digests[1] != digests[2]


def test_sets_and_circles_are_read(twin: Twin) -> None:
    assert policy_digest(Own(parts={"x": {"a", "b"}})) == policy_digest(Own(parts={"x": {"b", "a"}}))
    round_: list[Any] = [1]
    round_.append(round_)
    assert policy_digest(Own(parts={"x": round_})) == policy_digest(Own(parts={"x": round_}))


def test_what_cannot_be_read_is_never_the_same() -> None:
    unread = Own(parts={"x": (each for each in (1, 2))})
    assert policy_digest(unread) != policy_digest(unread)


def test_a_study_logs_keys_of_its_own_content() -> None:
    """The same study twice has the same contents; they are there for every policy."""
    one, two = study_of(TRACKED, seed=7), study_of(TRACKED, seed=7)
    contents = [outcome.content for outcome in one.comparison.outcomes]
    assert contents == [outcome.content for outcome in two.comparison.outcomes]
    assert all(len(content) == 64 for content in contents)
