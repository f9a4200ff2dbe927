"""What happens to a customer of the plain market in a period."""

import math
from functools import cache

from plain.attitudes import entry_level, next_level, relative
from plain.bonds import bonds_in, multiplied, next_bond
from plain.people import Luck, Odds, Person, poisson_quantile
from plain.record import Cell, Happened

from sim.engine.draw_kernels import total_amount
from sim.engine.random_streams import amount_table
from sim.scenario.curves import Curve
from sim.scenario.customers import Quality, Segment
from sim.scenario.file import Gamma, GammaGamma, Scenario, Thresholds

table_of_amounts = cache(amount_table)


class Stated:
    """What the scenario says, by name."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

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

    def payment(self, name: str) -> float:
        """Return what a customer of a segment usually pays a period."""
        segment = self.segment(name)
        assert segment.traits is not None
        rate, spend = segment.traits.purchase_rate, segment.traits.spend
        each = (rate.shape / rate.rate if isinstance(rate, Gamma) else rate) * (
            spend.p * spend.gamma / (spend.q - 1) if isinstance(spend, GammaGamma) else spend
        )
        kinds = segment.quality or (Quality(share=1.0),)
        return each * sum(kind.share * kind.purchase_rate * kind.spend for kind in kinds)

    def touched(self, name: str, effect: str, stage: str) -> float:
        """Return the part of a stage to which a lever's effect happens: those reached, missed by it or not."""
        lever = self.scenario.levers[name]
        if not lever.misses:
            return lever.reach
        missed = lever.misses.get(stage, 0.0)
        return lever.reach * (missed if effect in ("annoyance", "leaving") else 1 - missed)

    def movers(self, effect: str, stage: str) -> list[str]:
        """Return the levers that move something in a stage."""
        return [
            name
            for name, lever in self.scenario.levers.items()
            if effect in lever.moves and stage in lever.targets and "unknown" in lever.tiers
        ]


class Life(Stated):
    """What happens to a customer in a period."""

    def __init__(self, scenario: Scenario, money_units: float) -> None:
        super().__init__(scenario)
        self.money_units = money_units
        self.bonds = bonds_in(scenario)
        thresholds = [self.limits(name) for name in scenario.segments]
        self.most_bought = max(each.core for each in thresholds)
        self.most_silent = max(each.lapsed for each in thresholds)
        steps = [segment.growth.after[-1] for segment in scenario.segments.values() if segment.growth is not None]
        self.most_kept = max(steps, default=0)
        self.amounts = {
            name: table_of_amounts(segment.traits.spend.p)
            for name, segment in scenario.segments.items()
            if segment.traits is not None and isinstance(segment.traits.spend, GammaGamma)
        }

    def _won(self, person: Person, odds: Odds) -> float:
        """Return the chance that a prospect is won: without money and by it, each as its quality has it."""
        kind = self.quality(person)
        paid = kind.acquisition if kind.acquisition_by_money is None else kind.acquisition_by_money
        return odds.unpaid * kind.acquisition + (odds.won - odds.unpaid) * paid

    def _move(self, person: Person, odds: Odds, luck: Luck) -> Happened:
        """Move a customer by one period and return what it did."""
        if person.truth == "unaware":
            if luck.leaving >= odds.aware:
                return Happened()
            person.truth = "prospect"
            return Happened(event="aware")
        if person.truth == "prospect":
            if luck.leaving >= min(1.0, self._won(person, odds)):
                return Happened()
            return self._enter(person, odds, luck, "won")
        if person.truth == "alive":
            return self._live(person, odds, luck)
        if person.truth == "gone" and luck.leaving < odds.returned:
            return self._enter(person, odds, luck, "returned")
        self._see(person, 0)
        if person.truth == "gone" and luck.leaving < odds.returned + (1 - odds.returned) * odds.lost:
            person.truth = "lost"
            return Happened(event="lost")
        return Happened()

    def _enter(self, person: Person, odds: Odds, luck: Luck, event: str) -> Happened:
        """Let a customer in, with a first purchase, a level of satisfaction like others', no tie, and one category."""
        person.truth, person.kept = "alive", 0
        self._see(person, 1)
        if self.scenario.satisfaction is not None:
            person.level = entry_level(self.scenario.satisfaction, luck.satisfaction)
        if self.bonds:
            person.ties = 0
        return Happened(1, self._revenue(person, luck, 1, odds.price), event)

    def _live(self, person: Person, odds: Odds, luck: Luck) -> Happened:
        satisfaction = self.scenario.satisfaction
        leaving, rate, amount = person.defection_rate, person.purchase_rate * odds.rate, odds.amount * odds.price
        if leaving > 0:
            leaving *= odds.defection
        usual_leaving = person.defection_rate
        if satisfaction is not None:
            place, mix = person.level - 1, satisfaction.mix
            leaving *= relative(1 - satisfaction.defection_per_level, place, mix)
            rate *= relative(1 + satisfaction.purchase_rate_per_level, place, mix)
            amount *= relative(1 + satisfaction.amount_per_level, place, mix)
        if self.bonds:
            by_ties, faster, larger = multiplied(person.ties, self.bonds)
            leaving, usual_leaving, rate, amount = (
                leaving * by_ties,
                usual_leaving * by_ties,
                rate * faster,
                amount * larger,
            )
        leaving += odds.leaving

        faster, larger = self._grown(person)
        rate, amount = rate * faster, amount * larger

        there = 1.0
        if leaving > 0:
            there = min(1.0, -math.log1p(-luck.leaving) / leaving)
        stays = there == 1
        purchases = int(stays) if self.scenario.law == "renewal" else poisson_quantile(luck.purchases, rate * there)
        revenue = self._revenue(person, luck, purchases, amount)
        self._see(person, purchases)
        if stays and self.bonds:
            ties = next_bond(person.ties, self.bonds, odds.losses, odds.gains, luck.links)
            if ties is None:
                stays = False
            else:
                person.ties = ties
        if not stays:
            person.truth, person.level, person.ties, person.kept = "gone", 0, -1, 0
            return Happened(purchases, revenue, "left")
        person.kept = min(person.kept + 1, self.most_kept)
        if satisfaction is not None:
            person.level = next_level(satisfaction, person.level, odds.satisfaction, luck.satisfaction, usual_leaving)
        return Happened(purchases, revenue)

    def _grown(self, person: Person) -> tuple[float, float]:
        """Return what a customer kept so long multiplies the purchase rate and the amount by."""
        growth, reached = self.segment(person.segment).growth, 0
        if growth is None:
            return 1.0, 1.0
        for step, periods in enumerate(growth.after, 1):
            if person.kept >= periods:
                reached = step
        rates, amounts = ((1.0, *each) if each else None for each in (growth.purchase_rate, growth.amount))
        return rates[reached] if rates else 1.0, amounts[reached] if amounts else 1.0

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
