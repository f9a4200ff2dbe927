"""The command for firms with contracts instead of purchases."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import Json, NoSeed, commands, print_json
from experiments.cli.reading import pairs
from experiments.cli.words import in_options

__all__ = ["group"]

group = commands()


@group.command(epilog="Example: tenure contracts members.csv --period month --spend 20000 -o scenario.yaml")
def contracts(
    file: Annotated[
        str,
        typer.Argument(metavar="CONTRACTS", help="A row a contract: customer, start, end, price; or counts by age."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Scenario file to write.")] = Path("scenario.yaml"),
    period: Annotated[str, typer.Option(help="Between renewals: week, month, quarter or year.")] = "month",
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day that is known [default: last in the file].")
    ] = None,
    price: Annotated[float | None, typer.Option(help="Paid each period [default: the file's mean].")] = None,
    currency: Annotated[str, typer.Option(help="Shown in reports.")] = "money",
    spend: Annotated[
        float | None, typer.Option(help="Money a year today to keep customers [default: a usual share of revenue].")
    ] = None,
    margin: Annotated[float | None, typer.Option(help="Margin on payments [default: assumed, a range].")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing scenario.")] = False,
    customer: Annotated[str | None, typer.Option(help="Column of the customer [default: found].")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="Column of start, end or price, e.g. end=Left; repeatable."),
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(help="How days are written, e.g. %d.%m.%Y [default: found].")
    ] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Fit laws of renewal (sBG, and the scenario's own) to contracts, and write a scenario to edit."""
    from experiments.study.contracts import contracts as fit

    done = fit(
        file, output, period=period, until=until.date() if until else None, price=price, currency=currency, spend=spend,
        margin=margin, force=force, customer=customer,
        columns=pairs("--column", column or (), "ROLE=COLUMN, e.g. end=Left"), date_format=date_format,
    )  # fmt: skip
    if as_json:
        content = done.to_dict()
        print_json({**content, "notes": [in_options(note) for note in content["notes"]]})
    else:
        typer.echo(in_options(done.to_text()))
