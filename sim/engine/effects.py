"""How money and the market become odds: effects by group and observed stage, and the way back.

``responses`` turns intensities and the climate (rivals, shocks, seasons, word of mouth, employees) into the effects a
period's odds are made of; ``pull`` is the way back: from the derivative of anything with respect to those effects to
its derivative with respect to intensities and climate (the adjoint of ``responses``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Floats, Ints
from sim.contract import Targets
from sim.engine.response import response, slope
from sim.engine.terms import curves_of
from sim.scenario.curves import Curve
from sim.scenario.file import Scenario

__all__ = ["EFFECTS", "NEUTRAL", "ROUTES", "Effects"]

Slope = tuple[int, int, Floats]
Back = Callable[[Floats], tuple[Floats, Floats]]

EFFECTS = (
    "aware", "won", "returned", "lost", "defection", "rate", "amount", "satisfaction", "ties", "turnover", "leaving",
    "price", "charge", "service",
)  # fmt: skip
"""Four chances, three multipliers, a shift of the chances of satisfaction, the chance of a tie more, of one lost.

Then terms: a rate of leaving on top, what prices are multiplied by, money that a customer is charged and costs on top.
"""
AWARE, WON, RETURNED, LOST_CHANCE, DEFECTION, RATE, AMOUNT, SATISFIED, TIED, TURNOVER = range(10)
LEAVING, PRICE, CHARGED, SERVED = range(10, 14)

ROUTES = (
    "defection", "acquisition", "awareness", "purchase rate", "share of customer", "satisfaction", "turnover",
    "diffusion",
)  # fmt: skip
"""How the market acts: four multipliers, attraction of rivals in the logit, two shifts of chances, and a chance."""
TO_DEFECTION, TO_WON, TO_AWARE, TO_RATE, TO_RIVALS, TO_SATISFIED, TO_TURNOVER, TO_SPREAD = range(8)
NEUTRAL = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])

SUM_OF = {"satisfaction": SATISFIED, "annoyance": SATISFIED, "links": TIED, "charge": CHARGED, "service": SERVED}
"""Effects that add up, and where; terms are what they are, others as far as they differ from the reference."""
TERMS = ("charge", "service")
CHANCE_OF = {"awareness": AWARE, "acquisition": WON, "reactivation": RETURNED}
FOR_EVER = 1e30
"""A defection multiplier that stands for "nobody stays"."""


@dataclass(frozen=True, eq=False)
class Effects:
    """The levers of a scenario, ready to be evaluated.

    Attributes
    ----------
    scenario : Scenario
    targets : Targets
    loss : (groups,)
        Chance per period that the silently gone are lost for good.
    payments : (groups,)
        What a customer usually pays a period, of which prices are cut.
    """

    scenario: Scenario
    targets: Targets
    loss: Floats
    payments: Floats

    def moved(self, group: int, lever: int) -> tuple[dict[str, Curve], float]:
        """Return what a lever moves for a group, by curve, and its reach."""
        own = self.scenario.levers[self.targets.levers[lever]]
        return curves_of(own, self.targets.segments[group], float(self.payments[group])), own.reach

    @cached_property
    def _moves(self) -> list[tuple[int, str, float, list[tuple[Curve, Ints]]]]:
        """Return per lever and effect: lever, effect, reach, and each distinct curve with the groups it holds for."""
        out = []
        for i, lever in enumerate(self.scenario.levers.values()):
            by_group = [self.moved(group, i)[0] for group in range(len(self.targets.segments))]
            for moved in by_group[0]:
                if moved == "employee":
                    continue  # a matter of the firm, not of a target: sim.engine.crowd
                groups: dict[Curve, list[int]] = {}
                for group, curves in enumerate(by_group):
                    groups.setdefault(curves[moved], []).append(group)
                out.append((i, moved, lever.reach, [(curve, np.array(g)) for curve, g in groups.items()]))
        return out

    @cached_property
    def _usual(self) -> list[Floats]:
        """Return each move's response at the reference, (groups, stages)."""
        return [_by_group(curves, self.targets.reference[:, :, i], reach) for i, _, reach, curves in self._moves]

    def responses(self, environment: Floats, intensity: Floats) -> Floats:
        """Return the effects ``[..., group, stage, effect]``.

        Chances combine as ``1 - prod(1 - f)``, and diffusion adds its own to that of winning; rate and amount are
        multiplied by ``(1 + f(u))/(1 + f(u_ref))``; survival by ``M = ln rho(u)/ln rho(u_ref)``; satisfaction and ties
        shift by ``f(u) - f(u_ref)``; preference is the ``v`` of the logit ``1/(s + (1 - s + rivals) e^-v)``. Leaving
        comes on top as the rate ``-ln(1 - f)``; prices are multiplied by ``(1 - c(u))/(1 - c(u_ref))``, and what is
        charged and costs to serve adds up (:mod:`sim.engine.terms`). Where a lever has no target it is neutral.

        Parameters
        ----------
        environment : (..., groups, routes)
        intensity : (..., groups, stages, levers)
            Money per targeted customer per period.
        """
        effect, utility, _ = self._of_money(environment, intensity)
        return self._of_market(environment, effect, utility)

    def _of_money(self, environment: Floats, intensity: Floats) -> tuple[Floats, Floats, list[Floats]]:
        """Return effects before the market's multipliers, utility, and each move's response."""
        effect = np.ones((*intensity.shape[:-1], len(EFFECTS)))
        effect[..., SATISFIED] = environment[..., None, TO_SATISFIED]
        effect[..., TIED] = self.scenario.links.gain if self.scenario.links else 0.0
        effect[..., [LEAVING, CHARGED, SERVED]] = 0.0
        missed = np.ones((*intensity.shape[:-1], RETURNED + 1))
        utility, brought = np.zeros(intensity.shape[:-1]), []
        for (i, moved, reach, curves), usual in zip(self._moves, self._usual, strict=True):
            here = self.targets.allowed[:, :, i]
            f = _by_group(curves, intensity[..., i], reach)
            brought.append(f)
            if moved in CHANCE_OF:
                missed[..., CHANCE_OF[moved]] *= np.where(here, 1 - f, 1.0)
            elif moved == "survival":
                with np.errstate(divide="ignore", invalid="ignore"):
                    effect[..., DEFECTION] *= np.where(here, np.log(f) / np.log(usual), 1.0)
            elif moved in ("purchase_rate", "amount"):
                effect[..., RATE if moved == "purchase_rate" else AMOUNT] *= np.where(here, (1 + f) / (1 + usual), 1.0)
            elif moved == "preference":
                utility += np.where(here, f - usual, 0.0)
            elif moved == "leaving":
                effect[..., LEAVING] -= np.where(here, np.log1p(-f), 0.0)
            elif moved == "price":
                effect[..., PRICE] *= np.where(here, (1 - f) / (1 - usual), 1.0)
            else:
                more = f if moved in TERMS else usual - f if moved == "annoyance" else f - usual
                effect[..., SUM_OF[moved]] += np.where(here, more, 0.0)
        effect[..., : RETURNED + 1] = 1 - missed
        return effect, utility, brought

    def _of_market(self, environment: Floats, plain: Floats, utility: Floats) -> Floats:
        """Return the same after the market has multiplied them."""
        effect = plain.copy()
        effect[..., AWARE] = np.minimum(effect[..., AWARE] * environment[..., None, TO_AWARE], 1.0)
        effect[..., WON] = (effect[..., WON] + environment[..., None, TO_SPREAD]) * environment[..., None, TO_WON]
        effect[..., LOST_CHANCE] = self.loss[:, None]
        effect[..., DEFECTION] = np.minimum(effect[..., DEFECTION] * environment[..., None, TO_DEFECTION], FOR_EVER)
        effect[..., RATE] *= environment[..., None, TO_RATE] * self.share_multiplier(environment, utility)
        effect[..., TIED] = np.clip(effect[..., TIED], 0.0, 1.0)
        effect[..., TURNOVER] = environment[..., None, TO_TURNOVER]
        return effect

    def share_multiplier(self, environment: Floats, utility: Floats) -> Floats:
        """Return ``1/(s + (1 - s + rivals) e^-v)`` by (..., group, stage): our share against today's."""
        share = self.scenario.share_of_customer
        rivals = environment[..., None, TO_RIVALS]
        if share is None:
            return np.broadcast_to(1 / (1 + rivals), utility.shape)
        return np.asarray(1 / (share + (1 - share + rivals) * np.exp(-utility)))

    def utility(self, intensity: Floats) -> Floats:
        """Return the added utility ``v`` by (..., group, stage)."""
        total = np.zeros(intensity.shape[:-1])
        for (i, moved, reach, curves), usual in zip(self._moves, self._usual, strict=True):
            if moved == "preference":
                f = _by_group(curves, intensity[..., i], reach)
                total += np.where(self.targets.allowed[:, :, i], f - usual, 0.0)
        return total

    def pulls(self, environment: Floats, intensity: Floats) -> tuple[Floats, list[Back]]:
        """Return effects, and the way back from derivatives by them to those by (intensity, environment), of each plan.

        Clips count as flat where they bind.

        Parameters
        ----------
        environment : (groups, routes) or (plans, groups, routes)
        intensity : (plans, groups, stages, levers)
        """
        effect, money, routes = self._slopes(environment, intensity)
        levers, along = [lever for lever, _, _ in money], [route for route, _, _ in routes]
        moved, each = (
            [which for _, which, _ in money + routes],
            np.stack([each for _, _, each in money + routes], axis=1),
        )

        def way(number: int) -> Back:
            def back(wanted: Floats) -> tuple[Floats, Floats]:
                by_intensity = np.zeros(intensity.shape[1:])
                by_each = wanted.transpose(2, 0, 1)[moved] * each[number]
                for lever, by_lever in zip(levers, by_each, strict=False):
                    by_intensity[..., lever] += by_lever
                by_environment = np.zeros(environment.shape[-2:])
                by_environment[:, along] = by_each[len(levers) :].sum(axis=2).T
                return by_intensity, by_environment

            return back

        return effect, [way(number) for number in range(len(intensity))]

    def _slopes(self, environment: Floats, intensity: Floats) -> tuple[Floats, list[Slope], list[Slope]]:
        """Return effects and how they move with levers and routes: (which, effect, derivative[plan, group, stage])."""
        plain, utility, brought = self._of_money(environment, intensity)
        effect = self._of_market(environment, plain, utility)
        multiplier = self.share_multiplier(environment, utility)
        share = self.scenario.share_of_customer
        weight = np.exp(-utility) if share is not None else np.ones_like(utility)
        season = environment[..., None, TO_RATE]
        rate = effect[..., RATE]
        open_aware = effect[..., AWARE] < 1.0
        open_ties = (effect[..., TIED] > 0.0) & (effect[..., TIED] < 1.0)
        open_leaving = effect[..., DEFECTION] < FOR_EVER
        always = np.ones_like(utility)
        routes: list[Slope] = [  # each once
            (TO_AWARE, AWARE, open_aware * plain[..., AWARE]),
            (TO_WON, WON, plain[..., WON] + environment[..., None, TO_SPREAD]),
            (TO_SPREAD, WON, environment[..., None, TO_WON] * always),
            (TO_DEFECTION, DEFECTION, np.where(open_leaving, np.minimum(plain[..., DEFECTION], FOR_EVER), 0.0)),
            (TO_RATE, RATE, rate / np.where(season > 0, season, 1.0)),
            (TO_RIVALS, RATE, -rate * multiplier * weight),
            (TO_SATISFIED, SATISFIED, always),
            (TO_TURNOVER, TURNOVER, always),
        ]
        money: list[Slope] = []
        for (i, moved, reach, curves), usual, f in zip(self._moves, self._usual, brought, strict=True):
            here = self.targets.allowed[:, :, i]
            df = _by_group(curves, intensity[..., i], reach, slope)
            with np.errstate(divide="ignore", invalid="ignore"):
                if moved in CHANCE_OF:
                    which = CHANCE_OF[moved]
                    each = np.divide(1 - plain[..., which], 1 - f, out=np.zeros_like(f), where=f < 1)
                    if which == AWARE:
                        each = each * environment[..., None, TO_AWARE] * open_aware
                    elif which == WON:
                        each = each * environment[..., None, TO_WON]
                elif moved == "survival":
                    alone = np.log(f) / np.log(usual)
                    others = np.divide(effect[..., DEFECTION], alone, out=np.zeros_like(f), where=alone > 0)
                    which, each = DEFECTION, np.where(open_leaving, others / (f * np.log(usual)), 0.0)
                elif moved in ("purchase_rate", "amount"):
                    which = RATE if moved == "purchase_rate" else AMOUNT
                    each = effect[..., which] / (1 + f)
                elif moved == "preference":
                    assert share is not None
                    rivals = environment[..., None, TO_RIVALS]
                    which = RATE
                    each = np.where(multiplier > 0, rate * multiplier * (1 - share + rivals) * weight, 0.0)
                elif moved == "leaving":
                    which, each = LEAVING, 1 / (1 - f)
                elif moved == "price":
                    which, each = PRICE, -effect[..., PRICE] / (1 - f)
                elif moved == "links":
                    which, each = TIED, open_ties
                else:
                    which, each = SUM_OF[moved], -always if moved == "annoyance" else always
                money.append((i, which, np.where(here, each * df, 0.0)))
        return effect, money, routes


def _by_group(
    curves: list[tuple[Curve, Ints]], intensity: Floats, reach: float, what: Callable[..., Floats] = response
) -> Floats:
    """Return ``what`` (response or slope) of each group's own curve, ``[..., group, stage]``."""
    if len(curves) == 1:
        return what(curves[0][0], intensity, reach)
    f = np.empty(intensity.shape)
    for curve, groups in curves:
        f[..., groups, :] = what(curve, intensity[..., groups, :], reach)
    return f
