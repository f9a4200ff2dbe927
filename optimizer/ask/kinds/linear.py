"""Linear rules between parts of the money: ratios and weighted sums, in the words that `allocate` takes."""

from collections.abc import Iterator, Sequence

import numpy as np

from optimizer.ask.rows import Asked, Kind, Row, Said, chosen, money_of, rule
from sim.arrays import Flags
from sim.scenario.linear import parse_linear
from sim.scenario.rules import LinearRule, Part

LINEAR = Kind("linear")


def _in_words(rules: Sequence[LinearRule], said: Said) -> Iterator[str]:
    for each in rules:
        when = "" if each.start == 0 and each.end is None else f", periods {each.start + 1} to {each.end or 'the last'}"
        every = f", in each {said.period}" if each.each == "period" else ""
        yield (f"{each.name}: " if each.name else "") + f"money of {each.rule}{when}{every}"


@rule("linear", _in_words)
def weighted_sums(rules: Sequence[LinearRule], asked: Asked) -> Iterator[Row]:
    """Yield a row for each rule and each of its times; two where it is an equation."""
    chain, targets, periods = asked.chain, asked.targets, np.arange(asked.periods)
    for i, each in enumerate(rules, 1):
        parts = each.parts_by_name(targets.levers, dict.fromkeys(targets.segments), targets.stages)
        found = parse_linear(each.rule, list(parts), f"rules.linear[{i}]", "the scenario")
        span = (periods >= each.start) & (periods < (each.end or asked.periods))
        whole = each.each == "horizon"
        windows = [(span, None)] if whole else [(periods == t, int(t) + 1) for t in periods[span]]
        senses = ("<=", ">=") if found.sense == "=" else (found.sense,)
        for window, number in windows:
            money = money_of(chain, [
                (weight, *_where(part, window, asked))
                for name, weight in found.weights.items() if (part := parts[name]) is not None
            ])  # fmt: skip
            for sense in senses:
                name = each.name or each.rule
                if len(senses) == 2:
                    name += ", not more" if sense == "<=" else ", not less"
                yield Row(
                    name, LINEAR, sense, found.limit, 0.0, money, when="" if whole else "in period", number=number,
                    said=each.rule,
                )  # fmt: skip


def _where(part: Part, window: Flags, asked: Asked) -> tuple[Flags, Flags, Flags, Flags]:
    """Return the periods, groups, stages and levers of a part inside a window."""
    targets, periods = asked.targets, np.arange(asked.periods)
    return (
        window & (periods >= part.start) & (periods < (part.end or asked.periods)),
        chosen(targets.segments, part.segments) & chosen(targets.tiers, part.tiers),
        chosen(targets.stages, part.stages),
        chosen(targets.levers, part.levers),
    )
