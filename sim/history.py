"""What happened, period by period: the one record that valuation, reports and comparisons read.

A field is added in one place: a line of :class:`History` says its axes and unit, how it is averaged over replications
and what it is called in the table. Recording, slicing, saving, averaging and the table follow from it.
"""

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, get_type_hints

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.files import write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EVENTS", "KINDS", "History", "MeanHistory", "Recorded", "Trace"]


KINDS = ("unaware", "prospect", "alive", "gone", "lost")
"""What is true of a person, in the order in which people are counted."""
_ALIVE = KINDS.index("alive")

EVENTS = ("won", "returned", "left", "lost", "aware")
"""True moves, in the order in which they are counted."""

NAN = float("nan")


@dataclass(frozen=True)
class Recorded:
    """What is said of a field of :class:`History`.

    Attributes
    ----------
    axes : tuple of str
        Of ``periods``, ``instants`` (the start of each period, and the end), ``groups``, ``stages``, ``next stages``,
        ``levers``, ``kinds``, ``events``; none: one number.
    unit : str
        What it counts.
    column : str
        Its name in the table, or how the names of its columns begin; empty: not in the table.
    start : float
        What it is until something is recorded.
    partly : bool
        Whether it is not a number where there are no customers: its mean is over the replications that have one.
    """

    axes: tuple[str, ...]
    unit: str
    column: str = ""
    start: float = 0.0
    partly: bool = False

    @property
    def by_name(self) -> bool:
        """Return whether a history holds it as a dict, by the names along its last axis."""
        return self.axes[-1:] == ("events",)

    def shape(self, targets: Targets, periods: int) -> tuple[int, ...]:
        """Return its shape over so many periods."""
        return tuple(
            periods + (axis == "instants") if axis in ("periods", "instants") else len(_names(axis, targets))
            for axis in self.axes
        )


def _names(axis: str, targets: Targets) -> tuple[str, ...]:
    return {
        "groups": targets.segments, "stages": targets.stages, "next stages": targets.stages, "levers": targets.levers,
        "kinds": KINDS, "events": EVENTS,
    }[axis]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened to some customers, one by one.

    Attributes
    ----------
    segment : (customers,) of str
    identity : (customers,)
        Counter of the customer's draws inside its segment.
    state : (periods + 1, customers)
        Index into the states of the chain; their number stands for "not there yet".
    purchases, revenue : (periods, customers)
        Purchases, and money in integer units of the twin.
    event : (periods, customers)
        Index into ``EVENTS``, -1 for none.
    """

    segment: tuple[str, ...]
    identity: Ints
    state: Ints
    purchases: Ints
    revenue: Ints
    event: Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class History:
    """One market under one policy, drawn (agents) or expected (fluid twin).

    Attributes
    ----------
    targets : Targets
    people
        Head counts at each period's start, and at the end, by what was observed (stage) and what is true (KINDS).
    moves
        Observed moves from stage to stage; those who stay are counted too, those who appear are not.
    purchases, revenue, reward
        By where the customer was at the period's start; reward is money earned before marketing.
    cost_to_serve, bad_debt
        Both are taken off in ``reward``.
    spend
        On marketing.
    events : dict
        True moves, by EVENTS.
    satisfaction, surveyed
        Mean points 0..100 of true customers, and as last published; nan where there is none.
    share
        Share of customer; nan where it is not in the model.
    employees
        Points of employee satisfaction; nan where they are not in the model.
    terminal : float
        Value of all customers after the last period, undiscounted.
    unspent : float
        Budget left at the end; nan where there was none.
    trace : Trace or None
        Customers followed one by one, where asked for.
    """

    targets: Targets
    people: Annotated[Floats, Recorded(("instants", "groups", "stages", "kinds"), "people", "true")]
    moves: Annotated[Floats, Recorded(("periods", "groups", "stages", "next stages"), "people", "to")]
    purchases: Annotated[Floats, Recorded(("periods", "groups", "stages"), "purchases", "purchases")]
    revenue: Annotated[Floats, Recorded(("periods", "groups", "stages"), "money", "revenue")]
    cost_to_serve: Annotated[Floats, Recorded(("periods", "groups", "stages"), "money", "cost_to_serve")]
    bad_debt: Annotated[Floats, Recorded(("periods", "groups", "stages"), "money", "bad_debt")]
    reward: Annotated[Floats, Recorded(("periods", "groups", "stages"), "money", "reward")]
    spend: Annotated[Floats, Recorded(("periods", "groups", "stages", "levers"), "money", "spend")]
    events: Annotated[dict[str, Floats], Recorded(("periods", "groups", "events"), "people")]
    satisfaction: Annotated[Floats, Recorded(("instants", "groups"), "points", "satisfaction", NAN, True)]
    surveyed: Annotated[Floats, Recorded(("instants", "groups"), "points", "satisfaction_surveyed", NAN, True)]
    share: Annotated[Floats, Recorded(("periods", "groups"), "share", "share_of_customer", NAN, True)]
    employees: Annotated[Floats, Recorded(("instants",), "points", "employee_satisfaction", NAN)]
    terminal: Annotated[float, Recorded((), "money")]
    unspent: Annotated[float, Recorded((), "money")] = NAN
    trace: Trace | None = None

    @classmethod
    @cache
    def recorded(cls) -> dict[str, Recorded]:
        """Return what is said of every field, by name."""
        hints = get_type_hints(cls, include_extras=True)
        said = {entry.name: getattr(hints[entry.name], "__metadata__", ()) for entry in fields(cls)}
        return {name: own[0] for name, own in said.items() if own}

    @classmethod
    def blank(cls, targets: Targets, periods: int) -> dict[str, Floats]:
        """Return by field an array to record in; fields of one number are left out."""
        return {
            name: np.full(own.shape(targets, periods), own.start) for name, own in cls.recorded().items() if own.axes
        }

    @classmethod
    def of(cls, targets: Targets, record: dict[str, Floats], periods: int, **facts: Any) -> Self:
        """Return a history of the first so many periods of a record, with its other ``facts``."""
        for name, own in cls.recorded().items():
            if own.axes:
                part = record[name][: periods + (own.axes[0] == "instants")]
                facts[name] = dict(zip(EVENTS, np.moveaxis(part, -1, 0), strict=True)) if own.by_name else part
        return cls(targets=targets, **facts)

    @property
    def periods(self) -> int:
        """Return the number of periods."""
        return int(self.spend.shape[0])

    @property
    def customers(self) -> Floats:
        """Return observed head counts, (periods + 1, groups, stages)."""
        return np.asarray(self.people.sum(axis=3))

    @property
    def alive(self) -> Floats:
        """Return customers still customers at heart (true), (periods + 1, groups)."""
        return np.asarray(self.people[..., _ALIVE].sum(axis=2))

    @property
    def profit(self) -> Floats:
        """Return money earned less marketing by period."""
        return np.asarray(self.reward.sum(axis=(1, 2)) - self.spend.sum(axis=(1, 2, 3)))

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per period x group x stage: who, head counts seen and true, moves, purchases, money.

        ``to_new`` and the like count those who were seen in that stage a period later. Satisfaction, share of customer
        and employee points are those of the row's segment and tier, or of the firm.
        """
        import pandas as pd

        groups, stages, _ = self.targets.shape
        index = pd.MultiIndex.from_product([range(self.periods), range(groups), range(stages)])
        period, group, stage = (index.get_level_values(i).to_numpy() for i in range(3))
        place = {"periods": period, "instants": period, "groups": group, "stages": stage}
        columns: dict[str, object] = {
            "period": period,
            "segment": np.array(self.targets.segments)[group],
            "tier": np.array(self.targets.tiers)[group],
            "stage": np.array(self.targets.stages)[stage],
            "customers": self.customers[:-1].ravel(),
        }
        for name, own in self.recorded().items():
            if not own.column:
                continue
            values = getattr(self, name)[tuple(place[axis] for axis in own.axes if axis in place)]
            if values.ndim == 1:
                columns[own.column] = values
            else:
                names = _names(own.axes[-1], self.targets)
                columns |= {f"{own.column}_{each}": values[:, i] for i, each in enumerate(names)}
        return pd.DataFrame(columns)

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_frame` as CSV or Parquet, by the ending of ``path``; an older file stays until it is done.

        Raises
        ------
        InputError
            If the ending is neither .csv nor .parquet.
        FolderError
            If it cannot be written.
        """
        write_table(Path(path), self.to_frame())


class MeanHistory:
    """The mean of histories; they are added in their order, so the bits do not vary."""

    def __init__(self) -> None:
        self._first: History | None = None
        self._totals: dict[str, Any] = {}
        self._known: dict[str, Floats] = {}
        self._count = 0

    def add(self, history: History) -> None:
        """Take in one more history."""
        for name, own in history.recorded().items():
            value = getattr(history, name)
            value = np.stack(list(value.values()), axis=-1) if own.by_name else value
            if own.partly:
                known = (~np.isnan(value)).astype(float)
                self._known[name] = self._known[name] + known if self._count else known
                value = np.nan_to_num(value)
            self._totals[name] = self._totals[name] + value if self._count else value
        self._first = self._first or history
        self._count += 1

    def history(self) -> History:
        """Return the mean of those taken in."""
        assert self._first is not None
        means: dict[str, Any] = {name: total * (1 / self._count) for name, total in self._totals.items()}
        for name, number in self._known.items():
            nowhere = np.full(number.shape, np.nan)
            means[name] = np.divide(self._totals[name], number, out=nowhere, where=number > 0)
        kind = type(self._first)
        scalars = {name: means.pop(name) for name, own in kind.recorded().items() if not own.axes}
        return kind.of(self._first.targets, means, self._first.periods, **scalars)
