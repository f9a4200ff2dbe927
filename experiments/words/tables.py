"""Plain tables of words and numbers, aligned as terminals show them."""

import unicodedata
from collections.abc import Sequence

__all__ = ["markdown", "padded", "plain_text", "table", "width_of"]


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a wide sign, none for one that combines."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) or unicodedata.category(sign) in ("Cf", "Mn") else _cells(sign)
        for sign in text
    )


def _cells(sign: str) -> int:
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def padded(text: str, width: int, *, right: bool = False, cut: bool = False) -> str:
    """Return a text filled up to so many columns, or ``cut`` to them."""
    if cut and width_of(text) > width:
        while width_of(text) > width - 1:
            text = text[:-1]
        text += "…"
    blank = " " * max(width - width_of(text), 0)
    return f"{blank}{text}" if right else f"{text}{blank}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return aligned columns; the first ``left`` to the left, the others to the right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(width_of(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(padded(c, w, right=i >= left) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for MLflow's notes; only the first column stands to the left."""
    cells = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(plain_text, row))} |" for row in cells)


def plain_text(text: str) -> str:
    """Return a text without signs that Markdown would read."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in " ".join(text.splitlines()))
