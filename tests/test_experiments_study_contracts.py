"""From a file of contracts to laws of renewal and a scenario whose customers renew as the contracts did."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from markets import members

from experiments.firm import Firm
from experiments.study.contracts import contracts
from sim.customers.contract_counts import counted
from sim.customers.contracts import Contracts, Renewal, count_contracts, fit_renewal
from sim.engine.sensitivity import follow
from sim.errors import FolderError, InputError, PurchasesError
from sim.purchases.beside import Membership, memberships


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    members(tmp_path / "members.csv", 1_500)
    return tmp_path


def test_the_truth_is_within_the_intervals_and_the_laws_follow_the_contracts(here: Path) -> None:
    done = contracts("members.csv", price=20)
    assert done.precision["sBG a"].low < 0.8 < done.precision["sBG a"].high
    assert done.precision["sBG b"].low < 6.0 < done.precision["sBG b"].high
    for _, seen, sbg, law in done.survival()[:8]:
        assert sbg == pytest.approx(seen, abs=0.03)
        assert law == pytest.approx(seen, abs=0.03)
    assert (done.until, done.counts.open.sum()) == (date(2024, 12, 1), sum(
        line.split(";")[2] == "" for line in (here / "members.csv").read_text().splitlines()[1:]
    ))  # fmt: skip


def test_the_scenarios_customers_renew_as_fitted(here: Path) -> None:
    """Who is there after each month under today's money: the fitted law, given how long each has stayed."""
    done = contracts("members.csv", price=20, spend=9_000)
    firm = Firm.open("scenario.yaml")
    course = follow(firm.chain, np.broadcast_to(firm.targets.reference, (24, *firm.targets.shape)))
    law, open_ = done.renewal, done.counts.open
    ages = np.arange(len(open_))
    for t in (1, 6, 12):
        wanted = open_ @ ((law.rate + ages) / (law.rate + ages + t)) ** law.shape
        alive = course.past[t].observed.sum() - course.past[t].observed[:, firm.targets.stages.index("lapsed")].sum()
        assert alive == pytest.approx(wanted, rel=0.01)
    a_month = float(course.spend[0].sum())
    assert 12 * a_month == pytest.approx(9_000, rel=1e-3)
    assert not firm.doubts[1]  # curves and traits say the same of who stays


def test_renewals_are_counted_by_the_calendar() -> None:
    """A month from the 31st, ends named as the last day or the first without, a year, days in the middle."""

    def member(start: str, end: str | None) -> Membership:
        return Membership(date.fromisoformat(start), date.fromisoformat(end) if end else None, None)

    given = [
        member("2024-01-01", "2024-01-31"), member("2024-01-01", "2024-02-01"), member("2024-01-31", "2024-02-29"),
        member("2024-01-01", "2024-04-01"), member("2024-01-15", "2024-01-20"), member("2024-03-10", None),
        member("2024-05-20", None),
    ]  # fmt: skip
    found = count_contracts(given, "month", date(2024, 6, 10))
    assert found.ended.tolist() == [4, 0, 1, 0]
    assert found.open.tolist() == [1, 0, 0, 1]
    years = [member("2020-03-01", "2023-03-01"), member("2021-07-01", None)]
    by_year = count_contracts(years, "year", date(2024, 6, 30))
    assert (by_year.ended.tolist(), by_year.open.tolist()) == ([0, 0, 1], [0, 0, 1])


def test_the_scenarios_law_by_a_grid() -> None:
    """The maximum against every point of a grid, of a likelihood from survival by integration over the rate."""
    counts = Contracts(np.array([260, 100, 45, 25]), np.array([591, 479, 425, 0]), np.array([10, 12, 9, 400]))
    law = fit_renewal(counts)
    mu = np.linspace(1e-5, 8, 40_001)

    def loss(shape: float, rate: float) -> float:
        density = mu ** (shape - 1) * np.exp(-rate * mu)
        density /= density.sum()
        through = [float((density * np.exp(-mu * t)).sum()) for t in range(5)]
        ended = sum(ended * np.log(through[t] - through[t + 1]) for t, ended in enumerate(counts.ended))
        return float(-ended - counts.open @ np.log(through[:-1]))

    age, ended, start, count = counts.rows()
    best = loss(law.shape, law.rate)
    assert best == pytest.approx(-float(count @ law.log_likelihood(age, ended, start)), rel=2e-3)
    for shape in law.shape * np.array([0.8, 0.95, 1.05, 1.25]):
        for rate in law.rate * np.array([0.8, 0.95, 1.05, 1.25]):
            other = -float(count @ Renewal(shape, rate).log_likelihood(age, ended, start))
            assert other > -float(count @ law.log_likelihood(age, ended, start))


def test_customers_who_leave_alike_are_said_to(here: Path) -> None:
    """Every fifth of those who are left leaves each month: no rate of leaving is told from another."""
    lines, number = ["member,start,end,price"], 0
    for start in range(1, 13):
        left = 125
        for month in range(start, 13):
            gone = -(-left // 5) if month < 12 else 0
            lines += [f"{number + i},2023-{start:02d}-01,2023-{month + 1:02d}-01,9" for i in range(gone)]
            number, left = number + gone, left - gone
        lines += [f"{number + i},2023-{start:02d}-01,,9" for i in range(left)]
        number += left
    (here / "alike.csv").write_text("\n".join(lines) + "\n")
    done = contracts("alike.csv")
    assert any("leave at about the same rate" in note for note in done.remarks)
    assert np.isnan(done.precision["Gamma shape"].error)
    assert done.renewal.survival(np.array([1.0]))[0] == pytest.approx(0.8, abs=0.01)


def test_what_is_left_out_is_counted(here: Path) -> None:
    (here / "odd.csv").write_text(
        "member,start,end,price\n1,2024-01-01,2024-03-01,5\n2,2024-01-01,,5\n3,,,5\n4,2024-05-01,2024-02-01,5\n"
        "5,2024-01-01,soon,5\n6,2024-02-01,2024-04-01,5\n"
    )
    given, until, notes = memberships("odd.csv")
    assert (len(given), until) == (3, date(2024, 5, 1))
    said = " ".join(notes)
    for each in ("1 contracts without a day on which they began", "1 contracts with an end before the start",
                 "1 contracts with an end that cannot be read"):  # fmt: skip
        assert each in said


def test_on_the_command_line(tenure, tmp_path: Path) -> None:
    members(tmp_path / "members.csv")
    code, out, err = tenure("contracts", "members.csv", "--spend", 5_000, "--margin", 0.6, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["price"] > 0
    assert set(found["precision"]) == {"sBG a", "sBG b", "Gamma shape", "Gamma rate"}
    assert not any("was not said" in note for note in found["notes"])
    assert tenure("check", "scenario.yaml")[0] == 0
    code, _, err = tenure("contracts", "members.csv")
    assert code == 2
    assert "--force" in err
    out = tenure("contracts", "members.csv", "--force")[1]
    assert "today's money was not said" in out
    assert "came through" in out


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("member,start\n1,2024-01-01\n", PurchasesError, "no column looks like the end of contracts"),
        (
            "name,phone1,phone2\nMiller,5551234,5550000\n",
            PurchasesError,
            "call one 'start'; the columns are name, phone1",
        ),
        ("member,start,end\n1,2024-01-01,2024-09-01\n2,2024-01-01,\n", InputError, "no price of contracts"),
        ("member,start,end,price\n1,2024-01-01,2024-09-01,5\n", InputError, "no contract goes on after"),
        ("member,start,end,price\n1,2024-01-01,,5\n2,2024-06-01,,5\n", PurchasesError, "no contract ended"),
    ],
)
def test_contracts_that_tell_nothing_are_refused(here: Path, text: str, error: type, said: str) -> None:
    (here / "in.csv").write_text(text)
    with pytest.raises(error, match=said):
        contracts("in.csv")
    assert not (here / "scenario.yaml").exists()


def test_contracts_without_a_header(tmp_path: Path) -> None:
    """Days tell what they are, in their order, and it is said."""
    days = ["2023-01-04,", "2023-02-11,2023-09-10", "2023-02-12,2024-02-11"]
    (tmp_path / "in.csv").write_text("".join(f"{17 + i},{each},20\n" for i, each in enumerate(days)))
    assert counted(tmp_path / "in.csv") is None
    found, last, notes = memberships(tmp_path / "in.csv")
    assert [(each.start, each.end) for each in found] == [
        (date(2023, 1, 4), None), (date(2023, 2, 11), date(2023, 9, 10)), (date(2023, 2, 12), date(2024, 2, 11)),
    ]  # fmt: skip
    assert last == date(2024, 2, 11)
    assert sum("by what it holds" in each for each in notes) == 3


def test_arguments_out_of_range_are_refused(here: Path) -> None:
    for words, said in (({"period": "day"}, "expected one of week"), ({"margin": 30.0}, "above 0, up to 1")):
        with pytest.raises(InputError, match=said):
            contracts("members.csv", **words)
    contracts("members.csv")
    with pytest.raises(FolderError, match="is there already"):
        contracts("members.csv")
