"""Numbers as people read and type them, for every room: money, shares and days, and rounding to the safe side.

A terminal takes plain signs and whole money, a page typographic ones; small money has three digits on both.
"""

import math
import re
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

__all__ = [
    "DUST", "NARROW", "amount_of", "counted", "day", "money", "one_of", "percent", "plain", "rounded_down",
    "rounded_up", "short", "typeset_money",
]  # fmt: skip

NARROW = "\u00a0"
"""Between a number and its unit, so that no line breaks there."""
DUST = 1e-9
"""Money, part of the amounts beside it, and part of a step of rounding, that only arithmetic leaves."""
AMOUNT = re.compile(r"((?=[-+]?\.?\d)[-+]?(?:\d{1,3}(?:,\d{3})+|\d[\d_]*)?(?:\.\d*)?(?:e[-+]?\d+)?)(k|m|mn|bn|)")
ONE = re.compile(
    r"(?<![\d.,-])1 (customers|rows|ids|people|returns|contracts|purchases|others|contacts)\b"
    r"( are| were| have| seem| differ| exceed)?(?! x )"
)
SINGULAR = {"people": "person", " are": " is", " were": " was", " have": " has"}
SHORT = {"": 1.0, "k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9}
"""What amounts of money end in."""
_EXACT = Context(prec=800)


def money(amount: float, signed: bool = False, *, among: float = 0.0, decimals: int = 0) -> str:
    """Return an amount with thousands separated: whole units, or some decimals up to 10,000.

    Below ten (below one, with decimals) three significant digits; ``among`` is the largest amount that it stands
    beside, whose digits count: beside millions 0.3 is nothing.
    """
    size = max(abs(amount), abs(among))
    sign = "+" if signed else ""
    if not math.isfinite(size) or abs(amount) <= DUST * max(size, 1):
        return f"{round(amount) if math.isfinite(amount) else amount}"
    if size < (1 if decimals else 10):
        text = f"{amount:{sign},.{2 - math.floor(math.log10(size))}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if decimals and abs(amount) < 10_000:
        return f"{amount:{sign},.{decimals}f}".removesuffix(f".{'0' * decimals}")
    rounded = round(amount)
    return f"{rounded:{sign},}" if rounded else "0"


def counted(number: float, what: str, *, decimals: int = 0) -> str:
    """Return a number of things, one or several: 1 customer, 1,200 customers."""
    text = f"{number:,.{decimals}f}"
    return f"{text} {what}{'' if text == '1' else 's'}"


def one_of(text: str) -> str:
    """Return a sentence in which one thing is called one: "1 rows are left out" is "1 row is left out"."""

    def singular(found: re.Match[str]) -> str:
        noun, verb = found[1], found[2] or ""
        return f"1 {SINGULAR.get(noun, noun.removesuffix('s'))}{SINGULAR.get(verb, f'{verb}s' if verb else '')}"

    return ONE.sub(singular, text)


def amount_of(text: str) -> float:
    """Return money as people type it: ``100000``, ``100,000``, ``100k``, ``1.5m`` or ``2bn``.

    Raises
    ------
    ValueError
        If it is no number; ``12,5`` may be twelve and a half or a slip, and is none.
    """
    found = AMOUNT.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(text)
    return float(found[1].replace(",", "")) * SHORT[found[2]]


def typeset_money(amount: float, currency: str = "", *, signed: bool = False) -> str:
    """Return an amount for a page: whole from 100 on, three significant digits below; dust is nothing."""
    if not math.isfinite(amount):
        return "–"
    amount = 0.0 if abs(amount) < DUST else amount
    sign = "+" if signed and amount > 0 else ""
    value = f"{amount:{sign},.0f}" if abs(amount) >= 99.5 or amount == 0 else f"{amount:{sign}.3g}"
    return f"{value.replace('-', '−')}{NARROW}{currency}".rstrip()


def plain(words: str) -> str:
    """Return a sentence with the signs that every terminal has."""
    return words.replace(NARROW, " ").replace("−", "-")


def percent(share: float, *, exact: bool = False) -> str:
    """Return a fraction in per cent: two significant digits, or as it was stated if ``exact``."""
    if not math.isfinite(share):
        return "–"
    value = 100 * share
    digits = f"{value:.4g}" if exact else f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}".removesuffix(".0")
    return f"{digits.replace('-', '−')}{NARROW}%"


def day(when: date) -> str:
    """Return a day as year-month-day."""
    return when.isoformat()


def rounded_down(value: float, step: str | Decimal) -> float:
    """Return the largest multiple of a step, a power of ten, that is not above a number, but for dust."""
    return _rounded(value, Decimal(step), ROUND_FLOOR)


def rounded_up(value: float, step: str | Decimal) -> float:
    """Return the smallest multiple of a step, a power of ten, that is not below a number, but for dust."""
    return _rounded(value, Decimal(step), ROUND_CEILING)


def _rounded(value: float, step: Decimal, way: str) -> float:
    if not math.isfinite(value):
        return value
    exact = Decimal(value)
    nearest = exact.quantize(step, ROUND_HALF_EVEN, _EXACT)
    if abs(exact - nearest) <= step * Decimal(DUST):
        return float(nearest) + 0.0  # no minus before a zero
    return float(exact.quantize(step, way, _EXACT)) + 0.0


def short(amount: float, *, signed: bool = False, digits: int = 3) -> str:
    """Return an amount as short as a name wants it: 53,331 is 53.3k; nothing known is "no limit"."""
    if not math.isfinite(amount):
        return "no limit"
    for unit, sign in () if abs(amount) < 10_000 else ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(amount) >= unit:
            value = float(f"{amount:.{digits}g}") / unit
            return f"{value:{'+' if signed else ''}.{digits}g}{sign}"
    return money(amount, signed)
