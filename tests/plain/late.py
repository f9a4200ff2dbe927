"""What levers did of late, from all that was done before: nothing is carried along."""

from collections.abc import Sequence
from typing import Any

from plain.curves import response
from plain.life import Life
from plain.record import Cell, Lives, Money

from sim.scenario.of_late import OfLate


def fading(past: Sequence[float], keep: float, before: float) -> float:
    """Return the mean of a past in which each period counts for ``keep`` of the one after it; ``before`` it all."""
    total, weight = 0.0, 1 - keep
    for each in reversed(past):
        total += weight * each
        weight *= keep
    return total + keep ** len(past) * before


class Late(Life):
    """A market whose levers remember.

    ``effective``: by what intensities of each lever are multiplied where its medium is saturated; ``works``:
    intensities as they work, period by period.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.lives = Lives()
        self.effective: dict[str, float] = {}
        self.works: list[Money] = []

    def of_late(self, cell: Cell, period: int) -> float:
        """Return money a head of late: each period's counts for ``keep`` of what the one after it counts for."""
        keep, usual = self.stated(cell[2]).keep, self.reference(cell[2], cell[0])
        return fading([account.acting[cell] for account in self.lives.accounts[:period]], keep, usual)

    def working(self, cell: Cell, period: int) -> float:
        """Return the intensity as it works: saturated, tired, and with what is carried over."""
        stated, usual = self.stated(cell[2]), self.reference(cell[2], cell[0])
        fresh = max(0.0, self.saturated(cell, period) + self.spilled(cell, period))
        if stated.fatigue is not None:
            fresh *= (stated.fatigue + usual) / (stated.fatigue + self.of_late(cell, period))
        before = self.works[period - 1][cell] if period else usual
        return (1 - stated.carry_over) * fresh + stated.carry_over * before

    def saturated(self, cell: Cell, period: int) -> float:
        """Return the intensity as its medium lets it work."""
        return self.lives.accounts[period].acting[cell] * self.effective[cell[2]]

    def spilled(self, cell: Cell, period: int) -> float:
        """Return money a head that spills over from other segments, beyond today's."""
        segment, _, name = cell
        heads, added = self.lives.heads[period], 0.0
        here = sum(heads[there[:2]] for there in self.cells(name) if there[0] == segment)
        for other, share in self.scenario.levers[name].spills_over.get(segment, {}).items():
            for there in self.cells(name):
                if there[0] == other and here > 0:
                    more = self.saturated(there, period) - self.reference(name, other)
                    added += share * more * heads[there[:2]] / here
        return added

    def bought_early(self, cell: Cell, period: int) -> float:
        """Return the share of today's purchases that were made before they were due."""
        segment, stage, name = cell
        stated, reach = self.stated(name), self.touched(name, "purchase_rate", stage)
        curve, usual = self.curve(name, "purchase_rate", segment), self.reference(name, segment)
        extra = [
            (1 + response(curve, works[cell], reach)) / (1 + response(curve, usual, reach)) - 1
            for works in self.works[:period]
        ]
        return stated.pulled_forward * fading(extra, stated.keep, 0.0)

    def stated(self, name: str) -> OfLate:
        """Return what a lever remembers: nothing, unless it is stated."""
        return self.scenario.levers[name].of_late or OfLate.model_construct()
