"""Who is there at the start and for how long, who comes, how winning spreads, and how customers grow, in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.words.bonds import start_in_words
from experiments.words.languages import spoken
from experiments.words.phrases import numbered, period_name, plain_share, plain_shares, stage_in_words

if TYPE_CHECKING:
    from sim.customers.rise import Rise
    from sim.scenario.file import Scenario, Segment

__all__ = ["births_in_words", "growth_in_words", "spreading_in_words", "standing_in_words"]

SLIGHT = 5e-4
"""Of one: as many times are one time as it is printed."""
_BOTH = {
    "ago": ("{time} ago", "{time}前"),
    "age_assumed": (
        " (assumed: the fewest in which a usual customer gets there; who has stayed longer leaves less)",
        "（假设：通常客户到达该阶段的最短时间；留得更久者流失更少）",
    ),
    "satisfied": ("satisfied {shares}", "满意度各级占 {shares}"),
    "standing": (
        "In “{name}” {count} seen as {stage} are of those won {since}: with the traits of who gets there{own}.",
        "“{name}”中被视为{stage}的 {count} 人是 {since}赢得的：具有能到达该阶段者的特征{own}。",
    ),
    "and": (" and ", "，"),
    "own": ("; {parts}", "；{parts}"),
    "prospect": ("prospects", "潜在客户"),
    "unaware": ("unaware people", "未知晓者"),
    "more": ("{share} more each {period}", "此后每{period}增加 {share}"),
    "fewer": ("{share} fewer each {period}", "此后每{period}减少 {share}"),
    "growing": (
        "In “{name}” {number} {who} appear in the first {period}, and {change}.",
        "“{name}”在第一{period}出现 {number} 名{who}，{change}。",
    ),
    "listed": (
        "In “{name}” {number} {who} appear over {time}, {least} to {most} a {period} as listed.",
        "“{name}”在 {time}内出现 {number} 名{who}，按所列每{period} {least} 至 {most} 名。",
    ),
    "births": (
        "In “{name}” {number} {who} appear each {period}.",
        "“{name}”每{period}出现 {number} 名{who}。",
    ),
    "by_itself": (
        "Without money a prospect of “{name}” is won each {period} with a chance of {share}{imitation}.",
        "不投入时，“{name}”的潜在客户每{period}以 {share} 的概率被赢得{imitation}。",
    ),
    "imitation": (
        " plus {share} times the share of its people who were ever won (Bass); after the horizon that share counts as "
        "at the start",
        "，另加 {share} 乘以其中曾被赢得者的比例（Bass）；规划期之后该比例按期初计",
    ),
}


def standing_in_words(name: str, segment: "Segment", scenario: "Scenario", language: str = "en") -> list[str]:
    """Return how long those who are there have been customers, where they are not the newly won."""
    from sim.customers.established import age_of, is_young

    words, said = spoken(_BOTH, language), list[str]()
    for stage, each in segment.standing if segment.traits is not None else []:
        if is_young(stage, each):
            continue
        age = age_of(stage, each, segment, scenario)
        since = words["ago"].format(time=numbered(age, scenario.period, language))
        since += words["age_assumed"] if each.age is None else ""
        felt = [] if each.satisfaction is None else [words["satisfied"].format(shares=plain_shares(each.satisfaction))]
        own = [*felt, *start_in_words(each, language)]
        said.append(
            words["standing"].format(
                name=name, count=f"{each.count:,.0f}", stage=stage_in_words(stage, language), since=since,
                own=words["own"].format(parts=words["and"].join(own)) if own else "",
            )
        )  # fmt: skip
    return said


def births_in_words(name: str, segment: "Segment", period: str, language: str = "en") -> list[str]:
    """Return who appears in a segment."""
    from sim.scenario.people import Growing

    words, a_period, said = spoken(_BOTH, language), period_name(period, language), list[str]()
    for stage, births in segment.births.items():
        of = {"name": name, "who": words[stage], "period": a_period}
        if isinstance(births, Growing):
            change = words["more" if births.growth >= 0 else "fewer"]
            change = change.format(share=plain_share(abs(births.growth)), period=a_period)
            first = {**of, "period": numbered(1, period, language).partition(" ")[2]}
            said.append(words["growing"].format(number=f"{births.first:,.4g}", change=change, **first))
        elif isinstance(births, tuple):
            least, most = f"{min(births):,.4g}", f"{max(births):,.4g}"
            time = f"{len(births)} {numbered(2, period, language).partition(' ')[2]}"
            said.append(words["listed"].format(number=f"{sum(births):,.0f}", time=time, least=least, most=most, **of))
        else:
            said.append(words["births"].format(number=f"{births:,.4g}", **of))
    return said


def spreading_in_words(name: str, segment: "Segment", period: str, language: str = "en") -> list[str]:
    """Return how winning spreads by itself."""
    given, words = segment.diffusion, spoken(_BOTH, language)
    if given is None:
        return []
    imitation = words["imitation"].format(share=plain_share(given.imitation)) if given.imitation else ""
    by_itself = {"share": plain_share(given.innovation), "period": period_name(period, language)}
    return [words["by_itself"].format(name=name, imitation=imitation, **by_itself)]


def growth_in_words(scenario: "Scenario", found: "Sequence[Rise]") -> list[str]:
    """Return how customers grow, and how much of what the long kept bring more is growth and how much selection."""
    said, period = [], scenario.period
    for rise in found:
        growth = scenario.segments[rise.segment].growth
        assert growth is not None
        steps = []
        for age, (rate, amount) in zip(growth.after, growth.multipliers[1:], strict=True):
            parts = [
                f"{times:g} times the {what}" for times, what in ((amount, "amount"), (rate, "rate")) if times != 1
            ]
            steps.append(f"{' and '.join(parts) or 'as at first'} from {age} {period}{'' if age == 1 else 's'} on")
        sentence = f"Customers of “{rise.segment}” grow while they are kept: {', '.join(steps)}."
        if rise.total == rise.total:  # somebody is still seen then
            why = (
                "who stays buys more or leaves less from the start"
                if rise.selection > 1 - SLIGHT
                else "some of those still seen have left in silence"
            )
            sentence += (
                f" In year {rise.year} a customer still seen brings {rise.total:.3g} times the revenue of the first "
                f"year: {rise.growth:.3g} times by growth, {rise.selection:.3g} times because {why} (selection)."
            )
        said.append(sentence)
    return said
