"""Contracts of which a firm only has counts: three ways of writing them, and what cannot be counts."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from experiments.study.contracts import contracts
from sim.customers.contract_counts import counted
from sim.customers.contracts import Contracts, fit_renewal, fit_sbg_to
from sim.errors import InputError, PurchasesError

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
"""Survivors by year (Fader & Hardie, Journal of Interactive Marketing 21(1) 2007): a = .668, b = 3.806, LL -1611.2."""
COHORTS = {"2021": [100, 80, 70, 65], "2022": [200, 150, 130], "2023": [90, 60]}
"""Who was there at age 0, 1, ... of each cohort."""


def read(folder: Path, text: str) -> Contracts:
    (folder / "counts.csv").write_text(text, encoding="utf-8")
    found = counted(folder / "counts.csv")
    assert found is not None
    return found[0]


def same(one: Contracts, other: Contracts) -> bool:
    return all(
        np.array_equal(np.trim_zeros(getattr(one, name), "b"), np.trim_zeros(getattr(other, name), "b"))
        for name in ("ended", "renewed", "open")
    )


def test_a_published_cohort(tmp_path: Path) -> None:
    """From the file to the published parameters and log-likelihood."""
    lines = "".join(f"{year},{number}\n" for year, number in enumerate(HIGH_END))
    found = read(tmp_path, "year,customers\n" + lines)
    law = fit_sbg_to(found)
    assert (law.a, law.b) == pytest.approx((0.668, 3.806), abs=5e-4)
    age, ended, start, count = found.rows()
    assert float(count @ law.log_likelihood(age, ended, start)) == pytest.approx(-1611.2, abs=0.05)
    assert found.open.tolist() == [0] * 7 + [491]
    np.testing.assert_allclose(found.kept(), np.array(HIGH_END[1:]) / 1000, rtol=1e-12)


def test_cohorts_by_row_and_by_line_are_the_same(tmp_path: Path) -> None:
    """By hand: of 390 who began 290 came through the first renewal, of 230 of these 200 the second."""
    wide = "cohort,month 0,month 1,month 2,month 3\n" + "".join(
        ",".join([name, *map(str, line), *[""] * (4 - len(line))]) + "\n" for name, line in COHORTS.items()
    )
    long = "cohort;age;customers\n" + "".join(
        f"{name};{age};{number}\n" for name, line in COHORTS.items() for age, number in enumerate(line)
    )
    by_hand = Contracts(np.array([100, 30, 5]), np.array([290, 200, 65]), np.array([0, 60, 130, 65]))
    assert same(read(tmp_path, wide), by_hand)
    assert same(read(tmp_path, long), by_hand)


def test_cohorts_with_who_ended_are_the_same_as_who_is_there(tmp_path: Path) -> None:
    """The last of each cohort go on, and who was kept and has come to no renewal yet; a total is left out."""
    steps = [
        (name, age, now, now - then)
        for name, line in COHORTS.items()
        for age, (now, then) in enumerate(pairwise(line))
    ]  # fmt: skip
    rows = "".join(f"{name},{age},{now},{gone}\n" for name, age, now, gone in steps)
    there = "".join(f"{name},{age},{n}\n" for name, line in COHORTS.items() for age, n in enumerate(line))
    plain = read(tmp_path, "cohort,age,customers\n" + there)
    assert same(read(tmp_path, "cohort,age,customers,ended\n" + rows + "Total,0,390,100\nTotal,1,230,30\n"), plain)
    kept = "".join(f"{name},{age},{now - gone},{gone}\n" for name, age, now, gone in steps)
    assert same(read(tmp_path, "cohort,age,kept,ended\n" + kept), plain)
    later = read(tmp_path, "cohort,age,customers,ended\nA,0,100,20\nA,1,70,10\nB,0,50,5\n")
    assert (later.ended.tolist(), later.renewed.tolist(), later.open.tolist()) == (
        [25, 10, 0],
        [125, 60, 0],
        [0, 55, 60],
    )


@pytest.mark.parametrize(
    "names", ["M0,M1,M2", "Jahr 1,Jahr 2,Jahr 3", "第1个月,第2个月,第3个月", "1st year,2nd year,3rd year"]
)
def test_columns_are_called_by_ages_in_several_ways(tmp_path: Path, names: str) -> None:
    found = read(tmp_path, f"cohort,{names}\n2021,100,80,70\n2022,90,75,\n")
    assert (found.ended.tolist()[:2], found.open.tolist()[:3]) == ([35, 10], [0, 75, 70])


@pytest.mark.parametrize("names", ["phone1,phone2", "address 1,address 2", "KW1,KW2", "score1,score2"])
def test_numbered_columns_of_other_things_are_no_ages(tmp_path: Path, names: str) -> None:
    (tmp_path / "people.csv").write_text(f"name,{names}\nMiller,5551234,5550000\nSmith,5554321,\n", encoding="utf-8")
    assert counted(tmp_path / "people.csv") is None


def test_one_period_of_a_base_of_all_ages_tells_the_law(tmp_path: Path) -> None:
    """Nothing is known of what was before: who came to the renewal at each age, and how many ended."""
    ages = np.arange(12)
    stays = ((40.0 + ages) / (41.0 + ages)) ** 6.0
    lines = "".join(f"{age},100000,{round(100_000 * (1 - s))}\n" for age, s in zip(ages, stays, strict=True))
    found = read(tmp_path, "age,customers,ended\n" + lines)
    law = fit_renewal(found)
    assert (law.shape, law.rate) == pytest.approx((6.0, 40.0), rel=0.02)
    assert found.open[1:].tolist() == found.renewed[: len(found.open) - 1].tolist()
    kept = "".join(
        f"{age},{round(100_000 * s)},{100_000 - round(100_000 * s)}\n" for age, s in zip(ages, stays, strict=True)
    )
    assert same(read(tmp_path, "age,kept,left\n" + kept), found)


def test_from_counts_to_a_scenario(tenure, tmp_path: Path) -> None:
    """Ages that begin at 1 are of the first period, and it is said; who is there is where the scenario starts."""
    lines = "".join(f"{year + 1},{number}\n" for year, number in enumerate(HIGH_END))
    (tmp_path / "counts.csv").write_text("year,customers\n" + lines, encoding="utf-8")
    code, out, err = tenure("contracts", "counts.csv", "--period", "year", "--price", 20)
    assert (code, err) == (0, "")
    assert "1,000 contracts, of which 491 go on, at 20.00 a year" in out
    assert "ages begin at 1, which is taken for the first period" in out
    assert "start: {new: 491}" in (tmp_path / "scenario.yaml").read_text(encoding="utf-8")
    assert tenure("check", "scenario.yaml")[0] == 0
    for words, said in (((), "say what is paid each period (--price)"), (("--until", "2024-01-01"), "have no days")):
        code, _, err = tenure("contracts", "counts.csv", "--period", "year", "-o", "other.yaml", *words)
        assert code == 2
        assert said in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age,customers\n0,1\n1,0.869\n", "is 0.869, which is no number of customers; shares"),
        (
            "cohort,0,1\n2021,100,90%\n2022,50,40%\n",
            "column '1' holds '90%', which is no number .a share: numbers of customers are needed",
        ),
        ("age,customers\n0,100\n2,80\n", "age 0 stands there and then 2"),
        ("age,customers\n0,100\n0,80\n", "age 0 stands there twice"),
        ("age,customers\n0,80\n1,100\n", "80 customers at age 0, 100 at age 1"),
        ("age,customers,ended\n0,80,90\n", "90 ended of 80 of age 0"),
        ("age,churned\n0,80\n1,70\n", "no column says of how many 'churned' is"),
        ("age,customers\n0,-5\n", "is -5, which is no number"),
        ("age,customers\n0,inf\n1,90\n", "is inf, which is no number"),
        ("age,customers,ended\n0,90,9\n1,80,\n", "'ended' of age 1 is empty"),
        ("year,customers\n2019,100\n2020,80\n", "an age is 2019, which is a calendar year"),
        ("cohort,age,customers\nA,0,100\nA,1,80\nB,,180\n", "an age of B is empty"),
        ("cohort,0,1,2\nA,500,450,400\nB,500,440,0\n", "440 customers of B at age 1 and none at age 2, where"),
        ("cohort,age,customers,ended\nA,0,100,9\nA,1,95,5\nB,0,80,7\n", "91 were kept of A at age 0, 95 came to age 1"),
        ("cohort,Q1,Q2,Q3,Q4\n2021,100,90,80,75\n", "'Q1' to 'Q4' may be quarters of a calendar or ages"),
    ],
)
def test_what_cannot_be_counts_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "counts.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PurchasesError, match=said):
        counted(tmp_path / "counts.csv")


def test_a_total_is_no_cohort_and_no_cohort_is_lost(tmp_path: Path) -> None:
    """Rows that add up the others, called so or not, are left out and named; cohorts of one name all count."""
    rows = "product,cohort,0,1,2\nA,2021,100,80,70\nA,2022,200,150,\nB,2021,60,50,40\n"
    plain = read(tmp_path, rows)
    assert (plain.ended.tolist(), plain.renewed.tolist(), plain.open.tolist()) == ([80, 20], [280, 110], [0, 150, 110])
    for name in ("Total", "", "Everybody", "Average"):
        (tmp_path / "counts.csv").write_text(f"{rows}{name},,360,280,110\n", encoding="utf-8")
        found = counted(tmp_path / "counts.csv")
        assert found is not None
        assert same(found[0], plain)
        assert any("left out, since they sum up the others" in each for each in found[1])


def test_ended_in_tens_of_thousands_are_no_days(tmp_path: Path) -> None:
    """Numbers between 20,000 and 80,000 might be days of a spreadsheet; beside ages and customers they are counts."""
    found = read(tmp_path, "age,customers,ended\n0,400000,41000\n1,380000,30000\n2,300000,25000\n")
    assert found.ended.tolist()[:3] == [41_000, 30_000, 25_000]


def test_one_cohort_with_who_ended_is_counted_once(tmp_path: Path) -> None:
    """Where those of each age are whom the age before kept, the last of them go on, and nobody else."""
    lines = "".join(f"{age},{now},{now - then}\n" for age, (now, then) in enumerate(pairwise(HIGH_END)))
    found = read(tmp_path, "age,customers,ended\n" + lines)
    assert same(found, read(tmp_path, "age,customers\n" + "".join(f"{a},{n}\n" for a, n in enumerate(HIGH_END))))


def test_a_point_between_thousands(tmp_path: Path) -> None:
    """One number alone does not say what its point is; people are whole, and semicolons say where it comes from."""
    found = read(tmp_path, "Kohorte;0;1;2\n2021;2.000;1.000;900\n")
    assert (found.ended.tolist(), found.open.tolist()) == ([1000, 100], [0, 0, 900])


def test_those_who_began_stand_before_month_1(tmp_path: Path) -> None:
    rows = "A,500,450,400\nB,600,540,\n"
    began = read(tmp_path, "cohort,customers,Month 1,Month 2\n" + rows)
    assert same(began, read(tmp_path, "cohort,0,1,2\n" + rows))


def test_hundreds_everywhere_may_be_shares(tmp_path: Path) -> None:
    (tmp_path / "counts.csv").write_text("cohort,0,1\nA,100,80\nB,100,85\n", encoding="utf-8")
    found = counted(tmp_path / "counts.csv")
    assert found is not None
    assert any("begins with 100 customers everywhere" in each for each in found[1])


def test_a_row_a_contract_is_no_count(tmp_path: Path) -> None:
    for text in ("member,start,end,price\n1,2024-01-01,2024-03-01,5\n", "customer,age,start,end\n7,41,2023-01-01,\n"):
        (tmp_path / "members.csv").write_text(text, encoding="utf-8")
        assert counted(tmp_path / "members.csv") is None
    (tmp_path / "none.csv").write_text("age,customers\n0,10\n1,0\n", encoding="utf-8")
    with pytest.raises(InputError, match="no contract goes on"):
        contracts(tmp_path / "none.csv", tmp_path / "none.yaml", price=3)


def test_renewals_that_nobody_is_counted_at_are_said(tmp_path: Path) -> None:
    """Counted from 1 instead of 0 nobody is in the first period; a hole between ages of other people is one too."""
    rows = ["1000,250", "750,120", "630,80"]
    for text, unseen, asked in (
        ("renewals,customers,ended\n" + "".join(f"{i + 1},{row}\n" for i, row in enumerate(rows)), 0, True),
        ("cohort,renewals,customers\nA,0,100\nA,1,80\nB,3,50\nB,4,45\n", 1, False),
        ("renewals,customers,ended\n" + "".join(f"{i},{row}\n" for i, row in enumerate(rows)), None, False),
    ):
        (tmp_path / "counts.csv").write_text(text, encoding="utf-8")
        found = counted(tmp_path / "counts.csv")
        assert found is not None
        said = [note for note in found[1] if "nobody is counted who had come through" in note]
        assert len(said) == (unseen is not None)
        assert all(f"come through {unseen} renewals" in note and ("begin with 0" in note) == asked for note in said)
        kept = found[0].kept()
        assert np.isnan(kept[unseen or 0]) == (unseen is not None)
