"""One customer of the plain market: what is true of it, its luck, and where the firm sees it."""

import math
from dataclasses import dataclass
from typing import Final

from sim.engine.random_streams import philox_words, stream_of
from sim.scenario.file import CUSTOMER_STAGES, Thresholds

PERIOD: Final = 2
SURVEY: Final = 5
SEEN = CUSTOMER_STAGES[: CUSTOMER_STAGES.index("lapsed")]
"""Stages of the seen customers that have not lapsed: new to declining."""


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
        What it holds while alive: 0..3 ties, or the number of :func:`plain.bonds.packed`; -1 where nothing binds.
    kept : int
        Periods since a customer was won, as far as anybody grows.
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
    kept: int = 0
    quality: int = 0
    birth: int = -1
    starts: str = "unaware"


@dataclass(frozen=True)
class Odds:
    """What a period holds for everybody of one segment and stage: chances, multipliers, shifts.

    ``won``, and ``unpaid``, what of it is there without money, are neither capped nor multiplied by the prospect's
    quality; ``losses`` and ``gains`` are by what binds; ``leaving`` is a rate on top, ``price`` is to today's,
    ``charged`` and ``served`` are money a customer.
    """

    aware: float
    won: float
    returned: float
    lost: float
    defection: float
    rate: float
    amount: float
    satisfaction: float
    losses: list[float]
    gains: list[float]
    leaving: float
    price: float
    charged: float
    served: float
    unpaid: float


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
