"""``python -m experiments``: the command line, from a copy of the repository too."""

from _tenure_start import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
