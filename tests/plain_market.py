"""The whole market in plain Python, to hold the compiled engine against: each customer is one SimPy process.

Written from ``docs/model.md`` alone, one short function per sentence of it, and meant to be read beside it. Nothing
comes from the engine but draws: the words of Philox and the table of amounts. It is slow, and knows synthetic segments
only: no real base and no chain of one's own.

The clock of a period ``t``: the firm counts, decides and pays at ``t``; every customer moves at ``t + 1/4``; people who
are born appear at ``t + 1/2``; the accounts are closed at ``t + 3/4``.
"""

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import simpy

from sim.engine.draw_kernels import total_amount
from sim.engine.random_streams import amount_table, philox_words, stream_of
from sim.scenario.curves import Curve
from sim.scenario.customers import Quality, Satisfaction, Segment
from sim.scenario.file import CUSTOMER_STAGES, STAGES, Competitor, GammaGamma, Lever, Scenario, Shock, Thresholds

Target = tuple[str, str]
"""Segment and stage."""
Cell = tuple[str, str, str]
"""Segment, stage and lever."""
Money = dict[Cell, float]
"""Money per customer of a target, or on all of them; what is not named is 0."""
Heads = dict[Target, int]
Policy = Callable[[int, Heads, float], Money]
"""From the period, the observed heads and the money that may be spent now to intensities as decided."""

PERIOD: Final = 2
SURVEY: Final = 5
table_of_amounts = cache(amount_table)
LIVE, BIRTH, CLOSE = 0.25, 0.5, 0.75
SEEN = CUSTOMER_STAGES[: CUSTOMER_STAGES.index("lapsed")]
"""Stages of the seen customers that have not lapsed: new to declining."""


# --- Curves -----------------------------------------------------------------------------------------------------------


def curve_value(curve: Curve, money: float) -> float:
    """Return ``f`` of a curve at an intensity."""
    low, high = curve.without_money, curve.unlimited_money
    if curve.shape == "blattberg-deighton":
        return float(high - (high - low) * ((high - curve.brings) / (high - low)) ** (money / curve.spend))
    if curve.shape == "adbudg":
        share = (curve.brings - low) / (high - low)
        d = curve.spend**curve.steepness * (1 - share) / share
        return float(low + (high - low) * money**curve.steepness / (d + money**curve.steepness))
    if curve.shape == "hill":
        power = money**curve.steepness
        return float(low + (high - low) * power / (curve.half**curve.steepness + power))
    for (u, f), (next_u, next_f) in zip(curve.points, curve.points[1:], strict=False):
        if money <= next_u:
            return float(f + (next_f - f) * (money - u) / (next_u - u))
    return float(high)


def response(curve: Curve, money: float, reach: float) -> float:
    """Return ``reach f(u) + (1 - reach) f(0)``: those who cannot be addressed respond as to no money."""
    return reach * curve_value(curve, money) + (1 - reach) * curve_value(curve, 0.0)


# --- Satisfaction and employees ---------------------------------------------------------------------------------------


def clip(value: float, low: float, high: float) -> float:
    """Return the value, or the bound that it is beyond."""
    return min(max(value, low), high)


def level_odds(satisfaction: Satisfaction, level: int, shift: float) -> tuple[float, float]:
    """Return the chances of a level up and of a level down: Metropolis' rule, shifted."""
    mix, half = satisfaction.mix, satisfaction.mobility / 2

    def towards(neighbour: int) -> float:
        here = mix[level - 1]
        return half * (min(1.0, mix[neighbour - 1] / here) if here > 0 else 1.0)

    up = clip(towards(level + 1) + shift, 0, 1) if level < 5 else 0.0
    down = clip(towards(level - 1) - shift, 0, 1) if level > 1 else 0.0
    return up, down


def next_level(satisfaction: Satisfaction, level: int, shift: float, u: float) -> int:
    """Return the level after one period of a customer with the draw ``u``."""
    up, down = level_odds(satisfaction, level, shift)
    if u < up:
        return level + 1
    return level - 1 if u >= 1 - down else level


def points_of(level: int) -> float:
    """Return the points of a level: 0, 25, ..., 100."""
    return 25.0 * (level - 1)


def mean_points(shares: Sequence[float]) -> float:
    """Return the mean points of customers who are spread like this over the levels."""
    return sum(share * points_of(level) for level, share in enumerate(shares, start=1))


def long_run_shares(satisfaction: Satisfaction, shift: float) -> list[float]:
    """Return the stationary shares of the levels under a lasting shift.

    As many move up from a level as move down from the next: ``share[k+1]/share[k] = up[k]/down[k+1]``. Where nobody
    moves down again, all end up above.
    """
    shares = [1.0]
    for level in range(1, 5):
        up, _ = level_odds(satisfaction, level, shift)
        _, down = level_odds(satisfaction, level + 1, shift)
        if down > 0:
            shares.append(shares[-1] * up / down)
        elif up > 0:
            shares = [0.0] * level + [1.0]
        else:
            shares.append(0.0)
    return [share / sum(shares) for share in shares]


def employee_slope(scenario: Scenario) -> float:
    """Return the shift per employee point at which ``points`` of them, kept up, bring ``bring`` customer points.

    Found by halving an interval of shifts: a larger one brings more, and a shift of 1 all that there is.
    """
    employees, satisfaction = scenario.employees, scenario.satisfaction
    if employees is None or satisfaction is None or employees.bring == 0:
        return 0.0
    wanted = mean_points(satisfaction.mix) + employees.bring
    low, high = 0.0, 1.0
    if mean_points(long_run_shares(satisfaction, high)) < wanted:
        raise ValueError("no employee satisfaction brings that many points")
    for _ in range(200):
        middle = (low + high) / 2
        if mean_points(long_run_shares(satisfaction, middle)) < wanted:
            low = middle
        else:
            high = middle
    return high / employees.points


def entry_level(satisfaction: Satisfaction) -> int:
    """Return the level of the newly won and the returned: as stated, or nearest to the mix's mean."""
    if satisfaction.entry is not None:
        return satisfaction.entry
    mean = sum(level * share for level, share in enumerate(satisfaction.mix, start=1))
    return min(range(1, 6), key=lambda level: (round(abs(level - mean), 9), level))


def relative(factor: float, place: int, mix: Sequence[float]) -> float:
    """Return ``factor`` to the power of a place, divided by its mean over the mix."""
    return factor**place / sum(share * factor**other for other, share in enumerate(mix))


# --- Links ------------------------------------------------------------------------------------------------------------


def next_ties(ties: int, turnover: float, follow: float, gain: float, u: float) -> int | None:
    """Return the ties after one period of a customer with the draw ``u``; None: leaves with the employee."""
    loses = 1 - (1 - turnover) ** ties
    gains = gain if ties < 3 else 0.0
    if ties == 1 and u < loses * follow:
        return None
    if u < loses:
        return ties - 1
    return ties + 1 if u >= 1 - (1 - loses) * gains else ties


# --- The crowd --------------------------------------------------------------------------------------------------------


def net_promoters(levels: Sequence[int]) -> float | None:
    """Return ``(customers at levels 4 and 5 - customers at 1 and 2)/customers``; None without customers."""
    if not levels:
        return None
    return (sum(level >= 4 for level in levels) - sum(level <= 2 for level in levels)) / len(levels)


def share_multiplier(share: float | None, utility: float, taken: Iterable[float]) -> float:
    """Return what multiplies the purchase rate: the logit of the share of customer, over that share."""
    rivals = sum(x / (1 - x) if x < 1 else math.inf for x in taken)
    if share is None:
        return 1 / (1 + rivals)
    return 1 / (share + (1 - share + rivals) * math.exp(-utility))


def rival_strength(rival: Competitor, served: float, served_at_start: float) -> float:
    """Return a rival's strength where this part of the market's people are seen customers that have not lapsed."""
    success = served / served_at_start if served_at_start > 0 else 1.0
    return rival.strength * clip(1 + rival.reaction * (success - 1), 0, rival.most)


def in_force(what: Competitor | Shock, period: int, segment: str) -> bool:
    """Return whether a rival or a shock is there, in this segment."""
    there = what.start <= period and (what.end is None or period < what.end)
    return there and (not what.segments or segment in what.segments)


def born(per_period: float, period: int) -> int:
    """Return how many people appear at the end of a period, where ``per_period`` need not be whole."""
    return round(per_period * (period + 1)) - round(per_period * period)


# --- One customer -----------------------------------------------------------------------------------------------------


@dataclass
class Person:
    """One customer: what is true, what was observed, and traits (with the quality's multipliers in them).

    Attributes
    ----------
    identity : int
        Counter of its draws inside the segment's stream.
    truth : str
        ``unaware``, ``prospect``, ``alive``, ``gone``, ``lost``, or ``to come``: born at the end of period ``birth``
        as ``starts``.
    level : int
        1..5 while alive and satisfaction is in the model, else 0.
    ties : int
        0..3 while alive and links are in the model, else -1.
    quality : int
        Which of its segment's kinds it is of.
    """

    identity: int
    segment: str
    truth: str
    purchase_rate: float
    defection_rate: float
    mean_spend: float
    bought: int = 0
    silent: int = 0
    level: int = 0
    ties: int = -1
    quality: int = 0
    birth: int = -1
    starts: str = "unaware"


@dataclass(frozen=True)
class State:
    """A customer at the start of a period; ``stage`` is where the firm sees it, empty while it is to come."""

    truth: str
    bought: int
    silent: int
    level: int
    ties: int
    stage: str


@dataclass(frozen=True)
class Happened:
    """What a customer did in a period; ``revenue`` in integer units, ``event`` its true move if any."""

    purchases: int = 0
    revenue: int = 0
    event: str | None = None


@dataclass(frozen=True)
class Odds:
    """What a period holds for everybody of one segment and stage: chances, multipliers, shifts.

    ``won`` is neither capped nor multiplied by the prospect's quality.
    """

    aware: float
    won: float
    returned: float
    lost: float
    defection: float
    rate: float
    amount: float
    satisfaction: float
    turnover: float
    gain: float


@dataclass(frozen=True)
class Luck:
    """The uniforms of a customer in a period."""

    leaving: float
    purchases: float
    amounts: float
    satisfaction: float
    links: float


def uniforms(
    person: Person, purpose: int, period: int, draw: int, seed: int, replication: int, *, shared: bool = False
) -> list[float]:
    """Return the four uniforms of a customer for one purpose, period and draw; shared: of four neighbours together."""
    number = person.identity // 4 if shared else person.identity
    words = philox_words((number, period, draw, replication), (seed, purpose ^ stream_of(person.segment)))
    return [(word + 0.5) / 2**32 for word in words]


def luck_of(person: Person, period: int, seed: int, replication: int) -> Luck:
    """Return what a customer draws in a period."""
    leaving = uniforms(person, PERIOD, period, 0, seed, replication, shared=True)[person.identity % 4]
    purchases, amounts, satisfaction, links = uniforms(person, PERIOD, period, 1, seed, replication)
    return Luck(leaving, purchases, amounts, satisfaction, links)


def poisson_quantile(u: float, mean: float) -> int:
    """Return the least n with P(X <= n) >= u."""
    n, odds = 0, math.exp(-mean)
    cumulative = odds
    while u > cumulative:
        n += 1
        odds *= mean / n
        cumulative += odds
    return n


def stage_of(person: Person, limits: Thresholds, law: str) -> str:
    """Return where the firm sees a customer; but for the law ``silent`` it sees at once who has left."""
    if person.truth == "to come":
        return ""
    if person.truth in ("unaware", "prospect"):
        return person.truth
    if person.silent >= limits.lapsed or (law != "silent" and person.truth in ("gone", "lost")):
        return "lapsed"
    if person.silent >= limits.declining:
        return "declining"
    if person.bought >= limits.core:
        return "core"
    return "new" if person.bought == 1 else "developing"


# --- The market -------------------------------------------------------------------------------------------------------


@dataclass
class Account:
    """What one period was like.

    Attributes
    ----------
    employees : float
        Points ``E(t)``, those that act in this period.
    promoters : dict
        Net promoters by segment at the start; None without customers.
    word_of_mouth : dict
        What multiplies the chances of awareness and acquisition, by segment.
    strengths : list of float
        The rivals', in the order of the scenario, had they all been there.
    factor : float
        By which all intensities were scaled back.
    acting, spend : Money
        Intensities as paid, and the money.
    unspent : float
        What is left of the budget after the period.
    revenue, bad_debt, cost_to_serve, reward : dict
        By segment; reward is money earned before marketing.
    """

    employees: float
    promoters: dict[str, float | None]
    word_of_mouth: dict[str, float]
    strengths: list[float]
    factor: float
    acting: Money
    spend: Money
    unspent: float
    revenue: dict[str, float] = field(default_factory=dict)
    bad_debt: dict[str, float] = field(default_factory=dict)
    cost_to_serve: dict[str, float] = field(default_factory=dict)
    reward: dict[str, float] = field(default_factory=dict)


@dataclass
class Lives:
    """All that happened: by period and person, and by period.

    ``states`` and ``heads`` have one entry more than there are periods, and so does ``employees``: the end.
    """

    states: list[list[State]] = field(default_factory=list)
    happened: list[list[Happened]] = field(default_factory=list)
    heads: list[Heads] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    employees: list[float] = field(default_factory=list)


class PlainMarket:
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
        self.scenario, self.policy, self.people = scenario, policy, people
        self.seed, self.replication, self.money_units = seed, replication, money_units
        self.left, self.per_period = total, per_period
        self.clock = simpy.Environment()
        self.lives = Lives()
        thresholds = [self.limits(name) for name in scenario.segments]
        self.most_bought = max(each.core for each in thresholds)
        self.most_silent = max(each.lapsed for each in thresholds)
        self.slope = employee_slope(scenario)
        self.employees = 0.0
        if scenario.employees is not None:
            start = scenario.employees.start
            self.employees = scenario.employees.usual if start is None else start
        self.decided: list[Money] = []
        self.odds_of: dict[Target, Odds] = {}
        self.effective: dict[str, float] = {}
        self.amounts = {
            name: table_of_amounts(segment.traits.spend.p)
            for name, segment in scenario.segments.items()
            if segment.traits is not None and isinstance(segment.traits.spend, GammaGamma)
        }

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

    # What the scenario says, by name

    def segment(self, name: str) -> Segment:
        """Return a segment."""
        return self.scenario.segments[name]

    def limits(self, name: str) -> Thresholds:
        """Return a segment's thresholds."""
        return self.segment(name).stages or self.scenario.stages

    def quality(self, person: Person) -> Quality:
        """Return what kind of prospect a person is or was."""
        kinds = self.segment(person.segment).quality
        return kinds[person.quality] if kinds else Quality(share=1.0)

    def reference(self, name: str, segment: str) -> float:
        """Return the intensity of a lever in a segment under which the data were gathered."""
        lever = self.scenario.levers[name]
        override = lever.by_segment.get(segment)
        return lever.reference if override is None or override.reference is None else override.reference

    def curve(self, name: str, effect: str, segment: str) -> Curve:
        """Return the curve of one effect of a lever in a segment."""
        lever = self.scenario.levers[name]
        override = lever.by_segment.get(segment)
        moves: list[tuple[str, Curve]] = [*lever.moves.items(), *(override.moves.items() if override else ())]
        return dict(moves)[effect]

    def cells(self, name: str) -> list[Cell]:
        """Return where a lever can be used; customers of synthetic segments are of no known value tier."""
        lever = self.scenario.levers[name]
        if "unknown" not in lever.tiers:
            return []
        return [(segment, stage, name) for segment in self.scenario.segments for stage in lever.targets]

    def movers(self, effect: str, stage: str) -> list[str]:
        """Return the levers that move something in a stage."""
        return [
            name
            for name, lever in self.scenario.levers.items()
            if effect in lever.moves and stage in lever.targets and "unknown" in lever.tiers
        ]

    # The start of a period

    def _open(self, period: int) -> None:
        heads = self._count()
        available = max(0.0, min(self.per_period, self.left))
        self.decided.append(self.policy(period, heads, available))
        acting = {cell: self.acting(cell, period) for name in self.scenario.levers for cell in self.cells(name)}
        asked = sum(money * heads[cell[:2]] for cell, money in acting.items())
        factor = min(1.0, available / asked) if asked > 0 else 1.0
        acting = {cell: factor * money for cell, money in acting.items()}
        spend = {cell: money * heads[cell[:2]] for cell, money in acting.items()}
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
                strengths=[rival_strength(rival, served, served_at_start) for rival in self.scenario.competitors],
                factor=factor,
                acting=acting,
                spend=spend,
                unspent=self.left,
            )
        )
        self.lives.happened.append([Happened()] * len(self.people))

    def _count(self) -> Heads:
        """Write down every customer's state, the heads the firm sees, and how employees are."""
        states = []
        for person in self.people:
            stage = stage_of(person, self.limits(person.segment), self.scenario.law)
            states.append(State(person.truth, person.bought, person.silent, person.level, person.ties, stage))
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
                curve, reach = self.curve(name, effect, segment), scenario.levers[name].reach
                now = account.acting[segment, stage, name] * self.effective[name]
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
                strength
                for rival, strength in zip(scenario.competitors, account.strengths, strict=True)
                if rival.route == route and in_force(rival, period, segment)
            ]

        aware = chance("awareness") * account.word_of_mouth[segment] * shocked("awareness")
        won = chance("acquisition") * account.word_of_mouth[segment] * shocked("acquisition")
        won *= math.prod(1 - strength for strength in rivals("acquisition"))

        defection = shocked("defection") * math.prod(1 + strength for strength in rivals("defection"))
        for now, usual in pairs("survival"):
            defection *= math.log(now) / math.log(usual) if now > 0 else math.inf

        rate = math.prod((1 + now) / (1 + usual) for now, usual in pairs("purchase_rate")) * shocked("purchase rate")
        rate *= share_multiplier(scenario.share_of_customer, shift("preference"), rivals("share of customer"))
        if scenario.seasons:
            mean = sum(scenario.seasons) / len(scenario.seasons)
            rate *= scenario.seasons[period % len(scenario.seasons)] / mean

        satisfaction = shift("satisfaction") + sum(shocks("satisfaction"))
        if scenario.employees is not None:
            satisfaction += self.slope * (account.employees - scenario.employees.usual)
        value = self.segment(segment).value_to_customer
        if value is not None:
            satisfaction += value.bring * (value.gain - value.cost - value.usual)

        links, loss = scenario.links, self.segment(segment).loss
        return Odds(
            aware=min(1.0, aware),
            won=won,
            returned=chance("reactivation"),
            lost=scenario.loss if loss is None else loss,
            defection=defection,
            rate=rate,
            amount=math.prod((1 + now) / (1 + usual) for now, usual in pairs("amount")),
            satisfaction=satisfaction,
            turnover=clip(links.turnover + sum(shocks("turnover")), 0, 1) if links is not None else 0.0,
            gain=clip(links.gain + shift("links"), 0, 1) if links is not None else 0.0,
        )

    # What happens to a customer

    def _move(self, person: Person, odds: Odds, luck: Luck) -> Happened:
        """Move a customer by one period and return what it did."""
        if person.truth == "unaware":
            if luck.leaving >= odds.aware:
                return Happened()
            person.truth = "prospect"
            return Happened(event="aware")
        if person.truth == "prospect":
            if luck.leaving >= min(1.0, odds.won * self.quality(person).acquisition):
                return Happened()
            return self._enter(person, luck, "won")
        if person.truth == "alive":
            return self._live(person, odds, luck)
        if person.truth == "gone" and luck.leaving < odds.returned:
            return self._enter(person, luck, "returned")
        self._see(person, 0)
        if person.truth == "gone" and luck.leaving < odds.returned + (1 - odds.returned) * odds.lost:
            person.truth = "lost"
            return Happened(event="lost")
        return Happened()

    def _enter(self, person: Person, luck: Luck, event: str) -> Happened:
        """Let a customer in, with a first purchase, a usual level of satisfaction and no tie."""
        person.truth = "alive"
        self._see(person, 1)
        if self.scenario.satisfaction is not None:
            person.level = entry_level(self.scenario.satisfaction)
        if self.scenario.links is not None:
            person.ties = 0
        return Happened(1, self._revenue(person, luck, 1, 1.0), event)

    def _live(self, person: Person, odds: Odds, luck: Luck) -> Happened:
        satisfaction, links = self.scenario.satisfaction, self.scenario.links
        leaving, rate, amount = person.defection_rate, person.purchase_rate * odds.rate, odds.amount
        if leaving > 0:
            leaving *= odds.defection
        if satisfaction is not None:
            place, mix = person.level - 1, satisfaction.mix
            leaving *= relative(1 - satisfaction.defection_per_level, place, mix)
            rate *= relative(1 + satisfaction.purchase_rate_per_level, place, mix)
            amount *= relative(1 + satisfaction.amount_per_level, place, mix)
        if links is not None:
            leaving *= relative(1 - links.defection_per_link, person.ties, links.mix)

        there = 1.0
        if leaving > 0:
            there = min(1.0, -math.log1p(-luck.leaving) / leaving)
        stays = there == 1
        purchases = int(stays) if self.scenario.law == "renewal" else poisson_quantile(luck.purchases, rate * there)
        revenue = self._revenue(person, luck, purchases, amount)
        self._see(person, purchases)
        if stays and links is not None:
            ties = next_ties(person.ties, odds.turnover, links.follow, odds.gain, luck.links)
            if ties is None:
                stays = False
            else:
                person.ties = ties
        if not stays:
            person.truth, person.level, person.ties = "gone", 0, -1
            return Happened(purchases, revenue, "left")
        if satisfaction is not None:
            person.level = next_level(satisfaction, person.level, odds.satisfaction, luck.satisfaction)
        return Happened(purchases, revenue)

    def _see(self, person: Person, purchases: int) -> None:
        """Count what was bought in a period, up to what the model tells apart."""
        person.bought = min(person.bought + purchases, self.most_bought)
        person.silent = 0 if purchases else min(person.silent + 1, self.most_silent)

    def _revenue(self, person: Person, luck: Luck, purchases: int, multiplier: float) -> int:
        """Return the money of a period's purchases in integer units."""
        if purchases == 0:
            return 0
        size = float(purchases)
        if person.segment in self.amounts:
            size = float(total_amount(luck.amounts, purchases, *self.amounts[person.segment]))
        return math.floor(size * multiplier * person.mean_spend * self.money_units + 0.5)

    # The end of a period

    def _close(self, period: int) -> None:
        account = self.lives.accounts[period]
        for name, segment in self.scenario.segments.items():
            costs = segment.cost_to_serve or self.scenario.cost_to_serve
            margin = self.scenario.margin if segment.margin is None else segment.margin
            revenue = bad_debt = cost = 0.0
            for number, person in enumerate(self.people):
                if person.segment == name:
                    happened, quality = self.lives.happened[period][number], self.quality(person)
                    money = happened.revenue / self.money_units
                    revenue += money
                    bad_debt += quality.bad_debt * money
                    alive = self.lives.states[period][number].truth == "alive"
                    cost += quality.cost_to_serve * (
                        costs.per_customer * alive + costs.per_purchase * happened.purchases
                    )
            account.revenue[name], account.bad_debt[name], account.cost_to_serve[name] = revenue, bad_debt, cost
            account.reward[name] = margin * revenue - bad_debt - cost
        if self.scenario.employees is not None:
            self.employees = self._next_employees(period)

    def _next_employees(self, period: int) -> float:
        employees, account = self.scenario.employees, self.lives.accounts[period]
        assert employees is not None
        points = self.employees + employees.reversion * (employees.usual - self.employees)
        for name, lever in self.scenario.levers.items():
            if "employee" in lever.moves:
                points += self._employee_points(name, lever, account.spend, self.lives.heads[period])
        for shock in self.scenario.shocks:
            if shock.route == "employee" and in_force(shock, period, ""):
                points += shock.size
        return clip(points, 0, 100)

    def _employee_points(self, name: str, lever: Lever, spend: Money, heads: Heads) -> float:
        """Return ``f(U) - f(U_ref)`` of the money per head of a lever's targets, and of its reference on them."""
        cells = self.cells(name)
        number = sum(heads[cell[:2]] for cell in cells)
        if number == 0:
            return 0.0
        now = sum(spend[cell] for cell in cells) / number * self.effective[name]
        usual = sum(self.reference(name, cell[0]) * heads[cell[:2]] for cell in cells) / number
        curve = lever.moves["employee"]
        return response(curve, now, lever.reach) - response(curve, usual, lever.reach)


# --- Surveys ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """A survey before its noise: who was asked, and by segment and stage how many answer and their mean points."""

    asked: list[bool]
    number: dict[Target, int]
    mean: dict[Target, float]


def surveyed(
    scenario: Scenario, people: Sequence[Person], lives: Lives, period: int, *, seed: int = 0, replication: int = 0
) -> Answers:
    """Return the survey of a period: seen customers that have not lapsed are asked, the truly alive answer."""
    assert scenario.survey is not None
    heads, states = lives.heads[period], lives.states[period]
    asked = []
    points: dict[Target, list[float]] = {}
    for person, state in zip(people, states, strict=True):
        number = sum(heads[person.segment, stage] for stage in SEEN)
        u = uniforms(person, SURVEY, period, 0, seed, replication)[0]
        asked.append(state.stage in SEEN and u < min(1.0, scenario.survey.sample / number))
        if asked[-1] and state.truth == "alive":
            points.setdefault((person.segment, state.stage), []).append(points_of(state.level))
    number_of = {target: len(each) for target, each in points.items()}
    return Answers(asked, number_of, {target: sum(each) / len(each) for target, each in points.items()})
