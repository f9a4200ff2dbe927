"""The mechanisms of a scenario in words, for the checked scenario and the report.

A sentence each for what the scenario has and nothing for what it has not. What was not stated and came from a default
is marked as assumed. What is said stands in :mod:`experiments.words.mechanism_words`.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from experiments.words.bonds import categories_in_words, club_in_words, links_in_words
from experiments.words.coming import births_in_words, spreading_in_words, standing_in_words
from experiments.words.effects import effect_name
from experiments.words.languages import Words
from experiments.words.mechanism_words import mechanism_words
from experiments.words.phrases import listed, numbered, period_name, plain_share, plain_shares, stage_in_words
from sim.scenario.market import HARMS

if TYPE_CHECKING:
    from sim.scenario.curves import Model
    from sim.scenario.customers import CostToServe, Quality
    from sim.scenario.feelings import StaffTurnover
    from sim.scenario.file import Competitor, Lever, Scenario, Segment, Shock
    from sim.scenario.market import RivalPrice
    from sim.scenario.of_late import OfLate

__all__ = ["customers_in_words", "market_in_words", "survey_in_words", "timing_in_words", "unless_stated"]


def unless_stated(model: "Model", field: str, why: str = "", language: str = "en") -> str:
    """Return the mark of a value that is a default: that it is assumed, and why so much."""
    if field in model.model_fields_set:
        return ""
    return mechanism_words(language)["assumed_why" if why else "assumed"].format(why=why)


def timing_in_words(lever: "Lever", period: str, language: str = "en") -> list[str]:
    """Return when a lever acts where that is not at once, afresh every period and in a medium without limits."""
    words, said = mechanism_words(language), list[str]()
    if lever.lead_time:
        known = lever.committed is not None
        before = words["committed"].format(amount=f"{lever.committed:g}") if known else words["acts_today"]
        said.append(words["lead_time"].format(time=numbered(lever.lead_time, period, language), before=before))
    if lever.duration > 1:
        said.append(words["duration"].format(time=numbered(lever.duration, period, language)))
    if lever.saturation is not None:
        name = period_name(period, language)
        said.append(words["saturates"].format(amount=f"{lever.saturation:,.4g}", period=name))
    if lever.misses:
        whom = [
            words["missed"].format(share=plain_share(share), stage=stage_in_words(stage, language))
            for stage, share in lever.misses.items()
        ]
        good = [
            effect_name(each, language).replace("_", " ") for each in lever.moves if each not in (*HARMS, "employee")
        ]
        harm = [effect_name(each, language) for each in lever.moves if each in HARMS]
        said.append(
            words["misses"].format(
                whom=listed(whom, language), harm=listed(harm, language), good=listed(good, language)
            )
        )
    said += [
        words["spills"].format(name=name, share=plain_share(share), to=to)
        for to, row in lever.spills_over.items()
        for name, share in row.items()
    ]
    return said + (_of_late(lever, lever.of_late, period, words) if lever.of_late is not None else [])


def _of_late(lever: "Lever", late: "OfLate", period: str, words: Words) -> list[str]:
    """Return what money of earlier periods does now."""
    said, usual, name = list[str](), lever.reference, period_name(period, words["language"])
    own = any(each.reference not in (None, usual) for each in lever.by_segment.values())
    if late.carry_over:
        said.append(words["carry_over"].format(share=plain_share(late.carry_over), period=name))
    if late.fatigue is not None:
        where = words["tires_usual"].format(usual=f"{usual:g}") if own else ""
        said.append(words["tires"].format(half=f"{late.fatigue + 2 * usual:g}", period=name, where=where))
    if late.drives_away:
        said.append(words["drives_away"].format(period=name, share=plain_share(late.drives_away)))
    if late.pulled_forward:
        said.append(words["pulled_forward"].format(share=plain_share(late.pulled_forward)))
    if late.forgets:
        mark = unless_stated(late, "keep", language=words["language"])
        said.append(words["forgets"].format(share=plain_share(late.keep), period=name, mark=mark))
    return said


def customers_in_words(scenario: "Scenario", language: str = "en") -> list[str]:
    """Return what customers are like: how they leave, how satisfied and tied they are, what they cost."""
    if scenario.chain is not None:
        return []
    words = mechanism_words(language)
    said = [_law(scenario, words), _stages(scenario, words), *_satisfaction(scenario, words)]
    said += [
        *links_in_words(scenario.links, scenario.period, language),
        *categories_in_words(scenario.categories, scenario.period, language),
        *club_in_words(scenario.club, scenario.period, language),
    ]
    if scenario.share_of_customer is not None:
        said.append(words["share_of_customer"].format(share=plain_share(scenario.share_of_customer)))
    said += [*_partner(scenario, words), *_money(scenario, words)]
    for name, segment in scenario.segments.items():
        said += standing_in_words(name, segment, scenario, language)
        said += [*_people(name, segment, scenario.period, words)]
        said += spreading_in_words(name, segment, scenario.period, language)
    return said


def market_in_words(scenario: "Scenario", language: str = "en") -> list[str]:
    """Return what acts on customers beside levers: employees, word of mouth, seasons, rivals, shocks."""
    words = mechanism_words(language)
    return [
        *_employees(scenario, words),
        *_word_of_mouth(scenario, words),
        *_seasons(scenario, words),
        *(_rival(rival, scenario, words) for rival in scenario.competitors),
        *(_shock(shock, scenario, words) for shock in scenario.shocks),
    ]


def survey_in_words(scenario: "Scenario", language: str = "en") -> list[str]:
    """Return how the firm learns of satisfaction."""
    survey, period, words = scenario.survey, scenario.period, mechanism_words(language)
    if survey is None:
        return [] if scenario.satisfaction is None else [words["never_asks"]]
    every = words["every"].format(period=period_name(period, language))
    if survey.every > 1:
        every = words["every_few"].format(time=numbered(survey.every, period, language))
    delay = words["later"].format(time=numbered(survey.delay, period, language)) if survey.delay else words["at_once"]
    fields = ("every", "sample", "noise", "delay")
    marks = {f"{field}_mark": unless_stated(survey, field, language=language) for field in fields}
    told = {"every": every, "sample": f"{survey.sample:,}", "noise": f"{survey.noise:g}", "delay": delay}
    return [words["survey"].format(**told, **marks)]


def _law(scenario: "Scenario", words: Words) -> str:
    period = period_name(scenario.period, words["language"])
    lost = words["lost"].format(share=plain_share(scenario.loss), period=period)
    if "loss" not in scenario.model_fields_set:
        lost = words["none_lost"].format(mark=unless_stated(scenario, "loss", language=words["language"]))
    mark = unless_stated(scenario, "law", language=words["language"])
    return words[f"law_{scenario.law}"].format(period=period, mark=mark, lost=lost)


def _stages(scenario: "Scenario", words: Words) -> str:
    stages, language = scenario.stages, words["language"]
    core = unless_stated(stages, "core", language=language)
    if scenario.law == "renewal":
        return words["stages_renewal"].format(core=stages.core, mark=core)
    silent = numbered(stages.declining, scenario.period, language).partition(" ")[2]
    return words["stages"].format(
        core=stages.core, core_mark=core, declining=stages.declining, period=silent, lapsed=stages.lapsed,
        declining_mark=unless_stated(stages, "declining", language=language),
        lapsed_mark=unless_stated(stages, "lapsed", language=language),
    )  # fmt: skip


def _satisfaction(scenario: "Scenario", words: Words) -> list[str]:
    given, language = scenario.satisfaction, words["language"]
    if given is None:
        return []
    mean = sum(25 * level * share for level, share in enumerate(given.mix)) / sum(given.mix)
    effects = [
        words[key].format(share=plain_share(share))
        for key, share in (
            ("lowers_defection", given.defection_per_level),
            ("raises_rate", given.purchase_rate_per_level),
            ("raises_amount", given.amount_per_level),
        )
        if share
    ]
    at = words["enter_alike"] if given.entry is None else words["enter_at"].format(points=25 * (given.entry - 1))
    does = words["level_up"].format(effects=listed(effects, language)) if effects else words["level_nothing"]
    said = words["satisfaction"].format(
        shares=plain_shares(given.mix), mean=f"{mean:.0f}", period=period_name(scenario.period, language),
        share=plain_share(given.mobility), mark=unless_stated(given, "mobility", language=language), entry=at,
        effects=does,
    )  # fmt: skip
    return [said]


def _partner(scenario: "Scenario", words: Words) -> list[str]:
    given = scenario.partner
    if given is None:
        return []
    theirs = [(name, each.partner) for name, each in scenario.segments.items() if each.partner is not None]
    own = [
        words["partner_of_next" if i else "partner_of"].format(
            name=name, share=plain_share(each.share), commission=plain_share(each.commission)
        )
        for i, (name, each) in enumerate(theirs)
    ]
    said = words["partner"].format(
        share=plain_share(given.share), commission=plain_share(given.commission),
        own=words["partner_own"].format(parts=listed(own, words["language"])) if own else "",
        lost="".join(_lost_to_partner(scenario, words)),
    )  # fmt: skip
    return [said]


def _lost_to_partner(scenario: "Scenario", words: Words) -> Iterator[str]:
    """Yield the segments in which a partner keeps more of what is paid than the margin."""
    for name, each in scenario.segments.items():
        partner = each.partner or scenario.partner
        margin = scenario.margin if each.margin is None else each.margin
        if partner is not None and partner.share > 0 and partner.commission > margin:
            loss = plain_share(partner.commission - margin)
            yield words["partner_lost"].format(name=name, margin=plain_share(margin), loss=loss)


def _money(scenario: "Scenario", words: Words) -> list[str]:
    said = [_cost(scenario.cost_to_serve, "", scenario.period, words)]
    said += [
        _cost(segment.cost_to_serve, words["serving_in"].format(name=name), scenario.period, words)
        for name, segment in scenario.segments.items()
        if segment.cost_to_serve is not None
    ]
    return [each for each in said if each]


def _cost(cost: "CostToServe", where: str, period: str, words: Words) -> str:
    name = period_name(period, words["language"])
    parts = [
        words[key].format(amount=f"{amount:g}", period=name)
        for key, amount in (("per_customer", cost.per_customer), ("per_purchase", cost.per_purchase))
        if amount
    ]
    return words["serving"].format(where=where, parts=listed(parts, words["language"])) if parts else ""


def _people(name: str, segment: "Segment", period: str, words: Words) -> list[str]:
    language = words["language"]
    said = births_in_words(name, segment, period, language)
    if segment.quality:
        kinds = words["semicolon"].join(_quality(kind, words) for kind in segment.quality)
        said.append(words["kinds"].format(name=name, number=len(segment.quality), kinds=kinds))
    own = [
        words[key].format(value=f"{value:g}")
        for key, value in (
            ("own_margin", segment.margin),
            ("own_loss", segment.loss),
            ("own_share", segment.share_of_customer),
        )
        if value is not None
    ] + ([words["own_stages"]] if segment.stages is not None else [])
    if own:
        said.append(words["own"].format(name=name, parts=listed(own, language)))
    value = segment.value_to_customer
    if value is not None:
        beyond = value.gained - value.cost - value.usual
        drivers = value.gain if isinstance(value.gain, dict) else {}
        by = ", ".join(f"{driver} {points:g}" for driver, points in drivers.items())
        moves = words["value_moves"].format(share=plain_share(value.bring * beyond, signed=True))
        moves = moves if value.bring else words["value_nothing"]
        said.append(
            words["value"].format(
                name=name, gained=f"{value.gained:g}", by=words["value_by"].format(drivers=by) if by else "",
                cost=f"{value.cost:g}", usual=f"{value.usual:g}", moves=moves,
            )
        )  # fmt: skip
    return said


def _quality(kind: "Quality", words: Words) -> str:
    parts = [
        words["times_usual"].format(what=words[key], factor=f"{factor:g}")
        for key, factor, usual in (
            ("chance_won", kind.acquisition, 1),
            ("money_adds", kind.by_money, kind.acquisition),
            ("rate", kind.purchase_rate, 1),
            ("spend", kind.spend, 1),
            ("cost", kind.cost_to_serve, 1),
        )
        if factor != usual
    ]
    parts += [words["bad_debt"].format(share=plain_share(kind.bad_debt))] if kind.bad_debt else []
    own = listed(parts, words["language"]) if parts else ""
    return words["quality" if parts else "quality_alike"].format(share=plain_share(kind.share), parts=own)


def _employees(scenario: "Scenario", words: Words) -> list[str]:
    given, language = scenario.employees, words["language"]
    if given is None:
        return []
    start = given.usual if given.start is None else given.start
    levers = [name for name, lever in scenario.levers.items() if "employee" in lever.moves]
    said = words["employees"].format(
        start=f"{start:g}", start_mark=unless_stated(given, "start", language=language), usual=f"{given.usual:g}",
        period=period_name(scenario.period, language), share=plain_share(given.reversion),
        reversion_mark=unless_stated(given, "reversion", language=language), points=f"{given.points:g}",
        bring=f"{given.bring:g}", unit=words["point" if given.bring == 1 else "points"],
        told=unless_stated(given, "bring", words["sears"] if given.points == 5 else "", language),
        moved=words["moved_by"].format(levers=listed(levers, language)) if levers else words["moved_by_none"],
        leavers=_leavers(given.turnover, scenario, words) if given.turnover is not None else "",
    )  # fmt: skip
    return [said]


def _leavers(given: "StaffTurnover", scenario: "Scenario", words: Words) -> str:
    """Return how readily employees leave, and what follows."""
    period = period_name(scenario.period, words["language"])
    falls = words["leave_falls"].format(share=plain_share(given.falls)) if given.falls else ""
    falls += words["leave_ties"] if falls and scenario.links is not None else ""
    each = f"{given.usual * given.per_customer * given.cost:,.4g}"
    cost = words["leave_cost"].format(
        cost=f"{given.cost:,.4g}", number=f"{given.per_customer:.4g}", each=each, period=period
    )
    return words["leave"].format(
        share=plain_share(given.usual), period=period, falls=falls, cost=cost if given.cost else ""
    )


def _word_of_mouth(scenario: "Scenario", words: Words) -> list[str]:
    given = scenario.word_of_mouth
    if not given:
        return []
    if not isinstance(given, dict):
        return [words["mouth"].format(heard=plain_share(given / 10))]
    heard = [
        words["heard"].format(share=plain_share(number / 10), to=to, voice=voice)
        for to, row in given.items()
        for voice, number in row.items()
        if number
    ]
    return [words["mouth"].format(heard=listed(heard, words["language"]))]


def _seasons(scenario: "Scenario", words: Words) -> list[str]:
    if not scenario.seasons:
        return []
    mean = sum(scenario.seasons) / len(scenario.seasons)
    factors = ", ".join(f"{season / mean:.3g}" for season in scenario.seasons)
    return [words["seasons"].format(factors=factors, period=_counted(scenario.period, words))]


def _rival(rival: "Competitor", scenario: "Scenario", words: Words) -> str:
    language = words["language"]
    does = [
        words[f"rival_{route}"].format(more=f"{1 + size:g}", less=f"{1 - size:g}", share=plain_share(size))
        for route, size in rival.strengths.items()
    ]
    strengths = list(dict.fromkeys(f"{strength:g}" for strength in rival.strengths.values()))
    reacts = ""
    if rival.reaction:
        reacts = words["rival_reacts"].format(
            answer=_answer(rival, words), reaction=f"{rival.reaction:g}", most=f"{rival.most:g}",
            mark=unless_stated(rival, "most", language=language),
        )  # fmt: skip
    routes = listed([words[f"route_{route}"] for route in rival.strengths], language) if does else ""
    acts = [words["rival_acts"].format(routes=routes, strengths=listed(strengths, language))] if does else []
    if rival.price is not None:
        acts.append(words["rival_sells"].format(share=f"{100 * (1 - rival.price.cut):.4g}"))
        does += _by_price(rival.price, scenario, words)
    return words["rival"].format(
        name=rival.name, acts=listed(acts, language), when=_when(rival, scenario.period, words),
        where=_where(rival.segments, words), does=listed(does, language), reacts=reacts,
    )  # fmt: skip


def _answer(rival: "Competitor", words: Words) -> str:
    """Return what of a rival grows as we do."""
    if rival.price is None:
        return words["rival_strength"]
    change = words["rival_cut" if rival.price.cut >= 0 else "rival_rise"]
    return words["rival_both" if rival.strengths else "rival_change"].format(change=change)


def _by_price(price: "RivalPrice", scenario: "Scenario", words: Words) -> list[str]:
    """Return what a rival's own price does, and whether ours answers it."""
    said = [
        words["multiplied"].format(what=words[what], times=f"{(1 - price.cut) ** power:.3g}")
        for what, power in (("the_defection", -price.defection), ("the_winning", price.acquisition))
        if power
    ]
    ours = [name for name, lever in scenario.levers.items() if lever.pays == "price"]
    good = words["makes_good" if price.cut > 0 else "counts_against"]
    cut = words["our_cut"].format(levers=listed(ours, words["language"]), good=good) if ours else words["no_cut"]
    return [words["at_our_price"].format(said=listed(said, words["language"]), answered=cut)]


def _shock(shock: "Shock", scenario: "Scenario", words: Words) -> str:
    does = words[f"shock_{shock.route}"].format(
        factor=f"{1 + shock.size:g}", share=plain_share(shock.size, signed=True), chance=plain_share(shock.size),
        size=f"{shock.size:+g}", period=period_name(scenario.period, words["language"]),
    )  # fmt: skip
    when, where = _when(shock, scenario.period, words), _where(shock.segments, words)
    return words["shock"].format(name=shock.name, when=when, where=where, does=does)


def _when(thing: "Competitor | Shock", period: str, words: Words) -> str:
    key = "from_on" if thing.end is None else "from_to"
    return words[key].format(period=_counted(period, words), start=thing.start + 1, end=thing.end)


def _where(segments: Sequence[str], words: Words) -> str:
    if not segments:
        return ""
    names = [words["segment"].format(name=name) for name in segments]
    return words["in_segments"].format(segments=listed(names, words["language"]))


def _counted(period: str, words: Words) -> str:
    """Return what a period is called behind its number."""
    return numbered(1, period, words["language"]).partition(" ")[2]
