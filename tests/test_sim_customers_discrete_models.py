"""sBG and BG/BB: published figures reproduced, likelihoods by integration over the hidden chances, sums by hand."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy import integrate, stats

from experiments.validation.contracts import (
    CONTRACTS,
    DONATIONS,
    DONORS,
    HIGH_END,
    REGULAR,
    contract_figures,
    contracts,
    donation_figures,
)
from sim.customers.discrete_models import BGBB, ShiftedBetaGeometric, fit_bg_bb, fit_sbg
from sim.customers.published import PublishedFigure
from sim.errors import InputError, PurchasesError


@pytest.mark.parametrize(
    ("figures", "compute"),
    [(CONTRACTS, contract_figures), (DONATIONS, donation_figures)],
    ids=["contracts", "donations"],
)
def test_published_figures(figures: tuple[PublishedFigure, ...], compute: Callable[[], Mapping[str, float]]) -> None:
    computed = compute()
    assert [each.key for each in figures if not each.agrees(computed[each.key])] == []


@pytest.mark.parametrize(("survival", "a", "b"), [(HIGH_END, 0.668, 3.806), (REGULAR, 0.704, 1.182)])
def test_survival_is_the_product_of_those_who_stay(survival: tuple[float, ...], a: float, b: float) -> None:
    law = fit_sbg(*contracts(survival, 7))
    left = np.cumprod([(b + t) / (a + b + t) for t in range(12)])
    assert law.survival(range(1, 13)) == pytest.approx(left, rel=0.003)


def test_all_donors_are_there() -> None:
    assert sum(DONORS.values()) == 11_104


def test_contracts_by_integration_over_the_chance() -> None:
    law, prior = ShiftedBetaGeometric(0.8, 2.5), stats.beta(0.8, 2.5)

    def mean(of) -> float:
        return float(integrate.quad(lambda p: prior.pdf(p) * of(p), 0, 1, limit=200, epsabs=1e-12)[0])

    for age, ended, start in ((0, 1, 0), (3, 1, 0), (5, 0, 0), (6, 1, 2), (4, 0, 4)):
        wanted = mean(lambda p, age=age, ended=ended: (1 - p) ** age * p**ended)
        wanted /= mean(lambda p, start=start: (1 - p) ** start)
        assert float(law.log_likelihood(age, ended, start)) == pytest.approx(np.log(wanted), abs=1e-6)
    assert float(law.survival(4)) == pytest.approx(mean(lambda p: (1 - p) ** 4), rel=1e-7)
    later = law.survival(3 + np.arange(1, 4_000)) / law.survival(3) * 1.1 ** -np.arange(1.0, 4_000)
    assert float(law.expected_renewals(3, 0.1)) == pytest.approx(later.sum(), rel=1e-9)


def test_opportunities_by_integration_over_both_chances() -> None:
    law = BGBB(1.2, 0.75, 0.66, 2.8)
    p, q = stats.beta(law.alpha, law.beta), stats.beta(law.gamma, law.delta)
    takes, leaves = (dist.ppf((np.arange(4_000) + 0.5) / 4_000) for dist in (p, q))
    for x, t_x, n in ((2, 3, 6), (0, 0, 4), (5, 6, 6), (1, 1, 5)):
        take = takes**x
        alive = (take * (1 - takes) ** (n - x)).mean() * ((1 - leaves) ** n).mean()
        gone = sum((take * (1 - takes) ** (t - x)).mean() * (leaves * (1 - leaves) ** t).mean() for t in range(t_x, n))
        assert float(law.log_likelihood(x, t_x, n)) == pytest.approx(np.log(alive + gone), abs=2e-3)
        here = (take * (1 - takes) ** (n - x)).mean() * ((1 - leaves) ** (n + 1)).mean() / (alive + gone)
        assert float(law.probability_alive(x, t_x, n)) == pytest.approx(here, rel=5e-3)
        ahead = sum(
            (takes ** (x + 1) * (1 - takes) ** (n - x)).mean() * ((1 - leaves) ** (n + k)).mean() for k in (1, 2, 3)
        )
        found = float(law.conditional_expected_purchases(3, x, t_x, n))
        assert found == pytest.approx(ahead / (alive + gone), rel=5e-3)


def test_contracts_first_seen_late_are_no_worse() -> None:
    """Those seen only from their third renewal on have the same law, where the likelihood knows it."""
    rng = np.random.default_rng(5)
    chance = rng.beta(0.8, 2.5, 40_000)
    lives = rng.geometric(chance) - 1
    old = lives >= 2
    age, count = np.unique(np.minimum(lives[old], 8), return_counts=True)
    ended = age < 8
    knows = fit_sbg(age, ended, count, start=2)
    assert float(knows.retention(2)) == pytest.approx(float(ShiftedBetaGeometric(0.8, 2.5).retention(2)), abs=0.01)
    naive = fit_sbg(age, ended, count)
    assert float(naive.retention(0)) > 0.9


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(PurchasesError, match="no contract ended"):
        fit_sbg([3, 4], [0, 0], [5, 5])
    with pytest.raises(PurchasesError, match="no contract was renewed"):
        fit_sbg([0], [1], [5])
    with pytest.raises(PurchasesError, match="nobody took an opportunity"):
        fit_bg_bb([0], [0], 6, [9])
    with pytest.raises(InputError, match="0 <= frequency <= recency"):
        BGBB(1, 1, 1, 1).log_likelihood(3, 2, 6)
    with pytest.raises(InputError, match="must be above 0"):
        ShiftedBetaGeometric(1, 1).expected_renewals(0, 0.0)
