"""The retailer as one SimPy process per customer.

All processes wait for one event a period that they share: measured, a timeout each costs more, even for people who then
sleep through the periods in which nothing can happen to them (thinning): the heap and a new event take longer than a
needless turn. Who is lost for good and lapsed ends. Python's own generator, plain floats and lists, because a process
takes one number at a time.
"""

import math
import random
from collections.abc import Generator
from typing import Any

import simpy

from benchmarks.behaviour import Result, Start, behaviour_of
from benchmarks.books import CELLS, NEW, Book, Books, answer
from benchmarks.retailer import ALIVE, GONE, LOST, PROSPECT, UNAWARE

__all__ = ["run"]

Process = Generator[simpy.Event, Any, None]


class World:
    """The clock: period ``t`` happens at time ``t + 1``, and its odds are set half a period before.

    Attributes
    ----------
    period : Event
        The next period to begin after the one now.
    """

    def __init__(self, books: Books) -> None:
        self.clock = simpy.Environment()
        self.books = books
        self.period: simpy.Event = self.clock.timeout(1)
        self.draws = random.Random()

    def crowd(self) -> Process:
        """Open every period before anybody moves in it, and close it when everybody has."""
        for t in range(self.books.behaviour.periods):
            yield self.clock.timeout(0.5 if t == 0 else 1)
            if t:
                self.books.close(t - 1)
            self.books.begin(t)
            self.period = self.clock.timeout(1.5)
        yield self.clock.timeout(1)
        self.books.close(t)


def person(
    world: World, book: Book, truth: int, bought: int, silent: int, level: int, rate: float, defection: float,
    spend: float,
) -> Process:  # fmt: skip
    """Live from truth to truth until nothing can change any more."""
    draw, amount = world.draws.random, world.draws.gammavariate
    shape, scale = book.shape, spend / book.shape
    stage_of, vote, core, lapsed = book.stage_of, book.vote, book.core, book.lapsed
    if truth == UNAWARE:
        yield world.period
        while draw() >= book.aware:
            yield world.period
        book.flows[UNAWARE][PROSPECT] += 1
        truth = PROSPECT
    if truth == PROSPECT:
        yield world.period
        while draw() >= book.won:
            yield world.period
        book.flows[PROSPECT][NEW] += 1
        book.purchases[PROSPECT] += 1
        book.revenue[PROSPECT] += amount(shape, scale)
        truth, bought, silent, level = ALIVE, 1, 0, book.level_of_entry(draw())
        book.net += vote[level]
    stage = stage_of[bought][silent]
    while truth != LOST:
        if truth == ALIVE:
            log, exp = math.log, math.exp
            while True:
                yield world.period
                cell = stage * CELLS + level
                mean = rate * book.rate[cell]
                leaves = -log(1.0 - draw()) / (defection * book.defection[cell])
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
                    book.revenue[stage] += amount(shape * n, scale) * book.amount[cell]
                    bought, silent = bought + n, 0
                    if bought > core:
                        bought = core
                elif silent < lapsed:
                    silent += 1
                after = stage_of[bought][silent]
                if after != stage:
                    book.flows[stage][after] += 1
                    stage = after
                if leaves < 1.0:
                    break
                u = draw()
                if u < book.up[cell]:
                    book.net += vote[level + 1] - vote[level]
                    level += 1
                elif u >= book.may_fall[cell] - book.steep[level] * defection and book.falls(cell, level, defection, u):
                    book.net += vote[level - 1] - vote[level]
                    level -= 1
            book.net -= vote[level]
            book.left += 1
            truth = GONE
        while True:
            yield world.period
            u, before, back = draw(), stage, book.returned[stage]
            if u < back:
                break
            if silent < lapsed:
                silent += 1
                stage = stage_of[bought][silent]
                if stage != before:
                    book.flows[before][stage] += 1
            if u < back + (1.0 - back) * book.lost:
                truth = LOST
                break
        if truth == GONE:
            book.purchases[before] += 1
            book.revenue[before] += amount(shape, scale)
            book.returns += 1
            truth, bought, silent, level = ALIVE, min(bought + 1, core), 0, book.level_of_entry(draw())
            book.net += vote[level]
            stage = stage_of[bought][silent]
            if stage != before:
                book.flows[before][stage] += 1
        else:
            book.losses += 1
    while silent < lapsed:  # lost for good, but the firm still sees them fall silent
        yield world.period
        before, silent = stage, silent + 1
        stage = stage_of[bought][silent]
        if stage != before:
            book.flows[before][stage] += 1


def run(content: dict[str, Any], start: Start, seed: int) -> Result:
    """Run the scenario from ``start`` and return time and totals; making the processes is not timed."""
    behaviour = behaviour_of(content)
    books = Books(behaviour, start)
    world = World(books)
    world.draws.seed(seed)
    world.clock.process(world.crowd())
    rows = zip(
        start.segment.tolist(), start.truth.tolist(), start.bought.tolist(), start.silent.tolist(),
        start.level.tolist(), start.purchase_rate.tolist(), start.defection_rate.tolist(), start.mean_spend.tolist(),
        strict=True,
    )  # fmt: skip
    for group, *rest in rows:
        world.clock.process(person(world, books.books[group], *rest))
    world.clock.run(until=0.25)  # every process runs to its first wait
    return books.timed(lambda: world.clock.run(until=behaviour.periods + 0.75))


if __name__ == "__main__":
    answer(run)
