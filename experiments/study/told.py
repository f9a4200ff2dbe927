"""What ``tenure study`` prints: the answer, who survives, every world, what decides, what it rests on, what is next."""

from experiments.study.result import StudyResult
from experiments.study.shown import (
    answer_in_words,
    budgets_in_words,
    information_in_words,
    marks_in_words,
    notes_in_words,
    survival_table,
    swing_table,
    world_table,
)
from experiments.study.turned import turning_in_words, turning_table
from experiments.words.tables import table

__all__ = ["study_summary"]

MOST_ROWS, MOST_SWINGS = 12, 6


def study_summary(result: StudyResult, command: str) -> str:
    """Return what ``tenure study`` prints."""
    answers, finished = result.answers, result.finished
    policies, budgets = len(result.asked.policies), len(result.asked.budgets)
    header, rows = world_table(answers, MOST_ROWS)
    groups = len({(row.world, row.asked) for row in answers.rows})
    sizes = (
        (answers.worlds, "world", "worlds"), (policies, "policy", "policies"), (budgets, "budget", "budgets"),
        (len(result.asked.seeds), "seed", "seeds"),
    )  # fmt: skip
    counts = " x ".join(f"{size} {one if size == 1 else many}" for size, one, many in sizes)
    lines = [
        f"{result.asked.name}: {counts}, {finished.units:,} units ({finished.taken:,} were there), "
        f"{finished.made} plans made ({finished.taken_plans} were there)",
        "",
        answer_in_words(answers, result.currency),
        "",
        table(*survival_table(answers)),
        "",
        f"Asset of '{answers.reference}' and gains against it by world ({marks_in_words(answers)}):",
        "",
        table(header, rows),
        *([f"... and {groups - MOST_ROWS:,} more rows in {result.folder / 'table.csv'}"] if groups > MOST_ROWS else []),
        "",
    ]
    if result.swings:
        lines += [table(*swing_table(result.swings, MOST_SWINGS), left=2), ""]
    turning = result.turning
    if turning is not None and not turning.blind:
        header, rows = turning_table(turning, MOST_SWINGS)
        more, idle = len(turning.turns) - len(rows), turning.left_out
        lines += [
            f"What turns the choice of '{turning.choice}':",
            "",
            *([table(header, rows, left=2)] if rows else []),
            *([f"... and {more:,} more in {result.folder / 'turning.csv'}"] if more > 0 else []),
            *(
                [f"... and {idle:,} worlds with a name that turn nothing, which no file tells by itself"]
                if idle
                else []
            ),
            "",
        ]
    lines += [
        *turning_in_words(turning, result.currency),
        *budgets_in_words(answers),
        *information_in_words(result.information, result.currency),
        *notes_in_words(answers, finished),
        *filter(None, [result.left_out]),
    ]
    lines += [
        f"Report: {result.report}", f"Next: edit the study and ask again, {command}; what is finished is not run twice",
    ]  # fmt: skip
    return "\n".join(lines)
