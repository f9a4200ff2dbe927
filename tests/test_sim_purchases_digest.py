"""The fingerprint of a base covers its purchases, and nothing else; a scenario's hash covers it."""

import os
from pathlib import Path

import duckdb
import pytest

from sim.errors import FolderError
from sim.purchases import digest
from sim.purchases.base import CustomerBase, content_digest
from sim.purchases.read.options import Reading
from sim.scenario.file import Scenario, load

ROWS = ("a,2024-01-01,10,1", "a,2024-01-15,4,1", "a,2024-01-15,4,1", "b,2024-01-08,7,0", "c,2024-01-02,5,1")
SCENARIO = """
name: shop
periods: 2
base:
  file: {base}
  as_of: 2024-02-01
  pareto_nbd: {{r: 0.5, alpha: 10, s: 0.6, beta: 11}}
  gamma_gamma: {{p: 6, q: 4, gamma: 15}}
  cycle_cutoffs: [3, 9]
  amount_cutoffs: [4, 8]
levers:
  care: {{targets: [core], reference: 0.5, moves: {{survival: {{without_money: 0.8, unlimited_money: 0.95, spend: 0.5,
    brings: 0.9}}}}}}
"""


def make(folder: Path, rows: tuple[str, ...] = ROWS, name: str = "shop.duckdb") -> Path:
    source = folder / "purchases.csv"
    source.write_text("customer,date,amount,sample\n" + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return CustomerBase.create(folder / name, source, reading=Reading(doubled="keep")).path


def scenario(folder: Path, base: str = "shop.duckdb") -> Scenario:
    file = folder / "scenario.yaml"
    file.write_text(SCENARIO.format(base=base), encoding="utf-8")
    return load(file)


def change(base: Path, sql: str) -> None:
    with duckdb.connect(str(base)) as connection:
        connection.execute(sql)
    os.utime(base, ns=(0, base.stat().st_mtime_ns + 1))


def test_the_same_purchases_have_the_same_fingerprint_in_any_file(tmp_path: Path) -> None:
    first, again = make(tmp_path), make(tmp_path, ROWS[::-1], "again.duckdb")
    assert content_digest(first) == content_digest(again)
    assert len(content_digest(first)) == 64


@pytest.mark.parametrize(
    "rows",
    [
        (*ROWS[:-1], "c,2024-01-02,5.01,1"),
        (*ROWS[:-1], "c,2024-01-03,5,1"),
        (*ROWS[:-1], "d,2024-01-02,5,1"),
        (*ROWS[:-1], "c,2024-01-02,5,0"),
        ROWS[:-1],
        (*ROWS, ROWS[-1]),
        (*ROWS[:1], *ROWS[2:]),
        ("b,2024-01-01,10,0", "a,2024-01-15,4,1", "a,2024-01-15,4,1", "a,2024-01-08,7,1", "c,2024-01-02,5,1"),
    ],
)
def test_any_other_purchase_has_another(tmp_path: Path, rows: tuple[str, ...]) -> None:
    assert content_digest(make(tmp_path)) != content_digest(make(tmp_path, rows, "other.duckdb"))


def test_whole_numbers_as_customers_are_not_their_texts(tmp_path: Path) -> None:
    numbers = make(tmp_path, ("1,2024-01-01,10,1",))
    change(numbers, "ALTER TABLE purchases ALTER customer_id TYPE VARCHAR")
    assert content_digest(numbers) != content_digest(make(tmp_path, ("1,2024-01-01,10,1",), "numbers.duckdb"))


def test_what_is_kept_is_checked(tmp_path: Path) -> None:
    """A base that was changed behind our back, was made before fingerprints were kept, or by another DuckDB."""
    base = make(tmp_path)
    true = content_digest(base)
    for sql in (
        "UPDATE about SET value = replace(value, '\"check\": [\"', '\"check\": [\"before ') WHERE key = 'digest'",
        "DELETE FROM about WHERE key = 'digest'",
    ):
        change(base, sql)
        assert content_digest(base) == true
    kept = make(tmp_path, name="kept.duckdb")
    change(kept, "UPDATE purchases SET amount = 8 WHERE customer_id = 'b'")
    made = make(tmp_path, tuple(row.replace("b,2024-01-08,7", "b,2024-01-08,8") for row in ROWS), "made.duckdb")
    assert content_digest(kept) == content_digest(made) != true


def test_what_is_kept_is_not_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, known = make(tmp_path), content_digest(make(tmp_path, name="again.duckdb"))
    monkeypatch.setattr(digest, "_computed", lambda _: "computed")
    assert content_digest(base) == known


def test_a_file_that_is_no_base(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="no such customer base"):
        content_digest(tmp_path / "none.duckdb")
    (tmp_path / "text.duckdb").write_text("no base", encoding="utf-8")
    with pytest.raises(FolderError, match="is not a customer base"):
        content_digest(tmp_path / "text.duckdb")


def test_a_base_without_laws_by_segment_keeps_its_name(tmp_path: Path) -> None:
    """Worked out before segments of a base could have laws of their own."""
    make(tmp_path)
    assert scenario(tmp_path).hash == "32883e369910a8d3eef681d56559807504c1c877f425ca4eaff01fca85525d27"


def test_the_hash_of_a_scenario_covers_its_base(tmp_path: Path) -> None:
    """Other customers behind the same path: another hash; the same customers elsewhere: the same."""
    make(tmp_path)
    before = scenario(tmp_path)
    known = before.hash
    make(tmp_path, (*ROWS, "d,2024-01-20,3,1"))
    after = scenario(tmp_path)
    assert after.hash != known
    assert after.differs(known) == "base"
    assert before.hash == known, "a scenario keeps the name of what it was made from"
    assert after.differs(after.hash) == "no"
    assert after.differs(known[:-1] + "x") == "base"
    assert after.differs("x" + known[1:]) == "yes"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    make(elsewhere, ROWS[::-1])
    assert scenario(elsewhere).hash == known
    with pytest.raises(FolderError, match="no such customer base"):
        _ = scenario(tmp_path, "none.duckdb").hash
