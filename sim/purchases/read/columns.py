"""Which column is what: by its name, then by what it holds. No column plays two roles; what is not used is said."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sim.errors import PurchasesError
from sim.purchases.read.tables import Role, Table, plain_name
from sim.purchases.read.text import UNNAMED

__all__ = ["SUCH", "Looks", "Roles", "find_columns"]

_SHORTEST_PART = 5
_EACH_ONCE = 0.98
_REPEATS = 0.9
_FILLED = 0.95
"""Share of rows with a day, below which another column of days is looked for: what is empty more often stops a load."""
_FEWER = 0.05
"""Of the different values of another column: a column with fewer is a kind or a number of pieces, no id."""
Looks = Literal["money", "whole", "text"]
"""Numbers some of which have decimals, whole numbers, or neither."""
SUCH: Mapping[str | None, str] = {
    "date": "a day such as 1997-01-31",
    "period": "a day such as 1997-01-31, a month such as 1997-01, a quarter such as 1997Q1 or a year",
    "number": "a number such as 12.50",
}
"""What values of a kind look like."""
_IN_BRACKETS = re.compile(r"\s*[(\[（【].*?[)\]）】]")
"""A unit, as in Amount (EUR)."""
_PERIOD = re.compile(
    r"q[1-4](19|20)?\d\d|(19|20)\d\dq[1-4]|(19|20)\d\d((0[1-9]|1[0-2])([0-2]\d|3[01])?)?|"
    r"(jan(uary|uar)?|feb(ruary|ruar)?|mar(ch)?|apr(il)?|ma[yi]|jun[ei]?|jul[yi]?|aug(ust)?|sept?(ember)?|"
    r"o[ck]t(ober)?|nov(ember)?|de[cz](ember)?)((19|20)?\d\d)?|[1-4](st|nd|rd|th)?quarter((19|20)\d\d)?"
)
"""Plain names of columns that are a quarter, a year, a month or a day each."""
_LONG = {
    False: "make a row of each customer and period, with its day in one column and its money in another",
    True: "give a row a contract with its start and end, or counts by age in columns called 0, 1, 2 and so on",
}
_MONEY = re.compile("amount|total|betrag|montant|importe|金额|金額")
_BORN = re.compile(r"birth|dob$|geburt|naiss|nacimiento|nascita|出生|生日|생일|рожден")


@dataclass(frozen=True)
class Roles:
    """Role to column, columns without a role, and what should be said of the choice."""

    columns: Mapping[str, str]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def find_columns(
    table: Table,
    present: Sequence[str],
    given: Mapping[str, str],
    where: str,
    *,
    fits: Callable[[Role, str], bool],
    distinct: Callable[[str], float],
    filled: Callable[[str], float] = lambda _: 1.0,
    looks: Callable[[str], Looks] | None = None,
    can_say: bool = True,
) -> Roles:
    """Return the columns of a table's roles.

    Parameters
    ----------
    table
        Whose roles.
    present
        Names of the file's columns.
    given
        Role to column, as the user says.
    where
        The file, for messages.
    fits
        Whether a column's values are of the role's kind.
    distinct
        Share of a column's values that are different.
    filled
        Share of a column's rows that hold something.
    looks
        How a column's values look, where names say nothing and required roles go to the columns that hold such values.
    can_say
        Whether whoever reads the file may say which column is what (``given``).

    Raises
    ------
    PurchasesError
        For an unknown role, a column that is not there or is given twice, or a required role without a column.
    """
    named = [name for name in present if not name.startswith(UNNAMED)]
    there = ", ".join(named)
    for said, column in given.items():
        if said not in table:
            roles = ", ".join(each.name for each in table.roles)
            raise PurchasesError(f"{where}: unknown column role {said!r}; the roles are {roles}")
        if column not in present:
            raise PurchasesError(f"{where}: no column {column!r} for {said}; the columns are {there}")
        if list(given.values()).count(column) > 1:
            both = " and ".join(each for each in given if given[each] == column)
            raise PurchasesError(f"{where}: column {column!r} is given for {both}; one column plays one role")
    columns, notes = dict(given), []
    for role in table.roles:
        if role.name in columns:
            continue
        free = [name for name in named if name not in columns.values()]
        ranked = [name for name in _ranked(role, table, free) if fits(role, name)]
        if not ranked and looks and _by_content_too(role, table):
            ranked, why = _by_content(role, table, free, fits, distinct, looks)
            notes += [f"column {ranked[0]} is taken for {role.what}, {why}"] if ranked else []
        if not ranked and role.name == "amount" and "returned" in table and not _ranked(table["price"], table, free):
            called = [name for name in _ranked(table["returned"], table, free) if _MONEY.search(plain_name(name))]
            ranked = [name for name in called if fits(role, name)]  # of a file of returns alone
        if not ranked and role.name == "date" and role.required:
            held = [name for name in free if not _BORN.search(plain_name(name)) and fits(role, name)]
            ranked = held if len(held) == 1 else []
            notes += [f"column {held[0]} is taken for {role.what}: no other holds days"] if ranked else []
        if not ranked:
            continue
        choice = ranked[0]
        if role.name == "customer_id" and distinct(choice) >= _EACH_ONCE:
            better = next((name for name in ranked[1:] if distinct(name) < _REPEATS), None)
            if better:
                notes.append(f"column {better} is taken for the customer, since no value of {choice} occurs twice")
                choice = better
        if role.name == "date" and role.required and filled(choice) < _FILLED:
            fuller = max(ranked, key=filled)
            if filled(fuller) >= max(_FILLED, filled(choice)):
                notes.append(
                    f"column {fuller} is taken for {role.what}: {choice} is empty in {1 - filled(choice):.0%} of rows"
                )
                choice = fuller
        columns[role.name] = choice
    missing = next((role for role in table.roles if role.required and role.name not in columns), None)
    missing = missing or (table["amount"] if "amount" in table and not {"amount", "price"} & set(columns) else None)
    if missing:
        argument = missing.name.removesuffix("_id")
        held = [name for name in named if name not in columns.values() and fits(missing, name)]
        called = [name for name in _ranked(missing, table, named) if name not in columns.values()]
        hint = f"; {held[0]!r} holds such values" if missing.kind == "date" and held else ""
        if called and missing.kind in SUCH:
            hint = f"; {called[0]!r} is called so, but hardly any of its values is {SUCH[missing.kind]}{hint}"
        ask = f"say which it is (`{argument}=`)" if can_say and argument != "start" else f"call one {argument!r}"
        if argument == "amount" and can_say:
            ask += ", or what a purchase brings where none is there (`mean_amount=`)"
        if len(periods := [name for name in named if _PERIOD.fullmatch(plain_name(name))]) > 1:
            raise PurchasesError(
                f"{where}: {periods[0]!r} to {periods[-1]!r} are periods of a calendar, a column each, of which "
                f"{missing.name} cannot be told; {_LONG['start' in table]}; the columns are {there}"
            )
        raise PurchasesError(f"{where}: no column looks like {missing.name}{hint}; {ask}; the columns are {there}")
    used = set(columns.values())
    return Roles(
        {role.name: columns[role.name] for role in table.roles if role.name in columns},
        tuple(name for name in named if name not in used),
        tuple(notes),
    )


def _ranked(role: Role, table: Table, free: Iterable[str]) -> list[str]:
    """Return columns by how surely their names are the role's: the same, then a part that no other role explains."""
    rank = {name: i for i, name in enumerate(role.names)}
    plain = {column: plain_name(_IN_BRACKETS.sub("", column)) or plain_name(column) for column in free}
    exact = sorted((column for column in plain if plain[column] in rank), key=lambda column: rank[plain[column]])
    if exact or not (role.required or role.name == "amount"):
        return exact
    known = {name for other in table.roles for name in other.names}

    def part(column: str) -> int | None:
        name = plain[column]
        if name in known:
            return None
        long = (word for word in rank if len(word) >= (_SHORTEST_PART if word.isascii() else 2))
        return min((rank[word] for word in long if name.startswith(word) or name.endswith(word)), default=None)

    parts = {column: part(column) for column in plain}
    return sorted((c for c, at in parts.items() if at is not None), key=lambda c: parts[c] or 0)


def _by_content_too(role: Role, table: Table) -> bool:
    """Return whether values alone tell a role: an end only beside a start."""
    return role.name in ("customer_id", "date", "amount", "start") or (role.name == "end" and "start" in table)


def _by_content(
    role: Role, table: Table, free: Sequence[str], fits: Callable[[Role, str], bool], distinct: Callable[[str], float],
    looks: Callable[[str], Looks],
) -> tuple[list[str], str]:  # fmt: skip
    """Return columns by what they hold, where nothing names them, and why these.

    Numbers with decimals are money and no ids, codes such as C1123 are ids and no money. Where no column has decimals,
    whole numbers may be either: the customer comes first then.
    """
    why = "by what it holds"
    if role.kind in ("date", "period"):
        return [name for name in free if fits(role, name)], why
    days = [each for each in table.roles if each.kind in ("date", "period")]
    others = [name for name in free if not any(fits(each, name) for each in days)]
    money, whole = ([name for name in others if looks(name) == kind] for kind in ("money", "whole"))
    if role.name == "amount":  # of numbers, the column with most different values
        return sorted(money or whole or (name for name in others if fits(role, name)), key=distinct, reverse=True), why
    ids = [name for name in others if name not in money and ("amount" not in table or money or [name] != whole)]
    often = [name for name in ids if distinct(name) < _REPEATS and "start" not in table]  # a contract is had once
    often = sorted(often, key=distinct, reverse=True)
    if "amount" in table and not money and len(whole) > 1 and often:
        first = next(name for name in free if name in often and distinct(name) >= _FEWER * distinct(often[0]))
        why = "as it comes first: no number has decimals, and ids and money look alike (`customer=` says otherwise)"
        often = [first, *(name for name in often if name != first)]
    return often or ids[:1] or others[:1], why
