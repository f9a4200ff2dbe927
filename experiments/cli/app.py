"""The command line: ``tenure``. Imports nothing heavy until a command needs it.

Exit codes: 0 done, 1 failed, 2 bad input (one line on standard error, no traceback).
"""

import os
import sys
from typing import Annotated

import typer

from experiments.cli import planning, simulation, start
from sim.errors import TenureError, first_line

__all__ = ["app", "main"]

app = typer.Typer(
    name="tenure",
    help="Simulate a firm's customers as assets and find the marketing budget that makes them worth most.\n\n"
    "Start with: tenure demo",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

INTERRUPTED = 130
"""What the option parser makes of Ctrl-C."""

for part in (start, planning, simulation):
    app.add_typer(part.group)


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"tenure {installed('tenure')}")
        raise typer.Exit


def main() -> None:
    """Run the command line; every expected failure is one line on standard error."""
    command = typer.main.get_command(app)
    try:
        code = command.main(args=sys.argv[1:] or ["--help"], prog_name="tenure", standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code if isinstance(code, int) else 0)
    except TenureError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("stopped", 1)
    except MemoryError as error:
        _fail(f"not enough memory: {first_line(error)}; use fewer customers", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):  # what the option parser refuses
            if not error.format_message():
                sys.exit(2)
            _fail(f"{error.format_message()} See `tenure --help`.", 2)
        raise


def _fail(message: str, code: int) -> None:
    print(f"tenure: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
