"""What levers move, in words: the one place that the checked scenario and the report take them from."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.curves import Curve

__all__ = ["PAYS", "effect_in_words"]

PAYS = {
    "budget": "",
    "price": ", off what they pay and not out of the budget",
    "charge": ", that true customers are charged on top",
    "service": ", of cost to serve true customers and not out of the budget",
}
"""What a lever's money is, behind its amount."""
_CHANCES = {
    "awareness": "become prospects",
    "acquisition": "buy for the first time",
    "survival": "of typical customers stay",
    "satisfaction": "of customers are lifted a level of satisfaction or kept from falling one",
    "links": "of customers gain a tie",
    "reactivation": "of those who had left return with a purchase",
    "leaving": "of customers leave because of it",
    "links_desk": "of customers gain a tie to people at the desk",
    "links_managers": "of customers gain a tie to a manager",
    "links_experts": "of customers gain a tie to an expert",
    "knowledge": "more of the ties of employees who leave stay with the firm",
    "cross_buying": "of customers add a category",
    "club": "of customers join the club or rise in it",
    "direct": "of purchases come direct and not through the partner",
    "annoyance": "of customers are kept from rising or lowered a level of satisfaction by it",
}
_GAINS = {"purchase_rate": "more purchases", "amount": "more money per purchase"}
_POINTS = {
    "preference": "points of utility in the choice between us and others",
    "employee": "points of employee satisfaction gained each {period}",
}


def effect_in_words(effect: str, curve: "Curve", period: str) -> str:
    """Return a manager's answers as a sentence."""
    answers = (curve.without_money, curve.brings, curve.unlimited_money)
    if effect in _POINTS:
        lowest, known, highest = (f"{points:g}" for points in answers)
        lowest = f"{lowest} {_POINTS[effect].format(period=period)}"
    else:
        lowest, known, highest = (f"{100 * share:.4g} %" for share in answers)
        lowest = f"{lowest} {_GAINS[effect]}" if effect in _GAINS else f"each {period} {lowest} {_CHANCES[effect]}"
    return f"{lowest} without money, {known} at {curve.spend:g}, {highest} at most"
