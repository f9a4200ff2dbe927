"""Which of a scenario's rules a policy breaks: the rows that state them to the optimiser, on what was played."""

from collections.abc import Iterable
from dataclasses import dataclass

from optimizer.ask.kinds.campaigns import counted_one_by_one
from optimizer.ask.rows import BUDGET, Row
from optimizer.ask.rules import rows_of
from optimizer.tolerances import MISSED
from sim.engine.sensitivity import Course
from sim.twin import Twin

__all__ = ["Broken", "broken_rules"]


@dataclass(frozen=True)
class Broken:
    """A rule that is broken, at the time where it is broken most.

    Attributes
    ----------
    rule : str
        As people read it, without its time.
    when : str
        The time; nothing where there is but one.
    times : int
        At how many times it is broken.
    counts : str
        ``money``, ``people`` or ``profit``.
    unit : str
        Of what it counts; nothing for money.
    sense : ``<=`` or ``>=``
    limit, counted : float
        For a rule on a mean, in points of one customer.
    stated : str
        How its limit is said where the number alone does not say it; else nothing.
    budget : bool
        Whether it is the money over the horizon.
    """

    rule: str
    when: str
    times: int
    counts: str
    unit: str
    sense: str
    limit: float
    counted: float
    stated: str
    budget: bool

    @property
    def by(self) -> float:
        """Return by how much it is broken."""
        return abs(self.counted - self.limit)


def broken_rules(twin: Twin, budget: float, course: Course) -> tuple[Broken, ...]:
    """Return the rules that a course of the fluid twin breaks under a budget, the budget itself among them."""
    rules = twin.scenario.rules
    counted = [(row, row.counted(course)) for row in rows_of(twin, budget)]
    counted += counted_one_by_one(rules.campaigns, rules.contacts, twin.chain, course)
    worst: dict[tuple[str, str], list[tuple[float, Row, float]]] = {}
    for row, amount in counted:
        missed = (amount - row.limit) * (1.0 if row.sense == "<=" else -1.0)
        size = max(abs(row.limit), row.weighed(course), abs(amount))
        if missed > 10 * MISSED * size:
            worst.setdefault((row.rule, row.when), []).append((missed / size, row, amount))
    return tuple(_broken(times, course) for times in worst.values())


def _broken(times: Iterable[tuple[float, Row, float]], course: Course) -> Broken:
    found = list(times)
    _, row, amount = max(found, key=lambda each: each[0])
    members = 1.0 if row.mean_of is None else max(float((row.mean_of @ course.people.ravel())[0]), 1e-300)
    when = row.name.removeprefix(row.rule).strip()
    return Broken(
        row.rule, when, len(found), row.kind.counts, row.kind.unit, row.sense,
        row.limit / members, amount / members, row.said, row.kind == BUDGET,
    )  # fmt: skip
