"""Plans as files: JSON with everything, CSV for any tool, Excel for people; each is read back as the same intensities.

JSON and Excel hold the plan with its proof. CSV holds the rows alone: what it does not know is nan, or nothing.
"""

import csv
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.errors import InputError
from sim.files import check_output, write_file, write_text

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["COLUMNS", "KEYS", "PLAN_FILES", "Stored", "Totals", "read_plan", "write_plan"]

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
    "intensity": "money per customer of the target in the period: what is played",
    "customers": "customers expected in the target at the start of the period; may be left out of a file to read",
    "spend": "expected money, intensity x customers; not read back",
}
"""The columns of a plan's rows, and what each means."""

NUMBERS = ("intensity", "customers")
NEEDED = ("period", "segment", "tier", "stage", "lever", "intensity")

FIGURES = {
    "scenario": "name of the scenario that the plan was made for",
    "scenario_hash": "which version of it; the second half names the purchases in its customer base, if it has one",
    "scenario_file": "its file, seen from this file's folder",
    "periods": "length of the horizon",
    "targeting": "what the plan tells apart: segment, stage, or state (tiers of value too)",
    "goal": "asset: the most customer asset for the money; least_money: the least that reaches what was asked; robust: "
    "the best mix of mean and worst samples of what is not known (`tenure risk`)",
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
    "plan": "one object for each period, target and lever with money; its keys are the columns of a .csv file",
}
"""The keys of a plan in JSON, as a file and as text, and what each means."""

MOST_ROWS = 1_048_575
"""Rows of an Excel sheet below its header."""

PRICE = "0.0000"
FORMATS = {"intensity": "#,##0.0000", "customers": "#,##0.0"}
FORMATS |= dict.fromkeys(("price", "looser", "tighter", "beyond", "tighter_beyond"), PRICE)
MONEY = "#,##0.00"
TOTAL = "all"


@dataclass(frozen=True)
class Stored:
    """What a file says.

    Attributes
    ----------
    content : dict
        As in the JSON file: the plan's figures, and its rows under ``plan``; what a file does not know is missing.
    place : callable
        From the number of a row to its place in the file, for messages.
    """

    content: Content
    place: Callable[[int], str]


class Totals(NamedTuple):
    """Expected money over the horizon (segments x levers) and by period (periods x levers)."""

    segments: list[str]
    levers: list[str]
    by_segment: list[list[float]]
    by_period: list[list[float]]


def write_plan(path: Path, content: Content, totals: Totals) -> None:
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
        write_file(path, lambda part: _write_excel(content, totals, part, path))


def read_plan(path: Path) -> Stored:
    """Return what a plan file says; a file with another ending is taken for JSON.

    Raises
    ------
    InputError
        If columns are missing, or a number is none.
    ValueError, KeyError, OSError
        If it is no such file.
    """
    if path.suffix == ".csv":
        return _read_csv(path)
    if path.suffix == ".xlsx":
        return _read_excel(path)
    return Stored(json.loads(path.read_text(encoding="utf-8")), lambda i: f"plan row {i}")


# --- CSV --------------------------------------------------------------------------------------------------------------


def _write_csv(rows: list[Content], part: Path) -> None:
    with part.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(COLUMNS), lineterminator="\n")
        out.writeheader()
        out.writerows({k: repr(v) if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def _read_csv(path: Path) -> Stored:
    """Return the rows; semicolons with decimal commas are read too, as some spreadsheets write them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        separator = max(",;\t", key=first.count)
        file.seek(0)
        table = csv.DictReader(file, delimiter=separator)
        header, rows, lines = list(table.fieldnames or []), [], []
        for row in table:
            rows.append(row)
            lines.append(table.line_num)
    decimal = "." if separator == "," else ","

    def place(i: int) -> str:
        return f"line {lines[i]}"

    return Stored({"plan": _typed(path, header, rows, place, decimal)}, place)


def _typed(
    path: Path, header: Sequence[Any], rows: list[Content], place: Callable[[int], str], decimal: str = "."
) -> list[Content]:
    """Return rows with text as text and numbers as numbers."""
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise InputError(
            f"{path}: is not a plan: no column '{missing[0]}'; expected the columns {', '.join(NEEDED)}, as "
            "`tenure optimize` writes them"
        )
    out = []
    for i, row in enumerate(rows):
        typed: Content = {name: str(row[name]) for name in ("segment", "tier", "stage", "lever")}
        for name in ("period", *NUMBERS):
            if name not in row and name not in NEEDED:
                continue
            given = row[name]
            try:
                typed[name] = float(given.replace(decimal, ".") if isinstance(given, str) else given)
            except (TypeError, ValueError):
                raise InputError(f"{path}, {place(i)}: {name}: expected a number, got {given!r}") from None
        out.append(typed)
    return out


# --- Excel ------------------------------------------------------------------------------------------------------------


def _write_excel(content: Content, totals: Totals, part: Path, path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.utils.exceptions import IllegalCharacterError

    rows, prices = content["plan"], content["prices"]
    if len(rows) > MOST_ROWS:
        raise InputError(f"{path}: {len(rows):,} rows are more than an Excel sheet holds; write a .csv file instead")
    book = Workbook()
    book.remove(book.active)
    try:
        _sheet(book.create_sheet("plan"), list(COLUMNS), [list(row.values()) for row in rows])
        _sheet(book.create_sheet("by segment and lever"), *_by_segment_and_lever(totals))
        _sheet(book.create_sheet("by period"), *_by_period(totals))
        _sheet(book.create_sheet("prices"), ["rule", "price", *RANGES], _prices(prices, content["price_ranges"]))
        _sheet(book.create_sheet("about"), ["figure", "value", "meaning"], _about(content))
    except IllegalCharacterError as error:
        raise InputError(
            f"{path}: Excel cannot hold a name of this plan ({error}); write a .csv file instead"
        ) from None
    book.save(part)


def _by_segment_and_lever(totals: Totals) -> tuple[list[str], list[list[Any]]]:
    rows = [[name, *line, sum(line)] for name, line in zip(totals.segments, totals.by_segment, strict=True)]
    columns = [sum(column) for column in zip(*totals.by_segment, strict=True)]
    rows.append([TOTAL, *columns, sum(columns)])
    return ["segment", *totals.levers, TOTAL], rows


def _by_period(totals: Totals) -> tuple[list[str], list[list[Any]]]:
    rows = [[t, *line, sum(line)] for t, line in enumerate(totals.by_period)]
    return ["period", *totals.levers, TOTAL], rows


def _prices(prices: Content, ranges: Content) -> list[list[Any]]:
    names = dict.fromkeys([*prices, *ranges])
    return [[name, prices.get(name), *(ranges.get(name, {}).get(key) for key in RANGES)] for name in names]


def _about(content: Content) -> list[list[Any]]:
    rows: list[list[Any]] = [[name, content[name], meaning] for name, meaning in FIGURES.items()]
    rows += [["", None, ""]]
    rows += [[f"column '{name}'", None, meaning] for name, meaning in COLUMNS.items()]
    rows += [["sheet 'prices', column 'price'", None, PRICES]]
    rows += [[f"sheet 'prices', column '{name}'", None, meaning] for name, meaning in RANGES.items()]
    rows += [["other sheets", None, "expected money, sums of the column 'spend'"]]
    return rows


def _sheet(sheet: "Worksheet", header: list[str], rows: list[list[Any]]) -> None:
    """Fill a sheet: a header that stays in sight, names as text even where they look like formulas, wide columns."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    for r, row in enumerate([header, *rows], start=1):
        for c, value in enumerate(row, start=1):
            if value is None or value == "":
                continue
            cell = sheet.cell(r, c, value)
            if isinstance(value, str):
                cell.data_type = "s"
            elif isinstance(value, float):
                cell.number_format = FORMATS.get(header[c - 1], MONEY)
    if rows and rows[-1][0] == TOTAL:
        for cell in sheet[sheet.max_row]:
            cell.font = Font(bold=True)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="1F3A5F")
        text = isinstance(rows[0][cell.column - 1], str) if rows else True
        cell.alignment = Alignment(horizontal="left" if text else "right")
    for c, name in enumerate(header, start=1):
        shown = [len(f"{row[c - 1]:,.2f}" if isinstance(row[c - 1], float) else str(row[c - 1] or "")) for row in rows]
        sheet.column_dimensions[get_column_letter(c)].width = min(max([len(name), *shown]) + 3, 60)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    if header[0] == "figure":
        for row in sheet.iter_rows(min_row=2):
            for cell in row:
                cell.alignment = Alignment(wrap_text=True, vertical="top", horizontal="left")


def _read_excel(path: Path) -> Stored:
    import zipfile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with closing(load_workbook(path, read_only=True, data_only=True)) as book:
            sheets = {name: list(book[name].iter_rows(values_only=True)) for name in ("plan", "prices", "about")}
    except (zipfile.BadZipFile, InvalidFileException):
        raise ValueError("no Excel file") from None
    header, *table = sheets["plan"]
    filled = [i for i, row in enumerate(table) if any(value is not None for value in row)]
    rows = [dict(zip(header, table[i], strict=False)) for i in filled]

    def place(i: int) -> str:
        return f"sheet 'plan', row {filled[i] + 2}"

    content: Content = {name: value for name, value, *_ in sheets["about"][1:] if name in FIGURES and value is not None}
    titles, *priced = sheets["prices"]
    priced = [row for row in priced if row[0] is not None]
    content["prices"] = {str(name): float(price) for name, price, *_ in priced if price is not None}
    known = [dict(zip(titles, row, strict=False)) for row in priced]
    content["price_ranges"] = {
        str(row["rule"]): {key: row.get(key) for key in RANGES} for row in known if row.get("looser") is not None
    }
    content["plan"] = _typed(path, header, rows, place)
    return Stored(content, place)
