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
from sim.engine.bond_kernels import Bonds
from sim.engine.bonds import bonds_of
from sim.engine.by_group import by_group, partners_by_group, shares_by_group
from sim.engine.columns import (
    ADDED,
    AMOUNT,
    AWARE,
    CHARGED,
    DEFECTION,
    EFFECTS,
    LEAVING,
    LOST_CHANCE,
    PARTNER,
    PRICE,
    RATE,
    RETURNED,
    RISEN,
    SATISFIED,
    SERVED,
    TIED,
    TIED_TO_EXPERTS,
    TIED_TO_MANAGERS,
    TURNOVER,
    WON,
    WON_UNPAID,
)
from sim.engine.false_care import reach_of
from sim.engine.response import response, slope
from sim.engine.routes import (
    TO_AWARE,
    TO_DEFECTION,
    TO_LEAVE_BY_PRICE,
    TO_LEAVERS,
    TO_RATE,
    TO_RIVALS,
    TO_SATISFIED,
    TO_SPREAD,
    TO_STAFF,
    TO_TURNOVER,
    TO_WIN_BY_PRICE,
    TO_WON,
)
from sim.engine.terms import curves_of
from sim.scenario.curves import Curve
from sim.scenario.file import Scenario
from sim.scenario.of_late import OfLate

__all__ = ["Effects"]

Slope = tuple[int, int, Floats]
Back = Callable[[Floats], tuple[Floats, Floats]]

TIES_OF = {
    "links": TIED, "links_desk": TIED, "links_managers": TIED_TO_MANAGERS, "links_experts": TIED_TO_EXPERTS,
    "cross_buying": ADDED, "club": RISEN,
}  # fmt: skip
"""Effects that raise the chance of a tie, a category or a grade more, and where."""
SUM_OF = {"satisfaction": SATISFIED, "annoyance": SATISFIED, "charge": CHARGED, "service": SERVED, **TIES_OF}
SUM_OF["direct"] = PARTNER
SUM_OF["knowledge"] = TURNOVER  # before the market: the chance that the firm keeps the ties of who leaves
"""Effects that add up, and where; terms are what they are, others as far as they differ from the reference."""
TERMS = ("charge", "service")
LESS = ("annoyance", "direct")
"""Of these what money does is taken off."""
CHANCE_OF = {"awareness": AWARE, "acquisition": WON, "reactivation": RETURNED}
PRICED = (
    (DEFECTION, TO_LEAVE_BY_PRICE, -1.0), (WON, TO_WIN_BY_PRICE, 1.0), (WON_UNPAID, TO_WIN_BY_PRICE, 1.0)
)  # fmt: skip
"""What our price moves beside what is paid, by which route, and which way a cut does."""
FOR_EVER = 1e30
"""A defection multiplier that stands for "nobody stays"."""
MOST_POWER = np.log(FOR_EVER)


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
    def _moves(self) -> list[tuple[int, str, float | Floats, list[tuple[Curve, Ints]]]]:
        """Return per lever and effect: lever, effect, reach, and each distinct curve with the groups it holds for.

        Reach is one number, or one by stage where care misses what some need.
        """
        out = []
        for i, lever in enumerate(self.scenario.levers.values()):
            by_group = [self.moved(group, i)[0] for group in range(len(self.targets.segments))]
            for moved in by_group[0]:
                if moved == "employee":
                    continue  # a matter of the firm, not of a target: sim.engine.crowd
                groups: dict[Curve, list[int]] = {}
                for group, curves in enumerate(by_group):
                    groups.setdefault(curves[moved], []).append(group)
                reach = reach_of(lever, moved, self.targets.stages)
                out.append((i, moved, reach, [(curve, np.array(g)) for curve, g in groups.items()]))
        return out

    @cached_property
    def bonds(self) -> Bonds:
        """Return what customers may be tied to and buy."""
        return bonds_of(self.scenario.links, self.scenario.categories, self.scenario.club)

    @cached_property
    def shares(self) -> Floats:
        """Return our share of customers' purchases today by group; 0 where it is not in the model."""
        return shares_by_group(self.scenario, self.targets)

    @cached_property
    def partners(self) -> Floats:
        """Return the share of purchases through a partner today and its commission, (2, groups)."""
        return partners_by_group(self.scenario, self.targets)

    @cached_property
    def _usual(self) -> list[Floats]:
        """Return each move's response at the reference, (groups, stages)."""
        return [by_group(curves, self.targets.reference[:, :, i], reach) for i, _, reach, curves in self._moves]

    @cached_property
    def late(self) -> list[tuple[int, OfLate]]:
        """Return the levers whose money of earlier periods does something now, by number."""
        levers = enumerate(self.scenario.levers.values())
        return [(i, lever.of_late) for i, lever in levers if lever.of_late is not None]

    def _beside(self, intensity: Floats) -> list[tuple[int, OfLate, int]]:
        """Return such levers where it is said what they did of late, each with where its money of late stands.

        After it comes what it added to purchases of late. Not said: all was as at the start.
        """
        first = len(self.targets.levers)
        if intensity.shape[-1] == first:
            return []
        return [(i, stated, first + 2 * k) for k, (i, stated) in enumerate(self.late)]

    def added(self, lever: int, works: Floats, what: Callable[..., Floats] = response) -> Floats:
        """Return what a lever adds to the purchase rate, a share by (group, stage), or (``slope``) its derivative."""
        for (i, moved, reach, curves), usual in zip(self._moves, self._usual, strict=True):
            if i == lever and moved == "purchase_rate":
                f = by_group(curves, works, reach, what)
                return np.where(
                    self.targets.allowed[:, :, i], (f - (usual if what is response else 0)) / (1 + usual), 0
                )
        return np.zeros(works.shape)

    @cached_property
    def unpaid(self) -> Floats:
        """Return the chance of winning at no money, before the market's multipliers, (groups, stages)."""
        missed, none = np.ones(self.targets.shape[:2]), np.zeros(self.targets.shape[:2])
        for i, moved, reach, curves in self._moves:
            if moved == "acquisition":
                missed *= np.where(self.targets.allowed[:, :, i], 1 - by_group(curves, none, reach), 1.0)
        return np.asarray(1 - missed)

    def responses(self, environment: Floats, intensity: Floats) -> Floats:
        """Return the effects ``[..., group, stage, effect]``.

        Chances combine as ``1 - prod(1 - f)``, and diffusion adds its own to that of winning; rate and amount are
        multiplied by ``(1 + f(u))/(1 + f(u_ref))``; survival by ``M = ln rho(u)/ln rho(u_ref)``; satisfaction and ties
        shift by ``f(u) - f(u_ref)``, and so does the share ``K`` of employees whose ties the firm keeps: of a tie
        ``turnover (1 - K)`` is lost; preference is the ``v`` of the logit ``1/(s + (1 - s + rivals) e^-v)``. Leaving
        comes on top as the rate ``-ln(1 - f)``; prices are multiplied by ``(1 - c(u))/(1 - c(u_ref))``, and what is
        charged and costs to serve adds up (:mod:`sim.engine.terms`). Where a lever has no target it is neutral. What
        levers did of late acts as :mod:`sim.engine.of_late` says.

        Parameters
        ----------
        environment : (..., groups, routes)
        intensity : (..., groups, stages, levers and more)
            Money per targeted customer per period; and what levers did of late, or nothing: as at the start.
        """
        effect, utility, _ = self._of_money(environment, intensity)
        return self._of_market(environment, effect, utility)

    def _of_money(self, environment: Floats, intensity: Floats) -> tuple[Floats, Floats, list[Floats]]:
        """Return effects before the market's multipliers, utility, and each move's response."""
        effect = np.ones((*intensity.shape[:-1], len(EFFECTS)))
        effect[..., SATISFIED] = environment[..., None, TO_SATISFIED]
        effect[..., [TIED, LEAVING, CHARGED, SERVED]] = 0.0
        effect[..., self.bonds.gain_of] = self.bonds.gain.T
        effect[..., TURNOVER] = self.bonds.kept
        effect[..., PARTNER] = self.partners[0][:, None]
        missed = np.ones((*intensity.shape[:-1], RETURNED + 1))
        utility, brought = np.zeros(intensity.shape[:-1]), []
        beside = self._beside(intensity)
        back = {i: stated.pulled_forward * intensity[..., at + 1] for i, stated, at in beside}
        for (i, moved, reach, curves), usual in zip(self._moves, self._usual, strict=True):
            here = self.targets.allowed[:, :, i]
            f = by_group(curves, intensity[..., i], reach)
            brought.append(f)
            if moved in CHANCE_OF:
                missed[..., CHANCE_OF[moved]] *= np.where(here, 1 - f, 1.0)
            elif moved == "survival":
                with np.errstate(divide="ignore", invalid="ignore"):
                    effect[..., DEFECTION] *= np.where(here, np.log(f) / np.log(usual), 1.0)
            elif moved == "purchase_rate" and i in back:
                effect[..., RATE] *= np.where(here, np.maximum((1 + f) / (1 + usual) - back[i], 0.0), 1.0)
            elif moved in ("purchase_rate", "amount"):
                effect[..., RATE if moved == "purchase_rate" else AMOUNT] *= np.where(here, (1 + f) / (1 + usual), 1.0)
            elif moved == "preference":
                utility += np.where(here, f - usual, 0.0)
            elif moved == "leaving":
                effect[..., LEAVING] -= np.where(here, np.log1p(-f), 0.0)
            elif moved == "price":
                effect[..., PRICE] *= np.where(here, (1 - f) / (1 - usual), 1.0)
            else:
                more = f if moved in TERMS else usual - f if moved in LESS else f - usual
                effect[..., SUM_OF[moved]] += np.where(here, more, 0.0)
        effect[..., : RETURNED + 1] = 1 - missed
        for i, stated, at in beside:
            effect[..., DEFECTION] *= self._driven(i, stated, intensity[..., at])
        return effect, utility, brought

    def _driven(self, lever: int, stated: OfLate, spent: Floats) -> Floats:
        """Return what money of late multiplies the defection rate by, ``1 + reach ((1 + x)^(s - u_ref) - 1)``."""
        above = spent - self.targets.reference[:, :, lever]
        power = np.minimum(np.log1p(stated.drives_away) * above, MOST_POWER)
        reach = self.scenario.levers[self.targets.levers[lever]].reach
        return np.where(self.targets.allowed[:, :, lever], 1 + reach * np.expm1(power), 1.0)

    def _of_market(self, environment: Floats, plain: Floats, utility: Floats) -> Floats:
        """Return the same after the market has multiplied them."""
        effect = plain.copy()
        if self.priced:
            leaving, winning = self._by_price(environment, plain)
            effect[..., DEFECTION] *= leaving
        effect[..., AWARE] = np.minimum(effect[..., AWARE] * environment[..., None, TO_AWARE], 1.0)
        effect[..., WON] = (effect[..., WON] + environment[..., None, TO_SPREAD]) * environment[..., None, TO_WON]
        unpaid = (self.unpaid + environment[..., None, TO_SPREAD]) * environment[..., None, TO_WON]
        effect[..., WON_UNPAID] = np.broadcast_to(unpaid, effect.shape[:-1])
        if self.priced:
            effect[..., WON] *= winning
            effect[..., WON_UNPAID] *= winning
        effect[..., LOST_CHANCE] = self.loss[:, None]
        effect[..., DEFECTION] = np.minimum(effect[..., DEFECTION] * environment[..., None, TO_DEFECTION], FOR_EVER)
        effect[..., RATE] *= environment[..., None, TO_RATE] * self.share_multiplier(environment, utility)
        bonds, kept = self.bonds, np.clip(effect[..., TURNOVER], 0.0, 1.0)
        for gains, loses, lost, is_tie in zip(bonds.gain_of, bonds.loss_of, bonds.loss, bonds.tie, strict=True):
            effect[..., gains] = np.clip(effect[..., gains], 0.0, 1.0)
            leaves = lost * environment[..., None, TO_LEAVERS] + environment[..., None, TO_TURNOVER]
            effect[..., loses] = np.minimum(leaves, 1.0) * (1.0 - kept) if is_tie else lost
        effect[..., SERVED] += environment[..., None, TO_STAFF]
        if self.scenario.partner is not None:
            effect[..., PRICE] *= 1 - self.partners[1][:, None] * np.clip(effect[..., PARTNER], 0.0, 1.0)
        return effect

    @cached_property
    def priced(self) -> bool:
        """Return whether a rival's own price is stated, against which ours counts, and a lever moves ours."""
        rivals, levers = self.scenario.competitors, self.scenario.levers.values()
        return any(rival.price for rival in rivals) and any(lever.pays == "price" for lever in levers)

    @staticmethod
    def _by_price(environment: Floats, plain: Floats) -> tuple[Floats, Floats]:
        """Return what our price multiplies the defection rate and the chance of winning by, against rivals' prices."""
        leaving, winning = (environment[..., None, route] for route in (TO_LEAVE_BY_PRICE, TO_WIN_BY_PRICE))
        return plain[..., PRICE] ** leaving, plain[..., PRICE] ** -winning

    def share_multiplier(self, environment: Floats, utility: Floats) -> Floats:
        """Return ``1/(s + (1 - s + rivals) e^-v)`` by (..., group, stage): our share against today's."""
        share, rivals = self.shares[:, None], environment[..., None, TO_RIVALS]
        if self.scenario.share_of_customer is None:
            return np.broadcast_to(1 / (1 + rivals), utility.shape)
        return np.asarray(1 / (share + (1 - share + rivals) * np.exp(-utility)))

    def utility(self, intensity: Floats) -> Floats:
        """Return the added utility ``v`` by (..., group, stage)."""
        total = np.zeros(intensity.shape[:-1])
        for (i, moved, reach, curves), usual in zip(self._moves, self._usual, strict=True):
            if moved == "preference":
                f = by_group(curves, intensity[..., i], reach)
                total += np.where(self.targets.allowed[:, :, i], f - usual, 0.0)
        return total

    def pulls(self, environment: Floats, intensity: Floats) -> tuple[Floats, list[Back]]:
        """Return effects, and the way back from derivatives by them to those by (intensity, environment), of each plan.

        Clips count as flat where they bind.

        Parameters
        ----------
        environment : (groups, routes) or (plans, groups, routes)
        intensity : (plans, groups, stages, levers and more)
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
                for route, by_route in zip(along, by_each[len(levers) :].sum(axis=2), strict=True):
                    by_environment[:, route] += by_route
                return by_intensity, by_environment

            return back

        return effect, [way(number) for number in range(len(intensity))]

    def _slopes(self, environment: Floats, intensity: Floats) -> tuple[Floats, list[Slope], list[Slope]]:
        """Return effects and how they move with levers and routes: (which, effect, derivative[plan, group, stage])."""
        plain, utility, brought = self._of_money(environment, intensity)
        effect = self._of_market(environment, plain, utility)
        multiplier = self.share_multiplier(environment, utility)
        share, stated = self.shares[:, None], self.scenario.share_of_customer is not None
        weight = np.exp(-utility) if stated else np.ones_like(utility)
        season = environment[..., None, TO_RATE]
        rate = effect[..., RATE]
        open_aware = effect[..., AWARE] < 1.0
        bonds, environment_adds = self.bonds, environment[..., None, TO_TURNOVER]
        open_kept = (plain[..., TURNOVER] >= 0.0) & (plain[..., TURNOVER] < 1.0)
        stays = 1.0 - np.clip(plain[..., TURNOVER], 0.0, 1.0)
        kinds = zip(bonds.loss_of, bonds.loss, bonds.tie, strict=True)
        at_rest = [(which, loss) for which, loss, is_tie in kinds if is_tie]
        leave = [(which, loss * environment[..., None, TO_LEAVERS] + environment_adds) for which, loss in at_rest]
        open_leaving = effect[..., DEFECTION] < FOR_EVER
        always = np.ones_like(utility)
        leaving, winning = self._by_price(environment, plain) if self.priced else (always, always)
        routes: list[Slope] = [
            (TO_AWARE, AWARE, open_aware * plain[..., AWARE]),
            (TO_WON, WON, (plain[..., WON] + environment[..., None, TO_SPREAD]) * winning),
            (TO_SPREAD, WON, environment[..., None, TO_WON] * winning),
            (TO_WON, WON_UNPAID, (self.unpaid + environment[..., None, TO_SPREAD]) * winning),
            (TO_SPREAD, WON_UNPAID, environment[..., None, TO_WON] * winning),
            (
                TO_DEFECTION,
                DEFECTION,
                np.where(open_leaving, np.minimum(plain[..., DEFECTION], FOR_EVER) * leaving, 0.0),
            ),
            (TO_RATE, RATE, rate / np.where(season > 0, season, 1.0)),
            (TO_RIVALS, RATE, -rate * multiplier * weight),
            (TO_SATISFIED, SATISFIED, always),
            *((TO_TURNOVER, which, np.where(lost <= 1.0, stays, 0.0)) for which, lost in leave),
        ]
        if self.scenario.employees is not None and self.scenario.employees.turnover is not None:
            routes.append((TO_STAFF, SERVED, always))
            for (which, lost), (_, loss) in zip(leave, at_rest, strict=True):
                routes.append((TO_LEAVERS, which, np.where(lost <= 1.0, loss * stays, 0.0)))
        money: list[Slope] = []
        beside = {i: (late, at) for i, late, at in self._beside(intensity)}
        for i, (late, at) in beside.items():
            driven, here = self._driven(i, late, intensity[..., at]), self.targets.allowed[:, :, i]
            reached = driven - 1 + self.scenario.levers[self.targets.levers[i]].reach
            part = np.divide(reached, driven, out=np.zeros_like(driven), where=here & (driven > 0))
            each = effect[..., DEFECTION] * (part * np.log1p(late.drives_away)) * open_leaving
            money.append((at, DEFECTION, each))
        for (i, moved, reach, curves), usual, f in zip(self._moves, self._usual, brought, strict=True):
            here = self.targets.allowed[:, :, i]
            df = by_group(curves, intensity[..., i], reach, slope)
            with np.errstate(divide="ignore", invalid="ignore"):
                if moved in CHANCE_OF:
                    which = CHANCE_OF[moved]
                    each = np.divide(1 - plain[..., which], 1 - f, out=np.zeros_like(f), where=f < 1)
                    if which == AWARE:
                        each = each * environment[..., None, TO_AWARE] * open_aware
                    elif which == WON:
                        each = each * environment[..., None, TO_WON] * winning
                elif moved == "survival":
                    alone = np.log(f) / np.log(usual)
                    others = np.divide(effect[..., DEFECTION], alone, out=np.zeros_like(f), where=alone > 0)
                    which, each = DEFECTION, np.where(open_leaving, others / (f * np.log(usual)), 0.0)
                elif moved == "purchase_rate" and i in beside:
                    late, at = beside[i]
                    left = (1 + f) / (1 + usual) - late.pulled_forward * intensity[..., at + 1]
                    others = np.divide(effect[..., RATE], left, out=np.zeros_like(f), where=left > 0)
                    money.append((at + 1, RATE, np.where(here, -late.pulled_forward * others, 0.0)))
                    which, each = RATE, others / (1 + usual)
                elif moved in ("purchase_rate", "amount"):
                    which = RATE if moved == "purchase_rate" else AMOUNT
                    each = effect[..., which] / (1 + f)
                elif moved == "preference":
                    rivals = environment[..., None, TO_RIVALS]
                    which = RATE
                    each = np.where(multiplier > 0, rate * multiplier * (1 - share + rivals) * weight, 0.0)
                elif moved == "leaving":
                    which, each = LEAVING, 1 / (1 - f)
                elif moved == "price":
                    which, each = PRICE, -effect[..., PRICE] / (1 - f)
                    for other, route, sign in PRICED if self.priced else ():
                        power = sign * environment[..., None, route] * effect[..., other] / (1 - f)
                        money.append(
                            (i, other, np.where(here & (open_leaving | (other != DEFECTION)), power * df, 0.0))
                        )
                elif moved == "direct":
                    inside = (plain[..., PARTNER] >= 0.0) & (plain[..., PARTNER] < 1.0)
                    which, each = PRICE, np.where(inside, plain[..., PRICE] * self.partners[1][:, None], 0.0)
                elif moved in TIES_OF:
                    which = TIES_OF[moved]
                    each = (plain[..., which] >= 0.0) & (plain[..., which] < 1.0)
                elif moved == "knowledge":
                    for which, lost in leave:
                        each = np.where(open_kept, -np.minimum(lost, 1.0), 0.0)
                        money.append((i, which, np.where(here, each * df, 0.0)))
                    continue
                else:
                    which, each = SUM_OF[moved], -always if moved == "annoyance" else always
                money.append((i, which, np.where(here, each * df, 0.0)))
        return effect, money, routes
