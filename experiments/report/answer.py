"""The first screen of the report: the decision as a title, when and how sure, then lever by lever."""

from __future__ import annotations

import base64
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.decision import SAME_MONEY, Decision, Lever
from experiments.report.page import bullets, card, marked_up, paragraph, section, subheading, table, text
from experiments.words.assumptions import in_words
from experiments.words.figures import NARROW, percent
from experiments.words.figures import typeset_money as money
from experiments.words.odds import in_a_hundred, number

if TYPE_CHECKING:
    from experiments.compare import Comparison, Outcome
    from experiments.odds import Turn
    from experiments.words.languages import Words
    from optimizer.plan import Plan
    from sim.scenario.file import Scenario

__all__ = ["answer", "budgets", "changes_if", "headline", "levers", "sources"]

NAMED = 4
"""Levers named in the title."""
IN_WORDS = {1 / 4: "quarter_of", 1 / 3: "third", 1 / 2: "half", 2 / 3: "two_thirds", 3 / 4: "three_quarters"}
NEAR = 0.03
FITTED = 1e-6
"""Share of all money up to which a plan is fitted to its budget: what is left of it is no change."""
SCALED = 1e-4
"""Part of today's money from which on a budget is said to cut it."""
MOST_EMBEDDED = 600_000
"""Bytes of an Excel file that the page carries."""
TOLD = 3
"""Levers whose staying behind is told."""


def headline(found: Decision, comparison: Comparison, words: Words) -> str:
    """Return the decision in a line: what to do, and what it is worth."""
    best, reference = found.best, found.reference
    currency = found.twin.scenario.currency
    if len(comparison.outcomes) == 1:
        return words["one_policy"].format(name=best.name, asset=money(best.asset, currency))
    if best is reference:
        return words["keep"] if best.name == "as today" else words["keep_reference"].format(name=best.name)
    gain = money(best.difference, currency, signed=True)
    if math.isfinite(best.low) and not best.clear:
        return words["too_close"].format(name=best.name, gain=gain)
    share = percent(best.difference / reference.asset) if reference.asset > 0 else ""
    what = _moves(found, words)
    return words["worth"].format(
        what=what[0].upper() + what[1:], gain=gain, share=words["share"].format(share=share) if share else ""
    )


def _moves(found: Decision, words: Words) -> str:
    total = max(sum(lever.today for lever in found.levers), sum(lever.plan for lever in found.levers), 1e-300)
    moved = [lever for lever in found.levers if abs(lever.change) > SAME_MONEY * total][:NAMED]
    if not moved:
        return words["same_levers"]
    # What is begun or grows is named before what is cut, as one says it.
    said = [_move(lever, total, words) for lever in sorted(moved, key=lambda lever: -lever.change)]
    return words["comma"].join(said) if len(said) < 2 else words["comma"].join(said[:-1]) + words["and"] + said[-1]


def _move(lever: Lever, total: float, words: Words) -> str:
    if lever.today <= SAME_MONEY / 10 * total:
        return words["start"].format(lever=lever.name, money=money(lever.plan))
    if lever.plan <= SAME_MONEY / 10 * total:
        return words["stop"].format(lever=lever.name)
    if lever.change > 0:
        return words["raise"].format(lever=lever.name, money=money(lever.change))
    cut = -lever.change / lever.today
    near = min(IN_WORDS, key=lambda part: abs(part - cut))
    share = words[IN_WORDS[near]] if abs(near - cut) < NEAR else f"{NARROW}{percent(cut)}"
    return words["cut"].format(lever=lever.name, share=share).replace(f" {NARROW}", " ")


def answer(found: Decision, comparison: Comparison, sentences: list[str], more: list[str], words: Words) -> str:
    """Return when and how sure, and the figures to remember; with what else belongs there: sentences, and cards."""
    best, reference, scenario = found.best, found.reference, found.twin.scenario
    currency, periods = scenario.currency, scenario.periods
    times = {"periods": periods, "period": words[f"{scenario.period}s"]}
    span = words["span_after" if scenario.terminal != "none" else "span"].format(**times)
    cards = [card(words["asset"], money(best.asset, currency), words["asset_note"].format(name=best.name, span=span))]
    said = []
    if best is not reference:
        when = "when" if scenario.terminal != "none" else "when_all"
        said.append(
            words[when].format(within=money(found.within, signed=True), after=money(found.after, signed=True), **times)
        )
        if math.isfinite(best.low):
            low, high = money(best.low, signed=True), money(best.high, signed=True)
            said.append(words["sure"].format(low=low, high=high, number=comparison.replications))
            said += [] if best.clear else [words["unclear"]]
            said += [_sure(best, comparison, words)] if math.isfinite(best.low_all) else []
        else:
            said.append(words["sure_not"])
        said.append(words["who"].format(name=best.name, reference=reference.name))
        share = best.difference / reference.asset if reference.asset > 0 else float("nan")
        note = percent(share) if math.isfinite(share) else ""
        cards.append(card(words["more"].format(name=reference.name), money(best.difference, signed=True), note))
        if math.isfinite(best.low_all):
            low, high = (money(end, signed=True) for end in (best.low_all, best.high_all))
            chance = words["ahead_note"].format(
                chance=in_a_hundred(best.chance_ahead, words["language"]), name=reference.name
            )
            cards.append(card(words["sure_card"], words["range"].format(low=low, high=high), chance))
        cards.append(_payback(found, words))
    spent = float(best.spends.mean())
    cards.append(
        card(words["spends"], money(spent, currency), words["of_budget"].format(budget=money(comparison.budget)))
    )
    first = f"<p>{text(words['between'].join(said))}</p>" if said else ""
    inside = first + "".join(paragraph(sentence) for sentence in sentences)
    caution = _caution(scenario, words) if comparison.odds is None else words["caution_all"]
    return (
        f'<div class="answer">{inside}</div>\n<div class="cards">{"".join([*cards, *more])}</div>\n'
        f'<p class="soft">{marked_up(caution)}</p>'
    )


def _caution(scenario: Scenario, words: Words) -> str:
    """Return what the figures rest on as to responses: a chain's are the scenario's own."""
    curves = {(name, moves) for name, lever in scenario.levers.items() for moves in lever.moves}
    known = [each for each in scenario.evidence if each.source != "answered"]
    told = {(each.lever, each.moves) for each in known}
    if not told:
        return words["caution"]
    if {(each.lever, each.moves) for each in known if each.source == "measured" and not each.segment} == curves:
        return words["caution_measured"]
    return words["caution_in_part"].format(told=len(told), all=len(curves))


def _sure(best: Outcome, comparison: Comparison, words: Words) -> str:
    """Return between what the gain lies with what is not known, and the chance to be ahead."""
    return words["sure_all"].format(
        low=money(best.low_all, signed=True), high=money(best.high_all, signed=True),
        chance=in_a_hundred(best.chance_ahead, words["language"]), reference=comparison.outcomes[0].name,
        ranges=comparison.ranges,
    )  # fmt: skip


def _payback(found: Decision, words: Words) -> str:
    at = found.payback
    if at is None:
        behind = money(-float(found.ahead[-1]))
        return card(words["payback"], words["payback_never"], words["payback_never_note"].format(behind=behind))
    if at == 0:
        return card(words["payback"], words["payback_now"])
    when = words["counted"].format(period=words[found.twin.scenario.period], number=at)
    return card(words["payback"], when[0].upper() + when[1:], words["payback_note"])


def levers(found: Decision, plan: Plan | None, words: Words) -> str:
    """Return a row for each lever, and the plan to take away."""
    known = found.levers
    if not known:
        return ""
    weighed = found.intensity is not None
    header = [words["lever"], words["today"], words["plan"], words["change"]]
    header += [words["a_unit"], words["next_unit"]] if weighed else []
    today, planned = sum(lever.today for lever in known), sum(lever.plan for lever in known)

    def moved(amount: float) -> str:
        return money(amount if abs(amount) > FITTED * max(planned, today) else 0.0, signed=True)

    rows = [
        [lever.name, money(lever.today), money(lever.plan), moved(lever.change)]
        + ([_unit(lever.a_unit), _unit(lever.next_unit)] if weighed else [])
        for lever in known
    ]
    rows.append([words["all"], money(today), money(planned), moved(planned - today), *[""] * (2 * weighed)])
    parts = [table(header, rows, first=len(rows) - 1), paragraph(
        words["levers_note" if weighed else "levers_note_plain"], "soft"
    )]  # fmt: skip
    if weighed and found.cost_of_today > (1 + SCALED) * today:
        cut = words["today_cut"].format(cost=money(found.cost_of_today), budget=money(found.budget))
        parts.append(paragraph(cut, "soft"))
    if plan is not None:
        parts.append(_embedded(plan, words))
    return section("levers", words["levers"], *parts)


def _unit(value: float) -> str:
    return f"{value:,.2f}".replace("-", "−") if math.isfinite(value) else "–"


def _embedded(plan: Plan, words: Words) -> str:
    """Return the plan as an Excel file inside the page; nothing where it would make the page heavy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.xlsx"
        plan.save(path)
        content = path.read_bytes()
    if len(content) > MOST_EMBEDDED:
        return ""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<p class="file"><a download="plan.xlsx" href="data:{kind};base64,{data}">{text(words["excel"])}</a>'
        f"{words['colon']}{marked_up(words['excel_note'])}</p>"
    )


def budgets(found: Decision, words: Words) -> str:
    """Return what the plan is worth with a fifth less and a fifth more of all its money."""
    if not found.scaled:
        return ""
    names = ("budget_less", "budget_same", "budget_more")
    planned = found.expected_gain
    rows = [
        [words[name], money(each.spend), money(each.gain, signed=True),
         "" if each.part == 1 else money(each.gain - planned, signed=True)]
        for name, each in zip(names, found.scaled, strict=True)
    ]  # fmt: skip
    header = ["", words["money"], words["gain_expected"], words["against_plan"]]
    note = f'<p class="soft">{marked_up(words["budget_note"])}</p>'
    return section("budget", words["budget"], table(header, rows, first=1), note)


def changes_if(found: Decision, comparison: Comparison, words: Words) -> str:
    """Return what would change the answer, the largest first."""
    said, gain = [], found.best.difference
    if found.best is found.reference:
        return ""
    turns = () if comparison.odds is None else comparison.odds.turns

    def named(turn: Turn) -> str:
        return in_words(turn.path, words["language"])

    for turn in turns:
        if turn.turns_at is not None:
            said.append(
                words["changes_above" if turn.above else "changes_below"].format(
                    path=named(turn), at=number(turn.turns_at), stated=number(turn.stated), low=number(turn.low),
                    high=number(turn.high), winner=turn.winner,
                )
            )  # fmt: skip
    if turns and not said:
        said.append(words["changes_no_number"])
    for turn in [turn for turn in turns if turn.moves][:TOLD]:
        said.append(
            words["changes_swing"].format(
                path=named(turn), low=number(turn.low), high=number(turn.high),
                gain_low=money(turn.lead_low, signed=True), gain_high=money(turn.lead_high, signed=True),
            )
        )  # fmt: skip
    for lever in sorted(found.levers, key=lambda lever: lever.without)[:TOLD]:
        if math.isfinite(lever.without) and lever.without < 0.9 * found.expected_gain:
            key = "changes_lever" if lever.without > 0 else "changes_lever_gone"
            expected, left = money(found.expected_gain, signed=True), money(lever.without, signed=True)
            said.append(words[key].format(lever=lever.name, left=left, gain=expected))
    if found.twin.scenario.terminal != "none" and found.within < 0.9 * gain:
        said.append(words["changes_after"].format(within=money(found.within, signed=True), gain=money(gain)))
    others = [each for each in comparison.outcomes if each is not found.best]
    second = max(others, key=lambda outcome: outcome.asset)
    said.append(words["changes_rank"].format(second=second.name, gap=money(found.best.asset - second.asset)))
    said += [words["changes_response"]] if comparison.odds is None else []
    return section("changes", words["changes"], bullets(said))


def sources(found: Decision, words: Words) -> str:
    """Return where the gain comes from: time, customers, years and quarters."""
    if found.best is found.reference:
        return ""
    scenario, gain = found.twin.scenario, found.best.difference
    times = {"periods": scenario.periods, "period": words[f"{scenario.period}s"]}

    def row(name: str, amount: float, whole: float) -> list[str]:
        return [name, money(amount, signed=True), percent(amount / whole) if whole > 0 else "–"]

    rows = [row(words["within"].format(**times), found.within, gain)]
    rows += [row(words["after"], found.after, gain)] if scenario.terminal != "none" else []
    note = words["sources_note_simulated"]
    if found.present is not None:
        expected = found.expected_gain
        rows.append(row(words["present"], found.present, expected))
        rows.append(row(words["to_win"], expected - found.present, expected))
        note = words["sources_note"].format(gain=money(expected, signed=True))
    parts = [table([words["source"], words["gain"], words["of_gain"]], rows), paragraph(note, "soft")]
    name, more = found.first_within
    facts = [words["first_within"].format(name=name, more=money(more))] if more > 0 else []
    if found.on_the_unwon > 0:
        facts.append(words["on_unwon"].format(share=percent(found.on_the_unwon)))
    if scenario.terminal != "none" and math.isfinite(found.asset_after):
        facts.append(words["asset_after"].format(share=percent(found.asset_after), **times))
    parts += [bullets(facts)] if facts else []
    for by in ("year", "quarter"):
        spans = found.spans(by)
        if len(spans) > 1:
            lines = [[_time(each.name, by, words), money(each.spend), money(each.gain, signed=True)] for each in spans]
            head = [words["time"], words["spend"], words["gain_time"].format(name=found.reference.name)]
            parts += [subheading(words["by_time"].format(by=words[by])), table(head, lines)]
    return section("sources", words["sources"], *parts)


def _time(name: str, by: str, words: Words) -> str:
    """Return a stretch's name; one that is counted, in the page's language."""
    unit, _, number = name.partition(" ")
    return words["counted"].format(period=words[by], number=number) if unit == by and number.isdigit() else name
