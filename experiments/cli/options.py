"""What the commands share: options that mean the same everywhere, and how an answer is printed as JSON."""

import json
import math
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.words.figures import amount_of

__all__ = [
    "THREADS", "BudgetOption", "Changes", "Json", "Language", "NoSeed", "ScenarioFile", "Seed", "SpreadOption",
    "TargetingOption", "Threads", "commands", "money", "print_json", "say",
]  # fmt: skip

ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="Scenario file (YAML).")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
Seed = Annotated[int, typer.Option(help="Which luck; the same seed gives the same numbers.", min=0, max=2**32 - 1)]
NoSeed = Annotated[int, typer.Option("--seed", help="Taken by every command; this one draws nothing that varies.")]
Threads = Annotated[int, typer.Option(help="Threads to use; results do not depend on it.", min=1, max=256)]


def money(text: str | float) -> float:
    """Return money as it is typed: 100000, 100k or 1.5m.

    Raises
    ------
    typer.BadParameter
        If it is none.
    """
    try:
        return amount_of(str(text))
    except ValueError:
        raise typer.BadParameter(f"expected money, e.g. 100000, 100k or 1.5m, got {text!r}.") from None


BudgetOption = Annotated[
    float | None,
    typer.Option(parser=money, metavar="MONEY", help="Money over the horizon [default: the scenario's]; 100k is read."),
]

Language = Annotated[str, typer.Option("--lang", help="Language of the page: en, or zh (简体中文).")]

SpreadOption = Annotated[
    str,
    typer.Option(
        help="How a table's money is spread inside its cells: even (by heads), period (the same each period), today "
        "(as today's), or as in a plan's file."
    ),
]
TargetingOption = Annotated[
    str, typer.Option(help="What the firm tells apart when it spends: segment, stage (segment and stage) or state.")
]

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a key of the scenario, e.g. margin=0.35 or competitors.rival.start=6; repeat."),
]

THREADS = os.cpu_count() or 1


def commands() -> typer.Typer:
    """Return a group for commands of the top level."""
    return typer.Typer(rich_markup_mode=None)


def say(text: str, scenario: Path | str | None = None, changes: Sequence[str] | None = None) -> None:
    """Print an answer; the commands that it ends with ask the scenario with the same changes."""
    answer, following, steps = text.partition("Next:")
    if changes and scenario is not None:
        file, words = shlex.quote(str(scenario)), " ".join(f"--set {shlex.quote(each)}" for each in changes)
        steps = re.sub(rf"(?<=\s){re.escape(file)}(?=[\s,]|$)", lambda found: f"{found[0]} {words}", steps)
    typer.echo(f"{answer}{following}{steps}")


def print_json(content: dict[str, Any]) -> None:
    """Print an answer as one JSON object; null for every number that is not one."""
    typer.echo(json.dumps(_finite(content)))


def _finite(value: Any) -> Any:
    """Return ``value`` with null for every number that is not one."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
