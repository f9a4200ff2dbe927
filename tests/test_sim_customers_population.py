"""Who is there at the start: stated levels, ties and qualities, and customers with a record."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from everything import arriving, busy
from markets import CDNOW, MONTH, Floats, Ints
from scipy.integrate import quad

from sim.customers.population import Posterior, loyalty, trait_bins
from sim.customers.purchase_models import GammaGamma, ParetoNBD
from sim.customers.segment_laws import of_all
from sim.engine.chain import ALIVE

# --- Who is there at the start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("traits", ["individual", "classes"])
def test_levels_ties_and_qualities_at_the_start_are_those_stated(traits: Any) -> None:
    """Of 9,000 people of a segment: kinds by their shares, and customers by the mixes of levels and of ties."""
    twin = busy("silent", "none", 100.0)
    who = twin.population(2, 0, traits)
    space = twin.chain.space
    cohort = who.cohort
    kinds = twin.scenario.segments["households"].quality
    households = twin.cohort_group[cohort] == twin.targets.segments.index("households")
    kind = twin.cohort_quality[cohort[households]]

    def near(values: Ints, shares: list[float]) -> None:
        number = np.bincount(values, minlength=len(shares))
        assert number.size == len(shares)
        error = np.sqrt(values.size * np.array(shares) * (1 - np.array(shares)))
        assert (np.abs(number - values.size * np.array(shares)) <= 4 * error).all()

    near(kind, [k.share for k in kinds])
    alive = np.flatnonzero(who.state < len(space.names))
    alive = alive[space.kind[who.state[alive]] == ALIVE]
    assert alive.size == 41_000
    near(space.level[who.state[alive]] - 1, list(twin.scenario.satisfaction.mix))
    near(space.ties[who.state[alive]], list(twin.scenario.links.mix))
    together = (space.level[who.state[alive]] - 1) * 4 + space.ties[who.state[alive]]
    near(together, np.outer(twin.scenario.satisfaction.mix, twin.scenario.links.mix).ravel().tolist())
    levels, ties = np.repeat(np.arange(5), 4), np.tile(np.arange(4), 5)
    expected_now = np.array(
        [
            twin.chain.initial[:, (space.level == k + 1) & (space.ties == j)].sum()
            for k, j in zip(levels, ties, strict=True)
        ]
    )
    np.testing.assert_allclose(
        expected_now, 41_000 * np.outer(twin.scenario.satisfaction.mix, twin.scenario.links.mix).ravel(), rtol=1e-12
    )
    spend = [who.mean_spend[households][kind == k].mean() for k in range(3)]
    rate = [who.purchase_rate[households][kind == k].mean() for k in range(3)]
    np.testing.assert_allclose(np.array(spend) / spend[0], [1, 1 / 1.2, 0.5 / 1.2], rtol=0.06)
    np.testing.assert_allclose(np.array(rate) / rate[0], [1, 0.9 / 1.1, 1 / 1.1], rtol=0.06)


def test_customers_lie_by_cohort_and_keep_their_identity() -> None:
    """Sorted by group and quality; each segment's people are numbered from 0 on; the trait class is of the cohort."""
    twin = busy("silent", "none")
    for traits in ("individual", "classes"):
        who = twin.population(2, 0, traits)
        assert (np.diff(who.cohort) >= 0).all()
        assert who.start[-1] == who.size == who.state.size
        group = twin.cohort_group[who.cohort]
        for g in range(3):
            assert sorted(who.identity[group == g].tolist()) == list(range(int((group == g).sum())))
        if traits == "classes":
            np.testing.assert_array_equal(twin.block_cohort[who.block], who.cohort)
            np.testing.assert_array_equal(who.purchase_rate, np.float32(twin.chain.purchase_rate[who.block]))
        else:
            assert who.block.size == 0
        to_come = who.state == len(twin.chain.space.names)
        assert to_come.sum() == sum(positions.size for positions, _ in who.arrivals) == arriving(twin).sum()
        positions = np.concatenate([positions for positions, _ in who.arrivals])
        assert sorted(positions.tolist()) == np.flatnonzero(to_come).tolist()


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
        of_all(CDNOW, GammaGamma(6.25, 3.74, 15.44), x.size),
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


def test_under_other_laws_is_as_if_made_with_them() -> None:
    """The same records under another law draw what a posterior made with it draws."""
    x, recency, age = np.repeat(RECORDS, 50, axis=0).T
    other, spend = ParetoNBD(0.7, 9.0, 0.4, 7.0), GammaGamma(5.0, 3.0, 20.0)

    def made(law: ParetoNBD, amounts: GammaGamma) -> Posterior:
        return Posterior(
            of_all(law, amounts, x.size), x, recency, age, x + 1, np.full(x.size, 28.0),
            law.probability_alive(x, recency, age), MONTH, np.full(x.size, 0.05),
        )  # fmt: skip

    moved = (
        made(CDNOW, GammaGamma(6.25, 3.74, 15.44)).under(of_all(other, spend, x.size)).draw(7, 1, np.arange(x.size), 0)
    )
    right = made(other, spend).draw(7, 1, np.arange(x.size), 0)
    for name in ("gone", "lost", "purchase_rate", "defection_rate", "mean_spend"):
        assert (getattr(moved, name) == getattr(right, name)).all(), name
