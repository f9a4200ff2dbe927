"""How a study's file is read: every key known, every value of its kind, or one clear error."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from experiments.words.figures import amount_of
from sim.errors import InputError

__all__ = ["changes_of", "counted", "known_keys", "mapping", "money", "number"]


def mapping(value: Any, where: str) -> dict[str, Any]:
    """Return a value that is to be keys with values.

    Raises
    ------
    InputError
        If it is anything else.
    """
    if not isinstance(value, dict) or not value:
        raise InputError(f"{where}: expected keys with values, got {value!r}")
    return value


def known_keys(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse a key that is not known, naming the nearest.

    Raises
    ------
    InputError
        If there is one.
    """
    allowed = list(known)
    for key in given:
        if key not in allowed:
            close = difflib.get_close_matches(key, allowed, 1)
            hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(allowed)}"
            raise InputError(f"{where}: {key}: unknown key; {hint}")


def counted(value: Any, where: str, least: int = 1, most: int = 100_000) -> int:
    """Return a whole number inside a range.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{where}: expected a whole number from {least} to {most:,}, got {value!r}")
    return value


def number(value: Any, where: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Return a number inside a range.

    Raises
    ------
    InputError
        If it is none.
    """
    fits = not isinstance(value, bool) and isinstance(value, int | float) and least <= value <= most
    if not fits or not math.isfinite(value):
        ends = "" if math.isinf(least) else f" from {least:g} on" if math.isinf(most) else f" {least:g} to {most:g}"
        raise InputError(f"{where}: expected a number{ends}, got {value!r}")
    return float(value)


def money(value: Any, where: str) -> float:
    """Return an amount of money, which may be written ``100k`` or ``1.5m``.

    Raises
    ------
    InputError
        If it is none.
    """
    if isinstance(value, str):
        try:
            value = amount_of(value)
        except ValueError:
            raise InputError(f"{where}: expected money such as 100000 or 100k, got '{value}'") from None
    return number(value, where, 0.0, 1e18)


def changes_of(value: Any, where: str) -> Mapping[str, Any]:
    """Return values by path."""
    return {str(path): each for path, each in mapping(value, where).items()}
