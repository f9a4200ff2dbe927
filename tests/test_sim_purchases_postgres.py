"""A real PostgreSQL as the source of a base and as the place of a list."""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest
import sqlalchemy as sa
from databases import POSTGRES, postgres_server
from purchase_files import bought, left

from sim.errors import FolderError
from sim.purchases.base import CustomerBase
from sim.purchases.read.options import Reading
from sim.purchases.write import write_rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="ends servers by signals"),
    pytest.mark.skipif(POSTGRES is None, reason="PostgreSQL is not installed (Debian: apt-get install postgresql)"),
]
ROWS = [(i % 7, date(2024, 1, 1) + timedelta(days=3 * i), Decimal(f"{10 + i}.25")) for i in range(60)]


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """Make a database with a table of orders, as a shop has it: typed, one order without a customer, one returned."""
    with postgres_server() as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    "CREATE TABLE orders(order_no serial, client_id int, ordered_at timestamptz, total numeric(12,2))"
                )
            )
            connection.execute(
                sa.text("INSERT INTO orders(client_id, ordered_at, total) VALUES (:who, :day, :money)"),
                [{"who": who, "day": f"{day} 12:00:00+00", "money": money} for who, day, money in ROWS]
                + [{"who": None, "day": "2024-05-05 12:00:00+00", "money": 9},
                   {"who": 3, "day": "2024-12-05 12:00:00+00", "money": -ROWS[3][2]}],
            )  # fmt: skip
        engine.dispose()
        yield url


def test_a_table_becomes_a_base(shop: str, tmp_path) -> None:
    columns = {"customer_id": "client_id", "date": "ordered_at", "amount": "total"}
    base = CustomerBase.load(tmp_path / "b.duckdb", [shop], Reading(table="orders", columns=columns))
    rows = [(str(who), str(day), float(money)) for who, day, money in ROWS if (who, money) != (3, ROWS[3][2])]
    assert bought(base) == sorted(rows, key=lambda row: (row[1], row[0]))
    assert left(base)["no_customer"] == 1
    assert left(base)["returns"] == 1
    assert all("s3cret" not in str(part) for part in base.to_dict().values())


def test_a_list_goes_back_and_is_not_written_over(shop: str) -> None:
    frame = pd.DataFrame({"customer_id": ["=1", "2"], "money": [1.5, 0.0], "control": [False, True]})
    write_rows(frame, shop, table="targets")
    engine = sa.create_engine(shop)
    query = sa.text("SELECT customer_id, money, control FROM targets ORDER BY customer_id")
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(query)] == [("2", 0.0, True), ("=1", 1.5, False)]
    with pytest.raises(FolderError, match="targets") as refused:
        write_rows(frame, shop, table="targets")
    assert "s3cret" not in str(refused.value)
    write_rows(frame.iloc[:1], shop, table="targets", force=True)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM targets")).scalar() == 1
    engine.dispose()
