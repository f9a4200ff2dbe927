"""A study as one page: who survives, where money is left, what of the world decides. No scripts, no network."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

import numpy as np

from experiments.report.page import bullets, card, chart, page, paragraph, section, table
from experiments.study.answers import Cell, Group, Row
from experiments.study.charts import MOST_LINES, MOST_PANELS, MOST_POINTS, course_by_world, gains_by_policy, tornado
from experiments.study.shown import (
    answer_in_words,
    barred_briefly,
    budgets_in_words,
    chance_in_words,
    information_in_words,
    notes_in_words,
    survival_table,
    swing_table,
    title_in_words,
)
from experiments.study.turned import turning_in_words, turning_table
from experiments.study.units import Facts
from experiments.tracking.views import MACHINE_LEARNING
from experiments.words.figures import money
from experiments.words.kept import rule_in_words
from experiments.words.languages import LANGUAGES, Words
from experiments.words.study import ENGLISH, study_words
from sim.arrays import Floats

if TYPE_CHECKING:
    from experiments.study.result import StudyResult
    from experiments.study.worlds import World

__all__ = ["page_of"]

MOST_TURNS = 40
"""Assumptions of which the page says what they do; turning.csv has all."""
MOST_ROWS = 1_500
"""Rows of policies, about a kilobyte each, of which the page tells; table.csv has all."""
MOST_SWINGS = 60
PARTS = 4
"""Of the horizon, after each of which the gain so far is told."""
END = "</table></div>"
DEEPEST = "#b03a2e"
"""Colour of the largest regret; the best has none."""


def page_of(result: StudyResult, language: str = "en") -> str:
    """Return the page of a study."""
    answers, currency, words = result.answers, result.currency, study_words(language)
    first = answers.choice
    cards = [
        card(
            words["card_survives"], words["card_of"].format(some=first.worlds, of=answers.worlds),
            words["card_worlds"].format(policy=first.policy),
        ),
        card(
            words["card_regret"], _worth(first.worst_regret, currency), words["card_in"].format(world=first.breaker)
        ),
        card(
            words["card_gain"], _worth(first.mean_gain, currency, signed=True),
            words["card_against"].format(reference=answers.reference),
        ),
    ]  # fmt: skip
    grounds = [*budgets_in_words(answers, words), *notes_in_words(answers, result.finished, words), words["files"]]
    told = paragraph(answer_in_words(answers, currency, words))
    groups = _groups(result)
    all_groups = len({(row.world, row.asked) for row in answers.rows})
    left = [
        paragraph(
            words["some_groups"].format(some=f"{len(groups):,}", of=f"{all_groups:,}", policy=first.policy), "soft"
        )
    ] * (len(groups) < all_groups)
    body = [
        section(
            "answer", words["h_answer"], f'<div class="answer">{told}</div>',
            f'<div class="cards">{"".join(cards)}</div>',
        ),
        section(
            "survives", words["h_survives"], table(*survival_table(answers, words)), _gains(result, words)
        ),
        section(
            "regret", words["h_regret"], *left, heat_map(result, groups, words),
            paragraph(words["regret_note"], "soft"),
        ),
        section("worlds", words["h_worlds"], *left, _rows(result, groups, words)),
        *_turns(result, words),
        section("where", words["h_where"], *left, *_where(result, groups, words)),
        section("numbers", words["h_numbers"], *_decides(result, words)),
        section("grounds", words["h_grounds"], bullets(grounds)),
    ]  # fmt: skip
    asked = result.asked
    kicker = words["kicker"].format(
        name=asked.name, worlds=answers.worlds, policies=len(asked.policies), budgets=len(asked.budgets),
        units=f"{result.finished.units:,}",
    )  # fmt: skip
    foot = words["foot"].format(digest=asked.digest[:12])
    return page(title_in_words(answers, words), kicker, body, foot, language=LANGUAGES[language])


def _gains(result: StudyResult, words: Words) -> str:
    answers = result.answers
    figure = gains_by_policy(answers, result.currency, words)
    barred = any(row.broken for row in answers.rows)
    many = len({(row.world, row.asked) for row in answers.rows}) > MOST_POINTS
    caption = words["gains"] + words["gains_some"].format(most=MOST_POINTS) * many
    caption += words["gains_barred"] if barred else ""
    return chart("gains", figure, caption) if figure else ""


def _groups(result: StudyResult) -> dict[Group, None]:
    """Return the worlds and budgets of which the page tells, in the file's order: all, or else those that tell most.

    Those are where some policy leaves most of all, the policy that survives most first, and then where it leaves most.
    """
    answers = result.answers
    groups = list(dict.fromkeys((row.world, row.asked) for row in answers.rows))
    most = max(MOST_ROWS // len(answers.survivals), 1)
    if len(groups) <= most:
        return dict.fromkeys(groups)
    own: dict[str, list[Row]] = {each.policy: [] for each in answers.survivals}
    for row in answers.rows:
        own[row.policy].append(row)

    def left(row: Row) -> float:
        return math.inf if math.isnan(row.regret) else row.regret

    worst = [max(rows, key=left) for rows in own.values()]
    worst += sorted(own[answers.choice.policy], key=left, reverse=True)
    chosen = set(list(dict.fromkeys((row.world, row.asked) for row in worst))[:most])
    return dict.fromkeys(group for group in groups if group in chosen)


def heat_map(result: StudyResult, groups: dict[Group, None], words: Words = ENGLISH) -> str:
    """Return regret as a table of colours, a row for each of some worlds and budgets, a column for each policy."""
    answers = result.answers
    policies = list(dict.fromkeys(row.policy for row in answers.rows))
    cells = {(row.world, row.asked, row.policy): row for row in answers.rows}
    deepest = max((row.regret for row in answers.rows if row.regret == row.regret), default=0.0)
    several = len(result.asked.budgets) > 1
    names = [*([words["budget"]] if several else []), *policies]
    head = f"<th>{html.escape(words['a_world'])}</th>" + "".join(
        f'<th class="number">{html.escape(name)}</th>' for name in names
    )
    lines = [f"<tr>{head}</tr>"]
    for world, asked in groups:
        own = [cells[world, asked, policy] for policy in policies]
        budget = f'<td class="number">{money(own[0].budget)}</td>' if several else ""
        lines.append(
            f"<tr><td>{html.escape(world)}</td>{budget}{''.join(_heat(row, deepest, words) for row in own)}</tr>"
        )
    return '<div class="scroll"><table class="dense">\n' + "\n".join(lines) + "\n</table></div>"


def _heat(row: Row, deepest: float, words: Words) -> str:
    if not row.allowed:
        told = barred_briefly(row, words)
        return f'<td class="number"><a class="soft" href="#{_anchor(row)}">{told}</a></td>'
    depth = 75 * math.sqrt(row.regret / deepest) if deepest > 0 else 0.0
    told = words["best"] if row.rank == 1 else f"{money(row.regret)}{'' if row.behind else ' ~'}"
    link = f'<a href="#{_anchor(row)}" style="color:inherit;text-decoration:none">{told}</a>'
    return f'<td class="number shade" style="--blue:{DEEPEST};--much:{depth:.0f}%">{link}</td>'


def _anchor(row: Row) -> str:
    import hashlib

    return "row-" + hashlib.sha256(f"{row.world}\0{row.asked}\0{row.policy}".encode()).hexdigest()[:12]


def _rows(result: StudyResult, groups: dict[Group, None], words: Words) -> str:
    """Return rows of some worlds and budgets: interval, odds and tails, each with the place that the map leads to."""
    answers, base = result.answers, result.answers.reference
    some = [row for row in answers.rows if (row.world, row.asked) in groups]

    def between(low: str, high: str) -> str:
        return words["to"].format(low=low, high=high)

    known = any(not math.isnan(row.chance_best) for row in some)
    header = [
        words["a_world"], words["policy"], words["budget"], words["asset"],
        words["gain_against"].format(reference=base),
        words["interval"], *([words["interval_all"], words["ahead_in"]] if known else []),
        *(words[name] for name in ("regret", "best_odds", "spread", "worst_fifth", "spend")),
    ]  # fmt: skip
    rows = [
        [
            _with_numbers(result.worlds[row.world]), row.policy.replace(" ", "\N{NO-BREAK SPACE}"),
            "" if math.isnan(row.budget) else money(row.budget),
            words["no_plan"] if math.isnan(row.asset) else money(row.asset), _signed(row.gain),
            between(_signed(row.low), _signed(row.high)) if row.low == row.low and row.policy != base else "",
            *([
                between(_signed(row.low_all), _signed(row.high_all))
                if row.low_all == row.low_all and row.policy != base else "",
                chance_in_words(row.chance_ahead, words),
            ] if known else []),
            _plain(row.regret),
            "" if math.isnan(row.best_odds) else f"{row.best_odds:.0%}",
            "" if math.isnan(row.cvar) else between(money(row.quantiles[0]), money(row.quantiles[2])),
            _plain(row.cvar),
            _plain(row.spend),
        ]
        for row in some
    ]  # fmt: skip
    text = table(header, rows, left=2).replace("<table>", '<table class="dense">')
    head, *lines = text.split("<tr>")[1:]
    marked = [
        f'<tr id="{_anchor(row)}">{_linked(line.removesuffix(END), row, result)}{_broken(row, len(header), words)}'
        for row, line in zip(some, lines, strict=True)
    ]
    return text.split("<tr>")[0] + f"<tr>{head}" + "".join(marked) + END


def _broken(row: Row, columns: int, words: Words) -> str:
    """Return a line below a policy's row: the rules that it breaks, each with by how much; nothing where it keeps all.

    A column of its own would be the last of many, where nobody scrolls to.
    """
    if not row.broken:
        return ""
    rules = words["semicolon"].join(rule_in_words(each, words["language"]) for each in row.broken)
    told = html.escape(words["breaks"].format(rules=rules))
    return f'<tr><td colspan="{columns}" class="whole"><div class="soft told">{told}</div></td></tr>\n'


def _with_numbers(world: World) -> str:
    """Return a world's name, and of one that is drawn its numbers."""
    if not world.design:
        return world.name
    return f"{world.name} ({', '.join(f'{path} {value:.3g}' for path, value in world.values.items())})"


def _linked(line: str, row: Row, result: StudyResult) -> str:
    """Return a row of the table with its policy as a link to the run in MLflow, where it has one."""
    run = result.run_ids.get(Cell(row.world, row.asked, row.policy))
    if run is None or result.kept is None or not result.kept.pages:
        return line
    world, policy, rest = line.split("</td>", 2)
    name = policy.removeprefix("<td>")
    place = html.escape(f"{result.kept.pages}/{run}?{MACHINE_LEARNING}")
    return f'{world}</td><td><a href="{place}">{name}</a></td>{rest}'


def _where(result: StudyResult, groups: dict[Group, None], words: Words) -> list[str]:
    """Return the gain of the policy that survives most, by segment and over time, in some worlds."""
    answers, found = result.answers, result.finished.cells.found
    policy, pairs = _telling(result), []
    for row in answers.rows:
        if row.policy != policy or (row.world, row.asked) not in groups:
            continue
        own, other = (found.get(Cell(row.world, row.asked, name)) for name in (row.policy, answers.reference))
        if own is not None and other is not None:
            pairs.append((row, own.facts, other.facts))
    if not pairs:
        return [paragraph(words["no_gain"], "soft")]
    segments = list(dict.fromkeys(name for _, facts, _ in pairs for name in facts["segments"]))
    rows, parts, courses = [], [], []
    for row, own_facts, other_facts in pairs:
        first = [row.world, money(row.budget)]
        gains = _array(own_facts, "by_segment") - _array(other_facts, "by_segment")
        by_segment = dict(zip(own_facts["segments"], gains.tolist(), strict=True))
        after = float(own_facts["after"]) - float(other_facts["after"])
        rows.append([*first, *(_signed(by_segment.get(name, math.nan)) for name in segments), _signed(after)])
        course = np.cumsum(_array(own_facts, "by_period") - _array(other_facts, "by_period"))
        courses.append((money(row.budget), row.world, course.tolist()))
        ends = [max(round(len(course) * part / PARTS), 1) - 1 for part in range(1, PARTS + 1)]
        back = next((f"{t + 1}" for t in range(len(course)) if (course[t:] >= 0).all()), words["after"])
        parts.append([*first, *(_signed(float(course[end])) for end in ends), _signed(float(course[-1]) + after), back])
    quarters = [words["after_part"].format(part=part, parts=PARTS) for part in range(1, PARTS)]
    place = [words["a_world"], words["budget"]]
    return [
        paragraph(words["where"].format(policy=policy, reference=answers.reference), "soft"),
        table([*place, *segments, words["after"]], rows),
        chart("course", course_by_world(courses, result.period, words), _course_caption(courses, words)),
        paragraph(words["added_up"], "soft"),
        table([*place, *quarters, words["whole"], words["with_after"], words["paid_back"]], parts),
    ]


def _telling(result: StudyResult) -> str:
    """Return the policy to choose; where that is the reference, the next that can be chosen; nothing where none is."""
    answers = result.answers
    if answers.choice.policy != answers.reference:
        return answers.choice.policy
    others = [each.policy for each in answers.survivals if each.policy != answers.reference]
    return next((each for each in others if each not in answers.anew), next(iter(others), ""))


def _course_caption(courses: list[tuple[str, str, list[float]]], words: Words) -> str:
    worlds, budgets = len({world for _, world, _ in courses}), len({budget for budget, _, _ in courses})
    left = [words["left_worlds"].format(number=f"{worlds - MOST_LINES:,}")] if worlds > MOST_LINES else []
    left += [words["left_budgets"].format(number=budgets - MOST_PANELS)] if budgets > MOST_PANELS else []
    return words["course"] + (words["not_drawn"].format(what=words["and"].join(left)) if left else "")


def _array(facts: Facts, name: str) -> Floats:
    return np.asarray(facts[name], dtype=float)


def _decides(result: StudyResult, words: Words) -> list[str]:
    known = information_in_words(result.information, result.currency, 6, words) if result.information else []
    said = bullets(known) if known else ""
    if not result.swings:
        return [said, paragraph(words["no_numbers"], "soft")]
    policy = _telling(result)
    figure = tornado(result.swings, policy, result.currency, words)
    drawn = chart("tornado", figure, words["tornado"].format(policy=policy)) if figure else ""
    more = len(result.swings) - MOST_SWINGS
    left = [paragraph(words["more_swings"].format(number=f"{more:,}"), "soft")] if more > 0 else []
    return [said, drawn, table(*swing_table(result.swings, MOST_SWINGS, words), left=2), *left]


def _turns(result: StudyResult, words: Words) -> list[str]:
    """Return the section of what turns the choice; none where there is no choice."""
    found = result.turning
    if found is None:
        return []
    said = bullets(turning_in_words(found, result.currency, MOST_TURNS, words))
    shown = turning_table(found, MOST_TURNS, words) if not found.blind else ([], [])
    note = paragraph(words["turns_note"].format(choice=found.choice), "soft")
    return [section("turns", words["h_turns"], said, *([table(*shown, left=2), note] if shown[1] else []))]


def _worth(amount: float, currency: str, signed: bool = False) -> str:
    return "–" if math.isnan(amount) else f"{money(amount, signed=signed)} {currency}".rstrip()


def _plain(amount: float) -> str:
    return "" if math.isnan(amount) else money(amount)


def _signed(amount: float) -> str:
    return "" if math.isnan(amount) else money(amount, signed=True)
