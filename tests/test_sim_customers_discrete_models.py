"""sBG and BG/BB: published figures reproduced, likelihoods by integration over the hidden chances, sums by hand."""

import numpy as np
import pytest
from scipy import integrate, stats

from sim.customers.discrete_models import BGBB, ShiftedBetaGeometric, fit_bg_bb, fit_sbg
from sim.errors import InputError, PurchasesError

HIGH_END = [86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]
REGULAR = [63.1, 46.8, 38.2, 32.6, 28.9, 26.2, 24.1, 22.3, 20.7, 19.4, 18.3, 17.3]
"""Per cent that survive each year (Fader & Hardie 2007, table 1)."""
DONORS = {
    (6, 6): 1203, (5, 6): 728, (4, 6): 512, (3, 6): 357, (2, 6): 234, (1, 6): 129, (5, 5): 335, (4, 5): 284,
    (3, 5): 225, (2, 5): 173, (1, 5): 119, (4, 4): 240, (3, 4): 181, (2, 4): 155, (1, 4): 78, (3, 3): 322,
    (2, 3): 255, (1, 3): 129, (2, 2): 613, (1, 2): 277, (1, 1): 1091, (0, 0): 3464,
}  # fmt: skip
"""Donors by frequency and recency over six years (Fader, Hardie & Shang 2010, table 1)."""


def contracts(survival: list[float], years: int) -> tuple[list[int], list[int], list[float]]:
    """Return age, whether ended, and how many of 1,000."""
    alive = [1000.0, *(10 * each for each in survival[:years])]
    age, ended, count = [], [], []
    for t in range(years):
        age, ended, count = [*age, t], [*ended, 1], [*count, alive[t] - alive[t + 1]]
    return [*age, years], [*ended, 0], [*count, alive[years]]


@pytest.mark.parametrize(("survival", "a", "b"), [(HIGH_END, 0.668, 3.806), (REGULAR, 0.704, 1.182)])
def test_published_contracts(survival: list[float], a: float, b: float) -> None:
    law = fit_sbg(*contracts(survival, 7))
    assert (law.a, law.b) == pytest.approx((a, b), rel=0.002)
    left = np.cumprod([(b + t) / (a + b + t) for t in range(12)])
    assert law.survival(range(1, 13)) == pytest.approx(left, rel=0.003)


def test_the_high_ends_log_likelihood() -> None:
    age, ended, count = contracts(HIGH_END, 7)
    law = fit_sbg(age, ended, count)
    assert float(np.array(count) @ law.log_likelihood(age, ended)) == pytest.approx(-1611.2, abs=0.05)


def test_published_donations() -> None:
    x, t_x = np.array(list(DONORS)).T
    count = list(DONORS.values())
    assert sum(count) == 11_104
    law = fit_bg_bb(x, t_x, 6, count)
    assert list(vars(law).values()) == pytest.approx([1.204, 0.750, 0.657, 2.783], rel=0.002)
    assert float(np.array(count) @ law.log_likelihood(x, t_x, 6)) == pytest.approx(-33225.6, abs=0.05)
    assert float(law.conditional_expected_purchases(5, 6, 6, 6)) == pytest.approx(3.75, abs=0.005)
    assert float(law.conditional_expected_purchases(5, 0, 0, 6)) == pytest.approx(0.07, abs=0.005)


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
