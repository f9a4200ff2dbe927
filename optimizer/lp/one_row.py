"""Linear programmes of one row, by sorting: the fractional knapsack (Dantzig 1957), which needs no simplex."""

import numpy as np

from sim.arrays import Floats

__all__ = ["OneRow"]


class OneRow:
    """Maximise ``worth x - loss s`` over ``0 <= x <= width, s >= 0``, subject to ``use x - s <= limit``, many times.

    With ``sign`` -1 the row is ``use x + s >= limit``. As the price ``y`` of the row rises from 0, columns with
    ``worth > y use`` are full and others empty; each changes once, at ``worth / use``, and the row's use only falls.
    The price at which it has fallen to the limit is the dual; the column that changes there is filled in part.

    Parameters
    ----------
    worth, width, use : (columns,)
    sign : float
    loss : float

    Examples
    --------
    >>> values, price = OneRow(np.array([3.0, 2.0]), np.ones(2), np.ones(2), 1.0, 1e4).at(1.5)
    >>> values.tolist(), price.tolist()
    ([1.0, 0.5, 0.0], [2.0])
    """

    def __init__(self, worth: Floats, width: Floats, use: Floats, sign: float, loss: float) -> None:
        self._width, self._use, self._sign, self._loss = width, sign * use, sign, loss
        self._free = np.where(worth > 0, width, 0.0)
        changes = np.flatnonzero((worth * self._use > 0) & (np.abs(worth) < loss * np.abs(self._use)))
        at = worth[changes] / self._use[changes]
        order = np.argsort(at, kind="stable")
        self._changes, self._at = changes[order], at[order]
        falls = np.abs(self._use[self._changes]) * width[self._changes]
        self._fallen = np.append(0.0, np.cumsum(falls))

    def at(self, limit: float) -> tuple[Floats, Floats]:
        """Return the optimum, ``s`` last, and the row's dual, d(worth)/d(limit), of shape (1,)."""
        values = self._free.copy()
        over = float(self._use @ values) - self._sign * limit
        number = int(np.searchsorted(self._fallen, over)) if over > 0 else 0
        whole = self._changes[: max(number - 1, 0)]
        if number == self._fallen.size:  # nothing more to give way
            whole, missed, price = self._changes, over - float(self._fallen[-1]), self._loss
        else:
            missed, price = 0.0, float(self._at[number - 1]) if number else 0.0
        values[whole] = np.where(self._use[whole] > 0, 0.0, self._width[whole])
        if number and not missed:
            last = self._changes[number - 1]
            part = (over - float(self._fallen[number - 1])) / self._use[last]  # below 0 where it fills
            values[last] = min(max(values[last] - part, 0.0), self._width[last])
        return np.append(values, missed), np.array([self._sign * price])
