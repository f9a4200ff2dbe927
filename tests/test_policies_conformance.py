"""The conformance check passes what the catalogue has, and catches each way to be no policy."""

import copy
import random
import threading
import time
from typing import Any, ClassVar

import numpy as np
import pytest
from markets import SMALL

from policies.catalogue import makers, names
from policies.conformance import BUDGETS, MARKET, check_policy
from policies.planned import Planned
from sim.contract import Allocation, Observation
from sim.errors import PolicyError
from sim.scenario.file import load, parse
from sim.twin import Twin, build


@pytest.fixture(scope="module")
def small() -> Twin:
    return build(load(SMALL))


SEARCHING = ("rolling horizon", "tuned")
"""Policies that take their time."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SEARCHING else name for name in names()]
)
def test_every_policy_of_the_catalogue_conforms(name: str, small: Twin) -> None:
    check_policy(makers()[name])
    check_policy(makers()[name], small)


def test_every_policy_is_called_what_it_is_asked_for(small: Twin) -> None:
    assert [make(small, 1.0).name for make in makers().values()] == list(names())


def test_objects_conform_too(small: Twin) -> None:
    """A plan; and one that remembers what it saw, in itself, and draws from a generator of its own."""
    check_policy(Planned(np.tile(small.targets.reference, (6, 1, 1, 1))), small)
    check_policy(Remembering(), small)


class Base:
    name = "a policy"

    def __init__(self, *made_for: Any) -> None:
        """Take what a maker gets, or nothing."""

    def decide(self, observation: Observation) -> Any:
        return Allocation.within(observation.targets.reference, observation)


class Remembering(Base):
    def __init__(self, *made_for: Any) -> None:
        self.seen: list[float] = []
        self.luck = np.random.default_rng(1)

    def decide(self, observation: Observation) -> Any:
        self.seen.append(float(observation.customers.sum()))
        return Allocation.within(observation.targets.reference * self.luck.random() * len(self.seen), observation)


class Nameless(Base):
    name = None  # type: ignore[assignment]


class Blank(Base):
    name = " "


class Silent(Base):
    def decide(self, observation: Observation) -> Any:
        return None


class BareArray(Base):
    def decide(self, observation: Observation) -> Any:
        return observation.targets.reference


class OneNumber(Base):
    def decide(self, observation: Observation) -> Any:
        return Allocation(np.zeros(3))


class Negative(Base):
    def decide(self, observation: Observation) -> Any:
        return Allocation(np.where(observation.targets.allowed, -1.0, 0.0))


class Nowhere(Base):
    def decide(self, observation: Observation) -> Any:
        return Allocation(np.full(observation.targets.shape, 1e-9))


class Unscaled(Base):
    def decide(self, observation: Observation) -> Any:
        return Allocation(observation.targets.reference)


class OverACap(Base):
    """Puts the month's money on one lever, whatever its cap."""

    def decide(self, observation: Observation) -> Any:
        offers = np.zeros(observation.targets.shape)
        offers[:, :, observation.targets.levers.index("offers")] = observation.targets.allowed[:, :, 1]
        heads = (offers * observation.customers[:, :, None]).sum()
        return Allocation(offers * min(observation.available, 1e6) / max(heads, 1))


class Writing(Base):
    def decide(self, observation: Observation) -> Any:
        observation.customers[:] = 0
        return super().decide(observation)


class Forcing(Base):
    def decide(self, observation: Observation) -> Any:
        decided = super().decide(observation)
        observation.targets.reference.flags.writeable = True
        observation.targets.reference[:] *= 2
        return decided


class Replacing(Base):
    def decide(self, observation: Observation) -> Any:
        decided = super().decide(observation)
        object.__setattr__(observation, "available", 1e12)
        return decided


class Drawing(Base):
    def decide(self, observation: Observation) -> Any:
        return Allocation.within(observation.targets.reference * random.random(), observation)


class Clocked(Base):
    def decide(self, observation: Observation) -> Any:
        return Allocation.within(observation.targets.reference / (1 + time.perf_counter()), observation)


class SharedMemory(Base):
    seen: ClassVar[list[int]] = []

    def decide(self, observation: Observation) -> Any:
        self.seen.append(1)
        return Allocation.within(observation.targets.reference / len(self.seen), observation)


class CopiedAsItself(Remembering):
    def __deepcopy__(self, memo: Any) -> Any:
        return self


class Learning(Base):
    """Knows at the start of a run how the last one ended."""

    last: ClassVar[list[float]] = [0.0]

    def decide(self, observation: Observation) -> Any:
        factor = 1 / (1 + self.last[0])
        if observation.period == observation.periods - 1:
            self.last[0] += 1
            factor = 0.0
        return Allocation.within(observation.targets.reference * factor, observation)


class Locked(Base):
    def __init__(self, *made_for: Any) -> None:
        self.lock = threading.Lock()


class Opening(Base):
    """Can be copied at first, and no more once it has begun."""

    def decide(self, observation: Observation) -> Any:
        self.rows = (row for row in range(3))
        return super().decide(observation)


class Stumbling(Base):
    def decide(self, observation: Observation) -> Any:
        assert [0, 1, 2][observation.period] >= 0
        return super().decide(observation)


BROKEN = {
    Nameless: r"Nameless: expected a name, got None",
    Blank: r"Blank: expected a name, got ' '",
    Silent: r"period 0: expected an Allocation with an array of intensities, got NoneType",
    BareArray: r"expected an Allocation .* got ndarray",
    OneNumber: r"intensity has shape \(3,\), expected \(2, 7, 4\)",
    Negative: r"intensity -1 is not a number of at least 0",
    Nowhere: r"is not among the lever's targets",
    Unscaled: r"asks for .* where .* is left; spend at most what the observation allows",
    OverACap: r"lever 'offers': asks for .* is left",
    Writing: r"period 0: decide raises ValueError: .*read-only; what it sees cannot be changed: change a copy",
    Forcing: r"period 0: decide changes the observation's reference; change a copy of it",
    Replacing: r"period 0: decide changes the observation's available",
    Drawing: r"period 0: decides otherwise when asked the same again; it draws at random",
    Clocked: r"decides otherwise when asked the same again",
    SharedMemory: r"copies of it share something",
    CopiedAsItself: r"decides otherwise when asked the same again",
    Learning: r"decides otherwise when the same market is run again; it keeps something outside itself",
    Locked: r"copy.deepcopy of it before a run raises TypeError: cannot pickle '_thread.lock' object",
    Opening: r"copy.deepcopy of it in period 1 raises TypeError: cannot pickle 'generator' object",
    Stumbling: r"period 3: decide raises IndexError: list index out of range",
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("way", ["object", "maker"])
def test_what_is_wrong_is_said(broken: type[Base], way: str) -> None:
    """One clear line, whether an object or a maker is checked."""
    with pytest.raises(PolicyError, match=BROKEN[broken]) as caught:
        check_policy(broken() if way == "object" else broken)
    assert "\n" not in str(caught.value)


def test_the_broken_ones_are_broken_in_nothing_else() -> None:
    """What they have in common conforms."""
    check_policy(Base)
    check_policy(Base())


def test_a_maker_that_makes_none_is_told() -> None:
    """It returns nothing, or the class; it fails; it cannot be called; it counts the policies it made."""
    made = []

    def counting(twin: Twin, budget: float) -> Planned:
        made.append(1)
        return Planned(np.tile(twin.targets.reference / len(made), (6, 1, 1, 1)))

    class Unready:
        name = "unready"

        def decide(self, observation: Observation) -> Allocation:
            raise AssertionError

    def nothing(twin: Twin, budget: float) -> Any:
        return None

    def failing(twin: Twin, budget: float) -> Any:
        return 1 / 0

    for make, expected in (
        (nothing, r"nothing: expected to get a policy, an object with a name and decide, got None"),
        (lambda twin, budget: Base, r"expected to get a policy, .* got <class"),
        (failing, r"failing: make\(twin, budget\) raises ZeroDivisionError"),
        (Unready, r"Unready: make\(twin, budget\) raises TypeError"),
        (counting, r"decides otherwise when the same market is run again"),
        ("even split", r"'even split': make\(twin, budget\) raises TypeError"),
    ):
        with pytest.raises(PolicyError, match=expected):
            check_policy(make)  # type: ignore[arg-type]


def test_a_policy_that_needs_a_certain_firm_is_checked_on_it(small: Twin) -> None:
    """It fails on the small market and conforms on the one it is for."""

    class Developing(Base):
        def decide(self, observation: Observation) -> Any:
            assert "development" in observation.targets.levers
            return super().decide(observation)

    check_policy(Developing, small)
    with pytest.raises(PolicyError, match="period 0: decide raises AssertionError"):
        check_policy(Developing)


def test_the_market_shows_what_policies_stumble_over() -> None:
    """Every stage, a lever with lead time and one with a cap; money enough, too little, and none."""
    twin = build(parse(copy.deepcopy(MARKET)))
    assert twin.targets.stages == ("unaware", "prospect", "new", "developing", "core", "declining", "lapsed")
    assert max(twin.targets.lead) == 1
    assert twin.scenario.rules.levers["offers"].cap < 1
    assert min(BUDGETS) == 0
