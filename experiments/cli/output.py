"""The option ``-o`` of commands that only say something: what they say goes into a file."""

import inspect
import io
import shlex
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from experiments.cli.options import print_json

__all__ = ["with_output"]

_OUTPUT = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write the answer to this file: as JSON to a .json, else as it is printed."),
]


def with_output(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``-o`` to a command that prints an answer; the file is written when the whole answer is there."""
    own = inspect.signature(command)

    def run(output: Path | None = None, **given: Any) -> None:
        if output is None:
            command(**given)
            return
        from sim.files import check_output, write_text

        check_output(output, others=[each for each in given.values() if isinstance(each, Path)])
        for_machines, ended = given["as_json"], None
        given["as_json"] = for_machines or output.suffix == ".json"
        with redirect_stdout(io.StringIO()) as said:
            try:
                command(**given)
            except typer.Exit as end:  # an answer too, such as that something does not agree
                ended = end
        write_text(output, said.getvalue())
        if for_machines:
            print_json({"file": str(output)})
        else:
            typer.echo(f"Written to {shlex.quote(str(output))}.")
        if ended is not None:
            raise ended

    at = list(own.parameters).index("as_json")
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own.parameters.values()]
    option = inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_OUTPUT)
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {**get_type_hints(command, include_extras=True), "output": _OUTPUT}
    run.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[*parameters[:at], option, *parameters[at:]]
    )
    return run
