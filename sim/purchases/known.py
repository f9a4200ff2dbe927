"""What customers do beside buying: what they answer to, whom they bring, how much of their needs they buy elsewhere.

A firm's own columns say it, in tables that stand beside the purchases; which column says what is told by its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.purchases.base import CustomerBase, PurchaseSummary
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import REFERRER_NAMES, plain_name
from sim.purchases.read.words import NOT, UNANSWERED

__all__ = ["BROUGHT", "Contacted", "brought_by", "contacted", "indirect_source", "says_itself", "share_of_customer",
           "source_of"]  # fmt: skip

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "referrer": REFERRER_NAMES,
    "referrals": (
        "referrals", "numberofreferrals", "nreferrals", "referralcount", "recommendations", "friendsreferred",
        "friendsbrought", "empfehlungen", "parrainages", "filleuls", "recomendados", "referidos", "推荐人数", "紹介数",
    ),
    "recommends": (
        "nps", "npsscore", "recommend", "wouldrecommend", "likelihoodtorecommend", "recommendation", "wordofmouth",
        "weiterempfehlung", "recommande", "recomendaria", "推荐意愿", "推奨度",
    ),
    "share": (
        "shareofcustomer", "shareofwallet", "walletshare", "sow", "shareofspend", "shareofcategory", "shareofneeds",
        "shareofrequirements", "lieferanteil", "kundenanteil", "partdeportefeuille", "客户份额", "顾客份额", "钱包份额",
    ),
}  # fmt: skip
"""Plain names of the columns that say something known, by what it is."""
BROUGHT = "referrals"
"""The table of who brought whom."""
PER_CENT = 100.0


@dataclass(frozen=True, eq=False)
class Contacted:
    """How often each customer was contacted, and how often something followed.

    Attributes
    ----------
    sent, followed : (customers,)
        Contacts, those held back left out; of them those that something followed.
    answers : tuple of (outcome, contacts, whether it counts as followed)
        The most frequent first.
    """

    sent: Ints
    followed: Ints
    answers: tuple[tuple[str, int, bool], ...]


def contacted(base: CustomerBase, record: PurchaseSummary) -> Contacted:
    """Return what followed contacts of a base's customers up to the last day of their records.

    Something followed where the outcome says so: not where it is empty, a word or number for no, or begins with one.

    Raises
    ------
    InputError
        If the base has no contacts, or none of them says what followed.
    """
    if "contacts" not in base.tables:
        raise InputError(
            "response needs contacts with what followed, and this base has none: bring them with `tenure base load` "
            "(`contacts=FILE`), a row a contact with customer, date and outcome"
        )
    no = " OR ".join((f"lower(outcome) IN ({', '.join(map(literal, NOT))})",
                      f"regexp_matches(lower(outcome), {literal(UNANSWERED)})"))  # fmt: skip
    rows = base.query(
        f"SELECT CAST(customer_id AS VARCHAR), outcome, outcome IS NOT NULL AND NOT ({no}), count(*) FROM contacts "
        f"WHERE NOT coalesce(control, false) AND date <= DATE '{record.end}' GROUP BY ALL ORDER BY ALL"
    )[1]
    if not base.query("SELECT count(outcome) FROM contacts")[1][0][0]:
        raise InputError(
            "response needs contacts with what followed, and no contact of this base says it: give their file a column "
            "called outcome, such as yes and no, or redeemed and empty"
        )
    place = {str(each): i for i, each in enumerate(record.customer_id.tolist())}
    sent, followed = np.zeros((2, len(record)), dtype=np.int64)
    answers: dict[tuple[str, bool], int] = {}
    for who, outcome, yes, number in rows:
        answers[outcome or "", bool(yes)] = answers.get((outcome or "", bool(yes)), 0) + number
        if (i := place.get(who)) is not None:
            sent[i] += number
            followed[i] += number * bool(yes)
    ranked = sorted(answers.items(), key=lambda each: (-each[1], each[0]))
    return Contacted(sent, followed, tuple((said, number, yes) for (said, yes), number in ranked))


def source_of(base: CustomerBase, what: str) -> str | None:
    """Return ``table.column`` of what is known, a key of :data:`COLUMNS`; None: it is not there."""
    for table in ("customers", "surveys"):
        columns = base.query(f"SELECT column_name FROM duckdb_columns() WHERE table_name = '{table}'")[1]
        for (name,) in columns:
            if plain_name(name) in COLUMNS[what]:
                return f"{table}.{name}"
    return None


def indirect_source(base: CustomerBase) -> str:
    """Return where a base says what customers bring indirectly: a table, or ``table.column``.

    Who brought whom goes before how many were brought, and that before what customers say they would do.

    Raises
    ------
    InputError
        If it says it nowhere.
    """
    if BROUGHT in base.tables:
        return BROUGHT
    for what in ("referrer", "referrals", "recommends"):
        if (found := source_of(base, what)) is not None:
            return found
    raise InputError(
        "function needs what customers bring indirectly, and this base does not say it: bring with `tenure base load` "
        "a file of who brought whom (`referrals=FILE`), a column of customers (`customers=FILE`) called referred_by "
        "(an id) or referrals (how many), or an answer to a survey (`surveys=FILE`) called nps or recommend"
    )


def says_itself(source: str) -> bool:
    """Return whether a source of :func:`indirect_source` is what customers say they would do, rather than a count."""
    return plain_name(source.partition(".")[2]) in COLUMNS["recommends"]


def brought_by(base: CustomerBase, record: PurchaseSummary, source: str) -> Floats:
    """Return what each customer brings indirectly, by a source of :func:`indirect_source`, (customers,).

    Customers brought a year while known, ``n / T``; of a survey the latest answer, nan without one.

    Raises
    ------
    InputError
        If the base has no such source.
    """
    table, _, column = source.partition(".")
    years = (record.age * 7 + 1) / 365.25
    end = f"DATE '{record.end}'"
    if source == BROUGHT and BROUGHT in base.tables:
        counted = (
            f"SELECT CAST(customer_id AS VARCHAR), count(DISTINCT referred) FROM {BROUGHT} WHERE "
            f"coalesce(date <= {end}, true) AND CAST(referred AS VARCHAR) <> CAST(customer_id AS VARCHAR) GROUP BY ALL"
        )
    elif source != source_of(base, _kind(column)):
        raise InputError(f"base.segments.column: {source!r} is not in the base, or says nothing that is brought")
    elif plain_name(column) in COLUMNS["referrer"]:
        counted = (
            f"WITH first AS (SELECT customer_id, min(date) AS first FROM purchases GROUP BY ALL) "
            f"SELECT CAST({quoted(column)} AS VARCHAR), count(*) FROM {table} JOIN first USING (customer_id) "
            f"WHERE first <= {end} AND CAST({quoted(column)} AS VARCHAR) <> CAST(customer_id AS VARCHAR) GROUP BY ALL"
        )
    elif plain_name(column) in COLUMNS["referrals"]:
        counted = f"SELECT CAST(customer_id AS VARCHAR), TRY_CAST({quoted(column)} AS DOUBLE) FROM {table}"
    else:
        return _latest(base, record, table, column)
    found = dict(base.query(counted)[1])
    return np.array([float(found.get(str(each)) or 0.0) for each in record.customer_id.tolist()]) / years


def share_of_customer(base: CustomerBase, record: PurchaseSummary) -> tuple[str | None, Floats]:
    """Return the column that says what part of its needs each customer buys here, and that part; nan: not known."""
    source = source_of(base, "share")
    if source is None:
        return None, np.full(len(record), np.nan)
    said = _latest(base, record, *source.split(".", 1))
    known = said[~np.isnan(said)]
    return source, said / PER_CENT if known.size and known.max() > 1 else said


def _kind(column: str) -> str:
    return next((what for what, names in COLUMNS.items() if plain_name(column) in names), "referrer")


def _latest(base: CustomerBase, record: PurchaseSummary, table: str, column: str) -> Floats:
    """Return the number that a column holds for each customer; of surveys the latest up to the records' end."""
    known = f"TRY_CAST({quoted(column)} AS DOUBLE)"
    dated = f"AND coalesce(date <= DATE '{record.end}', true)" if table == "surveys" else ""
    last = f"arg_max({known}, coalesce(date, DATE '0001-01-01'))" if table == "surveys" else f"any_value({known})"
    rows = base.query(
        f"SELECT CAST(customer_id AS VARCHAR), {last} FROM {table} WHERE {known} IS NOT NULL {dated} GROUP BY ALL"
    )[1]
    found = dict(rows)
    return np.array([found.get(str(each), np.nan) for each in record.customer_id.tolist()], dtype=np.float64)
