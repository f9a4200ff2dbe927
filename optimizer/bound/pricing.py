"""Plans of one group as columns: what they bring and use, found by dynamic programming, mixed by the master.

A group's plans are priced at the rules' prices ``y`` of money, d(asset)/d(limit), in discounted money. The kernels
are in :mod:`optimizer.bound.decomposition_kernels`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from optimizer.ask.problem import AllocationProblem
from optimizer.bound import decomposition_kernels as kernels
from optimizer.bound.decomposition_kernels import (
    Cheapest,
    Counts,
    OwnAction,
    Part,
    Played,
    Response,
    Starts,
    Transitions,
)
from optimizer.bound.layout import Layout
from optimizer.lp.programmes import LinearProgramme
from optimizer.tolerances import EMPTY
from sim.arrays import Floats
from sim.engine.sensitivity import Aim, follow
from sim.errors import RulesError, SolverError

__all__ = ["Column", "Mixture", "Pricing", "conflict", "master", "violated"]

SHARES = 2
"""Parts that a group's blocks are worked on in; sums are taken by part, whatever the number of threads."""
STATE_SWEEPS = 40
"""Coordinate sweeps of a playable plan at given prices; it usually settles within ten."""


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


USED_UP = 1e-6
"""Share of a customer's contacts that may be left where they are used up."""
OUT_OF_REACH = 1e15
"""Cost, a head, of an action that cannot be taken because something else is committed: never chosen."""
NO_ACTION = OwnAction(np.empty((0, 0, 0, 0)), np.empty((0, 0, 0, 0)), np.empty((0, 0, 0)), np.empty((0, 0, 0)))
"""No action besides the problem's."""


@dataclass(eq=False)
class Pricing:
    """The kernels bound to one problem, with blocks shared out over threads."""

    problem: AllocationProblem
    threads: int = 2

    def __post_init__(self) -> None:
        chain, problem = self.problem.chain, self.problem
        if (np.diff(chain.group) < 0).any():
            raise ValueError("blocks must be ordered by group")
        self.groups = chain.targets.shape[0]
        self.first = np.searchsorted(chain.group, np.arange(self.groups + 1))
        self.regime = chain.regimes[1]
        self.happens = np.asarray(problem.probability.any(axis=(0, 1, 3)))
        self.outcomes = chain.space.successor.shape[1] - self.happens[:, ::-1].argmax(axis=1)
        self.transitions = Transitions(
            chain.block_stage, chain.block_law, chain.space.successor, self.outcomes, self.regime,
            problem.probability, problem.reward, problem.choices,
        )  # fmt: skip
        self.starts = Starts(chain.initial, chain.arrivals)
        self.whole = [Part(g, int(a), int(b)) for g, (a, b) in enumerate(pairwise(self.first))]
        edges = [np.linspace(a, b, SHARES + 1).astype(int) for a, b in pairwise(self.first)]
        parts = [Part(g, int(a), int(b)) for g, each in enumerate(edges) for a, b in pairwise(each)]
        self.parts = [part for part in parts if part.first < part.last]

    @cached_property
    def layout(self) -> Layout:
        """Return the odds as the kernels of full information read them."""
        return Layout.of(self.problem, self.happens)

    def aim(self, prices: Floats, worth: float = 1.0) -> Aim:
        """Return what is maximised, times ``worth``, less what rules count at their prices, and contacts at theirs."""
        problem, aim, chain = self.problem, self.problem.aim, self.problem.chain
        money = worth * aim.money + (prices @ problem.money).reshape(aim.money.shape)
        people = worth * aim.people - (prices @ problem.people).reshape(aim.people.shape)
        if (charged := problem.contact_prices) is not None:
            money = money + charged[..., None] * chain.contact_load
            people[:-1] += charged[:, :, chain.space.law_stage]
        return Aim(
            worth * aim.reward - (prices @ problem.earned).reshape(aim.reward.shape), money, people,
            worth * aim.terminal - float(prices @ problem.after),
        )  # fmt: skip

    def contact_prices(self, prices: Floats, intensity: Floats) -> Floats:
        """Return by (period, group, stage) what the contacts of one customer more would bring a plan, at least 0.

        Where they are used up: what its money would bring there beyond its own cost and the rules' prices.
        """
        load, course = self.problem.chain.contact_load, follow(self.problem.chain, intensity)
        brings = (course.slope(self.aim(prices)) * intensity * (load > 0)).sum(axis=3)
        used_up = ((intensity * load).sum(axis=3) >= 1 - USED_UP) & (course.observed > EMPTY)
        each = np.divide(brings, course.observed, out=np.zeros_like(brings), where=used_up)
        return np.asarray(np.maximum(each, 0.0))

    def counts(self, aim: Aim) -> Counts:
        """Return the kernels' view of an aim."""
        chain = self.problem.chain
        end = aim.terminal * chain.terminal + aim.people[-1][chain.group[:, None], chain.block_law]
        return Counts(*map(np.ascontiguousarray, (aim.reward, aim.people[:-1], end)))

    def cost(self, prices: Floats) -> Floats:
        """Return discounted cost by (period, group, stage, action) at the rules' prices."""
        return self._cost(self.aim(prices))

    def _cost(self, aim: Aim) -> Floats:
        cost = np.einsum("tgsl,gsal->tgsa", aim.money, self.problem.actions, optimize=True)
        return np.ascontiguousarray(np.where(self.problem.possible, cost, OUT_OF_REACH))

    def best(self, prices: Floats) -> tuple[float, list[Column]]:
        """Return the Lagrangian at ``prices`` and each group's best full-information plan."""
        lagrangian, action = self.lagrangian(prices)
        return lagrangian, self.columns_of(action)

    def lagrangian(
        self, prices: Floats, own: Floats | None = None, worth: float = 1.0
    ) -> tuple[float, NDArray[np.uint8]]:
        """Return the Lagrangian at ``prices`` and the best action per (period, block, state).

        ``own[period, group, stage, lever]`` are intensities to choose from besides the problem's actions; ``worth``
        is what a unit of the aim counts.
        """
        chain = self.problem.chain
        blocks, states = chain.initial.shape
        action = np.zeros((chain.periods, blocks, states), dtype=np.uint8)
        response = Response(action, np.empty((blocks, states)), np.zeros(blocks))
        aim = self.aim(prices, worth)
        layout, own_action = (self.layout, NO_ACTION) if own is None else self._own(aim, own)
        shape = (chain.periods, *layout.rows.shape, layout.reward.shape[3])
        cheapest = Cheapest(np.empty(shape), np.zeros(shape, dtype=np.uint8))
        kernels.cheapest_actions(
            self._cost(aim), chain.space.law_stage, self.problem.choices, layout.rows, layout.row_of, cheapest
        )
        reading, counts = layout.read(self.regime), self.counts(aim)

        def run(part: Part) -> None:
            kernels.best_response(part, reading, cheapest, counts, chain.arrivals, own_action, response)

        self._spread(run, self.parts)
        worth_of_all = (chain.initial * response.value).sum() + response.arrived.sum()
        return float(worth_of_all + prices @ self.problem.limits), action

    def _spread(self, run: Callable[[Part], None], parts: list[Part]) -> None:
        """Run over parts, which do not depend on the number of threads."""
        if self.threads == 1 or len(parts) <= SHARES:
            for part in parts:
                run(part)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(run, parts))

    def _own(self, aim: Aim, own: Floats) -> tuple[Layout, OwnAction]:
        """Return one more action per period as the kernel takes it, and a layout with all its outcomes."""
        chain, layout = self.problem.chain, self.layout
        steps = [chain.step(chain.environment[t], own[t]) for t in range(chain.periods)]
        odds = np.stack([step.probability for step in steps])
        happens = odds.any(axis=(0, 1))
        if (happens & ~layout.happens).any():
            layout = Layout.of(self.problem, happens | layout.happens)
        cost = np.einsum("tgsl,tgsl->tgs", aim.money, own)[:, :, chain.space.law_stage]
        earned = np.stack([step.reward for step in steps])
        return layout, OwnAction(*layout.of_outcomes(odds), earned, np.ascontiguousarray(cost))

    def columns_of(self, action: NDArray[np.uint8]) -> list[Column]:
        """Return what full-information plans ``action[period, block, state]`` bring and use, by group."""
        return self._played(action, range(self.groups), [action[:, first:last] for _, first, last in self.whole])

    def group_column(self, group: int, action: NDArray[np.uint8]) -> Column:
        """Return what a full-information plan ``action[period, block of the group, state]`` brings and uses."""
        chain = self.problem.chain
        by_state = np.zeros((chain.periods, *chain.initial.shape), dtype=np.uint8)
        by_state[:, self.first[group] : self.first[group + 1]] = action
        return self._played(by_state, [group], [action])[0]

    def playable_column(self, group: int, action: NDArray[np.uint8]) -> Column:
        """Return what a playable plan ``action[period, stage]`` of one group brings and uses."""
        chain = self.problem.chain
        first, last = self.first[group], self.first[group + 1]
        by_state = np.zeros((chain.periods, chain.group.size, chain.initial.shape[1]), dtype=np.uint8)
        by_state[:, first:last] = action[:, chain.block_stage[first:last]]
        return self._played(by_state, [group], [action])[0]

    def by_block(self, action: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return what every block brings, (blocks,), and uses, (blocks, rows), under ``action[period, block, state]``.

        Counted are the blocks' own customers, whatever the plans of other blocks.
        """
        return self._counted(action, range(self.groups), np.empty((0, 0, 0, 0)))

    def _counted(self, action: NDArray[np.uint8], groups: Sequence[int], used: Floats) -> tuple[Floats, Floats]:
        """Return what the blocks of groups bring and use; unless empty, ``used`` is filled."""
        problem, chain, layout = self.problem, self.problem.chain, self.layout
        blocks, (_, stages, levers) = chain.group.size, chain.targets.shape
        spend, earned = np.zeros((blocks, chain.periods, stages, levers)), np.zeros((blocks, chain.periods))
        people, ended = np.zeros((blocks, chain.periods + 1, chain.space.law_kind.size)), np.zeros_like(chain.initial)
        played, reading = Played(used, spend, people, earned, ended), layout.read(self.regime)
        action = np.ascontiguousarray(action)

        def run(part: Part) -> None:
            kernels.play_states(part, reading, chain.space.law_stage, problem.actions, self.starts, action, played)

        self._spread(run, [part for part in self.parts if part.group in groups])
        left, aim = (ended * chain.terminal).sum(axis=1), problem.aim
        value, usage = np.zeros(blocks), np.zeros((blocks, len(problem.rows)))
        for g in groups:
            mine = slice(self.first[g], self.first[g + 1])
            cash, heads = spend[mine].reshape(-1, chain.periods * stages * levers), people[mine]
            money, counted, gained = self._by_group[g]
            value[mine] = earned[mine] @ aim.reward[:, g] - cash @ aim.money[:, g].ravel() + aim.terminal * left[mine]
            usage[mine] = (money @ cash.T + counted @ heads.reshape(len(cash), -1).T + gained @ earned[mine].T).T
            usage[mine] += left[mine, None] * problem.after
        return value, usage

    def _played(
        self, by_state: NDArray[np.uint8], groups: Sequence[int], actions: list[NDArray[np.uint8]]
    ) -> list[Column]:
        """Return the columns of groups under ``by_state[period, block, state]``; ``actions`` are kept in them."""
        chain = self.problem.chain
        used = np.zeros((chain.group.size, chain.periods, *self.problem.actions.shape[1:3]))
        value, usage = self._counted(by_state, groups, used)
        out = []
        for g, action in zip(groups, actions, strict=True):
            mine = slice(self.first[g], self.first[g + 1])
            whole = float(value[mine].sum()), usage[mine].sum(axis=0), used[mine].sum(axis=0)
            out.append(Column(*whole, action.copy()))
        return out

    @cached_property
    def _by_group(self) -> list[tuple[csr_matrix, csr_matrix, csr_matrix]]:
        """Return the rows' counts of each group's money, people and earnings."""
        problem, chain = self.problem, self.problem.chain
        laws = chain.space.law_kind.size
        money = np.arange(problem.money.shape[1]).reshape(chain.periods, self.groups, -1)
        people = np.arange(problem.people.shape[1]).reshape(chain.periods + 1, self.groups, laws)
        earned = np.arange(problem.earned.shape[1]).reshape(chain.periods, self.groups)
        columns = problem.money.tocsc(), problem.people.tocsc(), problem.earned.tocsc()
        return [
            (
                columns[0][:, money[:, g].ravel()].tocsr(),
                columns[1][:, people[:, g].ravel()].tocsr(),
                columns[2][:, earned[:, g]].tocsr(),
            )
            for g in range(self.groups)
        ]

    def improve(self, prices: Floats, starts: list[list[NDArray[np.uint8]]]) -> list[list[Column]]:
        """Return by group the playable plans that coordinate improvement reaches from each start."""
        aim = self.aim(prices)
        cost, counts = self._cost(aim), self.counts(aim)

        def run(group: int) -> list[Column]:
            found: dict[bytes, NDArray[np.uint8]] = {}
            for start in starts[group]:
                action = start.copy()
                kernels.improve_playable(
                    self.whole[group], self.transitions, cost, counts, self.starts, action, STATE_SWEEPS
                )
                found[action.tobytes()] = action
            return [self.playable_column(group, action) for action in found.values()]

        order = sorted(range(self.groups), key=lambda g: int(self.first[g] - self.first[g + 1]))
        with ThreadPoolExecutor(self.threads) as pool:
            found = dict(zip(order, pool.map(run, order), strict=True))
        return [found[group] for group in range(self.groups)]


def master(problem: AllocationProblem, columns: list[list[Column]], penalty: float) -> Mixture:
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


def violated(problem: AllocationProblem, mixture: Mixture) -> bool:
    """Return whether a rule is missed by more than rounding."""
    return bool((mixture.violation > 1e-7 * problem.row_units).any())


def conflict(problem: AllocationProblem, violation: Floats) -> RulesError:
    """Return the error that names the rule missed by most."""
    worst = int(np.argmax(violation))
    row = problem.rows[worst]
    return RulesError(
        f"rules cannot all be met: '{row.name}' asks for {row.sense} {row.limit:,.2f} and misses it by "
        f"{violation[worst]:,.2f}; loosen it, or give its lever more targets or intensities"
    )
