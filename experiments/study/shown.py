"""A study's answer in words and tables, for the terminal, notebooks and the page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.chosen import UNPLAYED
from experiments.study.answers import Answers, Row, Survival
from experiments.words.figures import money, percent, plain

if TYPE_CHECKING:
    from experiments.study.doubts import Information, Swing
    from experiments.study.run import Finished

__all__ = [
    "answer_in_words", "barred_in_words", "budgets_in_words", "gain_cell", "information_in_words",
    "marks_in_words", "notes_in_words", "survival_table", "swing_table", "title_in_words", "world_table",
]  # fmt: skip

MOST_NOTES = 3
INTERVALS = (
    "Intervals: 95 %, paired over the same customers with the same luck, each by itself; they cover replication noise, "
    "not the assumptions. 'too close to call': not told apart with all of the study's comparisons together (Holm, 5 %)."
)


def answer_in_words(answers: Answers, currency: str) -> str:
    """Return which policy survives most worlds, what it can cost, and which are too close to it to call."""
    first = answers.survivals[0]
    unit = f" {currency}".rstrip()
    said = f"'{first.policy}' is within {_share(answers.within)} of the best in {_worlds(first.worlds, answers.worlds)}"
    if first.worlds == 0 and not any(row.allowed for row in answers.rows):
        return "No policy keeps the budget and the rules anywhere: there is none to choose."
    if math.isnan(first.worst_regret):
        said += f"; in '{first.breaker}' {_barred(answers, first)}."
    elif first.worst_regret == 0:
        said += ": it is the best of these everywhere."
    else:
        said += f"; at worst, in '{first.breaker}', the best is worth {money(first.worst_regret)}{unit} more."
    close = _too_close(answers, first.policy)
    if close:
        said += f" Too close to call with it in {_worlds(answers.worlds, answers.worlds)}: {', '.join(close)}."
    return said


def title_in_words(answers: Answers) -> str:
    """Return the decision: which policy to choose."""
    first = answers.survivals[0]
    if not any(row.allowed for row in answers.rows):
        return "No policy keeps the budget and the rules"
    return f"Choose {first.policy}: it survives {_worlds(first.worlds, answers.worlds)}"


def _too_close(answers: Answers, policy: str) -> list[str]:
    """Return policies that nowhere can be told from the best, where this one cannot either."""

    def never_behind(name: str) -> bool:
        rows = [row for row in answers.rows if row.policy == name]
        return all(row.allowed and not row.behind for row in rows)

    others = [each.policy for each in answers.survivals if each.policy != policy]
    return [f"'{name}'" for name in others if never_behind(name)] if never_behind(policy) else []


def budgets_in_words(answers: Answers) -> list[str]:
    """Return which budget makes the policy that survives most worth most, in how many worlds; nothing of one budget."""
    policy = answers.survivals[0].policy
    best: dict[str, Row] = {}
    for row in answers.rows:
        if row.policy == policy and row.allowed:
            best[row.world] = max(best.get(row.world, row), row, key=lambda each: each.asset)
    if len({row.asked for row in answers.rows}) < 2 or not best:
        return []
    counts = Counter(row.asked for row in best.values())
    named = ", ".join(f"{money(asked or 0)} in {_worlds(n, answers.worlds)}" for asked, n in counts.most_common())
    return [f"Of the budgets '{policy}' is worth most, its money taken off, with {named}."]


def survival_table(answers: Answers) -> tuple[list[str], list[list[str]]]:
    """Return who survives: worlds, worst regret and where, mean gain, asset in the mean and in bad worlds."""
    header = ["policy", "survives", "worst regret", "in world", "mean gain", "mean asset", "bad worlds (CVaR)"]
    reacting = {row.policy for row in answers.rows if row.feedback}
    rows = [
        [
            each.policy, f"{each.worlds} of {answers.worlds}",
            _barred_briefly(answers, each) if math.isnan(each.worst_regret) else money(each.worst_regret),
            each.breaker if each.worst_regret != 0 else "", _money(each.mean_gain, signed=True),
            _money(each.mean_asset), _money(each.tail_asset),
            *(["reacts" if each.policy in reacting else ""] if reacting else []),
        ]
        for each in answers.survivals
    ]  # fmt: skip
    return [*header, *(["feedback"] if reacting else [])], rows


def _breaking(answers: Answers, survival: Survival) -> Row:
    """Return where a policy cannot be chosen."""
    return next(
        row for row in answers.rows
        if (row.policy, row.world) == (survival.policy, survival.breaker) and not row.allowed
    )  # fmt: skip


def _barred(answers: Answers, survival: Survival) -> str:
    return barred_in_words(_breaking(answers, survival))


def _barred_briefly(answers: Answers, survival: Survival) -> str:
    row = _breaking(answers, survival)
    return "no plan" if row.why else "overspends" if row.overspent > 0 else "breaks rules"


def barred_in_words(row: Row) -> str:
    """Return why a policy cannot be chosen in a world, after its name; nothing where it can."""
    if row.why:
        return "no plan can be made"
    if row.overspent > 0:
        return f"it spends {money(row.overspent)} more than the budget"
    return f"it breaks {', '.join(dict.fromkeys(row.breaks))}" if row.breaks else ""


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


def notes_in_words(answers: Answers, finished: Finished) -> list[str]:
    """Return what the answer rests on, and what of files is not played as written."""
    said = [*barred_policies_in_words(answers), *feedback_in_words(answers)]
    impossible = [row for row in answers.rows if row.why]
    if impossible:
        first = impossible[0]
        said.append(
            f"In {len(impossible)} places no plan can be made, e.g. '{first.policy}' in '{first.world}': {first.why}."
        )
    notes = list(
        dict.fromkeys(
            f"{note} ('{cell.world}')" for cell, f in finished.cells.found.items() for note in f.facts["notes"]
        )
    )
    said += notes[:MOST_NOTES] + ([f"{len(notes) - MOST_NOTES} more such notes."] if len(notes) > MOST_NOTES else [])
    said += unspent_in_words(finished)
    if finished.damaged:
        said.append(f"{finished.damaged} files of the store were not whole and were made again.")
    if len({found.assets.size for found in finished.cells.found.values()}) > 1:
        sizes = sorted({found.assets.size for found in finished.cells.found.values()})
        said.append(f"Replications: {sizes[0]} to {sizes[-1]}, added until intervals were narrow.")
    if any(math.isnan(row.low) and not math.isnan(row.gain) for row in answers.rows):
        said.append("One replication: there are no intervals, and nothing can be told apart.")
    else:
        said.append(INTERVALS)
    return said


def barred_policies_in_words(answers: Answers) -> list[str]:
    """Return which policies cannot be chosen in how many places, and where with a budget or world none can."""
    said = []
    for name in dict.fromkeys(row.policy for row in answers.rows if row.breaks):
        barred = [row for row in answers.rows if row.policy == name and row.breaks]
        worst = max(barred, key=lambda row: row.overspent)
        said.append(
            f"'{name}' cannot be chosen in {len(barred)} of {sum(row.policy == name for row in answers.rows)} places: "
            f"in '{worst.world}' {barred_in_words(worst)}. Nobody's regret is measured against it there."
        )
    groups: dict[tuple[str, float | None], bool] = {}
    for row in answers.rows:
        groups[row.world, row.asked] = groups.get((row.world, row.asked), False) or row.allowed
    empty = [world for (world, _), able in groups.items() if not able]
    if empty:
        said.append(
            f"In {len(empty)} places no policy keeps the budget and the rules, e.g. '{empty[0]}': there is no regret."
        )
    return said


def feedback_in_words(answers: Answers) -> list[str]:
    """Return which policies react to what they see; nothing where none does, or all do."""
    reacting = dict.fromkeys(row.policy for row in answers.rows if row.feedback)
    if not reacting or len(reacting) == len({row.policy for row in answers.rows}):
        return []
    return [f"Reacting to what they see: {', '.join(reacting)}; all others are set in advance."]


def unspent_in_words(finished: Finished) -> list[str]:
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
        f"'{name}' is written to spend {money(written)} and spends {money(spent)} in '{world}': "
        f"{money(written - spent)} finds nobody, or is more than may be spent."
        for name, (written, spent, world) in short.items()
    ]


def swing_table(found: Sequence[Swing], most: int | None = None) -> tuple[list[str], list[list[str]]]:
    """Return what each drawn number does to gains, and its Sobol' indices where worlds were drawn for them."""
    indices = any(each.first == each.first for each in found)
    header = ["number", "policy", "low", "high", "gain at low", "gain at high", "moves it by"]
    rows = []
    for each in list(found)[:most]:
        name = f"{each.path}" if each.budget is None else f"{each.path} ({money(each.budget)})"
        rows.append(
            [
                name, each.policy, f"{each.low:.4g}", f"{each.high:.4g}", money(each.gain_low, signed=True),
                money(each.gain_high, signed=True), money(each.swing, signed=True),
                *([f"{each.first:.2f}", f"{each.total:.2f}"] if indices else []),
            ]
        )  # fmt: skip
    return [*header, *(["Sobol' first", "total"] if indices else [])], rows


def information_in_words(found: Sequence[Information], currency: str, most: int = 3) -> list[str]:
    """Return what knowing the world, and a number of it, is worth."""
    unit = f" {currency}".rstrip()
    said = []
    for each in list(found)[:most]:
        what = f"{each.path} of '{each.family}'" if each.family else "which world it is"
        place = "" if each.budget is None else f" (budget {money(each.budget)})"
        said.append(f"Knowing {what} before choosing is worth {money(each.worth)}{unit}{place}, worlds equally likely.")
    return said


def _money(amount: float, signed: bool = False) -> str:
    return "" if math.isnan(amount) else money(amount, signed=signed)


def _share(share: float) -> str:
    return plain(percent(share, exact=True))


def _worlds(some: int, of: int) -> str:
    return f"{some} of {of} world{'s' * (of != 1)}"
