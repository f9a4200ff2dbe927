"""How long a step of a descent is, and when it goes back."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Descent"]

FIRST_STEP = 0.1
"""Share of Polyak's step that is taken."""
QUIET, SHORTER = 5, 0.7
"""After so many steps without a better bound a group goes back to its best charges, and takes shorter steps."""


@dataclass(eq=False)
class Descent:
    """How the descent of one group goes."""

    bound: float = np.inf
    length: float = FIRST_STEP
    quiet: int = 0

    def is_better(self, bound: float) -> bool:
        """Return whether a bound is the best so far, and remember it."""
        better = bound < self.bound
        self.bound, self.quiet = (bound, 0) if better else (self.bound, self.quiet + 1)
        return better

    def goes_back(self) -> bool:
        """Return whether it goes on from the best charges so far, by shorter steps."""
        back = self.quiet >= QUIET
        if back:
            self.quiet, self.length = 0, self.length * SHORTER
        return back
