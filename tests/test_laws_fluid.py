"""Agents, fluid twin and closed forms tell the same story."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammainc, hyperu
from test_sim_agents import Steady

from experiments.compare import compare
from policies.catalogue import named
from policies.fixed import AsToday
from sim.customers.population import Posterior, defection_classes, gamma_classes, loyalty, trait_bins
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.engine import agent_kernels
from sim.engine.chain import ALIVE, DEFECTED, ControlledChain, value_to_go
from sim.engine.fluid import expected_history
from sim.engine.lifecycle import Lifecycle
from sim.history import History
from sim.market.clock import Market
from sim.scenario.file import WEEKS_PER_PERIOD, Gamma, parse
from sim.scenario.file import GammaGamma as SpendLaw
from sim.scenario.file import ParetoNBD as PurchaseLaw
from sim.twin import Twin, build
from sim.valuation import customer_asset

Content = dict[str, Any]
Floats = np.ndarray[Any, np.dtype[np.float64]]

CDNOW = ParetoNBD(0.5533, 10.5776, 0.6062, 11.6679)
MONTH = WEEKS_PER_PERIOD["month"]


def figures(history: History, chain: ControlledChain) -> dict[str, Floats]:
    """Return every monthly figure of a history, and its worth."""
    asset = customer_asset(history, chain.discount_rate)
    return {
        "customers": history.customers,
        "alive": history.alive,
        "purchases": history.purchases,
        "revenue": history.revenue,
        "reward": history.reward,
        "spend": history.spend,
        "profit": history.profit,
        "asset": np.array([asset.total, asset.within_horizon, asset.after_horizon]),
        **{f"events {name}": number for name, number in history.events.items()},
    }


def z_scores(
    twin: Twin, intensity: Floats, replications: int, precision: float = 0.005
) -> tuple[Floats, dict[str, int]]:
    """Return z of every figure known to ``precision``, and how many those are by name.

    Agents have traits from the nodes of the classes; z is of their mean against the expected history.
    """
    chain = twin.chain
    expected = figures(expected_history(chain, np.repeat(intensity[None], chain.periods, axis=0)), chain)
    drawn = []
    for k in range(replications):
        history = Market(twin, Steady(intensity), twin.population(2, k, "classes"), seed=2, replication=k).run()
        drawn.append(figures(history, chain))
    scores, counted = [], {}
    for name, want in expected.items():
        got = np.stack([figure[name] for figure in drawn])
        mean, error = got.mean(axis=0), got.std(axis=0, ddof=1) / math.sqrt(replications)
        sure = error == 0  # head counts at the start; nothing where nothing can be
        np.testing.assert_allclose(mean[sure], want[sure], rtol=1e-9, atol=1e-6 * replications)
        precise = ~sure & (error < precision * np.abs(want))
        scores.append(((mean - want)[precise] / error[precise]).ravel())
        counted[name] = int(precise.sum())
    return np.concatenate(scores), counted


@pytest.mark.parametrize("scale", [(1, 1, 1, 1, 1), (3, 0.5, 2, 0.3, 4)], ids=["as today", "off the reference"])
def test_agents_of_the_classes_agree_with_the_fluid_twin(
    scale: tuple[float, ...], market: Callable[..., Content]
) -> None:
    """|z| < 4.5 for every monthly figure with a standard error below .5 %: a rival comes, the terminal value is on."""
    content = market()
    content["segments"]["regulars"]["start"] = {"new": 40_000}
    content["segments"]["fresh"]["start"] = {"unaware": 60_000, "prospect": 40_000}
    content["levers"]["retention"]["reach"] = 0.7
    content["segments"]["fresh"]["stages"] = {"core": 2, "declining": 1, "lapsed": 3}
    twin = build(parse(content))
    scores, counted = z_scores(twin, twin.targets.reference * np.array(scale), 60)
    assert np.abs(scores).max() < 4.5
    assert scores.size > 250
    assert counted["asset"] == 3
    for name in ("customers", "alive", "purchases", "revenue", "spend", "events left", "events won", "events aware"):
        assert counted[name] >= 6, name
    assert counted["events returned"] + counted["events lost"] >= 4
    assert scores.std() < 1.5


def test_the_fluid_twin_counts_everybody(market: Callable[..., Content]) -> None:
    """Nobody is born or lost in expectation; profit is margin x revenue - spend; who left is no longer alive."""
    twin = build(parse(market()))
    intensity = np.repeat(twin.targets.reference[None] * 1.5, 8, axis=0)
    history = expected_history(twin.chain, intensity)
    np.testing.assert_allclose(history.customers.sum(axis=(1, 2)), 50_000, rtol=1e-12)
    np.testing.assert_allclose(history.reward, 0.4 * history.revenue, rtol=1e-12)
    np.testing.assert_allclose(history.profit, history.reward.sum((1, 2)) - history.spend.sum((1, 2, 3)), rtol=1e-12)
    moves = history.events["won"] + history.events["returned"] - history.events["left"]
    np.testing.assert_allclose(np.diff(history.alive, axis=0), moves, rtol=1e-9, atol=1e-9)


# --- Pareto/NBD -------------------------------------------------------------------------------------------------------


def cohort(number: int, months: int, market: Callable[..., Content]) -> Content:
    """Return a newly won cohort as CDNOW's, nothing done to win back."""
    content = market(periods=months, competitors=[], terminal="none")
    content["segments"] = {
        "cohort": {
            "start": {"new": number},
            "traits": {
                "purchase_rate": {"shape": CDNOW.r, "rate": CDNOW.alpha / MONTH},
                "defection_rate": {"shape": CDNOW.s, "rate": CDNOW.beta / MONTH},
                "spend": {"p": 6.25, "q": 3.74, "gamma": 15.44},
            },
        }
    }
    content["levers"]["winback"]["reference"] = 0
    return content


def test_a_newly_won_cohort_obeys_pareto_nbd(market: Callable[..., Content]) -> None:
    """At the reference, agents' cumulative repeat purchases are Pareto/NBD's closed form within sampling error."""
    months, replications, number = 24, 30, 20_000
    twin = build(parse(cohort(number, months, market)))
    bought, money, alive = [], [], []
    for k in range(replications):
        history = Market(twin, AsToday(), twin.population(4, k), seed=4, replication=k).run()
        bought.append(history.purchases.sum(axis=(1, 2)).cumsum() / number)
        money.append(history.revenue.sum() / history.purchases.sum())
        alive.append(history.alive[:, 0] / number)
    mean, error = np.mean(bought, axis=0), np.std(bought, axis=0, ddof=1) / math.sqrt(replications)
    want = CDNOW.expected_purchases(MONTH * np.arange(1, months + 1))
    assert (error < 0.005 * want).all()
    assert np.abs((mean - want) / error).max() < 4
    spend = GammaGamma(6.25, 3.74, 15.44).mean_spend()
    assert abs(np.mean(money) - spend) < 4 * np.std(money, ddof=1) / math.sqrt(replications)
    staying = (CDNOW.beta / (CDNOW.beta + MONTH * np.arange(months + 1))) ** CDNOW.s
    error = np.sqrt(staying * (1 - staying) / (number * replications))
    assert (np.abs(np.mean(alive, axis=0) - staying) <= 4 * error).all()


def test_frequencies_of_a_cohort_are_pareto_nbds(market: Callable[..., Content]) -> None:
    """Not the mean only: the share of customers with 0 and with 1 repeat purchase in 12 months, by integration."""
    number, months = 200_000, 12
    content = cohort(number, months, market)
    content["stages"] = {"core": 3, "declining": 2, "lapsed": 12}
    twin = build(parse(content))
    market_ = Market(twin, AsToday(), twin.population(5, 0), seed=5)
    history = market_.run()
    space = twin.chain.space
    counts = np.bincount(space.bought[market_._agents.state], minlength=4) / number
    assert history.customers[-1].sum() == number
    r, alpha, s, beta = CDNOW.r, CDNOW.alpha, CDNOW.s, CDNOW.beta
    end = MONTH * months

    def density(x: int, t: float) -> float:
        """P(x purchases in t weeks of being a customer) over the gamma law of rates."""
        log = math.lgamma(r + x) - math.lgamma(r) - math.lgamma(x + 1)
        return math.exp(log + r * math.log(alpha / (alpha + t)) + (x * math.log(t / (alpha + t)) if x else 0.0))

    for repeats in (0, 1):
        leaving = quad(lambda t, x=repeats: density(x, t) * s / beta * (beta / (beta + t)) ** (s + 1), 0, end)[0]
        want = leaving + density(repeats, end) * (beta / (beta + end)) ** s
        assert abs(counts[1 + repeats] - want) < 4 * math.sqrt(want * (1 - want) / number)


QUADRATURE = 0.002
"""Classes of a synthetic segment against continuous traits, cumulative purchases of a CDNOW cohort over 24 months."""


def test_classes_of_a_cohort_are_close_to_pareto_nbd(market: Callable[..., Content]) -> None:
    """The fluid twin with its 6 x 5 classes is within the stated quadrature error of the closed form, every month."""
    twin = build(parse(cohort(1000, 24, market)))
    history = expected_history(twin.chain, np.repeat(twin.targets.reference[None], 24, axis=0))
    bought = history.purchases.sum(axis=(1, 2)).cumsum() / 1000
    want = CDNOW.expected_purchases(MONTH * np.arange(1, 25))
    np.testing.assert_allclose(bought, want, rtol=QUADRATURE)
    assert np.abs(bought / want - 1).max() > 1e-7  # a quadrature, not the closed form


def test_purchase_classes_are_exact_in_moments() -> None:
    """Nodes of the purchase rate have all moments of the gamma law up to the eleventh."""
    law = Gamma(shape=0.5533, rate=2.4)
    nodes, weights = gamma_classes(law, 6)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    for k in range(12):
        want = math.exp(math.lgamma(law.shape + k) - math.lgamma(law.shape)) / law.rate**k
        assert weights @ nodes**k == pytest.approx(want, rel=1e-9)
    assert [part.tolist() for part in gamma_classes(0.3, 6)] == [[0.3], [1.0]]


@pytest.mark.parametrize("shape", [0.3, 0.6062, 1.5, 4.0])
@pytest.mark.parametrize("rate", [0.8, 2.7, 12.0])
def test_defection_classes_keep_the_expected_value_of_customers(shape: float, rate: float) -> None:
    """Nodes of the defection rate reproduce E[1/(mu + d)] within .1 %, at the horizon's rate and at the discount."""
    discount, horizon = 0.008, 24
    c = discount + 1 / horizon
    nodes, weights = defection_classes(Gamma(shape=shape, rate=rate), 5, c)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights.min() > 0
    assert nodes.min() > 0
    for d in (c, discount):
        # E[1/(mu + d)] = rate U(1, 2 - shape, rate d): the integral of e^(-d t) (rate/(rate + t))^shape
        assert weights @ (1 / (nodes + d)) == pytest.approx(rate * hyperu(1, 2 - shape, rate * d), rel=1e-3)


# --- Customers with a record ------------------------------------------------------------------------------------------

RECORDS = np.array(  # repeat purchases, weeks to the last one, weeks to today
    [[0, 0, 38.86], [0, 0, 27.0], [1, 1.7, 38.86], [2, 30.43, 38.86], [3, 10.0, 30.0], [4, 38.0, 38.86],
     [7, 29.43, 38.86], [10, 12.0, 35.0], [15, 38.86, 38.86], [29, 30.0, 38.0]]
)  # fmt: skip


@pytest.fixture(scope="module")
def posterior_draws() -> tuple[Any, int]:
    """Draws for many copies of ten customers with CDNOW-like records; loss .05 per month."""
    copies = 20_000
    x, recency, age = np.repeat(RECORDS, copies, axis=0).T
    alive = CDNOW.probability_alive(x, recency, age)
    posterior = Posterior(
        PurchaseLaw(r=CDNOW.r, alpha=CDNOW.alpha, s=CDNOW.s, beta=CDNOW.beta),
        SpendLaw(p=6.25, q=3.74, gamma=15.44),
        x, recency, age, x + 1, np.full(x.size, 28.0), alive, MONTH, np.full(x.size, 0.05),
    )  # fmt: skip
    return posterior.draw(7, 1, np.arange(x.size), 0), copies


def per_record(values: Floats, copies: int) -> tuple[Floats, Floats]:
    """Return mean and standard error by record."""
    table = np.asarray(values, dtype=float).reshape(len(RECORDS), copies)
    return table.mean(axis=1), table.std(axis=1, ddof=1) / math.sqrt(copies)


def conditional(what: Callable[[float], float], x: float, recency: float, age: float) -> float:
    """Return the mean of ``what(tau)`` over the time of leaving of a customer who has silently left."""
    r, alpha, s, beta = CDNOW.r, CDNOW.alpha, CDNOW.s, CDNOW.beta

    def density(tau: float) -> float:
        shift = -(r + x) * math.log((alpha + tau) / (alpha + recency)) - (s + 1) * math.log(
            (beta + tau) / (beta + recency)
        )
        return math.exp(shift)

    total = quad(density, recency, age, epsabs=0, epsrel=1e-10)[0]
    return float(quad(lambda tau: what(tau) * density(tau), recency, age, epsabs=0, epsrel=1e-10)[0] / total)


def test_drawn_truth_has_the_posterior_chance_of_being_alive(posterior_draws: tuple[Any, int]) -> None:
    """The frequency of alive equals P(alive | record) within sampling error, for each of ten records."""
    sample, copies = posterior_draws
    mean, _ = per_record(~sample.gone, copies)
    want = CDNOW.probability_alive(*RECORDS.T)
    error = np.sqrt(want * (1 - want) / copies)
    assert (np.abs(mean - want) <= 4 * error).all()
    assert want.min() < 0.5
    assert (mean[RECORDS[:, 1] == RECORDS[:, 2]] == 1).all()


def test_drawn_rates_have_the_posterior_means(posterior_draws: tuple[Any, int]) -> None:
    """Mean purchase rate equals the closed form, mean defection rate numerical integration, within sampling error."""
    sample, copies = posterior_draws
    mean, error = per_record(sample.purchase_rate / MONTH, copies)
    assert np.abs((mean - CDNOW.mean_purchase_rate(*RECORDS.T)) / error).max() < 4
    mean, error = per_record(sample.defection_rate / MONTH, copies)
    want = []
    for x, recency, age in RECORDS:
        alive = float(CDNOW.probability_alive(x, recency, age))
        left = conditional(lambda tau: (CDNOW.s + 1) / (CDNOW.beta + tau), x, recency, age) if recency < age else 0.0
        want.append(alive * CDNOW.s / (CDNOW.beta + age) + (1 - alive) * left)
    assert np.abs((mean - want) / error).max() < 4


def test_the_gone_are_lost_at_the_constant_chance(posterior_draws: tuple[Any, int]) -> None:
    """Of those gone since tau a share 1 - (1 - loss)^months is lost; the alive never are."""
    sample, copies = posterior_draws
    assert not (sample.lost & ~sample.gone).any()
    mean, _ = per_record(sample.lost, copies)
    for got, (x, recency, age) in zip(mean, RECORDS, strict=True):
        if recency == age:
            assert got == 0
            continue
        since = conditional(lambda tau, end=age: 1 - 0.95 ** ((end - tau) / MONTH), x, recency, age)
        want = (1 - float(CDNOW.probability_alive(x, recency, age))) * since
        assert abs(got - want) <= 4.5 * math.sqrt(want * (1 - want) / copies)


def test_drawn_spend_has_the_posterior_mean(posterior_draws: tuple[Any, int]) -> None:
    """Mean spend equals the gamma-gamma posterior on all purchases within sampling error."""
    sample, copies = posterior_draws
    mean, error = per_record(sample.mean_spend, copies)
    want = GammaGamma(6.25, 3.74, 15.44).conditional_mean_spend(RECORDS[:, 0] + 1, np.full(len(RECORDS), 28.0))
    assert np.abs((mean - want) / error).max() < 4


def test_trait_bins_cover_everybody_and_order_their_rates() -> None:
    """Every draw has one class, all classes are used, and a class of higher rank has higher rates."""
    rng = np.random.default_rng(0)
    rate, loyal = rng.gamma(0.6, 1.0, 5000), loyalty(rng.gamma(0.6, 0.3, 5000), 0.05)
    bins = trait_bins(rate, loyal, (6, 4))
    assert sorted(set(bins.tolist())) == list(range(24))
    by_rate = bins // 4
    for k in range(5):
        assert rate[by_rate == k].max() <= rate[by_rate == k + 1].min()
    for k in range(6):
        for j in range(3):
            inside = by_rate == k
            assert loyal[inside & (bins % 4 == j)].max() <= loyal[inside & (bins % 4 == j + 1)].min()


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
    rates, defections, grid, earned_at, spent_at = twin.value_grid
    for i in range(number):
        start = np.searchsorted([group[i]], np.arange(3))  # a cohort of one, the other empty
        for state in range(exact.shape[1]):
            total = agent_kernels.value_after(
                0, 1, start, np.array([state], np.uint16), rate[i : i + 1], defection[i : i + 1], spend[i : i + 1],
                rates, defections, chain.discount_rate, grid, earned_at, spent_at, 2.0**20,
            )  # fmt: skip
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
