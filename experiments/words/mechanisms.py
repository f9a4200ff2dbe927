"""The mechanisms of a scenario in words, for the checked scenario and the report.

A sentence each for what the scenario has and nothing for what it has not. What was not stated and came from a default
is marked as assumed.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.words.bonds import categories_in_words, club_in_words, links_in_words
from experiments.words.coming import births_in_words, spreading_in_words, standing_in_words
from sim.scenario.market import HARMS

if TYPE_CHECKING:
    from sim.scenario.curves import Model
    from sim.scenario.customers import CostToServe, Quality
    from sim.scenario.feelings import StaffTurnover
    from sim.scenario.file import Competitor, Lever, Scenario, Segment, Shock
    from sim.scenario.market import RivalPrice
    from sim.scenario.of_late import OfLate

__all__ = ["customers_in_words", "market_in_words", "numbered", "survey_in_words", "timing_in_words", "unless_stated"]

_RIVALS = {
    "defection": "the defection rate is multiplied by {more:g}",
    "acquisition": "the chance of winning is multiplied by {less:g}",
    "share of customer": "it takes {share} of our purchases where we are no more attractive than today",
}
_SHOCKS = {
    "awareness": "the chance of awareness is multiplied by {factor:g}",
    "acquisition": "the chance of winning is multiplied by {factor:g}",
    "defection": "the defection rate is multiplied by {factor:g}",
    "purchase rate": "the purchase rate is multiplied by {factor:g}",
    "satisfaction": "the chance of a level up in satisfaction shifts by {share}, that of a level down by as much the "
    "other way",
    "employee": "employee satisfaction moves by {size:+g} points each {period}",
    "turnover": "the chance that a tie is lost rises by {chance}",
}


def unless_stated(model: "Model", field: str, why: str = "") -> str:
    """Return the mark of a value that is a default: that it is assumed, and why so much."""
    if field in model.model_fields_set:
        return ""
    return f" (assumed: {why})" if why else " (assumed)"


def numbered(count: int, period: str) -> str:
    """Return a number of periods."""
    return f"{count} {period}{'' if count == 1 else 's'}"


def timing_in_words(lever: "Lever", period: str) -> list[str]:
    """Return when a lever acts where that is not at once, afresh every period and in a medium without limits."""
    said = []
    if lever.lead_time:
        before = (
            "today's spend acts until then (assumed)"
            if lever.committed is None
            else f"{lever.committed:g} each is committed until then"
        )
        said.append(f"decided {numbered(lever.lead_time, period)} before it acts and is paid; {before}")
    if lever.duration > 1:
        said.append(f"a campaign runs unchanged for {numbered(lever.duration, period)}")
    if lever.saturation is not None:
        said.append(
            f"its medium saturates ({lever.saturation:,.4g}): the more is spent in a {period}, the less each works"
        )
    if lever.misses:
        whom = _and([f"{_percent(share)} of {stage}" for stage, share in lever.misses.items()])
        good = [moved.replace("_", " ") for moved in lever.moves if moved not in (*HARMS, "employee")]
        harm = [moved for moved in lever.moves if moved in HARMS]
        said.append(
            f"it misses the need of {whom} customers, whom the firm does not know yet: they bear its {_and(harm)} and "
            f"have nothing of its {_and(good)}; the others the other way round"
        )
    said += [
        f"of its money on “{name}” {_percent(share)} works on “{to}” too"
        for to, row in lever.spills_over.items()
        for name, share in row.items()
    ]
    return said + (_of_late(lever, lever.of_late, period) if lever.of_late is not None else [])


def _of_late(lever: "Lever", late: "OfLate", period: str) -> list[str]:
    """Return what money of earlier periods does now."""
    said, usual = list[str](), lever.reference
    own = any(each.reference not in (None, usual) for each in lever.by_segment.values())
    if late.carry_over:
        said.append(f"{_percent(late.carry_over)} of what acts is carried over from the {period} before")
    if late.fatigue is not None:
        where = f", where today's is {usual:g}," if own else ""
        half = f"{late.fatigue + 2 * usual:g}"
        said.append(f"it tires: at {half} each per {period} of late{where} it works half as well")
    if late.drives_away:
        said.append(
            f"it drives away: for every 1 each per {period} of late above today's the defection rate rises by "
            f"{_percent(late.drives_away)}"
        )
    if late.pulled_forward:
        said.append(
            f"{_percent(late.pulled_forward)} of the purchases it adds are pulled forward, and are missing later"
        )
    if late.forgets:
        said.append(f"of what was of late {_percent(late.keep)} counts a {period} later{unless_stated(late, 'keep')}")
    return said


def customers_in_words(scenario: "Scenario") -> list[str]:
    """Return what customers are like: how they leave, how satisfied and tied they are, what they cost."""
    if scenario.chain is not None:
        return []
    said = [_law(scenario), _stages(scenario), *_satisfaction(scenario)]
    said += [
        *links_in_words(scenario.links, scenario.period),
        *categories_in_words(scenario.categories, scenario.period),
        *club_in_words(scenario.club, scenario.period),
    ]
    if scenario.share_of_customer is not None:
        said.append(
            f"Share of customer: {_percent(scenario.share_of_customer)} of what customers buy in the category is "
            "bought from us today; levers that move preference and rivals change it (logit)."
        )
    said += [*_partner(scenario), *_money(scenario)]
    for name, segment in scenario.segments.items():
        said += [*standing_in_words(name, segment, scenario), *_people(name, segment, scenario.period)]
        said += spreading_in_words(name, segment, scenario.period)
    return said


def market_in_words(scenario: "Scenario") -> list[str]:
    """Return what acts on customers beside levers: employees, word of mouth, seasons, rivals, shocks."""
    return [
        *_employees(scenario),
        *_word_of_mouth(scenario),
        *_seasons(scenario),
        *(_rival(rival, scenario) for rival in scenario.competitors),
        *(_shock(shock, scenario) for shock in scenario.shocks),
    ]


def survey_in_words(scenario: "Scenario") -> list[str]:
    """Return how the firm learns of satisfaction."""
    survey, period = scenario.survey, scenario.period
    if survey is None:
        if scenario.satisfaction is None:
            return []
        return ["The firm never asks customers how satisfied they are; policies know nothing of it."]
    every = f"every {period}" if survey.every == 1 else f"every {survey.every} {period}s"
    delay = "at once" if survey.delay == 0 else f"{numbered(survey.delay, period)} later"
    return [
        f"Surveys: {every}{unless_stated(survey, 'every')}, {survey.sample:,} customers per segment and "
        f"tier{unless_stated(survey, 'sample')}; an answer errs by {survey.noise:g} "
        f"points{unless_stated(survey, 'noise')}; results are known {delay}{unless_stated(survey, 'delay')}. Policies "
        "see these, not the truth."
    ]


def _law(scenario: "Scenario") -> str:
    lost = f"{_percent(scenario.loss)} of the gone are lost for good each {scenario.period}"
    if "loss" not in scenario.model_fields_set:
        lost = f"none of the gone are lost for good{unless_stated(scenario, 'loss')}"
    if scenario.law == "silent":
        return f"Leaving is silent: the firm only sees that no purchase comes{unless_stated(scenario, 'law')}; {lost}."
    if scenario.law == "contractual":
        return f"Leaving is seen at once, as the end of a contract: the stage is then lapsed; {lost}."
    return (
        f"Customers renew: who stays through a {scenario.period} pays once, at its end; who does not is seen to leave; "
        f"{lost}."
    )


def _stages(scenario: "Scenario") -> str:
    stages, period = scenario.stages, scenario.period
    if scenario.law == "renewal":
        return f"The firm sees a customer as core from {stages.core} payments on{unless_stated(stages, 'core')}."
    return (
        f"The firm sees a customer as core from {stages.core} purchases on{unless_stated(stages, 'core')}, as "
        f"declining after {numbered(stages.declining, 'silent ' + period)}{unless_stated(stages, 'declining')}, as "
        f"lapsed after {stages.lapsed}{unless_stated(stages, 'lapsed')}."
    )


def _satisfaction(scenario: "Scenario") -> list[str]:
    given = scenario.satisfaction
    if given is None:
        return []
    mean = sum(25 * level * share for level, share in enumerate(given.mix)) / sum(given.mix)
    effects = [
        f"{words} by {_percent(share)}"
        for words, share in (
            ("lowers the defection rate", given.defection_per_level),
            ("raises the purchase rate", given.purchase_rate_per_level),
            ("raises the amount of a purchase", given.amount_per_level),
        )
        if share
    ]
    entry = (
        "enter like those who are there (assumed)"
        if given.entry is None
        else f"enter at {25 * (given.entry - 1)} points"
    )
    return [
        f"Satisfaction, five levels from 0 to 100 points: {_shares(given.mix)} of customers in the data, {mean:.0f} in "
        f"the mean. Each {scenario.period} {_percent(given.mobility)} reconsider{unless_stated(given, 'mobility')} and "
        f"move by one level at most; the newly won and the returned {entry}. "
        + (f"A level up {_and(effects)}." if effects else "It changes nothing that customers do: no effect is stated.")
    ]


def _partner(scenario: "Scenario") -> list[str]:
    given = scenario.partner
    if given is None:
        return []
    own = [
        f"of “{name}” {_percent(each.partner.share)} at {_percent(each.partner.commission)}"
        for name, each in scenario.segments.items()
        if each.partner is not None
    ]
    return [
        f"Channels: {_percent(given.share)} of purchases come through a partner, who keeps "
        f"{_percent(given.commission)} of what is paid there; revenue is what is left to the firm."
        + (f" O{_and(own)[1:]}." if own else "")
        + "".join(_lost_to_partner(scenario))
    ]


def _lost_to_partner(scenario: "Scenario") -> Iterator[str]:
    """Yield the segments in which a partner keeps more of what is paid than the margin."""
    for name, each in scenario.segments.items():
        partner = each.partner or scenario.partner
        margin = scenario.margin if each.margin is None else each.margin
        if partner is not None and partner.share > 0 and partner.commission > margin:
            yield (
                f" Of “{name}” the partner keeps more than the margin of {_percent(margin)}: every purchase there "
                f"costs the firm {_percent(partner.commission - margin)} of what is paid."
            )


def _money(scenario: "Scenario") -> list[str]:
    said = [_cost(scenario.cost_to_serve, "", scenario.period)]
    said += [
        _cost(segment.cost_to_serve, f" in “{name}”", scenario.period)
        for name, segment in scenario.segments.items()
        if segment.cost_to_serve is not None
    ]
    return [each for each in said if each]


def _cost(cost: "CostToServe", where: str, period: str) -> str:
    parts = [
        *([f"{cost.per_customer:g} per true customer and {period}"] if cost.per_customer else []),
        *([f"{cost.per_purchase:g} per purchase"] if cost.per_purchase else []),
    ]
    return f"Serving customers{where} costs {_and(parts)}." if parts else ""


def _people(name: str, segment: "Segment", period: str) -> list[str]:
    said = births_in_words(name, segment, period)
    if segment.quality:
        kinds = "; ".join(_quality(kind) for kind in segment.quality)
        said.append(
            f"Prospects of “{name}” are of {len(segment.quality)} kinds that the firm cannot tell apart: {kinds}."
        )
    own = [
        f"{words} {value:g}"
        for words, value in (
            ("margin", segment.margin),
            ("loss", segment.loss),
            ("share of customer", segment.share_of_customer),
        )
        if value is not None
    ] + (["thresholds of stages"] if segment.stages is not None else [])
    if own:
        said.append(f"“{name}” has its own {_and(own)}.")
    value = segment.value_to_customer
    if value is not None:
        beyond = value.gained - value.cost - value.usual
        drivers = value.gain if isinstance(value.gain, dict) else {}
        by = f" ({', '.join(f'{name} {points:g}' for name, points in drivers.items())})" if drivers else ""
        moves = (
            f"the chance of a level up in satisfaction shifts by {_percent(value.bring * beyond, signed=True)}"
            if value.bring
            else "reported only: nothing follows from it (assumed)"
        )
        said.append(
            f"Value to customers of “{name}”: gain {value.gained:g}{by} less cost {value.cost:g}, against "
            f"{value.usual:g} when the data were gathered; {moves}."
        )
    return said


def _quality(kind: "Quality") -> str:
    parts = [
        f"{words} {factor:g} times the usual"
        for words, factor, usual in (
            ("chance of being won", kind.acquisition, 1),
            ("what money adds to it", kind.by_money, kind.acquisition),
            ("purchase rate", kind.purchase_rate, 1),
            ("money per purchase", kind.spend, 1),
            ("cost to serve", kind.cost_to_serve, 1),
        )
        if factor != usual
    ]
    parts += [f"{_percent(kind.bad_debt)} of revenue never paid"] if kind.bad_debt else []
    return f"{_percent(kind.share)} {('with ' + _and(parts)) if parts else 'as the segment'}"


def _employees(scenario: "Scenario") -> list[str]:
    given = scenario.employees
    if given is None:
        return []
    start = given.usual if given.start is None else given.start
    levers = [name for name, lever in scenario.levers.items() if "employee" in lever.moves]
    told = unless_stated(given, "bring", "the figure told of Sears" if given.points == 5 else "")
    return [
        f"Employees: satisfied with {start:g} points at the start{unless_stated(given, 'start')}, {given.usual:g} when "
        f"the data were gathered; each {scenario.period} {_percent(given.reversion)} of the distance to that is made "
        f"good{unless_stated(given, 'reversion')}. {given.points:g} points more, kept up, bring {given.bring:g} "
        f"point{'s' * (given.bring != 1)} of customer satisfaction in the long run{told}. "
        + (f"Moved by {_and(levers)}." if levers else "No lever moves them.")
        + (_leavers(given.turnover, scenario) if given.turnover is not None else "")
    ]


def _leavers(given: "StaffTurnover", scenario: "Scenario") -> str:
    """Return how readily employees leave, and what follows."""
    said = f" At the usual satisfaction {_percent(given.usual)} of employees leave each {scenario.period}"
    if given.falls:
        said += f", {_percent(given.falls)} fewer for each point more"
        said += ", and ties to them are lost so much less" if scenario.links is not None else ""
    each = given.usual * given.per_customer * given.cost
    cost = (
        f"; replacing one costs {given.cost:,.4g}, with {given.per_customer:.4g} of them a customer {each:,.4g} a "
        f"customer and {scenario.period}, beside the cost to serve"
    )
    return said + (cost if given.cost else "") + "."


def _word_of_mouth(scenario: "Scenario") -> list[str]:
    given = scenario.word_of_mouth
    if not given:
        return []
    why = "(levels 4 and 5 less 1 and 2)"
    if not isinstance(given, dict):
        return [
            f"Word of mouth: ten points of net promoters {why} above those in the data raise the chances of awareness "
            f"and of winning by {_percent(given / 10)}."
        ]
    heard = [
        f"{_percent(number / 10)} in “{to}” from “{voice}”"
        for to, row in given.items()
        for voice, number in row.items()
        if number
    ]
    return [
        f"Word of mouth: ten points of net promoters {why} above those in the data raise the chances of awareness and "
        f"of winning by {_and(heard)}."
    ]


def _seasons(scenario: "Scenario") -> list[str]:
    if not scenario.seasons:
        return []
    mean = sum(scenario.seasons) / len(scenario.seasons)
    factors = ", ".join(f"{season / mean:.3g}" for season in scenario.seasons)
    return [
        f"Seasons: the purchase rate is multiplied by {factors} in turn, from the first {scenario.period} on; after "
        "the horizon by 1."
    ]


def _rival(rival: "Competitor", scenario: "Scenario") -> str:
    does = [
        _RIVALS[route].format(more=1 + strength, less=1 - strength, share=_percent(strength))
        for route, strength in rival.strengths.items()
    ]
    strengths = list(dict.fromkeys(f"{strength:g}" for strength in rival.strengths.values()))
    reacts = ""
    if rival.reaction:
        reacts = (
            f"; it reacts: for every per cent that our share of the market's people grows, {_answer(rival)} by "
            f"{rival.reaction:g} %, to {rival.most:g} times at most{unless_stated(rival, 'most')}"
        )
    acts = [f"acts on {_and(list(rival.strengths))} with strength {_and(strengths)}"] if does else []
    if rival.price is not None:
        acts.append(f"sells at {100 * (1 - rival.price.cut):.4g} % of its price in the data")
        does += _by_price(rival.price, scenario)
    return (
        f"Competitor “{rival.name}” {_and(acts)} {_when(rival, scenario.period)}{_where(rival.segments)}: "
        f"{_and(does)}{reacts}."
    )


def _answer(rival: "Competitor") -> str:
    """Return what of a rival grows as we do."""
    if rival.price is None:
        return "its strength grows"
    change = "its cut" if rival.price.cut >= 0 else "what its price rose by"
    return f"its strength and {change} grow" if rival.strengths else f"{change} grows"


def _by_price(price: "RivalPrice", scenario: "Scenario") -> list[str]:
    """Return what a rival's own price does, and whether ours answers it."""
    said = [
        f"{what} is multiplied by {(1 - price.cut) ** power:.3g}"
        for what, power in (("the defection rate", -price.defection), ("the chance of winning", price.acquisition))
        if power
    ]
    ours = [name for name, lever in scenario.levers.items() if lever.pays == "price"]
    good = "that is as deep makes that good" if price.cut > 0 else "counts against its"
    answered = f"a cut of ours by {_and(ours)} {good}" if ours else "no lever cuts ours"
    return [f"{_and(said)} at our price of today ({answered})"]


def _shock(shock: "Shock", scenario: "Scenario") -> str:
    does = _SHOCKS[shock.route].format(
        factor=1 + shock.size, share=_percent(shock.size, signed=True), chance=_percent(shock.size), size=shock.size,
        period=scenario.period,
    )  # fmt: skip
    return f"Shock “{shock.name}” {_when(shock, scenario.period)}{_where(shock.segments)}: {does}."


def _when(thing: "Competitor | Shock", period: str) -> str:
    until = "on" if thing.end is None else f"to {thing.end}"
    return f"from {period} {thing.start + 1} {until}"


def _where(segments: Sequence[str]) -> str:
    return f" in {_and([f'“{name}”' for name in segments])}" if segments else ""


def _shares(shares: Sequence[float]) -> str:
    return f"{', '.join(f'{100 * share:.4g}' for share in shares)} %"


def _percent(share: float, *, signed: bool = False) -> str:
    return f"{100 * share:+.4g} %" if signed else f"{100 * share:.4g} %"


def _and(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
