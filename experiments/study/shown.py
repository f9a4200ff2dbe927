"""A study's answer in words and tables, for the terminal, notebooks and the page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.chosen import UNPLAYED
from experiments.study.answers import Answers, Row, Survival
from experiments.words.figures import money, percent, plain
from experiments.words.kept import rule_in_words
from experiments.words.languages import Words
from experiments.words.study import ENGLISH

if TYPE_CHECKING:
    from experiments.study.doubts import Information, Swing
    from experiments.study.run import Finished

__all__ = [
    "answer_in_words", "barred_briefly", "barred_in_words", "budgets_in_words", "chance_in_words", "gain_cell",
    "information_in_words", "marks_in_words", "notes_in_words", "survival_table", "swing_table", "title_in_words",
    "world_table",
]  # fmt: skip

MOST_NOTES, MOST_BROKEN = 3, 3
CERTAIN = 0.995


def answer_in_words(answers: Answers, currency: str, words: Words = ENGLISH) -> str:
    """Return which policy to choose, what it can cost, which are too close to it to call, and what survives more."""
    first = answers.choice
    if first.worlds == 0 and not any(row.allowed for row in answers.rows):
        return words["nobody"]
    worlds = _worlds(first.worlds, answers.worlds, words)
    said = words["within"].format(policy=first.policy, share=_share(answers.within, words), worlds=worlds)
    if math.isnan(first.worst_regret):
        why = barred_in_words(_breaking(answers, first), words)
        said += words["barred_there"].format(world=first.breaker, why=why)
    elif first.worst_regret == 0:
        said += words["best_everywhere"]
    else:
        unit, regret = f" {currency}".rstrip(), money(first.worst_regret)
        said += words["at_worst"].format(world=first.breaker, regret=regret, unit=unit)
    close = [words["name"].format(name=name) for name in _too_close(answers, first.policy)]
    if close:
        everywhere = _worlds(answers.worlds, answers.worlds, words)
        said += words["close"].format(worlds=everywhere, names=words["comma"].join(close))
    most = answers.survivals[0]
    if most.worlds > first.worlds:  # only what is made anew
        said += words["yardstick"].format(policy=most.policy, worlds=_worlds(most.worlds, answers.worlds, words))
    return said


def title_in_words(answers: Answers, words: Words = ENGLISH) -> str:
    """Return the decision: which policy to choose."""
    first = answers.choice
    if not any(row.allowed for row in answers.rows):
        return words["no_policy"]
    if not first.worlds:
        return words["none_survives"].format(policy=first.policy)
    anew = first.policy in answers.anew and answers.worlds > 1
    return words["choose_anew" if anew else "choose"].format(
        policy=first.policy, worlds=_worlds(first.worlds, answers.worlds, words)
    )


def _too_close(answers: Answers, policy: str) -> list[str]:
    """Return policies that nowhere can be told from the best, where this one cannot either."""

    def never_behind(name: str) -> bool:
        rows = [row for row in answers.rows if row.policy == name]
        return all(row.allowed and not row.behind for row in rows)

    others = [each.policy for each in answers.survivals if each.policy != policy]
    return [name for name in others if never_behind(name)] if never_behind(policy) else []


def budgets_in_words(answers: Answers, words: Words = ENGLISH) -> list[str]:
    """Return which budget makes the policy to choose worth most, in how many worlds; nothing of one budget."""
    policy = answers.choice.policy
    best: dict[str, Row] = {}
    for row in answers.rows:
        if row.policy == policy and row.allowed:
            best[row.world] = max(best.get(row.world, row), row, key=lambda each: each.asset)
    if len({row.asked for row in answers.rows}) < 2 or not best:
        return []
    counts = Counter(row.asked for row in best.values())
    named = words["comma"].join(
        words["budget_in_worlds"].format(budget=money(asked or 0), worlds=_worlds(n, answers.worlds, words))
        for asked, n in counts.most_common()
    )
    return [words["best_budget"].format(policy=policy, named=named)]


def survival_table(answers: Answers, words: Words = ENGLISH) -> tuple[list[str], list[list[str]]]:
    """Return who survives: worlds, worst regret and where, mean gain, asset in the mean and in bad worlds."""
    header = [
        words[name]
        for name in ("policy", "survives", "worst_regret", "in_world", "mean_gain", "mean_asset", "bad_worlds")
    ]
    reacting = {row.policy for row in answers.rows if row.feedback}
    rows = [
        [
            each.policy, words["some_of"].format(some=each.worlds, of=answers.worlds),
            money(each.worst_regret)
            if each.worst_regret == each.worst_regret
            else barred_briefly(_breaking(answers, each), words),
            each.breaker if each.worst_regret != 0 else "", _money(each.mean_gain, signed=True),
            _money(each.mean_asset), _money(each.tail_asset),
            *([words["reacts"] if each.policy in reacting else ""] if reacting else []),
        ]
        for each in answers.survivals
    ]  # fmt: skip
    return [*header, *([words["feedback"]] if reacting else [])], rows


def _breaking(answers: Answers, survival: Survival) -> Row:
    """Return where a policy cannot be chosen."""
    return next(
        row for row in answers.rows
        if (row.policy, row.world) == (survival.policy, survival.breaker) and not row.allowed
    )  # fmt: skip


def barred_briefly(row: Row, words: Words = ENGLISH) -> str:
    """Return why a policy cannot be chosen in a world, in a word or two."""
    return words["no_plan" if row.why else "overspends" if row.overspent > 0 else "breaks_rules"]


def barred_in_words(row: Row, words: Words = ENGLISH) -> str:
    """Return why a policy cannot be chosen in a world, after its name, with by how much; nothing where it can."""
    if row.why:
        return words["no_plan_made"]
    money_over = words["spends_more"].format(money=money(row.overspent)) if row.overspent > 0 else ""
    others = [rule_in_words(each, words["language"]) for each in row.broken if not each.budget]
    if not others:
        return money_over
    rules = words["semicolon"].join(others[:MOST_BROKEN])
    if len(others) > MOST_BROKEN:
        rules = words["more_rules"].format(rules=rules, number=len(others) - MOST_BROKEN)
    breaks = words["breaks"].format(rules=rules)
    return words["both"].format(first=money_over, second=breaks) if money_over else breaks


def gain_cell(row: Row, reference: str) -> str:
    """Return a policy's gain in a world, with a mark.

    ``*`` the best, ``~`` too close to the best to call, ``!`` not to be chosen: it overspends or breaks a rule.
    """
    if math.isnan(row.asset):
        return "no plan"
    mark = "!" if not row.allowed else "*" if row.rank == 1 else "" if row.behind else "~"
    return f"{money(row.asset) if row.policy == reference else _money(row.gain, signed=True)}{mark}"


def marks_in_words(answers: Answers) -> str:
    """Return what the marks of gains mean."""
    barred = any(row.breaks for row in answers.rows)
    more = ", ! not to be chosen: overspends or breaks a rule" if barred else ""
    return f"* best, ~ too close to the best to call{more}"


def world_table(answers: Answers, most: int | None = None) -> tuple[list[str], list[list[str]]]:
    """Return the reference's asset and every other policy's gain, a row for each world and budget."""
    policies = [
        answers.reference,
        *(p for p in dict.fromkeys(r.policy for r in answers.rows) if p != answers.reference),
    ]
    several = len({row.asked for row in answers.rows}) > 1
    groups = list(dict.fromkeys((row.world, row.asked) for row in answers.rows))
    cells = {(row.world, row.asked, row.policy): row for row in answers.rows}
    rows = []
    for world, asked in groups[:most]:
        own = [cells[world, asked, policy] for policy in policies]
        budget = [money(asked if asked is not None else own[0].budget)] if several else []
        rows.append([world, *budget, *(gain_cell(row, answers.reference) for row in own)])
    return ["world", *(["budget"] if several else []), *policies], rows


def notes_in_words(answers: Answers, finished: Finished, words: Words = ENGLISH) -> list[str]:
    """Return what the answer rests on, and what of files is not played as written."""
    said = [*barred_policies_in_words(answers, words), *feedback_in_words(answers, words)]
    impossible = [row for row in answers.rows if row.why]
    if impossible:
        first = impossible[0]
        place = {"policy": first.policy, "world": first.world, "why": first.why}
        said.append(words["impossible"].format(number=len(impossible), **place))
    notes = list(
        dict.fromkeys(
            f"{note} ('{cell.world}')" for cell, f in finished.cells.found.items() for note in f.facts["notes"]
        )
    )
    more = len(notes) - MOST_NOTES
    said += notes[:MOST_NOTES] + ([words["more_notes"].format(number=more)] if more > 0 else [])
    said += unspent_in_words(finished, words)
    if finished.damaged:
        said.append(words["damaged"].format(number=finished.damaged))
    if len({found.assets.size for found in finished.cells.found.values()}) > 1:
        sizes = sorted({found.assets.size for found in finished.cells.found.values()})
        said.append(words["replications"].format(low=sizes[0], high=sizes[-1]))
    if any(math.isnan(row.low) and not math.isnan(row.gain) for row in answers.rows):
        said.append(words["one_replication"])
    else:
        said.append(words["intervals"])
    return said + sure_in_words(answers, words)


def sure_in_words(answers: Answers, words: Words = ENGLISH) -> list[str]:
    """Return how sure it is, with what is not known, that the policy that survives most is ahead, where least so."""
    policy = next((each.policy for each in answers.survivals if each.policy != answers.reference), "")
    known = [row for row in answers.rows if row.policy == policy and not math.isnan(row.chance_ahead)]
    if not known:
        return []
    least = min(known, key=lambda row: row.chance_ahead)
    ends = {name: money(getattr(least, f"{name}_all"), signed=True) for name in ("low", "high")}
    return [
        words["sure"].format(
            policy=policy, reference=answers.reference, world=least.world,
            chance=chance_in_words(least.chance_ahead, words), **ends,
            least=words["at_least"] if len(known) > 1 else "",
        )
    ]  # fmt: skip


def chance_in_words(chance: float, words: Words = ENGLISH) -> str:
    """Return a chance in per cent; what was never seen to fail is not called sure."""
    if math.isnan(chance):
        return ""
    said = "> 99" if chance > CERTAIN else "< 1" if chance < 1 - CERTAIN else f"{100 * chance:.0f}"
    return f"{said}{words['percent']}"


def barred_policies_in_words(answers: Answers, words: Words = ENGLISH) -> list[str]:
    """Return which policies cannot be chosen in how many places, and where with a budget or world none can."""
    said = []
    for name in dict.fromkeys(row.policy for row in answers.rows if row.broken):
        barred = [row for row in answers.rows if row.policy == name and row.broken]
        worst = max(barred, key=lambda row: row.overspent)
        places = {"some": len(barred), "of": sum(row.policy == name for row in answers.rows)}
        why = barred_in_words(worst, words)
        said.append(words["barred"].format(policy=name, world=worst.world, why=why, **places))
    groups: dict[tuple[str, float | None], bool] = {}
    for row in answers.rows:
        groups[row.world, row.asked] = groups.get((row.world, row.asked), False) or row.allowed
    empty = [world for (world, _), able in groups.items() if not able]
    if empty:
        said.append(words["empty"].format(number=len(empty), world=empty[0]))
    return said


def feedback_in_words(answers: Answers, words: Words = ENGLISH) -> list[str]:
    """Return which policies react to what they see; nothing where none does, or all do."""
    reacting = dict.fromkeys(row.policy for row in answers.rows if row.feedback)
    if not reacting or len(reacting) == len({row.policy for row in answers.rows}):
        return []
    return [words["reacting"].format(names=words["comma"].join(reacting))]


def unspent_in_words(finished: Finished, words: Words = ENGLISH) -> list[str]:
    """Return whose written money is not spent in the simulation: by more than :data:`UNPLAYED`, in the mean."""
    short: dict[str, tuple[float, float, str]] = {}
    for cell, found in finished.cells.found.items():
        written = found.facts.get("written")
        spent = float(found.spends.mean())
        if written is None or spent >= (1 - UNPLAYED) * written:
            continue
        worst = short.get(cell.policy)
        if worst is None or written - spent > worst[0] - worst[1]:
            short[cell.policy] = written, spent, cell.world
    return [
        words["unspent"].format(
            policy=name, written=money(written), spent=money(spent), world=world, left=money(written - spent)
        )
        for name, (written, spent, world) in short.items()
    ]


def swing_table(
    found: Sequence[Swing], most: int | None = None, words: Words = ENGLISH
) -> tuple[list[str], list[list[str]]]:
    """Return what each drawn number does to gains, and its Sobol' indices where worlds were drawn for them."""
    indices = any(each.first == each.first for each in found)
    header = [words[name] for name in ("number", "policy", "low", "high", "gain_at_low", "gain_at_high", "moves_it")]
    rows = []
    for each in list(found)[:most]:
        name = f"{each.path}" if each.budget is None else f"{each.path} ({money(each.budget)})"
        rows.append(
            [
                name, each.policy, f"{each.low:.4g}", f"{each.high:.4g}", money(each.gain_low, signed=True),
                money(each.gain_high, signed=True), money(each.swing, signed=True),
                *([f"{each.first:.2f} ± {each.first_half:.2f}", f"{each.total:.2f} ± {each.total_half:.2f}"] * indices),
            ]
        )  # fmt: skip
    return [*header, *([words["sobol_first"], words["sobol_total"]] if indices else [])], rows


def information_in_words(
    found: Sequence[Information], currency: str, most: int = 3, words: Words = ENGLISH
) -> list[str]:
    """Return what knowing the world, and a number of it, is worth."""
    unit = f" {currency}".rstrip()
    said = []
    for each in list(found)[:most]:
        what = words["of_family"].format(path=each.path, family=each.family) if each.family else words["which_world"]
        place = "" if each.budget is None else words["at_budget"].format(budget=money(each.budget))
        said.append(words["knowing"].format(what=what, money=money(each.worth), unit=unit, place=place))
    return said


def _money(amount: float, signed: bool = False) -> str:
    return "" if math.isnan(amount) else money(amount, signed=signed)


def _share(share: float, words: Words) -> str:
    return plain(percent(share, exact=True)).replace(" %", words["percent"])


def _worlds(some: int, of: int, words: Words) -> str:
    return words["world" if of == 1 else "worlds"].format(some=some, of=of)
