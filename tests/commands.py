"""The command line in this process, for tests that share a folder. A process of its own would import all of it anew."""

import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from experiments.cli.app import main


def run(folder: Path, *words: str, code: int = 0) -> str:
    """Return what a command prints in a folder; on failure, the one line that says why."""
    out, err, ended = StringIO(), StringIO(), 0
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), patch.object(sys, "argv", ["tenure", *words]):
        try:
            main()
        except SystemExit as stop:
            ended = int(stop.code or 0)
    assert ended == code, err.getvalue()
    if code:
        assert out.getvalue() == ""
        assert err.getvalue().count("\n") == 1
    return err.getvalue() if code else out.getvalue()
