"""From a question to a plan, by the stages of :mod:`optimizer.stages`, one after another."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optimizer.ask.problem import AllocationProblem
from optimizer.money.calendar import Calendar
from optimizer.plan import Plan
from optimizer.proof import NO_CHOICE
from optimizer.question import Question
from optimizer.search.campaign_sizes import Sized
from optimizer.search.sequential import STEPS, Maker, Sequential
from optimizer.stages.certify import Certified, certify, unproved
from optimizer.stages.exchange import NEAREST, ROUNDS, target_of, turned
from optimizer.stages.further import ALL_STARTS, FEW_STARTS, further
from optimizer.stages.keep import keep, worth_of
from optimizer.stages.price import Priced, price
from optimizer.stages.prove import Proved, prove
from optimizer.stages.repair import Repaired, repair
from optimizer.stages.search import Searched, search
from optimizer.stages.settle import settle
from optimizer.stages.size import size
from optimizer.stages.start import Start, start
from optimizer.tolerances import BOUND, MISSED, PRICED
from sim.arrays import Floats, Progress
from sim.errors import RulesError
from sim.twin import Twin

__all__ = ["Found", "find", "from_more_starts", "optimize", "plan_of", "solve"]


def optimize(
    twin: Twin,
    question: Question | None = None,
    *,
    tolerance: float = BOUND,
    seconds: float = np.inf,
    bound_steps: int | None = None,
    every_price: bool = False,
    threads: int = 2,
    progress: Progress | None = None,
) -> Plan:
    """Return a playable plan, its proof and its prices.

    Parameters
    ----------
    question
        What is asked; None: the most customer asset for the scenario's budget, or else for what today's spend is
        expected to cost.
    tolerance
        Of the bound, as a share of the possible lift.
    seconds
        Time for the search of the plan, and once more for each bound; what is found by then is feasible, with its gap.
    bound_steps
        Steps towards a tighter bound: 0 gives one in a few seconds; None: at most 200.
    every_price
        Whether the price of every rule is followed as far as it holds, each limit solved anew, not the budget's alone.

    Raises
    ------
    InputError
        If what is asked does not go together.
    RulesError
        If no plan meets the rules.
    """
    asked = question or Question()
    starts = () if asked.base is None else (asked.base,)
    return solve(
        asked.problem(twin), starts=starts, known=asked.starts, tolerance=tolerance, seconds=seconds,
        bound_steps=bound_steps, every_price=every_price, threads=threads, progress=progress,
    )  # fmt: skip


def solve(
    problem: AllocationProblem,
    *,
    starts: Sequence[Floats] = (),
    known: Sequence[Floats] = (),
    bounded: bool = True,
    onward: bool = False,
    tolerance: float = BOUND,
    seconds: float = np.inf,
    bound_steps: int | None = None,
    priced: bool = True,
    every_price: bool = False,
    threads: int = 2,
    progress: Progress | None = None,
) -> Plan:
    """Return the answer to a problem; ``starts`` are intensities to search from besides today's.

    ``known`` are others that the plan must not be worth less than, where they keep the rules.

    Without ``bounded`` nothing is proved and a rule that is missed only stands in the status: for steps of a larger
    question that has a bound of its own; ``onward``: it is searched from more starts all the same, as where a bound is
    far. Unless ``priced``, prices are those that the search ended with.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    tell = progress or (lambda _: None)
    begun, proved = start(problem, starts, known), Proved()
    if bounded or problem.chain.has_thresholds:
        proved = prove(
            begun, tolerance=tolerance, seconds=seconds, threads=threads, progress=lambda done: tell(0.5 * done)
        )
    found = find(begun, proved, seconds=seconds, threads=threads, progress=lambda done: tell(0.5 + 0.3 * done))
    target = target_of(problem)
    if target is not None:
        found = _exchanged(found, target.limit, bounded, seconds, threads)
    if not bounded:
        if onward:
            found, _ = from_more_starts(found, seconds, threads=threads, progress=tell)
        return plan_of(found, priced=price(found.repaired, far=False) if priced else None)
    found.repaired.insist()
    certified = certify(
        begun, proved, found.repaired, bound_steps=bound_steps, seconds=seconds, threads=threads,
        progress=lambda done: tell(0.8 + 0.1 * done),
    )  # fmt: skip
    if certified.far or not problem.chain.bounded:
        began = time.perf_counter()
        found, said = from_more_starts(found, seconds, threads=threads, progress=lambda done: tell(0.9 + 0.1 * done))
        certified = certified.of(found.repaired, "" if problem.chain.bounded else said, time.perf_counter() - began)
    return plan_of(found, certified, price(found.repaired, every=every_price) if priced else None)


@dataclass(frozen=True, eq=False)
class Found:
    """What the stages before the certificate found; ``starts``: of how many, where it was searched from more."""

    begun: Start
    proved: Proved
    searched: Searched
    sized: Sized
    repaired: Repaired
    starts: int = 0

    @property
    def intensity(self) -> Floats:
        """Return the plan as it is held and played."""
        return self.repaired.intensity


def find(
    begun: Start,
    proved: Proved,
    *,
    steps: int = STEPS,
    seconds: float = np.inf,
    threads: int = 2,
    make: Maker = Sequential,
    progress: Progress | None = None,
) -> Found:
    """Return the plan found from a start, as it is held and played; ``make`` makes the search of a problem."""
    searched = search(
        begun, proved, steps=steps, seconds=seconds, threads=threads, make=make, progress=progress or (lambda _: None)
    )
    return _held(begun, proved, searched, steps, seconds, make)


def _held(begun: Start, proved: Proved, searched: Searched, steps: int, seconds: float, make: Maker) -> Found:
    """Return the end of a search as it is held and played, or a known plan that is worth more."""
    problem = begun.problem
    sized = size(problem, searched, seconds=seconds, make=make)
    repaired = repair(sized.problem, sized.end, searched.stake, make)
    sized, repaired = keep(begun, searched, sized, repaired, steps=steps, make=make)
    if searched.columns is not None and problem.chain.mixes_actions and sized.problem is problem:
        # Between actions the search sees one side of a price only.
        repaired = replace(repaired, end=replace(repaired.end, prices=searched.columns.prices))
    if make is Sequential:
        repaired = settle(repaired)
    return Found(begun, proved, searched, sized, repaired)


def _exchanged(found: Found, target: float, bounded: bool, seconds: float, threads: int) -> Found:
    """Return a plan that reaches an asset for less, where a little less money than it spends holds as much.

    From there the search for the least goes on; where that sees nothing, money is halved between what is known to be
    too little and to be enough.
    """
    begun, proved, began = found.begun, found.proved, time.perf_counter()
    few, enough, starts = float(begun.least.spend.sum()), _spent(found), [found.intensity]
    money = enough * (1 - NEAREST)
    for tried in range(ROUNDS):
        if money <= few or time.perf_counter() - began > seconds:
            break
        left, gained = seconds - (time.perf_counter() - began), False
        try:
            most = solve(
                turned(begun.problem, money), starts=starts, known=starts, bounded=bounded and not tried, bound_steps=0,
                priced=False, seconds=left, threads=threads,
            )  # fmt: skip
        except RulesError:  # other rules need more than that
            most = None
        if most is None or most.status != "feasible" or most.asset < target:
            few = money
        else:
            starts, before = [most.intensity], enough
            once_more = replace(begun, intensities=(most.intensity,), known=(most.intensity,))
            other = find(once_more, Proved(), seconds=left, threads=threads)
            if _spent(other) < enough:
                found, enough = replace(other, begun=begun, proved=proved), _spent(other)
            gained = enough < min(before, money) * (1 - NEAREST)
        if not np.isfinite(enough):
            break
        money = enough * (1 - NEAREST) if gained else min((few + enough) / 2, enough * (1 - NEAREST))
    return found


def _spent(found: Found) -> float:
    """Return the money of a plan; infinite where it misses a rule."""
    missed = float(found.repaired.missed.max(initial=0))
    return float(found.repaired.course.spend.sum()) if missed <= 10 * MISSED else np.inf


def from_more_starts(
    found: Found, seconds: float = np.inf, *, threads: int = 2, progress: Progress | None = None
) -> tuple[Found, str]:
    """Return the best of more starts, and what they found in words."""
    begun = found.begun
    if begun.problem.no_choice:
        return found, ""
    more = further(
        begun, found.searched, FEW_STARTS if begun.problem.chain.bounded else ALL_STARTS, steps=STEPS, seconds=seconds,
        make=Sequential, threads=threads, progress=progress or (lambda _: None),
    )  # fmt: skip
    best = found
    if more.searched.end is not found.searched.end:
        other = _held(begun, found.proved, more.searched, STEPS, seconds, Sequential)
        if worth_of(other.sized, other.repaired, Sequential) > worth_of(found.sized, found.repaired, Sequential):
            best = other
    return replace(best, starts=len(more.lifts)), str(more)


def plan_of(found: Found, certified: Certified | None = None, priced: Priced | None = None) -> Plan:
    """Return what was found as a plan; without a certificate nothing is proved about it.

    Prices that were not sought are those that the search ended with.
    """
    problem, end, course = found.repaired.problem, found.repaired.end, found.repaired.course
    proof = (certified or unproved(found.begun, found.repaired)).proof
    scenario, chain = problem.twin.scenario, problem.chain
    if priced is None:
        known = {row.name: float(each) for row, each in zip(problem.rows, end.prices, strict=True)}
        known = {name: each for name, each in known.items() if abs(each) > PRICED}
        priced = Priced(known, float(end.prices @ problem.per_budget), {})
    return Plan(
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        targets=chain.targets,
        intensity=found.repaired.intensity,
        customers=course.observed,
        budget=problem.budget if np.isfinite(problem.budget) else float(course.spend.sum()),
        targeting=problem.targeting,
        asset=course.asset,
        goal=problem.goal,
        proof=proof,
        prices=priced.prices,
        shadow_price=priced.shadow_price,
        price_ranges=priced.ranges,
        status=found.repaired.status,
        termination=_termination(found),
        seconds=_seconds(found, certified, priced.seconds),
        fixed_costs=found.sized.fixed_costs,
        calendar=Calendar.of(scenario),
        today=problem.today.course.moved,
    )


def _termination(found: Found) -> str:
    """Return why the search for plan and bound stopped."""
    best, end = found.proved.best, found.repaired.end
    if found.begun.problem.no_choice:
        return NO_CHOICE
    plan = f"plan {'stationary' if end.stationary else 'stopped at its limit'} after {end.steps} steps"
    plan += f", the best of {found.starts} starts" * bool(found.starts)
    if best is None:
        return plan
    bound = f"bound within {found.proved.tolerance:g} of lift" if best.converged else "bound stopped at its limit"
    return f"{bound} after {best.iterations} prices; {plan}"


def _seconds(found: Found, certified: Certified | None, pricing: float) -> dict[str, float]:
    """Return the time by step."""
    best, columns = found.proved.best, found.searched.columns
    took = {"bound": best.seconds} if best else {}
    took |= {"columns": columns.seconds} if columns else {}
    took["plan"] = found.repaired.end.seconds
    took |= {"prices": pricing} if pricing else {}
    return took if certified is None else {**took, "certificate": certified.seconds}
