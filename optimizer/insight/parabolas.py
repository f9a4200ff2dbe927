"""What a decision is worth by the numbers that are not known: sums of parabolas, and their means given one number."""

import numpy as np

from sim.arrays import Floats
from sim.scenario.joint import Joint

__all__ = ["GRID", "Parabolas"]

GRID = 201
"""Points over a range."""
NODES = 21
"""Of the quadrature over a number that is correlated with the one that is known."""


class Parabolas:
    """Sums of parabolas in the places -1..1 of all numbers, and what they are expected to be given one of them.

    Legendre's polynomials of the first two degrees, which are nothing in the mean over an even range; of numbers of
    laws the first alone.
    """

    def __init__(self, numbers: Joint, place: Floats) -> None:
        self.numbers = numbers
        self.bent = np.array([not each.path.startswith("base.") for each in numbers.ranges])
        second = np.where(self.bent, (3 * place**2 - 1) / 2, 0.0)
        self.design = np.column_stack([np.ones(len(place)), place, second])
        self._terms: dict[int, Floats] = {}

    def fit(self, worth: Floats) -> Floats:
        """Return the coefficients for worths by (decision, world), (1 + 2 numbers, decisions); none of what is flat."""
        return np.asarray(np.linalg.lstsq(self.design, worth.T, rcond=None)[0])

    def explained(self, worth: Floats, fitted: Floats) -> float:
        """Return the share of the differences between decisions that is explained.

        It is adjusted for as many numbers as are fitted, as few worlds are explained by anything.
        """
        apart = worth - worth[0]
        rest = (worth - (self.design @ fitted).T) - (worth[0] - self.design @ fitted[:, 0])
        spread = float(((apart - apart.mean(axis=1, keepdims=True)) ** 2).sum())
        count, terms = len(self.design), 1 + self.bent.size + int(self.bent.sum())
        free = (count - 1) / max(count - terms, 1)
        return 1.0 if spread <= 0 else 1 - free * float((rest**2).sum()) / spread

    def given(self, j: int, fitted: Floats) -> Floats:
        """Return by decision what is expected where number ``j`` lies on the grid, (decisions, GRID)."""
        if j not in self._terms:
            self._terms[j] = self._expected(j)
        return np.asarray((self._terms[j] @ fitted).T)

    def _expected(self, j: int) -> Floats:
        """Return the means of all polynomials where ``j`` lies on the grid: scores ``z_k ~ N(R z_j, 1 - R^2)``."""
        numbers, z = self.numbers, np.linspace(-1, 1, GRID)
        own, count = numbers.ranges[j], len(numbers.ranges)
        terms = np.zeros((GRID, 1 + 2 * count))
        terms[:, 0] = 1.0
        score = np.array([numbers.score(j, own.low + (each + 1) / 2 * (own.high - own.low)) for each in z])
        nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
        share = weights / weights.sum()
        for k, other in enumerate(numbers.ranges):
            with_j = numbers.correlation[j, k]
            if k == j:
                terms[:, 1 + k], terms[:, 1 + count + k] = z, (3 * z**2 - 1) / 2
            elif with_j != 0 or other.law != "even":
                value = numbers.value(k, with_j * score[:, None] + np.sqrt(1 - with_j**2) * nodes)
                place = 2 * (value - other.low) / (other.high - other.low) - 1
                terms[:, 1 + k], terms[:, 1 + count + k] = place @ share, (3 * place**2 - 1) / 2 @ share
        return terms

    def likely(self, j: int) -> Floats:
        """Return how likely number ``j`` is to lie nearest to each point of the grid."""
        from scipy.special import ndtr

        own = self.numbers.ranges[j]
        if own.law == "even":
            return np.full(GRID, 1 / GRID)
        edges = own.low + (own.high - own.low) * (np.arange(1, GRID) - 0.5) / (GRID - 1)
        below = ndtr(np.array([self.numbers.score(j, float(edge)) for edge in edges]))
        return np.diff(np.concatenate([[0.0], below, [1.0]]))
