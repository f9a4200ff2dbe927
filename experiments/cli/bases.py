"""Commands on the customer base: files in, what is in it, questions to it."""

import json
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.cli.options import Json, NoSeed, commands, print_json
from experiments.cli.output import with_output
from experiments.cli.reading import with_reading
from experiments.cli.words import in_options
from sim.files import TABLE_FILES, check_output, write_table, write_text

__all__ = ["group"]

group = commands()
base = typer.Typer(
    name="base",
    help="The customer base: load files into it, show it, ask it.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
group.add_typer(base)

_SHOWN = 50
Beside = Annotated[list[str] | None, typer.Option(metavar="FILE", help="Table of this name; repeatable.")]
Base = Annotated[Path, typer.Argument(metavar="BASE", help="Customer base (DuckDB) made by load or calibrate.")]


@base.command(epilog="Example: tenure base load orders.csv returns.xlsx -o base.duckdb")
@with_reading
def load(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Text, Excel, Parquet, JSON, DuckDB, SQLite, or a database's URL."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Base to write or add to.")] = Path("base.duckdb"),
    customers: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="What is known of customers: a row each, any columns; repeatable."),
    ] = None,
    contacts: Beside = None,
    surveys: Beside = None,
    memberships: Beside = None,
    spend: Beside = None,
    prospects: Beside = None,
    referrals: Beside = None,
    currency: Annotated[str | None, typer.Option(help="The currency taken, where files have several.")] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Read purchases from files into a customer base, and say what became of every row, in number and money.

    All or nothing: until it is done the base stays as it was. A file that is loaded twice counts once. --customers
    makes the table customers, for segments of your own; --contacts, --surveys, --memberships, --spend, --prospects and
    --referrals (who brought whom) make tables of these names. Each replaces the one that was there; rows that are not
    taken are in table left_out.
    """
    from experiments.terminal.progress import progress_bars
    from sim.purchases.base import CustomerBase
    from sim.purchases.read.options import Reading

    given = {"contacts": contacts, "surveys": surveys, "memberships": memberships, "spend": spend,
             "prospects": prospects, "referrals": referrals}  # fmt: skip
    beside = {name: each for name, each in given.items() if each}
    with progress_bars() as step:
        made = CustomerBase.load(
            output, files, Reading(currency=currency, **reading), people=customers or (), beside=beside, progress=step
        )
    _print(made, as_json)
    if not as_json:
        typer.echo(f"\nWrote {output}. Next: tenure calibrate {shlex.quote(str(output))} -o scenario.yaml")


@base.command(epilog="Example: tenure base show base.duckdb")
@with_output
def show(where: Base = Path("base.duckdb"), seed: NoSeed = 0, as_json: Json = False) -> None:
    """Show what a base holds, where it came from, and what became of every row."""
    from sim.purchases.base import CustomerBase

    made = CustomerBase.open(where)
    tables = made.query(
        "SELECT table_name, string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = 'main' GROUP BY table_name ORDER BY table_name"
    )[1]
    _print(made, as_json, tables={name: columns.split(", ") for name, columns in tables})
    if not as_json:
        lines = [f"Table {name}: {columns}" for name, columns in tables]
        ask = f"tenure base query {shlex.quote('SELECT * FROM bad LIMIT 10')} {shlex.quote(str(where))}"
        typer.echo("\n".join(["", *lines, "", f"Next: {ask}"]))


@base.command(epilog='Example: tenure base query "SELECT count(DISTINCT customer_id) FROM purchases" base.duckdb')
def query(
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over the base's tables (tenure base show).")],
    where: Base = Path("base.duckdb"),
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write every row to this .csv, .parquet or .json file instead."),
    ] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Ask a base in SQL. It can be read and not changed, and nothing else can be reached."""
    from experiments.words.tables import table
    from sim.purchases.base import CustomerBase

    if output is not None:
        check_output(output, (*TABLE_FILES, ".json"), [where])
    columns, rows = CustomerBase.open(where).query(sql)
    content = {"columns": columns, "rows": [[_plain(value) for value in row] for row in rows]}
    if output is not None:
        _write(content, rows, output)
        written = {"file": str(output), "rows": len(rows)}
        print_json(written) if as_json else typer.echo(f"{len(rows):,} rows written to {output}.")
        return
    if as_json:
        print_json(content)
        return
    shown = [["" if value is None else str(value) for value in row] for row in rows[:_SHOWN]]
    typer.echo(table(columns, shown))
    if len(rows) > _SHOWN:
        typer.echo(f"... and {len(rows) - _SHOWN:,} more rows; -o FILE writes all")


def _write(content: dict[str, Any], rows: Sequence[Sequence[object]], output: Path) -> None:
    if output.suffix == ".json":
        write_text(output, json.dumps(content))
        return
    from pandas import DataFrame

    write_table(output, DataFrame(rows, columns=content["columns"]))


@base.command(epilog="Example: tenure base report base.duckdb -o base.html")
def report(
    where: Base = Path("base.duckdb"),
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write.")] = Path("base.html"),
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day to use [default: last in the base].")
    ] = None,
    segments: Annotated[
        str | None, typer.Option(metavar="HOW", help="As for tenure calibrate [default: purchase cycle x amount].")
    ] = None,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Write one offline page: who customers are, worth, moves, concentration, cohorts, and how good the data are."""
    from experiments.study.base_report import base_report
    from experiments.terminal.progress import progress_bars
    from experiments.words.figures import counted, money

    day = as_of.date() if as_of else None
    with progress_bars() as step:
        done = base_report(where, output, as_of=day, segments=segments, progress=step)
    if as_json:
        content = done.to_dict()
        print_json({**content, "notes": [in_options(note) for note in content["notes"]]})
        return
    it = done.portrait
    typer.echo(
        f"{counted(it.base.customers, 'customer')}, {it.alive:,.0f} of them probably still here, expected to buy for "
        f"{money(it.next_year)} in the next year.\n\nWritten to {output}. Next: open it, then "
        f"tenure calibrate {shlex.quote(str(where))} -o scenario.yaml"
    )


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _print(made: Any, as_json: bool, **more: Any) -> None:
    from experiments.words.bases import account_text

    if as_json:
        content = made.to_dict()
        print_json({**content, "notes": [in_options(note) for note in content["notes"]], **more})
    else:
        typer.echo(in_options(account_text(made)))
