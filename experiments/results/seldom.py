"""The list of customers who pay much and come seldom, with the likely cause of each and the numbers that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.results.lists import CustomerList, lots_below, own_figures
from experiments.results.shown import Table
from experiments.words.figures import money
from sim.errors import InputError

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = ["SeldomList", "come_seldom"]


class SeldomList(CustomerList):
    """Customers who pay much and come seldom; fields as in :class:`CustomerList`."""

    def shown_table(self) -> Table:
        """Return how many have each cause: no names."""
        rows = [
            [str(cause), f"{len(part):,}", money(float(part["margin_a_year"].sum()))]
            for cause, part in self.frame.groupby("cause", sort=False)
        ]
        return ["likely cause", "customers", "margin a year"], sorted(rows, key=lambda row: row[0])


def come_seldom(twin: Twin, *, control: float = 0.0, seed: int = 0) -> SeldomList:
    """Return silver A, of the scenario's cut-offs of cycle and amount, whatever its segments are.

    Raises
    ------
    InputError
        If the scenario has no customer base.
    """
    import pandas as pd

    from sim.customers.segmentation import SEGMENTS
    from sim.customers.seldom import why_seldom
    from sim.monitoring.quality import quality_of

    base = twin.base
    if base is None:
        raise InputError(f"{twin.scenario.name}: has no customer base, so there is nobody to list")
    record = base.read.record
    known = quality_of(twin, record)
    margin = known.amount / known.cycle * 52 * twin.margin[base.group]
    silver = np.flatnonzero(known.kind == SEGMENTS.index("silver A"))
    order = silver[np.lexsort((silver, -margin[silver]))]
    signs = why_seldom(base.read.source, record, order)
    own = own_figures(twin)
    ids = record.customer_id[order]
    frame = pd.DataFrame({
        "customer_id": ids,
        "segment": np.array(twin.targets.segments)[base.group[order]],
        "class": np.array(twin.targets.tiers)[base.group[order]],
        "cause": list(signs.cause),
        "share_of_customer": signs.share,
        "categories": signs.categories,
        "categories_usual": signs.usual,
        "fewer_categories": signs.fewer,
        "weeks_between": signs.interval,
        "chance_as_even": signs.chance,
        "p_alive": known.alive[order],
        "margin_a_year": margin[order],
        **{name: each[order] for name, each in own.items()},
        "money": 0.0,
        "held_back": 0.0,
        "control": lots_below(control, seed, ids),
        "why": [f"{known.amount[i]:,.2f} a purchase, every {known.cycle[i]:,.1f} weeks" for i in order],
    })  # fmt: skip
    column = signs.share_column
    said = f"share of customer by {column}" if column else (
        "nothing says which share of its needs a customer buys here (a column share_of_customer in a file of customers "
        "or a survey), so that buying elsewhere and having no time cannot be told apart"
    )  # fmt: skip
    return SeldomList("comes seldom", 0, frame, 0.0, 0.0, control, twin.scenario.currency, (said,))
