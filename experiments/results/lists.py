"""Lists of customers by name: who gets what under a plan, who is about to leave, who costs more than they bring.

Lists hold ids; of what is written besides only the base does, and the life of a customer that is asked for by its id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.results.shown import Shown, Table
from experiments.words.figures import counted, money
from sim.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sim.arrays import Flags, Floats
    from sim.contract import Targets
    from sim.outlook import Outlook
    from sim.twin import Twin

__all__ = ["LISTS", "CustomerList", "checked", "customer_list", "lots_below", "worth_winning"]

LISTS: Mapping[str, str] = {
    "targets": "who gets money in the period, and how much, the most first",
    "win back": "silent customers who have probably left, those who brought most first",
    "about to leave": "customers who are probably here and gone within a year, those who bring most first",
    "costs more than it brings": "customers worth less than nothing under the plan, or who brought less than nothing "
    "so far, the worst first",
    "worth winning": "people of a file who are no customers yet, those who would bring most first",
    "least worth winning": "the same people, the riskiest first",
    "quality changed": "customers of another class of cycle and amount than before the plan, the most money first",
    "everybody": "all customers of the base, those worth most first",
    "comes seldom": "customers who pay much and come seldom (silver A), with the likely cause, the most margin first",
    "may be served less": "customers who get less than today under the plan, the most saved first",
}
"""Lists by name, and who is on each."""
GOALS: Mapping[str, str] = {
    "awareness": "to know the firm", "acquisition": "to be won", "survival": "to stay",
    "purchase_rate": "to buy more often", "amount": "to buy for more", "preference": "to prefer the firm",
    "satisfaction": "to be satisfied", "links": "to be tied", "employee": "to be served well",
    "links_desk": "to be tied to the desk", "links_managers": "to be tied to managers",
    "links_experts": "to be tied to experts", "knowledge": "to be known to the firm",
    "cross_buying": "to buy in more categories", "club": "to join the club", "direct": "to buy direct",
    "reactivation": "to come back", "leaving": "to be let go", "annoyance": "at the price of annoying",
}  # fmt: skip
"""What money on a customer is for, by what it moves."""
TERMS: Mapping[str, str] = {"price": "off the price", "charge": "to be charged", "service": "to be served for"}
"""What is done with a customer, by what a lever's money is where no budget pays for it."""
LIKELY = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class CustomerList(Shown):
    """Customers by name, with what is known and expected of each.

    Attributes
    ----------
    name : str
        Which of :data:`LISTS`.
    period : int
        Counted from 0, as in plan files.
    frame : pandas.DataFrame
        One row a customer.
    planned : float
        The plan's money in the period, for everybody.
    beside : float
        Of that, for people who are no customers yet, and so not in any list.
    control : float
        Share held back by lot.
    currency : str
    """

    name: str
    period: int
    frame: pd.DataFrame
    planned: float
    beside: float
    control: float
    currency: str
    remarks: tuple[str, ...] = ()

    @property
    def listed(self) -> float:
        """Return the money of those on the list, those held back included."""
        return float(self.frame["money"].sum() + self.frame["held_back"].sum())

    def answer(self) -> str:
        """Return how many are on it, and how its money adds up to the plan's."""
        unit = f" {self.currency}".rstrip()
        lines = [f"{counted(len(self.frame), 'customer')}: {LISTS[self.name]}."]
        if self.name == "targets":
            beside = f", {money(self.beside)} more is for people who are no customers yet" if self.beside else ""
            lines.append(
                f"Period {self.period}: {money(self.listed)}{unit} of the plan's {money(self.planned)}{beside}."
            )
        terms = [
            f"{column} {money(float(self.frame[column].sum()))}{unit}"
            for column in self.frame.columns
            if column.partition(": ")[0] in TERMS and self.frame[column].any()
        ]
        if terms:
            held_too = ", those of who is held back too" if self.control else ""
            lines.append(f"Terms, which no budget pays for and no money counts{held_too}: {', '.join(terms)}.")
        if self.control and len(self.frame):
            held = self.frame["control"]
            paid = float(self.frame["held_back"].sum())
            lines.append(
                f"{int(held.sum()):,} of them ({held.mean():.1%}; each customer's own lot decides, "
                f"{self.control:.1%} on average) are held back as a control group"
                + (f", with {money(paid)}{unit}" if self.listed else "")
                + ": treat them as if there were no plan."
            )
        return "\n".join([*lines, *(f"- {note}" for note in self.remarks)])

    def sampled(self, number: int, seed: int) -> CustomerList:
        """Return a list of some of them by lot, a lot of its own beside that of the control group."""
        if number >= len(self.frame):
            return self
        lots = np.array([_lot(seed, f"sample\0{each}") for each in self.frame["customer_id"]])
        kept = self.frame.iloc[np.sort(np.argsort(lots, kind="stable")[:number])]
        some = replace(self, frame=kept.reset_index(drop=True))
        left = money(self.listed - some.listed)
        return replace(some, remarks=(
            *self.remarks,
            f"{number:,} of {len(self.frame):,} by lot; the others, with {left} {self.currency}".rstrip()
            + ", are not in the test and go on as they would without it",
        ))  # fmt: skip

    def shown_table(self) -> Table:
        """Return the list by segment and stage: no names."""
        rows = [
            [f"{segment}, {stage}", f"{len(part):,}", money(float((part["money"] + part["held_back"]).sum())),
             money(float(part["value" if "value" in part else "first_year_margin"].sum()))]
            for (segment, stage), part in self.frame.groupby(["segment", "stage"], sort=False)
        ]  # fmt: skip
        return ["segment and stage", "customers", "money", "worth"], rows

    def to_frame(self) -> pd.DataFrame:
        """Return the list, one row a customer."""
        return self.frame.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data about the list, without a name in it."""
        return {
            "list": self.name,
            "period": self.period,
            "customers": len(self.frame),
            "money": float(self.frame["money"].sum()),
            "held_back": float(self.frame["held_back"].sum()),
            "control": int(self.frame["control"].sum()),
            "control_asked": self.control,
            "planned": self.planned,
            "beside": self.beside,
            "columns": list(self.frame.columns),
            "notes": list(self.remarks),
        }

    def save(self, where: str | Path, *, table: str = "tenure_list", force: bool = False) -> None:
        """Write the list as CSV, Excel or Parquet by the ending, or as a table of a database by its URL.

        Raises
        ------
        FolderError
            If it cannot be written, or a table of that name is there (without ``force``).
        """
        from sim.purchases.write import write_rows

        write_rows(self.frame, where, table=table, force=force)


def customer_list(
    twin: Twin, found: Outlook, name: str, period: int, *, control: float = 0.0, seed: int = 0
) -> CustomerList:
    """Return one of the lists of an outlook.

    Raises
    ------
    InputError
        If there is no such list, or the control group is no share.
    """
    import pandas as pd

    name = checked(name, control)
    targets = twin.targets
    assert twin.base is not None  # of which the outlook is
    record = twin.base.read.record
    brought = record.purchases * record.mean_amount_all
    on, rank = _chosen(
        targets, found, brought, name, [targets.stages.index("declining"), targets.stages.index("lapsed")]
    )
    order = on[np.lexsort((on, -rank[on]))]
    ids = found.customer_id[order]
    held = lots_below(control, seed, ids)
    each = found.money[order]
    paid = targets.of_budget(each).sum(axis=1)
    kinds = ["money" if pays == "budget" else pays for pays in targets.pays or ("budget",) * len(targets.levers)]
    segments, stages = np.array(targets.segments), np.array(targets.stages)
    columns: dict[str, Any] = {
        "customer_id": ids,
        "segment": segments[found.group[order]],
        "class": np.array(targets.tiers)[found.group[order]],
        "stage": stages[found.stage[order]],
        "stage_then": stages[found.stage_then[order]],
        "p_alive": found.alive[order],
        "value": found.value[order],
        "margin_a_year": found.yearly[order],
        "brought": brought[order],
        **{name: each[order] for name, each in own_figures(twin).items()},
        "lever": _names(targets.levers, each),
        "money": np.where(held, 0.0, paid),
        "held_back": np.where(held, paid, 0.0),
        "control": held,
        "why": _why(twin, found, brought, order, name),
    }
    given = np.where(held[:, None] & targets.paid, 0.0, each)  # who is held back gets no lever's money
    columns |= {f"{kinds[k]}: {lever}": given[:, k] for k, lever in enumerate(targets.levers) if each[:, k].any()}
    return CustomerList(
        name, period, pd.DataFrame(columns), found.planned, found.beside, control, twin.scenario.currency
    )  # fmt: skip


def own_figures(twin: Twin) -> dict[str, Floats]:
    """Return by customer what its purchases alone tell: value two ways, its trend, and how much it varies.

    ``crv`` and ``posterior_value`` are margin over the same years, discounted: the verification value, as if everybody
    stayed at its pace, and as expected, leaving included. ``trend`` and ``volatility`` of what it pays by quarter are
    nan where it is not known for long enough.
    """
    from sim.customers.market_time import in_market_time
    from sim.customers.segment_laws import laws_of
    from sim.customers.segmentation import TIERS
    from sim.customers.worth import course_of, posterior_of, verification_of
    from sim.scenario.file import WEEKS_PER_PERIOD

    scenario, given, base = twin.scenario, twin.scenario.base, twin.base
    assert given is not None
    assert base is not None
    record = base.read.record
    laws = laws_of(given, base.group // len(TIERS), len(record))
    course, margin = course_of(base.read.source, record), twin.margin[base.group]
    if given.conditions:
        record = in_market_time(record, np.array(given.conditions), WEEKS_PER_PERIOD[scenario.period])
    return {
        "crv": verification_of(record, laws, scenario.discount_rate) * margin,
        "posterior_value": posterior_of(record, laws, scenario.discount_rate) * margin,
        "trend": course.trend, "volatility": course.volatility,
    }  # fmt: skip


def checked(name: str, control: float) -> str:
    """Return the name of a list.

    Raises
    ------
    InputError
        If there is no such list, or the control group is no share.
    """
    name = name.replace("-", " ")
    if name not in LISTS:
        raise InputError(f"`kind={name}`: expected one of {', '.join(LISTS)}")
    if not 0 <= control < 1:
        raise InputError(f"`control={control:g}`: expected a share from 0 to below 1, such as 0.1")
    return name


def worth_winning(
    twin: Twin,
    intensity: Floats,
    period: int,
    prospects: str | Path,
    *,
    control: float = 0.0,
    seed: int = 0,
    name: str = "worth winning",
) -> CustomerList:
    """Return people of a file who are no customers yet, those whose likes brought most first, or last.

    Where customers are among the people of the file, they tell who is won: what one is expected to bring is then the
    chance to win it, over the mean of all, times what it brings once won.

    Raises
    ------
    InputError
        As for :func:`sim.customers.worth_winning.likeness`.
    """
    import pandas as pd

    from sim.customers.prospect_quality import chances_of
    from sim.customers.worth_winning import likeness
    from sim.outlook import money_on_prospects
    from sim.purchases.base import CustomerBase

    given, base = twin.scenario.base, twin.base
    if given is None or base is None:
        raise InputError(f"{twin.scenario.name}: has no customer base, so nobody tells what people like them bring")
    purchases = CustomerBase.open(twin.scenario.folder / given.file)
    record = purchases.summarise(given.as_of)
    found = likeness(purchases, record, twin.margin[base.group], prospects)
    who, told, of_chance = chances_of(purchases, record, prospects)
    times = dict(zip(who, told.won / told.won.mean(), strict=True)) if told else {}
    chance = np.array([times.get(each, 1.0) for each in found.who])
    heads, each = money_on_prospects(twin, intensity, period)
    rank = found.worth * chance
    order = np.lexsort((np.array(found.who), -rank if name == "worth winning" else rank))
    held = lots_below(control, seed, [found.who[i] for i in order])
    spent = float(each.sum())
    frame = pd.DataFrame({
        "customer_id": [found.who[i] for i in order], "segment": "to be won", "stage": "prospect",
        "first_year_margin": found.worth[order], "times_the_chance": chance[order], "like": found.like[order],
        "lever": _names(twin.targets.levers, each[None])[0], "money": np.where(held, 0.0, spent),
        "held_back": np.where(held, spent, 0.0), "control": held,
        "why": [f"like {found.like[i]:,} customers with {found.why[i]}" for i in order],
    })  # fmt: skip
    notes = [*found.notes, *of_chance]
    notes.append(
        f"what customers left out of the fit brought in their first {found.days} days is told to {found.told:.0%} "
        f"of its variance, with a mean error of {money(found.error)}; the likes were won by themselves or by past money"
    )
    if round(heads) != len(frame):
        notes.append(f"the scenario counts {heads:,.0f} people to be won, this file {len(frame):,}")
    return CustomerList(name, period, frame, spent * len(frame), 0.0, control, twin.scenario.currency, tuple(notes))


def _chosen(
    targets: Targets, found: Outlook, brought: Floats, name: str, silent: list[int]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return who is on a list, and by what they are ranked."""
    spend = targets.of_budget(found.money).sum(axis=1)
    served = targets.paid | (np.array(targets.pays or ("budget",) * len(targets.levers)) == "service")
    saved = np.where(served, found.today - found.money, 0.0).sum(axis=1)
    gone, here = found.alive < LIKELY, found.alive >= LIKELY
    on, rank = {
        "targets": ((found.money > 0).any(axis=1), spend),
        "everybody": (np.ones(gone.size, dtype=bool), found.value),
        "win back": (np.isin(found.stage, silent) & gone, found.yearly),
        "about to leave": (here & (found.leaves > LIKELY), found.yearly),
        "costs more than it brings": ((found.value < 0) | (brought < 0), -np.minimum(found.value, brought)),
        "may be served less": (saved > 1e-9, saved),
    }[name]
    return np.flatnonzero(on), rank


def _names(levers: tuple[str, ...], each: np.ndarray[Any, Any]) -> list[str]:
    """Return the levers of each row, the most money first."""
    order = np.argsort(-each, axis=1, kind="stable")
    return [" + ".join(levers[k] for k in row if amounts[k] > 0) for row, amounts in zip(order, each, strict=True)]


def _why(twin: Twin, found: Outlook, brought: Floats, order: np.ndarray[Any, Any], name: str) -> list[str]:
    """Return in a few words why each is on the list."""
    if name == "win back":
        return [
            f"left with chance {1 - a:.0%}; brought {y:,.2f} a year"
            for a, y in zip(found.alive[order], found.yearly[order], strict=True)
        ]
    if name == "about to leave":
        return [
            f"gone within a year with chance {p:.0%}; brings {y:,.2f} a year"
            for p, y in zip(found.leaves[order], found.yearly[order], strict=True)
        ]
    if name == "costs more than it brings":
        return [
            f"brought {b:,.2f} so far" if b < 0 else f"worth {v:,.2f} with all that is spent"
            for v, b in zip(found.value[order], brought[order], strict=True)
        ]
    levers = twin.targets.levers
    moved = {
        lever: TERMS.get(each.pays) or " and ".join(GOALS[moves] for moves in each.moves)
        for lever, each in twin.scenario.levers.items()
    }
    out = []
    for plan, today in zip(found.money[order], found.today[order], strict=True):
        parts = [
            f"{moved[lever]} {plan[k]:,.2f}, today {today[k]:,.2f}"
            for k, lever in enumerate(levers)
            if plan[k] > 0 or (name == "may be served less" and today[k] > plan[k])
        ]
        out.append("; ".join(parts))
    return out


def lots_below(control: float, seed: int, ids: Iterable[Any]) -> Flags:
    """Return who is held back by lot."""
    return np.array([_lot(seed, str(each)) < control for each in ids], dtype=bool)


def _lot(seed: int, customer: str) -> float:
    """Return a customer's lot in 0..1: the same for the same seed, whoever else is on the list."""
    digest = hashlib.sha256(f"{seed}\0{customer}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64
