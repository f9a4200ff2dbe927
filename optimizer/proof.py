"""What is proved about a plan: how much of the possible lift it holds, or how much of its money is needed by any plan.

The two are types of their own, so that no figure means an asset in one answer and money in another.
"""

from dataclasses import dataclass

from optimizer.tolerances import NO_LIFT

__all__ = [
    "BOUND_ASSUMES", "NOT_PROVED", "NO_BOUND", "NO_CHOICE", "TOO_LARGE", "LiftProof", "Proof", "SpendProof",
    "assumed",
]  # fmt: skip

NONE = float("nan")

BOUND_ASSUMES = (
    "the bound holds for every plan that treats alike whom the firm cannot tell apart (by segment, value tier and "
    "stage) and meets the rules in expectation, whatever its intensities, with traits from the trait classes"
)
NOT_HELD = "; it leaves out what money is held and what sizes campaigns have: less may be left to gain than it says"
TOO_LARGE = (
    "; the market is too large for the bound of what the firm can tell apart: it is that of full information, of which "
    "a plan may reach only a part"
)
NO_CHOICE = "all money is held: there is no other plan"
NO_BOUND = (
    "no bound holds where customers move each other's odds (word of mouth, winning that spreads, employees, rivals who "
    "react, saturation, money that spills over): the reference is the best with full information while the crowd stays "
    "as in the data, and a plan may do better"
)
NO_BOUND_LATE = (
    "no bound holds where levers remember (`of_late`: carry-over, fatigue, purchases pulled forward, customers driven "
    "away): the reference is the best with full information while all money acts at once and nobody tires of it, and a "
    "plan may do better"
)
ALSO_LATE = (
    "; nor where levers remember (`of_late`): with full information all money acts at once and nobody tires of it"
)
NO_BOUND_PRICED = (
    "no bound holds where our price counts against a rival's own (`price` of a competitor): the reference is the best "
    "with full information while customers answer our price only as levers say, and a plan may do better"
)
NOT_PROVED = "no bound was proved for this plan"


@dataclass(frozen=True)
class LiftProof:
    """How near a plan is to the most customer asset that the money could make.

    Attributes
    ----------
    asset, no_spend : float
        Customer asset of the plan, and of the rule-feasible plan with the least spend (nothing, or the floors alone).
    bound : float
        Customer asset that no plan covered by ``assumes`` exceeds; nan where none holds or was proved.
    reference : float
        Customer asset of the best with full information, hidden traits and who has silently left, while the crowd
        stays as in the data; nan where it was not sought.
    assumes : str
        What the bound rests on.
    """

    asset: float
    no_spend: float
    bound: float = NONE
    reference: float = NONE
    assumes: str = NOT_PROVED

    @property
    def lift(self) -> float:
        """Return what the plan brings above the least spend."""
        return self.asset - self.no_spend

    @property
    def possible(self) -> float:
        """Return what any plan could bring above the least spend."""
        return self.bound - self.no_spend

    @property
    def lift_share(self) -> float:
        """Return (plan - least spend)/(bound - least spend); nan where the bound is no better than the least spend."""
        return self.lift / self.possible if self.possible > NO_LIFT * max(1.0, abs(self.no_spend)) else NONE

    @property
    def gap(self) -> float:
        """Return ``1 - lift_share``: how much of the possible lift the plan may lack."""
        return 1 - self.lift_share

    def facts(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "no_spend": self.no_spend, "bound": self.bound, "reference": self.reference,
            "lift_share": self.lift_share, "gap": self.gap,
        }  # fmt: skip


@dataclass(frozen=True)
class SpendProof:
    """How near a plan is to the least money that reaches what was asked.

    Attributes
    ----------
    spend : float
        Money that the plan is expected to spend.
    no_spend : float
        Customer asset under no spend but what is committed.
    least_money : float
        Money without which no plan covered by ``assumes`` reaches what was asked; nan where no such bound holds or was
        proved.
    reference : float
        The least money with full information while the crowd stays as in the data; nan where it was not sought.
    assumes : str
        What the bound rests on.
    """

    spend: float
    no_spend: float
    least_money: float = NONE
    reference: float = NONE
    assumes: str = NOT_PROVED

    @property
    def share(self) -> float:
        """Return which share of the plan's money any plan needs; nan where it spends nothing."""
        return max(self.least_money, 0.0) / self.spend if self.spend > 0 else NONE

    def facts(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "no_spend": self.no_spend, "least_money": self.least_money, "least_money_reference": self.reference,
            "least_money_share": self.share,
        }  # fmt: skip


Proof = LiftProof | SpendProof


def assumed(no_choice: bool, couples: bool, held: bool, late: bool = False, priced: bool = False) -> str:
    """Return what a bound rests on.

    Parameters
    ----------
    no_choice
        All money is held.
    couples
        Customers move each other's odds.
    held
        Some money is held, or campaigns to their sizes.
    late
        Money of one period does something in later ones.
    priced
        Our price counts against a rival's own.
    """
    if no_choice:
        return NO_CHOICE
    crowd = NO_BOUND + (ALSO_LATE if late else "")
    plain = NO_BOUND_LATE if late else NO_BOUND_PRICED if priced else BOUND_ASSUMES
    return (crowd if couples else plain) + (NOT_HELD if held else "")
