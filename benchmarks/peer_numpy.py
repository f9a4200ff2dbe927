"""The retailer in NumPy: whole arrays, block by block, so that a block stays in the cache while it is worked on.

Each block of a segment keeps its people in pools (unaware, prospects, alive, gone, lost), so that a period touches
contiguous arrays of those alone to whom something can happen. Who leaves a pool is replaced by its last, whatever
order that makes. State is one small integer, and everything that depends on it is looked up. Single precision, the
fastest generator NumPy has (SFC64), Poisson numbers by inversion, of which most end at the first comparison. Blocks
are independent within a period, so several threads share them: NumPy lets go of the interpreter inside long calls.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.behaviour import (
    AWARE_EVENT,
    EVENTS,
    LEFT_EVENT,
    LEVELS,
    LOST_EVENT,
    RETURNED_EVENT,
    WON_EVENT,
    Behaviour,
    Ledger,
    Result,
    Start,
    behaviour_of,
)
from benchmarks.books import answer
from benchmarks.retailer import ALIVE, GONE, LOST, PROSPECT, STAGES, UNAWARE
from sim.arrays import Floats, Ints

__all__ = ["BLOCK", "run"]

Singles = NDArray[np.float32]
Traits = tuple[Singles, Singles, Singles]
"""Purchase rate, defection rate, mean spend of some people."""
Done = tuple[Ints, Ints, Floats, Ints]
"""Flows, purchases, revenue and events of a block in a period."""

BLOCK = 1 << 19
"""People in a block at most. Measured on 4 million in 10 segments: 51 million customer-periods a second at 2^16, 62
million at 2^19, where a block is a whole segment (two threads: 49 and 97)."""

NEW = STAGES.index("new")


class Codes:
    """Alive and gone people as one integer, and what it says of them.

    Seen: ``(purchases - 1) silences + silent``. Alive: ``seen levels + level - 1``.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.core, self.silences = behaviour.core, behaviour.lapsed + 1
        seen = np.arange(self.core * self.silences)
        bought, silent = seen // self.silences + 1, seen % self.silences
        older = (bought - 1) * self.silences + np.minimum(silent + 1, behaviour.lapsed)
        self.stage_of_seen = behaviour.stage_table()[bought, silent].astype(np.uint8)
        self.older_seen = older.astype(np.uint16)
        self.again_seen = (np.minimum(bought, self.core - 1) * self.silences).astype(np.uint16)
        self.stage = np.repeat(self.stage_of_seen, LEVELS)
        self.level = np.tile(np.arange(1, LEVELS + 1), seen.size)
        self.older = (np.repeat(older, LEVELS) * LEVELS + self.level - 1).astype(np.uint16)
        count = np.arange(self.core + 1)[:, None]
        counted = np.minimum(np.repeat(bought, LEVELS) + count, self.core) - 1
        self.again = (counted * self.silences * LEVELS + self.level - 1).astype(np.uint16).ravel()
        self.vote = np.array([-1, -1, 0, 1, 1], dtype=np.int8)[self.level - 1]
        self.entry = behaviour.entry.astype(np.float32)
        self.weight, self.speed, self.most = behaviour.weight, behaviour.speed, behaviour.most
        self.steep = behaviour.steep.astype(np.float32)[self.level]
        self.size = self.stage.size
        self.still_ageing = (self.older_seen != seen) | (self.stage_of_seen != STAGES.index("lapsed"))

    def chance_of_fall(self, code: NDArray[np.intp], defection: NDArray[np.float32], shift: Floats) -> Floats:
        """Return the chance of a level less of customers who leave at rates of their own."""
        level = self.level[code]
        needed = (self.weight[level] * np.exp(self.speed[level] * defection[:, None])).sum(axis=1)
        return np.clip(np.clip(needed, 0, self.most[level]) - shift[code], 0, 1)

    def seen(self, bought: NDArray[np.uint8], silent: NDArray[np.uint8]) -> Ints:
        """Return the code of what was seen."""
        return (bought.astype(np.int64) - 1) * self.silences + silent


class Odds:
    """Tables of one segment in one period, by code."""

    def __init__(self, behaviour: Behaviour, codes: Codes, group: int) -> None:
        at = (group, codes.stage, codes.level)
        self.usual_defection = behaviour.defection[at]
        self.rate, self.amount, self.up = (
            table[at].astype(np.float32) for table in (behaviour.rate, behaviour.amount, behaviour.up)
        )
        self.shift = behaviour.shift[group][codes.stage]
        may_fall = 1 - behaviour.flat[codes.level] + self.shift
        self.may_fall = np.where(codes.level > 1, may_fall, np.inf).astype(np.float32)
        returned = behaviour.returned[group][codes.stage_of_seen]
        self.returned = returned.astype(np.float32)
        self.moved = (returned + (1 - returned) * behaviour.lost[group]).astype(np.float32)
        self.shape = float(behaviour.amount_shape[group])
        self.begin(1.0, 0.0, 0.0)

    def begin(self, rival: float, aware: float, won: float) -> None:
        """Set what changes from period to period."""
        self.minus_defection = (-self.usual_defection * rival).astype(np.float32)
        self.aware, self.won = aware, won


class Pool:
    """People in the same truth: rows of traits and code, in no order, filled from the front."""

    def __init__(self, room: int) -> None:
        self.size = 0
        self.columns: tuple[NDArray[Any], ...] = (
            np.empty(room, np.float32),
            np.empty(room, np.float32),
            np.empty(room, np.float32),
            np.empty(room, np.uint16),
        )

    def put(self, traits: Traits, code: NDArray[Any] | int) -> None:
        """Add people."""
        end = self.size + traits[0].size
        for column, values in zip(self.columns, (*traits, code), strict=True):
            column[self.size : end] = values
        self.size = end

    def traits(self, who: Ints) -> Traits:
        """Return the traits of the people at some places."""
        rate, defection, spend, _ = self.columns
        return rate.take(who), defection.take(who), spend.take(who)

    def remove(self, who: Ints) -> Traits:
        """Take out the people at rising places ``who`` and return their traits; the last fill their places."""
        traits = self.traits(who)
        left = self.size - who.size
        first = int(np.searchsorted(who, left))
        stays = np.ones(self.size - left, dtype=bool)
        stays[who[first:] - left] = False
        last, holes = np.flatnonzero(stays) + left, who[:first]
        for column in self.columns:
            column[holes] = column.take(last)
        self.size = left
        return traits


class Block:
    """Some people of one segment."""

    def __init__(self, group: int, people: Start, codes: Codes, seed: np.random.SeedSequence) -> None:
        self.group, self.codes = group, codes
        self.draws = np.random.Generator(np.random.SFC64(seed))
        self.pools = [Pool(people.size) for _ in range(LOST + 1)]
        seen = codes.seen(people.bought, people.silent)
        for truth, pool in enumerate(self.pools):
            who = np.flatnonzero(people.truth == truth)
            code = {UNAWARE: 0 * seen, PROSPECT: 0 * seen, ALIVE: seen * LEVELS + people.level - 1}.get(truth, seen)
            pool.put((people.purchase_rate[who], people.defection_rate[who], people.mean_spend[who]), code[who])
        alive = self.pools[ALIVE]
        self.net = int(codes.vote.take(alive.columns[3][: alive.size]).sum())

    def step(self, odds: Odds) -> Done:
        """Do a period and return flows between stages, purchases and revenue by stage, events."""
        stages = len(STAGES)
        self.flows = np.zeros(stages * stages, dtype=np.int64)
        self.purchases, self.revenue = np.zeros(stages), np.zeros(stages)
        self.events = np.zeros(len(EVENTS), dtype=np.int64)
        self._age_lost()
        # Everybody moves from where they were at the start, so newcomers wait until their pool has moved.
        back = self._gone(odds)
        left = self._alive(odds)
        new = self._won(odds)
        self._aware(odds)
        alive, gone = self.pools[ALIVE], self.pools[GONE]
        for traits, seen in ((new, np.zeros(new[0].size, dtype=np.uint16)), back):
            u = self.draws.random(seen.size, dtype=np.float32)
            level = np.minimum(np.searchsorted(self.codes.entry, u, side="right"), LEVELS - 1).astype(np.uint16)
            code = seen * np.uint16(LEVELS) + level
            alive.put(traits, code)
            self.net += int(self.codes.vote.take(code).sum(dtype=np.int64))
        gone.put(left[0], left[1])
        return self.flows.reshape(stages, stages), self.purchases.astype(np.int64), self.revenue, self.events

    def _flow(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
        moved = np.flatnonzero(before != after)
        if moved.size:
            self.flows += np.bincount(before.take(moved) * np.uint8(len(STAGES)) + after.take(moved), minlength=49)

    def _chance(self, pool: Pool, chance: float) -> Ints:
        return np.flatnonzero(self.draws.random(pool.size, dtype=np.float32) < np.float32(chance))

    def _aware(self, odds: Odds) -> None:
        who = self._chance(self.pools[UNAWARE], odds.aware)
        self.pools[PROSPECT].put(self.pools[UNAWARE].remove(who), 0)
        self.events[AWARE_EVENT] += who.size
        self.flows[UNAWARE * len(STAGES) + PROSPECT] += who.size

    def _won(self, odds: Odds) -> Traits:
        who = self._chance(self.pools[PROSPECT], odds.won)
        new = self.pools[PROSPECT].remove(who)
        self.events[WON_EVENT] += who.size
        self.flows[PROSPECT * len(STAGES) + NEW] += who.size
        self.purchases[PROSPECT] += who.size
        amounts = self.draws.standard_gamma(odds.shape, who.size, dtype=np.float32)
        self.revenue[PROSPECT] += float(amounts @ new[2]) / odds.shape
        return new

    def _gone(self, odds: Odds) -> tuple[Traits, NDArray[np.uint16]]:
        """Move the gone and return who came back, with their new code of what was seen."""
        pool, codes = self.pools[GONE], self.codes
        code = pool.columns[3][: pool.size]
        stage = codes.stage_of_seen.take(code)
        u = self.draws.random(pool.size, dtype=np.float32)
        moved = np.flatnonzero(u < odds.moved.take(code))
        back = u.take(moved) < odds.returned.take(code.take(moved))
        who, dead = moved[back], moved[~back]
        again = codes.again_seen.take(code.take(who))
        stage_back = stage.take(who)
        by_stage = np.bincount(stage_back, minlength=len(STAGES))
        self.events[RETURNED_EVENT] += who.size
        self.events[LOST_EVENT] += dead.size
        self.purchases += by_stage
        amounts = self.draws.standard_gamma(odds.shape, who.size, dtype=np.float32) * pool.columns[2].take(who)
        self.revenue += np.bincount(stage_back, weights=amounts, minlength=len(STAGES)) / odds.shape
        after = codes.older_seen.take(code)
        code[:] = after
        after_stage = codes.stage_of_seen.take(after)
        after_stage[who] = codes.stage_of_seen.take(again)
        self._flow(stage, after_stage)
        ageing = dead[codes.still_ageing.take(after.take(dead))]
        lost = self.pools[LOST]
        lost.columns[3][lost.size : lost.size + ageing.size] = after.take(ageing)
        lost.size += ageing.size
        traits = pool.traits(who)
        pool.remove(moved)
        return traits, again

    def _age_lost(self) -> None:
        """Let those lost for good grow silent until they are seen as lapsed; then nothing changes any more."""
        pool, codes = self.pools[LOST], self.codes
        before = pool.columns[3][: pool.size]
        after = codes.older_seen.take(before)
        self._flow(codes.stage_of_seen.take(before), codes.stage_of_seen.take(after))
        after = after[codes.still_ageing.take(after)]
        pool.columns[3][: after.size] = after
        pool.size = after.size

    def _poisson(self, mean: Singles) -> tuple[Ints, NDArray[np.uint16]]:
        """Return places of Poisson numbers above 0, rising, and the numbers, by inversion."""
        chance = np.exp(-mean)
        u = self.draws.random(mean.size, dtype=np.float32)
        some = np.flatnonzero(u > chance)
        number = np.ones(some.size, dtype=np.uint16)
        at = np.arange(some.size)
        mean, chance, rest = mean.take(some), chance.take(some), u.take(some)
        rest -= chance
        k = 1
        while at.size:
            chance *= mean
            if k > 1:
                chance /= np.float32(k)
            more = np.flatnonzero((rest > chance) & (chance > 1e-9))
            at, mean, chance, rest = at.take(more), mean.take(more), chance.take(more), (rest - chance).take(more)
            k += 1
            number[at] = k
        return some, number

    def _alive(self, odds: Odds) -> tuple[Traits, NDArray[np.uint16]]:
        """Move the alive and return who left, with their new code of what was seen."""
        pool, codes, stages = self.pools[ALIVE], self.codes, len(STAGES)
        rate, defection, spend, state = (column[: pool.size] for column in pool.columns)
        code = state.astype(np.intp)  # cast once: every look-up below would
        stage = codes.stage.take(code)
        time_left = np.float32(1) - self.draws.random(pool.size, dtype=np.float32)
        np.log(time_left, out=time_left)  # by inversion: SIMD makes the logarithm cheaper than the ziggurat
        time_left /= defection
        time_left /= odds.minus_defection.take(code)
        left = np.flatnonzero(time_left < 1)
        np.minimum(time_left, 1, out=time_left)
        time_left *= rate
        time_left *= odds.rate.take(code)
        buyers, number = self._poisson(time_left)
        code_buyers, stage_buyers = code.take(buyers), stage.take(buyers)
        amounts = self.draws.standard_gamma(number * np.float32(odds.shape), dtype=np.float32)
        amounts *= spend.take(buyers)
        amounts *= odds.amount.take(code_buyers)
        self.purchases += np.bincount(stage_buyers, weights=number, minlength=stages)
        self.revenue += np.bincount(stage_buyers, weights=amounts, minlength=stages) / odds.shape
        after = codes.older.take(code)
        after[buyers] = codes.again.take(np.minimum(number, codes.core) * np.int64(codes.size) + code_buyers)
        self._flow(stage, codes.stage.take(after))
        seen_left = after.take(left) // np.uint16(LEVELS)
        u = self.draws.random(pool.size, dtype=np.float32)
        after += u < odds.up.take(code)
        falls = np.flatnonzero(u >= odds.may_fall.take(code) - codes.steep.take(code) * defection)
        falls = falls[u[falls] >= 1 - codes.chance_of_fall(code[falls], defection[falls], odds.shift)]
        after[falls] -= np.uint16(1)
        state[:] = after
        gone = pool.remove(left)
        self.net = int(codes.vote.take(state[: pool.size]).sum(dtype=np.int64))
        self.events[LEFT_EVENT] += left.size
        return gone, seen_left


def run(content: dict[str, Any], start: Start, seed: int, threads: int = 1, block: int = BLOCK) -> Result:
    """Run the scenario from ``start`` and return time and totals; making the blocks is not timed."""
    behaviour = behaviour_of(content)
    codes, ledger = Codes(behaviour), Ledger(behaviour, start)
    edges = np.searchsorted(start.segment, np.arange(behaviour.segments + 1))
    pieces = [
        (group, slice(first, min(first + block, int(edges[group + 1]))))
        for group in range(behaviour.segments)
        for first in range(int(edges[group]), int(edges[group + 1]), block)
    ]
    seeds = np.random.SeedSequence(seed).spawn(len(pieces))
    blocks = [
        Block(group, Start(**{name: getattr(start, name)[part] for name in Start.__dataclass_fields__}), codes, own)
        for (group, part), own in zip(pieces, seeds, strict=True)
    ]
    odds = [Odds(behaviour, codes, group) for group in range(behaviour.segments)]
    with ThreadPoolExecutor(threads) as workers:
        list(workers.map(time.sleep, [0.01] * threads))  # the threads exist before the clock starts
        began = time.perf_counter()
        for t in range(behaviour.periods):
            alive = float(ledger.true[t, :, ALIVE].sum())
            crowd = behaviour.crowd(sum(each.net for each in blocks), alive)
            rival = behaviour.rivals[t]
            for group, law in enumerate(odds):
                aware, won = behaviour.aware[group] * crowd, behaviour.won[group] * crowd * rival[1]
                law.begin(rival[0], min(1.0, aware), min(1.0, won))
            steps = [(each, odds[each.group]) for each in blocks]
            done = map(_step, steps) if threads == 1 else workers.map(_step, steps)
            for each, (flows, purchases, revenue, events) in zip(blocks, done, strict=True):
                ledger.flows[t, each.group] += flows
                ledger.purchases[t, each.group] += purchases
                ledger.revenue[t, each.group] += revenue
                ledger.events[t, each.group] += events
            ledger.close(t)
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "customer_periods": start.size * behaviour.periods, "totals": ledger.totals()}


def _step(work: tuple[Block, Odds]) -> Done:
    return work[0].step(work[1])


if __name__ == "__main__":
    answer(run)
