"""The rules of a scenario in arrays: each a row that counts money, people or profit, and a limit.

A row is linear in what happens: ``money . spend + people . heads + earned . profit before marketing <= or >= limit``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from sim.arrays import Flags, Floats
from sim.contract import Targets
from sim.engine.chain import ALIVE, ControlledChain
from sim.engine.sensitivity import Course, asset_aim, follow
from sim.scenario.file import PERIODS_PER_YEAR
from sim.scenario.rules import PeopleRule, Rules, SliceRule
from sim.twin import Twin

__all__ = ["Row", "Today", "as_today", "asset_row", "people_rows", "rows_of"]


POINTS = 25.0
"""Points of satisfaction between two levels."""


@dataclass(frozen=True, eq=False)
class Row:
    """One rule.

    Attributes
    ----------
    name : str
        As people read it.
    sense : ``<=`` or ``>=``
    limit : float
        Money, customers, or customers times points.
    per_budget : float
        d(limit)/d(budget): rules stated as shares move with the budget.
    money : csr_matrix of (1, periods x groups x stages x levers), optional
        What a unit of money spent counts.
    people : csr_matrix of (1, (periods + 1) x groups x laws), optional
        What a customer under a law counts.
    earned : (periods, groups), optional
        What a unit of money earned before marketing counts.
    after : float
        What a unit of value after the horizon counts.
    mean_of : csr_matrix of (1, (periods + 1) x groups x laws), optional
        Whose mean a rule on satisfaction is about; it counts points of all of them together.
    """

    name: str
    sense: str
    limit: float
    per_budget: float = 0.0
    money: csr_matrix | None = None
    people: csr_matrix | None = None
    earned: Floats | None = None
    after: float = 0.0
    mean_of: csr_matrix | None = None


def as_today(chain: ControlledChain) -> Floats:
    """Return today's spend as a plan: the reference, and first what is committed."""
    return chain.targets.with_committed(np.broadcast_to(chain.targets.reference, (chain.periods, *chain.targets.shape)))


@dataclass(frozen=True, eq=False)
class Today:
    """What today's spend is expected to do over the horizon, worked out when asked for."""

    chain: ControlledChain

    @cached_property
    def course(self) -> Course:
        """Return the fluid twin's run under the reference."""
        return follow(self.chain, as_today(self.chain))


def rows_of(twin: Twin, budget: float, today: Today | None = None) -> tuple[Row, ...]:
    """Return the scenario's rules as rows, the budget first; an infinite budget is no row."""
    rules, chain = twin.scenario.rules, twin.chain
    today = today or Today(chain)
    rows = [*_of_budget(rules, chain, budget), *_of_levers(rules, chain, budget)]
    for name, slice_ in rules.slices.items():
        rows += _of_slice(name, slice_, chain, budget, today)
    for name, people in rules.people.items():
        rows += people_rows(name, people, chain)
    rows += _of_profit(twin)
    return tuple(row for row in rows if np.isfinite(row.limit))


def asset_row(chain: ControlledChain, least: float, name: str = "asset", per_spend: float = 0.0) -> Row:
    """Return the rule that the customer asset, less ``per_spend`` for a unit of money, is at least ``least``."""
    aim = asset_aim(chain)
    money = csr_matrix((-(aim.money + per_spend) * chain.targets.allowed).reshape(1, -1))
    return Row(name, ">=", least, 0.0, money, None, np.array(aim.reward), aim.terminal)


def _money(chain: ControlledChain, parts: Sequence[tuple[float, Flags, Flags, Flags, Flags]]) -> csr_matrix:
    """Return the row that counts ``weight`` for money in (periods, groups, stages, levers), over all parts."""
    dense = np.zeros((chain.periods, *chain.targets.shape))
    for weight, *where in parts:
        dense[np.ix_(*where)] += weight
    return csr_matrix((dense * chain.targets.allowed).reshape(1, -1))


def _everywhere(targets: Targets) -> tuple[Flags, Flags, Flags]:
    groups, stages, levers = targets.shape
    return np.ones(groups, bool), np.ones(stages, bool), np.ones(levers, bool)


def _of_budget(rules: Rules, chain: ControlledChain, budget: float) -> Iterator[Row]:
    every, all_ = np.ones(chain.periods, bool), _everywhere(chain.targets)
    yield Row("budget", "<=", budget, 1.0, _money(chain, [(1.0, every, *all_)]))
    for t in range(chain.periods) if rules.period_share < 1 else ():
        share = rules.period_share
        now = np.eye(chain.periods, dtype=bool)[t]
        yield Row(f"budget of period {t + 1}", "<=", share * budget, share, _money(chain, [(1.0, now, *all_)]))
    stretches = rules.stretches
    if stretches is None:
        return
    amount = share = 0.0
    for k, first in enumerate(range(0, chain.periods, stretches.every)):
        last = min(first + stretches.every, chain.periods)
        given = None if stretches.amounts is None else stretches.amounts[k]
        own = (last - first) / chain.periods if given is None else 0.0
        amount = (amount if stretches.carry_over else 0.0) + (own * budget if given is None else given)
        share = (share if stretches.carry_over else 0.0) + own
        here = (np.arange(chain.periods) >= (0 if stretches.carry_over else first)) & (np.arange(chain.periods) < last)
        name = f"budget {'up to' if stretches.carry_over else f'of periods {first + 1} to'} {last}"
        yield Row(name, "<=", amount, share, _money(chain, [(1.0, here, *all_)]))


def _of_levers(rules: Rules, chain: ControlledChain, budget: float) -> Iterator[Row]:
    every, (groups, stages, _) = np.ones(chain.periods, bool), _everywhere(chain.targets)
    for name, rule in rules.levers.items():
        only = np.array([lever == name for lever in chain.targets.levers])
        if rule.floor > 0:
            money = _money(chain, [(1.0, every, groups, stages, only)])
            yield Row(f"floor of {name}", ">=", rule.floor * budget, rule.floor, money)
        if rule.cap < 1:
            money = _money(chain, [(1.0, every, groups, stages, only)])
            yield Row(f"cap of {name}", "<=", rule.cap * budget, rule.cap, money)


def _of_slice(name: str, rule: SliceRule, chain: ControlledChain, budget: float, today: Today) -> Iterator[Row]:
    targets, periods = chain.targets, np.arange(chain.periods)
    groups = _chosen(targets.segments, rule.segments) & _chosen(targets.tiers, rule.tiers)
    where = (groups, _chosen(targets.stages, rule.stages), _chosen(targets.levers, rule.levers))
    span = (periods >= rule.start) & (periods < (rule.end or chain.periods))
    windows = [(span, "")] if rule.each == "horizon" else [(periods == t, f" in period {t + 1}") for t in periods[span]]
    for window, when in windows:
        here = _money(chain, [(1.0, window, *where)])
        for word, sense, money, share in (("floor", ">=", rule.floor, rule.floor_share),
                                          ("cap", "<=", rule.cap, rule.cap_share)):  # fmt: skip
            if money is not None:
                yield Row(f"{name}: {word}{when}", sense, money, 0.0, here)
            if share is not None:
                whole = (-share, window, *_everywhere(targets))
                counted = _money(chain, [(1.0, window, *where), whole])
                yield Row(f"{name}: {word} by share{when}", sense, 0.0, 0.0, counted)
        if rule.within is not None:
            usual = float((here @ today.course.spend.ravel())[0])
            yield Row(f"{name}: at most {rule.within:.0%} above today{when}", "<=", usual * (1 + rule.within), 0, here)
            if rule.within < 1:
                yield Row(
                    f"{name}: at most {rule.within:.0%} below today{when}", ">=", usual * (1 - rule.within), 0, here
                )
    if rule.ramp is not None:
        usual = today.course.spend[span][np.ix_(np.ones(int(span.sum()), bool), *where)].sum() / span.sum()
        step = rule.ramp * float(usual or budget / chain.periods)
        for t in periods[span][1:]:
            change = [(1.0, periods == t, *where), (-1.0, periods == t - 1, *where)]
            yield Row(f"{name}: rise into period {t + 1}", "<=", step, 0.0, _money(chain, change))
            yield Row(f"{name}: fall into period {t + 1}", ">=", -step, 0.0, _money(chain, change))


def people_rows(name: str, rule: PeopleRule, chain: ControlledChain) -> list[Row]:
    """Return a rule on people as rows, one by period it holds after."""
    targets, space = chain.targets, chain.space
    groups = _chosen(targets.segments, rule.segments) & _chosen(targets.tiers, rule.tiers)
    alive = space.law_kind == ALIVE
    stage = np.array(targets.stages)[space.law_stage]
    counted = {
        "kept": alive.astype(float),
        "core": (stage == "core").astype(float),
        "customers": np.isin(stage, ("new", "developing", "core", "declining")).astype(float),
        "satisfaction": np.where(alive, POINTS * (space.law_level - 1.0), 0.0),
    }[rule.count]
    at_start = np.zeros((targets.shape[0], space.law_kind.size))
    np.add.at(at_start, (chain.group[:, None], chain.block_law), chain.initial)
    start = at_start[groups]
    limit = rule.at_least
    if rule.count == "satisfaction":
        usual = (start @ counted).sum() / max((start @ alive).sum(), 1e-300)
        points = rule.at_least * (usual if rule.of_start else 1.0)
        counted, limit = counted - points * alive, 0.0
    elif rule.of_start:
        limit *= float((start @ counted).sum())
    last = chain.periods if rule.at is None else rule.at
    rows = []
    for t in range(1, last + 1) if rule.each else (last,):
        dense = np.zeros((chain.periods + 1, *at_start.shape))
        dense[t, groups] = counted
        members = np.zeros_like(dense)
        members[t, groups] = alive
        mean_of = csr_matrix(members.reshape(1, -1)) if rule.count == "satisfaction" else None
        when = "at the end" if t == chain.periods else f"after period {t}"
        people = csr_matrix(dense.reshape(1, -1))
        rows.append(Row(f"{name} {when}", ">=", limit, people=people, mean_of=mean_of))
    return rows


def _of_profit(twin: Twin) -> Iterator[Row]:
    chain, rules, periods = twin.chain, twin.scenario.rules, np.arange(twin.chain.periods)
    year = round(PERIODS_PER_YEAR[twin.scenario.period])

    def row(name: str, span: Flags, limit: float) -> Row:
        earned = np.repeat(span[:, None].astype(float), chain.targets.shape[0], axis=1)
        return Row(name, ">=", limit, 0.0, _money(chain, [(-1.0, span, *_everywhere(chain.targets))]), None, earned)

    if rules.yearly_profit is not None:
        for k, first in enumerate(range(0, chain.periods, year)):
            span = (periods >= first) & (periods < first + year)
            yield row(f"profit of year {k + 1}", span, rules.yearly_profit * span.sum() / year)
    for t in periods if rules.least_cash is not None else ():
        assert rules.least_cash is not None
        yield row(f"cash after period {t + 1}", periods <= t, rules.least_cash)


def _chosen(names: tuple[str, ...], wanted: Sequence[str]) -> Flags:
    inside: Callable[[str], bool] = (lambda _: True) if not wanted else lambda name: name in wanted
    return np.array([inside(name) for name in names])
