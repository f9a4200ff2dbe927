"""A command that works out published results anew."""

from typing import Annotated

import typer

from experiments.cli.options import Json, NoSeed, commands
from experiments.cli.output import with_output

__all__ = ["group"]

group = commands()


@group.command(epilog='Example: tenure validate "customer equity test"')
@with_output
def validate(
    study: Annotated[list[str] | None, typer.Argument(metavar="[STUDY]...", help="Which [default: the quick].")] = None,
    slow: Annotated[bool, typer.Option("--all", help="The slow ones too: about a minute.")] = False,
    seed: NoSeed = 0,
    as_json: Json = False,
) -> None:
    """Work out published results with this installation: published, computed, difference, and whether they agree.

    --json prints a list of name, published, computed, tolerance, ok. Exit code 1 where a figure does not agree.
    """
    import json

    from experiments.terminal.progress import progress_bars
    from experiments.validation.run import validate as work_out
    from experiments.validation.shown import validation_table

    with progress_bars() as progress:
        found = work_out(*study or (), slow=slow, progress=progress)
    typer.echo(json.dumps(found.to_list()) if as_json else validation_table(found))
    raise typer.Exit(0 if found.ok else 1)
