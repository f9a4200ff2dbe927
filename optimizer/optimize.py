"""From a chain and its rules to a plan: the bound with full information, playable columns, the sequential search."""

import time
from dataclasses import replace

import numpy as np

from optimizer.ask.problem import AllocationProblem, budget_in_force, contact_load, joint_actions
from optimizer.ask.rows import BUDGET, as_today
from optimizer.ask.rules import rows_of
from optimizer.bound.conflicts import conflict_of
from optimizer.bound.decomposition import FullInformation, certified_bound, full_information
from optimizer.bound.targeting import targeting_bound
from optimizer.plan import BOUND_ASSUMES, NO_BOUND, NO_CHOICE, NOT_HELD, Plan
from optimizer.search.campaign_sizes import sized
from optimizer.search.playable import Playable, playable
from optimizer.search.sequential import MISSED, STEPS, Sequential, Settled
from sim.arrays import Floats, Progress
from sim.engine.chain import ControlledChain
from sim.engine.lifecycle import Lifecycle
from sim.engine.sensitivity import Course, follow
from sim.errors import RulesError, SolverError
from sim.scenario.curves import BlattbergDeighton, Curve, PiecewiseLinear
from sim.scenario.file import Scenario

__all__ = ["allocation_problem", "least_spend", "optimise", "plan_of", "searched", "solved"]


TINY = 1e-6
"""Share of today's spend below which a budget is too small to be told from none."""
BOUND_STEPS = 200
"""Of the bound for the targeting; CDNOW: 0 leave 11.5 % of what it allows open, 200 8.5 %, 600 7.9 %."""
BROKEN = 1e-4
"""Share of a rule by which no plan may miss it."""
QUICK = 10.0
"""Seconds of a time limit below which no bound for the targeting is tried: it takes as long to begin with."""
LEAST_STEPS = 25
"""Of the search for the least spend: a place to count from, not a plan."""
REPAIRS = 60
"""Rounds of scaling campaigns into their rules, at most; each closes most of what is left."""
REPAIRS_OF_SEARCH, NEARLY = 4, 1e-2
"""Rounds of bringing a search's end inside the rules, and the share of a rule that it may be outside before."""
FITTED = 1e-9
"""Share of a rule by which it may be missed."""


def allocation_problem(
    scenario: Scenario, chain: ControlledChain, budget: float | None = None, *, targeting: str = "state"
) -> AllocationProblem:
    """Return the question a scenario asks.

    ``budget`` overrides the scenario's, which defaults to today's spend.
    """
    total = budget_in_force(scenario, chain, budget)
    actions, choices = joint_actions(chain)
    return AllocationProblem(chain, actions, choices, rows_of(scenario, chain, total), targeting)


def optimise(
    scenario: Scenario,
    chain: ControlledChain,
    budget: float | None = None,
    *,
    targeting: str = "state",
    tolerance: float = 1e-3,
    seconds: float = np.inf,
    bound_steps: int = BOUND_STEPS,
    threads: int = 2,
    progress: Progress | None = None,
) -> Plan:
    """Return a playable plan, its bound and its prices.

    Parameters
    ----------
    budget
        Money over the horizon; None: the scenario's, or else what today's spend is expected to cost.
    targeting
        What the firm tells apart: ``segment``, ``stage`` (segments and stages) or ``state`` (tiers of value too).
    tolerance
        Of the bound, as a share of the possible lift.
    seconds
        Time for the search of the plan, and once more for each bound; what is found by then is feasible, with its gap.
    bound_steps
        Steps towards a tighter bound: 0 gives one in a few seconds.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    problem = allocation_problem(scenario, chain, budget, targeting=targeting)
    return solved(
        scenario, problem, tolerance=tolerance, seconds=seconds, bound_steps=bound_steps, threads=threads,
        progress=progress,
    )  # fmt: skip


def solved(
    scenario: Scenario,
    problem: AllocationProblem,
    *,
    starts: list[Floats] | None = None,
    bounded: bool = True,
    tolerance: float = 1e-3,
    seconds: float = np.inf,
    bound_steps: int = BOUND_STEPS,
    threads: int = 2,
    progress: Progress | None = None,
) -> Plan:
    """Return the answer to a problem; ``starts`` are intensities to search from besides today's.

    Without ``bounded`` the bound is nan and a rule that is missed only stands in the status: for steps of a larger
    question that has a bound of its own.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    chain, tell = problem.chain, progress or (lambda _: None)
    took: dict[str, float] = {}
    best, least, asked = None, least_spend(problem), problem
    if np.isfinite(problem.budget) and problem.budget < TINY * problem.row_units[0]:  # searched as if it were a little
        more = TINY * float(problem.row_units[0]) - problem.budget
        rows = (replace(row, limit=row.limit + row.per_budget * more) for row in problem.rows)
        asked = replace(problem, rows=tuple(rows))
    thresholds = _has_thresholds(chain)
    if (bounded or thresholds) and not problem.no_choice:
        best = _with_full_information(asked, tolerance, seconds, threads, lambda done: tell(0.5 * done))
        took["bound"] = best.seconds if best else 0.0
    given = [*(starts or []), as_today(chain)]
    found: Playable | None = None
    if best is not None and thresholds:
        found = playable(problem, best, threads=threads, progress=lambda done: tell(0.5 + 0.2 * done))
        took["columns"] = found.seconds
        given.insert(0, _mean_intensity(problem, found))
    stake = _stake(problem, given[0], least, best)
    end = _repaired(problem, searched(problem, given, stake, seconds, lambda done: tell(0.7 + 0.3 * done)), stake)
    took["plan"] = end.seconds
    fixed, relaxed = 0.0, problem
    if scenario.rules.campaigns:
        done = sized(problem, scenario.rules.campaigns, end, stake, seconds)
        problem, end, fixed = done.problem, done.end, done.fixed_costs
    if bounded and end.missed > BROKEN:
        raise not_met(problem, end)
    if found is not None and not isinstance(chain, Lifecycle) and problem is relaxed:
        end = replace(end, prices=found.prices)  # between actions the search sees one side of a price only
    intensity = _held(problem, end.course)
    reference = bound = float("nan")
    if problem.no_choice:
        reference = bound = end.course.asset if problem.goal == "asset" else float(end.course.spend.sum())
    elif bounded:
        began = time.perf_counter()
        # Any prices give a bound: where the solver gave up, those of the plan.
        prices = end.prices[: relaxed.limits.size] if best is None else best.prices_of_bound
        reference = certified_bound(relaxed, prices, intensity, threads)
        reference = bound = -reference if problem.goal == "thrift" else reference
        couples = isinstance(chain, Lifecycle) and chain.crowd.couples
        if best and problem.goal == "asset" and not couples and seconds >= QUICK:
            bound = targeting_bound(
                relaxed, best, intensity, prices=end.prices[: relaxed.limits.size], known=reference,
                iterations=bound_steps, seconds=seconds, threads=threads, progress=lambda done: tell(0.8 + 0.2 * done),
            ).bound  # fmt: skip
        took["certificate"] = time.perf_counter() - began
    return plan_of(
        scenario, problem, end, fixed_costs=fixed, intensity=intensity, no_spend=least.asset, reference=reference,
        bound=bound, termination=NO_CHOICE if problem.no_choice else _termination(best, end, tolerance), seconds=took,
    )  # fmt: skip


def plan_of(
    scenario: Scenario, problem: AllocationProblem, end: Settled, *, no_spend: float, intensity: Floats | None = None,
    fixed_costs: float = 0.0, reference: float = float("nan"), bound: float = float("nan"),
    termination: str | None = None, seconds: dict[str, float] | None = None,
) -> Plan:  # fmt: skip
    """Return where a search ended as a plan; ``reference`` and ``bound`` are what was proved, where anything was."""
    chain = problem.chain
    held = _held(problem, end.course) if intensity is None else intensity
    course = _course_held(problem, end.course, held)
    missed = np.maximum(problem.signs * (problem.counted(course) - problem.limits), 0) / problem.row_units
    couples = isinstance(chain, Lifecycle) and chain.crowd.couples
    worst = int(missed.argmax()) if missed.size else 0
    fits = not missed.size or missed[worst] < 10 * MISSED
    amount = 0.0 if fits else float(missed[worst] * problem.row_units[worst])
    return Plan(
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        targets=chain.targets,
        intensity=held,
        customers=course.observed,
        budget=problem.budget if np.isfinite(problem.budget) else float(course.spend.sum()),
        targeting=problem.targeting,
        asset=course.asset,
        no_spend=no_spend,
        bound=float("nan") if couples and not problem.no_choice else bound,
        reference=reference,
        bound_assumes=_assumed(problem, couples),
        goal=problem.goal,
        prices={
            row.name: float(price) for row, price in zip(problem.rows, end.prices, strict=True) if abs(price) > 1e-9
        },
        shadow_price=float(end.prices @ problem.per_budget),
        status="feasible" if fits else f"misses '{problem.rows[worst].name}' by {problem.in_words(worst, amount)}",
        termination=termination or _termination(None, end, 0.0),
        seconds=seconds or {"plan": end.seconds},
        fixed_costs=fixed_costs,
    )


def _assumed(problem: AllocationProblem, couples: bool) -> str:
    """Return what the bound rests on."""
    if problem.no_choice:
        return NO_CHOICE
    return (NO_BOUND if couples else BOUND_ASSUMES) + (NOT_HELD if problem.ceiling is not None else "")


def not_met(problem: AllocationProblem, end: Settled) -> RulesError:
    """Return the error of a search that ended outside the rules, which full information could keep."""
    missed = np.maximum(problem.signs * (problem.counted(end.course) - problem.limits), 0)
    worst = int((missed / problem.row_units).argmax())
    return RulesError(
        f"no plan was found that meets every rule by {problem.targeting}: '{problem.rows[worst].name}' is missed by "
        f"{problem.in_words(worst, float(missed[worst]))}; loosen it, or what is held or frozen, or tell customers "
        "apart more finely"
    )


def _with_full_information(
    problem: AllocationProblem, tolerance: float, seconds: float, threads: int, progress: Progress
) -> FullInformation | None:
    """Return the best with full information, None where the solver gave up on it; where rules clash, say which."""
    try:
        return full_information(problem, tolerance, seconds=seconds, threads=threads, progress=progress)
    except RulesError:
        clash = conflict_of(problem, threads)
        if clash is None:
            raise
    except SolverError:
        try:
            clash = conflict_of(problem, threads)
        except SolverError:
            clash = None
        if clash is None:
            return None
    raise RulesError(f"rules cannot all be met: {clash}") from None


def searched(
    problem: AllocationProblem, starts: list[Floats], stake: float, seconds: float = np.inf,
    progress: Progress | None = None,
) -> Settled:  # fmt: skip
    """Return the best stationary point of the sequential search from several plans stated in intensities."""
    search = Sequential(problem)
    share, tell = 1 / len(starts), progress or (lambda _: None)

    def told(i: int) -> Progress:
        return lambda done: tell((i + done) * share)

    steps = 0 if problem.no_choice else STEPS
    ends = [
        search.run(search.amount_of(start), lift=stake, steps=steps, seconds=seconds * share, progress=told(i))
        for i, start in enumerate(starts)
    ]
    merit = [(end.missed > MISSED, -end.value) for end in ends]
    return ends[merit.index(min(merit))]


def _repaired(problem: AllocationProblem, end: Settled, stake: float) -> Settled:
    """Return the end of a search brought inside rules that its plan, as it is held, missed by a little.

    It is aimed as far beyond them as it missed.
    """
    beyond, steps = np.zeros(len(problem.rows)), end.steps
    for _ in range(REPAIRS_OF_SEARCH):
        missed = problem.signs * (problem.counted(_course_held(problem, end.course)) - problem.limits)
        if not MISSED < (missed / problem.row_units).max(initial=0) <= NEARLY:
            break
        beyond += 1.5 * np.maximum(missed, 0)
        rows = zip(problem.rows, problem.signs, beyond, strict=True)
        search = Sequential(replace(problem, rows=tuple(replace(row, limit=row.limit - s * b) for row, s, b in rows)))
        end = search.run(end.amount, lift=stake, steps=LEAST_STEPS)
        missed = problem.signs * (problem.counted(end.course) - problem.limits)
        steps += end.steps
        end = replace(end, missed=float(np.maximum(missed / problem.row_units, 0).max(initial=0)), steps=steps)
    return end


def least_spend(problem: AllocationProblem) -> Course:
    """Return the rule-feasible plan with the least spend: nothing but what is committed or frozen, or the floors alone.

    Floors are spread evenly over time and heads as far as the other rules allow.
    """
    chain = problem.chain
    if problem.goal == "thrift":
        return follow(chain, problem.targets.with_committed(np.zeros((chain.periods, *problem.targets.shape))))
    rules = tuple(row for row in problem.rows if row.kind != BUDGET and not row.after)  # nor what is asked of value
    thrifty = replace(problem, goal="thrift", rows=rules)
    intensity = problem.targets.with_committed(np.zeros((chain.periods, *problem.targets.shape)))
    search = Sequential(thrifty)
    course = search.follow(search.low)
    if problem.no_choice or (search.missed(course) <= MISSED * thrifty.row_units).all():
        return course
    heads = np.maximum(problem.today.course.observed, 1e-9)
    for row in problem.rows:
        if row.sense == ">=" and row.kind.counts == "money" and row.money is not None and row.limit > 0:
            where = (row.money.toarray().reshape(intensity.shape) > 0) * heads[..., None]
            intensity += np.where(where > 0, row.limit / max(float(where.sum()), 1e-9), 0.0)
    stake = max(float(problem.today.course.spend.sum()), float(follow(chain, intensity).spend.sum()), 1e-9)
    start = search.amount_of(problem.targets.with_committed(intensity))
    return search.run(start, lift=stake, steps=LEAST_STEPS, gain=1e-4).course


def _stake(problem: AllocationProblem, start: Floats, least: Course, best: FullInformation | None) -> float:
    """Return the size of what is searched for, by which gains are measured: the lift, or a thrifty plan's money."""
    course = follow(problem.chain, start)
    if problem.goal == "thrift":
        return max(float(course.spend.sum()), 1e-9)
    possible = 0.0 if best is None else best.bound - least.asset
    return max(abs(course.asset - least.asset), possible, 1e-9 * abs(least.asset))


def _has_thresholds(chain: ControlledChain) -> bool:
    """Return whether some response may be S-shaped: a climb from one plan may then end below the best."""
    if not isinstance(chain, Lifecycle):
        return True

    def threshold(curve: Curve) -> bool:
        if isinstance(curve, BlattbergDeighton):
            return False
        return isinstance(curve, PiecewiseLinear) or curve.steepness > 1

    levers = chain.scenario.levers.values()
    curves = [curve for lever in levers for curve in lever.moves.values()]
    curves += [curve for lever in levers for own in lever.by_segment.values() for curve in own.moves.values()]
    return any(threshold(curve) for curve in curves)


def _termination(best: FullInformation | None, end: Settled, tolerance: float) -> str:
    plan = f"plan {'stationary' if end.stationary else 'stopped at its limit'} after {end.steps} steps"
    if best is None:
        return plan
    bound = f"bound within {tolerance:g} of lift" if best.converged else "bound stopped at its limit"
    return f"{bound} after {best.iterations} prices; {plan}"


def _mean_intensity(problem: AllocationProblem, found: Playable) -> Floats:
    """Return one intensity per (period, target): the mixed plans' mean, weighted by the customers each has there."""
    shape = (problem.chain.periods, *problem.targets.shape)
    intensity = np.zeros(shape)
    for g, (weights, columns) in enumerate(zip(found.mixture.weights, found.columns, strict=True)):
        money = np.zeros((shape[0], *shape[2:]))
        heads = np.zeros((shape[0], shape[2]))
        for weight, column in zip(weights, columns, strict=True):
            money += weight * np.einsum("tsa,sal->tsl", column.used, problem.actions[g])
            heads += weight * column.used.sum(axis=2)
        intensity[:, g] = money / np.maximum(heads, 1e-300)[..., None]
        empty = heads <= 1e-12
        intensity[:, g][empty] = 0
    return intensity


def _course_held(problem: AllocationProblem, course: Course, held: Floats | None = None) -> Course:
    """Return the course of a plan as it is held."""
    held = _held(problem, course) if held is None else held
    return course if held is course.intensity else follow(problem.chain, held)


def _held(problem: AllocationProblem, course: Course) -> Floats:
    """Return the plan with each campaign at one intensity for as long as it runs: the mean, by expected heads.

    Where that breaks rules, campaigns are scaled until it does not.
    """
    targets, periods = problem.targets, problem.chain.periods
    load = contact_load(problem.chain)
    if load.any():  # heads moved a little in the last step
        contacts = np.maximum(course.intensity @ load, 1.0)[..., None]
        return np.where(load > 0, course.intensity / contacts, course.intensity)
    if max(targets.duration) == 1:
        return course.intensity
    out = course.intensity.copy()
    windows = [(k, w) for k in range(targets.shape[2]) for w in targets.windows(k, periods) if targets.duration[k] > 1]
    for lever, window in windows:
        heads, money = course.observed[window].sum(axis=0), course.spend[window, :, :, lever].sum(axis=0)
        out[window, :, :, lever] = np.divide(money, heads, out=np.zeros_like(money), where=heads > 1e-12)
    for _ in range(REPAIRS):
        counted = problem.counted(follow(problem.chain, out))
        missed = problem.signs * (counted - problem.limits) / problem.row_units
        broken = [
            r for r in np.flatnonzero(missed > FITTED) if problem.rows[r].kind.counts != "people" and counted[r] > 0
        ]
        if not broken:
            break
        factor = np.ones_like(out)
        for r in broken:
            scaled = problem.money[r].toarray().reshape(out.shape) > 0
            factor = np.where(scaled, factor * problem.limits[r] / counted[r], factor)
        for lever, window in windows:
            low = factor[window, :, :, lever].min(axis=0)
            factor[window, :, :, lever] = np.where(low < 1, low, factor[window, :, :, lever].max(axis=0))
        out = targets.with_committed(out * factor)
    return out
