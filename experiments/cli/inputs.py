"""What a command is given: a scenario file, the names of policies or plan files, a budget."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.words.phrases import version_in_words
from sim.errors import InputError
from sim.files import check_output

if TYPE_CHECKING:
    from optimizer.plan import Plan
    from sim.contract import Policy
    from sim.scenario.file import Scenario
    from sim.twin import Twin

    Chosen = tuple[Policy, Plan | None]

__all__ = ["chosen_policies", "keep_base", "note_version", "open_plan", "open_scenario"]


def open_scenario(path: Path, outputs: Iterable[Path | None] = ()) -> "tuple[Scenario, Twin]":
    """Return the scenario in a file, and its customers; ``outputs`` are what will be written."""
    from sim.scenario.file import load
    from sim.twin import build

    found = load(path)
    keep_base(found, outputs)
    return found, build(found)


def keep_base(found: "Scenario", outputs: Iterable[Path | None]) -> None:
    """Refuse to write over the scenario's customer base."""
    if found.base is not None:
        for output in outputs:
            if output is not None:
                check_output(output, others=[found.folder / found.base.file])


def chosen_policies(
    words: list[str], found: "Scenario", twin: "Twin", given: float | None
) -> "tuple[float, list[Chosen]]":
    """Return the budget and the policies that words name: plan files, names of the catalogue, or Python files.

    The budget asked for, or else the scenario's (what today spends by default), or what a plan was made for if more.
    """
    from optimizer.ask.problem import budget_in_force
    from optimizer.plan_files import PLAN_FILES
    from policies.catalogue import named
    from policies.planned import Planned

    files = [word.endswith(PLAN_FILES) or (Path(word).is_file() and not word.endswith(".py")) for word in words]
    plans = [_load(Path(word), twin) if file else None for word, file in zip(words, files, strict=True)]
    budget = budget_in_force(twin, given)
    if given is None:
        budget = max([budget, *(_made_for(plan) for plan in plans if plan is not None)])
    chosen: list[Chosen] = []
    for word, plan in zip(words, plans, strict=True):
        if plan is None:
            chosen.append((named(word, twin, budget), None))
            continue
        note_version(word, plan, found)
        chosen.append((Planned(plan.intensity, Path(word).stem), plan))
    return budget, chosen


def open_plan(path: Path, scenario: Path | None, output: Path | None = None) -> "tuple[Path, Scenario, Twin, Plan]":
    """Return a plan's scenario file, the scenario and its customers, and the plan; ``output`` will be written.

    Raises
    ------
    InputError
        If the plan does not say which scenario it was made for, and none is given; or it is ``output``.
    """
    from optimizer.plan import scenario_file_of

    if scenario is None:
        known = scenario_file_of(path)
        if known is None:
            raise InputError(f"{path}: does not say which scenario it was made for; name its file with --scenario")
        scenario = Path(known)
        if not scenario.is_file():
            raise InputError(f"{path}: its scenario file {scenario} is not there; name it with --scenario")
    if output is not None:
        check_output(output, others=[scenario])
    found, twin = open_scenario(scenario, [output])
    plan = _load(path, twin)
    note_version(str(path), plan, found)
    return scenario, found, twin, plan


def _load(path: Path, twin: "Twin") -> "Plan":
    """Return a saved plan; customers that its file leaves out are those expected under it."""
    from dataclasses import replace

    from optimizer.plan import Plan
    from sim.engine.sensitivity import follow

    plan = Plan.load(path, twin.targets, twin.chain.periods)
    if (plan.customers == plan.customers).all():
        return plan
    return replace(plan, customers=follow(twin.chain, twin.targets.with_committed(plan.intensity)).observed)


def _made_for(plan: "Plan") -> float:
    """Return the money a plan was made for; what it is expected to spend where its file does not say."""
    return plan.budget if plan.budget == plan.budget else float(plan.spend.sum())


def note_version(word: str, plan: "Plan", found: "Scenario") -> bool:
    """Say on standard error where a plan is known to be for another version of the scenario; return whether it is."""
    other = version_in_words(plan, found)
    if other:
        print(f"tenure: note: {word} was {other}", file=sys.stderr)
    return bool(other)
