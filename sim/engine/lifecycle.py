"""The standard maker of chains: the customer lifecycle.

The one source of how customers behave for agents, fluid twin and optimiser. Its states are those of
:mod:`sim.engine.state_space`, its effects those of :mod:`sim.engine.effects`.

A period, in continuous time inside: an alive customer with purchase rate ``l = lambda x rate`` and defection rate
``m = mu x M`` leaves after ``tau ~ Exp(m)`` and buys ``Poisson(l min(tau, 1))`` times; ``M = ln rho(u)/ln
rho(u_ref)`` over the levers that move survival. The silently gone return with a chance, or else are lost with
another. At the reference every multiplier is 1 and a newly won cohort obeys Pareto/NBD (Schmittlein, Morrison &
Colombo 1987).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sim.arrays import Floats, Ints
from sim.engine.agent_kernels import ValueGrid
from sim.engine.attitudes import Attitudes
from sim.engine.chain import (
    ALIVE,
    DEFECTED,
    PROSPECT,
    UNAWARE,
    Conditions,
    ControlledChain,
    Moment,
    Pull,
    Step,
    Wanted,
    observed_counts,
    value_to_go,
)
from sim.engine.columns import CHARGED, SERVED
from sim.engine.crowd import Crowd, present
from sim.engine.drawing import Cohorts, Crew, Draw
from sim.engine.effects import Effects
from sim.engine.lifecycle_agents import LifecycleDraw
from sim.engine.lifecycle_kernels import (
    BlockTraits,
    Feelings,
    Laws,
    fall_chances,
    pull_lifecycle,
    step_lifecycle,
)
from sim.engine.of_late import Late
from sim.engine.offers import exhausted, joint_intensities
from sim.engine.response import intensity_at
from sim.engine.routes import TO_RATE, TO_SPREAD
from sim.engine.satisfaction_kernels import Falls, entering
from sim.engine.terms import CUT, DEEPEST, usual_payments
from sim.engine.ways import Ways
from sim.engine.ways_kernels import BEST, Aims, Leaning
from sim.scenario.curves import BlattbergDeighton, Curve, PiecewiseLinear
from sim.scenario.file import Scenario

__all__ = ["START", "Lifecycle"]

START = {"unaware": 0, "prospect": 1, "new": 2}
"""State that each place of a segment's ``start`` and ``births`` stands for."""

GRID_RATES = np.concatenate([[0.0], np.geomspace(1e-3, 60.0, 25)])
GRID_DEFECTIONS = np.concatenate([[0.0], np.geomspace(1e-4, 30.0, 25)])
"""Nodes of the purchase rate and of the defection rate between which values after the horizon are interpolated."""

RUNGS = np.array([0.01, 0.03, *np.arange(0.06, 0.96, 0.05), 0.98, 0.995, 0.999])
"""Shares of what a curve can bring at which it is looked at along its whole length."""

STEP = 10
"""In how many powers of two the room for what levers can add to revenue grows."""


@dataclass(frozen=True, eq=False)
class Lifecycle(ControlledChain):
    """The lifecycle of a scenario's customers for given blocks.

    Attributes
    ----------
    scenario : Scenario
        Where levers and their curves come from.
    attitudes : Attitudes
        What it says of satisfaction, ties and employees.
    margin, loss : (groups,)
        Margin rate on revenue; chance per period that the silently gone are lost for good.
    purchase_rate, defection_rate : (blocks,)
        Traits, per period.
    mean_spend : (blocks,)
        Money per purchase.
    acquisition : (blocks,)
        What the quality of prospects multiplies the chance of winning by.
    by_money : (blocks,)
        What it multiplies the part of that chance by that money adds.
    bad_debt : (blocks,)
        Share of revenue never paid.
    serve : (blocks, 2)
        Cost to serve per customer and period, and per purchase.
    ceiling : (groups, stages, levers), optional
        The most a head may get, besides what the scenario says.
    """

    scenario: Scenario
    attitudes: Attitudes
    margin: Floats
    loss: Floats
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats
    acquisition: Floats
    by_money: Floats
    bad_debt: Floats
    serve: Floats
    ceiling: Floats | None = None

    @cached_property
    def effects(self) -> Effects:
        """Return the levers, ready to be evaluated."""
        return Effects(self.scenario, self.targets, self.loss, self.payments)

    @cached_property
    def late(self) -> Late | None:
        """Return what levers remember of what they did; None where none does."""
        return Late(self.effects) if self.effects.late else None

    @cached_property
    def payments(self) -> Floats:
        """Return what a customer of each group's segment usually pays a period, (groups,).

        As the segment's traits say, whoever of it is there; of a base the mean of its customers.
        """
        names, weight = self.targets.segments, self.initial.sum(axis=1)
        of_base = usual_payments(names, self.group, weight, self.purchase_rate * self.mean_spend)
        stated = (self.scenario.segments[name].payment if name in self.scenario.segments else None for name in names)
        return np.array([float(base if own is None else own) for own, base in zip(stated, of_base, strict=True)])

    @cached_property
    def crowd(self) -> Crowd:
        """Return the market's part in the odds."""
        return Crowd(self.scenario, self.targets, self.attitudes, observed_counts(self, self.initial))

    @cached_property
    def buys(self) -> int:
        """Return how many numbers of purchases in a period are told apart."""
        return int(self.space.bought.max())

    @cached_property
    def structure(self) -> tuple[Laws, BlockTraits, Feelings]:
        """Return what the kernels know of laws, blocks, and satisfaction and ties."""
        space, attitudes = self.space, self.attitudes
        laws = Laws(space.law_kind, space.law_stage, space.law_level, space.law_ties, space.law_grown)
        down = np.zeros((self.group.size, laws.kind.size))
        fall_chances(laws, attitudes.by_level, attitudes.tie_effects, self.defection_rate, down)
        traits = BlockTraits(
            self.group, self.purchase_rate, self.defection_rate, self.mean_spend, self.acquisition,
            self.margin[self.group], self.bad_debt, self.serve, down, self.by_money,
        )  # fmt: skip
        feelings = Feelings(
            attitudes.moves, attitudes.level_effects, attitudes.bonds, attitudes.entry_mix, self.growth,
            attitudes.levels, self.buys, self.scenario.law == "renewal",
        )  # fmt: skip
        return laws, traits, feelings

    @cached_property
    def growth(self) -> Floats:
        """Return what each step of growth multiplies (purchase rate, amount) by, (groups, steps, 2)."""
        out = np.ones((self.targets.shape[0], int(self.space.law_grown.max()) + 1, 2))
        for group, name in enumerate(self.targets.segments):
            segment = self.scenario.segments.get(name)
            if segment is not None and segment.growth is not None:
                steps = segment.growth.multipliers
                out[group, : len(steps)] = steps
        return out

    @cached_property
    def _falls(self) -> Falls:
        """Return how agents find out whether satisfaction falls."""
        return self.attitudes.falls(self.space)

    def responses(self, environment: Floats, intensity: Floats) -> Floats:
        """Return the effects ``[..., group, stage, effect]`` of ``intensity[..., group, stage, lever]``."""
        return self.effects.responses(environment, intensity)

    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period of every block."""
        return self.step_under(np.ascontiguousarray(self.responses(environment, intensity)))

    def steps(self, environment: Floats, intensities: Floats) -> Iterator[Step]:
        """Yield the same for ``intensities[plan, group, stage, lever]``: plans beside each other, seen at one go."""
        return map(self.step_under, np.ascontiguousarray(self.responses(environment, intensities)))

    def step_under(self, effects: Floats) -> Step:
        """Return one period of every block under ``effects[group, stage, effect]``."""
        blocks, laws = self.group.size, self.space.law_kind.size
        probability = np.zeros((blocks, laws, self.space.successor.shape[1]))
        out = Step(probability, *(np.zeros((blocks, laws)) for _ in range(4)))
        step_lifecycle(*self.structure, effects, out)
        return out

    def pull(self, environment: Floats, intensity: Floats) -> Pull:
        """Return the way back from a step's ``probability`` and ``reward`` to (intensity, environment)."""
        return self.pulls(environment, intensity[None])[0]

    def pulls(self, environment: Floats, intensities: Floats) -> list[Pull]:
        """Return the same for ``intensities[plan, group, stage, lever]``: plans beside each other, seen at one go."""
        effects, ways = self.effects.pulls(environment, intensities)

        def way(number: int) -> Pull:
            def back(by_probability: Floats, by_reward: Floats) -> tuple[Floats, Floats]:
                by_effects = np.zeros_like(effects[number])
                pull_lifecycle(*self.structure, effects[number], by_probability, by_reward, by_effects)
                return ways[number](by_effects)

            return back

        return [way(number) for number in range(len(intensities))]

    # --- What can be done ---

    def actions(self, refine: bool = False) -> tuple[Floats, Ints]:
        """Return joint intensities along what the levers' curves can bring."""
        return joint_intensities(self.targets, self.usual, self.contact_load, refine, self.moved, self.limit)

    def moved(self, group: int, lever: int) -> tuple[dict[str, Curve], float]:
        """Return what a lever moves for a group, by curve, and its reach."""
        return self.effects.moved(group, lever)

    @cached_property
    def ways(self) -> Ways:
        """Return what money can make of customers along a few dimensions."""
        return Ways(self)

    @cached_property
    def whole_ways(self) -> Ways:
        """Return the same with everything on the grid."""
        return Ways(self, whole=True)

    @cached_property
    def coarse_ways(self) -> Ways:
        """Return the same on a coarse grid."""
        return Ways(self, whole=True, coarse=True)

    def worth_at_most(
        self, money: Floats, unit: Floats, bonus: Floats, end: Floats, threads: int = 1, near: Floats | None = None,
        leaning: Leaning | None = None,
    ) -> Floats:  # fmt: skip
        """Return by block the most that any policy can be worth that sees everything, over all intensities."""
        usual = near is None and leaning is None
        ways = self.ways if usual else Ways(self, near=near, uneven=leaning is not None)
        return ways.worth(money, Aims(unit, bonus, end), threads, leaning or BEST)

    @cached_property
    def usual(self) -> Floats:
        """Return a lever's reference, or where it is zero the intensity its curve was stated at."""
        usual = self.targets.reference.copy()
        for group, lever in np.ndindex(usual.shape[0], usual.shape[2]):
            stated = float(next(iter(self.moved(group, lever)[0].values())).spend)
            usual[group, :, lever] = np.where(usual[group, :, lever] > 0, usual[group, :, lever], stated)
        return usual

    @cached_property
    def most(self) -> Floats:
        """Return where the last of a lever's curves is exhausted, or a rule says stop."""
        most = np.zeros(self.targets.shape)
        for group, lever in np.ndindex(most.shape[0], most.shape[2]):
            most[group, :, lever] = max(exhausted(curve) for curve in self.moved(group, lever)[0].values())
        return np.where(self.targets.allowed, np.minimum(most, self.limit), 0.0)

    @cached_property
    def limit(self) -> Floats:
        """Return ``levers.X.most``, or the ceiling where that is lower; infinite where a lever has none.

        No price is cut by more than :data:`~sim.engine.terms.DEEPEST`.
        """
        stated = [np.inf if lever.most is None else lever.most for lever in self.scenario.levers.values()]
        most = np.broadcast_to(np.array(stated), self.targets.shape)
        prices = np.array([lever.pays == CUT for lever in self.scenario.levers.values()])
        if prices.any():
            most = np.where(prices, np.minimum(most, DEEPEST * self.payments[:, None, None]), most)
        return most if self.ceiling is None else np.minimum(most, self.ceiling)

    def held_to(self, limit: Floats) -> "Lifecycle":
        """Return the same with intensities up to ``limit[group, stage, lever]``."""
        return replace(self, ceiling=np.minimum(self.limit, limit))

    def corners(self, group: int, lever: int) -> Floats:
        """Return the points of a lever's broken lines."""
        curves = self.moved(group, lever)[0].values()
        return np.unique([u for curve in curves if isinstance(curve, PiecewiseLinear) for u, _ in curve.points])

    def ladder(self, group: int, lever: int) -> Floats:
        """Return intensities in even steps of what a lever's curves bring, closer at their ends; and their points."""
        rungs = [np.array([0.0]), self.usual[group, :, lever]]
        for curve in self.moved(group, lever)[0].values():
            if isinstance(curve, PiecewiseLinear):
                points = np.array([u for u, _ in curve.points])
                rungs += [points, (points[1:] + points[:-1]) / 2]
            else:
                rungs.append(intensity_at(curve, RUNGS))
        return np.unique(np.minimum(np.concatenate(rungs), self.limit[group, :, lever].max()))

    @property
    def has_thresholds(self) -> bool:
        """Return whether some response may be S-shaped: a climb from one plan may then end below the best.

        Our price against a rival's is, as ``p`` to a power rises ever faster the deeper the cut; and so is money that
        spills over, which does nothing before it makes good what a neighbour's lack of money takes away.
        """
        if self.effects.priced or self.crowd.media.spills:
            return True

        def threshold(curve: Curve) -> bool:
            if isinstance(curve, BlattbergDeighton):
                return False
            return isinstance(curve, PiecewiseLinear) or curve.steepness > 1

        levers = self.scenario.levers.values()
        curves = [curve for lever in levers for curve in lever.moves.values()]
        curves += [curve for lever in levers for own in lever.by_segment.values() for curve in own.moves.values()]
        return any(threshold(curve) for curve in curves)

    @property
    def contact_load(self) -> Floats:
        """Return the share of a customer's contacts that a unit of money uses, (groups, 1, levers); zeros: no limit."""
        most, shape = self.scenario.rules.contacts, (self.targets.shape[0], 1, self.targets.shape[2])
        if most is None:
            return np.zeros(shape)
        costs = [lever.cost_per_contact for lever in self.scenario.levers.values()]
        return np.broadcast_to(np.array([0.0 if cost is None else 1 / (cost * most) for cost in costs]), shape)

    # --- What acts through the market ---

    @property
    def couples(self) -> bool:
        """Return whether what one customer does can change the odds of another."""
        return self.crowd.couples

    @property
    def priced(self) -> bool:
        """Return whether our price counts against a rival's own."""
        return self.effects.priced

    @property
    def employees_at_start(self) -> float:
        """Return points of employee satisfaction at the start; nan where they are not in the model."""
        return self.crowd.employees_at_start

    def present(self, period: int) -> tuple[Sequence[int], Sequence[int]]:
        """Return which rivals and which shocks are there in a period, by number."""
        return present(self.scenario.competitors, period), present(self.scenario.shocks, period)

    def last_survey(self, period: int) -> int | None:
        """Return the period of the last survey whose result is known at the start of a period; None: of none yet."""
        return self.scenario.survey.last_known(period) if self.scenario.survey else None

    def conditions(self, now: Moment, intensity: Floats) -> Conditions:
        """Return what customers are under: talk, rivals' reactions, diffusion, environment, saturation, employees."""
        crowd = self.crowd
        talk = crowd.talk(now.levels)
        reactions = {number: crowd.reaction(number, now.observed) for number in now.rivals}
        spread = crowd.spread(now.observed)
        environment = crowd.around(now, reactions, talk, spread)
        (effective, acts), late = crowd.media.works(intensity, now.observed), None
        if self.late is not None and now.late is not None:
            effective, late, acts = self.late.works(effective, intensity, now.late, acts)
        after = crowd.employees_after(now.employees, now.shocks, effective, now.observed)
        return Conditions(environment, effective, after, reactions, talk, late, acts)

    def conditions_pull(
        self, now: Moment, met: Conditions, intensity: Floats, by_environment: Floats, by_effective: Floats,
        by_employees: float, by_late: Floats | None = None,
    ) -> Wanted:  # fmt: skip
        """Return the way back of :meth:`conditions`."""
        crowd = self.crowd
        if not crowd.couples and self.late is None:
            return super().conditions_pull(now, met, intensity, by_environment, by_effective, by_employees, by_late)
        by_reactions, by_now, by_talk = crowd.environment_pull(by_environment, met, now.employees)
        kept, more, by_observed = crowd.employees_pull(by_employees, met.employees_after, met.effective, now.observed)
        by_works, by_paid, by_before = by_effective + more, None, None
        if self.late is not None and now.late is not None and by_late is not None:
            saturated, _ = crowd.media.works(intensity, now.observed)
            by_works, by_paid, by_before = self.late.pull(by_works, by_late, saturated, met.effective, now.late)
        by_intensity, heads = crowd.media.pull(by_works, intensity, now.observed)
        by_intensity = by_intensity if by_paid is None else by_intensity + by_paid
        by_observed = by_observed + heads + crowd.spread_pull(by_environment[:, TO_SPREAD], now.observed)
        for rival, wanted in by_reactions.items():
            by_observed = by_observed + crowd.reaction_pull(rival, wanted, now.observed)
        by_levels = None if met.talk is None else crowd.talk_pull(by_talk, now.levels)
        return Wanted(by_intensity, by_observed, by_levels, kept + by_now, by_before)

    def at_rest(self) -> "Lifecycle":
        """Return the same without rivals, shocks, employees and changes of value to the customer."""
        given = self.scenario
        segments = {name: each.model_copy(update={"value_to_customer": None}) for name, each in given.segments.items()}
        quiet = {"competitors": (), "shocks": (), "employees": None, "segments": segments}
        return replace(self, scenario=given.model_copy(update=quiet))

    @cached_property
    def at_reference(self) -> Conditions:
        """Return what customers are under where nothing comes from outside and today's money is spent."""
        environment = self.at_rest().crowd.environment(None, {}, (), math.nan)
        return Conditions(environment, self.targets.reference, math.nan, {})

    # --- What is written down ---

    def flows(self, step: Step) -> dict[str, Floats]:
        """Return what a customer of each (block, law) brings in a period, by field of a history."""
        assert step.service is not None
        return {
            **super().flows(step), "cost_to_serve": step.service, "bad_debt": step.revenue * self.bad_debt[:, None],
        }  # fmt: skip

    def events(self, step: Step) -> dict[str, Floats]:
        """Return the chance of each event of a history for a customer of each (block, law)."""
        odds, kind = step.probability, self.space.law_kind
        leaves = odds[:, :, self.buys : 2 * self.buys].sum(axis=2)
        enters = odds[:, :, [entering(k) for k in range(self.attitudes.entry_mix.size)]].sum(axis=2)
        chances = (
            ("won", PROSPECT, enters), ("returned", DEFECTED, enters), ("left", ALIVE, leaves),
            ("lost", DEFECTED, odds[:, :, 2]), ("aware", UNAWARE, odds[:, :, 1]),
        )  # fmt: skip
        return {name: np.where(kind == true, chance, 0.0) for name, true, chance in chances}

    def share_of_customer(self, met: Conditions, alive: Floats) -> Floats:
        """Return our mean share of purchases by group of ``alive[group, stage]``; nan where it is not in the model."""
        usual, number = self.effects.shares[:, None], alive.sum(axis=1)
        if not usual.any():
            return np.full(number.shape, np.nan)
        share = usual * self.effects.share_multiplier(met.environment, self.effects.utility(met.effective))
        mean = np.divide((alive * share).sum(axis=1), number, out=np.full(number.shape, np.nan), where=number > 0)
        return np.asarray(mean)

    # --- Agents ---

    @property
    def traits(self) -> tuple[Floats, Floats, Floats]:
        """Return purchase rate, defection rate and mean spend by block."""
        return self.purchase_rate, self.defection_rate, self.mean_spend

    @property
    def largest_revenue(self) -> float:
        """Return about as much as a customer may bring in a period, however money and the market move that."""
        most = max(float(self.environment[..., TO_RATE].max()), 1.0)
        most /= float(np.where(self.effects.shares > 0, self.effects.shares, 1.0).min())
        most *= float(np.prod(self.attitudes.level_effects[:, 1:].max(axis=0)))
        most *= float(self.growth.prod(axis=2).max())
        most *= float(self.attitudes.bonds.effects[:, 1:].prod(axis=1).max())
        for lever in self.scenario.levers.values():
            overrides = [own.moves for own in lever.by_segment.values()]
            for moved in ("purchase_rate", "amount"):
                curves = [moves[moved] for moves in (lever.moves, *overrides) if moved in moves]
                answers = [(1 + c.unlimited_money) / max(1 + c.without_money, 1e-3) for c in curves]
                most *= max(answers, default=1.0) + (lever.of_late.pulled_forward if lever.of_late else 0.0)
        most = 2.0 ** (STEP * math.ceil(math.log2(most) / STEP))  # so that one lever more rounds no purchase otherwise
        return float((self.mean_spend * np.maximum(self.purchase_rate, 1.0)).max()) * most

    def grown(self, group: int, state: int) -> tuple[float, float]:
        """Return what being kept so long multiplies a customer's purchase rate and amounts by."""
        rate, amount = self.growth[group, self.space.law_grown[self.space.law[group, state]]]
        return float(rate), float(amount)

    def start_state(self, place: str) -> int:
        """Return the state in which people of a place of ``start`` or ``births`` begin."""
        return START[place]

    def draw(self, crew: Crew, met: Conditions) -> Draw:
        """Return a period in which each customer's draws decide, one after another."""
        return LifecycleDraw.of(crew, *self.structure, self._falls, self.responses(met.environment, met.effective))

    def value_grid(self, cohorts: Cohorts) -> ValueGrid:
        """Return what customers earn and cost after the horizon, at nodes of the two rates, undiscounted.

        What is earned is per unit of mean spend. Cohorts that respond alike share one computation.
        """
        effects = self.responses(self.environment[-1], self.targets.reference)
        rate, defection = (grid.ravel() for grid in np.meshgrid(GRID_RATES, GRID_DEFECTIONS, indexing="ij"))
        nodes = (GRID_RATES.size, GRID_DEFECTIONS.size, self.block_law.shape[1])
        done: dict[bytes, int] = {}
        index = np.empty(cohorts.group.size, dtype=np.int64)
        earned: list[Floats] = []
        spent: list[Floats] = []
        for cohort, (group, at) in enumerate(zip(cohorts.group, cohorts.block, strict=True)):
            own = (self.acquisition[at], self.bad_debt[at], self.serve[at], self.by_money[at])
            alike = (
                effects[group], self.targets.reference[group], self.margin[group], self.space.law[group],
                self.growth[group], *own,
            )  # fmt: skip
            key = b"".join(np.asarray(part).tobytes() for part in alike)
            index[cohort] = done.setdefault(key, len(earned))
            if index[cohort] < len(earned):
                continue
            ones = np.ones(rate.size)
            at_nodes = replace(
                self,
                group=np.full(rate.size, group),
                initial=np.zeros((rate.size, nodes[2])),
                arrivals=np.zeros((0, rate.size, nodes[2])),
                purchase_rate=rate,
                defection_rate=defection,
                mean_spend=ones,
                acquisition=own[0] * ones,
                by_money=own[3] * ones,
                bad_debt=own[1] * ones,
                serve=np.tile(own[2], (rate.size, 1)),
            )
            gained, paid = value_to_go(at_nodes)
            if own[2].any() or effects[group][:, [CHARGED, SERVED]].any() or self.attitudes.bonds.reward.any():
                served, _ = value_to_go(replace(at_nodes, mean_spend=0 * ones))
                gained, paid = gained - served, paid - served
            earned.append(gained.reshape(nodes))
            spent.append(paid.reshape(nodes))
        return ValueGrid(GRID_RATES, GRID_DEFECTIONS, index, np.stack(earned), np.stack(spent))
