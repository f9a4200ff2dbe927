"""Plans as files: JSON with everything, CSV for any tool, Excel for people; each is read back as the same intensities.

JSON and Excel hold the plan with its proof. CSV holds the rows alone: what it does not know is nan, or nothing. A row
that contradicts itself is refused; what is left out of it follows from the rest.
"""

import csv
import json
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from optimizer.as_made import check_as_made
from optimizer.money.calendar import Calendar
from optimizer.money.sheets import (
    TOTAL,
    Lines,
    Results,
    check_formulas,
    fill,
    read_book,
    read_csv,
    result,
    write_money,
)
from optimizer.money.table import Formula, Sheet
from sim.contract import Targets
from sim.errors import InputError
from sim.files import as_cell, check_output, of_cell, save_book, write_file, write_text
from sim.reading import read_text

if TYPE_CHECKING:
    from openpyxl import Workbook

__all__ = [
    "COLUMNS",
    "DAY",
    "KEYS",
    "PERIODS",
    "PLAN",
    "PLAN_FILES",
    "SEALED",
    "Stored",
    "Tables",
    "check_rows",
    "read_plan",
    "write_plan",
]

Content = dict[str, Any]

PLAN_FILES = (".json", ".csv", ".xlsx")
"""Endings of plan files."""

COLUMNS = {
    "period": "number of the period, from 0",
    "target": "segment, stage and tier in one name, to read; what counts is in the next columns",
    "segment": "segment of the customers",
    "tier": "tier of value inside the segment; 'unknown' where the firm sees none",
    "stage": "place in the lifecycle as the firm sees it",
    "lever": "instrument that the money goes to",
    "intensity": "money per customer of the target in the period: what is played; if left out, spend / customers",
    "customers": "customers expected in the target at the start of the period; may be left out of a file to read",
    "spend": "expected money, intensity x customers, of terms too, which no budget pays for; may be left out of a file "
    "to read, refused where it is another",
}
"""The columns of a plan's rows, and what each means."""

NUMBERS = ("intensity", "customers", "spend")
NAMES = ("segment", "tier", "stage", "lever")
NEEDED = ("period", *NAMES, "intensity")
ROUNDED = 1e-4
"""Share by which a row's spend may differ from intensity x customers: a spreadsheet saves the digits that it shows."""

FIGURES = {
    "scenario": "name of the scenario that the plan was made for",
    "scenario_hash": "which version of it; the second half names the purchases in its customer base, if it has one",
    "scenario_file": "its file, seen from this file's folder",
    "periods": "length of the horizon",
    "targeting": "what the plan tells apart: segment, stage, or state (tiers of value too)",
    "goal": "asset: the most customer asset for the money; least_money: the least that reaches what was asked; robust: "
    "the best mix of mean and worst samples of what is not known (`tenure risk`, "
    "`tenure optimize --for`)",
    "fixed_costs": "money: of the campaigns that are run, discounted; not taken off the asset",
    "budget": "money that may be spent over the horizon",
    "asset": "money: net present value of present and future customers under the plan, after marketing",
    "no_spend": "money: the same under the least spend that the rules allow; goal least_money: under no spend but what "
    "is committed",
    "bound": "money: nothing that bound_assumes covers has a larger asset; empty where no bound holds or was proved, "
    "and with the goal least_money",
    "reference": "money: as bound, with full information while the crowd stays as in the data",
    "lift_share": "share from 0 to 1: (asset - no_spend)/(bound - no_spend)",
    "gap": "share: 1 - lift_share, what the plan may lack",
    "least_money": "money, with the goal least_money: nothing that bound_assumes covers reaches what was asked with "
    "less; empty where no bound holds or was proved, and with other goals",
    "least_money_reference": "money: as least_money, with full information while the crowd stays as in the data",
    "least_money_share": "share from 0 to 1: least_money/(sum of spend), what any plan needs of this one's money",
    "shadow_price": "money by money: d(asset)/d(budget), what the next unit of budget brings beyond its own cost; goal "
    "least_money: 0, it has no budget; goal robust: as prices",
    "status": "feasible, or which rule is missed and by how much",
    "termination": "why the search for plan and bound stopped",
    "bound_assumes": "what the bound rests on",
}
"""What the sheet "about" says of a plan, and what it means, with units."""

PRICES = (
    "of the rules that bind: d(asset)/d(limit), money by unit of the limit, all together, as the budget grows; goal "
    "least_money: money saved by unit, negative where a larger limit costs more; goal robust: of the mix of mean and "
    "worst samples instead of the asset"
)

RANGES = {
    "looser": "d(asset)/d(limit) as the limit is loosened; that of the budget with rules stated as shares moving along",
    "tighter": "d(asset)/d(limit) as it is tightened",
    "holds": "by how much the limit may be loosened before its price has moved by a tenth",
    "beyond": "the price from there on",
    "tighter_holds": "by how much the limit may be tightened before its price has moved by a tenth",
    "tighter_beyond": "the price from there on",
    "step": "a round amount of the limit: 1,000, or less where the limit is smaller; one customer, or one point of a "
    "mean times those it is of",
    "gain": "what the asset gains where the limit is loosened by so much",
}
"""What stands under a rule's name in ``price_ranges``, local to the plan; empty where it was not looked for, or where
no plan keeps the rules."""

KEYS = {
    **FIGURES,
    "prices": PRICES,
    "price_ranges": "by rule that binds: what its limit by itself is worth to both sides and how far that holds, local "
    "to the plan; its keys are the other columns of the sheet 'prices'",
    "seconds": "seconds by step",
    "as_made": "figures and prices once more, by which it is seen that one was changed: such a file is refused",
    "plan": "one object for each period, target and lever with money; its keys are the columns of a .csv file",
}
"""The keys of a plan in JSON, as a file and as text, and what each means."""

SHEETS = {
    "against today": "what changes in expected money: by segment and lever less today",
    "by segment and lever": "expected money. A cell that is changed is played: the rows of its segment, lever and "
    "time are scaled to it",
    "today": "expected money as today; not to be changed",
    "by period": "sums of the rows of 'plan'",
    "plan": "the rows, one for each period, target and lever with money",
}
"""What the sheets of an Excel file hold."""

MOST_ROWS = 1_048_575
"""Rows of an Excel sheet below its header."""

PLAN, PERIODS, PRICED, ABOUT, AS_MADE = "plan", "by period", "prices", "about", "as made"
"""Sheets of an Excel file beside those of money; the last is hidden."""
SEALED = tuple(name for name in FIGURES if name not in ("scenario_file", "periods"))
"""Figures that a file holds as they were made: a file may move, and periods are held against the scenario."""
DAY = "first day"
"""Column of the day on which a period begins, in Excel files where that is known."""


@dataclass(frozen=True)
class Stored:
    """What a file says.

    Attributes
    ----------
    content : dict
        As in the JSON file: the plan's figures, and its rows under ``plan``; what a file does not know is missing.
    place : callable
        From the number of a row to its place in the file, for messages.
    sheets : dict
        Of an Excel file, by name.
    """

    content: Content
    place: Callable[[int], str]
    sheets: dict[str, Sheet] = field(default_factory=dict)


class Tables(NamedTuple):
    """What people read of a plan: expected money, and today's where that is known, by segment, lever and stretch."""

    money: Lines
    today: Lines | None
    levers: tuple[str, ...]
    calendar: Calendar


def write_plan(path: Path, content: Content, tables: Tables) -> None:
    """Write a plan by the ending of ``path``, under a temporary name, and move it into place.

    Parameters
    ----------
    content
        By the keys of :data:`KEYS`.

    Raises
    ------
    InputError
        If the ending is none of :data:`PLAN_FILES`, or Excel cannot hold the plan.
    FolderError
        If the file cannot be written.
    """
    check_output(path, PLAN_FILES)
    if path.suffix == ".json":
        write_text(path, json.dumps(content, indent=1))
    elif path.suffix == ".csv":
        write_file(path, lambda part: _write_csv(content["plan"], part))
    else:
        write_file(path, lambda part: _write_excel(content, tables, part, path))


def read_plan(path: Path) -> Stored:
    """Return what a plan file says; a file with another ending is taken for JSON.

    Raises
    ------
    InputError
        If columns are missing, a number is none, or a figure is not as it was made.
    ValueError, KeyError, OSError
        If it is no such file.
    """
    if path.suffix == ".csv":
        stored = _read_csv(path)
    elif path.suffix == ".xlsx":
        stored = _read_excel(path)
    else:
        stored = Stored(
            json.loads(read_text(path, "make one with `tenure optimize`", what="plan")), lambda i: f"plan row {i}"
        )
    check_as_made(path, stored.content, SEALED)
    rows = [_settled(path, stored.place(i), row) for i, row in enumerate(stored.content["plan"])]
    stored.content["plan"] = rows
    return stored


def _settled(path: Path, place: str, row: Content) -> Content:
    """Return a row as numbers, with its intensity, which follows from spend and customers where it is left out."""
    intensity, customers, spend = (float("nan") if row.get(k) is None else float(row[k]) for k in NUMBERS)
    if math.isnan(intensity):
        if not customers > 0 or math.isnan(spend):
            raise InputError(f"{path}: {place}: intensity is missing; give it, or customers and spend")
        intensity = spend / customers
    return {**row, "intensity": intensity, "customers": customers, "spend": spend}


def check_rows(path: Path, stored: Stored, targets: Targets) -> None:
    """Refuse rows whose intensity, customers and spend do not agree, or whose target is not their names'.

    Raises
    ------
    InputError
        Naming the row, what it says, and what to do.
    """
    heads: dict[tuple[Any, ...], int] = {}
    for i, row in enumerate(stored.content["plan"]):
        place = f"{path}: {stored.place(i)}"
        intensity, customers, spend = (row[name] for name in NUMBERS)
        made = intensity * customers
        if abs(spend - made) > ROUNDED * max(abs(spend), abs(made)):
            raise InputError(
                f"{place}: spend {spend:,.10g} is not intensity x customers, {intensity:,.10g} x {customers:,.10g} = "
                f"{made:,.10g}; leave out the one that follows from the others: the spend after a change of the "
                "intensity, or the intensity after a change of the spend"
            )
        key = tuple(row[name] for name in ("period", *NAMES[:-1]))
        first = heads.setdefault(key, i)
        other = stored.content["plan"][first]["customers"]
        if abs(customers - other) > ROUNDED * max(customers, other):
            raise InputError(
                f"{place}: customers {customers:,.10g}, but {stored.place(first)} has {other:,.10g} for the same "
                "target and period; restore the number, or leave customers out"
            )
        group = list(zip(targets.segments, targets.tiers, strict=True)).index((row["segment"], row["tier"]))
        name = targets.name(group, targets.stages.index(row["stage"]))
        if row.get("target", name) != name:
            raise InputError(
                f"{place}: target '{row['target']}' is '{name}' by its segment, stage and tier; these count, so change "
                "them too, or leave out the target"
            )


# --- CSV --------------------------------------------------------------------------------------------------------------


def _write_csv(rows: list[Content], part: Path) -> None:
    with part.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
        out.writeheader()
        out.writerows({k: repr(v) if isinstance(v, float) else as_cell(v) for k, v in row.items()} for row in rows)


def _read_csv(path: Path) -> Stored:
    """Return the rows; semicolons with decimal commas are read too, as some spreadsheets write them."""
    sheet = read_csv(path)
    if not sheet.rows:
        raise ValueError("empty")
    return _rows_of(path, sheet)


def _rows_of(path: Path, sheet: Sheet, named: str = "") -> Stored:
    header, *table = sheet.rows
    filled = [i for i, row in enumerate(table, start=1) if any(value not in (None, "") for value in row)]
    rows = [dict(zip(header, sheet.rows[i], strict=False)) for i in filled]

    def place(i: int) -> str:
        return sheet.place(filled[i], 0) if not named else f"sheet '{named}', row {filled[i] + 1}"

    return Stored({"plan": _typed(path, header, rows, place, sheet.decimal)}, place)


def _typed(
    path: Path, header: Sequence[Any], rows: list[Content], place: Callable[[int], str], decimal: str = "."
) -> list[Content]:
    """Return rows with text as text and numbers as numbers; what is blank is missing."""
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InputError(
            f"{path}: is not a plan: no column '{missing[0]}'; expected the columns {', '.join(NEEDED)}, as "
            "`tenure optimize` writes them"
        )
    out = []
    for i, row in enumerate(rows):
        typed: Content = {name: of_cell(str(row[name])) for name in (*NAMES, "target") if row.get(name) is not None}
        for name in ("period", *NUMBERS):
            given = row.get(name)
            if given in (None, "") or (name == "spend" and isinstance(given, Formula)):
                continue  # a spend that was not worked out is what it follows from
            try:
                typed[name] = float(given.replace(decimal, ".") if isinstance(given, str) else given)
            except (TypeError, ValueError):
                raise InputError(f"{path}, {place(i)}: {name}: expected a number, got {given!r}") from None
        out.append(typed)
    return out


# --- Excel ------------------------------------------------------------------------------------------------------------


def _write_excel(content: Content, tables: Tables, part: Path, path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.utils.exceptions import IllegalCharacterError

    rows, prices = content["plan"], content["prices"]
    if len(rows) > MOST_ROWS:
        raise InputError(f"{path}: {len(rows):,} rows are more than an Excel sheet holds; write a .csv file instead")
    book = Workbook()
    book.remove(book.active)
    try:
        results = write_money(book, tables.money, tables.today, tables.calendar)
        results |= _write_periods(book, rows, tables)
        fill(book.create_sheet(PRICED), ["rule", "price", *RANGES], _prices(prices, content["price_ranges"]))
        _write_about(book, content)
        fill(book.create_sheet(AS_MADE), ["figure", "value"], [list(pair) for pair in content["as_made"].items()])
        book[AS_MADE].sheet_state = "hidden"
        results |= _write_rows(book, rows, tables.calendar)
    except IllegalCharacterError as error:
        raise InputError(
            f"{path}: Excel cannot hold a name of this plan ({error}); write a .csv file instead"
        ) from None
    save_book(book, part, results)


def _columns(calendar: Calendar) -> list[str]:
    """Return the columns of the sheet of rows."""
    first, *rest = COLUMNS
    return [first, *([] if calendar.first_day is None else [DAY]), *rest]


def _write_rows(book: "Workbook", rows: list[Content], calendar: Calendar) -> Results:
    header = _columns(calendar)
    each, heads = (_letter(header.index(name)) for name in ("intensity", "customers"))
    table = []
    for r, row in enumerate(rows, start=2):
        spend = Formula(f"={each}{r}*{heads}{r}", _spend(row))
        cells = {**row, "spend": spend, DAY: calendar.day(row["period"])}
        table.append([cells[name] for name in header])
    return fill(book.create_sheet(PLAN), header, table)


def _spend(row: Content) -> float:
    return float(row["intensity"]) * float(row["customers"])


def _write_periods(book: "Workbook", lines: list[Content], tables: Tables) -> Results:
    """Add the sheet of money by period and lever, sums of the plan's rows."""
    number = len(lines)
    spent: defaultdict[tuple[int, str], float] = defaultdict(float)
    for line in lines:
        spent[line["period"], line["lever"]] += _spend(line)
    calendar = tables.calendar
    days = [] if calendar.first_day is None else [DAY]
    header = ["period", *days, *tables.levers, TOTAL]
    place = {name: f"{PLAN}!${c}$2:${c}${number + 1}" for name, c in _letters(_columns(calendar)).items()}
    first, last = len(days) + 1, len(days) + len(tables.levers)
    rows: list[list[Any]] = []
    for t in range(calendar.periods):
        sums: list[Any] = [
            Formula(
                f"=SUMPRODUCT(({place['period']}=$A{t + 2})*({place['lever']}={_letter(c)}$1)*{place['spend']})",
                spent[t, lever],
            )
            if number
            else 0.0
            for c, lever in enumerate(tables.levers, start=first)
        ]
        whole = Formula(f"=SUM({_letter(first)}{t + 2}:{_letter(last)}{t + 2})", math.fsum(map(result, sums)))
        rows.append([t, *([calendar.day(t)] if days else []), *sums, whole])
    return fill(book.create_sheet(PERIODS), header, rows)


def _prices(prices: Content, ranges: Content) -> list[list[Any]]:
    names = dict.fromkeys([*prices, *ranges])
    return [[name, prices.get(name), *(ranges.get(name, {}).get(key) for key in RANGES)] for name in names]


def _write_about(book: "Workbook", content: Content) -> None:
    from openpyxl.styles import Alignment

    rows: list[list[Any]] = [[name, content[name], meaning] for name, meaning in FIGURES.items()]
    rows += [["", None, ""]]
    rows += [[f"column '{name}'", None, meaning] for name, meaning in COLUMNS.items()]
    rows += [["sheet 'prices', column 'price'", None, PRICES]]
    rows += [[f"sheet 'prices', column '{name}'", None, meaning] for name, meaning in RANGES.items()]
    rows += [[f"sheet '{name}'", None, meaning] for name, meaning in SHEETS.items()]
    sheet = book.create_sheet(ABOUT)
    fill(sheet, ["figure", "value", "meaning"], rows)
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top", horizontal="left")


def _letter(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(column + 1))


def _letters(header: list[str]) -> dict[str, str]:
    return {name: _letter(c) for c, name in enumerate(header)}


def _read_excel(path: Path) -> Stored:
    sheets = read_book(path)
    for sheet in sheets.values():
        try:
            check_formulas(sheet)
        except InputError as error:
            raise InputError(f"{path}, {error}") from None
    stored = _rows_of(path, sheets[PLAN], PLAN)
    about, prices = (sheets[name].rows[1:] for name in (ABOUT, PRICED))
    content: Content = {name: value for name, value, *_ in about if name in FIGURES and value is not None}
    prices = [row for row in prices if row[0] is not None]
    content["prices"] = {str(name): float(price) for name, price, *_ in prices if price is not None}
    known = [dict(zip(sheets[PRICED].rows[0], row, strict=False)) for row in prices]
    content["price_ranges"] = {
        str(row["rule"]): {key: row.get(key) for key in RANGES}
        for row in known
        if any(row.get(key) is not None for key in RANGES)
    }
    if AS_MADE in sheets:
        content["as_made"] = {str(name): value for name, value, *_ in sheets[AS_MADE].rows[1:]}
    content["plan"] = stored.content["plan"]
    return Stored(content, stored.place, sheets)
