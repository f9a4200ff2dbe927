"""What is answered: intensities by period, target and lever, with what they are worth and what the best could be."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.as_made import figures_of
from optimizer.money.calendar import Calendar
from optimizer.money.sheets import Lines
from optimizer.plan_files import KEYS, SEALED, Stored, Tables, check_rows, read_plan, write_plan
from optimizer.prices import PriceRange
from optimizer.proof import LiftProof, Proof, SpendProof
from sim.arrays import Flags, Floats
from sim.contract import Targets
from sim.errors import FolderError, InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "readable", "scenario_file_of"]


NO_CUSTOMERS = ("unaware", "prospect")
"""Stages of those who have not bought yet."""
MOST = 1e12
"""Largest intensity that is read: beyond it sums of money lose their digits."""
OLD_LEAST_MONEY = "thrift"
"""What files of before called the goal ``least_money``."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A plan a firm can carry out, with its proof. Money in the scenario's currency, values in the fluid twin.

    Attributes
    ----------
    scenario, scenario_hash : str
        What it was made for.
    targets : Targets
    intensity : (periods, groups, stages, levers)
        Money per observed customer.
    customers : (periods, groups, stages)
        Head counts expected under the plan.
    budget : float
    asset : float
        Customer asset.
    proof : LiftProof or SpendProof
        What is proved about it: how much of the possible lift it holds, or how much of its money any plan needs.
    prices : dict
        Of the rules that bind, d(asset)/d(limit), all together: the prices by which the plan is the best; of a plan
        for the least money, money by unit of a limit, negative where it costs.
    shadow_price : float
        d(asset)/d(budget) as the budget grows, rules stated as shares moving along.
    price_ranges : dict of PriceRange
        What each limit moved by itself is worth to both sides, by rule, and how far that holds: the budget with rules
        stated as shares of it.
    targeting : str
        What it tells apart: ``segment``, ``stage`` or ``state``.
    goal : str
        ``asset``: the most for the money; ``least_money`` for what was asked; ``robust``: the best mix of mean and
        tail over samples of what is not known, by which its prices are.
    status : str
        ``feasible``, or by how much the plan misses a rule; how near the best it is, the gap says.
    termination : str
        Why the search for plan and bound stopped.
    seconds : dict
        Time by step.
    fixed_costs : float
        Of the campaigns that are run, discounted; not taken off the asset.
    scenario_file : str, optional
        The scenario's file as seen from the working folder; files that hold plans state it as seen from theirs.
    calendar : Calendar, optional
        Names of its periods; None: months, counted.
    today : (periods, groups, stages, levers), optional
        Expected money as today, beside which Excel files show the plan's.
    """

    scenario: str
    scenario_hash: str
    targets: Targets
    intensity: Floats
    customers: Floats
    budget: float
    asset: float
    proof: Proof
    prices: dict[str, float]
    shadow_price: float
    status: str
    termination: str
    targeting: str = "state"
    goal: str = "asset"
    seconds: dict[str, float] = field(default_factory=dict)
    fixed_costs: float = 0.0
    price_ranges: dict[str, PriceRange] = field(default_factory=dict)
    scenario_file: str | None = None
    calendar: Calendar | None = None
    today: Floats | None = None

    @property
    def moved(self) -> Floats:
        """Return the money expected to go through levers, terms included, (periods, groups, stages, levers)."""
        return np.asarray(self.intensity * self.customers[..., None])

    @property
    def spend(self) -> Floats:
        """Return expected marketing money by (periods, groups, stages, levers)."""
        return self.targets.of_budget(self.moved)

    @property
    def no_spend(self) -> float:
        """Return the customer asset of the least spend that the rules allow."""
        return self.proof.no_spend

    @property
    def bound(self) -> float:
        """Return the customer asset that no plan exceeds; nan where nothing of a lift is proved."""
        return self.proof.bound if isinstance(self.proof, LiftProof) else float("nan")

    @property
    def reference(self) -> float:
        """Return the customer asset of the best with full information; nan where nothing of a lift is proved."""
        return self.proof.reference if isinstance(self.proof, LiftProof) else float("nan")

    @property
    def lift_share(self) -> float:
        """Return the share of the possible lift that the plan holds; nan where nothing of a lift is proved."""
        return self.proof.lift_share if isinstance(self.proof, LiftProof) else float("nan")

    @property
    def gap(self) -> float:
        """Return ``1 - lift_share``: how much of the possible lift the plan may lack."""
        return 1 - self.lift_share

    @property
    def least_money(self) -> float:
        """Return the money without which no plan reaches what was asked; nan where nothing of a spend is proved."""
        return self.proof.least_money if isinstance(self.proof, SpendProof) else float("nan")

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per period x target x lever with money: names, intensity, customers, spend."""
        out = []
        for t, g, s, k in np.argwhere(self.moved > 0).tolist():
            out.append(
                {
                    "period": t,
                    "target": self.targets.name(g, s),
                    "segment": self.targets.segments[g],
                    "tier": self.targets.tiers[g],
                    "stage": self.targets.stages[s],
                    "lever": self.targets.levers[k],
                    "intensity": float(self.intensity[t, g, s, k]),
                    "customers": float(self.customers[t, g, s]),
                    "spend": float(self.intensity[t, g, s, k] * self.customers[t, g, s]),
                }
            )
        return out

    def to_frame(self) -> "pd.DataFrame":
        """Return :meth:`rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def by_segment_and_lever(self) -> tuple[list[str], list[str], Floats]:
        """Return segments, levers and expected marketing money over the horizon, (segments, levers)."""
        return self._by_segment(self.targets.paid)

    def terms_by_segment(self) -> tuple[list[str], list[str], Floats]:
        """Return the same of terms, levers that no budget pays for, whose names say what their money is.

        On customers as the firm sees them: prospects pay nothing before they are won.
        """
        segments, levers, money = self._by_segment(~self.targets.paid, np.isin(self.targets.stages, NO_CUSTOMERS))
        kinds = [self.targets.pays[self.targets.levers.index(lever)] for lever in levers]
        return segments, [f"{lever} ({kind})" for lever, kind in zip(levers, kinds, strict=True)], money

    def _by_segment(self, which: Flags, without: Flags | None = None) -> tuple[list[str], list[str], Floats]:
        moved = self.moved if without is None else np.where(without[:, None], 0.0, self.moved)
        segments, levers, money = self.targets.by_segment(moved)
        return segments, [lever for lever, wanted in zip(levers, which, strict=True) if wanted], money[:, which]

    def content(self, folder: Path | None = None) -> dict[str, Any]:
        """Return what a file in ``folder`` holds, by the keys of :data:`~optimizer.plan_files.KEYS`.

        What is not known, or is no figure of this kind of plan, is None.
        """
        known = {
            **self.proof.facts(),
            "bound_assumes": self.proof.assumes,
            "scenario_file": _seen_from(folder, self.scenario_file),
            "periods": int(self.intensity.shape[0]),
            "plan": self.rows(),
            "price_ranges": {name: each.facts() for name, each in self.price_ranges.items()},
        }
        content = {name: known[name] if name in known else getattr(self, name, None) for name in KEYS}
        content = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in content.items()}
        return {**content, "as_made": figures_of(content, SEALED)}

    def to_json(self, folder: Path | None = None) -> str:
        """Return the plan as JSON text, for a file in ``folder``; numbers that are not are null."""
        return json.dumps(self.content(folder), indent=1)

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON, CSV or Excel, by the ending of ``path``; an older file stays until it is done.

        Raises
        ------
        InputError
            If the ending is none of .json, .csv and .xlsx.
        FolderError
            If it cannot be written.
        """
        path = Path(path)
        write_plan(path, self.content(path.parent), self._tables())

    def lines(self, by: str | None = None) -> Lines:
        """Return expected money by segment, lever and stretch of time, as people plan it or ``by`` month, year, ..."""
        calendar = self.calendar or Calendar(len(self.intensity))
        return Lines.of(self.targets, self.moved, calendar.stretches(by or calendar.planned_by))

    def _tables(self) -> Tables:
        money, calendar = self.lines(), self.calendar or Calendar(len(self.intensity))
        today = None if self.today is None else Lines.of(self.targets, self.today, money.stretches)
        return Tables(money, today, self.targets.levers, calendar)

    @staticmethod
    def load(path: str | Path, targets: Targets, periods: int) -> "Plan":
        """Return a saved plan, its names matched to ``targets``; ``customers`` are known only where money goes.

        They are nan there if the file does not have them.

        CSV files hold the rows alone: figures are nan, texts empty, and the targeting the finest. Of an Excel file
        this is the sheet of rows; :func:`optimizer.load.load` uses what was changed in the sheets of money.

        Raises
        ------
        InputError
            If the file is not a plan, or names a segment, tier, stage, lever or period that is not there.
        """
        path = Path(path)
        with readable(path):
            stored = read_plan(path)
            content = stored.content
            made_for = periods if path.suffix == ".csv" else int(content["periods"])
            if made_for != periods:
                raise InputError(
                    f"{path}: made for {made_for} periods, the scenario has {periods}; make the plan again"
                )
            intensity, customers = _placed(path, stored, targets, periods)
            _check_intensity(path, stored, intensity, targets)
            check_rows(path, stored, targets)
            _hold(path, stored, intensity, targets)
            texts = ("scenario", "scenario_hash", "status", "termination")
            named: dict[str, Any] = {name: str(content.get(name) or "") for name in texts}
            goal = str(content.get("goal") or "asset")
            plan = Plan(
                targets=targets,
                intensity=intensity,
                customers=customers,
                budget=_number(content, "budget"),
                asset=_number(content, "asset"),
                proof=LiftProof(_number(content, "asset"), float("nan")),
                prices=dict(content.get("prices") or {}),
                shadow_price=_number(content, "shadow_price"),
                targeting=str(content.get("targeting") or "state"),
                goal="least_money" if goal == OLD_LEAST_MONEY else goal,
                price_ranges={name: PriceRange.of(each) for name, each in (content.get("price_ranges") or {}).items()},
                fixed_costs=float(content.get("fixed_costs") or 0.0),
                seconds=dict(content.get("seconds") or {}),
                scenario_file=_seen_from_here(path, stored),
                **named,
            )
            return replace(plan, proof=_proof_of(content, plan))


def scenario_file_of(path: str | Path) -> str | None:
    """Return the scenario file that a plan's file names, as seen from the working folder; None where it names none.

    Raises
    ------
    InputError
        If the file is not a plan.
    """
    path = Path(path)
    with readable(path):
        if path.suffix == ".csv":
            path.read_text(encoding="utf-8-sig")
            return None
        return _seen_from_here(path, read_plan(path))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be read as a plan."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such plan; make one with `tenure optimize`") from None
    except OSError as error:
        raise FolderError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OverflowError):
        raise InputError(
            f"{path}: is not a plan made by `tenure optimize`, nor a table of money (segment, lever, quarter, spend)"
        ) from None


def _number(content: dict[str, Any], name: str) -> float:
    """Return a figure that a file may not know."""
    return float("nan") if content.get(name) is None else float(content[name])


def _proof_of(content: dict[str, Any], plan: Plan) -> Proof:
    """Return what a file says was proved."""
    no_spend, assumes = _number(content, "no_spend"), str(content.get("bound_assumes") or "")
    if plan.goal != "least_money":
        return LiftProof(plan.asset, no_spend, _number(content, "bound"), _number(content, "reference"), assumes)
    old = content["goal"] == OLD_LEAST_MONEY  # then money stood under the keys of an asset
    least, reference = ("bound", "reference") if old else ("least_money", "least_money_reference")
    spend = float(np.nansum(plan.spend))
    return SpendProof(spend, no_spend, _number(content, least), _number(content, reference), assumes)


def _seen_from_here(path: Path, stored: Stored) -> str | None:
    known = stored.content.get("scenario_file")
    return None if not known else os.path.normpath(path.parent / str(known))


def _seen_from(folder: Path | None, file: str | None) -> str | None:
    """Return a file's path as seen from a folder, where there is a way from one to the other."""
    if file is None or folder is None:
        return file
    try:
        return Path(os.path.relpath(Path(file).resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive
        return Path(file).resolve().as_posix()


def _placed(path: Path, stored: Stored, targets: Targets, periods: int) -> tuple[Floats, Floats]:
    """Return intensities and customers in arrays, each row at the place that its names say."""
    shape = (periods, *targets.shape)
    intensity, customers = np.zeros(shape), np.zeros(shape[:-1])
    groups = {key: g for g, key in enumerate(zip(targets.segments, targets.tiers, strict=True))}
    seen: dict[tuple[int, ...], int] = {}
    for i, row in enumerate(stored.content["plan"]):
        try:
            group = groups[row["segment"], row["tier"]]
            at = (range(periods).index(row["period"]), group, targets.stages.index(row["stage"]))
            lever = targets.levers.index(row["lever"])
        except (KeyError, ValueError):
            where = ", ".join(f"{k} {row.get(k)}" for k in ("period", "segment", "tier", "stage", "lever"))
            raise InputError(
                f"{path}: {stored.place(i)} has no place in this scenario: {where}; was it made for another one?"
            ) from None
        first = seen.setdefault((*at, lever), i)
        if first != i:
            raise InputError(
                f"{path}: {stored.place(i)} is for the same period, target and lever as {stored.place(first)}; leave "
                "one of them out"
            )
        intensity[(*at, lever)] = float(row["intensity"])
        customers[at] = float(row.get("customers", "nan"))
    return intensity, customers


def _check_intensity(path: Path, stored: Stored, intensity: Floats, targets: Targets) -> None:
    for i, row in enumerate(stored.content["plan"]):
        given = float(row["intensity"])
        if not 0 <= given <= MOST:
            raise InputError(
                f"{path}: {stored.place(i)}: intensity {given:g}; expected a number of at least 0 and at most {MOST:g}"
            )
    forbidden = (intensity > 0) & ~targets.allowed
    if forbidden.any():
        _, group, stage, lever = (int(i) for i in np.argwhere(forbidden)[0])
        raise InputError(
            f"{path}: puts money of '{targets.levers[lever]}' on '{targets.name(group, stage)}', which is not "
            "among the lever's targets"
        )


def _hold(path: Path, stored: Stored, intensity: Floats, targets: Targets) -> None:
    """Refuse what cannot be played as it is written: money committed otherwise, campaigns that change on their way.

    Rows are left out where nobody is expected; a campaign runs there as in its other periods.
    """
    rows: dict[tuple[int, int, int, int], int] = {}
    order = {key: g for g, key in enumerate(zip(targets.segments, targets.tiers, strict=True))}
    for i, row in enumerate(stored.content["plan"]):
        place = (
            order[row["segment"], row["tier"]],
            targets.stages.index(row["stage"]),
            targets.levers.index(row["lever"]),
        )
        rows[(int(row["period"]), *place)] = i
    for (t, g, s, k), i in rows.items():
        if (
            t < targets.lead[k]
            and abs(intensity[t, g, s, k] - targets.committed[g, s, k]) > 1e-6 * intensity[t, g, s, k]
        ):
            raise InputError(
                f"{path}: {stored.place(i)}: intensity {intensity[t, g, s, k]:,.6g}, but what acts in period {t} was "
                f"committed before the start, {targets.committed[g, s, k]:,.6g}; state another `committed:` in the "
                "scenario"
            )
    for k, duration in enumerate(targets.duration):
        for window in targets.windows(k, len(intensity)) if duration > 1 else ():
            for g, s in np.argwhere(intensity[window, :, :, k].any(axis=0)).tolist():
                mine = [t for t in range(window.start, window.stop) if (t, g, s, k) in rows]
                first, held = mine[0], intensity[mine[0], g, s, k]
                for t in mine:
                    if abs(intensity[t, g, s, k] - held) > 1e-6 * held:
                        raise InputError(
                            f"{path}: {stored.place(rows[t, g, s, k])}: intensity {intensity[t, g, s, k]:,.6g}, but "
                            f"'{targets.levers[k]}' runs unchanged in periods {window.start} to {window.stop - 1}, "
                            f"with {held:,.6g} in {stored.place(rows[first, g, s, k])}; give both the same"
                        )
                intensity[window, g, s, k] = held
