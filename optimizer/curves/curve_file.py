"""A file of response curves: one row per point, and rows of what was spent before the first period."""

import difflib
import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from optimizer.curves.elsewhere import from_elsewhere, is_from_elsewhere, table_of_json
from optimizer.curves.periods import Order, order_of
from optimizer.curves.shapes import CurveTable, TabulatedCurve
from sim.errors import FolderError, InputError
from sim.reading import read_rows, read_text

__all__ = ["is_curves", "read_curves"]

COLUMNS = ("channel", "period", "spend", "response")
BEFORE = "before"
"""Column of money spent in periods before the first."""
ONE_PERIOD = "all"
"""Name of the only period of a file without a column for it."""
TIMES = (
    "date",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "time",
    "date_week",
    "week_start",
    "start",
    "timestamp",
    "ds",
)
"""Names of columns that hold periods elsewhere."""
FROM_WHERE = (
    "`allocate` needs curves: for each channel what several amounts of spend would bring, one row a point "
    f"({','.join(COLUMNS)}). A marketing-mix model fitted to the history has them (its response or saturation curves, "
    "evaluated at some spends), and so have experiments; Meridian's response curves, Robyn's "
    "pareto_media_transform_matrix.csv and PyMC-Marketing's saturation curves are read as they are"
)


def read_curves(path: str | Path) -> CurveTable:
    """Return the curves in a CSV file with header ``channel,period,spend,response`` (period may be missing).

    Tables of marketing-mix models are known as they write them (:mod:`optimizer.curves.elsewhere`), as CSV or JSON.
    Commas, semicolons or tabs separate. Periods are ordered by what their names say, never as they appear. With a
    column ``before``, rows without spend and response are money of a period before the first. Other columns are not
    used.

    Raises
    ------
    InputError
        If a header, a row or a curve is wrong; names file, row, what is expected and what to do.
    FolderError
        If the file cannot be read.
    """
    path = Path(path)
    text = read_text(path, f"give a CSV with header {','.join(COLUMNS)}")
    rows = _read_json(path, text) if path.suffix.lower() == ".json" else _read_rows(path, text)
    channels = tuple(dict.fromkeys(channel for channel, _ in rows.points))
    order = order_of(list(dict.fromkeys(period for _, period in (*rows.points, *rows.before))))
    own = {period for _, period in rows.points}
    periods = tuple(period for period in order.names if period in own)
    for channel in channels:
        for period in periods:
            if (channel, period) not in rows.points:
                raise InputError(
                    f"{path}: channel '{channel}' has no row for period '{period}'; give every channel a curve in "
                    "every period (one row with spend 0 and response 0 where it can bring nothing)"
                )
    curves = tuple(tuple(_curve(path, rows, channel, period) for period in periods) for channel in channels)
    return CurveTable(channels, periods, curves, order, _before(path, rows, channels, order), rows.unused, rows.notes)


Point = tuple[float, float, int]


@dataclass
class _Rows:
    """What the rows say: (spend, response, line), and (money, line) of before, by channel and period."""

    unused: tuple[str, ...]
    notes: tuple[str, ...] = ()
    points: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    before: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)


def is_curves(path: str | Path) -> bool:
    """Return whether a file is one of curves, ours or of a marketing-mix model, by the names of its columns."""
    path = Path(path)
    try:
        text = read_text(path, "")
        header = list(table_of_json(path, text)[0]) if path.suffix.lower() == ".json" else _table(path, text).header
    except (FolderError, InputError):
        return False
    return {"channel", "spend", "response"} <= set(header) or is_from_elsewhere(header)


class _Table(NamedTuple):
    """A file of text: its separator, names of columns in small letters, and rows that hold something, by their line."""

    separator: str
    header: list[str]
    rows: list[tuple[int, list[str]]]


def _table(path: Path, text: str) -> _Table:
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t", key=first.count)
    lines = [(line, [cell.strip() for cell in row]) for line, row in read_rows(text, separator, path) if row]
    header = [name.lower() for name in (lines[0][1] if lines else [])]
    return _Table(separator, header, [(line, cells) for line, cells in lines[1:] if any(cells)])


def _read_rows(path: Path, text: str) -> _Rows:
    separator, header, table = _table(path, text)
    found = _from_elsewhere(path, [dict(zip(header, cells, strict=False)) for _, cells in table])
    if found is not None:
        return found
    _check_header(path, header)
    rows = _Rows(tuple(name for name in header if name not in (*COLUMNS, BEFORE)))
    for line, cells in table:
        where = f"{path}, row {line}"
        if len(cells) != len(header):
            raise InputError(
                f"{where}: expected {len(header)} fields ({separator.join(header)}), got {len(cells)}; "
                "numbers take a point for decimals and no thousands separator"
            )
        _add_row(rows, where, line, dict(zip(header, cells, strict=True)))
    if not rows.points:
        raise InputError(f"{path}: no rows under the header; give at least one point per channel")
    return rows


def _read_json(path: Path, text: str) -> _Rows:
    table = table_of_json(path, text)
    found = _from_elsewhere(path, table)
    if found is not None:
        return found
    header = list(table[0])
    _check_header(path, header)
    rows = _Rows(tuple(name for name in header if name not in (*COLUMNS, BEFORE)))
    for i, row in enumerate(table, 1):
        if set(header) - set(row):
            raise InputError(f"{path}, record {i}: expected {', '.join(header)}, got {', '.join(row)}")
        _add_row(rows, f"{path}, record {i}", i, row)
    return rows


def _from_elsewhere(path: Path, table: list[dict[str, str]]) -> _Rows | None:
    """Return the points of a marketing-mix model's table; None where it is not one."""
    found = from_elsewhere(path, table)
    if found is None:
        return None
    rows = _Rows((), found.notes)
    for channel, spend, response, line in found.points:
        _amount(f"{path}, row {line}", "spend", f"{spend!r}")
        rows.points.setdefault((channel, ONE_PERIOD), []).append((spend, response, line))
    if not rows.points:
        raise InputError(f"{path}: no channel in it has a curve")
    return rows


def _add_row(rows: _Rows, where: str, line: int, named: dict[str, str]) -> None:
    place = channel, period = named["channel"], named.get("period", ONE_PERIOD)
    if not channel or not period:
        raise InputError(f"{where}: {'period' if channel else 'channel'} is empty; name it")
    if named.get(BEFORE):
        if named["spend"] or named["response"]:
            raise InputError(f"{where}: '{BEFORE}' beside a point of a curve; give what was spent before its own row")
        if place in rows.before:
            raise InputError(
                f"{where}: '{channel}', '{period}' has its '{BEFORE}' in row {rows.before[place][1]}; keep one"
            )
        rows.before[place] = _amount(where, BEFORE, named[BEFORE]), line
        return
    spend, response = _amount(where, "spend", named["spend"]), _number(where, "response", named["response"])
    rows.points.setdefault(place, []).append((spend, response, line))


def _check_header(path: Path, header: list[str]) -> None:
    wanted = ",".join(COLUMNS)
    if not header:
        raise InputError(f"{path}: is empty; expected a header {wanted} and one row per point of a curve")
    known = [*COLUMNS, BEFORE]
    for name in known:
        if header.count(name) > 1:
            raise InputError(f"{path}, row 1: column '{name}' comes twice; remove one")
    times = [name for name in header if name in TIMES]
    missing = [name for name in COLUMNS if name != "period" and name not in header]
    close = {name: difflib.get_close_matches(name, [n for n in header if n not in known], 1, 0.75) for name in known}
    wide = "channel" in missing and not close["channel"]  # a column for each channel's money: tv_spend is no 'spend'
    if missing and (len(missing) > 1 or times) and (wide or not any(close[name] for name in missing)):
        shown = ", ".join(header[:6]) + (", ..." if len(header) > 6 else "")
        raise InputError(f"{path}: its columns ({shown}) look like a history or another table. {FROM_WHERE}")
    for name in [*missing, "period"]:
        if name in header:
            continue
        if close[name]:
            raise InputError(f"{path}, row 1: column '{close[name][0]}': is it '{name}'? Rename it, or remove it")
        if name == "period" and times:
            raise InputError(f"{path}, row 1: column '{times[0]}': rename it to 'period' if it says when, or remove it")
        if name != "period":
            raise InputError(f"{path}, row 1: column '{name}' is missing; expected {wanted} (period may be left out)")


def _number(where: str, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > 1e18:
        raise InputError(
            f"{where}: {column} '{text}'; expected a number of at most 1e18, with a point for decimals and no "
            "thousands separator: mend the row"
        )
    return number


def _amount(where: str, column: str, text: str) -> float:
    amount = _number(where, column, text)
    if amount < 0:
        raise InputError(f"{where}: {column} {amount:g}; expected at least 0: mend or remove the row")
    return amount


def _curve(path: Path, rows: _Rows, channel: str, period: str) -> TabulatedCurve:
    """Return the curve of one channel and period; refuse one that gives a spend twice."""
    points = sorted(rows.points[channel, period])
    for (spend, _, line), (again, _, other) in itertools.pairwise(points):
        if again == spend:
            line, other = sorted((line, other))
            where = f"{path}, row {other}: channel '{channel}'"
            where += "" if period == ONE_PERIOD else f", period '{period}'"
            raise InputError(f"{where}: spend {spend:.15g} is in row {line} already; keep one of the two")
    return TabulatedCurve.of([point[0] for point in points], [point[1] for point in points])


def _before(path: Path, rows: _Rows, channels: tuple[str, ...], order: Order) -> dict[str, tuple[float, ...]]:
    """Return money by channel of the periods before the first, in the order of time."""
    if not rows.before:
        return {}
    if order.unknown or order.missing:
        raise InputError(
            f"{path}: column '{BEFORE}' needs periods one after the other, but {order.unknown or order.missing}"
        )
    own = {period for _, period in rows.points}
    first = next(i for i, period in enumerate(order.names) if period in own)
    for (channel, period), (_, line) in rows.before.items():
        if channel not in channels:
            raise InputError(f"{path}, row {line}: channel '{channel}' has no curve; give it one or remove the row")
        if order.names.index(period) >= first:
            raise InputError(
                f"{path}, row {line}: '{BEFORE}' in period '{period}', which is not before the first with curves "
                f"('{order.names[first]}'); mend the period"
            )
    return {
        channel: tuple(rows.before.get((channel, period), (0.0, 0))[0] for period in order.names[:first])
        for channel in channels
        if any(channel == each for each, _ in rows.before)
    }
