"""The command line: ``tenure``. Imports nothing heavy until a command needs it.

Exit codes: 0 done, 1 failed, 2 bad input, 130 stopped by Ctrl-C (one line on standard error, no traceback).
"""

import errno
import os
import sys
import unicodedata
import warnings
from functools import partial
from typing import Annotated, Any

import typer

from experiments.cli import (
    bases,
    contracts,
    evidence,
    lists,
    monitoring,
    pages,
    planning,
    plans,
    policies,
    simulation,
    start,
    studies,
    tracked,
    validation,
)
from experiments.cli.words import in_options
from experiments.terminal.interrupt import INTERRUPTED, ended_by_interrupt, stopped, told_of_interrupt
from sim.errors import NotAsWritten, RunsWait, ScenarioChanged, TenureError, first_line
from sim.native_output import keep_apart, lead_to_standard_error

__all__ = ["app", "main"]

app = typer.Typer(
    name="tenure",
    help="Simulate a firm's customers as assets and find the marketing budget that makes them worth most.\n\n"
    "Start with: tenure demo, or tenure example",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

NOTED = (NotAsWritten, RunsWait, ScenarioChanged)
"""Warnings that users read as notes."""
OF_FILES = (errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS,
            errno.ELOOP, errno.EINVAL, errno.EIO)  # fmt: skip
"""What is wrong with a file rather than with us."""
STOPPED_IN_DUCKDB = "Query interrupted"
"""What DuckDB makes of it: a RuntimeError of these words."""

for part in (
    start, bases, contracts, evidence, planning, plans, lists, monitoring, simulation, policies, studies, pages,
    tracked, validation,
):  # fmt: skip
    app.add_typer(part.group)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        typer.echo(f"tenure {installed('tenure')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_version)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show on standard error what solvers and other libraries print.")
    ] = False,
) -> None:
    if verbose:
        lead_to_standard_error()
        warnings.showwarning = partial(_note, others=True)


def main() -> None:
    """Run the command line; every expected failure is one line on standard error.

    Standard output is kept for the answer, whatever native code prints on its descriptor meanwhile.
    """
    from experiments.terminal.fit import fitted_output

    undo = keep_apart()
    try:
        with ended_by_interrupt(), fitted_output():
            _run()
    finally:
        undo()


def _run() -> None:
    command = typer.main.get_command(app)
    try:
        with warnings.catch_warnings():
            for noted in NOTED:
                warnings.simplefilter("always", noted)
            warnings.showwarning = _note
            code = command.main(args=sys.argv[1:] or ["--help"], prog_name="tenure", standalone_mode=False)
        if code == INTERRUPTED:  # what the option parser makes of Ctrl-C
            raise KeyboardInterrupt
        if sys.stdout is not None:
            sys.stdout.flush()  # while a failure can still be said
        sys.exit(code if isinstance(code, int) else 0)
    except TenureError as error:
        _fail(in_options(str(error)), error.exit_code)
    except KeyboardInterrupt:
        _fail(stopped(), INTERRUPTED)
    except typer.Abort as error:  # of a question: by Ctrl-C, or since there is nobody to answer
        _fail(stopped(), INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else 1)
    except MemoryError as error:
        _fail(f"not enough memory: {first_line(error)}; use fewer customers", 1)
    except BrokenPipeError:
        _give_up_output()
        sys.exit(1)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            _give_up_output()
            _fail(f"cannot write: {error.strerror}", 1)
        if error.filename is None or error.errno not in OF_FILES:
            raise
        _fail(f"{error.filename}: cannot be used ({error.strerror}); choose another", 2)
    except Exception as error:
        if str(error) == STOPPED_IN_DUCKDB:
            _fail(stopped(), INTERRUPTED)
        if hasattr(error, "format_message"):  # what the option parser refuses
            if not error.format_message():
                sys.exit(2)
            of = getattr(getattr(error, "ctx", None), "command_path", "tenure")
            _fail(f"{error.format_message()} See `{of} --help`.", 2)
        raise


def _note(message: Warning | str, category: type[Warning], *where: Any, others: bool = False, **more: Any) -> None:
    """Say in one line on standard error what a user should know; warnings of other libraries are for those who ask."""
    if isinstance(message, NOTED):
        print(f"tenure: note: {in_options(str(message))}", file=sys.stderr)
    elif others:
        print(f"{category.__name__}: {message}", file=sys.stderr)


def _give_up_output() -> None:
    """Let what is left of the answer go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> None:
    if code == INTERRUPTED:
        told_of_interrupt()
    said = "".join("?" if unicodedata.category(sign) == "Cc" else sign for sign in " ".join(message.split()))
    print(f"tenure: {said}", file=sys.stderr)
    sys.exit(code)
