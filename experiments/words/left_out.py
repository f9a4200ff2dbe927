"""What a scenario of real customers leaves out, and what that was worth in the purchases."""

from experiments.words.figures import day, money, one_of
from experiments.words.languages import spoken
from sim.purchases.base import CustomerBase
from sim.purchases.beside import newcomers
from sim.scenario.file import Scenario

__all__ = ["left_out"]

TO_BE_WON = ("unaware", "prospect")
_BOTH = {
    "too_short": (
        "; how many were lately the purchases are too short to tell",
        "；购买记录太短，无法得知近期有多少新客户",
    ),
    "lately": (
        ": in the {days} days up to {day} {customers} customers were new and brought {money} of {all}",
        "：截至 {day} 的 {days} 天内有 {customers} 位新客户，在 {all} 中带来 {money}",
    ),
    "winning": (
        "Winning customers is left out, since the scenario states no people who may be won{seen}. What new customers "
        "are worth, and money to win them, are in no plan, bound or comparison here.",
        "未计入获客，因为情景没有给出可赢得的人{seen}。新客户的价值以及获客投入不在此处任何方案、上界或比较之中。",
    ),
    "winning_back": (
        "Winning back is left out: no lever moves reactivation, so those who left stay away.",
        "未计入赢回：没有手段影响赢回，流失者不再返回。",
    ),
}


def left_out(scenario: Scenario, language: str = "en") -> list[str]:
    """Return what is therefore in no figure of the scenario, one sentence each; nothing without a base."""
    given, words = scenario.base, spoken(_BOTH, language)
    if given is None:
        return []
    out = []
    people = [stage for segment in scenario.segments.values() for stage in (*segment.start, *segment.births)]
    if not set(people) & set(TO_BE_WON):
        new = newcomers(CustomerBase.open(scenario.folder / given.file), given.as_of)
        seen = words["too_short"]
        if new is not None:
            lately = words["lately"].format(
                days=new.days, day=day(given.as_of), customers=f"{new.customers:,}", money=money(new.money),
                all=f"{money(new.all_money)} {scenario.currency}".rstrip(),
            )  # fmt: skip
            seen = one_of(lately)
        out.append(words["winning"].format(seen=seen))
    if not any("reactivation" in lever.moves for lever in scenario.levers.values()):
        out.append(words["winning_back"])
    return out
