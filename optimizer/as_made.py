"""What a plan's file says that nothing else in it tells: figures and prices, kept beside them as they were made.

Budget, bound or prices cannot be worked out from the rows, so that a change of one would go unseen; held against the
copy it is refused.
"""

import math
from pathlib import Path
from typing import Any

from sim.errors import InputError

__all__ = ["check_as_made", "figures_of"]

Content = dict[str, Any]

SAME = 1e-9
"""Share by which a number may differ from its copy: a spreadsheet writes fifteen digits."""
WIDE = ("prices", "price_ranges")
"""Keys that hold figures by name."""


def figures_of(content: Content, names: tuple[str, ...]) -> Content:
    """Return the figures of a plan's content that were given, and its prices, each by one name.

    Examples
    --------
    >>> figures_of({"budget": 10.0, "bound": None, "prices": {"budget": 1.5}, "price_ranges": {}}, ("budget", "bound"))
    {'budget': 10.0, 'prices, budget': 1.5}
    """
    known = {name: content.get(name) for name in (*names, *WIDE)}
    return {name: value for key, each in known.items() for name, value in _named(key, each) if value is not None}


def _named(name: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(name, value)]
    return [pair for key, each in value.items() for pair in _named(f"{name}, {key}", each)]


def check_as_made(path: Path, content: Content, names: tuple[str, ...]) -> None:
    """Refuse figures and prices that are not as they were made; files without the copy are read as they are.

    Raises
    ------
    InputError
        With the figure, what it says and what it was.
    """
    made = content.get("as_made")
    if made is None:
        return
    says = figures_of(content, names)
    for name in dict.fromkeys([*made, *says]):
        given, known = says.get(name), made.get(name)
        if not _same(given, known):
            raise InputError(
                f"{path}: {name}: says {_shown(given)}, but the plan was made with {_shown(known)}; restore it, and "
                "ask for a plan with what you want instead: what a plan is worth and what its limits are worth do not "
                "follow from a figure in its file"
            )


def _same(given: Any, known: Any) -> bool:
    if isinstance(given, int | float) and isinstance(known, int | float):
        return math.isclose(given, known, rel_tol=SAME)
    return given is None and known is None if given is None or known is None else str(given) == str(known)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"{value:,.10g}" if isinstance(value, int | float) else f"'{value}'"
