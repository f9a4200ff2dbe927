"""What a number that cannot be meant probably means."""

__all__ = ["meant"]


def meant(number: object, most: float = 100.0) -> str:
    """Return ``; 0.4 is probably meant (40 %)`` for a share written in per cent; nothing for other numbers."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 1 < number <= most:
        return ""
    return f"; {number / 100:.6g} is probably meant ({number:g} %)"
