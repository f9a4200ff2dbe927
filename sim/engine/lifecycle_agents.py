"""The customers of the lifecycle as agents: a period in which each one's draws decide."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Floats, Ints
from sim.engine import agent_kernels
from sim.engine.agent_kernels import Amounts, Luck, Outcomes, Paths, Tally, Who, column_of_tie
from sim.engine.chain import ALIVE
from sim.engine.columns import CHARGED, PRICE, SERVED
from sim.engine.drawing import Crew, blank_tally
from sim.engine.lifecycle_kernels import BlockTraits, Feelings, Laws, accounts, columns_to_draw_by
from sim.engine.satisfaction_kernels import Falls

__all__ = ["LifecycleDraw"]


@dataclass(frozen=True, eq=False)
class LifecycleDraw:
    """A period in which each customer's draws decide: leaving, purchases, amounts, satisfaction, ties.

    Attributes
    ----------
    counts : (cohorts, states)
        Customers at the period's start.
    paths, outcomes, falls, amounts, money_units, stages
        As :func:`sim.engine.agent_kernels.move_lifecycle` has them.
    odds : (cohorts, laws, columns)
    margin, bad_debt, serve : (cohorts,), (cohorts,), (cohorts, 2)
        For the accounts.
    terms : (cohorts, stages, 3)
        What prices are multiplied by, and what a customer is charged and costs on top.
    reward : (cohorts, states) or None
        Money that a customer costs a period for what binds it; None: none does.
    """

    counts: Ints
    paths: Paths
    odds: Floats
    outcomes: Outcomes
    falls: Falls
    amounts: Amounts
    money_units: float
    stages: int
    margin: Floats
    bad_debt: Floats
    serve: Floats
    terms: Floats
    reward: Floats | None

    @staticmethod
    def of(
        crew: Crew, laws: Laws, traits: BlockTraits, feelings: Feelings, falls: Falls, effects: Floats
    ) -> "LifecycleDraw":  # fmt: skip
        """Return the draw of a period under ``effects[group, stage, effect]``."""
        known = crew.cohorts
        kinds = feelings.bonds.most.size
        odds = np.zeros((known.group.size, laws.kind.size, column_of_tie(max(kinds, 1))))
        columns_to_draw_by(
            laws, feelings, known.group, traits.acquisition[known.block], traits.by_money[known.block], effects, odds
        )
        moves = (3 if feelings.levels else 1, feelings.bonds.step)
        return LifecycleDraw(
            crew.counts, known.paths, odds, Outcomes(feelings.buys, *moves, feelings.renewal), falls,
            known.amounts, known.money_units, known.stages, traits.margin[known.block], traits.bad_debt[known.block],
            traits.serve[known.block], effects[known.group][:, :, [PRICE, CHARGED, SERVED]],
            feelings.bonds.reward[laws.ties[known.paths.law]] if feelings.bonds.reward.any() else None,
        )  # fmt: skip

    def move(
        self, first: int, last: int, who: Who, block: NDArray[np.int32], state: NDArray[np.uint16], luck: Luck,
        out: Tally,
    ) -> None:  # fmt: skip
        """Move customers ``first .. last`` in place in ``state`` and add what happened to ``out``."""
        agent_kernels.move_lifecycle(
            first,
            last,
            who,
            state,
            self.paths,
            self.odds,
            self.outcomes,
            self.falls,
            self.amounts,
            self.money_units,
            luck,
            out,
        )

    def unmoved(self) -> Tally:
        """Return where those who are no customers would be if none of them moved; customers are left out."""
        paths, counts = self.paths, self.counts
        out = blank_tally(counts.shape[0], counts.shape[1], self.stages)
        idle = np.flatnonzero(paths.kind != ALIVE)
        np.add.at(out.counts.T, paths.successor[idle, 0], counts.T[idle])
        rows = np.arange(counts.shape[0])[:, None]
        seen = idle[:-1]
        now, then = paths.stage[:, seen], paths.stage[:, paths.successor[seen, 0]]
        np.add.at(out.moves, (rows, now, then), counts[:, seen])
        return out

    def alone(self, cohort: Ints) -> "LifecycleDraw":
        """Return the same for customers each of whom is a cohort of their own, taken from ``cohort``."""
        return replace(
            self, paths=self.paths.of(cohort), odds=self.odds[cohort], amounts=self.amounts.of(cohort),
            counts=np.zeros((cohort.size, self.counts.shape[1]), dtype=np.int64),
        )  # fmt: skip

    def flows(self, moved: Tally) -> dict[str, Floats]:
        """Return what the period brought, by field of a history, ``[cohort, ...]``."""
        alive = np.zeros(moved.purchases.shape, dtype=np.int64)
        rows = np.arange(self.counts.shape[0])[:, None]
        here = np.flatnonzero(self.paths.kind == ALIVE)
        np.add.at(alive, (rows, self.paths.stage[:, here]), self.counts[:, here])
        price, charged, served = np.moveaxis(self.terms, 2, 0)
        reward, service, unpaid, revenue = accounts(
            moved.revenue / self.money_units / price, price, moved.purchases, alive, charged, self.margin[:, None],
            self.bad_debt[:, None], self.serve[:, :1] + served, self.serve[:, 1:],
        )  # fmt: skip
        if self.reward is not None:
            rewarded = np.zeros(reward.shape)
            np.add.at(rewarded, (rows, self.paths.stage[:, here]), (self.counts * self.reward)[:, here])
            reward, service = reward - rewarded, service + rewarded
        return {
            "purchases": moved.purchases.astype(float), "revenue": revenue, "reward": reward, "cost_to_serve": service,
            "bad_debt": unpaid, "moves": moved.moves.astype(float), "events": moved.events.astype(float),
        }  # fmt: skip
