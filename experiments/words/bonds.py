"""What binds customers to the firm, in words: ties, alike or of several kinds, knowledge, categories, a club."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.scenario.bonds import Categories, Club, Links
    from sim.scenario.curves import Model
    from sim.scenario.people import Established

__all__ = ["categories_in_words", "club_in_words", "links_in_words", "start_in_words"]

_PEOPLE = {"desk": "people at the desk", "managers": "managers", "experts": "experts"}


def links_in_words(given: "Links | None", period: str) -> list[str]:
    """Return what ties there are, how they come and go, and what they do."""
    if given is None:
        return []
    kept = (
        f" Of employees who leave, the firm keeps the ties of {_percent(given.kept)}: it knows what they knew."
        if given.kept
        else ""
    )
    if given.mix is None:
        return [
            "Links of several kinds, none of which stands in for another; the newly won and the returned have none. "
            + " ".join(_kind(name, kind, period) for name, kind in given.kinds.items())
            + kept
        ]
    return [
        f"Links: {_shares(given.mix)} of customers have 0, 1, 2, 3 independent ties in the data; the newly won and the "
        f"returned have none. Each {period} the employee behind a tie leaves with a chance of "
        f"{_percent(given.turnover)}{_assumed(given, 'turnover')}, and {_percent(given.follow)} of those whose "
        f"only tie it was leave too{_assumed(given, 'follow')}; a tie more comes with a chance of "
        f"{_percent(given.gain)}{_assumed(given, 'gain')} beside what levers do. "
        + (
            f"A tie more lowers the defection rate by {_percent(given.defection_per_link)}."
            if given.defection_per_link
            else "A tie more does not change the defection rate: no effect is stated."
        )
        + kept
    ]


def _kind(name: str, given: "Model", period: str) -> str:
    share, gain, turnover, follow, effect = (
        _percent(getattr(given, key)) for key in ("share", "gain", "turnover", "follow", "defection_per_link")
    )
    return (
        f"To {_PEOPLE[name]}: {share} of customers in the data; each {period} {gain}{_assumed(given, 'gain')} of those "
        f"without gain one beside what levers do, {turnover}{_assumed(given, 'turnover')} of these people leave, and "
        f"{follow}{_assumed(given, 'follow')} of who has no other tie go with them; the defection rate is "
        + (f"{effect} lower with it." if effect != "0 %" else "the same with it: no effect is stated.")
    )


def categories_in_words(given: "Categories | None", period: str) -> list[str]:
    """Return which categories there are, how customers add and drop them, and what buying in more does."""
    if given is None:
        return []
    said = [
        f"{what} {', '.join(f'{times / factors[0]:.3g}' for times in factors[1:])} times"
        for what, factors in (("purchases", given.purchase_rate), ("the amount of each", given.amount))
        if factors
    ]
    if given.defection_per_category:
        said.append(f"the defection rate {_percent(given.defection_per_category)} lower for each")
    return [
        f"Categories, added one by one in the order {', '.join(given.names)}: {_shares(given.mix)} of customers buy in "
        f"1 to {len(given.names)} in the data; the newly won and the returned buy in the first. Each {period} "
        f"{_percent(given.gain)}{_assumed(given, 'gain')} add the next beside what levers do, and of each that was "
        f"added {_percent(given.loss)}{_assumed(given, 'loss')} is dropped. "
        + (
            f"Who buys in more, against who buys in one: {'; '.join(said)}."
            if said
            else "Buying in more changes nothing else: no effect is stated."
        )
    ]


def club_in_words(given: "Club | None", period: str) -> list[str]:
    """Return which grades the club has, how members rise and fall, what they cost, and what a grade does."""
    if given is None:
        return []
    moves = [
        f"{does} {_and([f'{_percent(chance)} of {stage}' for stage, chance in chances.items()])}"
        for does, chances in (("join or rise", given.rises), ("lose a grade", given.falls))
        if chances
    ]
    said = [
        f"{what} {', '.join(f'{times:.3g}' for times in factors)} times"
        for what, factors in (("purchases", given.purchase_rate), ("the amount of each", given.amount))
        if factors
    ]
    if given.defection_per_grade:
        said.append(f"the defection rate {_percent(given.defection_per_grade)} lower for each grade")
    return [
        f"A club with the grades {', '.join(given.grades)}: {_shares(given.mix)} of customers have them in the data, "
        "the rest are no members; nor are the newly won and the returned. "
        + (f"Each {period} {', and '.join(moves)}, beside what levers do. " if moves else "Only levers move members. ")
        + (
            f"A member costs {', '.join(f'{money:.4g}' for money in given.reward)} each {period} in rewards, beside "
            "the cost to serve. "
            if given.reward
            else "Rewards cost nothing (assumed). "
        )
        + (f"Members, against who is none: {'; '.join(said)}." if said else "Members do as others: nothing is stated.")
    ]


def start_in_words(each: "Established") -> list[str]:
    """Return what is said of the ties and categories of customers who are there already."""
    said = []
    if isinstance(each.ties, dict):
        said.append("tied to " + ", ".join(f"{kind} {_percent(share)}" for kind, share in each.ties.items()))
    elif each.ties is not None:
        said.append(f"tied {_shares(each.ties)}")
    if each.categories is not None:
        said.append(f"buying in one, two, ... categories {_shares(each.categories)}")
    if each.club is not None:
        said.append(f"with the grades of the club {_shares(each.club)}")
    return said


def _assumed(model: "Model", field: str) -> str:
    return "" if field in model.model_fields_set else " (assumed)"


def _shares(shares: Sequence[float]) -> str:
    return f"{', '.join(f'{100 * share:.4g}' for share in shares)} %"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _and(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
