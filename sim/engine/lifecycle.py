"""The standard maker of chains: the customer lifecycle.

The one source of how customers behave for agents, fluid twin and optimiser. Its states are those of
:mod:`sim.engine.state_space`, its effects those of :mod:`sim.engine.effects`.

A period, in continuous time inside: an alive customer with purchase rate ``l = lambda x rate`` and defection rate
``m = mu x M`` leaves after ``tau ~ Exp(m)`` and buys ``Poisson(l min(tau, 1))`` times; ``M = ln rho(u)/ln
rho(u_ref)`` over the levers that move survival. The silently gone return with a chance, or else are lost with
another. At the reference every multiplier is 1 and a newly won cohort obeys Pareto/NBD (Schmittlein, Morrison &
Colombo 1987).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Floats
from sim.contract import Targets
from sim.engine.attitudes import Attitudes
from sim.engine.chain import ControlledChain, Pull, Step, observed_counts
from sim.engine.crowd import Crowd
from sim.engine.effects import Effects
from sim.engine.lifecycle_kernels import pull_lifecycle, step_lifecycle
from sim.scenario import STAGES, Scenario

__all__ = ["Lifecycle", "targets_of"]


def targets_of(scenario: Scenario, segments: Sequence[str], tiers: Sequence[str]) -> Targets:
    """Return who can be told apart, which lever can be used on whom, and how long it takes to act."""
    shape = (len(segments), len(STAGES), len(scenario.levers))
    allowed = np.zeros(shape, dtype=bool)
    reference, committed = np.zeros(shape), np.zeros(shape)
    for i, lever in enumerate(scenario.levers.values()):
        for group, (segment, tier) in enumerate(zip(segments, tiers, strict=True)):
            override = lever.by_segment.get(segment)
            usual = lever.reference if override is None or override.reference is None else override.reference
            for stage in lever.targets if tier in lever.tiers else ():
                allowed[group, STAGES.index(stage), i] = True
                reference[group, STAGES.index(stage), i] = usual
                committed[group, STAGES.index(stage), i] = usual if lever.committed is None else lever.committed
    levers = scenario.levers.values()
    return Targets(
        tuple(segments),
        tuple(tiers),
        STAGES,
        tuple(scenario.levers),
        allowed,
        reference,
        committed,
        tuple(lever.lead_time for lever in levers),
        tuple(lever.duration for lever in levers),
    )


@dataclass(frozen=True, eq=False)
class Lifecycle(ControlledChain):
    """The lifecycle of a scenario's customers for given blocks.

    Attributes
    ----------
    scenario : Scenario
        Where levers and their curves come from.
    margin, loss : (groups,)
        Margin rate on revenue; chance per period that the silently gone are lost for good.
    purchase_rate, defection_rate : (blocks,)
        Traits, per period.
    mean_spend : (blocks,)
        Money per purchase.
    acquisition : (blocks,)
        What the quality of prospects multiplies the chance of winning by.
    bad_debt : (blocks,)
        Share of revenue never paid.
    serve : (blocks, 2)
        Cost to serve per customer and period, and per purchase.
    """

    scenario: Scenario
    margin: Floats
    loss: Floats
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats
    acquisition: Floats
    bad_debt: Floats
    serve: Floats

    @cached_property
    def effects(self) -> Effects:
        """Return the levers, ready to be evaluated."""
        return Effects(self.scenario, self.targets, self.loss)

    @cached_property
    def attitudes(self) -> Attitudes:
        """Return what the scenario says of satisfaction and ties."""
        return Attitudes(self.scenario)

    @cached_property
    def crowd(self) -> Crowd:
        """Return the market's part in the odds."""
        return Crowd(self.scenario, self.targets, self.attitudes, observed_counts(self, self.initial))

    @cached_property
    def buys(self) -> int:
        """Return how many numbers of purchases in a period are told apart."""
        return int(self.space.bought.max())

    def _structure(self, effects: Floats) -> tuple[object, ...]:
        space, attitudes = self.space, self.attitudes
        return (
            self.group, space.law_kind, space.law_stage, space.law_level, space.law_ties, effects, self.purchase_rate,
            self.defection_rate, self.mean_spend, self.acquisition, self.margin[self.group] - self.bad_debt, self.serve,
            attitudes.moves, attitudes.level_effects, attitudes.tie_effects,
            self.scenario.links.follow if self.scenario.links else 0.0,
            self.buys, attitudes.levels, attitudes.ties, self.scenario.law == "renewal",
        )  # fmt: skip

    def responses(self, environment: Floats, intensity: Floats) -> Floats:
        """Return the effects ``[..., group, stage, effect]`` of ``intensity[..., group, stage, lever]``."""
        return self.effects.responses(environment, intensity)

    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period of every block."""
        effects = np.ascontiguousarray(self.responses(environment, intensity))
        blocks, laws = self.group.size, self.space.law_kind.size
        probability = np.zeros((blocks, laws, self.space.successor.shape[1]))
        purchases, revenue, reward = (np.zeros((blocks, laws)) for _ in range(3))
        step_lifecycle(*self._structure(effects), probability, purchases, revenue, reward)
        return Step(probability, purchases, revenue, reward)

    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        """Return the way back from a step's ``probability`` and ``reward`` to (intensity, environment)."""
        effects = np.ascontiguousarray(self.responses(environment, intensity))
        structure, pull_effects = self._structure(effects), self.effects.pull(environment, intensity)

        def back(by_probability: Floats, by_reward: Floats) -> tuple[Floats, Floats]:
            by_effects = np.zeros_like(effects)
            pull_lifecycle(*structure, by_probability, by_reward, by_effects)
            return pull_effects(by_effects)

        return back
