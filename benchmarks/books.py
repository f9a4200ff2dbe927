"""What the peers that go customer by customer share: a segment's tables and accounts in plain Python lists.

Lists and floats, because in code that takes one customer at a time they are faster than NumPy's arrays and scalars.
"""

import gc
import json
import sys
import time
from bisect import bisect_right
from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.behaviour import LEVELS, Behaviour, Ledger, Result, Start
from benchmarks.retailer import ALIVE, PROSPECT, STAGES, UNAWARE

__all__ = ["CELLS", "LAPSED", "NEW", "Book", "Books", "answer"]

CELLS = LEVELS + 1
"""Tables by stage and level have ``stage * CELLS + level`` as index."""
NEW, LAPSED = STAGES.index("new"), STAGES.index("lapsed")


class Book:
    """One segment: its odds in the period now, and what has happened in it so far.

    ``net`` is promoters less detractors among customers; ``flows`` counts who changes stage, from and to.
    """

    def __init__(self, behaviour: Behaviour, group: int) -> None:
        self.core, self.lapsed = behaviour.core, behaviour.lapsed
        self.entry: list[float] = behaviour.entry.tolist()
        self.stage_of: list[list[int]] = behaviour.stage_table().tolist()
        self.vote = [0, -1, -1, 0, 1, 1]
        self.shape = float(behaviour.amount_shape[group])
        self.lost = float(behaviour.lost[group])
        self.returned: list[float] = behaviour.returned[group].tolist()
        self.rate: list[float] = behaviour.rate[group].ravel().tolist()
        self.amount: list[float] = behaviour.amount[group].ravel().tolist()
        self.up: list[float] = behaviour.up[group].ravel().tolist()
        shift = behaviour.shift[group][:, None] + np.zeros(CELLS)
        from_where = 1 - behaviour.flat + shift
        from_where[:, :2] = np.inf
        self.may_fall: list[float] = from_where.ravel().tolist()
        self.steep: list[float] = behaviour.steep.tolist()
        self.most: list[float] = behaviour.most.tolist()
        self.shift: list[float] = shift.ravel().tolist()
        self.terms = [
            list(zip(weights, speeds, strict=True))
            for weights, speeds in zip(behaviour.weight.tolist(), behaviour.speed.tolist(), strict=True)
        ]
        self._behaviour, self._group = behaviour, group
        self.net = 0
        self.begin(0, 1.0)
        self.clear()

    def level_of_entry(self, u: float) -> int:
        """Return the level of somebody who enters with the draw ``u``."""
        return 1 + min(bisect_right(self.entry, u), LEVELS - 1)

    def falls(self, cell: int, level: int, defection: float, u: float) -> bool:
        """Return whether the draw ``u``, at least ``may_fall - steep x defection``, means a level less."""
        needed = sum(weight * exp(speed * defection) for weight, speed in self.terms[level])
        chance = min(max(needed, 0.0), self.most[level]) - self.shift[cell]
        return u >= 1.0 - min(max(chance, 0.0), 1.0)

    def begin(self, period: int, crowd: float) -> None:
        """Set the odds that change from period to period."""
        defection, winning = self._behaviour.rivals[period].tolist()
        self.defection: list[float] = (self._behaviour.defection[self._group] * defection).ravel().tolist()
        self.aware = min(1.0, float(self._behaviour.aware[self._group]) * crowd)
        self.won = min(1.0, float(self._behaviour.won[self._group]) * crowd * winning)

    def clear(self) -> None:
        """Begin an account of a period with nothing in it."""
        self.flows = [[0] * len(STAGES) for _ in STAGES]
        self.purchases, self.revenue = [0] * len(STAGES), [0.0] * len(STAGES)
        self.returns = self.left = self.losses = 0


class Books:
    """All segments, and the ledger that their accounts go to."""

    def __init__(self, behaviour: Behaviour, start: Start) -> None:
        self.behaviour, self.ledger = behaviour, Ledger(behaviour, start)
        self.books = [Book(behaviour, group) for group in range(behaviour.segments)]
        net = np.bincount(start.segment, np.take([0, -1, -1, 0, 1, 1], start.level), behaviour.segments)
        for book, number in zip(self.books, net, strict=True):
            book.net = int(number)

    def begin(self, period: int) -> None:
        """Set the odds of a period from what customers say at its start."""
        alive = float(self.ledger.true[period, :, ALIVE].sum())
        crowd = self.behaviour.crowd(sum(book.net for book in self.books), alive)
        for book in self.books:
            book.begin(period, crowd)

    def close(self, period: int) -> None:
        """Write down what happened in a period and begin the next account."""
        ledger = self.ledger
        for group, book in enumerate(self.books):
            ledger.flows[period, group] = book.flows
            ledger.purchases[period, group] = book.purchases
            ledger.revenue[period, group] = book.revenue
            aware, won = book.flows[UNAWARE][PROSPECT], book.flows[PROSPECT][NEW]
            ledger.events[period, group] = aware, won, book.returns, book.left, book.losses
            book.clear()
        ledger.close(period)

    def timed(self, work: Callable[[], object]) -> Result:
        """Return time and totals of work that fills the books."""
        gc.collect()
        gc.disable()  # there are no cycles to find, and looking for them takes up to half of the time
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        gc.enable()
        people = int(self.ledger.true[0].sum())
        return {"seconds": seconds, "customer_periods": people * self.behaviour.periods, "totals": self.ledger.totals()}


def answer(run: Callable[..., Result]) -> None:
    """Run a peer on ``scenario.json people.npz SEED ...``, as the command line has them, and print the result."""
    scenario, people, *numbers = sys.argv[1:]
    content: dict[str, Any] = json.loads(Path(scenario).read_text(encoding="utf-8"))
    print(json.dumps(run(content, Start.load(Path(people)), *map(int, numbers))))
