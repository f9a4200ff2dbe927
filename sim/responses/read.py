"""Evidence as files: experiments and contacts with a row a customer (or a group of them), answers with a row each.

An experiment has columns ``lever``, ``moves``, ``spend`` (money a head and period that the arm got, 0 for none) and
``outcome``; beside them ``segment``, ``customers`` (the outcome is then their mean), ``periods`` (over how many the
outcome was watched) and ``assigned`` (random or chosen); where the firm chose, every other column is a trait of the
customers. With a customer and a period in every row it is a log: what a customer got before is in its other rows.
Answers have ``at`` (money a head and period, or unlimited) and ``value``; beside them ``low``, ``high``, ``manager``
and ``segment``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.errors import InputError
from sim.purchases.beside import table_of
from sim.purchases.read.sources import shown
from sim.purchases.read.sql import literal, quoted
from sim.purchases.read.tables import PEOPLE, Role, Table, plain_name
from sim.purchases.read.values import Values
from sim.responses.cells import Cells, assigned_of, period_of
from sim.responses.history.read import KNOWN, PERIODS, History, is_history, places_of, read_history
from sim.responses.near import OUTSIDE, Near, Outside, columns_of, near_of

__all__ = ["Answer", "Evidence", "Key", "Trial", "named", "read_evidence"]

Key = tuple[str, str, str]
"""Lever, effect, and segment; no segment: all."""


def _role(name: str, kind: Any, names: tuple[str, ...] = ()) -> Role:
    return Role(name, kind, (name, *names), name)


EVIDENCE = Table(
    "evidence",
    (
        _role("lever", "text"), _role("moves", "text", ("effect",)), _role("segment", "text"),
        _role("spend", "number", ("dose", "money")), _role("outcome", "number"), _role("customers", "number", ("n",)),
        _role("periods", "number"), _role("assigned", "text", ("randomised", "randomized")),
        _role("at", "text"), _role("value", "number"),
        _role("low", "number"), _role("high", "number"), _role("manager", "text"),
        _role("purchases_later", "number", ("purchaseslater", "laterpurchases", "purchasesafter")),
        _role("money_later", "number", ("moneylater", "latermoney", "laterrevenue", "moneyafter")),
        _role("kept_later", "number", ("keptlater", "kept", "retained", "stayed")),
    ),
)  # fmt: skip
LATER = ("purchases_later", "money_later", "kept_later")
"""Columns of what the won did after they were won."""
ARMS = ("arm", "group", "variant", "treatment", "treated", "cell")
"""Names of columns that say who was in which arm, and not what money it got."""
KINDS = {"an experiment": ("spend", "outcome"), "answers": ("at", "value")}
MOST = 1e15
"""Of a trait; beyond, sums of squares are no numbers."""
MOST_LABELS = 20
"""Different labels of a column of text that are traits; more are names."""


@dataclass(frozen=True)
class Answer:
    """What a manager said: the effect at an intensity (infinite: unlimited), and between which numbers."""

    key: Key
    manager: str
    at: float
    value: float
    low: float
    high: float


class Later(NamedTuple):
    """What the won later did, (rows,): ``outcome`` a head, nan where it is not known, of so many ``won``."""

    what: str
    outcome: Floats
    won: Floats


@dataclass(frozen=True, eq=False)
class Trial:
    """Customers who got some money, and what came of it.

    Attributes
    ----------
    spend, outcome, customers, periods : (rows,)
        Money a head and period, mean outcome, heads, and periods watched.
    chosen : bool
        Whether the firm chose who got how much.
    where : str
        The file.
    traits : (rows, traits) or None
        Of the customers, where the firm chose; labels as columns of 0 and 1.
    trait_names : tuple of str
    who, when : (rows,) or None
        Of a log of contacts: the customer of each row, and its period as a whole number.
    near : Near or None
        Who is near whom in an experiment at random, and what they got.
    outside : tuple of Outside
        Customers in no arm to compare the control group with.
    later : tuple of Later
        What the won did later.
    won_alone : bool
        Whether all rows are of people who were won, so that they tell no chance.
    by_quality : (float, float)
        What kinds of quality multiply the chance of being won without money by, and what money adds.
    """

    key: Key
    spend: Floats
    outcome: Floats
    customers: Floats
    periods: Floats
    chosen: bool
    where: str
    traits: Floats | None = None
    trait_names: tuple[str, ...] = ()
    who: NDArray[Any] | None = None
    when: Ints | None = None
    near: Near | None = None
    outside: tuple[Outside, ...] = ()
    later: tuple[Later, ...] = ()
    won_alone: bool = False
    by_quality: tuple[float, float] = (1.0, 1.0)

    @property
    def doses(self) -> Floats:
        """Return the different intensities, the lowest first."""
        return np.unique(self.spend)


class Evidence(NamedTuple):
    """What a file holds, and what should be said of it."""

    trials: list[Trial]
    answers: list[Answer]
    notes: tuple[str, ...] = ()
    histories: tuple[History, ...] = ()


def named(key: Key) -> str:
    """Return a curve in words."""
    return f"{key[0]} on {key[1]}" + (f" of {key[2]}" if key[2] else "")


def read_evidence(where: str | Path) -> Evidence:
    """Return the experiments, the answers or the history of a file.

    Raises
    ------
    InputError
        If there are no rows, columns are missing, or a row cannot be used; names file and row.
    """
    with table_of(where, EVIDENCE) as (connection, values, roles):
        name = shown(where)
        if not connection.execute("SELECT count(*) FROM beside").fetchone()[0]:
            raise InputError(f"{name}: no rows under the header, so it tells nothing; give it rows, or leave it out")
        if is_history(list(values.source.types)):
            return Evidence([], [], (), (read_history(connection, values, name),))
        cells = Cells(values, EVIDENCE, roles.columns, roles.unused, name)
        columns, left = cells.columns, cells.unused
        kind = _kind(name, columns, left)
        picked = [
            f"{cells.number(role) if role in cells.numbers else _text(values, role, column)} AS {quoted(role)}"
            for role, column in columns.items()
        ]
        chosen = kind == "an experiment" and "assigned" in columns
        chosen = chosen and _any_chosen(values, columns["assigned"])
        log = _log_of(values, columns, left) if kind == "an experiment" else ()
        others = tuple(column for column in left if column not in log)
        near = () if kind == "answers" or log else columns_of(others)
        traits, unused, notes = _traits(values, others) if chosen else ((), others, [])
        unused = [column for column in unused if column not in near]
        picked += [f'{values.text(log[0])} AS who, {period_of(values, log[1], KNOWN)} AS "when"'] if log else []
        picked += [f"{values.text(c)} AS {role}" for c, role in zip(near, ("cluster", "beside"), strict=False)]
        picked += [f"{sql} AS t{i}" for i, (_, sql) in enumerate(traits)]
        connection.execute(f"CREATE TABLE read AS SELECT row_number() OVER () AS row, {', '.join(picked)} FROM beside")
        needed = [role for role in KINDS[kind] if role in columns]
        _check_filled(connection, name, columns, ("lever", "moves", *needed))
        if kind == "an experiment" and not log:
            notes += _several_rows(values, columns, [column for column in left if column not in near])
        if unused:
            notes.append(f"columns not used: {', '.join(unused)}")
        said = tuple(f"{name}: {note}" for note in notes)
        if kind == "answers":
            listed = ", ".join(quoted(role) for role in columns)
            rows = connection.execute(f"SELECT {listed} FROM read ORDER BY row").fetchall()
            table = [dict(zip(columns, row, strict=True)) for row in rows]
            return Evidence([], [_answer(row, f"{name}: row {i}") for i, row in enumerate(table, 1)], said)
        trials, more = _trials(connection, name, columns, [trait for trait, _ in traits], log, near)
    return Evidence(trials, [], (*said, *more))


def _text(values: Values, role: str, column: str) -> str:
    return assigned_of(values, column) if role == "assigned" else values.text(column)


def _kind(name: str, columns: Mapping[str, str], unused: Sequence[str]) -> str:
    kind = next((kind for kind, needed in KINDS.items() if set(needed) <= set(columns)), None)
    if "spend" in columns and set(LATER) & set(columns):
        kind = "an experiment"
    arm = next((each for each in unused if each.lower() in ARMS), None)
    if kind is None and arm is not None and "spend" not in columns and "outcome" in columns:
        raise InputError(
            f"{name}: column spend is missing: write beside '{arm}' the money a head and period that the arm got, 0 "
            "for none"
        )
    if kind is None or not {"lever", "moves"} <= set(columns):
        raise InputError(
            f"{name}: expected columns lever and moves, with spend and outcome (an experiment) or at and value "
            f"(answers), or period, what came in and money by lever (a history), got {', '.join([*columns, *unused])}"
        )
    return kind


def _any_chosen(values: Values, column: str) -> bool:
    return bool(
        values.connection.execute(f"SELECT bool_or({assigned_of(values, column)} = 'chosen') FROM beside").fetchone()[0]
    )


def _check_filled(connection: Any, name: str, columns: Mapping[str, str], needed: Sequence[str]) -> None:
    for role in needed:
        first = connection.execute(f"SELECT min(row) FROM read WHERE {quoted(role)} IS NULL").fetchone()[0]
        if first is not None:
            raise InputError(f"{name}: row {first}: expected a value in column {columns[role]!r}, got none")


def _several_rows(values: Values, columns: Mapping[str, str], unused: Sequence[str]) -> list[str]:
    """Return that customers have several rows of one lever and effect, where a column says who they are."""
    who = next((column for column in unused if plain_name(column) in PEOPLE["customer_id"].names), None)
    if who is None:
        return []
    of = ", ".join(values.text(column) for column in (who, columns["lever"], columns["moves"]))
    known = f"{values.text(who)} IS NOT NULL"
    different = f"SELECT count(*) FROM (SELECT DISTINCT * FROM beside WHERE {known})"
    rows, customers, different = values.connection.execute(
        f"SELECT count(*), count(DISTINCT ({of})), ({different}) FROM beside WHERE {known}"
    ).fetchone()
    if rows == customers:
        return []
    copies = f", {rows - different:,} of them copies" if different < rows else ""
    return [
        f"column {who!r}: {rows - customers:,} rows are of customers who have another one of the same lever and effect"
        f"{copies}; every row is taken for a customer of its own, so intervals are too narrow"
    ]


def _log_of(values: Values, columns: Mapping[str, str], unused: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of customer and period where customers have rows in several periods; else nothing."""
    who = next((column for column in unused if plain_name(column) in PEOPLE["customer_id"].names), None)
    when = next((column for column in unused if plain_name(column) in PERIODS), None)
    if who is None or when is None:
        return ()
    of = ", ".join(values.text(column) for column in (who, columns["lever"], columns["moves"]))
    asked = f"SELECT count(DISTINCT ({of})) < count(DISTINCT ({of}, {values.text(when)})) FROM beside"
    return (who, when) if values.connection.execute(asked).fetchone()[0] else ()


def _traits(values: Values, unused: Sequence[str]) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Return names and SQL of customers' traits, columns that are none, and what should be said."""
    found, left, notes = [], [], []
    for column in unused:
        if plain_name(column) in PEOPLE["customer_id"].names:
            left.append(column)
            continue
        if values.fits_number(column):
            number = values.number(column)
            found.append((column, f"CASE WHEN abs({number}) <= {MOST:g} THEN {number} END"))
            continue
        text = f"coalesce({values.text(column)}, '')"
        labels = [label for (label, _) in values.connection.execute(
            f"SELECT {text}, count(*) FROM beside GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT {MOST_LABELS + 1}"
        ).fetchall()]  # fmt: skip
        if len(labels) > MOST_LABELS:
            left.append(column)
            notes.append(f"column {column!r} has more than {MOST_LABELS} different labels and is not weighed")
        else:  # the commonest is what others are measured from
            found += [
                (f"{column} {each or 'none'}", f"CAST({text} = {literal(each)} AS DOUBLE)") for each in labels[1:]
            ]
    return found, left, notes


def _key(row: dict[str, Any]) -> Key:
    return row["lever"], row["moves"], row.get("segment") or ""


def _answer(row: dict[str, Any], where: str) -> Answer:
    try:
        at = float("inf") if str(row["at"]).lower() == "unlimited" else float(row["at"])
    except ValueError:
        at = -1.0
    if at < 0:
        raise InputError(f"{where}: expected in column 'at' money of at least 0 or unlimited, got {row['at']!r}")
    low, high = (row["value"] if row.get(end) is None else row[end] for end in ("low", "high"))
    if not low <= row["value"] <= high:
        raise InputError(f"{where}: expected low <= value <= high, got {low:g}, {row['value']:g}, {high:g}")
    return Answer(_key(row), row.get("manager") or "", at, row["value"], low, high)


def _around(connection: Any, columns: Sequence[str]) -> dict[tuple[str, str], Near]:
    """Return what those near each row of an experiment got, by lever and effect, whatever their segment."""
    out = {}
    pairs = connection.execute("SELECT DISTINCT lever, moves FROM trials ORDER BY ALL").fetchall()
    for lever, moves in pairs:
        rows = connection.execute(
            f"SELECT row, cluster, {'beside' if len(columns) > 1 else 'NULL'}, spend, heads FROM trials "
            "WHERE lever = ? AND moves = ? AND how IN ('random', 'chosen') ORDER BY row", [lever, moves],
        ).fetchall()  # fmt: skip
        if rows:
            row, cluster, beside, spend, heads = zip(*rows, strict=True)
            listed = beside if len(columns) > 1 else None
            money, number = (np.array(each, dtype=np.float64) for each in (spend, heads))
            out[lever, moves] = near_of(columns[0], row, cluster, listed, money, number)
    return out


def _trials(
    connection: Any, name: str, columns: Mapping[str, str], traits: Sequence[str], log: Sequence[str],
    near: Sequence[str],
) -> tuple[list[Trial], list[str]]:  # fmt: skip
    """Return a trial for each lever, effect, segment and way of giving money, in the order of the file."""
    segment = "segment" if "segment" in columns else "NULL"
    assigned = "coalesce(lower(assigned), 'random')" if "assigned" in columns else "'random'"
    heads, periods = (f"coalesce({r}, 1)" if r in columns else "1.0" for r in ("customers", "periods"))
    of_log = ', who, "when"' if log else "".join(f", {each}" for each in ("cluster", "beside")[: len(near)])
    connection.execute(
        f"CREATE TABLE trials AS SELECT row, lever, moves, coalesce({segment}, '') AS part, {assigned} AS how, spend, "
        f"{'outcome' if 'outcome' in columns else '1.0'} AS outcome, {heads} AS heads, "
        f"{periods} AS periods{''.join(f', t{i}' for i in range(len(traits)))}"
        f"{''.join(f', {each}' for each in LATER if each in columns)}"
        f"{of_log} FROM read"
    )
    places = dict[str, int]()
    if log:
        lost = connection.execute('SELECT min(row) FROM trials WHERE who IS NULL OR "when" IS NULL').fetchone()[0]
        if lost is not None:
            raise InputError(f"{name}: row {lost}: expected who got it and when in columns {log[0]!r} and {log[1]!r}")
        places = places_of(
            name, {each for (each,) in connection.execute('SELECT DISTINCT "when" FROM trials').fetchall()}
        )
    wrong = connection.execute(
        "SELECT row, how FROM trials WHERE how NOT IN ('random', 'chosen', 'outside', 'before') ORDER BY row LIMIT 1"
    )
    for row, how in wrong.fetchall():
        raise InputError(
            f"{name}: row {row}: expected in column 'assigned' random or chosen, or outside or before for customers in "
            f"no arm, got {how!r}"
        )
    wrong = connection.execute(
        "SELECT row, spend, outcome, heads, periods FROM trials WHERE NOT (spend >= 0 AND heads >= 1 AND periods >= 1 "
        "AND periods = floor(periods) AND isfinite(spend) AND isfinite(outcome)) ORDER BY row LIMIT 1"
    )
    for row, spend, outcome, number, times in wrong.fetchall():
        raise InputError(
            f"{name}: row {row}: expected spend of at least 0, an outcome that is a number, and customers and whole "
            f"periods of at least 1, got {spend:g}, {outcome:g}, {float(number):g} and {float(times):g}"
        )
    found: list[Trial] = []
    beside: dict[Key, list[Outside]] = {}
    notes: list[str] = []
    around = _around(connection, near) if near else {}
    groups = connection.execute("SELECT lever, moves, part, how FROM trials GROUP BY ALL ORDER BY min(row)").fetchall()
    for *key, how in groups:
        rows = connection.execute(
            "SELECT * EXCLUDE (lever, moves, part, how) FROM trials WHERE lever = ? AND moves = ? AND part = ? "
            "AND how = ? ORDER BY row", [*key, how],
        ).fetchnumpy()  # fmt: skip
        spend, outcome, number, times = (
            np.asarray(rows[each], dtype=np.float64) for each in ("spend", "outcome", "heads", "periods")
        )
        if how in OUTSIDE:
            beside.setdefault((key[0], key[1], key[2]), []).append(Outside(how, spend, outcome, number, times))
            continue
        chosen = how == "chosen"
        own = None
        if chosen and traits:
            own = np.empty((len(spend), len(traits)))
            for i, trait in enumerate(traits):
                held = np.ma.asarray(rows[f"t{i}"], dtype=np.float64)
                own[:, i] = held.filled(held.mean() if held.count() else 0.0)
                if held.count() < len(held):
                    lost = len(held) - held.count()
                    notes.append(f"{name}: column {trait!r} has no number in {lost:,} rows, taken for the mean")
        names = tuple(traits) if chosen else ()
        who = np.asarray(rows["who"], dtype=str) if log else None
        when = np.array([places[each] for each in rows["when"]], dtype=np.int64) if log else None
        if log and (times != 1).any():
            raise InputError(f"{name}: rows of a customer in a period are of one period; leave out column periods")
        by_row = around.get((key[0], key[1]))
        known = None if by_row is None or chosen else by_row.of(np.asarray(rows["row"]))
        later = tuple(
            Later(each.removesuffix("_later"), np.ma.filled(np.ma.asarray(rows[each], dtype=np.float64), np.nan),
                  number * outcome) for each in LATER if each in columns
        )  # fmt: skip
        if later and (key[1] != "acquisition" or log):
            what = "in a log" if log else f"on {key[1]}"
            notes.append(f"{name}: what was done later is not read {what}: it is told of those won, a row each")
            later = ()
        found.append(
            Trial((key[0], key[1], key[2]), spend, outcome, number, times, chosen, name, own, names, who, when, known,
                  later=later, won_alone="outcome" not in columns)
        )  # fmt: skip
    for at, rest in beside.items():
        there = [i for i, each in enumerate(found) if each.key == at and not each.chosen and each.who is None]
        if not there:
            raise InputError(
                f"{name}: {' / '.join(filter(None, at))}: rows {rest[0].how} are in no arm, and there is no experiment "
                "at random beside them to compare with"
            )
        found[there[0]] = replace(found[there[0]], outside=tuple(rest))
    plain = [key for *key, how in groups if how == "random"] if traits else []
    if plain:
        notes.append(f"{name}: columns {', '.join(traits)} are not weighed where money was given at random")
    return found, notes
