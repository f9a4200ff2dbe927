"""Published results beside what was computed, as a terminal and a page of the documentation show them."""

from itertools import groupby

from experiments.validation.run import Validated, Validation
from experiments.words.tables import table

__all__ = ["validation_page", "validation_table"]

HEADER = ["result", "published", "computed", "difference", "agrees"]


def _cells(row: Validated) -> list[str]:
    digits = len(row.printed.partition(".")[2])
    more = digits + 2 if digits else 3
    return [row.name, row.printed, f"{row.computed:.{more}f}", f"{row.difference:+.{more}f}", "yes" if row.ok else "NO"]


def validation_table(found: Validation) -> str:
    """Return a table for each study, and how many figures agree."""
    parts = []
    for (name, source), rows in groupby(found.rows, key=lambda row: (row.study, row.source)):
        parts.append(f"{name} ({source})\n{table(HEADER, [_cells(row) for row in rows])}")
    agree = sum(row.ok for row in found.rows)
    left = f"; not computed: {', '.join(found.left)} (--all)" if found.left else ""
    return "\n\n".join([*parts, f"{agree} of {len(found.rows)} published figures agree{left}"])


def validation_page(found: Validation) -> str:
    """Return the same as a page of the documentation."""
    lines = []
    for (name, source), rows in groupby(found.rows, key=lambda row: (row.study, row.source)):
        lines += [f"## {name[0].upper()}{name[1:]}", "", f"{source}.", ""]
        lines += [f"| {' | '.join(HEADER)} |", "| --- | ---: | ---: | ---: | --- |"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
        lines.append("")
    return "\n".join(lines)
