"""The whole market in plain Python, to hold the compiled engine against: each customer is one SimPy process.

Written from ``docs/model.md`` alone, one short function per sentence of it, and meant to be read beside it. Nothing
comes from the engine but draws: the words of Philox and the table of amounts. It is slow, and knows synthetic segments
only: no real base and no chain of one's own.

The clock of a period ``t``: the firm counts, decides and pays at ``t``; every customer moves at ``t + 1/4``; people who
are born appear at ``t + 1/2``; the accounts are closed at ``t + 3/4``.
"""

import math
from collections.abc import Generator
from typing import Any

import simpy
from plain.attitudes import clip, cost_of_leavers, employee_slope, turnover_factor
from plain.bonds import Bond, costs_of, in_stage
from plain.crowd import in_force, net_promoters, reaction, share_multiplier
from plain.curves import response
from plain.people import SEEN, Odds, Person, luck_of, stage_of
from plain.prices import Prices
from plain.record import Account, Cell, Happened, Heads, Lives, Money, Policy, State, Target

from sim.scenario.file import STAGES, Lever, Scenario

LIVE, BIRTH, CLOSE = 0.25, 0.5, 0.75


class PlainMarket(Prices):
    """One market under one policy.

    Parameters
    ----------
    scenario : Scenario
    policy : callable
    people : list of Person
        Changed as they live.
    total, per_period : float
        The budget, over the horizon and in one period.
    """

    def __init__(
        self,
        scenario: Scenario,
        policy: Policy,
        people: list[Person],
        *,
        seed: int = 0,
        replication: int = 0,
        money_units: float = 1.0,
        total: float = math.inf,
        per_period: float = math.inf,
    ) -> None:
        super().__init__(scenario, money_units)
        self.policy, self.people = policy, people
        self.seed, self.replication = seed, replication
        self.left, self.per_period = total, per_period
        self.clock = simpy.Environment()
        self.slope = employee_slope(scenario)
        self.employees = 0.0
        if scenario.employees is not None:
            start = scenario.employees.start
            self.employees = scenario.employees.usual if start is None else start
        self.decided: list[Money] = []
        self.odds_of: dict[Target, Odds] = {}

    def run(self) -> Lives:
        """Run to the horizon and return what happened."""
        self.clock.process(self._firm())
        for number in range(len(self.people)):
            self.clock.process(self._life(number))
        self.clock.run()
        return self.lives

    def _firm(self) -> Generator[Any, Any, None]:
        for period in range(self.scenario.periods):
            self._open(period)
            yield self.clock.timeout(CLOSE)
            self._close(period)
            yield self.clock.timeout(1 - CLOSE)
        self._count()

    def _life(self, number: int) -> Generator[Any, Any, None]:
        person = self.people[number]
        if person.truth == "to come":
            yield self.clock.timeout(person.birth + BIRTH)
            person.truth = person.starts
            yield self.clock.timeout(1 - BIRTH)
        yield self.clock.timeout(LIVE)
        while self.clock.now < self.scenario.periods:
            period = int(self.clock.now)
            state = self.lives.states[period][number]
            luck = luck_of(person, period, self.seed, self.replication)
            self.lives.happened[period][number] = self._move(person, self._odds(person.segment, state.stage), luck)
            yield self.clock.timeout(1)

    # The start of a period

    def _open(self, period: int) -> None:
        heads = self._count()
        available = max(0.0, min(self.per_period, self.left))
        self.decided.append(self.policy(period, heads, available))
        acting = {cell: self.acting(cell, period) for name in self.scenario.levers for cell in self.cells(name)}
        paid = {cell for cell in acting if self.scenario.levers[cell[2]].pays == "budget"}
        asked = sum(money * heads[cell[:2]] for cell, money in acting.items() if cell in paid)
        factor = min(1.0, available / asked) if asked > 0 else 1.0
        acting = {cell: factor * money if cell in paid else money for cell, money in acting.items()}
        spend = {cell: money * heads[cell[:2]] if cell in paid else 0.0 for cell, money in acting.items()}
        self.left -= sum(spend.values())
        self.effective = {name: self._worth_of_money(name, spend) for name in self.scenario.levers}
        self.odds_of = {}
        promoters = self._promoters()
        served, served_at_start = self._served(period), self._served(0)
        self.lives.accounts.append(
            Account(
                employees=self.employees,
                promoters=promoters,
                word_of_mouth={name: self._word_of_mouth(name, promoters) for name in self.scenario.segments},
                reactions=[reaction(rival, served, served_at_start) for rival in self.scenario.competitors],
                factor=factor,
                acting=acting,
                spend=spend,
                unspent=self.left,
            )
        )
        self.works.append({cell: self.working(cell, period) for cell in acting})
        self.lives.happened.append([Happened()] * len(self.people))

    def _count(self) -> Heads:
        """Write down every customer's state, the heads the firm sees, and how employees are."""
        states = []
        for person in self.people:
            stage = stage_of(person, self.limits(person.segment), self.scenario.law)
            feelings = (person.level, person.ties, stage, person.kept)
            states.append(State(person.truth, person.bought, person.silent, *feelings))
        heads = {(segment, stage): 0 for segment in self.scenario.segments for stage in STAGES}
        for person, state in zip(self.people, states, strict=True):
            if state.stage:
                heads[person.segment, state.stage] += 1
        self.lives.states.append(states)
        self.lives.heads.append(heads)
        self.lives.employees.append(self.employees)
        return heads

    def acting(self, cell: Cell, period: int) -> float:
        """Return the intensity that was decided for this period.

        That is ``lead_time`` periods before the campaign began that runs now; before the first it is what was
        committed.
        """
        segment, _, name = cell
        lever = self.scenario.levers[name]
        if period < lever.lead_time:
            return self.reference(name, segment) if lever.committed is None else lever.committed
        since_decided = lever.lead_time + (period - lever.lead_time) % lever.duration
        return self.decided[period - since_decided].get(cell, 0.0)

    def _worth_of_money(self, name: str, spend: Money) -> float:
        """Return by what a lever's intensities are multiplied where its medium is saturated."""
        saturation = self.scenario.levers[name].saturation
        if saturation is None:
            return 1.0
        usual = sum(self.reference(name, cell[0]) * self.lives.heads[0][cell[:2]] for cell in self.cells(name))
        return (saturation + usual) / (saturation + sum(spend[cell] for cell in self.cells(name)))

    def _promoters(self) -> dict[str, float | None]:
        """Return each segment's net promoters; under the empty name, those of all."""
        if self.scenario.satisfaction is None:
            return {}
        alive = [person for person in self.people if person.truth == "alive"]
        found = {
            name: net_promoters([person.level for person in alive if person.segment == name])
            for name in self.scenario.segments
        }
        return {**found, "": net_promoters([person.level for person in alive])}

    def _word_of_mouth(self, segment: str, promoters: dict[str, float | None]) -> float:
        satisfaction, weight = self.scenario.satisfaction, self.scenario.word_of_mouth
        if satisfaction is None:
            return 1.0
        mix = satisfaction.mix
        in_the_mix = mix[3] + mix[4] - mix[0] - mix[1]
        weights = weight.get(segment, {}) if isinstance(weight, dict) else {"": weight}
        said = 0.0
        for speaker, w in weights.items():
            now = promoters[speaker]
            if now is not None:
                said += w * (now - in_the_mix)
        return max(0.0, 1 + said)

    def _served(self, period: int) -> float:
        """Return seen customers that have not lapsed, per person of the market."""
        heads = self.lives.heads[period]
        everybody = sum(heads.values())
        return sum(n for (_, stage), n in heads.items() if stage in SEEN) / everybody if everybody else 0.0

    def _by_itself(self, segment: str, heads: Heads) -> float:
        """Return the chance that a prospect is won without money: p + q times the part of its segment ever won."""
        stated = self.segment(segment).diffusion
        if stated is None:
            return 0.0
        people = sum(heads[segment, stage] for stage in STAGES)
        won = sum(heads[segment, stage] for stage in STAGES if stage not in ("unaware", "prospect"))
        return stated.innovation + stated.imitation * (won / people if people else 0.0)

    # What a period holds for a segment and stage

    def _odds(self, segment: str, stage: str) -> Odds:
        if (segment, stage) not in self.odds_of:
            self.odds_of[segment, stage] = self._new_odds(segment, stage)
        return self.odds_of[segment, stage]

    def _new_odds(self, segment: str, stage: str) -> Odds:
        scenario, period = self.scenario, int(self.clock.now)
        account = self.lives.accounts[period]

        def pairs(effect: str) -> list[tuple[float, float]]:
            """Return the responses now and at the reference of the levers that move something here."""
            found = []
            for name in self.movers(effect, stage):
                curve, reach = self.curve(name, effect, segment), self.touched(name, effect, stage)
                now = self.works[period][segment, stage, name]
                usual = self.reference(name, segment)
                found.append((response(curve, now, reach), response(curve, usual, reach)))
            return found

        def chance(effect: str) -> float:
            return 1 - math.prod(1 - now for now, _ in pairs(effect))

        def shift(effect: str) -> float:
            return sum(now - usual for now, usual in pairs(effect))

        def shocks(route: str) -> list[float]:
            return [s.size for s in scenario.shocks if s.route == route and in_force(s, period, segment)]

        def shocked(route: str) -> float:
            return math.prod(1 + size for size in shocks(route))

        def rivals(route: str) -> list[float]:
            return [
                factor * rival.strengths[route]
                for rival, factor in zip(scenario.competitors, account.reactions, strict=True)
                if route in rival.strengths and in_force(rival, period, segment)
            ]

        aware = chance("awareness") * account.word_of_mouth[segment] * shocked("awareness")
        finds = account.word_of_mouth[segment] * shocked("acquisition")
        finds *= math.prod(1 - strength for strength in rivals("acquisition"))
        itself = self._by_itself(segment, self.lives.heads[period])
        none = math.prod(
            1 - response(self.curve(name, "acquisition", segment), 0.0, scenario.levers[name].reach)
            for name in self.movers("acquisition", stage)
        )

        defection = shocked("defection") * math.prod(1 + strength for strength in rivals("defection"))
        for now, usual in pairs("survival"):
            defection *= math.log(now) / math.log(usual) if now > 0 else math.inf

        for name, lever in scenario.levers.items():
            if stage in lever.targets and "unknown" in lever.tiers:
                above = self.of_late((segment, stage, name), period) - self.reference(name, segment)
                defection *= 1 + lever.reach * ((1 + self.stated(name).drives_away) ** above - 1)

        rate = shocked("purchase rate")
        for name, (now, usual) in zip(self.movers("purchase_rate", stage), pairs("purchase_rate"), strict=True):
            rate *= max((1 + now) / (1 + usual) - self.bought_early((segment, stage, name), period), 0)
        share = self.segment(segment).share_of_customer or scenario.share_of_customer
        rate *= share_multiplier(share, shift("preference"), rivals("share of customer"))
        if scenario.seasons:
            mean = sum(scenario.seasons) / len(scenario.seasons)
            rate *= scenario.seasons[period % len(scenario.seasons)] / mean

        def terms(kind: str) -> list[float]:
            """Return money a head, as far as it reaches, of the levers that change these terms here."""
            return [
                account.acting[segment, stage, name] * lever.reach
                for name, lever in scenario.levers.items()
                if lever.pays == kind and stage in lever.targets and "unknown" in lever.tiers
            ]

        price = self.price_of(segment, stage, period)
        stay_away, come = self.against_rivals(segment, price, period)

        satisfaction = shift("satisfaction") - shift("annoyance") + sum(shocks("satisfaction"))
        if scenario.employees is not None:
            satisfaction += self.slope * (account.employees - scenario.employees.usual)
        value = self.segment(segment).value_to_customer
        if value is not None:
            gain = sum(value.gain.values()) if isinstance(value.gain, dict) else value.gain
            satisfaction += value.bring * (gain - value.cost - value.usual)

        employees, points = scenario.employees, account.employees
        readily = 1.0 if employees is None else turnover_factor(employees, points)
        replacing = 0.0 if employees is None else cost_of_leavers(employees, points)

        links, loss = scenario.links, self.segment(segment).loss
        kept = 0.0 if links is None else clip(links.kept + shift("knowledge"), 0, 1)
        added = 0.0 if links is None else clip(sum(shocks("turnover")), 0, 1)

        def lost(bond: Bond) -> float:
            usual = in_stage(bond.loss, stage)
            return min(usual * readily + added, 1) * (1 - kept) if bond.is_tie else usual

        return Odds(
            aware=min(1.0, aware),
            won=finds * come * (chance("acquisition") + itself),
            unpaid=finds * come * (1 - none + itself),
            returned=chance("reactivation"),
            lost=scenario.loss if loss is None else loss,
            defection=defection * stay_away,
            rate=rate,
            amount=math.prod((1 + now) / (1 + usual) for now, usual in pairs("amount")),
            satisfaction=satisfaction,
            losses=[lost(bond) for bond in self.bonds],
            gains=[clip(in_stage(bond.gain, stage) + shift(bond.lever), 0, 1) for bond in self.bonds],
            leaving=sum(-math.log(1 - now) for now, _ in pairs("leaving")),
            price=price * self.left_by_partner(segment, shift("direct")),
            charged=sum(terms("charge")),
            served=sum(terms("service")) + replacing,
        )

    # The end of a period

    def _close(self, period: int) -> None:
        account = self.lives.accounts[period]
        for name, segment in self.scenario.segments.items():
            costs = segment.cost_to_serve or self.scenario.cost_to_serve
            margin = self.scenario.margin if segment.margin is None else segment.margin
            revenue = bad_debt = cost = goods = 0.0
            for number, person in enumerate(self.people):
                if person.segment == name:
                    happened, quality = self.lives.happened[period][number], self.quality(person)
                    state = self.lives.states[period][number]
                    alive, odds = state.truth == "alive", self._odds(name, state.stage) if state.stage else None
                    price, charged, served = (odds.price, odds.charged, odds.served) if odds else (1.0, 0.0, 0.0)
                    paid = happened.revenue / self.money_units
                    goods += (1 - margin) * paid / price
                    money = paid + charged * alive
                    revenue += money
                    bad_debt += quality.bad_debt * money
                    cost += costs_of(state.ties, self.bonds) if alive and self.bonds else 0.0
                    cost += served * alive + quality.cost_to_serve * (
                        costs.per_customer * alive + costs.per_purchase * happened.purchases
                    )
            account.revenue[name], account.bad_debt[name], account.cost_to_serve[name] = revenue, bad_debt, cost
            account.reward[name] = revenue - goods - bad_debt - cost
        if self.scenario.employees is not None:
            self.employees = self._next_employees(period)

    def _next_employees(self, period: int) -> float:
        employees = self.scenario.employees
        assert employees is not None
        points = self.employees + employees.reversion * (employees.usual - self.employees)
        for name, lever in self.scenario.levers.items():
            if "employee" in lever.moves:
                points += self._employee_points(name, lever, self.lives.heads[period])
        for shock in self.scenario.shocks:
            if shock.route == "employee" and in_force(shock, period, ""):
                points += shock.size
        return clip(points, 0, 100)

    def _employee_points(self, name: str, lever: Lever, heads: Heads) -> float:
        """Return ``f(U) - f(U_ref)`` of the money per head of a lever's targets, and of its reference on them."""
        cells = self.cells(name)
        number = sum(heads[cell[:2]] for cell in cells)
        if number == 0:
            return 0.0
        now = sum(self.works[-1][cell] * heads[cell[:2]] for cell in cells) / number
        usual = sum(self.reference(name, cell[0]) * heads[cell[:2]] for cell in cells) / number
        curve = lever.moves["employee"]
        return response(curve, now, lever.reach) - response(curve, usual, lever.reach)
