"""The loop on markets that change unannounced: how soon it is noticed, and how much of the loss is recovered.

``python -m benchmarks.loop [SEEDS]``

A plan is made for a market and played in another, in which after eight months a rival enters, service breaks or the
season shifts. Played are the plan as it is, the plan that is watched (``policies.watched``), and the plan that one
would have made who knew of the change from the month in which it begins; on the same customers with the same luck, for
the same money. Each decides on what it sees in a market of agents; what it spent by head is then valued in the fluid
twin of the true market, which takes the luck out of what it brought (the agents' own figures are printed after it).
Recovered is ``(watched - static)/(knew - static)``, of sums over seeds. False alarms are counted in the market that
does not change, over five years, with luck that the limits were not taken from.
"""

import copy
import math
import sys
import time
from typing import Any

import numpy as np

from experiments.chosen import chosen_policies
from experiments.firm import Firm
from policies.rolling import RollingHorizon
from policies.watched import WatchedPlan
from sim.arrays import Floats
from sim.engine.fluid import expected_history
from sim.market.clock import Market
from sim.market.purse import Budget
from sim.monitoring.parallel import limits_of, parallel_markets
from sim.monitoring.seen import Seen
from sim.monitoring.signals import deviations
from sim.valuation import customer_asset

START, MONTHS, YEARS = 8, 24, 5
MARKETS, LIMITS_SEED, RATE = 100, 10_007, 0.1
"""Parallel markets for the limits, their luck, and false alarms a year that the limits are for."""
SEASONS = [0.8, 0.8, 0.9, 1.0, 1.1, 1.2, 1.2, 1.1, 1.0, 0.9, 0.8, 1.2]
TRAITS = {"spend": {"p": 6, "q": 4, "gamma": 15}}
MARKET: dict[str, Any] = {
    "name": "a market that may change",
    "period": "month",
    "periods": MONTHS,
    "margin": 0.4,
    "loss": 0.05,
    "seasons": SEASONS,
    "segments": {
        "regulars": {
            "start": {"new": 30_000},
            "traits": {
                **TRAITS, "purchase_rate": {"shape": 1.5, "rate": 1.5}, "defection_rate": {"shape": 2, "rate": 30},
            },
        },
        "newcomers": {
            "start": {"unaware": 80_000, "prospect": 40_000},
            "traits": {**TRAITS, "purchase_rate": {"shape": 1, "rate": 2}, "defection_rate": {"shape": 1, "rate": 8}},
        },
    },
    "levers": {
        "awareness": {
            "targets": ["unaware"], "reference": 0.05,
            "moves": {"awareness": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.05, "brings": 0.02}},
        },
        "acquisition": {
            "targets": ["prospect"], "reference": 0.8,
            "moves": {"acquisition": {"without_money": 0.005, "unlimited_money": 0.1, "spend": 0.8, "brings": 0.04}},
        },
        "development": {
            "targets": ["new", "developing", "core"], "reference": 0.4,
            "moves": {"purchase_rate": {"without_money": 0, "unlimited_money": 0.3, "spend": 0.4, "brings": 0.1}},
        },
        "retention": {
            "targets": ["new", "developing", "core", "declining"], "reference": 0.4,
            "moves": {"survival": {"without_money": 0.85, "unlimited_money": 0.97, "spend": 0.4, "brings": 0.92}},
        },
        "winback": {
            "targets": ["declining", "lapsed"], "reference": 0.2,
            "moves": {"reactivation": {"without_money": 0, "unlimited_money": 0.15, "spend": 0.2, "brings": 0.03}},
        },
    },
}  # fmt: skip


def changes() -> dict[str, dict[str, Any]]:
    """Return what happens, by name, as keys of the scenario."""
    turned = SEASONS[6:] + SEASONS[:6]
    seasons = [SEASONS[t % 12] if t < START else turned[t % 12] for t in range(MONTHS)]
    mean = float(np.mean(SEASONS))  # months that are never reached keep the mean, by which seasons are divided
    seasons += [(mean * (MONTHS + 12) - sum(seasons)) / 12] * 12
    rival = {"name": "rival", "start": START, "route": "acquisition", "strength": 0.6}
    broken = {"name": "service breaks", "start": START, "route": "defection", "size": 1.0, "segments": ["regulars"]}
    return {
        "a rival enters": {"competitors": [rival]},
        "service breaks": {"shocks": [broken]},
        "the season shifts": {"seasons": seasons},
    }


def played(firm: Firm, policy: Any, purse: Budget, seed: int) -> tuple[tuple[float, float], Any]:
    """Return what a copy of a policy makes of a market, in expected numbers and by agents, and the copy."""
    mine, rate = copy.deepcopy(policy), firm.twin.chain.discount_rate
    history = Market(firm.twin, mine, firm.twin.population(seed, 0), purse, seed=seed, threads=1).run()
    expected = expected_history(firm.twin.chain, Seen.of_history(history).intensity)
    return (customer_asset(expected, rate).total, customer_asset(history, rate).total), mine


def knew(firm: Firm, budget: float, intensity: Floats) -> Floats:
    """Return the plan with all from the change on made anew by one who knows what happens."""
    again = RollingHorizon(firm.twin, budget, intensity, "knew")
    again.steps = 80
    again.plan_again(START)
    return again.plan


def recovered(seeds: int) -> None:
    """Print for each change the delay, the share recovered and how sure it is."""
    firm = Firm.of(MARKET)
    plan = firm.optimize(bound_steps=0)
    budget, [own] = chosen_policies([plan], firm.twin, firm.load_plan, None)
    markets = parallel_markets(firm.twin, own.policy, own.purse, seed=LIMITS_SEED, replications=MARKETS)
    limits = limits_of(firm.twin, list(markets), RATE)
    watched = WatchedPlan(firm.twin, budget, own.policy, plan.intensity, limits)
    for name, what in changes().items():
        other = Firm.of({**MARKET, **what})
        _, [best] = chosen_policies(
            [type(own.policy)(knew(other, budget, plan.intensity))], other.twin, other.load_plan, budget
        )
        rows, delays, early = [], [], 0
        for seed in range(seeds):
            static, _ = played(other, own.policy, own.purse, seed)
            oracle, _ = played(other, best.policy, best.purse, seed)
            loop, after = played(other, watched, own.purse, seed)
            rows.append((static, loop, oracle))
            if after.noticed is not None and after.noticed <= START:
                early += 1
            elif after.noticed is not None:
                delays.append(after.noticed - START)
            gains = [[round(x - y) for x, y in zip(each, static, strict=True)] for each in (loop, oracle)]
            print(seed, gains, after.noticed, after.signals[:1], file=sys.stderr, flush=True)
        tell(name, np.array(rows), delays, early)


def rate(some: int, of: int) -> str:
    """Return a rate with its 95 % interval (Wilson 1927)."""
    z = 1.959964
    middle, half = (some + z * z / 2) / (of + z * z), z * (some * (of - some) / of + z * z / 4) ** 0.5 / (of + z * z)
    return f"{some} of {of} ({some / of:.0%}, 95 % {max(middle - half, 0):.0%} to {min(middle + half, 1):.0%})"


def tell(name: str, rows: Floats, delays: list[int], early: int) -> None:
    """Print a line: who noticed and when, what the static plan loses, and what is recovered with its standard error."""
    stated = 1 - math.exp(-RATE * START / 12)
    gain, loss = (rows[:, who] - rows[:, 0] for who in (1, 2))  # (seeds, [expected, agents])
    share = gain.sum(axis=0) / loss.sum(axis=0)
    squares = ((gain - share * loss) ** 2).sum(axis=0) * len(rows) / max(len(rows) - 1, 1)
    error = np.sqrt(squares) / abs(loss.sum(axis=0))
    delay = f"{np.median(delays):.0f} months (median)" if delays else "never noticed"
    print(
        f"{name}: noticed in {rate(len(delays), len(rows))} markets, after {delay}, alarms before it came in "
        f"{rate(early, len(rows))} (stated: {stated:.0%}); static loses "
        f"{loss[:, 0].mean():,.0f} of {rows[:, 2, 0].mean():,.0f}, recovered {share[0]:.0%} +- {error[0]:.0%} "
        f"(by agents {loss[:, 1].mean():,.0f}, {share[1]:.0%} +- {error[1]:.0%})"
    )


def false_alarms(seeds: int) -> None:
    """Print how many unchanged markets have an alarm within five years."""
    firm = Firm.of({**MARKET, "periods": 12 * YEARS})
    policy = firm.policy("as today")
    _, [own] = chosen_policies([policy], firm.twin, firm.load_plan, None)
    limits = limits_of(
        firm.twin, list(parallel_markets(firm.twin, policy, own.purse, seed=LIMITS_SEED, replications=MARKETS)), RATE
    )
    fresh = parallel_markets(firm.twin, policy, own.purse, seed=1, replications=seeds)
    alarms = sum(bool(limits.signals(*deviations(seen, expected))) for seen, expected in fresh)
    print(
        f"unchanged: {rate(alarms, seeds)} markets have an alarm within {YEARS} years (stated: {limits.share:.0%}, "
        f"{RATE:g} a year)"
    )


def main() -> None:
    """Run on as many seeds as asked for, 50 if none is said."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    began = time.process_time()
    recovered(seeds)
    false_alarms(seeds)
    print(f"{seeds} seeds, {time.process_time() - began:.0f} s of processor time")


if __name__ == "__main__":
    main()
