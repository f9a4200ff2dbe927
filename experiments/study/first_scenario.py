"""The first scenario of a firm: what its purchases tell, what it answered, and wide ranges for what neither does.

Nobody is invented: people to be won are there where the firm said how many. Money is what the firm said it spends a
year, per head of those a lever is for. Responses are Hill curves with half of their room at twice today's money and
the elasticity ``e`` at today's money ``u``:

- a gain ``g`` in purchases: ``u g'(u)/(1 + g(u)) = e``;
- the chance ``p`` to be won: ``u p'(u)/p(u) = e``, with ``p`` as the last year had it;
- the chance ``s`` to stay: ``-u s'(u)/(s(u) ln s(u)) = e``, of the rate of leaving, with ``s`` as fitted.

Levers that are for the same share the elasticity by their money.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from experiments.study.scenario_file import (
    MONTH,
    PERIODS,
    STAGES,
    Calibrated,
    fitted_text,
    rounded,
    scalar,
    traits_text,
)
from experiments.words.figures import money
from sim.customers.prospect_quality import QualityClass
from sim.errors import InputError
from sim.purchases.base import PurchaseSummary
from sim.purchases.beside import Newcomers, Spending
from sim.purchases.read.tables import plain_name

__all__ = ["PURPOSES", "Answers", "FirstLever", "first_levers", "first_scenario_text", "response_to"]

ELASTICITY = 0.12
"""Mean of 751 short-term elasticities of sales to advertising (Sethuraman, Tellis & Briesch 2011)."""
ELASTICITIES = (0.01, 0.24)
"""Next to nothing, as about half of such estimates cannot be told from 0, to the mean of 402 long-term ones."""
SOURCE = """\
# Sethuraman, Tellis & Briesch, Journal of Marketing Research 48(3), 2011: 751 elasticities of sales to advertising in
# the short term, mean .12 (of 872 in their working paper of 2009 about half are clearly above 0); 402 in the long term,
# mean .24. Here: .12, between .01 and .24, for the rate of leaving too, of which no such study is known to us."""
MARGIN, MARGINS = 0.30, (0.15, 0.50)
"""Assumed margin and its range, where the firm did not say."""
OF_REVENUE = 0.093
"""Marketing's share of revenue where the firm did not say: firms' mean, The CMO Survey, February 2014."""
WON_BACK, WON_BACK_RANGE = 0.005, (0.001, 0.02)
"""Chance per month that one who had left is won back at today's money: assumed; no meta-analysis is known to us."""
STAYS_FOR_EVER = 1e-5
"""Chance of leaving in a month below which nobody does."""
HALF = 2.0
"""Half of a response's room is reached at this multiple of today's money."""
SHARE = 1 / (1 + HALF)
"""How much of its room today's money brings."""


class Purpose(NamedTuple):
    """What a lever is for: whom it is spent on and what it moves."""

    stages: tuple[str, ...]
    moves: str
    what: str


PURPOSES: Mapping[str, Purpose] = {
    "development": Purpose(("new", "developing", "core"), "purchase_rate", "customers who buy, to buy more often"),
    "retention": Purpose(("new", "developing", "core", "declining"), "survival", "customers, to keep them"),
    "winback": Purpose(("declining", "lapsed"), "reactivation", "silent customers, to win them back"),
    "acquisition": Purpose(("prospect",), "acquisition", "people who never bought, to win them"),
}

_SAID: Mapping[str, tuple[str, ...]] = {
    "development": ("entwicklung", "kundenentwicklung", "ausbau", "developpement", "desarrollo", "sviluppo", "发展"),
    "retention": ("bindung", "kundenbindung", "halten", "fidelisation", "retencion", "fidelizacion", "保留"),
    "winback": ("ruckgewinnung", "kundenruckgewinnung", "reconquete", "recuperacion", "recupero", "赢回"),
    "acquisition": (
        "gewinnung", "neukundengewinnung", "neukunden", "neukundenwerbung", "akquise", "akquisition", "conquete",
        "adquisicion", "captacion", "acquisizione", "获客",
    ),
}  # fmt: skip
"""Plain words (:func:`~sim.purchases.read.tables.plain_name`) of other languages for each purpose."""


@dataclass(frozen=True)
class Answers:
    """What only the firm knows.

    Attributes
    ----------
    spend : tuple of Spending
        Money a year by lever; none: not said.
    prospects : int, optional
        People who never bought and may be won; None: not said, and there are none.
    margin : float, optional
        Of revenue; None: not said.
    quality : tuple of QualityClass
        Classes of the people who may be won; none: all are alike.
    """

    spend: tuple[Spending, ...] = ()
    prospects: int | None = None
    margin: float | None = None
    quality: tuple[QualityClass, ...] = ()


@dataclass(frozen=True)
class FirstLever:
    """A lever of a first scenario.

    Attributes
    ----------
    yearly : float
        Money a year today.
    said : bool
        Whether the firm said so.
    heads : float
        Customers it is for.
    reference : float
        Money per head and month.
    response : mapping
        The curve.
    ceilings : (low, high)
        Range of what unlimited money brings.
    """

    name: str
    purpose: str
    yearly: float
    said: bool
    heads: float
    reference: float
    response: Mapping[str, Any]
    ceilings: tuple[float, float]


def first_levers(
    found: Calibrated, answers: Answers, everyone: PurchaseSummary, new: Newcomers | None
) -> tuple[tuple[FirstLever, ...], tuple[str, ...]]:
    """Return the levers, and what should be said of money: what was assumed and what was left out.

    Raises
    ------
    InputError
        If it is not said what a lever is for.
    """
    notes: list[str] = []
    spend = answers.spend
    if not spend:
        revenue = new.revenue_a_year if new else float((everyone.purchases * everyone.mean_amount_all).sum())
        spend = tuple(Spending(name, OF_REVENUE * revenue / 2) for name in ("development", "retention"))
        notes.append(
            f"today's money was not said: {OF_REVENUE:.1%} of a year's purchases, {money(OF_REVENUE * revenue)}, is "
            "assumed (firms' mean, The CMO Survey, February 2014), half to develop and half to retain; say it in "
            "totals a year by lever (`spend=`), or answer `tenure init`"
        )
    heads = {**_heads(everyone), "prospect": float(answers.prospects or 0)}
    purposes = {each.lever: _purpose(each) for each in spend}
    stays = _stays(found, everyone)
    levers = []
    for each in spend:
        purpose = purposes[each.lever]
        people = sum(heads[stage] for stage in PURPOSES[purpose].stages)
        won = new.a_year / 12 / people if purpose == "acquisition" and new and people else 0.0
        why = ""
        if each.yearly == 0:
            why = "nothing is spent on it today, so nothing tells what money would bring"
        elif people == 0 and purpose == "acquisition":
            why = "there is nobody to be won (`prospects=`)"
        elif people == 0:
            why = f"it is for {PURPOSES[purpose].what}, and there are none"
        elif purpose == "acquisition" and won == 0:
            why = "the purchases show no new customer in the last year, so the chance to win one is not known"
        elif purpose == "retention" and stays > 1 - STAYS_FOR_EVER:
            why = "nobody leaves in these purchases, so keeping has nothing to gain"
        if why:
            notes.append(f"left out: {each.lever}, {money(each.yearly)} a year: {why}")
            continue
        same = sum(other.yearly for other in spend if purposes[other.lever] == purpose)
        usual = {"survival": stays, "acquisition": min(won, 0.5)}.get(PURPOSES[purpose].moves, 0.0)
        response, ceilings = response_to(PURPOSES[purpose].moves, each.yearly / same, usual)
        levers.append(
            FirstLever(
                each.lever.replace(".", " "), purpose, each.yearly, bool(answers.spend), people,
                each.yearly / 12 / people, response, ceilings,
            )
        )  # fmt: skip
    if not levers:
        raise InputError("no lever is left to plan with: " + "; ".join(notes))
    return tuple(levers), tuple(notes)


def _purpose(spending: Spending) -> str:
    plain = plain_name(spending.purpose or spending.lever)
    purpose = next((name for name, words in _SAID.items() if plain in (name, *words)), None)
    if purpose:
        return purpose
    said = f"'{spending.purpose}' of" if spending.purpose else "what it is for is not said of"
    raise InputError(
        f"{said} lever '{spending.lever}': expected in column 'purpose' one of "
        + ", ".join(f"{name} ({each.what})" for name, each in PURPOSES.items())
    )


def _heads(everyone: PurchaseSummary) -> dict[str, float]:
    """Return the customers by stage, as the firm sees them."""
    silent = np.floor(everyone.silent_weeks / MONTH)
    here = silent < STAGES.declining
    bought = everyone.purchases
    number = {
        "new": here & (bought == 1),
        "developing": here & (bought > 1) & (bought < STAGES.core),
        "core": here & (bought >= STAGES.core),
        "declining": ~here & (silent < STAGES.lapsed),
        "lapsed": silent >= STAGES.lapsed,
    }
    return {stage: float(inside.sum()) for stage, inside in number.items()}


def _stays(found: Calibrated, everyone: PurchaseSummary) -> float:
    """Return the share of the customers there are who stay for a month, as fitted."""
    model = found.pareto_nbd
    alive = model.probability_alive(everyone.frequency, everyone.recency, everyone.age)
    until = model.beta + everyone.age
    return float(np.average((until / (until + MONTH)) ** model.s, weights=alive))


def response_to(moves: str, share: float, usual: float) -> tuple[dict[str, Any], tuple[float, float]]:
    """Return floor and ceiling of a response, and the ceiling's range; ``usual``: the chance at today's money."""
    if moves == "reactivation":
        low, middle, high = (each / SHARE for each in (WON_BACK_RANGE[0], WON_BACK, WON_BACK_RANGE[1]))
        return {"without_money": 0.0, "unlimited_money": middle * share}, (low * share, high * share)
    floor = _floor(moves, ELASTICITY * share, usual)
    low, middle, high = (
        floor + _room(moves, each * share, floor) for each in (ELASTICITIES[0], ELASTICITY, ELASTICITIES[1])
    )
    return {"without_money": rounded(floor, 8), "unlimited_money": rounded(middle, 8)}, (
        rounded(low, 8),
        rounded(high, 8),
    )


def _floor(moves: str, elasticity: float, usual: float) -> float:
    """Return what comes without money where today's money has an elasticity and brings what is usual."""
    slope = SHARE * (1 - SHARE)  # of the share of the room, by the logarithm of money
    if moves == "survival":
        return float(usual * (1 + elasticity * np.log(usual) * SHARE / slope))
    return usual * (1 - elasticity * SHARE / slope)


def _room(moves: str, elasticity: float, floor: float) -> float:
    """Return the room above a floor where today's money has an elasticity."""
    slope = SHARE * (1 - SHARE)
    if moves == "survival":
        from scipy.optimize import brentq

        def excess(room: float) -> float:
            stays = floor + SHARE * room
            return float(slope * room + elasticity * stays * np.log(stays))

        return float(brentq(excess, 0.0, (1 - floor) * (1 - 1e-9), xtol=1e-12))
    if moves == "acquisition":
        return elasticity * floor / (slope - SHARE * elasticity)
    return elasticity / (slope - SHARE * elasticity)


def first_scenario_text(
    found: Calibrated,
    answers: Answers,
    levers: Sequence[FirstLever],
    new: Newcomers | None,
    *,
    segments: str,
    doubted: Sequence[Mapping[str, Any]],
    name: str,
    base_file: str,
    currency: str,
) -> str:
    """Return the text of a firm's first scenario file, each number with where it comes from.

    ``doubted``: ranges of laws, as ``uncertain:`` has them.
    """
    margin = f"{MARGIN if answers.margin is None else answers.margin:g}            # margin rate on revenue; "
    margin += "assumption, see uncertain" if answers.margin is None else "as answered"
    return f"""\
{fitted_text(found, name=name, base_file=base_file, currency=currency, margin=margin)}{segments}
{_people(found, answers, new)}
# Money is what is spent a year, by 12 and by the heads of the stages it is for. Every response is neutral at the
# reference, the money under which the purchases were made. What money brings purchases do not tell: it is taken from
# published studies, with the range that they leave open under `uncertain:`, until evidence of your own replaces it.
{SOURCE}
levers:
{"".join(_lever(each) for each in levers)}
rules:
  # budget: 100000      # money over the horizon; without it, what today's spend costs
  period_share: {rounded(2 / PERIODS, 4)}  # no month more than twice the average
  # levers:             # shares of the budget, e.g. no lever more than half of it
  #   {scalar(levers[0].name)}: {{cap: 0.5}}

uncertain:              # `tenure risk` plans for all of these, and says which to test first
{_uncertain(answers, levers, doubted)}"""


def _people(found: Calibrated, answers: Answers, new: Newcomers | None) -> str:
    if answers.prospects:
        return (
            "segments:\n  people to win:\n    start:\n"
            f"      prospect: {answers.prospects}   # people who never bought, as answered\n{traits_text(found)}"
            f"{_qualities(answers)}"
        )
    seen = ""
    if new:
        seen = (
            f"\n# (In the last {new.days} days of the purchases {new.customers:,} customers were new, who bought for "
            f"{money(new.money, among=new.all_money)} of {money(new.all_money)}.)"
        )
    return (
        "# Nobody is invented: it was not said how many people may still be won (--prospects, a number or a file), so\n"
        f"# nobody is won here, and what winning is worth is left out.{seen}\n"
    )


def _qualities(answers: Answers) -> str:
    if not answers.quality:
        return ""
    rows = "".join(
        f"      - {{share: {each.share:.8g}, acquisition: {each.acquisition:.4g}, spend: {each.spend:.4g}}}\n"
        for each in answers.quality
    )
    return f"    quality:            # by what is known of them: chance to be won and money, over those of all\n{rows}"


def _lever(lever: FirstLever) -> str:
    purpose = PURPOSES[lever.purpose]
    source = "as answered" if lever.said else "assumption: share of revenue"
    curve = ", ".join(f"{key}: {value}" for key, value in lever.response.items())
    half = rounded(HALF * lever.reference, 4)
    yearly = money(lever.yearly)
    return f"""\
  {scalar(lever.name)}:
    targets: [{", ".join(purpose.stages)}]   # {purpose.what}
    reference: {rounded(lever.reference)}   # {yearly} a year on {lever.heads:,.0f} heads, a month; {source}
    moves:
      {purpose.moves}: {{shape: hill, {curve}, half: {half}, steepness: 1}}
"""


def _uncertain(answers: Answers, levers: Sequence[FirstLever], doubted: Sequence[Mapping[str, Any]]) -> str:
    lines = [f"  - {{path: margin, low: {MARGINS[0]}, high: {MARGINS[1]}}}\n"] if answers.margin is None else []
    for lever in levers:
        path = scalar(f"levers.{lever.name}.moves.{PURPOSES[lever.purpose].moves}.unlimited_money")
        low, high = lever.ceilings
        lines.append(f"  - {{path: {path}, low: {low}, high: {high}}}\n")
    lines += [f"  - {json.dumps(each, ensure_ascii=False)}\n" for each in doubted]
    return "".join(lines)
