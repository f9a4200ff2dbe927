"""What is printed for people, fitted to the terminal: sentences wrapped, wide tables in parts one below the other.

Widths are counted as terminals show them: a Chinese sign takes two columns, an accent none. JSON is left as it is, and
so is everything where there is no terminal: pipes and files get whole lines.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from experiments.words.tables import padded, width_of

__all__ = ["fitted", "fitted_output", "terminal_width"]

RULE = re.compile(r"-+(  -+)+")
"""The line below the names of a table's columns."""
COPIED = re.compile(r"(?:\bNext|\bOne play of it, in seconds|\bBy name): |\S+: *https?://|https?://")
"""Where something to be copied begins, a command or an address: the terminal breaks it, and copies it in one."""
LEAST = 40
MARK = re.compile(r"(\s*(?:[-*]|\d+\.)?\s*)")
"""What a line begins with: its continuation stands below what comes after it."""


def terminal_width() -> int | None:
    """Return the columns that there are; None where nobody looks at a terminal."""
    if not os.environ.get("COLUMNS") and not (sys.stdout is not None and sys.stdout.isatty()):
        return None
    return max(LEAST, shutil.get_terminal_size().columns)


def fitted(text: str, width: int) -> str:
    """Return a text without a line that is wider than ``width``; JSON, commands and addresses stay whole."""
    lines, out, at = text.split("\n"), [], 0
    while at < len(lines):
        if at + 1 < len(lines) and RULE.fullmatch(lines[at + 1].strip()) and lines[at].strip():
            end = at + 2
            while end < len(lines) and lines[end].strip():
                end += 1
            out += _table(lines[at:end], width)
            at = end
        else:
            out += _wrapped(lines[at], width)
            at += 1
    return "\n".join(out)


def _wrapped(line: str, width: int) -> list[str]:
    if width_of(line) <= width or line.startswith("{"):
        return [line]
    copied = COPIED.search(line)
    if copied is not None:
        before = line[: copied.start()].rstrip()
        return [*_wrapped(before, width), line[copied.start() :]] if before and "http" not in copied[0] else [line]
    found = MARK.match(line)
    begin = found[1] if found else ""
    out, now, hang = [], begin, " " * min(width_of(begin), width // 2)
    for word in line[len(begin) :].split(" "):
        for part in _pieces(word, width - width_of(hang)):
            joined = f"{now} {part}" if now.strip() and now != begin else f"{now}{part}"
            if width_of(joined) > width and now.strip():
                out.append(now.rstrip())
                now = f"{hang}{part}"
            else:
                now = joined
    return [*out, now]


def _pieces(word: str, width: int) -> list[str]:
    """Return a word that is wider than a line, or has no blanks to break at as Chinese has none, in parts."""
    if width_of(word) <= width:
        return [word]
    out, now = [], ""
    for sign in word:
        if width_of(now + sign) > width:
            out.append(now)
            now = ""
        now += sign
    return [*out, now]


def _table(lines: Sequence[str], width: int) -> list[str]:
    """Return a table; one that is too wide in parts, each with the first column."""
    if all(width_of(line) <= width for line in lines):
        return list(lines)
    spans = [(found.start(), found.end()) for found in re.finditer(r"-+", lines[1])]
    below = [line for line in lines[2:] if not _in_columns(line, spans)]  # a remark at its foot
    lines = [line for line in lines if line not in below]
    rows = [[_cut(line, start, end) for start, end in spans] for line in lines]
    first, *widths = (end - start for start, end in spans)
    first = min(first, width // 2)
    parts: list[list[int]] = [[]]
    for column, own in enumerate(widths, start=1):
        used = first + sum(2 + widths[c - 1] for c in parts[-1])
        if parts[-1] and used + 2 + own > width:
            parts.append([])
        parts[-1].append(column)
    out: list[str] = []
    for number, part in enumerate(parts):
        out += [""] * (number > 0)
        for row in rows:
            cells = [padded(row[0].strip(), first, cut=True), *(row[c] for c in part)]
            out.append("  ".join(cells).rstrip())
    return out + [part for line in below for part in _wrapped(line, width)]


def _in_columns(line: str, spans: Sequence[tuple[int, int]]) -> bool:
    """Return whether nothing stands between the columns."""
    gaps = [(a[1], b[0]) for a, b in pairwise(spans)]
    return not any(_cut(line, *gap).strip() for gap in gaps)


def _cut(line: str, start: int, end: int) -> str:
    """Return the columns of a line from ``start`` to ``end`` as a terminal counts them."""
    at, inside = 0, ""
    for sign in line:
        if start <= at < end:
            inside += sign
        at += width_of(sign)
    return padded(inside, end - start)


class _Fitted:
    """Standard output that fits what is written to it."""

    def __init__(self, out: Any, width: int) -> None:
        self._out, self._width = out, width

    def write(self, text: str) -> int:
        self._out.write(fitted(text, self._width))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


@contextmanager
def fitted_output() -> Iterator[None]:
    """Fit what is printed meanwhile to the terminal, if there is one."""
    width, plain = terminal_width(), sys.stdout
    if width is None or plain is None:
        yield
        return
    sys.stdout = _Fitted(plain, width)
    try:
        yield
    finally:
        sys.stdout = plain
