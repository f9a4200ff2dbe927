"""The retailer in Mesa 3: one agent per customer, activated in turn by ``AgentSet.do``.

Nobody's move depends on another's in the same period, so agents need not be shuffled. The step is passed as a function,
which spares Mesa a look-up by name, and who is lost for good and lapsed is removed. Python's own generator, plain
floats and lists, because an agent takes one number at a time. Imports neither the engine nor its dependencies.
"""

import math
import random
from typing import Any

import mesa  # type: ignore[import-not-found,unused-ignore]

from benchmarks.behaviour import Result, Start, behaviour_of
from benchmarks.books import CELLS, NEW, Book, Books, answer
from benchmarks.retailer import ALIVE, GONE, LOST, PROSPECT, UNAWARE

__all__ = ["run"]

log, exp = math.log, math.exp
luck = random.Random()
draw, gamma = luck.random, luck.gammavariate


class Person(mesa.Agent):  # type: ignore[misc,unused-ignore]
    """Somebody of the market; ``stage`` is what the firm sees."""

    def __init__(
        self, model: mesa.Model, book: Book, truth: int, bought: int, silent: int, level: int, rate: float,
        defection: float, spend: float,
    ) -> None:  # fmt: skip
        super().__init__(model)
        self.book, self.truth, self.bought, self.silent, self.level = book, truth, bought, silent, level
        self.rate, self.defection, self.scale = rate, defection, spend / book.shape
        self.stage = book.stage_of[bought][silent] if truth >= ALIVE else truth

    def step(self) -> None:
        """Move by one period."""
        truth = self.truth
        if truth == ALIVE:
            self.live()
        elif truth == PROSPECT:
            book = self.book
            if draw() < book.won:
                book.flows[PROSPECT][NEW] += 1
                self.enter(1)
        elif truth == UNAWARE:
            book = self.book
            if draw() < book.aware:
                book.flows[UNAWARE][PROSPECT] += 1
                self.truth = self.stage = PROSPECT
        elif truth == GONE:
            self.away()
        else:
            self.age()

    def enter(self, bought: int) -> None:
        """Buy, and be a customer from the next period on."""
        book = self.book
        book.purchases[self.stage] += 1
        book.revenue[self.stage] += gamma(book.shape, self.scale)
        self.truth, self.bought, self.silent, self.level = ALIVE, bought, 0, book.level_of_entry(draw())
        self.stage = book.stage_of[bought][0]
        book.net += book.vote[self.level]

    def live(self) -> None:
        """Buy or not, stay or leave, feel better or worse."""
        book, stage, level = self.book, self.stage, self.level
        cell = stage * CELLS + level
        mean = self.rate * book.rate[cell]
        leaves = -log(1.0 - draw()) / (self.defection * book.defection[cell])
        if leaves < 1.0:
            mean *= leaves
        u = draw()
        chance = exp(-mean)
        if u > chance:
            n, total = 0, chance
            while u > total and chance > 0.0:
                n += 1
                chance *= mean / n
                total += chance
            book.purchases[stage] += n
            book.revenue[stage] += gamma(book.shape * n, self.scale) * book.amount[cell]
            self.bought, self.silent = min(self.bought + n, book.core), 0
        elif self.silent < book.lapsed:
            self.silent += 1
        after = book.stage_of[self.bought][self.silent]
        if after != stage:
            book.flows[stage][after] += 1
            self.stage = after
        if leaves < 1.0:
            book.net -= book.vote[level]
            book.left += 1
            self.truth = GONE
            return
        u = draw()
        if u < book.up[cell]:
            book.net += book.vote[level + 1] - book.vote[level]
            self.level = level + 1
        elif u >= book.may_fall[cell] - book.steep[level] * self.defection and book.falls(
            cell, level, self.defection, u
        ):
            book.net += book.vote[level - 1] - book.vote[level]
            self.level = level - 1

    def away(self) -> None:
        """Come back, be lost for good, or neither."""
        book, stage = self.book, self.stage
        u, back = draw(), book.returned[stage]
        if u < back:
            book.returns += 1
            self.enter(min(self.bought + 1, book.core))
            if self.stage != stage:
                book.flows[stage][self.stage] += 1
            return
        lost = u < back + (1.0 - back) * book.lost
        if lost:
            book.losses += 1
            self.truth = LOST
        if self.silent < book.lapsed:
            self.age()
        elif lost:
            self.remove()

    def age(self) -> None:
        """Be silent for a period more; the lost go when the firm sees nothing new of them."""
        book, stage = self.book, self.stage
        self.silent += self.silent < book.lapsed
        after = book.stage_of[self.bought][self.silent]
        if after != stage:
            book.flows[stage][after] += 1
            self.stage = after
        if self.truth == LOST and self.silent == book.lapsed:
            self.remove()


class Retail(mesa.Model):  # type: ignore[misc,unused-ignore]
    """The market."""

    def __init__(self, books: Books, start: Start, seed: int) -> None:
        super().__init__(seed=seed)
        luck.seed(seed)
        self.books, self.period = books, 0
        rows = zip(
            start.segment.tolist(), start.truth.tolist(), start.bought.tolist(), start.silent.tolist(),
            start.level.tolist(), start.purchase_rate.tolist(), start.defection_rate.tolist(),
            start.mean_spend.tolist(), strict=True,
        )  # fmt: skip
        for group, *rest in rows:
            Person(self, books.books[group], *rest)

    def step(self) -> None:
        """Do a period."""
        self.books.begin(self.period)
        self.agents.do(Person.step)
        self.books.close(self.period)
        self.period += 1


def run(content: dict[str, Any], start: Start, seed: int) -> Result:
    """Run the scenario from ``start`` and return time and totals; making the agents is not timed."""
    behaviour = behaviour_of(content)
    books = Books(behaviour, start)
    model = Retail(books, start, seed)

    def work() -> None:
        for _ in range(behaviour.periods):
            model.step()

    return books.timed(work)


if __name__ == "__main__":
    answer(run)
