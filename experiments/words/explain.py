"""Why a plan gives what to whom, in sentences: what ``tenure explain`` prints."""

import math
import shlex
from pathlib import Path

from experiments.explain import BRINGS_ASSUMES, RANGE_ASSUMES, Explanation, LineExplanation
from experiments.words.figures import money
from experiments.words.phrases import fixed_costs_in_words, money_at_least, money_at_most, number_at_most
from experiments.words.prices import both_sides
from experiments.words.tables import table
from optimizer.ask.kinds.campaigns import CONTACTS, SIZE
from optimizer.ask.rows import BUDGET, Row
from optimizer.insight.lines import Line, Pair, RuleFigure
from optimizer.prices import PriceRange

__all__ = ["answer_in_words", "explanation_in_words", "line_in_words", "lines_with_money"]

SHOWN = 15
"""Lines in the table, at most."""
CAPPED = 0.05
"""Share of a line's money at the largest intensity on offer from which on it is said."""
PAYS = 0.2
"""What a next unit brings beyond its cost from which on it pays: below are the few heads that a search passes over."""
PAYS_ATTENTION = 1e-3
"""Share of what is asked from which on rules beside the budget are told of."""
ALIKE = 1.1
"""Ratios nearer to 1 than this are called alike."""


def explanation_in_words(found: Explanation, plan: Path, scenario: Path, simplest: Path | None) -> str:
    """Return what ``tenure explain`` prints; files as the user gave them."""
    if not any(line.spend > 0 for line in found.lines):
        parts = [_nothing_spent(found), _rules(found)]
    else:
        parts = [answer_in_words(found), _lines_table(found), _rules(found), _simplest(found)]
    return "\n\n".join([*(part for part in parts if part), _next(found, plan, scenario, simplest)])


def answer_in_words(found: Explanation) -> str:
    """Return what the plan does, and why its largest lines get more than the next."""
    if not any(line.spend > 0 for line in found.lines):
        return _nothing_spent(found)
    return "\n\n".join(filter(None, (_answer(found), _reasons(found))))


# --- The answer -------------------------------------------------------------------------------------------------------


def _nothing_spent(found: Explanation) -> str:
    """Return that there is no line to explain, and where the first unit would bring most."""
    ground, currency = found.ground, found.ground.scenario.currency
    text = f"{ground.scenario.name}: the plan spends nothing, so no line (segment / lever) is there to explain. "
    text += f"Its customer asset is {money(ground.course.asset)} {currency}".rstrip() + "."
    best = max(found.lines, key=lambda line: line.best_marginal if line.best_place else -math.inf)
    if best.best_place:
        text += f" The first unit would bring most on {best.name}: {best.best_marginal:.3f} beyond its own cost "
        text += f"({best.best_place})."
    return text


def _answer(found: Explanation) -> str:
    ground, currency = found.ground, found.ground.scenario.currency
    asset, spend = ground.course.asset, float(ground.course.spend.sum())
    text = f"{ground.scenario.name}: the plan spends {money(spend)} {currency}".rstrip()
    text += f" and makes a customer asset of {money(asset)}, {money(asset - ground.no_spend, signed=True)} above the "
    text += "least the rules allow."
    funded = sorted((line for line in found.lines if line.spend > 0), key=lambda line: -line.spend)
    if len(funded) == 1:
        text += f" All goes to one line (segment / lever), {funded[0].name}."
    elif funded:
        whole = sum(line.spend for line in funded)
        first = ", ".join(f"{line.name} {line.spend / whole:.0%}" for line in funded[:3])
        text += f" Of {len(funded)} lines (segment / lever) with money the largest are {first}"
        terms = float(ground.course.moved.sum()) - spend
        text += f", of {money(whole)} with {money(terms)} of terms, which no budget pays for." if terms > 0 else "."
    if found.simplest is not None and found.simplest.dropped:
        text += f" {len(found.simplest.kept)} of them would keep {found.simplest.share:.1%} of that lift."
    for number, row in enumerate(ground.problem.rows):
        if row.name in ground.missed:
            by = ground.missed[row.name] * float(ground.problem.row_units[number])
            amount = ground.problem.in_words(number, by) if row.kind.counts == "people" or by < 1000 else money(by)
            text += f"\nThe plan misses '{row.name}' by {amount}."
    if ground.scenario.rules.campaigns:
        text += f"\n{fixed_costs_in_words(ground.fixed_costs, asset)}" if ground.fixed_costs > 0 else ""
        if ground.campaigns_held:
            text += "\nPrices and idle lines are for the campaigns that the plan runs: no other may start."
        else:
            text += "\nLeast sizes of campaigns are in no figure below."
    if ground.prices_from == "search":
        more = "more" if ground.better >= 0 else "less"
        text += (
            "\nThe file knows no prices for this plan and this scenario: they are those of the optimum that a search "
            f"from the plan finds, which is worth {money(abs(ground.better))} {more}"
        )
        text += ", as it meets what the plan misses." if ground.better < 0 and ground.missed else "."
    return text


def _reasons(found: Explanation) -> str:
    return "\n".join(["Why", *(f"- {_pair_in_words(pair)}" for pair in found.pairs)]) if found.pairs else ""


def _pair_in_words(pair: Pair) -> str:
    """Return why one line gets more than another, in one sentence: what speaks for it, then what against."""
    more, less = pair.more, pair.less
    grounds_for, against = [], []
    facts = [
        (pair.heads_times, f"it reaches {_times(pair.heads_times)} as many customers"),
        (pair.each_times, f"each of them gets {_times(pair.each_times)} as much"),
        (
            _ratio(pair.marginal_at_equal, less.marginal),
            f"at equal money ({money(less.spend)}) its next unit would bring {_small(pair.marginal_at_equal)} against "
            f"{_small(less.marginal)}",
        ),
    ]
    if more.segment != less.segment:
        facts.append(
            (
                _ratio(more.value_per_customer, less.value_per_customer),
                f"its people are worth {_small(more.value_per_customer)} each before marketing against "
                f"{_small(less.value_per_customer)}",
            )
        )
    for ratio, words in facts:
        if ratio > ALIKE:
            grounds_for.append(words)
        elif ratio < 1 / ALIKE:
            against.append(words)
    for line, side in ((less, grounds_for), (more, against)):
        if line.at_largest > CAPPED:
            side.append(f"{line.at_largest:.0%} of {line.name} meets the largest intensity on offer")
    for rule, asks in pair.rules.items():
        side = against if asks > 0 else grounds_for
        side.append(f"'{rule}' asks {_small(abs(asks))} a unit {'more' if asks > 0 else 'less'} of it")
    how = f"gets {_times(pair.times)} as much as" if pair.times > ALIKE else "gets about as much as"
    text = f"{more.name} ({money(more.spend)}) {how} {less.name} ({money(less.spend)})"
    text += f" because {_listed(grounds_for)}" if grounds_for and pair.times > ALIKE else ""
    text += f": {_listed(grounds_for)}" if grounds_for and pair.times <= ALIKE else ""
    return text + (f", although {_listed(against)}" if against else "") + "."


def _times(ratio: float) -> str:
    return f"{ratio:.2g} times" if ratio < 1 else f"{ratio:.1f} times" if ratio < 100 else f"{ratio:,.0f} times"


def _ratio(above: float, below: float) -> float:
    """Return a ratio of values; how much larger where one is not positive."""
    if above > 0 and below > 0:
        return above / below
    return float("inf") if above > below else 0.0 if above < below else 1.0


def _small(value: float) -> str:
    return money(value) if abs(value) >= 1000 else f"{value:.3g}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# --- One line ---------------------------------------------------------------------------------------------------------


def line_in_words(found: LineExplanation) -> str:
    """Return why one line gets what it gets, or nothing: what its next unit would bring against what is asked of it."""
    line, ground = found.line, found.ground
    spend, period = float(ground.course.spend.sum()), ground.scenario.period
    if line.spend > 0:
        paid = ground.problem.targets.paid[ground.problem.targets.levers.index(line.lever)]
        part = (
            f"of the plan's {money(spend)} ({line.spend / spend:.0%})" if paid else "of terms, which no budget pays for"
        )
        said = [
            f"{line.name} gets {money(line.spend)} {part}: "
            f"{money(line.reached)} customers a {period} get {_small(line.each)} each. It brings {money(line.brings)} "
            f"beyond its own cost, {line.average_return:.2f} a unit.",
            f"One more unit, spread as its money is, would bring {line.marginal:.3f} beyond its own cost; the rules "
            f"ask {line.asked:.3f} of it" + (f", {_asked(found)}." if found.rules_ask else "."),
        ]
        if found.reach is not None:
            said.append(
                f"Its money could be {money(found.reach.low)} to {money(found.reach.high)} at a cost of 1 % of the "
                "plan's lift, what is freed or needed valued at the budget's price."
            )
        if line.at_largest > CAPPED:
            said.append(f"{line.at_largest:.0%} of its money meets the largest intensity on offer.")
        return "\n".join(said)
    if line.reachable <= 0:
        return f"{line.name} gets nothing: nobody is expected where it can be used, in any {period}."
    if not line.best_place:
        rules = ground.scenario.rules.campaigns
        why = "there is no room for a unit: what is decided before the start, or a limit of 0, holds it"
        if ground.campaigns_held and line.lever in rules:
            why = f"none of its campaigns runs, each of which takes at least {money_at_least(rules[line.lever].least)}"
        return f"{line.name} gets nothing: {why}."
    text = f"{line.name} gets nothing. Its next unit would bring most in {line.best_place}: {line.best_marginal:.3f} "
    text += (
        f"beyond its own cost. The budget's price is {found.price:.3f}: so much a unit brings where the plan puts it."
    )
    others = line.best_asked - found.rules_ask.get(BUDGET.name, 0.0)
    if abs(others) > PAYS_ATTENTION * max(abs(line.best_asked), 1e-9):
        text += f" All rules together ask {line.best_asked:.3f} there, {_asked(found)}."
    short = line.best_asked - line.best_marginal
    if short > 0:
        return text + f" It lacks {short:.3f} a unit."
    return text + " That would pay: the search left so little here, or only for a few heads."


def _asked(found: LineExplanation) -> str:
    """Return what the dearest rules ask of the line's best next unit."""
    return "of which " + _listed([f"'{name}' {asks:.3f}" for name, asks in list(found.rules_ask.items())[:4]])


# --- The table --------------------------------------------------------------------------------------------------------


def lines_with_money(found: Explanation) -> tuple[list[str], list[list[str]]]:
    """Return names of columns and a row for each line with money, the largest first."""
    rows = []
    for line in _funded(found):
        low, high = "", ""
        reach = found.ranges.get(line.name)
        if reach is not None:
            low = money(reach.low) + ("*" if reach.low_rules else "")
            high = money(reach.high) + ("*" if reach.high_rules else "")
        rows.append(
            [
                line.name, money(line.spend), money(line.reached), _small(line.each), money(line.brings),
                f"{line.average_return:.2f}", f"{line.marginal:.3f}" + "+" * (line.at_largest > CAPPED),
                f"{line.asked:.3f}", low, high,
            ]
        )  # fmt: skip
    header = ["line", "money", "customers", "on each", "brings", "per unit", "next unit", "rules ask", "from", "to"]
    return header, rows


def _funded(found: Explanation) -> list[Line]:
    return sorted((line for line in found.lines if line.spend > 0), key=lambda line: -line.spend)


def _lines_table(found: Explanation) -> str:
    funded = _funded(found)
    header, rows = lines_with_money(found)
    out = [table(header, rows[:SHOWN])]
    reaches = [reach for line in funded[:SHOWN] if (reach := found.ranges.get(line.name)) is not None]
    marked = any(reach.low_rules or reach.high_rules for reach in reaches)
    if len(funded) > SHOWN:
        rest = sum(line.spend for line in funded[SHOWN:])
        out.append(f"and {len(funded) - SHOWN} more with {money(rest)} in all (--json has them)")
    out += ["", f"{BRINGS_ASSUMES[0].upper()}{BRINGS_ASSUMES[1:]}."]
    out += [f"{RANGE_ASSUMES[0].upper()}{RANGE_ASSUMES[1:]}."]
    capped = [f"{line.name} {line.at_largest:.0%}" for line in funded[:SHOWN] if line.at_largest > CAPPED]
    if capped:
        out.append(
            f"+ part of the money meets the largest intensity on offer, where no more can go: {_listed(capped)}."
        )
    out += _marks(found) if marked else []
    out += _left_out(found)
    committed = float(found.ground.course.moved.sum()) - sum(line.spend for line in found.lines)
    if committed > 1e-6 * max(float(found.ground.course.moved.sum()), 1e-9):
        out.append(f"{money(committed)} was committed before the start and is in no line.")
    return "\n".join(out)


def _marks(found: Explanation) -> list[str]:
    """Return which rules the marked ends would miss."""
    rules: dict[str, list[str]] = {}
    called = {row.name: row.rule if row.kind == SIZE else row.name for row in found.ground.problem.rows}
    for name, reach in found.ranges.items():
        for rule in () if reach is None else (*reach.low_rules, *reach.high_rules):
            rules.setdefault(called[rule], []).append(name)
    return [f"* there '{rule}' would be missed ({', '.join(dict.fromkeys(names))})" for rule, names in rules.items()]


def _left_out(found: Explanation) -> list[str]:
    """Return why lines get nothing."""
    out = []
    if found.ground.campaigns_held:
        rules = found.ground.scenario.rules.campaigns
        idle = [each for each in found.lines if each.spend == 0 and each.reachable > 0 and each.lever in rules]
        for lever in dict.fromkeys(each.lever for each in idle):
            names, rule = [each.name for each in idle if each.lever == lever], rules[lever]
            sizes = [f"takes at least {money_at_least(rule.least)}"] * (rule.least > 0)
            sizes += [f"costs {money(rule.fixed_cost)} beside its money"] * (rule.fixed_cost > 0)
            verb = "get" if len(names) > 1 else "gets"
            out.append(
                f"{_listed(names)} {verb} nothing because of the rule on campaigns: each of {lever}, in a segment and "
                f"period, {' and '.join(sizes)}."
            )
    without = [line for line in found.lines if line.spend == 0 and line.reachable > 0 and line.best_place]
    if not without:
        return out
    nearest = max(without, key=lambda line: line.best_marginal - line.best_asked)
    verb = "brings less than" if nearest.best_marginal < nearest.best_asked else "brings about what"
    many = f"{len(without)} other lines get" if len(without) > 1 else "1 other line gets"
    return [
        *out,
        f"{many} nothing: even the best first unit there {verb} the rules ask of it (nearest: "
        f"{nearest.name}, {nearest.best_marginal:.3f} against {nearest.best_asked:.3f}, {nearest.best_place}).",
    ]


# --- Rules ------------------------------------------------------------------------------------------------------------


def _rules(found: Explanation) -> str:
    problem = found.ground.problem
    rows = {row.name: number for number, row in enumerate(problem.rows)}
    lines = []
    for rule in found.rules:
        if rule.name not in rows:
            lines.append(f"- {_head_limit_in_words(rule, found)}")
            continue
        r = rows[rule.name]
        lines.append(f"- {_rule_in_words(rule, problem.rows[r], problem.members(r), _range(found, rule))}")
    text = ["Rules that bind", *lines] if lines else ["No rule binds: no limit costs anything here."]
    left = found.unspent
    if left is not None:
        why = f"{money(left.money)} of the budget is not spent: "
        if left.rules:
            names = _listed([f"'{name}'" for name in left.rules[:3]])
            pays = f", the best next unit {left.best_marginal:.3f} beyond its cost" if left.best_marginal > 0 else ""
            why += f"it would pay{pays}, but for {names}."
        elif left.best_marginal > PAYS:
            why += f"it would pay, the best next unit {left.best_marginal:.3f} beyond its cost, and no rule is in the "
            why += "way."
        else:
            why += "no rule is in the way, and another unit would bring no more than its own cost"
            why += ", or the largest intensity on offer is played already." if left.at_largest else "."
        text.append(why)
    return "\n".join(text)


def _range(found: Explanation, rule: RuleFigure) -> PriceRange | None:
    """Return how far a rule's price holds, where it is the plan's, and no other limit that moves along adds to it."""
    ground = found.ground
    known = ground.plan.price_ranges.get(rule.name) if ground.prices_from == "plan" else None
    alone = known is not None and math.isclose(known.looser, rule.price, rel_tol=1e-3)
    return known if alone else None


def _rule_in_words(rule: RuleFigure, row: Row, members: float, known: PriceRange | None) -> str:
    """Return a rule's limit and what moving it by a unit that people think in brings."""
    limit = f"at most {money_at_most(rule.limit)}" if row.sense == "<=" else f"at least {money_at_least(rule.limit)}"
    limit = f"{limit} {row.kind.unit}".rstrip()
    unit, what = (members, "1") if row.kind.counts == "people" else (1000.0, "1,000")
    gain = _small(abs(unit * rule.price))
    if known is not None and math.isfinite(known.gain):
        what = f"{known.step:,g}" if row.kind.counts != "people" else what
        gain = _small(known.gain)
    if rule.price > 0:
        return f"{rule.name}: {row.said or limit}; {what} more would bring {gain} beyond its own cost{_reach(known)}"
    return f"{rule.name}: {row.said or limit}; {what} less asked for would bring {gain}{_reach(known)}"


def _head_limit_in_words(rule: RuleFigure, found: Explanation) -> str:
    """Return a limit of what one customer gets, and what moving it by a round step brings."""
    known, period = found.ground.plan.price_ranges[rule.name], found.ground.scenario.period
    each = f"contacts per customer and {period}" if rule.name == CONTACTS.name else f"per customer and {period}"
    step, gain = (known.step, known.gain) if math.isfinite(known.gain) else (1.0, rule.price)
    return (
        f"{rule.name}: at most {number_at_most(rule.limit, 6)} {each}; {step:,g} more would bring {_small(gain)} "
        f"beyond its own cost{_reach(known)}"
    )


def _reach(known: PriceRange | None) -> str:
    """Return both sides of a price where they differ, and up to where the first holds."""
    if known is None or not (known.differs or known.holds < known.step):
        return ""
    return f" ({both_sides(known)})"


# --- The simplest plan ------------------------------------------------------------------------------------------------


def _simplest(found: Explanation) -> str:
    simple = found.simplest
    if simple is None:
        return "The plan brings nothing above the least the rules allow: no range and no simpler plan can be weighed."
    spend = {line: float(simple.plan.moved[:, found.ground.places[line]].sum()) for line in simple.kept}
    kept = ", ".join(f"{segment} / {lever} {money(spend[segment, lever])}" for segment, lever in simple.kept)
    whole = len(simple.kept) + len(simple.dropped)
    text = [
        f"The simplest plan: {len(simple.kept)} of {whole} lines, optimised anew, keep {simple.share:.1%} of the lift",
        f"- keeps {kept or 'nothing'}",
    ]
    if simple.dropped:
        text.append(f"- drops {', '.join(f'{segment} / {lever}' for segment, lever in simple.dropped)}")
    weighed = {line: share for line, share in simple.needed.items() if share == share}
    if weighed:
        line = max(weighed, key=lambda each: weighed[each])
        about = "about " if line in simple.estimated else ""
        text.append(f"- no further line can go: the next, {' / '.join(line)}, would leave {about}{weighed[line]:.1%}")
    asked = [" / ".join(line) for line, share in simple.needed.items() if share != share]
    if asked:
        text.append(f"- stays because rules ask for it: {', '.join(asked)}")
    return "\n".join(text)


def _next(found: Explanation, plan: Path, scenario: Path, simplest: Path | None) -> str:
    words = [shlex.quote(str(each)) for each in (scenario, plan)]
    compare = f"tenure compare {words[0]} --policy as-today --policy {words[1]}"
    if simplest is not None:
        written = shlex.quote(str(simplest))
        return f"The simplest plan is in {simplest}. Next: {compare} --policy {written}"
    if found.simplest is None:
        return f"Next: tenure optimize {words[0]} -o plan.json"
    return f"Next: tenure explain {words[1]} --scenario {words[0]} --simplest simplest.json, or {compare}"
