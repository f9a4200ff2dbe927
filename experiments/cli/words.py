"""From what is typed to arguments, and from arguments in messages back to options."""

import re
from collections.abc import Sequence
from typing import Any

from experiments.words.figures import amount_of, one_of
from sim.errors import InputError

__all__ = [
    "OPTIONS",
    "amounts_by_channel",
    "budgets_of",
    "changes_of",
    "in_options",
    "money_by_channel",
    "policies_like",
    "weights_of",
]

ARGUMENT = re.compile(r"`(\w+)=([^`]*)`")
OPTIONS = {"aim": "--for", "output": "-o", "start": "--from", "starts": "--from", "rates": "--rate"}
"""Options whose names are not those of their arguments with hyphens."""
FLAGS = ("force",)


def in_options(message: str) -> str:
    """Return a message of the library with its arguments as options: `` `more=5` `` becomes ``--more 5``.

    What it counts and is one is called one.
    """

    def option(found: re.Match[str]) -> str:
        name, value = found.groups()
        words = OPTIONS.get(name, f"--{name.replace('_', '-')}")
        if value == "False":
            return words.replace("--", "--no-", 1)
        return words if name in FLAGS else f"{words} {value}".rstrip()

    return one_of(ARGUMENT.sub(option, message))


def policies_like(start: str) -> list[str]:
    """Return what ``--policy`` may be, for completion: files, and names read off the catalogue without running it."""
    from pathlib import Path

    import policies

    files = [str(path) for ending in ("json", "csv", "xlsx", "yaml", "py") for path in Path().glob(f"*.{ending}")]
    sources = [path.read_text(encoding="utf-8") for path in sorted(Path(policies.__path__[0]).glob("*.py"))]
    names = [
        name.replace(" ", "-")
        for text in sources
        for name in re.findall(r'^@(?:policy|register)\("([^"]+)"', text, re.M)
    ]
    return [word for word in [*names, "all", *sorted(files)] if word.startswith(start)]


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
        budgets = [amount_of(part) for part in text.split(",") if part.strip()]
    except ValueError:
        budgets = []
    if not budgets or not all(0 <= budget <= 1e18 for budget in budgets):
        raise InputError(f"--budgets {text}: expected money separated by commas, e.g. 100k,200k or 100000,200000")
    return budgets


def changes_of(words: Sequence[str] | None) -> dict[str, Any]:
    """Return values by path from words like ``margin=0.35``; values are read as in a scenario file.

    Raises
    ------
    InputError
        If one is not that, or a key is changed twice.
    """
    from sim.scenario.yaml_files import read_yaml

    found: dict[str, Any] = {}
    for word in words or ():
        path, equals, text = word.partition("=")
        if not path.strip() or not equals:
            raise InputError(f"--set {word}: expected KEY=VALUE, e.g. --set margin=0.35")
        if path.strip() in found:
            raise InputError(f"--set {word}: '{path.strip()}' is changed already; give each key once")
        found[path.strip()] = read_yaml(text, f"--set {word}")
    return found


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
    expected = f"CHANNEL=MONEY with money of at least 0, e.g. {option} tv=100"
    return {channel: amounts[0] for channel, amounts in _by_channel(option, words, expected, most=1).items()}


def amounts_by_channel(option: str, words: Sequence[str] | None) -> dict[str, list[float]]:
    """Return amounts of money by channel from words like ``tv=100,80``.

    Raises
    ------
    InputError
        If one is not that, or a channel is named twice.
    """
    return _by_channel(option, words, f"CHANNEL=MONEY,MONEY,... in the order of time, e.g. {option} tv=100,80")


def _by_channel(
    option: str, words: Sequence[str] | None, expected: str, most: int | None = None
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for word in words or ():
        channel, _, text = word.rpartition("=")
        try:
            amounts = [amount_of(amount) for amount in text.split(",")]
        except ValueError:
            amounts = []
        fit = 0 < len(amounts) <= (most or len(amounts)) and all(0 <= amount <= 1e18 for amount in amounts)
        if not channel or not fit:
            raise InputError(f"{option} {word}: expected {expected}")
        if channel in found:
            raise InputError(f"{option} {word}: '{channel}' is given already; give each channel once")
        found[channel] = amounts
    return found
