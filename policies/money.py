"""What rules of money share: a period's money from what is left, spread over levers and customers by claims.

Levers that no budget pays for keep today's terms.
Money is even over time: what is left over the periods left, so that money for which there were no customers yet is
spent later; with budgets of stretches, what is left of this one over its periods. What a lever must or may get over the
horizon (floors, caps) bounds it, and so does what one customer may get in a period: what is too much for some goes to
others who claim it, and stays where nobody may get more.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.arrays import Flags, Floats
from sim.contract import Allocation, Observation
from sim.errors import InputError
from sim.scenario.kinds import TO_KIND

if TYPE_CHECKING:
    from sim.twin import Twin

__all__ = [
    "LOYALTY", "MoneyByClaims", "MoneyByLever", "Ration", "Today", "bounded_shares", "bounds", "filled",
    "fit_to_windows", "levers_moving", "per_head", "share_between", "todays_claims", "worth_a_head", "worth_today",
]  # fmt: skip

LOYALTY = ("survival", "satisfaction", "links", "employee", *TO_KIND, "knowledge")
"""Effects by which customers are kept."""


def bounded_shares(wanted: Floats, floors: Floats, caps: Floats) -> Floats:
    """Return shares nearest in proportion to ``wanted`` between floors and caps, adding up to one if caps allow.

    What the wanted cannot take goes to the others evenly.
    """
    total = min(1.0, float(caps.sum()))
    shares = filled(wanted, floors, caps, total)
    return filled(np.ones_like(wanted), shares, caps, total) if shares.sum() < total - 1e-9 else shares


def filled(wanted: Floats, floors: Floats, caps: Floats, total: float) -> Floats:
    """Return ``clip(scale x wanted, floors, caps)`` with the scale at which it adds up to ``total``, by bisection."""
    low, high = 0.0, 1.0
    while np.clip(high * wanted, floors, caps).sum() < total and high < 1e12:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(middle * wanted, floors, caps).sum() < total else (low, middle)
    return np.asarray(np.clip(high * wanted, floors, caps))


class Ration(NamedTuple):
    """What one customer may get in a period, by the firm's rules; terms, which no budget pays for, stay as they are.

    Attributes
    ----------
    most : (groups, stages, levers)
        Money through a lever; infinite where no rule says so.
    load : (groups, 1, levers)
        Share of a customer's contacts that a unit of money uses up: no more than all of them.
    paid : (levers,)
        Which levers the budget pays for.
    """

    most: Floats
    load: Floats
    paid: Flags = np.array(True)

    @staticmethod
    def of(twin: "Twin") -> "Ration":
        """Return what a customer of a firm may get."""
        return Ration(twin.chain.limit, twin.chain.contact_load, twin.targets.paid)

    def held(self, intensity: Floats) -> Floats:
        """Return money per customer as far as they may get it: by lever, then for all levers alike by contacts."""
        held = np.minimum(intensity, self.most)
        contacts = np.maximum((held * self.load).sum(axis=2, keepdims=True), 1.0)
        return np.where(self.paid, held / contacts, intensity)


class MoneyByClaims:
    """Spends what is left evenly over time, on whoever claims it: made for a firm, with ``claims`` of its own.

    Attributes
    ----------
    name : str
    feedback : bool
        Whether its money depends on more than time and how many customers are where.
    budget : float
        Over the horizon.
    ration : Ration
    """

    name = "money by claims"
    feedback = False

    def __init__(self, twin: "Twin", budget: float) -> None:
        self.budget, self.ration = budget, Ration.of(twin)

    def claims(self, observation: Observation) -> Floats:
        """Return claims on the period's money, (groups, stages, levers), in any unit: here, one for each customer."""
        return np.broadcast_to(observation.customers[:, :, None], observation.targets.shape)

    def part(self, observation: Observation) -> float:
        """Return which part of an even period's money is spent now; the rest is spent later."""
        return 1.0

    def even(self, observation: Observation) -> tuple[float, float]:
        """Return an even period's money, and all that is left for now."""
        left = min(observation.budget_left, max(self.budget - float(observation.lever_spent.sum()), 0.0))
        even = left / (observation.periods - observation.period)
        if observation.stretch_periods:
            left = min(left, observation.stretch_left)
            even = min(left, observation.stretch_left / observation.stretch_periods)
        return even, left

    def bounds_by_lever(self, observation: Observation) -> tuple[Floats, Floats, float]:
        """Return the least and the most money of each lever this period, and that of all levers together."""
        periods = observation.periods - observation.period
        even, left = self.even(observation)
        money = min(even * self.part(observation), left)
        caps = np.minimum(observation.lever_available / periods, money)
        return np.minimum(observation.lever_floor / periods, caps), caps, money

    def decide(self, observation: Observation) -> Allocation:
        """Return the period's money by claims, per customer, between what levers must and may get."""
        targets, heads = observation.targets, observation.customers[:, :, None]
        acts = observation.periods - observation.period > np.array(targets.lead)
        usable = targets.allowed & (heads > 0) & acts & targets.paid
        claims = np.where(usable, self.claims(observation), 0.0)
        floors, caps, money = self.bounds_by_lever(observation)
        out = np.zeros(targets.shape)
        while usable.any():  # what somebody may not get is shared anew among the others
            held = (out * heads).sum(axis=(0, 1))
            most = np.where(usable.any(axis=(0, 1)), np.maximum(caps - held, 0.0), 0.0)
            least = np.minimum(np.maximum(floors - held, 0.0), most)
            own = np.where(usable, claims, 0.0)
            by_lever = filled(own.sum(axis=(0, 1)), least, most, max(money - float(held.sum()), 0.0))
            own = np.where(own.sum(axis=(0, 1)) > 0, own, np.where(usable, heads, 0.0))  # nobody claims: by heads
            share = own / np.maximum(own.sum(axis=(0, 1)), 1e-300)
            tried = out + per_head(by_lever * share, observation)
            allowed = self.ration.held(tried)
            full = usable & (allowed < tried * (1 - 1e-12))
            if not full.any():
                out = tried
                break
            out, usable = np.where(full, allowed, out), usable & ~full
        return Allocation.within(self.ration.held(out) + targets.terms, observation)


class MoneyByLever(MoneyByClaims):
    """Spreads an even monthly budget over levers by share and over groups by weight.

    Attributes
    ----------
    shares : (levers,)
        Of the budget.
    weights : (groups,)
        A group's claim on a lever's money: 1 per customer for all, or its value.
    by_customer : bool
        Whether the claim counts for each customer (else for the group).
    """

    def __init__(
        self, twin: "Twin", budget: float, name: str, shares: Floats, weights: Floats, *, by_customer: bool
    ) -> None:
        super().__init__(twin, budget)
        self.name, self.shares, self.weights, self.by_customer = name, shares, weights, by_customer

    def claims(self, observation: Observation) -> Floats:
        """Return weights, for each customer or by group spread over its customers."""
        heads = np.where(observation.targets.allowed, observation.customers[:, :, None], 0.0)
        inside = 1.0 if self.by_customer else np.maximum(heads.sum(axis=1, keepdims=True), 1e-300)
        return np.asarray(self.weights[:, None, None] * heads / inside)

    def bounds_by_lever(self, observation: Observation) -> tuple[Floats, Floats, float]:
        """Return each lever's even part of what is left of its own money."""
        left = np.maximum(self.budget * self.shares - observation.lever_spent, 0.0)
        even = left / (observation.periods - observation.period)
        if observation.stretch_periods:
            even *= min(self.even(observation)[0] / max(float(even.sum()), 1e-300), 1.0)
        return even, even, float(even.sum())


class Today:
    """What today's spend and its earnings are expected to be over the horizon.

    Attributes
    ----------
    spend : (periods, groups, stages, levers)
        Marketing money.
    fits : (periods,)
        By what it must be multiplied to fit the budget, and those of stretches; 1 where it does.
    money : float
        What it costs, as far as the budget goes; the budget where it costs nothing.
    first : float
        The same of the first period; an even part of the budget where today costs nothing.
    """

    def __init__(self, twin: "Twin", budget: float) -> None:
        from sim.engine.sensitivity import follow
        from sim.market.purse import budget_of

        plan = np.repeat(twin.targets.reference[None], twin.chain.periods, axis=0)
        self.spend = follow(twin.chain, twin.targets.with_committed(plan)).spend
        self.total = float(self.spend.sum())
        whole = min(1.0, budget / self.total) if self.total > 0 else 1.0
        by_period = self.spend.sum(axis=(1, 2, 3))
        self.fits = fit_to_windows(np.full(twin.chain.periods, whole), by_period, budget_of(twin, budget).windows)
        self.money = min(budget, self.total) if self.total > 0 else budget
        self.first = float(by_period[0] * self.fits[0]) if self.total > 0 else budget / twin.chain.periods


def fit_to_windows(factor: Floats, by_period: Floats, windows: Floats) -> Floats:
    """Return a factor by period, made smaller where money times it is more than a window's, evenly inside the window.

    Parameters
    ----------
    factor, by_period : (periods,)
    windows : (windows, 3)
        As in :class:`~sim.market.purse.Budget`.
    """
    out = factor.copy()
    for first, last, money in windows:
        inside = slice(int(first), int(last))
        wanted = float((out[inside] * by_period[inside]).sum())
        if wanted > money:
            out[inside] *= money / wanted
    return out


def todays_claims(twin: "Twin") -> Floats:
    """Return what a customer claims as today's money does; alike wherever levers reach, where today spends nothing."""
    targets, reference = twin.targets, twin.targets.of_budget(twin.targets.reference)
    return reference if reference.any() else (targets.allowed & targets.paid).astype(float)


def per_head(money: Floats, observation: Observation) -> Floats:
    """Return money by (group, stage, lever) per customer; nothing where nobody is."""
    heads = observation.customers[:, :, None]
    return np.where(heads > 0, money / np.maximum(heads, 1e-300), 0.0)


def share_between(name: str, **shares: float) -> None:
    """Raise where a policy's parameter is no share between 0 and 1.

    Raises
    ------
    InputError
        With the parameter and what it is.
    """
    for key, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(f"policy '{name}', parameter {key}={share!r}: expected a share between 0 and 1")


def levers_moving(twin: "Twin", *effects: str) -> list[int]:
    """Return the levers of the budget that move one of some effects, by number, in the order of effects."""
    levers, found = twin.targets.levers, {n: v for n, v in twin.scenario.levers.items() if v.pays == "budget"}
    places = [place for effect in effects for place, n in enumerate(levers) if n in found and effect in found[n].moves]
    return list(dict.fromkeys(places))


def bounds(twin: "Twin") -> tuple[Floats, Floats]:
    """Return the least and the most share of the budget that each lever must and may get; terms get none."""
    levers, rules = twin.targets.levers, twin.scenario.rules.levers
    floors = np.array([rules[lever].floor if lever in rules else 0.0 for lever in levers])
    caps = np.array([rules[lever].cap if lever in rules else 1.0 for lever in levers])
    return floors, twin.targets.of_budget(caps)


def worth_today(twin: "Twin") -> Floats:
    """Return what each group is worth for ever under today's spend; over the horizon where nothing is discounted."""
    from sim.engine.chain import value_to_go
    from sim.engine.fluid import expected_history

    chain = twin.chain
    if chain.discount_rate == 0:
        today = np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape))
        history = expected_history(chain, today)
        return np.asarray(history.reward.sum(axis=(0, 2)) - history.spend.sum(axis=(0, 2, 3)))
    earned, spent = value_to_go(chain)
    by_block = (chain.initial * (earned - spent)).sum(axis=1)
    return np.asarray(np.bincount(chain.group, weights=by_block, minlength=chain.targets.shape[0]), dtype=float)


def worth_a_head(twin: "Twin") -> Floats:
    """Return what a customer of each group is worth at the start, as today's spend goes on; 0 where nobody is."""
    heads = np.bincount(twin.chain.group, weights=twin.chain.initial.sum(axis=1), minlength=twin.targets.shape[0])
    return np.where(heads > 0, worth_today(twin) / np.maximum(heads, 1e-300), 0.0)
