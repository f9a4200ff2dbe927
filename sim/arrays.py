"""Names of arrays and of how progress is told, once for all."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Floats", "Ints", "Progress", "Step", "quiet"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Progress = Callable[[float], None]
"""Told the fraction that is done, from 0 to 1."""
Step = Callable[[str], Progress]
"""Starts a named step of long work and returns what is told its progress."""


def quiet(_: str) -> Progress:
    """Start a step that nobody is told of."""
    return lambda _: None
