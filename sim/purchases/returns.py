"""Returns set against purchases: the order's, else the same amount's, else the customer's latest."""

from typing import Any

__all__ = ["set_against", "undoing"]


def undoing(connection: Any, notes: list[str]) -> str:
    """Return the SQL of rows of ``incoming`` that are cancelled by name, and by their sign take a purchase back.

    A row below zero that is called cancelled or refunded is a return, unless what it takes back is called so too: all
    its order, or a row above zero of the same customer and amount, of the same order where that is there, each one.
    """
    if not connection.execute("SELECT 1 FROM incoming WHERE cancelled AND is_return LIMIT 1").fetchone():
        return "false"
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE void AS SELECT id, customer_id, order_id, round(abs(amount), 6) AS money, is_return
            FROM incoming WHERE cancelled AND problem IS NULL AND amount <> 0;
        CREATE OR REPLACE TEMP TABLE idle AS SELECT id FROM void SEMI JOIN (
            SELECT customer_id, order_id FROM incoming WHERE amount > 0 AND order_id IS NOT NULL
            GROUP BY ALL HAVING bool_and(cancelled)) AS gone USING (customer_id, order_id) WHERE is_return
    """)
    for order in ("order_id", "NULL"):
        keys = f"customer_id, money, {order}"
        kept = (
            "true"
            if order == "order_id"
            else """order_id IS NULL OR hash(customer_id, order_id) NOT IN (
            SELECT hash(customer_id, order_id) FROM incoming WHERE NOT cancelled AND amount > 0)"""
        )
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE paired AS
                SELECT id, row_number() OVER (PARTITION BY {keys}, is_return ORDER BY id) AS nth, is_return,
                       hash({keys}) AS key
                FROM void ANTI JOIN idle USING (id) WHERE NOT is_return OR {kept};
            INSERT INTO idle SELECT unnest([back.id, gone.id]) FROM paired AS back JOIN paired AS gone
                ON back.key = gone.key AND back.nth = gone.nth AND back.is_return AND NOT gone.is_return
        """)
    rows, money = connection.execute(
        "SELECT count(*), coalesce(-sum(money), 0) FROM void SEMI JOIN idle USING (id) WHERE is_return"
    ).fetchone()
    if rows:
        notes.append(
            f"{rows:,} rows below zero (money {money:,.2f}) take back what is cancelled itself, and count as cancelled "
            "with it"
        )
    connection.execute("DROP TABLE void; DROP TABLE paired")
    return "(is_return AND id NOT IN (SELECT id FROM idle))"


def set_against(connection: Any, places: int) -> tuple[int, tuple[int, int]]:
    """Fill table ``net(id, micro)`` with what is left of purchases from which something was brought back.

    Returns
    -------
    whole : int
        Purchases of which nothing is left.
    unset : tuple of int
        Returns that exceed what was bought before them: how many, and their money in ``10^-places``.
    """
    micro = f"CAST(round(abs(amount) * 1e{places}) AS HUGEINT) AS micro"
    what = f"id, customer_id, date, order_id, product, {micro}"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE back AS SELECT {what} FROM lines WHERE outcome = 'returns';
        CREATE OR REPLACE TEMP TABLE bought AS SELECT {what} FROM lines
            SEMI JOIN (SELECT DISTINCT customer_id FROM back) AS who USING (customer_id)
            WHERE outcome IN ('taken', 'merged');
        CREATE OR REPLACE TEMP TABLE net AS SELECT id, micro FROM bought;
    """)
    ordered, named = (
        connection.execute(f"SELECT 1 FROM back WHERE {column} IS NOT NULL LIMIT 1").fetchone()
        for column in ("order_id", "product")
    )
    if ordered and named:
        _by(connection, "customer_id", "order_id", "product")
    if ordered:
        _by(connection, "customer_id", "order_id")
    _alike(connection, "customer_id", "micro", *(["product"] if named else []))
    if named:
        _by(connection, "customer_id", "product")
    _alike(connection, "customer_id", "micro")
    _by(connection, "customer_id")
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE net AS SELECT bought.id, bought.micro FROM bought JOIN net USING (id)
            WHERE bought.micro <> net.micro
    """)
    whole = connection.execute("SELECT count(*) FROM net WHERE micro = 0").fetchone()[0]
    left = connection.execute("SELECT count(*), coalesce(sum(micro), 0) FROM back WHERE micro > 0").fetchone()
    connection.execute("DROP TABLE back; DROP TABLE bought")
    return whole, (left[0], int(left[1]))


def _alike(connection: Any, *keys: str) -> None:
    """Set each return against the latest purchase before it of exactly its amount, each purchase once."""
    same = " AND ".join(f"back.{key} = bought.{key}" for key in keys)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE pairs AS
            SELECT bought.id AS bought_id, min(back.id) AS back_id
            FROM (SELECT * FROM back WHERE micro > 0) AS back
            ASOF JOIN (SELECT * FROM bought WHERE micro > 0) AS bought ON {same} AND back.date >= bought.date
            GROUP BY bought.id;
        UPDATE bought SET micro = 0 WHERE id IN (SELECT bought_id FROM pairs);
        UPDATE back SET micro = 0 WHERE id IN (SELECT back_id FROM pairs);
        DROP TABLE pairs;
    """)


def _by(connection: Any, *keys: str) -> None:
    """Set returns against purchases with the same keys, the latest before the last return first."""
    joined = " AND ".join(f"{{0}}.{key} = total.{key}" for key in keys)
    listed = ", ".join(keys)
    there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE total AS
            SELECT {listed}, sum(micro) AS micro, max(date) AS last FROM back
            WHERE micro > 0 AND {there} GROUP BY {listed};
        CREATE OR REPLACE TEMP TABLE cut AS
            SELECT id, {", ".join(f"bought.{key}" for key in keys)},
                   least(bought.micro, greatest(0, total.micro - coalesce(sum(bought.micro) OVER (
                       PARTITION BY {", ".join(f"bought.{key}" for key in keys)} ORDER BY date DESC, id DESC
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS micro
            FROM bought JOIN total ON {joined.format("bought")} AND bought.date <= total.last WHERE bought.micro > 0;
        UPDATE bought SET micro = bought.micro - cut.micro FROM cut WHERE cut.id = bought.id AND cut.micro > 0;
        CREATE OR REPLACE TEMP TABLE spent AS SELECT {listed}, sum(micro) AS micro FROM cut GROUP BY {listed};
        CREATE OR REPLACE TEMP TABLE cut AS
            SELECT id, least(back.micro, greatest(0, total.micro - coalesce(sum(back.micro) OVER (
                PARTITION BY {", ".join(f"back.{key}" for key in keys)} ORDER BY date DESC, id DESC
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS micro
            FROM back JOIN spent AS total ON {joined.format("back")} WHERE back.micro > 0;
        UPDATE back SET micro = back.micro - cut.micro FROM cut WHERE cut.id = back.id AND cut.micro > 0;
        DROP TABLE cut; DROP TABLE spent; DROP TABLE total;
    """)
