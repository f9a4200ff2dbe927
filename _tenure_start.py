"""Where the command starts: our own packages first, whatever lies beside the work. Only the standard library.

A module of its own with a name that nobody else gives, because each of our packages may be hidden by a user's folder of
the same name, in the working folder or on ``PYTHONPATH``.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

__all__ = ["PACKAGES", "check_packages", "main", "put_first"]

PACKAGES = ("experiments", "optimizer", "policies", "sim", "tenure")

HOME = Path(__file__).resolve().parent


class _OwnPackages:
    """Finds our packages beside this module, before anything else looks for their names."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a package of ours is; None for every other name."""
        return PathFinder.find_spec(name, [str(HOME)], target) if path is None and name in PACKAGES else None


def put_first() -> None:
    """Make ``import`` find our packages, whatever comes first on ``sys.path``. For a process that is ours alone.

    Raises
    ------
    ImportError
        If a package of the same name is imported already.
    """
    if _OwnPackages not in sys.meta_path:
        sys.meta_path.insert(0, _OwnPackages)
        importlib.invalidate_caches()
    check_packages()


def check_packages() -> None:
    """Check that each of our packages is the one that ``import`` finds; for use in a process that is not ours.

    Raises
    ------
    ImportError
        Names the folder or file that hides ours, and what to do.
    """
    for name in PACKAGES:
        if not (HOME / name / "__init__.py").is_file():
            continue
        places = _places(name)
        if places and not any((place / "__init__.py").resolve().parents[1] == HOME for place in places):
            raise ImportError(
                f"{places[0]} hides Tenure's own package '{name}'; rename it, or take its folder off the path that "
                "Python searches (run from elsewhere, or mend PYTHONPATH)"
            )


def _places(name: str) -> list[Path]:
    """Return where a package is imported from, or would be: its folders, or the file of a plain module."""
    loaded = sys.modules.get(name)
    spec = loaded.__spec__ if loaded is not None and loaded.__spec__ is not None else find_spec(name)
    if spec is None:
        return []
    found = spec.submodule_search_locations or ([spec.origin] if spec.origin else [])
    return [Path(place).absolute() for place in found]


def main() -> None:
    """Run the command line: ``tenure``."""
    # What is solved densely is small: threads of OpenBLAS would wait for each other longer than they work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        try:
            put_first()
        except ImportError as error:
            print(f"tenure: {error}", file=sys.stderr)
            sys.exit(2)
        from sim.native_output import keep_apart

        keep_apart()  # for as long as the process lives, so that nothing said on the way out mixes with the answer
        from experiments.cli.app import main as command

        command()
    except KeyboardInterrupt:  # before there is anybody to hear of it: modules are read, or commands put together
        print("tenure: stopped", file=sys.stderr)
        sys.exit(130)
