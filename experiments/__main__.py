"""Where ``tenure`` and ``python -m experiments`` start: checks that our own packages are found, then the command."""

import importlib.util
import sys
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say which folder hides one of our packages (exit code 2)."""
    home = Path(__file__).resolve().parents[1]
    for package in ("sim", "optimizer", "policies"):
        found = importlib.util.find_spec(package)
        place = Path(found.origin).resolve().parents[1] if found is not None and found.origin else None
        if place != home:
            print(
                f"tenure: a folder named '{package}' in {place} hides Tenure's own; run from elsewhere", file=sys.stderr
            )
            sys.exit(2)
    from experiments.cli.app import main as command

    command()


if __name__ == "__main__":
    main()
