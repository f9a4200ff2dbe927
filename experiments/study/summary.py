"""What ``tenure demo`` prints."""

import shlex
from pathlib import Path

from experiments.report.answer import headline
from experiments.study.demo import Demo, FitFigure
from experiments.study.without_prospects import by_lever
from experiments.terminal.summary import plan_summary
from experiments.terminal.tables import policy_table
from experiments.words.board import gain_in_words
from experiments.words.figures import money, plain
from experiments.words.kept import rules_broken
from experiments.words.odds import odds_in_words, odds_table, sure_in_words, turns_in_words
from experiments.words.phrases import INTERVALS
from experiments.words.report import report_words
from experiments.words.tables import table

__all__ = ["demo_summary", "fit_table"]


def fit_table(fit: tuple[FitFigure, ...]) -> str:
    """Return computed figures beside published ones, to one digit more than those."""

    def shown(figure: FitFigure) -> str:
        digits = len((figure.published or "").partition(".")[2]) + 1
        return (
            f"{figure.computed:.0f}" if figure.computed == round(figure.computed) else f"{figure.computed:.{digits}f}"
        )

    rows = [[figure.name, figure.published or "", shown(figure)] for figure in fit]
    return table(["fit on weeks 1-39 of the 1/10 sample", "published", "computed"], rows)


def demo_summary(demo: Demo, folder: Path, *, details: bool = False) -> str:
    """Return what ``tenure demo`` prints: the answer; with ``details`` the odds, the fit and the whole plan too."""
    comparison, scenario, currency = demo.comparison, demo.scenario, demo.scenario.currency
    found = comparison.decision
    best, reference = found.best, found.reference
    answer = plain(headline(found, comparison, report_words("en")))
    sure = f"luck alone: {money(best.low, signed=True)} to {money(best.high, signed=True)}"
    known = sure_in_words(best, reference.name)
    sure = f"{known} ({sure})." if known else f"95 % interval with {sure}."
    odds = odds_in_words(comparison)
    more = [
        *rules_broken(comparison), INTERVALS, *(odds if comparison.odds is not None else []), "",
        *([table(*odds_table(comparison)), ""] if comparison.odds is not None else []),
        plan_summary(demo.plan, currency), "", fit_table(demo.fit), "",
    ]  # fmt: skip
    where = "" if folder == Path() else f" --folder {shlex.quote(str(folder))}"
    edited = [f"Used your edited {demo.scenario_path.name}; --force writes the demo's own again."]
    return "\n".join(
        [
            f"{answer}.",
            *([sure] if best is not reference else []),
            *gain_in_words(found),
            *(odds if comparison.odds is None else turns_in_words(comparison.odds.turns)[:1]),
            "",
            f"{scenario.name}, {scenario.periods} {scenario.period}s, {comparison.replications} replications:",
            policy_table(comparison),
            "",
            *(more if details else []),
            *_without(demo),
            "The demo's responses, prospects and margin are illustrative assumptions, not facts about CDNOW.",
            *(edited if demo.kept_scenario else []),
            f"Done in {demo.seconds:.1f} s. Next: open {demo.report}, or",
            f"  tenure ui{where}  (the runs in MLflow)",
            f"  tenure demo{where} --details  (odds, plan, proof and fit)",
            *([f"  tenure repeat {demo.runs.run_id}{where}  (the same once more, bit for bit)"] if details else []),
            "  tenure calibrate YOUR-PURCHASES.csv",
        ]
    )


def _without(demo: Demo) -> list[str]:
    """Return what the plan is without the people who are assumed to be there to be won."""
    found = demo.without
    if found is None:
        return []
    plan = found.plan
    spent = ", ".join(f"{lever} {money(amount)}" for lever, amount in by_lever(plan).items() if amount > 0)
    return [
        f"{found.share_on_them:.0%} of the plan's money is for {found.people:,.0f} people who are assumed, not known. "
        f"Without them today's money for the customers there are, {money(plan.budget)}, goes to {spent}: worth "
        f"{money(plan.asset)} in all, {plan.lift_share:.1%} of the lift that is possible then.",
    ]
