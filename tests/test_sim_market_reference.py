"""The compiled engine equals the plain market event for event."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from bonded import bonded, joined, met
from everything import LAWS, PER_PERIOD, TOTAL, everything, grown, remembered
from markets import Content
from plain.crowd import born
from plain.market import PlainMarket
from plain.people import PERIOD, SURVEY
from plain.twin import TRUTHS, as_array, as_money, people_of
from players import Noting

from sim.engine import agent_kernels, random_streams
from sim.market.clock import Budget, Market
from sim.scenario.file import STAGES, parse
from sim.twin import build

CASES: dict[str, tuple[Callable[[str], Content], bool, str]] = {
    "budget": (everything, True, "contractual"),
    "no budget": (everything, False, "renewal"),
    "customers who are there and grow": (grown, True, "none"),
    "ties of two kinds and categories": (bonded, False, "silent"),
    "a club": (joined, True, "contractual"),
    "levers that remember": (remembered, True, "silent"),
    "all that may meet": (met, False, "none"),
}
"""What is played, whether money is limited, and the law under which alone it is no slow test, if any."""


@pytest.mark.parametrize(
    ("law", "content", "limited"),
    [
        pytest.param(law, content, limited, id=f"{law}-{name}", marks=[pytest.mark.slow] * (quick != law))
        for name, (content, limited, quick) in CASES.items()
        for law in LAWS
    ],
)
def test_the_engine_equals_the_plain_market_event_for_event(
    law: str, content: Callable[[str], Content], limited: bool
) -> None:
    """With everything switched on each customer has the same states, purchases, money and events in every period.

    Accounts, intensities as paid and employees are the same too. Revenue is rounded to integer units from products
    whose factors the two ways multiply in another order, so it may differ by a unit where that falls between two.
    """
    assert (random_streams.PERIOD, random_streams.SURVEY) == (PERIOD, SURVEY)
    scenario, seed, replication = parse(content(law)), 7, 2
    twin = build(scenario)
    targets, space = twin.targets, twin.chain.space
    population = twin.population(seed, replication)
    people = people_of(twin, population)
    for name, segment in scenario.segments.items():
        for truth, number in segment.births.items():
            appear = Counter(p.birth for p in people if (p.segment, p.truth, p.starts) == (name, "to come", truth))
            assert [appear[period] for period in range(scenario.periods)] == [
                born(number, period) for period in range(scenario.periods)
            ]

    total, per_period = (TOTAL, PER_PERIOD) if limited else (math.inf, math.inf)
    budget = Budget(total, per_period, np.full(len(targets.levers), np.inf)) if limited else None
    policy, everybody = Noting(scenario), np.arange(population.size)
    history = Market(twin, policy, population, budget, seed=seed, replication=replication, trace=everybody).run()
    lives = PlainMarket(
        scenario,
        lambda period, heads, available: as_money(policy.decided[period], targets),
        people,
        seed=seed,
        replication=replication,
        money_units=twin.money_units,
        total=total,
        per_period=per_period,
    ).run()

    trace = history.trace
    what_states_are = {
        "truth": (space.kind, TRUTHS.index("to come")),
        "bought": (space.bought, 0),
        "silent": (space.silent, 0),
        "level": (space.level, 0),
        "ties": (space.ties, -1),
        "kept": (space.kept, 0),
    }
    codes = {name: np.append(array, to_come) for name, (array, to_come) in what_states_are.items()}
    for period in range(scenario.periods + 1):
        for name, code in codes.items():
            told = [getattr(state, name) for state in lives.states[period]]
            if name == "truth":
                told = [TRUTHS.index(truth) for truth in told]
            message = f"{name} at the start of period {period}"
            np.testing.assert_array_equal(code[trace.state[period]], told, err_msg=message)
        seen = [[lives.heads[period][segment, stage] for stage in STAGES] for segment in targets.segments]
        np.testing.assert_array_equal(history.customers[period], seen, err_msg=f"customers in period {period}")
        if period == scenario.periods:
            break
        happened, account = lives.happened[period], lives.accounts[period]
        events = [-1 if each.event is None else agent_kernels.EVENTS.index(each.event) for each in happened]
        np.testing.assert_array_equal(trace.event[period], events, err_msg=f"events in period {period}")
        purchases = [each.purchases for each in happened]
        np.testing.assert_array_equal(trace.purchases[period], purchases, err_msg=f"purchases in period {period}")
        revenue = np.array([each.revenue for each in happened], dtype=np.int64)
        difference = np.abs(np.asarray(trace.revenue[period], dtype=np.int64) - revenue)
        assert (difference <= 1 + revenue * 1e-13).all(), f"revenue in period {period}"
        spend = as_array(account.spend, targets)
        np.testing.assert_allclose(history.spend[period], spend, rtol=1e-9, atol=1e-9, err_msg=f"period {period}")
        reward = [account.reward[segment] for segment in targets.segments]
        np.testing.assert_allclose(history.reward[period].sum(axis=1), reward, rtol=1e-9, err_msg=f"period {period}")
    np.testing.assert_allclose(history.employees, lives.employees, rtol=1e-12)
    if limited:
        assert any(1e-6 < account.factor < 1 - 1e-6 for account in lives.accounts)
        assert history.unspent == pytest.approx(lives.accounts[-1].unspent, abs=1e-6)
