"""One market followed in parts: run to a period, saved, and resumed there under the same policy or another."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.compare import Comparison, Outcome
from policies.fixed import NoSpend
from sim.arrays import Progress
from sim.contract import Policy
from sim.errors import InputError
from sim.history import History
from sim.market.clock import Market
from sim.market.purse import Budget
from sim.twin import Twin
from sim.valuation import customer_asset

__all__ = ["Part", "follow", "one_outcome"]


@dataclass(frozen=True, eq=False)
class Part:
    """What ``tenure simulate`` did of one market.

    Attributes
    ----------
    comparison : Comparison
        One policy, one replication; its history ends where the run stopped.
    resumed_at : int or None
        Periods that had passed when the market was resumed.
    saved : Path or None
        Where it was saved.
    """

    comparison: Comparison
    resumed_at: int | None = None
    saved: Path | None = None


def follow(
    twin: Twin,
    choose: Callable[[float | None], tuple[float, Policy, Budget]],
    budget: float | None,
    *,
    seed: int = 0,
    threads: int = 2,
    until: int | None = None,
    save: Path | None = None,
    resume: Path | None = None,
    progress: Progress | None = None,
) -> Part:
    """Run one market, from the start or from where it was saved, to the horizon or to the start of a period.

    Parameters
    ----------
    choose
        From the money asked for, None where none was, to the money in force, the policy, and what it can spend.
    budget
        Money over the horizon; None: the scenario's. A resumed market keeps its own.
    until
        Periods after which to stop; None: the horizon.
    save, resume
        File to write where the run stops, and file to go on from.

    Raises
    ------
    InputError
        If arguments do not go together, or the saved market does not fit.
    """
    scenario = twin.scenario
    periods, period = scenario.periods, scenario.period
    if until is not None and until >= periods:
        raise InputError(f"`until={until}`: the scenario has {periods} {period}s; leave it out to run to the end")
    if save is not None and until is None:
        raise InputError("`save=`: a market is saved between two periods; say after how many with `until=`")
    if resume is not None and budget is not None:
        raise InputError("`budget=`: a resumed market keeps the budget it began with; leave it out")
    population = twin.population(seed, 0)
    if resume is None:
        total, chosen, purse = choose(budget)
        market = Market(twin, chosen, population, purse, seed=seed, threads=threads)
        began = None
    else:
        market = Market.resume(resume, twin, NoSpend(), population, threads=threads)
        total, began = market.budget.total, market.period
        if began >= (periods if until is None else until):
            raise InputError(
                f"{resume}: {began} {period}s have passed there already; run to a later one, or branch earlier"
            )
        _, chosen, _ = choose(total if np.isfinite(total) else None)
        market.policy = chosen
    steps = (periods if until is None else until) - market.period
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done / steps)

    history = market.run(tick, until=until)
    if save is not None:
        market.save(save)
    outcome = one_outcome(chosen.name, history, twin)
    return Part(Comparison((outcome,), market.seed, 1, total), began, save)


def one_outcome(name: str, history: History, twin: Twin) -> Outcome:
    """Return one market as the outcome of a policy."""
    asset = customer_asset(history, twin.chain.discount_rate).total
    kept, spent = history.alive[-1].sum(), history.spend.sum()
    return Outcome(name, np.array([asset]), np.array([kept]), np.array([spent]), history, 0.0, 0.0, 0.0)
