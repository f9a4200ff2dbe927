"""How money works: media that saturate, and money on one segment that spills over to similar ones.

Where a medium saturates, an intensity works like ``u (S + T_ref)/(S + T)``. Of what then works on a segment a share may
work on another as if it had been spent there, evenly on those in the lever's targets: with ``T`` the money a lever has
at work in a segment, ``T_ref`` today's on the same heads, and ``N`` those in its targets in the other,

``u = max(u + share (T - T_ref)/N, 0)``,

so that nothing moves at today's spend, whose spill-over is in the data already.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Flags, Floats
from sim.contract import Targets
from sim.scenario.file import Scenario

__all__ = ["Media"]

Spill = tuple[int, float, Flags, Flags]
"""Lever, share, and which (groups, stages) money spills over to and from."""


@dataclass(frozen=True, eq=False)
class Media:
    """The media of a scenario's levers.

    Attributes
    ----------
    scenario : Scenario
    targets : Targets
    start : (groups, stages)
        Observed head counts at the start, by which saturation is measured.
    """

    scenario: Scenario
    targets: Targets
    start: Floats

    @cached_property
    def _saturating(self) -> list[tuple[int, float, float]]:
        """Return levers whose medium saturates, with ``S`` and the money ``S + T_ref`` that spend is measured by."""
        usual = (self.targets.reference * self.start[:, :, None]).sum(axis=(0, 1))
        levers = self.scenario.levers.values()
        return [
            (i, lever.saturation, lever.saturation + float(usual[i]))
            for i, lever in enumerate(levers) if lever.saturation
        ]  # fmt: skip

    @cached_property
    def spills(self) -> list[Spill]:
        """Return what spills over from where to where."""
        found = []
        for i, lever in enumerate(self.scenario.levers.values()):
            for to, row in lever.spills_over.items():
                found += [(i, share, self._cells(i, to), self._cells(i, name)) for name, share in row.items() if share]
        return found

    def _cells(self, lever: int, segment: str) -> Flags:
        inside = np.array([name == segment for name in self.targets.segments])
        return np.asarray(self.targets.allowed[:, :, lever] & inside[:, None])

    def works(self, intensity: Floats, observed: Floats) -> tuple[Floats, Floats]:
        """Return intensities as they work, and what a unit by itself adds to them."""
        saturated = self._saturated(intensity, observed)
        alone = self._saturated(np.ones_like(intensity), observed, intensity)
        if not self.spills:
            return saturated, alone
        return np.maximum(self._spilled(saturated, observed), 0.0), alone

    def _saturated(self, intensity: Floats, observed: Floats, spent: Floats | None = None) -> Floats:
        """Return how intensities work where ``spent`` is spent; None: they are what is spent."""
        if not self._saturating:
            return intensity
        out, spent = intensity.copy(), intensity if spent is None else spent
        for i, least, room in self._saturating:
            out[:, :, i] *= room / (least + float((spent[:, :, i] * observed).sum()))
        return out

    def _spilled(self, saturated: Floats, observed: Floats) -> Floats:
        """Return the same with what spills over, before nothing is below 0."""
        out = saturated.copy()
        for i, share, to, origin in self.spills:
            heads = float(observed[to].sum())
            if heads > 0:
                out[:, :, i][to] += share * self._more(i, saturated, observed, origin) / heads
        return out

    def _more(self, lever: int, saturated: Floats, observed: Floats, origin: Flags) -> float:
        """Return the money at work in a segment above today's on the same heads."""
        above = saturated[:, :, lever] - self.targets.reference[:, :, lever]
        return float((above * observed)[origin].sum())

    def pull(self, wanted: Floats, intensity: Floats, observed: Floats) -> tuple[Floats, Floats]:
        """Return derivatives by (intensity, head counts) of what has ``wanted`` by intensities as they work."""
        by_observed = np.zeros_like(observed)
        if self.spills:
            saturated = self._saturated(intensity, observed)
            wanted = np.where(self._spilled(saturated, observed) > 0, wanted, 0.0)
            by_saturated = wanted.copy()
            for i, share, to, origin in self.spills:
                heads = float(observed[to].sum())
                if heads > 0:
                    by_more = share * float(wanted[:, :, i][to].sum()) / heads
                    by_saturated[:, :, i][origin] += by_more * observed[origin]
                    above = saturated[:, :, i] - self.targets.reference[:, :, i]
                    by_observed[origin] += by_more * above[origin]
                    by_observed[to] -= by_more * self._more(i, saturated, observed, origin) / heads
            wanted = by_saturated
        by_intensity = wanted.copy()
        for i, least, room in self._saturating:
            depth = least + float((intensity[:, :, i] * observed).sum())
            factor = room / depth
            by_total = -factor / depth * float((wanted[:, :, i] * intensity[:, :, i]).sum())
            by_intensity[:, :, i] = factor * wanted[:, :, i] + by_total * observed
            by_observed += by_total * intensity[:, :, i]
        return by_intensity, by_observed
