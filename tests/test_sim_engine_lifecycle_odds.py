"""The odds of one period against integration, SciPy and sums by hand."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from markets import Content, Floats
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammainc

from policies.fixed import AsToday
from sim.engine.bond_kernels import moves_of_bonds, room_for_moves
from sim.engine.bonds import bonds_of
from sim.engine.columns import (
    AMOUNT,
    AWARE,
    DEFECTION,
    EFFECTS,
    LOST_CHANCE,
    RATE,
    RETURNED,
    TIED,
    TURNOVER,
    WON,
    WON_UNPAID,
)
from sim.engine.effects import FOR_EVER
from sim.engine.lifecycle_kernels import (
    accounts,
    chances_of_entry,
    incomplete_gammas,
    moves_of_level,
    odds_of_alive,
    rates_of_alive,
)
from sim.market.clock import Market
from sim.scenario.bonds import Links
from sim.scenario.file import parse
from sim.twin import build


def by_integration(m: float, rate: float, buys: int) -> Floats:
    """Odds of (stays, n) and (leaves, n) by integrating over the time of leaving."""
    out = np.zeros(2 * buys)
    for n in range(buys):
        more = n == buys - 1

        def odds(mean: float, n: int = n, more: bool = more) -> float:
            return float(stats.poisson.sf(n - 1, mean) if more else stats.poisson.pmf(n, mean))

        out[n] = math.exp(-m) * odds(rate)
        out[buys + n] = quad(lambda tau: m * math.exp(-m * tau) * odds(rate * tau), 0, 1, epsabs=1e-13)[0]
    return out


def alive_outcomes(m: float, rate: float, buys: int) -> tuple[Floats, float]:
    """Return the odds of (stays, n) and (leaves, n) and the expected purchases: the kernel's formulas in SciPy.

    ``m`` may be infinite: nobody stays.
    """
    if math.isinf(m):
        return np.eye(2 * buys)[buys], 0.0
    both = m + rate
    safe = both if both > 0 else 1.0
    stays, leaves = math.exp(-m), -math.expm1(-m)
    out = np.zeros(2 * buys)
    poisson, gone = math.exp(-rate), m / safe
    for n in range(buys - 1):
        out[n], out[buys + n] = stays * poisson, gone * gammainc(n + 1, both)
        poisson, gone = poisson * rate / (n + 1), gone * rate / safe
    out[buys - 1] = max(stays - out[: buys - 1].sum(), 0)
    out[2 * buys - 1] = max(leaves - out[buys : 2 * buys - 1].sum(), 0)
    return out, rate * (leaves / m if m > 0 else 1.0)


@dataclass(frozen=True)
class Alive:
    """What the kernel says of an alive customer: odds, their derivatives, purchases, and theirs."""

    odds: Floats
    by_m: Floats
    by_rate: Floats
    purchases: float
    purchases_by_m: float
    purchases_by_rate: float


def kernel_of_alive(m: float, rate: float, buys: int, *, renewal: bool = False) -> Alive:
    """Return the kernel's answer."""
    odds, by_m, by_rate = (np.empty(2 * buys) for _ in range(3))
    number = odds_of_alive(m, rate, buys, renewal, odds, by_m, by_rate, np.empty(buys + 1))
    return Alive(odds, by_m, by_rate, *number)


MS = [0.0, 1e-12, 1e-5, 0.1, 1.0, 4.0, 30.0]
RATES = [0.0, 1e-9, 0.02, 0.7, 3.0, 15.0]


@pytest.mark.parametrize("m", MS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("buys", [2, 4])
def test_odds_of_the_alive_agree_with_integration_over_the_time_of_leaving(m: float, rate: float, buys: int) -> None:
    """Odds add up to one and equal the integral over tau; expected purchases are rate x E[min(tau, 1)].

    So do SciPy's, by which the kernel is held wherever integration would be too slow.
    """
    exposure = quad(lambda tau: math.exp(-m * tau), 0, 1)[0]
    want = by_integration(m, rate, buys)
    kernel = kernel_of_alive(m, rate, buys)
    for odds, purchases in ((kernel.odds, kernel.purchases), alive_outcomes(m, rate, buys)):
        assert odds.sum() == pytest.approx(1, abs=1e-13)
        assert odds.min() >= 0
        np.testing.assert_allclose(odds, want, atol=1e-11)
        assert float(purchases) == pytest.approx(rate * exposure, rel=1e-9)


@pytest.mark.parametrize("buys", [2, 3, 12])
def test_odds_of_the_alive_are_scipys(buys: int) -> None:
    """To 1e-13 of the whole, from rates that hardly happen to those that always do, the series' two ranges included."""
    rng = np.random.default_rng(21)
    cases = [(m, rate) for m in (*MS, 200.0) for rate in (*RATES, 60.0, 300.0)]
    cases += list(zip(10 ** rng.uniform(-9, 2.5, 400), 10 ** rng.uniform(-9, 2.5, 400), strict=True))
    for m, rate in cases:
        kernel, (odds, purchases) = kernel_of_alive(m, rate, buys), alive_outcomes(m, rate, buys)
        np.testing.assert_allclose(kernel.odds, odds, rtol=1e-10, atol=1e-13, err_msg=f"m {m}, rate {rate}")
        assert kernel.purchases == pytest.approx(float(purchases), rel=1e-9), (m, rate)


@pytest.mark.parametrize("count", [1, 3, 13])
def test_incomplete_gammas_are_scipys(count: int) -> None:
    """``P(a, x)`` for all a at once, from nothing to far beyond the last, in relative terms."""
    for x in (0.0, 1e-12, 1e-3, 0.4, 2.0, 7.0, count + 5.9, count + 6.1, 60.0, 800.0):
        out = np.empty(count)
        incomplete_gammas(x, count, out)
        np.testing.assert_allclose(out, gammainc(np.arange(1, count + 1), x), rtol=1e-11, err_msg=f"x {x}")


@pytest.mark.parametrize("rate", [0.0, 3.0])
def test_where_nobody_stays_all_leave_at_once(rate: float) -> None:
    """``rho = 0``: everybody leaves before buying anything; a huge number stands for infinity."""
    want, nothing = alive_outcomes(math.inf, rate, 3)
    kernel = kernel_of_alive(FOR_EVER, rate, 3)
    assert want.tolist() == [0, 0, 0, 1, 0, 0]
    np.testing.assert_array_equal(kernel.odds[:3], 0)
    np.testing.assert_allclose(kernel.odds, want, rtol=0, atol=1e-15)
    assert kernel.purchases == pytest.approx(nothing, abs=1e-29)
    kernel = kernel_of_alive(FOR_EVER, 1.0, 3, renewal=True)
    assert kernel.odds.tolist() == want.tolist()
    assert kernel.purchases == 0


def test_a_renewal_is_paid_by_who_survives() -> None:
    """One payment with e^-m, and leaving without one otherwise, whatever the rate."""
    kernel = kernel_of_alive(0.3, 7.0, 4, renewal=True)
    np.testing.assert_allclose(kernel.odds, [0, math.exp(-0.3), 0, 0, 1 - math.exp(-0.3), 0, 0, 0], rtol=1e-14)
    assert kernel.purchases == pytest.approx(math.exp(-0.3), rel=1e-14)


@pytest.mark.parametrize("renewal", [False, True])
@pytest.mark.parametrize("m", [1e-7, 1e-3, 0.1, 1.0, 6.0])
@pytest.mark.parametrize("rate", [1e-7, 0.02, 0.7, 3.0, 15.0])
def test_derivatives_of_the_odds_are_those_of_the_odds(m: float, rate: float, renewal: bool) -> None:
    """By the defection and by the purchase rate, against central differences of the fourth order."""

    def figures(m: float, rate: float) -> Floats:
        now = kernel_of_alive(m, rate, 4, renewal=renewal)
        return np.append(now.odds, now.purchases)

    def by(x: float, function: Callable[[float], Floats]) -> Floats:
        h = 1e-3 * x
        one, two = (function(x + k * h) - function(x - k * h) for k in (1, 2))
        return (8 * one - two) / (12 * h)

    kernel = kernel_of_alive(m, rate, 4, renewal=renewal)
    for x, got, purchases, want in (
        (m, kernel.by_m, kernel.purchases_by_m, by(m, lambda x: figures(x, rate))),
        (rate, kernel.by_rate, kernel.purchases_by_rate, by(rate, lambda x: figures(m, x))),
    ):
        rounding = 1e-11 + 2e-13 / (1e-3 * x)  # of odds near 1, over the step
        np.testing.assert_allclose(np.append(got, purchases), want, rtol=1e-7, atol=rounding)


def moved_by_level(level: int, shift: float, moves: Floats) -> tuple[Floats, Floats]:
    out, by_shift = np.empty(3), np.empty(3)
    moves_of_level(level, *moves[level], shift, out, by_shift)
    return out, by_shift


def moved_by_ties(ties: int, gain: float, turnover: float, follow: float) -> tuple[Floats, Floats, Floats]:
    bonds = bonds_of(Links(mix=(0.25, 0.25, 0.25, 0.25), follow=follow), None)
    effects, (out, by_gain, by_turnover, room) = np.zeros(len(EFFECTS)), room_for_moves(bonds)
    effects[TIED], effects[TURNOVER] = gain, turnover
    moves_of_bonds(bonds, ties, effects, out, by_gain, by_turnover, room)
    return out, by_gain[0], by_turnover[0]


def test_moves_of_satisfaction_by_hand() -> None:
    """A shift adds to the way up and takes from the way down, within 0 and 1; ends have one way; slopes to match."""
    moves = np.array([[0, 0], [0.2, 0], [0.1, 0.3], [0.1, 0.1], [0.05, 0.2], [0, 0.15]])
    for level, shift, want, slopes in (
        (2, 0.0, (0.6, 0.1, 0.3), (0, 1, -1)),
        (2, 0.05, (0.6, 0.15, 0.25), (0, 1, -1)),
        (2, -0.15, (0.55, 0, 0.45), (1, 0, -1)),
        (2, 0.5, (0.4, 0.6, 0), (-1, 1, 0)),
        (1, 0.1, (0.7, 0.3, 0), (-1, 1, 0)),
        (1, -0.1, (0.9, 0.1, 0), (-1, 1, 0)),
        (5, 0.05, (0.9, 0, 0.1), (1, 0, -1)),
        (5, -2.0, (0, 0, 1), (0, 0, 0)),
    ):
        got, by_shift = moved_by_level(level, shift, moves)
        np.testing.assert_allclose(got, want, atol=1e-15)
        np.testing.assert_array_equal(by_shift, slopes)


def test_moves_of_ties_by_hand() -> None:
    """Stays, one more, one fewer, gone with the employee: at a turnover of .2, and their slopes by differences."""
    for ties, gain, want in (
        (0, 0.3, (0.7, 0.3, 0, 0)),
        (1, 0.3, (0.8 * 0.7, 0.8 * 0.3, 0.2 * 0.6, 0.2 * 0.4)),
        (2, 0.3, (0.64 * 0.7, 0.64 * 0.3, 0.36, 0)),
        (3, 0.3, (0.512, 0, 0.488, 0)),
    ):
        got, by_gain, by_turnover = moved_by_ties(ties, gain, 0.2, 0.4)
        np.testing.assert_allclose(got, want, atol=1e-15)
        assert got.sum() == pytest.approx(1, abs=1e-15)
        h = 1e-5
        up, down = (moved_by_ties(ties, gain + step, 0.2, 0.4)[0] for step in (h, -h))
        np.testing.assert_allclose(by_gain, (up - down) / (2 * h), atol=1e-9)
        up, down = (moved_by_ties(ties, gain, 0.2 + step, 0.4)[0] for step in (h, -h))
        np.testing.assert_allclose(by_turnover, (up - down) / (2 * h), atol=1e-9)


def test_expected_purchases_of_agents_are_those_of_the_formula(market: Callable[..., Content]) -> None:
    """What the agents' kernel draws has the formula's mean, from rare to frequent buying and leaving."""
    for rate, defection in ((0.1, 0.5), (2.5, 0.02), (4.0, 3.0)):
        content = market(plain=True, competitors=[], periods=1)
        content["segments"] = {"regulars": content["segments"]["regulars"]}
        content["segments"]["regulars"]["traits"] = {"purchase_rate": rate, "defection_rate": defection, "spend": 1.0}
        twin = build(parse(content))
        who = twin.population(1, 0)
        history = Market(twin, AsToday(), who, seed=1).run()
        _, purchases = alive_outcomes(defection, rate, 3)
        error = math.sqrt((rate + rate**2) / who.size)
        assert history.purchases.sum() / who.size == pytest.approx(float(purchases), abs=4.5 * error)
        left = -math.expm1(-defection)
        assert history.events["left"].sum() / who.size == pytest.approx(left, abs=4.5 * math.sqrt(left / who.size))


def test_accounts_of_a_customer_are_those_by_hand() -> None:
    """Three purchases, 200 at today's prices, sold at nine tenths with a charge of 5; 4 % is never paid.

    Goods cost 60 % of today's prices whatever is asked for them; service 2 a head and 1.5 a purchase.
    """
    earned, service, bad_debt, revenue = accounts(200.0, 0.9, 3.0, 1.0, 5.0, 0.4, 0.04, 2.0, 1.5)
    assert revenue == pytest.approx(200 * 0.9 + 5)
    assert bad_debt == pytest.approx(0.04 * revenue)
    assert service == pytest.approx(2 + 3 * 1.5)
    assert earned == pytest.approx(revenue - bad_debt - 0.6 * 200 - service)


def test_chances_of_those_who_are_no_customers() -> None:
    """What money adds is multiplied by a quality of its own; a chance stays one however good prospects are."""
    effects = np.zeros(len(EFFECTS))
    effects[[AWARE, WON, WON_UNPAID, RETURNED, LOST_CHANCE]] = 0.11, 0.3, 0.2, 0.07, 0.05
    assert chances_of_entry(0, effects, 3.0, 2.0) == (0.11, 0.0)
    assert chances_of_entry(1, effects, 0.5, 1.5) == (pytest.approx(0.2 * 0.5 + (0.3 - 0.2) * 1.5), 0.0)
    assert chances_of_entry(1, effects, 9.0, 9.0) == (1.0, 0.0)
    assert chances_of_entry(1, effects, 0.0, 9.0)[0] == pytest.approx(0.9)
    effects[WON] = 0.01
    assert chances_of_entry(1, effects, 0.1, 0.9) == (0.0, 0.0)
    assert chances_of_entry(3, effects, 3.0, 2.0) == (0.07, 0.05)
    assert chances_of_entry(4, effects, 3.0, 2.0) == (0.0, 0.0)


def test_rates_are_multiplied_by_money_level_ties_and_growth() -> None:
    """Each by its own numbers; growth moves buying and amounts, and nobody's leaving."""
    effects = np.zeros(len(EFFECTS))
    effects[[DEFECTION, RATE, AMOUNT]] = 1.1, 1.2, 1.3
    found = rates_of_alive(0.2, 0.7, effects, np.array([0.5, 3.0, 5.0]), np.array([7.0, 11.0, 13.0]), 1.5, 1.7)
    expected = (0.2 * 1.1 * 0.5 * 7, 0.7 * 1.2 * 3 * 11 * 1.5, 1.3 * 5 * 13 * 1.7)
    assert found == pytest.approx(expected, rel=1e-12)
