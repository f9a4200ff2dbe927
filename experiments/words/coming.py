"""Who is there at the start and for how long, who comes, how winning spreads, and how customers grow, in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.words.bonds import start_in_words

if TYPE_CHECKING:
    from sim.customers.rise import Rise
    from sim.scenario.file import Scenario, Segment

__all__ = ["births_in_words", "growth_in_words", "spreading_in_words", "standing_in_words"]

SLIGHT = 5e-4
"""Of one: as many times are one time as it is printed."""
_COME = {"prospect": "prospects", "unaware": "unaware people"}


def standing_in_words(name: str, segment: "Segment", scenario: "Scenario") -> list[str]:
    """Return how long those who are there have been customers, where they are not the newly won."""
    from sim.customers.established import age_of, is_young

    said = []
    for stage, each in segment.standing if segment.traits is not None else []:
        if is_young(stage, each):
            continue
        age = age_of(stage, each, segment, scenario)
        since = f"{age} {scenario.period}{'' if age == 1 else 's'} ago"
        if each.age is None:
            since += " (assumed: the fewest in which a usual customer gets there; who has stayed longer leaves less)"
        own = [
            f"{what} {', '.join(f'{100 * share:.4g}' for share in shares)} %"
            for what, shares in (("satisfied", each.satisfaction),)
            if shares is not None
        ] + start_in_words(each)
        said.append(
            f"In “{name}” {each.count:,.0f} seen as {stage} are of those won {since}: with the traits of who gets there"
            + (f"; {' and '.join(own)}." if own else ".")
        )
    return said


def births_in_words(name: str, segment: "Segment", period: str) -> list[str]:
    """Return who appears in a segment."""
    from sim.scenario.people import Growing

    said = []
    for stage, births in segment.births.items():
        who = _COME[stage]
        if isinstance(births, Growing):
            more = f"{100 * abs(births.growth):.4g} % {'more' if births.growth >= 0 else 'fewer'} each {period}"
            said.append(f"In “{name}” {births.first:,.4g} {who} appear in the first {period}, and {more}.")
        elif isinstance(births, tuple):
            said.append(
                f"In “{name}” {sum(births):,.0f} {who} appear over {len(births)} {period}s, {min(births):,.4g} to "
                f"{max(births):,.4g} a {period} as listed."
            )
        else:
            said.append(f"In “{name}” {births:,.4g} {who} appear each {period}.")
    return said


def spreading_in_words(name: str, segment: "Segment", period: str) -> list[str]:
    """Return how winning spreads by itself."""
    given = segment.diffusion
    if given is None:
        return []
    by_itself = (
        f"Without money a prospect of “{name}” is won each {period} with a chance of {_percent(given.innovation)}"
    )
    if not given.imitation:
        return [f"{by_itself}."]
    return [
        f"{by_itself} plus {_percent(given.imitation)} times the share of its people who were ever won (Bass); after "
        "the horizon that share counts as at the start."
    ]


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


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
