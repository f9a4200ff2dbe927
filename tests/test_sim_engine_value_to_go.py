"""Values for ever against dense systems, closed forms and longer horizons."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from checks import chain_of, lifecycle_of
from everything import LAWS, crowded, uncoupled
from markets import Content, Floats
from scipy.special import gammainc

from experiments.compare import compare
from policies.catalogue import named
from policies.fixed import AsToday
from sim.engine import agent_kernels
from sim.engine.agent_kernels import Who
from sim.engine.chain import ALIVE, DEFECTED, transition_matrix, value_to_go
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.market.agents import Agents
from sim.market.clock import Market
from sim.scenario.file import parse
from sim.twin import build
from sim.valuation import customer_asset

# --- Values for ever --------------------------------------------------------------------------------------------------


def dense_values(chain: Lifecycle) -> tuple[Floats, Floats]:
    """Return what customers earn and cost for ever by (block, state), each block's system solved whole."""
    step = chain.step(chain.environment[-1], chain.targets.reference)
    rows = np.arange(chain.group.size)[:, None]
    system = np.eye(chain.block_law.shape[1]) - transition_matrix(chain, step) / (1 + chain.discount_rate)
    spend = chain.targets.of_budget(chain.targets.reference).sum(axis=2)[chain.group[:, None], chain.block_stage]
    right = np.stack([step.reward[rows, chain.block_law], spend], axis=2)
    value = np.linalg.solve(system, right)
    return value[:, :, 0], value[:, :, 1]


@pytest.mark.parametrize("law", LAWS)
def test_value_to_go_is_that_of_the_whole_system(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set after set of states, with levels and ties, is the whole linear system of every block at once."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 1))
    chain = chain_of(crowded(law))
    assert len(chain.space.names) == 662
    earned, spent = value_to_go(chain)
    want_earned, want_spent = dense_values(chain)
    np.testing.assert_allclose(earned, want_earned, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(spent, want_spent, rtol=1e-10, atol=1e-9)
    np.testing.assert_array_equal(chain.terminal, earned - spent)
    alive = chain.space.kind == ALIVE
    assert np.ptp(earned[:, alive], axis=1).min() > 1  # levels, ties and thresholds make a difference
    assert want_spent.max() > 1


def short_of_states(law: str) -> Content:
    """Return everything with fewer states: one's own thresholds are few."""
    content = crowded(law, stages={"core": 3, "declining": 1, "lapsed": 2})
    content["segments"]["shops"]["stages"] = {"core": 2, "declining": 1, "lapsed": 2}
    del content["segments"]["households"]["quality"][0]
    for kind in content["segments"]["households"]["quality"]:
        kind["share"] = 0.5
    return content


def assert_own_values(law: str, share: float) -> None:
    """Hold customers of every quality, level and ties to ``share`` of what their own dense system earns and costs."""
    content = short_of_states(law)
    twin = build(parse(content))
    chain = lifecycle_of(twin)
    who = twin.population(3, 0)
    states = len(chain.space.names)
    rng = np.random.default_rng(5)
    picked = np.sort(rng.choice(who.size, 100, replace=False))
    cohort = who.cohort[picked]
    first = np.searchsorted(twin.block_cohort, cohort)
    ones = {
        name: getattr(who, name)[picked].astype(float) for name in ("purchase_rate", "defection_rate", "mean_spend")
    }
    own = replace(
        chain,
        group=twin.cohort_group[cohort],
        initial=np.zeros((100, states)),
        arrivals=np.zeros((0, 100, states)),
        acquisition=chain.acquisition[first],
        by_money=chain.by_money[first],
        bad_debt=chain.bad_debt[first],
        serve=chain.serve[first],
        **ones,
    )
    earned, spent = dense_values(own)
    served, _ = dense_values(replace(own, mean_spend=np.zeros(100)))
    scale = np.abs(earned - served) + np.abs(served) + spent
    assert np.unique(cohort).size == 4
    assert (served.min(axis=1) < -0.5).all()
    state, number = np.arange(states, dtype=np.uint16), np.zeros(1, dtype=np.uint32)
    for i in range(100):
        start = np.where(np.arange(twin.cohort_group.size + 1) > cohort[i], 1, 0)
        alike = [np.float32([ones[name][i]]) for name in ("purchase_rate", "defection_rate", "mean_spend")]
        for s in state:
            total = agent_kernels.value_after(
                0, 1, Who(start, number, *alike), state[s : s + 1], twin.value_grid, chain.discount_rate, 2.0**20
            )
            exact = earned[i, s] - spent[i, s]
            assert abs(total / 2.0**20 - exact) <= share * scale[i, s] + 1e-5, chain.space.names[s]
    nobody = np.array([states], dtype=np.uint16)
    worth = agent_kernels.value_after(
        0, 1, Who(start, number, *alike), nobody, twin.value_grid, chain.discount_rate, 2.0**20
    )
    assert worth == 0

    at = rng.integers(0, states, 100).astype(np.uint16)
    few = replace(
        who,
        start=np.searchsorted(cohort, np.arange(twin.cohort_group.size + 1)),
        identity=who.identity[picked],
        state=at,
        arrivals=(),
        **{name: getattr(who, name)[picked] for name in ones},
    )
    total = Agents(twin, few, seed=0, replication=0, shards=3).value_after()
    rows = np.arange(100)
    assert abs(total - (earned - spent)[rows, at].sum()) <= share * scale[rows, at].sum()


def a_fine_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set nodes between which a line is as good as the value itself."""
    monkeypatch.setattr("sim.engine.lifecycle.GRID_RATES", np.concatenate([[0.0], np.geomspace(1e-2, 20, 25)]))
    monkeypatch.setattr("sim.engine.lifecycle.GRID_DEFECTIONS", np.concatenate([[0.0], np.geomspace(1e-4, 3, 80)]))


@pytest.mark.parametrize("law", [pytest.param("silent", marks=pytest.mark.slow), "renewal"])
def test_value_of_individuals_after_the_horizon_is_near_that_of_their_own_system(law: str) -> None:
    """Between the usual nodes: within 1 % for each customer and state.

    It is .5 % for customers without satisfaction and ties, whose value is nearly a line in what it is interpolated in.
    """
    assert_own_values(law, 0.01)


def test_value_of_individuals_is_that_of_their_own_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between fine nodes within .1 %: what is left beside the interpolation is nothing."""
    a_fine_grid(monkeypatch)
    assert_own_values("renewal", 0.001)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["silent", "contractual"])
def test_value_of_individuals_is_that_of_their_own_system_where_they_buy(
    law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the purchase rate matters too, within .5 %."""
    a_fine_grid(monkeypatch)
    assert_own_values(law, 0.005)


def test_everybodys_value_is_counted_where_it_is_lived(monkeypatch: pytest.MonkeyPatch) -> None:
    """As today, on no schedule and without a crowd, the asset is the same for every horizon: with levels and ties."""
    monkeypatch.setattr("sim.customers.synthetic.SYNTHETIC_CLASSES", (2, 2))
    # Nodes of the classes that do not depend on the horizon.
    monkeypatch.setattr("sim.customers.synthetic.horizon_rate", lambda scenario: 0.1)
    monkeypatch.setattr("sim.customers.synthetic.LOW_DISCOUNT", 0.0)
    assets = []
    for periods in (1, 7, 30):
        content = {**uncoupled("silent", 1.0), "periods": periods}
        for key in ("seasons", "competitors", "shocks"):
            del content[key]
        content["employees"].pop("start")
        for segment in content["segments"].values():
            segment.pop("births", None)
        for lever in content["levers"].values():
            lever.pop("committed", None)
        twin = build(parse(content))
        history = expected_history(twin.chain, np.repeat(twin.targets.reference[None], periods, axis=0))
        assets.append(customer_asset(history, twin.chain.discount_rate).total)
    np.testing.assert_allclose(assets, assets[0], rtol=1e-10)


# --- Value after the horizon ------------------------------------------------------------------------------------------


def with_traits(chain: Lifecycle, group: Floats, rate: Floats, defection: Floats, spend: Floats) -> Lifecycle:
    """Return the same lifecycle with one block for each of some customers."""
    states = len(chain.space.names)
    return replace(
        chain,
        group=group,
        initial=np.zeros((rate.size, states)),
        arrivals=np.zeros((0, rate.size, states)),
        acquisition=np.ones(rate.size),
        by_money=np.ones(rate.size),
        bad_debt=np.zeros(rate.size),
        serve=np.zeros((rate.size, 2)),
        purchase_rate=rate,
        defection_rate=defection,
        mean_spend=spend,
    )


def test_value_after_the_horizon_is_that_of_a_dense_solve(market: Callable[..., Content]) -> None:
    """Interpolated between nodes of the two rates, a customer's value is within .5 % of its own linear system."""
    twin = build(parse(market()))
    chain = twin.chain
    assert isinstance(chain, Lifecycle)
    number = 150
    rng = np.random.default_rng(3)
    group = rng.integers(0, 2, number)
    rate = np.float32(gamma_quantile(0.8, 2.0, rng.random(number)))
    defection = np.float32(gamma_quantile(0.7, 3.0, rng.random(number)))
    spend = np.float32(rng.gamma(3.0, 10.0, number))
    own = with_traits(chain, group, rate.astype(float), defection.astype(float), spend.astype(float))
    earned, spent = value_to_go(own)
    exact = earned - spent
    for i in range(number):
        start = np.searchsorted([group[i]], np.arange(3))  # a cohort of one, the other empty
        for state in range(exact.shape[1]):
            who = Who(start, np.zeros(1, np.uint32), rate[i : i + 1], defection[i : i + 1], spend[i : i + 1])
            total = agent_kernels.value_after(
                0, 1, who, np.array([state], np.uint16), twin.value_grid, chain.discount_rate, 2.0**20
            )
            scale = earned[i, state] + spent[i, state]
            assert abs(total / 2.0**20 - exact[i, state]) <= 0.005 * scale + 1e-5


def gamma_quantile(shape: float, rate: float, u: Floats) -> Floats:
    from scipy.special import gammaincinv

    got = gammaincinv(shape, u) / rate
    np.testing.assert_allclose(gammainc(shape, got * rate), u)
    return np.asarray(got)


def test_value_to_go_of_a_plain_customer_has_its_closed_form(market: Callable[..., Content]) -> None:
    """Without spend and return: margin x spend x lambda (1 - e^-mu)/mu / (1 - e^-mu/(1+d)), whatever was observed."""
    content = market(competitors=[])
    for lever in content["levers"].values():
        lever["reference"] = 0.0
    twin = build(parse(content))
    chain = twin.chain
    assert isinstance(chain, Lifecycle)
    rate, defection, spend = np.array([0.3, 2.0, 0.01]), np.array([0.05, 1.3, 0.4]), np.array([20.0, 35.0, 10.0])
    own = with_traits(chain, np.array([0, 1, 0]), rate, defection, spend)
    earned, spent = value_to_go(own)
    stays = np.exp(-defection)
    want = 0.4 * spend * rate * (1 - stays) / defection / (1 - stays / (1 + chain.discount_rate))
    alive, gone = chain.space.kind == ALIVE, chain.space.kind == DEFECTED
    np.testing.assert_allclose(earned[:, alive], np.repeat(want[:, None], alive.sum(), axis=1), rtol=1e-10)
    np.testing.assert_allclose(earned[:, gone], 0, atol=1e-10)
    np.testing.assert_allclose(spent, 0, atol=1e-12)


def test_a_shorter_horizon_with_value_to_go_is_the_longer_history(market: Callable[..., Content]) -> None:
    """As today, the asset does not depend on where the horizon is: what comes after is counted as if lived."""
    assets = []
    for periods in (1, 8, 40):
        twin = build(parse(market(plain=True, competitors=[], periods=periods)))
        history = expected_history(twin.chain, np.repeat(twin.targets.reference[None], periods, axis=0))
        assets.append(customer_asset(history, twin.chain.discount_rate).total)
    np.testing.assert_allclose(assets, assets[0], rtol=1e-10)


def test_individual_agents_have_the_value_of_their_classes_nearly(market: Callable[..., Content]) -> None:
    """Traits from continuous laws against classes: the asset differs by quadrature and noise, under 2 %."""
    twin = build(parse(market(competitors=[])))
    expected = customer_asset(expected_history(twin.chain, np.repeat(twin.targets.reference[None], 8, axis=0)), 0.008)
    drawn = []
    for k in range(10):
        history = Market(twin, AsToday(), twin.population(1, k), seed=1, replication=k).run()
        drawn.append(customer_asset(history, 0.008).total)
    assert np.mean(drawn) == pytest.approx(expected.total, rel=0.02)


def test_frequent_buyers_are_valued_beyond_the_grid(market: Callable[..., Content]) -> None:
    """150 purchases a period: individual traits and classes agree on the value after the horizon."""
    content = market(periods=2, competitors=[])
    traits = {"purchase_rate": 150.0, "defection_rate": 0.1, "spend": 2.0}
    content["segments"] = {"regulars": {"start": {"new": 3000}, "traits": traits}}
    twin = build(parse(content))
    today = named("as today", twin, 1e12)
    own, nodes = (
        compare(twin, [today], 1e12, replications=3, traits=traits).outcomes[0].history.terminal
        for traits in ("individual", "classes")
    )
    assert own == pytest.approx(nodes, rel=0.005)


def test_a_low_discount_rate_is_met_by_the_classes(market: Callable[..., Content]) -> None:
    """At 1 % a year value lies far beyond the horizon; fluid and agents with traits of their own agree within 1 %."""
    content = market(competitors=[], discount_rate=0.01)
    twin = build(parse(content))
    intensity = np.broadcast_to(twin.targets.reference, (twin.chain.periods, *twin.targets.shape))
    fluid = customer_asset(expected_history(twin.chain, intensity), twin.chain.discount_rate).total
    outcome = compare(twin, [named("as today", twin, 1e12)], 1e12, replications=20).outcomes[0]
    noise = outcome.assets.std(ddof=1) / np.sqrt(outcome.assets.size)
    assert abs(fluid - outcome.asset) < 0.01 * fluid + 3 * noise


def test_a_rival_who_leaves_with_the_horizon_is_gone_afterwards(market: Callable[..., Content]) -> None:
    """Ending with the last period is worth more than staying for ever, and the value after is that of no rival."""
    rival = {"name": "r", "start": 0, "route": "defection", "strength": 0.5}
    periods = market()["periods"]
    leaves, stays, none = (
        build(parse(market(competitors=rivals))).chain for rivals in ([{**rival, "end": periods}], [rival], [])
    )
    np.testing.assert_allclose(leaves.terminal, none.terminal, rtol=1e-12)
    assert (stays.terminal[:, 2] < none.terminal[:, 2]).all()
