"""What the odds of a period are made of: the columns of effects by group and observed stage."""

__all__ = [
    "ADDED",
    "AMOUNT",
    "AWARE",
    "CHARGED",
    "DEFECTION",
    "DROPPED",
    "EFFECTS",
    "FALLEN",
    "LEAVING",
    "LOST_CHANCE",
    "PARTNER",
    "PRICE",
    "RATE",
    "RETURNED",
    "RISEN",
    "SATISFIED",
    "SERVED",
    "TIED",
    "TIED_TO_EXPERTS",
    "TIED_TO_MANAGERS",
    "TURNOVER",
    "TURNOVER_OF_EXPERTS",
    "TURNOVER_OF_MANAGERS",
    "WON",
    "WON_UNPAID",
]

EFFECTS = (
    "aware", "won", "returned", "lost", "defection", "rate", "amount", "satisfaction", "ties", "turnover", "leaving",
    "price", "charge", "service", "ties to managers", "ties to experts", "turnover of managers", "turnover of experts",
    "added", "dropped", "won unpaid", "risen", "fallen", "partner",
)  # fmt: skip
"""Four chances, three multipliers, a shift of the chances of satisfaction, the chance of a tie more, of one lost.

Then terms: a rate of leaving on top, what prices are multiplied by, money that a customer is charged and costs on top.
Then the chances of ties to other kinds of people, of a category more and one less, and of winning without money; of a
grade more in the club and one less. Last the share of purchases through a partner, whose commission is off the price.
"""
AWARE, WON, RETURNED, LOST_CHANCE, DEFECTION, RATE, AMOUNT, SATISFIED, TIED, TURNOVER = range(10)
LEAVING, PRICE, CHARGED, SERVED = range(10, 14)
TIED_TO_MANAGERS, TIED_TO_EXPERTS, TURNOVER_OF_MANAGERS, TURNOVER_OF_EXPERTS, ADDED, DROPPED = range(14, 20)
WON_UNPAID, RISEN, FALLEN, PARTNER = range(20, 24)
