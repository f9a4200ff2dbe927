"""One customer followed through a market: what the firm saw, what was true, what it bought, what was spent on it."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arrays import Flags, Floats, Progress
from sim.contract import Policy, Targets
from sim.customers.population import Population
from sim.engine.agent_kernels import EVENTS
from sim.engine.attitudes import POINTS_PER_LEVEL
from sim.engine.bonds import bonds_of, held_by, holdings
from sim.engine.chain import ALIVE, DEFECTED
from sim.engine.false_care import part_of
from sim.engine.response import response
from sim.engine.terms import curves_of
from sim.errors import InputError
from sim.history import KINDS, History
from sim.market.clock import Market
from sim.market.purse import Budget, budget_of
from sim.scenario.file import Scenario
from sim.twin import Twin

__all__ = ["Life", "Moment", "trace_life"]


@dataclass(frozen=True)
class Moment:
    """A customer in one period.

    Attributes
    ----------
    period : int
        From 0.
    there : bool
        Whether it has appeared in the market yet.
    stage : str
        As the firm sees it at the period's start.
    true : str
        What is true then: one of ``KINDS``.
    satisfaction : float or None
        Points 0..100 of a true customer; None where there are none.
    ties : int or None
        Of a true customer, of all kinds; None where there are none.
    grown : (rate, amount)
        What being kept so long multiplies its purchase rate and amounts by.
    purchases : int
    revenue : float
        Money.
    event : str or None
        ``aware``, ``won``, ``returned``, ``left`` or ``lost``, in the course of the period.
    spend : dict
        Money spent on it, by lever: what its group and stage got, by head.
    bond : dict
        Where there are several kinds of ties, or categories: how many of each a true customer has; in a club its grade.
    terms : dict
        Money of the terms that a true customer is under, by lever: what its group and stage are charged, are served for
        or no longer pay, by head.
    missed : dict
        Of levers that miss what some customers of the stage need: their share, and by how much its annoyance there
        shifts the chance of a level up.
    late : dict
        Of levers that remember: intensity as it works on where the customer is seen, money of late there, and the share
        that it added to purchases of late.
    """

    period: int
    there: bool
    stage: str
    true: str
    satisfaction: float | None
    ties: int | None
    grown: tuple[float, float] = (1.0, 1.0)
    purchases: int = 0
    revenue: float = 0.0
    event: str | None = None
    spend: dict[str, float] = field(default_factory=dict)
    terms: dict[str, float] = field(default_factory=dict)
    late: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    missed: dict[str, tuple[float, float]] = field(default_factory=dict)
    bond: dict[str, int | str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the moment as a row."""
        return {
            "period": self.period,
            "stage": self.stage if self.there else None,
            "true": self.true if self.there else None,
            "satisfaction": self.satisfaction,
            "ties": self.ties,
            "grown": self.grown,
            "purchases": self.purchases,
            "revenue": self.revenue,
            "event": self.event,
            "spend": self.spend,
            **({"terms": self.terms} if self.terms else {}),
            **({"late": self.late} if self.late else {}),
            **({"missed": self.missed} if self.missed else {}),
            **({"bond": self.bond} if self.bond else {}),
        }


@dataclass(frozen=True)
class Life:
    """A customer's life under one policy.

    Attributes
    ----------
    customer : str
        As the user names it: a number inside its segment, or the id in the customer base.
    segment, tier, policy : str
    seed : int
    purchase_rate, defection_rate, mean_spend : float
        Hidden traits: per period, per period, money per purchase.
    bad_debt : float
        Share of its revenue that is never paid, hidden too.
    pays : dict
        What the money of terms is, by lever: ``price``, ``charge`` or ``service``.
    moments : tuple of Moment
        One per period, and the end.
    """

    customer: str
    segment: str
    tier: str
    policy: str
    seed: int
    period: str
    currency: str
    leaves_unseen: bool
    purchase_rate: float
    defection_rate: float
    mean_spend: float
    bad_debt: float
    pays: dict[str, str]
    moments: tuple[Moment, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "customer": self.customer,
            "segment": self.segment,
            "tier": self.tier,
            "policy": self.policy,
            "seed": self.seed,
            "purchase_rate": self.purchase_rate,
            "defection_rate": self.defection_rate,
            "mean_spend": self.mean_spend,
            "bad_debt": self.bad_debt,
            "rows": [moment.to_dict() for moment in self.moments[:-1]],
            "end": {key: self.moments[-1].to_dict()[key] for key in ("stage", "true", "satisfaction", "ties")},
        }


def trace_life(
    twin: Twin,
    policy: Policy,
    budget: float | Budget,
    *,
    segment: str | None = None,
    customer: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Life:
    """Run the market once and return one customer's life in it.

    Parameters
    ----------
    segment
        None: the first with people, or for a base's customer any of the base's.
    customer
        Number inside its segment, from 0 on; for a customer of a base the base's id. None: the first.

    Raises
    ------
    InputError
        If there is no such segment or customer, or the scenario is a chain of its own.
    """
    if twin.chain.traits is None:
        raise InputError("trace: a chain of your own has no customers to tell of; use `tenure simulate`")
    population = twin.population(seed, 0)
    position, name = _find(twin, population, segment, customer)
    shortly = replace(twin, chain=replace(twin.chain, with_terminal=False))  # worth after the horizon is not told
    purse = budget if isinstance(budget, Budget) else budget_of(twin, budget)
    market = Market(shortly, policy, population, purse, seed=seed, threads=threads, trace=np.array([position]))
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done / twin.chain.periods)

    history = market.run(tick)
    cohort = int(np.searchsorted(population.start, position, side="right")) - 1
    group = int(twin.cohort_group[cohort])
    return Life(
        customer=name,
        segment=twin.targets.segments[group],
        tier=twin.targets.tiers[group],
        policy=policy.name,
        seed=seed,
        period=twin.scenario.period,
        currency=twin.scenario.currency,
        leaves_unseen=twin.scenario.law == "silent",
        purchase_rate=float(population.purchase_rate[position]),
        defection_rate=float(population.defection_rate[position]),
        mean_spend=float(population.mean_spend[position]),
        bad_debt=twin.quality(cohort).bad_debt,
        pays={name: lever.pays for name, lever in twin.scenario.levers.items() if lever.pays != "budget"},
        moments=tuple(_moment(twin, history, market, group, t) for t in range(history.periods + 1)),
    )


def _moment(twin: Twin, history: History, market: Market, group: int, period: int) -> Moment:
    """Return the traced customer in a period of a market; at last, where it ends."""
    trace, space, targets = history.trace, twin.chain.space, twin.targets
    assert trace is not None
    state = int(trace.state[period, 0])
    if state == len(space.names):
        return Moment(period, False, "", "", None, None)
    stage, kind = int(space.stage[group, state]), int(space.kind[state])
    alive = kind == ALIVE
    level, ties, bond = int(space.level[state]), *_held(twin.scenario, int(space.ties[state]))
    points = POINTS_PER_LEVEL * (level - 1) if alive and level > 0 else None
    grown = twin.chain.grown(group, state)
    seen = (targets.stages[stage], KINDS[kind], points, ties if alive else None, grown)
    if period == history.periods:
        return Moment(period, True, *seen, bond=bond)
    heads = float(history.customers[period, group, stage])
    money = history.spend[period, group, stage] / max(heads, 1.0)
    event = int(trace.event[period, 0])
    return Moment(
        period,
        True,
        *seen,
        purchases=int(trace.purchases[period, 0]),
        revenue=float(trace.revenue[period, 0] / twin.money_units),
        event=EVENTS[event] if event >= 0 else None,
        spend=_by_lever(targets, money),
        terms=_by_lever(targets, market.terms[period, group, stage]) if alive else {},
        bond=bond,
        late=_late(twin, market.worked[period], group, stage) if kind < DEFECTED else {},
        missed=_missed(twin, market.worked[period], group, stage) if alive else {},
    )


def _missed(twin: Twin, worked: Floats, group: int, stage: int) -> dict[str, tuple[float, float]]:
    """Return of levers that miss some of a target whom, and what their annoyance does there, as intensities work."""
    targets, out = twin.targets, {}
    here = targets.stages[stage]
    for i, (name, lever) in enumerate(twin.scenario.levers.items()):
        if lever.missed(here) > 0 and targets.allowed[group, stage, i]:
            curve = curves_of(lever, targets.segments[group], 0.0).get("annoyance")
            reach = lever.reach * part_of(lever, "annoyance", here)
            money = worked[group, stage, i], targets.reference[group, stage, i]
            now, usual = (0.0 if curve is None else float(response(curve, np.array(u), reach)) for u in money)
            out[name] = lever.missed(here), usual - now
    return out


def _late(twin: Twin, worked: Floats, group: int, stage: int) -> dict[str, tuple[float, float, float]]:
    """Return what the levers that remember do on a target, given all intensities as they work and what follows them."""
    targets, out = twin.targets, {}
    levers = [(i, name) for i, (name, lever) in enumerate(twin.scenario.levers.items()) if lever.of_late is not None]
    for k, (i, name) in enumerate(levers):
        if targets.allowed[group, stage, i]:
            at, here = len(targets.levers) + 2 * k, worked[group, stage]
            out[name] = (float(here[i]), float(here[at]), float(here[at + 1]))
    return out


def _held(scenario: Scenario, bond: int) -> tuple[int | None, dict[str, int | str]]:
    """Return how many ties a customer has, and of several kinds, categories and grades of the club how many of each."""
    if bond < 0:
        return None, {}
    stated = (scenario.links, scenario.categories, scenario.club)
    known = bonds_of(*stated)
    ties = int(held_by(known, "ties")[bond]) if scenario.links is not None else None
    number = dict(zip(holdings(*stated), known.held[bond].tolist(), strict=True))
    number |= {"categories": int(held_by(known, "categories")[bond])} if scenario.categories is not None else {}
    out: dict[str, int | str] = {name: held for name, held in number.items() if name != "links"}
    if scenario.club is not None:
        out["club"] = ("no member", *scenario.club.grades)[number["club"]]
    return ties, out


def _by_lever(targets: Targets, money: Floats) -> dict[str, float]:
    """Return what there is of money by lever."""
    return {lever: float(each) for lever, each in zip(targets.levers, money, strict=True) if each > 0}


def _find(twin: Twin, population: Population, segment: str | None, customer: str | None) -> tuple[int, str]:
    """Return the position of a customer in the population, and its name."""
    segments = list(dict.fromkeys(twin.targets.segments))
    if segment is not None and segment not in segments:
        close = difflib.get_close_matches(segment, segments, 1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        raise InputError(f"`segment={segment}`: expected one of {', '.join(segments)}{hint}")
    if segment is None:
        if customer is not None and twin.base is not None:
            return _in_base(twin, population, customer, None)
        segment = next((name for name in segments if np.diff(_places(twin, population, [name]))[0] > 0), None)
        if segment is None:
            raise InputError("trace: nobody is in any segment, now or later; give one a start or births above 0")
    first, last = _places(twin, population, [segment])
    if first == last:
        raise InputError(f"`segment={segment}`: nobody is in it, now or later")
    if twin.base is not None and segment in twin.scenario.base_segments:
        return _in_base(twin, population, customer, segment)
    who = _number(customer, last - first, segment)
    return first + int(np.flatnonzero(population.identity[first:last] == who)[0]), str(who)


def _places(twin: Twin, population: Population, segments: Sequence[str]) -> tuple[int, int]:
    """Return where the customers of segments begin and end in the population; a segment's lie together."""
    cohorts = np.flatnonzero([twin.targets.segments[group] in segments for group in twin.cohort_group])
    return int(population.start[cohorts[0]]), int(population.start[cohorts[-1] + 1])


def _number(customer: str | None, size: int, segment: str) -> int:
    """Return the number of a customer inside its segment."""
    try:
        who = int(customer or "0")
    except ValueError:
        who = -1
    if not 0 <= who < size:
        raise InputError(f"`customer={customer}`: expected a number from 0 to {size - 1:,} in segment '{segment}'")
    return who


def _in_base(twin: Twin, population: Population, customer: str | None, segment: str | None) -> tuple[int, str]:
    """Return the position of a customer of the base, and its id there."""
    from sim.purchases.base import CustomerBase

    given, base = twin.scenario.base, twin.base
    assert given is not None
    assert base is not None
    ids = CustomerBase.open(twin.scenario.folder / given.file).summarise(given.as_of).customer_id
    first, last = _places(twin, population, twin.scenario.base_segments if segment is None else [segment])
    if customer is None:
        return first, str(ids[population.identity[first]])
    known = np.flatnonzero(_same(ids, customer))
    if known.size == 0:
        raise InputError(
            f"`customer={customer}`: not in {given.file} by {given.as_of.isoformat()}; for people who are still to be "
            "won, name their `segment=`"
        )
    here = np.flatnonzero(population.identity[first:last] == known[0])
    if here.size == 0:
        lives = twin.targets.segments[int(base.group[known[0]])]
        raise InputError(f"`customer={customer}`: is in segment '{lives}', not in '{segment}'")
    return first + int(here[0]), str(ids[known[0]])


def _same(ids: NDArray[Any], customer: str) -> Flags:
    """Return which ids are the one that was typed."""
    if ids.dtype.kind not in "iu":
        return np.asarray(ids == customer)
    try:
        return np.asarray(ids == int(customer))
    except (ValueError, OverflowError):
        return np.zeros(ids.shape, dtype=bool)
