"""Days and numbers as people and programs write them."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from purchase_files import base_of, bought, lines_of

from sim.errors import PurchasesError
from sim.purchases.read.numbers import Numbers, find_numbers

DAYS = [date(2022, 1, 3) + timedelta(days=13 * i) for i in range(50)]
WRITTEN = {
    "%Y-%m-%d": "%Y-%m-%d", "%d/%m/%Y": "%d/%m/%Y", "%m/%d/%Y": "%m/%d/%Y", "%d.%m.%Y": "%d.%m.%Y",
    "%d-%m-%Y": "%d-%m-%Y", "%d-%m-%y": "%d-%m-%y", "%d.%m.%y": "%d.%m.%y", "%m/%d/%y": "%m/%d/%y",
    "%y-%m-%d": "%y-%m-%d", "%Y/%m/%d": "%Y-%m-%d", "%Y%m%d": "%Y%m%d", "%d %b %Y": "%d %b %Y",
    "%d-%b-%y": "%d %b %Y", "%B %d, %Y": "%b %d %Y", "%a, %d %b %Y": "%d %b %Y", "%Y年%m月%d日": "%Y年%m月%d日",
    "%Y-%m-%d %H:%M:%S": "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S": "%Y-%m-%d", "%d/%m/%Y %H:%M": "%d/%m/%Y",
    "%m/%d/%Y %I:%M %p": "%m/%d/%Y", "%d.%m.%Y, %H:%M:%S": "%d.%m.%Y", "%Y-%m-%d %H:%M:%S.000": "%Y-%m-%d",
}  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_days_are_read_as_they_are_written(tmp_path: Path, written: str) -> None:
    text = lines_of([(i % 9, f'"{day.strftime(written)}"', i + 1) for i, day in enumerate(DAYS)], "id,date,amount")
    base = base_of(tmp_path, text)
    assert [day for _, day, _ in bought(base)] == [str(day) for day in DAYS]
    assert base.to_dict()["dialect"]["date_format"] == WRITTEN[written]


def test_months_in_other_languages_are_read(tmp_path: Path) -> None:
    rows = [(1, "3. März 2022", 1), (1, "12 août 2022", 2), (1, "5 de mayo de 2022", 3), (1, "9 grudnia 2022", 4)]
    found = bought(base_of(tmp_path, lines_of(rows, "id;date;amount", ";")))
    assert [day for _, day, _ in found] == ["2022-03-03", "2022-05-05", "2022-08-12", "2022-12-09"]


@pytest.mark.parametrize("months", [
    "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.", "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "янв февр мар апр мая июн июл авг сент окт нояб дек", "gen feb mar apr mag giu lug ago set ott nov dic",
    "oca şub mar nis may haz tem ağu eyl eki kas ara",
    "ene feb mar abr may jun jul ago sept oct nov dic", "jan fev mar abr mai jun jul ago set out nov dez",
])  # fmt: skip
def test_months_cut_short_are_read(tmp_path: Path, months: str) -> None:
    rows = [(1, f"7 {name} 2022", i) for i, name in enumerate(months.split(), 1)]
    found = bought(base_of(tmp_path, lines_of(rows, "id;date;amount", ";")))
    assert [day for _, day, _ in found] == [f"2022-{month:02d}-07" for month in range(1, 13)]


EPOCH, OLD = date(1970, 1, 1), date(1899, 12, 30)
NUMBERS_OF_DAYS = {
    "Excel day numbers": lambda day: (day - OLD).days,
    "Excel day numbers with hours": lambda day: (day - OLD).days + 0.75,
    "seconds since 1970": lambda day: (day - EPOCH).days * 86_400 + 3600,
    "milliseconds since 1970": lambda day: (day - EPOCH).days * 86_400_000,
}


@pytest.mark.parametrize("kind", NUMBERS_OF_DAYS)
def test_numbers_of_days_are_read(tmp_path: Path, kind: str) -> None:
    text = lines_of([(i % 9, NUMBERS_OF_DAYS[kind](day), i + 1) for i, day in enumerate(DAYS)], "id,date,amount")
    base = base_of(tmp_path, text)
    assert [day for _, day, _ in bought(base)] == [str(day) for day in DAYS]
    assert kind.startswith(base.to_dict()["dialect"]["date_format"])


def test_two_ways_of_writing_in_one_column_are_both_read(tmp_path: Path) -> None:
    spelled = [day.strftime("%d/%m/%Y" if i % 3 else "%Y-%m-%d") for i, day in enumerate(DAYS)]
    base = base_of(tmp_path, lines_of([(1, day, i) for i, day in enumerate(spelled)], "id,date,amount"))
    assert [day for _, day, _ in bought(base)] == [str(day) for day in DAYS]


def test_an_order_that_nothing_tells_is_said_and_can_be_given(tmp_path: Path) -> None:
    text = lines_of([(1, "03/04/2022", 1), (2, "05/04/2022", 2), (1, "07/06/2022", 3)], "id;date;amount", ";")
    base = base_of(tmp_path, text)
    assert bought(base)[0][1] == "2022-04-03"
    assert any("nothing in the file tells" in note for note in base.notes)
    assert bought(base_of(tmp_path, text, date_format="%m/%d/%Y"))[0][1] == "2022-03-04"


def test_days_with_a_zone_are_the_local_ones_unless_another_is_given(tmp_path: Path) -> None:
    text = lines_of([(1, "2024-01-03T00:30:00+02:00", 1), (2, "2024-01-05T23:30:00+02:00", 2)], "id,date,amount")
    assert [day for _, day, _ in bought(base_of(tmp_path, text))] == ["2024-01-03", "2024-01-05"]
    moved = base_of(tmp_path, text, time_zone="UTC")
    assert [day for _, day, _ in bought(moved)] == ["2024-01-02", "2024-01-05"]
    utc = lines_of([(1, "2024-01-03T23:30:00Z", 1), (2, "2024-07-05T22:30:00Z", 2)], "id,date,amount")
    base = base_of(tmp_path, utc)
    assert bought(base)[0][1] == "2024-01-03"
    assert any("times are said in UTC" in note for note in base.notes)
    local = base_of(tmp_path, utc, time_zone="Europe/Berlin")
    assert [day for _, day, _ in bought(local)] == ["2024-01-04", "2024-07-06"]


def test_what_is_no_day_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PurchasesError, match=r"row 2, column 'date': '2024-02-31' is not a date.*`date_format=`"):
        base_of(tmp_path, lines_of([(1, "2024-02-03", 1), (1, "2024-02-31", 1)], "id,date,amount"))


COLUMNS = {
    "points": (["1.5", "1234.75", "-3"], [1.5, 1234.75, -3.0]),
    "commas": (["1,5", "1234,75", "-3"], [1.5, 1234.75, -3.0]),
    "thousands with commas": (["1.50", "1,234.75", "2,000"], [1.5, 1234.75, 2000.0]),
    "thousands with points": (["1,50", "1.234,75", "2.000"], [1.5, 1234.75, 2000.0]),
    "thousands alone, commas": (["999", "1,234", "12,000"], [999.0, 1234.0, 12000.0]),
    "thousands alone, points": (["999", "1.234", "12.000"], [999.0, 1234.0, 12000.0]),
    "millions with points": (["1.234.567", "2.000.000"], [1234567.0, 2000000.0]),
    "three decimals": (["1.234", "12.500", "1500"], [1.234, 12.5, 1500.0]),
    "Indian": (["1,23,456.50", "12.00"], [123456.5, 12.0]),
    "brackets and trailing minus": (["(12.50)", "7.25-", "3.00"], [-12.5, -7.25, 3.0]),
    "currencies": (["€ 12,50", "12,50 €", "EUR 3,10", "-€1,20", "kr 5,00"], [12.5, 12.5, 3.1, -1.2, 5.0]),
    "other minus": (["−12.50", "- 3.5"], [-12.5, -3.5]),
    "exponents": (["1e1", "2.5E-1"], [10.0, 0.25]),
    "points of a currency": (["2 726,00 руб.", "12,50 р.", "-3,00 руб."], [2726.0, 12.5, -3.0]),
    "blanks that do not break": (["2\u00a0726,00 zł", "12\u202f000,50 zł"], [2726.0, 12000.5]),
    "signs after letters": (["R$ 1.200,00", "R$ -12,50", "12,50 грн"], [1200.0, -12.5, 12.5]),
    "dashes for no cents": (["12,-", "1.200,– kr", "-3,-", "7,50"], [12.0, 1200.0, -3.0, 7.5]),
    "nothing": (["12.5", "x", "12%", "1.2.3", "--5"], [12.5, None, None, None, None]),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_numbers_are_read_as_they_are_written(kind: str) -> None:
    texts, wanted = COLUMNS[kind]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest($1) AS x", [texts])
        reading = find_numbers(connection, "t", "x").sql("x")
        assert [row[0] for row in connection.execute(f"SELECT {reading} FROM t").fetchall()] == wanted


@given(
    st.lists(st.decimals(-(10**7), 10**7, places=2, allow_nan=False, allow_infinity=False), min_size=2, max_size=30),
    st.sampled_from([(".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'")]),
)
@settings(max_examples=25, deadline=None)
def test_amounts_with_cents_are_read_in_every_style(amounts: list, style: tuple[str, str]) -> None:
    """A law: whatever the marks, numbers with two decimals come back as they went."""
    decimal, thousands = style
    texts = [f"{amount:,.2f}".replace(",", "t").replace(".", decimal).replace("t", thousands) for amount in amounts]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT unnest($1) AS x", [texts])
        found = find_numbers(connection, "t", "x")
        assert found.decimal == decimal
        read = connection.execute(f"SELECT {found.sql('x')} FROM t").fetchall()
    assert [row[0] for row in read] == pytest.approx([float(amount) for amount in amounts], abs=1e-9)


def test_a_comma_never_vanishes_from_a_number_it_does_not_group() -> None:
    with duckdb.connect() as connection:
        (value,) = connection.execute(f"SELECT {Numbers('.').sql('x')} FROM (SELECT '27,5' AS x)").fetchone()
    assert value is None
