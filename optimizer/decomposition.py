"""Dantzig-Wolfe decomposition of the occupancy LP, with full information and playable.

The occupancy LP maximises ``sum_g value_g(plan_g)`` subject to ``sum_g usage_g(plan_g) <= limits``. A group's plans
are priced by dynamic programming at the master's prices ``y`` of money; the master mixes the plans found so far and
returns new prices. With full information (a plan may see state and trait class) pricing is exact, and

``bound = min_y  sum_g max_plan [value_g - y usage_g] + y limits``

bounds every policy that meets the rules in expectation, uses these intensities, and faces the same trait law.
*Playable* plans act alike on everything the firm cannot see; they are priced by exact coordinate improvement, so
their mixture is a lower bound with prices of its own. Prices are d(asset)/d(limit), in discounted money.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer import decomposition_kernels as kernels
from optimizer.problem import AllocationProblem
from optimizer.solver import LinearProgramme
from sim.errors import RulesError, SolverError

__all__ = ["Column", "FullInformation", "Playable", "full_information", "playable"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[str, float], None]

STATE_SWEEPS = 40
"""Coordinate sweeps of a playable plan at given prices; it usually settles within ten."""
SMOOTHING = 0.5
"""Share of the best prices so far in the next ones (Wentges 1997)."""
KEPT = 10
"""Columns without weight that the master keeps per group."""
FIRST_PENALTY, LAST_PENALTY = 1e2, 1e8
"""Value lost per unit of money by which a rule is broken, while searching; prices near the last are conflicts."""


@dataclass(frozen=True, eq=False)
class Column:
    """One plan of one group.

    Attributes
    ----------
    value : float
        Discounted money earned less spend.
    usage : (rows,)
        Money counted by each rule.
    used : (periods, stages, actions)
        Expected head counts under each action.
    action : array
        (periods, blocks of the group, states) with full information, (periods, stages) if playable.
    """

    value: float
    usage: Floats
    used: Floats
    action: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Mixture:
    """The master's answer: how much of each column, and prices."""

    weights: list[Floats]
    prices: Floats
    value: float
    violation: Floats


@dataclass(frozen=True, eq=False)
class FullInformation:
    """The best with full information, and the bound."""

    bound: float
    prices: Floats
    value: float
    mixture: Mixture
    columns: list[list[Column]]
    iterations: int
    seconds: float
    converged: bool


@dataclass(frozen=True, eq=False)
class Playable:
    """The best playable mixture found."""

    value: float
    prices: Floats
    mixture: Mixture
    columns: list[list[Column]]
    iterations: int
    seconds: float


@dataclass(eq=False)
class _Pricing:
    """The kernels bound to one problem, with blocks shared out over threads."""

    problem: AllocationProblem
    threads: int = 2

    def __post_init__(self) -> None:
        chain, problem = self.problem.chain, self.problem
        if (np.diff(chain.group) < 0).any():
            raise ValueError("blocks must be ordered by group")
        self.groups = chain.targets.shape[0]
        self.first = np.searchsorted(chain.group, np.arange(self.groups + 1))
        happens = np.asarray(problem.probability.any(axis=(0, 1, 3)))
        self.outcomes = happens.shape[1] - happens[:, ::-1].argmax(axis=1)
        self.regime = chain.regimes[1]
        self.structure = (
            chain.block_stage, chain.block_law, chain.space.successor, self.outcomes, self.regime,
            problem.probability, problem.reward,
        )  # fmt: skip
        self.terminal = chain.terminal
        self.pool = ThreadPoolExecutor(self.threads)

    def cost(self, prices: Floats) -> Floats:
        """Return discounted cost by (period, group, stage, action) at the rules' prices."""
        price = np.einsum("r,rtl->tl", prices, self.problem.coefficients)
        price += self.problem.chain.discount[:-1, None]
        return np.ascontiguousarray(np.einsum("tl,gsal->tgsa", price, self.problem.actions))

    def best(self, prices: Floats) -> tuple[float, list[Column]]:
        """Return the Lagrangian at ``prices`` and each group's best full-information plan."""
        chain = self.problem.chain
        blocks, states = chain.initial.shape
        action = np.zeros((chain.periods, blocks, states), dtype=np.uint8)
        value = np.empty((blocks, states))
        cost = self.cost(prices)

        def run(part: tuple[int, int]) -> None:
            kernels.best_response(
                *part, chain.group, *self.structure, cost, self.problem.choices, chain.discount, self.terminal, action,
                value,
            )  # fmt: skip

        edges = np.linspace(0, blocks, 4 * self.threads + 1).astype(int)
        list(self.pool.map(run, zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)))
        lagrangian = float((chain.initial * value).sum() + prices @ self.problem.limits)
        return lagrangian, self.columns_of(action)

    def columns_of(self, action: NDArray[np.uint8]) -> list[Column]:
        """Return what full-information plans ``action[period, block, state]`` bring and use, by group."""
        chain = self.problem.chain
        _, stages, most, _ = self.problem.actions.shape
        used = np.zeros((self.groups, chain.periods, stages, most))
        earned = np.zeros(self.groups)
        kernels.play_states(
            0, chain.group.size, chain.group, *self.structure, chain.discount, self.terminal, chain.initial, action,
            used, earned,
        )  # fmt: skip
        return [
            self._column(g, earned[g], used[g], action[:, self.first[g] : self.first[g + 1]])
            for g in range(self.groups)
        ]

    def _column(self, group: int, earned: float, used: Floats, action: NDArray[np.uint8]) -> Column:
        spend = np.einsum("tsa,sal->tl", used, self.problem.actions[group])
        usage = np.einsum("rtl,tl->r", self.problem.coefficients, spend)
        value = float(earned - self.problem.chain.discount[:-1] @ spend.sum(axis=1))
        return Column(value, usage, used, action.copy())

    def playable_column(self, group: int, action: NDArray[np.uint8]) -> Column:
        """Return what a playable plan ``action[period, stage]`` of one group brings and uses."""
        chain = self.problem.chain
        first, last = self.first[group], self.first[group + 1]
        by_state = np.zeros((chain.periods, chain.group.size, chain.initial.shape[1]), dtype=np.uint8)
        by_state[:, first:last] = action[:, chain.block_stage[first:last]]
        _, stages, most, _ = self.problem.actions.shape
        used, earned = np.zeros((self.groups, chain.periods, stages, most)), np.zeros(self.groups)
        kernels.play_states(
            first, last, chain.group, *self.structure, chain.discount, self.terminal, chain.initial, by_state, used,
            earned,
        )  # fmt: skip
        return self._column(group, earned[group], used[group], action)

    def improve(self, prices: Floats, starts: list[list[NDArray[np.uint8]]]) -> list[list[Column]]:
        """Return by group the playable plans that coordinate improvement reaches from each start."""
        chain = self.problem.chain
        cost = self.cost(prices)

        def run(group: int) -> list[Column]:
            first, last = self.first[group], self.first[group + 1]
            occupancy = np.empty((chain.periods, last - first, chain.initial.shape[1]))
            found: dict[bytes, NDArray[np.uint8]] = {}
            for start in starts[group]:
                action = start.copy()
                kernels.improve_playable(
                    first, last, group, *self.structure, cost, self.problem.choices, chain.discount, self.terminal,
                    chain.initial, action, occupancy, STATE_SWEEPS,
                )  # fmt: skip
                found[action.tobytes()] = action
            return [self.playable_column(group, action) for action in found.values()]

        order = sorted(range(self.groups), key=lambda g: int(self.first[g] - self.first[g + 1]))
        return [columns for _, columns in sorted(zip(order, self.pool.map(run, order), strict=True))]


def _master(problem: AllocationProblem, columns: list[list[Column]], penalty: float) -> Mixture:
    """Mix the columns: maximise value, groups whole, rules met or paid for at ``penalty`` a unit of money.

    What a rule is missed by is measured in units of the rule, so that the programme does not depend on the currency.
    """
    flat = [(g, column) for g, group in enumerate(columns) for column in group]
    size, rows = len(flat), len(problem.rows)
    values = np.array([column.value for _, column in flat])
    units = problem.row_units
    lp = LinearProgramme(np.append(values, -penalty * units), float(np.abs(values).max()))
    usage = np.array([column.usage for _, column in flat]).reshape(size, rows)
    everyone = np.arange(size)
    for r, row in enumerate(problem.rows):
        slack = -problem.signs[r] * units[r]
        lp.add_row(np.append(everyone, size + r), np.append(usage[:, r], slack), row.sense, row.limit)
    group = np.array([g for g, _ in flat])
    for g in range(len(columns)):
        mine = np.flatnonzero(group == g)
        lp.add_row(mine, np.ones(mine.size), "=", 1.0)
    answer = lp.solve()
    if answer.status != "optimal":
        raise SolverError(f"the master programme ended {answer.status} ({answer.termination})")
    weights = [np.clip(answer.values[:size][group == g], 0, None) for g in range(len(columns))]
    prices = np.where(problem.signs > 0, np.maximum(answer.duals[:rows], 0), np.minimum(answer.duals[:rows], 0))
    return Mixture(weights, prices, float(values @ answer.values[:size]), answer.values[size:] * units)


def _violated(problem: AllocationProblem, mixture: Mixture) -> bool:
    return bool((mixture.violation > 1e-7 * problem.row_units).any())


def _conflict(problem: AllocationProblem, mixture: Mixture) -> RulesError:
    worst = int(np.argmax(mixture.violation))
    row = problem.rows[worst]
    return RulesError(
        f"rules cannot all be met: '{row.name}' asks for {row.sense} {row.limit:,.2f} and misses it by "
        f"{mixture.violation[worst]:,.2f}; loosen it, or give its lever more targets or intensities"
    )


@dataclass(eq=False)
class _Search:
    """Columns and the bound, as pricing finds them."""

    pricing: _Pricing
    columns: list[list[Column]]
    prices: Floats
    bound: float = np.inf
    count: int = 0

    def price(self, at: Floats) -> Floats:
        """Price at ``at``; keep the columns, and the bound if it is the best; return the use of every row."""
        self.count += 1
        lagrangian, found = self.pricing.best(at)
        if lagrangian < self.bound:
            self.bound, self.prices = lagrangian, at
        for group, column in zip(self.columns, found, strict=True):
            group.append(column)
        return np.asarray(sum(column.usage for column in found))

    def forget(self, mixture: Mixture) -> Mixture:
        """Drop columns without weight that are worth least at the master's prices; return the mixture without them."""
        weights = []
        for g, group in enumerate(self.columns):
            worth = np.array([column.value - mixture.prices @ column.usage for column in group])
            best = np.argsort(-worth, kind="stable")[:KEPT]
            kept = sorted({*np.flatnonzero(mixture.weights[g] > 0).tolist(), *best.tolist()})
            self.columns[g] = [group[i] for i in kept]
            weights.append(mixture.weights[g][kept])
        return replace(mixture, weights=weights)


def full_information(
    problem: AllocationProblem,
    tolerance: float = 1e-3,
    *,
    iterations: int = 300,
    gradient_steps: int = 40,
    threads: int = 2,
    progress: Progress | None = None,
) -> FullInformation:
    """Solve the occupancy LP with full information.

    Stops when ``bound - value <= tolerance x (bound - value of spending nothing)``. Subgradient steps on the prices
    come first (Polyak's step towards the best mixture so far), then master prices smoothed towards the best ones.
    Rules may be broken at a penalty, which rises until they hold or it is clear that they cannot.

    Raises
    ------
    RulesError
        If no plan meets the rules.
    """
    began = time.perf_counter()
    chain = problem.chain
    problem.check_rules()
    pricing = _Pricing(problem, threads)
    nothing = pricing.columns_of(np.zeros((chain.periods, *chain.initial.shape), dtype=np.uint8))
    base = sum(column.value for column in nothing)
    search = _Search(pricing, [[column] for column in nothing], np.zeros(len(problem.rows)))
    penalty = FIRST_PENALTY
    _descend(problem, search, base, penalty, gradient_steps)
    trust, converged = SMOOTHING, False
    for step in range(iterations):
        mixture = _master(problem, search.columns, penalty)
        gap = search.bound - (mixture.value - penalty * float(mixture.violation.sum()))
        if gap <= tolerance * max(search.bound - base, 1e-12 * abs(search.bound)):
            converged = not _violated(problem, mixture)
            if converged:
                break
            if penalty >= LAST_PENALTY:
                raise _conflict(problem, mixture)
            penalty *= 100
        if step % 5 == 4:
            mixture = search.forget(mixture)
        if progress:
            progress("bound", min(0.99, search.count / (2 * gradient_steps + 1)))
        before = search.bound
        search.price(mixture.prices + trust * (search.prices - mixture.prices))
        trust = SMOOTHING if search.bound < before else 0.7 * trust
        if search.bound >= before:
            search.price(mixture.prices)
    if not converged:
        mixture = _master(problem, search.columns, penalty)
        if _violated(problem, mixture):
            raise _conflict(problem, mixture)
    return FullInformation(
        search.bound, mixture.prices, mixture.value, mixture, search.columns, search.count,
        time.perf_counter() - began, converged,
    )  # fmt: skip


def _descend(problem: AllocationProblem, search: _Search, base: float, penalty: float, steps: int) -> None:
    """Take subgradient steps on the prices, in units of the rules' limits."""
    scale = 1 / problem.row_units
    prices, target, length = search.prices, base, 1.0
    for step in range(steps if len(problem.rows) else 0):
        before = search.bound
        slope = (search.price(prices) - problem.limits) * scale
        slope[(prices == 0) & (slope * problem.signs < 0)] = 0
        if not slope.any():
            return
        if step % 10 == 9:
            mixture = _master(problem, search.columns, penalty)
            search.forget(mixture)
            if not _violated(problem, mixture):
                target = max(target, mixture.value)
        if search.bound >= before:
            length *= 0.8
            if step % 5 == 4:
                prices = search.prices
        room = max(search.bound - target, 1e-9 * abs(search.bound))
        moved = prices + length * room / (slope @ slope) * slope * scale
        prices = np.where(problem.signs > 0, np.maximum(moved, 0), np.minimum(moved, 0))


def playable(
    problem: AllocationProblem,
    start: FullInformation,
    *,
    iterations: int = 25,
    threads: int = 2,
    progress: Progress | None = None,
) -> Playable:
    """Return the best mixture of playable plans found, starting from the full-information prices.

    Prices move as in :func:`full_information`; a plan of a group starts from doing nothing, from the reference, from
    the full-information plan rounded to what can be seen, and from the group's best plan so far.

    Raises
    ------
    RulesError
        If the rules can be met with full information but not by a playable plan.
    """
    began = time.perf_counter()
    pricing = _Pricing(problem, threads)
    groups = pricing.groups
    seeds = [[_nothing(problem), _reference(problem, g), _rounded(problem, start, g)] for g in range(groups)]
    columns = [[pricing.playable_column(g, action) for action in seeds[g]] for g in range(groups)]
    penalty = 1e4
    prices, best = start.prices, -np.inf
    quiet = 0
    mixture = _master(problem, columns, penalty)
    for step in range(iterations):
        starts = []
        for g in range(groups):
            worth = [column.value - prices @ column.usage for column in columns[g]]
            ahead = columns[g][int(np.argmax(worth))].action
            starts.append([ahead] if step > 2 else [*seeds[g], ahead])
        for group, found in zip(columns, pricing.improve(prices, starts), strict=True):
            known = {column.action.tobytes() for column in group}
            group.extend(column for column in found if column.action.tobytes() not in known)
        mixture = _master(problem, columns, penalty)
        value = mixture.value - penalty * float(mixture.violation.sum())
        if progress:
            progress("plan", step / iterations)
        lift = max(start.bound - columns_value(columns), 1e-12)
        quiet = quiet + 1 if value <= best + 1e-4 * lift else 0
        best = max(best, value)
        if quiet >= 4:
            break
        prices = mixture.prices if quiet % 2 else SMOOTHING * prices + (1 - SMOOTHING) * mixture.prices
    if _violated(problem, mixture):
        raise _conflict(problem, mixture)
    return Playable(mixture.value, mixture.prices, mixture, columns, step + 1, time.perf_counter() - began)


def columns_value(columns: list[list[Column]]) -> float:
    """Return the value of every group's first plan: doing nothing."""
    return sum(group[0].value for group in columns)


def _nothing(problem: AllocationProblem) -> NDArray[np.uint8]:
    return np.zeros((problem.chain.periods, problem.targets.shape[1]), dtype=np.uint8)


def _reference(problem: AllocationProblem, group: int) -> NDArray[np.uint8]:
    distance = np.abs(problem.actions[group] - problem.targets.reference[group][:, None, :]).sum(axis=2)
    for stage, count in enumerate(problem.choices[group]):
        distance[stage, count:] = np.inf
    nearest = distance.argmin(axis=1).astype(np.uint8)
    return np.repeat(nearest[None], problem.chain.periods, axis=0)


def _rounded(problem: AllocationProblem, start: FullInformation, group: int) -> NDArray[np.uint8]:
    """Return the action nearest to the mean intensity that the full-information plan gives each target."""
    weights = start.mixture.weights[group]
    used = sum(w * column.used for w, column in zip(weights, start.columns[group], strict=True))
    used = np.asarray(used)
    mean = np.einsum("tsa,sal->tsl", used, problem.actions[group]) / np.maximum(used.sum(axis=2), 1e-300)[..., None]
    distance = np.abs(problem.actions[group][None] - mean[:, :, None, :]).sum(axis=3)
    for stage, count in enumerate(problem.choices[group]):
        distance[:, stage, count:] = np.inf
    return np.asarray(distance.argmin(axis=2), dtype=np.uint8)
