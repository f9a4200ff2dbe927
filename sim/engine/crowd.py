"""What acts through the market: rivals, shocks, seasons, employees, and the crowd of customers itself.

All of it reaches customers as one array, the *environment* by group and route (:data:`sim.engine.routes.ROUTES`), and
by what intensities work like (:mod:`sim.engine.media`). What is on schedule is known beforehand
(:func:`scheduled_environment`: the crowd as in the data, employees under today's spend); what depends on numbers of
people (word of mouth, rivals who react, employees under another spend, saturation) is worked out period by period by
:class:`Crowd`, for agents and fluid twin alike. Each function has its adjoint (``..._pull``) beside it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.arrays import Flags, Floats
from sim.contract import Targets
from sim.engine.attitudes import Attitudes
from sim.engine.conditions import Conditions, Moment
from sim.engine.media import Media
from sim.engine.response import response, slope
from sim.engine.routes import (
    NEUTRAL,
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
from sim.engine.staff import leavers
from sim.scenario.curves import Curve
from sim.scenario.file import CUSTOMER_STAGES, STAGES, Competitor, Scenario, Shock
from sim.scenario.market import RivalPrice

__all__ = ["Crowd", "present", "scheduled_environment"]


SIGNS = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
"""Detractors (levels 1, 2) and promoters (4, 5)."""
SEEN = np.array([s in ("new", "developing", "core", "declining") for s in STAGES])
"""Stages that count as our part of the market's people."""
EVER_WON = np.array([s in CUSTOMER_STAGES for s in STAGES])
"""Stages of those who were ever customers."""
_SHOCK_ROUTES = {
    "awareness": TO_AWARE,
    "acquisition": TO_WON,
    "defection": TO_DEFECTION,
    "purchase rate": TO_RATE,
    "satisfaction": TO_SATISFIED,
    "turnover": TO_TURNOVER,
}
_RIVAL_ROUTES = {"defection": TO_DEFECTION, "acquisition": TO_WON, "share of customer": TO_RIVALS}


def _priced(price: RivalPrice) -> tuple[tuple[int, float], ...]:
    """Return the routes on which a rival's price acts, and to which power."""
    return (TO_DEFECTION, -price.defection), (TO_WON, price.acquisition)


def present(things: Sequence[Competitor | Shock], period: int) -> list[int]:
    """Return which rivals or shocks act in a period, by number."""
    spans = [(thing.start, thing.end) for thing in things]
    return [i for i, (start, end) in enumerate(spans) if start <= period and (end is None or period < end)]


def scheduled_environment(
    scenario: Scenario, targets: Targets, attitudes: Attitudes, periods: int, start: Floats | None = None
) -> Floats:
    """Return the environment as scheduled, (periods + 1, groups, routes); the last row is the time after the horizon.

    The crowd as in the data (as many ever won as there are in ``start[group, stage]``, the heads at the start), rivals
    at their stated strength, employees under today's spend; after the horizon employees and seasons at their mean.
    """
    crowd = Crowd(scenario, targets, attitudes, np.zeros(targets.shape[:2]) if start is None else start)
    out = np.empty((periods + 1, targets.shape[0], NEUTRAL.size))
    spread = crowd.spread(crowd.start)
    points = crowd.employees_at_start
    usual = scenario.employees.usual if scenario.employees else 0.0
    for t in range(periods + 1):
        shocks = present(scenario.shocks, t)
        last = t == periods
        rivals = dict.fromkeys(present(scenario.competitors, t), 1.0)
        out[t] = crowd.environment(None if last else t, rivals, shocks, usual if last else points, spread=spread)
        points = crowd.employees_after(points, shocks)
    return out


@dataclass(frozen=True, eq=False)
class Crowd:
    """The market's part in a scenario's odds.

    Attributes
    ----------
    scenario : Scenario
    targets : Targets
    attitudes : Attitudes
    start : (groups, stages)
        Observed head counts at the start, by which market share and saturation are measured.
    """

    scenario: Scenario
    targets: Targets
    attitudes: Attitudes
    start: Floats

    @cached_property
    def couples(self) -> bool:
        """Return whether what one customer does can change the odds of another."""
        levers = self.scenario.levers.values()
        return bool(
            self.scenario.word_of_mouth
            or self._imitation.any()
            or any(rival.reaction for rival in self.scenario.competitors)
            or any(lever.saturation or "employee" in lever.moves for lever in levers)
            or self.media.spills
        )

    # --- The environment ---

    def environment(
        self,
        period: int | None,
        rivals: dict[int, float],
        shocks: Iterable[int],
        employees: float,
        talk: Floats | None = None,
        spread: Floats | float = 0.0,
    ) -> Floats:
        """Return what the market does, (groups, routes).

        Parameters
        ----------
        period
            For the season; None: none.
        rivals
            Who is there, with what their strength is multiplied by.
        shocks
            Which are there.
        employees
            Points of employee satisfaction.
        talk : (groups,), optional
            Multiplier by word of mouth.
        spread : (groups,), optional
            Chance of winning a prospect without money.
        """
        out = np.tile(NEUTRAL, (self.targets.shape[0], 1))
        out[:, TO_SPREAD] = spread
        out[:, TO_SATISFIED] = self._value_shift
        if self.scenario.employees:
            out[:, TO_SATISFIED] += self.attitudes.employee_slope * (employees - self.scenario.employees.usual)
            out[:, [TO_LEAVERS, TO_STAFF]] = leavers(self.scenario.employees, employees)[:2]
        if self.scenario.links:
            out[:, TO_TURNOVER] = self.scenario.links.turnover * out[:, TO_LEAVERS]
        if self.scenario.seasons and period is not None:
            seasons = np.array(self.scenario.seasons)
            out[:, TO_RATE] = seasons[period % seasons.size] / seasons.mean()
        for number in sorted(rivals):
            rival = self.scenario.competitors[number]
            here = self._in(rival.segments)
            for route, usual in rival.strengths.items():
                strength = usual * rivals[number]
                if route == "share of customer":
                    out[here, TO_RIVALS] += strength / (1 - strength) if strength < 1 else np.inf
                else:
                    out[here, _RIVAL_ROUTES[route]] *= 1 + strength if route == "defection" else 1 - strength
            if rival.price is not None:
                for by_price, power in _priced(rival.price):
                    out[here, by_price] *= (1 - rival.price.cut * rivals[number]) ** power
                out[here, TO_LEAVE_BY_PRICE] += rival.price.defection
                out[here, TO_WIN_BY_PRICE] += rival.price.acquisition
        for number in sorted(shocks):
            shock = self.scenario.shocks[number]
            if shock.route in ("satisfaction", "turnover"):
                out[self._in(shock.segments), _SHOCK_ROUTES[shock.route]] += shock.size
            elif shock.route != "employee":
                out[self._in(shock.segments), _SHOCK_ROUTES[shock.route]] *= 1 + shock.size
        out[:, TO_TURNOVER] = np.clip(out[:, TO_TURNOVER], 0, 1)
        if talk is not None:
            out[:, TO_AWARE] *= talk
            out[:, TO_WON] *= talk
        return out

    def around(self, now: Moment, rivals: dict[int, float], talk: Floats | None, spread: Floats) -> Floats:
        """Return the environment of a period; worked out once where customers do not move each other's odds."""
        if self.couples:
            return self.environment(now.period, rivals, now.shocks, now.employees, talk, spread)
        employees = None if math.isnan(now.employees) else now.employees
        key = now.period, tuple(now.rivals), tuple(now.shocks), employees
        if key not in self._worked_out:
            found = self.environment(now.period, rivals, now.shocks, now.employees, talk, spread)
            found.setflags(write=False)
            self._worked_out[key] = found
        return self._worked_out[key]

    @cached_property
    def _worked_out(self) -> dict[object, Floats]:
        return {}

    def environment_pull(
        self, wanted: Floats, met: Conditions, employees: float
    ) -> tuple[dict[int, float], float, Floats]:
        """Return derivatives by (what rivals' strength is multiplied by, employees, talk)."""
        environment, rivals, talk = met.environment, met.reactions, met.talk
        by_rivals = dict.fromkeys(rivals, 0.0)
        for number, factor in rivals.items():
            rival = self.scenario.competitors[number]
            here = self._in(rival.segments)
            for name, usual in rival.strengths.items():
                strength, route = usual * factor, _RIVAL_ROUTES[name]
                if route == TO_RIVALS:
                    each = 1 / (1 - strength) ** 2 if strength < 1 else 0.0
                    by_rivals[number] += float(wanted[here, route].sum() * each * usual)
                else:
                    sign = 1.0 if name == "defection" else -1.0
                    rest = environment[here, route] / (1 + sign * strength) if 1 + sign * strength else 0.0
                    by_rivals[number] += float((wanted[here, route] * rest).sum() * sign * usual)
            if rival.price is not None:
                cut = rival.price.cut
                for route, power in _priced(rival.price):
                    each = -power * cut / (1 - cut * factor)
                    by_rivals[number] += float((wanted[here, route] * environment[here, route]).sum()) * each
        by_employees = self.attitudes.employee_slope * float(wanted[:, TO_SATISFIED].sum())
        if self.scenario.employees:
            _, _, by_turnover, by_cost = leavers(self.scenario.employees, employees)
            lost = np.where(environment[:, TO_TURNOVER] < 1, wanted[:, TO_TURNOVER], 0.0).sum()
            lost *= self.scenario.links.turnover if self.scenario.links else 0.0
            by_employees += float((lost + wanted[:, TO_LEAVERS].sum()) * by_turnover)
            by_employees += float(wanted[:, TO_STAFF].sum()) * by_cost
        by_talk = np.zeros(self.targets.shape[0])
        if talk is not None:
            spoken = np.where(talk > 0, talk, 1.0)
            by_talk = (
                wanted[:, TO_AWARE] * environment[:, TO_AWARE] + wanted[:, TO_WON] * environment[:, TO_WON]
            ) / spoken
            by_talk = np.where(talk > 0, by_talk, 0.0)
        return by_rivals, by_employees, by_talk

    def _in(self, segments: tuple[str, ...]) -> Flags:
        return np.array([not segments or name in segments for name in self.targets.segments])

    @cached_property
    def _value_shift(self) -> Floats:
        """Return by group what value to the customer shifts the chances of satisfaction by."""
        shift = np.zeros(self.targets.shape[0])
        for group, name in enumerate(self.targets.segments):
            segment = self.scenario.segments.get(name)
            value = segment.value_to_customer if segment else None
            if value is not None:
                shift[group] = value.bring * (value.gained - value.cost - value.usual)
        return shift

    # --- Diffusion ---

    @cached_property
    def _stated(self) -> Floats:
        """Return innovation and imitation by group."""
        out = np.zeros((self.targets.shape[0], 2))
        for group, name in enumerate(self.targets.segments):
            segment = self.scenario.segments.get(name)
            if segment is not None and segment.diffusion is not None:
                out[group] = segment.diffusion.innovation, segment.diffusion.imitation
        return out

    @property
    def _imitation(self) -> Floats:
        return np.asarray(self._stated[:, 1])

    def spread(self, observed: Floats) -> Floats:
        """Return the chance of winning a prospect without money, ``p + q F`` by group, given head counts.

        ``F``: share of the group's people who were ever won.
        """
        if not self._imitation.any():
            return np.asarray(self._stated[:, 0])
        return np.asarray(self._stated[:, 0] + self._imitation * self._ever_won(observed))

    def spread_pull(self, wanted: Floats, observed: Floats) -> Floats:
        """Return derivatives by head counts, ``q (1[ever won] - F)/people``."""
        if not self._imitation.any():
            return np.zeros(observed.shape)
        people = observed.sum(axis=1)
        each = np.divide(wanted * self._imitation, people, out=np.zeros(people.shape), where=people > 0)
        return np.asarray(each[:, None] * (EVER_WON[None, :] - self._ever_won(observed)[:, None]))

    @staticmethod
    def _ever_won(observed: Floats) -> Floats:
        people, won = observed.sum(axis=1), observed[:, EVER_WON].sum(axis=1)
        return np.asarray(np.divide(won, people, out=np.zeros(people.shape), where=people > 0))

    # --- Word of mouth ---

    @cached_property
    def _voices(self) -> tuple[Floats, Floats]:
        """Return (weights[group, voice], members[voice, group]): who is heard by whom."""
        names = self.targets.segments
        given = self.scenario.word_of_mouth
        if not isinstance(given, dict):
            return np.full((len(names), 1), float(given)), np.ones((1, len(names)))
        voices = list(dict.fromkeys(names))
        weights = np.array([[given.get(name, {}).get(voice, 0.0) for voice in voices] for name in names])
        return weights, np.array([[float(name == voice) for name in names] for voice in voices])

    def talk(self, levels: Floats) -> Floats | None:
        """Return the multiplier of awareness and acquisition, (groups,), from customers by (group, level)."""
        if not self.scenario.word_of_mouth:
            return None
        weights, members = self._voices
        net, _ = self._net(members @ levels)
        return np.asarray(np.maximum(0.0, 1 + weights @ net))

    def talk_pull(self, wanted: Floats, levels: Floats) -> Floats:
        """Return derivatives by customers by (group, level)."""
        if not self.scenario.word_of_mouth:
            return np.zeros_like(levels)
        weights, members = self._voices
        net, number = self._net(members @ levels)
        by_net = weights.T @ np.where(1 + weights @ net > 0, wanted, 0.0)
        each = np.divide(by_net, number, out=np.zeros_like(by_net), where=number > 0)
        by_voice = each[:, None] * (SIGNS[None, :] - (net + self.attitudes.net_promoters)[:, None])
        return np.asarray(members.T @ by_voice)

    def _net(self, by_voice: Floats) -> tuple[Floats, Floats]:
        """Return net promoters beyond those of the mix, and customers, by voice; 0 where there are none."""
        number = by_voice.sum(axis=1)
        promoters = np.divide(
            by_voice @ SIGNS, number, out=np.full(number.size, self.attitudes.net_promoters), where=number > 0
        )
        return promoters - self.attitudes.net_promoters, number

    # --- Rivals who react ---

    def market_share(self, observed: Floats) -> float:
        """Return seen customers not lapsed per person of the market."""
        people = float(observed.sum())
        return float(observed[:, SEEN].sum()) / people if people > 0 else 0.0

    def reaction(self, number: int, observed: Floats) -> float:
        """Return what a rival's strength is multiplied by, given head counts by (group, stage)."""
        rival, usual = self.scenario.competitors[number], self.market_share(self.start)
        if not rival.reaction or usual == 0:
            return 1.0
        return float(np.clip(1 + rival.reaction * (self.market_share(observed) / usual - 1), 0.0, rival.most))

    def reaction_pull(self, number: int, wanted: float, observed: Floats) -> Floats:
        """Return derivatives by head counts."""
        rival, usual, people = self.scenario.competitors[number], self.market_share(self.start), float(observed.sum())
        factor = self.reaction(number, observed)
        if not rival.reaction or usual == 0 or people == 0 or factor in (0.0, rival.most):
            return np.zeros_like(observed)
        each = wanted * rival.reaction / usual / people
        return np.asarray(each * (SEEN[None, :] - self.market_share(observed)) * np.ones_like(observed))

    # --- Media ---

    @cached_property
    def media(self) -> Media:
        """Return how money works where media saturate and it spills over."""
        return Media(self.scenario, self.targets, self.start)

    # --- Employees ---

    @property
    def employees_at_start(self) -> float:
        """Return points of employee satisfaction at the start; nan where there are none in the model."""
        given = self.scenario.employees
        if given is None:
            return float("nan")
        return given.usual if given.start is None else given.start

    @cached_property
    def _employee_levers(self) -> list[tuple[int, Curve, float]]:
        return [
            (i, lever.moves["employee"], lever.reach)
            for i, lever in enumerate(self.scenario.levers.values())
            if "employee" in lever.moves
        ]

    def employees_after(
        self, points: float, shocks: Iterable[int], intensity: Floats | None = None, observed: Floats | None = None
    ) -> float:
        """Return next period's points; ``intensity`` None: under today's spend."""
        given = self.scenario.employees
        if given is None:
            return points
        after = points + given.reversion * (given.usual - points)
        after += sum(
            self.scenario.shocks[n].size for n in sorted(shocks) if self.scenario.shocks[n].route == "employee"
        )
        if intensity is not None and observed is not None:
            for i, curve, reach in self._employee_levers:
                spent, usual = self._per_head(i, intensity, observed)
                after += float(response(curve, spent, reach) - response(curve, usual, reach))
        return float(np.clip(after, 0.0, 100.0))

    def employees_pull(
        self, wanted: float, after: float, intensity: Floats, observed: Floats
    ) -> tuple[float, Floats, Floats]:
        """Return derivatives by (points before, intensity, head counts)."""
        given = self.scenario.employees
        by_intensity, by_observed = np.zeros_like(intensity), np.zeros_like(observed)
        if given is None or not 0.0 < after < 100.0:
            return 0.0, by_intensity, by_observed
        for i, curve, reach in self._employee_levers:
            here = self.targets.allowed[:, :, i]
            heads = float(observed[here].sum())
            if heads <= 0:
                continue
            spent, usual = self._per_head(i, intensity, observed)
            each, each_usual = (float(slope(curve, u, reach)) * wanted / heads for u in (spent, usual))
            reference = self.targets.reference[:, :, i]
            by_intensity[:, :, i] = np.where(here, each * observed, 0.0)
            by_observed += np.where(here, each * (intensity[:, :, i] - spent) - each_usual * (reference - usual), 0.0)
        return wanted * (1 - given.reversion), by_intensity, by_observed

    def _per_head(self, lever: int, intensity: Floats, observed: Floats) -> tuple[Floats, Floats]:
        """Return money per head of a lever's targets, now and at the reference."""
        here = self.targets.allowed[:, :, lever]
        heads = float(observed[here].sum())
        if heads <= 0:
            return np.zeros(()), np.zeros(())
        spent, usual = (
            np.asarray((money[:, :, lever][here] * observed[here]).sum() / heads)
            for money in (intensity, self.targets.reference)
        )
        return spent, usual
