"""What a firm saw, from whatever file it has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.money.calendar import Calendar
from sim.errors import InputError

if TYPE_CHECKING:
    from optimizer.plan import Plan
    from sim.monitoring.seen import Seen
    from sim.purchases.base import CustomerBase
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["base_of", "costs_beside", "look"]


def look(twin: Twin, plan: Plan, actual: Path, through: date | int | str | None = None) -> tuple[Seen, tuple[str, ...]]:
    """Return what was seen and, a sentence each, what cannot be told from it.

    Raises
    ------
    InputError
        If the file is not there or not of this firm, or no whole period has passed.
    """
    from sim.monitoring.observed import is_counts, seen_in_counts

    through = _until(through) if isinstance(through, str) else through
    if not os.path.isfile(actual):
        raise InputError(f"{actual}: is not there; name a customer base, a file of purchases, or a table of counts")
    if is_counts(actual):
        if isinstance(through, date):
            raise InputError(f"`through={through}`: a table of counts has no days; say how many periods")
        seen = seen_in_counts(twin, actual, through)
        if not 0 < seen.periods <= twin.scenario.periods:
            raise InputError(f"{actual}: has {seen.periods} periods, expected 1 to {twin.scenario.periods}")
        return seen, _unsaid(twin)
    with base_of(actual) as base:
        return _of_base(twin, plan, base, through)


@contextmanager
def base_of(actual: Path) -> Iterator[CustomerBase]:
    """Yield a customer base, or one that is made of a file of purchases for the while.

    Raises
    ------
    InputError
        If the file is not there.
    """
    from sim.purchases.base import CustomerBase, is_base

    if not os.path.isfile(actual):
        raise InputError(f"{actual}: is not there; name a customer base or a file of purchases")
    if is_base(actual):
        yield CustomerBase.open(actual)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield CustomerBase.create(Path(folder) / "actual.duckdb", actual)


def _until(given: str) -> date | int:
    try:
        return int(given) if given.isdigit() and len(given) < 5 else date.fromisoformat(given)
    except ValueError:
        raise InputError(f"`through={given}`: expected a day such as 2025-06-30, or a number of periods") from None


def _of_base(twin: Twin, plan: Plan, actual: CustomerBase, through: date | int | None) -> tuple[Seen, tuple[str, ...]]:
    from sim.monitoring.observed import seen_in_purchases

    calendar = Calendar.of(twin.scenario)
    horizon, unit = twin.scenario.periods, twin.scenario.period
    days = [day for day in (calendar.day(t) for t in range(horizon + 1)) if day is not None]
    if isinstance(through, int):
        raise InputError(f"`through={through}`: expected a day such as 2025-06-30")
    last = actual.last_date if through is None else through
    if through is not None and through > actual.last_date:
        raise InputError(f"`through={through}`: the purchases run to {actual.last_date}")
    if not days:
        return seen_in_purchases(twin, actual, days, plan.intensity, plan.customers)
    passed = sum(end - timedelta(days=1) <= last for end in days[1:])
    if not passed:
        raise InputError(
            f"{actual.path.name}: no whole {unit} has passed: the plan begins on {days[0]}, its first {unit} ends on "
            f"{days[1] - timedelta(days=1)}, and the purchases count to {last}"
        )
    seen, of_people = seen_in_purchases(twin, actual, days[: passed + 1], plan.intensity, plan.customers)
    after = actual.query(
        f"SELECT count(*), coalesce(sum(amount), 0) FROM purchases WHERE date >= DATE '{days[passed]}'"
    )
    number, amount = after[1][0]
    said = [
        *of_people,
        "Purchases do not show what was spent: the plan's money is taken.",
        "They do not show prospects: their number is taken as planned.",
        "They do not show satisfaction, which needs surveys.",
    ]
    if number:
        said.append(
            f"{number:,} purchases ({float(amount):,.2f}) after {days[passed] - timedelta(days=1)} are left out."
        )
    if costs_beside(twin.scenario):
        said.append("Cost to serve is not in what was earned.")
    return seen, tuple(said)


def costs_beside(scenario: Scenario) -> bool:
    """Return whether customers cost to serve, in a segment or in all, in rewards of a club or in employees replaced."""
    stated = (scenario.cost_to_serve, *(each.cost_to_serve for each in scenario.segments.values()))
    served = any(each is not None and (each.per_customer or each.per_purchase) for each in stated)
    leavers = scenario.employees.turnover if scenario.employees else None
    return bool(served or (scenario.club and any(scenario.club.reward)) or (leavers and leavers.cost))


def _unsaid(twin: Twin) -> tuple[str, ...]:
    return () if twin.scenario.survey else ("There is no survey, so that satisfaction is not watched.",)
