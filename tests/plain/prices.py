"""Our price against what it was in the data, and against rivals' prices."""

from plain.attitudes import clip
from plain.crowd import in_force
from plain.late import Late


class Prices(Late):
    """A market in which prices are cut, ours and rivals'."""

    def price_of(self, segment: str, stage: str, period: int) -> float:
        """Return our price against what it was in the data."""
        price, usual_payment, acting = 1.0, self.payment(segment), self.lives.accounts[period].acting
        for name, lever in self.scenario.levers.items():
            if lever.pays == "price" and stage in lever.targets and "unknown" in lever.tiers:
                money = acting[segment, stage, name], self.reference(name, segment)
                now, usual = (lever.reach * min(each / usual_payment, 0.95) for each in money)
                price *= (1 - now) / (1 - usual)
        return price

    def against_rivals(self, segment: str, price: float, period: int) -> tuple[float, float]:
        """Return what our price against rivals' multiplies the defection rate and the chance of winning by."""
        leaving, winning = 1.0, 1.0
        for rival, factor in zip(self.scenario.competitors, self.lives.accounts[period].reactions, strict=True):
            if rival.price is not None and in_force(rival, period, segment):
                theirs = 1 - rival.price.cut * factor
                leaving *= (price / theirs) ** rival.price.defection
                winning *= (theirs / price) ** rival.price.acquisition
        return leaving, winning

    def left_by_partner(self, segment: str, direct: float) -> float:
        """Return what a partner leaves of the price, where this share of purchases comes direct beyond today's."""
        stated = self.segment(segment).partner or self.scenario.partner
        return 1.0 if stated is None else 1 - stated.commission * clip(stated.share - direct, 0, 1)
