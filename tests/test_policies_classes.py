"""Rules for classes: each class by hand, whatever its segment is called, and as the base defines it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from markets import SMALL
from observations import observation_of

from policies.catalogue import named
from sim.contract import Observation
from sim.scenario.customers import BASE_SEGMENTS, Base, BaseSegments
from sim.scenario.file import load, parse
from sim.twin import Twin, build

CELLS = [(cycle, amount) for cycle in (1.0, 2.0, 4.0) for amount in (90.0, 30.0, 10.0)]
"""Periods between purchases and money for one, of nine groups: short to long, and in each large to small."""
CLASSES = (
    "platinum", "gold", "silver C",
    "gold", "silver B", "develop",
    "silver A", "develop", "optimise",
)  # fmt: skip
"""What the nine are, as MODEL.md has the table."""
WEIGHTS = dict(zip(BASE_SEGMENTS, (2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0), strict=True))
BY_CLASS = ", ".join(f"{name.replace(' ', '_').lower()}={weight}" for name, weight in WEIGHTS.items())


def groups(*names: str) -> Twin:
    """Return a market with the same customers in each of some segments, who are asked how satisfied they are."""
    content = load(SMALL).model_dump(exclude_unset=True)
    content["segments"] = dict.fromkeys(names, content["segments"]["regulars"])
    content["satisfaction"], content["survey"] = {"mix": [0.2] * 5, "defection_per_level": 0.1}, {"every": 2}
    return build(parse(content))


@pytest.fixture(scope="module")
def four() -> Twin:
    return groups("one", "two", "three", "four")


@pytest.fixture(scope="module")
def nine() -> Twin:
    """Return nine groups, of which some have the names of classes that they are not."""
    return groups("optimise", "gold", "c", "platinum", "e", "develop", "g", "silver A", "i")


def seen(twin: Twin, **by_group: Any) -> Observation:
    """Return what is seen where a hundred core customers are in each group, with what is known of them."""
    core = twin.targets.stages.index("core")
    heads = np.zeros(twin.targets.shape[:2])
    heads[:, core] = 100
    known: dict[str, Any] = {}
    for name, value in by_group.items():
        known[name] = np.full(heads.shape, np.nan) if name == "satisfaction" else np.zeros(heads.shape)
        known[name][:, core] = value
    return observation_of(twin.targets, **{"periods": 10, "customers": heads, **known})


def moving(twin: Twin, before: str, after: str, number: list[float]) -> np.ndarray:
    """Return who moved from one stage to another, by group, beside 100 who stay core."""
    stages = twin.targets.stages
    moves = np.zeros((*twin.targets.shape[:2], len(stages)))
    moves[:, stages.index("core"), stages.index("core")] = 100
    moves[:, stages.index(before), stages.index(after)] = number
    return moves


def money(name: str, twin: Twin, observation: Observation) -> np.ndarray:
    """Return what each group gets."""
    return np.asarray(named(name, twin, 1e9).decide(observation).spend(observation).sum(axis=(1, 2)))


def others(name: str, twin: Twin) -> dict[str, Any]:
    """Return the other side of a matrix of four groups: good, bad, bad, good."""
    spend = np.zeros(twin.targets.shape)
    spend[:, twin.targets.stages.index("core"), 0] = [5, 50, 20, 2]
    return {
        "service matrix": {"satisfaction": [80, 40, 40, 80]},
        "loyalty matrix": {"moves": moving(twin, "core", "declining", [1, 30, 30, 1])},
        "response matrix": {"purchases": [10, 10, 4, 4], "last_spend": spend},
        "function matrix": {"moves": moving(twin, "prospect", "new", [30, 1, 1, 30])},
    }[name]


MATRICES = {
    "service matrix": ("golden", "at_risk", "marginal", "over_serviced"),
    "loyalty matrix": ("loyal_high", "leaving_high", "leaving_low", "loyal_low"),
    "response matrix": ("best", "odd_couples", "ghosts", "fatal_attraction"),
    "function matrix": ("high_performing", "selling", "low_performing", "networking"),
}
"""Classes of groups of much revenue, much, little and little, whose other side is good, bad, bad and good."""


def observed(name: str, twin: Twin, **changes: Any) -> Observation:
    """Return what makes four groups one of each class of a matrix."""
    known = {"revenue": [900, 900, 100, 100], **others(name, twin), **changes}
    whole = {key: value for key, value in known.items() if isinstance(value, np.ndarray)}
    part = {key: value for key, value in known.items() if key not in whole}
    return replace(seen(twin, **part), **whole)


@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_weighs_each_of_its_classes(name: str, four: Twin) -> None:
    """Four groups, one of each class, with equal claims: money in the ratios of the weights that are stated."""
    stated = ", ".join(f"{key}={weight}" for key, weight in zip(MATRICES[name], (2.0, 3.0, 5.0, 7.0), strict=True))
    got = money(f"{name}({stated})", four, observed(name, four))
    np.testing.assert_allclose(17 * got / got.sum(), [2, 3, 5, 7])


@pytest.mark.parametrize("name", MATRICES)
def test_half_a_matrix_is_as_today(name: str, four: Twin) -> None:
    """With value alone, or the other side alone, nobody is weighed."""
    for observation in (seen(four, revenue=[900, 900, 100, 100]), observed(name, four, revenue=[0] * 4)):
        got = money(name, four, observation)
        np.testing.assert_allclose(4 * got / got.sum(), 1)


@pytest.mark.parametrize("name", MATRICES)
def test_classes_depend_neither_on_order_and_currency_nor_on_how_many_there_are(name: str, four: Twin) -> None:
    """Groups the other way round, money in cents; then up to 20 times the customers, who do as much each."""
    one = observed(name, four)
    turned = {key: value[::-1] for key, value in one.arrays().items() if not key.startswith("lever_")}
    cents = {key: 100 * turned[key] for key in ("revenue", "last_spend")}
    other = replace(one, **{**turned, **cents})
    np.testing.assert_allclose(money(name, four, other), money(name, four, one)[::-1])
    times = np.array([1.0, 1.0, 10.0, 20.0])
    counted = ("customers", "purchases", "revenue", "moves", "last_spend")
    more = replace(one, **{key: (one.arrays()[key].T * times).T for key in counted})
    got, expected = money(name, four, more), times * money(name, four, one)
    np.testing.assert_allclose(got / got.sum(), expected / expected.sum())


def bought(twin: Twin) -> Observation:
    """Return nine groups that buy as CELLS say."""
    purchases = np.array([100 / cycle for cycle, _ in CELLS])
    return seen(twin, purchases=purchases, revenue=purchases * [amount for _, amount in CELLS])


def test_cycle_and_amount_goes_by_what_is_bought_and_not_by_names(nine: Twin) -> None:
    got = money(f"cycle and amount({BY_CLASS})", nine, bought(nine))
    expected = np.array([WEIGHTS[each] for each in CLASSES])
    np.testing.assert_allclose(got / got.sum(), expected / expected.sum())
    assert named("cycle and amount", nine, 1.0).feedback  # type: ignore[attr-defined]


def test_who_bought_nothing_has_no_class(nine: Twin) -> None:
    """Its money is today's; the thirds are of the others."""
    known = bought(nine)
    nothing = np.ones((9, 1))
    nothing[4] = 0
    got = money(f"cycle and amount({BY_CLASS})", nine, replace(
        known, purchases=known.purchases * nothing, revenue=known.revenue * nothing))  # fmt: skip
    np.testing.assert_allclose(got / got[0], [{4: 1.0}.get(i, WEIGHTS[each]) / 2 for i, each in enumerate(CLASSES)])
    alike = money("cycle and amount", nine, seen(nine))
    np.testing.assert_allclose(alike, alike[0])


def with_base(twin: Twin, **of_base: Any) -> Twin:
    """Return a market as if some of its segments came from a base with cut-offs between the cells."""
    weeks = 365.25 / 12 / 7
    given = {"cycle_cutoffs": (1.5 * weeks, 3 * weeks), "amount_cutoffs": (20.0, 50.0), "segments": None, **of_base}
    return replace(twin, scenario=twin.scenario.model_copy(update={"base": Base.model_construct(**given)}))


def test_segments_of_a_base_are_what_it_defines_them_to_be(nine: Twin) -> None:
    """Five have a class by name; the others are placed by the base's cut-offs, the firm's own segments all are."""
    own = BaseSegments(by="value", names=("gold", "platinum"), cutoffs=(100.0,))
    for twin, classes in (
        (with_base(nine), ["optimise", "gold", "silver C", "platinum", "silver B", "develop", "silver A", "silver A",
                           "optimise"]),
        (with_base(nine, segments=own), list(CLASSES)),
        (with_base(nine, segments=own, amount_cutoffs=(5.0, 100.0)), 3 * ["gold"] + 3 * ["silver B"] + 3 * ["develop"]),
    ):  # fmt: skip
        got = money(f"cycle and amount({BY_CLASS})", twin, bought(twin))
        expected = np.array([WEIGHTS[each] for each in classes])
        np.testing.assert_allclose(got / got.sum(), expected / expected.sum())
        assert named("cycle and amount", twin, 1.0).feedback  # type: ignore[attr-defined]


def test_where_every_class_is_known_nothing_is_reacted_to() -> None:
    """All segments of a base, in the first period and whatever is bought: set in advance."""
    twin = with_base(groups(*BASE_SEGMENTS))
    policy = named(f"cycle and amount({BY_CLASS})", twin, 1e9)
    assert not policy.feedback  # type: ignore[attr-defined]
    for observation in (seen(twin), seen(twin, purchases=range(7), revenue=range(7, 0, -1))):
        got = policy.decide(observation).spend(observation).sum(axis=(1, 2))
        np.testing.assert_allclose(got / got[0], np.array(list(WEIGHTS.values())) / 2)
