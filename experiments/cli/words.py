"""From what is typed to arguments, and from arguments in messages back to options."""

import re
from collections.abc import Sequence

from sim.errors import InputError

__all__ = ["budgets_of", "in_options", "money_by_channel", "policies_like", "weights_of"]

ARGUMENT = re.compile(r"`(\w+)=([^`]*)`")
OPTIONS = {"output": "-o"}
"""Options whose names are not those of their arguments with hyphens."""
FLAGS = ("force",)


def in_options(message: str) -> str:
    """Return a message of the library with its arguments as options: `` `more=5` `` becomes ``--more 5``."""

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        words = OPTIONS.get(name, f"--{name.replace('_', '-')}")
        return words if name in FLAGS else f"{words} {value}".rstrip()

    return ARGUMENT.sub(option, message)


def policies_like(start: str) -> list[str]:
    """Return what ``--policy`` may be, for completion: files, and names read off the catalogue without running it."""
    from pathlib import Path

    import policies

    files = [str(path) for ending in ("json", "csv", "xlsx", "py") for path in Path().glob(f"*.{ending}")]
    sources = [path.read_text(encoding="utf-8") for path in sorted(Path(policies.__path__[0]).glob("*.py"))]
    names = [name.replace(" ", "-") for text in sources for name in re.findall(r'^@policy\("(.+)"\)', text, re.M)]
    return [word for word in [*names, *sorted(files)] if word.startswith(start)]


def budgets_of(text: str | None) -> list[float] | None:
    """Return budgets separated by commas.

    Raises
    ------
    InputError
        If one is not money of at least 0.
    """
    if text is None:
        return None
    try:
        budgets = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        budgets = []
    if not budgets or not all(0 <= budget <= 1e18 for budget in budgets):
        raise InputError(f"--budgets {text}: expected money separated by commas, e.g. 100000,200000")
    return budgets


def weights_of(text: str | None) -> list[float] | None:
    """Return weights of carry-over separated by commas.

    Raises
    ------
    InputError
        If one is not a number.
    """
    try:
        return None if text is None else [float(word) for word in text.split(",")]
    except ValueError:
        raise InputError(
            f"--carry-over {text}: expected weights with commas between, this period's first, e.g. .6,.3,.1"
        ) from None


def money_by_channel(option: str, words: Sequence[str] | None) -> dict[str, float]:
    """Return money by channel from words like ``tv=100``.

    Raises
    ------
    InputError
        If one is not that, or a channel is named twice.
    """
    found: dict[str, float] = {}
    for word in words or ():
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
