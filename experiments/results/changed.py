"""The list of customers whose quality has changed since the plan was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.look import base_of
from experiments.results.lists import CustomerList, lots_below
from experiments.results.shown import Table
from experiments.words.figures import money

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["ChangedList", "quality_changed"]


class ChangedList(CustomerList):
    """Customers of another class than when the plan was made; fields as in :class:`CustomerList`."""

    def shown_table(self) -> Table:
        """Return how many moved from which class to which, the most money first: no names."""
        parts = [
            (part["next_year"].sum() - part["next_year_before"].sum(), f"{before} -> {now}", len(part))
            for (before, now), part in self.frame.groupby(["quality_before", "quality"], sort=False)
        ]
        rows = [
            [name, f"{heads:,}", money(float(by), True)] for by, name, heads in sorted(parts, key=lambda x: -abs(x[0]))
        ]
        return ["from class to class", "customers", "money of the next year"], rows


def quality_changed(twin: Twin, actual: str | Path, *, control: float = 0.0, seed: int = 0) -> ChangedList:
    """Return the customers whose class of purchase cycle x amount is another by what they have bought since.

    Raises
    ------
    InputError
        As for :func:`sim.monitoring.quality.changed_quality`, or if the file is not there.
    """
    import pandas as pd

    from sim.customers.segmentation import SEGMENTS
    from sim.monitoring.quality import changed_quality

    with base_of(Path(actual)) as seen:
        found = changed_quality(twin, seen)
    assert twin.base is not None
    before, now, names = found.before, found.now, np.array(SEGMENTS)
    on = np.flatnonzero(found.other)
    order = on[np.lexsort((on, -np.abs(now.next_year - before.next_year)[on]))]
    ids, targets = found.record.customer_id[order], twin.targets
    frame = pd.DataFrame({
        "customer_id": ids,
        "segment": np.array(targets.segments)[twin.base.group[order]],
        "class": np.array(targets.tiers)[twin.base.group[order]],
        "quality_before": names[before.kind[order]],
        "quality": names[now.kind[order]],
        "p_alive_before": before.alive[order],
        "p_alive": now.alive[order],
        "next_year_before": before.next_year[order],
        "next_year": now.next_year[order],
        "money": 0.0,
        "held_back": 0.0,
        "control": lots_below(control, seed, ids),
        "why": [
            f"buys every {now.cycle[i]:,.1f} weeks for {now.amount[i]:,.2f}, before every {before.cycle[i]:,.1f} for "
            f"{before.amount[i]:,.2f}"
            for i in order
        ],
    })  # fmt: skip
    said = (f"of {len(found.record):,} customers, by purchases up to {found.until}", *found.said)
    return ChangedList("quality changed", 0, frame, 0.0, 0.0, control, twin.scenario.currency, said)
