"""The laws of buying against direct numerical integration, and fits against known truths."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, special

from sim.customers import calibration
from sim.customers.calibration import (
    BGNBD,
    GammaGamma,
    ParetoNBD,
    at_the_edge,
    fit_bg_nbd,
    fit_gamma_gamma,
    fit_pareto_nbd,
    holdout,
    is_one_price,
)
from sim.customers.published import CDNOW_CALIBRATION_END
from sim.customers.records import AmountRecords, BuyingRecords, distinct
from sim.customers.tail_kernels import log_fraction
from sim.errors import InputError, PurchasesError
from sim.purchases.base import CustomerBase, PurchaseSummary

CUSTOMERS = [4, 18, 21, 50, 60, 71, 6, 111, 157, 1516]
MODELS = [
    ParetoNBD(0.553, 10.578, 0.606, 11.669),
    ParetoNBD(0.9, 25.0, 1.4, 6.0),
    ParetoNBD(2.0, 8.0, 1.0, 8.0),
]


@pytest.fixture(scope="module")
def summary(cdnow: CustomerBase) -> PurchaseSummary:
    return cdnow.summarise(CDNOW_CALIBRATION_END)


def record(summary: PurchaseSummary, customer: int) -> tuple[float, float, float]:
    i = int(np.searchsorted(summary.customer_id, customer))
    assert summary.customer_id[i] == customer
    return float(summary.frequency[i]), float(summary.recency[i]), float(summary.age[i])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("customer", CUSTOMERS)
def test_alive_and_rate_agree_with_integration_over_the_leaving_time(
    summary: PurchaseSummary, model: ParetoNBD, customer: int
) -> None:
    x, t_x, age = record(summary, customer)
    shape = model.r + x

    def gone_at(tau: float) -> float:  # scaled by the density of being alive at the end
        buying = ((model.alpha + age) / (model.alpha + tau)) ** shape
        return float(buying * model.s / (model.beta + tau) * ((model.beta + age) / (model.beta + tau)) ** model.s)

    gone, _ = integrate.quad(gone_at, t_x, age, epsabs=0, epsrel=1e-11)
    weighted, _ = integrate.quad(lambda tau: gone_at(tau) * shape / (model.alpha + tau), t_x, age, epsrel=1e-11)
    rate = (shape / (model.alpha + age) + weighted) / (1 + gone)
    assert float(model.probability_alive(x, t_x, age)) == pytest.approx(1 / (1 + gone), rel=1e-9)
    assert float(model.mean_purchase_rate(x, t_x, age)) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("customer", [18, 4, 1516])
def test_likelihood_agrees_with_integration_over_both_rates(
    summary: PurchaseSummary, model: ParetoNBD, customer: int
) -> None:
    x, t_x, age = record(summary, customer)
    # Gauss-Laguerre, the gamma densities and lambda^x e^(-lambda t_x) being the weight
    rate, rate_weight = special.roots_genlaguerre(80, model.r + x - 1)
    leave, leave_weight = special.roots_genlaguerre(80, model.s - 1)
    rate, leave = rate[:, None] / (model.alpha + t_x), leave[None, :] / (model.beta + t_x)
    total = rate + leave
    kept = np.exp(-total * (age - t_x))
    inner = kept + leave / total * (1 - kept)
    mass = float(rate_weight @ inner @ leave_weight) / (special.gamma(model.r) * special.gamma(model.s))
    scale = model.r * np.log(model.alpha / (model.alpha + t_x)) - x * np.log(model.alpha + t_x)
    expected = np.log(mass) + scale + model.s * np.log(model.beta / (model.beta + t_x))
    assert float(model.log_likelihood(x, t_x, age)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("model", [*MODELS, ParetoNBD(1.0, 5.0, 1.0 + 1e-9, 7.0)])
def test_expectations_agree_with_integration_over_time(model: ParetoNBD) -> None:
    weeks, _ = integrate.quad(lambda t: (model.beta / (model.beta + t)) ** model.s, 0, 39)
    assert float(model.expected_purchases(39)) == pytest.approx(model.r / model.alpha * weeks, rel=1e-9)
    weeks, _ = integrate.quad(lambda t: ((model.beta + 30) / (model.beta + 30 + t)) ** model.s, 0, 39)
    expected = float(model.probability_alive(3, 12, 30)) * (model.r + 3) / (model.alpha + 30) * weeks
    assert float(model.conditional_expected_purchases(39, 3, 12, 30)) == pytest.approx(expected, rel=1e-9)
    delta = np.log(1.1) / 52
    weeks, _ = integrate.quad(
        lambda t: (model.beta / (model.beta + t)) ** model.s * np.exp(-delta * t), 0, 20_000, limit=500
    )
    assert model.discounted_expected_transactions(delta) == pytest.approx(model.r / model.alpha * weeks, rel=1e-6)


def test_a_purchase_on_the_last_day_means_alive() -> None:
    model = MODELS[0]
    assert model.probability_alive([0, 5], [0, 20], [0, 20]).tolist() == [1.0, 1.0]
    assert model.mean_purchase_rate(5, 20, 20) == pytest.approx((model.r + 5) / (model.alpha + 20))


def test_hundreds_of_purchases_stay_finite() -> None:
    model = ParetoNBD(0.1, 2_000.0, 0.3, 1.0)  # SciPy's hypergeometric function overflows here
    found = np.array([model.log_likelihood(300, 1.0, 39.0), model.mean_purchase_rate(300, 1.0, 39.0)])
    assert np.isfinite(found).all()
    b, c, z = np.array([0.7, 30.0, 80.0]), np.array([2.1, 30.4, 90.0]), np.array([0.3, 0.99, 0.999])
    known = special.hyp2f1(1.0, b, c, z)
    assert [np.exp(log_fraction(*each)) for each in zip(b, c, z, strict=True)] == pytest.approx(known, rel=1e-10)


@pytest.mark.parametrize("rates", [(1e8, 1e-2), (1e-2, 1e8)])
def test_rates_that_are_far_apart_have_a_likelihood(rates: tuple[float, float]) -> None:
    """Where the continued fraction does not end; against integration over the leaving time."""
    alpha, beta = rates
    r = s = 0.5
    x, t_x, age = 3.0, 0.5, 50.0

    def of_leaving(at: float) -> float:  # in the logarithm of the time, scaled by the density of being alive at the end
        tau = np.exp(at)
        left = s / (beta + tau) * ((beta + age) / (beta + tau)) ** s
        return float(tau * left * ((alpha + age) / (alpha + tau)) ** (r + x))

    gone, _ = integrate.quad(of_leaving, np.log(t_x), np.log(age), epsabs=0, epsrel=1e-11, limit=200)
    law = ParetoNBD(r, alpha, s, beta)
    alive = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + age)
    alive += s * np.log(beta / (beta + age))
    assert float(law.log_likelihood(x, t_x, age)) == pytest.approx(alive + np.log1p(gone), rel=1e-8)
    assert float(law.log_likelihood(0.0, 0.0, age)) < 0


@pytest.mark.parametrize("law", [(0.6, 9.0, 0.7, 14.0), (2.0, 3.0, 0.4, 3.0), (0.3, 50.0, 1.5, 4.0)])
def test_slopes_of_the_likelihood_are_its_differences(law: tuple[float, ...]) -> None:
    random = np.random.default_rng(5)
    age = random.integers(1, 700, 400) / 7
    frequency = random.poisson(2, 400)
    recency = np.where(frequency > 0, np.minimum(random.integers(1, 700, 400) / 7, age), 0.0)
    money, used = random.gamma(3.0, 10.0, 400), frequency > 0
    records = BuyingRecords.of(frequency, recency, age), AmountRecords.of(frequency[used], money[used])
    for kind, values, known in zip((ParetoNBD, GammaGamma), (law, law[:3]), records, strict=True):
        whole, slopes = kind(*values).slopes_of(known)
        total = lambda at: float(known.counts @ kind(*at).log_likelihood_of(known))  # noqa: E731, B023
        assert whole == pytest.approx(total(values), rel=1e-12)
        for i, value in enumerate(values):
            up, down = ([*values[:i], value * (1 + step), *values[i + 1 :]] for step in (1e-5, -1e-5))
            assert slopes[i] == pytest.approx((total(up) - total(down)) / (2e-5 * value), rel=1e-6, abs=1e-5)


def test_bg_nbd_agrees_with_integration_over_both_traits() -> None:
    model = BGNBD(0.8, 6.0, 1.3, 2.5)
    rate, rate_weight = special.roots_genlaguerre(40, model.r - 1)
    chance, chance_weight = special.roots_sh_jacobi(40, model.a + model.b - 1, model.a)
    rate, chance = rate[:, None] / model.alpha, chance[None, :]
    prior = rate_weight[:, None] * chance_weight[None, :]
    prior = prior / prior.sum()
    bought = (1 - np.exp(-rate * chance * 15)) / chance
    assert float(model.expected_purchases(15)) == pytest.approx(float((prior * bought).sum()), rel=1e-6)
    x, t_x, age = 2, 8.0, 20.0
    alive = rate**x * (1 - chance) ** x * np.exp(-rate * age)
    gone = rate**x * chance * (1 - chance) ** (x - 1) * np.exp(-rate * t_x)
    total = float((prior * (alive + gone)).sum())
    assert float(model.log_likelihood(x, t_x, age)) == pytest.approx(np.log(total), abs=1e-6)
    assert float(model.probability_alive(x, t_x, age)) == pytest.approx(float((prior * alive).sum()) / total, rel=1e-6)
    later = float((prior * alive * bought).sum()) / total
    assert float(model.conditional_expected_purchases(15, x, t_x, age)) == pytest.approx(later, rel=1e-6)
    assert float(model.probability_alive(0, 0, age)) == 1.0


def test_spend_agrees_with_integration_over_the_trait() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    x, z = 3.0, 22.35

    def density(nu: float) -> float:  # of the mean of x amounts, times the prior of nu
        amounts = np.exp(model.p * x * np.log(nu * x) + (model.p * x - 1) * np.log(z) - special.gammaln(model.p * x))
        prior = model.gamma**model.q * nu ** (model.q - 1) * np.exp(-model.gamma * nu) / special.gamma(model.q)
        return float(amounts * np.exp(-nu * x * z) * prior)

    total, _ = integrate.quad(density, 0, 5, epsabs=0, epsrel=1e-10, limit=200)
    mean, _ = integrate.quad(lambda nu: density(nu) * model.p / nu, 0, 5, epsabs=0, epsrel=1e-10, limit=200)
    assert float(model.log_likelihood(x, z)) == pytest.approx(np.log(total), abs=1e-8)
    assert float(model.conditional_mean_spend(x, z)) == pytest.approx(mean / total, rel=1e-8)
    assert float(model.conditional_mean_spend(0, 0)) == pytest.approx(model.mean_spend())
    assert GammaGamma(2.0, 0.5, 3.0).mean_spend() == np.inf
    assert GammaGamma(0.2, 0.5, 3.0).conditional_mean_spend([1, 9], [4.0, 4.0])[0] == np.inf


def simulated(truth: ParetoNBD, spend: GammaGamma, customers: int) -> PurchaseSummary:
    rng = np.random.default_rng(20)
    rate, leave = rng.gamma(truth.r, 1 / truth.alpha, customers), rng.gamma(truth.s, 1 / truth.beta, customers)
    age = rng.integers(200, 400, customers) / 7.0
    stay = np.minimum(rng.exponential(1 / leave), age)
    bought = rng.poisson(rate * stay)
    last = np.where(bought > 0, stay * rng.random(customers) ** (1 / np.maximum(bought, 1)), 0.0)
    shape = spend.p * np.maximum(bought, 1)
    nu = rng.gamma(spend.q, 1 / spend.gamma, customers)
    mean = np.where(bought > 0, rng.gamma(shape, 1 / (nu * np.maximum(bought, 1))), 0.0)
    return PurchaseSummary(np.arange(customers), bought, last, age, mean, bought + 1, mean, date(2024, 1, 1))


def test_fits_recover_what_simulated_customers_were_made_from() -> None:
    truth, spend = ParetoNBD(0.8, 6.0, 0.7, 15.0), GammaGamma(3.0, 4.0, 30.0)
    people = simulated(truth, spend, 12_000)
    fitted, money = fit_pareto_nbd(people), fit_gamma_gamma(people)
    assert [fitted.r, fitted.alpha] == pytest.approx([truth.r, truth.alpha], rel=0.06)
    assert [fitted.s, fitted.beta] == pytest.approx([truth.s, truth.beta], rel=0.2)
    assert [money.p, money.q, money.gamma] == pytest.approx([spend.p, spend.q, spend.gamma], rel=0.1)
    assert money.mean_spend() == pytest.approx(spend.mean_spend(), rel=0.02)


def test_starts_tried_on_a_part_end_in_the_law_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts on every fourth customer: the law of all customers as if they had been tried on all."""
    people = simulated(ParetoNBD(0.8, 6.0, 0.7, 15.0), GammaGamma(3.0, 4.0, 30.0), 2_000)
    whole = vars(fit_pareto_nbd(people))
    monkeypatch.setattr(calibration, "MOST_ROUGH", 500)
    monkeypatch.setattr(calibration, "ROUGH", 500)
    assert vars(fit_pareto_nbd(people)) == pytest.approx(whole, rel=1e-4)
    assert vars(fit_pareto_nbd(people)) != whole


def test_customers_who_never_leave_have_long_lives() -> None:
    people = simulated(ParetoNBD(0.8, 6.0, 0.7, 1e9), GammaGamma(3.0, 4.0, 30.0), 600)
    fitted = fit_pareto_nbd(people)
    assert float(fitted.probability_alive(3, 10, 40)) > 0.99
    assert float(fitted.expected_purchases(52)) == pytest.approx(0.8 / 6.0 * 52, rel=0.15)


def part(summary: PurchaseSummary, keep: np.ndarray) -> PurchaseSummary:
    names = ("customer_id", "frequency", "recency", "age", "mean_spend", "purchases", "mean_amount_all")
    return replace(summary, **{name: getattr(summary, name)[keep] for name in names})


def test_data_that_cannot_tell_the_parameters_are_refused(summary: PurchaseSummary) -> None:
    few, once = part(summary, np.arange(49)), part(summary, summary.frequency == 0)
    for fit in (fit_pareto_nbd, fit_bg_nbd):
        with pytest.raises(PurchasesError, match="needs 50 customers; until 1997-09-30 there are 49"):
            fit(few)
        with pytest.raises(PurchasesError, match="nobody bought on a second day until 1997-09-30"):
            fit(once)
    with pytest.raises(PurchasesError, match="at least 50 customers with a repeat purchase"):
        fit_gamma_gamma(once)


def test_one_price_is_a_law_too(summary: PurchaseSummary) -> None:
    law = fit_gamma_gamma(replace(summary, mean_spend=np.where(summary.frequency > 0, 9.0, 0.0)))
    assert is_one_price(law)
    assert law.mean_spend() == pytest.approx(9.0)
    known = law.conditional_mean_spend(summary.purchases, np.full(len(summary), 9.0))
    assert known == pytest.approx(np.full(len(summary), 9.0), rel=1e-4)
    assert not is_one_price(fit_gamma_gamma(summary))


@pytest.mark.parametrize("unit", [1e-6, 0.37, 1e5])
def test_amounts_in_another_unit_have_the_same_law(summary: PurchaseSummary, unit: float) -> None:
    law, other = fit_gamma_gamma(summary), fit_gamma_gamma(replace(summary, mean_spend=summary.mean_spend * unit))
    assert (other.p, other.q, other.gamma / unit) == pytest.approx((law.p, law.q, law.gamma), rel=1e-6)


def test_a_shape_at_the_edge_is_said_with_what_it_means() -> None:
    assert at_the_edge(ParetoNBD(1.0, 10.0, 0.5, 10.0)) == ()
    (said,) = at_the_edge(ParetoNBD(1.0, 10.0, 0.001, 10.0))
    assert "nobody ever leaves in this file, so retention has nothing to gain here" in said
    assert [text.split(" ")[0] for text in at_the_edge(GammaGamma(100.0, 100.0, 3.0))] == ["p", "q"]


def test_models_refuse_parameters_out_of_range() -> None:
    with pytest.raises(InputError, match="ParetoNBD: s must be a finite number above 0, not 0"):
        ParetoNBD(1.0, 1.0, 0.0, 1.0)
    with pytest.raises(InputError, match="discount rate per week must be above 0"):
        MODELS[0].discounted_expected_transactions(0.0)


def test_holdout_is_cut_to_whole_weeks_and_needs_one(cdnow: CustomerBase, summary: PurchaseSummary) -> None:
    check = holdout(MODELS[0], cdnow, summary, CDNOW_CALIBRATION_END + timedelta(days=20))
    assert check.weeks == 2
    assert int(check.class_customers.sum()) == len(summary)
    grown = check.actual_cumulative[-1] - int(summary.frequency.sum())
    assert int(check.class_purchases.sum()) == grown
    with pytest.raises(PurchasesError, match="nothing to hold out"):
        holdout(MODELS[0], cdnow, summary, CDNOW_CALIBRATION_END + timedelta(days=6))


def test_holdout_leaves_out_customers_won_later(tmp_path: Path) -> None:
    rows = "".join(f"{i},2024-01-{1 + i % 7:02d},5\n{i},2024-02-{1 + i % 9:02d},5\n" for i in range(60))
    late = "".join(f"{i},2024-02-20,5\n{i},2024-02-{21 + i % 3},5\n" for i in range(100, 140))
    (tmp_path / "p.csv").write_text("id,date,amount\n" + rows + late)
    base = CustomerBase.create(tmp_path / "base.duckdb", tmp_path / "p.csv")
    early = base.summarise(date(2024, 2, 5))
    check = holdout(MODELS[0], base, early, date(2024, 2, 26))
    assert check.actual_cumulative.tolist() == [60.0, 60.0, 60.0]
    assert int(check.class_purchases.sum()) == 60 - int(early.frequency.sum())


@pytest.mark.parametrize("law", [(0.6, 9.0, 0.7, 14.0), (2.0, 3.0, 0.4, 3.0), (0.3, 5.0, 1.5, 40.0)])
def test_shared_parts_give_each_record_the_same_likelihood_to_the_bit(law: tuple[float, ...]) -> None:
    """Records that share x and a time, x = 0, and t_x = T, against one record at a time."""
    random = np.random.default_rng(4)
    age = random.integers(1, 9, 3_000) * 7 / 7.0
    frequency = random.integers(0, 5, 3_000)
    recency = np.where(frequency > 0, np.minimum(random.integers(1, 9, 3_000) / 1.0, age), 0.0)
    records = BuyingRecords.of(frequency, recency, age)
    assert records.counts.sum() == 3_000
    assert len(records.counts) > 3 * len(records.ends[0])
    alone = [float(ParetoNBD(*law).log_likelihood(*each)) for each in zip(*records[1:4], strict=True)]
    assert ParetoNBD(*law).log_likelihood_of(records).tolist() == alone
    money = np.round(random.gamma(3.0, 10.0, 3_000), 1) + 0.1
    used = frequency > 0
    amounts = AmountRecords.of(frequency[used], money[used])
    whole = GammaGamma(*law[:3]).log_likelihood(amounts.frequency[amounts.which], np.exp(amounts.log_mean))
    np.testing.assert_allclose(GammaGamma(*law[:3]).log_likelihood_of(amounts), whole, rtol=1e-12)
    counted = sorted(zip(*distinct(frequency[used].astype(float), money[used])[1:], strict=True))
    assert counted == sorted({(float(x), float(z)) for x, z in zip(frequency[used], money[used], strict=True)})
