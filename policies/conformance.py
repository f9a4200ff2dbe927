"""Checks that a policy can be compared: it keeps to the contract, and decides by what it sees and nothing else.

For those who write one::

    from policies.conformance import check_policy

    check_policy(KeepTheCore)  # or an object, or a maker and the twin of a firm of yours
"""

import copy
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from policies.catalogue import Maker, make_policy
from sim.arrays import Floats
from sim.contract import Allocation, Observation, Policy
from sim.errors import PolicyError, TenureError, first_line

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["check_policy"]

Result = TypeVar("Result")

TRAITS = {"purchase_rate": 1.2, "defection_rate": 0.1, "spend": 30.0}
CURVE = {"without_money": 0.01, "unlimited_money": 0.3, "spend": 1.0, "brings": 0.1}
MARKET: dict[str, Any] = {
    "name": "market to check policies on",
    "periods": 6,
    "margin": 0.4,
    "loss": 0.05,
    "stages": {"core": 3, "declining": 1, "lapsed": 2},
    "segments": {
        "homes": {"start": {"new": 300, "unaware": 200, "prospect": 200}, "traits": TRAITS},
        "offices": {"start": {"new": 100, "prospect": 100}, "traits": TRAITS},
    },
    "satisfaction": {"mix": [0.1, 0.2, 0.3, 0.3, 0.1], "defection_per_level": 0.2},
    "survey": {"every": 2},
    "levers": {
        "television": {"targets": ["unaware"], "reference": 0.5, "moves": {"awareness": CURVE}, "lead_time": 1},
        "offers": {"targets": ["prospect"], "reference": 1.0, "moves": {"acquisition": CURVE}},
        "service": {
            "targets": ["new", "developing", "core", "declining"],
            "reference": 0.5,
            "moves": {"survival": {"without_money": 0.8, "unlimited_money": 0.97, "spend": 0.5, "brings": 0.9}},
        },
        "winback": {"targets": ["lapsed"], "reference": 0.2, "moves": {"reactivation": CURVE}},
    },
    "rules": {"period_share": 0.3, "levers": {"offers": {"cap": 0.4}}},
}
"""Customers in every stage, surveys with gaps, a lever with lead time, one with a cap."""

EMPTY: dict[str, Any] = {
    **MARKET,
    "segments": {"homes": MARKET["segments"]["homes"], "offices": {"start": {"prospect": 0}, "traits": TRAITS}},
}
"""The same with nobody in a segment, from start to end."""

BUDGETS = (1e9, 3500.0, 100.0, 0.0)
"""Money over the horizon: more than anybody asks for, about what today's spend costs, too little, none."""


def check_policy(policy: Policy | Maker, twin: "Twin | None" = None) -> None:
    """Play a policy, or what a maker makes, on a small market, and say what is wrong with it.

    It must have a name, return an allocation within what each observation allows, leave the observation as it is, be
    copied with all that it remembers, and decide alike whenever it is asked the same from the same start.

    Parameters
    ----------
    policy
        An object with ``name`` and ``decide``, or a maker, ``make(twin, budget)``.
    twin
        Customers to play it on; None: a market of two segments and four levers over six months, and the same with
        nobody in one of the segments.

    Raises
    ------
    PolicyError
        With the first thing that is wrong.

    Examples
    --------
    >>> class Careless:
    ...     name = "careless"
    ...
    ...     def decide(self, observation):
    ...         return tenure.Allocation(9 * observation.targets.reference)
    >>> tenure.check_policy(Careless())
    Traceback (most recent call last):
    tenure.PolicyError: policy 'careless', period 0, ...: asks for more than is left; spend at most what ...
    """
    from sim.scenario.file import parse
    from sim.twin import build

    is_object = not isinstance(policy, type) and hasattr(policy, "decide")
    places = [build(parse(MARKET)), build(parse(EMPTY))] if twin is None else [twin]
    for where, budget in product(places, BUDGETS):
        made = [policy if is_object else _made(policy, where, budget) for _ in range(2)]
        first, second = (_play(each, where, budget) for each in made)
        for period, (one, other) in enumerate(zip(first, second, strict=True)):
            if not np.array_equal(one, other):
                raise PolicyError(
                    f"{_called(made[0])}, period {period}: decides otherwise when the same market is run again; "
                    "it keeps something outside itself between runs: keep it in the object, set in __init__"
                )


def _called(policy: Any) -> str:
    return f"policy '{policy.name}'"


def _made(make: Any, twin: "Twin", budget: float) -> Policy:
    what = getattr(make, "__qualname__", repr(make))
    return _tried(lambda: make_policy(make, twin, budget), f"{what}: make(twin, budget)")


def _play(policy: Any, twin: "Twin", budget: float) -> list[Floats]:
    """Return what a copy of a policy decides in each period of a market; raise where it breaks the contract."""
    from sim.market.clock import Market, budget_of

    if not isinstance(getattr(policy, "name", None), str) or not policy.name.strip():
        raise PolicyError(f"{type(policy).__name__}: expected a name, got {getattr(policy, 'name', None)!r}")
    watched = _Watched(_copied(policy, "before a run"))
    Market(twin, watched, twin.population(0, 0), budget_of(twin, budget)).run()
    return watched.decided


class _Watched:
    """Asks a policy, and a copy of it made just before, and looks at what each does."""

    def __init__(self, policy: Any) -> None:
        self.name = policy.name
        self.policy = policy
        self.decided: list[Floats] = []

    def decide(self, observation: Observation) -> Allocation:
        where = f"{_called(self.policy)}, period {observation.period}"
        twice = [_copied(self.policy, f"in period {observation.period}"), self.policy]
        one, other = (self._asked(each, observation, where) for each in twice)
        if not np.array_equal(one.intensity, other.intensity):
            raise PolicyError(
                f"{where}: decides otherwise when asked the same again; it draws at random, or copies of it share "
                "something: draw from a generator of its own, and keep what it remembers in the object, set in __init__"
            )
        self.decided.append(other.intensity)
        return other

    def _asked(self, policy: Any, observation: Observation, where: str) -> Allocation:
        """Return what is decided, checked; the observation must be as before."""
        shown = observation.copy()
        decided = _tried(lambda: policy.decide(shown), f"{where}: decide")
        changed = _changed(shown, observation)
        if changed:
            raise PolicyError(f"{where}: decide changes the observation's {changed}; change a copy of it")
        return Allocation.checked(decided, self.name, observation)


def _copied(policy: Any, when: str) -> Any:
    return _tried(lambda: copy.deepcopy(policy), f"{_called(policy)}: copy.deepcopy of it {when}")


def _tried(do: Callable[[], Result], what: str) -> Result:
    """Return what a call returns; errors of its own are told as the policy's."""
    try:
        return do()
    except TenureError:
        raise
    except Exception as error:
        hint = "; what it sees cannot be changed: change a copy" if "read-only" in str(error) else ""
        raise PolicyError(f"{what} raises {type(error).__name__}: {first_line(error)}{hint}") from error


def _changed(one: Observation, other: Observation) -> str:
    """Return the name of what differs between two observations; empty where nothing does."""
    for names, a, b in (
        (tuple(one.arrays()), one, other),
        (("allowed", "reference", "committed"), one.targets, other.targets),
        (("period", "periods", "available", "budget_left", "employees", "stretch_left", "stretch_periods"), one, other),
    ):
        for name in names:
            if not np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True):
                return name
    return ""
