"""Cohorts of a synthetic segment obey Pareto/NBD, drawn and as classes."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from markets import CDNOW, MONTH, Content
from scipy.integrate import quad
from scipy.special import hyperu
from threadpoolctl import threadpool_limits

from policies.fixed import AsToday
from sim.customers.population import defection_classes, gamma_classes
from sim.customers.purchase_models import GammaGamma
from sim.engine.fluid import expected_history
from sim.market.clock import Market
from sim.scenario.file import Gamma, parse
from sim.twin import build


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


def test_the_classes_of_a_law_are_found_once_and_nobody_can_change_them() -> None:
    for find, rest in ((gamma_classes, (6,)), (defection_classes, (5, 0.05))):
        first, again = (find(Gamma(shape=0.7, rate=3.0), *rest) for _ in range(2))
        for part, same in zip(first, again, strict=True):
            assert part is same
            with pytest.raises(ValueError, match="read-only"):
                part[0] = 1.0


def test_the_classes_of_a_law_do_not_depend_on_how_many_threads_add_up() -> None:
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found += [defection_classes.__wrapped__(Gamma(shape=1.2, rate=rate), 5, 0.1) for rate in (9.0, 12.0, 15.0)]
    for one, other in zip(found[:3], found[3:], strict=True):
        assert [part.tobytes() for part in one] == [part.tobytes() for part in other]


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
