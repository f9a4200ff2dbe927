"""The standard maker of chains: the customer lifecycle.

The one source of how customers behave for agents, fluid twin and optimiser. A state is what is true (unaware,
prospect, or alive / silently gone / lost for good) together with what is observed (number of purchases up to `core`,
silent periods up to `lapsed`).

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
from numpy.typing import NDArray

from sim.contract import Targets
from sim.curves import Curve
from sim.engine.chain import ALIVE, DEFECTED, LOST, PROSPECT, UNAWARE, ControlledChain, StateSpace, Step
from sim.engine.response import response
from sim.scenario import CUSTOMER_STAGES, STAGES, Competitor, Scenario, Thresholds

__all__ = [
    "Lifecycle",
    "alive_outcomes",
    "environment_of",
    "scheduled_environment",
    "state_index",
    "state_space",
    "targets_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EFFECTS = ("aware", "won", "returned", "lost", "defection", "rate", "amount")
"""What a period's odds are made of: four chances and three multipliers."""
AWARE, WON, RETURNED, LOST_CHANCE, DEFECTION, RATE, AMOUNT = range(7)

CHANCE_OF = {"awareness": AWARE, "acquisition": WON, "reactivation": RETURNED}
ROUTES = {"defection": 0, "acquisition": 1, "share of customer": 2}


def state_space(thresholds: Sequence[Thresholds]) -> StateSpace:
    """Return the states and their links, with one row of stages per group's thresholds."""
    counts = max(t.core for t in thresholds)
    silences = max(t.lapsed for t in thresholds) + 1
    buys = counts  # none, one, ...: from one purchase, counts - 1 more reach the lump, so more need not be told apart
    names = ["unaware", "prospect"]
    kind = [UNAWARE, PROSPECT]
    observed = [(0, 0), (0, 0)]
    for true, word in ((ALIVE, "alive"), (DEFECTED, "gone"), (LOST, "lost")):
        for count in range(1, counts + 1):
            for silence in range(silences):
                names.append(f"{word}, {count} bought, {silence} silent")
                kind.append(true)
                observed.append((count, silence))

    def at(true: int, count: int, silence: int) -> int:
        return int(_place(counts, silences, np.array(true), np.array(count), np.array(silence)))

    successor = np.zeros((len(names), 2 * buys), dtype=np.int64)
    for state, (true, (count, silence)) in enumerate(zip(kind, observed, strict=True)):
        if true == UNAWARE:
            successor[state] = [0, 1] + [0] * (2 * buys - 2)
        elif true == PROSPECT:
            successor[state] = [1, at(ALIVE, 1, 0)] + [1] * (2 * buys - 2)
        elif true == ALIVE:
            for bought in range(buys):
                then = (count + bought, 0 if bought else silence + 1)
                successor[state, bought] = at(ALIVE, *then)
                successor[state, buys + bought] = at(DEFECTED, *then)
        else:
            successor[state] = at(true, count, silence + 1)
            if true == DEFECTED:
                successor[state, 1] = at(ALIVE, count + 1, 0)
                successor[state, 2] = at(LOST, count, silence + 1)

    first = len(STAGES) - len(CUSTOMER_STAGES)
    laws = [(UNAWARE, 0), (PROSPECT, 1)] + [
        (true, first + s) for true in (ALIVE, DEFECTED, LOST) for s in range(len(CUSTOMER_STAGES))
    ]
    stage = np.array(
        [[_stage(t, k, *seen) for k, seen in zip(kind, observed, strict=True)] for t in thresholds], dtype=np.int64
    )
    law = np.array([[laws.index((k, s)) for k, s in zip(kind, row, strict=True)] for row in stage], dtype=np.int64)
    return StateSpace(
        names=tuple(names),
        kind=np.array(kind, dtype=np.int64),
        stage=stage,
        law=law,
        law_stage=np.array([s for _, s in laws], dtype=np.int64),
        law_kind=np.array([k for k, _ in laws], dtype=np.int64),
        successor=successor,
    )


def state_index(space: StateSpace, true: Ints, count: Ints, silence: Ints) -> Ints:
    """Return the state of customers by truth (ALIVE, DEFECTED, LOST), purchases so far and silent periods."""
    alive = int((space.kind == ALIVE).sum())
    counts = space.successor.shape[1] // 2
    return _place(counts, alive // counts, true, count, silence)


def _place(counts: int, silences: int, true: Ints, count: Ints, silence: Ints) -> Ints:
    line = (true - ALIVE) * counts + np.minimum(count, counts) - 1
    return np.asarray(2 + line * silences + np.minimum(silence, silences - 1))


def _stage(thresholds: Thresholds, kind: int, count: int, silence: int) -> int:
    if kind in (UNAWARE, PROSPECT):
        return kind
    if silence >= thresholds.lapsed:
        name = "lapsed"
    elif silence >= thresholds.declining:
        name = "declining"
    elif count >= thresholds.core:
        name = "core"
    else:
        name = "new" if count == 1 else "developing"
    return STAGES.index(name)


def targets_of(scenario: Scenario, segments: Sequence[str], tiers: Sequence[str]) -> Targets:
    """Return who can be told apart and which lever can be used on whom."""
    shape = (len(segments), len(STAGES), len(scenario.levers))
    allowed = np.zeros(shape, dtype=bool)
    reference = np.zeros(shape)
    for i, lever in enumerate(scenario.levers.values()):
        for group, (segment, tier) in enumerate(zip(segments, tiers, strict=True)):
            override = lever.by_segment.get(segment)
            usual = lever.reference if override is None or override.reference is None else override.reference
            for stage in lever.targets if tier in lever.tiers else ():
                allowed[group, STAGES.index(stage), i] = True
                reference[group, STAGES.index(stage), i] = usual
    return Targets(tuple(segments), tuple(tiers), STAGES, tuple(scenario.levers), allowed, reference)


def environment_of(rivals: Sequence[Competitor]) -> Floats:
    """Return what competitors that are there multiply: (defection, acquisition, share of customer)."""
    environment = np.ones(len(ROUTES))
    for rival in rivals:
        environment[ROUTES[rival.route]] *= 1 + rival.strength if rival.route == "defection" else 1 - rival.strength
    return environment


def scheduled_environment(rivals: Sequence[Competitor], periods: int) -> Floats:
    """Return :func:`environment_of` by period, (periods + 1, routes); the last row is the time after the horizon."""
    return np.stack(
        [
            environment_of([r for r in rivals if r.start <= t and (r.end is None or t < r.end)])
            for t in range(periods + 1)
        ]
    )


def alive_outcomes(defection: Floats, rate: Floats, buys: int) -> tuple[Floats, Floats]:
    """Return the odds of one period of alive customers, and their expected purchases.

    With ``m`` the defection and ``l`` the purchase rate:
    ``P(stays, n) = e^-m Poisson(n; l)``,
    ``P(leaves, n) = m l^n/(l+m)^(n+1) P(n+1, l+m)`` (regularised lower incomplete gamma), the last class being
    ``buys - 1`` or more, and ``E[purchases] = l (1 - e^-m)/m``. ``m`` may be infinite.

    Returns
    -------
    (..., 2 buys) and (...)
    """
    from scipy.special import gammainc

    m, rate = np.broadcast_arrays(np.asarray(defection, dtype=float), np.asarray(rate, dtype=float))
    never = np.isinf(m)
    m = np.where(never, 1.0, m)
    both = m + rate
    safe = np.where(both > 0, both, 1.0)
    stays = np.exp(-m)
    leaves = -np.expm1(-m)
    out = np.zeros((*m.shape, 2 * buys))
    poisson = np.exp(-rate)
    gone = m / safe
    for n in range(buys - 1):
        out[..., n] = stays * poisson
        out[..., buys + n] = gone * gammainc(n + 1, both)
        poisson = poisson * rate / (n + 1)
        gone = gone * rate / safe
    out[..., buys - 1] = np.maximum(stays - out[..., : buys - 1].sum(axis=-1), 0)
    out[..., 2 * buys - 1] = np.maximum(leaves - out[..., buys : 2 * buys - 1].sum(axis=-1), 0)
    out[never] = np.eye(2 * buys)[buys]
    exposure = np.where(m > 0, leaves / np.where(m > 0, m, 1.0), 1.0)
    return out, np.where(never, 0.0, rate * exposure)


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
    """

    scenario: Scenario
    margin: Floats
    loss: Floats
    purchase_rate: Floats
    defection_rate: Floats
    mean_spend: Floats

    @cached_property
    def _moves(self) -> list[tuple[int, str, float, list[tuple[Curve, Ints]]]]:
        """Return per lever and effect: lever, effect, reach, and each distinct curve with the groups it holds for."""
        out = []
        for i, lever in enumerate(self.scenario.levers.values()):
            for moved, usual in lever.moves.items():
                groups: dict[Curve, list[int]] = {}
                for group, segment in enumerate(self.targets.segments):
                    override = lever.by_segment.get(segment)
                    curve = override.moves.get(moved, usual) if override else usual
                    groups.setdefault(curve, []).append(group)
                out.append((i, str(moved), lever.reach, [(curve, np.array(g)) for curve, g in groups.items()]))
        return out

    def responses(self, environment: Floats, intensity: Floats) -> Floats:
        """Return the effects ``[..., group, stage, effect]`` of ``intensity[..., group, stage, lever]``.

        Chances combine as ``1 - prod(1 - f)``; rate and amount are multiplied by ``(1 + f(u))/(1 + f(u_ref))``;
        survival by ``M = ln rho(u)/ln rho(u_ref)``. Where a lever has no target it is neutral.
        """
        effect = np.ones((*intensity.shape[:-1], len(EFFECTS)))
        missed = np.ones_like(effect)
        for i, moved, reach, curves in self._moves:
            here = self.targets.allowed[:, :, i]
            f = np.empty(intensity.shape[:-1])
            usual = np.empty(here.shape)
            for curve, groups in curves:
                f[..., groups, :] = response(curve, intensity[..., groups, :, i], reach)
                usual[groups] = response(curve, self.targets.reference[groups, :, i], reach)
            if moved in CHANCE_OF:
                missed[..., CHANCE_OF[moved]] *= np.where(here, 1 - f, 1.0)
                continue
            if moved == "survival":
                with np.errstate(divide="ignore", invalid="ignore"):
                    effect[..., DEFECTION] *= np.where(here, np.log(f) / np.log(usual), 1.0)
            else:
                effect[..., RATE if moved == "purchase_rate" else AMOUNT] *= np.where(here, (1 + f) / (1 + usual), 1.0)
        for chance in CHANCE_OF.values():
            effect[..., chance] = 1 - missed[..., chance]
        effect[..., LOST_CHANCE] = self.loss[:, None]
        effect[..., DEFECTION] *= environment[ROUTES["defection"]]
        effect[..., WON] *= environment[ROUTES["acquisition"]]
        effect[..., RATE] *= environment[ROUTES["share of customer"]]
        return effect

    def step(self, environment: Floats, intensity: Floats) -> Step:
        """Return one period of every block."""
        effects = self.responses(environment, intensity)[self.group[:, None], self.space.law_stage[None, :]]
        kind = self.space.law_kind
        blocks, laws = effects.shape[:2]
        outcomes = self.space.successor.shape[1]
        probability = np.zeros((blocks, laws, outcomes))
        purchases = np.zeros((blocks, laws))
        rate = self.purchase_rate[:, None]
        alive = kind == ALIVE
        leaving = np.zeros((blocks, int(alive.sum())))
        np.multiply(
            self.defection_rate[:, None],
            effects[:, alive, DEFECTION],
            out=leaving,
            where=self.defection_rate[:, None] > 0,
        )
        probability[:, alive], purchases[:, alive] = alive_outcomes(
            leaving, rate * effects[:, alive, RATE], outcomes // 2
        )
        for true, chance in ((UNAWARE, AWARE), (PROSPECT, WON), (DEFECTED, RETURNED)):
            probability[:, kind == true, 1] = effects[:, kind == true, chance]
            if true != UNAWARE:
                purchases[:, kind == true] = effects[:, kind == true, chance]
        gone = kind == DEFECTED
        probability[:, gone, 2] = (1 - probability[:, gone, 1]) * effects[:, gone, LOST_CHANCE]
        probability[:, ~alive, 0] = 1 - probability[:, ~alive, 1:].sum(axis=2)
        amount = np.where(alive, effects[:, :, AMOUNT], 1.0)
        revenue = purchases * amount * self.mean_spend[:, None]
        return Step(probability, purchases, revenue, revenue * self.margin[self.group][:, None])
