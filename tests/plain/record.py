"""What happened in the plain market: by person and period, and the accounts of a period."""

from collections.abc import Callable
from dataclasses import dataclass, field

Target = tuple[str, str]
"""Segment and stage."""
Cell = tuple[str, str, str]
"""Segment, stage and lever."""
Money = dict[Cell, float]
"""Money per customer of a target, or on all of them; what is not named is 0."""
Heads = dict[Target, int]
Policy = Callable[[int, Heads, float], Money]
"""From the period, the observed heads and the money that may be spent now to intensities as decided."""


@dataclass(frozen=True)
class State:
    """A customer at the start of a period; ``stage`` is where the firm sees it, empty while it is to come."""

    truth: str
    bought: int
    silent: int
    level: int
    ties: int
    stage: str
    kept: int = 0


@dataclass(frozen=True)
class Happened:
    """What a customer did in a period; ``revenue`` in integer units, ``event`` its true move if any."""

    purchases: int = 0
    revenue: int = 0
    event: str | None = None


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
    reactions : list of float
        What multiplies the rivals' strengths, in the order of the scenario, had they all been there.
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
    reactions: list[float]
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
