"""The time of a plan: which periods a quarter, a month, a year or a date stands for.

Stretches are counted from the start of the horizon ("quarter 3"), or named by the calendar ("2025-Q3") where it is
known on which day the first period begins. A period belongs to the stretch in which it begins.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sim.errors import InputError
from sim.scenario.file import PERIODS_PER_YEAR, Scenario

__all__ = ["UNITS", "Calendar", "Stretch"]

PER_YEAR = {**PERIODS_PER_YEAR, "half": 2.0}
UNITS = ("week", "month", "quarter", "half", "year")
"""Stretches of time, the shortest first."""
SHORT = {"w": "week", "m": "month", "q": "quarter", "h": "half", "y": "year"}
MONTHS = {name.lower(): i for i, name in enumerate(calendar.month_name) if name}
MONTHS |= {name.lower(): i for i, name in enumerate(calendar.month_abbr) if name}
PARTS = {"year": 1, "half": 2, "quarter": 4, "month": 12}

YEAR = r"(?P<year>(?:19|20|21)\d\d)"
DAY = re.compile(rf"{YEAR}-?(?P<month>\d\d)-?(?P<day>\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
PART = re.compile(
    rf"{YEAR}[-_/ ]?(?P<short>[qhm])(?P<part>\d{{1,2}})|(?P<short2>[qhm])(?P<part2>\d\d?)[-_/ ]?(?P<year2>\d{{4}})"
)
MONTH = re.compile(rf"{YEAR}[-/](?P<month>\d\d?)")
NAMED = re.compile(
    rf"(?P<name>[a-z]{{3,9}})[-. ]{{0,2}}{YEAR}|{YEAR.replace('year', 'year2')}[- ](?P<name2>[a-z]{{3,9}})"
)
COUNTED = re.compile(r"(?:(?P<unit>week|month|quarter|half|year|[wmqhy])[-_ ]?)?(?P<number>\d{1,4})")


class Stretch(NamedTuple):
    """Neighbouring periods under one name: from ``first`` up to, without it, ``stop``."""

    name: str
    first: int
    stop: int


@dataclass(frozen=True)
class Calendar:
    """The periods of a horizon.

    Attributes
    ----------
    periods : int
    unit : str
        What a period is: ``week``, ``month``, ``quarter`` or ``year``.
    first_day : date, optional
        On which the first period begins, where that is known.

    Examples
    --------
    >>> from datetime import date
    >>> Calendar(6, "month", date(2025, 2, 1)).stretches("quarter")
    [Stretch(name='2025-Q1', first=0, stop=2), Stretch(name='2025-Q2', first=2, stop=5), \
Stretch(name='2025-Q3', first=5, stop=6)]
    >>> Calendar(6, "month").stretches("quarter")
    [Stretch(name='quarter 1', first=0, stop=3), Stretch(name='quarter 2', first=3, stop=6)]
    """

    periods: int
    unit: str = "month"
    first_day: date | None = None

    @staticmethod
    def of(scenario: Scenario) -> "Calendar":
        """Return the periods of a scenario."""
        return Calendar(scenario.periods, scenario.period, scenario.begins)

    def day(self, period: int) -> date | None:
        """Return the day on which a period begins; that of period ``periods`` is the day after the end."""
        first = self.first_day
        if first is None:
            return None
        if self.unit == "week":
            return first + timedelta(days=7 * period)
        month = first.year * 12 + first.month - 1 + period * round(12 / PER_YEAR[self.unit])
        year, month = divmod(month, 12)
        return date(year, month + 1, min(first.day, calendar.monthrange(year, month + 1)[1]))

    @property
    def planned_by(self) -> str:
        """Return the stretches that people plan by: quarters, or periods where these are longer."""
        return max("quarter", self.unit, key=UNITS.index)

    def stretches(self, by: str) -> list[Stretch]:
        """Return the horizon in stretches, the first and the last as long as there are periods in them.

        Raises
        ------
        InputError
            If they are no stretches, or shorter than a period.
        """
        if by not in UNITS:
            raise InputError(f"`by={by}`: expected one of {', '.join(UNITS)}")
        self._check_unit(by)
        out: list[Stretch] = []
        for t in range(self.periods):
            name = self._name(t, by)
            if out and out[-1].name == name:
                out[-1] = out[-1]._replace(stop=t + 1)
            else:
                out.append(Stretch(name, t, t + 1))
        return out

    def stretch(self, given: Any, unit: str) -> Stretch:
        """Return what a name stands for: a date, ``2025-Q3``, ``Mar 2025``, ``Q3``, or a number counted from 1.

        Parameters
        ----------
        given
            As a file has it: text, a number, or a date.
        unit
            Of the column it stands in: one of :data:`UNITS`, or ``date``.

        Raises
        ------
        InputError
            If it is no time, or not in the horizon.
        """
        name = _text(given)
        unit = self.unit if unit == "date" else unit
        found: Stretch | None
        if isinstance(given, date) or DAY.fullmatch(name):
            found = self._of_day(given if isinstance(given, date) else _day(name), unit, name)
        else:
            found = self._of_part(name) or self._counted(name, unit)
        if found is None:
            raise InputError(
                f"'{name}' is no time; expected a number counted from 1, a name such as 2025-Q3, 2025-03 or Q3, or a "
                "date as 2025-01-31"
            )
        return Stretch(name, found.first, found.stop)

    def _check_unit(self, unit: str) -> None:
        if UNITS.index(unit) < UNITS.index(self.unit):
            raise InputError(
                f"money by {unit} is finer than the {self.unit}s that are planned; add it up by {self.unit}"
            )

    def _name(self, period: int, by: str) -> str:
        day = self.day(period)
        if day is not None:
            if by == "week":
                return day.isoformat()
            part = (day.month - 1) * PARTS[by] // 12 + 1
            return f"{day.year}" + {"month": f"-{part:02d}", "year": ""}.get(by, f"-{by[0].upper()}{part}")
        return f"{by} {int(period * PER_YEAR[by] / PER_YEAR[self.unit] + 1e-9) + 1}"

    def _of_day(self, day: date, unit: str, name: str) -> Stretch:
        """Return the period in which a day lies, or the stretch of its unit."""
        self._check_unit(unit)
        day = day.date() if isinstance(day, datetime) else day
        if self.first_day is None:
            raise InputError(
                f"'{name}': the scenario does not say on which day its first {self.unit} begins; state `first_day:` in "
                f"it, or count {unit}s from 1"
            )
        for t in range(self.periods):
            first, after = self.day(t), self.day(t + 1)
            assert first is not None
            assert after is not None
            if first <= day < after:
                if unit == self.unit:
                    return Stretch(name, t, t + 1)
                return next(s for s in self.stretches(unit) if s.first <= t < s.stop)
        raise InputError(f"'{name}' is not in the horizon, {self.day(0)} to {self._last_day()}")

    def _of_part(self, name: str) -> Stretch | None:
        """Return the stretch of a calendar's name such as ``2025-Q3``; None where it is no such name."""
        found = PART.fullmatch(name.lower())
        unit = "month"
        if found:
            unit = SHORT[found["short"] or found["short2"]]
            year, part = int(found["year"] or found["year2"]), int(found["part"] or found["part2"])
        elif found := MONTH.fullmatch(name):
            year, part = int(found["year"]), int(found["month"])
        elif (found := NAMED.fullmatch(name.lower())) and (found["name"] or found["name2"]) in MONTHS:
            year, part = int(found["year"] or found["year2"]), MONTHS[found["name"] or found["name2"]]
        else:
            return None
        if not 1 <= part <= PARTS[unit]:
            raise InputError(f"'{name}': a year has {unit}s 1 to {PARTS[unit]}")
        return self._of_calendar(year, part, unit, name)

    def _of_calendar(self, year: int, part: int, unit: str, name: str) -> Stretch:
        self._check_unit(unit)
        if self.first_day is None:
            return self._of_day(date(year, 1, 1), unit, name)  # says why not
        label = f"{year}" + {"month": f"-{part:02d}", "year": ""}.get(unit, f"-{unit[0].upper()}{part}")
        known = {stretch.name: stretch for stretch in self.stretches(unit)}
        if label not in known:
            raise InputError(f"'{name}' is not in the horizon, {self.day(0)} to {self._last_day()}")
        return known[label]

    def _counted(self, name: str, unit: str) -> Stretch | None:
        """Return the stretch of a number counted from the start; a year above 1900 is the calendar's."""
        found = COUNTED.fullmatch(name.lower())
        if found is None:
            return None
        unit = SHORT.get(found["unit"] or "", found["unit"] or unit)
        number = int(found["number"])
        if unit == "year" and number >= 1900:
            return self._of_calendar(number, 1, unit, name)
        counted = Calendar(self.periods, self.unit).stretches(unit)
        if not 1 <= number <= len(counted):
            raise InputError(f"{unit} {number} is not in the horizon: {unit}s are counted from 1 to {len(counted)}")
        return counted[number - 1]

    def _last_day(self) -> date | None:
        after = self.day(self.periods)
        return None if after is None else after - timedelta(days=1)


def _text(given: Any) -> str:
    if isinstance(given, datetime):
        return given.date().isoformat()
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    return str(given).strip()


def _day(name: str) -> date:
    found = DAY.fullmatch(name)
    assert found is not None
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        raise InputError(f"'{name}' is no day of the calendar; write dates as 2025-01-31") from None
