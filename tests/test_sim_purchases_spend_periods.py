"""Money spent by month, quarter or year: the last year's counts, however the periods are written."""

from pathlib import Path

import pytest
from markets import orders

from sim.errors import PurchasesError
from sim.purchases.base import CustomerBase
from sim.purchases.beside import spending

WORDS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
         "Dezember")  # fmt: skip


def months(write: str, header: str = "Monat") -> str:
    """Return 21 months of 1,000, the last twelve of them of 2,000 each."""
    which = [(2022 + i // 12, i % 12 + 1, 1000 if i < 9 else 2000) for i in range(21)]
    lines = (f"{write.format(y=y, m=m, w=WORDS[m - 1])};Katalog;Bindung;{spent}\n" for y, m, spent in which)
    return f"{header};Hebel;Zweck;Betrag\n" + "".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        months("{m:02d}.{y}"), months("{y}-{m:02d}"), months("{y}{m:02d}"), months("{m}/{y}"), months("{w} {y}"),
        months("{w}-{y}", "date"), months("{y}M{m:02d}"), months("{y}年{m}月"), months("{y}-{m:02d}-01"),
        months("{y};{m}", "Jahr;Monat"), months("{m};{y}", "month;year"), months("{w};{y}", "month;year"),
    ],
)  # fmt: skip
def test_months_of_the_last_year_count(tmp_path: Path, text: str) -> None:
    (tmp_path / "spend.csv").write_text(text, encoding="utf-8")
    (one,), notes = spending(tmp_path / "spend.csv")
    assert (one.lever, one.yearly) == ("Katalog", pytest.approx(24_000))
    assert "the 12 months from 2022-10-01 to 2023-09-01 is taken as a year's; 9 rows before" in " ".join(notes)


@pytest.mark.parametrize(
    ("write", "year"),
    [("{y}Q{q}", 8_000), ("Q{q} {y}", 8_000), ("{q}. Quartal {y}", 8_000), ("{y};{q}", 8_000), ("{y}", 2_000 * 4)],
)
def test_quarters_and_years(tmp_path: Path, write: str, year: float) -> None:
    """Six quarters: of the years the last counts whole, of the quarters the last four."""
    quarters = [(2022, q, 1000) for q in (1, 2, 3, 4)] + [(2023, q, 2000) for q in (1, 2, 3, 4)]
    header = "year;quarter" if ";" in write else "period"
    lines = "".join(f"{write.format(y=y, q=q)};tv;{spent}\n" for y, q, spent in quarters)
    (tmp_path / "spend.csv").write_text(f"{header};lever;spend\n{lines}", encoding="utf-8")
    assert spending(tmp_path / "spend.csv")[0][0].yearly == pytest.approx(year)


def test_a_year_alone_and_what_tells_no_period_are_totals_and_said(tmp_path: Path) -> None:
    for values in (("2023", "2023"), ("spring fair", "autumn fair")):
        (tmp_path / "spend.csv").write_text("period,lever,spend\n" + "".join(f"{each},tv,500\n" for each in values))
        (one,), notes = spending(tmp_path / "spend.csv")
        assert one.yearly == 1000
        assert "column 'period' tells no two periods apart" in " ".join(notes)


def test_a_base_keeps_the_first_day_of_a_period(tmp_path: Path) -> None:
    orders(tmp_path / "orders.csv", 20)
    (tmp_path / "spend.csv").write_text(months("{y};{m}", "Jahr;Monat"), encoding="utf-8")
    base = CustomerBase.load(
        tmp_path / "b.duckdb", [tmp_path / "orders.csv"], beside={"spend": [tmp_path / "spend.csv"]}
    )
    assert base.query("SELECT min(date)::VARCHAR, max(date)::VARCHAR, count(*) FROM spend")[1] == [
        ("2022-01-01", "2023-09-01", 21)
    ]
    assert spending(base.path)[0][0].yearly == pytest.approx(24_000)
    (tmp_path / "spend.csv").write_text("date,lever,spend\nsoon,tv,1\nlater,tv,1\n")
    with pytest.raises(PurchasesError, match=r"hardly any of its values is a day such as .*, a month such as 1997-01"):
        CustomerBase.load(tmp_path / "c.duckdb", [tmp_path / "orders.csv"], beside={"spend": [tmp_path / "spend.csv"]})
