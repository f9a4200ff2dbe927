"""Files beside the purchases: their ids are read as the base's were, in capitals, with zeros or hashed."""

from datetime import timedelta
from pathlib import Path

import pytest

from sim.errors import InputError, PurchasesError
from sim.purchases.base import CustomerBase
from sim.purchases.beside import memberships, newcomers, people_not_bought, people_with_columns, segment_by_id
from sim.purchases.read.options import Reading


def base_of(folder: Path, ids: list[str], **reading: object) -> CustomerBase:
    rows = [f"{who},2024-0{1 + i % 9}-1{k},{5 + i}" for i, who in enumerate(ids) for k in range(2)]
    (folder / "orders.csv").write_text("\n".join(["customer,date,amount", *rows]) + "\n")
    return CustomerBase.create(folder / "base.duckdb", folder / "orders.csv", reading=Reading(**reading))


MAILS = [f"ann{i}@shop.example" for i in range(6)]


@pytest.mark.parametrize(
    ("ids", "written"),
    [(MAILS, MAILS[0].upper()), ([str(i) for i in range(1, 7)], "0001"), ([str(i) for i in range(1, 7)], "1.0")],
)
def test_people_are_known_however_their_ids_are_written(tmp_path: Path, ids: list[str], written: str) -> None:
    base, file = base_of(tmp_path, ids), tmp_path / "people.csv"
    people = [written, "90", "91"] if ids != MAILS else [written, "Zoe@new.example", "zoe@NEW.example", "guest"]
    file.write_text("\n".join(["customer,segment", *(f"{who},A" for who in people)]) + "\n")
    left, notes = people_not_bought(file, base)
    assert left == (1 if ids == MAILS else 2)
    assert any("1 people who are customers already" in note for note in notes)
    assert len(people_with_columns(file, base)[0]) == left
    assert (ids[0], "A") in segment_by_id(file, base)
    assert not any("guest" in who for who, _ in segment_by_id(file, base))


def test_a_file_of_strangers_gives_no_segments(tmp_path: Path) -> None:
    base, file = base_of(tmp_path, MAILS), tmp_path / "strangers.csv"
    file.write_text("customer,segment\nX1,A\nX2,B\n")
    with pytest.raises(PurchasesError, match="none of its 2 ids is a customer with purchases"):
        segment_by_id(file, base)


def test_ids_of_a_hashed_base_need_its_key(tmp_path: Path) -> None:
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_text("a" * 32)
    other.write_text("b" * 32)
    base, file = base_of(tmp_path, MAILS, hash_ids=key), tmp_path / "people.csv"
    file.write_text("\n".join(["customer,segment", f"{MAILS[1].upper()},A", "new@shop.example,B"]) + "\n")
    assert people_not_bought(file, base, key)[0] == 1
    with pytest.raises(InputError, match="hashed by another key"):
        people_not_bought(file, base, other)
    for ask in (people_not_bought, people_with_columns, segment_by_id):
        with pytest.raises(PurchasesError, match="the base holds hashed ids, and 2 in column 'customer' are not"):
            ask(file, base)
    known = base.query("SELECT DISTINCT customer_id FROM purchases ORDER BY 1")[1][0][0]
    file.write_text(f"customer,segment\n{known},A\n")
    assert segment_by_id(file, base) == [(known, "A")]


def test_files_beside_that_leave_nobody_are_refused(tmp_path: Path) -> None:
    """Everybody is a customer already; two columns that may be segments; a table of levers without one."""
    base, file = base_of(tmp_path, MAILS), tmp_path / "people.csv"
    file.write_text(f"customer,segment\n{MAILS[0]},A\n{MAILS[1]},A\n")
    with pytest.raises(PurchasesError, match="all 2 people in it are customers already: nobody is left to be won"):
        people_not_bought(file, base)
    with pytest.raises(PurchasesError, match="nobody in its 2 rows is left to be won: customers already"):
        people_with_columns(file, base)
    file.write_text(f"customer,trade,town\n{MAILS[0]},A,B\n")
    with pytest.raises(
        PurchasesError, match="expected a column of ids and one called 'segment'; the columns are customer"
    ):
        segment_by_id(file, base)


def test_too_short_purchases_tell_no_newcomers(tmp_path: Path) -> None:
    """Less than four weeks are known: nothing; else who was first seen in them, with their money."""
    base = base_of(tmp_path, MAILS)
    assert newcomers(base, base.first_date + timedelta(days=20)) is None
    found = newcomers(base, base.last_date)
    assert found is not None
    assert (found.customers, found.money) == (6, sum(2 * (5 + i) for i in range(6)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["1,,,9"], "no contract has a day on which it began"),
        (["1,2024-01-01,2023-01-01,9", "2,2024-02-01,2023-02-01,9"], "no contract is left of 2"),
        (["1,soon,late,9", "2,soon,late,9"], "holds no days that are known|looks like"),
    ],
)
def test_contracts_that_say_no_time_are_refused(tmp_path: Path, rows: list[str], said: str) -> None:
    (tmp_path / "contracts.csv").write_text("\n".join(["customer,start,end,price", *rows]) + "\n")
    with pytest.raises(PurchasesError, match=said):
        memberships(tmp_path / "contracts.csv")
