"""Commands that write pages. Nothing heavy is imported until one runs."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import THREADS, Changes, Json, Language, ScenarioFile, Seed, Threads, commands, print_json
from experiments.cli.words import budgets_of, changes_of
from sim.files import check_output

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure whatif scenario.yaml --budgets 80k,100k,120k -o whatif.html")
def whatif(
    scenario: ScenarioFile,
    budgets: Annotated[
        str | None,
        typer.Option(help="Budgets to solve, separated by commas [default: from half to twice the scenario's]."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Also solve all budgets without this rule (its key or name); repeat."),
    ] = None,
    lang: Language = "en",
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write.")] = Path("whatif.html"),
    change: Changes = None,
    seed: Seed = 0,
    threads: Threads = THREADS,
    as_json: Json = False,
) -> None:
    """Write a page on which a planner plays with budget, rules and lines of money: no server, no network.

    Plans are solved here once; the page looks up what lies between them and says how far that is from exact, measured
    on tables and budgets that it was not made from. --seed says which. It exports tables that `tenure compare` plays.
    """
    from experiments.firm import Firm
    from experiments.terminal.progress import progress_bars
    from experiments.words.languages import checked_language
    from experiments.words.tables import table

    check_output(output, (".html",), [scenario])
    checked_language(lang)
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[output])
    with progress_bars() as step:
        found = firm.whatif(budgets_of(budgets), without=without or (), seed=seed, threads=threads, progress=step)
    found.save(output, lang)
    if as_json:
        print_json({**found.to_dict(), "file": str(output)})
    else:
        shown = table(*found.shown_table())
        exact = f"tenure ui --whatif {shlex.quote(str(output))} --scenario {shlex.quote(str(scenario))}"
        exact += "".join(f" --set {shlex.quote(each)}" for each in change or ())
        following = f"open it in a browser; or {exact}, where it also solves exactly"
        typer.echo(f"{found.answer()}\n\n{shown}\n\nWritten to {output}. Next: {following}")
