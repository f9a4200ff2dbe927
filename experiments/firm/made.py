"""How a firm is made, and what it is: a scenario, its customers, and what they mean in words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from experiments.results.shown import Shown, Table, drawn
from sim.errors import InputError
from sim.files import check_output

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from sim.contract import Targets
    from sim.engine.chain import ControlledChain
    from sim.neutrality import Contradiction, Drift
    from sim.scenario.file import Scenario
    from sim.twin import Twin

__all__ = ["Made", "or_all"]


@dataclass(frozen=True, eq=False, repr=False)
class Made(Shown):
    """A scenario and the twin of its customers, inseparable."""

    twin: Twin
    file: Path | None = None

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        changes: Mapping[str, Any] | None = None,
        outputs: Iterable[str | Path | None] = (),
    ) -> Self:
        """Return the firm of a scenario file.

        Parameters
        ----------
        path
            YAML; see the examples.
        changes
            Values by path of keys that are not as in the file, e.g. ``{"margin": 0.35}``.
        outputs
            Files that will be written: refused where one is the scenario's customer base.

        Raises
        ------
        ScenarioError
            If the file is wrong; the message names key and mend.
        FolderError
            If the file or the customer base it names is not there, or is one of ``outputs``.

        Examples
        --------
        >>> tenure.Firm.open("scenario.yaml").scenario.name
        'small'
        >>> tenure.Firm.open("scenario.yaml", changes={"margin": 0.35}).scenario.margin
        0.35
        """
        from sim.scenario.file import load
        from sim.twin import build

        scenario = load(path, changes)
        if scenario.base is not None:
            for output in outputs:
                if output is not None:
                    check_output(Path(output), others=[scenario.folder / scenario.base.file])
        return cls(build(scenario), Path(path))

    @classmethod
    def of(cls, scenario: Scenario | Mapping[str, Any]) -> Self:
        """Return the firm of a scenario made in Python: the content of a scenario file, or a ``Scenario``.

        Raises
        ------
        ScenarioError
            If it is wrong.

        Examples
        --------
        >>> tenure.Firm.of({**content, "periods": 2}).scenario.periods
        2
        """
        from sim.scenario.file import Scenario, parse
        from sim.twin import build

        return cls(build(scenario if isinstance(scenario, Scenario) else parse(dict(scenario))))

    @classmethod
    def of_plan(cls, plan: str | Path, scenario: str | Path | None = None, **how: Any) -> Self:
        """Return the firm that a plan file was made for; ``scenario`` is its file where the plan does not say.

        Raises
        ------
        InputError
            If nothing says which scenario it was, or its file is not there.

        Examples
        --------
        >>> plan.save("plan.json")
        >>> tenure.Firm.of_plan("plan.json").scenario.name
        'small'
        """
        from optimizer.plan import scenario_file_of

        if scenario is None:
            known = scenario_file_of(plan)
            if known is None:
                raise InputError(f"{plan}: does not say which scenario it was made for; name its file with `scenario=`")
            if not os.path.isfile(known):
                raise InputError(f"{plan}: its scenario file {known} is not there; name it with `scenario=`")
            scenario = known
        return cls.open(scenario, **how)

    @property
    def scenario(self) -> Scenario:
        """Return the scenario: frozen, validated, with every default."""
        return self.twin.scenario

    @property
    def chain(self) -> ControlledChain:
        """Return the chain that customers follow, as fluid twin and optimiser see it."""
        return self.twin.chain

    @property
    def targets(self) -> Targets:
        """Return whom the firm can tell apart, and which lever can be used on whom."""
        return self.twin.targets

    @property
    def reference_spend(self) -> float:
        """Return what today's spend is expected to cost over the horizon."""
        from optimizer.ask.problem import reference_spend

        return reference_spend(self.chain)

    @property
    def budget(self) -> float:
        """Return the scenario's budget, or else what today's spend is expected to cost."""
        return self._budget(None)

    def _budget(self, given: float | None) -> float:
        from optimizer.ask.problem import budget_in_force

        return budget_in_force(self.twin, given)

    def answer(self) -> str:
        """Return what the firm is, in a line."""
        scenario = self.scenario
        segments = len(dict.fromkeys(self.targets.segments))
        levers = len(self.targets.levers)
        source = ", as today's spend is expected to cost" if scenario.rules.budget is None else ""
        counts = f"{segments} segment{'s' * (segments != 1)}, {levers} lever{'s' * (levers != 1)}"
        return (
            f"{scenario.name}: {scenario.periods} {scenario.period}s, {counts}; budget "
            f"{self.budget:,.0f} {scenario.currency}".rstrip()
            + f"{source}."
        )

    def shown_table(self) -> Table:
        """Return who is there at the start."""
        from experiments.words.describe import people

        return people(self.twin)

    def check(self) -> str:
        """Return in words what the scenario means; what comes from defaults is marked as assumed.

        Examples
        --------
        >>> print(firm.check().splitlines()[2])
        Who (observed at the start):
        """
        from experiments.words.describe import describe

        return describe(self.scenario, self.twin, *self.doubts)

    @cached_property
    def doubts(self) -> tuple[list[Drift], list[Contradiction]]:
        """Return what drifts by itself under today's spend, and where survival curves and traits contradict."""
        from sim.neutrality import contradictions, drifts

        return drifts(self.twin), contradictions(self.twin)

    @cached_property
    def left_out(self) -> list[str]:
        """Return what a scenario of real customers leaves out, one sentence each, with what that was worth."""
        from experiments.words.left_out import left_out

        return left_out(self.scenario)

    def plot(self) -> Figure:
        """Return the report's figure of the assumed responses to money.

        Examples
        --------
        >>> len(firm.plot().data) > 0
        True
        """
        from experiments.report import charts

        if self.scenario.chain is not None:
            raise InputError("plot: a chain of your own has no response curves; plot a plan or a comparison")
        return drawn(charts.response_curves(self.scenario))


def or_all(threads: int | None) -> int:
    """Return a number of threads; one for each processor where none is asked for."""
    return os.cpu_count() or 1 if threads is None else threads
