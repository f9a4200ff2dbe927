"""Another policy with its parameters chosen in simulation, on markets that no comparison draws by accident."""

from typing import TYPE_CHECKING, Any

import numpy as np

from policies.catalogue import entries, found, make_policy, plain_name, states_money
from policies.catalogue import policy as register
from sim.contract import Allocation, Observation, Policy
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["Tuned", "tuned"]

FACTORS = (0.5, 2.0)
"""By which a parameter is tried smaller and larger, each from the best so far."""
ROUNDS = 2
USUAL = "best customers first"
SEED = 2_654_435_761
"""Of the markets that are tuned on: a comparison's seeds are other ones unless this one is asked for."""


class Tuned:
    """A policy with the parameters found for it.

    Attributes
    ----------
    policy : Policy
    parameters : dict
    """

    name = "tuned"

    def __init__(self, policy: Policy, parameters: dict[str, Any]) -> None:
        self.policy, self.parameters = policy, parameters
        self.feedback = getattr(policy, "feedback", True)

    def decide(self, observation: Observation) -> Allocation:
        """Return what the policy decides."""
        return self.policy.decide(observation)


def _states_money(policy: str = USUAL, **_: Any) -> bool:
    return states_money(found(policy))


@register("tuned", states_money=_states_money)
def tuned(twin: "Twin", budget: float, policy: str = USUAL, replications: int = 3) -> Tuned:
    """Another policy whose numbers were tried smaller and larger on common random numbers, one after another.

    ``policy``: which; ``replications``: markets by trial, the same for all trials. Their seed is one of its own: a
    comparison judges the choice on markets it was not made on.
    """
    own = {entry.name: entry.parameters for entry in entries()}
    name = plain_name(policy)
    if name == "tuned" or not any(isinstance(each, float) and each > 0 for each in own.get(name, {}).values()):
        able = [key for key, each in own.items() if any(isinstance(one, float) and one > 0 for one in each.values())]
        raise InputError(
            f"policy 'tuned', parameter policy='{policy}': expected one with numbers to tune: {', '.join(able)}"
        )
    make, best = found(name), {key: value for key, value in own[name].items() if isinstance(value, float) and value > 0}
    people = [twin.population(SEED, each) for each in range(max(replications, 1))]

    def worth(parameters: dict[str, Any]) -> float:
        return _mean_asset(make_policy(lambda *firm: make(*firm, **parameters), twin, budget), twin, budget, people)

    most = worth(best)
    for _ in range(ROUNDS):
        before = dict(best)
        for key in best:
            most_of_it = 1.0 if own[name][key] <= 1 else np.inf  # a share stays one
            trials = [{**best, key: min(best[key] * factor, most_of_it)} for factor in FACTORS]
            assets = [worth(each) for each in trials]
            if max(assets) > most:
                most, best = max(assets), trials[int(np.argmax(assets))]
        if best == before:
            break
    return Tuned(make(twin, budget, **best), best)


def _mean_asset(policy: Policy, twin: "Twin", budget: float, people: list[Any]) -> float:
    import copy

    from sim.market.clock import Market, budget_of
    from sim.valuation import customer_asset

    purse, assets = budget_of(twin, budget), []
    for replication, population in enumerate(people):
        market = Market(twin, copy.deepcopy(policy), population, purse, seed=SEED, replication=replication)
        assets.append(customer_asset(market.run(), twin.chain.discount_rate).total)
    return float(np.mean(assets))
