"""What it is worth to know an assumption, as a result: the experiment that pays most, with the plan of its list."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optimizer.insight.information
from experiments.results.plans import Plan
from experiments.results.shown import Decided, Table
from experiments.told import Told
from experiments.words.information import information_answer, information_table, information_text
from sim.errors import InputError
from sim.twin import Twin

if TYPE_CHECKING:
    from experiments.tracking.call import Call

__all__ = ["NextTest"]


@dataclass(frozen=True, eq=False, repr=False)
class NextTest(Decided, Told, optimizer.insight.information.Information):
    """Which assumption to test next, on whom, how long and with how much.

    Attributes
    ----------
    plan : Plan or None
        The test's money and no other, for :meth:`tenure.Firm.customer_list` with half of them held back; None: no test
        pays.

    Examples
    --------
    >>> doubtful = tenure.Firm.of({**content, "uncertain": [{"path": "margin", "low": 0.3, "high": 0.5}]})
    >>> found = doubtful.test_next(samples=4)
    >>> found.knowing[0].why
    'no experiment tells it: look it up, or count'
    """

    plan: Plan | None = field(default=None, kw_only=True)
    twin: Twin = field(kw_only=True)
    file: Path | None = field(default=None, kw_only=True)
    asked: Call | None = field(default=None, kw_only=True)

    def answer(self) -> str:
        """Return what to test next."""
        return information_answer(self, self.twin.scenario.period, self.twin.scenario.currency)

    def shown_table(self) -> Table:
        """Return every number with what knowing it is worth."""
        return information_table(self)

    def to_text(self) -> str:
        """Return what people read."""
        return information_text(self, self.twin.scenario.period, self.twin.scenario.currency)

    def figures(self) -> dict[str, float]:
        """Return what knowing all of it is worth, then each assumption and each experiment, its cost paid."""
        knowing = {f"worth_knowing/{each.path}": each.perfect for each in self.knowing}
        tests = {f"test_net/{each.path}": each.trial.net for each in self.knowing if each.trial is not None}
        return {"worth_of_knowing_all": self.perfect, **knowing, **tests}

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "scenario": self.twin.scenario.name, "worth_of_knowing_all": self.perfect, "best": self.best,
            "decisions": list(self.decisions), "samples": self.samples, "explained": self.explained,
            "next": None if self.next is None else self.next.path,
            "assumptions": [
                {
                    "path": each.path, "low": each.low, "high": each.high, "worth_knowing": each.perfect,
                    "why_no_test": each.why or None,
                    "test": None if each.trial is None else {**asdict(each.trial), "net": each.trial.net},
                }
                for each in self.knowing
            ],
        }  # fmt: skip

    def save(self, path: str | Path) -> None:
        """Write the plan of the test.

        Raises
        ------
        InputError
            If no test pays.
        """
        if self.plan is None:
            raise InputError("no test pays, so there is no plan of one to write")
        self.plan.save(path)
