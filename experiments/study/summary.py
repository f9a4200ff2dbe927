"""What ``tenure demo`` prints."""

import shlex
from pathlib import Path

from experiments.compare import Comparison
from experiments.decision import Decision
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
    """Return what ``tenure demo`` prints: the answer; with ``details`` what it rests on and the whole plan too."""
    comparison, scenario = demo.comparison, demo.scenario
    found = comparison.decision
    where = "" if folder == Path() else f" --folder {shlex.quote(str(folder))}"
    edited = [f"Used your edited {demo.scenario_path.name}; --force writes the demo's own again."]
    return "\n".join(
        [
            f"{plain(headline(found, comparison, report_words('en')))}.",
            *_sure(comparison, found),
            *gain_in_words(found, years=details),
            *_without(demo, details),
            "",
            policy_table(comparison, () if details else ("interval", "count")),
            "",
            *(_details(demo) if details else []),
            "Responses, prospects and margin are illustrative assumptions, not facts about CDNOW.",
            *(edited if demo.kept_scenario else []),
            f"Done in {demo.seconds:.1f} s, {scenario.periods} {scenario.period}s, {comparison.replications} "
            f"replications: open {demo.report}; --details prints odds, plan, proof and fit.",
            *([f"Next: tenure repeat {demo.runs.run_id}{where}  (the same, bit for bit), or"] if details else []),
            f"Next: tenure ui{where}  (the runs in MLflow), or tenure calibrate YOUR-PURCHASES.csv",
        ]
    )


def _sure(comparison: Comparison, found: Decision) -> list[str]:
    """Return between what the gain lies, and which assumption would turn the choice."""
    best, reference = found.best, found.reference
    if best is reference:
        return []
    luck = f"luck alone: {money(best.low, signed=True)} to {money(best.high, signed=True)}"
    known = sure_in_words(best, reference.name)
    odds = comparison.odds
    turns = odds_in_words(comparison) if odds is None else turns_in_words(odds.turns)[:1]
    return [" ".join([f"{known} ({luck})." if known else f"95 % interval with {luck}.", *turns])]


def _details(demo: Demo) -> list[str]:
    comparison = demo.comparison
    odds = [*odds_in_words(comparison), "", table(*odds_table(comparison))] if comparison.odds is not None else []
    plan = plan_summary(demo.plan, demo.scenario.currency)
    return [*rules_broken(comparison), INTERVALS, *odds, "", plan, "", fit_table(demo.fit), ""]


def _without(demo: Demo, details: bool) -> list[str]:
    """Return what the plan is without the people who are assumed to be there to be won."""
    found = demo.without
    if found is None:
        return []
    plan = found.plan
    spent = ", ".join(f"{lever} {money(amount)}" for lever, amount in by_lever(plan).items() if amount > 0)
    worth = f": worth {money(plan.asset)} in all, {plan.lift_share:.1%} of the lift that is possible then" * details
    return [
        f"{found.share_on_them:.0%} of the plan's money is for {found.people:,.0f} people who are assumed, not known; "
        f"without them {money(plan.budget)} goes to {spent}{worth}."
    ]
