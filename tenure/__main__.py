"""``python -m tenure``: the command line."""

from _tenure_start import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
