"""The command that hands back customers by name."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import Changes, Json, ScenarioFile, Seed, commands, print_json, say
from experiments.cli.words import changes_of, in_options

__all__ = ["group"]

group = commands()


def _kinds() -> list[tuple[str, str]]:
    """Return what may be completed, with who is on each list."""
    from experiments.results.lists import LISTS

    return [(name.replace(" ", "-"), what) for name, what in LISTS.items()]


@group.command("list", epilog="Example: tenure list scenario.yaml --plan plan.json --period 3 -o targets.csv")
def list_(
    scenario: ScenarioFile,
    plan: Annotated[Path | None, typer.Option(help="Plan file [default: as today].")] = None,
    period: Annotated[int, typer.Option(help="Period of the plan, counted from 0 as in its file.", min=0)] = 0,
    kind: Annotated[
        str,
        typer.Option(
            help="targets, win-back, about-to-leave, worth-winning, least-worth-winning, "
            "costs-more-than-it-brings, quality-changed, comes-seldom, may-be-served-less or "
            "everybody.",
            autocompletion=_kinds,
        ),
    ] = "targets",
    output: Annotated[
        str, typer.Option("-o", "--output", help="A .csv, .xlsx or .parquet file, or the URL of a database.")
    ] = "targets.csv",
    control: Annotated[float, typer.Option(help="Share held back by lot as a control group.", min=0.0, max=0.99)] = 0.0,
    sample: Annotated[int | None, typer.Option(help="Only so many of them, by lot, for a test.", min=2)] = None,
    table: Annotated[str, typer.Option(help="Table to write in a database.")] = "tenure_list",
    force: Annotated[bool, typer.Option("--force", help="Write over a table of that name in a database.")] = False,
    prospects: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="With worth-winning: people by id, with columns as the base's customers have."
        ),
    ] = None,
    actual: Annotated[
        Path | None,
        typer.Option(help="With quality-changed: what was bought since the plan was made, a customer base or a file."),
    ] = None,
    change: Changes = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write real customers by name: who gets how much in a period of a plan, and why; or whom to win back or keep.

    One row a customer, with segment, class, stage, P(alive), worth, levers and money; the money adds up to the plan's.
    After the first period it is what each is expected to get, over where they may be by then.
    """
    from experiments.firm import Firm
    from experiments.words.tables import table as shown
    from sim.files import check_output
    from sim.purchases.read.sources import is_database
    from sim.purchases.read.sources import shown as without_password
    from sim.purchases.write import check_place

    check_place(output)
    place = None if is_database(output) else Path(output)
    firm = Firm.open(scenario, changes=changes_of(change), outputs=[place])
    if place is not None:
        check_output(place, others=[scenario, plan, actual, None if prospects is None else Path(prospects)])
    found = firm.customer_list(
        plan, period, kind=kind, control=control, sample=sample, seed=seed, prospects=prospects, actual=actual
    )
    found.save(output, table=table, force=force)
    where = without_password(output) if place is None else str(place)
    if as_json:
        print_json({**found.to_dict(), "file": where})
        return
    header, rows = found.shown_table()
    body = f"\n\n{shown(list(header), [list(row) for row in rows])}" if rows else ""
    print_to = f"table {table} of {where}" if place is None else where
    follow = f"tenure trace {shlex.quote(str(scenario))} --customer ID" if len(found.frame) else "another --kind"
    then = f"Written to {print_to}; it holds names, so keep it apart. Next: {follow}"
    say(f"{in_options(found.answer())}{body}\n\n{then}", scenario, change)
