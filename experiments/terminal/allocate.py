"""``tenure allocate``: a budget over response curves from elsewhere, in words, as JSON and as a file."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.words.figures import rounded_up
from experiments.words.phrases import number_at_most
from experiments.words.tables import table
from sim.errors import FolderError, InputError, RulesError, first_line
from sim.files import check_output, write_file, write_text

if TYPE_CHECKING:
    from optimizer.curves.result import CurveAllocation
    from optimizer.curves.rules import AllocationRules

__all__ = ["allocation_summary", "run_allocate", "save_allocation", "stated_rules"]

WIDE = 8
"""Periods that still fit side by side; more are shown in blocks."""
BLOCKS = 4
SUFFIXES = (".csv", ".json", ".xlsx")


def run_allocate(
    curves: Path,
    rules: Path | None,
    output: Path | None,
    *,
    time_limit: float,
    tell: Callable[[dict[str, Any]], None] | None,
    **options: Any,
) -> None:
    """Read, allocate, write and say; ``tell`` takes the answer as data in place of words.

    Raises
    ------
    InputError
        If a file or an option cannot be used.
    RulesError
        If no plan can meet the rules; the data are told before.
    """
    from optimizer.curves.allocation import allocate
    from optimizer.curves.rules import check_known
    from optimizer.curves.shapes import read_curves

    if output is not None:
        check_output(output, SUFFIXES, [curves, rules])
    stated = stated_rules(rules, **options)
    read = read_curves(curves)
    for option in ("floor", "cap"):
        for channel in _by_channel(f"--{option}", options[f"{option}s"]):
            check_known(f"--{option} {channel}", [channel], read.channels)
    result = allocate(read, stated, time_limit=time_limit)
    if tell is not None:
        written = None if output is None or result.conflict else str(output)
        tell({**result.to_dict(), "file": written})
    if result.conflict is not None:
        raise RulesError(f"{result.conflict.in_words()}. Loosen one of these rules")
    if output is not None:
        save_allocation(result, output)
    if tell is None:
        print(allocation_summary(result, curves, stated.currency, output))


def stated_rules(
    file: Path | None,
    *,
    budget: float | None,
    periods: int | None,
    carry_over: str | None,
    period_share: float | None,
    floors: Sequence[str],
    caps: Sequence[str],
) -> "AllocationRules":
    """Return the rules of a file with the command line's options over them.

    Raises
    ------
    InputError
        If the file or an option cannot be used.
    """
    from optimizer.curves.rules import AllocationRules, load_rules, with_options

    rules = AllocationRules() if file is None else load_rules(file)
    weights = None
    if carry_over is not None:
        try:
            weights = tuple(float(word) for word in carry_over.split(","))
        except ValueError:
            raise InputError(
                f"--carry-over {carry_over}: expected weights with commas between, this period's first, e.g. .6,.3,.1"
            ) from None
    return with_options(
        rules, budget=budget, periods=periods, carry_over=weights, period_share=period_share,
        floors=_by_channel("--floor", floors), caps=_by_channel("--cap", caps),
    )  # fmt: skip


def _by_channel(option: str, words: Sequence[str]) -> dict[str, float]:
    """Return money by channel from words like ``tv=100``."""
    found: dict[str, float] = {}
    for word in words:
        channel, _, amount = word.rpartition("=")
        try:
            money = float(amount)
        except ValueError:
            money = -1.0
        if not channel or not 0 <= money <= 1e18:
            raise InputError(f"{option} {word}: expected CHANNEL=MONEY with money of at least 0, e.g. {option} tv=100")
        if channel in found:
            raise InputError(f"{option} {word}: '{channel}' has one already; give each channel once")
        found[channel] = money
    return found


def save_allocation(result: "CurveAllocation", path: Path) -> None:
    """Write the plan as CSV, JSON or a workbook under a temporary name and move it into place.

    Raises
    ------
    FolderError
        If it cannot be written.
    """
    if path.suffix == ".json":
        write_text(path, result.to_json())
    elif path.suffix == ".csv":
        write_file(path, lambda part: result.to_frame().to_csv(part, index=False))
    else:
        write_file(path, lambda part: _write_workbook(result, part))


def _write_workbook(result: "CurveAllocation", path: Path) -> None:
    """Write a sheet of spend, channel by period, one of all figures, and one with value, bound, prices and rules."""
    import openpyxl
    from openpyxl.styles import Font
    from openpyxl.utils.exceptions import IllegalCharacterError

    book = openpyxl.Workbook()
    plan, details, answer = book.active, book.create_sheet("details"), book.create_sheet("answer")
    plan.title = "spend"
    try:
        plan.append(["channel", *result.periods, "all"])
        for c, channel in enumerate(result.channels):
            plan.append([channel, *result.spend[c].tolist(), float(result.spend[c].sum())])
        plan.append(["all", *result.spend.sum(axis=0).tolist(), float(result.spend.sum())])
        details.append(list(result.rows()[0]))
        for row in result.rows():
            details.append(list(row.values()))
        for name in ("status", "termination", "budget", "value", "bound", "gap", "unspent", "shadow_price"):
            answer.append([name.replace("_", " "), getattr(result, name)])
        answer.append([])
        answer.append(["binding rule", "limit", "price: d(value)/d(limit)"])
        for rule in result.binding:
            answer.append([rule.rule, rule.limit, rule.price])
    except IllegalCharacterError as error:
        raise FolderError(
            f"cannot write {path.name}: a name has a character {first_line(error)} no sheet holds"
        ) from None
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":  # a name that starts with '=' is a name, not a formula
                    cell.data_type = "s"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "B2"
        sheet.column_dimensions["A"].width = 28
    book.save(path)


def allocation_summary(result: "CurveAllocation", curves: Path, currency: str, output: Path | None) -> str:
    """Return what ``tenure allocate`` prints: the plan, what it brings, what limits it, how sure that is, what next."""
    unit = f" {currency}".rstrip()
    spent = float(result.spend.sum())
    lines = [
        f"The plan: {_amount(spent)}{unit} of {_amount(result.budget)}{unit} by channel and period",
        "",
        _plan_table(result),
        "",
        f"The response is {result.value:,.6g}, {result.value - result.base:,.6g} more than without spend"
        f"{_return(result.value - result.base, spent)}.",
        _price(result, unit),
    ]
    rules = [f"{rule.rule} ({rule.price:+.4g})" for rule in result.binding if rule.rule != "budget"]
    if rules:
        more = f" and {len(rules) - 8} more (--json lists all)" if len(rules) > 8 else ""
        lines.append(f"Other rules that bind, with d(response)/d(limit): {'; '.join(rules[:8])}{more}.")
    if result.unspent_because:
        shown = "; ".join(result.unspent_because[:6]) + ("; ..." if len(result.unspent_because) > 6 else "")
        lines.append(f"Not spent: {_amount(result.unspent)}{unit}. What stops it: {shown}.")
    lines += [_certificate(result), "", _next_step(curves, output)]
    return "\n".join(lines)


def _plan_table(result: "CurveAllocation") -> str:
    """Return channels by periods, or by blocks of periods, with totals and what each channel brings."""
    names, spend = list(result.periods), result.spend
    if len(names) > WIDE:
        blocks = [block for block in np.array_split(np.arange(len(names)), BLOCKS) if block.size]
        spend = np.stack([spend[:, block].sum(axis=1) for block in blocks], axis=1)
        names = [f"{names[block[0]]} to {names[block[-1]]}" for block in blocks]
    one = len(names) == 1
    rows = []
    for c, channel in enumerate(result.channels):
        figures = [] if one else [_amount(x) if x else "." for x in spend[c]]
        rows.append([channel, *figures, _amount(float(spend[c].sum())), f"{result.response[c].sum():,.6g}"])
    totals = [] if one else [_amount(float(x)) for x in spend.sum(axis=0)]
    rows.append(["all", *totals, _amount(float(spend.sum())), f"{result.response.sum():,.6g}"])
    return table(["channel", *([] if one else names), "spend", "response"], rows)


def _amount(amount: float) -> str:
    """Return money to two decimals where it is small."""
    if amount and abs(amount) < 0.01:
        return f"{amount:.3g}"
    return f"{amount:,.2f}".removesuffix(".00") if abs(amount) < 10_000 else f"{amount:,.0f}"


def _return(lift: float, spent: float) -> str:
    return f", {lift / spent:,.4g} per unit of money" if spent > 0 else ""


def _price(result: "CurveAllocation", unit: str) -> str:
    """Return the budget's shadow price in words."""
    right, left = result.shadow_price, result.shadow_price_left
    if right != right:
        text = "Shadow price of the budget: none to the right; no plan fits the rules with more"
    else:
        one = f"one more{unit}" if unit else "one more unit of money"
        text = f"Shadow price of the budget: {right:,.4g}, what {one} brings"
        if left == left and abs(left - right) > 1e-6 * max(abs(left), abs(right)):
            text += f"; one less would take away {left:,.4g}"
    return f"{text} (local: with the plan's thresholds and campaigns)." if result.local else f"{text}."


def _certificate(result: "CurveAllocation") -> str:
    bound, gap = number_at_most(result.bound, 7), number_at_most(result.gap, 1)
    if result.status == "optimal":
        return f"Proven optimal: no plan under these rules brings more than {bound} (gap {gap})."
    return (
        f"Not proven optimal ({result.termination}): no plan under these rules brings more than {bound}; this one may "
        f"lack {rounded_up(result.gap, '0.0001'):.2%} of the possible lift. A longer --time-limit can close that."
    )


def _next_step(curves: Path, output: Path | None) -> str:
    if output is not None:
        return f"Written to {output}. Next: another --budget, to see what it brings"
    again = f"tenure allocate {shlex.quote(str(curves))}"
    return f"Next: {again} with the same options and -o plan.xlsx (or .csv, .json), or with another --budget"
