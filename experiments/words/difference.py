"""What one plan, or one scenario, does otherwise than another, in words and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from experiments.words.figures import money
from experiments.words.tables import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.insight.difference import Difference, Loser, MovedTime
    from sim.scenario.file import Scenario

__all__ = [
    "answer", "differ_briefly", "difference_in_words", "lines_moved", "losers_in_words", "scenarios_differ",
    "scenarios_in_words",
]  # fmt: skip

MOVES_ASSUME = (
    "Brings: what a line's or a quarter's change by itself adds to the first plan's customer asset, its money paid, "
    "in expected numbers. Last unit: what the last unit of the first plan's money there brings beyond its own cost."
)
SHOWN = 20
QUARTERS = 8
"""Most quarters that are columns."""


def answer(found: Difference, first: str, second: str, currency: str) -> str:
    """Return in a sentence what the second plan spends and is worth beside the first."""
    more, worth = found.spends[1] - found.spends[0], found.brings
    return (
        f"{second} instead of {first} spends {money(found.spends[1])} {currency}".rstrip()
        + f" ({money(more, signed=True)}) for a customer asset of {money(found.assets[1])} "
        f"({money(worth, signed=True)}), both in expected numbers."
    )


def _when(time: MovedTime, period: str) -> str:
    return f"{period} {time.start + 1}" + (f" to {time.end}" if time.end > time.start + 1 else "")


def lines_moved(found: Difference, period: str) -> tuple[list[str], list[list[str]]]:
    """Return names of columns, and a row for each line that moved: money under both, by quarter, what it brings."""
    few = len(found.times) <= QUARTERS
    header = ["line", "first", "second", "moved", *([_when(time, period) for time in found.times] if few else [])]
    rows = []
    for line in found.moved:
        by_quarter = [b - a for a, b in zip(line.first, line.second, strict=True)] if few else []
        rows.append([
            line.name, money(sum(line.first)), money(sum(line.second)), money(line.change, signed=True),
            *(money(each, signed=True, among=sum(line.first) + sum(line.second)) for each in by_quarter),
            money(line.brings, signed=True), "" if math.isnan(line.last_unit) else f"{line.last_unit:.3f}",
        ])  # fmt: skip
    return [*header, "brings", "last unit"], rows


def difference_in_words(found: Difference, first: str, second: str, period: str, currency: str) -> str:
    """Return what ``tenure diff`` prints of two plans, but for what to do next."""
    said = answer(found, first, second, currency)
    if not found.moved:
        return f"{said}\n\nNo line's money (segment / lever) differs."
    header, rows = lines_moved(found, period)
    more = len(rows) - SHOWN
    times = [
        [_when(each, period), money(each.first), money(each.second), money(each.second - each.first, signed=True),
         money(each.brings, signed=True)]
        for each in found.times
    ]  # fmt: skip
    rest = found.brings - sum(line.brings for line in found.lines)
    still = len(found.lines) - len(found.moved)
    return "\n".join(filter(None, [
        said,
        f"\nBy segment and lever, the largest moves first; columns by time are what moved\n\n"
        f"{table(header, rows[:SHOWN])}",
        f"and {more} more (--json has them)" if more > 0 else "",
        f"{still} line{'s' * (still != 1)} did not move." if still else "",
        f"Together the moves bring {money(rest, signed=True)} beyond the sum of what each brings by itself.",
        f"\nBy time\n\n{table([period, 'first', 'second', 'moved', 'brings'], times)}\n",
        MOVES_ASSUME,
    ]))  # fmt: skip


def losers_in_words(losers: Sequence[Loser]) -> str:
    """Return who loses when money is taken away, the first to lose first."""
    rows = [
        [each.name, money(each.base), money(each.left), money(each.left - each.base, signed=True),
         f"{(each.left - each.base) / each.base:.0%}", money(-each.first, signed=True, among=each.base),
         money(each.brings, signed=True)]
        for each in losers
    ]  # fmt: skip
    if not rows:
        return "Nobody loses anything that could be noticed."
    header = ["loses, the first first", "base", "left", "change", "of its money", "of the first tenth", "brings"]
    return (
        f"{table(header, rows)}\n\nOf the first tenth: what it loses when only a tenth of that money is taken. Brings: "
        "what its loss alone does to the customer asset, the money saved, in expected numbers."
    )


# --- Scenarios --------------------------------------------------------------------------------------------------------


def scenarios_differ(first: Scenario, second: Scenario) -> list[dict[str, Any]]:
    """Return the keys that differ, each with its value in both; None where one does not have it."""
    found: list[dict[str, Any]] = []

    def walk(path: str, one: Any, two: Any) -> None:
        if isinstance(one, dict) and isinstance(two, dict):
            for key in dict.fromkeys([*one, *two]):
                walk(f"{path}.{key}" if path else str(key), one.get(key), two.get(key))
        elif isinstance(one, list) and isinstance(two, list) and any(isinstance(each, dict) for each in [*one, *two]):
            for i in range(max(len(one), len(two))):
                walk(f"{path}[{i + 1}]", *(each[i] if i < len(each) else None for each in (one, two)))
        elif one != two:
            found.append({"key": path, "first": one, "second": two})

    walk("", first.model_dump(mode="json"), second.model_dump(mode="json"))
    return found


def scenarios_in_words(differ: list[dict[str, Any]], first: str, second: str) -> str:
    """Return what ``tenure diff`` prints of two scenarios."""
    if not differ:
        return f"{first} and {second} say the same: every key has the same value."
    lines = []
    for each in differ:
        one, two = each["first"], each["second"]
        if one is None or two is None:
            has, value, lacks = (second, two, first) if one is None else (first, one, second)
            lines.append(f"- {each['key']}: {_value(value)} in {has}, not stated in {lacks}")
        else:
            lines.append(f"- {each['key']}: {_value(one)} in {first}, {_value(two)} in {second}{_change(one, two)}")
    count = len(differ)
    return "\n".join([f"{first} and {second} differ in {count} key{'s' * (count != 1)}:", *lines])


def differ_briefly(differ: list[dict[str, Any]]) -> str:
    """Return the second scenario's keys that differ in a line: what they are, instead of what."""
    return "; ".join(f"{each['key']} {_value(each['second'])} instead of {_value(each['first'])}" for each in differ)


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return f"{value:,.10g}"
    if isinstance(value, list):
        return ", ".join(map(_value, value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(each)}" for key, each in value.items() if each is not None) or "nothing"
    return str(value)


def _change(one: Any, two: Any) -> str:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, two))
    return f" ({100 * (two - one) / abs(one):+,.3g} %)" if numbers and one else ""
