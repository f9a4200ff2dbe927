"""Contacts the firm chose: traits held alike, against another library, against the truth, and what cannot be told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.arrays import Floats
from sim.errors import InputError
from sim.responses.arms import Measured, measure, refuse_falling
from sim.responses.read import Trial, read_evidence

DOSES = np.array([0.0, 0.5, 2.0])
AT = np.array([-1.0, -0.6, 0.2])
BY_TRAIT = np.array([1.0, 0.3, -0.5])


def logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


def chosen(seed: int, n: int, moves: str = "acquisition", traits: Any = None) -> Trial:
    """Contacts that the firm gave to those of high first trait, who buy more anyhow."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 3))
    paid = random.random(n) < logistic(x[:, 0] + 0.5 * x[:, 2] - 0.3)
    arm = paid * random.integers(1, 3, n)
    eta = AT[arm] + x @ BY_TRAIT
    if moves == "acquisition":
        y = (random.random(n) < logistic(eta)).astype(float)
    else:
        y = random.poisson(np.exp(0.5 * eta)).astype(float)
    ones = np.ones(n)
    return Trial(("adverts", moves, ""), DOSES[arm], y, ones, ones, True, "contacts.csv", x, ("age", "visits", "far"))


@pytest.fixture(scope="module")
def right() -> Floats:
    x = np.random.default_rng(99).standard_normal((400_000, 3))
    return np.array([logistic(a + x @ BY_TRAIT).mean() for a in AT])


def apart(found: Measured, i: int = 2) -> tuple[float, float]:
    spread = found.covariance
    return found.mean[i] - found.mean[0], float(np.sqrt(spread[0, 0] + spread[i, i] - 2 * spread[0, i]))


def test_traits_held_alike_give_what_everybody_would_do(right: Floats) -> None:
    trial = chosen(1, 6000)
    found = measure(trial, "chance")
    raw = np.array([trial.outcome[trial.spend == d].mean() for d in DOSES])
    assert (np.abs(found.mean - right) < 3 * np.sqrt(np.diag(found.covariance))).all()
    gap, error = apart(found)
    assert raw[2] - raw[0] - (right[2] - right[0]) > 5 * error  # as it stands it is far off
    assert abs(gap - (right[2] - right[0])) < 3 * error
    assert [arm.customers for arm in found.arms] == [(trial.spend == d).sum() for d in DOSES]


def test_means_are_those_of_another_library() -> None:
    from sklearn.linear_model import LogisticRegression

    trial = chosen(2, 2000)
    assert trial.traits is not None
    found = measure(trial, "chance")
    arms = (trial.spend[:, None] == DOSES[1:]).astype(float)
    fit = LogisticRegression(C=1e6, tol=1e-10, max_iter=1000).fit(np.hstack([arms, trial.traits]), trial.outcome)
    for i in range(3):
        there = np.zeros_like(arms)
        if i:
            there[:, i - 1] = 1.0
        mean = fit.predict_proba(np.hstack([there, trial.traits]))[:, 1].mean()
        assert found.mean[i] == pytest.approx(mean, abs=2e-4)


def test_gains_have_the_ratio_that_money_brings() -> None:
    found = measure(chosen(3, 20_000, "purchase_rate"), "gain")
    gap, error = apart(found)
    ratio = found.mean[2] / found.mean[0]
    assert ratio == pytest.approx(np.exp(0.5 * 1.2), rel=3 * error / found.mean[0])
    assert gap > 10 * error


def test_rows_in_another_order_and_another_unit_say_the_same() -> None:
    trial = chosen(4, 3000)
    assert trial.traits is not None
    order = np.random.default_rng(0).permutation(3000)
    other = Trial(
        trial.key, trial.spend[order], trial.outcome[order], trial.customers, trial.periods, True, "f",
        trial.traits[order] * [1000.0, -1.0, 0.01] + [2e6, 0.0, 5.0], trial.trait_names,
    )  # fmt: skip
    one, two = measure(trial, "chance"), measure(other, "chance")
    assert two.mean == pytest.approx(one.mean, rel=1e-7)
    assert two.covariance == pytest.approx(one.covariance, rel=1e-5)


def test_what_tells_who_got_money_cannot_be_weighed() -> None:
    trial = chosen(5, 500)
    assert trial.traits is not None
    with_letter = np.column_stack([trial.traits, trial.spend > 0, trial.traits[:, 0] * 2, np.ones(500)])
    names = (*trial.trait_names, "letter", "twice", "one")
    bad = Trial(trial.key, *(getattr(trial, n) for n in ("spend", "outcome", "customers", "periods")), True,
                "contacts.csv", with_letter, names)  # fmt: skip
    with pytest.raises(InputError, match="'letter' tells wholly who got how much"):
        measure(bad, "chance")
    kept = [0, 1, 2, 4, 5]
    good = Trial(trial.key, trial.spend, trial.outcome, trial.customers, trial.periods, True, "contacts.csv",
                 with_letter[:, kept], tuple(names[i] for i in kept))  # fmt: skip
    found = measure(good, "chance")
    assert found.mean == pytest.approx(measure(trial, "chance").mean, rel=1e-9)
    assert any("say no more than others: twice, one" in note for note in found.notes)


def test_many_amounts_are_taken_together_and_that_is_said() -> None:
    trial = chosen(6, 4000)
    paid = trial.spend > 0
    many = np.where(paid, trial.spend * np.random.default_rng(1).uniform(0.5, 1.5, 4000), 0.0)
    found = measure(Trial(trial.key, many, *(getattr(trial, n) for n in ("outcome", "customers", "periods")), True,
                          "f", trial.traits, trial.trait_names), "chance")  # fmt: skip
    assert len(found.arms) == 11
    assert sum(arm.customers * arm.spend for arm in found.arms) == pytest.approx(many.sum())
    assert any("amounts of money were taken together as 11" in note for note in found.notes)


def test_money_that_harms_with_traits_alike_is_refused() -> None:
    """Those with money buy more as they are better customers; of customers alike they buy less."""
    random = np.random.default_rng(7)
    x = random.standard_normal((6000, 1))
    paid = random.random(6000) < logistic(2 * x[:, 0])
    y = (random.random(6000) < logistic(2 * x[:, 0] - 0.8 * paid)).astype(float)
    ones = np.ones(6000)
    trial = Trial(("care", "survival", ""), 1.0 * paid, y, ones, ones, True, "contacts.csv", x, ("visits",))
    assert y[paid].mean() > y[~paid].mean()
    with pytest.raises(InputError, match=r"more money went with less \(.* their traits weighed\)"):
        refuse_falling(trial, measure(trial, "chance"))


def test_columns_become_traits_where_the_firm_chose(tmp_path: Path) -> None:
    trial = chosen(8, 300)
    assert trial.traits is not None
    rows = ["customer_id,lever,moves,spend,outcome,assigned,age,region,street"]
    for i, (d, y, x) in enumerate(zip(trial.spend, trial.outcome, trial.traits, strict=True)):
        age = "" if i == 5 else f"{x[0]:.4f}"
        rows.append(f"{i},care,survival,{d:g},{y:g},chosen,{age},{'north' if x[1] > 0 else 'south'},street {i}")
    (tmp_path / "contacts.csv").write_text("\n".join(rows))
    [read], _, notes, _ = read_evidence(tmp_path / "contacts.csv")
    assert read.chosen
    assert read.traits is not None
    assert read.trait_names[0] == "age"
    assert len(read.trait_names) == 2
    assert read.traits[5, 0] == pytest.approx(np.delete(read.traits[:, 0], 5).mean())
    said = " ".join(notes)
    assert "columns not used: customer_id, street" in said
    assert "column 'age' has no number in 1 rows, taken for the mean" in said
    assert "column 'street' has more than 20 different labels" in said
    (tmp_path / "random.csv").write_text("\n".join(rows).replace("chosen", "random"))
    [plain], _, notes, _ = read_evidence(tmp_path / "random.csv")
    assert plain.traits is None
    assert "columns not used: customer_id, age, street" in " ".join(notes)


def test_repeated_ids_huge_traits_and_outcomes_that_are_none_are_said(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    rows = [f"{i},care,survival,{i % 2},1,chosen,{30 + i}" for i in range(20)]
    head = "customer_id,lever,moves,spend,outcome,assigned,age"
    path.write_text("\n".join([head, *rows, *rows[:5], "0,care,survival,1,0,chosen,1e308"]))
    [read], _, notes, _ = read_evidence(path)
    assert "6 rows are of customers who have another one of the same lever and effect, 5 of them copies" in notes[0]
    assert "column 'age' has no number in 1 rows" in " ".join(notes)
    assert read.traits is not None
    assert read.traits.max() < 100
    path.write_text("\n".join([head, *rows]))
    assert "another one" not in " ".join(read_evidence(path).notes)
    path.write_text("\n".join([head, *rows, "40,care,survival,1,nan,chosen,1"]))
    with pytest.raises(InputError, match=r"row 21: expected .* an outcome that is a number.*got 1, nan"):
        read_evidence(path)


@pytest.mark.slow
def test_intervals_hold_the_truth_and_are_no_wider_than_needed(right: Floats) -> None:
    """Of 200 firms at least 180 differences lie within 1.96 standard errors, and errors are what repeats do."""
    gaps, errors = np.array([apart(measure(chosen(s, 4000), "chance")) for s in range(200)]).T
    inside = int((np.abs(gaps - (right[2] - right[0])) < 1.96 * errors).sum())
    print("inside", inside, "median error", np.median(errors), "spread of repeats", gaps.std())
    assert 180 <= inside <= 199
    assert np.median(errors) == pytest.approx(gaps.std(), rel=0.15)
