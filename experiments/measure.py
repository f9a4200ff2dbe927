"""What each measure brought: those who got money against the control group drawn from the same list by lot.

A measure is what a list names in its column ``lever``: a lever, or several that the same customers get. Of everyone on
the list it is counted how often and for how much they bought in the periods after. With ``m`` the margin, ``y`` the
money a head bought for, 1 those treated and 0 the control group, and no other difference between them than the lot::

    brings = m (mean y_1 - mean y_0),    error^2 = m^2 (var y_1/n_1 + var y_0/n_0)

whose 95 % interval is of Student's law (:mod:`sim.differences`), as a control group may be a few. What it cost is the
money that the list gives those treated. What it brings later, as those who stay do, is not in it. All segments together
are weighed by those treated in each, and have of each side the degrees of freedom that their spreads have together
(Satterthwaite 1946). In an arm where all did alike, as where nobody bought, the spread is that of both arms.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.look import base_of
from optimizer.money.calendar import Calendar
from sim.arrays import Flags, Floats
from sim.differences import Mean, between_means, variances
from sim.errors import InputError, TenureError, first_line
from sim.reading import check_workbook, read_table, sheet_rows

if TYPE_CHECKING:
    import pandas as pd

    from sim.twin import Twin

__all__ = ["ALL", "Effect", "Measured", "measure", "write_evidence"]

ALL = "all"
NAMES = ("customer_id", "segment", "lever")
NEEDED = (*NAMES, "money", "held_back", "control")
HELD, TREATED = ("true", "1", "1.0"), ("false", "0", "0.0")
"""How a list's column ``control`` may be written once other programs have saved it."""
FEWEST = 2
"""In each arm, below which there is no spread to take an error from."""
TELLS = {"purchase_rate": "purchases", "acquisition": "bought"}
"""Effects that an outcome shows as it is: purchases a head, and whether a prospect bought."""


@dataclass(frozen=True)
class Effect:
    """What a measure brought in a segment, or in all; money a head unless it says otherwise.

    Attributes
    ----------
    measure, segment : str
    treated, control : int
    bought, bought_without : float
        Share who bought in the time, treated and control.
    purchases, purchases_without : float
        Days with a purchase.
    paid, paid_without : float
    brings, low, high : float
        Margin that it brought, nan without a control group, with its 95 % interval, nan where nobody bought.
    spent : float
    verdict : str
        ``paid``, ``lost``, ``worked``, ``harmed``, ``open`` or ``no control group``.
    """

    measure: str
    segment: str
    treated: int
    control: int
    bought: float
    bought_without: float
    purchases: float
    purchases_without: float
    paid: float
    paid_without: float
    brings: float
    low: float
    high: float
    spent: float
    verdict: str

    @property
    def a_unit(self) -> float:
        """Return margin brought by unit of money."""
        return self.brings / self.spent if self.spent > 0 else float("nan")

    @property
    def net(self) -> float:
        """Return what all who were treated brought, less what was spent on them."""
        return (self.brings - self.spent) * self.treated


@dataclass(frozen=True, eq=False)
class Measured:
    """What was planned, what came, and what each measure brought.

    Attributes
    ----------
    first, last : date
        Days that count, the last one included.
    periods : int
    effects : tuple of Effect
        By measure: all segments together, then each.
    outcome : tuple of (segment, planned, came)
        Money of the customers of the base, by segment; nothing where none was planned for.
    evidence : tuple of dict
        Rows that :func:`sim.responses.learn` takes.
    notes : tuple of str
    """

    first: date
    last: date
    periods: int
    effects: tuple[Effect, ...]
    outcome: tuple[tuple[str, float, float], ...]
    evidence: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]


def measure(twin: Twin, plan: Floats, lists: Sequence[Path], actual: Path, *, period: int, periods: int) -> Measured:
    """Return what the lists' measures brought.

    Parameters
    ----------
    plan : (periods, groups, stages, levers)
        Intensities that the lists were made from.
    lists
        Files as :meth:`tenure.Firm.customer_list` writes them.
    actual
        A customer base or a file of purchases.
    period, periods
        The lists' period, from 0, and over how many what came is counted.

    Raises
    ------
    InputError
        If a list lacks columns or names a segment that there is not, or the time has not passed.
    """
    first, end = _days(twin, period, periods)
    frame = _listed(lists)
    unknown = sorted({*frame["segment"]} - {*twin.targets.segments, "to be won"})
    if unknown:
        raise InputError(f"{lists[0]}: segment '{unknown[0]}' is not of the scenario; it has other customers")
    with base_of(actual) as base:
        if base.last_date.toordinal() < end.toordinal() - 1:
            raise InputError(
                f"{actual}: runs to {base.last_date}, and what came is counted from {first} to "
                f"{date.fromordinal(end.toordinal() - 1)}; wait, or count fewer `periods=`"
            )
        came = {
            str(who): (float(days), float(paid))
            for who, days, paid in base.query(
                "SELECT customer_id, count(DISTINCT date), CAST(sum(amount) AS DOUBLE) FROM purchases WHERE "
                f"date >= DATE '{first}' AND date < DATE '{end}' GROUP BY customer_id"
            )[1]
        }
        known = {str(who) for (who,) in base.query("SELECT DISTINCT customer_id FROM purchases")[1]}
    found = [came.get(str(who), (0.0, 0.0)) for who in frame["customer_id"]]
    purchases, paid = (np.array([each[i] for each in found]) for i in (0, 1))
    margin = np.array([_margin(twin, segment) for segment in frame["segment"]])
    effects, evidence, notes = [], [], _refuse_strangers(frame, known, actual)
    for name in dict.fromkeys(frame["lever"]):
        mine = (frame["lever"] == name).to_numpy()
        for segment in (ALL, *dict.fromkeys(frame["segment"][mine])):
            inside = mine if segment == ALL else mine & (frame["segment"] == segment).to_numpy()
            effects.append(_effect(name, segment, frame, inside, purchases, paid, margin))
        notes += _left_out(name, frame, mine)
        rows, said = _evidence(twin, name, frame, mine, purchases, periods)
        evidence += rows
        notes += said
    if not frame["control"].any():
        notes.append("nobody was held back: what would have come by itself is not known; tenure list --control 0.1")
    return Measured(
        first, date.fromordinal(end.toordinal() - 1), periods, tuple(effects),
        _outcome(twin, plan, frame, paid, period, periods), tuple(evidence), tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _days(twin: Twin, period: int, periods: int) -> tuple[date, date]:
    calendar = Calendar.of(twin.scenario)
    if not 0 <= period < period + periods <= twin.scenario.periods:
        raise InputError(
            f"`period={period}`: expected it and `periods={periods}` within the horizon of {twin.scenario.periods}"
        )
    first, end = calendar.day(period), calendar.day(period + periods)
    if first is None or end is None:
        raise InputError(f"{twin.scenario.name}: has no first day, so no purchase falls into a period; state first_day")
    return first, end


def _listed(lists: Sequence[Path]) -> pd.DataFrame:
    """Return the rows of all lists that get or would get money."""
    import pandas as pd

    parts = []
    for path in lists:
        if not os.path.isfile(path):
            raise InputError(f"{path}: is not there; name a file that tenure list wrote")
        try:
            if path.suffix == ".parquet":
                part = pd.read_parquet(path)
            elif path.suffix == ".xlsx":
                part = _sheet(path)
            else:
                part = read_table(path, NAMES)
        except TenureError:
            raise
        except Exception as error:  # readers of tables raise what they meet
            raise InputError(f"{path}: cannot be read as a list: {first_line(error)}") from None
        lacking = [name for name in NEEDED if name not in part]
        if lacking:
            raise InputError(f"{path}: lacks the column '{lacking[0]}'; expected a file that tenure list wrote")
        for name in ("money", "held_back"):
            amount = pd.to_numeric(part[name], errors="coerce")
            _refuse(path, part, name, ~np.isfinite(amount) | (amount < 0), "money of at least 0")
            part[name] = amount
        for name in NAMES:
            blank = part[name].isna() | (part[name] == "")
            _refuse(path, part, name, blank & (part["money"] + part["held_back"] > 0), "a name")
        part["customer_id"] = part["customer_id"].astype(str)
        said = part["control"].astype(str).str.strip().str.lower()
        _refuse(path, part, "control", ~said.isin([*HELD, *TREATED]), "True or False")
        part["control"] = said.isin(HELD)
        parts.append(part[part["money"] + part["held_back"] > 0])
    frame = pd.concat(parts, ignore_index=True)
    twice = frame["customer_id"][frame.duplicated(["customer_id", "lever"])]
    if len(twice):
        raise InputError(
            f"{lists[-1]}: customer '{twice.iloc[0]}' is listed twice for one measure; give lists of one period"
        )
    if not len(frame):
        raise InputError(f"{lists[0]}: nobody on it gets money, so there is nothing to measure")
    return frame


def _sheet(path: Path) -> pd.DataFrame:
    """Return the first sheet of a workbook; an id that a spreadsheet made a number is written as it was."""
    import pandas as pd
    from openpyxl import load_workbook

    check_workbook(path)
    with closing(load_workbook(path, read_only=True, data_only=True)) as book:
        header, *rows = sheet_rows(book.worksheets[0])
    part = pd.DataFrame([row + (None,) * (len(header) - len(row)) for row in rows if row], columns=header)
    if "customer_id" in part:
        part["customer_id"] = [
            f"{each:.0f}" if isinstance(each, float) and each.is_integer() else each for each in part["customer_id"]
        ]
    return part


def _refuse(path: Path, part: pd.DataFrame, name: str, wrong: pd.Series, expected: str) -> None:
    """Raise for the first row whose value in a column cannot be used."""
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        given = part[name].iloc[at]
        got = "nothing" if given is None or given != given or given == "" else repr(str(given))
        raise InputError(f"{path}, row {at + 2}: column '{name}': expected {expected}, got {got}")


def _refuse_strangers(frame: pd.DataFrame, known: set[str], actual: Path) -> list[str]:
    """Return how many listed customers never bought, who are to have; raise where that is all of them."""
    ids = frame["customer_id"][frame["segment"] != "to be won"]
    strangers = ids[~ids.isin(known)].drop_duplicates()
    if not len(strangers):
        return []
    if len(strangers) == ids.nunique():
        raise InputError(
            f"{actual}: none of the {len(strangers):,} listed customers ever bought there, as '{strangers.iloc[0]}'; "
            "give the purchases of the customers on the list, with ids as the list has them"
        )
    return [
        f"{len(strangers):,} of {ids.nunique():,} listed customers have no purchase in {actual.name} at any time, as "
        f"'{strangers.iloc[0]}': counted as buying nothing; look whether ids are written alike"
    ]


def _margin(twin: Twin, segment: str) -> float:
    at = twin.targets.segments.index(segment) if segment in twin.targets.segments else -1
    return float(twin.margin[at]) if at >= 0 else float(twin.scenario.margin)


def _effect(
    name: str, segment: str, frame: pd.DataFrame, inside: Flags, purchases: Floats, paid: Floats, margin: Floats
) -> Effect:
    held = frame["control"].to_numpy()
    treated, control = inside & ~held, inside & held
    mean = {
        which: [_mean(each[arm]) for each in (purchases > 0, purchases, paid)]
        for which, arm in (("with", treated), ("without", control))
    }
    spent = _mean(frame["money"].to_numpy()[treated])
    brings, low, high = _difference(frame, treated, control, margin * paid, whole=segment == ALL)
    one, two = mean["with"], mean["without"]
    return Effect(
        name, segment, int(treated.sum()), int(control.sum()), one[0], two[0], one[1], two[1], one[2], two[2],
        brings, low, high, spent, _verdict(low, high, spent) if control.any() else "no control group",
    )  # fmt: skip


def _left_out(name: str, frame: pd.DataFrame, mine: Flags) -> list[str]:
    """Return which segments have too few in an arm to be in the whole."""
    held, few = frame["control"].to_numpy(), []
    segments = list(dict.fromkeys(frame["segment"][mine]))
    for segment in segments:
        inside = mine & (frame["segment"] == segment).to_numpy()
        treated, control = int((inside & ~held).sum()), int((inside & held).sum())
        if min(treated, control) < FEWEST and held[mine].any():
            few.append(f"{name}, {segment}: {treated:,} treated and {control:,} held back are too few to compare")
    alike = ": in 'all' they are taken to be like the others" if len(few) < len(segments) else ""
    return [each + alike for each in few]


def _difference(
    frame: pd.DataFrame, treated: Flags, control: Flags, worth: Floats, *, whole: bool
) -> tuple[float, float, float]:
    """Return the mean difference a head, of segments weighed by those treated, and its limits; nan: nobody bought."""
    segment = frame["segment"].to_numpy()
    most = float(np.abs(worth[treated | control]).max(initial=0.0))
    rows = []
    for part in dict.fromkeys(segment[treated | control]) if whole else [None]:
        here = np.ones(segment.size, dtype=bool) if part is None else segment == part
        arms = worth[treated & here], worth[control & here]
        heads = np.array([each.size for each in arms])
        if heads.min() >= FEWEST:
            spread = variances(np.concatenate(arms), np.repeat([0, 1], heads), most)
            rows.append((heads, np.array([each.mean() for each in arms]), spread / heads))
    if not rows:
        return (float("nan"),) * 3
    heads, means, errors = (np.array(each) for each in zip(*rows, strict=True))  # (segments, arms)
    weight = heads[:, :1] / heads[:, 0].sum()
    errors = weight**2 * errors
    variance = errors.sum(axis=0)
    if not variance.all():
        return float(weight[:, 0] @ (means[:, 0] - means[:, 1])), float("nan"), float("nan")
    free = variance**2 / (errors**2 / (heads - 1)).sum(axis=0)
    one, two = (Mean(*map(float, each)) for each in zip((weight * means).sum(axis=0), variance, free, strict=True))
    return one.value - two.value, *between_means(one, two)


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")


def _verdict(low: float, high: float, spent: float) -> str:
    if np.isnan(low):
        return "open"
    if low > spent:
        return "paid"
    if high < 0:
        return "harmed"
    if high < spent:
        return "lost"
    return "worked" if low > 0 else "open"


def _outcome(
    twin: Twin, plan: Floats, frame: pd.DataFrame, paid: Floats, period: int, periods: int
) -> tuple[tuple[str, float, float], ...]:
    """Return money planned of those on the list and what came, by segment; customers of the base alone.

    Planned is what the segment was to pay in the time, by heads: the list may hold a part of it.
    """
    from sim.engine.fluid import expected_history

    if twin.base is None:
        return ()
    history = expected_history(twin.chain, twin.targets.with_committed(plan))
    heads = history.customers[period].sum(axis=1)
    money = history.revenue[period : period + periods].sum(axis=(0, 2))
    out, once = [], ~frame.duplicated("customer_id").to_numpy()  # who is on several lists is one customer
    for name in dict.fromkeys(frame["segment"]):
        groups = [
            g for g, each in enumerate(twin.targets.segments) if each == name and twin.targets.tiers[g] != "unknown"
        ]
        if groups and heads[groups].sum() > 0:
            here = once & (frame["segment"] == name).to_numpy()
            share = here.sum() / heads[groups].sum()
            out.append((str(name), float(share * money[groups].sum()), float(paid[here].sum())))
    return tuple(out)


def _evidence(
    twin: Twin, name: str, frame: pd.DataFrame, mine: Flags, purchases: Floats, periods: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return rows of evidence on the lever's curve, and why there are none."""
    lever = twin.scenario.levers.get(name)
    if lever is None:
        return [], [f"{name}: several levers at once: what each of them did cannot be told apart, so no curve is moved"]
    effects = [moves for moves in lever.moves if moves in TELLS]
    rest = [moves for moves in lever.moves if moves not in TELLS]
    said = [f"{name}: what it does to {', '.join(rest)} is not seen in purchases alone: that curve stays"] * bool(rest)
    rows: list[dict[str, Any]] = []
    held = frame["control"].to_numpy()
    if not effects or not (mine & held).any():
        return [], said
    money = frame["money"].to_numpy()
    for segment in dict.fromkeys(frame["segment"][mine]):
        inside = mine & (frame["segment"] == segment).to_numpy()
        if min((inside & held).sum(), (inside & ~held).sum()) < FEWEST:
            continue
        dose = float(f"{money[inside & ~held].mean():.6g}")
        for moves in effects:
            for at in np.flatnonzero(inside).tolist():
                outcome = purchases[at] if moves == "purchase_rate" else float(purchases[at] > 0)
                rows.append({
                    "lever": name, "moves": moves, "segment": segment if segment in twin.targets.segments else "",
                    "spend": 0.0 if held[at] else dose, "customers": 1, "periods": periods, "outcome": outcome,
                })  # fmt: skip
    return rows, said


def write_evidence(found: Measured, path: Path) -> None:
    """Write the rows that a curve can be learned from."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        names = ["lever", "moves", "segment", "spend", "customers", "periods", "outcome"]
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(found.evidence)
